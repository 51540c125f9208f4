/*
 * Verification of records: every record of every bucket names bytes that are
 * there, and weights and counters are their exact sums.
 */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cos_facts.h"
#include "verify_internal.h"


#define PAGE     256
#define RETRIES  3

typedef struct {
    uint64_t     n;
    uint64_t     bytes;
} sum_t;

/* What a bucket's records add up to. */
typedef struct {
    cos_table_t  weights;             /* cid -> a: weight, b: cid */
    sum_t        objects;             /* current ones */
    sum_t        versions;            /* all others, and delete markers */
    sum_t        classes[COS_CLASS_MAX];    /* of both, but markers */
    uint64_t     u;
    uint64_t     missing, wrong;
    char         first[512];          /* the first thing that does not fit */
} sums_t;

static int sum_bucket(cos_verifier_t *w, const cos_rs_bucket_t *k, sums_t *s);
static int sum_index(cos_verifier_t *w, const cos_rs_bucket_t *k, int versions,
    sums_t *s);
static int sum_uploads(cos_verifier_t *w, const cos_rs_bucket_t *k, sums_t *s);
static int compare(cos_verifier_t *w, const cos_rs_bucket_t *k, sums_t *s);


int
cos_verify_bucket(cos_verifier_t *w, const cos_rs_bucket_t *k)
{
    int      rc, tries;
    sums_t   s;

    for (tries = 1; /* void */ ; tries++) {
        memset(&s, 0, sizeof(s));
        rc = sum_bucket(w, k, &s);
        cos_table_free(&s.weights);

        if (rc != 0 || (s.missing == 0 && s.wrong == 0) || tries == RETRIES) {
            break;
        }

        usleep(100000);
    }

    if (rc == 0 && s.first[0] != '\0') {
        cos_verify_say(w, 1, "bucket %.*s: %s", (int) k->name.len, k->name.data,
            s.first);
    }

    w->v->objects += s.objects.n;
    w->v->missing += s.missing;
    w->v->weight_errors += s.wrong;

    return rc;
}


static int
sum_bucket(cos_verifier_t *w, const cos_rs_bucket_t *k, sums_t *s)
{
    if (sum_index(w, k, 0, s) != 0 || sum_index(w, k, 1, s) != 0
        || sum_uploads(w, k, s) != 0)
    {
        return -1;
    }

    return compare(w, k, s);
}


static void
first(sums_t *s, const char *what, cos_str_t name)
{
    if (s->first[0] == '\0') {
        snprintf(s->first, sizeof(s->first), "%s: %.*s", what,
                 (int) (name.len < 400 ? name.len : 400), name.data);
    }
}


static int
weigh(sums_t *s, uint64_t cid, uint64_t weight)
{
    cos_hash_t   h;
    cos_slot_t  *slot;

    cos_hash_number(&h, cid, 0);

    slot = cos_table_add(&s->weights, &h);
    if (slot == NULL) {
        return -1;
    }

    slot->b = cid;
    slot->a += weight;

    return 0;
}


/* A container that came into being after the census is believed, and so is what
 * was written behind the end that an open one had then. */
static int
is_new(cos_verifier_t *w, uint64_t cid, uint64_t off)
{
    int          fd;
    cos_hash_t   h;
    cos_slot_t  *s;

    cos_hash_number(&h, cid, 0);
    s = cos_table_find(&w->cids, &h);

    if (s != NULL && off < s->a) {
        return 0;
    }

    fd = cos_store_open_cid(w->store, cid);

    if (fd == -1) {
        return 0;
    }

    (void) close(fd);

    return 1;
}


