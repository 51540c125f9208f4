/*
 * store: thread tasks that hold a quitting worker, and a queue of background
 * jobs (settle, seal, unlink, close). Jobs run one task at a time: they are
 * many and small or few and slow, nobody waits for them, and they must not
 * take the pool's threads away from requests.
 */

#include "ngx_http_cos_store_int.h"


#define TASK_WAIT   60000             /* ms after which a task is logged */
#define POST_RETRY  100               /* ms, when the pool's queue is full */
#define JOBS_MAX    64                /* in one task */


typedef struct {
    ngx_queue_t        waiting;
    ngx_queue_t        running;       /* the thread's while busy */
    ngx_thread_task_t  task;
    ngx_event_t        retry;
    unsigned           busy:1;
} jobs_t;


static void jobs_start(void);
static void jobs_run(void *ctx, ngx_log_t *log);
static void jobs_done(ngx_event_t *ev);
static void jobs_retry(ngx_event_t *ev);


static jobs_t  jobs;


void
ngx_http_cos_task_init(ngx_thread_task_t *task, void *ctx,
    void (*run)(void *ctx, ngx_log_t *log), void (*done)(ngx_event_t *ev))
{
    task->ctx = ctx;
    task->handler = run;
    task->event.data = ctx;
    task->event.handler = done;
    task->event.log = ngx_cycle->log;
}


ngx_int_t
ngx_http_cos_task_post(ngx_thread_task_t *task)
{
    task->event.complete = 0;
    task->event.timedout = 0;

    if (ngx_thread_task_post(ngx_http_cos_store.conf->pool, task) != NGX_OK) {
        return NGX_ERROR;
    }

    /* a pending task alone would not keep the worker from exiting */
    ngx_add_timer(&task->event, TASK_WAIT);

    return NGX_OK;
}


ngx_uint_t
ngx_http_cos_task_running(ngx_event_t *ev)
{
    if (ev->timedout) {
        ev->timedout = 0;

        ngx_log_error(NGX_LOG_WARN, ev->log, 0,
                      "cos: disk work has been taking over a minute");

        ngx_add_timer(ev, TASK_WAIT);
        return 1;
    }

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    return 0;
}


void
ngx_http_cos_job_init(void)
{
    ngx_memzero(&jobs, sizeof(jobs_t));

    ngx_queue_init(&jobs.waiting);
    ngx_queue_init(&jobs.running);

    ngx_http_cos_task_init(&jobs.task, &jobs, jobs_run, jobs_done);

    jobs.retry.data = &jobs;
    jobs.retry.handler = jobs_retry;
    jobs.retry.log = ngx_cycle->log;
}


ngx_http_cos_job_t *
ngx_http_cos_job_create(uint64_t cid, void (*run)(ngx_http_cos_job_t *),
    void (*done)(ngx_http_cos_job_t *))
{
    ngx_http_cos_job_t  *job;

    job = ngx_calloc(sizeof(ngx_http_cos_job_t), ngx_cycle->log);
    if (job == NULL) {
        return NULL;
    }

    job->run = run;
    job->done = done;
    job->cid = cid;
    job->fd = NGX_INVALID_FILE;

    return job;
}


void
ngx_http_cos_job_post(ngx_http_cos_job_t *job)
{
    ngx_queue_insert_tail(&jobs.waiting, &job->queue);

    jobs_start();
}


static void
jobs_start(void)
{
    ngx_uint_t    n;
    ngx_queue_t  *q;

    if (jobs.busy || jobs.retry.timer_set) {
        return;
    }

    for (n = 0; n < JOBS_MAX && !ngx_queue_empty(&jobs.waiting); n++) {
        q = ngx_queue_head(&jobs.waiting);
        ngx_queue_remove(q);
        ngx_queue_insert_tail(&jobs.running, q);
    }

    if (n == 0) {
        return;
    }

    if (ngx_http_cos_task_post(&jobs.task) == NGX_OK) {
        jobs.busy = 1;
        return;
    }

    /* put back in front, so that jobs keep their order */
    ngx_queue_add(&jobs.running, &jobs.waiting);
    ngx_queue_init(&jobs.waiting);
    ngx_queue_add(&jobs.waiting, &jobs.running);
    ngx_queue_init(&jobs.running);

    ngx_add_timer(&jobs.retry, POST_RETRY);
}


static void
jobs_run(void *ctx, ngx_log_t *log)
{
    jobs_t              *j = ctx;
    ngx_queue_t         *q;
    ngx_http_cos_job_t  *job;

    (void) log;

    for (q = ngx_queue_head(&j->running);
         q != ngx_queue_sentinel(&j->running);
         q = ngx_queue_next(q))
    {
        job = ngx_queue_data(q, ngx_http_cos_job_t, queue);
        job->run(job);
    }
}


static void
jobs_done(ngx_event_t *ev)
{
    ngx_queue_t          ready, *q;
    ngx_http_cos_job_t  *job;

    if (ngx_http_cos_task_running(ev)) {
        return;
    }

    jobs.busy = 0;

    /* done() may post further jobs */
    ngx_queue_init(&ready);
    ngx_queue_add(&ready, &jobs.running);
    ngx_queue_init(&jobs.running);

    while (!ngx_queue_empty(&ready)) {
        q = ngx_queue_head(&ready);
        ngx_queue_remove(q);

        job = ngx_queue_data(q, ngx_http_cos_job_t, queue);
        job->done(job);
    }

    jobs_start();
}


static void
jobs_retry(ngx_event_t *ev)
{
    ev->timedout = 0;

    jobs_start();
}
