/*
 * Sending an object: header, then the bytes of the open window. Small answers
 * leave in one system call, large ones as file buffers, which nginx sends by
 * sendfile.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "ngx_http_cos_class.h"
#include "ngx_http_cos_get.h"
#include "ngx_http_cos_sse.h"

#include <sys/uio.h>


#define INLINE_MAX    16384           /* read into memory, header and body
                                         leave in one system call */
#define WARM_BYTES    (1024 * 1024)
#define COS_PAGE      4096
#define SEEN_BITS     10              /* so many places, as a power of two */
#define SEEN_MSEC     500


/* A place that was in the page cache just now. */
typedef struct {
    uint64_t    cid;
    uint64_t    off;
    ngx_msec_t  at;
} seen_t;

static seen_t  seen[1 << SEEN_BITS];


static ngx_int_t
get_headers(ngx_http_cos_ctx_t *ctx, ngx_http_cos_get_t *g, uint64_t length)
{
    u_char              *p;
    ngx_str_t            value;
    ngx_http_request_t  *r = ctx->request;
    cos_object_t        *o = &ctx->object;
    static ngx_str_t     bytes = ngx_string("bytes");
    static ngx_str_t     type[] = {
        ngx_string("normal"), ngx_string("appendable")
    };

    r->headers_out.last_modified_time = o->mtime / 1000;

    if (ngx_http_cos_object_headers(ctx, o) != NGX_OK
        || ngx_http_cos_set_header(r, "Accept-Ranges", &bytes) != NGX_OK
        || ngx_http_cos_stored_headers(ctx, o) != NGX_OK
        || ngx_http_cos_class_header(ctx, o) != NGX_OK
        || ngx_http_cos_restore_headers(ctx, o) != NGX_OK
        || ngx_http_cos_lock_headers(ctx, o) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->name.dialect == COS_DIALECT_COS
        && ngx_http_cos_set_header(r, "x-cos-object-type",
                       &type[(o->flags & COS_F_APPENDABLE) != 0])
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (g->part && ngx_http_cos_get_part_headers(ctx, g) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!g->partial) {
        return !g->part && ngx_http_cos_header(ctx, "checksum-mode")
               ? ngx_http_cos_checksum_headers(ctx, o) : NGX_OK;
    }

    p = ngx_pnalloc(r->pool, sizeof("bytes -/") - 1 + 3 * NGX_OFF_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;
    value.len = ngx_sprintf(p, "bytes %uL-%uL/%uL", g->first,
                            g->first + length - 1, o->size)
                - p;

    return ngx_http_cos_set_header(r, "Content-Range", &value);
}


/* Small answers: the bytes are read into memory when the page cache has them,
 * which never waits for the disk; header and body then leave in one call. */
static ngx_int_t
read_inline(ngx_http_cos_ctx_t *ctx, ngx_http_cos_get_t *g, ngx_buf_t *b, uint64_t off,
    size_t len)
{
    u_char        *p;
    ssize_t        n;
    struct iovec   iov;

    p = ngx_palloc(ctx->request->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    iov.iov_base = p;
    iov.iov_len = len;

    n = preadv2(g->open[0].file->fd, &iov, 1, (off_t) off, RWF_NOWAIT);

    if (n != (ssize_t) len) {
        return NGX_DECLINED;
    }

    b->pos = p;
    b->last = p + len;
    b->memory = 1;

    return NGX_OK;
}


static void
warm(void *data)
{
    ssize_t  n;
    ngx_http_cos_get_t   *g = data;

    /* whatever goes wrong here is seen by the read that sends */
    n = pread(g->warm_fd, g->warm, g->warm_len, (off_t) g->warm_off);
    (void) n;
}


static seen_t *
seen_at(uint64_t cid, uint64_t off)
{
    return &seen[((cid * 31 + off / COS_PAGE) * 0x9e3779b97f4a7c15)
                 >> (64 - SEEN_BITS)];
}


/* Brings the beginning of what is to be sent into the page cache, in the
 * thread pool, when it is not there; NGX_OK: it is. What was read so lately
 * is not given up yet, and need not be looked for. */
static ngx_int_t
warm_up(ngx_http_cos_ctx_t *ctx, ngx_http_cos_get_t *g)
{
    u_char         c;
    seen_t        *s;
    ssize_t        n;
    struct iovec   iov;

    if (g->warm) {
        return NGX_OK;
    }

    g->warm_fd = g->open[0].file->fd;
    g->warm_off = ctx->object.segs[g->seg].off + g->seg_pos;

    s = seen_at(g->open[0].cid, g->warm_off);

    if (s->cid == g->open[0].cid && s->off == g->warm_off
        && ngx_current_msec - s->at < SEEN_MSEC)
    {
        return NGX_OK;
    }

    iov.iov_base = &c;
    iov.iov_len = 1;
    n = preadv2(g->warm_fd, &iov, 1, (off_t) g->warm_off, RWF_NOWAIT);

    if (n == 1 || ngx_errno != EAGAIN) {
        s->cid = g->open[0].cid;
        s->off = g->warm_off;
        s->at = ngx_current_msec;
        return NGX_OK;
    }

    g->warm_len = ngx_min(ctx->object.segs[g->seg].len - g->seg_pos,
                          WARM_BYTES);
    g->warm_len = ngx_min(g->warm_len, g->left);
    g->warm = ngx_palloc(ctx->request->pool, g->warm_len);

    if (g->warm == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_cos_thread(ctx, warm, g, ngx_http_cos_get_send);
}


/* The buffers of the open window; advances g. */
static ngx_chain_t *
window(ngx_http_cos_ctx_t *ctx, ngx_http_cos_get_t *g)
{
    size_t               len;
    uint32_t             i;
    uint64_t             off;
    ngx_buf_t           *b;
    ngx_chain_t         *out, *cl, **ll;
    cos_object_t        *o = &ctx->object;
    ngx_http_request_t  *r = ctx->request;

    out = NULL;
    ll = &out;

    for (i = 0; i < g->nopen && g->left; i++) {

        b = ngx_calloc_buf(r->pool);
        cl = ngx_alloc_chain_link(r->pool);
        if (b == NULL || cl == NULL) {
            return NULL;
        }

        len = ngx_min(o->segs[g->seg].len - g->seg_pos, g->left);
        off = o->segs[g->seg].off + g->seg_pos;

        g->left -= len;
        g->seg_pos = 0;
        g->seg++;

        if (len == 0) {
            continue;
        }

        if (len > INLINE_MAX || g->left || i
            || read_inline(ctx, g, b, off, len) != NGX_OK)
        {
            b->file = ngx_pcalloc(r->pool, sizeof(ngx_file_t));
            if (b->file == NULL) {
                return NULL;
            }

            if (off % COS_PAGE) {
                ngx_http_cos_get_no_delay(r);
            }

            b->in_file = 1;
            b->file_pos = off;
            b->file_last = off + len;
            b->file->fd = g->open[i].file->fd;
            b->file->name = g->open[i].file->name;
            b->file->log = r->connection->log;
        }

        b->last_in_chain = (g->left == 0);
        b->last_buf = (g->left == 0);
        b->flush = 0;

        cl->buf = b;
        cl->next = NULL;
        *ll = cl;
        ll = &cl->next;
    }

    return out;
}


/* r->write_event_handler while a window drains. */
static void
drain(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_event_t               *wev;
    ngx_http_cos_ctx_t        *ctx;
    ngx_http_core_loc_conf_t  *clcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_cos_module);
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    wev = r->connection->write;

    if (wev->timedout) {
        r->connection->timedout = 1;
        ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    rc = ngx_http_output_filter(r, NULL);

    if (rc == NGX_ERROR) {
        ngx_http_finalize_request(r, NGX_ERROR);
        return;
    }

    if (r->buffered || r->connection->buffered) {

        if (!wev->delayed) {
            ngx_add_timer(wev, clcf->send_timeout);
        }

        if (ngx_handle_write_event(wev, clcf->send_lowat) != NGX_OK) {
            ngx_http_finalize_request(r, NGX_ERROR);
        }

        return;
    }

    /* that of a rate limit is still needed */
    if (wev->timer_set && !wev->delayed) {
        ngx_del_timer(wev);
    }

    ctx->step = ((ngx_http_cos_get_t *) ctx->op)->drained;
    rc = ngx_http_cos_run(ctx);

    if (rc != NGX_AGAIN) {
        ngx_http_finalize_request(r, rc);
    }
}


static ngx_int_t
wait_output(ngx_http_cos_ctx_t *ctx, ngx_http_cos_step_pt next,
    ngx_queue_t *posted)
{
    ngx_http_cos_get_t  *g = ctx->op;
    ngx_http_request_t  *r = ctx->request;

    g->drained = next;

    ctx->draining = 1;
    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = drain;
    ngx_post_event(r->connection->write, posted);

    return NGX_AGAIN;
}


ngx_int_t
ngx_http_cos_get_drain(ngx_http_cos_ctx_t *ctx, ngx_http_cos_step_pt next)
{
    return wait_output(ctx, next, &ngx_posted_events);
}


ngx_int_t
ngx_http_cos_get_yield(ngx_http_cos_ctx_t *ctx, ngx_http_cos_step_pt next)
{
    return wait_output(ctx, next, &ngx_posted_next_events);
}


ngx_int_t
ngx_http_cos_get_header(ngx_http_cos_ctx_t *ctx, uint64_t length)
{
    ngx_int_t            rc;
    ngx_http_cos_get_t  *g = ctx->op;

    if (get_headers(ctx, g, length) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_cos_start(ctx, g->status, length);
    g->header_sent = 1;

    return rc == NGX_ERROR || rc > NGX_OK || ctx->request->header_only
           ? ngx_http_cos_sent(ctx, rc) : NGX_OK;
}


ngx_int_t
ngx_http_cos_get_send(ngx_http_cos_ctx_t *ctx)
{
    ngx_int_t            rc;
    ngx_buf_t           *last;
    ngx_chain_t         *out, end;
    ngx_http_cos_get_t               *g = ctx->op;
    ngx_http_request_t  *r = ctx->request;

    if (g->nopen && ctx->sse && ctx->sse->crypt) {
        return ngx_http_cos_goto(ctx, ngx_http_cos_get_crypt);
    }

    if (g->nopen && g->left > INLINE_MAX && !g->header_sent) {
        rc = warm_up(ctx, g);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (!g->header_sent) {
        rc = ngx_http_cos_get_header(ctx, g->left);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (g->left == 0) {
        last = ngx_calloc_buf(r->pool);
        if (last == NULL) {
            return ngx_http_cos_sent(ctx, NGX_ERROR);
        }

        last->last_buf = 1;
        last->last_in_chain = 1;
        end.buf = last;
        end.next = NULL;

        return ngx_http_cos_sent(ctx, ngx_http_output_filter(r, &end));
    }

    out = window(ctx, g);
    if (out == NULL) {
        return ngx_http_cos_sent(ctx, NGX_ERROR);
    }

    rc = ngx_http_cos_get_output(r, out);

    if (g->left == 0 || rc == NGX_ERROR) {
        return ngx_http_cos_sent(ctx, rc);
    }

    /* more windows: go on when this one has left */
    return ngx_http_cos_get_drain(ctx, ngx_http_cos_get_open);
}
