/*
 * module: what counters and access log both say about a request that ends.
 */

#ifndef NGX_HTTP_COS_ACCOUNT_H
#define NGX_HTTP_COS_ACCOUNT_H

#include "ngx_http_cos.h"


/* What was answered, as nginx logs it; 0: nothing. */
static inline ngx_uint_t
ngx_http_cos_account_status(ngx_http_request_t *r)
{
    return r->err_status ? r->err_status : r->headers_out.status;
}


/* UNSUPPORTED for what could not be named. */
static inline cos_op_e
ngx_http_cos_account_op(ngx_http_cos_ctx_t *ctx)
{
    return ctx->named ? ctx->name.op : COS_OP_UNSUPPORTED;
}


/* Also for refusals that nginx itself made up. A client that went away is no
 * error of the API. */
static inline cos_err_e
ngx_http_cos_account_error(ngx_http_cos_ctx_t *ctx)
{
    ngx_uint_t  status;

    if (ctx->error != COS_OK) {
        return ctx->error;
    }

    status = ngx_http_cos_account_status(ctx->request);

    /* conditions are answered without an error document */
    if (status < 400 || status == NGX_HTTP_CLIENT_CLOSED_REQUEST) {
        return COS_OK;
    }

    return ngx_http_cos_err_of_status(status);
}


/* From the request's first byte until now, in ms of nginx's cached clock. */
static inline ngx_msec_int_t
ngx_http_cos_account_ms(ngx_http_request_t *r)
{
    ngx_time_t      *tp;
    ngx_msec_int_t   ms;

    tp = ngx_timeofday();
    ms = (ngx_msec_int_t) ((tp->sec - r->start_sec) * 1000
                           + ((ngx_msec_int_t) tp->msec
                              - (ngx_msec_int_t) r->start_msec));

    return ngx_max(ms, 0);
}

#endif
