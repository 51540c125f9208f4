/*
 * ListParts.
 */

#include "ngx_http_cos_object.h"


typedef struct {
    ngx_http_cos_query_t   query;
    cos_xml_parts_t        page;
    cos_err_e              err;
} parts_t;


static ngx_int_t parts_done(ngx_http_cos_ctx_t *ctx);


/* Copies a page out of the reply of cos_parts. */
static cos_err_e
parts_page(ngx_http_cos_ctx_t *ctx, parts_t *p, redisReply *reply)
{
    size_t           i, n;
    cos_str_t       *rec, upload;
    uint32_t        *num;
    cos_upload_t     u;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 1
        || reply->element[0]->type != REDIS_REPLY_STRING)
    {
        return COS_E_UNAVAILABLE;
    }

    if (ngx_strcmp(reply->element[0]->str, "NOUPLOAD") == 0) {
        return COS_E_NO_SUCH_UPLOAD;
    }

    if (ngx_strcmp(reply->element[0]->str, "OK") != 0 || reply->elements < 3) {
        return COS_E_INTERNAL;
    }

    n = (reply->elements - 3) / 2;
    rec = ngx_palloc(ctx->request->pool, (n + 1) * sizeof(cos_str_t));
    num = ngx_palloc(ctx->request->pool, (n + 1) * sizeof(uint32_t));

    if (rec == NULL || num == NULL
        || cos_dup(&ctx->alloc, &upload, reply->element[1]->str,
                   reply->element[1]->len)
           != 0
        || cos_upload_decode(&u, upload, &ctx->alloc) != 0)
    {
        return COS_E_INTERNAL;
    }

    if (!cos_str_eq(u.key, ctx->name.key)) {
        return COS_E_NO_SUCH_UPLOAD;
    }

    for (i = 0; i < n; i++) {
        if (cos_dup(&ctx->alloc, &rec[i], reply->element[4 + 2 * i]->str,
                    reply->element[4 + 2 * i]->len)
            != 0)
        {
            return COS_E_INTERNAL;
        }

        num[i] = reply->element[3 + 2 * i]->type == REDIS_REPLY_INTEGER
                 ? (uint32_t) reply->element[3 + 2 * i]->integer
                 : (uint32_t) atoi(reply->element[3 + 2 * i]->str);
    }

    p->page.truncated = reply->element[2]->integer == 1;
    p->page.n = n;
    p->page.numbers = num;
    p->page.records = rec;
    p->page.next = n ? num[n - 1] : p->page.marker;
    p->page.owner = u.object.owner ? u.object.owner : ctx->bucket.owner;
    p->page.initiator = u.initiator;
    p->page.sum_type = u.object.sum_type;
    p->page.composite = (u.object.flags & COS_F_SUM_COMPOSITE) != 0;
    p->page.cls = u.object.cls;

    return COS_OK;
}


static void
take_parts(ngx_http_cos_ctx_t *ctx, redisReply *reply, void *data)
{
    parts_t  *p = data;

    p->err = reply ? parts_page(ctx, p, reply) : COS_E_UNAVAILABLE;
}


ngx_int_t
ngx_http_cos_list_parts(ngx_http_cos_ctx_t *ctx)
{
    parts_t           *p;
    ngx_str_t          a[8];
    ngx_uint_t         url;
    ngx_pool_t        *pool = ctx->request->pool;
    const cos_arg_t   *id;

    p = ngx_pcalloc(pool, sizeof(parts_t));
    if (p == NULL) {
        return NGX_ERROR;
    }

    ctx->op = p;
    id = cos_arg(&ctx->http.args, "uploadId");

    p->page.dialect = ctx->name.dialect;
    p->page.bucket = ctx->name.bucket;
    p->page.key = ctx->name.key;
    p->page.upload = id->value;

    if (ngx_http_cos_number_arg(ctx, "max-parts", 1000, 1000,
                                &p->page.max_parts)
        != COS_OK
        || ngx_http_cos_number_arg(ctx, "part-number-marker", 0, INT32_MAX,
                                   &p->page.marker)
           != COS_OK
        || ngx_http_cos_encoding_arg(ctx, &url) != COS_OK)
    {
        return ngx_http_cos_fail(ctx, COS_E_INVALID_ARGUMENT, NULL);
    }

    p->page.url = url;

    ngx_str_set(&a[0], "FCALL_RO");
    ngx_str_set(&a[1], "cos_parts");
    ngx_str_set(&a[2], "1");
    a[4] = ctx->bucket.id;
    a[5] = id->value;

    if (ngx_http_cos_rkey(pool, "P", &ctx->bucket.id, &p->page.upload, &a[3])
        != NGX_OK
        || ngx_http_cos_decimal(pool, p->page.marker, &a[6]) != NGX_OK
        || ngx_http_cos_decimal(pool, p->page.max_parts, &a[7]) != NGX_OK)
    {
        return NGX_ERROR;
    }

    p->query.take = take_parts;
    p->query.data = p;

    if (ngx_http_cos_query(ctx, &p->query, NGX_HTTP_COS_SLOW, 8, a,
                           parts_done)
        != NGX_AGAIN)
    {
        return ngx_http_cos_fail(ctx, COS_E_UNAVAILABLE, NULL);
    }

    return NGX_AGAIN;
}


static ngx_int_t
parts_done(ngx_http_cos_ctx_t *ctx)
{
    parts_t    *p = ctx->op;
    cos_buf_t   b;

    if (p->err != COS_OK) {
        return ngx_http_cos_fail(ctx, p->err, NULL);
    }

    cos_buf_init(&b, &ctx->alloc, 1024 + 200 * p->page.n);

    if (cos_xml_parts(&b, &p->page) != 0) {
        return ngx_http_cos_fail(ctx, COS_E_INTERNAL, NULL);
    }

    return ngx_http_cos_reply(ctx, NGX_HTTP_OK, &b);
}
