/*
 * DeleteObject. What does not exist is deleted already; what exists gets a
 * tombstone on disk before it goes from Redis. In a bucket that has or had
 * versioning a deletion hides the key behind a delete marker, which is a
 * version without bytes, and only the deletion of a version removes one.
 */

#include "ngx_http_cos_bucket.h"
#include "ngx_http_cos_class.h"
#include "ngx_http_cos_rights.h"


#define MAX_TRIES  3

typedef struct {
    ngx_http_cos_commit_t  commit;
    cos_seg_t              seg;       /* of a marker: no bytes, but a place */
    ngx_uint_t             tries;
} del_t;


static ngx_int_t del_mark(ngx_http_cos_ctx_t *ctx, del_t *d);
static ngx_int_t del_version(ngx_http_cos_ctx_t *ctx);
static ngx_int_t del_build(ngx_http_cos_commit_t *c);
static ngx_int_t del_done(ngx_http_cos_ctx_t *ctx);
static ngx_int_t del_again(ngx_http_cos_ctx_t *ctx);
static ngx_int_t mark_done(ngx_http_cos_ctx_t *ctx);


ngx_int_t
ngx_http_cos_delete_object(ngx_http_cos_ctx_t *ctx)
{
    del_t                  *d;
    cos_err_e               err;
    ngx_http_cos_commit_t  *c;

    d = ngx_pcalloc(ctx->request->pool, sizeof(del_t));
    if (d == NULL) {
        return NGX_ERROR;
    }

    ctx->op = d;
    c = &d->commit;

    err = ngx_http_cos_condition(ctx, c);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, NULL);
    }

    c->json.bid = ctx->bucket.id;
    c->json.key = ctx->name.key;
    c->drop[0] = ctx->object_fact.key;

    if (ctx->version_arg) {
        return ngx_http_cos_goto(ctx, del_version);
    }

    if (ctx->bucket.versioning != COS_VERSIONING_NONE) {
        return del_mark(ctx, d);
    }

    if (!ctx->object_known) {
        return ngx_http_cos_reply(ctx, NGX_HTTP_NO_CONTENT, NULL);
    }

    c->json.kind = COS_J_DELETE;
    c->build = del_build;

    return ngx_http_cos_commit(ctx, c, del_done);
}


/* --- a delete marker --------------------------------------------------------- */

void
ngx_http_cos_marker(ngx_http_cos_ctx_t *ctx, cos_json_t *j, cos_seg_t *seg)
{
    cos_object_t  *o = &j->object;

    ngx_memzero(o, sizeof(cos_object_t));
    ngx_memzero(seg, sizeof(cos_seg_t));

    j->kind = COS_J_OBJECT;
    j->self = 1;

    o->flags = COS_F_MARKER;
    o->mtime = ngx_http_cos_now();
    o->header[COS_H_CONTENT_TYPE] = COS_STR("application/octet-stream");
    o->segs = seg;
    o->nsegs = 1;

    if (ctx->identity.known && ctx->identity.uid != ctx->bucket.owner) {
        o->owner = ctx->identity.uid;
    }
}


static ngx_int_t
del_mark(ngx_http_cos_ctx_t *ctx, del_t *d)
{
    ngx_http_cos_commit_t  *c = &d->commit;

    ngx_http_cos_marker(ctx, &c->json, &d->seg);
    c->build = ngx_http_cos_put_build;

    return ngx_http_cos_commit(ctx, c, mark_done);
}


