/*
 * More of what workers do: deletions, copies, uploads, changes of buckets and
 * credentials; and all of it in a random order.
 */

#ifndef MAINT_OPS_H
#define MAINT_OPS_H

#include "maint_worker.h"
#include "cos_acl.h"


/* Removes one version. */
static void
op_remove(worker_t *w, thing_t *t)
{
    char            word[24];
    uint64_t        seq, id;
    cos_json_t      j;
    cos_pack_rec_t  rec;

    if (!fetch_version(w, t)) {
        return;
    }

    id = cos_object_version(&t->o);

    do {
        seq = worker_seq(w);
        fill(&j, COS_J_DELETE, t, seq);
        j.version = id;
        mark(w, 'I', id ? 'R' : 'D', t, id ? id : seq);
        append_json(w, &j, &rec);
        outcome(w, redisCommand(w->c, "FCALL cos_del 1 o{%s}%s %s %s %llu "
                                "%llu any %s %llu", t->bid, t->key, t->bid,
                                t->key, (unsigned long long) w->inc,
                                (unsigned long long) seq, "",
                                (unsigned long long) id), word);
    } while (strcmp(word, "STALE") == 0);

    if (strcmp(word, "OK") == 0) {
        mark(w, 'A', id ? 'R' : 'D', t, id ? id : seq);

    } else {
        void_note(w, &j);
    }
}


static void
op_delete(worker_t *w, thing_t *t)
{
    char            word[24];
    uint64_t        seq;
    cos_json_t      j;
    cos_pack_rec_t  rec;

    do {
        seq = worker_seq(w);
        fill(&j, COS_J_DELETE, t, seq);
        mark(w, 'I', 'D', t, seq);
        append_json(w, &j, &rec);
        outcome(w, redisCommand(w->c, "FCALL cos_del 1 o{%s}%s %s %s %llu "
                                "%llu any", t->bid, t->key, t->bid, t->key,
                                (unsigned long long) w->inc,
                                (unsigned long long) seq), word);
    } while (strcmp(word, "STALE") == 0);

    if (strcmp(word, "OK") == 0) {
        mark(w, 'A', 'D', t, seq);

    } else {
        void_note(w, &j);
    }
}


/* Large objects are linked, small segments written again. */
static void
op_copy(worker_t *w, thing_t *t, thing_t *from)
{
    int             fd;
    char            word[24];
    uint32_t        i;
    uint64_t        cid;
    cos_str_t       part;
    cos_json_t      j;
    cos_pack_rec_t  rec;

    if (!fetch(w, from) || from->o.nsegs > 8
        || (from->o.flags & COS_F_MARKER))
    {
        return;
    }

    t->o = from->o;
    fresh(t);
    t->o.upload.len = 0;
    t->o.rev = 0;
    memcpy(t->segs, from->o.segs, from->o.nsegs * sizeof(cos_seg_t));
    t->o.segs = t->segs;

    for (i = 0; i < t->o.nsegs; i++) {
        if (cos_cid_is_solo(t->segs[i].cid)) {
            cid = w->inc << COS_CID_BITS | COS_CID_SOLO | ++w->ns;
            if (cos_solo_link(&store, t->segs[i].cid, cid) != COS_OK) {
                t->o.nsegs = i;
                goto gone;
            }
            t->segs[i].cid = cid;
            maybe_die(w);
            continue;
        }

        fd = cos_store_open_cid(&store, t->segs[i].cid);
        part.len = (size_t) t->segs[i].len;
        part.data = cos_alloc(w->a, part.len + 1);

        if (fd == -1
            || pread(fd, part.data, part.len, (off_t) t->segs[i].off)
               != (ssize_t) part.len)
        {
            t->o.nsegs = i;
            goto gone;
        }

        close(fd);
        fill(&j, COS_J_PART, t, worker_seq(w));
        j.upload = COS_STR("copy");
        j.part = i + 1;
        j.self = 1;
        j.object.size = part.len;
        append(w, &rec, &j, part);
        t->segs[i].cid = rec.cid;
        t->segs[i].off = rec.off;
    }

    t->o.seq = 0;
    commit_meta(w, t, "any", 0, &j, word);
    finish_put(w, t, &j, word, 1);
    return;

gone:

    for (i = 0; i < t->o.nsegs; i++) {
        if (cos_cid_is_solo(t->segs[i].cid)) {
            (void) cos_store_unlink(&store, t->segs[i].cid);
        }
    }
}


