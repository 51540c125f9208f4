/*
 * meta: the binary form of an object's record, as cos_record.h lays it out.
 *
 * Encoding is canonical: one value has one form (TLVs ascending by type,
 * shortest varints, defaults left out), and decoding refuses every other, so
 * that a damaged record is more likely to be noticed than misread.
 */

#include "record.h"

/* TLV types; T_HEADER + cos_stored_header_e are the headers */
enum {
    T_HEADER = 1,
    T_META = T_HEADER + COS_H_MAX,    /* varint length of name, name, value */
    T_OWNER,                          /* varint */
    T_SUM,                            /* u8 type, digest */
    T_UPLOAD,
    T_BORN,                           /* varint */
    T_ATTR,                           /* + cos_attr_e */
    T_MAX = T_ATTR + COS_X_MAX
};

typedef struct {
    unsigned   type;
    cos_str_t  body;
} tlv_t;


/* --- primitives ----------------------------------------------------------- */

size_t
cos_varint_put(cos_u8 *p, uint64_t v)
{
    size_t  n = 0;

    while (v > 0x7f) {
        p[n++] = (cos_u8) (v | 0x80);
        v >>= 7;
    }

    p[n++] = (cos_u8) v;
    return n;
}


int
cos_varint_get(cos_cursor_t *c, uint64_t *v)
{
    cos_u8    b;
    unsigned  shift;

    *v = 0;

    for (shift = 0; shift < 7 * COS_VARINT_MAX; shift += 7) {
        if (c->p == c->end) {
            return -1;
        }

        b = *c->p++;

        if (shift == 63 && b > 1) {
            return -1;
        }

        *v |= (uint64_t) (b & 0x7f) << shift;

        if ((b & 0x80) == 0) {
            return b == 0 && shift != 0 ? -1 : 0;
        }
    }

    return -1;
}


static void
tlv_head(cos_buf_t *b, unsigned type, uint64_t len)
{
    cos_u8  head[1 + COS_VARINT_MAX];

    head[0] = (cos_u8) type;
    cos_buf_add(b, head, 1 + cos_varint_put(head + 1, len));
}


static int
tlv_get(cos_cursor_t *c, tlv_t *t)
{
    uint64_t  len;

    t->type = *c->p++;
    return cos_varint_get(c, &len) == 0 ? cos_cursor_span(c, len, &t->body) : -1;
}


/* --- objects -------------------------------------------------------------- */

int
cos_object_fits(const cos_object_t *o)
{
    uint32_t  i;

    if ((unsigned) o->acl >= COS_ACL_MAX || (unsigned) o->cls >= COS_CLASS_MAX
        || (unsigned) o->sum_type >= COS_SUM_MAX || o->parts > COS_PARTS_MAX
        || o->home > COS_U48_MAX || o->nsegs > COS_SEGS_MAX
        || o->nmeta > COS_META_MAX || o->upload.len > COS_TEXT_MAX)
    {
        return 0;
    }

    for (i = 0; i < o->nsegs; i++) {
        if (o->segs[i].cid > COS_U48_MAX || o->segs[i].off > COS_U48_MAX
            || o->segs[i].len > COS_U48_MAX)
        {
            return 0;
        }
    }

    for (i = 0; i < COS_H_MAX; i++) {
        if (o->header[i].len > COS_TEXT_MAX) {
            return 0;
        }
    }

    for (i = 0; i < COS_X_MAX; i++) {
        if (o->attr[i].len > COS_ATTR_MAX) {
            return 0;
        }
    }

    for (i = 0; i < o->nmeta; i++) {
        if (o->meta[i].name.len > COS_TEXT_MAX
            || o->meta[i].value.len > COS_TEXT_MAX)
        {
            return 0;
        }
    }

    return 1;
}


static void
head_put(cos_u8 *p, const cos_object_t *o)
{
    p[0] = COS_RECORD_VERSION;
    p[1] = o->flags;
    p[2] = (cos_u8) o->acl;
    p[3] = (cos_u8) o->cls;
    cos_put_le(p + 4, o->nsegs, 2);
    cos_put_le(p + 6, o->parts, 2);
    cos_put_le(p + 8, o->seq, 8);
    cos_put_le(p + 16, o->mtime, 8);
    cos_put_le(p + 24, o->size, 8);
    memcpy(p + 32, o->etag, COS_MD5_LEN);
    cos_put_le(p + 48, o->crc64, 8);
    cos_put_le(p + 56, o->home, 6);
    cos_put_le(p + 62, o->rev, 2);
}


