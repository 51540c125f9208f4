/*
 * xml, BOS dialect: the pieces of JSON documents, and the small documents.
 * Whether a comma is due shows in the byte before: an object or array just
 * opened wants none, everything else does.
 */

#include "xml.h"

static void separate(cos_buf_t *b);
static void permissions(cos_buf_t *b, unsigned may);


/* --- pieces --------------------------------------------------------------- */

static void
separate(cos_buf_t *b)
{
    if (!b->err && b->len > 0 && b->data[b->len - 1] != '{'
        && b->data[b->len - 1] != '[')
    {
        cos_buf_char(b, ',');
    }
}


/* The escape of a byte that cannot stand in a JSON string. */
static void
escape(cos_buf_t *b, cos_u8 c)
{
    static const char  digits[] = "0123456789abcdef";

    if (c == '"' || c == '\\') {
        cos_buf_char(b, '\\');
        cos_buf_char(b, c);
        return;
    }

    cos_buf_lit(b, "\\u00");
    cos_buf_char(b, digits[c >> 4]);
    cos_buf_char(b, digits[c & 15]);
}


void
cos_bos_string(cos_buf_t *b, cos_str_t s)
{
    size_t         n;
    const cos_u8  *p, *run, *end;

    p = s.data;
    run = p;
    end = p + s.len;

    cos_buf_char(b, '"');

    while (p < end) {

        if (*p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\') {
            p++;
            continue;
        }

        n = *p < 0x80 ? 0 : cos_xml_char_len(p, end);
        if (n > 0) {
            p += n;
            continue;
        }

        cos_buf_add(b, run, p - run);

        if (*p < 0x80) {
            escape(b, *p);

        } else {
            cos_buf_lit(b, "\xef\xbf\xbd");
        }

        run = ++p;
    }

    cos_buf_add(b, run, p - run);
    cos_buf_char(b, '"');
}


void
cos_bos_name(cos_buf_t *b, const char *name)
{
    separate(b);
    cos_buf_char(b, '"');
    cos_buf_cstr(b, name);
    cos_buf_lit(b, "\":");
}


void
cos_bos_str(cos_buf_t *b, const char *name, cos_str_t s)
{
    cos_bos_name(b, name);
    cos_bos_string(b, s);
}


void
cos_bos_cstr(cos_buf_t *b, const char *name, const char *s)
{
    cos_bos_str(b, name, (cos_str_t) { strlen(s), (cos_u8 *) s });
}


void
cos_bos_key(cos_buf_t *b, const char *name, cos_str_t s, int url)
{
    if (!url) {
        cos_bos_str(b, name, s);
        return;
    }

    cos_bos_name(b, name);
    cos_buf_char(b, '"');
    cos_pct_encode(b, s, COS_ENC_SLASH);
    cos_buf_char(b, '"');
}


void
cos_bos_uint(cos_buf_t *b, const char *name, uint64_t n)
{
    cos_bos_name(b, name);
    cos_buf_uint(b, n);
}


void
cos_bos_bool(cos_buf_t *b, const char *name, int yes)
{
    cos_bos_name(b, name);
    cos_buf_cstr(b, yes ? "true" : "false");
}


void
cos_bos_date(cos_buf_t *b, const char *name, int64_t msec)
{
    char  date[25];

    cos_bos_name(b, name);
    cos_buf_char(b, '"');
    cos_buf_add(b, date, cos_iso8601(date, msec, 0));
    cos_buf_char(b, '"');
}


void
cos_bos_etag(cos_buf_t *b, const cos_object_t *o)
{
    char  etag[40];

    cos_bos_name(b, "eTag");
    cos_buf_char(b, '"');
    cos_buf_add(b, etag, cos_object_etag(etag, o->etag, o->parts));
    cos_buf_char(b, '"');
}


void
cos_bos_owner(cos_buf_t *b, const char *name, uint64_t uid)
{
    cos_bos_name(b, name);
    cos_buf_lit(b, "{\"id\":\"");
    cos_owner_id(b, COS_DIALECT_BOS, 0, uid);
    cos_buf_lit(b, "\",\"displayName\":\"");
    cos_buf_uint(b, uid);
    cos_buf_lit(b, "\"}");
}


void
cos_bos_item(cos_buf_t *b)
{
    separate(b);
    cos_buf_char(b, '{');
}


