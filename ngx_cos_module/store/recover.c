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

/* A record, and the note that it may need. */
typedef struct {
    uint64_t        end;
    uint64_t        weight;           /* for the seal, 0: no data */
    uint64_t        size;
    cos_fate_e      fate;
    uint64_t        seq;
    cos_hash_t      name;
    cos_pack_rec_t  note;
} item_t;

typedef struct {
    cos_maint_t   *m;
    uint64_t       cid;
    item_t        *items;
    size_t         n, cap;
    size_t         judged;            /* items before are judged */
    cos_arena_t   *notes;             /* lives as long as the pack's work */
    cos_arena_t   *arena;             /* of the batch at hand */
    cos_json_t    *docs;              /* of the batch */
    cos_table_t    seen;              /* name -> a: weight counted, b: highest
                                         deletion that counts */
    uint64_t       explained;         /* weight by records we know */
    unsigned       bad;
} pack_t;

static int ids_add(ids_t *s, uint64_t id);
static int collect_locks(void *ctx, uint64_t inc);
static int collect_incs(void *ctx, uint64_t cid, int in_open);
static int collect_cids(void *ctx, uint64_t cid, int in_open);
static int pending(cos_maint_t *m, ids_t *s);
static int fence(cos_maint_t *m, const cos_rs_buckets_t *k, uint64_t inc);
static int disconnect(cos_maint_t *m, uint64_t inc);
static int recover_files(cos_maint_t *m, const ids_t *s,
    const cos_rs_buckets_t *k);
static int recover_solo(cos_maint_t *m, uint64_t cid, uint64_t weight);
static int recover_pack(cos_maint_t *m, uint64_t cid, uint64_t weight);
static int judge(pack_t *p);
static int finish_pack(pack_t *p, const cos_scan_info_t *info,
    uint64_t weight);


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
    }

    for (i = 0; rc == 0 && i < s->n; i++) {
        rc = cos_cid_is_solo(s->list[i])
             ? recover_solo(m, s->list[i], weights[i])
             : recover_pack(m, s->list[i], weights[i]);
    }

    free(weights);

    return rc;
}


static int
recover_solo(cos_maint_t *m, uint64_t cid, uint64_t weight)
{
    int  rc;

    rc = weight != 0 ? cos_store_settle(m->store, cid)
                     : cos_store_unlink(m->store, cid);

    if (rc != 0 && errno != ENOENT) {
        cos_maint_say(m, 1, "cannot resolve container %012llx: %s",
                      (unsigned long long) cid, strerror(errno));
        return -1;
    }

    return 0;
}


/* --- packs ------------------------------------------------------------------- */

static int
take_record(void *ctx, const cos_rec_t *r, cos_scan_e state, cos_str_t json)
{
    item_t  *items, *it;
    pack_t  *p = ctx;
    size_t   cap;

    if (state != COS_SCAN_OK) {
        p->bad++;
        return 0;
    }

    if (r->kind == COS_J_SEAL) {
        return 0;                     /* gets a new one */
    }

    if (p->n == p->cap) {
        cap = p->cap ? p->cap * 2 : 1024;

        items = realloc(p->items, cap * sizeof(item_t));
        if (items == NULL) {
            return -1;
        }

        p->items = items;
        p->cap = cap;
    }

    it = &p->items[p->n];
    memset(it, 0, sizeof(item_t));
    it->end = r->rec_off + r->rec_len;
    it->size = r->rec_len;
    it->seq = r->seq;

    if (cos_kind_weighs(r->kind)) {
        it->weight = r->payload_len + COS_WEIGHT_BASE;
    }

    if (cos_json_decode(&p->docs[p->n - p->judged], json,
                        cos_arena_alloc(p->arena)) != 0)
    {
        /* of a newer version, say: not ours to take back */
        memset(&p->docs[p->n - p->judged], 0, sizeof(cos_json_t));
        p->docs[p->n - p->judged].kind = COS_J_VOID;
        p->bad++;
    }

    p->n++;

    return p->n - p->judged == BATCH ? judge(p) : 0;
}


static int
count_weight(void *ctx, const cos_hash_t *name, uint64_t weight)
{
    pack_t      *p = ctx;
    cos_slot_t  *s;

    s = cos_table_add(&p->seen, name);
    if (s == NULL) {
        return -1;
    }

    /* several records of one name: what Redis holds is one */
    p->explained += weight - s->a;
    s->a = weight;

    return 0;
}


static int
judge_one(pack_t *p, item_t *it, const cos_json_t *j, redisReply **r)
{
    cos_json_t   note;
    cos_slot_t  *s;
    cos_alloc_t *a = cos_arena_alloc(p->arena);

    it->fate = cos_fate(j, p->cid, r, a);

    if (cos_fate_weigh(j, p->cid, r, a, count_weight, p) != 0) {
        return -1;
    }

    if (cos_hash_json(&it->name, j) == 0 && j->kind == COS_J_DELETE
        && it->fate == COS_FATE_KEEP)
    {
        s = cos_table_add(&p->seen, &it->name);
        if (s == NULL) {
            return -1;
        }

        if (j->seq > s->b) {
            s->b = j->seq;
        }
    }

    if (it->fate != COS_FATE_VOID) {
        return 0;
    }

    cos_fate_void(&note, j, cos_cid_inc(p->cid));

    return cos_maint_note(cos_arena_alloc(p->notes), &it->note, &note);
}


