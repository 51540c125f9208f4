/*
 * xml, BOS dialect: documents that clients send, over jansson. As with XML, a
 * scanner of our own bounds what the parser may be made to build.
 */

#include "xml.h"

#define VALUE_MAX  (8 * COS_PARTS_MAX)

static int scan(cos_str_t text);
static cos_err_e read_json(json_t **root, cos_str_t text, size_t max);
static cos_err_e read_grant(cos_acl_list_t *l, json_t *grant, cos_alloc_t *a);
static cos_err_e read_permissions(unsigned *may, json_t *names);
static cos_err_e copy_string(cos_str_t *s, json_t *value, cos_alloc_t *a);


int
cos_bos_is_json(cos_str_t text)
{
    size_t  i;

    for (i = 0; i < text.len; i++) {
        if (text.data[i] != ' ' && text.data[i] != '\t'
            && text.data[i] != '\r' && text.data[i] != '\n')
        {
            return text.data[i] == '{';
        }
    }

    return 0;
}


/* The root has to be an object. json_decref it. */
static cos_err_e
read_json(json_t **root, cos_str_t text, size_t max)
{
    json_error_t  err;

    if (text.len > max) {
        return COS_E_XML_TOO_LARGE;
    }

    if (!scan(text)) {
        return COS_E_MALFORMED_XML;
    }

    *root = json_loadb((const char *) text.data, text.len,
                       JSON_REJECT_DUPLICATES, &err);

    if (*root == NULL) {
        return json_error_code(&err) == json_error_out_of_memory
               ? COS_E_INTERNAL : COS_E_MALFORMED_XML;
    }

    if (!json_is_object(*root)) {
        json_decref(*root);
        return COS_E_MALFORMED_XML;
    }

    return COS_OK;
}


/* Whether there are not too many values: commas and brackets outside of
 * strings. A string that does not end is left to the parser. */
static int
scan(cos_str_t text)
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < text.len; i++) {

        switch (text.data[i]) {

        case '"':
            for (i++; i < text.len && text.data[i] != '"'; i++) {
                i += text.data[i] == '\\';
            }

            break;

        case ',':
        case '[':
        case '{':
            if (++n > VALUE_MAX) {
                return 0;
            }

            break;
        }
    }

    return 1;
}


static cos_err_e
copy_string(cos_str_t *s, json_t *value, cos_alloc_t *a)
{
    if (!json_is_string(value)) {
        return COS_E_MALFORMED_XML;
    }

    return cos_dup(a, s, json_string_value(value), json_string_length(value))
           == 0 ? COS_OK : COS_E_INTERNAL;
}


/* {"objects":[{"key":"..."}]} */
cos_err_e
cos_bos_parse_delete(cos_str_t text, cos_xml_delete_t **v, size_t *n,
    int *quiet, cos_alloc_t *a)
{
    size_t      i, max;
    json_t     *root, *list;
    cos_err_e   err;

    *quiet = 1;

    err = read_json(&root, text, COS_XML_DELETE_SIZE);
    if (err != COS_OK) {
        return err;
    }

    list = json_object_get(root, "objects");
    max = json_array_size(list);

    if (max == 0 || max > COS_DELETE_MAX) {
        json_decref(root);
        return COS_E_MALFORMED_XML;
    }

    *v = cos_zalloc(a, max * sizeof(cos_xml_delete_t));
    if (*v == NULL) {
        err = COS_E_INTERNAL;
    }

    for (i = 0; i < max && err == COS_OK; i++) {
        err = copy_string(&(*v)[i].key,
                          json_object_get(json_array_get(list, i), "key"), a);

        if (err == COS_OK && (*v)[i].key.len == 0) {
            err = COS_E_MALFORMED_XML;
        }
    }

    *n = i;
    json_decref(root);

    return err;
}


