/*
 * Directives that say from where a location is read: cos_cors, cos_referer,
 * cos_referer_instead, cos_user_agent. Here they are read and checked.
 */

#include "ngx_http_cos.h"
#include "ngx_http_cos_conf.h"


/* steps that an expression may take before it is given up, for each text */
#define MATCH_LIMIT  "(*LIMIT_MATCH=10000)"


static void *
pool_alloc(void *data, size_t size)
{
    return ngx_palloc(data, size);
}


static cos_alloc_t
alloc_of(ngx_conf_t *cf)
{
    cos_alloc_t  a;

    a.alloc = pool_alloc;
    a.ctx = cf->pool;

    return a;
}


static ngx_int_t
push(ngx_conf_t *cf, cos_strs_t *list, ngx_str_t s)
{
    cos_str_t  *v;

    v = ngx_palloc(cf->pool, (list->n + 1) * sizeof(cos_str_t));
    if (v == NULL) {
        return NGX_ERROR;
    }

    if (list->n) {
        ngx_memcpy(v, list->v, list->n * sizeof(cos_str_t));
    }

    v[list->n++] = s;
    list->v = v;

    return NGX_OK;
}


/* --- cos_cors ------------------------------------------------------------------- */

/* "a,b,c" */
static ngx_int_t
push_all(ngx_conf_t *cf, cos_strs_t *list, ngx_str_t s)
{
    u_char     *comma;
    ngx_str_t   one;

    for ( ;; ) {
        comma = ngx_strlchr(s.data, s.data + s.len, ',');
        one.data = s.data;
        one.len = comma ? (size_t) (comma - s.data) : s.len;

        if (push(cf, list, one) != NGX_OK) {
            return NGX_ERROR;
        }

        if (comma == NULL) {
            return NGX_OK;
        }

        s.len -= one.len + 1;
        s.data = comma + 1;
    }
}


/* What stands behind name in word; NULL: another name. */
static ngx_str_t *
value_of(ngx_str_t *word, const char *name, ngx_str_t *value)
{
    size_t  len;

    len = ngx_strlen(name);

    if (word->len < len || ngx_strncmp(word->data, name, len) != 0) {
        return NULL;
    }

    value->data = word->data + len;
    value->len = word->len - len;

    return value;
}


static char *
cors_word(ngx_conf_t *cf, cos_cors_rule_t *rule, ngx_str_t *word)
{
    time_t      age;
    ngx_str_t   s;
    ngx_int_t   rc;

    rc = NGX_OK;

    if (value_of(word, "origin=", &s)) {
        rc = push_all(cf, &rule->origins, s);

    } else if (value_of(word, "methods=", &s)) {
        rc = push_all(cf, &rule->methods, s);

    } else if (value_of(word, "headers=", &s)) {
        rc = push_all(cf, &rule->headers, s);

    } else if (value_of(word, "expose=", &s)) {
        rc = push_all(cf, &rule->expose, s);

    } else if (value_of(word, "max_age=", &s)) {
        age = ngx_parse_time(&s, 1);

        if (age == (time_t) NGX_ERROR || age > NGX_MAX_INT32_VALUE) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid time in \"%V\": give seconds, or a "
                               "unit as in \"10m\"", word);
            return NGX_CONF_ERROR;
        }

        rule->max_age = age;
        rule->has_max_age = 1;

    } else if (value_of(word, "credentials=", &s)
               && (cos_str_is(s, "on") || cos_str_is(s, "off")))
    {
        rule->credentials = cos_str_is(s, "on");

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\": known are \"origin=\", "
                           "\"methods=\", \"headers=\", \"expose=\", "
                           "\"max_age=\" and \"credentials=on|off\"", word);
        return NGX_CONF_ERROR;
    }

    return rc == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_uint_t
allows_all(cos_cors_rule_t *rule)
{
    size_t  i;

    for (i = 0; i < rule->origins.n; i++) {
        if (cos_str_is(rule->origins.v[i], "*")) {
            return 1;
        }
    }

    return 0;
}


