/*
 * x-cos-traffic-limit: how fast a request's bytes may go, either way. Answers
 * are nginx's to slow down. Bodies are slowed down by not taking more of them:
 * what has come stays in the socket, and the client's sending with it.
 *
 * A limit takes nothing from anybody but who asks, so it needs no signature;
 * but where several are given the least counts, so that nobody loosens one that
 * was signed by adding another.
 */

#include "ngx_http_cos_commit.h"


#define LIMIT_MIN  819200             /* bits a second */
#define LIMIT_MAX  838860800
#define WAIT_MAX   1000               /* ms until it is looked at again */


static ngx_uint_t
is_limit(cos_str_t name)
{
    return cos_str_iis(name, "x-cos-traffic-limit")
           || cos_str_iis(name, "x-bce-traffic-limit")
           || cos_str_iis(name, "x-amz-traffic-limit");
}


static cos_err_e
take_limit(ngx_http_cos_ctx_t *ctx, cos_str_t value, uint64_t *least)
{
    uint64_t  n;

    if (value.len == 0) {
        return COS_OK;
    }

    if (cos_str_uint(value, &n) != 0 || n < LIMIT_MIN || n > LIMIT_MAX) {
        ctx->reason = "the traffic limit must be from 819200 to 838860800 "
                      "bits a second";
        return COS_E_INVALID_ARGUMENT;
    }

    if (*least == 0 || n / 8 < *least) {
        *least = n / 8;
    }

    return COS_OK;
}


/* The administrator's limit holds, too. */
static void
limit_answer(ngx_http_request_t *r, uint64_t rate)
{
    size_t                     own;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    own = r->limit_rate_set ? r->limit_rate
                  : ngx_http_complex_value_size(r, clcf->limit_rate, 0);

    r->limit_rate = own && own < rate ? own : (size_t) rate;
    r->limit_rate_set = 1;
}


cos_err_e
ngx_http_cos_pace(ngx_http_cos_ctx_t *ctx)
{
    size_t     i;
    uint64_t   rate;
    cos_err_e  err;

    rate = ctx->pace.rate;

    for (i = 0; i < ctx->http.nheaders; i++) {
        if (is_limit(ctx->http.headers[i].name)
            && (err = take_limit(ctx, ctx->http.headers[i].value, &rate))
               != COS_OK)
        {
            return err;
        }
    }

    for (i = 0; i < ctx->http.args.n; i++) {
        if (is_limit(ctx->http.args.v[i].name)
            && (err = take_limit(ctx, ctx->http.args.v[i].value, &rate))
               != COS_OK)
        {
            return err;
        }
    }

    if (rate != ctx->pace.rate) {
        ctx->pace.rate = rate;
        ctx->pace.since = ngx_current_msec;
        limit_answer(ctx->request, rate);
    }

    return COS_OK;
}


ngx_int_t
ngx_http_cos_paced(ngx_http_cos_ctx_t *ctx)
{
    cos_err_e             err;
    ngx_http_cos_step_pt  begin;

    begin = ngx_http_cos_ops[ctx->name.op].begin;

    switch (ctx->name.op) {

    case COS_OP_GET_OBJECT:
    case COS_OP_PUT_OBJECT:
    case COS_OP_POST_OBJECT:
    case COS_OP_APPEND_OBJECT:
    case COS_OP_UPLOAD_PART:
        err = ngx_http_cos_pace(ctx);

        if (err != COS_OK) {
            return ngx_http_cos_fail(ctx, err, ctx->reason);
        }

        break;

    default:
        break;
    }

    switch (ctx->name.op) {

    case COS_OP_PUT_BUCKET:
    case COS_OP_PUT_BUCKET_ACL:
    case COS_OP_PUT_OBJECT:
    case COS_OP_PUT_OBJECT_ACL:
    case COS_OP_PUT_SYMLINK:
    case COS_OP_APPEND_OBJECT:
    case COS_OP_COPY_OBJECT:
    case COS_OP_CREATE_UPLOAD:
        return ngx_http_cos_acl_named(ctx, begin);

    default:
        return ngx_http_cos_goto(ctx, begin);
    }
}


static void
in_time(ngx_event_t *ev)
{
    ev->timedout = 0;

    ngx_http_cos_arrived(ev->data);
}


ngx_int_t
ngx_http_cos_pace_wait(ngx_http_cos_ctx_t *ctx, ngx_http_cos_step_pt next)
{
    uint64_t              due, gone;
    ngx_http_cos_pace_t  *p = &ctx->pace;

    if (p->rate == 0) {
        return NGX_OK;
    }

    if (p->timer.timer_set) {
        return NGX_AGAIN;
    }

    due = ctx->bytes_in * 1000 / p->rate;
    gone = (ngx_msec_t) (ngx_current_msec - p->since);

    if (due <= gone) {
        return NGX_OK;
    }

    p->timer.handler = in_time;
    p->timer.data = ctx;
    p->timer.log = ctx->request->connection->log;

    /* the timer holds the request: it must not do so for long when the client
     * has left */
    ngx_add_timer(&p->timer, ngx_min(due - gone, WAIT_MAX));
    ngx_http_cos_expect(ctx, next);

    return NGX_AGAIN;
}
