/*
 * xml: documents about restoring objects and about their locks. The rules of
 * cos_xml.h hold.
 */

#ifndef COS_XML_LOCK_H
#define COS_XML_LOCK_H

#include "cos_class.h"
#include "cos_lock.h"
#include "cos_xml.h"

#pragma GCC visibility push(hidden)

/* RestoreRequest: Days, which must be there, and the tier, Standard unless
 * given in CASJobParameters (COS), GlacierJobParameters or Tier (S3).
 * COS_E_INVALID_ARGUMENT for an unknown tier or no day;
 * COS_E_NOT_IMPLEMENTED for S3's queries and for results that go elsewhere. */
cos_err_e cos_xml_parse_restore(cos_str_t text, uint64_t *days,
    cos_tier_e *tier, cos_alloc_t *a);

/* Retention: Mode and RetainUntilDate, or neither: then *r is all zeroes.
 * COS_E_MALFORMED_XML also for one without the other, or an unknown mode. */
cos_err_e cos_xml_parse_retention(cos_str_t text, cos_retention_t *r,
    cos_alloc_t *a);
void cos_xml_retention(cos_buf_t *b, cos_dialect_e d,
    const cos_retention_t *r);

/* LegalHold: ON or OFF. */
cos_err_e cos_xml_parse_legal_hold(cos_str_t text, int *on, cos_alloc_t *a);
void cos_xml_legal_hold(cos_buf_t *b, cos_dialect_e d, int on);

#pragma GCC visibility pop

#endif
