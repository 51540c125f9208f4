/*
 * Configuration: how long restoring takes.
 */

#include "ngx_http_cos.h"
#include "ngx_http_cos_conf.h"


void
ngx_http_cos_class_conf_init(ngx_http_cos_main_conf_t *mcf)
{
    ngx_uint_t  c, t;

    for (c = 0; c < COS_CLASS_MAX; c++) {
        for (t = 0; t < COS_TIER_MAX; t++) {
            mcf->restore_time[c][t] = NGX_CONF_UNSET;
        }
    }
}


/* cos_restore_time CLASS TIER TIME */
char *
ngx_http_cos_conf_restore_time(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_cos_main_conf_t  *mcf = conf;

    int         cls, tier;
    time_t      sec;
    ngx_str_t  *value;

    (void) cmd;

    value = cf->args->elts;
    cls = cos_class_parse(value[1]);
    tier = cos_tier_parse(value[2]);

    if (cls < 0 || !cos_class_archived(cls)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is no storage class that objects are "
                           "restored from: use ARCHIVE, DEEP_ARCHIVE or "
                           "MAZ_ARCHIVE", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (tier < 0 || !cos_tier_fits(tier, cls)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "objects of \"%V\" are not restored by tier \"%V\": "
                           "use %sStandard or Bulk", &value[1], &value[2],
                           cls == COS_CLASS_DEEP_ARCHIVE ? ""
                                                         : "Expedited, ");
        return NGX_CONF_ERROR;
    }

    if (mcf->restore_time[cls][tier] != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    sec = ngx_parse_time(&value[3], 1);

    if (sec == (time_t) NGX_ERROR || sec > 366 * 86400) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time \"%V\": at most one year, like "
                           "\"4h\"", &value[3]);
        return NGX_CONF_ERROR;
    }

    mcf->restore_time[cls][tier] = sec;

    return NGX_CONF_OK;
}
