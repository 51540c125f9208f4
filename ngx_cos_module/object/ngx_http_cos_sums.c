/*
 * Checksums of multipart uploads (S3, "Checking object integrity"): what an
 * upload is begun with, what its parts and its completion must then say.
 */

#include "ngx_http_cos_sums.h"


static int
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


/* A value as it is sent: base64. -1. */
static int
read_sum(cos_u8 *raw, cos_sum_e t, cos_str_t text)
{
    cos_u8  buf[66];

    if (text.len > 64
        || cos_unbase64(buf, text) != (ptrdiff_t) cos_sum_len(t))
    {
        return -1;
    }

    ngx_memcpy(raw, buf, cos_sum_len(t));

    return 0;
}


/* --- CreateMultipartUpload ------------------------------------------------------- */

cos_err_e
ngx_http_cos_sum_wanted(ngx_http_cos_ctx_t *ctx, cos_object_t *o)
{
    int                  t, full, composite;
    const cos_header_t  *h, *type;

    h = ngx_http_cos_header(ctx, "checksum-algorithm");
    type = ngx_http_cos_header(ctx, "checksum-type");

    full = type && cos_str_iis(type->value, "FULL_OBJECT");
    composite = type && cos_str_iis(type->value, "COMPOSITE");

    if (type && type->value.len && !full && !composite) {
        ctx->reason = "Value for x-amz-checksum-type header is invalid.";
        return COS_E_INVALID_REQUEST;
    }

    if (h == NULL || h->value.len == 0) {
        if (full || composite) {
            ctx->reason = "The x-amz-checksum-type header can only be used "
                          "with the x-amz-checksum-algorithm header.";
            return COS_E_INVALID_REQUEST;
        }

        return COS_OK;
    }

    t = sum_by_name(h->value);

    if (t == COS_SUM_NONE) {
        ctx->reason = "Checksum algorithm provided is unsupported.";
        return COS_E_INVALID_CHECKSUM;
    }

    /* digests of parts do not add up to that of the whole, and this CRC is
     * never one of CRCs */

    if ((full && (t == COS_SUM_SHA1 || t == COS_SUM_SHA256))
        || (composite && t == COS_SUM_CRC64NVME))
    {
        ctx->reason = "The checksum type cannot be used with the checksum "
                      "algorithm.";
        return COS_E_INVALID_REQUEST;
    }

    o->sum_type = t;

    if (t != COS_SUM_CRC64NVME && !full) {
        o->flags |= COS_F_SUM_COMPOSITE;
    }

    return COS_OK;
}


ngx_int_t
ngx_http_cos_sum_wanted_headers(ngx_http_cos_ctx_t *ctx, cos_object_t *o)
{
    ngx_str_t         name;
    static ngx_str_t  full = ngx_string("FULL_OBJECT");
    static ngx_str_t  composite = ngx_string("COMPOSITE");

    if (o->sum_type == COS_SUM_NONE || ctx->name.dialect != COS_DIALECT_S3) {
        return NGX_OK;
    }

    name.data = (u_char *) cos_sum_name(o->sum_type);
    name.len = ngx_strlen(name.data);

    if (ngx_http_cos_add_prefixed(ctx, "checksum-algorithm", &name) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_cos_add_prefixed(ctx, "checksum-type",
                   o->flags & COS_F_SUM_COMPOSITE ? &composite : &full);
}


/* --- UploadPart -------------------------------------------------------------------- */

cos_err_e
ngx_http_cos_sum_part(ngx_http_cos_ctx_t *ctx, const cos_object_t *upload,
    cos_sum_e have)
{
    if (upload->sum_type == COS_SUM_NONE || have == upload->sum_type) {
        return COS_OK;
    }

    ctx->reason = "Checksum Type mismatch occurred: the part's checksum is "
                  "not of the algorithm that the upload was begun with.";

    return COS_E_INVALID_REQUEST;
}


/* --- CompleteMultipartUpload --------------------------------------------------------- */

cos_err_e
ngx_http_cos_sum_listed(ngx_http_cos_ctx_t *ctx, const cos_object_t *upload,
    const cos_xml_part_t *listed, const cos_object_t *part)
{
    cos_u8  raw[COS_SHA256_LEN];

    if (listed->sum.len == 0) {

        if (upload->flags & COS_F_SUM_COMPOSITE) {
            ctx->reason = "The upload was created with a composite checksum. "
                          "The complete request must include the checksum for "
                          "each part.";
            return COS_E_INVALID_REQUEST;
        }

        return COS_OK;
    }

    if (listed->sum_type != part->sum_type
        || read_sum(raw, part->sum_type, listed->sum) != 0
        || ngx_memcmp(raw, part->sum, cos_sum_len(part->sum_type)) != 0)
    {
        return COS_E_INVALID_PART;
    }

    return COS_OK;
}


/* --- CopyObject ------------------------------------------------------------------------ */

cos_err_e
ngx_http_cos_sum_copied(ngx_http_cos_ctx_t *ctx, cos_sum_e *wanted)
{
    const cos_header_t  *h;

    *wanted = COS_SUM_NONE;
    h = ngx_http_cos_header(ctx, "checksum-algorithm");

    if (h && h->value.len) {
        *wanted = sum_by_name(h->value);

        if (*wanted == COS_SUM_NONE) {
            ctx->reason = "Checksum algorithm provided is unsupported.";
            return COS_E_INVALID_CHECKSUM;
        }
    }

    return COS_OK;
}
