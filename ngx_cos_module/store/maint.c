/*
 * The background work as a whole: the incarnation it writes under, and what is
 * to be done next.
 *
 * Whenever Redis or the disk fails, the fate of what was written last is
 * unknown. Then nothing is sealed: the incarnation is given up with its files
 * in open/, and recovery by the next one decides.
 */

#define _GNU_SOURCE

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "maint_internal.h"


#define EPOCH_2020     1577836800ULL
#define RECOVER_EVERY  2000           /* ms */
#define REAP_EVERY     5000
#define COMPACT_EVERY  10000
#define SWEEP_EVERY    3600000

static int claim(cos_maint_t *m);
static int begin(cos_maint_t *m);
static void end(cos_maint_t *m);
static int take_inc(cos_maint_t *m, uint64_t *inc);


int
cos_maint_init(cos_maint_t *m)
{
    cos_maint_state_t  *st;

    m->inc = 0;
    m->lock_fd = -1;
    m->out_open = 0;

    if (m->dead_percent <= 0) {
        m->dead_percent = 50;
    }

    st = calloc(1, sizeof(cos_maint_state_t));
    m->state = st;

    if (st == NULL || cos_hash_init() != 0 || cos_hash_seed() != 0) {
        cos_maint_say(m, 1, "background work: out of memory");
        free(st);
        m->state = NULL;
        return -1;
    }

    st->compact_fd = -1;
    st->at_sweep = cos_maint_now() + SWEEP_EVERY / 6;

    if (claim(m) != 0 || cos_maint_ours(m) != 0 || cos_maint_current(m) != 0
        || begin(m) != 0)
    {
        cos_maint_done(m);
        return -1;
    }

    return 0;
}


void
cos_maint_done(cos_maint_t *m)
{
    cos_maint_state_t  *st = cos_maint_state(m);

    if (st == NULL) {
        return;
    }

    cos_compact_drop(m);
    end(m);
    cos_table_free(&st->drained);
    cos_table_free(&st->stuck);
    cos_table_free(&st->seals);
    cos_table_free(&st->notes);
    free(st);
    m->state = NULL;
}


/* A new store and a new Redis belong together from now on. */
static int
claim(cos_maint_t *m)
{
    redisReply  *r;

    if (!cos_store_is_empty(m->store)) {
        return 0;
    }

    r = cos_rs_call(m->redis, "EXISTS B C");

    if (r == NULL) {
        return cos_maint_fail(m, "asking for buckets");
    }

    if (r->integer == 0) {
        freeReplyObject(r);
        r = cos_rs_call(m->redis, "HSETNX g store %s", m->store->id);
    }

    freeReplyObject(r);

    return r == NULL ? cos_maint_fail(m, "claiming the store") : 0;
}


int
cos_maint_ours(cos_maint_t *m)
{
    int          ours;
    redisReply  *r;

    r = cos_rs_call(m->redis, "HGET g store");

    if (r == NULL) {
        return cos_maint_fail(m, "asking for the store's id");
    }

    ours = r->type == REDIS_REPLY_STRING && strcmp(r->str, m->store->id) == 0;
    freeReplyObject(r);

    if (!ours) {
        cos_maint_say(m, 1, "Redis does not name \"%s\" as its store; when "
                      "it lost its data, \"cosctl rebuild\" restores it",
                      m->store->root);
        return -1;
    }

    return 0;
}


static int
highest_inc(void *ctx, uint64_t cid, int in_open)
{
    uint64_t  *max = ctx;

    (void) in_open;

    if (cos_cid_inc(cid) > *max) {
        *max = cos_cid_inc(cid);
    }

    return 0;
}


/* A Redis that came back with an old copy of its data would let us take newer
 * files for orphans. */
int
cos_maint_current(cos_maint_t *m)
{
    uint64_t     max, inc;
    redisReply  *r;

    max = 0;

    if (cos_store_walk(m->store, highest_inc, &max) != 0) {
        cos_maint_say(m, 1, "cannot read \"%s\": %s", m->store->root,
                      strerror(errno));
        return -1;
    }

    r = cos_rs_call(m->redis, "HGET g inc");

    if (r == NULL) {
        return cos_maint_fail(m, "asking for the last incarnation");
    }

    inc = r->type == REDIS_REPLY_STRING ? strtoull(r->str, NULL, 10) : 0;
    freeReplyObject(r);

    if (inc < max) {
        cos_maint_say(m, 1, "Redis is older than \"%s\" (incarnation %llx, "
                      "files of %llx): restore it with \"cosctl rebuild "
                      "--force\"", m->store->root,
                      (unsigned long long) inc, (unsigned long long) max);
        return -1;
    }

    return 0;
}


void
cos_maint_client(char dst[64], uint64_t inc)
{
    snprintf(dst, 64, "cos-maint-%llx", (unsigned long long) inc);
}


/* The connection carries the incarnation's name: recovery closes it, so that
 * no command of a dead process is carried out after it was judged. */
static int
begin(cos_maint_t *m)
{
    int          tries;
    char         name[64];
    uint64_t     inc;
    redisReply  *r;

    for (tries = 0; tries < 16; tries++) {
        if (take_inc(m, &inc) != 0) {
            return cos_maint_fail(m, "taking an incarnation");
        }

        m->lock_fd = cos_store_lock(m->store, inc);
        if (m->lock_fd == -1) {
            if (errno == EWOULDBLOCK) {
                continue;
            }
            break;
        }

        m->inc = inc;
        m->next = 1;
        cos_maint_client(name, inc);
        r = cos_rs_call(m->redis, "CLIENT SETNAME %s", name);

        if (r == NULL) {
            return cos_maint_fail(m, "naming the connection");
        }

        freeReplyObject(r);

        return 0;
    }

    return cos_maint_fail(m, "locking an incarnation");
}


