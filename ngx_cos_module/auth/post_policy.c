/*
 * auth: the policy of a form upload, and whether a form is within it.
 *
 *   { "expiration": "2030-01-01T00:00:00.000Z",
 *     "conditions": [ {"bucket": "b"}, ["starts-with", "$key", "up/"],
 *                     ["content-length-range", 0, 1048576] ] }
 *
 * What nobody has understood is not within it: an unknown member, an unknown
 * operator or a value of another type makes the policy invalid.
 */

#include <jansson.h>

#include "cos_post.h"

#define REASON_MAX   256
#define TEXT_MAX     (COS_FORM_PRE_MAX * 2)
#define POLICY_NAME  "Invalid Policy: "
#define DENIED_NAME  "Invalid according to Policy: "

typedef enum { OP_EQ, OP_STARTS_WITH } op_e;

typedef struct {
    cos_post_t   *p;
    cos_alloc_t  *a;
    cos_u8        named[COS_FORM_FIELDS_MAX];  /* by a condition */
    unsigned      bucket:1;
    unsigned      sign_time:1;
} check_t;

static json_t *parse(cos_str_t policy, cos_alloc_t *a);
static size_t unescape(cos_u8 *dst, const cos_u8 *src, size_t n);
static cos_err_e evaluate(check_t *c, json_t *root);
static cos_err_e expired(check_t *c, json_t *v);
static cos_err_e condition(check_t *c, json_t *v);
static cos_err_e simple(check_t *c, json_t *v);
static cos_err_e range(check_t *c, json_t *v);
static cos_err_e match(check_t *c, op_e op, cos_str_t name, cos_str_t want);
static int find(check_t *c, cos_str_t name, cos_str_t *value);
static int holds(op_e op, cos_str_t name, cos_str_t value, cos_str_t want);
static int begins(cos_str_t s, cos_str_t with);
static cos_err_e all_named(check_t *c);
static int needs_none(const cos_post_t *p, const cos_form_field_t *f);
static cos_err_e refuse(check_t *c, cos_err_e err, const char *what,
    cos_str_t detail);
static cos_str_t span(json_t *v);


cos_err_e
cos_post_policy(cos_post_t *p, cos_str_t policy, cos_alloc_t *a)
{
    json_t    *root;
    check_t    c;
    cos_err_e  err;

    memset(&c, 0, sizeof(c));
    c.p = p;
    c.a = a;

    p->min = 0;
    p->max = UINT64_MAX;
    p->reason = NULL;

    root = parse(policy, a);

    if (root == NULL) {
        return refuse(&c, COS_E_INVALID_POLICY, POLICY_NAME "not base64 of "
                      "JSON", COS_STR(""));
    }

    err = evaluate(&c, root);

    if (err == COS_OK) {
        err = all_named(&c);
    }

    json_decref(root);

    return err;
}


static json_t *
parse(cos_str_t policy, cos_alloc_t *a)
{
    cos_u8       *raw, *text;
    size_t        n;
    ptrdiff_t     len;
    json_error_t  e;

    if (policy.len > TEXT_MAX) {
        return NULL;
    }

    raw = cos_alloc(a, policy.len + 1);
    text = cos_alloc(a, policy.len * 3 + 1);

    if (raw == NULL || text == NULL) {
        return NULL;
    }

    len = cos_unbase64(raw, policy);
    if (len <= 0) {
        return NULL;
    }

    n = unescape(text, raw, (size_t) len);

    return json_loadb((char *) text, n, JSON_REJECT_DUPLICATES, &e);
}


/* S3's policies know two escapes that JSON does not: \$ and \v. */
static size_t
unescape(cos_u8 *dst, const cos_u8 *src, size_t n)
{
    cos_u8       *d = dst;
    const cos_u8 *end = src + n;

    static const cos_u8 tab[] = { '\\', 'u', '0', '0', '0', 'b' };

    while (src < end) {
        if (*src != '\\' || end - src < 2) {
            *d++ = *src++;
            continue;
        }

        if (src[1] == '$') {
            *d++ = '$';

        } else if (src[1] == 'v') {
            memcpy(d, tab, sizeof(tab));
            d += sizeof(tab);

        } else {
            *d++ = src[0];
            *d++ = src[1];
        }

        src += 2;
    }

    return (size_t) (d - dst);
}