static void
headers_put(cos_buf_t *b, const cos_object_t *o)
{
    int        i;
    cos_str_t  s;

    for (i = 0; i < COS_H_MAX; i++) {
        s = o->header[i];

        /* the default type is what a record without one means, so that it is
         * the empty one which has to be said */
        if (i == COS_H_CONTENT_TYPE ? cos_is_default_type(s) : s.len == 0) {
            continue;
        }

        tlv_head(b, T_HEADER + (unsigned) i, s.len);
        cos_buf_str(b, s);
    }
}


static void
meta_put(cos_buf_t *b, const cos_meta_pair_t *m)
{
    size_t  n;
    cos_u8  len[COS_VARINT_MAX];

    n = cos_varint_put(len, m->name.len);
    tlv_head(b, T_META, n + m->name.len + m->value.len);
    cos_buf_add(b, len, n);
    cos_buf_str(b, m->name);
    cos_buf_str(b, m->value);
}


static void
number_put(cos_buf_t *b, unsigned type, uint64_t v)
{
    size_t  n;
    cos_u8  digits[COS_VARINT_MAX];

    if (v != 0) {
        n = cos_varint_put(digits, v);
        tlv_head(b, type, n);
        cos_buf_add(b, digits, n);
    }
}


int
cos_object_encode(cos_buf_t *b, const cos_object_t *o)
{
    size_t    n;
    cos_u8   *p, type;
    uint32_t  i;

    if (!cos_object_fits(o)) {
        return -1;
    }

    n = COS_RECORD_HEAD + (size_t) o->nsegs * COS_SEG_LEN;
    p = cos_buf_reserve(b, n);
    if (p == NULL) {
        return -1;
    }

    head_put(p, o);
    p += COS_RECORD_HEAD;
    for (i = 0; i < o->nsegs; i++, p += COS_SEG_LEN) {
        cos_put_le(p, o->segs[i].cid, 6);
        cos_put_le(p + 6, o->segs[i].off, 6);
        cos_put_le(p + 12, o->segs[i].len, 6);
    }
    b->len += n;

    headers_put(b, o);
    for (i = 0; i < o->nmeta; i++) {
        meta_put(b, &o->meta[i]);
    }

    number_put(b, T_OWNER, o->owner);

    if (o->sum_type != COS_SUM_NONE) {
        type = (cos_u8) o->sum_type;
        tlv_head(b, T_SUM, 1 + cos_sum_len(o->sum_type));
        cos_buf_add(b, &type, 1);
        cos_buf_add(b, o->sum, cos_sum_len(o->sum_type));
    }

    if (o->upload.len != 0) {
        tlv_head(b, T_UPLOAD, o->upload.len);
        cos_buf_str(b, o->upload);
    }

    number_put(b, T_BORN, o->born);

    for (i = 0; i < COS_X_MAX; i++) {
        if (o->attr[i].len != 0) {
            tlv_head(b, T_ATTR + i, o->attr[i].len);
            cos_buf_str(b, o->attr[i]);
        }
    }

    return b->err ? -1 : 0;
}


static int
head_get(cos_object_t *o, const cos_u8 *p)
{
    memset(o, 0, sizeof(*o));

    if (p[0] != COS_RECORD_VERSION || p[2] >= COS_ACL_MAX
        || p[3] >= COS_CLASS_MAX)
    {
        return -1;
    }

    o->flags = p[1];
    o->acl = (cos_acl_e) p[2];
    o->cls = (cos_class_e) p[3];
    o->nsegs = (uint32_t) cos_get_le(p + 4, 2);
    o->parts = (uint16_t) cos_get_le(p + 6, 2);
    o->seq = cos_get_le(p + 8, 8);
    o->mtime = cos_get_le(p + 16, 8);
    o->size = cos_get_le(p + 24, 8);
    memcpy(o->etag, p + 32, COS_MD5_LEN);
    o->crc64 = cos_get_le(p + 48, 8);
    o->home = cos_get_le(p + 56, 6);
    o->rev = (uint16_t) cos_get_le(p + 62, 2);
    o->header[COS_H_CONTENT_TYPE] = COS_STR(COS_TYPE_DEFAULT);

    return o->parts > COS_PARTS_MAX ? -1 : 0;
}


static int
meta_get(cos_meta_pair_t *m, cos_str_t body)
{
    uint64_t  len;
    cos_cursor_t  c = { body.data, body.data + body.len };

    if (cos_varint_get(&c, &len) != 0 || cos_cursor_span(&c, len, &m->name) != 0) {
        return -1;
    }

    m->value.data = (cos_u8 *) c.p;
    m->value.len = (size_t) (c.end - c.p);

    return m->name.len > COS_TEXT_MAX || m->value.len > COS_TEXT_MAX ? -1 : 0;
}


