/*
 * xml: the domains of a bucket (cos-api.md 3.23), and how URLs under them are
 * signed.
 */

#include "xml.h"
#include "cos_attr.h"
#include "cos_xml_domain.h"

typedef struct {
    cos_str_t  status, name, type, forced, origin;
    int        url;
} words_t;

static cos_err_e read_rule(cos_domain_t *d, const xmlNode *rule,
    const char **why, cos_alloc_t *a);
static cos_err_e read_url(cos_cdn_rule_t *r, const xmlNode *list,
    cos_alloc_t *a);
static cos_err_e check_rule(cos_domain_t *d, const words_t *w,
    const char **why);
static int is_twice(const cos_domains_t *d);


static const cos_xml_limits_t  limits = { COS_XML_SMALL_SIZE, 4096 };

static const struct {
    const char         *name;
    cos_domain_type_e   type;
} types[] = {
    { "REST", COS_DOMAIN_REST },
    { "WEBSITE", COS_DOMAIN_WEBSITE },
    { "CDN", COS_DOMAIN_CDN },
};

static const char *const  url_types[] = {
    "Off", "TypeA", "TypeB", "TypeC", "TypeD"
};

static const char *const  files[] = { "All", "Only", "Except" };


/* --- signed URLs ------------------------------------------------------------ */

void
cos_cdn_rule_init(cos_cdn_rule_t *r)
{
    memset(r, 0, sizeof(*r));
    r->param = COS_STR("sign");
    r->time_param = COS_STR("t");
    r->ttl = COS_CDN_TTL;
}


int
cos_cdn_type_parse(cos_str_t s)
{
    if (s.len == 5
        && cos_str_ieq((cos_str_t) { 4, s.data }, COS_STR("Type")))
    {
        s.data += 4;
        s.len = 1;
    }

    if (s.len != 1 || (s.data[0] | 0x20) < 'a' || (s.data[0] | 0x20) > 'd') {
        return -1;
    }

    return COS_CDN_A + (s.data[0] | 0x20) - 'a';
}


static int
is_word(cos_str_t s, const char *more)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        if (!((s.data[i] >= '0' && s.data[i] <= '9')
              || ((s.data[i] | 0x20) >= 'a' && (s.data[i] | 0x20) <= 'z')
              || (s.data[i] != '\0' && strchr(more, s.data[i]) != NULL)))
        {
            return 0;
        }
    }

    return s.len > 0;
}


static int
is_key(cos_str_t s)
{
    return s.len >= COS_CDN_KEY_MIN && s.len <= COS_CDN_KEY_MAX
           && is_word(s, "");
}


static const char *
check_lists(const cos_cdn_rule_t *r)
{
    size_t  i;

    if ((r->files == COS_CDN_ALL) != (r->suffixes.n == 0)) {
        return "suffixes are there with \"only\" or \"except\", and only then";
    }

    if (r->suffixes.n > COS_CDN_LIST_MAX || r->paths.n > COS_CDN_LIST_MAX) {
        return "at most 50 suffixes and 50 paths can be listed";
    }

    for (i = 0; i < r->suffixes.n; i++) {
        if (r->suffixes.v[i].len > COS_CDN_NAME_MAX
            || !is_word(r->suffixes.v[i], "_-"))
        {
            return "a suffix is of letters and digits, without the dot";
        }
    }

    for (i = 0; i < r->paths.n; i++) {
        if (r->paths.v[i].len == 0 || r->paths.v[i].data[0] != '/') {
            return "a path begins with a slash";
        }
    }

    return NULL;
}


const char *
cos_cdn_rule_check(const cos_cdn_rule_t *r)
{
    if (r->type == COS_CDN_OFF) {
        return "the type of signed URLs is A, B, C or D";
    }

    if (!is_key(r->key) || (r->key2.len > 0 && !is_key(r->key2))) {
        return "a key for signed URLs is 6 to 40 letters and digits";
    }

    if (r->param.len > COS_CDN_NAME_MAX || !is_word(r->param, "_-")
        || r->time_param.len > COS_CDN_NAME_MAX
        || !is_word(r->time_param, "_-")
        || (r->type == COS_CDN_D && cos_str_eq(r->param, r->time_param)))
    {
        return "the parameters of signed URLs are two names of at most 64 "
               "letters, digits, \"_\" and \"-\"";
    }

    if (r->ttl == 0 || r->ttl > COS_CDN_TTL_MAX) {
        return "signed URLs are valid for 1 to 630720000 seconds";
    }

    return check_lists(r);
}


