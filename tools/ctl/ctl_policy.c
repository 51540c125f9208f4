/*
 * cosctl policy check: whether a document would be taken as the policy of a
 * bucket, without a server.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cos_policy.h"
#include "ctl.h"


static int
read_file(const char *name, char *dst, size_t cap, size_t *len)
{
    int    failed;
    FILE  *f;

    f = fopen(name, "rb");
    if (f == NULL) {
        return ctl_fail("cannot open %s: %s", name, strerror(errno));
    }

    *len = fread(dst, 1, cap, f);
    failed = ferror(f);
    (void) fclose(f);

    return failed ? ctl_fail("cannot read %s", name) : CTL_OK;
}


/* With a bucket: as that bucket's; else as any bucket's, or, without principals,
 * a user's. */
int
ctl_policy_check(ctl_t *c, char **argv)
{
    char                 text[COS_POLICY_SIZE + 1];
    size_t               i, len;
    cos_err_e            err;
    cos_str_t            sid;
    const char          *why, *user;
    cos_policy_t        *p;
    cos_policy_where_t   where;

    if (read_file(argv[0], text, sizeof(text), &len) != CTL_OK) {
        return CTL_FAILED;
    }

    memset(&where, 0, sizeof(where));
    where.kind = COS_POLICY_BUCKET;

    if (argv[1]) {
        where.bucket.data = (cos_u8 *) argv[1];
        where.bucket.len = strlen(argv[1]);
    }

    err = cos_policy_read(&p, (cos_str_t) { len, (cos_u8 *) text }, &where,
                          ctl_alloc(c), &why);

    if (err == COS_E_MALFORMED_POLICY && argv[1] == NULL) {
        where.kind = COS_POLICY_USER;

        if (cos_policy_read(&p, (cos_str_t) { len, (cos_u8 *) text }, &where,
                            ctl_alloc(c), &user)
            == COS_OK)
        {
            err = COS_OK;
        }
    }

    if (err != COS_OK) {
        return ctl_fail("%s: %s", argv[0],
                        err == COS_E_MALFORMED_POLICY ? why
                                                      : "out of memory");
    }

    printf("%s: %zu statements, %s\n",
           where.kind == COS_POLICY_USER ? "policy of a user"
                                         : "policy of a bucket",
           cos_policy_count(p),
           where.kind == COS_POLICY_USER ? "for whom it is attached to"
           : cos_policy_is_public(p) ? "public" : "not public");

    for (i = 0; i < cos_policy_count(p); i++) {
        sid = cos_policy_sid(p, i);

        if (sid.len) {
            printf("%zu %.*s\n", i + 1, (int) sid.len, sid.data);
        }
    }

    return CTL_OK;
}
