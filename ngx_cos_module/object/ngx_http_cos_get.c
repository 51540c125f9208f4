/*
 * GetObject and HeadObject.
 *
 *   get_begin   conditions and range; what to send is known
 *   get_open    descriptors of the containers it lies in
 *   get_send    header, then the bytes as file buffers
 *
 * Conditions and ranges are decided here and not by nginx's filters, because
 * their refusals are documents of the API. Objects of very many parts are
 * sent a window of containers at a time, so that one download cannot use up
 * the descriptors of the worker.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <sys/uio.h>

#include "ngx_http_cos.h"
#include "ngx_http_cos_object.h"


#define WINDOW        16              /* containers open at once */
#define INLINE_MAX    16384           /* read into memory, header and body
                                         leave in one system call */
#define WARM_BYTES    (1024 * 1024)

typedef struct {
    uint64_t               first;     /* of the object's bytes to be sent */
    uint64_t               left;
    uint32_t               seg;       /* next segment */
    uint64_t               seg_pos;   /* offset of first within it */
    uint32_t               nopen;
    ngx_http_cos_open_t    open[WINDOW];
    ngx_uint_t             status;
    unsigned               partial:1;
    unsigned               refetched:1;
    unsigned               header_sent:1;
    u_char                *warm;      /* scratch for the thread */
    ngx_fd_t               warm_fd;
    uint64_t               warm_off;
    size_t                 warm_len;
} get_t;


static ngx_int_t get_plan(ngx_http_cos_ctx_t *ctx);
static ngx_int_t get_open(ngx_http_cos_ctx_t *ctx);
static ngx_int_t get_opened(ngx_http_cos_ctx_t *ctx);
static ngx_int_t get_refetched(ngx_http_cos_ctx_t *ctx);
static ngx_int_t get_send(ngx_http_cos_ctx_t *ctx);
static ngx_int_t get_headers(ngx_http_cos_ctx_t *ctx, get_t *g);


/* --- conditions (RFC 9110 section 13.2.2) -------------------------------------- */

static ngx_int_t
not_modified(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_request_t  *r = ctx->request;

    r->headers_out.last_modified_time = ctx->object.mtime / 1000;

    if (ngx_http_cos_object_headers(ctx, &ctx->object) != NGX_OK) {
        return NGX_ERROR;
    }

    r->header_only = 1;

    return ngx_http_cos_sent(ctx,
                   ngx_http_cos_start(ctx, NGX_HTTP_NOT_MODIFIED, -1));
}


/* An answer, or NGX_OK to go on. */
static ngx_int_t
conditions(ngx_http_cos_ctx_t *ctx)
{
    const cos_header_t  *match, *none, *since, *unmod;

    if (ctx->http.nheaders == 0) {
        return NGX_OK;
    }

    match = cos_header(&ctx->http, "if-match");
    none = cos_header(&ctx->http, "if-none-match");
    since = cos_header(&ctx->http, "if-modified-since");
    unmod = cos_header(&ctx->http, "if-unmodified-since");

    switch (ngx_http_cos_test_conditions(&ctx->object, match, none, since,
                                         unmod))
    {
    case NGX_DECLINED:
        return ngx_http_cos_fail(ctx, COS_E_PRECONDITION_FAILED, NULL);
    case NGX_ABORT:
        return not_modified(ctx);
    default:
        return NGX_OK;
    }
}


/* A Range counts only when If-Range, if any, still names this object. */
static ngx_uint_t
range_applies(ngx_http_cos_ctx_t *ctx)
{
    char                 etag[40];
    cos_str_t            want, have;
    int64_t              t;
    const cos_header_t  *h;

    h = cos_header(&ctx->http, "if-range");

    if (h == NULL) {
        return 1;
    }

    want = h->value;

    if (want.len > 2 && want.data[0] == '"') {
        have.data = (u_char *) etag;
        have.len = cos_object_etag(etag, ctx->object.etag, ctx->object.parts);
        want.data++;
        want.len -= 2;
        return cos_str_eq(want, have);
    }

    t = cos_parse_http_date(want);

    return t >= 0 && (uint64_t) t == ctx->object.mtime / 1000;
}


