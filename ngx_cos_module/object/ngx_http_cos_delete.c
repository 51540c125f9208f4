/*
 * DeleteObject and DeleteObjects. What does not exist is deleted already; what
 * exists gets a tombstone on disk before it goes from Redis.
 */

#include "ngx_http_cos_object.h"


static ngx_int_t del_done(ngx_http_cos_ctx_t *ctx);
static ngx_int_t del_build(ngx_http_cos_commit_t *c);


ngx_uint_t
ngx_http_cos_version_wanted(ngx_http_cos_ctx_t *ctx)
{
    size_t  i;

    for (i = 0; i < ctx->http.args.n; i++) {
        if (cos_str_iis(ctx->http.args.v[i].name, "versionid")
            && ctx->http.args.v[i].value.len
            && !cos_str_is(ctx->http.args.v[i].value, "null"))
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_cos_delete_object(ngx_http_cos_ctx_t *ctx)
{
    cos_err_e               err;
    ngx_http_cos_commit_t  *c;

    if (ngx_http_cos_version_wanted(ctx)) {
        return ngx_http_cos_fail(ctx, COS_E_NO_SUCH_VERSION, NULL);
    }

    c = ngx_pcalloc(ctx->request->pool, sizeof(ngx_http_cos_commit_t));
    if (c == NULL) {
        return NGX_ERROR;
    }

    err = ngx_http_cos_condition(ctx, c);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, NULL);
    }

    if (!ctx->object_known) {
        return ngx_http_cos_reply(ctx, NGX_HTTP_NO_CONTENT, NULL);
    }

    c->json.kind = COS_J_DELETE;
    c->json.bid = ctx->bucket.id;
    c->json.key = ctx->name.key;
    c->drop[0] = ctx->object_fact.key;
    c->build = del_build;

    return ngx_http_cos_commit(ctx, c, del_done);
}


static ngx_int_t
del_build(ngx_http_cos_commit_t *c)
{
    ngx_str_t   *a = c->argv;
    ngx_pool_t  *pool = c->ctx->request->pool;

    ngx_str_set(&a[0], "FCALL");
    ngx_str_set(&a[1], "cos_del");
    ngx_str_set(&a[2], "1");
    a[3] = c->drop[0];
    a[4] = c->ctx->bucket.id;
    a[5] = c->ctx->name.key;

    if (ngx_http_cos_decimal(pool, c->inc, &a[6]) != NGX_OK
        || ngx_http_cos_decimal(pool, c->json.seq, &a[7]) != NGX_OK)
    {
        return NGX_ERROR;
    }

    a[8] = c->cond;
    a[9] = c->arg;
    c->argc = 10;

    return NGX_OK;
}


static ngx_int_t
del_done(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_cos_commit_t  *c = ctx->commit;

    if (!c->ok) {
        return ngx_http_cos_commit_fail(ctx, c);
    }

    return ngx_http_cos_reply(ctx, NGX_HTTP_NO_CONTENT, NULL);
}
