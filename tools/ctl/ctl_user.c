/*
 * cosctl user: credentials. A change lies on disk before Redis hears of it,
 * like every other change, so that a rebuild restores it.
 */

#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ctl.h"


#define FIRST_UID   100000000100ULL
#define KEY_BYTES   8                 /* behind AKID, as hex */
#define SECRET_LEN  40                /* hex digits */

static int load(ctl_t *c, const char *ak, cos_cred_t *cred);
static int append(ctl_t *c, const cos_json_t *j);
static int new_pair(ctl_t *c, cos_cred_t *cred, char *secret);
static int switch_key(ctl_t *c, const char *ak, unsigned disabled);


static int
check_name(const char *name)
{
    size_t  i;

    for (i = 0; name[i] != '\0'; i++) {
        if (name[i] <= ' ' || name[i] == 127 || i == 64) {
            break;
        }
    }

    return name[i] == '\0' && i > 0 ? CTL_OK
           : ctl_fail("a user's name has 1 to 64 visible characters");
}


static int
same_name(ctl_t *c, const cos_cred_t *cred, void *ctx)
{
    (void) c;

    return cos_str_is(cred->user, ctx) ? 1 : 0;
}


int
ctl_user_add(ctl_t *c, char **argv)
{
    int          rc;
    char         secret[SECRET_LEN + 1];
    redisReply  *r;
    cos_cred_t   cred;

    if (check_name(argv[0]) != CTL_OK || ctl_need_key(c) != CTL_OK
        || ctl_need_maint(c) != CTL_OK)
    {
        return CTL_FAILED;
    }

    rc = ctl_each_cred(c, same_name, argv[0]);

    if (rc != 0) {
        return rc < 0 ? CTL_FAILED
               : ctl_fail("user \"%s\" exists; \"cosctl user list\" shows the "
                          "access keys, \"cosctl user rotate\" makes a new "
                          "one", argv[0]);
    }

    freeReplyObject(redisCommand(c->redis, "HSETNX g uid %llu",
                                 FIRST_UID - 1));
    r = redisCommand(c->redis, "HINCRBY g uid 1");

    if (r == NULL || r->type != REDIS_REPLY_INTEGER) {
        freeReplyObject(r);
        return ctl_fail("Redis gives no user id: %s", c->redis->errstr);
    }

    memset(&cred, 0, sizeof(cred));
    cred.user.data = (cos_u8 *) argv[0];
    cred.user.len = strlen(argv[0]);
    cred.uid = (uint64_t) r->integer;
    freeReplyObject(r);

    if (new_pair(c, &cred, secret) != CTL_OK
        || ctl_cred_commit(c, &cred, NULL) != CTL_OK)
    {
        return CTL_FAILED;
    }

    printf("user        %s\nuid         %llu\naccess key  %.*s\n"
           "secret key  %s\n", argv[0], (unsigned long long) cred.uid,
           (int) cred.access_key.len, cred.access_key.data, secret);

    explicit_bzero(secret, sizeof(secret));

    return CTL_OK;
}


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

    if (ctl_use(c, cred->uid, &use) != CTL_OK) {
        return -1;
    }

    printf("%-20.*s %-14llu %-24.*s %-9s %s %12llu %16llu",
           (int) cred->user.len, cred->user.data,
           (unsigned long long) cred->uid,
           (int) cred->access_key.len, cred->access_key.data,
           cred->disabled ? "disabled" : "enabled", ctl_date(cred->created),
           (unsigned long long) use.objects, (unsigned long long) use.bytes);
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


static int
switch_key(ctl_t *c, const char *ak, unsigned disabled)
{
    cos_cred_t  cred;

    if (ctl_need_maint(c) != CTL_OK || load(c, ak, &cred) != CTL_OK) {
        return CTL_FAILED;
    }

    if (cred.disabled == disabled) {
        printf("%s was %s already\n", ak, disabled ? "disabled" : "enabled");
        return CTL_OK;
    }

    cred.disabled = disabled & 1;

    if (ctl_cred_commit(c, &cred, NULL) != CTL_OK) {
        return CTL_FAILED;
    }

    printf("%s %s\n", ak, disabled ? "disabled" : "enabled");

    return CTL_OK;
}


