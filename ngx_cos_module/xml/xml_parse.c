/*
 * xml: documents that clients send. libxml2 is used for what it is best at,
 * telling whether a document is well-formed and decoding its text; the limits
 * are our own (xml_scan.c). Entities are never expanded and nothing is ever
 * loaded. Elements are known by their local names: clients send them with and
 * without namespaces, in any order.
 */

#include <libxml/parser.h>

#include "xml.h"

static cos_err_e read_object(cos_xml_delete_t *item, cos_dialect_e d,
    const xmlNode *object, cos_alloc_t *a);
static int is_condition(const xmlNode *node);
static cos_err_e read_quiet(int *quiet, const xmlNode *node, cos_alloc_t *a);
static cos_err_e read_part(cos_xml_part_t *part, const xmlNode *node,
    cos_alloc_t *a);
static cos_err_e read_part_child(cos_xml_part_t *part, const xmlNode *node,
    cos_alloc_t *a);
static cos_sum_e sum_of_name(const xmlNode *node);
static size_t count(const xmlNode *root, const char *name);


static const cos_xml_limits_t  delete_limits = {
    COS_XML_DELETE_SIZE, 16 * COS_DELETE_MAX
};

/* parts hold up to six elements, more when they come from a listing */
static const cos_xml_limits_t  complete_limits = {
    COS_XML_COMPLETE_SIZE, 20 * COS_PARTS_MAX
};

static const cos_xml_limits_t  small_limits = { COS_XML_SMALL_SIZE, 4096 };


/* --- trees ---------------------------------------------------------------- */

cos_err_e
cos_xml_read(xmlDoc **doc, cos_str_t text, const char *root,
    const cos_xml_limits_t *limits)
{
    cos_err_e       err;
    xmlParserCtxt  *ctxt;

    err = cos_xml_scan(text, limits);
    if (err != COS_OK) {
        return err;
    }

    ctxt = xmlNewParserCtxt();
    if (ctxt == NULL) {
        return COS_E_INTERNAL;
    }

    *doc = xmlCtxtReadMemory(ctxt, (const char *) text.data, (int) text.len,
                             NULL, NULL,
                             XML_PARSE_NONET | XML_PARSE_NOERROR
                             | XML_PARSE_NOWARNING);

    err = ctxt->errNo == XML_ERR_NO_MEMORY ? COS_E_INTERNAL
                                           : COS_E_MALFORMED_XML;
    xmlFreeParserCtxt(ctxt);

    if (*doc == NULL) {
        return err;
    }

    if ((*doc)->intSubset != NULL || (*doc)->extSubset != NULL
        || !cos_xml_is(xmlDocGetRootElement(*doc), root))
    {
        xmlFreeDoc(*doc);
        return COS_E_MALFORMED_XML;
    }

    return COS_OK;
}


int
cos_xml_is(const xmlNode *node, const char *name)
{
    return node != NULL && node->type == XML_ELEMENT_NODE
           && strcmp((const char *) node->name, name) == 0;
}


xmlNode *
cos_xml_first(const xmlNode *node)
{
    xmlNode  *child;

    child = node->children;

    while (child != NULL && child->type != XML_ELEMENT_NODE) {
        child = child->next;
    }

    return child;
}


xmlNode *
cos_xml_next(const xmlNode *node)
{
    xmlNode  *next;

    next = node->next;

    while (next != NULL && next->type != XML_ELEMENT_NODE) {
        next = next->next;
    }

    return next;
}


static size_t
count(const xmlNode *root, const char *name)
{
    size_t    n;
    xmlNode  *node;

    n = 0;

    for (node = cos_xml_first(root); node != NULL; node = cos_xml_next(node)) {
        n += cos_xml_is(node, name);
    }

    return n;
}


cos_err_e
cos_xml_content(cos_str_t *s, const xmlNode *node, cos_alloc_t *a)
{
    size_t          n, len;
    const xmlNode  *child;

    len = 0;

    for (child = node->children; child != NULL; child = child->next) {

        if (child->type == XML_TEXT_NODE
            || child->type == XML_CDATA_SECTION_NODE)
        {
            len += strlen((const char *) child->content);

        } else if (child->type != XML_COMMENT_NODE
                   && child->type != XML_PI_NODE)
        {
            return COS_E_MALFORMED_XML;
        }
    }

    s->data = cos_alloc(a, len + 1);
    if (s->data == NULL) {
        return COS_E_INTERNAL;
    }

    s->len = 0;

    for (child = node->children; child != NULL; child = child->next) {

        if (child->type == XML_TEXT_NODE
            || child->type == XML_CDATA_SECTION_NODE)
        {
            n = strlen((const char *) child->content);
            memcpy(s->data + s->len, child->content, n);
            s->len += n;
        }
    }

    s->data[s->len] = '\0';

    return COS_OK;
}


