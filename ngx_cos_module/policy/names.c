/*
 * policy: names of actions, of resources and of who is meant, in both
 * grammars.
 */

#define _GNU_SOURCE
#include <stdlib.h>

#include "policy.h"


static cos_str_t
lit(const char *s)
{
    return (cos_str_t) { strlen(s), (cos_u8 *) s };
}


static int
strip(cos_str_t *s, const char *prefix)
{
    size_t  n = strlen(prefix);

    if (!cos_str_starts(*s, prefix)) {
        return 0;
    }

    s->data += n;
    s->len -= n;

    return 1;
}


/* Cuts s behind the first c; *head is what was before it. */
static int
cut(cos_str_t *s, int c, cos_str_t *head)
{
    cos_u8  *p;

    p = s->len ? memchr(s->data, c, s->len) : NULL;
    if (p == NULL) {
        return 0;
    }

    head->data = s->data;
    head->len = (size_t) (p - s->data);
    s->len -= head->len + 1;
    s->data = p + 1;

    return 1;
}


/* --- actions ------------------------------------------------------------------ */

static int
is_named(const reader_t *r, const glob_t *g, cos_action_e a)
{
    const cos_action_info_t  *info = cos_action_info(a);

    if (r->s3) {
        return cos_glob_match_fold(g, lit(info->s3));
    }

    if (cos_glob_match(g, lit(info->cos))) {
        return 1;
    }

    /* each key of many is deleted under either name, and to restore has two */

    switch (a) {
    case COS_ACT_DELETE_MANY:
    case COS_ACT_DELETE_MANY_VERSION:
        return cos_glob_match(g, COS_STR("DeleteObject"));
    case COS_ACT_RESTORE:
        return cos_glob_match(g, COS_STR("RestoreObject"));
    default:
        return 0;
    }
}


cos_err_e
cos_policy_action(reader_t *r, cos_str_t text, actions_t *set)
{
    int           any;
    glob_t        g;
    cos_str_t     name, service;
    cos_action_e  a;

    name = text;

    if (!r->s3) {
        (void) strip(&name, "name/");
    }

    if (!cos_str_is(name, "*")) {
        if (!cut(&name, ':', &service)
            || !(r->s3 ? cos_str_iis(service, "s3")
                       : cos_str_is(service, "cos")))
        {
            return cos_policy_refuse(r, "unknown action", text);
        }
    }

    cos_glob_init(&g, name, 1);

    for (a = 0, any = 0; a < COS_ACT_MAX; a++) {
        if (cos_str_is(name, "*") || is_named(r, &g, a)) {
            set->bit[a / 64] |= (uint64_t) 1 << (a % 64);
            any = 1;
        }
    }

    /* "-" is no name */
    return any && !cos_str_is(name, "-")
           ? COS_OK : cos_policy_refuse(r, "unknown action", text);
}


/* --- resources ------------------------------------------------------------------ */

/* prefix//<appid>/<bucket>/<path>, as old libraries have it */
static cos_err_e
old_path(reader_t *r, cos_str_t text, cos_str_t *path)
{
    cos_buf_t  b;
    cos_str_t  appid, bucket, rest;

    rest = *path;

    if (!cut(&rest, '/', &appid)) {
        return cos_policy_refuse(r, "malformed resource", text);
    }

    if (!cut(&rest, '/', &bucket)) {
        bucket = rest;
        rest.len = 0;
    }

    cos_buf_init(&b, r->a, path->len + 2);
    cos_buf_str(&b, bucket);

    if (!cos_str_is(bucket, "*")) {
        cos_buf_char(&b, '-');
        cos_buf_str(&b, appid);
    }

    cos_buf_char(&b, '/');
    cos_buf_str(&b, rest);

    path->data = b.data;
    path->len = b.len;

    return b.err ? COS_E_INTERNAL : COS_OK;
}


