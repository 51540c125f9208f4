/*
 * Requests for the tests of auth: written as on the wire, changed as text,
 * and turned into a cos_http_t the way request/ does it. Also an independent
 * signer: it is given the canonical text and knows nothing of the module.
 */

#ifndef AUTH_REQUEST_H
#define AUTH_REQUEST_H


#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "unit.h"
#include "cos_auth.h"

#define REQ_HEADERS  20

typedef struct {
    char  method[16];
    char  target[4096];                /* path and query, as on the wire */
    int   n;
    char  name[REQ_HEADERS][64];
    char  value[REQ_HEADERS][1024];
} req_t;

typedef struct {
    cos_arena_t  *arena;
    cos_alloc_t  *a;
    cos_http_t    http;
    cos_header_t  headers[REQ_HEADERS];
    cos_sig_t     sig;
} built_t;


static inline void
req_header(req_t *r, const char *name, const char *value)
{
    assert_true(r->n < REQ_HEADERS);
    snprintf(r->name[r->n], sizeof(r->name[0]), "%s", name);
    snprintf(r->value[r->n], sizeof(r->value[0]), "%s", value);
    r->n++;
}


/* headers: name, value, ..., NULL */
static inline void
req_init(req_t *r, const char *method, const char *target,
    const char *const *headers)
{
    memset(r, 0, sizeof(*r));
    snprintf(r->method, sizeof(r->method), "%s", method);
    snprintf(r->target, sizeof(r->target), "%s", target);

    for (; headers != NULL && headers[0] != NULL; headers += 2) {
        req_header(r, headers[0], headers[1]);
    }
}


static inline char *
req_value(req_t *r, const char *name)
{
    int i;

    for (i = 0; i < r->n; i++) {
        if (strcmp(r->name[i], name) == 0) {
            return r->value[i];
        }
    }

    return NULL;
}


static inline void
req_drop(req_t *r, int i)
{
    for (r->n--; i < r->n; i++) {
        memcpy(r->name[i], r->name[i + 1], sizeof(r->name[0]));
        memcpy(r->value[i], r->value[i + 1], sizeof(r->value[0]));
    }
}


static inline void
build(built_t *b, req_t *r)
{
    int        i;
    char      *q;
    ptrdiff_t  n;

    memset(b, 0, sizeof(*b));
    b->arena = cos_arena_create();
    assert_non_null(b->arena);
    b->a = cos_arena_alloc(b->arena);

    q = strchr(r->target, '?');
    b->http.method = str(r->method);
    b->http.path = str(r->target);
    b->http.path.len = q ? (size_t) (q - r->target) : strlen(r->target);
    b->http.path_decoded.data = cos_alloc(b->a, b->http.path.len);
    n = cos_pct_decode(b->http.path_decoded.data, b->http.path, 0);
    assert_true(n >= 0);
    b->http.path_decoded.len = (size_t) n;
    assert_int_equal(cos_args_parse(&b->http.args, str(q ? q + 1 : ""), b->a),
                     COS_OK);

    for (i = 0; i < r->n; i++) {
        b->headers[i].name = str(r->name[i]);
        b->headers[i].value = cos_str_trim(str(r->value[i]));
    }

    b->http.headers = b->headers;
    b->http.nheaders = (size_t) r->n;
}


static inline cos_err_e
judge(req_t *r, const char *secret, int64_t now, const char *region)
{
    built_t   b;
    cos_err_e rc;

    build(&b, r);
    rc = cos_sig_parse(&b.http, &b.sig, b.a);

    if (rc == COS_OK) {
        rc = cos_sig_verify(&b.http, &b.sig, str(secret), now, str(region),
                            b.a, NULL);
    }

    cos_arena_free(b.arena);

    return rc;
}


static inline void
to_hex(char *hex, const unsigned char *p, size_t n)
{
    for (; n; n--, p++, hex += 2) {
        snprintf(hex, 3, "%02x", *p);
    }
}


static inline void
hmac(const EVP_MD *md, const void *key, size_t klen, const void *p, size_t n,
    unsigned char *out)
{
    assert_non_null(HMAC(md, key, (int) klen, p, n, out, NULL));
}


/* scope: 20130524/us-east-1/s3/aws4_request */
static inline void
v4_key(const char *secret, const char *scope, unsigned char *key)
{
    int  len, first = 1;
    char text[256];

    len = snprintf(text, sizeof(text), "AWS4%s", secret);

    while (*scope) {
        hmac(EVP_sha256(), first ? (void *) text : (void *) key,
             first ? (size_t) len : 32, scope, strcspn(scope, "/"), key);
        scope += strcspn(scope, "/");
        scope += *scope == '/';
        first = 0;
    }
}


static inline void
v4_sign(char hex[65], const char *secret, const char *date, const char *scope,
    const char *canonical)
{
    int           n;
    char          text[512], hash[65];
    unsigned char key[32], md[32];

    EVP_Digest(canonical, strlen(canonical), md, NULL, EVP_sha256(), NULL);
    to_hex(hash, md, 32);
    n = snprintf(text, sizeof(text), "AWS4-HMAC-SHA256\n%s\n%s\n%s", date,
                 scope, hash);
    v4_key(secret, scope, key);
    hmac(EVP_sha256(), key, 32, text, (size_t) n, md);
    to_hex(hex, md, 32);
}


static inline void
cos_sign(char hex[41], const char *secret, const char *time,
    const char *http_string)
{
    int           n;
    char          text[512], key[41], hash[41];
    unsigned char md[20];

    EVP_Digest(http_string, strlen(http_string), md, NULL, EVP_sha1(), NULL);
    to_hex(hash, md, 20);
    n = snprintf(text, sizeof(text), "sha1\n%s\n%s\n", time, hash);
    hmac(EVP_sha1(), secret, strlen(secret), time, strlen(time), md);
    to_hex(key, md, 20);
    hmac(EVP_sha1(), key, 40, text, (size_t) n, md);
    to_hex(hex, md, 20);
}


static inline void
bce_sign(char hex[65], const char *secret, const char *prefix,
    const char *canonical)
{
    char          key[65];
    unsigned char md[32];

    hmac(EVP_sha256(), secret, strlen(secret), prefix, strlen(prefix), md);
    to_hex(key, md, 32);
    hmac(EVP_sha256(), key, 64, canonical, strlen(canonical), md);
    to_hex(hex, md, 32);
}

#endif
