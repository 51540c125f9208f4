/*
 * PutObject.
 *
 *   put_begin   headers: what to store, what the client promises
 *   put_taken   the body is in memory or in a container of its own
 *   put_durable that container is on disk (small ones join the pack later)
 *   put_done    committed or refused: answer
 */

#include "ngx_http_cos_class.h"


static ngx_int_t put_durable(ngx_http_cos_ctx_t *ctx);
static ngx_int_t put_done(ngx_http_cos_ctx_t *ctx);


ngx_int_t
ngx_http_cos_put_object(ngx_http_cos_ctx_t *ctx)
{
    cos_err_e            err;
    ngx_http_cos_put_t  *p;

    p = ngx_pcalloc(ctx->request->pool, sizeof(ngx_http_cos_put_t));
    if (p == NULL) {
        return NGX_ERROR;
    }

    ctx->op = p;

    err = ngx_http_cos_put_init(ctx, p);

    if (err == COS_OK) {
        p->take.slot = ngx_http_cos_store_slot(p->commit.json.object.cls);
        err = ngx_http_cos_take_init(ctx, &p->take);
    }

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    return ngx_http_cos_take(ctx, &p->take, ngx_http_cos_put_taken);
}


cos_err_e
ngx_http_cos_put_init(ngx_http_cos_ctx_t *ctx, ngx_http_cos_put_t *p)
{
    cos_err_e  err;

    err = ngx_http_cos_object_from_headers(ctx, &p->commit.json.object);

    return err != COS_OK ? err : ngx_http_cos_condition(ctx, &p->commit);
}


ngx_int_t
ngx_http_cos_put_taken(ngx_http_cos_ctx_t *ctx)
{
    cos_json_t          *j;
    ngx_http_cos_put_t  *p = ctx->op;

    j = &p->commit.json;

    if (p->take.err != COS_OK) {
        return ngx_http_cos_fail(ctx, p->take.err, NULL);
    }

    j->kind = COS_J_OBJECT;
    j->bid = ctx->bucket.id;
    j->key = ctx->name.key;

    ngx_http_cos_take_record(&p->take, &j->object);

    return ngx_http_cos_take_finish(ctx, &p->take, j, put_durable);
}


static ngx_int_t
put_durable(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_cos_put_t     *p = ctx->op;
    ngx_http_cos_commit_t  *c = &p->commit;

    c->build = ngx_http_cos_put_build;

    if (ngx_http_cos_object_key(ctx, &ctx->bucket.id, &ctx->name.key,
                                &c->drop[0])
        != NGX_OK)
    {
        ngx_http_cos_unhold(ctx);
        return NGX_ERROR;
    }

    return ngx_http_cos_take_commit(ctx, &p->take, c, put_done);
}


ngx_int_t
ngx_http_cos_take_commit(ngx_http_cos_ctx_t *ctx, ngx_http_cos_take_t *t,
    ngx_http_cos_commit_t *c, ngx_http_cos_step_pt next)
{
    if (t->err != COS_OK) {
        ngx_http_cos_unhold(ctx);
        return ngx_http_cos_fail(ctx, t->err, NULL);
    }

    t->commit = c;
    c->slot = t->slot;

    if (t->in.in_solo) {
        c->solo = t->solo;

    } else {
        c->payload.data = t->in.mem;
        c->payload.len = t->in.mem_len;
        c->payload_crc = t->in.disk_crc64;
    }

    return ngx_http_cos_commit(ctx, c, next);
}


static ngx_int_t
put_done(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_cos_put_t     *p = ctx->op;
    ngx_http_cos_commit_t  *c = &p->commit;

    if (!c->ok) {
        return ngx_http_cos_commit_fail(ctx, c);
    }

    return p->answer ? p->answer(ctx, &c->json.object)
                     : ngx_http_cos_uploaded(ctx, &c->json.object);
}


ngx_int_t
ngx_http_cos_uploaded(ngx_http_cos_ctx_t *ctx, cos_object_t *o)
{
    if (ngx_http_cos_object_headers(ctx, o) != NGX_OK
        || ngx_http_cos_class_header(ctx, o) != NGX_OK
        || ngx_http_cos_checksum_headers(ctx, o) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_cos_reply(ctx, NGX_HTTP_OK, NULL);
}
