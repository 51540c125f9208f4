/*
 * Rewrapping: data keys that an old master key seals are sealed anew under the
 * first one, so that the old one can be given up. The bytes stay as they are.
 *
 * It is a change of the record like that of an ACL: a description of the object
 * that names the bytes where they lie is made durable here, then takes the
 * record's place if that is still the one that was read. Who changes the object
 * meanwhile has read the old sealing, and is refused for the same reason. The
 * seq is the next one of the object, not the clock's: nothing else can have it,
 * since a change of the key needs one above the record's, and a tombstone of an
 * earlier life of the key has one below.
 *
 * It goes over all records until it finds nothing more to do, because a record
 * may have been changed, or have become another version, while it went by.
 */

#define _GNU_SOURCE

#include <stdio.h>

#include "maint_internal.h"


#define SAY_MAX  10                   /* records that are named in the log */
#define PAGE     1000                 /* names of uploads */

typedef struct {
    cos_maint_t            *m;
    const cos_sse_key_t    *keys;
    size_t                  nkeys;
    cos_rewrap_t           *out;
    cos_str_t               bid;
    int                     versioned;
    uint64_t                again;    /* what another pass is needed for */
    unsigned                said;
} rewrap_t;

/* A record that gets another one. */
typedef struct {
    uint64_t        seen;             /* seq of that which was read */
    cos_json_t      json;
    cos_pack_rec_t  rec;
} change_t;

static int pass(rewrap_t *w);
static int index_pages(rewrap_t *w, int versions);
static int page(rewrap_t *w, int versions, const redisReply *members);
static int look(rewrap_t *w, cos_str_t key, cos_str_t rec, change_t *c,
    cos_alloc_t *a);
static int reseal(rewrap_t *w, cos_object_t *o, const cos_sse_t *s,
    cos_alloc_t *a);
static int change(rewrap_t *w, change_t *list, size_t n, cos_alloc_t *a);
static int settle(rewrap_t *w, change_t *c, cos_pack_rec_t *note,
    size_t *notes, cos_alloc_t *a);
static int uploads(rewrap_t *w);


int
cos_maint_rewrap(cos_maint_t *m, const cos_sse_key_t *keys, size_t nkeys,
    cos_rewrap_t *out)
{
    rewrap_t  w;

    memset(out, 0, sizeof(cos_rewrap_t));
    memset(&w, 0, sizeof(rewrap_t));
    w.m = m;
    w.keys = keys;
    w.nkeys = nkeys;
    w.out = out;

    do {
        w.again = 0;

        if (pass(&w) != 0) {
            return -1;
        }

    } while (w.again != 0);

    return 0;
}


/* 0, -1: failed, or stopped. */
static int
pass(rewrap_t *w)
{
    int                     rc;
    size_t                  i;
    cos_bucket_t            b;
    cos_arena_t            *arena;
    cos_rs_buckets_t        list;
    const cos_rs_bucket_t  *k;

    arena = cos_arena_create();
    if (arena == NULL) {
        return -1;
    }

    w->out->objects = w->out->left = w->out->uploads = 0;
    rc = cos_rs_buckets(w->m->redis, cos_arena_alloc(arena), &list) != 0
         ? cos_maint_fail(w->m, "listing buckets") : 0;

    for (i = 0; rc == 0 && i < list.n; i++) {
        k = &list.list[i];
        w->bid = k->id;

        if (cos_bucket_decode(&b, k->rec) != 0) {
            cos_maint_say(w->m, 1, "the record of bucket %.*s is malformed",
                          (int) k->name.len, k->name.data);
            rc = -1;
            break;
        }

        w->versioned = (b.versioning != COS_VERSIONING_NONE);

        /* An upload is completed in one call with its object's record: what is
         * no upload any more is seen as an object. */
        rc = uploads(w);

        if (rc == 0 && w->versioned) {
            rc = index_pages(w, 1);
        }

        if (rc == 0) {
            rc = index_pages(w, 0);
        }
    }

    cos_arena_free(arena);

    return rc;
}


