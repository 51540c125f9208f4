/*
 * URLs signed for a time, in nginx: what cos_cdn_verify() takes off is taken
 * off the request, so that whatever serves it, and what its own signature
 * covers, is the URL that was meant.
 *
 * An internal redirect (an index, an error page) comes here again, without
 * what was taken off. That the rule was met is remembered beside the request,
 * because a redirect empties the modules' contexts; for another rule it does
 * not count.
 */

#include "ngx_http_cos.h"


typedef struct {
    const cos_cdn_rule_t  *met;
} seen_t;


static void
seen_cleanup(void *data)
{
    /* only its address is of use */
    (void) data;
}


static seen_t *
seen(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == seen_cleanup) {
            return cln->data;
        }
    }

    return NULL;
}


static ngx_int_t
remember(ngx_http_request_t *r, const cos_cdn_rule_t *rule)
{
    seen_t              *s;
    ngx_pool_cleanup_t  *cln;

    s = seen(r);

    if (s == NULL) {
        cln = ngx_pool_cleanup_add(r->pool, sizeof(seen_t));
        if (cln == NULL) {
            return NGX_ERROR;
        }

        cln->handler = seen_cleanup;
        s = cln->data;
    }

    s->met = rule;

    return NGX_OK;
}


static void *
pool_alloc(void *data, size_t size)
{
    return ngx_palloc(data, size);
}


static void
split(ngx_str_t *url, ngx_str_t *path, ngx_str_t *query)
{
    u_char  *p, *end;

    end = url->data + url->len;
    p = ngx_strlchr(url->data, end, '?');

    path->data = url->data;
    path->len = (p ? p : end) - url->data;
    query->data = p ? p + 1 : end;
    query->len = end - query->data;
}


/* The URL as what follows reads it. */
static ngx_int_t
rewrite(ngx_http_request_t *r, cos_cdn_url_t *url)
{
    u_char  *p;

    p = ngx_pnalloc(r->pool, url->path.len + 1 + url->query.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    r->unparsed_uri.data = p;
    p = ngx_cpymem(p, url->path.data, url->path.len);

    if (url->query.len) {
        *p++ = '?';
        p = ngx_cpymem(p, url->query.data, url->query.len);
    }

    r->unparsed_uri.len = p - r->unparsed_uri.data;

    return NGX_OK;
}


cos_cdn_e
ngx_http_cos_cdn(ngx_http_request_t *r, const cos_cdn_rule_t *rule,
    ngx_uint_t raw)
{
    seen_t         *s;
    ptrdiff_t       n;
    cos_cdn_e       e;
    cos_alloc_t     a;
    cos_cdn_url_t   url;

    s = r->internal ? seen(r) : NULL;

    if (s && s->met == rule) {
        return COS_CDN_PASS;
    }

    a.alloc = pool_alloc;
    a.ctx = r->pool;

    split(&r->unparsed_uri, &url.path, &url.query);
    url.uri = r->uri;

    if (raw) {
        url.uri.data = ngx_pnalloc(r->pool, url.path.len + 1);
        if (url.uri.data == NULL) {
            return COS_CDN_FAILED;
        }

        n = cos_pct_decode(url.uri.data, url.path, 0);
        url.uri.len = n < 0 ? 0 : n;
    }

    e = cos_cdn_verify(rule, &url, ngx_time(), &a);

    if (e != COS_CDN_PASS) {
        return e;
    }

    if (rewrite(r, &url) != NGX_OK || remember(r, rule) != NGX_OK
        || cos_cdn_strip(rule, &r->args, &a) != 0)
    {
        return COS_CDN_FAILED;
    }

    if (!raw) {
        r->uri = url.uri;
        ngx_http_set_exten(r);
    }

    return COS_CDN_PASS;
}
