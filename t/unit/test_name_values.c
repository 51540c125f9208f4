/*
 * request: host forms, bucket names, ranges, copy sources.
 */

#include "unit.h"
#include "cos_name.h"


static const cos_str_t  bases[] = {
    cos_lit("example.com"), cos_lit("cos.example.com"),
    cos_lit("s3.example.net"), cos_lit("localhost"), cos_lit("10.0.0.1"),
};

typedef struct {
    const char   *host;
    cos_style_e   style;
    int           dialect;            /* -1: not decided */
    const char   *bucket;
    const char   *region;
} host_case_t;

#define PATH     COS_STYLE_PATH
#define VHOST    COS_STYLE_VHOST
#define SERVICE  COS_STYLE_SERVICE
#define COS      COS_DIALECT_COS
#define S3       COS_DIALECT_S3
#define BOS      COS_DIALECT_BOS

static const host_case_t  host_cases[] = {
    { "b-125.cos.ap-x.example.com", VHOST, COS, "b-125", "ap-x" },
    { "b-125.cos-internal.ap-x.example.com", VHOST, COS, "b-125", "ap-x" },
    { "b-125.cos.accelerate.example.com", VHOST, COS, "b-125",
      "accelerate" },
    { "cos.ap-x.example.com", SERVICE, COS, "", "ap-x" },
    { "cos-internal.ap-x.example.com", SERVICE, COS, "", "ap-x" },

    /* "cos.example.com" is a base of its own here */
    { "service.cos.example.com", SERVICE, COS, "", "" },
    { "b-125.cos.example.com", VHOST, COS, "b-125", "" },
    { "cos.example.com", SERVICE, COS, "", "" },
    { "b-125.cos.ap-x.cos.example.com", VHOST, COS, "b-125", "ap-x" },
    { "s3-logs-1.cos.example.com", VHOST, COS, "s3-logs-1", "" },

    { "service.cos.localhost", SERVICE, COS, "", "" },
    { "b-125.cos.localhost", VHOST, COS, "b-125", "" },

    { "bkt.s3.us-x.example.com", VHOST, S3, "bkt", "us-x" },
    { "a.b.c.s3.us-x.example.com", VHOST, S3, "a.b.c", "us-x" },
    { "bkt.s3-us-x.example.com", VHOST, S3, "bkt", "us-x" },
    { "a.b.s3.example.com", VHOST, S3, "a.b", "" },
    { "a.b.s3.dualstack.us-x.example.com", VHOST, S3, "a.b", "us-x" },
    { "s3.dualstack.us-x.example.com", SERVICE, S3, "", "us-x" },
    { "s3.us-x.example.com", SERVICE, S3, "", "us-x" },
    { "s3-us-x.example.com", SERVICE, S3, "", "us-x" },
    { "s3.example.com", SERVICE, S3, "", "" },
    { "s3.example.net", SERVICE, S3, "", "" },
    { "bkt.s3.example.net", VHOST, S3, "bkt", "" },
    { "a.b.s3.example.net", VHOST, S3, "a.b", "" },
    { "s3-logs.s3.example.net", VHOST, S3, "s3-logs", "" },
    { "service.s3.example.com", VHOST, S3, "service", "" },

    { "b-125.cos-website.ap-x.example.com", VHOST, COS, "b-125", "ap-x" },
    { "cos-website.ap-x.example.com", SERVICE, COS, "", "ap-x" },
    { "a.b.s3-website.us-x.example.com", VHOST, S3, "a.b", "us-x" },
    { "a.b.s3-website-us-x.example.com", VHOST, S3, "a.b", "us-x" },
    { "bkt.s3-website.example.com", VHOST, S3, "bkt", "" },
    { "s3-website-us-x.example.com", SERVICE, S3, "", "us-x" },
    { "cos-website.s3.us-x.example.com", VHOST, S3, "cos-website", "us-x" },

    { "bkt.bos.bj.example.com", VHOST, BOS, "bkt", "bj" },
    { "bos.bj.example.com", SERVICE, BOS, "", "bj" },
    { "bkt.bos.example.com", VHOST, BOS, "bkt", "" },

    { "bkt.example.com", VHOST, -1, "bkt", "" },
    { "www.site.example.com", VHOST, -1, "www.site", "" },
    { "bkt.bos.dualstack.r.example.com", VHOST, -1, "bkt.bos.dualstack.r",
      "" },
    { "bkt.localhost", VHOST, -1, "bkt", "" },
    { "bkt.example.com.", VHOST, -1, "bkt", "" },

    { "example.com", PATH, -1, "", "" },
    { "example.com.", PATH, -1, "", "" },
    { "localhost", PATH, -1, "", "" },
    { "10.0.0.1", PATH, -1, "", "" },
    { "10.0.0.2", PATH, -1, "", "" },
    { "[::1]", PATH, -1, "", "" },
    { "www.other.org", PATH, -1, "", "" },
    { "b-1.cos.ap-x.other.org", PATH, -1, "", "" },
    { "bktexample.com", PATH, -1, "", "" },
    { ".example.com", PATH, -1, "", "" },
    { "", PATH, -1, "", "" },
    { ".", PATH, -1, "", "" },
};

