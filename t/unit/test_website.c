/*
 * Websites: the document, and what follows from it for requests (the table of
 * cos-api.md 6.3 and S3's routing rules).
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cos_website.h"
#include "cos_xml.h"

#define S3   COS_DIALECT_S3
#define COS  COS_DIALECT_COS

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


#define DOC(x)    "<WebsiteConfiguration>" x "</WebsiteConfiguration>"
#define INDEX     "<IndexDocument><Suffix>index.html</Suffix></IndexDocument>"
#define ERROR     "<ErrorDocument><Key>e.html</Key></ErrorDocument>"
#define RULES(x)  "<RoutingRules>" x "</RoutingRules>"
#define RULE(c, r)                                                            \
    "<RoutingRule><Condition>" c "</Condition><Redirect>" r                   \
    "</Redirect></RoutingRule>"
#define PREFIX(x)  "<KeyPrefixEquals>" x "</KeyPrefixEquals>"
#define CODE(x)                                                               \
    "<HttpErrorCodeReturnedEquals>" x "</HttpErrorCodeReturnedEquals>"
#define WITH(x)    "<ReplaceKeyWith>" x "</ReplaceKeyWith>"
#define WITHP(x)   "<ReplaceKeyPrefixWith>" x "</ReplaceKeyPrefixWith>"
#define HOST(x)    "<HostName>" x "</HostName>"
#define PROTO(x)   "<Protocol>" x "</Protocol>"
#define STATUS(x)  "<HttpRedirectCode>" x "</HttpRedirectCode>"
#define URL(x)     "<URLRedirect>" x "</URLRedirect>"
#define AUTO       "<AutoAddressing><Status>Enabled</Status></AutoAddressing>"
#define HTTPS                                                                 \
    "<RedirectAllRequestsTo>" PROTO("https") "</RedirectAllRequestsTo>"
#define ALL(x)     "<RedirectAllRequestsTo>" x "</RedirectAllRequestsTo>"


/* --- the document --------------------------------------------------------- */

