/*
 * meta: what the binary and the JSON codec of records share: limits that keep
 * a damaged record from asking for unbounded memory, and the little-endian
 * primitives. Private to this room.
 */

#ifndef COS_META_RECORD_H
#define COS_META_RECORD_H

#include "cos_record.h"

/* An object without a stored content type is this one: it costs no byte. */
#define COS_TYPE_DEFAULT  "application/octet-stream"

#define COS_SEGS_MAX      65535       /* the head counts in 16 bits */
#define COS_META_MAX      4096        /* pairs */
#define COS_TEXT_MAX      65535       /* bytes of one header, id or value */

/* What is left to read of a record. */
typedef struct {
    const cos_u8  *p;
    const cos_u8  *end;
} cos_cursor_t;

#define COS_VARINT_MAX    10          /* bytes of the longest number */

#pragma GCC visibility push(hidden)

size_t cos_varint_put(cos_u8 *p, uint64_t v);
/* Refuses the longer forms of a number and what exceeds 64 bits. */
int cos_varint_get(cos_cursor_t *c, uint64_t *v);
/* Whether every number of o fits the formats and every text its limit. */
int cos_object_fits(const cos_object_t *o);
int cos_bucket_fits(const cos_bucket_t *k);
int cos_cred_fits(const cos_cred_t *c);

#pragma GCC visibility pop


static inline int
cos_is_default_type(cos_str_t s)
{
    return s.len == sizeof(COS_TYPE_DEFAULT) - 1
           && memcmp(s.data, COS_TYPE_DEFAULT, s.len) == 0;
}


static inline void
cos_put_le(cos_u8 *p, uint64_t v, unsigned bytes)
{
    while (bytes-- > 0) {
        *p++ = (cos_u8) v;
        v >>= 8;
    }
}


static inline uint64_t
cos_get_le(const cos_u8 *p, unsigned bytes)
{
    uint64_t  v = 0;

    while (bytes-- > 0) {
        v = v << 8 | p[bytes];
    }

    return v;
}


static inline int
cos_cursor_span(cos_cursor_t *c, uint64_t len, cos_str_t *s)
{
    if (len > (uint64_t) (c->end - c->p)) {
        return -1;
    }

    s->len = (size_t) len;
    s->data = (cos_u8 *) c->p;
    c->p += len;
    return 0;
}

#endif
