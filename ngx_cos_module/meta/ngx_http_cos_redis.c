/*
 * meta: the link of a worker to Redis: life of its three connections, calls,
 * reply timeouts, and when the whole counts as ready.
 *
 * A connection goes down > connecting > proving > ready; a connect alone says
 * nothing (the kernel answers for a stopped Redis), so only a finished proof
 * makes it ready and resets the back-off. The link is ready when data and
 * tracking are, and an incarnation was taken after that.
 *
 * Losing a connection: hiredis runs the callbacks of all calls in flight with
 * NULL from inside the free. The first of them, or cleanup, marks the state
 * and tells the others, so that hooks.lost() always comes before any NULL and
 * calls issued meanwhile are declined. That holds for calls on the slow
 * connection, too: an unknown outcome ends an incarnation, whatever way the
 * call went.
 *
 * Housekeeping timers are cancelable, a worker that quits does not wait for
 * them. The timer of calls in flight is not: somebody's request hangs on it.
 */

#include <sys/ioctl.h>
#include "ngx_http_cos_meta_internal.h"


#define BACKOFF_MIN   50
#define BACKOFF_MAX   1000
#define COMPLAIN_GAP  10000
#define ARGS_KEPT     64


static void init_conn(ngx_http_cos_rconn_t *conn, const char *name,
    void (*prove)(ngx_http_cos_rconn_t *),
    void (*tick)(ngx_http_cos_rconn_t *));
static void set_timer(ngx_event_t *ev, ngx_msec_t delay);
static void reconnect_later(ngx_http_cos_rconn_t *conn);
static void timer_handler(ngx_event_t *ev);
static void reply_timeout(ngx_event_t *ev);
static void reply_handler(redisAsyncContext *ac, void *r, void *privdata);
static void take_incarnation(void);
static void inc_handler(ngx_http_cos_call_t *call, redisReply *reply);


ngx_http_cos_link_t  ngx_http_cos_link;


ngx_int_t
ngx_http_cos_redis_init(ngx_cycle_t *cycle, ngx_http_cos_redis_conf_t *conf,
    ngx_http_cos_redis_hooks_t *hooks)
{
    ngx_http_cos_link_t  *link = &ngx_http_cos_link;

    ngx_memzero(link, sizeof(ngx_http_cos_link_t));

    link->conf = conf;
    link->log = cycle->log;
    link->hooks = *hooks;

    link->hooks.store_id.data = ngx_pstrdup(cycle->pool, &hooks->store_id);
    if (link->hooks.store_id.data == NULL) {
        return NGX_ERROR;
    }

    ngx_http_cos_zone_attach(cycle);

    init_conn(&link->data, "data", ngx_http_cos_prove_data, NULL);
    init_conn(&link->slow, "slow", ngx_http_cos_prove_slow, NULL);
    init_conn(&link->track, "tracking", ngx_http_cos_track_prove,
              ngx_http_cos_track_tick);

    /* the slow one waits until the store was found to be ours */
    ngx_http_cos_rconn_start(&link->data);
    ngx_http_cos_rconn_start(&link->track);

    return NGX_OK;
}


static void
init_conn(ngx_http_cos_rconn_t *conn, const char *name,
    void (*prove)(ngx_http_cos_rconn_t *),
    void (*tick)(ngx_http_cos_rconn_t *))
{
    conn->name = name;
    conn->prove = prove;
    conn->tick = tick;
    conn->backoff = BACKOFF_MIN;
    conn->complained = ngx_current_msec - COMPLAIN_GAP;

    conn->timer.handler = timer_handler;
    conn->timer.data = conn;
    conn->timer.log = ngx_http_cos_link.log;
    conn->timer.cancelable = 1;

    conn->reply.handler = reply_timeout;
    conn->reply.data = conn;
    conn->reply.log = ngx_http_cos_link.log;
    conn->reply.cancelable = 1;
}


ngx_uint_t
ngx_http_cos_redis_ready(void)
{
    return ngx_http_cos_link.ready;
}


/* --- life of a connection ------------------------------------------------ */

void
ngx_http_cos_rconn_start(ngx_http_cos_rconn_t *conn)
{
    ngx_http_cos_link_t  *link = &ngx_http_cos_link;

    if (ngx_http_cos_rconn_open(conn, &link->conf->addr, link->log)
        != NGX_OK)
    {
        reconnect_later(conn);
        return;
    }

    set_timer(&conn->timer, link->conf->connect_timeout);
}


