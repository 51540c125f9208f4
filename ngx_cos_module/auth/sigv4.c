/*
 * auth: AWS Signature Version 4 (S3 API, "Authenticating Requests"): the
 * signature's parts, the key, the comparison. sigv4_canon.c builds what is
 * compared.
 */

#include <openssl/crypto.h>

#include "sig_internal.h"

#define ALGORITHM    "AWS4-HMAC-SHA256"
#define DATE_LEN     16               /* 20150830T123600Z */
#define DAY_LEN      8                /* the date's beginning */
#define REGION_MAX   64
#define EXPIRES_MAX  604800

/* Derived keys: a client uses one for a day, and deriving costs four HMACs. */
#define KEY_SETS     16
#define KEY_WAYS     4

typedef struct {
    cos_u8  id[COS_SHA256_LEN];       /* hash of secret, day and region */
    cos_u8  key[COS_SHA256_LEN];
} kept_key_t;

typedef struct {
    kept_key_t  way[KEY_WAYS];
    unsigned    next;                 /* the way to give up */
    unsigned    used;
} key_set_t;

static cos_err_e split_credential(cos_sig_t *sig, cos_str_t s);
static int lower_list(cos_str_t list);
static int is_date(cos_str_t s);
static cos_err_e header_date(const cos_http_t *h, cos_sig_t *sig,
    cos_alloc_t *a);
static cos_err_e attempt(const cos_http_t *h, const cos_sig_t *sig,
    const cos_u8 *key, int raw, cos_alloc_t *a, cos_buf_t *canonical);
static int derive(const cos_sig_t *sig, cos_u8 *first, size_t len,
    cos_u8 *key);

static __thread key_set_t  kept_keys[KEY_SETS];


cos_err_e
cos_sig_v4_header(const cos_http_t *h, cos_sig_t *sig, cos_str_t value,
    cos_alloc_t *a)
{
    cos_err_e           rc;
    cos_str_t           piece, name, credential, *field;
    const cos_header_t *hd;

    credential = COS_STR("");
    sig->scheme = COS_SIG_V4;

    while (cos_sig_cut(&value, ',', &piece)) {
        (void) cos_sig_cut(&piece, '=', &name);
        name = cos_str_trim(name);
        field = cos_str_is(name, "Credential") ? &credential
                : cos_str_is(name, "SignedHeaders") ? &sig->header_list
                : cos_str_is(name, "Signature") ? &sig->signature : NULL;

        if (field == NULL || field->len != 0 || piece.data == NULL) {
            return COS_E_AUTH_HEADER_MALFORMED;
        }

        *field = cos_str_trim(piece);
    }

    if (split_credential(sig, credential) != COS_OK
        || !lower_list(sig->header_list) || sig->signature.len == 0)
    {
        return COS_E_AUTH_HEADER_MALFORMED;
    }

    rc = header_date(h, sig, a);
    if (rc != COS_OK) {
        return rc;
    }

    hd = cos_header(h, "x-amz-security-token");
    if (hd != NULL) {
        sig->token = hd->value;
    }

    hd = cos_header(h, "x-amz-content-sha256");

    if (sig->body_digest.len != 0) {
        sig->payload = COS_PAYLOAD_SHA256;

        return hd == NULL || cos_str_eq(hd->value, sig->body_digest)
               ? COS_OK : COS_E_CONTENT_SHA256_MISMATCH;
    }

    if (hd == NULL) {
        return COS_E_MISSING_SECURITY_HEADER;
    }

    if (cos_header_count(h, "x-amz-content-sha256") != 1) {
        return COS_E_CONTENT_SHA256_INVALID;
    }

    return cos_sig_v4_words(sig, hd->value);
}


