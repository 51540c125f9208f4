/*
 * Encryption at rest: what requests ask for, whose keys open what, and what
 * answers say of it. The bytes go through the ingest (writing),
 * ngx_http_cos_get_crypt.c (reading) and ngx_http_cos_source_read() (copying).
 *
 * Keys are in ctx->sse, are never logged, and are erased with the request.
 */

#include "ngx_http_cos_object.h"
#include "ngx_http_cos_sse.h"
#include "cos_attr.h"


#define SSE       "server-side-encryption"
#define CUSTOMER  "server-side-encryption-customer-"
#define COPIED    "copy-source-server-side-encryption-customer-"


static cos_err_e customer_key(ngx_http_cos_ctx_t *ctx, const char *family,
    ngx_http_cos_customer_t *c);


/* --- keys ----------------------------------------------------------------------- */

static void
erase(void *data)
{
    ngx_http_cos_sse_t  *s = data;

    cos_crypt_free(s->crypt);
    cos_crypt_free(s->source);
    cos_cleanse(s, sizeof(ngx_http_cos_sse_t));
}


/* Of the request; NULL when out of memory. */
static ngx_http_cos_sse_t *
keys(ngx_http_cos_ctx_t *ctx)
{
    ngx_pool_cleanup_t  *cln;

    if (ctx->sse == NULL) {
        cln = ngx_pool_cleanup_add(ctx->request->pool,
                                   sizeof(ngx_http_cos_sse_t));
        if (cln == NULL) {
            return NULL;
        }

        ngx_memzero(cln->data, sizeof(ngx_http_cos_sse_t));
        cln->handler = erase;
        ctx->sse = cln->data;
    }

    return ctx->sse;
}


/* The key of that id; an empty one: the first. */
static const cos_u8 *
find(ngx_array_t *a, cos_str_t id)
{
    ngx_uint_t      i;
    cos_sse_key_t  *k;

    if (a == NULL) {
        return NULL;
    }

    k = a->elts;

    for (i = 0; i < a->nelts; i++) {
        if (id.len == 0 || cos_str_eq(k[i].id, id)) {
            return k[i].key;
        }
    }

    return NULL;
}


static cos_err_e
no_named_key(ngx_http_cos_ctx_t *ctx)
{
    return ctx->name.dialect == COS_DIALECT_COS ? COS_E_KMS_KEY_COS
                                                : COS_E_KMS_KEY;
}


/* What seals the data keys of *s; completes s->id. */
static cos_err_e
sealing_key(ngx_http_cos_ctx_t *ctx, cos_sse_t *s, const cos_u8 **key)
{
    ngx_http_cos_main_conf_t  *mcf = ctx->mcf;

    switch (s->type) {

    case COS_SSE_STORE:
        *key = find(mcf->sse_keys, s->id);

        if (*key == NULL) {
            ctx->reason = "no keys for encryption are configured";
            return COS_E_NOT_IMPLEMENTED;
        }

        if (s->id.len == 0) {
            s->id = ((cos_sse_key_t *) mcf->sse_keys->elts)->id;
        }

        return COS_OK;

    case COS_SSE_KMS:
        if (mcf->kms_keys == NULL) {
            ctx->reason = "no named keys for encryption are configured";
            return COS_E_NOT_IMPLEMENTED;
        }

        s->id = s->id.len ? cos_sse_id(s->id) : mcf->kms_default;
        *key = s->id.len ? find(mcf->kms_keys, s->id) : NULL;

        return *key ? COS_OK : no_named_key(ctx);

    default:
        *key = ctx->sse->customer.key;
        return COS_OK;
    }
}


cos_err_e
ngx_http_cos_sse_possible(ngx_http_cos_ctx_t *ctx, cos_sse_e type,
    ngx_str_t *key)
{
    cos_sse_t      s;
    const cos_u8  *sealing;

    ngx_memzero(&s, sizeof(cos_sse_t));
    s.type = type;

    if (type == COS_SSE_KMS) {
        s.id = *key;
    }

    return sealing_key(ctx, &s, &sealing);
}


