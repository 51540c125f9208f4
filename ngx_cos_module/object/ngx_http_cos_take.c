/*
 * Taking in a body: from nginx's buffers through the ingest, small bodies on
 * the loop, larger ones in the thread pool, a buffer at a time.
 */

#include "ngx_http_cos_object.h"


/* hashing this much takes the loop about 30 microseconds */
#define INLINE_MAX  16384


static ngx_int_t take_body(ngx_http_cos_ctx_t *ctx);
static ngx_int_t take_fed(ngx_http_cos_ctx_t *ctx);
static ngx_int_t take_ended(ngx_http_cos_ctx_t *ctx);


/* --- promises -------------------------------------------------------------------- */

static cos_err_e
promised_md5(ngx_http_cos_ctx_t *ctx, cos_ingest_t *in)
{
    cos_u8               raw[32];
    const cos_header_t  *h;

    h = cos_header(&ctx->http, "content-md5");

    if (h == NULL) {
        return COS_OK;
    }

    if (cos_header_count(&ctx->http, "content-md5") > 1) {
        return COS_E_INVALID_DIGEST;
    }

    if (h->value.len != 24 || cos_unbase64(raw, h->value) != COS_MD5_LEN) {
        return COS_E_INVALID_DIGEST;
    }

    ngx_memcpy(in->md5, raw, COS_MD5_LEN);
    in->has_md5 = 1;

    return COS_OK;
}


static cos_sum_e
sum_by_name(cos_str_t s)
{
    int  t;

    for (t = COS_SUM_CRC32; t < COS_SUM_MAX; t++) {
        if (cos_str_iis(s, cos_sum_name(t))) {
            return t;
        }
    }

    return COS_SUM_NONE;
}


/* x-amz-checksum-<algorithm>: <base64>, or its announcement as a trailer. */
static cos_err_e
promised_sum(ngx_http_cos_ctx_t *ctx, cos_ingest_t *in)
{
    size_t               i, n;
    cos_u8               raw[66];
    cos_str_t            name;
    const cos_header_t  *h;

    for (i = 0, n = 0; i < ctx->http.nheaders; i++) {
        h = &ctx->http.headers[i];

        if (!cos_str_starts(h->name, "x-amz-checksum-")) {
            continue;
        }

        name.data = h->name.data + 15;
        name.len = h->name.len - 15;

        if (cos_str_is(name, "mode") || cos_str_is(name, "type")
            || cos_str_is(name, "algorithm"))
        {
            continue;
        }

        in->sum_type = sum_by_name(name);

        if (in->sum_type == COS_SUM_NONE || n++) {
            return COS_E_INVALID_CHECKSUM;
        }

        if (h->value.len > 64
            || cos_unbase64(raw, h->value)
               != (ptrdiff_t) cos_sum_len(in->sum_type))
        {
            return COS_E_INVALID_CHECKSUM;
        }

        ngx_memcpy(in->sum, raw, cos_sum_len(in->sum_type));
        in->has_sum = 1;
    }

    h = cos_header(&ctx->http, "x-amz-trailer");

    if (h && h->value.len && in->chunked) {
        in->trailers = h->value;

        if (cos_str_starts(h->value, "x-amz-checksum-")) {
            name.data = h->value.data + 15;
            name.len = h->value.len - 15;

            if (in->has_sum || sum_by_name(name) == COS_SUM_NONE) {
                return COS_E_INVALID_CHECKSUM;
            }

            in->sum_type = sum_by_name(name);
            in->sum_trailer = 1;
        }
    }

    /* an algorithm without a value: computed, stored, answered */
    h = ngx_http_cos_header(ctx, "sdk-checksum-algorithm");

    if (h && h->value.len && !in->has_sum && !in->sum_trailer) {
        in->sum_type = sum_by_name(h->value);

        if (in->sum_type == COS_SUM_NONE) {
            return COS_E_INVALID_CHECKSUM;
        }
    }

    return COS_OK;
}


