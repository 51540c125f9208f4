/*
 * Fuzz: domains of buckets and signed URLs. Up to the first NUL stands a
 * document, behind it a URL. What is accepted is kept, read again and written,
 * and means the same; a URL that passes a rule has lost what signs it, and one
 * that does not is as it was.
 */

#include <stdlib.h>

#include "cos_attr.h"
#include "cos_cdn_auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define MUST(x)  do { if (!(x)) { abort(); } } while (0)
#define NOW      1582791032


int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void) argc;
    (void) argv;
    cos_xml_init();

    return cos_hash_init();
}


static void
url(const cos_cdn_rule_t *r, cos_str_t path, cos_str_t query, cos_alloc_t *a)
{
    cos_cdn_e      e;
    cos_str_t      again;
    cos_cdn_url_t  u;

    u.path = path;
    u.uri = path;
    u.query = query;

    e = cos_cdn_verify(r, &u, NOW, a);

    if (e != COS_CDN_PASS) {
        MUST(u.path.data == path.data && u.query.data == query.data);
        MUST(e == COS_CDN_NOT_MEANT || *cos_cdn_reason(e) != '\0');
        return;
    }

    MUST(u.path.len > 0 && u.path.data[0] == '/');
    MUST(u.path.len < path.len || u.query.len < query.len);

    again = u.query;
    MUST(cos_cdn_strip(r, &again, a) == 0 && cos_str_eq(again, u.query));
}


static void
document(cos_str_t text, cos_str_t path, cos_str_t query, cos_alloc_t *a)
{
    size_t          i;
    cos_buf_t       b;
    cos_str_t       kept;
    const char     *why;
    cos_domains_t   d, *x;

    if (cos_xml_parse_domains(text, &d, &why, a) != COS_OK) {
        return;
    }

    MUST(d.n > 0 && d.n <= COS_DOMAINS_MAX);
    MUST(cos_domains_keep(&kept, &d, text, a) == 0);
    x = cos_domains_load(kept, a);
    MUST(x != NULL && x->n == d.n);

    cos_buf_init(&b, a, 0);
    cos_xml_domains(&b, COS_DIALECT_COS, x);
    MUST(!b.err);

    /* written, it may be larger than what may be sent */
    if (b.len <= COS_XML_SMALL_SIZE) {
        MUST(cos_xml_parse_domains((cos_str_t) { b.len, b.data }, &d, &why, a)
             == COS_OK && d.n == x->n);
    }

    for (i = 0; i < x->n; i++) {
        MUST(cos_domain_valid(x->v[i].name));
        MUST(cos_domain_find(x, x->v[i].name) == &x->v[i]);
        MUST(cos_str_eq(d.v[i].name, x->v[i].name));

        if (x->v[i].url.type != COS_CDN_OFF && path.len > 0
            && path.data[0] == '/')
        {
            url(&x->v[i].url, path, query, a);
        }
    }
}


/* The same key for all types: the corpus has URLs that it signs. */
static void
fixed(cos_str_t path, cos_str_t query, cos_alloc_t *a)
{
    unsigned        type;
    cos_cdn_rule_t  r;

    for (type = COS_CDN_A; type <= COS_CDN_D; type++) {
        cos_cdn_rule_init(&r);
        r.type = (cos_cdn_type_e) type;
        r.key = COS_STR("dimtm5evg50ijsx2hvuwyfoiu65");
        url(&r, path, query, a);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cos_u8       *copy, *end;
    cos_str_t     text, path, query;
    cos_arena_t  *arena;
    cos_alloc_t  *a;

    arena = cos_arena_create();
    copy = malloc(size + 1);

    if (arena != NULL && copy != NULL) {
        memcpy(copy, data, size);
        a = cos_arena_alloc(arena);

        text = (cos_str_t) { size, copy };
        path = (cos_str_t) { 0, copy };
        query = path;
        end = memchr(copy, '\0', size);

        if (end != NULL) {
            text.len = (size_t) (end - copy);
            path.data = end + 1;
            path.len = size - text.len - 1;
            end = memchr(path.data, '?', path.len);
            query.data = path.data;

            if (end != NULL) {
                query.data = end + 1;
                query.len = (size_t) (path.data + path.len - query.data);
                path.len = (size_t) (end - path.data);
            }
        }

        document(text, path, query, a);

        if (path.len > 0 && path.data[0] == '/') {
            fixed(path, query, a);
        }

        (void) cos_domains_load(text, a);
        (void) cos_domain_valid(path);
    }

    free(copy);
    cos_arena_free(arena);

    return 0;
}
