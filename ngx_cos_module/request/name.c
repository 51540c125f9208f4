/*
 * request: naming. One table says which operation a request asks for. What it
 * does not hold is refused: above all, a sub-resource that is not known never
 * falls through to the operation that the same request without it would be.
 */

#include "name.h"

#define KEY_MAX_COS  850
#define KEY_MAX      1024

typedef struct {
    verb_e     verb;
    at_e       at;
    sub_e      sub;
    unsigned   with;
    cos_op_e   op;
} rule_t;

static cos_dialect_e find_dialect(const cos_http_t *h, const cos_host_t *host,
    int sig_dialect);
static cos_err_e split_path(cos_name_t *n, const cos_http_t *h,
    const cos_host_t *host);
static verb_e find_verb(cos_str_t method);
static cos_err_e find_op(cos_op_e *op, verb_e verb, at_e at,
    const query_t *q);
static cos_err_e check_names(const cos_name_t *n);


static const rule_t  rules[] = {
    { VERB_GET, AT_SERVICE, SUB_NONE, 0, COS_OP_LIST_BUCKETS },
    { VERB_POST, AT_SERVICE, SUB_NONE, 0, COS_OP_STS },

    { VERB_GET, AT_BUCKET, SUB_NONE, 0, COS_OP_LIST_OBJECTS },
    { VERB_GET, AT_BUCKET, SUB_LIST_TYPE, 0, COS_OP_LIST_OBJECTS_V2 },
    { VERB_GET, AT_BUCKET, SUB_LOCATION, 0, COS_OP_GET_BUCKET_LOCATION },
    { VERB_GET, AT_BUCKET, SUB_ACL, 0, COS_OP_GET_BUCKET_ACL },
    { VERB_GET, AT_BUCKET, SUB_UPLOADS, 0, COS_OP_LIST_UPLOADS },
    { VERB_HEAD, AT_BUCKET, SUB_NONE, 0, COS_OP_HEAD_BUCKET },
    { VERB_PUT, AT_BUCKET, SUB_NONE, 0, COS_OP_PUT_BUCKET },
    { VERB_PUT, AT_BUCKET, SUB_ACL, 0, COS_OP_PUT_BUCKET_ACL },
    { VERB_POST, AT_BUCKET, SUB_DELETE, 0, COS_OP_DELETE_OBJECTS },
    { VERB_POST, AT_BUCKET, SUB_NONE, 0, COS_OP_POST_OBJECT },
    { VERB_DELETE, AT_BUCKET, SUB_NONE, 0, COS_OP_DELETE_BUCKET },

    { VERB_GET, AT_BUCKET, SUB_VERSIONS, 0, COS_OP_LIST_VERSIONS },
    { VERB_GET, AT_BUCKET, SUB_VERSIONING, 0, COS_OP_GET_VERSIONING },
    { VERB_PUT, AT_BUCKET, SUB_VERSIONING, 0, COS_OP_PUT_VERSIONING },
    { VERB_GET, AT_BUCKET, SUB_TAGGING, 0, COS_OP_GET_BUCKET_TAGGING },
    { VERB_PUT, AT_BUCKET, SUB_TAGGING, 0, COS_OP_PUT_BUCKET_TAGGING },
    { VERB_DELETE, AT_BUCKET, SUB_TAGGING, 0, COS_OP_DELETE_BUCKET_TAGGING },
    { VERB_GET, AT_BUCKET, SUB_ENCRYPTION, 0, COS_OP_GET_ENCRYPTION },
    { VERB_PUT, AT_BUCKET, SUB_ENCRYPTION, 0, COS_OP_PUT_ENCRYPTION },
    { VERB_DELETE, AT_BUCKET, SUB_ENCRYPTION, 0, COS_OP_DELETE_ENCRYPTION },
    { VERB_GET, AT_BUCKET, SUB_OBJECT_LOCK, 0, COS_OP_GET_LOCK_CONFIG },
    { VERB_PUT, AT_BUCKET, SUB_OBJECT_LOCK, 0, COS_OP_PUT_LOCK_CONFIG },
    { VERB_GET, AT_BUCKET, SUB_QUOTA, 0, COS_OP_GET_QUOTA },
    { VERB_PUT, AT_BUCKET, SUB_QUOTA, 0, COS_OP_PUT_QUOTA },
    { VERB_DELETE, AT_BUCKET, SUB_QUOTA, 0, COS_OP_DELETE_QUOTA },
    { VERB_GET, AT_BUCKET, SUB_REQUEST_PAYMENT, 0, COS_OP_GET_REQUEST_PAYMENT },
    { VERB_PUT, AT_BUCKET, SUB_REQUEST_PAYMENT, 0, COS_OP_PUT_REQUEST_PAYMENT },
    { VERB_GET, AT_BUCKET, SUB_PUBLIC_BLOCK, 0, COS_OP_GET_PUBLIC_BLOCK },
    { VERB_PUT, AT_BUCKET, SUB_PUBLIC_BLOCK, 0, COS_OP_PUT_PUBLIC_BLOCK },
    { VERB_DELETE, AT_BUCKET, SUB_PUBLIC_BLOCK, 0, COS_OP_DELETE_PUBLIC_BLOCK },
    { VERB_GET, AT_BUCKET, SUB_OWNERSHIP, 0, COS_OP_GET_OWNERSHIP },
    { VERB_PUT, AT_BUCKET, SUB_OWNERSHIP, 0, COS_OP_PUT_OWNERSHIP },
    { VERB_DELETE, AT_BUCKET, SUB_OWNERSHIP, 0, COS_OP_DELETE_OWNERSHIP },
    { VERB_GET, AT_BUCKET, SUB_CORS, 0, COS_OP_GET_CORS },
    { VERB_PUT, AT_BUCKET, SUB_CORS, 0, COS_OP_PUT_CORS },
    { VERB_DELETE, AT_BUCKET, SUB_CORS, 0, COS_OP_DELETE_CORS },
    { VERB_GET, AT_BUCKET, SUB_REFERER, 0, COS_OP_GET_REFERER },
    { VERB_PUT, AT_BUCKET, SUB_REFERER, 0, COS_OP_PUT_REFERER },
    { VERB_DELETE, AT_BUCKET, SUB_REFERER, 0, COS_OP_DELETE_REFERER },
    { VERB_GET, AT_BUCKET, SUB_WEBSITE, 0, COS_OP_GET_WEBSITE },
    { VERB_PUT, AT_BUCKET, SUB_WEBSITE, 0, COS_OP_PUT_WEBSITE },
    { VERB_DELETE, AT_BUCKET, SUB_WEBSITE, 0, COS_OP_DELETE_WEBSITE },
    { VERB_GET, AT_BUCKET, SUB_POLICY, 0, COS_OP_GET_POLICY },
    { VERB_PUT, AT_BUCKET, SUB_POLICY, 0, COS_OP_PUT_POLICY },
    { VERB_DELETE, AT_BUCKET, SUB_POLICY, 0, COS_OP_DELETE_POLICY },
    { VERB_GET, AT_BUCKET, SUB_POLICY_STATUS, 0, COS_OP_GET_POLICY_STATUS },
    { VERB_GET, AT_BUCKET, SUB_DOMAIN, 0, COS_OP_GET_DOMAIN },
    { VERB_PUT, AT_BUCKET, SUB_DOMAIN, 0, COS_OP_PUT_DOMAIN },
    { VERB_DELETE, AT_BUCKET, SUB_DOMAIN, 0, COS_OP_DELETE_DOMAIN },
    { VERB_GET, AT_BUCKET, SUB_OTHER, 0, COS_OP_GET_UNCONFIGURED },
    { VERB_DELETE, AT_BUCKET, SUB_OTHER, 0, COS_OP_DELETE_UNCONFIGURED },

    { VERB_GET, AT_KEY, SUB_NONE, 0, COS_OP_GET_OBJECT },
    { VERB_GET, AT_KEY, SUB_NONE, WITH_PART, COS_OP_GET_OBJECT },
    { VERB_GET, AT_KEY, SUB_ACL, 0, COS_OP_GET_OBJECT_ACL },
    { VERB_GET, AT_KEY, SUB_UPLOAD_ID, 0, COS_OP_LIST_PARTS },
    { VERB_HEAD, AT_KEY, SUB_NONE, 0, COS_OP_HEAD_OBJECT },
    { VERB_HEAD, AT_KEY, SUB_NONE, WITH_PART, COS_OP_HEAD_OBJECT },
    { VERB_PUT, AT_KEY, SUB_NONE, 0, COS_OP_PUT_OBJECT },
    { VERB_PUT, AT_KEY, SUB_NONE, WITH_SOURCE, COS_OP_COPY_OBJECT },
    { VERB_PUT, AT_KEY, SUB_ACL, 0, COS_OP_PUT_OBJECT_ACL },
    { VERB_PUT, AT_KEY, SUB_UPLOAD_ID, WITH_PART, COS_OP_UPLOAD_PART },
    { VERB_PUT, AT_KEY, SUB_UPLOAD_ID, WITH_PART | WITH_SOURCE,
      COS_OP_UPLOAD_PART_COPY },
    { VERB_POST, AT_KEY, SUB_UPLOADS, 0, COS_OP_CREATE_UPLOAD },
    { VERB_POST, AT_KEY, SUB_UPLOAD_ID, 0, COS_OP_COMPLETE_UPLOAD },
    { VERB_DELETE, AT_KEY, SUB_NONE, 0, COS_OP_DELETE_OBJECT },
    { VERB_DELETE, AT_KEY, SUB_UPLOAD_ID, 0, COS_OP_ABORT_UPLOAD },

    { VERB_GET, AT_KEY, SUB_TAGGING, 0, COS_OP_GET_OBJECT_TAGGING },
    { VERB_PUT, AT_KEY, SUB_TAGGING, 0, COS_OP_PUT_OBJECT_TAGGING },
    { VERB_DELETE, AT_KEY, SUB_TAGGING, 0, COS_OP_DELETE_OBJECT_TAGGING },
    { VERB_GET, AT_KEY, SUB_ATTRIBUTES, 0, COS_OP_GET_ATTRIBUTES },
    { VERB_GET, AT_KEY, SUB_RETENTION, 0, COS_OP_GET_RETENTION },
    { VERB_PUT, AT_KEY, SUB_RETENTION, 0, COS_OP_PUT_RETENTION },
    { VERB_GET, AT_KEY, SUB_LEGAL_HOLD, 0, COS_OP_GET_LEGAL_HOLD },
    { VERB_PUT, AT_KEY, SUB_LEGAL_HOLD, 0, COS_OP_PUT_LEGAL_HOLD },
    { VERB_POST, AT_KEY, SUB_RESTORE, 0, COS_OP_RESTORE_OBJECT },
    { VERB_POST, AT_KEY, SUB_APPEND, 0, COS_OP_APPEND_OBJECT },
    { VERB_GET, AT_KEY, SUB_SYMLINK, 0, COS_OP_GET_SYMLINK },
    { VERB_PUT, AT_KEY, SUB_SYMLINK, 0, COS_OP_PUT_SYMLINK },
    { VERB_PUT, AT_KEY, SUB_RENAME, 0, COS_OP_RENAME_OBJECT },
};


