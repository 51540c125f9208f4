/*
 * store: a worker's life with the data directory: incarnations, ids of solo
 * containers, and removal of files.
 *
 * Incarnations come and go with the link to Redis. Several may be alive at
 * once: the current one, and older ones that a pack or an upload still holds.
 */

#include "ngx_http_cos_store_int.h"


#define FAILURE_PAUSE  1000           /* ms between two calls of the hook */


static ngx_int_t class_dirs(ngx_cycle_t *cycle,
    ngx_http_cos_store_conf_t *conf);
static void inc_lock_run(void *ctx, ngx_log_t *log);
static void inc_lock_done(ngx_event_t *ev);
static void inc_leave(ngx_uint_t drop);
static void failure_notify(ngx_event_t *ev);
static void solo_settle_run(ngx_http_cos_job_t *job);
static void solo_settle_done(ngx_http_cos_job_t *job);
static void dead_run(ngx_http_cos_job_t *job);
static void dead_done(ngx_http_cos_job_t *job);


ngx_http_cos_store_t  ngx_http_cos_store;

static ngx_queue_t    incs;           /* all that are alive */
static void         (*on_failure)(void);
static ngx_event_t    failure_event;
static ngx_msec_t     failure_last;


ngx_int_t
ngx_http_cos_store_init(ngx_cycle_t *cycle, ngx_http_cos_store_conf_t *conf)
{
    char  err[NGX_MAX_ERROR_STR], root[sizeof(ngx_http_cos_store.dir.root)];

    ngx_memzero(&ngx_http_cos_store, sizeof(ngx_http_cos_store_t));
    ngx_http_cos_store.conf = conf;

    if (conf->root.len >= sizeof(root)) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "cos: the path \"%V\" is too long", &conf->root);
        return NGX_ERROR;
    }

    (void) ngx_cpystrn((u_char *) root, conf->root.data, conf->root.len + 1);

    if (cos_store_open(&ngx_http_cos_store.dir, root, 1, err, sizeof(err))
        != 0)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0, "cos: %s", err);
        return NGX_ERROR;
    }

    if (class_dirs(cycle, conf) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_cos_store.dir.sync = !conf->relaxed;

    ngx_queue_init(&incs);

    ngx_memzero(&failure_event, sizeof(ngx_event_t));
    failure_event.handler = failure_notify;
    failure_event.data = &ngx_http_cos_store;
    failure_event.log = cycle->log;
    failure_event.cancelable = 1;
    failure_last = ngx_current_msec - FAILURE_PAUSE;

    ngx_http_cos_job_init();
    ngx_http_cos_pack_init();
    ngx_http_cos_append_init();
    ngx_http_cos_file_init();

    return NGX_OK;
}


/* Finds the slots of the classes' directories, or makes them. */
static ngx_int_t
class_dirs(ngx_cycle_t *cycle, ngx_http_cos_store_conf_t *conf)
{
    int          slot;
    char         err[NGX_MAX_ERROR_STR];
    ngx_uint_t   i;

    for (i = 0; i < COS_CLASS_MAX; i++) {

        if (conf->class_dir[i].len == 0) {
            continue;
        }

        slot = cos_store_class_dir(&ngx_http_cos_store.dir,
                                   (char *) conf->class_dir[i].data, err,
                                   sizeof(err));
        if (slot < 0) {
            ngx_log_error(NGX_LOG_EMERG, cycle->log, 0, "cos: %s", err);
            return NGX_ERROR;
        }

        ngx_http_cos_store.slot[i] = slot;
    }

    if (cos_store_complete(&ngx_http_cos_store.dir, err, sizeof(err)) != 0) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0, "cos: %s", err);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_cos_store_slot(cos_class_e cls)
{
    return ngx_http_cos_store.slot[cls];
}


cos_store_t *
ngx_http_cos_store_dir(void)
{
    return &ngx_http_cos_store.dir;
}


ngx_http_cos_store_stats_t *
ngx_http_cos_store_stats(void)
{
    return &ngx_http_cos_store.stats;
}


