/*
 * xml: reading the documents of a bucket's configurations. All are small trees
 * with leaves of one word, so they are read by tables of what may stand where.
 */

#include "xml.h"
#include "xml_config.h"

/* A leaf; value.data is NULL when it was not there. */
typedef struct {
    const char  *name;
    cos_str_t    value;
} leaf_t;

static cos_err_e read_leaves(leaf_t *v, size_t n, const xmlNode *node,
    cos_alloc_t *a);
static const xmlNode *sole(const xmlNode *node, const char *name);
static cos_err_e read_bool(int *yes, cos_str_t s);
static cos_err_e read_tag(cos_tag_t *tag, const xmlNode *node,
    cos_alloc_t *a);
static cos_err_e read_rule(cos_bucket_sse_t *s, const xmlNode *rule,
    cos_alloc_t *a);
static cos_err_e read_default(cos_bucket_sse_t *s, const xmlNode *node,
    cos_alloc_t *a);
static cos_err_e read_retention(cos_bucket_lock_t *l, cos_dialect_e d,
    const xmlNode *rule, cos_alloc_t *a);
static cos_err_e read_period(uint32_t *n, cos_str_t s, uint32_t max);


static const cos_xml_limits_t  limits = { COS_XML_SMALL_SIZE, 4096 };

#define LEAVES(v)  (v), sizeof(v) / sizeof((v)[0])


/* --- pieces --------------------------------------------------------------- */

/* The children of node, each one of v and there once at most. */
static cos_err_e
read_leaves(leaf_t *v, size_t n, const xmlNode *node, cos_alloc_t *a)
{
    size_t      i;
    xmlNode    *child;
    cos_err_e   err;

    for (child = cos_xml_first(node); child; child = cos_xml_next(child)) {

        for (i = 0; i < n && !cos_xml_is(child, v[i].name); i++) { /* void */ }

        if (i == n || v[i].value.data != NULL) {
            return COS_E_MALFORMED_XML;
        }

        err = cos_xml_token(&v[i].value, child, a);
        if (err != COS_OK) {
            return err;
        }
    }

    return COS_OK;
}


/* The one child there is, if that is its name. */
static const xmlNode *
sole(const xmlNode *node, const char *name)
{
    const xmlNode  *child;

    child = node ? cos_xml_first(node) : NULL;

    return cos_xml_is(child, name) && cos_xml_next(child) == NULL ? child
                                                                  : NULL;
}


static cos_err_e
read_bool(int *yes, cos_str_t s)
{
    *yes = cos_str_iis(s, "true") || cos_str_is(s, "1");

    return *yes || cos_str_iis(s, "false") || cos_str_is(s, "0")
           ? COS_OK : COS_E_MALFORMED_XML;
}


/* A document that is nothing but leaves below its root. */
static cos_err_e
read_flat(leaf_t *v, size_t n, cos_str_t text, const char *root,
    cos_alloc_t *a)
{
    xmlDoc     *doc;
    cos_err_e   err;

    err = cos_xml_read(&doc, text, root, &limits);
    if (err != COS_OK) {
        return err;
    }

    err = read_leaves(v, n, xmlDocGetRootElement(doc), a);
    xmlFreeDoc(doc);

    return err;
}


/* --- versioning ----------------------------------------------------------- */

cos_err_e
cos_xml_parse_versioning(cos_dialect_e d, cos_str_t text, cos_versioning_e *v,
    cos_alloc_t *a)
{
    cos_err_e  err;
    leaf_t     leaf[] = { { "Status", { 0, NULL } },
                          { "MfaDelete", { 0, NULL } } };

    if (d == COS_DIALECT_BOS) {
        return cos_bos_parse_versioning(text, v);
    }

    err = read_flat(LEAVES(leaf), text, "VersioningConfiguration", a);
    if (err != COS_OK) {
        return err;
    }

    if (cos_str_is(leaf[1].value, "Enabled")) {
        return COS_E_NOT_IMPLEMENTED;
    }

    if (leaf[1].value.data && !cos_str_is(leaf[1].value, "Disabled")) {
        return COS_E_MALFORMED_XML;
    }

    if (cos_str_is(leaf[0].value, "Enabled")) {
        *v = COS_VERSIONING_ENABLED;
        return COS_OK;
    }

    *v = COS_VERSIONING_SUSPENDED;

    return cos_str_is(leaf[0].value, "Suspended") ? COS_OK
                                                  : COS_E_MALFORMED_XML;
}


