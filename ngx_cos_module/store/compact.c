/*
 * Compaction: a settled pack of which more than half is dead is emptied and
 * removed.
 *
 *   pick    by weight: what the seal says it weighed when all was alive
 *           against what all buckets together still weigh in it
 *   move    live records to a container of our own, under compare-and-set
 *   linger  an empty container stays for a while: a worker may just be
 *           committing a record that names the bytes where it saw them last;
 *           then the weight comes back and so do we
 *   notes   what has to be said in a rebuild is carried forward, then the
 *           file goes
 *
 * Every pick ends: moving shrinks the sum of seal weights by what was dead,
 * notes are rewritten only when half of them can be dropped, and a container
 * that cannot be emptied is not tried again by this process.
 */

#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "maint_internal.h"


#define BATCH        128
#define NOTES_MIN    (1u << 20)       /* bytes */
#define NOTES_EVERY  3600000          /* ms */

typedef struct {
    cos_maint_t  *m;
    cos_table_t   live;
    int64_t       now, linger;
    uint64_t      best;               /* cid, 0: none */
    uint64_t      gain;
    int           drained;
    int           probe;              /* only if its notes may go */
    int64_t       wait;               /* ms until something has lingered */
} pick_t;

static int pick_one(void *ctx, uint64_t cid, int in_open);
static int look_is_due(const pick_t *p, uint64_t cid, const cos_slot_t *seal);
static cos_slot_t *seal_of(cos_maint_t *m, uint64_t cid);
static int take(cos_maint_t *m, const pick_t *p);
static int read_items(cos_maint_t *m, cos_victim_t *v);
static int move_batch(cos_maint_t *m, cos_victim_t *v);
static int leave(cos_maint_t *m, cos_victim_t *v);
static int notes_stay(cos_maint_t *m, cos_victim_t *v);
static int remove_victim(cos_maint_t *m, cos_victim_t *v);
static int mark(cos_table_t *t, uint64_t cid, uint64_t value);
static uint64_t marked(const cos_table_t *t, uint64_t cid);


int
cos_maint_compact(cos_maint_t *m)
{
    int                 rc;
    int64_t             linger;
    cos_maint_state_t  *st = cos_maint_state(m);

    linger = m->grace < COS_LINGER ? m->grace * 1000 : COS_LINGER * 1000;
    st->whole = 1;

    for ( ;; ) {
        rc = cos_compact_pick(m, linger);

        if (rc > 1) {
            /* something lingers */
            usleep(50000);
            rc = 1;

        } else if (rc == 1) {
            do {
                rc = cos_compact_slice(m);
            } while (rc > 0 && !cos_maint_stopped(m));

            rc = rc < 0 ? rc : 1;
        }

        if (rc <= 0 || cos_maint_stopped(m)) {
            break;
        }
    }

    cos_compact_drop(m);
    st->whole = 0;

    return rc < 0 ? -1 : 0;
}


int
cos_compact_pick(cos_maint_t *m, int64_t linger)
{
    int                 rc;
    pick_t              p;
    cos_arena_t        *arena;
    cos_rs_buckets_t    k;
    cos_maint_state_t  *st = cos_maint_state(m);

    cos_compact_drop(m);
    memset(&p, 0, sizeof(p));
    p.m = m;
    p.now = cos_maint_now();
    p.linger = linger;

    st->compact_fd = cos_store_lock_name(m->store, "open/compact.lock");
    if (st->compact_fd == -1) {
        if (errno == EWOULDBLOCK && st->whole) {
            cos_maint_say(m, 0, "another process is compacting");
        }
        return errno == EWOULDBLOCK ? 0 : -1;
    }

    arena = cos_arena_create();
    rc = -1;

    if (arena != NULL) {
        if (cos_rs_buckets(m->redis, cos_arena_alloc(arena), &k) != 0
            || cos_rs_all_weights(m->redis, &k, &p.live) != 0)
        {
            rc = cos_maint_fail(m, "reading weights");

        } else if (cos_maint_ours(m) == 0) {
            rc = cos_store_walk(m->store, pick_one, &p) < 0 ? -1 : 0;
        }

        cos_arena_free(arena);
    }

    cos_table_free(&p.live);

    if (rc == 0 && p.best != 0) {
        return take(m, &p);
    }

    cos_compact_drop(m);

    return rc != 0 ? -1 : p.wait > 0 && st->whole ? 2 : 0;
}