cos_err_e
cos_sig_v4_query(const cos_http_t *h, cos_sig_t *sig, const cos_sig_query_t *q)
{
    int                 i;
    int64_t             start;
    uint64_t            expires;
    const cos_header_t *hd;

    for (i = COS_Q_V4_ALGORITHM; i <= COS_Q_V4_SIGNATURE; i++) {
        if (q->arg[i] == NULL || q->arg[i]->value.len == 0) {
            return COS_E_AUTH_QUERY_MALFORMED;
        }
    }

    sig->scheme = COS_SIG_V4;
    sig->date = q->arg[COS_Q_V4_DATE]->value;
    sig->header_list = q->arg[COS_Q_V4_HEADERS]->value;
    sig->signature = q->arg[COS_Q_V4_SIGNATURE]->value;

    if (!cos_str_is(q->arg[COS_Q_V4_ALGORITHM]->value, ALGORITHM)
        || cos_sig_v4_scope(sig, q->arg[COS_Q_V4_CREDENTIAL]->value, sig->date)
           != COS_OK
        || !lower_list(sig->header_list)
        || cos_str_uint(q->arg[COS_Q_V4_EXPIRES]->value, &expires) != 0
        || expires < 1 || expires > EXPIRES_MAX)
    {
        return COS_E_AUTH_QUERY_MALFORMED;
    }

    start = cos_parse_iso8601(sig->date);
    sig->start = start;
    sig->end = start + (int64_t) expires;

    hd = cos_header(h, "x-amz-security-token");

    if (q->arg[COS_Q_V4_TOKEN] != NULL) {
        sig->token = q->arg[COS_Q_V4_TOKEN]->value;

    } else if (hd != NULL) {
        sig->token = hd->value;
    }

    return cos_sig_v4_words(sig, cos_sig_v4_payload(h, sig));
}


static const char *
service(const cos_sig_t *sig)
{
    return sig->body_digest.len ? "sts" : "s3";
}


/* access-key/20150830/region/s3/aws4_request; the key may hold slashes. */
static cos_err_e
split_credential(cos_sig_t *sig, cos_str_t s)
{
    int       i;
    size_t    at;
    cos_str_t part[4];

    at = s.len;

    for (i = 3; i >= 0; i--) {
        part[i].len = 0;

        while (at > 0 && s.data[at - 1] != '/') {
            at--;
            part[i].len++;
        }

        if (at == 0) {
            return COS_E_AUTH_HEADER_MALFORMED;
        }

        part[i].data = s.data + at;
        at--;                                   /* the slash before it */
    }

    sig->access_key = (cos_str_t) { at, s.data };
    sig->scope.data = part[0].data;
    sig->scope.len = s.len - at - 1;
    sig->region = part[1];

    if (at == 0 || part[0].len != DAY_LEN || part[1].len == 0
        || part[1].len > REGION_MAX || !cos_str_is(part[2], service(sig))
        || !cos_str_is(part[3], "aws4_request"))
    {
        return COS_E_AUTH_HEADER_MALFORMED;
    }

    return COS_OK;
}


cos_err_e
cos_sig_v4_scope(cos_sig_t *sig, cos_str_t credential, cos_str_t date)
{
    if (split_credential(sig, credential) != COS_OK || !is_date(date)
        || memcmp(date.data, sig->scope.data, DAY_LEN) != 0)
    {
        return COS_E_AUTH_QUERY_MALFORMED;
    }

    return COS_OK;
}


static int
lower_list(cos_str_t list)
{
    size_t    i;
    cos_str_t item;

    if (list.len == 0 || cos_sig_count(list) > COS_SIG_NAMES_MAX) {
        return 0;
    }

    while (cos_sig_cut(&list, ';', &item)) {
        for (i = 0; i < item.len; i++) {
            if (item.data[i] >= 'A' && item.data[i] <= 'Z') {
                return 0;
            }
        }

        if (item.len == 0) {
            return 0;
        }
    }

    return 1;
}


static int
is_date(cos_str_t s)
{
    return s.len == DATE_LEN && cos_parse_iso8601(s) >= 0;
}


