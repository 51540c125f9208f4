/*
 * CopyObject. Nothing large is read: a large object's containers get second
 * names (hard links) that the copy owns; what lies in packs is read and
 * appended anew. Only where the encryption changes, another checksum is asked
 * for, or much lies in packs, are all bytes read and written again; and where
 * the copy's class has a directory of its own the containers are copied.
 *
 *   copy_begin   what the destination gets
 *   copy_source  the source is known and may be read
 *   copy_bytes   its bytes are placed (ngx_http_cos_copy_bytes.c)
 *   copy_anew, copy_fed, copy_stored: instead, when written anew
 *   copy_done    committed: answer
 */

#include "ngx_http_cos_class.h"
#include "ngx_http_cos_copy.h"
#include "cos_parts.h"
#include "ngx_http_cos_object.h"
#include "ngx_http_cos_sse.h"
#include "ngx_http_cos_sums.h"
#include "ngx_http_cos_tags.h"


#define PACKED_MAX  (4 * 1024 * 1024) /* held in memory, and appended at once */


static ngx_int_t copy_anew(ngx_http_cos_ctx_t *ctx);
static ngx_int_t copy_fed(ngx_http_cos_ctx_t *ctx);
static ngx_int_t copy_stored(ngx_http_cos_ctx_t *ctx);


/* Also of a copy that was refused or given up: parts of an upload that nobody
 * knows are nothing to a rebuild. */
