/*
 * The step machine: suspends and resumes requests. Nothing else in the module
 * touches r->count, r->blocked or a request's event handlers.
 *
 * While answers are outstanding the request is held by r->main->blocked: nginx
 * then puts off its termination (ngx_http_terminate_request) by leaving its
 * finalizer in r->write_event_handler. That is how a step that wakes up learns
 * that the client is gone.
 */

#include "ngx_http_cos.h"


#define TASK_WAIT  60000              /* ms */


typedef struct {
    void                 (*work)(void *data);
    void                  *data;
    ngx_http_cos_ctx_t    *ctx;
} ngx_http_cos_task_t;


static ngx_uint_t watched(ngx_http_cos_ctx_t *ctx);
static void side_done(ngx_event_t *ev);
static void suspended(ngx_http_request_t *r);
static void resume(ngx_http_cos_ctx_t *ctx);


ngx_int_t
ngx_http_cos_run(ngx_http_cos_ctx_t *ctx)
{
    ngx_int_t  rc;

    ctx->running = 1;

    do {
        rc = ctx->step(ctx);
    } while (rc == NGX_OK);

    ctx->running = 0;

    if (rc == NGX_DONE) {
        return ctx->rc;
    }

    if (rc == NGX_ERROR) {
        return ctx->answered ? NGX_ERROR : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc != NGX_AGAIN) {
        return rc;
    }

    if (ctx->draining) {
        /* the step waits for its own output and has set both handlers */
        ctx->draining = 0;
        return NGX_AGAIN;
    }

    /* without an answer outstanding, but for work beside, the body is waited
     * for: its reader has installed itself if there is room for more */

    if (ctx->pending > ctx->sides) {
        ctx->request->read_event_handler = watched(ctx)
                                           ? ngx_http_test_reading
                                           : ngx_http_block_reading;
    }

    ctx->request->write_event_handler = suspended;

    return NGX_AGAIN;
}


/* Whether the end of what the client sends ends the request at once. Who sends
 * a body may close his half behind it and still wait for the answer: that he
 * left before its end is seen where it is read. */
static ngx_uint_t
watched(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_request_t  *r = ctx->request;

    return !ctx->held && r->headers_in.content_length_n <= 0
           && !r->headers_in.chunked;
}


/* Stands in r->write_event_handler while a request waits: stray events do
 * nothing, and a different handler there means that nginx wants it ended. */
static void
suspended(ngx_http_request_t *r)
{
    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "cos suspended: \"%V\"", &r->uri);
}


void
ngx_http_cos_expect(ngx_http_cos_ctx_t *ctx, ngx_http_cos_step_pt next)
{
    ctx->step = next;
    ctx->pending++;
    ctx->request->main->blocked++;
}


void
ngx_http_cos_unexpect(ngx_http_cos_ctx_t *ctx)
{
    ctx->pending--;
    ctx->request->main->blocked--;
}


void
ngx_http_cos_arrived(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_cos_unexpect(ctx);

    /* a step that asks several things at once may get the first answer while
     * it still asks for the second */
    if (ctx->pending == ctx->sides && !ctx->running) {
        resume(ctx);
    }
}


void
ngx_http_cos_hold(ngx_http_cos_ctx_t *ctx)
{
    ctx->held = 1;
}


void
ngx_http_cos_unhold(ngx_http_cos_ctx_t *ctx)
{
    ctx->held = 0;
}


static void
resume(ngx_http_cos_ctx_t *ctx)
{
    ngx_int_t            rc;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    if (r->write_event_handler != suspended) {

        /* the client is gone: threads still use the request's memory */

        if (ctx->pending) {
            return;
        }

        /* a held operation still runs to its end */

        if (ctx->held) {
            void (*ender)(ngx_http_request_t *) = r->write_event_handler;

            ctx->running = 1;

            do {
                rc = ctx->step(ctx);
            } while (rc == NGX_OK && ctx->held);

            ctx->running = 0;
            r->write_event_handler = ender;

            if (rc == NGX_AGAIN && ctx->pending) {
                return;
            }
        }

        r->write_event_handler(r);
        ngx_http_run_posted_requests(c);
        return;
    }

    r->read_event_handler = ngx_http_block_reading;

    if (!ctx->in_content) {
        r->write_event_handler = ngx_http_core_run_phases;
        ngx_http_core_run_phases(r);
        ngx_http_run_posted_requests(c);
        return;
    }

    r->write_event_handler = ngx_http_request_empty_handler;

    rc = ngx_http_cos_run(ctx);

    if (rc != NGX_AGAIN) {
        ngx_http_finalize_request(r, rc);
    }

    ngx_http_run_posted_requests(c);
}


