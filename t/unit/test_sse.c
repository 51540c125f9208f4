/*
 * Encryption at rest: key streams, sealed data keys, files of keys. Vectors:
 * NIST AESAVS, appendix D (variable text, AES-256): a counter block is a text.
 */

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "cos_sse.h"

static cos_arena_t *arena;


static void
unhex(cos_u8 *dst, size_t n, const char *hex)
{
    cos_str_t s = { 2 * n, (cos_u8 *) hex };

    assert_int_equal(cos_unhex(dst, n, s), 0);
}


/* AES-256 of one block by another way than that under test. */
static void
block_of(cos_u8 *out, const cos_u8 *key, const cos_u8 *in)
{
    int             len;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    assert_non_null(ctx);
    assert_true(EVP_EncryptInit_ex(ctx, EVP_aes_256_ecb(), NULL, key, NULL));
    assert_true(EVP_CIPHER_CTX_set_padding(ctx, 0));
    assert_true(EVP_EncryptUpdate(ctx, out, &len, in, 16));
    EVP_CIPHER_CTX_free(ctx);
}


static void
known_blocks(void **state)
{
    size_t       i;
    cos_u8       key[32] = { 0 }, nonce[8], want[16], got[16];
    cos_crypt_t *c;
    static const struct {
        const char *nonce, *out;
    } v[] = {
        { "8000000000000000", "ddc6bf790c15760d8d9aeb6f9a75fd4e" },
        { "c000000000000000", "0a6bdc6d4c1e6280301fd8e97ddbe601" },
        { "e000000000000000", "9b80eefb7ebe2d2b16247aa0efc72f5d" },
        { "f000000000000000", "7f2c5ece07a98d8bee13c51177395ff7" }
    };

    (void) state;
    c = cos_crypt_create(key);
    assert_non_null(c);

    for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
        unhex(nonce, 8, v[i].nonce);
        unhex(want, 16, v[i].out);
        memset(got, 0, 16);
        assert_int_equal(cos_crypt_seek(c, nonce, 0), 0);
        assert_int_equal(cos_crypt_update(c, got, got, 16), 0);
        assert_memory_equal(got, want, 16);
    }

    cos_crypt_free(c);
}


/* From any offset, in any pieces, far behind 32-bit block numbers. */
static void
seeks(void **state)
{
    int          i;
    size_t       k, n;
    cos_u8       key[32], nonce[8], block[16], stream[4096], got[4096];
    uint64_t     base, pos;
    cos_crypt_t *c;
    static const uint64_t bases[] = { 0, (1ULL << 36) - 2048, 1ULL << 44 };

    (void) state;
    assert_int_equal(cos_random(key, 32), 0);
    assert_int_equal(cos_random(nonce, 8), 0);
    c = cos_crypt_create(key);
    assert_non_null(c);

    for (k = 0; k < sizeof(bases) / sizeof(bases[0]); k++) {
        base = bases[k];

        for (pos = 0; pos < sizeof(stream); pos += 16) {
            memcpy(block, nonce, 8);

            for (i = 0; i < 8; i++) {
                block[15 - i] = (cos_u8) ((base + pos) / 16 >> (8 * i));
            }

            block_of(stream + pos, key, block);
        }

        for (pos = 0; pos < sizeof(stream); pos += 1 + pos / 3) {
            n = sizeof(stream) - pos;
            memset(got, 0, n);
            assert_int_equal(cos_crypt_seek(c, nonce, base + pos), 0);
            assert_int_equal(cos_crypt_update(c, got, got, n / 3), 0);
            assert_int_equal(cos_crypt_update(c, got + n / 3, got + n / 3,
                                              n - n / 3), 0);
            assert_memory_equal(got, stream + pos, n);
        }
    }

    cos_crypt_free(c);
}


/* Whole blocks may go another way than the rest: any length from any offset,
 * to another place, and nothing beside it, is as the sum of single bytes. */
