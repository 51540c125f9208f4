/*
 * What conditions of policies ask about a request: its headers, parameters,
 * tags, and how it came.
 */

#include "ngx_http_cos_class.h"
#include "ngx_http_cos_commit.h"
#include "ngx_http_cos_rights_int.h"


static int
one(cos_str_t value, cos_str_t *v)
{
    v[0] = value;

    return 1;
}


static int
text(const char *s, cos_str_t *v)
{
    v[0].data = (u_char *) s;
    v[0].len = ngx_strlen(s);

    return 1;
}


/* --- headers and parameters ------------------------------------------------------- */

/* The length of the body without its framing, where it is said. One that comes in
 * chunks, or as part of a form, is known when it has been read. */
static int
body_length(ngx_http_cos_ctx_t *ctx, cos_str_t *v)
{
    const cos_header_t  *h;
    ngx_http_request_t  *r = ctx->request;

    if (ctx->form) {
        return COS_POLICY_UNKNOWN;
    }

    if (ctx->sig.payload >= COS_PAYLOAD_STREAM_SIGNED) {
        h = cos_header(&ctx->http, "x-amz-decoded-content-length");
        return h ? one(h->value, v) : COS_POLICY_UNKNOWN;
    }

    if (r->headers_in.content_length_n >= 0) {
        return ngx_http_cos_decimal(r->pool,
                                    (uint64_t) r->headers_in.content_length_n,
                                    v)
               == NGX_OK ? 1 : -1;
    }

    return r->headers_in.chunked
           || (r->http_version >= NGX_HTTP_VERSION_20
               && (r->method & (NGX_HTTP_PUT|NGX_HTTP_POST)))
           ? COS_POLICY_UNKNOWN : 0;
}


static int
header(ngx_http_cos_ctx_t *ctx, const cos_policy_key_t *key, cos_str_t *v)
{
    size_t               i;
    const cos_header_t  *h;

    if (cos_str_is(key->name, "content-length")) {
        return body_length(ctx, v);
    }

    for (i = 0; i < ctx->http.nheaders; i++) {
        h = &ctx->http.headers[i];

        if (cos_str_eq(h->name, key->name)) {
            return one(h->value, v);
        }
    }

    return 0;
}


/* "bucket/key", "bucket/key?versionId=": however it was written. In COS also
 * what was written, which may name a host. */
static int
copy_source(ngx_http_cos_ctx_t *ctx, const cos_policy_key_t *key,
    cos_str_t raw, cos_str_t *v)
{
    cos_buf_t  b;
    cos_str_t  bucket, name, version;

    if (cos_copy_source_parse(raw, ctx->lcf->bases->elts,
                              ctx->lcf->bases->nelts, &bucket, &name,
                              &version, &ctx->alloc)
        != 0)
    {
        /* for the operation to refuse */
        return one(raw, v);
    }

    cos_buf_init(&b, &ctx->alloc,
                 bucket.len + name.len + version.len + 16);
    cos_buf_str(&b, bucket);
    cos_buf_char(&b, '/');
    cos_buf_str(&b, name);

    if (version.len) {
        cos_buf_str(&b, COS_STR("?versionId="));
        cos_buf_str(&b, version);
    }

    if (b.err) {
        return -1;
    }

    v[0].data = b.data;
    v[0].len = b.len;
    v[1] = raw;

    return key->encoded && !cos_str_eq(v[0], v[1]) ? 2 : 1;
}


/* The class that is meant, by its name in the grammar. */
static int
storage_class(const cos_policy_key_t *key, cos_str_t raw, cos_str_t *v)
{
    int  cls;

    cls = cos_class_parse(raw);

    if (cls < 0) {
        /* for the operation to refuse */
        return one(raw, v);
    }

    return text(cls == COS_CLASS_ARCHIVE && !key->encoded
                ? "GLACIER" : cos_class_name(cls), v);
}


/* The one that the operation reads: parameters of that name are none. */
static int
dialect_header(ngx_http_cos_ctx_t *ctx, const cos_policy_key_t *key,
    cos_str_t *v)
{
    const cos_arg_t     *a;
    const cos_header_t  *h;

    h = ngx_http_cos_header(ctx, (char *) key->name.data);

    if (h) {
        return cos_str_is(key->name, "copy-source")
               ? copy_source(ctx, key, h->value, v)
               : cos_str_is(key->name, "storage-class")
               ? storage_class(key, h->value, v) : one(h->value, v);
    }

    if (cos_str_is(key->name, "request-payer")) {
        a = cos_arg(&ctx->http.args, "x-amz-request-payer");

        if (a && cos_sig_covers_arg(&ctx->sig, a->name)) {
            return one(a->value, v);
        }
    }

    return 0;
}


/* The first one, spelled as operations read it: in lower case. */
static const cos_str_t *
parameter(ngx_http_cos_rights_t *q, const cos_policy_key_t *key)
{
    size_t            i;
    const cos_arg_t  *a;

    if (cos_str_iis(key->name, "versionid")) {
        return q->place->version;
    }

    for (i = 0; i < q->ctx->http.args.n; i++) {
        a = &q->ctx->http.args.v[i];

        if (cos_str_eq(a->name, key->name)) {
            return &a->value;
        }
    }

    return NULL;
}


static int
query(ngx_http_cos_rights_t *q, const cos_policy_key_t *key, cos_str_t *v)
{
    cos_buf_t         b;
    const cos_str_t  *value;

    value = parameter(q, key);

    if (value == NULL) {
        return 0;
    }

    v[0] = *value;

    if (!key->encoded) {
        return 1;
    }

    /* COS compares what is encoded; what is not is what was meant */
    cos_buf_init(&b, &q->ctx->alloc, 3 * value->len + 1);
    cos_pct_encode(&b, *value, 0);

    if (b.err) {
        return -1;
    }

    v[1].data = b.data;
    v[1].len = b.len;

    return cos_str_eq(v[0], v[1]) ? 1 : 2;
}


