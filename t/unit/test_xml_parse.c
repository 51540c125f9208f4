/*
 * xml: documents of clients, and of attackers.
 */

#include <libxml/parser.h>

#include "unit.h"
#include "cos_xml.h"

#define OWNER  100000000001ULL


/* n times s between head and tail */
static cos_str_t
repeated(const char *head, const char *s, size_t n, const char *tail)
{
    cos_buf_t  b;

    cos_buf_init(&b, mem, strlen(s) * n + 256);
    cos_buf_cstr(&b, head);

    while (n-- > 0) {
        cos_buf_cstr(&b, s);
    }

    cos_buf_cstr(&b, tail);
    assert_false(b.err);

    return (cos_str_t) { b.len, b.data };
}


/* --- Delete --------------------------------------------------------------- */

static cos_err_e
deletes(cos_dialect_e d, cos_str_t text, cos_xml_delete_t **v, size_t *n,
    int *quiet)
{
    return cos_xml_parse_delete(d, text, v, n, quiet, mem);
}


static void
test_delete(void **state)
{
    int                quiet;
    size_t             n;
    cos_xml_delete_t  *v;

    (void) state;

    /* as COS's Node SDK sends it */
    assert_int_equal(deletes(COS_DIALECT_COS, str(
        "<Delete><Object><Key>a&amp;b.txt</Key></Object><Object>"
        "<VersionId> v1 </VersionId><Key> c\n</Key><Size>1</Size></Object>"
        "<Quiet>true</Quiet></Delete>"), &v, &n, &quiet), COS_OK);
    assert_int_equal(n, 2);
    assert_int_equal(quiet, 1);
    assert_true(cos_str_is(v[0].key, "a&b.txt"));
    assert_int_equal(v[0].version.len, 0);
    assert_true(cos_str_is(v[1].key, " c\n"));
    assert_true(cos_str_is(v[1].version, "v1"));

    /* as AWS does, with odd forms of text */
    assert_int_equal(deletes(COS_DIALECT_S3, str(
        "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\n"
        "  <!-- none --><Quiet>FALSE</Quiet>\n"
        "  <Object><Key>x<![CDATA[<&>]]>&#x4f60;&#10;<!-- c -->y</Key>"
        "</Object>\n</Delete>\n"), &v, &n, &quiet), COS_OK);
    assert_int_equal(n, 1);
    assert_int_equal(quiet, 0);
    assert_true(cos_str_is(v[0].key, "x<&>\xe4\xbd\xa0\ny"));

    assert_int_equal(deletes(COS_DIALECT_S3, str(
        "<a:Delete xmlns:a='urn:x'><a:Object><a:Key>k</a:Key></a:Object>"
        "</a:Delete>"), &v, &n, &quiet), COS_OK);
    assert_true(cos_str_is(v[0].key, "k"));

    assert_int_equal(deletes(COS_DIALECT_S3, str(
        "<Delete><Object><Key>k</Key><ETag>x</ETag></Object></Delete>"),
        &v, &n, &quiet), COS_E_NOT_IMPLEMENTED);
    assert_int_equal(deletes(COS_DIALECT_COS, str(
        "<Delete><Object><Key>k</Key><ETag>x</ETag></Object></Delete>"),
        &v, &n, &quiet), COS_OK);

    assert_int_equal(deletes(COS_DIALECT_BOS, str(
        "{\"objects\":[{\"key\":\"a\\u4f60\"},{\"key\":\" b\"}]}"),
        &v, &n, &quiet), COS_OK);
    assert_int_equal(n, 2);
    assert_true(cos_str_is(v[0].key, "a\xe4\xbd\xa0"));
}


