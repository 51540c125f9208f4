/*
 * core: memory. Allocation by arena only: a request, a job or a test takes
 * what it needs and drops everything at once, so there is nothing to leak on
 * the many error paths. On the nginx side the arena is the request's pool.
 */

#include <stdlib.h>

#include "cos_core.h"

#define BLOCK_SIZE  16384
#define BUF_MIN     64

/* The header of a block; the memory that is handed out follows it. */
typedef struct block_s {
    struct block_s  *next;
    size_t           used;
    size_t           size;
} __attribute__((aligned(16))) block_t;

struct cos_arena_s {
    cos_alloc_t   alloc;
    block_t      *blocks;             /* the first one is filled */
};

static void *arena_take(void *ctx, size_t size);
static block_t *block_create(size_t size);


void *
cos_alloc(cos_alloc_t *a, size_t size)
{
    /* nobody may confuse an empty result with a failure */
    return a->alloc(a->ctx, size ? size : 1);
}


void *
cos_zalloc(cos_alloc_t *a, size_t size)
{
    void *p;

    p = cos_alloc(a, size);
    if (p != NULL) {
        memset(p, 0, size);
    }

    return p;
}


int
cos_dup(cos_alloc_t *a, cos_str_t *dst, const void *src, size_t len)
{
    cos_u8 *p;

    if (len == SIZE_MAX) {
        return -1;
    }

    p = cos_alloc(a, len + 1);
    if (p == NULL) {
        return -1;
    }

    if (len != 0) {
        memcpy(p, src, len);
    }

    p[len] = '\0';
    dst->data = p;
    dst->len = len;

    return 0;
}


cos_arena_t *
cos_arena_create(void)
{
    cos_arena_t *arena;

    arena = malloc(sizeof(cos_arena_t));
    if (arena == NULL) {
        return NULL;
    }

    arena->alloc.alloc = arena_take;
    arena->alloc.ctx = arena;
    arena->blocks = NULL;

    return arena;
}


cos_alloc_t *
cos_arena_alloc(cos_arena_t *arena)
{
    return &arena->alloc;
}


void
cos_arena_free(cos_arena_t *arena)
{
    block_t *block, *next;

    if (arena == NULL) {
        return;
    }

    for (block = arena->blocks; block != NULL; block = next) {
        next = block->next;
        free(block);
    }

    free(arena);
}


static void *
arena_take(void *ctx, size_t size)
{
    block_t     *block;
    cos_arena_t *arena = ctx;

    if (size > SIZE_MAX / 2) {
        return NULL;
    }

    size = (size + 15) & ~(size_t) 15;
    block = arena->blocks;

    if (block != NULL && block->size - block->used >= size) {
        block->used += size;
        return (cos_u8 *) (block + 1) + block->used - size;
    }

    if (block != NULL && size > BLOCK_SIZE / 4) {
        /* a large piece goes behind the first block, which still has room */
        block = block_create(size);
        if (block == NULL) {
            return NULL;
        }

        block->next = arena->blocks->next;
        arena->blocks->next = block;

    } else {
        block = block_create(size > BLOCK_SIZE ? size : BLOCK_SIZE);
        if (block == NULL) {
            return NULL;
        }

        block->next = arena->blocks;
        arena->blocks = block;
    }

    block->used = size;

    return block + 1;
}


static block_t *
block_create(size_t size)
{
    block_t *block;

    block = malloc(sizeof(block_t) + size);
    if (block != NULL) {
        block->size = size;
    }

    return block;
}


void
cos_buf_init(cos_buf_t *b, cos_alloc_t *a, size_t hint)
{
    memset(b, 0, sizeof(cos_buf_t));
    b->alloc = a;

    if (hint != 0) {
        (void) cos_buf_reserve(b, hint);   /* a failure is kept in b->err */
    }
}


cos_u8 *
cos_buf_reserve(cos_buf_t *b, size_t n)
{
    cos_u8 *p;
    size_t  cap;

    if (b->err) {
        return NULL;
    }

    if (b->data != NULL && n <= b->cap - b->len) {
        return b->data + b->len;
    }

    if (b->alloc == NULL || n > SIZE_MAX / 2 || b->cap > SIZE_MAX / 4) {
        b->err = 1;
        return NULL;
    }

    /* the first request is taken as it is, it is a caller's own estimate */
    cap = b->cap * 2;
    cap = cap > b->len + n ? cap : b->len + n;
    cap = cap > BUF_MIN ? cap : BUF_MIN;

    p = cos_alloc(b->alloc, cap);
    if (p == NULL) {
        b->err = 1;
        return NULL;
    }

    if (b->data != NULL) {
        memcpy(p, b->data, b->len);
    }

    b->data = p;
    b->cap = cap;

    return p + b->len;
}


void
cos_buf_add(cos_buf_t *b, const void *p, size_t n)
{
    cos_u8 *dst;

    if (n == 0) {
        return;
    }

    dst = cos_buf_reserve(b, n);
    if (dst != NULL) {
        memcpy(dst, p, n);
        b->len += n;
    }
}


void
cos_buf_str(cos_buf_t *b, cos_str_t s)
{
    cos_buf_add(b, s.data, s.len);
}


void
cos_buf_cstr(cos_buf_t *b, const char *s)
{
    cos_buf_add(b, s, strlen(s));
}


void
cos_buf_char(cos_buf_t *b, int c)
{
    cos_u8 *dst;

    dst = cos_buf_reserve(b, 1);
    if (dst != NULL) {
        *dst = (cos_u8) c;
        b->len++;
    }
}


void
cos_buf_uint(cos_buf_t *b, uint64_t n)
{
    cos_u8 tmp[20], *p;

    p = tmp + sizeof(tmp);

    do {
        *--p = (cos_u8) ('0' + n % 10);
        n /= 10;
    } while (n != 0);

    cos_buf_add(b, p, (size_t) (tmp + sizeof(tmp) - p));
}
