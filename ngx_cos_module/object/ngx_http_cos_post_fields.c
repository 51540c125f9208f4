/*
 * PostObject: the fields of a form. What they say becomes the headers of the
 * request, so that whatever understands a header of PutObject understands it
 * in a form; no header of the request itself is looked at any more.
 */

#include "ngx_http_cos_post.h"
#include "cos_attr.h"
#include "cos_xml_config.h"


#define FILENAME  "${filename}"


static ngx_uint_t
begins(cos_str_t s, const char *with)
{
    return cos_str_starts(s, with);
}


void
ngx_http_cos_post_dialect(ngx_http_cos_ctx_t *ctx, const cos_form_t *f)
{
    size_t      i;
    ngx_uint_t  cos, s3;

    cos = 0;
    s3 = 0;

    for (i = 0; i < f->nfields; i++) {
        cos |= begins(f->fields[i].name, "x-cos-");
        s3 |= begins(f->fields[i].name, "x-amz-");
    }

    if (cos_form_field(f, "q-signature") || cos_form_field(f, "q-ak")) {
        ctx->name.dialect = COS_DIALECT_COS;

    } else if (cos_form_field(f, "x-amz-signature")
               || cos_form_field(f, "awsaccesskeyid"))
    {
        ctx->name.dialect = COS_DIALECT_S3;

    } else if (cos != s3) {
        ctx->name.dialect = cos ? COS_DIALECT_COS : COS_DIALECT_S3;
    }
}


cos_err_e
ngx_http_cos_post_key(ngx_http_cos_ctx_t *ctx, const cos_form_t *f)
{
    u_char                  *p;
    cos_buf_t                b;
    cos_str_t                rest;
    const cos_form_field_t  *key;

    key = cos_form_field(f, "key");

    if (key == NULL || key->value.len == 0) {
        return COS_E_POST_KEY;
    }

    rest = key->value;
    cos_buf_init(&b, &ctx->alloc, rest.len + f->filename.len);

    while (rest.len >= sizeof(FILENAME) - 1
           && (p = memmem(rest.data, rest.len, FILENAME, sizeof(FILENAME) - 1))
              != NULL)
    {
        cos_buf_add(&b, rest.data, p - rest.data);
        cos_buf_str(&b, f->filename);

        if (b.len > COS_FORM_PRE_MAX) {
            return COS_E_KEY_TOO_LONG;
        }

        p += sizeof(FILENAME) - 1;
        rest.len -= p - rest.data;
        rest.data = p;
    }

    cos_buf_str(&b, rest);

    if (b.err) {
        return COS_E_INTERNAL;
    }

    if (b.len == 0) {
        return COS_E_POST_KEY;
    }

    ctx->name.key.data = b.data;
    ctx->name.key.len = b.len;

    return cos_name_key(ctx->name.dialect, ctx->name.key, 1);
}


/* A field that is a header by its own name. */
static ngx_uint_t
is_header(cos_str_t name)
{
    size_t               i;
    cos_str_t            rest;
    static const char   *headers[] = {
        "content-type", "cache-control", "content-disposition",
        "content-encoding", "content-language", "expires", "content-md5",
        "if-match", "if-none-match"
    };
    /* the signature's, and what describes the framing of a body */
    static const char   *others[] = {
        "algorithm", "credential", "date", "signature", "security-token",
        "content-sha256", "decoded-content-length", "trailer"
    };

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        if (cos_str_is(name, headers[i])) {
            return 1;
        }
    }

    if (!begins(name, "x-amz-") && !begins(name, "x-cos-")
        && !begins(name, "x-bce-"))
    {
        return 0;
    }

    rest.data = name.data + 6;
    rest.len = name.len - 6;

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (cos_str_is(rest, others[i])) {
            return 0;
        }
    }

    return 1;
}


