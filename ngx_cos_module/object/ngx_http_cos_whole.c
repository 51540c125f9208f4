/*
 * What CompleteMultipartUpload says of the whole object: its size, its
 * checksum. They are compared with what the parts have become.
 */

#include "ngx_http_cos_object.h"


/* The header of a checksum's kind; NULL when there is none. */
static const cos_header_t *
sum_header(ngx_http_cos_ctx_t *ctx, cos_sum_e t)
{
    u_char               name[32];
    const char          *kind;
    const cos_header_t  *h;

    kind = cos_sum_name(t);
    ngx_memcpy(name, "checksum-", 9);
    ngx_strlow(name + 9, (u_char *) kind, ngx_strlen(kind) + 1);

    h = ngx_http_cos_header(ctx, (char *) name);

    return h && h->value.len ? h : NULL;
}


/* The digits; of a composite one with the number of parts or without. */
static cos_err_e
check_sum(ngx_http_cos_ctx_t *ctx, const cos_object_t *o, cos_str_t value)
{
    u_char     *p;
    cos_buf_t   b;

    if (o->flags & COS_F_SUM_COMPOSITE) {
        p = value.len ? ngx_strlchr(value.data, value.data + value.len, '-')
                      : NULL;

        if (p) {
            value.len = p - value.data;
        }
    }

    cos_buf_init(&b, &ctx->alloc, 64);
    cos_base64(&b, o->sum, cos_sum_len(o->sum_type));

    return !b.err && value.len == b.len
           && ngx_memcmp(value.data, b.data, b.len) == 0 ? COS_OK
                                                         : COS_E_BAD_CHECKSUM;
}


static cos_err_e
check_type(ngx_http_cos_ctx_t *ctx, const cos_object_t *o)
{
    const cos_header_t  *h;

    h = ngx_http_cos_header(ctx, "checksum-type");

    if (h == NULL || h->value.len == 0
        || (o->sum_type != COS_SUM_NONE
            && cos_str_iis(h->value, o->flags & COS_F_SUM_COMPOSITE
                                     ? "COMPOSITE" : "FULL_OBJECT")))
    {
        return COS_OK;
    }

    ctx->reason = "the checksum type is not that of the upload";

    return COS_E_INVALID_REQUEST;
}


cos_err_e
ngx_http_cos_check_whole(ngx_http_cos_ctx_t *ctx, const cos_object_t *o)
{
    int                  t;
    uint64_t             n;
    cos_err_e            err;
    const cos_header_t  *h;

    h = ngx_http_cos_header(ctx, "mp-object-size");

    if (h && h->value.len
        && (cos_str_uint(h->value, &n) != 0 || n != o->size))
    {
        ctx->reason = "the parts do not add up to the size that the request "
                      "names";
        return COS_E_INVALID_REQUEST;
    }

    err = check_type(ctx, o);

    if (err != COS_OK) {
        return err;
    }

    for (t = COS_SUM_NONE + 1; t < COS_SUM_MAX; t++) {
        h = sum_header(ctx, t);

        if (h == NULL) {
            continue;
        }

        if ((int) o->sum_type != t) {
            ctx->reason = "the upload has no checksum of that kind";
            return COS_E_INVALID_REQUEST;
        }

        err = check_sum(ctx, o, h->value);

        if (err != COS_OK) {
            return err;
        }
    }

    return COS_OK;
}