static int
pick_one(void *ctx, uint64_t cid, int in_open)
{
    pick_t             *p = ctx;
    uint64_t            live, dead;
    cos_hash_t          h;
    cos_slot_t         *s, *seal;
    cos_maint_state_t  *st = cos_maint_state(p->m);

    if (in_open || cos_cid_is_solo(cid) || marked(&st->stuck, cid)) {
        return cos_maint_stopped(p->m);
    }

    seal = seal_of(p->m, cid);
    if (seal == NULL) {
        return -1;
    }

    if (seal->kind != 0) {
        return 0;
    }

    cos_hash_number(&h, cid, 0);
    s = cos_table_find(&p->live, &h);
    live = s != NULL ? s->a : 0;
    dead = seal->a > live ? seal->a - live : 0;

    if (live != 0) {
        s = cos_table_find(&st->drained, &h);
        if (s != NULL) {
            s->a = 0;                 /* a late commit brought it back */
        }

        if (dead * 100 > (uint64_t) p->m->dead_percent * seal->a
            && dead > p->gain)
        {
            p->gain = dead;
            p->best = cid;
            p->drained = 0;
            p->probe = 0;

        } else if (2 * seal->b > seal->c && seal->b / 2 > p->gain
                   && look_is_due(p, cid, seal))
        {
            /* little data among many notes */
            p->gain = seal->b / 2;
            p->best = cid;
            p->drained = 0;
            p->probe = 1;
        }

        return 0;
    }

    if (seal->a == 0 && seal->b != 0 && !look_is_due(p, cid, seal)) {
        return 0;
    }

    if (marked(&st->drained, cid) == 0
        && mark(&st->drained, cid, (uint64_t) p->now) != 0)
    {
        return -1;
    }

    if (p->now - (int64_t) marked(&st->drained, cid) < p->linger) {
        p->wait = p->linger;
        return 0;
    }

    /* gives back the whole file: before any that would have to be moved */
    if (!p->drained || seal->c > p->gain) {
        p->gain = seal->c;
        p->best = cid;
        p->drained = 1;
        p->probe = 0;
    }

    return 0;
}


/* Notes are looked at again only after something went, and not often: it
 * takes a look at everything. */
static int
look_is_due(const pick_t *p, uint64_t cid, const cos_slot_t *seal)
{
    cos_maint_state_t  *st = cos_maint_state(p->m);

    return marked(&st->notes, cid) != st->unlinked + 1
           && (st->whole || (seal->b >= NOTES_MIN && p->now >= st->at_notes));
}


/* Seals do not change: each is read once. */
static cos_slot_t *
seal_of(cos_maint_t *m, uint64_t cid)
{
    int                 fd;
    cos_hash_t          h;
    cos_json_t          j;
    cos_slot_t         *s;
    cos_arena_t        *arena;
    struct stat         sb;
    cos_maint_state_t  *st = cos_maint_state(m);

    cos_hash_number(&h, cid, 0);

    s = cos_table_add(&st->seals, &h);
    if (s == NULL || s->n != 0) {
        return s;
    }

    s->n = 1;
    s->kind = 1;
    arena = cos_arena_create();
    fd = cos_store_open_cid(m->store, cid);

    if (arena != NULL && fd != -1 && fstat(fd, &sb) == 0
        && cos_container_seal(fd, &j, cos_arena_alloc(arena)) == 0)
    {
        s->a = j.weight;
        s->b = j.carried;
        s->c = (uint64_t) sb.st_size;
        s->kind = 0;

    } else {
        cos_maint_say(m, 1, "container %012llx has no readable seal",
                      (unsigned long long) cid);
    }

    if (fd != -1) {
        (void) close(fd);
    }

    if (arena != NULL) {
        cos_arena_free(arena);
    }

    return s;
}


