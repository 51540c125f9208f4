/*
 * The few questions to Redis that several jobs ask: which buckets there are,
 * what their indexes hold, which containers have which weight.
 */

#include <stdlib.h>

#include "cos_facts.h"
#include "maint_internal.h"


#define PAGE  500


static int
take_bucket(cos_alloc_t *a, cos_rs_buckets_t *out, const redisReply *name,
    const redisReply *rec)
{
    cos_bucket_t      k;
    cos_rs_bucket_t  *one;

    if (rec->type == REDIS_REPLY_NIL) {
        return 0;                     /* deleted since the names were read */
    }

    one = &out->list[out->n];

    if (rec->type != REDIS_REPLY_STRING
        || cos_dup(a, &one->rec, rec->str, rec->len) != 0
        || cos_bucket_decode(&k, one->rec) != 0
        || cos_dup(a, &one->name, name->str, name->len) != 0)
    {
        return -1;
    }

    one->id = k.id;
    one->seq = k.seq;
    out->n++;

    return 0;
}


redisReply *
cos_rs_index_page(redisContext *c, cos_str_t bid, int versions, cos_str_t from,
    cos_str_t *next, int64_t *bytes, redisReply **members)
{
    cos_str_t    start;
    redisReply  *r;

    r = cos_rs_call(c, "FCALL_RO cos_keys 1 k{%b} %b %b %s", bid.data, bid.len,
                    bid.data, bid.len, from.data, from.len,
                    versions ? "versions" : "objects");

    if (!cos_rs_status(r, "OK") || r->elements != 5
        || r->element[4]->type != REDIS_REPLY_ARRAY)
    {
        if (r != NULL && r->type == REDIS_REPLY_ERROR) {
            snprintf(c->errstr, sizeof(c->errstr), "%s", r->str);
        }

        freeReplyObject(r);
        return NULL;
    }

    start = cos_rs_str(r->element[1]);
    *next = cos_rs_str(r->element[2]);
    *members = r->element[4];
    *bytes = cos_str_eq(start, from) ? strtoll(r->element[3]->str, NULL, 10)
                                     : -1;

    return r;
}


cos_str_t
cos_rs_found(const redisReply *r, size_t i)
{
    if (r != NULL && r->type == REDIS_REPLY_ARRAY) {
        return cos_rs_str(r->elements > i + 1 ? r->element[i + 1] : NULL);
    }

    return cos_rs_str(i == 0 ? r : NULL);
}


int
cos_rs_ask(redisContext *c, cos_str_t bid, int versions, cos_str_t key,
    const cos_object_t *o, cos_alloc_t *a)
{
    cos_str_t  argv[7] = { cos_lit("FCALL_RO"), cos_lit("cos_find"),
                           cos_lit("1") };

    if (!versions) {
        argv[0] = COS_STR("GET");
        return cos_rs_key(a, &argv[1], 'o', bid, key) != 0 ? -1
               : cos_rs_add(c, 2, argv);
    }

    argv[4] = bid;
    argv[5] = key;
    argv[6] = cos_rs_uint(a, cos_object_version(o));

    return cos_rs_key(a, &argv[3], 'o', bid, key) != 0 ? -1
           : cos_rs_add(c, 7, argv);
}


int
cos_rs_ask_members(redisContext *c, cos_str_t bid, int versions,
    const redisReply *members, cos_str_t *keys, cos_str_t *facts,
    cos_alloc_t *a)
{
    size_t        i, code;
    cos_object_t  o;

    code = versions ? COS_VERSION_CODE : 0;

    for (i = 0; i < members->elements; i++) {
        keys[i] = cos_rs_str(members->element[i]);

        if (cos_member_split(keys[i], &keys[i], &facts[i]) != 0
            || facts[i].len < code)
        {
            facts[i].len = 0;
            code = 0;
        }

        facts[i].data += code;
        facts[i].len -= code;
        code = versions ? COS_VERSION_CODE : 0;

        if (cos_facts_decode(&o, facts[i]) != 0) {
            facts[i].len = 0;
        }

        if (cos_rs_ask(c, bid, versions, keys[i], &o, a) != 0) {
            return -1;
        }
    }

    return 0;
}


