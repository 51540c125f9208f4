/*
 * policy: what is read and refused, what is decided. The decision is held
 * against a slow one (policy_slow.h) on policies and requests made at random:
 * POLICY_CASES says how many.
 */

#define _GNU_SOURCE
#include "policy_gen.h"

#define S3(st)   "{\"Version\":\"2012-10-17\",\"Statement\":[" st "]}"
#define COS(st)  "{\"version\":\"2.0\",\"statement\":[" st "]}"
#define BUCKET   "\"Resource\":[\"arn:aws:s3:::b\",\"arn:aws:s3:::b/*\"]"


static const char  *why;


static cos_policy_t *
read_policy(const char *s, cos_policy_kind_e kind)
{
    cos_err_e            err;
    cos_policy_t        *p;
    cos_policy_where_t   where;

    memset(&where, 0, sizeof(where));
    where.kind = kind;
    where.bucket = kind == COS_POLICY_BUCKET ? str("b") : str("");
    where.owner = 1;
    err = cos_policy_read(&p, str(s), &where, mem, &why);
    assert_true(err == COS_OK || (err == COS_E_MALFORMED_POLICY && why));

    return err == COS_OK ? p : NULL;
}


static int
get_value(void *data, const cos_policy_key_t *key, cos_str_t *v)
{
    const char        *s;
    const slow_ask_t  *q = data;

    switch (key->id) {
    case COS_KEY_QUERY:
        s = q->prefix;
        break;
    case COS_KEY_EXISTING_TAG:
        s = q->tag;
        break;
    default:
        s = q->referer;
    }

    if (s) {
        v[0] = str(s);
    }

    return s != NULL;
}


static void
ask_of(cos_policy_ask_t *a, slow_ask_t *q)
{
    memset(a, 0, sizeof(*a));
    a->who = &q->who;
    a->action = q->action;
    a->account = q->account;
    a->foreign = q->foreign != 0;
    a->governed = q->governed != 0;
    a->left = q->left;
    a->bucket = str(q->bucket);
    a->key = str(q->key);
    a->tls = q->tls;
    a->now = 1700000000;
    a->get = get_value;
    a->data = q;
    assert_int_equal(cos_ip_parse(&a->ip, str(q->ip)), 0);
}


/* --- what is read --------------------------------------------------------------- */

static void
test_read(void **state)
{
    size_t  i;

    static const char *const  good[] = {
        S3("{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"s3:*\","
           BUCKET "}"),
        S3("{\"Effect\":\"Deny\",\"NotPrincipal\":{\"AWS\":\"1\"},"
           "\"NotAction\":\"s3:GetObject\",\"NotResource\":"
           "\"arn:aws:s3:::b/x\"}"),
        "{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":"
        "\"arn:aws:iam::1:user/path/bob\"},\"Action\":[\"s3:get*\"],"
        "\"Resource\":\"arn:aws:s3:::*/*\"}}",
        /* every operator of S3 */
        S3("{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"s3:*\","
           BUCKET ",\"Condition\":{\"StringEqualsIgnoreCaseIfExists\":"
           "{\"s3:prefix\":\"a\"},\"StringNotEqualsIgnoreCase\":"
           "{\"s3:prefix\":\"a\"},\"StringNotLike\":{\"s3:prefix\":\"a\"},"
           "\"NumericGreaterThanEquals\":{\"s3:max-keys\":5},"
           "\"NumericNotEquals\":{\"s3:max-keys\":\"5.5\"},"
           "\"DateGreaterThan\":{\"aws:CurrentTime\":"
           "\"2020-01-01T00:00:00Z\"},\"DateNotEquals\":"
           "{\"aws:EpochTime\":1700000000},\"Bool\":"
           "{\"aws:SecureTransport\":true},\"BinaryEquals\":"
           "{\"s3:x-amz-foo\":\"YWJj\"},\"NotIpAddress\":"
           "{\"aws:SourceIp\":[\"::1/128\",\"10.0.0.0/8\"]},\"ArnNotLike\":"
           "{\"aws:PrincipalArn\":\"arn:aws:iam::1:*\"},\"Null\":"
           "{\"s3:VersionId\":\"true\"},\"ForAllValues:StringLike\":"
           "{\"s3:RequestObjectTagKeys\":[\"a*\"]}}}"),
        /* and of COS, keys with either first letter */
        COS("{\"Effect\":\"Allow\",\"principal\":{\"qcs\":["
            "\"qcs::cam::uin/1:uin/2\"]},\"Action\":\"name/cos:Get*\","
            "\"resource\":\"*\",\"Condition\":{\"ip_not_equal\":"
            "{\"qcs:ip\":\"10.1.1.1\"},\"string_like_if_exist\":"
            "{\"cos:x-cos-acl\":\"p*\"},\"numeric_less_than_equal\":"
            "{\"cos:content-length\":10},\"bool_equal\":"
            "{\"cos:secure-transport\":\"true\"},\"string_not_equal\":"
            "{\"cos:response-content-type\":\"a\"}}}"),
        COS("{\"effect\":\"DENY\",\"principal\":\"*\",\"action\":\"cos:*\","
            "\"resource\":[\"qcs::cos:ap-x:uid/1:b/a*\",\"qcs::cos:::b\"]}"),
    };

    (void) state;

    for (i = 0; i < N(good); i++) {
        if (read_policy(good[i], COS_POLICY_BUCKET) == NULL) {
            fail_msg("%s\n%s", good[i], why);
        }
    }
}


