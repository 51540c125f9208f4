/*
 * meta: records. What is known of an object, a part, an upload, a bucket, a
 * user, in memory; their compact binary form (the values in Redis) and their
 * JSON form (the copy behind the bytes on disk, from which Redis is rebuilt).
 *
 * Binary object record, little-endian. meta/lua reads the fixed head by
 * struct.unpack, so both change together and with COS_RECORD_VERSION:
 *
 *    0  u8   version            32  16 B  ETag digest (MD5)
 *    1  u8   flags              48  u64   CRC-64/XZ of the whole object
 *    2  u8   acl                56  u48   home container, 0: that of seg 0
 *    3  u8   storage class      62  u16   rev
 *    4  u16  segments           64  segments, 18 bytes each:
 *    6  u16  parts, 0: plain            u48 container, u48 offset, u48 length
 *    8  u64  seq                then TLVs: u8 type, varint length, bytes
 *   16  u64  mtime (ms)
 *   24  u64  size
 *
 * seq orders all changes of one key: microseconds since 2020-01-01 UTC from a
 * clock that never goes back (meta, "seq clock"). rev counts how often the
 * same content was moved by compaction. home is the container that holds the
 * JSON when that is not the container of segment 0 (metadata changed later,
 * multipart, copies).
 *
 * An empty object has one segment of length 0: something must keep its record
 * on disk alive.
 *
 * Weights: a container's accounting unit. Each record in it that is referenced
 * (as a segment, or as home) weighs its payload length + COS_WEIGHT_BASE.
 */

#ifndef COS_RECORD_H
#define COS_RECORD_H

#include "cos_core.h"

#pragma GCC visibility push(hidden)

#define COS_RECORD_VERSION   1
#define COS_RECORD_HEAD      64
#define COS_SEG_LEN          18
#define COS_WEIGHT_BASE      256
#define COS_PARTS_MAX        10000
#define COS_U48_MAX          0xffffffffffffULL

typedef enum {
    COS_ACL_DEFAULT = 0,              /* object: as its bucket */
    COS_ACL_PRIVATE,
    COS_ACL_PUBLIC_READ,
    COS_ACL_PUBLIC_READ_WRITE,
    COS_ACL_AUTHENTICATED_READ,
    COS_ACL_BUCKET_OWNER_READ,
    COS_ACL_BUCKET_OWNER_FULL,
    COS_ACL_MAX
} cos_acl_e;

/* "private" and so on; NULL / -1 for what is not a canned ACL. */
const char *cos_acl_name(cos_acl_e acl);
int cos_acl_parse(cos_str_t s);

/* Storage classes: the numbers are stored. What they mean: cos_class.h */
typedef enum {
    COS_CLASS_STANDARD = 0,
    COS_CLASS_STANDARD_IA,
    COS_CLASS_INTELLIGENT_TIERING,
    COS_CLASS_ARCHIVE,
    COS_CLASS_DEEP_ARCHIVE,
    COS_CLASS_MAZ_STANDARD,
    COS_CLASS_MAZ_STANDARD_IA,
    COS_CLASS_MAZ_INTELLIGENT_TIERING,
    COS_CLASS_MAZ_ARCHIVE,
    COS_CLASS_COLD,
    COS_CLASS_GLACIER_IR,
    COS_CLASS_ONEZONE_IA,
    COS_CLASS_REDUCED_REDUNDANCY,
    COS_CLASS_MAX
} cos_class_e;

/* The name in records, logs and directives; NULL for none. */
const char *cos_class_name(cos_class_e c);
/* Without case, any dialect's name; -1: unknown */
int cos_class_parse(cos_str_t s);

typedef struct {
    uint64_t  cid;
    uint64_t  off;                    /* of the payload, within the file */
    uint64_t  len;
} cos_seg_t;

/* Stored response headers, in this order in every listing of them */
typedef enum {
    COS_H_CONTENT_TYPE = 0,
    COS_H_CACHE_CONTROL,
    COS_H_CONTENT_DISPOSITION,
    COS_H_CONTENT_ENCODING,
    COS_H_CONTENT_LANGUAGE,
    COS_H_EXPIRES,
    COS_H_MAX
} cos_stored_header_e;

typedef struct {
    cos_str_t  name;                  /* lower case, without x-...-meta- */
    cos_str_t  value;
} cos_meta_pair_t;

