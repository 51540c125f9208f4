/*
 * Fuzz: tokens. Bytes as they are must not be taken for a token; bytes sealed
 * with the right key, as if the format had changed, must be read without harm,
 * and what is accepted must come back from being sealed again.
 */

#include "fuzz.h"
#include "cos_token.h"


static void
again(const cos_token_t *t, const cos_token_keys_t *k, cos_alloc_t *a)
{
    cos_buf_t    b;
    cos_token_t  u;

    cos_buf_init(&b, a, 64);
    MUST(cos_token_seal(&b, t, k) == 0);
    MUST(cos_token_open(&u, text(&b), k, a) == 0);
    MUST(cos_str_eq(t->id, u.id) && cos_str_eq(t->parent, u.parent)
         && cos_str_eq(t->policy, u.policy)
         && t->issued == u.issued && t->expires == u.expires);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t              i;
    cos_u8             *sealed, base[32] = { 1 };
    cos_buf_t           b;
    cos_str_t           s;
    cos_token_t         t;
    cos_arena_t        *arena;
    cos_alloc_t        *a;
    cos_token_keys_t    k;

    if (size > 8192 || (arena = cos_arena_create()) == NULL) {
        return 0;
    }

    a = cos_arena_alloc(arena);
    MUST(cos_token_keys(&k, base) == 0);

    s.data = (cos_u8 *) data;
    s.len = size;
    MUST(cos_token_open(&t, s, &k, a) != 0);

    sealed = cos_alloc(a, size + COS_SEAL_OVERHEAD);
    MUST(sealed != NULL);
    MUST(cos_seal(k.seal, COS_STR("cos temporary credential"), s, sealed)
         == 0);

    cos_buf_init(&b, a, 64);
    cos_base64(&b, sealed, size + COS_SEAL_OVERHEAD);
    s = text(&b);

    for (i = 0; i < s.len; i++) {
        s.data[i] = s.data[i] == '+' ? '-' : s.data[i] == '/' ? '_'
                                                               : s.data[i];
    }

    if (cos_token_open(&t, s, &k, a) == 0) {
        again(&t, &k, a);
    }

    cos_arena_free(arena);

    return 0;
}
