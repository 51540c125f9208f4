/*
 * xml: documents of a bucket's configurations, and tag sets. Parsers read
 * strictly: an element that is not known, is there twice or holds what it may
 * not is COS_E_MALFORMED_XML, unless a comment says otherwise; what is known
 * and not implemented is COS_E_NOT_IMPLEMENTED. See cos_xml.h for what holds
 * of all parsers. BOS has JSON for some of these documents (versioning,
 * encryption, quota); the others do not exist in that dialect.
 */

#ifndef COS_XML_CONFIG_H
#define COS_XML_CONFIG_H

#include "cos_attr.h"
#include "cos_xml.h"

#pragma GCC visibility push(hidden)

/* COS_E_NOT_IMPLEMENTED for MFA delete. */
cos_err_e cos_xml_parse_versioning(cos_dialect_e d, cos_str_t text,
    cos_versioning_e *v, cos_alloc_t *a);
void cos_xml_versioning(cos_buf_t *b, cos_dialect_e d, cos_versioning_e v);

/* Reads a tag set; the tags are not checked (cos_tags_check). */
cos_err_e cos_xml_parse_tagging(cos_str_t text, cos_tag_t **v, size_t *n,
    cos_alloc_t *a);
void cos_xml_tagging(cos_buf_t *b, cos_dialect_e d, const cos_tag_t *v,
    size_t n);

/* COS_E_NOT_IMPLEMENTED for other ciphers and for double encryption;
 * COS_E_INVALID_ARGUMENT for a key id that is none, or without KMS. */
cos_err_e cos_xml_parse_encryption(cos_dialect_e d, cos_str_t text,
    cos_bucket_sse_t *s, cos_alloc_t *a);
void cos_xml_encryption(cos_buf_t *b, cos_dialect_e d,
    const cos_bucket_sse_t *s);

/* COS: days only, and always COMPLIANCE. COS_E_INVALID_RETENTION for a period
 * that is not positive, COS_E_INVALID_ARGUMENT for one that is too long. */
cos_err_e cos_xml_parse_lock(cos_dialect_e d, cos_str_t text,
    cos_bucket_lock_t *l, cos_alloc_t *a);
void cos_xml_lock(cos_buf_t *b, cos_dialect_e d, const cos_bucket_lock_t *l);

/* <QuotaConfiguration><MaxBytes/><MaxObjects/></QuotaConfiguration>, an absent
 * one or 0 meaning no limit; BOS: {"maxObjectCount":50,
 * "maxCapacityMegaBytes":1024}, -1 or 0 meaning no limit. */
cos_err_e cos_xml_parse_quota(cos_dialect_e d, cos_str_t text,
    cos_bucket_quota_t *q, cos_alloc_t *a);
void cos_xml_quota(cos_buf_t *b, cos_dialect_e d, const cos_bucket_quota_t *q);

cos_err_e cos_xml_parse_payment(cos_str_t text, int *requester,
    cos_alloc_t *a);
void cos_xml_policy_status(cos_buf_t *b, cos_dialect_e d, int is_public);
void cos_xml_payment(cos_buf_t *b, cos_dialect_e d, int requester);

/* bits: COS_BLOCK_PUBLIC_ACLS and so on */
cos_err_e cos_xml_parse_public_block(cos_str_t text, unsigned *bits,
    cos_alloc_t *a);
void cos_xml_public_block(cos_buf_t *b, cos_dialect_e d, unsigned bits);

cos_err_e cos_xml_parse_ownership(cos_str_t text, cos_ownership_e *o,
    cos_alloc_t *a);
void cos_xml_ownership(cos_buf_t *b, cos_dialect_e d, cos_ownership_e o);

/* A root without content: of what was never configured. */
void cos_xml_empty(cos_buf_t *b, cos_dialect_e d, const char *root);
/* A list without entries that is not truncated. */
void cos_xml_empty_list(cos_buf_t *b, cos_dialect_e d, const char *root);

#pragma GCC visibility pop

#endif
