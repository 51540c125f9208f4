/*
 * auth: what a request for temporary credentials asks for, and its proof.
 *
 * A field that is not known is refused: it might limit what the credentials may
 * do. A role is not looked at, since there are none: whoever asks gets what is
 * theirs already, or less.
 */

#include <jansson.h>
#include <openssl/crypto.h>

#include "cos_sts.h"
#include "sig_internal.h"

#define NAME_MAX_LEN  64

typedef enum {
    FIELD_ACTION = 0, FIELD_NAME, FIELD_POLICY, FIELD_DURATION, FIELD_IGNORED
} field_e;

static const struct {
    const char  *name;
    field_e      field;
} fields[] = {
    { "Action", FIELD_ACTION },
    { "Name", FIELD_NAME },
    { "RoleSessionName", FIELD_NAME },
    { "Policy", FIELD_POLICY },
    { "DurationSeconds", FIELD_DURATION },
    { "Version", FIELD_IGNORED },
    { "RoleArn", FIELD_IGNORED },
    /* those that the signature is made of, and where it is sent to */
    { "SecretId", FIELD_IGNORED },
    { "Signature", FIELD_IGNORED },
    { "SignatureMethod", FIELD_IGNORED },
    { "Timestamp", FIELD_IGNORED },
    { "Nonce", FIELD_IGNORED },
    { "Region", FIELD_IGNORED },
    { "Language", FIELD_IGNORED },
};

static const struct {
    const char        *name;
    cos_sts_action_e   action;
    unsigned           tencent:1;
} actions[] = {
    { "AssumeRole", COS_STS_ASSUME_ROLE, 1 },
    { "GetFederationToken", COS_STS_FEDERATION_TOKEN, 1 },
    { "GetSessionToken", COS_STS_SESSION_TOKEN, 0 },
};


static cos_err_e
fail(cos_sts_t *s, const char *reason)
{
    s->reason = reason;

    return COS_E_INVALID_ARGUMENT;
}


static cos_err_e
set_action(cos_sts_t *s, cos_str_t name)
{
    size_t  i;

    for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (cos_str_is(name, actions[i].name)
            && (s->api == COS_STS_AWS || actions[i].tencent))
        {
            s->action = actions[i].action;
            return COS_OK;
        }
    }

    s->reason = "this action is not known here";

    return COS_E_NOT_IMPLEMENTED;
}


/* Letters, digits and +=,.@_- (AWS STS, "RoleSessionName", "Name"). */
static cos_err_e
set_name(cos_sts_t *s, cos_str_t name)
{
    size_t  i;
    cos_u8  c;

    for (i = 0; i < name.len; i++) {
        c = name.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9'))
            && (c == '\0' || strchr("+=,.@_-", c) == NULL))
        {
            break;
        }
    }

    if (i != name.len || i < 2 || i > NAME_MAX_LEN) {
        return fail(s, "the session's name has 2 to 64 characters of "
                       "A-Za-z0-9+=,.@_-");
    }

    s->name = name;

    return COS_OK;
}


/* Tencent's API takes the policy encoded once more. */
static cos_err_e
set_policy(cos_sts_t *s, cos_str_t text, cos_alloc_t *a)
{
    ptrdiff_t  n;

    s->policy = text;

    if (s->api == COS_STS_AWS || text.len == 0 || text.data[0] != '%') {
        return COS_OK;
    }

    s->policy.data = cos_alloc(a, text.len);
    if (s->policy.data == NULL) {
        return COS_E_INTERNAL;
    }

    n = cos_pct_decode(s->policy.data, text, 0);
    if (n < 0) {
        return fail(s, "the policy is not encoded as in a URL");
    }

    s->policy.len = (size_t) n;

    return COS_OK;
}


static cos_err_e
set_field(cos_sts_t *s, cos_str_t name, cos_str_t value, cos_alloc_t *a)
{
    size_t  i;

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (!cos_str_is(name, fields[i].name)) {
            continue;
        }

        switch (fields[i].field) {

        case FIELD_ACTION:
            return s->action == COS_STS_NONE ? set_action(s, value)
                   : fail(s, "there is more than one action");

        case FIELD_NAME:
            return s->name.len == 0 ? set_name(s, value)
                   : fail(s, "there is more than one name");

        case FIELD_POLICY:
            return s->policy.len == 0 ? set_policy(s, value, a)
                   : fail(s, "there is more than one policy");

        case FIELD_DURATION:
            return s->duration == 0 && cos_str_uint(value, &s->duration) == 0
                   && s->duration != 0 ? COS_OK
                   : fail(s, "DurationSeconds is a number, given once");

        default:
            return COS_OK;
        }
    }

    s->reason = "a parameter is not known here, and so not honoured";

    return COS_E_NOT_IMPLEMENTED;
}


