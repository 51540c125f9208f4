/*
 * The module: directives, phase handler, life of a worker.
 *
 *   preaccess       directives that say from where a location is read
 *   access phase    name the request, pass the gate (auth/)
 *   content phase   the operation (object/, bucket/)
 *   log phase       counters
 */

#include "ngx_http_cos.h"
#include "ngx_http_cos_conf.h"
#include "ngx_http_cos_metrics.h"


static ngx_int_t access_handler(ngx_http_request_t *r);
static ngx_int_t log_handler(ngx_http_request_t *r);
static ngx_int_t cos_preconfiguration(ngx_conf_t *cf);
static ngx_int_t cos_postconfiguration(ngx_conf_t *cf);
static ngx_int_t init_process(ngx_cycle_t *cycle);
static void exit_process(ngx_cycle_t *cycle);


static ngx_conf_enum_t  durability[] = {
    { ngx_string("strict"), 0 },
    { ngx_string("relaxed"), 1 },
    { ngx_null_string, 0 }
};


static ngx_conf_num_bounds_t  percent = {
    ngx_conf_check_num_bounds, 1, 99
};


static ngx_command_t  commands[] = {

    { ngx_string("cos_redis"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_cos_conf_redis,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cos_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_cos_conf_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cos_data"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_cos_conf_data,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cos_root_keys"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_cos_conf_root_keys,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cos_master_key"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_cos_conf_master_key,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cos_token_key"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_cos_conf_token_key,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cos_sse_keys"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_cos_conf_sse_keys,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cos_kms_dir"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_cos_conf_kms_dir,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cos_kms_default"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_cos_main_conf_t, kms_default),
      NULL },

    { ngx_string("cos_thread_pool"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_cos_main_conf_t, thread_pool),
      NULL },

    { ngx_string("cos_durability"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_cos_main_conf_t, store.relaxed),
      &durability },

    { ngx_string("cos_pack_max"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_cos_main_conf_t, store.pack_max),
      NULL },

    { ngx_string("cos_container_size"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_off_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_cos_main_conf_t, store.container_size),
      NULL },

    { ngx_string("cos_open_containers"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_cos_conf_open_containers,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cos_compact_percent"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_cos_main_conf_t, manager.dead_percent),
      &percent },

    { ngx_string("cos_sweep_grace"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_cos_main_conf_t, manager.grace),
      NULL },

    { ngx_string("cos_store_class"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      ngx_http_cos_conf_store_class,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cos_restore_time"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE3,
      ngx_http_cos_conf_restore_time,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cos"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_cos_loc_conf_t, enable),
      NULL },

    { ngx_string("cos_base_domains"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_cos_conf_bases,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cos_domains"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_1MORE,
      ngx_http_cos_conf_domains,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cos_region"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_cos_loc_conf_t, region),
      NULL },

    { ngx_string("cos_default_region"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_cos_loc_conf_t, default_region),
      NULL },

    { ngx_string("cos_upload_buffer"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_cos_loc_conf_t, upload_buffer),
      NULL },

    { ngx_string("cos_max_object_size"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_off_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_cos_loc_conf_t, max_object_size),
      NULL },

    { ngx_string("cos_public_list"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_cos_loc_conf_t, public_list),
      NULL },

    { ngx_string("cos_sse_c_plain"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_cos_loc_conf_t, sse_c_plain),
      NULL },

    { ngx_string("cos_signature_v2"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_cos_loc_conf_t, signature_v2),
      NULL },

    { ngx_string("cos_cors"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_cos_conf_cors,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cos_referer"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_cos_conf_referer,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cos_referer_instead"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_cos_conf_instead,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cos_user_agent"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_cos_conf_agent,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cos_limits_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_cos_conf_limits_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cos_limit_req"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE123,
      ngx_http_cos_conf_limit_req,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cos_website"),
      NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_cos_conf_website,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cos_website_precompressed"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_cos_conf_precompressed,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cos_cdn_auth"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_cos_conf_cdn,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cos_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_cos_conf_metrics,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  module_ctx = {
    cos_preconfiguration,             /* preconfiguration */
    cos_postconfiguration,            /* postconfiguration */

    ngx_http_cos_create_main_conf,    /* create main configuration */
    ngx_http_cos_init_main_conf,      /* init main configuration */

    NULL,                             /* create server configuration */
    NULL,                             /* merge server configuration */

    ngx_http_cos_create_loc_conf,     /* create location configuration */
    ngx_http_cos_merge_loc_conf       /* merge location configuration */
};


ngx_module_t  ngx_http_cos_module = {
    NGX_MODULE_V1,
    &module_ctx,                      /* module context */
    commands,                         /* module directives */
    NGX_HTTP_MODULE,                  /* module type */
    NULL,                             /* init master */
    NULL,                             /* init module */
    init_process,                     /* init process */
    NULL,                             /* init thread */
    NULL,                             /* exit thread */
    exit_process,                     /* exit process */
    NULL,                             /* exit master */
    NGX_MODULE_V1_PADDING
};


/* --- phases ---------------------------------------------------------------------- */

static ngx_int_t
access_handler(ngx_http_request_t *r)
{
    cos_cdn_e                 e;
    ngx_int_t                 rc;
    ngx_http_cos_ctx_t       *ctx;
    ngx_http_cos_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_cos_module);

    if (!lcf->enable) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_cos_module);

    if (ctx == NULL) {
        e = lcf->cdn ? ngx_http_cos_cdn(r, lcf->cdn, 1) : COS_CDN_PASS;

        ctx = ngx_http_cos_ctx_create(r);
        if (ctx == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_http_cos_cdn_refused(ctx, e);

        ctx->step = ngx_http_cos_begin;

    } else if (ctx->judged) {
        return NGX_DECLINED;

    } else if (ctx->pending) {
        return NGX_DONE;
    }

    rc = ngx_http_cos_run(ctx);

    switch (rc) {
    case NGX_AGAIN:
        return NGX_DONE;
    case NGX_DECLINED:
        return NGX_DECLINED;
    case NGX_OK:
        /* answered: 200 only ends the request */
        return NGX_HTTP_OK;
    case NGX_HTTP_FORBIDDEN:
        return ctx->instead ? ngx_http_cos_instead(r, lcf) : rc;
    default:
        return rc;
    }
}


static ngx_int_t
log_handler(ngx_http_request_t *r)
{
    ngx_http_cos_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_cos_module);

    if (ctx) {
        ngx_http_cos_metrics_count(ctx);
    }

    return NGX_OK;
}


static ngx_int_t
cos_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_cos_add_variables(cf);
}


static ngx_int_t
add_handler(ngx_conf_t *cf, ngx_http_phases phase, ngx_http_handler_pt h)
{
    ngx_http_handler_pt        *slot;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    slot = ngx_array_push(&cmcf->phases[phase].handlers);
    if (slot == NULL) {
        return NGX_ERROR;
    }

    *slot = h;

    return NGX_OK;
}


static ngx_int_t
cos_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_cos_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_cos_module);

    if (mcf->where
        && add_handler(cf, NGX_HTTP_PREACCESS_PHASE,
                       ngx_http_cos_where_handler)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_cos_conf_limits(cf, mcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!mcf->enabled) {
        return NGX_OK;
    }

    if (ngx_http_cos_conf_check(cf, mcf) != NGX_OK
        || ngx_http_cos_conf_own_names(cf, mcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (add_handler(cf, NGX_HTTP_ACCESS_PHASE, access_handler) != NGX_OK) {
        return NGX_ERROR;
    }

    return add_handler(cf, NGX_HTTP_LOG_PHASE, log_handler);
}


/* --- life of a worker --------------------------------------------------------------- */

static ngx_http_cos_main_conf_t *
main_conf(ngx_cycle_t *cycle)
{
    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NULL;
    }

    if (ngx_get_conf(cycle->conf_ctx, ngx_http_module) == NULL) {
        return NULL;
    }

    return ngx_http_cycle_get_module_main_conf(cycle, ngx_http_cos_module);
}


static ngx_int_t
init_process(ngx_cycle_t *cycle)
{
    cos_store_t                 *dir;
    ngx_http_cos_main_conf_t    *mcf;
    ngx_http_cos_redis_hooks_t   hooks;

    mcf = main_conf(cycle);

    if (mcf == NULL || !mcf->enabled) {
        return NGX_OK;
    }

    if (cos_hash_init() != 0) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "cos: the hash algorithms of OpenSSL are not available");
        return NGX_ERROR;
    }

    if (cos_token_keys(&mcf->token_keys, mcf->token_key_file.len
                                         ? mcf->token_key : mcf->master_key)
        != 0)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "cos: the keys of tokens cannot be derived");
        return NGX_ERROR;
    }

    cos_xml_init();

    mcf->store.pool = ngx_thread_pool_get(cycle, &mcf->thread_pool);

    if (mcf->store.pool == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "cos: there is no thread pool \"%V\"",
                      &mcf->thread_pool);
        return NGX_ERROR;
    }

    if (ngx_http_cos_store_init(cycle, &mcf->store) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_cos_begin_init(cycle);

    dir = ngx_http_cos_store_dir();

    ngx_memzero(&hooks, sizeof(hooks));
    hooks.ready = ngx_http_cos_store_begin;
    hooks.lost = ngx_http_cos_store_end;
    hooks.store_id.data = (u_char *) dir->id;
    hooks.store_id.len = ngx_strlen(dir->id);
    hooks.store_empty = cos_store_is_empty(dir);

    ngx_http_cos_store_on_failure(ngx_http_cos_redis_again);

    return ngx_http_cos_redis_init(cycle, &mcf->redis, &hooks);
}


static void
exit_process(ngx_cycle_t *cycle)
{
    ngx_http_cos_main_conf_t  *mcf;

    mcf = main_conf(cycle);

    if (mcf == NULL || !mcf->enabled) {
        return;
    }

    ngx_http_cos_redis_done();
    ngx_http_cos_store_done();
    ngx_http_cos_kept_done();
    cos_hash_done();
}