/* Asks for a batch in one go, then judges it. */
static int
judge(pack_t *p)
{
    int           asked[BATCH], rc, k;
    size_t        i, n;
    redisReply   *r[COS_FATE_REPLIES];

    n = p->n - p->judged;
    rc = 0;

    for (i = 0; i < n; i++) {
        asked[i] = cos_fate_ask(p->m->redis, &p->docs[i],
                                cos_arena_alloc(p->arena));
        if (asked[i] < 0) {
            return cos_maint_fail(p->m, "asking for records");
        }
    }

    for (i = 0; i < n; i++) {
        memset(r, 0, sizeof(r));

        for (k = 0; k < asked[i]; k++) {
            r[k] = cos_rs_next(p->m->redis);

            if (r[k] == NULL || r[k]->type == REDIS_REPLY_ERROR) {
                rc = cos_maint_fail(p->m, "asking for records");
            }
        }

        if (rc == 0) {
            rc = judge_one(p, &p->items[p->judged + i], &p->docs[i], r);
        }

        for (k = 0; k < asked[i]; k++) {
            freeReplyObject(r[k]);
        }

        if (rc != 0 && p->m->redis->err) {
            return -1;
        }
    }

    p->judged = p->n;
    cos_arena_free(p->arena);
    p->arena = cos_arena_create();

    return p->arena == NULL ? -1 : rc;
}


static int
recover_pack(cos_maint_t *m, uint64_t cid, uint64_t weight)
{
    int              fd, rc;
    pack_t           p;
    cos_scan_info_t  info;

    memset(&p, 0, sizeof(p));
    p.m = m;
    p.cid = cid;
    p.notes = cos_arena_create();
    p.arena = cos_arena_create();
    p.docs = calloc(BATCH, sizeof(cos_json_t));
    rc = -1;

    fd = cos_store_open_cid(m->store, cid);

    if (fd != -1 && p.notes != NULL && p.arena != NULL && p.docs != NULL) {
        rc = cos_container_scan(fd, COS_SCAN_JSON, &info, take_record, &p);

        if (rc == 0) {
            rc = judge(&p);
        }

        if (rc == 0) {
            rc = finish_pack(&p, &info, weight);
        }
    }

    if (rc != 0) {
        cos_maint_say(m, 1, "cannot recover container %012llx: %s",
                      (unsigned long long) cid, strerror(errno));
        rc = -1;
    }

    if (fd != -1) {
        (void) close(fd);
    }

    if (p.notes != NULL) {
        cos_arena_free(p.notes);
    }

    if (p.arena != NULL) {
        cos_arena_free(p.arena);
    }

    free(p.items);
    free(p.docs);
    cos_table_free(&p.seen);

    return rc;
}


/* Where the container ends from now on. Records at the tail that were never
 * committed go, unless somebody's bytes might be among them: then only what
 * is torn. */
static size_t
keep(const pack_t *p, uint64_t weight)
{
    size_t  n;

    n = p->n;

    if (p->explained == weight) {
        while (n > 0 && p->items[n - 1].fate == COS_FATE_VOID) {
            n--;
        }

    } else {
        /* also when others replaced objects in it since it was weighed */
        cos_maint_say(p->m, 0, "container %012llx weighed %llu, its records "
                      "explain %llu: its tail stays",
                      (unsigned long long) p->cid,
                      (unsigned long long) weight,
                      (unsigned long long) p->explained);
    }

    return n;
}


static int
write_notes(pack_t *p, size_t n)
{
    int               rc;
    size_t            i, k;
    const item_t     *it;
    cos_slot_t       *s;
    cos_pack_rec_t  **list;

    list = calloc(n + 1, sizeof(cos_pack_rec_t *));
    if (list == NULL) {
        return -1;
    }

    for (i = 0, k = 0; i < n; i++) {
        it = &p->items[i];

        if (it->fate != COS_FATE_VOID) {
            continue;
        }

        /* a deletion behind it in here says as much */
        s = cos_table_find(&p->seen, &it->name);

        if (s == NULL || s->b <= it->seq) {
            list[k++] = (cos_pack_rec_t *) &it->note;
        }
    }

    rc = k != 0 ? cos_maint_write(p->m, list, k) : 0;

    if (rc == 0) {
        p->m->voided += k;
    }

    free(list);

    return rc;
}


static int
finish_pack(pack_t *p, const cos_scan_info_t *info, uint64_t weight)
{
    size_t      i, n;
    cos_pack_t  out;

    n = keep(p, weight);

    /* also a file whose writer died before its header was written */
    if (n == 0 && weight == 0) {
        return cos_store_unlink(p->m->store, p->cid);
    }

    if (write_notes(p, n) != 0) {
        return -1;
    }

    if (p->bad != 0) {
        cos_maint_say(p->m, 1, "container %012llx has %u damaged places",
                      (unsigned long long) p->cid, p->bad);
    }

    if (n == p->n && info->sealed) {
        return cos_store_settle(p->m->store, p->cid);
    }

    if (cos_pack_reopen(&out, p->m->store, p->cid,
                        n > 0 ? p->items[n - 1].end : COS_FILE_HEAD)
        != COS_OK)
    {
        errno = out.err;
        return -1;
    }

    for (i = 0; i < n; i++) {
        if (p->items[i].weight != 0) {
            out.records++;
            out.weight += p->items[i].weight;

        } else {
            out.carried += p->items[i].size;
        }
    }

    if (cos_pack_seal(&out) != COS_OK) {
        errno = out.err;
        cos_pack_abandon(&out);
        return -1;
    }

    return 0;
}