static const char *
upload_part(worker_t *w, thing_t *t, cos_str_t id, uint32_t n,
    cos_str_t payload, cos_seg_t *seg, uint64_t *seq, char word[24])
{
    thing_t     p = *t;
    cos_str_t   rec;
    cos_json_t  j;

    p.o.size = payload.len;
    p.o.crc64 = cos_crc64(0, payload.data, payload.len);
    cos_md_once(COS_MD5, payload.data, payload.len, p.o.etag);
    p.o.seq = *seq = worker_seq(w);
    fill(&j, COS_J_PART, &p, p.o.seq);
    j.upload = id;
    j.part = n;
    place(w, &p, &j, payload, seg);
    p.o.segs = seg;
    p.o.nsegs = 1;
    rec = record_of(w, &p.o);
    outcome(w, redisCommand(w->c, "FCALL cos_mpu_part 1 U{%s}%b %s %b %llu "
                            "%u %b", t->bid, id.data, id.len, t->bid, id.data,
                            id.len, (unsigned long long) w->inc, n, rec.data,
                            rec.len), word);

    if (strcmp(word, "OK") == 0) {
        settle(&p);

    } else if (cos_cid_is_solo(seg->cid)) {
        (void) cos_store_unlink(&store, seg->cid);

    } else {
        void_note(w, &j);
    }

    return word;
}


static void
op_upload(worker_t *w, thing_t *t)
{
    char            word[24], id[24];
    size_t          total, len;
    uint32_t        n, i;
    uint64_t        seqs[8];
    cos_buf_t       b;
    cos_str_t       all, part, uid, rec;
    cos_json_t      j;
    cos_upload_t    u;
    cos_pack_rec_t  pr;

    fresh(t);
    t->o.mtime = 5;
    snprintf(id, sizeof(id), "%llx%x", (unsigned long long) worker_seq(w),
             (unsigned) w->inc);
    uid = cstr(id);
    fill(&j, COS_J_UPLOAD, t, worker_seq(w));
    j.upload = uid;
    j.initiated = 77;
    append_json(w, &j, &pr);

    memset(&u, 0, sizeof(u));
    u.id = uid;
    u.key = j.key;
    u.initiated = 77;
    u.seq = j.seq;
    u.object = j.object;
    cos_buf_init(&b, w->a, 256);
    assert_int_equal(cos_upload_encode(&b, &u), 0);
    outcome(w, redisCommand(w->c, "FCALL cos_mpu_init 1 U{%s}%s %s %s %s %llu "
                            "%b", t->bid, id, t->bid, t->key, id,
                            (unsigned long long) w->inc, b.data, b.len), word);
    if (strcmp(word, "OK") != 0) {
        void_note(w, &j);
        return;
    }

    n = 1 + (uint32_t) rand() % 4;
    total = 0;
    all = bytes(w, t, n * 6000);

    for (i = 0; i < n; i++) {
        len = rand() % 2 ? 5000 : 900;
        part.data = all.data + total;
        part.len = len;

        if (rand() % 5 == 0) {
            upload_part(w, t, uid, i + 1, COS_STR("superseded"), &t->segs[i],
                        &seqs[i], word);
        }

        upload_part(w, t, uid, i + 1, part, &t->segs[i], &seqs[i], word);
        if (strcmp(word, "OK") != 0) {
            return;
        }
        total += len;
    }

    if (rand() % 4 == 0) {
        return;                       /* stays open */
    }

    if (rand() % 3 == 0) {
        fill(&j, COS_J_ABORT, t, worker_seq(w));
        j.upload = uid;
        append_json(w, &j, &pr);
        outcome(w, redisCommand(w->c, "FCALL cos_mpu_abort 1 U{%s}%s %s %s %s "
                                "%llu", t->bid, id, t->bid, t->key, id,
                                (unsigned long long) w->inc), word);
        return;
    }

    /* where the parts are now: they may have moved */
    for (i = 0; i < n; i++) {
        redisReply    *r;
        cos_object_t   o;

        r = redisCommand(w->c, "HGET P{%s}%s %u", t->bid, id, i + 1);
        rec.data = (cos_u8 *) r->str;
        rec.len = r->len;
        assert_int_equal(cos_object_decode(&o, rec, w->a), 0);
        t->segs[i] = o.segs[0];
        freeReplyObject(r);
    }

    all.len = total;
    t->o.size = total;
    t->o.crc64 = cos_crc64(0, all.data, total);
    cos_md_once(COS_MD5, all.data, total, t->o.etag);
    t->o.segs = t->segs;
    t->o.nsegs = n;
    t->o.upload = uid;

    do {
        number(t, worker_seq(w));
        fill(&j, COS_J_OBJECT, t, t->o.seq);
        mark(w, 'I', t->kind, t, t->o.seq);
        append_json(w, &j, &pr);
        t->o.home = pr.cid;
        rec = record_of(w, &t->o);
        outcome(w, redisCommand(w->c, "FCALL cos_mpu_complete 1 o{%s}%s %s %s "
                                "%s %llu %b any - 0", t->bid, t->key, t->bid,
                                t->key, id, (unsigned long long) w->inc,
                                rec.data, rec.len), word);
        if (strcmp(word, "STALE") == 0 && t->version) {
            void_note(w, &j);
        }
    } while (strcmp(word, "STALE") == 0);

    finish_put(w, t, &j, word, 0);
}


