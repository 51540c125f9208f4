/*
 * request: naming. From Host, raw path, query and headers to dialect, bucket,
 * key and operation. Pure; one table holds every operation.
 */

#ifndef COS_NAME_H
#define COS_NAME_H

#include "cos_http.h"

#pragma GCC visibility push(hidden)

typedef enum { COS_DIALECT_COS = 0, COS_DIALECT_S3, COS_DIALECT_BOS }
    cos_dialect_e;

typedef enum {
    COS_STYLE_PATH = 0,               /* /bucket/key */
    COS_STYLE_VHOST,                  /* bucket in the host */
    COS_STYLE_SERVICE                 /* a service endpoint: no bucket in the
                                         host; the path may still name one */
} cos_style_e;

/* What the host says. */
typedef struct {
    cos_style_e    style;
    unsigned       has_dialect:1;     /* the host form decides the dialect */
    unsigned       website:1;         /* VHOST: the bucket's site */
    unsigned       foreign:1;         /* no base covers it */
    cos_dialect_e  dialect;
    cos_str_t      bucket;            /* VHOST */
    cos_str_t      region;            /* may be empty */
} cos_host_t;

/*
 * host: lower case, without port. bases: the configured base domains, lower
 * case. Forms (cos-api.md 2.1; S3 "Virtual hosting of buckets"):
 *   <bucket>-<appid>.cos[-internal].<region>.<base>  COS  vhost
 *   cos.<region>.<base>, service.cos.<base>          COS  service
 *   <bucket>.s3.<region>.<base>, <bucket>.s3-<region>.<base>,
 *   <bucket>.s3.<base>, <bucket>.s3.dualstack.<region>.<base>   S3  vhost
 *   s3.<region>.<base>, s3-<region>.<base>, s3.<base>           S3  service
 *   <bucket>.cos-website.<region>.<base>             COS  website
 *   <bucket>.s3-website.<region>.<base>, <bucket>.s3-website-<region>.<base>,
 *   <bucket>.s3-website.<base>                       S3  website
 *   <bucket>.<region>.bcebos.com-like hosts are only known when a base says
 *   so: <bucket>.bos.<region>.<base>, bos.<region>.<base>       BOS
 *   <bucket>.<base> where <base> has no such label: vhost of unknown dialect
 *   anything else, IP addresses and a bare base: path style, foreign where
 *   no base covers it
 * Bucket names with dots are taken whole in the S3 forms.
 */
void cos_host_parse(cos_host_t *out, cos_str_t host, const cos_str_t *bases,
    size_t nbases);

/* Operations. name: as in COS and S3 action lists and in metrics and logs.
 * X(id, name) */
