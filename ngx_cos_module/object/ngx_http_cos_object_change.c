/*
 * Amending an object's record.
 *
 *   amend_make   the new record
 *   amend_done   committed, or somebody was faster
 *   amend_again  the current record has come
 */

#include "ngx_http_cos_amend.h"
#include "ngx_http_cos_object.h"
#include "ngx_http_cos_rights.h"


/* each time somebody was faster: as many as write at once */
#define MAX_TRIES  32


static ngx_int_t amend_make(ngx_http_cos_ctx_t *ctx);
static ngx_int_t amend_done(ngx_http_cos_ctx_t *ctx);
static ngx_int_t amend_again(ngx_http_cos_ctx_t *ctx);


ngx_int_t
ngx_http_cos_ask_again(ngx_http_cos_ctx_t *ctx, ngx_http_cos_step_pt next)
{
    if (ngx_http_cos_ask(ctx, &ctx->object_fact, 1, next) != NGX_AGAIN) {
        return ngx_http_cos_fail(ctx, COS_E_UNAVAILABLE, NULL);
    }

    return NGX_AGAIN;
}


cos_err_e
ngx_http_cos_asked_again(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_cos_fact_t  *f = &ctx->object_fact;

    if (f->failed) {
        return COS_E_UNAVAILABLE;
    }

    ctx->object_known = (f->value.len != 0);

    return ctx->object_known
           && cos_object_decode(&ctx->object, f->value, &ctx->alloc) != 0
           ? COS_E_INTERNAL : COS_OK;
}


ngx_int_t
ngx_http_cos_amend(ngx_http_cos_ctx_t *ctx, ngx_http_cos_amend_t *a)
{
    /* it is found by its commit, which is its first member */
    ctx->commit = &a->commit;

    return ngx_http_cos_goto(ctx, amend_make);
}


static ngx_int_t
amend_make(ngx_http_cos_ctx_t *ctx)
{
    cos_err_e               err;
    ngx_http_cos_amend_t   *a = (ngx_http_cos_amend_t *) ctx->commit;
    ngx_http_cos_commit_t  *c = &a->commit;

    ngx_memzero(&c->json, sizeof(cos_json_t));

    c->json.kind = COS_J_OBJECT;
    c->json.bid = ctx->bucket.id;
    c->json.key = ctx->name.key;
    c->json.object = ctx->object;
    c->json.object.rev = 0;

    err = a->change(ctx, &c->json.object, a->data);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    c->drop[0] = ctx->object_fact.key;
    c->build = ngx_http_cos_put_build;
    c->data = a;

    ngx_str_set(&c->cond, "seq");

    if (ngx_http_cos_decimal(ctx->request->pool, ctx->object.seq, &c->arg)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* an object read from Redis may be ahead of our clock */
    ngx_http_cos_seq_above(ctx->object.seq);

    return ngx_http_cos_commit(ctx, c, amend_done);
}


static ngx_int_t
amend_done(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_cos_amend_t   *a = (ngx_http_cos_amend_t *) ctx->commit;
    ngx_http_cos_commit_t  *c = &a->commit;

    if (c->ok) {
        return ngx_http_cos_goto(ctx, a->done);
    }

    if (c->err != COS_OK || ngx_strcmp(c->status, "CONFLICT") != 0
        || ++a->tries == MAX_TRIES)
    {
        return ngx_http_cos_commit_fail(ctx, c);
    }

    return ngx_http_cos_ask_again(ctx, amend_again);
}


static ngx_int_t
amend_again(ngx_http_cos_ctx_t *ctx)
{
    cos_err_e              err;
    ngx_http_cos_amend_t  *a = (ngx_http_cos_amend_t *) ctx->commit;

    err = ngx_http_cos_asked_again(ctx);

    if (err == COS_OK) {
        /* somebody else's, perhaps, by now */
        err = ngx_http_cos_may_tag(ctx, a->tags, a->ntags);
    }

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, NULL);
    }

    return ngx_http_cos_goto(ctx, amend_make);
}
