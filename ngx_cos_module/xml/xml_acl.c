/*
 * xml: ACL documents. Only canned ACLs are stored, so a document is written
 * from the grants that a canned ACL stands for, and a document read must
 * grant exactly what one of them does.
 */

#include "xml.h"

#define GROUP_COS  "http://cam.qcloud.com/groups/global/"
#define GROUP_S3   "http://acs.amazonaws.com/groups/global/"
#define XSI        " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\""

static void grants(cos_buf_t *b, cos_dialect_e d, cos_grantee_e who,
    unsigned may, uint64_t uid);
static cos_err_e read_grants(cos_grants_t *g, const xmlNode *list,
    uint64_t owner, uint64_t bucket_owner, cos_alloc_t *a);
static cos_err_e read_grant(cos_grants_t *g, const xmlNode *grant,
    uint64_t owner, uint64_t bucket_owner, cos_alloc_t *a);
static cos_err_e read_grantee(int *who, const xmlNode *grantee,
    uint64_t owner, uint64_t bucket_owner, cos_alloc_t *a);
static int group_of_uri(cos_str_t uri);


/* What each grants beyond the owner's FULL_CONTROL. DEFAULT shows as the
 * owner alone: what the bucket adds is not the object's own. */
static const cos_grants_t  canned[COS_ACL_MAX] = {
    [COS_ACL_PUBLIC_READ] = { { [COS_GRANT_ALL] = COS_MAY_READ } },
    [COS_ACL_PUBLIC_READ_WRITE] = {
        { [COS_GRANT_ALL] = COS_MAY_READ | COS_MAY_WRITE } },
    [COS_ACL_AUTHENTICATED_READ] = {
        { [COS_GRANT_AUTHENTICATED] = COS_MAY_READ } },
    [COS_ACL_BUCKET_OWNER_READ] = {
        { [COS_GRANT_BUCKET_OWNER] = COS_MAY_READ } },
    [COS_ACL_BUCKET_OWNER_FULL] = {
        { [COS_GRANT_BUCKET_OWNER] = COS_MAY_ALL } },
};

static const char *const  permissions[] = {
    "READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL"
};

#define NPERMISSIONS  (sizeof(permissions) / sizeof(permissions[0]))


/* --- grants --------------------------------------------------------------- */

void
cos_grants_of_acl(cos_grants_t *g, cos_acl_e acl, int same_owner)
{
    *g = canned[(unsigned) acl < COS_ACL_MAX ? acl : COS_ACL_PRIVATE];
    g->may[COS_GRANT_OWNER] = COS_MAY_ALL;

    if (same_owner) {
        g->may[COS_GRANT_BUCKET_OWNER] = 0;
    }
}


cos_err_e
cos_grants_to_acl(const cos_grants_t *g, cos_acl_e *acl)
{
    int  i, who;

    for (i = COS_ACL_PRIVATE; i < COS_ACL_MAX; i++) {

        /* the owner has full control, whatever the document says of him */
        for (who = COS_GRANT_OWNER + 1; who < COS_GRANT_MAX; who++) {
            if (g->may[who] != canned[i].may[who]) {
                break;
            }
        }

        if (who == COS_GRANT_MAX) {
            *acl = (cos_acl_e) i;
            return COS_OK;
        }
    }

    return COS_E_NOT_IMPLEMENTED;
}


const char *
cos_grant_name(unsigned bit)
{
    size_t  i;

    for (i = 0; i < NPERMISSIONS - 1; i++) {
        if (bit == 1u << i) {
            break;
        }
    }

    return permissions[i];
}


unsigned
cos_grant_bit(cos_str_t name)
{
    size_t  i;

    for (i = 0; i < NPERMISSIONS; i++) {
        if (cos_str_is(name, permissions[i])) {
            return 1u << i;
        }
    }

    return 0;
}


