/*
 * Signed URLs of CDNs, and the documents of domains that ask for them.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cos_attr.h"
#include "cos_cdn_auth.h"

#define COUNT(v)  (sizeof(v) / sizeof((v)[0]))
#define KEY       "dimtm5evg50ijsx2hvuwyfoiu65"
#define OTHER     "DvYmqE81E1F9R791H6lmht"
#define AT        1582791032          /* 2020-02-27 16:10:32 in Beijing */
#define AT_OTHER  1721029907
#define SIGN_A    "sign=1582791032-im1acp76sx9sdqe601v-0-" \
                  "3fbb88382c9356b6faaf9d68c7b2ae3a"
#define SIGN_D    "sign=900a5049aa8ac1ab144527d9c2be4cea&t=1582791032"

static cos_arena_t *arena;
static cos_alloc_t *mem;


static int
setup(void **state)
{
    (void) state;
    cos_xml_init();
    arena = cos_arena_create();
    mem = cos_arena_alloc(arena);

    return arena == NULL || cos_hash_init() != 0;
}


static int
teardown(void **state)
{
    (void) state;
    cos_arena_free(arena);
    cos_hash_done();

    return 0;
}


static cos_str_t
str(const char *s)
{
    return (cos_str_t) { strlen(s), (cos_u8 *) s };
}


static void
is(cos_str_t s, const char *want)
{
    if (!cos_str_is(s, want)) {
        fail_msg("\"%.*s\" is not \"%s\"", (int) s.len, s.data, want);
    }
}


static cos_cdn_rule_t
rule(cos_cdn_type_e type, const char *key)
{
    cos_cdn_rule_t  r;

    cos_cdn_rule_init(&r);
    r.type = type;
    r.key = str(key);
    assert_null(cos_cdn_rule_check(&r));

    return r;
}


/* left: path and query behind one another, parted by '?'. */
static void
check(const cos_cdn_rule_t *r, const char *path, const char *query,
    int64_t now, cos_cdn_e want, const char *left)
{
    char           got[512];
    cos_cdn_e      e;
    cos_cdn_url_t  u;

    u.path = str(path);
    u.uri = str(path);
    u.query = str(query);

    e = cos_cdn_verify(r, &u, now, mem);

    if (e != want) {
        fail_msg("%s?%s: %d, not %d", path, query, (int) e, (int) want);
    }

    snprintf(got, sizeof(got), "%.*s?%.*s", (int) u.path.len, u.path.data,
             (int) u.query.len, u.query.data);
    assert_string_equal(got, left);
    assert_true(cos_str_eq(u.path, u.uri));
}


/* --- the published examples ---------------------------------------------------- */

static void
test_vectors(void **state)
{
    size_t          i;
    char            left[512];
    cos_cdn_rule_t  r;
    static const struct {
        cos_cdn_type_e   type;
        const char      *key;
        int              time_first;
        int64_t          at;
        const char      *path, *query, *left;
    } v[] = {
        { COS_CDN_A, KEY, 0, AT, "/test.jpg", SIGN_A, "/test.jpg?" },
        { COS_CDN_B, KEY, 0, AT - 32,
          "/202002271610/2e03a07cfa55a47768226d3e5ea82a8d/test.jpg", "a=b",
          "/test.jpg?a=b" },
        { COS_CDN_C, OTHER, 0, 0x6694d30a,
          "/6688749e8906a726c12fe1be3aacd016/6694d30a/foo.jpg", "",
          "/foo.jpg?" },
        { COS_CDN_D, KEY, 0, AT, "/test.jpg", SIGN_D, "/test.jpg?" },
        { COS_CDN_D, OTHER, 0, AT_OTHER, "/foo.jpg",
          "t=1721029907&sign=CADCEC4A04E67B9C2ABF4B61C642A0DD",
          "/foo.jpg?" },
    };

    (void) state;

    for (i = 0; i < COUNT(v); i++) {
        r = rule(v[i].type, v[i].key);
        r.time_first = v[i].time_first != 0;
        check(&r, v[i].path, v[i].query, v[i].at, COS_CDN_PASS, v[i].left);
        check(&r, v[i].path, v[i].query, v[i].at + 1800 - 1, COS_CDN_PASS,
              v[i].left);

        snprintf(left, sizeof(left), "%s?%s", v[i].path, v[i].query);
        check(&r, v[i].path, v[i].query, v[i].at + 1802, COS_CDN_EXPIRED,
              left);

        check(&r, v[i].path, v[i].query, v[i].at - 1800 - 86400, COS_CDN_PASS,
              v[i].left);
        check(&r, v[i].path, v[i].query, v[i].at - 1801 - 86400,
              COS_CDN_EARLY, left);

        r.key = str("another0key");
        check(&r, v[i].path, v[i].query, v[i].at, COS_CDN_WRONG, left);

        r.key2 = str(v[i].key);
        check(&r, v[i].path, v[i].query, v[i].at, COS_CDN_PASS, v[i].left);
    }
}


