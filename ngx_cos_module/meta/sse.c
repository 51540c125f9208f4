/*
 * Encryption at rest: the attribute that holds a sealed data key, key streams
 * of objects, files of keys.
 */

#include "cos_sse.h"


#define VERSION     1
#define FIXED       6                 /* of the attribute, without texts */
#define F_BUCKET    1
#define SEALED      (COS_SSE_KEY + COS_SEAL_OVERHEAD)


/* --- the attribute --------------------------------------------------------- */

int
cos_sse_parse(cos_sse_t *s, cos_str_t attr)
{
    size_t        id, context;
    const cos_u8 *p = attr.data;

    memset(s, 0, sizeof(cos_sse_t));

    if (attr.len == 0) {
        return 0;
    }

    if (attr.len < FIXED || p[0] != VERSION || p[1] == COS_SSE_NONE
        || p[1] >= COS_SSE_MAX || (p[2] & ~F_BUCKET))
    {
        return -1;
    }

    id = p[3];

    if (attr.len < FIXED + id) {
        return -1;
    }

    context = p[4 + id] | (size_t) p[5 + id] << 8;

    if (attr.len != FIXED + id + context + SEALED) {
        return -1;
    }

    s->type = p[1];
    s->bucket_key = p[2] & F_BUCKET;
    s->id.data = attr.data + 4;
    s->id.len = id;
    s->context.data = attr.data + FIXED + id;
    s->context.len = context;
    s->sealed.data = attr.data + FIXED + id + context;
    s->sealed.len = SEALED;

    return (s->type == COS_SSE_CUSTOMER) == (id == 0)
           && (id == 0 || cos_sse_id_valid(s->id))
           && (context == 0 || s->type == COS_SSE_KMS) ? 0 : -1;
}


int
cos_sse_seal(cos_buf_t *b, const cos_sse_t *s,
    const cos_u8 sealing[COS_SSE_KEY], const cos_u8 key[COS_SSE_KEY])
{
    cos_u8    *p;
    cos_str_t  front, plain;

    if (s->id.len > COS_SSE_ID_MAX || s->context.len > COS_SSE_CONTEXT_MAX) {
        return -1;
    }

    front.len = FIXED + s->id.len + s->context.len;
    front.data = cos_buf_reserve(b, front.len + SEALED);

    if (front.data == NULL) {
        return -1;
    }

    p = front.data;
    *p++ = VERSION;
    *p++ = (cos_u8) s->type;
    *p++ = s->bucket_key ? F_BUCKET : 0;
    *p++ = (cos_u8) s->id.len;

    if (s->id.len != 0) {
        memcpy(p, s->id.data, s->id.len);
        p += s->id.len;
    }

    *p++ = (cos_u8) s->context.len;
    *p++ = (cos_u8) (s->context.len >> 8);

    if (s->context.len != 0) {
        memcpy(p, s->context.data, s->context.len);
        p += s->context.len;
    }

    plain.data = (cos_u8 *) key;
    plain.len = COS_SSE_KEY;

    if (cos_seal(sealing, front, plain, p) != 0) {
        return -1;
    }

    b->len += front.len + SEALED;

    return 0;
}


int
cos_sse_open(cos_str_t attr, const cos_u8 sealing[COS_SSE_KEY],
    cos_u8 key[COS_SSE_KEY])
{
    cos_str_t  front;
    cos_sse_t  s;

    if (cos_sse_parse(&s, attr) != 0 || s.type == COS_SSE_NONE) {
        return -1;
    }

    front.data = attr.data;
    front.len = attr.len - s.sealed.len;

    return cos_unseal(sealing, front, s.sealed, key) == COS_SSE_KEY ? 0 : -1;
}


int
cos_sse_same(const cos_sse_t *a, const cos_sse_t *b)
{
    if (a->type != b->type) {
        return 0;
    }

    /* which of the store's keys it is says nothing to a client */
    return a->type != COS_SSE_KMS
           || (cos_str_eq(a->id, b->id) && cos_str_eq(a->context, b->context)
               && a->bucket_key == b->bucket_key);
}


/* --- bytes ------------------------------------------------------------------ */

