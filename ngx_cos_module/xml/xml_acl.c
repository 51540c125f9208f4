/*
 * xml: ACL documents. Clients of both services write grantees in many forms:
 * what counts is what stands in them, not what xsi:type calls them.
 */

#include "xml.h"

#define GROUP_COS  "http://cam.qcloud.com/groups/global/"
#define GROUP_S3   "http://acs.amazonaws.com/groups/global/"
#define XSI        " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\""

static void write_grants(cos_buf_t *b, cos_dialect_e d,
    const cos_acl_grant_t *g);
static void write_account(cos_buf_t *b, cos_dialect_e d, uint64_t uid,
    uint64_t sub);
static cos_err_e read_owner(cos_acl_grant_t *owner, const xmlNode *node,
    cos_alloc_t *a);
static cos_err_e read_grants(cos_acl_list_t *l, const xmlNode *list,
    cos_alloc_t *a);
static cos_err_e read_grant(cos_acl_list_t *l, const xmlNode *grant,
    cos_alloc_t *a);
static cos_err_e read_grantee(cos_acl_grant_t *g, const xmlNode *grantee,
    cos_alloc_t *a);
static cos_err_e read_account(cos_acl_grant_t *g, const xmlNode *node,
    cos_str_t text);


/* --- writing -------------------------------------------------------------- */

/* Groups first, as both services have it. */
void
cos_xml_acl(cos_buf_t *b, cos_dialect_e d, uint64_t owner,
    const cos_acl_list_t *l)
{
    int     groups;
    size_t  i;

    if (d == COS_DIALECT_BOS) {
        cos_bos_acl(b, owner, l);
        return;
    }

    cos_xml_root(b, d, "AccessControlPolicy");
    cos_buf_lit(b, "<Owner>");
    write_account(b, d, owner, 0);
    cos_buf_lit(b, "</Owner><AccessControlList>");

    for (groups = 1; groups >= 0; groups--) {
        for (i = 0; i < l->n; i++) {
            if ((l->v[i].to != COS_TO_ACCOUNT) == groups) {
                write_grants(b, d, &l->v[i]);
            }
        }
    }

    cos_buf_lit(b, "</AccessControlList>");
    cos_xml_close(b, "AccessControlPolicy");
}


/* One Grant for each permission. */
static void
write_grants(cos_buf_t *b, cos_dialect_e d, const cos_acl_grant_t *g)
{
    unsigned  bit;

    for (bit = 1; bit <= COS_MAY_ALL; bit <<= 1) {
        if (!(g->may & bit)) {
            continue;
        }

        cos_buf_lit(b, "<Grant><Grantee" XSI);

        if (g->to == COS_TO_ACCOUNT) {
            cos_buf_lit(b, " xsi:type=\"CanonicalUser\">");
            write_account(b, d, g->uid, g->sub);

        } else {
            cos_buf_lit(b, " xsi:type=\"Group\"><URI>");

            if (g->to == COS_TO_LOG) {
                cos_buf_lit(b, "http://acs.amazonaws.com/groups/s3/LogDelivery");

            } else {
                cos_buf_cstr(b, d == COS_DIALECT_S3 ? GROUP_S3 : GROUP_COS);
                cos_buf_cstr(b, g->to == COS_TO_ALL ? "AllUsers"
                                                    : "AuthenticatedUsers");
            }

            cos_buf_lit(b, "</URI>");
        }

        cos_buf_lit(b, "</Grantee>");
        cos_xml_elem_cstr(b, "Permission", cos_grant_name(bit));
        cos_buf_lit(b, "</Grant>");
    }
}


/* S3 has no name for an account's user: theirs reads back as what it is. */
static void
write_account(cos_buf_t *b, cos_dialect_e d, uint64_t uid, uint64_t sub)
{
    int  i;

    for (i = 0; i < 2; i++) {
        cos_buf_cstr(b, i == 0 ? "<ID>" : "<DisplayName>");

        if (d != COS_DIALECT_S3) {
            cos_buf_lit(b, "qcs::cam::uin/");
            cos_buf_uint(b, uid);
            cos_buf_lit(b, ":uin/");
            cos_buf_uint(b, sub ? sub : uid);

        } else {
            if (i == 0 && sub == 0) {
                cos_owner_id(b, d, 0, uid);

            } else {
                cos_buf_uint(b, uid);
            }

            if (sub) {
                cos_buf_char(b, '/');
                cos_buf_uint(b, sub);
            }
        }

        cos_buf_cstr(b, i == 0 ? "</ID>" : "</DisplayName>");
    }
}


/* --- reading -------------------------------------------------------------- */