/* --- tags ----------------------------------------------------------------------------- */

static cos_err_e
request_tags(ngx_http_cos_rights_t *q, cos_tag_t **t, size_t *n)
{
    const cos_header_t  *h;

    if (q->place->tags) {
        *t = q->place->tags;
        *n = q->place->ntags;
        return COS_OK;
    }

    *n = 0;
    h = ngx_http_cos_header(q->ctx, "tagging");

    if (h == NULL || h->value.len == 0) {
        return COS_OK;
    }

    /* what is malformed is the operation's to refuse */
    return cos_tags_parse(t, n, h->value, &q->ctx->alloc) == COS_E_INTERNAL
           ? COS_E_INTERNAL : COS_OK;
}


static cos_err_e
existing_tags(ngx_http_cos_rights_t *q, cos_tag_t **t, size_t *n)
{
    *n = 0;

    if (q->place->object == NULL
        || q->place->object->attr[COS_X_TAGS].len == 0)
    {
        return COS_OK;
    }

    return cos_tags_parse(t, n, q->place->object->attr[COS_X_TAGS],
                          &q->ctx->alloc);
}


static int
pair(ngx_http_cos_rights_t *q, const cos_tag_t *t, cos_str_t *v)
{
    cos_buf_t  b;

    cos_buf_init(&b, &q->ctx->alloc, t->key.len + t->value.len + 1);
    cos_buf_str(&b, t->key);
    cos_buf_char(&b, '&');
    cos_buf_str(&b, t->value);
    v->data = b.data;
    v->len = b.len;

    return b.err;
}


static int
tags(ngx_http_cos_rights_t *q, const cos_policy_key_t *key, cos_str_t *v)
{
    int         existing;
    size_t      i, n;
    cos_tag_t  *t = NULL;

    existing = (key->id == COS_KEY_EXISTING_TAG
                || key->id == COS_KEY_EXISTING_TAGS);

    if ((existing ? existing_tags(q, &t, &n) : request_tags(q, &t, &n))
        != COS_OK
        || n > COS_POLICY_VALUES)
    {
        return -1;
    }

    for (i = 0; i < n; i++) {

        if (key->id == COS_KEY_REQUEST_TAG_KEYS) {
            v[i] = t[i].key;

        } else if (key->name.len == 0) {
            if (pair(q, &t[i], &v[i])) {
                return -1;
            }

        } else if (cos_str_eq(t[i].key, key->name)) {
            return one(t[i].value, v);
        }
    }

    return key->name.len ? 0 : (int) n;
}


/* --- how it came ---------------------------------------------------------------------- */

static int
tls_version(ngx_http_cos_ctx_t *ctx, cos_str_t *v)
{
#if (NGX_HTTP_SSL)
    ngx_connection_t  *c = ctx->request->connection;

    if (c->ssl) {
        switch (SSL_version(c->ssl->connection)) {
        case TLS1_VERSION:
            return text("1.0", v);
        case TLS1_1_VERSION:
            return text("1.1", v);
        case TLS1_2_VERSION:
            return text("1.2", v);
        case TLS1_3_VERSION:
            return text("1.3", v);
        }
    }
#endif

    return 0;
}


static int
auth_type(ngx_http_cos_ctx_t *ctx, cos_str_t *v)
{
    if (ctx->form) {
        return text("POST", v);
    }

    if (ctx->sig.scheme == COS_SIG_NONE) {
        return 0;
    }

    return text(ctx->sig.in_query ? "REST-QUERY-STRING" : "REST-HEADER", v);
}


static int
signature_version(ngx_http_cos_ctx_t *ctx, cos_str_t *v)
{
    switch (ctx->sig.scheme) {
    case COS_SIG_V4:
        return text("AWS4-HMAC-SHA256", v);
    case COS_SIG_V2:
        return text("AWS", v);
    default:
        return 0;
    }
}


/* Of a signature with a beginning. */
static int
signature_age(ngx_http_cos_ctx_t *ctx, cos_str_t *v)
{
    int64_t  age;

    if (ctx->sig.scheme != COS_SIG_V4) {
        return 0;
    }

    age = (int64_t) ngx_time() - ctx->sig.start;

    return ngx_http_cos_decimal(ctx->request->pool,
                                age > 0 ? (uint64_t) age * 1000 : 0, v)
           == NGX_OK ? 1 : -1;
}


int
ngx_http_cos_rights_value(void *data, const cos_policy_key_t *key,
    cos_str_t *v)
{
    ngx_http_cos_rights_t  *q = data;
    ngx_http_cos_ctx_t     *ctx = q->ctx;

    switch (key->id) {

    case COS_KEY_HEADER:
        return header(ctx, key, v);

    case COS_KEY_DIALECT_HEADER:
        return dialect_header(ctx, key, v);

    case COS_KEY_QUERY:
        return query(q, key, v);

    case COS_KEY_EXISTING_TAG:
    case COS_KEY_EXISTING_TAGS:
    case COS_KEY_REQUEST_TAG:
    case COS_KEY_REQUEST_TAGS:
    case COS_KEY_REQUEST_TAG_KEYS:
        return tags(q, key, v);

    case COS_KEY_TLS_VERSION:
        return tls_version(ctx, v);

    case COS_KEY_AUTH_TYPE:
        return auth_type(ctx, v);

    case COS_KEY_SIGNATURE_VERSION:
        return signature_version(ctx, v);

    case COS_KEY_SIGNATURE_AGE:
        return signature_age(ctx, v);

    default:
        return 0;
    }
}
