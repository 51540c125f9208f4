/*
 * auth: AWS Signature Version 2 (S3 API, "Signing and Authenticating REST
 * Requests"): HMAC-SHA1 of a text that names method, digest, type, date, the
 * x-amz-* headers and the resource.
 *
 * It is weak, and so off unless it is asked for: the host and most query
 * parameters are not signed. What is signed of the query is the list below;
 * the gate refuses an operation that was chosen by anything else.
 */

#include <openssl/crypto.h>

#include "sig_internal.h"

#define SIGNATURE_LEN  28            /* base64 of a SHA-1 */
#define DATE_LEN       29            /* Sun, 06 Nov 1994 08:49:37 GMT */

/* What clients write in two ways. */
typedef struct {
    cos_str_t  path;
    int        equals;               /* "?acl=" is not signed as "?acl" */
} form_t;

static cos_err_e payload(const cos_http_t *h, cos_sig_t *sig);
static cos_err_e header_date(const cos_http_t *h, cos_sig_t *sig);
static int64_t parse_date(cos_str_t s);
static void find_token(const cos_http_t *h, cos_sig_t *sig,
    const cos_arg_t *arg);
static cos_err_e attempt(const cos_http_t *h, const cos_sig_t *sig,
    const form_t *form, cos_str_t secret, cos_alloc_t *a,
    cos_buf_t *canonical);
static cos_err_e to_sign(const cos_http_t *h, const cos_sig_t *sig,
    const form_t *form, cos_alloc_t *a, cos_buf_t *b);
static cos_err_e add_headers(const cos_http_t *h, const cos_sig_t *sig,
    cos_alloc_t *a, cos_buf_t *b);
static void sort_names(cos_sig_pair_t *v, size_t n);
static cos_err_e add_resource(const cos_http_t *h, const cos_sig_t *sig,
    const form_t *form, cos_alloc_t *a, cos_buf_t *b);
static int ambiguous(const cos_http_t *h);
static int holds_parameter(cos_str_t value);
static int empty_value(const cos_http_t *h);
static int other_slash(const cos_http_t *h, const cos_sig_t *sig,
    cos_alloc_t *a, cos_str_t *path);
static int is_listed(cos_str_t name);

/* The sub-resources and overrides that are signed. */
static const cos_str_t  listed[] = {
    cos_lit("accelerate"), cos_lit("acl"), cos_lit("analytics"),
    cos_lit("cors"), cos_lit("defaultObjectAcl"), cos_lit("delete"),
    cos_lit("encryption"), cos_lit("inventory"), cos_lit("legal-hold"),
    cos_lit("lifecycle"), cos_lit("location"), cos_lit("logging"),
    cos_lit("metrics"), cos_lit("notification"), cos_lit("object-lock"),
    cos_lit("partNumber"), cos_lit("policy"), cos_lit("replication"),
    cos_lit("requestPayment"), cos_lit("response-cache-control"),
    cos_lit("response-content-disposition"),
    cos_lit("response-content-encoding"),
    cos_lit("response-content-language"), cos_lit("response-content-type"),
    cos_lit("response-expires"), cos_lit("restore"), cos_lit("retention"),
    cos_lit("select"), cos_lit("select-type"), cos_lit("storageClass"),
    cos_lit("tagging"), cos_lit("torrent"), cos_lit("uploadId"),
    cos_lit("uploads"), cos_lit("versionId"), cos_lit("versioning"),
    cos_lit("versions"), cos_lit("website")
};


/* "AWS <access key>:<signature>"; value is what follows "AWS ". */
cos_err_e
cos_sig_v2_header(const cos_http_t *h, cos_sig_t *sig, cos_str_t value)
{
    cos_err_e rc;
    cos_str_t key;

    sig->scheme = COS_SIG_V2;
    value = cos_str_trim(value);

    if (!cos_sig_cut(&value, ':', &key) || key.len == 0
        || value.len != SIGNATURE_LEN)
    {
        return COS_E_INVALID_ARGUMENT;
    }

    sig->access_key = key;
    sig->signature = value;
    find_token(h, sig, NULL);
    rc = payload(h, sig);

    return rc == COS_OK ? header_date(h, sig) : rc;
}


/* A framed body comes with the header that says so, as in V4; its chunks cannot
 * be signed. */
