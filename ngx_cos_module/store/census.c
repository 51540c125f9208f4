/*
 * Reads all containers one after the other.
 */

#include <unistd.h>

#include "maint_internal.h"


static int visit(void *ctx, uint64_t cid, int in_open);
static int pass_on(void *ctx, const cos_rec_t *r, cos_scan_e state,
    cos_str_t json);


int
cos_census(cos_census_t *c)
{
    int  rc;

    if (cos_hash_seed() != 0) {
        return -1;
    }

    rc = cos_store_walk(c->store, visit, c);
    cos_table_free(&c->seen);

    return rc;
}


static int
visit(void *ctx, uint64_t cid, int in_open)
{
    int            fd, rc, saved;
    cos_u8         head[COS_FILE_HEAD];
    cos_hash_t     h;
    cos_slot_t    *s;
    cos_census_t  *c = ctx;
    cos_file_head_t  fh;

    cos_hash_number(&h, cid, 0);

    s = cos_table_add(&c->seen, &h);
    if (s == NULL) {
        errno = ENOMEM;
        return -1;
    }

    if (s->n != 0) {
        return 0;
    }

    s->n = 1;

    fd = cos_store_open_cid(c->store, cid);
    if (fd == -1) {
        return errno == ENOENT ? 0 : -1;
    }

    c->cid = cid;
    c->in_open = in_open;
    c->linked = cos_pread_full(fd, head, sizeof(head), 0) == sizeof(head)
                && cos_file_head_decode(&fh, head) == 0 && fh.cid != cid;

    rc = cos_container_scan(fd, c->flags, &c->info, pass_on, c);
    saved = errno;
    (void) close(fd);

    if (rc == 0 && c->done != NULL) {
        rc = c->done(c);

    } else {
        errno = saved;
    }

    return rc;
}


static int
pass_on(void *ctx, const cos_rec_t *r, cos_scan_e state, cos_str_t json)
{
    cos_census_t  *c = ctx;

    return c->record != NULL ? c->record(c, r, state, json) : 0;
}
