/*
 * request, naming: between the table of operations (name.c) and the reader of
 * the query (name_query.c).
 */

#ifndef COS_REQUEST_NAME_H
#define COS_REQUEST_NAME_H

#include "cos_name.h"

#pragma GCC visibility push(hidden)

typedef enum {
    VERB_OTHER = 0, VERB_GET, VERB_HEAD, VERB_PUT, VERB_POST, VERB_DELETE,
    VERB_OPTIONS
} verb_e;

/* What the path names; bits, for sub-resources that several may have. */
typedef enum { AT_SERVICE = 1, AT_BUCKET = 2, AT_KEY = 4 } at_e;

typedef enum {
    SUB_NONE = 0, SUB_ACL, SUB_DELETE, SUB_LIST_TYPE, SUB_LOCATION,
    SUB_UPLOADS, SUB_UPLOAD_ID, SUB_VERSIONS, SUB_VERSIONING, SUB_TAGGING,
    SUB_ENCRYPTION, SUB_OBJECT_LOCK, SUB_QUOTA, SUB_REQUEST_PAYMENT,
    SUB_PUBLIC_BLOCK, SUB_OWNERSHIP, SUB_POLICY, SUB_POLICY_STATUS,
    SUB_ATTRIBUTES, SUB_RETENTION,
    SUB_LEGAL_HOLD, SUB_RESTORE, SUB_APPEND, SUB_SYMLINK, SUB_RENAME,
    SUB_CORS, SUB_REFERER,
    SUB_WEBSITE, SUB_DOMAIN,
    SUB_OTHER
} sub_e;

#define WITH_PART    1                /* a partNumber parameter */
#define WITH_SOURCE  2                /* a copy source header */

/* What a query says of the operation. */
typedef struct {
    sub_e      sub;
    unsigned   with;
    unsigned   refused:1;             /* holds what nobody here understands */
    const cos_arg_t  *chose[2];       /* of sub, of WITH_PART */
} query_t;

/* What the query asks for. COS_E_INVALID_ARGUMENT for two sub-resources, or
 * one twice. */
cos_err_e cos_name_query(query_t *q, const cos_args_t *args, verb_e verb,
    at_e at);

#pragma GCC visibility pop

#endif
