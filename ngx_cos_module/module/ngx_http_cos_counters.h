/*
 * module: the counters in shared memory, between the file that counts and the
 * one that makes the page. Nobody else includes it.
 */

#ifndef NGX_HTTP_COS_COUNTERS_H
#define NGX_HTTP_COS_COUNTERS_H

#include "ngx_http_cos.h"

#pragma GCC visibility push(hidden)

typedef enum { CLASS_2XX = 0, CLASS_3XX, CLASS_4XX, CLASS_5XX, CLASS_OTHER,
               CLASS_MAX } class_e;

typedef enum { GROUP_OTHER = 0, GROUP_GET, GROUP_PUT, GROUP_LIST, GROUP_MAX }
    group_e;

/* Answers counted by their exact status; the last counts all others. */
#define STATUS_LIST(X)                                                        \
    X(200) X(204) X(206) X(304) X(400) X(403) X(404) X(409) X(412) X(416)     \
    X(499) X(500) X(501) X(503) X(507)

enum {
#define STATUS_ENUM(n)  STATUS_##n,
    STATUS_LIST(STATUS_ENUM)
#undef STATUS_ENUM
    STATUS_OTHER,
    STATUS_MAX
};

/* Bounds of the latency histogram: ms, text. nginx's clock has ticks of 1 ms:
 * what took none counts in the first. */
#define BOUND_LIST(X)                                                         \
    X(0, "0.0005") X(1, "0.001") X(2, "0.002") X(5, "0.005") X(10, "0.01")    \
    X(20, "0.02") X(50, "0.05") X(100, "0.1") X(200, "0.2") X(500, "0.5")     \
    X(1000, "1") X(2000, "2") X(5000, "5") X(10000, "10")

enum {
#define BOUND_ENUM(ms, text)  BOUND_##ms,
    BOUND_LIST(BOUND_ENUM)
#undef BOUND_ENUM
    BOUND_INF,
    BOUND_MAX
};

/* Nothing but ngx_atomic_t: it is summed word by word. */
typedef struct {
    ngx_atomic_t                 requests[COS_OP_MAX][CLASS_MAX];
    ngx_atomic_t                 received[COS_OP_MAX];
    ngx_atomic_t                 sent[COS_OP_MAX];
    ngx_atomic_t                 statuses[STATUS_MAX];
    ngx_atomic_t                 took[GROUP_MAX][BOUND_MAX];
    ngx_atomic_t                 took_ms[GROUP_MAX];
    ngx_atomic_t                 errors[COS_E_MAX];
    ngx_http_cos_store_stats_t   store;
} counters_t;

/* Adds the slots of all workers to *sum. */
void ngx_http_cos_counters_sum(counters_t *sum);

#pragma GCC visibility pop

#endif
