/*
 * Decoders of records: the first byte picks one. What decodes must encode
 * again: the binary forms to the same bytes (they are canonical), JSON to a
 * document that says the same.
 */

#include <stdlib.h>

#include "../t/unit/record_eq.h"
#include "cos_facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
require(int truth)
{
    if (!truth) {
        abort();
    }
}


static void
require_same(cos_buf_t *b, cos_str_t rec)
{
    require(b->len == rec.len && memcmp(b->data, rec.data, rec.len) == 0);
}


static void
binary(unsigned form, cos_str_t rec, cos_alloc_t *a)
{
    cos_buf_t     b;
    cos_cred_t    c;
    cos_object_t  o;
    cos_bucket_t  k;
    cos_upload_t  u;

    cos_buf_init(&b, a, rec.len);

    if (form == 0 && cos_object_decode(&o, rec, a) == 0) {
        require(cos_object_encode(&b, &o) == 0);

    } else if (form == 1 && cos_bucket_decode(&k, rec) == 0) {
        require(cos_bucket_encode(&b, &k) == 0);

    } else if (form == 2 && cos_cred_decode(&c, rec) == 0) {
        require(cos_cred_encode(&b, &c) == 0);

    } else if (form == 3 && cos_upload_decode(&u, rec, a) == 0) {
        require(cos_upload_encode(&b, &u) == 0);

    } else {
        return;
    }

    require_same(&b, rec);
}


static void
json(cos_str_t text, cos_alloc_t *a)
{
    cos_buf_t   b;
    cos_str_t   again;
    cos_json_t  j, j2;

    if (cos_json_decode(&j, text, a) != 0) {
        return;
    }

    cos_buf_init(&b, a, text.len);
    require(cos_json_encode(&b, &j) == 0);
    again.data = b.data;
    again.len = b.len;
    require(cos_json_decode(&j2, again, a) == 0);
    require(same_json(&j, &j2));
}


/* A member of the index is taken apart where it stands, in a copy. */
static void
member(cos_str_t text, cos_alloc_t *a)
{
    cos_buf_t     b;
    cos_str_t     copy, key, facts;
    cos_object_t  o;

    require(cos_dup(a, &copy, text.data, text.len) == 0);

    if (cos_member_split(copy, &key, &facts) != 0) {
        return;
    }

    require(key.len + 1 + facts.len <= text.len);

    if (cos_facts_decode(&o, facts) == 0) {
        cos_buf_init(&b, a, facts.len);
        require(cos_facts_encode(&b, &o) == 0);
        require_same(&b, facts);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cos_str_t     rec;
    cos_arena_t  *arena;

    if (size == 0) {
        return 0;
    }

    arena = cos_arena_create();
    require(arena != NULL);
    rec.data = (cos_u8 *) data + 1;
    rec.len = size - 1;

    if (data[0] % 8 < 4) {
        binary(data[0] % 8, rec, cos_arena_alloc(arena));

    } else if (data[0] % 8 == 7) {
        member(rec, cos_arena_alloc(arena));

    } else {
        json(rec, cos_arena_alloc(arena));
    }

    cos_arena_free(arena);
    return 0;
}
