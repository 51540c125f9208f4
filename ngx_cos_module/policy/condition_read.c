/*
 * policy: reading conditions: operators, keys and the values they are held
 * against.
 */

#define _GNU_SOURCE
#include <stdlib.h>

#include "policy.h"


/* In both grammars what is not equal is what is equal, negated. */
static const struct {
    const char  *s3;                  /* NULL: not there */
    const char  *cos;
    test_e       test;
    unsigned     negated:1;
} operators[] = {
    { "StringEquals", "string_equal", TEST_EQUAL, 0 },
    { "StringNotEquals", "string_not_equal", TEST_EQUAL, 1 },
    { "StringEqualsIgnoreCase", "string_equal_ignore_case",
      TEST_EQUAL_FOLD, 0 },
    { "StringNotEqualsIgnoreCase", "string_not_equal_ignore_case",
      TEST_EQUAL_FOLD, 1 },
    { "StringLike", "string_like", TEST_LIKE, 0 },
    { "StringNotLike", "string_not_like", TEST_LIKE, 1 },
    { "ArnEquals", NULL, TEST_LIKE, 0 },
    { "ArnNotEquals", NULL, TEST_LIKE, 1 },
    { "ArnLike", NULL, TEST_LIKE, 0 },
    { "ArnNotLike", NULL, TEST_LIKE, 1 },
    { "NumericEquals", "numeric_equal", TEST_NUM_EQUAL, 0 },
    { "NumericNotEquals", "numeric_not_equal", TEST_NUM_EQUAL, 1 },
    { "NumericLessThan", "numeric_less_than", TEST_NUM_LESS, 0 },
    { "NumericLessThanEquals", "numeric_less_than_equal",
      TEST_NUM_LESS_EQUAL, 0 },
    { "NumericGreaterThan", "numeric_greater_than", TEST_NUM_GREATER, 0 },
    { "NumericGreaterThanEquals", "numeric_greater_than_equal",
      TEST_NUM_GREATER_EQUAL, 0 },
    { "DateEquals", "date_equal", TEST_DATE_EQUAL, 0 },
    { "DateNotEquals", "date_not_equal", TEST_DATE_EQUAL, 1 },
    { "DateLessThan", "date_less_than", TEST_DATE_LESS, 0 },
    { "DateLessThanEquals", "date_less_than_equal", TEST_DATE_LESS_EQUAL, 0 },
    { "DateGreaterThan", "date_greater_than", TEST_DATE_GREATER, 0 },
    { "DateGreaterThanEquals", "date_greater_than_equal",
      TEST_DATE_GREATER_EQUAL, 0 },
    { "Bool", "bool_equal", TEST_BOOL, 0 },
    { "IpAddress", "ip_equal", TEST_IP, 0 },
    { "NotIpAddress", "ip_not_equal", TEST_IP, 1 },
    { "BinaryEquals", NULL, TEST_EQUAL, 0 },
    { "Null", "null_equal", TEST_NULL, 0 },
};

typedef enum { FORM_TEXT = 0, FORM_IP, FORM_BOOL, FORM_DATE } form_e;

