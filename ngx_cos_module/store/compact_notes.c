/*
 * Compaction: notes. A container that weighs nothing may still say something
 * that a rebuild must hear: that a key was deleted, that a record was never
 * committed, that a bucket exists. Before the file goes, those are written
 * again elsewhere.
 *
 * When a note may be forgotten: a note speaks about records with a lower
 * number (a deletion) or about one record (void). When no container but this
 * one holds any of them, it says nothing. Nothing less will do: neither the
 * age of containers nor their ids tell, because compaction gives old records
 * young containers. That costs one look at all containers, so it is taken only
 * where notes are a good part of the container.
 *
 * What is still under way cannot be harmed: a record that is appended later is
 * committed, or refused and voided by a note of its own, or voided by
 * recovery.
 */

#define _GNU_SOURCE

#include <stdlib.h>
#include <unistd.h>

#include "maint_internal.h"


#define BATCH       128
#define LOOK_SHARE  8                 /* look when notes are an 8th of a file */
#define LOOK_COST   256               /* and bytes read per byte that may go */

typedef struct {
    cos_json_t       doc;
    cos_pack_rec_t   rec;
    int              needed;
    int              droppable;       /* may be dropped when not needed */
} note_t;

typedef struct {
    cos_maint_t   *m;
    cos_victim_t  *v;
    cos_alloc_t   *a;                 /* lives as long as the notes */
    note_t        *list;
    size_t         n, cap;
    uint64_t       bytes;
    cos_table_t    names;             /* name -> a: seq below which a record
                                         matters, n: note + 1; or a version */
    cos_arena_t   *arena;             /* of the record at hand */
    uint64_t       cid;               /* of the container at hand */
    unsigned       taken;
    int            blind;             /* something could not be read */
} notes_t;

static int collect(notes_t *s);
static int collect_batch(notes_t *s, const size_t *index, size_t n);
static int judge(notes_t *s, const cos_json_t *j, redisReply **r);
static int add_note(notes_t *s, const cos_json_t *j, int droppable);
static int worth(const notes_t *s);
static int look(notes_t *s);
static int index_notes(notes_t *s);
static int look_at(void *ctx, uint64_t cid, int in_open);
static int look_record(void *ctx, const cos_rec_t *r, cos_scan_e state,
    cos_str_t json);
static int carry(notes_t *s, int *dropped);


int
cos_compact_notes(cos_maint_t *m, cos_victim_t *v, int probe)
{
    int           rc, dropped, alone, looked;
    size_t        i, needed, total;
    notes_t       s;
    uint64_t      size;
    cos_arena_t  *arena;

    memset(&s, 0, sizeof(s));
    s.m = m;
    s.v = v;
    arena = cos_arena_create();
    if (arena == NULL) {
        return -1;
    }

    s.a = cos_arena_alloc(arena);
    rc = collect(&s);
    alone = 1;
    looked = 0;

    for (i = 0, total = 0; i < v->n; i++) {
        if (cos_kind_weighs(v->items[i].kind)) {
            alone = 0;

        } else {
            total += v->items[i].kind != COS_J_SEAL;
        }
    }

    size = v->n != 0 ? v->items[v->n - 1].rec_off : 0;

    if (rc == 0 && s.n != 0 && (alone || s.bytes >= size / LOOK_SHARE)
        && worth(&s))
    {
        rc = look(&s);
        looked = !s.blind;
    }

    for (i = 0, needed = 0; i < s.n; i++) {
        if (!looked || !s.list[i].droppable) {
            s.list[i].needed = 1;
        }

        needed += s.list[i].needed != 0;
    }

    if (rc == 0 && (alone || probe) && 2 * needed > total) {
        /* to write it all again would gain too little */
        rc = 0;

    } else if (rc == 0 && probe) {
        rc = 1;

    } else if (rc == 0) {
        rc = carry(&s, &dropped);

        /* files that went before must not come back after a crash without
         * the notes that speak about what is in them */
        if (rc == 0 && dropped && m->store->sync
            && cos_store_sync_all(m->store) != 0)
        {
            cos_maint_say(m, 1, "cannot sync: %s", strerror(errno));
            rc = -1;
        }

        rc = rc == 0 ? 1 : -1;
    }

    cos_table_free(&s.names);
    free(s.list);
    cos_arena_free(arena);

    return rc;
}


/* --- what there is to carry ----------------------------------------------- */

static int
collect(notes_t *s)
{
    int     rc;
    size_t  i, n, index[BATCH];

    rc = 0;
    n = 0;

    for (i = 0; rc == 0 && i < s->v->n; i++) {
        if (s->v->items[i].kind == COS_J_SEAL) {
            continue;
        }

        index[n++] = i;

        if (n == BATCH) {
            rc = collect_batch(s, index, n);
            n = 0;
        }
    }

    return rc == 0 && n > 0 ? collect_batch(s, index, n) : rc;
}


