/*
 * core: MD5, SHA-1, SHA-256 and HMAC on OpenSSL's EVP. Finding an algorithm
 * and making a context cost more than hashing a short string, so algorithms
 * are fetched once and each thread keeps one context for each of them.
 */

#include <pthread.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "core.h"

#define BLOCK  64    /* the block size of all three digests, for HMAC */

typedef struct {
    EVP_MD_CTX  *ctx[COS_MD_MAX];
} kept_t;

struct cos_md_s {
    EVP_MD_CTX  *ctx;
    cos_md_e     kind;
    int          failed;
};

static EVP_MD_CTX *kept_context(cos_md_e kind);
static void kept_free(void *data);
static int hmac_key(cos_md_e kind, const void *key, size_t klen, cos_u8 *pad);
static int digest(cos_md_e kind, const cos_u8 *pad, const void *p, size_t n,
    cos_u8 *out);

static const char *const names[COS_MD_MAX] = { "MD5", "SHA1", "SHA256" };
static const size_t lengths[COS_MD_MAX] = {
    COS_MD5_LEN, COS_SHA1_LEN, COS_SHA256_LEN
};

static EVP_MD *algorithms[COS_MD_MAX];
static EVP_CIPHER *gcm;
static EVP_CIPHER *ctr;
static int ready;
/* frees kept contexts when a thread ends; the pointer itself is in kept */
static pthread_key_t kept_key;
static __thread kept_t *kept;


int
cos_hash_init(void)
{
    int i;

    if (ready) {
        return 0;
    }

    if (pthread_key_create(&kept_key, kept_free) != 0) {
        return -1;
    }

    ready = 1;
    gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    ctr = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL);

    for (i = 0; i < COS_MD_MAX; i++) {
        algorithms[i] = EVP_MD_fetch(NULL, names[i], NULL);

        if (algorithms[i] == NULL || gcm == NULL || ctr == NULL) {
            cos_hash_done();
            return -1;
        }
    }

    cos_core_crc_init();

    return 0;
}


void
cos_hash_done(void)
{
    int i;

    if (!ready) {
        return;
    }

    /* a deleted key frees nothing: this thread's contexts go by hand */
    (void) pthread_key_delete(kept_key);
    kept_free(kept);

    for (i = 0; i < COS_MD_MAX; i++) {
        EVP_MD_free(algorithms[i]);
        algorithms[i] = NULL;
    }

    EVP_CIPHER_free(gcm);
    EVP_CIPHER_free(ctr);
    gcm = NULL;
    ctr = NULL;
    cos_wide_done();
    ready = 0;
}


EVP_CIPHER *
cos_core_gcm(void)
{
    return gcm;
}


EVP_CIPHER *
cos_core_ctr(void)
{
    return ctr;
}


cos_md_t *
cos_md_create(cos_md_e kind)
{
    cos_md_t *md;

    if ((unsigned) kind >= COS_MD_MAX || algorithms[kind] == NULL) {
        return NULL;
    }

    md = malloc(sizeof(cos_md_t));
    if (md == NULL) {
        return NULL;
    }

    md->kind = kind;
    md->ctx = EVP_MD_CTX_new();

    if (md->ctx != NULL) {
        cos_md_reset(md);
    }

    if (md->ctx == NULL || md->failed) {
        cos_md_free(md);
        return NULL;
    }

    return md;
}


void
cos_md_reset(cos_md_t *md)
{
    md->failed = !EVP_DigestInit_ex2(md->ctx, algorithms[md->kind], NULL);
}


void
cos_md_update(cos_md_t *md, const void *p, size_t n)
{
    if (!md->failed && !EVP_DigestUpdate(md->ctx, p, n)) {
        md->failed = 1;
    }
}


size_t
cos_md_final(cos_md_t *md, cos_u8 *out)
{
    if (md->failed || !EVP_DigestFinal_ex(md->ctx, out, NULL)) {
        md->failed = 1;
        return 0;
    }

    return lengths[md->kind];
}


void
cos_md_free(cos_md_t *md)
{
    if (md != NULL) {
        EVP_MD_CTX_free(md->ctx);
        free(md);
    }
}


int
cos_md_once(cos_md_e kind, const void *p, size_t n, cos_u8 *out)
{
    return digest(kind, NULL, p, n, out);
}


/* RFC 2104: H(key ^ opad || H(key ^ ipad || text)) */
int
cos_hmac(cos_md_e kind, const void *key, size_t klen, const void *p, size_t n,
    cos_u8 *out)
{
    int    rc;
    size_t i;
    cos_u8 pad[BLOCK], inner[EVP_MAX_MD_SIZE];

    rc = hmac_key(kind, key, klen, pad);

    if (rc == 0) {
        for (i = 0; i < BLOCK; i++) {
            pad[i] ^= 0x36;
        }

        rc = digest(kind, pad, p, n, inner);
    }

    if (rc == 0) {
        for (i = 0; i < BLOCK; i++) {
            pad[i] ^= 0x36 ^ 0x5c;
        }

        rc = digest(kind, pad, inner, lengths[kind], out);
    }

    OPENSSL_cleanse(pad, sizeof(pad));

    return rc;
}


static int
hmac_key(cos_md_e kind, const void *key, size_t klen, cos_u8 *pad)
{
    memset(pad, 0, BLOCK);

    if (klen > BLOCK) {
        return digest(kind, NULL, key, klen, pad);
    }

    if (klen != 0) {
        memcpy(pad, key, klen);
    }

    return 0;
}


/* The digest of pad (one block; NULL for none) followed by p. */
static int
digest(cos_md_e kind, const cos_u8 *pad, const void *p, size_t n, cos_u8 *out)
{
    EVP_MD_CTX *ctx;

    ctx = kept_context(kind);

    if (ctx == NULL || !EVP_DigestInit_ex2(ctx, algorithms[kind], NULL)
        || (pad != NULL && !EVP_DigestUpdate(ctx, pad, BLOCK))
        || !EVP_DigestUpdate(ctx, p, n)
        || !EVP_DigestFinal_ex(ctx, out, NULL))
    {
        return -1;
    }

    return 0;
}


static EVP_MD_CTX *
kept_context(cos_md_e kind)
{
    kept_t *k;

    if ((unsigned) kind >= COS_MD_MAX || !ready) {
        return NULL;
    }

    k = kept;

    if (k == NULL) {
        k = calloc(1, sizeof(kept_t));
        if (k == NULL) {
            return NULL;
        }

        if (pthread_setspecific(kept_key, k) != 0) {
            free(k);
            return NULL;
        }

        kept = k;
    }

    if (k->ctx[kind] == NULL) {
        k->ctx[kind] = EVP_MD_CTX_new();
    }

    return k->ctx[kind];
}


static void
kept_free(void *data)
{
    int     i;
    kept_t *k = data;

    if (k == NULL) {
        return;
    }

    for (i = 0; i < COS_MD_MAX; i++) {
        EVP_MD_CTX_free(k->ctx[i]);
    }

    free(k);
    kept = NULL;
}
