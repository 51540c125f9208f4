/*
 * request: the value of x-*-copy-source. The whole path is decoded before it
 * is split, because S3 clients encode it with or without its slashes. A '+'
 * is a plus: the value is a path, not a form.
 */

#include "cos_name.h"

static int cut_version(cos_str_t *value, cos_str_t *version);
static cos_str_t bucket_of_host(cos_str_t host, const cos_str_t *bases,
    size_t nbases);
static int is_public_host(cos_str_t host, cos_str_t *bucket);


int
cos_copy_source_parse(cos_str_t value, const cos_str_t *bases,
    size_t nbases, cos_str_t *bucket, cos_str_t *key, cos_str_t *version,
    cos_alloc_t *a)
{
    ptrdiff_t  n;
    cos_u8    *p, *slash;

    if (cut_version(&value, version) != 0
        || cos_dup(a, &value, value.data, value.len) != 0
        || cos_dup(a, version, version->data, version->len) != 0)
    {
        return -1;
    }

    n = cos_pct_decode(version->data, *version, 0);
    if (n < 0) {
        return -1;
    }

    version->len = n;

    n = cos_pct_decode(value.data, value, 0);
    if (n <= 0) {
        return -1;
    }

    p = value.data;

    if (*p == '/') {
        p++;
        n--;
    }

    slash = memchr(p, '/', n);
    if (slash == NULL) {
        return -1;
    }

    *bucket = bucket_of_host((cos_str_t) { slash - p, p }, bases, nbases);
    key->data = slash + 1;
    key->len = p + n - key->data;

    return bucket->len > 0 && key->len > 0 ? 0 : -1;
}


/* A raw '?' can only begin "?versionId=": keys have theirs encoded. */
static int
cut_version(cos_str_t *value, cos_str_t *version)
{
    cos_u8     *p;
    cos_str_t   query;

    version->len = 0;
    version->data = value->data + value->len;

    p = value->len > 0 ? memchr(value->data, '?', value->len) : NULL;
    if (p == NULL) {
        return 0;
    }

    query.data = p + 1;
    query.len = value->data + value->len - query.data;
    value->len = p - value->data;

    if (query.len < 10
        || !cos_str_iis((cos_str_t) { 10, query.data }, "versionid="))
    {
        return -1;
    }

    version->data = query.data + 10;
    version->len = query.len - 10;

    return memchr(version->data, '?', version->len) == NULL ? 0 : -1;
}


/*
 * The bucket that the first segment names: itself, or the bucket of a virtual
 * host. S3 bucket names hold dots too, so it is taken for a host only where a
 * service label makes it one or where the bucket has a form that no part of
 * an S3 name needs (<name>-<appid>).
 */
static cos_str_t
bucket_of_host(cos_str_t segment, const cos_str_t *bases, size_t nbases)
{
    cos_u8     *port;
    cos_str_t   host, bucket;
    cos_host_t  parsed;

    host = segment;

    port = host.len > 0 ? memchr(host.data, ':', host.len) : NULL;
    if (port != NULL) {
        host.len = port - host.data;
    }

    if (memchr(host.data, '.', host.len) == NULL) {
        return segment;
    }

    cos_host_parse(&parsed, host, bases, nbases);

    if (parsed.style == COS_STYLE_VHOST
        && (parsed.has_dialect
            || cos_bucket_name_valid(parsed.bucket, COS_DIALECT_COS)))
    {
        return parsed.bucket;
    }

    return is_public_host(host, &bucket) ? bucket : segment;
}


/*
 * "<name>-<appid>.cos.<region>.<any domain>": COS SDKs put the public domain
 * there whatever host they talk to. The labels are those that the SDKs know.
 */
static int
is_public_host(cos_str_t host, cos_str_t *bucket)
{
    size_t     i, n;
    cos_str_t  label[3], rest;

    rest = host;

    for (i = 0; i < 3; i++) {
        for (n = 0; n < rest.len && rest.data[n] != '.'; n++) { /* void */ }

        if (n == 0 || n == rest.len) {
            return 0;
        }

        label[i] = (cos_str_t) { n, rest.data };
        rest.data += n + 1;
        rest.len -= n + 1;
    }

    *bucket = label[0];

    return rest.len > 0
           && cos_bucket_name_valid(label[0], COS_DIALECT_COS)
           && (cos_str_is(label[1], "cos") || cos_str_is(label[1], "cosv6")
               || cos_str_is(label[1], "cos-cdc")
               || cos_str_is(label[1], "cos-internal"));
}
