/*
 * Documents of bucket configurations: what is read, refused and written.
 */

#include "unit_doc.h"
#include "cos_xml_config.h"

#define S3   COS_DIALECT_S3
#define COS  COS_DIALECT_COS
#define BOS  COS_DIALECT_BOS


/* What was written, without the prolog. */
static const char *
body(void)
{
    char  *p;

    cos_buf_char(&doc, '\0');
    assert_false(doc.err);
    p = strstr((char *) doc.data, "?>\n");

    return p ? p + 3 : (char *) doc.data;
}


static const char *
code(cos_err_e err)
{
    return err == COS_OK ? "" : cos_err_info(err)->code;
}


/* --- versioning ----------------------------------------------------------- */

static void
test_versioning(void **state)
{
    cos_versioning_e  v;

    (void) state;

#define PARSE(d, text)  code(cos_xml_parse_versioning(d, str(text), &v, mem))
#define ROOT(x)  "<VersioningConfiguration>" x "</VersioningConfiguration>"

    assert_string_equal(PARSE(COS, ROOT("<Status>Enabled</Status>")), "");
    assert_int_equal(v, COS_VERSIONING_ENABLED);
    assert_string_equal(PARSE(S3, "<?xml version=\"1.0\"?>"
        "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-"
        "03-01/\"><MfaDelete>Disabled</MfaDelete>\n"
        "<Status> Suspended </Status></VersioningConfiguration>"), "");
    assert_int_equal(v, COS_VERSIONING_SUSPENDED);

    assert_string_equal(PARSE(S3, ROOT("<Status>Enabled</Status>"
        "<MfaDelete>Enabled</MfaDelete>")), "NotImplemented");
    assert_string_equal(PARSE(S3, ROOT("")), "MalformedXML");
    assert_string_equal(PARSE(S3, ROOT("<Status>enabled</Status>")),
                        "MalformedXML");
    assert_string_equal(PARSE(S3, ROOT("<Status>Enabled</Status>"
        "<Status>Enabled</Status>")), "MalformedXML");
    assert_string_equal(PARSE(S3, ROOT("<Status>Enabled</Status><X/>")),
                        "MalformedXML");
    assert_string_equal(PARSE(S3, "<Other/>"), "MalformedXML");
    assert_string_equal(PARSE(S3, "x"), "MalformedXML");

    assert_string_equal(PARSE(BOS, "{\"status\":\"enabled\"}"), "");
    assert_int_equal(v, COS_VERSIONING_ENABLED);
    assert_string_equal(PARSE(BOS, "{\"status\":\"suspended\"}"), "");
    assert_int_equal(v, COS_VERSIONING_SUSPENDED);
    assert_string_equal(PARSE(BOS, "{\"status\":\"none\"}"), "MalformedXML");
    assert_string_equal(PARSE(BOS, "{\"status\":1}"), "MalformedXML");
    assert_string_equal(PARSE(BOS, "{\"status\":{\"a\":1}}"),
                        "MalformedXML");
    assert_string_equal(PARSE(BOS, "{}"), "MalformedXML");
    assert_string_equal(PARSE(BOS, "[1]"), "MalformedXML");

#undef PARSE
#undef ROOT

    cos_xml_versioning(fresh(), COS, COS_VERSIONING_NONE);
    assert_string_equal(body(), "<VersioningConfiguration>"
                                "</VersioningConfiguration>");
    cos_xml_versioning(fresh(), COS, COS_VERSIONING_SUSPENDED);
    assert_string_equal(body(), "<VersioningConfiguration><Status>Suspended"
                                "</Status></VersioningConfiguration>");
    cos_xml_versioning(fresh(), BOS, COS_VERSIONING_ENABLED);
    assert_string_equal(body(), "{\"status\":\"enabled\"}");
}


/* --- tags ----------------------------------------------------------------- */

