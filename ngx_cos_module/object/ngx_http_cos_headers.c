/*
 * Headers that are stored with an object: from requests into records, from
 * records into responses.
 */

#include "ngx_http_cos.h"
#include "ngx_http_cos_class.h"
#include "ngx_http_cos_commit.h"
#include "ngx_http_cos_bucket.h"
#include "ngx_http_cos_object.h"
#include "ngx_http_cos_tags.h"
#include "ngx_http_cos_sse.h"


#define META_MAX  2048                /* names and values (COS, S3: 2 KB) */

/* Request and response header, and the query parameter that overrides it. */
static struct {
    const char  *lower;
    ngx_str_t    name;
    const char  *override;
} stored[COS_H_MAX] = {
    { "content-type", ngx_string("Content-Type"), "response-content-type" },
    { "cache-control", ngx_string("Cache-Control"), "response-cache-control" },
    { "content-disposition", ngx_string("Content-Disposition"),
      "response-content-disposition" },
    { "content-encoding", ngx_string("Content-Encoding"),
      "response-content-encoding" },
    { "content-language", ngx_string("Content-Language"),
      "response-content-language" },
    { "expires", ngx_string("Expires"), "response-expires" }
};


/* --- into responses ------------------------------------------------------------------ */

ngx_uint_t
ngx_http_cos_has_overrides(ngx_http_cos_ctx_t *ctx)
{
    size_t  i;

    for (i = 0; i < ctx->http.args.n; i++) {
        if (cos_str_starts(ctx->http.args.v[i].name, "response-")) {
            return 1;
        }
    }

    return 0;
}


/* A value that may go into a response header: a client's CR, LF or NUL in a
 * query parameter must not split the response. */