/* Keys by their whole name, without case. */
static const struct {
    const char        *name;
    cos_policy_key_e   id;
    form_e             form;
    const char        *from;          /* header, parameter */
} keys[] = {
    { "aws:SourceIp", COS_KEY_SOURCE_IP, FORM_IP, NULL },
    { "aws:SecureTransport", COS_KEY_SECURE, FORM_BOOL, NULL },
    { "aws:CurrentTime", COS_KEY_TIME, FORM_DATE, NULL },
    { "aws:EpochTime", COS_KEY_EPOCH, FORM_DATE, NULL },
    { "aws:Referer", COS_KEY_HEADER, FORM_TEXT, "referer" },
    { "aws:UserAgent", COS_KEY_HEADER, FORM_TEXT, "user-agent" },
    { "aws:userid", COS_KEY_USER_ID, FORM_TEXT, NULL },
    { "aws:username", COS_KEY_USER_NAME, FORM_TEXT, NULL },
    { "aws:PrincipalArn", COS_KEY_PRINCIPAL_ARN, FORM_TEXT, NULL },
    { "aws:PrincipalAccount", COS_KEY_PRINCIPAL_ACCOUNT, FORM_TEXT, NULL },
    { "aws:PrincipalType", COS_KEY_PRINCIPAL_TYPE, FORM_TEXT, NULL },
    { "aws:ResourceAccount", COS_KEY_RESOURCE_ACCOUNT, FORM_TEXT, NULL },
    { "s3:ResourceAccount", COS_KEY_RESOURCE_ACCOUNT, FORM_TEXT, NULL },
    { "aws:SourceVpc", COS_KEY_NEVER, FORM_TEXT, NULL },
    { "aws:SourceVpce", COS_KEY_NEVER, FORM_TEXT, NULL },
    { "aws:VpcSourceIp", COS_KEY_NEVER, FORM_IP, NULL },
    { "aws:SourceArn", COS_KEY_NEVER, FORM_TEXT, NULL },
    { "aws:SourceAccount", COS_KEY_NEVER, FORM_TEXT, NULL },
    { "aws:PrincipalOrgID", COS_KEY_NEVER, FORM_TEXT, NULL },
    { "aws:MultiFactorAuthPresent", COS_KEY_NEVER, FORM_BOOL, NULL },
    { "aws:MultiFactorAuthAge", COS_KEY_NEVER, FORM_TEXT, NULL },
    { "aws:ViaAWSService", COS_KEY_NEVER, FORM_BOOL, NULL },
    { "aws:PrincipalIsAWSService", COS_KEY_NEVER, FORM_BOOL, NULL },
    { "s3:prefix", COS_KEY_QUERY, FORM_TEXT, "prefix" },
    { "s3:delimiter", COS_KEY_QUERY, FORM_TEXT, "delimiter" },
    { "s3:max-keys", COS_KEY_QUERY, FORM_TEXT, "max-keys" },
    { "s3:VersionId", COS_KEY_QUERY, FORM_TEXT, "versionId" },
    { "s3:RequestObjectTagKeys", COS_KEY_REQUEST_TAG_KEYS, FORM_TEXT, NULL },
    { "s3:TlsVersion", COS_KEY_TLS_VERSION, FORM_TEXT, NULL },
    { "s3:authType", COS_KEY_AUTH_TYPE, FORM_TEXT, NULL },
    { "s3:signatureversion", COS_KEY_SIGNATURE_VERSION, FORM_TEXT, NULL },
    { "s3:signatureAge", COS_KEY_SIGNATURE_AGE, FORM_TEXT, NULL },
    { "s3:if-match", COS_KEY_HEADER, FORM_TEXT, "if-match" },
    { "s3:if-none-match", COS_KEY_HEADER, FORM_TEXT, "if-none-match" },
    { "s3:object-lock-mode", COS_KEY_DIALECT_HEADER, FORM_TEXT,
      "object-lock-mode" },
    { "s3:object-lock-retain-until-date", COS_KEY_DIALECT_HEADER, FORM_DATE,
      "object-lock-retain-until-date" },
    { "s3:object-lock-legal-hold", COS_KEY_DIALECT_HEADER, FORM_TEXT,
      "object-lock-legal-hold" },

    { "qcs:ip", COS_KEY_SOURCE_IP, FORM_IP, NULL },
    { "qcs:vpc", COS_KEY_NEVER, FORM_TEXT, NULL },
    { "vpc:requester_vpc", COS_KEY_NEVER, FORM_TEXT, NULL },
    { "qcs:current_time", COS_KEY_TIME, FORM_DATE, NULL },
    { "qcs:request_tag", COS_KEY_REQUEST_TAGS, FORM_TEXT, NULL },
    { "qcs:resource_tag", COS_KEY_EXISTING_TAGS, FORM_TEXT, NULL },
    { "cos:secure-transport", COS_KEY_SECURE, FORM_BOOL, NULL },
    { "cos:tls-version", COS_KEY_TLS_VERSION, FORM_TEXT, NULL },
    { "cos:prefix", COS_KEY_QUERY, FORM_TEXT, "prefix" },
    { "cos:delimiter", COS_KEY_QUERY, FORM_TEXT, "delimiter" },
    { "cos:max-keys", COS_KEY_QUERY, FORM_TEXT, "max-keys" },
    { "cos:versionid", COS_KEY_QUERY, FORM_TEXT, "versionId" },
    { "cos:content-length", COS_KEY_HEADER, FORM_TEXT, "content-length" },
    { "cos:content-type", COS_KEY_HEADER, FORM_TEXT, "content-type" },
    { "cos:referer", COS_KEY_HEADER, FORM_TEXT, "referer" },
    { "cos:user-agent", COS_KEY_HEADER, FORM_TEXT, "user-agent" },
};

/* Keys that end in a name. */
static const struct {
    const char        *prefix;
    cos_policy_key_e   id;
    unsigned           keep;          /* bytes of the prefix that are the name's */
} open_keys[] = {
    { "s3:ExistingObjectTag/", COS_KEY_EXISTING_TAG, 0 },
    { "s3:RequestObjectTag/", COS_KEY_REQUEST_TAG, 0 },
    { "s3:x-amz-", COS_KEY_DIALECT_HEADER, 0 },
    { "cos:x-cos-", COS_KEY_DIALECT_HEADER, 0 },
    { "cos:response-", COS_KEY_QUERY, sizeof("response-") - 1 },
};


