/*
 * policy: who may do what. Pure: the request is described by the caller, and
 * the answer is one decision.
 *
 *   actions.c         what there is to be allowed, under both services' names
 *   compile.c         policies, from JSON; names.c, condition_read.c: what is
 *                     in them
 *   decide.c          the decision; condition.c: whether a condition holds
 *   acl.c             what an ACL permits
 *
 * An explicit deny wins over every allow. What nobody allows is denied
 * (cos-api.md 10.8; AWS IAM, "Policy evaluation logic").
 */

#ifndef COS_POLICY_H
#define COS_POLICY_H

#include "cos_core.h"
#include "cos_err.h"
#include "cos_record.h"

#pragma GCC visibility push(hidden)


/* --- actions ---------------------------------------------------------------- */

/*
 * One for each thing that a policy of either kind can tell from another: COS
 * allows HeadObject apart from GetObject, S3 a version apart from what is
 * current. X(id, level, COS' name, S3's name); "-": has no name there, and only
 * a wildcard reaches it. Some have no operation here, yet policies of other
 * places name them.
 */
#define COS_ACTION_LIST(X)                                                    \
    X(LIST_BUCKETS, SERVICE, "GetService", "ListAllMyBuckets")                \
                                                                              \
    X(CREATE_BUCKET, BUCKET, "PutBucket", "CreateBucket")                     \
    X(HEAD_BUCKET, BUCKET, "HeadBucket", "ListBucket")                        \
    X(DELETE_BUCKET, BUCKET, "DeleteBucket", "DeleteBucket")                  \
    X(LIST, BUCKET, "GetBucket", "ListBucket")                                \
    X(LIST_VERSIONS, BUCKET, "GetBucketObjectVersions", "ListBucketVersions") \
    X(LIST_UPLOADS, BUCKET, "ListMultipartUploads",                           \
      "ListBucketMultipartUploads")                                           \
    X(GET_LOCATION, BUCKET, "GetBucketLocation", "GetBucketLocation")         \
    X(GET_BUCKET_ACL, BUCKET, "GetBucketACL", "GetBucketAcl")                 \
    X(PUT_BUCKET_ACL, BUCKET, "PutBucketACL", "PutBucketAcl")                 \
    X(GET_POLICY, BUCKET, "GetBucketPolicy", "GetBucketPolicy")               \
    X(PUT_POLICY, BUCKET, "PutBucketPolicy", "PutBucketPolicy")               \
    X(DELETE_POLICY, BUCKET, "DeleteBucketPolicy", "DeleteBucketPolicy")      \
    X(GET_POLICY_STATUS, BUCKET, "GetBucketPolicyStatus",                     \
      "GetBucketPolicyStatus")                                                \
    X(GET_CORS, BUCKET, "GetBucketCORS", "GetBucketCORS")                     \
    X(PUT_CORS, BUCKET, "PutBucketCORS", "PutBucketCORS")                     \
    X(DELETE_CORS, BUCKET, "DeleteBucketCORS", "PutBucketCORS")               \
    X(GET_WEBSITE, BUCKET, "GetBucketWebsite", "GetBucketWebsite")            \
    X(PUT_WEBSITE, BUCKET, "PutBucketWebsite", "PutBucketWebsite")            \
    X(DELETE_WEBSITE, BUCKET, "DeleteBucketWebsite", "DeleteBucketWebsite")   \
    X(GET_REFERER, BUCKET, "GetBucketReferer", "-")                           \
    X(PUT_REFERER, BUCKET, "PutBucketReferer", "-")                           \
    X(GET_DOMAIN, BUCKET, "GetBucketDomain", "-")                             \
    X(PUT_DOMAIN, BUCKET, "PutBucketDomain", "-")                             \
    X(DELETE_DOMAIN, BUCKET, "DeleteBucketDomain", "-")                       \
    X(GET_ORIGIN, BUCKET, "GetBucketOrigin", "-")                             \
    X(PUT_ORIGIN, BUCKET, "PutBucketOrigin", "-")                             \
    X(DELETE_ORIGIN, BUCKET, "DeleteBucketOrigin", "-")                       \
    X(GET_LIFECYCLE, BUCKET, "GetBucketLifecycle",                            \
      "GetLifecycleConfiguration")                                            \
    X(PUT_LIFECYCLE, BUCKET, "PutBucketLifecycle",                            \
      "PutLifecycleConfiguration")                                            \
    X(DELETE_LIFECYCLE, BUCKET, "DeleteBucketLifecycle",                      \
      "PutLifecycleConfiguration")                                            \
    X(GET_VERSIONING, BUCKET, "GetBucketVersioning", "GetBucketVersioning")   \
    X(PUT_VERSIONING, BUCKET, "PutBucketVersioning", "PutBucketVersioning")   \
    X(GET_BUCKET_TAGS, BUCKET, "GetBucketTagging", "GetBucketTagging")        \
    X(PUT_BUCKET_TAGS, BUCKET, "PutBucketTagging", "PutBucketTagging")        \
    X(DELETE_BUCKET_TAGS, BUCKET, "DeleteBucketTagging", "PutBucketTagging")  \
    X(GET_ENCRYPTION, BUCKET, "GetBucketEncryption",                          \
      "GetEncryptionConfiguration")                                           \
    X(PUT_ENCRYPTION, BUCKET, "PutBucketEncryption",                          \
      "PutEncryptionConfiguration")                                           \
    X(DELETE_ENCRYPTION, BUCKET, "DeleteBucketEncryption",                    \
      "PutEncryptionConfiguration")                                           \
    X(GET_LOGGING, BUCKET, "GetBucketLogging", "GetBucketLogging")            \
    X(PUT_LOGGING, BUCKET, "PutBucketLogging", "PutBucketLogging")            \
    X(GET_NOTIFICATION, BUCKET, "GetBucketNotification",                      \
      "GetBucketNotification")                                                \
    X(PUT_NOTIFICATION, BUCKET, "PutBucketNotification",                      \
      "PutBucketNotification")                                                \
    X(GET_INVENTORY, BUCKET, "GetBucketInventory", "GetInventoryConfiguration")\
    X(LIST_INVENTORY, BUCKET, "ListBucketInventory",                          \
      "GetInventoryConfiguration")                                            \
    X(PUT_INVENTORY, BUCKET, "PutBucketInventory", "PutInventoryConfiguration")\
    X(POST_INVENTORY, BUCKET, "PostBucketInventory",                          \
      "PutInventoryConfiguration")                                            \
    X(DELETE_INVENTORY, BUCKET, "DeleteBucketInventory",                      \
      "PutInventoryConfiguration")                                            \
    X(GET_REPLICATION, BUCKET, "GetBucketReplication",                        \
      "GetReplicationConfiguration")                                          \
    X(PUT_REPLICATION, BUCKET, "PutBucketReplication",                        \
      "PutReplicationConfiguration")                                          \
    X(DELETE_REPLICATION, BUCKET, "DeleteBucketReplication",                  \
      "PutReplicationConfiguration")                                          \
    X(GET_ACCELERATE, BUCKET, "GetBucketAccelerate",                          \
      "GetAccelerateConfiguration")                                           \
    X(PUT_ACCELERATE, BUCKET, "PutBucketAccelerate",                          \
      "PutAccelerateConfiguration")                                           \
    X(GET_TIERING, BUCKET, "GetBucketIntelligentTiering",                     \
      "GetIntelligentTieringConfiguration")                                   \
    X(PUT_TIERING, BUCKET, "PutBucketIntelligentTiering",                     \
      "PutIntelligentTieringConfiguration")                                   \
    X(GET_LOCK, BUCKET, "GetBucketObjectLockConfiguration",                   \
      "GetBucketObjectLockConfiguration")                                     \
    X(PUT_LOCK, BUCKET, "PutBucketObjectLockConfiguration",                   \
      "PutBucketObjectLockConfiguration")                                     \
    X(GET_PAYMENT, BUCKET, "GetBucketRequestPayment",                         \
      "GetBucketRequestPayment")                                              \
    X(PUT_PAYMENT, BUCKET, "PutBucketRequestPayment",                         \
      "PutBucketRequestPayment")                                              \
    X(GET_PUBLIC_BLOCK, BUCKET, "GetBucketPublicAccessBlock",                 \
      "GetBucketPublicAccessBlock")                                           \
    X(PUT_PUBLIC_BLOCK, BUCKET, "PutBucketPublicAccessBlock",                 \
      "PutBucketPublicAccessBlock")                                           \
    X(GET_OWNERSHIP, BUCKET, "GetBucketOwnershipControls",                    \
      "GetBucketOwnershipControls")                                           \
    X(PUT_OWNERSHIP, BUCKET, "PutBucketOwnershipControls",                    \
      "PutBucketOwnershipControls")                                           \
    X(GET_QUOTA, BUCKET, "GetBucketQuota", "-")                               \
    X(PUT_QUOTA, BUCKET, "PutBucketQuota", "-")                               \
    X(DELETE_QUOTA, BUCKET, "DeleteBucketQuota", "-")                         \
    X(GET_METRICS, BUCKET, "-", "GetMetricsConfiguration")                    \
    X(PUT_METRICS, BUCKET, "-", "PutMetricsConfiguration")                    \
    X(GET_ANALYTICS, BUCKET, "-", "GetAnalyticsConfiguration")                \
    X(PUT_ANALYTICS, BUCKET, "-", "PutAnalyticsConfiguration")                \
    X(OTHER, BUCKET, "-", "-")                                                \
                                                                              \
    X(GET, OBJECT, "GetObject", "GetObject")                                  \
    X(GET_VERSION, OBJECT, "GetObject", "GetObjectVersion")                   \
    X(HEAD, OBJECT, "HeadObject", "GetObject")                                \
    X(HEAD_VERSION, OBJECT, "HeadObject", "GetObjectVersion")                 \
    X(OPTIONS, OBJECT, "OptionsObject", "-")                                  \
    X(PUT, OBJECT, "PutObject", "PutObject")                                  \
    X(POST, OBJECT, "PostObject", "PutObject")                                \
    X(APPEND, OBJECT, "AppendObject", "PutObject")                            \
    X(CREATE_UPLOAD, OBJECT, "InitiateMultipartUpload", "PutObject")          \
    X(UPLOAD_PART, OBJECT, "UploadPart", "PutObject")                         \
    X(UPLOAD_PART_COPY, OBJECT, "UploadPartCopy", "PutObject")                \
    X(COMPLETE_UPLOAD, OBJECT, "CompleteMultipartUpload", "PutObject")        \
    X(ABORT_UPLOAD, OBJECT, "AbortMultipartUpload", "AbortMultipartUpload")   \
    X(LIST_PARTS, OBJECT, "ListParts", "ListMultipartUploadParts")            \
    X(DELETE, OBJECT, "DeleteObject", "DeleteObject")                         \
    X(DELETE_VERSION, OBJECT, "DeleteObject", "DeleteObjectVersion")          \
    X(DELETE_MANY, OBJECT, "DeleteMultipleObjects", "DeleteObject")           \
    X(DELETE_MANY_VERSION, OBJECT, "DeleteMultipleObjects",                   \
      "DeleteObjectVersion")                                                  \
    X(GET_ACL, OBJECT, "GetObjectACL", "GetObjectAcl")                        \
    X(GET_VERSION_ACL, OBJECT, "GetObjectACL", "GetObjectVersionAcl")         \
    X(PUT_ACL, OBJECT, "PutObjectACL", "PutObjectAcl")                        \
    X(PUT_VERSION_ACL, OBJECT, "PutObjectACL", "PutObjectVersionAcl")         \
    X(GET_TAGS, OBJECT, "GetObjectTagging", "GetObjectTagging")               \
    X(GET_VERSION_TAGS, OBJECT, "GetObjectTagging", "GetObjectVersionTagging")\
    X(PUT_TAGS, OBJECT, "PutObjectTagging", "PutObjectTagging")               \
    X(PUT_VERSION_TAGS, OBJECT, "PutObjectTagging", "PutObjectVersionTagging")\
    X(DELETE_TAGS, OBJECT, "DeleteObjectTagging", "DeleteObjectTagging")      \
    X(DELETE_VERSION_TAGS, OBJECT, "DeleteObjectTagging",                     \
      "DeleteObjectVersionTagging")                                           \
    X(GET_ATTRIBUTES, OBJECT, "GetObjectAttributes", "GetObjectAttributes")   \
    X(GET_VERSION_ATTRIBUTES, OBJECT, "GetObjectAttributes",                  \
      "GetObjectVersionAttributes")                                           \
    X(GET_RETENTION, OBJECT, "GetObjectRetention", "GetObjectRetention")      \
    X(PUT_RETENTION, OBJECT, "PutObjectRetention", "PutObjectRetention")      \
    X(GET_LEGAL_HOLD, OBJECT, "GetObjectLegalHold", "GetObjectLegalHold")     \
    X(PUT_LEGAL_HOLD, OBJECT, "PutObjectLegalHold", "PutObjectLegalHold")     \
    X(BYPASS_GOVERNANCE, OBJECT, "BypassGovernanceRetention",                 \
      "BypassGovernanceRetention")                                            \
    X(RESTORE, OBJECT, "PostObjectRestore", "RestoreObject")                  \
    X(SELECT, OBJECT, "SelectObjectContent", "GetObject")                     \
    X(GET_SYMLINK, OBJECT, "GetSymlink", "GetObject")                         \
    X(PUT_SYMLINK, OBJECT, "PutSymlink", "PutObject")                         \
    X(GET_TORRENT, OBJECT, "-", "GetObjectTorrent")                           \
    X(GET_FOR_REPLICATION, OBJECT, "-", "GetObjectVersionForReplication")     \
    X(REPLICATE, OBJECT, "-", "ReplicateObject")                              \
    X(REPLICATE_DELETE, OBJECT, "-", "ReplicateDelete")                       \
    X(REPLICATE_TAGS, OBJECT, "-", "ReplicateTags")

