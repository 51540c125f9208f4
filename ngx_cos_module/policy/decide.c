/*
 * policy: the decision. A statement is tried by what costs least first: one
 * bit for its actions, then who is meant, then the resource, then conditions.
 */

#include <stdlib.h>

#include "policy.h"


/* A bucket's name and a key. Keys are at most 1,024 bytes long; of something
 * longer nothing is allowed. */
#define RESOURCE_MAX  2048

typedef struct {
    const cos_policy_ask_t  *ask;
    cos_str_t                object;  /* "bucket/key", or "bucket/" */
    cos_str_t                folder;  /* the bucket with a slash */
    cos_str_t                bucket;  /* without the slash */
    cos_level_e              level;
    cos_u8                   buf[RESOURCE_MAX];
} judge_t;

/* What one policy says. */
typedef struct {
    int          denied;              /* statement; -1: none */
    int          allowed;
    cos_grant_e  grant;
    int          failed;
} verdict_t;


static int
begin(judge_t *j, const cos_policy_ask_t *ask)
{
    size_t  n = ask->bucket.len;

    j->ask = ask;
    j->level = cos_action_info(ask->action)->level;

    if (n + 1 + ask->key.len > sizeof(j->buf)) {
        return -1;
    }

    if (n) {
        memcpy(j->buf, ask->bucket.data, n);
    }

    j->buf[n] = '/';

    if (ask->key.len) {
        memcpy(j->buf + n + 1, ask->key.data, ask->key.len);
    }

    j->object.data = j->buf;
    j->object.len = n + 1 + ask->key.len;
    j->folder.data = j->buf;
    j->folder.len = n + 1;
    j->bucket.data = j->buf;
    j->bucket.len = n;

    return 0;
}


/* --- who ---------------------------------------------------------------------- */

static int
listed(const statement_t *st, who_e kind, uint64_t uid, uint64_t sub,
    cos_str_t name)
{
    principal_t  want;

    want.kind = kind;
    want.uid = uid;
    want.sub = sub;
    want.name = name;

    return st->nprincipals != 0
           && bsearch(&want, st->principals, st->nprincipals,
                      sizeof(principal_t), cos_policy_principal_cmp)
              != NULL;
}


static cos_grant_e
means(const statement_t *st, const cos_who_t *who)
{
    cos_str_t  none = COS_STR("");

    if (st->anyone || (st->anonymous && !who->known)) {
        return COS_GRANT_SELF;
    }

    if (!who->known) {
        return COS_GRANT_NONE;
    }

    if (who->sub != 0
        && (listed(st, WHO_SUB, who->uid, who->sub, none)
            || (who->name.len
                && listed(st, WHO_NAME, who->uid, 0, who->name))))
    {
        return COS_GRANT_SELF;
    }

    return listed(st, WHO_ACCOUNT, who->uid, 0, none) ? COS_GRANT_ACCOUNT
                                                      : COS_GRANT_NONE;
}


/* All but those who are listed; an account that is listed stands for itself
 * there, and not for its users (AWS IAM, "NotPrincipal"). */
static cos_grant_e
applies(const statement_t *st, const cos_who_t *who)
{
    cos_grant_e  g;

    g = means(st, who);

    if (!st->others) {
        return g;
    }

    return g == COS_GRANT_SELF || (g == COS_GRANT_ACCOUNT && who->sub == 0)
           ? COS_GRANT_NONE : COS_GRANT_SELF;
}


/* --- on what --------------------------------------------------------------------- */

/* COS names accounts by APPID, which a bucket's name ends in. */
static int
belongs(const judge_t *j, uint64_t uid)
{
    cos_u8     *dash;
    uint64_t    appid;
    cos_str_t   rest;

    if (uid == j->ask->account) {
        return 1;
    }

    for (dash = j->bucket.data + j->bucket.len;
         dash > j->bucket.data && dash[-1] != '-'; dash--)
    {
        /* void */
    }

    rest.data = dash;
    rest.len = (size_t) (j->bucket.data + j->bucket.len - dash);

    return dash > j->bucket.data && cos_str_uint(rest, &appid) == 0
           && appid == uid;
}


