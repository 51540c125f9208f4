/*
 * request: multipart/form-data, read whole and split at every place.
 */

#include "unit.h"
#include "cos_form.h"

#define TYPE  "multipart/form-data; boundary=B0"
#define PART(name, value)                                                     \
    "--B0\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"       \
    value "\r\n"
#define FILE_PART(filename, bytes)                                            \
    "--B0\r\nContent-Disposition: form-data; name=\"file\"; filename=\""      \
    filename "\"\r\nContent-Type: text/plain\r\n\r\n" bytes "\r\n"
#define CLOSE  "--B0--\r\n"

typedef struct {
    cos_arena_t  *arena;
    cos_form_t    f;
    cos_err_e     err;
    char          data[4096];        /* of the file */
    size_t        len;
    int           files;
} read_t;


/* Reads a body in two pieces, or, with at == 0, byte after byte. */
static void
read_body(read_t *r, const char *type, const char *body, size_t at)
{
    size_t     n, len, from;
    cos_u8    *p, *end, *piece;
    cos_str_t  data;
    cos_form_e rc = COS_FORM_MORE;

    memset(r, 0, sizeof(*r));
    r->arena = cos_arena_create();
    r->err = cos_form_init(&r->f, str(type), cos_arena_alloc(r->arena));

    len = strlen(body);

    for (from = 0; r->err == COS_OK && from < len; from += n) {
        n = at == 0 ? 1 : from == 0 && at < len ? at : len - from;

        /* a piece of its own, so that a sanitizer sees who reads beyond it */
        piece = malloc(n);
        memcpy(piece, body + from, n);
        p = piece;
        end = piece + n;

        do {
            rc = cos_form_read(&r->f, &p, end, &data);

            if (rc == COS_FORM_DATA) {
                assert_true(data.len > 0);
                assert_true(r->len + data.len <= sizeof(r->data));
                memcpy(r->data + r->len, data.data, data.len);
                memset(data.data, 'Z', data.len);
                r->len += data.len;

            } else if (rc == COS_FORM_FILE) {
                r->files++;
            }
        } while (rc == COS_FORM_DATA || rc == COS_FORM_FILE);

        assert_true(rc == COS_FORM_FAILED || p == end);

        if (rc == COS_FORM_FAILED) {
            r->err = r->f.err;
            p = end;
            assert_int_equal(cos_form_read(&r->f, &p, end, &data),
                             COS_FORM_FAILED);
        }

        free(piece);
    }

    if (r->err == COS_OK) {
        r->err = cos_form_finish(&r->f);
    }
}


static void
done(read_t *r)
{
    cos_arena_free(r->arena);
}


static void
is_field(read_t *r, size_t i, const char *name, const char *value)
{
    assert_true(i < r->f.nfields);
    assert_true(cos_str_is(r->f.fields[i].name, name));
    assert_true(cos_str_is(r->f.fields[i].value, value));
}


static void
test_split(void **state)
{
    size_t  at;
    read_t  r;

    static const char body[] =
        "preamble\r\n--B1\r\n"
        PART("Key", "a/${filename}") PART("empty", "")
        PART("text", "\r\n--B\r\n\r\r\n--B-") PART("a=\\\"b;c", " v ")
        FILE_PART("C:\\dir\\na\\\"me.txt", "\r\n--B\r\r\n--\n--B0\r\n-B0\r")
        PART("after", "x") CLOSE "epilogue --B0\r\n--B0x";

    (void) state;

    for (at = 0; at <= sizeof(body); at++) {
        read_body(&r, TYPE, body, at);

        assert_int_equal(r.err, COS_OK);
        assert_int_equal(r.f.nfields, 4);
        is_field(&r, 0, "key", "a/${filename}");
        is_field(&r, 1, "empty", "");
        is_field(&r, 2, "text", "\r\n--B\r\n\r\r\n--B-");
        is_field(&r, 3, "a=\"b;c", " v ");
        assert_int_equal(r.files, 1);
        assert_true(cos_str_is(r.f.filename, "na\"me.txt"));
        assert_int_equal(r.len, 21);
        assert_memory_equal(r.data, "\r\n--B\r\r\n--\n--B0\r\n-B0\r", 21);
        assert_non_null(cos_form_field(&r.f, "key"));
        assert_null(cos_form_field(&r.f, "after"));
        done(&r);
    }
}


static void
test_types(void **state)
{
    size_t  i;
    read_t  r;

    static const struct {
        const char *type;
        cos_err_e   rc;
    } cases[] = {
        { "multipart/form-data; boundary=B0", COS_OK },
        { "Multipart/Form-Data;BOUNDARY=B0", COS_OK },
        { "multipart/form-data; charset=utf-8; boundary=\"B0\"", COS_OK },
        { "multipart/form-data ; boundary = B0 ; x=\"a;b\"", COS_OK },
        { "", COS_E_NOT_MULTIPART },
        { "text/plain; boundary=B0", COS_E_NOT_MULTIPART },
        { "multipart/mixed; boundary=B0", COS_E_NOT_MULTIPART },
        { "multipart/form-data", COS_E_MALFORMED_POST },
        { "multipart/form-data; boundary", COS_E_MALFORMED_POST },
        { "multipart/form-data; boundary=", COS_E_MALFORMED_POST },
        { "multipart/form-data; boundary=\"B0", COS_E_MALFORMED_POST },
        { "multipart/form-data; boundary=\"\"", COS_E_MALFORMED_POST },
        { "multipart/form-data; boundary=0123456789012345678901234567890123"
          "45678901234567890123456789012345678901", COS_E_MALFORMED_POST },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        read_body(&r, cases[i].type, FILE_PART("f", "x") CLOSE, 9);
        assert_int_equal(r.err, cases[i].rc);
        done(&r);
    }
}