static cos_err_e
promised_rest(ngx_http_cos_ctx_t *ctx, cos_ingest_t *in)
{
    const cos_header_t  *h;

    h = cos_header(&ctx->http, "x-cos-content-sha1");

    if (h && h->value.len) {
        if (cos_unhex(in->sha1, COS_SHA1_LEN, h->value) != 0) {
            return COS_E_INVALID_SHA1;
        }
        in->has_sha1 = 1;
    }

    h = cos_header(&ctx->http, "x-cos-hash-crc64ecma");

    if (h && h->value.len) {
        if (cos_str_uint(h->value, &in->crc64) != 0) {
            return COS_E_INVALID_CHECKSUM;
        }
        in->has_crc64 = 1;
    }

    if (ctx->sig.scheme == COS_SIG_V4
        && ctx->sig.payload == COS_PAYLOAD_SHA256)
    {
        ngx_memcpy(in->sha256, ctx->sig.payload_sha256, COS_SHA256_LEN);
        in->has_sha256 = 1;
    }

    return COS_OK;
}


static cos_err_e
payload_length(ngx_http_cos_ctx_t *ctx, cos_ingest_t *in)
{
    uint64_t             n;
    const cos_header_t  *h;
    ngx_http_request_t  *r = ctx->request;

    in->length = r->headers_in.content_length_n;

    if (in->length < 0 && !r->headers_in.chunked
#if (NGX_HTTP_V2)
        && r->stream == NULL
#endif
       )
    {
        return COS_E_MISSING_LENGTH;
    }

    in->chunked = ctx->sig.scheme == COS_SIG_V4
                  && ctx->sig.payload >= COS_PAYLOAD_STREAM_SIGNED;

    if (!in->chunked) {
        return COS_OK;
    }

    h = cos_header(&ctx->http, "x-amz-decoded-content-length");

    if (h == NULL) {
        return COS_E_MISSING_LENGTH;
    }

    if (cos_str_uint(h->value, &n) != 0 || n > INT64_MAX) {
        return COS_E_INVALID_ARGUMENT;
    }

    in->length = n;

    return COS_OK;
}


/* The parsers read BOS' JSON as well: a document must be of its dialect. */
static cos_err_e
of_dialect(ngx_http_cos_ctx_t *ctx, ngx_str_t *text)
{
    size_t  i;

    if (ctx->name.dialect == COS_DIALECT_BOS) {
        return COS_OK;
    }

    for (i = 0; i < text->len && text->data[i] <= ' '; i++) { /* void */ }

    return i < text->len && text->data[i] == '{' ? COS_E_MALFORMED_XML
                                                 : COS_OK;
}


cos_err_e
ngx_http_cos_check_document(ngx_http_cos_ctx_t *ctx, ngx_str_t *text,
    ngx_uint_t sums)
{
    cos_err_e     err;
    cos_ingest_t  in;

    ngx_memzero(&in, sizeof(cos_ingest_t));

    in.length = -1;
    in.max = text->len;
    in.sig = &ctx->sig;
    in.mem_cap = text->len;
    in.chunked = ctx->sig.scheme == COS_SIG_V4
                 && ctx->sig.payload >= COS_PAYLOAD_STREAM_SIGNED;

    if ((err = promised_md5(ctx, &in)) != COS_OK
        || (sums && (err = promised_sum(ctx, &in)) != COS_OK)
        || (err = promised_rest(ctx, &in)) != COS_OK)
    {
        return err;
    }

    if (text->len == 0 && !in.has_md5 && !in.has_sum && !in.has_sha256) {
        return COS_OK;
    }

    in.mem = ngx_palloc(ctx->request->pool, text->len + 1);
    if (in.mem == NULL) {
        return COS_E_INTERNAL;
    }

    err = cos_ingest_begin(&in);

    if (err == COS_OK && text->len) {
        err = cos_ingest_feed(&in, text->data, text->len);
    }

    if (err == COS_OK) {
        err = cos_ingest_end(&in);
    }

    cos_ingest_free(&in);

    if (err == COS_OK && in.chunked) {
        /* what was framed is the document */
        text->data = in.mem;
        text->len = in.mem_len;
    }

    return err != COS_OK ? err : of_dialect(ctx, text);
}


/* --- where bytes go ----------------------------------------------------------------- */