typedef enum {
#define COS_ACTION_ENUM(id, level, cos, s3)  COS_ACT_##id,
    COS_ACTION_LIST(COS_ACTION_ENUM)
#undef COS_ACTION_ENUM
    COS_ACT_MAX
} cos_action_e;

typedef enum {
    COS_LEVEL_SERVICE = 0, COS_LEVEL_BUCKET, COS_LEVEL_OBJECT
} cos_level_e;

typedef struct {
    cos_level_e  level;               /* what its resource is */
    const char  *cos;                 /* without "cos:"; "-": none */
    const char  *s3;                  /* without "s3:"; "-": none */
} cos_action_info_t;

const cos_action_info_t *cos_action_info(cos_action_e a);
/* The action that the same thing is with a version named; itself when that
 * makes no difference. */
cos_action_e cos_action_of_version(cos_action_e a);


/* --- who asks ----------------------------------------------------------------- */

typedef struct {
    unsigned   known:1;               /* proved; 0: anonymous */
    uint64_t   uid;                   /* of the account */
    uint64_t   sub;                   /* of the sub-user; 0: the account itself */
    cos_str_t  name;                  /* of the user */
} cos_who_t;


/* --- conditions -------------------------------------------------------------------- */

/* Where a condition's value comes from. Those up to COS_KEY_GET are known from
 * the question itself, the others are asked for. */
