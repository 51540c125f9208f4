/*
 * Directives of limits: how often, counted by what, and the memory to count in.
 */

#include <openssl/rand.h>

#include "ngx_http_cos.h"
#include "ngx_http_cos_conf.h"


#define ZONE_MIN      (64 * 1024)
#define ZONE_DEFAULT  (1024 * 1024)


/* "by" of a word, or 0. */
static ngx_http_cos_by_e
by_name(ngx_str_t *word)
{
    ngx_uint_t  i;

    static const struct {
        const char         *name;
        ngx_http_cos_by_e   by;
    } names[] = {
        { "address", NGX_HTTP_COS_BY_ADDRESS },
        { "bucket", NGX_HTTP_COS_BY_BUCKET },
        { "user", NGX_HTTP_COS_BY_USER },
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (ngx_strcmp(word->data, names[i].name) == 0) {
            return names[i].by;
        }
    }

    return 0;
}


/* A number from 1 to COS_RATE_MAX, or 0. */
static ngx_int_t
number(u_char *p, size_t len)
{
    ngx_int_t  n = ngx_atoi(p, len);

    return n == NGX_ERROR || n > COS_RATE_MAX ? 0 : n;
}


/* "rate=10r/s" or "rate=600r/m": n in so many seconds; NGX_DECLINED: not that. */
static ngx_int_t
rate_of(ngx_str_t *arg, ngx_int_t *n, ngx_int_t *seconds)
{
    u_char  *unit;

    if (arg->len < sizeof("rate=1r/s") - 1
        || ngx_strncmp(arg->data, "rate=", 5) != 0)
    {
        return NGX_DECLINED;
    }

    unit = arg->data + arg->len - 3;

    if (ngx_strncmp(unit, "r/s", 3) == 0) {
        *seconds = 1;

    } else if (ngx_strncmp(unit, "r/m", 3) == 0) {
        *seconds = 60;

    } else {
        return NGX_DECLINED;
    }

    *n = number(arg->data + 5, arg->len - 8);

    return *n ? NGX_OK : NGX_DECLINED;
}


static char *
read_limit(ngx_conf_t *cf, ngx_http_cos_limit_t *l)
{
    ngx_str_t  *value = cf->args->elts;
    ngx_int_t   n, seconds, burst;

    l->by = by_name(&value[1]);

    if (l->by == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"cos_limit_req\" cannot count by \"%V\": use "
                           "\"address\", \"bucket\" or \"user\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts < 3 || rate_of(&value[2], &n, &seconds) != NGX_OK) {
        return "needs a rate of 1 to 1000000 as its second parameter, like "
               "\"rate=100r/s\" or \"rate=30r/m\"";
    }

    /* what may come in a second may come at once */
    burst = n / seconds ? n / seconds : 1;

    if (cf->args->nelts == 4) {
        burst = value[3].len > 6 && ngx_strncmp(value[3].data, "burst=", 6) == 0
                ? number(value[3].data + 6, value[3].len - 6) : 0;

        if (burst == 0) {
            return "needs a number of 1 to 1000000 in \"burst=\", its third "
                   "parameter";
        }
    }

    cos_rate_set(&l->rate, n, seconds, burst);
    l->file = cf->conf_file->file.name;
    l->line = cf->conf_file->line;

    return NGX_CONF_OK;
}


char *
ngx_http_cos_conf_limit_req(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_cos_loc_conf_t  *lcf = conf;

    ngx_str_t             *value = cf->args->elts;
    ngx_uint_t             off;
    ngx_http_cos_limit_t  *l;

    (void) cmd;

    off = cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0;

    if (lcf->limits == NULL || (off && lcf->limits != NGX_CONF_UNSET_PTR)) {
        return "is \"off\" and something else at the same level";
    }

    if (off) {
        lcf->limits = NULL;
        return NGX_CONF_OK;
    }

    if (lcf->limits == NGX_CONF_UNSET_PTR) {
        lcf->limits = ngx_array_create(cf->pool, 2,
                                       sizeof(ngx_http_cos_limit_t));
        if (lcf->limits == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    l = ngx_array_push(lcf->limits);
    if (l == NULL) {
        return NGX_CONF_ERROR;
    }

    return read_limit(cf, l);
}


char *
ngx_http_cos_merge_limits(ngx_conf_t *cf, ngx_http_cos_loc_conf_t *prev,
    ngx_http_cos_loc_conf_t *conf)
{
    ngx_uint_t                 i;
    ngx_http_cos_limit_t      *l;
    ngx_http_cos_main_conf_t  *mcf;

    if (conf->limits != NGX_CONF_UNSET_PTR && conf->limits && !conf->enable) {
        l = conf->limits->elts;

        for (i = 0; i < conf->limits->nelts; i++) {
            if (l[i].by != NGX_HTTP_COS_BY_ADDRESS) {
                /* nginx merges at the end of "http": it would name that line */
                ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                              "\"cos_limit_req\" by bucket or user needs "
                              "\"cos on\" beside it or above it in %V:%ui",
                              &l[i].file, l[i].line);
                return NGX_CONF_ERROR;
            }
        }
    }

    ngx_conf_merge_ptr_value(conf->limits, prev->limits, NULL);

    if (conf->limits) {
        mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_cos_module);

        if (mcf->limits_size == 0) {
            mcf->limits_size = ZONE_DEFAULT;
        }

        /* where "cos" is off it is another phase */
        mcf->where = 1;
        mcf->limited = 1;
    }

    return NGX_CONF_OK;
}


/* --- the zone ------------------------------------------------------------ */

char *
ngx_http_cos_conf_limits_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_cos_main_conf_t  *mcf = conf;

    ssize_t     size;
    ngx_str_t  *value = cf->args->elts;

    (void) cmd;

    if (mcf->limits_size) {
        return "is duplicate";
    }

    size = ngx_parse_size(&value[1]);

    if (size == NGX_ERROR || size < ZONE_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size \"%V\" of \"cos_limits_zone\": it "
                           "must be at least 64k", &value[1]);
        return NGX_CONF_ERROR;
    }

    mcf->limits_size = size;

    return NGX_CONF_OK;
}


static ngx_int_t
init_zone(ngx_shm_zone_t *zone, void *data)
{
    size_t            size;
    uint64_t          seed;
    ngx_slab_pool_t  *pool = (ngx_slab_pool_t *) zone->shm.addr;

    if (data || zone->shm.exists) {
        zone->data = pool->data;
        return NGX_OK;
    }

    if (RAND_bytes((u_char *) &seed, sizeof(seed)) != 1) {
        return NGX_ERROR;
    }

    /* all of it; what is more than a page begins on a page */
    size = pool->pfree * ngx_pagesize;
    zone->data = ngx_slab_calloc(pool, size);

    if (zone->data == NULL) {
        return NGX_ERROR;
    }

    pool->data = zone->data;

    return cos_rate_init(zone->data, size, seed) == 0 ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_cos_conf_limits(ngx_conf_t *cf, ngx_http_cos_main_conf_t *mcf)
{
    /* the number tells the table's layout: after an upgrade of the module the
     * new workers count anew beside the old ones */
    ngx_str_t  name = ngx_string("cos_limits.1");

    if (!mcf->limited) {
        return NGX_OK;
    }

    mcf->limits = ngx_shared_memory_add(cf, &name,
                              ngx_align(mcf->limits_size, ngx_pagesize),
                              &ngx_http_cos_module);
    if (mcf->limits == NULL) {
        return NGX_ERROR;
    }

    mcf->limits->init = init_zone;

    return NGX_OK;
}
