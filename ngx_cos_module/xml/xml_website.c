/*
 * xml: website configurations. COS and S3 have grown the same document apart:
 * each element is marked with who knows it, and what both know but mean
 * differently is left to the reader of the struct.
 *
 * KeyPrefix is ours, in both: the folder of the bucket whose content is the
 * site, so that a new release is put in its place by one request.
 */

#include "xml.h"
#include "cos_website.h"

#define COS   (1 << COS_DIALECT_COS)
#define S3    (1 << COS_DIALECT_S3)
#define BOTH  (COS | S3)

#define KEY_MAX     1024
#define SUFFIX_MAX  255
#define PREFIX_MAX  512               /* of KeyPrefix: keys go behind it */
#define HOST_MAX    255

typedef struct {
    unsigned        dialect;          /* one of the bits */
    cos_alloc_t    *alloc;
    cos_website_t  *site;
    const char    **why;
} reader_t;

typedef cos_err_e (*read_pt)(reader_t *r, void *to, const xmlNode *node);

/* What may stand in an element, each once. */
typedef struct {
    const char  *name;
    unsigned     dialects;
    read_pt      read;
} element_t;

static cos_err_e read_rule(reader_t *r, cos_website_rule_t *rule,
    const xmlNode *node);
static cos_err_e check_rule(reader_t *r, const cos_website_rule_t *rule);
static cos_err_e check_site(reader_t *r);


static const cos_xml_limits_t  limits = { COS_WEBSITE_SIZE, 8192 };


/* --- values --------------------------------------------------------------- */

static cos_err_e
invalid(reader_t *r, const char *why)
{
    *r->why = why;

    return COS_E_INVALID_ARGUMENT;
}


/* A key or the beginning of one: white space belongs to it. */
static cos_err_e
read_key(reader_t *r, cos_str_t *to, const xmlNode *node)
{
    cos_err_e  err;

    err = cos_xml_content(to, node, r->alloc);

    return err == COS_OK && to->len > KEY_MAX
           ? invalid(r, "a key is longer than keys can be") : err;
}


static cos_err_e
read_switch(reader_t *r, cos_switch_e *to, const xmlNode *node)
{
    cos_str_t  s;
    cos_err_e  err;

    err = cos_xml_token(&s, node, r->alloc);
    if (err != COS_OK) {
        return err;
    }

    *to = cos_str_is(s, "Enabled") ? COS_SWITCH_ON
          : cos_str_is(s, "Disabled") ? COS_SWITCH_OFF : COS_SWITCH_UNSET;

    return *to == COS_SWITCH_UNSET ? COS_E_MALFORMED_XML : COS_OK;
}


static cos_err_e
read_scheme(reader_t *r, cos_scheme_e *to, const xmlNode *node)
{
    cos_str_t  s;
    cos_err_e  err;

    err = cos_xml_token(&s, node, r->alloc);
    if (err != COS_OK) {
        return err;
    }

    if (cos_str_iis(s, "https")) {
        *to = COS_SCHEME_HTTPS;
        return COS_OK;
    }

    if (cos_str_iis(s, "http") && r->dialect == S3) {
        *to = COS_SCHEME_HTTP;
        return COS_OK;
    }

    return invalid(r, r->dialect == S3
                      ? "Invalid protocol, protocol can be http or https"
                      : "Protocol can be https only");
}


/* A name or address, with a port if need be: it becomes part of a URL. */
static cos_err_e
read_host(reader_t *r, cos_str_t *to, const xmlNode *node)
{
    size_t     i;
    cos_u8     c;
    cos_err_e  err;

    err = cos_xml_token(to, node, r->alloc);
    if (err != COS_OK) {
        return err;
    }

    for (i = 0; i < to->len; i++) {
        c = to->data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_'
              || c == ':' || c == '[' || c == ']'))
        {
            break;
        }
    }

    return to->len == 0 || to->len > HOST_MAX || i < to->len
           ? invalid(r, "HostName is no host name") : COS_OK;
}


static cos_err_e
read_number(reader_t *r, unsigned *to, const xmlNode *node, unsigned min,
    unsigned max, const char *why)
{
    uint64_t   n;
    cos_str_t  s;
    cos_err_e  err;

    err = cos_xml_token(&s, node, r->alloc);
    if (err != COS_OK) {
        return err;
    }

    if (cos_str_uint(s, &n) != 0 || n < min || n > max) {
        return invalid(r, why);
    }

    *to = (unsigned) n;

    return COS_OK;
}


