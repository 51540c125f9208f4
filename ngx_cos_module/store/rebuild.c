/*
 * Rebuild: what the containers say.
 *
 * Of each name the record with the highest (seq, rev) counts, unless a note
 * voids it or its bytes are not there: then the next one does. A deletion is a
 * record like others. Two passes, because notes and bytes may lie behind the
 * records that need them; memory holds a hash and a place for each name, never
 * the records themselves.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "rebuild_internal.h"


static int prepare(cos_rb_t *b, int force);
static int in_use(cos_rb_t *b);
static int clear(cos_rb_t *b);
static int first_pass(cos_census_t *c, const cos_rec_t *r, cos_scan_e state,
    cos_str_t json);
static int first_done(cos_census_t *c);
static int second_pass(cos_census_t *c, const cos_rec_t *r, cos_scan_e state,
    cos_str_t json);
static int compete(cos_rb_t *b, const cos_hash_t *h, const cos_json_t *j,
    uint64_t cid, uint64_t off);
static int resolves(cos_rb_t *b, const cos_json_t *j);
static int lost(cos_rb_t *b, const cos_hash_t *h, const cos_json_t *j,
    uint64_t cid, uint64_t off);
static void report_lost(cos_rb_t *b);


int
cos_rebuild(cos_store_t *st, redisContext *redis, int force, cos_verify_t *v,
    cos_log_pt log, void *log_ctx)
{
    int       rc;
    cos_rb_t  b;

    memset(v, 0, sizeof(cos_verify_t));
    memset(&b, 0, sizeof(b));
    b.store = st;
    b.redis = redis;
    b.v = v;
    b.log = log;
    b.log_ctx = log_ctx;
    b.fd = -1;
    b.arena = cos_arena_create();
    rc = -1;

    if (b.arena == NULL || cos_hash_init() != 0 || cos_hash_seed() != 0) {
        cos_rb_say(&b, 1, "out of memory");

    } else {
        rc = prepare(&b, force);

        if (rc == 0) {
            rc = cos_rb_read(&b);
        }

        if (rc == 0) {
            rc = cos_rb_write(&b);
        }
    }

    if (b.fd != -1) {
        (void) close(b.fd);
    }

    if (b.scratch != NULL) {
        cos_arena_free(b.scratch);
    }

    if (b.arena != NULL) {
        cos_arena_free(b.arena);
    }

    cos_ranges_free(&b.ranges);
    cos_table_free(&b.cids);
    cos_table_free(&b.voids);
    cos_table_free(&b.closed);
    cos_table_free(&b.names);
    cos_table_free(&b.lost);
    cos_table_free(&b.bids);
    cos_table_free(&b.uids);
    cos_table_free(&b.weights);

    return rc;
}


void
cos_rb_say(cos_rb_t *b, int error, const char *fmt, ...)
{
    char     text[1024];
    va_list  ap;

    if (b->log == NULL) {
        return;
    }

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);

    b->log(b->log_ctx, error, text);
}


/* --- an empty Redis ------------------------------------------------------- */

/* A rebuild that was interrupted has left its mark, and may begin anew. */
static int
prepare(cos_rb_t *b, int force)
{
    int          mine, empty;
    redisReply  *r;

    r = cos_rs_call(b->redis, "HGET g rebuilding");
    if (r == NULL) {
        goto failed;
    }

    mine = r->type == REDIS_REPLY_STRING;
    freeReplyObject(r);

    r = cos_rs_call(b->redis, "EXISTS B C");
    if (r == NULL) {
        goto failed;
    }

    empty = r->integer == 0;
    freeReplyObject(r);

    if (!empty && !mine && !force) {
        cos_rb_say(b, 1, "Redis holds buckets or credentials already; "
                   "--force replaces them by what the containers say");
        return -1;
    }

    if (!empty && !mine && in_use(b)) {
        return -1;
    }

    if (clear(b) != 0) {
        goto failed;
    }

    r = cos_rs_call(b->redis, "HSET g rebuilding 1");
    if (r == NULL) {
        goto failed;
    }

    freeReplyObject(r);

    return 0;

failed:

    cos_rb_say(b, 1, "Redis: %s", b->redis->errstr);

    return -1;
}


static int
is_alive(void *ctx, uint64_t inc)
{
    int        fd;
    cos_rb_t  *b = ctx;

    fd = cos_store_lock(b->store, inc);

    if (fd != -1) {
        (void) close(fd);
        return 0;
    }

    return errno == EWOULDBLOCK;
}


/* What a worker commits while its bucket is replaced would be lost. With an
 * empty Redis workers wait by themselves. */
static int
in_use(cos_rb_t *b)
{
    if (cos_store_walk_locks(b->store, is_alive, b) != 1) {
        return 0;
    }

    cos_rb_say(b, 1, "nginx is at work on \"%s\": stop it first",
               b->store->root);

    return 1;
}


/* Our own keys only: the instance may be shared after all. g goes first, so
 * that no worker takes the store for complete. */
