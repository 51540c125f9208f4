/*
 * Fuzz: naming. Input: one byte of options, then lines: method, host, target,
 * header name. Whatever a request is named as, no unknown sub-resource may
 * have been passed over.
 */

#include <stdlib.h>

#include "cos_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const cos_str_t  bases[] = {
    cos_lit("x.y"), cos_lit("s3.z"), cos_lit("cos.x.y"),
};


static cos_str_t
line(const uint8_t **p, const uint8_t *end)
{
    cos_str_t       s;
    const uint8_t  *nl;

    nl = *p < end ? memchr(*p, '\n', end - *p) : NULL;
    s.data = (cos_u8 *) *p;
    s.len = (nl != NULL ? nl : end) - *p;
    *p = nl != NULL ? nl + 1 : end;

    return s;
}


static void
check(cos_err_e err, const cos_name_t *n, const cos_http_t *h)
{
    static const char *const  subs[] = {
        "tagging", "versions", "append", "policy", "restore", "website"
    };

    size_t            i;
    const cos_arg_t  *arg;

    if (err != COS_OK || n->op == COS_OP_UNSUPPORTED) {
        return;
    }

    if (n->op != COS_OP_LIST_BUCKETS && n->bucket.len == 0) {
        abort();
    }

    if (n->key.len > 1024 || (size_t) n->op >= COS_OP_MAX) {
        abort();
    }

    /* a sub-resource is never passed over */

    for (i = 0; i < sizeof(subs) / sizeof(subs[0]); i++) {
        arg = cos_arg(&h->args, subs[i]);

        if (arg != NULL && arg->value.len == 0 && n->chose[0] != arg) {
            abort();
        }
    }

    arg = cos_arg(&h->args, "qqq");

    if (arg != NULL && arg->value.len == 0) {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int             sig;
    cos_http_t      h;
    cos_str_t       target;
    ptrdiff_t       len;
    cos_host_t      host;
    cos_name_t      n;
    cos_u8         *mark;
    cos_arena_t    *arena;
    cos_alloc_t    *a;
    cos_header_t    header;
    const uint8_t  *p, *end;
    cos_str_t       query = cos_lit("");

    if (size < 1) {
        return 0;
    }

    arena = cos_arena_create();
    if (arena == NULL) {
        return 0;
    }

    a = cos_arena_alloc(arena);
    sig = data[0] % 4 - 1;
    p = data + 1;
    end = data + size;

    memset(&h, 0, sizeof(h));
    h.method = line(&p, end);
    cos_host_parse(&host, line(&p, end), bases, 3);

    target = line(&p, end);
    header.name = line(&p, end);
    header.value = (cos_str_t) { 0, NULL };
    h.headers = &header;
    h.nheaders = data[0] & 4 ? 1 : 0;

    mark = target.len > 0 ? memchr(target.data, '?', target.len) : NULL;
    if (mark != NULL) {
        query.data = mark + 1;
        query.len = target.data + target.len - query.data;
        target.len = mark - target.data;
    }

    h.path = target;

    if (cos_dup(a, &h.path_decoded, target.data, target.len) == 0) {
        len = cos_pct_decode(h.path_decoded.data, target, 0);

        if (len >= 0 && cos_args_parse(&h.args, query, a) == COS_OK) {
            h.path_decoded.len = len;
            check(cos_name_request(&n, &h, &host, sig), &n, &h);
        }
    }

    cos_arena_free(arena);

    return 0;
}
