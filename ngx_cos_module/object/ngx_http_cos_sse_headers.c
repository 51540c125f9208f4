/*
 * Encryption at rest as headers say it: what requests ask for, and what answers
 * tell.
 */

#include "ngx_http_cos_object.h"
#include "ngx_http_cos_sse_int.h"
#include "cos_attr.h"


/* behind x-cos-, x-amz- or x-bce- */
#define SSE       "server-side-encryption"
#define CUSTOMER  "server-side-encryption-customer-"
#define COPIED    "copy-source-server-side-encryption-customer-"

/* --- what a request asks for ---------------------------------------------- */

static cos_str_t
value(ngx_http_cos_ctx_t *ctx, const char *suffix)
{
    const cos_header_t  *h;

    h = ngx_http_cos_header(ctx, suffix);

    return h ? h->value : (cos_str_t) { 0, NULL };
}


cos_str_t
ngx_http_cos_sse_kind(ngx_http_cos_ctx_t *ctx)
{
    return value(ctx, SSE);
}


/* Whether there is any header of the family: mostly there is none. */
ngx_uint_t
ngx_http_cos_sse_mentioned(ngx_http_cos_ctx_t *ctx)
{
    size_t      i;
    cos_str_t  *name;

    for (i = 0; i < ctx->http.nheaders; i++) {
        name = &ctx->http.headers[i].name;

        if (name->len >= 6 + sizeof(SSE) - 1
            && ngx_memcmp(name->data + 6, SSE, sizeof(SSE) - 1) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* One of the headers of a customer's key. */
static cos_str_t
customer_value(ngx_http_cos_ctx_t *ctx, const char *family, const char *name)
{
    char  suffix[80];

    (void) ngx_snprintf((u_char *) suffix, sizeof(suffix), "%s%s%Z", family,
                        name);

    return value(ctx, suffix);
}


/* Keys in clear text are for those who say that they want that. */
static cos_err_e
check_transport(ngx_http_cos_ctx_t *ctx)
{
    if (ctx->http.tls || ctx->lcf->sse_c_plain) {
        return COS_OK;
    }

    ctx->reason = "Requests specifying Server Side Encryption with Customer "
                  "provided keys must be made over a secure connection.";

    return COS_E_INVALID_REQUEST;
}


/* algorithm, key, key-MD5: all of them or none. */
cos_err_e
ngx_http_cos_sse_customer(ngx_http_cos_ctx_t *ctx,
    ngx_uint_t source, ngx_http_cos_customer_t *c)
{
    const char *family = source ? COPIED : CUSTOMER;

    cos_u8      raw[66], md5[COS_MD5_LEN];
    cos_err_e   err;
    cos_str_t   algorithm, key, digest;

    algorithm = customer_value(ctx, family, "algorithm");
    key = customer_value(ctx, family, "key");
    digest = customer_value(ctx, family, "key-md5");

    if (algorithm.len == 0 && key.len == 0 && digest.len == 0) {
        return COS_OK;
    }

    err = check_transport(ctx);

    if (err != COS_OK) {
        return err;
    }

    if (algorithm.len == 0 || key.len == 0 || digest.len == 0) {
        ctx->reason = "Requests specifying Server Side Encryption with "
                      "Customer provided keys must provide the algorithm, an "
                      "appropriate secret key and its MD5.";
        return COS_E_INVALID_ARGUMENT;
    }

    if (!cos_str_is(algorithm, "AES256")) {
        return COS_E_SSE_ALGORITHM;
    }

    if (key.len > 64 || cos_unbase64(raw, key) != COS_SSE_KEY) {
        ctx->reason = "The secret key was invalid for the specified "
                      "algorithm.";
        return COS_E_INVALID_ARGUMENT;
    }

    ngx_memcpy(c->key, raw, COS_SSE_KEY);
    cos_cleanse(raw, sizeof(raw));

    if (cos_md_once(COS_MD5, c->key, COS_SSE_KEY, md5) != 0) {
        return COS_E_INTERNAL;
    }

    if (digest.len != 24 || cos_unbase64(raw, digest) != COS_MD5_LEN
        || ngx_memcmp(raw, md5, COS_MD5_LEN) != 0)
    {
        ctx->reason = "The calculated MD5 hash of the key did not match the "
                      "hash that was provided.";
        return COS_E_INVALID_ARGUMENT;
    }

    c->md5 = digest;
    c->given = 1;

    return COS_OK;
}


/* The id of a named key: each kind of client has its own header. */
static cos_str_t
named_key(ngx_http_cos_ctx_t *ctx)
{
    size_t              i;
    cos_str_t           v;
    static const char  *names[] = {
        SSE "-aws-kms-key-id", SSE "-cos-kms-key-id",
        SSE "-qcloud-kms-key-id", SSE "-bos-kms-key-id"
    };

    for (i = 0, v.len = 0; v.len == 0 && i < 4; i++) {
        v = value(ctx, names[i]);
    }

    return v;
}


/* base64 of a JSON object; it is bound to the data key. */
static cos_err_e
context_of(ngx_http_cos_ctx_t *ctx, cos_sse_t *s)
{
    u_char     *raw;
    ptrdiff_t   n;

    s->context = value(ctx, SSE "-context");

    if (s->context.len == 0) {
        return COS_OK;
    }

    ctx->reason = "the encryption context must be base64 of a JSON object";

    if (s->type != COS_SSE_KMS || s->context.len > COS_SSE_CONTEXT_MAX) {
        return COS_E_INVALID_ARGUMENT;
    }

    raw = ngx_pnalloc(ctx->request->pool, s->context.len);
    if (raw == NULL) {
        return COS_E_INTERNAL;
    }

    n = cos_unbase64(raw, s->context);

    if (n < 2 || raw[0] != '{' || raw[n - 1] != '}') {
        return COS_E_INVALID_ARGUMENT;
    }

    ctx->reason = NULL;

    return COS_OK;
}


/* Anything of the family that is not known is not ignored. */
static ngx_uint_t
all_known(ngx_http_cos_ctx_t *ctx)
{
    size_t               i, k;
    cos_str_t            rest;
    const cos_header_t  *h;
    static const char   *known[] = {
        "", "-aws-kms-key-id", "-cos-kms-key-id", "-qcloud-kms-key-id",
        "-bos-kms-key-id", "-context", "-bucket-key-enabled",
        "-customer-algorithm", "-customer-key", "-customer-key-md5"
    };

    for (i = 0; i < ctx->http.nheaders; i++) {
        h = &ctx->http.headers[i];

        if (h->value.len == 0 || h->name.len < 6 + sizeof(SSE) - 1
            || ngx_memcmp(h->name.data + 6, SSE, sizeof(SSE) - 1) != 0
            || !(cos_str_starts(h->name, "x-cos-")
                 || cos_str_starts(h->name, "x-amz-")
                 || cos_str_starts(h->name, "x-bce-")))
        {
            continue;
        }

        rest.data = h->name.data + 6 + sizeof(SSE) - 1;
        rest.len = h->name.len - 6 - (sizeof(SSE) - 1);

        for (k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
            if (cos_str_is(rest, known[k])) {
                break;
            }
        }

        if (k == sizeof(known) / sizeof(known[0])) {
            return 0;
        }
    }

    return 1;
}


/* From the headers alone; s->type stays NONE when they say nothing. */
cos_err_e
ngx_http_cos_sse_asked(ngx_http_cos_ctx_t *ctx, cos_sse_t *s)
{
    cos_err_e  err;
    cos_str_t  v;

    if (!ngx_http_cos_sse_mentioned(ctx)) {
        return COS_OK;
    }

    if (!all_known(ctx)) {
        ctx->reason = "a header of the request asks for a kind of encryption "
                      "that is not implemented";
        return COS_E_NOT_IMPLEMENTED;
    }

    err = ngx_http_cos_sse_customer(ctx, 0, &ctx->sse->customer);

    if (err != COS_OK) {
        return err;
    }

    v = value(ctx, SSE);

    if (cos_str_is(v, "AES256")) {
        s->type = COS_SSE_STORE;

    } else if (cos_str_is(v, "aws:kms") || cos_str_is(v, "cos/kms")) {
        s->type = COS_SSE_KMS;

    } else if (cos_str_is(v, "aws:kms:dsse") || cos_str_is(v, "SM4")) {
        ctx->reason = "this kind of encryption is not implemented";
        return COS_E_NOT_IMPLEMENTED;

    } else if (v.len) {
        return COS_E_SSE_ALGORITHM;
    }

    if (ctx->sse->customer.given) {
        if (s->type != COS_SSE_NONE) {
            ctx->reason = "Server Side Encryption with Customer provided key "
                          "is incompatible with the encryption method "
                          "specified";
            return COS_E_INVALID_ARGUMENT;
        }

        s->type = COS_SSE_CUSTOMER;
    }

    s->id = named_key(ctx);

    if (s->id.len && s->type != COS_SSE_KMS) {
        ctx->reason = "a key id is for encryption with named keys only";
        return COS_E_INVALID_ARGUMENT;
    }

    v = value(ctx, SSE "-bucket-key-enabled");
    s->bucket_key = s->type == COS_SSE_KMS && cos_str_iis(v, "true");

    return context_of(ctx, s);
}


cos_err_e
ngx_http_cos_sse_default(ngx_http_cos_ctx_t *ctx, cos_sse_t *s)
{
    cos_bucket_sse_t  b;

    if (cos_bucket_sse_parse(&b, ctx->bucket.attr[COS_BX_SSE]) != 0) {
        return COS_E_INTERNAL;
    }

    switch (b.algorithm) {

    case COS_BUCKET_SSE_AES256:
        s->type = COS_SSE_STORE;
        break;

    case COS_BUCKET_SSE_KMS:
        s->type = COS_SSE_KMS;
        s->id = b.kms_key;
        s->bucket_key = b.bucket_key;
        break;

    default:
        break;
    }

    return COS_OK;
}


/* --- answers -------------------------------------------------------------- */

static ngx_int_t
named_headers(ngx_http_cos_ctx_t *ctx, cos_sse_t *s)
{
    ngx_str_t        *id;
    const char       *key;
    static ngx_str_t  aws = ngx_string("aws:kms");
    static ngx_str_t  cos = ngx_string("cos/kms");
    static ngx_str_t  yes = ngx_string("true");

    key = ctx->name.dialect == COS_DIALECT_COS ? SSE "-cos-kms-key-id"
          : ctx->name.dialect == COS_DIALECT_BOS ? SSE "-bos-kms-key-id"
          : SSE "-aws-kms-key-id";

    id = ngx_palloc(ctx->request->pool, sizeof(ngx_str_t));
    if (id == NULL) {
        return NGX_ERROR;
    }

    *id = s->id;

    if (ngx_http_cos_add_prefixed(ctx, SSE,
            ctx->name.dialect == COS_DIALECT_COS ? &cos : &aws) != NGX_OK
        || ngx_http_cos_add_prefixed(ctx, key, id) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return s->bucket_key
           ? ngx_http_cos_add_prefixed(ctx, SSE "-bucket-key-enabled", &yes)
           : NGX_OK;
}


ngx_int_t
ngx_http_cos_sse_headers(ngx_http_cos_ctx_t *ctx, ngx_str_t *attr)
{
    cos_sse_t         s;
    static ngx_str_t  aes = ngx_string("AES256");

    if (cos_sse_parse(&s, *attr) != 0) {
        return NGX_ERROR;
    }

    switch (s.type) {

    case COS_SSE_STORE:
        return ngx_http_cos_add_prefixed(ctx, SSE, &aes);

    case COS_SSE_KMS:
        return named_headers(ctx, &s);

    case COS_SSE_CUSTOMER:
        /* the key's MD5 is not stored: who sends the key is told it */
        if (ctx->sse == NULL || !ctx->sse->customer.given) {
            return NGX_OK;
        }

        if (ngx_http_cos_add_prefixed(ctx, CUSTOMER "algorithm", &aes)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        return ngx_http_cos_add_prefixed(ctx, CUSTOMER "key-MD5",
                                         &ctx->sse->customer.md5);

    default:
        return NGX_OK;
    }
}
