/*
 * What a worker of nginx does, one change after the other, so that a process
 * may be killed between any two of its steps. Every change leaves a trail:
 * what was tried, and what was acknowledged.
 */

#ifndef MAINT_WORKER_H
#define MAINT_WORKER_H

#include "maint_world.h"

typedef struct {
    redisContext  *c;
    uint64_t       inc, last, np, ns;
    int            lock, trail;
    cos_pack_t     pack;
    int            open;
    int            mortal;            /* dies one time in so many; 0: never */
    cos_alloc_t   *a;
} worker_t;

/* Bucket 1 has no versioning, 2 has it, in 3 it is suspended, where some worker
 * may not have heard of that yet. */
#define ENABLED    "2"
#define SUSPENDED  "3"

typedef struct {
    char          bid[8], key[16];
    int           version;            /* what is written is a new version */
    char          kind;               /* in the trail, see mark() */
    cos_object_t  o;
    cos_seg_t     segs[8];
} thing_t;


static void
maybe_die(worker_t *w)
{
    if (w->mortal && rand() % w->mortal == 0) {
        raise(SIGKILL);
    }
}


static void
worker_begin(worker_t *w, int mortal)
{
    redisReply  *r;

    memset(w, 0, sizeof(*w));
    w->c = dial();
    w->mortal = mortal;
    r = redisCommand(w->c, "HINCRBY g inc 1");
    w->inc = (uint64_t) r->integer;
    freeReplyObject(r);
    w->lock = cos_store_lock(&store, w->inc);
    assert_true(w->lock >= 0);
    w->trail = open(trail, O_WRONLY|O_CREAT|O_APPEND, 0600);
}


static void
worker_end(worker_t *w, int orderly)
{
    if (w->open) {
        if (orderly) {
            assert_int_equal(cos_pack_seal(&w->pack), COS_OK);

        } else {
            cos_pack_abandon(&w->pack);
        }
    }

    close(w->lock);
    close(w->trail);
    redisFree(w->c);
}


static uint64_t
worker_seq(worker_t *w)
{
    uint64_t  t = now_us();

    w->last = t > w->last ? t : w->last + 1;

    return w->last;
}


/* Sometimes that of a clock that is behind. */
static uint64_t
late_seq(worker_t *w)
{
    uint64_t  t = worker_seq(w);

    return rand() % 30 == 0 ? t - (uint64_t) (rand() % 300000) : t;
}


/* Begins a change: I, and acknowledges it: A. Kinds:
 *   P  the null version, or the object, has these bytes
 *   D  and is gone
 *   V  the version of that number has these bytes
 *   R  and is gone
 *   M  a change that keeps number and bytes */
static void
mark(worker_t *w, char what, char kind, const thing_t *t, uint64_t seq)
{
    int   n;
    char  hex[33], line[160];

    cos_hex(hex, t->o.etag, 16);
    hex[32] = '\0';
    n = snprintf(line, sizeof(line), "%c %c %s %s %llu %s\n", what, kind,
                 t->bid, t->key, (unsigned long long) seq, hex);
    assert_int_equal(write(w->trail, line, (size_t) n), n);
}


static cos_str_t
cstr(const char *s)
{
    cos_str_t  t = { strlen(s), (cos_u8 *) (uintptr_t) s };

    return t;
}


static void
append(worker_t *w, cos_pack_rec_t *rec, cos_json_t *j, cos_str_t payload)
{
    cos_buf_t        b;
    cos_pack_rec_t  *list = rec;

    memset(rec, 0, sizeof(*rec));
    cos_buf_init(&b, w->a, 512);
    assert_int_equal(cos_json_encode(&b, j), 0);
    rec->kind = j->kind;
    rec->seq = j->seq;
    rec->weighs = j->kind == COS_J_OBJECT || j->kind == COS_J_PART;
    rec->payload = payload;
    rec->payload_crc = cos_crc64(0, payload.data, payload.len);
    rec->json.data = b.data;
    rec->json.len = b.len;

    if (w->open && !cos_pack_fits(&w->pack, payload.len + b.len)) {
        maybe_die(w);
        assert_int_equal(cos_pack_seal(&w->pack), COS_OK);
        w->open = 0;
    }

    if (!w->open) {
        assert_int_equal(cos_pack_create(&w->pack, &store,
                                         w->inc << COS_CID_BITS | ++w->np,
                                         PACK_MAX), COS_OK);
        w->open = 1;
    }

    maybe_die(w);
    assert_int_equal(cos_pack_write(&w->pack, &list, 1, 0), COS_OK);
    maybe_die(w);
}


static void
append_json(worker_t *w, cos_json_t *j, cos_pack_rec_t *rec)
{
    append(w, rec, j, COS_STR(""));
}


static void
void_note(worker_t *w, const cos_json_t *refused)
{
    cos_json_t      j = *refused;
    cos_pack_rec_t  rec;

    j.version = cos_json_version(refused);
    j.kind = COS_J_VOID;
    j.self = 0;
    j.void_seq = refused->seq;
    j.inc = w->inc;
    j.seq = worker_seq(w);
    append_json(w, &j, &rec);
}