static const struct {
    cos_dialect_e  d;
    cos_err_e      err;
    const char    *text;
} documents[] = {
    { COS, COS_OK, DOC(INDEX) },
    { S3, COS_OK, DOC(INDEX) },
    { COS, COS_OK, DOC(INDEX HTTPS AUTO
        "<ErrorDocument><Key>e</Key><Charity404>Disabled</Charity404>"
        "<OriginalHttpStatus>Disabled</OriginalHttpStatus></ErrorDocument>"
        RULES(RULE(CODE("404"), PROTO("https") WITH("404.html")
                   URL("Disabled"))
              RULE(PREFIX("docs/"), WITHP("documents/"))))
        },
    { S3, COS_OK, DOC(INDEX ERROR RULES(
        RULE(CODE("404") PREFIX("a"), HOST("h.example:8080") PROTO("http")
             STATUS("307") WITHP(""))
        "<RoutingRule><Redirect>" HOST("x") "</Redirect></RoutingRule>")) },
    { S3, COS_OK, DOC(ALL(HOST("example.com"))) },
    { S3, COS_OK, DOC(ALL(HOST("example.com") PROTO("https"))) },
    { COS, COS_OK, DOC(INDEX "<KeyPrefix>site/7/</KeyPrefix>") },

    { S3, COS_OK, DOC("<KeyPrefix>site/8/</KeyPrefix>") },
    { S3, COS_E_INVALID_ARGUMENT, DOC(ERROR "<KeyPrefix>a/</KeyPrefix>") },

    { COS, COS_E_MALFORMED_XML, "" },
    { COS, COS_E_MALFORMED_XML, "<Website/>" },
    { COS, COS_E_INVALID_ARGUMENT, DOC("") },
    { COS, COS_E_INVALID_ARGUMENT, DOC(ERROR) },
    { COS, COS_E_INVALID_ARGUMENT, DOC(HTTPS) },
    { S3, COS_E_INVALID_ARGUMENT, DOC("<IndexDocument/>") },
    { S3, COS_E_MALFORMED_XML, DOC(INDEX INDEX) },
    { S3, COS_E_MALFORMED_XML, DOC(INDEX "<Other/>") },
    { S3, COS_E_MALFORMED_XML, DOC(INDEX AUTO) },
    { S3, COS_E_MALFORMED_XML, DOC(INDEX HTTPS) },
    { COS, COS_E_MALFORMED_XML, DOC(INDEX ALL(HOST("h") PROTO("https"))) },
    { COS, COS_E_INVALID_ARGUMENT, DOC(INDEX ALL(PROTO("http"))) },
    { S3, COS_E_INVALID_ARGUMENT, DOC(INDEX ALL(HOST("h"))) },
    { S3, COS_E_INVALID_ARGUMENT, DOC(ALL(HOST("h/x"))) },
    { S3, COS_E_INVALID_ARGUMENT, DOC(ALL(HOST("h&#13;&#10;X"))) },
    { S3, COS_E_INVALID_ARGUMENT, DOC(ALL(HOST("u@h"))) },
    { S3, COS_E_INVALID_ARGUMENT, DOC(ALL(HOST("h") PROTO("ftp"))) },
    { COS, COS_E_INVALID_ARGUMENT,
      DOC("<IndexDocument><Suffix>a/b</Suffix></IndexDocument>") },
    { COS, COS_E_MALFORMED_XML, DOC(INDEX "<ErrorDocument/>") },
    { COS, COS_E_MALFORMED_XML, DOC(INDEX
        "<AutoAddressing><Status>On</Status></AutoAddressing>") },
    { S3, COS_E_MALFORMED_XML, DOC(INDEX RULES("")) },
    { S3, COS_E_MALFORMED_XML, DOC(INDEX RULES("<RoutingRule/>")) },
    { S3, COS_E_MALFORMED_XML, DOC(INDEX RULES(RULE(PREFIX("a"), ""))) },
    { S3, COS_E_MALFORMED_XML, DOC(INDEX RULES(RULE("", WITH("a")))) },
    { S3, COS_E_MALFORMED_XML,
      DOC(INDEX RULES(RULE(PREFIX("a"), WITH("a") WITHP("b")))) },
    { S3, COS_E_MALFORMED_XML,
      DOC(INDEX RULES(RULE(PREFIX("a"), WITH("a") URL("Enabled")))) },
    { S3, COS_E_INVALID_ARGUMENT,
      DOC(INDEX RULES(RULE(PREFIX("a"), WITH("")))) },
    { S3, COS_E_INVALID_ARGUMENT,
      DOC(INDEX RULES(RULE(PREFIX("a"), WITH("a") STATUS("200")))) },
    { S3, COS_E_INVALID_ARGUMENT,
      DOC(INDEX RULES(RULE(PREFIX("a"), WITH("a") STATUS("304")))) },
    { S3, COS_E_INVALID_ARGUMENT,
      DOC(INDEX RULES(RULE(CODE("200"), WITH("a")))) },
    { S3, COS_OK, DOC(INDEX RULES(RULE(CODE("503"), WITH("a")))) },
    { COS, COS_E_INVALID_ARGUMENT,
      DOC(INDEX RULES(RULE(CODE("503"), WITH("a")))) },
    { COS, COS_E_MALFORMED_XML,
      DOC(INDEX RULES(RULE(CODE("404") PREFIX("a"), WITH("a")))) },
    { COS, COS_E_MALFORMED_XML,
      DOC(INDEX RULES(RULE(CODE("404"), PROTO("https")))) },
    { COS, COS_E_INVALID_ARGUMENT,
      DOC(INDEX RULES(RULE(CODE("404"), WITHP("a")))) },
    { COS, COS_E_INVALID_ARGUMENT,
      DOC(INDEX RULES(RULE(PREFIX("a"), WITH("b") PROTO("http")))) },
    { COS, COS_E_MALFORMED_XML,
      DOC(INDEX RULES(RULE(PREFIX("a"), WITH("b") HOST("h")))) },
    { COS, COS_E_MALFORMED_XML,
      DOC(INDEX RULES("<RoutingRule><Redirect>" WITH("b")
                      "</Redirect></RoutingRule>")) },
    { COS, COS_E_INVALID_ARGUMENT, DOC(INDEX "<KeyPrefix>a</KeyPrefix>") },
    { COS, COS_E_INVALID_ARGUMENT, DOC(INDEX "<KeyPrefix/>") },
};


