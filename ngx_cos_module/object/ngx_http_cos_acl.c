/*
 * Object ACLs in their canned forms. A change appends a new description of
 * the object, which names the bytes where they are, and replaces the record
 * only if nobody else did meanwhile.
 */

#include "ngx_http_cos_object.h"


#define MAX_TRIES  8

typedef struct {
    ngx_http_cos_commit_t  commit;
    ngx_str_t              text;
    cos_acl_e              acl;
    ngx_uint_t             tries;
} acl_t;


static ngx_int_t acl_read(ngx_http_cos_ctx_t *ctx);
static ngx_int_t acl_set(ngx_http_cos_ctx_t *ctx);
static ngx_int_t acl_done(ngx_http_cos_ctx_t *ctx);
static ngx_int_t acl_again(ngx_http_cos_ctx_t *ctx);


static uint64_t
owner_of(ngx_http_cos_ctx_t *ctx)
{
    return ctx->object.owner ? ctx->object.owner : ctx->bucket.owner;
}


/* The object's owner and the bucket's may see and change its ACL. */
static cos_err_e
may_acl(ngx_http_cos_ctx_t *ctx)
{
    if (!ctx->identity.known) {
        return COS_E_ACCESS_DENIED;
    }

    if (!ctx->object_known) {
        return ngx_http_cos_may_list(ctx, &ctx->bucket) ? COS_E_NO_SUCH_KEY
                                                        : COS_E_ACCESS_DENIED;
    }

    if (ctx->identity.uid != owner_of(ctx)
        && ctx->identity.uid != ctx->bucket.owner)
    {
        return COS_E_ACCESS_DENIED;
    }

    return ngx_http_cos_version_wanted(ctx) ? COS_E_NO_SUCH_VERSION : COS_OK;
}


ngx_int_t
ngx_http_cos_get_object_acl(ngx_http_cos_ctx_t *ctx)
{
    cos_buf_t  b;
    cos_err_e  err;

    err = may_acl(ctx);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, NULL);
    }

    cos_buf_init(&b, &ctx->alloc, 1024);
    cos_xml_acl(&b, ctx->name.dialect, owner_of(ctx), ctx->bucket.owner,
                ctx->object.acl);

    return ngx_http_cos_reply(ctx, NGX_HTTP_OK, &b);
}


ngx_int_t
ngx_http_cos_put_object_acl(ngx_http_cos_ctx_t *ctx)
{
    acl_t      *a;
    cos_err_e   err;

    err = may_acl(ctx);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, NULL);
    }

    a = ngx_pcalloc(ctx->request->pool, sizeof(acl_t));
    if (a == NULL) {
        return NGX_ERROR;
    }

    ctx->state = a;

    err = ngx_http_cos_acl_from_headers(ctx, &a->acl, 0);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    return ngx_http_cos_read_small(ctx, COS_XML_SMALL_SIZE,
                                   COS_E_XML_TOO_LARGE, &a->text, acl_read);
}


cos_err_e
ngx_http_cos_acl_document(ngx_http_cos_ctx_t *ctx, ngx_str_t *text,
    uint64_t owner, cos_acl_e *acl)
{
    cos_err_e            err;
    const cos_header_t  *h;

    if (ctx->error != COS_OK) {
        return ctx->error;
    }

    err = ngx_http_cos_check_document(ctx, text, 1);

    if (err != COS_OK) {
        return err;
    }

    /* a header wins over the document (COS, PUT Object acl) */
    h = ngx_http_cos_header(ctx, "acl");

    if (h && h->value.len) {
        return COS_OK;
    }

    if (text->len == 0) {
        return COS_E_MISSING_BODY;
    }

    return cos_xml_parse_acl(*text, owner, ctx->bucket.owner, acl,
                             &ctx->alloc);
}


static ngx_int_t
acl_read(ngx_http_cos_ctx_t *ctx)
{
    acl_t      *a = ctx->state;
    cos_err_e   err;

    err = ngx_http_cos_acl_document(ctx, &a->text, owner_of(ctx), &a->acl);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, NULL);
    }

    return ngx_http_cos_goto(ctx, acl_set);
}


static ngx_int_t
acl_set(ngx_http_cos_ctx_t *ctx)
{
    acl_t                  *a = ctx->state;
    ngx_http_cos_commit_t  *c = &a->commit;

    ngx_memzero(&c->json, sizeof(cos_json_t));

    c->json.kind = COS_J_OBJECT;
    c->json.bid = ctx->bucket.id;
    c->json.key = ctx->name.key;
    c->json.object = ctx->object;
    c->json.object.acl = a->acl;
    c->json.object.rev = 0;
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

    return ngx_http_cos_commit(ctx, c, acl_done);
}


static ngx_int_t
acl_done(ngx_http_cos_ctx_t *ctx)
{
    acl_t                  *a = ctx->state;
    ngx_http_cos_commit_t  *c = &a->commit;

    if (c->ok) {
        return ngx_http_cos_reply(ctx, NGX_HTTP_OK, NULL);
    }

    if (c->err != COS_OK || ngx_strcmp(c->status, "CONFLICT") != 0
        || ++a->tries == MAX_TRIES)
    {
        return ngx_http_cos_commit_fail(ctx, c);
    }

    switch (ngx_http_cos_ask(ctx, &ctx->object_fact, 1, acl_again)) {
    case NGX_AGAIN:
        return NGX_AGAIN;
    default:
        return ngx_http_cos_fail(ctx, COS_E_UNAVAILABLE, NULL);
    }
}


static ngx_int_t
acl_again(ngx_http_cos_ctx_t *ctx)
{
    cos_err_e  err;

    if (ctx->object_fact.failed) {
        return ngx_http_cos_fail(ctx, COS_E_UNAVAILABLE, NULL);
    }

    ctx->object_known = (ctx->object_fact.value.len != 0);

    if (ctx->object_known
        && cos_object_decode(&ctx->object, ctx->object_fact.value,
                             &ctx->alloc)
           != 0)
    {
        return ngx_http_cos_fail(ctx, COS_E_INTERNAL, NULL);
    }

    err = may_acl(ctx);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, NULL);
    }

    return ngx_http_cos_goto(ctx, acl_set);
}
