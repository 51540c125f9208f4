/*
 * store: the group commit. At most one batch is being written into each
 * directory; all that arrives for it meanwhile, or in one turn of the event
 * loop, goes into the next one and shares its write and its fdatasync. A pack is created by the first batch
 * that needs it, in the same task.
 */

#include "ngx_http_cos_store_int.h"


#define BATCH_RECORDS  256
#define BATCH_BYTES    (8 * 1024 * 1024)
/* After a pack could not be created for want of space, data is refused for so
 * long (ms) without another attempt. */
#define FULL_PAUSE     500


/* err and urgent_err: of the data and of the urgent records. They are the
 * same unless the disk is full. */
typedef struct {
    ngx_thread_task_t       task;
    ngx_uint_t              slot;
    ngx_queue_t             waiting;  /* appends, in order of arrival */
    ngx_msec_t              full_until;
    unsigned                busy:1;
    ngx_http_cos_pack_t    *pack;     /* current when the batch was taken */
    ngx_http_cos_pack_t    *fresh;    /* to be created and written instead */
    ngx_uint_t              n;
    ngx_uint_t              nurgent;
    ngx_uint_t              writes;
    cos_err_e               create_err;
    cos_err_e               err;
    cos_err_e               urgent_err;
    ngx_http_cos_append_t  *apps[BATCH_RECORDS];
    cos_pack_rec_t         *recs[BATCH_RECORDS];
    cos_pack_rec_t         *urgent[BATCH_RECORDS];
} batch_t;


static void post_all(ngx_event_t *ev);
static void batch_post(batch_t *b);
static uint64_t batch_take(batch_t *b);
static ngx_int_t batch_choose(batch_t *b, uint64_t need);
static void batch_refuse(batch_t *b, cos_err_e err);
static void batch_run(void *ctx, ngx_log_t *log);
static void batch_write(batch_t *b, cos_pack_t *p);
static void batch_write_urgent(batch_t *b, cos_pack_t *p);
static void batch_done(ngx_event_t *ev);
static ngx_http_cos_pack_t *batch_target(batch_t *b);
static void batch_not_created(batch_t *b);
static void batch_results(batch_t *b, ngx_http_cos_pack_t *p);
static void refuse(ngx_http_cos_append_t *a, cos_err_e err);
static void deliver(ngx_event_t *ev);
static void finish(ngx_http_cos_append_t *a);
static void log_full(const char *what);
static uint64_t now_us(void);


static ngx_queue_t   refused;         /* only their handlers are to be called */
static batch_t       batches[COS_SLOTS];
static ngx_event_t   post_event;
static ngx_event_t   deliver_event;
static time_t        full_logged;


void
ngx_http_cos_append_init(void)
{
    ngx_uint_t  i;

    ngx_queue_init(&refused);
    ngx_memzero(batches, sizeof(batches));

    for (i = 0; i < COS_SLOTS; i++) {
        batches[i].slot = i;
        batches[i].full_until = ngx_current_msec;
        ngx_queue_init(&batches[i].waiting);
        ngx_http_cos_task_init(&batches[i].task, &batches[i], batch_run,
                               batch_done);
    }

    ngx_memzero(&post_event, sizeof(ngx_event_t));
    post_event.handler = post_all;
    post_event.log = ngx_cycle->log;

    ngx_memzero(&deliver_event, sizeof(ngx_event_t));
    deliver_event.handler = deliver;
    deliver_event.log = ngx_cycle->log;

    full_logged = 0;
}


ngx_int_t
ngx_http_cos_store_append(ngx_http_cos_append_t *a)
{
    if (!ngx_http_cos_store_writable()) {
        return NGX_DECLINED;
    }

    a->err = COS_OK;
    a->start_us = now_us();

    ngx_queue_insert_tail(&batches[a->slot].waiting, &a->queue);

    ngx_http_cos_append_start();

    return NGX_OK;
}


void
ngx_http_cos_append_start(void)
{
    ngx_uint_t  i;

    for (i = 0; i < COS_SLOTS; i++) {
        if (!batches[i].busy && !ngx_queue_empty(&batches[i].waiting)) {
            /* at the end of this turn of the loop, so that its other requests
             * join */
            ngx_post_event(&post_event, &ngx_posted_events);
            return;
        }
    }
}


static void
post_all(ngx_event_t *ev)
{
    ngx_uint_t  i;

    (void) ev;

    for (i = 0; i < COS_SLOTS; i++) {
        batch_post(&batches[i]);
    }
}