static int
same(const cos_website_t *x, const cos_website_t *y)
{
    size_t                     i;
    const cos_website_rule_t  *a, *b;

    if (!cos_str_eq(x->index, y->index) || x->all_scheme != y->all_scheme
        || !cos_str_eq(x->all_host, y->all_host) || x->charity != y->charity
        || x->auto_html != y->auto_html || x->original != y->original
        || !cos_str_eq(x->error_key, y->error_key) || x->nrules != y->nrules
        || !cos_str_eq(x->release, y->release))
    {
        return 0;
    }

    for (i = 0; i < x->nrules; i++) {
        a = &x->rules[i];
        b = &y->rules[i];

        if (a->code != b->code || a->has_prefix != b->has_prefix
            || !cos_str_eq(a->prefix, b->prefix) || a->scheme != b->scheme
            || !cos_str_eq(a->host, b->host) || a->status != b->status
            || a->how != b->how || !cos_str_eq(a->with, b->with)
            || a->url != b->url)
        {
            return 0;
        }
    }

    return 1;
}


static void
test_documents(void **state)
{
    size_t          i;
    cos_buf_t       b;
    cos_err_e       err;
    cos_str_t       kept;
    const char     *why;
    cos_website_t   w, again, *c;

    (void) state;

    for (i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
        err = cos_xml_parse_website(documents[i].d, str(documents[i].text),
                                    &w, &why, mem);

        if (err != documents[i].err) {
            fail_msg("%s: %d", documents[i].text, err);
        }

        assert_true((err == COS_E_INVALID_ARGUMENT) == (why != NULL));

        if (err != COS_OK) {
            continue;
        }

        cos_buf_init(&b, mem, 0);
        cos_xml_website(&b, documents[i].d, &w);
        assert_int_equal(cos_xml_parse_website(documents[i].d,
            (cos_str_t) { b.len, b.data }, &again, &why, mem), COS_OK);
        assert_true(same(&w, &again));

        if (cos_website_is_switch(&w)) {
            assert_true(cos_str_is(w.release, "site/8/"));
            continue;
        }

        assert_int_equal(cos_website_keep(&kept, documents[i].d,
                                          str(documents[i].text), mem), 0);
        c = cos_website_compile(kept, mem);
        assert_non_null(c);
        assert_true(same(&w, c) && c->dialect == documents[i].d);
    }

    assert_null(cos_website_compile(str("x" DOC(INDEX)), mem));
    assert_null(cos_website_compile(str("s" DOC("<KeyPrefix>a/</KeyPrefix>")),
                                    mem));
    assert_null(cos_website_compile(str("c"), mem));
    assert_null(cos_website_compile(str("c<a/>"), mem));
}


static void
test_rules_limit(void **state)
{
    int             i, n;
    cos_buf_t       b;
    const char     *why;
    cos_website_t   w;

    (void) state;

    for (n = 100; n <= 101; n++) {
        cos_buf_init(&b, mem, 0);
        cos_buf_lit(&b, "<WebsiteConfiguration>" INDEX "<RoutingRules>");

        for (i = 0; i < n; i++) {
            cos_buf_lit(&b, RULE(CODE("404") PREFIX("some/prefix"),
                WITHP("other/prefix") HOST("host") STATUS("302")
                PROTO("https")));
        }

        cos_buf_lit(&b, "</RoutingRules></WebsiteConfiguration>");
        assert_int_equal(cos_xml_parse_website(S3,
            (cos_str_t) { b.len, b.data }, &w, &why, mem),
            n == 100 ? COS_OK : COS_E_INVALID_ARGUMENT);
    }
}


/* --- requests ------------------------------------------------------------- */