static int
clear_page(cos_rb_t *b, const redisReply *keys)
{
    size_t       i, n;
    const char  *k;

    static const char  letters[] = "okKyvNwWzimcdxtUPpD";

    for (i = 0, n = 0; i < keys->elements; i++) {
        k = keys->element[i]->str;

        if ((keys->element[i]->len > 2 && k[1] == '{'
             && strchr(letters, k[0]) != NULL)
            || (keys->element[i]->len > 2 && k[1] == ':'
                && (k[0] == 'b' || k[0] == 'u' || k[0] == 'Q')))
        {
            if (redisAppendCommand(b->redis, "UNLINK %b", k,
                                   keys->element[i]->len) != REDIS_OK)
            {
                return -1;
            }
            n++;
        }
    }

    return cos_rs_skip(b->redis, n);
}


static int
clear(cos_rb_t *b)
{
    int          rc;
    char         cursor[32];
    redisReply  *r;

    r = cos_rs_call(b->redis, "DEL g B C");
    if (r == NULL) {
        return -1;
    }

    freeReplyObject(r);
    snprintf(cursor, sizeof(cursor), "0");

    do {
        r = cos_rs_call(b->redis, "SCAN %s COUNT 1000", cursor);

        if (r == NULL || r->type != REDIS_REPLY_ARRAY || r->elements != 2) {
            freeReplyObject(r);
            return -1;
        }

        snprintf(cursor, sizeof(cursor), "%s", r->element[0]->str);
        rc = clear_page(b, r->element[1]);
        freeReplyObject(r);

    } while (rc == 0 && strcmp(cursor, "0") != 0);

    return rc;
}


/* --- the passes ----------------------------------------------------------- */

int
cos_rb_read(cos_rb_t *b)
{
    int           rc;
    cos_census_t  c;

    memset(&c, 0, sizeof(c));
    c.store = b->store;
    c.flags = COS_SCAN_JSON;
    c.record = first_pass;
    c.done = first_done;
    c.ctx = b;

    rc = cos_census(&c);

    if (rc == 0) {
        cos_ranges_sort(&b->ranges);
        c.record = second_pass;
        c.done = NULL;
        rc = cos_census(&c);
    }

    if (rc != 0) {
        cos_rb_say(b, 1, "cannot read the containers: %s", strerror(errno));
        return -1;
    }

    report_lost(b);

    return 0;
}


/* Freed after some records: their texts do not add up. */
cos_alloc_t *
cos_rb_scratch(cos_rb_t *b)
{
    if (b->scratch != NULL && ++b->taken % 256 == 0) {
        cos_arena_free(b->scratch);
        b->scratch = NULL;
    }

    if (b->scratch == NULL) {
        b->scratch = cos_arena_create();
    }

    return b->scratch != NULL ? cos_arena_alloc(b->scratch) : NULL;
}


static int
take_void(cos_rb_t *b, cos_str_t json)
{
    size_t        k;
    cos_hash_t    name[5], h;
    cos_json_t    j;
    cos_alloc_t  *a;

    a = cos_rb_scratch(b);

    if (a == NULL) {
        return -1;
    }

    if (cos_json_decode(&j, json, a) != 0) {
        b->v->bad++;
        return 0;
    }

    k = cos_void_names(name, &j);

    while (k-- > 0) {
        cos_hash_version(&h, &name[k], j.void_seq, j.void_rev, j.inc);

        if (cos_table_add(&b->voids, &h) == NULL) {
            return -1;
        }
    }

    return 0;
}


static int
first_pass(cos_census_t *c, const cos_rec_t *r, cos_scan_e state,
    cos_str_t json)
{
    cos_rb_t     *b = c->ctx;
    cos_range_t   range;

    if (state != COS_SCAN_OK) {
        /* a solo container that its writer has not finished is no damage */
        if (!c->in_open) {
            b->v->bad++;
            cos_rb_say(b, 1, "container %012llx is damaged at %llu",
                       (unsigned long long) c->cid,
                       (unsigned long long) r->rec_off);
        }

        /* its bytes may still be named by a later record */
        if (state != COS_SCAN_BAD_JSON || r->kind == COS_J_VOID) {
            return 0;
        }
    }

    if (r->seq > b->max_seq) {
        b->max_seq = r->seq;
    }

    if (r->kind == COS_J_SEAL) {
        return 0;
    }

    b->v->records++;

    if (r->kind == COS_J_VOID && !c->linked) {
        return take_void(b, json);
    }

    if (!cos_kind_weighs(r->kind)) {
        return 0;
    }

    range.cid = c->cid;
    range.off = r->payload_off;
    range.len = r->payload_len;
    range.crc = r->payload_crc;

    return cos_ranges_add(&b->ranges, &range);
}


static int
first_done(cos_census_t *c)
{
    cos_rb_t    *b = c->ctx;
    cos_hash_t   h;

    b->v->containers++;

    if (cos_cid_inc(c->cid) > b->max_inc) {
        b->max_inc = cos_cid_inc(c->cid);
    }

    cos_hash_number(&h, c->cid, 0);

    return cos_table_add(&b->cids, &h) != NULL ? 0 : -1;
}


