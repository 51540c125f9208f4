/* Object lock: texts and rules. */

#include "unit.h"
#include "cos_lock.h"


static void
texts(void **state)
{
    size_t           i;
    cos_buf_t        b;
    cos_retention_t  r;
    static const char *good[] = {
        "GOVERNANCE;1", "COMPLIANCE;1893456000000",
        "GOVERNANCE;18446744073709551615", "off", "off;COMPLIANCE;7"
    };
    static const char *bad[] = {
        "GOVERNANCE", "GOVERNANCE;", "GOVERNANCE;0", ";1", "governance;1",
        "GOVERNANCE;1;", "GOVERNANCE;-1", "GOVERNANCE;1 ", "x", ";",
        "GOVERNANCE;18446744073709551616", "NONE;1", "off;", "off;off", "of",
        "off;GOVERNANCE;0"
    };

    (void) state;

    assert_int_equal(cos_retention_parse(&r, str("")), 0);
    assert_int_equal(r.mode, COS_LOCK_NONE);

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(cos_retention_parse(&r, str(good[i])), 0);
        cos_buf_init(&b, mem, 64);
        cos_retention_print(&b, &r);
        assert_int_equal(b.err, 0);
        assert_true(b.len < COS_RETENTION_TEXT);
        assert_int_equal(b.len, strlen(good[i]));
        assert_memory_equal(b.data, good[i], b.len);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(cos_retention_parse(&r, str(bad[i])), -1);
        assert_int_equal(r.mode, COS_LOCK_NONE);
    }

    /* no retention has no text */
    memset(&r, 0, sizeof(r));
    cos_buf_init(&b, mem, 64);
    cos_retention_print(&b, &r);
    assert_int_equal(b.len, 0);
}


static void
changes(void **state)
{
    size_t  i;
    static const struct {
        cos_retention_t  old, next;
        int              bypass, may;
    } t[] = {
        /* nothing in force */
        { { 0, 0, 0 }, { 0, 0, 0 }, 0, 1 },
        { { COS_LOCK_COMPLIANCE, 1000, 0 }, { 0, 0, 0 }, 0, 1 },
        { { COS_LOCK_COMPLIANCE, 999, 0 }, { COS_LOCK_GOVERNANCE, 1001, 0 }, 0, 1 },
        /* longer, or as long */
        { { COS_LOCK_GOVERNANCE, 2000, 0 }, { COS_LOCK_GOVERNANCE, 2001, 0 }, 0, 1 },
        { { COS_LOCK_GOVERNANCE, 2000, 0 }, { COS_LOCK_GOVERNANCE, 2000, 0 }, 0, 1 },
        { { COS_LOCK_COMPLIANCE, 2000, 0 }, { COS_LOCK_COMPLIANCE, 2001, 0 }, 0, 1 },
        { { COS_LOCK_GOVERNANCE, 2000, 0 }, { COS_LOCK_COMPLIANCE, 2000, 0 }, 0, 1 },
        /* shorter, weaker, none */
        { { COS_LOCK_GOVERNANCE, 2000, 0 }, { COS_LOCK_GOVERNANCE, 1999, 0 }, 0, 0 },
        { { COS_LOCK_GOVERNANCE, 2000, 0 }, { COS_LOCK_GOVERNANCE, 1999, 0 }, 1, 1 },
        { { COS_LOCK_GOVERNANCE, 2000, 0 }, { COS_LOCK_COMPLIANCE, 1999, 0 }, 0, 0 },
        { { COS_LOCK_GOVERNANCE, 2000, 0 }, { 0, 0, 0 }, 0, 0 },
        { { COS_LOCK_GOVERNANCE, 2000, 0 }, { 0, 0, 0 }, 1, 1 },
        { { COS_LOCK_COMPLIANCE, 2000, 0 }, { COS_LOCK_COMPLIANCE, 1999, 0 }, 1, 0 },
        { { COS_LOCK_COMPLIANCE, 2000, 0 }, { COS_LOCK_GOVERNANCE, 3000, 0 }, 1, 0 },
        { { COS_LOCK_COMPLIANCE, 2000, 0 }, { 0, 0, 0 }, 1, 0 },
    };

    (void) state;

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        assert_int_equal(cos_retention_may_become(&t[i].old, &t[i].next, 1000,
                                                  t[i].bypass),
                         t[i].may);
    }
}


static void
dates(void **state)
{
    size_t    i;
    uint64_t  ms;
    static const struct {
        const char  *text;
        int          rc;
        uint64_t     ms;
    } t[] = {
        { "2030-01-01T00:00:00Z", 0, 1893456000000 },
        { "2030-01-01T00:00:00.000Z", 0, 1893456000000 },
        { "2030-01-01T00:00:00.5Z", 0, 1893456000500 },
        { "2030-01-01T00:00:00.123456Z", 0, 1893456000123 },
        { "2030-01-01", -1, 0 }, { "", -1, 0 }, { "tomorrow", -1, 0 },
    };

    (void) state;

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        assert_int_equal(cos_retention_date(&ms, str(t[i].text)), t[i].rc);
        assert_true(t[i].rc != 0 || ms == t[i].ms);
    }
}


static void
refusals(void **state)
{
    cos_object_t  o;

    (void) state;

    memset(&o, 0, sizeof(o));
    assert_null(cos_lock_refuses(&o, 1000, 0));

    o.attr[COS_X_LOCK] = str("GOVERNANCE;2000");
    assert_non_null(cos_lock_refuses(&o, 1000, 0));
    assert_non_null(cos_lock_refuses(&o, 1999, 0));
    assert_null(cos_lock_refuses(&o, 2000, 0));
    assert_null(cos_lock_refuses(&o, 1000, 1));

    o.attr[COS_X_LOCK] = str("COMPLIANCE;2000");
    assert_non_null(cos_lock_refuses(&o, 1000, 0));
    assert_non_null(cos_lock_refuses(&o, 1000, 1));
    assert_null(cos_lock_refuses(&o, 2000, 0));

    /* a hold has no end and no bypass */
    o.flags = COS_F_LEGAL_HOLD;
    assert_non_null(cos_lock_refuses(&o, 3000, 1));
    o.attr[COS_X_LOCK] = str("");
    assert_non_null(cos_lock_refuses(&o, 3000, 1));

    o.flags = 0;
    o.attr[COS_X_LOCK] = str("damaged");
    assert_non_null(cos_lock_refuses(&o, 3000, 1));

    o.flags = COS_F_MARKER;
    assert_null(cos_lock_refuses(&o, 3000, 0));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(changes),
        cmocka_unit_test(dates),
        cmocka_unit_test(refusals),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