/* keys: what is there, separated by spaces; those with a '!' before them may
 * not be read. want: "200 key", "302 location" or "404". */
typedef struct {
    cos_dialect_e  d;
    const char    *doc;
    const char    *keys;
    const char    *url;               /* path?query; "https:" before it: TLS */
    const char    *want;
} case_t;

#define SPA  DOC(INDEX "<ErrorDocument><Key>index.html</Key>"                 \
    "<OriginalHttpStatus>Disabled</OriginalHttpStatus></ErrorDocument>")
#define SITE  "index.html about.html docs/index.html a/b e.html !secret"
#define FULL  DOC(INDEX ERROR AUTO)

static const case_t  cases[] = {
    /* index documents, objects, folders */
    { S3, DOC(INDEX), SITE, "/", "200 index.html" },
    { S3, DOC(INDEX), SITE, "/docs/", "200 docs/index.html" },
    { S3, DOC(INDEX), SITE, "/docs", "302 /docs/" },
    { S3, DOC(INDEX), SITE, "/docs?a=b&c", "302 /docs/?a=b&c" },
    { S3, DOC(INDEX), SITE, "/a/b", "200 a/b" },
    { S3, DOC(INDEX), SITE, "/a/b?x", "200 a/b" },
    { S3, DOC(INDEX), SITE, "/a/", "404" },
    { S3, DOC(INDEX), SITE, "/a", "404" },
    { S3, DOC(INDEX), SITE, "/secret", "403" },
    { S3, DOC(INDEX), "!index.html", "/", "403" },
    { S3, DOC(INDEX), "!x/index.html", "/x", "404" },
    { S3, DOC(INDEX), "/evil.com/index.html", "//evil.com",
      "302 /%2Fevil.com/" },
    { S3, DOC(INDEX), "d\r\nx/index.html", "/d\r\nx", "302 /d%0D%0Ax/" },
    { S3, DOC(INDEX), "d/index.html", "/d?a\r\nb", "302 /d/?a%0D%0Ab" },

    /* .html */
    { COS, DOC(INDEX), SITE, "/about", "404" },
    { COS, FULL, SITE, "/about", "200 about.html" },
    { COS, FULL, SITE, "/about.html", "200 about.html" },
    { COS, FULL, SITE, "/docs", "302 /docs/" },
    { COS, FULL, SITE, "/none.html", "404 e.html" },
    { COS, FULL, "a a.html", "/a", "200 a" },
    { COS, FULL, "!a.html e.html a/index.html", "/a", "403 e.html" },
    { COS, FULL, "!a a.html e.html", "/a", "403 e.html" },

    /* error documents */
    { COS, FULL, SITE, "/none", "404 e.html" },
    { COS, FULL, SITE, "/none/", "404 e.html" },
    { COS, FULL, SITE, "/secret", "403 e.html" },
    { COS, FULL, "index.html", "/none", "404" },
    { COS, FULL, "!e.html", "/none", "404" },
    { COS, SPA, SITE, "/deep/link", "200 index.html" },
    { COS, SPA, SITE, "/secret", "200 index.html" },
    { COS, SPA, SITE, "/about.html", "200 about.html" },

    /* https */
    { COS, DOC(INDEX HTTPS), SITE, "/a/b?q=1", "301 https://h/a/b?q=1" },
    { COS, DOC(INDEX HTTPS), SITE, "/", "301 https://h/" },
    { COS, DOC(INDEX HTTPS), SITE, "https:/a/b", "200 a/b" },
    { COS, DOC(INDEX HTTPS), SITE, "//evil", "301 https://h/%2Fevil" },

    /* everything elsewhere */
    { S3, DOC(ALL(HOST("o.example"))), "", "/a b?c", "301 http://o.example/"
      "a%20b?c" },
    { S3, DOC(ALL(HOST("o.example"))), "", "https:/", "301 https://o.example/"
      },
    { S3, DOC(ALL(HOST("o.example") PROTO("https"))), "", "/x",
      "301 https://o.example/x" },
    { S3, DOC(ALL(HOST("o.example") PROTO("http"))), "", "https:/x",
      "301 http://o.example/x" },

    /* rules for prefixes */
    { S3, DOC(INDEX RULES(RULE(PREFIX("docs/"), WITHP("documents/")))), SITE,
      "/docs/a?b", "301 /documents/a?b" },
    { COS, DOC(INDEX RULES(RULE(PREFIX("docs/"), WITHP("documents/")))), SITE,
      "/docs/a?b", "302 /documents/a?b" },
    { COS, DOC(INDEX RULES(RULE(PREFIX("docs/"), WITHP("a/") URL("Disabled"))
      )), SITE, "/docs/b", "200 a/b" },
    { COS, DOC(INDEX ERROR RULES(RULE(PREFIX("docs/"), WITHP("a/")
      URL("Disabled")))), SITE, "/docs/none", "404 e.html" },
    { COS, DOC(INDEX RULES(RULE(PREFIX("docs/"), WITHP("x/") URL("Enabled")
      PROTO("https")))), SITE, "/docs/b", "302 https://h/x/b" },
    { S3, DOC(INDEX RULES(RULE(PREFIX("docs/"), WITH("one")))), SITE,
      "/docs/b", "301 /one" },
    { S3, DOC(INDEX RULES(RULE(PREFIX("docs/"), HOST("o.example")))), SITE,
      "/docs/b", "301 http://o.example/docs/b" },
    { S3, DOC(INDEX RULES(RULE(PREFIX("docs/"), PROTO("https")))), SITE,
      "/docs/b", "301 https://h/docs/b" },
    { S3, DOC(INDEX RULES(RULE(PREFIX("docs/"), STATUS("307") WITHP("")))),
      SITE, "/docs//evil.com", "307 /%2Fevil.com" },
    { S3, DOC(INDEX RULES(RULE(PREFIX("b"), WITH("1"))
      RULE(PREFIX("a"), WITH("2")) RULE(PREFIX("a/"), WITH("3")))), SITE,
      "/a/b", "301 /2" },
    { S3, DOC(INDEX RULES(RULE(PREFIX("A/"), WITH("1")))), SITE, "/a/b",
      "200 a/b" },
    { S3, DOC(INDEX RULES("<RoutingRule><Redirect>" HOST("o")
      "</Redirect></RoutingRule>")), SITE, "/a/b", "301 http://o/a/b" },

    /* rules for errors */
    { S3, DOC(INDEX RULES(RULE(CODE("404"), HOST("o") WITHP("report-404/")))),
      SITE, "/x.html", "301 http://o/report-404/x.html" },
    { S3, DOC(INDEX RULES(RULE(CODE("404"), HOST("o")))), SITE, "/a/b",
      "200 a/b" },
    { S3, DOC(INDEX RULES(RULE(CODE("404"), HOST("o")))), SITE, "/secret",
      "403" },
    { S3, DOC(INDEX ERROR RULES(RULE(CODE("404") PREFIX("a/"),
      WITHP("b/")))), SITE, "/a/c", "301 /b/c" },
    { S3, DOC(INDEX ERROR RULES(RULE(CODE("404") PREFIX("a/"),
      WITHP("b/")))), SITE, "/c", "404 e.html" },
    { COS, DOC(INDEX ERROR RULES(RULE(CODE("403"), WITH("about.html")))),
      SITE, "/secret", "403 about.html" },
    { COS, DOC(INDEX ERROR RULES(RULE(CODE("403"), WITH("none")))), SITE,
      "/secret", "403 e.html" },
    { COS, DOC(INDEX RULES(RULE(CODE("404"), WITH("about.html")
      URL("Enabled")))), SITE, "/none", "302 /about.html" },
    { COS, DOC(INDEX RULES(RULE(CODE("404"), WITH("about.html")
      PROTO("https")))), SITE, "/none", "302 https://h/about.html" },
    { COS, DOC(INDEX RULES(RULE(CODE("404"), WITH("about.html")
      PROTO("https")))), SITE, "https:/none", "404 about.html" },

    /* releases */
    { COS, DOC(INDEX ERROR AUTO "<KeyPrefix>r/2/</KeyPrefix>"),
      "r/2/index.html r/2/a.html r/2/d/index.html index.html r/2/e.html",
      "/", "200 r/2/index.html" },
    { COS, DOC(INDEX ERROR AUTO "<KeyPrefix>r/2/</KeyPrefix>"),
      "r/2/a.html a", "/a", "200 r/2/a.html" },
    { COS, DOC(INDEX "<KeyPrefix>r/2/</KeyPrefix>"),
      "r/2/d/index.html", "/d", "302 /d/" },
    { COS, DOC(INDEX ERROR "<KeyPrefix>r/2/</KeyPrefix>"),
      "r/2/e.html b", "/b", "404 r/2/e.html" },
    { COS, DOC(INDEX "<KeyPrefix>r/2/</KeyPrefix>" RULES(RULE(PREFIX("x"),
      WITH("y") URL("Disabled")))), "r/2/y", "/x", "200 r/2/y" },
};


