/*
 * core: memory, buffers, spans, the error table, arguments, headers, seals.
 */

#include "unit.h"
#include "cos_http.h"

/* An allocator that gives out what malloc gives, `left` times. */
typedef struct {
    cos_arena_t  *arena;
    int           left;
} meter_t;

static void *
metered(void *ctx, size_t size)
{
    meter_t *m = ctx;

    return m->left-- > 0 ? cos_alloc(cos_arena_alloc(m->arena), size) : NULL;
}


static meter_t meter;
static cos_alloc_t failing = { metered, &meter };


static int
setup_metered(void **state)
{
    if (setup(state) != 0) {
        return -1;
    }

    meter.arena = arena;
    meter.left = 0;

    return 0;
}


static void
arena_keeps_pieces_apart(void **state)
{
    size_t  i, k, len[300];
    cos_u8 *p[300];

    (void) state;

    for (i = 0; i < 300; i++) {
        len[i] = (i * 7919) % (i % 10 == 0 ? 70000 : 900);
        p[i] = cos_alloc(mem, len[i]);
        assert_non_null(p[i]);
        assert_int_equal((uintptr_t) p[i] % 16, 0);
        memset(p[i], (int) i, len[i]);
    }

    for (i = 0; i < 300; i++) {
        for (k = 0; k < len[i]; k++) {
            assert_int_equal(p[i][k], (cos_u8) i);
        }
    }

    assert_null(cos_alloc(mem, SIZE_MAX));
    assert_null(cos_alloc(mem, SIZE_MAX - 20));
    cos_arena_free(NULL);
}


static void
zalloc_and_dup(void **state)
{
    cos_str_t s;
    cos_u8   *p;
    int       i;

    (void) state;
    memset(cos_alloc(mem, 4000), 0xff, 4000);
    p = cos_zalloc(mem, 4000);

    for (i = 0; i < 4000; i++) {
        assert_int_equal(p[i], 0);
    }

    assert_int_equal(cos_dup(mem, &s, "a\0b", 3), 0);
    assert_int_equal(s.len, 3);
    assert_memory_equal(s.data, "a\0b", 4);
    assert_int_equal(cos_dup(mem, &s, NULL, 0), 0);
    assert_int_equal(s.len, 0);
    assert_string_equal(s.data, "");

    assert_int_equal(cos_dup(mem, &s, "", SIZE_MAX), -1);
    assert_int_equal(cos_dup(&failing, &s, "x", 1), -1);
    assert_null(cos_zalloc(&failing, 1));
}


static void
buf_grows(void **state)
{
    cos_buf_t b;
    cos_str_t s;
    int       i;

    (void) state;
    cos_buf_init(&b, mem, 0);
    cos_buf_add(&b, NULL, 0);
    cos_buf_str(&b, str(""));
    assert_int_equal(b.len, 0);

    for (i = 0; i < 1000; i++) {
        cos_buf_char(&b, i);
    }

    assert_int_equal(b.len, 1000);
    assert_true(b.cap >= 1000);

    for (i = 0; i < 1000; i++) {
        assert_int_equal(b.data[i], (cos_u8) i);
    }

    cos_buf_init(&b, mem, 8);
    cos_buf_lit(&b, "n=");
    cos_buf_uint(&b, 0);
    cos_buf_cstr(&b, ",");
    cos_buf_uint(&b, 10);
    cos_buf_char(&b, ',');
    cos_buf_uint(&b, UINT64_MAX);
    assert_int_equal(b.err, 0);
    s.data = b.data;
    s.len = b.len;
    assert_true(cos_str_is(s, "n=0,10,18446744073709551615"));
}


static void
buf_keeps_its_error(void **state)
{
    cos_u8    room[4];
    cos_buf_t b;

    (void) state;
    cos_buf_init(&b, &failing, 100);
    assert_int_equal(b.err, 1);

    meter.left = 1;
    cos_buf_init(&b, &failing, 0);
    cos_buf_char(&b, 'x');
    assert_int_equal(b.err, 0);
    cos_buf_add(&b, arena, 0);
    assert_null(cos_buf_reserve(&b, 100000));
    assert_int_equal(b.err, 1);
    meter.left = 100;
    cos_buf_cstr(&b, "more");
    cos_buf_uint(&b, 7);
    assert_int_equal(b.err, 1);
    assert_int_equal(b.len, 1);

    cos_buf_init(&b, mem, 10);
    assert_null(cos_buf_reserve(&b, SIZE_MAX - 2));
    assert_int_equal(b.err, 1);

    /* without an allocator it is a buffer of fixed size */
    cos_buf_init(&b, NULL, 0);
    b.data = room;
    b.cap = sizeof(room);
    cos_buf_cstr(&b, "1234");
    assert_int_equal(b.err, 0);
    cos_buf_char(&b, '5');
    assert_int_equal(b.err, 1);
    assert_memory_equal(room, "1234", 4);
}