/* nginx keeps an old timer that is nearly right; ours change their meaning */
static void
set_timer(ngx_event_t *ev, ngx_msec_t delay)
{
    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    ngx_add_timer(ev, delay);
}


static void
reconnect_later(ngx_http_cos_rconn_t *conn)
{
    ngx_msec_t  delay;

    /* jitter: the workers of all nodes lost the same Redis together */
    delay = conn->backoff + ngx_random() % (conn->backoff / 4 + 1);
    conn->backoff = ngx_min(conn->backoff * 2, BACKOFF_MAX);

    set_timer(&conn->timer, ngx_min(delay, BACKOFF_MAX));
}


void
ngx_http_cos_rconn_up(ngx_http_cos_rconn_t *conn)
{
    conn->state = NGX_HTTP_COS_PROVING;
    set_timer(&conn->timer, ngx_http_cos_link.conf->connect_timeout);
    conn->prove(conn);
}


void
ngx_http_cos_rconn_proved(ngx_http_cos_rconn_t *conn)
{
    ngx_http_cos_link_t  *link = &ngx_http_cos_link;

    conn->state = NGX_HTTP_COS_READY;
    conn->backoff = BACKOFF_MIN;

    if (conn->timer.timer_set) {
        ngx_del_timer(&conn->timer);
    }

    if (conn->tick) {
        conn->tick(conn);
    }

    ngx_log_error(NGX_LOG_INFO, link->log, 0,
                  "Redis at %V: %s connection is ready",
                  &link->conf->address, conn->name);

    if (conn == &link->data) {
        if (link->proved) {
            (void) ngx_atomic_fetch_add(
                                   &ngx_http_cos_shared()->redis.reconnects, 1);
        }

        link->proved = 1;

        if (link->slow.state == NGX_HTTP_COS_DOWN
            && !link->slow.timer.timer_set)
        {
            ngx_http_cos_rconn_start(&link->slow);
        }
    }

    take_incarnation();
}


/* What others see of a loss; the context may still be alive. */
void
ngx_http_cos_rconn_lost(ngx_http_cos_rconn_t *conn)
{
    ngx_http_cos_link_t         *link = &ngx_http_cos_link;
    ngx_http_cos_rconn_state_e   was;

    was = conn->state;
    conn->state = NGX_HTTP_COS_DOWN;

    if (link->closing) {
        return;
    }

    if (conn == &link->track && was == NGX_HTTP_COS_READY) {
        ngx_http_cos_cache_enable(0);
    }

    /* nobody waits on the slow one: calls may go over data meanwhile */
    if (conn == &link->slow && conn->inflight == 0) {
        return;
    }

    /* not by ready: between incarnations calls are still in flight */
    if (link->begun && was == NGX_HTTP_COS_READY) {
        link->ready = 0;
        link->begun = 0;
        link->hooks.lost();
    }
}


void
ngx_http_cos_rconn_drop(ngx_http_cos_rconn_t *conn)
{
    if (conn->ac == NULL) {
        return;
    }

    ngx_http_cos_rconn_lost(conn);

    /* lost() ran foreign code; inside a callback this is only a mark */
    if (conn->ac) {
        redisAsyncFree(conn->ac);
    }
}


/* The end of a connection, whoever wanted it. why: NULL when we did. */
void
ngx_http_cos_rconn_gone(ngx_http_cos_rconn_t *conn, const char *why)
{
    ngx_http_cos_rconn_lost(conn);

    if (conn->reply.timer_set) {
        ngx_del_timer(&conn->reply);
    }

    if (ngx_http_cos_link.closing) {
        return;
    }

    if (why) {
        ngx_http_cos_rconn_complain(conn, "%s", why);
    }

    reconnect_later(conn);

    /* with the slow one went only what was under way on it */
    take_incarnation();
}


static void
timer_handler(ngx_event_t *ev)
{
    ngx_http_cos_rconn_t  *conn = ev->data;

    switch (conn->state) {

    case NGX_HTTP_COS_DOWN:
        ngx_http_cos_rconn_start(conn);
        break;

    case NGX_HTTP_COS_READY:
        conn->tick(conn);
        break;

    default:
        ngx_http_cos_rconn_complain(conn, "no answer within %M ms while %s",
                                    ngx_http_cos_link.conf->connect_timeout,
                                    conn->state == NGX_HTTP_COS_CONNECTING
                                    ? "connecting" : "proving");
        ngx_http_cos_rconn_drop(conn);
        break;
    }
}


