/*
 * Rebuild: putting it into Redis. Records are read once more, in the order in
 * which they lie on disk, and written in pipelines. g.store comes last: until
 * then no worker takes the store for complete, and a rebuild that stops on its
 * way is simply run again.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cos_attr.h"
#include "rebuild_internal.h"


#define WINDOW     512                /* commands in flight */
#define FIRST_UID  100000000100ULL
#define SPARE_INC  16                 /* ids that may have been given out */

static int write_records(cos_rb_t *b);
static int write_record(cos_rb_t *b, cos_slot_t *s);
static int write_sums(cos_rb_t *b);
static int write_global(cos_rb_t *b);
static int write_done(cos_rb_t *b);
static int queue_argv(cos_rb_t *b, size_t n, const cos_str_t *argv);
static int drain(cos_rb_t *b, size_t leave);


int
cos_rb_write(cos_rb_t *b)
{
    if (write_global(b) != 0 || cos_rb_fronts(b) != 0
        || cos_rb_uploads(b) != 0 || write_records(b) != 0
        || write_sums(b) != 0 || cos_rb_users(b) != 0 || drain(b, 0) != 0 || write_done(b) != 0)
    {
        cos_rb_say(b, 1, "rebuild failed: %s",
                   b->redis->errstr[0] ? b->redis->errstr : strerror(errno));
        return -1;
    }

    return 0;
}


/* --- objects and parts ---------------------------------------------------- */

static int
by_place(const void *x, const void *y)
{
    const cos_slot_t  *a = *(cos_slot_t *const *) x,
                      *b = *(cos_slot_t *const *) y;

    if (a->b != b->b) {
        return a->b < b->b ? -1 : 1;
    }

    return a->c < b->c ? -1 : a->c > b->c;
}


static int
write_records(cos_rb_t *b)
{
    int           rc;
    size_t        i, n;
    cos_slot_t  **list;

    list = malloc((b->names.n + 1) * sizeof(cos_slot_t *));
    if (list == NULL) {
        return -1;
    }

    for (i = 0, n = 0; i < b->names.cap; i++) {
        if (b->names.slots[i].used
            && cos_kind_weighs((cos_json_e) b->names.slots[i].kind))
        {
            list[n++] = &b->names.slots[i];
        }
    }

    qsort(list, n, sizeof(cos_slot_t *), by_place);

    for (i = 0, rc = 0; rc == 0 && i < n; i++) {
        rc = write_record(b, list[i]);
    }

    free(list);

    return rc;
}


/* Where the bytes are: the payload of the record itself, or a list, and then
 * the record lies in a place of its own. */
static int
place(cos_json_t *j, const cos_rec_t *r, uint64_t cid, cos_alloc_t *a)
{
    cos_object_t  *o = &j->object;

    o->seq = j->seq;

    if (!j->self) {
        o->home = cid;
        return 0;
    }

    o->home = 0;
    o->nsegs = 1;
    o->segs = cos_alloc(a, sizeof(cos_seg_t));

    if (o->segs == NULL) {
        return -1;
    }

    o->segs[0].cid = cid;
    o->segs[0].off = r->payload_off;
    o->segs[0].len = r->payload_len;

    return 0;
}


static int
add_weight(cos_rb_t *b, uint64_t cid, size_t bucket, uint64_t weight)
{
    cos_hash_t   h;
    cos_slot_t  *s;

    cos_hash_number(&h, cid, bucket + 1);

    s = cos_table_add(&b->weights, &h);
    if (s == NULL) {
        return -1;
    }

    s->b = cid;
    s->n = (uint32_t) bucket;
    s->a += weight;

    return 0;
}


static int
add_weights(cos_rb_t *b, const cos_object_t *o, size_t bucket)
{
    uint32_t  i;

    if (o->home != 0 && add_weight(b, o->home, bucket, COS_WEIGHT_BASE) != 0) {
        return -1;
    }

    for (i = 0; i < o->nsegs; i++) {
        if (add_weight(b, o->segs[i].cid, bucket,
                       o->segs[i].len + COS_WEIGHT_BASE) != 0)
        {
            return -1;
        }
    }

    return 0;
}


static int
upload_is_open(cos_rb_t *b, const cos_json_t *j)
{
    cos_hash_t   h;
    cos_slot_t  *s;

    cos_hash_name(&h, COS_N_UPLOAD, j->bid, j->upload, 0);
    s = cos_table_find(&b->names, &h);

    return s != NULL && s->kind == COS_J_UPLOAD && s->n != 0;
}