void
ngx_http_cos_store_begin(uint64_t id)
{
    ngx_http_cos_inc_t  *inc, *old;

    inc = ngx_calloc(sizeof(ngx_http_cos_inc_t), ngx_cycle->log);
    if (inc == NULL) {
        ngx_http_cos_store_fail();
        return;
    }

    inc->id = id;
    inc->lock_fd = -1;
    inc->result = -1;
    inc->refs = 2;                    /* being current; the task */
    ngx_queue_insert_tail(&incs, &inc->queue);

    ngx_http_cos_task_init(&inc->task, inc, inc_lock_run, inc_lock_done);

    old = ngx_http_cos_store.inc;
    ngx_http_cos_store.inc = inc;

    if (old) {
        ngx_http_cos_pack_retire_all(0);
        ngx_http_cos_inc_unref(old);
    }

    if (ngx_http_cos_task_post(&inc->task) != NGX_OK) {
        ngx_http_cos_inc_unref(inc);
        ngx_http_cos_store_fail();
    }
}


static void
inc_lock_run(void *ctx, ngx_log_t *log)
{
    ngx_http_cos_inc_t  *inc = ctx;

    (void) log;

    inc->result = cos_store_lock(&ngx_http_cos_store.dir, inc->id);

    if (inc->result == -1) {
        inc->err = ngx_errno;
    }
}


static void
inc_lock_done(ngx_event_t *ev)
{
    ngx_http_cos_inc_t  *inc = ev->data;

    if (ngx_http_cos_task_running(ev)) {
        return;
    }

    inc->lock_fd = inc->result;

    if (inc->lock_fd == -1) {
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, inc->err,
                      "cos: locking incarnation %uL in \"%s\" failed", inc->id,
                      ngx_http_cos_store.dir.root);

        if (inc == ngx_http_cos_store.inc) {
            ngx_http_cos_store_fail();
        }

    } else if (inc == ngx_http_cos_store.inc) {
        ngx_http_cos_append_start();
    }

    ngx_http_cos_inc_unref(inc);
}


void
ngx_http_cos_store_end(void)
{
    /* older incarnations' packs too: their commits are lost with the link */
    inc_leave(1);
}


/* Nothing more is written under the current incarnation. */
static void
inc_leave(ngx_uint_t drop)
{
    ngx_http_cos_inc_t  *inc;

    ngx_http_cos_pack_retire_all(drop);
    ngx_http_cos_append_refuse(COS_E_UNAVAILABLE);

    inc = ngx_http_cos_store.inc;

    if (inc) {
        ngx_http_cos_store.inc = NULL;
        ngx_http_cos_inc_unref(inc);
    }
}


ngx_uint_t
ngx_http_cos_store_writable(void)
{
    ngx_http_cos_inc_t  *inc;

    inc = ngx_http_cos_store.inc;

    return inc && inc->lock_fd != -1;
}


void
ngx_http_cos_inc_unref(ngx_http_cos_inc_t *inc)
{
    if (--inc->refs) {
        return;
    }

    if (inc->lock_fd != -1 && close(inc->lock_fd) == -1) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                      "cos: closing the lock of incarnation %uL failed",
                      inc->id);
    }

    ngx_queue_remove(&inc->queue);
    ngx_free(inc);
}


void
ngx_http_cos_store_on_failure(void (*fn)(void))
{
    on_failure = fn;
}


/* The link is fine, so packs that are merely full may still be resolved. */
void
ngx_http_cos_store_fail(void)
{
    ngx_msec_t      pause;
    ngx_msec_int_t  past;

    inc_leave(0);

    if (failure_event.timer_set) {
        return;
    }

    /* never at once: the caller is in the midst of something; and a disk that
     * keeps failing must not use up incarnations as fast as Redis gives them */
    past = (ngx_msec_int_t) (ngx_current_msec - failure_last);
    pause = past < FAILURE_PAUSE ? FAILURE_PAUSE - past : 1;

    ngx_add_timer(&failure_event, pause);
}


static void
failure_notify(ngx_event_t *ev)
{
    ev->timedout = 0;

    failure_last = ngx_current_msec;

    /* another one may have begun by itself */
    if (on_failure && ngx_http_cos_store.inc == NULL) {
        on_failure();
    }
}