static int
number_get(uint64_t *v, cos_str_t body)
{
    cos_cursor_t  c = { body.data, body.data + body.len };

    if (cos_varint_get(&c, v) != 0 || c.p != c.end) {
        return -1;
    }

    return *v == 0 ? -1 : 0;
}


static int
sum_get(cos_object_t *o, cos_str_t body)
{
    if (body.len == 0 || body.data[0] == COS_SUM_NONE
        || body.data[0] >= COS_SUM_MAX
        || body.len != 1 + cos_sum_len((cos_sum_e) body.data[0]))
    {
        return -1;
    }

    o->sum_type = (cos_sum_e) body.data[0];
    memcpy(o->sum, body.data + 1, body.len - 1);
    return 0;
}


static int
header_get(cos_object_t *o, unsigned h, cos_str_t body)
{
    if (body.len > COS_TEXT_MAX) {
        return -1;
    }

    /* what is left out when encoding may not be there either */
    if (h == COS_H_CONTENT_TYPE ? cos_is_default_type(body) : body.len == 0) {
        return -1;
    }

    o->header[h] = body;
    return 0;
}


static int
tlv_apply(cos_object_t *o, const tlv_t *t)
{
    cos_meta_pair_t  pair;

    switch (t->type) {

    case T_META:
        o->nmeta++;
        return o->nmeta > COS_META_MAX ? -1 : meta_get(&pair, t->body);

    case T_OWNER:
        return number_get(&o->owner, t->body);

    case T_SUM:
        return sum_get(o, t->body);

    case T_UPLOAD:
        o->upload = t->body;
        return t->body.len == 0 || t->body.len > COS_TEXT_MAX ? -1 : 0;

    case T_BORN:
        return number_get(&o->born, t->body);

    default:
        if (t->type >= T_ATTR) {
            o->attr[t->type - T_ATTR] = t->body;
            return t->body.len == 0 || t->body.len > COS_ATTR_MAX ? -1 : 0;
        }

        return header_get(o, t->type - T_HEADER, t->body);
    }
}


/* Fills arrays whose lengths and contents were checked before. */
static int
arrays_get(cos_object_t *o, cos_str_t rec, const cos_u8 *metas, cos_alloc_t *a)
{
    tlv_t     t;
    uint32_t  i;
    cos_cursor_t  c = { metas, rec.data + rec.len };

    if (o->nsegs != 0) {
        o->segs = cos_alloc(a, o->nsegs * sizeof(cos_seg_t));
        if (o->segs == NULL) {
            return -1;
        }
        for (i = 0; i < o->nsegs; i++) {
            cos_object_seg(rec, i, &o->segs[i]);
        }
    }

    if (o->nmeta == 0) {
        return 0;
    }

    o->meta = cos_alloc(a, o->nmeta * sizeof(cos_meta_pair_t));
    if (o->meta == NULL) {
        return -1;
    }

    for (i = 0; i < o->nmeta; i++) {
        if (tlv_get(&c, &t) != 0 || meta_get(&o->meta[i], t.body) != 0) {
            return -1;
        }
    }

    return 0;
}


int
cos_object_decode(cos_object_t *o, cos_str_t rec, cos_alloc_t *a)
{
    tlv_t          t;
    cos_cursor_t       c;
    unsigned       last;
    const cos_u8  *at, *metas;

    if (rec.len < COS_RECORD_HEAD || head_get(o, rec.data) != 0
        || (rec.len - COS_RECORD_HEAD) / COS_SEG_LEN < o->nsegs)
    {
        return -1;
    }

    c.p = rec.data + COS_RECORD_HEAD + (size_t) o->nsegs * COS_SEG_LEN;
    c.end = rec.data + rec.len;
    metas = c.p;
    last = 0;

    while (c.p != c.end) {
        at = c.p;

        if (tlv_get(&c, &t) != 0 || t.type >= T_MAX || t.type < last
            || (t.type == last && t.type != T_META)
            || t.type < T_HEADER || tlv_apply(o, &t) != 0)
        {
            return -1;
        }

        if (t.type == T_META && o->nmeta == 1) {
            metas = at;
        }

        last = t.type;
    }

    return a == NULL ? 0 : arrays_get(o, rec, metas, a);
}


void
cos_object_seg(cos_str_t rec, uint32_t i, cos_seg_t *seg)
{
    const cos_u8  *p;

    p = rec.data + COS_RECORD_HEAD + (size_t) i * COS_SEG_LEN;
    seg->cid = cos_get_le(p, 6);
    seg->off = cos_get_le(p + 6, 6);
    seg->len = cos_get_le(p + 12, 6);
}
