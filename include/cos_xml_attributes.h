/*
 * xml: what S3's GetObjectAttributes asks for and answers.
 */

#ifndef COS_XML_ATTRIBUTES_H
#define COS_XML_ATTRIBUTES_H

#include "cos_err.h"
#include "cos_name.h"
#include "cos_record.h"

#pragma GCC visibility push(hidden)

#define COS_ATTR_ETAG      1
#define COS_ATTR_CHECKSUM  2
#define COS_ATTR_PARTS     4
#define COS_ATTR_CLASS     8
#define COS_ATTR_SIZE      16

typedef struct {
    cos_dialect_e        dialect;
    unsigned             want;        /* COS_ATTR_* */
    const cos_object_t  *object;      /* with its segments */
    uint64_t             marker;      /* parts behind this one */
    uint64_t             max_parts;
} cos_xml_attributes_t;

/* Adds what a value of x-amz-object-attributes names, a list with commas, to
 * *want. COS_E_INVALID_ARGUMENT for an attribute that does not exist. */
cos_err_e cos_attributes_parse(cos_str_t list, unsigned *want);
/* The document. */
void cos_xml_attributes(cos_buf_t *b, const cos_xml_attributes_t *l);

#pragma GCC visibility pop

#endif