static void
test_malformed(void **state)
{
    size_t  i, at;
    read_t  r;

    static const struct {
        const char *body;
        cos_err_e   rc;
    } cases[] = {
        { "", COS_E_MALFORMED_POST },
        { "--B0", COS_E_MALFORMED_POST },
        { CLOSE, COS_E_POST_FILES },
        { "--B0--", COS_E_POST_FILES },
        { PART("a", "b") CLOSE, COS_E_POST_FILES },
        { FILE_PART("f", "x") FILE_PART("f", "x") CLOSE, COS_E_POST_FILES },
        { FILE_PART("f", "x"), COS_E_MALFORMED_POST },
        { FILE_PART("f", "x") "--B0", COS_E_MALFORMED_POST },
        { FILE_PART("f", "x") "--B0-", COS_E_MALFORMED_POST },
        { FILE_PART("f", "x") "--B0-x", COS_E_MALFORMED_POST },
        { FILE_PART("f", "x") "--B0 -", COS_E_MALFORMED_POST },
        { FILE_PART("f", "x") "--B0\rx", COS_E_MALFORMED_POST },
        { FILE_PART("f", "x") "--B0x", COS_E_MALFORMED_POST },
        { FILE_PART("f", "x") "--B0 \t\r\n" CLOSE, COS_E_MALFORMED_POST },
        { "--B0\n" FILE_PART("f", "x") CLOSE, COS_E_MALFORMED_POST },
        { PART("a", "b") PART("A", "c") CLOSE, COS_E_INVALID_ARGUMENT },
        { "--B0\r\n\r\nx\r\n" CLOSE, COS_E_MALFORMED_POST },
        { "--B0\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\n"
          CLOSE, COS_E_MALFORMED_POST },
        { "--B0\r\nContent-Disposition: form-data; name=a; filename=b; "
          "filename=c\r\n\r\n" CLOSE, COS_E_MALFORMED_POST },
        { "--B0\r\nContent-Disposition: form-data; name=\"a\"b\r\n\r\n" CLOSE,
          COS_E_MALFORMED_POST },
        { "--B0\r\nContent-Disposition: form-datax; name=\"a\"\r\n\r\n" CLOSE,
          COS_E_MALFORMED_POST },
        { "--B0\r\nContent-Disposition: form-data; name=a\r\n folded\r\n\r\n"
          CLOSE, COS_E_MALFORMED_POST },
        { PART("x-cos-meta-a: 1\rB", "v") CLOSE, COS_E_MALFORMED_POST },
        { PART("X-Amz-Meta-a b", "v") CLOSE, COS_E_MALFORMED_POST },
        { PART("x-bce-\xc3\xa4", "v") CLOSE, COS_E_MALFORMED_POST },
        { PART("x-amz-\x7f", "v") CLOSE, COS_E_MALFORMED_POST },
        { "--B0\r\n: x\r\n\r\n" CLOSE, COS_E_MALFORMED_POST },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (at = 0; at <= strlen(cases[i].body); at++) {
            read_body(&r, TYPE, cases[i].body, at);

            if (r.err != cases[i].rc) {
                fail_msg("case %zu at %zu: %d", i, at, r.err);
            }

            done(&r);
        }
    }
}


static char *
repeat(const char *head, const char *what, size_t n, const char *tail)
{
    char *s, *p;

    s = malloc(strlen(head) + n * (strlen(what) + 8) + strlen(tail) + 1);
    p = s + sprintf(s, "%s", head);

    for (; n; n--) {
        p += sprintf(p, what, (int) n);
    }

    sprintf(p, "%s", tail);

    return s;
}


static void
test_limits(void **state)
{
    int     i;
    char   *body;
    read_t  r;

    static const struct {
        const char *head;
        const char *what;
        size_t      n;
        cos_err_e   rc;
    } cases[] = {
        { "--B0\r\nContent-Disposition: form-data; name=a\r\n\r\n", "x",
          COS_FORM_PRE_MAX - 1, COS_OK },
        { "--B0\r\nContent-Disposition: form-data; name=a\r\n\r\n", "x",
          COS_FORM_PRE_MAX, COS_E_POST_PRE_DATA },
        { "--B0\r\nContent-Disposition: form-data; name=\"z\"\r\n\r\n",
          "\r\n--B0\r\nContent-Disposition: form-data; name=\"a%d\"\r\n\r\n",
          COS_FORM_FIELDS_MAX - 1, COS_OK },
        { "--B0\r\nContent-Disposition: form-data; name=\"z\"\r\n\r\n",
          "\r\n--B0\r\nContent-Disposition: form-data; name=\"a%d\"\r\n\r\n",
          COS_FORM_FIELDS_MAX, COS_E_POST_PRE_DATA },
        { "--B0\r\nContent-Disposition: form-data; name=a\r\nX: ", "y", 4000,
          COS_E_MALFORMED_POST },
        { "--B0\r\nContent-Disposition: form-data; name=a\r\nX: ", "y", 5000,
          COS_E_MALFORMED_POST },
        { "", "0123456789", 9000, COS_E_POST_PRE_DATA },
    };

    (void) state;

    for (i = 0; i < 7; i++) {
        body = repeat(cases[i].head, cases[i].what, cases[i].n,
                      "\r\n" FILE_PART("f", "x") CLOSE);

        read_body(&r, TYPE, body, 5000);
        assert_int_equal(r.err, cases[i].rc);
        done(&r);
        free(body);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
