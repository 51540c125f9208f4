/*
 * auth: AWS version 2. The examples are those of AWS' documentation (S3 API,
 * "Signing and Authenticating REST Requests").
 */

#include "auth_vectors.h"

#define V2_HOST  "johnsmith.s3.amazonaws.com"
#define DAY      1174953600           /* 27 Mar 2007 00:00:00 */

typedef struct {
    const char  *method;
    const char  *target;
    const char  *bucket;              /* that the host names */
    const char  *headers[20];
    const char  *signature;
    int64_t      now;
} example_t;

static const example_t examples[] = {
    { "GET", "/photos/puppy.jpg", "johnsmith",
      { "host", V2_HOST, "date", "Tue, 27 Mar 2007 19:36:42 +0000" },
      "bWq2s1WEIj+Ydj0vQ697zp+IXMU=", DAY + 70602 },
    { "PUT", "/photos/puppy.jpg", "johnsmith",
      { "host", V2_HOST, "content-type", "image/jpeg", "content-length",
        "94328", "date", "Tue, 27 Mar 2007 21:15:45 +0000" },
      "MyyxeRY7whkBe+bq8fHCL/2kKUg=", DAY + 76545 },
    { "GET", "/?prefix=photos&max-keys=50&marker=puppy", "johnsmith",
      { "host", V2_HOST, "user-agent", "Mozilla/5.0", "date",
        "Tue, 27 Mar 2007 19:42:41 +0000" },
      "htDYFYduRNen8P9ZfE/s9SuKy0U=", DAY + 70961 },
    { "GET", "/?acl", "johnsmith",
      { "host", V2_HOST, "date", "Tue, 27 Mar 2007 19:44:46 +0000" },
      "c2WLPFtWHVgbEmeEG93a4cG37dM=", DAY + 71086 },
    { "PUT", "/db-backup.dat.gz", "static.johnsmith.net",
      { "host", "static.johnsmith.net:8080", "date",
        "Tue, 27 Mar 2007 21:06:08 +0000", "x-amz-acl", "public-read",
        "content-type", "application/x-download", "content-md5",
        "4gJE4saaMU4BqNR0kLY+lw==", "x-amz-meta-reviewedby",
        "joe@johnsmith.net,jane@johnsmith.net", "x-amz-meta-filechecksum",
        "0x02661779", "x-amz-meta-checksumalgorithm", "crc32" },
      "ilyl83RwaSoYIEdixDQcA4OnAnc=", DAY + 75968 },
    { "GET", "/", "", { "host", "s3.amazonaws.com", "date",
                        "Wed, 28 Mar 2007 01:29:59 +0000" },
      "qGdzdERIC03wnaRNKh6OqZehG9s=", DAY + 91799 },
    { "GET", "/dictionary/fran%C3%A7ais/pr%c3%a9f%c3%a8re", "",
      { "host", "s3.amazonaws.com", "date",
        "Wed, 28 Mar 2007 01:49:49 +0000" },
      "DNEZGsoieTZ92F3bUfSPQcbGmlM=", DAY + 92989 },
};


static cos_err_e
judge_v2(req_t *r, const char *bucket, int64_t now, int *covered)
{
    built_t   b;
    cos_err_e rc;

    build(&b, r);
    rc = cos_sig_parse(&b.http, &b.sig, b.a);

    if (rc == COS_OK) {
        assert_int_equal(b.sig.scheme, COS_SIG_V2);
        b.sig.bucket = str(bucket);
        rc = cos_sig_verify(&b.http, &b.sig, str(AWS_SK), now, str(""), b.a,
                            NULL);

        if (covered) {
            *covered = b.http.args.n > 0
                       && cos_sig_covers_arg(&b.sig, b.http.args.v[0].name);
        }
    }

    cos_arena_free(b.arena);

    return rc;
}


static void
sign(char out[29], const char *text)
{
    cos_buf_t      b;
    cos_arena_t   *a = cos_arena_create();
    unsigned char  md[20];

    hmac(EVP_sha1(), AWS_SK, strlen(AWS_SK), text, strlen(text), md);
    cos_buf_init(&b, cos_arena_alloc(a), 32);
    cos_base64(&b, md, 20);
    assert_int_equal(b.len, 28);
    memcpy(out, b.data, 28);
    out[28] = '\0';
    cos_arena_free(a);
}


static void
load_example(req_t *r, const example_t *e)
{
    char text[128];

    req_init(r, e->method, e->target, e->headers);
    snprintf(text, sizeof(text), "AWS " AWS_AK ":%s", e->signature);
    req_header(r, "authorization", text);
}


