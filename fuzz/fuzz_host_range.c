/*
 * Fuzz: host, range, copy source and bucket name, each given the whole input
 * on the heap, so that a byte read too far shows.
 */

#include <stdlib.h>

#include "cos_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const cos_str_t  bases[] = {
    cos_lit("x.y"), cos_lit("s3.z"), cos_lit("cos.x.y"), cos_lit("y"),
};


static int
is_inside(cos_str_t part, cos_str_t whole)
{
    return part.len == 0
           || (part.data >= whole.data
               && part.data + part.len <= whole.data + whole.len);
}


static void
try_range(cos_str_t s)
{
    int       rc;
    size_t    i;
    uint64_t  first, last;

    static const uint64_t  sizes[] = { 0, 1, 10, UINT64_MAX };

    for (i = 0; i < 4; i++) {
        rc = cos_range_parse(s, sizes[i], &first, &last);

        if (rc < -1 || rc > 1
            || (rc == 1 && (first > last || last >= sizes[i])))
        {
            abort();
        }
    }
}


static void
try_source(cos_str_t s, cos_alloc_t *a)
{
    cos_str_t  bucket, key, version;

    if (cos_copy_source_parse(s, bases, 4, &bucket, &key, &version, a) != 0) {
        return;
    }

    if (bucket.len == 0 || key.len == 0
        || memchr(bucket.data, '/', bucket.len) != NULL)
    {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cos_str_t     s;
    cos_host_t    host;
    cos_arena_t  *arena;

    arena = cos_arena_create();
    s.data = malloc(size > 0 ? size : 1);
    s.len = size;

    if (arena != NULL && s.data != NULL) {
        if (size > 0) {
            memcpy(s.data, data, size);
        }

        cos_host_parse(&host, s, bases, 4);

        if (!is_inside(host.bucket, s) || !is_inside(host.region, s)
            || (host.style == COS_STYLE_VHOST) != (host.bucket.len > 0))
        {
            abort();
        }

        try_range(s);
        try_source(s, cos_arena_alloc(arena));
        (void) cos_bucket_name_valid(s, COS_DIALECT_COS);
        (void) cos_bucket_name_valid(s, COS_DIALECT_S3);
        (void) cos_bucket_name_valid(s, COS_DIALECT_BOS);
    }

    free(s.data);
    cos_arena_free(arena);

    return 0;
}