static void
batch_post(batch_t *b)
{
    uint64_t  need;

    if (b->busy || ngx_queue_empty(&b->waiting)
        || !ngx_http_cos_store_writable())
    {
        return;
    }

    need = batch_take(b);

    if (batch_choose(b, need) != NGX_OK) {
        batch_refuse(b, COS_E_UNAVAILABLE);
        return;
    }

    if (ngx_http_cos_task_post(&b->task) != NGX_OK) {
        batch_refuse(b, COS_E_SLOW_DOWN);
        return;
    }

    b->busy = 1;

    if (b->pack) {
        b->pack->busy = 1;
    }

    if (b->fresh) {
        b->fresh->busy = 1;
    }
}


static uint64_t
batch_take(batch_t *b)
{
    uint64_t                len, need, max;
    ngx_queue_t            *q;
    ngx_http_cos_append_t  *a;

    b->n = 0;
    b->nurgent = 0;
    need = 0;

    /* the rest of a pack that a batch does not fit into stays unused */
    max = ngx_min((uint64_t) BATCH_BYTES,
                  (uint64_t) ngx_http_cos_store.conf->container_size / 4);

    while (b->n < BATCH_RECORDS && !ngx_queue_empty(&b->waiting)) {
        q = ngx_queue_head(&b->waiting);
        a = ngx_queue_data(q, ngx_http_cos_append_t, queue);

        len = COS_REC_HEAD + a->rec.payload.len + a->rec.json.len
              + COS_GAP_MAX;
        len = (len + COS_REC_ALIGN - 1) & ~(uint64_t) (COS_REC_ALIGN - 1);

        if (b->n && need + len > max) {
            break;
        }

        /* intrusive queues: NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
        ngx_queue_remove(q);

        need += len;
        b->apps[b->n] = a;
        b->recs[b->n++] = &a->rec;

        if (a->urgent) {
            b->urgent[b->nurgent++] = &a->rec;
        }
    }

    return need;
}


/* Decides whether the batch still goes into the current pack. */
static ngx_int_t
batch_choose(batch_t *b, uint64_t need)
{
    ngx_http_cos_inc_t  *inc;

    b->pack = ngx_http_cos_store.pack[b->slot];
    b->fresh = NULL;
    b->create_err = COS_OK;

    if (b->pack && cos_pack_fits(&b->pack->pack, need)) {
        return NGX_OK;
    }

    if ((ngx_msec_int_t) (b->full_until - ngx_current_msec) > 0) {
        b->create_err = COS_E_DISK_FULL;
        return NGX_OK;
    }

    inc = ngx_http_cos_store.inc;

    if (inc->packs == COS_CID_N_MASK) {
        ngx_http_cos_store_fail();
        return NGX_ERROR;
    }

    b->fresh = ngx_http_cos_pack_new(inc, b->slot);

    return b->fresh ? NGX_OK : NGX_ERROR;
}


/* The batch could not be posted. */
static void
batch_refuse(batch_t *b, cos_err_e err)
{
    ngx_uint_t  i;

    if (b->fresh) {
        ngx_http_cos_pack_free(b->fresh);
        b->fresh = NULL;
    }

    for (i = 0; i < b->n; i++) {
        refuse(b->apps[i], err);
    }

    ngx_http_cos_append_start();
}


static void
batch_run(void *ctx, ngx_log_t *log)
{
    batch_t              *b = ctx;
    ngx_http_cos_pack_t  *p;

    (void) log;

    b->writes = 0;
    p = b->pack;

    if (b->fresh) {
        p = b->fresh;
        b->create_err = cos_pack_create(&p->pack, &ngx_http_cos_store.dir,
                                   p->cid,
                                   ngx_http_cos_store.conf->container_size);
    }

    if (b->create_err == COS_OK) {
        batch_write(b, &p->pack);
        return;
    }

    b->err = b->create_err;
    b->urgent_err = b->create_err;

    /* no space for another pack: this is what the old one's reserve is for */
    if (b->create_err == COS_E_DISK_FULL && b->pack && b->nurgent) {
        batch_write_urgent(b, &b->pack->pack);
    }
}


static void
batch_write(batch_t *b, cos_pack_t *p)
{
    b->err = cos_pack_write(p, b->recs, b->n, b->nurgent == b->n);
    b->urgent_err = b->err;
    b->writes++;

    if (b->err == COS_E_DISK_FULL && p->err == 0
        && b->nurgent > 0 && b->nurgent < b->n)
    {
        batch_write_urgent(b, p);
    }
}


static void
batch_write_urgent(batch_t *b, cos_pack_t *p)
{
    b->urgent_err = cos_pack_write(p, b->urgent, b->nurgent, 1);
    b->writes++;
}


static void
batch_done(ngx_event_t *ev)
{
    batch_t                *b = ev->data;
    ngx_uint_t              i, n;
    ngx_http_cos_pack_t    *p, *old, *fresh;
    ngx_http_cos_append_t  *apps[BATCH_RECORDS];

    if (ngx_http_cos_task_running(ev)) {
        return;
    }

    b->busy = 0;

    old = b->pack;
    p = batch_target(b);
    fresh = b->fresh;

    batch_results(b, p);

    if (p && p->pack.err) {
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, p->pack.err,
                      "cos: writing container %012xL failed", p->cid);
        ngx_http_cos_pack_retire(p);
        ngx_http_cos_store_fail();
    }

    /* either may have been retired while the thread had it */
    if (old) {
        old->busy = 0;
        ngx_http_cos_pack_close(old);
    }

    if (fresh) {
        fresh->busy = 0;
        ngx_http_cos_pack_close(fresh);
    }

    n = b->n;
    ngx_memcpy(apps, b->apps, n * sizeof(ngx_http_cos_append_t *));

    /* the next batch need not wait for the handlers */
    batch_post(b);

    for (i = 0; i < n; i++) {
        finish(apps[i]);
    }
}


/* The pack that was written to: the fresh one if it came into being. */
static ngx_http_cos_pack_t *
batch_target(batch_t *b)
{
    if (b->fresh == NULL) {
        if (b->err == COS_E_DISK_FULL) {
            log_full("record");
        }

        return b->pack;
    }

    if (b->create_err == COS_OK) {
        if (b->pack) {
            ngx_http_cos_pack_retire(b->pack);
        }

        /* unless end() or begin() came meanwhile */
        if (!b->fresh->retired) {
            ngx_http_cos_store.pack[b->slot] = b->fresh;
        }

        return b->fresh;
    }

    batch_not_created(b);

    return b->pack;
}


/* Nothing is damaged then, so the incarnation goes on, and the old pack. */
static void
batch_not_created(batch_t *b)
{
    ngx_err_t  err;

    if (b->create_err == COS_E_DISK_FULL) {
        b->full_until = ngx_current_msec + FULL_PAUSE;
        log_full("container");

    } else {
        err = b->fresh->pack.err;

        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, err,
                      "cos: creating container %012xL failed",
                      b->fresh->cid);

        if (err == NGX_EMFILE || err == NGX_ENFILE) {
            ngx_http_cos_store_close_idle();
        }
    }

    ngx_http_cos_pack_free(b->fresh);
    b->fresh = NULL;
}


