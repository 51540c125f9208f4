/*
 * Counters in shared memory.
 *
 * A worker counts into a slot of its own, so that no line of memory is fought
 * over, and with atomic adds: a worker that is about to quit and the one that
 * took its place after a reload share a slot. Readers add the slots up.
 *
 * The zone's name tells its layout. After an upgrade the new workers get a
 * zone of their own while the old ones finish in theirs.
 */

#include "ngx_http_cos.h"
#include "ngx_http_cos_metrics.h"
#include "ngx_http_cos_account.h"
#include "ngx_http_cos_counters.h"


/* Counts up when an index of the counters changes its meaning. */
#define LAYOUT       1
#define SLOTS        64
#define LINE         64               /* bytes of a cache line */
#define SPARE_PAGES  8                /* for the slab allocator itself */

typedef struct {
    counters_t   counters;
} __attribute__((aligned(LINE))) slot_t;

typedef struct {
    slot_t       slot[SLOTS];
} shared_t;


static ngx_int_t init_zone(ngx_shm_zone_t *zone, void *data);
static void publish_store(counters_t *c);


static const unsigned  statuses[] = {
#define STATUS_ROW(n)  n,
    STATUS_LIST(STATUS_ROW)
#undef STATUS_ROW
};

static const ngx_msec_int_t  bounds[] = {
#define BOUND_ROW(ms, text)  ms,
    BOUND_LIST(BOUND_ROW)
#undef BOUND_ROW
};

static const group_e  groups[COS_OP_MAX] = {
    [COS_OP_GET_OBJECT] = GROUP_GET,
    [COS_OP_HEAD_OBJECT] = GROUP_GET,
    [COS_OP_PUT_OBJECT] = GROUP_PUT,
    [COS_OP_COPY_OBJECT] = GROUP_PUT,
    [COS_OP_APPEND_OBJECT] = GROUP_PUT,
    [COS_OP_UPLOAD_PART] = GROUP_PUT,
    [COS_OP_UPLOAD_PART_COPY] = GROUP_PUT,
    [COS_OP_LIST_BUCKETS] = GROUP_LIST,
    [COS_OP_LIST_OBJECTS] = GROUP_LIST,
    [COS_OP_LIST_OBJECTS_V2] = GROUP_LIST,
    [COS_OP_LIST_UPLOADS] = GROUP_LIST,
    [COS_OP_LIST_PARTS] = GROUP_LIST
};


/* --- the zone ------------------------------------------------------------ */

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


/* --- counting ------------------------------------------------------------ */

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
        if (ms <= bounds[i]) {
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


/* --- reading ------------------------------------------------------------- */

void
ngx_http_cos_counters_sum(counters_t *sum)
{
    shared_t      *sh;
    ngx_uint_t     i, n;
    ngx_atomic_t  *to, *from;

    sh = attach();
    if (sh == NULL) {
        return;
    }

    publish_store(own_slot());

    to = (ngx_atomic_t *) sum;

    for (n = 0; n < SLOTS; n++) {
        from = (ngx_atomic_t *) &sh->slot[n].counters;

        for (i = 0; i < sizeof(counters_t) / sizeof(ngx_atomic_t); i++) {
            to[i] += from[i];
        }
    }
}
