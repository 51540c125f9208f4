/*
 * core: AES-256 in counter mode, for bytes at rest. It keeps their length and
 * can begin anywhere, so encrypted bytes lie where plain ones would.
 */

#include <limits.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "core.h"

#define BLOCK  16

/* OpenSSL's context does what is short or does not begin or end at a block, and
 * everything where the machine is not one for cos_wide_blocks(). */
struct cos_crypt_s {
    EVP_CIPHER_CTX  *ctx;
    cos_wide_t       keys;
    uint64_t         pos;             /* of the next byte */
    cos_u8           nonce[COS_CRYPT_NONCE];
    unsigned         wide:1;
    unsigned         behind:1;        /* ctx is not at pos */
};

static int set_position(cos_crypt_t *c);
static int update(cos_crypt_t *c, cos_u8 *dst, const cos_u8 *src, size_t n);
static int narrow(cos_crypt_t *c, cos_u8 *dst, const cos_u8 *src, size_t n);


cos_crypt_t *
cos_crypt_create(const cos_u8 key[COS_CRYPT_KEY])
{
    cos_crypt_t *c;

    if (cos_core_ctr() == NULL) {
        return NULL;
    }

    c = calloc(1, sizeof(cos_crypt_t));
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

    c->wide = cos_wide_init(&c->keys, key) != 0;

    return c;
}


int
cos_crypt_seek(cos_crypt_t *c, const cos_u8 nonce[COS_CRYPT_NONCE],
    uint64_t pos)
{
    memcpy(c->nonce, nonce, COS_CRYPT_NONCE);
    c->pos = pos;
    c->behind = 1;

    return 0;
}


/* Brings OpenSSL's context to pos. */
static int
set_position(cos_crypt_t *c)
{
    int      i;
    uint64_t n;
    cos_u8   block[BLOCK], skipped[BLOCK];

    memcpy(block, c->nonce, COS_CRYPT_NONCE);

    for (i = BLOCK - 1, n = c->pos / BLOCK; i >= COS_CRYPT_NONCE; i--, n >>= 8)
    {
        block[i] = (cos_u8) n;
    }

    /* the key schedule stays */
    if (!EVP_EncryptInit_ex2(c->ctx, NULL, NULL, block, NULL)) {
        return -1;
    }

    memset(skipped, 0, BLOCK);

    if (narrow(c, skipped, skipped, c->pos % BLOCK) != 0) {
        return -1;
    }

    c->behind = 0;

    return 0;
}


int
cos_crypt_update(cos_crypt_t *c, void *dst, const void *src, size_t n)
{
    size_t        len;
    cos_u8       *to = dst;
    const cos_u8 *from = src;

    if (c->wide && n >= BLOCK + COS_WIDE_MIN) {
        /* to the next block */
        len = (0 - c->pos) % BLOCK;

        if (update(c, to, from, len) != 0) {
            return -1;
        }

        to += len;
        from += len;
        n -= len;
        len = cos_wide_blocks(&c->keys, c->nonce, c->pos / BLOCK, to, from, n);

        if (len > 0) {
            to += len;
            from += len;
            n -= len;
            c->pos += len;
            c->behind = 1;
        }
    }

    return update(c, to, from, n);
}


static int
update(cos_crypt_t *c, cos_u8 *dst, const cos_u8 *src, size_t n)
{
    size_t len;

    if (n == 0) {
        return 0;
    }

    if (c->behind && set_position(c) != 0) {
        return -1;
    }

    c->pos += n;

    /* EVP counts in int */
    for ( ; n; dst += len, src += len, n -= len) {
        len = n < INT_MAX / 2 ? n : INT_MAX / 2;

        if (narrow(c, dst, src, len) != 0) {
            c->behind = 1;
            return -1;
        }
    }

    return 0;
}


static int
narrow(cos_crypt_t *c, cos_u8 *dst, const cos_u8 *src, size_t n)
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
        cos_cleanse(c, sizeof(cos_crypt_t));
        free(c);
    }
}


void
cos_cleanse(void *p, size_t n)
{
    OPENSSL_cleanse(p, n);
}