/* --- bodies ---------------------------------------------------------------------- */

static cos_err_e
read_form(cos_sts_t *s, cos_alloc_t *a)
{
    size_t      i;
    cos_err_e   err = COS_OK;
    cos_arg_t  *v;

    for (i = 0; err == COS_OK && i < s->form.n; i++) {
        v = &s->form.v[i];
        err = set_field(s, v->name, v->value, a);
    }

    return err;
}


static cos_err_e
read_json(cos_sts_t *s, cos_alloc_t *a)
{
    char         digits[24];
    json_t      *root, *v;
    cos_err_e    err = COS_OK;
    cos_str_t    value;
    const char  *key;

    root = json_loadb((const char *) s->body.data, s->body.len,
                      JSON_REJECT_DUPLICATES, NULL);

    if (!json_is_object(root)) {
        json_decref(root);
        return fail(s, "the body is no JSON object");
    }

    json_object_foreach(root, key, v) {
        if (json_is_integer(v)) {
            snprintf(digits, sizeof(digits), "%lld",
                     (long long) json_integer_value(v));
            value = (cos_str_t) { strlen(digits), (cos_u8 *) digits };

        } else if (json_is_string(v)
                   && cos_dup(a, &value, json_string_value(v),
                              json_string_length(v)) == 0)
        {
            /* it is there */

        } else {
            err = fail(s, "a parameter is neither a text nor a number");
            break;
        }

        err = set_field(s, (cos_str_t) { strlen(key),
                                         (cos_u8 *) (uintptr_t) key },
                        value, a);
        if (err != COS_OK) {
            break;
        }
    }

    json_decref(root);

    return err;
}


/* --- who signed --------------------------------------------------------------------- */

/* "TC3-HMAC-SHA256 Credential=key/2024-01-01/sts/tc3_request,
 * SignedHeaders=content-type;host, Signature=hex" (Tencent Cloud API 3.0,
 * "Signature v3") */
static cos_err_e
parse_tc3(const cos_http_t *h, cos_sig_t *sig, cos_str_t value)
{
    uint64_t             at;
    cos_u8              *slash;
    cos_str_t            piece, name, *field;
    const cos_header_t  *hd;

    while (cos_sig_cut(&value, ',', &piece)) {
        (void) cos_sig_cut(&piece, '=', &name);
        name = cos_str_trim(name);
        field = cos_str_is(name, "Credential") ? &sig->scope
                : cos_str_is(name, "SignedHeaders") ? &sig->header_list
                : cos_str_is(name, "Signature") ? &sig->signature : NULL;

        if (field == NULL || field->len != 0 || piece.data == NULL) {
            return COS_E_AUTH_HEADER_MALFORMED;
        }

        *field = cos_str_trim(piece);
    }

    hd = cos_header(h, "x-tc-timestamp");
    slash = sig->scope.len ? memchr(sig->scope.data, '/', sig->scope.len)
                           : NULL;

    if (slash == NULL || hd == NULL || cos_str_uint(hd->value, &at) != 0
        || at > (uint64_t) 1 << 40
        || cos_sig_count(sig->header_list) > COS_SIG_NAMES_MAX
        || !cos_sig_listed(sig->header_list, COS_STR("host"))
        || !cos_sig_listed(sig->header_list, COS_STR("content-type")))
    {
        return COS_E_AUTH_HEADER_MALFORMED;
    }

    sig->access_key = sig->scope;
    sig->access_key.len = (size_t) (slash - sig->scope.data);
    sig->scope.data = slash + 1;
    sig->scope.len -= sig->access_key.len + 1;
    sig->sign_time = hd->value;
    sig->start = (int64_t) at - COS_SIG_SKEW;
    sig->end = (int64_t) at + COS_SIG_SKEW;
    hd = cos_header(h, "x-tc-token");

    if (hd != NULL) {
        sig->token = hd->value;
    }

    return sig->access_key.len != 0 ? COS_OK : COS_E_AUTH_HEADER_MALFORMED;
}


/* A signature among the fields of the form. What is signed is not encoded, so a
 * value that looks like two fields would be as good as these. */
