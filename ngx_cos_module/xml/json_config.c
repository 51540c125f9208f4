/*
 * xml, BOS dialect: reading the configurations of a bucket that BOS has.
 */

#include "xml.h"
#include "xml_config.h"

/* flat objects: one level, and few names */
#define NAMES_MAX  16

static json_t *read_flat(cos_str_t text, cos_err_e *err);
static const char *word_of(json_t *root, const char *name);
static int limit_of(json_t *root, const char *name, uint64_t max,
    uint64_t *n);


/* The parser must not be made to nest: brackets in strings are refused as
 * well, no value here has any. */
static json_t *
read_flat(cos_str_t text, cos_err_e *err)
{
    size_t        i, open;
    json_t       *root;
    json_error_t  e;

    open = 0;

    for (i = 0; i < text.len; i++) {
        open += text.data[i] == '{' || text.data[i] == '[';
    }

    *err = COS_E_MALFORMED_XML;

    if (text.len > COS_XML_SMALL_SIZE) {
        *err = COS_E_XML_TOO_LARGE;
        return NULL;
    }

    if (open != 1) {
        return NULL;
    }

    root = json_loadb((const char *) text.data, text.len,
                      JSON_REJECT_DUPLICATES, &e);

    if (root == NULL) {
        if (json_error_code(&e) == json_error_out_of_memory) {
            *err = COS_E_INTERNAL;
        }

        return NULL;
    }

    if (!json_is_object(root) || json_object_size(root) > NAMES_MAX) {
        json_decref(root);
        return NULL;
    }

    *err = COS_OK;

    return root;
}


/* The text of that name if it is the only one; "" otherwise. */
static const char *
word_of(json_t *root, const char *name)
{
    const char  *s;

    s = json_string_value(json_object_get(root, name));

    return s && json_object_size(root) == 1 ? s : "";
}


cos_err_e
cos_bos_parse_versioning(cos_str_t text, cos_versioning_e *v)
{
    json_t      *root;
    cos_err_e    err;
    const char  *s;

    root = read_flat(text, &err);
    if (root == NULL) {
        return err;
    }

    s = word_of(root, "status");

    if (strcmp(s, "enabled") == 0) {
        *v = COS_VERSIONING_ENABLED;

    } else if (strcmp(s, "suspended") == 0) {
        *v = COS_VERSIONING_SUSPENDED;

    } else {
        err = COS_E_MALFORMED_XML;
    }

    json_decref(root);

    return err;
}


cos_err_e
cos_bos_parse_encryption(cos_str_t text, cos_bucket_sse_t *s)
{
    json_t      *root;
    cos_err_e    err;
    const char  *word;

    root = read_flat(text, &err);
    if (root == NULL) {
        return err;
    }

    word = word_of(root, "encryptionAlgorithm");

    if (strcmp(word, "AES256") == 0) {
        s->algorithm = COS_BUCKET_SSE_AES256;

    } else {
        /* keys and other ciphers of that service */
        err = json_object_get(root, "encryptionAlgorithm")
              ? COS_E_NOT_IMPLEMENTED : COS_E_MALFORMED_XML;
    }

    json_decref(root);

    return err;
}


/* -1 and 0 are no limit. */
static int
limit_of(json_t *root, const char *name, uint64_t max, uint64_t *n)
{
    json_int_t   v;
    json_t      *value;

    value = json_object_get(root, name);

    if (!json_is_integer(value)) {
        return -1;
    }

    v = json_integer_value(value);

    if (v < -1 || (v > 0 && (uint64_t) v > max)) {
        return -1;
    }

    *n = v > 0 ? (uint64_t) v : 0;

    return 0;
}


cos_err_e
cos_bos_parse_quota(cos_str_t text, cos_bucket_quota_t *q)
{
    json_t     *root;
    uint64_t    mb;
    cos_err_e   err;

    root = read_flat(text, &err);
    if (root == NULL) {
        return err;
    }

    if (json_object_size(root) != 2
        || limit_of(root, "maxObjectCount", COS_QUOTA_MAX, &q->objects) != 0
        || limit_of(root, "maxCapacityMegaBytes", COS_QUOTA_MAX >> 20, &mb)
           != 0)
    {
        err = COS_E_MALFORMED_XML;

    } else {
        q->bytes = mb << 20;
    }

    json_decref(root);

    return err;
}
