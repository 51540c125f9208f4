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
#define RETRIES  3                    /* of a bucket */
#define LOOKS    8                    /* for one record */

/* What it takes to ask for a record again. */
typedef struct {
    cos_str_t         bid;
    cos_str_t         name;           /* key, or id of an upload */
    const char       *part;           /* number, or NULL for an object */
    cos_str_t         facts;          /* what the index says of an object, */
    int               versions;       /* and which of them */
} place_t;

static int sum_bucket(cos_verifier_t *w, const cos_rs_bucket_t *k,
    cos_sums_t *s);
static int sum_index(cos_verifier_t *w, const cos_rs_bucket_t *k, int versions,
    cos_sums_t *s);
static int sum_uploads(cos_verifier_t *w, const cos_rs_bucket_t *k,
    cos_sums_t *s);


int
cos_verify_bucket(cos_verifier_t *w, const cos_rs_bucket_t *k)
{
    int      rc, tries;
    cos_sums_t   s;

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
sum_bucket(cos_verifier_t *w, const cos_rs_bucket_t *k, cos_sums_t *s)
{
    if (sum_index(w, k, 0, s) != 0 || sum_index(w, k, 1, s) != 0
        || sum_uploads(w, k, s) != 0)
    {
        return -1;
    }

    return cos_verify_sums(w, k, s);
}


static int
weigh(cos_sums_t *s, uint64_t cid, uint64_t weight)
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


static int
is_there(cos_verifier_t *w, uint64_t cid)
{
    cos_hash_t  h;

    cos_hash_number(&h, cid, 0);

    return cos_table_find(&w->cids, &h) != NULL || is_new(w, cid, 0);
}


/* Do the segments of a record exist, do they add up? NULL, or what is wrong. */
static const char *
misfit(cos_verifier_t *w, const cos_object_t *o)
{
    int                 whole;
    uint32_t            i;
    uint64_t            size, crc;
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
                return "bytes are missing";
            }

        } else if (r->off != o->segs[i].off || r->len != o->segs[i].len) {
            whole = 0;

        } else {
            crc = cos_crc64_combine(crc, r->crc, r->len);
        }
    }

    /* an encrypted object's CRC-64 is of what clients see */
    if (size != o->size
        || (whole && crc != o->crc64 && o->attr[COS_X_NONCES].len == 0))
    {
        return "size or CRC-64 differ from the bytes";
    }

    return o->home != 0 && !is_there(w, o->home)
           ? "container of the record is missing" : NULL;
}


static int
sum_record(cos_sums_t *s, const cos_object_t *o)
{
    uint32_t  i;

    for (i = 0; i < o->nsegs; i++) {
        if (weigh(s, o->segs[i].cid, o->segs[i].len + COS_WEIGHT_BASE) != 0) {
            return -1;
        }
    }

    return o->home != 0 ? weigh(s, o->home, COS_WEIGHT_BASE) : 0;
}


/* Whether the index says of an object what its record says. */
static int
compare_facts(const cos_object_t *o, cos_str_t name, cos_str_t facts, cos_sums_t *s,
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
        cos_verify_first(s, "the index differs from the record", name);
    }

    return 0;
}


static int
sum_object(const place_t *at, const cos_object_t *o, cos_sums_t *s,
    cos_alloc_t *a)
{
    cos_sum_t  *sum = at->versions ? &s->versions : &s->objects;

    sum->n++;
    sum->bytes += o->size;

    if (!(o->flags & COS_F_MARKER)) {
        s->classes[o->cls].n++;
        s->classes[o->cls].bytes += o->size;
    }

    return compare_facts(o, at->name, at->facts, s, a);
}


/* Takes a record into the sums. Where doubt is not NULL and its bytes are not
 * found, sets that and takes nothing. */
static int
take_record(cos_verifier_t *w, const place_t *at, cos_str_t rec, cos_sums_t *s,
    int *doubt)
{
    int            rc;
    const char    *what;
    cos_arena_t   *arena;
    cos_object_t   o;

    if (rec.len == 0) {
        s->wrong++;
        cos_verify_first(s, "listed without a record", at->name);
        return 0;
    }

    arena = cos_arena_create();
    if (arena == NULL) {
        return -1;
    }

    rc = 0;

    if (cos_object_decode(&o, rec, cos_arena_alloc(arena)) != 0) {
        s->wrong++;
        cos_verify_first(s, "malformed record", at->name);

    } else {
        what = misfit(w, &o);

        if (what != NULL && doubt != NULL) {
            *doubt = 1;

        } else {
            if (what != NULL) {
                s->missing++;
                cos_verify_first(s, what, at->name);
            }

            rc = sum_record(s, &o);

            if (rc == 0 && at->part == NULL) {
                rc = sum_object(at, &o, s, cos_arena_alloc(arena));
            }
        }
    }

    cos_arena_free(arena);

    return rc;
}


static redisReply *
ask_again(cos_verifier_t *w, const place_t *at)
{
    redisReply    *r;
    cos_arena_t   *arena;
    cos_object_t   o;

    if (at->part != NULL) {
        return cos_rs_call(w->redis, "HGET P{%b}%b %s", at->bid.data,
                           at->bid.len, at->name.data, at->name.len, at->part);
    }

    arena = cos_arena_create();
    if (arena == NULL) {
        return NULL;
    }

    (void) cos_facts_decode(&o, at->facts);

    r = cos_rs_ask(w->redis, at->bid, at->versions, at->name, &o,
                   cos_arena_alloc(arena)) == 0
        ? cos_rs_next(w->redis) : NULL;
    cos_arena_free(arena);

    return r;
}


