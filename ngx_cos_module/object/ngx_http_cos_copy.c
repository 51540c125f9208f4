/*
 * CopyObject. Nothing large is read: a large object's containers get second
 * names (hard links) that the copy owns; what lies in packs is read and
 * appended anew. Only where the encryption changes, or another checksum is asked
 * for, are all bytes read and written again; and where the copy's class has a
 * directory of its own the containers are copied.
 *
 *   copy_begin   what the destination gets
 *   copy_source  the source is known and may be read
 *   copy_bytes   links made, or containers copied; small bytes read (thread
 *                pool)
 *   copy_placed  small segments of a large object are in the pack
 *   copy_recrypt, copy_fed, copy_stored: instead, when written anew
 *   copy_done    committed: answer
 */

#include "ngx_http_cos_class.h"
#include "ngx_http_cos_object.h"
#include "ngx_http_cos_sse.h"
#include "ngx_http_cos_sums.h"
#include "ngx_http_cos_tags.h"


#define MAX_TRIES   3
#define MOVE_BYTES  (64 * 1024 * 1024)

typedef struct {
    ngx_http_cos_source_t    source;
    ngx_http_cos_commit_t    commit;
    cos_object_t             wanted;  /* headers of the request */
    unsigned                 replace:1;
    ngx_uint_t               replace_tags;
    cos_sum_e                sum;     /* wanted of the copy; NONE: any */
    ngx_uint_t               tries;

    /* for the thread */
    cos_store_t             *store;
    cos_seg_t               *segs;    /* of the copy */
    uint32_t                 nsegs;
    uint32_t                 nlinks;  /* solo ids held */
    struct {
        uint32_t             seg;
        uint64_t             pos;     /* of the segment in the object */
        uint64_t             mem;     /* bytes in mem */
        uint64_t             moved;   /* of a container that is copied */
        unsigned             more:1;
    }                        at;      /* how far the thread came */
    cos_u8                  *mem;     /* packed bytes, one after the other */
    uint64_t                 mem_len;
    uint64_t                 mem_crc;
    int                      error;   /* errno, or -1: disk error of a link */
    cos_err_e                err;
    ngx_http_cos_append_t   *append;  /* one for each packed segment */
    ngx_http_cos_feed_t      feed;    /* instead, when written anew */
    ngx_http_cos_ctx_t      *ctx;
} copy_t;


static ngx_int_t copy_source(ngx_http_cos_ctx_t *ctx);
static ngx_int_t copy_bytes(ngx_http_cos_ctx_t *ctx);
static ngx_int_t copy_read(ngx_http_cos_ctx_t *ctx);
static ngx_int_t copy_placed(ngx_http_cos_ctx_t *ctx);
static ngx_int_t copy_recrypt(ngx_http_cos_ctx_t *ctx);
static ngx_int_t copy_fed(ngx_http_cos_ctx_t *ctx);
static ngx_int_t copy_stored(ngx_http_cos_ctx_t *ctx);
static ngx_int_t copy_done(ngx_http_cos_ctx_t *ctx);


/* Also of a copy that was refused or given up: parts of an upload that nobody
 * knows are nothing to a rebuild. */
static void
resolve_segments(copy_t *p)
{
    uint32_t  i;

    for (i = 0; p->append && i < p->nsegs; i++) {
        if (p->append[i].rec.kind && p->append[i].err == COS_OK) {
            ngx_http_cos_store_resolved(p->append[i].rec.cid);
        }
    }

    p->append = NULL;
}


/* Ids that the copy holds go back; files of a copy that failed go. All follows
 * from the commit alone: nobody may have been there to be answered. */
static void
give_back(void *data)
{
    uint32_t   i;
    copy_t    *p = data;

    if (!p->commit.unknown) {
        resolve_segments(p);
    }

    for (i = 0; p->segs && i < p->nsegs && p->nlinks; i++) {

        if (!cos_cid_is_solo(p->segs[i].cid)) {
            continue;
        }

        if (!p->commit.ok && !p->commit.unknown) {
            ngx_http_cos_store_dead(&p->ctx->bucket.id, &p->segs[i].cid, 1);
        }

        ngx_http_cos_store_solo_end(p->segs[i].cid, p->commit.ok);
    }

    p->nlinks = 0;
}


