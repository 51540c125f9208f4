/*
 * Symbolic links: PutSymlink, GetSymlink, and what a link means to those who
 * read it. A link leads nowhere but to a key of its own bucket, and gives no
 * right: whoever reads through it must be allowed to read both.
 */

#include "ngx_http_cos_object.h"
#include "ngx_http_cos_rights.h"
#include "ngx_http_cos_sse.h"
#include "ngx_http_cos_symlink.h"
#include "cos_class.h"


typedef struct {
    ngx_http_cos_commit_t   commit;
    cos_seg_t               seg;      /* no bytes, but a place */
} link_t;


static ngx_int_t put_done(ngx_http_cos_ctx_t *ctx);
static ngx_int_t followed(ngx_http_cos_ctx_t *ctx);


/* --- PutSymlink --------------------------------------------------------------- */

static cos_err_e
read_target(ngx_http_cos_ctx_t *ctx, cos_str_t *target)
{
    u_char              *p;
    cos_err_e            err;
    ptrdiff_t            n;
    const cos_header_t  *h;

    h = ngx_http_cos_header(ctx, "symlink-target");

    if (h == NULL || h->value.len == 0) {
        ctx->reason = "the header that names the target is missing";
        return COS_E_INVALID_ARGUMENT;
    }

    p = ngx_pnalloc(ctx->request->pool, h->value.len);
    if (p == NULL) {
        return COS_E_INTERNAL;
    }

    n = cos_pct_decode(p, h->value, 0);

    if (n <= 0) {
        ctx->reason = "the target must be a percent-encoded key";
        return COS_E_INVALID_ARGUMENT;
    }

    target->data = p;
    target->len = n;

    err = cos_name_key(ctx->name.dialect, *target, 0);

    if (err == COS_OK && cos_str_eq(*target, ctx->name.key)) {
        ctx->reason = "a symbolic link cannot name itself";
        err = COS_E_INVALID_ARGUMENT;
    }

    return err;
}


/* What a link cannot have because it has no bytes. */
static cos_err_e
check_asked(ngx_http_cos_ctx_t *ctx, cos_object_t *o)
{
    if (ctx->request->headers_in.content_length_n > 0
        || ctx->request->headers_in.chunked)
    {
        ctx->reason = "a symbolic link has no body";
        return COS_E_INVALID_REQUEST;
    }

    if (ctx->sse->customer.given
        || ngx_http_cos_header(ctx, "server-side-encryption"))
    {
        ctx->reason = "a symbolic link is not encrypted";
        return COS_E_INVALID_ARGUMENT;
    }

    if (cos_class_archived(o->cls)) {
        ctx->reason = "a symbolic link is not archived";
        return COS_E_INVALID_STORAGE_CLASS;
    }

    return COS_OK;
}


