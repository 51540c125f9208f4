/*
 * policy: what a website does with a request (cos-api.md 6.3). A machine that
 * names one key after the other and is told what was found:
 *
 *   PAGE    the key, or the index document of a folder
 *   HTML    the key with ".html" (AutoAddressing)
 *   FOLDER  the index document of the folder of that name: to redirect there
 *   OTHER   what a prefix rule serves instead
 *   RULE    what a rule for an error serves instead
 *   ERROR   the error document
 *
 * Locations are made from configuration and from keys, percent-encoded, and
 * name the request's own host unless the configuration names one: nothing that
 * a client sends can lead elsewhere, or end the header.
 */

#include "cos_website.h"

#define KEY_MAX  1024

static cos_site_do_e look(cos_site_t *s, cos_site_at_e at, cos_str_t name,
    cos_str_t suffix);
static cos_site_do_e failed(cos_site_t *s);
static cos_site_do_e error_document(cos_site_t *s);
static cos_site_do_e broken(cos_site_t *s, cos_err_e err);


static const cos_str_t  nothing = cos_lit("");


int
cos_website_index(cos_website_t *w, cos_alloc_t *a)
{
    size_t                     i;
    const cos_website_rule_t **v;

    v = cos_alloc(a, (w->nrules + 1) * sizeof(*v));
    if (v == NULL) {
        return -1;
    }

    w->first = v;
    w->nfirst = 0;

    for (i = 0; i < w->nrules; i++) {
        if (w->rules[i].code == 0) {
            v[w->nfirst++] = &w->rules[i];
        }
    }

    w->later = v + w->nfirst;
    w->nlater = 0;

    for (i = 0; i < w->nrules; i++) {
        if (w->rules[i].code != 0) {
            w->later[w->nlater++] = &w->rules[i];
        }
    }

    return 0;
}


static int
starts(cos_str_t s, cos_str_t prefix)
{
    return s.len >= prefix.len
           && memcmp(s.data, prefix.data, prefix.len) == 0;
}


static int
ends(cos_str_t s, cos_str_t suffix)
{
    return s.len >= suffix.len
           && memcmp(s.data + s.len - suffix.len, suffix.data, suffix.len)
              == 0;
}


/* --- locations ------------------------------------------------------------ */

/* Bytes that may stand in a header and in a URL stay, others are encoded. */
static void
add_safe(cos_buf_t *b, cos_str_t s)
{
    size_t             i;
    cos_u8             c;
    static const char  hex[] = "0123456789ABCDEF";

    for (i = 0; i < s.len; i++) {
        c = s.data[i];

        if (c > ' ' && c < 0x7f && c != '"' && c != '<' && c != '>'
            && c != '\\')
        {
            cos_buf_char(b, c);
            continue;
        }

        cos_buf_char(b, '%');
        cos_buf_char(b, hex[c >> 4]);
        cos_buf_char(b, hex[c & 15]);
    }
}


/* A key as a path. One that begins with a slash must not make "//host". */
static void
add_key(cos_buf_t *b, cos_str_t key)
{
    cos_buf_char(b, '/');

    if (key.len > 0 && key.data[0] == '/') {
        cos_buf_lit(b, "%2F");
        key.data++;
        key.len--;
    }

    cos_pct_encode(b, key, COS_ENC_SLASH);
}


static void
add_query(cos_buf_t *b, cos_str_t query)
{
    if (query.len > 0) {
        cos_buf_char(b, '?');
        add_safe(b, query);
    }
}


static cos_site_do_e
redirect(cos_site_t *s, cos_buf_t *b, unsigned status)
{
    if (b->err) {
        return broken(s, COS_E_INTERNAL);
    }

    s->status = status;
    s->location.data = b->data;
    s->location.len = b->len;

    return COS_SITE_REDIRECT;
}


/* To a key of this site, or of another host or scheme. */
static cos_site_do_e
redirect_to(cos_site_t *s, cos_scheme_e scheme, cos_str_t host, cos_str_t key,
    unsigned status)
{
    int        tls;
    cos_buf_t  b;

    cos_buf_init(&b, s->alloc, 64 + s->host.len + host.len + 3 * key.len
                               + s->query.len);
    tls = scheme == COS_SCHEME_SAME ? s->tls : scheme == COS_SCHEME_HTTPS;

    if (host.len > 0 || tls != s->tls) {

        if (host.len == 0) {
            host = s->host;
        }

        if (host.len == 0) {
            /* HTTP/1.0 without a host: there is no URL to be sent to */
            return broken(s, COS_E_INVALID_REQUEST);
        }

        cos_buf_cstr(&b, tls ? "https://" : "http://");
        add_safe(&b, host);
    }

    add_key(&b, key);
    add_query(&b, s->query);

    return redirect(s, &b, status);
}


