/*
 * Fuzz: bodies of HTML forms. The first byte says how the rest is split; the
 * boundary is "B0". Read in pieces a body must be what it is read at once:
 * fields, file and verdict.
 */

#include <stdlib.h>

#include "cos_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    cos_form_t  f;
    cos_err_e   err;
    cos_buf_t   file;
} form_t;


static void
read_form(form_t *x, const uint8_t *data, size_t size, size_t step,
    cos_alloc_t *a)
{
    size_t      n;
    cos_u8     *piece, *p;
    cos_str_t   bytes;
    cos_form_e  rc;

    cos_buf_init(&x->file, a, size + 1);
    x->err = cos_form_init(&x->f, COS_STR("multipart/form-data; boundary=B0"),
                           a);

    for ( ; x->err == COS_OK && size; data += n, size -= n) {
        n = step && step < size ? step : size;
        piece = malloc(n);
        memcpy(piece, data, n);
        p = piece;

        do {
            rc = cos_form_read(&x->f, &p, piece + n, &bytes);

            if (rc == COS_FORM_DATA) {
                cos_buf_str(&x->file, bytes);
                memset(bytes.data, 0, bytes.len);
            }
        } while (rc == COS_FORM_DATA || rc == COS_FORM_FILE);

        if (rc == COS_FORM_FAILED) {
            x->err = x->f.err;

        } else if (p != piece + n) {
            abort();
        }

        free(piece);
    }

    if (x->err == COS_OK) {
        x->err = cos_form_finish(&x->f);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t       i;
    form_t      *x;
    cos_arena_t *arena;

    if (size == 0) {
        return 0;
    }

    x = calloc(2, sizeof(form_t));
    arena = cos_arena_create();

    read_form(&x[0], data + 1, size - 1, 0, cos_arena_alloc(arena));
    read_form(&x[1], data + 1, size - 1, 1 + data[0] % 37,
              cos_arena_alloc(arena));

    if (x[0].err != x[1].err || x[0].f.nfields != x[1].f.nfields) {
        abort();
    }

    for (i = 0; i < x[0].f.nfields; i++) {
        if (!cos_str_eq(x[0].f.fields[i].name, x[1].f.fields[i].name)
            || (x[0].err == COS_OK
                && !cos_str_eq(x[0].f.fields[i].value,
                               x[1].f.fields[i].value)))
        {
            abort();
        }
    }

    if (x[0].err == COS_OK
        && (x[0].file.len != x[1].file.len
            || memcmp(x[0].file.data, x[1].file.data, x[0].file.len) != 0
            || !cos_str_eq(x[0].f.filename, x[1].f.filename)))
    {
        abort();
    }

    cos_arena_free(arena);
    free(x);

    return 0;
}
