/*
 * auth: how each dialect writes its canonical text, and which headers a
 * signature has to cover. The canonical texts are written by hand here and
 * signed by the test.
 */

#include "auth_vectors.h"


/* Signs a V4 header request whose canonical text is given. */
static void
v4_finish(req_t *r, const char *list, const char *canonical)
{
    char hex[65], text[1024];

    v4_sign(hex, AWS_SK, AWS_DATE, AWS_SCOPE, canonical);
    snprintf(text, sizeof(text), AWS_HEAD "%s,Signature=%s", list, hex);
    req_header(r, "authorization", text);
}


static cos_err_e
v4_case(const char *target, const char *const *headers, const char *list,
    const char *canonical)
{
    req_t r;

    req_init(&r, "GET", target, headers);
    v4_finish(&r, list, canonical);

    return judge(&r, AWS_SK, AWS_NOW, "us-east-1");
}


#define UNSIGNED_HEADERS                                                      \
    "host", "h", "x-amz-content-sha256", "UNSIGNED-PAYLOAD",                  \
    "x-amz-date", AWS_DATE
#define UNSIGNED_LIST  "host;x-amz-content-sha256;x-amz-date"
#define UNSIGNED_TAIL                                                         \
    "host:h\nx-amz-content-sha256:UNSIGNED-PAYLOAD\nx-amz-date:" AWS_DATE     \
    "\n\n" UNSIGNED_LIST "\nUNSIGNED-PAYLOAD"


static void
test_v4_canonical(void **state)
{
    const char *plain[] = { UNSIGNED_HEADERS, NULL };
    const char *odd[] = { UNSIGNED_HEADERS, "x-amz-meta-a", "a   b  c",
                          "x-amz-meta-b", "1", "x-amz-meta-b", "2",
                          "content-type", "unsigned/this", NULL };

    (void) state;

    /* path: no normalisation, encoded once */
    assert_int_equal(v4_case("/a//./../%7Eb%20c%2B", plain, UNSIGNED_LIST,
                             "GET\n/a//./../~b%20c%2B\n\n" UNSIGNED_TAIL),
                     COS_OK);
    /* path as sent by a client with habits of its own */
    assert_int_equal(v4_case("/a%7Eb(1)", plain, UNSIGNED_LIST,
                             "GET\n/a%7Eb(1)\n\n" UNSIGNED_TAIL), COS_OK);

    /* query: by encoded name, then value; "a-" is after "a" */
    assert_int_equal(v4_case("/?a-=1&a=2&a=1&B&%E4=%2f&a%20=", plain,
                             UNSIGNED_LIST, "GET\n/\n%E4=%2F&B=&a=1&a=2"
                             "&a%20=&a-=1\n" UNSIGNED_TAIL), COS_OK);
    assert_int_equal(v4_case("/?a-=1&a=2&a=1&B&%E4=%2f&a%20=", plain,
                             UNSIGNED_LIST, "GET\n/\n%E4=%2F&B=&a=1&a=2"
                             "&a-=1&a%20=\n" UNSIGNED_TAIL),
                     COS_E_SIGNATURE_MISMATCH);

    /* headers: runs of spaces are one, equal names are joined */
    assert_int_equal(v4_case("/", odd, UNSIGNED_LIST
                             ";x-amz-meta-a;x-amz-meta-b", "GET\n/\n\nhost:h\n"
                             "x-amz-content-sha256:UNSIGNED-PAYLOAD\n"
                             "x-amz-date:" AWS_DATE "\nx-amz-meta-a:a b c\n"
                             "x-amz-meta-b:1,2\n\n" UNSIGNED_LIST
                             ";x-amz-meta-a;x-amz-meta-b\nUNSIGNED-PAYLOAD"),
                     COS_OK);
}