static int
is_space(cos_u8 c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}


cos_err_e
cos_xml_token(cos_str_t *s, const xmlNode *node, cos_alloc_t *a)
{
    cos_err_e  err;

    err = cos_xml_content(s, node, a);
    if (err != COS_OK) {
        return err;
    }

    while (s->len > 0 && is_space(s->data[s->len - 1])) {
        s->len--;
    }

    while (s->len > 0 && is_space(s->data[0])) {
        s->data++;
        s->len--;
    }

    return COS_OK;
}


/* --- Delete --------------------------------------------------------------- */

cos_err_e
cos_xml_parse_delete(cos_dialect_e d, cos_str_t text, cos_xml_delete_t **v,
    size_t *n, int *quiet, cos_alloc_t *a)
{
    size_t      max;
    xmlDoc     *doc;
    xmlNode    *root, *node;
    cos_err_e   err;

    *n = 0;
    *quiet = 0;

    if (d == COS_DIALECT_BOS) {
        return cos_bos_parse_delete(text, v, n, quiet, a);
    }

    err = cos_xml_read(&doc, text, "Delete", &delete_limits);
    if (err != COS_OK) {
        return err;
    }

    root = xmlDocGetRootElement(doc);
    max = count(root, "Object");

    if (max == 0 || max > COS_DELETE_MAX) {
        xmlFreeDoc(doc);
        return COS_E_MALFORMED_XML;
    }

    *v = cos_zalloc(a, max * sizeof(cos_xml_delete_t));
    if (*v == NULL) {
        err = COS_E_INTERNAL;
    }

    for (node = cos_xml_first(root);
         node != NULL && err == COS_OK;
         node = cos_xml_next(node))
    {
        if (cos_xml_is(node, "Object")) {
            err = read_object(&(*v)[(*n)++], d, node, a);

        } else if (cos_xml_is(node, "Quiet")) {
            err = read_quiet(quiet, node, a);

        } else {
            err = COS_E_MALFORMED_XML;
        }
    }

    xmlFreeDoc(doc);

    return err;
}


/* White space belongs to a key. */
static cos_err_e
read_object(cos_xml_delete_t *item, cos_dialect_e d, const xmlNode *object,
    cos_alloc_t *a)
{
    xmlNode    *node;
    cos_err_e   err;

    err = COS_OK;

    for (node = cos_xml_first(object);
         node != NULL && err == COS_OK;
         node = cos_xml_next(node))
    {
        if (cos_xml_is(node, "Key") && item->key.data == NULL) {
            err = cos_xml_content(&item->key, node, a);

        } else if (cos_xml_is(node, "VersionId")
                   && item->version.data == NULL)
        {
            err = cos_xml_token(&item->version, node, a);

        } else if (cos_xml_is(node, "Key") || cos_xml_is(node, "VersionId")) {
            err = COS_E_MALFORMED_XML;

        } else if (d == COS_DIALECT_S3 && is_condition(node)) {
            /* must not be deleted without having been looked at */
            err = COS_E_NOT_IMPLEMENTED;
        }

        /* others: COS clients pass on whole entries of listings */
    }

    if (err == COS_OK && item->key.len == 0) {
        err = COS_E_MALFORMED_XML;
    }

    return err;
}


static int
is_condition(const xmlNode *node)
{
    return cos_xml_is(node, "ETag") || cos_xml_is(node, "Size")
           || cos_xml_is(node, "LastModifiedTime");
}


static cos_err_e
read_quiet(int *quiet, const xmlNode *node, cos_alloc_t *a)
{
    cos_err_e  err;
    cos_str_t  s;

    err = cos_xml_token(&s, node, a);
    if (err != COS_OK) {
        return err;
    }

    *quiet = cos_str_iis(s, "true") || cos_str_is(s, "1");

    if (*quiet || cos_str_iis(s, "false") || cos_str_is(s, "0") || s.len == 0)
    {
        return COS_OK;
    }

    return COS_E_MALFORMED_XML;
}


/* --- CompleteMultipartUpload ---------------------------------------------- */

cos_err_e
cos_xml_parse_complete(cos_dialect_e d, cos_str_t text, cos_xml_part_t **v,
    size_t *n, cos_alloc_t *a)
{
    size_t      max;
    xmlDoc     *doc;
    xmlNode    *root, *node;
    uint64_t    last;
    cos_err_e   err;

    *n = 0;

    if (d == COS_DIALECT_BOS) {
        return cos_bos_parse_complete(text, v, n, a);
    }

    err = cos_xml_read(&doc, text, "CompleteMultipartUpload",
                       &complete_limits);
    if (err != COS_OK) {
        return err;
    }

    root = xmlDocGetRootElement(doc);
    max = count(root, "Part");
    last = 0;

    *v = cos_zalloc(a, max * sizeof(cos_xml_part_t));

    if (max == 0) {
        err = COS_E_MALFORMED_XML;

    } else if (*v == NULL) {
        err = COS_E_INTERNAL;
    }

    for (node = cos_xml_first(root);
         node != NULL && err == COS_OK;
         node = cos_xml_next(node))
    {
        if (!cos_xml_is(node, "Part")) {
            err = COS_E_MALFORMED_XML;
            break;
        }

        err = read_part(&(*v)[*n], node, a);

        if (err == COS_OK) {
            err = cos_xml_part_order((*v)[*n].number, last);
            last = (*v)[(*n)++].number;
        }
    }

    xmlFreeDoc(doc);

    return err;
}


