/*
 * Every refusal the API knows: name, HTTP status, code and default message.
 * One table, so that documents, logs and documentation cannot drift apart.
 * Codes: COS error-code page, S3 API reference "Error Responses".
 */

#ifndef COS_ERR_H
#define COS_ERR_H

#define COS_ERR_LIST(X)                                                       \
    X(ACCESS_DENIED, 403, "AccessDenied", "Access Denied.")                   \
    X(REFERER, 403, "AccessDenied",                                           \
      "You are denied by bucket referer rule")                                \
    X(CORS, 403, "AccessForbidden",                                           \
      "CORSResponse: This CORS request is not allowed. This is usually "      \
      "because the evaluation of Origin, request method / "                   \
      "Access-Control-Request-Method or Access-Control-Request-Headers are "  \
      "not whitelisted by the resource's CORS spec.")                         \
    X(NO_CORS_HERE, 403, "AccessForbidden",                                   \
      "CORSResponse: CORS is not enabled for this bucket.")                   \
    X(CORS_ORIGIN, 400, "BadRequest",                                         \
      "Insufficient information. Origin request header needed.")              \
    X(CORS_METHOD, 400, "BadRequest",                                         \
      "Invalid Access-Control-Request-Method.")                               \
    X(EXPIRED, 403, "AccessDenied", "Request has expired")                    \
    X(NOT_YET_VALID, 403, "AccessDenied", "Request is not yet valid")         \
    X(UNSIGNED_HEADER, 403, "AccessDenied",                                   \
      "There were headers present in the request which were not signed")      \
    X(INVALID_ACCESS_KEY, 403, "InvalidAccessKeyId",                          \
      "The access key id you provided does not exist in our records.")        \
    X(KEY_DISABLED, 403, "InvalidAccessKeyId",                                \
      "The access key id you provided is disabled.")                          \
    X(SIGNATURE_MISMATCH, 403, "SignatureDoesNotMatch",                       \
      "The request signature we calculated does not match the signature you " \
      "provided. Check your secret key and signing method.")                  \
    X(TIME_SKEWED, 403, "RequestTimeTooSkewed",                               \
      "The difference between the request time and the server's time is too " \
      "large.")                                                               \
    X(EXPIRED_TOKEN, 400, "ExpiredToken", "The provided token has expired.")  \
    X(INVALID_TOKEN, 400, "InvalidToken",                                     \
      "The provided token is malformed or otherwise invalid.")                \
    X(AUTH_HEADER_MALFORMED, 400, "AuthorizationHeaderMalformed",             \
      "The authorization header you provided is invalid.")                    \
    X(AUTH_QUERY_MALFORMED, 400, "AuthorizationQueryParametersError",         \
      "The authorization query parameters are invalid.")                      \
    X(AUTH_REGION, 400, "AuthorizationHeaderMalformed",                       \
      "The authorization header is malformed; the region is wrong.")          \
    X(AUTH_DUPLICATE, 400, "InvalidArgument",                                 \
      "Only one auth mechanism allowed; only one Authorization header or "    \
      "signature query may be given.")                                        \
    X(AUTH_UNSUPPORTED, 400, "InvalidArgument",                               \
      "Unsupported Authorization Type")                                       \
    X(MISSING_SECURITY_HEADER, 400, "MissingSecurityHeader",                  \
      "Your request was missing a required header.")                          \
    X(CONTENT_SHA256_INVALID, 400, "InvalidArgument",                         \
      "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING- form or "  \
      "a valid sha256 value.")                                                \
    X(CONTENT_SHA256_MISMATCH, 400, "XAmzContentSHA256Mismatch",              \
      "The provided 'x-amz-content-sha256' header does not match what was "   \
      "computed.")                                                            \
    X(CHUNK_SIGNATURE, 403, "SignatureDoesNotMatch",                          \
      "A chunk signature does not match the chunk's content.")                \
    X(CHUNK_MALFORMED, 400, "InvalidRequest",                                 \
      "The aws-chunked framing of the body is malformed.")                    \
    X(TRAILER_MALFORMED, 400, "MalformedTrailerError",                        \
      "The trailer of the body is malformed or was not announced.")           \
    X(BAD_DIGEST, 400, "BadDigest",                                           \
      "The Content-MD5 you specified did not match what we received.")        \
    X(BAD_CHECKSUM, 400, "BadDigest",                                         \
      "The checksum you specified did not match what we received.")           \
    X(INVALID_DIGEST, 400, "InvalidDigest",                                   \
      "The Content-MD5 you specified is not valid.")                          \
    X(INVALID_CHECKSUM, 400, "InvalidRequest",                                \
      "Value for a checksum header is invalid.")                              \
    X(INVALID_SHA1, 400, "InvalidSHA1Digest",                                 \
      "The SHA-1 you specified did not match what we received.")              \
    X(ENTITY_TOO_LARGE, 400, "EntityTooLarge",                                \
      "Your proposed upload exceeds the maximum allowed object size.")        \
    X(ENTITY_TOO_SMALL, 400, "EntityTooSmall",                                \
      "Your proposed upload is smaller than the minimum allowed size.")       \
    X(ENTITY_SIZE_MISMATCH, 400, "EntitySizeNotMatch",                        \
      "The body is not of the announced size.")                               \
    X(INCOMPLETE_BODY, 400, "IncompleteBody",                                 \
      "You did not provide the number of bytes specified by the "             \
      "Content-Length HTTP header.")                                          \
    X(REQUEST_TIMEOUT, 400, "RequestTimeout",                                 \
      "Your socket connection to the server was not read from or written to " \
      "within the timeout period.")                                           \
    X(MISSING_LENGTH, 411, "MissingContentLength",                            \
      "You must provide the Content-Length HTTP header.")                     \
    X(MISSING_BODY, 400, "MissingRequestBodyError", "Request body is empty.") \
    X(MISSING_MD5, 400, "InvalidRequest",                                     \
      "Missing required header for this request: Content-MD5 or a checksum.") \
    X(MALFORMED_XML, 400, "MalformedXML",                                     \
      "The XML you provided was not well-formed or did not validate against " \
      "our published schema.")                                                \
    X(MALFORMED_ACL, 400, "MalformedACLError",                                \
      "The XML you provided was not well-formed or did not validate against " \
      "our published schema.")                                                \
    X(GRANT_EMAIL, 400, "UnresolvableGrantByEmailAddress",                    \
      "The e-mail address you provided does not match any account on record.")\
    X(UNEXPECTED_CONTENT, 400, "UnexpectedContent",                           \
      "This request does not support content.")                               \
    X(XML_TOO_LARGE, 400, "XMLSizeLimit", "The XML document is too large.")   \
    X(NOT_MULTIPART, 412, "RequestIsNotMultiPartContent",                     \
      "Bucket POST must be of the enclosure-type multipart/form-data.")       \
    X(MALFORMED_POST, 400, "MalformedPOSTRequest",                            \
      "The body of your POST request is not well-formed "                     \
      "multipart/form-data.")                                                 \
    X(POST_PRE_DATA, 400, "MaxPostPreDataLengthExceeded",                     \
      "Your POST request fields preceding the upload file were too large.")   \
    X(POST_FILES, 400, "IncorrectNumberOfFilesInPostRequest",                 \
      "POST requires exactly one file upload per request.")                   \
    X(POST_KEY, 400, "UserKeyMustBeSpecified",                                \
      "The bucket POST must contain the specified field name. If it is "      \
      "specified, check the order of the fields.")                            \
    X(INVALID_POLICY, 400, "InvalidPolicyDocument",                           \
      "The content of the form does not meet the conditions specified in "    \
      "the policy document.")                                                 \
    X(MALFORMED_POLICY, 400, "MalformedPolicy",                               \
      "The policy is not well-formed.")                                       \
    X(POLICY_FULL, 400, "PolicyFull", "The policy is too large.")             \
    X(INVALID_ARGUMENT, 400, "InvalidArgument", "Invalid Argument.")          \
    X(INVALID_REQUEST, 400, "InvalidRequest", "Invalid Request.")             \
    X(INVALID_URI, 400, "InvalidURI", "Couldn't parse the specified URI.")    \
    X(INVALID_BUCKET_NAME, 400, "InvalidBucketName",                          \
      "The specified bucket is not valid.")                                   \
    X(INVALID_OBJECT_NAME, 400, "InvalidObjectName",                          \
      "The specified object name is not valid.")                              \
    X(KEY_TOO_LONG, 400, "KeyTooLongError", "Your key is too long.")          \
    X(KEY_TOO_LONG_COS, 400, "KeyTooLong", "Your key is too long.")           \
    X(METADATA_TOO_LARGE, 400, "MetadataTooLarge",                            \
      "Your metadata headers exceed the maximum allowed metadata size.")      \
    X(INVALID_REDIRECT, 400, "InvalidRedirectLocation",                       \
      "The website redirect location must have a prefix of 'http://' or "     \
      "'https://' or '/'.")                                                   \
    X(INVALID_TAG, 400, "InvalidTag", "The tag provided was not valid.")      \
    X(INVALID_RETENTION, 400, "InvalidRetentionPeriod",                       \
      "The retention period must be a positive integer value.")               \
    X(ACL_NOT_SUPPORTED, 400, "AccessControlListNotSupported",                \
      "The bucket does not allow ACLs.")                                      \
    X(ACL_WITH_OWNERSHIP, 400, "InvalidBucketAclWithObjectOwnership",         \
      "Bucket cannot have ACLs set with ObjectOwnership's "                   \
      "BucketOwnerEnforced setting.")                                         \
    X(INVALID_STORAGE_CLASS, 400, "InvalidStorageClass",                      \
      "The storage class you specified is not valid.")                        \
    X(INVALID_LOCATION, 400, "InvalidLocationConstraint",                     \
      "The specified location constraint is not valid.")                      \
    X(INVALID_COPY_SOURCE, 400, "InvalidCopySource",                          \
      "The copy source is not valid.")                                        \
    X(COPY_ONTO_ITSELF, 400, "InvalidRequest",                                \
      "This copy request is illegal because it is trying to copy an object "  \
      "to itself without changing the object's metadata, storage class, "     \
      "website redirect location or encryption attributes.")                  \
    X(INVALID_PART, 400, "InvalidPart",                                       \
      "One or more of the specified parts could not be found. The part may "  \
      "not have been uploaded, or its ETag did not match.")                   \
    X(INVALID_PART_ORDER, 400, "InvalidPartOrder",                            \
      "The list of parts was not in ascending order.")                        \
    X(INVALID_PART_NUMBER, 400, "InvalidArgument",                            \
      "Part number must be an integer between 1 and 10000, inclusive.")       \
    X(SSE_ALGORITHM, 400, "InvalidEncryptionAlgorithmError",                  \
      "The encryption request that you specified is not valid. The valid "    \
      "value is AES256.")                                                     \
    X(SSE_DECRYPT, 400, "SsecDecryptHeaderInvalid",                           \
      "The key that decrypts the object is missing or wrong.")                \
    X(SSE_HEADER, 400, "SSEHeaderNotAllowed",                                 \
      "Encryption is not asked for when an object is read.")                  \
    X(KMS_KEY, 400, "KMS.NotFoundException",                                  \
      "There is no encryption key of that id.")                               \
    X(KMS_KEY_COS, 400, "KmsKeyNotExist",                                     \
      "There is no encryption key of that id.")                               \
    X(TOO_MANY_BUCKETS, 400, "TooManyBuckets",                                \
      "You have attempted to create more buckets than allowed.")              \
    X(INVALID_OBJECT_STATE, 403, "InvalidObjectState",                        \
      "The operation is not valid for the object's storage class.")           \
    X(RESTORE_NON_ARCHIVE, 405, "RestoreNonArchiveObject",                    \
      "The object is not archived: there is nothing to restore.")             \
    X(RESTORE_IN_PROGRESS, 409, "RestoreAlreadyInProgress",                   \
      "Object restore is already in progress.")                               \
    X(OBJECT_LOCKED, 409, "ObjectLocked", "The object is locked.")            \
    X(NO_OBJECT_LOCK, 404, "NoSuchObjectLockConfiguration",                   \
      "The specified object does not have an object lock configuration.")     \
    X(NO_SUCH_BUCKET, 404, "NoSuchBucket",                                    \
      "The specified bucket does not exist.")                                 \
    X(NO_SUCH_KEY, 404, "NoSuchKey", "The specified key does not exist.")     \
    X(NO_SUCH_UPLOAD, 404, "NoSuchUpload",                                    \
      "The specified upload does not exist. The upload id may be invalid, or "\
      "the upload may have been aborted or completed.")                       \
    X(SYMLINK_TARGET, 404, "SymlinkTargetNotExist",                           \
      "The object that the symbolic link names does not exist.")              \
    X(SYMLINK_CHAIN, 400, "InvalidTargetType",                                \
      "The symbolic link names another symbolic link.")                       \
    X(NOT_SYMLINK, 400, "NotSymlink", "The object is not a symbolic link.")   \
    X(NO_SUCH_VERSION, 404, "NoSuchVersion",                                  \
      "The specified version does not exist.")                                \
    X(NO_TAGS, 404, "NoSuchTagSet", "The TagSet does not exist.")             \
    X(NO_ENCRYPTION, 404, "NoSuchEncryptionConfiguration",                    \
      "The server side encryption configuration was not found.")              \
    X(NO_ENCRYPTION_S3, 404, "ServerSideEncryptionConfigurationNotFoundError",\
      "The server side encryption configuration was not found.")              \
    X(NO_LOCK_CONFIG, 404, "NoSuchObjectLockConfiguration",                   \
      "The bucket has no object lock configuration.")                         \
    X(NO_LOCK_CONFIG_S3, 404, "ObjectLockConfigurationNotFoundError",         \
      "Object Lock configuration does not exist for this bucket.")            \
    X(NO_QUOTA, 404, "NoSuchQuotaConfiguration", "The bucket has no quota.")  \
    X(NO_PUBLIC_BLOCK, 404, "NoSuchPublicAccessBlockConfiguration",           \
      "The public access block configuration was not found.")                 \
    X(NO_OWNERSHIP, 404, "OwnershipControlsNotFoundError",                    \
      "The bucket ownership controls were not found.")                        \
    X(NO_CORS, 404, "NoSuchCORSConfiguration",                                \
      "The CORS configuration does not exist.")                               \
    X(NO_WEBSITE, 404, "NoSuchWebsiteConfiguration",                          \
      "The specified bucket does not have a website configuration.")          \
    X(NO_LIFECYCLE, 404, "NoSuchLifecycleConfiguration",                      \
      "The lifecycle configuration does not exist.")                          \
    X(NO_POLICY, 404, "NoSuchPolicy", "The bucket policy does not exist.")    \
    X(NO_POLICY_S3, 404, "NoSuchBucketPolicy",                                \
      "The bucket policy does not exist.")                                    \
    X(NO_REFERER, 404, "NoSuchRefererConfiguration",                          \
      "The referer configuration does not exist.")                            \
    X(NO_ORIGIN, 404, "OriginConfigurationNotFoundError",                     \
      "The origin configuration does not exist.")                             \
    X(NO_INVENTORY, 404, "InventoryConfigurationNotFoundError",               \
      "The inventory configuration does not exist.")                          \
    X(NO_REPLICATION, 404, "ReplicationConfigurationNotFoundError",           \
      "The replication configuration was not found.")                         \
    X(NO_CONFIGURATION, 404, "NoSuchConfiguration",                           \
      "The specified configuration does not exist.")                          \
    X(METHOD_NOT_ALLOWED, 405, "MethodNotAllowed",                            \
      "The specified method is not allowed against this resource.")           \
    X(BUCKET_EXISTS, 409, "BucketAlreadyExists",                              \
      "The requested bucket name is not available.")                          \
    X(BUCKET_OWNED_BY_YOU, 409, "BucketAlreadyOwnedByYou",                    \
      "The bucket you tried to create already exists, and you own it.")       \
    X(DOMAIN_CONFLICT, 409, "DomainConfigConflict",                           \
      "A domain is bound to another bucket.")                                 \
    X(BUCKET_NOT_EMPTY, 409, "BucketNotEmpty",                                \
      "The bucket you tried to delete is not empty.")                         \
    X(FILE_EXISTS, 409, "FileAlreadyExists", "The object already exists.")    \
    X(APPEND_POSITION, 409, "AppendPositionErr",                              \
      "The position is not the length of the object.")                        \
    X(NOT_APPENDABLE, 409, "ObjectNotAppendable",                             \
      "The object is not appendable.")                                        \
    X(INVALID_BUCKET_STATE, 409, "InvalidBucketState",                        \
      "The request is not valid for the current state of the bucket.")        \
    X(INVALID_LOCKED_TIME, 409, "InvalidLockedTime",                          \
      "A retention period can only be extended.")                             \
    X(CONDITIONAL_CONFLICT, 409, "ConditionalRequestConflict",                \
      "The conditional request cannot succeed because of a conflicting "      \
      "operation.")                                                           \
    X(QUOTA, 403, "QuotaExceeded",                                            \
      "The bucket would exceed its quota.")                                   \
    X(OWNER_QUOTA, 403, "QuotaExceeded",                                      \
      "The owner of the bucket would exceed his quota.")                      \
    X(RETAINED, 403, "AccessDenied",                                          \
      "The object is retained by the bucket's retention policy.")             \
    X(PRECONDITION_FAILED, 412, "PreconditionFailed",                         \
      "At least one of the preconditions you specified did not hold.")        \
    X(INVALID_RANGE, 416, "InvalidRange",                                     \
      "The requested range cannot be satisfied.")                             \
    X(NO_PART_NUMBER, 416, "InvalidPartNumber",                               \
      "The requested partnumber is not satisfiable.")                         \
    X(INTERNAL, 500, "InternalError",                                         \
      "We encountered an internal error. Please try again.")                  \
    X(NOT_IMPLEMENTED, 501, "NotImplemented",                                 \
      "A header or query you provided implies functionality that is not "     \
      "implemented.")                                                         \
    X(SLOW_DOWN, 503, "SlowDown", "Please reduce your request rate.")         \
    X(UNAVAILABLE, 503, "ServiceUnavailable",                                 \
      "The service cannot handle the request now; please retry.")             \
    X(META_FULL, 507, "InsufficientStorage",                                  \
      "The metadata store is full; delete objects or add memory.")            \
    X(DISK_FULL, 507, "InsufficientStorage",                                  \
      "There is no space left to store the object.")

typedef enum {
    COS_OK = 0,
#define COS_ERR_ENUM(id, status, code, msg)  COS_E_##id,
    COS_ERR_LIST(COS_ERR_ENUM)
#undef COS_ERR_ENUM
    COS_E_MAX
} cos_err_e;

#pragma GCC visibility push(hidden)

typedef struct {
    int          status;
    const char  *code;
    const char  *message;
} cos_err_info_t;

/* The row of e; 200 with empty texts for COS_OK, INTERNAL for a value that is
 * not in the list. Never NULL. */
const cos_err_info_t *cos_err_info(cos_err_e e);

#pragma GCC visibility pop

#endif