static void
test_delete_refusals(void **state)
{
    int                quiet;
    size_t             n, i;
    cos_str_t          text;
    cos_xml_delete_t  *v;

    static const char *const  bad[] = {
        "", " ", "x", "<Delete/>", "<Delete></Delete>",
        "<Delete><Quiet>true</Quiet></Delete>",
        "<Delete><Object/></Delete>",
        "<Delete><Object><Key/></Object></Delete>",
        "<Delete><Object><VersionId>1</VersionId></Object></Delete>",
        "<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>",
        "<Delete><Object><Key>a<b/></Key></Object></Delete>",
        "<Delete><Object><Key>a</Key></Object><Else/></Delete>",
        "<Delete><Object><Key>a</Key></Object><Quiet>2</Quiet></Delete>",
        "<delete><Object><Key>a</Key></Object></delete>",
        "<Delete><Object><Key>a</Key></Object></Delete><Delete/>",
        "<Delete><Object><Key>a</Key></Object></Delete>x",
        "<Delete><Object><Key>a&foo;</Key></Object></Delete>",
        "<Delete><Object><Key>a&#0;</Key></Object></Delete>",
        "<Delete><Object><Key>a\xff</Key></Object></Delete>",
        "<Delete><Object><Key>\x01</Key></Object></Delete>",
        "{\"objects\":[{\"key\":\"a\"}]}",
    };

    static const char *const  bad_json[] = {
        "", "[]", "{}", "{\"objects\":[]}", "{\"objects\":{}}",
        "{\"objects\":[1]}", "{\"objects\":[{}]}",
        "{\"objects\":[{\"key\":1}]}", "{\"objects\":[{\"key\":\"\"}]}",
        "{\"objects\":[{\"key\":\"a\"}]} x", "{\"objects\":[{\"key\":\"\\",
        "{\"objects\":[{\"key\":\"a\",\"key\":\"b\"}]}",
        "{\"objects\":[{\"key\":\"\\u0000\"}]}",
        "{\"objects\":[{\"key\":\"\xff\"}]}",
    };

    (void) state;

    for (i = 0; i < N(bad); i++) {
        if (deletes(COS_DIALECT_COS, str(bad[i]), &v, &n, &quiet)
            != COS_E_MALFORMED_XML)
        {
            fail_msg("%s", bad[i]);
        }
    }

    for (i = 0; i < N(bad_json); i++) {
        if (deletes(COS_DIALECT_BOS, str(bad_json[i]), &v, &n, &quiet)
            != COS_E_MALFORMED_XML)
        {
            fail_msg("%s", bad_json[i]);
        }
    }

    text = repeated("<Delete>", "<Object><Key>k</Key></Object>", 1000,
                    "</Delete>");
    assert_int_equal(deletes(COS_DIALECT_S3, text, &v, &n, &quiet), COS_OK);
    assert_int_equal(n, 1000);
    text = repeated("<Delete>", "<Object><Key>k</Key></Object>", 1001,
                    "</Delete>");
    assert_int_equal(deletes(COS_DIALECT_S3, text, &v, &n, &quiet),
                     COS_E_MALFORMED_XML);
    text = repeated("{\"objects\":[{\"key\":\"k\"}", ",{\"key\":\"k\"}", 1000,
                    "]}");
    assert_int_equal(deletes(COS_DIALECT_BOS, text, &v, &n, &quiet),
                     COS_E_MALFORMED_XML);
}


/* --- attacks -------------------------------------------------------------- */

