/*
 * What comes from the wire in encoded form: percent, hex, base64, queries and
 * dates. Beyond memory safety: whatever is decoded and encoded again must
 * decode to the same.
 */

#include <stdlib.h>

#include "cos_http.h"

int LLVMFuzzerTestOneInput(const cos_u8 *p, size_t n);

#define CHECK(x)  do { if (!(x)) { abort(); } } while (0)


static cos_str_t
span(const cos_buf_t *b)
{
    CHECK(b->err == 0);

    return (cos_str_t) { b->len, b->data };
}


/* A copy of exact size, so that reading past its end is seen. */
static cos_str_t
exact(const cos_u8 *p, size_t n)
{
    cos_str_t s;

    s.len = n;
    s.data = malloc(n ? n : 1);
    CHECK(s.data != NULL);

    if (n != 0) {
        memcpy(s.data, p, n);
    }

    return s;
}


static void
percent(cos_str_t in, cos_alloc_t *a)
{
    int       flags, plus;
    cos_buf_t b;
    cos_str_t out, back;
    ptrdiff_t n;

    out = exact(in.data, in.len);

    for (plus = 0; plus < 2; plus++) {
        n = cos_pct_decode(out.data, in, plus);
        CHECK(n >= -1 && n <= (ptrdiff_t) in.len);
        CHECK(n >= 0 || memchr(in.data, '%', in.len) != NULL);
    }

    for (flags = 0; flags < 4; flags++) {
        cos_buf_init(&b, a, 0);
        cos_pct_encode(&b, in, flags);
        back = exact(b.data, span(&b).len);
        n = cos_pct_decode(back.data, back, 1);      /* no '+' is left */
        back.len = (size_t) n;
        CHECK(n >= 0 && cos_str_eq(back, in));
        free(back.data);
    }

    free(out.data);
}


static void
base64_and_hex(cos_str_t in, cos_alloc_t *a)
{
    char      hex[64];
    cos_u8    raw[32];
    cos_buf_t b;
    cos_str_t out;
    ptrdiff_t n;

    out = exact(in.data, in.len / 4 * 3);
    n = cos_unbase64(out.data, in);

    if (n >= 0) {
        /* strict: there is one spelling only */
        cos_buf_init(&b, a, 0);
        cos_base64(&b, out.data, (size_t) n);
        CHECK(cos_str_eq(span(&b), in));
    }

    free(out.data);

    cos_buf_init(&b, a, 0);
    cos_base64(&b, in.data, in.len);
    out = exact(b.data, b.len / 4 * 3);
    n = cos_unbase64(out.data, span(&b));
    CHECK(n == (ptrdiff_t) in.len);
    CHECK(n == 0 || memcmp(out.data, in.data, in.len) == 0);
    free(out.data);

    if (in.len <= 64 && cos_unhex(raw, in.len / 2, in) == 0) {
        cos_hex(hex, raw, in.len / 2);
        CHECK(cos_str_ieq((cos_str_t) { in.len, (cos_u8 *) hex }, in));
    }
}


static void
query(cos_str_t in, cos_alloc_t *a)
{
    size_t           i;
    char             name[256];
    cos_buf_t        b;
    cos_args_t       args, again;
    const cos_arg_t *arg;

    if (cos_args_parse(&args, in, a) != COS_OK) {
        CHECK(args.n == 0);
        return;
    }

    CHECK(args.n <= COS_ARGS_MAX);
    cos_buf_init(&b, a, 0);

    for (i = 0; i < args.n; i++) {
        arg = &args.v[i];
        CHECK(arg->has_eq || arg->raw_value.len == 0);
        CHECK(arg->raw_name.data >= in.data);
        CHECK(arg->raw_value.data + arg->raw_value.len <= in.data + in.len);
        cos_buf_char(&b, '&');
        cos_pct_encode(&b, arg->name, 0);
        cos_buf_char(&b, '=');
        cos_pct_encode(&b, arg->value, 0);

        if (arg->name.len < sizeof(name)
            && (arg->name.len == 0
                || memchr(arg->name.data, '\0', arg->name.len) == NULL))
        {
            memcpy(name, arg->name.data, arg->name.len);
            name[arg->name.len] = '\0';
            CHECK(cos_arg(&args, name) != NULL);
            CHECK(cos_arg(&args, name) <= arg);
        }
    }

    CHECK(cos_args_parse(&again, span(&b), a) == COS_OK);
    CHECK(again.n == args.n);

    for (i = 0; i < args.n; i++) {
        CHECK(cos_str_eq(again.v[i].name, args.v[i].name));
        CHECK(cos_str_eq(again.v[i].value, args.v[i].value));
    }
}


static void
dates(cos_str_t in)
{
    char    text[29], iso[25];
    size_t  len;
    int64_t sec, any;

    sec = cos_parse_http_date(in);
    CHECK(sec >= -1);

    if (sec >= 0) {
        cos_http_date(text, sec);
        CHECK(cos_parse_http_date((cos_str_t) { 29, (cos_u8 *) text }) == sec);
    }

    sec = cos_parse_iso8601(in);
    CHECK(sec >= -1);

    if (sec >= 0) {
        len = cos_iso8601(iso, sec * 1000 + 999, sec & 1);
        CHECK(cos_parse_iso8601((cos_str_t) { len, (cos_u8 *) iso }) == sec);
    }

    if (in.len == sizeof(any)) {
        /* any number is a date of 29 and of 24 bytes that can be read */
        memcpy(&any, in.data, sizeof(any));
        cos_http_date(text, any);
        CHECK(cos_parse_http_date((cos_str_t) { 29, (cos_u8 *) text }) >= 0);
        CHECK(cos_iso8601(iso, any, 1) == 24);
        CHECK(cos_parse_iso8601((cos_str_t) { 24, (cos_u8 *) iso }) >= 0);
    }
}


int
LLVMFuzzerTestOneInput(const cos_u8 *p, size_t n)
{
    uint64_t     number;
    cos_str_t    in;
    cos_arena_t *arena;

    arena = cos_arena_create();
    CHECK(arena != NULL);
    in = exact(p, n);

    percent(in, cos_arena_alloc(arena));
    base64_and_hex(in, cos_arena_alloc(arena));
    query(in, cos_arena_alloc(arena));
    dates(in);
    (void) cos_str_uint(in, &number);

    free(in.data);
    cos_arena_free(arena);

    return 0;
}
