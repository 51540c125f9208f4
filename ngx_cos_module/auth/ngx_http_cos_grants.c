/*
 * What ACLs grant. Objects whose ACL is "default" are as their bucket, as in
 * COS; objects written in the S3 dialect are private unless they say otherwise,
 * as in S3.
 */

#include "ngx_http_cos_bucket.h"
#include "ngx_http_cos_rights.h"


/* The permission that ACLs know it by; 0: none. */
static unsigned
bit_of(ngx_http_cos_perm_e perm)
{
    switch (perm) {

    case NGX_HTTP_COS_PERM_LIST:
    case NGX_HTTP_COS_PERM_READ:
        return COS_MAY_READ;

    case NGX_HTTP_COS_PERM_WRITE:
        return COS_MAY_WRITE;

    case NGX_HTTP_COS_PERM_READ_ACP:
        return COS_MAY_READ_ACP;

    case NGX_HTTP_COS_PERM_WRITE_ACP:
        return COS_MAY_WRITE_ACP;

    default:
        return 0;
    }
}


/* The ACL that decides. */
static void
which(ngx_http_cos_ctx_t *ctx, const ngx_http_cos_place_t *p,
    ngx_http_cos_perm_e perm, cos_acl_t *acl)
{
    if (p->object && perm != NGX_HTTP_COS_PERM_LIST
        && perm != NGX_HTTP_COS_PERM_WRITE)
    {
        ngx_http_cos_object_acl(p->bucket, p->object, acl);

        if (acl->canned != COS_ACL_DEFAULT || acl->grants.len) {
            return;
        }
    }

    ngx_http_cos_bucket_acl(p->bucket, acl);

    if (perm == NGX_HTTP_COS_PERM_LIST && !ctx->lcf->public_list) {
        acl->closed = 1;
    }
}


/* The owner of an object with its bucket's ACL is its owner still. */
static ngx_uint_t
is_object_owner(const ngx_http_cos_place_t *p, ngx_http_cos_perm_e perm,
    const cos_who_t *who)
{
    return p->object && perm != NGX_HTTP_COS_PERM_LIST
           && perm != NGX_HTTP_COS_PERM_WRITE
           && p->object->acl == COS_ACL_DEFAULT
           && who->known
           && who->uid == ngx_http_cos_object_owner(p->bucket, p->object);
}


cos_grant_e
ngx_http_cos_grant(ngx_http_cos_ctx_t *ctx, const ngx_http_cos_place_t *p,
    ngx_http_cos_perm_e perm, const cos_who_t *who)
{
    unsigned     bit;
    uint64_t     owner;
    cos_acl_t    acl;
    cos_grant_e  grant;

    if (p->bucket == NULL) {
        return COS_GRANT_NONE;
    }

    bit = bit_of(perm);

    if (perm == NGX_HTTP_COS_PERM_READ && ctx->origin_auth && p->object
        && ngx_http_cos_object_owner(p->bucket, p->object)
           == p->bucket->owner)
    {
        /* the bucket's owner lets the domain read what is his */
        return COS_GRANT_SELF;
    }

    if (perm == NGX_HTTP_COS_PERM_OWN) {
        /* accounts have their own names in ACLs, their users need not */
        owner = p->object ? ngx_http_cos_object_owner(p->bucket, p->object)
                          : p->bucket->owner;

        return who->known && who->uid == owner ? COS_GRANT_ACCOUNT
                                               : COS_GRANT_NONE;
    }

    if (bit == 0
        || (perm == NGX_HTTP_COS_PERM_READ && p->object == NULL))
    {
        return COS_GRANT_NONE;
    }

    which(ctx, p, perm, &acl);
    grant = cos_acl_permits(&acl, who, bit);

    return grant == COS_GRANT_NONE && is_object_owner(p, perm, who)
           ? COS_GRANT_ACCOUNT : grant;
}


ngx_uint_t
ngx_http_cos_omits_owner(ngx_http_cos_ctx_t *ctx,
    const ngx_http_cos_place_t *p, ngx_http_cos_perm_e perm)
{
    unsigned   bit;
    cos_acl_t  acl;

    bit = bit_of(perm);

    if (p->bucket == NULL || bit == 0) {
        return 0;
    }

    which(ctx, p, perm, &acl);

    return cos_acl_omits_owner(&acl, bit);
}
