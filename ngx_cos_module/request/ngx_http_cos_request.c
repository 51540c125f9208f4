/*
 * From nginx's request to ours: raw path, decoded query, headers, name.
 *
 * The raw request URI is used, never nginx's normalised one, because "a//b",
 * "a/./b" and "a%2Fb" are keys that must stay what the client signed.
 */

#include "ngx_http_cos.h"


static void make_id(ngx_http_cos_ctx_t *ctx);
static void read_host(ngx_http_cos_ctx_t *ctx, cos_host_t *host);
static cos_err_e split_uri(ngx_http_cos_ctx_t *ctx);
static cos_err_e name_it(ngx_http_cos_ctx_t *ctx, cos_host_t *host);


static void *
pool_alloc(void *data, size_t size)
{
    return ngx_palloc(data, size);
}


ngx_http_cos_ctx_t *
ngx_http_cos_ctx_create(ngx_http_request_t *r)
{
    cos_host_t           host;
    ngx_http_cos_ctx_t  *ctx;

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_cos_ctx_t));
    if (ctx == NULL) {
        return NULL;
    }

    ctx->request = r;
    ctx->mcf = ngx_http_get_module_main_conf(r, ngx_http_cos_module);
    ctx->lcf = ngx_http_get_module_loc_conf(r, ngx_http_cos_module);
    ctx->alloc.alloc = pool_alloc;
    ctx->alloc.ctx = r->pool;

    make_id(ctx);
    read_host(ctx, &host);

    ctx->error = split_uri(ctx);

    if (ngx_http_cos_http_fill(ctx) != NGX_OK) {
        return NULL;
    }

    if (ctx->error == COS_OK) {
        ctx->error = name_it(ctx, &host);
    }

    ngx_http_set_ctx(r, ctx, ngx_http_cos_module);

    return ctx;
}


/* Unique for this machine: time, process and a counter, as 24 hex digits. */
static void
make_id(ngx_http_cos_ctx_t *ctx)
{
    u_char           raw[12];
    uint32_t         v;
    static uint32_t  counter;

    v = (uint32_t) ngx_time();
    ngx_memcpy(raw, &v, 4);

    v = (uint32_t) ngx_pid;
    ngx_memcpy(raw + 4, &v, 4);

    v = counter++ ^ ((uint32_t) ngx_current_msec << 20);
    ngx_memcpy(raw + 8, &v, 4);

    cos_hex((char *) ctx->id_buf, raw, sizeof(raw));
    ctx->id.data = ctx->id_buf;
    ctx->id.len = 2 * sizeof(raw);
}


/* What is known of the name before it is made: errors need it. */
static void
set_host(ngx_http_cos_ctx_t *ctx, cos_host_t *host)
{
    ctx->name.website = host->website;
    ctx->foreign = host->foreign;

    if (host->has_dialect) {
        ctx->name.dialect = host->dialect;
    }
}


void
ngx_http_cos_name_again(ngx_http_cos_ctx_t *ctx, cos_host_t *host)
{
    ngx_memzero(&ctx->name, sizeof(cos_name_t));
    ngx_memzero(&ctx->sig, sizeof(cos_sig_t));
    ngx_memzero(&ctx->http.args, sizeof(cos_args_t));

    set_host(ctx, host);
    ctx->error = split_uri(ctx);

    if (ctx->error == COS_OK) {
        ctx->error = name_it(ctx, host);
    }
}


/* What the host says, or the location in its place: that of "cos_website" is a
 * site under any name. Errors of sites are for people, also those of URLs that
 * cannot be read. */
static void
read_host(ngx_http_cos_ctx_t *ctx, cos_host_t *host)
{
    cos_host_parse(host, ctx->request->headers_in.server,
                   ctx->lcf->bases->elts, ctx->lcf->bases->nelts);

    if (ctx->lcf->website) {
        ngx_memzero(host, sizeof(cos_host_t));
        host->style = COS_STYLE_VHOST;
        host->has_dialect = 1;
        host->dialect = COS_DIALECT_COS;
        host->website = 1;
        host->bucket = ctx->lcf->website->bucket;
    }

    set_host(ctx, host);
}


static cos_err_e
split_uri(ngx_http_cos_ctx_t *ctx)
{
    u_char              *p, *end;
    ptrdiff_t            n;
    ngx_str_t            query;
    ngx_http_request_t  *r = ctx->request;

    ctx->http.method = r->method_name;
    ctx->http.path = r->unparsed_uri;

    end = r->unparsed_uri.data + r->unparsed_uri.len;
    p = ngx_strlchr(r->unparsed_uri.data, end, '?');

    ngx_str_null(&query);

    if (p) {
        ctx->http.path.len = p - r->unparsed_uri.data;
        query.data = p + 1;
        query.len = end - (p + 1);
    }

    if (ctx->http.path.len == 0) {
        ngx_str_set(&ctx->http.path, "/");
    }

    p = ngx_pnalloc(r->pool, ctx->http.path.len);
    if (p == NULL) {
        return COS_E_INTERNAL;
    }

    n = cos_pct_decode(p, ctx->http.path, 0);

    if (n < 0 || n == 0 || p[0] != '/') {
        return COS_E_INVALID_URI;
    }

    ctx->http.path_decoded.data = p;
    ctx->http.path_decoded.len = n;

    if (ctx->name.website) {
        /* means something to the page's scripts, and nothing here */
        return COS_OK;
    }

    return query.len ? cos_args_parse(&ctx->http.args, query, &ctx->alloc)
                     : COS_OK;
}


