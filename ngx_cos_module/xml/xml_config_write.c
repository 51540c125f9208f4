/*
 * xml: writing the documents of a bucket's configurations.
 */

#include "xml.h"
#include "xml_config.h"


const char *const  cos_xml_blocks[4] = {
    "BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy",
    "RestrictPublicBuckets"
};


void
cos_xml_empty(cos_buf_t *b, cos_dialect_e d, const char *root)
{
    if (d == COS_DIALECT_BOS) {
        cos_buf_lit(b, "{}");
        return;
    }

    cos_xml_root(b, d, root);
    cos_xml_close(b, root);
}


void
cos_xml_empty_list(cos_buf_t *b, cos_dialect_e d, const char *root)
{
    cos_xml_root(b, d, root);
    cos_xml_elem_bool(b, "IsTruncated", 0);
    cos_xml_close(b, root);
}


void
cos_xml_versioning(cos_buf_t *b, cos_dialect_e d, cos_versioning_e v)
{
    static const char *const  xml[] = { NULL, "Enabled", "Suspended" };
    static const char *const  bos[] = { "none", "enabled", "suspended" };

    if (d == COS_DIALECT_BOS) {
        cos_buf_char(b, '{');
        cos_bos_cstr(b, "status", bos[v]);
        cos_buf_char(b, '}');
        return;
    }

    cos_xml_root(b, d, "VersioningConfiguration");

    if (v != COS_VERSIONING_NONE) {
        cos_xml_elem_cstr(b, "Status", xml[v]);
    }

    cos_xml_close(b, "VersioningConfiguration");
}


void
cos_xml_tagging(cos_buf_t *b, cos_dialect_e d, const cos_tag_t *v, size_t n)
{
    size_t  i;

    cos_xml_root(b, d, "Tagging");
    cos_xml_open(b, "TagSet");

    for (i = 0; i < n; i++) {
        cos_xml_open(b, "Tag");
        cos_xml_elem(b, "Key", v[i].key);
        cos_xml_elem(b, "Value", v[i].value);
        cos_xml_close(b, "Tag");
    }

    cos_xml_close(b, "TagSet");
    cos_xml_close(b, "Tagging");
}


void
cos_xml_encryption(cos_buf_t *b, cos_dialect_e d, const cos_bucket_sse_t *s)
{
    if (d == COS_DIALECT_BOS) {
        cos_buf_char(b, '{');
        cos_bos_cstr(b, "encryptionAlgorithm",
                     s->algorithm == COS_BUCKET_SSE_KMS ? "KMS" : "AES256");
        cos_buf_char(b, '}');
        return;
    }

    cos_xml_root(b, d, "ServerSideEncryptionConfiguration");
    cos_xml_open(b, "Rule");
    cos_xml_open(b, "ApplyServerSideEncryptionByDefault");

    cos_xml_elem_cstr(b, "SSEAlgorithm",
                      s->algorithm != COS_BUCKET_SSE_KMS ? "AES256"
                      : d == COS_DIALECT_S3 ? "aws:kms" : "KMS");

    if (s->kms_key.len > 0) {
        cos_xml_elem(b, "KMSMasterKeyID", s->kms_key);
    }

    cos_xml_close(b, "ApplyServerSideEncryptionByDefault");

    if (d == COS_DIALECT_S3) {
        cos_xml_elem_bool(b, "BucketKeyEnabled", s->bucket_key);
    }

    cos_xml_close(b, "Rule");
    cos_xml_close(b, "ServerSideEncryptionConfiguration");
}


void
cos_xml_lock(cos_buf_t *b, cos_dialect_e d, const cos_bucket_lock_t *l)
{
    cos_xml_root(b, d, "ObjectLockConfiguration");
    cos_xml_elem_cstr(b, "ObjectLockEnabled", "Enabled");

    if (l->mode != COS_LOCK_NONE) {
        cos_xml_open(b, "Rule");
        cos_xml_open(b, "DefaultRetention");
        cos_xml_elem_cstr(b, "Mode", cos_lock_mode_name(l->mode));
        cos_xml_elem_uint(b, l->years ? "Years" : "Days",
                          l->years ? l->years : l->days);
        cos_xml_close(b, "DefaultRetention");
        cos_xml_close(b, "Rule");
    }

    cos_xml_close(b, "ObjectLockConfiguration");
}


static void
bos_limit(cos_buf_t *b, const char *name, uint64_t n)
{
    if (n == 0) {
        cos_bos_name(b, name);
        cos_buf_lit(b, "-1");
        return;
    }

    cos_bos_uint(b, name, n);
}


void
cos_xml_quota(cos_buf_t *b, cos_dialect_e d, const cos_bucket_quota_t *q)
{
    if (d == COS_DIALECT_BOS) {
        cos_buf_char(b, '{');
        bos_limit(b, "maxObjectCount", q->objects);
        /* what was set in bytes must not read as unlimited */
        bos_limit(b, "maxCapacityMegaBytes", (q->bytes + 1048575) / 1048576);
        cos_buf_char(b, '}');
        return;
    }

    cos_xml_root(b, d, "QuotaConfiguration");
    cos_xml_elem_uint(b, "MaxBytes", q->bytes);
    cos_xml_elem_uint(b, "MaxObjects", q->objects);
    cos_xml_close(b, "QuotaConfiguration");
}


void
cos_xml_policy_status(cos_buf_t *b, cos_dialect_e d, int is_public)
{
    cos_xml_root(b, d, "PolicyStatus");
    cos_xml_elem_bool(b, "IsPublic", is_public);
    cos_xml_close(b, "PolicyStatus");
}


void
cos_xml_payment(cos_buf_t *b, cos_dialect_e d, int requester)
{
    cos_xml_root(b, d, "RequestPaymentConfiguration");
    cos_xml_elem_cstr(b, "Payer", requester ? "Requester" : "BucketOwner");
    cos_xml_close(b, "RequestPaymentConfiguration");
}


void
cos_xml_public_block(cos_buf_t *b, cos_dialect_e d, unsigned bits)
{
    int  i;

    cos_xml_root(b, d, "PublicAccessBlockConfiguration");

    for (i = 0; i < 4; i++) {
        cos_xml_elem_bool(b, cos_xml_blocks[i], (bits >> i) & 1);
    }

    cos_xml_close(b, "PublicAccessBlockConfiguration");
}


void
cos_xml_ownership(cos_buf_t *b, cos_dialect_e d, cos_ownership_e o)
{
    cos_xml_root(b, d, "OwnershipControls");
    cos_xml_open(b, "Rule");
    cos_xml_elem_cstr(b, "ObjectOwnership", cos_ownership_name(o));
    cos_xml_close(b, "Rule");
    cos_xml_close(b, "OwnershipControls");
}