char *
ngx_http_cos_conf_cors(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_cos_loc_conf_t  *lcf = conf;

    const char       *why;
    ngx_str_t        *value;
    ngx_uint_t        i, off;
    cos_cors_rule_t  *rule;

    (void) cmd;

    value = cf->args->elts;
    off = cf->args->nelts == 2 && cos_str_is(value[1], "off");

    if (lcf->cors_rules && (off || lcf->cors_rules->nelts == 0)) {
        return "cannot be \"off\" and have rules";
    }

    if (lcf->cors_rules == NULL) {
        lcf->cors_rules = ngx_array_create(cf->pool, 4,
                                           sizeof(cos_cors_rule_t));
        if (lcf->cors_rules == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (off) {
        return NGX_CONF_OK;
    }

    rule = ngx_array_push(lcf->cors_rules);
    if (rule == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(rule, sizeof(cos_cors_rule_t));

    for (i = 1; i < cf->args->nelts; i++) {
        if (cors_word(cf, rule, &value[i]) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (rule->origins.n == 0 || rule->methods.n == 0) {
        return "needs \"origin=\" and \"methods=\"";
    }

    why = "a value is empty or has characters that it cannot have";

    if (cos_cors_check(rule, &why) != COS_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid \"cos_cors\": %s",
                           why);
        return NGX_CONF_ERROR;
    }

    if (rule->credentials && allows_all(rule)) {
        return "with \"credentials=on\" must name its origins: all of them "
               "(\"*\") cannot have credentials";
    }

    return NGX_CONF_OK;
}


static char *
merge_cors(ngx_conf_t *cf, ngx_http_cos_loc_conf_t *prev,
    ngx_http_cos_loc_conf_t *conf)
{
    size_t           i;
    cos_alloc_t      a;
    cos_cors_doc_t   doc;

    if (conf->cors_rules == NULL) {
        conf->cors_rules = prev->cors_rules;
        conf->cors = prev->cors;
    }

    if (conf->cors_rules == NULL || conf->cors) {
        return NGX_CONF_OK;
    }

    ngx_memzero(&doc, sizeof(cos_cors_doc_t));
    doc.rules = conf->cors_rules->elts;
    doc.n = conf->cors_rules->nelts;

    for (i = 0; i < doc.n; i++) {
        doc.vary |= !allows_all(&doc.rules[i]);
    }

    a = alloc_of(cf);
    conf->cors = cos_cors_compile(&doc, &a);

    return conf->cors ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* --- regular expressions ------------------------------------------------------------ */

/* "~expression", or "~*expression" without case. */
static ngx_int_t
push_regex(ngx_conf_t *cf, ngx_array_t **list, ngx_str_t *word)
{
#if (NGX_PCRE)

    u_char                 errstr[NGX_MAX_CONF_ERRSTR];
    ngx_uint_t             i;
    ngx_http_cos_regex_t  *re;
    ngx_regex_compile_t    rc;

    if (*list == NULL) {
        *list = ngx_array_create(cf->pool, 4, sizeof(ngx_http_cos_regex_t));
        if (*list == NULL) {
            return NGX_ERROR;
        }
    }

    re = ngx_array_push(*list);
    if (re == NULL) {
        return NGX_ERROR;
    }

    i = word->len > 1 && word->data[1] == '*' ? 2 : 1;

    if (word->len == i) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no expression behind \"%V\"", word);
        return NGX_ERROR;
    }

    re->text = *word;

    ngx_memzero(&rc, sizeof(ngx_regex_compile_t));
    rc.pool = cf->pool;
    rc.options = i == 2 ? NGX_REGEX_CASELESS : 0;
    rc.err.len = NGX_MAX_CONF_ERRSTR;
    rc.err.data = errstr;

    rc.pattern.len = sizeof(MATCH_LIMIT) - 1 + word->len - i;
    rc.pattern.data = ngx_pnalloc(cf->pool, rc.pattern.len + 1);

    if (rc.pattern.data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(rc.pattern.data, MATCH_LIMIT "%*s%Z", word->len - i,
                word->data + i);

    if (ngx_regex_compile(&rc) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid regular expression \"%V\": %V", word,
                           &rc.err);
        return NGX_ERROR;
    }

    re->regex = rc.regex;

    return NGX_OK;

#else

    (void) list;

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" is a regular expression, which this nginx was "
                       "built without", word);
    return NGX_ERROR;

#endif
}


/* --- cos_referer ---------------------------------------------------------------------- */

static ngx_int_t
push_pattern(ngx_conf_t *cf, ngx_http_cos_referer_conf_t *c,
    cos_referer_doc_t *doc, ngx_str_t *word)
{
    const char  *why;

    if (cos_str_is(*word, "none")) {
        doc->empty = 1;
        return NGX_OK;
    }

    if (word->len && word->data[0] == '~') {
        return push_regex(cf, &c->regexes, word);
    }

    why = cos_referer_check(*word);

    if (why) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid pattern \"%V\" of \"cos_referer\": %s",
                           word, why);
        return NGX_ERROR;
    }

    return push(cf, &doc->domains, *word);
}


