/*
 * object: symbolic links. A link is an object without bytes that names another
 * key of its bucket (COS_X_TARGET); reading it reads that one.
 */

#ifndef NGX_HTTP_COS_SYMLINK_H
#define NGX_HTTP_COS_SYMLINK_H

#include "ngx_http_cos.h"

#pragma GCC visibility push(hidden)

/* If the request's object is a link, ctx->object and ctx->object_fact become
 * what it names, in its current version: who asks may read it, and it is no
 * link. Then next, or an answer. */
ngx_int_t ngx_http_cos_follow(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_step_pt next);

#pragma GCC visibility pop

#endif