/* One record: do its segments exist, do they add up? */
static int
sum_record(cos_verifier_t *w, const cos_object_t *o, cos_str_t name, sums_t *s)
{
    int                 whole;
    uint32_t            i;
    uint64_t            size, crc;
    cos_seg_t           home;
    cos_hash_t          h;
    const cos_range_t  *r;

    size = 0;
    crc = 0;
    whole = 1;

    for (i = 0; i < o->nsegs; i++) {
        size += o->segs[i].len;
        r = cos_ranges_find(&w->ranges, &o->segs[i]);

        if (r == NULL) {
            whole = 0;

            if (!is_new(w, o->segs[i].cid, o->segs[i].off)) {
                s->missing++;
                first(s, "bytes are missing", name);
            }

        } else if (r->off != o->segs[i].off || r->len != o->segs[i].len) {
            whole = 0;

        } else {
            crc = cos_crc64_combine(crc, r->crc, r->len);
        }

        if (weigh(s, o->segs[i].cid, o->segs[i].len + COS_WEIGHT_BASE) != 0) {
            return -1;
        }
    }

    /* an encrypted object's CRC-64 is of what clients see */
    if (size != o->size
        || (whole && crc != o->crc64 && o->attr[COS_X_NONCES].len == 0))
    {
        s->missing++;
        first(s, "size or CRC-64 differ from the bytes", name);
    }

    if (o->home != 0) {
        home.cid = o->home;
        cos_hash_number(&h, home.cid, 0);

        if (cos_table_find(&w->cids, &h) == NULL
            && !is_new(w, home.cid, 0))
        {
            s->missing++;
            first(s, "container of the record is missing", name);
        }

        return weigh(s, o->home, COS_WEIGHT_BASE);
    }

    return 0;
}


/* Whether the index says of an object what its record says. */
static int
compare_facts(const cos_object_t *o, cos_str_t name, cos_str_t facts, sums_t *s,
    cos_alloc_t *a)
{
    cos_buf_t  b;
    cos_str_t  want;

    cos_buf_init(&b, a, 64);

    if (cos_facts_encode(&b, o) != 0) {
        return b.err ? -1 : 0;
    }

    want.data = b.data;
    want.len = b.len;

    if (!cos_str_eq(want, facts)) {
        s->wrong++;
        first(s, "the index differs from the record", name);
    }

    return 0;
}


/* sum: what the record of an object is added to; facts: what the index says of
 * it. Both NULL for a part. */
static int
take_record(cos_verifier_t *w, cos_str_t rec, cos_str_t name, sum_t *sum,
    sums_t *s, const cos_str_t *facts)
{
    int            rc;
    cos_arena_t   *arena;
    cos_object_t   o;

    if (rec.len == 0) {
        s->wrong++;
        first(s, "listed without a record", name);
        return 0;
    }

    arena = cos_arena_create();
    if (arena == NULL) {
        return -1;
    }

    rc = 0;

    if (cos_object_decode(&o, rec, cos_arena_alloc(arena)) != 0) {
        s->wrong++;
        first(s, "malformed record", name);

    } else {
        rc = sum_record(w, &o, name, s);

        if (rc == 0 && facts != NULL) {
            sum->n++;
            sum->bytes += o.size;

            if (!(o.flags & COS_F_MARKER)) {
                s->classes[o.cls].n++;
                s->classes[o.cls].bytes += o.size;
            }

            rc = compare_facts(&o, name, *facts, s, cos_arena_alloc(arena));
        }
    }

    cos_arena_free(arena);

    return rc;
}


/* The records of one page of an index, and the bytes of the page. */
static int
sum_page(cos_verifier_t *w, const cos_rs_bucket_t *k, int versions, sums_t *s,
    const redisReply *members, int64_t bytes)
{
    int            rc;
    size_t         i;
    int64_t        sum;
    cos_str_t     *keys, *facts;
    redisReply    *r;
    cos_arena_t   *arena;
    cos_object_t   o;

    arena = cos_arena_create();
    if (arena == NULL) {
        return -1;
    }

    keys = cos_zalloc(cos_arena_alloc(arena),
                      2 * (members->elements + 1) * sizeof(cos_str_t));
    facts = keys + members->elements + 1;
    rc = keys != NULL
         ? cos_rs_ask_members(w->redis, k->id, versions, members, keys, facts,
                              cos_arena_alloc(arena))
         : -1;
    sum = 0;

    for (i = 0; rc == 0 && i < members->elements; i++) {
        if (cos_facts_decode(&o, facts[i]) != 0) {
            s->wrong++;
            first(s, "malformed member of the index", keys[i]);
            memset(&o, 0, sizeof(o));
        }

        sum += (int64_t) o.size;
    }

    if (bytes != -1 && sum != bytes) {
        s->wrong++;
        first(s, "bytes of a page of the index differ", k->name);
    }

    for (i = 0; keys != NULL && i < members->elements; i++) {
        r = cos_rs_next(w->redis);

        if (r == NULL
            || take_record(w, cos_rs_found(r, 0), keys[i],
                           versions ? &s->versions : &s->objects, s,
                           &facts[i])
               != 0)
        {
            rc = -1;
        }

        freeReplyObject(r);
    }

    cos_arena_free(arena);

    return rc;
}


