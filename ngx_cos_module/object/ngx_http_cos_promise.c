/*
 * What a request promises about its body: length, framing, digests. They are
 * held against what comes by the ingest; documents that were read whole are
 * checked here.
 */

#include "ngx_http_cos_object.h"


static cos_err_e
promised_md5(ngx_http_cos_ctx_t *ctx, cos_ingest_t *in)
{
    cos_u8               raw[32];
    const cos_header_t  *h;

    h = cos_header(&ctx->http, "content-md5");

    if (h == NULL) {
        return COS_OK;
    }

    if (cos_header_count(&ctx->http, "content-md5") > 1) {
        return COS_E_INVALID_DIGEST;
    }

    if (h->value.len != 24 || cos_unbase64(raw, h->value) != COS_MD5_LEN) {
        return COS_E_INVALID_DIGEST;
    }

    ngx_memcpy(in->md5, raw, COS_MD5_LEN);
    in->has_md5 = 1;

    return COS_OK;
}


static cos_sum_e
sum_by_name(cos_str_t s)
{
    int  t;

    for (t = COS_SUM_CRC32; t < COS_SUM_MAX; t++) {
        if (cos_str_iis(s, cos_sum_name(t))) {
            return t;
        }
    }

    return COS_SUM_NONE;
}


/* x-amz-checksum-<algorithm>: <base64>, or its announcement as a trailer. */
static cos_err_e
promised_sum(ngx_http_cos_ctx_t *ctx, cos_ingest_t *in)
{
    size_t               i, n;
    cos_u8               raw[66];
    cos_str_t            name;
    const cos_header_t  *h;

    for (i = 0, n = 0; i < ctx->http.nheaders; i++) {
        h = &ctx->http.headers[i];

        if (!cos_str_starts(h->name, "x-amz-checksum-")) {
            continue;
        }

        name.data = h->name.data + 15;
        name.len = h->name.len - 15;

        if (cos_str_is(name, "mode") || cos_str_is(name, "type")
            || cos_str_is(name, "algorithm"))
        {
            continue;
        }

        in->sum_type = sum_by_name(name);

        if (in->sum_type == COS_SUM_NONE || n++) {
            return COS_E_INVALID_CHECKSUM;
        }

        if (h->value.len > 64
            || cos_unbase64(raw, h->value)
               != (ptrdiff_t) cos_sum_len(in->sum_type))
        {
            return COS_E_INVALID_CHECKSUM;
        }

        ngx_memcpy(in->sum, raw, cos_sum_len(in->sum_type));
        in->has_sum = 1;
    }

    h = cos_header(&ctx->http, "x-amz-trailer");

    if (h && h->value.len && in->chunked) {
        in->trailers = h->value;

        if (cos_str_starts(h->value, "x-amz-checksum-")) {
            name.data = h->value.data + 15;
            name.len = h->value.len - 15;

            if (in->has_sum || sum_by_name(name) == COS_SUM_NONE) {
                return COS_E_INVALID_CHECKSUM;
            }

            in->sum_type = sum_by_name(name);
            in->sum_trailer = 1;
        }
    }

    /* an algorithm without a value: computed, stored, answered */
    h = ngx_http_cos_header(ctx, "sdk-checksum-algorithm");

    if (h && h->value.len && !in->has_sum && !in->sum_trailer) {
        in->sum_type = sum_by_name(h->value);

        if (in->sum_type == COS_SUM_NONE) {
            return COS_E_INVALID_CHECKSUM;
        }
    }

    return COS_OK;
}


static cos_err_e
promised_rest(ngx_http_cos_ctx_t *ctx, cos_ingest_t *in)
{
    const cos_header_t  *h;

    h = cos_header(&ctx->http, "x-cos-content-sha1");

    if (h && h->value.len) {
        if (cos_unhex(in->sha1, COS_SHA1_LEN, h->value) != 0) {
            return COS_E_INVALID_SHA1;
        }
        in->has_sha1 = 1;
    }

    h = cos_header(&ctx->http, "x-cos-hash-crc64ecma");

    if (h && h->value.len) {
        if (cos_str_uint(h->value, &in->crc64) != 0) {
            return COS_E_INVALID_CHECKSUM;
        }
        in->has_crc64 = 1;
    }

    if (ctx->sig.payload == COS_PAYLOAD_SHA256) {
        ngx_memcpy(in->sha256, ctx->sig.payload_sha256, COS_SHA256_LEN);
        in->has_sha256 = 1;
    }

    return COS_OK;
}