/* The other order of type C, and a hexadecimal time of type D. */
static void
test_variants(void **state)
{
    char            url[256], text[256], hex[33];
    cos_u8          md5[COS_MD5_LEN];
    cos_cdn_rule_t  r;

    (void) state;

    snprintf(text, sizeof(text), "%s%x/a.jpg", KEY, AT);
    assert_int_equal(cos_md_once(COS_MD5, text, strlen(text), md5), 0);
    cos_hex(hex, md5, sizeof(md5));
    hex[32] = '\0';
    snprintf(url, sizeof(url), "/%s/%x/a.jpg", hex, AT);

    r = rule(COS_CDN_C, KEY);
    check(&r, url, "", AT, COS_CDN_WRONG, strcat(strcpy(text, url), "?"));
    r.time_first = 1;
    check(&r, url, "", AT, COS_CDN_PASS, "/a.jpg?");

    snprintf(text, sizeof(text), "%s/a.jpg%x", KEY, AT);
    assert_int_equal(cos_md_once(COS_MD5, text, strlen(text), md5), 0);
    cos_hex(hex, md5, sizeof(md5));
    snprintf(url, sizeof(url), "x=1&st=%s&e=%x&y&t=2", hex, AT);

    r = rule(COS_CDN_D, KEY);
    r.hex = 1;
    r.param = COS_STR("st");
    r.time_param = COS_STR("e");
    check(&r, "/a.jpg", url, AT, COS_CDN_PASS, "/a.jpg?x=1&y&t=2");

    r = rule(COS_CDN_D, KEY);
    check(&r, "/test.jpg", "&a&&" SIGN_D "&&", AT, COS_CDN_PASS,
          "/test.jpg?a");
}


