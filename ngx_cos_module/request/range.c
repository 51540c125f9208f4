/*
 * request: the Range header, RFC 9110 section 14. A server may ignore a
 * Range, and this one does so whenever the header is not one well-formed
 * range of bytes; only a well-formed range beyond the end is an error.
 */

#include "cos_name.h"

static int parse_pos(const cos_u8 **p, const cos_u8 *end, uint64_t *n);


int
cos_range_parse(cos_str_t value, uint64_t size, uint64_t *first,
    uint64_t *last)
{
    int            has_first, has_last;
    uint64_t       from, to;
    cos_str_t      spec;
    const cos_u8  *p, *end;

    value = cos_str_trim(value);

    if (value.len < 6 || !cos_str_iis((cos_str_t) { 6, value.data }, "bytes="))
    {
        return 0;
    }

    spec = cos_str_trim((cos_str_t) { value.len - 6, value.data + 6 });
    p = spec.data;
    end = spec.data + spec.len;

    has_first = parse_pos(&p, end, &from);

    if (p == end || *p++ != '-') {
        return 0;
    }

    has_last = parse_pos(&p, end, &to);

    /* whatever follows, a list of ranges for instance */
    if (p != end || !(has_first || has_last)) {
        return 0;
    }

    if (!has_first) {
        if (to == 0) {
            return -1;
        }

        /* The last bytes of nothing are satisfiable, but no Content-Range
         * can say so. */
        if (size == 0) {
            return 0;
        }

        *first = to < size ? size - to : 0;
        *last = size - 1;
        return 1;
    }

    if (has_last && to < from) {
        return 0;
    }

    if (from >= size) {
        return -1;
    }

    *first = from;
    *last = has_last && to < size ? to : size - 1;

    return 1;
}


/* Digits; a number too large for 64 bits is as good as the largest one.
 * Returns whether there was any digit. */
static int
parse_pos(const cos_u8 **p, const cos_u8 *end, uint64_t *n)
{
    unsigned       digit;
    const cos_u8  *start;

    start = *p;
    *n = 0;

    for (/* void */; *p < end && **p >= '0' && **p <= '9'; (*p)++) {
        digit = **p - '0';

        if (*n > (UINT64_MAX - digit) / 10) {
            *n = UINT64_MAX;
            continue;
        }

        *n = *n * 10 + digit;
    }

    return *p > start;
}
