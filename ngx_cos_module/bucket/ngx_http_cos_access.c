/*
 * What a bucket's configuration lets ACLs and owners mean: public access block,
 * ownership of objects, who pays.
 */

#include "ngx_http_cos_bucket.h"


cos_err_e
ngx_http_cos_acl_allowed(ngx_http_cos_ctx_t *ctx, cos_acl_e acl,
    cos_str_t grants, ngx_uint_t given)
{
    cos_bucket_t  *k = &ctx->bucket;

    if (given && cos_ownership(k) == COS_OWNERSHIP_ENFORCED
        && (grants.len
            || (acl != COS_ACL_PRIVATE && acl != COS_ACL_DEFAULT
                && acl != COS_ACL_BUCKET_OWNER_FULL)))
    {
        return COS_E_ACL_NOT_SUPPORTED;
    }

    if ((cos_public_block(k) & COS_BLOCK_PUBLIC_ACLS)
        && cos_acl_open(acl, grants))
    {
        ctx->reason = "the bucket's public access block refuses public ACLs";
        return COS_E_ACCESS_DENIED;
    }

    return COS_OK;
}


static void
place(cos_bucket_t *bucket, cos_acl_t *a, cos_acl_e canned, cos_str_t grants)
{
    a->canned = canned;
    a->grants = grants;
    a->bucket_owner = bucket->owner;
    a->closed = (cos_public_block(bucket) & COS_IGNORE_PUBLIC_ACLS) != 0;

    if (cos_ownership(bucket) == COS_OWNERSHIP_ENFORCED) {
        /* ACLs say nothing */
        a->canned = COS_ACL_PRIVATE;
        ngx_str_null(&a->grants);
    }
}


void
ngx_http_cos_bucket_acl(cos_bucket_t *bucket, cos_acl_t *a)
{
    a->owner = bucket->owner;
    place(bucket, a, bucket->acl, bucket->attr[COS_BX_ACL]);
}


void
ngx_http_cos_object_acl(cos_bucket_t *bucket, cos_object_t *object,
    cos_acl_t *a)
{
    a->owner = ngx_http_cos_object_owner(bucket, object);
    place(bucket, a, object->acl, object->attr[COS_X_ACL]);
}


uint64_t
ngx_http_cos_object_owner(cos_bucket_t *bucket, cos_object_t *object)
{
    return object->owner == 0
           || cos_ownership(bucket) == COS_OWNERSHIP_ENFORCED
           ? bucket->owner : object->owner;
}


ngx_uint_t
ngx_http_cos_owner_takes(ngx_http_cos_ctx_t *ctx, cos_acl_e acl)
{
    switch (cos_ownership(&ctx->bucket)) {
    case COS_OWNERSHIP_ENFORCED:
        return 1;
    case COS_OWNERSHIP_PREFERRED:
        return acl == COS_ACL_BUCKET_OWNER_FULL;
    default:
        return 0;
    }
}


ngx_uint_t
ngx_http_cos_owner_expected(ngx_http_cos_ctx_t *ctx, cos_bucket_t *bucket,
    const char *name)
{
    uint64_t             uid;
    const cos_header_t  *h;

    h = ngx_http_cos_header(ctx, name);

    return h == NULL || h->value.len == 0
           || (cos_str_uint(h->value, &uid) == 0 && uid == bucket->owner);
}


/* --- who pays ------------------------------------------------------------------ */

static ngx_uint_t
is_charged(ngx_http_cos_ctx_t *ctx, cos_bucket_t *bucket)
{
    return bucket->id.len && cos_requester_pays(bucket)
           && !(ctx->identity.known && ctx->identity.uid == bucket->owner);
}


ngx_uint_t
ngx_http_cos_paid(ngx_http_cos_ctx_t *ctx, cos_bucket_t *bucket)
{
    const cos_arg_t     *a;
    const cos_header_t  *h;

    if (!is_charged(ctx, bucket)) {
        return 1;
    }

    if (!ctx->identity.known) {
        return 0;
    }

    h = ngx_http_cos_header(ctx, "request-payer");

    if (h) {
        return cos_str_iis(h->value, "requester");
    }

    /* in a signed link */
    a = cos_arg(&ctx->http.args, "x-amz-request-payer");

    return a && cos_sig_covers_arg(&ctx->sig, a->name)
           && cos_str_iis(a->value, "requester");
}


ngx_int_t
ngx_http_cos_charged(ngx_http_cos_ctx_t *ctx)
{
    static ngx_str_t  who = ngx_string("requester");

    if (!is_charged(ctx, &ctx->bucket)) {
        return NGX_OK;
    }

    return ngx_http_cos_add_prefixed(ctx, "request-charged", &who);
}
