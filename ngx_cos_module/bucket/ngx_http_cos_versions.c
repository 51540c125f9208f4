/*
 * ListObjectVersions.
 */

#include "ngx_http_cos_listing.h"
#include "cos_facts.h"


typedef struct {
    ngx_http_cos_listing_t  listing;
    cos_xml_versions_t      page;
} versions_t;


static cos_err_e
versions_args(ngx_http_cos_ctx_t *ctx, versions_t *v, ngx_str_t *version)
{
    uint64_t             id;
    cos_err_e            err;
    ngx_uint_t           url;
    cos_xml_versions_t  *p = &v->page;

    err = ngx_http_cos_listing_args(ctx, "max-keys", &url, &p->max_keys);

    if (err != COS_OK) {
        return err;
    }

    p->dialect = ctx->name.dialect;
    p->bucket = ctx->name.bucket;
    p->bucket_owner = ctx->bucket.owner;
    p->versioned = (ctx->bucket.versioning != COS_VERSIONING_NONE);
    p->url = url;
    p->prefix = ngx_http_cos_text_arg(ctx, "prefix");
    p->delimiter = ngx_http_cos_text_arg(ctx, "delimiter");
    p->has_delimiter = (cos_arg(&ctx->http.args, "delimiter") != NULL);
    p->key_marker = ngx_http_cos_text_arg(ctx, "key-marker");
    p->version_marker = ngx_http_cos_text_arg(ctx, "version-id-marker");

    ngx_str_null(version);

    if (p->version_marker.len == 0) {
        return COS_OK;
    }

    if (p->key_marker.len == 0) {
        ctx->reason = "a version-id-marker needs a key-marker";
        return COS_E_INVALID_ARGUMENT;
    }

    if (cos_version_parse(p->version_marker, &id) != 0) {
        ctx->reason = "invalid version id specified";
        return COS_E_INVALID_ARGUMENT;
    }

    return ngx_http_cos_decimal(ctx->request->pool, id, version) == NGX_OK
           ? COS_OK : COS_E_INTERNAL;
}


/* Pairs of what a member is and the member; those of the index of versions
 * have a code before their facts. */
static ngx_int_t
take_members(ngx_http_cos_ctx_t *ctx, redisReply *list, cos_xml_versions_t *p)
{
    size_t        i, n;
    cos_str_t    *keys, *facts, member;
    cos_show_e   *show;
    const char   *what;

    n = list->elements / 2;
    keys = ngx_palloc(ctx->request->pool, (n + 1) * sizeof(cos_str_t));
    facts = ngx_palloc(ctx->request->pool, (n + 1) * sizeof(cos_str_t));
    show = ngx_palloc(ctx->request->pool, (n + 1) * sizeof(cos_show_e));

    if (keys == NULL || facts == NULL || show == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        what = list->element[2 * i]->str;
        member = ngx_http_cos_listing_text(list->element[2 * i + 1]);

        if (cos_member_split(member, &keys[i], &facts[i]) != 0) {
            return NGX_ERROR;
        }

        show[i] = what[0] == 'c' ? COS_SHOW_CURRENT
                  : what[0] == 'm' ? COS_SHOW_MARKER : COS_SHOW_OLDER;

        if (show[i] == COS_SHOW_CURRENT) {
            continue;
        }

        if (facts[i].len < COS_VERSION_CODE) {
            return NGX_ERROR;
        }

        facts[i].data += COS_VERSION_CODE;
        facts[i].len -= COS_VERSION_CODE;
    }

    p->n = n;
    p->keys = keys;
    p->facts = facts;
    p->show = show;

    return NGX_OK;
}


static ngx_int_t
write_versions(ngx_http_cos_ctx_t *ctx, ngx_http_cos_listing_t *l,
    redisReply **e)
{
    cos_xml_versions_t  *p = &((versions_t *) l)->page;

    p->truncated = (e[1]->integer == 1);
    p->last_prefix = ngx_http_cos_listing_text(e[2]);
    p->prefixes = ngx_http_cos_spans(ctx, e[4], 0, 1, &p->nprefixes);

    if (p->prefixes == NULL || take_members(ctx, e[3], p) != NGX_OK) {
        return NGX_ERROR;
    }

    cos_buf_init(&l->out, &ctx->alloc, 1024 + 500 * p->n);

    return cos_xml_versions(&l->out, p) == 0 ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_cos_list_versions(ngx_http_cos_ctx_t *ctx)
{
    cos_err_e    err;
    ngx_str_t    a[10];
    versions_t  *v;

    if (ctx->name.dialect == COS_DIALECT_BOS) {
        return ngx_http_cos_unsupported(ctx);
    }

    v = ngx_http_cos_listing_create(ctx, sizeof(versions_t));
    if (v == NULL) {
        return NGX_ERROR;
    }

    err = versions_args(ctx, v, &a[8]);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    v->listing.write = write_versions;
    v->listing.elements = 5;

    ngx_str_set(&a[1], "cos_versions");
    a[5] = v->page.prefix;
    a[6] = v->page.delimiter;
    a[7] = v->page.key_marker;

    if (ngx_http_cos_decimal(ctx->request->pool, v->page.max_keys, &a[9])
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_cos_listing_ask(ctx, &v->listing, "k", a, 10);
}