static int
index_pages(rewrap_t *w, int versions)
{
    int          rc;
    int64_t      bytes;
    cos_str_t    next;
    redisReply  *r, *last, *members;

    next.data = (cos_u8 *) "";
    next.len = 0;
    last = NULL;

    do {
        r = cos_rs_index_page(w->m->redis, w->bid, versions, next, &next,
                              &bytes, &members);
        freeReplyObject(last);
        last = r;

        rc = r == NULL ? cos_maint_fail(w->m, "listing keys")
             : cos_maint_stopped(w->m) ? -1 : page(w, versions, members);

    } while (rc == 0 && next.len != 0);

    freeReplyObject(last);

    return rc;
}


static int
page(rewrap_t *w, int versions, const redisReply *members)
{
    int           rc;
    size_t        i, n;
    cos_str_t    *keys;
    change_t     *list;
    cos_alloc_t  *a;
    cos_arena_t  *arena;
    redisReply   *r;

    arena = cos_arena_create();
    if (arena == NULL) {
        return -1;
    }

    a = cos_arena_alloc(arena);
    list = cos_zalloc(a, (members->elements + 1) * sizeof(change_t));
    keys = cos_zalloc(a, 2 * (members->elements + 1) * sizeof(cos_str_t));
    rc = list == NULL || keys == NULL
         || cos_rs_ask_members(w->m->redis, w->bid, versions, members, keys,
                               keys + members->elements + 1, a) != 0
         ? cos_maint_fail(w->m, "reading records") : 0;
    n = 0;

    for (i = 0; rc >= 0 && i < members->elements; i++) {
        r = cos_rs_next(w->m->redis);

        rc = r == NULL || r->type == REDIS_REPLY_ERROR
             ? cos_maint_fail(w->m, "reading records")
             : look(w, keys[i], cos_rs_found(r, 0), &list[n], a);

        n += (rc == 1);
        freeReplyObject(r);
    }

    if (rc >= 0) {
        rc = n != 0 ? change(w, list, n, a) : 0;
    }

    cos_arena_free(arena);

    return rc;
}


/* Says what stays as it is, and why: 0. */
static int
leave(rewrap_t *w, cos_str_t key, cos_str_t id, const char *why)
{
    w->out->left++;

    if (w->said < SAY_MAX) {
        w->said++;
        cos_maint_say(w->m, 1, "\"%.*s\" of bucket id %.*s, key \"%.*s\": %s",
                      (int) key.len, key.data, (int) w->bid.len, w->bid.data,
                      (int) id.len, id.data, why);
    }

    return 0;
}


/* 1: *c is the change to be made; 0: none; -1. */
static int
look(rewrap_t *w, cos_str_t key, cos_str_t rec, change_t *c, cos_alloc_t *a)
{
    cos_sse_t      s;
    cos_str_t      copy;
    cos_object_t  *o = &c->json.object;

    if (rec.len == 0) {
        return 0;                     /* gone meanwhile */
    }

    memset(c, 0, sizeof(change_t));

    /* the reply goes before the change is made */
    if (cos_dup(a, &copy, rec.data, rec.len) != 0) {
        return -1;
    }

    if (cos_object_decode(o, copy, a) != 0
        || cos_sse_parse(&s, o->attr[COS_X_SSE]) != 0)
    {
        return leave(w, key, COS_STR("?"), "the record is malformed");
    }

    if (s.type != COS_SSE_STORE) {
        return 0;
    }

    w->out->objects++;

    if (cos_str_eq(s.id, w->keys[0].id)) {
        return 0;
    }

    if (reseal(w, o, &s, a) != 0) {
        return leave(w, key, s.id, "no key of this id opens its data key");
    }

    if (o->born == 0 && w->versioned) {
        o->born = o->seq;
        o->flags |= COS_F_NULL;
    }

    c->seen = o->seq;
    o->seq++;
    o->rev = 0;
    o->home = 0;
    c->json.kind = COS_J_OBJECT;
    c->json.bid = w->bid;
    c->json.key = key;
    c->json.seq = o->seq;

    return 1;
}


