/*
 * meta: grants, their text in records, and the canned ACLs that say the same.
 */

#include "cos_acl.h"


#define PERMISSIONS  5

/* by bit */
static const char *const  names[PERMISSIONS] = {
    "READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL"
};

static const char  letters[PERMISSIONS + 1] = "rwgsf";

/* What each grants beyond the owner's FULL_CONTROL. DEFAULT shows as the owner
 * alone: what the bucket adds is not the object's own. */
static const struct {
    unsigned  all, authenticated, bucket_owner;
} canned_acls[COS_ACL_MAX] = {
    [COS_ACL_PUBLIC_READ] = { COS_MAY_READ, 0, 0 },
    [COS_ACL_PUBLIC_READ_WRITE] = { COS_MAY_READ | COS_MAY_WRITE, 0, 0 },
    [COS_ACL_AUTHENTICATED_READ] = { 0, COS_MAY_READ, 0 },
    [COS_ACL_BUCKET_OWNER_READ] = { 0, 0, COS_MAY_READ },
    [COS_ACL_BUCKET_OWNER_FULL] = { 0, 0, COS_MAY_ALL },
};


const char *
cos_grant_name(unsigned bit)
{
    size_t  i;

    for (i = 0; i < PERMISSIONS - 1; i++) {
        if (bit == 1u << i) {
            break;
        }
    }

    return names[i];
}


unsigned
cos_grant_bit(cos_str_t name)
{
    size_t  i;

    for (i = 0; i < PERMISSIONS; i++) {
        if (cos_str_is(name, names[i])) {
            return 1u << i;
        }
    }

    return 0;
}


/* --- lists ---------------------------------------------------------------- */

static int
same(const cos_acl_grant_t *a, const cos_acl_grant_t *b)
{
    return a->to == b->to && a->uid == b->uid && a->sub == b->sub
           && (a->to != COS_TO_ACCOUNT || a->uid != 0
               || cos_str_eq(a->id, b->id));
}


static void
put(cos_acl_list_t *l, const cos_acl_grant_t *g)
{
    size_t  i;

    for (i = 0; i < l->n; i++) {
        if (same(&l->v[i], g)) {
            l->v[i].may |= g->may;
            return;
        }
    }

    l->v[l->n++] = *g;
}


cos_err_e
cos_acl_add(cos_acl_list_t *l, const cos_acl_grant_t *g)
{
    if (l->sent++ == COS_ACL_GRANTS_MAX) {
        return COS_E_MALFORMED_ACL;
    }

    put(l, g);

    return COS_OK;
}


void
cos_acl_merge(cos_acl_list_t *l)
{
    size_t  i, n;

    n = l->n;
    l->n = 0;

    for (i = 0; i < n; i++) {
        put(l, &l->v[i]);
    }
}


static void
put_new(cos_acl_list_t *l, cos_grant_to_e to, uint64_t uid, unsigned may)
{
    cos_acl_grant_t  g = { .to = to, .uid = uid, .may = may };

    if (may != 0) {
        put(l, &g);
    }
}


int
cos_acl_expand(cos_acl_list_t *l, cos_acl_e canned, cos_str_t text,
    uint64_t owner, uint64_t bucket_owner)
{
    int              rc;
    cos_acl_grant_t  g;

    l->n = 0;
    l->sent = 0;

    if (text.len == 0) {
        put_new(l, COS_TO_ALL, 0, canned_acls[canned].all);
        put_new(l, COS_TO_AUTHENTICATED, 0, canned_acls[canned].authenticated);
        put_new(l, COS_TO_ACCOUNT, owner, COS_MAY_ALL);

        if (owner != bucket_owner) {
            put_new(l, COS_TO_ACCOUNT, bucket_owner,
                    canned_acls[canned].bucket_owner);
        }

        return 0;
    }

    while ((rc = cos_acl_next(&g, &text)) == 1) {
        if (l->n == sizeof(l->v) / sizeof(l->v[0])) {
            return -1;
        }

        put(l, &g);
    }

    return rc;
}


/* --- text ----------------------------------------------------------------- */

static void
print(cos_buf_t *b, const cos_acl_grant_t *g)
{
    int  i;

    for (i = 0; i < PERMISSIONS; i++) {
        if (g->may & (1u << i)) {
            cos_buf_char(b, letters[i]);
        }
    }

    cos_buf_char(b, ':');

    switch (g->to) {

    case COS_TO_ALL:
        cos_buf_char(b, '*');
        break;

    case COS_TO_AUTHENTICATED:
        cos_buf_char(b, '+');
        break;

    case COS_TO_LOG:
        cos_buf_lit(b, "log");
        break;

    default:
        cos_buf_uint(b, g->uid);

        if (g->sub) {
            cos_buf_char(b, '/');
            cos_buf_uint(b, g->sub);
        }
    }
}


