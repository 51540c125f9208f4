/*
 * What a dead incarnation left behind: a container with one large payload. It
 * stays if its bytes are somebody's, and goes otherwise.
 *
 * Who has the bytes need not have the record that was written with them: when
 * another writer was ahead the change was made again under a higher number,
 * by a record elsewhere that names the bytes here. As the same object that is
 * of no matter, but a new version is named by its number, and a rebuild would
 * find two of them. So what was never committed is voided here as well.
 */

#define _GNU_SOURCE

#include <unistd.h>

#include "maint_internal.h"


typedef struct {
    cos_alloc_t  *a;
    cos_json_t    doc;
    int           found;
} solo_t;


static int
take_record(void *ctx, const cos_rec_t *r, cos_scan_e state, cos_str_t json)
{
    solo_t  *s = ctx;

    (void) r;

    if (state == COS_SCAN_OK && cos_json_decode(&s->doc, json, s->a) == 0) {
        s->found = 1;
    }

    return 0;
}


/* 1: the document's fate is that of a record which was never committed. */
static int
judge(cos_maint_t *m, uint64_t cid, solo_t *s)
{
    int          rc, k, asked;
    redisReply  *r[COS_FATE_REPLIES] = { NULL };

    asked = cos_fate_ask(m->redis, &s->doc, s->a);
    rc = asked < 0 ? cos_maint_fail(m, "asking for records") : 0;

    for (k = 0; k < asked; k++) {
        r[k] = cos_rs_next(m->redis);

        if (r[k] == NULL || r[k]->type == REDIS_REPLY_ERROR) {
            rc = cos_maint_fail(m, "asking for records");
        }
    }

    if (rc == 0) {
        rc = cos_fate(&s->doc, cid, r, s->a) == COS_FATE_VOID;
    }

    for (k = 0; k < asked; k++) {
        freeReplyObject(r[k]);
    }

    /* an emptied Redis knows no record: that is no judgement */
    return rc == 1 && cos_maint_ours(m) != 0 ? -1 : rc;
}


static int
void_record(cos_maint_t *m, uint64_t cid, cos_alloc_t *a)
{
    int              fd, rc;
    solo_t           s = { .a = a };
    cos_json_t       note;
    cos_pack_rec_t   rec, *list = &rec;
    cos_scan_info_t  info;

    fd = cos_store_open_cid(m->store, cid);
    if (fd == -1) {
        return errno == ENOENT ? 0 : -1;
    }

    rc = cos_container_scan(fd, COS_SCAN_JSON, &info, take_record, &s);
    (void) close(fd);

    /* what another name of a file says was said under its own */
    if (rc != 0 || !s.found || info.cid != cid) {
        return rc;
    }

    rc = judge(m, cid, &s);
    if (rc != 1) {
        return rc;
    }

    cos_fate_void(&note, &s.doc, cos_cid_inc(cid));

    if (cos_maint_note(a, &rec, &note) != 0
        || cos_maint_write(m, &list, 1) != 0)
    {
        return -1;
    }

    m->voided++;

    return 0;
}


int
cos_recover_solo(cos_maint_t *m, uint64_t cid, uint64_t weight)
{
    int           rc;
    cos_arena_t  *arena;

    if (weight == 0) {
        rc = cos_store_unlink(m->store, cid);

    } else {
        arena = cos_arena_create();
        rc = arena != NULL ? void_record(m, cid, cos_arena_alloc(arena)) : -1;

        if (arena != NULL) {
            cos_arena_free(arena);
        }

        if (rc != 0) {
            cos_maint_say(m, 1, "cannot recover container %012llx",
                          (unsigned long long) cid);
            return -1;
        }

        rc = cos_store_settle(m->store, cid);
    }

    if (rc != 0 && errno != ENOENT) {
        cos_maint_say(m, 1, "cannot resolve container %012llx: %s",
                      (unsigned long long) cid, strerror(errno));
        return -1;
    }

    return 0;
}
