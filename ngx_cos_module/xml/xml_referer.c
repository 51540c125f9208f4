/*
 * xml: the hotlink protection of a bucket (cos-api.md 3.12 and 8).
 */

#include "xml.h"
#include "cos_xml_rules.h"

typedef struct {
    cos_str_t  status, type, empty, verify;
} words_t;

static cos_err_e read_child(cos_referer_doc_t *doc, words_t *w,
    const xmlNode *node, cos_alloc_t *a);
static cos_err_e read_domains(cos_strs_t *s, const xmlNode *list,
    cos_alloc_t *a);
static cos_err_e read_word(cos_str_t *s, const xmlNode *node, cos_alloc_t *a);
static int one_of(cos_str_t s, const char *yes, const char *no);
static cos_err_e check(cos_referer_doc_t *doc, const words_t *w,
    const char **why);


static const cos_xml_limits_t  limits = { COS_XML_SMALL_SIZE, 4096 };


cos_err_e
cos_xml_parse_referer(cos_str_t text, cos_referer_doc_t *doc,
    const char **why, cos_alloc_t *a)
{
    xmlDoc     *tree;
    xmlNode    *node;
    words_t     w;
    cos_err_e   err;

    memset(doc, 0, sizeof(*doc));
    memset(&w, 0, sizeof(w));
    *why = NULL;

    err = cos_xml_read(&tree, text, "RefererConfiguration", &limits);
    if (err != COS_OK) {
        return err;
    }

    for (node = cos_xml_first(xmlDocGetRootElement(tree));
         node != NULL && err == COS_OK;
         node = cos_xml_next(node))
    {
        err = read_child(doc, &w, node, a);
    }

    xmlFreeDoc(tree);

    return err == COS_OK ? check(doc, &w, why) : err;
}


static cos_err_e
read_child(cos_referer_doc_t *doc, words_t *w, const xmlNode *node,
    cos_alloc_t *a)
{
    size_t  i;
    struct {
        const char  *name;
        cos_str_t   *word;
    } words[] = {
        { "Status", &w->status },
        { "RefererType", &w->type },
        { "EmptyReferConfiguration", &w->empty },
        { "VerifySignatureURL", &w->verify },
    };

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (cos_xml_is(node, words[i].name)) {
            return read_word(words[i].word, node, a);
        }
    }

    if (!cos_xml_is(node, "DomainList")) {
        return COS_OK;
    }

    return doc->domains.v == NULL ? read_domains(&doc->domains, node, a)
                                  : COS_E_MALFORMED_XML;
}


static cos_err_e
read_word(cos_str_t *s, const xmlNode *node, cos_alloc_t *a)
{
    return s->data == NULL ? cos_xml_token(s, node, a) : COS_E_MALFORMED_XML;
}


/* Empty ones are lines of a form that nobody has filled in. */
static cos_err_e
read_domains(cos_strs_t *s, const xmlNode *list, cos_alloc_t *a)
{
    size_t      max;
    xmlNode    *node;
    cos_err_e   err;

    max = 0;

    for (node = cos_xml_first(list); node; node = cos_xml_next(node)) {
        max++;
    }

    s->v = cos_zalloc(a, (max + 1) * sizeof(cos_str_t));
    if (s->v == NULL) {
        return COS_E_INTERNAL;
    }

    for (node = cos_xml_first(list); node; node = cos_xml_next(node)) {

        if (!cos_xml_is(node, "Domain")) {
            return COS_E_MALFORMED_XML;
        }

        err = cos_xml_token(&s->v[s->n], node, a);
        if (err != COS_OK) {
            return err;
        }

        s->n += s->v[s->n].len > 0;
    }

    return COS_OK;
}


/* 1, 0, or -1 for neither. */
static int
one_of(cos_str_t s, const char *yes, const char *no)
{
    return cos_str_iis(s, yes) ? 1 : cos_str_iis(s, no) ? 0 : -1;
}


static cos_err_e
check(cos_referer_doc_t *doc, const words_t *w, const char **why)
{
    int     enabled, black, empty, verify;
    size_t  i;

    enabled = one_of(w->status, "Enabled", "Disabled");
    black = one_of(w->type, "Black-List", "White-List");
    empty = w->empty.len > 0 ? one_of(w->empty, "Allow", "Deny") : 0;
    verify = w->verify.len > 0 ? one_of(w->verify, "Enabled", "Disabled") : 0;

    if (enabled < 0 || empty < 0 || verify < 0
        || (black < 0 && (enabled || w->type.len > 0))
        || (enabled && doc->domains.n == 0))
    {
        return COS_E_MALFORMED_XML;
    }

    if (doc->domains.n > COS_REFERER_MAX) {
        *why = "at most 30 domains can be listed";
        return COS_E_INVALID_ARGUMENT;
    }

    for (i = 0; i < doc->domains.n; i++) {
        *why = cos_referer_check(doc->domains.v[i]);

        if (*why != NULL) {
            return COS_E_INVALID_ARGUMENT;
        }
    }

    doc->enabled = enabled;
    doc->black = black > 0;
    doc->empty = empty;
    doc->has_verify = w->verify.len > 0;
    doc->verify = verify;

    return COS_OK;
}


const char *
cos_referer_check(cos_str_t s)
{
    size_t  i;

    static const cos_str_t  schemes[] = {
        cos_lit("http://"), cos_lit("https://")
    };

    if (s.len == 0) {
        return "a domain is empty";
    }

    for (i = 0; i < s.len; i++) {
        if (s.data[i] <= ' ' || s.data[i] == 0x7f) {
            return "a domain has a space or a control character in it";
        }
    }

    for (i = 0; i < 2; i++) {
        if (s.len >= schemes[i].len
            && cos_str_ieq((cos_str_t) { schemes[i].len, s.data },
                           schemes[i]))
        {
            s.data += schemes[i].len;
            s.len -= schemes[i].len;
            break;
        }
    }

    if (s.len == 0 || strchr("/:?#", s.data[0]) != NULL) {
        return "a domain has no host";
    }

    if (s.len == 1
        || (s.data[0] == '*' && s.len > 2 && s.data[1] == '.'
            && strchr(".:/?#", s.data[2]) == NULL))
    {
        s.data++;
        s.len--;
    }

    return memchr(s.data, '*', s.len) != NULL
           ? "the wildcard * stands alone or is the first label of a domain"
           : NULL;
}


void
cos_xml_referer(cos_buf_t *b, cos_dialect_e d, const cos_referer_doc_t *doc)
{
    size_t  i;

    cos_xml_root(b, d, "RefererConfiguration");
    cos_xml_elem_cstr(b, "Status", doc->enabled ? "Enabled" : "Disabled");
    cos_xml_elem_cstr(b, "RefererType", doc->black ? "Black-List"
                                                   : "White-List");
    cos_xml_open(b, "DomainList");

    for (i = 0; i < doc->domains.n; i++) {
        cos_xml_elem(b, "Domain", doc->domains.v[i]);
    }

    cos_xml_close(b, "DomainList");
    cos_xml_elem_cstr(b, "EmptyReferConfiguration", doc->empty ? "Allow"
                                                               : "Deny");

    if (doc->has_verify) {
        cos_xml_elem_cstr(b, "VerifySignatureURL", doc->verify ? "Enabled"
                                                               : "Disabled");
    }

    cos_xml_close(b, "RefererConfiguration");
}
