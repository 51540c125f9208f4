/*
 * Records: what is encoded is decoded again, nothing else is, and no damage
 * makes a decoder read outside of its input (run under sanitizers and
 * valgrind, inputs are exact heap copies).
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "record_gen.h"
#include "record_eq.h"
#include "cos_facts.h"
#include "cos_lua.h"
#include "cos_lua_version.h"

#define ROUNDS  2000

typedef int (*decoder_pt)(cos_str_t rec, cos_alloc_t *a);


static cos_arena_t  *arena;
static gen_t         gen;


static int
setup(void **state)
{
    (void) state;
    arena = cos_arena_create();
    gen.alloc = cos_arena_alloc(arena);
    gen.state = 0x9e3779b97f4a7c15ULL;
    return 0;
}


static int
teardown(void **state)
{
    (void) state;
    cos_arena_free(arena);
    return 0;
}


/* Memory of the rounds before is of no more use. */
static void
fresh(void)
{
    cos_arena_free(arena);
    arena = cos_arena_create();
    gen.alloc = cos_arena_alloc(arena);
}


static cos_str_t
text_of(cos_buf_t *b)
{
    cos_str_t  s = { b->len, b->data };

    assert_int_equal(b->err, 0);
    return s;
}


static int
decode_object(cos_str_t rec, cos_alloc_t *a)
{
    cos_object_t  o;

    return cos_object_decode(&o, rec, a);
}


static int
decode_bucket(cos_str_t rec, cos_alloc_t *a)
{
    cos_bucket_t  k;

    (void) a;
    return cos_bucket_decode(&k, rec);
}


static int
decode_cred(cos_str_t rec, cos_alloc_t *a)
{
    cos_cred_t  c;

    (void) a;
    return cos_cred_decode(&c, rec);
}


static int
decode_upload(cos_str_t rec, cos_alloc_t *a)
{
    cos_upload_t  u;

    return cos_upload_decode(&u, rec, a);
}


static int
decode_json(cos_str_t text, cos_alloc_t *a)
{
    cos_json_t  j;

    return cos_json_decode(&j, text, a);
}


/* Cuts at every byte (fatal: whether a cut must be refused), flips of bits. */
static void
damage(decoder_pt decode, cos_str_t rec, int fatal)
{
    int           rc;
    size_t        i, n;
    cos_str_t     cut;
    cos_arena_t  *scratch;

    for (n = 0; n < rec.len; n++) {
        cut.len = n;
        cut.data = malloc(n ? n : 1);
        memcpy(cut.data, rec.data, n);
        scratch = cos_arena_create();
        rc = decode(cut, cos_arena_alloc(scratch));
        if (fatal) {
            assert_int_equal(rc, -1);
        }
        cos_arena_free(scratch);
        free(cut.data);
    }

    cut.len = rec.len;
    cut.data = malloc(rec.len);

    for (i = 0; i < 8 * rec.len; i += 1 + gen_raw(&gen) % 5) {
        memcpy(cut.data, rec.data, rec.len);
        cut.data[i / 8] ^= (cos_u8) (1 << i % 8);
        scratch = cos_arena_create();
        decode(cut, cos_arena_alloc(scratch));
        cos_arena_free(scratch);
    }

    free(cut.data);
}


static void
objects_come_back(void **state)
{
    int           i;
    uint32_t      s;
    cos_seg_t     seg;
    cos_buf_t     b;
    cos_object_t  in, out, bare;

    (void) state;

    for (i = 0; i < ROUNDS; i++) {
        fresh();
        gen_object(&gen, &in, 20);
        cos_buf_init(&b, gen.alloc, 0);
        assert_int_equal(cos_object_encode(&b, &in), 0);
        assert_int_equal(cos_object_decode(&out, text_of(&b), gen.alloc), 0);
        assert_true(same_object(&in, &out));

        for (s = 0; s < in.nsegs; s++) {
            cos_object_seg(text_of(&b), s, &seg);
            assert_memory_equal(&seg, &in.segs[s], sizeof(seg));
        }

        assert_int_equal(cos_object_decode(&bare, text_of(&b), NULL), 0);
        assert_null(bare.segs);
        assert_null(bare.meta);
        assert_int_equal(bare.nsegs, in.nsegs);
        assert_int_equal(bare.nmeta, in.nmeta);
        bare.segs = out.segs;
        bare.meta = out.meta;
        assert_true(same_object(&in, &bare));
    }
}


