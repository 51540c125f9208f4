/*
 * policy: hotlink protection. Entries with a '*' are found by the hash of their
 * domain: the Referer's host is walked once from its end, and looked up at each
 * label. The others are tried by their first byte.
 */

#include "cos_referer.h"

#define SLOTS  64                     /* over twice COS_REFERER_MAX */

typedef struct {
    cos_str_t  host;                  /* in lower case; of a '*': the domain */
    cos_str_t  rest;                  /* from the path on; of a '*': from the
                                         port on */
    uint32_t   hash;
    uint32_t   next;                  /* + 1; 0: none */
} entry_t;

struct cos_referer_s {
    unsigned   enabled:1;
    unsigned   black:1;
    unsigned   empty:1;
    unsigned   verify:1;
    unsigned   all:1;                 /* an entry "*" */
    entry_t   *entries;
    uint32_t   first[256];            /* by first byte of host, + 1 */
    uint32_t   slots[SLOTS];          /* by hash of a domain, + 1 */
};

static int set_entry(cos_referer_t *r, uint32_t i, cos_str_t s,
    cos_alloc_t *a);
static int is_prefix(const entry_t *e, cos_str_t s);
static int is_below(const cos_referer_t *r, cos_str_t s);


static cos_u8
low(cos_u8 c)
{
    return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}


/* Begins with http:// or https:// in any case. */
static cos_str_t
without_scheme(cos_str_t s)
{
    size_t     i;
    cos_str_t  scheme;

    static const cos_str_t  schemes[] = {
        cos_lit("https://"), cos_lit("http://")
    };

    for (i = 0; i < 2; i++) {
        scheme = schemes[i];

        if (s.len >= scheme.len
            && cos_str_ieq((cos_str_t) { scheme.len, s.data }, scheme))
        {
            s.data += scheme.len;
            s.len -= scheme.len;
            break;
        }
    }

    return s;
}


/* Where the host ends, as long as nobody tells from its inside what is one;
 * with its port, if that is wanted. */
static size_t
host_len(cos_str_t s, int port)
{
    int     inside;
    size_t  i;

    inside = 0;

    for (i = 0; i < s.len; i++) {
        switch (s.data[i]) {
        case '[':
            inside = 1;
            break;
        case ']':
            inside = 0;
            break;
        case ':':
            if (!inside && !port) {
                return i;
            }
            break;
        case '/':
        case '?':
        case '#':
            return i;
        default:
            break;
        }
    }

    return s.len;
}


/* One step from the end of a name to its beginning. */
static uint32_t
hash_step(uint32_t h, cos_u8 c)
{
    return (h ^ c) * 16777619u;
}


/* --- compiling --------------------------------------------------------------- */

void *
cos_referer_load(cos_str_t text, cos_alloc_t *a)
{
    const char         *why;
    cos_referer_doc_t   doc;

    if (cos_xml_parse_referer(text, &doc, &why, a) != COS_OK) {
        return NULL;
    }

    return cos_referer_compile(&doc, a);
}


cos_referer_t *
cos_referer_compile(const cos_referer_doc_t *doc, cos_alloc_t *a)
{
    size_t          i;
    cos_referer_t  *r;

    r = cos_zalloc(a, sizeof(cos_referer_t));
    if (r == NULL) {
        return NULL;
    }

    r->enabled = doc->enabled;
    r->black = doc->black;
    r->empty = doc->empty;
    r->verify = doc->verify;

    r->entries = cos_zalloc(a, (doc->domains.n + 1) * sizeof(entry_t));
    if (r->entries == NULL) {
        return NULL;
    }

    for (i = 0; i < doc->domains.n; i++) {
        if (set_entry(r, (uint32_t) i, doc->domains.v[i], a) != 0) {
            return NULL;
        }
    }

    return r;
}


static int
set_entry(cos_referer_t *r, uint32_t i, cos_str_t s, cos_alloc_t *a)
{
    int        star;
    size_t     k, len;
    entry_t   *e = &r->entries[i];
    uint32_t  *slot;

    s = without_scheme(s);

    if (cos_str_is(s, "*")) {
        r->all = 1;
        return 0;
    }

    star = s.data[0] == '*';

    if (star) {
        s.data += 2;
        s.len -= 2;
    }

    len = host_len(s, !star);
    e->rest = (cos_str_t) { s.len - len, s.data + len };

    if (cos_dup(a, &e->host, s.data, len) != 0) {
        return -1;
    }

    e->hash = 2166136261u;

    for (k = len; k > 0; k--) {
        e->host.data[k - 1] = low(e->host.data[k - 1]);
        e->hash = hash_step(e->hash, e->host.data[k - 1]);
    }

    slot = star ? &r->slots[e->hash % SLOTS] : &r->first[e->host.data[0]];
    e->next = *slot;
    *slot = i + 1;

    return 0;
}


/* --- deciding ----------------------------------------------------------------- */

int
cos_referer_match(const cos_referer_t *r, cos_str_t s)
{
    uint32_t        i;
    const entry_t  *e;

    s = without_scheme(s);

    if (r->all) {
        return 1;
    }

    if (s.len == 0) {
        return 0;
    }

    for (i = r->first[low(s.data[0])]; i > 0; i = e->next) {
        e = &r->entries[i - 1];

        if (is_prefix(e, s)) {
            return 1;
        }
    }

    return is_below(r, s);
}


static int
is_prefix(const entry_t *e, cos_str_t s)
{
    size_t  i;

    if (s.len < e->host.len + e->rest.len) {
        return 0;
    }

    for (i = 0; i < e->host.len; i++) {
        if (low(s.data[i]) != e->host.data[i]) {
            return 0;
        }
    }

    return memcmp(s.data + e->host.len, e->rest.data, e->rest.len) == 0;
}


static int
is_below(const cos_referer_t *r, cos_str_t s)
{
    size_t          k, len;
    uint32_t        h, i;
    cos_str_t       rest;
    const entry_t  *e;

    len = host_len(s, 0);
    rest = (cos_str_t) { s.len - len, s.data + len };
    h = 2166136261u;

    for (k = len; k > 0; k--) {
        h = hash_step(h, low(s.data[k - 1]));

        if (k > 1 && s.data[k - 2] != '.') {
            continue;
        }

        for (i = r->slots[h % SLOTS]; i > 0; i = e->next) {
            e = &r->entries[i - 1];

            if (e->hash == h
                && cos_str_ieq((cos_str_t) { len - k + 1, s.data + k - 1 },
                               e->host)
                && rest.len >= e->rest.len
                && memcmp(rest.data, e->rest.data, e->rest.len) == 0)
            {
                return 1;
            }
        }
    }

    return 0;
}


int
cos_referer_allows(const cos_referer_t *r, cos_str_t referer)
{
    if (!r->enabled) {
        return 1;
    }

    if (referer.len == 0) {
        return r->empty;
    }

    return cos_referer_match(r, referer) != (int) r->black;
}


int
cos_referer_verifies(const cos_referer_t *r)
{
    return r->enabled && r->verify;
}
