/*
 * Verification: every byte on disk against its checksum, and every record in
 * Redis against the bytes that it names.
 *
 * The store may be in use meanwhile. What a writer has not finished is no
 * damage, and a bucket whose numbers do not fit is looked at again, because it
 * may have changed between two questions.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "verify_internal.h"


static int on_record(cos_census_t *c, const cos_rec_t *r, cos_scan_e state,
    cos_str_t json);
static int on_done(cos_census_t *c);
static int look_again(cos_verifier_t *w, uint64_t cid);


int
cos_verify(cos_store_t *st, redisContext *redis, cos_verify_t *v,
    cos_log_pt log, void *log_ctx)
{
    int                rc;
    size_t             i;
    cos_verifier_t     w;
    cos_arena_t       *arena;
    cos_census_t       c;
    cos_rs_buckets_t   k;

    memset(v, 0, sizeof(cos_verify_t));
    memset(&w, 0, sizeof(w));
    memset(&c, 0, sizeof(c));
    w.store = st;
    w.redis = redis;
    w.v = v;
    w.log = log;
    w.log_ctx = log_ctx;
    c.store = st;
    c.flags = COS_SCAN_JSON|COS_SCAN_PAYLOAD;
    c.record = on_record;
    c.done = on_done;
    c.ctx = &w;

    arena = cos_arena_create();
    w.arena = cos_arena_create();
    rc = -1;

    if (arena != NULL && w.arena != NULL && cos_hash_init() == 0
        && cos_census(&c) == 0)
    {
        rc = 0;
        cos_ranges_sort(&w.ranges);
    }

    if (rc != 0) {
        cos_verify_say(&w, 1, "cannot read the containers: %s",
                       strerror(errno));

    } else if (redis != NULL) {
        rc = cos_rs_buckets(redis, cos_arena_alloc(arena), &k);

        for (i = 0; rc == 0 && i < k.n; i++) {
            rc = cos_verify_bucket(&w, &k.list[i]);
        }

        if (rc == 0) {
            rc = cos_verify_orphans(&w, &k);
        }

        if (rc == 0) {
            rc = cos_verify_users(&w, &k);
        }

        if (rc != 0) {
            cos_verify_say(&w, 1, "Redis: %s", redis->errstr);
        }
    }

    cos_ranges_free(&w.ranges);
    cos_table_free(&w.cids);

    if (w.arena != NULL) {
        cos_arena_free(w.arena);
    }

    if (arena != NULL) {
        cos_arena_free(arena);
    }

    return rc;
}


void
cos_verify_say(cos_verifier_t *w, int error, const char *fmt, ...)
{
    char     text[1024];
    va_list  ap;

    if (w->log == NULL) {
        return;
    }

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);

    w->log(w->log_ctx, error, text);
}


/* --- bytes ---------------------------------------------------------------- */

static int
on_record(cos_census_t *c, const cos_rec_t *r, cos_scan_e state,
    cos_str_t json)
{
    cos_verifier_t           *w = c->ctx;
    cos_json_t          j;
    const char         *what;
    cos_range_t         range;

    static const char  *names[] = {
        "", "JSON", "payload", "bytes between records", "file header"
    };

    what = names[state];

    if (state == COS_SCAN_OK) {
        if (++w->taken % 1024 == 0) {
            cos_arena_free(w->arena);
            w->arena = cos_arena_create();

            if (w->arena == NULL) {
                errno = ENOMEM;
                return -1;
            }
        }

        if (cos_json_decode(&j, json, cos_arena_alloc(w->arena)) != 0
            || j.kind != r->kind)
        {
            what = "meaning of the JSON";
        }
    }

    if (what[0] != '\0') {
        w->bad_here++;

        if (!c->in_open) {
            cos_verify_say(w, 1, "container %012llx: damaged %s at %llu",
                (unsigned long long) c->cid, what,
                (unsigned long long) r->rec_off);
        }
    }

    if (state == COS_SCAN_BAD_HEADER || state == COS_SCAN_BAD_FILE
        || r->kind == COS_J_SEAL)
    {
        return 0;
    }

    w->v->records++;
    w->v->bytes += r->payload_len;
    range.cid = c->cid;
    range.off = r->payload_off;
    range.len = r->payload_len;
    range.crc = r->payload_crc;

    return w->redis != NULL && cos_kind_weighs(r->kind)
           ? cos_ranges_add(&w->ranges, &range) : 0;
}


static int
on_done(cos_census_t *c)
{
    cos_verifier_t    *w = c->ctx;
    cos_hash_t   h;
    cos_slot_t  *s;

    w->v->containers++;

    if (!c->in_open) {
        if (!c->info.sealed) {
            cos_verify_say(w, 1, "container %012llx: the seal is missing",
                (unsigned long long) c->cid);
            w->bad_here++;
        }

        if (c->linked && !cos_cid_is_solo(c->cid)) {
            cos_verify_say(w, 1, "container %012llx: belongs to another id",
                (unsigned long long) c->cid);
            w->bad_here++;
        }

    } else if (w->bad_here != 0 && look_again(w, c->cid) != 0) {
        return -1;
    }

    w->v->bad += w->bad_here;
    w->bad_here = 0;

    cos_hash_number(&h, c->cid, 0);

    s = cos_table_add(&w->cids, &h);
    if (s == NULL) {
        errno = ENOMEM;
        return -1;
    }

    s->n = !c->in_open && cos_cid_is_solo(c->cid);
    s->a = c->in_open ? c->info.end : UINT64_MAX;
    s->b = c->cid;

    return 0;
}


static int
count_bad(void *ctx, const cos_rec_t *r, cos_scan_e state, cos_str_t json)
{
    unsigned  *n = ctx;

    (void) r;
    (void) json;

    *n += state == COS_SCAN_BAD_JSON || state == COS_SCAN_BAD_PAYLOAD;

    return 0;
}


/* A writer may have been at it: what is still damaged a moment later is. The
 * headers of a solo container come last, so their lack says nothing. */
static int
look_again(cos_verifier_t *w, uint64_t cid)
{
    int              fd, rc;
    cos_scan_info_t  info;

    w->bad_here = 0;
    usleep(200000);

    fd = cos_store_open_cid(w->store, cid);
    if (fd == -1) {
        return errno == ENOENT ? 0 : -1;
    }

    rc = cos_container_scan(fd, COS_SCAN_JSON|COS_SCAN_PAYLOAD, &info,
                            count_bad, &w->bad_here);
    (void) close(fd);

    if (w->bad_here != 0) {
        cos_verify_say(w, 1, "container %012llx (open): %u damaged records",
            (unsigned long long) cid, w->bad_here);
    }

    return rc;
}
