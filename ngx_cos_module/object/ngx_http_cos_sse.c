/*
 * Encryption at rest: whose keys open what, and what is written under them. The
 * bytes go through the ingest (writing), ngx_http_cos_get_crypt.c (reading) and
 * ngx_http_cos_feed.c (copying); headers are read and written in
 * ngx_http_cos_sse_headers.c.
 *
 * Keys are in ctx->sse, are never logged, and are erased with the request.
 */

#include "ngx_http_cos_object.h"
#include "ngx_http_cos_sse_int.h"


/* --- keys ----------------------------------------------------------------- */

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


/* --- what is written ------------------------------------------------------ */

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

    err = ngx_http_cos_sse_asked(ctx, &s);

    if (err == COS_OK && s.type == COS_SSE_NONE) {
        err = ngx_http_cos_sse_default(ctx, &s);
    }

    if (err != COS_OK || s.type == COS_SSE_NONE) {
        return err;
    }

    err = new_key(ctx, &s);
    o->attr[COS_X_SSE] = ctx->sse->attr;

    return err;
}


/* --- what is there already ------------------------------------------------ */

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

    if (o->attr[COS_X_SSE].len == 0 && !ngx_http_cos_sse_mentioned(ctx)) {
        return COS_OK;
    }

    if (ngx_http_cos_sse_kind(ctx).len) {
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

    err = ngx_http_cos_sse_customer(ctx, 0, &ctx->sse->customer);

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
    err = ngx_http_cos_sse_asked(ctx, &s);

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

    err = ngx_http_cos_sse_customer(ctx, 1, &ctx->sse->copied);

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


/* --- writing -------------------------------------------------------------- */

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
