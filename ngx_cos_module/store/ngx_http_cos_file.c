/*
 * store: open descriptors for reading. Containers are append-only and their
 * ids are never used twice, so a descriptor stays right until its file is
 * removed, wherever the file is moved meanwhile: no checks, no revalidation.
 *
 * An entry is opening (it has waiters), in use (refs > 0), or idle (in the LRU
 * queue). Descriptors are closed in background jobs: the last close of a file
 * that another process has unlinked frees its blocks, which may take long.
 */

#include "ngx_http_cos_store_int.h"


#define EVICT_MAX   32                /* at once, when descriptors run out */
#define SWEEP_MIN   500               /* ms between two looks at the idle */


typedef struct {
    ngx_http_cos_file_t  file;        /* first: callers see this part */
    u_char               name[13];
    unsigned             opening:1;
    unsigned             retried:1;
    unsigned             forgotten:1; /* not in the tree any more */
    ngx_queue_t          waiters;
    ngx_thread_task_t    task;
    /* the task's: what to close first, what came out */
    ngx_fd_t             victims[EVICT_MAX];
    ngx_uint_t           nvictims;
    ngx_fd_t             result;
    ngx_err_t            err;
} entry_t;


static entry_t *file_lookup(uint64_t cid);
static entry_t *file_create(uint64_t cid);
static void file_open_run(void *ctx, ngx_log_t *log);
static void file_open_done(ngx_event_t *ev);
static ngx_uint_t file_retry(entry_t *e);
static void file_answer(entry_t *e);
static void file_idle(entry_t *e);
static void file_detach(entry_t *e);
static void file_remove(entry_t *e);
static ngx_uint_t file_evict(ngx_uint_t keep, entry_t *by);
static void file_sweep(ngx_event_t *ev);
static void file_close_run(ngx_http_cos_job_t *job);
static void file_close_done(ngx_http_cos_job_t *job);


static ngx_rbtree_t       tree;
static ngx_rbtree_node_t  sentinel;
static ngx_queue_t        idle;       /* most recently used first */
static ngx_uint_t         nfiles;     /* entries, also the forgotten */
static ngx_uint_t         nkept;      /* how many may be open unused */
static ngx_event_t        sweep_event;


void
ngx_http_cos_file_init(void)
{
    struct rlimit  limit;

    ngx_rbtree_init(&tree, &sentinel, ngx_rbtree_insert_value);
    ngx_queue_init(&idle);
    nfiles = 0;
    nkept = ngx_http_cos_store.conf->open_max;

    /* most descriptors are for connections: nginx does not ask for ours back
     * when there is none left to accept with */
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 4 < nkept) {
        nkept = limit.rlim_cur / 4;
    }

    ngx_memzero(&sweep_event, sizeof(ngx_event_t));
    sweep_event.handler = file_sweep;
    sweep_event.data = &ngx_http_cos_store;
    sweep_event.log = ngx_cycle->log;
    sweep_event.cancelable = 1;
}


ngx_int_t
ngx_http_cos_store_file(ngx_http_cos_open_t *o)
{
    entry_t  *e;

    o->file = NULL;
    o->err = 0;

    e = file_lookup(o->cid);

    if (e && !e->opening) {
        if (e->file.refs++ == 0) {
            ngx_queue_remove(&e->file.lru);
        }

        o->file = &e->file;
        return NGX_OK;
    }

    if (e == NULL) {
        e = file_create(o->cid);
        if (e == NULL) {
            o->err = NGX_ENOMEM;
            return NGX_ERROR;
        }

        if (ngx_http_cos_task_post(&e->task) != NGX_OK) {
            file_detach(e);
            file_remove(e);
            o->err = NGX_EAGAIN;
            return NGX_ERROR;
        }
    }

    ngx_queue_insert_tail(&e->waiters, &o->queue);

    return NGX_AGAIN;
}


static entry_t *
file_lookup(uint64_t cid)
{
    ngx_rbtree_node_t  *node;

    node = tree.root;

    while (node != &sentinel) {

        if (node->key == cid) {
            return (entry_t *) ngx_rbtree_data(node, ngx_http_cos_file_t, node);
        }

        node = cid < node->key ? node->left : node->right;
    }

    return NULL;
}


