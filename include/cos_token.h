/*
 * auth: temporary credentials. A token says who it stands for and until when;
 * it is sealed, so the store keeps nothing of it and any worker can read it.
 * (cos-api.md 12; AWS STS, "Temporary security credentials in IAM")
 *
 * The secret that belongs to a temporary access key is derived from it, so only
 * who holds the keys can tell it, and a token alone signs nothing.
 */

#ifndef COS_TOKEN_H
#define COS_TOKEN_H

#include "cos_core.h"

#pragma GCC visibility push(hidden)

#define COS_TOKEN_ID_LEN      36      /* of a temporary access key */
#define COS_TOKEN_SECRET_LEN  40      /* hex digits */
#define COS_TOKEN_POLICY_MAX  3072    /* bytes: a token has to fit into a header
                                         or a URL of 8 KB */
#define COS_TOKEN_MAX         6144    /* bytes of a token's text */

/* Derived from one key of the store, for one purpose each. */
typedef struct {
    cos_u8  seal[32];
    cos_u8  secret[32];
} cos_token_keys_t;

typedef struct {
    cos_str_t  id;                    /* temporary access key */
    cos_str_t  parent;                /* access key that it was asked for with */
    cos_str_t  policy;                /* limits it further; empty: not */
    uint64_t   issued;                /* ms since 1970 */
    uint64_t   expires;               /* s since 1970: not valid from then on */
} cos_token_t;

/* Both keys from a secret of 32 bytes (HKDF-Expand of one block, RFC 5869 2.3,
 * with SHA-256). 0 or -1. */
int cos_token_keys(cos_token_keys_t *k, const cos_u8 base[32]);
/* A new temporary access key: letters and digits, not 0-terminated. -1: there is
 * no randomness. */
int cos_token_id(char id[COS_TOKEN_ID_LEN]);
/* The secret of a temporary access key, not 0-terminated. 0 or -1. */
int cos_token_secret(char secret[COS_TOKEN_SECRET_LEN], cos_str_t id,
    const cos_token_keys_t *k);
/* Adds the token's text to b: letters, digits, "-" and "_". -1: a field is too
 * long, or out of memory. */
int cos_token_seal(cos_buf_t *b, const cos_token_t *t,
    const cos_token_keys_t *k);
/* Reads a token; texts of *t are from a. -1: it is none that was sealed with
 * these keys (or out of memory). Whether it is still valid is the caller's to
 * see. */
int cos_token_open(cos_token_t *t, cos_str_t text, const cos_token_keys_t *k,
    cos_alloc_t *a);

#pragma GCC visibility pop

#endif
