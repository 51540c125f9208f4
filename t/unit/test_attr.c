/*
 * The short forms of bucket configurations, and tags.
 */

#include "unit.h"
#include "cos_attr.h"


static const char *
text(cos_buf_t *b)
{
    cos_buf_char(b, '\0');
    assert_false(b->err);

    return (const char *) b->data;
}


static void
test_sse(void **state)
{
    size_t             i;
    cos_buf_t          b;
    cos_bucket_sse_t   s;
    static const char *good[] = {
        "", "AES256", "aws:kms;;0", "aws:kms;;1", "aws:kms;key-1;0",
        "aws:kms;arn:aws:kms:eu:1:key/a-b;1"
    };
    static const char *bad[] = {
        "aes256", "AES256 ", "aws:kms", "aws:kms;key", "aws:kms;key;2",
        "aws:kms;key;", "aws:kms;a;b;1", "aws:kms;a b;1", "aws:kms;\x80;1"
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(cos_bucket_sse_parse(&s, str(good[i])), 0);
        cos_buf_init(&b, mem, 0);
        cos_bucket_sse_print(&b, &s);
        assert_string_equal(text(&b), good[i]);
    }

    assert_int_equal(s.algorithm, COS_BUCKET_SSE_KMS);
    assert_int_equal(s.bucket_key, 1);
    assert_true(cos_str_is(s.kms_key, "arn:aws:kms:eu:1:key/a-b"));

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(cos_bucket_sse_parse(&s, str(bad[i])), -1);
        assert_int_equal(s.algorithm, COS_BUCKET_SSE_NONE);
    }
}


static void
test_lock(void **state)
{
    size_t              i;
    cos_buf_t           b;
    uint64_t            days;
    cos_bucket_lock_t   l;
    static const char  *good[] = {
        "", "on", "GOVERNANCE;1d", "COMPLIANCE;36500d", "GOVERNANCE;100y",
        "COMPLIANCE;1y"
    };
    static const char  *bad[] = {
        "off", "GOVERNANCE", "GOVERNANCE;", "GOVERNANCE;d", "GOVERNANCE;0d",
        "GOVERNANCE;36501d", "GOVERNANCE;101y", "governance;1d",
        "COMPLIANCE;1w", "COMPLIANCE;-1d", "COMPLIANCE;1"
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(cos_bucket_lock_parse(&l, str(good[i])), 0);
        assert_int_equal(l.enabled, good[i][0] != '\0');
        cos_buf_init(&b, mem, 0);
        cos_bucket_lock_print(&b, &l);
        assert_string_equal(text(&b), good[i]);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(cos_bucket_lock_parse(&l, str(bad[i])), -1);
    }

    assert_int_equal(cos_bucket_worm_parse(&days, str("")), 0);
    assert_int_equal(days, 0);
    assert_int_equal(cos_bucket_worm_parse(&days, str("30")), 0);
    assert_int_equal(days, 30);
    assert_int_equal(cos_bucket_worm_parse(&days, str("0")), -1);
    assert_int_equal(cos_bucket_worm_parse(&days, str("36501")), -1);
    assert_int_equal(cos_bucket_worm_parse(&days, str("x")), -1);

    assert_int_equal(cos_lock_mode_parse(str("GOVERNANCE")),
                     COS_LOCK_GOVERNANCE);
    assert_int_equal(cos_lock_mode_parse(str("")), -1);
    assert_null(cos_lock_mode_name(COS_LOCK_NONE));
}


static void
test_lock_until(void **state)
{
    cos_bucket_lock_t   l;
    /* 2024-02-29T12:00:00.123Z */
    static const uint64_t  leap = 1709208000123;

    (void) state;
    memset(&l, 0, sizeof(l));
    l.enabled = 1;
    assert_int_equal(cos_bucket_lock_until(&l, leap), 0);

    l.mode = COS_LOCK_GOVERNANCE;
    l.days = 2;
    assert_int_equal(cos_bucket_lock_until(&l, leap), leap + 172800000);

    /* 2028-02-29, and 2025-03-01 */
    l.days = 0;
    l.years = 4;
    assert_int_equal(cos_bucket_lock_until(&l, leap), 1835438400123);
    l.years = 1;
    assert_int_equal(cos_bucket_lock_until(&l, leap), 1740830400123);

    l.enabled = 0;
    assert_int_equal(cos_bucket_lock_until(&l, leap), 0);
}


static void
test_quota(void **state)
{
    cos_buf_t           b;
    cos_bucket_quota_t  q;

    (void) state;
    assert_int_equal(cos_bucket_quota_parse(&q, str("")), 0);
    assert_int_equal(q.bytes + q.objects, 0);
    cos_buf_init(&b, mem, 0);
    cos_bucket_quota_print(&b, &q);
    assert_int_equal(b.len, 0);

    assert_int_equal(cos_bucket_quota_parse(&q, str("1048576;0")), 0);
    assert_int_equal(q.bytes, 1048576);
    q.objects = 7;
    cos_bucket_quota_print(&b, &q);
    assert_string_equal(text(&b), "1048576;7");

    assert_int_equal(cos_bucket_quota_parse(&q, str("1")), -1);
    assert_int_equal(cos_bucket_quota_parse(&q, str(";")), -1);
    assert_int_equal(cos_bucket_quota_parse(&q, str("1;x")), -1);
}