static void
test_refused(void **state)
{
    size_t  i;

#define ST(more)  S3("{\"Effect\":\"Allow\",\"Principal\":\"*\"," more "}")
    static const char *const  bad[] = {
        "", "null", "[]", "{", "{}", "{\"Version\":\"2012-10-17\"}", S3(""),
        S3("1"), "{\"Version\":\"2.1\",\"Statement\":[]}",
        "{\"version\":\"2012-10-17\",\"Statement\":[]}",
        ST("\"Action\":\"s3:*\",\"Action\":\"s3:*\"," BUCKET),
        ST("\"Action\":[]," BUCKET), ST("\"Action\":1," BUCKET),
        ST("\"Action\":\"s3:\"," BUCKET), ST("\"Action\":\"-\"," BUCKET),
        ST("\"Action\":\"s3:GetObjects\"," BUCKET),
        ST("\"Action\":\"s3:*\",\"NotAction\":\"s3:*\"," BUCKET),
        ST("\"Action\":\"s3:*\",\"Resource\":\"b\""),
        ST("\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::c/*\""),
        ST("\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::b/${aws:x}\""),
        ST("\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::\""),
        ST("\"Action\":\"s3:ListBucket\",\"Resource\":\"arn:aws:s3:::b/*\""),
        ST("\"Action\":\"s3:*\"," BUCKET ",\"Condition\":[]"),
        ST("\"Action\":\"s3:*\"," BUCKET ",\"Condition\":{\"Bool\":1}"),
        ST("\"Action\":\"s3:*\"," BUCKET ",\"Condition\":{\"NullIfExists\":"
           "{\"s3:prefix\":\"true\"}}"),
        ST("\"Action\":\"s3:*\"," BUCKET ",\"Condition\":{\"IpAddress\":"
           "{\"s3:prefix\":\"1.1.1.1\"}}"),
        ST("\"Action\":\"s3:*\"," BUCKET ",\"Condition\":{\"IpAddress\":"
           "{\"aws:SourceIp\":\"1.1.1.1/\"}}"),
        ST("\"Action\":\"s3:*\"," BUCKET ",\"Condition\":{\"NumericEquals\":"
           "{\"s3:max-keys\":\"0x10\"}}"),
        ST("\"Action\":\"s3:*\"," BUCKET ",\"Condition\":{\"StringEquals\":"
           "{\"s3:prefix\":{}}}"),
        ST("\"Action\":\"s3:*\"," BUCKET ",\"Condition\":{\"StringEquals\":"
           "{\"cos:prefix\":\"a\"}}"),
        S3("{\"Effect\":\"Allow\",\"NotPrincipal\":\"*\",\"Action\":\"s3:*\","
           BUCKET "}"),
        S3("{\"Effect\":\"Allow\",\"Principal\":{},\"Action\":\"s3:*\","
           BUCKET "}"),
        S3("{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"x\"},"
           "\"Action\":\"s3:*\"," BUCKET "}"),
        S3("{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":"
           "\"arn:aws:iam::1:role/x\"},\"Action\":\"s3:*\"," BUCKET "}"),
        COS("{\"effect\":\"allow\",\"Effect\":\"deny\",\"principal\":\"*\","
            "\"action\":\"*\",\"resource\":\"*\"}"),
        COS("{\"effect\":\"allow\",\"principal\":{\"qcs\":"
            "\"qcs::cam::uin/1:uin/*\"},\"action\":\"*\",\"resource\":\"*\"}"),
        COS("{\"effect\":\"allow\",\"principal\":\"*\",\"action\":"
            "\"name/cos:getObject\",\"resource\":\"*\"}"),
    };

    (void) state;

    for (i = 0; i < N(bad); i++) {
        if (read_policy(bad[i], COS_POLICY_BUCKET) != NULL) {
            fail_msg("accepted: %s", bad[i]);
        }
    }

    assert_null(read_policy(ST("\"Action\":\"s3:*\"," BUCKET),
                            COS_POLICY_USER));
}


