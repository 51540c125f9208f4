/*
 * auth: one file for each signature dialect, and the streaming decoder of
 * aws-chunked bodies. Pure: the caller looks secrets up and judges rights.
 *
 *   cos_sign.c   COS  q-sign-algorithm=sha1        (cos-api.md section 1)
 *   sigv4.c      AWS4-HMAC-SHA256                  (S3 API, "Authenticating
 *                                                   Requests")
 *   sigv2.c      AWS version 2                     (S3 API, "Signing and
 *                                                   Authenticating REST
 *                                                   Requests")
 *   bce_sign.c   bce-auth-v1                       (BCE authentication)
 *   aws_chunk.c  aws-chunked bodies                (S3 API, "sigv4-streaming")
 *
 * Way of a request: cos_sig_parse() finds out who claims to sign and how and
 * rejects what is malformed, without any secret; the caller fetches the
 * secret of sig.access_key; cos_sig_verify() then proves or refuses it.
 */

#ifndef COS_AUTH_H
#define COS_AUTH_H

#include "cos_http.h"

#pragma GCC visibility push(hidden)

typedef enum {
    COS_SIG_NONE = 0,                 /* anonymous */
    COS_SIG_COS,
    COS_SIG_V4,
    COS_SIG_BCE,
    COS_SIG_V2,                       /* the caller decides whether it counts */
    COS_SIG_TC                        /* Tencent's API, see cos_sts.h */
} cos_sig_scheme_e;

typedef enum {
    COS_PAYLOAD_NONE = 0,             /* the signature says nothing about it */
    COS_PAYLOAD_SHA256,               /* sig.payload_sha256 */
    COS_PAYLOAD_UNSIGNED,             /* UNSIGNED-PAYLOAD */
    COS_PAYLOAD_STREAM_SIGNED,        /* STREAMING-AWS4-HMAC-SHA256-PAYLOAD */
    COS_PAYLOAD_STREAM_SIGNED_TRAILER,
    COS_PAYLOAD_STREAM_UNSIGNED_TRAILER
} cos_payload_e;

typedef struct {
    cos_sig_scheme_e  scheme;
    unsigned          in_query:1;     /* presigned */
    unsigned          literal_plus:1; /* V4, set by verify: the client signed
                                         '+' in the query as a plus */
    cos_payload_e     payload;
    cos_str_t         access_key;
    cos_str_t         token;          /* security token; empty when none */
    cos_str_t         region;         /* of the V4 scope, else empty */
    cos_str_t         signature;      /* hex, as sent */
    cos_u8            payload_sha256[COS_SHA256_LEN];
    int64_t           start;          /* validity, Unix seconds, inclusive */
    int64_t           end;

    /* V4: of the service "sts" and not "s3", set before it is parsed: the body's
     * SHA-256 in hex */
    cos_str_t         body_digest;
    /* V2: the bucket that the host names, set before verify */
    cos_str_t         bucket;
    /* of a form: what was signed, base64 */
    cos_str_t         policy;

    /* V4: what chunk signatures go on from (V2: the line of the date) */
    cos_str_t         date;           /* 20150830T123600Z */
    cos_str_t         scope;          /* 20150830/region/s3/aws4_request */
    cos_u8            signing_key[COS_SHA256_LEN];  /* set by verify */

    /* as sent, for the dialect files */
    cos_str_t         header_list;    /* names joined by ';' */
    cos_str_t         param_list;     /* COS only */
    cos_str_t         sign_time;      /* COS: s;e  BCE: timestamp */
    cos_str_t         key_time;       /* COS: s;e  BCE: expiry seconds */
    cos_str_t         prefix;         /* BCE: what the signing key is made of */
} cos_sig_t;

/*
 * Recognises header form, URL form, COS' legacy "sign" parameter, or nothing
 * (COS_SIG_NONE, COS_OK). Each of these has its own error: both header and
 * query (or two Authorization headers, or a duplicate signature parameter):
 * COS_E_AUTH_DUPLICATE; an unknown Authorization scheme:
 * COS_E_AUTH_UNSUPPORTED; a malformed one: COS_E_AUTH_HEADER_MALFORMED or
 * COS_E_AUTH_QUERY_MALFORMED (COS and BCE dialects: COS_E_INVALID_ARGUMENT);
 * V4 header form without x-amz-content-sha256: COS_E_MISSING_SECURITY_HEADER,
 * with a bad one: COS_E_CONTENT_SHA256_INVALID; V4 header form without a date:
 * COS_E_ACCESS_DENIED; X-Amz-Expires outside 1..604800:
 * COS_E_AUTH_QUERY_MALFORMED. AWS' version 2: malformed COS_E_INVALID_ARGUMENT;
 * without a date or Expires, or with a bad one: COS_E_ACCESS_DENIED. An empty Authorization header counts as none; "sign" and "authorization"
 * parameters only when their value begins as a signature does. sig->scheme
 * may be set although an error is returned. Spans point into h or memory of a.
 */
