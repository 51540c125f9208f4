/*
 * policy, inside the room: reading JSON (json_read.c).
 */

#ifndef COS_POLICY_JSON_H
#define COS_POLICY_JSON_H

#include <jansson.h>

#include "policy.h"

#pragma GCC visibility push(hidden)

/* Refuses without naming anything. */
cos_err_e cos_policy_fail(reader_t *r, const char *why);
cos_str_t cos_policy_span(const char *key);
/* The element of that name, as S3 writes it; in COS' grammar the case of the
 * first letter does not count. NULL: it is not there, or there twice: then *err
 * is set. */
json_t *cos_policy_element(reader_t *r, json_t *o, const char *name,
    cos_err_e *err);
/* Whether an object has no other elements; names end with NULL. */
cos_err_e cos_policy_only(reader_t *r, json_t *o, const char *const *names);
/* A copy of a text; numbers: or of a number or a truth value as one. */
cos_err_e cos_policy_scalar(reader_t *r, json_t *v, int numbers,
    cos_str_t *out);
/* Elements of an array; anything else is one. */
size_t cos_policy_items(json_t *v);

/* For one value, or each of an array of at least one. */
typedef cos_err_e (*cos_policy_item_pt)(reader_t *r, cos_str_t text,
    void *data);
cos_err_e cos_policy_each(reader_t *r, json_t *v, int numbers,
    cos_policy_item_pt item, void *data);

#pragma GCC visibility pop

#endif