void
ngx_http_cos_rconn_complain(ngx_http_cos_rconn_t *conn, const char *fmt, ...)
{
    u_char      *last, text[NGX_MAX_ERROR_STR / 2];
    va_list      args;
    ngx_uint_t   level;

    va_start(args, fmt);
    last = ngx_vslprintf(text, text + sizeof(text), fmt, args);
    va_end(args);

    level = NGX_LOG_INFO;

    /* what is wrong now may be something else, and need somebody's help */
    if (ngx_current_msec - conn->complained >= COMPLAIN_GAP
        || conn->complaint != fmt)
    {
        conn->complained = ngx_current_msec;
        conn->complaint = fmt;
        level = NGX_LOG_ERR;
    }

    ngx_log_error(level, ngx_http_cos_link.log, 0,
                  "Redis at %V, %s connection: %*s",
                  &ngx_http_cos_link.conf->address, conn->name,
                  (size_t) (last - text), text);
}


/* --- calls --------------------------------------------------------------- */

ngx_int_t
ngx_http_cos_redis_call(ngx_http_cos_call_t *call, ngx_uint_t flags, int argc,
    const ngx_str_t *argv)
{
    ngx_http_cos_link_t   *link = &ngx_http_cos_link;
    ngx_http_cos_rconn_t  *conn;

    if (!link->ready) {
        return NGX_DECLINED;
    }

    conn = &link->data;

    if ((flags & NGX_HTTP_COS_SLOW)
        && link->slow.state == NGX_HTTP_COS_READY)
    {
        conn = &link->slow;
    }

    return ngx_http_cos_rconn_call(conn, call, argc, argv);
}


ngx_int_t
ngx_http_cos_rconn_call(ngx_http_cos_rconn_t *conn, ngx_http_cos_call_t *call,
    int argc, const ngx_str_t *argv)
{
    int           i, rc;
    void         *mem;
    size_t       *len, kept_len[ARGS_KEPT];
    const char  **arg, *kept_arg[ARGS_KEPT];

    if (conn->ac == NULL || conn->state != NGX_HTTP_COS_READY) {
        return NGX_DECLINED;
    }

    mem = NULL;
    arg = kept_arg;
    len = kept_len;

    if (argc > ARGS_KEPT) {
        mem = ngx_alloc(argc * (sizeof(char *) + sizeof(size_t)), conn->c->log);
        if (mem == NULL) {
            return NGX_DECLINED;
        }

        arg = mem;
        len = (size_t *) (arg + argc);
    }

    for (i = 0; i < argc; i++) {
        arg[i] = (const char *) argv[i].data;
        len[i] = argv[i].len;
    }

    call->sent = ngx_current_msec;
    call->sent_us = ngx_http_cos_mono_us();

    rc = redisAsyncCommandArgv(conn->ac, reply_handler, call, argc, arg, len);

    if (mem) {
        ngx_free(mem);
    }

    if (rc != REDIS_OK) {
        return NGX_DECLINED;
    }

    (void) ngx_atomic_fetch_add(&ngx_http_cos_shared()->redis.calls, 1);

    conn->inflight++;
    conn->reply.cancelable = 0;

    if (!conn->reply.timer_set) {
        ngx_add_timer(&conn->reply, ngx_http_cos_link.conf->timeout);
    }

    return NGX_OK;
}


static void
reply_handler(redisAsyncContext *ac, void *r, void *privdata)
{
    redisReply                  *reply = r;
    ngx_http_cos_call_t         *call = privdata;
    ngx_http_cos_rconn_t        *conn = ac->data;
    ngx_http_cos_redis_stats_t  *st = &ngx_http_cos_shared()->redis;

    /* the process ends: nobody is left who could do anything about it */
    if (ngx_http_cos_link.closing) {
        return;
    }

    if (reply == NULL) {
        ngx_http_cos_rconn_lost(conn);
        (void) ngx_atomic_fetch_add(&st->errors, 1);

    } else {
        if (reply->type == REDIS_REPLY_ERROR) {
            (void) ngx_atomic_fetch_add(&st->errors, 1);
        }

        (void) ngx_atomic_fetch_add(&st->latency_us,
                              ngx_http_cos_mono_us() - call->sent_us);
    }

    conn->inflight--;

    /* the timer itself stays: it costs nothing until it fires */
    if (conn->inflight == 0) {
        conn->reply.cancelable = 1;
    }

    call->handler(call, reply);
}


