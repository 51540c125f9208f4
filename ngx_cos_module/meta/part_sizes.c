/*
 * meta: sizes of the parts that an object once was (COS_X_PART_SIZES), one
 * varint for each.
 */

#include "record.h"


int
cos_part_sizes(cos_str_t *sizes, const cos_object_t *o, cos_alloc_t *a)
{
    cos_u8    *p;
    uint32_t   i;

    p = cos_alloc(a, (size_t) o->nsegs * COS_VARINT_MAX);
    if (p == NULL) {
        return -1;
    }

    sizes->data = p;

    for (i = 0; i < o->nsegs; i++) {
        p += cos_varint_put(p, o->segs[i].len);
    }

    sizes->len = (size_t) (p - sizes->data);

    return 0;
}


int
cos_part_sizes_find(cos_str_t sizes, uint64_t n, uint64_t whole,
    uint64_t *first, uint64_t *len)
{
    uint64_t      i;
    cos_cursor_t  c;

    c.p = sizes.data;
    c.end = sizes.data + sizes.len;
    *first = 0;
    *len = 0;

    for (i = 0; i < n; i++) {
        *first += *len;

        if (cos_varint_get(&c, len) != 0 || *len > whole - *first) {
            return -1;
        }
    }

    return n != 0 ? 0 : -1;
}
