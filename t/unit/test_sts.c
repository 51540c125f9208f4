/*
 * Requests for temporary credentials: which API they are in, what they ask for,
 * what is refused, and whose signature proves them. The signatures here were
 * made by other programs from the descriptions of both clouds.
 */

#include "auth_request.h"
#include "cos_sts.h"

#define NOW     1700000000
#define SECRET  "secret"
#define HOST    "sts.example.com"
#define FORM    "application/x-www-form-urlencoded"
#define V4      "AWS4-HMAC-SHA256 Credential=AKID/20231114/us-east-1/sts/"      \
                "aws4_request, SignedHeaders=host;x-amz-date, Signature=00"
#define TC3     "TC3-HMAC-SHA256 Credential=AKID/2023-11-14/sts/tc3_request, "  \
                "SignedHeaders=content-type;host, Signature="
#define TENCENT "SecretId=AKID&Timestamp=1700000000&Nonce=1&Signature=x&"

static cos_sts_t   s;
static cos_sig_t   sig;
static req_t       r;
static built_t     built;


static int
begin(void **state)
{
    return cos_hash_init() != 0 || setup(state) != 0;
}


/* auth, action: values of headers; NULL: none */
static cos_err_e
parse(const char *body, const char *type, const char *auth, const char *action)
{
    req_init(&r, "POST", "/", NULL);
    req_header(&r, "host", HOST);
    req_header(&r, "x-amz-date", "20231114T221320Z");
    req_header(&r, "x-tc-timestamp", "1700000000");
    req_header(&r, "content-type", type);

    if (auth) {
        req_header(&r, "authorization", auth);
    }

    if (action) {
        req_header(&r, "x-tc-action", action);
    }

    build(&built, &r);

    return cos_sts_parse(&s, &built.http, str(body), &sig, built.a);
}


static void
test_asked(void **state)
{
    size_t  i;

    static const struct {
        const char        *body, *type, *auth, *header;
        cos_sts_api_e      api;
        cos_sts_action_e   action;
        const char        *name, *policy;
        uint64_t           duration;
    } cases[] = {
        { "Action=GetSessionToken&Version=2011-06-15", FORM, V4, NULL,
          COS_STS_AWS, COS_STS_SESSION_TOKEN, "", "", 0 },
        { "Action=AssumeRole&RoleSessionName=a%40b.c&RoleArn=any"
          "&DurationSeconds=900&Policy=%7B%7D", FORM, V4, NULL,
          COS_STS_AWS, COS_STS_ASSUME_ROLE, "a@b.c", "{}", 900 },
        /* encoded once: a text that begins with '%' stays what it is */
        { "Action=GetFederationToken&Name=me&Policy=%257B%257D", FORM, V4, NULL,
          COS_STS_AWS, COS_STS_FEDERATION_TOKEN, "me", "%7B%7D", 0 },
        { TENCENT "Action=GetFederationToken&Name=me&Policy=%257B%257D", FORM,
          NULL, NULL, COS_STS_TENCENT, COS_STS_FEDERATION_TOKEN, "me", "{}", 0 },
        { TENCENT "Action=AssumeRole&RoleSessionName=me&DurationSeconds=7200",
          FORM, NULL, NULL, COS_STS_TENCENT, COS_STS_ASSUME_ROLE, "me", "",
          7200 },
        { "{\"Name\":\"me\",\"Policy\":\"%7B%7D\",\"DurationSeconds\":60}",
          "application/json", TC3 "00", "GetFederationToken", COS_STS_TENCENT,
          COS_STS_FEDERATION_TOKEN, "me", "{}", 60 },
    };

    for (i = 0; i < N(cases); i++) {
        assert_int_equal(parse(cases[i].body, cases[i].type, cases[i].auth,
                               cases[i].header), COS_OK);
        assert_int_equal(s.api, cases[i].api);
        assert_int_equal(s.action, cases[i].action);
        assert_true(cos_str_is(s.name, cases[i].name));
        assert_true(cos_str_is(s.policy, cases[i].policy));
        assert_int_equal(s.duration, cases[i].duration);
        assert_true(cos_str_is(sig.access_key, "AKID"));
        cos_arena_free(built.arena);
    }

    (void) state;
}


