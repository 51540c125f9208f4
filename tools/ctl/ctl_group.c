/*
 * cosctl group, cosctl user policy: who may do what.
 *
 * A request reads one record of its user and no group. So whatever changes a
 * user's rights, his own policy, presets, a group's, membership, ends in a new
 * list of all policies in his record. Who is in a group is said by the users'
 * records alone.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cos_policy.h"
#include "ctl.h"

/* of all policies of a user; every worker keeps them */
#define RULES_MAX  131072


static cos_str_t
span(const char *s)
{
    return (cos_str_t) { strlen(s), (cos_u8 *) (uintptr_t) s };
}


/* --- lists of names, a comma between them --------------------------------- */

static int
next_name(cos_str_t *rest, cos_str_t *name)
{
    cos_u8  *comma;

    if (rest->len == 0) {
        return 0;
    }

    *name = *rest;
    comma = memchr(rest->data, ',', rest->len);

    if (comma != NULL) {
        name->len = (size_t) (comma - rest->data);
        rest->data = comma + 1;
        rest->len -= name->len + 1;

    } else {
        rest->len = 0;
    }

    return 1;
}


static int
has_name(cos_str_t list, cos_str_t name)
{
    cos_str_t  s;

    while (next_name(&list, &s)) {
        if (cos_str_eq(s, name)) {
            return 1;
        }
    }

    return 0;
}


/* The list with the name, or without. */
static int
set_name(ctl_t *c, cos_str_t *list, cos_str_t name, int on)
{
    cos_buf_t  b;
    cos_str_t  rest = *list, s;

    cos_buf_init(&b, ctl_alloc(c), list->len + name.len + 2);

    while (next_name(&rest, &s)) {
        if (!cos_str_eq(s, name)) {
            if (b.len != 0) {
                cos_buf_char(&b, ',');
            }
            cos_buf_str(&b, s);
        }
    }

    if (on) {
        if (b.len != 0) {
            cos_buf_char(&b, ',');
        }
        cos_buf_str(&b, name);
    }

    list->data = b.data;
    list->len = b.len;

    return b.err ? ctl_fail("out of memory") : CTL_OK;
}


/* --- what holds for a user ------------------------------------------------------ */

static int
group_load(ctl_t *c, cos_str_t name, cos_cred_t *g)
{
    char  ak[80];

    snprintf(ak, sizeof(ak), "@g/%.*s", (int) name.len, name.data);

    return ctl_cred_load(c, ak, g);
}


static void
add_rule(cos_buf_t *b, cos_str_t text)
{
    if (text.len != 0) {
        cos_buf_uint(b, text.len);
        cos_buf_char(b, ':');
        cos_buf_str(b, text);
    }
}


/* What a user or a group brings of its own. */
static void
add_rules(cos_buf_t *b, const cos_cred_t *r)
{
    cos_str_t  name, rest = r->attr[COS_CX_PRESETS];

    add_rule(b, r->attr[COS_CX_POLICY]);

    while (next_name(&rest, &name)) {
        add_rule(b, cos_policy_preset(name));
    }
}


static int
commit_user(ctl_t *c, cos_cred_t *user)
{
    cos_buf_t   b;
    cos_str_t   name, rest = user->attr[COS_CX_GROUPS];
    cos_cred_t  group;

    cos_buf_init(&b, ctl_alloc(c), 1024);
    add_rules(&b, user);

    while (next_name(&rest, &name)) {
        if (group_load(c, name, &group) != CTL_OK) {
            return CTL_FAILED;
        }
        add_rules(&b, &group);
    }

    if (b.err) {
        return ctl_fail("out of memory");
    }

    if (b.len > RULES_MAX) {
        return ctl_fail("the policies of %.*s and of all groups would have "
                        "more than %d bytes", (int) user->user.len,
                        user->user.data, RULES_MAX);
    }

    user->attr[COS_CX_RULES].data = b.data;
    user->attr[COS_CX_RULES].len = b.len;

    return ctl_cred_commit(c, user, NULL);
}


typedef struct {
    cos_str_t  group;
    int        leave;                 /* it goes */
    int        rc;
} members_t;

static int
each_member(ctl_t *c, const cos_cred_t *cred, void *ctx)
{
    members_t   *m = ctx;
    cos_cred_t   user;

    if (cred->kind != COS_CRED_USER
        || !has_name(cred->attr[COS_CX_GROUPS], m->group))
    {
        return 0;
    }

    if (ctl_cred_dup(c, &user, cred) != CTL_OK
        || (m->leave
            && set_name(c, &user.attr[COS_CX_GROUPS], m->group, 0) != CTL_OK)
        || commit_user(c, &user) != CTL_OK)
    {
        ctl_error("%.*s has the rights of before", (int) cred->user.len,
                  cred->user.data);
        m->rc = CTL_FAILED;
    }

    return 0;
}


