/*
 * Recovery, compaction, verification and rebuild against processes that die at
 * any moment: nothing acknowledged is lost, nothing refused comes back, and
 * the containers alone give the same Redis again.
 */

#include "maint_promises.h"


static int
count_file(void *ctx, uint64_t cid, int in_open)
{
    unsigned  *n = ctx;

    (void) cid;
    n[in_open]++;

    return 0;
}


static void
tidy(void)
{
    unsigned     n[2] = { 0, 0 };
    cos_maint_t  m;

    maint_begin(&m);
    assert_int_equal(cos_maint_recover(&m), 0);
    assert_int_equal(cos_maint_reap(&m), 0);
    assert_int_equal(cos_maint_compact(&m), 0);
    assert_int_equal(cos_maint_sweep(&m), 0);
    maint_end(&m);
    assert_int_equal(cos_store_walk(&store, count_file, n), 0);
    assert_int_equal(n[1], 0);
}


/* --- processes that die --------------------------------------------------- */

static void
be_worker(unsigned seed)
{
    int       n;
    worker_t  w;

    srand(seed);
    store.sync = seed % 4 == 0;
    worker_begin(&w, 2000);

    for (n = 500 + rand() % 3000; n > 0; n--) {
        work(&w);
    }

    worker_end(&w, rand() % 2);
    _exit(0);
}


static void
be_maint(unsigned seed)
{
    cos_maint_t  m;

    srand(seed);
    store.sync = 0;
    maint_begin(&m);
    m.grace = 1;

    for ( ;; ) {
        if (cos_maint_recover(&m) != 0 || cos_maint_reap(&m) != 0
            || cos_maint_compact(&m) != 0 || cos_maint_sweep(&m) != 0)
        {
            maint_end(&m);
            maint_begin(&m);
            m.grace = 1;
        }

        if (rand() % 8 == 0) {
            maint_end(&m);
            _exit(0);
        }
        usleep(20000);
    }
}


static pid_t
spawn(int which)
{
    pid_t     pid;
    unsigned  seed = (unsigned) rand();

    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        if (which == 0) {
            be_maint(seed);
        }
        be_worker(seed);
    }

    return pid;
}


static void
storm(int ms)
{
    int       i, status;
    pid_t     child[3], pid;
    uint64_t  end;

    for (i = 0; i < 3; i++) {
        child[i] = spawn(i);
    }

    for (end = now_us() + (uint64_t) ms * 1000; now_us() < end; /* void */) {
        usleep(20000 + (useconds_t) rand() % 250000);

        while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
            assert_true(pid != redis_pid);
            assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL
                                            : WEXITSTATUS(status) == 0);
            for (i = 0; i < 3; i++) {
                if (child[i] == pid) {
                    child[i] = spawn(i);
                }
            }
        }

        i = rand() % 3;
        kill(child[i], SIGKILL);
    }

    for (i = 0; i < 3; i++) {
        kill(child[i], SIGKILL);
        waitpid(child[i], NULL, 0);
    }
}


static void
survive(void **state)
{
    int       round;
    unsigned  seed;
    worker_t  w;

    (void) state;

    seed = getenv("MAINT_SEED") != NULL
           ? (unsigned) atoi(getenv("MAINT_SEED")) : (unsigned) time(NULL);
    print_message("# MAINT_SEED=%u\n", seed);
    srand(seed);

    worker_begin(&w, 0);
    make_buckets(&w);
    worker_end(&w, 0);

    for (round = 0; round < 3; round++) {
        storm(4000);
        tidy();
        check_verify("after recovery and compaction");
        check_promises();
        check_rebuild("after recovery and compaction");
        check_promises();
    }
}


