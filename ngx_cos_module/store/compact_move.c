/*
 * Compaction: moving. A record that Redis holds is copied to where it will
 * live from now on, made durable there, and only then put in the old one's
 * place, if that has not changed meanwhile. Reading comes before writing for a
 * whole batch, so that a batch costs one sync and one round trip.
 *
 * A copy whose exchange is refused stays behind as dead bytes. It needs no
 * note: what refused it has a higher number, or is a deletion.
 */

#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>

#include "cos_facts.h"
#include "maint_internal.h"


/* Uploads have ids of their own; this one is never open. */
#define NO_UPLOAD  "moved"

static int in_place(const cos_move_t *mv, uint64_t cid);
static int build_whole(cos_maint_t *m, cos_victim_t *v, const cos_move_t *mv,
    cos_pack_rec_t *rec, cos_alloc_t *a);
static int move_scattered(cos_maint_t *m, cos_victim_t *v, cos_move_t *mv);
static int load(cos_maint_t *m, cos_victim_t *v, const cos_seg_t *seg,
    cos_pack_rec_t *rec, cos_alloc_t *a);
static int encode(const cos_move_t *mv, int self, cos_pack_rec_t *rec,
    cos_alloc_t *a);
static int exchange(cos_maint_t *m, const cos_move_t *mv, cos_alloc_t *a);
static int settle_exchange(cos_maint_t *m, uint64_t bytes);


/* One segment, or no segment here: one record says and holds it all. */
static int
in_place(const cos_move_t *mv, uint64_t cid)
{
    uint32_t  i;

    if (mv->o.nsegs == 1) {
        return 1;
    }

    for (i = 0; i < mv->o.nsegs; i++) {
        if (mv->o.segs[i].cid == cid) {
            return 0;
        }
    }

    return 1;
}


int
cos_compact_move(cos_maint_t *m, cos_victim_t *v, cos_move_t *list, size_t n)
{
    int               rc;
    size_t            i, k;
    cos_alloc_t      *a;
    cos_arena_t      *arena;
    cos_pack_rec_t   *recs, **ptr;
    cos_move_t      **moved;

    arena = cos_arena_create();
    if (arena == NULL) {
        return -1;
    }

    a = cos_arena_alloc(arena);
    recs = cos_zalloc(a, n * sizeof(cos_pack_rec_t));
    ptr = cos_zalloc(a, n * sizeof(cos_pack_rec_t *));
    moved = cos_zalloc(a, n * sizeof(cos_move_t *));
    rc = recs != NULL && ptr != NULL && moved != NULL ? 0 : -1;
    k = 0;

    for (i = 0; rc == 0 && i < n; i++) {
        if (list[i].o.rev == UINT16_MAX) {
            cos_maint_say(m, 1, "a record was moved too often to be moved "
                          "again");
            v->broken = 1;
            continue;
        }

        if (!in_place(&list[i], v->cid)) {
            rc = move_scattered(m, v, &list[i]);
            continue;
        }

        rc = build_whole(m, v, &list[i], &recs[k], a);

        if (rc == 0) {
            moved[k] = &list[i];
            ptr[k] = &recs[k];
            k++;

        } else if (rc > 0) {
            v->broken = 1;            /* damaged bytes: the rest can move */
            rc = 0;
        }
    }

    if (rc == 0 && k > 0) {
        rc = cos_maint_write(m, ptr, k);
    }

    for (i = 0; rc == 0 && i < k; i++) {
        if (recs[i].payload.data != NULL) {
            moved[i]->o.nsegs = 1;
            moved[i]->o.segs[0].cid = recs[i].cid;
            moved[i]->o.segs[0].off = recs[i].off;
            moved[i]->o.home = 0;

        } else {
            moved[i]->o.home = recs[i].cid;
        }

        rc = exchange(m, moved[i], a);
    }

    for (i = 0; rc == 0 && i < k; i++) {
        rc = settle_exchange(m, recs[i].payload.len);
    }

    cos_arena_free(arena);

    return rc;
}


/* 1: the bytes are damaged. The one segment may lie elsewhere, with only the
 * JSON here. payload.data is set even when its length is 0: it says that the
 * record brought its bytes along. */
static int
build_whole(cos_maint_t *m, cos_victim_t *v, const cos_move_t *mv,
    cos_pack_rec_t *rec, cos_alloc_t *a)
{
    int  rc, self;

    self = mv->o.nsegs == 1 && mv->o.segs[0].cid == v->cid;

    if (self) {
        rc = load(m, v, &mv->o.segs[0], rec, a);
        if (rc != 0) {
            return rc;
        }
    }

    return encode(mv, self, rec, a);
}