ngx_int_t
ngx_http_cos_get_object(ngx_http_cos_ctx_t *ctx)
{
    const cos_arg_t  *v;

    v = cos_arg(&ctx->http.args, "versionId");

    if (v && v->value.len && !cos_str_is(v->value, "null")) {
        return ngx_http_cos_fail(ctx, COS_E_NO_SUCH_VERSION, NULL);
    }

    if (!ctx->identity.known && ngx_http_cos_has_overrides(ctx)) {
        return ngx_http_cos_fail(ctx, COS_E_INVALID_REQUEST,
                  "response-* parameters need a signed request");
    }

    ctx->op = ngx_pcalloc(ctx->request->pool, sizeof(get_t));
    if (ctx->op == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_cos_goto(ctx, get_plan);
}


static ngx_int_t
get_plan(ngx_http_cos_ctx_t *ctx)
{
    ngx_int_t            rc;
    uint64_t             first, last;
    get_t               *g = ctx->op;
    cos_object_t        *o = &ctx->object;
    const cos_header_t  *h;

    rc = conditions(ctx);
    if (rc != NGX_OK) {
        return rc;
    }

    g->first = 0;
    g->left = o->size;
    g->status = NGX_HTTP_OK;

    h = cos_header(&ctx->http, "range");

    if (h && range_applies(ctx)) {

        switch (cos_range_parse(h->value, o->size, &first, &last)) {

        case -1:
            return ngx_http_cos_range_error(ctx, o->size);

        case 1:
            g->first = first;
            g->left = last - first + 1;
            g->status = NGX_HTTP_PARTIAL_CONTENT;
            g->partial = 1;
            break;

        default:
            break;
        }
    }

    for (g->seg = 0, g->seg_pos = g->first;
         g->seg < o->nsegs && g->seg_pos >= o->segs[g->seg].len;
         g->seg++)
    {
        g->seg_pos -= o->segs[g->seg].len;
    }

    if (ctx->request->method == NGX_HTTP_HEAD || g->left == 0) {
        return ngx_http_cos_goto(ctx, get_send);
    }

    return ngx_http_cos_goto(ctx, get_open);
}


/* --- descriptors ------------------------------------------------------------------ */

static void
release(void *data)
{
    uint32_t   i;
    get_t     *g = data;

    for (i = 0; i < WINDOW; i++) {
        if (g->open[i].file) {
            ngx_http_cos_store_release(g->open[i].file);
            g->open[i].file = NULL;
        }
    }

    g->nopen = 0;
}


static void
open_done(ngx_http_cos_open_t *o)
{
    ngx_http_cos_arrived(o->data);
}


static ngx_int_t
get_open(ngx_http_cos_ctx_t *ctx)
{
    uint32_t             i;
    uint64_t             have;
    ngx_int_t            rc;
    get_t               *g = ctx->op;
    cos_object_t        *o = &ctx->object;
    ngx_pool_cleanup_t  *cln;

    if (!g->header_sent && g->nopen == 0) {
        cln = ngx_pool_cleanup_add(ctx->request->pool, 0);
        if (cln == NULL) {
            return NGX_ERROR;
        }

        cln->handler = release;
        cln->data = g;
    }

    release(g);

    have = 0;

    for (i = g->seg; i < o->nsegs && g->nopen < WINDOW; i++) {

        if (have >= g->left) {
            break;
        }

        have += o->segs[i].len - (i == g->seg ? g->seg_pos : 0);

        ngx_memzero(&g->open[g->nopen], sizeof(ngx_http_cos_open_t));
        g->open[g->nopen].cid = o->segs[i].cid;
        g->open[g->nopen].handler = open_done;
        g->open[g->nopen].data = ctx;

        ngx_http_cos_expect(ctx, get_opened);

        rc = ngx_http_cos_store_file(&g->open[g->nopen]);
        g->nopen++;

        if (rc != NGX_AGAIN) {
            ctx->pending--;
            ctx->request->main->blocked--;
        }
    }

    return ctx->pending ? NGX_AGAIN : ngx_http_cos_goto(ctx, get_opened);
}


static ngx_int_t
get_opened(ngx_http_cos_ctx_t *ctx)
{
    uint32_t   i;
    ngx_err_t  err;
    get_t     *g = ctx->op;

    for (i = 0; i < g->nopen; i++) {

        if (g->open[i].file) {
            continue;
        }

        err = g->open[i].err;

        if (err == ENOENT && !g->refetched && !g->header_sent) {
            /* compaction moved it since the record was read */
            g->refetched = 1;
            ngx_http_cos_cache_drop(&ctx->object_fact.key);

            switch (ngx_http_cos_ask(ctx, &ctx->object_fact, 1,
                                     get_refetched))
            {
            case NGX_OK:
                return ngx_http_cos_goto(ctx, get_refetched);
            case NGX_AGAIN:
                return NGX_AGAIN;
            default:
                return ngx_http_cos_fail(ctx, COS_E_UNAVAILABLE, NULL);
            }
        }

        ngx_log_error(NGX_LOG_CRIT, ctx->request->connection->log, err,
                      "cos %V: container %012xL of bucket \"%V\" cannot be "
                      "opened", &ctx->id, g->open[i].cid, &ctx->name.bucket);

        if (g->header_sent) {
            return ngx_http_cos_sent(ctx, NGX_ERROR);
        }

        return ngx_http_cos_fail(ctx, err == EMFILE || err == ENFILE
                                      ? COS_E_UNAVAILABLE : COS_E_INTERNAL,
                                 NULL);
    }

    return ngx_http_cos_goto(ctx, get_send);
}


static ngx_int_t
get_refetched(ngx_http_cos_ctx_t *ctx)
{
    get_t  *g = ctx->op;

    release(g);

    if (ctx->object_fact.failed) {
        return ngx_http_cos_fail(ctx, COS_E_UNAVAILABLE, NULL);
    }

    if (ctx->object_fact.value.len == 0) {
        return ngx_http_cos_fail(ctx, COS_E_NO_SUCH_KEY, NULL);
    }

    if (cos_object_decode(&ctx->object, ctx->object_fact.value, &ctx->alloc)
        != 0)
    {
        return ngx_http_cos_fail(ctx, COS_E_INTERNAL, NULL);
    }

    /* it may be another object by now */
    if (!ngx_http_cos_may_read(ctx, &ctx->bucket, &ctx->object)) {
        return ngx_http_cos_fail(ctx, COS_E_ACCESS_DENIED, NULL);
    }

    return ngx_http_cos_goto(ctx, get_plan);
}


/* --- sending --------------------------------------------------------------------- */

static ngx_int_t
get_headers(ngx_http_cos_ctx_t *ctx, get_t *g)
{
    u_char              *p;
    ngx_str_t            value;
    ngx_http_request_t  *r = ctx->request;
    cos_object_t        *o = &ctx->object;
    static ngx_str_t     bytes = ngx_string("bytes");

    r->headers_out.last_modified_time = o->mtime / 1000;

    if (ngx_http_cos_object_headers(ctx, o) != NGX_OK
        || ngx_http_cos_set_header(r, "Accept-Ranges", &bytes) != NGX_OK
        || ngx_http_cos_stored_headers(ctx, o) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!g->partial) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, sizeof("bytes -/") - 1 + 3 * NGX_OFF_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;
    value.len = ngx_sprintf(p, "bytes %uL-%uL/%uL", g->first,
                            g->first + g->left - 1, o->size)
                - p;

    return ngx_http_cos_set_header(r, "Content-Range", &value);
}


/* Small answers: the bytes are read into memory when the page cache has them,
 * which never waits for the disk; header and body then leave in one call. */
static ngx_int_t
read_inline(ngx_http_cos_ctx_t *ctx, get_t *g, ngx_buf_t *b, uint64_t off,
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
    get_t   *g = data;

    /* whatever goes wrong here is seen by the read that sends */
    n = pread(g->warm_fd, g->warm, g->warm_len, (off_t) g->warm_off);
    (void) n;
}


/* Brings the beginning of what is to be sent into the page cache, in the
 * thread pool, when it is not there; NGX_OK: it is. */
static ngx_int_t
warm_up(ngx_http_cos_ctx_t *ctx, get_t *g)
{
    u_char         c;
    ssize_t        n;
    struct iovec   iov;

    if (g->warm) {
        return NGX_OK;
    }

    iov.iov_base = &c;
    iov.iov_len = 1;
    g->warm_fd = g->open[0].file->fd;
    g->warm_off = ctx->object.segs[g->seg].off + g->seg_pos;

    n = preadv2(g->warm_fd, &iov, 1, (off_t) g->warm_off, RWF_NOWAIT);

    if (n == 1 || ngx_errno != EAGAIN) {
        return NGX_OK;
    }

    g->warm_len = ngx_min(ctx->object.segs[g->seg].len - g->seg_pos,
                          WARM_BYTES);
    g->warm_len = ngx_min(g->warm_len, g->left);
    g->warm = ngx_palloc(ctx->request->pool, g->warm_len);

    if (g->warm == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_cos_thread(ctx, warm, g, get_send);
}


/* The buffers of the open window; advances g. */
static ngx_chain_t *
window(ngx_http_cos_ctx_t *ctx, get_t *g)
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

    if (wev->timer_set) {
        ngx_del_timer(wev);
    }

    ctx->step = get_open;
    rc = ngx_http_cos_run(ctx);

    if (rc != NGX_AGAIN) {
        ngx_http_finalize_request(r, rc);
    }
}


static ngx_int_t
get_send(ngx_http_cos_ctx_t *ctx)
{
    ngx_int_t            rc;
    ngx_buf_t           *last;
    ngx_chain_t         *out, end;
    get_t               *g = ctx->op;
    ngx_http_request_t  *r = ctx->request;

    if (g->nopen && g->left > INLINE_MAX && !g->header_sent) {
        rc = warm_up(ctx, g);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (!g->header_sent) {
        if (get_headers(ctx, g) != NGX_OK) {
            return NGX_ERROR;
        }

        rc = ngx_http_cos_start(ctx, g->status, g->left);
        g->header_sent = 1;

        if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
            return ngx_http_cos_sent(ctx, rc);
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

    rc = ngx_http_output_filter(r, out);

    if (g->left == 0 || rc == NGX_ERROR) {
        return ngx_http_cos_sent(ctx, rc);
    }

    /* more windows: go on when this one has left */
    ctx->draining = 1;
    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = drain;
    ngx_post_event(r->connection->write, &ngx_posted_events);

    return NGX_AGAIN;
}