/* All members are tried; what failed is repaired by doing the same again. */
static int
commit_members(ctl_t *c, cos_str_t group, int leave)
{
    members_t  m = { group, leave, CTL_OK };

    return ctl_each_cred(c, each_member, &m) == 0 && m.rc == CTL_OK
           ? CTL_OK : ctl_fail("not all members have their new rights: run "
                               "the same again");
}


/* --- policies ----------------------------------------------------------------- */

static int
read_policy(ctl_t *c, const char *file, cos_str_t *text)
{
    char                *buf;
    FILE                *f;
    size_t               n;
    const char          *reason;
    cos_policy_t        *p;
    cos_policy_where_t   where;

    f = strcmp(file, "-") == 0 ? stdin : fopen(file, "r");
    if (f == NULL) {
        return ctl_fail("cannot open \"%s\": %s", file, strerror(errno));
    }

    buf = cos_alloc(ctl_alloc(c), COS_POLICY_SIZE + 1);
    n = buf != NULL ? fread(buf, 1, COS_POLICY_SIZE + 1, f) : 0;

    if (buf == NULL || ferror(f)) {
        return ctl_fail("cannot read \"%s\"", file);
    }

    if (f != stdin) {
        (void) fclose(f);
    }

    text->data = (cos_u8 *) buf;
    text->len = n;
    reason = "";
    memset(&where, 0, sizeof(where));
    where.kind = COS_POLICY_USER;

    return n <= COS_POLICY_SIZE
           && cos_policy_read(&p, *text, &where, ctl_alloc(c), &reason)
              == COS_OK
           ? CTL_OK : ctl_fail("\"%s\" is no policy for a user: %s", file,
                               n > COS_POLICY_SIZE ? "it is too long"
                                                   : reason);
}


/* Carries out the words behind the name on *r. 1: changed, 0: only shown, -1:
 * said what is wrong. */
static int
edit(ctl_t *c, cos_cred_t *r, const char *verb, const char *arg)
{
    int         on;
    cos_str_t  *policy = &r->attr[COS_CX_POLICY];

    if (strcmp(verb, "get") == 0 && arg == NULL) {
        if (policy->len == 0) {
            ctl_error("there is no policy");
            return -1;
        }
        printf("%.*s\n", (int) policy->len, policy->data);
        return 0;
    }

    if (strcmp(verb, "delete") == 0 && arg == NULL) {
        policy->len = 0;
        return 1;
    }

    if (strcmp(verb, "put") == 0 && arg != NULL) {
        return read_policy(c, arg, policy) == CTL_OK ? 1 : -1;
    }

    on = strcmp(verb, "attach") == 0;

    if ((!on && strcmp(verb, "detach") != 0) || arg == NULL) {
        ctl_error("put FILE, get, delete, attach PRESET or detach PRESET");
        return -1;
    }

    if (cos_policy_preset(span(arg)).len == 0) {
        ctl_error("there is no preset \"%s\": QcloudCOSFullAccess, "
                  "QcloudCOSReadOnlyAccess, QcloudCOSGetServiceAccess", arg);
        return -1;
    }

    return set_name(c, &r->attr[COS_CX_PRESETS], span(arg), on) == CTL_OK
           ? 1 : -1;
}


int
ctl_user_policy(ctl_t *c, char **argv)
{
    int         rc;
    ctl_user_t  u;

    if (ctl_need_admin(c) != CTL_OK
        || ctl_user_need(c, &u, argv[0]) != CTL_OK)
    {
        return CTL_FAILED;
    }

    if (u.sub == 0) {
        return ctl_fail("\"%s\" is an account: it may do everything with what "
                        "is its own", argv[0]);
    }

    if (ctl_user_record(c, &u) != CTL_OK) {
        return CTL_FAILED;
    }

    rc = edit(c, &u.record, argv[1], argv[2]);

    return rc == 0 || (rc == 1 && commit_user(c, &u.record) == CTL_OK)
           ? CTL_OK : CTL_FAILED;
}


int
ctl_group_policy(ctl_t *c, char **argv)
{
    int         rc;
    cos_cred_t  g;

    if (ctl_check_name(argv[0]) != CTL_OK || ctl_need_admin(c) != CTL_OK
        || group_load(c, span(argv[0]), &g) != CTL_OK)
    {
        return CTL_FAILED;
    }

    rc = edit(c, &g, argv[1], argv[2]);

    return rc == 0
           || (rc == 1 && ctl_cred_commit(c, &g, NULL) == CTL_OK
               && commit_members(c, span(argv[0]), 0) == CTL_OK)
           ? CTL_OK : CTL_FAILED;
}


