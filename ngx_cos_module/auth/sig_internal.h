/*
 * auth, inside the room: what the dialect files share.
 *
 * A request is proved in three steps that differ between the dialects:
 * taking the signature apart, building the canonical text, deriving the key.
 * What does not differ (splitting lists, sorting pairs, the order of the
 * checks) is in sig.c, and what a signature has to cover in sig_cover.c.
 */

#ifndef COS_SIG_INTERNAL_H
#define COS_SIG_INTERNAL_H

#include "cos_auth.h"

#pragma GCC visibility push(hidden)

#define COS_SIG_SKEW        900      /* seconds a client's clock may be off */
#define COS_SIG_NAMES_MAX   128      /* entries of a list of signed names */
/* Secrets are joined with other text on the stack. */
#define COS_SIG_SECRET_MAX  256

/* The query parameters that carry a signature. */
typedef enum {
    COS_Q_V4_ALGORITHM = 0,
    COS_Q_V4_CREDENTIAL,
    COS_Q_V4_DATE,
    COS_Q_V4_EXPIRES,
    COS_Q_V4_HEADERS,
    COS_Q_V4_SIGNATURE,
    COS_Q_V4_TOKEN,
    COS_Q_V4_SHA256,
    COS_Q_COS_ALGORITHM,             /* these seven in the order of FIELD_* */
    COS_Q_COS_AK,
    COS_Q_COS_SIGN_TIME,
    COS_Q_COS_KEY_TIME,
    COS_Q_COS_HEADERS,
    COS_Q_COS_PARAMS,
    COS_Q_COS_SIGNATURE,
    COS_Q_COS_TOKEN,
    COS_Q_COS_LEGACY,
    COS_Q_BCE,
    COS_Q_BCE_TOKEN,
    COS_Q_V2_KEY,
    COS_Q_V2_SIGNATURE,
    COS_Q_V2_EXPIRES,
    COS_Q_MAX
} cos_sig_q_e;

typedef struct {
    const cos_arg_t  *arg[COS_Q_MAX];
    uint32_t          twice;         /* bit for each that came again */
} cos_sig_query_t;

/* A name and a value, both already encoded. */
typedef struct {
    cos_str_t  name;
    cos_str_t  value;
} cos_sig_pair_t;

/* Cuts the next item off a list; 0 when the list is used up. An empty text is
 * a list of one empty item. item is set in any case. */
int cos_sig_cut(cos_str_t *rest, int sep, cos_str_t *item);
/* Whether name is an item of the list (names are compared without case). */
int cos_sig_listed(cos_str_t list, cos_str_t name);
/* Whether all that has to be signed is, of a request whose signature is right;
 * COS_E_UNSIGNED_HEADER. */
cos_err_e cos_sig_check_covered(const cos_http_t *h, const cos_sig_t *sig);
/* cos_sig_covers for a span. */
int cos_sig_covers_str(const cos_sig_t *sig, cos_str_t name);
/* Whether now is within its life. */
cos_err_e cos_sig_check_time(const cos_sig_t *sig, int64_t now);
/* "start;end" in seconds, as COS writes them; -1 when it is not that. */
int cos_sig_times(cos_str_t s, int64_t *start, int64_t *end);
/* How many items; stops counting above COS_SIG_NAMES_MAX. */
size_t cos_sig_count(cos_str_t list);
/* By name, then by value, in byte order. */
void cos_sig_sort(cos_sig_pair_t *v, size_t n);
/* The text cos_pct_encode added to b, which must not have grown since. */
cos_str_t cos_sig_encode(cos_buf_t *b, cos_str_t src);
/* Gives the caller of cos_sig_verify what was signed. */
void cos_sig_show(cos_buf_t *canonical, cos_str_t request, cos_str_t to_sign);

cos_err_e cos_sig_cos_header(const cos_http_t *h, cos_sig_t *sig,
    cos_str_t value);
cos_err_e cos_sig_cos_query(const cos_http_t *h, cos_sig_t *sig,
    const cos_sig_query_t *q);