static cos_err_e
parse_fields(cos_sts_t *s, cos_sig_t *sig)
{
    size_t            i;
    uint64_t          at;
    const cos_arg_t  *key, *time, *signature;

    for (i = 0; i < s->form.n; i++) {
        if (memchr(s->form.v[i].value.data, '&', s->form.v[i].value.len)) {
            return fail(s, "a value with an ampersand has to be encoded");
        }
    }

    key = cos_arg(&s->form, "SecretId");
    time = cos_arg(&s->form, "Timestamp");
    signature = cos_arg(&s->form, "Signature");

    if (key == NULL || key->value.len == 0 || time == NULL
        || signature == NULL || signature->value.len == 0
        || cos_str_uint(time->value, &at) != 0 || at > (uint64_t) 1 << 40)
    {
        return fail(s, "SecretId, Timestamp and Signature are needed");
    }

    s->fields = 1;
    sig->access_key = key->value;
    sig->signature = signature->value;
    sig->start = (int64_t) at - COS_SIG_SKEW;
    sig->end = (int64_t) at + COS_SIG_SKEW;

    return COS_OK;
}


static cos_err_e
parse_sig(cos_sts_t *s, const cos_http_t *h, cos_str_t auth, cos_sig_t *sig,
    cos_alloc_t *a)
{
    cos_err_e  err;

    sig->scheme = s->api == COS_STS_AWS ? COS_SIG_V4 : COS_SIG_TC;

    if (cos_str_starts(auth, "TC3-HMAC-SHA256 ")) {
        auth.data += 16;
        auth.len -= 16;
        return parse_tc3(h, sig, auth);
    }

    if (s->api == COS_STS_TENCENT) {
        return parse_fields(s, sig);
    }

    if (!cos_str_starts(auth, "AWS4-HMAC-SHA256 ")) {
        sig->scheme = COS_SIG_NONE;
        return auth.len == 0 ? COS_OK : COS_E_AUTH_UNSUPPORTED;
    }

    auth.data += 17;
    auth.len -= 17;
    sig->body_digest = (cos_str_t) { sizeof(s->digest),
                                     (cos_u8 *) s->digest };
    err = cos_sig_v4_header(h, sig, auth, a);

    return err;
}


cos_err_e
cos_sts_parse(cos_sts_t *s, const cos_http_t *h, cos_str_t body,
    cos_sig_t *sig, cos_alloc_t *a)
{
    int                  is_json;
    cos_u8               digest[COS_SHA256_LEN];
    cos_err_e            err;
    cos_str_t            auth;
    const cos_header_t  *hd;

    memset(s, 0, sizeof(*s));
    memset(sig, 0, sizeof(*sig));
    s->body = body;
    hd = cos_header(h, "authorization");
    auth = hd ? hd->value : COS_STR("");
    hd = cos_header(h, "content-type");
    is_json = hd && cos_str_starts(hd->value, "application/json");

    if (cos_str_starts(auth, "TC3-")) {
        s->api = COS_STS_TENCENT;
    }

    err = is_json ? COS_OK : cos_args_parse(&s->form, body, a);

    if (err != COS_OK) {
        return fail(s, "the body is no form");
    }

    if (auth.len == 0 && cos_arg(&s->form, "SecretId")) {
        s->api = COS_STS_TENCENT;
    }

    if (cos_header_count(h, "authorization") > 1) {
        return COS_E_AUTH_DUPLICATE;
    }

    if (cos_md_once(COS_SHA256, body.data, body.len, digest) != 0) {
        return COS_E_INTERNAL;
    }

    cos_hex(s->digest, digest, sizeof(digest));
    err = parse_sig(s, h, auth, sig, a);
    hd = cos_header(h, "x-tc-action");

    if (err == COS_OK && s->api == COS_STS_TENCENT && hd) {
        err = set_action(s, hd->value);
    }

    if (err == COS_OK) {
        err = is_json && s->api == COS_STS_TENCENT ? read_json(s, a)
              : is_json ? fail(s, "the body is no form") : read_form(s, a);
    }

    if (err == COS_OK && s->action == COS_STS_NONE) {
        err = fail(s, "there is no action");
    }

    if (err == COS_OK && s->name.len == 0 && s->action != COS_STS_SESSION_TOKEN)
    {
        err = fail(s, "the session has no name");
    }

    return err == COS_OK && s->policy.len == 0 && s->api == COS_STS_TENCENT
           && s->action == COS_STS_FEDERATION_TOKEN
           ? fail(s, "there is no policy") : err;
}


