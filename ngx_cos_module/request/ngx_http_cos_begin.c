/*
 * The first requests of a worker. It accepts connections before it has found
 * Redis and locked its incarnation, which takes some milliseconds; a reload
 * would refuse what comes in between. Such requests wait, but not for a Redis
 * that is down: only until that moment has passed once, or a second.
 */

#include "ngx_http_cos.h"


#define WAIT_MAX  1000
#define TICK      5

typedef struct {
    ngx_queue_t           queue;
    ngx_http_cos_ctx_t   *ctx;
} early_t;


static void tick(ngx_event_t *ev);


static ngx_queue_t   waiting;
static ngx_event_t   timer;
static ngx_msec_t    until;
static ngx_uint_t    over;


void
ngx_http_cos_begin_init(ngx_cycle_t *cycle)
{
    ngx_queue_init(&waiting);

    ngx_memzero(&timer, sizeof(ngx_event_t));
    timer.handler = tick;
    timer.data = &waiting;
    timer.log = cycle->log;

    until = ngx_current_msec + WAIT_MAX;
    over = 0;
}


static ngx_uint_t
is_over(void)
{
    if (!over
        && ((ngx_http_cos_redis_ready() && ngx_http_cos_store_writable())
            || (ngx_msec_int_t) (until - ngx_current_msec) <= 0))
    {
        over = 1;
    }

    return over;
}


ngx_int_t
ngx_http_cos_begin(ngx_http_cos_ctx_t *ctx)
{
    early_t  *e;

    if (is_over()) {
        return ngx_http_cos_goto(ctx, ngx_http_cos_gate);
    }

    e = ngx_palloc(ctx->request->pool, sizeof(early_t));
    if (e == NULL) {
        return NGX_ERROR;
    }

    e->ctx = ctx;
    ngx_queue_insert_tail(&waiting, &e->queue);

    if (!timer.timer_set) {
        ngx_add_timer(&timer, TICK);
    }

    ngx_http_cos_expect(ctx, ngx_http_cos_gate);

    return NGX_AGAIN;
}


static void
tick(ngx_event_t *ev)
{
    early_t      *e;
    ngx_queue_t  *q;

    ev->timedout = 0;

    if (!is_over()) {
        ngx_add_timer(ev, TICK);
        return;
    }

    while (!ngx_queue_empty(&waiting)) {
        q = ngx_queue_head(&waiting);
        ngx_queue_remove(q);

        e = ngx_queue_data(q, early_t, queue);
        ngx_http_cos_arrived(e->ctx);
    }
}