static int
cut_end(cos_str_t *s, const char *suffix)
{
    size_t     n = strlen(suffix);
    cos_str_t  end;

    if (s->len < n) {
        return 0;
    }

    end.data = s->data + s->len - n;
    end.len = n;

    if (!cos_str_iis(end, suffix)) {
        return 0;
    }

    s->len -= n;

    return 1;
}


static int
cut_front(cos_str_t *s, const char *prefix)
{
    size_t     n = strlen(prefix);
    cos_str_t  front;

    front.data = s->data;
    front.len = n;

    if (s->len < n || !cos_str_iis(front, prefix)) {
        return 0;
    }

    s->data += n;
    s->len -= n;

    return 1;
}


cos_err_e
cos_policy_operator(reader_t *r, cos_str_t op, condition_t *c)
{
    size_t       i;
    cos_str_t    s = op;
    const char  *name;

    memset(c, 0, sizeof(*c));

    if (cut_front(&s, r->s3 ? "ForAllValues:" : "for_all_value:")) {
        c->set = SET_ALL;

    } else if (cut_front(&s, r->s3 ? "ForAnyValue:" : "for_any_value:")) {
        c->set = SET_ANY;
    }

    c->if_exists = cut_end(&s, r->s3 ? "IfExists" : "_if_exist");

    for (i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        name = r->s3 ? operators[i].s3 : operators[i].cos;

        if (name == NULL || !cos_str_iis(s, name)) {
            continue;
        }

        c->test = operators[i].test;
        c->negated = operators[i].negated;
        c->binary = r->s3 && cos_str_iis(s, "BinaryEquals");

        if (c->test == TEST_NULL && (c->if_exists || c->set != SET_NONE)) {
            break;
        }

        /* S3: what is not there is not equal to anything; COS: a condition
         * about what is not there does not hold */
        c->missing = c->if_exists || c->set == SET_ALL
                     || (r->s3 && c->negated && c->set == SET_NONE);

        return COS_OK;
    }

    return cos_policy_refuse(r, "unknown condition operator", op);
}


/* Which tests a key can be held against. */
static int
goes_with(test_e test, form_e form)
{
    switch (test) {

    case TEST_NULL:
        return 1;

    case TEST_IP:
        return form == FORM_IP;

    case TEST_BOOL:
        return form == FORM_BOOL;

    case TEST_DATE_EQUAL:
    case TEST_DATE_LESS:
    case TEST_DATE_LESS_EQUAL:
    case TEST_DATE_GREATER:
    case TEST_DATE_GREATER_EQUAL:
        return form == FORM_DATE;

    case TEST_NUM_EQUAL:
    case TEST_NUM_LESS:
    case TEST_NUM_LESS_EQUAL:
    case TEST_NUM_GREATER:
    case TEST_NUM_GREATER_EQUAL:
        return form == FORM_TEXT || form == FORM_DATE;

    default:
        return form != FORM_IP;
    }
}


static cos_err_e
find_key(reader_t *r, cos_str_t key, condition_t *c, form_e *form)
{
    size_t     i, j;
    cos_str_t  name;

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (cos_str_iis(key, keys[i].name)) {
            c->key.id = keys[i].id;
            *form = keys[i].form;

            if (keys[i].from) {
                c->key.name.data = (cos_u8 *) keys[i].from;
                c->key.name.len = strlen(keys[i].from);
            }

            return COS_OK;
        }
    }

    for (i = 0; i < sizeof(open_keys) / sizeof(open_keys[0]); i++) {
        name = key;

        if (!cut_front(&name, open_keys[i].prefix) || name.len == 0) {
            continue;
        }

        name.data -= open_keys[i].keep;
        name.len += open_keys[i].keep;
        c->key.id = open_keys[i].id;
        *form = FORM_TEXT;

        if (cos_dup(r->a, &c->key.name, name.data, name.len) != 0) {
            return COS_E_INTERNAL;
        }

        for (j = 0; j < name.len && c->key.id != COS_KEY_EXISTING_TAG
                    && c->key.id != COS_KEY_REQUEST_TAG; j++)
        {
            if (c->key.name.data[j] >= 'A' && c->key.name.data[j] <= 'Z') {
                c->key.name.data[j] |= 0x20;
            }
        }

        return COS_OK;
    }

    return cos_policy_refuse(r, "unknown condition key", key);
}


cos_err_e
cos_policy_key(reader_t *r, cos_str_t key, condition_t *c)
{
    int        cos;
    form_e     form;
    cos_err_e  err;

    cos = cos_str_starts(key, "cos:") || cos_str_starts(key, "qcs:")
          || cos_str_starts(key, "vpc:");

    if (cos == (int) r->s3) {
        return cos_policy_refuse(r, "unknown condition key", key);
    }

    err = find_key(r, key, c, &form);
    if (err != COS_OK) {
        return err;
    }

    c->key.encoded = cos;

    if (!goes_with(c->test, form)) {
        return cos_policy_refuse(r, "the operator does not go with the "
                                 "condition key", key);
    }

    return COS_OK;
}