static int
sum_index(cos_verifier_t *w, const cos_rs_bucket_t *k, int versions, sums_t *s)
{
    int          rc;
    int64_t      bytes;
    cos_str_t    next;
    redisReply  *r, *page, *members;

    next.data = (cos_u8 *) "";
    next.len = 0;
    page = NULL;
    rc = 0;

    do {
        r = cos_rs_index_page(w->redis, k->id, versions, next, &next, &bytes,
                              &members);
        freeReplyObject(page);
        page = r;
        rc = r != NULL ? sum_page(w, k, versions, s, members, bytes) : -1;

    } while (rc == 0 && next.len != 0);

    freeReplyObject(page);

    return rc;
}


static int
sum_parts(cos_verifier_t *w, const cos_rs_bucket_t *k, cos_str_t id, sums_t *s)
{
    int          rc;
    char         cursor[32];
    size_t       i;
    redisReply  *r, *f;

    snprintf(cursor, sizeof(cursor), "0");

    do {
        r = cos_rs_call(w->redis, "HSCAN P{%b}%b %s COUNT 10000", k->id.data,
                        k->id.len, id.data, id.len, cursor);

        if (r == NULL || r->type != REDIS_REPLY_ARRAY || r->elements != 2) {
            freeReplyObject(r);
            return -1;
        }

        snprintf(cursor, sizeof(cursor), "%s", r->element[0]->str);
        f = r->element[1];
        rc = 0;

        for (i = 0; rc == 0 && i + 1 < f->elements; i += 2) {
            rc = take_record(w, cos_rs_str(f->element[i + 1]), id, NULL, s,
                             NULL);
        }

        freeReplyObject(r);

    } while (rc == 0 && strcmp(cursor, "0") != 0);

    return rc;
}


static int
sum_uploads(cos_verifier_t *w, const cos_rs_bucket_t *k, sums_t *s)
{
    int           rc;
    size_t        i, n;
    cos_str_t     id;
    cos_buf_t     from;
    redisReply   *names, *r;
    cos_arena_t  *arena;

    arena = cos_arena_create();
    if (arena == NULL) {
        return -1;
    }

    cos_buf_init(&from, cos_arena_alloc(arena), 2048);
    cos_buf_char(&from, '-');
    rc = from.err ? -1 : 0;

    while (rc == 0) {
        names = cos_rs_call(w->redis, "ZRANGEBYLEX p{%b} %b + LIMIT 0 %d",
                            k->id.data, k->id.len, from.data, from.len, PAGE);
        n = names != NULL ? names->elements : 0;

        if (n == 0) {
            rc = names != NULL ? 1 : -1;
            freeReplyObject(names);
            break;
        }

        for (i = 0; rc == 0 && i < n; i++) {
            /* <key> NUL <id> */
            id = cos_rs_str(names->element[i]);

            while (memchr(id.data, '\0', id.len) != NULL) {
                id.data++;
                id.len--;
            }

            s->u++;
            r = cos_rs_call(w->redis, "EXISTS U{%b}%b", k->id.data, k->id.len,
                            id.data, id.len);

            if (r == NULL) {
                rc = -1;
                break;
            }

            if (r->integer == 0) {
                s->wrong++;
                first(s, "upload listed without a record", id);
            }

            freeReplyObject(r);
            rc = sum_parts(w, k, id, s);
        }

        from.len = 0;
        cos_buf_char(&from, '(');
        cos_buf_add(&from, names->element[n - 1]->str,
                    names->element[n - 1]->len);
        rc = from.err ? -1 : rc;
        freeReplyObject(names);
    }

    cos_arena_free(arena);

    return rc < 0 ? -1 : 0;
}


/* --- sums ----------------------------------------------------------------- */

