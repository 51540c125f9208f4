/*
 * meta: the seq clock that orders all changes of a key. CLOCK_MONOTONIC never
 * goes back but starts anywhere; the offset in the shared zone puts it above
 * everything this store has ever used: not behind the wall clock, and above
 * g.hi, which all workers keep 10 s ahead of the clock. So a crash, a reboot
 * or a wall clock set back cannot make a number come twice.
 */

#include "ngx_http_cos_meta_internal.h"


#define EPOCH_2020   1577836800ULL
#define HI_INTERVAL  2000
/* Lua numbers are doubles: whole up to here (the year 2305) */
#define SEQ_MAX      (1ULL << 53)


static void lift(uint64_t above);
static void hi_timer(ngx_event_t *ev);
static void hi_handler(ngx_http_cos_call_t *call, redisReply *reply);


static ngx_event_t          timer;
static ngx_http_cos_call_t  call;
static ngx_uint_t           calling;


uint64_t
ngx_http_cos_mono_us(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


uint64_t
ngx_http_cos_seq(void)
{
    uint64_t         now, offset;
    static uint64_t  last;

    offset = ngx_http_cos_shared()->seq_offset;
    if (offset == 0) {
        return 0;
    }

    now = ngx_http_cos_mono_us() + offset;
    if (now <= last) {
        now = last + 1;
    }

    last = now;

    return now;
}


void
ngx_http_cos_seq_above(uint64_t seq)
{
    if (seq >= SEQ_MAX) {
        ngx_log_error(NGX_LOG_ALERT, ngx_http_cos_link.log, 0,
                      "a seq of %uL cannot be real, ignored", seq);
        return;
    }

    /* unknown yet: the proof sets it, from more than this one number */
    if (ngx_http_cos_shared()->seq_offset == 0 || seq < ngx_http_cos_seq()) {
        return;
    }

    lift(seq);

    /* g.hi may be behind now: do not wait for the next round */
    if (timer.timer_set) {
        ngx_del_timer(&timer);
        ngx_add_timer(&timer, 1);
    }
}


/* The offset only grows, as a signed number: the wall clock of a young
 * machine may be behind its monotonic one. */
static void
lift(uint64_t above)
{
    int64_t                 want, old;
    ngx_http_cos_shared_t  *sh;

    sh = ngx_http_cos_shared();

    for ( ;; ) {
        want = (int64_t) (above + 1 - ngx_http_cos_mono_us());
        if (want == 0) {
            want = 1;
        }

        old = (int64_t) sh->seq_offset;
        if (old != 0 && old >= want) {
            return;
        }

        if (ngx_atomic_cmp_set(&sh->seq_offset, (ngx_atomic_uint_t) old,
                               (ngx_atomic_uint_t) want))
        {
            return;
        }
    }
}


void
ngx_http_cos_seq_init(uint64_t hi)
{
    uint64_t         now;
    struct timespec  ts;

    if (ngx_http_cos_shared()->seq_offset != 0) {
        /* what we wrote ourselves is at most that far ahead */
        if (hi > ngx_http_cos_seq() + NGX_HTTP_COS_HI_AHEAD) {
            ngx_http_cos_seq_above(hi);
        }

        return;
    }

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    now = 0;
    if ((uint64_t) ts.tv_sec > EPOCH_2020) {
        now = (ts.tv_sec - EPOCH_2020) * 1000000 + ts.tv_nsec / 1000;
    }

    lift(ngx_max(now, hi));
}


void
ngx_http_cos_seq_start(void)
{
    timer.handler = hi_timer;
    timer.data = &ngx_http_cos_link.data;
    timer.log = ngx_http_cos_link.log;
    timer.cancelable = 1;

    if (!timer.timer_set) {
        ngx_add_timer(&timer, HI_INTERVAL);
    }
}


void
ngx_http_cos_seq_stop(void)
{
    if (timer.timer_set) {
        ngx_del_timer(&timer);
    }
}


/* Stops by itself while the link is not ready; the proof raises g.hi, too. */
static void
hi_timer(ngx_event_t *ev)
{
    u_char     text[NGX_INT64_LEN];
    ngx_str_t  argv[] = {
        ngx_string("FCALL"), ngx_string("cos_hi"), ngx_string("1"),
        ngx_string("g"), ngx_null_string
    };

    if (!ngx_http_cos_redis_ready()) {
        return;
    }

    ngx_add_timer(ev, HI_INTERVAL);

    if (calling) {
        return;
    }

    argv[4].data = text;
    argv[4].len = ngx_sprintf(text, "%uL", ngx_http_cos_seq()
                                           + NGX_HTTP_COS_HI_AHEAD) - text;
    call.handler = hi_handler;

    if (ngx_http_cos_redis_call(&call, 0, 5, argv) == NGX_OK) {
        calling = 1;
    }
}


static void
hi_handler(ngx_http_cos_call_t *c, redisReply *reply)
{
    (void) c;

    calling = 0;

    if (reply != NULL && reply->type == REDIS_REPLY_ERROR) {
        ngx_http_cos_rconn_complain(&ngx_http_cos_link.data,
                                    "the seq clock is not kept: %s",
                                    reply->str);
    }
}