int
cos_rs_buckets(redisContext *c, cos_alloc_t *a, cos_rs_buckets_t *out)
{
    int          rc;
    size_t       i, from, to;
    redisReply  *names, *rec;

    memset(out, 0, sizeof(cos_rs_buckets_t));

    names = cos_rs_call(c, "ZRANGE B 0 -1");
    if (names == NULL || names->type != REDIS_REPLY_ARRAY) {
        freeReplyObject(names);
        return -1;
    }

    rc = 0;
    out->list = cos_zalloc(a, (names->elements + 1) * sizeof(cos_rs_bucket_t));
    if (out->list == NULL) {
        rc = -1;
    }

    for (from = 0; rc == 0 && from < names->elements; from = to) {
        to = names->elements - from < PAGE ? names->elements : from + PAGE;

        for (i = from; i < to; i++) {
            (void) redisAppendCommand(c, "GET b:%b", names->element[i]->str,
                                      names->element[i]->len);
        }

        for (i = from; i < to; i++) {
            rec = cos_rs_next(c);

            if (rec == NULL) {
                rc = -1;
                break;
            }

            if (take_bucket(a, out, names->element[i], rec) != 0) {
                rc = -1;
            }

            freeReplyObject(rec);
        }
    }

    freeReplyObject(names);

    return rc;
}


static int
weights_page(redisContext *c, const cos_rs_bucket_t *k, const uint64_t *cids,
    uint64_t *weights, size_t n)
{
    int           rc;
    size_t        i, len[PAGE + 2];
    char          key[300], text[PAGE][24];
    redisReply   *r;
    const char   *arg[PAGE + 2];

    arg[0] = "HMGET";
    len[0] = 5;
    arg[1] = key;
    len[1] = (size_t) snprintf(key, sizeof(key), "c{%.*s}", (int) k->id.len,
                               k->id.data);

    for (i = 0; i < n; i++) {
        arg[i + 2] = text[i];
        len[i + 2] = (size_t) snprintf(text[i], sizeof(text[i]), "%llu",
                                       (unsigned long long) cids[i]);
    }

    r = redisCommandArgv(c, (int) n + 2, arg, len);
    rc = -1;

    if (r != NULL && r->type == REDIS_REPLY_ARRAY && r->elements == n) {
        for (i = 0; i < n; i++) {
            if (r->element[i]->type == REDIS_REPLY_STRING) {
                weights[i] += strtoull(r->element[i]->str, NULL, 10);
            }
        }

        rc = 0;
    }

    freeReplyObject(r);

    return rc;
}


int
cos_rs_weights(redisContext *c, const cos_rs_buckets_t *k,
    const uint64_t *cids, uint64_t *weights, size_t n)
{
    size_t  i, from, some;

    memset(weights, 0, n * sizeof(uint64_t));

    for (i = 0; i < k->n; i++) {
        for (from = 0; from < n; from += some) {
            some = n - from < PAGE ? n - from : PAGE;

            if (weights_page(c, &k->list[i], cids + from, weights + from,
                             some) != 0)
            {
                return -1;
            }
        }
    }

    return 0;
}


/* nth: of the bucket, from 1. A scan may give a field twice while the hash
 * changes: what this bucket gave before is taken back. */
static int
add_weights(const redisReply *fields, cos_table_t *out, uint32_t nth)
{
    size_t       i;
    uint64_t     cid;
    cos_hash_t   h;
    cos_slot_t  *s;

    for (i = 0; i + 1 < fields->elements; i += 2) {
        cid = strtoull(fields->element[i]->str, NULL, 10);
        cos_hash_number(&h, cid, 0);

        s = cos_table_add(out, &h);
        if (s == NULL) {
            return -1;
        }

        if (s->n == nth) {
            s->a -= s->c;
        }

        s->b = cid;
        s->n = nth;
        s->c = strtoull(fields->element[i + 1]->str, NULL, 10);
        s->a += s->c;
    }

    return 0;
}


static int
scan_weights(redisContext *c, cos_str_t bid, cos_table_t *out, uint32_t nth)
{
    int          rc;
    char         cursor[32];
    redisReply  *r;

    snprintf(cursor, sizeof(cursor), "0");

    do {
        r = cos_rs_call(c, "HSCAN c{%b} %s COUNT 1000", bid.data, bid.len,
                        cursor);
        rc = -1;

        if (r != NULL && r->type == REDIS_REPLY_ARRAY && r->elements == 2) {
            snprintf(cursor, sizeof(cursor), "%s", r->element[0]->str);
            rc = add_weights(r->element[1], out, nth);
        }

        freeReplyObject(r);

    } while (rc == 0 && strcmp(cursor, "0") != 0);

    return rc;
}


int
cos_rs_all_weights(redisContext *c, const cos_rs_buckets_t *k,
    cos_table_t *out)
{
    size_t  i;

    for (i = 0; i < k->n; i++) {
        if (scan_weights(c, k->list[i].id, out, (uint32_t) i + 1) != 0) {
            return -1;
        }
    }

    return 0;
}
