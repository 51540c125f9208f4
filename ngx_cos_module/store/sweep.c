/*
 * Files that nobody needs any more: those whose last weight went, and orphans
 * that a crash left behind. Both are looked up in all buckets again before
 * they go.
 */

#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>

#include "maint_internal.h"


#define PAGE  256

typedef struct {
    cos_maint_t  *m;
    uint64_t     *list;
    size_t        n, cap;
} solos_t;

static int reap_bucket(cos_maint_t *m, const cos_rs_buckets_t *k,
    cos_str_t bid);
static int reap_page(cos_maint_t *m, const cos_rs_buckets_t *k,
    cos_str_t bid, const redisReply *ids);
static int sweep_files(cos_maint_t *m, const cos_rs_buckets_t *k);
static int sweep_keys(cos_maint_t *m, const cos_rs_buckets_t *k);


int
cos_maint_reap(cos_maint_t *m)
{
    int                rc;
    size_t             i;
    cos_arena_t       *arena;
    cos_rs_buckets_t   k;

    arena = cos_arena_create();
    if (arena == NULL) {
        return -1;
    }

    rc = cos_rs_buckets(m->redis, cos_arena_alloc(arena), &k);
    if (rc != 0) {
        rc = cos_maint_fail(m, "listing buckets");
    }

    for (i = 0; rc == 0 && i < k.n && !cos_maint_stopped(m); i++) {
        rc = reap_bucket(m, &k, k.list[i].id);
    }

    cos_arena_free(arena);

    return rc;
}


static int
reap_bucket(cos_maint_t *m, const cos_rs_buckets_t *k, cos_str_t bid)
{
    int          rc;
    char         cursor[32];
    redisReply  *r;

    snprintf(cursor, sizeof(cursor), "0");

    do {
        r = cos_rs_call(m->redis, "SSCAN d{%b} %s COUNT %d", bid.data,
                        bid.len, cursor, PAGE);

        if (r == NULL || r->type != REDIS_REPLY_ARRAY || r->elements != 2) {
            freeReplyObject(r);
            return cos_maint_fail(m, "reading dead containers");
        }

        snprintf(cursor, sizeof(cursor), "%s", r->element[0]->str);
        rc = reap_page(m, k, bid, r->element[1]);
        freeReplyObject(r);

    } while (rc == 0 && strcmp(cursor, "0") != 0 && !cos_maint_stopped(m));

    return rc;
}


/* Packs stay in the set until compaction has carried their notes away. */
static int
reap_page(cos_maint_t *m, const cos_rs_buckets_t *k, cos_str_t bid,
    const redisReply *ids)
{
    int        gone;
    size_t     i, n;
    uint64_t  *cids, *weights;

    cids = calloc(2 * ids->elements + 1, sizeof(uint64_t));
    if (cids == NULL) {
        return -1;
    }

    weights = cids + ids->elements;

    for (i = 0, n = 0; i < ids->elements; i++) {
        cids[n] = strtoull(ids->element[i]->str, NULL, 10);

        if (cos_cid_is_solo(cids[n])) {
            n++;
        }
    }

    if (n != 0
        && (cos_rs_weights(m->redis, k, cids, weights, n) != 0
            || cos_maint_ours(m) != 0))
    {
        free(cids);
        return cos_maint_fail(m, "reading weights");
    }

    for (i = 0; i < n; i++) {
        gone = 1;

        if (weights[i] == 0) {
            if (cos_store_unlink(m->store, cids[i]) == 0) {
                m->reaped++;

            } else if (errno != ENOENT) {
                cos_maint_say(m, 1, "cannot remove container %012llx: %s",
                              (unsigned long long) cids[i], strerror(errno));
                gone = 0;
            }
        }

        if (gone && redisAppendCommand(m->redis, "SREM d{%b} %llu", bid.data,
                                       bid.len, (unsigned long long) cids[i])
                    == REDIS_OK
            && cos_rs_skip(m->redis, 1) != 0)
        {
            free(cids);
            return cos_maint_fail(m, "forgetting a dead container");
        }
    }

    free(cids);

    return 0;
}


int
cos_maint_sweep(cos_maint_t *m)
{
    int                rc;
    cos_arena_t       *arena;
    cos_rs_buckets_t   k;

    arena = cos_arena_create();
    if (arena == NULL) {
        return -1;
    }

    if (cos_rs_buckets(m->redis, cos_arena_alloc(arena), &k) != 0) {
        rc = cos_maint_fail(m, "listing buckets");

    } else {
        rc = sweep_files(m, &k);

        if (rc == 0) {
            rc = sweep_keys(m, &k);
        }
    }

    cos_arena_free(arena);

    return rc;
}