static void
spans_compare(void **state)
{
    cos_str_t none = { 0, NULL };

    (void) state;
    assert_true(cos_str_eq(none, none));
    assert_true(cos_str_eq(none, str("")));
    assert_true(cos_str_eq(str("ab"), str("ab")));
    assert_false(cos_str_eq(str("ab"), str("aB")));
    assert_false(cos_str_eq(str("ab"), str("abc")));
    assert_true(cos_str_is(none, ""));
    assert_true(cos_str_is(str("x"), "x"));
    assert_false(cos_str_is(str("xy"), "x"));

    assert_true(cos_str_starts(str("abc"), "ab"));
    assert_true(cos_str_starts(none, ""));
    assert_false(cos_str_starts(str("a"), "ab"));
    assert_false(cos_str_starts(str("ba"), "ab"));

    assert_int_equal(cos_str_cmp(none, none), 0);
    assert_int_equal(cos_str_cmp(str("a"), str("a")), 0);
    assert_true(cos_str_cmp(none, str("a")) < 0);
    assert_true(cos_str_cmp(str("b"), str("ab")) > 0);
    assert_true(cos_str_cmp(str("ab"), str("abc")) < 0);
    assert_true(cos_str_cmp(str("\xff"), str("a")) > 0);

    assert_true(cos_str_eq_secret(none, none));
    assert_true(cos_str_eq_secret(str("key"), str("key")));
    assert_false(cos_str_eq_secret(str("key"), str("kez")));
    assert_false(cos_str_eq_secret(str("key"), str("keys")));
}


static void
spans_fold_ascii_only(void **state)
{
    int    a, b, same;
    cos_u8 x, y;

    (void) state;

    for (a = 0; a < 256; a++) {
        for (b = 0; b < 256; b++) {
            x = (cos_u8) a;
            y = (cos_u8) b;
            same = (a >= 'A' && a <= 'Z' ? a + 32 : a)
                   == (b >= 'A' && b <= 'Z' ? b + 32 : b);
            assert_int_equal(cos_str_ieq((cos_str_t) { 1, &x },
                                         (cos_str_t) { 1, &y }), same);
        }
    }

    assert_true(cos_str_iis(str("Content-MD5"), "content-md5"));
    assert_false(cos_str_iis(str("Content-MD5"), "content-md"));
    assert_true(cos_str_iis((cos_str_t) { 0, NULL }, ""));
}


static void
spans_trim(void **state)
{
    (void) state;
    assert_true(cos_str_is(cos_str_trim(str(" \t a b\t ")), "a b"));
    assert_true(cos_str_is(cos_str_trim(str("a")), "a"));
    assert_int_equal(cos_str_trim(str(" \t ")).len, 0);
    assert_int_equal(cos_str_trim((cos_str_t) { 0, NULL }).len, 0);
    assert_true(cos_str_is(cos_str_trim(str("\n a")), "\n a"));
}


