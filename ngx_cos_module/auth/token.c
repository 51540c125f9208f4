/*
 * auth: what a token holds and how it is sealed.
 *
 *    0  u8 version
 *    1  u8 length of the access key, of the parent's
 *    3  u16 length of the policy
 *    5  u64 issued
 *   13  u64 expires
 *   21  the texts, in that order
 *
 * Numbers are little-endian. Sealed with AES-256-GCM, then base64 of the sort
 * that URLs and headers take as it is.
 */

#include <openssl/crypto.h>

#include "cos_token.h"

#define VERSION    1
#define HEAD_LEN   21
#define KEY_MAX    128                /* as the gate has it */
#define PLAIN_MAX                                                             \
    (HEAD_LEN + COS_TOKEN_ID_LEN + KEY_MAX + COS_TOKEN_POLICY_MAX)

#define AAD  COS_STR("cos temporary credential")


int
cos_token_keys(cos_token_keys_t *k, const cos_u8 base[32])
{
    static const char  seal[] = "cos token seal\x01";
    static const char  secret[] = "cos token secret\x01";

    return cos_hmac(COS_SHA256, base, 32, seal, sizeof(seal) - 1, k->seal) == 0
           && cos_hmac(COS_SHA256, base, 32, secret, sizeof(secret) - 1,
                       k->secret) == 0
           ? 0 : -1;
}


int
cos_token_id(char id[COS_TOKEN_ID_LEN])
{
    cos_u8  raw[(COS_TOKEN_ID_LEN - 4) / 2];

    if (cos_random(raw, sizeof(raw)) != 0) {
        return -1;
    }

    memcpy(id, "AKID", 4);
    cos_hex(id + 4, raw, sizeof(raw));

    return 0;
}


int
cos_token_secret(char secret[COS_TOKEN_SECRET_LEN], cos_str_t id,
    const cos_token_keys_t *k)
{
    cos_u8  digest[COS_SHA256_LEN];

    if (cos_hmac(COS_SHA256, k->secret, sizeof(k->secret), id.data, id.len,
                 digest) != 0)
    {
        return -1;
    }

    cos_hex(secret, digest, COS_TOKEN_SECRET_LEN / 2);
    OPENSSL_cleanse(digest, sizeof(digest));

    return 0;
}


static cos_u8 *
number_put(cos_u8 *p, uint64_t n, unsigned bytes)
{
    while (bytes-- > 0) {
        *p++ = (cos_u8) n;
        n >>= 8;
    }

    return p;
}


static uint64_t
number_get(const cos_u8 *p, unsigned bytes)
{
    uint64_t  n = 0;

    while (bytes-- > 0) {
        n = n << 8 | p[bytes];
    }

    return n;
}


static cos_u8 *
text_put(cos_u8 *p, cos_str_t s)
{
    if (s.len != 0) {
        memcpy(p, s.data, s.len);
    }

    return p + s.len;
}


static cos_u8 *
text_get(cos_str_t *s, cos_u8 *p, size_t len)
{
    s->data = p;
    s->len = len;

    return p + len;
}


static int
fits(const cos_token_t *t)
{
    return t->id.len != 0 && t->id.len <= COS_TOKEN_ID_LEN
           && t->parent.len != 0 && t->parent.len <= KEY_MAX
           && t->policy.len <= COS_TOKEN_POLICY_MAX;
}


/* base64 without padding, "-" for "+" and "_" for "/" (RFC 4648 section 5) */
static int
text_of(cos_buf_t *b, const cos_u8 *p, size_t n)
{
    size_t  i, from;

    from = b->len;
    cos_base64(b, p, n);

    if (b->err) {
        return -1;
    }

    while (b->len > from && b->data[b->len - 1] == '=') {
        b->len--;
    }

    for (i = from; i < b->len; i++) {
        b->data[i] = b->data[i] == '+' ? '-' : b->data[i] == '/' ? '_'
                                                                  : b->data[i];
    }

    return 0;
}


/* What text_of() made; padding is allowed, as some clients add it. */
static ptrdiff_t
bytes_of(cos_u8 **out, cos_str_t text, cos_alloc_t *a)
{
    size_t     i;
    cos_u8     c;
    cos_str_t  s;

    while (text.len > 0 && text.data[text.len - 1] == '=') {
        text.len--;
    }

    if (text.len == 0 || text.len > COS_TOKEN_MAX) {
        return -1;
    }

    s.len = (text.len + 3) / 4 * 4;
    s.data = cos_alloc(a, s.len);

    if (s.data == NULL) {
        return -1;
    }

    for (i = 0; i < s.len; i++) {
        c = i < text.len ? text.data[i] : '=';

        if (c == '+' || c == '/') {
            return -1;
        }

        s.data[i] = c == '-' ? '+' : c == '_' ? '/' : c;
    }

    /* never longer than what it is decoded from */
    *out = s.data;

    return cos_unbase64(s.data, s);
}


int
cos_token_seal(cos_buf_t *b, const cos_token_t *t, const cos_token_keys_t *k)
{
    int        rc;
    cos_u8    *p, plain[PLAIN_MAX], sealed[PLAIN_MAX + COS_SEAL_OVERHEAD];
    cos_str_t  text;

    if (!fits(t)) {
        return -1;
    }

    plain[0] = VERSION;
    plain[1] = (cos_u8) t->id.len;
    plain[2] = (cos_u8) t->parent.len;
    p = number_put(plain + 3, t->policy.len, 2);
    p = number_put(p, t->issued, 8);
    p = number_put(p, t->expires, 8);
    p = text_put(p, t->id);
    p = text_put(p, t->parent);
    p = text_put(p, t->policy);

    text.data = plain;
    text.len = (size_t) (p - plain);

    rc = cos_seal(k->seal, AAD, text, sealed);

    return rc == 0 ? text_of(b, sealed, text.len + COS_SEAL_OVERHEAD) : -1;
}


int
cos_token_open(cos_token_t *t, cos_str_t text, const cos_token_keys_t *k,
    cos_alloc_t *a)
{
    size_t     len[3];
    cos_u8    *p;
    cos_str_t  sealed;
    ptrdiff_t  n;

    n = bytes_of(&sealed.data, text, a);

    if (n < COS_SEAL_OVERHEAD + HEAD_LEN) {
        return -1;
    }

    sealed.len = (size_t) n;
    p = cos_alloc(a, sealed.len);

    if (p == NULL) {
        return -1;
    }

    n = cos_unseal(k->seal, AAD, sealed, p);

    if (n < HEAD_LEN || p[0] != VERSION) {
        return -1;
    }

    len[0] = p[1];
    len[1] = p[2];
    len[2] = number_get(p + 3, 2);
    t->issued = number_get(p + 5, 8);
    t->expires = number_get(p + 13, 8);

    if (HEAD_LEN + len[0] + len[1] + len[2] != (size_t) n) {
        return -1;
    }

    p = text_get(&t->id, p + HEAD_LEN, len[0]);
    p = text_get(&t->parent, p, len[1]);
    (void) text_get(&t->policy, p, len[2]);

    return fits(t) ? 0 : -1;
}
