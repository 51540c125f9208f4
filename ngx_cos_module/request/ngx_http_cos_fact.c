/*
 * Facts: what a request asks Redis for, through the shared cache.
 *
 * The record of an object is that of its current version, or of the one that
 * the request names: the current one is looked at first, then Redis is asked
 * for the other, which is not cached. A current delete marker means that there
 * is no object; who has to know about the marker finds it in the fact.
 */

#include "ngx_http_cos.h"


ngx_int_t
ngx_http_cos_object_fact(ngx_http_cos_ctx_t *ctx, ngx_http_cos_fact_t *f,
    ngx_str_t *bid, ngx_str_t *key)
{
    f->object = 1;
    f->bid = *bid;
    f->name = *key;

    return ngx_http_cos_object_key(ctx, bid, key, &f->key);
}


/* Whether the record is of the version that is asked for. */
static ngx_uint_t
is_wanted(ngx_http_cos_fact_t *f, ngx_str_t *rec)
{
    cos_object_t  o;

    return rec->len && cos_object_decode(&o, *rec, NULL) == 0
           && cos_object_version(&o) == f->version;
}


/* A value has come: to a request that names no version, a delete marker is
 * nothing. */
static void
settle(ngx_http_cos_fact_t *f)
{
    cos_object_t  o;

    f->marker = 0;

    if (!f->object || f->value.len < COS_RECORD_HEAD
        || !(f->value.data[1] & COS_F_MARKER)
        || cos_object_decode(&o, f->value, NULL) != 0)
    {
        return;
    }

    f->marker = 1;
    f->marker_version = cos_object_version(&o);

    if (!f->by_version) {
        ngx_str_null(&f->value);
    }
}


ngx_int_t
ngx_http_cos_bucket_fact(ngx_http_cos_ctx_t *ctx, ngx_http_cos_fact_t *f,
    ngx_str_t *name)
{
    f->keep = 1;
    f->key.len = 2 + name->len;
    f->key.data = ngx_pnalloc(ctx->request->pool, f->key.len);

    if (f->key.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(ngx_cpymem(f->key.data, "b:", 2), name->data, name->len);

    return NGX_OK;
}


ngx_int_t
ngx_http_cos_user_fact(ngx_http_cos_ctx_t *ctx, ngx_http_cos_fact_t *f,
    uint64_t number)
{
    f->keep = 1;
    f->key.data = ngx_pnalloc(ctx->request->pool, 3 + NGX_INT64_LEN);

    if (f->key.data == NULL) {
        return NGX_ERROR;
    }

    f->key.len = ngx_sprintf(f->key.data, "u:@%uL", number) - f->key.data;

    return NGX_OK;
}


static void
keep(ngx_http_cos_fact_t *f, ngx_pool_t *pool, redisReply *reply)
{
    f->value.len = reply->len;
    f->value.data = f->buf;

    if (f->value.len > sizeof(f->buf)) {
        f->value.data = ngx_pnalloc(pool, f->value.len);
    }

    if (f->value.data) {
        ngx_memcpy(f->value.data, reply->str, f->value.len);
        f->failed = 0;
    }
}


static void
refused(ngx_http_cos_ctx_t *ctx, redisReply *reply)
{
    if (reply && reply->type == REDIS_REPLY_ERROR) {
        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                      "cos %V: Redis refused a read: %*s", &ctx->id,
                      (size_t) reply->len, reply->str);
    }
}


/* The records that were found, at most one. */
static void
version_reply(ngx_http_cos_call_t *call, redisReply *reply)
{
    ngx_http_cos_ctx_t   *ctx;
    ngx_http_cos_fact_t  *f = call->data;

    ctx = f->ctx;
    f->done = 1;
    f->failed = 1;
    ngx_str_null(&f->value);

    if (reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 1) {
        f->failed = 0;

    } else if (reply && reply->type == REDIS_REPLY_ARRAY
               && reply->elements == 2
               && reply->element[1]->type == REDIS_REPLY_STRING)
    {
        keep(f, ctx->request->pool, reply->element[1]);
    }

    refused(ctx, reply);
    settle(f);
    ngx_http_cos_arrived(ctx);
}