static void
test_form(void **state)
{
    size_t          i;
    char            left[512];
    cos_cdn_rule_t  r;
    static const struct {
        cos_cdn_type_e   type;
        const char      *path, *query;
        cos_cdn_e        want;
    } v[] = {
        { COS_CDN_A, "/test.jpg", "", COS_CDN_MISSING },
        { COS_CDN_A, "/test.jpg", "sign", COS_CDN_MISSING },
        { COS_CDN_A, "/test.jpg", SIGN_A "&" SIGN_A, COS_CDN_MISSING },
        { COS_CDN_A, "/test.jpg", "Sign=1-a-0-" , COS_CDN_MISSING },
        { COS_CDN_A, "/test.jpg", "sign=1582791032-im1-0", COS_CDN_MISSING },
        { COS_CDN_A, "/test.jpg", "sign=-im1-0-3fbb88382c9356b6faaf9d68c7b2ae"
          "3a", COS_CDN_MISSING },
        { COS_CDN_A, "/test.jpg", SIGN_A "0", COS_CDN_MISSING },
        { COS_CDN_A, "/Test.jpg", SIGN_A, COS_CDN_WRONG },
        { COS_CDN_A, "/test.jpg", "sign=1582791033-im1acp76sx9sdqe601v-0-"
          "3fbb88382c9356b6faaf9d68c7b2ae3a", COS_CDN_WRONG },
        { COS_CDN_B, "/test.jpg", "", COS_CDN_MISSING },
        { COS_CDN_B, "/", "", COS_CDN_MISSING },
        { COS_CDN_B, "/202002271610/2e03a07cfa55a47768226d3e5ea82a8d", "",
          COS_CDN_MISSING },
        { COS_CDN_B, "/202013271610/2e03a07cfa55a47768226d3e5ea82a8d/test.jpg",
          "", COS_CDN_MISSING },
        { COS_CDN_B, "/2020022716100/2e03a07cfa55a47768226d3e5ea82a8d/a", "",
          COS_CDN_MISSING },
        { COS_CDN_B, "/202002271610/2e03a07cfa55a47768226d3e5ea82a8d//test.jpg",
          "", COS_CDN_WRONG },
        { COS_CDN_C, "/6688749e8906a726c12fe1be3aacd01/6694d30a/a", "",
          COS_CDN_MISSING },
        { COS_CDN_C, "/6688749e8906a726c12fe1be3aacd016/6694d30x/a", "",
          COS_CDN_MISSING },
        { COS_CDN_C, "/6688749e8906a726c12fe1be3aacd016/1234567890123/a", "",
          COS_CDN_MISSING },
        { COS_CDN_D, "/test.jpg", "t=1582791032", COS_CDN_MISSING },
        { COS_CDN_D, "/test.jpg", "sign=900a5049aa8ac1ab144527d9c2be4cea",
          COS_CDN_MISSING },
        { COS_CDN_D, "/test.jpg", SIGN_D "&t=1582791032", COS_CDN_MISSING },
        { COS_CDN_D, "/test.jpg", "sign=900a5049aa8ac1ab144527d9c2be4cea&t=-1",
          COS_CDN_MISSING },
    };

    (void) state;

    for (i = 0; i < COUNT(v); i++) {
        r = rule(v[i].type, KEY);
        snprintf(left, sizeof(left), "%s?%s", v[i].path, v[i].query);
        check(&r, v[i].path, v[i].query, AT, v[i].want, left);
    }
}


/* Digits that a path ends with are none of the time, nor the other way round. */
static void
test_borders(void **state)
{
    size_t          i;
    char            hex[33], url[128], left[256];
    cos_u8          md5[COS_MD5_LEN];
    cos_cdn_rule_t  r;
    static const struct {
        int          hex;
        const char  *path, *time;
        cos_cdn_e    want;
    } v[] = {
        { 0, "/ep12", "1582791032", COS_CDN_PASS },
        { 0, "/ep1", "21582791032", COS_CDN_MISSING },
        { 0, "/ep121", "582791032", COS_CDN_MISSING },
        { 1, "/ep12", "5e577988", COS_CDN_PASS },
        { 1, "/ep1", "25e577988", COS_CDN_MISSING },
        { 1, "/ep125", "e577988", COS_CDN_MISSING },
    };

    (void) state;

    for (i = 0; i < COUNT(v); i++) {
        snprintf(url, sizeof(url), "%s/ep12%s", KEY,
                 v[i].hex ? "5e577988" : "1582791032");
        assert_int_equal(cos_md_once(COS_MD5, url, strlen(url), md5), 0);
        cos_hex(hex, md5, sizeof(md5));
        hex[32] = '\0';

        r = rule(COS_CDN_D, KEY);
        r.hex = v[i].hex != 0;
        snprintf(url, sizeof(url), "sign=%s&t=%s", hex, v[i].time);
        snprintf(left, sizeof(left), "%s?%s", v[i].path,
                 v[i].want == COS_CDN_PASS ? "" : url);
        check(&r, v[i].path, url, AT, v[i].want, left);

        if (!v[i].hex) {
            continue;
        }

        /* C, uri before time: the same text is signed */
        r = rule(COS_CDN_C, KEY);
        snprintf(url, sizeof(url), "/%s/%s%s", hex, v[i].time, v[i].path);
        snprintf(left, sizeof(left), "%s?",
                 v[i].want == COS_CDN_PASS ? v[i].path : url);
        check(&r, url, "", AT, v[i].want, left);
    }
}