/* --- the guide's examples --------------------------------------------------------- */

static void
test_examples(void **state)
{
    size_t              i;
    slow_ask_t          q;
    cos_decision_t      d;
    cos_policy_t       *p;
    cos_policy_ask_t    ask;
    cos_policy_rules_t  rules;

    /* cos-api.md 10.4: a sub-account, from two networks */
    static const char  guide[] = COS(
        "{\"Sid\":\"s1\",\"Effect\":\"allow\",\"Principal\":{\"qcs\":"
        "[\"qcs::cam::uin/1:uin/11\"]},\"Action\":[\"name/cos:GetObject\","
        "\"name/cos:HeadObject\",\"name/cos:ListMultipartUploads\"],\"Resource\":["
        "\"qcs::cos:ap-beijing:uid/1:b/docs/*\"],\"Condition\":{"
        "\"ip_equal\":{\"qcs:ip\":[\"10.1.1.0/24\",\"10.2.2.2\"]}}}");
    static const struct {
        uint64_t      uid, sub;
        cos_action_e  action;
        const char   *key, *ip;
        int           allowed;
    } cases[] = {
        { 1, 11, COS_ACT_GET, "docs/a", "10.1.1.7", 1 },
        { 1, 11, COS_ACT_HEAD, "docs/", "10.2.2.2", 1 },
        { 1, 11, COS_ACT_GET_VERSION, "docs/a", "10.1.1.7", 1 },
        { 1, 11, COS_ACT_GET, "docs/a", "10.1.2.7", 0 },
        { 1, 11, COS_ACT_GET, "other", "10.1.1.7", 0 },
        { 1, 11, COS_ACT_PUT, "docs/a", "10.1.1.7", 0 },
        { 1, 11, COS_ACT_LIST_UPLOADS, "docs/a", "10.1.1.7", 1 },
        { 1, 11, COS_ACT_LIST_UPLOADS, "other", "10.1.1.7", 0 },
        { 1, 11, COS_ACT_LIST_UPLOADS, "", "10.1.1.7", 0 },
        { 1, 11, COS_ACT_LIST, "", "10.1.1.7", 0 },
        { 1, 12, COS_ACT_GET, "docs/a", "10.1.1.7", 0 },
        { 2, 11, COS_ACT_GET, "docs/a", "10.1.1.7", 0 },
        { 1, 0, COS_ACT_PUT, "docs/a", "10.9.9.9", 1 },
        { 0, 0, COS_ACT_GET, "docs/a", "10.1.1.7", 0 },
    };

    (void) state;
    p = read_policy(guide, COS_POLICY_BUCKET);
    assert_non_null(p);
    memset(&rules, 0, sizeof(rules));
    rules.bucket = p;

    for (i = 0; i < N(cases); i++) {
        memset(&q, 0, sizeof(q));
        q.who.known = cases[i].uid != 0;
        q.who.uid = cases[i].uid;
        q.who.sub = cases[i].sub;
        q.account = 1;
        q.action = cases[i].action;
        q.bucket = "b";
        q.key = cases[i].key;
        q.ip = cases[i].ip;
        ask_of(&ask, &q);
        ask.region = str("ap-beijing");
        cos_decide(&d, &ask, &rules);

        if ((int) d.allowed != cases[i].allowed) {
            fail_msg("example %zu", i);
        }
    }

    assert_int_equal(cos_policy_count(p), 1);
    assert_true(cos_str_is(cos_policy_sid(p, 0), "s1"));
}