/* --- domains ---------------------------------------------------------------- */

int
cos_domain_valid(cos_str_t s)
{
    int     c, before, digits;
    size_t  i, label, labels;

    if (s.len == 0 || s.len > COS_DOMAIN_LEN_MAX) {
        return 0;
    }

    before = '.';
    digits = 0;

    for (i = 0, label = 0, labels = 1; i < s.len; i++) {
        c = s.data[i];

        if (c == '.') {
            if (before == '.' || before == '-') {
                return 0;
            }

            label = 0;
            digits = 1;
            labels++;

        } else if (++label > 63 || (c == '-' && before == '.')
                   || !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
                        || c == '-'))
        {
            return 0;

        } else if (c < '0' || c > '9') {
            digits = 0;
        }

        before = c;
    }

    /* no top level is a number, IPv4 addresses end with one */
    return before != '.' && before != '-' && labels > 1 && !digits;
}


cos_err_e
cos_xml_parse_domains(cos_str_t text, cos_domains_t *d, const char **why,
    cos_alloc_t *a)
{
    size_t      n;
    xmlDoc     *tree;
    xmlNode    *node;
    cos_err_e   err;

    memset(d, 0, sizeof(*d));
    *why = NULL;

    err = cos_xml_read(&tree, text, "DomainConfiguration", &limits);
    if (err != COS_OK) {
        return err;
    }

    for (n = 0, node = cos_xml_first(xmlDocGetRootElement(tree)); node != NULL;
         node = cos_xml_next(node))
    {
        n += cos_xml_is(node, "DomainRule");
    }

    if (n == 0) {
        err = COS_E_MALFORMED_XML;

    } else if (n > COS_DOMAINS_MAX) {
        *why = "at most 20 domains can be bound to a bucket";
        err = COS_E_INVALID_ARGUMENT;

    } else {
        d->v = cos_zalloc(a, n * sizeof(cos_domain_t));
        err = d->v == NULL ? COS_E_INTERNAL : COS_OK;
    }

    for (node = cos_xml_first(xmlDocGetRootElement(tree));
         node != NULL && err == COS_OK;
         node = cos_xml_next(node))
    {
        if (cos_xml_is(node, "DomainRule")) {
            err = read_rule(&d->v[d->n++], node, why, a);
        }
    }

    xmlFreeDoc(tree);

    if (err == COS_OK && is_twice(d)) {
        *why = "a domain is there twice";
        err = COS_E_INVALID_ARGUMENT;
    }

    return err;
}


static int
is_twice(const cos_domains_t *d)
{
    size_t  i, j;

    for (i = 0; i < d->n; i++) {
        for (j = 0; j < i; j++) {
            if (cos_str_eq(d->v[i].name, d->v[j].name)) {
                return 1;
            }
        }
    }

    return 0;
}


static cos_err_e
read_rule(cos_domain_t *d, const xmlNode *rule, const char **why,
    cos_alloc_t *a)
{
    size_t      i;
    words_t     w;
    xmlNode    *node;
    cos_err_e   err;
    struct {
        const char  *name;
        cos_str_t   *word;
    } words[] = {
        { "Status", &w.status },
        { "Name", &w.name },
        { "Type", &w.type },
        { "ForcedReplacement", &w.forced },
        { "OriginAuthentication", &w.origin },
    };

    memset(&w, 0, sizeof(w));
    cos_cdn_rule_init(&d->url);
    err = COS_OK;

    for (node = cos_xml_first(rule); node != NULL && err == COS_OK;
         node = cos_xml_next(node))
    {
        for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
            if (cos_xml_is(node, words[i].name)) {
                err = words[i].word->data == NULL
                      ? cos_xml_token(words[i].word, node, a)
                      : COS_E_MALFORMED_XML;
            }
        }

        if (cos_xml_is(node, "UrlAuthentication")) {
            err = w.url++ ? COS_E_MALFORMED_XML : read_url(&d->url, node, a);
        }
    }

    return err == COS_OK ? check_rule(d, &w, why) : err;
}


