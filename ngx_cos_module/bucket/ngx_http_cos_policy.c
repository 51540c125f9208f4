/*
 * The policy of a bucket: kept as it was sent, once it was read and found to be
 * one that is honoured in every part.
 */

#include "ngx_http_cos_config.h"
#include "ngx_http_cos_rights.h"


/* Whoever sets a policy that takes from them the right to set another has to
 * say that they mean it; the bucket's owner never loses that right
 * (S3, PutBucketPolicy). */
static cos_err_e
keeps_access(ngx_http_cos_ctx_t *ctx, const cos_policy_t *policy)
{
    cos_err_e             err;
    ngx_http_cos_place_t  place;
    const cos_header_t   *h;

    h = ngx_http_cos_header(ctx, "confirm-remove-self-bucket-access");

    if (h && cos_str_iis(h->value, "true")) {
        return COS_OK;
    }

    if (h && h->value.len && !cos_str_iis(h->value, "false")) {
        return COS_E_INVALID_ARGUMENT;
    }

    ngx_http_cos_place(ctx, &place);
    place.policy = policy;

    err = ngx_http_cos_may(ctx, &place, COS_ACT_PUT_POLICY,
                           NGX_HTTP_COS_PERM_NONE);

    if (err == COS_E_ACCESS_DENIED) {
        ctx->reason = "the policy would not allow you to change it again";
    }

    return err;
}


cos_err_e
ngx_http_cos_set_policy(ngx_http_cos_ctx_t *ctx, cos_bucket_t *k,
    ngx_str_t text)
{
    cos_err_e            err;
    cos_policy_t        *policy;
    cos_policy_where_t   where;

    where.kind = COS_POLICY_BUCKET;
    where.bucket = k->name;
    where.owner = k->owner;

    err = cos_policy_read(&policy, text, &where, &ctx->alloc, &ctx->reason);
    if (err != COS_OK) {
        return err;
    }

    if (cos_policy_is_public(policy)
        && (cos_public_block(k) & COS_BLOCK_PUBLIC_POLICY))
    {
        ctx->reason = "the bucket's public access block refuses public "
                      "policies";
        return COS_E_ACCESS_DENIED;
    }

    k->attr[COS_BX_POLICY] = text;

    return keeps_access(ctx, policy);
}


cos_err_e
ngx_http_cos_write_policy(ngx_http_cos_ctx_t *ctx, cos_buf_t *b,
    cos_bucket_t *k)
{
    cos_buf_str(b, k->attr[COS_BX_POLICY]);

    return COS_OK;
}


/* A bucket is public by its policy or by its ACL (S3, GetBucketPolicyStatus);
 * one without either is not. */
ngx_int_t
ngx_http_cos_get_policy_status(ngx_http_cos_ctx_t *ctx)
{
    void       *policy;
    cos_acl_t   acl;
    cos_buf_t   b;

    if (ctx->name.dialect != COS_DIALECT_S3) {
        return ngx_http_cos_unsupported(ctx);
    }

    if (ngx_http_cos_kept_rule(ctx->bucket_fact.kept, COS_BX_POLICY,
                               cos_policy_bucket, &policy)
        != NGX_OK)
    {
        return ngx_http_cos_fail(ctx, COS_E_INTERNAL, NULL);
    }

    ngx_http_cos_bucket_acl(&ctx->bucket, &acl);

    cos_buf_init(&b, &ctx->alloc, 256);
    cos_xml_policy_status(&b, ctx->name.dialect,
                          (policy && cos_policy_is_public(policy))
                          || (!acl.closed
                              && cos_acl_open(acl.canned, acl.grants)));

    return ngx_http_cos_reply(ctx, NGX_HTTP_OK, &b);
}
