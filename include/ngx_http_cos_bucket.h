/*
 * bucket: what its operations share, and what a bucket's configuration allows.
 */

#ifndef NGX_HTTP_COS_BUCKET_H
#define NGX_HTTP_COS_BUCKET_H

#include "ngx_http_cos_commit.h"
#include "cos_attr.h"

#pragma GCC visibility push(hidden)

/* A change of the bucket's record. */
typedef struct {
    ngx_http_cos_commit_t   commit;
    ngx_uint_t              tries;
    /* makes of *k, the record as it is, what it is to be; text from the
     * request's pool. An error is answered, with ctx->reason. */
    cos_err_e             (*change)(ngx_http_cos_ctx_t *ctx, cos_bucket_t *k,
                                    void *data);
    void                   *data;
    ngx_http_cos_step_pt    done;
    ngx_str_t               id;       /* private: of the bucket meant */
} ngx_http_cos_bucket_change_t;

/* Replaces the record of the request's bucket; b is zeroed but for change,
 * data and done. When somebody else was faster, the change is made to what they
 * left. done runs when it is committed, or when there was nothing to change; a
 * failure is answered. */
ngx_int_t ngx_http_cos_bucket_change(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_bucket_change_t *b);

/* Builds a call of cos_bucket_put: json.bucket is created when c->arg is empty,
 * else it replaces the record of that seq; drop[0] is its key in Redis. */
ngx_int_t ngx_http_cos_bucket_build(ngx_http_cos_commit_t *c);

/* Drops from the cache what it holds of the index for the domains of *k. */
ngx_int_t ngx_http_cos_domain_drop(ngx_http_cos_ctx_t *ctx,
    const cos_bucket_t *k);

/* Reads headers of PutBucket that configure the new bucket into *k: lock,
 * ownership, tags. */
cos_err_e ngx_http_cos_bucket_headers(ngx_http_cos_ctx_t *ctx,
    cos_bucket_t *k);


/* Whether that ACL may be given to the request's bucket or to an object in it
 * (public access block, ownership). grants: as records keep them; given: the
 * client says so, be it what is the default. COS_E_ACCESS_DENIED,
 * COS_E_ACL_NOT_SUPPORTED. */
cos_err_e ngx_http_cos_acl_allowed(ngx_http_cos_ctx_t *ctx, cos_acl_e acl,
    cos_str_t grants, ngx_uint_t given);
/* The ACLs that are there, and whether the configuration lets them count. */
void ngx_http_cos_bucket_acl(cos_bucket_t *bucket, cos_acl_t *a);
void ngx_http_cos_object_acl(cos_bucket_t *bucket, cos_object_t *object,
    cos_acl_t *a);
/* Whose an object is. */
uint64_t ngx_http_cos_object_owner(cos_bucket_t *bucket, cos_object_t *object);
/* Whether the request's bucket takes what others write there as its owner's;
 * acl: of the object. */
ngx_uint_t ngx_http_cos_owner_takes(ngx_http_cos_ctx_t *ctx, cos_acl_e acl);
/* Whether the bucket is whose the request says it must be: in the header
 * x-...-<name>, a uid, if there is one. */
ngx_uint_t ngx_http_cos_owner_expected(ngx_http_cos_ctx_t *ctx,
    cos_bucket_t *bucket, const char *name);
/* Whether the bucket's owner pays for the request, or who asks has agreed to:
 * 0 must be refused. */
ngx_uint_t ngx_http_cos_paid(ngx_http_cos_ctx_t *ctx, cos_bucket_t *bucket);
/* Says in the answer that who asks pays, when it is so. */
ngx_int_t ngx_http_cos_charged(ngx_http_cos_ctx_t *ctx);

#pragma GCC visibility pop

#endif
