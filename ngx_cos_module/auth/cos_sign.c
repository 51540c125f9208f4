/*
 * auth: the COS dialect, q-sign-algorithm=sha1 (cos-api.md section 1).
 *
 * The client lists which headers and parameters it signed. Lists name them in
 * lower case and come encoded once or twice, depending on the SDK, so an entry
 * is matched against what the request really holds and the canonical text is
 * then written from the request alone.
 */

#include <openssl/crypto.h>

#include "sig_internal.h"

/* The fields of a signature, in the order of COS_Q_COS_*. */
enum {
    FIELD_ALGORITHM = 0,
    FIELD_AK,
    FIELD_SIGN_TIME,
    FIELD_KEY_TIME,
    FIELD_HEADERS,
    FIELD_PARAMS,
    FIELD_SIGNATURE,
    FIELD_MAX
};

/* A header or a parameter that a list may name. */
typedef struct {
    cos_str_t  name;
    cos_str_t  value;
    int        listed;
} item_t;

typedef struct {
    size_t   n;
    item_t  *v;
} items_t;

#define TIME_MAX  (1ULL << 53)       /* keeps sums of times from overflowing */
#define ENTRY_MAX  256               /* a longer entry is not decoded */
#define DECODE_MAX  2                /* nor is one decoded more often */

static cos_err_e take_fields(const cos_http_t *h, cos_sig_t *sig,
    const cos_str_t *f);
static void find_token(const cos_http_t *h, cos_sig_t *sig);
static cos_err_e attempt(const cos_http_t *h, const cos_sig_t *sig,
    cos_str_t secret, cos_str_t host, cos_alloc_t *a, cos_buf_t *canonical);
static cos_err_e http_string(const cos_http_t *h, const cos_sig_t *sig,
    cos_str_t host, cos_alloc_t *a, cos_buf_t *b);
static cos_err_e add_listed(cos_buf_t *b, items_t *items, cos_str_t list,
    cos_alloc_t *a);
static int mark_listed(items_t *items, cos_str_t list, size_t *n,
    size_t *bytes);
static item_t *find_item(items_t *items, cos_str_t entry);
static int decode_entry(cos_str_t *entry, cos_u8 *text);
static int left_out(const items_t *items);
static void lower(cos_u8 *p, size_t n);
static cos_str_t without_port(cos_str_t host);

static const cos_str_t fields[FIELD_MAX] = {
    cos_lit("q-sign-algorithm"), cos_lit("q-ak"), cos_lit("q-sign-time"),
    cos_lit("q-key-time"), cos_lit("q-header-list"),
    cos_lit("q-url-param-list"), cos_lit("q-signature")
};


/* Also takes the value of the legacy "sign" parameter. */
cos_err_e
cos_sig_cos_header(const cos_http_t *h, cos_sig_t *sig, cos_str_t value)
{
    int       i;
    cos_str_t piece, name, f[FIELD_MAX];

    memset(f, 0, sizeof(f));

    while (cos_sig_cut(&value, '&', &piece)) {
        if (!cos_sig_cut(&piece, '=', &name) || piece.data == NULL) {
            return COS_E_INVALID_ARGUMENT;
        }

        name = cos_str_trim(name);

        for (i = 0; i < FIELD_MAX; i++) {
            if (!cos_str_eq(name, fields[i])) {
                continue;
            }

            if (f[i].data != NULL) {
                return COS_E_AUTH_DUPLICATE;
            }

            f[i] = cos_str_trim(piece);
        }
    }

    return take_fields(h, sig, f);
}


cos_err_e
cos_sig_cos_query(const cos_http_t *h, cos_sig_t *sig,
    const cos_sig_query_t *q)
{
    int              i;
    cos_str_t        f[FIELD_MAX];
    const cos_arg_t *arg;

    memset(f, 0, sizeof(f));

    for (i = 0; i < FIELD_MAX; i++) {
        arg = q->arg[COS_Q_COS_ALGORITHM + i];

        if (arg != NULL) {
            f[i] = arg->value;
        }
    }

    return take_fields(h, sig, f);
}