static entry_t *
file_create(uint64_t cid)
{
    entry_t  *e;

    e = ngx_calloc(sizeof(entry_t), ngx_cycle->log);
    if (e == NULL) {
        return NULL;
    }

    e->file.cid = cid;
    e->file.fd = NGX_INVALID_FILE;
    e->file.name.len = ngx_sprintf(e->name, "%012xL%Z", cid) - e->name - 1;
    e->file.name.data = e->name;
    e->file.node.key = (ngx_rbtree_key_t) cid;
    e->opening = 1;
    e->result = NGX_INVALID_FILE;

    ngx_queue_init(&e->waiters);
    ngx_http_cos_task_init(&e->task, e, file_open_run, file_open_done);

    ngx_rbtree_insert(&tree, &e->file.node);
    nfiles++;

    if (nfiles > nkept) {
        (void) file_evict(nkept, NULL);
    }

    return e;
}


static void
file_open_run(void *ctx, ngx_log_t *log)
{
    entry_t     *e = ctx;
    ngx_uint_t   i;

    (void) log;

    for (i = 0; i < e->nvictims; i++) {
        (void) ngx_close_file(e->victims[i]);
    }

    e->nvictims = 0;

    e->result = cos_store_open_cid(&ngx_http_cos_store.dir, e->file.cid);

    if (e->result == NGX_INVALID_FILE) {
        e->err = ngx_errno;
    }
}


static void
file_open_done(ngx_event_t *ev)
{
    entry_t  *e = ev->data;

    if (ngx_http_cos_task_running(ev)) {
        return;
    }

    if (e->result == NGX_INVALID_FILE) {
        if (file_retry(e)) {
            return;
        }

        /* a failure is not kept: the next one who asks tries again */
        if (!e->forgotten) {
            file_detach(e);
        }

    } else {
        ngx_http_cos_store.stats.opens++;
    }

    e->opening = 0;
    e->file.fd = e->result;

    file_answer(e);
}


/* Out of descriptors: lets idle ones go, once. Their closing is part of the
 * new task, so that they are free when it opens the file. */
static ngx_uint_t
file_retry(entry_t *e)
{
    if ((e->err != NGX_EMFILE && e->err != NGX_ENFILE) || e->retried) {
        return 0;
    }

    e->retried = 1;

    if (file_evict(0, e) == 0) {
        return 0;
    }

    if (ngx_http_cos_task_post(&e->task) == NGX_OK) {
        return 1;
    }

    while (e->nvictims) {
        (void) ngx_close_file(e->victims[--e->nvictims]);
    }

    return 0;
}


static void
file_answer(entry_t *e)
{
    ngx_err_t             err;
    ngx_queue_t           waiters, *q;
    ngx_http_cos_open_t  *o;

    ngx_queue_init(&waiters);
    ngx_queue_add(&waiters, &e->waiters);
    ngx_queue_init(&e->waiters);

    err = e->file.fd == NGX_INVALID_FILE ? e->err : 0;

    /* all references first: a handler may release its own at once */
    for (q = ngx_queue_head(&waiters);
         q != ngx_queue_sentinel(&waiters);
         q = ngx_queue_next(q))
    {
        o = ngx_queue_data(q, ngx_http_cos_open_t, queue);
        o->err = err;

        if (err == 0) {
            o->file = &e->file;
            e->file.refs++;
        }
    }

    if (err) {
        file_remove(e);
    }

    while (!ngx_queue_empty(&waiters)) {
        q = ngx_queue_head(&waiters);
        ngx_queue_remove(q);

        o = ngx_queue_data(q, ngx_http_cos_open_t, queue);
        o->handler(o);
    }
}


void
ngx_http_cos_store_release(ngx_http_cos_file_t *f)
{
    entry_t  *e = (entry_t *) f;

    if (--f->refs == 0) {
        file_idle(e);
    }
}