/* The new pair first: a failure in between leaves the user with two. */
int
ctl_user_rotate(ctl_t *c, char **argv)
{
    char        secret[SECRET_LEN + 1];
    cos_cred_t  old, cred;

    if (ctl_need_key(c) != CTL_OK || ctl_need_maint(c) != CTL_OK
        || load(c, argv[0], &old) != CTL_OK)
    {
        return CTL_FAILED;
    }

    cred = old;
    cred.disabled = 0;

    if (new_pair(c, &cred, secret) != CTL_OK
        || ctl_cred_commit(c, &cred, NULL) != CTL_OK)
    {
        return CTL_FAILED;
    }

    printf("user        %.*s\nuid         %llu\naccess key  %.*s\n"
           "secret key  %s\n", (int) cred.user.len, cred.user.data,
           (unsigned long long) cred.uid, (int) cred.access_key.len,
           cred.access_key.data, secret);
    explicit_bzero(secret, sizeof(secret));

    old.disabled = 1;

    if (ctl_cred_commit(c, &old, NULL) != CTL_OK) {
        return ctl_fail("%s could not be disabled and still works", argv[0]);
    }

    printf("%s disabled\n", argv[0]);

    return CTL_OK;
}


/* --- records -------------------------------------------------------------- */

/* 0, -1 (said), or what fn returned. */
int
ctl_each_cred(ctl_t *c, ctl_each_pt fn, void *ctx)
{
    int          rc;
    size_t       i;
    cos_str_t    rec;
    cos_cred_t   cred;
    redisReply  *names, *r;

    names = redisCommand(c->redis, "ZRANGE C 0 -1");

    if (names == NULL || names->type != REDIS_REPLY_ARRAY) {
        freeReplyObject(names);
        ctl_error("Redis: %s", c->redis->errstr);
        return -1;
    }

    for (i = 0, rc = 0; rc == 0 && i < names->elements; i++) {
        r = redisCommand(c->redis, "GET u:%b", names->element[i]->str,
                         names->element[i]->len);

        if (r == NULL) {
            ctl_error("Redis: %s", c->redis->errstr);
            rc = -1;
            break;
        }

        rec.data = (cos_u8 *) r->str;
        rec.len = r->type == REDIS_REPLY_STRING ? r->len : 0;

        if (rec.len != 0) {
            if (cos_cred_decode(&cred, rec) != 0) {
                ctl_error("the record of %s is malformed",
                                names->element[i]->str);

            } else {
                rc = fn(c, &cred, ctx);
            }
        }

        freeReplyObject(r);
    }

    freeReplyObject(names);

    return rc;
}


static int
load(ctl_t *c, const char *ak, cos_cred_t *cred)
{
    cos_str_t    rec;
    redisReply  *r;

    r = redisCommand(c->redis, "GET u:%s", ak);

    if (r == NULL) {
        return ctl_fail("Redis: %s", c->redis->errstr);
    }

    if (r->type != REDIS_REPLY_STRING) {
        freeReplyObject(r);
        return ctl_fail("there is no access key \"%s\"", ak);
    }

    if (cos_dup(ctl_alloc(c), &rec, r->str, r->len) != 0
        || cos_cred_decode(cred, rec) != 0)
    {
        freeReplyObject(r);
        return ctl_fail("the record of %s is malformed", ak);
    }

    freeReplyObject(r);

    return CTL_OK;
}


static int
new_pair(ctl_t *c, cos_cred_t *cred, char *secret)
{
    char             ak[4 + 2 * KEY_BYTES + 1];
    cos_u8           raw[KEY_BYTES + SECRET_LEN / 2], *sealed;
    cos_str_t        plain;
    struct timespec  ts;

    sealed = cos_alloc(ctl_alloc(c), SECRET_LEN + COS_SEAL_OVERHEAD);

    if (sealed == NULL || cos_random(raw, sizeof(raw)) != 0) {
        return ctl_fail("no random bytes");
    }

    snprintf(ak, sizeof(ak), "AKID%02X%02X%02X%02X%02X%02X%02X%02X", raw[0],
             raw[1], raw[2], raw[3], raw[4], raw[5], raw[6], raw[7]);
    cos_hex(secret, raw + KEY_BYTES, SECRET_LEN / 2);
    secret[SECRET_LEN] = '\0';

    if (cos_dup(ctl_alloc(c), &cred->access_key, ak, strlen(ak)) != 0) {
        return ctl_fail("out of memory");
    }

    plain.data = (cos_u8 *) secret;
    plain.len = SECRET_LEN;

    if (cos_seal(c->key, cred->access_key, plain, sealed) != 0) {
        return ctl_fail("cannot seal the secret");
    }

    (void) clock_gettime(CLOCK_REALTIME, &ts);
    cred->sealed.data = sealed;
    cred->sealed.len = SECRET_LEN + COS_SEAL_OVERHEAD;
    cred->created = (uint64_t) ts.tv_sec * 1000;
    explicit_bzero(raw, sizeof(raw));

    return CTL_OK;
}


