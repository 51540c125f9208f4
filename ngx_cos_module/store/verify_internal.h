/*
 * store, private: the two halves of verification, bytes and records.
 */

#ifndef COS_VERIFY_INTERNAL_H
#define COS_VERIFY_INTERNAL_H

#include "maint_internal.h"

#pragma GCC visibility push(hidden)

typedef struct {
    cos_store_t    *store;
    redisContext   *redis;
    cos_verify_t   *v;
    cos_log_pt      log;
    void           *log_ctx;
    cos_ranges_t    ranges;
    cos_table_t     cids;             /* -> n: 1 settled solo; a: weight */
    unsigned        bad_here;         /* of the container at hand */
    int             count_open;       /* second look at an open container */
    cos_arena_t    *arena;
    unsigned        taken;
} cos_verifier_t;

typedef struct {
    uint64_t        n;
    uint64_t        bytes;
} cos_sum_t;

/* What a bucket's records add up to. */
typedef struct {
    cos_table_t     weights;          /* cid -> a: weight, b: cid */
    cos_sum_t       objects;          /* current ones */
    cos_sum_t       versions;         /* all others, and delete markers */
    cos_sum_t       classes[COS_CLASS_MAX];     /* of both, but markers */
    uint64_t        u;                /* open uploads */
    uint64_t        missing, wrong;
    char            first[512];       /* the first thing that does not fit */
} cos_sums_t;

void cos_verify_say(cos_verifier_t *w, int error, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int cos_verify_bucket(cos_verifier_t *w, const cos_rs_bucket_t *k);
/* Notes what does not fit, if it is the first thing of its bucket. */
void cos_verify_first(cos_sums_t *s, const char *what, cos_str_t name);
/* Holds what Redis keeps beside the records against their sums. */
int cos_verify_sums(cos_verifier_t *w, const cos_rs_bucket_t *k,
    cos_sums_t *s);
/* Counters of users who are limited. */
int cos_verify_users(cos_verifier_t *w, const cos_rs_buckets_t *k);
int cos_verify_orphans(cos_verifier_t *w, const cos_rs_buckets_t *k);

#pragma GCC visibility pop

#endif
