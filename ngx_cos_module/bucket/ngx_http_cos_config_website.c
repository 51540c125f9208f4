/*
 * The website configuration: kept as it was sent, once it was found good.
 */

#include "ngx_http_cos_config.h"
#include "cos_website.h"


/* Another release of the site that there is, whatever dialect its configuration
 * was written in. */
static cos_err_e
switch_release(ngx_http_cos_ctx_t *ctx, cos_bucket_t *k, cos_str_t release)
{
    cos_buf_t       b;
    cos_str_t       text;
    cos_website_t  *w;

    if (k->attr[COS_BX_WEBSITE].len == 0) {
        return COS_E_NO_WEBSITE;
    }

    w = cos_website_compile(k->attr[COS_BX_WEBSITE], &ctx->alloc);

    if (w == NULL) {
        return COS_E_INTERNAL;
    }

    if (w->all_host.len) {
        ctx->reason = "the website redirects all requests to another host";
        return COS_E_INVALID_ARGUMENT;
    }

    w->release = release;
    cos_buf_init(&b, &ctx->alloc, k->attr[COS_BX_WEBSITE].len + 512);
    cos_xml_website(&b, w->dialect, w);

    if (b.len > COS_WEBSITE_SIZE) {
        return COS_E_XML_TOO_LARGE;
    }

    text.data = b.data;
    text.len = b.len;

    return b.err || cos_website_keep(&k->attr[COS_BX_WEBSITE], w->dialect,
                                     text, &ctx->alloc)
                    != 0 ? COS_E_INTERNAL : COS_OK;
}


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

    if (cos_website_is_switch(&w)) {
        return switch_release(ctx, k, w.release);
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
