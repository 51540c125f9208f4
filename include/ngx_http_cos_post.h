/*
 * object, PostObject: what a form's fields mean.
 */

#ifndef NGX_HTTP_COS_POST_H
#define NGX_HTTP_COS_POST_H

#include "ngx_http_cos_object.h"
#include "cos_post.h"

#pragma GCC visibility push(hidden)

typedef struct {
    ngx_http_cos_put_t      put;      /* must be first */
    cos_form_t              form;
    ngx_chain_t            *in;       /* received, and not all read */
    uint64_t                min;      /* of the file */
    cos_err_e               err;
    unsigned                in_thread:1;
} ngx_http_cos_post_t;

/* The dialect of a form is that of its fields; without a hint in them that of
 * the request. */
void ngx_http_cos_post_dialect(ngx_http_cos_ctx_t *ctx, const cos_form_t *f);
/* Sets ctx->name.key: the field, ${filename} replaced. COS_E_POST_KEY and the
 * errors of cos_name_key. */
cos_err_e ngx_http_cos_post_key(ngx_http_cos_ctx_t *ctx, const cos_form_t *f);
/* Makes the fields the headers of the request, instead of its own: what a form
 * asks for is what its fields say. */
cos_err_e ngx_http_cos_post_headers(ngx_http_cos_ctx_t *ctx,
    const cos_form_t *f);
/* The status of a success: 303 with *url, 200, 201 or 204. */
ngx_uint_t ngx_http_cos_post_status(const cos_form_t *f, cos_str_t *url);

#pragma GCC visibility pop

#endif
