/*
 * core: AES-256 in counter mode, for bytes at rest. It keeps their length and
 * can begin anywhere, so encrypted bytes lie where plain ones would.
 */

#include <limits.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "core.h"

#define BLOCK  16

struct cos_crypt_s {
    EVP_CIPHER_CTX  *ctx;
};

static int update(cos_crypt_t *c, cos_u8 *dst, const cos_u8 *src, size_t n);


cos_crypt_t *
cos_crypt_create(const cos_u8 key[COS_CRYPT_KEY])
{
    cos_crypt_t *c;

    if (cos_core_ctr() == NULL) {
        return NULL;
    }

    c = malloc(sizeof(cos_crypt_t));
    if (c == NULL) {
        return NULL;
    }

    c->ctx = EVP_CIPHER_CTX_new();

    if (c->ctx == NULL
        || !EVP_EncryptInit_ex2(c->ctx, cos_core_ctr(), key, NULL, NULL))
    {
        cos_crypt_free(c);
        return NULL;
    }

    return c;
}


int
cos_crypt_seek(cos_crypt_t *c, const cos_u8 nonce[COS_CRYPT_NONCE],
    uint64_t pos)
{
    int      i;
    uint64_t n;
    cos_u8   block[BLOCK], skipped[BLOCK];

    memcpy(block, nonce, COS_CRYPT_NONCE);

    for (i = BLOCK - 1, n = pos / BLOCK; i >= COS_CRYPT_NONCE; i--, n >>= 8) {
        block[i] = (cos_u8) n;
    }

    /* the key schedule stays */
    if (!EVP_EncryptInit_ex2(c->ctx, NULL, NULL, block, NULL)) {
        return -1;
    }

    memset(skipped, 0, BLOCK);

    return update(c, skipped, skipped, pos % BLOCK);
}


int
cos_crypt_update(cos_crypt_t *c, void *dst, const void *src, size_t n)
{
    size_t        len;
    cos_u8       *to;
    const cos_u8 *from;

    /* EVP counts in int */
    for (to = dst, from = src; n; to += len, from += len, n -= len) {
        len = n < INT_MAX / 2 ? n : INT_MAX / 2;

        if (update(c, to, from, len) != 0) {
            return -1;
        }
    }

    return 0;
}


static int
update(cos_crypt_t *c, cos_u8 *dst, const cos_u8 *src, size_t n)
{
    int len;

    if (n == 0) {
        return 0;
    }

    return EVP_EncryptUpdate(c->ctx, dst, &len, src, (int) n)
           && len == (int) n ? 0 : -1;
}


void
cos_crypt_free(cos_crypt_t *c)
{
    if (c != NULL) {
        /* cleanses the key schedule */
        EVP_CIPHER_CTX_free(c->ctx);
        free(c);
    }
}


void
cos_cleanse(void *p, size_t n)
{
    OPENSSL_cleanse(p, n);
}
