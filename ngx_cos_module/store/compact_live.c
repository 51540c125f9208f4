/*
 * Compaction: what in a container is alive. Its records name keys and parts;
 * whether those still refer to it, Redis says, a batch at a time.
 */

#include <stdlib.h>

#include "maint_internal.h"


#define BATCH     128
#define VERSIONS  4                   /* of a key that move with a batch */


static int
add_move(cos_move_t *list, size_t *n, const cos_json_t *j, cos_json_e kind,
    cos_str_t reply, uint64_t cid, cos_alloc_t *a)
{
    size_t       i;
    cos_str_t    rec;
    cos_move_t  *mv;

    /* the reply goes before the move is made */
    if (cos_dup(a, &rec, reply.data, reply.len) != 0) {
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
                  && cos_object_version(&list[i].o)
                     == cos_object_version(&mv->o)
                : cos_str_eq(list[i].upload, mv->upload)
                  && list[i].part == mv->part))
        {
            return 0;
        }
    }

    ++*n;

    return 0;
}


/* What the replies about one document name that lies here. */
static int
add_replies(cos_move_t *list, size_t *moves, const cos_json_t *j,
    redisReply **r, uint64_t cid, cos_alloc_t *a)
{
    cos_str_t  rec;

    rec = j->kind == COS_J_PART ? cos_rs_str(r[1]) : cos_rs_found(r[0], 0);

    return rec.len == 0 ? 0
           : add_move(list, moves, j, j->kind, rec, cid, a);
}


/* A page of a key's versions that refer to the victim, at most max of them. 1:
 * that was not all, and of what was left out h stands for the page. */
static int
add_holders(cos_move_t *list, size_t *moves, size_t max, cos_holders_t *h,
    const redisReply *r, uint64_t cid, cos_alloc_t *a)
{
    size_t      i;
    cos_str_t   rec;
    cos_json_t  j;

    memset(&j, 0, sizeof(j));
    j.bid = h->bid;
    j.key = h->key;

    for (i = 0; (rec = cos_holders_found(r, i)).len != 0; i++) {
        if (i == max) {
            return 1;
        }

        if (add_move(list, moves, &j, COS_J_OBJECT, rec, cid, a) != 0) {
            return -1;
        }
    }

    return cos_holders_next(h, r);
}


/* The rest of a key's versions, by a page in each slice. */
static int
later(cos_victim_t *v, const cos_holders_t *h)
{
    cos_alloc_t    *a = cos_arena_alloc(v->arena);
    cos_holders_t  *list, *to;

    if (v->nlater == v->later_cap) {
        list = realloc(v->later, (2 * v->later_cap + BATCH)
                                 * sizeof(cos_holders_t));
        if (list == NULL) {
            return -1;
        }

        v->later = list;
        v->later_cap = 2 * v->later_cap + BATCH;
    }

    to = &v->later[v->nlater];
    *to = *h;

    if (cos_dup(a, &to->bid, h->bid.data, h->bid.len) != 0
        || cos_dup(a, &to->key, h->key.data, h->key.len) != 0)
    {
        return -1;
    }

    v->nlater++;

    return 0;
}


static int
take_replies(cos_maint_t *m, redisReply **r, int n)
{
    int  k, rc;

    rc = 0;

    for (k = 0; k < n; k++) {
        r[k] = cos_rs_next(m->redis);

        if (r[k] == NULL || r[k]->type == REDIS_REPLY_ERROR) {
            rc = cos_maint_fail(m, "asking for records");
        }
    }

    return rc;
}


typedef struct {
    cos_maint_t    *m;
    cos_victim_t   *v;
    cos_alloc_t    *a;
    cos_json_t     *docs;
    size_t          n;
    cos_holders_t  *holders;          /* of keys of parts among them */
    size_t          nholders;
    cos_move_t     *list;
    size_t          moves;
    int             asked[BATCH];
} batch_t;


static int
ask_batch(batch_t *b)
{
    int     rc;
    size_t  i;

    for (i = 0; i < b->n; i++) {
        b->asked[i] = cos_fate_ask(b->m->redis, &b->docs[i], b->a);
        if (b->asked[i] < 0) {
            return cos_maint_fail(b->m, "asking for records");
        }
    }

    for (i = 0; i < b->n; i++) {
        rc = cos_holders_first(&b->v->keys, &b->docs[i],
                               &b->holders[b->nholders]);

        if (rc < 0
            || (rc > 0 && cos_holders_ask(b->m->redis,
                                          &b->holders[b->nholders], b->v->cid,
                                          b->a) != 0))
        {
            return cos_maint_fail(b->m, "asking for records");
        }

        b->nholders += (size_t) rc;
    }

    return 0;
}


