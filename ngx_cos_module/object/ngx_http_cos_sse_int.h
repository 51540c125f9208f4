/*
 * object, encryption only: what headers say, for whoever has the keys.
 */

#ifndef NGX_HTTP_COS_SSE_INT_H
#define NGX_HTTP_COS_SSE_INT_H

#include "ngx_http_cos_sse.h"

#pragma GCC visibility push(hidden)

/* Whether there is any header of encryption: mostly there is none. */
ngx_uint_t ngx_http_cos_sse_mentioned(ngx_http_cos_ctx_t *ctx);
/* What kind of encryption is asked for, as sent; empty: none. */
cos_str_t ngx_http_cos_sse_kind(ngx_http_cos_ctx_t *ctx);
/* The key that a client sent, for the source of a copy or else the object: all
 * of its headers, or none (c->given is clear). ctx->reason may be set. */
cos_err_e ngx_http_cos_sse_customer(ngx_http_cos_ctx_t *ctx,
    ngx_uint_t source, ngx_http_cos_customer_t *c);
/* What the headers ask for; s, zeroed, stays so when they say nothing. The
 * customer's key goes to ctx->sse. */
cos_err_e ngx_http_cos_sse_asked(ngx_http_cos_ctx_t *ctx, cos_sse_t *s);
/* What the bucket's default asks for. */
cos_err_e ngx_http_cos_sse_default(ngx_http_cos_ctx_t *ctx, cos_sse_t *s);

#pragma GCC visibility pop

#endif