/* --- proof ------------------------------------------------------------------------- */

static int
by_name(const void *a, const void *b)
{
    const cos_arg_t  *x = *(const cos_arg_t *const *) a;
    const cos_arg_t  *y = *(const cos_arg_t *const *) b;

    return cos_str_cmp(x->name, y->name);
}


/* POST, host, "/?", and the fields by name (Tencent Cloud API, "Signature v1").
 */
static cos_err_e
fields_text(cos_buf_t *b, const cos_sts_t *s, const cos_http_t *h,
    cos_alloc_t *a)
{
    size_t               i, n;
    const cos_arg_t    **v;
    const cos_header_t  *host;

    v = cos_alloc(a, (s->form.n + 1) * sizeof(*v));
    host = cos_header(h, "host");

    if (v == NULL || host == NULL) {
        return COS_E_INTERNAL;
    }

    for (i = 0, n = 0; i < s->form.n; i++) {
        if (!cos_str_is(s->form.v[i].name, "Signature")) {
            v[n++] = &s->form.v[i];
        }
    }

    qsort(v, n, sizeof(*v), by_name);

    cos_buf_lit(b, "POST");
    cos_buf_str(b, host->value);
    cos_buf_lit(b, "/?");

    for (i = 0; i < n; i++) {
        if (i != 0) {
            cos_buf_char(b, '&');
        }
        cos_buf_str(b, v[i]->name);
        cos_buf_char(b, '=');
        cos_buf_str(b, v[i]->value);
    }

    return b->err ? COS_E_INTERNAL : COS_OK;
}


static cos_err_e
verify_fields(const cos_sts_t *s, const cos_http_t *h, const cos_sig_t *sig,
    cos_str_t secret, cos_alloc_t *a)
{
    cos_u8            digest[COS_SHA256_LEN];
    cos_md_e          kind;
    cos_buf_t         b, text;
    cos_err_e         err;
    const cos_arg_t  *method;

    method = cos_arg(&s->form, "SignatureMethod");
    kind = method && cos_str_is(method->value, "HmacSHA256") ? COS_SHA256
                                                             : COS_SHA1;
    cos_buf_init(&text, a, s->body.len + 64);
    cos_buf_init(&b, a, 64);
    err = fields_text(&text, s, h, a);

    if (err != COS_OK
        || cos_hmac(kind, secret.data, secret.len, text.data, text.len,
                    digest) != 0)
    {
        return COS_E_INTERNAL;
    }

    cos_base64(&b, digest, kind == COS_SHA1 ? COS_SHA1_LEN : COS_SHA256_LEN);

    if (b.err) {
        return COS_E_INTERNAL;
    }

    err = cos_str_eq_secret(sig->signature, (cos_str_t) { b.len, b.data })
          ? COS_OK : COS_E_SIGNATURE_MISMATCH;
    OPENSSL_cleanse(b.data, b.len);

    return err;
}


/* "name:value" of each signed header, in lower case. */
static void
tc3_headers(cos_buf_t *b, const cos_http_t *h, cos_str_t list)
{
    size_t               i;
    cos_str_t            item, value;
    const cos_header_t  *hd;

    while (cos_sig_cut(&list, ';', &item)) {
        for (i = 0, hd = NULL; i < h->nheaders; i++) {
            if (cos_str_eq(h->headers[i].name, item)) {
                hd = &h->headers[i];
                break;
            }
        }

        value = hd ? hd->value : COS_STR("");
        cos_buf_str(b, item);
        cos_buf_char(b, ':');

        for (i = 0; i < value.len; i++) {
            cos_buf_char(b, value.data[i] >= 'A' && value.data[i] <= 'Z'
                            ? value.data[i] | 0x20 : value.data[i]);
        }

        cos_buf_char(b, '\n');
    }
}


/* "2024-01-01/sts/tc3_request" with the day of the time that was sent. */
static int
tc3_scope(const cos_sig_t *sig, cos_str_t part[3])
{
    int        i;
    char       day[32];
    uint64_t   at;
    cos_str_t  rest = sig->scope;

    for (i = 0; i < 3; i++) {
        if (!cos_sig_cut(&rest, '/', &part[i])) {
            return -1;
        }
    }

    if (rest.data != NULL || cos_str_uint(sig->sign_time, &at) != 0) {
        return -1;
    }

    (void) cos_iso8601(day, (int64_t) at * 1000, 0);

    return part[0].len == 10 && memcmp(part[0].data, day, 10) == 0
           && cos_str_is(part[1], "sts")
           && cos_str_is(part[2], "tc3_request") ? 0 : -1;
}