static int
reseal(rewrap_t *w, cos_object_t *o, const cos_sse_t *s, cos_alloc_t *a)
{
    int        rc;
    size_t     i;
    cos_u8     key[COS_SSE_KEY];
    cos_buf_t  b;
    cos_sse_t  to;

    for (i = 0; i < w->nkeys && !cos_str_eq(w->keys[i].id, s->id); i++) {
        /* void */
    }

    if (i == w->nkeys
        || cos_sse_open(o->attr[COS_X_SSE], w->keys[i].key, key) != 0)
    {
        return -1;
    }

    to = *s;
    to.id = w->keys[0].id;
    cos_buf_init(&b, a, 256);
    rc = cos_sse_seal(&b, &to, w->keys[0].key, key);
    cos_cleanse(key, sizeof(key));

    o->attr[COS_X_SSE].data = b.data;
    o->attr[COS_X_SSE].len = b.len;

    return rc != 0 || b.err ? -1 : 0;
}


/* --- changes --------------------------------------------------------------- */

static int
ask(rewrap_t *w, change_t *c, cos_alloc_t *a)
{
    size_t     n;
    cos_buf_t  b;
    cos_str_t  argv[10];

    cos_buf_init(&b, a, 512);

    if (cos_object_encode(&b, &c->json.object) != 0 || b.err) {
        return -1;
    }

    n = 0;
    argv[n++] = COS_STR("FCALL");
    argv[n++] = COS_STR("cos_put");
    argv[n++] = COS_STR("1");
    (void) cos_rs_key(a, &argv[n++], 'o', w->bid, c->json.key);
    argv[n++] = w->bid;
    argv[n++] = c->json.key;
    argv[n++] = cos_rs_uint(a, w->m->inc);
    argv[n].data = b.data;
    argv[n++].len = b.len;
    argv[n++] = COS_STR("seq");
    argv[n++] = cos_rs_uint(a, c->seen);

    return argv[3].data == NULL || argv[6].data == NULL
           || argv[9].data == NULL ? -1 : cos_rs_add(w->m->redis, n, argv);
}


/* One sync and one round trip for a page, and one more sync if something of it
 * was refused. */
static int
change(rewrap_t *w, change_t *list, size_t n, cos_alloc_t *a)
{
    int               rc;
    size_t            i, notes;
    cos_pack_rec_t  **ptr, *note;

    ptr = cos_zalloc(a, n * sizeof(cos_pack_rec_t *));
    note = cos_zalloc(a, n * sizeof(cos_pack_rec_t));
    rc = ptr != NULL && note != NULL ? 0 : -1;

    for (i = 0; rc == 0 && i < n; i++) {
        rc = cos_maint_note(a, &list[i].rec, &list[i].json);
        list[i].rec.weighs = 1;
        ptr[i] = &list[i].rec;
    }

    if (rc != 0) {
        return -1;
    }

    /* from here on a failure leaves records that only recovery can judge */
    if (cos_maint_write(w->m, ptr, n) != 0) {
        cos_maint_abandon(w->m);
        return -1;
    }

    for (i = 0; rc == 0 && i < n; i++) {
        list[i].json.object.home = list[i].rec.cid;
        rc = ask(w, &list[i], a);
    }

    if (rc != 0) {
        return cos_maint_fail(w->m, "sending changes");
    }

    for (i = 0, notes = 0; i < n; i++) {
        if (settle(w, &list[i], note, &notes, a) < 0) {
            rc = -1;
        }
    }

    for (i = 0; i < notes; i++) {
        ptr[i] = &note[i];
    }

    if (notes != 0 && cos_maint_write(w->m, ptr, notes) != 0) {
        return cos_maint_fail(w->m, "taking back what was refused");
    }

    return rc;
}


