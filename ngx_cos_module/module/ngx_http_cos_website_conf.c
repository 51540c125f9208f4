/*
 * Directives of websites: a location that serves a bucket's content as a site
 * under any name, and which codings content may lie there in.
 */

#include "ngx_http_cos.h"
#include "ngx_http_cos_conf.h"


#define PREFIX_MAX  512


/* Takes "name=value"; NGX_DECLINED when it is another parameter. */
static ngx_int_t
parameter(ngx_conf_t *cf, ngx_str_t *arg, const char *name, cos_str_t *to)
{
    size_t  len = ngx_strlen(name);

    if (arg->len <= len || ngx_strncmp(arg->data, name, len) != 0
        || arg->data[len] != '=')
    {
        return NGX_DECLINED;
    }

    if (to->len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s=\" is given twice", name);
        return NGX_ERROR;
    }

    to->data = arg->data + len + 1;
    to->len = arg->len - len - 1;

    if (to->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s=\" needs a value", name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
one(ngx_conf_t *cf, ngx_http_cos_site_conf_t *c, ngx_str_t *arg,
    ngx_uint_t *spa)
{
    size_t     i;
    ngx_int_t  rc;

    struct {
        const char  *name;
        cos_str_t   *to;
    } texts[] = {
        { "bucket", &c->bucket }, { "index", &c->site.index },
        { "error", &c->site.error_key }, { "prefix", &c->site.release },
    };

    if (ngx_strcmp(arg->data, "spa") == 0) {
        *spa = 1;
        c->own = 1;
        return NGX_OK;
    }

    if (ngx_strcmp(arg->data, "html") == 0) {
        c->site.auto_html = COS_SWITCH_ON;
        c->own = 1;
        return NGX_OK;
    }

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        rc = parameter(cf, arg, texts[i].name, texts[i].to);

        if (rc != NGX_DECLINED) {
            c->own |= (i != 0);
            return rc;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" of \"cos_website\": known "
                       "are \"bucket=\", \"index=\", \"error=\", \"prefix=\", "
                       "\"html\" and \"spa\"", arg);

    return NGX_ERROR;
}


static char *
check(ngx_conf_t *cf, ngx_http_cos_site_conf_t *c, ngx_uint_t spa)
{
    cos_website_t  *w = &c->site;

    if (c->bucket.len == 0) {
        return "needs the parameter \"bucket=\"";
    }

    if (!cos_bucket_name_valid(c->bucket, COS_DIALECT_S3)
        && !cos_bucket_name_valid(c->bucket, COS_DIALECT_COS))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" cannot be the name of a bucket",
                           &c->bucket);
        return NGX_CONF_ERROR;
    }

    if (w->index.len == 0) {
        ngx_str_set(&w->index, "index.html");
    }

    if (ngx_strlchr(w->index.data, w->index.data + w->index.len, '/')) {
        return "has a slash in \"index=\": give the name of a file, which is "
               "looked for in every folder";
    }

    if (w->release.len
        && (w->release.len > PREFIX_MAX
            || w->release.data[w->release.len - 1] != '/'))
    {
        return "needs a \"prefix=\" that ends with a slash and is not longer "
               "than 512 bytes";
    }

    if (spa && w->error_key.len) {
        return "has both \"spa\" and \"error=\": with \"spa\" the index "
               "document answers what is not there";
    }

    if (spa) {
        w->error_key = w->index;
        w->original = COS_SWITCH_OFF;
    }

    w->dialect = COS_DIALECT_COS;

    return NGX_CONF_OK;
}


char *
ngx_http_cos_conf_website(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_cos_loc_conf_t  *lcf = conf;

    ngx_str_t                 *value;
    ngx_uint_t                 i, spa;
    ngx_http_cos_site_conf_t  *c;

    (void) cmd;

    if (lcf->website != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        lcf->website = NULL;
        return NGX_CONF_OK;
    }

    c = ngx_pcalloc(cf->pool, sizeof(ngx_http_cos_site_conf_t));
    if (c == NULL) {
        return NGX_CONF_ERROR;
    }

    c->file = cf->conf_file->file.name;
    c->line = cf->conf_file->line;
    spa = 0;

    for (i = 1; i < cf->args->nelts; i++) {
        if (one(cf, c, &value[i], &spa) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    lcf->website = c;

    return check(cf, c, spa);
}


char *
ngx_http_cos_merge_website(ngx_conf_t *cf, ngx_http_cos_loc_conf_t *prev,
    ngx_http_cos_loc_conf_t *conf)
{
    ngx_http_cos_site_conf_t  *c = conf->website;

    if (c != NGX_CONF_UNSET_PTR && c != NULL && !conf->enable) {
        /* nginx merges at the end of "http": it would name that line */
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"cos_website\" needs \"cos on\" beside it or above "
                      "it in %V:%ui", &c->file, c->line);
        return NGX_CONF_ERROR;
    }

    ngx_conf_merge_ptr_value(conf->website, prev->website, NULL);
    ngx_conf_merge_ptr_value(conf->precompressed, prev->precompressed, NULL);

    return NGX_CONF_OK;
}


char *
ngx_http_cos_conf_precompressed(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_cos_loc_conf_t  *lcf = conf;

    ngx_str_t   *value, *s;
    ngx_uint_t   i;

    (void) cmd;

    if (lcf->precompressed != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        lcf->precompressed = NULL;
        return NGX_CONF_OK;
    }

    lcf->precompressed = ngx_array_create(cf->pool, 3, sizeof(ngx_str_t));
    if (lcf->precompressed == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        s = ngx_array_push(lcf->precompressed);
        if (s == NULL) {
            return NGX_CONF_ERROR;
        }

        if (ngx_strcmp(value[i].data, "gz") == 0) {
            ngx_str_set(s, "gzip");

        } else if (ngx_strcmp(value[i].data, "zst") == 0) {
            ngx_str_set(s, "zstd");

        } else if (ngx_strcmp(value[i].data, "br") == 0) {
            ngx_str_set(s, "br");

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" is no ending of compressed objects: "
                               "known are \"br\", \"gz\" and \"zst\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}
