/*
 * Any file at all may lie where a container is expected: the scan reports and
 * survives it, never reads outside, never reports a record that does not lie
 * in the file wholly.
 */

#define _GNU_SOURCE

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cos_container.h"


typedef struct {
    uint64_t  size;
    uint64_t  last;
} walk_t;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static int
see(void *ctx, const cos_rec_t *r, cos_scan_e state, cos_str_t json)
{
    size_t             i;
    walk_t            *w = ctx;
    volatile unsigned  sum;

    sum = 0;

    for (i = 0; i < json.len; i++) {
        sum += json.data[i];
    }

    if (r->rec_off > w->size || r->rec_len > w->size - r->rec_off) {
        abort();
    }

    if (state == COS_SCAN_OK || state == COS_SCAN_BAD_JSON
        || state == COS_SCAN_BAD_PAYLOAD)
    {
        if (r->rec_off < w->last
            || r->payload_off + r->payload_len + r->json_len
               > r->rec_off + r->rec_len)
        {
            abort();
        }

        w->last = r->rec_off + r->rec_len;
    }

    return 0;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int              fd, flags;
    walk_t           w;
    cos_json_t       seal;
    cos_arena_t     *arena;
    cos_scan_info_t  info;

    fd = memfd_create("container", MFD_CLOEXEC);
    if (fd == -1) {
        return 0;
    }

    if (write(fd, data, size) == (ssize_t) size) {
        for (flags = 0; flags < 4; flags++) {
            w.size = size;
            w.last = 0;

            if (cos_container_scan(fd, flags, &info, see, &w) != 0
                || info.end > size)
            {
                abort();
            }
        }

        arena = cos_arena_create();

        if (arena != NULL) {
            (void) cos_container_seal(fd, &seal, cos_arena_alloc(arena));
            cos_arena_free(arena);
        }
    }

    (void) close(fd);

    return 0;
}