static void
test_v4_plus(void **state)
{
    int         i;
    char        hex[65], text[512];
    req_t       r;
    built_t     b;
    const char *headers[] = { UNSIGNED_HEADERS, NULL };
    const char *canonical[] = {
        "GET\n/\nprefix=a%20b\n" UNSIGNED_TAIL,
        "GET\n/\nprefix=a%2Bb\n" UNSIGNED_TAIL
    };

    (void) state;

    for (i = 0; i < 2; i++) {
        req_init(&r, "GET", "/?prefix=a+b", headers);
        v4_sign(hex, AWS_SK, AWS_DATE, AWS_SCOPE, canonical[i]);
        snprintf(text, sizeof(text), AWS_HEAD UNSIGNED_LIST ",Signature=%s",
                 hex);
        req_header(&r, "authorization", text);

        build(&b, &r);
        assert_int_equal(cos_sig_parse(&b.http, &b.sig, b.a), COS_OK);
        assert_int_equal(cos_sig_verify(&b.http, &b.sig, str(AWS_SK), AWS_NOW,
                                        str(""), b.a, NULL),
                         COS_OK);
        assert_int_equal(b.sig.literal_plus, i);
        cos_arena_free(b.arena);
    }

    /* path and plus at once */
    assert_int_equal(v4_case("/a(1)?prefix=a+b", headers, UNSIGNED_LIST,
                             "GET\n/a(1)\nprefix=a%2Bb\n" UNSIGNED_TAIL),
                     COS_OK);
}


static void
test_v4_date(void **state)
{
    const char *http[] = { "host", "h", "x-amz-content-sha256", EMPTY,
                           "date", "Fri, 24 May 2013 00:00:00 GMT", NULL };
    const char *iso[] = { "host", "h", "x-amz-content-sha256", EMPTY,
                          "date", AWS_DATE, NULL };
    const char *other[] = { "host", "h", "x-amz-content-sha256", EMPTY,
                            "date", "Sat, 25 May 2013 00:00:00 GMT", NULL };
    const char *none[] = { "host", "h", "x-amz-content-sha256", EMPTY, NULL };
    const char *bad[] = { "host", "h", "x-amz-content-sha256", EMPTY,
                          "x-amz-date", "Fri, 24 May 2013 00:00:00 GMT",
                          NULL };

    (void) state;

    assert_int_equal(v4_case("/", http, "date;host", "GET\n/\n\n"
                             "date:Fri, 24 May 2013 00:00:00 GMT\nhost:h\n\n"
                             "date;host\n" EMPTY), COS_OK);
    assert_int_equal(v4_case("/", iso, "host;date", "GET\n/\n\nhost:h\n"
                             "date:" AWS_DATE "\n\nhost;date\n" EMPTY),
                     COS_OK);
    assert_int_equal(v4_case("/", other, "host", ""),
                     COS_E_AUTH_HEADER_MALFORMED);
    assert_int_equal(v4_case("/", none, "host", ""), COS_E_ACCESS_DENIED);
    assert_int_equal(v4_case("/", bad, "host", ""), COS_E_ACCESS_DENIED);
}