static cos_err_e
payload(const cos_http_t *h, cos_sig_t *sig)
{
    cos_err_e           rc;
    const cos_header_t *hd;

    hd = cos_header(h, "x-amz-content-sha256");

    if (hd == NULL) {
        sig->payload = COS_PAYLOAD_NONE;
        return COS_OK;
    }

    rc = cos_sig_v4_words(sig, hd->value);

    if (rc == COS_OK && (sig->payload == COS_PAYLOAD_STREAM_SIGNED
                         || sig->payload == COS_PAYLOAD_STREAM_SIGNED_TRAILER))
    {
        rc = COS_E_CONTENT_SHA256_INVALID;
    }

    return rc;
}


/* x-amz-date stands in for Date, and is signed as a header instead of it. */
static cos_err_e
header_date(const cos_http_t *h, cos_sig_t *sig)
{
    int64_t             at;
    const cos_header_t *hd;

    hd = cos_header(h, "x-amz-date");

    if (hd == NULL) {
        hd = cos_header(h, "date");

        if (hd == NULL) {
            return COS_E_ACCESS_DENIED;
        }

        sig->date = hd->value;
    }

    at = parse_date(hd->value);

    if (at < 0) {
        return COS_E_ACCESS_DENIED;
    }

    sig->start = at - COS_SIG_SKEW;
    sig->end = at + COS_SIG_SKEW;

    return COS_OK;
}


/* As HTTP has it, as V4 has it, or as mail has it: "..., 21:15:45 +0000". */
static int64_t
parse_date(cos_str_t s)
{
    int64_t   at;
    cos_u8    text[DATE_LEN];
    uint64_t  zone;

    static const cos_u8 gmt[] = { 'G', 'M', 'T' };

    at = cos_parse_http_date(s);

    if (at < 0) {
        at = cos_parse_iso8601(s);
    }

    if (at >= 0 || s.len != DATE_LEN + 2) {
        return at;
    }

    memcpy(text, s.data, DATE_LEN - 3);
    memcpy(text + DATE_LEN - 3, gmt, sizeof(gmt));
    at = cos_parse_http_date((cos_str_t) { DATE_LEN, text });

    if (at < 0 || (s.data[DATE_LEN - 3] != '+' && s.data[DATE_LEN - 3] != '-')
        || cos_str_uint((cos_str_t) { 4, s.data + DATE_LEN - 2 }, &zone) != 0)
    {
        return -1;
    }

    zone = zone / 100 * 3600 + zone % 100 * 60;

    return s.data[DATE_LEN - 3] == '+' ? at - (int64_t) zone
                                       : at + (int64_t) zone;
}


cos_err_e
cos_sig_v2_query(const cos_http_t *h, cos_sig_t *sig, const cos_sig_query_t *q,
    cos_alloc_t *a)
{
    size_t   i;
    uint64_t expires;

    sig->scheme = COS_SIG_V2;

    if (q->arg[COS_Q_V2_EXPIRES] == NULL) {
        return COS_E_ACCESS_DENIED;
    }

    sig->access_key = q->arg[COS_Q_V2_KEY]->value;
    sig->date = q->arg[COS_Q_V2_EXPIRES]->value;

    if (sig->access_key.len == 0
        || q->arg[COS_Q_V2_SIGNATURE]->value.len != SIGNATURE_LEN
        || cos_str_uint(sig->date, &expires) != 0 || expires > INT64_MAX)
    {
        return COS_E_ACCESS_DENIED;
    }

    if (cos_dup(a, &sig->signature, q->arg[COS_Q_V2_SIGNATURE]->value.data,
                SIGNATURE_LEN) != 0)
    {
        return COS_E_INTERNAL;
    }

    /* a '+' that was not encoded was read as a space */
    for (i = 0; i < SIGNATURE_LEN; i++) {
        if (sig->signature.data[i] == ' ') {
            sig->signature.data[i] = '+';
        }
    }

    sig->end = (int64_t) expires;
    find_token(h, sig, q->arg[COS_Q_V4_TOKEN] ? q->arg[COS_Q_V4_TOKEN]
                       : cos_arg(&h->args, "x-amz-security-token"));

    return payload(h, sig);
}


static void
find_token(const cos_http_t *h, cos_sig_t *sig, const cos_arg_t *arg)
{
    const cos_header_t *hd;

    hd = cos_header(h, "x-amz-security-token");
    sig->token = hd != NULL ? hd->value
                 : arg != NULL ? arg->value : (cos_str_t) { 0, NULL };
}