static void
file_idle(entry_t *e)
{
    ngx_msec_t  wait;

    if (e->forgotten) {
        file_remove(e);
        return;
    }

    e->file.used = ngx_current_msec;
    ngx_queue_insert_head(&idle, &e->file.lru);

    if (nfiles > nkept) {
        (void) file_evict(nkept, NULL);
    }

    if (!sweep_event.timer_set && !ngx_queue_empty(&idle)) {
        wait = ngx_max(ngx_http_cos_store.conf->open_inactive, SWEEP_MIN);
        ngx_add_timer(&sweep_event, wait);
    }
}


ngx_fd_t
ngx_http_cos_file_forget(uint64_t cid)
{
    entry_t   *e;
    ngx_fd_t   fd;

    e = file_lookup(cid);
    if (e == NULL) {
        return NGX_INVALID_FILE;
    }

    file_detach(e);

    if (e->opening || e->file.refs) {
        return NGX_INVALID_FILE;
    }

    ngx_queue_remove(&e->file.lru);

    fd = e->file.fd;
    e->file.fd = NGX_INVALID_FILE;
    file_remove(e);

    return fd;
}


static void
file_detach(entry_t *e)
{
    ngx_rbtree_delete(&tree, &e->file.node);
    e->forgotten = 1;
}


/* Of an entry that is detached, not idle and not in use. */
static void
file_remove(entry_t *e)
{
    ngx_http_cos_job_t  *job;

    if (e->file.fd != NGX_INVALID_FILE) {
        job = ngx_http_cos_job_create(e->file.cid, file_close_run,
                                      file_close_done);
        if (job) {
            job->fd = e->file.fd;
            ngx_http_cos_job_post(job);

        } else {
            (void) ngx_close_file(e->file.fd);
        }
    }

    nfiles--;
    ngx_free(e);
}


/* Closes the longest idle until keep entries are left; with by, only as many
 * as its task can close. Returns how many. */
static ngx_uint_t
file_evict(ngx_uint_t keep, entry_t *by)
{
    entry_t      *e;
    ngx_uint_t    n;
    ngx_queue_t  *q;

    for (n = 0; nfiles > keep && !ngx_queue_empty(&idle); n++) {

        if (by && n == EVICT_MAX) {
            break;
        }

        q = ngx_queue_last(&idle);
        /* intrusive queues: NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        ngx_queue_remove(q);

        e = (entry_t *) ngx_queue_data(q, ngx_http_cos_file_t, lru);
        file_detach(e);

        if (by) {
            by->victims[by->nvictims++] = e->file.fd;
            e->file.fd = NGX_INVALID_FILE;
        }

        file_remove(e);
    }

    return n;
}


void
ngx_http_cos_store_close_idle(void)
{
    (void) file_evict(0, NULL);
}


static void
file_sweep(ngx_event_t *ev)
{
    entry_t         *e;
    ngx_queue_t     *q;
    ngx_msec_int_t   left;

    ev->timedout = 0;

    while (!ngx_queue_empty(&idle)) {
        q = ngx_queue_last(&idle);
        e = (entry_t *) ngx_queue_data(q, ngx_http_cos_file_t, lru);

        /* intrusive queues: NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        left = (ngx_msec_int_t) (e->file.used
                                 + ngx_http_cos_store.conf->open_inactive
                                 - ngx_current_msec);

        if (left > 0) {
            ngx_add_timer(ev, (ngx_msec_t) ngx_max(left, SWEEP_MIN));
            return;
        }

        ngx_queue_remove(q);
        file_detach(e);
        file_remove(e);
    }
}


static void
file_close_run(ngx_http_cos_job_t *job)
{
    if (ngx_close_file(job->fd) == NGX_FILE_ERROR) {
        job->err = ngx_errno;
    }
}


static void
file_close_done(ngx_http_cos_job_t *job)
{
    if (job->err) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, job->err,
                      "cos: closing container %012xL failed", job->cid);
    }

    ngx_free(job);
}


/* In exit_process: no request is left, so all that is open is idle. */
void
ngx_http_cos_file_done(void)
{
    entry_t      *e;
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&idle)) {
        q = ngx_queue_head(&idle);
        /* intrusive queues: NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        ngx_queue_remove(q);

        e = (entry_t *) ngx_queue_data(q, ngx_http_cos_file_t, lru);
        (void) ngx_close_file(e->file.fd);
        ngx_free(e);
    }
}
