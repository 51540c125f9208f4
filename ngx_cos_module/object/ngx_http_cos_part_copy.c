/*
 * UploadPartCopy: a range of an existing object becomes a part. The bytes are
 * read anyway, because a part's ETag is their MD5; so they go through the same
 * ingest as an upload.
 */

#include "ngx_http_cos_object.h"
#include "ngx_http_cos_sse.h"


typedef struct {
    ngx_http_cos_source_t   source;
    ngx_http_cos_feed_t     feed;
} part_copy_t;


static ngx_int_t copy_source(ngx_http_cos_ctx_t *ctx);
static ngx_int_t copy_feed(ngx_http_cos_ctx_t *ctx);


/* "bytes=first-last", both required (S3 and COS, UploadPartCopy). */
static cos_err_e
copy_range(ngx_http_cos_ctx_t *ctx, part_copy_t *p)
{
    uint64_t             first, last, size;
    const cos_header_t  *h;

    size = p->source.object.size;
    p->feed.o = &p->source.object;
    p->feed.pos = 0;
    p->feed.left = size;

    h = ngx_http_cos_header(ctx, "copy-source-range");

    if (h == NULL || h->value.len == 0) {
        return COS_OK;
    }

    if (!cos_str_starts(h->value, "bytes=")
        || h->value.data[h->value.len - 1] == '-'
        || h->value.data[6] == '-')
    {
        return COS_E_INVALID_ARGUMENT;
    }

    switch (cos_range_parse(h->value, UINT64_MAX, &first, &last)) {
    case 1:
        break;
    default:
        return COS_E_INVALID_ARGUMENT;
    }

    if (last >= size) {
        return COS_E_INVALID_RANGE;
    }

    p->feed.pos = first;
    p->feed.left = last - first + 1;

    return COS_OK;
}


ngx_int_t
ngx_http_cos_upload_part_copy(ngx_http_cos_ctx_t *ctx)
{
    part_copy_t  *p;

    p = ngx_pcalloc(ctx->request->pool, sizeof(part_copy_t));
    if (p == NULL) {
        return NGX_ERROR;
    }

    ctx->state = p;

    return ngx_http_cos_source(ctx, &p->source, 0, copy_source);
}


static ngx_int_t
copy_source(ngx_http_cos_ctx_t *ctx)
{
    cos_err_e     err;
    part_copy_t  *p = ctx->state;

    err = p->source.err;

    if (err == COS_OK) {
        err = ngx_http_cos_sse_source(ctx, &p->source.object);
    }

    if (err == COS_OK) {
        err = copy_range(ctx, p);
    }

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    return ngx_http_cos_part_begin(ctx, p->feed.left, copy_feed);
}


static ngx_int_t
copy_feed(ngx_http_cos_ctx_t *ctx)
{
    part_copy_t  *p = ctx->state;

    p->feed.take = ctx->take;

    return ngx_http_cos_feed(ctx, &p->feed, ngx_http_cos_part_end);
}
