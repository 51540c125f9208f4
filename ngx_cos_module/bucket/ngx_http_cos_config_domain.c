/*
 * The domains of a bucket: kept as they were sent, once they were found good.
 * That no two buckets have the same one is seen to by the function that puts
 * the record, which keeps the index of them as well.
 */

#include "ngx_http_cos_config.h"
#include "cos_xml_domain.h"


cos_err_e
ngx_http_cos_set_domain(ngx_http_cos_ctx_t *ctx, cos_bucket_t *k,
    ngx_str_t text)
{
    size_t         i;
    cos_err_e      err;
    cos_host_t     host;
    const char    *why;
    cos_domains_t  d;

    if (ctx->lcf->domains == NULL) {
        ctx->reason = "this server serves no domains of buckets (cos_domains)";
        return COS_E_NOT_IMPLEMENTED;
    }

    err = cos_xml_parse_domains(text, &d, &ctx->reason, &ctx->alloc);

    if (err != COS_OK) {
        return err;
    }

    for (i = 0; i < d.n; i++) {
        cos_host_parse(&host, d.v[i].name, ctx->lcf->bases->elts,
                       ctx->lcf->bases->nelts);

        if (!host.foreign) {
            ctx->reason = "a domain is one of this service";
            return COS_E_INVALID_ARGUMENT;
        }

        why = ngx_http_cos_domain_unbindable(ctx, &d.v[i].name);

        if (why) {
            ctx->reason = why;
            return COS_E_ACCESS_DENIED;
        }
    }

    return cos_domains_keep(&k->attr[COS_BX_DOMAIN], &d, text, &ctx->alloc)
           == 0 ? COS_OK : COS_E_INTERNAL;
}


cos_err_e
ngx_http_cos_write_domain(ngx_http_cos_ctx_t *ctx, cos_buf_t *b,
    cos_bucket_t *k)
{
    cos_domains_t  *d;

    if (k->attr[COS_BX_DOMAIN].len == 0) {
        cos_xml_domains(b, ctx->name.dialect, NULL);
        return COS_OK;
    }

    d = cos_domains_load(k->attr[COS_BX_DOMAIN], &ctx->alloc);

    if (d == NULL) {
        return COS_E_INTERNAL;
    }

    cos_xml_domains(b, ctx->name.dialect, d);

    return COS_OK;
}


ngx_int_t
ngx_http_cos_domain_drop(ngx_http_cos_ctx_t *ctx, const cos_bucket_t *k)
{
    u_char     *end;
    ngx_str_t   key, name, list;

    list = cos_bucket_domains(k->attr[COS_BX_DOMAIN]);

    while (list.len) {
        end = ngx_strlchr(list.data, list.data + list.len, ' ');
        name.data = list.data;
        name.len = end ? (size_t) (end - list.data) : list.len;

        if (ngx_http_cos_domain_key(ctx->request->pool, &name, &key)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_http_cos_cache_drop(&key);

        list.data += name.len + (end != NULL);
        list.len -= name.len + (end != NULL);
    }

    return NGX_OK;
}
