/*
 * Fuzz: CORS and hotlink protection. The first byte chooses the document; the
 * second says where it ends and what asks begins: three lines, of CORS origin,
 * method and headers, of the other the Referer. What is accepted is written,
 * read again, and must then decide the same; no text of an answer may hold a
 * control character.
 */

#include <stdlib.h>

#include "cos_cors.h"
#include "cos_referer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define MUST(x)  do { if (!(x)) { abort(); } } while (0)


int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void) argc;
    (void) argv;
    cos_xml_init();

    return 0;
}


static void
clean(cos_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        MUST(s.data[i] >= ' ' && s.data[i] != 0x7f);
    }
}


/* The next line of *s. */
static cos_str_t
line(cos_str_t *s)
{
    cos_u8     *end;
    cos_str_t   out;

    end = s->len > 0 ? memchr(s->data, '\n', s->len) : NULL;
    out.data = s->data;
    out.len = end != NULL ? (size_t) (end - s->data) : s->len;
    s->data += out.len + (end != NULL);
    s->len -= out.len + (end != NULL);

    return out;
}


static void
cors(cos_str_t text, cos_str_t ask, cos_alloc_t *a)
{
    int                      any, any2;
    cos_buf_t                b;
    cos_str_t                origin, method, headers;
    const char              *why;
    cos_cors_t              *x, *y;
    cos_cors_doc_t           doc;
    const cos_cors_grant_t  *g, *h;

    if (cos_xml_parse_cors(text, &doc, &why, a) != COS_OK) {
        return;
    }

    cos_buf_init(&b, a, 0);
    cos_xml_cors(&b, COS_DIALECT_COS, &doc);
    MUST(!b.err);

    x = cos_cors_compile(&doc, a);
    MUST(x != NULL);

    origin = line(&ask);
    method = line(&ask);
    headers = line(&ask);
    g = cos_cors_find(x, origin, method, &headers, &any);

    if (g != NULL) {
        clean(origin);
        clean(g->methods);
        clean(g->expose);
        clean(g->max_age);
        /* without a preflight's headers no less is allowed */
        MUST(cos_cors_find(x, origin, method, NULL, &any2) != NULL);
    }

    if (b.len > COS_XML_SMALL_SIZE) {
        return;
    }

    y = cos_cors_load((cos_str_t) { b.len, b.data }, a);
    MUST(y != NULL && cos_cors_vary(x) == cos_cors_vary(y));
    h = cos_cors_find(y, origin, method, &headers, &any2);
    MUST((g == NULL) == (h == NULL));
    MUST(g == NULL || (any == any2 && cos_str_eq(g->methods, h->methods)
                       && cos_str_eq(g->expose, h->expose)
                       && cos_str_eq(g->max_age, h->max_age)));
}


static void
referer(cos_str_t text, cos_str_t ask, cos_alloc_t *a)
{
    size_t              i;
    cos_buf_t           b;
    cos_str_t           from;
    const char         *why;
    cos_referer_t      *x, *y;
    cos_referer_doc_t   doc;

    if (cos_xml_parse_referer(text, &doc, &why, a) != COS_OK) {
        return;
    }

    for (i = 0; i < doc.domains.n; i++) {
        clean(doc.domains.v[i]);
    }

    cos_buf_init(&b, a, 0);
    cos_xml_referer(&b, COS_DIALECT_COS, &doc);
    MUST(!b.err);

    x = cos_referer_compile(&doc, a);
    y = cos_referer_load((cos_str_t) { b.len, b.data }, a);
    MUST(x != NULL && (y != NULL || b.len > COS_XML_SMALL_SIZE));

    from = line(&ask);

    if (y != NULL) {
        MUST(cos_referer_allows(x, from) == cos_referer_allows(y, from));
        MUST(cos_referer_verifies(x) == cos_referer_verifies(y));
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t        n;
    cos_u8       *copy;
    cos_str_t     text, ask;
    cos_arena_t  *arena;

    if (size < 2) {
        return 0;
    }

    arena = cos_arena_create();
    copy = malloc(size);

    if (arena != NULL && copy != NULL) {
        memcpy(copy, data + 2, size - 2);
        n = (size - 2) * data[1] / 255;
        text = (cos_str_t) { n, copy };
        ask = (cos_str_t) { size - 2 - n, copy + n };

        (data[0] % 2 ? referer : cors)(text, ask, cos_arena_alloc(arena));
    }

    free(copy);
    cos_arena_free(arena);

    return 0;
}
