/*
 * auth: signatures and policies of form uploads. The signed forms are those of
 * cos-api.md 4.4 (V9) and of AWS' documentation (S3 API, "Example:
 * Browser-Based Upload using HTTP POST (Using AWS Signature Version 4)").
 */

#include "auth_vectors.h"
#include "cos_post.h"

#define V9_POLICY                                                             \
    "eyJleHBpcmF0aW9uIjoiMjAyMy0xMS0xNFQyMzoxMzoyMC4wMDBaIiwiY29uZGl0aW9ucyI" \
    "6W3siYnVja2V0IjoiZXhhbXBsZWJ1Y2tldC0xMjUwMDAwMDAwIn0sWyJzdGFydHMtd2l0aC" \
    "IsIiRrZXkiLCJ1cC8iXSxbImNvbnRlbnQtbGVuZ3RoLXJhbmdlIiwwLDEwNDg1NzZdLHsic" \
    "S1zaWduLWFsZ29yaXRobSI6InNoYTEifSx7InEtYWsiOiJBS0lERVhBTVBMRTAwMDAwMDAw" \
    "MDAwMDAwMDAwMDAwMDAwMDAxIn0seyJxLXNpZ24tdGltZSI6IjE3MDAwMDAwMDA7MTcwMDA" \
    "wMzYwMCJ9XX0="
#define V9_SIGNATURE  "1872d4840689f56cae2ae4c6d785088b3a3d8895"

#define S3_POLICY                                                             \
    "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl" \
    "0aW9ucyI6IFsNCiAgICB7ImJ1Y2tldCI6ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgIC" \
    "BbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSwNCiAgICB7ImFjbCI6I" \
    "CJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0" \
    "cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXB" \
    "sb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW" \
    "1hZ2UvIl0sDQogICAgeyJ4LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNC" \
    "iAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0sDQogICAg" \
    "WyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW1" \
    "6LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC" \
    "0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtS" \
    "E1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIg" \
    "fQ0KICBdDQp9"
#define S3_SIGNATURE                                                          \
    "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"
#define S3_NOW  1451347200            /* 2015-12-29 00:00:00 */

#define V9_FIELDS                                                             \
    "key", "up/a", "q-sign-algorithm", "sha1", "q-ak", COS_AK,                \
    "q-key-time", COS_TIME, "q-signature", V9_SIGNATURE, "policy", V9_POLICY
#define S3_FIELDS                                                             \
    "key", "user/user1/a", "acl", "public-read", "success_action_redirect",   \
    "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html",      \
    "content-type", "image/jpeg", "x-amz-meta-uuid", "14365123651274",        \
    "x-amz-server-side-encryption", "AES256", "x-amz-credential",             \
    AWS_AK "/20151229/us-east-1/s3/aws4_request", "x-amz-algorithm",          \
    "AWS4-HMAC-SHA256", "x-amz-date", "20151229T000000Z", "x-amz-meta-tag",   \
    "", "policy", S3_POLICY, "x-amz-signature", S3_SIGNATURE

typedef struct {
    cos_form_t        f;
    cos_form_field_t  field[COS_FORM_FIELDS_MAX];
    cos_arena_t      *arena;
    cos_sig_t         sig;
    cos_post_t        p;
} form_t;


/* fields: name, value, ..., NULL */
static void
form_init(form_t *x, const char *const *fields)
{
    memset(x, 0, sizeof(*x));
    x->arena = cos_arena_create();
    x->f.fields = x->field;

    for (; fields[0] != NULL; fields += 2) {
        x->field[x->f.nfields].name = str(fields[0]);
        x->field[x->f.nfields++].value = str(fields[1]);
    }
}


static void
set(form_t *x, const char *name, const char *value)
{
    size_t i;

    for (i = 0; i < x->f.nfields; i++) {
        if (cos_str_is(x->field[i].name, name)) {
            x->field[i].value = str(value);
            return;
        }
    }

    x->field[i].name = str(name);
    x->field[i].value = str(value);
    x->f.nfields++;
}


static cos_err_e
prove(form_t *x, const char *secret, int64_t now, const char *region)
{
    cos_err_e rc;

    rc = cos_form_sig_parse(&x->f, &x->sig);

    return rc != COS_OK ? rc
           : cos_form_sig_verify(&x->sig, str(secret), now, str(region),
                                 cos_arena_alloc(x->arena));
}


