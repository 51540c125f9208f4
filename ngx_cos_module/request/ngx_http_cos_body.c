/*
 * Request bodies. Nothing is buffered by nginx: bytes are taken as they come,
 * and not asking for more is the back-pressure (they stay in the socket or in
 * the HTTP/2 window). Memory for each upload is one client_body_buffer_size.
 */

#include "ngx_http_cos.h"


typedef struct {
    size_t                 max;
    cos_err_e              too_large;
    ngx_str_t             *text;
    size_t                 cap;
    ngx_http_cos_step_pt   next;
} ngx_http_cos_small_t;


static void begun(ngx_http_request_t *r);
static ngx_int_t receive(ngx_http_cos_ctx_t *ctx);
static ngx_chain_t *first_run(ngx_http_cos_ctx_t *ctx);
static void turn(ngx_http_cos_ctx_t *ctx);
static ngx_int_t small_step(ngx_http_cos_ctx_t *ctx);


static void
begun(ngx_http_request_t *r)
{
    /* with request_body_no_buffering this is called before
     * ngx_http_read_client_request_body() returns: nothing to do yet */
    (void) r;
}


ngx_int_t
ngx_http_cos_body_begin(ngx_http_cos_ctx_t *ctx, ngx_http_cos_step_pt next)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r = ctx->request;

    ctx->step = next;
    ctx->body_started = 1;

    r->request_body_no_buffering = 1;

    rc = ngx_http_read_client_request_body(r, begun);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        ctx->error = ngx_http_cos_err_of_status(rc);
        return NGX_ERROR;
    }

    /* the content handler holds the request already */
    r->main->count--;

    return NGX_OK;
}


ngx_int_t
ngx_http_cos_body_take(ngx_http_cos_ctx_t *ctx, ngx_chain_t **in,
    ngx_http_cos_step_pt next)
{
    ngx_chain_t              *cl;
    ngx_http_request_t       *r = ctx->request;
    ngx_http_request_body_t  *rb = r->request_body;

    if (ngx_http_cos_pace_wait(ctx, next) != NGX_OK) {
        return NGX_AGAIN;
    }

    if (rb->bufs == NULL && r->reading_body && receive(ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    if (rb->bufs) {
        *in = first_run(ctx);

        for (cl = *in; cl; cl = cl->next) {
            ctx->bytes_in += cl->buf->last - cl->buf->pos;
        }

        return NGX_OK;
    }

    if (!r->reading_body) {
        ctx->body_done = 1;
        return NGX_DONE;
    }

    ctx->step = next;
    r->read_event_handler = ngx_http_cos_body_readable;

    return NGX_AGAIN;
}


static ngx_int_t
receive(ngx_http_cos_ctx_t *ctx)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r = ctx->request;

    if (ctx->body_failed) {
        return NGX_ERROR;
    }

    turn(ctx);

    rc = ngx_http_read_unbuffered_request_body(r);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        ctx->body_failed = 1;
        ctx->error = r->connection->error && rc == NGX_HTTP_BAD_REQUEST
                     ? COS_E_INCOMPLETE_BODY
                     : ngx_http_cos_err_of_status(rc);
        return NGX_ERROR;
    }

    /* the time that our disk takes is not the client's */
    if (r->request_body->bufs && r->connection->read->timer_set) {
        ngx_del_timer(r->connection->read);
    }

    return NGX_OK;
}


static ngx_uint_t
lies_in(ngx_buf_t *area, ngx_buf_t *b)
{
    return area && b->pos >= area->start && b->pos < area->end;
}


/* What has arrived may begin in the buffer of the request's header, and go on
 * from one of the body's buffers to the other. */
static ngx_chain_t *
first_run(ngx_http_cos_ctx_t *ctx)
{
    ngx_buf_t                *b;
    ngx_uint_t                current, spare;
    ngx_chain_t              *in, *cl;
    ngx_http_request_body_t  *rb = ctx->request->request_body;

    in = rb->bufs;
    current = lies_in(rb->buf, in->buf);
    spare = lies_in(ctx->body_spare, in->buf);

    for (cl = in; cl->next; cl = cl->next) {
        b = cl->next->buf;

        if (b->pos < b->last && (lies_in(rb->buf, b) != current
                                 || lies_in(ctx->body_spare, b) != spare))
        {
            break;
        }
    }

    rb->bufs = cl->next;
    cl->next = NULL;

    return in;
}


void
ngx_http_cos_body_ahead(ngx_http_cos_ctx_t *ctx, ngx_http_cos_step_pt next)
{
    ngx_http_request_t       *r = ctx->request;
    ngx_http_request_body_t  *rb = r->request_body;

    ctx->step = next;

    if (!r->reading_body || ctx->pace.rate) {
        return;
    }

    if (receive(ctx) == NGX_OK && r->reading_body
        && rb->buf->last < rb->buf->end)
    {
        r->read_event_handler = ngx_http_cos_body_readable;
    }
}


