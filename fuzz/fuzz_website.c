/*
 * Fuzz: website configurations and requests to them. The first byte chooses
 * the dialect, whether there is TLS, and what is found; the document ends at
 * the first NUL, behind it stands the request's path. What is accepted is
 * written and read again; no request takes more than five keys, and no
 * location can end a header or begin with two slashes.
 */

#include <stdlib.h>

#include "cos_website.h"
#include "cos_xml.h"

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
request(const cos_website_t *w, cos_str_t path, unsigned bits, cos_alloc_t *a)
{
    size_t         i;
    int            n;
    cos_site_t     s;
    cos_site_do_e  what;

    memset(&s, 0, sizeof(s));
    s.site = w;
    s.alloc = a;
    s.path = path;
    s.query = path;
    s.host = COS_STR("h");
    s.tls = bits & 1;

    for (what = cos_site_begin(&s), n = 0; what == COS_SITE_LOOK; n++) {
        MUST(n < 5 && s.key.len > 0 && s.key.len <= 1024);
        bits >>= 1;
        what = cos_site_found(&s, bits & 1 ? COS_OK : COS_E_NO_SUCH_KEY,
                              !(bits & 1));
    }

    if (what != COS_SITE_REDIRECT) {
        return;
    }

    MUST(s.location.len > 0 && s.status >= 301 && s.status <= 308);

    for (i = 0; i < s.location.len; i++) {
        MUST(s.location.data[i] > ' ' && s.location.data[i] < 0x7f);
    }

    MUST(cos_redirect_valid(s.location) || s.location.len > COS_REDIRECT_MAX);
    MUST(s.location.data[0] != '/' || s.location.len == 1
         || s.location.data[1] != '/');
}


static void
document(cos_dialect_e d, cos_str_t text, cos_str_t path, unsigned bits,
    cos_alloc_t *a)
{
    cos_buf_t       b;
    const char     *why;
    cos_website_t   w, again;

    if (cos_xml_parse_website(d, text, &w, &why, a) != COS_OK) {
        return;
    }

    MUST(w.nfirst + w.nlater == w.nrules);

    cos_buf_init(&b, a, 0);
    cos_xml_website(&b, d, &w);
    MUST(!b.err);

    if (b.len <= COS_WEBSITE_SIZE) {
        MUST(cos_xml_parse_website(d, (cos_str_t) { b.len, b.data }, &again,
                                   &why, a) == COS_OK
             && again.nrules == w.nrules);
    }

    if (path.len > 0 && path.data[0] == '/') {
        request(&w, path, bits, a);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cos_str_t      text, path;
    cos_u8        *copy, *end;
    cos_arena_t   *arena;
    cos_alloc_t   *a;

    if (size < 1) {
        return 0;
    }

    arena = cos_arena_create();
    copy = malloc(size);

    if (arena != NULL && copy != NULL) {
        memcpy(copy, data, size);
        a = cos_arena_alloc(arena);

        text.data = copy + 1;
        text.len = size - 1;
        end = memchr(text.data, '\0', text.len);
        path = (cos_str_t) { 0, NULL };

        if (end != NULL) {
            path.data = end + 1;
            path.len = copy + size - path.data;
            text.len = end - text.data;
        }

        document(copy[0] & 1 ? COS_DIALECT_S3 : COS_DIALECT_COS, text, path,
                 copy[0] >> 1, a);
        (void) cos_accepts_coding(path, COS_STR("br"));
        (void) cos_website_compile(text, a);
    }

    free(copy);
    cos_arena_free(arena);

    return 0;
}
