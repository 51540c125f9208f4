/*
 * auth: what cos_sig_parse reads, and what it refuses before anything is
 * computed.
 */

#include "auth_vectors.h"


static void
test_parsed_fields(void **state)
{
    req_t   r;
    built_t b;
    cos_u8  empty[32];

    (void) state;

    load(&r, &vectors[0]);
    build(&b, &r);
    assert_int_equal(cos_sig_parse(&b.http, &b.sig, b.a), COS_OK);
    assert_int_equal(b.sig.scheme, COS_SIG_V4);
    assert_false(b.sig.in_query);
    assert_int_equal(b.sig.payload, COS_PAYLOAD_SHA256);
    cos_unhex(empty, 32, str(EMPTY));
    assert_memory_equal(b.sig.payload_sha256, empty, 32);
    assert_true(cos_str_is(b.sig.access_key, AWS_AK));
    assert_true(cos_str_is(b.sig.region, "us-east-1"));
    assert_true(cos_str_is(b.sig.scope, AWS_SCOPE));
    assert_true(cos_str_is(b.sig.date, AWS_DATE));
    assert_true(cos_sig_covers(&b.sig, "range"));
    assert_false(cos_sig_covers(&b.sig, "content-type"));
    cos_arena_free(b.arena);

    load(&r, &vectors[13]);                /* COS V7 */
    build(&b, &r);
    assert_int_equal(cos_sig_parse(&b.http, &b.sig, b.a), COS_OK);
    assert_int_equal(b.sig.scheme, COS_SIG_COS);
    assert_true(b.sig.in_query);
    assert_true(cos_str_is(b.sig.token, "EXAMPLETOKEN=="));
    assert_true(cos_str_is(b.sig.access_key, COS_AK));
    cos_arena_free(b.arena);
}


static void
test_anonymous(void **state)
{
    req_t       r;
    built_t     b;
    unsigned    i;
    const char *targets[] = { "/", "/a?acl&prefix=x", "/a?sign=1582791032-r-0",
                              "/a?authorization=me", "/a?X-Amz-Date=1",
                              "/a?Signature=1", "/a?x-cos-security-token=t" };

    (void) state;

    for (i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        req_init(&r, "GET", targets[i], NULL);
        req_header(&r, "authorization", "");
        build(&b, &r);
        assert_int_equal(cos_sig_parse(&b.http, &b.sig, b.a), COS_OK);
        assert_int_equal(b.sig.scheme, COS_SIG_NONE);
        assert_false(cos_sig_covers(&b.sig, "host"));
        assert_int_equal(cos_sig_verify(&b.http, &b.sig, str("s"), 0, str(""),
                                        b.a, NULL),
                         COS_E_ACCESS_DENIED);
        cos_arena_free(b.arena);
    }
}


static void
test_region(void **state)
{
    req_t r;

    (void) state;

    load(&r, &vectors[0]);
    assert_int_equal(judge(&r, AWS_SK, AWS_NOW, "us-east-1"), COS_OK);
    assert_int_equal(judge(&r, AWS_SK, AWS_NOW, "eu-west-1"),
                     COS_E_AUTH_REGION);
    assert_int_equal(judge(&r, "wrong", AWS_NOW, "eu-west-1"),
                     COS_E_AUTH_REGION);
    assert_int_equal(judge(&r, AWS_SK, 0, "eu-west-1"), COS_E_TIME_SKEWED);

    load(&r, &vectors[7]);                 /* only V4 names a region */
    assert_int_equal(judge(&r, COS_SK, COS_NOW, "eu-west-1"), COS_OK);
}


