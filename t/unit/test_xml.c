/*
 * xml: documents written, read back with libxml2 and jansson as a client
 * would.
 */

#include <jansson.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>

#include "unit_doc.h"
#include "cos_facts.h"
#include "cos_xml.h"

#define OWNER  100000000001ULL
#define S3_NS  "http://s3.amazonaws.com/doc/2006-03-01/"
#define MTIME  1716546704123LL        /* 2024-05-24T10:31:44.123Z */


/* The text at an XPath of local names ("/Error/Code"), joined with '|' when
 * there are several; "(none)" when there is none. Valid until the test ends. */
static char *
at(const char *path)
{
    int                  i;
    char                 expr[512], *p;
    xmlDoc              *xml;
    xmlChar             *text;
    cos_buf_t            out;
    const char          *s, *end;
    xmlXPathObject      *found;
    xmlXPathContext     *ctx;

    assert_false(doc.err);
    xml = xmlReadMemory((char *) doc.data, (int) doc.len, NULL, NULL,
                        XML_PARSE_NONET);
    assert_non_null(xml);

    p = expr;

    for (s = path; *s != '\0'; s = end) {
        end = strchr(s + 1, '/');
        end = end != NULL ? end : s + strlen(s);
        p += sprintf(p, s[1] == '@' ? "/%.*s" : "/*[local-name()='%.*s']",
                     (int) (end - s - 1), s + 1);
    }

    ctx = xmlXPathNewContext(xml);
    found = xmlXPathEvalExpression((xmlChar *) expr, ctx);
    assert_non_null(found);
    cos_buf_init(&out, mem, 0);

    if (xmlXPathNodeSetIsEmpty(found->nodesetval)) {
        cos_buf_lit(&out, "(none)");

    } else {
        for (i = 0; i < found->nodesetval->nodeNr; i++) {
            text = xmlNodeGetContent(found->nodesetval->nodeTab[i]);
            cos_buf_cstr(&out, i > 0 ? "|" : "");
            cos_buf_cstr(&out, (char *) text);
            xmlFree(text);
        }
    }

    xmlXPathFreeObject(found);
    xmlXPathFreeContext(ctx);
    xmlFreeDoc(xml);
    cos_buf_char(&out, '\0');

    return (char *) out.data;
}


static const char *
root_ns(void)
{
    xmlDoc      *xml;
    static char  ns[256];

    xml = xmlReadMemory((char *) doc.data, (int) doc.len, NULL, NULL, 0);
    assert_non_null(xml);
    snprintf(ns, sizeof(ns), "%s",
             xmlDocGetRootElement(xml)->ns == NULL
             ? "" : (char *) xmlDocGetRootElement(xml)->ns->href);
    xmlFreeDoc(xml);

    return ns;
}


/* The JSON value at "a.0.b", as text. */
static char *
jat(const char *path)
{
    char        *copy, *name, *save, *text;
    json_t      *root, *v;
    cos_str_t    out;

    root = json_loadb((char *) doc.data, doc.len, JSON_REJECT_DUPLICATES,
                      NULL);
    assert_non_null(root);
    v = root;
    copy = strdup(path);

    for (name = strtok_r(copy, ".", &save);
         name != NULL;
         name = strtok_r(NULL, ".", &save))
    {
        v = json_is_array(v) ? json_array_get(v, atoi(name))
                             : json_object_get(v, name);
    }

    text = v == NULL ? strdup("(none)")
                     : json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
    assert_int_equal(cos_dup(mem, &out, text, strlen(text)), 0);
    free(text);
    free(copy);
    json_decref(root);

    return (char *) out.data;
}


static void
make_object(cos_object_t *o)
{
    memset(o, 0, sizeof(*o));
    memset(o->etag, 0xab, sizeof(o->etag));
    o->seq = 5;
    o->mtime = MTIME;
    o->size = 12345;
    o->crc64 = 11177612005948864433ULL;
}


/* --- text ----------------------------------------------------------------- */