typedef enum {
    COS_SUM_NONE = 0, COS_SUM_CRC32, COS_SUM_CRC32C, COS_SUM_CRC64NVME,
    COS_SUM_SHA1, COS_SUM_SHA256, COS_SUM_MAX
} cos_sum_e;

/* Flags of the record head */
#define COS_F_SUM_COMPOSITE  0x01     /* the checksum is of part checksums */
#define COS_F_MARKER         0x02     /* a delete marker */
#define COS_F_NULL           0x04     /* the null version, although born is set */
#define COS_F_APPENDABLE     0x08     /* made by AppendObject */
#define COS_F_LEGAL_HOLD     0x10     /* object lock: no version may go */

/* Further attributes: texts and byte strings, absent when empty. Their forms
 * are those of the functions that read and write them. */
typedef enum {
    COS_X_TAGS = 0,                   /* a=b&c=d, percent-encoded, sorted */
    COS_X_TARGET,                     /* key that a symbolic link names */
    COS_X_LOCK,                       /* object lock: mode and date */
    COS_X_RESTORE,                    /* of an archived object */
    COS_X_SSE,                        /* how the bytes are encrypted */
    COS_X_NONCES,                     /* 8 bytes for each segment encrypted */
    COS_X_PART_SIZES,                 /* varints, when parts are not segments */
    COS_X_PART_SUMS,                  /* checksums of the parts, in order */
    COS_X_ACL,                        /* grants, when no canned ACL says them */
    COS_X_REDIRECT,                   /* website redirect location */
    COS_X_MAX
} cos_attr_e;

#define COS_ATTR_MAX  1048576         /* bytes of one attribute */

/* An object, or a part of an upload (then flags, acl, headers are unused). */
typedef struct {
    cos_u8            flags;
    cos_acl_e         acl;
    cos_class_e       cls;
    uint16_t          parts;          /* ETag suffix, 0: plain MD5 ETag */
    uint16_t          rev;
    uint64_t          seq;
    uint64_t          mtime;          /* ms since 1970 */
    uint64_t          size;
    cos_u8            etag[COS_MD5_LEN];
    uint64_t          crc64;
    uint64_t          home;           /* container id, 0: segs[0].cid */
    uint32_t          nsegs;
    cos_seg_t        *segs;
    cos_str_t         header[COS_H_MAX];
    uint32_t          nmeta;
    cos_meta_pair_t  *meta;
    uint64_t          owner;          /* uid; 0: the bucket's owner */
    cos_sum_e         sum_type;
    cos_u8            sum[COS_SHA256_LEN];   /* cos_sum_len(sum_type) bytes */
    cos_str_t         upload;         /* id it was completed from, or empty */
    uint64_t          born;           /* seq the version began with, or 0 */
    cos_str_t         attr[COS_X_MAX];
} cos_object_t;

size_t cos_sum_len(cos_sum_e t);
const char *cos_sum_name(cos_sum_e t);      /* "CRC32", ... */

/* Adds the binary record to b. -1 when a value does not fit the format. */
int cos_object_encode(cos_buf_t *b, const cos_object_t *o);
/* Spans and arrays of *o: segs, meta from a, text inside rec. a may be NULL:
 * then segs and meta stay NULL (nsegs and nmeta are set) for a reader of head
 * and headers only. -1 for anything malformed. */
int cos_object_decode(cos_object_t *o, cos_str_t rec, cos_alloc_t *a);
/* Segment i of an encoded, once decoded record. */
void cos_object_seg(cos_str_t rec, uint32_t i, cos_seg_t *seg);
/* Writes 32 hex digits, or those and "-<parts>"; no quotes. Returns length
 * (at most 38). */
size_t cos_object_etag(char *dst, const cos_u8 *digest, unsigned parts);

/* COS_X_PART_SIZES: the lengths of the segments of *o, in memory of a. -1: out
 * of memory. */
int cos_part_sizes(cos_str_t *sizes, const cos_object_t *o, cos_alloc_t *a);
/* Where part n, from 1, lies in an object of so many bytes; -1: the list does
 * not say it, or not within the object. */
int cos_part_sizes_find(cos_str_t sizes, uint64_t n, uint64_t whole,
    uint64_t *first, uint64_t *len);

/*
 * Versions of a key are ordered by the seq they began with, which metadata
 * changes do not touch. A record without it began with its seq. The version
 * id is that number, 0 for the null version: what was written while the bucket
 * had no versioning, or has it suspended.
 */
