/*
 * From where a location is read: the preaccess phase of directives. They work
 * in front of any content handler; where "cos" is on, cos_cors and cos_referer
 * stand in place of the buckets' own rules, and the gate asks them
 * (auth/ngx_http_cos_where.c).
 */

#include "ngx_http_cos.h"
#include "ngx_http_cos_conf.h"


ngx_int_t
ngx_http_cos_instead(ngx_http_request_t *r, ngx_http_cos_loc_conf_t *lcf)
{
    ngx_str_t        *to = &lcf->referer_instead;
    ngx_str_t         no_args = ngx_null_string;
    static ngx_str_t  no_store = ngx_string("no-store");

    if (to->len == 0) {
        return NGX_HTTP_FORBIDDEN;
    }

    /* nobody may keep it as what was asked for */

    if (ngx_http_cos_set_header(r, "Cache-Control", &no_store) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (to->data[0] == '/') {
        /* objects are named by what was sent: from here on, this was */
        r->unparsed_uri = *to;

        ngx_http_finalize_request(r, ngx_http_internal_redirect(r, to,
                                                                &no_args));
        return NGX_DONE;
    }

    ngx_http_clear_location(r);

    r->headers_out.location = ngx_list_push(&r->headers_out.headers);
    if (r->headers_out.location == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.location->hash = 1;
    ngx_str_set(&r->headers_out.location->key, "Location");
    r->headers_out.location->value = *to;

    return NGX_HTTP_MOVED_TEMPORARILY;
}


ngx_int_t
ngx_http_cos_where_handler(ngx_http_request_t *r)
{
    time_t                    wait;
    ngx_int_t                 rc;
    ngx_str_t                *agent;
    ngx_http_cos_loc_conf_t  *lcf;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_cos_module);
    agent = r->headers_in.user_agent ? &r->headers_in.user_agent->value : NULL;

    if (lcf->agents && agent
        && ngx_http_cos_regex_any(lcf->agents, agent, 1, r->connection->log))
    {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "cos: refused by \"cos_user_agent\": \"%V\"", agent);
        return NGX_HTTP_FORBIDDEN;
    }

    if (lcf->enable) {
        return NGX_DECLINED;
    }

    wait = ngx_http_cos_limit_address(r, lcf);

    if (wait) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "cos: refused by \"cos_limit_req\"");

        return wait == NGX_ERROR || ngx_http_cos_retry_after(r, wait) != NGX_OK
               ? NGX_HTTP_INTERNAL_SERVER_ERROR
               : NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    rc = lcf->cdn ? ngx_http_cos_cdn_preaccess(r, lcf->cdn) : NGX_DECLINED;

    if (rc != NGX_DECLINED) {
        return rc;
    }

    rc = ngx_http_cos_cors_preaccess(r, lcf);

    if (rc != NGX_DECLINED || lcf->referer == NULL
        || cos_str_eq(r->uri, lcf->referer_instead)
        || ngx_http_cos_referer_passes(lcf->referer, r))
    {
        return rc;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "cos: refused by \"cos_referer\"");

    return ngx_http_cos_instead(r, lcf);
}