typedef enum {
    COS_KEY_SOURCE_IP = 0,
    COS_KEY_SECURE,                   /* "true", "false" */
    COS_KEY_TIME,                     /* as a date */
    COS_KEY_EPOCH,                    /* as a number */
    COS_KEY_USER_ID,                  /* "<uid>", "<uid>:<sub>" */
    COS_KEY_USER_NAME,
    COS_KEY_PRINCIPAL_ARN,
    COS_KEY_PRINCIPAL_ACCOUNT,
    COS_KEY_PRINCIPAL_TYPE,           /* "Account", "User", "Anonymous" */
    COS_KEY_RESOURCE_ACCOUNT,
    COS_KEY_NEVER,                    /* known, and no request has it here */
    COS_KEY_GET,
    COS_KEY_HEADER,                   /* name: whole, lower case */
    COS_KEY_DIALECT_HEADER,           /* name: without x-amz-, x-cos- */
    COS_KEY_QUERY,                    /* name: of the parameter */
    COS_KEY_EXISTING_TAG,             /* name: of the tag */
    COS_KEY_REQUEST_TAG,
    COS_KEY_REQUEST_TAG_KEYS,         /* all of them */
    COS_KEY_EXISTING_TAGS,            /* "key&value", all of them */
    COS_KEY_REQUEST_TAGS,
    COS_KEY_TLS_VERSION,              /* "1.2" */
    COS_KEY_AUTH_TYPE,                /* "REST-HEADER", "REST-QUERY-STRING",
                                         "POST" */
    COS_KEY_SIGNATURE_VERSION,        /* "AWS4-HMAC-SHA256", "AWS" */
    COS_KEY_SIGNATURE_AGE             /* milliseconds */
} cos_policy_key_e;