static int
take(cos_maint_t *m, const pick_t *p)
{
    cos_victim_t       *v;
    cos_maint_state_t  *st = cos_maint_state(m);

    v = calloc(1, sizeof(cos_victim_t));
    if (v == NULL) {
        return -1;
    }

    st->victim = v;
    v->cid = p->best;
    v->drained = p->drained;
    v->probe = p->probe;
    v->arena = cos_arena_create();
    v->fd = cos_store_open_cid(m->store, v->cid);

    if (v->arena == NULL || v->fd == -1) {
        return leave(m, v) < 0 ? -1 : 1;
    }

    /* Copies made by one incarnation must differ from what they are copies
     * of, or a note that voids the one would void the other. */
    if (cos_cid_inc(v->cid) == m->inc && cos_maint_rotate(m) != 0) {
        return -1;
    }

    if (cos_rs_buckets(m->redis, cos_arena_alloc(v->arena), &v->buckets)
        != 0)
    {
        return cos_maint_fail(m, "listing buckets");
    }

    return read_items(m, v) < 0 ? -1 : 1;
}


void
cos_compact_drop(cos_maint_t *m)
{
    cos_victim_t       *v;
    cos_maint_state_t  *st = cos_maint_state(m);

    v = st->victim;

    if (v != NULL) {
        if (v->fd != -1) {
            (void) close(v->fd);
        }

        if (v->arena != NULL) {
            cos_arena_free(v->arena);
        }

        free(v->items);
        free(v);
        st->victim = NULL;
    }

    if (st->compact_fd != -1) {
        (void) close(st->compact_fd);
        st->compact_fd = -1;
    }
}


static int
add_item(void *ctx, const cos_rec_t *r, cos_scan_e state, cos_str_t json)
{
    size_t         cap;
    cos_item_t    *items, *it;
    cos_victim_t  *v = ctx;

    (void) json;

    if (state != COS_SCAN_OK) {
        v->broken = 1;
        return 0;
    }

    if (v->n == v->cap) {
        cap = v->cap ? v->cap * 2 : 1024;

        items = realloc(v->items, cap * sizeof(cos_item_t));
        if (items == NULL) {
            return -1;
        }

        v->items = items;
        v->cap = cap;
    }

    it = &v->items[v->n++];
    it->rec_off = r->rec_off;
    it->rec_len = r->rec_len;
    it->payload_off = r->payload_off;
    it->payload_len = r->payload_len;
    it->payload_crc = r->payload_crc;
    it->json_len = r->json_len;
    it->kind = r->kind;

    return 0;
}


static int
read_items(cos_maint_t *m, cos_victim_t *v)
{
    cos_scan_info_t  info;

    if (cos_container_scan(v->fd, COS_SCAN_JSON, &info, add_item, v) != 0) {
        cos_maint_say(m, 1, "cannot read container %012llx: %s",
                      (unsigned long long) v->cid, strerror(errno));
        v->broken = 1;
        return leave(m, v);
    }

    if (v->broken && v->drained) {
        /* a damaged record may be a note that still counts */
        cos_maint_say(m, 1, "container %012llx is damaged and therefore kept",
                      (unsigned long long) v->cid);
        return leave(m, v);
    }

    return 1;
}


int
cos_compact_slice(cos_maint_t *m)
{
    int                 rc;
    uint64_t            weight;
    cos_victim_t       *v;
    cos_maint_state_t  *st = cos_maint_state(m);

    v = st->victim;

    if (v == NULL) {
        return 0;
    }

    if (v->drained) {
        rc = remove_victim(m, v);
        cos_compact_drop(m);

        return rc;
    }

    if (v->probe) {
        v->probe = 0;
        rc = cos_compact_notes(m, v, 1);

        if (rc <= 0) {
            return rc < 0 ? -1 : notes_stay(m, v);
        }
    }

    if (v->pos < v->n) {
        return move_batch(m, v);
    }

    if (cos_rs_weights(m->redis, &v->buckets, &v->cid, &weight, 1) != 0) {
        return cos_maint_fail(m, "reading weights");
    }

    if (weight != 0) {
        if (cos_compact_foreign(m, v) < 0) {
            return -1;
        }

        if (cos_rs_weights(m->redis, &v->buckets, &v->cid, &weight, 1) != 0) {
            return cos_maint_fail(m, "reading weights");
        }
    }

    if (weight != 0) {
        if (cos_maint_stopped(m)) {
            cos_compact_drop(m);
            return 0;
        }

        cos_maint_say(m, 1, "container %012llx still weighs %llu after all "
                      "that is known of it was moved",
                      (unsigned long long) v->cid,
                      (unsigned long long) weight);
        return leave(m, v);
    }

    m->compacted++;
    cos_compact_drop(m);

    return 0;
}