/* A rebuild may be killed, and is then run again. */
static void
rebuild_killed(void **state)
{
    int            i;
    char          *before, *after;
    pid_t          pid;
    worker_t       w;
    cos_verify_t   v;

    (void) state;

    worker_begin(&w, 0);
    make_buckets(&w);

    for (i = 0; i < 1500; i++) {
        work(&w);
    }

    worker_end(&w, 1);
    tidy();
    before = snapshot();
    freeReplyObject(redisCommand(redis, "FLUSHALL"));

    for (i = 0; i < 12; i++) {
        pid = fork();

        if (pid == 0) {
            redisContext  *c = dial();

            cos_rebuild(&store, c, 0, &v, NULL, NULL);
            _exit(0);
        }

        usleep((useconds_t) (500 + 1000 * i));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }

    /* one that came to its end is not repeated by accident */
    (void) cos_rebuild(&store, redis, 0, &v, NULL, NULL);
    after = snapshot();
    same(before, after, "after rebuilds that were killed");
    assert_int_equal(cos_rebuild(&store, redis, 0, &v, NULL, NULL), -1);
    assert_int_equal(cos_rebuild(&store, redis, 1, &v, tell, NULL), 0);
    free(after);
    after = snapshot();
    same(before, after, "after a forced rebuild");
    free(before);
    free(after);
    check_verify("after a forced rebuild");
}


/* --- single cases --------------------------------------------------------- */

static void
named(thing_t *t, const char *key)
{
    memset(t, 0, sizeof(*t));
    memcpy(t->bid, "1", 2);
    snprintf(t->key, sizeof(t->key), "%s", key);
}


static long long
exists(const char *key)
{
    long long    n;
    redisReply  *r;

    r = redisCommand(redis, "EXISTS %s", key);
    n = r->integer;
    freeReplyObject(r);

    return n;
}


/* Appended, synced, never committed: it must not come back. */
static void
never_committed(void **state)
{
    thing_t         t;
    worker_t        w;
    cos_json_t      j;
    cos_arena_t    *arena;
    cos_pack_rec_t  rec;
    cos_verify_t    v;

    (void) state;

    worker_begin(&w, 0);
    make_buckets(&w);
    arena = cos_arena_create();
    w.a = cos_arena_alloc(arena);

    named(&t, "ghost");
    fill(&j, COS_J_OBJECT, &t, worker_seq(&w));
    j.self = 1;
    append(&w, &rec, &j, COS_STR(""));
    named(&t, "kept");
    op_put(&w, &t, 100, "any");
    fill(&j, COS_J_DELETE, &t, worker_seq(&w));
    append_json(&w, &j, &rec);
    named(&t, "last");
    op_put(&w, &t, 100, "any");
    named(&t, "ghost2");
    fill(&j, COS_J_OBJECT, &t, worker_seq(&w));
    j.self = 1;
    append(&w, &rec, &j, COS_STR(""));
    worker_end(&w, 0);
    cos_arena_free(arena);

    tidy();
    check_rebuild("after recovery");
    assert_int_equal(exists("o{1}ghost"), 0);
    assert_int_equal(exists("o{1}ghost2"), 0);
    assert_int_equal(exists("o{1}kept"), 1);
    assert_int_equal(exists("o{1}last"), 1);

    /* its commit, when it arrives now, is refused */
    freeReplyObject(redisCommand(redis, "FLUSHALL"));
    assert_int_equal(cos_rebuild(&store, redis, 0, &v, tell, NULL), 0);
}


/* Everything deleted: in the end neither bytes nor notes are left. */
static void
notes_go(void **state)
{
    int              i;
    char             key[16];
    thing_t          t;
    unsigned         n[2] = { 0, 0 };
    worker_t         w;
    cos_verify_t     v;
    cos_arena_t     *arena;

    (void) state;

    worker_begin(&w, 0);
    make_buckets(&w);
    arena = cos_arena_create();
    w.a = cos_arena_alloc(arena);

    for (i = 0; i < 300; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        named(&t, key);
        op_put(&w, &t, 500, "any");
    }

    for (i = 0; i < 300; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        named(&t, key);
        op_delete(&w, &t);
    }

    named(&t, "one");
    op_put(&w, &t, 500, "any");
    worker_end(&w, 1);
    cos_arena_free(arena);

    tidy();
    tidy();
    tidy();
    check_rebuild("after everything was deleted");
    assert_int_equal(cos_verify(&store, redis, &v, tell, NULL), 0);
    assert_int_equal(cos_store_walk(&store, count_file, n), 0);
    print_message("# %u containers, %llu records left\n", n[0],
                  (unsigned long long) v.records);
    assert_true(n[0] <= 3);
    assert_true(v.records < 30);
}