static cos_err_e
evaluate(check_t *c, json_t *root)
{
    size_t      i;
    json_t     *conditions, *expiration, *v;
    cos_err_e   err;

    if (!json_is_object(root)) {
        return refuse(c, COS_E_INVALID_POLICY, POLICY_NAME "not an object",
                      COS_STR(""));
    }

    expiration = json_object_get(root, "expiration");
    conditions = json_object_get(root, "conditions");

    if (json_object_size(root) != 2 || !json_is_string(expiration)
        || !json_is_array(conditions) || json_array_size(conditions) == 0)
    {
        return refuse(c, COS_E_INVALID_POLICY, POLICY_NAME "it has to have "
                      "\"expiration\" and \"conditions\", and nothing else",
                      COS_STR(""));
    }

    err = expired(c, expiration);

    if (err != COS_OK && err != COS_E_ACCESS_DENIED) {
        return err;
    }

    /* all are read before one is judged: what is invalid is invalid whatever
     * the form says */
    for (i = 0; i < json_array_size(conditions); i++) {
        v = json_array_get(conditions, i);

        switch (condition(c, v)) {

        case COS_OK:
            break;

        case COS_E_INVALID_POLICY:
            return COS_E_INVALID_POLICY;

        case COS_E_INTERNAL:
            return COS_E_INTERNAL;

        default:
            err = COS_E_ACCESS_DENIED;
        }
    }

    return err;
}


static cos_err_e
expired(check_t *c, json_t *v)
{
    char       now[25];
    size_t     n;
    int64_t    at;
    cos_buf_t  b;

    at = cos_parse_iso8601(span(v));

    if (at < 0) {
        return refuse(c, COS_E_INVALID_POLICY, POLICY_NAME "invalid "
                      "\"expiration\" value", COS_STR(""));
    }

    if (c->p->now <= at) {
        return COS_OK;
    }

    if (c->p->dialect != COS_DIALECT_COS) {
        return refuse(c, COS_E_ACCESS_DENIED, DENIED_NAME "Policy expired.",
                      COS_STR(""));
    }

    /* COS tells both times */
    cos_buf_init(&b, c->a, 128);
    cos_buf_str(&b, span(v));
    cos_buf_lit(&b, ", the server's time is ");
    n = cos_iso8601(now, c->p->now * 1000, 0);
    cos_buf_add(&b, now, n);

    return refuse(c, COS_E_ACCESS_DENIED, DENIED_NAME "Policy expired: it "
                  "ended at ", (cos_str_t) { b.err ? 0 : b.len, b.data });
}


static cos_err_e
condition(check_t *c, json_t *v)
{
    op_e       op;
    cos_str_t  name, what;

    if (json_is_object(v)) {
        return simple(c, v);
    }

    what = span(json_array_get(v, 0));

    if (!json_is_array(v) || json_array_size(v) != 3 || what.len == 0) {
        return refuse(c, COS_E_INVALID_POLICY, POLICY_NAME "a condition is "
                      "no list of three items", COS_STR(""));
    }

    if (cos_str_iis(what, "content-length-range")) {
        return range(c, v);
    }

    if (cos_str_iis(what, "eq")) {
        op = OP_EQ;

    } else if (cos_str_iis(what, "starts-with")) {
        op = OP_STARTS_WITH;

    } else {
        return refuse(c, COS_E_INVALID_POLICY, POLICY_NAME "unknown "
                      "operation of a condition", COS_STR(""));
    }

    name = span(json_array_get(v, 1));

    if (name.len < 2 || *name.data != '$'
        || !json_is_string(json_array_get(v, 2)))
    {
        return refuse(c, COS_E_INVALID_POLICY, POLICY_NAME "a condition "
                      "needs \"$field\" and a text", COS_STR(""));
    }

    name.data++;
    name.len--;

    return match(c, op, name, span(json_array_get(v, 2)));
}