#define COS_OP_LIST(X)                                                        \
    X(LIST_BUCKETS, "ListBuckets")                                            \
    X(PUT_BUCKET, "PutBucket")                                                \
    X(HEAD_BUCKET, "HeadBucket")                                              \
    X(DELETE_BUCKET, "DeleteBucket")                                          \
    X(GET_BUCKET_LOCATION, "GetBucketLocation")                               \
    X(GET_BUCKET_ACL, "GetBucketAcl")                                         \
    X(PUT_BUCKET_ACL, "PutBucketAcl")                                         \
    X(LIST_OBJECTS, "ListObjects")                                            \
    X(LIST_OBJECTS_V2, "ListObjectsV2")                                       \
    X(LIST_UPLOADS, "ListMultipartUploads")                                   \
    X(DELETE_OBJECTS, "DeleteObjects")                                        \
    X(POST_OBJECT, "PostObject")                                              \
    X(LIST_VERSIONS, "ListObjectVersions")                                    \
    X(GET_VERSIONING, "GetBucketVersioning")                                  \
    X(PUT_VERSIONING, "PutBucketVersioning")                                  \
    X(GET_BUCKET_TAGGING, "GetBucketTagging")                                 \
    X(PUT_BUCKET_TAGGING, "PutBucketTagging")                                 \
    X(DELETE_BUCKET_TAGGING, "DeleteBucketTagging")                           \
    X(GET_ENCRYPTION, "GetBucketEncryption")                                  \
    X(PUT_ENCRYPTION, "PutBucketEncryption")                                  \
    X(DELETE_ENCRYPTION, "DeleteBucketEncryption")                            \
    X(GET_LOCK_CONFIG, "GetObjectLockConfiguration")                          \
    X(PUT_LOCK_CONFIG, "PutObjectLockConfiguration")                          \
    X(GET_QUOTA, "GetBucketQuota")                                            \
    X(PUT_QUOTA, "PutBucketQuota")                                            \
    X(DELETE_QUOTA, "DeleteBucketQuota")                                      \
    X(GET_REQUEST_PAYMENT, "GetBucketRequestPayment")                         \
    X(PUT_REQUEST_PAYMENT, "PutBucketRequestPayment")                         \
    X(GET_PUBLIC_BLOCK, "GetPublicAccessBlock")                               \
    X(PUT_PUBLIC_BLOCK, "PutPublicAccessBlock")                               \
    X(DELETE_PUBLIC_BLOCK, "DeletePublicAccessBlock")                         \
    X(GET_OWNERSHIP, "GetBucketOwnershipControls")                            \
    X(PUT_OWNERSHIP, "PutBucketOwnershipControls")                            \
    X(DELETE_OWNERSHIP, "DeleteBucketOwnershipControls")                      \
    X(GET_CORS, "GetBucketCors")                                              \
    X(PUT_CORS, "PutBucketCors")                                              \
    X(DELETE_CORS, "DeleteBucketCors")                                        \
    X(GET_REFERER, "GetBucketReferer")                                        \
    X(PUT_REFERER, "PutBucketReferer")                                        \
    X(DELETE_REFERER, "DeleteBucketReferer")                                  \
    X(GET_WEBSITE, "GetBucketWebsite")                                        \
    X(PUT_WEBSITE, "PutBucketWebsite")                                        \
    X(DELETE_WEBSITE, "DeleteBucketWebsite")                                  \
    X(GET_POLICY, "GetBucketPolicy")                                          \
    X(PUT_POLICY, "PutBucketPolicy")                                          \
    X(DELETE_POLICY, "DeleteBucketPolicy")                                    \
    X(GET_POLICY_STATUS, "GetBucketPolicyStatus")                             \
    X(GET_DOMAIN, "GetBucketDomain")                                          \
    X(PUT_DOMAIN, "PutBucketDomain")                                          \
    X(DELETE_DOMAIN, "DeleteBucketDomain")                                    \
    X(GET_UNCONFIGURED, "GetBucketConfiguration")                             \
    X(DELETE_UNCONFIGURED, "DeleteBucketConfiguration")                       \
    X(PUT_OBJECT, "PutObject")                                                \
    X(COPY_OBJECT, "CopyObject")                                              \
    X(GET_OBJECT, "GetObject")                                                \
    X(HEAD_OBJECT, "HeadObject")                                              \
    X(DELETE_OBJECT, "DeleteObject")                                          \
    X(GET_OBJECT_ACL, "GetObjectAcl")                                         \
    X(PUT_OBJECT_ACL, "PutObjectAcl")                                         \
    X(CREATE_UPLOAD, "CreateMultipartUpload")                                 \
    X(UPLOAD_PART, "UploadPart")                                              \
    X(UPLOAD_PART_COPY, "UploadPartCopy")                                     \
    X(COMPLETE_UPLOAD, "CompleteMultipartUpload")                             \
    X(ABORT_UPLOAD, "AbortMultipartUpload")                                   \
    X(LIST_PARTS, "ListParts")                                                \
    X(GET_OBJECT_TAGGING, "GetObjectTagging")                                 \
    X(PUT_OBJECT_TAGGING, "PutObjectTagging")                                 \
    X(DELETE_OBJECT_TAGGING, "DeleteObjectTagging")                           \
    X(GET_ATTRIBUTES, "GetObjectAttributes")                                  \
    X(GET_RETENTION, "GetObjectRetention")                                    \
    X(PUT_RETENTION, "PutObjectRetention")                                    \
    X(GET_LEGAL_HOLD, "GetObjectLegalHold")                                   \
    X(PUT_LEGAL_HOLD, "PutObjectLegalHold")                                   \
    X(RESTORE_OBJECT, "RestoreObject")                                        \
    X(APPEND_OBJECT, "AppendObject")                                          \
    X(GET_SYMLINK, "GetSymlink")                                              \
    X(PUT_SYMLINK, "PutSymlink")                                              \
    X(RENAME_OBJECT, "RenameObject")                                          \
    X(STS, "SecurityToken")                                                   \
    X(PREFLIGHT, "OptionsObject")                                             \
    X(SERVE_WEBSITE, "ServeWebsite")                                          \
    X(UNSUPPORTED, "Unsupported")

typedef enum {
#define COS_OP_ENUM(id, name)  COS_OP_##id,
    COS_OP_LIST(COS_OP_ENUM)
#undef COS_OP_ENUM
    COS_OP_MAX
} cos_op_e;