static void
test_tagging(void **state)
{
    size_t      n;
    cos_tag_t  *v;

    (void) state;

#define PARSE(text)  code(cos_xml_parse_tagging(str(text), &v, &n, mem))
#define SET(x)  "<Tagging><TagSet>" x "</TagSet></Tagging>"
#define TAG(k, v)  "<Tag><Key>" k "</Key><Value>" v "</Value></Tag>"

    assert_string_equal(PARSE(SET(TAG("a", "b") "\n" TAG("c&amp;", ""))), "");
    assert_int_equal(n, 2);
    assert_true(cos_str_is(v[0].key, "a"));
    assert_true(cos_str_is(v[0].value, "b"));
    assert_true(cos_str_is(v[1].key, "c&"));
    assert_int_equal(v[1].value.len, 0);
    assert_string_equal(PARSE(SET(TAG(" a ", " b "))), "");
    assert_true(cos_str_is(v[0].key, " a "));
    assert_string_equal(PARSE(SET("")), "");
    assert_int_equal(n, 0);

    assert_string_equal(PARSE("<Tagging/>"), "MalformedXML");
    assert_string_equal(PARSE(SET("<Tag><Key>a</Key></Tag>")),
                        "MalformedXML");
    assert_string_equal(PARSE(SET("<Tag><Value>a</Value></Tag>")),
                        "MalformedXML");
    assert_string_equal(PARSE(SET("<Tag><Key>a</Key><Key>b</Key><Value/>"
                                  "</Tag>")), "MalformedXML");
    assert_string_equal(PARSE(SET("<X/>")), "MalformedXML");
    assert_string_equal(PARSE("<Tagging><TagSet/><TagSet/></Tagging>"),
                        "MalformedXML");

    assert_string_equal(PARSE(SET(TAG("a", "&lt;") TAG("c", "d"))), "");
    cos_xml_tagging(fresh(), COS, v, n);
    assert_string_equal(body(), SET(TAG("a", "&lt;") TAG("c", "d")));
    cos_xml_tagging(fresh(), S3, v, 0);
    assert_non_null(strstr(body(), "<TagSet></TagSet>"));

#undef PARSE
#undef SET
#undef TAG
}


/* --- encryption ----------------------------------------------------------- */

static void
test_encryption(void **state)
{
    cos_bucket_sse_t  s;

    (void) state;

#define PARSE(d, text)  code(cos_xml_parse_encryption(d, str(text), &s, mem))
#define ROOT(x)  "<ServerSideEncryptionConfiguration>" x                      \
    "</ServerSideEncryptionConfiguration>"
#define RULE(x, y)  ROOT("<Rule><ApplyServerSideEncryptionByDefault>" x       \
    "</ApplyServerSideEncryptionByDefault>" y "</Rule>")