/* COS_OK, or why not; *missing */
static cos_err_e
lookup(const char *keys, cos_str_t key, int *missing)
{
    size_t       n;
    const char  *p;

    for (p = keys; *p; p += n + (p[n] == ' ')) {
        n = strcspn(p, " ");
        *missing = 0;

        if (n == key.len && memcmp(p, key.data, n) == 0) {
            return COS_OK;
        }

        if (*p == '!' && n == key.len + 1 && memcmp(p + 1, key.data, n - 1)
            == 0)
        {
            return COS_E_ACCESS_DENIED;
        }
    }

    *missing = 1;

    return COS_E_NO_SUCH_KEY;
}


static void
run(const case_t *c)
{
    int              missing, looks;
    char             got[512];
    cos_err_e        err;
    cos_site_t       s;
    const char      *why, *url, *q;
    cos_site_do_e    what;
    cos_website_t    w;

    assert_int_equal(cos_xml_parse_website(c->d, str(c->doc), &w, &why, mem),
                     COS_OK);

    memset(&s, 0, sizeof(s));
    s.site = &w;
    s.alloc = mem;
    s.host = str("h");
    url = c->url;

    if (strncmp(url, "https:", 6) == 0) {
        s.tls = 1;
        url += 6;
    }

    q = strchr(url, '?');
    s.path = str(url);

    if (q) {
        s.path.len = q - url;
        s.query = str(q + 1);
    }

    looks = 0;

    for (what = cos_site_begin(&s); what == COS_SITE_LOOK; looks++) {
        err = lookup(c->keys, s.key, &missing);
        what = cos_site_found(&s, err, missing);
    }

    assert_true(looks <= 5);

    if (what == COS_SITE_SERVE) {
        snprintf(got, sizeof(got), "%u %.*s", s.status, (int) s.key.len,
                 s.key.data);

    } else if (what == COS_SITE_REDIRECT) {
        snprintf(got, sizeof(got), "%u %.*s", s.status,
                 (int) s.location.len, s.location.data);

    } else {
        snprintf(got, sizeof(got), "%d", cos_err_info(s.err)->status);
    }

    if (strcmp(got, c->want) != 0) {
        fail_msg("%s %s: %s, not %s", c->doc, c->url, got, c->want);
    }
}


