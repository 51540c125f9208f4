/*
 * xml: documents that say from where a bucket may be read: CORS and hotlink
 * protection. They are read into these forms and written from them; what they
 * mean is decided in policy/ (cos_cors.h, cos_referer.h). What holds of all
 * parsers is in cos_xml.h. The BOS dialect has neither document here.
 *
 * Nothing that is accepted holds a control character, so that no value can
 * break out of the response header it ends up in.
 */

#ifndef COS_XML_RULES_H
#define COS_XML_RULES_H

#include "cos_xml.h"

#pragma GCC visibility push(hidden)


/* --- CORS: COS_BX_CORS ------------------------------------------------------ */

/* S3, "Elements of a CORS configuration"; cos-api.md 3.11 */
#define COS_CORS_RULES_MAX  100
#define COS_CORS_ID_MAX     255       /* bytes */

typedef struct {
    size_t      n;
    cos_str_t  *v;
} cos_strs_t;

typedef struct {
    cos_str_t   id;                   /* empty: none */
    cos_strs_t  origins;              /* at least one; one '*' in each */
    cos_strs_t  methods;              /* at least one of cos_cors_methods */
    cos_strs_t  headers;              /* one '*' in each */
    cos_strs_t  expose;
    uint32_t    max_age;              /* seconds */
    unsigned    has_max_age:1;
    unsigned    credentials:1;        /* are allowed to origins that are
                                         echoed; always so in documents */
} cos_cors_rule_t;

typedef struct {
    size_t           n;               /* 1..COS_CORS_RULES_MAX */
    cos_cors_rule_t *rules;
    unsigned         has_vary:1;      /* ResponseVary is there */
    unsigned         vary:1;          /* and true */
} cos_cors_doc_t;

/* The methods that a rule can allow, in the order of their bits. */
#define COS_CORS_METHODS  5
extern const cos_str_t  cos_cors_methods[COS_CORS_METHODS];

/*
 * Reads a CORSConfiguration; all from a. COS_E_MALFORMED_XML: not such a
 * document, none or more than 100 rules, a rule without origin or method, a
 * name of a header that is none, an age that is no number below 2^31.
 * COS_E_INVALID_REQUEST with *why, a literal: another method, a second '*', a
 * '*' in a header to expose. Empty header elements, which some consoles send,
 * are taken for none.
 */
cos_err_e cos_xml_parse_cors(cos_str_t text, cos_cors_doc_t *doc,
    const char **why, cos_alloc_t *a);
/* ResponseVary is of COS only. */
void cos_xml_cors(cos_buf_t *b, cos_dialect_e d, const cos_cors_doc_t *doc);

/* Whether a rule of a document or a directive is one: what the parser asks
 * for. Errors as above. */
cos_err_e cos_cors_check(const cos_cors_rule_t *rule, const char **why);


/* --- hotlink protection: COS_BX_REFERER ------------------------------------- */

/* cos-api.md 3.12; the console's page "Setting Hotlink Protection" */
#define COS_REFERER_MAX  30

typedef struct {
    unsigned    enabled:1;
    unsigned    black:1;              /* else a white list */
    unsigned    empty:1;              /* no Referer is allowed */
    unsigned    has_verify:1;         /* VerifySignatureURL is there */
    unsigned    verify:1;             /* and Enabled: signed URLs, too */
    cos_strs_t  domains;
} cos_referer_doc_t;

/*
 * Reads a RefererConfiguration; all from a. Unknown elements are ignored, as
 * consoles send some. COS_E_MALFORMED_XML: not such a document, another word,
 * no Status; when Enabled, no RefererType or no domain. COS_E_INVALID_ARGUMENT
 * with *why, a literal: more than 30 domains, or one that is none (see
 * cos_referer_check).
 */
cos_err_e cos_xml_parse_referer(cos_str_t text, cos_referer_doc_t *doc,
    const char **why, cos_alloc_t *a);
void cos_xml_referer(cos_buf_t *b, cos_dialect_e d,
    const cos_referer_doc_t *doc);

/* Whether an entry can be matched: visible, with '*' alone or as the first
 * label ("*.example.com"). NULL, or what is wrong with it. */
const char *cos_referer_check(cos_str_t entry);

#pragma GCC visibility pop

#endif
