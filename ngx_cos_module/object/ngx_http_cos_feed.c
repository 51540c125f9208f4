/*
 * Bytes of an object as the payload of another one: read, decrypted if need
 * be, and given to the ingest, a slice at a time in the thread pool.
 */

#include "ngx_http_cos_object.h"
#include "ngx_http_cos_sse.h"


#define SLICE  (4 * 1024 * 1024)


static ngx_int_t feed_next(ngx_http_cos_ctx_t *ctx);


ngx_int_t
ngx_http_cos_feed(ngx_http_cos_ctx_t *ctx, ngx_http_cos_feed_t *f,
    ngx_http_cos_step_pt next)
{
    f->next = next;
    f->crypt = ctx->sse ? ctx->sse->source : NULL;
    f->store = ngx_http_cos_store_dir();
    f->error = 0;

    f->buf = ngx_palloc(ctx->request->pool, ngx_min(f->left, SLICE) + 1);
    if (f->buf == NULL) {
        return NGX_ERROR;
    }

    ctx->take = f->take;
    f->take->feed = f;

    return ngx_http_cos_goto(ctx, feed_next);
}


/* The next slice; after the last one the ingest is ended. */
static void
slice(void *data)
{
    size_t                n;
    cos_ingest_t         *in;
    ngx_http_cos_feed_t  *f = data;

    in = &f->take->in;
    n = ngx_min(f->left, SLICE);

    if (ngx_http_cos_source_read(f->store, f->o, f->pos, f->buf, n) != 0) {
        f->error = errno;
        return;
    }

    if (f->crypt && cos_sse_apply(f->crypt, f->o, f->pos, f->buf, n) != 0) {
        f->error = EIO;
        return;
    }

    f->pos += n;
    f->left -= n;

    if (cos_ingest_feed(in, f->buf, n) != COS_OK || f->left == 0) {
        (void) cos_ingest_end(in);
        f->ended = 1;
    }
}


static ngx_int_t
feed_next(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_cos_take_t  *t = ctx->take;
    ngx_http_cos_feed_t  *f = t->feed;

    if (f->error) {
        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, f->error,
                      "cos %V: cannot read the source of a copy", &ctx->id);

        /* replaced, or moved by compaction */
        t->err = f->error == ENOENT ? COS_E_UNAVAILABLE : COS_E_INTERNAL;
        return ngx_http_cos_goto(ctx, f->next);
    }

    if (f->ended) {
        t->err = t->in.err;
        return ngx_http_cos_goto(ctx, f->next);
    }

    return ngx_http_cos_thread(ctx, slice, f, feed_next);
}
