/*
 * xml: the domains that a bucket is served under besides its own (cos-api.md
 * 3.23), and how URLs under them are signed (cos-api.md section 11).
 *
 * COS configures signed URLs and the right to read private objects in its CDN;
 * there is no CDN here, so a domain's rule says both: OriginAuthentication and
 * UrlAuthentication are elements of ours.
 */

#ifndef COS_XML_DOMAIN_H
#define COS_XML_DOMAIN_H

#include "cos_xml_rules.h"

#pragma GCC visibility push(hidden)


/* --- signed URLs ------------------------------------------------------------ */

#define COS_CDN_KEY_MIN   6           /* letters and digits */
#define COS_CDN_KEY_MAX   40
#define COS_CDN_NAME_MAX  64          /* of a parameter */
#define COS_CDN_LIST_MAX  50          /* suffixes, paths */
#define COS_CDN_TTL_MAX   630720000   /* seconds: 20 years */
#define COS_CDN_TTL       1800        /* when nothing is said */

typedef enum {
    COS_CDN_OFF = 0, COS_CDN_A, COS_CDN_B, COS_CDN_C, COS_CDN_D
} cos_cdn_type_e;

typedef enum { COS_CDN_ALL = 0, COS_CDN_ONLY, COS_CDN_EXCEPT } cos_cdn_files_e;

typedef struct {
    cos_cdn_type_e   type;            /* COS_CDN_OFF: URLs are not signed */
    cos_str_t        key;
    cos_str_t        key2;            /* counts as well; may be empty */
    cos_str_t        param;           /* A, D: "sign" */
    cos_str_t        time_param;      /* D: "t" */
    uint64_t         ttl;             /* seconds */
    unsigned         hex:1;           /* D: the time is hexadecimal */
    unsigned         time_first:1;    /* C: md5(key time uri) */
    cos_cdn_files_e  files;
    cos_strs_t       suffixes;        /* of ONLY and EXCEPT, without the dot */
    cos_strs_t       paths;           /* how they begin; none: all */
} cos_cdn_rule_t;

/* The defaults of what is not said. */
void cos_cdn_rule_init(cos_cdn_rule_t *r);
/* NULL, or what is wrong with a rule; the text names no key. */
const char *cos_cdn_rule_check(const cos_cdn_rule_t *r);
/* "A" or "TypeA", without case; -1 for none. */
int cos_cdn_type_parse(cos_str_t s);


/* --- domains: COS_BX_DOMAIN ------------------------------------------------- */

#define COS_DOMAINS_MAX     20
#define COS_DOMAIN_LEN_MAX  253       /* RFC 1035 section 2.3.4 */

typedef enum { COS_DOMAIN_REST = 0, COS_DOMAIN_WEBSITE, COS_DOMAIN_CDN }
    cos_domain_type_e;

typedef struct {
    cos_str_t          name;          /* lower case */
    cos_domain_type_e  type;
    unsigned           enabled:1;
    unsigned           origin_auth:1; /* CDN: who comes this way may read what
                                         the bucket's owner may */
    cos_cdn_rule_t     url;           /* CDN */
} cos_domain_t;

typedef struct {
    size_t         n;                 /* 1..COS_DOMAINS_MAX */
    cos_domain_t  *v;
} cos_domains_t;

/*
 * Reads a DomainConfiguration; all from a. Unknown elements are ignored.
 * COS_E_MALFORMED_XML: not such a document, no rule, another word,
 * something missing. COS_E_NOT_IMPLEMENTED: Type ACCELERATE.
 * COS_E_INVALID_ARGUMENT with *why, a literal: more than 20 domains, one that
 * is none or is there twice, a rule for URLs that is none.
 */
cos_err_e cos_xml_parse_domains(cos_str_t text, cos_domains_t *d,
    const char **why, cos_alloc_t *a);
/* d: NULL writes an empty document. */
void cos_xml_domains(cos_buf_t *b, cos_dialect_e dialect,
    const cos_domains_t *d);

/* How they are kept (COS_BX_DOMAIN): a line with the names, parted by spaces,
 * which is all that the index wants (cos_bucket_domains in cos_attr.h), then
 * the document as it was sent. Makes that of a checked document. -1: no
 * memory. */
int cos_domains_keep(cos_str_t *kept, const cos_domains_t *d, cos_str_t text,
    cos_alloc_t *a);
/* Reads it again, a cos_domains_t; NULL when it cannot be read. */
void *cos_domains_load(cos_str_t kept, cos_alloc_t *a);
/* That name's rule, or NULL. name: lower case. */
const cos_domain_t *cos_domain_find(const cos_domains_t *d, cos_str_t name);

/* Whether it can be bound: at least two labels of RFC 1123 section 2.1 and no
 * IPv4 address; lower case. */
int cos_domain_valid(cos_str_t name);

#pragma GCC visibility pop

#endif
