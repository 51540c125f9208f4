/*
 * xml, inside the room: the pieces that documents are written from, and the
 * trees that they are read from.
 *
 * A BOS document is JSON; the public functions hand that dialect on to the
 * cos_bos_* functions here, one for each document.
 */

#ifndef COS_XML_LOCAL_H
#define COS_XML_LOCAL_H

#include <jansson.h>
#include <libxml/tree.h>

#include "cos_xml.h"

#pragma GCC visibility push(hidden)


/* --- writing XML ---------------------------------------------------------- */

/* Prolog and opening tag of the root, with S3's namespace in that dialect. */
void cos_xml_root(cos_buf_t *b, cos_dialect_e d, const char *root);
void cos_xml_open(cos_buf_t *b, const char *name);
void cos_xml_close(cos_buf_t *b, const char *name);

/* <name>escaped text</name> */
void cos_xml_elem(cos_buf_t *b, const char *name, cos_str_t s);
void cos_xml_elem_cstr(cos_buf_t *b, const char *name, const char *s);
void cos_xml_elem_uint(cos_buf_t *b, const char *name, uint64_t n);
void cos_xml_elem_bool(cos_buf_t *b, const char *name, int yes);
/* A key or prefix, percent-encoded when the client asked for that. */
void cos_xml_elem_key(cos_buf_t *b, const char *name, cos_str_t s, int url);
/* Milliseconds since 1970; with_msec: "…49.000Z". */
void cos_xml_elem_date(cos_buf_t *b, const char *name, int64_t msec,
    int with_msec);
/* <ETag>&quot;...&quot;</ETag> */
void cos_xml_elem_etag(cos_buf_t *b, const cos_object_t *o);
/* <Checksum...>base64</Checksum...>, when the object has one */
void cos_xml_elem_sum(cos_buf_t *b, const cos_object_t *o);
/* COMPOSITE or FULL_OBJECT, when the object has a checksum */
void cos_xml_elem_sum_type(cos_buf_t *b, const cos_object_t *o);
/* <name><ID>..</ID><DisplayName>uid</DisplayName></name> */
void cos_xml_elem_owner(cos_buf_t *b, cos_dialect_e d, const char *name,
    int listing, uint64_t uid);
void cos_xml_prefixes(cos_buf_t *b, const cos_str_t *v, size_t n, int url);

/* Length of the character of two to four bytes at p; 0 when there is none: not
 * UTF-8 in its shortest form, or no character of XML (surrogates, U+FFFE). */
size_t cos_xml_char_len(const cos_u8 *p, const cos_u8 *end);

/* The digits and the composite suffix of a checksum, base64. */
void cos_xml_sum_text(cos_buf_t *b, const cos_object_t *o);


/* --- writing JSON --------------------------------------------------------- */

/* A JSON string, quotes included; what is no UTF-8 becomes U+FFFD. */
void cos_bos_string(cos_buf_t *b, cos_str_t s);
/* "name": with the comma that what stands before it wants */
void cos_bos_name(cos_buf_t *b, const char *name);
void cos_bos_str(cos_buf_t *b, const char *name, cos_str_t s);
void cos_bos_cstr(cos_buf_t *b, const char *name, const char *s);
void cos_bos_key(cos_buf_t *b, const char *name, cos_str_t s, int url);
void cos_bos_uint(cos_buf_t *b, const char *name, uint64_t n);
void cos_bos_bool(cos_buf_t *b, const char *name, int yes);
void cos_bos_date(cos_buf_t *b, const char *name, int64_t msec);
void cos_bos_etag(cos_buf_t *b, const cos_object_t *o);
void cos_bos_owner(cos_buf_t *b, const char *name, uint64_t uid);
/* The '{' of the next entry of an array. */
void cos_bos_item(cos_buf_t *b);
void cos_bos_prefixes(cos_buf_t *b, const cos_str_t *v, size_t n, int url);

void cos_bos_error(cos_buf_t *b, const cos_xml_error_t *e, const char *code,
    const char *message);
void cos_bos_buckets(cos_buf_t *b, uint64_t owner, cos_str_t owner_name,
    const cos_xml_bucket_t *v, size_t n, cos_str_t marker, cos_str_t next,
    int truncated);
void cos_bos_location(cos_buf_t *b, cos_str_t region);
void cos_bos_acl(cos_buf_t *b, uint64_t owner, const cos_acl_list_t *l);
int cos_bos_listing(cos_buf_t *b, const cos_xml_listing_t *l);
int cos_bos_uploads(cos_buf_t *b, const cos_xml_uploads_t *l, cos_alloc_t *a);
int cos_bos_parts(cos_buf_t *b, const cos_xml_parts_t *l);
void cos_bos_initiate(cos_buf_t *b, cos_str_t bucket, cos_str_t key,
    cos_str_t upload);
void cos_bos_complete(cos_buf_t *b, cos_str_t location, cos_str_t bucket,
    cos_str_t key, const cos_object_t *o);
void cos_bos_copy(cos_buf_t *b, const cos_object_t *o);
void cos_bos_delete_result(cos_buf_t *b, const cos_xml_delete_t *v, size_t n);


/* --- reading -------------------------------------------------------------- */

typedef struct {
    size_t    size;                   /* of the text */
    size_t    pieces;                 /* tags, attributes, comments */
} cos_xml_limits_t;

/*
 * Refuses, before libxml2 sees it, what is too large, has too many pieces
 * or too long tags, is nested too deep, declares a document type or another
 * encoding than UTF-8. COS_E_XML_TOO_LARGE, COS_E_MALFORMED_XML.
 */
cos_err_e cos_xml_scan(cos_str_t text, const cos_xml_limits_t *limits);

/* Parses; the root must have that name. Free with xmlFreeDoc. */
cos_err_e cos_xml_read(xmlDoc **doc, cos_str_t text, const char *root,
    const cos_xml_limits_t *limits);
/* Whether that is an element of that local name. */
int cos_xml_is(const xmlNode *node, const char *name);
/* First and next element among children / siblings. */
xmlNode *cos_xml_first(const xmlNode *node);
xmlNode *cos_xml_next(const xmlNode *node);
/* The text of an element, from a. COS_E_MALFORMED_XML when it has elements in
 * it; COS_E_INTERNAL. */
cos_err_e cos_xml_content(cos_str_t *s, const xmlNode *node, cos_alloc_t *a);
/* The same without white space around it. */
cos_err_e cos_xml_token(cos_str_t *s, const xmlNode *node, cos_alloc_t *a);
/* An ETag without its quotes, if it has them. */
cos_str_t cos_xml_unquote(cos_str_t s);
/* Whether part n may follow part last (0: none): COS_E_INVALID_PART_NUMBER,
 * COS_E_INVALID_PART_ORDER. */
cos_err_e cos_xml_part_order(uint64_t n, uint64_t last);

/* Parsers without a dialect: XML cannot begin with '{'. */
int cos_bos_is_json(cos_str_t text);
cos_err_e cos_bos_parse_delete(cos_str_t text, cos_xml_delete_t **v,
    size_t *n, int *quiet, cos_alloc_t *a);
cos_err_e cos_bos_parse_complete(cos_str_t text, cos_xml_part_t **v,
    size_t *n, cos_alloc_t *a);
cos_err_e cos_bos_parse_acl(cos_str_t text, cos_acl_list_t *l,
    cos_alloc_t *a);
cos_err_e cos_bos_parse_create_bucket(cos_str_t text, cos_str_t *region,
    cos_alloc_t *a);

#pragma GCC visibility pop

#endif
