/*
 * policy: reading JSON: elements of either grammar, lists, and what is said when
 * something is wrong.
 */

#include <stdio.h>

#include "policy_json.h"


#define REASON_MAX  320
#define SHOWN_MAX   120               /* bytes of what is wrong */
#define VALUES_MAX  4096              /* values of one list */


/* --- refusals ---------------------------------------------------------------- */

static void
add_shown(cos_buf_t *b, cos_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len && i < SHOWN_MAX; i++) {
        cos_buf_char(b, s.data[i] >= ' ' && s.data[i] < 0x7f ? s.data[i]
                                                             : '?');
    }

    if (i < s.len) {
        cos_buf_lit(b, "...");
    }
}


cos_err_e
cos_policy_refuse(reader_t *r, const char *why, cos_str_t what)
{
    cos_buf_t  b;

    cos_buf_init(&b, r->a, REASON_MAX);

    if (r->index) {
        cos_buf_lit(&b, "statement ");
        cos_buf_uint(&b, r->index);

        if (r->sid.len) {
            cos_buf_lit(&b, " (");
            add_shown(&b, r->sid);
            cos_buf_char(&b, ')');
        }

        cos_buf_lit(&b, ": ");
    }

    cos_buf_cstr(&b, why);

    if (what.len) {
        cos_buf_lit(&b, ": \"");
        add_shown(&b, what);
        cos_buf_char(&b, '"');
    }

    cos_buf_char(&b, '\0');

    if (b.err) {
        return COS_E_INTERNAL;
    }

    r->reason = (const char *) b.data;

    return COS_E_MALFORMED_POLICY;
}


cos_err_e
cos_policy_fail(reader_t *r, const char *why)
{
    return cos_policy_refuse(r, why, COS_STR(""));
}


/* --- JSON -------------------------------------------------------------------------- */

cos_str_t
cos_policy_span(const char *key)
{
    return (cos_str_t) { strlen(key), (cos_u8 *) key };
}


/* COS: the first letter's case does not count. */
static int
is_element(const reader_t *r, const char *key, const char *name)
{
    if (r->s3) {
        return strcmp(key, name) == 0;
    }

    return (key[0] | 0x20) == (name[0] | 0x20)
           && strcmp(key + 1, name + 1) == 0;
}


/* NULL: it is not there, or, in COS' grammar, there twice. */
json_t *
cos_policy_element(reader_t *r, json_t *o, const char *name, cos_err_e *err)
{
    json_t      *v, *found;
    const char  *key;

    found = NULL;

    json_object_foreach(o, key, v) {
        if (is_element(r, key, name)) {
            if (found) {
                *err = cos_policy_refuse(r, "an element is there twice",
                                         cos_policy_span(key));
                return NULL;
            }

            found = v;
        }
    }

    return found;
}


cos_err_e
cos_policy_only(reader_t *r, json_t *o, const char *const *names)
{
    size_t       i;
    json_t      *v;
    const char  *key;

    json_object_foreach(o, key, v) {
        for (i = 0; names[i]; i++) {
            if (is_element(r, key, names[i])) {
                break;
            }
        }

        if (names[i] == NULL) {
            return cos_policy_refuse(r, "unknown element", cos_policy_span(key));
        }
    }

    return COS_OK;
}


/* A copy of a text, or of a number or truth value as one. */
cos_err_e
cos_policy_scalar(reader_t *r, json_t *v, int numbers, cos_str_t *out)
{
    int   n;
    char  buf[64];

    n = -1;

    if (json_is_string(v)) {
        return cos_dup(r->a, out, json_string_value(v),
                       json_string_length(v)) == 0 ? COS_OK : COS_E_INTERNAL;
    }

    if (numbers && json_is_boolean(v)) {
        n = snprintf(buf, sizeof(buf), "%s", json_is_true(v) ? "true"
                                                             : "false");
    } else if (numbers && json_is_integer(v)) {
        n = snprintf(buf, sizeof(buf), "%lld",
                     (long long) json_integer_value(v));

    } else if (numbers && json_is_real(v)) {
        n = snprintf(buf, sizeof(buf), "%.15g", json_real_value(v));
    }

    if (n < 0) {
        return cos_policy_fail(r, "a value is not a text");
    }

    return cos_dup(r->a, out, buf, (size_t) n) == 0 ? COS_OK
                                                    : COS_E_INTERNAL;
}


size_t
cos_policy_items(json_t *v)
{
    return json_is_array(v) ? json_array_size(v) : 1;
}


/* One value, or an array of them: at least one. */
cos_err_e
cos_policy_each(reader_t *r, json_t *v, int numbers, cos_policy_item_pt item, void *data)
{
    size_t     i, n;
    cos_err_e  err;
    cos_str_t  text;

    n = cos_policy_items(v);

    if (n == 0) {
        return cos_policy_fail(r, "a list is empty");
    }

    if (n > VALUES_MAX) {
        return cos_policy_fail(r, "a list is too long");
    }

    for (i = 0; i < n; i++) {
        err = cos_policy_scalar(r, json_is_array(v) ? json_array_get(v, i) : v, numbers,
                     &text);

        if (err == COS_OK) {
            err = item(r, text, data);
        }

        if (err != COS_OK) {
            return err;
        }
    }

    return COS_OK;
}
