/*
 * core: percent, hex and base64. Keys, signatures and ETags pass through here
 * several times for each request, hence the tables.
 */

#include "cos_core.h"

#define UNRESERVED  1
#define SLASH       2

/* clang-format off */

static const cos_u8 pct_class[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0,
    0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1,
    0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
};

static const int16_t hex_value[256] = {
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
     0,  1,  2,  3,  4,  5,  6,  7,  8,  9, -1, -1, -1, -1, -1, -1,
    -1, 10, 11, 12, 13, 14, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, 10, 11, 12, 13, 14, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
};

static const int16_t b64_value[256] = {
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 62, -1, -1, -1, 63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, -1, -1, -1, -1, -1, -1,
    -1,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, -1, -1, -1, -1, -1,
    -1, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
};

/* clang-format on */

static const char hex_lower[16] = "0123456789abcdef";
static const char hex_upper[16] = "0123456789ABCDEF";
static const char b64_digit[64] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static ptrdiff_t unbase64_tail(cos_u8 *dst, const cos_u8 *p);


void
cos_pct_encode(cos_buf_t *b, cos_str_t src, int flags)
{
    int         keep;
    size_t      i, escapes;
    cos_u8     *dst, c;
    const char *hex;

    keep = UNRESERVED | (flags & COS_ENC_SLASH ? SLASH : 0);
    hex = flags & COS_ENC_LOWER ? hex_lower : hex_upper;
    escapes = 0;

    for (i = 0; i < src.len; i++) {
        escapes += (pct_class[src.data[i]] & keep) == 0;
    }

    if (escapes == 0) {
        cos_buf_str(b, src);
        return;
    }

    if (escapes > (SIZE_MAX - src.len) / 2) {
        b->err = 1;
        return;
    }

    dst = cos_buf_reserve(b, src.len + 2 * escapes);
    if (dst == NULL) {
        return;
    }

    for (i = 0; i < src.len; i++) {
        c = src.data[i];

        if (pct_class[c] & keep) {
            *dst++ = c;
            continue;
        }

        *dst++ = '%';
        *dst++ = (cos_u8) hex[c >> 4];
        *dst++ = (cos_u8) hex[c & 15];
    }

    b->len += src.len + 2 * escapes;
}


ptrdiff_t
cos_pct_decode(cos_u8 *dst, cos_str_t src, int plus)
{
    int           hi, lo;
    cos_u8       *d, c;
    const cos_u8 *p, *end;

    if (src.len == 0) {
        return 0;
    }

    d = dst;
    p = src.data;
    end = p + src.len;

    while (p < end) {
        c = *p++;

        if (c == '%') {
            if (end - p < 2) {
                return -1;
            }

            hi = hex_value[p[0]];
            lo = hex_value[p[1]];

            if ((hi | lo) < 0) {
                return -1;
            }

            c = (cos_u8) (hi << 4 | lo);
            p += 2;

        } else if (c == '+' && plus) {
            c = ' ';
        }

        *d++ = c;
    }

    return d - dst;
}


void
cos_hex(char *dst, const void *src, size_t len)
{
    const cos_u8 *p = src;

    while (len--) {
        *dst++ = hex_lower[*p >> 4];
        *dst++ = hex_lower[*p++ & 15];
    }
}


int
cos_unhex(void *dst, size_t n, cos_str_t src)
{
    int     v, bad;
    size_t  i;
    cos_u8 *d = dst;

    if (n > SIZE_MAX / 2 || src.len != n * 2) {
        return -1;
    }

    bad = 0;

    for (i = 0; i < n; i++) {
        /* a bad digit is -1 and makes v negative, which must not be shifted */
        v = hex_value[src.data[2 * i]] * 16 | hex_value[src.data[2 * i + 1]];
        bad |= v;
        d[i] = (cos_u8) v;
    }

    return bad < 0 ? -1 : 0;
}


void
cos_base64(cos_buf_t *b, const void *src, size_t len)
{
    size_t        n;
    cos_u8       *d;
    uint32_t      v;
    const cos_u8 *p = src;

    if (len > SIZE_MAX / 4) {
        b->err = 1;
        return;
    }

    n = (len + 2) / 3 * 4;
    d = cos_buf_reserve(b, n);
    if (d == NULL) {
        return;
    }

    for (; len >= 3; len -= 3, p += 3) {
        v = (uint32_t) p[0] << 16 | (uint32_t) p[1] << 8 | p[2];
        *d++ = (cos_u8) b64_digit[v >> 18];
        *d++ = (cos_u8) b64_digit[v >> 12 & 63];
        *d++ = (cos_u8) b64_digit[v >> 6 & 63];
        *d++ = (cos_u8) b64_digit[v & 63];
    }

    if (len != 0) {
        v = (uint32_t) p[0] << 16 | (len == 2 ? (uint32_t) p[1] << 8 : 0);
        *d++ = (cos_u8) b64_digit[v >> 18];
        *d++ = (cos_u8) b64_digit[v >> 12 & 63];
        *d++ = (cos_u8) (len == 2 ? b64_digit[v >> 6 & 63] : '=');
        *d++ = '=';
    }

    b->len += n;
}


ptrdiff_t
cos_unbase64(cos_u8 *dst, cos_str_t src)
{
    int           a, b, c, d;
    cos_u8       *out;
    ptrdiff_t     n;
    const cos_u8 *p, *last;

    if (src.len == 0) {
        return 0;
    }

    if (src.len % 4 != 0) {
        return -1;
    }

    out = dst;
    last = src.data + src.len - 4;

    for (p = src.data; p < last; p += 4) {
        a = b64_value[p[0]];
        b = b64_value[p[1]];
        c = b64_value[p[2]];
        d = b64_value[p[3]];

        if ((a | b | c | d) < 0) {
            return -1;
        }

        *out++ = (cos_u8) (a << 2 | b >> 4);
        *out++ = (cos_u8) (b << 4 | c >> 2);
        *out++ = (cos_u8) (c << 6 | d);
    }

    n = unbase64_tail(out, last);

    return n < 0 ? -1 : out - dst + n;
}


/*
 * The last four digits, the only ones that may be padded. Bits that padding
 * leaves over must be zero: a value has one spelling (RFC 4648 section 3.5).
 */
static ptrdiff_t
unbase64_tail(cos_u8 *dst, const cos_u8 *p)
{
    int       a, b, c, d;
    ptrdiff_t n;

    n = p[3] != '=' ? 3 : p[2] != '=' ? 2 : 1;
    a = b64_value[p[0]];
    b = b64_value[p[1]];
    c = n > 1 ? b64_value[p[2]] : 0;
    d = n > 2 ? b64_value[p[3]] : 0;

    if ((a | b | c | d) < 0
        || (n == 1 && (b & 15) != 0)
        || (n == 2 && (c & 3) != 0))
    {
        return -1;
    }

    dst[0] = (cos_u8) (a << 2 | b >> 4);

    if (n > 1) {
        dst[1] = (cos_u8) (b << 4 | c >> 2);
    }

    if (n > 2) {
        dst[2] = (cos_u8) (c << 6 | d);
    }

    return n;
}