/* x-amz-date, or else Date in either form. */
static cos_err_e
header_date(const cos_http_t *h, cos_sig_t *sig, cos_alloc_t *a)
{
    char                text[25];
    size_t              i, n;
    int64_t             at;
    const cos_header_t *hd;

    hd = cos_header(h, "x-amz-date");

    if (hd != NULL) {
        sig->date = hd->value;

    } else {
        hd = cos_header(h, "date");
        sig->date = hd != NULL ? hd->value : COS_STR("");
        at = cos_parse_http_date(sig->date);

        if (at >= 0) {
            n = cos_iso8601(text, at * 1000, 0);

            if (cos_dup(a, &sig->date, text, n) != 0) {
                return COS_E_INTERNAL;
            }

            for (i = 0, sig->date.len = 0; i < n; i++) {
                if (text[i] != '-' && text[i] != ':') {
                    sig->date.data[sig->date.len++] = (cos_u8) text[i];
                }
            }
        }
    }

    if (!is_date(sig->date)) {
        return COS_E_ACCESS_DENIED;
    }

    if (memcmp(sig->date.data, sig->scope.data, DAY_LEN) != 0) {
        return COS_E_AUTH_HEADER_MALFORMED;
    }

    at = cos_parse_iso8601(sig->date);
    sig->start = at - COS_SIG_SKEW;
    sig->end = at + COS_SIG_SKEW;

    return COS_OK;
}