static void
raise_ids(cos_rb_t *b, const cos_json_t *j)
{
    uint64_t  n;

    if (j->bid.len && cos_str_uint(j->bid, &n) == 0 && n > b->max_bid) {
        b->max_bid = n;
    }

    if (j->kind == COS_J_BUCKET && cos_str_uint(j->bucket.id, &n) == 0
        && n > b->max_bid)
    {
        b->max_bid = n;
    }

    if (j->kind == COS_J_BUCKET && j->bucket.owner > b->max_uid) {
        b->max_uid = j->bucket.owner;
    }

    if (j->kind == COS_J_CRED && j->cred.uid > b->max_uid) {
        b->max_uid = j->cred.uid;
    }

    if (j->kind == COS_J_CRED && j->cred.sub > b->max_uid) {
        b->max_uid = j->cred.sub;
    }
}


static int
close_upload(cos_rb_t *b, cos_str_t bid, cos_str_t id)
{
    cos_hash_t  h;

    cos_hash_name(&h, COS_N_UPLOAD, bid, id, 0);

    return cos_table_add(&b->closed, &h) != NULL ? 0 : -1;
}


static int
second_pass(cos_census_t *c, const cos_rec_t *r, cos_scan_e state,
    cos_str_t json)
{
    cos_rb_t     *b = c->ctx;
    cos_hash_t    h, version;
    cos_json_t    j;
    cos_alloc_t  *a;

    /* what another name of a file says was said under its own */
    if (state != COS_SCAN_OK || c->linked || r->kind == COS_J_VOID
        || r->kind == COS_J_SEAL)
    {
        return 0;
    }

    a = cos_rb_scratch(b);
    if (a == NULL) {
        return -1;
    }

    if (cos_json_decode(&j, json, a) != 0 || cos_hash_json(&h, &j) != 0) {
        b->v->bad++;
        cos_rb_say(b, 1, "container %012llx: cannot read the record at %llu",
                   (unsigned long long) c->cid,
                   (unsigned long long) r->rec_off);
        return 0;
    }

    raise_ids(b, &j);
    cos_hash_version(&version, &h, j.seq, cos_json_rev(&j),
                     cos_cid_inc(c->cid));

    if (cos_table_find(&b->voids, &version) != NULL) {
        return 0;
    }

    if (j.kind == COS_J_ABORT) {
        return close_upload(b, j.bid, j.upload);
    }

    if (j.kind == COS_J_OBJECT && j.object.upload.len
        && close_upload(b, j.bid, j.object.upload) != 0)
    {
        return -1;
    }

    if (cos_kind_weighs(j.kind) && !resolves(b, &j)) {
        return lost(b, &h, &j, c->cid, r->rec_off);
    }

    return compete(b, &h, &j, c->cid, r->rec_off);
}


static int
resolves(cos_rb_t *b, const cos_json_t *j)
{
    uint32_t  i;

    if (j->self) {
        return 1;
    }

    for (i = 0; i < j->object.nsegs; i++) {
        if (cos_ranges_find(&b->ranges, &j->object.segs[i]) == NULL) {
            return 0;
        }
    }

    return 1;
}


/* Superseded records lose their bytes all the time. It is a loss only when
 * nothing newer is found in the end. */
static int
lost(cos_rb_t *b, const cos_hash_t *h, const cos_json_t *j, uint64_t cid,
    uint64_t off)
{
    cos_slot_t  *s;

    s = cos_table_add(&b->lost, h);
    if (s == NULL) {
        return -1;
    }

    if (s->n == 0 || j->seq >= s->a) {
        s->n = 1;
        s->a = j->seq;
        s->b = cid;
        s->c = off;
    }

    return 0;
}


static void
report_lost(cos_rb_t *b)
{
    size_t       i;
    cos_slot_t  *s, *found;

    for (i = 0; i < b->lost.cap; i++) {
        s = &b->lost.slots[i];

        if (!s->used) {
            continue;
        }

        found = cos_table_find(&b->names, &s->h);

        if (found == NULL || found->a < s->a) {
            b->v->missing++;
            cos_rb_say(b, 1, "container %012llx: the record at %llu names "
                       "bytes that are gone", (unsigned long long) s->b,
                       (unsigned long long) s->c);
        }
    }
}


static int
compete(cos_rb_t *b, const cos_hash_t *h, const cos_json_t *j, uint64_t cid,
    uint64_t off)
{
    uint32_t     rev;
    cos_slot_t  *s;

    s = cos_table_add(&b->names, h);
    if (s == NULL) {
        return -1;
    }

    rev = cos_json_rev(j);

    if (s->kind != 0 && (j->seq < s->a || (j->seq == s->a && rev < s->rev))) {
        return 0;
    }

    s->kind = (cos_u8) j->kind;
    s->a = j->seq;
    s->rev = (uint16_t) rev;
    s->b = cid;
    s->c = off;

    return 0;
}