static const char *const  op_names[] = {
#define OP_NAME(id, name)  name,
    COS_OP_LIST(OP_NAME)
#undef OP_NAME
};


const char *
cos_op_name(cos_op_e op)
{
    return (unsigned) op < COS_OP_MAX ? op_names[op] : "Unknown";
}


cos_err_e
cos_name_request(cos_name_t *n, const cos_http_t *h, const cos_host_t *host,
    int sig_dialect)
{
    at_e       at;
    verb_e     verb;
    query_t    q;
    cos_err_e  err;

    memset(n, 0, sizeof(*n));
    n->op = COS_OP_UNSUPPORTED;
    n->style = host->style;
    n->region = host->region;
    n->website = host->website;
    n->dialect = find_dialect(h, host, sig_dialect);

    err = split_path(n, h, host);
    if (err != COS_OK) {
        return err;
    }

    verb = find_verb(h->method);

    if (verb == VERB_OTHER) {
        return COS_E_METHOD_NOT_ALLOWED;
    }

    if (verb == VERB_OPTIONS) {
        /* asks what another request may do, so its query says nothing */
        n->op = COS_OP_PREFLIGHT;
        return check_names(n);
    }

    if (n->website) {
        if (verb != VERB_GET && verb != VERB_HEAD) {
            return COS_E_METHOD_NOT_ALLOWED;
        }

        n->op = COS_OP_SERVE_WEBSITE;
        return check_names(n);
    }

    at = n->bucket.len == 0 ? AT_SERVICE : n->key.len == 0 ? AT_BUCKET
                                                           : AT_KEY;

    err = cos_name_query(&q, &h->args, verb, at);
    n->chose[0] = q.chose[0];
    n->chose[1] = q.chose[1];

    if (err != COS_OK || q.refused) {
        return err;
    }

    if (verb == VERB_PUT && at == AT_KEY
        && (cos_header(h, "x-cos-copy-source") != NULL
            || cos_header(h, "x-amz-copy-source") != NULL
            || cos_header(h, "x-bce-copy-source") != NULL))
    {
        q.with |= WITH_SOURCE;
    }

    err = find_op(&n->op, verb, at, &q);
    if (err != COS_OK || n->op == COS_OP_UNSUPPORTED) {
        return err;
    }

    return check_names(n);
}


