/*
 * auth: the signature of a form upload, in the three ways a form can carry
 * one. All of them sign the policy and nothing else; they differ in how the
 * key is derived and in what of the policy is hashed.
 *
 *   COS  HMAC-SHA1 of the hex SHA-1 of the policy's text, with the key of
 *        q-sign-algorithm=sha1
 *   V4   HMAC-SHA256 of the policy's base64, with the key of AWS4-HMAC-SHA256
 *   V2   HMAC-SHA1 of the policy's base64, with the secret; in base64
 */

#include <openssl/crypto.h>

#include "cos_post.h"
#include "sig_internal.h"

/* A policy without an end is judged by its own expiration. */
#define FOREVER  (1LL << 53)

static cos_str_t field(const cos_form_t *f, const char *name);
static cos_err_e parse_cos(const cos_form_t *f, cos_sig_t *sig);
static cos_err_e parse_v4(const cos_form_t *f, cos_sig_t *sig);
static cos_err_e parse_v2(const cos_form_t *f, cos_sig_t *sig);
static int sign_cos(const cos_sig_t *sig, cos_str_t secret, cos_alloc_t *a,
    cos_buf_t *b);
static int sign_v4(const cos_sig_t *sig, cos_str_t secret, cos_buf_t *b);
static int sign_v2(const cos_sig_t *sig, cos_str_t secret, cos_buf_t *b);
static int hex_hmac(cos_md_e kind, const void *key, size_t klen,
    cos_str_t text, cos_buf_t *b);


static cos_str_t
field(const cos_form_t *f, const char *name)
{
    const cos_form_field_t *x = cos_form_field(f, name);

    return x != NULL ? x->value : (cos_str_t) { 0, NULL };
}


cos_err_e
cos_form_sig_parse(const cos_form_t *f, cos_sig_t *sig)
{
    int       cos, v4, v2;
    cos_err_e rc;

    memset(sig, 0, sizeof(cos_sig_t));

    sig->policy = field(f, "policy");

    cos = cos_form_field(f, "q-signature") || cos_form_field(f, "q-ak")
          || cos_form_field(f, "q-sign-algorithm");
    v4 = cos_form_field(f, "x-amz-signature")
         || cos_form_field(f, "x-amz-credential")
         || cos_form_field(f, "x-amz-algorithm");
    v2 = cos_form_field(f, "signature")
         || cos_form_field(f, "awsaccesskeyid");

    if (cos + v4 + v2 > 1) {
        return COS_E_AUTH_DUPLICATE;
    }

    if (cos + v4 + v2 == 0) {
        return sig->policy.len ? COS_E_INVALID_ARGUMENT : COS_OK;
    }

    rc = cos ? parse_cos(f, sig) : v4 ? parse_v4(f, sig) : parse_v2(f, sig);

    if (rc == COS_OK && sig->policy.len == 0) {
        rc = COS_E_INVALID_ARGUMENT;
    }

    sig->payload = COS_PAYLOAD_NONE;
    sig->token = field(f, cos ? "x-cos-security-token"
                              : "x-amz-security-token");

    return rc;
}


static cos_err_e
parse_cos(const cos_form_t *f, cos_sig_t *sig)
{
    cos_u8  digest[COS_SHA1_LEN];

    sig->scheme = COS_SIG_COS;
    sig->access_key = field(f, "q-ak");
    sig->key_time = field(f, "q-key-time");
    sig->sign_time = sig->key_time;
    sig->signature = field(f, "q-signature");

    if (!cos_str_is(field(f, "q-sign-algorithm"), "sha1")
        || sig->access_key.len == 0
        || cos_sig_times(sig->key_time, &sig->start, &sig->end) != 0
        || cos_unhex(digest, sizeof(digest), sig->signature) != 0)
    {
        return COS_E_INVALID_ARGUMENT;
    }

    return COS_OK;
}


static cos_err_e
parse_v4(const cos_form_t *f, cos_sig_t *sig)
{
    sig->scheme = COS_SIG_V4;
    sig->date = field(f, "x-amz-date");
    sig->signature = field(f, "x-amz-signature");

    if (!cos_str_is(field(f, "x-amz-algorithm"), "AWS4-HMAC-SHA256")
        || sig->signature.len == 0
        || cos_sig_v4_scope(sig, field(f, "x-amz-credential"), sig->date)
           != COS_OK)
    {
        return COS_E_INVALID_ARGUMENT;
    }

    sig->start = cos_parse_iso8601(sig->date);
    sig->end = FOREVER;

    return COS_OK;
}


