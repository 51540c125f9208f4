/*
 * meta, the part that sees nginx: the Redis link of a worker and the shared
 * cache of hot records.
 *
 * Link. Two connections for each worker: one for commands (pipelined), one for
 * listings and other slow calls, and one more for invalidations. States: down,
 * connecting, proving, ready. Ready means: Redis answered, the function
 * library is of our version (loaded by us when missing or older), g.store is
 * the uuid of our data directory (written when both are empty), the seq clock
 * is set, and the invalidation subscription is confirmed. When Redis is empty
 * but the data directory is not, the link stays unready and says in the error
 * log that "cosctl rebuild" is needed: an emptied Redis never looks like an
 * empty store. At start CONFIG is asked for maxmemory-policy and appendonly;
 * a wrong setting is logged once as a warning for each worker start.
 *
 * Replies arrive in order. A reply timeout drops the connection, and with it
 * every call in flight gets NULL: for a change that means "unknown".
 */

#ifndef NGX_HTTP_COS_META_H
#define NGX_HTTP_COS_META_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <hiredis/async.h>

#include "cos_record.h"

#pragma GCC visibility push(hidden)


/* --- link -------------------------------------------------------------------- */

typedef struct {
    ngx_str_t    address;             /* "unix:/path" or "host:port" */
    ngx_addr_t   addr;                /* resolved at configuration time */
    ngx_str_t    password;
    ngx_msec_t   connect_timeout;     /* also for each proving step */
    ngx_msec_t   timeout;             /* of a reply */
} ngx_http_cos_redis_conf_t;

/* What the link tells the rest; all are called on the event loop. */
typedef struct {
    /* proved; inc: the new incarnation taken for this worker (cos_inc) */
    void       (*ready)(uint64_t inc);
    /* lost; called before the calls in flight get their NULL replies */
    void       (*lost)(void);
    /* whether the data directory holds containers, and its uuid */
    ngx_str_t    store_id;
    int          store_empty;
} ngx_http_cos_redis_hooks_t;

/* In init_process of workers. hooks is copied. */
ngx_int_t ngx_http_cos_redis_init(ngx_cycle_t *cycle,
    ngx_http_cos_redis_conf_t *conf, ngx_http_cos_redis_hooks_t *hooks);
/* In exit_process. */
void ngx_http_cos_redis_done(void);
ngx_uint_t ngx_http_cos_redis_ready(void);
/* The store gave its incarnation up: takes a new one and calls hooks.ready. */
void ngx_http_cos_redis_again(void);

typedef struct ngx_http_cos_call_s  ngx_http_cos_call_t;

/*
 * One command in flight. Owned by the caller, which must stay alive until the
 * handler ran (requests are held by r->main->blocked meanwhile). The handler
 * runs inside hiredis' reply callback: reply is valid during the call only,
 * NULL when the link was lost or the reply timed out; it may issue further
 * calls.
 */
struct ngx_http_cos_call_s {
    void       (*handler)(ngx_http_cos_call_t *call, redisReply *reply);
    void        *data;
    /* private to the link */
    ngx_msec_t   sent;                /* ngx_current_msec */
    uint64_t     sent_us;             /* monotonic, for the latency metric */
};

#define NGX_HTTP_COS_SLOW  1          /* goes over the connection for listings */

/* NGX_OK: queued, the handler will run exactly once. NGX_DECLINED: the link is
 * not ready (nothing sent, the handler will not run). */
ngx_int_t ngx_http_cos_redis_call(ngx_http_cos_call_t *call, ngx_uint_t flags,
    int argc, const ngx_str_t *argv);

typedef struct {
    ngx_atomic_t  calls, errors, timeouts, reconnects;
    ngx_atomic_t  latency_us;         /* sum */
} ngx_http_cos_redis_stats_t;
/* Shared by all workers, in the zone (below). NULL without a zone. */
ngx_http_cos_redis_stats_t *ngx_http_cos_redis_stats(void);


/* --- shared cache ------------------------------------------------------------- */

/*
 * Values of o{..}, b: and u: keys by their Redis key, with "known to be
 * missing" as an empty value. Sharded over several zones (one mutex each).
 * Dropped by invalidations, emptied and unused while the link is not ready.
 * Values over NGX_HTTP_COS_CACHE_MAX are not kept; records of buckets (b:) and
 * users (u:@) up to NGX_HTTP_COS_CACHE_BUCKET_MAX, since every request asks for
 * one.
 */
#define NGX_HTTP_COS_CACHE_MAX         16384
#define NGX_HTTP_COS_CACHE_BUCKET_MAX  524288
#define NGX_HTTP_COS_CACHE_SHARDS      4

/* Declares the zones; size is the sum. At configuration time, once. */
ngx_int_t ngx_http_cos_cache_add(ngx_conf_t *cf, ngx_str_t *name, size_t size,
    void *tag);

/* Left by a reader that goes to ask Redis: a reply is stored only if nothing
 * touched the key since. */
typedef struct {
    uint64_t  token;                  /* 0: no marker could be left */
    uint64_t  stamp;                  /* names one value in the cache: in, of
                                         what the caller has, 0: nothing; out,
                                         of what was copied or stored */
} ngx_http_cos_mark_t;

/*
 * NGX_DONE: the value is the one with mark->stamp, nothing was copied.
 * NGX_OK: *value was copied to buf when it fits in cap bytes, else to memory
 * of pool; value->len == 0 means that the key is known to be missing.
 * NGX_DECLINED: unknown; mark (when not NULL) is left for a later set.
 * NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_cos_cache_get(ngx_str_t *key, u_char *buf, size_t cap,
    ngx_pool_t *pool, ngx_str_t *value, ngx_http_cos_mark_t *mark);
/* value->len == 0 stores "missing". Quietly does nothing when the marker is
 * gone, the link is not ready, or memory is short after evicting; mark->stamp
 * tells what was stored. */
void ngx_http_cos_cache_set(ngx_str_t *key, ngx_http_cos_mark_t *mark,
    ngx_str_t *value);
/* Drops the entry and any marker: by the writer before it answers. */
void ngx_http_cos_cache_drop(ngx_str_t *key);
void ngx_http_cos_cache_flush(void);

typedef struct {
    ngx_atomic_t  hits, misses, evictions, invalidations, flushes;
} ngx_http_cos_cache_stats_t;
ngx_http_cos_cache_stats_t *ngx_http_cos_cache_stats(void);


/* --- seq clock ---------------------------------------------------------------- */

/*
 * Microseconds since 2020-01-01, never going back: CLOCK_MONOTONIC plus an
 * offset in the zone, set at the first proving so that it is above g.hi; g.hi
 * is raised ahead of the clock every few seconds (FCALL cos_hi) while workers
 * run. Strictly increasing within a worker. 0 while the offset is unknown.
 */
uint64_t ngx_http_cos_seq(void);
/* Lets the clock go on above a value seen elsewhere (a STALE reply). */
void ngx_http_cos_seq_above(uint64_t seq);

#pragma GCC visibility pop

#endif