static void
test_requests(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        run(&cases[i]);
    }
}


static void
test_no_host(void **state)
{
    const char     *why;
    cos_site_t      s;
    cos_website_t   w;

    (void) state;

    assert_int_equal(cos_xml_parse_website(COS, str(DOC(INDEX HTTPS)), &w,
                                           &why, mem), COS_OK);
    memset(&s, 0, sizeof(s));
    s.site = &w;
    s.alloc = mem;
    s.path = str("/");
    assert_int_equal(cos_site_begin(&s), COS_SITE_ERROR);
    assert_int_equal(s.err, COS_E_INVALID_REQUEST);
}


/* A key that cannot exist is not asked for, and a failing store is no 404. */
static void
test_edges(void **state)
{
    char            path[1100];
    const char     *why;
    cos_site_t      s;
    cos_website_t   w;

    (void) state;

    assert_int_equal(cos_xml_parse_website(S3, str(DOC(INDEX ERROR RULES(
        RULE(CODE("503"), HOST("status"))))), &w, &why, mem), COS_OK);
    memset(&s, 0, sizeof(s));
    s.site = &w;
    s.alloc = mem;
    memset(path, 'a', sizeof(path));
    path[0] = '/';
    s.path = (cos_str_t) { sizeof(path), (cos_u8 *) path };

    assert_int_equal(cos_site_begin(&s), COS_SITE_LOOK);
    assert_true(cos_str_is(s.key, "e.html"));

    s.path = str("/a");
    assert_int_equal(cos_site_begin(&s), COS_SITE_LOOK);
    assert_int_equal(cos_site_found(&s, COS_E_UNAVAILABLE, 0),
                     COS_SITE_REDIRECT);
    assert_true(cos_str_is(s.location, "http://status/a"));

    s.path = str("/a");
    assert_int_equal(cos_site_begin(&s), COS_SITE_LOOK);
    assert_int_equal(cos_site_found(&s, COS_E_INTERNAL, 0), COS_SITE_ERROR);
}