cos_err_e cos_sig_parse(const cos_http_t *h, cos_sig_t *sig, cos_alloc_t *a);

/*
 * Proves the request with the secret. now: Unix seconds. region: what a V4
 * scope must name; empty accepts any. Order: time (COS_E_EXPIRED for past the
 * end; COS_E_TIME_SKEWED for more than 15 minutes off: V4 header date either
 * way, start in the future for COS, BCE and presigned forms: 15 minutes of
 * grace; V2 in headers as V4), region (COS_E_AUTH_REGION), signature (COS_E_SIGNATURE_MISMATCH, in
 * constant time), then which headers must be covered:
 *   V4:  every x-amz-* header present and host; COS_E_UNSIGNED_HEADER.
 *        (x-amz-content-sha256 is covered by the canonical request itself.)
 *   BCE: host.
 *   V2:  nothing more, it covers every x-amz-* header.
 *   all: those that widen rights or change where bytes come from: names
 *        ending in -acl or holding -grant-, -copy-source*, -symlink-*,
 *        -callback*, -return-body, -object-lock-* / retention, -website-
 *        redirect-location, -fetch-source, -process, -request-payer,
 *        -bucket-object-lock-*, and -server-side-encryption* of what is not
 *        read (any of the prefixes x-cos-, x-amz-, x-bce-):
 *        COS_E_UNSIGNED_HEADER. All SDKs sign every x-cos-* header they send,
 *        and those a caller names for a URL. Unlisted headers
 *        with an empty value are ignored, as SDKs send them unsigned.
 *        On COS requests, a query parameter that means the same as such a
 *        header counts like it.
 * COS: on a mismatch the host is tried once more without its port (Python
 * SDK); list entries may be encoded once more (Node SDK). A listed name that
 * the request has more often than the list is a mismatch.
 * V4: on a mismatch the path is taken as sent and '+' in the query as a plus
 * once more. With sig->literal_plus set, the values of h->args still have a
 * space there: a caller that cares decodes raw_value itself.
 * secret: at most 256 bytes, else COS_E_INTERNAL. Derived V4 keys are kept for
 * each thread, so that a client's next request costs one HMAC.
 * canonical: when not NULL, receives the canonical request and the string to
 * sign of the (first) attempt, for diagnosis; it never holds a secret.
 */
cos_err_e cos_sig_verify(const cos_http_t *h, cos_sig_t *sig, cos_str_t secret,
    int64_t now, cos_str_t region, cos_alloc_t *a, cos_buf_t *canonical);

/* Whether the signature covers that (lower-case) header name. */
int cos_sig_covers(const cos_sig_t *sig, const char *name);
/* Whether it covers the query parameter of that name. V4 and BCE cover all; V2
 * a fixed list (and list-type, which changes no right); COS those that are
 * listed, and others may be added to a URL by anybody; a form's none. */
int cos_sig_covers_arg(const cos_sig_t *sig, cos_str_t name);


/* --- aws-chunked ---------------------------------------------------------- */

#define COS_CHUNK_LINE_MAX     1024      /* a chunk header or trailer line */
#define COS_CHUNK_SIZE_MAX     (1ULL << 33)
#define COS_TRAILERS_MAX       8

typedef struct cos_chunked_s  cos_chunked_t;

/* Receives decoded payload in order; anything but 0 stops the decoder with
 * COS_E_INTERNAL. */
typedef int (*cos_chunk_sink_pt)(void *ctx, const cos_u8 *p, size_t n);

/*
 * A decoder for one body. sig: a verified V4 signature (payload says which
 * framing). announced: value of x-amz-trailer, may be empty. Heap-backed;
 * free with cos_chunked_free. NULL when out of memory.
 */
cos_chunked_t *cos_chunked_create(const cos_sig_t *sig, cos_str_t announced,
    cos_chunk_sink_pt sink, void *ctx);
/*
 * Feeds wire bytes, split anywhere. A signed chunk's bytes reach the sink
 * before its signature is known, so the caller must not commit anything
 * before cos_chunked_finish() returned COS_OK. Errors: COS_E_CHUNK_SIGNATURE,
 * COS_E_CHUNK_MALFORMED, COS_E_TRAILER_MALFORMED; after an error every call
 * returns it again.
 */
cos_err_e cos_chunked_feed(cos_chunked_t *c, const cos_u8 *p, size_t n);
/* Call at the end of the body: COS_OK when the final chunk (and the trailer
 * with its signature, where there must be one) was seen and nothing came
 * after it; COS_E_INCOMPLETE_BODY when it ended early. */
cos_err_e cos_chunked_finish(cos_chunked_t *c);
/* Decoded bytes so far. */
uint64_t cos_chunked_size(const cos_chunked_t *c);
/* Trailer value by lower-case name (valid until free), or an empty span. */
cos_str_t cos_chunked_trailer(const cos_chunked_t *c, const char *name);
void cos_chunked_free(cos_chunked_t *c);

#pragma GCC visibility pop

#endif
