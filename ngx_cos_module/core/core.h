/*
 * core, inside the room: what its files share with each other.
 */

#ifndef COS_CORE_LOCAL_H
#define COS_CORE_LOCAL_H

#include <openssl/evp.h>

#include "cos_core.h"

#pragma GCC visibility push(hidden)

/* Fetched by cos_hash_init; NULL before it and after cos_hash_done. */
EVP_CIPHER *cos_core_gcm(void);
EVP_CIPHER *cos_core_ctr(void);

/*
 * Whole blocks of AES-256-CTR, faster than OpenSSL's, where the machine can:
 * cos_wide_init returns 1 then and has w filled, which holds the key in all but
 * name and is to be cleansed; else 0. cos_wide_blocks begins at the block of
 * that number, takes of n bytes what it can, and returns how many: whole blocks
 * up to the next multiple of 2^32, or 0. What it leaves, and less than
 * COS_WIDE_MIN, is OpenSSL's; dst may be src. Safe in threads, each with its
 * own w or not. cos_wide_done, when no thread is in it, frees what was kept.
 * FIPS 197; NIST SP 800-38A section 6.5; blocks as cos_crypt_t counts them.
 */
#define COS_WIDE_KEYS  15
#define COS_WIDE_MIN   256

typedef struct {
    cos_u8  key[COS_WIDE_KEYS][16] __attribute__((aligned(16)));
                                      /* of each round */
} cos_wide_t;

int cos_wide_init(cos_wide_t *w, const cos_u8 key[COS_CRYPT_KEY]);
size_t cos_wide_blocks(const cos_wide_t *w, const cos_u8 nonce[COS_CRYPT_NONCE],
    uint64_t block, cos_u8 *dst, const cos_u8 *src, size_t n);
void cos_wide_done(void);

/* Fills the CRC tables. Every CRC function does it by itself; cos_hash_init
 * does it early, so that forked processes share the pages. */
void cos_core_crc_init(void);

#pragma GCC visibility pop

#endif
