/*
 * Recovery of one pack: each record is judged by what Redis holds, what was
 * never committed is voided or cut off, the rest is sealed and settled.
 */

#define _GNU_SOURCE

#include <stdlib.h>
#include <unistd.h>

#include "maint_internal.h"


#define BATCH  128

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
    cos_holders_t *holders;           /* of the batch: of keys of its parts */
    cos_table_t    asked;             /* keys whose holders were asked for */
    cos_table_t    seen;              /* name -> a: weight counted, b: highest
                                         deletion that counts */
    uint64_t       explained;         /* weight by records we know */
    unsigned       bad;
} pack_t;

static int judge(pack_t *p);
static int finish_pack(pack_t *p, const cos_scan_info_t *info,
    uint64_t weight);


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


/* What the record at hand is judged by; -1: lost. */
static int
take_replies(pack_t *p, redisReply **r, int n)
{
    int  k, rc;

    rc = 0;

    for (k = 0; k < n; k++) {
        r[k] = cos_rs_next(p->m->redis);

        if (r[k] == NULL || r[k]->type == REDIS_REPLY_ERROR) {
            rc = cos_maint_fail(p->m, "asking for records");
        }
    }

    return rc;
}


/* Weighs the page whose reply comes next; 1: there is another one. */
static int
weigh_page(pack_t *p, cos_holders_t *h)
{
    int          rc;
    redisReply  *r = NULL;

    rc = take_replies(p, &r, 1);

    if (rc == 0) {
        rc = cos_holders_weigh(h, p->cid, r, count_weight, p) != 0 ? -1
             : cos_holders_next(h, r);
    }

    freeReplyObject(r);

    return rc;
}


/* Asked for are the first pages; most keys have no second one. */
static int
weigh_holders(pack_t *p, size_t n)
{
    int     rc, more[BATCH];
    size_t  i;

    rc = 0;

    for (i = 0; i < n; i++) {
        more[i] = weigh_page(p, &p->holders[i]);

        if (more[i] < 0) {
            rc = -1;

            if (p->m->redis->err) {
                return -1;
            }
        }
    }

    for (i = 0; rc == 0 && i < n; i++) {
        for (rc = more[i]; rc > 0; rc = weigh_page(p, &p->holders[i])) {
            if (cos_holders_ask(p->m->redis, &p->holders[i], p->cid,
                                cos_arena_alloc(p->arena)) != 0)
            {
                return cos_maint_fail(p->m, "asking for records");
            }
        }
    }

    return rc;
}


/* Asks for a batch in one go. Returns how many keys it asks the holders of, or
 * -1. */
static int
ask(pack_t *p, size_t n, int *asked)
{
    int           k, rc;
    size_t        i;
    cos_alloc_t  *a = cos_arena_alloc(p->arena);

    for (i = 0; i < n; i++) {
        asked[i] = cos_fate_ask(p->m->redis, &p->docs[i], a);
        if (asked[i] < 0) {
            (void) cos_maint_fail(p->m, "asking for records");
            return -1;
        }
    }

    for (i = 0, k = 0; i < n; i++, k += rc) {
        rc = cos_holders_first(&p->asked, &p->docs[i], &p->holders[k]);

        if (rc < 0
            || (rc > 0 && cos_holders_ask(p->m->redis, &p->holders[k], p->cid,
                                          a) != 0))
        {
            (void) cos_maint_fail(p->m, "asking for records");
            return -1;
        }
    }

    return k;
}


/* Asks for a batch, then judges it. */
static int
judge(pack_t *p)
{
    int           asked[BATCH], rc, k, keys;
    size_t        i, n;
    redisReply   *r[COS_FATE_REPLIES];

    n = p->n - p->judged;
    rc = 0;

    keys = ask(p, n, asked);
    if (keys < 0) {
        return -1;
    }

    for (i = 0; i < n; i++) {
        memset(r, 0, sizeof(r));

        if (take_replies(p, r, asked[i]) != 0) {
            rc = -1;
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

    if (weigh_holders(p, (size_t) keys) != 0) {
        rc = -1;
    }

    p->judged = p->n;
    cos_arena_free(p->arena);
    p->arena = cos_arena_create();

    return p->arena == NULL ? -1 : rc;
}


int
cos_recover_pack(cos_maint_t *m, uint64_t cid, uint64_t weight)
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
    p.holders = calloc(BATCH, sizeof(cos_holders_t));
    rc = -1;

    fd = cos_store_open_cid(m->store, cid);

    if (fd != -1 && p.notes != NULL && p.arena != NULL && p.docs != NULL
        && p.holders != NULL)
    {
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
    free(p.holders);
    cos_table_free(&p.asked);
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

    /* an emptied Redis knows no record: that is no judgement */
    if (cos_maint_ours(p->m) != 0) {
        return -1;
    }

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