/* Damage is reported, not moved along under a new checksum. */
static void
damage(void **state)
{
    int             i, fd;
    char            key[16];
    cos_u8          byte;
    thing_t         t;
    worker_t        w;
    cos_seg_t       seg = { 0, 0, 0 };
    cos_maint_t     m;
    cos_verify_t    v;
    cos_arena_t    *arena;

    (void) state;

    worker_begin(&w, 0);
    make_buckets(&w);
    arena = cos_arena_create();
    w.a = cos_arena_alloc(arena);

    for (i = 0; i < 20; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        named(&t, key);
        op_put(&w, &t, 500, "any");

        if (i == 0) {
            seg = t.segs[0];
        }
    }

    for (i = 1; i < 20; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        named(&t, key);
        op_delete(&w, &t);
    }

    worker_end(&w, 1);
    snprintf(key, sizeof(key), "%02x/%012llx", (unsigned) seg.cid & 255,
             (unsigned long long) seg.cid);
    fd = openat(store.root_fd, key, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, (off_t) seg.off + 7), 1);
    byte ^= 4;
    assert_int_equal(pwrite(fd, &byte, 1, (off_t) seg.off + 7), 1);
    close(fd);
    cos_arena_free(arena);

    maint_begin(&m);
    m.log = NULL;
    assert_int_equal(cos_maint_compact(&m), 0);
    maint_end(&m);
    assert_int_equal(cos_verify(&store, redis, &v, NULL, NULL), 0);
    assert_int_equal(v.bad, 1);
    assert_int_equal(v.missing, 0);
    assert_int_equal(v.weight_errors, 0);

    /* a file that is gone is missed */
    assert_int_equal(unlinkat(store.root_fd, key, 0), 0);
    assert_int_equal(cos_verify(&store, redis, &v, NULL, NULL), 0);
    assert_true(v.missing > 0);
}


/* One command whose words are text; the one in place of %m is member, and ! is
 * the empty word. */
static void
change(const char *text, const redisReply *member)
{
    int          n;
    char         copy[64], *word, *save;
    size_t       len[8];
    const char  *argv[8];
    redisReply  *r;

    snprintf(copy, sizeof(copy), "%s", text);
    n = 0;

    for (word = strtok_r(copy, " ", &save); word != NULL;
         word = strtok_r(NULL, " ", &save))
    {
        argv[n] = strcmp(word, "!") == 0 ? "" : word;
        len[n] = strlen(argv[n]);

        if (strcmp(word, "%m") == 0) {
            argv[n] = member->str;
            len[n] = member->len;
        }

        n++;
    }

    r = redisCommandArgv(redis, n, argv, len);
    assert_non_null(r);
    assert_int_not_equal(r->type, REDIS_REPLY_ERROR);
    freeReplyObject(r);
}


/* What the index says and the records do not, or the other way round. */
static void
wrong_index(void **state)
{
    size_t        i;
    thing_t       t;
    worker_t      w;
    redisReply   *r;
    cos_arena_t  *arena;
    cos_verify_t  v;

    static const struct {
        const char  *now;
        const char  *then;
    } changes[] = {
        { "ZREM K{1} %m", "ZADD K{1} 0 %m" },
        { "ZADD K{1} 0 zz", "ZREM K{1} zz" },
        { "HINCRBY y{1} ! 5", "HINCRBY y{1} ! -5" },
    };

    (void) state;

    worker_begin(&w, 0);
    make_buckets(&w);
    arena = cos_arena_create();
    w.a = cos_arena_alloc(arena);
    named(&t, "a");
    op_put(&w, &t, 100, "any");
    named(&t, "b");
    op_put(&w, &t, 200, "any");
    worker_end(&w, 1);
    cos_arena_free(arena);
    check_verify("before");

    r = redisCommand(redis, "ZRANGE K{1} 0 0");
    assert_int_equal(r->elements, 1);

    for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        change(changes[i].now, r->element[0]);
        assert_int_equal(cos_verify(&store, redis, &v, NULL, NULL), 0);
        assert_true(v.weight_errors > 0);
        change(changes[i].then, r->element[0]);
        check_verify(changes[i].then);
    }

    /* other facts: the last byte of the digest */
    change("ZREM K{1} %m", r->element[0]);
    r->element[0]->str[r->element[0]->len - 1] ^= 1;
    change("ZADD K{1} 0 %m", r->element[0]);
    assert_int_equal(cos_verify(&store, redis, &v, NULL, NULL), 0);
    assert_true(v.weight_errors > 0);
    assert_int_equal(v.missing, 0);
    freeReplyObject(r);
}