static void
fill(cos_json_t *j, cos_json_e kind, const thing_t *t, uint64_t seq)
{
    memset(j, 0, sizeof(*j));
    j->kind = kind;
    j->bid = cstr(t->bid);
    j->key = cstr(t->key);
    j->seq = seq;
    j->object = t->o;
    j->object.seq = seq;
}


static cos_str_t
record_of(worker_t *w, const cos_object_t *o)
{
    cos_buf_t  b;
    cos_str_t  s;

    cos_buf_init(&b, w->a, 256);
    assert_int_equal(cos_object_encode(&b, o), 0);
    s.data = b.data;
    s.len = b.len;

    return s;
}


/* Status word; dead solo files are removed. */
static const char *
outcome(worker_t *w, redisReply *r, char word[24])
{
    size_t       i, k;
    uint64_t     cid;
    redisReply  *d;

    assert_non_null(r);

    if (r->type != REDIS_REPLY_ARRAY) {
        fail_msg("Redis: %s", r->str ? r->str : "?");
    }

    snprintf(word, 24, "%s", r->element[0]->str);
    maybe_die(w);

    for (i = 1; strcmp(word, "OK") == 0 && i < r->elements; i++) {
        d = r->element[i];

        for (k = 0; d->type == REDIS_REPLY_ARRAY && k < d->elements; k++) {
            cid = strtoull(d->element[k]->str, NULL, 10);
            if (cos_cid_is_solo(cid)) {
                (void) cos_store_unlink(&store, cid);
            }
        }
    }

    if (strcmp(word, "STALE") == 0) {
        uint64_t  s = strtoull(r->element[1]->str, NULL, 10);

        w->last = s > w->last ? s : w->last;
    }

    freeReplyObject(r);

    return word;
}


static int
versioned(const thing_t *t)
{
    return strcmp(t->bid, ENABLED) == 0 || strcmp(t->bid, SUSPENDED) == 0;
}


/* What follows is to write a new object, or a new version. */
static void
fresh(thing_t *t)
{
    t->version = strcmp(t->bid, ENABLED) == 0
                 || (strcmp(t->bid, SUSPENDED) == 0 && rand() % 3 == 0);
    t->kind = t->version ? 'V' : 'P';
    t->o.flags = 0;
    t->o.born = 0;
}


static void
number(thing_t *t, uint64_t seq)
{
    t->o.seq = seq;

    if (t->version) {
        t->o.born = seq;
    }
}


static redisReply *
call_put(worker_t *w, thing_t *t, const char *cond, uint64_t arg)
{
    cos_str_t  rec = record_of(w, &t->o);

    return redisCommand(w->c, "FCALL cos_put 1 o{%s}%s %s %s %llu %b %s %llu",
                        t->bid, t->key, t->bid, t->key,
                        (unsigned long long) w->inc, rec.data, rec.len, cond,
                        (unsigned long long) arg);
}


static cos_str_t
bytes(worker_t *w, thing_t *t, size_t len)
{
    size_t     i;
    cos_str_t  s;

    s.len = len;
    s.data = cos_alloc(w->a, len + 1);

    for (i = 0; i < len; i++) {
        s.data[i] = (cos_u8) (i < 16 ? rand() : (int) i);
    }

    t->o.size = len;
    t->o.crc64 = cos_crc64(0, s.data, len);
    cos_md_once(COS_MD5, s.data, len, t->o.etag);

    return s;
}


/* Places a payload: into the pack, or a solo container of its own. */
static void
place(worker_t *w, thing_t *t, cos_json_t *j, cos_str_t payload,
    cos_seg_t *seg)
{
    cos_buf_t       b;
    cos_solo_t      s;
    cos_pack_rec_t  rec;

    j->self = 1;
    seg->len = payload.len;

    if (payload.len <= SMALL) {
        append(w, &rec, j, payload);
        seg->cid = rec.cid;
        seg->off = rec.off;
        return;
    }

    cos_buf_init(&b, w->a, 512);
    assert_int_equal(cos_json_encode(&b, j), 0);
    seg->cid = w->inc << COS_CID_BITS | COS_CID_SOLO | ++w->ns;
    seg->off = COS_SOLO_PAYLOAD;
    assert_int_equal(cos_solo_create(&s, &store, seg->cid, 0), COS_OK);
    maybe_die(w);
    assert_int_equal(cos_solo_write(&s, payload.data, payload.len), COS_OK);
    maybe_die(w);
    assert_int_equal(cos_solo_finish(&s, j->kind, j->seq, t->o.crc64,
                                     (cos_str_t) { b.len, b.data }), COS_OK);
    maybe_die(w);
}


static void
settle(thing_t *t)
{
    uint32_t  i;

    for (i = 0; i < t->o.nsegs; i++) {
        if (cos_cid_is_solo(t->o.segs[i].cid)) {
            (void) cos_store_settle(&store, t->o.segs[i].cid);
        }
    }
}


