/*
 * xml: what all documents are written with. No snprintf and no intermediate
 * copies: a listing of a thousand keys is built on nginx's event loop.
 */

#include <libxml/parser.h>

#include "xml.h"

void
cos_xml_init(void)
{
    LIBXML_TEST_VERSION
    xmlInitParser();

    /* jansson seeds its tables at first use; that is not thread-safe */
    json_object_seed(0);
}


/* --- text ----------------------------------------------------------------- */

/* What the byte is in element content: 0 itself, 1 see replacement(), 2 the
 * start of a longer character, 3 nothing that XML can carry. */
static const cos_u8  classes[256] = {
    [0 ... 8] = 3, ['\t'] = 1, ['\n'] = 1, [11 ... 12] = 3, ['\r'] = 1,
    [14 ... 31] = 3,
    ['"'] = 1, ['&'] = 1, ['<'] = 1, ['>'] = 1,
    [0x80 ... 0xc1] = 3, [0xc2 ... 0xf4] = 2, [0xf5 ... 0xff] = 3,
};


static const char *
replacement(cos_u8 c)
{
    switch (c) {
    case '"':
        return "&quot;";
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '\t':
        return "&#9;";
    case '\n':
        return "&#10;";
    default:
        /* raw, a parser would read a line feed instead */
        return "&#13;";
    }
}


void
cos_xml_text(cos_buf_t *b, cos_str_t s)
{
    size_t         n;
    const cos_u8  *p, *run, *end;

    p = s.data;
    run = p;
    end = p + s.len;

    while (p < end) {

        switch (classes[*p]) {

        case 0:
            p++;
            continue;

        case 2:
            n = cos_xml_char_len(p, end);
            if (n > 0) {
                p += n;
                continue;
            }

            /* fall through */

        case 3:
            cos_buf_add(b, run, p - run);
            cos_buf_lit(b, "\xef\xbf\xbd");
            break;

        default:
            cos_buf_add(b, run, p - run);
            cos_buf_cstr(b, replacement(*p));
            break;
        }

        run = ++p;
    }

    cos_buf_add(b, run, p - run);
}


size_t
cos_xml_char_len(const cos_u8 *p, const cos_u8 *end)
{
    size_t    i, n;
    uint32_t  c;

    static const uint32_t  least[] = { 0, 0, 0x80, 0x800, 0x10000 };

    n = *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;

    if (classes[*p] != 2 || (size_t) (end - p) < n) {
        return 0;
    }

    c = *p & (0xff >> (n + 1));

    for (i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }

        c = c << 6 | (p[i] & 0x3f);
    }

    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)
        || c == 0xfffe || c == 0xffff)
    {
        return 0;
    }

    return n;
}


/* --- elements ------------------------------------------------------------- */

