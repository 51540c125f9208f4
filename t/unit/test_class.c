/* Storage classes and restoring. */

#include "unit.h"
#include "cos_class.h"


#define DAY  86400000ull


static void
names(void **state)
{
    int  i;

    (void) state;

    /* what is stored keeps its meaning */
    assert_string_equal(cos_class_name(0), "STANDARD");
    assert_string_equal(cos_class_name(3), "ARCHIVE");
    assert_string_equal(cos_class_name(4), "DEEP_ARCHIVE");
    assert_string_equal(cos_class_name(12), "REDUCED_REDUNDANCY");

    for (i = 0; i < COS_CLASS_MAX; i++) {
        assert_int_equal(cos_class_parse(str(cos_class_name(i))), i);
        assert_non_null(cos_class_shown(i, COS_DIALECT_COS));
        /* every name that is shown is taken */
        assert_true(cos_class_parse(str(cos_class_shown(i, COS_DIALECT_S3)))
                    >= 0);
        assert_true(cos_class_parse(str(cos_class_shown(i, COS_DIALECT_BOS)))
                    >= 0);
        /* and is as readable as what it is shown for */
        assert_int_equal(cos_class_archived(cos_class_parse(
                             str(cos_class_shown(i, COS_DIALECT_S3)))),
                         cos_class_archived(i));
    }

    assert_null(cos_class_name(COS_CLASS_MAX));
    assert_int_equal(cos_class_parse(str("Standard_IA")),
                     COS_CLASS_STANDARD_IA);
    assert_int_equal(cos_class_parse(str("glacier")), COS_CLASS_ARCHIVE);
    assert_int_equal(cos_class_parse(str("")), -1);
    assert_int_equal(cos_class_parse(str("OUTPOSTS")), -1);
    assert_int_equal(cos_class_parse(str("ARCHIVE ")), -1);

    assert_string_equal(cos_class_shown(COS_CLASS_ARCHIVE, COS_DIALECT_COS),
                        "ARCHIVE");
    assert_string_equal(cos_class_shown(COS_CLASS_ARCHIVE, COS_DIALECT_S3),
                        "GLACIER");
    assert_string_equal(cos_class_shown(COS_CLASS_MAZ_STANDARD,
                                        COS_DIALECT_S3), "STANDARD");
    assert_string_equal(cos_class_shown(COS_CLASS_GLACIER_IR,
                                        COS_DIALECT_COS), "COLD");
}


static void
tiers(void **state)
{
    (void) state;

    assert_int_equal(cos_tier_parse(str("Standard")), COS_TIER_STANDARD);
    assert_int_equal(cos_tier_parse(str("expedited")), COS_TIER_EXPEDITED);
    assert_int_equal(cos_tier_parse(str("BULK")), COS_TIER_BULK);
    assert_int_equal(cos_tier_parse(str("")), -1);
    assert_null(cos_tier_name(COS_TIER_MAX));

    assert_true(cos_tier_fits(COS_TIER_EXPEDITED, COS_CLASS_ARCHIVE));
    assert_false(cos_tier_fits(COS_TIER_EXPEDITED, COS_CLASS_DEEP_ARCHIVE));
    assert_true(cos_tier_fits(COS_TIER_BULK, COS_CLASS_DEEP_ARCHIVE));
    assert_false(cos_tier_fits(COS_TIER_BULK, COS_CLASS_STANDARD));

    assert_int_equal(cos_tier_seconds(COS_TIER_EXPEDITED, COS_CLASS_ARCHIVE),
                     300);
    assert_int_equal(cos_tier_seconds(COS_TIER_BULK, COS_CLASS_DEEP_ARCHIVE),
                     48 * 3600);
}


static void
texts(void **state)
{
    size_t         i;
    cos_buf_t      b;
    cos_restore_t  r;
    const char    *good = "Bulk;1000;2000;86400000";
    static const char *bad[] = {
        "", "Bulk", "Bulk;", "Bulk;1;2", "Bulk;1;2;", "Bulk;1;2;2",
        "Bulk;1;3;2", "x;1;2;3", ";1;2;3", "Bulk;1;2;3;", "Bulk;;2;3",
        "Bulk;1;2;3x"
    };

    (void) state;

    assert_int_equal(cos_restore_parse(&r, str(good)), 0);
    assert_int_equal(r.tier, COS_TIER_BULK);
    assert_int_equal(r.asked, 1000);
    assert_int_equal(r.ready, 2000);
    assert_int_equal(r.expires, DAY);

    cos_buf_init(&b, mem, 64);
    cos_restore_print(&b, &r);
    assert_int_equal(b.len, strlen(good));
    assert_memory_equal(b.data, good, b.len);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(cos_restore_parse(&r, str(bad[i])), -1);
        assert_int_equal(cos_restore_state(&r, str(bad[i]), 0),
                         COS_RESTORE_NONE);
    }
}


static void
states(void **state)
{
    cos_object_t   o;
    cos_restore_t  r;
    cos_str_t      text = str("Standard;1000;2000;86400000");

    (void) state;

    assert_int_equal(cos_restore_state(&r, text, 1000), COS_RESTORE_ONGOING);
    assert_int_equal(cos_restore_state(&r, text, 1999), COS_RESTORE_ONGOING);
    assert_int_equal(cos_restore_state(&r, text, 2000), COS_RESTORE_READY);
    assert_int_equal(cos_restore_state(&r, text, DAY - 1), COS_RESTORE_READY);
    assert_int_equal(cos_restore_state(&r, text, DAY), COS_RESTORE_NONE);

    memset(&o, 0, sizeof(o));
    assert_true(cos_object_readable(&o, 0));
    o.cls = COS_CLASS_GLACIER_IR;
    assert_true(cos_object_readable(&o, 0));
    o.cls = COS_CLASS_DEEP_ARCHIVE;
    assert_false(cos_object_readable(&o, 2000));
    o.attr[COS_X_RESTORE] = text;
    assert_false(cos_object_readable(&o, 1999));
    assert_true(cos_object_readable(&o, 2000));
    assert_false(cos_object_readable(&o, DAY));

    /* midnight after so many days */
    assert_int_equal(cos_restore_expiry(0, 1), DAY);
    assert_int_equal(cos_restore_expiry(1, 1), 2 * DAY);
    assert_int_equal(cos_restore_expiry(DAY - 1, 7), 8 * DAY);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(tiers),
        cmocka_unit_test(texts),
        cmocka_unit_test(states),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