static inline uint64_t
cos_object_born(const cos_object_t *o)
{
    return o->born != 0 ? o->born : o->seq;
}


static inline uint64_t
cos_object_version(const cos_object_t *o)
{
    return o->flags & COS_F_NULL ? 0 : o->born;
}


/* Room for a version id as clients see it: 16 hex digits, or "null". */
#define COS_VERSION_LEN  16
/* Writes the id, returns its length. */
size_t cos_version_print(char *dst, uint64_t version);
/* -1: no version id of ours, which are seqs below 2^53 */
int cos_version_parse(cos_str_t s, uint64_t *version);

/* Configurations of a bucket: texts, absent when empty. What a document says is
 * kept in the short form of the functions that read and write it. */
typedef enum {
    COS_BX_TAGS = 0,                  /* as COS_X_TAGS */
    COS_BX_SSE,                       /* default encryption */
    COS_BX_LOCK,                      /* object lock and default retention */
    COS_BX_WORM,                      /* COS retention policy: days */
    COS_BX_QUOTA,                     /* bytes and objects */
    COS_BX_PAYER,                     /* "Requester" */
    COS_BX_PUBLIC_BLOCK,              /* public access block */
    COS_BX_OWNERSHIP,                 /* object ownership controls */
    COS_BX_ACL,                       /* grants, when no canned ACL says them */
    /* documents as they were sent, once validated */
    COS_BX_POLICY,
    COS_BX_CORS,
    COS_BX_REFERER,
    COS_BX_WEBSITE,
    COS_BX_DOMAIN,
    COS_BX_ORIGIN,
    COS_BX_LIMITS,                    /* rates, budgets, addresses */
    COS_BX_MAX
} cos_bucket_attr_e;

typedef enum {
    COS_VERSIONING_NONE = 0, COS_VERSIONING_ENABLED, COS_VERSIONING_SUSPENDED,
    COS_VERSIONING_MAX
} cos_versioning_e;

/* Bucket record: value of b:<name> */
typedef struct {
    cos_str_t  name;
    cos_str_t  id;                    /* short, [0-9a-z]+ */
    uint64_t   owner;                 /* uid */
    uint64_t   created;               /* ms */
    uint64_t   seq;
    cos_acl_e  acl;
    cos_str_t  region;                /* as created; may be empty */
    cos_versioning_e  versioning;
    cos_str_t  attr[COS_BX_MAX];
} cos_bucket_t;

int cos_bucket_encode(cos_buf_t *b, const cos_bucket_t *k);
int cos_bucket_decode(cos_bucket_t *k, cos_str_t rec);

/* What a record of credentials is of. Users and groups are records of the same
 * kind, so that disk, recovery and rebuild treat them alike. */
typedef enum {
    COS_CRED_KEY = 0,
    COS_CRED_USER,                    /* an account or one of its users */
    COS_CRED_GROUP,                   /* of users of one account */
    COS_CRED_KIND_MAX
} cos_cred_kind_e;

/* Texts of users and groups, absent when empty. */
typedef enum {
    COS_CX_EMAIL = 0,
    COS_CX_POLICY,                    /* its own, as it was given */
    COS_CX_PRESETS,                   /* names, a comma between them */
    COS_CX_GROUPS,                    /* of a user: names, likewise */
    COS_CX_RULES,                     /* of a user: all policies that hold, its
                                         own, the presets', the groups', each
                                         as <length>:<text> */
    COS_CX_MAX
} cos_cred_attr_e;

/*
 * Credential: value of u:<access key>. The secret is sealed (cos_seal) under
 * the master key with the access key as associated data.
 *
 * A user's record has "@<number>" for an access key, the number being that of
 * the user or, of the account itself, its uid; a group's "@g/<name>". Neither
 * has a secret, so nobody can sign with them. An account needs a record only to
 * revoke its tokens.
 */
typedef struct {
    cos_cred_kind_e  kind;
    cos_str_t  access_key;
    cos_str_t  sealed;
    cos_str_t  user;                  /* name; of a GROUP: its own */
    uint64_t   uid;                   /* of the account */
    uint64_t   sub;                   /* of its user; 0: the account itself */
    uint64_t   created;               /* ms */
    uint64_t   seq;
    unsigned   disabled:1;
    uint64_t   since;                 /* USER: tokens issued before that, in ms,
                                         are void */
    cos_str_t  attr[COS_CX_MAX];
} cos_cred_t;