/* Reads the children of node into what the elements say of to. */
static cos_err_e
read_children(reader_t *r, void *to, const xmlNode *node,
    const element_t *list, size_t n)
{
    size_t      i;
    xmlNode    *child;
    unsigned    seen;
    cos_err_e   err;

    seen = 0;

    for (child = cos_xml_first(node); child; child = cos_xml_next(child)) {

        for (i = 0; i < n; i++) {
            if (cos_xml_is(child, list[i].name)
                && (list[i].dialects & r->dialect))
            {
                break;
            }
        }

        if (i == n || (seen & (1u << i))) {
            return COS_E_MALFORMED_XML;
        }

        seen |= 1u << i;

        err = list[i].read(r, to, child);
        if (err != COS_OK) {
            return err;
        }
    }

    return COS_OK;
}

#define CHILDREN(list)  (list), sizeof(list) / sizeof((list)[0])


/* --- rules ---------------------------------------------------------------- */

static cos_err_e
rule_code(reader_t *r, void *to, const xmlNode *node)
{
    cos_website_rule_t  *rule = to;

    return read_number(r, &rule->code, node, 400,
                       r->dialect == S3 ? 599 : 499,
                       r->dialect == S3
                       ? "The provided HTTP error code is not valid. Valid "
                         "codes are 4XX or 5XX."
                       : "HttpErrorCodeReturnedEquals must be a 4xx code");
}


static cos_err_e
rule_prefix(reader_t *r, void *to, const xmlNode *node)
{
    cos_website_rule_t  *rule = to;

    rule->has_prefix = 1;

    return read_key(r, &rule->prefix, node);
}


static cos_err_e
rule_scheme(reader_t *r, void *to, const xmlNode *node)
{
    return read_scheme(r, &((cos_website_rule_t *) to)->scheme, node);
}


static cos_err_e
rule_host(reader_t *r, void *to, const xmlNode *node)
{
    return read_host(r, &((cos_website_rule_t *) to)->host, node);
}


static cos_err_e
rule_status(reader_t *r, void *to, const xmlNode *node)
{
    cos_err_e            err;
    cos_website_rule_t  *rule = to;
    static const char    why[] = "The provided HTTP redirect code is not "
                                 "valid. Valid codes are 301, 302, 303, 307 "
                                 "and 308.";

    err = read_number(r, &rule->status, node, 301, 308, why);

    if (err == COS_OK && rule->status >= 304 && rule->status <= 306) {
        err = invalid(r, why);
    }

    return err;
}


static cos_err_e
rule_with(reader_t *r, cos_website_rule_t *rule, const xmlNode *node,
    cos_replace_e how)
{
    if (rule->how != COS_REPLACE_NONE) {
        return COS_E_MALFORMED_XML;
    }

    rule->how = how;

    return read_key(r, &rule->with, node);
}


static cos_err_e
rule_key(reader_t *r, void *to, const xmlNode *node)
{
    return rule_with(r, to, node, COS_REPLACE_KEY);
}


static cos_err_e
rule_key_prefix(reader_t *r, void *to, const xmlNode *node)
{
    return rule_with(r, to, node, COS_REPLACE_PREFIX);
}


static cos_err_e
rule_url(reader_t *r, void *to, const xmlNode *node)
{
    return read_switch(r, &((cos_website_rule_t *) to)->url, node);
}


static cos_err_e
rule_condition(reader_t *r, void *to, const xmlNode *node)
{
    cos_website_rule_t      *rule = to;
    cos_err_e                err;
    static const element_t   list[] = {
        { "HttpErrorCodeReturnedEquals", BOTH, rule_code },
        { "KeyPrefixEquals", BOTH, rule_prefix },
    };

    err = read_children(r, to, node, CHILDREN(list));

    if (err == COS_OK && rule->code == 0 && !rule->has_prefix) {
        err = COS_E_MALFORMED_XML;
    }

    return err;
}


static cos_err_e
rule_redirect(reader_t *r, void *to, const xmlNode *node)
{
    static const element_t  list[] = {
        { "Protocol", BOTH, rule_scheme },
        { "HostName", S3, rule_host },
        { "HttpRedirectCode", S3, rule_status },
        { "ReplaceKeyWith", BOTH, rule_key },
        { "ReplaceKeyPrefixWith", BOTH, rule_key_prefix },
        { "URLRedirect", COS, rule_url },
    };

    return read_children(r, to, node, CHILDREN(list));
}