/* qcs:<project>:cos:<region>:uid/<appid>:<bucket>/<path> */
static cos_err_e
cos_resource(reader_t *r, cos_str_t text, resource_t *out, cos_str_t *path)
{
    cos_str_t  project, service, owner;

    *path = text;

    if (!strip(path, "qcs:") || !cut(path, ':', &project)
        || !cut(path, ':', &service) || !cos_str_is(service, "cos")
        || !cut(path, ':', &out->region) || !cut(path, ':', &owner))
    {
        return cos_policy_refuse(r, "malformed resource", text);
    }

    if (cos_str_is(out->region, "*")) {
        out->region.len = 0;
    }

    if (owner.len && !cos_str_is(owner, "*") && !cos_str_is(owner, "uid/*")
        && (!strip(&owner, "uid/") || cos_str_uint(owner, &out->uid) != 0))
    {
        return cos_policy_refuse(r, "malformed resource", text);
    }

    if (strip(path, "prefix//")) {
        return old_path(r, text, path);
    }

    return COS_OK;
}


/* arn:aws:s3:::<bucket>/<path>, with or without region and account */
static cos_err_e
s3_resource(reader_t *r, cos_str_t text, resource_t *out, cos_str_t *path)
{
    cos_str_t  partition, service, account;

    *path = text;

    if (!strip(path, "arn:") || !cut(path, ':', &partition)
        || !cut(path, ':', &service) || !cos_str_is(service, "s3")
        || !cut(path, ':', &out->region) || !cut(path, ':', &account)
        || (!cos_str_is(partition, "aws") && !cos_str_starts(partition, "aws-")
            && !cos_str_is(partition, "*")))
    {
        return cos_policy_refuse(r, "malformed resource", text);
    }

    if (cos_str_is(out->region, "*")) {
        out->region.len = 0;
    }

    if (account.len && !cos_str_is(account, "*")
        && cos_str_uint(account, &out->uid) != 0)
    {
        return cos_policy_refuse(r, "malformed resource", text);
    }

    return COS_OK;
}


/* Whether something in the bucket can be what is meant. */
static int
can_be_in(const reader_t *r, const resource_t *res)
{
    glob_t     g;
    cos_u8    *slash, *star;
    uint64_t   appid;
    cos_str_t  bucket, name;

    name = r->where->bucket;
    bucket = res->path.text;
    slash = memchr(bucket.data, '/', bucket.len);
    star = memchr(bucket.data, '*', bucket.len);

    if (slash != NULL && (star == NULL || slash < star
                          || memchr(star, '/', bucket.len
                                    - (size_t) (star - bucket.data)) == slash))
    {
        bucket.len = (size_t) (slash - bucket.data);
    }

    cos_glob_init(&g, bucket, r->s3);

    if (!cos_glob_match(&g, name)) {
        return 0;
    }

    if (res->uid == 0 || res->uid == r->where->owner) {
        return 1;
    }

    slash = memrchr(name.data, '-', name.len);

    if (slash == NULL) {
        return 0;
    }

    name.len -= (size_t) (slash + 1 - name.data);
    name.data = slash + 1;

    return cos_str_uint(name, &appid) == 0 && appid == res->uid;
}


cos_err_e
cos_policy_resource(reader_t *r, cos_str_t text, resource_t *out)
{
    cos_err_e  err;
    cos_str_t  path;

    memset(out, 0, sizeof(*out));

    if (cos_str_is(text, "*")) {
        out->all = 1;
        return COS_OK;
    }

    err = r->s3 ? s3_resource(r, text, out, &path)
                : cos_resource(r, text, out, &path);
    if (err != COS_OK) {
        return err;
    }

    if (path.len == 0 || path.data[0] == '/') {
        return cos_policy_refuse(r, "malformed resource", text);
    }

    if (r->variables && memmem(path.data, path.len, "${", 2) != NULL) {
        return cos_policy_refuse(r, "variables are not supported", text);
    }

    if (!r->s3 && path.data[path.len - 1] == '/'
        && memchr(path.data, '/', path.len - 1) == NULL)
    {
        /* "bucket/" is the bucket, too */
        path.len--;
    }

    cos_glob_init(&out->path, path, r->s3);

    if (r->where->bucket.len && !can_be_in(r, out)) {
        return cos_policy_refuse(r, "the resource is not in this bucket",
                                 text);
    }

    return COS_OK;
}


/* --- who is meant ------------------------------------------------------------------ */

static void
add(statement_t *st, who_e kind, uint64_t uid, uint64_t sub, cos_str_t name)
{
    principal_t  *p = &st->principals[st->nprincipals++];

    p->kind = kind;
    p->uid = uid;
    p->sub = sub;
    p->name = name;
}