#define ALG(x)  "<SSEAlgorithm>" x "</SSEAlgorithm>"
#define KEY(x)  "<KMSMasterKeyID>" x "</KMSMasterKeyID>"
#define BKE(x)  "<BucketKeyEnabled>" x "</BucketKeyEnabled>"

    assert_string_equal(PARSE(S3, RULE(ALG("AES256"), "")), "");
    assert_int_equal(s.algorithm, COS_BUCKET_SSE_AES256);
    cos_xml_encryption(fresh(), COS, &s);
    assert_string_equal(body(), RULE(ALG("AES256"), ""));
    cos_xml_encryption(fresh(), BOS, &s);
    assert_string_equal(body(), "{\"encryptionAlgorithm\":\"AES256\"}");

    assert_string_equal(PARSE(S3, RULE(ALG("aws:kms") KEY("k"),
                                       BKE("true"))), "");
    assert_int_equal(s.algorithm, COS_BUCKET_SSE_KMS);
    assert_true(cos_str_is(s.kms_key, "k"));
    assert_int_equal(s.bucket_key, 1);
    cos_xml_encryption(fresh(), COS, &s);
    assert_string_equal(body(), RULE(ALG("KMS") KEY("k"), ""));
    cos_xml_encryption(fresh(), S3, &s);
    assert_non_null(strstr(body(), ALG("aws:kms") KEY("k")));

    assert_string_equal(PARSE(COS, RULE(KEY("") ALG("KMS")
        "<KMSAlgorithm>AES256</KMSAlgorithm>", "")), "");
    assert_int_equal(s.kms_key.len, 0);

    assert_string_equal(PARSE(S3, RULE(ALG("AES256") KEY("k"), "")),
                        "InvalidArgument");
    assert_string_equal(PARSE(S3, RULE(ALG("aws:kms") KEY("k;1"), "")),
                        "InvalidArgument");
    assert_string_equal(PARSE(S3, RULE(ALG("aws:kms:dsse"), "")),
                        "NotImplemented");
    assert_string_equal(PARSE(COS, RULE(ALG("SM4"), "")), "NotImplemented");
    assert_string_equal(PARSE(S3, RULE(ALG("aes256"), "")), "MalformedXML");
    assert_string_equal(PARSE(S3, RULE("", "")), "MalformedXML");
    assert_string_equal(PARSE(S3, ROOT("")), "MalformedXML");
    assert_string_equal(PARSE(S3, ROOT("<Rule/>")), "MalformedXML");
    assert_string_equal(PARSE(S3, RULE(ALG("AES256"), BKE("perhaps"))),
                        "MalformedXML");
    assert_string_equal(PARSE(S3, RULE(ALG("AES256"),
                              "<BlockedEncryptionTypes/>")),
                        "NotImplemented");

    assert_string_equal(PARSE(BOS, "{\"encryptionAlgorithm\":\"AES256\"}"),
                        "");
    assert_int_equal(s.algorithm, COS_BUCKET_SSE_AES256);
    assert_string_equal(PARSE(BOS, "{\"encryptionAlgorithm\":\"SM4\"}"),
                        "NotImplemented");
    assert_string_equal(PARSE(BOS, "{}"), "MalformedXML");

#undef PARSE
#undef ROOT
#undef RULE
#undef ALG
#undef KEY
#undef BKE
}


/* --- lock ----------------------------------------------------------------- */

static void
test_lock(void **state)
{
    cos_bucket_lock_t  l;

    (void) state;

#define PARSE(d, text)  code(cos_xml_parse_lock(d, str(text), &l, mem))
#define ROOT(x)  "<ObjectLockConfiguration>" x "</ObjectLockConfiguration>"
#define ON  "<ObjectLockEnabled>Enabled</ObjectLockEnabled>"
#define RULE(x)  "<Rule><DefaultRetention>" x "</DefaultRetention></Rule>"
#define MODE(x)  "<Mode>" x "</Mode>"
#define DAYS(x)  "<Days>" x "</Days>"
#define YEARS(x)  "<Years>" x "</Years>"

    assert_string_equal(PARSE(S3, ROOT(ON)), "");
    assert_int_equal(l.enabled, 1);
    assert_int_equal(l.mode, COS_LOCK_NONE);
    cos_xml_lock(fresh(), COS, &l);
    assert_string_equal(body(), ROOT(ON));

    assert_string_equal(PARSE(S3, ROOT(ON RULE(MODE("GOVERNANCE")
                                               DAYS("30")))), "");
    assert_int_equal(l.mode, COS_LOCK_GOVERNANCE);
    assert_int_equal(l.days, 30);
    cos_xml_lock(fresh(), COS, &l);
    assert_string_equal(body(), ROOT(ON RULE(MODE("GOVERNANCE") DAYS("30"))));

    assert_string_equal(PARSE(S3, ROOT(RULE(YEARS("2") MODE("COMPLIANCE"))
                                       ON)), "");
    assert_int_equal(l.years, 2);
    cos_xml_lock(fresh(), COS, &l);
    assert_string_equal(body(), ROOT(ON RULE(MODE("COMPLIANCE")
                                             YEARS("2"))));

    assert_string_equal(PARSE(COS, ROOT(ON RULE(DAYS("7")))), "");
    assert_int_equal(l.mode, COS_LOCK_COMPLIANCE);
    assert_int_equal(l.days, 7);

    assert_string_equal(PARSE(COS, ROOT(ON RULE(MODE("GOVERNANCE")
                                                DAYS("7")))), "MalformedXML");
    assert_string_equal(PARSE(COS, ROOT(ON RULE(YEARS("7")))),
                        "MalformedXML");
    assert_string_equal(PARSE(S3, ROOT(ON RULE(DAYS("7")))), "MalformedXML");
    assert_string_equal(PARSE(S3, ROOT(ON RULE(MODE("GOVERNANCE")))),
                        "MalformedXML");
    assert_string_equal(PARSE(S3, ROOT(ON RULE(MODE("GOVERNANCE") DAYS("1")
                                               YEARS("1")))), "MalformedXML");
    assert_string_equal(PARSE(S3, ROOT(ON RULE(MODE("NONE") DAYS("1")))),
                        "MalformedXML");
    assert_string_equal(PARSE(S3, ROOT(ON RULE(MODE("GOVERNANCE")
                                               DAYS("0")))),
                        "InvalidRetentionPeriod");
    assert_string_equal(PARSE(S3, ROOT(ON RULE(MODE("GOVERNANCE")
                                               DAYS("-1")))),
                        "InvalidRetentionPeriod");
    assert_string_equal(PARSE(S3, ROOT(ON RULE(MODE("GOVERNANCE")
                                               DAYS("36501")))),
                        "InvalidArgument");
    assert_string_equal(PARSE(S3, ROOT(ON RULE(MODE("GOVERNANCE")
                                               YEARS("101")))),
                        "InvalidArgument");
    assert_string_equal(PARSE(S3, ROOT("")), "MalformedXML");
    assert_string_equal(PARSE(S3, ROOT("<ObjectLockEnabled>Disabled"
                                       "</ObjectLockEnabled>")),
                        "MalformedXML");
    assert_string_equal(PARSE(S3, ROOT(ON ON)), "MalformedXML");
    assert_string_equal(PARSE(S3, ROOT(ON "<Rule/>")), "MalformedXML");

#undef PARSE
#undef ROOT
#undef ON
#undef RULE
#undef MODE
#undef DAYS
#undef YEARS
}


