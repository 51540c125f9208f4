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
#include <unistd.h>

#include "maint_internal.h"


#define NOTES_EVERY  3600000          /* ms */

static int notes_stay(cos_maint_t *m, cos_victim_t *v);
static int remove_victim(cos_maint_t *m, cos_victim_t *v);


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
        free(v->later);
        cos_table_free(&v->keys);
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


int
cos_compact_items(cos_maint_t *m, cos_victim_t *v)
{
    cos_scan_info_t  info;

    if (cos_container_scan(v->fd, COS_SCAN_JSON, &info, add_item, v) != 0) {
        cos_maint_say(m, 1, "cannot read container %012llx: %s",
                      (unsigned long long) v->cid, strerror(errno));
        v->broken = 1;
        return cos_compact_leave(m, v);
    }

    if (v->broken && v->drained) {
        /* a damaged record may be a note that still counts */
        cos_maint_say(m, 1, "container %012llx is damaged and therefore kept",
                      (unsigned long long) v->cid);
        return cos_compact_leave(m, v);
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

    /* what is moved stays in the directory of its class */
    m->out_slot = cos_cid_slot(v->cid);

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

    if (v->nlater > 0) {
        return cos_compact_later(m, v);
    }

    if (v->pos < v->n) {
        return cos_compact_batch(m, v);
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
        return cos_compact_leave(m, v);
    }

    m->compacted++;
    cos_compact_drop(m);

    return 0;
}


/* Not to be tried again. */
int
cos_compact_leave(cos_maint_t *m, cos_victim_t *v)
{
    int  rc;

    rc = cos_mark(&cos_maint_state(m)->stuck, v->cid, 1);
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
    rc = cos_mark(&st->notes, v->cid, st->unlinked + 1);
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
        return cos_mark(&st->stuck, v->cid, 1);
    }

    st->unlinked++;

    return forget(m, v);
}
