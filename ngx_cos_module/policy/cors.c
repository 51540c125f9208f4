/*
 * policy: CORS. Origins without a '*' are found by their hash; patterns are
 * tried one after the other, a comparison of both ends each. Which of them
 * stands first in the document decides.
 */

#include "cos_cors.h"

/* What stands before and behind the '*'. */
typedef struct {
    cos_str_t  head;
    cos_str_t  tail;
    unsigned   star:1;
} pattern_t;

typedef struct {
    cos_cors_grant_t  grant;
    unsigned          methods;        /* bits by cos_cors_methods */
    size_t            n;
    pattern_t        *headers;        /* in lower case */
} rule_t;

/* An origin of a rule; all are numbered through the document. */
typedef struct {
    pattern_t      origin;
    uint32_t       hash;
    uint32_t       order;
    const rule_t  *rule;
    uint32_t       next;              /* of the same slot, + 1; 0: none */
} entry_t;

struct cos_cors_s {
    unsigned   vary:1;
    rule_t    *rules;
    entry_t   *exact;
    size_t     nwild;
    entry_t   *wild;
    uint32_t   mask;
    uint32_t  *slots;                 /* first of exact, + 1; 0: none */
};

static int set_rule(rule_t *r, const cos_cors_rule_t *from, cos_alloc_t *a);
static int join(cos_str_t *out, const cos_strs_t *s, cos_alloc_t *a);
static void set_pattern(pattern_t *p, cos_str_t s);
static int set_origins(cos_cors_t *c, const cos_cors_doc_t *doc, size_t n,
    cos_alloc_t *a);
static int allows(const rule_t *r, unsigned method, const cos_str_t *headers);
static int allows_header(const rule_t *r, cos_str_t name);


/* FNV-1a */
static uint32_t
hash_of(cos_str_t s)
{
    size_t    i;
    uint32_t  h;

    h = 2166136261u;

    for (i = 0; i < s.len; i++) {
        h = (h ^ s.data[i]) * 16777619u;
    }

    return h;
}


/* --- compiling --------------------------------------------------------------- */

void *
cos_cors_load(cos_str_t text, cos_alloc_t *a)
{
    const char      *why;
    cos_cors_doc_t   doc;

    if (cos_xml_parse_cors(text, &doc, &why, a) != COS_OK) {
        return NULL;
    }

    return cos_cors_compile(&doc, a);
}


cos_cors_t *
cos_cors_compile(const cos_cors_doc_t *doc, cos_alloc_t *a)
{
    size_t       i, n;
    cos_cors_t  *c;

    c = cos_zalloc(a, sizeof(cos_cors_t));
    if (c == NULL) {
        return NULL;
    }

    c->vary = doc->vary;
    c->rules = cos_zalloc(a, (doc->n + 1) * sizeof(rule_t));
    if (c->rules == NULL) {
        return NULL;
    }

    n = 0;

    for (i = 0; i < doc->n; i++) {
        n += doc->rules[i].origins.n;

        if (set_rule(&c->rules[i], &doc->rules[i], a) != 0) {
            return NULL;
        }
    }

    return set_origins(c, doc, n, a) == 0 ? c : NULL;
}


static int
set_rule(rule_t *r, const cos_cors_rule_t *from, cos_alloc_t *a)
{
    size_t     i, k;
    cos_buf_t  b;
    cos_str_t  s;

    for (i = 0; i < from->methods.n; i++) {
        for (k = 0; k < COS_CORS_METHODS; k++) {
            if (cos_str_eq(from->methods.v[i], cos_cors_methods[k])) {
                r->methods |= 1u << k;
            }
        }
    }

    r->headers = cos_zalloc(a, (from->headers.n + 1) * sizeof(pattern_t));
    if (r->headers == NULL) {
        return -1;
    }

    for (i = 0; i < from->headers.n; i++) {

        if (cos_dup(a, &s, from->headers.v[i].data, from->headers.v[i].len)
            != 0)
        {
            return -1;
        }

        for (k = 0; k < s.len; k++) {
            s.data[k] |= s.data[k] >= 'A' && s.data[k] <= 'Z' ? 0x20 : 0;
        }

        set_pattern(&r->headers[r->n++], s);
    }

    if (from->has_max_age) {
        cos_buf_init(&b, a, 16);
        cos_buf_uint(&b, from->max_age);

        if (b.err) {
            return -1;
        }

        r->grant.max_age = (cos_str_t) { b.len, b.data };
    }

    r->grant.credentials = from->credentials;

    return join(&r->grant.methods, &from->methods, a) == 0
           && join(&r->grant.expose, &from->expose, a) == 0 ? 0 : -1;
}


static int
join(cos_str_t *out, const cos_strs_t *s, cos_alloc_t *a)
{
    size_t     i;
    cos_buf_t  b;

    cos_buf_init(&b, a, 64);

    for (i = 0; i < s->n; i++) {
        cos_buf_cstr(&b, i > 0 ? ", " : "");
        cos_buf_str(&b, s->v[i]);
    }

    out->data = b.data;
    out->len = b.len;

    return b.err ? -1 : 0;
}


static void
set_pattern(pattern_t *p, cos_str_t s)
{
    cos_u8  *star;

    p->head = s;
    p->tail = (cos_str_t) { 0, s.data };

    star = memchr(s.data, '*', s.len);

    if (star != NULL) {
        p->star = 1;
        p->head.len = star - s.data;
        p->tail.data = star + 1;
        p->tail.len = s.len - p->head.len - 1;
    }
}


