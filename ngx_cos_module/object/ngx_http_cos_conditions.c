/*
 * Conditions of requests: against an object that is read or copied, and of a
 * write.
 */

#include "ngx_http_cos_object.h"


/* Whether a list of entity tags names the object. */
static ngx_uint_t
etag_listed(cos_str_t list, cos_object_t *o)
{
    char       etag[40];
    size_t     len;
    u_char    *p, *q, *end;

    if (cos_str_is(list, "*")) {
        return 1;
    }

    len = cos_object_etag(etag, o->etag, o->parts);
    end = list.data + list.len;

    for (p = list.data; p < end; p = q + 1) {

        for (q = p; q < end && *q != ','; q++) { /* void */ }

        while (p < q && (*p == ' ' || *p == '\t')) {
            p++;
        }

        if (q - p > 2 && p[0] == 'W' && p[1] == '/') {
            p += 2;
        }

        if (p < q && *p == '"') {
            p++;
        }

        if ((size_t) (q - p) >= len && ngx_memcmp(p, etag, len) == 0
            && (p + len == q || p[len] == '"' || p[len] == ' '))
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_cos_test_conditions(cos_object_t *o, const cos_header_t *match,
    const cos_header_t *none, const cos_header_t *since,
    const cos_header_t *unmodified)
{
    int64_t  t, mtime;

    mtime = o->mtime / 1000;

    if (match && match->value.len) {
        if (!etag_listed(match->value, o)) {
            return NGX_DECLINED;
        }

    } else if (unmodified && unmodified->value.len) {
        t = cos_parse_http_date(unmodified->value);

        if (t >= 0 && mtime > t) {
            return NGX_DECLINED;
        }
    }

    if (none && none->value.len) {
        return etag_listed(none->value, o) ? NGX_ABORT : NGX_OK;
    }

    if (since && since->value.len) {
        t = cos_parse_http_date(since->value);

        if (t >= 0 && mtime <= t) {
            return NGX_ABORT;
        }
    }

    return NGX_OK;
}


static ngx_uint_t
given(ngx_http_cos_ctx_t *ctx, const char *name)
{
    const cos_header_t  *h;

    h = ngx_http_cos_header(ctx, name);

    return h && h->value.len;
}


cos_err_e
ngx_http_cos_condition(ngx_http_cos_ctx_t *ctx, ngx_http_cos_commit_t *c)
{
    cos_str_t            v;
    const cos_header_t  *h;

    ngx_str_set(&c->cond, "any");
    ngx_str_null(&c->arg);

    if (given(ctx, "if-match-size")
        || given(ctx, "if-match-last-modified-time")
        || given(ctx, "callback") || given(ctx, "return-body"))
    {
        /* conditions of directory buckets (S3), without which nothing may be
         * deleted; answers that somebody else is to give (COS) */
        return COS_E_NOT_IMPLEMENTED;
    }

    h = ngx_http_cos_header(ctx, "forbid-overwrite");

    if (h && cos_str_iis(h->value, "true")) {
        ngx_str_set(&c->cond, "absent");
        c->forbid = 1;
    }

    h = cos_header(&ctx->http, "if-none-match");

    if (h && h->value.len) {
        if (!cos_str_is(h->value, "*")) {
            return COS_E_NOT_IMPLEMENTED;
        }

        ngx_str_set(&c->cond, "absent");
        c->forbid = 0;
    }

    h = cos_header(&ctx->http, "if-match");

    if (h && h->value.len) {

        if (c->cond.data[1] == 'b') {
            /* "absent" and an ETag at once can never hold */
            return COS_E_INVALID_ARGUMENT;
        }

        v = h->value;

        if (v.len >= 2 && v.data[0] == '"' && v.data[v.len - 1] == '"') {
            v.data++;
            v.len -= 2;
        }

        ngx_str_set(&c->cond, "match");
        c->arg = v;
    }

    return COS_OK;
}
