/*
 * meta: the short texts in which a bucket's record keeps its configurations.
 */

#include "cos_attr.h"


/* Takes what stands before the next c off *s; -1 when there is none. */
static int
cut(cos_str_t *head, cos_str_t *s, char c)
{
    cos_u8  *p;

    p = s->len > 0 ? memchr(s->data, c, s->len) : NULL;

    if (p == NULL) {
        return -1;
    }

    head->data = s->data;
    head->len = (size_t) (p - s->data);
    s->len -= head->len + 1;
    s->data = p + 1;

    return 0;
}


/* --- default encryption ---------------------------------------------------- */

int
cos_bucket_sse_parse(cos_bucket_sse_t *s, cos_str_t text)
{
    cos_str_t  word;

    memset(s, 0, sizeof(*s));

    if (text.len == 0) {
        return 0;
    }

    if (cos_str_is(text, "AES256")) {
        s->algorithm = COS_BUCKET_SSE_AES256;
        return 0;
    }

    if (cut(&word, &text, ';') != 0 || !cos_str_is(word, "aws:kms")
        || cut(&s->kms_key, &text, ';') != 0 || text.len != 1
        || (text.data[0] != '0' && text.data[0] != '1')
        || !cos_kms_key_valid(s->kms_key))
    {
        memset(s, 0, sizeof(*s));
        return -1;
    }

    s->algorithm = COS_BUCKET_SSE_KMS;
    s->bucket_key = text.data[0] == '1';

    return 0;
}


void
cos_bucket_sse_print(cos_buf_t *b, const cos_bucket_sse_t *s)
{
    switch (s->algorithm) {

    case COS_BUCKET_SSE_NONE:
        break;

    case COS_BUCKET_SSE_AES256:
        cos_buf_lit(b, "AES256");
        break;

    case COS_BUCKET_SSE_KMS:
        cos_buf_lit(b, "aws:kms;");
        cos_buf_str(b, s->kms_key);
        cos_buf_cstr(b, s->bucket_key ? ";1" : ";0");
        break;
    }
}


int
cos_kms_key_valid(cos_str_t id)
{
    size_t  i;

    for (i = 0; i < id.len; i++) {
        if (id.data[i] <= 0x20 || id.data[i] >= 0x7f || id.data[i] == ';') {
            return 0;
        }
    }

    return id.len <= COS_KMS_KEY_MAX;
}


/* --- object lock ----------------------------------------------------------- */

static const char *const  modes[] = { NULL, "GOVERNANCE", "COMPLIANCE" };


const char *
cos_lock_mode_name(cos_lock_mode_e mode)
{
    return (unsigned) mode < sizeof(modes) / sizeof(modes[0]) ? modes[mode]
                                                              : NULL;
}


int
cos_lock_mode_parse(cos_str_t s)
{
    int  i;

    for (i = COS_LOCK_GOVERNANCE; i <= COS_LOCK_COMPLIANCE; i++) {
        if (cos_str_is(s, modes[i])) {
            return i;
        }
    }

    return -1;
}


int
cos_bucket_lock_parse(cos_bucket_lock_t *l, cos_str_t text)
{
    int         mode;
    uint64_t    n;
    cos_u8      unit;
    cos_str_t   word;

    memset(l, 0, sizeof(*l));

    if (text.len == 0) {
        return 0;
    }

    if (cos_str_is(text, "on")) {
        l->enabled = 1;
        return 0;
    }

    if (cut(&word, &text, ';') != 0 || text.len < 2) {
        return -1;
    }

    mode = cos_lock_mode_parse(word);
    unit = text.data[--text.len];

    if (mode < 0 || cos_str_uint(text, &n) != 0 || n == 0
        || (unit != 'd' && unit != 'y')
        || n > (unit == 'd' ? COS_LOCK_DAYS_MAX : COS_LOCK_YEARS_MAX))
    {
        return -1;
    }

    l->enabled = 1;
    l->mode = (cos_lock_mode_e) mode;
    l->days = unit == 'd' ? (uint32_t) n : 0;
    l->years = unit == 'y' ? (uint32_t) n : 0;

    return 0;
}