static void
test_examples(void **state)
{
    req_t            r;
    size_t           i;
    const example_t *e;

    (void) state;

    for (i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        e = &examples[i];

        load_example(&r, e);
        assert_int_equal(judge_v2(&r, e->bucket, e->now, NULL), COS_OK);
        assert_int_equal(judge_v2(&r, e->bucket, e->now + 900, NULL), COS_OK);
        assert_int_equal(judge_v2(&r, e->bucket, e->now - 901, NULL),
                         COS_E_TIME_SKEWED);
        assert_int_equal(judge_v2(&r, e->bucket, e->now + 901, NULL),
                         COS_E_TIME_SKEWED);
        assert_int_equal(judge_v2(&r, "other", e->now, NULL),
                         COS_E_SIGNATURE_MISMATCH);

        /* what is signed cannot be changed */
        strcpy(r.method, strcmp(e->method, "GET") ? "GET" : "PUT");
        assert_int_equal(judge_v2(&r, e->bucket, e->now, NULL),
                         COS_E_SIGNATURE_MISMATCH);

        load_example(&r, e);
        req_header(&r, "x-amz-acl", "public-read");
        assert_int_equal(judge_v2(&r, e->bucket, e->now, NULL),
                         COS_E_SIGNATURE_MISMATCH);

        load_example(&r, e);
        strcat(r.target, strchr(r.target, '?') ? "&tagging" : "?tagging");
        assert_int_equal(judge_v2(&r, e->bucket, e->now, NULL),
                         COS_E_SIGNATURE_MISMATCH);

        /* what another dialect understands is not signed */
        load_example(&r, e);
        req_header(&r, "x-cos-acl", "public-read");
        assert_int_equal(judge_v2(&r, e->bucket, e->now, NULL),
                         COS_E_UNSIGNED_HEADER);
    }
}


static void
test_query(void **state)
{
    req_t       r;
    const char *host[] = { "host", V2_HOST, NULL };

    (void) state;

    req_init(&r, "GET", "/photos/puppy.jpg?AWSAccessKeyId=" AWS_AK
             "&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620",
             host);
    assert_int_equal(judge_v2(&r, "johnsmith", 1, NULL), COS_OK);
    assert_int_equal(judge_v2(&r, "johnsmith", 1175139620, NULL), COS_OK);
    assert_int_equal(judge_v2(&r, "johnsmith", 1175139621, NULL),
                     COS_E_EXPIRED);

    /* a plus that was not encoded */
    req_init(&r, "GET", "/photos/puppy.jpg?AWSAccessKeyId=" AWS_AK
             "&Signature=NpgCjnDzrM+WFzoENXmpNDUsSn8=&Expires=1175139620",
             host);
    assert_int_equal(judge_v2(&r, "johnsmith", 1, NULL), COS_OK);

    strcat(r.target, "&Expires=1175139621");
    assert_int_equal(judge_v2(&r, "johnsmith", 1, NULL),
                     COS_E_AUTH_DUPLICATE);

    req_init(&r, "GET", "/photos/puppy.jpg?AWSAccessKeyId=" AWS_AK
             "&Signature=NpgCjnDzrM+WFzoENXmpNDUsSn8=&Expires=1175139621",
             host);
    assert_int_equal(judge_v2(&r, "johnsmith", 1, NULL),
                     COS_E_SIGNATURE_MISMATCH);

    req_init(&r, "GET", "/?AWSAccessKeyId=a&Signature=x", host);
    assert_int_equal(judge_v2(&r, "", 1, NULL), COS_E_ACCESS_DENIED);
}


static cos_err_e
signed_as(const char *target, const char *bucket, const char *resource,
    int *covered)
{
    char   text[512], sig[29];
    req_t  r;

    const char *headers[] = { "host", "h", "x-amz-date",
                              "Tue, 27 Mar 2007 19:36:42 GMT", "date",
                              "some other date", NULL };

    snprintf(text, sizeof(text), "GET\n\n\n\n"
             "x-amz-date:Tue, 27 Mar 2007 19:36:42 GMT\n%s", resource);
    sign(sig, text);
    req_init(&r, "GET", target, headers);
    snprintf(text, sizeof(text), "AWS " AWS_AK ":%s", sig);
    req_header(&r, "authorization", text);

    return judge_v2(&r, bucket, DAY + 70602, covered);
}


