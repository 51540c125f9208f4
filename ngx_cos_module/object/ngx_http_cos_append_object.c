/*
 * AppendObject: creates an appendable object, or adds a piece to one.
 *
 *   append_object  may it be, and does the position fit
 *   app_taken      the body is in memory or in a container of its own
 *   app_placed     a piece is on disk, as a part that no upload has
 *   app_grow       the object's record with that piece behind the others
 *   app_done       committed; or the object was changed meanwhile:
 *   app_again      what it is now may still fit
 *
 * The first piece is an object like any other that is put. A further one is
 * made durable by itself, and becomes a segment of the object by the commit of
 * a record that lists all of them: until then it is nothing, to readers and to
 * a rebuild.
 */

#include "ngx_http_cos_class.h"
#include "ngx_http_cos_sse.h"
#include "cos_parts.h"


/* each time somebody was faster: as many as write at once */
#define MAX_TRIES  32

typedef struct {
    ngx_http_cos_take_t     take;
    ngx_http_cos_commit_t   commit;
    cos_json_t              piece;    /* the record of a further piece */
    ngx_http_cos_append_t   append;   /* it, when it goes into the pack */
    uint64_t                position;
    ngx_str_t               sse;      /* how the object is encrypted */
    ngx_uint_t              tries;
    unsigned                packed:1; /* appended, and not resolved yet */
} app_t;


static ngx_int_t app_taken(ngx_http_cos_ctx_t *ctx);
static ngx_int_t app_create(ngx_http_cos_ctx_t *ctx);
static ngx_int_t app_written(ngx_http_cos_ctx_t *ctx);
static ngx_int_t app_placed(ngx_http_cos_ctx_t *ctx);
static ngx_int_t app_grow(ngx_http_cos_ctx_t *ctx);
static ngx_int_t app_build(ngx_http_cos_commit_t *c);
static ngx_int_t app_done(ngx_http_cos_ctx_t *ctx);
static ngx_int_t app_again(ngx_http_cos_ctx_t *ctx);


/* A part of no upload is nothing to a rebuild unless an object's record names
 * it: it needs no note. */
static void
app_cleanup(void *data)
{
    app_t  *p = data;

    if (p->packed && !p->commit.unknown) {
        ngx_http_cos_store_resolved(p->append.rec.cid);
    }
}


/* --- whether it may be --------------------------------------------------------- */