/*
 * Replies are ordered, so the oldest call stands for all. hiredis' list of
 * callbacks is the queue: on a ready connection it holds calls only.
 */
static void
reply_timeout(ngx_event_t *ev)
{
    int                    unread;
    ngx_msec_t             age, limit;
    ngx_http_cos_call_t   *call;
    ngx_http_cos_rconn_t  *conn = ev->data;

    if (conn->ac == NULL || conn->ac->replies.head == NULL) {
        return;
    }

    call = conn->ac->replies.head->privdata;
    age = ngx_current_msec - call->sent;
    limit = ngx_http_cos_link.conf->timeout;

    if (age < limit) {
        ngx_add_timer(ev, limit - age);
        return;
    }

    /* it was this loop that stood still: answers are waiting to be read */
    if (ioctl(conn->ac->c.fd, FIONREAD, &unread) == 0 && unread > 0) {
        ngx_add_timer(ev, 1);
        return;
    }

    (void) ngx_atomic_fetch_add(&ngx_http_cos_shared()->redis.timeouts, 1);

    ngx_http_cos_rconn_complain(conn, "no reply within %M ms, %ui calls lost",
                                limit, conn->inflight);
    ngx_http_cos_rconn_drop(conn);
}


/* --- the link as a whole ------------------------------------------------- */

static void
take_incarnation(void)
{
    ngx_http_cos_link_t     *link = &ngx_http_cos_link;
    static const ngx_str_t   argv[] = {
        ngx_string("FCALL"), ngx_string("cos_inc"), ngx_string("1"),
        ngx_string("g")
    };

    if (link->ready || link->asking
        || link->data.state != NGX_HTTP_COS_READY
        || link->track.state != NGX_HTTP_COS_READY)
    {
        return;
    }

    link->inc.handler = inc_handler;

    if (ngx_http_cos_rconn_call(&link->data, &link->inc, 4, argv) != NGX_OK) {
        ngx_http_cos_rconn_drop(&link->data);
        return;
    }

    link->asking = 1;
}


void
ngx_http_cos_redis_again(void)
{
    ngx_http_cos_link_t  *link = &ngx_http_cos_link;

    if (!link->ready || link->closing) {
        return;
    }

    link->ready = 0;
    take_incarnation();
}


static void
inc_handler(ngx_http_cos_call_t *call, redisReply *reply)
{
    ngx_http_cos_link_t  *link = &ngx_http_cos_link;

    (void) call;

    link->asking = 0;

    if (reply == NULL) {
        return;
    }

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2
        || reply->element[1]->type != REDIS_REPLY_INTEGER)
    {
        ngx_http_cos_rconn_complain(&link->data, "no incarnation: %s",
                                    reply->type == REDIS_REPLY_ERROR
                                    ? reply->str : "unexpected reply");
        ngx_http_cos_rconn_drop(&link->data);
        return;
    }

    /* the subscription went meanwhile: taken again when it is back */
    if (link->track.state != NGX_HTTP_COS_READY) {
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, link->log, 0,
                  "Redis at %V is ready, incarnation %L",
                  &link->conf->address,
                  (int64_t) reply->element[1]->integer);

    link->ready = 1;
    link->begun = 1;
    link->data.complained = ngx_current_msec - COMPLAIN_GAP;
    ngx_http_cos_seq_start();
    link->hooks.ready((uint64_t) reply->element[1]->integer);
}


void
ngx_http_cos_link_flushed(void)
{
    ngx_http_cos_link_t  *link = &ngx_http_cos_link;

    ngx_http_cos_cache_flush();

    ngx_log_error(NGX_LOG_WARN, link->log, 0,
                  "Redis at %V was emptied", &link->conf->address);

    ngx_http_cos_rconn_drop(&link->data);
    ngx_http_cos_rconn_drop(&link->slow);
}


void
ngx_http_cos_redis_done(void)
{
    ngx_http_cos_link_t  *link = &ngx_http_cos_link;

    link->closing = 1;
    link->ready = 0;

    ngx_http_cos_seq_stop();

    /* calls in flight are not told, nobody is left to act on it */
    ngx_http_cos_rconn_drop(&link->data);
    ngx_http_cos_rconn_drop(&link->slow);
    ngx_http_cos_rconn_drop(&link->track);
}
