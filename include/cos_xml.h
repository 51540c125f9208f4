/*
 * xml: every document of the API, parsed over libxml2 (untrusted input: no
 * entities, no DTD, no network, own size limits) and written by hand into a
 * buffer. For the BOS dialect the same calls write and read JSON.
 */

#ifndef COS_XML_H
#define COS_XML_H

#include "cos_acl.h"
#include "cos_err.h"
#include "cos_name.h"
#include "cos_record.h"

#pragma GCC visibility push(hidden)

/* Once for each process, before threads. */
void cos_xml_init(void);

/* Writes s escaped for element content; bytes that XML 1.0 cannot carry
 * become U+FFFD, which is why listings offer encoding-type=url. */
void cos_xml_text(cos_buf_t *b, cos_str_t s);

/* resource: host and path (COS) or path (S3). key, bucket may be empty. */
typedef struct {
    cos_err_e      err;
    const char    *message;           /* NULL: the table's */
    cos_str_t      resource;
    cos_str_t      bucket;
    cos_str_t      key;
    cos_str_t      request_id;
    cos_str_t      trace_id;          /* COS trace id, S3 host id */
    int64_t        now;               /* TIME_SKEWED, EXPIRED: ServerTime */
    const char    *storage_class;     /* INVALID_OBJECT_STATE; may be NULL */
} cos_xml_error_t;
void cos_xml_error(cos_buf_t *b, cos_dialect_e d, const cos_xml_error_t *e);

/* Owner ids: COS ACL form "qcs::cam::uin/<uid>:uin/<uid>", COS listings the
 * uid, S3 the 64 hex digits of SHA-256 of the uid, BOS 32 of them. */
void cos_owner_id(cos_buf_t *b, cos_dialect_e d, int listing, uint64_t uid);

typedef struct {
    cos_str_t  name;
    cos_str_t  region;
    uint64_t   created;               /* ms */
} cos_xml_bucket_t;
/* next: S3 gets it as a continuation token (cos_token_decode), when truncated.
 */
void cos_xml_buckets(cos_buf_t *b, cos_dialect_e d, uint64_t owner,
    cos_str_t owner_name, const cos_xml_bucket_t *v, size_t n,
    cos_str_t marker, cos_str_t next, int truncated);

void cos_xml_location(cos_buf_t *b, cos_dialect_e d, cos_str_t region);

/* ACL documents: the owner, and to whom what is granted. */
void cos_xml_acl(cos_buf_t *b, cos_dialect_e d, uint64_t owner,
    const cos_acl_list_t *l);
/* Reads one. owner: whom it names as that, both uid and id empty when nobody.
 * Ids point into memory of a. COS_E_MALFORMED_XML, COS_E_MALFORMED_ACL,
 * COS_E_INVALID_ARGUMENT for what cannot be a grantee, COS_E_GRANT_EMAIL,
 * COS_E_NOT_IMPLEMENTED (BOS: conditions and other permissions). */
cos_err_e cos_xml_parse_acl(cos_str_t text, cos_acl_list_t *l,
    cos_acl_grant_t *owner, cos_alloc_t *a);

/* One page of a listing. Pointers of keys and facts as they came from the
 * metadata; prefixes and keys are merged in byte order by the writer where
 * the format wants CommonPrefixes apart (it does: contents, then prefixes). */
typedef struct {
    cos_dialect_e     dialect;
    int               v2;
    cos_str_t         bucket;
    cos_str_t         prefix, delimiter;
    cos_str_t         marker;         /* v1 marker or v2 start-after */
    cos_str_t         token;          /* v2 continuation-token as sent */
    cos_str_t         next;           /* last key or prefix returned */
    uint64_t          max_keys;
    unsigned          has_delimiter:1, has_marker:1, has_token:1;
    unsigned          url:1;          /* encoding-type=url */
    unsigned          truncated:1;
    unsigned          owner:1;        /* v1: always; v2: fetch-owner */
    uint64_t          bucket_owner;
    size_t            nkeys;
    const cos_str_t  *keys;
    const cos_str_t  *facts;          /* cos_facts.h */
    size_t            nprefixes;
    const cos_str_t  *prefixes;
} cos_xml_listing_t;
/* -1 when facts cannot be decoded. */
int cos_xml_listing(cos_buf_t *b, const cos_xml_listing_t *l);
/* Continuation tokens: opaque text for a key and back. */
void cos_token_encode(cos_buf_t *b, cos_str_t key);
int cos_token_decode(cos_str_t token, cos_str_t *key, cos_alloc_t *a);

typedef struct {
    cos_dialect_e     dialect;
    cos_str_t         bucket, prefix, delimiter;
    cos_str_t         key_marker, id_marker, next_key, next_id;
    uint64_t          max_uploads;
    unsigned          has_delimiter:1, url:1, truncated:1;
    uint64_t          bucket_owner;
    size_t            n;
    const cos_str_t  *keys, *ids, *records;   /* binary upload records */
    size_t            nprefixes;
    const cos_str_t  *prefixes;
} cos_xml_uploads_t;
int cos_xml_uploads(cos_buf_t *b, const cos_xml_uploads_t *l, cos_alloc_t *a);