static void
test_attacks(void **state)
{
    int                quiet;
    size_t             i, n;
    cos_xml_delete_t  *v;

    static const char *const  bad[] = {
        "<!DOCTYPE Delete><Delete><Object><Key>a</Key></Object></Delete>",
        "<?xml version='1.0'?><!DOCTYPE d [<!ENTITY a 'b'>]>"
        "<Delete><Object><Key>&a;</Key></Object></Delete>",
        "<!DOCTYPE d [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"
        "<Delete><Object><Key>&a;</Key></Object></Delete>",
        "<!DOCTYPE d SYSTEM 'http://127.0.0.1:1/x.dtd'>"
        "<Delete><Object><Key>a</Key></Object></Delete>",
        "<!DOCTYPE l [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>"
        "<!ENTITY c '&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;'>]>"
        "<Delete><Object><Key>&d;</Key></Object></Delete>",
        "<!-- --><!doctype x><Delete/>",
        "<Delete><![IGNORE[x]]></Delete>",
        "<?xml version='1.0' encoding='UTF-7'?><Delete>+ADw-</Delete>",
        "<?xml version='1.0' encoding='ISO-8859-1'?><Delete><Object><Key>"
        "\xe4</Key></Object></Delete>",
        "<?xml version='1.0' encoding='UTF-16'?><Delete><Object><Key>a"
        "</Key></Object></Delete>",
        "<?xml version=\"1.0 encoding='utf-8'\" encoding=\"EBCDIC-US\"?>"
        "<Delete/>",
        "<?xml version='1.0' encoding='",
        "<?xml version='1.0' encoding=>",
        "\xff\xfe<\0D\0", "\xfe\xff",
        "\x4c\x6f\xa7\x94",
        "</Delete>", "<Delete></Delete></Delete>", "<", "<?", "<!--", "<![",
        "<![CDATA[", "<Delete a='", "<Delete a=\"'>",
    };

    (void) state;

    for (i = 0; i < N(bad); i++) {
        if (deletes(COS_DIALECT_S3, str(bad[i]), &v, &n, &quiet)
            != COS_E_MALFORMED_XML)
        {
            fail_msg("%s", bad[i]);
        }
    }

    /* zero bytes, as in UTF-16 */
    assert_int_equal(deletes(COS_DIALECT_S3,
        (cos_str_t) { 8, (cos_u8 *) "<\0D\0/\0>\0" }, &v, &n, &quiet),
        COS_E_MALFORMED_XML);
}


static void
test_sizes(void **state)
{
    int                quiet;
    size_t             n;
    cos_str_t          region;
    cos_acl_list_t     acl;
    cos_acl_grant_t    owner;
    cos_xml_part_t    *parts;
    cos_xml_delete_t  *v;

    static const char  obj[] = "<Object><Key>a</Key></Object></Delete>";

    (void) state;

    /* deep */
    assert_int_equal(deletes(COS_DIALECT_S3, repeated("<Delete>", "<a>",
        100000, ""), &v, &n, &quiet), COS_E_MALFORMED_XML);
    /* wide */
    assert_int_equal(deletes(COS_DIALECT_S3, repeated("<Delete>", "<a/>",
        100000, obj), &v, &n, &quiet), COS_E_XML_TOO_LARGE);
    assert_int_equal(deletes(COS_DIALECT_S3, repeated("<Delete>",
        "<!---->", 100000, obj), &v, &n, &quiet), COS_E_XML_TOO_LARGE);
    /* many attributes, long names */
    assert_int_equal(deletes(COS_DIALECT_S3, repeated("<Delete",
        " a='1'", 300, obj), &v, &n, &quiet), COS_E_MALFORMED_XML);
    assert_int_equal(deletes(COS_DIALECT_S3, repeated("<Delete>",
        "<Quiet a='' b='' c='' d='=&gt;'/>", 5000, obj), &v, &n, &quiet),
        COS_E_XML_TOO_LARGE);
    assert_int_equal(deletes(COS_DIALECT_S3, repeated("<", "a", 5000, "/>"),
        &v, &n, &quiet), COS_E_MALFORMED_XML);
    assert_int_equal(deletes(COS_DIALECT_S3, repeated("<a></", "a", 5000,
        ">"), &v, &n, &quiet), COS_E_MALFORMED_XML);
    /* large */
    assert_int_equal(deletes(COS_DIALECT_S3, repeated("<Delete>", "x",
        COS_XML_DELETE_SIZE, obj), &v, &n, &quiet), COS_E_XML_TOO_LARGE);
    assert_int_equal(cos_xml_parse_complete(COS_DIALECT_BOS, repeated("{",
        " ", COS_XML_COMPLETE_SIZE, "}"), &parts, &n, mem),
        COS_E_XML_TOO_LARGE);
    assert_int_equal(cos_xml_parse_acl(repeated("<AccessControlPolicy>", "x",
        COS_XML_SMALL_SIZE, ""), &acl, &owner, mem), COS_E_XML_TOO_LARGE);
    assert_int_equal(cos_xml_parse_create_bucket(repeated("<a>", "x",
        COS_XML_SMALL_SIZE, ""), &region, mem), COS_E_XML_TOO_LARGE);

    /* JSON: deep, wide */
    assert_int_equal(deletes(COS_DIALECT_BOS, repeated("{\"objects\":", "[",
        50000, ""), &v, &n, &quiet), COS_E_MALFORMED_XML);
    assert_int_equal(deletes(COS_DIALECT_BOS, repeated("{\"objects\":[0",
        ",[]", 200000, "]}"), &v, &n, &quiet), COS_E_MALFORMED_XML);

    /* one long key is none of our business here */
    assert_int_equal(deletes(COS_DIALECT_S3, repeated(
        "<Delete><Object><Key>", "k", 100000, "</Key></Object></Delete>"),
        &v, &n, &quiet), COS_OK);
    assert_int_equal(v[0].key.len, 100000);
}