/* Ids end where 48 bits do. */
static int
take_inc(cos_maint_t *m, uint64_t *inc)
{
    redisReply  *r;

    r = cos_rs_call(m->redis, "HINCRBY g inc 1");

    if (r == NULL || r->type != REDIS_REPLY_INTEGER || r->integer <= 0
        || r->integer > (long long) COS_INC_MAX)
    {
        freeReplyObject(r);
        return -1;
    }

    *inc = (uint64_t) r->integer;
    freeReplyObject(r);

    return 0;
}


static void
end(cos_maint_t *m)
{
    int                 clean;
    char                name[COS_NAME_LEN];
    cos_maint_state_t  *st = cos_maint_state(m);

    clean = !st->failed;

    if (m->out_open) {
        if (!clean) {
            cos_pack_abandon(&m->out);

        } else if (m->out.records == 0 && m->out.carried == 0) {
            cos_pack_abandon(&m->out);
            (void) cos_store_unlink(m->store, m->out.cid);

        } else if (cos_pack_seal(&m->out) != COS_OK) {
            cos_maint_say(m, 1, "cannot seal container %012llx: %s",
                          (unsigned long long) m->out.cid,
                          strerror(m->out.err));
            cos_pack_abandon(&m->out);
            clean = 0;
        }

        m->out_open = 0;
    }

    if (m->lock_fd != -1) {
        if (clean) {
            cos_name_lock(name, m->inc);
            (void) unlinkat(m->store->root_fd, name, 0);
        }

        (void) close(m->lock_fd);
        m->lock_fd = -1;
    }

    m->inc = 0;
}


int
cos_maint_rotate(cos_maint_t *m)
{
    end(m);

    return cos_maint_state(m)->failed ? -1 : begin(m);
}


void
cos_maint_say(cos_maint_t *m, int error, const char *fmt, ...)
{
    char     text[1024];
    va_list  ap;

    if (m->log == NULL) {
        return;
    }

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);

    m->log(m->log_ctx, error, text);
}


int64_t
cos_maint_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


int
cos_maint_stopped(cos_maint_t *m)
{
    return m->stop != NULL && *m->stop != 0;
}


int
cos_maint_fail(cos_maint_t *m, const char *what)
{
    cos_maint_state_t  *st = cos_maint_state(m);

    if (!st->failed) {
        cos_maint_say(m, 1, "background work stops: %s: %s", what,
                      m->redis->errstr[0] ? m->redis->errstr
                                          : strerror(errno));
    }

    st->failed = 1;

    return -1;
}


uint64_t
cos_maint_seq(cos_maint_t *m)
{
    uint64_t            seq, hi;
    redisReply         *r;
    struct timespec     ts;
    cos_maint_state_t  *st = cos_maint_state(m);

    r = cos_rs_call(m->redis, "HGET g hi");

    if (r == NULL) {
        (void) cos_maint_fail(m, "reading the seq clock");
        return 0;
    }

    hi = r->type == REDIS_REPLY_STRING ? strtoull(r->str, NULL, 10) : 0;
    freeReplyObject(r);

    (void) clock_gettime(CLOCK_REALTIME, &ts);
    seq = ((uint64_t) ts.tv_sec - EPOCH_2020) * 1000000
          + (uint64_t) ts.tv_nsec / 1000;

    if (seq <= hi) {
        seq = hi + 1;
    }

    if (seq <= st->last_seq) {
        seq = st->last_seq + 1;
    }

    /* raised before use: another such process then goes on above */
    r = cos_rs_call(m->redis, "FCALL cos_hi 1 g %llu",
                    (unsigned long long) seq);

    if (!cos_rs_status(r, "OK")) {
        freeReplyObject(r);
        (void) cos_maint_fail(m, "raising the seq clock");
        return 0;
    }

    freeReplyObject(r);
    st->last_seq = seq;

    return seq;
}


/* One kind of work for each call, the most urgent first. */
int
cos_maint_step(cos_maint_t *m, int budget_ms)
{
    int                 rc;
    int64_t             now, until;
    cos_maint_state_t  *st = cos_maint_state(m);

    now = cos_maint_now();
    until = now + budget_ms;

    if (st->failed) {
        return -1;
    }

    if (now >= st->at_recover) {
        st->at_recover = now + RECOVER_EVERY;
        rc = cos_maint_recover(m);

    } else if (now >= st->at_reap) {
        st->at_reap = now + REAP_EVERY;
        rc = cos_maint_reap(m);

    } else if (st->victim != NULL) {
        do {
            rc = cos_compact_slice(m);
        } while (rc > 0 && cos_maint_now() < until && !cos_maint_stopped(m));

    } else if (now >= st->at_compact) {
        rc = cos_compact_pick(m, COS_LINGER * 1000);

        if (rc == 0) {
            st->at_compact = now + COMPACT_EVERY;
        }

    } else if (now >= st->at_sweep) {
        st->at_sweep = now + SWEEP_EVERY;
        rc = cos_maint_sweep(m);

    } else {
        return (int) ((st->at_recover < st->at_reap ? st->at_recover
                                                    : st->at_reap) - now) + 1;
    }

    if (rc < 0 && !st->failed) {
        /* the disk is full, or a file cannot be read: not Redis' fault */
        cos_compact_drop(m);
        st->at_compact = now + COMPACT_EVERY;
        return 1000;
    }

    return st->failed ? -1 : 0;
}
