/*
 * Configuration of storage classes: their directories, and how long restoring
 * takes.
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


/* cos_store_class CLASS DIR */
char *
ngx_http_cos_conf_store_class(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_cos_main_conf_t  *mcf = conf;

    int          cls;
    ngx_str_t   *value, *dir;
    ngx_path_t  *path;

    (void) cmd;

    value = cf->args->elts;
    cls = cos_class_parse(value[1]);

    if (cls < 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is no storage class: use a name like "
                           "STANDARD_IA or ARCHIVE", &value[1]);
        return NGX_CONF_ERROR;
    }

    dir = &mcf->store.class_dir[cls];

    if (dir->len) {
        return "is duplicate";
    }

    path = ngx_pcalloc(cf->pool, sizeof(ngx_path_t));
    if (path == NULL) {
        return NGX_CONF_ERROR;
    }

    path->name = value[2];

    if (path->name.len && path->name.data[path->name.len - 1] == '/') {
        path->name.len--;
    }

    if (ngx_conf_full_name(cf->cycle, &path->name, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (path->name.len > 400
        || ngx_strlchr(path->name.data, path->name.data + path->name.len,
                       '\n'))
    {
        return "is a path of more than 400 bytes, or with a line end in it";
    }

    /* made and handed to the workers' user by nginx */
    path->conf_file = cf->conf_file->file.name.data;
    path->line = cf->conf_file->line;

    if (ngx_add_path(cf, &path) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    dir->len = path->name.len;
    dir->data = ngx_pnalloc(cf->pool, dir->len + 1);
    if (dir->data == NULL) {
        return NGX_CONF_ERROR;
    }

    (void) ngx_cpystrn(dir->data, path->name.data, dir->len + 1);

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_cos_class_conf_check(ngx_conf_t *cf, ngx_http_cos_main_conf_t *mcf)
{
    char         err[NGX_MAX_ERROR_STR], root[512];
    size_t       n;
    const char  *dirs[COS_CLASS_MAX];
    ngx_uint_t   i;

    for (i = 0, n = 0; i < COS_CLASS_MAX; i++) {
        if (mcf->store.class_dir[i].len) {
            dirs[n++] = (char *) mcf->store.class_dir[i].data;
        }
    }

    (void) ngx_cpystrn((u_char *) root, mcf->store.root.data,
                       ngx_min(mcf->store.root.len + 1, sizeof(root)));

    if (cos_store_classes_check(root, dirs, n, err, sizeof(err)) != 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "cos: %s", err);
        return NGX_ERROR;
    }

    return NGX_OK;
}