/* {"field": "value"} */
static cos_err_e
simple(check_t *c, json_t *v)
{
    void       *it;
    cos_str_t   name;

    it = json_object_iter(v);

    if (json_object_size(v) != 1
        || !json_is_string(json_object_iter_value(it)))
    {
        return refuse(c, COS_E_INVALID_POLICY, POLICY_NAME "Simple-Conditions "
                      "must have exactly one property, with a text",
                      COS_STR(""));
    }

    name.data = (cos_u8 *) json_object_iter_key(it);
    name.len = strlen((const char *) name.data);

    return match(c, OP_EQ, name, span(json_object_iter_value(it)));
}


static int
number(json_t *v, uint64_t *n)
{
    if (json_is_integer(v) && json_integer_value(v) >= 0) {
        *n = (uint64_t) json_integer_value(v);
        return 0;
    }

    return json_is_string(v) ? cos_str_uint(span(v), n) : -1;
}


static cos_err_e
range(check_t *c, json_t *v)
{
    uint64_t  min, max;

    if (number(json_array_get(v, 1), &min) != 0
        || number(json_array_get(v, 2), &max) != 0 || min > max)
    {
        return refuse(c, COS_E_INVALID_POLICY, POLICY_NAME "invalid "
                      "content-length-range", COS_STR(""));
    }

    /* of several, all count */
    c->p->min = min > c->p->min ? min : c->p->min;
    c->p->max = max < c->p->max ? max : c->p->max;

    return COS_OK;
}


static cos_err_e
match(check_t *c, op_e op, cos_str_t name, cos_str_t want)
{
    cos_buf_t  b;
    cos_str_t  value;

    if (find(c, name, &value) && holds(op, name, value, want)) {
        return COS_OK;
    }

    cos_buf_init(&b, c->a, 128);
    cos_buf_cstr(&b, op == OP_EQ ? "[\"eq\", \"$" : "[\"starts-with\", \"$");
    cos_buf_str(&b, name);
    cos_buf_lit(&b, "\", \"");
    cos_buf_str(&b, want);
    cos_buf_lit(&b, "\"]");

    return refuse(c, COS_E_ACCESS_DENIED,
                  DENIED_NAME "Policy Condition failed: ",
                  (cos_str_t) { b.err ? 0 : b.len, b.data });
}


/* The value that a condition is about, and that there was one about it. */
static int
find(check_t *c, cos_str_t name, cos_str_t *value)
{
    size_t                   i;
    const cos_form_t        *f = c->p->form;
    const cos_form_field_t  *field;

    field = NULL;

    for (i = 0; i < f->nfields; i++) {
        if (cos_str_ieq(f->fields[i].name, name)) {
            c->named[i] = 1;
            field = &f->fields[i];
        }
    }

    if (cos_str_iis(name, "bucket")) {
        /* that of the request, whatever a field says */
        c->bucket = 1;
        *value = c->p->bucket;
        return 1;
    }

    if (cos_str_iis(name, "q-sign-time")) {
        /* in a form it goes by the name of the key's time */
        c->sign_time = 1;
        field = cos_form_field(f, "q-key-time");
    }

    if (field == NULL) {
        return 0;
    }

    *value = cos_str_iis(name, "key") ? c->p->key : field->value;

    return 1;
}