/* --- what a request asks for ------------------------------------------------------ */

static cos_str_t
value(ngx_http_cos_ctx_t *ctx, const char *suffix)
{
    const cos_header_t  *h;

    h = ngx_http_cos_header(ctx, suffix);

    return h ? h->value : (cos_str_t) { 0, NULL };
}


/* Whether there is any header of the family: mostly there is none. */
static ngx_uint_t
mentioned(ngx_http_cos_ctx_t *ctx)
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
static cos_err_e
customer_key(ngx_http_cos_ctx_t *ctx, const char *family,
    ngx_http_cos_customer_t *c)
{
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
static cos_err_e
asked(ngx_http_cos_ctx_t *ctx, cos_sse_t *s)
{
    cos_err_e  err;
    cos_str_t  v;

    if (!mentioned(ctx)) {
        return COS_OK;
    }

    if (!all_known(ctx)) {
        ctx->reason = "a header of the request asks for a kind of encryption "
                      "that is not implemented";
        return COS_E_NOT_IMPLEMENTED;
    }

    err = customer_key(ctx, CUSTOMER, &ctx->sse->customer);

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


static cos_err_e
by_default(ngx_http_cos_ctx_t *ctx, cos_sse_t *s)
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


/* Seals a new data key. */
static cos_err_e
new_key(ngx_http_cos_ctx_t *ctx, cos_sse_t *s)
{
    int                  rc;
    cos_u8               key[COS_SSE_KEY];
    cos_buf_t            b;
    cos_err_e            err;
    const cos_u8        *sealing;
    ngx_http_cos_sse_t  *k = ctx->sse;

    err = sealing_key(ctx, s, &sealing);

    if (err != COS_OK) {
        return err;
    }

    if (cos_random(key, COS_SSE_KEY) != 0) {
        return COS_E_INTERNAL;
    }

    cos_buf_init(&b, &ctx->alloc, 256);

    rc = cos_sse_seal(&b, s, sealing, key);
    k->crypt = cos_crypt_create(key);
    cos_cleanse(key, COS_SSE_KEY);

    if (rc != 0 || k->crypt == NULL) {
        return COS_E_INTERNAL;
    }

    k->attr.data = b.data;
    k->attr.len = b.len;

    return COS_OK;
}


cos_err_e
ngx_http_cos_sse_ask(ngx_http_cos_ctx_t *ctx, cos_object_t *o)
{
    cos_err_e  err;
    cos_sse_t  s;

    if (keys(ctx) == NULL) {
        return COS_E_INTERNAL;
    }

    ngx_memzero(&s, sizeof(cos_sse_t));

    err = asked(ctx, &s);

    if (err == COS_OK && s.type == COS_SSE_NONE) {
        err = by_default(ctx, &s);
    }

    if (err != COS_OK || s.type == COS_SSE_NONE) {
        return err;
    }

    err = new_key(ctx, &s);
    o->attr[COS_X_SSE] = ctx->sse->attr;

    return err;
}


/* --- what is there already ---------------------------------------------------------- */

static cos_err_e
wrong_customer(ngx_http_cos_ctx_t *ctx, ngx_uint_t given)
{
    if (ctx->name.dialect == COS_DIALECT_COS) {
        return COS_E_SSE_DECRYPT;
    }

    if (given) {
        return COS_E_ACCESS_DENIED;
    }

    ctx->reason = "The object was stored using a form of Server Side "
                  "Encryption. The correct parameters must be provided to "
                  "retrieve the object.";

    return COS_E_INVALID_REQUEST;
}


/* The data key of an object or upload, into *crypt (NULL: it is plain); c: what
 * the client sent for it. */
static cos_err_e
open_key(ngx_http_cos_ctx_t *ctx, cos_object_t *o, ngx_http_cos_customer_t *c,
    cos_crypt_t **crypt)
{
    int            rc;
    cos_u8         key[COS_SSE_KEY];
    cos_err_e      err;
    cos_sse_t      s;
    const cos_u8  *sealing;

    /* a copy that is tried again, a record that was read once more */
    cos_crypt_free(*crypt);
    *crypt = NULL;

    if (cos_sse_parse(&s, o->attr[COS_X_SSE]) != 0
        || (s.type != COS_SSE_NONE && !cos_sse_whole(o)))
    {
        ctx->reason = "the encryption of the object is damaged";
        return COS_E_INTERNAL;
    }

    if (c->given && s.type != COS_SSE_CUSTOMER) {
        ctx->reason = "The encryption parameters are not applicable to this "
                      "object.";
        return COS_E_INVALID_REQUEST;
    }

    if (s.type == COS_SSE_NONE) {
        return COS_OK;
    }

    if (s.type == COS_SSE_CUSTOMER) {
        if (!c->given) {
            return wrong_customer(ctx, 0);
        }

        sealing = c->key;

    } else {
        err = sealing_key(ctx, &s, &sealing);

        if (err != COS_OK) {
            ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                          "cos %V: the key \"%V\" that seals the data key of "
                          "an object is not configured", &ctx->id, &s.id);
            return err == COS_E_NOT_IMPLEMENTED ? COS_E_INTERNAL : err;
        }
    }

    rc = cos_sse_open(o->attr[COS_X_SSE], sealing, key);

    if (rc != 0) {
        if (s.type == COS_SSE_CUSTOMER) {
            return wrong_customer(ctx, 1);
        }

        ctx->reason = "the data key of the object was sealed with another key";
        return COS_E_INTERNAL;
    }

    *crypt = cos_crypt_create(key);
    cos_cleanse(key, COS_SSE_KEY);

    return *crypt ? COS_OK : COS_E_INTERNAL;
}


cos_err_e
ngx_http_cos_sse_read(ngx_http_cos_ctx_t *ctx, cos_object_t *o)
{
    cos_err_e  err;

    if (o->attr[COS_X_SSE].len == 0 && !mentioned(ctx)) {
        return COS_OK;
    }

    if (value(ctx, SSE).len) {
        if (ctx->name.dialect == COS_DIALECT_COS) {
            return COS_E_SSE_HEADER;
        }

        ctx->reason = "x-amz-server-side-encryption header is not supported "
                      "for this operation.";
        return COS_E_INVALID_ARGUMENT;
    }

    if (keys(ctx) == NULL) {
        return COS_E_INTERNAL;
    }

    err = customer_key(ctx, CUSTOMER, &ctx->sse->customer);

    return err != COS_OK ? err : open_key(ctx, o, &ctx->sse->customer,
                                          &ctx->sse->crypt);
}


cos_err_e
ngx_http_cos_sse_part(ngx_http_cos_ctx_t *ctx, cos_object_t *upload)
{
    cos_err_e  err;
    cos_sse_t  s, of;

    if (keys(ctx) == NULL) {
        return COS_E_INTERNAL;
    }

    ngx_memzero(&s, sizeof(cos_sse_t));
    err = asked(ctx, &s);

    if (err != COS_OK) {
        return err;
    }

    if (cos_sse_parse(&of, upload->attr[COS_X_SSE]) != 0) {
        return COS_E_INTERNAL;
    }

    /* COS' clients repeat it, S3 does not let them */
    if (s.type != COS_SSE_NONE && s.type != COS_SSE_CUSTOMER
        && (ctx->name.dialect != COS_DIALECT_COS || s.type != of.type))
    {
        ctx->reason = "server-side-encryption header is not supported for "
                      "this operation.";
        return COS_E_INVALID_ARGUMENT;
    }

    if (of.type == COS_SSE_CUSTOMER && !ctx->sse->customer.given) {
        ctx->reason = "The multipart upload initiate requested encryption. "
                      "Subsequent part requests must include the appropriate "
                      "encryption parameters.";
        return COS_E_INVALID_REQUEST;
    }

    ctx->sse->attr = upload->attr[COS_X_SSE];

    err = open_key(ctx, upload, &ctx->sse->customer, &ctx->sse->crypt);

    if (of.type == COS_SSE_CUSTOMER
        && (err == COS_E_ACCESS_DENIED || err == COS_E_SSE_DECRYPT))
    {
        ctx->reason = "The provided encryption parameters did not match the "
                      "ones used originally.";
        return COS_E_INVALID_ARGUMENT;
    }

    return err;
}


cos_err_e
ngx_http_cos_sse_source(ngx_http_cos_ctx_t *ctx, cos_object_t *o)
{
    cos_err_e  err;

    if (keys(ctx) == NULL) {
        return COS_E_INTERNAL;
    }

    err = customer_key(ctx, COPIED, &ctx->sse->copied);

    return err != COS_OK ? err : open_key(ctx, o, &ctx->sse->copied,
                                          &ctx->sse->source);
}


/* The same data key, sealed by the key that seals what is new: so a copy of an
 * object onto itself leaves an old key behind. */
static ngx_int_t
reseal(ngx_http_cos_ctx_t *ctx, cos_sse_t *want, cos_sse_t *have,
    const cos_str_t *from, ngx_str_t *attr)
{
    int            rc;
    cos_u8         key[COS_SSE_KEY];
    cos_buf_t      b;
    const cos_u8  *old, *new;

    if (sealing_key(ctx, have, &old) != COS_OK
        || sealing_key(ctx, want, &new) != COS_OK
        || cos_sse_open(*from, old, key) != 0)
    {
        return NGX_ERROR;
    }

    cos_buf_init(&b, &ctx->alloc, 256);
    rc = cos_sse_seal(&b, want, new, key);
    cos_cleanse(key, COS_SSE_KEY);

    if (rc != 0) {
        return NGX_ERROR;
    }

    attr->data = b.data;
    attr->len = b.len;

    return NGX_OK;
}


ngx_uint_t
ngx_http_cos_sse_share(ngx_http_cos_ctx_t *ctx, cos_object_t *o,
    const cos_object_t *source)
{
    cos_str_t   a, b;
    cos_sse_t   want, have;

    if (cos_sse_parse(&want, o->attr[COS_X_SSE]) != 0
        || cos_sse_parse(&have, source->attr[COS_X_SSE]) != 0
        || !cos_sse_same(&want, &have))
    {
        return 0;
    }

    if (want.type == COS_SSE_CUSTOMER) {
        a.data = ctx->sse->customer.key;
        b.data = ctx->sse->copied.key;
        a.len = b.len = COS_SSE_KEY;

        if (!cos_str_eq_secret(a, b)) {
            return 0;
        }
    }

    if (want.type != COS_SSE_STORE || cos_str_eq(want.id, have.id)) {
        o->attr[COS_X_SSE] = source->attr[COS_X_SSE];

    } else if (reseal(ctx, &want, &have, &source->attr[COS_X_SSE],
                      &o->attr[COS_X_SSE])
               != NGX_OK)
    {
        return 0;
    }

    o->attr[COS_X_NONCES] = source->attr[COS_X_NONCES];

    return 1;
}


/* --- writing -------------------------------------------------------------------------- */

cos_err_e
ngx_http_cos_sse_begin(ngx_http_cos_ctx_t *ctx, cos_ingest_t *in)
{
    ngx_http_cos_sse_t  *s = ctx->sse;

    if (s == NULL || s->crypt == NULL) {
        return COS_OK;
    }

    /* never used before under this key: neither by another part nor by an
     * earlier upload of the same one */
    if (cos_random(s->nonce, COS_CRYPT_NONCE) != 0
        || cos_crypt_seek(s->crypt, s->nonce, 0) != 0)
    {
        return COS_E_INTERNAL;
    }

    in->crypt = s->crypt;

    return COS_OK;
}


void
ngx_http_cos_sse_record(ngx_http_cos_ctx_t *ctx, cos_object_t *o)
{
    if (ctx->sse && ctx->sse->crypt) {
        o->attr[COS_X_NONCES].data = ctx->sse->nonce;
        o->attr[COS_X_NONCES].len = COS_CRYPT_NONCE;
    }
}


/* --- answers --------------------------------------------------------------------------- */

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
