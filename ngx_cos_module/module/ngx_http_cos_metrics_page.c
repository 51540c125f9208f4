/*
 * The page that shows the counters, in the Prometheus text format 0.0.4. One
 * table holds every metric.
 */

#include "ngx_http_cos.h"
#include "ngx_http_cos_metrics.h"
#include "ngx_http_cos_counters.h"


#define PREFIX       "ngx_cos_"

/* What a page is made from. */
typedef struct {
    cos_buf_t                    b;
    cos_alloc_t                  alloc;
    counters_t                   sum;
    ngx_http_cos_redis_stats_t   redis;
    ngx_http_cos_cache_stats_t   cache;
    ngx_atomic_t                 redis_up;
    ngx_atomic_t                 writable;
} page_t;

typedef struct metric_s  metric_t;

struct metric_s {
    const char    *name;
    const char    *type;
    const char    *help;
    void         (*rows)(page_t *p, const metric_t *m);
    size_t         off;               /* in page_t, for a single value */
};


static ngx_int_t handler(ngx_http_request_t *r);
static ngx_int_t send_page(ngx_http_request_t *r, cos_buf_t *b);

static void rows_requests(page_t *p, const metric_t *m);
static void rows_statuses(page_t *p, const metric_t *m);
static void rows_by_op(page_t *p, const metric_t *m);
static void rows_took(page_t *p, const metric_t *m);
static void rows_errors(page_t *p, const metric_t *m);
static void rows_value(page_t *p, const metric_t *m);
static void rows_seconds(page_t *p, const metric_t *m);


/* Every metric, in the order of the page: name, type, help, rows, where the
 * value is. docs/metrics.md repeats it and t/metrics.t compares. */
#define METRIC_LIST(X)                                                        \
    X("requests_total", "counter",                                            \
      "Requests by operation and class of the answer's status.",              \
      rows_requests, sum)                                                     \
    X("responses_total", "counter", "Answers by status.",                     \
      rows_statuses, sum)                                                     \
    X("errors_total", "counter",                                              \
      "Refusals by their name in the error table and the code sent.",         \
      rows_errors, sum)                                                       \
    X("received_bytes_total", "counter",                                      \
      "Bytes of requests with their headers, by operation.",                  \
      rows_by_op, sum.received)                                               \
    X("sent_bytes_total", "counter",                                          \
      "Bytes of answers with their headers, by operation.",                   \
      rows_by_op, sum.sent)                                                   \
    X("request_duration_seconds", "histogram",                                \
      "Time from a request's first byte to the end of its answer.",           \
      rows_took, sum)                                                         \
    X("redis_up", "gauge",                                                    \
      "Whether the worker that made this page can use Redis.",                \
      rows_value, redis_up)                                                   \
    X("redis_calls_total", "counter", "Calls sent to Redis.",                 \
      rows_value, redis.calls)                                                \
    X("redis_errors_total", "counter", "Calls that Redis refused.",           \
      rows_value, redis.errors)                                               \
    X("redis_timeouts_total", "counter",                                      \
      "Connections to Redis dropped for want of a reply.",                    \
      rows_value, redis.timeouts)                                             \
    X("redis_reconnects_total", "counter",                                    \
      "Connections to Redis that were opened again.",                         \
      rows_value, redis.reconnects)                                           \
    X("redis_call_seconds_total", "counter",                                  \
      "Time that calls waited for their replies, summed.",                    \
      rows_seconds, redis.latency_us)                                         \
    X("cache_hits_total", "counter",                                          \
      "Records found in the shared cache.", rows_value, cache.hits)           \
    X("cache_misses_total", "counter",                                        \
      "Records that were not in the shared cache.",                           \
      rows_value, cache.misses)                                               \
    X("cache_evictions_total", "counter",                                     \
      "Records that made room for others.", rows_value, cache.evictions)      \
    X("cache_invalidations_total", "counter",                                 \
      "Records dropped because they changed.",                                \
      rows_value, cache.invalidations)                                        \
    X("cache_flushes_total", "counter",                                       \
      "Times the shared cache was emptied.", rows_value, cache.flushes)       \
    X("store_writable", "gauge",                                              \
      "Whether the worker that made this page can store data.",               \
      rows_value, writable)                                                   \
    X("store_appends_total", "counter",                                       \
      "Records appended to packs.", rows_value, sum.store.appends)            \
    X("store_append_batches_total", "counter",                                \
      "Writes that appended them, each with one sync.",                       \
      rows_value, sum.store.batches)                                          \
    X("store_append_bytes_total", "counter",                                  \
      "Bytes appended to packs.", rows_value, sum.store.append_bytes)         \
    X("store_append_seconds_total", "counter",                                \
      "Time that appends took until they were durable, summed.",              \
      rows_seconds, sum.store.append_us)                                      \
    X("store_append_errors_total", "counter",                                 \
      "Appends that failed.", rows_value, sum.store.errors)                   \
    X("store_opens_total", "counter",                                         \
      "Containers opened for reading.", rows_value, sum.store.opens)

