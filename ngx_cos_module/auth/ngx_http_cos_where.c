/*
 * The gate: from where a request comes. Hotlink protection and CORS, by the
 * bucket's documents or, instead of them, by directives of the location.
 *
 * Hotlink protection is for who reads objects without a signature. CORS
 * refuses nothing here; but a request that it is about is not answered when
 * its rules cannot be read.
 */

#include "ngx_http_cos.h"


ngx_str_t *
ngx_http_cos_header_in(ngx_http_request_t *r, const char *name, size_t len)
{
    ngx_str_t        *found;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    found = NULL;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len != len
                || ngx_memcmp(h[i].lowcase_key, name, len) != 0)
            {
                continue;
            }

            if (found) {
                return NULL;
            }

            found = &h[i].value;
        }
    }

    return found;
}


ngx_uint_t
ngx_http_cos_regex_any(ngx_array_t *regexes, ngx_str_t *text,
    ngx_uint_t undecided, ngx_log_t *log)
{
#if (NGX_PCRE)

    ngx_int_t              n;
    ngx_uint_t             i;
    ngx_http_cos_regex_t  *re;

    re = regexes->elts;

    for (i = 0; i < regexes->nelts; i++) {
        n = ngx_regex_exec(re[i].regex, text, NULL, 0);

        if (n >= 0) {
            return 1;
        }

        if (n != NGX_REGEX_NO_MATCHED) {
            ngx_log_error(NGX_LOG_WARN, log, 0,
                          "cos: the expression \"%V\" was given up (%i) on "
                          "\"%V\"", &re[i].text, n, text);

            if (undecided) {
                return 1;
            }
        }
    }

#endif

    return 0;
}


/* --- hotlink protection --------------------------------------------------------- */

ngx_uint_t
ngx_http_cos_referer_passes(ngx_http_cos_referer_conf_t *c,
    ngx_http_request_t *r)
{
    ngx_str_t  *referer;

    referer = r->headers_in.referer ? &r->headers_in.referer->value : NULL;

    if (c->list == NULL) {
        return 1;
    }

    if (referer == NULL || referer->len == 0) {
        return cos_referer_allows(c->list, (cos_str_t) { 0, NULL });
    }

    /* what cannot be told does not pass, be the list white or black */

    if (c->regexes
        && ngx_http_cos_regex_any(c->regexes, referer, c->black,
                                  r->connection->log))
    {
        return !c->black;
    }

    return cos_referer_allows(c->list, *referer);
}


/* Operations that give what an object is to whoever asks. */
static ngx_uint_t
reads_object(ngx_http_cos_ctx_t *ctx)
{
    switch (ctx->name.op) {
    case COS_OP_GET_OBJECT:
    case COS_OP_HEAD_OBJECT:
    case COS_OP_GET_ATTRIBUTES:
    case COS_OP_GET_SYMLINK:
    case COS_OP_SERVE_WEBSITE:
        return 1;
    default:
        return 0;
    }
}


/* Signed requests are not looked at, but for links where the bucket's owner
 * wants them to be. */
static cos_err_e
referer(ngx_http_cos_ctx_t *ctx)
{
    void                         *rule;
    ngx_str_t                     s;
    ngx_uint_t                    link;
    ngx_http_request_t           *r = ctx->request;
    ngx_http_cos_referer_conf_t  *c = ctx->lcf->referer;

    link = ctx->sig.scheme != COS_SIG_NONE && ctx->sig.in_query;

    if (ctx->sig.scheme != COS_SIG_NONE && !link) {
        return COS_OK;
    }

    if (c) {
        return link || ngx_http_cos_referer_passes(c, r) ? COS_OK
                                                         : COS_E_REFERER;
    }

    if (ctx->bucket_fact.kept == NULL) {
        return COS_OK;
    }

    if (ngx_http_cos_kept_rule(ctx->bucket_fact.kept, COS_BX_REFERER,
                               cos_referer_load, &rule)
        != NGX_OK)
    {
        return COS_E_INTERNAL;
    }

    if (rule == NULL || (link && !cos_referer_verifies(rule))) {
        return COS_OK;
    }

    ngx_str_null(&s);

    if (r->headers_in.referer) {
        s = r->headers_in.referer->value;
    }

    return cos_referer_allows(rule, s) ? COS_OK : COS_E_REFERER;
}


/* What is shown instead of what is refused is for all. */
static ngx_uint_t
is_instead(ngx_http_cos_ctx_t *ctx)
{
    return ctx->lcf->referer_instead.len
           && cos_str_eq(ctx->http.path, ctx->lcf->referer_instead);
}


cos_err_e
ngx_http_cos_where(ngx_http_cos_ctx_t *ctx)
{
    cos_err_e    err;
    cos_cors_t  *rules;

    if (reads_object(ctx) && !is_instead(ctx)) {
        err = referer(ctx);

        if (err != COS_OK) {
            return err;
        }
    }

    /* rules that are damaged can still be replaced */

    if (cos_header(&ctx->http, "origin") != NULL
        && ctx->name.op != COS_OP_PUT_CORS
        && ctx->name.op != COS_OP_DELETE_CORS
        && ngx_http_cos_cors_rules(ctx->lcf, ctx, &rules) != NGX_OK)
    {
        ctx->reason = "the CORS configuration of the bucket is damaged";
        return COS_E_INTERNAL;
    }

    return COS_OK;
}


/* --- CORS ------------------------------------------------------------------------- */

ngx_int_t
ngx_http_cos_cors_rules(ngx_http_cos_loc_conf_t *lcf, ngx_http_cos_ctx_t *ctx,
    cos_cors_t **rules)
{
    void  *rule;

    *rules = lcf->cors;

    if (lcf->cors || ctx == NULL || ctx->bucket_fact.kept == NULL) {
        return NGX_OK;
    }

    if (ngx_http_cos_kept_rule(ctx->bucket_fact.kept, COS_BX_CORS,
                               cos_cors_load, &rule)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    *rules = rule;

    return NGX_OK;
}


static ngx_int_t
fail_now(ngx_http_cos_ctx_t *ctx)
{
    return ngx_http_cos_fail(ctx, ctx->error, ctx->reason);
}


ngx_int_t
ngx_http_cos_fail_early(ngx_http_cos_ctx_t *ctx, cos_err_e err,
    const char *reason)
{
    cos_str_t  *bucket = &ctx->name.bucket;

    ctx->error = err;
    ctx->reason = reason;

    if (ctx->lcf->cors == NULL && cos_header(&ctx->http, "origin") != NULL
        && (cos_bucket_name_valid(*bucket, COS_DIALECT_S3)
            || cos_bucket_name_valid(*bucket, COS_DIALECT_COS)))
    {
        if (ngx_http_cos_bucket_fact(ctx, &ctx->bucket_fact, bucket)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (ngx_http_cos_ask(ctx, &ctx->bucket_fact, 0, fail_now)
            == NGX_AGAIN)
        {
            return NGX_AGAIN;
        }
    }

    return fail_now(ctx);
}
