/*
 * Arguments of the functions in Redis that a commit calls: keys, records,
 * numbers.
 */

#include "ngx_http_cos_object.h"


ngx_int_t
ngx_http_cos_rkey(ngx_pool_t *pool, const char *letter, cos_str_t *bid,
    cos_str_t *rest, ngx_str_t *out)
{
    u_char  *p;
    size_t   len;

    len = ngx_strlen(letter);

    p = ngx_pnalloc(pool, len + 2 + bid->len + rest->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    out->data = p;

    p = ngx_cpymem(p, letter, len);
    *p++ = '{';
    p = ngx_cpymem(p, bid->data, bid->len);
    *p++ = '}';

    if (rest->len) {
        p = ngx_cpymem(p, rest->data, rest->len);
    }

    out->len = p - out->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_cos_record(ngx_http_cos_ctx_t *ctx, cos_object_t *o, ngx_str_t *out)
{
    cos_buf_t  b;

    cos_buf_init(&b, &ctx->alloc, 256);

    if (cos_object_encode(&b, o) != 0 || b.err) {
        return NGX_ERROR;
    }

    out->data = b.data;
    out->len = b.len;

    return NGX_OK;
}


ngx_int_t
ngx_http_cos_decimal(ngx_pool_t *pool, uint64_t n, ngx_str_t *out)
{
    out->data = ngx_pnalloc(pool, NGX_INT64_LEN);
    if (out->data == NULL) {
        return NGX_ERROR;
    }

    out->len = ngx_sprintf(out->data, "%uL", n) - out->data;

    return NGX_OK;
}


/* Deletions go on when memory is full, and a delete marker is one. */
void
ngx_http_cos_put_name(const cos_object_t *o, ngx_str_t *name)
{
    if (o->flags & COS_F_MARKER) {
        ngx_str_set(name, "cos_mark");

    } else {
        ngx_str_set(name, "cos_put");
    }
}


ngx_int_t
ngx_http_cos_put_build(ngx_http_cos_commit_t *c)
{
    ngx_str_t   *a = c->argv;
    ngx_pool_t  *pool = c->ctx->request->pool;

    ngx_str_set(&a[0], "FCALL");
    ngx_http_cos_put_name(&c->json.object, &a[1]);
    ngx_str_set(&a[2], "1");
    a[3] = c->drop[0];
    a[4] = c->ctx->bucket.id;
    a[5] = c->ctx->name.key;

    if (ngx_http_cos_decimal(pool, c->inc, &a[6]) != NGX_OK
        || ngx_http_cos_record(c->ctx, &c->json.object, &a[7]) != NGX_OK)
    {
        return NGX_ERROR;
    }

    a[8] = c->cond;
    a[9] = c->arg;
    c->argc = 10;

    return NGX_OK;
}
