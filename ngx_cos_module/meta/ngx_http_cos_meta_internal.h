/*
 * meta, nginx side: what the files of the link and of the cache share. Nobody
 * outside this folder includes it, except the test module in t/nginx.
 */

#ifndef NGX_HTTP_COS_META_INTERNAL_H
#define NGX_HTTP_COS_META_INTERNAL_H

#include "ngx_http_cos_meta.h"

#pragma GCC visibility push(hidden)


/* --- zones ---------------------------------------------------------------- */

#define NGX_HTTP_COS_LINE  64         /* bytes of a cache line */

/*
 * What must outlive a change of the cache's size, in a small zone of its own.
 * Words that are written often have a line each.
 */
typedef struct {
    uint32_t                     layout;
    uint64_t                     hash_key[2];
    ngx_atomic_t                 seq_offset;  /* µs, 0: unknown */
    /* a worker has seen our store id in Redis: from then on a Redis without
     * one was emptied, whatever the data directory was at start */
    ngx_atomic_t                 proved;

    ngx_atomic_t                 token
                             __attribute__((aligned(NGX_HTTP_COS_LINE)));
    ngx_http_cos_redis_stats_t   redis
                             __attribute__((aligned(NGX_HTTP_COS_LINE)));
} ngx_http_cos_shared_t;

typedef struct ngx_http_cos_entry_s  ngx_http_cos_entry_t;

/* Head of a shard, behind the end of the shard's slab pool: nothing that goes
 * wrong inside the pool can reach it. */
typedef struct {
    uint32_t                     layout;
    uint32_t                     mask;        /* buckets - 1 */
    ngx_atomic_t                 busy;        /* a worker is inside */
    ngx_queue_t                  lru;
    ngx_http_cos_cache_stats_t   stats;       /* under the mutex */
    ngx_http_cos_entry_t        *bucket[];
} ngx_http_cos_shard_t;

/* Finds the zones of this cycle: statics of configuration time would be those
 * of a reload that failed later. */
void ngx_http_cos_zone_attach(ngx_cycle_t *cycle);
/* Never NULL: memory of the process itself when there is no zone. */
ngx_http_cos_shared_t *ngx_http_cos_shared(void);
/* NULL without zones; pool->data is the shard. */
ngx_slab_pool_t *ngx_http_cos_shard_pool(ngx_uint_t n);
/* Empties a shard; the mutex is held, or nobody else knows the shard yet. */
void ngx_http_cos_shard_reset(ngx_slab_pool_t *pool);

/* This worker sees invalidations (on != 0), or no longer does. Both empty the
 * cache: what changed in between was not seen. */
void ngx_http_cos_cache_enable(ngx_uint_t on);
void ngx_http_cos_cache_invalidate(ngx_str_t *key);


/* --- one connection ------------------------------------------------------- */

typedef enum {
    NGX_HTTP_COS_DOWN = 0,
    NGX_HTTP_COS_CONNECTING,
    NGX_HTTP_COS_PROVING,
    NGX_HTTP_COS_READY
} ngx_http_cos_rconn_state_e;

typedef struct ngx_http_cos_rconn_s  ngx_http_cos_rconn_t;

struct ngx_http_cos_rconn_s {
    const char                  *name;
    redisAsyncContext           *ac;
    ngx_connection_t            *c;
    ngx_http_cos_rconn_state_e   state;
    /* housekeeping: reconnect, limit of a proving step, heartbeat */
    ngx_event_t                  timer;
    /* of the oldest call in flight; cancelable only while there is none */
    ngx_event_t                  reply;
    ngx_uint_t                   inflight;
    ngx_msec_t                   backoff;
    ngx_msec_t                   complained;  /* last error in the log */
    const char                  *complaint;   /* its format */
    /* connected: send the proof; must not drop the connection */
    void                       (*prove)(ngx_http_cos_rconn_t *conn);
    /* the timer while ready; NULL: not used */
    void                       (*tick)(ngx_http_cos_rconn_t *conn);
    unsigned                     writing:1;
};

/* Adapter: hiredis on nginx events. conn->ac is set on NGX_OK. */
ngx_int_t ngx_http_cos_rconn_open(ngx_http_cos_rconn_t *conn,
    ngx_addr_t *addr, ngx_log_t *log);
/* Called by the adapter. */
void ngx_http_cos_rconn_up(ngx_http_cos_rconn_t *conn);
void ngx_http_cos_rconn_gone(ngx_http_cos_rconn_t *conn, const char *why);

/* Link: life of a connection. lost: the state that others see, first of all;
 * drop: lost and free; a reason was logged by the caller. */
void ngx_http_cos_rconn_start(ngx_http_cos_rconn_t *conn);
void ngx_http_cos_rconn_lost(ngx_http_cos_rconn_t *conn);
void ngx_http_cos_rconn_drop(ngx_http_cos_rconn_t *conn);
void ngx_http_cos_rconn_proved(ngx_http_cos_rconn_t *conn);
/* A call on one connection, whether the link is ready or not. */
ngx_int_t ngx_http_cos_rconn_call(ngx_http_cos_rconn_t *conn,
    ngx_http_cos_call_t *call, int argc, const ngx_str_t *argv);
/* An error, at most every 10 s for a connection, the rest as info. */
void ngx_http_cos_rconn_complain(ngx_http_cos_rconn_t *conn, const char *fmt,
    ...);

typedef struct {
    ngx_http_cos_rconn_t         data;
    ngx_http_cos_rconn_t         slow;
    ngx_http_cos_rconn_t         track;
    ngx_http_cos_redis_conf_t   *conf;
    ngx_http_cos_redis_hooks_t   hooks;
    ngx_log_t                   *log;
    ngx_http_cos_call_t          inc;
    unsigned                     ready:1;
    unsigned                     begun:1;     /* ready() was called, lost()
                                                 not yet */
    unsigned                     asking:1;    /* inc is in flight */
    unsigned                     proved:1;    /* data was ready before */
    unsigned                     closing:1;
} ngx_http_cos_link_t;

extern ngx_http_cos_link_t  ngx_http_cos_link;

/* Redis was emptied: everything has to be proved again. */
void ngx_http_cos_link_flushed(void);

void ngx_http_cos_prove_data(ngx_http_cos_rconn_t *conn);
void ngx_http_cos_prove_slow(ngx_http_cos_rconn_t *conn);
/* AUTH and CLIENT SETNAME, for every connection. cb gets their replies. */
void ngx_http_cos_prove_hello(ngx_http_cos_rconn_t *conn,
    redisCallbackFn *cb, void *auth, void *name);

void ngx_http_cos_track_prove(ngx_http_cos_rconn_t *conn);
void ngx_http_cos_track_tick(ngx_http_cos_rconn_t *conn);


/* --- seq clock ------------------------------------------------------------ */

#define NGX_HTTP_COS_HI_AHEAD  (10 * 1000000ULL)

uint64_t ngx_http_cos_mono_us(void);
/* Sets the clock above hi (g.hi) and not behind the wall clock, when it is
 * unknown; else only lifts it when hi is beyond what we ever wrote. */
void ngx_http_cos_seq_init(uint64_t hi);
/* g.hi is kept ahead of the clock from now on; stop in exit_process. */
void ngx_http_cos_seq_start(void);
void ngx_http_cos_seq_stop(void);

#pragma GCC visibility pop

#endif