cos_err_e
cos_sig_v2_verify(const cos_http_t *h, const cos_sig_t *sig, cos_str_t secret,
    cos_alloc_t *a, cos_buf_t *canonical)
{
    int       i, n;
    form_t    form;
    cos_err_e rc;
    cos_str_t path[2];

    if (ambiguous(h)) {
        return COS_E_SIGNATURE_MISMATCH;
    }

    /* a bucket is signed with and without the slash behind its name */
    path[0] = h->path;
    n = 1 + other_slash(h, sig, a, &path[1]);

    for (i = 0, rc = COS_E_SIGNATURE_MISMATCH;
         i < 2 * n && rc == COS_E_SIGNATURE_MISMATCH;
         i++)
    {
        form.path = path[i % n];
        form.equals = i >= n;

        if (!form.equals || empty_value(h)) {
            rc = attempt(h, sig, &form, secret, a, i ? NULL : canonical);
        }
    }

    return rc;
}


/* Values are signed decoded, so a parameter that was signed could be hidden in
 * the value before it: "torrent=a%26versionId%3Db". The text is taken for what
 * it looks like, and nothing else. */
static int
ambiguous(const cos_http_t *h)
{
    size_t i;

    for (i = 0; i < h->args.n; i++) {
        if (is_listed(h->args.v[i].name)
            && holds_parameter(h->args.v[i].value))
        {
            return 1;
        }
    }

    return 0;
}


/* Whether an '&' in it is followed by what could be a signed parameter. */
static int
holds_parameter(cos_str_t value)
{
    cos_str_t item, name;

    (void) cos_sig_cut(&value, '&', &item);

    while (cos_sig_cut(&value, '&', &item)) {
        (void) cos_sig_cut(&item, '=', &name);

        if (is_listed(name)) {
            return 1;
        }
    }

    return 0;
}


static int
empty_value(const cos_http_t *h)
{
    size_t i;

    for (i = 0; i < h->args.n; i++) {
        if (h->args.v[i].has_eq && h->args.v[i].value.len == 0
            && is_listed(h->args.v[i].name))
        {
            return 1;
        }
    }

    return 0;
}


/* The path of a bucket as it is not on the wire; 0 when it is no bucket's. */
static int
other_slash(const cos_http_t *h, const cos_sig_t *sig, cos_alloc_t *a,
    cos_str_t *path)
{
    cos_u8 *slash, *end;

    *path = h->path;
    end = path->data + path->len;

    if (path->len < 2) {
        /* "/" of a host that names its bucket */
        path->len = 0;
        return sig->bucket.len != 0;
    }

    slash = memchr(path->data + 1, '/', path->len - 1);

    if (sig->bucket.len != 0 || (slash != NULL && slash + 1 < end)) {
        return 0;
    }

    if (slash != NULL) {
        path->len--;
        return 1;
    }

    if (cos_dup(a, path, h->path.data, h->path.len) != 0) {
        return 0;
    }

    /* in place of the NUL */
    path->data[path->len++] = '/';

    return 1;
}


static cos_err_e
attempt(const cos_http_t *h, const cos_sig_t *sig, const form_t *form,
    cos_str_t secret, cos_alloc_t *a, cos_buf_t *canonical)
{
    cos_u8    digest[COS_SHA1_LEN];
    cos_buf_t b;
    cos_err_e rc;
    cos_str_t text;

    cos_buf_init(&b, a, 512 + form->path.len);

    rc = to_sign(h, sig, form, a, &b);
    if (rc != COS_OK) {
        return rc;
    }

    text = (cos_str_t) { b.len, b.data };
    cos_sig_show(canonical, text, COS_STR(""));

    if (b.err || cos_hmac(COS_SHA1, secret.data, secret.len, text.data,
                          text.len, digest) != 0)
    {
        return COS_E_INTERNAL;
    }

    cos_buf_init(&b, a, SIGNATURE_LEN + 4);
    cos_base64(&b, digest, sizeof(digest));

    if (b.err) {
        return COS_E_INTERNAL;
    }

    rc = cos_str_eq_secret(sig->signature, (cos_str_t) { b.len, b.data })
         ? COS_OK : COS_E_SIGNATURE_MISMATCH;

    OPENSSL_cleanse(digest, sizeof(digest));
    OPENSSL_cleanse(b.data, b.len);

    return rc;
}