/* Before any handler runs: resolved() must find its record counted. */
static void
batch_results(batch_t *b, ngx_http_cos_pack_t *p)
{
    ngx_uint_t              i;
    ngx_http_cos_append_t  *a;

    ngx_http_cos_store.stats.batches += b->writes;

    for (i = 0; i < b->n; i++) {
        a = b->apps[i];
        a->err = a->urgent ? b->urgent_err : b->err;

        if (a->err == COS_OK) {
            ngx_http_cos_store.stats.append_bytes += a->rec.payload.len
                                                     + a->rec.json.len;

            if (a->rec.kind != COS_J_VOID) {
                p->unresolved++;
            }
        }
    }
}


void
ngx_http_cos_append_refuse(cos_err_e err)
{
    ngx_uint_t              i;
    ngx_queue_t            *q;
    ngx_http_cos_append_t  *a;

    for (i = 0; i < COS_SLOTS; i++) {
        while (!ngx_queue_empty(&batches[i].waiting)) {
            q = ngx_queue_head(&batches[i].waiting);
            ngx_queue_remove(q);

            a = ngx_queue_data(q, ngx_http_cos_append_t, queue);
            refuse(a, err);
        }
    }
}


/* Never calls the handler: the caller may be deep inside something else. */
static void
refuse(ngx_http_cos_append_t *a, cos_err_e err)
{
    a->err = err;

    ngx_queue_insert_tail(&refused, &a->queue);
    ngx_post_event(&deliver_event, &ngx_posted_events);
}


static void
deliver(ngx_event_t *ev)
{
    ngx_queue_t            *q;
    ngx_http_cos_append_t  *a;

    (void) ev;

    while (!ngx_queue_empty(&refused)) {
        q = ngx_queue_head(&refused);
        ngx_queue_remove(q);

        a = ngx_queue_data(q, ngx_http_cos_append_t, queue);
        finish(a);
    }
}


static void
finish(ngx_http_cos_append_t *a)
{
    ngx_http_cos_store_stats_t  *stats;

    stats = &ngx_http_cos_store.stats;

    stats->appends++;
    stats->append_us += now_us() - a->start_us;

    if (a->err != COS_OK) {
        stats->errors++;
    }

    a->handler(a);
}


static void
log_full(const char *what)
{
    if (ngx_time() - full_logged < 10) {
        return;
    }

    full_logged = ngx_time();

    ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                  "cos: no space left on the disk for another %s", what);
}


static uint64_t
now_us(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}
