/*
 * xml: answers of the APIs for temporary credentials, XML (AWS STS API
 * reference, 2011-06-15) and JSON (Tencent STS, 2018-08-13).
 */

#ifndef COS_XML_STS_H
#define COS_XML_STS_H

#include "cos_core.h"
#include "cos_err.h"

#pragma GCC visibility push(hidden)

/* What was issued. */
typedef struct {
    unsigned     json:1;              /* Tencent's */
    unsigned     federated:1;         /* the answer names the user */
    const char  *action;              /* "AssumeRole", ... */
    cos_str_t    name;                /* of the session */
    cos_str_t    access_key;
    cos_str_t    secret;
    cos_str_t    token;
    uint64_t     expires;             /* s since 1970 */
    uint64_t     uid;                 /* of the account */
    cos_str_t    request_id;
} cos_xml_sts_t;

void cos_xml_sts(cos_buf_t *b, const cos_xml_sts_t *r);
/* An error, with the code that the API has for it. Tencent's are sent with
 * status 200. message: printable; NULL: the error's own. */
void cos_xml_sts_error(cos_buf_t *b, int json, cos_err_e err,
    const char *message, cos_str_t request_id);

#pragma GCC visibility pop

#endif