static cos_err_e
read_rule(reader_t *r, cos_website_rule_t *rule, const xmlNode *node)
{
    cos_err_e               err;
    static const element_t  list[] = {
        { "Condition", BOTH, rule_condition },
        { "Redirect", BOTH, rule_redirect },
    };

    err = read_children(r, rule, node, CHILDREN(list));

    return err == COS_OK ? check_rule(r, rule) : err;
}


static cos_err_e
check_rule(reader_t *r, const cos_website_rule_t *rule)
{
    if (r->dialect == COS) {
        if ((rule->code != 0) == rule->has_prefix
            || rule->how == COS_REPLACE_NONE)
        {
            return COS_E_MALFORMED_XML;
        }

    } else if (rule->how == COS_REPLACE_NONE && rule->host.len == 0
               && rule->scheme == COS_SCHEME_SAME && rule->status == 0)
    {
        return COS_E_MALFORMED_XML;
    }

    if (rule->how == COS_REPLACE_KEY && rule->with.len == 0) {
        return invalid(r, "ReplaceKeyWith is empty");
    }

    if (r->dialect == COS && rule->how == COS_REPLACE_PREFIX
        && !rule->has_prefix)
    {
        return invalid(r, "ReplaceKeyPrefixWith needs KeyPrefixEquals");
    }

    return COS_OK;
}


/* --- the whole ------------------------------------------------------------ */

static cos_err_e
site_suffix(reader_t *r, void *to, const xmlNode *node)
{
    cos_err_e       err;
    cos_website_t  *w = to;

    err = cos_xml_content(&w->index, node, r->alloc);

    if (err == COS_OK
        && (w->index.len == 0 || w->index.len > SUFFIX_MAX
            || memchr(w->index.data, '/', w->index.len)))
    {
        err = invalid(r, "The IndexDocument Suffix is not well formed");
    }

    return err;
}


static cos_err_e
site_index(reader_t *r, void *to, const xmlNode *node)
{
    cos_website_t           *w = to;
    cos_err_e                err;
    static const element_t   list[] = { { "Suffix", BOTH, site_suffix } };

    err = read_children(r, to, node, CHILDREN(list));

    return err == COS_OK && w->index.len == 0
           ? invalid(r, "A value for IndexDocument Suffix must be provided")
           : err;
}


static cos_err_e
all_host(reader_t *r, void *to, const xmlNode *node)
{
    return read_host(r, &((cos_website_t *) to)->all_host, node);
}


static cos_err_e
all_scheme(reader_t *r, void *to, const xmlNode *node)
{
    return read_scheme(r, &((cos_website_t *) to)->all_scheme, node);
}


static cos_err_e
site_all(reader_t *r, void *to, const xmlNode *node)
{
    cos_website_t           *w = to;
    cos_err_e                err;
    static const element_t   list[] = {
        { "HostName", S3, all_host },
        { "Protocol", BOTH, all_scheme },
    };

    err = read_children(r, to, node, CHILDREN(list));

    if (err == COS_OK && (r->dialect == S3 ? w->all_host.len == 0
                          : w->all_scheme == COS_SCHEME_SAME))
    {
        err = COS_E_MALFORMED_XML;
    }

    return err;
}


static cos_err_e
auto_status(reader_t *r, void *to, const xmlNode *node)
{
    return read_switch(r, &((cos_website_t *) to)->auto_html, node);
}


static cos_err_e
site_auto(reader_t *r, void *to, const xmlNode *node)
{
    cos_website_t           *w = to;
    cos_err_e                err;
    static const element_t   list[] = { { "Status", BOTH, auto_status } };

    err = read_children(r, to, node, CHILDREN(list));

    return err == COS_OK && w->auto_html == COS_SWITCH_UNSET
           ? COS_E_MALFORMED_XML : err;
}


static cos_err_e
error_key(reader_t *r, void *to, const xmlNode *node)
{
    return read_key(r, &((cos_website_t *) to)->error_key, node);
}


static cos_err_e
error_charity(reader_t *r, void *to, const xmlNode *node)
{
    return read_switch(r, &((cos_website_t *) to)->charity, node);
}


static cos_err_e
error_original(reader_t *r, void *to, const xmlNode *node)
{
    return read_switch(r, &((cos_website_t *) to)->original, node);
}


static cos_err_e
site_error(reader_t *r, void *to, const xmlNode *node)
{
    cos_website_t           *w = to;
    cos_err_e                err;
    static const element_t   list[] = {
        { "Key", BOTH, error_key },
        { "Charity404", COS, error_charity },
        { "OriginalHttpStatus", COS, error_original },
    };

    err = read_children(r, to, node, CHILDREN(list));

    return err == COS_OK && w->error_key.len == 0 ? COS_E_MALFORMED_XML : err;
}


