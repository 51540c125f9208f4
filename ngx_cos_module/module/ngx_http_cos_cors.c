/*
 * CORS on the wire (Fetch standard; cos-api.md section 7): the headers of
 * answers, and preflight requests. Headers are added by the header filter, so
 * they are on errors and on 304 as well, and never in a cache of ours.
 *
 * A preflight is an operation of its own where "cos" is on. In front of another
 * content handler it is answered before the access phase: browsers send it
 * without the credentials that are asked for there.
 */

#include "ngx_http_cos.h"
#include "ngx_http_cos_conf.h"


#define ASK_METHOD   "access-control-request-method"
#define ASK_HEADERS  "access-control-request-headers"

/* What a request asks. */
typedef struct {
    ngx_str_t  *origin;               /* NULL: none, or more than one */
    ngx_str_t  *method;               /* of a preflight, and of tests */
    ngx_str_t  *headers;
} ask_t;


static ngx_str_t  vary_name = ngx_string("Vary");
static ngx_str_t  vary_origin = ngx_string("Origin");
static ngx_str_t  vary_preflight = ngx_string("Origin, "
    "Access-Control-Request-Headers, Access-Control-Request-Method");


static ask_t
read_ask(ngx_http_request_t *r)
{
    ask_t  a;

    a.origin = ngx_http_cos_header_in(r, "origin", 6);
    a.method = NULL;
    a.headers = NULL;

    if (a.origin) {
        a.method = ngx_http_cos_header_in(r, ASK_METHOD,
                                          sizeof(ASK_METHOD) - 1);
        a.headers = ngx_http_cos_header_in(r, ASK_HEADERS,
                                           sizeof(ASK_HEADERS) - 1);
    }

    return a;
}


static ngx_int_t
add(ngx_http_request_t *r, const char *name, cos_str_t value)
{
    return value.len ? ngx_http_cos_add_header(r, name, ngx_strlen(name),
                                               &value)
                     : NGX_OK;
}


/* Vary of ours, once. */
static ngx_int_t
add_vary(ngx_http_request_t *r, ngx_str_t *value)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash && h[i].key.data == vary_name.data) {
                return NGX_OK;
            }
        }
    }

    return ngx_http_cos_add_header(r, (char *) vary_name.data, vary_name.len,
                                   value);
}


/* What the answer would say already is another's opinion: of the server that it
 * comes from, or of an answer that this one replaces. */
static void
clear(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len > 15
                && ngx_strncasecmp(h[i].key.data,
                                   (u_char *) "Access-Control-", 15)
                   == 0)
            {
                h[i].hash = 0;
            }
        }
    }
}


