/*
 * cosctl user: accounts and their users.
 *
 * An account is a uid and its keys. A user of an account has a record of its
 * own, which holds what it may do, and keys that name it. Names are unique over
 * all accounts.
 */

#define _GNU_SOURCE

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ctl.h"


#define FIRST_UID  100000000100ULL

static int switch_key(ctl_t *c, const char *ak, unsigned disabled);


static cos_str_t
span(const char *s)
{
    return (cos_str_t) { strlen(s), (cos_u8 *) (uintptr_t) s };
}


int
ctl_check_name(const char *name)
{
    size_t  i;

    for (i = 0; name[i] != '\0'; i++) {
        if (name[i] <= ' ' || name[i] == 127 || name[i] == ',' || i == 64) {
            break;
        }
    }

    return name[i] == '\0' && i > 0 ? CTL_OK
           : ctl_fail("a name has 1 to 64 visible characters, no comma");
}


/* --- who there is --------------------------------------------------------- */

/* The user's own record, if there is one, says more than a key does. */
static int
match(ctl_t *c, const cos_cred_t *cred, void *ctx)
{
    ctl_user_t  *u = ctx;

    if (cred->kind == COS_CRED_GROUP || !cos_str_is(cred->user, u->name)) {
        return 0;
    }

    u->found = 1;
    u->uid = cred->uid;
    u->sub = cred->sub;

    if (cred->kind == COS_CRED_USER) {
        u->recorded = 1;
        return ctl_cred_dup(c, &u->record, cred) == CTL_OK ? 1 : -1;
    }

    return 0;
}


int
ctl_user_find(ctl_t *c, ctl_user_t *u, const char *name)
{
    memset(u, 0, sizeof(*u));
    u->name = name;

    return ctl_each_cred(c, match, u) < 0 ? CTL_FAILED : CTL_OK;
}


int
ctl_user_need(ctl_t *c, ctl_user_t *u, const char *name)
{
    if (ctl_user_find(c, u, name) != CTL_OK) {
        return CTL_FAILED;
    }

    return u->found ? CTL_OK : ctl_fail("there is no user \"%s\"", name);
}


int
ctl_account(ctl_t *c, const char *name, uint64_t *uid)
{
    ctl_user_t  u;

    /* accounts of cos_root_keys have no record here */
    if (cos_str_uint(span(name), uid) == 0 && *uid != 0) {
        return CTL_OK;
    }

    if (ctl_user_need(c, &u, name) != CTL_OK) {
        return CTL_FAILED;
    }

    *uid = u.uid;

    return u.sub == 0 ? CTL_OK
           : ctl_fail("\"%s\" is a user, not an account", name);
}


static int
new_number(ctl_t *c, uint64_t *n)
{
    redisReply  *r;

    freeReplyObject(redisCommand(c->redis, "HSETNX g uid %llu",
                                 FIRST_UID - 1));
    r = redisCommand(c->redis, "HINCRBY g uid 1");

    if (r == NULL || r->type != REDIS_REPLY_INTEGER) {
        freeReplyObject(r);
        return ctl_fail("Redis gives no user id: %s", c->redis->errstr);
    }

    *n = (uint64_t) r->integer;
    freeReplyObject(r);

    return CTL_OK;
}


int
ctl_user_record(ctl_t *c, ctl_user_t *u)
{
    char             ak[32];
    cos_cred_t      *r = &u->record;
    struct timespec  ts;

    if (u->recorded) {
        return CTL_OK;
    }

    (void) clock_gettime(CLOCK_REALTIME, &ts);
    memset(r, 0, sizeof(*r));
    r->kind = COS_CRED_USER;
    r->user = span(u->name);
    r->uid = u->uid;
    r->sub = u->sub;
    r->created = (uint64_t) ts.tv_sec * 1000;
    snprintf(ak, sizeof(ak), "@%llu",
             (unsigned long long) (u->sub ? u->sub : u->uid));

    return cos_dup(ctl_alloc(c), &r->access_key, ak, strlen(ak)) == 0 ? CTL_OK
           : ctl_fail("out of memory");
}


/* --- user add ------------------------------------------------------------- */

static int
check_email(const char *s)
{
    size_t       i;
    const char  *at = strchr(s, '@');

    for (i = 0; s[i] > ' ' && s[i] != 127; i++) { /* void */ }

    return s[i] == '\0' && i <= 254 && at != NULL && at != s && at[1] != '\0'
           ? CTL_OK : ctl_fail("\"%s\" is no e-mail address", s);
}