/* --- what a rule is meant for ------------------------------------------------------- */

static void
test_scope(void **state)
{
    size_t          i;
    cos_str_t       suffixes[] = { cos_lit("mp4"), cos_lit("TS") };
    cos_str_t       paths[] = { cos_lit("/v/"), cos_lit("/w/") };
    cos_cdn_url_t   u;
    cos_cdn_rule_t  r;
    static const struct {
        const char  *uri;
        int          only, except, path;
    } v[] = {
        { "/v/a.mp4", 1, 0, 1 },
        { "/v/a.MP4", 1, 0, 1 },
        { "/a.ts", 1, 0, 0 },
        { "/a.mp4/b", 0, 1, 0 },
        { "/w/a", 0, 1, 1 },
        { "/v", 0, 1, 0 },
        { "/.mp4", 1, 0, 0 },
        { "/x/v/a.mp4.html", 0, 1, 0 },
    };

    (void) state;

    for (i = 0; i < COUNT(v); i++) {
        /* what the URL calls it does not matter */
        u.path = COS_STR("/%2e");
        u.query = COS_STR("");
        u.uri = str(v[i].uri);

        r = rule(COS_CDN_A, KEY);
        r.suffixes.n = 2;
        r.suffixes.v = suffixes;
        r.files = COS_CDN_ONLY;
        assert_null(cos_cdn_rule_check(&r));
        assert_int_equal(cos_cdn_verify(&r, &u, AT, mem),
                         v[i].only ? COS_CDN_MISSING : COS_CDN_NOT_MEANT);

        r.files = COS_CDN_EXCEPT;
        assert_int_equal(cos_cdn_verify(&r, &u, AT, mem),
                         v[i].except ? COS_CDN_MISSING : COS_CDN_NOT_MEANT);

        r = rule(COS_CDN_B, KEY);
        r.paths.n = 2;
        r.paths.v = paths;
        assert_int_equal(cos_cdn_verify(&r, &u, AT, mem),
                         v[i].path ? COS_CDN_MISSING : COS_CDN_NOT_MEANT);
    }
}


/* The front of the URL is not that of what is served: nothing is taken off. */
static void
test_front(void **state)
{
    cos_cdn_url_t   u;
    cos_cdn_rule_t  r;

    (void) state;

    r = rule(COS_CDN_B, KEY);
    u.path = COS_STR("/202002271610/2e03a07cfa55a47768226d3e5ea82a8d/test.jpg");
    u.uri = COS_STR("/etc");
    u.query = COS_STR("");
    assert_int_equal(cos_cdn_verify(&r, &u, AT, mem), COS_CDN_MISSING);
    is(u.uri, "/etc");
}


static void
test_rules(void **state)
{
    cos_str_t       no[] = { cos_lit("a.b") };
    cos_cdn_rule_t  r;

    (void) state;

    assert_int_equal(cos_cdn_type_parse(COS_STR("A")), COS_CDN_A);
    assert_int_equal(cos_cdn_type_parse(COS_STR("d")), COS_CDN_D);
    assert_int_equal(cos_cdn_type_parse(COS_STR("typeC")), COS_CDN_C);
    assert_int_equal(cos_cdn_type_parse(COS_STR("E")), -1);
    assert_int_equal(cos_cdn_type_parse(COS_STR("Type")), -1);

    r = rule(COS_CDN_A, KEY);
    r.key = COS_STR("short");
    assert_non_null(cos_cdn_rule_check(&r));
    r.key = COS_STR("with-dash");
    assert_non_null(cos_cdn_rule_check(&r));
    r = rule(COS_CDN_A, KEY);
    r.key2 = COS_STR("12345");
    assert_non_null(cos_cdn_rule_check(&r));
    r = rule(COS_CDN_D, KEY);
    r.param = r.time_param;
    assert_non_null(cos_cdn_rule_check(&r));
    r = rule(COS_CDN_D, KEY);
    r.param = COS_STR("a&b");
    assert_non_null(cos_cdn_rule_check(&r));
    r = rule(COS_CDN_D, KEY);
    r.ttl = 0;
    assert_non_null(cos_cdn_rule_check(&r));
    r = rule(COS_CDN_D, KEY);
    r.files = COS_CDN_ONLY;
    assert_non_null(cos_cdn_rule_check(&r));
    r.suffixes.n = 1;
    r.suffixes.v = no;
    assert_non_null(cos_cdn_rule_check(&r));
    r = rule(COS_CDN_D, KEY);
    r.paths.n = 1;
    r.paths.v = no;
    assert_non_null(cos_cdn_rule_check(&r));
}


