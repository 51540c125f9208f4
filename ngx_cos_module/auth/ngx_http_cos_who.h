/*
 * auth, inside the room: who asks. The gate fetches the facts, this says which,
 * and what they prove.
 */

#ifndef NGX_HTTP_COS_WHO_H
#define NGX_HTTP_COS_WHO_H

#include "ngx_http_cos.h"

#pragma GCC visibility push(hidden)

/* Makes ctx->cred_fact that of the access key, or of the one that a token was
 * issued to; leaves it alone where neither needs one. NGX_DECLINED: there can be
 * no such key. */
ngx_int_t ngx_http_cos_who_key(ngx_http_cos_ctx_t *ctx);
/* When that is known: makes ctx->user_fact that of the user, if there is one
 * whose record counts. */
ngx_int_t ngx_http_cos_who_user(ngx_http_cos_ctx_t *ctx);
/* When that is known: proves the signature and fills ctx->identity. COS_OK, or an
 * error with ctx->reason. */
cos_err_e ngx_http_cos_who_prove(ngx_http_cos_ctx_t *ctx);

#pragma GCC visibility pop

#endif