/* Of objects only the end of their upload is of interest: is it still open? */
static int
ask(notes_t *s, const cos_json_t *j, cos_alloc_t *a)
{
    if (j->kind == COS_J_PART
        || (j->kind == COS_J_OBJECT && j->object.upload.len == 0))
    {
        return 0;
    }

    return cos_fate_ask(s->m->redis, j, a);
}


static int
collect_batch(notes_t *s, const size_t *index, size_t n)
{
    int           rc, k, asked[BATCH];
    size_t        i;
    cos_json_t   *docs;
    redisReply   *r[COS_FATE_REPLIES];

    docs = cos_alloc(s->a, n * sizeof(cos_json_t));
    if (docs == NULL) {
        return -1;
    }

    rc = 0;

    for (i = 0; i < n; i++) {
        if (cos_victim_json(s->v, index[i], &docs[i], s->a) != 0) {
            cos_maint_say(s->m, 1, "container %012llx has an unreadable "
                          "record at %llu", (unsigned long long) s->v->cid,
                          (unsigned long long)
                          s->v->items[index[i]].rec_off);
            return -1;
        }
    }

    for (i = 0; i < n; i++) {
        asked[i] = ask(s, &docs[i], s->a);
        if (asked[i] < 0) {
            return cos_maint_fail(s->m, "asking for records");
        }
    }

    for (i = 0; i < n; i++) {
        memset(r, 0, sizeof(r));

        for (k = 0; k < asked[i]; k++) {
            r[k] = cos_rs_next(s->m->redis);

            if (r[k] == NULL || r[k]->type == REDIS_REPLY_ERROR) {
                rc = cos_maint_fail(s->m, "asking for records");
            }
        }

        if (rc == 0) {
            rc = judge(s, &docs[i], r);
        }

        for (k = 0; k < asked[i]; k++) {
            freeReplyObject(r[k]);
        }

        if (rc != 0 && s->m->redis->err) {
            break;
        }
    }

    return rc;
}


static int
judge(notes_t *s, const cos_json_t *j, redisReply **r)
{
    cos_json_t    note;
    cos_fate_e    fate;
    cos_object_t  o;

    switch (j->kind) {

    case COS_J_PART:
        return 0;

    case COS_J_OBJECT:
        if (j->object.upload.len == 0 || cos_rs_str(r[1]).len != 0
            || cos_victim_bucket(s->v, j->bid) == NULL)
        {
            return 0;
        }

        /* a living copy of the object says by itself where it came from */
        if (cos_rs_found(r[0], 0).len != 0
            && cos_object_decode(&o, cos_rs_found(r[0], 0), s->a) == 0
            && cos_str_eq(o.upload, j->object.upload))
        {
            return 0;
        }

        memset(&note, 0, sizeof(note));
        note.kind = COS_J_ABORT;
        note.bid = j->bid;
        note.seq = j->seq;
        note.upload = j->object.upload;

        return add_note(s, &note, 1);

    case COS_J_VOID:
        return j->bid.len != 0 && j->bucket.name.len == 0
               && cos_victim_bucket(s->v, j->bid) == NULL
               ? 0 : add_note(s, j, 1);

    default:
        break;
    }

    /* of a bucket that is gone nothing is rebuilt, and its id never returns */
    if ((j->kind == COS_J_DELETE || j->kind == COS_J_ABORT
         || j->kind == COS_J_UPLOAD)
        && cos_victim_bucket(s->v, j->bid) == NULL)
    {
        return 0;
    }

    fate = cos_fate(j, s->v->cid, r, s->a);

    return fate != COS_FATE_KEEP ? 0
           : add_note(s, j, j->kind != COS_J_UPLOAD && j->kind != COS_J_BUCKET
                            && j->kind != COS_J_CRED);
}


static int
add_note(notes_t *s, const cos_json_t *j, int droppable)
{
    note_t  *list;
    size_t   cap;

    if (s->n == s->cap) {
        cap = s->cap ? s->cap * 2 : 256;

        list = realloc(s->list, cap * sizeof(note_t));
        if (list == NULL) {
            return -1;
        }

        s->list = list;
        s->cap = cap;
    }

    memset(&s->list[s->n], 0, sizeof(note_t));
    s->list[s->n].doc = *j;
    s->list[s->n].droppable = droppable;

    if (cos_maint_note(s->a, &s->list[s->n].rec, j) != 0) {
        return -1;
    }

    s->bytes += cos_rec_size(0, s->list[s->n].rec.json.len);
    s->n++;

    return 0;
}


/* --- whether it still has to be said -------------------------------------- */

/* Whoever runs the job wholly has time. */
static int
worth(const notes_t *s)
{
    size_t              i;
    uint64_t            all;
    cos_maint_state_t  *st = cos_maint_state(s->m);

    for (i = 0, all = 0; i < st->seals.cap; i++) {
        all += st->seals.slots[i].used ? st->seals.slots[i].c : 0;
    }

    return st->whole || all / LOOK_COST <= s->bytes;
}