static cos_err_e
take_fields(const cos_http_t *h, cos_sig_t *sig, const cos_str_t *f)
{
    int     i;
    int64_t start, end;
    cos_u8  digest[COS_SHA1_LEN];

    for (i = 0; i < FIELD_MAX; i++) {
        if (f[i].data == NULL) {
            return COS_E_INVALID_ARGUMENT;
        }
    }

    if (!cos_str_is(f[FIELD_ALGORITHM], "sha1") || f[FIELD_AK].len == 0
        || cos_sig_times(f[FIELD_SIGN_TIME], &sig->start, &sig->end) != 0
        || cos_sig_times(f[FIELD_KEY_TIME], &start, &end) != 0
        || cos_unhex(digest, sizeof(digest), f[FIELD_SIGNATURE]) != 0
        || cos_sig_count(f[FIELD_HEADERS]) > COS_SIG_NAMES_MAX
        || cos_sig_count(f[FIELD_PARAMS]) > COS_SIG_NAMES_MAX)
    {
        return COS_E_INVALID_ARGUMENT;
    }

    /* both must hold, so what counts is where they overlap */
    sig->start = start > sig->start ? start : sig->start;
    sig->end = end < sig->end ? end : sig->end;

    sig->scheme = COS_SIG_COS;
    sig->payload = COS_PAYLOAD_NONE;
    sig->access_key = f[FIELD_AK];
    sig->sign_time = f[FIELD_SIGN_TIME];
    sig->key_time = f[FIELD_KEY_TIME];
    sig->header_list = f[FIELD_HEADERS];
    sig->param_list = f[FIELD_PARAMS];
    sig->signature = f[FIELD_SIGNATURE];
    find_token(h, sig);

    return COS_OK;
}


int
cos_sig_times(cos_str_t s, int64_t *start, int64_t *end)
{
    uint64_t  from, to;
    cos_str_t first;

    if (!cos_sig_cut(&s, ';', &first) || s.data == NULL
        || cos_str_uint(first, &from) != 0 || cos_str_uint(s, &to) != 0
        || from > to || to > TIME_MAX)
    {
        return -1;
    }

    *start = (int64_t) from;
    *end = (int64_t) to;

    return 0;
}


static void
find_token(const cos_http_t *h, cos_sig_t *sig)
{
    const cos_arg_t    *arg;
    const cos_header_t *hd;

    hd = cos_header(h, "x-cos-security-token");

    if (hd != NULL && hd->value.len != 0) {
        sig->token = hd->value;
        return;
    }

    arg = cos_arg(&h->args, "x-cos-security-token");

    if (arg != NULL) {
        sig->token = arg->value;
    }
}


cos_err_e
cos_sig_cos_verify(const cos_http_t *h, const cos_sig_t *sig,
    cos_str_t secret, cos_alloc_t *a, cos_buf_t *canonical)
{
    cos_err_e           rc;
    cos_str_t           host, bare;
    const cos_header_t *hd;

    hd = cos_header(h, "host");
    host = hd != NULL ? hd->value : COS_STR("");

    rc = attempt(h, sig, secret, host, a, canonical);

    if (rc == COS_E_SIGNATURE_MISMATCH
        && cos_sig_listed(sig->header_list, COS_STR("host")))
    {
        /* the Python SDK signs the host without its port */
        bare = without_port(host);

        if (bare.len != host.len) {
            rc = attempt(h, sig, secret, bare, a, NULL);
        }
    }

    return rc;
}


