/*
 * Static websites: what the host or the location says is a site answers as
 * web servers do. policy/website.c decides; here keys are looked up, and what
 * was decided is sent.
 *
 *   serve_website  the configuration; the first key
 *   site_look      asks for a key's record
 *   site_looked    may it be read? then on to what follows
 *   site_coding    the same content, compressed before (cos_website_precompressed)
 *   site_coded
 *
 * Rights are those of anybody: an object that cannot be read without a
 * signature is 403 here.
 */

#include "ngx_http_cos.h"
#include "ngx_http_cos_class.h"
#include "ngx_http_cos_object.h"
#include "ngx_http_cos_rights.h"


typedef struct {
    cos_site_t              site;
    ngx_http_cos_serve_t    how;
    ngx_uint_t              coding;   /* the next one to be tried */
    ngx_str_t               key;      /* of what is served without one */
    uint64_t                mtime;
    ngx_http_cos_fact_t     fact;     /* of the compressed one */
} site_t;


static ngx_int_t site_look(ngx_http_cos_ctx_t *ctx);
static ngx_int_t site_looked(ngx_http_cos_ctx_t *ctx);
static ngx_int_t site_coding(ngx_http_cos_ctx_t *ctx);
static ngx_int_t site_coded(ngx_http_cos_ctx_t *ctx);
static ngx_int_t act(ngx_http_cos_ctx_t *ctx, cos_site_do_e what);


/* --- the configuration -------------------------------------------------------- */

static void *
compile(cos_str_t text, cos_alloc_t *a)
{
    return cos_website_compile(text, a);
}


/* The location's own, else the bucket's, else what "cos_website bucket=..."
 * alone means. COS_OK, or why there is none. */
static cos_err_e
find_site(ngx_http_cos_ctx_t *ctx, const cos_website_t **w)
{
    void                      *rule;
    ngx_http_cos_site_conf_t  *conf = ctx->lcf->website;

    if (conf && conf->own) {
        *w = &conf->site;
        return COS_OK;
    }

    if (ngx_http_cos_kept_rule(ctx->bucket_fact.kept, COS_BX_WEBSITE, compile,
                               &rule)
        != NGX_OK)
    {
        return COS_E_INTERNAL;
    }

    *w = rule ? rule : conf ? &conf->site : NULL;

    return *w ? COS_OK : COS_E_NO_WEBSITE;
}


static ngx_str_t
query_of(ngx_http_request_t *r)
{
    u_char     *p, *end;
    ngx_str_t   q;

    end = r->unparsed_uri.data + r->unparsed_uri.len;
    p = ngx_strlchr(r->unparsed_uri.data, end, '?');

    q.data = p ? p + 1 : end;
    q.len = end - q.data;

    return q;
}


ngx_int_t
ngx_http_cos_serve_website(ngx_http_cos_ctx_t *ctx)
{
    site_t     *t;
    cos_err_e   err;

    t = ngx_pcalloc(ctx->request->pool, sizeof(site_t));
    if (t == NULL) {
        return NGX_ERROR;
    }

    ctx->state = t;

    err = find_site(ctx, &t->site.site);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, NULL);
    }

    t->site.path = ctx->http.path_decoded;
    t->site.query = query_of(ctx->request);
    t->site.host = ctx->request->headers_in.server;
    t->site.tls = ctx->http.tls;
    t->site.alloc = &ctx->alloc;

    return act(ctx, cos_site_begin(&t->site));
}


/* --- looking up --------------------------------------------------------------- */

