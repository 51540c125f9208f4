/*
 * meta: tags of buckets and objects. Rules: COS, PUT Object tagging; S3, "User-
 * defined tag restrictions". Lengths count characters, not bytes.
 */

#include "cos_attr.h"


/* Above ASCII, what is neither letter, number nor space, as far as whole
 * blocks of Unicode tell: S3 allows \p{L}, \p{Z} and \p{N}. */
static const struct {
    uint32_t  first, last;
} symbols[] = {
    { 0x80, 0x9f },                   /* controls */
    { 0x200b, 0x2027 }, { 0x202a, 0x202e }, { 0x2030, 0x205e },
    { 0x2060, 0x206f },               /* punctuation, formats */
    { 0x20a0, 0x20cf },               /* currencies */
    { 0x2190, 0x245f }, { 0x2500, 0x2bff },   /* arrows to shapes */
    { 0xd800, 0xf8ff },               /* surrogates, private use */
    { 0xfe00, 0xfe0f }, { 0xfff0, 0xffff },
    { 0x1f000, 0x1faff },             /* pictures */
    { 0xe0000, 0x10ffff }
};


/* --- reading and writing ---------------------------------------------------- */

static cos_err_e
decode(cos_str_t *s, const cos_u8 *p, const cos_u8 *end, cos_alloc_t *a)
{
    ptrdiff_t  n;
    cos_str_t  raw = { (size_t) (end - p), (cos_u8 *) p };

    s->data = cos_alloc(a, raw.len + 1);
    if (s->data == NULL) {
        return COS_E_INTERNAL;
    }

    n = cos_pct_decode(s->data, raw, 1);
    s->len = n < 0 ? 0 : (size_t) n;

    return n < 0 ? COS_E_INVALID_TAG : COS_OK;
}


cos_err_e
cos_tags_parse(cos_tag_t **v, size_t *n, cos_str_t text, cos_alloc_t *a)
{
    cos_u8      *p, *q, *eq, *end;
    cos_err_e    err;

    *n = 0;
    *v = NULL;

    if (text.len == 0) {
        return COS_OK;
    }

    *v = cos_alloc(a, cos_tags_count(text) * sizeof(cos_tag_t));
    if (*v == NULL) {
        return COS_E_INTERNAL;
    }

    end = text.data + text.len;

    for (p = text.data; p <= end; p = q + 1) {

        q = p < end ? memchr(p, '&', (size_t) (end - p)) : NULL;
        q = q ? q : end;
        eq = p < q ? memchr(p, '=', (size_t) (q - p)) : NULL;
        eq = eq ? eq : q;

        err = decode(&(*v)[*n].key, p, eq, a);

        if (err == COS_OK) {
            err = decode(&(*v)[*n].value, eq < q ? eq + 1 : q, q, a);
        }

        if (err != COS_OK) {
            return err;
        }

        (*n)++;
    }

    return COS_OK;
}


void
cos_tags_print(cos_buf_t *b, const cos_tag_t *v, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (i > 0) {
            cos_buf_char(b, '&');
        }

        cos_pct_encode(b, v[i].key, 0);
        cos_buf_char(b, '=');
        cos_pct_encode(b, v[i].value, 0);
    }
}


size_t
cos_tags_count(cos_str_t text)
{
    size_t  i, n;

    n = text.len > 0;

    for (i = 0; i < text.len; i++) {
        n += text.data[i] == '&';
    }

    return n;
}


/* --- rules ------------------------------------------------------------------ */

/* The character at *p, which moves on; 0xffffffff: no UTF-8. */
static uint32_t
next_char(const cos_u8 **p, const cos_u8 *end)
{
    int       more;
    uint32_t  c, least;

    c = *(*p)++;

    if (c < 0x80) {
        return c;
    }

    if (c < 0xc2 || c > 0xf4) {
        return 0xffffffff;
    }

    more = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
    least = more == 1 ? 0x80 : more == 2 ? 0x800 : 0x10000;
    c &= 0x3f >> more;

    for ( /* void */ ; more > 0; more--) {
        if (*p == end || (**p & 0xc0) != 0x80) {
            return 0xffffffff;
        }

        c = c << 6 | (*(*p)++ & 0x3f);
    }

    return c < least || c > 0x10ffff ? 0xffffffff : c;
}


static int
allowed(uint32_t c)
{
    size_t  i;

    if (c < 0x80) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
               || (c >= '0' && c <= '9')
               || (c != 0 && strchr(" +-=._:/@", (int) c) != NULL);
    }

    for (i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
        if (c >= symbols[i].first && c <= symbols[i].last) {
            return 0;
        }
    }

    return c <= 0x10ffff;
}


/* Whether s has min to max characters, all of them allowed. */
static int
fits(cos_str_t s, size_t min, size_t max)
{
    size_t         n;
    const cos_u8  *p, *end;

    p = s.data;
    end = p + s.len;

    for (n = 0; p < end; n++) {
        if (!allowed(next_char(&p, end))) {
            return 0;
        }
    }

    return n >= min && n <= max;
}


static int
reserved(cos_str_t key, cos_dialect_e d)
{
    if (d == COS_DIALECT_S3) {
        return key.len >= 4 && cos_str_iis((cos_str_t) { 4, key.data }, "aws:");
    }

    return cos_str_starts(key, "qcs:") || cos_str_starts(key, "cos:")
           || cos_str_starts(key, "project")
           || cos_str_starts(key, "\xe9\xa1\xb9\xe7\x9b\xae");
}


cos_err_e
cos_tags_check(cos_tag_t *v, size_t n, size_t max, cos_dialect_e d)
{
    size_t     i, k;
    cos_tag_t  tag;

    if (n > max) {
        return COS_E_INVALID_TAG;
    }

    for (i = 0; i < n; i++) {
        tag = v[i];

        if (!fits(tag.key, 1, COS_TAG_KEY_MAX)
            || !fits(tag.value, 0, COS_TAG_VALUE_MAX)
            || reserved(tag.key, d))
        {
            return COS_E_INVALID_TAG;
        }

        /* there are few: insertion finds equals, too */

        for (k = i; k > 0 && cos_str_cmp(v[k - 1].key, tag.key) > 0; k--) {
            v[k] = v[k - 1];
        }

        if (k > 0 && cos_str_eq(v[k - 1].key, tag.key)) {
            return COS_E_INVALID_TAG;
        }

        v[k] = tag;
    }

    return COS_OK;
}