/* --- tags ----------------------------------------------------------------- */

cos_err_e
cos_xml_parse_tagging(cos_str_t text, cos_tag_t **v, size_t *n, cos_alloc_t *a)
{
    size_t          max;
    xmlDoc         *doc;
    xmlNode        *node;
    cos_err_e       err;
    const xmlNode  *set;

    *n = 0;
    *v = NULL;

    err = cos_xml_read(&doc, text, "Tagging", &limits);
    if (err != COS_OK) {
        return err;
    }

    set = sole(xmlDocGetRootElement(doc), "TagSet");

    if (set == NULL) {
        xmlFreeDoc(doc);
        return COS_E_MALFORMED_XML;
    }

    max = 0;

    for (node = cos_xml_first(set); node; node = cos_xml_next(node)) {
        max++;
    }

    *v = cos_zalloc(a, (max + 1) * sizeof(cos_tag_t));
    err = *v == NULL ? COS_E_INTERNAL : COS_OK;

    for (node = cos_xml_first(set);
         node != NULL && err == COS_OK;
         node = cos_xml_next(node))
    {
        err = cos_xml_is(node, "Tag") ? read_tag(&(*v)[(*n)++], node, a)
                                      : COS_E_MALFORMED_XML;
    }

    xmlFreeDoc(doc);

    return err;
}


/* White space belongs to both. */
static cos_err_e
read_tag(cos_tag_t *tag, const xmlNode *node, cos_alloc_t *a)
{
    xmlNode    *child;
    cos_str_t  *s;
    cos_err_e   err;

    for (child = cos_xml_first(node); child; child = cos_xml_next(child)) {

        s = cos_xml_is(child, "Key") ? &tag->key
            : cos_xml_is(child, "Value") ? &tag->value : NULL;

        if (s == NULL || s->data != NULL) {
            return COS_E_MALFORMED_XML;
        }

        err = cos_xml_content(s, child, a);
        if (err != COS_OK) {
            return err;
        }
    }

    return tag->key.data && tag->value.data ? COS_OK : COS_E_MALFORMED_XML;
}


/* --- encryption ----------------------------------------------------------- */

cos_err_e
cos_xml_parse_encryption(cos_dialect_e d, cos_str_t text, cos_bucket_sse_t *s,
    cos_alloc_t *a)
{
    xmlDoc         *doc;
    cos_err_e       err;
    const xmlNode  *rule;

    memset(s, 0, sizeof(*s));

    if (d == COS_DIALECT_BOS) {
        return cos_bos_parse_encryption(text, s);
    }

    err = cos_xml_read(&doc, text, "ServerSideEncryptionConfiguration",
                       &limits);
    if (err != COS_OK) {
        return err;
    }

    rule = sole(xmlDocGetRootElement(doc), "Rule");
    err = rule ? read_rule(s, rule, a) : COS_E_MALFORMED_XML;
    xmlFreeDoc(doc);

    return err;
}


static cos_err_e
read_rule(cos_bucket_sse_t *s, const xmlNode *rule, cos_alloc_t *a)
{
    int         yes;
    xmlNode    *node;
    cos_str_t   word;
    unsigned    keys;
    cos_err_e   err;

    err = COS_OK;
    keys = 0;

    for (node = cos_xml_first(rule);
         node != NULL && err == COS_OK;
         node = cos_xml_next(node))
    {
        if (cos_xml_is(node, "ApplyServerSideEncryptionByDefault")
            && s->algorithm == COS_BUCKET_SSE_NONE)
        {
            err = read_default(s, node, a);

        } else if (cos_xml_is(node, "BucketKeyEnabled") && keys++ == 0) {
            err = cos_xml_token(&word, node, a);

            if (err == COS_OK) {
                err = read_bool(&yes, word);
                s->bucket_key = yes;
            }

        } else if (cos_xml_is(node, "BlockedEncryptionTypes")) {
            err = COS_E_NOT_IMPLEMENTED;

        } else {
            err = COS_E_MALFORMED_XML;
        }
    }

    if (err == COS_OK && s->algorithm == COS_BUCKET_SSE_NONE) {
        err = COS_E_MALFORMED_XML;
    }

    /* without a key of a service there is none to be kept */
    s->bucket_key = s->bucket_key && s->algorithm == COS_BUCKET_SSE_KMS;

    return err;
}


