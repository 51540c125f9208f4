/*
 * CopyObject, where the bytes can stay as they are: large containers get
 * another name, or are copied into the directory of the new class; what lies in
 * packs is read and appended anew.
 *
 *   copy_bytes   ids for the containers, room for what is read
 *   copy_read    links made, or containers copied; small bytes read (thread
 *                pool)
 *   copy_have    small bytes go into the pack
 *   copy_placed  they are there: committed
 */

#include "ngx_http_cos_class.h"
#include "ngx_http_cos_copy.h"


#define MOVE_BYTES  (64 * 1024 * 1024)


static ngx_int_t copy_read(ngx_http_cos_ctx_t *ctx);
static ngx_int_t copy_have(ngx_http_cos_ctx_t *ctx);
static ngx_int_t copy_placed(ngx_http_cos_ctx_t *ctx);


/* Ids for the links and room for what must be read. */
ngx_int_t
ngx_http_cos_copy_bytes(ngx_http_cos_ctx_t *ctx)
{
    uint32_t              i;
    ngx_http_cos_copy_t  *p = ctx->op;
    cos_object_t         *o = &p->source.object;

    p->nsegs = o->nsegs;
    p->mem_len = 0;
    ngx_memzero(&p->at, sizeof(p->at));
    p->segs = ngx_palloc(ctx->request->pool,
                         (o->nsegs + 1) * sizeof(cos_seg_t));
    if (p->segs == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < o->nsegs; i++) {
        p->segs[i] = o->segs[i];

        if (!cos_cid_is_solo(o->segs[i].cid)) {
            p->mem_len += o->segs[i].len;
            continue;
        }

        p->segs[i].cid = ngx_http_cos_store_solo_id(p->commit.slot);

        if (p->segs[i].cid == 0) {
            p->nsegs = i;
            return ngx_http_cos_fail(ctx, COS_E_UNAVAILABLE, NULL);
        }

        p->nlinks++;
    }

    if (p->mem_len) {
        p->mem = ngx_palloc(ctx->request->pool, p->mem_len);
        if (p->mem == NULL) {
            return NGX_ERROR;
        }
    }

    return ngx_http_cos_goto(ctx, copy_read);
}


/* A container in the directory of the new class is a second name; into another
 * one it is copied, a piece at a time. */
static cos_err_e
link_or_move(ngx_http_cos_copy_t *p, uint64_t from, uint64_t to)
{
    int  rc;

    if (cos_cid_slot(from) == cos_cid_slot(to)) {
        return cos_solo_link(p->store, from, to);
    }

    rc = cos_solo_copy(p->store, from, to, &p->at.moved, MOVE_BYTES);
    p->at.more = rc > 0;

    return rc >= 0 ? COS_OK
           : errno == ENOSPC || errno == EDQUOT ? COS_E_DISK_FULL
           : COS_E_INTERNAL;
}


static void
link_and_read(void *data)
{
    ngx_http_cos_copy_t  *p = data;
    cos_seg_t            *seg;
    cos_object_t         *o = &p->source.object;

    p->error = 0;
    p->err = COS_OK;
    p->at.more = 0;

    for ( /* void */ ; p->at.seg < o->nsegs; p->at.seg++) {
        seg = &o->segs[p->at.seg];

        if (cos_cid_is_solo(seg->cid)) {
            p->err = link_or_move(p, seg->cid, p->segs[p->at.seg].cid);

            if (p->err != COS_OK) {
                p->error = errno;
                return;
            }

            if (p->at.more) {
                return;
            }

            p->at.moved = 0;

        } else {
            if (ngx_http_cos_source_read(p->store, o, p->at.pos,
                                         p->mem + p->at.mem, seg->len)
                != 0)
            {
                p->error = errno;
                p->err = COS_E_INTERNAL;
                return;
            }

            p->at.mem += seg->len;
        }

        p->at.pos += seg->len;
    }

    p->mem_crc = cos_crc64(0, p->mem, p->mem_len);
}


static ngx_int_t
copy_read(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_cos_copy_t  *p = ctx->op;

    if (p->nsegs == 0) {
        return ngx_http_cos_goto(ctx, copy_have);
    }

    return ngx_http_cos_thread(ctx, link_and_read, p, copy_have);
}


/* A packed segment of a larger object becomes a record of its own; it names
 * the copy, so that compaction finds who refers to it. The result is its
 * append's. */