/* To a Redis that knows nothing, files are no orphans. */
static void
emptied(void **state)
{
    thing_t       t;
    worker_t      w;
    cos_maint_t   m;
    cos_arena_t  *arena;
    cos_verify_t  v;

    (void) state;

    worker_begin(&w, 0);
    make_buckets(&w);
    arena = cos_arena_create();
    w.a = cos_arena_alloc(arena);
    named(&t, "solo");
    op_put(&w, &t, 2 * SMALL, "any");
    named(&t, "small");
    op_put(&w, &t, 100, "any");
    worker_end(&w, 0);
    cos_arena_free(arena);

    maint_begin(&m);
    m.log = NULL;
    freeReplyObject(redisCommand(redis, "FLUSHALL"));
    assert_int_equal(cos_maint_sweep(&m), -1);
    assert_int_equal(cos_maint_recover(&m), -1);
    (void) cos_maint_reap(&m);
    (void) cos_maint_compact(&m);
    cos_maint_done(&m);
    redisFree(m.redis);

    memset(&m, 0, sizeof(m));
    m.store = &store;
    m.redis = dial();
    assert_int_equal(cos_maint_init(&m), -1);
    freeReplyObject(redisCommand(redis, "HSET g store %s inc 0", store.id));
    assert_int_equal(cos_maint_init(&m), -1);
    freeReplyObject(redisCommand(redis, "DEL g"));
    redisFree(m.redis);

    assert_int_equal(cos_rebuild(&store, redis, 0, &v, tell, NULL), 0);
    assert_int_equal(exists("o{1}solo"), 1);
    assert_int_equal(exists("o{1}small"), 1);
    check_verify("after a rebuild");
    tidy();
    check_rebuild("after recovery");
}


/* --- what only happens when containers are laid out just so --------------- */

/* n objects of 500 bytes, or their deletion. */
static void
many(worker_t *w, const char *prefix, int n, int gone)
{
    int      i;
    char     key[16];
    thing_t  t;

    for (i = 0; i < n; i++) {
        snprintf(key, sizeof(key), "%s%d", prefix, i);
        named(&t, key);

        if (gone) {
            op_delete(w, &t);

        } else {
            op_put(w, &t, 500, "any");
        }
    }
}


static void
begin_with_arena(worker_t *w, cos_arena_t **arena)
{
    *arena = cos_arena_create();
    worker_begin(w, 0);
    w->a = cos_arena_alloc(*arena);
}


static void
end_with_arena(worker_t *w, cos_arena_t *arena, int orderly)
{
    worker_end(w, orderly);
    cos_arena_free(arena);
}


static void
first_worker(worker_t *w, cos_arena_t **arena)
{
    worker_begin(w, 0);
    make_buckets(w);
    worker_end(w, 1);
    begin_with_arena(w, arena);
}


/* The container that holds the deletion goes before the one that holds what
 * was deleted: the note stays. */
static void
note_is_needed(void **state)
{
    thing_t       t;
    worker_t      w;
    cos_arena_t  *arena;

    (void) state;

    first_worker(&w, &arena);
    named(&t, "old");
    op_put(&w, &t, 500, "any");
    many(&w, "stays", 20, 0);
    end_with_arena(&w, arena, 1);

    begin_with_arena(&w, &arena);
    many(&w, "goes", 20, 0);
    named(&t, "old");
    op_delete(&w, &t);
    end_with_arena(&w, arena, 1);

    begin_with_arena(&w, &arena);
    many(&w, "goes", 20, 1);
    end_with_arena(&w, arena, 1);

    tidy();
    tidy();
    check_rebuild("after the deletion was compacted");
    assert_int_equal(exists("o{1}old"), 0);
    assert_int_equal(exists("o{1}stays3"), 1);
}