int
cos_sse_whole(const cos_object_t *o)
{
    return o->size == 0
           || o->attr[COS_X_NONCES].len == (size_t) o->nsegs * COS_CRYPT_NONCE;
}


int
cos_sse_apply(cos_crypt_t *c, const cos_object_t *o, uint64_t pos, cos_u8 *p,
    size_t n)
{
    size_t        len;
    uint32_t      i;
    const cos_u8 *nonce;

    if (!cos_sse_whole(o)) {
        return -1;
    }

    for (i = 0; i < o->nsegs && n; i++) {

        if (pos >= o->segs[i].len) {
            pos -= o->segs[i].len;
            continue;
        }

        len = n < o->segs[i].len - pos ? n : (size_t) (o->segs[i].len - pos);
        nonce = o->attr[COS_X_NONCES].data + (size_t) i * COS_CRYPT_NONCE;

        if (cos_crypt_seek(c, nonce, pos) != 0
            || cos_crypt_update(c, p, p, len) != 0)
        {
            return -1;
        }

        p += len;
        n -= len;
        pos = 0;
    }

    return n == 0 ? 0 : -1;
}


/* --- keys ------------------------------------------------------------------- */

int
cos_sse_id_valid(cos_str_t id)
{
    size_t i;
    int    c;

    if (id.len == 0 || id.len > COS_SSE_ID_MAX || id.data[0] == '.') {
        return 0;
    }

    for (i = 0; i < id.len; i++) {
        c = id.data[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
              || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-'))
        {
            return 0;
        }
    }

    return 1;
}


cos_str_t
cos_sse_id(cos_str_t name)
{
    size_t    i;
    cos_str_t id = name;

    if (!cos_str_starts(name, "arn:")) {
        return name;
    }

    for (i = name.len; i >= 4 && name.data[i - 1] != '/'; i--) { /* void */ }

    if (i >= 5 && memcmp(name.data + i - 5, ":key/", 5) == 0) {
        id.data = name.data + i;
        id.len = name.len - i;
    }

    return id;
}


static int
is_space(int c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}


int
cos_sse_key_read(cos_u8 key[COS_SSE_KEY], cos_str_t text)
{
    if (text.len == COS_SSE_KEY) {
        memcpy(key, text.data, COS_SSE_KEY);
        return 0;
    }

    while (text.len && is_space(text.data[text.len - 1])) {
        text.len--;
    }

    return cos_unhex(key, COS_SSE_KEY, text);
}


/* One line; 1: there is nothing on it. */
static int
read_line(cos_sse_key_t *k, cos_str_t s)
{
    size_t    i;
    cos_str_t hex;

    while (s.len && is_space(s.data[s.len - 1])) {
        s.len--;
    }

    if (s.len == 0 || s.data[0] == '#') {
        return 1;
    }

    for (i = 0; i < s.len && !is_space(s.data[i]); i++) { /* void */ }

    k->id.data = s.data;
    k->id.len = i;

    while (i < s.len && is_space(s.data[i])) {
        i++;
    }

    hex.data = s.data + i;
    hex.len = s.len - i;

    return cos_sse_id_valid(k->id) ? cos_unhex(k->key, COS_SSE_KEY, hex) : -1;
}


int
cos_sse_keys_read(cos_sse_key_t v[COS_SSE_KEYS_MAX], size_t *n, cos_str_t text,
    unsigned *line)
{
    int       rc;
    size_t    i;
    cos_u8   *eol;
    cos_str_t s;

    *n = 0;

    for (*line = 1; text.len != 0; ++*line) {
        s = text;
        eol = memchr(text.data, '\n', text.len);

        if (eol != NULL) {
            s.len = (size_t) (eol - text.data);
        }

        text.data += s.len + (eol != NULL);
        text.len -= s.len + (eol != NULL);

        if (*n == COS_SSE_KEYS_MAX) {
            return -1;
        }

        rc = read_line(&v[*n], s);

        if (rc == 1) {
            continue;
        }

        for (i = 0; rc == 0 && i < *n; i++) {
            if (cos_str_eq(v[i].id, v[*n].id)) {
                rc = -1;
            }
        }

        if (rc != 0) {
            return -1;
        }

        ++*n;
    }

    *line = 0;

    return *n != 0 ? 0 : -1;
}
