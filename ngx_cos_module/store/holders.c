/*
 * The versions of a key that refer to a container, by pages.
 */

#include "maint_internal.h"


int
cos_holders_first(cos_table_t *asked, const cos_json_t *j, cos_holders_t *h)
{
    cos_hash_t   name;
    cos_slot_t  *s;

    if (j->kind != COS_J_PART) {
        return 0;
    }

    cos_hash_name(&name, COS_N_OBJECT, j->bid, j->key, 0);

    s = cos_table_add(asked, &name);
    if (s == NULL) {
        return -1;
    }

    if (s->n != 0) {
        return 0;
    }

    s->n = 1;
    memset(h, 0, sizeof(cos_holders_t));
    h->bid = j->bid;
    h->key = j->key;

    return 1;
}


int
cos_holders_ask(redisContext *c, const cos_holders_t *h, uint64_t cid,
    cos_alloc_t *a)
{
    cos_str_t  argv[9] = { cos_lit("FCALL_RO"), cos_lit("cos_find"),
                           cos_lit("1") };

    argv[4] = h->bid;
    argv[5] = h->key;
    argv[6] = COS_STR("0");
    argv[7] = cos_rs_uint(a, cid);
    argv[8].data = (cos_u8 *) h->from;
    argv[8].len = h->from_len;

    return cos_rs_key(a, &argv[3], 'o', h->bid, h->key) != 0 ? -1
           : cos_rs_add(c, 9, argv);
}


cos_str_t
cos_holders_found(const redisReply *r, size_t i)
{
    return cos_rs_found(r, i + 1);
}


int
cos_holders_next(cos_holders_t *h, const redisReply *r)
{
    cos_str_t  next;

    next = cos_rs_found(r, 0);

    if (next.len == 0 || next.len > sizeof(h->from)) {
        return 0;
    }

    memcpy(h->from, next.data, next.len);
    h->from_len = next.len;

    return 1;
}


int
cos_holders_weigh(const cos_holders_t *h, uint64_t cid, const redisReply *r,
    cos_fate_weigh_pt add, void *ctx)
{
    int           rc;
    size_t        i;
    cos_str_t     rec;
    cos_hash_t    name;
    cos_arena_t  *arena;
    cos_object_t  o;

    arena = cos_arena_create();
    if (arena == NULL) {
        return -1;
    }

    rc = 0;

    for (i = 0; rc == 0 && (rec = cos_holders_found(r, i)).len != 0; i++) {
        if (cos_object_decode(&o, rec, cos_arena_alloc(arena)) != 0) {
            continue;
        }

        cos_hash_name(&name, COS_N_OBJECT, h->bid, h->key,
                      cos_object_version(&o));
        rc = add(ctx, &name, cos_object_weight(&o, cid));
    }

    cos_arena_free(arena);

    return rc;
}
