/*
 * Fuzz: the list of attributes, and their document for any record. The input
 * is the list, a line end, and a record.
 */

#include <stdlib.h>

#include "cos_parts.h"
#include "cos_xml_attributes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
try_record(cos_str_t rec, unsigned want, cos_alloc_t *a)
{
    cos_buf_t              b;
    uint64_t               n, first, len, sum;
    cos_object_t           o;
    cos_xml_attributes_t   l;

    if (cos_object_decode(&o, rec, a) != 0) {
        return;
    }

    memset(&l, 0, sizeof(l));
    l.dialect = COS_DIALECT_S3;
    l.object = &o;
    l.want = want;
    l.marker = o.seq;
    l.max_parts = o.mtime % 1001;

    cos_buf_init(&b, a, 64);
    cos_xml_attributes(&b, &l);

    /* parts follow one another */
    for (n = 1, sum = 0; n <= cos_parts_count(&o); n++) {
        if (cos_part_range(&o, n, &first, &len) != 0 || first != sum) {
            abort();
        }

        sum += len;
    }

    if (cos_part_range(&o, n, &first, &len) != -1) {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cos_u8       *copy, *end;
    unsigned      want;
    cos_str_t     list, rec;
    cos_arena_t  *arena;

    arena = cos_arena_create();
    copy = malloc(size > 0 ? size : 1);

    if (arena != NULL && copy != NULL) {
        memcpy(copy, data, size);
        end = memchr(copy, '\n', size);
        list.data = copy;
        list.len = end != NULL ? (size_t) (end - copy) : size;
        want = 0;

        if (cos_attributes_parse(list, &want) == COS_OK
            && (want == 0 || want > 31))
        {
            abort();
        }

        if (end != NULL) {
            rec.data = end + 1;
            rec.len = size - list.len - 1;
            try_record(rec, 31, cos_arena_alloc(arena));
        }
    }

    free(copy);
    cos_arena_free(arena);

    return 0;
}
