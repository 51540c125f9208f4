/*
 * cosctl user quota: what a user has in all of his buckets, and may have. The
 * limits lie on disk beside a credential of his, and commits heed them.
 */

#include <stdio.h>

#include "ctl.h"


static uint64_t
number(const redisReply *r)
{
    return r->type == REDIS_REPLY_INTEGER && r->integer > 0
           ? (uint64_t) r->integer : 0;
}


int
ctl_use(ctl_t *c, uint64_t uid, ctl_use_t *u)
{
    redisReply  *r, *e;

    r = redisCommand(c->redis, "FCALL_RO cos_users 0 %llu",
                     (unsigned long long) uid);

    if (r == NULL || r->type != REDIS_REPLY_ARRAY || r->elements != 2
        || r->element[1]->type != REDIS_REPLY_ARRAY
        || r->element[1]->elements != 6)
    {
        ctl_error("Redis: %s", r != NULL && r->type == REDIS_REPLY_ERROR
                               ? r->str : c->redis->errstr);
        freeReplyObject(r);
        return CTL_FAILED;
    }

    e = r->element[1];
    u->objects = number(e->element[0]);
    u->bytes = number(e->element[1]);
    u->limits.objects = number(e->element[2]);
    u->limits.bytes = number(e->element[3]);
    freeReplyObject(r);

    return CTL_OK;
}


static void
show(const char *what, uint64_t has, uint64_t limit)
{
    printf("%-8s %llu of ", what, (unsigned long long) has);

    if (limit != 0) {
        printf("%llu\n", (unsigned long long) limit);

    } else {
        printf("any number\n");
    }
}


typedef struct {
    const char  *name;
    cos_cred_t   cred;
} wanted_t;

/* 1: found, a copy is in w; -1: out of memory. */
static int
match(ctl_t *c, const cos_cred_t *cred, void *ctx)
{
    wanted_t  *w = ctx;

    if (cred->kind != COS_CRED_KEY || cred->sub != 0
        || !cos_str_is(cred->user, w->name))
    {
        return 0;
    }

    return ctl_cred_dup(c, &w->cred, cred) == CTL_OK ? 1 : -1;
}


static int
limit(const char *option, const char *value, uint64_t *n)
{
    cos_str_t  s;

    if (value == NULL) {
        return CTL_OK;
    }

    s.data = (cos_u8 *) (uintptr_t) value;
    s.len = strlen(value);

    return cos_str_uint(s, n) == 0 && *n <= COS_QUOTA_MAX ? CTL_OK
           : ctl_fail("%s wants a number of at most %llu, 0 for no limit",
                      option, (unsigned long long) COS_QUOTA_MAX);
}


/* What the command line asks for; *limits are those there are. */
static int
ask(ctl_t *c, const char *word, cos_bucket_quota_t *limits)
{
    if (word != NULL && strcmp(word, "none") == 0 && c->bytes == NULL
        && c->objects == NULL)
    {
        memset(limits, 0, sizeof(*limits));
        return CTL_OK;
    }

    if (word != NULL) {
        return ctl_fail("\"none\", or --bytes and --objects, and nothing "
                        "else");
    }

    return limit("--bytes", c->bytes, &limits->bytes) == CTL_OK
           && limit("--objects", c->objects, &limits->objects) == CTL_OK
           ? CTL_OK : CTL_FAILED;
}


int
ctl_user_quota(ctl_t *c, char **argv)
{
    int        rc, set;
    wanted_t   w;
    ctl_use_t  use;

    set = argv[1] != NULL || c->bytes != NULL || c->objects != NULL;

    if ((set ? ctl_need_admin(c) : ctl_need_redis(c)) != CTL_OK) {
        return CTL_FAILED;
    }

    w.name = argv[0];
    rc = ctl_each_cred(c, match, &w);

    if (rc != 1) {
        return rc != 0 ? CTL_FAILED : ctl_fail("there is no user \"%s\"",
                                               argv[0]);
    }

    if (ctl_use(c, w.cred.uid, &use) != CTL_OK
        || (set && ask(c, argv[1], &use.limits) != CTL_OK)
        || (set && ctl_cred_commit(c, &w.cred, &use.limits) != CTL_OK))
    {
        return CTL_FAILED;
    }

    show("objects", use.objects, use.limits.objects);
    show("bytes", use.bytes, use.limits.bytes);

    return CTL_OK;
}
