/*
 * Counters in shared memory and the page that shows them.
 *
 * A worker counts into a slot of its own, so that no line of memory is fought
 * over, and with atomic adds: a worker that is about to quit and the one that
 * took its place after a reload share a slot. The page adds the slots up.
 *
 * The zone's name tells its layout. After an upgrade the new workers get a
 * zone of their own while the old ones finish in theirs.
 */

#include "ngx_http_cos.h"
#include "ngx_http_cos_metrics.h"
#include "ngx_http_cos_account.h"


/* Counts up when an index of the counters changes its meaning. */
#define LAYOUT       1
#define SLOTS        64
#define LINE         64               /* bytes of a cache line */
#define SPARE_PAGES  8                /* for the slab allocator itself */

#define PREFIX       "ngx_cos_"

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

typedef struct {
    counters_t   counters;
} __attribute__((aligned(LINE))) slot_t;

typedef struct {
    slot_t       slot[SLOTS];
} shared_t;

/* What a page is made from. */
typedef struct {
    cos_buf_t                    b;
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


static ngx_int_t init_zone(ngx_shm_zone_t *zone, void *data);
static counters_t *own_slot(void);
static void publish_store(counters_t *c);
static ngx_int_t handler(ngx_http_request_t *r);

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

static const unsigned  statuses[] = {
#define STATUS_ROW(n)  n,
    STATUS_LIST(STATUS_ROW)
#undef STATUS_ROW
};

static const char *const  status_names[] = {
#define STATUS_NAME(n)  #n,
    STATUS_LIST(STATUS_NAME)
#undef STATUS_NAME
    "other"
};

static const struct {
    ngx_msec_int_t   ms;
    const char      *text;
} bounds[] = {
#define BOUND_ROW(ms, text)  { ms, text },
    BOUND_LIST(BOUND_ROW)
#undef BOUND_ROW
};

static const char *const  class_names[CLASS_MAX] = {
    "2xx", "3xx", "4xx", "5xx", "other"
};

static const char *const  group_names[GROUP_MAX] = {
    "other", "get", "put", "list"
};

static const group_e  groups[COS_OP_MAX] = {
    [COS_OP_GET_OBJECT] = GROUP_GET,
    [COS_OP_HEAD_OBJECT] = GROUP_GET,
    [COS_OP_PUT_OBJECT] = GROUP_PUT,
    [COS_OP_COPY_OBJECT] = GROUP_PUT,
    [COS_OP_UPLOAD_PART] = GROUP_PUT,
    [COS_OP_UPLOAD_PART_COPY] = GROUP_PUT,
    [COS_OP_LIST_BUCKETS] = GROUP_LIST,
    [COS_OP_LIST_OBJECTS] = GROUP_LIST,
    [COS_OP_LIST_OBJECTS_V2] = GROUP_LIST,
    [COS_OP_LIST_UPLOADS] = GROUP_LIST,
    [COS_OP_LIST_PARTS] = GROUP_LIST
};

static const struct {
    const char  *name;
    cos_err_e    err;
} errors[] = {
#define ERROR_ROW(id, status, code, message)  { #id, COS_E_##id },
    COS_ERR_LIST(ERROR_ROW)
#undef ERROR_ROW
};


/* --- the zone ----------------------------------------------------------------- */

ngx_int_t
ngx_http_cos_metrics_add(ngx_conf_t *cf, void *tag)
{
    size_t           size;
    ngx_str_t        name;
    ngx_shm_zone_t  *zone;

    name.data = ngx_pnalloc(cf->pool, sizeof("cos_metrics...")
                                      + 3 * NGX_INT_T_LEN);
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    name.len = ngx_sprintf(name.data, "cos_metrics.%d.%d.%uz", LAYOUT,
                           (int) COS_OP_MAX, sizeof(counters_t))
               - name.data;

    size = ngx_align(sizeof(shared_t), ngx_pagesize)
           + SPARE_PAGES * ngx_pagesize;

    zone = ngx_shared_memory_add(cf, &name, size, tag);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = init_zone;

    return NGX_OK;
}


static ngx_int_t
init_zone(ngx_shm_zone_t *zone, void *data)
{
    shared_t         *sh;
    ngx_slab_pool_t  *pool;

    pool = (ngx_slab_pool_t *) zone->shm.addr;

    if (data) {
        zone->data = data;
        return NGX_OK;
    }

    if (zone->shm.exists) {
        zone->data = pool->data;
        return NGX_OK;
    }

    /* more than a page: begins on a page */
    sh = ngx_slab_calloc(pool, sizeof(shared_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    pool->data = sh;
    zone->data = sh;

    return NGX_OK;
}


/* The zone of this cycle. A static of configuration time could be that of a
 * reload that failed later. */
static shared_t *
attach(void)
{
    ngx_uint_t                    i;
    ngx_list_part_t              *part;
    ngx_shm_zone_t               *zone;
    static shared_t              *shared;
    static volatile ngx_cycle_t  *seen;

    if (seen == ngx_cycle) {
        return shared;
    }

    shared = NULL;
    seen = ngx_cycle;

    for (part = (ngx_list_part_t *) &ngx_cycle->shared_memory.part; part;
         part = part->next)
    {
        zone = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (zone[i].init == init_zone) {
                shared = zone[i].data;
            }
        }
    }

    return shared;
}


static counters_t *
own_slot(void)
{
    shared_t  *sh;

    sh = attach();

    return sh ? &sh->slot[ngx_worker % SLOTS].counters : NULL;
}


/* --- counting ----------------------------------------------------------------- */

static ngx_inline void
count(ngx_atomic_t *counter, ngx_atomic_int_t n)
{
    (void) ngx_atomic_fetch_add(counter, n);
}


static ngx_inline ngx_uint_t
class_of(ngx_uint_t status)
{
    return status >= 200 && status < 600 ? status / 100 - 2 : CLASS_OTHER;
}


static ngx_inline ngx_uint_t
status_index(ngx_uint_t status)
{
    ngx_uint_t  i;

    for (i = 0; i < STATUS_OTHER; i++) {
        if (statuses[i] == status) {
            break;
        }
    }

    return i;
}


static ngx_inline ngx_uint_t
bound_of(ngx_msec_int_t ms)
{
    ngx_uint_t  i;

    for (i = 0; i < BOUND_INF; i++) {
        if (ms <= bounds[i].ms) {
            break;
        }
    }

    return i;
}


void
ngx_http_cos_metrics_count(ngx_http_cos_ctx_t *ctx)
{
    cos_op_e             op;
    cos_err_e            err;
    counters_t          *c;
    ngx_uint_t           status;
    ngx_msec_int_t       ms;
    ngx_http_request_t  *r = ctx->request;

    c = own_slot();
    if (c == NULL) {
        return;
    }

    op = ngx_http_cos_account_op(ctx);
    status = ngx_http_cos_account_status(r);
    ms = ngx_http_cos_account_ms(r);
    err = ngx_http_cos_account_error(ctx);

    count(&c->requests[op][class_of(status)], 1);
    count(&c->statuses[status_index(status)], 1);
    count(&c->received[op], r->request_length);
    count(&c->sent[op], r->connection->sent);
    count(&c->took[groups[op]][bound_of(ms)], 1);

    if (ms) {
        count(&c->took_ms[groups[op]], ms);
    }

    if (err != COS_OK) {
        count(&c->errors[err], 1);
    }

    publish_store(c);
}


/* The store counts in this process; what was added since the last request
 * goes into the slot, which outlives the process. */
static void
publish_store(counters_t *c)
{
    ngx_uint_t                         i;
    ngx_atomic_t                      *local, *last, *slot;
    ngx_atomic_uint_t                  now;
    static ngx_http_cos_store_stats_t  published;

    local = (ngx_atomic_t *) ngx_http_cos_store_stats();
    last = (ngx_atomic_t *) &published;
    slot = (ngx_atomic_t *) &c->store;

    for (i = 0; i < sizeof(published) / sizeof(ngx_atomic_t); i++) {
        now = local[i];

        if (now == last[i]) {
            continue;
        }

        /* a store that began anew (without master process) counts from 0 */
        count(&slot[i], now > last[i] ? now - last[i] : now);
        last[i] = now;
    }
}


/* --- the page ----------------------------------------------------------------- */

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
    shared_t                    *sh;
    ngx_uint_t                   i, n;
    counters_t                  *own;
    ngx_atomic_t                *sum, *slot;
    ngx_http_cos_redis_stats_t  *redis;
    ngx_http_cos_cache_stats_t  *cache;

    own = own_slot();
    sh = attach();

    if (sh) {
        publish_store(own);

        sum = (ngx_atomic_t *) &p->sum;

        for (n = 0; n < SLOTS; n++) {
            slot = (ngx_atomic_t *) &sh->slot[n].counters;

            for (i = 0; i < sizeof(counters_t) / sizeof(ngx_atomic_t); i++) {
                sum[i] += slot[i];
            }
        }
    }

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
    ngx_buf_t         *buf;
    ngx_int_t          rc;
    ngx_uint_t         i;
    cos_alloc_t        alloc;
    ngx_chain_t        out;
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
    buf = ngx_calloc_buf(r->pool);
    if (p == NULL || buf == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    alloc.alloc = pool_alloc;
    alloc.ctx = r->pool;
    cos_buf_init(&p->b, &alloc, 32 * 1024);

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

    if (p->b.err) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_set(&r->headers_out.content_type, "text/plain; version=0.0.4");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = p->b.len;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    buf->pos = p->b.data;
    buf->last = p->b.data + p->b.len;
    buf->memory = 1;
    buf->last_buf = (r == r->main);
    buf->last_in_chain = 1;

    out.buf = buf;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


/* --- rows --------------------------------------------------------------------- */

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
                i == BOUND_INF ? "+Inf" : bounds[i].text);
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