static int
is_canned(const cos_acl_list_t *l, uint64_t owner, uint64_t bucket_owner,
    cos_acl_e canned)
{
    size_t          i, j;
    cos_acl_list_t  is;

    (void) cos_acl_expand(&is, canned, (cos_str_t) { 0, NULL }, owner,
                          bucket_owner);

    if (is.n != l->n) {
        return 0;
    }

    for (i = 0; i < is.n; i++) {
        for (j = 0; j < l->n && !same(&is.v[i], &l->v[j]); j++) { /* void */ }

        if (j == l->n || is.v[i].may != l->v[j].may) {
            return 0;
        }
    }

    return 1;
}


int
cos_acl_fold(const cos_acl_list_t *l, uint64_t owner, uint64_t bucket_owner,
    int of_bucket, cos_acl_e *canned, cos_str_t *text, cos_alloc_t *a)
{
    int        i, n;
    size_t     k;
    cos_buf_t  b;

    *text = (cos_str_t) { 0, NULL };
    *canned = COS_ACL_PRIVATE;

    n = of_bucket ? COS_ACL_BUCKET_OWNER_READ : COS_ACL_MAX;

    for (i = COS_ACL_PRIVATE; i < n; i++) {
        if (is_canned(l, owner, bucket_owner, (cos_acl_e) i)) {
            *canned = (cos_acl_e) i;
            return 0;
        }
    }

    cos_buf_init(&b, a, 32 * l->n + 1);

    if (l->n == 0) {
        cos_buf_char(&b, '-');
    }

    for (k = 0; k < l->n; k++) {
        if (k > 0) {
            cos_buf_char(&b, ';');
        }

        print(&b, &l->v[k]);
    }

    *text = (cos_str_t) { b.len, b.data };

    return b.err ? -1 : 0;
}


/* Digits at *p, at least one; 0 is nobody's number. */
static int
number(uint64_t *n, const cos_u8 **p, const cos_u8 *end)
{
    const cos_u8  *start = *p;

    while (*p < end && **p >= '0' && **p <= '9') {
        (*p)++;
    }

    return cos_str_uint((cos_str_t) { *p - start, (cos_u8 *) start }, n) == 0
           && *n != 0 ? 0 : -1;
}


static int
grantee(cos_acl_grant_t *g, const cos_u8 **p, const cos_u8 *end)
{
    g->to = COS_TO_ACCOUNT;
    g->uid = 0;
    g->sub = 0;
    g->id = (cos_str_t) { 0, NULL };

    if (*p == end) {
        return -1;
    }

    if (**p == '*' || **p == '+') {
        g->to = **p == '*' ? COS_TO_ALL : COS_TO_AUTHENTICATED;
        (*p)++;
        return 0;
    }

    if (end - *p >= 3 && memcmp(*p, "log", 3) == 0) {
        g->to = COS_TO_LOG;
        *p += 3;
        return 0;
    }

    if (number(&g->uid, p, end) != 0) {
        return -1;
    }

    if (*p < end && **p == '/') {
        (*p)++;
        return number(&g->sub, p, end);
    }

    return 0;
}


int
cos_acl_next(cos_acl_grant_t *g, cos_str_t *text)
{
    const char    *letter;
    const cos_u8  *p, *end;

    p = text->data;
    end = p + text->len;

    if (text->len == 0 || (text->len == 1 && *p == '-')) {
        return 0;
    }

    g->may = 0;

    for (; p < end && *p != ':'; p++) {
        letter = *p ? strchr(letters, *p) : NULL;
        if (letter == NULL) {
            return -1;
        }

        g->may |= 1u << (letter - letters);
    }

    if (p == end || g->may == 0) {
        return -1;
    }

    p++;

    if (grantee(g, &p, end) != 0 || (p < end && *p++ != ';')) {
        return -1;
    }

    text->data = (cos_u8 *) p;
    text->len = end - p;

    return 1;
}


int
cos_acl_open(cos_acl_e canned, cos_str_t text)
{
    cos_acl_grant_t  g;

    if (text.len == 0) {
        return canned_acls[canned].all != 0
               || canned_acls[canned].authenticated != 0;
    }

    while (cos_acl_next(&g, &text) == 1) {
        if (g.to == COS_TO_ALL || g.to == COS_TO_AUTHENTICATED) {
            return 1;
        }
    }

    return 0;
}