static cos_err_e
hold(form_t *x, cos_dialect_e d, const char *bucket, const char *policy,
    int64_t now)
{
    const cos_form_field_t *key = cos_form_field(&x->f, "key");

    x->p.form = &x->f;
    x->p.dialect = d;
    x->p.bucket = str(bucket);
    x->p.key = key ? key->value : str("");
    x->p.now = now;

    return cos_post_policy(&x->p, str(policy), cos_arena_alloc(x->arena));
}


static void
test_cos(void **state)
{
    form_t      x;
    const char *fields[] = { V9_FIELDS, NULL };

    (void) state;

    form_init(&x, fields);
    assert_int_equal(prove(&x, COS_SK, COS_NOW, ""), COS_OK);
    assert_int_equal(x.sig.scheme, COS_SIG_COS);
    assert_true(cos_str_is(x.sig.access_key, COS_AK));
    assert_int_equal(prove(&x, "x", COS_NOW, ""), COS_E_SIGNATURE_MISMATCH);
    assert_int_equal(prove(&x, "", COS_NOW, ""), COS_E_SIGNATURE_MISMATCH);
    assert_int_equal(prove(&x, COS_SK, 1700003600, ""), COS_OK);
    assert_int_equal(prove(&x, COS_SK, 1700003601, ""), COS_E_EXPIRED);
    assert_int_equal(prove(&x, COS_SK, 1699999100, ""), COS_OK);
    assert_int_equal(prove(&x, COS_SK, 1699999099, ""), COS_E_TIME_SKEWED);

    assert_int_equal(hold(&x, COS_DIALECT_COS, "examplebucket-1250000000",
                          V9_POLICY, COS_NOW), COS_OK);
    assert_int_equal(x.p.min, 0);
    assert_int_equal(x.p.max, 1048576);
    assert_int_equal(hold(&x, COS_DIALECT_COS, "other-1250000000",
                          V9_POLICY, COS_NOW), COS_E_ACCESS_DENIED);
    set(&x, "key", "other");
    assert_int_equal(hold(&x, COS_DIALECT_COS, "examplebucket-1250000000",
                          V9_POLICY, COS_NOW), COS_E_ACCESS_DENIED);
    assert_string_equal(x.p.reason, "Invalid according to Policy: Policy "
                        "Condition failed: [\"starts-with\", \"$key\", "
                        "\"up/\"]");

    set(&x, "q-key-time", "1700000000;1700003601");
    assert_int_equal(prove(&x, COS_SK, COS_NOW, ""),
                     COS_E_SIGNATURE_MISMATCH);
    set(&x, "q-sign-algorithm", "sha256");
    assert_int_equal(prove(&x, COS_SK, COS_NOW, ""), COS_E_INVALID_ARGUMENT);
    cos_arena_free(x.arena);
}


static void
test_s3(void **state)
{
    form_t      x;
    const char *fields[] = { S3_FIELDS, NULL };

    (void) state;

    form_init(&x, fields);
    assert_int_equal(prove(&x, AWS_SK, S3_NOW, ""), COS_OK);
    assert_int_equal(x.sig.scheme, COS_SIG_V4);
    assert_true(cos_str_is(x.sig.access_key, AWS_AK));
    assert_int_equal(prove(&x, AWS_SK, S3_NOW, "us-east-1"), COS_OK);
    assert_int_equal(prove(&x, AWS_SK, S3_NOW, "eu-west-1"),
                     COS_E_AUTH_REGION);
    assert_int_equal(prove(&x, "x", S3_NOW, ""), COS_E_SIGNATURE_MISMATCH);
    assert_int_equal(prove(&x, AWS_SK, S3_NOW - 901, ""), COS_E_TIME_SKEWED);

    assert_int_equal(hold(&x, COS_DIALECT_S3, "sigv4examplebucket",
                          S3_POLICY, S3_NOW), COS_OK);
    assert_int_equal(x.p.max, UINT64_MAX);
    assert_int_equal(hold(&x, COS_DIALECT_S3, "sigv4examplebucket",
                          S3_POLICY, S3_NOW + 129600), COS_OK);
    assert_int_equal(hold(&x, COS_DIALECT_S3, "sigv4examplebucket",
                          S3_POLICY, S3_NOW + 129601), COS_E_ACCESS_DENIED);
    assert_string_equal(x.p.reason, "Invalid according to Policy: Policy "
                        "expired.");

    set(&x, "x-amz-date", "20151230T000000Z");
    assert_int_equal(prove(&x, AWS_SK, S3_NOW, ""), COS_E_INVALID_ARGUMENT);
    cos_arena_free(x.arena);
}