uint64_t
ngx_http_cos_store_solo_id(ngx_uint_t slot)
{
    ngx_http_cos_inc_t  *inc;

    if (!ngx_http_cos_store_writable()) {
        return 0;
    }

    inc = ngx_http_cos_store.inc;

    if (inc->solos == COS_CID_N_MASK) {
        ngx_http_cos_store_fail();
        return 0;
    }

    inc->refs++;

    return cos_cid(inc->id, slot, COS_CID_SOLO | ++inc->solos);
}


void
ngx_http_cos_store_solo_end(uint64_t cid, ngx_uint_t committed)
{
    ngx_queue_t         *q;
    ngx_http_cos_inc_t  *inc;
    ngx_http_cos_job_t  *job;

    for (q = ngx_queue_head(&incs);
         q != ngx_queue_sentinel(&incs);
         q = ngx_queue_next(q))
    {
        inc = ngx_queue_data(q, ngx_http_cos_inc_t, queue);

        if (inc->id != cos_cid_inc(cid)) {
            continue;
        }

        if (committed) {
            job = ngx_http_cos_job_create(cid, solo_settle_run,
                                          solo_settle_done);
            if (job) {
                /* takes the id's reference over */
                job->data = inc;
                ngx_http_cos_job_post(job);
                return;
            }
        }

        ngx_http_cos_inc_unref(inc);
        return;
    }

    ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                  "cos: id %012xL was given back twice", cid);
}


static void
solo_settle_run(ngx_http_cos_job_t *job)
{
    if (cos_store_settle(&ngx_http_cos_store.dir, job->cid) != 0) {
        job->err = ngx_errno;
    }
}


static void
solo_settle_done(ngx_http_cos_job_t *job)
{
    /* an object may be deleted before its file was settled */
    if (job->err && job->err != NGX_ENOENT) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, job->err,
                      "cos: settling container %012xL failed, it is left to "
                      "recovery", job->cid);
    }

    ngx_http_cos_inc_unref(job->data);
    ngx_free(job);
}


void
ngx_http_cos_store_dead(ngx_str_t *bid, uint64_t *cids, ngx_uint_t n)
{
    ngx_uint_t           i;
    ngx_http_cos_job_t  *job;

    for (i = 0; i < n; i++) {

        if (!cos_cid_is_solo(cids[i])) {
            continue;
        }

        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                       "cos: container %012xL of bucket %V is dead",
                       cids[i], bid);

        job = ngx_http_cos_job_create(cids[i], dead_run, dead_done);
        if (job == NULL) {
            return;                   /* the manager finds them in d{bid} */
        }

        job->fd = ngx_http_cos_file_forget(cids[i]);
        ngx_http_cos_job_post(job);
    }
}


/* The blocks of a large file are freed by whatever lets go of it last, which
 * takes time: that must be this thread, so the cached descriptor goes last. */
static void
dead_run(ngx_http_cos_job_t *job)
{
    if (cos_store_unlink(&ngx_http_cos_store.dir, job->cid) != 0) {
        job->err = ngx_errno;
    }

    if (job->fd != NGX_INVALID_FILE) {
        (void) ngx_close_file(job->fd);
    }
}


static void
dead_done(ngx_http_cos_job_t *job)
{
    if (job->err && job->err != NGX_ENOENT) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, job->err,
                      "cos: removing container %012xL failed, it is left to "
                      "the cache manager", job->cid);
    }

    ngx_free(job);
}


void
ngx_http_cos_store_done(void)
{
    ngx_queue_t  *q, *next;

    if (ngx_http_cos_store.conf == NULL) {
        return;                       /* init was not called or failed */
    }

    ngx_http_cos_pack_done();
    ngx_http_cos_file_done();

    /* locks go with the process, after everything they protect */

    for (q = ngx_queue_head(&incs); q != ngx_queue_sentinel(&incs); q = next) {
        next = ngx_queue_next(q);
        ngx_free(ngx_queue_data(q, ngx_http_cos_inc_t, queue));
    }

    ngx_queue_init(&incs);

    cos_store_close(&ngx_http_cos_store.dir);
    ngx_http_cos_store.conf = NULL;
}