static cos_dialect_e
find_dialect(const cos_http_t *h, const cos_host_t *host, int sig_dialect)
{
    size_t     i;
    cos_str_t  name;

    if (sig_dialect >= 0) {
        return (cos_dialect_e) sig_dialect;
    }

    if (host->has_dialect) {
        return host->dialect;
    }

    for (i = 0; i < h->nheaders; i++) {
        name = h->headers[i].name;

        if (cos_str_starts(name, "x-cos-")) {
            return COS_DIALECT_COS;
        }

        if (cos_str_starts(name, "x-amz-")) {
            return COS_DIALECT_S3;
        }

        if (cos_str_starts(name, "x-bce-")) {
            return COS_DIALECT_BOS;
        }
    }

    for (i = 0; i < h->args.n; i++) {
        name = h->args.v[i].name;

        if (cos_str_is(name, "list-type") || cos_str_is(name, "x-id")
            || (name.len >= 6
                && cos_str_iis((cos_str_t) { 6, name.data }, "x-amz-")))
        {
            return COS_DIALECT_S3;
        }
    }

    return COS_DIALECT_COS;
}


static cos_err_e
split_path(cos_name_t *n, const cos_http_t *h, const cos_host_t *host)
{
    cos_u8     *slash;
    cos_str_t   rest;

    rest = h->path_decoded;

    if (rest.len == 0 || rest.data[0] != '/') {
        /* "OPTIONS *" and the absolute form without a path */
        return COS_E_INVALID_URI;
    }

    rest.data++;
    rest.len--;

    if (host->style == COS_STYLE_VHOST) {
        n->bucket = host->bucket;
        n->key = rest;

        return n->bucket.len > 0 ? COS_OK : COS_E_INVALID_BUCKET_NAME;
    }

    n->bucket = rest;
    n->key = (cos_str_t) { 0, rest.data + rest.len };

    slash = rest.len > 0 ? memchr(rest.data, '/', rest.len) : NULL;

    if (slash != NULL) {
        n->bucket.len = slash - rest.data;
        n->key.data = slash + 1;
        n->key.len = rest.len - n->bucket.len - 1;

        if (n->bucket.len == 0) {
            return COS_E_INVALID_BUCKET_NAME;
        }
    }

    return COS_OK;
}