/* --- groups --------------------------------------------------------------------- */

static int
same_group(ctl_t *c, const cos_cred_t *cred, void *ctx)
{
    (void) c;

    return cred->kind == COS_CRED_GROUP && cos_str_is(cred->user, ctx);
}


int
ctl_group_add(ctl_t *c, char **argv)
{
    int              rc;
    char             ak[80];
    cos_cred_t       g;
    struct timespec  ts;

    memset(&g, 0, sizeof(g));

    if (c->account == NULL) {
        return ctl_fail("whose group? Give --account NAME");
    }

    if (ctl_check_name(argv[0]) != CTL_OK || ctl_need_admin(c) != CTL_OK
        || ctl_account(c, c->account, &g.uid) != CTL_OK)
    {
        return CTL_FAILED;
    }

    rc = ctl_each_cred(c, same_group, argv[0]);

    if (rc != 0) {
        return rc < 0 ? CTL_FAILED
                      : ctl_fail("group \"%s\" exists", argv[0]);
    }

    snprintf(ak, sizeof(ak), "@g/%s", argv[0]);
    (void) clock_gettime(CLOCK_REALTIME, &ts);
    g.kind = COS_CRED_GROUP;
    g.access_key = span(ak);
    g.user = span(argv[0]);
    g.created = (uint64_t) ts.tv_sec * 1000;

    return ctl_cred_commit(c, &g, NULL);
}


int
ctl_group_delete(ctl_t *c, char **argv)
{
    cos_cred_t  g;

    return ctl_check_name(argv[0]) == CTL_OK && ctl_need_admin(c) == CTL_OK
           && group_load(c, span(argv[0]), &g) == CTL_OK
           && commit_members(c, span(argv[0]), 1) == CTL_OK
           ? ctl_cred_remove(c, &g) : CTL_FAILED;
}


static int
print_member(ctl_t *c, const cos_cred_t *cred, void *ctx)
{
    cos_str_t  *group = ctx;

    (void) c;

    if (cred->kind == COS_CRED_USER
        && has_name(cred->attr[COS_CX_GROUPS], *group))
    {
        printf(" %.*s", (int) cred->user.len, cred->user.data);
    }

    return 0;
}


static int
print_group(ctl_t *c, const cos_cred_t *cred, void *ctx)
{
    int         rc;
    cos_cred_t  g;

    (void) ctx;

    if (cred->kind != COS_CRED_GROUP) {
        return 0;
    }

    if (ctl_cred_dup(c, &g, cred) != CTL_OK) {
        return -1;
    }

    printf("%-20.*s %-14llu %-6s %.*s:", (int) g.user.len, g.user.data,
           (unsigned long long) g.uid,
           g.attr[COS_CX_POLICY].len != 0 ? "policy" : "-",
           (int) g.attr[COS_CX_PRESETS].len, g.attr[COS_CX_PRESETS].data);
    rc = ctl_each_cred(c, print_member, &g.user);
    printf("\n");

    return rc;
}


int
ctl_group_list(ctl_t *c, char **argv)
{
    (void) argv;

    if (ctl_need_redis(c) != CTL_OK) {
        return CTL_FAILED;
    }

    printf("%-20s %-14s %-6s %s\n", "GROUP", "ACCOUNT", "OWN",
           "PRESETS: MEMBERS");

    return ctl_each_cred(c, print_group, NULL) != 0 ? CTL_FAILED : CTL_OK;
}


int
ctl_group_member(ctl_t *c, char **argv)
{
    int         on;
    cos_cred_t  g;
    ctl_user_t  u;

    on = strcmp(argv[1], "add") == 0;

    if (!on && strcmp(argv[1], "remove") != 0) {
        return ctl_fail("add USER or remove USER");
    }

    if (ctl_check_name(argv[0]) != CTL_OK || ctl_need_admin(c) != CTL_OK
        || group_load(c, span(argv[0]), &g) != CTL_OK
        || ctl_user_need(c, &u, argv[2]) != CTL_OK)
    {
        return CTL_FAILED;
    }

    if (u.sub == 0 || u.uid != g.uid) {
        return ctl_fail("\"%s\" is no user of the group's account", argv[2]);
    }

    return ctl_user_record(c, &u) == CTL_OK
           && set_name(c, &u.record.attr[COS_CX_GROUPS], span(argv[0]), on)
              == CTL_OK
           ? commit_user(c, &u.record) : CTL_FAILED;
}
