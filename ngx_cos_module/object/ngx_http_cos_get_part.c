/*
 * GetObject and HeadObject of one part of an object by its number
 * (?partNumber=N): a range that the client does not have to know.
 */

#include "ngx_http_cos_get.h"
#include "ngx_http_cos_object.h"
#include "cos_parts.h"


cos_err_e
ngx_http_cos_get_part(ngx_http_cos_ctx_t *ctx, ngx_http_cos_get_t *g)
{
    uint64_t       n;
    cos_err_e      err;
    cos_object_t  *o = &ctx->object;

    g->part = 0;

    if (ctx->name.chose[1] == NULL) {
        return COS_OK;
    }

    err = ngx_http_cos_part_number(ctx, &n);

    if (err != COS_OK) {
        return err;
    }

    if (cos_header(&ctx->http, "range")) {
        ctx->reason = "Cannot specify both Range header and partNumber query "
                      "parameter";
        return COS_E_INVALID_REQUEST;
    }

    if (cos_part_range(o, n, &g->first, &g->left) != 0) {
        return COS_E_NO_PART_NUMBER;
    }

    g->part = n;

    /* what is empty has no range */
    g->partial = (g->left != 0);
    g->status = g->partial ? NGX_HTTP_PARTIAL_CONTENT : NGX_HTTP_OK;

    return COS_OK;
}


static ngx_int_t
part_sum(ngx_http_cos_ctx_t *ctx, ngx_http_cos_get_t *g)
{
    cos_object_t   part;
    cos_object_t  *o = &ctx->object;

    if (ngx_http_cos_header(ctx, "checksum-mode") == NULL) {
        return NGX_OK;
    }

    if (cos_parts_count(o) == 1 && !(o->flags & COS_F_SUM_COMPOSITE)) {
        return ngx_http_cos_checksum_headers(ctx, o);
    }

    ngx_memzero(&part, sizeof(cos_object_t));
    part.sum_type = o->sum_type;

    if (cos_part_sum(o, g->part, part.sum) != 0) {
        return NGX_OK;
    }

    return ngx_http_cos_checksum_value(ctx, &part);
}


ngx_int_t
ngx_http_cos_get_part_headers(ngx_http_cos_ctx_t *ctx, ngx_http_cos_get_t *g)
{
    ngx_str_t      count;
    cos_object_t  *o = &ctx->object;

    if (o->parts && cos_parts_count(o) == o->parts) {
        if (ngx_http_cos_decimal(ctx->request->pool, o->parts, &count)
            != NGX_OK
            || ngx_http_cos_add_prefixed(ctx, "mp-parts-count", &count)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return part_sum(ctx, g);
}
