/*
 * auth: the canonical request of AWS Signature Version 4.
 *
 * It is built from what the server will act on: the path and the query as
 * decoded, the headers as received. Where a client writes these in another
 * way than AWS' own, one more attempt reads them as sent.
 */

#include "sig_internal.h"

static int canonical_query(cos_buf_t *b, const cos_http_t *h, int in_query,
    int raw, cos_alloc_t *a);
static int query_value(const cos_arg_t *arg, int raw, cos_str_t *value,
    cos_alloc_t *a);
static int canonical_header(cos_buf_t *b, const cos_http_t *h,
    cos_str_t name);
static void add_collapsed(cos_buf_t *b, cos_str_t s);


cos_err_e
cos_sig_v4_canonical(const cos_http_t *h, const cos_sig_t *sig, int raw,
    cos_alloc_t *a, cos_buf_t *b)
{
    cos_str_t list, name;

    cos_buf_str(b, h->method);
    cos_buf_char(b, '\n');

    if (raw & COS_V4_RAW_PATH) {
        cos_buf_str(b, h->path);

    } else {
        cos_pct_encode(b, h->path_decoded, COS_ENC_SLASH);
    }

    cos_buf_char(b, '\n');

    if (canonical_query(b, h, sig->in_query, raw, a) != 0) {
        return COS_E_INTERNAL;
    }

    cos_buf_char(b, '\n');
    list = sig->header_list;

    while (cos_sig_cut(&list, ';', &name)) {
        if (canonical_header(b, h, name) == 0) {
            return COS_E_SIGNATURE_MISMATCH;
        }
    }

    cos_buf_char(b, '\n');
    cos_buf_str(b, sig->header_list);
    cos_buf_char(b, '\n');
    cos_buf_str(b, cos_sig_v4_payload(h, sig));

    return COS_OK;
}


static int
canonical_query(cos_buf_t *b, const cos_http_t *h, int in_query, int raw,
    cos_alloc_t *a)
{
    size_t           i, n, bytes;
    cos_str_t        value;
    cos_buf_t        room;
    const cos_arg_t *arg;
    cos_sig_pair_t  *pairs;

    if (h->args.n == 0) {
        return 0;
    }

    for (i = 0, bytes = 0; i < h->args.n; i++) {
        bytes += h->args.v[i].name.len + h->args.v[i].raw_value.len;
    }

    /* encoding makes a text three times as long at most: this never moves */
    cos_buf_init(&room, a, bytes * 3 + 1);
    pairs = cos_alloc(a, h->args.n * sizeof(cos_sig_pair_t));
    if (pairs == NULL || room.err) {
        return -1;
    }

    for (i = 0, n = 0; i < h->args.n; i++) {
        arg = &h->args.v[i];

        if (in_query && cos_str_is(arg->name, "X-Amz-Signature")) {
            continue;
        }

        if (query_value(arg, raw, &value, a) != 0) {
            return -1;
        }

        pairs[n].name = cos_sig_encode(&room, arg->name);
        pairs[n++].value = cos_sig_encode(&room, value);
    }

    cos_sig_sort(pairs, n);

    for (i = 0; i < n; i++) {
        if (i != 0) {
            cos_buf_char(b, '&');
        }

        cos_buf_str(b, pairs[i].name);
        cos_buf_char(b, '=');
        cos_buf_str(b, pairs[i].value);
    }

    return 0;
}


static int
query_value(const cos_arg_t *arg, int raw, cos_str_t *value, cos_alloc_t *a)
{
    ptrdiff_t len;

    *value = arg->value;

    if (!(raw & COS_V4_RAW_PLUS) || arg->raw_value.len == 0) {
        return 0;
    }

    value->data = cos_alloc(a, arg->raw_value.len);
    if (value->data == NULL) {
        return -1;
    }

    len = cos_pct_decode(value->data, arg->raw_value, 0);
    value->len = len < 0 ? 0 : (size_t) len;

    return len < 0 ? -1 : 0;
}


/* Headers of one name are one line; 0 when there is none. */
static int
canonical_header(cos_buf_t *b, const cos_http_t *h, cos_str_t name)
{
    int    found;
    size_t i;

    found = 0;

    for (i = 0; i < h->nheaders; i++) {
        if (!cos_str_eq(h->headers[i].name, name)) {
            continue;
        }

        if (found) {
            cos_buf_char(b, ',');

        } else {
            cos_buf_str(b, name);
            cos_buf_char(b, ':');
        }

        add_collapsed(b, cos_str_trim(h->headers[i].value));
        found = 1;
    }

    cos_buf_char(b, '\n');

    return found;
}


static void
add_collapsed(cos_buf_t *b, cos_str_t s)
{
    size_t i, from;

    for (i = 1, from = 0; i < s.len; i++) {
        if (s.data[i] == ' ' && s.data[i - 1] == ' ') {
            cos_buf_add(b, s.data + from, i - from);

            while (i < s.len && s.data[i] == ' ') {
                i++;
            }

            from = i;
        }
    }

    cos_buf_add(b, s.data + from, s.len - from);
}


cos_str_t
cos_sig_v4_payload(const cos_http_t *h, const cos_sig_t *sig)
{
    const cos_arg_t    *arg;
    const cos_header_t *hd;

    if (sig->body_digest.len != 0) {
        return sig->body_digest;
    }

    if (sig->in_query) {
        arg = cos_arg(&h->args, "X-Amz-Content-Sha256");

        if (arg != NULL) {
            return arg->value;
        }
    }

    hd = cos_header(h, "x-amz-content-sha256");

    return hd != NULL ? hd->value : COS_STR("UNSIGNED-PAYLOAD");
}


int
cos_sig_v4_variants(const cos_http_t *h)
{
    int              may;
    size_t           i;
    const cos_str_t *raw;

    /* a line end would let the path pass for more lines than one */
    may = h->path.len == 0 || memchr(h->path.data, '\n', h->path.len)
          ? 0 : COS_V4_RAW_PATH;

    for (i = 0; i < h->args.n; i++) {
        raw = &h->args.v[i].raw_value;

        if (raw->len != 0 && memchr(raw->data, '+', raw->len) != NULL) {
            may |= COS_V4_RAW_PLUS;
        }
    }

    return may;
}