static ngx_uint_t
header_safe(cos_str_t v)
{
    size_t  i;

    for (i = 0; i < v.len; i++) {
        if ((v.data[i] < 0x20 && v.data[i] != '\t') || v.data[i] == 0x7f) {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
set_content_type(ngx_http_request_t *r, cos_str_t v)
{
    size_t  len;

    /* nginx compares types ("gzip_types") without their parameters */
    for (len = 0; len < v.len && v.data[len] != ';'; len++) { /* void */ }

    while (len > 0 && v.data[len - 1] == ' ') {
        len--;
    }

    r->headers_out.content_type = v;
    r->headers_out.content_type_len = len;
    r->headers_out.content_type_lowcase = NULL;

    return NGX_OK;
}


static ngx_int_t
add_stored(ngx_http_request_t *r, ngx_uint_t i, cos_str_t v)
{
    ngx_table_elt_t  *h;

    if (i == COS_H_CONTENT_TYPE) {
        return set_content_type(r, v);
    }

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key = stored[i].name;
    h->value = v;

    if (i == COS_H_CONTENT_ENCODING) {
        /* nginx's gzip must see that it is encoded already */
        r->headers_out.content_encoding = h;
    }

    if (i == COS_H_EXPIRES) {
        r->headers_out.expires = h;
    }

    return NGX_OK;
}


static ngx_int_t
add_pairs(ngx_http_cos_ctx_t *ctx, cos_object_t *o)
{
    u_char           *p;
    size_t            len;
    uint32_t          m;
    ngx_str_t        *prefix;
    cos_meta_pair_t  *pair;

    prefix = ngx_http_cos_prefix(ctx);

    for (m = 0; m < o->nmeta; m++) {
        pair = &o->meta[m];

        if (!cos_is_token(pair->name)) {
            /* of a record that was written before such names were refused */
            continue;
        }

        len = prefix->len + 5 + pair->name.len;

        p = ngx_pnalloc(ctx->request->pool, len);
        if (p == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(p, prefix->data, prefix->len);
        ngx_memcpy(p + prefix->len, "meta-", 5);
        ngx_memcpy(p + prefix->len + 5, pair->name.data, pair->name.len);

        if (ngx_http_cos_add_header(ctx->request, (char *) p, len,
                                    &pair->value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_cos_stored_headers(ngx_http_cos_ctx_t *ctx, cos_object_t *o)
{
    cos_str_t            v;
    ngx_uint_t           i;
    const cos_arg_t     *arg;
    ngx_http_request_t  *r = ctx->request;

    for (i = 0; i < COS_H_MAX; i++) {
        v = o->header[i];

        if (ctx->http.args.n) {
            arg = cos_arg(&ctx->http.args, stored[i].override);

            if (arg && header_safe(arg->value)) {
                v = arg->value;
            }
        }

        if (v.len && add_stored(r, i, v) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (r->headers_out.content_type.len == 0) {
        v = COS_STR("application/octet-stream");
        (void) set_content_type(r, v);
    }

    if (o->attr[COS_X_REDIRECT].len
        && ngx_http_cos_add_prefixed(ctx, "website-redirect-location",
                                     &o->attr[COS_X_REDIRECT])
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return add_pairs(ctx, o) == NGX_OK ? ngx_http_cos_tags_count(ctx, o)
                                       : NGX_ERROR;
}


ngx_int_t
ngx_http_cos_range_error(ngx_http_cos_ctx_t *ctx, uint64_t size)
{
    u_char     *p;
    ngx_str_t   value;

    p = ngx_pnalloc(ctx->request->pool, sizeof("bytes */") + NGX_OFF_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;
    value.len = ngx_sprintf(p, "bytes */%uL", size) - p;

    if (ngx_http_cos_set_header(ctx->request, "Content-Range", &value)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_cos_fail(ctx, COS_E_INVALID_RANGE, NULL);
}


/* --- out of requests ------------------------------------------------------------------ */

/* Which stored header that is; COS_H_MAX: none. */
static ngx_uint_t
stored_header(cos_str_t name)
{
    ngx_uint_t  i;

    for (i = 0; i < COS_H_MAX; i++) {
        if (cos_str_is(name, stored[i].lower)) {
            break;
        }
    }

    return i;
}


/* "aws-chunked" describes the transfer, the rest describes the object. */
static cos_str_t
strip_aws_chunked(ngx_http_cos_ctx_t *ctx, cos_str_t v)
{
    cos_buf_t   b;
    cos_str_t   item;
    u_char     *p, *q, *end;

    cos_buf_init(&b, &ctx->alloc, v.len + 1);
    end = v.data + v.len;

    for (p = v.data; p < end; p = q + 1) {
        for (q = p; q < end && *q != ','; q++) { /* void */ }

        item.data = p;
        item.len = q - p;
        item = cos_str_trim(item);

        if (item.len == 0 || cos_str_iis(item, "aws-chunked")) {
            continue;
        }

        if (b.len) {
            cos_buf_char(&b, ',');
        }

        cos_buf_str(&b, item);
    }

    v.data = b.data;
    v.len = b.err ? 0 : b.len;

    return v;
}


static cos_err_e
add_meta(ngx_http_cos_ctx_t *ctx, cos_object_t *o, const cos_header_t *h,
    size_t *total)
{
    uint32_t    i;
    cos_str_t   name, joined;

    name.data = h->name.data + 11;
    name.len = h->name.len - 11;

    *total += name.len + h->value.len;

    if (*total > META_MAX) {
        return COS_E_METADATA_TOO_LARGE;
    }

    if (!cos_is_token(name)) {
        /* a form's field, which nginx has not parsed as a header */
        ctx->reason = "the name of a metadata header is no token";
        return COS_E_INVALID_ARGUMENT;
    }

    for (i = 0; i < o->nmeta; i++) {
        if (!cos_str_eq(o->meta[i].name, name)) {
            continue;
        }

        /* repeated headers mean a list (RFC 9110 section 5.3) */
        joined.len = o->meta[i].value.len + 1 + h->value.len;
        joined.data = ngx_pnalloc(ctx->request->pool, joined.len);
        if (joined.data == NULL) {
            return COS_E_INTERNAL;
        }

        ngx_memcpy(joined.data, o->meta[i].value.data, o->meta[i].value.len);
        joined.data[o->meta[i].value.len] = ',';
        ngx_memcpy(joined.data + o->meta[i].value.len + 1, h->value.data,
                   h->value.len);
        o->meta[i].value = joined;
        return COS_OK;
    }

    o->meta[o->nmeta].name = name;
    o->meta[o->nmeta].value = h->value;
    o->nmeta++;

    return COS_OK;
}


static ngx_uint_t
is_meta(cos_str_t name)
{
    return name.len >= 11 && name.data[0] == 'x'
           && (ngx_memcmp(name.data, "x-cos-meta-", 11) == 0
               || ngx_memcmp(name.data, "x-amz-meta-", 11) == 0
               || ngx_memcmp(name.data, "x-bce-meta-", 11) == 0);
}


/* Headers that ask for what is not built yet: refused, never ignored. */
static ngx_uint_t
unsupported(ngx_http_cos_ctx_t *ctx, cos_str_t name)
{
    size_t               i;
    cos_str_t            rest;
    static const char   *list[] = {
        "callback", "return-body", "mime-limit", "symlink-", "write-offset-bytes",
        "bucket-object-lock-enabled", "mfa", "fetch-source", "process"
    };

    if (name.len < 7
        || !(cos_str_starts(name, "x-cos-") || cos_str_starts(name, "x-amz-")
             || cos_str_starts(name, "x-bce-")))
    {
        return 0;
    }

    rest.data = name.data + 6;
    rest.len = name.len - 6;

    if (ctx->name.op == COS_OP_PUT_SYMLINK
        && cos_str_is(rest, "symlink-target"))
    {
        return 0;
    }

    for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        if (cos_str_starts(rest, list[i])) {
            return 1;
        }
    }

    return 0;
}


cos_err_e
ngx_http_cos_headers_known(ngx_http_cos_ctx_t *ctx)
{
    size_t               i;
    const cos_header_t  *h;

    for (i = 0; i < ctx->http.nheaders; i++) {
        h = &ctx->http.headers[i];

        if (h->value.len && unsupported(ctx, h->name)) {
            ctx->reason = "a header of the request asks for a feature that "
                          "is not implemented";
            return COS_E_NOT_IMPLEMENTED;
        }
    }

    return COS_OK;
}


/* Where a website sends who asks for the object. */
static cos_err_e
redirect_from_headers(ngx_http_cos_ctx_t *ctx, cos_object_t *o)
{
    const cos_header_t  *h;

    h = ngx_http_cos_header(ctx, "website-redirect-location");

    if (h == NULL || h->value.len == 0) {
        return COS_OK;
    }

    if (ctx->name.op == COS_OP_PUT_SYMLINK) {
        ctx->reason = "a symbolic link has no redirect of its own";
        return COS_E_INVALID_ARGUMENT;
    }

    if (!cos_redirect_valid(h->value)) {
        return COS_E_INVALID_REDIRECT;
    }

    o->attr[COS_X_REDIRECT] = h->value;

    return COS_OK;
}


/* What others write is theirs, unless the bucket's owner takes it. */
static cos_err_e
acl(ngx_http_cos_ctx_t *ctx, cos_object_t *o)
{
    cos_err_e           err;
    ngx_http_cos_acl_t  a;

    ngx_memzero(&a, sizeof(ngx_http_cos_acl_t));
    a.owner = ctx->identity.known
              && cos_ownership(&ctx->bucket) != COS_OWNERSHIP_ENFORCED
              ? ctx->identity.uid : ctx->bucket.owner;

    err = ngx_http_cos_acl_from_headers(ctx, &a);

    if (err != COS_OK) {
        return err;
    }

    o->acl = a.canned;
    o->attr[COS_X_ACL] = a.grants;

    if (a.owner != ctx->bucket.owner
        && !ngx_http_cos_owner_takes(ctx, o->acl))
    {
        o->owner = a.owner;
    }

    return COS_OK;
}


cos_err_e
ngx_http_cos_object_from_headers(ngx_http_cos_ctx_t *ctx, cos_object_t *o)
{
    size_t               i, total;
    cos_err_e            err;
    ngx_uint_t           k;
    const cos_header_t  *h;

    err = ngx_http_cos_headers_known(ctx);

    if (err != COS_OK) {
        return err;
    }

    o->meta = ngx_palloc(ctx->request->pool,
                         (ctx->http.nheaders + 1) * sizeof(cos_meta_pair_t));
    if (o->meta == NULL) {
        return COS_E_INTERNAL;
    }

    total = 0;

    for (i = 0; i < ctx->http.nheaders; i++) {
        h = &ctx->http.headers[i];

        if (is_meta(h->name)) {
            if (!header_safe(h->value)) {
                ctx->reason = "a header value holds a control character";
                return COS_E_INVALID_ARGUMENT;
            }

            err = add_meta(ctx, o, h, &total);
            if (err != COS_OK) {
                return err;
            }
            continue;
        }

        if (h->value.len == 0) {
            /* SDKs send empty headers for "not set" */
            continue;
        }

        k = stored_header(h->name);

        if (k < COS_H_MAX && !header_safe(h->value)) {
            ctx->reason = "a header value holds a control character";
            return COS_E_INVALID_ARGUMENT;
        }

        if (k == COS_H_CONTENT_ENCODING) {
            o->header[k] = strip_aws_chunked(ctx, h->value);

        } else if (k < COS_H_MAX) {
            o->header[k] = h->value;
        }
    }

    err = ngx_http_cos_class_from_headers(ctx, o);

    if (err != COS_OK) {
        return err;
    }

    if ((err = acl(ctx, o)) != COS_OK
        || (err = ngx_http_cos_tags_from_headers(ctx, o)) != COS_OK
        || (err = redirect_from_headers(ctx, o)) != COS_OK)
    {
        return err;
    }

    return ngx_http_cos_sse_ask(ctx, o);
}
