/*
 * A request as the pure rooms see it: raw path, decoded query, headers.
 * Built once by request/ from nginx's request; spans point into its memory.
 */

#ifndef COS_HTTP_H
#define COS_HTTP_H

#include "cos_core.h"
#include "cos_err.h"

#pragma GCC visibility push(hidden)

/* One query parameter. name and value are percent-decoded, '+' in the value
 * read as a space (form encoding: the COS Python SDK; every other client
 * sends a literal plus as %2B). raw_name and raw_value are as on the wire,
 * "a" and "a=" both have an empty value. */
typedef struct {
    cos_str_t  name;
    cos_str_t  value;
    cos_str_t  raw_name;
    cos_str_t  raw_value;
    unsigned   has_eq:1;
} cos_arg_t;

typedef struct {
    size_t      n;
    cos_arg_t  *v;                    /* in wire order; duplicates kept */
} cos_args_t;

#define COS_ARGS_MAX  128

/* Splits and decodes a query string (without '?'). Empty pieces ("&&") are
 * skipped. COS_E_INVALID_URI for a bad escape in a name or value or for more
 * than COS_ARGS_MAX pairs; COS_E_INTERNAL when out of memory. */
cos_err_e cos_args_parse(cos_args_t *args, cos_str_t query, cos_alloc_t *a);
/* First parameter of that exact name; NULL when there is none. */
const cos_arg_t *cos_arg(const cos_args_t *args, const char *name);

typedef struct {
    cos_str_t  name;                  /* lower case */
    cos_str_t  value;                 /* without surrounding white space */
} cos_header_t;

typedef struct {
    cos_str_t       method;           /* "GET", as on the wire */
    cos_str_t       path;             /* raw: still encoded, no query */
    cos_str_t       path_decoded;     /* decoded exactly once */
    cos_args_t      args;
    size_t          nheaders;
    cos_header_t   *headers;          /* in wire order; duplicates kept */
    int             tls;
} cos_http_t;

/* First header of that lower-case name; NULL when there is none. */
const cos_header_t *cos_header(const cos_http_t *h, const char *name);
/* How many headers of that name there are. */
size_t cos_header_count(const cos_http_t *h, const char *name);
/* Whether that could be a header's name: a token (RFC 9110 section 5.6.2). For
 * names that no parser of headers has let pass. */
int cos_is_token(cos_str_t name);

#pragma GCC visibility pop

#endif