static const metric_t  metrics[] = {
#define METRIC_ROW(name, type, help, rows, off)                               \
    { PREFIX name, type, help, rows, offsetof(page_t, off) },
    METRIC_LIST(METRIC_ROW)
#undef METRIC_ROW
};

static const char *const  status_names[] = {
#define STATUS_NAME(n)  #n,
    STATUS_LIST(STATUS_NAME)
#undef STATUS_NAME
    "other"
};

static const char *const  bound_names[] = {
#define BOUND_NAME(ms, text)  text,
    BOUND_LIST(BOUND_NAME)
#undef BOUND_NAME
    "+Inf"
};

static const char *const  class_names[CLASS_MAX] = {
    "2xx", "3xx", "4xx", "5xx", "other"
};

static const char *const  group_names[GROUP_MAX] = {
    "other", "get", "put", "list"
};

static const struct {
    const char  *name;
    cos_err_e    err;
} errors[] = {
#define ERROR_ROW(id, status, code, message)  { #id, COS_E_##id },
    COS_ERR_LIST(ERROR_ROW)
#undef ERROR_ROW
};


/* --- the page ------------------------------------------------------------ */

char *
ngx_http_cos_conf_metrics(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    (void) cmd;
    (void) conf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler == handler) {
        return "is duplicate";
    }

    clcf->handler = handler;

    /* the zone may be wanted here alone */
    return ngx_http_cos_metrics_add(cf, &ngx_http_cos_module) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* Fills *p with sums and snapshots. */
static void
collect(page_t *p)
{
    ngx_http_cos_redis_stats_t  *redis;
    ngx_http_cos_cache_stats_t  *cache;

    ngx_http_cos_counters_sum(&p->sum);

    redis = ngx_http_cos_redis_stats();
    if (redis) {
        p->redis = *redis;
    }

    cache = ngx_http_cos_cache_stats();
    if (cache) {
        p->cache = *cache;
    }

    p->redis_up = ngx_http_cos_redis_ready();
    p->writable = ngx_http_cos_store_writable();
}


static void *
pool_alloc(void *data, size_t size)
{
    return ngx_palloc(data, size);
}


static ngx_int_t
handler(ngx_http_request_t *r)
{
    page_t            *p;
    ngx_int_t          rc;
    ngx_uint_t         i;
    static ngx_str_t   methods = ngx_string("GET, HEAD");

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        if (ngx_http_cos_set_header(r, "Allow", &methods) != NGX_OK) {
            return NGX_ERROR;
        }

        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    p = ngx_pcalloc(r->pool, sizeof(page_t));
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p->alloc.alloc = pool_alloc;
    p->alloc.ctx = r->pool;
    cos_buf_init(&p->b, &p->alloc, 32 * 1024);

    collect(p);

    for (i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
        cos_buf_lit(&p->b, "# HELP ");
        cos_buf_cstr(&p->b, metrics[i].name);
        cos_buf_char(&p->b, ' ');
        cos_buf_cstr(&p->b, metrics[i].help);
        cos_buf_lit(&p->b, "\n# TYPE ");
        cos_buf_cstr(&p->b, metrics[i].name);
        cos_buf_char(&p->b, ' ');
        cos_buf_cstr(&p->b, metrics[i].type);
        cos_buf_char(&p->b, '\n');

        metrics[i].rows(p, &metrics[i]);
    }

    rc = ngx_http_cos_metrics_buckets(r, &p->b, send_page);

    return rc == NGX_DECLINED ? send_page(r, &p->b)
           : rc == NGX_ERROR ? NGX_HTTP_INTERNAL_SERVER_ERROR : rc;
}