static void
test_refused(void **state)
{
    size_t  i;

    static const struct {
        const char  *body, *type, *auth, *header;
        cos_err_e    err;
    } cases[] = {
        { "", FORM, V4, NULL, COS_E_INVALID_ARGUMENT },
        { "Version=2011-06-15", FORM, V4, NULL, COS_E_INVALID_ARGUMENT },
        { "Action=GetCallerIdentity", FORM, V4, NULL, COS_E_NOT_IMPLEMENTED },
        { "Action=GetSessionToken&TokenCode=1", FORM, V4, NULL,
          COS_E_NOT_IMPLEMENTED },
        { "Action=GetSessionToken&Action=AssumeRole", FORM, V4, NULL,
          COS_E_INVALID_ARGUMENT },
        { "Action=AssumeRole", FORM, V4, NULL, COS_E_INVALID_ARGUMENT },
        { "Action=AssumeRole&RoleSessionName=m", FORM, V4, NULL,
          COS_E_INVALID_ARGUMENT },
        { "Action=AssumeRole&RoleSessionName=a%20b", FORM, V4, NULL,
          COS_E_INVALID_ARGUMENT },
        { "Action=AssumeRole&RoleSessionName=me%00", FORM, V4, NULL,
          COS_E_INVALID_ARGUMENT },
        { "Action=AssumeRole&RoleSessionName=me&Name=you", FORM, V4, NULL,
          COS_E_INVALID_ARGUMENT },
        { "Action=GetSessionToken&DurationSeconds=0", FORM, V4, NULL,
          COS_E_INVALID_ARGUMENT },
        { "Action=GetSessionToken&DurationSeconds=-1", FORM, V4, NULL,
          COS_E_INVALID_ARGUMENT },
        { "Action=GetSessionToken&Policy=a&Policy=b", FORM, V4, NULL,
          COS_E_INVALID_ARGUMENT },
        { "Action=GetSessionToken", FORM, "AWS AKID:00", NULL,
          COS_E_AUTH_UNSUPPORTED },
        { "{}", "application/json", V4, NULL, COS_E_INVALID_ARGUMENT },
        { TENCENT "Action=GetSessionToken", FORM, NULL, NULL,
          COS_E_NOT_IMPLEMENTED },
        { TENCENT "Action=GetFederationToken&Name=me", FORM, NULL, NULL,
          COS_E_INVALID_ARGUMENT },
        { TENCENT "Action=GetFederationToken&Name=me&Policy=%25zz", FORM, NULL,
          NULL, COS_E_INVALID_ARGUMENT },
        /* would be signed like two fields */
        { TENCENT "Action=AssumeRole&RoleSessionName=me&Region=a%26b", FORM,
          NULL, NULL, COS_E_INVALID_ARGUMENT },
        { "SecretId=AKID&Signature=x&Action=AssumeRole", FORM, NULL, NULL,
          COS_E_INVALID_ARGUMENT },
        { "SecretId=AKID&Timestamp=1700000000&Signature=&Action=AssumeRole",
          FORM, NULL, NULL, COS_E_INVALID_ARGUMENT },
        { "[]", "application/json", TC3 "00", "AssumeRole",
          COS_E_INVALID_ARGUMENT },
        { "{\"Name\":\"me\",\"Name\":\"you\"}", "application/json", TC3 "00",
          "AssumeRole", COS_E_INVALID_ARGUMENT },
        { "{\"Name\":true}", "application/json", TC3 "00", "AssumeRole",
          COS_E_INVALID_ARGUMENT },
        { "{\"Name\":\"me\",\"Tags\":\"x\"}", "application/json", TC3 "00",
          "AssumeRole", COS_E_NOT_IMPLEMENTED },
        { "{\"Name\":\"me\",\"DurationSeconds\":-5}", "application/json",
          TC3 "00", "AssumeRole", COS_E_INVALID_ARGUMENT },
        { "{}", "application/json", "TC3-HMAC-SHA256 Credential=AKID", NULL,
          COS_E_AUTH_HEADER_MALFORMED },
    };

    (void) state;

    for (i = 0; i < N(cases); i++) {
        cos_err_e  err = parse(cases[i].body, cases[i].type, cases[i].auth,
                               cases[i].header);

        if (err != cases[i].err) {
            fail_msg("%s: %d", cases[i].body, err);
        }

        assert_true(s.reason || (err != COS_E_INVALID_ARGUMENT
                                 && err != COS_E_NOT_IMPLEMENTED));
        cos_arena_free(built.arena);
    }
}


