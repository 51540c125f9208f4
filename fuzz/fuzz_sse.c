/*
 * Encryption at rest: attributes with sealed data keys, files of keys, ids. The
 * first byte picks one. An attribute that reads must not open under a key that
 * did not seal it; what seals again reads as the same.
 */

#include <stdlib.h>

#include "cos_sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
require(int truth)
{
    if (!truth) {
        abort();
    }
}


static void
attribute(cos_str_t text, cos_alloc_t *a)
{
    cos_u8        sealing[COS_SSE_KEY] = { 1 }, key[COS_SSE_KEY] = { 2 };
    cos_u8        got[COS_SSE_KEY];
    cos_buf_t     b;
    cos_sse_t     s, r;
    cos_str_t     attr;

    if (cos_sse_parse(&s, text) != 0) {
        require(cos_sse_open(text, sealing, got) == -1);
        return;
    }

    require(cos_sse_open(text, sealing, got) == -1);

    if (s.type == COS_SSE_NONE || s.context.len > COS_SSE_CONTEXT_MAX) {
        return;
    }

    cos_buf_init(&b, a, 64);
    require(cos_sse_seal(&b, &s, sealing, key) == 0);
    attr.data = b.data;
    attr.len = b.len;
    require(cos_sse_parse(&r, attr) == 0 && cos_sse_same(&r, &s));
    require(cos_sse_open(attr, sealing, got) == 0
            && memcmp(got, key, COS_SSE_KEY) == 0);
}


static void
keys(cos_str_t text)
{
    size_t         n, i;
    cos_u8         key[COS_SSE_KEY];
    unsigned       line;
    cos_sse_key_t  v[COS_SSE_KEYS_MAX];

    if (cos_sse_keys_read(v, &n, text, &line) == 0) {
        require(n > 0 && n <= COS_SSE_KEYS_MAX);
    }

    for (i = 0; i < n; i++) {
        require(cos_sse_id_valid(v[i].id));
    }

    (void) cos_sse_key_read(key, text);
    (void) cos_sse_id_valid(cos_sse_id(text));
}


/* Any layout of segments, any range, any number of nonces. */
static void
apply(const uint8_t *p, size_t size)
{
    int           rc;
    cos_u8        buf[1024], key[COS_SSE_KEY] = { 3 };
    size_t        i, n;
    uint64_t      pos;
    cos_seg_t     segs[8];
    cos_crypt_t  *c;
    cos_object_t  o;

    if (size < 4) {
        return;
    }

    memset(&o, 0, sizeof(o));
    memset(buf, 0, sizeof(buf));
    o.nsegs = p[0] % 9;
    o.segs = segs;
    pos = p[1];
    n = 4 * (size_t) p[2];            /* whole blocks go another way */
    o.attr[COS_X_NONCES].len = p[3] % 80;
    p += 4;
    size -= 4;

    for (i = 0; i < o.nsegs; i++) {
        segs[i].len = i < size ? 5 * (size_t) p[i] : 1;
        o.size += segs[i].len;
    }

    o.attr[COS_X_NONCES].data = malloc(o.attr[COS_X_NONCES].len + 1);
    c = cos_crypt_create(key);

    if (c != NULL && o.attr[COS_X_NONCES].data != NULL) {
        memset(o.attr[COS_X_NONCES].data, 7, o.attr[COS_X_NONCES].len);
        rc = cos_sse_apply(c, &o, pos, buf, n);
        require(rc == (cos_sse_whole(&o) && (n == 0 || pos + n <= o.size)
                       ? 0 : -1));
    }

    free(o.attr[COS_X_NONCES].data);
    cos_crypt_free(c);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cos_str_t     text;
    cos_arena_t  *arena;
    static int    ready;

    if (!ready) {
        require(cos_hash_init() == 0);
        ready = 1;
    }

    if (size == 0) {
        return 0;
    }

    arena = cos_arena_create();
    if (arena == NULL) {
        return 0;
    }

    /* a copy, so that reading behind its end is seen */
    text.len = size - 1;
    text.data = malloc(text.len ? text.len : 1);

    if (text.data != NULL) {
        memcpy(text.data, data + 1, text.len);

        switch (data[0] % 3) {
        case 0:
            attribute(text, cos_arena_alloc(arena));
            break;
        case 1:
            keys(text);
            break;
        default:
            apply(data + 1, size - 1);
        }
    }

    free(text.data);
    cos_arena_free(arena);

    return 0;
}
