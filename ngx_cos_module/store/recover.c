/*
 * What a dead incarnation left behind. Order is everything here:
 *
 *   1. its lock is held: the process is gone
 *   2. it is fenced off in every bucket: none of its commits that may still
 *      be under way will be carried out
 *   3. each of its records is judged by what Redis holds
 *   4. notes that void what was never committed are made durable elsewhere
 *   5. only then the container is cut, sealed and settled
 *
 * A crash in between repeats all of it: fences and notes may be given twice,
 * the cut falls to the same place, settling is a rename.
 */

#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "maint_internal.h"


#define BATCH  128

typedef struct {
    uint64_t  *list;
    size_t     n, cap;
    uint64_t   inc;                   /* of which to collect, 0: all incs */
} ids_t;

static int ids_add(ids_t *s, uint64_t id);
static int collect_locks(void *ctx, uint64_t inc);
static int collect_incs(void *ctx, uint64_t cid, int in_open);
static int collect_cids(void *ctx, uint64_t cid, int in_open);
static int pending(cos_maint_t *m, ids_t *s);
static int fence(cos_maint_t *m, const cos_rs_buckets_t *k, uint64_t inc);
static int disconnect(cos_maint_t *m, uint64_t inc);
static int recover_files(cos_maint_t *m, const ids_t *s,
    const cos_rs_buckets_t *k);


int
cos_maint_recover(cos_maint_t *m)
{
    int     fd, rc;
    char    name[COS_NAME_LEN];
    ids_t   s;
    size_t  i;

    memset(&s, 0, sizeof(s));
    rc = pending(m, &s);

    if (rc == 0 && s.n != 0) {
        rc = cos_maint_ours(m);
    }

    if (rc != 0) {
        s.n = 0;
    }

    for (i = 0; i < s.n && !cos_maint_stopped(m); i++) {
        if (rc != 0 && cos_maint_state(m)->failed) {
            break;
        }

        fd = cos_store_lock(m->store, s.list[i]);

        if (fd == -1) {
            if (errno != EWOULDBLOCK) {
                cos_maint_say(m, 1, "cannot lock incarnation %llx: %s",
                              (unsigned long long) s.list[i],
                              strerror(errno));
            }
            continue;
        }

        m->out_slot = 0;

        if (cos_recover_inc(m, s.list[i]) == 0) {
            cos_name_lock(name, s.list[i]);
            (void) unlinkat(m->store->root_fd, name, 0);

        } else {
            rc = -1;
        }

        (void) close(fd);
    }

    free(s.list);

    return rc;
}


/* Incarnations that may be dead. */
static int
pending(cos_maint_t *m, ids_t *s)
{
    s->inc = m->inc;

    if (cos_store_walk_locks(m->store, collect_locks, s) != 0
        || cos_store_walk(m->store, collect_incs, s) < 0)
    {
        cos_maint_say(m, 1, "cannot read \"%s/open\": %s", m->store->root,
                      strerror(errno));
        return -1;
    }

    return 0;
}


static int
collect_locks(void *ctx, uint64_t inc)
{
    ids_t  *s = ctx;

    return inc == s->inc ? 0 : ids_add(s, inc);
}


/* A value that ends the walk behind open/, which comes first. */
static int
collect_incs(void *ctx, uint64_t cid, int in_open)
{
    ids_t  *s = ctx;

    if (!in_open) {
        return 1;
    }

    return cos_cid_inc(cid) == s->inc ? 0 : ids_add(s, cos_cid_inc(cid));
}


static int
collect_cids(void *ctx, uint64_t cid, int in_open)
{
    ids_t  *s = ctx;

    if (!in_open) {
        return 1;
    }

    return cos_cid_inc(cid) == s->inc ? ids_add(s, cid) : 0;
}


static int
ids_add(ids_t *s, uint64_t id)
{
    size_t     i, cap;
    uint64_t  *list;

    /* files come sorted, so that equal incarnations are neighbours; locks
     * come before them and are few */
    for (i = s->n; i > 0 && s->n - i < 64; i--) {
        if (s->list[i - 1] == id) {
            return 0;
        }
    }

    if (s->n == s->cap) {
        cap = s->cap ? s->cap * 2 : 32;

        list = realloc(s->list, cap * sizeof(uint64_t));
        if (list == NULL) {
            return -1;
        }

        s->list = list;
        s->cap = cap;
    }

    s->list[s->n++] = id;

    return 0;
}