/* The bytes that a record names were not found. Compaction may have moved them
 * since the record was read: they are missing when Redis still says the same. */
static int
take_again(cos_verifier_t *w, const place_t *at, const redisReply *was,
    cos_sums_t *s)
{
    int          rc, tries, doubt;
    cos_str_t    rec;
    redisReply  *last, *r;

    last = NULL;
    rec = cos_rs_found(was, 0);
    tries = 0;

    do {
        r = ask_again(w, at);

        if (r == NULL) {
            freeReplyObject(last);
            return -1;
        }

        doubt = 0;
        rc = take_record(w, at, cos_rs_found(r, 0), s,
                         cos_str_eq(rec, cos_rs_found(r, 0))
                         || ++tries == LOOKS ? NULL : &doubt);
        freeReplyObject(last);
        last = r;
        rec = cos_rs_found(r, 0);

    } while (rc == 0 && doubt);

    freeReplyObject(last);

    return rc;
}


/* What the members of a page say, and the bytes of the page. */
static void
sum_facts(const cos_rs_bucket_t *k, const cos_str_t *keys,
    const cos_str_t *facts, size_t n, int64_t bytes, cos_sums_t *s)
{
    size_t        i;
    int64_t       sum;
    cos_object_t  o;

    sum = 0;

    for (i = 0; i < n; i++) {
        if (cos_facts_decode(&o, facts[i]) != 0) {
            s->wrong++;
            cos_verify_first(s, "malformed member of the index", keys[i]);
            continue;
        }

        sum += (int64_t) o.size;
    }

    if (bytes != -1 && sum != bytes) {
        s->wrong++;
        cos_verify_first(s, "bytes of a page of the index differ", k->name);
    }
}


/* Takes the replies with a page's records; those in doubt stay in r, to be
 * asked for again when all have come. */
static int
take_page(cos_verifier_t *w, place_t *at, const cos_str_t *keys,
    const cos_str_t *facts, size_t n, redisReply **r, cos_sums_t *s)
{
    int     rc, doubt;
    size_t  i;

    rc = 0;

    for (i = 0; i < n; i++) {
        at->name = keys[i];
        at->facts = facts[i];
        doubt = 0;
        r[i] = cos_rs_next(w->redis);

        if (r[i] == NULL
            || take_record(w, at, cos_rs_found(r[i], 0), s, &doubt) != 0)
        {
            rc = -1;
        }

        if (!doubt) {
            freeReplyObject(r[i]);
            r[i] = NULL;
        }
    }

    for (i = 0; i < n; i++) {
        at->name = keys[i];
        at->facts = facts[i];

        if (r[i] != NULL && rc == 0) {
            rc = take_again(w, at, r[i], s);
        }

        freeReplyObject(r[i]);
    }

    return rc;
}


static int
sum_page(cos_verifier_t *w, const cos_rs_bucket_t *k, int versions,
    cos_sums_t *s, const redisReply *members, int64_t bytes)
{
    int           rc;
    size_t        n = members->elements;
    place_t       at;
    cos_str_t    *keys, *facts;
    redisReply  **r;
    cos_arena_t  *arena;

    arena = cos_arena_create();
    if (arena == NULL) {
        return -1;
    }

    memset(&at, 0, sizeof(at));
    at.bid = k->id;
    at.versions = versions;

    keys = cos_zalloc(cos_arena_alloc(arena), 2 * (n + 1) * sizeof(cos_str_t));
    r = cos_zalloc(cos_arena_alloc(arena), (n + 1) * sizeof(redisReply *));
    facts = keys + n + 1;
    rc = keys != NULL && r != NULL
         ? cos_rs_ask_members(w->redis, k->id, versions, members, keys, facts,
                              cos_arena_alloc(arena))
         : -1;

    if (rc == 0) {
        sum_facts(k, keys, facts, n, bytes, s);
        rc = take_page(w, &at, keys, facts, n, r, s);
    }

    cos_arena_free(arena);

    return rc;
}


static int
sum_index(cos_verifier_t *w, const cos_rs_bucket_t *k, int versions,
    cos_sums_t *s)
{
    int          rc;
    int64_t      bytes;
    cos_str_t    next;
    redisReply  *r, *page, *members;

    next.data = (cos_u8 *) "";
    next.len = 0;
    page = NULL;

    for ( ;; ) {
        r = cos_rs_index_page(w->redis, k->id, versions, next, &next, &bytes,
                              &members);
        freeReplyObject(page);
        page = r;
        rc = r != NULL ? sum_page(w, k, versions, s, members, bytes) : -1;

        if (rc != 0 || next.len == 0) {
            break;
        }
    }

    freeReplyObject(page);

    return rc;
}


static int
sum_parts(cos_verifier_t *w, const cos_rs_bucket_t *k, cos_str_t id, cos_sums_t *s)
{
    int          rc, doubt;
    char         cursor[32];
    size_t       i;
    place_t      at;
    redisReply  *r, *f;

    memset(&at, 0, sizeof(at));
    at.bid = k->id;
    at.name = id;
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
            at.part = f->element[i]->str;
            doubt = 0;
            rc = take_record(w, &at, cos_rs_str(f->element[i + 1]), s, &doubt);

            if (rc == 0 && doubt) {
                rc = take_again(w, &at, f->element[i + 1], s);
            }
        }

        freeReplyObject(r);

    } while (rc == 0 && strcmp(cursor, "0") != 0);

    return rc;
}


static int
sum_uploads(cos_verifier_t *w, const cos_rs_bucket_t *k, cos_sums_t *s)
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
                cos_verify_first(s, "upload listed without a record", id);
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
