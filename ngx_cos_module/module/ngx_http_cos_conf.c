/*
 * Configuration: creation, merging, directive handlers.
 */

#include "ngx_http_cos.h"
#include "ngx_http_cos_conf.h"
#include "ngx_http_cos_metrics.h"


#define ZONE_MIN       (1024 * 1024)


void *
ngx_http_cos_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_cos_main_conf_t  *mcf;

    mcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_cos_main_conf_t));
    if (mcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     mcf->redis.*, mcf->zone, mcf->path, mcf->root_keys,
     *     mcf->token_key_file, mcf->sse_keys, mcf->kms_keys, mcf->kms_default,
     *     mcf->thread_pool, mcf->limits, mcf->limits_size, mcf->enabled = 0
     */

    mcf->store.pack_max = NGX_CONF_UNSET_SIZE;
    mcf->store.container_size = NGX_CONF_UNSET;
    mcf->store.relaxed = NGX_CONF_UNSET_UINT;
    mcf->store.open_max = NGX_CONF_UNSET_UINT;
    mcf->store.open_inactive = NGX_CONF_UNSET_MSEC;
    mcf->manager.dead_percent = NGX_CONF_UNSET_UINT;
    mcf->manager.grace = NGX_CONF_UNSET;
    ngx_http_cos_class_conf_init(mcf);

    return mcf;
}


char *
ngx_http_cos_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_cos_main_conf_t  *mcf = conf;

    (void) cf;

    ngx_conf_init_size_value(mcf->store.pack_max, 128 * 1024);
    ngx_conf_init_value(mcf->store.container_size, 1024 * 1024 * 1024);
    ngx_conf_init_uint_value(mcf->store.relaxed, 0);
    ngx_conf_init_uint_value(mcf->store.open_max, 1024);
    ngx_conf_init_msec_value(mcf->store.open_inactive, 60000);
    ngx_conf_init_uint_value(mcf->manager.dead_percent, 50);
    ngx_conf_init_value(mcf->manager.grace, 3600);

    if (mcf->store.pack_max > 16 * 1024 * 1024) {
        return "\"cos_pack_max\" must not be larger than 16m";
    }

    if (mcf->store.container_size < (off_t) (4 * 1024 * 1024)
        || mcf->store.container_size < (off_t) (4 * mcf->store.pack_max))
    {
        return "\"cos_container_size\" must be at least 4m and four times "
               "\"cos_pack_max\"";
    }

    mcf->manager.store = &mcf->store;

    return NGX_CONF_OK;
}


void *
ngx_http_cos_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_cos_loc_conf_t  *lcf;

    lcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_cos_loc_conf_t));
    if (lcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     lcf->region = { 0, NULL };
     *     lcf->default_region = { 0, NULL };
     *     lcf->cors_rules, lcf->cors, lcf->referer = NULL;
     *     lcf->referer_instead = { 0, NULL };
     */

    lcf->enable = NGX_CONF_UNSET;
    lcf->bases = NGX_CONF_UNSET_PTR;
    lcf->domains = NGX_CONF_UNSET_PTR;
    lcf->upload_buffer = NGX_CONF_UNSET_SIZE;
    lcf->max_object_size = NGX_CONF_UNSET;
    lcf->signature_v2 = NGX_CONF_UNSET;
    lcf->sse_c_plain = NGX_CONF_UNSET;
    lcf->agents = NGX_CONF_UNSET_PTR;
    lcf->website = NGX_CONF_UNSET_PTR;
    lcf->cdn = NGX_CONF_UNSET_PTR;
    lcf->precompressed = NGX_CONF_UNSET_PTR;
    lcf->limits = NGX_CONF_UNSET_PTR;
    lcf->public_list = NGX_CONF_UNSET;

    return lcf;
}