static void
test_truncated(void **state)
{
    int                quiet;
    size_t             n, i, len;
    char              *copy;
    cos_err_e          err;
    cos_xml_delete_t  *v;

    static const char *const  docs[] = {
        "<?xml version='1.0' encoding='utf-8'?><!-- c --><Delete xmlns='u'>"
        "<Quiet>true</Quiet><Object><Key>a&amp;<![CDATA[b]]>&#65;\xc3\xa4"
        "</Key></Object></Delete>",
        "{\"objects\":[{\"key\":\"a\\u4f60\\\"\"},{\"key\":\"b\"}]}",
    };

    (void) state;

    for (i = 0; i < N(docs); i++) {
        for (len = 0; len <= strlen(docs[i]); len++) {
            /* on the heap, for the sanitizer to see every byte too far */
            copy = malloc(len + 1);
            memcpy(copy, docs[i], len);
            err = deletes(i == 0 ? COS_DIALECT_COS : COS_DIALECT_BOS,
                          (cos_str_t) { len, (cos_u8 *) copy }, &v, &n,
                          &quiet);
            assert_int_equal(err, len == strlen(docs[i])
                                  ? COS_OK : COS_E_MALFORMED_XML);
            free(copy);
        }
    }
}


/* --- CompleteMultipartUpload ---------------------------------------------- */

#define P(n, e)  "<Part><PartNumber>" n "</PartNumber><ETag>" e              \
                 "</ETag></Part>"
#define C(s)     "<CompleteMultipartUpload>" s "</CompleteMultipartUpload>"