int
ctl_key_new(ctl_t *c, const ctl_user_t *u)
{
    char        secret[CTL_SECRET_LEN + 1];
    cos_cred_t  cred;

    memset(&cred, 0, sizeof(cred));
    cred.user = span(u->name);
    cred.uid = u->uid;
    cred.sub = u->sub;

    if (ctl_cred_pair(c, &cred, secret) != CTL_OK
        || ctl_cred_commit(c, &cred, NULL) != CTL_OK)
    {
        return CTL_FAILED;
    }

    printf("user        %s\nuid         %llu\n", u->name,
           (unsigned long long) (u->sub ? u->sub : u->uid));

    if (u->sub != 0) {
        printf("account     %llu\n", (unsigned long long) u->uid);
    }

    printf("access key  %.*s\nsecret key  %s\n", (int) cred.access_key.len,
           cred.access_key.data, secret);
    explicit_bzero(secret, sizeof(secret));

    return CTL_OK;
}


/* The record first: a key without one is refused, a record without a key does
 * no harm and "key add" makes it one. */
int
ctl_user_add(ctl_t *c, char **argv)
{
    uint64_t    n;
    ctl_user_t  u;

    if (ctl_check_name(argv[0]) != CTL_OK
        || (c->email != NULL && check_email(c->email) != CTL_OK)
        || ctl_need_key(c) != CTL_OK || ctl_need_admin(c) != CTL_OK
        || ctl_user_find(c, &u, argv[0]) != CTL_OK)
    {
        return CTL_FAILED;
    }

    if (u.found) {
        return ctl_fail("user \"%s\" exists; \"cosctl user list\" shows the "
                        "access keys, \"cosctl user rotate\" makes a new one",
                        argv[0]);
    }

    if (c->account != NULL && ctl_account(c, c->account, &u.uid) != CTL_OK) {
        return CTL_FAILED;
    }

    if (new_number(c, &n) != CTL_OK) {
        return CTL_FAILED;
    }

    *(c->account != NULL ? &u.sub : &u.uid) = n;

    if (c->account != NULL || c->email != NULL) {
        if (ctl_user_record(c, &u) != CTL_OK) {
            return CTL_FAILED;
        }

        if (c->email != NULL) {
            u.record.attr[COS_CX_EMAIL] = span(c->email);
        }

        if (ctl_cred_commit(c, &u.record, NULL) != CTL_OK) {
            return CTL_FAILED;
        }
    }

    return ctl_key_new(c, &u);
}


/* --- user delete ------------------------------------------------------------ */

typedef struct {
    const ctl_user_t  *user;
    int                rc;
} owned_t;

static int
drop_key(ctl_t *c, const cos_cred_t *cred, void *ctx)
{
    owned_t  *o = ctx;

    if (cred->kind == COS_CRED_KEY && cred->sub == o->user->sub
        && ctl_cred_remove(c, cred) != CTL_OK)
    {
        o->rc = CTL_FAILED;
    }

    return 0;
}


/* Without the record no key works any more, whatever happens to the rest. */
int
ctl_user_delete(ctl_t *c, char **argv)
{
    owned_t     o;
    ctl_user_t  u;

    if (ctl_need_admin(c) != CTL_OK
        || ctl_user_need(c, &u, argv[0]) != CTL_OK)
    {
        return CTL_FAILED;
    }

    if (u.sub == 0) {
        return ctl_fail("\"%s\" is an account, which owns its buckets; its "
                        "keys can be disabled", argv[0]);
    }

    o.user = &u;
    o.rc = CTL_OK;

    if ((u.recorded && ctl_cred_remove(c, &u.record) != CTL_OK)
        || ctl_each_cred(c, drop_key, &o) != 0 || o.rc != CTL_OK)
    {
        return CTL_FAILED;
    }

    printf("%s deleted\n", argv[0]);

    return CTL_OK;
}


/* --- user list, user show ----------------------------------------------------- */

static void
print_limit(uint64_t n, int width)
{
    if (n != 0) {
        printf(" %*llu", width, (unsigned long long) n);

    } else {
        printf(" %*s", width, "-");
    }
}


static int
print_cred(ctl_t *c, const cos_cred_t *cred, void *ctx)
{
    ctl_use_t  use;

    (void) ctx;

    if (cred->kind != COS_CRED_KEY) {
        return 0;
    }

    printf("%-20.*s %-14llu %-24.*s %-9s %s", (int) cred->user.len,
           cred->user.data,
           (unsigned long long) (cred->sub ? cred->sub : cred->uid),
           (int) cred->access_key.len, cred->access_key.data,
           cred->disabled ? "disabled" : "enabled", ctl_date(cred->created));

    if (cred->sub != 0) {
        printf(" of account %llu\n", (unsigned long long) cred->uid);
        return 0;
    }

    if (ctl_use(c, cred->uid, &use) != CTL_OK) {
        return -1;
    }

    printf(" %12llu %16llu", (unsigned long long) use.objects,
           (unsigned long long) use.bytes);
    print_limit(use.limits.objects, 12);
    print_limit(use.limits.bytes, 16);
    printf("\n");

    return 0;
}


