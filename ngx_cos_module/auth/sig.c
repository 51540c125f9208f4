/*
 * auth: finds out how a request is signed, and in what order a signature is
 * judged. The dialects are in files of their own, and so is what a signature
 * has to cover (sig_cover.c).
 */

#include "sig_internal.h"

typedef struct {
    cos_str_t    name;
    cos_sig_q_e  id;
} known_t;

static void scan_query(const cos_args_t *args, cos_sig_query_t *q);
static void note_arg(cos_sig_query_t *q, const cos_arg_t *arg);
static cos_err_e parse_header(const cos_http_t *h, cos_sig_t *sig,
    cos_str_t value, cos_alloc_t *a);
static cos_err_e parse_query(const cos_http_t *h, cos_sig_t *sig,
    const cos_sig_query_t *q, cos_alloc_t *a);

#define BIT(id)  (1U << (id))

#define V4_ALL                                                                \
    (BIT(COS_Q_V4_ALGORITHM) | BIT(COS_Q_V4_CREDENTIAL)                       \
     | BIT(COS_Q_V4_DATE) | BIT(COS_Q_V4_EXPIRES) | BIT(COS_Q_V4_HEADERS)     \
     | BIT(COS_Q_V4_SIGNATURE) | BIT(COS_Q_V4_TOKEN) | BIT(COS_Q_V4_SHA256))
#define V2_ALL                                                                \
    (BIT(COS_Q_V2_KEY) | BIT(COS_Q_V2_SIGNATURE) | BIT(COS_Q_V2_EXPIRES)      \
     | BIT(COS_Q_V4_TOKEN))
#define COS_ALL                                                               \
    (BIT(COS_Q_COS_ALGORITHM) | BIT(COS_Q_COS_AK)                             \
     | BIT(COS_Q_COS_SIGN_TIME) | BIT(COS_Q_COS_KEY_TIME)                     \
     | BIT(COS_Q_COS_HEADERS) | BIT(COS_Q_COS_PARAMS)                         \
     | BIT(COS_Q_COS_SIGNATURE) | BIT(COS_Q_COS_TOKEN))

static const known_t known[] = {
    { cos_lit("X-Amz-Algorithm"), COS_Q_V4_ALGORITHM },
    { cos_lit("X-Amz-Credential"), COS_Q_V4_CREDENTIAL },
    { cos_lit("X-Amz-Date"), COS_Q_V4_DATE },
    { cos_lit("X-Amz-Expires"), COS_Q_V4_EXPIRES },
    { cos_lit("X-Amz-SignedHeaders"), COS_Q_V4_HEADERS },
    { cos_lit("X-Amz-Signature"), COS_Q_V4_SIGNATURE },
    { cos_lit("X-Amz-Security-Token"), COS_Q_V4_TOKEN },
    { cos_lit("X-Amz-Content-Sha256"), COS_Q_V4_SHA256 },
    { cos_lit("q-sign-algorithm"), COS_Q_COS_ALGORITHM },
    { cos_lit("q-ak"), COS_Q_COS_AK },
    { cos_lit("q-sign-time"), COS_Q_COS_SIGN_TIME },
    { cos_lit("q-key-time"), COS_Q_COS_KEY_TIME },
    { cos_lit("q-header-list"), COS_Q_COS_HEADERS },
    { cos_lit("q-url-param-list"), COS_Q_COS_PARAMS },
    { cos_lit("q-signature"), COS_Q_COS_SIGNATURE },
    { cos_lit("x-cos-security-token"), COS_Q_COS_TOKEN },
    { cos_lit("sign"), COS_Q_COS_LEGACY },
    { cos_lit("authorization"), COS_Q_BCE },
    { cos_lit("x-bce-security-token"), COS_Q_BCE_TOKEN },
    { cos_lit("AWSAccessKeyId"), COS_Q_V2_KEY },
    { cos_lit("Signature"), COS_Q_V2_SIGNATURE },
    { cos_lit("Expires"), COS_Q_V2_EXPIRES },
};