/* More of the body may be there: the step that waits for it runs again. */
void
ngx_http_cos_body_readable(ngx_http_request_t *r)
{
    ngx_int_t            rc;
    ngx_http_cos_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_cos_module);

    r->read_event_handler = ngx_http_block_reading;

    rc = ngx_http_cos_run(ctx);

    if (rc != NGX_AGAIN) {
        ngx_http_finalize_request(r, rc);
    }
}


ngx_int_t
ngx_http_cos_content_handler(ngx_http_request_t *r)
{
    ngx_int_t            rc;
    ngx_http_cos_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_cos_module);

    if (ctx == NULL || !ctx->judged || r != r->main) {
        /* no operation without a verdict of the gate: a subrequest or an
         * internal redirect would come here without one */
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "cos: request reached its operation without having "
                      "been judged");
        return NGX_HTTP_FORBIDDEN;
    }

    ctx->in_content = 1;
    ctx->step = ngx_http_cos_paced;

    r->main->count++;
    rc = ngx_http_cos_run(ctx);

    if (rc == NGX_AGAIN) {
        return NGX_DONE;
    }

    r->main->count--;

    return rc;
}


/* --- thread pool ------------------------------------------------------------ */

static void
thread_work(void *data, ngx_log_t *log)
{
    ngx_http_cos_task_t  *t = data;

    (void) log;
    t->work(t->data);
}


/* The timer of a task only keeps a quitting worker alive while it runs. */
static ngx_uint_t
thread_running(ngx_event_t *ev)
{
    if (ev->timedout) {
        ev->timedout = 0;
        ngx_add_timer(ev, TASK_WAIT);
        return 1;
    }

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    return 0;
}


static void
thread_done(ngx_event_t *ev)
{
    ngx_http_cos_task_t  *t = ev->data;

    if (!thread_running(ev)) {
        ngx_http_cos_arrived(t->ctx);
    }
}


ngx_int_t
ngx_http_cos_thread(ngx_http_cos_ctx_t *ctx, void (*work)(void *), void *data,
    ngx_http_cos_step_pt next)
{
    ngx_thread_task_t    *task;
    ngx_http_cos_task_t  *t;

    task = ngx_thread_task_alloc(ctx->request->pool,
                                 sizeof(ngx_http_cos_task_t));
    if (task == NULL) {
        return NGX_ERROR;
    }

    t = task->ctx;
    t->work = work;
    t->data = data;
    t->ctx = ctx;

    task->handler = thread_work;
    task->event.data = t;
    task->event.handler = thread_done;
    task->event.log = ctx->request->connection->log;

    ngx_http_cos_expect(ctx, next);

    if (ngx_thread_task_post(ctx->mcf->store.pool, task) != NGX_OK) {
        ngx_http_cos_unexpect(ctx);
        return NGX_ERROR;
    }

    ngx_add_timer(&task->event, TASK_WAIT);

    return NGX_AGAIN;
}


static void
side_work(void *data, ngx_log_t *log)
{
    ngx_http_cos_side_t  *s = data;

    (void) log;
    s->work(s->data);
}


ngx_int_t
ngx_http_cos_beside(ngx_http_cos_ctx_t *ctx, ngx_http_cos_side_t *s)
{
    ngx_thread_task_t  *task = &s->task;

    s->ctx = ctx;

    task->ctx = s;
    task->handler = side_work;
    task->event.data = s;
    task->event.handler = side_done;
    task->event.log = ctx->request->connection->log;
    task->event.complete = 0;

    if (ngx_thread_task_post(ctx->mcf->store.pool, task) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_add_timer(&task->event, TASK_WAIT);

    s->busy = 1;
    ctx->sides++;
    ngx_http_cos_expect(ctx, ctx->step);

    return NGX_OK;
}


static void
side_done(ngx_event_t *ev)
{
    ngx_http_cos_side_t  *s = ev->data;

    if (thread_running(ev)) {
        return;
    }

    s->busy = 0;
    s->ctx->sides--;
    ngx_http_cos_arrived(s->ctx);
}
