/*
 * core: what every room uses. No nginx, no I/O.
 *
 * Text is passed as spans (pointer and length, not NUL-terminated); keys and
 * header values are bytes. Memory that a function returns comes from the
 * allocator passed in and lives as long as that allocator's arena; nothing is
 * freed one by one. Functions that can fail return 0 or a positive value for
 * success and -1 for failure unless their comment says otherwise.
 */

#ifndef COS_CORE_H
#define COS_CORE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#pragma GCC visibility push(hidden)

typedef unsigned char cos_u8;

/* Same layout as ngx_str_t, so that the nginx side passes its own. */
#ifdef _NGX_CORE_H_INCLUDED_
typedef ngx_str_t  cos_str_t;
#else
typedef struct {
    size_t   len;
    cos_u8  *data;
} cos_str_t;
#endif

#define cos_lit(s)   { sizeof(s) - 1, (cos_u8 *) (s) }
#define COS_STR(s)   ((cos_str_t) { sizeof(s) - 1, (cos_u8 *) (s) })


/* --- memory ------------------------------------------------------------- */

/* alloc returns NULL when out of memory; memory is never given back singly */
typedef struct {
    void  *(*alloc)(void *ctx, size_t size);
    void    *ctx;
} cos_alloc_t;

void *cos_alloc(cos_alloc_t *a, size_t size);
void *cos_zalloc(cos_alloc_t *a, size_t size);
/* A copy of len bytes plus a NUL that the length does not count. */
int cos_dup(cos_alloc_t *a, cos_str_t *dst, const void *src, size_t len);

/*
 * An arena on malloc for tools, tests and threads. cos_arena_init sets up
 * *alloc; cos_arena_free releases all that was taken through it.
 */
typedef struct cos_arena_s  cos_arena_t;
cos_arena_t *cos_arena_create(void);
cos_alloc_t *cos_arena_alloc(cos_arena_t *arena);
void cos_arena_free(cos_arena_t *arena);

/*
 * A growing buffer. Any failed growth sets err; later adds do nothing, so a
 * writer checks err once at its end.
 */
typedef struct {
    cos_u8       *data;
    size_t        len;
    size_t        cap;
    cos_alloc_t  *alloc;
    int           err;
} cos_buf_t;

void cos_buf_init(cos_buf_t *b, cos_alloc_t *a, size_t hint);
/* Makes room for n more bytes and returns where they go; NULL sets err. The
 * caller fills them and adds to b->len. */
cos_u8 *cos_buf_reserve(cos_buf_t *b, size_t n);
void cos_buf_add(cos_buf_t *b, const void *p, size_t n);
void cos_buf_str(cos_buf_t *b, cos_str_t s);
void cos_buf_cstr(cos_buf_t *b, const char *s);
void cos_buf_char(cos_buf_t *b, int c);
void cos_buf_uint(cos_buf_t *b, uint64_t n);          /* decimal */
#define cos_buf_lit(b, s)  cos_buf_add((b), (s), sizeof(s) - 1)


/* --- spans --------------------------------------------------------------- */

int cos_str_eq(cos_str_t a, cos_str_t b);
int cos_str_is(cos_str_t a, const char *lit);          /* exact */
int cos_str_ieq(cos_str_t a, cos_str_t b);             /* ASCII case folded */
int cos_str_iis(cos_str_t a, const char *lit);
int cos_str_starts(cos_str_t a, const char *lit);
/* Three-way order by bytes, shorter first on a tie: the order of listings. */
int cos_str_cmp(cos_str_t a, cos_str_t b);
cos_str_t cos_str_trim(cos_str_t a);                   /* spaces and tabs */
/* Equal length and content, in a time that depends on the length only. */
int cos_str_eq_secret(cos_str_t a, cos_str_t b);
/* Digits only (no sign, no space), no overflow; 0 on success, -1 else. */
int cos_str_uint(cos_str_t s, uint64_t *n);


/* --- percent, hex, base64 ------------------------------------------------ */

#define COS_ENC_SLASH  1    /* leave '/' as it is */
#define COS_ENC_LOWER  2    /* lower-case hex digits */

/* Adds src with every byte outside A-Za-z0-9-_.~ percent-encoded (RFC 3986
 * section 2.3), which is what COS, SigV4 and BCE signatures expect. */
void cos_pct_encode(cos_buf_t *b, cos_str_t src, int flags);
/* Decodes into dst (room for src.len; may be src.data). plus != 0 turns '+'
 * into a space. Returns the decoded length, or -1 for a '%' not followed by
 * two hex digits. */
ptrdiff_t cos_pct_decode(cos_u8 *dst, cos_str_t src, int plus);

void cos_hex(char *dst, const void *src, size_t len);  /* lower case, 2*len */
/* Exactly 2*n hex digits of either case; -1 otherwise. */
int cos_unhex(void *dst, size_t n, cos_str_t src);
void cos_base64(cos_buf_t *b, const void *src, size_t len);
/* Strict RFC 4648 with padding; dst needs src.len / 4 * 3 bytes. Returns the
 * decoded length or -1. */