static int
is_meant(const judge_t *j, const statement_t *st, const resource_t *res)
{
    if (res->all) {
        return 1;
    }

    if (j->bucket.len == 0
        || (res->region.len && j->ask->region.len
            && !cos_str_eq(res->region, j->ask->region))
        || (res->uid && !belongs(j, res->uid)))
    {
        return 0;
    }

    if (j->level == COS_LEVEL_OBJECT) {
        return cos_glob_match(&res->path, j->object);
    }

    /* "bucket/" + "*" is the bucket, too, in COS; and "bucket/dir/" + "*" lets
     * list the uploads below it, as all that upload in parts do */
    return cos_glob_match(&res->path, j->bucket)
           || (!st->s3 && (cos_glob_match(&res->path, j->folder)
                           || cos_glob_match(&res->path, j->object)));
}


static int
covers(const judge_t *j, const statement_t *st)
{
    size_t  i;

    for (i = 0; i < st->nresources; i++) {
        if (is_meant(j, st, &st->resources[i])) {
            return !st->elsewhere;
        }
    }

    return st->elsewhere;
}


/* 1, 0; -1: a value could not be had; COS_POLICY_UNKNOWN: nobody can tell yet,
 * and nothing else fails. */
static int
conditions_hold(const judge_t *j, const statement_t *st)
{
    int     rc, all;
    size_t  i;

    all = 1;

    for (i = 0; i < st->nconditions; i++) {
        rc = cos_policy_holds(&st->conditions[i], j->ask);

        if (rc == COS_POLICY_UNKNOWN) {
            all = rc;

        } else if (rc != 1) {
            return rc;
        }
    }

    return all;
}


static int
is_about(const statement_t *st, const cos_policy_about_t *about)
{
    size_t                   i;
    const cos_policy_key_t  *key;

    for (i = 0; i < st->nconditions; i++) {
        key = &st->conditions[i].key;

        if (about->header ? key->id == COS_KEY_DIALECT_HEADER
                            && cos_str_iis(key->name, about->header)
                          : key->id == COS_KEY_REQUEST_TAG
                            || key->id == COS_KEY_REQUEST_TAGS
                            || key->id == COS_KEY_REQUEST_TAG_KEYS)
        {
            return 1;
        }
    }

    return 0;
}


/* --- a policy -------------------------------------------------------------------- */

static void
judge(verdict_t *v, const judge_t *j, const cos_policy_t *p)
{
    int                 rc;
    size_t              i;
    cos_grant_e         g;
    const statement_t  *st;

    v->denied = -1;
    v->allowed = -1;
    v->grant = COS_GRANT_NONE;
    v->failed = 0;

    if (p == NULL || !action_in(&p->actions, j->ask->action)) {
        return;
    }

    for (i = 0; i < p->n; i++) {
        st = &p->v[i];

        if (!action_in(&st->actions, j->ask->action)) {
            continue;
        }

        g = applies(st, j->ask->who);

        if (g == COS_GRANT_NONE || (!st->deny && g <= v->grant)
            || (!st->deny && j->ask->about && !is_about(st, j->ask->about))
            || !covers(j, st))
        {
            continue;
        }

        rc = conditions_hold(j, st);

        if (rc == -1) {
            v->failed = 1;
            return;
        }

        if (rc && st->deny) {
            v->denied = (int) i;
            return;
        }

        if (rc == 1) {
            v->grant = g;
            v->allowed = (int) i;
        }
    }
}


static void
set(cos_decision_t *d, int allowed, cos_policy_by_e by, int statement)
{
    d->allowed = (unsigned) allowed;
    d->by = by;
    d->statement = statement;
}


/* Whether a policy denies it, or could not be evaluated. */
static int
denies(cos_decision_t *d, const verdict_t *v, cos_policy_by_e by)
{
    if (v->failed) {
        set(d, 0, COS_BY_ERROR, -1);
        return 1;
    }

    if (v->denied >= 0) {
        set(d, 0, by, v->denied);
        return 1;
    }

    return 0;
}