static ngx_int_t
mark_done(ngx_http_cos_ctx_t *ctx)
{
    del_t                  *d = ctx->op;
    ngx_http_cos_commit_t  *c = &d->commit;

    if (!c->ok) {
        return ngx_http_cos_commit_fail(ctx, c);
    }

    if (ngx_http_cos_marker_headers(ctx, cos_object_version(&c->json.object))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_cos_reply(ctx, NGX_HTTP_NO_CONTENT, NULL);
}


/* --- a version ---------------------------------------------------------------- */

cos_err_e
ngx_http_cos_may_remove(ngx_http_cos_ctx_t *ctx, cos_str_t key,
    const cos_str_t *version, cos_object_t *o)
{
    cos_err_e             err;
    ngx_http_cos_place_t  place;

    /* those of their owner, or the bucket's, or by a policy */
    ngx_http_cos_place(ctx, &place);
    place.key = key;
    place.object = o;
    place.version = version;

    err = ngx_http_cos_may(ctx, &place,
                           ctx->name.op == COS_OP_DELETE_OBJECTS
                           ? COS_ACT_DELETE_MANY_VERSION
                           : COS_ACT_DELETE_VERSION, NGX_HTTP_COS_PERM_OWN);
    if (err != COS_OK) {
        return err;
    }

    ctx->reason = cos_lock_refuses(o, ngx_http_cos_now(),
                                   ngx_http_cos_bypasses(ctx, key));

    return ctx->reason ? ngx_http_cos_locked(ctx) : COS_OK;
}


static ngx_int_t
version_gone(ngx_http_cos_ctx_t *ctx)
{
    uint64_t   version = ctx->object_fact.version;
    ngx_int_t  rc;

    rc = ctx->object_known && (ctx->object.flags & COS_F_MARKER)
         ? ngx_http_cos_marker_headers(ctx, version)
         : ngx_http_cos_version_header(ctx, "version-id", version);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_cos_reply(ctx, NGX_HTTP_NO_CONTENT, NULL);
}


/* The version was read and judged; the commit finds it as it was read, or says
 * so. */
static ngx_int_t
del_version(ngx_http_cos_ctx_t *ctx)
{
    del_t                  *d = ctx->op;
    cos_err_e               err;
    ngx_http_cos_commit_t  *c = &d->commit;

    if (!ctx->object_known) {
        return version_gone(ctx);
    }

    err = ngx_http_cos_may_remove(ctx, ctx->name.key,
                                  &ctx->version_arg->value, &ctx->object);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    if (ngx_http_cos_test_conditions(&ctx->object,
                                     cos_header(&ctx->http, "if-match"),
                                     NULL, NULL, NULL)
        != NGX_OK)
    {
        return ngx_http_cos_fail(ctx, COS_E_PRECONDITION_FAILED, NULL);
    }

    c->json.kind = COS_J_DELETE;
    c->json.version = ctx->object_fact.version;
    c->build = del_build;

    ngx_str_set(&c->cond, "seq");

    if (ngx_http_cos_decimal(ctx->request->pool, ctx->object.seq, &c->arg)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_cos_seq_above(ctx->object.seq);

    return ngx_http_cos_commit(ctx, c, del_done);
}


ngx_int_t
ngx_http_cos_del_args(ngx_pool_t *pool, ngx_str_t *a, const cos_json_t *j,
    uint64_t inc, ngx_str_t *cond, ngx_str_t *arg)
{
    ngx_str_set(&a[0], "FCALL");
    ngx_str_set(&a[1], "cos_del");
    ngx_str_set(&a[2], "1");
    /* a[3]: the object's key in Redis */
    a[4] = j->bid;
    a[5] = j->key;
    a[8] = *cond;
    a[9] = *arg;

    if (ngx_http_cos_decimal(pool, inc, &a[6]) != NGX_OK
        || ngx_http_cos_decimal(pool, j->seq, &a[7]) != NGX_OK
        || ngx_http_cos_decimal(pool, j->version, &a[10]) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
del_build(ngx_http_cos_commit_t *c)
{
    c->argv[3] = c->drop[0];
    c->argc = c->ctx->version_arg ? NGX_HTTP_COS_DEL_ARGS
                                  : NGX_HTTP_COS_DEL_ARGS - 1;

    return ngx_http_cos_del_args(c->ctx->request->pool, c->argv, &c->json,
                                 c->inc, &c->cond, &c->arg);
}


static ngx_int_t
del_done(ngx_http_cos_ctx_t *ctx)
{
    del_t                  *d = ctx->op;
    ngx_http_cos_commit_t  *c = &d->commit;

    if (ctx->version_arg && c->err == COS_OK && !c->ok
        && (ngx_strcmp(c->status, "CONFLICT") == 0
            || ngx_strcmp(c->status, "NOKEY") == 0)
        && ++d->tries < MAX_TRIES)
    {
        return ngx_http_cos_ask_again(ctx, del_again);
    }

    if (!c->ok) {
        return ngx_http_cos_commit_fail(ctx, c);
    }

    if (ctx->version_arg) {
        return version_gone(ctx);
    }

    return ngx_http_cos_reply(ctx, NGX_HTTP_NO_CONTENT, NULL);
}


static ngx_int_t
del_again(ngx_http_cos_ctx_t *ctx)
{
    cos_err_e  err;

    err = ngx_http_cos_asked_again(ctx);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, NULL);
    }

    return ngx_http_cos_goto(ctx, del_version);
}