/* qcs::cam::uin/<root>:uin/<sub> */
static int
cos_principal(cos_str_t s, statement_t *st)
{
    uint64_t   uid, sub;
    cos_str_t  root;

    if (cos_str_is(s, "*") || cos_str_is(s, "qcs::cam::anyone:anyone")) {
        st->anyone = 1;
        return 0;
    }

    if (cos_str_is(s, "qcs::cam::anonymous:anonymous")) {
        st->anonymous = 1;
        return 0;
    }

    if (!strip(&s, "qcs::cam::uin/") || !cut(&s, ':', &root)
        || cos_str_uint(root, &uid) != 0 || !strip(&s, "uin/")
        || cos_str_uint(s, &sub) != 0 || uid == 0 || sub == 0)
    {
        return -1;
    }

    if (sub == uid) {
        add(st, WHO_ACCOUNT, uid, 0, COS_STR(""));

    } else {
        add(st, WHO_SUB, uid, sub, COS_STR(""));
    }

    return 0;
}


/* "*", "<account>", "arn:aws:iam::<account>:root", "...:user/<path>/<name>"; an
 * ARN without an account is that of the account the user's name is. */
static int
s3_principal(cos_str_t s, statement_t *st)
{
    cos_u8     *slash;
    uint64_t    uid;
    cos_str_t   partition, account;

    if (cos_str_is(s, "*")) {
        st->anyone = 1;
        return 0;
    }

    if (cos_str_uint(s, &uid) == 0 && uid) {
        add(st, WHO_ACCOUNT, uid, 0, COS_STR(""));
        return 0;
    }

    if (!strip(&s, "arn:") || !cut(&s, ':', &partition)
        || !strip(&s, "iam::") || !cut(&s, ':', &account)
        || (!cos_str_is(partition, "aws") && !cos_str_starts(partition,
                                                             "aws-")))
    {
        return -1;
    }

    if (account.len == 0 && strip(&s, "user/") && cos_str_uint(s, &uid) == 0
        && uid)
    {
        add(st, WHO_ACCOUNT, uid, 0, COS_STR(""));
        return 0;
    }

    if (cos_str_uint(account, &uid) != 0 || uid == 0) {
        return -1;
    }

    if (cos_str_is(s, "root")) {
        add(st, WHO_ACCOUNT, uid, 0, COS_STR(""));
        return 0;
    }

    if (!strip(&s, "user/")) {
        return -1;
    }

    slash = memrchr(s.data, '/', s.len);

    if (slash) {
        s.len -= (size_t) (slash + 1 - s.data);
        s.data = slash + 1;
    }

    if (s.len == 0 || memchr(s.data, '*', s.len)
        || memchr(s.data, '?', s.len))
    {
        return -1;
    }

    add(st, WHO_NAME, uid, 0, s);

    return 0;
}


cos_err_e
cos_policy_principal(reader_t *r, cos_str_t kind, cos_str_t text,
    statement_t *st)
{
    int       rc;
    uint64_t  uid;

    if (!r->s3) {
        rc = cos_str_is(kind, "qcs") ? cos_principal(text, st) : -1;

    } else if (cos_str_is(kind, "AWS")) {
        rc = s3_principal(text, st);

    } else if (cos_str_is(kind, "CanonicalUser")) {
        rc = cos_str_uint(text, &uid) == 0 && uid ? 0 : -1;

        if (rc == 0) {
            add(st, WHO_ACCOUNT, uid, 0, COS_STR(""));
        }

    } else {
        rc = -1;
    }

    return rc == 0 ? COS_OK
                   : cos_policy_refuse(r, "invalid principal", text);
}


int
cos_policy_principal_cmp(const void *a, const void *b)
{
    const principal_t  *x = a, *y = b;

    if (x->uid != y->uid) {
        return x->uid < y->uid ? -1 : 1;
    }

    if (x->kind != y->kind) {
        return x->kind < y->kind ? -1 : 1;
    }

    if (x->sub != y->sub) {
        return x->sub < y->sub ? -1 : 1;
    }

    return cos_str_cmp(x->name, y->name);
}