ptrdiff_t cos_unbase64(cos_u8 *dst, cos_str_t src);


/* --- hashes --------------------------------------------------------------- */

#define COS_MD5_LEN     16
#define COS_SHA1_LEN    20
#define COS_SHA256_LEN  32

/* Fetches the algorithms once for each process (before threads start). */
int cos_hash_init(void);
void cos_hash_done(void);

typedef enum { COS_MD5 = 0, COS_SHA1, COS_SHA256, COS_MD_MAX } cos_md_e;

/* A running digest; heap-backed, so it must be freed. Safe to move between
 * threads, not to share. */
typedef struct cos_md_s  cos_md_t;
cos_md_t *cos_md_create(cos_md_e kind);
void cos_md_reset(cos_md_t *md);
void cos_md_update(cos_md_t *md, const void *p, size_t n);
/* The digest's length; 0 when any step since the last reset failed. */
size_t cos_md_final(cos_md_t *md, cos_u8 *out);        /* out >= 32 bytes */
void cos_md_free(cos_md_t *md);

/* One-shot forms. Use thread-local kept contexts; return 0 or -1. */
int cos_md_once(cos_md_e kind, const void *p, size_t n, cos_u8 *out);
int cos_hmac(cos_md_e kind, const void *key, size_t klen, const void *p,
    size_t n, cos_u8 *out);

/* Running checksums: start with 0, feed in order. Values are as the wire
 * formats define them (final XOR included). */
uint64_t cos_crc64(uint64_t crc, const void *p, size_t n);      /* CRC-64/XZ */
uint64_t cos_crc64nvme(uint64_t crc, const void *p, size_t n);
uint32_t cos_crc32(uint32_t crc, const void *p, size_t n);      /* zlib's */
uint32_t cos_crc32c(uint32_t crc, const void *p, size_t n);
/* The CRC of A||B from those of A and B and the length of B. */
uint64_t cos_crc64_combine(uint64_t a, uint64_t b, uint64_t blen);
uint64_t cos_crc64nvme_combine(uint64_t a, uint64_t b, uint64_t blen);
uint32_t cos_crc32_combine(uint32_t a, uint32_t b, uint64_t blen);
uint32_t cos_crc32c_combine(uint32_t a, uint32_t b, uint64_t blen);

/* AES-256-GCM with a 32-byte key: out = nonce(12) || ciphertext || tag(16),
 * so n + 28 bytes; aad may be empty. */
#define COS_SEAL_OVERHEAD  28
int cos_seal(const cos_u8 key[32], cos_str_t aad, cos_str_t plain,
    cos_u8 *out);
/* Inverse; returns the plain length or -1 when anything was changed. */
ptrdiff_t cos_unseal(const cos_u8 key[32], cos_str_t aad, cos_str_t sealed,
    cos_u8 *out);
int cos_random(void *p, size_t n);

/*
 * AES-256-CTR with a 32-byte key, for bytes at rest. The counter block is a
 * nonce of 8 bytes and the number of the 16-byte block since pos 0, big-endian:
 * under one key, each nonce is a key stream of its own, which must encrypt one
 * thing only. Encrypting and decrypting are the same. Not safe to share between
 * threads. Heap-backed; free cleanses the key.
 */
#define COS_CRYPT_KEY    32
#define COS_CRYPT_NONCE  8
typedef struct cos_crypt_s  cos_crypt_t;
/* NULL when out of memory. */
cos_crypt_t *cos_crypt_create(const cos_u8 key[COS_CRYPT_KEY]);
/* Where the next update begins. */
int cos_crypt_seek(cos_crypt_t *c, const cos_u8 nonce[COS_CRYPT_NONCE],
    uint64_t pos);
/* dst may be src. After a failure dst holds nothing of use. */
int cos_crypt_update(cos_crypt_t *c, void *dst, const void *src, size_t n);
void cos_crypt_free(cos_crypt_t *c);
/* Overwrites a secret; not optimised away. */
void cos_cleanse(void *p, size_t n);


/* --- time ------------------------------------------------------------------ */

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7): 29 bytes. */
void cos_http_date(char dst[29], int64_t sec);
/* All three forms of RFC 9110; -1 when it is none of them. Here and below,
 * times before 1970 read as 0, and what precedes year 0 or follows 9999 is
 * written as the nearest time with a four-digit year. */
int64_t cos_parse_http_date(cos_str_t s);
/* "2015-04-27T08:23:49Z" or with ".000" before the Z. Returns the length. */
size_t cos_iso8601(char dst[25], int64_t msec, int with_msec);
/* "20150427T082349Z" or "2015-04-27T08:23:49[.fff]Z"; seconds or -1. */
int64_t cos_parse_iso8601(cos_str_t s);

#pragma GCC visibility pop

#endif