/* COS has two forms of ids, and clients put either into an ACL. */
static int
is_id_of(cos_str_t id, uint64_t uid)
{
    size_t       i;
    cos_u8       space[128];          /* enough for every form */
    cos_buf_t    b;

    static const struct {
        cos_dialect_e  dialect;
        int            listing;
    } forms[] = {
        { COS_DIALECT_COS, 0 }, { COS_DIALECT_COS, 1 },
        { COS_DIALECT_S3, 0 }, { COS_DIALECT_BOS, 0 },
    };

    for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        b = (cos_buf_t) { .data = space, .cap = sizeof(space) };

        cos_owner_id(&b, forms[i].dialect, forms[i].listing, uid);

        if (!b.err && cos_str_eq(id, (cos_str_t) { b.len, b.data })) {
            return 1;
        }
    }

    return 0;
}


int
cos_grantee_of_id(cos_str_t id, uint64_t owner, uint64_t bucket_owner)
{
    if (cos_str_is(id, "qcs::cam::anyone:anyone") || cos_str_is(id, "*")) {
        return COS_GRANT_ALL;
    }

    if (is_id_of(id, owner)) {
        return COS_GRANT_OWNER;
    }

    return is_id_of(id, bucket_owner) ? COS_GRANT_BUCKET_OWNER : -1;
}


/* --- writing -------------------------------------------------------------- */

void
cos_xml_acl(cos_buf_t *b, cos_dialect_e d, uint64_t owner,
    uint64_t bucket_owner, cos_acl_e acl)
{
    int           who;
    cos_grants_t  g;

    if (d == COS_DIALECT_BOS) {
        cos_bos_acl(b, owner, bucket_owner, acl);
        return;
    }

    cos_grants_of_acl(&g, acl, owner == bucket_owner);

    cos_xml_root(b, d, "AccessControlPolicy");
    cos_buf_lit(b, "<Owner><ID>");
    cos_owner_id(b, d, 0, owner);
    cos_buf_lit(b, "</ID><DisplayName>");
    cos_owner_id(b, d, 0, owner);
    cos_buf_lit(b, "</DisplayName></Owner><AccessControlList>");

    for (who = 0; who < COS_GRANT_MAX; who++) {
        grants(b, d, (cos_grantee_e) who, g.may[who],
               who == COS_GRANT_OWNER ? owner : bucket_owner);
    }

    cos_buf_lit(b, "</AccessControlList>");
    cos_xml_close(b, "AccessControlPolicy");
}


/* One Grant for each permission. */
static void
grants(cos_buf_t *b, cos_dialect_e d, cos_grantee_e who, unsigned may,
    uint64_t uid)
{
    unsigned  bit;

    for (bit = 1; bit <= COS_MAY_ALL; bit <<= 1) {
        if (!(may & bit)) {
            continue;
        }

        if (who == COS_GRANT_ALL || who == COS_GRANT_AUTHENTICATED) {
            cos_buf_lit(b, "<Grant><Grantee" XSI " xsi:type=\"Group\"><URI>");
            cos_buf_cstr(b, d == COS_DIALECT_S3 ? GROUP_S3 : GROUP_COS);
            cos_buf_cstr(b, who == COS_GRANT_ALL ? "AllUsers"
                                                 : "AuthenticatedUsers");
            cos_buf_lit(b, "</URI>");

        } else {
            cos_buf_lit(b, "<Grant><Grantee" XSI
                           " xsi:type=\"CanonicalUser\"><ID>");
            cos_owner_id(b, d, 0, uid);
            cos_buf_lit(b, "</ID><DisplayName>");
            cos_owner_id(b, d, 0, uid);
            cos_buf_lit(b, "</DisplayName>");
        }

        cos_buf_lit(b, "</Grantee>");
        cos_xml_elem_cstr(b, "Permission", cos_grant_name(bit));
        cos_buf_lit(b, "</Grant>");
    }
}


/* --- reading -------------------------------------------------------------- */

