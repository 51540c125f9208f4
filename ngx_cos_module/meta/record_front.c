/*
 * meta: the binary form of bucket, credential and upload records. They begin
 * alike, and with their seq where an object has it, because meta/lua compares
 * it:
 *
 *         bucket             credential             upload
 *    0    u8 version         u8 version             u8 version
 *    1    u8 acl             u8 flags              u8 0
 *    2    u8 name length     u16 access key length  u16 id length
 *    3    u8 id length
 *    4    u8 region length   u16 sealed length      u32 key length
 *    5    u8 versioning
 *    6    u16 0              u16 user length
 *    8    u64 seq            u64 seq                u64 seq
 *   16    u64 created        u64 created            u64 initiated
 *   24    u64 owner          u64 uid                u64 initiator
 *   32    name, id, region,  access key, sealed,    id, key,
 *         attributes         user, attributes       object record
 *
 * Flags of a credential: 1: disabled; its kind is in the bits from 2 on.
 *
 * Attributes are ascending: u8 type, u24 length, text. Types of a bucket: 1 and
 * cos_bucket_attr_e; of a credential: 1 sub, 2 since (u64 each), 3 and
 * cos_cred_attr_e.
 */

#include "record.h"

#define FRONT_LEN     32
#define ATTR_HEAD     4
#define CRED_OFF      0x01
#define CRED_KIND     1               /* bits below it */

#define CRED_SUB      0
#define CRED_SINCE    1
#define CRED_TEXTS    2
#define CRED_ATTRS    (CRED_TEXTS + COS_CX_MAX)


static void
front_put(cos_u8 *p, unsigned second, uint64_t seq, uint64_t time, uint64_t who)
{
    memset(p, 0, FRONT_LEN);
    p[0] = COS_RECORD_VERSION;
    p[1] = (cos_u8) second;
    cos_put_le(p + 8, seq, 8);
    cos_put_le(p + 16, time, 8);
    cos_put_le(p + 24, who, 8);
}


/* Three texts one after the other, the last to the end of the record. */
static int
texts_get(cos_str_t rec, cos_str_t *a, cos_str_t *b, cos_str_t *last,
    const uint64_t len[2])
{
    cos_cursor_t  c = { rec.data + FRONT_LEN, rec.data + rec.len };

    if (cos_cursor_span(&c, len[0], a) != 0
        || cos_cursor_span(&c, len[1], b) != 0)
    {
        return -1;
    }

    return cos_cursor_span(&c, (uint64_t) (c.end - c.p), last);
}


int
cos_bucket_fits(const cos_bucket_t *k)
{
    size_t  i;

    if ((unsigned) k->acl >= COS_ACL_MAX || k->name.len == 0
        || k->name.len > 255 || k->id.len == 0 || k->id.len > 255
        || k->region.len > 255
        || (unsigned) k->versioning >= COS_VERSIONING_MAX)
    {
        return 0;
    }

    for (i = 0; i < COS_BX_MAX; i++) {
        if (k->attr[i].len > COS_ATTR_MAX) {
            return 0;
        }
    }

    /* an id stands in keys between braces */
    for (i = 0; i < k->id.len; i++) {
        if (!(k->id.data[i] >= '0' && k->id.data[i] <= '9')
            && !(k->id.data[i] >= 'a' && k->id.data[i] <= 'z'))
        {
            return 0;
        }
    }

    return 1;
}


static int
attrs_get(cos_str_t *attr, unsigned max, cos_str_t rest)
{
    unsigned      type, last = 0;
    uint64_t      len;
    cos_cursor_t  c = { rest.data, rest.data + rest.len };

    while (c.p != c.end) {
        if (c.end - c.p < ATTR_HEAD) {
            return -1;
        }

        type = c.p[0];
        len = cos_get_le(c.p + 1, 3);
        c.p += ATTR_HEAD;

        if (type <= last || type > max || len == 0
            || cos_cursor_span(&c, len, &attr[type - 1]) != 0)
        {
            return -1;
        }

        last = type;
    }

    return 0;
}