static int
collect_solo(void *ctx, uint64_t cid, int in_open)
{
    size_t     cap;
    uint64_t  *list;
    solos_t   *s = ctx;

    if (in_open || !cos_cid_is_solo(cid)) {
        return 0;
    }

    if (s->n == s->cap) {
        cap = s->cap ? s->cap * 2 : 256;

        list = realloc(s->list, cap * sizeof(uint64_t));
        if (list == NULL) {
            return -1;
        }

        s->list = list;
        s->cap = cap;
    }

    s->list[s->n++] = cid;

    return cos_maint_stopped(s->m) ? 1 : 0;
}


static int
remove_orphan(cos_maint_t *m, const cos_rs_buckets_t *k, uint64_t cid)
{
    int64_t   age;
    uint64_t  size, weight;

    if (cos_store_stat(m->store, cid, &age, &size) != 0 || age < m->grace) {
        return 0;
    }

    if (cos_rs_weights(m->redis, k, &cid, &weight, 1) != 0
        || cos_maint_ours(m) != 0)
    {
        return cos_maint_fail(m, "reading weights");
    }

    if (weight == 0 && cos_store_unlink(m->store, cid) == 0) {
        cos_maint_say(m, 0, "removed orphan container %012llx (%llu bytes)",
                      (unsigned long long) cid, (unsigned long long) size);
        m->swept++;
    }

    return 0;
}


/* Files first, weights afterwards: what was settled had its weight before. */
static int
sweep_files(cos_maint_t *m, const cos_rs_buckets_t *k)
{
    int          rc;
    size_t       i;
    solos_t      s;
    cos_hash_t   h;
    cos_table_t  weights;

    memset(&s, 0, sizeof(s));
    memset(&weights, 0, sizeof(weights));
    s.m = m;
    rc = 0;

    if (cos_store_walk(m->store, collect_solo, &s) < 0) {
        cos_maint_say(m, 1, "cannot read \"%s\": %s", m->store->root,
                      strerror(errno));
        rc = -1;

    } else if (cos_rs_all_weights(m->redis, k, &weights) != 0) {
        rc = cos_maint_fail(m, "reading weights");
    }

    for (i = 0; rc == 0 && i < s.n && !cos_maint_stopped(m); i++) {
        cos_hash_number(&h, s.list[i], 0);

        if (cos_table_find(&weights, &h) == NULL) {
            rc = remove_orphan(m, k, s.list[i]);
        }
    }

    free(s.list);
    cos_table_free(&weights);

    return rc;
}


/* A deleted bucket leaves its set of dead containers behind. Its files are
 * orphans like others; the set itself goes here. */
static int
sweep_keys(cos_maint_t *m, const cos_rs_buckets_t *k)
{
    char         cursor[32];
    size_t       i, b, n;
    cos_str_t    key;
    redisReply  *r, *d;

    snprintf(cursor, sizeof(cursor), "0");

    do {
        r = cos_rs_call(m->redis, "SCAN %s MATCH d{*} COUNT 1000 TYPE set",
                        cursor);

        if (r == NULL || r->type != REDIS_REPLY_ARRAY || r->elements != 2) {
            freeReplyObject(r);
            return cos_maint_fail(m, "looking for sets of deleted buckets");
        }

        snprintf(cursor, sizeof(cursor), "%s", r->element[0]->str);
        n = r->element[1]->elements;

        for (i = 0; i < n; i++) {
            key = cos_rs_str(r->element[1]->element[i]);

            for (b = 0; b < k->n; b++) {
                if (key.len == k->list[b].id.len + 3
                    && memcmp(key.data + 2, k->list[b].id.data,
                              k->list[b].id.len) == 0)
                {
                    break;
                }
            }

            if (b < k->n) {
                continue;
            }

            /* created after the buckets were listed? then it has counters */
            d = cos_rs_call(m->redis, "EXISTS m%b", key.data + 1,
                            key.len - 1);

            if (d != NULL && d->integer == 0) {
                freeReplyObject(d);
                d = cos_rs_call(m->redis, "UNLINK %b", key.data, key.len);
            }

            if (d == NULL) {
                freeReplyObject(r);
                return cos_maint_fail(m, "removing a deleted bucket's set");
            }

            freeReplyObject(d);
        }

        freeReplyObject(r);

    } while (strcmp(cursor, "0") != 0 && !cos_maint_stopped(m));

    return 0;
}