static verb_e
find_verb(cos_str_t method)
{
    size_t  i;

    static const struct {
        const char  *name;
        verb_e       verb;
    } verbs[] = {
        { "GET", VERB_GET }, { "HEAD", VERB_HEAD }, { "PUT", VERB_PUT },
        { "POST", VERB_POST }, { "DELETE", VERB_DELETE },
        { "OPTIONS", VERB_OPTIONS },
    };

    for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (cos_str_is(method, verbs[i].name)) {
            return verbs[i].verb;
        }
    }

    return VERB_OTHER;
}


static cos_err_e
find_op(cos_op_e *op, verb_e verb, at_e at, const query_t *q)
{
    size_t         i;
    const rule_t  *r;

    for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        r = &rules[i];

        if (r->verb == verb && r->at == at && r->sub == q->sub
            && r->with == q->with)
        {
            *op = r->op;
            return COS_OK;
        }
    }

    *op = COS_OP_UNSUPPORTED;

    /* a part number without an upload, or the other way round */
    if ((q->with & WITH_PART) || (verb == VERB_PUT && q->sub == SUB_UPLOAD_ID))
    {
        return COS_E_INVALID_ARGUMENT;
    }

    return q->sub == SUB_NONE ? COS_E_METHOD_NOT_ALLOWED : COS_OK;
}


/*
 * New names follow the rules of the dialect that makes them, existing ones may
 * have been made in any. So only what creates an object is held to the
 * characters that COS allows at the beginning and inside of a key.
 */
static cos_err_e
check_names(const cos_name_t *n)
{
    if (n->bucket.len > 0
        && !cos_bucket_name_valid(n->bucket, n->dialect)
        && (n->op == COS_OP_PUT_BUCKET
            || (!cos_bucket_name_valid(n->bucket, COS_DIALECT_S3)
                && !cos_bucket_name_valid(n->bucket, COS_DIALECT_COS))))
    {
        return COS_E_INVALID_BUCKET_NAME;
    }

    return cos_name_key(n->dialect, n->key,
                        n->op == COS_OP_PUT_OBJECT
                        || n->op == COS_OP_COPY_OBJECT
                        || n->op == COS_OP_CREATE_UPLOAD
                        || n->op == COS_OP_APPEND_OBJECT
                        || n->op == COS_OP_PUT_SYMLINK);
}


cos_err_e
cos_name_key(cos_dialect_e d, cos_str_t key, int is_new)
{
    size_t  i;

    if (d != COS_DIALECT_COS) {
        return key.len > KEY_MAX ? COS_E_KEY_TOO_LONG : COS_OK;
    }

    if (key.len > KEY_MAX_COS) {
        return COS_E_KEY_TOO_LONG_COS;
    }

    if (!is_new || key.len == 0) {
        return COS_OK;
    }

    if (key.data[0] == '/' || key.data[0] == '\\') {
        return COS_E_INVALID_OBJECT_NAME;
    }

    for (i = 0; i < key.len; i++) {
        if (key.data[i] >= 0x18 && key.data[i] <= 0x1b) {
            return COS_E_INVALID_OBJECT_NAME;
        }
    }

    return COS_OK;
}