void
cos_bos_prefixes(cos_buf_t *b, const cos_str_t *v, size_t n, int url)
{
    size_t  i;

    cos_bos_name(b, "commonPrefixes");
    cos_buf_char(b, '[');

    for (i = 0; i < n; i++) {
        cos_bos_item(b);
        cos_bos_key(b, "prefix", v[i], url);
        cos_buf_char(b, '}');
    }

    cos_buf_char(b, ']');
}


/* --- documents ------------------------------------------------------------ */

void
cos_bos_error(cos_buf_t *b, const cos_xml_error_t *e, const char *code,
    const char *message)
{
    cos_buf_char(b, '{');
    cos_bos_cstr(b, "code", code);
    cos_bos_cstr(b, "message", message);
    cos_bos_str(b, "requestId", e->request_id);
    cos_buf_char(b, '}');
}


void
cos_bos_location(cos_buf_t *b, cos_str_t region)
{
    cos_buf_char(b, '{');
    cos_bos_str(b, "locationConstraint", region);
    cos_buf_char(b, '}');
}


/* BOS knows no signed-in users as a group: nothing stands for that grant. */
void
cos_bos_acl(cos_buf_t *b, uint64_t owner, const cos_acl_list_t *l)
{
    size_t                  i;
    const cos_acl_grant_t  *g;

    cos_buf_char(b, '{');
    cos_bos_owner(b, "owner", owner);
    cos_bos_name(b, "accessControlList");
    cos_buf_char(b, '[');

    for (i = 0; i < l->n; i++) {
        g = &l->v[i];

        if (g->to == COS_TO_AUTHENTICATED || g->to == COS_TO_LOG) {
            continue;
        }

        cos_bos_item(b);
        cos_bos_name(b, "grantee");
        cos_buf_lit(b, "[{\"id\":\"");

        if (g->to == COS_TO_ALL) {
            cos_buf_char(b, '*');

        } else if (g->sub) {
            cos_buf_uint(b, g->uid);
            cos_buf_char(b, '/');
            cos_buf_uint(b, g->sub);

        } else {
            cos_owner_id(b, COS_DIALECT_BOS, 0, g->uid);
        }

        cos_buf_lit(b, "\"}]");
        permissions(b, g->may);
        cos_buf_char(b, '}');
    }

    cos_buf_lit(b, "]}");
}


static void
permissions(cos_buf_t *b, unsigned may)
{
    unsigned  bit;

    cos_bos_name(b, "permission");
    cos_buf_char(b, '[');

    for (bit = 1; bit <= COS_MAY_ALL; bit <<= 1) {
        if (may & bit) {
            separate(b);
            cos_buf_char(b, '"');
            cos_buf_cstr(b, cos_grant_name(bit));
            cos_buf_char(b, '"');
        }
    }

    cos_buf_char(b, ']');
}


void
cos_bos_initiate(cos_buf_t *b, cos_str_t bucket, cos_str_t key,
    cos_str_t upload)
{
    cos_buf_char(b, '{');
    cos_bos_str(b, "bucket", bucket);
    cos_bos_str(b, "key", key);
    cos_bos_str(b, "uploadId", upload);
    cos_buf_char(b, '}');
}


void
cos_bos_complete(cos_buf_t *b, cos_str_t location, cos_str_t bucket,
    cos_str_t key, const cos_object_t *o)
{
    cos_buf_char(b, '{');
    cos_bos_str(b, "location", location);
    cos_bos_str(b, "bucket", bucket);
    cos_bos_str(b, "key", key);
    cos_bos_etag(b, o);
    cos_buf_char(b, '}');
}


void
cos_bos_copy(cos_buf_t *b, const cos_object_t *o)
{
    cos_buf_char(b, '{');
    cos_bos_date(b, "lastModified", o->mtime);
    cos_bos_etag(b, o);
    cos_buf_char(b, '}');
}


void
cos_bos_delete_result(cos_buf_t *b, const cos_xml_delete_t *v, size_t n)
{
    size_t                 i;
    const cos_err_info_t  *info;

    cos_buf_char(b, '{');
    cos_bos_name(b, "errors");
    cos_buf_char(b, '[');

    for (i = 0; i < n; i++) {
        if (v[i].err == COS_OK) {
            continue;
        }

        info = cos_err_info(v[i].err);

        cos_bos_item(b);
        cos_bos_str(b, "key", v[i].key);
        cos_bos_cstr(b, "code", info->code);
        cos_bos_cstr(b, "message", info->message);
        cos_buf_char(b, '}');
    }

    cos_buf_lit(b, "]}");
}
