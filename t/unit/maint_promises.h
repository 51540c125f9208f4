/*
 * What the trail of workers promises of each key and version, held against
 * what Redis and the containers hold.
 */

#ifndef MAINT_PROMISES_H
#define MAINT_PROMISES_H

#include "maint_ops.h"


#define TRIES  400000

/* One line of the trail. */
typedef struct {
    char      what, kind;
    char      bid[8], key[16], etag[33];
    uint64_t  seq;
} step_t;


static void
check_bytes(const step_t *s, const cos_object_t *o)
{
    int        fd;
    char       hex[33];
    cos_u8     sum[32], buf[20000];
    uint32_t   i;
    cos_md_t  *md;

    md = cos_md_create(COS_MD5);

    for (i = 0; i < o->nsegs; i++) {
        fd = cos_store_open_cid(&store, o->segs[i].cid);
        if (fd == -1
            || pread(fd, buf, (size_t) o->segs[i].len,
                     (off_t) o->segs[i].off) != (ssize_t) o->segs[i].len)
        {
            fail_msg("%s/%s: bytes are gone", s->bid, s->key);
        }
        cos_md_update(md, buf, (size_t) o->segs[i].len);
        close(fd);
    }

    cos_md_final(md, sum);
    cos_md_free(md);
    cos_hex(hex, sum, 16);
    hex[32] = '\0';
    assert_string_equal(hex, s->etag);
}


static void
check_key(const step_t *list, size_t n, const char *bid, const char *key)
{
    int             tried, here;
    size_t          i;
    cos_str_t       rec;
    redisReply     *r;
    cos_arena_t    *arena;
    cos_object_t    o;
    const step_t   *acked, *cur;

    acked = cur = NULL;
    tried = 0;
    arena = cos_arena_create();
    memset(&o, 0, sizeof(o));
    /* the null version, or the object */
    r = redisCommand(redis, "FCALL_RO cos_find 1 o{%s}%s %s %s 0", bid, key,
                     bid, key);
    assert_int_equal(r->type, REDIS_REPLY_ARRAY);
    here = r->elements > 1 && r->element[1]->type == REDIS_REPLY_STRING;

    if (here) {
        rec.data = (cos_u8 *) r->element[1]->str;
        rec.len = r->element[1]->len;
        assert_int_equal(cos_object_decode(&o, rec, cos_arena_alloc(arena)),
                         0);
    }

    for (i = 0; i < n; i++) {
        if (strcmp(list[i].bid, bid) != 0 || strcmp(list[i].key, key) != 0) {
            continue;
        }

        if (list[i].what == 'A' && strchr("PD", list[i].kind) != NULL
            && (acked == NULL || list[i].seq > acked->seq))
        {
            acked = &list[i];
        }

        if (list[i].kind == 'P' && list[i].seq == o.seq) {
            char  hex[33];

            cos_hex(hex, o.etag, 16);
            hex[32] = '\0';
            if (strcmp(hex, list[i].etag) == 0) {
                cur = &list[i];
            }
        }
    }

    for (i = 0; i < n; i++) {
        tried |= strcmp(list[i].bid, bid) == 0
                 && strcmp(list[i].key, key) == 0 && list[i].kind == 'D'
                 && acked != NULL && list[i].seq > acked->seq;
    }

    if (here) {
        if (cur == NULL) {
            fail_msg("%s/%s: nobody wrote this", bid, key);
        }

        if (acked != NULL && o.seq < acked->seq) {
            fail_msg("%s/%s: acknowledged change lost", bid, key);
        }

        check_bytes(cur, &o);

    } else if (acked != NULL && acked->kind == 'P' && !tried) {
        fail_msg("%s/%s: acknowledged object lost", bid, key);
    }

    freeReplyObject(r);
    cos_arena_free(arena);
}


/* The versions of a key that have numbers of their own. Returns their number
 * and the numbers in ids. */
