/*
 * policy: static websites. What a bucket's website configuration says, and
 * what follows from it for a request: a key to be looked up, an object to be
 * served, a redirect, an error. No I/O: who asks looks keys up and tells.
 *
 * Sources: COS "PUT Bucket website" and its guide to static websites; S3 API
 * PutBucketWebsite, User Guide "Hosting a static website", "(Optional)
 * Configuring a webpage redirect". Where the two services mean different things
 * by the same text, the dialect of who wrote the configuration decides.
 */

#ifndef COS_WEBSITE_H
#define COS_WEBSITE_H

#include "cos_err.h"
#include "cos_name.h"

#pragma GCC visibility push(hidden)

#define COS_WEBSITE_SIZE       (64 * 1024)   /* of the document */
#define COS_WEBSITE_RULES_MAX  100
#define COS_REDIRECT_MAX       2048   /* bytes of an object's redirect */

typedef enum { COS_SCHEME_SAME = 0, COS_SCHEME_HTTP, COS_SCHEME_HTTPS }
    cos_scheme_e;

/* A switch that may be absent: its default depends on where it stands. */
typedef enum { COS_SWITCH_UNSET = 0, COS_SWITCH_ON, COS_SWITCH_OFF }
    cos_switch_e;

typedef enum { COS_REPLACE_NONE = 0, COS_REPLACE_KEY, COS_REPLACE_PREFIX }
    cos_replace_e;

typedef struct {
    unsigned       code;              /* condition: status; 0: none */
    unsigned       has_prefix:1;
    cos_str_t      prefix;            /* condition: of the key */
    cos_scheme_e   scheme;
    cos_str_t      host;              /* empty: that of the request */
    unsigned       status;            /* 0: the default, 302 (COS), 301 (S3) */
    cos_replace_e  how;
    cos_str_t      with;
    cos_switch_e   url;               /* COS URLRedirect */
} cos_website_rule_t;

typedef struct {
    cos_dialect_e  dialect;           /* of who wrote it: COS or S3 */
    cos_str_t      index;             /* may be empty with all_host only */
    cos_str_t      all_host;          /* S3 RedirectAllRequestsTo/HostName */
    cos_scheme_e   all_scheme;        /* its Protocol; without a host: COS,
                                         http is redirected to https */
    cos_switch_e   auto_html;         /* COS AutoAddressing */
    cos_str_t      error_key;         /* empty: none */
    cos_switch_e   charity;           /* COS Charity404: kept, no effect */
    cos_switch_e   original;          /* COS OriginalHttpStatus */
    cos_str_t      release;           /* KeyPrefix, ours: keys are below it;
                                         ends with a slash, or is empty */
    size_t               nrules;
    cos_website_rule_t  *rules;
    /* made from them by cos_website_index(): in document order */
    size_t                     nfirst, nlater;
    const cos_website_rule_t **first; /* judged before the key is looked up */
    const cos_website_rule_t **later; /* judged when there is an error */
} cos_website_t;

/* Sorts the rules by when they are judged. -1: out of memory. */
int cos_website_index(cos_website_t *w, cos_alloc_t *a);


/* --- the document (xml/xml_website.c) ----------------------------------------- */

/*
 * <WebsiteConfiguration> of that dialect, COS or S3. COS_E_MALFORMED_XML for
 * what the dialect does not have, what is missing or excludes each other;
 * COS_E_INVALID_ARGUMENT (*why says more) for values that cannot be: a suffix
 * with a slash, a status or a host name that is none, too many rules.
 * Everything comes from a; indexed.
 */
cos_err_e cos_xml_parse_website(cos_dialect_e d, cos_str_t text,
    cos_website_t *w, const char **why, cos_alloc_t *a);
/* Whether it names a KeyPrefix and nothing else: a new release of the site that
 * is configured already. No configuration by itself. */
int cos_website_is_switch(const cos_website_t *w);
/* All that is set is written, also what the dialect d does not have: what a
 * reader does not know it passes over, and nothing is hidden. */
void cos_xml_website(cos_buf_t *b, cos_dialect_e d, const cos_website_t *w);

/* How it is kept: the letter of the dialect, then the document as it was sent.
 * Makes that of a checked document; reads it again into a cos_website_t (the
 * form that ngx_http_cos_kept_rule() wants: NULL when it cannot be read). */
int cos_website_keep(cos_str_t *kept, cos_dialect_e d, cos_str_t text,
    cos_alloc_t *a);
void *cos_website_compile(cos_str_t kept, cos_alloc_t *a);


/* --- requests (policy/website.c) -------------------------------------------------- */

typedef enum {
    COS_SITE_LOOK = 0,                /* look key up, then cos_site_found() */
    COS_SITE_SERVE,                   /* the object found last, with status */
    COS_SITE_REDIRECT,                /* status and location */
    COS_SITE_ERROR                    /* err, as a text */
} cos_site_do_e;

typedef enum {
    COS_SITE_AT_PAGE = 0, COS_SITE_AT_HTML, COS_SITE_AT_FOLDER,
    COS_SITE_AT_OTHER, COS_SITE_AT_RULE, COS_SITE_AT_ERROR
} cos_site_at_e;

/* A request to a website. The first part is the caller's; spans must live as
 * long as *s. */
typedef struct {
    const cos_website_t  *site;
    cos_str_t             path;       /* decoded, begins with a slash */
    cos_str_t             query;      /* as sent, without '?'; may be empty */
    cos_str_t             host;       /* of the request, without port */
    int                   tls;
    cos_alloc_t          *alloc;

    /* results */
    cos_str_t             key;        /* of the bucket */
    unsigned              status;     /* SERVE: 200, or that of the error */
    cos_str_t             location;   /* absolute, or a path of this host; safe
                                         to be put into a header */
    cos_err_e             err;        /* ERROR; also with SERVE: what the error
                                         document is served for */

    /* state */
    cos_str_t             name;       /* the key that the client meant */
    cos_site_at_e         at;
} cos_site_t;

/* How a request begins. COS_E_INTERNAL as an error: out of memory. */
cos_site_do_e cos_site_begin(cos_site_t *s);
/*
 * What follows from looking s->key up: err is COS_OK when an object was found
 * and may be read anonymously, else why not; missing: there is none. It ends
 * after at most five keys.
 */
cos_site_do_e cos_site_found(cos_site_t *s, cos_err_e err, int missing);
/* Redirects to what an object says instead of serving it
 * (x-amz-website-redirect-location): a path of the site or a URL, 301. */
cos_site_do_e cos_site_moved(cos_site_t *s, cos_str_t where);

/* Whether that may be an object's redirect: begins with a slash, http:// or
 * https://, has no control characters or spaces, is not too long. */
int cos_redirect_valid(cos_str_t where);

/* Whether an Accept-Encoding header takes that coding (RFC 9110 section
 * 12.5.3): named, or "*", and not with a weight of 0. */
int cos_accepts_coding(cos_str_t header, cos_str_t coding);

/* The text of an error on a website, as S3 writes it: HTML. */
typedef struct {
    cos_err_e      err;
    const char    *message;           /* NULL: the table's */
    cos_str_t      bucket;
    cos_str_t      key;               /* empty: not said */
    cos_str_t      method;            /* of METHOD_NOT_ALLOWED */
    cos_str_t      request_id;
} cos_site_error_t;
void cos_html_error(cos_buf_t *b, const cos_site_error_t *e);
/* "Not Found" and so on; "" for a status that has no text here. */
const char *cos_status_text(unsigned status);

#pragma GCC visibility pop

#endif
