/*
 * module: counters of all workers in shared memory, and the page that shows
 * them in the Prometheus text format.
 */

#ifndef NGX_HTTP_COS_METRICS_H
#define NGX_HTTP_COS_METRICS_H

#include "ngx_http_cos.h"

#pragma GCC visibility push(hidden)

/* Declares the zone; at configuration time, once. */
ngx_int_t ngx_http_cos_metrics_add(ngx_conf_t *cf, void *tag);
/* Counts a request that ends (log phase). */
void ngx_http_cos_metrics_count(ngx_http_cos_ctx_t *ctx);
/* Sends the page. */
typedef ngx_int_t (*ngx_http_cos_metrics_send_pt)(ngx_http_request_t *r,
    cos_buf_t *b);
/* Asks Redis what buckets hold, adds it to b (both of the request's pool), then
 * sends b. NGX_DONE: that happens later; NGX_DECLINED: Redis cannot be asked
 * and nothing will be sent; NGX_ERROR. */
ngx_int_t ngx_http_cos_metrics_buckets(ngx_http_request_t *r, cos_buf_t *b,
    ngx_http_cos_metrics_send_pt send);
char *ngx_http_cos_conf_metrics(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

#pragma GCC visibility pop

#endif