static cos_err_e
parse_v2(const cos_form_t *f, cos_sig_t *sig)
{
    sig->scheme = COS_SIG_V2;
    sig->access_key = field(f, "awsaccesskeyid");
    sig->signature = field(f, "signature");
    sig->end = FOREVER;

    return sig->access_key.len && sig->signature.len ? COS_OK
                                                     : COS_E_INVALID_ARGUMENT;
}


cos_err_e
cos_form_sig_verify(cos_sig_t *sig, cos_str_t secret, int64_t now,
    cos_str_t region, cos_alloc_t *a)
{
    int       rc;
    cos_buf_t b;
    cos_err_e err;

    err = cos_sig_check_time(sig, now);

    if (err == COS_OK && sig->scheme == COS_SIG_V4 && region.len != 0
        && !cos_str_eq(sig->region, region))
    {
        err = COS_E_AUTH_REGION;
    }

    /* anybody can sign with an empty secret */
    if (err == COS_OK && secret.len == 0) {
        err = COS_E_SIGNATURE_MISMATCH;
    }

    if (err != COS_OK) {
        return err;
    }

    cos_buf_init(&b, a, 2 * COS_SHA256_LEN + 8);

    rc = sig->scheme == COS_SIG_COS ? sign_cos(sig, secret, a, &b)
         : sig->scheme == COS_SIG_V4 ? sign_v4(sig, secret, &b)
         : sig->scheme == COS_SIG_V2 ? sign_v2(sig, secret, &b) : -1;

    if (rc != 0 || b.err) {
        return COS_E_INTERNAL;
    }

    err = cos_str_eq_secret(sig->signature, (cos_str_t) { b.len, b.data })
          ? COS_OK : COS_E_SIGNATURE_MISMATCH;

    OPENSSL_cleanse(b.data, b.len);

    return err;
}


static int
sign_cos(const cos_sig_t *sig, cos_str_t secret, cos_alloc_t *a, cos_buf_t *b)
{
    int        rc;
    char       sign_key[COS_SHA1_LEN * 2], hex[COS_SHA1_LEN * 2];
    cos_u8    *text, digest[COS_SHA1_LEN];
    ptrdiff_t  n;

    text = cos_alloc(a, sig->policy.len + 1);
    if (text == NULL) {
        return -1;
    }

    n = cos_unbase64(text, sig->policy);

    if (n < 0) {
        /* no text, so no signature of it: compares unequal */
        cos_buf_char(b, '-');
        return 0;
    }

    if (cos_md_once(COS_SHA1, text, (size_t) n, digest) != 0) {
        return -1;
    }

    cos_hex(hex, digest, sizeof(digest));

    if (cos_hmac(COS_SHA1, secret.data, secret.len, sig->key_time.data,
                 sig->key_time.len, digest) != 0)
    {
        return -1;
    }

    cos_hex(sign_key, digest, sizeof(digest));

    rc = hex_hmac(COS_SHA1, sign_key, sizeof(sign_key),
                  (cos_str_t) { sizeof(hex), (cos_u8 *) hex }, b);

    OPENSSL_cleanse(sign_key, sizeof(sign_key));
    OPENSSL_cleanse(digest, sizeof(digest));

    return rc;
}


static int
sign_v4(const cos_sig_t *sig, cos_str_t secret, cos_buf_t *b)
{
    int    rc;
    cos_u8 key[COS_SHA256_LEN];

    if (cos_sig_v4_key(sig, secret, key) != 0) {
        return -1;
    }

    rc = hex_hmac(COS_SHA256, key, sizeof(key), sig->policy, b);
    OPENSSL_cleanse(key, sizeof(key));

    return rc;
}


static int
sign_v2(const cos_sig_t *sig, cos_str_t secret, cos_buf_t *b)
{
    cos_u8 digest[COS_SHA1_LEN];

    if (cos_hmac(COS_SHA1, secret.data, secret.len, sig->policy.data,
                 sig->policy.len, digest) != 0)
    {
        return -1;
    }

    cos_base64(b, digest, sizeof(digest));
    OPENSSL_cleanse(digest, sizeof(digest));

    return 0;
}


static int
hex_hmac(cos_md_e kind, const void *key, size_t klen, cos_str_t text,
    cos_buf_t *b)
{
    cos_u8  digest[COS_SHA256_LEN], *p;
    size_t  n = kind == COS_SHA1 ? COS_SHA1_LEN : COS_SHA256_LEN;

    p = cos_buf_reserve(b, 2 * n);

    if (p == NULL
        || cos_hmac(kind, key, klen, text.data, text.len, digest) != 0)
    {
        return -1;
    }

    cos_hex((char *) p, digest, n);
    b->len += 2 * n;
    OPENSSL_cleanse(digest, sizeof(digest));

    return 0;
}