static void
fronts_come_back(void **state)
{
    int           i;
    cos_buf_t     b;
    cos_cred_t    c, c2;
    cos_bucket_t  k, k2;
    cos_upload_t  u, u2;

    (void) state;

    for (i = 0; i < ROUNDS; i++) {
        fresh();

        gen_bucket(&gen, &k);
        cos_buf_init(&b, gen.alloc, 0);
        assert_int_equal(cos_bucket_encode(&b, &k), 0);
        assert_int_equal(cos_bucket_decode(&k2, text_of(&b)), 0);
        assert_true(same_bucket(&k, &k2));

        gen_cred(&gen, &c);
        cos_buf_init(&b, gen.alloc, 0);
        assert_int_equal(cos_cred_encode(&b, &c), 0);
        assert_int_equal(cos_cred_decode(&c2, text_of(&b)), 0);
        assert_true(same_cred(&c, &c2));

        memset(&u, 0, sizeof(u));
        u.id = gen_text(&gen, 1, 64);
        u.key = gen_text(&gen, 1, 900);
        u.initiated = gen_uint(&gen, UINT64_MAX);
        u.initiator = gen_uint(&gen, UINT64_MAX);
        u.seq = gen_uint(&gen, UINT64_MAX);
        gen_object(&gen, &u.object, 0);
        cos_buf_init(&b, gen.alloc, 0);
        assert_int_equal(cos_upload_encode(&b, &u), 0);
        assert_int_equal(cos_upload_decode(&u2, text_of(&b), gen.alloc), 0);
        assert_true(same_upload(&u, &u2));
    }
}


static void
documents_come_back(void **state)
{
    int         i, kind;
    cos_buf_t   b;
    cos_json_t  in, out;

    (void) state;

    for (kind = COS_J_OBJECT; kind <= COS_J_SEAL; kind++) {
        for (i = 0; i < ROUNDS / 4; i++) {
            fresh();
            gen_json(&gen, &in, (cos_json_e) kind);
            cos_buf_init(&b, gen.alloc, 0);
            assert_int_equal(cos_json_encode(&b, &in), 0);
            assert_int_equal(cos_json_decode(&out, text_of(&b), gen.alloc),
                             0);
            assert_true(same_json(&in, &out));
        }
    }
}


static void
damage_is_survived(void **state)
{
    int           i, kind;
    cos_buf_t     b;
    cos_cred_t    c;
    cos_json_t    j;
    cos_bucket_t  k;
    cos_upload_t  u;
    cos_object_t  o;

    (void) state;

    for (i = 0; i < 30; i++) {
        fresh();

        /* a cut between two TLVs or attributes leaves a shorter record */
        gen_object(&gen, &o, 5);
        cos_buf_init(&b, gen.alloc, 0);
        assert_int_equal(cos_object_encode(&b, &o), 0);
        damage(decode_object, text_of(&b), 0);

        gen_bucket(&gen, &k);
        cos_buf_init(&b, gen.alloc, 0);
        assert_int_equal(cos_bucket_encode(&b, &k), 0);
        damage(decode_bucket, text_of(&b), 0);

        gen_cred(&gen, &c);
        cos_buf_init(&b, gen.alloc, 0);
        assert_int_equal(cos_cred_encode(&b, &c), 0);
        damage(decode_cred, text_of(&b), 0);

        memset(&u, 0, sizeof(u));
        u.id = COS_STR("17f2");
        u.key = gen_text(&gen, 1, 100);
        gen_object(&gen, &u.object, 0);
        cos_buf_init(&b, gen.alloc, 0);
        assert_int_equal(cos_upload_encode(&b, &u), 0);
        damage(decode_upload, text_of(&b), 0);

        kind = 1 + i % COS_J_SEAL;
        gen_json(&gen, &j, (cos_json_e) kind);
        cos_buf_init(&b, gen.alloc, 0);
        assert_int_equal(cos_json_encode(&b, &j), 0);
        damage(decode_json, text_of(&b), 1);
    }
}


