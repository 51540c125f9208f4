/*
 * meta: the words for what records hold as numbers.
 */

#include "record.h"


static const char *const acl_names[COS_ACL_MAX] = {
    "default", "private", "public-read", "public-read-write",
    "authenticated-read", "bucket-owner-read", "bucket-owner-full-control"
};

static const struct {
    const char  *name;
    size_t       len;
} sums[COS_SUM_MAX] = {
    { NULL, 0 }, { "CRC32", 4 }, { "CRC32C", 4 }, { "CRC64NVME", 8 },
    { "SHA1", COS_SHA1_LEN }, { "SHA256", COS_SHA256_LEN }
};


const char *
cos_acl_name(cos_acl_e acl)
{
    return (unsigned) acl < COS_ACL_MAX ? acl_names[acl] : NULL;
}


int
cos_acl_parse(cos_str_t s)
{
    int  i;

    for (i = 0; i < COS_ACL_MAX; i++) {
        if (cos_str_is(s, acl_names[i])) {
            return i;
        }
    }

    return -1;
}


size_t
cos_sum_len(cos_sum_e t)
{
    return (unsigned) t < COS_SUM_MAX ? sums[t].len : 0;
}


const char *
cos_sum_name(cos_sum_e t)
{
    return (unsigned) t < COS_SUM_MAX ? sums[t].name : NULL;
}


size_t
cos_object_etag(char *dst, const cos_u8 *digest, unsigned parts)
{
    char    digits[10];
    size_t  n, len;

    cos_hex(dst, digest, COS_MD5_LEN);
    len = 2 * COS_MD5_LEN;

    if (parts == 0) {
        return len;
    }

    dst[len++] = '-';
    n = 0;

    do {
        digits[n++] = (char) ('0' + parts % 10);
        parts /= 10;
    } while (parts != 0);

    while (n > 0) {
        dst[len++] = digits[--n];
    }

    return len;
}


size_t
cos_version_print(char *dst, uint64_t version)
{
    int     i;
    cos_u8  bytes[8];

    if (version == 0) {
        dst[0] = 'n';
        dst[1] = 'u';
        dst[2] = dst[3] = 'l';
        return 4;
    }

    for (i = 0; i < 8; i++) {
        bytes[i] = (cos_u8) (version >> (56 - 8 * i));
    }

    cos_hex(dst, bytes, sizeof(bytes));
    return COS_VERSION_LEN;
}


int
cos_version_parse(cos_str_t s, uint64_t *version)
{
    int     i;
    cos_u8  bytes[8];

    *version = 0;

    if (cos_str_is(s, "null")) {
        return 0;
    }

    if (cos_unhex(bytes, sizeof(bytes), s) != 0) {
        return -1;
    }

    for (i = 0; i < 8; i++) {
        *version = *version << 8 | bytes[i];
    }

    /* a seq, which a Lua number holds exactly */
    return *version == 0 || *version >> 53 != 0 ? -1 : 0;
}