int
ctl_user_list(ctl_t *c, char **argv)
{
    (void) argv;

    if (ctl_need_redis(c) != CTL_OK) {
        return CTL_FAILED;
    }

    printf("%-20s %-14s %-24s %-9s %-20s %12s %16s %12s %16s\n", "USER", "UID",
           "ACCESS KEY", "STATE", "CREATED", "OBJECTS", "BYTES", "OF OBJECTS",
           "OF BYTES");

    return ctl_each_cred(c, print_cred, NULL) != 0 ? CTL_FAILED : CTL_OK;
}


static void
print_text(const char *what, cos_str_t s)
{
    if (s.len != 0) {
        printf("%-11s %.*s\n", what, (int) s.len, s.data);
    }
}


int
ctl_user_show(ctl_t *c, char **argv)
{
    ctl_user_t   u;
    cos_cred_t  *r = &u.record;

    if (ctl_need_redis(c) != CTL_OK
        || ctl_user_need(c, &u, argv[0]) != CTL_OK)
    {
        return CTL_FAILED;
    }

    printf("user        %s\nuid         %llu\n", argv[0],
           (unsigned long long) (u.sub ? u.sub : u.uid));

    if (u.sub != 0) {
        printf("account     %llu\n", (unsigned long long) u.uid);
    }

    if (!u.recorded) {
        return CTL_OK;
    }

    printf("state       %s\n", r->disabled ? "disabled" : "enabled");
    print_text("email", r->attr[COS_CX_EMAIL]);
    print_text("groups", r->attr[COS_CX_GROUPS]);
    print_text("presets", r->attr[COS_CX_PRESETS]);
    print_text("policy", r->attr[COS_CX_POLICY]);

    if (r->since != 0) {
        printf("tokens      void before %s\n", ctl_date(r->since));
    }

    return CTL_OK;
}


/* --- keys and users on and off -------------------------------------------------- */

int
ctl_user_disable(ctl_t *c, char **argv)
{
    return switch_key(c, argv[0], 1);
}


int
ctl_user_enable(ctl_t *c, char **argv)
{
    return switch_key(c, argv[0], 0);
}


/* An access key, or a user with all its keys and tokens. */
static int
switch_key(ctl_t *c, const char *name, unsigned disabled)
{
    ctl_user_t  u;
    cos_cred_t  cred;

    if (ctl_need_admin(c) != CTL_OK || ctl_user_find(c, &u, name) != CTL_OK) {
        return CTL_FAILED;
    }

    if (u.found && u.sub == 0) {
        return ctl_fail("\"%s\" is an account: disable its access keys, or "
                        "one of its users", name);
    }

    if (u.found) {
        if (ctl_user_record(c, &u) != CTL_OK) {
            return CTL_FAILED;
        }

        cred = u.record;

    } else if (ctl_cred_load(c, name, &cred) != CTL_OK) {
        return CTL_FAILED;
    }

    if (cred.disabled == disabled) {
        printf("%s was %s already\n", name, disabled ? "disabled" : "enabled");
        return CTL_OK;
    }

    cred.disabled = disabled & 1;

    if (ctl_cred_commit(c, &cred, NULL) != CTL_OK) {
        return CTL_FAILED;
    }

    printf("%s %s\n", name, disabled ? "disabled" : "enabled");

    return CTL_OK;
}


/* The new pair first: a failure in between leaves the user with two. */
int
ctl_user_rotate(ctl_t *c, char **argv)
{
    char        name[65];
    ctl_user_t  u;
    cos_cred_t  old;

    if (ctl_need_key(c) != CTL_OK || ctl_need_admin(c) != CTL_OK
        || ctl_cred_load(c, argv[0], &old) != CTL_OK)
    {
        return CTL_FAILED;
    }

    memset(&u, 0, sizeof(u));
    snprintf(name, sizeof(name), "%.*s", (int) old.user.len, old.user.data);
    u.name = name;
    u.uid = old.uid;
    u.sub = old.sub;

    if (ctl_key_new(c, &u) != CTL_OK) {
        return CTL_FAILED;
    }

    old.disabled = 1;

    if (ctl_cred_commit(c, &old, NULL) != CTL_OK) {
        return ctl_fail("%s could not be disabled and still works", argv[0]);
    }

    printf("%s disabled\n", argv[0]);

    return CTL_OK;
}
