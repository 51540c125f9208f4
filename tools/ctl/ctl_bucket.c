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
           "uploads  %s\n",
           (int) k->name.len, k->name.data, (int) k->id.len, k->id.data,
           (unsigned long long) k->owner, ctl_date(k->created),
           cos_acl_name(k->acl) != NULL ? cos_acl_name(k->acl) : "default",
           (int) k->region.len, k->region.len ? (char *) k->region.data : "",
           text(m->element[0]), text(m->element[1]), text(m->element[2]));
}


static int
show(ctl_t *c, const char *name, size_t len, int in_list)
{
    int            rc;
    cos_str_t      rec;
    redisReply    *r, *m;
    cos_bucket_t   k;

    r = redisCommand(c->redis, "GET b:%b", name, len);

    if (r == NULL) {
        return ctl_fail("Redis: %s", c->redis->errstr);
    }

    if (r->type != REDIS_REPLY_STRING) {
        freeReplyObject(r);
        return in_list ? CTL_OK
                       : ctl_fail("there is no bucket \"%s\"", name);
    }

    rec.data = (cos_u8 *) r->str;
    rec.len = r->len;

    if (cos_bucket_decode(&k, rec) != 0) {
        freeReplyObject(r);
        return ctl_fail("the record of bucket \"%s\" is malformed", name);
    }

    m = redisCommand(c->redis, "HMGET m{%b} n s u", k.id.data, k.id.len);
    rc = CTL_OK;

    if (m == NULL || m->type != REDIS_REPLY_ARRAY || m->elements != 3) {
        rc = ctl_fail("Redis: %s", c->redis->errstr);

    } else {
        print_bucket(&k, m, in_list);
    }

    freeReplyObject(m);
    freeReplyObject(r);

    return rc;
}