cos_err_e
cos_sig_parse(const cos_http_t *h, cos_sig_t *sig, cos_alloc_t *a)
{
    size_t              count;
    cos_err_e           rc;
    cos_sig_query_t     q;
    const cos_header_t *auth;

    memset(sig, 0, sizeof(cos_sig_t));

    count = cos_header_count(h, "authorization");
    if (count > 1) {
        return COS_E_AUTH_DUPLICATE;
    }

    auth = count ? cos_header(h, "authorization") : NULL;
    scan_query(&h->args, &q);
    rc = parse_query(h, sig, &q, a);

    /* an empty header is no claim to be anybody */
    if (rc != COS_OK || auth == NULL || auth->value.len == 0) {
        return rc;
    }

    if (sig->scheme != COS_SIG_NONE) {
        return COS_E_AUTH_DUPLICATE;
    }

    return parse_header(h, sig, auth->value, a);
}


static void
scan_query(const cos_args_t *args, cos_sig_query_t *q)
{
    size_t i;

    memset(q, 0, sizeof(cos_sig_query_t));

    for (i = 0; i < args->n; i++) {
        note_arg(q, &args->v[i]);
    }
}


static void
note_arg(cos_sig_query_t *q, const cos_arg_t *arg)
{
    size_t      i;
    cos_sig_q_e id;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (!cos_str_eq(arg->name, known[i].name)) {
            continue;
        }

        id = known[i].id;

        /* CDN links use "sign" for something else, and "authorization" may
         * be anybody's parameter: their values tell */
        if ((id == COS_Q_COS_LEGACY && !cos_str_starts(arg->value, "q-"))
            || (id == COS_Q_BCE && !cos_str_starts(arg->value, "bce-auth-v")))
        {
            return;
        }

        if (q->arg[id] != NULL) {
            q->twice |= BIT(id);

        } else {
            q->arg[id] = arg;
        }

        return;
    }
}


static cos_err_e
parse_header(const cos_http_t *h, cos_sig_t *sig, cos_str_t value,
    cos_alloc_t *a)
{
    cos_str_t scheme;

    if (cos_str_starts(value, "q-")) {
        return cos_sig_cos_header(h, sig, value);
    }

    if (cos_str_starts(value, "bce-auth-v1/")) {
        return cos_sig_bce_parse(h, sig, value);
    }

    (void) cos_sig_cut(&value, ' ', &scheme);

    if (cos_str_is(scheme, "AWS4-HMAC-SHA256")) {
        return cos_sig_v4_header(h, sig, value, a);
    }

    if (cos_str_is(scheme, "AWS")) {
        return cos_sig_v2_header(h, sig, value);
    }

    return COS_E_AUTH_UNSUPPORTED;
}


static cos_err_e
parse_query(const cos_http_t *h, cos_sig_t *sig, const cos_sig_query_t *q,
    cos_alloc_t *a)
{
    int v4, cos, legacy, bce, v2;

    v4 = q->arg[COS_Q_V4_ALGORITHM] || q->arg[COS_Q_V4_CREDENTIAL]
         || q->arg[COS_Q_V4_SIGNATURE];
    cos = q->arg[COS_Q_COS_ALGORITHM] || q->arg[COS_Q_COS_AK]
          || q->arg[COS_Q_COS_SIGNATURE];
    legacy = q->arg[COS_Q_COS_LEGACY] != NULL;
    bce = q->arg[COS_Q_BCE] != NULL;
    v2 = q->arg[COS_Q_V2_KEY] && q->arg[COS_Q_V2_SIGNATURE];

    if (v4 + cos + legacy + bce + v2 > 1
        || (v4 && (q->twice & V4_ALL))
        || (cos && (q->twice & COS_ALL))
        || (legacy && (q->twice & (BIT(COS_Q_COS_LEGACY)
                                   | BIT(COS_Q_COS_TOKEN))))
        || (bce && (q->twice & (BIT(COS_Q_BCE) | BIT(COS_Q_BCE_TOKEN))))
        || (v2 && (q->twice & V2_ALL)))
    {
        return COS_E_AUTH_DUPLICATE;
    }

    sig->in_query = v4 + cos + legacy + bce + v2;

    if (v2) {
        return cos_sig_v2_query(h, sig, q, a);
    }

    if (v4) {
        return cos_sig_v4_query(h, sig, q);
    }

    if (cos) {
        return cos_sig_cos_query(h, sig, q);
    }

    if (legacy) {
        return cos_sig_cos_header(h, sig, q->arg[COS_Q_COS_LEGACY]->value);
    }

    if (bce) {
        return cos_sig_bce_parse(h, sig, q->arg[COS_Q_BCE]->value);
    }

    return COS_OK;
}


