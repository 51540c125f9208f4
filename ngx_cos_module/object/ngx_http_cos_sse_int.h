/*
 * object, encryption only: what headers say, for whoever has the keys.
 */

#ifndef NGX_HTTP_COS_SSE_INT_H
#define NGX_HTTP_COS_SSE_INT_H

#include "ngx_http_cos_sse.h"

#pragma GCC visibility push(hidden)

/* Names of headers behind x-cos-, x-amz- or x-bce-. */
#define SSE       "server-side-encryption"
#define CUSTOMER  "server-side-encryption-customer-"
#define COPIED    "copy-source-server-side-encryption-customer-"

/* Whether there is any header of the family SSE: mostly there is none. */
ngx_uint_t ngx_http_cos_sse_mentioned(ngx_http_cos_ctx_t *ctx);
/* The key that a client sent, by the headers of family CUSTOMER or COPIED: all
 * of them, or none (c->given is clear). ctx->reason may be set. */
cos_err_e ngx_http_cos_sse_customer(ngx_http_cos_ctx_t *ctx,
    const char *family, ngx_http_cos_customer_t *c);
/* What the headers ask for; s, zeroed, stays so when they say nothing. The
 * customer's key goes to ctx->sse. */
cos_err_e ngx_http_cos_sse_asked(ngx_http_cos_ctx_t *ctx, cos_sse_t *s);
/* What the bucket's default asks for. */
cos_err_e ngx_http_cos_sse_default(ngx_http_cos_ctx_t *ctx, cos_sse_t *s);

#pragma GCC visibility pop

#endif
