/*
 * The gate: hosts that no base domain covers may be bound to a bucket
 * ("?domain"). The index names the bucket, the bucket's record says how it is
 * served there; both come from the shared cache. Then the request is named
 * again, as if the bucket stood in the host.
 *
 *   domain_found   the index has answered
 *   domain_bucket  the record is there
 *
 * What is bound to nothing, or not enabled, is read path style, as ever. So is
 * what "cos_domains" does not name: else whoever owns a bucket could have the
 * requests of others who use this server by a name of its own, path style.
 */

#include "ngx_http_cos.h"


static ngx_int_t domain_found(ngx_http_cos_ctx_t *ctx);
static ngx_int_t domain_bucket(ngx_http_cos_ctx_t *ctx);


/* nginx has made it lower case and taken the port off. */
static ngx_str_t
host_of(ngx_http_cos_ctx_t *ctx)
{
    ngx_str_t  host = ctx->request->headers_in.server;

    if (host.len && host.data[host.len - 1] == '.') {
        host.len--;
    }

    return host;
}


static ngx_int_t
go_on(ngx_http_cos_ctx_t *ctx)
{
    ctx->foreign = 0;

    return ngx_http_cos_goto(ctx, ngx_http_cos_gate);
}


static ngx_int_t
unbound(ngx_http_cos_ctx_t *ctx)
{
    ngx_memzero(&ctx->bucket_fact, sizeof(ngx_http_cos_fact_t));

    return go_on(ctx);
}


static ngx_int_t
unavailable(ngx_http_cos_ctx_t *ctx)
{
    return ngx_http_cos_fail(ctx, COS_E_UNAVAILABLE,
                             "the metadata store cannot be reached");
}


/* As ngx_http_cos_ask() says, but what is there at once is gone on with. */
static ngx_int_t
ask(ngx_http_cos_ctx_t *ctx, ngx_http_cos_fact_t *f, ngx_http_cos_step_pt next)
{
    switch (ngx_http_cos_ask(ctx, f, 0, next)) {
    case NGX_AGAIN:
        return NGX_AGAIN;
    case NGX_OK:
        return ngx_http_cos_goto(ctx, next);
    case NGX_DECLINED:
        return unavailable(ctx);
    default:
        return NGX_ERROR;
    }
}


