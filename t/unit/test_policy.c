/*
 * policy: what is read and refused, what is decided. The decision is held
 * against a slow one (policy_slow.h) on policies and requests made at random:
 * POLICY_CASES says how many.
 */

#define _GNU_SOURCE
#include "policy_slow.h"

#define S3(st)   "{\"Version\":\"2012-10-17\",\"Statement\":[" st "]}"
#define COS(st)  "{\"version\":\"2.0\",\"statement\":[" st "]}"
#define BUCKET   "\"Resource\":[\"arn:aws:s3:::b\",\"arn:aws:s3:::b/*\"]"


static const char  *why;


static cos_policy_t *
read_policy(const char *text, cos_policy_kind_e kind)
{
    cos_err_e            err;
    cos_policy_t        *p;
    cos_policy_where_t   where;

    memset(&where, 0, sizeof(where));
    where.kind = kind;
    where.bucket = kind == COS_POLICY_BUCKET ? str("b") : str("");
    where.owner = 1;
    err = cos_policy_read(&p, str(text), &where, mem, &why);
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
    a->foreign = q->foreign;
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
        "\"name/cos:HeadObject\"],\"Resource\":["
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

static uint32_t  seed = 12345;

static unsigned
dice(unsigned n)
{
    seed = seed * 1664525 + 1013904223;

    return (seed >> 8) % n;
}

#define PICK(list)  list[dice(N(list))]

static char  text[8][4096];


static void
add(char *out, const char *fmt, ...)
{
    va_list  ap;
    size_t   n = strlen(out);

    va_start(ap, fmt);
    vsnprintf(out + n, sizeof(text[0]) - n, fmt, ap);
    va_end(ap);
}


/* One or two of a list. */
static void
add_some(char *out, const char *const *list, unsigned n)
{
    if (dice(2)) {
        add(out, "\"%s\"", list[dice(n)]);

    } else {
        add(out, "[\"%s\",\"%s\"]", list[dice(n)], list[dice(n)]);
    }
}


static void
add_condition(char *out, int cos)
{
    unsigned  i;

    static const char *const  s3[] = {
        "\"IpAddress\":{\"aws:SourceIp\":[\"10.0.0.0/8\",\"1.2.3.4\"]}",
        "\"NotIpAddress\":{\"aws:SourceIp\":\"10.0.0.0/9\"}",
        "\"StringLike\":{\"s3:prefix\":[\"a*\",\"?b\"]}",
        "\"StringNotLike\":{\"s3:prefix\":\"a*\"}",
        "\"StringNotEquals\":{\"s3:ExistingObjectTag/k\":\"5\"}",
        "\"StringEqualsIfExists\":{\"s3:ExistingObjectTag/k\":\"5\"}",
        "\"NumericLessThan\":{\"s3:ExistingObjectTag/k\":\"6\"}",
        "\"Bool\":{\"aws:SecureTransport\":\"true\"}",
        "\"Null\":{\"aws:Referer\":\"true\"}",
        "\"ForAllValues:StringEquals\":{\"aws:Referer\":\"r\"}",
        "\"ForAnyValue:StringLike\":{\"aws:Referer\":\"r*\"}",
    };
    static const char *const  c2[] = {
        "\"ip_equal\":{\"qcs:ip\":[\"10.0.0.0/8\",\"1.2.3.4\"]}",
        "\"ip_not_equal\":{\"qcs:ip\":\"10.0.0.0/9\"}",
        "\"string_like\":{\"cos:prefix\":[\"a*\",\"?b\"]}",
        "\"string_not_equal\":{\"cos:prefix\":\"ab\"}",
        "\"string_equal_if_exist\":{\"cos:prefix\":\"ab\"}",
        "\"bool_equal\":{\"cos:secure-transport\":\"false\"}",
        "\"string_not_equal\":{\"cos:referer\":\"r\"}",
    };

    i = dice(cos ? N(c2) : N(s3));
    add(out, ",\"%s\":{%s}", cos ? "condition" : "Condition",
        cos ? c2[i] : s3[i]);
}


static void
add_s3(char *out, int user)
{
    static const char *const  actions[] = {
        "s3:GetObject", "s3:Get*", "s3:*", "*", "s3:PutObject", "s3:?*Object",
        "s3:ListBucket", "s3:DeleteObject*", "s3:GetObjectVersion",
        "s3:*Policy", "s3:*Bucket*"
    };
    static const char *const  resources[] = {
        "arn:aws:s3:::b", "arn:aws:s3:::b/*", "arn:aws:s3:::b/docs/*",
        "arn:aws:s3:::b/docs/?", "*", "arn:aws:s3:::b*", "arn:aws:s3:::*/*c*d"
    };
    static const char *const  who[] = {
        "1", "arn:aws:iam::1:root", "arn:aws:iam::2:root",
        "arn:aws:iam::1:user/bob", "arn:aws:iam::2:user/bob", "*"
    };
    int  deny = dice(3) == 0;

    add(out, "{\"Effect\":\"%s\"", deny ? "Deny" : "Allow");

    if (!user && (dice(3) || !deny)) {
        if (dice(3)) {
            add(out, ",\"Principal\":{\"AWS\":");
            add_some(out, who + 1, N(who) - 1);
            add(out, "}");
        } else {
            add(out, ",\"Principal\":\"*\"");
        }
    } else if (!user) {
        add(out, ",\"NotPrincipal\":{\"AWS\":");
        add_some(out, who + 1, N(who) - 1);
        add(out, "}");
    }

    add(out, ",\"%s\":", dice(6) ? "Action" : "NotAction");
    add_some(out, actions, N(actions));
    add(out, ",\"%s\":", dice(6) ? "Resource" : "NotResource");
    add_some(out, resources, N(resources));

    if (dice(2)) {
        add_condition(out, 0);
    }

    add(out, "}");
}


static void
add_cos(char *out, int user)
{
    static const char *const  actions[] = {
        "name/cos:GetObject", "cos:Get*", "name/cos:*", "*", "cos:PutObject",
        "cos:HeadObject", "name/cos:DeleteObject", "name/cos:GetBucket",
        "cos:DeleteMultipleObjects", "cos:*Policy"
    };
    static const char *const  resources[] = {
        "qcs::cos::uid/1:b", "qcs::cos::uid/1:b/*", "qcs::cos::uid/1:b/docs/*",
        "*", "qcs::cos::uid/1:b*", "qcs::cos::uid/1:*/*c*d",
        "qcs::cos::uid/1:b/docs/?"
    };
    static const char *const  who[] = {
        "qcs::cam::uin/1:uin/1", "qcs::cam::uin/2:uin/2",
        "qcs::cam::uin/1:uin/11", "qcs::cam::uin/2:uin/11",
        "qcs::cam::anyone:anyone", "qcs::cam::anonymous:anonymous"
    };

    add(out, "{\"effect\":\"%s\"", dice(3) ? "allow" : "deny");

    if (!user) {
        add(out, ",\"principal\":{\"qcs\":");
        add_some(out, who, N(who));
        add(out, "}");
    }

    add(out, ",\"action\":");
    add_some(out, actions, N(actions));
    add(out, ",\"resource\":");
    add_some(out, resources, N(resources));

    if (dice(2)) {
        add_condition(out, 1);
    }

    add(out, "}");
}


static char *
make_policy(int slot, int user)
{
    int       cos = (int) dice(2);
    char     *out = text[slot];
    unsigned  i, n = 1 + dice(4);

    out[0] = '\0';
    add(out, cos ? "{\"version\":\"2.0\",\"statement\":["
                 : "{\"Version\":\"2012-10-17\",\"Statement\":[");

    for (i = 0; i < n; i++) {
        if (i) {
            add(out, ",");
        }

        if (cos) {
            add_cos(out, user);
        } else {
            add_s3(out, user);
        }
    }

    add(out, "]}");

    return out;
}


static void
make_ask(slow_ask_t *q)
{
    static const char *const    keys[] = {
        "", "docs/a", "docs/?", "docs/ab", "abcd", "c/d", "docs/*", "c"
    };
    static const char *const    ips[] = { "10.1.1.1", "10.200.0.1", "1.2.3.4" };
    static const char *const    words[] = { NULL, "ab", "bb", "r", "5", "7" };
    static const cos_action_e   actions[] = {
        COS_ACT_GET, COS_ACT_GET_VERSION, COS_ACT_HEAD, COS_ACT_PUT,
        COS_ACT_DELETE, COS_ACT_DELETE_MANY, COS_ACT_DELETE_MANY_VERSION,
        COS_ACT_LIST, COS_ACT_GET_POLICY, COS_ACT_PUT_POLICY,
        COS_ACT_APPEND, COS_ACT_DELETE_BUCKET
    };

    memset(q, 0, sizeof(*q));
    q->who.known = dice(5) != 0;

    if (q->who.known) {
        q->who.uid = 1 + dice(2);
        q->who.sub = dice(2) ? 11 : 0;
        q->who.name = str(q->who.sub ? "bob" : "main");
    }

    q->account = 1;
    q->foreign = dice(8) == 0;
    q->left = dice(8) == 0;
    q->action = PICK(actions);
    q->bucket = "b";
    q->key = PICK(keys);
    q->ip = PICK(ips);
    q->tls = (int) dice(2);
    q->prefix = PICK(words);
    q->tag = PICK(words);
    q->referer = PICK(words);

    if (cos_action_info(q->action)->level == COS_LEVEL_BUCKET) {
        q->key = "";
    }
}


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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
