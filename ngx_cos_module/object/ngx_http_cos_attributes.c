/*
 * GetObjectAttributes.
 */

#include "ngx_http_cos_object.h"
#include "ngx_http_cos_sse.h"
#include "ngx_http_cos_symlink.h"
#include "cos_xml_attributes.h"


static ngx_int_t attributes(ngx_http_cos_ctx_t *ctx);


/* The header may be repeated. */
static cos_err_e
wanted(ngx_http_cos_ctx_t *ctx, unsigned *want)
{
    size_t               i;
    cos_err_e            err;
    cos_str_t            rest;
    const cos_header_t  *h;

    for (i = 0; i < ctx->http.nheaders; i++) {
        h = &ctx->http.headers[i];

        if (!cos_str_starts(h->name, "x-amz-")
            && !cos_str_starts(h->name, "x-cos-"))
        {
            continue;
        }

        rest.data = h->name.data + 6;
        rest.len = h->name.len - 6;

        if (!cos_str_is(rest, "object-attributes")) {
            continue;
        }

        err = cos_attributes_parse(h->value, want);

        if (err != COS_OK) {
            ctx->reason = "Invalid attribute name specified.";
            return err;
        }
    }

    if (*want == 0) {
        ctx->reason = "The x-amz-object-attributes header specifying the "
                      "attributes to be retrieved is either missing or empty";
        return COS_E_INVALID_ARGUMENT;
    }

    return COS_OK;
}


static cos_err_e
number(ngx_http_cos_ctx_t *ctx, const char *name, uint64_t *n)
{
    const cos_header_t  *h;

    h = ngx_http_cos_header(ctx, name);

    return h == NULL || h->value.len == 0
           || (cos_str_uint(h->value, n) == 0 && *n <= INT32_MAX)
           ? COS_OK : COS_E_INVALID_ARGUMENT;
}


ngx_int_t
ngx_http_cos_get_attributes(ngx_http_cos_ctx_t *ctx)
{
    if (ctx->name.dialect == COS_DIALECT_BOS) {
        return ngx_http_cos_unsupported(ctx);
    }

    return ngx_http_cos_follow(ctx, attributes);
}


static ngx_int_t
attributes(ngx_http_cos_ctx_t *ctx)
{
    cos_buf_t              b;
    cos_err_e              err;
    cos_object_t          *o = &ctx->object;
    cos_xml_attributes_t   l;

    ngx_memzero(&l, sizeof(cos_xml_attributes_t));
    l.dialect = ctx->name.dialect;
    l.object = o;
    l.max_parts = 1000;

    if ((err = ngx_http_cos_sse_read(ctx, o)) != COS_OK
        || (err = wanted(ctx, &l.want)) != COS_OK
        || (err = number(ctx, "max-parts", &l.max_parts)) != COS_OK
        || (err = number(ctx, "part-number-marker", &l.marker)) != COS_OK)
    {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    l.max_parts = ngx_min(l.max_parts, 1000);

    cos_buf_init(&b, &ctx->alloc, 1024);
    cos_xml_attributes(&b, &l);

    ctx->request->headers_out.last_modified_time = o->mtime / 1000;

    if ((ctx->bucket.versioning != COS_VERSIONING_NONE || o->born)
        && ngx_http_cos_version_header(ctx, "version-id",
                                       cos_object_version(o))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_cos_reply(ctx, NGX_HTTP_OK, &b);
}