typedef struct {
    cos_policy_key_e  id;
    cos_str_t         name;           /* see above; else empty */
    unsigned          encoded:1;      /* COS' grammar: in QUERY what is
                                         percent-encoded counts, too */
} cos_policy_key_t;

/* A value that cannot be known before the operation runs: what would deny by it
 * denies, what would allow by it does not. */
#define COS_POLICY_UNKNOWN  (-2)

/* How many values a key can have. */
#define COS_POLICY_VALUES  64

/* An address: 4 bytes, or 16; 0: none, as of a local socket. */
typedef struct {
    unsigned  len;
    cos_u8    addr[16];
} cos_ip_t;

/* "10.0.0.1", "::1"; IPv4 within IPv6 is IPv4. -1: neither. */
int cos_ip_parse(cos_ip_t *ip, cos_str_t s);


/* --- policies ------------------------------------------------------------------------ */

typedef struct cos_policy_s  cos_policy_t;

#define COS_POLICY_SIZE        20480  /* bytes of the document */
#define COS_POLICY_STATEMENTS  100

typedef enum {
    COS_POLICY_BUCKET = 0,            /* says whom it is for */
    COS_POLICY_USER                   /* for whoever it is attached to */
} cos_policy_kind_e;

/* What a policy is for. */
typedef struct {
    cos_policy_kind_e  kind;
    cos_str_t          bucket;        /* BUCKET: no resource but in this one;
                                         empty: any, the text is known good */
    uint64_t           owner;         /* of that bucket */
} cos_policy_where_t;