static size_t
check_found(const step_t *list, size_t n, const char *bid, const char *key,
    uint64_t *ids, size_t max)
{
    size_t         i, k, found;
    char           hex[33];
    cos_str_t      rec;
    redisReply    *r, *m;
    cos_arena_t   *arena;
    cos_object_t   o;
    const step_t  *s;

    found = 0;
    r = redisCommand(redis, "KEYS v{%s}%s%b*", bid, key, "", 1);
    m = redisCommand(redis, "GET o{%s}%s", bid, key);

    for (i = 0; i <= r->elements; i++) {
        if (i > 0) {
            freeReplyObject(m);
            m = redisCommand(redis, "GET %b", r->element[i - 1]->str,
                             r->element[i - 1]->len);
        }

        if (m->type != REDIS_REPLY_STRING) {
            assert_int_equal(i, 0);
            continue;
        }

        arena = cos_arena_create();
        rec.data = (cos_u8 *) m->str;
        rec.len = m->len;
        assert_int_equal(cos_object_decode(&o, rec, cos_arena_alloc(arena)),
                         0);

        if (cos_object_version(&o) != 0) {
            cos_hex(hex, o.etag, 16);
            hex[32] = '\0';
            s = NULL;

            for (k = 0; k < n; k++) {
                if (list[k].kind == 'V' && list[k].seq == o.born
                    && strcmp(list[k].etag, hex) == 0
                    && strcmp(list[k].key, key) == 0
                    && strcmp(list[k].bid, bid) == 0)
                {
                    s = &list[k];
                }
            }

            if (s == NULL) {
                fail_msg("%s/%s: nobody wrote version %llu", bid, key,
                         (unsigned long long) o.born);
            }

            check_bytes(s, &o);
            assert_true(found < max);
            ids[found++] = o.born;
        }

        cos_arena_free(arena);
    }

    freeReplyObject(m);
    freeReplyObject(r);

    return found;
}


static void
check_versions(const step_t *list, size_t n, const char *bid, const char *key)
{
    int        gone;
    size_t     i, k, found;
    uint64_t   ids[4000];

    found = check_found(list, n, bid, key, ids, 4000);

    for (i = 0; i < n; i++) {
        if (list[i].what != 'A' || strchr("VR", list[i].kind) == NULL
            || strcmp(list[i].key, key) != 0 || strcmp(list[i].bid, bid) != 0)
        {
            continue;
        }

        for (k = 0; k < found && ids[k] != list[i].seq; k++) { /* void */ }

        if (list[i].kind == 'R' && k < found) {
            fail_msg("%s/%s: version %llu is back", bid, key,
                     (unsigned long long) list[i].seq);
        }

        if (list[i].kind == 'R' || k < found) {
            continue;
        }

        /* whoever removed it may have said so first */
        for (gone = 0, k = 0; !gone && k < n; k++) {
            gone = list[k].kind == 'R' && list[k].seq == list[i].seq
                   && strcmp(list[k].key, key) == 0
                   && strcmp(list[k].bid, bid) == 0;
        }

        if (!gone) {
            fail_msg("%s/%s: acknowledged version %llu is lost", bid, key,
                     (unsigned long long) list[i].seq);
        }
    }
}


static void
check_promises(void)
{
    int        b, k;
    char       bid[16], key[16];
    FILE      *f;
    size_t     n;
    step_t    *list, *s;

    list = calloc(TRIES, sizeof(*list));
    f = fopen(trail, "r");
    assert_non_null(f);

    for (n = 0; n < TRIES; n++) {
        s = &list[n];
        if (fscanf(f, "%c %c %7s %15s %lu %32s\n", &s->what, &s->kind, s->bid,
                   s->key, &s->seq, s->etag) != 6)
        {
            break;
        }
    }

    assert_true(feof(f) && n < TRIES);
    fclose(f);

    for (b = 1; b <= BUCKETS; b++) {
        for (k = 0; k < KEYS; k++) {
            snprintf(bid, sizeof(bid), "%d", b);
            snprintf(key, sizeof(key), "key%d", k);
            check_key(list, n, bid, key);

            if (b > 1) {
                check_versions(list, n, bid, key);
            }
        }
    }

    print_message("# %zu steps in the trail\n", n);
    free(list);
}

#endif
