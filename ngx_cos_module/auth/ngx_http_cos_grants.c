/*
 * What ACLs grant. A public-read bucket's objects with ACL "default" are
 * readable by anyone, as in COS; objects written in the S3 dialect are private
 * unless they say otherwise, as in S3.
 */

#include "ngx_http_cos_bucket.h"
#include "ngx_http_cos_rights.h"


/* Accounts have their own names in ACLs, their users have not. */
static cos_grant_e
to_account(ngx_http_cos_ctx_t *ctx, uint64_t uid)
{
    return ctx->identity.known && ctx->identity.uid == uid
           ? COS_GRANT_ACCOUNT : COS_GRANT_NONE;
}


static cos_grant_e
by_bucket(ngx_http_cos_ctx_t *ctx, cos_bucket_t *bucket, ngx_uint_t write)
{
    switch (ngx_http_cos_bucket_acl(bucket)) {

    case COS_ACL_PUBLIC_READ_WRITE:
        return COS_GRANT_SELF;

    case COS_ACL_PUBLIC_READ:
        return write ? to_account(ctx, bucket->owner) : COS_GRANT_SELF;

    case COS_ACL_AUTHENTICATED_READ:
        return ctx->identity.known && !write ? COS_GRANT_SELF
               : to_account(ctx, bucket->owner);

    default:
        return to_account(ctx, bucket->owner);
    }
}


static cos_grant_e
reads(ngx_http_cos_ctx_t *ctx, cos_bucket_t *bucket, cos_object_t *o)
{
    uint64_t  owner;

    owner = ngx_http_cos_object_owner(bucket, o);

    if (to_account(ctx, owner) != COS_GRANT_NONE) {
        return COS_GRANT_ACCOUNT;
    }

    switch (ngx_http_cos_object_acl(bucket, o)) {

    case COS_ACL_DEFAULT:
        /* what the bucket's owner shares, and the owner too */
        return by_bucket(ctx, bucket, 0);

    case COS_ACL_PUBLIC_READ:
    case COS_ACL_PUBLIC_READ_WRITE:
        return COS_GRANT_SELF;

    case COS_ACL_AUTHENTICATED_READ:
        return ctx->identity.known ? COS_GRANT_SELF : COS_GRANT_NONE;

    case COS_ACL_BUCKET_OWNER_READ:
    case COS_ACL_BUCKET_OWNER_FULL:
        return to_account(ctx, bucket->owner);

    default:
        return COS_GRANT_NONE;
    }
}


cos_grant_e
ngx_http_cos_grant(ngx_http_cos_ctx_t *ctx, const ngx_http_cos_place_t *p,
    ngx_http_cos_perm_e perm)
{
    uint64_t  owner;

    if (p->bucket == NULL) {
        return COS_GRANT_NONE;
    }

    switch (perm) {

    case NGX_HTTP_COS_PERM_LIST:
        return by_bucket(ctx, p->bucket, 0);

    case NGX_HTTP_COS_PERM_WRITE:
        return by_bucket(ctx, p->bucket, 1);

    case NGX_HTTP_COS_PERM_READ:

        if (ctx->origin_auth && p->object
            && ngx_http_cos_object_owner(p->bucket, p->object)
               == p->bucket->owner)
        {
            /* the bucket's owner lets the domain read what is his */
            return COS_GRANT_SELF;
        }

        return p->object ? reads(ctx, p->bucket, p->object)
                         : COS_GRANT_NONE;

    case NGX_HTTP_COS_PERM_OWN:
    case NGX_HTTP_COS_PERM_READ_ACP:
    case NGX_HTTP_COS_PERM_WRITE_ACP:
        owner = p->object ? ngx_http_cos_object_owner(p->bucket, p->object)
                          : p->bucket->owner;

        return to_account(ctx, owner);

    default:
        return COS_GRANT_NONE;
    }
}
