/*
 * The decision once more, as slowly and plainly as it can be made: straight from
 * the text, with whole names and whole ARNs, nothing prepared. What the compiled
 * form decides is held against it.
 */

#ifndef POLICY_SLOW_H
#define POLICY_SLOW_H

#include <arpa/inet.h>
#include <jansson.h>
#include <strings.h>

#include "cos_policy.h"
#include "unit.h"

/* A request, in the words of the policies. */
typedef struct {
    cos_who_t     who;
    cos_action_e  action;
    uint64_t      account;
    int           foreign, governed;
    int           left;
    const char   *bucket, *key, *ip;
    int           tls;
    const char   *prefix, *tag, *referer;     /* NULL: none */
} slow_ask_t;

static int slow_cos;                  /* grammar of the policy at hand */


static int
slow_wild(const char *p, const char *s)
{
    if (*p == '\0') {
        return *s == '\0';
    }

    if (*p == '*') {
        return slow_wild(p + 1, s) || (*s && slow_wild(p, s + 1));
    }

    return *s && (*p == *s || (*p == '?' && !slow_cos))
           && slow_wild(p + 1, s + 1);
}


static const char *
slow_item(json_t *v, size_t i)
{
    return json_string_value(json_is_array(v) ? json_array_get(v, i) : v);
}


static size_t
slow_count(json_t *v)
{
    return v == NULL ? 0 : json_is_array(v) ? json_array_size(v) : 1;
}


static json_t *
slow_get(json_t *o, const char *name)
{
    char  lower[32];

    snprintf(lower, sizeof(lower), "%s", name);

    if (slow_cos) {
        lower[0] |= 0x20;
    }

    return json_object_get(o, lower);
}


static int
slow_action(json_t *v, cos_action_e a)
{
    char                      name[96];
    size_t                    i;
    const char               *p;
    const cos_action_info_t  *info = cos_action_info(a);

    snprintf(name, sizeof(name), slow_cos ? "name/cos:%s" : "s3:%s",
             slow_cos ? info->cos : info->s3);

    for (i = 0; i < slow_count(v); i++) {
        p = slow_item(v, i);

        if (strcmp(p, "*") == 0 || slow_wild(p, name)
            || (slow_cos && slow_wild(p, name + 5)))
        {
            return 1;
        }

        if (slow_cos && (a == COS_ACT_DELETE_MANY
                         || a == COS_ACT_DELETE_MANY_VERSION)
            && (slow_wild(p, "name/cos:DeleteObject")
                || slow_wild(p, "cos:DeleteObject")))
        {
            return 1;
        }
    }

    return 0;
}


static int
slow_resource(json_t *v, const slow_ask_t *q)
{
    int          object;
    char         arn[256], dir[256], below[512];
    size_t       i;
    const char  *head = slow_cos ? "qcs::cos::uid/1:" : "arn:aws:s3:::";

    object = cos_action_info(q->action)->level == COS_LEVEL_OBJECT;
    snprintf(arn, sizeof(arn), "%s%s%s%s", head, q->bucket,
             object ? "/" : "", object ? q->key : "");
    snprintf(dir, sizeof(dir), "%s%s/", head, q->bucket);
    snprintf(below, sizeof(below), "%s%s", dir, q->key);

    for (i = 0; i < slow_count(v); i++) {
        if (slow_wild(slow_item(v, i), arn)
            || (slow_cos && !object && slow_wild(slow_item(v, i), dir))
            || (slow_cos && !object && slow_wild(slow_item(v, i), below)))
        {
            return 1;
        }
    }

    return 0;
}


/* 0: not meant, 1: the account is, 2: who asks is */
static int
slow_list(json_t *v, const cos_who_t *w)
{
    char         name[128], account[128];
    size_t       i;
    json_t      *list;
    const char  *p;
    int          best = 0;

    if (json_is_string(v)) {
        return 2;
    }

    list = json_object_get(v, slow_cos ? "qcs" : "AWS");

    if (slow_cos) {
        snprintf(account, sizeof(account), "qcs::cam::uin/%d:uin/%d",
                 (int) w->uid, (int) w->uid);
        snprintf(name, sizeof(name), "qcs::cam::uin/%d:uin/%d",
                 (int) w->uid, (int) w->sub);

    } else {
        snprintf(account, sizeof(account), "arn:aws:iam::%d:root",
                 (int) w->uid);
        snprintf(name, sizeof(name), "arn:aws:iam::%d:user/%.*s",
                 (int) w->uid, (int) w->name.len, w->name.data);
    }

    for (i = 0; i < slow_count(list); i++) {
        p = slow_item(list, i);

        if (strcmp(p, "*") == 0 || strcmp(p, "qcs::cam::anyone:anyone") == 0
            || (!w->known && strcmp(p, "qcs::cam::anonymous:anonymous") == 0)
            || (w->known && w->sub && strcmp(p, name) == 0))
        {
            return 2;
        }

        if (w->known && strcmp(p, account) == 0) {
            best = 1;
        }
    }

    return best;
}


static int
slow_principal(json_t *st, const cos_who_t *w)
{
    int      n;
    json_t  *not = json_object_get(st, "NotPrincipal");

    if (not == NULL) {
        return slow_get(st, "Principal")
               ? slow_list(slow_get(st, "Principal"), w) : 2;
    }

    n = slow_list(not, w);

    return n == 2 || (n == 1 && w->sub == 0) ? 0 : 2;
}