static int
append(ctl_t *c, const cos_json_t *j)
{
    cos_buf_t        b;
    cos_pack_rec_t   rec, *list;

    cos_buf_init(&b, ctl_alloc(c), 512);

    if (cos_json_encode(&b, j) != 0 || b.err) {
        return ctl_fail("the record does not fit the format");
    }

    memset(&rec, 0, sizeof(rec));
    rec.kind = j->kind;
    rec.seq = j->seq;
    rec.json.data = b.data;
    rec.json.len = b.len;
    list = &rec;

    return cos_maint_append(&c->maint, &list, 1) == COS_OK ? CTL_OK
           : ctl_fail("cannot write to \"%s\"", c->store.root);
}


/* The document of the credential with its user's limits, which a rebuild takes
 * from the last of them. They are read before the seq is taken: if they change
 * in between, Redis refuses. */
static int
prepare(ctl_t *c, cos_cred_t *cred, const cos_bucket_quota_t *limits,
    cos_json_t *j, cos_bucket_quota_t *now)
{
    cos_buf_t  b;
    ctl_use_t  use;

    if (limits != NULL) {
        *now = *limits;

    } else if (ctl_use(c, cred->uid, &use) == CTL_OK) {
        *now = use.limits;

    } else {
        return CTL_FAILED;
    }

    memset(j, 0, sizeof(*j));
    cred->seq = cos_maint_seq(&c->maint);
    j->kind = COS_J_CRED;
    j->seq = cred->seq;
    j->cred = *cred;

    cos_buf_init(&b, ctl_alloc(c), 64);
    cos_bucket_quota_print(&b, now);
    j->quota.data = b.data;
    j->quota.len = b.len;

    if (b.err) {
        return ctl_fail("out of memory");
    }

    return j->seq != 0 ? CTL_OK : CTL_FAILED;       /* said */
}


int
ctl_cred_commit(ctl_t *c, cos_cred_t *cred, const cos_bucket_quota_t *limits)
{
    int                  ok;
    cos_buf_t            b;
    cos_json_t           j, note;
    redisReply          *r;
    cos_bucket_quota_t   now;

    if (prepare(c, cred, limits, &j, &now) != CTL_OK) {
        return CTL_FAILED;
    }

    cos_buf_init(&b, ctl_alloc(c), 256);

    if (cos_cred_encode(&b, cred) != 0 || b.err) {
        return ctl_fail("the record does not fit the format");
    }

    if (append(c, &j) != CTL_OK) {
        return CTL_FAILED;
    }

    r = redisCommand(c->redis, "FCALL cos_cred_put 1 u:%b %b %b %llu %llu %s",
                     cred->access_key.data, cred->access_key.len,
                     cred->access_key.data, cred->access_key.len, b.data,
                     b.len, (unsigned long long) now.bytes,
                     (unsigned long long) now.objects,
                     limits != NULL ? "set" : "same");

    if (r == NULL) {
        /* unknown: recovery will find out, or say that it never was */
        cos_maint_abandon(&c->maint);
        return ctl_fail("Redis did not answer (%s): whether the change was "
                        "made is unknown", c->redis->errstr);
    }

    ok = r->type == REDIS_REPLY_ARRAY && r->elements > 0
         && r->element[0]->str != NULL
         && strcmp(r->element[0]->str, "OK") == 0;

    if (!ok) {
        ctl_error("Redis refuses the change: %s",
                        r->type == REDIS_REPLY_ERROR ? r->str
                        : "somebody else changed it at the same time");
        memset(&note, 0, sizeof(note));
        note.kind = COS_J_VOID;
        note.seq = note.void_seq = j.seq;
        note.inc = c->maint.inc;
        note.cred.access_key = cred->access_key;
        (void) append(c, &note);
    }

    freeReplyObject(r);

    return ok ? CTL_OK : CTL_FAILED;
}