static void
test_resource(void **state)
{
    int covered;

    (void) state;

    /* a bucket with and without its slash, both ways */
    assert_int_equal(signed_as("/b", "", "/b", NULL), COS_OK);
    assert_int_equal(signed_as("/b", "", "/b/", NULL), COS_OK);
    assert_int_equal(signed_as("/b/", "", "/b", NULL), COS_OK);
    assert_int_equal(signed_as("/", "b", "/b", NULL), COS_OK);
    assert_int_equal(signed_as("/", "b", "/b/", NULL), COS_OK);
    assert_int_equal(signed_as("/b/k", "", "/b/k/", NULL),
                     COS_E_SIGNATURE_MISMATCH);
    assert_int_equal(signed_as("/b/k/", "", "/b/k", NULL),
                     COS_E_SIGNATURE_MISMATCH);
    assert_int_equal(signed_as("/k", "b", "/b/k/", NULL),
                     COS_E_SIGNATURE_MISMATCH);
    assert_int_equal(signed_as("/", "", "", NULL), COS_E_SIGNATURE_MISMATCH);

    /* parameters in order, values decoded, others left out */
    assert_int_equal(signed_as("/b/k?uploadId=a%2Fb&x=1&partNumber=2", "",
                               "/b/k?partNumber=2&uploadId=a/b", NULL),
                     COS_OK);
    assert_int_equal(signed_as("/b?acl=", "", "/b?acl", NULL), COS_OK);
    assert_int_equal(signed_as("/b?acl=", "", "/b/?acl=", NULL), COS_OK);
    assert_int_equal(signed_as("/b?acl", "", "/b?acl=", NULL),
                     COS_E_SIGNATURE_MISMATCH);
    assert_int_equal(signed_as("/b/k?response-content-type=a%20b", "",
                               "/b/k?response-content-type=a b", NULL),
                     COS_OK);

    /* what the gate is told about what is not signed */
    assert_int_equal(signed_as("/b?quota", "", "/b", &covered), COS_OK);
    assert_false(covered);
    assert_int_equal(signed_as("/b?list-type=2", "", "/b", &covered), COS_OK);
    assert_true(covered);
    assert_int_equal(signed_as("/b?acl", "", "/b?acl", &covered), COS_OK);
    assert_true(covered);
}


static void
test_ambiguous(void **state)
{
    size_t i;

    /* what was signed, and what it could be sent as instead */
    static const char *const no[][2] = {
        { "/b/k?response-content-type=a%26versionId%3Dv", "a&versionId=v" },
        { "/b/k?response-content-type=a&versionId=v%26tagging",
          "a&versionId=v&tagging" },
        { "/b/k?response-content-type=a%26tagging", "a&tagging" },
        { "/b/k?response-content-type=a%26tagging%26x", "a&tagging&x" },
        { "/b/k?response-content-type=a%26x%26acl%3D", "a&x&acl=" },
        { "/b/k?response-content-type=%26acl", "&acl" },
        { "/b/k?response-content-type=a%26response-expires%3D1",
          "a&response-expires=1" },
    };
    static const char *const yes[][2] = {
        { "/b/k?response-content-type=a&versionId=v", "a&versionId=v" },
        { "/b/k?response-content-type=a&tagging", "a&tagging" },
        { "/b/k?response-content-type=a%26b%3Dc%26", "a&b=c&" },
        { "/b/k?response-content-type=a%26acls", "a&acls" },
        { "/b/k?response-content-type=a%26ACL%26%20acl", "a&ACL& acl" },
        { "/b/k?response-content-type=a%26%3Dacl", "a&=acl" },
        { "/b/k?response-content-type=acl%3Dacl", "acl=acl" },
        { "/b/k?response-content-type=a&x=b%26acl", "a" },
    };
    char text[256];

    (void) state;

    for (i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        snprintf(text, sizeof(text), "/b/k?response-content-type=%s",
                 no[i][1]);
        assert_int_equal(signed_as(no[i][0], "", text, NULL),
                         COS_E_SIGNATURE_MISMATCH);
    }

    for (i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        snprintf(text, sizeof(text), "/b/k?response-content-type=%s",
                 yes[i][1]);
        assert_int_equal(signed_as(yes[i][0], "", text, NULL), COS_OK);
    }
}


static void
test_malformed(void **state)
{
    req_t  r;
    size_t i;

    static const struct {
        const char *value;
        cos_err_e   rc;
    } cases[] = {
        { "AWS", COS_E_INVALID_ARGUMENT },
        { "AWS x", COS_E_INVALID_ARGUMENT },
        { "AWS :bWq2s1WEIj+Ydj0vQ697zp+IXMU=", COS_E_INVALID_ARGUMENT },
        { "AWS a:b", COS_E_INVALID_ARGUMENT },
        { "AWS a:bWq2s1WEIj+Ydj0vQ697zp+IXMU==", COS_E_INVALID_ARGUMENT },
        { "AWS a:bWq2s1WEIj+Ydj0vQ697zp+IXMU=", COS_E_ACCESS_DENIED },
        { "AWSX a:b", COS_E_AUTH_UNSUPPORTED },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        req_init(&r, "GET", "/", NULL);
        req_header(&r, "authorization", cases[i].value);
        assert_int_equal(judge_v2(&r, "", 1, NULL), cases[i].rc);
    }

    req_init(&r, "GET", "/", NULL);
    req_header(&r, "date", "yesterday");
    req_header(&r, "authorization", "AWS a:bWq2s1WEIj+Ydj0vQ697zp+IXMU=");
    assert_int_equal(judge_v2(&r, "", 1, NULL), COS_E_ACCESS_DENIED);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_resource),
        cmocka_unit_test(test_ambiguous),
        cmocka_unit_test(test_malformed),
    };

    cos_hash_init();

    return cmocka_run_group_tests(tests, NULL, NULL);
}