char *
ngx_http_cos_conf_referer(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_cos_loc_conf_t  *lcf = conf;

    ngx_str_t                    *value;
    ngx_uint_t                    i;
    cos_alloc_t                   a;
    cos_referer_doc_t             doc;
    ngx_http_cos_referer_conf_t  *c;

    (void) cmd;

    if (lcf->referer) {
        return "is duplicate";
    }

    c = ngx_pcalloc(cf->pool, sizeof(ngx_http_cos_referer_conf_t));
    if (c == NULL) {
        return NGX_CONF_ERROR;
    }

    lcf->referer = c;
    value = cf->args->elts;

    if (cos_str_is(value[1], "off") && cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    ngx_memzero(&doc, sizeof(cos_referer_doc_t));
    doc.enabled = 1;
    doc.black = cos_str_is(value[1], "black");
    c->black = doc.black;

    if ((!doc.black && !cos_str_is(value[1], "white")) || cf->args->nelts < 3)
    {
        return "must be \"white\" or \"black\" with patterns behind it, or "
               "\"off\"";
    }

    for (i = 2; i < cf->args->nelts; i++) {
        if (push_pattern(cf, c, &doc, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    a = alloc_of(cf);
    c->list = cos_referer_compile(&doc, &a);

    return c->list ? NGX_CONF_OK : NGX_CONF_ERROR;
}


char *
ngx_http_cos_conf_instead(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_cos_loc_conf_t  *lcf = conf;

    size_t      i;
    ngx_str_t  *value;

    (void) cmd;

    if (lcf->referer_instead.data) {
        return "is duplicate";
    }

    value = cf->args->elts;
    lcf->referer_instead = value[1];

    if (cos_str_is(value[1], "off")) {
        lcf->referer_instead.len = 0;
        return NGX_CONF_OK;
    }

    for (i = 0; i < value[1].len; i++) {
        if (value[1].data[i] <= ' ' || value[1].data[i] == 0x7f) {
            return "has a space or a control character in it";
        }
    }

    if (cos_str_starts(value[1], "http://")
        || cos_str_starts(value[1], "https://"))
    {
        return NGX_CONF_OK;
    }

    if (value[1].len < 2 || value[1].data[0] != '/'
        || ngx_strlchr(value[1].data, value[1].data + value[1].len, '?')
        || ngx_strlchr(value[1].data, value[1].data + value[1].len, '%'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"%V\": give a path of this server "
                           "without \"?\" and \"%%\", like \"/hotlink.png\", "
                           "a URL, or \"off\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* --- cos_user_agent --------------------------------------------------------------------- */

char *
ngx_http_cos_conf_agent(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_cos_loc_conf_t  *lcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    (void) cmd;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && cos_str_is(value[1], "off")) {

        if (lcf->agents != NGX_CONF_UNSET_PTR) {
            return "cannot be \"off\" and have expressions";
        }

        lcf->agents = NULL;

        return NGX_CONF_OK;
    }

    if (!cos_str_is(value[1], "deny") || cf->args->nelts < 3) {
        return "must be \"deny\" with expressions (\"~...\") behind it, or "
               "\"off\"";
    }

    if (lcf->agents == NULL) {
        return "cannot be \"off\" and have expressions";
    }

    if (lcf->agents == NGX_CONF_UNSET_PTR) {
        lcf->agents = NULL;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (value[i].len == 0 || value[i].data[0] != '~') {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid \"%V\": expressions of "
                               "\"cos_user_agent\" begin with \"~\", or "
                               "\"~*\" to ignore case", &value[i]);
            return NGX_CONF_ERROR;
        }

        if (push_regex(cf, &lcf->agents, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* --- the whole ------------------------------------------------------------------------------ */

char *
ngx_http_cos_merge_where(ngx_conf_t *cf, ngx_http_cos_loc_conf_t *prev,
    ngx_http_cos_loc_conf_t *conf)
{
    ngx_http_cos_main_conf_t  *mcf;

    ngx_conf_merge_ptr_value(conf->agents, prev->agents, NULL);
    ngx_conf_merge_ptr_value(conf->cdn, prev->cdn, NULL);
    ngx_conf_merge_str_value(conf->referer_instead, prev->referer_instead, "");

    if (conf->referer == NULL) {
        conf->referer = prev->referer;
    }

    if (conf->agents || conf->cdn || conf->cors_rules || prev->cors_rules || conf->referer)
    {
        mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_cos_module);
        mcf->where = 1;
    }

    return merge_cors(cf, prev, conf);
}