/* A counter; those of versions are missing where there never were any. */
static uint64_t
number(const redisReply *r)
{
    return r->type == REDIS_REPLY_STRING ? strtoull(r->str, NULL, 10) : 0;
}


static int
compare_weights(cos_verifier_t *w, const cos_rs_bucket_t *k, sums_t *s)
{
    char               text[64];
    size_t             i;
    cos_str_t          name;
    cos_slot_t        *a, *b;
    cos_table_t        have;
    cos_rs_buckets_t   one;

    memset(&have, 0, sizeof(have));
    one.list = (cos_rs_bucket_t *) (uintptr_t) k;
    one.n = 1;

    if (cos_rs_all_weights(w->redis, &one, &have) != 0) {
        cos_table_free(&have);
        return -1;
    }

    for (i = 0; i < s->weights.cap + have.cap; i++) {
        a = i < have.cap ? &have.slots[i] : &s->weights.slots[i - have.cap];

        if (!a->used) {
            continue;
        }

        b = cos_table_find(i < have.cap ? &s->weights : &have, &a->h);

        if (b == NULL || (i < have.cap && b->a != a->a)) {
            s->wrong++;
            name.data = (cos_u8 *) text;
            name.len = (size_t) snprintf(text, sizeof(text), "%012llx",
                                         (unsigned long long) a->b);
            first(s, "weight differs from the records", name);
        }
    }

    cos_table_free(&have);

    return 0;
}


/* Of the standard class nothing is counted: it is what is left. */
static int
compare_classes(cos_verifier_t *w, const cos_rs_bucket_t *k, sums_t *s)
{
    unsigned     i;
    redisReply  *r;

    for (i = 1; i < COS_CLASS_MAX; i++) {
        if (redisAppendCommand(w->redis, "HMGET m{%b} n%u s%u", k->id.data,
                               k->id.len, i, i) != REDIS_OK)
        {
            return -1;
        }
    }

    for (i = 1; i < COS_CLASS_MAX; i++) {
        r = cos_rs_next(w->redis);

        if (r == NULL || r->type != REDIS_REPLY_ARRAY || r->elements != 2) {
            freeReplyObject(r);
            return -1;
        }

        if (number(r->element[0]) != s->classes[i].n
            || number(r->element[1]) != s->classes[i].bytes)
        {
            s->wrong++;
            first(s, "counters of a class differ from the records", k->name);
        }

        freeReplyObject(r);
    }

    return 0;
}


static int
compare(cos_verifier_t *w, const cos_rs_bucket_t *k, sums_t *s)
{
    redisReply  *r;

    r = cos_rs_call(w->redis, "HMGET m{%b} n s u vn vs", k->id.data,
                    k->id.len);

    if (r == NULL || r->type != REDIS_REPLY_ARRAY || r->elements != 5) {
        freeReplyObject(r);
        return -1;
    }

    if (r->element[0]->type == REDIS_REPLY_NIL && s->objects.n == 0
        && s->versions.n == 0)
    {
        /* deleted meanwhile */
        freeReplyObject(r);
        return 0;
    }

    if (number(r->element[0]) != s->objects.n
        || number(r->element[1]) != s->objects.bytes
        || number(r->element[2]) != s->u
        || number(r->element[3]) != s->versions.n
        || number(r->element[4]) != s->versions.bytes)
    {
        s->wrong++;
        first(s, "counters differ from the records", k->name);
    }

    freeReplyObject(r);

    return compare_classes(w, k, s) != 0 ? -1 : compare_weights(w, k, s);
}


int
cos_verify_orphans(cos_verifier_t *w, const cos_rs_buckets_t *k)
{
    size_t       i;
    cos_slot_t  *s;
    cos_table_t  weights;

    memset(&weights, 0, sizeof(weights));

    if (cos_rs_all_weights(w->redis, k, &weights) != 0) {
        cos_table_free(&weights);
        return -1;
    }

    for (i = 0; i < w->cids.cap; i++) {
        s = &w->cids.slots[i];

        if (s->used && s->n != 0 && cos_table_find(&weights, &s->h) == NULL) {
            w->v->orphans++;
        }
    }

    cos_table_free(&weights);

    return 0;
}