static void
take_cleanup(void *data)
{
    ngx_uint_t            committed, unknown;
    ngx_http_cos_take_t  *t = data;

    cos_ingest_free(&t->in);

    if (t->solo == 0) {
        return;
    }

    committed = t->commit && t->commit->ok;
    unknown = t->commit && t->commit->unknown;

    if (t->in.in_solo && !committed && !unknown) {
        ngx_http_cos_store_dead(&t->ctx->bucket.id, &t->solo, 1);
    }

    ngx_http_cos_store_solo_end(t->solo, committed);
    t->solo = 0;
}


static cos_err_e
place(ngx_http_cos_ctx_t *ctx, ngx_http_cos_take_t *t)
{
    size_t               pack_max = ctx->mcf->store.pack_max;
    cos_ingest_t        *in = &t->in;
    ngx_pool_cleanup_t  *cln;

    if (!ngx_http_cos_store_writable() || !ngx_http_cos_redis_ready()) {
        ctx->reason = "the store takes no writes now";
        return COS_E_UNAVAILABLE;
    }

    in->store = ngx_http_cos_store_dir();
    t->in_thread = in->length < 0 || in->length > INLINE_MAX;

    cln = ngx_pool_cleanup_add(ctx->request->pool, 0);
    if (cln == NULL) {
        return COS_E_INTERNAL;
    }

    cln->handler = take_cleanup;
    cln->data = t;

    if (in->length >= 0 && (uint64_t) in->length <= pack_max) {
        in->mem_cap = in->length;

    } else {
        t->solo = ngx_http_cos_store_solo_id();
        if (t->solo == 0) {
            return COS_E_UNAVAILABLE;
        }

        in->solo_cid = t->solo;
        in->mem_cap = in->length < 0 ? pack_max : 0;
    }

    if (in->mem_cap) {
        in->mem = ngx_palloc(ctx->request->pool, in->mem_cap);
        if (in->mem == NULL) {
            return COS_E_INTERNAL;
        }
    }

    return COS_OK;
}


cos_err_e
ngx_http_cos_take_init(ngx_http_cos_ctx_t *ctx, ngx_http_cos_take_t *t)
{
    cos_err_e      err;
    cos_ingest_t  *in = &t->in;

    t->ctx = ctx;
    in->max = ctx->lcf->max_object_size;
    in->sig = &ctx->sig;

    if ((err = payload_length(ctx, in)) != COS_OK
        || (err = promised_md5(ctx, in)) != COS_OK
        || (err = promised_sum(ctx, in)) != COS_OK
        || (err = promised_rest(ctx, in)) != COS_OK)
    {
        return err;
    }

    if (in->length > 0 && (uint64_t) in->length > in->max) {
        return COS_E_ENTITY_TOO_LARGE;
    }

    err = place(ctx, t);

    return err != COS_OK ? err : cos_ingest_begin(in);
}


cos_err_e
ngx_http_cos_take_local(ngx_http_cos_ctx_t *ctx, ngx_http_cos_take_t *t,
    uint64_t length)
{
    cos_err_e  err;

    t->ctx = ctx;
    t->in.max = ctx->lcf->max_object_size;
    t->in.length = length;

    if (length > t->in.max) {
        return COS_E_ENTITY_TOO_LARGE;
    }

    err = place(ctx, t);

    return err != COS_OK ? err : cos_ingest_begin(&t->in);
}


/* --- the body ------------------------------------------------------------------------- */

static void
feed(void *data)
{
    ngx_chain_t          *cl;
    ngx_http_cos_take_t  *t = data;

    for (cl = t->chain; cl && t->in.err == COS_OK; cl = cl->next) {
        (void) cos_ingest_feed(&t->in, cl->buf->pos,
                               cl->buf->last - cl->buf->pos);
    }
}


static void
end(void *data)
{
    ngx_http_cos_take_t  *t = data;

    (void) cos_ingest_end(&t->in);
}