ngx_int_t
ngx_http_cos_http_fill(ngx_http_cos_ctx_t *ctx)
{
    ngx_uint_t           i, n;
    cos_header_t        *h;
    ngx_list_part_t     *part;
    ngx_table_elt_t     *elt;
    ngx_http_request_t  *r = ctx->request;

    n = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        n += part->nelts;
    }

    h = ngx_palloc(r->pool, (n + 1) * sizeof(cos_header_t));
    if (h == NULL) {
        return NGX_ERROR;
    }

    ctx->http.headers = h;
    ctx->http.nheaders = n;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        elt = part->elts;

        for (i = 0; i < part->nelts; i++) {
            h->name.len = elt[i].key.len;
            h->name.data = elt[i].lowcase_key;
            h->value = elt[i].value;
            h++;
        }
    }

#if (NGX_HTTP_SSL)
    ctx->http.tls = (r->connection->ssl != NULL);
#endif

    return NGX_OK;
}


/*
 * Whether every Host header names the host that nginx took. In the absolute
 * form ("GET http://b/k") that is the one of the URI, whatever Host says: the
 * bucket would be taken from the one and the signature proved with the other.
 */
static ngx_uint_t
one_host(ngx_http_cos_ctx_t *ctx)
{
    size_t               i;
    ngx_str_t            rest, *server;
    const cos_header_t  *h;

    server = &ctx->request->headers_in.server;

    for (i = 0; i < ctx->http.nheaders; i++) {
        h = &ctx->http.headers[i];

        if (!cos_str_is(h->name, "host")) {
            continue;
        }

        if (h->value.len < server->len
            || ngx_strncasecmp(h->value.data, server->data, server->len) != 0)
        {
            return 0;
        }

        rest.data = h->value.data + server->len;
        rest.len = h->value.len - server->len;

        if (rest.len && *rest.data == '.') {
            rest.data++;
            rest.len--;
        }

        if (rest.len && *rest.data != ':') {
            return 0;
        }
    }

    return 1;
}


static cos_err_e
name_it(ngx_http_cos_ctx_t *ctx, cos_host_t *host)
{
    int          dialect;
    cos_err_e    sig_err, err;

    /* a site is read anonymously; what a browser sends along may be meant for
     * nginx ("auth_basic") */
    sig_err = host->website ? COS_OK
              : cos_sig_parse(&ctx->http, &ctx->sig, &ctx->alloc);

    if (ctx->sig.scheme == COS_SIG_V2 && !ctx->lcf->signature_v2) {
        ngx_memzero(&ctx->sig, sizeof(cos_sig_t));
        sig_err = COS_E_AUTH_UNSUPPORTED;
    }

    switch (ctx->sig.scheme) {
    case COS_SIG_COS:
        dialect = COS_DIALECT_COS;
        break;
    case COS_SIG_V4:
    case COS_SIG_V2:
        dialect = COS_DIALECT_S3;
        break;
    case COS_SIG_BCE:
        dialect = COS_DIALECT_BOS;
        break;
    default:
        dialect = -1;
    }

    err = cos_name_request(&ctx->name, &ctx->http, host, dialect);
    ctx->named = 1;

    if (ctx->name.op == COS_OP_STS) {
        /* who signed it is said by header and body together */
        ngx_memzero(&ctx->sig, sizeof(cos_sig_t));
        sig_err = COS_OK;
    }

    if (ctx->name.op == COS_OP_PREFLIGHT) {
        /* browsers sign none, and SDKs that do must not be worse off */
        ngx_memzero(&ctx->sig, sizeof(cos_sig_t));
        sig_err = COS_OK;
    }

    if (host->style == COS_STYLE_VHOST) {
        ctx->sig.bucket = host->bucket;
    }

    if (!one_host(ctx)) {
        return COS_E_INVALID_REQUEST;
    }

    return sig_err != COS_OK ? sig_err : err;
}


/* The header of that name behind any of the dialects' prefixes; the dialect
 * of the request first. */
const cos_header_t *
ngx_http_cos_header(ngx_http_cos_ctx_t *ctx, const char *suffix)
{
    size_t               i, len;
    ngx_str_t           *prefix;
    const cos_header_t  *h, *other;

    len = ngx_strlen(suffix);
    prefix = ngx_http_cos_prefix(ctx);
    other = NULL;

    for (i = 0; i < ctx->http.nheaders; i++) {
        h = &ctx->http.headers[i];

        if (h->name.len != len + 6 || h->name.data[0] != 'x'
            || ngx_memcmp(h->name.data + 6, suffix, len) != 0)
        {
            continue;
        }

        if (ngx_memcmp(h->name.data, prefix->data, 6) == 0) {
            return h;
        }

        if (other == NULL
            && (ngx_memcmp(h->name.data, "x-cos-", 6) == 0
                || ngx_memcmp(h->name.data, "x-amz-", 6) == 0
                || ngx_memcmp(h->name.data, "x-bce-", 6) == 0))
        {
            other = h;
        }
    }

    return other;
}


ngx_int_t
ngx_http_cos_object_key(ngx_http_cos_ctx_t *ctx, ngx_str_t *bid,
    ngx_str_t *key, ngx_str_t *out)
{
    u_char  *p;

    out->len = bid->len + key->len + 3;
    out->data = ngx_pnalloc(ctx->request->pool, out->len);

    if (out->data == NULL) {
        return NGX_ERROR;
    }

    p = out->data;
    *p++ = 'o';
    *p++ = '{';
    p = ngx_cpymem(p, bid->data, bid->len);
    *p++ = '}';
    ngx_memcpy(p, key->data, key->len);

    return NGX_OK;
}
