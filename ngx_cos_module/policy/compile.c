/*
 * policy: reading a document into its compiled form. Both grammars have the
 * same elements under slightly different names; the document's version says
 * which it is.
 */

#include <jansson.h>
#include <stdlib.h>

#include "policy_json.h"


static cos_err_e read_root(reader_t *r, json_t *root, cos_policy_t *p);
static cos_err_e read_statement(reader_t *r, json_t *v, statement_t *st);


/* --- the document --------------------------------------------------------------------- */

static cos_err_e
read_version(reader_t *r, json_t *root)
{
    json_t    *v, *cos;
    cos_err_e  err = COS_OK;

    r->s3 = 1;
    v = json_object_get(root, "Version");

    r->s3 = 0;
    cos = cos_policy_element(r, root, "version", &err);

    if (err != COS_OK) {
        return err;
    }

    if (cos && json_is_string(cos)
        && strcmp(json_string_value(cos), "2.0") == 0)
    {
        return COS_OK;
    }

    r->s3 = 1;

    if (v == NULL && cos == NULL) {
        /* the oldest (AWS IAM, "Version") */
        return COS_OK;
    }

    if (v && json_is_string(v)
        && strcmp(json_string_value(v), "2012-10-17") == 0)
    {
        r->variables = 1;
        return COS_OK;
    }

    if (v && json_is_string(v)
        && strcmp(json_string_value(v), "2008-10-17") == 0)
    {
        return COS_OK;
    }

    return cos_policy_fail(r, "the version is none of 2.0, 2012-10-17 and 2008-10-17");
}


static void *
compile(cos_str_t text, cos_policy_kind_e kind, cos_alloc_t *a)
{
    const char          *reason;
    cos_policy_t        *p;
    cos_policy_where_t   where;

    memset(&where, 0, sizeof(where));
    where.kind = kind;

    return cos_policy_read(&p, text, &where, a, &reason) == COS_OK ? p : NULL;
}


void *
cos_policy_bucket(cos_str_t text, cos_alloc_t *a)
{
    return compile(text, COS_POLICY_BUCKET, a);
}


void *
cos_policy_user(cos_str_t text, cos_alloc_t *a)
{
    return compile(text, COS_POLICY_USER, a);
}


cos_err_e
cos_policy_read(cos_policy_t **p, cos_str_t text,
    const cos_policy_where_t *where, cos_alloc_t *a, const char **reason)
{
    json_t        *root;
    reader_t       r;
    cos_err_e      err;
    json_error_t   e;

    memset(&r, 0, sizeof(r));
    r.a = a;
    r.where = where;
    *reason = NULL;

    *p = cos_zalloc(a, sizeof(cos_policy_t));
    if (*p == NULL) {
        return COS_E_INTERNAL;
    }

    (*p)->kind = where->kind;

    if (text.len > COS_POLICY_SIZE) {
        err = cos_policy_fail(&r, "the policy is larger than 20480 bytes");
        *reason = r.reason;
        return err;
    }

    root = json_loadb((char *) text.data, text.len, JSON_REJECT_DUPLICATES,
                      &e);

    err = !json_is_object(root) ? cos_policy_fail(&r, "the policy is not valid JSON")
                                : read_root(&r, root, *p);

    json_decref(root);
    *reason = r.reason;

    return err;
}


static cos_err_e
read_root(reader_t *r, json_t *root, cos_policy_t *p)
{
    size_t     i, k;
    json_t    *list;
    cos_err_e  err;

    static const char *const  names[] = { "Version", "Id", "Statement", NULL };

    err = read_version(r, root);

    if (err == COS_OK) {
        err = cos_policy_only(r, root, names);
    }

    if (err != COS_OK) {
        return err;
    }

    list = cos_policy_element(r, root, "Statement", &err);

    if (list == NULL) {
        return err != COS_OK ? err : cos_policy_fail(r, "there is no statement");
    }

    p->n = cos_policy_items(list);

    if (p->n == 0 || p->n > COS_POLICY_STATEMENTS) {
        return cos_policy_fail(r, "a policy has 1 to 100 statements");
    }

    p->v = cos_zalloc(r->a, p->n * sizeof(statement_t));
    if (p->v == NULL) {
        return COS_E_INTERNAL;
    }

    for (i = 0; i < p->n; i++) {
        r->index = i + 1;
        r->sid.len = 0;

        err = read_statement(r, json_is_array(list) ? json_array_get(list, i)
                                                    : list, &p->v[i]);
        if (err != COS_OK) {
            return err;
        }

        for (k = 0; k < ACT_WORDS; k++) {
            p->actions.bit[k] |= p->v[i].actions.bit[k];
        }

        p->is_public |= cos_policy_statement_public(&p->v[i]);
    }

    return COS_OK;
}


/* --- elements of a statement ------------------------------------------------------------ */

static cos_err_e
read_sid(reader_t *r, json_t *v, statement_t *st)
{
    cos_err_e  err = COS_OK;

    v = cos_policy_element(r, v, "Sid", &err);

    if (v && err == COS_OK) {
        err = cos_policy_scalar(r, v, 0, &st->sid);
        r->sid = st->sid;
    }

    return err;
}


