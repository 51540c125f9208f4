/*
 * meta: what the writer and the reader of JSON documents share. Private to
 * this room.
 */

#ifndef COS_META_RECORD_JSON_H
#define COS_META_RECORD_JSON_H

#include "record.h"

/* A document of COS_SEGS_MAX segments is below this. */
#define COS_JSON_MAX  (16 * 1024 * 1024)

#pragma GCC visibility push(hidden)

extern const char *const  cos_json_kinds[COS_J_SEAL + 1];
extern const char *const  cos_json_headers[COS_H_MAX];
extern const char *const  cos_json_attrs[COS_X_MAX];
extern const char *const  cos_json_bucket_attrs[COS_BX_MAX];
extern const char *const  cos_json_cred_attrs[COS_CX_MAX];

int cos_json_complete(const cos_json_t *j);

#pragma GCC visibility pop

#endif