static void
append_segment(ngx_http_cos_ctx_t *ctx, ngx_http_cos_copy_t *p, uint32_t i,
    cos_u8 *bytes)
{
    cos_json_t              j;
    cos_seg_t              *seg;
    ngx_http_cos_append_t  *a = &p->append[i];

    ngx_memzero(&j, sizeof(cos_json_t));
    seg = ngx_pcalloc(ctx->request->pool, sizeof(cos_seg_t));
    if (seg == NULL) {
        a->err = COS_E_INTERNAL;
        return;
    }

    seg->len = p->segs[i].len;

    j.kind = COS_J_PART;
    j.bid = ctx->bucket.id;
    j.key = ctx->name.key;
    j.seq = ngx_http_cos_seq();
    j.upload = ctx->id;
    j.part = i + 1;
    j.self = 1;
    j.object.seq = j.seq;
    j.object.size = seg->len;
    j.object.crc64 = cos_crc64(0, bytes, seg->len);
    j.object.segs = seg;
    j.object.nsegs = 1;

    a->rec.payload.data = bytes;
    a->rec.payload.len = seg->len;
    a->rec.payload_crc = j.object.crc64;
    a->slot = p->commit.slot;

    (void) ngx_http_cos_append_json(ctx, a, &j, copy_placed);
}


static ngx_int_t
copy_have(ngx_http_cos_ctx_t *ctx)
{
    uint32_t                i;
    uint64_t                at;
    ngx_http_cos_copy_t    *p = ctx->op;
    ngx_http_cos_commit_t  *c = &p->commit;

    if (p->err != COS_OK) {

        if (p->error == ENOENT && ++p->tries < NGX_HTTP_COS_COPY_TRIES) {
            /* replaced or compacted meanwhile */
            ngx_http_cos_copy_give_back(p);
            ngx_http_cos_cache_drop(&p->source.object_fact.key);
            return ngx_http_cos_source(ctx, &p->source, 1,
                                   ngx_http_cos_copy_source);
        }

        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, p->error,
                      "cos %V: cannot read or link the source of a copy",
                      &ctx->id);
        return ngx_http_cos_fail(ctx, p->error == ENOENT ? COS_E_UNAVAILABLE
                                                         : p->err, NULL);
    }

    if (p->at.more) {
        return ngx_http_cos_goto(ctx, copy_read);
    }

    if (p->nlinks == 0 && p->nsegs <= 1) {
        /* one packed segment, or none: an ordinary small object */
        c->json.self = 1;
        c->payload.data = p->mem;
        c->payload.len = p->mem_len;
        c->payload_crc = c->json.object.attr[COS_X_NONCES].len
                         ? p->mem_crc : p->source.object.crc64;
        c->json.object.segs = p->segs;
        c->json.object.nsegs = 1;
        p->segs[0].len = p->mem_len;

        return ngx_http_cos_commit(ctx, c, ngx_http_cos_copy_done);
    }

    p->append = ngx_pcalloc(ctx->request->pool,
                            p->nsegs * sizeof(ngx_http_cos_append_t));
    if (p->append == NULL) {
        return NGX_ERROR;
    }

    ngx_http_cos_hold(ctx);
    ctx->step = copy_placed;

    for (i = 0, at = 0; i < p->nsegs; i++) {
        if (cos_cid_is_solo(p->segs[i].cid)) {
            continue;
        }

        append_segment(ctx, p, i, p->mem + at);
        at += p->segs[i].len;
    }

    return ctx->pending ? NGX_AGAIN : NGX_OK;
}


static ngx_int_t
copy_placed(ngx_http_cos_ctx_t *ctx)
{
    uint32_t                i;
    ngx_http_cos_copy_t    *p = ctx->op;
    ngx_http_cos_commit_t  *c = &p->commit;

    for (i = 0; i < p->nsegs; i++) {
        if (p->append[i].err != COS_OK) {
            ngx_http_cos_unhold(ctx);
            return ngx_http_cos_fail(ctx, p->append[i].err, NULL);
        }

        if (p->append[i].rec.kind) {
            p->segs[i].cid = p->append[i].rec.cid;
            p->segs[i].off = p->append[i].rec.off;
        }
    }

    c->json.self = 0;
    c->json.object.segs = p->segs;
    c->json.object.nsegs = p->nsegs;

    return ngx_http_cos_commit(ctx, c, ngx_http_cos_copy_done);
}
