/*
 * Files with secrets: root keys, the master key, Redis' password. Read once,
 * at configuration time, by the master (they need not be readable by the
 * workers' user); refused when everybody may read them.
 */

#include "ngx_http_cos.h"
#include "ngx_http_cos_conf.h"


#define FILE_MAX  (1024 * 1024)


ngx_int_t
ngx_http_cos_conf_file(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *text)
{
    ssize_t      n;
    ngx_fd_t     fd;
    struct stat  st;

    if (ngx_conf_full_name(cf->cycle, name, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    fd = ngx_open_file(name->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot open \"%V\"", name);
        return NGX_ERROR;
    }

    if (fstat(fd, &st) != 0 || st.st_size > FILE_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is not a readable file of less than 1m",
                           name);
        goto failed;
    }

    if (st.st_mode & (S_IROTH|S_IWOTH|S_IWGRP)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" holds secrets but others may read or "
                           "change it: chmod 600 \"%V\"", name, name);
        goto failed;
    }

    text->data = ngx_pnalloc(cf->pool, st.st_size + 1);
    if (text->data == NULL) {
        goto failed;
    }

    n = ngx_read_fd(fd, text->data, st.st_size);

    if (n != (ssize_t) st.st_size) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot read \"%V\"", name);
        goto failed;
    }

    text->len = n;
    text->data[n] = '\0';
    (void) ngx_close_file(fd);

    return NGX_OK;

failed:

    (void) ngx_close_file(fd);

    return NGX_ERROR;
}


ngx_int_t
ngx_http_cos_conf_secret(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *secret)
{
    if (ngx_http_cos_conf_file(cf, name, secret) != NGX_OK) {
        return NGX_ERROR;
    }

    while (secret->len && (secret->data[secret->len - 1] == '\n'
                           || secret->data[secret->len - 1] == '\r'))
    {
        secret->len--;
    }

    if (secret->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" is empty", name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* A file of 32 bytes, or of 64 hexadecimal digits. */
static char *
key_file(ngx_conf_t *cf, ngx_str_t *name, u_char key[32])
{
    ngx_str_t  text;

    if (ngx_http_cos_conf_file(cf, name, &text) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (text.len == 32) {
        ngx_memcpy(key, text.data, 32);

    } else {
        while (text.len && text.data[text.len - 1] <= ' ') {
            text.len--;
        }

        if (cos_unhex(key, 32, text) != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" must hold 32 bytes or 64 hexadecimal "
                               "digits: openssl rand -hex 32 > \"%V\"",
                               name, name);
            return NGX_CONF_ERROR;
        }
    }

    ngx_explicit_memzero(text.data, text.len);

    return NGX_CONF_OK;
}


char *
ngx_http_cos_conf_master_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                 *value = cf->args->elts;
    ngx_http_cos_main_conf_t  *mcf = conf;

    (void) cmd;

    if (mcf->master_key_file.len) {
        return "is duplicate";
    }

    mcf->master_key_file = value[1];

    return key_file(cf, &mcf->master_key_file, mcf->master_key);
}


char *
ngx_http_cos_conf_token_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                 *value = cf->args->elts;
    ngx_http_cos_main_conf_t  *mcf = conf;

    (void) cmd;

    if (mcf->token_key_file.len) {
        return "is duplicate";
    }

    mcf->token_key_file = value[1];

    return key_file(cf, &mcf->token_key_file, mcf->token_key);
}


/* Splits a line at blanks; returns how many words there are (at most max). */
static ngx_uint_t
words(u_char *p, u_char *end, ngx_str_t *w, ngx_uint_t max)
{
    ngx_uint_t  n;

    for (n = 0; p < end && n < max; n++) {

        while (p < end && (*p == ' ' || *p == '\t' || *p == '\r')) {
            p++;
        }

        if (p == end) {
            break;
        }

        w[n].data = p;

        while (p < end && *p != ' ' && *p != '\t' && *p != '\r') {
            p++;
        }

        w[n].len = p - w[n].data;
    }

    return n;
}


static ngx_int_t
add_root_key(ngx_conf_t *cf, ngx_http_cos_main_conf_t *mcf, ngx_str_t *w,
    ngx_uint_t line)
{
    uint64_t                  uid;
    ngx_http_cos_root_key_t  *k;

    if (cos_str_uint(w[2], &uid) != 0 || uid == 0 || w[0].len > 128
        || w[1].len < 16 || w[1].len > 128)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" line %ui: expected \"ACCESS_KEY "
                           "SECRET_KEY UID [NAME]\" with a secret of 16 to "
                           "128 characters and a numeric uid",
                           &mcf->root_keys_file, line);
        return NGX_ERROR;
    }

    if (ngx_http_cos_root_key(mcf, &w[0])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" line %ui: access key \"%V\" stands there "
                           "twice", &mcf->root_keys_file, line, &w[0]);
        return NGX_ERROR;
    }

    k = ngx_array_push(mcf->root_keys);
    if (k == NULL) {
        return NGX_ERROR;
    }

    k->access_key = w[0];
    k->secret = w[1];
    k->uid = uid;
    k->name = w[3].len ? w[3] : w[2];

    return NGX_OK;
}


char *
ngx_http_cos_conf_root_keys(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_cos_main_conf_t  *mcf = conf;

    u_char      *p, *eol, *end;
    ngx_str_t   *value, text, w[4];
    ngx_uint_t   line;

    (void) cmd;

    if (mcf->root_keys) {
        return "is duplicate";
    }

    value = cf->args->elts;
    mcf->root_keys_file = value[1];

    mcf->root_keys = ngx_array_create(cf->pool, 4,
                                      sizeof(ngx_http_cos_root_key_t));

    if (mcf->root_keys == NULL
        || ngx_http_cos_conf_file(cf, &mcf->root_keys_file, &text)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    end = text.data + text.len;

    for (p = text.data, line = 1; p < end; p = eol + 1, line++) {

        eol = ngx_strlchr(p, end, '\n');
        if (eol == NULL) {
            eol = end;
        }

        ngx_memzero(w, sizeof(w));

        if (*p == '#' || words(p, eol, w, 4) == 0) {
            continue;
        }

        if (add_root_key(cf, mcf, w, line) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (mcf->root_keys->nelts == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" holds no key: add a line \"ACCESS_KEY "
                           "SECRET_KEY UID NAME\"", &mcf->root_keys_file);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