cos_err_e
cos_xml_parse_acl(cos_str_t text, uint64_t owner, uint64_t bucket_owner,
    cos_acl_e *acl, cos_alloc_t *a)
{
    int           lists;
    xmlDoc       *doc;
    xmlNode      *node;
    cos_err_e     err;
    cos_grants_t  g;

    static const cos_xml_limits_t  limits = { COS_XML_SMALL_SIZE, 4096 };

    if (cos_bos_is_json(text)) {
        return cos_bos_parse_acl(text, owner, bucket_owner, acl);
    }

    err = cos_xml_read(&doc, text, "AccessControlPolicy", &limits);
    if (err != COS_OK) {
        return err;
    }

    memset(&g, 0, sizeof(g));
    lists = 0;

    for (node = cos_xml_first(xmlDocGetRootElement(doc));
         node != NULL && err == COS_OK;
         node = cos_xml_next(node))
    {
        if (cos_xml_is(node, "AccessControlList")) {
            lists++;
            err = read_grants(&g, node, owner, bucket_owner, a);
        }
    }

    xmlFreeDoc(doc);

    if (err == COS_OK && lists != 1) {
        err = COS_E_MALFORMED_XML;
    }

    return err == COS_OK ? cos_grants_to_acl(&g, acl) : err;
}


static cos_err_e
read_grants(cos_grants_t *g, const xmlNode *list, uint64_t owner,
    uint64_t bucket_owner, cos_alloc_t *a)
{
    xmlNode    *node;
    cos_err_e   err;

    for (node = cos_xml_first(list); node != NULL; node = cos_xml_next(node)) {
        if (!cos_xml_is(node, "Grant")) {
            return COS_E_MALFORMED_XML;
        }

        err = read_grant(g, node, owner, bucket_owner, a);
        if (err != COS_OK) {
            return err;
        }
    }

    return COS_OK;
}


static cos_err_e
read_grant(cos_grants_t *g, const xmlNode *grant, uint64_t owner,
    uint64_t bucket_owner, cos_alloc_t *a)
{
    int         who;
    unsigned    bit;
    xmlNode    *node;
    cos_err_e   err;
    cos_str_t   s;

    who = COS_GRANT_MAX;
    bit = 0;

    for (node = cos_xml_first(grant); node != NULL; node = cos_xml_next(node))
    {
        if (cos_xml_is(node, "Grantee") && who == COS_GRANT_MAX) {
            err = read_grantee(&who, node, owner, bucket_owner, a);
            if (err != COS_OK) {
                return err;
            }

        } else if (cos_xml_is(node, "Permission") && bit == 0) {
            err = cos_xml_token(&s, node, a);
            if (err != COS_OK) {
                return err;
            }

            bit = cos_grant_bit(s);
            if (bit == 0) {
                return COS_E_MALFORMED_XML;
            }

        } else {
            return COS_E_MALFORMED_XML;
        }
    }

    if (who == COS_GRANT_MAX || bit == 0) {
        return COS_E_MALFORMED_XML;
    }

    if (who < 0) {
        return COS_E_NOT_IMPLEMENTED;
    }

    g->may[who] |= bit;

    return COS_OK;
}


/* By ID or URI: xsi:type is not always there. *who is -1 for a grantee that no
 * canned ACL has. */
static cos_err_e
read_grantee(int *who, const xmlNode *grantee, uint64_t owner,
    uint64_t bucket_owner, cos_alloc_t *a)
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
        err = cos_xml_token(&s, node, a);
        if (err != COS_OK) {
            return err;
        }

        if (cos_xml_is(node, "ID")) {
            *who = cos_grantee_of_id(s, owner, bucket_owner);
            n++;

        } else if (cos_xml_is(node, "URI")) {
            *who = group_of_uri(s);
            n++;

        } else if (!cos_xml_is(node, "DisplayName")) {
            /* an address to look up, or an old form of account */
            *who = -1;
            n++;
        }
    }

    return n == 1 ? COS_OK : COS_E_MALFORMED_XML;
}


static int
group_of_uri(cos_str_t uri)
{
    if (cos_str_is(uri, GROUP_COS "AllUsers")
        || cos_str_is(uri, GROUP_S3 "AllUsers"))
    {
        return COS_GRANT_ALL;
    }

    if (cos_str_is(uri, GROUP_COS "AuthenticatedUsers")
        || cos_str_is(uri, GROUP_S3 "AuthenticatedUsers"))
    {
        return COS_GRANT_AUTHENTICATED;
    }

    return -1;
}
