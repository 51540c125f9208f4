/*
 * core: percent, hex and base64.
 */

#include "unit.h"
#include "cos_core.h"


static void *
nothing(void *ctx, size_t size)
{
    (void) ctx;
    (void) size;

    return NULL;
}


static cos_str_t
encoded(cos_str_t src, int flags)
{
    cos_buf_t b;

    cos_buf_init(&b, mem, 0);
    cos_pct_encode(&b, src, flags);
    assert_int_equal(b.err, 0);

    return (cos_str_t) { b.len, b.data };
}


static cos_str_t
base64(const void *p, size_t n)
{
    cos_buf_t b;

    cos_buf_init(&b, mem, 0);
    cos_base64(&b, p, n);
    assert_int_equal(b.err, 0);

    return (cos_str_t) { b.len, b.data };
}


static void
percent_every_byte(void **state)
{
    int       c, flags, keep;
    cos_u8    byte, back[3];
    cos_str_t s;

    static const char kept[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz0123456789-_.~";

    (void) state;

    for (flags = 0; flags < 4; flags++) {
        for (c = 0; c < 256; c++) {
            byte = (cos_u8) c;
            s = encoded((cos_str_t) { 1, &byte }, flags);
            keep = (c != 0 && strchr(kept, c) != NULL)
                   || (c == '/' && (flags & COS_ENC_SLASH));
            assert_int_equal(s.len, keep ? 1 : 3);
            assert_int_equal(s.data[0], keep ? c : '%');
            assert_int_equal(cos_pct_decode(back, s, 0), 1);
            assert_int_equal(back[0], c);
        }
    }
}


static void
percent_texts(void **state)
{
    cos_u8    all[256], back[256];
    cos_str_t s = { 256, all };
    int       i;

    (void) state;

    for (i = 0; i < 256; i++) {
        all[i] = (cos_u8) (i * 37);
    }

    s = encoded(s, 0);
    assert_int_equal(s.len, 256 + 2 * (256 - 66));
    /* in place */
    assert_int_equal(cos_pct_decode(s.data, s, 1), 256);
    assert_memory_equal(s.data, all, 256);

    assert_true(cos_str_is(encoded(str("a/b c+\xe4"), 0), "a%2Fb%20c%2B%E4"));
    assert_true(cos_str_is(encoded(str("a/b c+\xe4"), COS_ENC_SLASH),
                           "a/b%20c%2B%E4"));
    assert_true(cos_str_is(encoded(str("/\xe4"), COS_ENC_LOWER), "%2f%e4"));
    assert_int_equal(encoded((cos_str_t) { 0, NULL }, 0).len, 0);

    assert_int_equal(cos_pct_decode(back, str("a+b%2b%2B"), 0), 5);
    assert_memory_equal(back, "a+b++", 5);
    assert_int_equal(cos_pct_decode(back, str("a+b%2b"), 1), 4);
    assert_memory_equal(back, "a b+", 4);
    assert_int_equal(cos_pct_decode(back, str("%00%fF"), 1), 2);
    assert_memory_equal(back, "\0\xff", 2);
    assert_int_equal(cos_pct_decode(NULL, (cos_str_t) { 0, NULL }, 1), 0);
}


static void
percent_malformed(void **state)
{
    size_t i;
    cos_u8 back[16];

    static const char *const bad[] = {
        "%", "%a", "a%", "a%2", "%2g", "%g2", "%%20", "%-1", "%+1", "% 1",
        "%2\xb0", "abc%u00"
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(cos_pct_decode(back, str(bad[i]), 0), -1);
    }
}


static void
failures_are_kept(void **state)
{
    cos_buf_t   b;
    cos_alloc_t none = { nothing, NULL };

    (void) state;
    cos_buf_init(&b, &none, 0);
    cos_pct_encode(&b, str("a"), 0);
    assert_int_equal(b.err, 1);

    cos_buf_init(&b, &none, 0);
    cos_pct_encode(&b, str("a b"), 0);
    assert_int_equal(b.err, 1);

    cos_buf_init(&b, &none, 0);
    cos_base64(&b, "a", 1);
    assert_int_equal(b.err, 1);

    cos_buf_init(&b, mem, 0);
    cos_base64(&b, "a", SIZE_MAX - 1);
    assert_int_equal(b.err, 1);
}


static void
hex_both_ways(void **state)
{
    int    i;
    char   text[513];
    cos_u8 all[256], back[256];

    (void) state;

    for (i = 0; i < 256; i++) {
        all[i] = (cos_u8) i;
    }

    cos_hex(text, all, 256);
    text[512] = '\0';
    assert_memory_equal(text, "000102030405060708090a0b", 24);
    assert_int_equal(cos_unhex(back, 256, str(text)), 0);
    assert_memory_equal(back, all, 256);

    assert_int_equal(cos_unhex(back, 2, str("aBCd")), 0);
    assert_memory_equal(back, "\xab\xcd", 2);
    assert_int_equal(cos_unhex(back, 0, str("")), 0);
    assert_int_equal(cos_unhex(back, 2, str("abc")), -1);
    assert_int_equal(cos_unhex(back, 2, str("abcde")), -1);
    assert_int_equal(cos_unhex(back, 2, str("abcg")), -1);
    assert_int_equal(cos_unhex(back, 2, str("gbcd")), -1);
    assert_int_equal(cos_unhex(back, 2, str("a-cd")), -1);
    assert_int_equal(cos_unhex(back, SIZE_MAX, str("abcd")), -1);
    /* twice this length overflows to 4 */
    assert_int_equal(cos_unhex(back, SIZE_MAX / 2 + 3, str("abcd")), -1);
}


/* RFC 4648 section 10 */
static void
base64_vectors(void **state)
{
    size_t    i;
    cos_u8    back[8];
    ptrdiff_t n;

    static const char *const v[][2] = {
        { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
        { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
        { "foobar", "Zm9vYmFy" }, { "\xfb\xff\xfe", "+//+" }
    };

    (void) state;

    for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
        assert_true(cos_str_is(base64(v[i][0], strlen(v[i][0])), v[i][1]));
        n = cos_unbase64(back, str(v[i][1]));
        assert_int_equal(n, strlen(v[i][0]));
        assert_memory_equal(back, v[i][0], (size_t) n);
    }

    assert_int_equal(cos_unbase64(NULL, (cos_str_t) { 0, NULL }), 0);
}


static void
base64_round_trips(void **state)
{
    size_t    n;
    cos_u8    all[300], back[303];
    cos_str_t s;

    (void) state;

    for (n = 0; n < sizeof(all); n++) {
        all[n] = (cos_u8) (n * 59 + n / 7);
    }

    for (n = 0; n <= sizeof(all); n++) {
        s = base64(all, n);
        assert_int_equal(s.len, (n + 2) / 3 * 4);
        assert_int_equal(cos_unbase64(back, s), n);
        assert_memory_equal(back, all, n);
    }
}


static void
base64_strict(void **state)
{
    int    c;
    size_t i;
    char   text[5];
    cos_u8 back[12];

    static const char *const bad[] = {
        "Z", "Zg", "Zg=", "Zg===", "=", "==", "===", "====", "Z===", "=Zg=",
        "Zg=a", "Zh==", "Zm9=", "Zg==Zg==", "Zm8=Zm8=", "Zg==\n", " Zg=",
        "Zm9v\n", "Zm9-", "Zm9_", "Zm=v", "Z=9v", "Zm9vZ===", "Zm\0v"
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(cos_unbase64(back, str(bad[i])), -1);
    }

    /* every position takes the 64 digits and nothing else */
    for (i = 0; i < 4; i++) {
        for (c = 1; c < 256; c++) {
            memcpy(text, "AAAA", 5);
            text[i] = (char) c;
            assert_int_equal(
                cos_unbase64(back, str(text)) == 3,
                (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
                    || (c >= 'a' && c <= 'z') || c == '+' || c == '/');
        }
    }
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(percent_every_byte), T(percent_texts), T(percent_malformed),
        T(failures_are_kept), T(hex_both_ways), T(base64_vectors),
        T(base64_round_trips), T(base64_strict),
    };

    return cmocka_run_group_tests_name("core: codec", tests, NULL, NULL);
}