/* What nobody can lock the owner out of. */
static int
is_of_policy(cos_action_e a)
{
    return a == COS_ACT_GET_POLICY || a == COS_ACT_PUT_POLICY
           || a == COS_ACT_DELETE_POLICY;
}


/* Policies of who asks: 1 when one of them denies. *user: the first that
 * allows. */
static int
users_deny(cos_decision_t *d, const judge_t *j,
    const cos_policy_rules_t *rules, verdict_t *user)
{
    size_t     i;
    verdict_t  v;

    memset(user, 0, sizeof(*user));
    d->policy = -1;

    for (i = 0; i < rules->nuser; i++) {
        judge(&v, j, rules->user[i]);

        if (denies(d, &v, COS_BY_USER_POLICY)) {
            d->policy = (int) i;
            return 1;
        }

        if (v.grant > user->grant) {
            *user = v;
            d->policy = (int) i;
        }
    }

    return 0;
}


/* Nothing denies it: who allows it? */
static void
allow(cos_decision_t *d, const cos_policy_ask_t *ask,
    const cos_policy_rules_t *rules, const verdict_t *bucket,
    const verdict_t *user)
{
    int               root, home;
    cos_grant_e       need;
    const cos_who_t  *who = ask->who;

    root = who->known && who->sub == 0;
    home = who->known && who->uid == ask->account
           && (!ask->foreign || ask->governed) && !ask->left;

    if (home && root) {
        set(d, 1, COS_BY_OWNER, -1);
        return;
    }

    if (home && user->grant != COS_GRANT_NONE) {
        set(d, 1, COS_BY_USER_POLICY, user->allowed);
        return;
    }

    /* what is granted to the account is for it to pass on */
    need = root || user->grant != COS_GRANT_NONE ? COS_GRANT_ACCOUNT
                                                 : COS_GRANT_SELF;

    if (!ask->foreign && bucket->grant >= need
        && !(rules->restricted && rules->bucket->is_public
             && !(who->known && who->uid == ask->account)))
    {
        set(d, 1, COS_BY_BUCKET_POLICY, bucket->allowed);

    } else if (rules->acl >= need) {
        set(d, 1, COS_BY_ACL, -1);

    } else {
        set(d, 0, COS_BY_NOTHING, -1);
    }
}


void
cos_decide(cos_decision_t *d, const cos_policy_ask_t *ask,
    const cos_policy_rules_t *rules)
{
    int        owner;
    judge_t    j;
    verdict_t  bucket, user, session;

    owner = ask->who->known && ask->who->sub == 0
            && ask->who->uid == ask->account;

    if (begin(&j, ask) != 0) {
        d->policy = -1;
        set(d, 0, COS_BY_ERROR, -1);
        return;
    }

    judge(&bucket, &j, rules->bucket);

    if (owner && is_of_policy(ask->action)) {
        bucket.denied = -1;
        bucket.failed = 0;
    }

    judge(&session, &j, rules->session);

    if (users_deny(d, &j, rules, &user)
        || denies(d, &bucket, COS_BY_BUCKET_POLICY)
        || denies(d, &session, COS_BY_SESSION_POLICY))
    {
        return;
    }

    if (is_of_policy(ask->action)
        && !(ask->who->known && ask->who->uid == ask->account))
    {
        /* whoever may change it could give everything away */
        set(d, 0, COS_BY_NOTHING, -1);
        return;
    }

    allow(d, ask, rules, &bucket, &user);

    if (d->allowed && rules->session && session.grant == COS_GRANT_NONE) {
        set(d, 0, COS_BY_SESSION_POLICY, -1);
    }
}


int
cos_policy_is_public(const cos_policy_t *p)
{
    return p->is_public;
}


size_t
cos_policy_count(const cos_policy_t *p)
{
    return p->n;
}


cos_str_t
cos_policy_sid(const cos_policy_t *p, size_t i)
{
    return p->v[i].sid;
}
