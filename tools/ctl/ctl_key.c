/*
 * cosctl key, cosctl token: what users sign with.
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ctl.h"


int
ctl_key_add(ctl_t *c, char **argv)
{
    ctl_user_t  u;

    return ctl_need_key(c) == CTL_OK && ctl_need_admin(c) == CTL_OK
           && ctl_user_need(c, &u, argv[0]) == CTL_OK
           ? ctl_key_new(c, &u) : CTL_FAILED;
}


static int
print_key(ctl_t *c, const cos_cred_t *cred, void *ctx)
{
    (void) c;

    if (cred->kind == COS_CRED_KEY
        && (ctx == NULL || cos_str_is(cred->user, ctx)))
    {
        printf("%-20.*s %-24.*s %-9s %s\n", (int) cred->user.len,
               cred->user.data, (int) cred->access_key.len,
               cred->access_key.data, cred->disabled ? "disabled" : "enabled",
               ctl_date(cred->created));
    }

    return 0;
}


int
ctl_key_list(ctl_t *c, char **argv)
{
    ctl_user_t  u;

    if (ctl_need_redis(c) != CTL_OK
        || (argv[0] != NULL && ctl_user_need(c, &u, argv[0]) != CTL_OK))
    {
        return CTL_FAILED;
    }

    printf("%-20s %-24s %-9s %s\n", "USER", "ACCESS KEY", "STATE", "CREATED");

    return ctl_each_cred(c, print_key, argv[0]) != 0 ? CTL_FAILED : CTL_OK;
}


static int
is_another(ctl_t *c, const cos_cred_t *cred, void *ctx)
{
    const cos_cred_t  *gone = ctx;

    (void) c;

    return cred->kind == COS_CRED_KEY && cred->uid == gone->uid
           && cred->sub == 0
           && !cos_str_eq(cred->access_key, gone->access_key);
}


/* An account is known by its keys: it keeps one. */
int
ctl_key_delete(ctl_t *c, char **argv)
{
    int         rc;
    cos_cred_t  cred;

    if (ctl_need_admin(c) != CTL_OK
        || ctl_cred_load(c, argv[0], &cred) != CTL_OK)
    {
        return CTL_FAILED;
    }

    if (cred.kind != COS_CRED_KEY) {
        return ctl_fail("there is no access key \"%s\"", argv[0]);
    }

    if (cred.sub == 0) {
        rc = ctl_each_cred(c, is_another, &cred);

        if (rc != 1) {
            return rc < 0 ? CTL_FAILED
                   : ctl_fail("it is the account's only key; \"cosctl key "
                              "disable\" refuses it all the same");
        }
    }

    if (ctl_cred_remove(c, &cred) != CTL_OK) {
        return CTL_FAILED;
    }

    printf("%s deleted\n", argv[0]);

    return CTL_OK;
}


/* --- token revoke ----------------------------------------------------------- */

/* Seconds since 1970, or a date; now without. */
static int
moment(const char *text, uint64_t *ms)
{
    int64_t          at;
    uint64_t         n;
    cos_str_t        s;
    struct timespec  ts;

    if (text == NULL) {
        /* also what is issued while this runs */
        (void) clock_gettime(CLOCK_REALTIME, &ts);
        *ms = (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000
              + 1;
        return CTL_OK;
    }

    s.data = (cos_u8 *) (uintptr_t) text;
    s.len = strlen(text);

    if (cos_str_uint(s, &n) == 0 && n < 1ULL << 40) {
        *ms = n * 1000;
        return CTL_OK;
    }

    at = cos_parse_iso8601(s);
    *ms = (uint64_t) at * 1000;

    return at >= 0 ? CTL_OK
           : ctl_fail("--before wants seconds since 1970 or a date such as "
                      "2026-11-21T18:00:00Z");
}


int
ctl_token_revoke(ctl_t *c, char **argv)
{
    uint64_t    ms;
    ctl_user_t  u;

    (void) argv;

    if (c->user == NULL) {
        return ctl_fail("whose tokens? Give --user NAME");
    }

    if (moment(c->before, &ms) != CTL_OK || ctl_need_admin(c) != CTL_OK
        || ctl_user_need(c, &u, c->user) != CTL_OK
        || ctl_user_record(c, &u) != CTL_OK)
    {
        return CTL_FAILED;
    }

    if (ms < u.record.since) {
        /* what is void stays so */
        ms = u.record.since;
    }

    u.record.since = ms;

    if (ctl_cred_commit(c, &u.record, NULL) != CTL_OK) {
        return CTL_FAILED;
    }

    printf("tokens of %s issued before %s are void\n", c->user, ctl_date(ms));

    return CTL_OK;
}
