/*
 * auth: what the request's identity may do. Everything that has to be allowed
 * is asked for here, by the gate for most operations, and by those that know
 * only later what they touch: the source of a copy, the target of a link, each
 * key of a DeleteObjects.
 */

#ifndef NGX_HTTP_COS_RIGHTS_H
#define NGX_HTTP_COS_RIGHTS_H

#include "ngx_http_cos.h"
#include "cos_attr.h"

#pragma GCC visibility push(hidden)

/* What an action is done to. */
typedef struct {
    cos_bucket_t          *bucket;    /* NULL: none there is */
    ngx_http_cos_kept_t   *kept;      /* of the fact that bucket came from */
    cos_str_t              key;       /* empty: the bucket itself */
    cos_object_t          *object;    /* its record; NULL: none, or not known */
    const cos_policy_t    *policy;    /* instead of the bucket's; or NULL */
    cos_tag_t             *tags;      /* that it would get, of a document; NULL:
                                         those of the header */
    size_t                 ntags;
    const cos_str_t       *version;   /* as it was asked for; NULL: none was */
} ngx_http_cos_place_t;

/* What goes along with something else. */
typedef struct {
    cos_action_e               action;
    cos_action_e               first; /* the other, and its permission */
    ngx_http_cos_perm_e        perm;
    const cos_policy_about_t  *about; /* which header of it asks for that; NULL:
                                         none does */
} ngx_http_cos_along_t;

/* The request's own bucket, key and object. */
void ngx_http_cos_place(ngx_http_cos_ctx_t *ctx, ngx_http_cos_place_t *p);

/*
 * Whether that may be done there. perm: the permission that an ACL can give for
 * it. COS_OK, COS_E_ACCESS_DENIED, or COS_E_INTERNAL when the rules could not
 * be read.
 */
cos_err_e ngx_http_cos_may(ngx_http_cos_ctx_t *ctx,
    const ngx_http_cos_place_t *p, cos_action_e action,
    ngx_http_cos_perm_e perm);

/*
 * Whether what goes along with something may be done there, too. When a policy
 * allows the other, it has to allow this as well (S3: s3:PutObjectAcl beside
 * s3:PutObject); of a bucket's policy it suffices that what allows the other has
 * a condition on the header. What the owner or an ACL allows (and no session
 * narrows) is not to be denied explicitly. Errors as above.
 */
cos_err_e ngx_http_cos_may_too(ngx_http_cos_ctx_t *ctx,
    const ngx_http_cos_place_t *p, const ngx_http_cos_along_t *along);

/* What to answer when a key is not there: that it is missing is for those who
 * may list. err to them, else COS_E_ACCESS_DENIED or COS_E_INTERNAL. */
cos_err_e ngx_http_cos_missing(ngx_http_cos_ctx_t *ctx,
    const ngx_http_cos_place_t *p, cos_err_e err);

/* Whether the bucket's policy, or who asks by theirs, has a say at all: without
 * that, rights do not depend on keys. COS_OK with *yes, or COS_E_INTERNAL. */
cos_err_e ngx_http_cos_has_policies(ngx_http_cos_ctx_t *ctx,
    const ngx_http_cos_place_t *p, ngx_uint_t *yes);

/* The gate's question: everything that must hold before the operation runs. */
cos_err_e ngx_http_cos_authorise(ngx_http_cos_ctx_t *ctx);
/* The operation's own action and permission once more, on ctx->object as it is
 * now. */
cos_err_e ngx_http_cos_still_may(ngx_http_cos_ctx_t *ctx);
/* The same for an operation that gives the object those tags; NULL: those of the
 * header. */
cos_err_e ngx_http_cos_may_tag(ngx_http_cos_ctx_t *ctx, cos_tag_t *tags,
    size_t n);

/* What the ACLs say: the only place that reads them to decide
 * (auth/ngx_http_cos_grants.c). Owners are granted everything by theirs, unless
 * grants leave them out, except that NONE is granted to nobody. */
cos_grant_e ngx_http_cos_grant(ngx_http_cos_ctx_t *ctx,
    const ngx_http_cos_place_t *p, ngx_http_cos_perm_e perm,
    const cos_who_t *who);
/* Whether the ACL leaves the owner out: S3 lets them say so. */
ngx_uint_t ngx_http_cos_omits_owner(ngx_http_cos_ctx_t *ctx,
    const ngx_http_cos_place_t *p, ngx_http_cos_perm_e perm);

#pragma GCC visibility pop

#endif
