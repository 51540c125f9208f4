/*
 * bucket, inside the room: the kinds of configurations.
 */

#ifndef NGX_HTTP_COS_CONFIG_H
#define NGX_HTTP_COS_CONFIG_H

#include "ngx_http_cos_bucket.h"
#include "ngx_http_cos_object.h"
#include "cos_xml_config.h"

#pragma GCC visibility push(hidden)

/* Reads a document and puts what it says into *k, if the bucket as it is then
 * allows it. Everything from the request's pool. */
typedef cos_err_e (*ngx_http_cos_config_set_pt)(ngx_http_cos_ctx_t *ctx,
    cos_bucket_t *k, ngx_str_t text);
/* Writes the document; anything but COS_OK means that the record is damaged. */
typedef cos_err_e (*ngx_http_cos_config_write_pt)(ngx_http_cos_ctx_t *ctx,
    cos_buf_t *b, cos_bucket_t *k);

#define NGX_HTTP_COS_KIND(name)                                               \
    cos_err_e ngx_http_cos_set_##name(ngx_http_cos_ctx_t *ctx,                \
        cos_bucket_t *k, ngx_str_t text);                                     \
    cos_err_e ngx_http_cos_write_##name(ngx_http_cos_ctx_t *ctx,              \
        cos_buf_t *b, cos_bucket_t *k)

NGX_HTTP_COS_KIND(versioning);
NGX_HTTP_COS_KIND(tagging);
NGX_HTTP_COS_KIND(encryption);
NGX_HTTP_COS_KIND(lock);
NGX_HTTP_COS_KIND(quota);
NGX_HTTP_COS_KIND(payment);
NGX_HTTP_COS_KIND(public_block);
NGX_HTTP_COS_KIND(ownership);
NGX_HTTP_COS_KIND(cors);
NGX_HTTP_COS_KIND(referer);
NGX_HTTP_COS_KIND(website);
NGX_HTTP_COS_KIND(policy);
NGX_HTTP_COS_KIND(domain);

#undef NGX_HTTP_COS_KIND

#pragma GCC visibility pop

#endif