/* Not to be tried again. */
static int
leave(cos_maint_t *m, cos_victim_t *v)
{
    int  rc;

    rc = mark(&cos_maint_state(m)->stuck, v->cid, 1);
    cos_compact_drop(m);

    return rc;
}


int
cos_victim_json(cos_victim_t *v, size_t i, cos_json_t *j, cos_alloc_t *a)
{
    cos_str_t          text;
    const cos_item_t  *it = &v->items[i];

    text.len = it->json_len;
    text.data = cos_alloc(a, text.len + 1);

    if (text.data == NULL
        || cos_pread_full(v->fd, text.data, text.len,
                          it->payload_off + it->payload_len)
           != (ssize_t) text.len)
    {
        return -1;
    }

    return cos_json_decode(j, text, a);
}


const cos_rs_bucket_t *
cos_victim_bucket(cos_victim_t *v, cos_str_t bid)
{
    size_t  i;

    for (i = 0; i < v->buckets.n; i++) {
        if (cos_str_eq(v->buckets.list[i].id, bid)) {
            return &v->buckets.list[i];
        }
    }

    return NULL;
}


/* --- finding what is alive ------------------------------------------------------ */

static int
add_move(cos_move_t *list, size_t *n, const cos_json_t *j, cos_json_e kind,
    const redisReply *r, uint64_t cid, cos_alloc_t *a)
{
    size_t       i;
    cos_str_t    rec;
    cos_move_t  *mv;

    if (cos_rs_str(r).len == 0) {
        return 0;
    }

    /* the reply goes before the move is made */
    if (cos_dup(a, &rec, r->str, r->len) != 0) {
        return -1;
    }

    mv = &list[*n];
    memset(mv, 0, sizeof(cos_move_t));

    if (cos_object_decode(&mv->o, rec, a) != 0
        || cos_object_weight(&mv->o, cid) == 0)
    {
        return 0;
    }

    mv->kind = kind;
    mv->bid = j->bid;
    mv->key = j->key;
    mv->upload = j->upload;
    mv->part = j->part;

    /* several records of one name */
    for (i = 0; i < *n; i++) {
        if (list[i].kind == kind && cos_str_eq(list[i].bid, mv->bid)
            && (kind == COS_J_OBJECT
                ? cos_str_eq(list[i].key, mv->key)
                : cos_str_eq(list[i].upload, mv->upload)
                  && list[i].part == mv->part))
        {
            return 0;
        }
    }

    ++*n;

    return 0;
}


static int
ask_batch(cos_maint_t *m, cos_victim_t *v, const cos_json_t *docs, size_t n,
    cos_move_t *list, size_t *moves, cos_alloc_t *a)
{
    int          rc, k, asked[BATCH];
    size_t       i;
    redisReply  *r[COS_FATE_REPLIES];

    for (i = 0; i < n; i++) {
        asked[i] = cos_fate_ask(m->redis, &docs[i], a);
        if (asked[i] < 0) {
            return cos_maint_fail(m, "asking for records");
        }
    }

    rc = 0;

    for (i = 0; i < n; i++) {
        memset(r, 0, sizeof(r));

        for (k = 0; k < asked[i]; k++) {
            r[k] = cos_rs_next(m->redis);

            if (r[k] == NULL || r[k]->type == REDIS_REPLY_ERROR) {
                rc = cos_maint_fail(m, "asking for records");
            }
        }

        if (rc == 0 && docs[i].kind == COS_J_PART) {
            rc = add_move(list, moves, &docs[i], COS_J_PART, r[1], v->cid, a);
        }

        if (rc == 0) {
            rc = add_move(list, moves, &docs[i], COS_J_OBJECT,
                          r[docs[i].kind == COS_J_PART ? 2 : 0], v->cid, a);
        }

        for (k = 0; k < asked[i]; k++) {
            freeReplyObject(r[k]);
        }

        if (rc != 0 && m->redis->err) {
            break;
        }
    }

    return rc;
}


