/*
 * What most unit tests begin with: cmocka, memory that goes with each test, and
 * spans of literals. A test that wants more calls setup() from its own.
 */

#ifndef COS_UNIT_H
#define COS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cos_core.h"

#define N(a)  (sizeof(a) / sizeof((a)[0]))

static cos_arena_t *arena;
static cos_alloc_t *mem;


static inline int
setup(void **state)
{
    (void) state;
    arena = cos_arena_create();
    mem = cos_arena_alloc(arena);

    return arena == NULL;
}


static inline int
teardown(void **state)
{
    (void) state;
    cos_arena_free(arena);

    return 0;
}


static inline cos_str_t
str(const char *s)
{
    return (cos_str_t) { strlen(s), (cos_u8 *) s };
}

#endif
