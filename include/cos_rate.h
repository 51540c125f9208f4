/*
 * policy: how many may pass in a time. Pure; the table may lie in memory that
 * processes share.
 *
 * A rate is a bucket that holds at most `burst` tokens and gets one every
 * `interval`. It is kept as one number, the time at which the bucket will be
 * full (the generic cell rate algorithm of ITU-T I.371, which gives the same
 * answers as a bucket that is refilled): who comes pushes it by one interval
 * into the future, and is refused when it is too far away. So a name whose
 * time is past needs no memory, and an entry is taken over by another name
 * without being cleared.
 */

#ifndef COS_RATE_H
#define COS_RATE_H

#include "cos_core.h"

#pragma GCC visibility push(hidden)

typedef struct {
    uint64_t    interval;             /* nanoseconds between two, not 0 */
    uint64_t    burst;                /* so many at once, at least 1 */
} cos_rate_t;

/* n in so many seconds, burst at once; n is from 1 to COS_RATE_MAX, burst from
 * 1 to COS_RATE_MAX, seconds at most 3600. */
#define COS_RATE_MAX  1000000
void cos_rate_set(cos_rate_t *rate, uint64_t n, uint64_t seconds,
    uint64_t burst);

/* Names and their times, in sets of the size of two cache lines. Taking is
 * lock-free: a process that dies leaves nothing behind that others wait for. */
typedef struct cos_rate_table_s  cos_rate_table_t;

/* Makes memory of that size, which is zeroed and aligned to 64 bytes, a table.
 * seed is secret: names with the same place in the table cannot be made up. -1
 * when the memory is too small for it (256 bytes). */
int cos_rate_init(cos_rate_table_t *t, size_t size, uint64_t seed);

/* What a name goes by in the table. kind and rate are part of it: the same name
 * has a bucket of its own for each rate. Never 0. */
uint64_t cos_rate_key(const cos_rate_table_t *t, uint64_t kind,
    const cos_rate_t *rate, cos_str_t name);

/* Takes a token; now: nanoseconds of a clock that all who share the table read,
 * and that does not go back. 0, or the nanoseconds until there will be one; who
 * is refused takes nothing. A full table forgets the name that is the nearest to
 * a full bucket. */
uint64_t cos_rate_take(cos_rate_table_t *t, uint64_t key,
    const cos_rate_t *rate, uint64_t now);

#pragma GCC visibility pop

#endif
