/*
 * Sending an encrypted object. There is nothing for sendfile: bytes are read
 * and decrypted into one of two buffers, while what is in the other one leaves;
 * into the same one as long as all of it leaves at once, as it is still in the
 * CPU's cache.
 *
 *   crypt_fill     the next piece. On the loop, if the page cache has it: that
 *                  takes some ten microseconds, less than handing it to a
 *                  thread. Else in the thread pool, and the next few as well
 *   crypt_filled   header, if it was not sent yet; this piece is handed out,
 *                  the next one begun
 *
 * A buffer is filled again only when all that was handed out has left. The
 * header waits for the first piece, so that what cannot be read is an error
 * document.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "ngx_http_cos_object.h"
#include "ngx_http_cos_get.h"
#include "ngx_http_cos_sse.h"

#include <sys/uio.h>


#define PIECE       262144
#define PIECE_LOOP  131072            /* on the loop; stays in the CPU's cache */
#define TURN        1048576           /* then it is others' turn */
#define COLD        8                 /* pieces in the thread pool, after one
                                         that was not in the page cache */


/* The thread that fills a buffer has g->seg, g->seg_pos and g->left to itself. */
struct ngx_http_cos_get_crypt_s {
    ngx_http_cos_get_t  *g;
    const cos_object_t  *o;
    cos_crypt_t         *crypt;
    u_char              *buf[2];
    ngx_buf_t            out[2];
    size_t               size;        /* of each */
    ngx_uint_t           which;       /* is being filled, or was last */
    size_t               want;        /* at most so much */
    size_t               len;         /* filled */
    int                  flags;       /* for preadv2() */
    ngx_uint_t           cold;        /* pieces left */
    size_t               turn;        /* sent since others had theirs */
    ngx_err_t            err;
    unsigned             failed:1;    /* to send */
};

typedef struct ngx_http_cos_get_crypt_s  crypt_t;


static ngx_int_t crypt_fill(ngx_http_cos_ctx_t *ctx);
static ngx_int_t crypt_filled(ngx_http_cos_ctx_t *ctx);


static crypt_t *
create(ngx_http_cos_ctx_t *ctx, ngx_http_cos_get_t *g)
{
    crypt_t     *c;
    ngx_pool_t  *pool = ctx->request->pool;

    c = ngx_pcalloc(pool, sizeof(crypt_t));
    if (c == NULL) {
        return NULL;
    }

    c->g = g;
    c->o = &ctx->object;
    c->crypt = ctx->sse->crypt;
    c->size = ngx_min(g->left, PIECE);
    c->buf[0] = ngx_palloc(pool, c->size);
    c->buf[1] = c->buf[0];

    if (g->left > c->size) {
        c->buf[1] = ngx_palloc(pool, c->size);
    }

    return c->buf[0] && c->buf[1] ? c : NULL;
}


/* Reads len bytes, all of them. 0, or an errno; EAGAIN with RWF_NOWAIT where
 * it would wait for the disk. */
static ngx_err_t
read_all(int fd, u_char *p, size_t len, uint64_t off, int flags)
{
    ssize_t       n;
    struct iovec  iov;

    while (len) {
        iov.iov_base = p;
        iov.iov_len = len;

        n = preadv2(fd, &iov, 1, (off_t) off, flags);

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n <= 0) {
            return n == 0 ? EIO : errno;
        }

        p += n;
        len -= n;
        off += n;
    }

    return 0;
}


/* Fills a buffer with what comes next, at most to the end of the window. */
static void
fill(void *data)
{
    size_t               len;
    crypt_t             *c = data;
    u_char              *p = c->buf[c->which];
    const cos_u8        *nonce;
    const cos_seg_t     *s;
    ngx_http_cos_get_t  *g = c->g;

    c->err = 0;
    c->len = 0;

    while (c->len < c->want && g->left && g->seg < g->win + g->nopen) {
        s = &c->o->segs[g->seg];
        len = ngx_min(s->len - g->seg_pos, g->left);
        len = ngx_min(len, c->want - c->len);
        nonce = c->o->attr[COS_X_NONCES].data
                + (size_t) g->seg * COS_CRYPT_NONCE;

        c->err = read_all(g->open[g->seg - g->win].file->fd, p + c->len, len,
                          s->off + g->seg_pos, c->flags);
        if (c->err) {
            return;
        }

        if (cos_crypt_seek(c->crypt, nonce, g->seg_pos) != 0
            || cos_crypt_update(c->crypt, p + c->len, p + c->len, len) != 0)
        {
            c->err = EIO;
            return;
        }

        c->len += len;
        g->left -= len;
        g->seg_pos += len;

        if (g->seg_pos == s->len) {
            g->seg++;
            g->seg_pos = 0;
        }
    }
}


