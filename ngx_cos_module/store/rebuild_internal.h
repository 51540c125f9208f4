/*
 * store, private: the two halves of a rebuild: what the containers say, and
 * putting it into Redis.
 */

#ifndef COS_REBUILD_INTERNAL_H
#define COS_REBUILD_INTERNAL_H

#include "cos_attr.h"
#include "maint_internal.h"

#pragma GCC visibility push(hidden)

typedef struct {
    cos_bucket_t  k;                  /* text in the arena */
    uint64_t      u;                  /* open uploads */
} cos_rb_bucket_t;

typedef struct {
    uint64_t            uid;
    uint64_t            seq;          /* of the credential that tells them */
    cos_bucket_quota_t  limits;
} cos_rb_user_t;

typedef struct {
    cos_store_t       *store;
    redisContext      *redis;
    cos_verify_t      *v;
    cos_log_pt         log;
    void              *log_ctx;

    cos_arena_t       *arena;         /* as long as the rebuild */
    cos_arena_t       *scratch;       /* of some records */
    unsigned           taken;

    cos_ranges_t       ranges;
    cos_table_t        cids;
    cos_table_t        voids;         /* versions */
    cos_table_t        closed;        /* uploads that ended */
    /* name -> kind, a: seq, rev, b: cid, c: offset of the record;
     * n of an upload: 1 when it is open in a bucket that exists */
    cos_table_t        names;

    cos_table_t        lost;          /* name -> a: seq, b: cid, c: offset */

    uint64_t           max_inc, max_seq, max_uid, max_bid;

    cos_rb_bucket_t   *buckets;
    size_t             nbuckets;
    cos_table_t        bids;          /* bid -> n: index + 1 */
    cos_rb_user_t     *users;
    size_t             nusers;
    cos_table_t        uids;          /* uid -> n: index + 1 */
    cos_table_t        weights;       /* (cid, bucket) -> a, b: cid, n: index */

    int                fd;            /* of the container read last */
    uint64_t           fd_cid;
    size_t             pending;       /* commands without their replies */
} cos_rb_t;

void cos_rb_say(cos_rb_t *b, int error, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Fills names, voids, closed and the maxima. */
int cos_rb_read(cos_rb_t *b);
/* Writes it all. */
int cos_rb_write(cos_rb_t *b);
cos_alloc_t *cos_rb_scratch(cos_rb_t *b);
/* Buckets and credentials; then uploads that are open. */
int cos_rb_fronts(cos_rb_t *b);
int cos_rb_uploads(cos_rb_t *b);
/* Limits of users, when all else is there. */
int cos_rb_users(cos_rb_t *b);
/* The bucket of that id, when it exists. */
cos_rb_bucket_t *cos_rb_bucket(cos_rb_t *b, cos_str_t bid);
/* Reads the record that a slot of names tells the place of. */
int cos_rb_json(cos_rb_t *b, const cos_slot_t *s, cos_json_t *j,
    cos_rec_t *r, cos_alloc_t *a);
/* Adds a command to the pipeline. */
int cos_rb_queue(cos_rb_t *b, const char *fmt, ...);
void cos_rb_bid_hash(cos_hash_t *h, cos_str_t bid);

#pragma GCC visibility pop

#endif
