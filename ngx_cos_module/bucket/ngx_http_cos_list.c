/*
 * Listings: buckets of an account, objects and uploads of a bucket. Each is
 * one call of a function in Redis, over the connection for slow calls, and
 * one document written from its reply.
 */

#include "ngx_http_cos_object.h"
#include "cos_facts.h"


typedef struct {
    ngx_http_cos_query_t    query;
    cos_xml_listing_t       page;
    cos_xml_uploads_t       uploads;
    ngx_str_t               marker;
    cos_err_e               err;
    cos_buf_t               out;
} list_t;


static ngx_int_t list_done(ngx_http_cos_ctx_t *ctx);


/* --- parameters ------------------------------------------------------------------- */

cos_err_e
ngx_http_cos_number_arg(ngx_http_cos_ctx_t *ctx, const char *name,
    uint64_t dflt, uint64_t max, uint64_t *n)
{
    const cos_arg_t  *a;

    *n = dflt;
    a = cos_arg(&ctx->http.args, name);

    if (a == NULL || a->value.len == 0) {
        return COS_OK;
    }

    if (cos_str_uint(a->value, n) != 0 || *n > INT32_MAX) {
        return COS_E_INVALID_ARGUMENT;
    }

    *n = ngx_min(*n, max);

    return COS_OK;
}


cos_err_e
ngx_http_cos_encoding_arg(ngx_http_cos_ctx_t *ctx, ngx_uint_t *url)
{
    const cos_arg_t  *a;

    *url = 0;
    a = cos_arg(&ctx->http.args, "encoding-type");

    if (a == NULL || a->value.len == 0) {
        return COS_OK;
    }

    if (!cos_str_is(a->value, "url")) {
        return COS_E_INVALID_ARGUMENT;
    }

    *url = 1;

    return COS_OK;
}


cos_str_t
ngx_http_cos_text_arg(ngx_http_cos_ctx_t *ctx, const char *name)
{
    cos_str_t         none = { 0, NULL };
    const cos_arg_t  *a;

    a = cos_arg(&ctx->http.args, name);

    return a ? a->value : none;
}


/* --- replies ------------------------------------------------------------------------ */

cos_str_t *
ngx_http_cos_spans(ngx_http_cos_ctx_t *ctx, redisReply *list, size_t first,
    size_t step, size_t *n)
{
    size_t      i;
    cos_str_t  *v;

    *n = list->elements / step;
    v = ngx_palloc(ctx->request->pool, (*n + 1) * sizeof(cos_str_t));

    for (i = 0; v && i < *n; i++) {
        v[i].data = (u_char *) list->element[first + i * step]->str;
        v[i].len = list->element[first + i * step]->len;
    }

    return v;
}


cos_err_e
ngx_http_cos_listing_error(redisReply *reply, size_t elements)
{
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY
        || reply->elements == 0
        || reply->element[0]->type != REDIS_REPLY_STRING)
    {
        return COS_E_UNAVAILABLE;
    }

    if (ngx_strcmp(reply->element[0]->str, "NOBUCKET") == 0) {
        return COS_E_NO_SUCH_BUCKET;
    }

    return ngx_strcmp(reply->element[0]->str, "OK") == 0
           && reply->elements >= elements ? COS_OK : COS_E_INTERNAL;
}


/* The members of the index that a page consists of; they are taken apart where
 * they stand in the reply. */
static ngx_int_t
take_members(ngx_http_cos_ctx_t *ctx, redisReply *list, cos_xml_listing_t *p)
{
    size_t      i;
    cos_str_t  *keys, *facts;

    keys = ngx_http_cos_spans(ctx, list, 0, 1, &p->nkeys);
    facts = ngx_http_cos_spans(ctx, list, 0, 1, &p->nkeys);

    if (keys == NULL || facts == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < p->nkeys; i++) {
        if (cos_member_split(keys[i], &keys[i], &facts[i]) != 0) {
            return NGX_ERROR;
        }
    }

    p->keys = keys;
    p->facts = facts;

    return NGX_OK;
}


