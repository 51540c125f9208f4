/*
 * store, the part that sees nginx: what its own files share. Everything here
 * belongs to one worker and is touched on its event loop only, except what a
 * job's or a task's thread handler is given.
 */

#ifndef NGX_HTTP_COS_STORE_INT_H
#define NGX_HTTP_COS_STORE_INT_H

#include "ngx_http_cos_store.h"

#pragma GCC visibility push(hidden)

/*
 * An incarnation lives, that is keeps its lock, as long as something of it is
 * not resolved: it is current, or a pack or a solo id holds it. Dropping the
 * lock earlier would let recovery judge records whose commit is on its way.
 */
typedef struct {
    uint64_t           id;
    int                lock_fd;       /* -1: not (yet) taken */
    uint64_t           packs;         /* last n given to a pack, to a solo */
    uint64_t           solos;
    ngx_uint_t         refs;
    ngx_queue_t        queue;
    ngx_thread_task_t  task;          /* takes the lock */
    int                result;        /* of the task: descriptor or -1 */
    ngx_err_t          err;
} ngx_http_cos_inc_t;

typedef struct ngx_http_cos_job_s  ngx_http_cos_job_t;

/* Disk work that nobody waits for. Many share one thread task, in order. */
struct ngx_http_cos_job_s {
    void        (*run)(ngx_http_cos_job_t *job);      /* in a thread */
    void        (*done)(ngx_http_cos_job_t *job);     /* on the loop; owns it */
    uint64_t      cid;
    ngx_fd_t      fd;
    ngx_err_t     err;
    void         *data;
    ngx_queue_t   queue;
};

typedef struct {
    cos_pack_t           pack;        /* the thread's while busy or closing */
    uint64_t             cid;
    ngx_http_cos_inc_t  *inc;         /* referenced */
    ngx_uint_t           slot;
    ngx_uint_t           unresolved;  /* records */
    ngx_queue_t          queue;
    unsigned             busy:1;      /* a batch has it */
    unsigned             retired:1;   /* takes no more records */
    unsigned             dropped:1;   /* what is unresolved stays so */
    unsigned             closing:1;   /* the job has it */
    ngx_http_cos_job_t   job;
} ngx_http_cos_pack_t;

typedef struct {
    cos_store_t                  dir;
    ngx_http_cos_store_conf_t   *conf;
    ngx_http_cos_inc_t          *inc;     /* current, NULL: none */
    /* by slot: takes records, NULL: none yet */
    ngx_http_cos_pack_t         *pack[COS_SLOTS];
    ngx_uint_t                   slot[COS_CLASS_MAX];
    ngx_http_cos_store_stats_t   stats;
} ngx_http_cos_store_t;

extern ngx_http_cos_store_t  ngx_http_cos_store;


/* --- incarnations (ngx_http_cos_store.c) ---------------------------------- */

void ngx_http_cos_inc_unref(ngx_http_cos_inc_t *inc);
/* Gives the current incarnation up and asks for another (on_failure). */
void ngx_http_cos_store_fail(void);


/* --- tasks and jobs (ngx_http_cos_job.c) ---------------------------------- */

/* Sets up a task whose thread handler gets ctx, and whose completion handler
 * finds ctx in ev->data. ctx must be larger than the head of a connection,
 * which nginx's debug log takes every event's data for. */
void ngx_http_cos_task_init(ngx_thread_task_t *task, void *ctx,
    void (*run)(void *ctx, ngx_log_t *log), void (*done)(ngx_event_t *ev));
/* Posts it, holding a quitting worker until it is done. */
ngx_int_t ngx_http_cos_task_post(ngx_thread_task_t *task);
/* First in each completion handler: not 0 when only the timer went off. */
ngx_uint_t ngx_http_cos_task_running(ngx_event_t *ev);

void ngx_http_cos_job_init(void);
void ngx_http_cos_job_post(ngx_http_cos_job_t *job);
/* NULL: out of memory (logged). fd is -1. To be freed with ngx_free. */
ngx_http_cos_job_t *ngx_http_cos_job_create(uint64_t cid,
    void (*run)(ngx_http_cos_job_t *), void (*done)(ngx_http_cos_job_t *));


/* --- packs (ngx_http_cos_pack.c) ------------------------------------------ */

void ngx_http_cos_pack_init(void);
/* With the next id of inc, which must not be used up; not yet on disk. */
ngx_http_cos_pack_t *ngx_http_cos_pack_new(ngx_http_cos_inc_t *inc,
    ngx_uint_t slot);
/* For one that never came into being. */
void ngx_http_cos_pack_free(ngx_http_cos_pack_t *p);
/* It takes no more records. */
void ngx_http_cos_pack_retire(ngx_http_cos_pack_t *p);
/* drop: and nothing unresolved will ever be resolved. */
void ngx_http_cos_pack_retire_all(ngx_uint_t drop);
/* Seals or abandons a retired pack as soon as that can be decided. */
void ngx_http_cos_pack_close(ngx_http_cos_pack_t *p);
void ngx_http_cos_pack_done(void);


/* --- group commit (ngx_http_cos_append.c) --------------------------------- */

void ngx_http_cos_append_init(void);
/* Writes what waits, as soon as it is possible. */
void ngx_http_cos_append_start(void);
/* What waits to be written fails. */
void ngx_http_cos_append_refuse(cos_err_e err);


/* --- descriptors (ngx_http_cos_file.c) ------------------------------------ */

void ngx_http_cos_file_init(void);
/* Forgets a container. Its descriptor is given to the caller when nobody uses
 * it, else -1, and it is closed after its last use. */
ngx_fd_t ngx_http_cos_file_forget(uint64_t cid);
void ngx_http_cos_file_done(void);

#pragma GCC visibility pop

#endif