static void
resolve_segments(ngx_http_cos_copy_t *p)
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
void
ngx_http_cos_copy_give_back(void *data)
{
    uint32_t              i;
    ngx_http_cos_copy_t  *p = data;

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
directive(ngx_http_cos_ctx_t *ctx, ngx_http_cos_copy_t *p)
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
    ngx_http_cos_copy_t  *p;
    cos_err_e             err;
    ngx_pool_cleanup_t   *cln;

    p = ngx_pcalloc(ctx->request->pool, sizeof(ngx_http_cos_copy_t));
    cln = ngx_pool_cleanup_add(ctx->request->pool, 0);
    if (p == NULL || cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_cos_copy_give_back;
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

    return ngx_http_cos_source(ctx, &p->source, 0, ngx_http_cos_copy_source);
}


/* The record of the copy, all but its bytes. */
static void
copy_record(ngx_http_cos_copy_t *p)
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


/* The tags of the source go with the bytes (S3, CopyObject, "Permissions"): who
 * copies has to see them there, and to give them here. */
static cos_err_e
may_carry_tags(ngx_http_cos_ctx_t *ctx, ngx_http_cos_copy_t *p)
{
    cos_err_e              err;
    cos_tag_t             *tags;
    cos_policy_about_t     about = { NULL };
    ngx_http_cos_place_t   place;
    ngx_http_cos_along_t   along;

    ngx_http_cos_source_place(&p->source, &place);
    along.first = place.version ? COS_ACT_GET_VERSION : COS_ACT_GET;
    along.perm = NGX_HTTP_COS_PERM_READ;
    along.action = place.version ? COS_ACT_GET_VERSION_TAGS
                                 : COS_ACT_GET_TAGS;
    along.about = NULL;

    err = ngx_http_cos_may_too(ctx, &place, &along);
    if (err != COS_OK) {
        return err;
    }

    ngx_http_cos_place(ctx, &place);
    err = cos_tags_parse(&tags, &place.ntags,
                         p->source.object.attr[COS_X_TAGS], &ctx->alloc);
    if (err != COS_OK) {
        return err;
    }

    place.tags = tags;
    along.first = COS_ACT_PUT;
    along.perm = NGX_HTTP_COS_PERM_WRITE;
    along.action = COS_ACT_PUT_TAGS;
    along.about = &about;

    return ngx_http_cos_may_too(ctx, &place, &along);
}


/* Bytes that lie in packs: of an object that was appended to, all may. */
static uint64_t
packed(const cos_object_t *o)
{
    uint32_t  i;
    uint64_t  n;

    for (i = 0, n = 0; i < o->nsegs; i++) {
        n += cos_cid_is_solo(o->segs[i].cid) ? 0 : o->segs[i].len;
    }

    return n;
}


ngx_int_t
ngx_http_cos_copy_source(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_cos_copy_t    *p = ctx->op;
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

    if (!p->replace_tags && o->attr[COS_X_TAGS].len) {
        err = may_carry_tags(ctx, p);

        if (err != COS_OK) {
            return ngx_http_cos_fail(ctx, err, NULL);
        }
    }

    if (!p->replace && !p->replace_tags
        && cos_str_eq(p->source.bucket_name, ctx->name.bucket)
        && cos_str_eq(p->source.key, ctx->name.key)
        && ngx_http_cos_header(ctx, "storage-class") == NULL
        && ngx_http_cos_header(ctx, "acl") == NULL
        && ngx_http_cos_header(ctx, "server-side-encryption") == NULL
        && ngx_http_cos_header(ctx, "website-redirect-location") == NULL
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

    if (p->sum != COS_SUM_NONE
        && (o->sum_type != p->sum || (o->flags & COS_F_SUM_COMPOSITE)))
    {
        return copy_anew(ctx);
    }

    p->gather = packed(o) > PACKED_MAX;

    if (p->gather || !ngx_http_cos_sse_share(ctx, &c->json.object, o)) {
        return copy_anew(ctx);
    }

    return ngx_http_cos_goto(ctx, ngx_http_cos_copy_bytes);
}


/* --- written anew ------------------------------------------------------------ */

static ngx_int_t
copy_anew(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_cos_copy_t  *p = ctx->op;
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


/* The copy has one segment, so its checksum is of all bytes. Where they are
 * written anew only because they were scattered it has the ETag, the checksum
 * and the parts of the source. */
static ngx_int_t
fed_record(ngx_http_cos_ctx_t *ctx, ngx_http_cos_copy_t *p)
{
    cos_object_t  *o = &p->commit.json.object;

    if (p->gather) {
        ngx_http_cos_sse_record(ctx, o);
        return cos_parts_list(o, &p->source.object, &ctx->alloc) == 0
               ? NGX_OK : NGX_ERROR;
    }

    ngx_str_null(&o->attr[COS_X_PART_SIZES]);
    ngx_str_null(&o->attr[COS_X_PART_SUMS]);
    o->parts = 0;
    o->flags &= (cos_u8) ~COS_F_SUM_COMPOSITE;
    ngx_http_cos_take_record(p->feed.take, o);

    return NGX_OK;
}


static ngx_int_t
copy_fed(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_cos_copy_t  *p = ctx->op;
    ngx_http_cos_take_t  *t = p->feed.take;

    if (p->feed.error == ENOENT && t->in.size == 0
        && ++p->tries < NGX_HTTP_COS_COPY_TRIES)
    {
        ngx_http_cos_cache_drop(&p->source.object_fact.key);
        return ngx_http_cos_source(ctx, &p->source, 1,
                                   ngx_http_cos_copy_source);
    }

    if (t->err != COS_OK) {
        return ngx_http_cos_fail(ctx, t->err, NULL);
    }

    if (t->in.out_crc64 != p->source.object.crc64) {
        return ngx_http_cos_fail(ctx, COS_E_INTERNAL,
                                 "the bytes of the source are damaged");
    }

    if (fed_record(ctx, p) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_cos_take_finish(ctx, t, &p->commit.json, copy_stored);
}


static ngx_int_t
copy_stored(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_cos_copy_t  *p = ctx->op;

    return ngx_http_cos_take_commit(ctx, p->feed.take, &p->commit,
                                    ngx_http_cos_copy_done);
}


ngx_int_t
ngx_http_cos_copy_done(ngx_http_cos_ctx_t *ctx)
{
    cos_buf_t               b;
    ngx_http_cos_copy_t    *p = ctx->op;
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