cos_err_e cos_sig_cos_verify(const cos_http_t *h, const cos_sig_t *sig,
    cos_str_t secret, cos_alloc_t *a, cos_buf_t *canonical);
/* Whether q-url-param-list names that parameter. */
int cos_sig_cos_param(const cos_sig_t *sig, cos_str_t name);

cos_err_e cos_sig_v4_header(const cos_http_t *h, cos_sig_t *sig,
    cos_str_t value, cos_alloc_t *a);
cos_err_e cos_sig_v4_query(const cos_http_t *h, cos_sig_t *sig,
    const cos_sig_query_t *q);
cos_err_e cos_sig_v4_verify(const cos_http_t *h, cos_sig_t *sig,
    cos_str_t secret, cos_alloc_t *a, cos_buf_t *canonical);

/* Takes a credential apart and checks that it is of that date
 * (20150830T123600Z); COS_E_AUTH_QUERY_MALFORMED. */
cos_err_e cos_sig_v4_scope(cos_sig_t *sig, cos_str_t credential,
    cos_str_t date);
/* What x-amz-content-sha256 says of the payload; COS_E_CONTENT_SHA256_INVALID.
 */
cos_err_e cos_sig_v4_words(cos_sig_t *sig, cos_str_t s);
/* The key that the secret gives for the day and region of sig. 0 or -1. */
int cos_sig_v4_key(const cos_sig_t *sig, cos_str_t secret, cos_u8 *key);

/* What an attempt reads as sent. */
#define COS_V4_RAW_PATH  1
#define COS_V4_RAW_PLUS  2

/* What reading as sent could change. */
int cos_sig_v4_variants(const cos_http_t *h);
/* Adds the canonical request to b. Out of memory: an error or b->err. */
cos_err_e cos_sig_v4_canonical(const cos_http_t *h, const cos_sig_t *sig,
    int raw, cos_alloc_t *a, cos_buf_t *b);
/* Its last line. */
cos_str_t cos_sig_v4_payload(const cos_http_t *h, const cos_sig_t *sig);

cos_err_e cos_sig_v2_header(const cos_http_t *h, cos_sig_t *sig,
    cos_str_t value);
cos_err_e cos_sig_v2_query(const cos_http_t *h, cos_sig_t *sig,
    const cos_sig_query_t *q, cos_alloc_t *a);
cos_err_e cos_sig_v2_verify(const cos_http_t *h, const cos_sig_t *sig,
    cos_str_t secret, cos_alloc_t *a, cos_buf_t *canonical);
/* What every such signature covers. */
int cos_sig_v2_covers(cos_str_t name);
int cos_sig_v2_covers_arg(cos_str_t name);

cos_err_e cos_sig_bce_parse(const cos_http_t *h, cos_sig_t *sig,
    cos_str_t value);
cos_err_e cos_sig_bce_verify(const cos_http_t *h, const cos_sig_t *sig,
    cos_str_t secret, cos_alloc_t *a, cos_buf_t *canonical);

/*
 * The trailer of an aws-chunked body. announced is the value of x-amz-trailer
 * and must live as long.
 */
typedef struct {
    char       *text;                /* name and value, one piece of memory */
    cos_str_t   name;                /* lower case */
    cos_str_t   value;
} cos_trailer_t;

typedef struct {
    cos_str_t      announced;
    size_t         n;
    cos_trailer_t  v[COS_TRAILERS_MAX];
} cos_trailers_t;

/* COS_E_TRAILER_MALFORMED for a second one, or one not announced. */
cos_err_e cos_trailers_add(cos_trailers_t *t, cos_str_t name, cos_str_t value);
/* Whether all that was announced has come. */
int cos_trailers_complete(const cos_trailers_t *t);
/* Feeds the canonical form to md. */
void cos_trailers_hash(const cos_trailers_t *t, cos_md_t *md);
void cos_trailers_free(cos_trailers_t *t);

#pragma GCC visibility pop

#endif