static cos_err_e
attempt(const cos_http_t *h, const cos_sig_t *sig, cos_str_t secret,
    cos_str_t host, cos_alloc_t *a, cos_buf_t *canonical)
{
    char      sign_key[COS_SHA1_LEN * 2], hex[COS_SHA1_LEN * 2];
    cos_u8    digest[COS_SHA1_LEN];
    cos_buf_t b;
    cos_err_e rc;
    cos_str_t text, to_sign;

    cos_buf_init(&b, a, 512 + h->path_decoded.len);

    rc = http_string(h, sig, host, a, &b);
    if (rc != COS_OK) {
        return rc;
    }

    text = (cos_str_t) { b.len, b.data };

    if (b.err || cos_md_once(COS_SHA1, text.data, text.len, digest) != 0) {
        return COS_E_INTERNAL;
    }

    cos_hex(hex, digest, sizeof(digest));

    cos_buf_lit(&b, "sha1\n");
    cos_buf_str(&b, sig->sign_time);
    cos_buf_char(&b, '\n');
    cos_buf_add(&b, hex, sizeof(hex));
    cos_buf_char(&b, '\n');

    if (b.err
        || cos_hmac(COS_SHA1, secret.data, secret.len, sig->key_time.data,
                    sig->key_time.len, digest) != 0)
    {
        return COS_E_INTERNAL;
    }

    text.data = b.data;                /* it may have moved */
    to_sign = (cos_str_t) { b.len - text.len, b.data + text.len };
    cos_sig_show(canonical, text, to_sign);

    /* the key of the second step is the first one's text */
    cos_hex(sign_key, digest, sizeof(digest));

    if (cos_hmac(COS_SHA1, sign_key, sizeof(sign_key), to_sign.data,
                 to_sign.len, digest) != 0)
    {
        rc = COS_E_INTERNAL;
    }

    OPENSSL_cleanse(sign_key, sizeof(sign_key));
    cos_hex(hex, digest, sizeof(digest));
    OPENSSL_cleanse(digest, sizeof(digest));

    if (rc == COS_OK
        && !cos_str_eq_secret(sig->signature,
                              (cos_str_t) { sizeof(hex), (cos_u8 *) hex }))
    {
        rc = COS_E_SIGNATURE_MISMATCH;
    }

    return rc;
}


static cos_err_e
http_string(const cos_http_t *h, const cos_sig_t *sig, cos_str_t host,
    cos_alloc_t *a, cos_buf_t *b)
{
    size_t    i;
    items_t   params, headers;
    cos_err_e rc;

    params.n = h->args.n;
    headers.n = h->nheaders;
    params.v = cos_alloc(a, (params.n + headers.n) * sizeof(item_t));
    if (params.v == NULL) {
        return COS_E_INTERNAL;
    }

    headers.v = params.v + params.n;

    for (i = 0; i < params.n; i++) {
        params.v[i].name = h->args.v[i].name;
        params.v[i].value = h->args.v[i].value;
        params.v[i].listed = 0;
    }

    for (i = 0; i < headers.n; i++) {
        headers.v[i].name = h->headers[i].name;
        headers.v[i].value = cos_str_is(h->headers[i].name, "host")
                             ? host : h->headers[i].value;
        headers.v[i].listed = 0;
    }

    cos_buf_str(b, h->method);
    if (!b->err) {
        lower(b->data, b->len);
    }

    cos_buf_char(b, '\n');
    cos_buf_str(b, h->path_decoded);
    cos_buf_char(b, '\n');

    rc = add_listed(b, &params, sig->param_list, a);
    cos_buf_char(b, '\n');

    if (rc == COS_OK) {
        rc = add_listed(b, &headers, sig->header_list, a);
        cos_buf_char(b, '\n');
    }

    return rc;
}