ngx_int_t
ngx_http_cos_put_symlink(ngx_http_cos_ctx_t *ctx)
{
    link_t                 *l;
    cos_err_e               err;
    cos_object_t           *o;
    ngx_http_cos_commit_t  *c;

    l = ngx_pcalloc(ctx->request->pool, sizeof(link_t));
    if (l == NULL) {
        return NGX_ERROR;
    }

    ctx->op = l;
    c = &l->commit;
    o = &c->json.object;

    if ((err = ngx_http_cos_object_from_headers(ctx, o)) != COS_OK
        || (err = check_asked(ctx, o)) != COS_OK
        || (err = read_target(ctx, &o->attr[COS_X_TARGET])) != COS_OK
        || (err = ngx_http_cos_condition(ctx, c)) != COS_OK)
    {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    /* what the bucket encrypts by default are bytes */
    ngx_str_null(&o->attr[COS_X_SSE]);

    if (cos_md_once(COS_MD5, o->attr[COS_X_TARGET].data,
                    o->attr[COS_X_TARGET].len, o->etag)
        != 0)
    {
        return NGX_ERROR;
    }

    o->mtime = ngx_http_cos_now();
    o->segs = &l->seg;
    o->nsegs = 1;

    c->json.kind = COS_J_OBJECT;
    c->json.self = 1;
    c->json.bid = ctx->bucket.id;
    c->json.key = ctx->name.key;
    c->build = ngx_http_cos_put_build;

    if (ngx_http_cos_object_key(ctx, &ctx->bucket.id, &ctx->name.key,
                                &c->drop[0])
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_cos_commit(ctx, c, put_done);
}


static ngx_int_t
put_done(ngx_http_cos_ctx_t *ctx)
{
    link_t  *l = ctx->op;

    if (!l->commit.ok) {
        return ngx_http_cos_commit_fail(ctx, &l->commit);
    }

    return ngx_http_cos_uploaded(ctx, &l->commit.json.object);
}


/* --- GetSymlink --------------------------------------------------------------- */

ngx_int_t
ngx_http_cos_get_symlink(ngx_http_cos_ctx_t *ctx)
{
    cos_buf_t      b;
    ngx_str_t      target;
    cos_object_t  *o = &ctx->object;

    if (o->attr[COS_X_TARGET].len == 0) {
        return ngx_http_cos_fail(ctx, COS_E_NOT_SYMLINK, NULL);
    }

    cos_buf_init(&b, &ctx->alloc, 3 * o->attr[COS_X_TARGET].len + 1);
    cos_pct_encode(&b, o->attr[COS_X_TARGET], COS_ENC_SLASH);

    if (b.err) {
        return NGX_ERROR;
    }

    target.data = b.data;
    target.len = b.len;
    ctx->request->headers_out.last_modified_time = o->mtime / 1000;

    if (ngx_http_cos_add_prefixed(ctx, "symlink-target", &target) != NGX_OK
        || ngx_http_cos_object_headers(ctx, o) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_cos_reply(ctx, NGX_HTTP_OK, NULL);
}


/* --- reading through a link --------------------------------------------------- */

typedef struct {
    ngx_http_cos_step_pt   next;
    ngx_str_t              target;
} follow_t;


ngx_int_t
ngx_http_cos_follow(ngx_http_cos_ctx_t *ctx, ngx_http_cos_step_pt next)
{
    follow_t             *f;
    ngx_http_cos_fact_t  *fact = &ctx->object_fact;

    if (ctx->object.attr[COS_X_TARGET].len == 0) {
        return ngx_http_cos_goto(ctx, next);
    }

    f = ngx_palloc(ctx->request->pool, sizeof(follow_t));

    /* the record is in the memory of the fact */
    if (f == NULL
        || cos_dup(&ctx->alloc, &f->target,
                   ctx->object.attr[COS_X_TARGET].data,
                   ctx->object.attr[COS_X_TARGET].len)
           != 0)
    {
        return NGX_ERROR;
    }

    f->next = next;
    ctx->state = f;

    ngx_memzero(fact, sizeof(ngx_http_cos_fact_t));
    ngx_memzero(&ctx->object, sizeof(cos_object_t));

    if (ngx_http_cos_object_fact(ctx, fact, &ctx->bucket.id, &f->target)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    switch (ngx_http_cos_ask(ctx, fact, 0, followed)) {
    case NGX_OK:
        return ngx_http_cos_goto(ctx, followed);
    case NGX_AGAIN:
        return NGX_AGAIN;
    default:
        return ngx_http_cos_fail(ctx, COS_E_UNAVAILABLE, NULL);
    }
}


static ngx_int_t
followed(ngx_http_cos_ctx_t *ctx)
{
    follow_t              *f = ctx->state;
    cos_err_e              err;
    ngx_http_cos_place_t   place;

    if (ctx->object_fact.failed) {
        return ngx_http_cos_fail(ctx, COS_E_UNAVAILABLE, NULL);
    }

    ngx_http_cos_place(ctx, &place);
    place.key = f->target;
    place.version = NULL;

    if (ctx->object_fact.value.len == 0) {
        place.object = NULL;
        return ngx_http_cos_fail(ctx,
                                 ngx_http_cos_missing(ctx, &place,
                                                      COS_E_SYMLINK_TARGET),
                                 NULL);
    }

    if (cos_object_decode(&ctx->object, ctx->object_fact.value, &ctx->alloc)
        != 0)
    {
        return ngx_http_cos_fail(ctx, COS_E_INTERNAL, NULL);
    }

    err = ngx_http_cos_may(ctx, &place,
                           ctx->name.op == COS_OP_HEAD_OBJECT ? COS_ACT_HEAD
                                                              : COS_ACT_GET,
                           NGX_HTTP_COS_PERM_READ);
    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, NULL);
    }

    if (ctx->object.attr[COS_X_TARGET].len) {
        return ngx_http_cos_fail(ctx, COS_E_SYMLINK_CHAIN, NULL);
    }

    return ngx_http_cos_goto(ctx, f->next);
}
