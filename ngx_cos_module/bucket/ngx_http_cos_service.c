/*
 * ListBuckets: the names of all buckets, then their records, of which those
 * of the caller are listed.
 */

#include "ngx_http_cos_object.h"


typedef struct {
    ngx_http_cos_query_t    query;
    cos_err_e               err;
    ngx_uint_t              n;        /* names */
    ngx_str_t              *keys;     /* b:<name>, behind "MGET" */
    cos_buf_t               out;
} service_t;


static ngx_int_t names_known(ngx_http_cos_ctx_t *ctx);
static ngx_int_t service_done(ngx_http_cos_ctx_t *ctx);


static void
take_names(ngx_http_cos_ctx_t *ctx, redisReply *reply, void *data)
{
    u_char       *p;
    service_t    *s = data;
    ngx_uint_t    i;
    redisReply   *e;

    s->err = COS_E_UNAVAILABLE;

    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY) {
        return;
    }

    s->keys = ngx_palloc(ctx->request->pool,
                         (reply->elements + 1) * sizeof(ngx_str_t));
    if (s->keys == NULL) {
        return;
    }

    ngx_str_set(&s->keys[0], "MGET");

    for (i = 0; i < reply->elements; i++) {
        e = reply->element[i];

        p = ngx_pnalloc(ctx->request->pool, e->len + 2);
        if (p == NULL) {
            return;
        }

        s->keys[i + 1].data = p;
        s->keys[i + 1].len = e->len + 2;
        p = ngx_cpymem(p, "b:", 2);
        ngx_memcpy(p, e->str, e->len);
    }

    s->n = reply->elements;
    s->err = COS_OK;
}


ngx_int_t
ngx_http_cos_list_buckets(ngx_http_cos_ctx_t *ctx)
{
    service_t  *s;
    ngx_str_t   a[4];

    s = ngx_pcalloc(ctx->request->pool, sizeof(service_t));
    if (s == NULL) {
        return NGX_ERROR;
    }

    ctx->op = s;

    ngx_str_set(&a[0], "ZRANGE");
    ngx_str_set(&a[1], "B");
    ngx_str_set(&a[2], "0");
    ngx_str_set(&a[3], "-1");

    s->query.take = take_names;
    s->query.data = s;

    if (ngx_http_cos_query(ctx, &s->query, NGX_HTTP_COS_SLOW, 4, a,
                           names_known)
        != NGX_AGAIN)
    {
        return ngx_http_cos_fail(ctx, COS_E_UNAVAILABLE, NULL);
    }

    return NGX_AGAIN;
}


static void
write_buckets(ngx_http_cos_ctx_t *ctx, service_t *s, redisReply *reply)
{
    size_t             i, n, count;
    cos_str_t          rec, none = { 0, NULL };
    cos_bucket_t       k;
    cos_xml_bucket_t  *v;

    count = reply ? reply->elements : 0;

    v = ngx_palloc(ctx->request->pool, (count + 1) * sizeof(cos_xml_bucket_t));
    if (v == NULL) {
        s->err = COS_E_INTERNAL;
        return;
    }

    for (i = 0, n = 0; i < count; i++) {

        if (reply->element[i]->type != REDIS_REPLY_STRING) {
            continue;
        }

        rec.data = (u_char *) reply->element[i]->str;
        rec.len = reply->element[i]->len;

        if (cos_bucket_decode(&k, rec) != 0
            || k.owner != ctx->identity.uid)
        {
            continue;
        }

        v[n].name = k.name;
        v[n].created = k.created;
        v[n].region = ctx->lcf->region.len ? ctx->lcf->region
                      : k.region.len ? k.region : ctx->lcf->default_region;
        n++;
    }

    cos_buf_init(&s->out, &ctx->alloc, 512 + 200 * n);
    cos_xml_buckets(&s->out, ctx->name.dialect, ctx->identity.uid,
                    ctx->identity.name, v, n, none, none, 0);
}


static void
take_records(ngx_http_cos_ctx_t *ctx, redisReply *reply, void *data)
{
    service_t  *s = data;

    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY) {
        s->err = COS_E_UNAVAILABLE;
        return;
    }

    write_buckets(ctx, s, reply);
}


static ngx_int_t
names_known(ngx_http_cos_ctx_t *ctx)
{
    service_t  *s = ctx->op;

    if (s->err != COS_OK) {
        return ngx_http_cos_fail(ctx, s->err, NULL);
    }

    if (s->n == 0) {
        write_buckets(ctx, s, NULL);
        return ngx_http_cos_goto(ctx, service_done);
    }

    s->query.take = take_records;

    if (ngx_http_cos_query(ctx, &s->query, NGX_HTTP_COS_SLOW, (int) s->n + 1,
                           s->keys, service_done)
        != NGX_AGAIN)
    {
        return ngx_http_cos_fail(ctx, COS_E_UNAVAILABLE, NULL);
    }

    return NGX_AGAIN;
}


static ngx_int_t
service_done(ngx_http_cos_ctx_t *ctx)
{
    service_t  *s = ctx->op;

    if (s->err != COS_OK) {
        return ngx_http_cos_fail(ctx, s->err, NULL);
    }

    return ngx_http_cos_reply(ctx, NGX_HTTP_OK, &s->out);
}
