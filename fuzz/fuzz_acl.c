/*
 * Fuzz: ACLs. The first byte chooses: a text as records keep it, which decides
 * and must say the same after it was written again; or the value of a header,
 * whose grants must be kept and read back.
 */

#include "fuzz.h"
#include "cos_acl.h"
#include "cos_policy.h"


static const cos_who_t  people[] = {
    { .known = 0 },
    { .known = 1, .uid = 1 },
    { .known = 1, .uid = 2 },
    { .known = 1, .uid = 3, .sub = 4 },
};


static void
same_rights(const cos_acl_t *a, const cos_acl_t *b)
{
    size_t    i;
    unsigned  bit;

    for (i = 0; i < sizeof(people) / sizeof(people[0]); i++) {
        for (bit = COS_MAY_READ; bit < COS_MAY_ALL; bit <<= 1) {
            MUST(cos_acl_permits(a, &people[i], bit)
                 == cos_acl_permits(b, &people[i], bit));
        }
    }
}


static void
kept(cos_str_t s, int closed, cos_alloc_t *a)
{
    cos_acl_t       x, y;
    cos_acl_list_t  l, back;

    x = (cos_acl_t) { COS_ACL_PRIVATE, s, 1, 2, closed };
    y = x;
    same_rights(&x, &y);              /* also of one that is damaged */

    if (s.len == 0
        || cos_acl_expand(&l, COS_ACL_PRIVATE, s, 1, 2) != 0)
    {
        return;
    }

    MUST(cos_acl_fold(&l, 1, 2, 0, &y.canned, &y.grants, a) == 0);
    MUST(cos_acl_open(x.canned, x.grants) == cos_acl_open(y.canned, y.grants));
    MUST(cos_acl_expand(&back, y.canned, y.grants, 1, 2) == 0
         && back.n == l.n);
    same_rights(&x, &y);
}


static void
header(cos_str_t s, unsigned may, cos_alloc_t *a)
{
    size_t           i;
    cos_acl_t        x = { COS_ACL_PRIVATE, { 0, NULL }, 1, 2, 0 };
    cos_acl_list_t   l = { 0 }, back;

    if (cos_acl_header(&l, may, s) != COS_OK) {
        return;
    }

    MUST(l.sent <= COS_ACL_GRANTS_MAX && l.n <= l.sent);

    for (i = 0; i < l.n; i++) {
        if (l.v[i].to == COS_TO_ACCOUNT && l.v[i].uid == 0) {
            MUST(l.v[i].id.len == 64 || l.v[i].id.len == 32);
            l.v[i].uid = i + 1;
        }
    }

    cos_acl_merge(&l);
    MUST(cos_acl_fold(&l, 1, 2, 0, &x.canned, &x.grants, a) == 0);
    MUST(cos_acl_expand(&back, x.canned, x.grants, 1, 2) == 0
         && back.n == l.n);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cos_arena_t  *arena;

    if (size == 0) {
        return 0;
    }

    arena = cos_arena_create();

    if (data[0] & 1) {
        kept((cos_str_t) { size - 1, (cos_u8 *) data + 1 }, data[0] & 2,
             cos_arena_alloc(arena));

    } else {
        header((cos_str_t) { size - 1, (cos_u8 *) data + 1 },
               1u << (data[0] / 2 % 5), cos_arena_alloc(arena));
    }

    cos_arena_free(arena);

    return 0;
}
