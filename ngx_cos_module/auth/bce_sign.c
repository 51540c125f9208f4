/*
 * auth: the BCE dialect, bce-auth-v1 (cos-api.md section 14).
 *
 * The whole signature is one string, in the Authorization header or in the
 * parameter "authorization". Lines are sorted as they are written, ':' and '='
 * included, which is not the order of the names.
 */

#include <openssl/crypto.h>

#include "sig_internal.h"

#define EXPIRY_MAX  (1ULL << 40)     /* keeps sums of times from overflowing */

static cos_err_e attempt(const cos_http_t *h, const cos_sig_t *sig,
    const char *key, int bare, cos_alloc_t *a, cos_buf_t *canonical);
static int bare_names_differ(const cos_args_t *args);
static int canonical_query(cos_buf_t *b, const cos_args_t *args, int bare,
    cos_alloc_t *a);
static int canonical_headers(cos_buf_t *b, const cos_http_t *h,
    const cos_sig_t *sig, cos_alloc_t *a);
static void add_lines(cos_buf_t *b, cos_sig_pair_t *lines, size_t n, int sep);


cos_err_e
cos_sig_bce_parse(const cos_http_t *h, cos_sig_t *sig, cos_str_t value)
{
    int                 i;
    int64_t             start;
    uint64_t            expiry;
    cos_str_t           part[6], rest;
    const cos_arg_t    *arg;
    const cos_header_t *hd;

    rest = value;

    for (i = 0; i < 6; i++) {
        if (!cos_sig_cut(&rest, '/', &part[i])) {
            return COS_E_INVALID_ARGUMENT;
        }
    }

    if (!cos_str_is(part[0], "bce-auth-v1")) {
        return COS_E_AUTH_UNSUPPORTED;
    }

    /* the other forms of cos_parse_iso8601 are none of this dialect's */
    start = part[2].len == sizeof("2015-04-27T08:23:49Z") - 1
            ? cos_parse_iso8601(part[2]) : -1;

    if (rest.data != NULL || part[1].len == 0 || start < 0
        || cos_str_uint(part[3], &expiry) != 0 || expiry > EXPIRY_MAX
        || cos_sig_count(part[4]) > COS_SIG_NAMES_MAX || part[5].len == 0)
    {
        return COS_E_INVALID_ARGUMENT;
    }

    sig->scheme = COS_SIG_BCE;
    sig->payload = COS_PAYLOAD_NONE;
    sig->access_key = part[1];
    sig->sign_time = part[2];
    sig->key_time = part[3];
    sig->header_list = part[4];
    sig->signature = part[5];
    sig->start = start;
    sig->end = start + (int64_t) expiry;
    sig->prefix.data = value.data;
    sig->prefix.len = (size_t) (part[3].data + part[3].len - value.data);

    hd = cos_header(h, "x-bce-security-token");
    arg = cos_arg(&h->args, "x-bce-security-token");

    if (hd != NULL && hd->value.len != 0) {
        sig->token = hd->value;

    } else if (arg != NULL) {
        sig->token = arg->value;
    }

    return COS_OK;
}


cos_err_e
cos_sig_bce_verify(const cos_http_t *h, const cos_sig_t *sig,
    cos_str_t secret, cos_alloc_t *a, cos_buf_t *canonical)
{
    char      key[COS_SHA256_LEN * 2];
    cos_u8    digest[COS_SHA256_LEN];
    cos_err_e rc;

    if (cos_hmac(COS_SHA256, secret.data, secret.len, sig->prefix.data,
                 sig->prefix.len, digest) != 0)
    {
        return COS_E_INTERNAL;
    }

    /* the key of the second step is the first one's text */
    cos_hex(key, digest, sizeof(digest));
    OPENSSL_cleanse(digest, sizeof(digest));

    rc = attempt(h, sig, key, 0, a, canonical);

    if (rc == COS_E_SIGNATURE_MISMATCH && bare_names_differ(&h->args)) {
        /* the specification encodes parameter names, the JS SDK does not */
        rc = attempt(h, sig, key, 1, a, NULL);
    }

    OPENSSL_cleanse(key, sizeof(key));

    return rc;
}


