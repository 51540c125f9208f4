/*
 * auth: the trailer fields of an aws-chunked body. A client announces their
 * names in the signed header x-amz-trailer, so that nobody can add a field to
 * an unsigned trailer or take one away.
 */

#include <stdlib.h>

#include "sig_internal.h"

static const cos_trailer_t *find(const cos_trailers_t *t, cos_str_t name);
static int announced(cos_str_t list, cos_str_t name);


cos_err_e
cos_trailers_add(cos_trailers_t *t, cos_str_t name, cos_str_t value)
{
    cos_trailer_t *field;

    if (t->n == COS_TRAILERS_MAX || find(t, name) != NULL
        || !announced(t->announced, name))
    {
        return COS_E_TRAILER_MALFORMED;
    }

    field = &t->v[t->n];
    field->text = malloc(name.len + value.len + 1);
    if (field->text == NULL) {
        return COS_E_INTERNAL;
    }

    field->name = (cos_str_t) { name.len, (cos_u8 *) field->text };
    field->value = (cos_str_t) { value.len,
                                 (cos_u8 *) field->text + name.len };
    memcpy(field->name.data, name.data, name.len);
    memcpy(field->value.data, value.data, value.len);
    t->n++;

    return COS_OK;
}


static const cos_trailer_t *
find(const cos_trailers_t *t, cos_str_t name)
{
    size_t i;

    for (i = 0; i < t->n; i++) {
        if (cos_str_ieq(t->v[i].name, name)) {
            return &t->v[i];
        }
    }

    return NULL;
}


static int
announced(cos_str_t list, cos_str_t name)
{
    cos_str_t item;

    while (cos_sig_cut(&list, ',', &item)) {
        item = cos_str_trim(item);

        if (item.len != 0 && cos_str_ieq(item, name)) {
            return 1;
        }
    }

    return 0;
}


int
cos_trailers_complete(const cos_trailers_t *t)
{
    cos_str_t list, item;

    list = t->announced;

    while (cos_sig_cut(&list, ',', &item)) {
        item = cos_str_trim(item);

        if (item.len != 0 && find(t, item) == NULL) {
            return 0;
        }
    }

    return 1;
}


/* "name:value\n" for each, in the order of the names. */
void
cos_trailers_hash(const cos_trailers_t *t, cos_md_t *md)
{
    size_t         i;
    cos_sig_pair_t pairs[COS_TRAILERS_MAX];

    for (i = 0; i < t->n; i++) {
        pairs[i].name = t->v[i].name;
        pairs[i].value = t->v[i].value;
    }

    cos_sig_sort(pairs, t->n);

    for (i = 0; i < t->n; i++) {
        cos_md_update(md, pairs[i].name.data, pairs[i].name.len);
        cos_md_update(md, ":", 1);
        cos_md_update(md, pairs[i].value.data, pairs[i].value.len);
        cos_md_update(md, "\n", 1);
    }
}


void
cos_trailers_free(cos_trailers_t *t)
{
    size_t i;

    for (i = 0; i < t->n; i++) {
        free(t->v[i].text);
    }

    t->n = 0;
}