static void
test_complete(void **state)
{
    size_t           i, n;
    cos_err_e        err;
    cos_xml_part_t  *v;

    static const struct {
        cos_err_e    err;
        const char  *text;
    } bad[] = {
        { COS_E_MALFORMED_XML, C("") },
        { COS_E_MALFORMED_XML, C("<Part/>") },
        { COS_E_MALFORMED_XML, C("<Part><PartNumber>1</PartNumber></Part>") },
        { COS_E_MALFORMED_XML, C("<Part><ETag>a</ETag></Part>") },
        { COS_E_MALFORMED_XML, C(P("1", "")) },
        { COS_E_MALFORMED_XML, C(P("1", "\"\"")) },
        { COS_E_MALFORMED_XML, C(P("x", "a")) },
        { COS_E_MALFORMED_XML, C(P("", "a")) },
        { COS_E_MALFORMED_XML, C(P("-1", "a")) },
        { COS_E_MALFORMED_XML, C(P("1.0", "a")) },
        { COS_E_MALFORMED_XML, C(P("1", "a") "<Else/>") },
        { COS_E_MALFORMED_XML, C("<Part><ETag>a</ETag><ETag>b</ETag>"
                                 "<PartNumber>1</PartNumber></Part>") },
        { COS_E_MALFORMED_XML, C("<Part><ETag>a</ETag><ChecksumCRC32>x"
                                 "</ChecksumCRC32><ChecksumSHA1>y"
                                 "</ChecksumSHA1><PartNumber>1</PartNumber>"
                                 "</Part>") },
        { COS_E_INVALID_PART_NUMBER, C(P("0", "a")) },
        { COS_E_INVALID_PART_NUMBER, C(P("10001", "a")) },
        { COS_E_INVALID_PART_ORDER, C(P("2", "a") P("1", "b")) },
        { COS_E_INVALID_PART_ORDER, C(P("2", "a") P("2", "b")) },
    };

    (void) state;

    assert_int_equal(cos_xml_parse_complete(COS_DIALECT_S3, str(
        "<CompleteMultipartUpload xmlns='u'>"
        "<Part><ETag> &quot;a-b&quot; </ETag>"
        "<ChecksumCRC64NVME> abc= </ChecksumCRC64NVME>"
        "<PartNumber> 1 </PartNumber></Part>"
        "<Part><PartNumber>7</PartNumber><ETag>\"x\"</ETag><Size>3</Size>"
        "<ChecksumMD9>y</ChecksumMD9></Part>"
        "<Part><PartNumber>10000</PartNumber><ETag>bare</ETag></Part>"
        "</CompleteMultipartUpload>"), &v, &n, mem), COS_OK);
    assert_int_equal(n, 3);
    assert_int_equal(v[0].number, 1);
    assert_true(cos_str_is(v[0].etag, "a-b"));
    assert_int_equal(v[0].sum_type, COS_SUM_CRC64NVME);
    assert_true(cos_str_is(v[0].sum, "abc="));
    assert_int_equal(v[1].number, 7);
    assert_true(cos_str_is(v[1].etag, "x"));
    assert_int_equal(v[1].sum_type, COS_SUM_NONE);
    assert_int_equal(v[2].number, 10000);
    assert_true(cos_str_is(v[2].etag, "bare"));

    for (i = 0; i < N(bad); i++) {
        err = cos_xml_parse_complete(COS_DIALECT_COS, str(bad[i].text), &v,
                                     &n, mem);
        if (err != bad[i].err) {
            fail_msg("%s: %d instead of %d", bad[i].text, err, bad[i].err);
        }
    }
}


static void
test_complete_json(void **state)
{
    size_t           i, n;
    cos_err_e        err;
    cos_xml_part_t  *v;

    static const struct {
        cos_err_e    err;
        const char  *text;
    } bad[] = {
        { COS_E_MALFORMED_XML, "{\"parts\":[]}" },
        { COS_E_MALFORMED_XML, "{\"parts\":[{\"partNumber\":1}]}" },
        { COS_E_MALFORMED_XML, "{\"parts\":[{\"eTag\":\"a\"}]}" },
        { COS_E_MALFORMED_XML,
          "{\"parts\":[{\"partNumber\":1.5,\"eTag\":\"a\"}]}" },
        { COS_E_MALFORMED_XML,
          "{\"parts\":[{\"partNumber\":1,\"eTag\":\"\"}]}" },
        { COS_E_INVALID_PART_NUMBER,
          "{\"parts\":[{\"partNumber\":-1,\"eTag\":\"a\"}]}" },
        { COS_E_INVALID_PART_ORDER,
          "{\"parts\":[{\"partNumber\":2,\"eTag\":\"a\"},"
          "{\"partNumber\":1,\"eTag\":\"a\"}]}" },
    };

    (void) state;

    assert_int_equal(cos_xml_parse_complete(COS_DIALECT_BOS, str(
        "{\"parts\":[{\"partNumber\":1,\"eTag\":\"a\"},"
        "{\"eTag\":\"\\\"b\\\"\",\"partNumber\":3}]}"), &v, &n, mem), COS_OK);
    assert_int_equal(n, 2);
    assert_int_equal(v[1].number, 3);
    assert_true(cos_str_is(v[1].etag, "b"));

    for (i = 0; i < N(bad); i++) {
        err = cos_xml_parse_complete(COS_DIALECT_BOS, str(bad[i].text), &v,
                                     &n, mem);
        if (err != bad[i].err) {
            fail_msg("%s: %d instead of %d", bad[i].text, err, bad[i].err);
        }
    }
}


