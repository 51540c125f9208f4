/*
 * xml: the CORS configuration of a bucket (cos-api.md 3.11; S3 API,
 * PutBucketCors). Elements stand in any order: every client has its own.
 */

#include "xml.h"
#include "cos_xml_rules.h"

static cos_err_e read_rule(cos_cors_rule_t *r, const xmlNode *node,
    cos_alloc_t *a);
static cos_err_e read_list(cos_strs_t *s, const xmlNode *rule,
    const char *name, cos_alloc_t *a);
static cos_err_e read_age(cos_cors_rule_t *r, const xmlNode *node,
    cos_alloc_t *a);
static cos_err_e read_vary(cos_cors_doc_t *doc, const xmlNode *node,
    cos_alloc_t *a);


/* as many of the shortest elements as the size allows */
static const cos_xml_limits_t  limits = { COS_XML_SMALL_SIZE, 8192 };

const cos_str_t  cos_cors_methods[COS_CORS_METHODS] = {
    cos_lit("GET"), cos_lit("HEAD"), cos_lit("PUT"), cos_lit("POST"),
    cos_lit("DELETE")
};

static const char *const  lists[] = {
    "AllowedOrigin", "AllowedMethod", "AllowedHeader", "ExposeHeader"
};


cos_err_e
cos_xml_parse_cors(cos_str_t text, cos_cors_doc_t *doc, const char **why,
    cos_alloc_t *a)
{
    size_t      max;
    xmlDoc     *tree;
    xmlNode    *root, *node;
    cos_err_e   err;

    memset(doc, 0, sizeof(*doc));
    *why = NULL;

    err = cos_xml_read(&tree, text, "CORSConfiguration", &limits);
    if (err != COS_OK) {
        return err;
    }

    root = xmlDocGetRootElement(tree);
    max = 0;

    for (node = cos_xml_first(root); node; node = cos_xml_next(node)) {
        max += cos_xml_is(node, "CORSRule");
    }

    doc->rules = cos_zalloc(a, (max + 1) * sizeof(cos_cors_rule_t));

    err = doc->rules == NULL ? COS_E_INTERNAL
          : max == 0 || max > COS_CORS_RULES_MAX ? COS_E_MALFORMED_XML
          : COS_OK;

    for (node = cos_xml_first(root);
         node != NULL && err == COS_OK;
         node = cos_xml_next(node))
    {
        if (cos_xml_is(node, "ResponseVary")) {
            err = read_vary(doc, node, a);
            continue;
        }

        if (!cos_xml_is(node, "CORSRule")) {
            err = COS_E_MALFORMED_XML;
            break;
        }

        err = read_rule(&doc->rules[doc->n], node, a);

        if (err == COS_OK) {
            err = cos_cors_check(&doc->rules[doc->n++], why);
        }
    }

    xmlFreeDoc(tree);

    return err;
}


static cos_err_e
read_rule(cos_cors_rule_t *r, const xmlNode *rule, cos_alloc_t *a)
{
    size_t       i;
    xmlNode     *node;
    cos_err_e    err;
    cos_strs_t  *list[] = { &r->origins, &r->methods, &r->headers,
                            &r->expose };

    r->credentials = 1;
    err = COS_OK;

    for (i = 0; i < 4 && err == COS_OK; i++) {
        err = read_list(list[i], rule, lists[i], a);
    }

    for (node = cos_xml_first(rule);
         node != NULL && err == COS_OK;
         node = cos_xml_next(node))
    {
        if (cos_xml_is(node, "ID") && r->id.data == NULL) {
            err = cos_xml_token(&r->id, node, a);

        } else if (cos_xml_is(node, "MaxAgeSeconds") && !r->has_max_age) {
            err = read_age(r, node, a);

        } else {
            for (i = 0; i < 4 && !cos_xml_is(node, lists[i]); i++) {
                /* void */
            }

            err = i == 4 ? COS_E_MALFORMED_XML : COS_OK;
        }
    }

    return err;
}


static cos_err_e
read_list(cos_strs_t *s, const xmlNode *rule, const char *name, cos_alloc_t *a)
{
    size_t      max;
    xmlNode    *node;
    cos_err_e   err;

    max = 0;

    for (node = cos_xml_first(rule); node; node = cos_xml_next(node)) {
        max += cos_xml_is(node, name);
    }

    s->v = cos_zalloc(a, (max + 1) * sizeof(cos_str_t));
    if (s->v == NULL) {
        return COS_E_INTERNAL;
    }

    for (node = cos_xml_first(rule); node; node = cos_xml_next(node)) {

        if (!cos_xml_is(node, name)) {
            continue;
        }

        err = cos_xml_token(&s->v[s->n], node, a);
        if (err != COS_OK) {
            return err;
        }

        /* of origins and methods the check says what an empty one is */
        s->n += s->v[s->n].len > 0 || name == lists[0] || name == lists[1];
    }

    return COS_OK;
}


