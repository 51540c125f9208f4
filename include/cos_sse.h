/*
 * meta: encryption at rest. Each encrypted object has a random data key. The
 * attribute COS_X_SSE holds it, sealed under a key that is not in the store: one
 * of the store's master keys (SSE-S3, SSE-COS), a named key (SSE-KMS), or one
 * that the client sends with each request (SSE-C). COS_X_NONCES holds the nonce
 * of each segment's key stream (cos_crypt_t), in their order. Pure.
 *
 * The attribute: u8 version (1), u8 type (cos_sse_e), u8 flags (1: bucket key),
 * u8 length and id of the sealing key, u16 length and context (little-endian),
 * then the sealed data key. What stands before it is authenticated with it.
 *
 * Nothing here depends on bucket and key, so a copy under the same keys takes
 * attributes and bytes as they are.
 */

#ifndef COS_SSE_H
#define COS_SSE_H

#include "cos_record.h"

#pragma GCC visibility push(hidden)

#define COS_SSE_KEY          COS_CRYPT_KEY
#define COS_SSE_ID_MAX       128
#define COS_SSE_CONTEXT_MAX  4096
#define COS_SSE_KEYS_MAX     64       /* master keys in a file */

typedef enum {
    COS_SSE_NONE = 0,
    COS_SSE_STORE,                    /* SSE-S3, SSE-COS: "AES256" */
    COS_SSE_KMS,
    COS_SSE_CUSTOMER,                 /* SSE-C */
    COS_SSE_MAX
} cos_sse_e;

typedef struct {
    cos_sse_e   type;
    unsigned    bucket_key:1;         /* KMS; repeated to clients only */
    cos_str_t   id;                   /* STORE: of the master key; KMS: of the
                                         named key; CUSTOMER: empty */
    cos_str_t   context;              /* KMS: base64 as sent, or empty */
    cos_str_t   sealed;
} cos_sse_t;

/* A key that seals data keys. */
typedef struct {
    cos_str_t   id;
    cos_u8      key[COS_SSE_KEY];
} cos_sse_key_t;

/* Reads the attribute; spans point into it. An empty one is COS_SSE_NONE. -1
 * when malformed. */
int cos_sse_parse(cos_sse_t *s, cos_str_t attr);
/* Adds the attribute of *s with the data key sealed under sealing; s->sealed
 * is not looked at. -1: a value does not fit, or it cannot be sealed. */
int cos_sse_seal(cos_buf_t *b, const cos_sse_t *s,
    const cos_u8 sealing[COS_SSE_KEY], const cos_u8 key[COS_SSE_KEY]);
/* The data key out of an attribute; -1: another sealing key, or changed. */
int cos_sse_open(cos_str_t attr, const cos_u8 sealing[COS_SSE_KEY],
    cos_u8 key[COS_SSE_KEY]);
/* Whether who asks for b may get what is sealed as a: same type, named key and
 * context. Says nothing of customers' keys. */
int cos_sse_same(const cos_sse_t *a, const cos_sse_t *b);

/* Whether each segment of an encrypted object has its nonce. An object without
 * bytes needs none. */
int cos_sse_whole(const cos_object_t *o);
/* Encrypts or decrypts n bytes that lie at pos of an object, in place; c has
 * its data key. 0, or -1. */
int cos_sse_apply(cos_crypt_t *c, const cos_object_t *o, uint64_t pos,
    cos_u8 *p, size_t n);

/* Ids of keys: letters, digits, '.', '_', '-', not beginning with a dot; they
 * are names of files, too. */
int cos_sse_id_valid(cos_str_t id);
/* The id in what clients send: itself, or what an AWS ARN
 * (arn:aws:kms:...:key/ID) ends with. */
cos_str_t cos_sse_id(cos_str_t name);
/* A key: 32 bytes, or 64 hexadecimal digits with white space behind. -1. */
int cos_sse_key_read(cos_u8 key[COS_SSE_KEY], cos_str_t text);
/*
 * A file of master keys: lines "ID KEY" with 64 hexadecimal digits; empty lines
 * and such that begin with '#' are skipped. The first key seals what is new.
 * Ids point into text. 0, or -1 with the number of the wrong line in *line (0:
 * no key at all).
 */
int cos_sse_keys_read(cos_sse_key_t v[COS_SSE_KEYS_MAX], size_t *n,
    cos_str_t text, unsigned *line);

#pragma GCC visibility pop

#endif
