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
char *ngx_http_cos_conf_metrics(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

#pragma GCC visibility pop

#endif