static void
op_bucket(worker_t *w)
{
    char            word[24], name[16], bid[24];
    cos_buf_t       b;
    cos_json_t      j;
    redisReply     *r;
    cos_bucket_t    old;
    cos_pack_rec_t  pr;

    snprintf(name, sizeof(name), "tmp%d", rand() % 4);
    r = redisCommand(w->c, "GET b:%s", name);
    memset(&j, 0, sizeof(j));
    j.seq = worker_seq(w);
    cos_buf_init(&b, w->a, 256);

    if (r->type == REDIS_REPLY_STRING) {
        assert_int_equal(cos_bucket_decode(&old, (cos_str_t) {
                             r->len, (cos_u8 *) r->str }), 0);
        assert_int_equal(cos_dup(w->a, &j.bid, old.id.data, old.id.len), 0);
        j.kind = COS_J_BUCKET_DELETE;
        j.bucket.name = cstr(name);
        append_json(w, &j, &pr);
        outcome(w, redisCommand(w->c, "FCALL cos_bucket_del 1 b:%s %s %b",
                                name, name, j.bid.data, j.bid.len), word);

    } else {
        freeReplyObject(r);
        r = redisCommand(w->c, "HINCRBY g bid 1");
        snprintf(bid, sizeof(bid), "%lld", r->integer + 100);
        j.kind = COS_J_BUCKET;
        j.bid = cstr(bid);
        j.bucket.id = j.bid;
        j.bucket.name = cstr(name);
        j.bucket.owner = 100000000100;
        append_json(w, &j, &pr);
        j.bucket.seq = j.seq;
        assert_int_equal(cos_bucket_encode(&b, &j.bucket), 0);
        outcome(w, redisCommand(w->c, "FCALL cos_bucket_put 1 b:%s %s %s %b "
                                "create v 0 w 0 qb 0 qo 0", name, name, bid,
                                b.data, b.len), word);
    }

    freeReplyObject(r);

    if (strcmp(word, "OK") != 0) {
        void_note(w, &j);
    }
}


static void
op_cred(worker_t *w)
{
    char            word[24], ak[16], id[COS_ACCOUNT_ID_LEN];
    cos_buf_t       b;
    cos_json_t      j;
    cos_pack_rec_t  pr;

    snprintf(ak, sizeof(ak), "AK%d", rand() % 5);
    memset(&j, 0, sizeof(j));
    j.seq = worker_seq(w);

    if (rand() % 4 == 0) {
        j.kind = COS_J_CRED_DELETE;
        j.cred.access_key = cstr(ak);
        append_json(w, &j, &pr);
        outcome(w, redisCommand(w->c, "FCALL cos_cred_del 1 u:%s %s %llu", ak,
                                ak, (unsigned long long) j.seq), word);

    } else {
        j.kind = COS_J_CRED;
        j.cred.access_key = cstr(ak);
        j.cred.sealed = COS_STR("0123456789012345678901234567890123456789");
        j.cred.user = COS_STR("somebody");
        j.cred.uid = 100000000101;
        append_json(w, &j, &pr);
        j.cred.seq = j.seq;
        cos_buf_init(&b, w->a, 256);
        assert_int_equal(cos_cred_encode(&b, &j.cred), 0);
        assert_int_equal(cos_account_id(id, j.cred.uid), 0);
        outcome(w, redisCommand(w->c, "FCALL cos_cred_put 1 u:%s %s %b 0 0 "
                                "same %b", ak, ak, b.data, b.len, id,
                                sizeof(id)), word);
    }

    if (strcmp(word, "OK") != 0) {
        void_note(w, &j);
    }
}