int
cos_redirect_valid(cos_str_t where)
{
    size_t  i;

    for (i = 0; i < where.len; i++) {
        if (where.data[i] <= ' ' || where.data[i] == 0x7f) {
            return 0;
        }
    }

    return where.len <= COS_REDIRECT_MAX
           && (cos_str_starts(where, "/") || cos_str_starts(where, "http://")
               || cos_str_starts(where, "https://"));
}


cos_site_do_e
cos_site_moved(cos_site_t *s, cos_str_t where)
{
    cos_buf_t  b;

    cos_buf_init(&b, s->alloc, where.len + 1);
    add_safe(&b, where);

    return redirect(s, &b, 301);
}


/* --- rules ---------------------------------------------------------------- */

/* Whether a rule of COS sends the client elsewhere, or serves another key
 * under the same URL. Without a word on it prefixes are redirected, and errors
 * are answered with a page. */
static int
is_redirect(const cos_site_t *s, const cos_website_rule_t *r)
{
    if (s->site->dialect == COS_DIALECT_S3 || r->url == COS_SWITCH_ON) {
        return 1;
    }

    if (r->url == COS_SWITCH_OFF) {
        return 0;
    }

    return r->code == 0 || (r->scheme == COS_SCHEME_HTTPS && !s->tls);
}


static cos_site_do_e
apply(cos_site_t *s, const cos_website_rule_t *r)
{
    cos_buf_t  b;
    cos_str_t  key, rest;

    key = s->name;

    if (r->how == COS_REPLACE_KEY) {
        key = r->with;

    } else if (r->how == COS_REPLACE_PREFIX) {
        rest.data = s->name.data + r->prefix.len;
        rest.len = s->name.len - r->prefix.len;

        cos_buf_init(&b, s->alloc, r->with.len + rest.len + 1);
        cos_buf_str(&b, r->with);
        cos_buf_str(&b, rest);

        if (b.err) {
            return broken(s, COS_E_INTERNAL);
        }

        key.data = b.data;
        key.len = b.len;
    }

    if (!is_redirect(s, r)) {
        return look(s, r->code ? COS_SITE_AT_RULE : COS_SITE_AT_OTHER, key,
                    nothing);
    }

    return redirect_to(s, r->scheme, r->host, key,
                       r->status != 0 ? r->status
                       : s->site->dialect == COS_DIALECT_COS ? 302 : 301);
}


/* --- the machine ---------------------------------------------------------- */

static cos_site_do_e
broken(cos_site_t *s, cos_err_e err)
{
    s->err = err;

    return COS_SITE_ERROR;
}


static cos_site_do_e
serve(cos_site_t *s, unsigned status)
{
    s->status = status;

    return COS_SITE_SERVE;
}


static cos_site_do_e
look(cos_site_t *s, cos_site_at_e at, cos_str_t name, cos_str_t suffix)
{
    cos_buf_t  b;

    s->at = at;

    if (s->site->release.len == 0 && suffix.len == 0) {
        s->key = name;

    } else {
        cos_buf_init(&b, s->alloc, s->site->release.len + name.len
                                   + suffix.len + 2);
        cos_buf_str(&b, s->site->release);
        cos_buf_str(&b, name);

        if (at == COS_SITE_AT_FOLDER) {
            cos_buf_char(&b, '/');
        }

        cos_buf_str(&b, suffix);

        if (b.err) {
            return broken(s, COS_E_INTERNAL);
        }

        s->key.data = b.data;
        s->key.len = b.len;
    }

    /* what cannot exist is not looked for */
    return s->key.len > 0 && s->key.len <= KEY_MAX
           ? COS_SITE_LOOK : cos_site_found(s, COS_E_NO_SUCH_KEY, 1);
}


cos_site_do_e
cos_site_begin(cos_site_t *s)
{
    size_t                     i;
    const cos_website_t       *w = s->site;
    const cos_website_rule_t  *r;

    s->name.data = s->path.data + 1;
    s->name.len = s->path.len - 1;
    s->err = COS_OK;
    s->status = 200;

    if (w->all_host.len > 0
        || (w->all_scheme == COS_SCHEME_HTTPS && !s->tls))
    {
        return redirect_to(s, w->all_scheme, w->all_host, s->name, 301);
    }

    for (i = 0; i < w->nfirst; i++) {
        r = w->first[i];

        if (!r->has_prefix || starts(s->name, r->prefix)) {
            return apply(s, r);
        }
    }

    if (s->name.len == 0 || s->name.data[s->name.len - 1] == '/') {
        return look(s, COS_SITE_AT_PAGE, s->name, w->index);
    }

    return look(s, COS_SITE_AT_PAGE, s->name, nothing);
}


