/*
 * store: the background work, in the style of a program that may block: sync
 * hiredis, plain reads. Run by nginx's cache-manager process (one for each
 * server, supervised by the master) in small steps, and by cosctl.
 *
 *   recover   what a dead incarnation left in open/: commits are fenced off,
 *             records that Redis does not know get VOID notes, packs are
 *             sealed and settled, unreferenced solos removed
 *   reap      ids in d{bid}: solo files without weight are unlinked
 *   compact   a settled pack more than half dead: live records move to a
 *             container of our own incarnation under compare-and-set, then
 *             the file goes
 *   sweep     orphans: settled files that no bucket weighs, older than grace
 */

#ifndef COS_MAINT_H
#define COS_MAINT_H

#include <hiredis/hiredis.h>

#include "cos_container.h"
#include "cos_sse.h"

#pragma GCC visibility push(hidden)

typedef void (*cos_log_pt)(void *ctx, int error, const char *text);

typedef struct {
    cos_store_t   *store;
    redisContext  *redis;             /* connected, function library loaded */
    uint64_t       inc;               /* own incarnation, 0: none yet */
    int            lock_fd;
    uint64_t       next;              /* next n of own container ids */
    cos_pack_t     out;               /* where moved records and notes go */
    unsigned       out_open:1;
    unsigned       out_slot;          /* where the next container goes */
    int64_t        grace;             /* seconds before an orphan is removed */
    int            dead_percent;      /* compact above this (50) */
    cos_log_pt     log;
    void          *log_ctx;
    volatile int  *stop;              /* leave soon when not 0; may be NULL */
    /* counters since start */
    uint64_t       recovered, voided, reaped, moved, moved_bytes, compacted,
                   swept;
    void          *state;             /* private */
} cos_maint_t;

/* store and redis set, rest zero: takes an incarnation. 0 or -1 (logged). */
int cos_maint_init(cos_maint_t *m);
void cos_maint_done(cos_maint_t *m);
/* Does the most urgent piece of work, for about budget_ms; returns the ms
 * until it wants to be called again, or -1 when Redis failed (reconnect and
 * init again). */
int cos_maint_step(cos_maint_t *m, int budget_ms);
/* One job wholly, for cosctl and tests. */
int cos_maint_recover(cos_maint_t *m);
int cos_maint_reap(cos_maint_t *m);
int cos_maint_compact(cos_maint_t *m);
int cos_maint_sweep(cos_maint_t *m);
/* Appends records durably through the own container (cosctl user add). */
cos_err_e cos_maint_append(cos_maint_t *m, cos_pack_rec_t **recs, size_t n);

/* To be called when it is unknown whether Redis committed what was appended
 * last: then cos_maint_done() leaves it to recovery instead of sealing it. */
void cos_maint_abandon(cos_maint_t *m);

typedef struct {
    uint64_t  objects;                /* versions sealed by a key of the file */
    uint64_t  rewrapped;
    uint64_t  left;                   /* records that could not be: the log
                                         names the first of them */
    uint64_t  uploads;                /* open ones under other keys */
} cos_rewrap_t;

/* Seals the data keys of all versions of all objects (SSE-S3, SSE-COS) under
 * keys[0], which n keys open; bytes, dates and rights stay. May run beside
 * writers; what those seal under other keys while it runs may be missed. Open
 * uploads are counted, not changed: their parts still need their key. 0: every
 * record was looked at, and those that count in *out as left or uploads are
 * what is not under keys[0]. -1 (logged): stopped or failed; what was done
 * stays, and it may be run again. */
int cos_maint_rewrap(cos_maint_t *m, const cos_sse_key_t *keys, size_t n,
    cos_rewrap_t *out);

/* Next value of the seq clock for a process without the shared zone: above
 * g.hi and above every value returned before. 0 when Redis failed. */
uint64_t cos_maint_seq(cos_maint_t *m);

/* Connects to "unix:/path" or "host:port" with a time limit, selects nothing,
 * checks that the library of this version is there (loads it when load_lua is
 * not NULL). NULL with a text in err. */
redisContext *cos_redis_connect(const char *address, const char *password,
    int timeout_ms, const char *load_lua, char *err, size_t len);

typedef struct {
    uint64_t  containers, records, objects, bytes;
    uint64_t  bad;                    /* damaged records, headers or files */
    uint64_t  missing;                /* named by Redis, not on disk */
    uint64_t  orphans;                /* on disk, weighed by nobody */
    uint64_t  weight_errors;          /* c{bid} differs from the records */
} cos_verify_t;

/* Reads every byte; with redis != NULL also checks that every record of every
 * bucket resolves, that ETag-independent CRC-64 and sizes agree, and that
 * weights and counters are exact. 0 when it could run to the end. */
int cos_verify(cos_store_t *st, redisContext *redis, cos_verify_t *v,
    cos_log_pt log, void *log_ctx);

/* Fills an empty Redis from the containers alone. Refuses (-1) when Redis
 * already holds buckets unless force != 0. */
int cos_rebuild(cos_store_t *st, redisContext *redis, int force,
    cos_verify_t *v, cos_log_pt log, void *log_ctx);

#pragma GCC visibility pop

#endif