/* --- the flat ones -------------------------------------------------------- */

static void
test_quota(void **state)
{
    cos_bucket_quota_t  q;

    (void) state;

#define PARSE(d, text)  code(cos_xml_parse_quota(d, str(text), &q, mem))
#define ROOT(x)  "<QuotaConfiguration>" x "</QuotaConfiguration>"

    assert_string_equal(PARSE(COS, ROOT("<MaxBytes>5</MaxBytes>"
                                        "<MaxObjects>6</MaxObjects>")), "");
    assert_int_equal(q.bytes, 5);
    assert_int_equal(q.objects, 6);
    cos_xml_quota(fresh(), COS, &q);
    assert_string_equal(body(), ROOT("<MaxBytes>5</MaxBytes>"
                                     "<MaxObjects>6</MaxObjects>"));
    /* rounded up: not unlimited */
    cos_xml_quota(fresh(), BOS, &q);
    assert_string_equal(body(), "{\"maxObjectCount\":6,"
                                "\"maxCapacityMegaBytes\":1}");

    assert_string_equal(PARSE(S3, ROOT("<MaxObjects>6</MaxObjects>")), "");
    assert_int_equal(q.bytes, 0);
    assert_string_equal(PARSE(S3, ROOT("")), "MalformedXML");
    assert_string_equal(PARSE(S3, ROOT("<MaxBytes>-1</MaxBytes>")),
                        "MalformedXML");
    assert_string_equal(PARSE(S3, ROOT("<MaxBytes>9007199254740993"
                                       "</MaxBytes>")), "MalformedXML");

    assert_string_equal(PARSE(BOS, "{\"maxObjectCount\" : 50,"
                                   " \"maxCapacityMegaBytes\" : 2}"), "");
    assert_int_equal(q.objects, 50);
    assert_int_equal(q.bytes, 2097152);
    assert_string_equal(PARSE(BOS, "{\"maxObjectCount\":-1,"
                                   "\"maxCapacityMegaBytes\":0}"), "");
    assert_int_equal(q.objects + q.bytes, 0);
    cos_xml_quota(fresh(), BOS, &q);
    assert_string_equal(body(), "{\"maxObjectCount\":-1,"
                                "\"maxCapacityMegaBytes\":-1}");
    assert_string_equal(PARSE(BOS, "{\"maxObjectCount\":1}"),
                        "MalformedXML");
    assert_string_equal(PARSE(BOS, "{\"maxObjectCount\":-2,"
                                   "\"maxCapacityMegaBytes\":0}"),
                        "MalformedXML");
    assert_string_equal(PARSE(BOS, "{\"maxObjectCount\":1,"
                              "\"maxCapacityMegaBytes\":9223372036854775807}"),
                        "MalformedXML");

#undef PARSE
#undef ROOT
}


