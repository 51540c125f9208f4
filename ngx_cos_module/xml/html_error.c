/*
 * xml: errors of websites, which people read: HTML, with the same facts as the
 * documents of the API. The form is that of S3's website endpoints.
 */

#include "xml.h"
#include "cos_website.h"


const char *
cos_status_text(unsigned status)
{
    size_t  i;

    static const struct {
        unsigned     status;
        const char  *text;
    } texts[] = {
        { 301, "Moved Permanently" }, { 302, "Found" }, { 303, "See Other" },
        { 307, "Temporary Redirect" }, { 308, "Permanent Redirect" },
        { 400, "Bad Request" }, { 403, "Forbidden" }, { 404, "Not Found" },
        { 405, "Method Not Allowed" }, { 408, "Request Timeout" },
        { 412, "Precondition Failed" }, { 414, "URI Too Long" },
        { 416, "Requested Range Not Satisfiable" },
        { 429, "Too Many Requests" },
        { 500, "Internal Server Error" }, { 501, "Not Implemented" },
        { 503, "Service Unavailable" }, { 507, "Insufficient Storage" },
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].status == status) {
            return texts[i].text;
        }
    }

    return "";
}


static void
item(cos_buf_t *b, const char *name, cos_str_t value)
{
    if (value.len == 0) {
        return;
    }

    cos_buf_lit(b, "<li>");
    cos_buf_cstr(b, name);
    cos_buf_lit(b, ": ");
    cos_xml_text(b, value);
    cos_buf_lit(b, "</li>\n");
}


static cos_str_t
span(const char *s)
{
    return (cos_str_t) { strlen(s), (cos_u8 *) s };
}


static void
headline(cos_buf_t *b, unsigned status)
{
    cos_buf_uint(b, status);
    cos_buf_char(b, ' ');
    cos_buf_cstr(b, cos_status_text(status));
}


void
cos_html_error(cos_buf_t *b, const cos_site_error_t *e)
{
    const cos_err_info_t  *info = cos_err_info(e->err);

    cos_buf_lit(b, "<html>\n<head><title>");
    headline(b, info->status);
    cos_buf_lit(b, "</title></head>\n<body>\n<h1>");
    headline(b, info->status);
    cos_buf_lit(b, "</h1>\n<ul>\n");

    item(b, "Code", span(info->code));
    item(b, "Message", span(e->message ? e->message : info->message));
    item(b, "Key", e->key);
    item(b, "Method", e->method);
    item(b, "BucketName", e->bucket);
    item(b, "RequestId", e->request_id);
    item(b, "HostId", e->request_id);

    cos_buf_lit(b, "</ul>\n<hr/>\n</body>\n</html>\n");
}