static cos_err_e
check_rule(cos_domain_t *d, const words_t *w, const char **why)
{
    size_t  i, n;

    for (i = 0; i < w->name.len; i++) {
        if (w->name.data[i] >= 'A' && w->name.data[i] <= 'Z') {
            w->name.data[i] |= 0x20;
        }
    }

    if (cos_str_is(w->type, "ACCELERATE")) {
        *why = "global acceleration is not implemented";
        return COS_E_NOT_IMPLEMENTED;
    }

    n = sizeof(types) / sizeof(types[0]);

    for (i = 0; i < n && !cos_str_is(w->type, types[i].name); i++) {
        /* void */
    }

    if (i == n
        || !(cos_str_is(w->status, "ENABLED")
             || cos_str_is(w->status, "DISABLED"))
        || !(w->forced.len == 0 || cos_str_is(w->forced, "CNAME")
             || cos_str_is(w->forced, "TXT"))
        || !(w->origin.len == 0 || cos_str_is(w->origin, "Enabled")
             || cos_str_is(w->origin, "Disabled")))
    {
        return COS_E_MALFORMED_XML;
    }

    d->name = w->name;
    d->type = types[i].type;
    d->enabled = cos_str_is(w->status, "ENABLED");
    d->origin_auth = cos_str_is(w->origin, "Enabled");

    if (!cos_domain_valid(d->name)) {
        *why = "a domain is no domain name";

    } else if (d->type != COS_DOMAIN_CDN && (w->url || w->origin.len > 0)) {
        *why = "only domains of type CDN have an authentication of their own";

    } else if (w->url) {
        *why = cos_cdn_rule_check(&d->url);
    }

    return *why == NULL ? COS_OK : COS_E_INVALID_ARGUMENT;
}


/* One more of a list. */
static cos_err_e
push(cos_strs_t *s, const xmlNode *node, cos_alloc_t *a)
{
    if (s->v == NULL) {
        s->v = cos_zalloc(a, (COS_CDN_LIST_MAX + 1) * sizeof(cos_str_t));
        if (s->v == NULL) {
            return COS_E_INTERNAL;
        }
    }

    if (s->n > COS_CDN_LIST_MAX) {
        return COS_E_MALFORMED_XML;
    }

    return cos_xml_token(&s->v[s->n++], node, a);
}


/* The place of a word in a table; -1: none. */
static int
place(cos_str_t s, const char *const *table, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (cos_str_is(s, table[i])) {
            return (int) i;
        }
    }

    return -1;
}


static cos_err_e
read_url_word(cos_cdn_rule_t *r, const char *name, cos_str_t s)
{
    int  n;

    if (strcmp(name, "Type") == 0) {
        n = cos_cdn_type_parse(s);
        r->type = n < 0 ? COS_CDN_OFF : (cos_cdn_type_e) n;

    } else if (strcmp(name, "Expires") == 0) {
        n = cos_str_uint(s, &r->ttl);

    } else if (strcmp(name, "TimeFormat") == 0) {
        n = cos_str_is(s, "decimal") ? 0 : cos_str_is(s, "hex") ? 1 : -1;
        r->hex = n > 0;

    } else if (strcmp(name, "Order") == 0) {
        n = cos_str_is(s, "key-uri-time") ? 0
            : cos_str_is(s, "key-time-uri") ? 1 : -1;
        r->time_first = n > 0;

    } else {
        n = place(s, files, 3);
        r->files = n < 0 ? COS_CDN_ALL : (cos_cdn_files_e) n;
    }

    return n < 0 ? COS_E_MALFORMED_XML : COS_OK;
}


static cos_err_e
read_url_child(cos_cdn_rule_t *r, const xmlNode *node, cos_alloc_t *a)
{
    size_t     i;
    cos_str_t  s;
    cos_err_e  err;
    struct {
        const char  *name;
        cos_str_t   *word;
    } texts[] = {
        { "Key", &r->key },
        { "BackupKey", &r->key2 },
        { "Parameter", &r->param },
        { "TimeParameter", &r->time_param },
    };
    static const char *const  words[] = {
        "Type", "Expires", "TimeFormat", "Order", "Files"
    };

    if (cos_xml_is(node, "Suffix")) {
        return push(&r->suffixes, node, a);
    }

    if (cos_xml_is(node, "Path")) {
        return push(&r->paths, node, a);
    }

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (cos_xml_is(node, texts[i].name)) {
            return cos_xml_token(texts[i].word, node, a);
        }
    }

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (cos_xml_is(node, words[i])) {
            err = cos_xml_token(&s, node, a);
            return err == COS_OK ? read_url_word(r, words[i], s) : err;
        }
    }

    /* a limit that nobody understands must not be kept as if it were none */
    return COS_E_MALFORMED_XML;
}


