/*
 * Verification of what is kept of a bucket beside its records: counters,
 * weights, and where the null versions are, held against the records' sums.
 */

#include <stdio.h>
#include <stdlib.h>

#include "cos_attr.h"
#include "verify_internal.h"


void
cos_verify_first(cos_sums_t *s, const char *what, cos_str_t name)
{
    if (s->first[0] == '\0') {
        snprintf(s->first, sizeof(s->first), "%s: %.*s", what,
                 (int) (name.len < 400 ? name.len : 400), name.data);
    }
}


/* A counter; those of versions are missing where there never were any. */
static uint64_t
number(const redisReply *r)
{
    return r->type == REDIS_REPLY_STRING ? strtoull(r->str, NULL, 10) : 0;
}


static int
compare_weights(cos_verifier_t *w, const cos_rs_bucket_t *k, cos_sums_t *s)
{
    char               text[64];
    size_t             i;
    cos_str_t          name;
    cos_slot_t        *a, *b;
    cos_table_t        have;
    cos_rs_buckets_t   one;

    memset(&have, 0, sizeof(have));
    one.list = (cos_rs_bucket_t *) (uintptr_t) k;
    one.n = 1;

    if (cos_rs_all_weights(w->redis, &one, &have) != 0) {
        cos_table_free(&have);
        return -1;
    }

    for (i = 0; i < s->weights.cap + have.cap; i++) {
        a = i < have.cap ? &have.slots[i] : &s->weights.slots[i - have.cap];

        if (!a->used) {
            continue;
        }

        b = cos_table_find(i < have.cap ? &s->weights : &have, &a->h);

        if (b == NULL || (i < have.cap && b->a != a->a)) {
            s->wrong++;
            name.data = (cos_u8 *) text;
            name.len = (size_t) snprintf(text, sizeof(text), "%012llx",
                                         (unsigned long long) a->b);
            cos_verify_first(s, "weight differs from the records", name);
        }
    }

    cos_table_free(&have);

    return 0;
}


/* Of the standard class nothing is counted: it is what is left. */
static int
compare_classes(cos_verifier_t *w, const cos_rs_bucket_t *k, cos_sums_t *s)
{
    unsigned     i;
    redisReply  *r;

    for (i = 1; i < COS_CLASS_MAX; i++) {
        if (redisAppendCommand(w->redis, "HMGET m{%b} n%u s%u", k->id.data,
                               k->id.len, i, i) != REDIS_OK)
        {
            return -1;
        }
    }

    for (i = 1; i < COS_CLASS_MAX; i++) {
        r = cos_rs_next(w->redis);

        if (r == NULL || r->type != REDIS_REPLY_ARRAY || r->elements != 2) {
            freeReplyObject(r);
            return -1;
        }

        if (number(r->element[0]) != s->classes[i].n
            || number(r->element[1]) != s->classes[i].bytes)
        {
            s->wrong++;
            cos_verify_first(s, "counters of a class differ from the records", k->name);
        }

        freeReplyObject(r);
    }

    return 0;
}


/* Whether a reply holds the record of a null version. */
static int
is_null(const redisReply *r)
{
    cos_object_t  o;

    return cos_object_decode(&o, cos_rs_str(r), NULL) == 0
           && cos_object_version(&o) == 0;
}


static int
compare_some_nulls(cos_verifier_t *w, const cos_rs_bucket_t *k, cos_sums_t *s,
    const redisReply *pairs)
{
    int          rc;
    size_t       i;
    redisReply  *r;

    for (i = 0; i + 1 < pairs->elements; i += 2) {
        if (redisAppendCommand(w->redis, "GET v{%b}%b%b%b", k->id.data,
                               k->id.len, pairs->element[i]->str,
                               pairs->element[i]->len, "", (size_t) 1,
                               pairs->element[i + 1]->str,
                               pairs->element[i + 1]->len)
            != REDIS_OK)
        {
            return -1;
        }
    }

    rc = 0;

    for (i = 0; i + 1 < pairs->elements; i += 2) {
        r = cos_rs_next(w->redis);

        if (r == NULL) {
            rc = -1;

        } else if (!is_null(r)) {
            s->wrong++;
            cos_verify_first(s, "no null version where one is said to be",
                             cos_rs_str(pairs->element[i]));
        }

        freeReplyObject(r);
    }

    return rc;
}


/* That each null version which is not current is found, its record has shown;
 * here, that nothing else is. */
