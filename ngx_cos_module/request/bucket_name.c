/*
 * request: bucket name rules, for buckets that are to be created. S3 "Bucket
 * naming rules"; cos-api.md 2.2; BOS "Bucket naming".
 */

#include "cos_name.h"

#define NAME_MIN      3
#define NAME_MAX      63
#define COS_NAME_MAX  60              /* what a virtual host may hold at all */

static int valid_cos(cos_str_t name);
static int valid_s3(cos_str_t name);
static int valid_label(const cos_u8 *p, size_t n);
static int is_ipv4(cos_str_t name);
static int ends_with(cos_str_t s, const char *lit);


int
cos_bucket_name_valid(cos_str_t name, cos_dialect_e dialect)
{
    switch (dialect) {

    case COS_DIALECT_COS:
        return valid_cos(name);

    case COS_DIALECT_BOS:
        return name.len >= NAME_MIN && name.len <= NAME_MAX
               && valid_label(name.data, name.len);

    default:
        return valid_s3(name);
    }
}


/* <name>-<appid> */
static int
valid_cos(cos_str_t name)
{
    size_t  n;

    if (name.len > COS_NAME_MAX) {
        return 0;
    }

    for (n = name.len; n > 0; n--) {
        if (name.data[n - 1] < '0' || name.data[n - 1] > '9') {
            break;
        }
    }

    return n > 1 && n < name.len && name.data[n - 1] == '-'
           && valid_label(name.data, n - 1);
}


static int
valid_s3(cos_str_t name)
{
    size_t  i, start;

    if (name.len < NAME_MIN || name.len > NAME_MAX) {
        return 0;
    }

    start = 0;

    for (i = 0; i <= name.len; i++) {
        if (i < name.len && name.data[i] != '.') {
            continue;
        }

        if (!valid_label(name.data + start, i - start)) {
            return 0;
        }

        start = i + 1;
    }

    return !is_ipv4(name)
           && !cos_str_starts(name, "xn--")
           && !cos_str_starts(name, "sthree-")
           && !ends_with(name, "-s3alias")
           && !ends_with(name, "--ol-s3");
}


/* [a-z0-9-]+ without '-' at either end */
static int
valid_label(const cos_u8 *p, size_t n)
{
    size_t  i;

    if (n == 0 || p[0] == '-' || p[n - 1] == '-') {
        return 0;
    }

    for (i = 0; i < n; i++) {
        if (!((p[i] >= 'a' && p[i] <= 'z') || (p[i] >= '0' && p[i] <= '9')
              || p[i] == '-'))
        {
            return 0;
        }
    }

    return 1;
}


/* Four groups of one to three digits: what a resolver may take for one. */
static int
is_ipv4(cos_str_t name)
{
    size_t  i, dots, digits;

    dots = 0;
    digits = 0;

    for (i = 0; i < name.len; i++) {
        if (name.data[i] == '.') {
            dots++;
            digits = 0;

        } else if (name.data[i] < '0' || name.data[i] > '9' || ++digits > 3) {
            return 0;
        }
    }

    return dots == 3;
}


static int
ends_with(cos_str_t s, const char *lit)
{
    size_t  n;

    n = strlen(lit);

    return s.len >= n && memcmp(s.data + s.len - n, lit, n) == 0;
}