static cos_err_e
verify_tc3(const cos_sts_t *s, const cos_http_t *h, const cos_sig_t *sig,
    cos_str_t secret, cos_alloc_t *a)
{
    int        i;
    char       hex[2 * COS_SHA256_LEN];
    cos_u8     key[COS_SHA256_LEN], first[4 + COS_SIG_SECRET_MAX];
    cos_buf_t  b;
    cos_err_e  err;
    cos_str_t  part[3];

    if (secret.len > COS_SIG_SECRET_MAX || tc3_scope(sig, part) != 0) {
        return secret.len > COS_SIG_SECRET_MAX ? COS_E_INTERNAL
                                               : COS_E_SIGNATURE_MISMATCH;
    }

    cos_buf_init(&b, a, 512);
    cos_buf_lit(&b, "POST\n/\n\n");
    tc3_headers(&b, h, sig->header_list);
    cos_buf_char(&b, '\n');
    cos_buf_str(&b, sig->header_list);
    cos_buf_char(&b, '\n');
    cos_buf_add(&b, s->digest, sizeof(s->digest));

    if (b.err || cos_md_once(COS_SHA256, b.data, b.len, key) != 0) {
        return COS_E_INTERNAL;
    }

    cos_hex(hex, key, sizeof(key));
    cos_buf_init(&b, a, 256);
    cos_buf_lit(&b, "TC3-HMAC-SHA256\n");
    cos_buf_str(&b, sig->sign_time);
    cos_buf_char(&b, '\n');
    cos_buf_str(&b, sig->scope);
    cos_buf_char(&b, '\n');
    cos_buf_add(&b, hex, sizeof(hex));

    memcpy(first, "TC3", 3);
    memcpy(first + 3, secret.data, secret.len);
    err = b.err || cos_hmac(COS_SHA256, first, 3 + secret.len, part[0].data,
                            part[0].len, key) != 0
          ? COS_E_INTERNAL : COS_OK;

    for (i = 1; err == COS_OK && i < 3; i++) {
        err = cos_hmac(COS_SHA256, key, sizeof(key), part[i].data,
                       part[i].len, key) == 0 ? COS_OK : COS_E_INTERNAL;
    }

    if (err == COS_OK
        && cos_hmac(COS_SHA256, key, sizeof(key), b.data, b.len, key) != 0)
    {
        err = COS_E_INTERNAL;
    }

    cos_hex(hex, key, sizeof(key));

    if (err == COS_OK
        && !cos_str_eq_secret(sig->signature,
                              (cos_str_t) { sizeof(hex), (cos_u8 *) hex }))
    {
        err = COS_E_SIGNATURE_MISMATCH;
    }

    OPENSSL_cleanse(first, sizeof(first));
    OPENSSL_cleanse(key, sizeof(key));
    OPENSSL_cleanse(hex, sizeof(hex));

    return err;
}


cos_err_e
cos_sts_verify(const cos_sts_t *s, const cos_http_t *h, cos_sig_t *sig,
    cos_str_t secret, int64_t now, cos_alloc_t *a)
{
    if (s->api == COS_STS_AWS) {
        /* the region has no meaning here */
        return cos_sig_verify(h, sig, secret, now, COS_STR(""), a, NULL);
    }

    if (now < sig->start || now > sig->end) {
        return COS_E_TIME_SKEWED;
    }

    /* anybody can sign with an empty secret */
    if (secret.len == 0) {
        return COS_E_SIGNATURE_MISMATCH;
    }

    return s->fields ? verify_fields(s, h, sig, secret, a)
                     : verify_tc3(s, h, sig, secret, a);
}


uint64_t
cos_sts_duration(const cos_sts_t *s, int is_account)
{
    uint64_t  n = s->duration;

    if (s->api == COS_STS_TENCENT) {
        n = n ? n : 1800;
        return n <= (is_account ? 7200u : 129600u) ? n : 0;
    }

    if (s->action == COS_STS_ASSUME_ROLE) {
        n = n ? n : 3600;
        return n >= 900 && n <= 43200 ? n : 0;
    }

    n = n ? n : 43200;

    if (n < 900 || n > 129600) {
        return 0;
    }

    return is_account && n > 3600 ? 3600 : n;
}