static void
lengths(void **state)
{
    size_t       i, n, pos;
    cos_u8       key[32], nonce[8], text[1400], want[1400], got[1402];
    cos_crypt_t *c;

    (void) state;
    assert_int_equal(cos_random(key, 32), 0);
    assert_int_equal(cos_random(nonce, 8), 0);
    assert_int_equal(cos_random(text, sizeof(text)), 0);
    c = cos_crypt_create(key);
    assert_non_null(c);
    assert_int_equal(cos_crypt_seek(c, nonce, 0), 0);

    for (i = 0; i < sizeof(text); i++) {
        assert_int_equal(cos_crypt_update(c, want + i, text + i, 1), 0);
    }

    for (pos = 0; pos < 34; pos++) {
        for (n = 0; n <= 1300; n += 1 + (n > 300) * 37) {
            memset(got, 0x5a, sizeof(got));
            assert_int_equal(cos_crypt_seek(c, nonce, pos), 0);
            assert_int_equal(cos_crypt_update(c, got + 1, text + pos, n), 0);
            assert_memory_equal(got + 1, want + pos, n);
            assert_int_equal(got[0], 0x5a);
            assert_int_equal(got[1 + n], 0x5a);

            /* and goes on where it ended */
            assert_int_equal(cos_crypt_update(c, got, text + pos + n, 20), 0);
            assert_memory_equal(got, want + pos + n, 20);
        }
    }

    cos_crypt_free(c);
}


/* What one thread of threads() works on, and what has to come out. */
typedef struct {
    pthread_t     thread;
    cos_crypt_t  *crypt;
    cos_u8        nonce[8];
    cos_u8        want[8192];
    int           failed;
} worker_t;


static void *
work(void *data)
{
    int       i;
    cos_u8    got[8192];
    worker_t *w = data;

    for (i = 0; i < 500 && !w->failed; i++) {
        memset(got, 0, sizeof(got));

        w->failed = cos_crypt_seek(w->crypt, w->nonce, 0) != 0
                    || cos_crypt_update(w->crypt, got, got, sizeof(got)) != 0
                    || memcmp(got, w->want, sizeof(got)) != 0;
    }

    return NULL;
}


/* Each with a key of its own, at the same time. */
static void
threads(void **state)
{
    size_t    i, k;
    cos_u8    key[32], block[16] = { 0 };
    worker_t *w;

    (void) state;
    w = calloc(6, sizeof(worker_t));
    assert_non_null(w);

    for (i = 0; i < 6; i++) {
        assert_int_equal(cos_random(key, 32), 0);
        assert_int_equal(cos_random(w[i].nonce, 8), 0);
        memcpy(block, w[i].nonce, 8);

        for (k = 0; k < sizeof(w[i].want) / 16; k++) {
            block[14] = (cos_u8) (k >> 8);
            block[15] = (cos_u8) k;
            block_of(w[i].want + 16 * k, key, block);
        }

        w[i].crypt = cos_crypt_create(key);
        assert_non_null(w[i].crypt);
    }

    for (i = 0; i < 6; i++) {
        assert_int_equal(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
    }

    for (i = 0; i < 6; i++) {
        assert_int_equal(pthread_join(w[i].thread, NULL), 0);
        assert_int_equal(w[i].failed, 0);
        cos_crypt_free(w[i].crypt);
    }

    free(w);
}


static void
seals(void **state)
{
    size_t     i;
    cos_u8     master[32], other[32], key[32], got[32], *was;
    cos_buf_t  b;
    cos_str_t  attr;
    cos_sse_t  s, r;
    static const struct {
        cos_sse_e   type;
        const char *id, *context;
    } v[] = {
        { COS_SSE_STORE, "1", "" }, { COS_SSE_KMS, "a-key.1", "" },
        { COS_SSE_KMS, "k", "eyJhIjoiYiJ9" }, { COS_SSE_CUSTOMER, "", "" }
    };

    (void) state;
    assert_int_equal(cos_random(master, 32), 0);
    assert_int_equal(cos_random(other, 32), 0);
    assert_int_equal(cos_random(key, 32), 0);

    for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
        memset(&s, 0, sizeof(s));
        s.type = v[i].type;
        s.id = (cos_str_t) { strlen(v[i].id), (cos_u8 *) v[i].id };
        s.context = (cos_str_t) { strlen(v[i].context),
                                  (cos_u8 *) v[i].context };
        s.bucket_key = v[i].context[0] != '\0';

        cos_buf_init(&b, cos_arena_alloc(arena), 16);
        assert_int_equal(cos_sse_seal(&b, &s, master, key), 0);
        attr.data = b.data;
        attr.len = b.len;

        assert_int_equal(cos_sse_parse(&r, attr), 0);
        assert_int_equal(r.type, s.type);
        assert_int_equal(r.bucket_key, s.bucket_key);
        assert_true(cos_str_eq(r.id, s.id));
        assert_true(cos_str_eq(r.context, s.context));
        assert_true(cos_sse_same(&r, &s));

        assert_int_equal(cos_sse_open(attr, master, got), 0);
        assert_memory_equal(got, key, 32);
        assert_int_equal(cos_sse_open(attr, other, got), -1);

        for (was = attr.data; was < attr.data + attr.len; was++) {
            *was ^= 0x41;
            assert_int_equal(cos_sse_open(attr, master, got), -1);
            *was ^= 0x41;
        }

        for (attr.len--; attr.len > 0; attr.len--) {
            assert_int_equal(cos_sse_parse(&r, attr), -1);
        }
    }
}


