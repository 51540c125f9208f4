/*
 * From where a bucket may be read: what CORS rules and hotlink protection say
 * to a request.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cos_cors.h"
#include "cos_referer.h"

#define COUNT(v)  (sizeof(v) / sizeof((v)[0]))

static cos_arena_t *arena;
static cos_alloc_t *mem;


static int
setup(void **state)
{
    (void) state;
    cos_xml_init();
    arena = cos_arena_create();
    mem = cos_arena_alloc(arena);

    return arena == NULL;
}


static int
teardown(void **state)
{
    (void) state;
    cos_arena_free(arena);

    return 0;
}


static cos_str_t
str(const char *s)
{
    return (cos_str_t) { strlen(s), (cos_u8 *) s };
}


/* --- hotlink protection ------------------------------------------------------ */

static cos_referer_t *
list_of(const char *entry, int black, int empty)
{
    cos_str_t          v[1];
    cos_referer_t     *r;
    cos_referer_doc_t  doc;

    v[0] = str(entry);
    memset(&doc, 0, sizeof(doc));
    doc.enabled = 1;
    doc.black = black;
    doc.empty = empty;
    doc.domains.n = 1;
    doc.domains.v = v;

    assert_null(cos_referer_check(v[0]));
    r = cos_referer_compile(&doc, mem);
    assert_non_null(r);

    return r;
}


/* cos-api.md 8.4, and what follows from it */
static const struct {
    const char  *entry;
    const char  *referer;
    int          matches;
} referers[] = {
    { "www.example.com", "http://www.example.com", 1 },
    { "www.example.com", "https://www.example.com/123", 1 },
    { "www.example.com", "http://www.example.com.cn/", 1 },
    { "www.example.com", "http://www.example.com:8080", 1 },
    { "www.example.com", "http://example.com", 0 },
    { "www.example.com", "http://a.www.example.com", 0 },
    { "www.example.com", "www.example.com/", 1 },
    { "www.example.com", "HTTPS://WWW.Example.COM/", 1 },
    { "www.example.com", "http://fake.com/www.example.com", 0 },
    { "www.example.com", "http://fake.com/?http://www.example.com", 0 },
    { "www.example.com", "ftp://www.example.com", 0 },
    { "WWW.Example.com/A", "http://www.example.com/A", 1 },
    { "WWW.Example.com/A", "http://www.example.com/a", 0 },
    { "www.example.com/123", "http://www.example.com/123", 1 },
    { "www.example.com/123", "http://www.example.com/1234", 1 },
    { "www.example.com/123", "http://www.example.com/123/4", 1 },
    { "www.example.com/123", "http://www.example.com", 0 },
    { "www.example.com/123", "http://www.example.com/12", 0 },
    { "http://www.example.com", "https://www.example.com/", 1 },
    { "HTTPS://www.example.com", "http://www.example.com/", 1 },
    { "example.com:8080", "http://example.com:8080/x", 1 },
    { "example.com:8080", "http://example.com/x", 0 },
    { "10.10.10.10:8080", "http://10.10.10.10:8080/", 1 },
    { "10.10.10.10:8080", "http://10.10.10.10/", 0 },
    { "[2001:db8::1]:80", "http://[2001:DB8::1]:80/", 1 },
    { "*.example.com", "http://a.example.com", 1 },
    { "*.example.com", "http://a.b.example.com/x", 1 },
    { "*.example.com", "http://example.com/", 1 },
    { "*.example.com", "https://A.EXAMPLE.com:8080/", 1 },
    { "*.example.com", "http://example.org", 0 },
    { "*.example.com", "http://aexample.com", 0 },
    { "*.example.com", "http://a.example.com.cn", 0 },
    { "*.example.com", "http://a.example.com.evil.net/", 0 },
    { "*.example.com", "http://fake.com/a.example.com", 0 },
    { "*.example.com", "http://fake.com?a.example.com", 0 },
    { "*.example.com", "http://fake.com#.example.com", 0 },
    { "*.example.com", "a.example.com", 1 },
    { "*.com", "http://a.b.com/", 1 },
    { "*.example.com:8080", "http://a.example.com:8080/", 1 },
    { "*.example.com:8080", "http://a.example.com/", 0 },
    { "*.example.com/a", "http://b.example.com/ab", 1 },
    { "*.example.com/a", "http://b.example.com/b", 0 },
    { "https://*.example.com", "http://a.example.com/", 1 },
    { "*", "http://anything/", 1 },
    { "*", "x", 1 },
    { "a", "http://", 0 },
    { "servicewechat.com", "https://servicewechat.com/wx1/2/page-frame.html",
      1 },
};


static void
test_referer_table(void **state)
{
    int             got;
    size_t          i;
    cos_referer_t  *white, *black;

    (void) state;

    for (i = 0; i < COUNT(referers); i++) {
        white = list_of(referers[i].entry, 0, 0);
        black = list_of(referers[i].entry, 1, 0);
        got = cos_referer_match(white, str(referers[i].referer));

        if (got != referers[i].matches) {
            fail_msg("\"%s\" on \"%s\": %d", referers[i].entry,
                     referers[i].referer, got);
        }

        assert_int_equal(cos_referer_allows(white, str(referers[i].referer)),
                         got);
        assert_int_equal(cos_referer_allows(black, str(referers[i].referer)),
                         !got);
    }
}