/* --- values ------------------------------------------------------------------------ */

int
cos_policy_number(cos_str_t s, double *n)
{
    char   buf[64], *end;
    size_t i;

    if (s.len == 0 || s.len >= sizeof(buf)) {
        return -1;
    }

    /* no hexadecimal, no infinity, no blanks */
    for (i = 0; i < s.len; i++) {
        if ((s.data[i] < '0' || s.data[i] > '9') && s.data[i] != '.'
            && !(s.data[i] == '-' && i == 0))
        {
            return -1;
        }
    }

    memcpy(buf, s.data, s.len);
    buf[s.len] = '\0';
    *n = strtod(buf, &end);

    return *end == '\0' && end != buf ? 0 : -1;
}


int
cos_policy_date(cos_str_t s, int64_t *t)
{
    char      buf[32];
    uint64_t  n;

    if (cos_str_uint(s, &n) == 0) {
        *t = (int64_t) (n > INT64_MAX ? INT64_MAX : n);
        return 0;
    }

    if (s.len == sizeof("2030-01-01") - 1) {
        memcpy(buf, s.data, s.len);
        memcpy(buf + s.len, "T00:00:00Z", sizeof("T00:00:00Z") - 1);
        s.data = (cos_u8 *) buf;
        s.len += sizeof("T00:00:00Z") - 1;
    }

    *t = cos_parse_iso8601(s);

    return *t < 0 ? -1 : 0;
}


static int
cidr(cos_str_t s, cidr_t *c)
{
    cos_u8    *slash;
    cos_ip_t   ip;
    uint64_t   bits;
    cos_str_t  len;

    slash = memchr(s.data, '/', s.len);

    if (slash) {
        len.data = slash + 1;
        len.len = s.len - (size_t) (slash + 1 - s.data);
        s.len = (size_t) (slash - s.data);

        if (cos_str_uint(len, &bits) != 0) {
            return -1;
        }
    }

    if (cos_ip_parse(&ip, s) != 0) {
        return -1;
    }

    if (slash == NULL) {
        bits = ip.len * 8;

    } else if (ip.len == 4 && memchr(s.data, ':', s.len)) {
        /* IPv4 within IPv6 */
        if (bits < 96) {
            return -1;
        }

        bits -= 96;
    }

    if (bits > ip.len * 8) {
        return -1;
    }

    c->v6 = (ip.len == 16);
    c->bits = (unsigned) bits;
    memcpy(c->addr, ip.addr, sizeof(c->addr));

    return 0;
}


static cos_err_e
binary(reader_t *r, cos_str_t text, cos_str_t *out)
{
    ptrdiff_t  n;

    out->data = cos_alloc(r->a, text.len + 4);
    if (out->data == NULL) {
        return COS_E_INTERNAL;
    }

    n = cos_unbase64(out->data, text);
    out->len = (size_t) n;

    return n < 0 ? cos_policy_refuse(r, "invalid condition value", text)
                 : COS_OK;
}


cos_err_e
cos_policy_want(reader_t *r, condition_t *c, cos_str_t text)
{
    int        rc;
    want_t    *w = &c->want[c->n];
    cos_err_e  err;

    rc = 0;

    if (r->variables && memmem(text.data, text.len, "${", 2) != NULL) {
        return cos_policy_refuse(r, "variables are not supported", text);
    }

    switch (c->test) {

    case TEST_EQUAL:
    case TEST_EQUAL_FOLD:
    case TEST_LIKE:
        if (c->binary) {
            err = binary(r, text, &text);
            if (err != COS_OK) {
                return err;
            }
        }

        cos_glob_init(&w->text, text, r->s3);
        break;

    case TEST_NUM_EQUAL:
    case TEST_NUM_LESS:
    case TEST_NUM_LESS_EQUAL:
    case TEST_NUM_GREATER:
    case TEST_NUM_GREATER_EQUAL:
        rc = cos_policy_number(text, &w->number);
        break;

    case TEST_DATE_EQUAL:
    case TEST_DATE_LESS:
    case TEST_DATE_LESS_EQUAL:
    case TEST_DATE_GREATER:
    case TEST_DATE_GREATER_EQUAL:
        rc = cos_policy_date(text, &w->date);
        break;

    case TEST_IP:
        rc = cidr(text, &w->cidr);
        break;

    case TEST_BOOL:
    case TEST_NULL:
        w->truth = cos_str_iis(text, "true");
        rc = w->truth || cos_str_iis(text, "false") ? 0 : -1;
        break;
    }

    if (rc != 0) {
        return cos_policy_refuse(r, "invalid condition value", text);
    }

    c->n++;

    return COS_OK;
}