/* Directives of nginx that would break the protocol at their defaults. */
static char *
adjust_core(ngx_conf_t *cf, ngx_http_cos_loc_conf_t *lcf)
{
    ngx_http_core_loc_conf_t  *clcf;
    ngx_http_core_srv_conf_t  *cscf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);

    /* names of user metadata may hold underscores and dots: a header that is
     * dropped would break its signature */
    cscf->underscores_in_headers = 1;
    cscf->ignore_invalid_headers = 0;

    if (clcf->satisfy == NGX_HTTP_SATISFY_ANY) {
        return "\"satisfy any\" would let requests pass the signature check: "
               "use \"satisfy all\" where \"cos\" is on";
    }

    /* our own limit, with our own error document */
    clcf->client_max_body_size = 0;

    if (clcf->client_body_buffer_size < lcf->upload_buffer) {
        clcf->client_body_buffer_size = lcf->upload_buffer;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_cos_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_cos_loc_conf_t   *prev = parent;
    ngx_http_cos_loc_conf_t   *conf = child;
    char                      *error;
    ngx_http_cos_main_conf_t  *mcf;

    ngx_conf_merge_value(conf->enable, prev->enable, 0);
    ngx_conf_merge_ptr_value(conf->bases, prev->bases, NULL);
    ngx_conf_merge_ptr_value(conf->domains, prev->domains, NULL);
    ngx_conf_merge_value(conf->signature_v2, prev->signature_v2, 0);
    ngx_conf_merge_str_value(conf->region, prev->region, "");
    ngx_conf_merge_str_value(conf->default_region, prev->default_region, "");
    ngx_conf_merge_size_value(conf->upload_buffer, prev->upload_buffer,
                              512 * 1024);
    ngx_conf_merge_off_value(conf->max_object_size, prev->max_object_size,
                             (off_t) 5 * 1024 * 1024 * 1024);
    ngx_conf_merge_value(conf->sse_c_plain, prev->sse_c_plain, 0);
    ngx_conf_merge_value(conf->public_list, prev->public_list, 1);

    if (conf->upload_buffer < 16 * 1024
        || conf->upload_buffer > 64 * 1024 * 1024)
    {
        return "\"cos_upload_buffer\" must be between 16k and 64m";
    }

    error = ngx_http_cos_merge_where(cf, prev, conf);

    if (error == NGX_CONF_OK) {
        error = ngx_http_cos_merge_website(cf, prev, conf);
    }

    if (error == NGX_CONF_OK) {
        error = ngx_http_cos_merge_limits(cf, prev, conf);
    }

    if (error != NGX_CONF_OK || !conf->enable) {
        return error;
    }

    if (conf->bases == NULL) {
        conf->bases = ngx_array_create(cf->pool, 1, sizeof(cos_str_t));
        if (conf->bases == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_cos_module);
    mcf->enabled = 1;

    return adjust_core(cf, conf);
}


/* --- directives ------------------------------------------------------------------- */

char *
ngx_http_cos_conf_names(ngx_conf_t *cf, ngx_array_t **list, const char *what)
{
    cos_str_t   *s;
    ngx_str_t   *value = cf->args->elts;
    ngx_uint_t   i;

    *list = ngx_array_create(cf->pool, cf->args->nelts, sizeof(cos_str_t));
    if (*list == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (value[i].len == 0 || value[i].data[0] == '.'
            || ngx_strlchr(value[i].data, value[i].data + value[i].len, ':'))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" is not a %s: give a name "
                               "without port and without a leading dot, "
                               "like \"storage.example.com\"", &value[i],
                               what);
            return NGX_CONF_ERROR;
        }

        s = ngx_array_push(*list);
        if (s == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_strlow(value[i].data, value[i].data, value[i].len);
        *s = value[i];
    }

    return NGX_CONF_OK;
}


char *
ngx_http_cos_conf_bases(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_cos_loc_conf_t  *lcf = conf;

    (void) cmd;

    if (lcf->bases != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    return ngx_http_cos_conf_names(cf, &lcf->bases, "base domain");
}


char *
ngx_http_cos_conf_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_cos_main_conf_t  *mcf = conf;

    ssize_t     size;
    ngx_str_t  *value;

    (void) cmd;

    if (mcf->zone_size) {
        return "is duplicate";
    }

    value = cf->args->elts;
    size = ngx_parse_size(&value[1]);

    if (size == NGX_ERROR || size < ZONE_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size \"%V\" of \"cos_zone\": it must be "
                           "at least 1m", &value[1]);
        return NGX_CONF_ERROR;
    }

    mcf->zone_size = size;
    ngx_str_set(&mcf->zone, "cos");

    return NGX_CONF_OK;
}


