/*
 * store, the part that sees nginx: a worker's open pack with group commit in
 * the thread pool, ids for solo containers, open descriptors for reading, and
 * the background process.
 */

#ifndef NGX_HTTP_COS_STORE_H
#define NGX_HTTP_COS_STORE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_thread_pool.h>

#include "cos_container.h"

#pragma GCC visibility push(hidden)

typedef struct {
    ngx_str_t          root;
    size_t             pack_max;          /* larger payloads go solo */
    off_t              container_size;
    ngx_uint_t         relaxed;           /* durability */
    ngx_thread_pool_t *pool;              /* set in init_process */
    ngx_uint_t         open_max;          /* descriptors kept open for reading */
    ngx_msec_t         open_inactive;     /* closed after so long unused */
} ngx_http_cos_store_conf_t;

/* init_process / exit_process of workers. conf must outlive the worker. */
ngx_int_t ngx_http_cos_store_init(ngx_cycle_t *cycle,
    ngx_http_cos_store_conf_t *conf);
void ngx_http_cos_store_done(void);
cos_store_t *ngx_http_cos_store_dir(void);

/* Hooks for the link: a new incarnation begins (its lock is taken in the
 * thread pool; writes are possible from then on); the link was lost: the open
 * pack is abandoned, the incarnation ends as soon as no solo holds it. */
void ngx_http_cos_store_begin(uint64_t inc);
void ngx_http_cos_store_end(void);
ngx_uint_t ngx_http_cos_store_writable(void);


/* --- appending -------------------------------------------------------------- */

typedef struct ngx_http_cos_append_s  ngx_http_cos_append_t;

/*
 * One record to be appended to the worker's pack and made durable. Owned by
 * the caller and untouched until the handler ran; so are payload and JSON.
 * All appends that wait while a batch is being written share the next write
 * and the next fdatasync. The handler runs on the event loop.
 */
struct ngx_http_cos_append_s {
    cos_pack_rec_t   rec;             /* cid and off are results */
    unsigned         urgent:1;        /* tombstones and notes */
    cos_err_e        err;             /* result */
    void           (*handler)(ngx_http_cos_append_t *a);
    void            *data;
    ngx_queue_t      queue;           /* private */
};

/* NGX_OK: queued. NGX_DECLINED: not writable now (503); no handler call. */
ngx_int_t ngx_http_cos_store_append(ngx_http_cos_append_t *a);


/* --- solo containers ---------------------------------------------------------- */

/* A fresh id for a solo container; its incarnation stays alive (locked) until
 * the id is given back. 0 when not writable. */
uint64_t ngx_http_cos_store_solo_id(void);
/* Gives the id back. committed: Redis names it now: the file is moved out of
 * open/ in the background. Otherwise the caller removed the file, or leaves
 * it to recovery (outcome unknown). */
void ngx_http_cos_store_solo_end(uint64_t cid, ngx_uint_t committed);
/* Files whose last weight went with a commit (replies of cos_put ...): solo
 * files are unlinked in the background after no weight is left, and their
 * entry in d{bid} removed; packs are left to compaction. */
void ngx_http_cos_store_dead(ngx_str_t *bid, uint64_t *cids, ngx_uint_t n);


/* --- reading -------------------------------------------------------------------- */

typedef struct ngx_http_cos_file_s  ngx_http_cos_file_t;

struct ngx_http_cos_file_s {
    uint64_t            cid;
    ngx_fd_t            fd;
    ngx_str_t           name;         /* for logs: the id in hex */
    ngx_uint_t          refs;
    /* private: hash, LRU queue, last use */
    ngx_rbtree_node_t   node;
    ngx_queue_t         lru;
    ngx_msec_t          used;
};

typedef struct ngx_http_cos_open_s  ngx_http_cos_open_t;

struct ngx_http_cos_open_s {
    uint64_t               cid;
    ngx_http_cos_file_t   *file;      /* result; NULL: err */
    ngx_err_t              err;       /* ENOENT: refetch the record, try again */
    void                 (*handler)(ngx_http_cos_open_t *o);
    void                  *data;
    ngx_queue_t            queue;     /* private */
};

/* NGX_OK: o->file is referenced; NGX_AGAIN: being opened in the thread pool
 * (opens of one id are shared), the handler will run; NGX_ERROR: o->err. */
ngx_int_t ngx_http_cos_store_file(ngx_http_cos_open_t *o);
void ngx_http_cos_store_release(ngx_http_cos_file_t *f);


/* --- background ------------------------------------------------------------------ */

/* The step function of the cache-manager process (ngx_path_t.manager): runs
 * cos_maint_step on its own synchronous connection; returns ms to wait. */
typedef struct {
    ngx_http_cos_store_conf_t  *store;
    ngx_str_t                   redis;        /* address, NUL-terminated */
    ngx_str_t                   password;
    ngx_uint_t                  dead_percent;
    time_t                      grace;
} ngx_http_cos_manager_conf_t;
ngx_msec_t ngx_http_cos_store_manager(void *data);

typedef struct {
    ngx_atomic_t  appends, batches, append_bytes, append_us, errors, opens;
} ngx_http_cos_store_stats_t;
/* Per worker; the metrics page sums what workers publish in the zone. */
ngx_http_cos_store_stats_t *ngx_http_cos_store_stats(void);

#pragma GCC visibility pop

#endif
