/*
 * cosctl sse: master keys of encryption at rest.
 */

#include <stdio.h>

#include "ctl.h"


#define FILE_MAX  65536               /* of master keys, in bytes */

static int
print(const cos_rewrap_t *w)
{
    printf("encrypted      %llu\nrewrapped      %llu\nleft           %llu\n"
           "open uploads   %llu\n", (unsigned long long) w->objects,
           (unsigned long long) w->rewrapped, (unsigned long long) w->left,
           (unsigned long long) w->uploads);

    if (w->uploads != 0) {
        ctl_error("the open uploads need their keys until they are completed "
                  "or aborted; then run this again");
    }

    return w->left != 0 || w->uploads != 0 ? CTL_FAILED : CTL_OK;
}


static int
rewrap(ctl_t *c, const char *text, size_t len)
{
    int            rc;
    size_t         n;
    unsigned       line;
    cos_str_t      s;
    cos_rewrap_t   w;
    cos_sse_key_t  keys[COS_SSE_KEYS_MAX];

    s.data = (cos_u8 *) text;
    s.len = len;

    if (cos_sse_keys_read(keys, &n, s, &line) != 0) {
        rc = ctl_fail("\"%s\", line %u: expected \"ID KEY\", KEY being 64 "
                      "hexadecimal digits", c->sse_keys, line);

    } else if (ctl_need_maint(c) != CTL_OK) {
        rc = CTL_FAILED;

    } else if (cos_maint_rewrap(&c->maint, keys, n, &w) != 0) {
        rc = ctl_fail("not finished after %llu data keys; run it again",
                      (unsigned long long) w.rewrapped);

    } else {
        rc = print(&w);
    }

    cos_cleanse(keys, sizeof(keys));

    return rc;
}


int
ctl_sse_rewrap(ctl_t *c, char **argv)
{
    int      rc;
    char    *text;
    size_t   len;

    (void) argv;

    if (c->sse_keys == NULL) {
        return ctl_fail("which keys? Give --sse-keys, --env or COS_SSE_KEYS");
    }

    text = cos_alloc(ctl_alloc(c), FILE_MAX);
    if (text == NULL) {
        return ctl_fail("out of memory");
    }

    rc = ctl_read_secret(c->sse_keys, text, FILE_MAX, &len);

    if (rc == CTL_OK) {
        rc = rewrap(c, text, len);
    }

    cos_cleanse(text, FILE_MAX);

    return rc;
}