static void
put_upload(worker_t *w, thing_t *t, const char *id, int complete)
{
    char            word[24];
    uint64_t        seq, crc;
    cos_buf_t       b;
    cos_str_t       rec;
    cos_json_t      j;
    cos_upload_t    u;
    cos_pack_rec_t  pr;

    if (!complete) {
        fill(&j, COS_J_UPLOAD, t, worker_seq(w));
        j.upload = cstr(id);
        append_json(w, &j, &pr);
        memset(&u, 0, sizeof(u));
        u.id = j.upload;
        u.key = j.key;
        u.seq = j.seq;
        u.object = j.object;
        cos_buf_init(&b, w->a, 256);
        assert_int_equal(cos_upload_encode(&b, &u), 0);
        outcome(w, redisCommand(w->c, "FCALL cos_mpu_init 1 U{%s}%s %s %s %s "
                                "%llu %b", t->bid, id, t->bid, t->key, id,
                                (unsigned long long) w->inc, b.data, b.len),
                word);
        assert_string_equal(word, "OK");
        return;
    }

    upload_part(w, t, cstr(id), 1, bytes(w, t, 700), &t->segs[0], &seq, word);
    crc = t->o.crc64;
    upload_part(w, t, cstr(id), 2, bytes(w, t, 700), &t->segs[1], &seq, word);
    assert_string_equal(word, "OK");
    t->o.size = 1400;
    t->o.crc64 = cos_crc64_combine(crc, t->o.crc64, 700);
    t->o.segs = t->segs;
    t->o.nsegs = 2;
    t->o.upload = cstr(id);
    number(t, worker_seq(w));
    fill(&j, COS_J_OBJECT, t, t->o.seq);
    append_json(w, &j, &pr);
    t->o.home = pr.cid;
    rec = record_of(w, &t->o);
    outcome(w, redisCommand(w->c, "FCALL cos_mpu_complete 1 o{%s}%s %s %s %s "
                            "%llu %b any - 0", t->bid, t->key, t->bid, t->key,
                            id, (unsigned long long) w->inc, rec.data,
                            rec.len), word);
    assert_string_equal(word, "OK");
}


/* The object that tells that an upload ended goes before the upload's own
 * record: it leaves word. */
static void
upload_stays_closed(void **state)
{
    thing_t       t;
    worker_t      w;
    cos_arena_t  *arena;

    (void) state;

    first_worker(&w, &arena);
    named(&t, "whole");
    put_upload(&w, &t, "id1", 0);
    many(&w, "stays", 20, 0);
    end_with_arena(&w, arena, 1);

    begin_with_arena(&w, &arena);
    put_upload(&w, &t, "id1", 1);
    end_with_arena(&w, arena, 1);

    begin_with_arena(&w, &arena);
    named(&t, "whole");
    op_put(&w, &t, 100, "any");
    end_with_arena(&w, arena, 1);

    tidy();
    tidy();
    check_rebuild("after the completed object was compacted");
    assert_int_equal(exists("U{1}id1"), 0);
}


/* A key may refer to bytes that were stored under another one, which is gone:
 * neither recovery nor compaction takes them away. */
static void
foreign_bytes(void **state)
{
    char          word[24];
    thing_t       t, u;
    worker_t      dies, w;
    cos_json_t    j;
    cos_arena_t  *arena, *other;

    (void) state;

    first_worker(&dies, &other);
    begin_with_arena(&w, &arena);
    many(&dies, "goes", 20, 0);
    named(&t, "source");
    op_put(&dies, &t, 2000, "any");

    named(&u, "refers");
    u.o = t.o;
    commit_meta(&w, &u, "any", 0, &j, word);
    assert_string_equal(word, "OK");
    op_delete(&w, &t);
    many(&w, "goes", 20, 1);
    end_with_arena(&dies, other, 0);
    end_with_arena(&w, arena, 1);

    tidy();
    check_verify("after recovery");
    check_rebuild("after recovery");
    assert_int_equal(exists("o{1}refers"), 1);
}


/* Of two copies of one incarnation the second was not committed: voiding it
 * must not take back the first. */