static int
slow_cidr(const char *cidr, const char *ip)
{
    char            net[64];
    int             bits = 32;
    char           *slash;
    struct in_addr  a, b;

    snprintf(net, sizeof(net), "%s", cidr);
    slash = strchr(net, '/');

    if (slash) {
        bits = atoi(slash + 1);
        *slash = '\0';
    }

    if (inet_pton(AF_INET, net, &a) != 1 || inet_pton(AF_INET, ip, &b) != 1) {
        return 0;
    }

    return bits == 0 || ((ntohl(a.s_addr) ^ ntohl(b.s_addr)) >> (32 - bits))
                        == 0;
}


/* The value that the request has; NULL: none. */
static const char *
slow_value(const char *key, const slow_ask_t *q)
{
    if (strcasecmp(key, "aws:SourceIp") == 0 || strcmp(key, "qcs:ip") == 0) {
        return q->ip;
    }

    if (strcasecmp(key, "aws:SecureTransport") == 0
        || strcmp(key, "cos:secure-transport") == 0)
    {
        return q->tls ? "true" : "false";
    }

    if (strstr(key, ":prefix")) {
        return q->prefix;
    }

    return strstr(key, "Tag/") ? q->tag : q->referer;
}


static int
slow_test(const char *op, const char *want, const char *have)
{
    if (strcasestr(op, "ip")) {
        return slow_cidr(want, have);
    }

    if (strcasestr(op, "like")) {
        return slow_wild(want, have);
    }

    if (strcasestr(op, "bool")) {
        return strcasecmp(want, have) == 0;
    }

    if (strcasestr(op, "numeric")) {
        return strspn(have, "0123456789") == strlen(have) && *have
               && (strcasestr(op, "less") ? atoi(have) < atoi(want)
                                          : atoi(have) == atoi(want));
    }

    return strcmp(want, have) == 0;
}


static int
slow_condition(const char *op, const char *key, json_t *v,
    const slow_ask_t *q)
{
    size_t       i;
    int          not, any, if_exists;
    const char  *have = slow_value(key, q);

    if (strcasestr(op, "null")) {
        for (i = 0; i < slow_count(v); i++) {
            if ((strcmp(slow_item(v, i), "true") == 0) == (have == NULL)) {
                return 1;
            }
        }

        return 0;
    }

    not = strcasestr(op, "not") != NULL;
    if_exists = strcasestr(op, "exist") != NULL;

    if (have == NULL) {
        return if_exists || strncmp(op, "ForAll", 6) == 0
               || (not && !slow_cos && strncmp(op, "For", 3) != 0);
    }

    for (i = 0, any = 0; i < slow_count(v); i++) {
        any |= slow_test(op, slow_item(v, i), have);
    }

    return any != not;
}


static int
slow_conditions(json_t *c, const slow_ask_t *q)
{
    json_t      *keys, *v;
    const char  *op, *key;

    json_object_foreach(c, op, keys) {
        json_object_foreach(keys, key, v) {
            if (!slow_condition(op, key, v, q)) {
                return 0;
            }
        }
    }

    return 1;
}


/* -1: denied, 0: says nothing, 1: the account may, 2: who asks may */
static int
slow_policy(const char *text, const slow_ask_t *q)
{
    int      best = 0, g, in;
    size_t   i;
    json_t  *root, *list, *st;

    if (text == NULL) {
        return 0;
    }

    root = json_loads(text, 0, NULL);
    slow_cos = json_object_get(root, "version") != NULL;
    list = slow_get(root, "Statement");

    for (i = 0; best >= 0 && i < json_array_size(list); i++) {
        st = json_array_get(list, i);
        g = slow_principal(st, &q->who);
        in = json_object_get(st, "NotAction")
             ? !slow_action(json_object_get(st, "NotAction"), q->action)
             : slow_action(slow_get(st, "Action"), q->action);
        in = in && (json_object_get(st, "NotResource")
             ? !slow_resource(json_object_get(st, "NotResource"), q)
             : slow_resource(slow_get(st, "Resource"), q));

        if (g && in && slow_conditions(slow_get(st, "Condition"), q)) {
            best = strcasecmp(json_string_value(slow_get(st, "Effect")),
                              "deny") == 0 ? -1 : g > best ? g : best;
        }
    }

    json_decref(root);

    return best;
}


static int
slow_decide(const slow_ask_t *q, const char *bucket, const char *user,
    const char *session, int acl, int restricted, int is_public)
{
    int  b, u, s, yes, mine, policy;

    b = slow_policy(bucket, q);
    u = slow_policy(user, q);
    s = slow_policy(session, q);
    mine = q->who.known && q->who.uid == q->account;
    policy = q->action == COS_ACT_GET_POLICY || q->action == COS_ACT_PUT_POLICY
             || q->action == COS_ACT_DELETE_POLICY;

    if (u < 0 || s < 0 || (b < 0 && !(mine && q->who.sub == 0 && policy))) {
        return 0;
    }

    if (policy && !mine) {
        return 0;
    }

    if (q->foreign || (restricted && is_public && !mine)) {
        b = 0;
    }

    if (acl > b) {
        b = acl;
    }

    if (mine && (!q->foreign || q->governed) && !q->left
        && (q->who.sub == 0 || u > 0)) {
        yes = 1;

    } else if ((q->who.known && q->who.sub == 0) || u > 0) {
        yes = b > 0;

    } else {
        yes = b == 2;
    }

    return yes && (session == NULL || s > 0);
}

#endif