/* The key is not there: what else may be meant by it. */
static cos_site_do_e
other_names(cos_site_t *s)
{
    if (s->name.len == 0 || s->name.data[s->name.len - 1] == '/') {
        return failed(s);
    }

    if (s->at == COS_SITE_AT_PAGE && s->site->auto_html == COS_SWITCH_ON
        && !ends(s->name, COS_STR(".html")))
    {
        return look(s, COS_SITE_AT_HTML, s->name, COS_STR(".html"));
    }

    return look(s, COS_SITE_AT_FOLDER, s->name, s->site->index);
}


static cos_site_do_e
to_folder(cos_site_t *s)
{
    cos_buf_t  b;

    cos_buf_init(&b, s->alloc, 3 * s->name.len + s->query.len + 4);
    add_key(&b, s->name);
    cos_buf_char(&b, '/');
    add_query(&b, s->query);

    return redirect(s, &b, 302);
}


static cos_site_do_e
failed(cos_site_t *s)
{
    size_t                     i;
    const cos_website_rule_t  *r;

    for (i = 0; i < s->site->nlater; i++) {
        r = s->site->later[i];

        if ((int) r->code == cos_err_info(s->err)->status
            && (!r->has_prefix || starts(s->name, r->prefix)))
        {
            return apply(s, r);
        }
    }

    return error_document(s);
}


static cos_site_do_e
error_document(cos_site_t *s)
{
    int  status = cos_err_info(s->err)->status;

    if (s->site->error_key.len == 0 || status < 400 || status > 499) {
        return COS_SITE_ERROR;
    }

    return look(s, COS_SITE_AT_ERROR, s->site->error_key, nothing);
}


cos_site_do_e
cos_site_found(cos_site_t *s, cos_err_e err, int missing)
{
    int  found = err == COS_OK;

    switch (s->at) {

    case COS_SITE_AT_PAGE:
        if (found) {
            return serve(s, 200);
        }

        s->err = err;
        return missing ? other_names(s) : failed(s);

    case COS_SITE_AT_HTML:
        if (found) {
            s->err = COS_OK;
            return serve(s, 200);
        }

        if (!missing) {
            s->err = err;
            return failed(s);
        }

        return other_names(s);

    case COS_SITE_AT_FOLDER:
        return found ? to_folder(s) : failed(s);

    case COS_SITE_AT_OTHER:
        if (found) {
            return serve(s, 200);
        }

        s->err = err;
        return failed(s);

    case COS_SITE_AT_RULE:
        return found ? serve(s, cos_err_info(s->err)->status)
                     : error_document(s);

    default:
        if (!found) {
            return COS_SITE_ERROR;
        }

        return serve(s, s->site->original == COS_SWITCH_OFF
                        ? 200 : cos_err_info(s->err)->status);
    }
}


/* --- codings -------------------------------------------------------------- */

/* Whether the parameters of a list's item say "q=0". */
static int
is_zero(cos_str_t params)
{
    size_t  i;

    params = cos_str_trim(params);

    if (params.len < 3 || (params.data[0] | 0x20) != 'q'
        || params.data[1] != '=' || params.data[2] != '0')
    {
        return 0;
    }

    for (i = 3; i < params.len; i++) {
        if (params.data[i] != '.' && params.data[i] != '0') {
            return 0;
        }
    }

    return 1;
}


int
cos_accepts_coding(cos_str_t header, cos_str_t coding)
{
    int        any;
    cos_u8    *p, *q, *end, *semi;
    cos_str_t  name, params;

    if (header.len == 0) {
        return 0;
    }

    any = 0;
    end = header.data + header.len;

    for (p = header.data; p < end; p = q + 1) {

        q = memchr(p, ',', end - p);
        if (q == NULL) {
            q = end;
        }

        semi = memchr(p, ';', q - p);
        name.data = p;
        name.len = (semi ? semi : q) - p;
        name = cos_str_trim(name);
        params = semi ? (cos_str_t) { q - semi - 1, semi + 1 } : nothing;

        if (cos_str_ieq(name, coding)) {
            return !is_zero(params);
        }

        if (cos_str_is(name, "*")) {
            any = !is_zero(params);
        }
    }

    return any;
}