static void
second_copy(void **state)
{
    char            rev;
    thing_t         t;
    worker_t        w;
    cos_str_t       rec;
    cos_json_t      j;
    redisReply     *r;
    cos_arena_t    *arena;
    cos_pack_rec_t  pr;

    (void) state;

    first_worker(&w, &arena);
    named(&t, "moved");
    op_put(&w, &t, 300, "any");
    end_with_arena(&w, arena, 1);
    begin_with_arena(&w, &arena);

    for (rev = 1; rev <= 2; rev++) {
        t.o.rev = (uint16_t) rev;
        fill(&j, COS_J_OBJECT, &t, t.o.seq);
        append_json(&w, &j, &pr);

        if (rev == 1) {
            t.o.home = pr.cid;
            rec = record_of(&w, &t.o);
            r = redisCommand(w.c, "FCALL cos_move 1 o{1}moved 1 moved %llu 0 "
                             "%b", (unsigned long long) t.o.seq, rec.data,
                             rec.len);
            assert_string_equal(r->element[0]->str, "OK");
            freeReplyObject(r);
        }
    }

    named(&t, "behind");
    op_put(&w, &t, 300, "any");
    end_with_arena(&w, arena, 0);
    tidy();
    check_rebuild("after recovery");
    assert_int_equal(exists("o{1}moved"), 1);
}


/* A worker commits a record that names bytes which have just been moved away
 * from there: refused, and made again with what is there now. */
static void
late_reference(void **state)
{
    int           i;
    char          word[24];
    pid_t         pid;
    thing_t       t, now;
    worker_t      w;
    cos_json_t    j;
    cos_maint_t   m;
    cos_arena_t  *arena;

    (void) state;

    first_worker(&w, &arena);
    named(&t, "kept");
    op_put(&w, &t, 500, "any");
    many(&w, "goes", 20, 0);
    many(&w, "goes", 20, 1);
    end_with_arena(&w, arena, 1);
    begin_with_arena(&w, &arena);

    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        maint_begin(&m);
        m.grace = 2;
        i = cos_maint_compact(&m);
        maint_end(&m);
        _exit(i == 0 ? 0 : 1);
    }

    for (i = 0; i < 500; i++) {
        named(&now, "kept");
        assert_true(fetch(&w, &now));
        if (now.o.rev == 1) {
            break;
        }
        usleep(5000);
    }

    /* what it read is a while old when it commits */
    assert_int_equal(now.o.rev, 1);
    usleep(500000);
    t.o.header[COS_H_CACHE_CONTROL] = COS_STR("max-age=1");
    commit_meta(&w, &t, "seq", t.o.seq, &j, word);
    assert_string_equal(word, "CONFLICT");
    void_note(&w, &j);

    /* with what is there now it goes through */
    now.o.header[COS_H_CACHE_CONTROL] = COS_STR("max-age=1");
    now.o.rev = 0;
    commit_meta(&w, &now, "seq", now.o.seq, &j, word);
    assert_string_equal(word, "OK");
    assert_true(waitpid(pid, &i, 0) == pid && i == 0);
    end_with_arena(&w, arena, 1);
    check_verify("after a late reference");
    check_rebuild("after a late reference");
}


/* --- versions ------------------------------------------------------------- */

static long long
card(const char *command)
{
    long long    n;
    redisReply  *r;

    r = redisCommand(redis, command);
    n = r->type == REDIS_REPLY_ARRAY ? (long long) r->elements : r->integer;
    freeReplyObject(r);

    return n;
}


static void
versions_of(thing_t *t, const char *key)
{
    named(t, key);
    memcpy(t->bid, ENABLED, 2);
}


/* The clock was behind, the change was made again under a higher number, and
 * the worker dies before it can take the first try back: in a pack, and in a
 * container of its own. */
static void
died_before_note(void **state)
{
    int             i;
    char            word[24];
    thing_t         t;
    worker_t        w;
    cos_str_t       payload;
    cos_json_t      j;
    cos_arena_t    *arena;
    static const struct {
        const char  *key;
        size_t       len;
    } cases[] = { { "small", 400 }, { "large", SMALL + 1000 } };

    (void) state;

    first_worker(&w, &arena);

    for (i = 0; i < 2; i++) {
        versions_of(&t, cases[i].key);
        op_put(&w, &t, 100, "any");

        versions_of(&t, cases[i].key);
        fresh(&t);
        payload = bytes(&w, &t, cases[i].len);
        number(&t, worker_seq(&w) - 1000000);
        fill(&j, COS_J_OBJECT, &t, t.o.seq);
        t.o.segs = t.segs;
        t.o.nsegs = 1;
        place(&w, &t, &j, payload, t.segs);
        assert_string_equal(outcome(&w, call_put(&w, &t, "any", 0), word),
                            "STALE");
        assert_string_equal(commit_meta(&w, &t, "any", 0, &j, word), "OK");
    }

    end_with_arena(&w, arena, 0);
    assert_int_equal(card("KEYS v{2}*"), 2);
    tidy();
    check_verify("after recovery");
    check_rebuild("after recovery");
    assert_int_equal(card("KEYS v{2}*"), 2);
    assert_int_equal(card("KEYS o{2}*"), 2);
}