cos_err_e
cos_sig_v4_words(cos_sig_t *sig, cos_str_t s)
{
    if (cos_unhex(sig->payload_sha256, COS_SHA256_LEN, s) == 0) {
        sig->payload = COS_PAYLOAD_SHA256;

    } else if (cos_str_is(s, "UNSIGNED-PAYLOAD")) {
        sig->payload = COS_PAYLOAD_UNSIGNED;

    } else if (cos_str_is(s, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")) {
        sig->payload = COS_PAYLOAD_STREAM_SIGNED;

    } else if (cos_str_is(s, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")) {
        sig->payload = COS_PAYLOAD_STREAM_SIGNED_TRAILER;

    } else if (cos_str_is(s, "STREAMING-UNSIGNED-PAYLOAD-TRAILER")) {
        sig->payload = COS_PAYLOAD_STREAM_UNSIGNED_TRAILER;

    } else {
        return COS_E_CONTENT_SHA256_INVALID;
    }

    return COS_OK;
}


cos_err_e
cos_sig_v4_verify(const cos_http_t *h, cos_sig_t *sig, cos_str_t secret,
    cos_alloc_t *a, cos_buf_t *canonical)
{
    int       raw, may;
    cos_u8    key[COS_SHA256_LEN];
    cos_err_e rc;

    if (cos_sig_v4_key(sig, secret, key) != 0) {
        return COS_E_INTERNAL;
    }

    rc = attempt(h, sig, key, 0, a, canonical);

    if (rc == COS_E_SIGNATURE_MISMATCH) {
        may = cos_sig_v4_variants(h);

        for (raw = 1; raw <= (COS_V4_RAW_PATH | COS_V4_RAW_PLUS); raw++) {
            if ((raw & ~may) != 0 || rc != COS_E_SIGNATURE_MISMATCH) {
                continue;
            }

            rc = attempt(h, sig, key, raw, a, NULL);
            sig->literal_plus = rc == COS_OK && (raw & COS_V4_RAW_PLUS);
        }
    }

    if (rc == COS_OK) {
        memcpy(sig->signing_key, key, sizeof(key));
    }

    OPENSSL_cleanse(key, sizeof(key));

    return rc;
}


static cos_err_e
attempt(const cos_http_t *h, const cos_sig_t *sig, const cos_u8 *key, int raw,
    cos_alloc_t *a, cos_buf_t *canonical)
{
    char      hex[COS_SHA256_LEN * 2];
    cos_u8    digest[COS_SHA256_LEN];
    cos_buf_t b;
    cos_err_e rc;
    cos_str_t text, to_sign;

    cos_buf_init(&b, a, 1024 + h->path.len);

    rc = cos_sig_v4_canonical(h, sig, raw, a, &b);
    if (rc != COS_OK) {
        return rc;
    }

    text = (cos_str_t) { b.len, b.data };

    if (b.err || cos_md_once(COS_SHA256, text.data, text.len, digest) != 0) {
        return COS_E_INTERNAL;
    }

    cos_hex(hex, digest, sizeof(digest));

    cos_buf_lit(&b, ALGORITHM "\n");
    cos_buf_str(&b, sig->date);
    cos_buf_char(&b, '\n');
    cos_buf_str(&b, sig->scope);
    cos_buf_char(&b, '\n');
    cos_buf_add(&b, hex, sizeof(hex));

    text.data = b.data;                /* it may have moved */
    to_sign = (cos_str_t) { b.len - text.len, b.data + text.len };

    if (b.err
        || cos_hmac(COS_SHA256, key, COS_SHA256_LEN, to_sign.data,
                    to_sign.len, digest) != 0)
    {
        return COS_E_INTERNAL;
    }

    cos_sig_show(canonical, text, to_sign);

    cos_hex(hex, digest, sizeof(digest));
    rc = cos_str_eq_secret(sig->signature,
                           (cos_str_t) { sizeof(hex), (cos_u8 *) hex })
         ? COS_OK : COS_E_SIGNATURE_MISMATCH;

    OPENSSL_cleanse(digest, sizeof(digest));
    OPENSSL_cleanse(hex, sizeof(hex));

    return rc;
}


int
cos_sig_v4_key(const cos_sig_t *sig, cos_str_t secret, cos_u8 *key)
{
    int        rc;
    size_t     n;
    unsigned   i;
    cos_u8     text[4 + COS_SIG_SECRET_MAX + DAY_LEN + REGION_MAX + 1];
    cos_u8     id[COS_SHA256_LEN];
    key_set_t *set;

    if (secret.len > COS_SIG_SECRET_MAX) {
        return -1;
    }

    /* one text serves both: "AWS4" secret is the first key, and with the day
     * and the region it tells all that the last one is made of */
    memcpy(text, "AWS4", 4);
    memcpy(text + 4, secret.data, secret.len);
    n = 4 + secret.len;
    text[n] = sig->body_digest.len != 0;        /* the service */
    memcpy(text + n + 1, sig->scope.data, DAY_LEN);
    memcpy(text + n + 1 + DAY_LEN, sig->region.data, sig->region.len);

    rc = cos_md_once(COS_SHA256, text, n + 1 + DAY_LEN + sig->region.len, id);
    set = &kept_keys[id[0] % KEY_SETS];

    for (i = 0; rc == 0 && i < set->used; i++) {
        if (memcmp(set->way[i].id, id, sizeof(id)) == 0) {
            memcpy(key, set->way[i].key, COS_SHA256_LEN);
            goto done;
        }
    }

    if (rc == 0) {
        rc = derive(sig, text, n, key);
    }

    if (rc == 0) {
        i = set->next;
        set->next = (i + 1) % KEY_WAYS;
        set->used += set->used < KEY_WAYS;
        memcpy(set->way[i].id, id, sizeof(id));
        memcpy(set->way[i].key, key, COS_SHA256_LEN);
    }

done:

    OPENSSL_cleanse(text, sizeof(text));

    return rc;
}


static int
derive(const cos_sig_t *sig, cos_u8 *first, size_t len, cos_u8 *key)
{
    if (cos_hmac(COS_SHA256, first, len, sig->scope.data, DAY_LEN, key) != 0
        || cos_hmac(COS_SHA256, key, COS_SHA256_LEN, sig->region.data,
                    sig->region.len, key) != 0
        || cos_hmac(COS_SHA256, key, COS_SHA256_LEN, service(sig),
                    strlen(service(sig)), key) != 0
        || cos_hmac(COS_SHA256, key, COS_SHA256_LEN, "aws4_request", 12, key)
           != 0)
    {
        return -1;
    }

    return 0;
}