static void
test_text(void **state)
{
    size_t  i;

    static const struct {
        const char  *in, *out;
    } cases[] = {
        { "", "" },
        { "plain text", "plain text" },
        { "a<b>&\"c'", "a&lt;b&gt;&amp;&quot;c'" },
        { "\t\n\r", "&#9;&#10;&#13;" },
        { "\x01\x1f\x0b", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "\x7f", "\x7f" },
        { "\xc3\xa4\xe4\xbd\xa0\xf0\x9f\x98\x80", NULL },
        { "\xe4\xbd", "\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xe0\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xef\xbf\xbe", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xf4\x90\x80\x80",
          "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "a\xff" "b\x80", "a\xef\xbf\xbd" "b\xef\xbf\xbd" },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fresh();
        cos_xml_text(&doc, str(cases[i].in));
        assert_true(cos_str_is((cos_str_t) { doc.len, doc.data },
                               cases[i].out ? cases[i].out : cases[i].in));
    }
}


/* --- errors --------------------------------------------------------------- */

static void
test_errors(void **state)
{
    int              i, d;
    cos_xml_error_t  e;

    (void) state;
    memset(&e, 0, sizeof(e));
    e.err = COS_E_NO_SUCH_KEY;
    e.resource = str("b-1.cos.r.example.com/a&b");
    e.bucket = str("b-1");
    e.key = str("a&b");
    e.request_id = str("REQ");
    e.trace_id = str("TRACE");

    cos_xml_error(&doc, COS_DIALECT_COS, &e);
    assert_memory_equal(doc.data, "<?xml version='1.0' encoding='utf-8' ?>\n"
                        "<Error><Code>NoSuchKey</Code><Message>", 76);
    assert_string_equal(at("/Error/Message"),
                        "The specified key does not exist.");
    assert_string_equal(at("/Error/Resource"), "b-1.cos.r.example.com/a&b");
    assert_string_equal(at("/Error/RequestId"), "REQ");
    assert_string_equal(at("/Error/TraceId"), "TRACE");
    assert_string_equal(at("/Error/ServerTime"), "(none)");

    fresh();
    cos_xml_error(&doc, COS_DIALECT_S3, &e);
    assert_memory_equal(doc.data, "<?xml version=\"1.0\" "
                        "encoding=\"UTF-8\"?>\n<Error><Code>", 52);
    assert_string_equal(at("/Error/Key"), "a&b");
    assert_string_equal(at("/Error/BucketName"), "b-1");
    assert_string_equal(at("/Error/HostId"), "TRACE");
    assert_string_equal(root_ns(), "");

    fresh();
    cos_xml_error(&doc, COS_DIALECT_BOS, &e);
    assert_string_equal(jat("code"), "\"NoSuchKey\"");
    assert_string_equal(jat("requestId"), "\"REQ\"");

    fresh();
    e.err = COS_E_EXPIRED;
    e.now = 1716546704;
    cos_xml_error(&doc, COS_DIALECT_COS, &e);
    assert_string_equal(at("/Error/Message"), "Request has expired");
    assert_string_equal(at("/Error/ServerTime"), "2024-05-24T10:31:44Z");

    fresh();
    e.message = "other <words>";
    cos_xml_error(&doc, COS_DIALECT_S3, &e);
    assert_string_equal(at("/Error/Message"), "other <words>");

    /* every error in every dialect, and no error at all */
    e.message = NULL;

    for (i = 0; i < COS_E_MAX; i++) {
        for (d = COS_DIALECT_COS; d <= COS_DIALECT_BOS; d++) {
            fresh();
            e.err = (cos_err_e) i;
            cos_xml_error(&doc, (cos_dialect_e) d, &e);
            assert_string_not_equal(d == COS_DIALECT_BOS
                                    ? jat("code") : at("/Error/Code"), "");
        }
    }

    fresh();
    e.err = COS_OK;
    cos_xml_error(&doc, COS_DIALECT_COS, &e);
    assert_string_equal(at("/Error/Code"), "InternalError");
}


/* --- owners, buckets, location -------------------------------------------- */

static void
test_owner_ids(void **state)
{
    (void) state;

    cos_owner_id(&doc, COS_DIALECT_COS, 0, OWNER);
    cos_buf_char(&doc, ' ');
    cos_owner_id(&doc, COS_DIALECT_COS, 1, OWNER);
    cos_buf_char(&doc, ' ');
    /* SHA-256 of "0" */
    cos_owner_id(&doc, COS_DIALECT_S3, 0, 0);
    cos_buf_char(&doc, ' ');
    cos_owner_id(&doc, COS_DIALECT_BOS, 1, 0);
    cos_buf_char(&doc, '\0');

    assert_string_equal((char *) doc.data,
        "qcs::cam::uin/100000000001:uin/100000000001 100000000001 "
        "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9 "
        "5feceb66ffc86f38d952786c6d696c79");
}


static void
test_buckets(void **state)
{
    cos_str_t         key;
    cos_xml_bucket_t  v[2] = {
        { cos_lit("b-1"), cos_lit("r1"), MTIME },
        { cos_lit("c-1"), cos_lit(""), MTIME },
    };

    (void) state;

    cos_xml_buckets(&doc, COS_DIALECT_COS, OWNER, str("me"), v, 2, str("a"),
                    str("c-1"), 1);
    assert_string_equal(at("/ListAllMyBucketsResult/Owner/ID"),
                        "qcs::cam::uin/100000000001:uin/100000000001");
    assert_string_equal(at("/ListAllMyBucketsResult/Owner/DisplayName"),
                        "me");
    assert_string_equal(at("/ListAllMyBucketsResult/Buckets/Bucket/Name"),
                        "b-1|c-1");
    assert_string_equal(at("/ListAllMyBucketsResult/Buckets/Bucket/Location"),
                        "r1|");
    assert_string_equal(
        at("/ListAllMyBucketsResult/Buckets/Bucket/CreationDate"),
        "2024-05-24T10:31:44Z|2024-05-24T10:31:44Z");
    assert_string_equal(at("/ListAllMyBucketsResult/NextMarker"), "c-1");
    assert_string_equal(at("/ListAllMyBucketsResult/IsTruncated"), "true");
    assert_string_equal(root_ns(), "");

    fresh();
    cos_xml_buckets(&doc, COS_DIALECT_S3, OWNER, str("me"), v, 2, str(""),
                    str("c-1"), 1);
    assert_string_equal(root_ns(), S3_NS);
    assert_string_equal(
        at("/ListAllMyBucketsResult/Buckets/Bucket/CreationDate"),
        "2024-05-24T10:31:44.123Z|2024-05-24T10:31:44.123Z");
    assert_int_equal(cos_token_decode(
        str(at("/ListAllMyBucketsResult/ContinuationToken")), &key, mem), 0);
    assert_true(cos_str_is(key, "c-1"));

    fresh();
    cos_xml_buckets(&doc, COS_DIALECT_BOS, OWNER, str("me"), v, 2, str(""),
                    str("c-1"), 1);
    assert_string_equal(jat("buckets.1.name"), "\"c-1\"");
    assert_string_equal(jat("nextMarker"), "\"c-1\"");
    assert_string_equal(jat("owner.displayName"), "\"me\"");
}


static void
test_location(void **state)
{
    (void) state;

    cos_xml_location(&doc, COS_DIALECT_COS, str("ap-x"));
    assert_memory_equal(doc.data, "<?xml version='1.0' encoding='utf-8' ?>\n"
                        "<LocationConstraint>ap-x</LocationConstraint>",
                        doc.len);
    fresh();
    cos_xml_location(&doc, COS_DIALECT_S3, str("us-east-1"));
    assert_string_equal(at("/LocationConstraint"), "");
    assert_string_equal(root_ns(), S3_NS);
    fresh();
    cos_xml_location(&doc, COS_DIALECT_S3, str("eu-x"));
    assert_string_equal(at("/LocationConstraint"), "eu-x");
    fresh();
    cos_xml_location(&doc, COS_DIALECT_BOS, str("bj"));
    assert_string_equal(jat("locationConstraint"), "\"bj\"");
    fresh();
    cos_xml_location(&doc, COS_DIALECT_BOS, str("\"\\/\n\xbd\x83" "a\xc3\xa4"));
    assert_string_equal(jat("locationConstraint"), "\"\\\"\\\\/\\n"
                        "\xef\xbf\xbd\xef\xbf\xbd" "a\xc3\xa4\"");
}


/* --- listings ------------------------------------------------------------- */

static cos_str_t  list_keys[] = {
    cos_lit("a b&.txt"), cos_lit("\x01\xff"), cos_lit("\xe4\xbd\xa0"),
};
static cos_str_t  list_facts[3];
static cos_str_t  list_prefixes[] = { cos_lit("p q/"), cos_lit("r/") };


static cos_str_t
facts_of(const cos_object_t *o)
{
    cos_buf_t  b;

    cos_buf_init(&b, mem, 64);
    assert_int_equal(cos_facts_encode(&b, o), 0);

    return (cos_str_t) { b.len, b.data };
}


static cos_xml_listing_t
listing(cos_dialect_e d)
{
    cos_object_t       o;
    cos_xml_listing_t  l;

    make_object(&o);
    list_facts[0] = facts_of(&o);
    o.parts = 3;
    o.owner = 7;
    list_facts[1] = facts_of(&o);
    o.parts = 0;
    o.owner = OWNER;
    o.sum_type = COS_SUM_CRC32;
    list_facts[2] = facts_of(&o);

    memset(&l, 0, sizeof(l));
    l.dialect = d;
    l.bucket = str("b-1");
    l.prefix = str("");
    l.marker = str("m n");
    l.delimiter = str("/");
    l.has_delimiter = 1;
    l.next = str("r/");
    l.truncated = 1;
    l.max_keys = 5;
    l.bucket_owner = OWNER;
    l.nkeys = 3;
    l.keys = list_keys;
    l.facts = list_facts;
    l.nprefixes = 2;
    l.prefixes = list_prefixes;

    return l;
}


static void
test_listing_v1(void **state)
{
    cos_xml_listing_t  l;

    (void) state;
    l = listing(COS_DIALECT_COS);

    assert_int_equal(cos_xml_listing(&doc, &l), 0);
    assert_string_equal(at("/ListBucketResult/Name"), "b-1");
    assert_string_equal(at("/ListBucketResult/Prefix"), "");
    assert_string_equal(at("/ListBucketResult/Marker"), "m n");
    assert_string_equal(at("/ListBucketResult/NextMarker"), "r/");
    assert_string_equal(at("/ListBucketResult/MaxKeys"), "5");
    assert_string_equal(at("/ListBucketResult/Delimiter"), "/");
    assert_string_equal(at("/ListBucketResult/IsTruncated"), "true");
    assert_string_equal(at("/ListBucketResult/EncodingType"), "(none)");
    assert_string_equal(at("/ListBucketResult/Contents/Key"),
                        "a b&.txt|\xef\xbf\xbd\xef\xbf\xbd|\xe4\xbd\xa0");
    assert_string_equal(at("/ListBucketResult/Contents/ETag"),
                        "\"abababababababababababababababab\"|"
                        "\"abababababababababababababababab-3\"|"
                        "\"abababababababababababababababab\"");
    assert_string_equal(at("/ListBucketResult/Contents/Size"),
                        "12345|12345|12345");
    assert_string_equal(at("/ListBucketResult/Contents/Owner/ID"),
                        "100000000001|7|100000000001");
    assert_string_equal(at("/ListBucketResult/Contents/StorageClass"),
                        "STANDARD|STANDARD|STANDARD");
    assert_string_equal(at("/ListBucketResult/Contents/ChecksumAlgorithm"),
                        "(none)");
    assert_string_equal(at("/ListBucketResult/CommonPrefixes/Prefix"),
                        "p q/|r/");
    assert_string_equal(root_ns(), "");

    /* S3 has no NextMarker without a delimiter */
    l = listing(COS_DIALECT_S3);
    l.has_delimiter = 0;
    l.url = 1;
    fresh();
    assert_int_equal(cos_xml_listing(&doc, &l), 0);
    assert_string_equal(at("/ListBucketResult/NextMarker"), "(none)");
    assert_string_equal(at("/ListBucketResult/Delimiter"), "(none)");
    assert_string_equal(at("/ListBucketResult/EncodingType"), "url");
    assert_string_equal(at("/ListBucketResult/Marker"), "m%20n");
    assert_string_equal(at("/ListBucketResult/Contents/Key"),
                        "a%20b%26.txt|%01%FF|%E4%BD%A0");
    assert_string_equal(at("/ListBucketResult/CommonPrefixes/Prefix"),
                        "p%20q/|r/");
    assert_string_equal(at("/ListBucketResult/Contents/ChecksumAlgorithm"),
                        "CRC32");
    assert_string_equal(root_ns(), S3_NS);
}


static void
test_listing_v2(void **state)
{
    cos_str_t          key;
    cos_xml_listing_t  l;

    (void) state;
    l = listing(COS_DIALECT_S3);
    l.v2 = 1;

    assert_int_equal(cos_xml_listing(&doc, &l), 0);
    assert_string_equal(at("/ListBucketResult/KeyCount"), "5");
    assert_string_equal(at("/ListBucketResult/Marker"), "(none)");
    assert_string_equal(at("/ListBucketResult/StartAfter"), "(none)");
    assert_string_equal(at("/ListBucketResult/ContinuationToken"), "(none)");
    assert_string_equal(at("/ListBucketResult/Contents/Owner"), "(none)");
    assert_int_equal(cos_token_decode(
        str(at("/ListBucketResult/NextContinuationToken")), &key, mem), 0);
    assert_true(cos_str_is(key, "r/"));

    l.has_marker = 1;
    l.has_token = 1;
    l.token = str("1abc");
    l.owner = 1;
    l.truncated = 0;
    fresh();
    assert_int_equal(cos_xml_listing(&doc, &l), 0);
    assert_string_equal(at("/ListBucketResult/StartAfter"), "m n");
    assert_string_equal(at("/ListBucketResult/ContinuationToken"), "1abc");
    assert_string_equal(at("/ListBucketResult/NextContinuationToken"),
                        "(none)");
    assert_string_equal(at("/ListBucketResult/Contents/Owner/DisplayName"),
                        "100000000001|7|100000000001");
}


static void
test_listing_bos(void **state)
{
    cos_xml_listing_t  l;

    (void) state;
    l = listing(COS_DIALECT_BOS);

    assert_int_equal(cos_xml_listing(&doc, &l), 0);
    assert_string_equal(jat("name"), "\"b-1\"");
    assert_string_equal(jat("isTruncated"), "true");
    assert_string_equal(jat("nextMarker"), "\"r/\"");
    assert_string_equal(jat("maxKeys"), "5");
    assert_string_equal(jat("contents.0.key"), "\"a b&.txt\"");
    assert_string_equal(jat("contents.1.key"),
                        "\"\\u0001\xef\xbf\xbd\"");
    assert_string_equal(jat("contents.1.eTag"),
                        "\"abababababababababababababababab-3\"");
    assert_string_equal(jat("contents.2.size"), "12345");
    assert_string_equal(jat("contents.2.lastModified"),
                        "\"2024-05-24T10:31:44Z\"");
    assert_string_equal(jat("contents.1.owner.displayName"), "\"7\"");
    assert_string_equal(jat("contents.3"), "(none)");
    assert_string_equal(jat("commonPrefixes"),
                        "[{\"prefix\":\"p q/\"},{\"prefix\":\"r/\"}]");

    l.nkeys = 0;
    l.nprefixes = 0;
    fresh();
    assert_int_equal(cos_xml_listing(&doc, &l), 0);
    assert_string_equal(jat("contents"), "[]");
    assert_string_equal(jat("commonPrefixes"), "[]");
}


static void
test_listing_bad_facts(void **state)
{
    int                d;
    cos_xml_listing_t  l;

    (void) state;

    for (d = COS_DIALECT_COS; d <= COS_DIALECT_BOS; d++) {
        l = listing((cos_dialect_e) d);
        list_facts[1].len--;
        fresh();
        assert_int_equal(cos_xml_listing(&doc, &l), -1);
    }
}


static void
test_tokens(void **state)
{
    int        i;
    size_t     len;
    cos_u8     key[40];
    cos_str_t  back;

    static const char *const  bad[] = {
        "", "0", "2YWJj", "1+/+/", "1a", "1ab=", "1YWJ*", "abc", "1 "
    };

    (void) state;

    for (len = 0; len < sizeof(key); len++) {
        memset(key, 0xf8 + (int) (len % 8), sizeof(key));
        fresh();
        cos_token_encode(&doc, (cos_str_t) { len, key });

        for (i = 0; i < (int) doc.len; i++) {
            assert_null(memchr("+/=&%", doc.data[i], 5));
        }

        assert_int_equal(cos_token_decode((cos_str_t) { doc.len, doc.data },
                                          &back, mem), 0);
        assert_true(cos_str_eq(back, (cos_str_t) { len, key }));
    }

    for (i = 0; i < (int) (sizeof(bad) / sizeof(bad[0])); i++) {
        assert_int_equal(cos_token_decode(str(bad[i]), &back, mem), -1);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_text, setup_doc, teardown),
        cmocka_unit_test_setup_teardown(test_errors, setup_doc, teardown),
        cmocka_unit_test_setup_teardown(test_owner_ids, setup_doc, teardown),
        cmocka_unit_test_setup_teardown(test_buckets, setup_doc, teardown),
        cmocka_unit_test_setup_teardown(test_location, setup_doc, teardown),
        cmocka_unit_test_setup_teardown(test_listing_v1, setup_doc, teardown),
        cmocka_unit_test_setup_teardown(test_listing_v2, setup_doc, teardown),
        cmocka_unit_test_setup_teardown(test_listing_bos, setup_doc, teardown),
        cmocka_unit_test_setup_teardown(test_listing_bad_facts, setup_doc,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_tokens, setup_doc, teardown),
    };

    cos_hash_init();
    cos_xml_init();

    return cmocka_run_group_tests_name("xml", tests, NULL, NULL);
}