/* The head and the segments of a record cannot be cut. */
static void
cut_heads_are_refused(void **state)
{
    size_t        n;
    cos_buf_t     b;
    cos_str_t     s;
    cos_seg_t     seg[2] = { { 1, 2, 3 }, { 4, 5, 6 } };
    cos_object_t  o;

    (void) state;
    memset(&o, 0, sizeof(o));
    o.nsegs = 2;
    o.segs = seg;
    cos_buf_init(&b, gen.alloc, 0);
    assert_int_equal(cos_object_encode(&b, &o), 0);
    s = text_of(&b);

    for (n = 0; n < COS_RECORD_HEAD + 2 * COS_SEG_LEN; n++) {
        s.len = n;
        assert_int_equal(cos_object_decode(&o, s, NULL), -1);
    }
}


/* The layout is a contract with meta/lua and with records in the field. */
static void
layout_is_fixed(void **state)
{
    cos_buf_t         b;
    cos_seg_t         seg = { 0x010203040506, 0x111213141516, 0x212223242526 };
    cos_object_t      o;
    static const cos_u8  want[] = {
        1, 1, 2, 0,  1, 0,  0x10, 0x27,
        8, 7, 6, 5, 4, 3, 2, 1,
        1, 0, 0, 0, 0, 0, 0, 0,
        2, 0, 0, 0, 0, 0, 0, 0,
        'e', 'e', 'e', 'e', 'e', 'e', 'e', 'e',
        'e', 'e', 'e', 'e', 'e', 'e', 'e', 'e',
        3, 0, 0, 0, 0, 0, 0, 0,
        4, 0, 0, 0, 0, 0,  5, 0,
        6, 5, 4, 3, 2, 1,  0x16, 0x15, 0x14, 0x13, 0x12, 0x11,
        0x26, 0x25, 0x24, 0x23, 0x22, 0x21
    };

    (void) state;
    memset(&o, 0, sizeof(o));
    o.flags = COS_F_SUM_COMPOSITE;
    o.acl = COS_ACL_PUBLIC_READ;
    o.parts = 10000;
    o.seq = 0x0102030405060708;
    o.mtime = 1;
    o.size = 2;
    memset(o.etag, 'e', sizeof(o.etag));
    o.crc64 = 3;
    o.home = 4;
    o.rev = 5;
    o.nsegs = 1;
    o.segs = &seg;
    o.header[COS_H_CONTENT_TYPE] = COS_STR("application/octet-stream");

    cos_buf_init(&b, gen.alloc, 0);
    assert_int_equal(cos_object_encode(&b, &o), 0);
    assert_int_equal(b.len, sizeof(want));
    assert_memory_equal(b.data, want, sizeof(want));

    /* a plain object with a type of its own stays small */
    o.header[COS_H_CONTENT_TYPE] = COS_STR("text/html; charset=utf-8");
    cos_buf_init(&b, gen.alloc, 0);
    assert_int_equal(cos_object_encode(&b, &o), 0);
    assert_in_range(b.len, 1, 112);
}


static void
limits_are_kept(void **state)
{
    cos_buf_t        b;
    cos_seg_t       *segs;
    cos_json_t       j, back;
    cos_meta_pair_t  pair;
    cos_object_t     o;
    uint32_t         i;

    (void) state;
    cos_buf_init(&b, gen.alloc, 0);

    memset(&o, 0, sizeof(o));
    o.home = COS_U48_MAX + 1;
    assert_int_equal(cos_object_encode(&b, &o), -1);
    o.home = 0;
    o.parts = COS_PARTS_MAX + 1;
    assert_int_equal(cos_object_encode(&b, &o), -1);
    o.parts = 0;
    o.acl = COS_ACL_MAX;
    assert_int_equal(cos_object_encode(&b, &o), -1);
    o.acl = COS_ACL_DEFAULT;
    pair.name = COS_STR("a");
    pair.value = gen_text(&gen, 65536, 65536);
    o.meta = &pair;
    o.nmeta = 1;
    assert_int_equal(cos_object_encode(&b, &o), -1);
    pair.value.len = 65535;
    assert_int_equal(cos_object_encode(&b, &o), 0);
    o.nmeta = 0;

    segs = cos_alloc(gen.alloc, 65536 * sizeof(cos_seg_t));
    for (i = 0; i < 65536; i++) {
        segs[i].cid = segs[i].off = segs[i].len = COS_U48_MAX;
    }
    o.segs = segs;
    o.nsegs = 65536;
    assert_int_equal(cos_object_encode(&b, &o), -1);

    /* the largest record passes through both forms */
    o.nsegs = 65535;
    memset(&j, 0, sizeof(j));
    j.kind = COS_J_OBJECT;
    j.bid = COS_STR("1");
    j.key = COS_STR("k");
    j.object = o;
    cos_buf_init(&b, gen.alloc, 0);
    assert_int_equal(cos_json_encode(&b, &j), 0);
    assert_int_equal(cos_json_decode(&back, text_of(&b), gen.alloc), 0);
    assert_true(same_json(&j, &back));

    segs[7].len = COS_U48_MAX + 1;
    assert_int_equal(cos_json_encode(&b, &j), -1);
}