static ngx_int_t
grant(ngx_http_request_t *r, const cos_cors_grant_t *g, ngx_str_t *origin,
    int any)
{
    static const cos_str_t  all = cos_lit("*");
    static const cos_str_t  yes = cos_lit("true");

    if (add(r, "Access-Control-Allow-Origin", any ? all : *origin) != NGX_OK
        || add(r, "Access-Control-Allow-Methods", g->methods) != NGX_OK
        || add(r, "Access-Control-Expose-Headers", g->expose) != NGX_OK
        || add(r, "Access-Control-Max-Age", g->max_age) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return any || !g->credentials
           ? NGX_OK : add(r, "Access-Control-Allow-Credentials", yes);
}


/* --- answers ---------------------------------------------------------------------- */

ngx_int_t
ngx_http_cos_cors_filter(ngx_http_request_t *r, ngx_http_cos_loc_conf_t *lcf,
    ngx_http_cos_ctx_t *ctx)
{
    int                      any;
    ask_t                    ask;
    cos_cors_t              *rules;
    const cos_cors_grant_t  *g;

    if ((ctx && ctx->name.op == COS_OP_PREFLIGHT)
        || ngx_http_get_module_ctx(r, ngx_http_cos_filter_module))
    {
        /* a preflight has its headers, or none */
        return NGX_OK;
    }

    if (ngx_http_cos_cors_rules(lcf, ctx, &rules) != NGX_OK) {
        /* the gate has refused: what is answered allows nothing */
        return NGX_OK;
    }

    if (rules == NULL) {
        return NGX_OK;
    }

    ask = read_ask(r);
    any = 0;
    g = NULL;

    if (ask.origin) {
        g = cos_cors_find(rules, *ask.origin,
                          ask.method ? *ask.method : r->method_name, NULL,
                          &any);
    }

    if (lcf->cors) {
        clear(r);
    }

    if (g && grant(r, g, ask.origin, any) != NGX_OK) {
        return NGX_ERROR;
    }

    /* to another origin the answer is another one, unless all are allowed */

    return cos_cors_vary(rules) || (ask.origin && !any)
           ? add_vary(r, &vary_origin) : NGX_OK;
}


/* --- preflight ---------------------------------------------------------------------- */

/* Adds the headers of the answer, or says why there is none. */
static cos_err_e
preflight(ngx_http_request_t *r, const ask_t *ask, const cos_cors_t *rules)
{
    int                      any;
    ngx_str_t                headers;
    const cos_cors_grant_t  *g;

    ngx_str_null(&headers);

    if (ask->headers) {
        headers = *ask->headers;
    }

    g = cos_cors_find(rules, *ask->origin, *ask->method, &headers, &any);

    if (g == NULL) {
        return COS_E_CORS;
    }

    if (grant(r, g, ask->origin, any) != NGX_OK
        || add(r, "Access-Control-Allow-Headers", headers) != NGX_OK
        || add_vary(r, &vary_preflight) != NGX_OK)
    {
        return COS_E_INTERNAL;
    }

    return COS_OK;
}


ngx_int_t
ngx_http_cos_preflight(ngx_http_cos_ctx_t *ctx)
{
    ask_t        ask;
    cos_err_e    err;
    cos_cors_t  *rules;

    ask = read_ask(ctx->request);

    if (ask.origin == NULL) {
        return ngx_http_cos_fail(ctx, COS_E_CORS_ORIGIN, NULL);
    }

    if (ask.method == NULL) {
        return ngx_http_cos_fail(ctx, COS_E_CORS_METHOD, NULL);
    }

    if (ctx->name.bucket.len && ctx->bucket.id.len == 0) {
        return ngx_http_cos_fail(ctx, COS_E_NO_SUCH_BUCKET, NULL);
    }

    if (ngx_http_cos_cors_rules(ctx->lcf, ctx, &rules) != NGX_OK) {
        return ngx_http_cos_fail(ctx, COS_E_INTERNAL, NULL);
    }

    err = rules ? preflight(ctx->request, &ask, rules) : COS_E_NO_CORS_HERE;

    return err == COS_OK ? ngx_http_cos_reply(ctx, NGX_HTTP_OK, NULL)
                         : ngx_http_cos_fail(ctx, err, NULL);
}


ngx_int_t
ngx_http_cos_cors_preaccess(ngx_http_request_t *r,
    ngx_http_cos_loc_conf_t *lcf)
{
    ask_t      ask;
    cos_err_e  err;

    if (lcf->cors == NULL || r->method != NGX_HTTP_OPTIONS) {
        return NGX_DECLINED;
    }

    ask = read_ask(r);

    if (ask.origin == NULL || ask.method == NULL) {
        /* no preflight: the content handler's */
        return NGX_DECLINED;
    }

    ngx_http_set_ctx(r, lcf, ngx_http_cos_filter_module);

    err = preflight(r, &ask, lcf->cors);

    if (err != COS_OK) {
        return err == COS_E_CORS ? NGX_HTTP_FORBIDDEN
                                 : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_discard_request_body(r) != NGX_OK) {
        r->keepalive = 0;
    }

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = 0;
    r->header_only = 1;

    return ngx_http_send_header(r) == NGX_ERROR ? NGX_ERROR : NGX_HTTP_OK;
}
