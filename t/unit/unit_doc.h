/*
 * Tests of documents: what is written goes into doc, which is empty when a test
 * begins.
 */

#ifndef COS_UNIT_DOC_H
#define COS_UNIT_DOC_H

#include "unit.h"

static cos_buf_t  doc;


static inline cos_buf_t *
fresh(void)
{
    cos_buf_init(&doc, mem, 0);

    return &doc;
}


static inline int
setup_doc(void **state)
{
    if (setup(state) != 0) {
        return -1;
    }

    (void) fresh();

    return 0;
}

#endif
