/*
 * What fuzz targets share that write again what they have read.
 */

#ifndef COS_FUZZ_H
#define COS_FUZZ_H

#include <stdlib.h>

#include "cos_xml.h"

#define MUST(x)  do { if (!(x)) { abort(); } } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);


int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void) argc;
    (void) argv;
    MUST(cos_hash_init() == 0);
    cos_xml_init();

    return 0;
}


/* What was written. */
static inline cos_str_t
text(const cos_buf_t *b)
{
    MUST(!b->err);

    return (cos_str_t) { b->len, b->data };
}

#endif
