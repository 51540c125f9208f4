/*
 * The website configuration: kept as it was sent, once it was found good.
 */

#include "ngx_http_cos_config.h"
#include "cos_website.h"


cos_err_e
ngx_http_cos_set_website(ngx_http_cos_ctx_t *ctx, cos_bucket_t *k,
    ngx_str_t text)
{
    cos_err_e      err;
    cos_website_t  w;

    err = cos_xml_parse_website(ctx->name.dialect, text, &w, &ctx->reason,
                                &ctx->alloc);

    if (err != COS_OK) {
        return err;
    }

    return cos_website_keep(&k->attr[COS_BX_WEBSITE], ctx->name.dialect, text,
                            &ctx->alloc)
           == 0 ? COS_OK : COS_E_INTERNAL;
}


cos_err_e
ngx_http_cos_write_website(ngx_http_cos_ctx_t *ctx, cos_buf_t *b,
    cos_bucket_t *k)
{
    cos_website_t  *w;

    w = cos_website_compile(k->attr[COS_BX_WEBSITE], &ctx->alloc);

    if (w == NULL) {
        return COS_E_INTERNAL;
    }

    cos_xml_website(b, ctx->name.dialect, w);

    return COS_OK;
}
