/*
 * Taking in a body: from nginx's buffers through the ingest. Small bodies on
 * the loop; larger ones in the thread pool, two pieces at a time: while one is
 * being written the next is hashed, and the loop receives into whatever memory
 * is free. Threads do each half of the work in the order of the pieces, one
 * passing the turn to the next without the loop: to wake it, and to be woken by
 * it, takes as long as to hash a good part of a piece.
 *
 * A thread waits only for one that was given its piece before, so it is running
 * or done. Nothing ends while a thread is busy, whatever went wrong: it uses
 * the request's memory and the container. Then the first error counts, in the
 * order of the bytes.
 */

#include "ngx_http_cos_class.h"
#include "ngx_http_cos_sse.h"


/* hashing this much takes the loop about 30 microseconds */
#define INLINE_MAX  16384


static ngx_int_t take_inline(ngx_http_cos_ctx_t *ctx);
static ngx_int_t take_pieces(ngx_http_cos_ctx_t *ctx);
static ngx_http_cos_piece_t *free_piece(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_take_t *t);
static ngx_int_t take_ended(ngx_http_cos_ctx_t *ctx);


/* --- where bytes go ----------------------------------------------------------------- */

static void
take_cleanup(void *data)
{
    ngx_uint_t            committed, unknown;
    ngx_http_cos_take_t  *t = data;

    cos_ingest_free(&t->in);

    (void) pthread_cond_destroy(&t->turned);
    (void) pthread_mutex_destroy(&t->lock);

    if (t->solo == 0) {
        return;
    }

    committed = t->commit && t->commit->ok;
    unknown = t->commit && t->commit->unknown;

    if (t->in.in_solo && !committed && !unknown) {
        ngx_http_cos_store_dead(&t->ctx->bucket.id, &t->solo, 1);
    }

    /* without its notes it stays where recovery looks for it */
    ngx_http_cos_store_solo_end(t->solo, committed
                                && t->commit->noted == t->commit->to_note);
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

    if (pthread_mutex_init(&t->lock, NULL) != 0
        || pthread_cond_init(&t->turned, NULL) != 0)
    {
        return COS_E_INTERNAL;
    }

    cln->handler = take_cleanup;
    cln->data = t;

    if (in->length >= 0 && (uint64_t) in->length <= pack_max) {
        in->mem_cap = in->length;

    } else {
        t->solo = ngx_http_cos_store_solo_id(t->slot);
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

    if ((err = ngx_http_cos_promises(ctx, in)) != COS_OK
        || (err = ngx_http_cos_lock_promised(ctx, in)) != COS_OK)
    {
        return err;
    }

    if (in->length > 0 && (uint64_t) in->length > in->max) {
        return COS_E_ENTITY_TOO_LARGE;
    }

    if ((err = place(ctx, t)) != COS_OK
        || (err = ngx_http_cos_sse_begin(ctx, in)) != COS_OK)
    {
        return err;
    }

    return cos_ingest_begin(in);
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

    if ((err = place(ctx, t)) != COS_OK
        || (err = ngx_http_cos_sse_begin(ctx, &t->in)) != COS_OK)
    {
        return err;
    }

    return cos_ingest_begin(&t->in);
}


cos_err_e
ngx_http_cos_take_unsized(ngx_http_cos_ctx_t *ctx, ngx_http_cos_take_t *t,
    uint64_t max)
{
    cos_err_e  err;

    t->ctx = ctx;
    t->in.sig = &ctx->sig;

    if ((err = ngx_http_cos_promises(ctx, &t->in)) != COS_OK) {
        return err;
    }

    /* the length of the body is not that of the payload in it */
    t->in.length = -1;
    t->in.max = ngx_min(max, (uint64_t) ctx->lcf->max_object_size);

    if ((err = place(ctx, t)) != COS_OK
        || (err = ngx_http_cos_sse_begin(ctx, &t->in)) != COS_OK)
    {
        return err;
    }

    return cos_ingest_begin(&t->in);
}


/* --- the body ------------------------------------------------------------------------- */

static void
wait_turn(ngx_http_cos_take_t *t, ngx_uint_t *turn, ngx_uint_t n)
{
    (void) pthread_mutex_lock(&t->lock);

    while (*turn != n) {
        (void) pthread_cond_wait(&t->turned, &t->lock);
    }

    (void) pthread_mutex_unlock(&t->lock);
}


static void
pass_turn(ngx_http_cos_take_t *t, ngx_uint_t *turn)
{
    (void) pthread_mutex_lock(&t->lock);
    (*turn)++;
    (void) pthread_cond_broadcast(&t->turned);
    (void) pthread_mutex_unlock(&t->lock);
}


/* A piece that is broken, or comes after one that is, goes by: those behind it
 * wait for their turn. */
static void
work(void *data)
{
    ngx_chain_t           *cl;
    ngx_http_cos_piece_t  *p = data;
    ngx_http_cos_take_t   *t = p->take;

    wait_turn(t, &t->to_read, p->n);

    for (cl = p->chain; cl && p->err == COS_OK; cl = cl->next) {
        p->err = cos_ingest_read(&t->in, cl->buf->pos,
                                 cl->buf->last - cl->buf->pos, &p->payload);
    }

    pass_turn(t, &t->to_read);
    wait_turn(t, &t->to_store, p->n);

    if (p->err == COS_OK) {
        p->err = cos_ingest_store(&t->in, &p->payload);
    }

    pass_turn(t, &t->to_store);
}


ngx_int_t
ngx_http_cos_take(ngx_http_cos_ctx_t *ctx, ngx_http_cos_take_t *t,
    ngx_http_cos_step_pt next)
{
    ngx_uint_t  i;

    t->next = next;
    ctx->take = t;

    /* what stays in memory is not worth a second thread, nor a buffer */
    t->npieces = t->solo ? NGX_HTTP_COS_PIECES : 1;

    for (i = 0; i < t->npieces; i++) {
        t->piece[i].take = t;
        t->piece[i].side.work = work;
        t->piece[i].side.data = &t->piece[i];
    }

    if (ngx_http_cos_body_begin(ctx, t->in_thread ? take_pieces : take_inline)
        != NGX_OK)
    {
        t->err = ctx->error;
        return ngx_http_cos_goto(ctx, next);
    }

    return NGX_OK;
}


static ngx_int_t
take_inline(ngx_http_cos_ctx_t *ctx)
{
    ngx_int_t             rc;
    ngx_chain_t          *in, *cl;
    ngx_http_cos_take_t  *t = ctx->take;

    while (t->in.err == COS_OK) {
        rc = ngx_http_cos_body_take(ctx, &in, take_inline);

        if (rc == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        if (rc != NGX_OK) {
            t->err = rc == NGX_DONE ? COS_OK : ctx->error;
            break;
        }

        for (cl = in; cl; cl = cl->next) {
            (void) cos_ingest_feed(&t->in, cl->buf->pos,
                                   cl->buf->last - cl->buf->pos);
        }

        ngx_http_cos_body_free(ctx, in);
    }

    return ngx_http_cos_goto(ctx, take_ended);
}


/* Runs again whenever a thread is done or more has come. */
static ngx_int_t
take_pieces(ngx_http_cos_ctx_t *ctx)
{
    ngx_int_t              rc;
    ngx_http_cos_take_t   *t = ctx->take;
    ngx_http_cos_piece_t  *p;

    for (p = free_piece(ctx, t); p && t->err == COS_OK;
         p = free_piece(ctx, t))
    {
        rc = ngx_http_cos_body_take(ctx, &p->chain, take_pieces);

        if (rc == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        if (rc != NGX_OK) {
            t->err = rc == NGX_DONE ? COS_OK : ctx->error;
            break;
        }

        p->n = t->sent;
        p->err = COS_OK;
        ngx_memzero(&p->payload, sizeof(cos_piece_t));

        if (ngx_http_cos_beside(ctx, &p->side) != NGX_OK) {
            t->err = COS_E_INTERNAL;
            break;
        }

        t->sent++;
    }

    if (p == NULL && t->err == COS_OK) {
        if (t->npieces > 1) {
            ngx_http_cos_body_ahead(ctx, take_pieces);
        }

        return NGX_AGAIN;
    }

    /* the end of the body, or an error */

    return ctx->sides ? NGX_AGAIN : ngx_http_cos_goto(ctx, take_ended);
}


/* Gives back what threads are done with. */
static ngx_http_cos_piece_t *
free_piece(ngx_http_cos_ctx_t *ctx, ngx_http_cos_take_t *t)
{
    ngx_uint_t             i;
    ngx_http_cos_piece_t  *p, *found;

    found = NULL;

    for (i = 0; i < t->npieces; i++) {
        p = &t->piece[i];

        if (p->side.busy) {
            continue;
        }

        ngx_http_cos_body_free(ctx, p->chain);
        p->chain = NULL;
        found = p;

        if (p->err != COS_OK && t->err == COS_OK) {
            t->err = p->err;
        }
    }

    return found;
}


static ngx_int_t
take_ended(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_cos_take_t  *t = ctx->take;

    /* what was received before the body broke off came first; after the last
     * byte there is little left to compute */
    if (t->in.store_err != COS_OK || t->in.err != COS_OK || t->err == COS_OK) {
        t->err = cos_ingest_end(&t->in);
    }

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
                             t->in.disk_crc64, t->text);
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

    ngx_http_cos_stamp(ctx, json, 0);
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

    ngx_http_cos_sse_record(t->ctx, o);
}