ngx_int_t
ngx_http_cos_take(ngx_http_cos_ctx_t *ctx, ngx_http_cos_take_t *t,
    ngx_http_cos_step_pt next)
{
    t->next = next;
    ctx->take = t;

    if (ngx_http_cos_body_begin(ctx, take_body) != NGX_OK) {
        t->err = ctx->error;
        return ngx_http_cos_goto(ctx, next);
    }

    return NGX_OK;
}


static ngx_int_t
take_body(ngx_http_cos_ctx_t *ctx)
{
    ngx_int_t             rc;
    ngx_http_cos_take_t  *t = ctx->take;

    for ( ;; ) {
        rc = ngx_http_cos_body_take(ctx, &t->chain, take_body);

        if (rc == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        if (rc == NGX_DONE) {
            if (t->in_thread) {
                return ngx_http_cos_thread(ctx, end, t, take_ended);
            }

            end(t);
            return ngx_http_cos_goto(ctx, take_ended);
        }

        if (rc != NGX_OK) {
            t->err = ctx->error;
            return ngx_http_cos_goto(ctx, t->next);
        }

        if (t->in_thread) {
            return ngx_http_cos_thread(ctx, feed, t, take_fed);
        }

        feed(t);
        ngx_http_cos_body_free(ctx, t->chain);

        if (t->in.err != COS_OK) {
            return ngx_http_cos_goto(ctx, take_ended);
        }
    }
}


static ngx_int_t
take_fed(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_cos_take_t  *t = ctx->take;

    ngx_http_cos_body_free(ctx, t->chain);

    return ngx_http_cos_goto(ctx, t->in.err == COS_OK ? take_body
                                                      : take_ended);
}


static ngx_int_t
take_ended(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_cos_take_t  *t = ctx->take;

    t->err = t->in.err;

    if (t->err == COS_E_UNAVAILABLE) {
        /* no descriptor for its file: the next try shall find one */
        ngx_http_cos_store_close_idle();
    }

    return ngx_http_cos_goto(ctx, t->next);
}


/* --- a container of its own --------------------------------------------------------------- */

static void
finish(void *data)
{
    ngx_http_cos_take_t  *t = data;

    t->err = cos_solo_finish(&t->in.solo, t->json->kind, t->json->seq,
                             t->in.out_crc64, t->text);
    t->in.solo_open = 0;
}


ngx_int_t
ngx_http_cos_take_finish(ngx_http_cos_ctx_t *ctx, ngx_http_cos_take_t *t,
    cos_json_t *json, ngx_http_cos_step_pt next)
{
    cos_buf_t      b;
    cos_object_t  *o = &json->object;

    json->self = 1;

    o->segs = ngx_pcalloc(ctx->request->pool, sizeof(cos_seg_t));
    if (o->segs == NULL) {
        return NGX_ERROR;
    }

    o->nsegs = 1;
    o->segs[0].len = t->in.size;

    if (!t->in.in_solo) {
        return ngx_http_cos_goto(ctx, next);
    }

    json->seq = ngx_http_cos_seq();
    o->seq = json->seq;
    o->segs[0].cid = t->solo;
    o->segs[0].off = COS_SOLO_PAYLOAD;

    cos_buf_init(&b, &ctx->alloc, 512);

    if (json->seq == 0 || cos_json_encode(&b, json) != 0 || b.err) {
        t->err = json->seq ? COS_E_INTERNAL : COS_E_UNAVAILABLE;
        return ngx_http_cos_goto(ctx, next);
    }

    t->json = json;
    t->text.data = b.data;
    t->text.len = b.len;

    /* from here to the outcome the operation no longer depends on whether
     * the client waits for it */
    ngx_http_cos_hold(ctx);

    return ngx_http_cos_thread(ctx, finish, t, next);
}


void
ngx_http_cos_take_record(ngx_http_cos_take_t *t, cos_object_t *o)
{
    cos_ingest_t  *in = &t->in;

    o->size = in->size;
    o->crc64 = in->out_crc64;
    ngx_memcpy(o->etag, in->out_md5, COS_MD5_LEN);

    o->sum_type = in->sum_type;

    if (in->sum_type != COS_SUM_NONE) {
        ngx_memcpy(o->sum, in->out_sum, cos_sum_len(in->sum_type));
    }

    o->mtime = ngx_http_cos_now();
}
