/*
 * meta: the short text forms of attributes, as buckets (COS_BX_*) and objects
 * (COS_X_TAGS) hold them, and what they mean. Pure; an empty text means "not
 * configured" everywhere and reads as all zeroes.
 *
 * Readers take what the writers here have written, and nothing else: -1 means
 * that a record is damaged.
 */

#ifndef COS_ATTR_H
#define COS_ATTR_H

#include "cos_err.h"
#include "cos_name.h"
#include "cos_record.h"

#pragma GCC visibility push(hidden)


/* --- default encryption: COS_BX_SSE ---------------------------------------- */

/* "AES256" or "aws:kms;<key id>;<0|1>". The key id may be empty (the default
 * key); it holds visible ASCII without ';', at most COS_KMS_KEY_MAX bytes. */
typedef enum {
    COS_BUCKET_SSE_NONE = 0, COS_BUCKET_SSE_AES256, COS_BUCKET_SSE_KMS
} cos_bucket_sse_e;

#define COS_KMS_KEY_MAX  2048

typedef struct {
    cos_bucket_sse_e  algorithm;
    cos_str_t         kms_key;        /* KMS; inside the text */
    unsigned          bucket_key:1;   /* KMS; repeated to clients only */
} cos_bucket_sse_t;

int cos_bucket_sse_parse(cos_bucket_sse_t *s, cos_str_t text);
void cos_bucket_sse_print(cos_buf_t *b, const cos_bucket_sse_t *s);
/* Whether that can be the id of a key, or is empty. */
int cos_kms_key_valid(cos_str_t id);


/* --- object lock: COS_BX_LOCK, COS_BX_WORM --------------------------------- */

typedef enum {
    COS_LOCK_NONE = 0, COS_LOCK_GOVERNANCE, COS_LOCK_COMPLIANCE
} cos_lock_mode_e;

#define COS_LOCK_DAYS_MAX   36500
#define COS_LOCK_YEARS_MAX  100

/* S3's lock: "on", or with a default retention "GOVERNANCE;30d",
 * "COMPLIANCE;2y". Only buckets with versioning have it. */
typedef struct {
    unsigned         enabled:1;
    cos_lock_mode_e  mode;            /* NONE: no default retention */
    uint32_t         days;            /* one of the two is not 0 when there */
    uint32_t         years;           /* is a mode */
} cos_bucket_lock_t;

int cos_bucket_lock_parse(cos_bucket_lock_t *l, cos_str_t text);
void cos_bucket_lock_print(cos_buf_t *b, const cos_bucket_lock_t *l);
/* "GOVERNANCE", "COMPLIANCE"; NULL / -1 for what is none. */
const char *cos_lock_mode_name(cos_lock_mode_e mode);
int cos_lock_mode_parse(cos_str_t s);
/* Until when an object that is written at that time (ms) is retained by
 * default; 0: it is not. Years are calendar years. */
uint64_t cos_bucket_lock_until(const cos_bucket_lock_t *l, uint64_t now);

/* COS' retention policy: every object of the bucket is kept for so many days
 * after it was written. Decimal; 0: none. Only grows. */
int cos_bucket_worm_parse(uint64_t *days, cos_str_t text);


/* --- quota: COS_BX_QUOTA ---------------------------------------------------- */

/* "<bytes>;<objects>", decimal; 0: unlimited. At most COS_QUOTA_MAX, which Lua
 * can count. */
#define COS_QUOTA_MAX  (1ULL << 53)

typedef struct {
    uint64_t  bytes;
    uint64_t  objects;
} cos_bucket_quota_t;

int cos_bucket_quota_parse(cos_bucket_quota_t *q, cos_str_t text);
void cos_bucket_quota_print(cos_buf_t *b, const cos_bucket_quota_t *q);


/* --- who may what: COS_BX_PUBLIC_BLOCK, COS_BX_OWNERSHIP, COS_BX_PAYER ------- */

/* Bits, kept as a decimal number. */
#define COS_BLOCK_PUBLIC_ACLS      1  /* refuse ACLs that make public */
#define COS_IGNORE_PUBLIC_ACLS     2  /* those there are grant nothing */
#define COS_BLOCK_PUBLIC_POLICY    4  /* refuse policies that make public */
#define COS_RESTRICT_PUBLIC        8  /* those there are for the account alone */

/* The bits; what cannot be read blocks everything. */
unsigned cos_public_block(const cos_bucket_t *k);

/* Kept by name. Without a configuration there is no control: OBJECT_WRITER. */
typedef enum {
    COS_OWNERSHIP_WRITER = 0,         /* "ObjectWriter" */
    COS_OWNERSHIP_PREFERRED,          /* "BucketOwnerPreferred" */
    COS_OWNERSHIP_ENFORCED,           /* "BucketOwnerEnforced" */
    COS_OWNERSHIP_MAX
} cos_ownership_e;

cos_ownership_e cos_ownership(const cos_bucket_t *k);
const char *cos_ownership_name(cos_ownership_e o);
int cos_ownership_parse(cos_str_t s); /* -1: none of them */

/* Whether who asks pays: "Requester". */
int cos_requester_pays(const cos_bucket_t *k);


/* --- tags: COS_BX_TAGS, COS_X_TAGS ------------------------------------------- */

typedef struct {
    cos_str_t  key;
    cos_str_t  value;
} cos_tag_t;

#define COS_OBJECT_TAGS_MAX  10
#define COS_BUCKET_TAGS_MAX  50
#define COS_TAG_KEY_MAX      128      /* characters */
#define COS_TAG_VALUE_MAX    256

/* Reads "a=b&c=d", percent-encoded, as a header has it, '+' meaning a space; a
 * name without '=' has an empty value. COS_E_INVALID_TAG: an escape is
 * malformed; COS_E_INTERNAL: out of memory. Reads attributes, too. */
cos_err_e cos_tags_parse(cos_tag_t **v, size_t *n, cos_str_t text,
    cos_alloc_t *a);
/* Checks number, lengths, characters, reserved beginnings and that no key is
 * there twice, and sorts v by key. COS_E_INVALID_TAG. */
cos_err_e cos_tags_check(cos_tag_t *v, size_t n, size_t max, cos_dialect_e d);
/* Writes the attribute of tags that were checked. */
void cos_tags_print(cos_buf_t *b, const cos_tag_t *v, size_t n);
/* How many an attribute holds. */
size_t cos_tags_count(cos_str_t text);

/* The names in COS_BX_DOMAIN, parted by spaces; what it says of them is behind
 * the line they stand in. */
cos_str_t cos_bucket_domains(cos_str_t text);

#pragma GCC visibility pop

#endif