static cos_err_e
read_default(cos_bucket_sse_t *s, const xmlNode *node, cos_alloc_t *a)
{
    cos_err_e   err;
    cos_str_t  *word, *key, *cipher;
    leaf_t      leaf[] = { { "SSEAlgorithm", { 0, NULL } },
                           { "KMSMasterKeyID", { 0, NULL } },
                           { "KMSAlgorithm", { 0, NULL } } };

    err = read_leaves(LEAVES(leaf), node, a);
    if (err != COS_OK) {
        return err;
    }

    word = &leaf[0].value;
    key = &leaf[1].value;
    cipher = &leaf[2].value;

    if (cos_str_is(*word, "aws:kms:dsse") || cos_str_is(*word, "SM4")
        || (cipher->len > 0 && !cos_str_is(*cipher, "AES256")))
    {
        return COS_E_NOT_IMPLEMENTED;
    }

    if (cos_str_is(*word, "AES256")) {
        s->algorithm = COS_BUCKET_SSE_AES256;
        return key->len > 0 ? COS_E_INVALID_ARGUMENT : COS_OK;
    }

    if (!cos_str_is(*word, "aws:kms") && !cos_str_is(*word, "KMS")) {
        return COS_E_MALFORMED_XML;
    }

    s->algorithm = COS_BUCKET_SSE_KMS;
    s->kms_key = *key;

    return cos_kms_key_valid(*key) ? COS_OK : COS_E_INVALID_ARGUMENT;
}


/* --- object lock ---------------------------------------------------------- */

cos_err_e
cos_xml_parse_lock(cos_dialect_e d, cos_str_t text, cos_bucket_lock_t *l,
    cos_alloc_t *a)
{
    xmlDoc         *doc;
    cos_err_e       err;
    cos_str_t       word;
    const xmlNode  *node, *rule;

    memset(l, 0, sizeof(*l));

    err = cos_xml_read(&doc, text, "ObjectLockConfiguration", &limits);
    if (err != COS_OK) {
        return err;
    }

    rule = NULL;

    for (node = cos_xml_first(xmlDocGetRootElement(doc));
         node != NULL && err == COS_OK;
         node = cos_xml_next(node))
    {
        if (cos_xml_is(node, "ObjectLockEnabled") && !l->enabled) {
            err = cos_xml_token(&word, node, a);
            l->enabled = 1;

            if (err == COS_OK && !cos_str_is(word, "Enabled")) {
                err = COS_E_MALFORMED_XML;
            }

        } else if (cos_xml_is(node, "Rule") && rule == NULL) {
            rule = node;
            err = read_retention(l, d, rule, a);

        } else {
            err = COS_E_MALFORMED_XML;
        }
    }

    xmlFreeDoc(doc);

    return err == COS_OK && !l->enabled ? COS_E_MALFORMED_XML : err;
}


static cos_err_e
read_retention(cos_bucket_lock_t *l, cos_dialect_e d, const xmlNode *rule,
    cos_alloc_t *a)
{
    int             mode;
    cos_err_e       err;
    cos_str_t      *days, *years;
    const xmlNode  *node;
    leaf_t          leaf[] = { { "Mode", { 0, NULL } },
                               { "Days", { 0, NULL } },
                               { "Years", { 0, NULL } } };

    node = sole(rule, "DefaultRetention");

    if (node == NULL) {
        return COS_E_MALFORMED_XML;
    }

    err = read_leaves(LEAVES(leaf), node, a);
    if (err != COS_OK) {
        return err;
    }

    days = &leaf[1].value;
    years = &leaf[2].value;

    mode = leaf[0].value.data ? cos_lock_mode_parse(leaf[0].value)
           : d == COS_DIALECT_COS ? COS_LOCK_COMPLIANCE : -1;

    if (mode < 0 || (days->data == NULL) == (years->data == NULL)
        || (d == COS_DIALECT_COS
            && (mode != COS_LOCK_COMPLIANCE || years->data)))
    {
        return COS_E_MALFORMED_XML;
    }

    l->mode = (cos_lock_mode_e) mode;

    return days->data ? read_period(&l->days, *days, COS_LOCK_DAYS_MAX)
                      : read_period(&l->years, *years, COS_LOCK_YEARS_MAX);
}


