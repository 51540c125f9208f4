/*
 * object: encryption at rest as requests ask for it, answers tell of it, and
 * bytes go through it. See cos_sse.h for what is stored.
 */

#ifndef NGX_HTTP_COS_SSE_H
#define NGX_HTTP_COS_SSE_H

#include "ngx_http_cos.h"
#include "cos_ingest.h"
#include "cos_sse.h"

#pragma GCC visibility push(hidden)

/* A key that a client sent (SSE-C). */
typedef struct {
    unsigned        given:1;
    cos_u8          key[COS_SSE_KEY];
    ngx_str_t       md5;              /* base64, as sent */
} ngx_http_cos_customer_t;

/* ctx->sse: keys of one request. Erased when the request ends. */
typedef struct ngx_http_cos_sse_s {
    ngx_str_t                attr;    /* COS_X_SSE of what is written */
    cos_crypt_t             *crypt;   /* of what is written or read, with its
                                         data key; NULL: it is plain */
    cos_crypt_t             *source;  /* of a copy's source, likewise */
    cos_u8                   nonce[COS_CRYPT_NONCE];
    ngx_http_cos_customer_t  customer;
    ngx_http_cos_customer_t  copied;  /* of a copy's source */
} ngx_http_cos_sse_t;

/* How a new object is to be encrypted: by the request's headers, else by the
 * bucket's default. Sets o->attr[COS_X_SSE] with a new data key. */
cos_err_e ngx_http_cos_sse_ask(ngx_http_cos_ctx_t *ctx, cos_object_t *o);
/* The keys of an upload, for a part: checks that the request repeats what the
 * upload was begun with. */
cos_err_e ngx_http_cos_sse_part(ngx_http_cos_ctx_t *ctx, cos_object_t *upload);
/* The keys of an object that is read. */
cos_err_e ngx_http_cos_sse_read(ngx_http_cos_ctx_t *ctx, cos_object_t *o);
/* Those of a copy's source. */
cos_err_e ngx_http_cos_sse_source(ngx_http_cos_ctx_t *ctx, cos_object_t *o);
/* Whether the copy o, as asked for, may have the source's bytes as they lie
 * there; then its attributes are the source's, sealed under the key that seals
 * what is new. */
ngx_uint_t ngx_http_cos_sse_share(ngx_http_cos_ctx_t *ctx, cos_object_t *o,
    const cos_object_t *source);

/* Has an ingest encrypt what it stores, when that is to be done. */
cos_err_e ngx_http_cos_sse_begin(ngx_http_cos_ctx_t *ctx, cos_ingest_t *in);
/* Adds the nonce of what was stored to its record; it lives with the request. */
void ngx_http_cos_sse_record(ngx_http_cos_ctx_t *ctx, cos_object_t *o);

/* Headers of an answer about what is or becomes an object with that COS_X_SSE;
 * nothing when it is plain. */
ngx_int_t ngx_http_cos_sse_headers(ngx_http_cos_ctx_t *ctx, ngx_str_t *attr);

/* Whether what a bucket's default asks for can be done: COS_OK, or what a
 * request for it would be told. key: id of a named key, empty: the default. */
cos_err_e ngx_http_cos_sse_possible(ngx_http_cos_ctx_t *ctx, cos_sse_e type,
    ngx_str_t *key);

#pragma GCC visibility pop

#endif