cos_err_e
cos_xml_parse_acl(cos_str_t text, cos_acl_list_t *l, cos_acl_grant_t *owner,
    cos_alloc_t *a)
{
    int         lists;
    xmlDoc     *doc;
    xmlNode    *node;
    cos_err_e   err;

    static const cos_xml_limits_t  limits = { COS_XML_SMALL_SIZE, 4096 };

    memset(l, 0, sizeof(*l));
    memset(owner, 0, sizeof(*owner));

    if (cos_bos_is_json(text)) {
        return cos_bos_parse_acl(text, l, a);
    }

    err = cos_xml_read(&doc, text, "AccessControlPolicy", &limits);
    if (err != COS_OK) {
        return err;
    }

    lists = 0;

    for (node = cos_xml_first(xmlDocGetRootElement(doc));
         node != NULL && err == COS_OK;
         node = cos_xml_next(node))
    {
        if (cos_xml_is(node, "AccessControlList")) {
            lists++;
            err = read_grants(l, node, a);

        } else if (cos_xml_is(node, "Owner")) {
            err = read_owner(owner, node, a);
        }
    }

    xmlFreeDoc(doc);

    if (err == COS_OK && lists != 1) {
        err = COS_E_MALFORMED_ACL;
    }

    return err;
}


static cos_err_e
read_owner(cos_acl_grant_t *owner, const xmlNode *node, cos_alloc_t *a)
{
    xmlNode    *child;
    cos_err_e   err;
    cos_str_t   s;

    for (child = cos_xml_first(node);
         child != NULL;
         child = cos_xml_next(child))
    {
        if (!cos_xml_is(child, "ID")) {
            continue;
        }

        err = cos_xml_token(&s, child, a);
        if (err != COS_OK) {
            return err;
        }

        /* what is no id is nobody's */
        if (s.len && cos_acl_id(owner, s) != COS_OK) {
            owner->uid = UINT64_MAX;
        }
    }

    return COS_OK;
}


static cos_err_e
read_grants(cos_acl_list_t *l, const xmlNode *list, cos_alloc_t *a)
{
    xmlNode    *node;
    cos_err_e   err;

    for (node = cos_xml_first(list); node != NULL; node = cos_xml_next(node)) {
        if (!cos_xml_is(node, "Grant")) {
            return COS_E_MALFORMED_ACL;
        }

        err = read_grant(l, node, a);
        if (err != COS_OK) {
            return err;
        }
    }

    return COS_OK;
}


static cos_err_e
read_grant(cos_acl_list_t *l, const xmlNode *grant, cos_alloc_t *a)
{
    int               grantees;
    xmlNode          *node;
    cos_err_e         err;
    cos_str_t         s;
    cos_acl_grant_t   g;

    memset(&g, 0, sizeof(g));
    grantees = 0;

    for (node = cos_xml_first(grant); node != NULL; node = cos_xml_next(node))
    {
        if (cos_xml_is(node, "Grantee") && grantees++ == 0) {
            err = read_grantee(&g, node, a);
            if (err != COS_OK) {
                return err;
            }

        } else if (cos_xml_is(node, "Permission") && g.may == 0) {
            err = cos_xml_token(&s, node, a);
            if (err != COS_OK) {
                return err;
            }

            g.may = cos_grant_bit(s);
            if (g.may == 0) {
                return COS_E_MALFORMED_ACL;
            }

        } else {
            return COS_E_MALFORMED_ACL;
        }
    }

    return grantees == 1 && g.may != 0 ? cos_acl_add(l, &g)
                                       : COS_E_MALFORMED_ACL;
}


static cos_err_e
read_grantee(cos_acl_grant_t *g, const xmlNode *grantee, cos_alloc_t *a)
{
    int         n;
    xmlNode    *node;
    cos_err_e   err;
    cos_str_t   s;

    n = 0;

    for (node = cos_xml_first(grantee);
         node != NULL;
         node = cos_xml_next(node))
    {
        if (cos_xml_is(node, "DisplayName")) {
            continue;
        }

        err = cos_xml_token(&s, node, a);

        if (err == COS_OK) {
            err = n++ == 0 ? read_account(g, node, s) : COS_E_MALFORMED_ACL;
        }

        if (err != COS_OK) {
            return err;
        }
    }

    return n == 1 ? COS_OK : COS_E_MALFORMED_ACL;
}


static cos_err_e
read_account(cos_acl_grant_t *g, const xmlNode *node, cos_str_t text)
{
    if (cos_xml_is(node, "ID")) {
        return cos_acl_id(g, text);
    }

    if (cos_xml_is(node, "URI")) {
        return cos_acl_uri(g, text);
    }

    if (cos_xml_is(node, "EmailAddress")) {
        return COS_E_GRANT_EMAIL;
    }

    if (cos_xml_is(node, "uin") || cos_xml_is(node, "Subaccount")) {
        /* RootAccount and SubAccount of COS' first years */
        return cos_acl_id(g, text);
    }

    return COS_E_MALFORMED_ACL;
}