static void
numbers_are_digits(void **state)
{
    size_t   i;
    uint64_t n;

    static const char *const bad[] = {
        "", " 1", "1 ", "+1", "-1", "0x1", "1e3", "18446744073709551616",
        "99999999999999999999", "184467440737095516150", "1/", "1:"
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        n = 42;
        assert_int_equal(cos_str_uint(str(bad[i]), &n), -1);
        assert_int_equal(n, 42);
    }

    assert_int_equal(cos_str_uint(str("0"), &n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(cos_str_uint(str("000000000000000000000017"), &n), 0);
    assert_int_equal(n, 17);
    assert_int_equal(cos_str_uint(str("18446744073709551615"), &n), 0);
    assert_true(n == UINT64_MAX);
}


static void
errors_have_rows(void **state)
{
    int                   e;
    const cos_err_info_t *info;

    (void) state;

    for (e = COS_OK + 1; e < COS_E_MAX; e++) {
        info = cos_err_info((cos_err_e) e);
        assert_in_range(info->status, 400, 599);
        assert_true(strlen(info->code) > 0 && strlen(info->message) > 0);
    }

    assert_string_equal(cos_err_info(COS_E_NO_SUCH_KEY)->code, "NoSuchKey");
    assert_int_equal(cos_err_info(COS_E_NO_SUCH_KEY)->status, 404);
    assert_int_equal(cos_err_info(COS_OK)->status, 200);
    assert_string_equal(cos_err_info(COS_OK)->code, "");
    assert_string_equal(cos_err_info(COS_E_MAX)->code, "InternalError");
    assert_string_equal(cos_err_info((cos_err_e) -1)->code, "InternalError");
}


static void
token_names(void **state)
{
    int        c;
    cos_u8     byte;
    cos_str_t  one = { 1, &byte };

    (void) state;

    /* RFC 9110, 5.6.2: letters, digits and these */
    for (c = 0; c < 256; c++) {
        byte = (cos_u8) c;
        assert_int_equal(cos_is_token(one),
                         (c >= '0' && c <= '9')
                         || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
                         || (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL));
    }

    assert_true(cos_is_token(str("x-cos-meta-a")));
    assert_false(cos_is_token(str("x-cos-meta-a b")));
    assert_false(cos_is_token(str("x-cos-meta-a:")));
    assert_false(cos_is_token((cos_str_t) { 3, (cos_u8 *) "a\0b" }));
    assert_false(cos_is_token((cos_str_t) { 0, NULL }));
}


static void
args_split_and_decode(void **state)
{
    cos_args_t args;

    (void) state;
    assert_int_equal(
        cos_args_parse(&args, str("&&uploads&prefix=a%2Fb+c%2B&+x=&p=1=2&&"
                                  "p=z&%70=3&=v&"), mem), COS_OK);
    assert_int_equal(args.n, 7);

    assert_true(cos_str_is(args.v[0].name, "uploads"));
    assert_int_equal(args.v[0].has_eq, 0);
    assert_int_equal(args.v[0].value.len, 0);
    assert_int_equal(args.v[0].raw_value.len, 0);

    assert_true(cos_str_is(args.v[1].value, "a/b c+"));
    assert_true(cos_str_is(args.v[1].raw_value, "a%2Fb+c%2B"));
    assert_int_equal(args.v[1].has_eq, 1);

    assert_true(cos_str_is(args.v[2].name, "+x"));
    assert_int_equal(args.v[2].has_eq, 1);
    assert_int_equal(args.v[2].value.len, 0);

    assert_true(cos_str_is(args.v[3].value, "1=2"));
    assert_true(cos_str_is(args.v[4].value, "z"));
    assert_true(cos_str_is(args.v[5].name, "p"));
    assert_true(cos_str_is(args.v[5].raw_name, "%70"));
    assert_int_equal(args.v[6].name.len, 0);
    assert_true(cos_str_is(args.v[6].value, "v"));

    assert_ptr_equal(cos_arg(&args, "p"), &args.v[3]);
    assert_ptr_equal(cos_arg(&args, "uploads"), &args.v[0]);
    assert_null(cos_arg(&args, "upload"));
    assert_null(cos_arg(&args, "P"));
}


static void
args_limits(void **state)
{
    int         i;
    size_t      k;
    cos_buf_t   b;
    cos_args_t  args;
    const char *bad[] = { "a=%", "a=%4", "a=%4g", "%zz=1", "ok=1&b=%%41" };

    (void) state;
    assert_int_equal(cos_args_parse(&args, (cos_str_t) { 0, NULL }, mem), 0);
    assert_int_equal(args.n, 0);
    assert_null(cos_arg(&args, "x"));
    assert_int_equal(cos_args_parse(&args, str("&&&"), &failing), COS_OK);
    assert_int_equal(args.n, 0);

    for (k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
        assert_int_equal(cos_args_parse(&args, str(bad[k]), mem),
                         COS_E_INVALID_URI);
        assert_int_equal(args.n, 0);
    }

    cos_buf_init(&b, mem, 0);

    for (i = 0; i < COS_ARGS_MAX; i++) {
        cos_buf_lit(&b, "&k");
        cos_buf_uint(&b, (uint64_t) i);
    }

    assert_int_equal(cos_args_parse(&args, (cos_str_t) { b.len, b.data }, mem),
                     COS_OK);
    assert_int_equal(args.n, COS_ARGS_MAX);
    assert_ptr_equal(cos_arg(&args, "k127"), &args.v[127]);

    cos_buf_lit(&b, "&k");
    assert_int_equal(cos_args_parse(&args, (cos_str_t) { b.len, b.data }, mem),
                     COS_E_INVALID_URI);

    for (i = 0; i < 2; i++) {
        meter.left = i;
        assert_int_equal(cos_args_parse(&args, str("a=%41"), &failing),
                         COS_E_INTERNAL);
        assert_int_equal(args.n, 0);
    }
}


static void
headers_are_found(void **state)
{
    cos_http_t   h;
    cos_header_t v[] = {
        { cos_lit("host"), cos_lit("a") },
        { cos_lit("range"), cos_lit("1") },
        { cos_lit("range"), cos_lit("2") },
    };

    (void) state;
    memset(&h, 0, sizeof(h));
    assert_null(cos_header(&h, "host"));
    assert_int_equal(cos_header_count(&h, "host"), 0);

    h.headers = v;
    h.nheaders = 3;
    assert_ptr_equal(cos_header(&h, "range"), &v[1]);
    assert_null(cos_header(&h, "rang"));
    assert_int_equal(cos_header_count(&h, "range"), 2);
    assert_int_equal(cos_header_count(&h, "host"), 1);
    assert_int_equal(cos_header_count(&h, "date"), 0);
}


static void
seals_open_only_unchanged(void **state)
{
    size_t    i;
    cos_u8    key[32], plain[50], out[50 + COS_SEAL_OVERHEAD], back[50];
    cos_u8    again[sizeof(out)];
    cos_str_t aad = cos_lit("ak-1"), text = { sizeof(plain), plain };
    cos_str_t sealed = { sizeof(out), out }, shorter;

    (void) state;
    assert_int_equal(cos_random(key, sizeof(key)), 0);
    assert_int_equal(cos_random(plain, sizeof(plain)), 0);
    assert_int_equal(cos_seal(key, aad, text, out), 0);
    assert_int_equal(cos_unseal(key, aad, sealed, back), 50);
    assert_memory_equal(back, plain, 50);

    assert_int_equal(cos_seal(key, aad, text, again), 0);
    assert_memory_not_equal(again, out, 12);

    for (i = 0; i < sizeof(out) * 8; i++) {
        out[i / 8] ^= (cos_u8) (1 << i % 8);
        memset(back, 0x55, sizeof(back));
        assert_int_equal(cos_unseal(key, aad, sealed, back), -1);
        assert_memory_not_equal(back, plain, 50);
        out[i / 8] ^= (cos_u8) (1 << i % 8);
    }

    for (i = 0; i < sizeof(out); i++) {
        shorter = (cos_str_t) { i, out };
        assert_int_equal(cos_unseal(key, aad, shorter, back), -1);
    }

    for (i = 0; i < sizeof(key); i++) {
        key[i] ^= 1;
        assert_int_equal(cos_unseal(key, aad, sealed, back), -1);
        key[i] ^= 1;
    }

    assert_int_equal(cos_unseal(key, str("ak-2"), sealed, back), -1);
    assert_int_equal(cos_unseal(key, str(""), sealed, back), -1);
    assert_int_equal(cos_unseal(key, aad, sealed, back), 50);
}


static void
seals_of_nothing(void **state)
{
    cos_u8    key[32] = { 1 }, out[COS_SEAL_OVERHEAD], back[1];
    cos_str_t none = { 0, NULL }, sealed = { sizeof(out), out };

    (void) state;
    assert_int_equal(cos_seal(key, none, none, out), 0);
    assert_int_equal(cos_unseal(key, none, sealed, back), 0);
    out[20] ^= 1;
    assert_int_equal(cos_unseal(key, none, sealed, back), -1);

    assert_int_equal(cos_random(back, SIZE_MAX), -1);
    assert_int_equal(cos_random(NULL, 0), 0);
}


/* McGrew and Viega, "The Galois/Counter Mode of Operation", test case 14. */
static void
seals_are_aes_gcm(void **state)
{
    cos_u8    key[32] = { 0 }, sealed[44], back[16], zero[16] = { 0 };
    cos_str_t none = { 0, NULL };

    (void) state;
    assert_int_equal(
        cos_unhex(sealed, 44,
                  str("000000000000000000000000"
                      "cea7403d4d606b6e074ec5d3baf39d18"
                      "d0d1c8a799996bf0265b98b5d48ab919")), 0);
    assert_int_equal(cos_unseal(key, none, (cos_str_t) { 44, sealed }, back),
                     16);
    assert_memory_equal(back, zero, 16);
}


static void
seals_need_init(void **state)
{
    cos_u8    key[32] = { 0 }, out[64];
    cos_str_t none = { 0, NULL };

    (void) state;
    cos_hash_done();
    assert_int_equal(cos_seal(key, none, none, out), -1);
    assert_int_equal(cos_unseal(key, none, (cos_str_t) { 64, out }, out), -1);
    assert_int_equal(cos_hash_init(), 0);
    assert_int_equal(cos_seal(key, none, none, out), 0);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, setup_metered, teardown)
    const struct CMUnitTest tests[] = {
        T(arena_keeps_pieces_apart), T(zalloc_and_dup), T(buf_grows),
        T(buf_keeps_its_error), T(spans_compare), T(spans_fold_ascii_only),
        T(spans_trim), T(numbers_are_digits), T(errors_have_rows),
        T(token_names), T(args_split_and_decode), T(args_limits), T(headers_are_found),
        T(seals_open_only_unchanged), T(seals_of_nothing),
        T(seals_are_aes_gcm), T(seals_need_init),
    };
    int failed;

    if (cos_hash_init() != 0) {
        return 1;
    }

    failed = cmocka_run_group_tests_name("core", tests, NULL, NULL);
    cos_hash_done();

    return failed;
}