static int
look(notes_t *s)
{
    if (index_notes(s) != 0) {
        return -1;
    }

    s->arena = cos_arena_create();
    if (s->arena == NULL) {
        return -1;
    }

    if (cos_store_walk(s->m->store, look_at, s) != 0) {
        s->blind = 1;
    }

    cos_arena_free(s->arena);

    return 0;
}


static int
index_void(notes_t *s, const cos_json_t *j, size_t i)
{
    size_t       k;
    cos_hash_t   name[5], h;
    cos_slot_t  *slot;

    k = cos_void_names(name, j);

    while (k-- > 0) {
        cos_hash_version(&h, &name[k], j->void_seq, j->void_rev, j->inc);

        slot = cos_table_add(&s->names, &h);
        if (slot == NULL) {
            return -1;
        }

        slot->n = (uint32_t) i + 1;
        slot->kind = COS_N_VOID;
    }

    return 0;
}


/* Of several deletions of one name the last one says what the others do. */
static int
index_notes(notes_t *s)
{
    size_t       i;
    cos_hash_t   h;
    cos_slot_t  *slot;

    for (i = 0; i < s->n; i++) {
        if (!s->list[i].droppable) {
            continue;
        }

        if (s->list[i].doc.kind == COS_J_VOID) {
            if (index_void(s, &s->list[i].doc, i) != 0) {
                return -1;
            }
            continue;
        }

        if (cos_hash_json(&h, &s->list[i].doc) != 0) {
            continue;
        }

        slot = cos_table_add(&s->names, &h);
        if (slot == NULL) {
            return -1;
        }

        if (slot->n == 0 || s->list[i].doc.seq > slot->a) {
            slot->n = (uint32_t) i + 1;
            slot->a = s->list[i].doc.seq;
        }
    }

    return 0;
}


static int
look_at(void *ctx, uint64_t cid, int in_open)
{
    int              fd, rc;
    notes_t         *s = ctx;
    cos_scan_info_t  info;

    (void) in_open;

    if (cid == s->v->cid) {
        return 0;
    }

    if (cos_maint_stopped(s->m)) {
        return -1;
    }

    fd = cos_store_open_cid(s->m->store, cid);
    if (fd == -1) {
        return errno == ENOENT ? 0 : -1;
    }

    s->cid = cid;
    rc = cos_container_scan(fd, COS_SCAN_JSON, &info, look_record, s);
    (void) close(fd);

    return rc;
}


static int
look_record(void *ctx, const cos_rec_t *r, cos_scan_e state, cos_str_t json)
{
    notes_t     *s = ctx;
    cos_json_t   j;
    cos_hash_t   h, version;
    cos_slot_t  *slot;

    /* A file whose writer has not got to its headers yet holds nothing that
     * could be older than the notes; anything else damaged might. */
    if (state != COS_SCAN_OK) {
        return (state == COS_SCAN_BAD_HEADER || state == COS_SCAN_BAD_FILE)
               && cos_cid_is_solo(s->cid) ? 0 : -1;
    }

    if (r->kind == COS_J_VOID || r->kind == COS_J_SEAL) {
        return 0;
    }

    if (++s->taken % 1024 == 0) {
        cos_arena_free(s->arena);
        s->arena = cos_arena_create();
    }

    if (s->arena == NULL
        || cos_json_decode(&j, json, cos_arena_alloc(s->arena)) != 0
        || cos_hash_json(&h, &j) != 0)
    {
        return -1;
    }

    cos_hash_version(&version, &h, j.seq, cos_json_rev(&j),
                     cos_cid_inc(s->cid));
    slot = cos_table_find(&s->names, &version);

    if (slot != NULL) {
        s->list[slot->n - 1].needed = 1;
    }

    if (j.kind != COS_J_OBJECT && j.kind != COS_J_UPLOAD
        && j.kind != COS_J_BUCKET && j.kind != COS_J_CRED)
    {
        return 0;
    }

    slot = cos_table_find(&s->names, &h);

    /* an upload is closed by its id, whatever the numbers */
    if (slot != NULL
        && (j.seq < slot->a || j.kind == COS_J_UPLOAD))
    {
        s->list[slot->n - 1].needed = 1;
    }

    return 0;
}


/* --- saying it again ------------------------------------------------------ */

static int
carry(notes_t *s, int *dropped)
{
    int               rc;
    size_t            i, k;
    cos_pack_rec_t  **list;

    *dropped = 0;

    list = calloc(s->n + 1, sizeof(cos_pack_rec_t *));
    if (list == NULL) {
        return -1;
    }

    for (i = 0, k = 0; i < s->n; i++) {
        if (s->list[i].needed) {
            list[k++] = &s->list[i].rec;

        } else {
            *dropped = 1;
        }
    }

    rc = k != 0 ? cos_maint_write(s->m, list, k) : 0;
    free(list);

    return rc;
}
