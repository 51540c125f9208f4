/*
 * xml: the error document, the only one without a namespace in every dialect.
 */

#include "xml.h"

static const char *bos_code(cos_err_e err, const char *code);


void
cos_xml_error(cos_buf_t *b, cos_dialect_e d, const cos_xml_error_t *e)
{
    const char            *message;
    const cos_err_info_t  *info;

    info = cos_err_info(e->err == COS_OK ? COS_E_INTERNAL : e->err);
    message = e->message != NULL ? e->message : info->message;

    if (d == COS_DIALECT_BOS) {
        cos_bos_error(b, e, bos_code(e->err, info->code), message);
        return;
    }

    if (d == COS_DIALECT_S3) {
        cos_buf_lit(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");

    } else {
        cos_xml_root(b, d, "Error");
    }

    cos_xml_elem_cstr(b, "Code", info->code);
    cos_xml_elem_cstr(b, "Message", message);

    if (e->err == COS_E_INVALID_OBJECT_STATE && e->storage_class != NULL) {
        cos_xml_elem_cstr(b, "StorageClass", e->storage_class);
    }

    if (d == COS_DIALECT_S3) {
        if (e->bucket.len > 0) {
            cos_xml_elem(b, "BucketName", e->bucket);
        }

        if (e->key.len > 0) {
            cos_xml_elem(b, "Key", e->key);
        }
    }

    cos_xml_elem(b, "Resource", e->resource);
    cos_xml_elem(b, "RequestId", e->request_id);
    cos_xml_elem(b, d == COS_DIALECT_S3 ? "HostId" : "TraceId", e->trace_id);

    /* SDKs set their clocks right by it and try again */
    if (e->err == COS_E_TIME_SKEWED || e->err == COS_E_EXPIRED) {
        cos_xml_elem_date(b, "ServerTime", e->now * 1000, 0);
    }

    cos_buf_lit(b, "</Error>");
}


/* Where BOS has another name for it. */
static const char *
bos_code(cos_err_e err, const char *code)
{
    switch (err) {

    case COS_E_EXPIRED:
    case COS_E_TIME_SKEWED:
        return "RequestExpired";

    case COS_E_MALFORMED_XML:
        return "MalformedJSON";

    default:
        return code;
    }
}