static void
take_listing(ngx_http_cos_ctx_t *ctx, redisReply *reply, void *data)
{
    list_t             *l = data;
    redisReply        **e;
    cos_xml_listing_t  *p = &l->page;

    l->err = ngx_http_cos_listing_error(reply, 5);

    if (l->err != COS_OK) {
        return;
    }

    e = reply->element;

    p->truncated = (e[1]->integer == 1);
    p->next.data = (u_char *) e[2]->str;
    p->next.len = e[2]->len;
    p->prefixes = ngx_http_cos_spans(ctx, e[4], 0, 1, &p->nprefixes);

    if (p->prefixes == NULL || take_members(ctx, e[3], p) != NGX_OK) {
        l->err = COS_E_INTERNAL;
        return;
    }

    /* written while the reply lives: nothing needs to be copied */

    cos_buf_init(&l->out, &ctx->alloc, 1024 + 400 * p->nkeys);

    if (cos_xml_listing(&l->out, p) != 0) {
        l->err = COS_E_INTERNAL;
    }
}


static ngx_int_t
list_done(ngx_http_cos_ctx_t *ctx)
{
    list_t  *l = ctx->op;

    if (l->err != COS_OK) {
        return ngx_http_cos_fail(ctx, l->err, NULL);
    }

    return ngx_http_cos_reply(ctx, NGX_HTTP_OK, &l->out);
}


/* --- objects ------------------------------------------------------------------------- */

static cos_err_e
list_args(ngx_http_cos_ctx_t *ctx, list_t *l)
{
    ngx_uint_t          url;
    cos_err_e           err;
    const cos_arg_t    *owner;
    cos_xml_listing_t  *p = &l->page;

    if ((err = ngx_http_cos_encoding_arg(ctx, &url)) != COS_OK
        || (err = ngx_http_cos_number_arg(ctx, "max-keys", 1000, 1000,
                                          &p->max_keys))
           != COS_OK)
    {
        return err;
    }

    p->dialect = ctx->name.dialect;
    p->v2 = (ctx->name.op == COS_OP_LIST_OBJECTS_V2);
    p->bucket = ctx->name.bucket;
    p->bucket_owner = ctx->bucket.owner;
    p->url = url;
    p->prefix = ngx_http_cos_text_arg(ctx, "prefix");
    p->delimiter = ngx_http_cos_text_arg(ctx, "delimiter");
    p->has_delimiter = (cos_arg(&ctx->http.args, "delimiter") != NULL);
    p->owner = 1;

    if (!p->v2) {
        p->marker = ngx_http_cos_text_arg(ctx, "marker");
        p->has_marker = (cos_arg(&ctx->http.args, "marker") != NULL);
        l->marker = p->marker;
        return COS_OK;
    }

    owner = cos_arg(&ctx->http.args, "fetch-owner");
    p->owner = owner && cos_str_is(owner->value, "true");
    p->marker = ngx_http_cos_text_arg(ctx, "start-after");
    p->has_marker = (cos_arg(&ctx->http.args, "start-after") != NULL);
    p->token = ngx_http_cos_text_arg(ctx, "continuation-token");
    p->has_token = (cos_arg(&ctx->http.args, "continuation-token") != NULL);
    l->marker = p->marker;

    if (p->has_token
        && (p->token.len == 0
            || cos_token_decode(p->token, &l->marker, &ctx->alloc) != 0))
    {
        return COS_E_INVALID_ARGUMENT;
    }

    return COS_OK;
}


ngx_int_t
ngx_http_cos_list_objects(ngx_http_cos_ctx_t *ctx)
{
    list_t      *l;
    ngx_str_t    a[9], none;
    cos_err_e    err;
    ngx_pool_t  *pool = ctx->request->pool;

    l = ngx_pcalloc(pool, sizeof(list_t));
    if (l == NULL) {
        return NGX_ERROR;
    }

    ctx->op = l;

    err = list_args(ctx, l);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, NULL);
    }

    ngx_str_null(&none);
    ngx_str_set(&a[0], "FCALL_RO");
    ngx_str_set(&a[1], "cos_list");
    ngx_str_set(&a[2], "1");
    a[4] = ctx->bucket.id;
    a[5] = l->page.prefix;
    a[6] = l->page.delimiter;
    a[7] = l->marker;

    if (ngx_http_cos_rkey(pool, "k", &ctx->bucket.id, &none, &a[3]) != NGX_OK
        || ngx_http_cos_decimal(pool, l->page.max_keys, &a[8]) != NGX_OK)
    {
        return NGX_ERROR;
    }

    l->query.take = take_listing;
    l->query.data = l;

    if (ngx_http_cos_query(ctx, &l->query, NGX_HTTP_COS_SLOW, 9, a, list_done)
        != NGX_AGAIN)
    {
        return ngx_http_cos_fail(ctx, COS_E_UNAVAILABLE, NULL);
    }

    return NGX_AGAIN;
}