/* --- at random ----------------------------------------------------------------------- */

/* Requests of which each policy judges several. */
static void
judge_some(const char *b, const char *u, const char *s, cos_policy_t *bucket,
    cos_policy_t *user, cos_policy_t *session)
{
    int                  i, want;
    slow_ask_t           q;
    cos_decision_t       d;
    cos_policy_ask_t     ask;
    cos_policy_rules_t   rules;
    const cos_policy_t  *users[1];

    for (i = 0; i < 10; i++) {
        make_ask(&q);
        ask_of(&ask, &q);
        memset(&rules, 0, sizeof(rules));
        users[0] = user;
        rules.bucket = bucket;
        rules.user = users;
        rules.nuser = user && q.who.known && q.who.sub;
        rules.session = session;
        rules.acl = dice(3);
        rules.restricted = dice(4) == 0;

        if (!q.who.known && rules.acl == COS_GRANT_ACCOUNT) {
            rules.acl = COS_GRANT_NONE;
        }

        want = slow_decide(&q, b, rules.nuser ? u : NULL, session ? s : NULL,
                           (int) rules.acl, rules.restricted,
                           bucket && cos_policy_is_public(bucket));
        cos_decide(&d, &ask, &rules);

        if ((int) d.allowed != want) {
            fail_msg("want %d, by %d statement %d\nbucket %s\nuser %s\n"
                     "session %s\nuid %d sub %d known %d foreign %d left %d %s key %s "
                     "ip %s tls %d prefix %s tag %s referer %s acl %d", want,
                     d.by, d.statement, b, u, s, (int) q.who.uid,
                     (int) q.who.sub, q.who.known, q.foreign,
                     q.left,
                     cos_action_info(q.action)->s3, q.key, q.ip, q.tls,
                     q.prefix, q.tag, q.referer, rules.acl);
        }
    }
}


static void
test_random(void **state)
{
    long           i, cases, compiled;
    char          *b, *u, *s;
    cos_policy_t  *bucket, *user, *session;

    cases = getenv("POLICY_CASES") ? atol(getenv("POLICY_CASES")) : 100000;
    seed = getenv("POLICY_SEED") ? (uint32_t) atol(getenv("POLICY_SEED")) : 1;

    for (i = 0, compiled = 0; i < cases; i += 10) {
        teardown(state);
        setup(state);
        b = make_policy(0, 0);
        u = make_policy(1, 1);
        s = make_policy(2, 1);
        bucket = read_policy(b, COS_POLICY_BUCKET);
        user = read_policy(u, COS_POLICY_USER);
        session = dice(4) ? NULL : read_policy(s, COS_POLICY_USER);

        compiled += bucket != NULL;
        judge_some(bucket ? b : NULL, user ? u : NULL, s, bucket, user,
                   session);
    }

    /* most of what is made up can be read */
    assert_true(compiled * 10 > cases / 2);
}


/* Whoever has a temporary credential may do nothing that its parent, asking the
 * same, may not. Both happen: what the session keeps, and what it takes. */
static void
test_session_narrows(void **state)
{
    int                  kept = 0, taken = 0, i, n;
    slow_ask_t           q;
    cos_decision_t       parent, child;
    const cos_policy_t  *user;
    cos_policy_ask_t     ask;
    cos_policy_rules_t   rules, wide;

    seed = getenv("POLICY_SEED") ? (uint32_t) atol(getenv("POLICY_SEED")) : 2;

    for (n = 0; n < 20000; n++) {
        teardown(state);
        setup(state);
        memset(&rules, 0, sizeof(rules));
        rules.bucket = read_policy(make_policy(0, 0), COS_POLICY_BUCKET);
        user = read_policy(make_policy(1, 1), COS_POLICY_USER);
        rules.user = &user;
        rules.session = read_policy(make_policy(2, 1), COS_POLICY_USER);

        for (i = 0; rules.session && i < 5; i++) {
            make_ask(&q);
            q.who.known = 1;          /* a credential always is somebody's */
            q.who.uid = q.who.uid ? q.who.uid : 1;
            ask_of(&ask, &q);
            rules.nuser = user && q.who.sub;
            rules.acl = dice(3);
            rules.restricted = dice(4) == 0;
            cos_decide(&child, &ask, &rules);

            wide = rules;
            wide.session = NULL;
            cos_decide(&parent, &ask, &wide);
            assert_true(parent.allowed || !child.allowed);
            kept += child.allowed;
            taken += parent.allowed && !child.allowed;
        }
    }

    assert_true(kept > 1000 && taken > 1000);
}