static int
write_record(cos_rb_t *b, cos_slot_t *s)
{
    cos_buf_t         rec;
    cos_rec_t         r;
    cos_str_t         argv[7], bytes;
    cos_json_t        j;
    cos_alloc_t      *a;
    cos_rb_bucket_t  *k;

    a = cos_rb_scratch(b);

    if (a == NULL || cos_rb_json(b, s, &j, &r, a) != 0) {
        return -1;
    }

    k = cos_rb_bucket(b, j.bid);

    if (k == NULL || (j.kind == COS_J_PART && !upload_is_open(b, &j))) {
        return 0;
    }

    cos_buf_init(&rec, a, 512);

    if (place(&j, &r, s->b, a) != 0 || cos_object_encode(&rec, &j.object) != 0
        || rec.err
        || add_weights(b, &j.object, (size_t) (k - b->buckets)) != 0)
    {
        return -1;
    }

    bytes.data = rec.data;
    bytes.len = rec.len;

    if (j.kind == COS_J_PART) {
        argv[0] = COS_STR("HSET");
        argv[2] = cos_rs_uint(a, j.part);
        argv[3] = bytes;

        return cos_rs_key(a, &argv[1], 'P', j.bid, j.upload) != 0
               || queue_argv(b, 4, argv) != 0 ? -1 : 0;
    }

    argv[0] = COS_STR("FCALL");
    argv[1] = COS_STR("cos_load");
    argv[2] = COS_STR("1");
    argv[4] = j.bid;
    argv[5] = j.key;
    argv[6] = bytes;

    if (cos_rs_key(a, &argv[3], 'o', j.bid, j.key) != 0
        || queue_argv(b, 7, argv) != 0)
    {
        return -1;
    }

    b->v->objects++;
    b->v->bytes += j.object.size;

    return 0;
}


/* --- sums ----------------------------------------------------------------- */

/* The index of domains, and what a bucket has in it. */
static int
write_domains(cos_rb_t *b, const cos_bucket_t *k)
{
    cos_u8     *end;
    cos_str_t   one, list = cos_bucket_domains(k->attr[COS_BX_DOMAIN]);

    if (list.len > 0
        && cos_rb_queue(b, "HSET m{%b} d %b", k->id.data, k->id.len, list.data,
                        list.len) != 0)
    {
        return -1;
    }

    while (list.len > 0) {
        end = memchr(list.data, ' ', list.len);
        one.data = list.data;
        one.len = end != NULL ? (size_t) (end - list.data) : list.len;

        if (cos_rb_queue(b, "SET d:%b %b", one.data, one.len, k->name.data,
                         k->name.len) != 0)
        {
            return -1;
        }

        list.data += one.len + (end != NULL);
        list.len -= one.len + (end != NULL);
    }

    return 0;
}


/* What commits count and heed; objects were counted as they were loaded. */
static int
write_bucket(cos_rb_t *b, const cos_rb_bucket_t *bk)
{
    uint64_t             days;
    cos_bucket_quota_t   quota;
    const cos_bucket_t  *k = &bk->k;

    if (cos_bucket_worm_parse(&days, k->attr[COS_BX_WORM]) != 0
        || cos_bucket_quota_parse(&quota, k->attr[COS_BX_QUOTA]) != 0
        || cos_rb_queue(b, "HINCRBY m{%b} n 0", k->id.data, k->id.len) != 0
        || cos_rb_queue(b, "HINCRBY m{%b} s 0", k->id.data, k->id.len) != 0
        || write_domains(b, k) != 0)
    {
        return -1;
    }

    return cos_rb_queue(b, "HSET m{%b} u %llu name %b v %d w %llu qb %llu"
                        " qo %llu", k->id.data, k->id.len,
                        (unsigned long long) bk->u, k->name.data, k->name.len,
                        (int) k->versioning, (unsigned long long) days,
                        (unsigned long long) quota.bytes,
                        (unsigned long long) quota.objects);
}