static cos_err_e
read_effect(reader_t *r, json_t *v, statement_t *st)
{
    cos_err_e  err = COS_OK;
    cos_str_t  s;

    v = cos_policy_element(r, v, "Effect", &err);

    if (err != COS_OK) {
        return err;
    }

    if (v == NULL) {
        return cos_policy_fail(r, "there is no effect");
    }

    err = cos_policy_scalar(r, v, 0, &s);
    if (err != COS_OK) {
        return err;
    }

    if (r->s3 ? cos_str_is(s, "Allow") : cos_str_iis(s, "allow")) {
        return COS_OK;
    }

    if (r->s3 ? cos_str_is(s, "Deny") : cos_str_iis(s, "deny")) {
        st->deny = 1;
        return COS_OK;
    }

    return cos_policy_refuse(r, "the effect is neither allow nor deny", s);
}


/* One of an element and its negation. */
static cos_err_e
either(reader_t *r, json_t *o, const char *name, const char *negation,
    json_t **v, int *negated)
{
    json_t    *not;
    cos_err_e  err = COS_OK;

    *v = cos_policy_element(r, o, name, &err);
    not = r->s3 ? cos_policy_element(r, o, negation, &err) : NULL;
    *negated = (not != NULL);

    if (err != COS_OK) {
        return err;
    }

    if (*v && not) {
        return cos_policy_refuse(r, "two elements exclude each other",
                                 cos_policy_span(negation));
    }

    if (not) {
        *v = not;
    }

    return COS_OK;
}


static cos_err_e
action_item(reader_t *r, cos_str_t text, void *data)
{
    return cos_policy_action(r, text, data);
}


static cos_err_e
read_actions(reader_t *r, json_t *o, statement_t *st)
{
    int        negated;
    size_t     i;
    json_t    *v;
    cos_err_e  err;

    err = either(r, o, "Action", "NotAction", &v, &negated);

    if (err == COS_OK && v == NULL) {
        err = cos_policy_fail(r, "there is no action");
    }

    if (err == COS_OK) {
        err = cos_policy_each(r, v, 0, action_item, &st->actions);
    }

    if (negated) {
        for (i = 0; i < COS_ACT_MAX; i++) {
            st->actions.bit[i / 64] ^= (uint64_t) 1 << (i % 64);
        }
    }

    return err;
}


static cos_err_e
resource_item(reader_t *r, cos_str_t text, void *data)
{
    statement_t  *st = data;

    return cos_policy_resource(r, text, &st->resources[st->nresources++]);
}


static cos_err_e
read_resources(reader_t *r, json_t *o, statement_t *st)
{
    int        negated;
    json_t    *v;
    cos_err_e  err;

    err = either(r, o, "Resource", "NotResource", &v, &negated);

    if (err == COS_OK && v == NULL) {
        err = cos_policy_fail(r, "there is no resource");
    }

    if (err != COS_OK) {
        return err;
    }

    st->elsewhere = negated;
    st->resources = cos_zalloc(r->a, cos_policy_items(v) * sizeof(resource_t) + 1);

    return st->resources ? cos_policy_each(r, v, 0, resource_item, st) : COS_E_INTERNAL;
}


typedef struct {
    statement_t  *st;
    cos_str_t     kind;
} principals_t;


static cos_err_e
principal_item(reader_t *r, cos_str_t text, void *data)
{
    principals_t  *x = data;

    return cos_policy_principal(r, x->kind, text, x->st);
}


/* "*", or lists by kind. */
static cos_err_e
principal_lists(reader_t *r, json_t *v, statement_t *st)
{
    size_t         n;
    json_t        *list;
    cos_err_e      err;
    const char    *key;
    principals_t   x;

    if (json_is_string(v) && strcmp(json_string_value(v), "*") == 0) {
        st->anyone = 1;
        return COS_OK;
    }

    if (!json_is_object(v) || json_object_size(v) == 0) {
        return cos_policy_fail(r, "malformed principal");
    }

    n = 0;

    json_object_foreach(v, key, list) {
        n += cos_policy_items(list);
    }

    st->principals = cos_zalloc(r->a, n * sizeof(principal_t) + 1);
    if (st->principals == NULL) {
        return COS_E_INTERNAL;
    }

    x.st = st;

    json_object_foreach(v, key, list) {
        x.kind = cos_policy_span(key);
        err = cos_policy_each(r, list, 0, principal_item, &x);

        if (err != COS_OK) {
            return err;
        }
    }

    qsort(st->principals, st->nprincipals, sizeof(principal_t),
          cos_policy_principal_cmp);

    return COS_OK;
}


/* What helpers for temporary credentials write into a policy that is not for a
 * bucket: {"qcs": "*"} (cos-api.md 12.3). It says nothing. */