/* --- uploads --------------------------------------------------------------------------- */

static void
take_uploads(ngx_http_cos_ctx_t *ctx, redisReply *reply, void *data)
{
    list_t             *l = data;
    redisReply        **e;
    cos_xml_uploads_t  *p = &l->uploads;

    l->err = ngx_http_cos_listing_error(reply, 6);

    if (l->err != COS_OK) {
        return;
    }

    e = reply->element;

    p->truncated = (e[1]->integer == 1);
    p->next_key.data = (u_char *) e[2]->str;
    p->next_key.len = e[2]->len;
    p->next_id.data = (u_char *) e[3]->str;
    p->next_id.len = e[3]->len;
    p->keys = ngx_http_cos_spans(ctx, e[4], 0, 3, &p->n);
    p->ids = ngx_http_cos_spans(ctx, e[4], 1, 3, &p->n);
    p->records = ngx_http_cos_spans(ctx, e[4], 2, 3, &p->n);
    p->prefixes = ngx_http_cos_spans(ctx, e[5], 0, 1, &p->nprefixes);

    cos_buf_init(&l->out, &ctx->alloc, 1024 + 400 * p->n);

    if (p->keys == NULL || p->ids == NULL || p->records == NULL
        || p->prefixes == NULL
        || cos_xml_uploads(&l->out, p, &ctx->alloc) != 0)
    {
        l->err = COS_E_INTERNAL;
    }
}


ngx_int_t
ngx_http_cos_list_uploads(ngx_http_cos_ctx_t *ctx)
{
    list_t             *l;
    ngx_str_t           a[10], none;
    ngx_uint_t          url;
    ngx_pool_t         *pool = ctx->request->pool;
    cos_xml_uploads_t  *p;

    l = ngx_pcalloc(pool, sizeof(list_t));
    if (l == NULL) {
        return NGX_ERROR;
    }

    ctx->op = l;
    p = &l->uploads;

    if (ngx_http_cos_encoding_arg(ctx, &url) != COS_OK
        || ngx_http_cos_number_arg(ctx, "max-uploads", 1000, 1000,
                                   &p->max_uploads)
           != COS_OK)
    {
        return ngx_http_cos_fail(ctx, COS_E_INVALID_ARGUMENT, NULL);
    }

    p->dialect = ctx->name.dialect;
    p->bucket = ctx->name.bucket;
    p->bucket_owner = ctx->bucket.owner;
    p->url = url;
    p->prefix = ngx_http_cos_text_arg(ctx, "prefix");
    p->delimiter = ngx_http_cos_text_arg(ctx, "delimiter");
    p->has_delimiter = (cos_arg(&ctx->http.args, "delimiter") != NULL);
    p->key_marker = ngx_http_cos_text_arg(ctx, "key-marker");
    p->id_marker = ngx_http_cos_text_arg(ctx, "upload-id-marker");

    ngx_str_null(&none);
    ngx_str_set(&a[0], "FCALL_RO");
    ngx_str_set(&a[1], "cos_uploads");
    ngx_str_set(&a[2], "1");
    a[4] = ctx->bucket.id;
    a[5] = p->prefix;
    a[6] = p->delimiter;
    a[7] = p->key_marker;
    a[8] = p->key_marker.len ? p->id_marker : none;

    if (ngx_http_cos_rkey(pool, "p", &ctx->bucket.id, &none, &a[3]) != NGX_OK
        || ngx_http_cos_decimal(pool, p->max_uploads, &a[9]) != NGX_OK)
    {
        return NGX_ERROR;
    }

    l->query.take = take_uploads;
    l->query.data = l;

    if (ngx_http_cos_query(ctx, &l->query, NGX_HTTP_COS_SLOW, 10, a,
                           list_done)
        != NGX_AGAIN)
    {
        return ngx_http_cos_fail(ctx, COS_E_UNAVAILABLE, NULL);
    }

    return NGX_AGAIN;
}