static ngx_int_t
next_position(ngx_http_cos_ctx_t *ctx, uint64_t size)
{
    ngx_str_t  value;

    if (ngx_http_cos_decimal(ctx->request->pool, size, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_cos_add_prefixed(ctx, "next-append-position", &value);
}


static cos_err_e
check_request(ngx_http_cos_ctx_t *ctx, app_t *p)
{
    const cos_arg_t  *a;

    if (ctx->name.dialect == COS_DIALECT_BOS) {
        return COS_E_NOT_IMPLEMENTED;
    }

    a = cos_arg(&ctx->http.args, "position");

    if (a == NULL || cos_str_uint(a->value, &p->position) != 0) {
        ctx->reason = "the position is missing or no number";
        return COS_E_INVALID_ARGUMENT;
    }

    if (ctx->version_arg) {
        ctx->reason = "this operation does not accept a version id";
        return COS_E_INVALID_ARGUMENT;
    }

    if (cos_header(&ctx->http, "if-match")
        || cos_header(&ctx->http, "if-none-match"))
    {
        ctx->reason = "the position is the only condition of an append";
        return COS_E_NOT_IMPLEMENTED;
    }

    if (ctx->bucket.versioning != COS_VERSIONING_NONE) {
        ctx->reason = "nothing can be appended in a bucket that has or had "
                      "versioning";
        return COS_E_INVALID_BUCKET_STATE;
    }

    return COS_OK;
}


/* Whether the object as it is now takes a piece at that position. */
static cos_err_e
check_object(ngx_http_cos_ctx_t *ctx, app_t *p)
{
    cos_object_t  *o = &ctx->object;

    if (!ctx->object_known) {
        return p->position == 0 ? COS_OK : COS_E_APPEND_POSITION;
    }

    if (!(o->flags & COS_F_APPENDABLE)) {
        return COS_E_NOT_APPENDABLE;
    }

    if (p->position != o->size) {
        return COS_E_APPEND_POSITION;
    }

    if (o->nsegs >= COS_APPENDS_MAX) {
        ctx->reason = "an object takes at most 10,000 appends";
        return COS_E_NOT_APPENDABLE;
    }

    return ngx_http_cos_readable(ctx, o);
}


static ngx_int_t
refuse(ngx_http_cos_ctx_t *ctx, cos_err_e err)
{
    if (err == COS_E_APPEND_POSITION
        && next_position(ctx, ctx->object_known ? ctx->object.size : 0)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_cos_fail(ctx, err, ctx->reason);
}


/* A further piece is encrypted as the first was. */
static cos_err_e
prepare(ngx_http_cos_ctx_t *ctx, app_t *p)
{
    cos_err_e      err;
    cos_object_t  *o = &p->commit.json.object;

    if (ctx->object_known) {
        p->take.slot = ngx_http_cos_store_slot(ctx->object.cls);

        if (cos_dup(&ctx->alloc, &p->sse, ctx->object.attr[COS_X_SSE].data,
                    ctx->object.attr[COS_X_SSE].len)
            != 0)
        {
            return COS_E_INTERNAL;
        }

        err = ngx_http_cos_headers_known(ctx);

        return err != COS_OK ? err : ngx_http_cos_sse_part(ctx, &ctx->object);
    }

    err = ngx_http_cos_object_from_headers(ctx, o);

    if (err == COS_OK && cos_class_archived(o->cls)) {
        ctx->reason = "what can be appended to is not archived";
        err = COS_E_INVALID_STORAGE_CLASS;
    }

    o->flags |= COS_F_APPENDABLE;
    p->take.slot = ngx_http_cos_store_slot(o->cls);

    return err;
}


ngx_int_t
ngx_http_cos_append_object(ngx_http_cos_ctx_t *ctx)
{
    app_t               *p;
    cos_err_e            err;
    ngx_pool_cleanup_t  *cln;

    p = ngx_pcalloc(ctx->request->pool, sizeof(app_t));
    cln = ngx_pool_cleanup_add(ctx->request->pool, 0);
    if (p == NULL || cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = app_cleanup;
    cln->data = p;
    ctx->op = p;

    if ((err = check_request(ctx, p)) != COS_OK
        || (err = check_object(ctx, p)) != COS_OK
        || (err = prepare(ctx, p)) != COS_OK
        || (err = ngx_http_cos_take_init(ctx, &p->take)) != COS_OK)
    {
        return refuse(ctx, err);
    }

    if (p->take.in.length > 0
        && ctx->object.size + p->take.in.length
           > (uint64_t) ctx->lcf->max_object_size)
    {
        return ngx_http_cos_fail(ctx, COS_E_ENTITY_TOO_LARGE, NULL);
    }

    return ngx_http_cos_take(ctx, &p->take, app_taken);
}


/* --- the piece ------------------------------------------------------------------- */

static ngx_int_t
app_taken(ngx_http_cos_ctx_t *ctx)
{
    app_t       *p = ctx->op;
    cos_json_t  *j;

    if (p->take.err != COS_OK) {
        return ngx_http_cos_fail(ctx, p->take.err, NULL);
    }

    if (ctx->object.size + p->take.in.size
        > (uint64_t) ctx->lcf->max_object_size)
    {
        return ngx_http_cos_fail(ctx, COS_E_ENTITY_TOO_LARGE, NULL);
    }

    j = ctx->object_known ? &p->piece : &p->commit.json;

    j->kind = COS_J_OBJECT;
    j->bid = ctx->bucket.id;
    j->key = ctx->name.key;

    if (ctx->object_known) {
        j->kind = COS_J_PART;
        j->upload = ctx->id;
        j->part = ctx->object.nsegs + 1;
    }

    ngx_http_cos_take_record(&p->take, &j->object);

    if (ngx_http_cos_object_key(ctx, &ctx->bucket.id, &ctx->name.key,
                                &p->commit.drop[0])
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_cos_take_finish(ctx, &p->take, j,
                                    ctx->object_known ? app_written
                                                      : app_create);
}


static ngx_int_t
app_create(ngx_http_cos_ctx_t *ctx)
{
    app_t                  *p = ctx->op;
    ngx_http_cos_commit_t  *c = &p->commit;

    c->build = ngx_http_cos_put_build;
    ngx_str_set(&c->cond, "absent");

    return ngx_http_cos_take_commit(ctx, &p->take, c, app_done);
}


/* In a container of its own it is on disk by now. */
static ngx_int_t
app_written(ngx_http_cos_ctx_t *ctx)
{
    app_t                  *p = ctx->op;
    cos_err_e               err;
    cos_ingest_t           *in = &p->take.in;
    ngx_http_cos_append_t  *a = &p->append;

    if (p->take.err != COS_OK) {
        ngx_http_cos_unhold(ctx);
        return ngx_http_cos_fail(ctx, p->take.err, NULL);
    }

    p->take.commit = &p->commit;

    if (in->in_solo) {
        return ngx_http_cos_goto(ctx, app_grow);
    }

    ngx_http_cos_stamp(ctx, &p->piece, 0);

    a->rec.payload.data = in->mem;
    a->rec.payload.len = in->mem_len;
    a->rec.payload_crc = in->disk_crc64;
    a->slot = p->take.slot;

    ngx_http_cos_hold(ctx);

    err = ngx_http_cos_append_json(ctx, a, &p->piece, app_placed);

    if (err != COS_OK) {
        ngx_http_cos_unhold(ctx);
        return ngx_http_cos_fail(ctx, err, NULL);
    }

    return NGX_AGAIN;
}


static ngx_int_t
app_placed(ngx_http_cos_ctx_t *ctx)
{
    app_t      *p = ctx->op;
    cos_seg_t  *seg = p->piece.object.segs;

    if (p->append.err != COS_OK) {
        ngx_http_cos_unhold(ctx);
        return ngx_http_cos_fail(ctx, p->append.err, NULL);
    }

    p->packed = 1;
    seg->cid = p->append.rec.cid;
    seg->off = p->append.rec.off;
    seg->len = p->append.rec.payload.len;

    return ngx_http_cos_goto(ctx, app_grow);
}


/* --- the object ------------------------------------------------------------------- */

static ngx_int_t
app_grow(ngx_http_cos_ctx_t *ctx)
{
    app_t                  *p = ctx->op;
    cos_err_e               err;
    ngx_http_cos_commit_t  *c = &p->commit;

    ngx_memzero(&c->json, sizeof(cos_json_t));

    c->json.kind = COS_J_OBJECT;
    c->json.bid = ctx->bucket.id;
    c->json.key = ctx->name.key;
    c->json.object = ctx->object;
    c->build = app_build;
    c->data = p;

    err = cos_object_grow(&c->json.object, &p->piece.object, &ctx->alloc);

    if (err != COS_OK) {
        ngx_http_cos_unhold(ctx);
        return ngx_http_cos_fail(ctx, err, NULL);
    }

    ngx_str_set(&c->cond, "grow");

    if (ngx_http_cos_decimal(ctx->request->pool, ctx->object.seq, &c->arg)
        != NGX_OK)
    {
        ngx_http_cos_unhold(ctx);
        return NGX_ERROR;
    }

    ngx_http_cos_seq_above(ctx->object.seq);

    return ngx_http_cos_commit(ctx, c, app_done);
}


/* The call names one incarnation, which Redis must not have fenced. When the
 * worker took another one since the piece was written, that may be gone. */
static ngx_int_t
app_build(ngx_http_cos_commit_t *c)
{
    app_t  *p = c->data;

    return cos_cid_inc(p->piece.object.segs->cid) == c->inc
           ? ngx_http_cos_put_build(c) : NGX_ERROR;
}


static ngx_int_t
answer(ngx_http_cos_ctx_t *ctx, app_t *p)
{
    ngx_str_t      md5;
    cos_object_t  *o = &p->commit.json.object;

    md5.len = 2 * COS_MD5_LEN;
    md5.data = ngx_pnalloc(ctx->request->pool, md5.len);
    if (md5.data == NULL) {
        return NGX_ERROR;
    }

    /* whatever its name says, COS' Go SDK compares it with the MD5 of what was
     * appended */
    cos_hex((char *) md5.data, p->take.in.out_md5, COS_MD5_LEN);

    if (next_position(ctx, o->size) != NGX_OK
        || (ctx->name.dialect == COS_DIALECT_COS
            && ngx_http_cos_set_header(ctx->request, "x-cos-content-sha1",
                                       &md5)
               != NGX_OK))
    {
        return NGX_ERROR;
    }

    return ngx_http_cos_uploaded(ctx, o);
}


static ngx_int_t
app_done(ngx_http_cos_ctx_t *ctx)
{
    app_t                  *p = ctx->op;
    ngx_http_cos_commit_t  *c = &p->commit;

    if (c->ok) {
        return answer(ctx, p);
    }

    if (c->err != COS_OK
        || (ngx_strcmp(c->status, "CONFLICT") != 0
            && ngx_strcmp(c->status, "NOKEY") != 0
            && ngx_strcmp(c->status, "EXISTS") != 0)
        || ++p->tries == MAX_TRIES)
    {
        return ngx_http_cos_commit_fail(ctx, c);
    }

    return ngx_http_cos_ask_again(ctx, app_again);
}


/* Compaction has moved it, somebody changed its ACL; or it is longer now. */
static ngx_int_t
app_again(ngx_http_cos_ctx_t *ctx)
{
    app_t      *p = ctx->op;
    cos_err_e   err;

    err = ngx_http_cos_asked_again(ctx);

    if (err == COS_OK) {
        err = check_object(ctx, p);
    }

    if (err == COS_OK
        && (p->piece.kind != COS_J_PART || !ctx->object_known
            || !cos_str_eq(p->sse, ctx->object.attr[COS_X_SSE])))
    {
        /* it came or went, or is another one of the same length */
        err = COS_E_CONDITIONAL_CONFLICT;
    }

    return err != COS_OK ? refuse(ctx, err)
                         : ngx_http_cos_goto(ctx, app_grow);
}