void
cos_bucket_lock_print(cos_buf_t *b, const cos_bucket_lock_t *l)
{
    if (!l->enabled) {
        return;
    }

    if (l->mode == COS_LOCK_NONE) {
        cos_buf_lit(b, "on");
        return;
    }

    cos_buf_cstr(b, cos_lock_mode_name(l->mode));
    cos_buf_char(b, ';');
    cos_buf_uint(b, l->years ? l->years : l->days);
    cos_buf_char(b, l->years ? 'y' : 'd');
}


uint64_t
cos_bucket_lock_until(const cos_bucket_lock_t *l, uint64_t now)
{
    time_t     t;
    struct tm  tm;

    if (!l->enabled || l->mode == COS_LOCK_NONE) {
        return 0;
    }

    if (l->years == 0) {
        return now + (uint64_t) l->days * 86400000;
    }

    t = (time_t) (now / 1000);

    if (gmtime_r(&t, &tm) == NULL) {
        return 0;
    }

    /* where the 29th of February is missing, timegm makes it 1 March */
    tm.tm_year += (int) l->years;

    return (uint64_t) timegm(&tm) * 1000 + now % 1000;
}


int
cos_bucket_worm_parse(uint64_t *days, cos_str_t text)
{
    *days = 0;

    if (text.len == 0) {
        return 0;
    }

    return cos_str_uint(text, days) == 0 && *days > 0
           && *days <= COS_LOCK_DAYS_MAX ? 0 : -1;
}


/* --- quota ------------------------------------------------------------------ */

int
cos_bucket_quota_parse(cos_bucket_quota_t *q, cos_str_t text)
{
    cos_str_t  word;

    memset(q, 0, sizeof(*q));

    if (text.len == 0) {
        return 0;
    }

    return cut(&word, &text, ';') == 0
           && cos_str_uint(word, &q->bytes) == 0
           && cos_str_uint(text, &q->objects) == 0 ? 0 : -1;
}


void
cos_bucket_quota_print(cos_buf_t *b, const cos_bucket_quota_t *q)
{
    if (q->bytes == 0 && q->objects == 0) {
        return;
    }

    cos_buf_uint(b, q->bytes);
    cos_buf_char(b, ';');
    cos_buf_uint(b, q->objects);
}


/* --- who may what ----------------------------------------------------------- */

static const char *const  ownerships[COS_OWNERSHIP_MAX] = {
    "ObjectWriter", "BucketOwnerPreferred", "BucketOwnerEnforced"
};


unsigned
cos_public_block(const cos_bucket_t *k)
{
    uint64_t          bits;
    const cos_str_t  *text = &k->attr[COS_BX_PUBLIC_BLOCK];

    if (text->len == 0) {
        return 0;
    }

    if (cos_str_uint(*text, &bits) != 0) {
        bits = ~0ULL;
    }

    return bits & (COS_BLOCK_PUBLIC_ACLS | COS_IGNORE_PUBLIC_ACLS
                   | COS_BLOCK_PUBLIC_POLICY | COS_RESTRICT_PUBLIC);
}


cos_ownership_e
cos_ownership(const cos_bucket_t *k)
{
    int  o;

    o = cos_ownership_parse(k->attr[COS_BX_OWNERSHIP]);

    return o < 0 ? COS_OWNERSHIP_WRITER : (cos_ownership_e) o;
}


const char *
cos_ownership_name(cos_ownership_e o)
{
    return (unsigned) o < COS_OWNERSHIP_MAX ? ownerships[o] : NULL;
}


int
cos_ownership_parse(cos_str_t s)
{
    int  i;

    for (i = 0; i < COS_OWNERSHIP_MAX; i++) {
        if (cos_str_is(s, ownerships[i])) {
            return i;
        }
    }

    return -1;
}


int
cos_requester_pays(const cos_bucket_t *k)
{
    return cos_str_is(k->attr[COS_BX_PAYER], "Requester");
}


/* --- domains --------------------------------------------------------------- */

cos_str_t
cos_bucket_domains(cos_str_t text)
{
    cos_str_t  names;

    if (cut(&names, &text, '\n') != 0) {
        names = (cos_str_t) { 0, NULL };
    }

    return names;
}
