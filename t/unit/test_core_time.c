/*
 * core: dates. The calendar is checked against the C library's, day by day.
 */

#include "unit.h"
#include "cos_core.h"


static const char *
http_date(int64_t sec)
{
    static char text[30];

    cos_http_date(text, sec);
    text[29] = '\0';

    return text;
}


static const char *
iso(int64_t msec, int with_msec)
{
    static char text[25];

    memset(text, 'x', sizeof(text));
    assert_int_equal(cos_iso8601(text, msec, with_msec), with_msec ? 24 : 20);

    return text;
}


static void
written_forms(void **state)
{
    (void) state;
    assert_string_equal(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_string_equal(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    assert_string_equal(http_date(-1), "Wed, 31 Dec 1969 23:59:59 GMT");
    assert_string_equal(http_date(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
    assert_string_equal(http_date(4107542400), "Mon, 01 Mar 2100 00:00:00 GMT");
    assert_string_equal(iso(1430123029000, 0), "2015-04-27T08:23:49Z");
    assert_string_equal(iso(1430123029007, 1), "2015-04-27T08:23:49.007Z");
    assert_string_equal(iso(-1, 1), "1969-12-31T23:59:59.999Z");
    assert_string_equal(iso(-1000, 0), "1969-12-31T23:59:59Z");
}


static void
years_stay_within_four_digits(void **state)
{
    (void) state;
    assert_string_equal(http_date(INT64_MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    assert_string_equal(http_date(253402300799),
                        "Fri, 31 Dec 9999 23:59:59 GMT");
    assert_string_equal(http_date(INT64_MIN), "Sat, 01 Jan 0000 00:00:00 GMT");
    assert_string_equal(iso(INT64_MIN, 0), "0000-01-01T00:00:00Z");
    assert_string_equal(iso(INT64_MAX, 0), "9999-12-31T23:59:59Z");
}


static void
agrees_with_the_c_library(void **state)
{
    char      text[64];
    int64_t   sec, msec;
    time_t    t;
    struct tm tm;

    (void) state;

    /* odd steps of about a day, years 1 to 2800 */
    for (sec = -62135596800; sec < 26179200000; sec += 86399 + 3600) {
        t = (time_t) sec;
        gmtime_r(&t, &tm);

        strftime(text, sizeof(text), "%a, %d %b ", &tm);
        snprintf(text + 12, sizeof(text) - 12, "%04d %02d:%02d:%02d GMT",
                 tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
        assert_string_equal(http_date(sec), text);
        assert_int_equal(cos_parse_http_date(str(text)), sec > 0 ? sec : 0);

        msec = sec * 1000 + 123;
        assert_int_equal(cos_parse_iso8601(str(iso(msec, 1))),
                         sec > 0 ? sec : 0);

        snprintf(text, sizeof(text), "%04d%02d%02dT%02d%02d%02dZ",
                 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                 tm.tm_min, tm.tm_sec);
        assert_int_equal(cos_parse_iso8601(str(text)), sec > 0 ? sec : 0);

        if (sec > 0) {
            strftime(text, sizeof(text), "%a %b %e %H:%M:%S %Y", &tm);
            assert_int_equal(cos_parse_http_date(str(text)), sec);
        }
    }
}


static void
http_date_forms(void **state)
{
    (void) state;
    assert_int_equal(
        cos_parse_http_date(str("Sun, 06 Nov 1994 08:49:37 GMT")), 784111777);
    assert_int_equal(
        cos_parse_http_date(str("Sunday, 06-Nov-94 08:49:37 GMT")), 784111777);
    assert_int_equal(
        cos_parse_http_date(str("Sun Nov  6 08:49:37 1994")), 784111777);
    assert_int_equal(
        cos_parse_http_date(str("Wed Nov 16 08:49:37 1994")), 784975777);
    assert_int_equal(
        cos_parse_http_date(str("Tue, 29 Feb 2000 00:00:00 GMT")), 951782400);
    assert_int_equal(
        cos_parse_http_date(str("Tuesday, 29-Feb-00 00:00:00 GMT")),
        951782400);
    /* a leap second; and what is older than any object */
    assert_int_equal(
        cos_parse_http_date(str("Sat, 31 Dec 2016 23:59:60 GMT")), 1483228800);
    assert_int_equal(
        cos_parse_http_date(str("Wed, 31 Dec 1969 23:59:59 GMT")), 0);
    assert_int_equal(
        cos_parse_http_date(str("Mon, 01 Jan 0001 00:00:00 GMT")), 0);
}


/* Two digits mean the latest such year that is at most 50 years ahead. */
static void
two_digit_years(void **state)
{
    int       y, now;
    char      text[64];
    int64_t   want;
    time_t    t;
    struct tm tm;

    (void) state;
    t = time(NULL);
    gmtime_r(&t, &tm);
    now = tm.tm_year + 1900;

    for (y = now - 49; y <= now + 50; y++) {
        snprintf(text, sizeof(text), "%04d0615T120000Z", y);
        want = cos_parse_iso8601(str(text));
        assert_true(want > 0);
        snprintf(text, sizeof(text), "Monday, 15-Jun-%02d 12:00:00 GMT",
                 y % 100);
        assert_int_equal(cos_parse_http_date(str(text)), want);
    }
}


static void
every_weekday_and_month(void **state)
{
    int     i;
    char    text[64];
    int64_t sec, base;

    static const char *const day[] = {
        "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday",
        "Saturday"
    };

    (void) state;
    base = cos_parse_iso8601(str("20230101T000000Z"));

    for (i = 0; i < 365; i++) {
        sec = base + i * 86400;
        memcpy(text, http_date(sec), 30);
        assert_memory_equal(text, day[i % 7], 3);
        assert_int_equal(cos_parse_http_date(str(text)), sec);

        snprintf(text, sizeof(text), "%s, %.2s-%.3s-23 00:00:00 GMT",
                 day[i % 7], http_date(sec) + 5, http_date(sec) + 8);
        assert_int_equal(cos_parse_http_date(str(text)), sec);
    }
}


static void
http_date_refused(void **state)
{
    size_t i, n;

    static const char *const bad[] = {
        "", "Sun", "Sun,", "0", "784111777",
        "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT ", " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 94 08:49:37 GMT",
        "sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
        "Sux, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nox 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 29 Feb 2023 00:00:00 GMT", "Sun, 29 Feb 2100 00:00:00 GMT",
        "Sun, 30 Feb 2024 00:00:00 GMT", "Sun, 32 Jan 2024 00:00:00 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Nov 1994 08.49.37 GMT",
        "Sun, 06 Nov 1994 -8:49:37 GMT", "Sun, 06 Nov +994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT", "Sunday, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT", "Monday 06-Nov-94 08:49:37 GMT",
        "Munday, 06-Nov-94 08:49:37 GMT", "Sunday, 30-Feb-94 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994", "Sun Nov   6 08:49:37 1994",
        "Sun Nov 06 08:49:37 1994 GMT", "Sun Nov  0 08:49:37 1994",
        "Sun Nov 31 08:49:37 1994", "Sun Nov  6 08:49:37 94"
    };
    static const char good[3][31] = {
        "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994"
    };

    (void) state;
    assert_int_equal(cos_parse_http_date((cos_str_t) { 0, NULL }), -1);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (cos_parse_http_date(str(bad[i])) != -1) {
            fail_msg("taken: %s", bad[i]);
        }
    }

    for (i = 0; i < 3; i++) {
        for (n = 0; n < strlen(good[i]); n++) {
            assert_int_equal(
                cos_parse_http_date(
                    (cos_str_t) { n, (cos_u8 *) (uintptr_t) good[i] }), -1);
        }
    }
}


static void
iso8601_forms(void **state)
{
    size_t i;

    static const char *const good[] = {
        "20150427T082349Z", "2015-04-27T08:23:49Z", "2015-04-27T08:23:49.0Z",
        "2015-04-27T08:23:49.000Z", "2015-04-27T08:23:49.999999999Z"
    };
    static const char *const bad[] = {
        "", "2015", "20150427", "20150427T082349", "20150427T082349z",
        "20150427t082349Z", "20150427T08:23:49Z", "2015-04-27T082349Z",
        "2015-04-27 08:23:49Z", "2015-04-27T08:23:49", "2015-4-27T08:23:49Z",
        "2015-04-27T08:23:49.Z", "2015-04-27T08:23:49.0000000000Z",
        "2015-04-27T08:23:49.00", "2015-04-27T08:23:49,000Z",
        "2015-04-27T08:23:49+00:00", "2015-13-27T08:23:49Z",
        "2015-00-27T08:23:49Z", "2015-02-29T08:23:49Z", "20150427T082349Z ",
        "20150427T082349.000Z", "201504271T082349Z", "2015-04-27T25:23:49Z"
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(cos_parse_iso8601(str(good[i])), 1430123029);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (cos_parse_iso8601(str(bad[i])) != -1) {
            fail_msg("taken: %s", bad[i]);
        }
    }

    assert_int_equal(cos_parse_iso8601(str("2024-02-29T00:00:00Z")),
                     1709164800);
    assert_int_equal(cos_parse_iso8601(str("1969-07-20T20:17:00Z")), 0);
    assert_int_equal(cos_parse_iso8601(str("9999-12-31T23:59:59Z")),
                     253402300799);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_forms),
        cmocka_unit_test(years_stay_within_four_digits),
        cmocka_unit_test(agrees_with_the_c_library),
        cmocka_unit_test(http_date_forms),
        cmocka_unit_test(two_digit_years),
        cmocka_unit_test(every_weekday_and_month),
        cmocka_unit_test(http_date_refused),
        cmocka_unit_test(iso8601_forms),
    };

    return cmocka_run_group_tests_name("core: time", tests, NULL, NULL);
}
