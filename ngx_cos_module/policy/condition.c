/*
 * policy: whether a condition holds for a request.
 */

#include <arpa/inet.h>
#include <stdio.h>

#include "policy.h"


/* Room for values that are made here. */
typedef struct {
    char       text[128];
    cos_str_t  v[COS_POLICY_VALUES];
} values_t;


int
cos_ip_parse(cos_ip_t *ip, cos_str_t s)
{
    char  buf[INET6_ADDRSTRLEN];

    static const cos_u8  mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                        0xff, 0xff };

    memset(ip, 0, sizeof(*ip));

    if (s.len == 0 || s.len >= sizeof(buf)
        || memchr(s.data, '\0', s.len) != NULL)
    {
        return -1;
    }

    memcpy(buf, s.data, s.len);
    buf[s.len] = '\0';

    if (inet_pton(AF_INET, buf, ip->addr) == 1) {
        ip->len = 4;
        return 0;
    }

    if (inet_pton(AF_INET6, buf, ip->addr) != 1) {
        return -1;
    }

    ip->len = 16;

    if (memcmp(ip->addr, mapped, sizeof(mapped)) == 0) {
        memmove(ip->addr, ip->addr + 12, 4);
        memset(ip->addr + 4, 0, 12);
        ip->len = 4;
    }

    return 0;
}


/* --- values of a request --------------------------------------------------------- */

static int
printed(values_t *v, int n)
{
    v->v[0].data = (cos_u8 *) v->text;
    v->v[0].len = (size_t) n;

    return n >= 0 && (size_t) n < sizeof(v->text) ? 1 : -1;
}


static int
address(const cos_policy_ask_t *ask, values_t *v)
{
    if (ask->ip.len == 0
        || inet_ntop(ask->ip.len == 4 ? AF_INET : AF_INET6, ask->ip.addr,
                     v->text, sizeof(v->text))
           == NULL)
    {
        return 0;
    }

    return printed(v, (int) strlen(v->text));
}


static int
arn(const cos_who_t *who, values_t *v)
{
    if (!who->known || who->name.len > 64) {
        return 0;
    }

    return who->sub == 0
           ? printed(v, snprintf(v->text, sizeof(v->text),
                                 "arn:aws:iam::%llu:root",
                                 (unsigned long long) who->uid))
           : printed(v, snprintf(v->text, sizeof(v->text),
                                 "arn:aws:iam::%llu:user/%.*s",
                                 (unsigned long long) who->uid,
                                 (int) who->name.len, who->name.data));
}


static int
about_who(cos_policy_key_e id, const cos_who_t *who, values_t *v)
{
    switch (id) {

    case COS_KEY_USER_NAME:
        v->v[0] = who->name;
        return who->known && who->sub != 0;

    case COS_KEY_USER_ID:
        return !who->known ? 0
               : printed(v, snprintf(v->text, sizeof(v->text), "%llu",
                                     (unsigned long long)
                                     (who->sub ? who->sub : who->uid)));

    case COS_KEY_PRINCIPAL_ACCOUNT:
        return !who->known ? 0
               : printed(v, snprintf(v->text, sizeof(v->text), "%llu",
                                     (unsigned long long) who->uid));

    case COS_KEY_PRINCIPAL_TYPE:
        return printed(v, snprintf(v->text, sizeof(v->text), "%s",
                                   !who->known ? "Anonymous"
                                   : who->sub ? "User" : "Account"));

    default:
        return arn(who, v);
    }
}


/* Values of the condition's key: how many, 0, -1. */
static int
values_of(const condition_t *c, const cos_policy_ask_t *ask, values_t *v)
{
    switch (c->key.id) {

    case COS_KEY_SOURCE_IP:
        return address(ask, v);

    case COS_KEY_SECURE:
        return printed(v, snprintf(v->text, sizeof(v->text), "%s",
                                   ask->tls ? "true" : "false"));

    case COS_KEY_TIME:
        return printed(v, (int) cos_iso8601(v->text, ask->now * 1000, 0));

    case COS_KEY_EPOCH:
        return printed(v, snprintf(v->text, sizeof(v->text), "%lld",
                                   (long long) ask->now));

    case COS_KEY_USER_ID:
    case COS_KEY_USER_NAME:
    case COS_KEY_PRINCIPAL_ARN:
    case COS_KEY_PRINCIPAL_ACCOUNT:
    case COS_KEY_PRINCIPAL_TYPE:
        return about_who(c->key.id, ask->who, v);

    case COS_KEY_RESOURCE_ACCOUNT:
        return printed(v, snprintf(v->text, sizeof(v->text), "%llu",
                                   (unsigned long long) ask->account));

    case COS_KEY_NEVER:
        return 0;

    default:
        return ask->get(ask->data, &c->key, v->v);
    }
}