static void
test_moved(void **state)
{
    size_t      i;
    cos_site_t  s;
    static const struct { const char *where; int ok; } list[] = {
        { "/a", 1 }, { "http://h/x", 1 }, { "https://h", 1 }, { "a", 0 },
        { "", 0 }, { "ftp://h/", 0 }, { "javascript:x", 0 }, { "/a b", 0 },
        { "/a\r\nX: y", 0 }, { "HTTP://h/", 0 },
    };

    (void) state;

    for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        assert_int_equal(cos_redirect_valid(str(list[i].where)), list[i].ok);
    }

    memset(&s, 0, sizeof(s));
    s.alloc = mem;
    assert_int_equal(cos_site_moved(&s, str("/\xc3\xa4")), COS_SITE_REDIRECT);
    assert_true(cos_str_is(s.location, "/%C3%A4") && s.status == 301);
}


static void
test_codings(void **state)
{
    size_t  i;
    static const struct { const char *header; int br, gzip; } list[] = {
        { "gzip, deflate, br", 1, 1 }, { "gzip", 0, 1 }, { "", 0, 0 },
        { "BR", 1, 0 }, { "br;q=0, gzip;q=0.5", 0, 1 }, { "*", 1, 1 },
        { "*;q=0, br", 1, 0 }, { "br;q=0.000,*", 0, 1 },
        { "br;q=0.001", 1, 0 }, { "identity", 0, 0 }, { ",,br ;q=1,", 1, 0 },
        { "xbr, brx", 0, 0 }, { "gzip;Q=0", 0, 0 },
    };

    (void) state;

    for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        assert_int_equal(cos_accepts_coding(str(list[i].header), str("br")),
                         list[i].br);
        assert_int_equal(cos_accepts_coding(str(list[i].header), str("gzip")),
                         list[i].gzip);
    }
}


static void
test_html(void **state)
{
    cos_buf_t         b;
    cos_site_error_t  e;

    (void) state;

    memset(&e, 0, sizeof(e));
    e.err = COS_E_NO_SUCH_KEY;
    e.key = str("<script>&\"");
    e.request_id = str("id1");
    cos_buf_init(&b, mem, 0);
    cos_html_error(&b, &e);
    cos_buf_char(&b, '\0');
    assert_non_null(strstr((char *) b.data, "<h1>404 Not Found</h1>"));
    assert_non_null(strstr((char *) b.data, "<li>Code: NoSuchKey</li>"));
    assert_non_null(strstr((char *) b.data, "<li>Key: &lt;script"));
    assert_non_null(strstr((char *) b.data, "<li>RequestId: id1</li>"));
    assert_null(strstr((char *) b.data, "<script"));
    assert_null(strstr((char *) b.data, "BucketName"));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_rules_limit),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_no_host),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_moved),
        cmocka_unit_test(test_codings),
        cmocka_unit_test(test_html),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
