/*
 * Policies and requests made at random, from few words each, so that they often
 * meet. The dice can be set again: what failed once fails again.
 */

#ifndef POLICY_GEN_H
#define POLICY_GEN_H

#include "policy_slow.h"

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
        COS_ACT_APPEND, COS_ACT_DELETE_BUCKET, COS_ACT_LIST_UPLOADS
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
    q->governed = q->foreign && dice(2);
    q->action = PICK(actions);
    /* no ACL speaks of policies */
    q->left = dice(8) == 0 && q->action != COS_ACT_GET_POLICY
              && q->action != COS_ACT_PUT_POLICY;
    q->bucket = "b";
    q->key = PICK(keys);
    q->ip = PICK(ips);
    q->tls = (int) dice(2);
    q->prefix = PICK(words);
    q->tag = PICK(words);
    q->referer = PICK(words);

    if (cos_action_info(q->action)->level == COS_LEVEL_BUCKET
        && q->action != COS_ACT_LIST_UPLOADS)
    {
        q->key = "";
    }
}

#endif