static void
test_v4_covered(void **state)
{
    req_t       r;
    const char *acl[] = { UNSIGNED_HEADERS, "x-amz-acl", "public-read", NULL };
    const char *cos[] = { UNSIGNED_HEADERS, "x-cos-acl", "public-read", NULL };
    const char *bce[] = { UNSIGNED_HEADERS, "x-bce-copy-source", "/b/k",
                          NULL };
    const char *meta[] = { UNSIGNED_HEADERS, "x-cos-meta-a", "", NULL };
    const char *none[] = { UNSIGNED_HEADERS, "x-cos-traffic-limit", "819200",
                           NULL };

    (void) state;

    assert_int_equal(v4_case("/", meta, UNSIGNED_LIST,
                             "GET\n/\n\n" UNSIGNED_TAIL),
                     COS_E_UNSIGNED_HEADER);
    assert_int_equal(v4_case("/", acl, UNSIGNED_LIST,
                             "GET\n/\n\n" UNSIGNED_TAIL),
                     COS_E_UNSIGNED_HEADER);
    assert_int_equal(v4_case("/", cos, UNSIGNED_LIST,
                             "GET\n/\n\n" UNSIGNED_TAIL),
                     COS_E_UNSIGNED_HEADER);
    assert_int_equal(v4_case("/", bce, UNSIGNED_LIST,
                             "GET\n/\n\n" UNSIGNED_TAIL),
                     COS_E_UNSIGNED_HEADER);
    assert_int_equal(v4_case("/", none, UNSIGNED_LIST,
                             "GET\n/\n\n" UNSIGNED_TAIL), COS_OK);
    /* a wrong signature is told before a missing header */
    assert_int_equal(v4_case("/", acl, UNSIGNED_LIST, "x"),
                     COS_E_SIGNATURE_MISMATCH);
    /* the payload's header need not be in the list, the host must */
    assert_int_equal(v4_case("/", none, "host;x-amz-date", "GET\n/\n\nhost:h\n"
                             "x-amz-date:" AWS_DATE "\n\nhost;x-amz-date\n"
                             "UNSIGNED-PAYLOAD"), COS_OK);
    assert_int_equal(v4_case("/", none, "x-amz-date", "GET\n/\n\nx-amz-date:"
                             AWS_DATE "\n\nx-amz-date\nUNSIGNED-PAYLOAD"),
                     COS_E_UNSIGNED_HEADER);
    assert_int_equal(v4_case("/", none, "host", "GET\n/\n\nhost:h\n\nhost\n"
                             "UNSIGNED-PAYLOAD"), COS_E_UNSIGNED_HEADER);

    load(&r, &vectors[4]);
    req_header(&r, "x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    assert_int_equal(judge_vector(&r, &vectors[4]), COS_OK);
    strcpy(req_value(&r, "x-amz-content-sha256"), EMPTY);
    assert_int_equal(judge_vector(&r, &vectors[4]), COS_E_SIGNATURE_MISMATCH);

    load(&r, &vectors[4]);
    req_header(&r, "x-amz-acl", "public-read");
    assert_int_equal(judge_vector(&r, &vectors[4]), COS_E_UNSIGNED_HEADER);
}


static cos_err_e
cos_case_of(const char *method, const char *target,
    const char *const *headers, const char *hlist, const char *plist,
    const char *http_string)
{
    char  hex[41], text[1024];
    req_t r;

    req_init(&r, method, target, headers);
    cos_sign(hex, COS_SK, COS_TIME, http_string);
    snprintf(text, sizeof(text), COS_HEAD "&q-header-list=%s"
             "&q-url-param-list=%s&q-signature=%s", hlist, plist, hex);
    req_header(&r, "authorization", text);

    return judge(&r, COS_SK, COS_NOW, "");
}


static cos_err_e
cos_case(const char *target, const char *const *headers, const char *hlist,
    const char *plist, const char *http_string)
{
    return cos_case_of("GET", target, headers, hlist, plist, http_string);
}


static void
test_cos_lists(void **state)
{
    const char *host[] = { "host", "h:8080", "cache-control", "", NULL };
    const char *six[] = { "host", "[::1]:8080", NULL };

    (void) state;

    /* with the port, and without as the Python SDK signs it */
    assert_int_equal(cos_case("/", host, "host", "",
                              "get\n/\n\nhost=h%3A8080\n"), COS_OK);
    assert_int_equal(cos_case("/", host, "host", "", "get\n/\n\nhost=h\n"),
                     COS_OK);
    assert_int_equal(cos_case("/", six, "host", "",
                              "get\n/\n\nhost=%5B%3A%3A1%5D\n"), COS_OK);
    assert_int_equal(cos_case("/", six, "host", "",
                              "get\n/\n\nhost=%5B%3A\n"),
                     COS_E_SIGNATURE_MISMATCH);
    assert_int_equal(cos_case("/", host, "cache-control;host", "",
                              "get\n/\n\ncache-control=&host=h\n"), COS_OK);
    assert_int_equal(cos_case("/", host, "host;range", "",
                              "get\n/\n\nhost=h&range=\n"),
                     COS_E_SIGNATURE_MISMATCH);

    /* entries plain, encoded once and twice */
    assert_int_equal(cos_case("/?imageMogr2%2Fx", host, "", "imagemogr2/x",
                              "get\n/\nimagemogr2%2fx=\n\n"), COS_OK);
    assert_int_equal(cos_case("/?imageMogr2%2Fx", host, "", "imagemogr2%2fx",
                              "get\n/\nimagemogr2%2fx=\n\n"), COS_OK);
    assert_int_equal(cos_case("/?imageMogr2%2Fx", host, "",
                              "imagemogr2%252fx",
                              "get\n/\nimagemogr2%2fx=\n\n"), COS_OK);
    assert_int_equal(cos_case("/?imageMogr2%2Fx", host, "", "imagemogr2%2",
                              "get\n/\nimagemogr2%2fx=\n\n"),
                     COS_E_SIGNATURE_MISMATCH);

    /* values: '+' is a space; repeated names as the Go SDK lists them */
    assert_int_equal(cos_case("/?prefix=a+b%2B", host, "", "prefix",
                              "get\n/\nprefix=a%20b%2B\n\n"), COS_OK);
    assert_int_equal(cos_case("/?a=2&a=1&A=0", host, "", "a;a;a",
                              "get\n/\na=0&a=1&a=2\n\n"), COS_OK);
    assert_int_equal(cos_case("/?a=2&a=1", host, "", "a",
                              "get\n/\na=2\n\n"), COS_E_SIGNATURE_MISMATCH);
}


static void
test_cos_covered(void **state)
{
    unsigned    i;
    const char *headers[3] = { NULL, "v", NULL };
    const char *text = "get\n/\n\n\n";
    const char *must[] = {
        "x-cos-acl", "x-amz-acl", "x-bce-acl", "x-cos-grant-read",
        "x-amz-grant-full-control", "x-cos-copy-source",
        "x-cos-copy-source-range", "x-cos-symlink-target", "x-cos-callback",
        "x-cos-callback-var", "x-bce-callback-address", "x-cos-return-body",
        "x-cos-object-lock-mode", "x-cos-retention", "x-bce-fetch-source",
        "x-amz-bypass-governance-retention", "x-bce-process",
        "x-amz-website-redirect-location", "x-amz-object-lock-legal-hold",
        "x-amz-storage-class", "x-bce-meta-a", "x-amz-", "x-amz-date"
    };
    const char *may[] = { "x-cos-meta-acls", "x-cos-storage-class", "x-acl",
                          "content-type", "x-cos-security-token", "acl",
                          "x-cos-traffic-limit", "x-amz-traffic-limit",
                          "x-cos-", "x-", "x" };

    (void) state;

    for (i = 0; i < sizeof(must) / sizeof(must[0]); i++) {
        headers[0] = must[i];
        headers[1] = "v";
        assert_int_equal(cos_case("/", headers, "", "", text),
                         COS_E_UNSIGNED_HEADER);
        headers[1] = "";
        assert_int_equal(cos_case("/", headers, "", "", text),
                         strncmp(must[i], "x-cos-", 6) ? COS_E_UNSIGNED_HEADER
                                                       : COS_OK);
    }

    for (i = 0; i < sizeof(may) / sizeof(may[0]); i++) {
        headers[0] = may[i];
        headers[1] = "v";
        assert_int_equal(cos_case("/", headers, "", "", text), COS_OK);
    }

    assert_int_equal(cos_case("/?x-cos-acl=private", NULL, "", "", text),
                     COS_E_UNSIGNED_HEADER);
    assert_int_equal(cos_case("/?X-Cos-Acl=private", NULL, "", "", text),
                     COS_E_UNSIGNED_HEADER);
    assert_int_equal(cos_case("/?x-cos-acl=private", NULL, "", "x-cos-acl",
                              "get\n/\nx-cos-acl=private\n\n"), COS_OK);
}


/* Who holds a URL to write with does not choose how that is encrypted. */
static void
test_cos_encryption(void **state)
{
    unsigned    i, k;
    const char *headers[3] = { NULL, "v", NULL };
    const char *name[] = {
        "x-cos-server-side-encryption",
        "x-cos-server-side-encryption-cos-kms-key-id",
        "x-cos-server-side-encryption-context",
        "x-cos-server-side-encryption-customer-algorithm",
        "x-cos-server-side-encryption-customer-key",
        "x-cos-server-side-encryption-customer-key-md5"
    };
    const char *method[][2] = {
        { "PUT", "put\n/\n\n\n" }, { "POST", "post\n/\n\n\n" },
        { "GET", "get\n/\n\n\n" }, { "HEAD", "head\n/\n\n\n" }
    };

    (void) state;

    for (i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
        headers[0] = name[i];

        for (k = 0; k < 4; k++) {
            headers[1] = "v";
            assert_int_equal(cos_case_of(method[k][0], "/", headers, "", "",
                                         method[k][1]),
                             k < 2 ? COS_E_UNSIGNED_HEADER : COS_OK);
            headers[1] = "";
            assert_int_equal(cos_case_of(method[k][0], "/", headers, "", "",
                                         method[k][1]), COS_OK);
        }
    }

    headers[0] = name[0];
    headers[1] = "AES256";
    assert_int_equal(cos_case_of("PUT", "/", headers,
                                 "x-cos-server-side-encryption", "",
                                 "put\n/\n\nx-cos-server-side-encryption="
                                 "AES256\n"), COS_OK);
}


static void
test_cos_times(void **state)
{
    char  hex[41], text[512];
    req_t r;

    (void) state;

    /* each of the two times has its own place; both must hold */
    cos_sign(hex, COS_SK, "1000;2000", "get\n/\n\n\n");
    snprintf(text, sizeof(text), "q-ak=a&q-sign-algorithm=sha1"
             "&q-key-time=1000;2000&q-sign-time=1000;2000&q-url-param-list="
             "&q-header-list=&q-signature=%s", hex);
    req_init(&r, "GET", "/", NULL);
    req_header(&r, "authorization", text);
    assert_int_equal(judge(&r, COS_SK, 1500, ""), COS_OK);

    memcpy(strstr(r.value[0], "q-sign-time=1000;2000"),
           "q-sign-time=1000;1200", 21);
    assert_int_equal(judge(&r, COS_SK, 1500, ""), COS_E_EXPIRED);
    assert_int_equal(judge(&r, COS_SK, 1100, ""), COS_E_SIGNATURE_MISMATCH);

    memcpy(strstr(r.value[0], "q-key-time=1000;2000"),
           "q-key-time=1150;2000", 20);
    assert_int_equal(judge(&r, COS_SK, 249, ""), COS_E_TIME_SKEWED);
}


static cos_err_e
bce_case(const char *target, const char *const *headers, const char *list,
    const char *canonical)
{
    char  hex[65], text[512];
    req_t r;

    req_init(&r, "GET", target, headers);
    bce_sign(hex, BCE_SK, "bce-auth-v1/ak/2023-11-14T22:13:20Z/300",
             canonical);
    snprintf(text, sizeof(text),
             "bce-auth-v1/ak/2023-11-14T22:13:20Z/300/%s/%s", list, hex);
    req_header(&r, "authorization", text);

    return judge(&r, BCE_SK, BCE_NOW, "");
}


static void
test_bce(void **state)
{
    const char *headers[] = { "host", "h", "x-bce-a", "1", "x-bce-a-b", "2",
                              "x-bce-none", "", "range", "bytes=0-1", NULL };
    const char *acl[] = { "host", "h", "x-bce-acl", "public-read", NULL };
    const char *other[] = { "host", "h", "x-amz-meta-a", "b", NULL };
    const char *limit[] = { "host", "h", "x-cos-traffic-limit", "1", NULL };

    (void) state;

    /* the default set; ':' takes part in the order */
    assert_int_equal(bce_case("/o", headers, "", "GET\n/o\n\nhost:h\n"
                              "x-bce-a-b:2\nx-bce-a:1"), COS_OK);
    assert_int_equal(bce_case("/o", headers, "host;range", "GET\n/o\n\nhost:h"
                              "\nrange:bytes%3D0-1"), COS_OK);
    assert_int_equal(bce_case("/o", headers, "range", "GET\n/o\n\n"
                              "range:bytes%3D0-1"), COS_E_UNSIGNED_HEADER);
    assert_int_equal(bce_case("/o", acl, "host", "GET\n/o\n\nhost:h"),
                     COS_E_UNSIGNED_HEADER);
    assert_int_equal(bce_case("/o", acl, "", "GET\n/o\n\nhost:h\n"
                              "x-bce-acl:public-read"), COS_OK);
    assert_int_equal(bce_case("/o", other, "", "GET\n/o\n\nhost:h"),
                     COS_E_UNSIGNED_HEADER);
    assert_int_equal(bce_case("/o", other, "host;x-amz-meta-a", "GET\n/o\n\n"
                              "host:h\nx-amz-meta-a:b"), COS_OK);
    assert_int_equal(bce_case("/o", limit, "host", "GET\n/o\n\nhost:h"),
                     COS_OK);

    /* names encoded as specified, or bare as the JS SDK writes them */
    assert_int_equal(bce_case("/o?a/b=1&a=%20", headers, "host", "GET\n/o\n"
                              "a%2Fb=1&a=%20\nhost:h"), COS_OK);
    assert_int_equal(bce_case("/o?a/b=1&a=%20", headers, "host", "GET\n/o\n"
                              "a/b=1&a=%20\nhost:h"), COS_OK);
    assert_int_equal(bce_case("/o?a%26b%3Dc=1&d%2F", headers, "host",
                              "GET\n/o\na&b=c=1&d/=\nhost:h"),
                     COS_E_SIGNATURE_MISMATCH);
}


/* More credentials than derived keys are kept, in two rounds. */
static void
test_many_keys(void **state)
{
    int           i;
    char          secret[32], scope[64], hex[65], text[512];
    req_t         r;
    built_t       b;
    unsigned char key[32];
    const char   *headers[] = { UNSIGNED_HEADERS, NULL };

    (void) state;

    for (i = 0; i < 600; i++) {
        snprintf(secret, sizeof(secret), "secret%d", i % 300 / 2);
        snprintf(scope, sizeof(scope), "20130524/region-%d/s3/aws4_request",
                 i % 2);
        req_init(&r, "GET", "/", headers);
        v4_sign(hex, secret, AWS_DATE, scope, "GET\n/\n\n" UNSIGNED_TAIL);
        snprintf(text, sizeof(text), "AWS4-HMAC-SHA256 Credential=a/b/%s,"
                 "SignedHeaders=" UNSIGNED_LIST ",Signature=%s", scope, hex);
        req_header(&r, "authorization", text);

        build(&b, &r);
        assert_int_equal(cos_sig_parse(&b.http, &b.sig, b.a), COS_OK);
        assert_true(cos_str_is(b.sig.access_key, "a/b"));
        assert_int_equal(cos_sig_verify(&b.http, &b.sig, str(secret), AWS_NOW,
                                        str(""), b.a, NULL),
                         COS_OK);
        v4_key(secret, scope, key);
        assert_memory_equal(b.sig.signing_key, key, 32);
        cos_arena_free(b.arena);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v4_canonical),
        cmocka_unit_test(test_v4_plus),
        cmocka_unit_test(test_v4_date),
        cmocka_unit_test(test_v4_covered),
        cmocka_unit_test(test_cos_lists),
        cmocka_unit_test(test_cos_covered),
        cmocka_unit_test(test_cos_encryption),
        cmocka_unit_test(test_cos_times),
        cmocka_unit_test(test_bce),
        cmocka_unit_test(test_many_keys)
    };

    assert_int_equal(cos_hash_init(), 0);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
