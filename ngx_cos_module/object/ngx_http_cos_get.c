/*
 * GetObject and HeadObject.
 *
 *   get_object  what a symbolic link names instead of it
 *   get_plan    conditions and range; what to send is known
 *   get_open    descriptors of the containers it lies in
 *   get_send    header, then the bytes (ngx_http_cos_get_send.c)
 *
 * Conditions and ranges are decided here and not by nginx's filters, because
 * their refusals are documents of the API. Objects of very many parts are
 * sent a window of containers at a time, so that one download cannot use up
 * the descriptors of the worker.
 */

#include "ngx_http_cos_class.h"
#include "ngx_http_cos_get.h"
#include "ngx_http_cos_rights.h"
#include "ngx_http_cos_symlink.h"
#include "ngx_http_cos_sse.h"


static ngx_int_t get_plan(ngx_http_cos_ctx_t *ctx);
static ngx_int_t get_opened(ngx_http_cos_ctx_t *ctx);
static ngx_int_t get_refetched(ngx_http_cos_ctx_t *ctx);


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
    if (!ctx->identity.known && ngx_http_cos_has_overrides(ctx)) {
        return ngx_http_cos_fail(ctx, COS_E_INVALID_REQUEST,
                  "response-* parameters need a signed request");
    }

    ctx->op = ngx_pcalloc(ctx->request->pool, sizeof(ngx_http_cos_get_t));
    if (ctx->op == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_cos_follow(ctx, get_plan);
}


ngx_int_t
ngx_http_cos_serve(ngx_http_cos_ctx_t *ctx, const ngx_http_cos_serve_t *how)
{
    ngx_http_cos_get_t  *g;

    g = ngx_pcalloc(ctx->request->pool, sizeof(ngx_http_cos_get_t));
    if (g == NULL) {
        return NGX_ERROR;
    }

    g->serve = how;
    ctx->op = g;

    return ngx_http_cos_follow(ctx, get_plan);
}


static ngx_int_t
get_plan(ngx_http_cos_ctx_t *ctx)
{
    cos_err_e            err;
    ngx_int_t            rc;
    uint64_t             first, last;
    ngx_uint_t           whole;
    ngx_http_cos_get_t  *g = ctx->op;
    cos_object_t        *o = &ctx->object;
    const cos_header_t  *h;

    err = ngx_http_cos_sse_read(ctx, o);
    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    if (g->serve && g->serve->coding.len) {
        o->header[COS_H_CONTENT_TYPE] = g->serve->type;
        o->header[COS_H_CONTENT_ENCODING] = g->serve->coding;
    }

    whole = g->serve && g->serve->status != NGX_HTTP_OK;

    rc = whole ? NGX_OK : conditions(ctx);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ctx->request->method != NGX_HTTP_HEAD
        && ngx_http_cos_readable(ctx, o) != COS_OK)
    {
        return ngx_http_cos_fail(ctx, COS_E_INVALID_OBJECT_STATE, NULL);
    }

    g->first = 0;
    g->left = o->size;
    g->status = whole ? g->serve->status : NGX_HTTP_OK;

    err = ngx_http_cos_get_part(ctx, g);
    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    h = whole ? NULL : cos_header(&ctx->http, "range");

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
        return ngx_http_cos_goto(ctx, ngx_http_cos_get_send);
    }

    return ngx_http_cos_goto(ctx, ngx_http_cos_get_open);
}


/* --- descriptors ------------------------------------------------------------------ */

static void
release(void *data)
{
    uint32_t   i;
    ngx_http_cos_get_t     *g = data;

    for (i = 0; i < g->nopen; i++) {
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


ngx_int_t
ngx_http_cos_get_open(ngx_http_cos_ctx_t *ctx)
{
    uint32_t             i;
    uint64_t             have;
    ngx_int_t            rc;
    ngx_http_cos_get_t               *g = ctx->op;
    cos_object_t        *o = &ctx->object;
    ngx_pool_cleanup_t  *cln;

    if (g->open == NULL) {
        cln = ngx_pool_cleanup_add(ctx->request->pool, 0);

        g->open = o->nsegs <= 1 ? &g->one
                  : ngx_pcalloc(ctx->request->pool, NGX_HTTP_COS_WINDOW
                                           * sizeof(ngx_http_cos_open_t));
        if (cln == NULL || g->open == NULL) {
            return NGX_ERROR;
        }

        cln->handler = release;
        cln->data = g;
        g->window = o->nsegs <= 1 ? 1 : NGX_HTTP_COS_WINDOW;
    }

    release(g);

    g->win = g->seg;
    have = 0;

    for (i = g->seg; i < o->nsegs && g->nopen < g->window; i++) {

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
            ngx_http_cos_unexpect(ctx);
        }
    }

    return ctx->pending ? NGX_AGAIN : ngx_http_cos_goto(ctx, get_opened);
}


static ngx_int_t
get_opened(ngx_http_cos_ctx_t *ctx)
{
    uint32_t   i;
    ngx_err_t  err;
    ngx_http_cos_get_t     *g = ctx->op;

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

    return ngx_http_cos_goto(ctx, ngx_http_cos_get_send);
}


static ngx_int_t
get_refetched(ngx_http_cos_ctx_t *ctx)
{
    cos_err_e            err;
    ngx_http_cos_get_t  *g = ctx->op;

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

    if (ctx->object.attr[COS_X_TARGET].len) {
        /* replaced by a link */
        return ngx_http_cos_fail(ctx, COS_E_UNAVAILABLE, NULL);
    }

    /* it may be another object by now */
    err = ngx_http_cos_still_may(ctx);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, NULL);
    }

    return ngx_http_cos_goto(ctx, get_plan);
}