static void
same_or_not(void **state)
{
    cos_sse_t a, b;

    (void) state;
    memset(&a, 0, sizeof(a));
    memset(&b, 0, sizeof(b));
    a.type = b.type = COS_SSE_STORE;
    a.id = COS_STR("1");
    b.id = COS_STR("2");
    assert_true(cos_sse_same(&a, &b));
    a.type = COS_SSE_KMS;
    assert_false(cos_sse_same(&a, &b));
    b.type = COS_SSE_KMS;
    assert_false(cos_sse_same(&a, &b));
    b.id = a.id;
    assert_true(cos_sse_same(&a, &b));
    b.context = COS_STR("e30=");
    assert_false(cos_sse_same(&a, &b));
}


/* Each segment has a key stream of its own, from its own beginning. */
static void
objects(void **state)
{
    size_t        at, n;
    cos_u8        key[32], nonces[32], plain[100], disk[100], got[100];
    cos_seg_t     segs[4] = { { 1, 0, 33 }, { 2, 0, 0 }, { 3, 0, 17 },
                              { 4, 0, 50 } };
    cos_crypt_t  *c;
    cos_object_t  o;

    (void) state;
    assert_int_equal(cos_random(key, 32), 0);
    assert_int_equal(cos_random(nonces, 32), 0);
    assert_int_equal(cos_random(plain, 100), 0);

    memset(&o, 0, sizeof(o));
    o.size = 100;
    o.nsegs = 4;
    o.segs = segs;
    o.attr[COS_X_NONCES] = (cos_str_t) { 32, nonces };

    c = cos_crypt_create(key);
    assert_non_null(c);
    assert_int_equal(cos_crypt_seek(c, nonces, 0), 0);
    assert_int_equal(cos_crypt_update(c, disk, plain, 33), 0);
    assert_int_equal(cos_crypt_seek(c, nonces + 16, 0), 0);
    assert_int_equal(cos_crypt_update(c, disk + 33, plain + 33, 17), 0);
    assert_int_equal(cos_crypt_seek(c, nonces + 24, 0), 0);
    assert_int_equal(cos_crypt_update(c, disk + 50, plain + 50, 50), 0);

    for (at = 0; at < 100; at++) {
        for (n = 0; n <= 100 - at; n++) {
            memcpy(got, disk + at, n);
            assert_int_equal(cos_sse_apply(c, &o, at, got, n), 0);
            assert_memory_equal(got, plain + at, n);
        }
    }

    assert_int_equal(cos_sse_apply(c, &o, 99, got, 2), -1);
    o.attr[COS_X_NONCES].len = 24;
    assert_int_equal(cos_sse_apply(c, &o, 0, got, 1), -1);
    o.attr[COS_X_NONCES].len = 0;
    assert_false(cos_sse_whole(&o));
    o.size = 0;
    assert_true(cos_sse_whole(&o));

    cos_crypt_free(c);
}


