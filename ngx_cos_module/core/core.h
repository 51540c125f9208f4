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
/* Fills the CRC tables. Every CRC function does it by itself; cos_hash_init
 * does it early, so that forked processes share the pages. */
void cos_core_crc_init(void);

#pragma GCC visibility pop

#endif
