/*
 * meta: retention and legal holds of versions.
 */

#include "cos_lock.h"


int
cos_retention_parse(cos_retention_t *r, cos_str_t text)
{
    int         mode;
    cos_u8     *p;
    cos_str_t   word;

    memset(r, 0, sizeof(*r));

    if (text.len == 0) {
        return 0;
    }

    if (cos_str_is(text, "off")) {
        r->lifted = 1;
        return 0;
    }

    if (cos_str_starts(text, "off;")) {
        r->lifted = 1;
        text.data += 4;
        text.len -= 4;
    }

    p = text.len > 0 ? memchr(text.data, ';', text.len) : NULL;
    if (p == NULL) {
        memset(r, 0, sizeof(*r));
        return -1;
    }

    word.data = text.data;
    word.len = (size_t) (p - text.data);
    mode = cos_lock_mode_parse(word);

    text.len -= word.len + 1;
    text.data = p + 1;

    if (mode < 0 || cos_str_uint(text, &r->until) != 0 || r->until == 0) {
        memset(r, 0, sizeof(*r));
        return -1;
    }

    r->mode = (cos_lock_mode_e) mode;

    return 0;
}


void
cos_retention_print(cos_buf_t *b, const cos_retention_t *r)
{
    if (r->lifted) {
        cos_buf_cstr(b, r->mode == COS_LOCK_NONE ? "off" : "off;");
    }

    if (r->mode == COS_LOCK_NONE) {
        return;
    }

    cos_buf_cstr(b, cos_lock_mode_name(r->mode));
    cos_buf_char(b, ';');
    cos_buf_uint(b, r->until);
}


int
cos_retention_date(uint64_t *ms, cos_str_t text)
{
    int       unit;
    cos_u8   *p;
    int64_t   sec;

    sec = cos_parse_iso8601(text);

    if (sec < 0) {
        return -1;
    }

    *ms = (uint64_t) sec * 1000;
    p = memchr(text.data, '.', text.len);

    if (p == NULL) {
        return 0;
    }

    for (unit = 100, p++;
         unit > 0 && p < text.data + text.len && *p >= '0' && *p <= '9';
         unit /= 10, p++)
    {
        *ms += (uint64_t) ((*p - '0') * unit);
    }

    return 0;
}


int
cos_retention_may_become(const cos_retention_t *old,
    const cos_retention_t *next, uint64_t now, int bypass)
{
    if (old->mode == COS_LOCK_NONE || old->until <= now) {
        return 1;
    }

    if (old->mode == COS_LOCK_GOVERNANCE && bypass) {
        return 1;
    }

    return next->until >= old->until && next->mode >= old->mode;
}


const char *
cos_lock_refuses(const cos_object_t *o, uint64_t now, int bypass)
{
    cos_retention_t  r;

    if (o->flags & COS_F_MARKER) {
        return NULL;
    }

    if (o->flags & COS_F_LEGAL_HOLD) {
        return "The object is under a legal hold.";
    }

    if (cos_retention_parse(&r, o->attr[COS_X_LOCK]) != 0) {
        return "The object's retention cannot be read.";
    }

    if (r.mode == COS_LOCK_NONE || r.until <= now
        || (r.mode == COS_LOCK_GOVERNANCE && bypass))
    {
        return NULL;
    }

    return "The object is locked until its retention ends.";
}