static void
verifies(const char *body, const char *type, const char *auth,
    const char *action)
{
    assert_int_equal(parse(body, type, auth, action), COS_OK);
    assert_int_equal(cos_sts_verify(&s, &built.http, &sig, str(SECRET), NOW,
                                    built.a), COS_OK);
    assert_int_equal(cos_sts_verify(&s, &built.http, &sig, str("other"), NOW,
                                    built.a), COS_E_SIGNATURE_MISMATCH);
    assert_int_equal(cos_sts_verify(&s, &built.http, &sig, str(""), NOW,
                                    built.a), COS_E_SIGNATURE_MISMATCH);
    assert_int_equal(cos_sts_verify(&s, &built.http, &sig, str(SECRET),
                                    NOW + 901, built.a),
                     COS_E_TIME_SKEWED);
    cos_arena_free(built.arena);
}


static void
test_proved(void **state)
{
    (void) state;
    verifies("SecretId=AKID&Timestamp=1700000000&Nonce=1&Action=AssumeRole"
             "&RoleSessionName=me&Signature=n3rhDcvj4KtWmOCLdqlzDG1ElLY%3D", FORM, NULL, NULL);
    verifies("SecretId=AKID&Timestamp=1700000000&Nonce=1&Action=AssumeRole"
             "&RoleSessionName=me&SignatureMethod=HmacSHA256"
             "&Signature=lEjLLjyJcIJdDpAZUrpLk0xmF3QVuRqmnz9n2l0q18A%3D", FORM, NULL, NULL);
    verifies("{\"Name\":\"me\",\"Policy\":\"{}\"}", "application/json",
             TC3 "0a66163e0b3f17489a3d6c2b5b7ad599"
             "61f549a42e4e0938b17c4cbfd1f57628",
             "GetFederationToken");
}


static void
test_duration(void **state)
{
    size_t  i;

    static const struct {
        cos_sts_api_e     api;
        cos_sts_action_e  action;
        uint64_t          asked, account, user;
    } cases[] = {
        { COS_STS_AWS, COS_STS_SESSION_TOKEN, 0, 3600, 43200 },
        { COS_STS_AWS, COS_STS_SESSION_TOKEN, 899, 0, 0 },
        { COS_STS_AWS, COS_STS_SESSION_TOKEN, 900, 900, 900 },
        { COS_STS_AWS, COS_STS_FEDERATION_TOKEN, 129600, 3600, 129600 },
        { COS_STS_AWS, COS_STS_FEDERATION_TOKEN, 129601, 0, 0 },
        { COS_STS_AWS, COS_STS_ASSUME_ROLE, 0, 3600, 3600 },
        { COS_STS_AWS, COS_STS_ASSUME_ROLE, 43200, 43200, 43200 },
        { COS_STS_AWS, COS_STS_ASSUME_ROLE, 43201, 0, 0 },
        { COS_STS_TENCENT, COS_STS_FEDERATION_TOKEN, 0, 1800, 1800 },
        { COS_STS_TENCENT, COS_STS_FEDERATION_TOKEN, 1, 1, 1 },
        { COS_STS_TENCENT, COS_STS_FEDERATION_TOKEN, 7201, 0, 7201 },
        { COS_STS_TENCENT, COS_STS_FEDERATION_TOKEN, 129601, 0, 0 },
    };

    (void) state;

    for (i = 0; i < N(cases); i++) {
        memset(&s, 0, sizeof(s));
        s.api = cases[i].api;
        s.action = cases[i].action;
        s.duration = cases[i].asked;
        assert_int_equal(cos_sts_duration(&s, 1), cases[i].account);
        assert_int_equal(cos_sts_duration(&s, 0), cases[i].user);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_asked, begin, teardown),
        cmocka_unit_test_setup_teardown(test_refused, begin, teardown),
        cmocka_unit_test_setup_teardown(test_proved, begin, teardown),
        cmocka_unit_test_setup_teardown(test_duration, begin, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