/* The forms of signature fields. */
static void
test_parse(void **state)
{
    size_t i;
    form_t x;

    static const struct {
        const char *fields[16];
        cos_err_e   rc;
    } cases[] = {
        { { "key", "k" }, COS_OK },
        { { "key", "k", "policy", "" }, COS_OK },
        { { "policy", "e30=" }, COS_E_INVALID_ARGUMENT },
        { { "awsaccesskeyid", "a", "signature", "s", "policy", "e30=" },
          COS_OK },
        { { "awsaccesskeyid", "a", "signature", "s" },
          COS_E_INVALID_ARGUMENT },
        { { "awsaccesskeyid", "a", "policy", "e30=" },
          COS_E_INVALID_ARGUMENT },
        { { "signature", "a", "policy", "e30=" }, COS_E_INVALID_ARGUMENT },
        { { "awsaccesskeyid", "", "signature", "s", "policy", "e30=" },
          COS_E_INVALID_ARGUMENT },
        { { "awsaccesskeyid", "a", "q-ak", "s", "policy", "e30=" },
          COS_E_AUTH_DUPLICATE },
        { { "x-amz-signature", "a", "q-ak", "s", "policy", "e30=" },
          COS_E_AUTH_DUPLICATE },
        { { "x-amz-signature", "a", "policy", "e30=" },
          COS_E_INVALID_ARGUMENT },
        { { "q-ak", "a", "policy", "e30=" }, COS_E_INVALID_ARGUMENT },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        form_init(&x, cases[i].fields);
        assert_int_equal(cos_form_sig_parse(&x.f, &x.sig), cases[i].rc);
        cos_arena_free(x.arena);
    }
}


#define P(conditions)                                                         \
    "{\"expiration\":\"2030-01-01T00:00:00Z\",\"conditions\":[" conditions    \
    "]}"
#define BK  "{\"bucket\":\"b\"},[\"starts-with\",\"$key\",\"\"]"

