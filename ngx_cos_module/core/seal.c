/*
 * core: sealing of secrets and tokens with AES-256-GCM, and random bytes.
 * Contexts are not kept here: they hold the key schedule, and sealing is rare.
 */

#include <limits.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "core.h"

#define NONCE_LEN  12
#define TAG_LEN    16

/* EVP counts in int */
#define SEAL_MAX   ((size_t) INT_MAX - COS_SEAL_OVERHEAD)


int
cos_seal(const cos_u8 key[32], cos_str_t aad, cos_str_t plain, cos_u8 *out)
{
    int             len, ok;
    cos_u8         *text, *tag;
    EVP_CIPHER_CTX *ctx;

    if (cos_core_gcm() == NULL || plain.len > SEAL_MAX || aad.len > SEAL_MAX
        || cos_random(out, NONCE_LEN) != 0)
    {
        return -1;
    }

    ctx = EVP_CIPHER_CTX_new();
    if (ctx == NULL) {
        return -1;
    }

    text = out + NONCE_LEN;
    tag = text + plain.len;

    ok = EVP_EncryptInit_ex2(ctx, cos_core_gcm(), key, out, NULL)
         && (aad.len == 0
             || EVP_EncryptUpdate(ctx, NULL, &len, aad.data, (int) aad.len))
         && (plain.len == 0
             || EVP_EncryptUpdate(ctx, text, &len, plain.data,
                                  (int) plain.len))
         && EVP_EncryptFinal_ex(ctx, tag, &len)
         && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, tag) > 0;

    EVP_CIPHER_CTX_free(ctx);

    return ok ? 0 : -1;
}


ptrdiff_t
cos_unseal(const cos_u8 key[32], cos_str_t aad, cos_str_t sealed, cos_u8 *out)
{
    int             len, ok;
    size_t          n;
    cos_u8          tag[TAG_LEN], none[1], *text;
    EVP_CIPHER_CTX *ctx;

    if (cos_core_gcm() == NULL || sealed.len < COS_SEAL_OVERHEAD
        || sealed.len > (size_t) INT_MAX || aad.len > SEAL_MAX)
    {
        return -1;
    }

    ctx = EVP_CIPHER_CTX_new();
    if (ctx == NULL) {
        return -1;
    }

    n = sealed.len - COS_SEAL_OVERHEAD;
    text = sealed.data + NONCE_LEN;
    memcpy(tag, text + n, TAG_LEN);

    ok = EVP_DecryptInit_ex2(ctx, cos_core_gcm(), key, sealed.data, NULL)
         && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) > 0
         && (aad.len == 0
             || EVP_DecryptUpdate(ctx, NULL, &len, aad.data, (int) aad.len))
         && (n == 0 || EVP_DecryptUpdate(ctx, out, &len, text, (int) n))
         && EVP_DecryptFinal_ex(ctx, none, &len) > 0;

    EVP_CIPHER_CTX_free(ctx);

    if (!ok) {
        /* what was not authenticated must not be used by mistake */
        OPENSSL_cleanse(out, n);
        return -1;
    }

    return (ptrdiff_t) n;
}


int
cos_random(void *p, size_t n)
{
    if (n > (size_t) INT_MAX) {
        return -1;
    }

    return n == 0 || RAND_bytes(p, (int) n) == 1 ? 0 : -1;
}