static int
compare_nulls(cos_verifier_t *w, const cos_rs_bucket_t *k, cos_sums_t *s)
{
    int          rc;
    char         cursor[32];
    redisReply  *r;

    snprintf(cursor, sizeof(cursor), "0");

    do {
        r = cos_rs_call(w->redis, "HSCAN N{%b} %s COUNT 1000", k->id.data,
                        k->id.len, cursor);
        rc = -1;

        if (r != NULL && r->type == REDIS_REPLY_ARRAY && r->elements == 2) {
            snprintf(cursor, sizeof(cursor), "%s", r->element[0]->str);
            rc = compare_some_nulls(w, k, s, r->element[1]);
        }

        freeReplyObject(r);

    } while (rc == 0 && strcmp(cursor, "0") != 0);

    return rc;
}


static int
is_text(const redisReply *r, cos_str_t s)
{
    return r->type == REDIS_REPLY_STRING ? cos_str_eq(cos_rs_str(r), s)
                                         : s.len == 0;
}


/* That a bucket is served under those domains, and under no others; *wrong. */
static int
compare_index(cos_verifier_t *w, const cos_rs_bucket_t *k, cos_str_t list,
    int *wrong)
{
    cos_u8      *end;
    cos_str_t    one;
    redisReply  *r;

    r = cos_rs_call(w->redis, "HGET m{%b} d", k->id.data, k->id.len);
    if (r == NULL) {
        return -1;
    }

    *wrong = !is_text(r, list);
    freeReplyObject(r);

    while (list.len > 0) {
        end = memchr(list.data, ' ', list.len);
        one.data = list.data;
        one.len = end != NULL ? (size_t) (end - list.data) : list.len;

        r = cos_rs_call(w->redis, "GET d:%b", one.data, one.len);
        if (r == NULL) {
            return -1;
        }

        *wrong |= !is_text(r, k->name);
        freeReplyObject(r);

        list.data += one.len + (end != NULL);
        list.len -= one.len + (end != NULL);
    }

    return 0;
}


/* The record is asked for again: it may have changed since the buckets were
 * listed. */
static int
compare_domains(cos_verifier_t *w, const cos_rs_bucket_t *k, cos_sums_t *s)
{
    int            rc, wrong;
    redisReply    *r;
    cos_bucket_t   b;

    r = cos_rs_call(w->redis, "GET b:%b", k->name.data, k->name.len);

    if (r == NULL || r->type != REDIS_REPLY_STRING
        || cos_bucket_decode(&b, cos_rs_str(r)) != 0
        || !cos_str_eq(b.id, k->id))
    {
        /* gone; a damaged one has been told of */
        rc = r == NULL ? -1 : 0;
        freeReplyObject(r);
        return rc;
    }

    rc = compare_index(w, k, cos_bucket_domains(b.attr[COS_BX_DOMAIN]),
                       &wrong);
    freeReplyObject(r);

    if (rc == 0 && wrong) {
        s->wrong++;
        cos_verify_first(s, "domains differ from the record", k->name);
    }

    return rc;
}


int
cos_verify_sums(cos_verifier_t *w, const cos_rs_bucket_t *k, cos_sums_t *s)
{
    redisReply  *r;

    r = cos_rs_call(w->redis, "HMGET m{%b} n s u vn vs", k->id.data,
                    k->id.len);

    if (r == NULL || r->type != REDIS_REPLY_ARRAY || r->elements != 5) {
        freeReplyObject(r);
        return -1;
    }

    if (r->element[0]->type == REDIS_REPLY_NIL && s->objects.n == 0
        && s->versions.n == 0)
    {
        /* deleted meanwhile */
        freeReplyObject(r);
        return 0;
    }

    if (number(r->element[0]) != s->objects.n
        || number(r->element[1]) != s->objects.bytes
        || number(r->element[2]) != s->u
        || number(r->element[3]) != s->versions.n
        || number(r->element[4]) != s->versions.bytes)
    {
        s->wrong++;
        cos_verify_first(s, "counters differ from the records", k->name);
    }

    freeReplyObject(r);

    return compare_classes(w, k, s) != 0 || compare_nulls(w, k, s) != 0
           || compare_domains(w, k, s) != 0
           ? -1 : compare_weights(w, k, s);
}


int
cos_verify_orphans(cos_verifier_t *w, const cos_rs_buckets_t *k)
{
    size_t       i;
    cos_slot_t  *s;
    cos_table_t  weights;

    memset(&weights, 0, sizeof(weights));

    if (cos_rs_all_weights(w->redis, k, &weights) != 0) {
        cos_table_free(&weights);
        return -1;
    }

    for (i = 0; i < w->cids.cap; i++) {
        s = &w->cids.slots[i];

        if (s->used && s->n != 0 && cos_table_find(&weights, &s->h) == NULL) {
            w->v->orphans++;
        }
    }

    cos_table_free(&weights);

    return 0;
}