static int
write_sums(cos_rb_t *b)
{
    size_t            i;
    cos_slot_t       *s;
    cos_bucket_t     *k;
    cos_rb_bucket_t  *bk;

    for (i = 0; i < b->weights.cap; i++) {
        s = &b->weights.slots[i];

        if (!s->used) {
            continue;
        }

        k = &b->buckets[s->n].k;

        if (cos_rb_queue(b, "HSET c{%b} %llu %llu", k->id.data, k->id.len,
                 (unsigned long long) s->b, (unsigned long long) s->a) != 0)
        {
            return -1;
        }
    }

    for (i = 0; i < b->nbuckets; i++) {
        bk = &b->buckets[i];

        if (write_bucket(b, bk) != 0) {
            return -1;
        }
    }

    return 0;
}


static int
lock_inc(void *ctx, uint64_t inc)
{
    cos_rb_t  *b = ctx;

    if (inc > b->max_inc) {
        b->max_inc = inc;
    }

    return 0;
}


/* Numbers that must not be given out again come before anything that a worker
 * could make use of. */
static int
write_global(cos_rb_t *b)
{
    redisReply  *r;

    if (cos_store_walk_locks(b->store, lock_inc, b) != 0) {
        return -1;
    }

    if (b->max_uid < FIRST_UID - 1) {
        b->max_uid = FIRST_UID - 1;
    }

    r = cos_rs_call(b->redis, "HSET g inc %llu bid %llu uid %llu hi %llu",
                    (unsigned long long) b->max_inc + SPARE_INC,
                    (unsigned long long) b->max_bid,
                    (unsigned long long) b->max_uid,
                    (unsigned long long) b->max_seq + 1);
    if (r == NULL) {
        return -1;
    }

    freeReplyObject(r);

    r = cos_rs_call(b->redis, "EXISTS B C");
    if (r == NULL) {
        return -1;
    }

    if (r->integer != 0) {
        freeReplyObject(r);
        snprintf(b->redis->errstr, sizeof(b->redis->errstr),
                 "somebody else writes to this Redis");
        return -1;
    }

    freeReplyObject(r);

    return 0;
}


static int
write_done(cos_rb_t *b)
{
    redisReply  *r;

    r = cos_rs_call(b->redis, "HSET g store %s", b->store->id);
    if (r == NULL) {
        return -1;
    }

    freeReplyObject(r);

    r = cos_rs_call(b->redis, "HDEL g rebuilding");
    if (r == NULL) {
        return -1;
    }

    freeReplyObject(r);

    return 0;
}


/* --- reading and sending -------------------------------------------------- */

int
cos_rb_json(cos_rb_t *b, const cos_slot_t *s, cos_json_t *j, cos_rec_t *r,
    cos_alloc_t *a)
{
    cos_u8     head[COS_REC_HEAD];
    cos_str_t  text;

    if (b->fd == -1 || b->fd_cid != s->b) {
        if (b->fd != -1) {
            (void) close(b->fd);
        }

        b->fd_cid = s->b;
        b->fd = cos_store_open_cid(b->store, s->b);

        if (b->fd == -1) {
            return -1;
        }
    }

    errno = EIO;

    if (cos_pread_full(b->fd, head, sizeof(head), s->c) != sizeof(head)
        || cos_rec_head_decode(r, head, s->c) != 0)
    {
        return -1;
    }

    text.len = r->json_len;
    text.data = cos_alloc(a, text.len + 1);

    if (text.data == NULL
        || cos_pread_full(b->fd, text.data, text.len,
                          r->payload_off + r->payload_len)
           != (ssize_t) text.len)
    {
        return -1;
    }

    return cos_json_decode(j, text, a);
}


int
cos_rb_queue(cos_rb_t *b, const char *fmt, ...)
{
    int      rc;
    va_list  ap;

    va_start(ap, fmt);
    rc = redisvAppendCommand(b->redis, fmt, ap);
    va_end(ap);

    if (rc != REDIS_OK) {
        return -1;
    }

    b->pending++;

    return drain(b, WINDOW);
}


static int
queue_argv(cos_rb_t *b, size_t n, const cos_str_t *argv)
{
    if (cos_rs_add(b->redis, n, argv) != 0) {
        return -1;
    }

    b->pending++;

    return drain(b, WINDOW);
}


/* Takes replies when more than leave are due, half of them at a time, so that
 * the pipeline never runs empty. */
static int
drain(cos_rb_t *b, size_t leave)
{
    size_t  n;

    if (b->pending <= leave) {
        return 0;
    }

    n = leave == 0 ? b->pending : b->pending - leave / 2;
    b->pending -= n;

    return cos_rs_skip(b->redis, n);
}