/* A version that consists of parts. */
static void
version_of_parts(worker_t *w, thing_t *t, const char *key)
{
    versions_of(t, key);
    fresh(t);
    put_upload(w, t, key, 0);
    put_upload(w, t, key, 1);
}


/* A pack of versions, most of which were removed: those that are left move,
 * current or not, also as segments of an object of parts. */
static void
versions_move(void **state)
{
    int           i;
    char          key[16];
    thing_t       t;
    worker_t      w;
    cos_maint_t   m;
    cos_arena_t  *arena;

    (void) state;

    first_worker(&w, &arena);
    version_of_parts(&w, &t, "parts");
    op_put(&w, &t, 200, "any");

    for (i = 0; i < 60; i++) {
        snprintf(key, sizeof(key), "k%d", i % 10);
        versions_of(&t, key);
        op_put(&w, &t, 500, "any");
    }

    for (i = 0; i < 40; i++) {
        snprintf(key, sizeof(key), "k%d", i % 10);
        versions_of(&t, key);
        op_remove(&w, &t);
    }

    versions_of(&t, "k3");
    put(&w, &t, 0, "any", COS_F_MARKER);
    end_with_arena(&w, arena, 1);

    maint_begin(&m);
    assert_int_equal(cos_maint_compact(&m), 0);
    assert_true(m.moved >= 22);
    maint_end(&m);
    check_promises();
    check_verify("after versions moved");
    check_rebuild("after versions moved");
    check_promises();
    assert_int_equal(card("KEYS [ov]{2}k*"), 21);
    assert_int_equal(card("KEYS v{2}parts*"), 1);
}


/* More versions of one key than are looked at in one go, all of segments in one
 * pack: recovery knows all that refers to it, so it cuts off what was never
 * committed, and compaction moves them. */
static void
versions_many(void **state)
{
    int            i;
    thing_t        from, t;
    worker_t       w;
    cos_json_t     j;
    cos_maint_t    m;
    cos_arena_t   *arena;

    (void) state;

    first_worker(&w, &arena);
    version_of_parts(&w, &from, "from");

    for (i = 0; i < 350; i++) {
        versions_of(&t, "many");
        op_copy(&w, &t, &from);
    }

    versions_of(&t, "late");
    fresh(&t);
    number(&t, worker_seq(&w));
    fill(&j, COS_J_OBJECT, &t, t.o.seq);
    place(&w, &t, &j, bytes(&w, &t, 300), t.segs);
    end_with_arena(&w, arena, 0);

    maint_begin(&m);
    assert_int_equal(cos_maint_recover(&m), 0);
    assert_int_equal(m.voided, 0);
    maint_end(&m);
    check_verify("after recovery of many versions");
    assert_int_equal(card("KEYS v{2}many*"), 349);

    begin_with_arena(&w, &arena);

    for (i = 0; i < 220; i++) {
        versions_of(&t, "many");
        op_remove(&w, &t);
    }

    end_with_arena(&w, arena, 1);
    maint_begin(&m);
    m.dead_percent = 10;
    assert_int_equal(cos_maint_compact(&m), 0);
    assert_true(m.moved >= 130);
    maint_end(&m);
    check_promises();
    check_verify("after many versions moved");
    check_rebuild("after many versions moved");
    check_promises();
    assert_int_equal(card("KEYS [ov]{2}many*"), 130);
}


int
main(void)
{
#define CASE(f)  cmocka_unit_test_setup_teardown(f, world_up, world_down)
    const struct CMUnitTest tests[] = {
        CASE(never_committed), CASE(notes_go), CASE(note_is_needed),
        CASE(upload_stays_closed), CASE(foreign_bytes), CASE(second_copy),
        CASE(late_reference), CASE(damage), CASE(emptied),
        CASE(wrong_index), CASE(died_before_note), CASE(versions_move),
        CASE(versions_many), CASE(rebuild_killed), CASE(survive)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