static cos_err_e
read_period(uint32_t *n, cos_str_t s, uint32_t max)
{
    uint64_t  v;

    if (s.len > 1 && s.data[0] == '-') {
        s.data++;
        s.len--;

        return cos_str_uint(s, &v) == 0 ? COS_E_INVALID_RETENTION
                                        : COS_E_MALFORMED_XML;
    }

    if (cos_str_uint(s, &v) != 0) {
        return COS_E_MALFORMED_XML;
    }

    if (v == 0 || v > max) {
        return v == 0 ? COS_E_INVALID_RETENTION : COS_E_INVALID_ARGUMENT;
    }

    *n = (uint32_t) v;

    return COS_OK;
}


/* --- the flat ones -------------------------------------------------------- */

cos_err_e
cos_xml_parse_quota(cos_dialect_e d, cos_str_t text, cos_bucket_quota_t *q,
    cos_alloc_t *a)
{
    cos_err_e  err;
    leaf_t     leaf[] = { { "MaxBytes", { 0, NULL } },
                          { "MaxObjects", { 0, NULL } } };

    memset(q, 0, sizeof(*q));

    if (d == COS_DIALECT_BOS) {
        return cos_bos_parse_quota(text, q);
    }

    err = read_flat(LEAVES(leaf), text, "QuotaConfiguration", a);
    if (err != COS_OK) {
        return err;
    }

    if ((leaf[0].value.data == NULL && leaf[1].value.data == NULL)
        || (leaf[0].value.data
            && cos_str_uint(leaf[0].value, &q->bytes) != 0)
        || (leaf[1].value.data
            && cos_str_uint(leaf[1].value, &q->objects) != 0)
        || q->bytes > COS_QUOTA_MAX || q->objects > COS_QUOTA_MAX)
    {
        return COS_E_MALFORMED_XML;
    }

    return COS_OK;
}


cos_err_e
cos_xml_parse_payment(cos_str_t text, int *requester, cos_alloc_t *a)
{
    cos_err_e  err;
    leaf_t     leaf[] = { { "Payer", { 0, NULL } } };

    err = read_flat(LEAVES(leaf), text, "RequestPaymentConfiguration", a);
    if (err != COS_OK) {
        return err;
    }

    *requester = cos_str_is(leaf[0].value, "Requester");

    return *requester || cos_str_is(leaf[0].value, "BucketOwner")
           ? COS_OK : COS_E_MALFORMED_XML;
}


cos_err_e
cos_xml_parse_public_block(cos_str_t text, unsigned *bits, cos_alloc_t *a)
{
    int        yes;
    size_t     i;
    leaf_t     leaf[4];
    cos_err_e  err;

    for (i = 0; i < 4; i++) {
        leaf[i] = (leaf_t) { cos_xml_blocks[i], { 0, NULL } };
    }

    *bits = 0;

    err = read_flat(LEAVES(leaf), text, "PublicAccessBlockConfiguration", a);

    for (i = 0; i < 4 && err == COS_OK; i++) {
        if (leaf[i].value.data) {
            err = read_bool(&yes, leaf[i].value);
            *bits |= (unsigned) yes << i;
        }
    }

    return err;
}


cos_err_e
cos_xml_parse_ownership(cos_str_t text, cos_ownership_e *o, cos_alloc_t *a)
{
    int             v;
    xmlDoc         *doc;
    cos_err_e       err;
    const xmlNode  *rule;
    leaf_t          leaf[] = { { "ObjectOwnership", { 0, NULL } } };

    err = cos_xml_read(&doc, text, "OwnershipControls", &limits);
    if (err != COS_OK) {
        return err;
    }

    rule = sole(xmlDocGetRootElement(doc), "Rule");
    err = rule ? read_leaves(LEAVES(leaf), rule, a) : COS_E_MALFORMED_XML;
    xmlFreeDoc(doc);

    if (err != COS_OK) {
        return err;
    }

    v = cos_ownership_parse(leaf[0].value);
    *o = v < 0 ? COS_OWNERSHIP_WRITER : (cos_ownership_e) v;

    return v < 0 ? COS_E_MALFORMED_XML : COS_OK;
}
