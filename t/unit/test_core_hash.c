/*
 * core: digests, HMAC and checksums. Vectors: RFC 1321, 2202, 4231, FIPS 180;
 * check values of the CRC catalogue; every CRC also against a bitwise one.
 */

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cos_core.h"

typedef struct {
    cos_md_e     kind;
    const char  *key;                 /* NULL: keylen times keybyte */
    size_t       keylen;
    int          keybyte;
    const char  *text;                /* NULL: textlen times textbyte */
    size_t       textlen;
    int          textbyte;
    const char  *want;
} hmac_case_t;

#define LONG_KEY  "Test Using Larger Than Block-Size Key"
#define COUNT_UP  "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d"      \
                  "\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19"

static const hmac_case_t hmac_cases[] = {
    { COS_MD5, NULL, 16, 0x0b, "Hi There", 0, 0,
      "9294727a3638bb1c13f48ef8158bfc9d" },
    { COS_MD5, "Jefe", 0, 0, "what do ya want for nothing?", 0, 0,
      "750c783e6ab0b503eaa86e310a5db738" },
    { COS_MD5, NULL, 16, 0xaa, NULL, 50, 0xdd,
      "56be34521d144c88dbb8c733f0e8b3f6" },
    { COS_MD5, COUNT_UP, 0, 0, NULL, 50, 0xcd,
      "697eaf0aca3a3aea3a75164746ffaa79" },
    { COS_MD5, NULL, 80, 0xaa, LONG_KEY " - Hash Key First", 0, 0,
      "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd" },
    { COS_SHA1, NULL, 20, 0x0b, "Hi There", 0, 0,
      "b617318655057264e28bc0b6fb378c8ef146be00" },
    { COS_SHA1, "Jefe", 0, 0, "what do ya want for nothing?", 0, 0,
      "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79" },
    { COS_SHA1, NULL, 20, 0xaa, NULL, 50, 0xdd,
      "125d7342b9ac11cd91a39af48aa17b4f63f175d3" },
    { COS_SHA1, COUNT_UP, 0, 0, NULL, 50, 0xcd,
      "4c9007f4026250c6bc8414f9bf50c86c2d7235da" },
    { COS_SHA1, NULL, 80, 0xaa, LONG_KEY " - Hash Key First", 0, 0,
      "aa4ae5e15272d00e95705637ce8a3b55ed402112" },
    { COS_SHA256, NULL, 20, 0x0b, "Hi There", 0, 0,
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
    { COS_SHA256, "Jefe", 0, 0, "what do ya want for nothing?", 0, 0,
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
    { COS_SHA256, NULL, 20, 0xaa, NULL, 50, 0xdd,
      "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
    { COS_SHA256, COUNT_UP, 0, 0, NULL, 50, 0xcd,
      "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b" },
    { COS_SHA256, NULL, 131, 0xaa, LONG_KEY " - Hash Key First", 0, 0,
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
    { COS_SHA256, NULL, 131, 0xaa,
      "This is a test using a larger than block-size key and a larger than "
      "block-size data. The key needs to be hashed before being used by the "
      "HMAC algorithm.", 0, 0,
      "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2" },
};

static const struct {
    cos_md_e     kind;
    const char  *text;
    const char  *want;
} md_cases[] = {
    { COS_MD5, "", "d41d8cd98f00b204e9800998ecf8427e" },
    { COS_MD5, "abc", "900150983cd24fb0d6963f7d28e17f72" },
    { COS_SHA1, "", "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
    { COS_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d" },
    { COS_SHA256, "",
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
    { COS_SHA256, "abc",
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
};

static cos_u8 data[5000];


static void
hex_equal(const cos_u8 *got, const char *want)
{
    char   text[65];
    size_t n;

    n = strlen(want) / 2;
    cos_hex(text, got, n);
    text[2 * n] = '\0';
    assert_string_equal(text, want);
}


static void
digests(void **state)
{
    size_t    i, k, n;
    cos_u8    out[32];
    cos_md_t *md;

    (void) state;

    for (i = 0; i < sizeof(md_cases) / sizeof(md_cases[0]); i++) {
        n = strlen(md_cases[i].text);
        assert_int_equal(
            cos_md_once(md_cases[i].kind, md_cases[i].text, n, out), 0);
        hex_equal(out, md_cases[i].want);

        md = cos_md_create(md_cases[i].kind);
        assert_non_null(md);
        cos_md_update(md, "other", 5);
        cos_md_reset(md);

        for (k = 0; k < n; k++) {
            cos_md_update(md, md_cases[i].text + k, 1);
        }

        cos_md_update(md, NULL, 0);
        assert_int_equal(cos_md_final(md, out),
                         strlen(md_cases[i].want) / 2);
        hex_equal(out, md_cases[i].want);
        cos_md_free(md);
    }

    cos_md_free(NULL);
    assert_int_equal(cos_md_once(COS_MD5, NULL, 0, out), 0);
    hex_equal(out, md_cases[0].want);
}


static void
hmacs(void **state)
{
    size_t             i, klen, tlen;
    cos_u8             key[256], text[256], out[32];
    const hmac_case_t *c;

    (void) state;

    for (i = 0; i < sizeof(hmac_cases) / sizeof(hmac_cases[0]); i++) {
        c = &hmac_cases[i];
        klen = c->key ? strlen(c->key) : c->keylen;
        tlen = c->text ? strlen(c->text) : c->textlen;
        memset(key, c->keybyte, sizeof(key));
        memset(text, c->textbyte, sizeof(text));
        memcpy(key, c->key ? c->key : (char *) key, c->key ? klen : 0);
        memcpy(text, c->text ? c->text : (char *) text, c->text ? tlen : 0);
        assert_int_equal(cos_hmac(c->kind, key, klen, text, tlen, out), 0);
        hex_equal(out, c->want);
    }

    assert_int_equal(cos_hmac(COS_SHA256, NULL, 0, NULL, 0, out), 0);
    hex_equal(out, "b613679a0814d9ec772f95d778c35fc5"
                   "ff1697c493715653c6c712144292c5ad");

    /* the key may be the output of the step before, as in SigV4 */
    assert_int_equal(cos_hmac(COS_SHA256, "k", 1, "a", 1, key), 0);
    memcpy(out, key, 32);
    assert_int_equal(cos_hmac(COS_SHA256, key, 32, "b", 1, key), 0);
    assert_int_equal(cos_hmac(COS_SHA256, out, 32, "b", 1, out), 0);
    assert_memory_equal(key, out, 32);
}


static void *
hash_in_thread(void *arg)
{
    int    i;
    cos_u8 out[32];
    size_t *wrong = arg;

    for (i = 0; i < 2000; i++) {
        if (cos_hmac(COS_SHA256, "Jefe", 4, "what do ya want for nothing?",
                     28, out) != 0
            || out[0] != 0x5b || out[31] != 0x43)
        {
            ++*wrong;
        }

        if (cos_md_once((cos_md_e) (i % COS_MD_MAX), "abc", 3, out) != 0) {
            ++*wrong;
        }
    }

    return NULL;
}


static void
threads_have_their_own(void **state)
{
    int       i;
    size_t    wrong[4] = { 0 };
    pthread_t t[4];

    (void) state;

    for (i = 0; i < 4; i++) {
        assert_int_equal(
            pthread_create(&t[i], NULL, hash_in_thread, &wrong[i]), 0);
    }

    for (i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(t[i], NULL), 0);
        assert_int_equal(wrong[i], 0);
    }
}


static void
hashes_need_init(void **state)
{
    cos_u8 out[32];

    (void) state;
    assert_int_equal(cos_hash_init(), 0);
    cos_hash_done();
    cos_hash_done();
    assert_int_equal(cos_md_once(COS_MD5, "", 0, out), -1);
    assert_int_equal(cos_hmac(COS_MD5, "", 0, "", 0, out), -1);
    assert_int_equal(cos_hmac(COS_MD5, data, 100, "", 0, out), -1);
    assert_null(cos_md_create(COS_SHA256));
    assert_int_equal(cos_hash_init(), 0);
    assert_int_equal(cos_hash_init(), 0);
    assert_int_equal(cos_md_once(COS_MD5, "", 0, out), 0);
    assert_int_equal(cos_md_once(COS_MD_MAX, "", 0, out), -1);
    assert_null(cos_md_create(COS_MD_MAX));
}


/* One face for the four, so that a test is written once. */
typedef struct {
    uint64_t   poly;
    uint64_t   check;                 /* of "123456789" */
    uint64_t   ones;
    uint64_t (*run)(uint64_t crc, const void *p, size_t n);
    uint64_t (*join)(uint64_t a, uint64_t b, uint64_t blen);
} crc_t;


static uint64_t
run32(uint64_t crc, const void *p, size_t n)
{
    return cos_crc32((uint32_t) crc, p, n);
}


static uint64_t
join32(uint64_t a, uint64_t b, uint64_t blen)
{
    return cos_crc32_combine((uint32_t) a, (uint32_t) b, blen);
}


static uint64_t
run32c(uint64_t crc, const void *p, size_t n)
{
    return cos_crc32c((uint32_t) crc, p, n);
}


static uint64_t
join32c(uint64_t a, uint64_t b, uint64_t blen)
{
    return cos_crc32c_combine((uint32_t) a, (uint32_t) b, blen);
}


static const crc_t crcs[] = {
    { 0xc96c5795d7870f42, UINT64_C(11051210869376104954), UINT64_MAX,
      cos_crc64, cos_crc64_combine },
    { 0x9a6c9329ac4bc9b5, 0xae8b14860a799888, UINT64_MAX, cos_crc64nvme,
      cos_crc64nvme_combine },
    { 0xedb88320, 0xcbf43926, UINT32_MAX, run32, join32 },
    { 0x82f63b78, 0xe3069283, UINT32_MAX, run32c, join32c },
};

#define NCRC  (sizeof(crcs) / sizeof(crcs[0]))


static uint64_t
bitwise(const crc_t *c, const cos_u8 *p, size_t n)
{
    int      k;
    uint64_t crc;

    for (crc = c->ones; n--; p++) {
        for (crc ^= *p, k = 0; k < 8; k++) {
            crc = crc & 1 ? crc >> 1 ^ c->poly : crc >> 1;
        }
    }

    return crc ^ c->ones;
}


static void
crc_check_values(void **state)
{
    size_t i;

    (void) state;

    for (i = 0; i < NCRC; i++) {
        assert_true(crcs[i].run(0, "123456789", 9) == crcs[i].check);
        assert_true(crcs[i].run(0, NULL, 0) == 0);
        assert_true(crcs[i].run(crcs[i].check, NULL, 0) == crcs[i].check);
    }

    assert_true(cos_crc64(0, "hello", 5) == UINT64_C(11177612005948864433));
}


static void
crc_every_length(void **state)
{
    size_t i, n;

    (void) state;

    for (i = 0; i < NCRC; i++) {
        for (n = 0; n < 1100; n++) {
            assert_true(crcs[i].run(0, data + n % 17, n)
                        == bitwise(&crcs[i], data + n % 17, n));
        }

        assert_true(crcs[i].run(0, data, sizeof(data))
                    == bitwise(&crcs[i], data, sizeof(data)));
    }
}


static void
crc_in_pieces(void **state)
{
    size_t   i, k, n, pos;
    uint64_t crc;

    (void) state;
    srand(1);

    for (i = 0; i < NCRC; i++) {
        for (k = 0; k < 200; k++) {
            crc = 0;

            for (pos = 0; pos < sizeof(data); pos += n) {
                n = (size_t) rand() % (k % 2 ? 40 : 900);
                n = n < sizeof(data) - pos ? n : sizeof(data) - pos;
                crc = crcs[i].run(crc, data + pos, n);
            }

            assert_true(crc == crcs[i].run(0, data, sizeof(data)));
        }
    }
}


static void
crc_combines(void **state)
{
    size_t   i, k, n;
    uint64_t a, b, whole;

    (void) state;
    srand(2);

    for (i = 0; i < NCRC; i++) {
        whole = crcs[i].run(0, data, sizeof(data));

        for (k = 0; k < 500; k++) {
            n = k == 0 ? 0 : k == 1 ? sizeof(data)
                                    : (size_t) rand() % sizeof(data);
            a = crcs[i].run(0, data, n);
            b = crcs[i].run(0, data + n, sizeof(data) - n);
            assert_true(crcs[i].join(a, b, sizeof(data) - n) == whole);
        }
    }
}


/* Lengths that no test can feed: joining is associative, so a sum of lengths
 * up to 2^63 must give what its parts give one after the other. */
static void
crc_combines_huge(void **state)
{
    size_t   i;
    int      k;
    uint64_t a, b, c, len;

    (void) state;

    for (i = 0; i < NCRC; i++) {
        a = crcs[i].run(0, "left", 4);
        b = crcs[i].run(0, "middle", 6);
        c = crcs[i].run(0, "right", 5);

        for (k = 0; k < 63; k++) {
            len = (UINT64_C(1) << k) + 12345;
            assert_true(crcs[i].join(crcs[i].join(a, b, len), c, len + 7)
                        == crcs[i].join(a, crcs[i].join(b, c, len + 7),
                                        2 * len + 7));
        }
    }
}


int
main(void)
{
    size_t i;
    int    failed;

    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc_check_values),
        cmocka_unit_test(digests),
        cmocka_unit_test(hmacs),
        cmocka_unit_test(threads_have_their_own),
        cmocka_unit_test(hashes_need_init),
        cmocka_unit_test(crc_every_length),
        cmocka_unit_test(crc_in_pieces),
        cmocka_unit_test(crc_combines),
        cmocka_unit_test(crc_combines_huge),
    };

    for (i = 0; i < sizeof(data); i++) {
        data[i] = (cos_u8) (i * i * 31 + i / 3);
    }

    if (cos_hash_init() != 0) {
        return 1;
    }

    failed = cmocka_run_group_tests_name("core: hash", tests, NULL, NULL);
    cos_hash_done();

    return failed;
}
