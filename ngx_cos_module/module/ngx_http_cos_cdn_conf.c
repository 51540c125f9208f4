/*
 * cos_cdn_auth: URLs of a location must be signed, as a CDN asks for it. In
 * front of any content handler; with "cos on" refusals are documents of the
 * API. Messages never repeat a key.
 */

#include "ngx_http_cos.h"
#include "ngx_http_cos_conf.h"


/* What stands behind "name=" in a word; NULL: another name. */
static ngx_str_t *
value_of(ngx_str_t *word, const char *name, ngx_str_t *value)
{
    size_t  len = ngx_strlen(name);

    if (word->len <= len || ngx_strncmp(word->data, name, len) != 0
        || word->data[len] != '=')
    {
        return NULL;
    }

    value->data = word->data + len + 1;
    value->len = word->len - len - 1;

    return value;
}


static char *
push(ngx_conf_t *cf, cos_strs_t *list, ngx_str_t s)
{
    if (list->v == NULL) {
        list->v = ngx_pcalloc(cf->pool,
                              (COS_CDN_LIST_MAX + 1) * sizeof(cos_str_t));
        if (list->v == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    /* one too many is found by the check of the whole */

    if (list->n <= COS_CDN_LIST_MAX) {
        list->v[list->n++] = s;
    }

    return NGX_CONF_OK;
}


/* "mp4,ts" */
static char *
suffixes(ngx_conf_t *cf, cos_cdn_rule_t *r, cos_cdn_files_e files,
    ngx_str_t s)
{
    u_char     *comma;
    ngx_str_t   one;

    if (r->files != COS_CDN_ALL) {
        return "takes \"only=\" or \"except=\", and once";
    }

    r->files = files;

    for ( ;; ) {
        comma = ngx_strlchr(s.data, s.data + s.len, ',');
        one.data = s.data;
        one.len = comma ? (size_t) (comma - s.data) : s.len;

        if (push(cf, &r->suffixes, one) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }

        if (comma == NULL) {
            return NGX_CONF_OK;
        }

        s.len -= one.len + 1;
        s.data = comma + 1;
    }
}


static char *
set_type(cos_cdn_rule_t *r, ngx_str_t s)
{
    int  type;

    type = cos_cdn_type_parse(s);
    r->type = type < 0 ? COS_CDN_OFF : (cos_cdn_type_e) type;

    return type < 0 ? "has an unknown type: give A, B, C or D" : NGX_CONF_OK;
}


static char *
set_ttl(cos_cdn_rule_t *r, ngx_str_t s)
{
    time_t  t;

    t = ngx_parse_time(&s, 1);
    r->ttl = t > 0 ? (uint64_t) t : 0;

    return t == (time_t) NGX_ERROR
           ? "has an invalid \"ttl=\": give seconds, or a unit as in \"30m\""
           : NGX_CONF_OK;
}


static char *
word(ngx_conf_t *cf, cos_cdn_rule_t *r, ngx_str_t *arg)
{
    size_t     i;
    ngx_str_t  s;
    struct {
        const char  *name;
        cos_str_t   *to;
    } texts[] = {
        { "key", &r->key }, { "key2", &r->key2 },
        { "param", &r->param }, { "time_param", &r->time_param },
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (value_of(arg, texts[i].name, &s)) {
            *texts[i].to = s;
            return NGX_CONF_OK;
        }
    }

    if (value_of(arg, "type", &s)) {
        return set_type(r, s);
    }

    if (value_of(arg, "ttl", &s)) {
        return set_ttl(r, s);
    }

    if (value_of(arg, "only", &s)) {
        return suffixes(cf, r, COS_CDN_ONLY, s);
    }

    if (value_of(arg, "except", &s)) {
        return suffixes(cf, r, COS_CDN_EXCEPT, s);
    }

    if (value_of(arg, "path", &s)) {
        return push(cf, &r->paths, s);
    }

    if (cos_str_is(*arg, "time=hex")) {
        r->hex = 1;
        return NGX_CONF_OK;
    }

    if (cos_str_is(*arg, "order=key-time-uri")) {
        r->time_first = 1;
        return NGX_CONF_OK;
    }

    return "has an unknown parameter: known are \"type=\", \"key=\", "
           "\"key2=\", \"param=\", \"time_param=\", \"ttl=\", \"time=hex\", "
           "\"order=key-time-uri\", \"only=\", \"except=\" and \"path=\"";
}


char *
ngx_http_cos_conf_cdn(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_cos_loc_conf_t  *lcf = conf;

    char            *error;
    ngx_str_t       *value;
    ngx_uint_t       i;
    const char      *why;
    cos_cdn_rule_t  *r;

    (void) cmd;

    if (lcf->cdn != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && cos_str_is(value[1], "off")) {
        lcf->cdn = NULL;
        return NGX_CONF_OK;
    }

    r = ngx_palloc(cf->pool, sizeof(cos_cdn_rule_t));
    if (r == NULL) {
        return NGX_CONF_ERROR;
    }

    cos_cdn_rule_init(r);

    for (i = 1; i < cf->args->nelts; i++) {
        error = word(cf, r, &value[i]);

        if (error != NGX_CONF_OK) {
            return error;
        }
    }

    why = cos_cdn_rule_check(r);

    if (why) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"cos_cdn_auth\": %s", why);
        return NGX_CONF_ERROR;
    }

    lcf->cdn = r;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_cos_cdn_preaccess(ngx_http_request_t *r, const cos_cdn_rule_t *rule)
{
    cos_cdn_e  e;

    e = ngx_http_cos_cdn(r, rule, 0);

    switch (e) {
    case COS_CDN_PASS:
    case COS_CDN_NOT_MEANT:
        return NGX_DECLINED;
    case COS_CDN_FAILED:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    default:
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "cos: refused by \"cos_cdn_auth\": %s",
                      cos_cdn_reason(e));
        return NGX_HTTP_FORBIDDEN;
    }
}