static int
set_origins(cos_cors_t *c, const cos_cors_doc_t *doc, size_t n,
    cos_alloc_t *a)
{
    size_t      i, k, nexact;
    entry_t    *e;
    uint32_t    order, *slot;
    cos_str_t   s;

    for (c->mask = 15; c->mask < 2 * n; c->mask = 2 * c->mask + 1) {
        /* void */
    }

    c->exact = cos_zalloc(a, (n + 1) * sizeof(entry_t));
    c->wild = cos_zalloc(a, (n + 1) * sizeof(entry_t));
    c->slots = cos_zalloc(a, (c->mask + 1) * sizeof(uint32_t));

    if (c->exact == NULL || c->wild == NULL || c->slots == NULL) {
        return -1;
    }

    order = 0;
    nexact = 0;

    for (i = 0; i < doc->n; i++) {
        for (k = 0; k < doc->rules[i].origins.n; k++) {
            s = doc->rules[i].origins.v[k];

            e = memchr(s.data, '*', s.len) != NULL ? &c->wild[c->nwild++]
                                                   : &c->exact[nexact++];
            set_pattern(&e->origin, s);
            e->hash = hash_of(s);
            e->order = order++;
            e->rule = &c->rules[i];
        }
    }

    /* from the last to the first, so that the first leads its slot */

    while (nexact > 0) {
        e = &c->exact[nexact - 1];
        slot = &c->slots[e->hash & c->mask];
        e->next = *slot;
        *slot = (uint32_t) nexact--;
    }

    return 0;
}


/* --- deciding ----------------------------------------------------------------- */

static int
matches(const pattern_t *p, cos_str_t s)
{
    if (!p->star) {
        return cos_str_eq(p->head, s);
    }

    return s.len >= p->head.len + p->tail.len
           && memcmp(s.data + s.len - p->tail.len, p->tail.data, p->tail.len)
              == 0
           && memcmp(s.data, p->head.data, p->head.len) == 0;
}


static const entry_t *
exact_from(const cos_cors_t *c, uint32_t i, cos_str_t origin, uint32_t hash)
{
    const entry_t  *e;

    for (; i > 0; i = e->next) {
        e = &c->exact[i - 1];

        if (e->hash == hash && cos_str_eq(e->origin.head, origin)) {
            return e;
        }
    }

    return NULL;
}


static const entry_t *
wild_from(const cos_cors_t *c, size_t i, cos_str_t origin)
{
    for (; i < c->nwild; i++) {
        if (matches(&c->wild[i].origin, origin)) {
            return &c->wild[i];
        }
    }

    return NULL;
}


static int
is_visible(cos_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        if (s.data[i] <= ' ' || s.data[i] == 0x7f) {
            return 0;
        }
    }

    return s.len > 0;
}


static unsigned
method_bit(cos_str_t method)
{
    unsigned  k;

    for (k = 0; k < COS_CORS_METHODS; k++) {
        if (cos_str_eq(method, cos_cors_methods[k])) {
            return 1u << k;
        }
    }

    return 0;
}


const cos_cors_grant_t *
cos_cors_find(const cos_cors_t *c, cos_str_t origin, cos_str_t method,
    const cos_str_t *headers, int *any)
{
    uint32_t        hash;
    unsigned        bit;
    const entry_t  *e, *x, *w;

    bit = method_bit(method);

    if (bit == 0 || !is_visible(origin)) {
        return NULL;
    }

    hash = hash_of(origin);
    x = exact_from(c, c->slots[hash & c->mask], origin, hash);
    w = wild_from(c, 0, origin);

    while (x != NULL || w != NULL) {

        if (w == NULL || (x != NULL && x->order < w->order)) {
            e = x;
            x = exact_from(c, x->next, origin, hash);

        } else {
            e = w;
            w = wild_from(c, w - c->wild + 1, origin);
        }

        if (allows(e->rule, bit, headers)) {
            *any = e->origin.star && e->origin.head.len == 0
                   && e->origin.tail.len == 0;
            return &e->rule->grant;
        }
    }

    return NULL;
}


/* Names are separated by commas, with white space around them and empty ones
 * between them (RFC 9110 5.6.1). */
static int
allows(const rule_t *r, unsigned method, const cos_str_t *headers)
{
    size_t     n;
    cos_u8    *p, *end, *comma;
    cos_str_t  name;

    if (!(r->methods & method)) {
        return 0;
    }

    if (headers == NULL || headers->len == 0) {
        return 1;
    }

    n = 0;
    p = headers->data;
    end = p + headers->len;

    while (p <= end) {
        comma = p < end ? memchr(p, ',', end - p) : NULL;
        comma = comma != NULL ? comma : end;
        name = cos_str_trim((cos_str_t) { comma - p, p });
        p = comma + 1;

        if (name.len == 0) {
            continue;
        }

        if (++n > COS_CORS_ASK_MAX || !is_visible(name)
            || !allows_header(r, name))
        {
            return 0;
        }
    }

    return 1;
}


/* Names of headers that anybody has are short. */
static int
allows_header(const rule_t *r, cos_str_t name)
{
    size_t     i;
    cos_u8     low[256];
    cos_str_t  s;

    if (name.len > sizeof(low)) {
        return 0;
    }

    for (i = 0; i < name.len; i++) {
        low[i] = name.data[i];
        low[i] |= low[i] >= 'A' && low[i] <= 'Z' ? 0x20 : 0;
    }

    s = (cos_str_t) { name.len, low };

    for (i = 0; i < r->n; i++) {
        if (matches(&r->headers[i], s)) {
            return 1;
        }
    }

    return 0;
}


int
cos_cors_vary(const cos_cors_t *c)
{
    return c->vary;
}