static void
attrs_put(cos_buf_t *b, const cos_str_t *attr, unsigned max)
{
    cos_u8    head[ATTR_HEAD];
    unsigned  i;

    for (i = 0; i < max; i++) {
        if (attr[i].len != 0) {
            head[0] = (cos_u8) (1 + i);
            cos_put_le(head + 1, attr[i].len, 3);
            cos_buf_add(b, head, ATTR_HEAD);
            cos_buf_str(b, attr[i]);
        }
    }
}


int
cos_bucket_encode(cos_buf_t *b, const cos_bucket_t *k)
{
    cos_u8  front[FRONT_LEN];

    if (!cos_bucket_fits(k)) {
        return -1;
    }

    front_put(front, (unsigned) k->acl, k->seq, k->created, k->owner);
    front[2] = (cos_u8) k->name.len;
    front[3] = (cos_u8) k->id.len;
    front[4] = (cos_u8) k->region.len;
    front[5] = (cos_u8) k->versioning;

    cos_buf_add(b, front, FRONT_LEN);
    cos_buf_str(b, k->name);
    cos_buf_str(b, k->id);
    cos_buf_str(b, k->region);

    attrs_put(b, k->attr, COS_BX_MAX);

    return b->err ? -1 : 0;
}


int
cos_bucket_decode(cos_bucket_t *k, cos_str_t rec)
{
    uint64_t       len[2];
    cos_str_t      rest;
    const cos_u8  *p = rec.data;

    memset(k, 0, sizeof(*k));

    if (rec.len < FRONT_LEN || p[0] != COS_RECORD_VERSION
        || p[1] >= COS_ACL_MAX || p[5] >= COS_VERSIONING_MAX || p[6] != 0
        || p[7] != 0)
    {
        return -1;
    }

    k->acl = (cos_acl_e) p[1];
    k->seq = cos_get_le(p + 8, 8);
    k->created = cos_get_le(p + 16, 8);
    k->owner = cos_get_le(p + 24, 8);
    k->versioning = (cos_versioning_e) p[5];
    len[0] = p[2];
    len[1] = p[3];

    if (texts_get(rec, &k->name, &k->id, &rest, len) != 0
        || rest.len < p[4])
    {
        return -1;
    }

    k->region.data = rest.data;
    k->region.len = p[4];
    rest.data += p[4];
    rest.len -= p[4];

    if (attrs_get(k->attr, COS_BX_MAX, rest) != 0) {
        return -1;
    }

    return cos_bucket_fits(k) ? 0 : -1;
}


int
cos_cred_fits(const cos_cred_t *c)
{
    size_t  i;

    if ((unsigned) c->kind >= COS_CRED_KIND_MAX || c->access_key.len == 0
        || c->access_key.len > COS_TEXT_MAX || c->sealed.len > COS_TEXT_MAX
        || c->user.len > COS_TEXT_MAX
        || (c->kind != COS_CRED_KEY && c->sealed.len != 0))
    {
        return 0;
    }

    for (i = 0; i < COS_CX_MAX; i++) {
        if (c->attr[i].len > COS_ATTR_MAX) {
            return 0;
        }
    }

    return 1;
}


static cos_str_t
number_put(cos_u8 buf[8], uint64_t n)
{
    cos_put_le(buf, n, 8);

    return (cos_str_t) { n != 0 ? 8 : 0, buf };
}


static int
number_get(uint64_t *n, cos_str_t s)
{
    if (s.len == 0) {
        return 0;
    }

    *n = s.len == 8 ? cos_get_le(s.data, 8) : 0;

    return *n != 0 ? 0 : -1;
}


