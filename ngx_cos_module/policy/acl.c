/*
 * policy: what an ACL permits.
 */

#include "cos_acl.h"
#include "cos_policy.h"


static cos_grant_e
of_canned(const cos_acl_t *a, const cos_who_t *who, unsigned bit)
{
    cos_acl_e  acl = a->canned;

    if (!a->closed) {
        if (bit == COS_MAY_READ
            && (acl == COS_ACL_PUBLIC_READ || acl == COS_ACL_PUBLIC_READ_WRITE
                || (acl == COS_ACL_AUTHENTICATED_READ && who->known)))
        {
            return COS_GRANT_SELF;
        }

        if (bit == COS_MAY_WRITE && acl == COS_ACL_PUBLIC_READ_WRITE) {
            return COS_GRANT_SELF;
        }
    }

    if (who->known && who->uid == a->owner) {
        return COS_GRANT_ACCOUNT;
    }

    if (who->known && who->uid == a->bucket_owner
        && (acl == COS_ACL_BUCKET_OWNER_FULL
            || (acl == COS_ACL_BUCKET_OWNER_READ && bit == COS_MAY_READ)))
    {
        return COS_GRANT_ACCOUNT;
    }

    return COS_GRANT_NONE;
}


static cos_grant_e
by_grant(const cos_acl_t *a, const cos_who_t *who, const cos_acl_grant_t *g)
{
    switch (g->to) {

    case COS_TO_ALL:
        return a->closed ? COS_GRANT_NONE : COS_GRANT_SELF;

    case COS_TO_AUTHENTICATED:
        return a->closed || !who->known ? COS_GRANT_NONE : COS_GRANT_SELF;

    case COS_TO_ACCOUNT:
        if (!who->known || who->uid != g->uid) {
            return COS_GRANT_NONE;
        }

        if (g->sub == 0) {
            return COS_GRANT_ACCOUNT;
        }

        return who->sub == g->sub ? COS_GRANT_SELF : COS_GRANT_NONE;

    default:
        return COS_GRANT_NONE;
    }
}


cos_grant_e
cos_acl_permits(const cos_acl_t *a, const cos_who_t *who, unsigned bit)
{
    cos_str_t        text = a->grants;
    cos_grant_e      best, e;
    cos_acl_grant_t  g;

    if (text.len == 0) {
        return of_canned(a, who, bit);
    }

    best = (bit & (COS_MAY_READ_ACP | COS_MAY_WRITE_ACP))
           && who->known && who->uid == a->owner
           ? COS_GRANT_ACCOUNT : COS_GRANT_NONE;

    while (best != COS_GRANT_SELF && cos_acl_next(&g, &text) == 1) {

        if (g.may & (bit | COS_MAY_ALL)) {
            e = by_grant(a, who, &g);
            best = e > best ? e : best;
        }
    }

    return best;
}


int
cos_acl_omits_owner(const cos_acl_t *a, unsigned bit)
{
    cos_who_t  owner = { .known = 1, .uid = a->owner };

    return a->grants.len != 0
           && cos_acl_permits(a, &owner, bit) == COS_GRANT_NONE;
}