static int
holds(op_e op, cos_str_t name, cos_str_t value, cos_str_t want)
{
    cos_u8     *comma;
    cos_str_t   item;

    if (op == OP_EQ) {
        return cos_str_eq(value, want);
    }

    if (!cos_str_iis(name, "content-type")) {
        return begins(value, want);
    }

    for ( ;; ) {
        item = value;
        comma = value.len ? memchr(value.data, ',', value.len) : NULL;

        if (comma != NULL) {
            item.len = (size_t) (comma - value.data);
        }

        if (!begins(cos_str_trim(item), want)) {
            return 0;
        }

        if (comma == NULL) {
            return 1;
        }

        value.data += item.len + 1;
        value.len -= item.len + 1;
    }
}


static int
begins(cos_str_t s, cos_str_t with)
{
    return s.len >= with.len && memcmp(s.data, with.data, with.len) == 0;
}


static cos_err_e
all_named(check_t *c)
{
    size_t             i;
    cos_str_t          missing = { 0, NULL };
    const cos_form_t  *f = c->p->form;

    for (i = 0; i < f->nfields && missing.len == 0; i++) {
        if (!c->named[i] && !needs_none(c->p, &f->fields[i])) {
            missing = f->fields[i].name;
        }
    }

    if (missing.len == 0 && !c->bucket) {
        missing = COS_STR("bucket");
    }

    if (missing.len == 0 && !c->sign_time
        && cos_form_field(f, "q-signature") != NULL)
    {
        missing = COS_STR("q-sign-time");
    }

    if (missing.len == 0) {
        return COS_OK;
    }

    return refuse(c, COS_E_ACCESS_DENIED, DENIED_NAME "Extra input fields: ",
                  missing);
}


static int
needs_none(const cos_post_t *p, const cos_form_field_t *f)
{
    size_t  i;

    /* the signature's own, which say nothing about the object */
    static const cos_str_t  list[] = {
        cos_lit("policy"), cos_lit("file"), cos_lit("signature"),
        cos_lit("awsaccesskeyid"), cos_lit("x-amz-signature"),
        cos_lit("q-signature"), cos_lit("q-key-time"),
        cos_lit("x-cos-security-token")
    };

    /* official forms of COS send these without naming them */
    static const cos_str_t  cos[] = {
        cos_lit("content-type"), cos_lit("content-md5"),
        cos_lit("success_action_status")
    };

    /* "not set", as in a header; but metadata may be empty */
    if (f->value.len == 0 && !cos_str_is(f->name, "key")
        && (f->name.len < 11
            || memcmp(f->name.data + 5, "-meta-", 6) != 0))
    {
        return 1;
    }

    for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        if (cos_str_eq(f->name, list[i])) {
            return 1;
        }
    }

    for (i = 0; p->dialect == COS_DIALECT_COS
                && i < sizeof(cos) / sizeof(cos[0]); i++)
    {
        if (cos_str_eq(f->name, cos[i])) {
            return 1;
        }
    }

    return begins(f->name, COS_STR("x-ignore-"));
}


/* The first reason is kept: what() and a detail of the client's, made
 * printable, as it goes into a log as well. */
static cos_err_e
refuse(check_t *c, cos_err_e err, const char *what, cos_str_t detail)
{
    size_t     i, from;
    cos_buf_t  b;

    if (c->p->reason != NULL && err != COS_E_INVALID_POLICY) {
        return err;
    }

    cos_buf_init(&b, c->a, 128);
    cos_buf_cstr(&b, what);
    from = b.len;

    if (detail.len > REASON_MAX) {
        detail.len = REASON_MAX;
    }

    cos_buf_str(&b, detail);
    cos_buf_char(&b, '\0');

    if (b.err) {
        return COS_E_INTERNAL;
    }

    for (i = from; i + 1 < b.len; i++) {
        if (b.data[i] < 0x20 || b.data[i] >= 0x7f) {
            b.data[i] = '?';
        }
    }

    c->p->reason = (const char *) b.data;

    return err;
}


static cos_str_t
span(json_t *v)
{
    cos_str_t  s = { 0, NULL };

    if (json_is_string(v)) {
        s.data = (cos_u8 *) json_string_value(v);
        s.len = json_string_length(v);
    }

    return s;
}