int
cos_cred_encode(cos_buf_t *b, const cos_cred_t *c)
{
    cos_u8     front[FRONT_LEN], sub[8], since[8];
    cos_str_t  attr[CRED_ATTRS];

    if (!cos_cred_fits(c)) {
        return -1;
    }

    front_put(front, (unsigned) c->kind << CRED_KIND
                     | (c->disabled ? CRED_OFF : 0),
              c->seq, c->created, c->uid);
    cos_put_le(front + 2, c->access_key.len, 2);
    cos_put_le(front + 4, c->sealed.len, 2);
    cos_put_le(front + 6, c->user.len, 2);

    cos_buf_add(b, front, FRONT_LEN);
    cos_buf_str(b, c->access_key);
    cos_buf_str(b, c->sealed);
    cos_buf_str(b, c->user);

    attr[CRED_SUB] = number_put(sub, c->sub);
    attr[CRED_SINCE] = number_put(since, c->since);
    memcpy(attr + CRED_TEXTS, c->attr, sizeof(c->attr));
    attrs_put(b, attr, CRED_ATTRS);

    return b->err ? -1 : 0;
}


int
cos_cred_decode(cos_cred_t *c, cos_str_t rec)
{
    size_t         n;
    uint64_t       len[2];
    cos_str_t      rest, attr[CRED_ATTRS];
    const cos_u8  *p = rec.data;

    memset(c, 0, sizeof(*c));
    memset(attr, 0, sizeof(attr));

    if (rec.len < FRONT_LEN || p[0] != COS_RECORD_VERSION
        || p[1] >> CRED_KIND >= COS_CRED_KIND_MAX)
    {
        return -1;
    }

    c->kind = (cos_cred_kind_e) (p[1] >> CRED_KIND);
    c->disabled = p[1] & CRED_OFF;
    c->seq = cos_get_le(p + 8, 8);
    c->created = cos_get_le(p + 16, 8);
    c->uid = cos_get_le(p + 24, 8);
    len[0] = cos_get_le(p + 2, 2);
    len[1] = cos_get_le(p + 4, 2);
    n = cos_get_le(p + 6, 2);

    if (texts_get(rec, &c->access_key, &c->sealed, &rest, len) != 0
        || rest.len < n)
    {
        return -1;
    }

    c->user = (cos_str_t) { n, rest.data };
    rest.data += n;
    rest.len -= n;

    if (attrs_get(attr, CRED_ATTRS, rest) != 0
        || number_get(&c->sub, attr[CRED_SUB]) != 0
        || number_get(&c->since, attr[CRED_SINCE]) != 0)
    {
        return -1;
    }

    memcpy(c->attr, attr + CRED_TEXTS, sizeof(c->attr));

    return cos_cred_fits(c) ? 0 : -1;
}


int
cos_upload_encode(cos_buf_t *b, const cos_upload_t *u)
{
    cos_u8  front[FRONT_LEN];

    if (u->id.len == 0 || u->id.len > COS_TEXT_MAX || u->key.len == 0
        || u->key.len > COS_TEXT_MAX || u->object.nsegs != 0
        || !cos_object_fits(&u->object))
    {
        return -1;
    }

    front_put(front, 0, u->seq, u->initiated, u->initiator);
    cos_put_le(front + 2, u->id.len, 2);
    cos_put_le(front + 4, u->key.len, 4);

    cos_buf_add(b, front, FRONT_LEN);
    cos_buf_str(b, u->id);
    cos_buf_str(b, u->key);

    return cos_object_encode(b, &u->object);
}


int
cos_upload_decode(cos_upload_t *u, cos_str_t rec, cos_alloc_t *a)
{
    uint64_t       len[2];
    cos_str_t      object;
    const cos_u8  *p = rec.data;

    memset(u, 0, sizeof(*u));

    if (rec.len < FRONT_LEN || p[0] != COS_RECORD_VERSION || p[1] != 0) {
        return -1;
    }

    u->seq = cos_get_le(p + 8, 8);
    u->initiated = cos_get_le(p + 16, 8);
    u->initiator = cos_get_le(p + 24, 8);
    len[0] = cos_get_le(p + 2, 2);
    len[1] = cos_get_le(p + 4, 4);

    if (len[0] == 0 || len[1] == 0 || len[1] > COS_TEXT_MAX
        || texts_get(rec, &u->id, &u->key, &object, len) != 0
        || cos_object_decode(&u->object, object, a) != 0)
    {
        return -1;
    }

    return u->object.nsegs == 0 ? 0 : -1;
}