static void
test_duplicates(void **state)
{
    req_t           r;
    size_t          i;
    const vector_t *v;
    const char     *again[] = { "&X-Amz-Date=1", "&X-Amz-Signature=0",
                                "&q-ak=x", "&q-signature=x",
                                "&sign=q-sign-algorithm%3Dsha1",
                                "&authorization=bce-auth-v1/x",
                                "&AWSAccessKeyId=x&Signature=y&Expires=1" };

    (void) state;

    for (i = 0; i < VECTORS; i++) {
        v = &vectors[i];

        load(&r, v);
        req_header(&r, "authorization", "anything");
        assert_int_equal(judge_vector(&r, v), COS_E_AUTH_DUPLICATE);
    }

    for (i = 0; i < sizeof(again) / sizeof(again[0]); i++) {
        /* V4 presigned: its own parameter again, or another dialect's */
        load(&r, &vectors[4]);
        strcat(r.target, again[i]);
        assert_int_equal(judge_vector(&r, &vectors[4]), COS_E_AUTH_DUPLICATE);
    }

    load(&r, &vectors[14]);                /* COS V8 */
    strcat(r.target, "&q-sign-time=1;2");
    assert_int_equal(judge_vector(&r, &vectors[14]), COS_E_AUTH_DUPLICATE);

    load(&r, &vectors[7]);                 /* COS V1 */
    strcat(req_value(&r, "authorization"), "&q-ak=other");
    assert_int_equal(judge_vector(&r, &vectors[7]), COS_E_AUTH_DUPLICATE);
}


