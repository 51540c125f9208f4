/*
 * Listings of a bucket's objects and uploads.
 */

#include "ngx_http_cos_listing.h"
#include "cos_facts.h"


typedef struct {
    ngx_http_cos_listing_t  listing;
    cos_xml_listing_t       page;
    ngx_str_t               marker;
} objects_t;

typedef struct {
    ngx_http_cos_listing_t  listing;
    cos_xml_uploads_t       page;
} uploads_t;


/* --- objects ------------------------------------------------------------------------- */

static cos_err_e
list_args(ngx_http_cos_ctx_t *ctx, objects_t *l)
{
    ngx_uint_t          url;
    cos_err_e           err;
    const cos_arg_t    *owner;
    cos_xml_listing_t  *p = &l->page;

    err = ngx_http_cos_listing_args(ctx, "max-keys", &url, &p->max_keys);

    if (err != COS_OK) {
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


static ngx_int_t
write_objects(ngx_http_cos_ctx_t *ctx, ngx_http_cos_listing_t *l,
    redisReply **e)
{
    cos_xml_listing_t  *p = &((objects_t *) l)->page;

    p->truncated = (e[1]->integer == 1);
    p->next = ngx_http_cos_listing_text(e[2]);
    p->prefixes = ngx_http_cos_spans(ctx, e[4], 0, 1, &p->nprefixes);

    if (p->prefixes == NULL || take_members(ctx, e[3], p) != NGX_OK) {
        return NGX_ERROR;
    }

    cos_buf_init(&l->out, &ctx->alloc, 1024 + 400 * p->nkeys);

    return cos_xml_listing(&l->out, p) == 0 ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_cos_list_objects(ngx_http_cos_ctx_t *ctx)
{
    objects_t  *l;
    ngx_str_t   a[9];
    cos_err_e   err;

    l = ngx_http_cos_listing_create(ctx, sizeof(objects_t));
    if (l == NULL) {
        return NGX_ERROR;
    }

    err = list_args(ctx, l);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, NULL);
    }

    l->listing.write = write_objects;
    l->listing.elements = 5;

    ngx_str_set(&a[1], "cos_list");
    a[5] = l->page.prefix;
    a[6] = l->page.delimiter;
    a[7] = l->marker;

    if (ngx_http_cos_decimal(ctx->request->pool, l->page.max_keys, &a[8])
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_cos_listing_ask(ctx, &l->listing, "k", a, 9);
}


/* --- uploads --------------------------------------------------------------------------- */

static ngx_int_t
write_uploads(ngx_http_cos_ctx_t *ctx, ngx_http_cos_listing_t *l,
    redisReply **e)
{
    cos_xml_uploads_t  *p = &((uploads_t *) l)->page;

    p->truncated = (e[1]->integer == 1);
    p->next_key = ngx_http_cos_listing_text(e[2]);
    p->next_id = ngx_http_cos_listing_text(e[3]);
    p->keys = ngx_http_cos_spans(ctx, e[4], 0, 3, &p->n);
    p->ids = ngx_http_cos_spans(ctx, e[4], 1, 3, &p->n);
    p->records = ngx_http_cos_spans(ctx, e[4], 2, 3, &p->n);
    p->prefixes = ngx_http_cos_spans(ctx, e[5], 0, 1, &p->nprefixes);

    if (p->keys == NULL || p->ids == NULL || p->records == NULL
        || p->prefixes == NULL)
    {
        return NGX_ERROR;
    }

    cos_buf_init(&l->out, &ctx->alloc, 1024 + 400 * p->n);

    return cos_xml_uploads(&l->out, p, &ctx->alloc) == 0 ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_cos_list_uploads(ngx_http_cos_ctx_t *ctx)
{
    cos_err_e           err;
    ngx_str_t           a[10];
    uploads_t          *l;
    ngx_uint_t          url;
    cos_xml_uploads_t  *p;

    l = ngx_http_cos_listing_create(ctx, sizeof(uploads_t));
    if (l == NULL) {
        return NGX_ERROR;
    }

    p = &l->page;

    err = ngx_http_cos_listing_args(ctx, "max-uploads", &url, &p->max_uploads);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, NULL);
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

    l->listing.write = write_uploads;
    l->listing.elements = 6;

    ngx_str_set(&a[1], "cos_uploads");
    a[5] = p->prefix;
    a[6] = p->delimiter;
    a[7] = p->key_marker;
    ngx_str_null(&a[8]);

    if (p->key_marker.len) {
        a[8] = p->id_marker;
    }

    if (ngx_http_cos_decimal(ctx->request->pool, p->max_uploads, &a[9])
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_cos_listing_ask(ctx, &l->listing, "p", a, 10);
}