const char *cos_op_name(cos_op_e op);

typedef struct {
    cos_dialect_e  dialect;
    cos_style_e    style;
    cos_op_e       op;
    cos_str_t      bucket;            /* empty: service */
    cos_str_t      key;               /* decoded bytes; empty: bucket */
    cos_str_t      region;            /* of the host */
    unsigned       website:1;         /* people ask, who read HTML */
    const cos_arg_t  *chose[2];       /* the sub-resource and the part number
                                         that chose op; NULL: none */
} cos_name_t;

/*
 * Names the request. scheme-derived dialect: sig_dialect >= 0 (of the
 * signature) wins over the host, which wins over hints of an anonymous
 * request: an x-amz-/x-cos-/x-bce- header, X-Amz- query, list-type, x-id;
 * then COS.
 * Path: h->path_decoded, split at the first '/' for path style; a bucket path
 * with and without closing slash is the same. Returns COS_OK (op may be
 * UNSUPPORTED: 501 for an unknown sub-resource, or a known one that is not
 * implemented), COS_E_METHOD_NOT_ALLOWED, COS_E_INVALID_BUCKET_NAME,
 * COS_E_INVALID_URI (NUL in a key is allowed; undecodable is refused before),
 * COS_E_KEY_TOO_LONG (S3, BOS: > 1,024 bytes) or COS_E_KEY_TOO_LONG_COS
 * (> 850), COS_E_INVALID_ARGUMENT (both partNumber missing its uploadId and
 * the like).
 *
 * Sub-resources are query names of the fixed list in cos-api.md 2.5 and of
 * the S3 API ("accelerate" .. "website", "attributes", "legal-hold",
 * "torrent", "metrics", "analytics", "ownershipControls", "policyStatus",
 * "publicAccessBlock", "requestPayment", "object-lock", "metadataTable",
 * "session" ...). A query name that is in neither that list nor the list of
 * parameters (prefix, marker, response-*, X-Amz-*, q-*, x-id, ...) is ignored
 * in a GET or HEAD, as clouds do, unless it has no value and so looks like a
 * sub-resource; then, and with any other method, the operation is UNSUPPORTED
 * (name_query.c has the details); so it is when the name of a sub-resource or
 * of a listing's limit is written in other case. Two sub-resources at once are refused. Image
 * instructions are UNSUPPORTED. versionId is left to the caller.
 *
 * The host of a website: GET and HEAD are SERVE_WEBSITE, whatever the query
 * says; OPTIONS is as elsewhere, all else COS_E_METHOD_NOT_ALLOWED.
 *
 * COS_E_INVALID_OBJECT_NAME: in the COS dialect, for a new object whose key
 * begins with a slash or holds one of the bytes 24..27. Where an error is
 * returned, dialect, style, region and, as far as the path gives them, bucket
 * and key are set.
 */
cos_err_e cos_name_request(cos_name_t *n, const cos_http_t *h,
    const cos_host_t *host, int sig_dialect);

/* Whether an object's key is within its dialect's rules: length, and, of one
 * that is new, the characters. Errors as above. */
cos_err_e cos_name_key(cos_dialect_e d, cos_str_t key, int is_new);

/* Bucket name rules. COS (create in the COS dialect): <name>-<appid>, name
 * [a-z0-9-], no '-' at either end, at most 50+; S3: 3..63 of [a-z0-9.-], labels
 * neither empty nor beginning or ending with '-', not an IPv4 address, no
 * "xn--", "sthree-", "-s3alias", "--ol-s3" forms. */
int cos_bucket_name_valid(cos_str_t name, cos_dialect_e dialect);

/* Range header of one range against a size: 1 satisfiable (*first, *last set,
 * inclusive), 0 to be ignored (several ranges, malformed, another unit: whole
 * object), -1 unsatisfiable (416). RFC 9110 14.1.2 */
int cos_range_parse(cos_str_t value, uint64_t size, uint64_t *first,
    uint64_t *last);

/* Copy source: "/bucket/key", "bucket/key", or COS' host form
 * "<bucket>.cos.<region>.<base>/key", key percent-encoded, optional
 * ?versionId=. -1 when malformed. Results from a. */
int cos_copy_source_parse(cos_str_t value, const cos_str_t *bases,
    size_t nbases, cos_str_t *bucket, cos_str_t *key, cos_str_t *version,
    cos_alloc_t *a);

#pragma GCC visibility pop

#endif
