/*
 * Compaction: what in a container is alive. Its records name keys and parts;
 * whether those still refer to it, Redis says, a batch at a time.
 */

#include "maint_internal.h"


#define BATCH     128
#define VERSIONS  4                   /* taken of one key at a time */


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
add_moves(cos_move_t *list, size_t *moves, const cos_json_t *j, redisReply **r,
    uint64_t cid, cos_alloc_t *a)
{
    size_t     i;
    cos_str_t  rec;

    rec = cos_rs_str(j->kind == COS_J_PART ? r[1] : NULL);

    if (rec.len != 0
        && add_move(list, moves, j, COS_J_PART, rec, cid, a) != 0)
    {
        return -1;
    }

    /* of more than fit there is another round: the container stays heavy */
    for (i = 0; i < VERSIONS; i++) {
        rec = cos_rs_found(r[j->kind == COS_J_PART ? 2 : 0], i);

        if (rec.len == 0) {
            break;
        }

        if (add_move(list, moves, j, COS_J_OBJECT, rec, cid, a) != 0) {
            return -1;
        }
    }

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
        asked[i] = cos_fate_ask(m->redis, &docs[i], v->cid, a);
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

        if (rc == 0) {
            rc = add_moves(list, moves, &docs[i], r, v->cid, a);
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


int
cos_compact_batch(cos_maint_t *m, cos_victim_t *v)
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
    list = cos_alloc(a, (1 + VERSIONS) * BATCH * sizeof(cos_move_t));
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
