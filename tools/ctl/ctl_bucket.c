/*
 * cosctl bucket and ping: what Redis says.
 */

#include <stdio.h>
#include <stdlib.h>

#include "ctl.h"


static int show(ctl_t *c, const char *name, size_t len, int in_list);


int
ctl_ping(ctl_t *c, char **argv)
{
    int          ours;
    redisReply  *r;

    (void) argv;

    if (ctl_need_redis(c) != CTL_OK) {
        return CTL_FAILED;
    }

    if (c->data == NULL) {
        printf("Redis answers\n");
        return CTL_OK;
    }

    if (ctl_need_store(c) != CTL_OK) {
        return CTL_FAILED;
    }

    r = redisCommand(c->redis, "HGET g store");

    if (r == NULL) {
        return ctl_fail("Redis: %s", c->redis->errstr);
    }

    ours = r->type == REDIS_REPLY_STRING && strcmp(r->str, c->store.id) == 0;

    if (!ours) {
        ctl_error(r->type == REDIS_REPLY_STRING
                        ? "Redis belongs to another data directory (%s)"
                        : cos_store_is_empty(&c->store)
                        ? "Redis and the data directory are both new%.0s"
                        : "Redis knows no store: \"cosctl rebuild\" restores "
                          "it from the data directory%.0s",
                        r->str != NULL ? r->str : "");

    } else {
        printf("Redis answers for store %s\n", c->store.id);
    }

    freeReplyObject(r);

    return ours ? CTL_OK : CTL_FAILED;
}


int
ctl_bucket_list(ctl_t *c, char **argv)
{
    int          rc;
    size_t       i;
    redisReply  *r;

    (void) argv;

    if (ctl_need_redis(c) != CTL_OK) {
        return CTL_FAILED;
    }

    r = redisCommand(c->redis, "ZRANGE B 0 -1");

    if (r == NULL || r->type != REDIS_REPLY_ARRAY) {
        freeReplyObject(r);
        return ctl_fail("Redis: %s", c->redis->errstr);
    }

    printf("%-40s %12s %16s %-14s %s\n", "BUCKET", "OBJECTS", "BYTES", "OWNER",
           "CREATED");
    rc = CTL_OK;

    for (i = 0; rc == CTL_OK && i < r->elements; i++) {
        rc = show(c, r->element[i]->str, r->element[i]->len, 1);
    }

    freeReplyObject(r);

    return rc;
}


int
ctl_bucket_stat(ctl_t *c, char **argv)
{
    if (ctl_need_redis(c) != CTL_OK) {
        return CTL_FAILED;
    }

    return show(c, argv[0], strlen(argv[0]), 0);
}


static const char *
text(const redisReply *r)
{
    return r->type == REDIS_REPLY_STRING ? r->str : "?";
}


/* Of counters that are not there before something is counted. */
static const char *
count(const redisReply *r)
{
    return r->type == REDIS_REPLY_STRING ? r->str : "0";
}


static void
print_bucket(const cos_bucket_t *k, const redisReply *m, int in_list)
{
    if (in_list) {
        printf("%-40.*s %12s %16s %-14llu %s\n", (int) k->name.len,
               k->name.data, text(m->element[0]), text(m->element[1]),
               (unsigned long long) k->owner, ctl_date(k->created));
        return;
    }

    printf("bucket   %.*s\nid       %.*s\nowner    %llu\ncreated  %s\n"
           "acl      %s\nregion   %.*s\nobjects  %s\nbytes    %s\n"
           "uploads  %s\nversions %s\n  bytes  %s\n",
           (int) k->name.len, k->name.data, (int) k->id.len, k->id.data,
           (unsigned long long) k->owner, ctl_date(k->created),
           cos_acl_name(k->acl) != NULL ? cos_acl_name(k->acl) : "default",
           (int) k->region.len, k->region.len ? (char *) k->region.data : "",
           text(m->element[0]), text(m->element[1]), text(m->element[2]),
           count(m->element[3]), count(m->element[4]));
}