static ngx_int_t
site_look(ngx_http_cos_ctx_t *ctx)
{
    site_t               *t = ctx->state;
    ngx_http_cos_fact_t  *f = &ctx->object_fact;

    /* what rights and logs speak of */
    ctx->name.key = t->site.key;
    ctx->object_known = 0;

    ngx_memzero(f, sizeof(ngx_http_cos_fact_t));

    if (ngx_http_cos_object_fact(ctx, f, &ctx->bucket.id, &ctx->name.key)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    switch (ngx_http_cos_ask(ctx, f, 0, site_looked)) {
    case NGX_AGAIN:
        return NGX_AGAIN;
    case NGX_OK:
        return ngx_http_cos_goto(ctx, site_looked);
    default:
        f->failed = 1;
        return ngx_http_cos_goto(ctx, site_looked);
    }
}


/* Whether the record that has come is of something that anybody may read. */
static cos_err_e
judge(ngx_http_cos_ctx_t *ctx, ngx_http_cos_fact_t *f, cos_object_t *o)
{
    cos_err_e             err;
    ngx_http_cos_place_t  place;

    if (f->failed) {
        return COS_E_UNAVAILABLE;
    }

    ngx_http_cos_place(ctx, &place);
    place.key = ctx->name.key;
    place.object = NULL;

    if (f->value.len == 0) {
        return ngx_http_cos_missing(ctx, &place, COS_E_NO_SUCH_KEY);
    }

    if (cos_object_decode(o, f->value, &ctx->alloc) != 0) {
        ngx_log_error(NGX_LOG_CRIT, ctx->request->connection->log, 0,
                      "cos %V: object record in bucket \"%V\", path \"%V\" "
                      "is damaged", &ctx->id, &ctx->name.bucket,
                      &ctx->http.path);
        return COS_E_INTERNAL;
    }

    place.object = o;
    err = ngx_http_cos_may(ctx, &place,
                           ctx->request->method == NGX_HTTP_HEAD
                           ? COS_ACT_HEAD : COS_ACT_GET,
                           NGX_HTTP_COS_PERM_READ);

    return err == COS_OK ? ngx_http_cos_readable(ctx, o) : err;
}


static ngx_int_t
site_looked(ngx_http_cos_ctx_t *ctx)
{
    int                   missing;
    site_t               *t = ctx->state;
    cos_err_e             err;
    ngx_http_cos_fact_t  *f = &ctx->object_fact;

    ngx_memzero(&ctx->object, sizeof(cos_object_t));
    err = judge(ctx, f, &ctx->object);
    missing = !f->failed && f->value.len == 0;
    ctx->object_known = (err == COS_OK);

    return act(ctx, cos_site_found(&t->site, err, missing));
}


/* --- answers ------------------------------------------------------------------ */

static ngx_int_t
redirect(ngx_http_cos_ctx_t *ctx, site_t *t)
{
    ngx_table_elt_t     *h;
    ngx_http_request_t  *r = ctx->request;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    ngx_str_set(&h->key, "Location");
    h->value = t->site.location;

    /* nginx makes an absolute URL of it where "absolute_redirect" is on */
    r->headers_out.location = h;

    return ngx_http_cos_reply(ctx, t->site.status, NULL);
}


static ngx_int_t
serve(ngx_http_cos_ctx_t *ctx, site_t *t)
{
    static ngx_str_t  vary = ngx_string("Accept-Encoding");

    t->how.status = t->site.status;
    ctx->error = t->site.err;

    if (ctx->object.attr[COS_X_REDIRECT].len) {
        return act(ctx, cos_site_moved(&t->site,
                                       ctx->object.attr[COS_X_REDIRECT]));
    }

    if (ctx->lcf->precompressed == NULL) {
        return ngx_http_cos_serve(ctx, &t->how);
    }

    if (ngx_http_cos_set_header(ctx->request, "Vary", &vary) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ctx->object.header[COS_H_CONTENT_ENCODING].len
        || ctx->object.attr[COS_X_TARGET].len)
    {
        return ngx_http_cos_serve(ctx, &t->how);
    }

    t->key = ctx->name.key;
    t->mtime = ctx->object.mtime;

    return ngx_http_cos_goto(ctx, site_coding);
}


static ngx_int_t
act(ngx_http_cos_ctx_t *ctx, cos_site_do_e what)
{
    site_t  *t = ctx->state;

    switch (what) {
    case COS_SITE_LOOK:
        return ngx_http_cos_goto(ctx, site_look);
    case COS_SITE_SERVE:
        return serve(ctx, t);
    case COS_SITE_REDIRECT:
        return redirect(ctx, t);
    default:
        /* not the name of what was looked for in its place */
        ctx->name.key = t->site.name;
        return ngx_http_cos_fail(ctx, t->site.err, NULL);
    }
}


/* --- compressed before ---------------------------------------------------------- */

/* The key of an object with its content in that coding: "a.js.gz". */
static ngx_int_t
coded_key(ngx_http_cos_ctx_t *ctx, site_t *t, ngx_str_t *coding)
{
    u_char     *p;
    ngx_str_t   ext;

    ext = *coding;

    if (cos_str_is(ext, "gzip")) {
        ngx_str_set(&ext, "gz");

    } else if (cos_str_is(ext, "zstd")) {
        ngx_str_set(&ext, "zst");
    }

    ctx->name.key.len = t->key.len + 1 + ext.len;
    ctx->name.key.data = p = ngx_pnalloc(ctx->request->pool,
                                         ctx->name.key.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(p, t->key.data, t->key.len);
    *p++ = '.';
    ngx_memcpy(p, ext.data, ext.len);

    ngx_memzero(&t->fact, sizeof(ngx_http_cos_fact_t));

    return ngx_http_cos_object_fact(ctx, &t->fact, &ctx->bucket.id,
                                    &ctx->name.key);
}


static ngx_int_t
site_coding(ngx_http_cos_ctx_t *ctx)
{
    site_t              *t = ctx->state;
    ngx_str_t           *coding;
    ngx_array_t         *all = ctx->lcf->precompressed;
    const cos_header_t  *h;

    h = cos_header(&ctx->http, "accept-encoding");
    coding = all->elts;

    while (h && t->coding < all->nelts
           && !cos_accepts_coding(h->value, coding[t->coding]))
    {
        t->coding++;
    }

    if (h == NULL || t->coding == all->nelts) {
        ctx->name.key = t->key;
        return ngx_http_cos_serve(ctx, &t->how);
    }

    if (coded_key(ctx, t, &coding[t->coding]) != NGX_OK) {
        return NGX_ERROR;
    }

    switch (ngx_http_cos_ask(ctx, &t->fact, 0, site_coded)) {
    case NGX_AGAIN:
        return NGX_AGAIN;
    case NGX_OK:
        return ngx_http_cos_goto(ctx, site_coded);
    default:
        t->fact.failed = 1;
        return ngx_http_cos_goto(ctx, site_coded);
    }
}


/* What is older than the object itself is of an object that was replaced. */
static ngx_int_t
site_coded(ngx_http_cos_ctx_t *ctx)
{
    site_t        *t = ctx->state;
    ngx_str_t     *coding = ctx->lcf->precompressed->elts;
    cos_str_t      type;
    cos_object_t   o;

    ngx_memzero(&o, sizeof(cos_object_t));

    if (judge(ctx, &t->fact, &o) != COS_OK || o.mtime < t->mtime
        || o.attr[COS_X_TARGET].len || o.attr[COS_X_REDIRECT].len)
    {
        t->coding++;
        return ngx_http_cos_goto(ctx, site_coding);
    }

    type = ctx->object.header[COS_H_CONTENT_TYPE];

    if (type.len == 0) {
        ngx_str_set(&type, "application/octet-stream");
    }

    /* the object's record may lie in the memory that is used again */
    if (cos_dup(&ctx->alloc, &t->how.type, type.data, type.len) != 0) {
        return NGX_ERROR;
    }

    t->how.coding = coding[t->coding];
    ctx->object_fact = t->fact;

    if (t->fact.value.data == t->fact.buf) {
        ctx->object_fact.value.data = ctx->object_fact.buf;
    }

    if (cos_object_decode(&ctx->object, ctx->object_fact.value, &ctx->alloc)
        != 0)
    {
        return NGX_ERROR;
    }

    return ngx_http_cos_serve(ctx, &t->how);
}