/* --- documents ------------------------------------------------------------------------ */

#define URL   "<UrlAuthentication><Type>TypeD</Type><Key>" KEY "</Key>" \
              "<BackupKey>" OTHER "</BackupKey><Parameter>s</Parameter>" \
              "<TimeFormat>hex</TimeFormat><Expires>60</Expires>" \
              "<Files>Only</Files><Suffix>mp4</Suffix><Path>/v/</Path>" \
              "</UrlAuthentication>"
#define RULE(status, name, type, more) \
    "<DomainRule><Status>" status "</Status><Name>" name "</Name><Type>" type \
    "</Type>" more "</DomainRule>"
#define DOC(rules)  "<DomainConfiguration>" rules "</DomainConfiguration>"


static cos_err_e
parse(const char *text, cos_domains_t *d)
{
    const char  *why;

    return cos_xml_parse_domains(str(text), d, &why, mem);
}


static void
test_domains(void **state)
{
    cos_buf_t            b;
    cos_str_t            kept;
    cos_domains_t        d, *again;
    const cos_domain_t  *r;

    (void) state;

    assert_int_equal(parse(DOC(RULE("ENABLED", "WWW.Example.com", "REST",
                                    "<ForcedReplacement>TXT"
                                    "</ForcedReplacement>")
                               RULE("DISABLED", "b.example.com", "WEBSITE", "")
                               RULE("ENABLED", "cdn.example.com", "CDN",
                                    "<OriginAuthentication>Enabled"
                                    "</OriginAuthentication>" URL)), &d),
                     COS_OK);
    cos_buf_init(&b, mem, 0);
    cos_xml_domains(&b, COS_DIALECT_COS, &d);
    assert_int_equal(b.err, 0);

    assert_int_equal(cos_domains_keep(&kept, &d, (cos_str_t) { b.len, b.data },
                                      mem), 0);
    is(cos_bucket_domains(kept),
       "www.example.com b.example.com cdn.example.com");
    is(cos_bucket_domains(COS_STR("")), "");
    again = cos_domains_load(kept, mem);
    assert_non_null(again);
    assert_int_equal(again->n, 3);

    r = cos_domain_find(again, COS_STR("www.example.com"));
    assert_non_null(r);
    assert_true(r->enabled && r->type == COS_DOMAIN_REST);
    assert_int_equal(r->url.type, COS_CDN_OFF);

    r = cos_domain_find(again, COS_STR("b.example.com"));
    assert_non_null(r);
    assert_true(!r->enabled && r->type == COS_DOMAIN_WEBSITE);

    r = cos_domain_find(again, COS_STR("cdn.example.com"));
    assert_non_null(r);
    assert_true(r->origin_auth && r->url.type == COS_CDN_D && r->url.hex);
    is(r->url.key, KEY);
    is(r->url.key2, OTHER);
    is(r->url.param, "s");
    is(r->url.time_param, "t");
    assert_int_equal(r->url.ttl, 60);
    assert_int_equal(r->url.files, COS_CDN_ONLY);
    is(r->url.suffixes.v[0], "mp4");
    is(r->url.paths.v[0], "/v/");
    assert_null(cos_domain_find(again, COS_STR("example.com")));
}


