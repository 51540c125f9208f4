/*
 * request: HTML forms, multipart/form-data (RFC 7578, RFC 2046 section 5.1).
 * A pure parser of a body that comes in pieces, split anywhere. What stands
 * before the file is kept; the file's bytes are handed on where they lie;
 * what comes after it is checked and forgotten.
 */

#ifndef COS_FORM_H
#define COS_FORM_H

#include "cos_core.h"
#include "cos_err.h"

#pragma GCC visibility push(hidden)

/* Names and values of all fields before the file (S3: "at most 20 KB"). */
#define COS_FORM_PRE_MAX     20480
#define COS_FORM_FIELDS_MAX  100
#define COS_FORM_LINE_MAX    4096    /* a line of a part's header */

typedef struct {
    cos_str_t  name;                 /* lower case */
    cos_str_t  value;                /* as sent */
} cos_form_field_t;

typedef struct {
    size_t            nfields;       /* before the file, in their order */
    cos_form_field_t *fields;
    cos_str_t         filename;      /* of the file: its base name */
    unsigned          has_file:1;
    cos_err_e         err;           /* after COS_FORM_FAILED */

    /* private */
    int               state;
    int               then;          /* what the part is, after its header */
    cos_u8            delim[80];     /* CR LF -- boundary */
    size_t            dlen;
    size_t            match;         /* of delim, at the end of what was read */
    unsigned          found:1;       /* it is complete, content went first */
    unsigned          closing:1;
    unsigned          disposed:1;    /* the part has its Content-Disposition */
    cos_u8            held[80];
    cos_u8           *pre;           /* names and values */
    size_t            npre;
    size_t            wire;          /* read before the file */
    cos_u8            line[COS_FORM_LINE_MAX];
    size_t            nline;
} cos_form_t;

typedef enum {
    COS_FORM_MORE = 0,               /* all was read; there must be more */
    COS_FORM_FILE,                   /* the file begins here */
    COS_FORM_DATA,                   /* bytes of the file */
    COS_FORM_END,                    /* the closing boundary; also from then
                                        on: what follows it means nothing */
    COS_FORM_FAILED
} cos_form_e;

/*
 * Prepares *f for the body of a request with that Content-Type. All memory it
 * will ever need is taken from a here. COS_E_NOT_MULTIPART when it is not
 * multipart/form-data, COS_E_MALFORMED_POST without a good boundary,
 * COS_E_INTERNAL.
 */
cos_err_e cos_form_init(cos_form_t *f, cos_str_t content_type,
    cos_alloc_t *a);

/*
 * Reads from *p on, which is moved, until something is there to be told. With
 * COS_FORM_DATA, *data lies in [*p, end) or in *f, and is valid, and may be
 * overwritten, until the next call. Errors: COS_E_MALFORMED_POST,
 * COS_E_POST_PRE_DATA (too much before the file), COS_E_INVALID_ARGUMENT (a
 * field twice), COS_E_POST_FILES (a second file). After an error every call returns it again.
 */
cos_form_e cos_form_read(cos_form_t *f, cos_u8 **p, cos_u8 *end,
    cos_str_t *data);

/* At the end of the body: COS_OK when the closing boundary was seen, and a
 * file; else COS_E_MALFORMED_POST or COS_E_POST_FILES. */
cos_err_e cos_form_finish(const cos_form_t *f);

/* The field of that lower-case name; NULL when there is none. */
const cos_form_field_t *cos_form_field(const cos_form_t *f, const char *name);

#pragma GCC visibility pop

#endif