ngx_int_t
ngx_http_cos_domain_key(ngx_pool_t *pool, ngx_str_t *domain, ngx_str_t *key)
{
    key->len = 2 + domain->len;
    key->data = ngx_pnalloc(pool, key->len);

    if (key->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(ngx_cpymem(key->data, "d:", 2), domain->data, domain->len);

    return NGX_OK;
}


/* Listed itself, not only something that it is below of. */
static ngx_uint_t
is_listed(ngx_array_t *names, ngx_str_t *name)
{
    cos_str_t   *s = names->elts;
    ngx_uint_t   i;

    for (i = 0; i < names->nelts; i++) {
        if (cos_str_eq(s[i], *name)) {
            return 1;
        }
    }

    return 0;
}


/* Whether it is a name of that server block, or of any (NULL). Wildcards are
 * none: no bucket has one. */
static ngx_uint_t
is_servers(ngx_http_cos_ctx_t *ctx, void *server, ngx_str_t *name)
{
    ngx_uint_t                 i;
    ngx_http_cos_own_name_t   *own;
    ngx_http_cos_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(ctx->request, ngx_http_cos_module);
    own = mcf->own_names.elts;

    for (i = 0; i < mcf->own_names.nelts; i++) {
        if ((server == NULL || own[i].server == server)
            && cos_str_ieq(own[i].name, *name))
        {
            return 1;
        }
    }

    return 0;
}


const char *
ngx_http_cos_domain_refused(ngx_http_cos_ctx_t *ctx, ngx_str_t *name)
{
    cos_host_t    host;
    ngx_array_t  *names = ctx->lcf->domains;

    if (names == NULL) {
        return "this server serves no domains of buckets (cos_domains)";
    }

    if (names->nelts) {
        cos_host_parse(&host, *name, names->elts, names->nelts);

        if (host.foreign) {
            return "this domain is not one that buckets may have here "
                   "(cos_domains)";
        }
    }

    if (is_servers(ctx, ngx_http_get_module_srv_conf(ctx->request,
                                                     ngx_http_core_module),
                   name)
        && !is_listed(names, name))
    {
        return "this domain is a name of the server itself";
    }

    return NULL;
}


const char *
ngx_http_cos_domain_unbindable(ngx_http_cos_ctx_t *ctx, ngx_str_t *name)
{
    const char  *why;

    why = ngx_http_cos_domain_refused(ctx, name);

    if (why == NULL && !is_listed(ctx->lcf->domains, name)
        && is_servers(ctx, NULL, name))
    {
        return "this domain is a name of another server";
    }

    return why;
}


ngx_int_t
ngx_http_cos_domain(ngx_http_cos_ctx_t *ctx)
{
    ngx_str_t             host;
    ngx_http_cos_fact_t  *f;

    host = host_of(ctx);

    if (!cos_domain_valid(host) || ngx_http_cos_domain_refused(ctx, &host)) {
        return go_on(ctx);
    }

    f = ngx_pcalloc(ctx->request->pool, sizeof(ngx_http_cos_fact_t));

    if (f == NULL
        || ngx_http_cos_domain_key(ctx->request->pool, &host, &f->key)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx->domain_fact = f;

    return ask(ctx, f, domain_found);
}


static ngx_int_t
domain_found(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_cos_fact_t  *f = ctx->domain_fact;

    if (f->failed) {
        return unavailable(ctx);
    }

    if (f->value.len == 0) {
        return go_on(ctx);
    }

    if (ngx_http_cos_bucket_fact(ctx, &ctx->bucket_fact, &f->value) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ask(ctx, &ctx->bucket_fact, domain_bucket);
}


/* What the rule says of URLs comes first: it may stand before the key. */
static void
check_url(ngx_http_cos_ctx_t *ctx, const cos_domain_t *d)
{
    cos_cdn_e  e;

    if (d->url.type == COS_CDN_OFF) {
        return;
    }

    e = ngx_http_cos_cdn(ctx->request, &d->url, 1);
    ngx_http_cos_cdn_refused(ctx, e);
}


void
ngx_http_cos_cdn_refused(ngx_http_cos_ctx_t *ctx, cos_cdn_e e)
{
    if (e != COS_CDN_PASS && e != COS_CDN_NOT_MEANT) {
        ctx->url_error = e == COS_CDN_FAILED ? COS_E_INTERNAL
                                             : COS_E_ACCESS_DENIED;
        ctx->url_reason = cos_cdn_reason(e);
    }
}


static ngx_int_t
domain_bucket(ngx_http_cos_ctx_t *ctx)
{
    void                *rule;
    cos_host_t           host;
    const cos_domain_t  *d;

    if (ctx->bucket_fact.failed) {
        return unavailable(ctx);
    }

    if (ctx->bucket_fact.value.len == 0) {
        return unbound(ctx);
    }

    if (ngx_http_cos_kept_rule(ctx->bucket_fact.kept, COS_BX_DOMAIN,
                               cos_domains_load, &rule)
        != NGX_OK)
    {
        return ngx_http_cos_fail(ctx, COS_E_INTERNAL,
                                 "the domains of the bucket are damaged");
    }

    d = rule ? cos_domain_find(rule, host_of(ctx)) : NULL;

    if (d == NULL || !d->enabled) {
        return unbound(ctx);
    }

    check_url(ctx, d);
    ngx_memzero(&host, sizeof(cos_host_t));
    host.style = COS_STYLE_VHOST;
    host.bucket = ctx->domain_fact->value;

    if (d->type == COS_DOMAIN_WEBSITE) {
        host.website = 1;
        host.has_dialect = 1;
        host.dialect = COS_DIALECT_COS;
    }

    ngx_http_cos_name_again(ctx, &host);

    /* reading alone: a copy reads from other buckets as well */
    ctx->origin_auth = d->origin_auth
                       && (ctx->name.op == COS_OP_GET_OBJECT
                           || ctx->name.op == COS_OP_HEAD_OBJECT);

    return go_on(ctx);
}