static void
documents_are_strict(void **state)
{
    size_t      i;
    cos_str_t   s;
    cos_json_t  j;
    static const char *const  good =
        "{\"v\":1,\"kind\":\"delete\",\"bid\":\"1\",\"key\":\"a%20b\"}";
    static const char *const  bad[] = {
        "", "null", "[]", "{}", "{\"v\":1}",
        "{\"v\":2,\"kind\":\"delete\",\"bid\":\"1\",\"key\":\"a\"}",
        "{\"v\":1,\"kind\":\"erase\",\"bid\":\"1\",\"key\":\"a\"}",
        "{\"v\":1,\"kind\":1,\"bid\":\"1\",\"key\":\"a\"}",
        "{\"v\":1,\"kind\":\"delete\",\"bid\":\"1\"}",
        "{\"v\":1,\"kind\":\"delete\",\"bid\":\"1\",\"key\":1}",
        "{\"v\":1,\"kind\":\"delete\",\"bid\":\"1\",\"key\":\"a%2\"}",
        "{\"v\":1,\"kind\":\"delete\",\"bid\":\"1\",\"key\":\"a\",\"x\":1}",
        "{\"v\":1,\"kind\":\"delete\",\"bid\":\"1\",\"key\":\"a\",\"v\":1}",
        "{\"v\":1,\"kind\":\"delete\",\"bid\":\"1\",\"key\":\"a\",\"seq\":-1}",
        "{\"v\":1,\"kind\":\"delete\",\"bid\":\"1\",\"key\":\"a\",\"seq\":1.5}",
        "{\"v\":1,\"kind\":\"delete\",\"bid\":\"1\",\"key\":\"a\",\"seq\":\"x\"}",
        "{\"v\":1,\"kind\":\"delete\",\"bid\":\"1\",\"key\":\"a\"} {}",
        "{\"v\":1,\"kind\":\"object\",\"bid\":\"1\",\"key\":\"a\"}",
        "{\"v\":1,\"kind\":\"object\",\"bid\":\"1\",\"key\":\"a\",\"object\":{}}",
    };

    (void) state;

    s.data = (cos_u8 *) good;
    s.len = strlen(good);
    assert_int_equal(cos_json_decode(&j, s, gen.alloc), 0);
    assert_true(cos_str_is(j.key, "a b"));

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        s.data = (cos_u8 *) bad[i];
        s.len = strlen(bad[i]);
        if (cos_json_decode(&j, s, gen.alloc) != -1) {
            fail_msg("taken: %s", bad[i]);
        }
    }
}


static void
words_are_told(void **state)
{
    int     i;
    char    etag[38];
    cos_u8  md5[COS_MD5_LEN] = { 0xd4, 0x1d, 0x8c };

    (void) state;

    for (i = 0; i < COS_ACL_MAX; i++) {
        cos_str_t  s = { strlen(cos_acl_name((cos_acl_e) i)),
                         (cos_u8 *) cos_acl_name((cos_acl_e) i) };
        assert_int_equal(cos_acl_parse(s), i);
    }
    assert_null(cos_acl_name(COS_ACL_MAX));
    assert_int_equal(cos_acl_parse(COS_STR("Private")), -1);
    assert_int_equal(cos_acl_parse(COS_STR("")), -1);
    assert_null(cos_sum_name(COS_SUM_NONE));
    assert_string_equal(cos_sum_name(COS_SUM_CRC64NVME), "CRC64NVME");
    assert_int_equal(cos_sum_len(COS_SUM_SHA256), 32);

    assert_int_equal(cos_object_etag(etag, md5, 0), 32);
    assert_memory_equal(etag, "d41d8c00000000000000000000000000", 32);
    assert_int_equal(cos_object_etag(etag, md5, 10000), 38);
    assert_memory_equal(etag + 32, "-10000", 6);
}