/* --- one value against one --------------------------------------------------------- */

static int
in_cidr(const cidr_t *c, const cos_ip_t *ip)
{
    unsigned  whole, rest;

    if (ip->len != (c->v6 ? 16u : 4u)) {
        return 0;
    }

    whole = c->bits / 8;
    rest = c->bits % 8;

    return memcmp(c->addr, ip->addr, whole) == 0
           && (rest == 0
               || ((c->addr[whole] ^ ip->addr[whole]) >> (8 - rest)) == 0);
}


static int
compare_numbers(test_e test, const want_t *w, cos_str_t have)
{
    double  n;

    if (cos_policy_number(have, &n) != 0) {
        return 0;
    }

    switch (test) {
    case TEST_NUM_EQUAL:
        return n == w->number;
    case TEST_NUM_LESS:
        return n < w->number;
    case TEST_NUM_LESS_EQUAL:
        return n <= w->number;
    case TEST_NUM_GREATER:
        return n > w->number;
    default:
        return n >= w->number;
    }
}


static int
compare_dates(test_e test, const want_t *w, cos_str_t have)
{
    int64_t  t;

    if (cos_policy_date(have, &t) != 0) {
        return 0;
    }

    switch (test) {
    case TEST_DATE_EQUAL:
        return t == w->date;
    case TEST_DATE_LESS:
        return t < w->date;
    case TEST_DATE_LESS_EQUAL:
        return t <= w->date;
    case TEST_DATE_GREATER:
        return t > w->date;
    default:
        return t >= w->date;
    }
}


static int
is_wanted(const condition_t *c, const want_t *w, cos_str_t have,
    const cos_policy_ask_t *ask)
{
    switch (c->test) {

    case TEST_EQUAL:
        return cos_str_eq(w->text.text, have);

    case TEST_EQUAL_FOLD:
        return cos_str_ieq(w->text.text, have);

    case TEST_LIKE:
        return cos_glob_match(&w->text, have);

    case TEST_BOOL:
        return cos_str_iis(have, w->truth ? "true" : "false");

    case TEST_IP:
        return in_cidr(&w->cidr, &ask->ip);

    case TEST_DATE_EQUAL:
    case TEST_DATE_LESS:
    case TEST_DATE_LESS_EQUAL:
    case TEST_DATE_GREATER:
    case TEST_DATE_GREATER_EQUAL:
        return compare_dates(c->test, w, have);

    default:
        return compare_numbers(c->test, w, have);
    }
}


/* Whether one value is what the condition wants: one of several, or, negated,
 * none of them. */
static int
satisfies(const condition_t *c, cos_str_t have, const cos_policy_ask_t *ask)
{
    size_t  i;

    for (i = 0; i < c->n; i++) {
        if (is_wanted(c, &c->want[i], have, ask)) {
            return !c->negated;
        }
    }

    return c->negated;
}


int
cos_policy_holds(const condition_t *c, const cos_policy_ask_t *ask)
{
    int       i, n, yes;
    values_t  v;

    n = values_of(c, ask, &v);

    if (n < 0) {
        return n;
    }

    if (c->test == TEST_NULL) {
        for (i = 0; i < (int) c->n; i++) {
            if (c->want[i].truth == (n == 0)) {
                return 1;
            }
        }

        return 0;
    }

    if (n == 0) {
        return c->missing;
    }

    for (i = 0, yes = 0; i < n; i++) {
        yes += satisfies(c, v.v[i], ask);
    }

    /* a negated condition about a value that is written in two ways holds when
     * it holds for both */
    return c->set == SET_ALL || (c->set == SET_NONE && c->negated)
           ? yes == n : yes > 0;
}