static cos_err_e
read_url(cos_cdn_rule_t *r, const xmlNode *list, cos_alloc_t *a)
{
    xmlNode    *node;
    cos_err_e   err;

    for (node = cos_xml_first(list), err = COS_OK;
         node != NULL && err == COS_OK;
         node = cos_xml_next(node))
    {
        err = read_url_child(r, node, a);
    }

    return err;
}


/* --- writing ---------------------------------------------------------------- */

static void
write_url(cos_buf_t *b, const cos_cdn_rule_t *r)
{
    size_t  i;

    cos_xml_open(b, "UrlAuthentication");
    cos_xml_elem_cstr(b, "Type", url_types[r->type]);
    cos_xml_elem(b, "Key", r->key);

    if (r->key2.len > 0) {
        cos_xml_elem(b, "BackupKey", r->key2);
    }

    cos_xml_elem(b, "Parameter", r->param);
    cos_xml_elem(b, "TimeParameter", r->time_param);
    cos_xml_elem_cstr(b, "TimeFormat", r->hex ? "hex" : "decimal");
    cos_xml_elem_cstr(b, "Order", r->time_first ? "key-time-uri"
                                                : "key-uri-time");
    cos_xml_elem_uint(b, "Expires", r->ttl);
    cos_xml_elem_cstr(b, "Files", files[r->files]);

    for (i = 0; i < r->suffixes.n; i++) {
        cos_xml_elem(b, "Suffix", r->suffixes.v[i]);
    }

    for (i = 0; i < r->paths.n; i++) {
        cos_xml_elem(b, "Path", r->paths.v[i]);
    }

    cos_xml_close(b, "UrlAuthentication");
}


void
cos_xml_domains(cos_buf_t *b, cos_dialect_e dialect, const cos_domains_t *d)
{
    size_t               i;
    const cos_domain_t  *r;

    cos_xml_root(b, dialect, "DomainConfiguration");

    for (i = 0; d != NULL && i < d->n; i++) {
        r = &d->v[i];

        cos_xml_open(b, "DomainRule");
        cos_xml_elem_cstr(b, "Status", r->enabled ? "ENABLED" : "DISABLED");
        cos_xml_elem(b, "Name", r->name);
        cos_xml_elem_cstr(b, "Type", types[r->type].name);

        if (r->type == COS_DOMAIN_CDN) {
            cos_xml_elem_cstr(b, "OriginAuthentication",
                              r->origin_auth ? "Enabled" : "Disabled");
        }

        if (r->url.type != COS_CDN_OFF) {
            write_url(b, &r->url);
        }

        cos_xml_close(b, "DomainRule");
    }

    cos_xml_close(b, "DomainConfiguration");
}


/* --- kept ------------------------------------------------------------------- */

int
cos_domains_keep(cos_str_t *kept, const cos_domains_t *d, cos_str_t text,
    cos_alloc_t *a)
{
    size_t     i;
    cos_buf_t  b;

    cos_buf_init(&b, a, text.len + 64 * d->n);

    for (i = 0; i < d->n; i++) {
        cos_buf_str(&b, d->v[i].name);
        cos_buf_char(&b, i + 1 < d->n ? ' ' : '\n');
    }

    cos_buf_str(&b, text);
    *kept = (cos_str_t) { b.len, b.data };

    return b.err ? -1 : 0;
}


void *
cos_domains_load(cos_str_t kept, cos_alloc_t *a)
{
    size_t          n;
    cos_str_t       text;
    const char     *why;
    cos_domains_t  *d;

    /* the line ends with a line feed, which must not stand before a prolog */
    n = cos_bucket_domains(kept).len + 1;
    if (n == 1 || n > kept.len) {
        return NULL;
    }

    text = (cos_str_t) { kept.len - n, kept.data + n };
    d = cos_zalloc(a, sizeof(cos_domains_t));

    if (d == NULL || cos_xml_parse_domains(text, d, &why, a) != COS_OK) {
        return NULL;
    }

    return d;
}


const cos_domain_t *
cos_domain_find(const cos_domains_t *d, cos_str_t name)
{
    size_t  i;

    for (i = 0; i < d->n; i++) {
        if (cos_str_eq(d->v[i].name, name)) {
            return &d->v[i];
        }
    }

    return NULL;
}
