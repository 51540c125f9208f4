/*
 * The keys that seal data keys: the file of the store's master keys, and the
 * directory of named keys. Read once, at configuration time, by the master.
 */

#include "ngx_http_cos.h"
#include "ngx_http_cos_conf.h"
#include "cos_sse.h"


char *
ngx_http_cos_conf_sse_keys(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_cos_main_conf_t  *mcf = conf;

    size_t         n;
    unsigned       line;
    ngx_str_t     *value, text;
    cos_sse_key_t *v;

    (void) cmd;

    if (mcf->sse_keys) {
        return "is duplicate";
    }

    value = cf->args->elts;

    mcf->sse_keys = ngx_array_create(cf->pool, COS_SSE_KEYS_MAX,
                                     sizeof(cos_sse_key_t));

    if (mcf->sse_keys == NULL
        || ngx_http_cos_conf_file(cf, &value[1], &text) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    v = mcf->sse_keys->elts;

    if (cos_sse_keys_read(v, &n, text, &line) != 0) {
        ngx_explicit_memzero(text.data, text.len);

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" line %ud: expected \"ID KEY\" with an id "
                           "that no other line has and a key of 64 "
                           "hexadecimal digits: echo \"1 $(openssl rand "
                           "-hex 32)\" > \"%V\"", &value[1], line, &value[1]);
        return NGX_CONF_ERROR;
    }

    mcf->sse_keys->nelts = n;

    while (n--) {
        v[n].id.data = ngx_pstrdup(cf->pool, &v[n].id);
        if (v[n].id.data == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    ngx_explicit_memzero(text.data, text.len);

    return NGX_CONF_OK;
}


static ngx_int_t
add_named(ngx_conf_t *cf, ngx_http_cos_main_conf_t *mcf, ngx_str_t *dir,
    ngx_str_t *id)
{
    int            rc;
    u_char        *p;
    ngx_str_t      file, text;
    cos_sse_key_t *k;

    if (!cos_sse_id_valid(*id)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V/%V\" cannot be the id of a key: letters, "
                           "digits, '.', '_' and '-' only, at most %d",
                           dir, id, COS_SSE_ID_MAX);
        return NGX_ERROR;
    }

    file.len = dir->len + 1 + id->len;
    file.data = ngx_pnalloc(cf->pool, file.len + 1);
    k = ngx_array_push(mcf->kms_keys);

    if (file.data == NULL || k == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(file.data, dir->data, dir->len);
    *p++ = '/';
    p = ngx_cpymem(p, id->data, id->len);
    *p = '\0';

    k->id.data = file.data + dir->len + 1;
    k->id.len = id->len;

    if (ngx_http_cos_conf_file(cf, &file, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = cos_sse_key_read(k->key, text);
    ngx_explicit_memzero(text.data, text.len);

    if (rc != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must hold 32 bytes or 64 hexadecimal "
                           "digits: openssl rand -hex 32 > \"%V\"", &file,
                           &file);
        return NGX_ERROR;
    }

    return NGX_OK;
}


char *
ngx_http_cos_conf_kms_dir(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_cos_main_conf_t  *mcf = conf;

    ngx_dir_t    d;
    ngx_int_t    rc;
    ngx_str_t   *value, *dir, id;

    (void) cmd;

    if (mcf->kms_keys) {
        return "is duplicate";
    }

    value = cf->args->elts;
    dir = &value[1];

    while (dir->len > 1 && dir->data[dir->len - 1] == '/') {
        dir->data[--dir->len] = '\0';
    }

    mcf->kms_keys = ngx_array_create(cf->pool, 8, sizeof(cos_sse_key_t));

    if (mcf->kms_keys == NULL
        || ngx_conf_full_name(cf->cycle, dir, 1) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_open_dir(dir, &d) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot open the directory \"%V\"", dir);
        return NGX_CONF_ERROR;
    }

    for (rc = NGX_OK, errno = 0;
         rc == NGX_OK && ngx_read_dir(&d) == NGX_OK;
         errno = 0)
    {
        id.data = ngx_de_name(&d);
        id.len = ngx_de_namelen(&d);

        /* what begins with a dot is an editor's or the file system's */
        if (id.data[0] != '.') {
            rc = add_named(cf, mcf, dir, &id);
        }
    }

    (void) ngx_close_dir(&d);

    return rc == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
}


ngx_int_t
ngx_http_cos_conf_check_kms(ngx_conf_t *cf, ngx_http_cos_main_conf_t *mcf)
{
    ngx_uint_t      i;
    cos_sse_key_t  *k;

    if (mcf->kms_default.len == 0) {
        return NGX_OK;
    }

    k = mcf->kms_keys ? mcf->kms_keys->elts : NULL;

    for (i = 0; k && i < mcf->kms_keys->nelts; i++) {
        if (cos_str_eq(k[i].id, mcf->kms_default)) {
            return NGX_OK;
        }
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "\"cos_kms_default %V\": there is no such key in "
                  "\"cos_kms_dir\"", &mcf->kms_default);

    return NGX_ERROR;
}