static cos_err_e
attempt(const cos_http_t *h, const cos_sig_t *sig, const char *key, int bare,
    cos_alloc_t *a, cos_buf_t *canonical)
{
    char      hex[COS_SHA256_LEN * 2];
    cos_u8    digest[COS_SHA256_LEN];
    cos_buf_t b;
    cos_err_e rc;

    cos_buf_init(&b, a, 1024 + h->path.len);

    cos_buf_str(&b, h->method);
    cos_buf_char(&b, '\n');
    cos_pct_encode(&b, h->path_decoded, COS_ENC_SLASH);
    cos_buf_char(&b, '\n');

    if (canonical_query(&b, &h->args, bare, a) != 0) {
        return COS_E_INTERNAL;
    }

    cos_buf_char(&b, '\n');

    if (canonical_headers(&b, h, sig, a) != 0 || b.err
        || cos_hmac(COS_SHA256, key, COS_SHA256_LEN * 2, b.data, b.len, digest)
           != 0)
    {
        return COS_E_INTERNAL;
    }

    cos_sig_show(canonical, (cos_str_t) { b.len, b.data }, COS_STR(""));

    cos_hex(hex, digest, sizeof(digest));
    OPENSSL_cleanse(digest, sizeof(digest));

    rc = cos_str_eq_secret(sig->signature,
                           (cos_str_t) { sizeof(hex), (cos_u8 *) hex })
         ? COS_OK : COS_E_SIGNATURE_MISMATCH;
    OPENSSL_cleanse(hex, sizeof(hex));

    return rc;
}


/*
 * Whether names left as they are make another text. Not so with a name that
 * holds a separator: it could pass for parameters that somebody else signed.
 */
static int
bare_names_differ(const cos_args_t *args)
{
    int    differ;
    size_t i, k;
    cos_u8 c;

    differ = 0;

    for (i = 0; i < args->n; i++) {
        for (k = 0; k < args->v[i].name.len; k++) {
            c = args->v[i].name.data[k];

            if (c == '&' || c == '=' || c == '\n') {
                return 0;
            }

            differ |= !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
                        || (c >= 'A' && c <= 'Z') || c == '-' || c == '_'
                        || c == '.' || c == '~');
        }
    }

    return differ;
}


static int
canonical_query(cos_buf_t *b, const cos_args_t *args, int bare, cos_alloc_t *a)
{
    size_t           i, n, bytes, start;
    cos_buf_t        room;
    cos_sig_pair_t  *lines;
    const cos_arg_t *arg;

    if (args->n == 0) {
        return 0;
    }

    for (i = 0, bytes = 0; i < args->n; i++) {
        bytes += args->v[i].name.len + args->v[i].value.len + 1;
    }

    /* encoding makes a text three times as long at most: this never moves */
    cos_buf_init(&room, a, bytes * 3);
    lines = cos_zalloc(a, args->n * sizeof(cos_sig_pair_t));
    if (lines == NULL || room.err) {
        return -1;
    }

    for (i = 0, n = 0; i < args->n; i++) {
        arg = &args->v[i];

        if (cos_str_iis(arg->name, "authorization")) {
            continue;
        }

        start = room.len;

        if (bare) {
            cos_buf_str(&room, arg->name);

        } else {
            cos_pct_encode(&room, arg->name, 0);
        }

        cos_buf_char(&room, '=');
        cos_pct_encode(&room, arg->value, 0);

        lines[n].name.data = room.data + start;
        lines[n++].name.len = room.len - start;
    }

    add_lines(b, lines, n, '&');

    return 0;
}


static int
canonical_headers(cos_buf_t *b, const cos_http_t *h, const cos_sig_t *sig,
    cos_alloc_t *a)
{
    size_t              i, n, bytes, start;
    cos_buf_t           room;
    cos_sig_pair_t     *lines;
    const cos_header_t *hd;

    for (i = 0, bytes = 0; i < h->nheaders; i++) {
        bytes += h->headers[i].name.len + h->headers[i].value.len + 1;
    }

    cos_buf_init(&room, a, bytes * 3 + 1);
    lines = cos_zalloc(a, h->nheaders * sizeof(cos_sig_pair_t));
    if (lines == NULL || room.err) {
        return -1;
    }

    for (i = 0, n = 0; i < h->nheaders; i++) {
        hd = &h->headers[i];

        /* clients sign no header without a value */
        if (hd->value.len == 0 || !cos_sig_covers_str(sig, hd->name)) {
            continue;
        }

        start = room.len;
        cos_pct_encode(&room, hd->name, 0);
        cos_buf_char(&room, ':');
        cos_pct_encode(&room, cos_str_trim(hd->value), 0);

        lines[n].name.data = room.data + start;
        lines[n++].name.len = room.len - start;
    }

    add_lines(b, lines, n, '\n');

    return 0;
}


static void
add_lines(cos_buf_t *b, cos_sig_pair_t *lines, size_t n, int sep)
{
    size_t i;

    cos_sig_sort(lines, n);

    for (i = 0; i < n; i++) {
        if (i != 0) {
            cos_buf_char(b, sep);
        }

        cos_buf_str(b, lines[i].name);
    }
}