/* Segments that lie here first, as records of their own, then the list. */
static int
move_scattered(cos_maint_t *m, cos_victim_t *v, cos_move_t *mv)
{
    int              rc;
    uint32_t         i;
    cos_move_t       holder;
    cos_alloc_t     *a;
    cos_arena_t     *arena;
    cos_pack_rec_t   rec, *ptr;

    rc = 0;
    ptr = &rec;

    memset(&holder, 0, sizeof(holder));
    holder.kind = COS_J_PART;
    holder.bid = mv->bid;
    holder.key = mv->key;
    holder.upload = COS_STR(NO_UPLOAD);
    holder.part = 1;
    holder.o.seq = mv->o.seq;

    for (i = 0; rc == 0 && i <= mv->o.nsegs; i++) {
        if (i < mv->o.nsegs && mv->o.segs[i].cid != v->cid) {
            continue;
        }

        arena = cos_arena_create();
        if (arena == NULL) {
            return -1;
        }

        a = cos_arena_alloc(arena);

        if (i < mv->o.nsegs) {
            rc = load(m, v, &mv->o.segs[i], &rec, a);

            if (rc == 0) {
                holder.o.size = rec.payload.len;
                holder.o.crc64 = rec.payload_crc;
                rc = encode(&holder, 1, &rec, a);
            }

            if (rc == 0 && (rc = cos_maint_write(m, &ptr, 1)) == 0) {
                mv->o.segs[i].cid = rec.cid;
                mv->o.segs[i].off = rec.off;
            }

        } else {
            rc = encode(mv, 0, &rec, a);

            if (rc == 0 && (rc = cos_maint_write(m, &ptr, 1)) == 0) {
                mv->o.home = rec.cid;
                rc = exchange(m, mv, a);
            }

            if (rc == 0) {
                rc = settle_exchange(m, 0);
            }
        }

        cos_arena_free(arena);
    }

    if (rc > 0) {
        v->broken = 1;
        return 0;
    }

    return rc;
}


static const cos_item_t *
item_of(const cos_victim_t *v, const cos_seg_t *seg)
{
    size_t             lo, hi, mid;
    const cos_item_t  *it;

    lo = 0;
    hi = v->n;

    while (lo < hi) {
        mid = lo + (hi - lo) / 2;

        if (v->items[mid].payload_off <= seg->off) {
            lo = mid + 1;

        } else {
            hi = mid;
        }
    }

    if (lo == 0) {
        return NULL;
    }

    it = &v->items[lo - 1];

    if (seg->off - it->payload_off > it->payload_len
        || seg->len > it->payload_len - (seg->off - it->payload_off))
    {
        return NULL;
    }

    return it;
}


/* 1: not there, or not what was written. Damage must not be moved along under
 * a fresh checksum. */
static int
load(cos_maint_t *m, cos_victim_t *v, const cos_seg_t *seg,
    cos_pack_rec_t *rec, cos_alloc_t *a)
{
    cos_u8            *p;
    const cos_item_t  *it;

    memset(rec, 0, sizeof(cos_pack_rec_t));
    it = item_of(v, seg);

    if (it != NULL) {
        p = cos_alloc(a, (size_t) it->payload_len + 1);
        if (p == NULL) {
            return -1;
        }

        if (cos_pread_full(v->fd, p, (size_t) it->payload_len,
                           it->payload_off) == (ssize_t) it->payload_len
            && cos_crc64(0, p, (size_t) it->payload_len) == it->payload_crc)
        {
            rec->payload.data = p + (seg->off - it->payload_off);
            rec->payload.len = (size_t) seg->len;
            rec->payload_crc = seg->len == it->payload_len
                               ? it->payload_crc
                               : cos_crc64(0, rec->payload.data,
                                           rec->payload.len);
            return 0;
        }
    }

    cos_maint_say(m, 1, "container %012llx is damaged at %llu",
                  (unsigned long long) v->cid,
                  (unsigned long long) seg->off);

    return 1;
}


static int
encode(const cos_move_t *mv, int self, cos_pack_rec_t *rec, cos_alloc_t *a)
{
    cos_buf_t   b;
    cos_json_t  j;

    memset(&j, 0, sizeof(j));
    j.kind = mv->kind;
    j.bid = mv->bid;
    j.key = mv->key;
    j.seq = mv->o.seq;
    j.self = self ? 1 : 0;
    j.object = mv->o;
    j.object.rev++;
    j.object.home = 0;

    if (mv->kind == COS_J_PART) {
        j.upload = mv->upload;
        j.part = mv->part;
    }

    if (!self) {
        memset(rec, 0, sizeof(cos_pack_rec_t));
    }

    cos_buf_init(&b, a, 512 + 48 * (size_t) mv->o.nsegs);

    if (cos_json_encode(&b, &j) != 0 || b.err) {
        return -1;
    }

    rec->kind = mv->kind;
    rec->weighs = 1;
    rec->seq = mv->o.seq;
    rec->json.data = b.data;
    rec->json.len = b.len;

    return 0;
}


/* Sends the compare-and-set. From here on a failure means that the outcome is
 * unknown. */