/* A record that names bytes which lie there already. */
static const char *
commit_meta(worker_t *w, thing_t *t, const char *cond, uint64_t arg,
    cos_json_t *j, char word[24])
{
    cos_pack_rec_t  rec;

    number(t, worker_seq(w));
    fill(j, COS_J_OBJECT, t, t->o.seq);
    mark(w, 'I', t->kind, t, t->o.seq);
    append_json(w, j, &rec);
    t->o.home = rec.cid;
    maybe_die(w);

    return outcome(w, call_put(w, t, cond, arg), word);
}


static void
finish_put(worker_t *w, thing_t *t, cos_json_t *j, const char *word,
    int fresh)
{
    uint32_t  i;

    if (strcmp(word, "OK") == 0) {
        mark(w, 'A', t->kind, t, t->o.seq);
        settle(t);
        return;
    }

    if (!fresh || !cos_cid_is_solo(t->o.segs[0].cid) || !j->self) {
        void_note(w, j);
    }

    for (i = 0; fresh && i < t->o.nsegs; i++) {
        if (cos_cid_is_solo(t->o.segs[i].cid)) {
            (void) cos_store_unlink(&store, t->o.segs[i].cid);
        }
    }
}


static void
put(worker_t *w, thing_t *t, size_t len, const char *cond, cos_u8 flags)
{
    int         again;
    char        word[24];
    cos_str_t   payload;
    cos_json_t  j, first;

    fresh(t);
    t->o.flags = flags;
    payload = bytes(w, t, len);
    number(t, late_seq(w));
    t->o.mtime = t->o.seq / 1000;
    t->o.header[COS_H_CONTENT_TYPE] = COS_STR("text/plain");
    fill(&j, COS_J_OBJECT, t, t->o.seq);
    mark(w, 'I', t->kind, t, t->o.seq);
    t->o.segs = t->segs;
    t->o.nsegs = 1;
    place(w, t, &j, payload, t->segs);
    first = j;
    outcome(w, call_put(w, t, cond, 0), word);

    again = (strcmp(word, "STALE") == 0);

    if (again) {
        commit_meta(w, t, cond, 0, &j, word);
    }

    /* a try of its own number would be a version of its own */
    if (again && t->version) {
        void_note(w, &first);
    }

    finish_put(w, t, &j, word, 1);
}


static void
op_put(worker_t *w, thing_t *t, size_t len, const char *cond)
{
    put(w, t, len, cond, 0);
}


static int
fetch(worker_t *w, thing_t *t)
{
    int          rc;
    cos_str_t    rec;
    redisReply  *r;

    r = redisCommand(w->c, "GET o{%s}%s", t->bid, t->key);
    assert_non_null(r);
    rc = r->type == REDIS_REPLY_STRING
         && cos_dup(w->a, &rec, r->str, r->len) == 0
         && cos_object_decode(&t->o, rec, w->a) == 0;
    freeReplyObject(r);

    return rc;
}


static void
amend(worker_t *w, thing_t *t)
{
    char        word[24];
    uint64_t    old;
    cos_json_t  j;

    old = t->o.seq;

    if (versioned(t) && t->o.born == 0) {
        t->o.born = old;
        t->o.flags |= COS_F_NULL;
    }

    t->version = 0;
    t->kind = cos_object_version(&t->o) ? 'M' : 'P';
    t->o.rev = 0;
    t->o.header[COS_H_CACHE_CONTROL] = COS_STR("no-cache");
    commit_meta(w, t, "seq", old, &j, word);
    finish_put(w, t, &j, word, 0);
}


static void
op_meta(worker_t *w, thing_t *t)
{
    if (!fetch(w, t)) {
        return;
    }

    amend(w, t);
}


/* One of the versions of the key, current or not. */
static int
fetch_version(worker_t *w, thing_t *t)
{
    int          rc;
    char         hex[15];
    size_t       i, n, len;
    cos_str_t    rec;
    redisReply  *r, *o, *m;

    len = strlen(t->key);
    r = redisCommand(w->c, "FCALL_RO cos_versions 1 k{%s} %s %s %s %s %s 1000",
                     t->bid, t->bid, t->key, "", "", "");
    assert_true(r != NULL && r->type == REDIS_REPLY_ARRAY);

    for (n = 0, m = r->element[3]; n < m->elements; n += 2) {
        if (m->element[n + 1]->str[len] != '\0') {
            break;                    /* a longer key */
        }
    }

    rc = 0;

    if (n > 0) {
        i = 2 * ((size_t) rand() % (n / 2));

        if (i == 0) {
            o = redisCommand(w->c, "GET o{%s}%s", t->bid, t->key);

        } else {
            memcpy(hex, m->element[i + 1]->str + len + 1, 14);
            hex[14] = '\0';
            o = redisCommand(w->c, "GET v{%s}%s%b%s", t->bid, t->key, "", 1,
                             hex);
        }

        assert_non_null(o);
        rc = o->type == REDIS_REPLY_STRING
             && cos_dup(w->a, &rec, o->str, o->len) == 0
             && cos_object_decode(&t->o, rec, w->a) == 0;
        freeReplyObject(o);
    }

    freeReplyObject(r);

    return rc;
}


static void
op_meta_version(worker_t *w, thing_t *t)
{
    if (fetch_version(w, t)) {
        amend(w, t);
    }
}

#endif