static void
test_malformed(void **state)
{
    req_t  r;
    size_t i;

    static const struct {
        const char  *value;
        cos_err_e    rc;
    } headers[] = {
        { "AWS AK:signature", COS_E_INVALID_ARGUMENT },
        { "Basic abc", COS_E_AUTH_UNSUPPORTED },
        { "AWS4-ECDSA-P256-SHA256 Credential=x", COS_E_AUTH_UNSUPPORTED },
        { "bce-auth-v2/a/b", COS_E_AUTH_UNSUPPORTED },
        { "AWS4-HMAC-SHA256", COS_E_AUTH_HEADER_MALFORMED },
        { "AWS4-HMAC-SHA256 ", COS_E_AUTH_HEADER_MALFORMED },
        { "AWS4-HMAC-SHA256 HAHAHA", COS_E_AUTH_HEADER_MALFORMED },
        { AWS_HEAD "host", COS_E_AUTH_HEADER_MALFORMED },
        { AWS_HEAD "host,Signature=", COS_E_AUTH_HEADER_MALFORMED },
        { AWS_HEAD "Host,Signature=00", COS_E_AUTH_HEADER_MALFORMED },
        { AWS_HEAD "host;,Signature=00", COS_E_AUTH_HEADER_MALFORMED },
        { AWS_HEAD "host,Signature=00,Signature=00",
          COS_E_AUTH_HEADER_MALFORMED },
        { AWS_HEAD "host,Signature=00,Extra=1", COS_E_AUTH_HEADER_MALFORMED },
        { "AWS4-HMAC-SHA256 Credential=/" AWS_SCOPE
          ",SignedHeaders=host,Signature=00", COS_E_AUTH_HEADER_MALFORMED },
        { "AWS4-HMAC-SHA256 Credential=" AWS_SCOPE
          ",SignedHeaders=host,Signature=00", COS_E_AUTH_HEADER_MALFORMED },
        { "AWS4-HMAC-SHA256 Credential=k/20130524/us-east-1/sts/aws4_request"
          ",SignedHeaders=host,Signature=00", COS_E_AUTH_HEADER_MALFORMED },
        { "AWS4-HMAC-SHA256 Credential=k/20130524/us-east-1/s3/aws5_request"
          ",SignedHeaders=host,Signature=00", COS_E_AUTH_HEADER_MALFORMED },
        { "AWS4-HMAC-SHA256 Credential=k/20130524//s3/aws4_request"
          ",SignedHeaders=host,Signature=00", COS_E_AUTH_HEADER_MALFORMED },
        { "AWS4-HMAC-SHA256 Credential=k/20130523/us-east-1/s3/aws4_request"
          ",SignedHeaders=host,Signature=00", COS_E_AUTH_HEADER_MALFORMED },
        { "q-sign-algorithm", COS_E_INVALID_ARGUMENT },
        { "q-sign-algorithm=sha1", COS_E_INVALID_ARGUMENT },
        { COS_HEAD "&q-header-list=&q-url-param-list=&q-signature=00",
          COS_E_INVALID_ARGUMENT },
        { "q-sign-algorithm=sha1&q-ak=&q-sign-time=1;2&q-key-time=1;2"
          "&q-header-list=&q-url-param-list=&q-signature="
          "85184f9f0c67c5bd3e9a7f2c865206b6a5c330cd", COS_E_INVALID_ARGUMENT },
        { "q-sign-algorithm=md5&q-ak=a&q-sign-time=1;2&q-key-time=1;2"
          "&q-header-list=&q-url-param-list=&q-signature="
          "85184f9f0c67c5bd3e9a7f2c865206b6a5c330cd", COS_E_INVALID_ARGUMENT },
        { "q-sign-algorithm=sha1&q-ak=a&q-sign-time=2;1&q-key-time=1;2"
          "&q-header-list=&q-url-param-list=&q-signature="
          "85184f9f0c67c5bd3e9a7f2c865206b6a5c330cd", COS_E_INVALID_ARGUMENT },
        { "q-sign-algorithm=sha1&q-ak=a&q-sign-time=1;2&q-key-time=1;x"
          "&q-header-list=&q-url-param-list=&q-signature="
          "85184f9f0c67c5bd3e9a7f2c865206b6a5c330cd", COS_E_INVALID_ARGUMENT },
        { "q-sign-algorithm=sha1&q-ak=a&q-sign-time=1;2&q-key-time=1"
          "&q-header-list=&q-url-param-list=&q-signature="
          "85184f9f0c67c5bd3e9a7f2c865206b6a5c330cd", COS_E_INVALID_ARGUMENT },
        { "bce-auth-v1/a/2023-11-14T22:13:20Z/300/host",
          COS_E_INVALID_ARGUMENT },
        { "bce-auth-v1/a/2023-11-14T22:13:20Z/300/host/",
          COS_E_INVALID_ARGUMENT },
        { "bce-auth-v1/a/2023-11-14T22:13:20Z/300/host/00/00",
          COS_E_INVALID_ARGUMENT },
        { "bce-auth-v1/a/20231114T221320Z/300/host/00",
          COS_E_INVALID_ARGUMENT },
        { "bce-auth-v1/a/2023-11-14T22:13:20Z/-1/host/00",
          COS_E_INVALID_ARGUMENT },
        { "bce-auth-v1//2023-11-14T22:13:20Z/300/host/00",
          COS_E_INVALID_ARGUMENT }
    };

    (void) state;

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        req_init(&r, "GET", "/x", NULL);
        req_header(&r, "host", "h");
        req_header(&r, "x-amz-date", AWS_DATE);
        req_header(&r, "x-amz-content-sha256", "UNSIGNED-PAYLOAD");
        req_header(&r, "authorization", headers[i].value);
        assert_int_equal(judge(&r, "s", AWS_NOW, ""), headers[i].rc);
    }

    req_init(&r, "GET", "/x?AWSAccessKeyId=a&Signature=b&Expires=1", NULL);
    assert_int_equal(judge(&r, "s", AWS_NOW, ""), COS_E_ACCESS_DENIED);
}


/* Each of these replaces one piece of the presigned example. */
static void
test_presigned_malformed(void **state)
{
    char  *p, rest[4096];
    req_t  r;
    size_t i;

    static const char *const swaps[][2] = {
        { "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1" },
        { "&X-Amz-Expires=86400", "" },
        { "&X-Amz-Expires=86400", "&X-Amz-Expires=0" },
        { "&X-Amz-Expires=86400", "&X-Amz-Expires=604801" },
        { "&X-Amz-Expires=86400", "&X-Amz-Expires=-1" },
        { "&X-Amz-Expires=86400", "&X-Amz-Expires=" },
        { "&X-Amz-Date=" AWS_DATE, "" },
        { "&X-Amz-Date=" AWS_DATE, "&X-Amz-Date=20130525T000000Z" },
        { "&X-Amz-Date=" AWS_DATE, "&X-Amz-Date=2013-05-24T00:00:00Z" },
        { "&X-Amz-SignedHeaders=host", "" },
        { "%2Fs3%2F", "%2Fec2%2F" },
        { "X-Amz-Algorithm=AWS4-HMAC-SHA256&", "" },
        { "&X-Amz-Signature=", "&X-Amz-Nothing=" }
    };

    (void) state;

    for (i = 0; i < sizeof(swaps) / sizeof(swaps[0]); i++) {
        load(&r, &vectors[4]);
        p = strstr(r.target, swaps[i][0]);
        assert_non_null(p);
        snprintf(rest, sizeof(rest), "%s", p + strlen(swaps[i][0]));
        strcpy(p, swaps[i][1]);
        strcat(r.target, rest);
        assert_int_equal(judge_vector(&r, &vectors[4]),
                         COS_E_AUTH_QUERY_MALFORMED);
    }
}