/* What was refused gets a note. */
static int
settle(rewrap_t *w, change_t *c, cos_pack_rec_t *note, size_t *notes,
    cos_alloc_t *a)
{
    int          rc;
    cos_json_t   j;
    redisReply  *r;

    r = cos_rs_next(w->m->redis);

    if (cos_rs_status(r, "OK")) {
        w->out->rewrapped++;
        w->again++;
        freeReplyObject(r);
        return 0;
    }

    if (r == NULL || cos_rs_status(r, "FENCED")) {
        freeReplyObject(r);
        return cos_maint_fail(w->m, "changing records");
    }

    rc = 0;

    if (r->type == REDIS_REPLY_ERROR) {
        cos_maint_say(w->m, 1, "Redis refuses a change: %s", r->str);
        rc = -1;
    }

    /* somebody else changed or removed it */
    w->again++;
    freeReplyObject(r);

    cos_fate_void(&j, &c->json, w->m->inc);

    if (cos_maint_note(a, &note[*notes], &j) != 0) {
        return cos_maint_fail(w->m, "taking back what was refused");
    }

    ++*notes;

    return rc;
}


/* --- open uploads ---------------------------------------------------------- */

/* Counts the upload when its parts are encrypted under an old key. */
static int
upload(rewrap_t *w, cos_str_t member)
{
    cos_sse_t      s;
    redisReply    *r;
    cos_arena_t   *arena;
    cos_upload_t   u;

    /* <key> NUL <id> */
    while (memchr(member.data, '\0', member.len) != NULL) {
        member.data++;
        member.len--;
    }

    arena = cos_arena_create();
    r = cos_rs_call(w->m->redis, "GET U{%b}%b", w->bid.data, w->bid.len,
                    member.data, member.len);

    if (arena == NULL || r == NULL || r->type == REDIS_REPLY_ERROR) {
        cos_arena_free(arena);
        freeReplyObject(r);
        return cos_maint_fail(w->m, "reading uploads");
    }

    if (r->type != REDIS_REPLY_STRING) {
        /* closed meanwhile */

    } else if (cos_upload_decode(&u, cos_rs_str(r), cos_arena_alloc(arena))
               != 0
               || cos_sse_parse(&s, u.object.attr[COS_X_SSE]) != 0)
    {
        (void) leave(w, member, COS_STR("?"),
                     "the record of this upload is malformed");

    } else if (s.type == COS_SSE_STORE
               && !cos_str_eq(s.id, w->keys[0].id))
    {
        w->out->uploads++;
    }

    cos_arena_free(arena);
    freeReplyObject(r);

    return 0;
}


static int
uploads(rewrap_t *w)
{
    int           rc;
    size_t        i, n;
    cos_buf_t     from;
    redisReply   *names;
    cos_arena_t  *arena;

    arena = cos_arena_create();
    if (arena == NULL) {
        return -1;
    }

    cos_buf_init(&from, cos_arena_alloc(arena), 2048);
    cos_buf_char(&from, '-');
    rc = 0;

    do {
        names = from.err ? NULL
                : cos_rs_call(w->m->redis, "ZRANGEBYLEX p{%b} %b + LIMIT 0 %d",
                              w->bid.data, w->bid.len, from.data, from.len,
                              PAGE);

        if (names == NULL || names->type != REDIS_REPLY_ARRAY) {
            rc = cos_maint_fail(w->m, "listing uploads");
            n = 0;

        } else {
            n = names->elements;
        }

        for (i = 0; rc == 0 && i < n; i++) {
            rc = upload(w, cos_rs_str(names->element[i]));
        }

        if (n != 0) {
            from.len = 0;
            cos_buf_char(&from, '(');
            cos_buf_add(&from, names->element[n - 1]->str,
                        names->element[n - 1]->len);
        }

        freeReplyObject(names);

    } while (rc == 0 && n == PAGE && !cos_maint_stopped(w->m));

    cos_arena_free(arena);

    return rc;
}
