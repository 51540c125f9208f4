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

typedef struct {
    cos_store_t                  dir;
    ngx_http_cos_store_conf_t   *conf;
    ngx_http_cos_inc_t          *inc;     /* current, NULL: none */
    ngx_http_cos_store_stats_t   stats;
    unsigned                     opened:1;
} ngx_http_cos_store_t;

extern ngx_http_cos_store_t  ngx_http_cos_store;


/* --- incarnations (ngx_http_cos_store.c) ------------------------------------ */

void ngx_http_cos_inc_unref(ngx_http_cos_inc_t *inc);
/* Gives the current incarnation up and asks for another (on_failure). */
void ngx_http_cos_store_fail(void);


/* --- tasks and jobs (ngx_http_cos_job.c) ------------------------------------ */

/* Sets up a task whose thread handler gets ctx, and whose completion handler
 * finds ctx in ev->data. ctx must be larger than the head of a connection,
 * which nginx's debug log takes every event's data for. */
void ngx_http_cos_task_init(ngx_thread_task_t *task, void *ctx,
    void (*run)(void *ctx, ngx_log_t *log), void (*done)(ngx_event_t *ev));
/* Posts it, holding a quitting worker until it is done. */
ngx_int_t ngx_http_cos_task_post(ngx_thread_task_t *task);
/* First in each completion handler: not 0 when only the timer went off. */
ngx_uint_t ngx_http_cos_task_running(ngx_event_t *ev);

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

void ngx_http_cos_job_init(void);
void ngx_http_cos_job_post(ngx_http_cos_job_t *job);
/* NULL: out of memory (logged). fd is -1. To be freed with ngx_free. */
ngx_http_cos_job_t *ngx_http_cos_job_create(uint64_t cid,
    void (*run)(ngx_http_cos_job_t *), void (*done)(ngx_http_cos_job_t *));


/* --- packs (ngx_http_cos_append.c) ------------------------------------------ */

void ngx_http_cos_append_init(void);
/* Writes what waits, when it is possible now. */
void ngx_http_cos_append_start(void);
/* The current pack takes no more records. */
void ngx_http_cos_append_retire(void);
/* Also, nothing unresolved will ever be resolved; what waits fails. */
void ngx_http_cos_append_drop(void);
/* What waits to be written fails. */
void ngx_http_cos_append_refuse(cos_err_e err);
void ngx_http_cos_append_done(void);


/* --- descriptors (ngx_http_cos_file.c) -------------------------------------- */

void ngx_http_cos_file_init(void);
/* Forgets a container. Its descriptor is given to the caller when nobody uses
 * it, else -1, and it is closed after its last use. */
ngx_fd_t ngx_http_cos_file_forget(uint64_t cid);
void ngx_http_cos_file_done(void);

#pragma GCC visibility pop

#endif