static cos_err_e
read_age(cos_cors_rule_t *r, const xmlNode *node, cos_alloc_t *a)
{
    uint64_t   n;
    cos_err_e  err;
    cos_str_t  s;

    err = cos_xml_token(&s, node, a);
    if (err != COS_OK) {
        return err;
    }

    if (cos_str_uint(s, &n) != 0 || n > INT32_MAX) {
        return COS_E_MALFORMED_XML;
    }

    r->max_age = (uint32_t) n;
    r->has_max_age = 1;

    return COS_OK;
}


static cos_err_e
read_vary(cos_cors_doc_t *doc, const xmlNode *node, cos_alloc_t *a)
{
    cos_err_e  err;
    cos_str_t  s;

    err = cos_xml_token(&s, node, a);
    if (err != COS_OK) {
        return err;
    }

    doc->vary = cos_str_iis(s, "true");

    if (doc->has_vary || (!doc->vary && !cos_str_iis(s, "false"))) {
        return COS_E_MALFORMED_XML;
    }

    doc->has_vary = 1;

    return COS_OK;
}


/* --- what a rule may say ----------------------------------------------------- */

static int
stars(cos_str_t s)
{
    int     n;
    size_t  i;

    for (i = 0, n = 0; i < s.len; i++) {
        n += s.data[i] == '*';
    }

    return n;
}


/* No controls and no spaces; letters of any language. */
static int
is_origin(cos_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        if (s.data[i] <= ' ' || s.data[i] == 0x7f) {
            return 0;
        }
    }

    return s.len > 0;
}


/* A token (RFC 9110 5.6.2): the '*' of patterns is of its characters. */
static int
is_header(cos_str_t s)
{
    size_t  i;
    cos_u8  c;

    for (i = 0; i < s.len; i++) {
        c = s.data[i];

        if ((c < '0' || c > '9') && ((c | 0x20) < 'a' || (c | 0x20) > 'z')
            && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL))
        {
            return 0;
        }
    }

    return s.len > 0;
}


static int
is_method(cos_str_t s)
{
    size_t  i;

    for (i = 0; i < COS_CORS_METHODS; i++) {
        if (cos_str_eq(s, cos_cors_methods[i])) {
            return 1;
        }
    }

    return 0;
}


cos_err_e
cos_cors_check(const cos_cors_rule_t *r, const char **why)
{
    size_t  i;

    if (r->origins.n == 0 || r->methods.n == 0 || r->id.len > COS_CORS_ID_MAX)
    {
        return COS_E_MALFORMED_XML;
    }

    for (i = 0; i < r->methods.n; i++) {
        if (!is_method(r->methods.v[i])) {
            *why = "found an unsupported HTTP method in the CORS "
                   "configuration: GET, HEAD, PUT, POST and DELETE can be "
                   "allowed";
            return COS_E_INVALID_REQUEST;
        }
    }

    for (i = 0; i < r->origins.n; i++) {
        if (!is_origin(r->origins.v[i])) {
            return COS_E_MALFORMED_XML;
        }

        if (stars(r->origins.v[i]) > 1) {
            *why = "an AllowedOrigin can not have more than one wildcard";
            return COS_E_INVALID_REQUEST;
        }
    }

    for (i = 0; i < r->headers.n; i++) {
        if (!is_header(r->headers.v[i])) {
            return COS_E_MALFORMED_XML;
        }

        if (stars(r->headers.v[i]) > 1) {
            *why = "an AllowedHeader can not have more than one wildcard";
            return COS_E_INVALID_REQUEST;
        }
    }

    for (i = 0; i < r->expose.n; i++) {
        if (!is_header(r->expose.v[i])) {
            return COS_E_MALFORMED_XML;
        }

        if (stars(r->expose.v[i]) > 0) {
            *why = "an ExposeHeader can not have a wildcard";
            return COS_E_INVALID_REQUEST;
        }
    }

    return COS_OK;
}


/* --- writing ------------------------------------------------------------------ */

static void
write_list(cos_buf_t *b, const char *name, const cos_strs_t *s)
{
    size_t  i;

    for (i = 0; i < s->n; i++) {
        cos_xml_elem(b, name, s->v[i]);
    }
}


void
cos_xml_cors(cos_buf_t *b, cos_dialect_e d, const cos_cors_doc_t *doc)
{
    size_t                  i;
    const cos_cors_rule_t  *r;

    cos_xml_root(b, d, "CORSConfiguration");

    for (i = 0; i < doc->n; i++) {
        r = &doc->rules[i];
        cos_xml_open(b, "CORSRule");

        if (r->id.len > 0) {
            cos_xml_elem(b, "ID", r->id);
        }

        write_list(b, lists[0], &r->origins);
        write_list(b, lists[1], &r->methods);
        write_list(b, lists[2], &r->headers);

        if (r->has_max_age) {
            cos_xml_elem_uint(b, "MaxAgeSeconds", r->max_age);
        }

        write_list(b, lists[3], &r->expose);
        cos_xml_close(b, "CORSRule");
    }

    if (doc->has_vary && d == COS_DIALECT_COS) {
        cos_xml_elem_bool(b, "ResponseVary", doc->vary);
    }

    cos_xml_close(b, "CORSConfiguration");
}