/* What lies in other classes than the standard one, all versions together. */
static int
print_classes(ctl_t *c, const cos_bucket_t *k)
{
    int          i;
    redisReply  *m;

    for (i = COS_CLASS_STANDARD + 1; i < COS_CLASS_MAX; i++) {
        m = redisCommand(c->redis, "HMGET m{%b} n%d s%d", k->id.data, k->id.len,
                         i, i);

        if (m == NULL || m->type != REDIS_REPLY_ARRAY || m->elements != 2) {
            freeReplyObject(m);
            return ctl_fail("Redis: %s", c->redis->errstr);
        }

        if (strcmp(count(m->element[0]), "0") != 0) {
            printf("%s  %s\n  bytes  %s\n", cos_class_name((cos_class_e) i),
                   count(m->element[0]), count(m->element[1]));
        }

        freeReplyObject(m);
    }

    return CTL_OK;
}


/* The bucket's record, within the reply *r. CTL_OK with *r NULL: there is none,
 * which a list passes over. */
static int
find(ctl_t *c, const char *name, size_t len, int in_list, cos_bucket_t *k,
    redisReply **r)
{
    cos_str_t  rec;

    *r = redisCommand(c->redis, "GET b:%b", name, len);

    if (*r == NULL) {
        return ctl_fail("Redis: %s", c->redis->errstr);
    }

    if ((*r)->type != REDIS_REPLY_STRING) {
        freeReplyObject(*r);
        *r = NULL;
        return in_list ? CTL_OK
                       : ctl_fail("there is no bucket \"%s\"", name);
    }

    rec.data = (cos_u8 *) (*r)->str;
    rec.len = (*r)->len;

    if (cos_bucket_decode(k, rec) != 0) {
        freeReplyObject(*r);
        *r = NULL;
        return ctl_fail("the record of bucket \"%s\" is malformed", name);
    }

    return CTL_OK;
}


static int
show(ctl_t *c, const char *name, size_t len, int in_list)
{
    int            rc;
    redisReply    *r, *m;
    cos_bucket_t   k;

    rc = find(c, name, len, in_list, &k, &r);

    if (rc != CTL_OK || r == NULL) {
        return rc;
    }

    m = redisCommand(c->redis, "HMGET m{%b} n s u vn vs", k.id.data, k.id.len);

    if (m == NULL || m->type != REDIS_REPLY_ARRAY || m->elements != 5) {
        rc = ctl_fail("Redis: %s", c->redis->errstr);

    } else {
        print_bucket(&k, m, in_list);
        rc = in_list ? CTL_OK : print_classes(c, &k);
    }

    freeReplyObject(m);
    freeReplyObject(r);

    return rc;
}


int
ctl_bucket_du(ctl_t *c, char **argv)
{
    int            rc;
    const char    *prefix = argv[1];
    redisReply    *r, *du;
    cos_bucket_t   k;

    if (ctl_need_redis(c) != CTL_OK
        || find(c, argv[0], strlen(argv[0]), 0, &k, &r) != CTL_OK)
    {
        return CTL_FAILED;
    }

    du = redisCommand(c->redis, "FCALL_RO cos_du 1 k{%b} %b %s", k.id.data,
                      k.id.len, k.id.data, k.id.len, prefix);
    rc = CTL_OK;

    if (du == NULL || du->type != REDIS_REPLY_ARRAY || du->elements != 3) {
        rc = ctl_fail("Redis: %s", du != NULL && du->type == REDIS_REPLY_ERROR
                                   ? du->str : c->redis->errstr);

    } else {
        printf("objects  %lld\nbytes    %lld\n", du->element[1]->integer,
               du->element[2]->integer);
    }

    freeReplyObject(du);
    freeReplyObject(r);

    return rc;
}
