/*
 * Compaction: which container is next.
 */

#define _GNU_SOURCE

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "maint_internal.h"


#define NOTES_MIN  (1u << 20)         /* bytes */

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

    if (in_open || cos_cid_is_solo(cid) || cos_marked(&st->stuck, cid)) {
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

    if (cos_marked(&st->drained, cid) == 0
        && cos_mark(&st->drained, cid, (uint64_t) p->now) != 0)
    {
        return -1;
    }

    if (p->now - (int64_t) cos_marked(&st->drained, cid) < p->linger) {
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

    return cos_marked(&st->notes, cid) != st->unlinked + 1
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
        return cos_compact_leave(m, v) < 0 ? -1 : 1;
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

    return cos_compact_items(m, v) < 0 ? -1 : 1;
}
