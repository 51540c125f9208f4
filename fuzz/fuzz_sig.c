/*
 * Fuzz: signatures. The input is a request in text: the method, the target,
 * then header lines. Whatever it says is parsed and, when that succeeds,
 * judged at a time at which it is valid, so that the canonical text is built.
 * Nobody can sign with a random secret, so nothing may ever be proved.
 */

#include <stdlib.h>

#include "cos_auth.h"

#define HEADERS  64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static const cos_str_t secret = cos_lit("d4mu0FNJOywI7yXTdm2ZpKXw91kpDrTA");


int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void) argc;
    (void) argv;

    return cos_hash_init();
}


/* The next line, or all that is left; 0 at the end. */
static int
line(cos_str_t *rest, cos_str_t *out)
{
    cos_u8 *p;

    if (rest->len == 0) {
        return 0;
    }

    *out = *rest;
    p = memchr(rest->data, '\n', rest->len);

    if (p != NULL) {
        out->len = (size_t) (p - rest->data);
    }

    rest->data += out->len + (p != NULL);
    rest->len -= out->len + (p != NULL);

    return 1;
}


static int
read_target(cos_http_t *h, cos_str_t target, cos_alloc_t *a)
{
    cos_u8    *q;
    cos_str_t  query = { 0, NULL };
    ptrdiff_t  n;

    h->path = target;
    q = target.len ? memchr(target.data, '?', target.len) : NULL;

    if (q != NULL) {
        h->path.len = (size_t) (q - target.data);
        query.data = q + 1;
        query.len = target.len - h->path.len - 1;
    }

    h->path_decoded.data = cos_alloc(a, h->path.len);
    n = cos_pct_decode(h->path_decoded.data, h->path, 0);
    h->path_decoded.len = (size_t) n;

    return n < 0 || cos_args_parse(&h->args, query, a) != COS_OK ? -1 : 0;
}


static void
read_headers(cos_http_t *h, cos_str_t rest)
{
    size_t        i;
    cos_u8       *p;
    cos_str_t     text;
    cos_header_t *hd;

    while (h->nheaders < HEADERS && line(&rest, &text)) {
        p = text.len ? memchr(text.data, ':', text.len) : NULL;
        if (p == NULL) {
            continue;
        }

        hd = &h->headers[h->nheaders++];
        hd->name.data = text.data;
        hd->name.len = (size_t) (p - text.data);
        hd->value.data = p + 1;
        hd->value.len = text.len - hd->name.len - 1;
        hd->value = cos_str_trim(hd->value);

        for (i = 0; i < hd->name.len; i++) {
            if (hd->name.data[i] >= 'A' && hd->name.data[i] <= 'Z') {
                hd->name.data[i] |= 0x20;
            }
        }
    }
}


static void
judge(const cos_http_t *h, cos_alloc_t *a)
{
    cos_buf_t canonical;
    cos_err_e rc;
    cos_sig_t sig;

    if (cos_sig_parse(h, &sig, a) != COS_OK) {
        return;
    }

    cos_buf_init(&canonical, a, 0);
    rc = cos_sig_verify(h, &sig, secret, sig.end, COS_STR(""), a,
                        &canonical);
    (void) cos_sig_covers(&sig, "x-bce-acl");

    if (rc == COS_OK || canonical.err) {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cos_str_t     rest, method = { 0, NULL }, target = { 0, NULL };
    cos_http_t    h;
    cos_alloc_t  *a;
    cos_arena_t  *arena;
    cos_header_t  headers[HEADERS];

    arena = cos_arena_create();
    a = cos_arena_alloc(arena);
    memset(&h, 0, sizeof(h));
    h.headers = headers;

    if (cos_dup(a, &rest, data, size) == 0 && line(&rest, &method)
        && line(&rest, &target) && read_target(&h, target, a) == 0)
    {
        h.method = method;
        read_headers(&h, rest);
        judge(&h, a);
    }

    cos_arena_free(arena);

    return 0;
}
