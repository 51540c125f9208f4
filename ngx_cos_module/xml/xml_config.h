/*
 * xml, inside the room: what reading and writing configurations share.
 */

#ifndef COS_XML_CONFIG_LOCAL_H
#define COS_XML_CONFIG_LOCAL_H

#include "cos_xml_config.h"

#pragma GCC visibility push(hidden)

/* Elements of a public access block, in the order of its bits. */
extern const char *const  cos_xml_blocks[4];

/* BOS: {"status":"enabled"} */
cos_err_e cos_bos_parse_versioning(cos_str_t text, cos_versioning_e *v);
/* {"encryptionAlgorithm":"AES256"} */
cos_err_e cos_bos_parse_encryption(cos_str_t text, cos_bucket_sse_t *s);
/* {"maxObjectCount":50,"maxCapacityMegaBytes":1024} */
cos_err_e cos_bos_parse_quota(cos_str_t text, cos_bucket_quota_t *q);

#pragma GCC visibility pop

#endif
