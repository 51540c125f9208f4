/*
 * The kinds of configurations that say from where a bucket is read. Their
 * documents are kept as they were sent: what decides compiles them, once for
 * each worker (ngx_http_cos_kept_rule).
 */

#include "ngx_http_cos_config.h"
#include "cos_xml_rules.h"


cos_err_e
ngx_http_cos_set_cors(ngx_http_cos_ctx_t *ctx, cos_bucket_t *k, ngx_str_t text)
{
    cos_err_e       err;
    cos_cors_doc_t  doc;

    err = cos_xml_parse_cors(text, &doc, &ctx->reason, &ctx->alloc);

    if (err == COS_OK) {
        k->attr[COS_BX_CORS] = text;
    }

    return err;
}


cos_err_e
ngx_http_cos_write_cors(ngx_http_cos_ctx_t *ctx, cos_buf_t *b, cos_bucket_t *k)
{
    cos_err_e       err;
    cos_cors_doc_t  doc;

    err = cos_xml_parse_cors(k->attr[COS_BX_CORS], &doc, &ctx->reason,
                             &ctx->alloc);
    if (err == COS_OK) {
        cos_xml_cors(b, ctx->name.dialect, &doc);
    }

    return err;
}


cos_err_e
ngx_http_cos_set_referer(ngx_http_cos_ctx_t *ctx, cos_bucket_t *k,
    ngx_str_t text)
{
    cos_err_e          err;
    cos_referer_doc_t  doc;

    err = cos_xml_parse_referer(text, &doc, &ctx->reason, &ctx->alloc);

    if (err == COS_OK) {
        k->attr[COS_BX_REFERER] = text;
    }

    return err;
}


cos_err_e
ngx_http_cos_write_referer(ngx_http_cos_ctx_t *ctx, cos_buf_t *b,
    cos_bucket_t *k)
{
    cos_err_e          err;
    cos_referer_doc_t  doc;

    err = cos_xml_parse_referer(k->attr[COS_BX_REFERER], &doc, &ctx->reason,
                                &ctx->alloc);
    if (err == COS_OK) {
        cos_xml_referer(b, ctx->name.dialect, &doc);
    }

    return err;
}
