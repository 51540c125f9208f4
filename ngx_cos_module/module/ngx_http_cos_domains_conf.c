/*
 * cos_domains: which domains buckets may have here. And the names of all server
 * blocks, which are none of them: nginx keeps them only while it reads its
 * configuration.
 */

#include "ngx_http_cos.h"
#include "ngx_http_cos_conf.h"


char *
ngx_http_cos_conf_domains(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_cos_loc_conf_t  *lcf = conf;

    char        *rc;
    cos_str_t   *s;
    ngx_str_t   *value = cf->args->elts;
    ngx_uint_t   i;

    (void) cmd;

    if (lcf->domains != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        lcf->domains = NULL;
        return NGX_CONF_OK;
    }

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "on") == 0) {
        lcf->domains = ngx_array_create(cf->pool, 1, sizeof(cos_str_t));
        return lcf->domains ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    rc = ngx_http_cos_conf_names(cf, &lcf->domains, "domain for buckets");

    if (rc != NGX_CONF_OK) {
        return rc;
    }

    for (i = 0, s = lcf->domains->elts; i < lcf->domains->nelts; i++) {

        if (!cos_domain_valid(s[i])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" cannot be a domain of a bucket: give "
                               "\"on\" or \"off\" alone, or names of at least "
                               "two labels and without wildcards", &s[i]);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
add_names(ngx_array_t *all, ngx_http_core_srv_conf_t *cscf)
{
    ngx_uint_t                  i;
    ngx_http_server_name_t     *sn = cscf->server_names.elts;
    ngx_http_cos_own_name_t    *own;

    for (i = 0; i < cscf->server_names.nelts; i++) {
        own = ngx_array_push(all);
        if (own == NULL) {
            return NGX_ERROR;
        }

        own->server = cscf;
        own->name = sn[i].name;

        if (own->name.len && own->name.data[0] == '.') {
            /* ".example.com" is that name, and all below */
            own->name.data++;
            own->name.len--;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_cos_conf_own_names(ngx_conf_t *cf, ngx_http_cos_main_conf_t *mcf)
{
    ngx_uint_t                   i;
    ngx_http_core_srv_conf_t   **server;
    ngx_http_core_main_conf_t   *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    server = cmcf->servers.elts;

    if (ngx_array_init(&mcf->own_names, cf->pool, 8,
                       sizeof(ngx_http_cos_own_name_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < cmcf->servers.nelts; i++) {
        if (add_names(&mcf->own_names, server[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