/* NGX_OK when the page cache had all of it. */
static ngx_int_t
fill_now(crypt_t *c)
{
    uint32_t             seg;
    uint64_t             pos, left;
    ngx_http_cos_get_t  *g = c->g;

    seg = g->seg;
    pos = g->seg_pos;
    left = g->left;

    c->flags = RWF_NOWAIT;
    c->want = ngx_min(c->size, PIECE_LOOP);
    fill(c);
    c->flags = 0;
    c->want = c->size;

    if (c->err == 0) {
        return NGX_OK;
    }

    /* whatever it is: a thread will see it, too */
    g->seg = seg;
    g->seg_pos = pos;
    g->left = left;

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_cos_get_crypt(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_cos_get_t  *g = ctx->op;

    if (g->crypt == NULL) {
        g->whole = g->left;
        g->crypt = create(ctx, g);
        if (g->crypt == NULL) {
            return NGX_ERROR;
        }
    }

    return ngx_http_cos_goto(ctx, crypt_fill);
}


static ngx_int_t
crypt_fill(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_cos_get_t  *g = ctx->op;
    crypt_t             *c = g->crypt;

    if (c->cold == 0) {
        if (fill_now(c) == NGX_OK) {
            return ngx_http_cos_goto(ctx, crypt_filled);
        }

        c->cold = COLD;
    }

    c->cold--;

    return ngx_http_cos_thread(ctx, fill, c, crypt_filled);
}


static ngx_int_t
hand_out(ngx_http_cos_ctx_t *ctx, crypt_t *c, ngx_uint_t which, size_t len,
    ngx_uint_t last)
{
    ngx_buf_t    *b = &c->out[which];
    ngx_chain_t   out;

    ngx_memzero(b, sizeof(ngx_buf_t));
    b->pos = c->buf[which];
    b->last = b->pos + len;
    b->memory = 1;
    b->flush = !last;
    b->last_buf = last;
    b->last_in_chain = last;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(ctx->request, &out);
}


static ngx_int_t
crypt_filled(ngx_http_cos_ctx_t *ctx)
{
    size_t               len;
    crypt_t             *c;
    ngx_int_t            rc;
    ngx_uint_t           which;
    ngx_http_cos_get_t  *g = ctx->op;
    ngx_http_request_t  *r = ctx->request;

    c = g->crypt;

    if (c->failed) {
        return ngx_http_cos_sent(ctx, NGX_ERROR);
    }

    if (c->err) {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, c->err,
                      "cos %V: bytes of an encrypted object in bucket \"%V\" "
                      "cannot be read", &ctx->id, &ctx->name.bucket);

        return g->header_sent ? ngx_http_cos_sent(ctx, NGX_ERROR)
                              : ngx_http_cos_fail(ctx, COS_E_INTERNAL, NULL);
    }

    if (!g->header_sent) {
        if (g->left) {
            ngx_http_cos_get_cork(r);
        }

        rc = ngx_http_cos_get_header(ctx, g->whole);
        if (rc != NGX_OK) {
            return rc;
        }

    } else if (r->buffered || r->connection->buffered) {
        /* the other buffer is still being sent */
        return ngx_http_cos_get_drain(ctx, crypt_filled);
    }

    which = c->which;
    len = c->len;

    if (g->left == 0) {
        return ngx_http_cos_sent(ctx, hand_out(ctx, c, which, len, 1));
    }

    c->which = !which;

    if (g->seg == g->win + g->nopen) {
        rc = hand_out(ctx, c, which, len, 0);

        return rc == NGX_ERROR ? ngx_http_cos_sent(ctx, rc)
                               : ngx_http_cos_goto(ctx, ngx_http_cos_get_open);
    }

    if (c->cold == 0) {
        rc = hand_out(ctx, c, which, len, 0);

        if (rc == NGX_ERROR) {
            return ngx_http_cos_sent(ctx, rc);
        }

        if (!r->buffered && !r->connection->buffered) {
            /* all of it is the kernel's */
            c->which = which;
        }

        c->turn += len;

        if (c->turn < TURN) {
            return ngx_http_cos_goto(ctx, crypt_fill);
        }

        c->turn = 0;

        return ngx_http_cos_get_yield(ctx, crypt_fill);
    }

    c->cold--;

    if (ngx_http_cos_thread(ctx, fill, c, crypt_filled) != NGX_AGAIN) {
        return ngx_http_cos_sent(ctx, NGX_ERROR);
    }

    /* the thread has the request's memory: an error waits for it */
    c->failed = hand_out(ctx, c, which, len, 0) == NGX_ERROR;

    return NGX_AGAIN;
}
