/*
 * policy: what is public. A statement that allows something to everyone is,
 * unless a condition ties it to fixed values of what a stranger cannot choose
 * (AWS, "Blocking public access to your Amazon S3 storage", the meaning of
 * "public"). A deny beside it does not count.
 */

#include "policy.h"


/* 10.0.0.0/8 and the like are nobody's on the Internet. */
static int
is_private(const cidr_t *c)
{
    return (c->addr[0] == 10 && c->bits >= 8)
           || (c->addr[0] == 172 && (c->addr[1] & 0xf0) == 16
               && c->bits >= 12)
           || (c->addr[0] == 192 && c->addr[1] == 168 && c->bits >= 16);
}


static int
is_narrow(const condition_t *c)
{
    size_t  i;

    for (i = 0; i < c->n; i++) {
        if (c->want[i].cidr.v6 ? c->want[i].cidr.bits < 32
            : c->want[i].cidr.bits < 8 && !is_private(&c->want[i].cidr))
        {
            return 0;
        }
    }

    return 1;
}


static int
is_fixed(const condition_t *c)
{
    size_t  i;

    if (c->test != TEST_EQUAL && c->test != TEST_EQUAL_FOLD
        && c->test != TEST_LIKE)
    {
        return 0;
    }

    for (i = 0; i < c->n; i++) {
        if (c->want[i].text.wild) {
            return 0;
        }
    }

    return 1;
}


/* Whether it leaves only some that somebody has named. */
static int
restricts(const condition_t *c)
{
    if (c->negated || c->missing) {
        return 0;
    }

    switch (c->key.id) {

    case COS_KEY_SOURCE_IP:
        return c->test == TEST_IP && is_narrow(c);

    case COS_KEY_NEVER:
    case COS_KEY_USER_ID:
    case COS_KEY_PRINCIPAL_ARN:
    case COS_KEY_PRINCIPAL_ACCOUNT:
        return is_fixed(c);

    default:
        return 0;
    }
}


int
cos_policy_statement_public(const statement_t *st)
{
    size_t  i;

    if (st->deny || !(st->anyone || st->anonymous || st->others)) {
        return 0;
    }

    for (i = 0; i < st->nconditions; i++) {
        if (restricts(&st->conditions[i])) {
            return 0;
        }
    }

    return 1;
}