static const struct {
    const char     *text;             /* of the policy */
    const char     *fields[12];       /* beside key=k */
    cos_err_e       s3;
    cos_err_e       cos;
} policies[] = {
    { P(BK), { NULL }, COS_OK, COS_OK },
    { P("{\"bucket\":\"b\"},{\"key\":\"k\"}"), { NULL }, COS_OK, COS_OK },
    { P("{\"BUCKET\":\"b\"},[\"EQ\",\"$Key\",\"k\"]"), { NULL }, COS_OK,
      COS_OK },
    { P("{\"bucket\":\"b\"}"), { NULL }, COS_E_ACCESS_DENIED,
      COS_E_ACCESS_DENIED },
    { P("{\"key\":\"k\"}"), { NULL }, COS_E_ACCESS_DENIED,
      COS_E_ACCESS_DENIED },
    { P(BK ",{\"key\":\"K\"}"), { NULL }, COS_E_ACCESS_DENIED,
      COS_E_ACCESS_DENIED },
    { P("[\"starts-with\",\"$bucket\",\"\"],{\"key\":\"k\"}"), { NULL },
      COS_OK, COS_OK },

    /* a field that no condition names */
    { P(BK), { "acl", "private" }, COS_E_ACCESS_DENIED, COS_E_ACCESS_DENIED },
    { P(BK), { "acl", "" }, COS_OK, COS_OK },
    { P(BK), { "bucket", "other" }, COS_OK, COS_OK },
    { P(BK), { "x-amz-meta-a", "" }, COS_E_ACCESS_DENIED,
      COS_E_ACCESS_DENIED },
    { P(BK), { "x-ignore-a", "b" }, COS_OK, COS_OK },
    { P(BK), { "submit", "Upload" }, COS_E_ACCESS_DENIED,
      COS_E_ACCESS_DENIED },
    { P(BK), { "content-type", "text/html" }, COS_E_ACCESS_DENIED, COS_OK },
    { P(BK), { "success_action_status", "200" }, COS_E_ACCESS_DENIED, COS_OK },
    { P(BK), { "success_action_redirect", "http://x/" }, COS_E_ACCESS_DENIED,
      COS_E_ACCESS_DENIED },
    { P(BK), { "x-amz-credential", "c" }, COS_E_ACCESS_DENIED,
      COS_E_ACCESS_DENIED },
    { P(BK), { "q-signature", "s", "q-ak", "a" }, COS_E_ACCESS_DENIED,
      COS_E_ACCESS_DENIED },
    { P(BK ",{\"q-ak\":\"a\"}"), { "q-signature", "s", "q-ak", "a" },
      COS_E_ACCESS_DENIED, COS_E_ACCESS_DENIED },
    { P(BK ",{\"q-ak\":\"a\"},{\"q-sign-time\":\"t\"}"),
      { "q-signature", "s", "q-ak", "a", "q-key-time", "t" }, COS_OK, COS_OK },
    { P(BK ",{\"q-ak\":\"a\"},{\"q-sign-time\":\"u\"}"),
      { "q-signature", "s", "q-ak", "a", "q-key-time", "t" },
      COS_E_ACCESS_DENIED, COS_E_ACCESS_DENIED },

    /* a condition on what is not there */
    { P(BK ",[\"starts-with\",\"$acl\",\"\"]"), { NULL },
      COS_E_ACCESS_DENIED, COS_E_ACCESS_DENIED },
    { P(BK ",[\"eq\",\"$acl\",\"\"]"), { "acl", "" }, COS_OK, COS_OK },

    /* lists of types */
    { P(BK ",[\"starts-with\",\"$Content-Type\",\"image/\"]"),
      { "content-type", "image/a, image/b" }, COS_OK, COS_OK },
    { P(BK ",[\"starts-with\",\"$Content-Type\",\"image/\"]"),
      { "content-type", "image/a,text/b" }, COS_E_ACCESS_DENIED,
      COS_E_ACCESS_DENIED },
    { P(BK ",[\"starts-with\",\"$Content-Type\",\"image/\"]"),
      { "content-type", "image/a," }, COS_E_ACCESS_DENIED,
      COS_E_ACCESS_DENIED },
    { P(BK ",[\"starts-with\",\"$x-amz-meta-a\",\"a\"]"),
      { "x-amz-meta-a", "a,b" }, COS_OK, COS_OK },

    /* escapes */
    { P(BK ",{\"x-amz-meta-a\":\"\\$\\\\$\\u00e4\"}"),
      { "x-amz-meta-a", "$\\$\xc3\xa4" }, COS_OK, COS_OK },
    { P(BK ",{\"x-amz-meta-a\":\"\\v\"}"), { "x-amz-meta-a", "\v" }, COS_OK,
      COS_OK },

    /* no policy at all */
    { "", { NULL }, COS_E_INVALID_POLICY, COS_E_INVALID_POLICY },
    { "{}", { NULL }, COS_E_INVALID_POLICY, COS_E_INVALID_POLICY },
    { "[]", { NULL }, COS_E_INVALID_POLICY, COS_E_INVALID_POLICY },
    { "x", { NULL }, COS_E_INVALID_POLICY, COS_E_INVALID_POLICY },
    { P("") , { NULL }, COS_E_INVALID_POLICY, COS_E_INVALID_POLICY },
    { P(BK) "x", { NULL }, COS_E_INVALID_POLICY, COS_E_INVALID_POLICY },
    { P(BK ",{}"), { NULL }, COS_E_INVALID_POLICY, COS_E_INVALID_POLICY },
    { P(BK ",{\"a\":1}"), { NULL }, COS_E_INVALID_POLICY,
      COS_E_INVALID_POLICY },
    { P(BK ",{\"a\":\"b\",\"c\":\"d\"}"), { NULL }, COS_E_INVALID_POLICY,
      COS_E_INVALID_POLICY },
    { P(BK ",[]"), { NULL }, COS_E_INVALID_POLICY, COS_E_INVALID_POLICY },
    { P(BK ",null"), { NULL }, COS_E_INVALID_POLICY, COS_E_INVALID_POLICY },
    { P(BK ",[\"eq\",\"$a\"]"), { NULL }, COS_E_INVALID_POLICY,
      COS_E_INVALID_POLICY },
    { P(BK ",[\"eq\",\"a\",\"b\"]"), { NULL }, COS_E_INVALID_POLICY,
      COS_E_INVALID_POLICY },
    { P(BK ",[\"eq\",\"$\",\"b\"]"), { NULL }, COS_E_INVALID_POLICY,
      COS_E_INVALID_POLICY },
    { P(BK ",[\"eq\",\"$a\",\"b\",\"c\"]"), { NULL }, COS_E_INVALID_POLICY,
      COS_E_INVALID_POLICY },
    { P(BK ",[\"ends-with\",\"$a\",\"b\"]"), { NULL }, COS_E_INVALID_POLICY,
      COS_E_INVALID_POLICY },
    { P(BK ",[\"content-length-range\",2,1]"), { NULL },
      COS_E_INVALID_POLICY, COS_E_INVALID_POLICY },
    { P(BK ",[\"content-length-range\",0,1.5]"), { NULL },
      COS_E_INVALID_POLICY, COS_E_INVALID_POLICY },
    /* what is invalid is invalid, whatever else does not hold */
    { P("{\"key\":\"x\"},{}"), { NULL }, COS_E_INVALID_POLICY,
      COS_E_INVALID_POLICY },
    { "{\"expiration\":\"2030-01-01T00:00:00Z\",\"conditions\":[" BK
      "],\"more\":1}", { NULL }, COS_E_INVALID_POLICY, COS_E_INVALID_POLICY },
    { "{\"expiration\":2030,\"conditions\":[" BK "]}", { NULL },
      COS_E_INVALID_POLICY, COS_E_INVALID_POLICY },
    { "{\"expiration\":\"2030\",\"conditions\":[" BK "]}", { NULL },
      COS_E_INVALID_POLICY, COS_E_INVALID_POLICY },
    { "{\"conditions\":[" BK "],\"conditions\":[" BK "],\"expiration\":"
      "\"2030-01-01T00:00:00Z\"}", { NULL }, COS_E_INVALID_POLICY,
      COS_E_INVALID_POLICY },
};