static ngx_int_t
send_page(ngx_http_request_t *r, cos_buf_t *b)
{
    ngx_int_t     rc;
    ngx_buf_t    *buf;
    ngx_chain_t   out;

    buf = ngx_calloc_buf(r->pool);

    if (buf == NULL || b->err) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_set(&r->headers_out.content_type, "text/plain; version=0.0.4");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = b->len;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    buf->pos = b->data;
    buf->last = b->data + b->len;
    buf->memory = 1;
    buf->last_buf = (r == r->main);
    buf->last_in_chain = 1;

    out.buf = buf;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


/* --- rows ---------------------------------------------------------------- */

/* The name with up to two labels; a value follows. */
static void
row(page_t *p, const metric_t *m, const char *suffix, const char *label1,
    const char *value1, const char *label2, const char *value2)
{
    cos_buf_cstr(&p->b, m->name);
    cos_buf_cstr(&p->b, suffix);

    if (label1) {
        cos_buf_char(&p->b, '{');
        cos_buf_cstr(&p->b, label1);
        cos_buf_lit(&p->b, "=\"");
        cos_buf_cstr(&p->b, value1);

        if (label2) {
            cos_buf_lit(&p->b, "\",");
            cos_buf_cstr(&p->b, label2);
            cos_buf_lit(&p->b, "=\"");
            cos_buf_cstr(&p->b, value2);
        }

        cos_buf_lit(&p->b, "\"}");
    }

    cos_buf_char(&p->b, ' ');
}


static void
number(page_t *p, uint64_t n)
{
    cos_buf_uint(&p->b, n);
    cos_buf_char(&p->b, '\n');
}


static void
seconds(page_t *p, uint64_t us)
{
    u_char  text[2 * NGX_INT64_LEN];

    cos_buf_add(&p->b, text, ngx_sprintf(text, "%uL.%06uL\n", us / 1000000,
                                         us % 1000000)
                             - text);
}


static void
rows_requests(page_t *p, const metric_t *m)
{
    ngx_uint_t  op, n;

    for (op = 0; op < COS_OP_MAX; op++) {
        for (n = 0; n < CLASS_MAX; n++) {
            row(p, m, "", "op", cos_op_name(op), "class", class_names[n]);
            number(p, p->sum.requests[op][n]);
        }
    }
}


static void
rows_statuses(page_t *p, const metric_t *m)
{
    ngx_uint_t  i;

    for (i = 0; i < STATUS_MAX; i++) {
        row(p, m, "", "status", status_names[i], NULL, NULL);
        number(p, p->sum.statuses[i]);
    }
}


static void
rows_by_op(page_t *p, const metric_t *m)
{
    ngx_uint_t     op;
    ngx_atomic_t  *value;

    value = (ngx_atomic_t *) ((u_char *) p + m->off);

    for (op = 0; op < COS_OP_MAX; op++) {
        row(p, m, "", "op", cos_op_name(op), NULL, NULL);
        number(p, value[op]);
    }
}


static void
rows_took(page_t *p, const metric_t *m)
{
    uint64_t    total;
    ngx_uint_t  g, i;

    for (g = 0; g < GROUP_MAX; g++) {
        total = 0;

        for (i = 0; i < BOUND_MAX; i++) {
            total += p->sum.took[g][i];
            row(p, m, "_bucket", "group", group_names[g], "le",
                bound_names[i]);
            number(p, total);
        }

        row(p, m, "_sum", "group", group_names[g], NULL, NULL);
        seconds(p, (uint64_t) p->sum.took_ms[g] * 1000);

        row(p, m, "_count", "group", group_names[g], NULL, NULL);
        number(p, total);
    }
}


static void
rows_errors(page_t *p, const metric_t *m)
{
    ngx_uint_t  i;

    for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        row(p, m, "", "error", errors[i].name, "code",
            cos_err_info(errors[i].err)->code);
        number(p, p->sum.errors[errors[i].err]);
    }
}


static void
rows_value(page_t *p, const metric_t *m)
{
    row(p, m, "", NULL, NULL, NULL, NULL);
    number(p, *(ngx_atomic_t *) ((u_char *) p + m->off));
}


static void
rows_seconds(page_t *p, const metric_t *m)
{
    row(p, m, "", NULL, NULL, NULL, NULL);
    seconds(p, *(ngx_atomic_t *) ((u_char *) p + m->off));
}