static int
keys_of(const char *text, cos_sse_key_t *v, size_t *n, unsigned *line)
{
    cos_str_t s = { strlen(text), (cos_u8 *) text };

    return cos_sse_keys_read(v, n, s, line);
}


#define HEX  "000102030405060708090a0b0c0d0e0f"                               \
             "101112131415161718191A1B1C1D1E1F"

static void
key_files(void **state)
{
    cos_u8        key[32];
    size_t        n;
    unsigned      line;
    cos_sse_key_t v[COS_SSE_KEYS_MAX];

    (void) state;
    assert_int_equal(keys_of("2 " HEX "\n# old\n\n1\t" HEX " \r\n", v, &n,
                             &line), 0);
    assert_int_equal(n, 2);
    assert_true(cos_str_is(v[0].id, "2"));
    assert_true(cos_str_is(v[1].id, "1"));
    assert_int_equal(v[1].key[31], 0x1f);

    assert_int_equal(keys_of("", v, &n, &line), -1);
    assert_int_equal(line, 0);
    assert_int_equal(keys_of("# none\n", v, &n, &line), -1);
    assert_int_equal(line, 0);
    assert_int_equal(keys_of("1 " HEX "\n1 " HEX "\n", v, &n, &line), -1);
    assert_int_equal(line, 2);
    assert_int_equal(keys_of("1 " HEX "00\n", v, &n, &line), -1);
    assert_int_equal(line, 1);
    assert_int_equal(keys_of("\n../1 " HEX, v, &n, &line), -1);
    assert_int_equal(line, 2);
    assert_int_equal(keys_of(HEX, v, &n, &line), -1);

    assert_int_equal(cos_sse_key_read(key, COS_STR(HEX "\n")), 0);
    assert_int_equal(key[31], 0x1f);
    assert_int_equal(cos_sse_key_read(key, COS_STR(
                         "0123456789abcdef0123456789abcdef")), 0);
    assert_int_equal(key[0], '0');
    assert_int_equal(cos_sse_key_read(key, COS_STR("0123")), -1);

    assert_true(cos_str_is(cos_sse_id(COS_STR("a-b")), "a-b"));
    assert_true(cos_str_is(cos_sse_id(COS_STR(
                    "arn:aws:kms:r:1:key/a-b")), "a-b"));
    assert_true(cos_str_is(cos_sse_id(COS_STR("arn:aws:kms:r:1:alias/a")),
                           "arn:aws:kms:r:1:alias/a"));
    assert_true(cos_str_is(cos_sse_id(COS_STR("arn:")), "arn:"));
    assert_false(cos_sse_id_valid(COS_STR("")));
    assert_false(cos_sse_id_valid(COS_STR(".a")));
    assert_false(cos_sse_id_valid(COS_STR("a/b")));
    assert_true(cos_sse_id_valid(COS_STR("mrk-1_2.3")));
}


int
main(void)
{
    int failed;

    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_blocks),
        cmocka_unit_test(seeks),
        cmocka_unit_test(lengths),
        cmocka_unit_test(threads),
        cmocka_unit_test(seals),
        cmocka_unit_test(same_or_not),
        cmocka_unit_test(objects),
        cmocka_unit_test(key_files),
    };

    if (cos_hash_init() != 0 || (arena = cos_arena_create()) == NULL) {
        return 1;
    }

    failed = cmocka_run_group_tests_name("encryption", tests, NULL, NULL);
    cos_arena_free(arena);
    cos_hash_done();

    return failed;
}