/*
 * Reads a policy of either grammar: "version" 2.0 of COS (cos-api.md 10.4), or
 * Version 2012-10-17 or 2008-10-17 of S3 (AWS IAM, "Policy grammar"). Whatever
 * would not be honoured is refused: unknown elements, actions, operators, keys
 * of conditions, principals that cannot exist, resources of other buckets.
 * *p and *reason are from a; *reason says which statement and what is wrong
 * with it, in printable ASCII. COS_E_MALFORMED_POLICY, COS_E_INTERNAL (no
 * memory).
 */
cos_err_e cos_policy_read(cos_policy_t **p, cos_str_t text,
    const cos_policy_where_t *where, cos_alloc_t *a, const char **reason);
/* The same for a text that has been read once: the policy of a bucket, of a
 * user. NULL: it cannot be read. */
void *cos_policy_bucket(cos_str_t text, cos_alloc_t *a);
void *cos_policy_user(cos_str_t text, cos_alloc_t *a);

/* The text of a policy that every store has, by its name; empty: there is none of
 * that name. */
cos_str_t cos_policy_preset(cos_str_t name);

/* Whether it gives anything to everyone, or to those who only come from too
 * many addresses (AWS, "Blocking public access", the meaning of "public"). */
int cos_policy_is_public(const cos_policy_t *p);
size_t cos_policy_count(const cos_policy_t *p);
/* Of statement i; empty: it has none. */
cos_str_t cos_policy_sid(const cos_policy_t *p, size_t i);


/* --- the decision --------------------------------------------------------------- */

/* How a resource's side (a bucket's policy, an ACL) says yes. */
typedef enum {
    COS_GRANT_NONE = 0,
    COS_GRANT_ACCOUNT,                /* to the account, which says itself which
                                         of its users may */
    COS_GRANT_SELF                    /* to who asks by name, or to everyone */
} cos_grant_e;

/* What a statement has conditions on. */
typedef struct {
    const char       *header;         /* without x-amz-, x-cos-; NULL: the tags
                                         that the request gives */
} cos_policy_about_t;

