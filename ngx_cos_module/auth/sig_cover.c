/*
 * auth: what a signature has to cover. The rules are here and not with the
 * dialects, because a request of one dialect may carry the headers of another.
 */

#include "sig_internal.h"

static cos_err_e check_args(const cos_http_t *h, const cos_sig_t *sig);
static int must_cover(const cos_http_t *h, const cos_sig_t *sig,
    const cos_header_t *hd);
static int own_prefix(const cos_sig_t *sig, cos_str_t name);
static int any_prefix(cos_str_t name, cos_str_t *rest);
static int widens(cos_str_t name);
static int encrypts(cos_str_t rest);
static int reads(const cos_http_t *h);
static int starts_folded(cos_str_t s, cos_str_t with);

static const cos_str_t prefixes[] = {
    cos_lit("x-amz-"), cos_lit("x-cos-"), cos_lit("x-bce-")
};

/* What follows the prefix of a header that widens rights or changes where
 * bytes come from or go to. */
static const cos_str_t widening[] = {
    cos_lit("copy-source"), cos_lit("symlink-"), cos_lit("callback"),
    cos_lit("return-body"), cos_lit("object-lock-"), cos_lit("retention"),
    cos_lit("bypass-governance-retention"),
    cos_lit("website-redirect-location"), cos_lit("fetch-source"),
    cos_lit("process"), cos_lit("grant-"), cos_lit("request-payer"),
    cos_lit("bucket-object-lock-")
};


/*
 * A presigned URL or a replayed request must not do more than its signer
 * meant when somebody adds a header to it.
 */
cos_err_e
cos_sig_check_covered(const cos_http_t *h, const cos_sig_t *sig)
{
    size_t              i;
    const cos_header_t *hd;

    if (sig->scheme != COS_SIG_COS && sig->scheme != COS_SIG_V2
        && !cos_sig_covers_str(sig, COS_STR("host")))
    {
        return COS_E_UNSIGNED_HEADER;
    }

    for (i = 0; i < h->nheaders; i++) {
        hd = &h->headers[i];

        if (hd->name.len < 2 || hd->name.data[1] != '-') {
            continue;
        }

        if (must_cover(h, sig, hd) && !cos_sig_covers_str(sig, hd->name)) {
            return COS_E_UNSIGNED_HEADER;
        }
    }

    return sig->scheme == COS_SIG_COS ? check_args(h, sig) : COS_OK;
}


static cos_err_e
check_args(const cos_http_t *h, const cos_sig_t *sig)
{
    size_t i;

    for (i = 0; i < h->args.n; i++) {
        if (widens(h->args.v[i].name)
            && !cos_sig_cos_param(sig, h->args.v[i].name))
        {
            return COS_E_UNSIGNED_HEADER;
        }
    }

    return COS_OK;
}


/*
 * Headers are read behind any dialect's prefix, but no signer thinks of those
 * of another dialect: nobody sends them unsigned but who adds them, and even an
 * empty one stands for something (metadata, a choice that was made).
 */
static int
must_cover(const cos_http_t *h, const cos_sig_t *sig, const cos_header_t *hd)
{
    cos_str_t rest;

    if (!any_prefix(hd->name, &rest)) {
        return 0;
    }

    if (!own_prefix(sig, hd->name)) {
        /* a limit takes nothing from anybody but who asks */
        return !cos_str_iis(rest, "traffic-limit");
    }

    if (sig->scheme == COS_SIG_V4) {
        /* this one's value is a line of the canonical request itself */
        return !cos_str_iis(rest, "content-sha256");
    }

    return hd->value.len != 0
           && (widens(hd->name) || (encrypts(rest) && !reads(h)));
}


/* What is written is sealed as its signer meant, under keys that he named. To
 * read it a customer's key is only shown, maybe by somebody else than who signed
 * a URL for it. */
static int
encrypts(cos_str_t rest)
{
    return starts_folded(rest, COS_STR("server-side-encryption"));
}


static int
reads(const cos_http_t *h)
{
    return cos_str_is(h->method, "GET") || cos_str_is(h->method, "HEAD");
}


static int
own_prefix(const cos_sig_t *sig, cos_str_t name)
{
    switch (sig->scheme) {

    case COS_SIG_COS:
        return starts_folded(name, COS_STR("x-cos-"));

    case COS_SIG_BCE:
        return starts_folded(name, COS_STR("x-bce-"));

    default:
        return starts_folded(name, COS_STR("x-amz-"));
    }
}


int
cos_sig_covers(const cos_sig_t *sig, const char *name)
{
    cos_str_t s;

    s.data = (cos_u8 *) name;
    s.len = strlen(name);

    return cos_sig_covers_str(sig, s);
}


int
cos_sig_covers_arg(const cos_sig_t *sig, cos_str_t name)
{
    if (sig->policy.len != 0) {
        /* a form's query is anybody's */
        return 0;
    }

    switch (sig->scheme) {

    case COS_SIG_NONE:
        return 0;

    case COS_SIG_COS:
        return cos_sig_cos_param(sig, name);

    case COS_SIG_V2:
        return cos_sig_v2_covers_arg(name);

    default:
        return 1;
    }
}


int
cos_sig_covers_str(const cos_sig_t *sig, cos_str_t name)
{
    if (sig->scheme == COS_SIG_NONE) {
        return 0;
    }

    if (sig->scheme == COS_SIG_BCE && sig->header_list.len == 0) {
        return cos_str_iis(name, "host") || cos_str_iis(name, "content-length")
               || cos_str_iis(name, "content-type")
               || cos_str_iis(name, "content-md5")
               || cos_str_starts(name, "x-bce-");
    }

    if (sig->scheme == COS_SIG_V2) {
        return cos_sig_v2_covers(name);
    }

    return cos_sig_listed(sig->header_list, name);
}


static int
widens(cos_str_t name)
{
    size_t    i;
    cos_str_t rest;

    if (!any_prefix(name, &rest)) {
        return 0;
    }

    for (i = 0; i < sizeof(widening) / sizeof(widening[0]); i++) {
        if (starts_folded(rest, widening[i])) {
            return 1;
        }
    }

    for (i = 0; i + 6 < rest.len; i++) {
        if (starts_folded((cos_str_t) { rest.len - i, rest.data + i },
                          COS_STR("-grant-")))
        {
            return 1;
        }
    }

    if (rest.len == 3) {
        return cos_str_iis(rest, "acl");
    }

    return rest.len > 3
           && cos_str_iis((cos_str_t) { 4, rest.data + rest.len - 4 }, "-acl");
}


static int
any_prefix(cos_str_t name, cos_str_t *rest)
{
    size_t i;

    for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (starts_folded(name, prefixes[i])) {
            rest->data = name.data + prefixes[i].len;
            rest->len = name.len - prefixes[i].len;
            return 1;
        }
    }

    return 0;
}


static int
starts_folded(cos_str_t s, cos_str_t with)
{
    if (s.len < with.len) {
        return 0;
    }

    s.len = with.len;

    return cos_str_ieq(s, with);
}
