/*
 * object: changes to what is known of an object, its bytes staying where they
 * are: ACL, tags and the like. A new description is appended, which names the
 * bytes, and replaces the record only if nobody else did meanwhile; otherwise
 * the change is made to the current one.
 */

#ifndef NGX_HTTP_COS_AMEND_H
#define NGX_HTTP_COS_AMEND_H

#include "ngx_http_cos_commit.h"
#include "cos_attr.h"

#pragma GCC visibility push(hidden)

typedef struct {
    ngx_http_cos_commit_t   commit;
    ngx_uint_t              tries;
    /* makes of *o, the record as it is, what it is to be; called again with
     * another record when that was replaced. An error is answered, with
     * ctx->reason. */
    cos_err_e             (*change)(ngx_http_cos_ctx_t *ctx, cos_object_t *o,
                                    void *data);
    void                   *data;
    ngx_http_cos_step_pt    done;
    cos_tag_t              *tags;     /* that the object gets; or NULL */
    size_t                  ntags;
} ngx_http_cos_amend_t;

/* Amends the request's object (ctx->object, which the gate has fetched past
 * the cache); a is zeroed but for change, data, done and
 * tags. done runs when it is
 * committed; a failure is answered. */
ngx_int_t ngx_http_cos_amend(ngx_http_cos_ctx_t *ctx, ngx_http_cos_amend_t *a);

#pragma GCC visibility pop

#endif