static void
test_policies(void **state)
{
    int         d;
    size_t      i;
    form_t      x;
    cos_err_e   rc, want;
    cos_buf_t   b;
    const char *key[] = { "key", "k", NULL };

    (void) state;

    for (i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        for (d = 0; d < 2; d++) {
            form_init(&x, policies[i].fields);
            set(&x, key[0], key[1]);
            cos_buf_init(&b, cos_arena_alloc(x.arena), 64);
            cos_base64(&b, policies[i].text, strlen(policies[i].text));
            cos_buf_char(&b, '\0');

            want = d ? policies[i].cos : policies[i].s3;
            rc = hold(&x, d ? COS_DIALECT_COS : COS_DIALECT_S3, "b",
                      (char *) b.data, 1700000000);

            if (rc != want) {
                fail_msg("policy %zu, dialect %d: %d, not %d: %s", i, d, rc,
                         want, policies[i].text);
            }

            assert_true((rc == COS_OK) == (x.p.reason == NULL));
            cos_arena_free(x.arena);
        }
    }
}


static void
test_ranges(void **state)
{
    form_t      x;
    cos_buf_t   b;
    const char *key[] = { "key", "k", NULL };

    static const char text[] =
        P(BK ",[\"content-length-range\",1,\"90\"],"
          "[\"Content-Length-Range\",5,100]");

    (void) state;

    form_init(&x, key);
    cos_buf_init(&b, cos_arena_alloc(x.arena), 64);
    cos_base64(&b, text, sizeof(text) - 1);
    cos_buf_char(&b, '\0');
    assert_int_equal(hold(&x, COS_DIALECT_S3, "b", (char *) b.data, 1),
                     COS_OK);
    assert_int_equal(x.p.min, 5);
    assert_int_equal(x.p.max, 90);
    cos_arena_free(x.arena);
}


/* A reason goes into the log: one line, whatever the policy says. */
static void
test_reason(void **state)
{
    form_t      x;
    cos_buf_t   b;
    const char *p, *key[] = { "key", "k", NULL };

    static const char text[] =
        P(BK ",{\"a\\n2024 [alert] forged\\u001b\\u00e4\":\"b\"}");

    (void) state;

    form_init(&x, key);
    cos_buf_init(&b, cos_arena_alloc(x.arena), 64);
    cos_base64(&b, text, sizeof(text) - 1);
    cos_buf_char(&b, '\0');
    assert_int_equal(hold(&x, COS_DIALECT_S3, "b", (char *) b.data, 1),
                     COS_E_ACCESS_DENIED);
    assert_non_null(strstr(x.p.reason, "a?2024 [alert] forged???"));

    for (p = x.p.reason; *p; p++) {
        assert_true(*p >= ' ' && *p < 0x7f);
    }

    cos_arena_free(x.arena);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cos),
        cmocka_unit_test(test_s3),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_policies),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_reason),
    };

    cos_hash_init();

    return cmocka_run_group_tests(tests, NULL, NULL);
}