static void
something(thing_t *t)
{
    memset(t, 0, sizeof(*t));
    snprintf(t->bid, sizeof(t->bid), "%d", 1 + rand() % BUCKETS);
    snprintf(t->key, sizeof(t->key), "key%d", rand() % KEYS);
}


static void
work_versions(worker_t *w, thing_t *t)
{
    thing_t  u;

    switch (rand() % 16) {

    case 0: case 1: case 2: case 3:
        op_put(w, t, (size_t) rand() % SMALL, "any");
        break;

    case 4:
        op_put(w, t, SMALL + (size_t) rand() % 5000, "any");
        break;

    case 5: case 6:
        put(w, t, 0, "any", COS_F_MARKER);
        break;

    case 7: case 8: case 9:
        op_meta_version(w, t);
        break;

    case 10:
        something(&u);
        op_copy(w, t, &u);
        break;

    case 11:
        op_upload(w, t);
        break;

    default:
        op_remove(w, t);
        break;
    }
}


static void
work(worker_t *w)
{
    thing_t       t, u;
    cos_arena_t  *arena;

    arena = cos_arena_create();
    w->a = cos_arena_alloc(arena);
    something(&t);

    if (versioned(&t)) {
        work_versions(w, &t);
        cos_arena_free(arena);
        return;
    }

    switch (rand() % 20) {

    case 0: case 1: case 2: case 3: case 4: case 5: case 6:
        op_put(w, &t, (size_t) rand() % SMALL, "any");
        break;

    case 7: case 8:
        op_put(w, &t, SMALL + (size_t) rand() % 5000, "any");
        break;

    case 9:
        op_put(w, &t, (size_t) rand() % (2 * SMALL), "absent");
        break;

    case 10: case 11: case 12:
        op_meta(w, &t);
        break;

    case 13: case 14: case 15:
        op_delete(w, &t);
        break;

    case 16:
        something(&u);
        op_copy(w, &t, &u);
        break;

    case 17:
        op_bucket(w);
        op_cred(w);
        break;

    default:
        op_upload(w, &t);
        break;
    }

    cos_arena_free(arena);
}


static void
make_buckets(worker_t *w)
{
    int             i;
    char            name[24], bid[16], word[24];
    cos_buf_t       b;
    cos_json_t      j;
    cos_arena_t    *arena;
    cos_pack_rec_t  pr;

    arena = cos_arena_create();
    w->a = cos_arena_alloc(arena);

    for (i = 1; i <= BUCKETS; i++) {
        snprintf(name, sizeof(name), "bucket%d", i);
        snprintf(bid, sizeof(bid), "%d", i);
        memset(&j, 0, sizeof(j));
        j.kind = COS_J_BUCKET;
        j.bid = cstr(bid);
        j.seq = worker_seq(w);
        j.bucket.name = cstr(name);
        j.bucket.id = j.bid;
        j.bucket.versioning = (cos_versioning_e) (i - 1);
        append_json(w, &j, &pr);
        j.bucket.seq = j.seq;
        cos_buf_init(&b, w->a, 128);
        assert_int_equal(cos_bucket_encode(&b, &j.bucket), 0);
        outcome(w, redisCommand(w->c, "FCALL cos_bucket_put 1 b:%s %s %s %b "
                                "create v %d w 0 qb 0 qo 0", name, name, bid,
                                b.data, b.len, i - 1), word);
        assert_string_equal(word, "OK");
    }

    cos_arena_free(arena);
}

#endif
