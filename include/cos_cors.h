/*
 * policy: what a CORS configuration says to a request (Fetch standard, "CORS
 * protocol"; S3, "How does Amazon S3 evaluate the CORS configuration";
 * cos-api.md section 7). Pure.
 *
 * CORS refuses nothing but preflight requests: it tells browsers whose scripts
 * may see an answer. Rules are tried in order, and within a rule its origins;
 * the first that allows origin, method and, in a preflight, all headers counts.
 */

#ifndef COS_CORS_H
#define COS_CORS_H

#include "cos_xml_rules.h"

#pragma GCC visibility push(hidden)

/* A configuration as decisions want it. Read-only once made. */
typedef struct cos_cors_s  cos_cors_t;

/* What the rule that counts gives: texts of response headers, as long-lived as
 * the configuration; empty ones are not sent. */
typedef struct {
    cos_str_t  methods;               /* "PUT, GET", in the rule's order */
    cos_str_t  expose;
    cos_str_t  max_age;               /* seconds */
    unsigned   credentials:1;         /* if the origin is echoed */
} cos_cors_grant_t;

/* Compiles a document, or rules of directives that cos_cors_check let pass.
 * Its texts must live as long as the result, which is from a. NULL: no memory.
 */
cos_cors_t *cos_cors_compile(const cos_cors_doc_t *doc, cos_alloc_t *a);
/* The same from the text of COS_BX_CORS; a cos_cors_t. NULL also when it
 * cannot be read. */
void *cos_cors_load(cos_str_t text, cos_alloc_t *a);

/*
 * The rule for a request of that origin and method; NULL: none. headers: NULL,
 * or of a preflight the value of Access-Control-Request-Headers (may be empty).
 * *any: the origin that matched is "*", which is what is answered; else the
 * request's is echoed.
 *
 * An origin with spaces or control characters matches nothing. More than
 * COS_CORS_ASK_MAX names of headers are refused, as no browser sends that many.
 */
#define COS_CORS_ASK_MAX  100
const cos_cors_grant_t *cos_cors_find(const cos_cors_t *c, cos_str_t origin,
    cos_str_t method, const cos_str_t *headers, int *any);

/* Whether every answer says that it depends on the origin (ResponseVary). */
int cos_cors_vary(const cos_cors_t *c);

#pragma GCC visibility pop

#endif