/* Either of the two must be there, once. */
static cos_err_e
read_part(cos_xml_part_t *part, const xmlNode *node, cos_alloc_t *a)
{
    xmlNode    *child;
    unsigned    numbers, etags;
    cos_err_e   err;

    numbers = 0;
    etags = 0;

    for (child = cos_xml_first(node);
         child != NULL;
         child = cos_xml_next(child))
    {
        err = read_part_child(part, child, a);
        if (err != COS_OK) {
            return err;
        }

        numbers += cos_xml_is(child, "PartNumber");
        etags += cos_xml_is(child, "ETag");
    }

    return numbers == 1 && etags == 1 && part->etag.len > 0
           ? COS_OK : COS_E_MALFORMED_XML;
}


static cos_err_e
read_part_child(cos_xml_part_t *part, const xmlNode *node, cos_alloc_t *a)
{
    cos_err_e  err;
    cos_sum_e  sum;
    cos_str_t  s;

    sum = sum_of_name(node);

    if (sum == COS_SUM_NONE && !cos_xml_is(node, "PartNumber")
        && !cos_xml_is(node, "ETag"))
    {
        /* Size and LastModified: clients pass on entries of ListParts */
        return COS_OK;
    }

    err = cos_xml_token(&s, node, a);
    if (err != COS_OK) {
        return err;
    }

    if (cos_xml_is(node, "ETag")) {
        part->etag = cos_xml_unquote(s);
        return COS_OK;
    }

    if (sum != COS_SUM_NONE) {
        if (part->sum_type != COS_SUM_NONE) {
            return COS_E_MALFORMED_XML;
        }

        part->sum_type = sum;
        part->sum = s;
        return COS_OK;
    }

    return cos_str_uint(s, &part->number) == 0 ? COS_OK : COS_E_MALFORMED_XML;
}


/* ChecksumCRC32 and so on. */
static cos_sum_e
sum_of_name(const xmlNode *node)
{
    int          i;
    const char  *name;

    name = (const char *) node->name;

    if (strncmp(name, "Checksum", 8) != 0) {
        return COS_SUM_NONE;
    }

    for (i = COS_SUM_NONE + 1; i < COS_SUM_MAX; i++) {
        if (strcmp(name + 8, cos_sum_name((cos_sum_e) i)) == 0) {
            return (cos_sum_e) i;
        }
    }

    return COS_SUM_NONE;
}


cos_err_e
cos_xml_part_order(uint64_t n, uint64_t last)
{
    if (n < 1 || n > COS_PARTS_MAX) {
        return COS_E_INVALID_PART_NUMBER;
    }

    return n > last ? COS_OK : COS_E_INVALID_PART_ORDER;
}


cos_str_t
cos_xml_unquote(cos_str_t s)
{
    if (s.len >= 2 && s.data[0] == '"' && s.data[s.len - 1] == '"') {
        s.data++;
        s.len -= 2;
    }

    return s;
}


/* --- CreateBucketConfiguration -------------------------------------------- */

/* Other elements describe storage that this server has only one kind of. */
cos_err_e
cos_xml_parse_create_bucket(cos_str_t text, cos_str_t *region, cos_alloc_t *a)
{
    xmlDoc     *doc;
    xmlNode    *node;
    cos_err_e   err;

    *region = (cos_str_t) { 0, NULL };

    if (text.len == 0) {
        return COS_OK;
    }

    if (cos_bos_is_json(text)) {
        return cos_bos_parse_create_bucket(text, region, a);
    }

    err = cos_xml_read(&doc, text, "CreateBucketConfiguration",
                       &small_limits);
    if (err != COS_OK) {
        return err;
    }

    for (node = cos_xml_first(xmlDocGetRootElement(doc));
         node != NULL && err == COS_OK;
         node = cos_xml_next(node))
    {
        if (cos_xml_is(node, "LocationConstraint")) {
            err = region->data == NULL ? cos_xml_token(region, node, a)
                                       : COS_E_MALFORMED_XML;

        } else if (cos_xml_is(node, "Tags")) {
            /* they would be missed later */
            err = COS_E_NOT_IMPLEMENTED;
        }
    }

    xmlFreeDoc(doc);

    return err;
}