static cos_err_e
payload_length(ngx_http_cos_ctx_t *ctx, cos_ingest_t *in)
{
    uint64_t             n;
    const cos_header_t  *h;
    ngx_http_request_t  *r = ctx->request;

    in->length = r->headers_in.content_length_n;

    if (in->length < 0 && !r->headers_in.chunked
#if (NGX_HTTP_V2)
        && r->stream == NULL
#endif
       )
    {
        return COS_E_MISSING_LENGTH;
    }

    in->chunked = ctx->sig.payload >= COS_PAYLOAD_STREAM_SIGNED;

    if (!in->chunked) {
        return COS_OK;
    }

    h = cos_header(&ctx->http, "x-amz-decoded-content-length");

    if (h == NULL) {
        return COS_E_MISSING_LENGTH;
    }

    if (cos_str_uint(h->value, &n) != 0 || n > INT64_MAX) {
        return COS_E_INVALID_ARGUMENT;
    }

    in->length = n;

    return COS_OK;
}


cos_err_e
ngx_http_cos_promises(ngx_http_cos_ctx_t *ctx, cos_ingest_t *in)
{
    cos_err_e  err;

    if ((err = payload_length(ctx, in)) != COS_OK
        || (err = promised_md5(ctx, in)) != COS_OK
        || (err = promised_sum(ctx, in)) != COS_OK)
    {
        return err;
    }

    return promised_rest(ctx, in);
}


/* The parsers of XML read BOS' JSON as well: a document must be of its dialect.
 * Policies are JSON in all of them. */
static cos_err_e
of_dialect(ngx_http_cos_ctx_t *ctx, ngx_str_t *text)
{
    size_t  i;

    if (ctx->name.dialect == COS_DIALECT_BOS
        || ctx->name.op == COS_OP_PUT_POLICY)
    {
        return COS_OK;
    }

    for (i = 0; i < text->len && text->data[i] <= ' '; i++) { /* void */ }

    return i < text->len && text->data[i] == '{' ? COS_E_MALFORMED_XML
                                                 : COS_OK;
}


cos_err_e
ngx_http_cos_check_document(ngx_http_cos_ctx_t *ctx, ngx_str_t *text,
    ngx_uint_t sums)
{
    cos_err_e     err;
    cos_ingest_t  in;

    ngx_memzero(&in, sizeof(cos_ingest_t));

    in.length = -1;
    in.max = text->len;
    in.sig = &ctx->sig;
    in.mem_cap = text->len;
    in.chunked = ctx->sig.payload >= COS_PAYLOAD_STREAM_SIGNED;

    if ((err = promised_md5(ctx, &in)) != COS_OK
        || (sums && (err = promised_sum(ctx, &in)) != COS_OK)
        || (err = promised_rest(ctx, &in)) != COS_OK)
    {
        return err;
    }

    if (text->len == 0 && !in.has_md5 && !in.has_sum && !in.has_sha256) {
        return COS_OK;
    }

    in.mem = ngx_palloc(ctx->request->pool, text->len + 1);
    if (in.mem == NULL) {
        return COS_E_INTERNAL;
    }

    err = cos_ingest_begin(&in);

    if (err == COS_OK && text->len) {
        err = cos_ingest_feed(&in, text->data, text->len);
    }

    if (err == COS_OK) {
        err = cos_ingest_end(&in);
    }

    cos_ingest_free(&in);

    if (err == COS_OK && in.chunked) {
        /* what was framed is the document */
        text->data = in.mem;
        text->len = in.mem_len;
    }

    return err != COS_OK ? err : of_dialect(ctx, text);
}
