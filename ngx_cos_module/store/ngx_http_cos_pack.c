/*
 * store: the packs of a worker, from creation to their end.
 *
 * A pack is written by batches while it is current; then full (or out of
 * use for another reason); then, as soon as each record in it is resolved,
 * sealed in the background. A pack that failed, or whose records will never
 * be resolved because the link was lost, is abandoned: closed as it is, left
 * to recovery. While a batch is busy, cos_pack_t belongs to the thread.
 */

#include "ngx_http_cos_store_int.h"


static void pack_seal_run(ngx_http_cos_job_t *job);
static void pack_abandon_run(ngx_http_cos_job_t *job);
static void pack_close_done(ngx_http_cos_job_t *job);


static ngx_queue_t  packs;


void
ngx_http_cos_pack_init(void)
{
    ngx_queue_init(&packs);
}


ngx_http_cos_pack_t *
ngx_http_cos_pack_new(ngx_http_cos_inc_t *inc, ngx_uint_t slot)
{
    ngx_http_cos_pack_t  *p;

    p = ngx_calloc(sizeof(ngx_http_cos_pack_t), ngx_cycle->log);
    if (p == NULL) {
        return NULL;
    }

    p->slot = slot;
    p->cid = cos_cid(inc->id, slot, ++inc->packs);
    p->pack.fd = -1;
    p->inc = inc;
    inc->refs++;

    ngx_queue_insert_tail(&packs, &p->queue);

    return p;
}


void
ngx_http_cos_store_resolved(uint64_t cid)
{
    ngx_queue_t          *q;
    ngx_http_cos_pack_t  *p;

    for (q = ngx_queue_head(&packs);
         q != ngx_queue_sentinel(&packs);
         q = ngx_queue_next(q))
    {
        p = ngx_queue_data(q, ngx_http_cos_pack_t, queue);

        if (p->cid != cid) {
            continue;
        }

        if (p->unresolved == 0) {
            ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                          "cos: a record of container %012xL was resolved "
                          "twice", cid);
            return;
        }

        p->unresolved--;
        ngx_http_cos_pack_close(p);
        return;
    }
}


void
ngx_http_cos_pack_retire_all(ngx_uint_t drop)
{
    ngx_queue_t          *q;
    ngx_http_cos_pack_t  *p;

    for (q = ngx_queue_head(&packs);
         q != ngx_queue_sentinel(&packs);
         q = ngx_queue_next(q))
    {
        p = ngx_queue_data(q, ngx_http_cos_pack_t, queue);

        if (drop) {
            p->dropped = 1;
        }

        ngx_http_cos_pack_retire(p);
    }
}


void
ngx_http_cos_pack_retire(ngx_http_cos_pack_t *p)
{
    if (p == ngx_http_cos_store.pack[p->slot]) {
        ngx_http_cos_store.pack[p->slot] = NULL;
    }

    p->retired = 1;
    ngx_http_cos_pack_close(p);
}


void
ngx_http_cos_pack_close(ngx_http_cos_pack_t *p)
{
    ngx_http_cos_job_t  *job;

    if (!p->retired || p->busy || p->closing) {
        return;
    }

    job = &p->job;

    if (p->pack.err || (p->unresolved && p->dropped)) {
        job->run = pack_abandon_run;

    } else if (p->unresolved) {
        return;

    } else {
        job->run = pack_seal_run;
    }

    p->closing = 1;

    job->done = pack_close_done;
    job->data = p;

    ngx_http_cos_job_post(job);
}


static void
pack_seal_run(ngx_http_cos_job_t *job)
{
    cos_err_e             err;
    ngx_http_cos_pack_t  *p = job->data;

    err = cos_pack_seal(&p->pack);

    if (err != COS_OK) {
        job->err = err == COS_E_DISK_FULL ? NGX_ENOSPC : EIO;
        cos_pack_abandon(&p->pack);
    }
}


static void
pack_abandon_run(ngx_http_cos_job_t *job)
{
    ngx_http_cos_pack_t  *p = job->data;

    cos_pack_abandon(&p->pack);
}


static void
pack_close_done(ngx_http_cos_job_t *job)
{
    ngx_http_cos_pack_t  *p = job->data;

    if (job->err) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, job->err,
                      "cos: sealing container %012xL failed, it is left to "
                      "recovery", p->cid);
    }

    ngx_http_cos_pack_free(p);
}


void
ngx_http_cos_pack_free(ngx_http_cos_pack_t *p)
{
    ngx_queue_remove(&p->queue);
    ngx_http_cos_inc_unref(p->inc);
    ngx_free(p);
}


/* In exit_process, when the thread pool is gone: a task that is still busy has
 * ended, but nobody was told its results, so its packs go to recovery. */
void
ngx_http_cos_pack_done(void)
{
    ngx_queue_t          *q, *next;
    ngx_http_cos_pack_t  *p;

    for (q = ngx_queue_head(&packs); q != ngx_queue_sentinel(&packs); q = next)
    {
        next = ngx_queue_next(q);
        p = ngx_queue_data(q, ngx_http_cos_pack_t, queue);

        if (!p->closing && !p->busy
            && (p->unresolved || p->pack.err
                || cos_pack_seal(&p->pack) != COS_OK))
        {
            cos_pack_abandon(&p->pack);
        }

        ngx_free(p);
    }

    ngx_queue_init(&packs);
}