#undef PATH
#undef VHOST
#undef SERVICE


/* The host of a site is known by its service label alone, and has a bucket. */
static void
test_website_hosts(void **state)
{
    size_t           i;
    cos_host_t       host;
    cos_str_t        base = COS_STR("example.com"), own;
    static const struct { const char *host; int website; } list[] = {
        { "b-125.cos-website.ap-x.example.com", 1 },
        { "bkt.s3-website.us-x.example.com", 1 },
        { "bkt.s3-website-us-x.example.com", 1 },
        { "cos-website.ap-x.example.com", 0 },
        { "s3-website-us-x.example.com", 0 },
        { "b-125.cos.ap-x.example.com", 0 },
        { "cos-website.s3.us-x.example.com", 0 },
        { "b-125.cos-website.ap-x.example.org", 0 },
        { "example.com", 0 },
    };

    (void) state;

    for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        cos_host_parse(&host, (cos_str_t) { strlen(list[i].host),
                       (cos_u8 *) list[i].host }, &base, 1);
        assert_int_equal(host.website, list[i].website);
    }

    own = COS_STR("s3-website.example.com");
    cos_host_parse(&host, COS_STR("a.b.s3-website.example.com"), &own, 1);
    assert_true(host.website && cos_str_is(host.bucket, "a.b"));
}


static void
test_hosts(void **state)
{
    size_t              i;
    cos_host_t          h;
    const host_case_t  *c;

    (void) state;

    for (i = 0; i < N(host_cases); i++) {
        c = &host_cases[i];
        cos_host_parse(&h, str(c->host), bases, N(bases));

        if (h.style != c->style
            || (h.has_dialect ? (int) h.dialect : -1) != c->dialect
            || !cos_str_is(h.bucket, c->bucket)
            || !cos_str_is(h.region, c->region))
        {
            fail_msg("%s: style %d dialect %d/%d bucket %.*s region %.*s",
                     c->host, h.style, h.has_dialect, h.dialect,
                     (int) h.bucket.len, (char *) h.bucket.data,
                     (int) h.region.len, (char *) h.region.data);
        }
    }

    cos_host_parse(&h, str("b.s3.example.com"), NULL, 0);
    assert_int_equal(h.style, COS_STYLE_PATH);
}


#define A60  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
    const char  *name;
    int          cos, s3, bos;
} bucket_cases[] = {
    { "examplebucket-1250000000", 1, 1, 1 },
    { "a-1", 1, 1, 1 },
    { "a-b-c-12", 1, 1, 1 },
    { "abc", 0, 1, 1 },
    { "a.b.c", 0, 1, 0 },
    { "a.b-1", 0, 1, 0 },
    { "-a-1", 0, 0, 0 },
    { "a--1", 0, 1, 1 },
    { "a-1-", 0, 0, 0 },
    { "-1", 0, 0, 0 },
    { "1250000000", 0, 1, 1 },
    { "a-1b", 0, 1, 1 },
    { "A-1", 0, 0, 0 },
    { "a_b-1", 0, 0, 0 },
    { "a/b-1", 0, 0, 0 },
    { "ab", 0, 0, 0 },
    { "", 0, 0, 0 },
    { ".ab", 0, 0, 0 },
    { "ab.", 0, 0, 0 },
    { "a..b", 0, 0, 0 },
    { "a.-b", 0, 0, 0 },
    { "a-.b", 0, 0, 0 },
    { "..", 0, 0, 0 },
    { "...", 0, 0, 0 },
    { "192.168.5.4", 0, 0, 0 },
    { "1.2.3.4.5", 0, 1, 0 },
    { "1.2.3", 0, 1, 0 },
    { "1.2.3.4567", 0, 1, 0 },
    { "xn--abc", 0, 0, 1 },
    { "sthree-abc", 0, 0, 1 },
    { "abc-s3alias", 0, 0, 1 },
    { "abc--ol-s3", 0, 0, 1 },
    { "bkt\xc3\xa4-1", 0, 0, 0 },
    { "bk t-1", 0, 0, 0 },
    { A60, 0, 1, 1 },
    { A60 "aaa", 0, 1, 1 },
    { A60 "aaaa", 0, 0, 0 },
    { A60 "-1", 0, 1, 1 },
};