cos_err_e
cos_sig_verify(const cos_http_t *h, cos_sig_t *sig, cos_str_t secret,
    int64_t now, cos_str_t region, cos_alloc_t *a, cos_buf_t *canonical)
{
    cos_err_e rc;

    rc = cos_sig_check_time(sig, now);

    if (rc == COS_OK && sig->scheme == COS_SIG_V4 && region.len != 0
        && !cos_str_eq(sig->region, region))
    {
        rc = COS_E_AUTH_REGION;
    }

    /* anybody can sign with an empty secret */
    if (rc == COS_OK && secret.len == 0) {
        rc = COS_E_SIGNATURE_MISMATCH;
    }

    if (rc != COS_OK) {
        return rc;
    }

    switch (sig->scheme) {

    case COS_SIG_COS:
        rc = cos_sig_cos_verify(h, sig, secret, a, canonical);
        break;

    case COS_SIG_V4:
        rc = cos_sig_v4_verify(h, sig, secret, a, canonical);
        break;

    case COS_SIG_BCE:
        rc = cos_sig_bce_verify(h, sig, secret, a, canonical);
        break;

    case COS_SIG_V2:
        rc = cos_sig_v2_verify(h, sig, secret, a, canonical);
        break;

    default:
        rc = COS_E_ACCESS_DENIED;
    }

    return rc == COS_OK ? cos_sig_check_covered(h, sig) : rc;
}


cos_err_e
cos_sig_check_time(const cos_sig_t *sig, int64_t now)
{
    if ((sig->scheme == COS_SIG_V4 || sig->scheme == COS_SIG_V2)
        && !sig->in_query && sig->policy.len == 0)
    {
        return now < sig->start || now > sig->end ? COS_E_TIME_SKEWED : COS_OK;
    }

    if (now > sig->end) {
        return COS_E_EXPIRED;
    }

    return sig->start - now > COS_SIG_SKEW ? COS_E_TIME_SKEWED : COS_OK;
}


int
cos_sig_cut(cos_str_t *rest, int sep, cos_str_t *item)
{
    cos_u8 *p;

    *item = *rest;

    if (rest->data == NULL) {
        return 0;
    }

    p = rest->len ? memchr(rest->data, sep, rest->len) : NULL;

    if (p == NULL) {
        rest->data = NULL;
        rest->len = 0;
        return 1;
    }

    item->len = (size_t) (p - rest->data);
    rest->data = p + 1;
    rest->len -= item->len + 1;

    return 1;
}


int
cos_sig_listed(cos_str_t list, cos_str_t name)
{
    cos_str_t item;

    while (cos_sig_cut(&list, ';', &item)) {
        if (cos_str_ieq(item, name)) {
            return 1;
        }
    }

    return 0;
}


size_t
cos_sig_count(cos_str_t list)
{
    size_t    n;
    cos_str_t item;

    for (n = 0; n <= COS_SIG_NAMES_MAX; n++) {
        if (!cos_sig_cut(&list, ';', &item)) {
            break;
        }
    }

    return n;
}


/* By insertion: the lists are short and mostly sorted already. */
void
cos_sig_sort(cos_sig_pair_t *v, size_t n)
{
    int            order;
    size_t         i, k;
    cos_sig_pair_t x;

    for (i = 1; i < n; i++) {
        x = v[i];

        for (k = i; k > 0; k--) {
            order = cos_str_cmp(v[k - 1].name, x.name);

            if (order == 0) {
                order = cos_str_cmp(v[k - 1].value, x.value);
            }

            if (order <= 0) {
                break;
            }

            v[k] = v[k - 1];
        }

        v[k] = x;
    }
}


cos_str_t
cos_sig_encode(cos_buf_t *b, cos_str_t src)
{
    size_t    start;
    cos_str_t s;

    start = b->len;
    cos_pct_encode(b, src, 0);

    s.data = b->data + start;
    s.len = b->len - start;

    return s;
}


void
cos_sig_show(cos_buf_t *canonical, cos_str_t request, cos_str_t to_sign)
{
    if (canonical == NULL) {
        return;
    }

    cos_buf_str(canonical, request);

    if (to_sign.len != 0) {
        cos_buf_lit(canonical, "\n\n");
        cos_buf_str(canonical, to_sign);
    }
}