/* {"parts":[{"partNumber":1,"eTag":"..."}]} */
cos_err_e
cos_bos_parse_complete(cos_str_t text, cos_xml_part_t **v, size_t *n,
    cos_alloc_t *a)
{
    size_t      i, max;
    json_t     *root, *list, *part, *number;
    uint64_t    last;
    cos_err_e   err;

    err = read_json(&root, text, COS_XML_COMPLETE_SIZE);
    if (err != COS_OK) {
        return err;
    }

    list = json_object_get(root, "parts");
    max = json_array_size(list);
    last = 0;

    *v = cos_zalloc(a, max * sizeof(cos_xml_part_t));

    if (max == 0) {
        err = COS_E_MALFORMED_XML;

    } else if (*v == NULL) {
        err = COS_E_INTERNAL;
    }

    for (i = 0; i < max && err == COS_OK; i++) {
        part = json_array_get(list, i);
        number = json_object_get(part, "partNumber");

        if (!json_is_integer(number)) {
            err = COS_E_MALFORMED_XML;
            break;
        }

        /* negative ones become too large */
        (*v)[i].number = (uint64_t) json_integer_value(number);
        err = copy_string(&(*v)[i].etag, json_object_get(part, "eTag"), a);

        if (err == COS_OK) {
            (*v)[i].etag = cos_xml_unquote((*v)[i].etag);
            err = (*v)[i].etag.len > 0
                  ? cos_xml_part_order((*v)[i].number, last)
                  : COS_E_MALFORMED_XML;
            last = (*v)[i].number;
        }
    }

    *n = i;
    json_decref(root);

    return err;
}


/* {"accessControlList":[{"grantee":[{"id":".."}],"permission":["READ"]}]} */
cos_err_e
cos_bos_parse_acl(cos_str_t text, cos_acl_list_t *l, cos_alloc_t *a)
{
    size_t      i;
    json_t     *root, *list, *grant;
    cos_err_e   err;

    err = read_json(&root, text, COS_XML_SMALL_SIZE);
    if (err != COS_OK) {
        return err;
    }

    list = json_object_get(root, "accessControlList");
    err = json_is_array(list) ? COS_OK : COS_E_MALFORMED_ACL;

    json_array_foreach(list, i, grant) {
        err = read_grant(l, grant, a);
        if (err != COS_OK) {
            break;
        }
    }

    json_decref(root);

    return err;
}


static cos_err_e
read_grant(cos_acl_list_t *l, json_t *grant, cos_alloc_t *a)
{
    size_t            i;
    json_t           *grantees, *value;
    unsigned          may;
    cos_err_e         err;
    cos_str_t         id;
    cos_acl_grant_t   g;

    /* conditions on addresses or referers and the like */
    if (json_object_size(grant) > 2) {
        return COS_E_NOT_IMPLEMENTED;
    }

    err = read_permissions(&may, json_object_get(grant, "permission"));
    if (err != COS_OK) {
        return err;
    }

    grantees = json_object_get(grant, "grantee");

    if (may == 0 || json_array_size(grantees) == 0) {
        return COS_E_MALFORMED_ACL;
    }

    json_array_foreach(grantees, i, value) {
        value = json_object_get(value, "id");

        if (!json_is_string(value)) {
            return COS_E_MALFORMED_ACL;
        }

        if (cos_dup(a, &id, json_string_value(value),
                    json_string_length(value))
            != 0)
        {
            return COS_E_INTERNAL;
        }

        err = cos_acl_id(&g, id);
        g.may = may;

        if (err == COS_OK) {
            err = cos_acl_add(l, &g);
        }

        if (err != COS_OK) {
            return err;
        }
    }

    return COS_OK;
}


static cos_err_e
read_permissions(unsigned *may, json_t *names)
{
    size_t     i;
    json_t    *value;
    unsigned   bit;

    *may = 0;

    json_array_foreach(names, i, value) {
        if (!json_is_string(value)) {
            return COS_E_MALFORMED_ACL;
        }

        bit = cos_grant_bit((cos_str_t) {
            json_string_length(value), (cos_u8 *) json_string_value(value)
        });

        if (bit == 0) {
            return COS_E_NOT_IMPLEMENTED;
        }

        *may |= bit;
    }

    return COS_OK;
}


cos_err_e
cos_bos_parse_create_bucket(cos_str_t text, cos_str_t *region, cos_alloc_t *a)
{
    json_t     *root, *value;
    cos_err_e   err;

    err = read_json(&root, text, COS_XML_SMALL_SIZE);
    if (err != COS_OK) {
        return err;
    }

    value = json_object_get(root, "locationConstraint");

    if (value != NULL) {
        err = copy_string(region, value, a);
    }

    json_decref(root);

    return err;
}