static void
test_refused(void **state)
{
    size_t         i;
    cos_domains_t  d;
    static const struct {
        cos_err_e    err;
        const char  *text;
    } v[] = {
        { COS_E_MALFORMED_XML, DOC("") },
        { COS_E_MALFORMED_XML, "<Domain/>" },
        { COS_E_MALFORMED_XML, DOC(RULE("Enabled", "a.example.com", "REST",
                                        "")) },
        { COS_E_MALFORMED_XML, DOC(RULE("ENABLED", "a.example.com", "Rest",
                                        "")) },
        { COS_E_MALFORMED_XML, DOC("<DomainRule><Name>a.b</Name>"
                                   "</DomainRule>") },
        { COS_E_MALFORMED_XML, DOC(RULE("ENABLED", "a.b", "REST",
                                        "<Name>a.b</Name>")) },
        { COS_E_MALFORMED_XML, DOC(RULE("ENABLED", "a.b", "REST",
                                        "<ForcedReplacement>A"
                                        "</ForcedReplacement>")) },
        { COS_E_NOT_IMPLEMENTED, DOC(RULE("ENABLED", "a.b", "ACCELERATE",
                                          "")) },
        { COS_E_INVALID_ARGUMENT, DOC(RULE("ENABLED", "a.b", "REST", "")
                                      RULE("ENABLED", "A.B", "REST", "")) },
        { COS_E_INVALID_ARGUMENT, DOC(RULE("ENABLED", "*.a.b", "REST", "")) },
        { COS_E_INVALID_ARGUMENT, DOC(RULE("ENABLED", "10.0.0.1", "REST",
                                           "")) },
        { COS_E_INVALID_ARGUMENT, DOC(RULE("ENABLED", "a.b", "REST",
                                           URL)) },
        { COS_E_INVALID_ARGUMENT, DOC(RULE("ENABLED", "a.b", "CDN",
                                           "<UrlAuthentication><Type>TypeA"
                                           "</Type><Key>x</Key>"
                                           "</UrlAuthentication>")) },
        { COS_E_INVALID_ARGUMENT, DOC(RULE("ENABLED", "a.b", "CDN",
                                           "<UrlAuthentication>"
                                           "</UrlAuthentication>")) },
        { COS_E_MALFORMED_XML, DOC(RULE("ENABLED", "a.b", "CDN",
                                        "<UrlAuthentication><Limit>1</Limit>"
                                        "</UrlAuthentication>")) },
        { COS_E_MALFORMED_XML, DOC(RULE("ENABLED", "a.b", "CDN", URL URL)) },
    };

    (void) state;

    for (i = 0; i < COUNT(v); i++) {
        if (parse(v[i].text, &d) != v[i].err) {
            fail_msg("%s", v[i].text);
        }
    }
}


static void
test_names(void **state)
{
    size_t  i;
    char    label[80];
    static const struct {
        const char  *name;
        int          ok;
    } v[] = {
        { "example.com", 1 }, { "a.b", 1 }, { "xn--fiq228c.cn", 1 },
        { "1.example.com", 1 }, { "a-b.c-d.e1", 1 }, { "a.b.1c", 1 },
        { "", 0 }, { "localhost", 0 }, { "a..b", 0 }, { ".a.b", 0 },
        { "a.b.", 0 }, { "-a.b", 0 }, { "a-.b", 0 }, { "a.b-", 0 },
        { "A.b", 0 }, { "a_b.c", 0 }, { "*.a.b", 0 }, { "127.0.0.1", 0 },
        { "a.1", 0 }, { "a.b:80", 0 }, { "a b.c", 0 },
    };

    (void) state;

    for (i = 0; i < COUNT(v); i++) {
        if (cos_domain_valid(str(v[i].name)) != v[i].ok) {
            fail_msg("%s", v[i].name);
        }
    }

    memset(label, 'a', 64);
    memcpy(label + 64, ".com", 5);
    assert_false(cos_domain_valid(str(label)));
    assert_true(cos_domain_valid(str(label + 1)));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_variants),
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_borders),
        cmocka_unit_test(test_scope),
        cmocka_unit_test(test_front),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_domains),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
