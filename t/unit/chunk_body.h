/*
 * Bodies for the tests of the aws-chunked decoder: built piece by piece, and
 * fed in pieces of any size.
 */

#ifndef CHUNK_BODY_H
#define CHUNK_BODY_H

#include "auth_request.h"

#define SECRET   "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define DATE     "20130524T000000Z"
#define SCOPE    "20130524/us-east-1/s3/aws4_request"
#define SEED     \
    "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
#define SEED_T   \
    "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
#define CRC      "x-amz-checksum-crc32c"

typedef struct {
    size_t  len;
    char    data[70000];
} body_t;

typedef struct {
    size_t    len;
    uint64_t  sum;                       /* of the bytes and their places */
    int       refuse;
} taken_t;


static inline void
add(body_t *b, const char *p, size_t n)
{
    assert_true(b->len + n <= sizeof(b->data));
    memcpy(b->data + b->len, p, n);
    b->len += n;
}


static inline void
adds(body_t *b, const char *s)
{
    add(b, s, strlen(s));
}


static inline void
add_as(body_t *b, size_t n)
{
    assert_true(b->len + n <= sizeof(b->data));
    memset(b->data + b->len, 'a', n);
    b->len += n;
}


static inline int
take(void *ctx, const cos_u8 *p, size_t n)
{
    taken_t *t = ctx;

    for (; n; n--) {
        t->sum += *p++ * (uint64_t) ++t->len;
    }

    return t->refuse;
}


static inline void
signature(cos_sig_t *sig, cos_payload_e form, const char *seed)
{
    memset(sig, 0, sizeof(*sig));
    sig->scheme = COS_SIG_V4;
    sig->payload = form;
    sig->date = str(DATE);
    sig->scope = str(SCOPE);
    sig->signature = str(seed);
    v4_key(SECRET, SCOPE, sig->signing_key);
}


/* Feeds the body in pieces: up to a, up to b, the rest; step 0 for that. */
static inline cos_err_e
decode(const body_t *body, cos_payload_e form, const char *seed,
    const char *announced, size_t a, size_t b, size_t step, taken_t *t)
{
    size_t         at, end;
    cos_err_e      rc;
    cos_sig_t      sig;
    cos_chunked_t *c;
    taken_t        own;

    t = t ? t : &own;
    memset(t, 0, sizeof(*t));
    signature(&sig, form, seed);
    c = cos_chunked_create(&sig, str(announced), take, t);
    assert_non_null(c);

    for (at = 0; at < body->len; at = end) {
        end = step ? at + step : at < a ? a : at < b ? b : body->len;
        end = end < body->len ? end : body->len;
        rc = cos_chunked_feed(c, (const cos_u8 *) body->data + at, end - at);

        if (rc != COS_OK) {
            /* an error stays */
            assert_int_equal(cos_chunked_feed(c, (const cos_u8 *) "a", 1), rc);
            assert_int_equal(cos_chunked_finish(c), rc);
            cos_chunked_free(c);
            return rc;
        }
    }

    rc = cos_chunked_finish(c);
    assert_int_equal(cos_chunked_size(c), t->len);
    cos_chunked_free(c);

    return rc;
}

#endif