static cos_err_e
site_rules(reader_t *r, void *to, const xmlNode *node)
{
    xmlNode        *child;
    cos_err_e       err;
    cos_website_t  *w = to;

    for (child = cos_xml_first(node); child; child = cos_xml_next(child)) {
        if (!cos_xml_is(child, "RoutingRule")) {
            return COS_E_MALFORMED_XML;
        }

        w->nrules++;
    }

    if (w->nrules == 0) {
        return COS_E_MALFORMED_XML;
    }

    if (w->nrules > COS_WEBSITE_RULES_MAX) {
        return invalid(r, "the number of routing rules in a website "
                          "configuration is limited to 100");
    }

    w->rules = cos_zalloc(r->alloc, w->nrules * sizeof(cos_website_rule_t));
    if (w->rules == NULL) {
        return COS_E_INTERNAL;
    }

    w->nrules = 0;

    for (child = cos_xml_first(node); child; child = cos_xml_next(child)) {
        err = read_rule(r, &w->rules[w->nrules++], child);
        if (err != COS_OK) {
            return err;
        }
    }

    return COS_OK;
}


static cos_err_e
site_release(reader_t *r, void *to, const xmlNode *node)
{
    cos_err_e   err;
    cos_str_t  *s = &((cos_website_t *) to)->release;

    err = cos_xml_content(s, node, r->alloc);

    return err == COS_OK
           && (s->len == 0 || s->len > PREFIX_MAX
               || s->data[s->len - 1] != '/')
           ? invalid(r, "KeyPrefix must end with a slash") : err;
}


cos_err_e
cos_xml_parse_website(cos_dialect_e d, cos_str_t text, cos_website_t *w,
    const char **why, cos_alloc_t *a)
{
    xmlDoc                  *doc;
    reader_t                 r;
    cos_err_e                err;
    static const element_t   list[] = {
        { "IndexDocument", BOTH, site_index },
        { "RedirectAllRequestsTo", BOTH, site_all },
        { "AutoAddressing", COS, site_auto },
        { "ErrorDocument", BOTH, site_error },
        { "RoutingRules", BOTH, site_rules },
        { "KeyPrefix", BOTH, site_release },
    };

    memset(w, 0, sizeof(*w));
    w->dialect = d;
    *why = NULL;

    r.dialect = 1u << d;
    r.alloc = a;
    r.site = w;
    r.why = why;

    err = cos_xml_read(&doc, text, "WebsiteConfiguration", &limits);
    if (err != COS_OK) {
        return err;
    }

    err = read_children(&r, w, xmlDocGetRootElement(doc), CHILDREN(list));
    xmlFreeDoc(doc);

    if (err == COS_OK) {
        err = check_site(&r);
    }

    return err == COS_OK && cos_website_index(w, a) != 0 ? COS_E_INTERNAL
                                                         : err;
}


int
cos_website_is_switch(const cos_website_t *w)
{
    return w->release.len > 0 && w->index.len == 0 && w->all_host.len == 0
           && w->all_scheme == COS_SCHEME_SAME && w->error_key.len == 0
           && w->auto_html == COS_SWITCH_UNSET && w->nrules == 0;
}


static cos_err_e
check_site(reader_t *r)
{
    cos_website_t  *w = r->site;

    if (w->all_host.len > 0) {
        return w->index.len > 0 || w->error_key.len > 0 || w->nrules > 0
               || w->release.len > 0
               ? invalid(r, "RedirectAllRequestsTo cannot be provided in "
                            "conjunction with other elements") : COS_OK;
    }

    if (cos_website_is_switch(w)) {
        return COS_OK;
    }

    return w->index.len == 0
           ? invalid(r, "A value for IndexDocument Suffix must be provided if "
                        "RedirectAllRequestsTo is empty") : COS_OK;
}


/* --- writing -------------------------------------------------------------- */

static void
write_switch(cos_buf_t *b, const char *name, cos_switch_e s)
{
    if (s != COS_SWITCH_UNSET) {
        cos_xml_elem_cstr(b, name, s == COS_SWITCH_ON ? "Enabled"
                                                      : "Disabled");
    }
}