static int
names_all(const json_t *v)
{
    const json_t  *all = json_object_get(v, "qcs");

    return json_object_size(v) == 1 && json_is_string(all)
           && strcmp(json_string_value(all), "*") == 0;
}


static cos_err_e
read_principals(reader_t *r, json_t *o, statement_t *st)
{
    int        negated;
    json_t    *v;
    cos_err_e  err;

    err = either(r, o, "Principal", "NotPrincipal", &v, &negated);

    if (err != COS_OK) {
        return err;
    }

    if (r->where->kind == COS_POLICY_USER) {
        st->anyone = 1;
        return v && !names_all(v) ? cos_policy_fail(r, "a user's policy has no principal") : COS_OK;
    }

    if (v == NULL) {
        return cos_policy_fail(r, "there is no principal");
    }

    if (negated && !st->deny) {
        /* AWS IAM, "NotPrincipal" */
        return cos_policy_fail(r, "NotPrincipal can only be denied something");
    }

    st->others = negated;

    return principal_lists(r, v, st);
}


/* --- conditions ---------------------------------------------------------------------------- */

static cos_err_e
want_item(reader_t *r, cos_str_t text, void *data)
{
    return cos_policy_want(r, data, text);
}


static cos_err_e
read_condition(reader_t *r, const char *op, const char *key, json_t *v,
    condition_t *c)
{
    cos_err_e  err;

    err = cos_policy_operator(r, cos_policy_span(op), c);

    if (err == COS_OK) {
        err = cos_policy_key(r, cos_policy_span(key), c);
    }

    if (err != COS_OK) {
        return err;
    }

    c->want = cos_zalloc(r->a, cos_policy_items(v) * sizeof(want_t) + 1);

    return c->want ? cos_policy_each(r, v, 1, want_item, c) : COS_E_INTERNAL;
}


static cos_err_e
read_conditions(reader_t *r, json_t *o, statement_t *st)
{
    size_t       n;
    json_t      *all, *keys, *v;
    cos_err_e    err = COS_OK;
    const char  *op, *key;

    all = cos_policy_element(r, o, "Condition", &err);

    if (all == NULL) {
        return err;
    }

    if (!json_is_object(all)) {
        return cos_policy_fail(r, "malformed condition");
    }

    n = 0;

    json_object_foreach(all, op, keys) {
        if (!json_is_object(keys)) {
            return cos_policy_refuse(r, "malformed condition", cos_policy_span(op));
        }

        n += json_object_size(keys);
    }

    st->conditions = cos_zalloc(r->a, n * sizeof(condition_t) + 1);
    if (st->conditions == NULL) {
        return COS_E_INTERNAL;
    }

    json_object_foreach(all, op, keys) {
        json_object_foreach(keys, key, v) {
            err = read_condition(r, op, key, v,
                                 &st->conditions[st->nconditions++]);
            if (err != COS_OK) {
                return err;
            }
        }
    }

    return COS_OK;
}


/* S3: an action that is never done to what is named is a mistake, and a deny
 * of it would protect nothing. */
static cos_err_e
fits_together(reader_t *r, const statement_t *st)
{
    size_t        i;
    unsigned      levels;
    cos_action_e  a;

    if (!r->s3 || st->elsewhere) {
        return COS_OK;
    }

    levels = 0;

    for (i = 0; i < st->nresources; i++) {
        if (st->resources[i].all) {
            return COS_OK;
        }

        levels |= memchr(st->resources[i].path.text.data, '/',
                         st->resources[i].path.text.len) == NULL
                  ? 1u << COS_LEVEL_BUCKET : 1u << COS_LEVEL_OBJECT;

        if (st->resources[i].path.wild) {
            /* a star may reach over the slash */
            levels |= 1u << COS_LEVEL_OBJECT;
        }
    }

    for (a = 0; a < COS_ACT_MAX; a++) {
        if (action_in(&st->actions, a)
            && (levels & (1u << cos_action_info(a)->level)))
        {
            return COS_OK;
        }
    }

    return cos_policy_fail(r, "the actions are not done to these resources");
}


static cos_err_e
read_statement(reader_t *r, json_t *v, statement_t *st)
{
    cos_err_e  err;

    static const char *const  s3[] = {
        "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction",
        "Resource", "NotResource", "Condition", NULL
    };
    static const char *const  cos[] = {
        "Sid", "Effect", "Principal", "Action", "Resource", "Condition", NULL
    };

    if (!json_is_object(v)) {
        return cos_policy_fail(r, "a statement is not an object");
    }

    st->s3 = r->s3;

    if ((err = read_sid(r, v, st)) != COS_OK
        || (err = cos_policy_only(r, v, r->s3 ? s3 : cos)) != COS_OK
        || (err = read_effect(r, v, st)) != COS_OK
        || (err = read_principals(r, v, st)) != COS_OK
        || (err = read_actions(r, v, st)) != COS_OK
        || (err = read_resources(r, v, st)) != COS_OK
        || (err = read_conditions(r, v, st)) != COS_OK)
    {
        return err;
    }

    return fits_together(r, st);
}