int cos_cred_encode(cos_buf_t *b, const cos_cred_t *c);
int cos_cred_decode(cos_cred_t *c, cos_str_t rec);

/* Upload: value of U{bid}<upload id>; template is an object record with no
 * segments holding what the finished object gets. */
typedef struct {
    cos_str_t     id;
    cos_str_t     key;
    uint64_t      initiated;          /* ms */
    uint64_t      initiator;          /* uid, 0: anonymous */
    uint64_t      seq;
    cos_object_t  object;
} cos_upload_t;

int cos_upload_encode(cos_buf_t *b, const cos_upload_t *u);
int cos_upload_decode(cos_upload_t *u, cos_str_t rec, cos_alloc_t *a);


/* --- JSON on disk ---------------------------------------------------------- */

typedef enum {
    COS_J_OBJECT = 1,                 /* put, changed metadata, completed, copy */
    COS_J_DELETE,                     /* tombstone of a key */
    COS_J_VOID,                       /* a record of incarnation inc was never
                                         committed, see below */
    COS_J_UPLOAD,                     /* initiated */
    COS_J_PART,
    COS_J_ABORT,                      /* upload aborted */
    COS_J_BUCKET,                     /* created or changed */
    COS_J_BUCKET_DELETE,
    COS_J_CRED,                       /* created or changed */
    COS_J_CRED_DELETE,
    COS_J_SEAL                        /* last record of a container */
} cos_json_e;

/*
 * What a JSON document says; which fields count depends on kind. Segments of
 * an object or part: an explicit list, or self = 1: exactly the payload of
 * the record that carries this JSON.
 *
 * PART also carries the key of its upload: compaction finds by it the object
 * whose segment the part has become.
 *
 * VOID takes back a record whose commit was refused or never happened. It
 * names that record as the record names itself, plus its sequence number in
 * void_seq, its rev in void_rev (0 but for copies made by compaction), and in
 * inc the incarnation of the container it lies in (the note may lie elsewhere):
 *   OBJECT, DELETE         bid, key, version; upload stays empty
 *   UPLOAD, ABORT          bid, upload
 *   PART                   bid, upload, part
 *   BUCKET, BUCKET_DELETE  bid, bucket.name
 *   CRED, CRED_DELETE      cred.access_key
 * Seq and incarnation are part of the name because the same key may have been
 * written by somebody else in the same microsecond, and committed.
 */
typedef struct {
    cos_json_e    kind;
    cos_str_t     bid;                /* bucket id */
    cos_str_t     key;
    uint64_t      seq;
    uint64_t      version;            /* DELETE, VOID of an OBJECT or DELETE:
                                         of that version, 0: the null version
                                         or all there is */
    unsigned      self:1;
    cos_object_t  object;             /* OBJECT, PART; UPLOAD: template */
    cos_str_t     upload;             /* UPLOAD, PART, ABORT */
    uint32_t      part;
    uint64_t      initiated;
    uint64_t      initiator;
    uint64_t      inc;                /* VOID: incarnation (cid >> 20) */
    uint64_t      void_seq;           /* VOID: the refused record's seq */
    uint32_t      void_rev;           /* VOID: and its rev */
    cos_bucket_t  bucket;
    cos_cred_t    cred;
    cos_str_t     quota;              /* CRED: of the user, as COS_BX_QUOTA;
                                         that of the user's highest seq
                                         counts */
    /* SEAL: of the data records before it */
    uint64_t      records;
    uint64_t      weight;             /* sum of weights when all were alive */
    uint64_t      carried;            /* bytes of records that are no data */
} cos_json_t;

/* The version that an OBJECT or a DELETE speaks of: with the key, its name. */
static inline uint64_t
cos_json_version(const cos_json_t *j)
{
    return j->kind == COS_J_OBJECT ? cos_object_version(&j->object)
                                   : j->version;
}


/* Keys and values are bytes: percent-encoded inside the JSON strings. */
int cos_json_encode(cos_buf_t *b, const cos_json_t *j);
/* Everything in *j comes from a. -1 when malformed. */
int cos_json_decode(cos_json_t *j, cos_str_t text, cos_alloc_t *a);

#pragma GCC visibility pop

#endif
