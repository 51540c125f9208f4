/*
 * core: spans. Bytes, not characters: no locale, no terminating NUL. Case is
 * folded for ASCII only, which is what HTTP's tokens ask for.
 */

#include <openssl/crypto.h>

#include "cos_core.h"

static int same_folded(const cos_u8 *a, const cos_u8 *b, size_t len);


int
cos_str_eq(cos_str_t a, cos_str_t b)
{
    return a.len == b.len
           && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}


int
cos_str_is(cos_str_t a, const char *lit)
{
    return a.len == strlen(lit)
           && (a.len == 0 || memcmp(a.data, lit, a.len) == 0);
}


int
cos_str_ieq(cos_str_t a, cos_str_t b)
{
    return a.len == b.len && same_folded(a.data, b.data, a.len);
}


int
cos_str_iis(cos_str_t a, const char *lit)
{
    return a.len == strlen(lit)
           && same_folded(a.data, (const cos_u8 *) lit, a.len);
}


static int
same_folded(const cos_u8 *a, const cos_u8 *b, size_t len)
{
    size_t i;
    cos_u8 c, d;

    for (i = 0; i < len; i++) {
        c = a[i];
        d = b[i];

        if (c == d) {
            continue;
        }

        /* letters of either case differ in this bit only */
        c |= 0x20;

        if (c != (d | 0x20) || c < 'a' || c > 'z') {
            return 0;
        }
    }

    return 1;
}


int
cos_str_starts(cos_str_t a, const char *lit)
{
    size_t len;

    len = strlen(lit);

    return a.len >= len && (len == 0 || memcmp(a.data, lit, len) == 0);
}


int
cos_str_cmp(cos_str_t a, cos_str_t b)
{
    int    rc;
    size_t len;

    len = a.len < b.len ? a.len : b.len;
    rc = len != 0 ? memcmp(a.data, b.data, len) : 0;

    if (rc == 0) {
        rc = (a.len > b.len) - (a.len < b.len);
    }

    return rc;
}


cos_str_t
cos_str_trim(cos_str_t a)
{
    while (a.len != 0 && (a.data[0] == ' ' || a.data[0] == '\t')) {
        a.data++;
        a.len--;
    }

    while (a.len != 0
           && (a.data[a.len - 1] == ' ' || a.data[a.len - 1] == '\t'))
    {
        a.len--;
    }

    return a;
}


int
cos_str_eq_secret(cos_str_t a, cos_str_t b)
{
    return a.len == b.len
           && (a.len == 0 || CRYPTO_memcmp(a.data, b.data, a.len) == 0);
}


int
cos_str_uint(cos_str_t s, uint64_t *n)
{
    size_t   i;
    uint64_t v, digit;

    if (s.len == 0) {
        return -1;
    }

    v = 0;

    for (i = 0; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9') {
            return -1;
        }

        digit = s.data[i] - '0';

        if (v > (UINT64_MAX - digit) / 10) {
            return -1;
        }

        v = v * 10 + digit;
    }

    *n = v;

    return 0;
}
