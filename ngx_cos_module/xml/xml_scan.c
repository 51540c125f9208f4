/*
 * xml: a look at an untrusted document before libxml2 gets it.
 *
 * libxml2 builds a tree of some hundred bytes for every tag, compares every
 * attribute of an element with every other one, obeys document types and
 * converts encodings. No document of the API needs many or long tags, a
 * document type or another encoding than UTF-8, so what has any of these is
 * refused here by a scanner that allocates nothing. It does not judge whether
 * the rest is well-formed; it only must not see fewer tags than libxml2 does,
 * which is why the encoding has to be settled first.
 */

#include "xml.h"

#define TAG_MAX        1024
#define ATTRIBUTE_MAX  16             /* of one tag */
#define DEPTH_MAX      16

typedef struct {
    const cos_u8  *p;
    const cos_u8  *end;
    unsigned       depth;
    size_t         pieces;            /* tags, attributes, comments */
} scan_t;

static int is_utf8(cos_str_t text);
static int declares_utf8(const cos_u8 *p, const cos_u8 *end);
static int scan_markup(scan_t *s);
static int scan_start_tag(scan_t *s);
static int skip_past(scan_t *s, const char *lit, size_t max);
static int begins(const cos_u8 *p, const cos_u8 *end, const char *lit);


cos_err_e
cos_xml_scan(cos_str_t text, const cos_xml_limits_t *limits)
{
    scan_t  s;

    if (text.len > limits->size) {
        return COS_E_XML_TOO_LARGE;
    }

    if (text.len == 0 || !is_utf8(text)) {
        return COS_E_MALFORMED_XML;
    }

    s.p = text.data;
    s.end = text.data + text.len;
    s.depth = 0;
    s.pieces = 0;

    while (s.pieces <= limits->pieces) {

        s.p = memchr(s.p, '<', s.end - s.p);
        if (s.p == NULL) {
            return COS_OK;
        }

        s.pieces++;

        if (!scan_markup(&s)) {
            return COS_E_MALFORMED_XML;
        }
    }

    return COS_E_XML_TOO_LARGE;
}


/* Whether libxml2 will take it for UTF-8 (or the ASCII part of it): nothing
 * is declared or detected that would make other bytes into markup. */
static int
is_utf8(cos_str_t text)
{
    const cos_u8  *p, *q, *end;

    p = text.data;
    end = p + text.len;

    /* UTF-16 and UTF-32 write ASCII with zero bytes */
    if (memchr(p, '\0', text.len) != NULL) {
        return 0;
    }

    if (begins(p, end, "\xef\xbb\xbf")) {
        p += 3;
    }

    for (q = p; q < end; q++) {
        if (*q != ' ' && *q != '\t' && *q != '\r' && *q != '\n') {
            break;
        }
    }

    if (q == end || *q != '<') {
        return 0;
    }

    return !begins(p, end, "<?xml") || declares_utf8(p, end);
}


/* Every "encoding" in the declaration has to name UTF-8; more than one is not
 * well-formed, but that need not be known here. */
static int
declares_utf8(const cos_u8 *p, const cos_u8 *end)
{
    cos_u8     quote;
    cos_str_t  name;

    for (/* void */; p < end && *p != '>'; p++) {

        if (!begins(p, end, "encoding")) {
            continue;
        }

        for (p += 8; p < end && *p != '"' && *p != '\''; p++) {
            if (*p == '>') {
                return 0;
            }
        }

        if (p == end) {
            return 0;
        }

        quote = *p++;
        name.data = (cos_u8 *) p;

        while (p < end && *p != quote) {
            p++;
        }

        name.len = p - name.data;

        if (!cos_str_iis(name, "utf-8") && !cos_str_iis(name, "us-ascii")) {
            return 0;
        }
    }

    return p < end;
}


/* Passes one piece of markup; 0 when it is refused. */
static int
scan_markup(scan_t *s)
{
    if (begins(s->p, s->end, "<!--")) {
        s->p += 4;
        return skip_past(s, "-->", SIZE_MAX);
    }

    if (begins(s->p, s->end, "<![CDATA[")) {
        return skip_past(s, "]]>", SIZE_MAX);
    }

    if (begins(s->p, s->end, "<?")) {
        return skip_past(s, "?>", TAG_MAX);
    }

    if (begins(s->p, s->end, "<!")) {
        return 0;
    }

    if (begins(s->p, s->end, "</")) {
        if (s->depth == 0) {
            return 0;
        }

        s->depth--;
        return skip_past(s, ">", TAG_MAX);
    }

    return scan_start_tag(s);
}


static int
scan_start_tag(scan_t *s)
{
    cos_u8         quote;
    unsigned       attributes;
    const cos_u8  *start;

    quote = 0;
    attributes = 0;
    start = s->p;

    for (s->p++; s->p < s->end && s->p - start < TAG_MAX; s->p++) {

        if (quote != 0) {
            if (*s->p == quote) {
                quote = 0;
            }

        } else if (*s->p == '"' || *s->p == '\'') {
            quote = *s->p;

        } else if (*s->p == '=') {
            if (++attributes > ATTRIBUTE_MAX) {
                return 0;
            }

        } else if (*s->p == '>') {
            s->pieces += attributes;

            if (s->p[-1] != '/' && ++s->depth > DEPTH_MAX) {
                return 0;
            }

            s->p++;
            return 1;
        }
    }

    return 0;
}


/* To behind the next lit, which has to be there within max bytes. */
static int
skip_past(scan_t *s, const char *lit, size_t max)
{
    size_t         n;
    const cos_u8  *end, *p;

    n = strlen(lit);
    end = (size_t) (s->end - s->p) > max ? s->p + max : s->end;

    for (p = s->p; p < end; p++) {

        p = memchr(p, lit[0], end - p);
        if (p == NULL) {
            return 0;
        }

        if (begins(p, end, lit)) {
            s->p = p + n;
            return 1;
        }
    }

    return 0;
}


static int
begins(const cos_u8 *p, const cos_u8 *end, const char *lit)
{
    size_t  n;

    n = strlen(lit);

    return (size_t) (end - p) >= n && memcmp(p, lit, n) == 0;
}