/* A page of versions. Keys and facts as in a listing; what says of each: */
typedef enum {
    COS_SHOW_CURRENT = 0,             /* the current version, an object */
    COS_SHOW_MARKER,                  /* a delete marker that is current */
    COS_SHOW_OLDER                    /* neither */
} cos_show_e;

typedef struct {
    cos_dialect_e     dialect;
    cos_str_t         bucket, prefix, delimiter, key_marker, version_marker;
    unsigned          url:1, has_delimiter:1, truncated:1;
    unsigned          versioned:1;    /* the bucket has or had versioning */
    uint64_t          max_keys, bucket_owner;
    size_t            n;
    const cos_str_t  *keys;
    const cos_str_t  *facts;
    const cos_show_e *show;
    size_t            nprefixes;
    const cos_str_t  *prefixes;
    cos_str_t         last_prefix;    /* ends the page; empty: a version does */
} cos_xml_versions_t;
/* ListVersionsResult. -1 when facts are damaged. */
int cos_xml_versions(cos_buf_t *b, const cos_xml_versions_t *l);

typedef struct {
    cos_dialect_e     dialect;
    cos_str_t         bucket, key, upload;
    uint64_t          marker, next, max_parts;
    unsigned          url:1, truncated:1;
    unsigned          composite:1;    /* the checksum, if there is one */
    uint64_t          owner, initiator;
    cos_sum_e         sum_type;
    cos_class_e       cls;
    size_t            n;
    const uint32_t   *numbers;
    const cos_str_t  *records;        /* binary part records */
} cos_xml_parts_t;
int cos_xml_parts(cos_buf_t *b, const cos_xml_parts_t *l);

void cos_xml_initiate(cos_buf_t *b, cos_dialect_e d, cos_str_t bucket,
    cos_str_t key, cos_str_t upload);

/* etag: without quotes. crc64 and sum are written in the dialect that knows
 * them. */
void cos_xml_complete(cos_buf_t *b, cos_dialect_e d, cos_str_t location,
    cos_str_t bucket, cos_str_t key, const cos_object_t *o);
void cos_xml_copy(cos_buf_t *b, cos_dialect_e d, const cos_object_t *o);
void cos_xml_copy_part(cos_buf_t *b, cos_dialect_e d, const cos_object_t *o);

typedef struct {
    cos_str_t  key;
    cos_str_t  version;               /* as sent, mostly empty */
    cos_err_e  err;                   /* result, COS_OK: deleted */
    unsigned   marker:1;              /* result: a delete marker was made, or
                                         was what was deleted */
    cos_str_t  marker_version;        /* then: its id */
} cos_xml_delete_t;
#define COS_DELETE_MAX  1000
#define COS_XML_DELETE_SIZE    (2 * 1024 * 1024)
#define COS_XML_COMPLETE_SIZE  (2 * 1024 * 1024)
#define COS_XML_SMALL_SIZE     (64 * 1024)
/*
 * All parsers: COS_E_XML_TOO_LARGE for a text over its limit or with too many
 * tags, COS_E_MALFORMED_XML, COS_E_INTERNAL when out of memory. Any child
 * order, any namespace. White space around keys belongs to them.
 */
/* COS_E_MALFORMED_XML also for none or more than COS_DELETE_MAX objects, or
 * an empty key; COS_E_NOT_IMPLEMENTED for S3's conditions on single objects
 * (ETag, Size, LastModifiedTime). */
cos_err_e cos_xml_parse_delete(cos_dialect_e d, cos_str_t text,
    cos_xml_delete_t **v, size_t *n, int *quiet, cos_alloc_t *a);
void cos_xml_delete_result(cos_buf_t *b, cos_dialect_e d,
    const cos_xml_delete_t *v, size_t n, int quiet);

typedef struct {
    uint64_t   number;                /* 1..10000 */
    cos_str_t  etag;                  /* without quotes */
    cos_sum_e  sum_type;
    cos_str_t  sum;                   /* base64 as sent, may be empty */
} cos_xml_part_t;
/* COS_E_MALFORMED_XML (also: no part), COS_E_INVALID_PART_NUMBER,
 * COS_E_INVALID_PART_ORDER. */
cos_err_e cos_xml_parse_complete(cos_dialect_e d, cos_str_t text,
    cos_xml_part_t **v, size_t *n, cos_alloc_t *a);

/* What a form upload with success_action_status 201 is answered. */
void cos_xml_post_response(cos_buf_t *b, cos_str_t location, cos_str_t bucket,
    cos_str_t key, const cos_object_t *o);

/* CreateBucketConfiguration; region empty when not given. COS_E_NOT_IMPLEMENTED
 * for tags in it. */
cos_err_e cos_xml_parse_create_bucket(cos_str_t text, cos_str_t *region,
    cos_alloc_t *a);

#pragma GCC visibility pop

#endif