/* "tagging" is a document in a form, and not in a header. */
static cos_err_e
tagging(ngx_http_cos_ctx_t *ctx, cos_str_t text, cos_str_t *value)
{
    size_t      i, n;
    cos_buf_t   b;
    cos_err_e   err;
    cos_tag_t  *v;

    err = cos_xml_parse_tagging(text, &v, &n, &ctx->alloc);
    if (err != COS_OK) {
        return err;
    }

    cos_buf_init(&b, &ctx->alloc, text.len);

    for (i = 0; i < n; i++) {
        if (i) {
            cos_buf_char(&b, '&');
        }

        cos_pct_encode(&b, v[i].key, 0);
        cos_buf_char(&b, '=');
        cos_pct_encode(&b, v[i].value, 0);
    }

    value->data = b.data;
    value->len = b.len;

    return b.err ? COS_E_INTERNAL : COS_OK;
}


/* "x-cos-<name>", or of another dialect. */
static ngx_int_t
prefixed(ngx_http_cos_ctx_t *ctx, const char *name, cos_str_t *out)
{
    size_t      len;
    ngx_str_t  *prefix;

    len = ngx_strlen(name);
    prefix = ngx_http_cos_prefix(ctx);

    out->len = prefix->len + len;
    out->data = ngx_pnalloc(ctx->request->pool, out->len);
    if (out->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(out->data, prefix->data, prefix->len);
    ngx_memcpy(out->data + prefix->len, name, len);

    return NGX_OK;
}


cos_err_e
ngx_http_cos_post_headers(ngx_http_cos_ctx_t *ctx, const cos_form_t *f)
{
    size_t                   i;
    cos_err_e                err;
    cos_header_t            *h;
    const cos_header_t      *host;
    const cos_form_field_t  *x;

    h = ngx_palloc(ctx->request->pool,
                   (f->nfields + 1) * sizeof(cos_header_t));
    if (h == NULL) {
        return COS_E_INTERNAL;
    }

    host = cos_header(&ctx->http, "host");
    ctx->http.headers = h;

    if (host) {
        *h++ = *host;
    }

    for (i = 0; i < f->nfields; i++) {
        x = &f->fields[i];
        h->name = x->name;
        h->value = cos_str_trim(x->value);

        if (cos_str_is(x->name, "acl")) {
            if (prefixed(ctx, "acl", &h->name) != NGX_OK) {
                return COS_E_INTERNAL;
            }

        } else if (cos_str_is(x->name, "tagging")) {
            if (x->value.len == 0) {
                continue;
            }

            if (prefixed(ctx, "tagging", &h->name) != NGX_OK) {
                return COS_E_INTERNAL;
            }

            err = tagging(ctx, x->value, &h->value);
            if (err != COS_OK) {
                return err;
            }

        } else if (!is_header(x->name)) {
            continue;
        }

        h++;
    }

    ctx->http.nheaders = h - ctx->http.headers;

    return COS_OK;
}


/* An address that a browser can be sent to. */
static ngx_uint_t
is_url(cos_str_t url)
{
    size_t     i;
    cos_str_t  scheme;

    scheme.data = url.data;
    scheme.len = ngx_min(url.len, sizeof("https://") - 1);

    if (!cos_str_iis(scheme, "https://")) {
        scheme.len = ngx_min(url.len, sizeof("http://") - 1);

        if (!cos_str_iis(scheme, "http://")) {
            return 0;
        }
    }

    for (i = 0; i < url.len; i++) {
        if (url.data[i] <= ' ' || url.data[i] >= 0x7f) {
            return 0;
        }
    }

    return url.len > scheme.len;
}


ngx_uint_t
ngx_http_cos_post_status(const cos_form_t *f, cos_str_t *url)
{
    const cos_form_field_t  *x;

    x = cos_form_field(f, "success_action_redirect");

    if (x == NULL) {
        /* its old name */
        x = cos_form_field(f, "redirect");
    }

    if (x && is_url(x->value)) {
        *url = x->value;
        return NGX_HTTP_SEE_OTHER;
    }

    x = cos_form_field(f, "success_action_status");

    if (x && cos_str_is(x->value, "200")) {
        return NGX_HTTP_OK;
    }

    if (x && cos_str_is(x->value, "201")) {
        return NGX_HTTP_CREATED;
    }

    return NGX_HTTP_NO_CONTENT;
}