static cos_err_e
directive(ngx_http_cos_ctx_t *ctx, copy_t *p)
{
    const cos_header_t  *h;

    h = ngx_http_cos_header(ctx, "metadata-directive");

    if (h == NULL || h->value.len == 0 || cos_str_iis(h->value, "copy")) {
        return COS_OK;
    }

    if (!cos_str_iis(h->value, "replace")
        && !cos_str_iis(h->value, "replaced"))
    {
        return COS_E_INVALID_ARGUMENT;
    }

    p->replace = 1;

    return COS_OK;
}


ngx_int_t
ngx_http_cos_copy_object(ngx_http_cos_ctx_t *ctx)
{
    copy_t              *p;
    cos_err_e            err;
    ngx_pool_cleanup_t  *cln;

    p = ngx_pcalloc(ctx->request->pool, sizeof(copy_t));
    cln = ngx_pool_cleanup_add(ctx->request->pool, 0);
    if (p == NULL || cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = give_back;
    cln->data = p;

    ctx->op = p;
    p->ctx = ctx;
    p->store = ngx_http_cos_store_dir();

    if (ctx->request->headers_in.content_length_n > 0) {
        return ngx_http_cos_fail(ctx, COS_E_INVALID_REQUEST,
                                 "a copy has no body");
    }

    if ((err = directive(ctx, p)) != COS_OK
        || (err = ngx_http_cos_tags_directive(ctx, &p->replace_tags))
           != COS_OK
        || (err = ngx_http_cos_object_from_headers(ctx, &p->wanted))
           != COS_OK
        || (err = ngx_http_cos_sum_copied(ctx, &p->sum)) != COS_OK
        || (err = ngx_http_cos_condition(ctx, &p->commit)) != COS_OK)
    {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    if (!ngx_http_cos_store_writable()) {
        return ngx_http_cos_fail(ctx, COS_E_UNAVAILABLE, NULL);
    }

    return ngx_http_cos_source(ctx, &p->source, 0, copy_source);
}


/* The record of the copy, all but its bytes. */
static void
copy_record(copy_t *p)
{
    ngx_uint_t     i;
    cos_object_t  *o = &p->commit.json.object;
    cos_object_t  *src = &p->source.object;

    *o = p->wanted;

    if (!p->replace) {
        for (i = 0; i < COS_H_MAX; i++) {
            o->header[i] = src->header[i];
        }

        o->nmeta = src->nmeta;
        o->meta = src->meta;
    }

    if (!p->replace_tags) {
        o->attr[COS_X_TAGS] = src->attr[COS_X_TAGS];
    }

    /* of its other flags a copy has what was asked for */
    o->flags |= src->flags & COS_F_SUM_COMPOSITE;
    o->attr[COS_X_PART_SIZES] = src->attr[COS_X_PART_SIZES];
    o->attr[COS_X_PART_SUMS] = src->attr[COS_X_PART_SUMS];
    o->parts = src->parts;
    o->size = src->size;
    o->crc64 = src->crc64;
    o->sum_type = src->sum_type;
    ngx_memcpy(o->sum, src->sum, sizeof(o->sum));
    ngx_memcpy(o->etag, src->etag, COS_MD5_LEN);
    o->mtime = ngx_http_cos_now();
}


static ngx_int_t
copy_source(ngx_http_cos_ctx_t *ctx)
{
    copy_t                 *p = ctx->op;
    cos_err_e               err;
    cos_object_t           *o;
    ngx_http_cos_commit_t  *c = &p->commit;

    if (p->source.err != COS_OK) {
        return ngx_http_cos_fail(ctx, p->source.err, NULL);
    }

    o = &p->source.object;

    if (o->size > (uint64_t) ctx->lcf->max_object_size) {
        return ngx_http_cos_fail(ctx, COS_E_INVALID_REQUEST,
                  "the source is larger than one copy request may copy");
    }

    if (!p->replace && !p->replace_tags
        && cos_str_eq(p->source.bucket_name, ctx->name.bucket)
        && cos_str_eq(p->source.key, ctx->name.key)
        && ngx_http_cos_header(ctx, "storage-class") == NULL
        && ngx_http_cos_header(ctx, "acl") == NULL
        && ngx_http_cos_header(ctx, "server-side-encryption") == NULL
        && !ctx->sse->customer.given)
    {
        return ngx_http_cos_fail(ctx, COS_E_COPY_ONTO_ITSELF, NULL);
    }

    ngx_memzero(&c->json, sizeof(cos_json_t));
    c->json.kind = COS_J_OBJECT;
    c->json.bid = ctx->bucket.id;
    c->json.key = ctx->name.key;
    copy_record(p);
    c->slot = ngx_http_cos_store_slot(c->json.object.cls);

    err = ngx_http_cos_sse_source(ctx, o);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    c->build = ngx_http_cos_put_build;
    c->data = p;

    if (ngx_http_cos_object_key(ctx, &ctx->bucket.id, &ctx->name.key,
                                &c->drop[0])
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if ((p->sum != COS_SUM_NONE
         && (o->sum_type != p->sum || (o->flags & COS_F_SUM_COMPOSITE)))
        || !ngx_http_cos_sse_share(ctx, &c->json.object, o))
    {
        return copy_recrypt(ctx);
    }

    return ngx_http_cos_goto(ctx, copy_bytes);
}


/* Ids for the links and room for what must be read. */
static ngx_int_t
copy_bytes(ngx_http_cos_ctx_t *ctx)
{
    uint32_t       i;
    copy_t        *p = ctx->op;
    cos_object_t  *o = &p->source.object;

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
link_or_move(copy_t *p, uint64_t from, uint64_t to)
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
    copy_t        *p = data;
    cos_seg_t     *seg;
    cos_object_t  *o = &p->source.object;

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


static ngx_int_t copy_have(ngx_http_cos_ctx_t *ctx);


static ngx_int_t
copy_read(ngx_http_cos_ctx_t *ctx)
{
    copy_t  *p = ctx->op;

    if (p->nsegs == 0) {
        return ngx_http_cos_goto(ctx, copy_have);
    }

    return ngx_http_cos_thread(ctx, link_and_read, p, copy_have);
}


static void
append_handler(ngx_http_cos_append_t *a)
{
    ngx_http_cos_arrived(a->data);
}


/* A packed segment of a larger object becomes a record of its own; it names
 * the copy, so that compaction finds who refers to it. */
static ngx_int_t
append_segment(ngx_http_cos_ctx_t *ctx, copy_t *p, uint32_t i, cos_u8 *bytes)
{
    cos_buf_t               b;
    cos_json_t              j;
    cos_seg_t              *seg;
    ngx_http_cos_append_t  *a = &p->append[i];

    ngx_memzero(&j, sizeof(cos_json_t));
    seg = ngx_pcalloc(ctx->request->pool, sizeof(cos_seg_t));
    if (seg == NULL) {
        return NGX_ERROR;
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

    cos_buf_init(&b, &ctx->alloc, 512);

    if (j.seq == 0 || cos_json_encode(&b, &j) != 0 || b.err) {
        return NGX_ERROR;
    }

    a->rec.kind = COS_J_PART;
    a->rec.weighs = 1;
    a->rec.seq = j.seq;
    a->rec.payload.data = bytes;
    a->rec.payload.len = seg->len;
    a->rec.payload_crc = j.object.crc64;
    a->rec.json.data = b.data;
    a->rec.json.len = b.len;
    a->handler = append_handler;
    a->data = ctx;
    a->slot = p->commit.slot;

    ngx_http_cos_expect(ctx, copy_placed);

    if (ngx_http_cos_store_append(a) != NGX_OK) {
        ctx->pending--;
        ctx->request->main->blocked--;
        a->err = COS_E_UNAVAILABLE;
    }

    return NGX_OK;
}


static ngx_int_t
copy_have(ngx_http_cos_ctx_t *ctx)
{
    uint32_t                i;
    uint64_t                at;
    copy_t                 *p = ctx->op;
    ngx_http_cos_commit_t  *c = &p->commit;

    if (p->err != COS_OK) {

        if (p->error == ENOENT && ++p->tries < MAX_TRIES) {
            /* replaced or compacted meanwhile */
            give_back(p);
            ngx_http_cos_cache_drop(&p->source.object_fact.key);
            return ngx_http_cos_source(ctx, &p->source, 1, copy_source);
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

        return ngx_http_cos_commit(ctx, c, copy_done);
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

        if (append_segment(ctx, p, i, p->mem + at) != NGX_OK) {
            p->append[i].err = COS_E_INTERNAL;
        }

        at += p->segs[i].len;
    }

    return ctx->pending ? NGX_AGAIN : NGX_OK;
}


static ngx_int_t
copy_placed(ngx_http_cos_ctx_t *ctx)
{
    uint32_t                i;
    copy_t                 *p = ctx->op;
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

    return ngx_http_cos_commit(ctx, c, copy_done);
}


/* --- under other keys, or none ------------------------------------------------- */

static ngx_int_t
copy_recrypt(ngx_http_cos_ctx_t *ctx)
{
    copy_t               *p = ctx->op;
    cos_err_e             err;
    cos_object_t         *o = &p->source.object;
    ngx_http_cos_take_t  *t = p->feed.take;

    if (t == NULL) {
        t = ngx_pcalloc(ctx->request->pool, sizeof(ngx_http_cos_take_t));
        if (t == NULL) {
            return NGX_ERROR;
        }

        p->feed.take = t;
        t->in.sum_type = p->sum != COS_SUM_NONE ? p->sum : o->sum_type;
        t->slot = p->commit.slot;

        err = ngx_http_cos_take_local(ctx, t, o->size);

        if (err != COS_OK) {
            return ngx_http_cos_fail(ctx, err, ctx->reason);
        }

    } else if ((uint64_t) t->in.length != o->size) {
        /* the source was replaced while its bytes were looked for */
        return ngx_http_cos_fail(ctx, COS_E_UNAVAILABLE, NULL);
    }

    p->feed.o = o;
    p->feed.pos = 0;
    p->feed.left = o->size;

    return ngx_http_cos_feed(ctx, &p->feed, copy_fed);
}


/* One segment, so the copy is a plain object whatever the source was. */
static ngx_int_t
copy_fed(ngx_http_cos_ctx_t *ctx)
{
    copy_t               *p = ctx->op;
    cos_object_t         *o = &p->commit.json.object;
    ngx_http_cos_take_t  *t = p->feed.take;

    if (p->feed.error == ENOENT && t->in.size == 0 && ++p->tries < MAX_TRIES) {
        ngx_http_cos_cache_drop(&p->source.object_fact.key);
        return ngx_http_cos_source(ctx, &p->source, 1, copy_source);
    }

    if (t->err != COS_OK) {
        return ngx_http_cos_fail(ctx, t->err, NULL);
    }

    if (t->in.out_crc64 != p->source.object.crc64) {
        return ngx_http_cos_fail(ctx, COS_E_INTERNAL,
                                 "the bytes of the source are damaged");
    }

    o->parts = 0;
    o->flags &= (cos_u8) ~COS_F_SUM_COMPOSITE;
    ngx_str_null(&o->attr[COS_X_PART_SIZES]);
    ngx_str_null(&o->attr[COS_X_PART_SUMS]);
    ngx_http_cos_take_record(t, o);

    return ngx_http_cos_take_finish(ctx, t, &p->commit.json, copy_stored);
}


static ngx_int_t
copy_stored(ngx_http_cos_ctx_t *ctx)
{
    copy_t  *p = ctx->op;

    return ngx_http_cos_take_commit(ctx, p->feed.take, &p->commit, copy_done);
}


static ngx_int_t
copy_done(ngx_http_cos_ctx_t *ctx)
{
    cos_buf_t               b;
    copy_t                 *p = ctx->op;
    ngx_http_cos_commit_t  *c = &p->commit;

    if (!c->ok) {
        return ngx_http_cos_commit_fail(ctx, c);
    }

    if (ngx_http_cos_class_header(ctx, &c->json.object) != NGX_OK) {
        return NGX_ERROR;
    }

    cos_buf_init(&b, &ctx->alloc, 512);
    cos_xml_copy(&b, ctx->name.dialect, &c->json.object);

    if (ngx_http_cos_object_headers(ctx, &c->json.object) != NGX_OK
        || ngx_http_cos_source_headers(ctx, &p->source) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_cos_reply(ctx, NGX_HTTP_OK, &b);
}