static cos_err_e
to_sign(const cos_http_t *h, const cos_sig_t *sig, const form_t *form,
    cos_alloc_t *a, cos_buf_t *b)
{
    size_t              i;
    cos_err_e           rc;
    const cos_header_t *hd;
    static const char  *const names[] = { "content-md5", "content-type" };

    cos_buf_str(b, h->method);
    cos_buf_char(b, '\n');

    for (i = 0; i < 2; i++) {
        hd = cos_header(h, names[i]);

        if (hd != NULL) {
            cos_buf_str(b, hd->value);
        }

        cos_buf_char(b, '\n');
    }

    /* empty when x-amz-date is there; of a URL, the end of its life */
    cos_buf_str(b, sig->date);
    cos_buf_char(b, '\n');

    rc = add_headers(h, sig, a, b);

    return rc == COS_OK ? add_resource(h, sig, form, a, b) : rc;
}


/* name:value, by name; equal names are one line with their values joined. */
static cos_err_e
add_headers(const cos_http_t *h, const cos_sig_t *sig, cos_alloc_t *a,
    cos_buf_t *b)
{
    size_t          i, n;
    cos_sig_pair_t *v;

    v = cos_alloc(a, (h->nheaders + 1) * sizeof(cos_sig_pair_t));
    if (v == NULL) {
        return COS_E_INTERNAL;
    }

    for (i = 0, n = 0; i < h->nheaders; i++) {
        if (cos_str_starts(h->headers[i].name, "x-amz-")) {
            v[n].name = h->headers[i].name;
            v[n++].value = h->headers[i].value;
        }
    }

    if (sig->in_query && sig->token.len
        && cos_header(h, "x-amz-security-token") == NULL)
    {
        /* a URL carries the header's value in its query */
        v[n].name = COS_STR("x-amz-security-token");
        v[n++].value = sig->token;
    }

    sort_names(v, n);

    for (i = 0; i < n; i++) {
        if (i > 0 && cos_str_eq(v[i].name, v[i - 1].name)) {
            cos_buf_char(b, ',');

        } else {
            if (i > 0) {
                cos_buf_char(b, '\n');
            }

            cos_buf_str(b, v[i].name);
            cos_buf_char(b, ':');
        }

        cos_buf_str(b, cos_str_trim(v[i].value));
    }

    if (n > 0) {
        cos_buf_char(b, '\n');
    }

    return COS_OK;
}


/* Those of equal name stay in their order. */
static void
sort_names(cos_sig_pair_t *v, size_t n)
{
    size_t         i, k;
    cos_sig_pair_t x;

    for (i = 1; i < n; i++) {
        x = v[i];

        for (k = i; k > 0 && cos_str_cmp(v[k - 1].name, x.name) > 0; k--) {
            v[k] = v[k - 1];
        }

        v[k] = x;
    }
}


/* /bucket/key as on the wire, then the listed parameters, values decoded. */
static cos_err_e
add_resource(const cos_http_t *h, const cos_sig_t *sig, const form_t *form,
    cos_alloc_t *a, cos_buf_t *b)
{
    size_t           i, n;
    const cos_arg_t *arg;
    cos_sig_pair_t  *v;

    if (sig->bucket.len) {
        cos_buf_char(b, '/');
        cos_buf_str(b, sig->bucket);
    }

    cos_buf_str(b, form->path);

    v = cos_alloc(a, (h->args.n + 1) * sizeof(cos_sig_pair_t));
    if (v == NULL) {
        return COS_E_INTERNAL;
    }

    for (i = 0, n = 0; i < h->args.n; i++) {
        arg = &h->args.v[i];

        if (is_listed(arg->name)) {
            v[n].name = arg->name;
            v[n].value = arg->value;

            if (arg->value.len == 0 && !(form->equals && arg->has_eq)) {
                v[n].value.data = NULL;
            }

            n++;
        }
    }

    cos_sig_sort(v, n);

    for (i = 0; i < n; i++) {
        cos_buf_char(b, i == 0 ? '?' : '&');
        cos_buf_str(b, v[i].name);

        if (v[i].value.data != NULL) {
            cos_buf_char(b, '=');
            cos_buf_str(b, v[i].value);
        }
    }

    return COS_OK;
}


static int
is_listed(cos_str_t name)
{
    size_t i;

    for (i = 0; i < sizeof(listed) / sizeof(listed[0]); i++) {
        if (cos_str_eq(name, listed[i])) {
            return 1;
        }
    }

    return 0;
}


int
cos_sig_v2_covers(cos_str_t name)
{
    return cos_str_starts(name, "x-amz-") || cos_str_is(name, "content-md5")
           || cos_str_is(name, "content-type") || cos_str_is(name, "date");
}


/* Which form a listing has changes nothing about who may have it. */
int
cos_sig_v2_covers_arg(cos_str_t name)
{
    return is_listed(name) || cos_str_is(name, "list-type");
}
