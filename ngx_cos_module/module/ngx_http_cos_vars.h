/*
 * module, inside the room: texts of variables. Each makes *out, from the
 * request's pool unless it says otherwise. NGX_OK, or NGX_ERROR when out of
 * memory.
 */

#ifndef NGX_HTTP_COS_VARS_H
#define NGX_HTTP_COS_VARS_H

#include "ngx_http_cos.h"

#pragma GCC visibility push(hidden)

/* What was written into b, which keeps its memory. */
ngx_int_t ngx_http_cos_var_finish(cos_buf_t *b, ngx_str_t *out);
/* text itself, which must be static. */
ngx_int_t ngx_http_cos_var_literal(const char *text, ngx_str_t *out);
ngx_int_t ngx_http_cos_var_decimal(ngx_http_cos_ctx_t *ctx, int64_t n,
    ngx_str_t *out);
/* s itself when there is nothing to encode; what the client encoded stays as it
 * is. */
ngx_int_t ngx_http_cos_var_printable(ngx_http_cos_ctx_t *ctx, cos_str_t s,
    ngx_str_t *out);
/* The same, added to b; b->err is set when out of memory. */
void ngx_http_cos_var_add_printable(cos_buf_t *b, cos_str_t s);
/* before, then s percent-encoded, but for slashes. */
ngx_int_t ngx_http_cos_var_encoded(ngx_http_cos_ctx_t *ctx,
    const char *before, cos_str_t s, ngx_str_t *out);

#pragma GCC visibility pop

#endif