static void
test_referer_empty(void **state)
{
    int  black, empty;

    (void) state;

    for (black = 0; black < 2; black++) {
        for (empty = 0; empty < 2; empty++) {
            assert_int_equal(cos_referer_allows(list_of("*", black, empty),
                                                str("")), empty);
        }
    }
}


/* Every entry is found among thirty, of both kinds, whatever shares its place
 * in a table. */
static void
test_referer_many(void **state)
{
    int                i, k;
    char               text[30][32], from[64];
    cos_str_t          v[30];
    cos_referer_t     *r;
    cos_referer_doc_t  doc;

    (void) state;
    memset(&doc, 0, sizeof(doc));
    doc.enabled = 1;
    doc.domains.n = 30;
    doc.domains.v = v;

    for (i = 0; i < 30; i++) {
        snprintf(text[i], sizeof(text[i]), "%sw%d.test", i % 2 ? "*." : "",
                 i);
        v[i] = str(text[i]);
    }

    r = cos_referer_compile(&doc, mem);
    assert_non_null(r);

    for (i = 0; i < 30; i++) {
        for (k = 0; k < 2; k++) {
            snprintf(from, sizeof(from), "http://%sw%d.test/", k ? "a." : "",
                     i);
            assert_int_equal(cos_referer_match(r, str(from)), i % 2 || !k);
        }
    }

    assert_false(cos_referer_match(r, str("http://w30.test/")));
}


static void
test_referer_entries(void **state)
{
    size_t  i;

    static const char *const  bad[] = {
        "", "a b", "a\nb", "a\rb", "a\tb", "a\177", "*a.com", "a*", "a.*.com",
        "*.*", "**", "*.", "*..com", "*.:80", "*./a", "http://", "HTTP://",
        "https:///a", ":80", "/a", "?a"
    };

    (void) state;

    for (i = 0; i < COUNT(bad); i++) {
        if (cos_referer_check(str(bad[i])) == NULL) {
            fail_msg("\"%s\" is let pass", bad[i]);
        }
    }
}


static void
test_referer_damaged(void **state)
{
    (void) state;
    assert_null(cos_referer_load(str("<RefererConfiguration>"), mem));
    assert_null(cos_referer_load(str("<RefererConfiguration/>"), mem));
    assert_non_null(cos_referer_load(str("<RefererConfiguration><Status>"
        "Disabled</Status></RefererConfiguration>"), mem));
}


/* --- CORS ---------------------------------------------------------------------- */

#define RULE(origins, methods, more)                                          \
    "<CORSRule>" origins methods more "</CORSRule>"
#define O(s)  "<AllowedOrigin>" s "</AllowedOrigin>"
#define M(s)  "<AllowedMethod>" s "</AllowedMethod>"
#define H(s)  "<AllowedHeader>" s "</AllowedHeader>"
#define DOC(s)  "<CORSConfiguration>" s "</CORSConfiguration>"

static const char *const  rules_text = DOC(
    RULE(O("http://a.test"), M("GET"), "<MaxAgeSeconds>1</MaxAgeSeconds>")
    RULE(O("*suffix") O("start*end") O("prefix*"), M("GET"),
         "<MaxAgeSeconds>2</MaxAgeSeconds>")
    RULE(O("http://a.test") O("http://b.test"), M("PUT") M("GET"),
         H("x-*-b") H("Content-Type")
         "<ExposeHeader>ETag</ExposeHeader><ExposeHeader>x-a</ExposeHeader>"
         "<MaxAgeSeconds>3</MaxAgeSeconds>")
    RULE(O("*"), M("HEAD"), H("*") "<MaxAgeSeconds>4</MaxAgeSeconds>"));

/* which rule, by its age; headers NULL: no preflight */
static const struct {
    const char  *origin, *method, *headers;
    const char  *rule;
    int          any;
} asked[] = {
    { "http://a.test", "GET", NULL, "1", 0 },
    { "http://a.test", "GET", "", "1", 0 },
    { "http://a.test", "GET", "content-type", "3", 0 },
    { "http://a.test", "PUT", NULL, "3", 0 },
    { "http://b.test", "GET", NULL, "3", 0 },
    { "http://b.test", "PUT", "X-A-B,CONTENT-TYPE", "3", 0 },
    { "http://b.test", "PUT", " x-a-b , , content-type\t", "3", 0 },
    { "http://b.test", "PUT", "x--b", "3", 0 },
    { "http://b.test", "PUT", "x-b", NULL, 0 },
    { "http://b.test", "PUT", "x-a-b x", NULL, 0 },
    { "http://b.test", "PUT", "content-typ", NULL, 0 },
    { "http://b.test", "DELETE", NULL, NULL, 0 },
    { "http://b.test", "HEAD", "anything", "4", 1 },
    { "null", "HEAD", NULL, "4", 1 },
    { "null", "GET", NULL, NULL, 0 },
    { "foo.suffix", "GET", NULL, "2", 0 },
    { "suffix", "GET", NULL, "2", 0 },
    { "foo.suffix.get", "GET", NULL, NULL, 0 },
    { "startend", "GET", NULL, "2", 0 },
    { "start1end", "GET", NULL, "2", 0 },
    { "start12end", "GET", NULL, "2", 0 },
    { "0start12end", "GET", NULL, NULL, 0 },
    { "starend", "GET", NULL, NULL, 0 },
    { "prefix", "GET", NULL, "2", 0 },
    { "prefix.suffix", "GET", NULL, "2", 0 },
    { "bla.prefix", "GET", NULL, NULL, 0 },
    { "http://A.test", "GET", NULL, NULL, 0 },
    { "", "HEAD", NULL, NULL, 0 },
    { "a b", "HEAD", NULL, NULL, 0 },
    { "http://a.test", "get", NULL, NULL, 0 },
    { "http://a.test", "OPTIONS", NULL, NULL, 0 },
    { "http://a.test", "", NULL, NULL, 0 },
};