/* Adds what the list names as name=value, joined by '&' and in order. */
static cos_err_e
add_listed(cos_buf_t *b, items_t *items, cos_str_t list, cos_alloc_t *a)
{
    size_t          i, n, bytes;
    cos_buf_t       room;
    cos_sig_pair_t *pairs, *pair;

    if (list.len == 0) {
        return COS_OK;
    }

    if (mark_listed(items, list, &n, &bytes) != 0) {
        return COS_E_SIGNATURE_MISMATCH;
    }

    /* encoding makes a text three times as long at most: this never moves */
    cos_buf_init(&room, a, bytes * 3 + 1);
    pairs = cos_alloc(a, n * sizeof(cos_sig_pair_t));
    if (pairs == NULL || room.err) {
        return COS_E_INTERNAL;
    }

    pair = pairs;

    for (i = 0; i < items->n; i++) {
        if (items->v[i].listed) {
            pair->name = cos_sig_encode(&room, items->v[i].name);
            lower(pair->name.data, pair->name.len);
            pair->value = cos_sig_encode(&room, items->v[i].value);
            pair++;
        }
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

    return COS_OK;
}


/*
 * Marks what the list names. -1 when the request lacks an entry, or has a
 * listed name more often than the list: it would be open which one the client
 * meant. n and bytes tell how much is marked.
 */
static int
mark_listed(items_t *items, cos_str_t list, size_t *n, size_t *bytes)
{
    item_t   *item;
    cos_str_t entry;

    *n = 0;
    *bytes = 0;

    while (cos_sig_cut(&list, ';', &entry)) {
        if (entry.len == 0) {
            continue;
        }

        item = find_item(items, entry);
        if (item == NULL) {
            return -1;
        }

        item->listed = 1;
        *n += 1;
        *bytes += item->name.len + item->value.len;
    }

    return left_out(items) ? -1 : 0;
}


/* An entry means a name as it is, decoded, or decoded twice. */
static item_t *
find_item(items_t *items, cos_str_t entry)
{
    int    round;
    size_t i;
    cos_u8 text[ENTRY_MAX];

    round = 0;

    do {
        for (i = 0; i < items->n; i++) {
            if (!items->v[i].listed
                && cos_str_ieq(entry, items->v[i].name))
            {
                return &items->v[i];
            }
        }
    } while (round++ < DECODE_MAX && decode_entry(&entry, text));

    return NULL;
}


static int
decode_entry(cos_str_t *entry, cos_u8 *text)
{
    ptrdiff_t len;

    if (entry->len > ENTRY_MAX
        || memchr(entry->data, '%', entry->len) == NULL)
    {
        return 0;
    }

    len = cos_pct_decode(text, *entry, 0);
    if (len < 0) {
        return 0;
    }

    entry->data = text;
    entry->len = (size_t) len;

    return 1;
}


static int
left_out(const items_t *items)
{
    size_t i, k;

    for (i = 0; i < items->n; i++) {
        for (k = 0; !items->v[i].listed && k < items->n; k++) {
            if (items->v[k].listed
                && cos_str_ieq(items->v[i].name, items->v[k].name))
            {
                return 1;
            }
        }
    }

    return 0;
}


int
cos_sig_cos_param(const cos_sig_t *sig, cos_str_t name)
{
    int       round;
    cos_u8    text[ENTRY_MAX];
    cos_str_t list, entry;

    list = sig->param_list;

    while (cos_sig_cut(&list, ';', &entry)) {
        round = 0;

        do {
            if (cos_str_ieq(entry, name)) {
                return 1;
            }
        } while (round++ < DECODE_MAX && decode_entry(&entry, text));
    }

    return 0;
}


static void
lower(cos_u8 *p, size_t n)
{
    for (; n != 0; n--, p++) {
        if (*p >= 'A' && *p <= 'Z') {
            *p |= 0x20;
        }
    }
}


/* Leaves the colons inside an IPv6 literal's brackets alone. */
static cos_str_t
without_port(cos_str_t host)
{
    size_t i;

    for (i = host.len; i > 0 && host.data[i - 1] != ']'; i--) {
        if (host.data[i - 1] == ':') {
            host.len = i - 1;
            break;
        }
    }

    return host;
}
