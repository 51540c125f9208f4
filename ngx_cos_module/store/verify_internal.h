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

void cos_verify_say(cos_verifier_t *w, int error, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int cos_verify_bucket(cos_verifier_t *w, const cos_rs_bucket_t *k);
int cos_verify_orphans(cos_verifier_t *w, const cos_rs_buckets_t *k);

#pragma GCC visibility pop

#endif
