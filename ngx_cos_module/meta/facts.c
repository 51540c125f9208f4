/*
 * meta: members of the index of objects, as cos_facts.h lays them out.
 */

#include "cos_facts.h"
#include "record.h"


int
cos_member_split(cos_str_t member, cos_str_t *key, cos_str_t *facts)
{
    const cos_u8  *end;
    cos_u8        *p, *nul, *to;

    p = to = member.data;
    end = member.data + member.len;

    for ( ;; ) {
        nul = memchr(p, '\0', (size_t) (end - p));

        if (nul == NULL) {
            return -1;
        }

        if (to != p) {
            memmove(to, p, (size_t) (nul - p));
        }

        to += nul - p;
        p = nul + 1;

        if (p == end || *p != 0xff) {
            break;
        }

        *to++ = '\0';
        p++;
    }

    key->data = member.data;
    key->len = (size_t) (to - member.data);
    facts->data = p;
    facts->len = (size_t) (end - p);

    return 0;
}


int
cos_facts_decode(cos_object_t *o, cos_str_t facts)
{
    cos_cursor_t   c;
    const cos_u8  *p = facts.data;

    memset(o, 0, sizeof(*o));

    if (facts.len < COS_FACTS_LEN || p[0] > 0x7f || p[1] >= COS_CLASS_MAX) {
        return -1;
    }

    o->flags = p[0] & COS_FACTS_FLAGS;
    o->cls = (cos_class_e) p[1];
    o->parts = (uint16_t) cos_get_le(p + 2, 2);
    o->size = cos_get_le(p + 4, 6);
    o->mtime = cos_get_le(p + 10, 6);
    memcpy(o->etag, p + 16, COS_MD5_LEN);

    c.p = p + COS_FACTS_LEN;
    c.end = p + facts.len;

    if (p[0] & COS_FACTS_SUM) {
        if (c.p == c.end || *c.p == COS_SUM_NONE || *c.p >= COS_SUM_MAX) {
            return -1;
        }

        o->sum_type = (cos_sum_e) *c.p++;
    }

    if ((p[0] & COS_FACTS_OWNER)
        && (cos_varint_get(&c, &o->owner) != 0 || o->owner == 0))
    {
        return -1;
    }

    if (c.p != c.end
        && (cos_varint_get(&c, &o->born) != 0 || o->born == 0))
    {
        return -1;
    }

    return c.p == c.end && o->parts <= COS_PARTS_MAX ? 0 : -1;
}


int
cos_facts_encode(cos_buf_t *b, const cos_object_t *o)
{
    cos_u8  *p, *start;

    if (o->size > COS_U48_MAX || o->mtime > COS_U48_MAX) {
        return -1;
    }

    p = start = cos_buf_reserve(b, COS_FACTS_LEN + 1 + 2 * COS_VARINT_MAX);
    if (p == NULL) {
        return -1;
    }

    p[0] = o->flags & COS_FACTS_FLAGS;
    p[1] = (cos_u8) o->cls;
    cos_put_le(p + 2, o->parts, 2);
    cos_put_le(p + 4, o->size, 6);
    cos_put_le(p + 10, o->mtime, 6);
    memcpy(p + 16, o->etag, COS_MD5_LEN);
    p += COS_FACTS_LEN;

    if (o->sum_type != COS_SUM_NONE) {
        start[0] |= COS_FACTS_SUM;
        *p++ = (cos_u8) o->sum_type;
    }

    if (o->owner != 0) {
        start[0] |= COS_FACTS_OWNER;
        p += cos_varint_put(p, o->owner);
    }

    if (o->born != 0) {
        p += cos_varint_put(p, o->born);
    }

    b->len += (size_t) (p - start);

    return 0;
}
