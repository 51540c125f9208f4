/*
 * bucket, inside the room: what the listings of a bucket share. Each is one
 * call of a function in Redis, over the connection for slow calls, and one
 * document, written while the reply lives: nothing of it needs to be copied.
 */

#ifndef NGX_HTTP_COS_LISTING_H
#define NGX_HTTP_COS_LISTING_H

#include "ngx_http_cos_object.h"

#pragma GCC visibility push(hidden)

typedef struct ngx_http_cos_listing_s  ngx_http_cos_listing_t;

/* First member of what is ctx->op. */
struct ngx_http_cos_listing_s {
    /* Writes the document of a good reply, whose elements are e, into out. An
     * error is answered as COS_E_INTERNAL: what Redis holds is damaged, or
     * there is no memory. */
    ngx_int_t             (*write)(ngx_http_cos_ctx_t *ctx,
                                   ngx_http_cos_listing_t *l, redisReply **e);
    size_t                  elements; /* that a good reply has, at least */
    cos_buf_t               out;
    /* private */
    ngx_http_cos_query_t    query;
    cos_err_e               err;
};

/* Allocates what a listing needs, zeroed, as ctx->op; size: of the structure
 * that begins with an ngx_http_cos_listing_t. NULL: out of memory. */
void *ngx_http_cos_listing_create(ngx_http_cos_ctx_t *ctx, size_t size);
/* What all listings read from the query: encoding-type, and how many entries
 * at most (parameter max_name; 1,000, which is the most as well, when absent).
 * COS_E_INVALID_ARGUMENT. */
cos_err_e ngx_http_cos_listing_args(ngx_http_cos_ctx_t *ctx,
    const char *max_name, ngx_uint_t *url, uint64_t *max);
/* Calls a function, which is a[1], on the bucket's index with that letter
 * (PROTOCOL.md), and answers with the document. a has argc elements, of which
 * those from a[5] on are the caller's as well; the rest is filled in. Ends the
 * operation: the return value is what the step returns. */
ngx_int_t ngx_http_cos_listing_ask(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_listing_t *l, const char *letter, ngx_str_t *a, int argc);

/* A string in a reply, not copied. */
cos_str_t ngx_http_cos_listing_text(const redisReply *e);
/* Elements of an array in a reply as spans, every step-th from first, which
 * point into the reply; *n: how many. NULL: out of memory. */
cos_str_t *ngx_http_cos_spans(ngx_http_cos_ctx_t *ctx, redisReply *list,
    size_t first, size_t step, size_t *n);

#pragma GCC visibility pop

#endif
