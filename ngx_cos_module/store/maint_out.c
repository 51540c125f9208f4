/*
 * The container that the background work writes to: what compaction moves, and
 * notes.
 */

#define _GNU_SOURCE

#include "maint_internal.h"


/* Makes room for bytes more in the container of our own. What is in it is
 * resolved whenever this is called, so a full one can be sealed. */
int
cos_maint_out(cos_maint_t *m, uint64_t bytes)
{
    uint64_t            cid;
    cos_maint_state_t  *st = cos_maint_state(m);

    if (st->failed) {
        return -1;
    }

    if (m->out_open && cos_cid_slot(m->out.cid) == m->out_slot
        && cos_pack_fits(&m->out, bytes))
    {
        return 0;
    }

    if (m->out_open) {
        if (cos_pack_seal(&m->out) != COS_OK) {
            errno = m->out.err;
            return cos_maint_fail(m, "sealing a container");
        }

        m->out_open = 0;
    }

    if (m->next > COS_CID_N_MASK && cos_maint_rotate(m) != 0) {
        return -1;
    }

    cid = cos_cid(m->inc, m->out_slot, m->next++);

    if (cos_pack_create(&m->out, m->store, cid, COS_OUT_MAX) != COS_OK) {
        /* nothing was written: the incarnation stays in good order */
        cos_maint_say(m, 1, "cannot create container %012llx: %s",
                      (unsigned long long) cid, strerror(m->out.err));
        return -1;
    }

    m->out_open = 1;

    return 0;
}


cos_err_e
cos_maint_append(cos_maint_t *m, cos_pack_rec_t **recs, size_t n)
{
    size_t     i;
    uint64_t   bytes;
    cos_err_e  rc;

    for (i = 0, bytes = 0; i < n; i++) {
        bytes += cos_rec_size(recs[i]->payload.len, recs[i]->json.len);
    }

    if (cos_maint_out(m, bytes) != 0) {
        return m->out.err != 0 ? cos_store_err(m->out.err) : COS_E_INTERNAL;
    }

    /* Moved data may use the reserve as well: moving is what frees space. */
    rc = cos_pack_write(&m->out, recs, n, 1);

    if (rc != COS_OK) {
        if (m->out.err != 0) {
            errno = m->out.err;
            (void) cos_maint_fail(m, "writing a container");

        } else {
            cos_maint_say(m, 1, "no room to append to container %012llx",
                          (unsigned long long) m->out.cid);
        }
    }

    return rc;
}


void
cos_maint_abandon(cos_maint_t *m)
{
    cos_maint_state(m)->failed = 1;
}


int
cos_maint_write(cos_maint_t *m, cos_pack_rec_t **recs, size_t n)
{
    size_t    i, some;
    uint64_t  bytes;

    for (i = 0; i < n; i += some) {
        bytes = 0;

        for (some = 0; i + some < n && bytes < COS_MOVE_BYTES; some++) {
            bytes += cos_rec_size(recs[i + some]->payload.len,
                                  recs[i + some]->json.len);
        }

        if (cos_maint_append(m, recs + i, some) != COS_OK) {
            return -1;
        }
    }

    return 0;
}


int
cos_maint_note(cos_alloc_t *a, cos_pack_rec_t *rec, const cos_json_t *j)
{
    cos_buf_t  b;

    memset(rec, 0, sizeof(cos_pack_rec_t));
    cos_buf_init(&b, a, 512);

    if (cos_json_encode(&b, j) != 0 || b.err) {
        return -1;
    }

    rec->kind = j->kind;
    rec->seq = j->seq;
    rec->json.data = b.data;
    rec->json.len = b.len;

    return 0;
}