/* What is asked. */
typedef struct {
    const cos_who_t  *who;
    cos_action_e      action;
    uint64_t          account;        /* whose the bucket is; where there is none
                                         (SERVICE, CREATE_BUCKET): who asks */
    unsigned          foreign:1;      /* the object belongs to another account
                                         than its bucket: its own ACL rules */
    unsigned          left:1;         /* its owner left himself out of the ACL
                                         (S3): he needs what others need */
    unsigned          governed:1;     /* foreign: the bucket's account may
                                         nevertheless, as with what is its own */
    const cos_policy_about_t *about;  /* allow by statements alone that have a
                                         condition on that; NULL: by all */
    cos_str_t         bucket;         /* empty: none */
    cos_str_t         key;            /* of an action on an object; of
                                         LIST_UPLOADS the prefix, which COS takes
                                         for the resource (436/30580) */
    cos_str_t         region;         /* of the bucket; empty: not known */
    cos_ip_t          ip;
    unsigned          tls:1;
    int64_t           now;            /* Unix seconds */
    /* Values of a key behind COS_KEY_GET, valid during the decision: how many,
     * 0: the request has no such thing; -1: no memory; COS_POLICY_UNKNOWN. Of
     * more than COS_POLICY_VALUES, -1. */
    int             (*get)(void *data, const cos_policy_key_t *key,
                           cos_str_t *values);
    void             *data;
} cos_policy_ask_t;

/* What there is to judge by. */
typedef struct {
    const cos_policy_t         *bucket;   /* its policy, or NULL */
    unsigned                    restricted:1;  /* a public one is for the
                                                  owner's account alone
                                                  (RestrictPublicBuckets) */
    const cos_policy_t *const  *user;     /* policies of who asks */
    size_t                      nuser;
    const cos_policy_t         *session;  /* of a temporary credential: what it
                                             does not allow is not; NULL: no
                                             such limit */
    cos_grant_e                 acl;      /* what the ACLs say */
} cos_policy_rules_t;

typedef enum {
    COS_BY_NOTHING = 0,               /* denied: nobody allows it */
    COS_BY_OWNER,                     /* the account that owns it */
    COS_BY_ACL,
    COS_BY_BUCKET_POLICY,
    COS_BY_USER_POLICY,
    COS_BY_SESSION_POLICY,            /* denies, or does not allow */
    COS_BY_ERROR                      /* denied: a value could not be had */
} cos_policy_by_e;

typedef struct {
    unsigned         allowed:1;
    cos_policy_by_e  by;
    int              policy;          /* USER_POLICY: which */
    int              statement;       /* of a policy, from 0; -1: none */
} cos_decision_t;

/*
 * Decides. An account may do everything with its own buckets and with the
 * objects in them that are its own, unless a policy denies it; what is done to
 * the bucket's policy itself cannot be denied to it. Its sub-users may do
 * nothing of that by themselves. A resource of another account has to be
 * granted from there; a sub-user needs its own account's word besides when it
 * is granted to the account and not to itself.
 *
 * A bucket's policy grants nothing about objects of other accounts, and still
 * denies. Nor does it grant anything about itself to other accounts: to see,
 * set and remove it is for the bucket's own (S3, PutBucketPolicy).
 */
void cos_decide(cos_decision_t *d, const cos_policy_ask_t *ask,
    const cos_policy_rules_t *rules);


/* --- ACLs ---------------------------------------------------------------------- */

/* An ACL where it is. */
typedef struct {
    cos_acl_e  canned;                /* of an object: not DEFAULT, which is its
                                         bucket's */
    cos_str_t  grants;                /* cos_acl.h; empty: canned says it all */
    uint64_t   owner;                 /* of what it belongs to */
    uint64_t   bucket_owner;
    unsigned   closed:1;              /* grants to groups do not count */
} cos_acl_t;

/* What it grants for a COS_MAY_ bit other than COS_MAY_ALL. The owner may
 * always read and change it, and with a canned one everything. A damaged text
 * grants nothing from there on. */
cos_grant_e cos_acl_permits(const cos_acl_t *a, const cos_who_t *who,
    unsigned bit);
/* Whether its owner is left without that permission: grants say all (S3). */
int cos_acl_omits_owner(const cos_acl_t *a, unsigned bit);

#pragma GCC visibility pop

#endif