static void
fact_reply(ngx_http_cos_call_t *call, redisReply *reply)
{
    ngx_http_cos_ctx_t   *ctx;
    ngx_http_cos_fact_t  *f = call->data;

    ctx = f->ctx;
    f->done = 1;
    f->failed = 1;

    if (reply && reply->type == REDIS_REPLY_NIL) {
        f->failed = 0;
        ngx_str_null(&f->value);
        ngx_http_cos_cache_set(&f->key, &f->mark, &f->value);

    } else if (reply && reply->type == REDIS_REPLY_STRING) {

        keep(f, ctx->request->pool, reply);

        if (!f->failed) {
            ngx_http_cos_cache_set(&f->key, &f->mark, &f->value);
        }
    }

    if (f->keep && !f->failed && ngx_http_cos_kept_new(ctx, f) != NGX_OK) {
        f->failed = 1;
    }

    refused(ctx, reply);
    settle(f);
    ngx_http_cos_arrived(ctx);
}


/* NGX_DECLINED: unknown to the cache, or not what is asked for. */
static ngx_int_t
from_cache(ngx_http_cos_ctx_t *ctx, ngx_http_cos_fact_t *f)
{
    ngx_int_t  rc;

    f->mark.stamp = f->keep ? ngx_http_cos_kept_stamp(f) : 0;

    rc = ngx_http_cos_cache_get(&f->key, f->buf, sizeof(f->buf),
                                ctx->request->pool, &f->value, &f->mark);

    if (rc == NGX_DONE) {
        return ngx_http_cos_kept_same(ctx, f);
    }

    if (rc == NGX_OK && f->keep) {
        return ngx_http_cos_kept_new(ctx, f);
    }

    if (rc == NGX_OK && f->by_version && !is_wanted(f, &f->value)) {
        return NGX_DECLINED;
    }

    return rc;
}


static int
ask_version(ngx_http_cos_ctx_t *ctx, ngx_http_cos_fact_t *f, ngx_str_t *argv)
{
    f->call.handler = version_reply;
    ngx_str_set(&argv[0], "FCALL_RO");
    ngx_str_set(&argv[1], "cos_find");
    ngx_str_set(&argv[2], "1");
    argv[3] = f->key;
    argv[4] = f->bid;
    argv[5] = f->name;
    argv[6].data = ngx_pnalloc(ctx->request->pool, NGX_INT64_LEN);

    if (argv[6].data == NULL) {
        return 0;
    }

    argv[6].len = ngx_sprintf(argv[6].data, "%uL", f->version) - argv[6].data;

    return 7;
}


ngx_int_t
ngx_http_cos_ask(ngx_http_cos_ctx_t *ctx, ngx_http_cos_fact_t *f,
    ngx_uint_t fresh, ngx_http_cos_step_pt next)
{
    int        argc;
    ngx_int_t  rc;
    ngx_str_t  argv[7];

    f->ctx = ctx;
    f->done = 0;
    f->failed = 0;
    f->mark.token = 0;
    f->mark.stamp = 0;

    if (!fresh) {
        rc = from_cache(ctx, f);

        if (rc != NGX_DECLINED) {
            f->done = (rc == NGX_OK);
            f->failed = (rc != NGX_OK);
            settle(f);
            return rc;
        }
    }

    f->call.data = f;

    if (f->by_version) {
        argc = ask_version(ctx, f, argv);

    } else {
        f->call.handler = fact_reply;
        ngx_str_set(&argv[0], "GET");
        argv[1] = f->key;
        argc = 2;
    }

    ngx_http_cos_expect(ctx, next);

    if (argc == 0
        || ngx_http_cos_redis_call(&f->call, 0, argc, argv) != NGX_OK)
    {
        ngx_http_cos_unexpect(ctx);
        return NGX_DECLINED;
    }

    return NGX_AGAIN;
}


static void
query_reply(ngx_http_cos_call_t *call, redisReply *reply)
{
    ngx_http_cos_query_t  *q = call->data;

    q->take(q->ctx, reply, q->data);
    ngx_http_cos_arrived(q->ctx);
}


ngx_int_t
ngx_http_cos_query(ngx_http_cos_ctx_t *ctx, ngx_http_cos_query_t *q,
    ngx_uint_t flags, int argc, const ngx_str_t *argv,
    ngx_http_cos_step_pt next)
{
    q->ctx = ctx;
    q->call.handler = query_reply;
    q->call.data = q;

    ngx_http_cos_expect(ctx, next);

    if (ngx_http_cos_redis_call(&q->call, flags, argc, argv) != NGX_OK) {
        ngx_http_cos_unexpect(ctx);
        return NGX_DECLINED;
    }

    return NGX_AGAIN;
}
