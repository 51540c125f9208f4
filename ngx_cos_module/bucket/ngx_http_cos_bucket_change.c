/*
 * Changes of a bucket's record. The record is replaced only if it is still the
 * one that the change was made to; otherwise the current one is fetched and
 * the change made to that.
 *
 *   change_make   the new record
 *   change_done   committed, or somebody was faster
 *   change_again  the current record has come
 */

#include "ngx_http_cos_bucket.h"


/* each time somebody was faster: as many as write at once */
#define MAX_TRIES  32


static ngx_int_t change_make(ngx_http_cos_ctx_t *ctx);
static ngx_int_t change_done(ngx_http_cos_ctx_t *ctx);
static ngx_int_t change_again(ngx_http_cos_ctx_t *ctx);


/* The change is found by its commit, which is its first member. */
static ngx_http_cos_bucket_change_t *
current(ngx_http_cos_ctx_t *ctx)
{
    return (ngx_http_cos_bucket_change_t *) ctx->commit;
}


ngx_int_t
ngx_http_cos_bucket_change(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_bucket_change_t *b)
{
    ctx->commit = &b->commit;

    return ngx_http_cos_goto(ctx, change_make);
}


static ngx_uint_t
is_same(const cos_bucket_t *a, const cos_bucket_t *b)
{
    ngx_uint_t  i;

    for (i = 0; i < COS_BX_MAX; i++) {
        if (!cos_str_eq(a->attr[i], b->attr[i])) {
            return 0;
        }
    }

    return a->acl == b->acl && a->versioning == b->versioning;
}


static ngx_int_t
change_make(ngx_http_cos_ctx_t *ctx)
{
    cos_err_e                      err;
    ngx_http_cos_bucket_change_t  *b = current(ctx);
    ngx_http_cos_commit_t         *c = &b->commit;

    ngx_memzero(&c->json, sizeof(cos_json_t));
    c->json.kind = COS_J_BUCKET;
    c->json.bid = ctx->bucket.id;
    c->json.bucket = ctx->bucket;

    err = b->change(ctx, &c->json.bucket, b->data);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    if (is_same(&ctx->bucket, &c->json.bucket)) {
        return ngx_http_cos_goto(ctx, b->done);
    }

    c->drop[0] = ctx->bucket_fact.key;
    c->build = ngx_http_cos_bucket_build;
    c->data = b;

    ngx_http_cos_seq_above(ctx->bucket.seq);

    if (ngx_http_cos_decimal(ctx->request->pool, ctx->bucket.seq, &c->arg)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_cos_commit(ctx, c, change_done);
}


/* On every outcome, as the commit does with the record. */
static ngx_int_t
drop_domains(ngx_http_cos_ctx_t *ctx, ngx_http_cos_commit_t *c)
{
    cos_str_t  *was = &ctx->bucket.attr[COS_BX_DOMAIN];

    if (cos_str_eq(*was, c->json.bucket.attr[COS_BX_DOMAIN])) {
        return NGX_OK;
    }

    if (ngx_http_cos_domain_drop(ctx, &ctx->bucket) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_cos_domain_drop(ctx, &c->json.bucket);
}


static ngx_int_t
change_done(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_cos_bucket_change_t  *b = current(ctx);
    ngx_http_cos_commit_t         *c = &b->commit;

    if (drop_domains(ctx, c) != NGX_OK) {
        return NGX_ERROR;
    }

    if (c->ok) {
        return ngx_http_cos_goto(ctx, b->done);
    }

    if (c->err != COS_OK || ngx_strcmp(c->status, "CONFLICT") != 0
        || ++b->tries == MAX_TRIES)
    {
        return ngx_http_cos_commit_fail(ctx, c);
    }

    /* what the record says is in the memory that the next one comes to */

    b->id.len = ctx->bucket.id.len;
    b->id.data = ngx_pstrdup(ctx->request->pool, &ctx->bucket.id);

    if (b->id.data == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_cos_ask(ctx, &ctx->bucket_fact, 1, change_again)
        != NGX_AGAIN)
    {
        return ngx_http_cos_fail(ctx, COS_E_UNAVAILABLE, NULL);
    }

    return NGX_AGAIN;
}


/* The bucket may be another one of that name by now, and somebody else's. */
static ngx_int_t
change_again(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_cos_bucket_change_t  *b = current(ctx);

    if (ctx->bucket_fact.failed) {
        return ngx_http_cos_fail(ctx, COS_E_UNAVAILABLE, NULL);
    }

    if (ctx->bucket_fact.value.len == 0) {
        return ngx_http_cos_fail(ctx, COS_E_NO_SUCH_BUCKET, NULL);
    }

    if (cos_bucket_decode(&ctx->bucket, ctx->bucket_fact.value) != 0) {
        return ngx_http_cos_fail(ctx, COS_E_INTERNAL, NULL);
    }

    if (!cos_str_eq(b->id, ctx->bucket.id)) {
        return ngx_http_cos_fail(ctx, COS_E_NO_SUCH_BUCKET, NULL);
    }

    return ngx_http_cos_goto(ctx, change_make);
}


/* --- the call ----------------------------------------------------------------- */

/* What the functions in Redis hold writes to, as pairs behind the record. */
static ngx_int_t
add_rules(ngx_http_cos_commit_t *c, const cos_bucket_t *k)
{
    ngx_uint_t          i;
    uint64_t            days;
    cos_bucket_quota_t  quota;
    struct {
        ngx_str_t       name;
        uint64_t        n;
    } pair[4] = { { ngx_string("v"), 0 }, { ngx_string("w"), 0 },
                  { ngx_string("qb"), 0 }, { ngx_string("qo"), 0 } };

    if (cos_bucket_worm_parse(&days, k->attr[COS_BX_WORM]) != 0
        || cos_bucket_quota_parse(&quota, k->attr[COS_BX_QUOTA]) != 0)
    {
        return NGX_ERROR;
    }

    pair[0].n = k->versioning;
    pair[1].n = days;
    pair[2].n = quota.bytes;
    pair[3].n = quota.objects;

    for (i = 0; i < 4; i++) {
        c->argv[c->argc++] = pair[i].name;

        if (ngx_http_cos_decimal(c->ctx->request->pool, pair[i].n,
                                 &c->argv[c->argc++])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ngx_str_set(&c->argv[c->argc], "d");
    c->argv[c->argc + 1] = cos_bucket_domains(k->attr[COS_BX_DOMAIN]);
    c->argc += 2;

    return NGX_OK;
}


ngx_int_t
ngx_http_cos_bucket_build(ngx_http_cos_commit_t *c)
{
    cos_buf_t      b;
    ngx_str_t     *a = c->argv;
    cos_bucket_t  *k = &c->json.bucket;

    k->seq = c->json.seq;

    cos_buf_init(&b, &c->ctx->alloc, 256);

    if (cos_bucket_encode(&b, k) != 0 || b.err) {
        return NGX_ERROR;
    }

    ngx_str_set(&a[0], "FCALL");
    ngx_str_set(&a[1], "cos_bucket_put");
    ngx_str_set(&a[2], "1");
    a[3] = c->drop[0];
    a[4] = k->name;
    a[5] = k->id;
    a[6].data = b.data;
    a[6].len = b.len;

    if (c->arg.len) {
        ngx_str_set(&a[7], "replace");
        a[8] = c->arg;
        c->argc = 9;

    } else {
        ngx_str_set(&a[7], "create");
        c->argc = 8;
    }

    return add_rules(c, k);
}