static void
test_bucket_names(void **state)
{
    size_t     i;
    cos_str_t  s;

    (void) state;

    for (i = 0; i < N(bucket_cases); i++) {
        s = str(bucket_cases[i].name);

        if (cos_bucket_name_valid(s, COS) != bucket_cases[i].cos
            || cos_bucket_name_valid(s, S3) != bucket_cases[i].s3
            || cos_bucket_name_valid(s, BOS) != bucket_cases[i].bos)
        {
            fail_msg("%s", bucket_cases[i].name);
        }
    }

    assert_false(cos_bucket_name_valid((cos_str_t) { 5, (cos_u8 *) "ab\0cd" },
                                       S3));
}


static const struct {
    const char  *value;
    uint64_t     size;
    int          result;
    uint64_t     first, last;
} range_cases[] = {
    { "bytes=0-0", 10, 1, 0, 0 },
    { "bytes=0-9", 10, 1, 0, 9 },
    { "bytes=0-10", 10, 1, 0, 9 },
    { "bytes=3-5", 10, 1, 3, 5 },
    { "bytes=9-", 10, 1, 9, 9 },
    { "bytes=0-", 10, 1, 0, 9 },
    { "bytes=-1", 10, 1, 9, 9 },
    { "bytes=-10", 10, 1, 0, 9 },
    { "bytes=-11", 10, 1, 0, 9 },
    { "Bytes=1-2", 10, 1, 1, 2 },
    { " bytes= 1-2 ", 10, 1, 1, 2 },
    { "bytes=00001-0002", 10, 1, 1, 2 },
    { "bytes=5-18446744073709551615", 10, 1, 5, 9 },
    { "bytes=5-99999999999999999999999", 10, 1, 5, 9 },
    { "bytes=-99999999999999999999999", 10, 1, 0, 9 },
    { "bytes=0-18446744073709551615", UINT64_MAX, 1, 0, UINT64_MAX - 1 },

    { "bytes=10-", 10, -1, 0, 0 },
    { "bytes=10-12", 10, -1, 0, 0 },
    { "bytes=-0", 10, -1, 0, 0 },
    { "bytes=0-", 0, -1, 0, 0 },
    { "bytes=0-0", 0, -1, 0, 0 },
    { "bytes=-0", 0, -1, 0, 0 },
    { "bytes=99999999999999999999999-", 10, -1, 0, 0 },
    { "bytes=18446744073709551616-18446744073709551617", 10, -1, 0, 0 },

    { "bytes=-5", 0, 0, 0, 0 },
    { "bytes=5-2", 10, 0, 0, 0 },
    { "bytes=a-b", 10, 0, 0, 0 },
    { "bytes=1-b", 10, 0, 0, 0 },
    { "bytes=0-1,3-4", 10, 0, 0, 0 },
    { "bytes=0-1,", 10, 0, 0, 0 },
    { "bytes=0-1;2", 10, 0, 0, 0 },
    { "bytes=1 - 2", 10, 0, 0, 0 },
    { "bytes=-", 10, 0, 0, 0 },
    { "bytes=--1", 10, 0, 0, 0 },
    { "bytes=+1-2", 10, 0, 0, 0 },
    { "bytes=5", 10, 0, 0, 0 },
    { "bytes=", 10, 0, 0, 0 },
    { "bytes", 10, 0, 0, 0 },
    { "byte=0-1", 10, 0, 0, 0 },
    { "bytes =0-1", 10, 0, 0, 0 },
    { "items=0-1", 10, 0, 0, 0 },
    { "0-1", 10, 0, 0, 0 },
    { "", 10, 0, 0, 0 },
};