static void
library_has_our_version(void **state)
{
    char  want[64];

    (void) state;
    snprintf(want, sizeof(want), "\nlocal VERSION = %d\n", COS_LUA_VERSION);
    assert_non_null(strstr(cos_lua, want));
}


/* What a listing needs of an object, and nothing else; no damage is read past
 * the end. */
static void
facts_come_back(void **state)
{
    int           i;
    size_t        cut;
    cos_u8       *copy;
    cos_buf_t     b;
    cos_str_t     text, exact;
    uint64_t      born;
    cos_buf_t     without;
    cos_object_t  o, back;

    (void) state;

    for (i = 0; i < ROUNDS; i++) {
        fresh();
        gen_object(&gen, &o, 3);
        cos_buf_init(&b, gen.alloc, 0);

        if (o.size > COS_U48_MAX || o.mtime > COS_U48_MAX) {
            assert_int_equal(cos_facts_encode(&b, &o), -1);
            continue;
        }

        assert_int_equal(cos_facts_encode(&b, &o), 0);
        text = text_of(&b);
        assert_true(text.data[0] < 0x80);
        assert_int_equal(cos_facts_decode(&back, text), 0);
        assert_int_equal(back.flags, o.flags & COS_FACTS_FLAGS);
        assert_int_equal(back.cls, o.cls);
        assert_int_equal(back.parts, o.parts);
        assert_true(back.size == o.size && back.mtime == o.mtime);
        assert_true(back.owner == o.owner && back.born == o.born);
        assert_int_equal(back.sum_type, o.sum_type);
        assert_memory_equal(back.etag, o.etag, COS_MD5_LEN);

        /* the beginning is the only thing that may be missing at the end */
        born = o.born;
        o.born = 0;
        cos_buf_init(&without, gen.alloc, 0);
        assert_int_equal(cos_facts_encode(&without, &o), 0);

        for (cut = 0; cut < text.len; cut++) {
            copy = malloc(cut + 1);
            memcpy(copy, text.data, cut);
            exact = (cos_str_t) { cut, copy };
            assert_int_equal(cos_facts_decode(&back, exact),
                             cut == without.len ? 0 : -1);
            free(copy);
        }

        cos_buf_char(&b, '\1');
        assert_int_equal(cos_facts_decode(&back, text_of(&b)),
                         born != 0 ? -1 : 0);
    }
}


static void
members_are_taken_apart(void **state)
{
    size_t     i;
    char       text[64];
    cos_str_t  member, key, facts;

    static const struct {
        const char  *member;
        size_t       len;
        const char  *key;
        size_t       key_len;
        const char  *facts;
    } good[] = {
        { "a\0f", 3, "a", 1, "f" },
        { "a\0", 2, "a", 1, "" },
        { "\0\377\0f", 4, "\0", 1, "f" },
        { "a\0\377b\0\377\0\377\0\1\0\377", 12, "a\0b\0\0", 5, "\1\0\377" },
        { "a\377\0f", 4, "a\377", 2, "f" },
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        memcpy(text, good[i].member, good[i].len);
        member = (cos_str_t) { good[i].len, (cos_u8 *) text };
        assert_int_equal(cos_member_split(member, &key, &facts), 0);
        assert_int_equal(key.len, good[i].key_len);
        assert_memory_equal(key.data, good[i].key, key.len);
        assert_memory_equal(facts.data, good[i].facts, facts.len);
        assert_true(facts.data + facts.len == member.data + member.len);
    }

    memcpy(text, "a\0\377b", 4);
    member = (cos_str_t) { 4, (cos_u8 *) text };
    assert_int_equal(cos_member_split(member, &key, &facts), -1);
    member.len = 0;
    assert_int_equal(cos_member_split(member, &key, &facts), -1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(objects_come_back),
        cmocka_unit_test(fronts_come_back),
        cmocka_unit_test(documents_come_back),
        cmocka_unit_test(damage_is_survived),
        cmocka_unit_test(cut_heads_are_refused),
        cmocka_unit_test(layout_is_fixed),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(documents_are_strict),
        cmocka_unit_test(words_are_told),
        cmocka_unit_test(library_has_our_version),
        cmocka_unit_test(facts_come_back),
        cmocka_unit_test(members_are_taken_apart),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