static int
exchange(cos_maint_t *m, const cos_move_t *mv, cos_alloc_t *a)
{
    size_t        n;
    cos_buf_t     b;
    cos_str_t     argv[10];
    cos_object_t  o;

    o = mv->o;
    o.rev++;
    cos_buf_init(&b, a, 256);

    if (cos_object_encode(&b, &o) != 0 || b.err) {
        return cos_maint_fail(m, "encoding a record");
    }

    n = 0;
    argv[n++] = COS_STR("FCALL");

    if (mv->kind == COS_J_PART) {
        argv[n++] = COS_STR("cos_move_part");
        argv[n++] = COS_STR("1");
        (void) cos_rs_key(a, &argv[n++], 'P', mv->bid, mv->upload);
        argv[n++] = mv->bid;
        argv[n++] = mv->upload;
        argv[n++] = cos_rs_uint(a, mv->part);

    } else {
        argv[n++] = COS_STR("cos_move");
        argv[n++] = COS_STR("1");
        (void) cos_rs_key(a, &argv[n++], 'o', mv->bid, mv->key);
        argv[n++] = mv->bid;
        argv[n++] = mv->key;
    }

    argv[n++] = cos_rs_uint(a, mv->o.seq);
    argv[n++] = cos_rs_uint(a, mv->o.rev);
    argv[n].data = b.data;
    argv[n++].len = b.len;

    if (argv[3].data == NULL || cos_rs_add(m->redis, n, argv) != 0) {
        return cos_maint_fail(m, "moving a record");
    }

    return 0;
}


static int
settle_exchange(cos_maint_t *m, uint64_t bytes)
{
    redisReply  *r;

    r = cos_rs_next(m->redis);

    if (cos_rs_status(r, "OK")) {
        m->moved++;
        m->moved_bytes += bytes;

    } else if (!cos_rs_status(r, "GONE")) {
        if (r != NULL && r->type == REDIS_REPLY_ERROR) {
            snprintf(m->redis->errstr, sizeof(m->redis->errstr), "%s",
                     r->str);
        }

        freeReplyObject(r);
        return cos_maint_fail(m, "moving a record");
    }

    freeReplyObject(r);

    return 0;
}


/* --- references from elsewhere -------------------------------------------- */

/* A page of an index: the records that refer to the victim move. */
static int
foreign_page(cos_maint_t *m, cos_victim_t *v, cos_str_t bid, int versions,
    const redisReply *members)
{
    int           rc;
    size_t        i, n;
    cos_str_t     rec, *keys;
    cos_move_t   *list;
    cos_alloc_t  *a;
    cos_arena_t  *arena;
    redisReply   *r;

    arena = cos_arena_create();
    if (arena == NULL) {
        return -1;
    }

    a = cos_arena_alloc(arena);
    list = cos_zalloc(a, (members->elements + 1) * sizeof(cos_move_t));
    keys = cos_zalloc(a, 2 * (members->elements + 1) * sizeof(cos_str_t));
    rc = list != NULL && keys != NULL
         ? cos_rs_ask_members(m->redis, bid, versions, members, keys,
                              keys + members->elements + 1, a)
         : -1;
    n = 0;

    for (i = 0; rc == 0 && i < members->elements; i++) {
        r = cos_rs_next(m->redis);

        if (r == NULL) {
            rc = cos_maint_fail(m, "reading records");
            break;
        }

        list[n].kind = COS_J_OBJECT;
        list[n].bid = bid;
        list[n].key = keys[i];
        rec = cos_rs_found(r, 0);

        if (rec.len != 0 && cos_dup(a, &rec, rec.data, rec.len) == 0
            && cos_object_decode(&list[n].o, rec, a) == 0
            && cos_object_weight(&list[n].o, v->cid) != 0)
        {
            n++;
        }

        freeReplyObject(r);
    }

    if (rc == 0 && n > 0) {
        rc = cos_compact_move(m, v, list, n);
    }

    cos_arena_free(arena);

    return rc;
}


static int
foreign_index(cos_maint_t *m, cos_victim_t *v, cos_str_t bid, int versions)
{
    int          rc;
    int64_t      bytes;
    cos_str_t    next;
    redisReply  *r, *page, *members;

    next.data = (cos_u8 *) "";
    next.len = 0;
    page = NULL;

    do {
        r = cos_rs_index_page(m->redis, bid, versions, next, &next, &bytes,
                              &members);
        freeReplyObject(page);
        page = r;

        if (page == NULL) {
            return cos_maint_fail(m, "listing keys");
        }

        rc = foreign_page(m, v, bid, versions, members);

    } while (rc == 0 && next.len != 0 && !cos_maint_stopped(m));

    freeReplyObject(page);

    return rc;
}


/* Records of the container name their keys, so this finds something only when
 * a key refers to bytes that were stored under another one. */
int
cos_compact_foreign(cos_maint_t *m, cos_victim_t *v)
{
    int          rc, here;
    size_t       i;
    cos_str_t    bid;
    redisReply  *w;

    rc = 0;

    for (i = 0; rc == 0 && i < v->buckets.n; i++) {
        bid = v->buckets.list[i].id;

        w = cos_rs_call(m->redis, "HEXISTS c{%b} %llu", bid.data, bid.len,
                        (unsigned long long) v->cid);
        if (w == NULL) {
            return cos_maint_fail(m, "reading weights");
        }

        here = (w->integer != 0);
        freeReplyObject(w);

        if (here) {
            rc = foreign_index(m, v, bid, 0);
        }

        if (here && rc == 0) {
            rc = foreign_index(m, v, bid, 1);
        }
    }

    return rc;
}