static void
test_ranges(void **state)
{
    int       rc;
    size_t    i;
    uint64_t  first, last;

    (void) state;

    for (i = 0; i < N(range_cases); i++) {
        first = 0;
        last = 0;
        rc = cos_range_parse(str(range_cases[i].value), range_cases[i].size,
                             &first, &last);

        if (rc != range_cases[i].result
            || (rc == 1 && (first != range_cases[i].first
                            || last != range_cases[i].last)))
        {
            fail_msg("%s: %d %llu-%llu", range_cases[i].value, rc,
                     (unsigned long long) first, (unsigned long long) last);
        }
    }
}


static const struct {
    const char  *value;
    const char  *bucket;              /* NULL: malformed */
    const char  *key;
    const char  *version;
} source_cases[] = {
    { "/bkt/key", "bkt", "key", "" },
    { "bkt/key", "bkt", "key", "" },
    { "bkt/a/b//c/", "bkt", "a/b//c/", "" },
    { "bkt//key", "bkt", "/key", "" },
    { "bkt%2Fa%2Fb", "bkt", "a/b", "" },
    { "%2Fbkt%2Fa", "bkt", "a", "" },
    { "bkt/a%3Fb%23+%2B%25", "bkt", "a?b#++%", "" },
    { "bkt/a%3FversionId=5", "bkt", "a?versionId=5", "" },
    { "bkt/a%00b", "bkt", "a", "" },
    { "bkt/\xe4\xbd\xa0", "bkt", "\xe4\xbd\xa0", "" },
    { "bkt/k?versionId=abc", "bkt", "k", "abc" },
    { "bkt/k?VersionId=a%2Bc", "bkt", "k", "a+c" },
    { "bkt/k?versionId=", "bkt", "k", "" },
    { "a.b.c/k", "a.b.c", "k", "" },

    { "b-125.cos.ap-x.example.com/k/l", "b-125", "k/l", "" },
    { "/b-125.cos.ap-x.example.com/k", "b-125", "k", "" },
    { "b-125.cos.ap-x.example.com:8080/k", "b-125", "k", "" },
    { "b-125.example.com/k?versionId=v", "b-125", "k", "v" },
    { "a.b.s3.us-x.example.com/k", "a.b", "k", "" },
    { "b-125.cos.ap-x.myqcloud.com/k", "b-125", "k", "" },
    { "b-125.cos-internal.ap-x.tencentcos.cn/k", "b-125", "k", "" },
    { "www.example.com/k", "www.example.com", "k", "" },
    { "b-125.s3.ap-x.other.org/k", "b-125.s3.ap-x.other.org", "k", "" },
    { "b-125.cos.ap-x/k", "b-125.cos.ap-x", "k", "" },

    { "", NULL, NULL, NULL },
    { "/", NULL, NULL, NULL },
    { "bkt", NULL, NULL, NULL },
    { "bkt/", NULL, NULL, NULL },
    { "/bkt/", NULL, NULL, NULL },
    { "//key", NULL, NULL, NULL },
    { "bkt/%", NULL, NULL, NULL },
    { "bkt/%4", NULL, NULL, NULL },
    { "bkt/%zz", NULL, NULL, NULL },
    { "bkt/k?", NULL, NULL, NULL },
    { "bkt/k?foo=1", NULL, NULL, NULL },
    { "bkt/k?versionId", NULL, NULL, NULL },
    { "bkt/k?versionId=%", NULL, NULL, NULL },
    { "bkt/a?b?versionId=1", NULL, NULL, NULL },
    { "bkt/a?versionId=1?", NULL, NULL, NULL },
    { "?versionId=1", NULL, NULL, NULL },
};


static void
test_copy_sources(void **state)
{
    int        rc;
    size_t     i;
    cos_str_t  bucket, key, version;

    (void) state;

    for (i = 0; i < N(source_cases); i++) {
        rc = cos_copy_source_parse(str(source_cases[i].value), bases,
                                   N(bases), &bucket, &key, &version, mem);

        if (source_cases[i].bucket == NULL) {
            assert_int_equal(rc, -1);
            continue;
        }

        if (rc != 0 || !cos_str_is(bucket, source_cases[i].bucket)
            || strncmp((char *) key.data, source_cases[i].key, key.len) != 0
            || !cos_str_is(version, source_cases[i].version))
        {
            fail_msg("%s: %d", source_cases[i].value, rc);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_website_hosts),
        cmocka_unit_test(test_bucket_names),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test_setup_teardown(test_copy_sources, setup, teardown),
    };

    return cmocka_run_group_tests_name("name_values", tests, NULL, NULL);
}