int
cos_recover_inc(cos_maint_t *m, uint64_t inc)
{
    int                rc;
    ids_t              s;
    cos_arena_t       *arena;
    cos_rs_buckets_t   k;

    memset(&s, 0, sizeof(s));
    s.inc = inc;
    rc = -1;

    arena = cos_arena_create();

    if (arena == NULL
        || cos_store_walk(m->store, collect_cids, &s) < 0)
    {
        goto done;
    }

    /* what is settled was resolved: no file, nothing to judge */
    if (s.n == 0) {
        rc = 0;
        goto done;
    }

    if (disconnect(m, inc) != 0
        || cos_rs_buckets(m->redis, cos_arena_alloc(arena), &k) != 0
        || fence(m, &k, inc) != 0)
    {
        (void) cos_maint_fail(m, "fencing a dead incarnation");
        goto done;
    }

    rc = recover_files(m, &s, &k);

    if (rc == 0) {
        m->recovered++;
        cos_maint_say(m, 0, "recovered %zu containers of incarnation %llx",
                      s.n, (unsigned long long) inc);
    }

done:

    free(s.list);

    if (arena != NULL) {
        cos_arena_free(arena);
    }

    return rc;
}


/* Moves are not fenced but compared; one of a dead compactor that still lies
 * in the socket must not be carried out behind our judgement. */
static int
disconnect(cos_maint_t *m, uint64_t inc)
{
    char         want[80], name[64], *line, *save;
    size_t       n;
    long long    id;
    redisReply  *r, *k;

    cos_maint_client(name, inc);
    n = (size_t) snprintf(want, sizeof(want), " name=%s ", name);

    r = cos_rs_call(m->redis, "CLIENT LIST");
    if (r == NULL || r->type != REDIS_REPLY_STRING) {
        freeReplyObject(r);
        return -1;
    }

    for (line = strtok_r(r->str, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save))
    {
        if (memmem(line, strlen(line), want, n) == NULL
            || sscanf(line, "id=%lld ", &id) != 1)
        {
            continue;
        }

        /* an error means that it went by itself */
        k = redisCommand(m->redis, "CLIENT KILL ID %lld", id);

        if (k == NULL) {
            freeReplyObject(r);
            return -1;
        }

        freeReplyObject(k);
    }

    freeReplyObject(r);

    return 0;
}


static int
fence(cos_maint_t *m, const cos_rs_buckets_t *k, uint64_t inc)
{
    size_t     i, from;
    cos_str_t  id;

    for (i = 0, from = 0; i < k->n; i++) {
        id = k->list[i].id;

        if (redisAppendCommand(m->redis, "FCALL cos_fence 1 x{%b} %b %llu",
                               id.data, id.len, id.data, id.len,
                               (unsigned long long) inc) != REDIS_OK)
        {
            return -1;
        }

        if (i + 1 - from == BATCH || i + 1 == k->n) {
            if (cos_rs_skip(m->redis, i + 1 - from) != 0) {
                return -1;
            }
            from = i + 1;
        }
    }

    return 0;
}


static int
recover_files(cos_maint_t *m, const ids_t *s, const cos_rs_buckets_t *k)
{
    int        rc;
    size_t     i;
    uint64_t  *weights;

    weights = calloc(s->n, sizeof(uint64_t));
    if (weights == NULL) {
        return -1;
    }

    rc = 0;

    if (cos_rs_weights(m->redis, k, s->list, weights, s->n) != 0) {
        rc = cos_maint_fail(m, "reading weights");

    } else if (cos_maint_ours(m) != 0) {
        rc = -1;                      /* emptied while it was weighed */
    }

    for (i = 0; rc == 0 && i < s->n; i++) {
        rc = cos_cid_is_solo(s->list[i])
             ? cos_recover_solo(m, s->list[i], weights[i])
             : cos_recover_pack(m, s->list[i], weights[i]);
    }

    free(weights);

    return rc;
}