static void
test_v4_payload(void **state)
{
    unsigned i;
    req_t    r;
    built_t  b;

    static const struct {
        const char     *text;
        cos_payload_e   payload;
    } forms[] = {
        { EMPTY, COS_PAYLOAD_SHA256 },
        { "UNSIGNED-PAYLOAD", COS_PAYLOAD_UNSIGNED },
        { "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", COS_PAYLOAD_STREAM_SIGNED },
        { "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
          COS_PAYLOAD_STREAM_SIGNED_TRAILER },
        { "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
          COS_PAYLOAD_STREAM_UNSIGNED_TRAILER },
        { "", COS_PAYLOAD_NONE },
        { "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", COS_PAYLOAD_NONE },
        { "00", COS_PAYLOAD_NONE }
    };

    (void) state;

    for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        req_init(&r, "GET", "/", NULL);
        req_header(&r, "x-amz-date", AWS_DATE);
        req_header(&r, "x-amz-content-sha256", forms[i].text);
        req_header(&r, "authorization", AWS_HEAD "host,Signature=00");
        build(&b, &r);
        assert_int_equal(cos_sig_parse(&b.http, &b.sig, b.a),
                         forms[i].payload == COS_PAYLOAD_NONE
                         ? COS_E_CONTENT_SHA256_INVALID : COS_OK);
        assert_int_equal(b.sig.payload, forms[i].payload);
        cos_arena_free(b.arena);
    }

    req_header(&r, "x-amz-content-sha256", EMPTY);
    assert_int_equal(judge(&r, "s", AWS_NOW, ""),
                     COS_E_CONTENT_SHA256_INVALID);
}


static void
test_limits(void **state)
{
    int     i;
    char    list[1024] = "host", secret[300];
    req_t   r;
    built_t b;

    (void) state;

    for (i = 0; i < 128; i++) {
        strcat(list, ";a");
    }

    req_init(&r, "GET", "/", NULL);
    req_header(&r, "x-amz-date", AWS_DATE);
    req_header(&r, "x-amz-content-sha256", EMPTY);
    req_header(&r, "authorization", AWS_HEAD);
    strcat(r.value[2], list);
    strcat(r.value[2], ",Signature=0");
    assert_int_equal(judge(&r, "s", AWS_NOW, ""), COS_E_AUTH_HEADER_MALFORMED);

    memset(secret, 's', sizeof(secret));
    secret[257] = 0;
    load(&r, &vectors[0]);
    build(&b, &r);
    assert_int_equal(cos_sig_parse(&b.http, &b.sig, b.a), COS_OK);
    assert_int_equal(cos_sig_verify(&b.http, &b.sig, str(secret), AWS_NOW,
                                    str(""), b.a, NULL),
                     COS_E_INTERNAL);
    secret[256] = 0;
    assert_int_equal(cos_sig_verify(&b.http, &b.sig, str(secret), AWS_NOW,
                                    str(""), b.a, NULL),
                     COS_E_SIGNATURE_MISMATCH);
    cos_arena_free(b.arena);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parsed_fields),
        cmocka_unit_test(test_anonymous),
        cmocka_unit_test(test_region),
        cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_presigned_malformed),
        cmocka_unit_test(test_v4_payload),
        cmocka_unit_test(test_limits)
    };

    assert_int_equal(cos_hash_init(), 0);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
