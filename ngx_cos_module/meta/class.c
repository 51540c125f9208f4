/*
 * meta: storage classes and restoring. See cos_class.h.
 */

#include "cos_class.h"


#define HOUR  3600
#define DAY   86400

/* s3: NULL where both say the same */
static const struct {
    const char  *name;
    const char  *cos;
    const char  *s3;
} classes[COS_CLASS_MAX] = {
    [COS_CLASS_STANDARD] = { "STANDARD", NULL, NULL },
    [COS_CLASS_STANDARD_IA] = { "STANDARD_IA", NULL, NULL },
    [COS_CLASS_INTELLIGENT_TIERING] = { "INTELLIGENT_TIERING", NULL, NULL },
    [COS_CLASS_ARCHIVE] = { "ARCHIVE", NULL, "GLACIER" },
    [COS_CLASS_DEEP_ARCHIVE] = { "DEEP_ARCHIVE", NULL, NULL },
    [COS_CLASS_MAZ_STANDARD] = { "MAZ_STANDARD", NULL, "STANDARD" },
    [COS_CLASS_MAZ_STANDARD_IA] = { "MAZ_STANDARD_IA", NULL, "STANDARD_IA" },
    [COS_CLASS_MAZ_INTELLIGENT_TIERING] = {
        "MAZ_INTELLIGENT_TIERING", NULL, "INTELLIGENT_TIERING" },
    [COS_CLASS_MAZ_ARCHIVE] = { "MAZ_ARCHIVE", NULL, "GLACIER" },
    [COS_CLASS_COLD] = { "COLD", NULL, "GLACIER_IR" },
    [COS_CLASS_GLACIER_IR] = { "GLACIER_IR", "COLD", NULL },
    [COS_CLASS_ONEZONE_IA] = { "ONEZONE_IA", "STANDARD_IA", NULL },
    [COS_CLASS_REDUCED_REDUNDANCY] = {
        "REDUCED_REDUNDANCY", "STANDARD", NULL },
};

static const char *const  tiers[COS_TIER_MAX] = {
    "Expedited", "Standard", "Bulk"
};


const char *
cos_class_name(cos_class_e c)
{
    return (unsigned) c < COS_CLASS_MAX ? classes[c].name : NULL;
}


int
cos_class_parse(cos_str_t s)
{
    int  i;

    for (i = 0; i < COS_CLASS_MAX; i++) {
        if (cos_str_iis(s, classes[i].name)) {
            return i;
        }
    }

    return cos_str_iis(s, "GLACIER") ? COS_CLASS_ARCHIVE : -1;
}


const char *
cos_class_shown(cos_class_e c, cos_dialect_e d)
{
    const char  *name;

    if ((unsigned) c >= COS_CLASS_MAX) {
        c = COS_CLASS_STANDARD;
    }

    name = d == COS_DIALECT_S3 ? classes[c].s3 : classes[c].cos;

    return name != NULL ? name : classes[c].name;
}


int
cos_class_archived(cos_class_e c)
{
    return c == COS_CLASS_ARCHIVE || c == COS_CLASS_DEEP_ARCHIVE
           || c == COS_CLASS_MAZ_ARCHIVE;
}


/* --- restoring ------------------------------------------------------------- */

const char *
cos_tier_name(cos_tier_e t)
{
    return (unsigned) t < COS_TIER_MAX ? tiers[t] : NULL;
}


int
cos_tier_parse(cos_str_t s)
{
    int  i;

    for (i = 0; i < COS_TIER_MAX; i++) {
        if (cos_str_iis(s, tiers[i])) {
            return i;
        }
    }

    return -1;
}


int
cos_tier_fits(cos_tier_e t, cos_class_e c)
{
    return cos_class_archived(c)
           && !(t == COS_TIER_EXPEDITED && c == COS_CLASS_DEEP_ARCHIVE);
}


/* The upper ends of what COS says ("Restoring Archived Objects"). */
uint64_t
cos_tier_seconds(cos_tier_e t, cos_class_e c)
{
    if (c == COS_CLASS_DEEP_ARCHIVE) {
        return t == COS_TIER_BULK ? 48 * HOUR : 12 * HOUR;
    }

    return t == COS_TIER_EXPEDITED ? 300
           : t == COS_TIER_STANDARD ? 5 * HOUR : 12 * HOUR;
}


/* The number that stands before the next ';', or at the end. */
static int
number(uint64_t *n, cos_str_t *s)
{
    cos_u8     *p;
    cos_str_t   word;

    p = s->len > 0 ? memchr(s->data, ';', s->len) : NULL;
    word.data = s->data;
    word.len = p != NULL ? (size_t) (p - s->data) : s->len;

    s->len -= p != NULL ? word.len + 1 : word.len;
    s->data = p != NULL ? p + 1 : s->data;

    return cos_str_uint(word, n);
}


int
cos_restore_parse(cos_restore_t *r, cos_str_t text)
{
    int         tier;
    cos_u8     *p;
    cos_str_t   word;

    memset(r, 0, sizeof(*r));

    p = text.len > 0 ? memchr(text.data, ';', text.len) : NULL;
    if (p == NULL) {
        return -1;
    }

    word.data = text.data;
    word.len = (size_t) (p - text.data);
    tier = cos_tier_parse(word);

    text.data = p + 1;
    text.len -= word.len + 1;

    if (tier < 0 || number(&r->asked, &text) != 0
        || number(&r->ready, &text) != 0 || cos_str_uint(text, &r->expires) != 0
        || r->expires <= r->ready)
    {
        memset(r, 0, sizeof(*r));
        return -1;
    }

    r->tier = (cos_tier_e) tier;

    return 0;
}


void
cos_restore_print(cos_buf_t *b, const cos_restore_t *r)
{
    cos_buf_cstr(b, cos_tier_name(r->tier));
    cos_buf_char(b, ';');
    cos_buf_uint(b, r->asked);
    cos_buf_char(b, ';');
    cos_buf_uint(b, r->ready);
    cos_buf_char(b, ';');
    cos_buf_uint(b, r->expires);
}


cos_restore_e
cos_restore_state(cos_restore_t *r, cos_str_t text, uint64_t now)
{
    if (cos_restore_parse(r, text) != 0 || r->expires <= now) {
        return COS_RESTORE_NONE;
    }

    return r->ready <= now ? COS_RESTORE_READY : COS_RESTORE_ONGOING;
}


uint64_t
cos_restore_expiry(uint64_t from, uint64_t days)
{
    uint64_t  day = (uint64_t) DAY * 1000;

    return (from / day + days + (from % day != 0)) * day;
}


int
cos_object_readable(const cos_object_t *o, uint64_t now)
{
    cos_restore_t  r;

    return !cos_class_archived(o->cls)
           || cos_restore_state(&r, o->attr[COS_X_RESTORE], now)
              == COS_RESTORE_READY;
}
