/*
 * UploadPartCopy: a range of an existing object becomes a part. The bytes are
 * read anyway, because a part's ETag is their MD5; so they go through the same
 * ingest as an upload, a slice at a time in the thread pool.
 */

#include "ngx_http_cos_object.h"


#define SLICE  (4 * 1024 * 1024)

typedef struct {
    ngx_http_cos_source_t   source;
    cos_store_t            *store;
    uint64_t                pos;
    uint64_t                left;
    cos_u8                 *buf;
    int                     error;    /* errno of a read */
} part_copy_t;


static ngx_int_t copy_source(ngx_http_cos_ctx_t *ctx);
static ngx_int_t copy_slice(ngx_http_cos_ctx_t *ctx);
static ngx_int_t copy_taken(ngx_http_cos_ctx_t *ctx);


/* "bytes=first-last", both required (S3 and COS, UploadPartCopy). */
static cos_err_e
copy_range(ngx_http_cos_ctx_t *ctx, part_copy_t *p)
{
    uint64_t             first, last, size;
    const cos_header_t  *h;

    size = p->source.object.size;
    p->pos = 0;
    p->left = size;

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

    p->pos = first;
    p->left = last - first + 1;

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
    p->store = ngx_http_cos_store_dir();

    return ngx_http_cos_source(ctx, &p->source, 0, copy_source);
}


static ngx_int_t
copy_source(ngx_http_cos_ctx_t *ctx)
{
    cos_err_e     err;
    part_copy_t  *p = ctx->state;

    err = p->source.err;

    if (err == COS_OK) {
        err = copy_range(ctx, p);
    }

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, NULL);
    }

    return ngx_http_cos_part_begin(ctx, p->left, copy_slice);
}


static void
read_slice(void *data)
{
    size_t                n;
    part_copy_t          *p;
    ngx_http_cos_take_t  *t = data;

    p = t->ctx->state;

    if (p->left == 0) {
        (void) cos_ingest_end(&t->in);
        return;
    }

    n = ngx_min(p->left, SLICE);

    if (ngx_http_cos_source_read(p->store, &p->source.object, p->pos, p->buf,
                                 n)
        != 0)
    {
        p->error = errno;
        t->in.err = COS_E_INTERNAL;
        return;
    }

    p->pos += n;
    p->left -= n;

    (void) cos_ingest_feed(&t->in, p->buf, n);
}


static ngx_int_t
copy_slice(ngx_http_cos_ctx_t *ctx)
{
    part_copy_t          *p = ctx->state;
    ngx_http_cos_take_t  *t = ctx->take;

    if (p->buf == NULL) {
        p->buf = ngx_palloc(ctx->request->pool, ngx_min(p->left, SLICE) + 1);
        if (p->buf == NULL) {
            return NGX_ERROR;
        }
    }

    if (t->in.err != COS_OK) {
        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, p->error,
                      "cos %V: cannot copy a range of \"%V\"", &ctx->id,
                      &p->source.bucket_name);

        return ngx_http_cos_fail(ctx, p->error == ENOENT ? COS_E_UNAVAILABLE
                                                         : t->in.err, NULL);
    }

    return ngx_http_cos_thread(ctx, read_slice, t,
                               p->left ? copy_slice : copy_taken);
}


static ngx_int_t
copy_taken(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_cos_take_t  *t = ctx->take;

    t->err = t->in.err;

    return ngx_http_cos_part_end(ctx);
}