static void
test_access(void **state)
{
    int              requester;
    unsigned         bits;
    cos_ownership_e  o;

    (void) state;

#define PAYER(x)  code(cos_xml_parse_payment(                                 \
    str("<RequestPaymentConfiguration>" x "</RequestPaymentConfiguration>"),  \
    &requester, mem))

    assert_string_equal(PAYER("<Payer>Requester</Payer>"), "");
    assert_int_equal(requester, 1);
    assert_string_equal(PAYER("<Payer>BucketOwner</Payer>"), "");
    assert_int_equal(requester, 0);
    assert_string_equal(PAYER("<Payer>Nobody</Payer>"), "MalformedXML");
    assert_string_equal(PAYER(""), "MalformedXML");

#define BLOCK(x)  code(cos_xml_parse_public_block(                            \
    str("<PublicAccessBlockConfiguration>" x                                  \
        "</PublicAccessBlockConfiguration>"), &bits, mem))

    assert_string_equal(BLOCK(""), "");
    assert_int_equal(bits, 0);
    assert_string_equal(BLOCK("<IgnorePublicAcls>true</IgnorePublicAcls>"
        "<BlockPublicAcls>TRUE</BlockPublicAcls>"
        "<RestrictPublicBuckets>false</RestrictPublicBuckets>"), "");
    assert_int_equal(bits, COS_BLOCK_PUBLIC_ACLS | COS_IGNORE_PUBLIC_ACLS);
    cos_xml_public_block(fresh(), COS, bits);
    assert_string_equal(body(), "<PublicAccessBlockConfiguration>"
        "<BlockPublicAcls>true</BlockPublicAcls>"
        "<IgnorePublicAcls>true</IgnorePublicAcls>"
        "<BlockPublicPolicy>false</BlockPublicPolicy>"
        "<RestrictPublicBuckets>false</RestrictPublicBuckets>"
        "</PublicAccessBlockConfiguration>");
    assert_string_equal(BLOCK("<BlockPublicAcls>yes</BlockPublicAcls>"),
                        "MalformedXML");
    assert_string_equal(BLOCK("<Other>true</Other>"), "MalformedXML");

#define OWNER(x)  code(cos_xml_parse_ownership(                               \
    str("<OwnershipControls>" x "</OwnershipControls>"), &o, mem))
#define RULE(x)  "<Rule><ObjectOwnership>" x "</ObjectOwnership></Rule>"

    assert_string_equal(OWNER(RULE("BucketOwnerEnforced")), "");
    assert_int_equal(o, COS_OWNERSHIP_ENFORCED);
    cos_xml_ownership(fresh(), COS, o);
    assert_string_equal(body(), "<OwnershipControls>"
                        RULE("BucketOwnerEnforced") "</OwnershipControls>");
    assert_string_equal(OWNER(RULE("ObjectWriter")), "");
    assert_string_equal(OWNER(RULE("Nobody")), "MalformedXML");
    assert_string_equal(OWNER(""), "MalformedXML");
    assert_string_equal(OWNER(RULE("ObjectWriter") RULE("ObjectWriter")),
                        "MalformedXML");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_versioning),
        cmocka_unit_test(test_tagging),
        cmocka_unit_test(test_encryption),
        cmocka_unit_test(test_lock),
        cmocka_unit_test(test_quota),
        cmocka_unit_test(test_access),
    };

    cos_xml_init();

    return cmocka_run_group_tests_name("xml_config", tests, setup_doc,
                                       teardown);
}