static void
test_cors_table(void **state)
{
    int                      any;
    size_t                   i;
    cos_str_t                headers, want;
    cos_cors_t              *c;
    const cos_cors_grant_t  *g;

    (void) state;
    c = cos_cors_load(str(rules_text), mem);
    assert_non_null(c);

    for (i = 0; i < COUNT(asked); i++) {
        any = 0;
        headers = str(asked[i].headers ? asked[i].headers : "");
        g = cos_cors_find(c, str(asked[i].origin), str(asked[i].method),
                          asked[i].headers ? &headers : NULL, &any);
        want = str(asked[i].rule ? asked[i].rule : "");

        if (!cos_str_eq(g ? g->max_age : str(""), want)
            || any != asked[i].any)
        {
            fail_msg("%s %s %s", asked[i].origin, asked[i].method,
                     asked[i].headers ? asked[i].headers : "-");
        }
    }
}


static void
test_cors_grant(void **state)
{
    int                      any;
    cos_cors_t              *c;
    const cos_cors_grant_t  *g;

    (void) state;
    c = cos_cors_load(str(rules_text), mem);
    g = cos_cors_find(c, str("http://b.test"), str("GET"), NULL, &any);
    assert_non_null(g);
    assert_true(cos_str_is(g->methods, "PUT, GET"));
    assert_true(cos_str_is(g->expose, "ETag, x-a"));
    assert_true(g->credentials);
    assert_false(cos_cors_vary(c));

    c = cos_cors_load(str(DOC(RULE(O("*"), M("GET"), "")
                              "<ResponseVary>TRUE</ResponseVary>")), mem);
    assert_true(cos_cors_vary(c));
    g = cos_cors_find(c, str("x"), str("GET"), NULL, &any);
    assert_non_null(g);
    assert_int_equal(g->max_age.len + g->expose.len, 0);
}


/* As many origins as a document can have: none is lost in the table. */
static void
test_cors_many(void **state)
{
    int         i, any;
    char        s[64];
    cos_buf_t   b;
    cos_cors_t *c;

    (void) state;
    cos_buf_init(&b, mem, 0);
    cos_buf_cstr(&b, "<CORSConfiguration>");

    for (i = 0; i < 1200; i++) {
        if (i % 12 == 0) {
            cos_buf_cstr(&b, i ? "</CORSRule><CORSRule>" : "<CORSRule>");
            cos_buf_cstr(&b, M("PUT"));
        }

        snprintf(s, sizeof(s), O("h%d%s"), i, i % 3 ? "" : "x*");
        cos_buf_cstr(&b, s);
    }

    cos_buf_cstr(&b, "</CORSRule></CORSConfiguration>");
    c = cos_cors_load((cos_str_t) { b.len, b.data }, mem);
    assert_non_null(c);

    for (i = 0; i < 1200; i++) {
        snprintf(s, sizeof(s), "h%d%s", i, i % 3 ? "" : "x");
        assert_non_null(cos_cors_find(c, str(s), str("PUT"), NULL, &any));
        assert_null(cos_cors_find(c, str(s), str("GET"), NULL, &any));
        snprintf(s, sizeof(s), "h%d%s", i, i % 3 ? "x" : "");
        assert_null(cos_cors_find(c, str(s), str("PUT"), NULL, &any));
    }
}


static void
test_cors_damaged(void **state)
{
    (void) state;
    assert_null(cos_cors_load(str("<CORSConfiguration/>"), mem));
    assert_null(cos_cors_load(str(""), mem));
    assert_null(cos_cors_load(str(DOC(RULE(O("*"), M("OPTIONS"), ""))), mem));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_referer_table),
        cmocka_unit_test(test_referer_empty),
        cmocka_unit_test(test_referer_many),
        cmocka_unit_test(test_referer_entries),
        cmocka_unit_test(test_referer_damaged),
        cmocka_unit_test(test_cors_table),
        cmocka_unit_test(test_cors_grant),
        cmocka_unit_test(test_cors_many),
        cmocka_unit_test(test_cors_damaged),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