static int
take_batch(batch_t *b)
{
    int          rc, k;
    size_t       i, all;
    redisReply  *r[COS_FATE_REPLIES];

    all = b->n + b->nholders;
    rc = 0;

    for (i = 0; i < all; i++) {
        memset(r, 0, sizeof(r));

        if (take_replies(b->m, r, i < b->n ? b->asked[i] : 1) != 0) {
            rc = -1;

        } else if (rc == 0 && i < b->n) {
            rc = add_replies(b->list, &b->moves, &b->docs[i], r, b->v->cid,
                             b->a);

        } else if (rc == 0) {
            rc = add_holders(b->list, &b->moves, VERSIONS,
                             &b->holders[i - b->n], r[0], b->v->cid, b->a);

            if (rc > 0) {
                rc = later(b->v, &b->holders[i - b->n]);
            }
        }

        for (k = 0; k < COS_FATE_REPLIES; k++) {
            freeReplyObject(r[k]);
        }

        if (rc != 0 && b->m->redis->err) {
            break;
        }
    }

    return rc;
}


/* The documents of the next records. */
static int
read_batch(batch_t *b)
{
    uint64_t       bytes;
    cos_victim_t  *v = b->v;

    b->docs = cos_alloc(b->a, BATCH * sizeof(cos_json_t));
    b->holders = cos_alloc(b->a, BATCH * sizeof(cos_holders_t));
    b->list = cos_alloc(b->a, (1 + VERSIONS) * BATCH * sizeof(cos_move_t));

    if (b->docs == NULL || b->holders == NULL || b->list == NULL) {
        return -1;
    }

    bytes = 0;

    for ( /* void */ ; b->n < BATCH && v->pos < v->n
                       && bytes < COS_MOVE_BYTES; v->pos++)
    {
        if (!cos_kind_weighs(v->items[v->pos].kind)) {
            continue;
        }

        if (cos_victim_json(v, v->pos, &b->docs[b->n], b->a) != 0) {
            v->broken = 1;
            continue;
        }

        bytes += v->items[v->pos].payload_len;
        b->n++;
    }

    return 0;
}


int
cos_compact_batch(cos_maint_t *m, cos_victim_t *v)
{
    int           rc;
    batch_t       b;
    cos_arena_t  *arena;

    arena = cos_arena_create();
    if (arena == NULL) {
        return -1;
    }

    memset(&b, 0, sizeof(b));
    b.m = m;
    b.v = v;
    b.a = cos_arena_alloc(arena);
    rc = read_batch(&b);

    if (rc == 0 && b.n > 0) {
        rc = ask_batch(&b);
    }

    if (rc == 0 && b.n > 0) {
        rc = take_batch(&b);
    }

    if (rc == 0 && b.moves > 0) {
        rc = cos_compact_move(m, v, b.list, b.moves);
    }

    cos_arena_free(arena);

    return rc != 0 ? -1 : 1;
}


/* A further page of who refers to a file. NULL: Redis failed, and it is told. */
static redisReply *
ask_later(cos_maint_t *m, const cos_holders_t *h, uint64_t cid, cos_alloc_t *a)
{
    redisReply  *r = NULL;

    if (cos_holders_ask(m->redis, h, cid, a) != 0) {
        (void) cos_maint_fail(m, "asking for records");
        return NULL;
    }

    return take_replies(m, &r, 1) == 0 ? r : NULL;
}


/* Of a page all move, so that the next one begins behind it. */
int
cos_compact_later(cos_maint_t *m, cos_victim_t *v)
{
    int             rc;
    size_t          moves;
    redisReply     *r;
    cos_move_t     *list;
    cos_alloc_t    *a;
    cos_arena_t    *arena;
    cos_holders_t  *h = &v->later[v->nlater - 1];

    arena = cos_arena_create();
    if (arena == NULL) {
        return -1;
    }

    a = cos_arena_alloc(arena);
    moves = 0;
    r = ask_later(m, h, v->cid, a);
    list = r != NULL ? cos_alloc(a, (r->elements + 1) * sizeof(cos_move_t))
                     : NULL;
    rc = list == NULL ? -1
         : add_holders(list, &moves, SIZE_MAX, h, r, v->cid, a);

    if (rc == 0) {
        v->nlater--;
    }

    freeReplyObject(r);

    if (rc >= 0 && moves > 0) {
        rc = cos_compact_move(m, v, list, moves);
    }

    cos_arena_free(arena);

    return rc < 0 ? -1 : 1;
}
