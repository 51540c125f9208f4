/*
 * meta: whom ids, URIs and grant headers name.
 */

#include "cos_acl.h"


#define GROUP_COS  "http://cam.qcloud.com/groups/global/"
#define GROUP_S3   "http://acs.amazonaws.com/groups/global/"


int
cos_account_id(char *dst, uint64_t uid)
{
    char    text[20];
    size_t  n;
    cos_u8  digest[COS_SHA256_LEN];

    n = sizeof(text);

    do {
        text[--n] = '0' + uid % 10;
        uid /= 10;
    } while (uid > 0);

    if (cos_md_once(COS_SHA256, text + n, sizeof(text) - n, digest) != 0) {
        return -1;
    }

    cos_hex(dst, digest, sizeof(digest));

    return 0;
}


static int
is_hash(cos_str_t id)
{
    size_t  i;

    if (id.len != COS_ACCOUNT_ID_LEN && id.len != COS_ACCOUNT_ID_LEN / 2) {
        return 0;
    }

    for (i = 0; i < id.len; i++) {
        if (!((id.data[i] >= '0' && id.data[i] <= '9')
              || (id.data[i] >= 'a' && id.data[i] <= 'f')))
        {
            return 0;
        }
    }

    return 1;
}


/* Cuts what stands before it off, if it is there. */
static int
skip(cos_str_t *s, const char *what)
{
    size_t  len;

    if (!cos_str_starts(*s, what)) {
        return 0;
    }

    len = strlen(what);
    s->data += len;
    s->len -= len;

    return 1;
}


/* "<uid>", "<uid>/<sub>", "<uid>:uin/<sub>" */
static cos_err_e
account(cos_acl_grant_t *g, cos_str_t s)
{
    size_t     n;
    cos_str_t  sub;

    for (n = 0; n < s.len && s.data[n] != '/' && s.data[n] != ':'; n++) {
        /* void */
    }

    sub = (cos_str_t) { s.len - n, s.data + n };
    s.len = n;

    if (cos_str_uint(s, &g->uid) != 0 || g->uid == 0) {
        return COS_E_INVALID_ARGUMENT;
    }

    if (sub.len == 0) {
        return COS_OK;
    }

    if ((!skip(&sub, ":uin/") && !skip(&sub, "/"))
        || cos_str_uint(sub, &g->sub) != 0 || g->sub == 0)
    {
        return COS_E_INVALID_ARGUMENT;
    }

    if (g->sub == g->uid) {
        g->sub = 0;
    }

    return COS_OK;
}


cos_err_e
cos_acl_id(cos_acl_grant_t *g, cos_str_t id)
{
    g->to = COS_TO_ACCOUNT;
    g->uid = 0;
    g->sub = 0;
    g->id = (cos_str_t) { 0, NULL };

    if (cos_str_is(id, "qcs::cam::anyone:anyone") || cos_str_is(id, "*")) {
        g->to = COS_TO_ALL;
        return COS_OK;
    }

    if (is_hash(id)) {
        g->id = id;
        return COS_OK;
    }

    (void) skip(&id, "qcs::cam::uin/");

    return account(g, id);
}


cos_err_e
cos_acl_uri(cos_acl_grant_t *g, cos_str_t uri)
{
    g->uid = 0;
    g->sub = 0;
    g->id = (cos_str_t) { 0, NULL };

    if (cos_str_is(uri, "http://acs.amazonaws.com/groups/s3/LogDelivery")) {
        g->to = COS_TO_LOG;
        return COS_OK;
    }

    if (!skip(&uri, GROUP_COS) && !skip(&uri, GROUP_S3)) {
        return COS_E_INVALID_ARGUMENT;
    }

    if (cos_str_is(uri, "AllUsers")) {
        g->to = COS_TO_ALL;
        return COS_OK;
    }

    g->to = COS_TO_AUTHENTICATED;

    return cos_str_is(uri, "AuthenticatedUsers") ? COS_OK
                                                 : COS_E_INVALID_ARGUMENT;
}


/* --- headers -------------------------------------------------------------- */

/* The next 'name="value"' of a list, quotes optional, into *s without the
 * commas; 0 at its end. */
static int
next_item(cos_str_t *s, cos_str_t *name, cos_str_t *value)
{
    int      quoted;
    cos_u8  *p, *end, *start;

    p = s->data;
    end = p + s->len;

    while (p < end && (*p == ',' || *p == ' ' || *p == '\t')) {
        p++;
    }

    if (p == end) {
        return 0;
    }

    for (start = p; p < end && *p != '='; p++) { /* void */ }

    *name = cos_str_trim((cos_str_t) { p - start, start });

    if (p < end) {
        p++;
    }

    while (p < end && *p == ' ') {
        p++;
    }

    quoted = p < end && *p == '"';
    p += quoted;

    for (start = p; p < end && *p != (quoted ? '"' : ','); p++) { /* void */ }

    *value = (cos_str_t) { p - start, start };

    if (!quoted) {
        *value = cos_str_trim(*value);

    } else if (p < end) {
        p++;
    }

    *s = (cos_str_t) { end - p, p };

    return 1;
}


cos_err_e
cos_acl_header(cos_acl_list_t *l, unsigned may, cos_str_t value)
{
    cos_str_t        name, who;
    cos_err_e        err;
    cos_acl_grant_t  g;

    while (next_item(&value, &name, &who)) {

        if (cos_str_iis(name, "id")) {
            err = cos_acl_id(&g, who);

        } else if (cos_str_iis(name, "uri")) {
            err = cos_acl_uri(&g, who);

        } else if (cos_str_iis(name, "emailaddress")) {
            err = COS_E_GRANT_EMAIL;

        } else {
            err = COS_E_INVALID_ARGUMENT;
        }

        if (err != COS_OK) {
            return err;
        }

        g.may = may;
        err = cos_acl_add(l, &g);

        if (err != COS_OK) {
            return err;
        }
    }

    return COS_OK;
}
