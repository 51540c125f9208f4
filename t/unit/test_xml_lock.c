/* Documents about restoring and locks. */

#define _GNU_SOURCE

#include "unit.h"
#include "cos_xml_lock.h"


static void
restore(void **state)
{
    size_t      i;
    uint64_t    days;
    cos_tier_e  tier;
    static const struct {
        const char  *text;
        cos_err_e    err;
        uint64_t     days;
        cos_tier_e   tier;
    } t[] = {
        { "<RestoreRequest><Days>7</Days><CASJobParameters><Tier>Expedited"
          "</Tier></CASJobParameters></RestoreRequest>",
          COS_OK, 7, COS_TIER_EXPEDITED },
        { "<RestoreRequest xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
          "<GlacierJobParameters><Tier> Bulk </Tier></GlacierJobParameters>"
          "<Days> 1 </Days><Description><x/></Description></RestoreRequest>",
          COS_OK, 1, COS_TIER_BULK },
        { "<RestoreRequest><Days>3</Days></RestoreRequest>",
          COS_OK, 3, COS_TIER_STANDARD },
        { "<RestoreRequest><Days>3</Days><Tier>Bulk</Tier></RestoreRequest>",
          COS_OK, 3, COS_TIER_BULK },
        { "<RestoreRequest><Days>3</Days><CASJobParameters/>"
          "</RestoreRequest>", COS_OK, 3, COS_TIER_STANDARD },
        { "<RestoreRequest/>", COS_E_MALFORMED_XML, 0, 0 },
        { "<RestoreRequest><Days>x</Days></RestoreRequest>",
          COS_E_MALFORMED_XML, 0, 0 },
        { "<RestoreRequest><Days>-1</Days></RestoreRequest>",
          COS_E_MALFORMED_XML, 0, 0 },
        { "<RestoreRequest><Days>0</Days></RestoreRequest>",
          COS_E_INVALID_ARGUMENT, 0, 0 },
        { "<RestoreRequest><Days>1</Days><Days>2</Days></RestoreRequest>",
          COS_E_MALFORMED_XML, 0, 0 },
        { "<RestoreRequest><Days>1</Days><Tier>Quick</Tier></RestoreRequest>",
          COS_E_INVALID_ARGUMENT, 0, 0 },
        { "<RestoreRequest><Days>1</Days><Tier>Bulk</Tier><CASJobParameters>"
          "<Tier>Bulk</Tier></CASJobParameters></RestoreRequest>",
          COS_E_MALFORMED_XML, 0, 0 },
        { "<RestoreRequest><Days>1</Days><What/></RestoreRequest>",
          COS_E_MALFORMED_XML, 0, 0 },
        { "<RestoreRequest><Days>1</Days><Type>SELECT</Type>"
          "</RestoreRequest>", COS_E_NOT_IMPLEMENTED, 0, 0 },
        { "<Restore><Days>1</Days></Restore>", COS_E_MALFORMED_XML, 0, 0 },
        { "", COS_E_MALFORMED_XML, 0, 0 },
    };

    (void) state;

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        assert_int_equal(cos_xml_parse_restore(str(t[i].text), &days, &tier,
                                               mem), t[i].err);
        if (t[i].err == COS_OK) {
            assert_int_equal(days, t[i].days);
            assert_int_equal(tier, t[i].tier);
        }
    }
}


static void
retention(void **state)
{
    size_t           i;
    cos_buf_t        b;
    cos_retention_t  r;
    const char      *out =
        "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
        "<Mode>GOVERNANCE</Mode>"
        "<RetainUntilDate>2030-01-01T00:00:00.000Z</RetainUntilDate>"
        "</Retention>";
    static const char *bad[] = {
        "<Retention><Mode>GOVERNANCE</Mode></Retention>",
        "<Retention><RetainUntilDate>2030-01-01T00:00:00Z</RetainUntilDate>"
        "</Retention>",
        "<Retention><Mode>governance</Mode>"
        "<RetainUntilDate>2030-01-01T00:00:00Z</RetainUntilDate></Retention>",
        "<Retention><Mode>COMPLIANCE</Mode>"
        "<RetainUntilDate>tomorrow</RetainUntilDate></Retention>",
        "<Retention><Mode>COMPLIANCE</Mode><Mode>COMPLIANCE</Mode>"
        "<RetainUntilDate>2030-01-01T00:00:00Z</RetainUntilDate></Retention>",
        "<Retention><X/></Retention>", "<LegalHold/>", ""
    };

    (void) state;

    assert_int_equal(cos_xml_parse_retention(str(
        "<Retention><RetainUntilDate>2030-01-01T00:00:00.000Z"
        "</RetainUntilDate><Mode>GOVERNANCE</Mode></Retention>"), &r, mem),
        COS_OK);
    assert_int_equal(r.mode, COS_LOCK_GOVERNANCE);
    assert_int_equal(r.until, 1893456000000ull);

    cos_buf_init(&b, mem, 64);
    cos_xml_retention(&b, COS_DIALECT_S3, &r);
    assert_non_null(memmem(b.data, b.len, out, strlen(out)));

    assert_int_equal(cos_xml_parse_retention(str("<Retention/>"), &r, mem),
                     COS_OK);
    assert_int_equal(r.mode, COS_LOCK_NONE);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(cos_xml_parse_retention(str(bad[i]), &r, mem),
                         COS_E_MALFORMED_XML);
    }
}


static void
hold(void **state)
{
    int        on;
    cos_buf_t  b;

    (void) state;

    assert_int_equal(cos_xml_parse_legal_hold(
        str("<LegalHold><Status>ON</Status></LegalHold>"), &on, mem), COS_OK);
    assert_true(on);
    assert_int_equal(cos_xml_parse_legal_hold(
        str("<LegalHold><Status>OFF</Status></LegalHold>"), &on, mem), COS_OK);
    assert_false(on);
    assert_int_equal(cos_xml_parse_legal_hold(
        str("<LegalHold><Status>on</Status></LegalHold>"), &on, mem),
        COS_E_MALFORMED_XML);
    assert_int_equal(cos_xml_parse_legal_hold(str("<LegalHold/>"), &on, mem),
                     COS_E_MALFORMED_XML);

    cos_buf_init(&b, mem, 64);
    cos_xml_legal_hold(&b, COS_DIALECT_S3, 1);
    assert_non_null(memmem(b.data, b.len, "<Status>ON</Status>", 19));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(restore),
        cmocka_unit_test(retention),
        cmocka_unit_test(hold),
    };

    cos_xml_init();
    return cmocka_run_group_tests(tests, setup, teardown);
}