/* Whether bytes in area were received and not given back. */
static ngx_uint_t
in_use(ngx_http_request_body_t *rb, ngx_buf_t *area)
{
    ngx_chain_t  *cl;

    for (cl = rb->busy; cl; cl = cl->next) {
        if (lies_in(area, cl->buf) && cl->buf->pos < cl->buf->last) {
            return 1;
        }
    }

    return 0;
}


/* Lends nginx the other buffer when its own is full and in use: all that it
 * does with a full one is to wait until nothing is in use. HTTP/2 counts its
 * window by the one buffer that it has, and keeps that. */
static void
turn(ngx_http_cos_ctx_t *ctx)
{
    ngx_buf_t                 *full;
    ngx_http_request_t        *r = ctx->request;
    ngx_http_request_body_t   *rb = r->request_body;
    ngx_http_core_loc_conf_t  *clcf;

#if (NGX_HTTP_V2)
    if (r->stream) {
        return;
    }
#endif

    full = rb->buf;

    if (rb->rest == 0 || full->last < full->end || full->pos < full->last
        || !in_use(rb, full))
    {
        return;
    }

    if (ctx->body_spare == NULL) {
        clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

        ctx->body_spare = ngx_create_temp_buf(r->pool,
                                              clcf->client_body_buffer_size);
        if (ctx->body_spare == NULL) {
            /* slower with one, but not wrong */
            return;
        }

    } else if (in_use(rb, ctx->body_spare)) {
        return;
    }

    rb->buf = ctx->body_spare;
    rb->buf->pos = rb->buf->start;
    rb->buf->last = rb->buf->start;

    ctx->body_spare = full;
}


void
ngx_http_cos_body_free(ngx_http_cos_ctx_t *ctx, ngx_chain_t *in)
{
    ngx_chain_t  *next;

    for ( /* void */ ; in; in = next) {
        next = in->next;
        in->buf->pos = in->buf->last;
        ngx_free_chain(ctx->request->pool, in);
    }
}


/* --- bodies that are documents ------------------------------------------------ */

ngx_int_t
ngx_http_cos_read_small(ngx_http_cos_ctx_t *ctx, size_t max,
    cos_err_e too_large, ngx_str_t *text, ngx_http_cos_step_pt next)
{
    off_t                  length;
    ngx_http_cos_small_t  *s;

    length = ctx->request->headers_in.content_length_n;

    if (length > (off_t) max) {
        ctx->error = too_large;
        return ngx_http_cos_goto(ctx, next);
    }

    s = ngx_palloc(ctx->request->pool, sizeof(ngx_http_cos_small_t));
    if (s == NULL) {
        return NGX_ERROR;
    }

    s->max = max;
    s->too_large = too_large;
    s->text = text;
    s->next = next;
    s->cap = length >= 0 ? (size_t) length : ngx_min(max, 4096);

    text->len = 0;
    text->data = ngx_pnalloc(ctx->request->pool, s->cap + 1);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    ctx->op = s;

    if (ngx_http_cos_body_begin(ctx, small_step) != NGX_OK) {
        ctx->op = NULL;
        return ngx_http_cos_goto(ctx, next);
    }

    return NGX_OK;
}


static ngx_int_t
small_add(ngx_http_cos_ctx_t *ctx, ngx_http_cos_small_t *s, u_char *p,
    size_t n)
{
    size_t   cap;
    u_char  *grown;

    if (n > s->max - s->text->len) {
        ctx->error = s->too_large;
        return NGX_DECLINED;
    }

    if (n > s->cap - s->text->len) {
        cap = ngx_min(s->max, ngx_max(2 * s->cap, s->text->len + n));

        grown = ngx_pnalloc(ctx->request->pool, cap + 1);
        if (grown == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(grown, s->text->data, s->text->len);
        s->text->data = grown;
        s->cap = cap;
    }

    ngx_memcpy(s->text->data + s->text->len, p, n);
    s->text->len += n;

    return NGX_OK;
}


static ngx_int_t
small_step(ngx_http_cos_ctx_t *ctx)
{
    ngx_int_t              rc;
    ngx_chain_t           *in, *cl;
    ngx_http_cos_small_t  *s = ctx->op;

    for ( ;; ) {
        rc = ngx_http_cos_body_take(ctx, &in, small_step);

        if (rc == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        if (rc != NGX_OK) {
            break;
        }

        for (cl = in; cl && rc == NGX_OK; cl = cl->next) {
            rc = small_add(ctx, s, cl->buf->pos, cl->buf->last - cl->buf->pos);
        }

        ngx_http_cos_body_free(ctx, in);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED) {
            break;
        }
    }

    if (rc == NGX_DONE && ctx->request->headers_in.content_length_n > 0
        && (off_t) s->text->len
           != ctx->request->headers_in.content_length_n)
    {
        ctx->error = COS_E_INCOMPLETE_BODY;
    }

    ctx->op = NULL;

    return ngx_http_cos_goto(ctx, s->next);
}