/* What a condition needs and cannot be had is not allowed. */
static int
get_nothing(void *data, const cos_policy_key_t *key, cos_str_t *v)
{
    (void) data;
    (void) key;
    (void) v;

    return -1;
}


static void
test_errors(void **state)
{
    char                key[3000];
    slow_ask_t          q;
    cos_decision_t      d;
    cos_policy_ask_t    ask;
    cos_policy_rules_t  rules;

    (void) state;
    memset(&q, 0, sizeof(q));
    q.who.known = 1;
    q.who.uid = 1;
    q.account = 1;
    q.action = COS_ACT_GET;
    q.bucket = "b";
    q.key = "k";
    q.ip = "10.1.1.1";
    ask_of(&ask, &q);
    ask.get = get_nothing;
    memset(&rules, 0, sizeof(rules));
    rules.bucket = read_policy(S3("{\"Effect\":\"Deny\",\"Principal\":\"*\","
        "\"Action\":\"s3:*\"," BUCKET ",\"Condition\":{\"StringEquals\":"
        "{\"aws:Referer\":\"x\"}}}"), COS_POLICY_BUCKET);
    cos_decide(&d, &ask, &rules);
    assert_false(d.allowed);
    assert_int_equal(d.by, COS_BY_ERROR);

    /* a key that no object can have */
    memset(key, 'a', sizeof(key));
    ask.key = (cos_str_t) { sizeof(key), (cos_u8 *) key };
    rules.bucket = NULL;
    cos_decide(&d, &ask, &rules);
    assert_false(d.allowed);
}


static void
test_public(void **state)
{
    size_t  i;

#define PUB(more)  S3("{\"Effect\":\"Allow\",\"Principal\":\"*\","            \
    "\"Action\":\"s3:*\"," BUCKET more "}")
#define IP(list)   PUB(",\"Condition\":{\"IpAddress\":{\"aws:SourceIp\":" list \
    "}}")
    static const struct {
        const char  *text;
        int          is_public;
    } cases[] = {
        { PUB(""), 1 },
        { IP("\"8.8.8.8\""), 0 },
        { IP("[\"8.8.8.8\",\"0.0.0.0/0\"]"), 1 },
        { IP("\"8.0.0.0/7\""), 1 },
        { IP("\"10.0.0.0/8\""), 0 },
        { IP("\"::/0\""), 1 },
        { IP("\"2001:db8::/32\""), 0 },
        { PUB(",\"Condition\":{\"IpAddressIfExists\":{\"aws:SourceIp\":"
              "\"8.8.8.8\"}}"), 1 },
        { PUB(",\"Condition\":{\"StringEquals\":{\"aws:SourceVpc\":\"v\"}}"),
          0 },
        { PUB(",\"Condition\":{\"StringLike\":{\"aws:SourceVpc\":\"*\"}}"),
          1 },
        { PUB(",\"Condition\":{\"StringEquals\":{\"aws:Referer\":\"v\"}}"),
          1 },
        { S3("{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"s3:*\","
             BUCKET "}"), 0 },
        { S3("{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"7\"},"
             "\"Action\":\"s3:*\"," BUCKET "}"), 0 },
        { COS("{\"effect\":\"allow\",\"principal\":{\"qcs\":"
              "\"qcs::cam::anonymous:anonymous\"},\"action\":\"cos:*\","
              "\"resource\":\"*\"}"), 1 },
    };

    (void) state;

    for (i = 0; i < N(cases); i++) {
        if (cos_policy_is_public(read_policy(cases[i].text,
                                             COS_POLICY_BUCKET))
            != cases[i].is_public)
        {
            fail_msg("%s", cases[i].text);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_examples, setup, teardown),
        cmocka_unit_test_setup_teardown(test_public, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random, setup, teardown),
        cmocka_unit_test_setup_teardown(test_session_narrows, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
