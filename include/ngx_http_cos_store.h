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
    ngx_str_t          class_dir[COS_CLASS_MAX];  /* empty: root */
    size_t             pack_max;          /* larger payloads go solo */
    off_t              container_size;
    ngx_uint_t         relaxed;           /* durability */
    ngx_thread_pool_t *pool;              /* set in init_process */
    ngx_uint_t         open_max;          /* descriptors kept open for reading */
    ngx_msec_t         open_inactive;     /* closed after so long unused */
} ngx_http_cos_store_conf_t;

/* init_process / exit_process of workers (not of nginx's helper processes).
 * conf must outlive the worker; the directory is laid out when it is empty.
 * done: a pack whose records are all resolved is sealed, so that an orderly
 * exit leaves nothing to recover. */
ngx_int_t ngx_http_cos_store_init(ngx_cycle_t *cycle,
    ngx_http_cos_store_conf_t *conf);
void ngx_http_cos_store_done(void);
cos_store_t *ngx_http_cos_store_dir(void);
/* The directory that new payloads of a storage class go to: 0, or the slot of
 * one of its own. */
ngx_uint_t ngx_http_cos_store_slot(cos_class_e cls);

/* Hooks for the link. begin: a new incarnation begins (its lock is taken in
 * the thread pool; writes are possible from then on); one that still lives
 * goes out of use in good order. end: the link was lost: records that are not
 * resolved never will be, so their packs are abandoned to recovery (packs
 * without such records are sealed), what waits to be written fails with
 * COS_E_UNAVAILABLE, what is being written completes with its own result. The
 * incarnation ends as soon as no pack and no solo id holds it. */
void ngx_http_cos_store_begin(uint64_t inc);
void ngx_http_cos_store_end(void);
ngx_uint_t ngx_http_cos_store_writable(void);
/* fn is called on the event loop, not more than once a second, when the
 * incarnation was given up here (a write or sync failed, its lock could not be
 * taken, its ids are used up): the worker is not writable until the next
 * begin(), which fn brings about. */
void ngx_http_cos_store_on_failure(void (*fn)(void));


/* --- appending -------------------------------------------------------------- */

typedef struct ngx_http_cos_append_s  ngx_http_cos_append_t;

/*
 * One record to be appended to the worker's pack and made durable. Owned by
 * the caller and untouched until the handler ran; so are payload and JSON.
 * All appends to one directory that wait while a batch is being written there
 * share the next write and the next fdatasync. The handler runs on the event loop.
 */
struct ngx_http_cos_append_s {
    cos_pack_rec_t   rec;             /* cid and off are results */
    unsigned         urgent:1;        /* tombstones and notes */
    unsigned         slot:3;          /* of the class that the payload has, see
                                         ngx_http_cos_store_slot() */
    cos_err_e        err;             /* result */
    void           (*handler)(ngx_http_cos_append_t *a);
    void            *data;
    /* private */
    ngx_queue_t      queue;
    uint64_t         start_us;
};

/* NGX_OK: queued; the handler never runs before this returned. NGX_DECLINED:
 * not writable now (503); no handler call. On a full disk data fails with
 * COS_E_DISK_FULL while urgent records still go through. */
ngx_int_t ngx_http_cos_store_append(ngx_http_cos_append_t *a);
/*
 * The fate of an appended record (err == COS_OK) is settled: its commit was
 * acknowledged, or the note (COS_J_VOID) that voids it is on disk. To be
 * called exactly once for each appended record but not for notes, which need
 * no commit. A full pack is sealed when all its records are resolved. After a
 * commit whose outcome is unknown it is not called: the pack then waits for
 * end(). Ids of packs already gone are ignored.
 */
void ngx_http_cos_store_resolved(uint64_t cid);


/* --- solo containers ---------------------------------------------------------- */

/* A fresh id for a solo container; its incarnation stays alive (locked) until
 * the id is given back. 0 when not writable. */
uint64_t ngx_http_cos_store_solo_id(ngx_uint_t slot);
/* Gives the id back. committed: Redis names it now: the file is moved out of
 * open/ in the background. Otherwise the caller removed the file, or leaves
 * it to recovery (outcome unknown). */
void ngx_http_cos_store_solo_end(uint64_t cid, ngx_uint_t committed);
/* Files whose last weight went with a commit (replies of cos_put ...). A solo
 * file belongs to one bucket, so it is unlinked in the background now; its
 * entry in d{bid} is removed by the manager, as are files that this worker
 * fails to remove. Packs are left to compaction. */
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
 * (opens of one id are shared), the handler will run and o stays untouched
 * until then; NGX_ERROR: o->err. Every reference is given back once. */
ngx_int_t ngx_http_cos_store_file(ngx_http_cos_open_t *o);
void ngx_http_cos_store_release(ngx_http_cos_file_t *f);
/* Somebody else is out of descriptors: those not in use are closed, in the
 * background. */
void ngx_http_cos_store_close_idle(void);


/* --- background ------------------------------------------------------------------ */

/* The step function of the cache-manager process (ngx_path_t.manager): runs
 * cos_maint_step on its own synchronous connection, for about 300 ms at most;
 * returns ms to wait. data: ngx_http_cos_manager_conf_t. */
typedef struct {
    ngx_http_cos_store_conf_t  *store;
    ngx_str_t                   redis;        /* address, NUL-terminated */
    ngx_str_t                   password;     /* likewise; may be empty */
    ngx_uint_t                  dead_percent;
    time_t                      grace;
} ngx_http_cos_manager_conf_t;
ngx_msec_t ngx_http_cos_store_manager(void *data);

/* append_us: sum over all appends from the call to the handler; batches:
 * writes, each with one sync; errors: appends that failed; opens: files opened
 * for reading, that is misses of the descriptor cache. */
typedef struct {
    ngx_atomic_t  appends, batches, append_bytes, append_us, errors, opens;
} ngx_http_cos_store_stats_t;
/* Per worker; the metrics page sums what workers publish in the zone. */
ngx_http_cos_store_stats_t *ngx_http_cos_store_stats(void);

#pragma GCC visibility pop

#endif
