/*
 * Listings of a bucket: parameters, the call, its reply. See
 * ngx_http_cos_listing.h.
 */

#include "ngx_http_cos_listing.h"


static void listing_take(ngx_http_cos_ctx_t *ctx, redisReply *reply,
    void *data);
static ngx_int_t listing_done(ngx_http_cos_ctx_t *ctx);


/* --- parameters ------------------------------------------------------------------- */

cos_err_e
ngx_http_cos_number_arg(ngx_http_cos_ctx_t *ctx, const char *name,
    uint64_t dflt, uint64_t max, uint64_t *n)
{
    const cos_arg_t  *a;

    *n = dflt;
    a = cos_arg(&ctx->http.args, name);

    if (a == NULL || a->value.len == 0) {
        return COS_OK;
    }

    if (cos_str_uint(a->value, n) != 0 || *n > INT32_MAX) {
        return COS_E_INVALID_ARGUMENT;
    }

    *n = ngx_min(*n, max);

    return COS_OK;
}


cos_err_e
ngx_http_cos_encoding_arg(ngx_http_cos_ctx_t *ctx, ngx_uint_t *url)
{
    const cos_arg_t  *a;

    *url = 0;
    a = cos_arg(&ctx->http.args, "encoding-type");

    if (a == NULL || a->value.len == 0) {
        return COS_OK;
    }

    if (!cos_str_is(a->value, "url")) {
        return COS_E_INVALID_ARGUMENT;
    }

    *url = 1;

    return COS_OK;
}


cos_str_t
ngx_http_cos_text_arg(ngx_http_cos_ctx_t *ctx, const char *name)
{
    cos_str_t         none = { 0, NULL };
    const cos_arg_t  *a;

    a = cos_arg(&ctx->http.args, name);

    return a ? a->value : none;
}


cos_err_e
ngx_http_cos_listing_args(ngx_http_cos_ctx_t *ctx, const char *max_name,
    ngx_uint_t *url, uint64_t *max)
{
    cos_err_e  err;

    err = ngx_http_cos_encoding_arg(ctx, url);

    return err != COS_OK ? err
           : ngx_http_cos_number_arg(ctx, max_name, 1000, 1000, max);
}


/* --- the call ----------------------------------------------------------------------- */

void *
ngx_http_cos_listing_create(ngx_http_cos_ctx_t *ctx, size_t size)
{
    ctx->op = ngx_pcalloc(ctx->request->pool, size);

    return ctx->op;
}


ngx_int_t
ngx_http_cos_listing_ask(ngx_http_cos_ctx_t *ctx, ngx_http_cos_listing_t *l,
    const char *letter, ngx_str_t *a, int argc)
{
    ngx_str_t  none;

    ngx_str_null(&none);
    ngx_str_set(&a[0], "FCALL_RO");
    ngx_str_set(&a[2], "1");
    a[4] = ctx->bucket.id;

    if (ngx_http_cos_rkey(ctx->request->pool, letter, &ctx->bucket.id, &none,
                          &a[3])
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    l->query.take = listing_take;
    l->query.data = l;

    if (ngx_http_cos_query(ctx, &l->query, NGX_HTTP_COS_SLOW, argc, a,
                           listing_done)
        != NGX_AGAIN)
    {
        return ngx_http_cos_fail(ctx, COS_E_UNAVAILABLE, NULL);
    }

    return NGX_AGAIN;
}


/* What is wrong with a reply. */
static cos_err_e
reply_error(const redisReply *reply, size_t elements)
{
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY
        || reply->elements == 0
        || reply->element[0]->type != REDIS_REPLY_STRING)
    {
        return COS_E_UNAVAILABLE;
    }

    if (ngx_strcmp(reply->element[0]->str, "NOBUCKET") == 0) {
        return COS_E_NO_SUCH_BUCKET;
    }

    return ngx_strcmp(reply->element[0]->str, "OK") == 0
           && reply->elements >= elements ? COS_OK : COS_E_INTERNAL;
}


static void
listing_take(ngx_http_cos_ctx_t *ctx, redisReply *reply, void *data)
{
    ngx_http_cos_listing_t  *l = data;

    l->err = reply_error(reply, l->elements);

    if (l->err == COS_OK && l->write(ctx, l, reply->element) != NGX_OK) {
        l->err = COS_E_INTERNAL;
    }
}


static ngx_int_t
listing_done(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_cos_listing_t  *l = ctx->op;

    if (l->err != COS_OK) {
        return ngx_http_cos_fail(ctx, l->err, NULL);
    }

    return ngx_http_cos_reply(ctx, NGX_HTTP_OK, &l->out);
}


/* --- replies ------------------------------------------------------------------------ */

cos_str_t
ngx_http_cos_listing_text(const redisReply *e)
{
    cos_str_t  s = { e->len, (u_char *) e->str };

    return s;
}


cos_str_t *
ngx_http_cos_spans(ngx_http_cos_ctx_t *ctx, redisReply *list, size_t first,
    size_t step, size_t *n)
{
    size_t      i;
    cos_str_t  *v;

    *n = list->elements / step;
    v = ngx_palloc(ctx->request->pool, (*n + 1) * sizeof(cos_str_t));

    for (i = 0; v && i < *n; i++) {
        v[i] = ngx_http_cos_listing_text(list->element[first + i * step]);
    }

    return v;
}