static void
test_access(void **state)
{
    cos_bucket_t  k;

    (void) state;
    memset(&k, 0, sizeof(k));
    assert_int_equal(cos_public_block(&k), 0);
    assert_int_equal(cos_ownership(&k), COS_OWNERSHIP_WRITER);
    assert_false(cos_requester_pays(&k));

    k.attr[COS_BX_PUBLIC_BLOCK] = str("3");
    k.attr[COS_BX_OWNERSHIP] = str("BucketOwnerEnforced");
    k.attr[COS_BX_PAYER] = str("Requester");
    assert_int_equal(cos_public_block(&k),
                     COS_BLOCK_PUBLIC_ACLS | COS_IGNORE_PUBLIC_ACLS);
    assert_int_equal(cos_ownership(&k), COS_OWNERSHIP_ENFORCED);
    assert_true(cos_requester_pays(&k));

    /* damaged: rather too much than too little */
    k.attr[COS_BX_PUBLIC_BLOCK] = str("?");
    assert_int_equal(cos_public_block(&k), 15);


    assert_int_equal(cos_ownership_parse(str("bucketownerenforced")), -1);
    assert_string_equal(cos_ownership_name(COS_OWNERSHIP_PREFERRED),
                        "BucketOwnerPreferred");
}


/* --- tags ----------------------------------------------------------------- */

/* What a header becomes, or the error's code. */
static const char *
tags(const char *header, size_t max, cos_dialect_e d)
{
    size_t      n;
    cos_buf_t   b;
    cos_err_e   err;
    cos_tag_t  *v;

    err = cos_tags_parse(&v, &n, str(header), mem);

    if (err == COS_OK) {
        err = cos_tags_check(v, n, max, d);
    }

    if (err != COS_OK) {
        return cos_err_info(err)->code;
    }

    cos_buf_init(&b, mem, 0);
    cos_tags_print(&b, v, n);
    assert_int_equal(cos_tags_count((cos_str_t) { b.len, b.data }), n);

    return text(&b);
}


static void
test_tags(void **state)
{
    size_t             i;
    static const char *bad[] = {
        "=b", "&", "a=b&", "a=b&&c=d", "a=b&a=c", "a=b&%61=c", "a=%", "a=%zz",
        "a=<", "a=b!", "a%00=b", "a=%ff", "a=%c0%80", "a=%ed%a0%80",
        "a=%f0%9f%98%80", "%e2%80%ae=b", "a=%0a"
    };

    (void) state;
    assert_string_equal(tags("", 10, COS_DIALECT_COS), "");
    assert_string_equal(tags("a=b", 10, COS_DIALECT_COS), "a=b");
    assert_string_equal(tags("c=d&a=b", 10, COS_DIALECT_S3), "a=b&c=d");
    assert_string_equal(tags("a", 10, COS_DIALECT_S3), "a=");
    assert_string_equal(tags("a+b=c+d", 10, COS_DIALECT_S3), "a%20b=c%20d");
    assert_string_equal(tags("a==b", 10, COS_DIALECT_S3), "a=%3Db");
    assert_string_equal(tags("a=+-%3d._:/@", 10, COS_DIALECT_S3),
                        "a=%20-%3D._%3A%2F%40");
    assert_string_equal(tags("%e4%b8%ad=%c3%a4", 10, COS_DIALECT_S3),
                        "%E4%B8%AD=%C3%A4");
    assert_string_equal(tags("a=1&b=2&c=3", 2, COS_DIALECT_S3), "InvalidTag");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_string_equal(tags(bad[i], 10, COS_DIALECT_S3), "InvalidTag");
    }
}


static void
test_tags_reserved(void **state)
{
    (void) state;
    assert_string_equal(tags("aws:a=b", 10, COS_DIALECT_S3), "InvalidTag");
    assert_string_equal(tags("AWS:a=b", 10, COS_DIALECT_S3), "InvalidTag");
    assert_string_equal(tags("aws=b", 10, COS_DIALECT_S3), "aws=b");
    assert_string_equal(tags("qcs:a=b", 10, COS_DIALECT_S3), "qcs%3Aa=b");
    assert_string_equal(tags("aws:a=b", 10, COS_DIALECT_COS), "aws%3Aa=b");
    assert_string_equal(tags("qcs:a=b", 10, COS_DIALECT_COS), "InvalidTag");
    assert_string_equal(tags("cos:a=b", 10, COS_DIALECT_COS), "InvalidTag");
    assert_string_equal(tags("project=b", 10, COS_DIALECT_COS),
                        "InvalidTag");
    assert_string_equal(tags("%e9%a1%b9%e7%9b%ae=b", 10, COS_DIALECT_COS),
                        "InvalidTag");
}


/* Characters are counted, not bytes. */
static void
test_tags_length(void **state)
{
    int         i;
    cos_buf_t   b;

    (void) state;

    for (i = 127; i <= 129; i++) {
        cos_buf_init(&b, mem, 0);
        while (b.len < (size_t) i * 6) {
            cos_buf_lit(&b, "%c3%a4");
        }

        cos_buf_lit(&b, "=v");
        assert_int_equal(strcmp(tags(text(&b), 10, COS_DIALECT_S3),
                                "InvalidTag") == 0, i > 128);
    }

    for (i = 255; i <= 257; i++) {
        cos_buf_init(&b, mem, 0);
        cos_buf_lit(&b, "k=");
        while (b.len < (size_t) i + 2) {
            cos_buf_char(&b, 'v');
        }

        assert_int_equal(strcmp(tags(text(&b), 10, COS_DIALECT_S3),
                                "InvalidTag") == 0, i > 256);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_sse),
        cmocka_unit_test(test_lock),
        cmocka_unit_test(test_lock_until),
        cmocka_unit_test(test_quota),
        cmocka_unit_test(test_access),
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_tags_reserved),
        cmocka_unit_test(test_tags_length),
    };

    return cmocka_run_group_tests_name("attr", tests, setup, teardown);
}