/* ten thousand parts as clients send them have to pass the limits */
static void
test_complete_many(void **state)
{
    int              i;
    size_t           n;
    cos_buf_t        b;
    cos_xml_part_t  *v;

    (void) state;
    cos_buf_init(&b, mem, 0);
    cos_buf_lit(&b, "<CompleteMultipartUpload>\n");

    for (i = 1; i <= COS_PARTS_MAX; i++) {
        cos_buf_lit(&b, "  <Part>\n    <PartNumber>");
        cos_buf_uint(&b, i);
        cos_buf_lit(&b, "</PartNumber>\n    <ETag>&quot;"
            "00112233445566778899aabbccddeeff&quot;</ETag>\n"
            "    <ChecksumCRC32>NhCmhg==</ChecksumCRC32>\n  </Part>\n");
    }

    cos_buf_lit(&b, "</CompleteMultipartUpload>");
    assert_int_equal(cos_xml_parse_complete(COS_DIALECT_S3,
        (cos_str_t) { b.len, b.data }, &v, &n, mem), COS_OK);
    assert_int_equal(n, COS_PARTS_MAX);
    assert_int_equal(v[9999].number, 10000);
}


/* --- CreateBucketConfiguration -------------------------------------------- */

static void
test_create_bucket(void **state)
{
    cos_str_t  r;

    (void) state;

    assert_int_equal(cos_xml_parse_create_bucket(str(""), &r, mem), COS_OK);
    assert_int_equal(r.len, 0);
    assert_int_equal(cos_xml_parse_create_bucket(str(
        "<CreateBucketConfiguration><BucketAZConfig>MAZ</BucketAZConfig>"
        "</CreateBucketConfiguration>"), &r, mem), COS_OK);
    assert_int_equal(r.len, 0);
    assert_int_equal(cos_xml_parse_create_bucket(str(
        "<CreateBucketConfiguration xmlns='u'><LocationConstraint> eu-x\n"
        "</LocationConstraint></CreateBucketConfiguration>"), &r, mem),
        COS_OK);
    assert_true(cos_str_is(r, "eu-x"));
    assert_int_equal(cos_xml_parse_create_bucket(str(
        " {\"locationConstraint\":\"bj\",\"enableMultiAz\":false}"), &r, mem),
        COS_OK);
    assert_true(cos_str_is(r, "bj"));
    assert_int_equal(cos_xml_parse_create_bucket(str("{}"), &r, mem), COS_OK);
    assert_int_equal(r.len, 0);
    assert_int_equal(cos_xml_parse_create_bucket(str(
        "{\"locationConstraint\":1}"), &r, mem), COS_E_MALFORMED_XML);
    assert_int_equal(cos_xml_parse_create_bucket(str("<a/>"), &r, mem),
                     COS_E_MALFORMED_XML);
    assert_int_equal(cos_xml_parse_create_bucket(str(
        "<CreateBucketConfiguration><LocationConstraint>a"
        "</LocationConstraint><LocationConstraint>b</LocationConstraint>"
        "</CreateBucketConfiguration>"), &r, mem), COS_E_MALFORMED_XML);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_delete, setup, teardown),
        cmocka_unit_test_setup_teardown(test_delete_refusals, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_attacks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_truncated, setup, teardown),
        cmocka_unit_test_setup_teardown(test_complete, setup, teardown),
        cmocka_unit_test_setup_teardown(test_complete_json, setup, teardown),
        cmocka_unit_test_setup_teardown(test_complete_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_create_bucket, setup, teardown),
    };

    cos_hash_init();
    cos_xml_init();

    return cmocka_run_group_tests_name("xml_parse", tests, NULL, NULL);
}