void
cos_xml_root(cos_buf_t *b, cos_dialect_e d, const char *root)
{
    if (d == COS_DIALECT_S3) {
        cos_buf_lit(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<");
        cos_buf_cstr(b, root);
        cos_buf_lit(b, " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
        return;
    }

    cos_buf_lit(b, "<?xml version='1.0' encoding='utf-8' ?>\n");
    cos_xml_open(b, root);
}


void
cos_xml_open(cos_buf_t *b, const char *name)
{
    cos_buf_char(b, '<');
    cos_buf_cstr(b, name);
    cos_buf_char(b, '>');
}


void
cos_xml_close(cos_buf_t *b, const char *name)
{
    cos_buf_lit(b, "</");
    cos_buf_cstr(b, name);
    cos_buf_char(b, '>');
}


void
cos_xml_elem(cos_buf_t *b, const char *name, cos_str_t s)
{
    cos_xml_open(b, name);
    cos_xml_text(b, s);
    cos_xml_close(b, name);
}


void
cos_xml_elem_cstr(cos_buf_t *b, const char *name, const char *s)
{
    cos_xml_elem(b, name, (cos_str_t) { strlen(s), (cos_u8 *) s });
}


void
cos_xml_elem_uint(cos_buf_t *b, const char *name, uint64_t n)
{
    cos_xml_open(b, name);
    cos_buf_uint(b, n);
    cos_xml_close(b, name);
}


void
cos_xml_elem_bool(cos_buf_t *b, const char *name, int yes)
{
    cos_xml_elem_cstr(b, name, yes ? "true" : "false");
}


void
cos_xml_elem_key(cos_buf_t *b, const char *name, cos_str_t s, int url)
{
    cos_xml_open(b, name);

    if (url) {
        cos_pct_encode(b, s, COS_ENC_SLASH);

    } else {
        cos_xml_text(b, s);
    }

    cos_xml_close(b, name);
}


void
cos_xml_elem_date(cos_buf_t *b, const char *name, int64_t msec, int with_msec)
{
    char  date[25];

    cos_xml_open(b, name);
    cos_buf_add(b, date, cos_iso8601(date, msec, with_msec));
    cos_xml_close(b, name);
}


void
cos_xml_elem_etag(cos_buf_t *b, const cos_object_t *o)
{
    char  etag[40];

    cos_buf_lit(b, "<ETag>&quot;");
    cos_buf_add(b, etag, cos_object_etag(etag, o->etag, o->parts));
    cos_buf_lit(b, "&quot;</ETag>");
}


/* --- checksums ------------------------------------------------------------ */

void
cos_xml_sum_text(cos_buf_t *b, const cos_object_t *o)
{
    cos_base64(b, o->sum, cos_sum_len(o->sum_type));

    if (o->flags & COS_F_SUM_COMPOSITE) {
        cos_buf_char(b, '-');
        cos_buf_uint(b, o->parts);
    }
}


void
cos_xml_elem_sum(cos_buf_t *b, const cos_object_t *o)
{
    const char  *name;

    if (o->sum_type == COS_SUM_NONE) {
        return;
    }

    name = cos_sum_name(o->sum_type);

    cos_buf_lit(b, "<Checksum");
    cos_buf_cstr(b, name);
    cos_buf_char(b, '>');
    cos_xml_sum_text(b, o);
    cos_buf_lit(b, "</Checksum");
    cos_buf_cstr(b, name);
    cos_buf_char(b, '>');
}


void
cos_xml_elem_sum_type(cos_buf_t *b, const cos_object_t *o)
{
    if (o->sum_type == COS_SUM_NONE) {
        return;
    }

    cos_xml_elem_cstr(b, "ChecksumType", o->flags & COS_F_SUM_COMPOSITE
                                         ? "COMPOSITE" : "FULL_OBJECT");
}


/* --- owners --------------------------------------------------------------- */

static void
hashed_id(cos_buf_t *b, uint64_t uid, size_t digits)
{
    char  hex[COS_ACCOUNT_ID_LEN];

    if (cos_account_id(hex, uid) != 0) {
        b->err = 1;
        return;
    }

    cos_buf_add(b, hex, digits);
}


void
cos_owner_id(cos_buf_t *b, cos_dialect_e d, int listing, uint64_t uid)
{
    if (d == COS_DIALECT_S3) {
        hashed_id(b, uid, 64);

    } else if (d == COS_DIALECT_BOS) {
        hashed_id(b, uid, 32);

    } else if (listing) {
        cos_buf_uint(b, uid);

    } else {
        cos_buf_lit(b, "qcs::cam::uin/");
        cos_buf_uint(b, uid);
        cos_buf_lit(b, ":uin/");
        cos_buf_uint(b, uid);
    }
}


void
cos_xml_elem_owner(cos_buf_t *b, cos_dialect_e d, const char *name,
    int listing, uint64_t uid)
{
    cos_xml_open(b, name);
    cos_buf_lit(b, "<ID>");
    cos_owner_id(b, d, listing, uid);
    cos_buf_lit(b, "</ID><DisplayName>");
    cos_buf_uint(b, uid);
    cos_buf_lit(b, "</DisplayName>");
    cos_xml_close(b, name);
}


void
cos_xml_prefixes(cos_buf_t *b, const cos_str_t *v, size_t n, int url)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        cos_buf_lit(b, "<CommonPrefixes>");
        cos_xml_elem_key(b, "Prefix", v[i], url);
        cos_buf_lit(b, "</CommonPrefixes>");
    }
}