char *
ngx_http_cos_conf_open_containers(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_cos_main_conf_t  *mcf = conf;

    ngx_int_t   n;
    ngx_str_t  *value, s;

    (void) cmd;

    if (mcf->store.open_max != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;
    n = ngx_atoi(value[1].data, value[1].len);

    if (n == NGX_ERROR || n < 16) {
        return "needs a number of at least 16";
    }

    mcf->store.open_max = n;

    if (cf->args->nelts == 3) {

        if (ngx_strncmp(value[2].data, "inactive=", 9) != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\": only "
                               "\"inactive=time\" is known", &value[2]);
            return NGX_CONF_ERROR;
        }

        s.data = value[2].data + 9;
        s.len = value[2].len - 9;
        mcf->store.open_inactive = ngx_parse_time(&s, 0);

        if (mcf->store.open_inactive == (ngx_msec_t) NGX_ERROR) {
            return "has an invalid \"inactive\" time";
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_http_cos_conf_data(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_cos_main_conf_t  *mcf = conf;

    ngx_str_t  *value;

    (void) cmd;

    if (mcf->path) {
        return "is duplicate";
    }

    value = cf->args->elts;

    mcf->path = ngx_pcalloc(cf->pool, sizeof(ngx_path_t));
    if (mcf->path == NULL) {
        return NGX_CONF_ERROR;
    }

    mcf->path->name = value[1];

    if (mcf->path->name.len
        && mcf->path->name.data[mcf->path->name.len - 1] == '/')
    {
        mcf->path->name.len--;
    }

    if (ngx_conf_full_name(cf->cycle, &mcf->path->name, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (mcf->path->name.len > 400) {
        return "is a path of more than 400 bytes";
    }

    /* the directory is made and handed to the workers' user by nginx; its
     * manager is our background process */

    mcf->path->manager = ngx_http_cos_store_manager;
    mcf->path->data = &mcf->manager;
    mcf->path->conf_file = cf->conf_file->file.name.data;
    mcf->path->line = cf->conf_file->line;

    mcf->store.root = mcf->path->name;

    if (ngx_add_path(cf, &mcf->path) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_cos_conf_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_cos_main_conf_t  *mcf = conf;

    ngx_url_t    u;
    ngx_str_t   *value, s;
    ngx_uint_t   i;
    ngx_msec_t  *time;

    (void) cmd;

    if (mcf->redis.address.len) {
        return "is duplicate";
    }

    value = cf->args->elts;

    ngx_memzero(&u, sizeof(ngx_url_t));
    u.url = value[1];
    u.default_port = 6379;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK || u.naddrs == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s in \"%V\": give \"unix:/path\" or "
                           "\"address:port\"", u.err ? u.err : "no address",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    mcf->redis.address = value[1];
    mcf->redis.addr = u.addrs[0];
    mcf->redis.timeout = 1000;
    mcf->redis.connect_timeout = 1000;

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "password_file=", 14) == 0) {
            s.data = value[i].data + 14;
            s.len = value[i].len - 14;

            if (ngx_http_cos_conf_secret(cf, &s, &mcf->redis.password)
                != NGX_OK)
            {
                return NGX_CONF_ERROR;
            }
            continue;
        }

        if (ngx_strncmp(value[i].data, "timeout=", 8) == 0) {
            time = &mcf->redis.timeout;
            s.data = value[i].data + 8;

        } else if (ngx_strncmp(value[i].data, "connect_timeout=", 16) == 0) {
            time = &mcf->redis.connect_timeout;
            s.data = value[i].data + 16;

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\": known are "
                               "\"password_file=\", \"timeout=\" and "
                               "\"connect_timeout=\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        s.len = value[i].data + value[i].len - s.data;
        *time = ngx_parse_time(&s, 0);

        if (*time == (ngx_msec_t) NGX_ERROR || *time == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid time in \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    /* the background process speaks to the same Redis */

    mcf->manager.redis.len = value[1].len;
    mcf->manager.redis.data = ngx_pnalloc(cf->pool, value[1].len + 8);
    if (mcf->manager.redis.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_cpystrn(mcf->manager.redis.data, value[1].data, value[1].len + 1);

    if (u.no_port && u.family != AF_UNIX) {
        ngx_memcpy(mcf->manager.redis.data + value[1].len, ":6379", 6);
        mcf->manager.redis.len += 5;
    }

    mcf->manager.password = mcf->redis.password;

    return NGX_CONF_OK;
}


/* --- the whole ------------------------------------------------------------------------- */

ngx_int_t
ngx_http_cos_conf_check(ngx_conf_t *cf, ngx_http_cos_main_conf_t *mcf)
{
    const char  *missing;

    missing = mcf->redis.address.len == 0 ? "cos_redis"
              : mcf->path == NULL ? "cos_data"
              : mcf->root_keys == NULL ? "cos_root_keys"
              : mcf->master_key_file.len == 0 ? "cos_master_key" : NULL;

    if (missing) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"cos on\" needs the directive \"%s\" in \"http\"",
                      missing);
        return NGX_ERROR;
    }

    if (ngx_http_cos_conf_check_kms(cf, mcf) != NGX_OK
        || ngx_http_cos_class_conf_check(cf, mcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (mcf->zone_size == 0) {
        mcf->zone_size = 32 * 1024 * 1024;
        ngx_str_set(&mcf->zone, "cos");
    }

    if (mcf->thread_pool.len == 0) {
        ngx_str_set(&mcf->thread_pool, "default");
    }

    if (ngx_thread_pool_add(cf, &mcf->thread_pool) == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "cos: thread pool \"%V\" cannot be used",
                      &mcf->thread_pool);
        return NGX_ERROR;
    }

    if (ngx_http_cos_cache_add(cf, &mcf->zone, mcf->zone_size,
                               &ngx_http_cos_module)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_cos_metrics_add(cf, &ngx_http_cos_module);
}