static int
move_batch(cos_maint_t *m, cos_victim_t *v)
{
    int           rc;
    size_t        n, moves;
    uint64_t      bytes;
    cos_json_t   *docs;
    cos_move_t   *list;
    cos_alloc_t  *a;
    cos_arena_t  *arena;

    arena = cos_arena_create();
    if (arena == NULL) {
        return -1;
    }

    a = cos_arena_alloc(arena);
    docs = cos_alloc(a, BATCH * sizeof(cos_json_t));
    list = cos_alloc(a, 2 * BATCH * sizeof(cos_move_t));
    rc = docs != NULL && list != NULL ? 0 : -1;
    moves = 0;
    bytes = 0;

    for (n = 0; rc == 0 && n < BATCH && v->pos < v->n
                && bytes < COS_MOVE_BYTES; v->pos++)
    {
        if (!cos_kind_weighs(v->items[v->pos].kind)) {
            continue;
        }

        if (cos_victim_json(v, v->pos, &docs[n], a) != 0) {
            v->broken = 1;
            continue;
        }

        bytes += v->items[v->pos].payload_len;
        n++;
    }

    if (rc == 0 && n > 0) {
        rc = ask_batch(m, v, docs, n, list, &moves, a);
    }

    if (rc == 0 && moves > 0) {
        rc = cos_compact_move(m, v, list, moves);
    }

    cos_arena_free(arena);

    return rc != 0 ? -1 : 1;
}


/* --- the end -------------------------------------------------------------------- */

static int
forget(cos_maint_t *m, cos_victim_t *v)
{
    size_t  i;

    for (i = 0; i < v->buckets.n; i++) {
        if (redisAppendCommand(m->redis, "SREM d{%b} %llu",
                               v->buckets.list[i].id.data,
                               v->buckets.list[i].id.len,
                               (unsigned long long) v->cid) != REDIS_OK)
        {
            return cos_maint_fail(m, "forgetting a container");
        }
    }

    return cos_rs_skip(m->redis, v->buckets.n) != 0
           ? cos_maint_fail(m, "forgetting a container") : 0;
}


static int
notes_stay(cos_maint_t *m, cos_victim_t *v)
{
    int                 rc;
    cos_maint_state_t  *st = cos_maint_state(m);

    st->at_notes = cos_maint_now() + NOTES_EVERY;
    rc = mark(&st->notes, v->cid, st->unlinked + 1);
    cos_compact_drop(m);

    return rc;
}


static int
remove_victim(cos_maint_t *m, cos_victim_t *v)
{
    int                 rc;
    uint64_t            weight;
    cos_maint_state_t  *st = cos_maint_state(m);

    rc = cos_compact_notes(m, v, 0);

    if (rc <= 0) {
        return rc < 0 ? -1 : notes_stay(m, v);
    }

    if (cos_rs_weights(m->redis, &v->buckets, &v->cid, &weight, 1) != 0
        || cos_maint_ours(m) != 0)
    {
        return cos_maint_fail(m, "reading weights");
    }

    if (weight != 0) {
        return 0;                     /* the next pick finds it alive again */
    }

    if (cos_store_unlink(m->store, v->cid) != 0) {
        cos_maint_say(m, 1, "cannot remove container %012llx: %s",
                      (unsigned long long) v->cid, strerror(errno));
        return mark(&st->stuck, v->cid, 1);
    }

    st->unlinked++;

    return forget(m, v);
}


static int
mark(cos_table_t *t, uint64_t cid, uint64_t value)
{
    cos_hash_t   h;
    cos_slot_t  *s;

    cos_hash_number(&h, cid, 0);

    s = cos_table_add(t, &h);
    if (s == NULL) {
        return -1;
    }

    s->a = value;

    return 0;
}


static uint64_t
marked(const cos_table_t *t, uint64_t cid)
{
    cos_hash_t   h;
    cos_slot_t  *s;

    cos_hash_number(&h, cid, 0);
    s = cos_table_find(t, &h);

    return s != NULL ? s->a : 0;
}