static void
write_scheme(cos_buf_t *b, cos_scheme_e s)
{
    if (s != COS_SCHEME_SAME) {
        cos_xml_elem_cstr(b, "Protocol", s == COS_SCHEME_HTTPS ? "https"
                                                               : "http");
    }
}


static void
write_text(cos_buf_t *b, const char *name, cos_str_t s)
{
    if (s.len > 0) {
        cos_xml_elem(b, name, s);
    }
}


static void
write_rule(cos_buf_t *b, const cos_website_rule_t *rule)
{
    cos_xml_open(b, "RoutingRule");

    if (rule->code != 0 || rule->has_prefix) {
        cos_xml_open(b, "Condition");

        if (rule->code != 0) {
            cos_xml_elem_uint(b, "HttpErrorCodeReturnedEquals", rule->code);
        }

        if (rule->has_prefix) {
            cos_xml_elem(b, "KeyPrefixEquals", rule->prefix);
        }

        cos_xml_close(b, "Condition");
    }

    cos_xml_open(b, "Redirect");
    write_scheme(b, rule->scheme);
    write_text(b, "HostName", rule->host);

    if (rule->status != 0) {
        cos_xml_elem_uint(b, "HttpRedirectCode", rule->status);
    }

    if (rule->how != COS_REPLACE_NONE) {
        cos_xml_elem(b, rule->how == COS_REPLACE_KEY ? "ReplaceKeyWith"
                        : "ReplaceKeyPrefixWith", rule->with);
    }

    write_switch(b, "URLRedirect", rule->url);
    cos_xml_close(b, "Redirect");
    cos_xml_close(b, "RoutingRule");
}


void
cos_xml_website(cos_buf_t *b, cos_dialect_e d, const cos_website_t *w)
{
    size_t  i;

    cos_xml_root(b, d, "WebsiteConfiguration");

    if (w->index.len > 0) {
        cos_xml_open(b, "IndexDocument");
        cos_xml_elem(b, "Suffix", w->index);
        cos_xml_close(b, "IndexDocument");
    }

    if (w->all_host.len > 0 || w->all_scheme != COS_SCHEME_SAME) {
        cos_xml_open(b, "RedirectAllRequestsTo");
        write_text(b, "HostName", w->all_host);
        write_scheme(b, w->all_scheme);
        cos_xml_close(b, "RedirectAllRequestsTo");
    }

    if (w->auto_html != COS_SWITCH_UNSET) {
        cos_xml_open(b, "AutoAddressing");
        write_switch(b, "Status", w->auto_html);
        cos_xml_close(b, "AutoAddressing");
    }

    if (w->error_key.len > 0) {
        cos_xml_open(b, "ErrorDocument");
        cos_xml_elem(b, "Key", w->error_key);
        write_switch(b, "Charity404", w->charity);
        write_switch(b, "OriginalHttpStatus", w->original);
        cos_xml_close(b, "ErrorDocument");
    }

    if (w->nrules > 0) {
        cos_xml_open(b, "RoutingRules");

        for (i = 0; i < w->nrules; i++) {
            write_rule(b, &w->rules[i]);
        }

        cos_xml_close(b, "RoutingRules");
    }

    write_text(b, "KeyPrefix", w->release);
    cos_xml_close(b, "WebsiteConfiguration");
}


/* --- kept ----------------------------------------------------------------- */

static const char  letters[] = { [COS_DIALECT_COS] = 'c', [COS_DIALECT_S3] = 's' };


int
cos_website_keep(cos_str_t *kept, cos_dialect_e d, cos_str_t text,
    cos_alloc_t *a)
{
    kept->len = text.len + 1;
    kept->data = cos_alloc(a, kept->len);
    if (kept->data == NULL) {
        return -1;
    }

    kept->data[0] = (cos_u8) letters[d];
    memcpy(kept->data + 1, text.data, text.len);

    return 0;
}


void *
cos_website_compile(cos_str_t kept, cos_alloc_t *a)
{
    cos_str_t       text;
    const char     *why;
    cos_dialect_e   d;
    cos_website_t  *w;

    w = cos_alloc(a, sizeof(cos_website_t));

    if (w == NULL || kept.len < 2
        || (kept.data[0] != 'c' && kept.data[0] != 's'))
    {
        return NULL;
    }

    d = kept.data[0] == 'c' ? COS_DIALECT_COS : COS_DIALECT_S3;
    text.data = kept.data + 1;
    text.len = kept.len - 1;

    return cos_xml_parse_website(d, text, w, &why, a) == COS_OK
           && !cos_website_is_switch(w) ? w : NULL;
}
