/*
 * xml: RestoreRequest, Retention and LegalHold.
 */

#include "cos_xml_lock.h"
#include "xml.h"

static cos_err_e restore_child(const xmlNode *node, cos_str_t *days,
    cos_str_t *tier, cos_alloc_t *a);
static cos_err_e leaf(cos_str_t *s, const xmlNode *node, cos_alloc_t *a);


static const cos_xml_limits_t  limits = { COS_XML_SMALL_SIZE, 4096 };


/* --- restoring ------------------------------------------------------------ */

cos_err_e
cos_xml_parse_restore(cos_str_t text, uint64_t *days, cos_tier_e *tier,
    cos_alloc_t *a)
{
    int         t;
    xmlDoc     *doc;
    xmlNode    *node;
    cos_str_t   d, name;
    cos_err_e   err;

    memset(&d, 0, sizeof(d));
    memset(&name, 0, sizeof(name));

    err = cos_xml_read(&doc, text, "RestoreRequest", &limits);
    if (err != COS_OK) {
        return err;
    }

    for (node = cos_xml_first(xmlDocGetRootElement(doc));
         node != NULL && err == COS_OK;
         node = cos_xml_next(node))
    {
        err = restore_child(node, &d, &name, a);
    }

    xmlFreeDoc(doc);

    if (err != COS_OK) {
        return err;
    }

    if (cos_str_uint(d, days) != 0) {
        return COS_E_MALFORMED_XML;
    }

    t = name.data != NULL ? cos_tier_parse(name) : COS_TIER_STANDARD;

    if (t < 0 || *days == 0) {
        return COS_E_INVALID_ARGUMENT;
    }

    *tier = (cos_tier_e) t;

    return COS_OK;
}


static cos_err_e
restore_child(const xmlNode *node, cos_str_t *days, cos_str_t *tier,
    cos_alloc_t *a)
{
    xmlNode    *child;
    cos_err_e   err;

    if (cos_xml_is(node, "Days")) {
        return leaf(days, node, a);
    }

    if (cos_xml_is(node, "Tier")) {
        return leaf(tier, node, a);
    }

    if (cos_xml_is(node, "CASJobParameters")
        || cos_xml_is(node, "GlacierJobParameters"))
    {
        for (child = cos_xml_first(node);
             child != NULL;
             child = cos_xml_next(child))
        {
            if (!cos_xml_is(child, "Tier")) {
                return COS_E_MALFORMED_XML;
            }

            err = leaf(tier, child, a);
            if (err != COS_OK) {
                return err;
            }
        }

        return COS_OK;
    }

    if (cos_xml_is(node, "Type") || cos_xml_is(node, "SelectParameters")
        || cos_xml_is(node, "OutputLocation"))
    {
        return COS_E_NOT_IMPLEMENTED;
    }

    /* a note of the client's to himself */
    return cos_xml_is(node, "Description") ? COS_OK : COS_E_MALFORMED_XML;
}


/* The text of an element that may be there once. */
static cos_err_e
leaf(cos_str_t *s, const xmlNode *node, cos_alloc_t *a)
{
    return s->data != NULL ? COS_E_MALFORMED_XML : cos_xml_token(s, node, a);
}


/* --- object lock ---------------------------------------------------------- */

cos_err_e
cos_xml_parse_retention(cos_str_t text, cos_retention_t *r, cos_alloc_t *a)
{
    int         m;
    xmlDoc     *doc;
    xmlNode    *node;
    cos_str_t   mode, until;
    cos_err_e   err;

    memset(r, 0, sizeof(*r));
    memset(&mode, 0, sizeof(mode));
    memset(&until, 0, sizeof(until));

    err = cos_xml_read(&doc, text, "Retention", &limits);
    if (err != COS_OK) {
        return err;
    }

    for (node = cos_xml_first(xmlDocGetRootElement(doc));
         node != NULL && err == COS_OK;
         node = cos_xml_next(node))
    {
        err = cos_xml_is(node, "Mode") ? leaf(&mode, node, a)
              : cos_xml_is(node, "RetainUntilDate") ? leaf(&until, node, a)
              : COS_E_MALFORMED_XML;
    }

    xmlFreeDoc(doc);

    if (err != COS_OK || (mode.len == 0 && until.len == 0)) {
        return err;
    }

    m = cos_lock_mode_parse(mode);

    if (m < 0 || cos_retention_date(&r->until, until) != 0) {
        return COS_E_MALFORMED_XML;
    }

    r->mode = (cos_lock_mode_e) m;

    return COS_OK;
}


void
cos_xml_retention(cos_buf_t *b, cos_dialect_e d, const cos_retention_t *r)
{
    cos_xml_root(b, d, "Retention");
    cos_xml_elem_cstr(b, "Mode", cos_lock_mode_name(r->mode));
    cos_xml_elem_date(b, "RetainUntilDate", (int64_t) r->until, 1);
    cos_xml_close(b, "Retention");
}


cos_err_e
cos_xml_parse_legal_hold(cos_str_t text, int *on, cos_alloc_t *a)
{
    xmlDoc     *doc;
    xmlNode    *node;
    cos_str_t   status;
    cos_err_e   err;

    memset(&status, 0, sizeof(status));

    err = cos_xml_read(&doc, text, "LegalHold", &limits);
    if (err != COS_OK) {
        return err;
    }

    for (node = cos_xml_first(xmlDocGetRootElement(doc));
         node != NULL && err == COS_OK;
         node = cos_xml_next(node))
    {
        err = cos_xml_is(node, "Status") ? leaf(&status, node, a)
                                         : COS_E_MALFORMED_XML;
    }

    xmlFreeDoc(doc);

    if (err != COS_OK) {
        return err;
    }

    *on = cos_str_is(status, "ON");

    return *on || cos_str_is(status, "OFF") ? COS_OK : COS_E_MALFORMED_XML;
}


void
cos_xml_legal_hold(cos_buf_t *b, cos_dialect_e d, int on)
{
    cos_xml_root(b, d, "LegalHold");
    cos_xml_elem_cstr(b, "Status", on ? "ON" : "OFF");
    cos_xml_close(b, "LegalHold");
}
