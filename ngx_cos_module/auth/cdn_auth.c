/*
 * auth: URLs signed for a time. Each type is read into its parts (time, digest,
 * what was signed between them), then all go the same way: the digest is made
 * with one key and the other, and the time is looked at only when one fits.
 */

#include "cos_cdn_auth.h"

#define DIGEST    (2 * COS_MD5_LEN)
#define RAND_MAX_LEN  100
#define BEIJING   (8 * 3600)
#define DEC_DIGITS  10                /* of seconds: 2001 to 2286 */
#define HEX_DIGITS  8                 /* 1978 to 2106 */
#define AHEAD     86400               /* how wrong a signer's clock may be */

/* What a URL says of itself. */
typedef struct {
    cos_str_t  time;                  /* as it is signed */
    cos_str_t  random;                /* A: rand-uid */
    cos_str_t  digest;
    int64_t    begins;                /* seconds */
    size_t     front;                 /* B, C: bytes before the path */
} claim_t;

static int read_param(claim_t *c, const cos_cdn_rule_t *r, cos_str_t query);
static int read_front(claim_t *c, const cos_cdn_rule_t *r,
    const cos_cdn_url_t *url);
static int is_meant(const cos_cdn_rule_t *r, cos_str_t uri);
static int is_signed(const cos_cdn_rule_t *r, const claim_t *c,
    cos_str_t path, cos_str_t key, cos_alloc_t *a);


cos_cdn_e
cos_cdn_verify(const cos_cdn_rule_t *r, cos_cdn_url_t *url, int64_t now,
    cos_alloc_t *a)
{
    int        found, ok, other;
    claim_t    c;
    cos_str_t  path, uri;

    memset(&c, 0, sizeof(c));

    found = r->type == COS_CDN_A || r->type == COS_CDN_D
            ? read_param(&c, r, url->query) : read_front(&c, r, url);

    path = (cos_str_t) { url->path.len - c.front, url->path.data + c.front };
    uri = (cos_str_t) { url->uri.len - c.front, url->uri.data + c.front };

    if (!is_meant(r, uri)) {
        return COS_CDN_NOT_MEANT;
    }

    if (!found) {
        return COS_CDN_MISSING;
    }

    /* both keys are tried, so that time does not tell which one it was */
    ok = is_signed(r, &c, path, r->key, a);
    other = r->key2.len > 0 ? is_signed(r, &c, path, r->key2, a) : 0;

    if (ok < 0 || other < 0) {
        return COS_CDN_FAILED;
    }

    if (!ok && !other) {
        return COS_CDN_WRONG;
    }

    if (now > (int64_t) r->ttl && c.begins < now - (int64_t) r->ttl) {
        return COS_CDN_EXPIRED;
    }

    if (c.begins > now + (int64_t) r->ttl + AHEAD) {
        return COS_CDN_EARLY;
    }

    url->path = path;
    url->uri = uri;

    return cos_cdn_strip(r, &url->query, a) == 0 ? COS_CDN_PASS
                                                 : COS_CDN_FAILED;
}


const char *
cos_cdn_reason(cos_cdn_e e)
{
    switch (e) {
    case COS_CDN_MISSING:
        return "the URL is not signed";
    case COS_CDN_EXPIRED:
        return "the signed URL has expired";
    case COS_CDN_EARLY:
        return "the time of the signed URL is too far ahead";
    case COS_CDN_WRONG:
        return "the signature of the URL is wrong";
    case COS_CDN_FAILED:
        return "the signature of the URL could not be checked";
    default:
        return "";
    }
}


/* --- what is served --------------------------------------------------------- */

/* What stands behind the last dot of the last part of a path. */
static cos_str_t
suffix_of(cos_str_t uri)
{
    size_t  i;

    for (i = uri.len; i > 0 && uri.data[i - 1] != '/'; i--) {
        if (uri.data[i - 1] == '.') {
            return (cos_str_t) { uri.len - i, uri.data + i };
        }
    }

    return (cos_str_t) { 0, NULL };
}


static int
begins(cos_str_t s, cos_str_t with)
{
    return s.len >= with.len && memcmp(s.data, with.data, with.len) == 0;
}


static int
is_meant(const cos_cdn_rule_t *r, cos_str_t uri)
{
    int        found;
    size_t     i;
    cos_str_t  suffix;

    for (i = 0, found = 0; i < r->paths.n && !found; i++) {
        found = begins(uri, r->paths.v[i]);
    }

    if (r->paths.n > 0 && !found) {
        return 0;
    }

    if (r->files == COS_CDN_ALL) {
        return 1;
    }

    suffix = suffix_of(uri);

    for (i = 0, found = 0; i < r->suffixes.n && !found; i++) {
        found = cos_str_ieq(suffix, r->suffixes.v[i]);
    }

    return r->files == COS_CDN_ONLY ? found : !found;
}


/* --- what the URL says ------------------------------------------------------ */

static int
is_digest(cos_str_t s)
{
    cos_u8  raw[COS_MD5_LEN];

    return s.len == DIGEST && cos_unhex(raw, COS_MD5_LEN, s) == 0;
}


static int
is_word(cos_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        if (!((s.data[i] >= '0' && s.data[i] <= '9')
              || ((s.data[i] | 0x20) >= 'a' && (s.data[i] | 0x20) <= 'z')))
        {
            return 0;
        }
    }

    return s.len > 0 && s.len <= RAND_MAX_LEN;
}


/* Digits, as a number; -1: something else among them. */
static int64_t
number(cos_str_t s, int hex)
{
    int       c;
    size_t    i;
    int64_t   n;

    for (i = 0, n = 0; i < s.len; i++) {
        c = s.data[i];

        if (c >= '0' && c <= '9') {
            c -= '0';

        } else if (hex && (c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            c = (c | 0x20) - 'a' + 10;

        } else {
            return -1;
        }

        n = n * (hex ? 16 : 10) + c;
    }

    return n;
}


/* Seconds; -1: none. In types C and D nothing stands between the path and the
 * time that are signed: were any number of digits a time, the last ones of a
 * path could be read as its first, and name another file. */
static int64_t
seconds(cos_str_t s, int hex)
{
    return s.len == (hex ? HEX_DIGITS : DEC_DIGITS) ? number(s, hex) : -1;
}


/* "YYYYMMDDHHMM" of a clock in Beijing. */
static int64_t
beijing(cos_str_t s)
{
    char       iso[sizeof("20200227T161000Z")];
    int64_t    t;
    cos_str_t  text;

    if (s.len != 12 || number(s, 0) < 0) {
        return -1;
    }

    memcpy(iso, s.data, 8);
    iso[8] = 'T';
    memcpy(iso + 9, s.data + 8, 4);
    memcpy(iso + 13, "00Z", 4);

    text = (cos_str_t) { sizeof(iso) - 1, (cos_u8 *) iso };
    t = cos_parse_iso8601(text);

    return t < BEIJING ? -1 : t - BEIJING;
}


/* Takes the next "name=value" off a query; 0: there is none. */
static int
next_arg(cos_str_t *query, cos_str_t *whole, cos_str_t *name, cos_str_t *value)
{
    cos_u8  *end, *eq;

    if (query->len == 0) {
        return 0;
    }

    end = memchr(query->data, '&', query->len);
    whole->data = query->data;
    whole->len = end != NULL ? (size_t) (end - query->data) : query->len;
    query->data += whole->len + (end != NULL);
    query->len -= whole->len + (end != NULL);

    eq = whole->len > 0 ? memchr(whole->data, '=', whole->len) : NULL;
    *name = *whole;
    *value = (cos_str_t) { 0, NULL };

    if (eq != NULL) {
        name->len = (size_t) (eq - whole->data);
        value->data = eq + 1;
        value->len = whole->len - name->len - 1;
    }

    return 1;
}


/* The parameter that is there once; with two of them none is believed. */
static cos_str_t
one_arg(cos_str_t query, cos_str_t wanted)
{
    cos_str_t  whole, name, value, found = { 0, NULL };

    while (next_arg(&query, &whole, &name, &value)) {
        if (!cos_str_eq(name, wanted)) {
            continue;
        }

        if (found.data != NULL) {
            return (cos_str_t) { 0, NULL };
        }

        found = value;
    }

    return found;
}


/* Takes what stands before the next '-' off *s; the last part has none. */
static cos_str_t
part(cos_str_t *s)
{
    cos_u8     *end;
    cos_str_t   p;

    if (s->len == 0) {
        return (cos_str_t) { 0, NULL };
    }

    end = memchr(s->data, '-', s->len);
    p.data = s->data;
    p.len = end != NULL ? (size_t) (end - s->data) : s->len;
    s->data += p.len + (end != NULL);
    s->len -= p.len + (end != NULL);

    return p;
}


static int
read_param(claim_t *c, const cos_cdn_rule_t *r, cos_str_t query)
{
    cos_str_t  s, rand, uid;

    s = one_arg(query, r->param);

    if (r->type == COS_CDN_D) {
        c->digest = s;
        c->time = one_arg(query, r->time_param);
        c->begins = seconds(c->time, r->hex);

        return is_digest(s) && c->begins >= 0;
    }

    c->time = part(&s);
    rand = part(&s);
    uid = part(&s);
    c->digest = s;
    c->begins = seconds(c->time, 0);

    if (c->begins < 0 || !is_word(rand) || !is_word(uid) || !is_digest(s)) {
        return 0;
    }

    c->random.data = rand.data;
    c->random.len = rand.len + 1 + uid.len;

    return 1;
}


/* Two parts before the path: as in the URL, so in what is served, or they are
 * not what was signed. */
static int
read_front(claim_t *c, const cos_cdn_rule_t *r, const cos_cdn_url_t *url)
{
    size_t     n;
    cos_u8    *end;
    cos_str_t  first, second, path = url->path;

    if (path.len < 2 || path.data[0] != '/') {
        return 0;
    }

    first.data = path.data + 1;
    end = memchr(first.data, '/', path.len - 1);
    if (end == NULL) {
        return 0;
    }

    first.len = (size_t) (end - first.data);
    second.data = end + 1;
    end = memchr(second.data, '/',
                 (size_t) (path.data + path.len - second.data));
    if (end == NULL) {
        return 0;
    }

    second.len = (size_t) (end - second.data);
    n = (size_t) (end - path.data);

    c->time = r->type == COS_CDN_B ? first : second;
    c->digest = r->type == COS_CDN_B ? second : first;
    c->begins = r->type == COS_CDN_B ? beijing(c->time)
                                     : seconds(c->time, 1);

    if (c->begins < 0 || !is_digest(c->digest) || url->uri.len <= n
        || memcmp(url->uri.data, path.data, n) != 0 || url->uri.data[n] != '/')
    {
        return 0;
    }

    c->front = n;

    return 1;
}


/* --- the digest ------------------------------------------------------------- */

static void
signed_text(cos_buf_t *b, const cos_cdn_rule_t *r, const claim_t *c,
    cos_str_t path, cos_str_t key)
{
    switch (r->type) {

    case COS_CDN_A:
        cos_buf_str(b, path);
        cos_buf_char(b, '-');
        cos_buf_str(b, c->time);
        cos_buf_char(b, '-');
        cos_buf_str(b, c->random);
        cos_buf_char(b, '-');
        cos_buf_str(b, key);
        return;

    case COS_CDN_B:
        cos_buf_str(b, key);
        cos_buf_str(b, c->time);
        cos_buf_str(b, path);
        return;

    default:
        cos_buf_str(b, key);

        if (r->type == COS_CDN_C && r->time_first) {
            cos_buf_str(b, c->time);
            cos_buf_str(b, path);

        } else {
            cos_buf_str(b, path);
            cos_buf_str(b, c->time);
        }
    }
}


/* -1: could not be made. */
static int
is_signed(const cos_cdn_rule_t *r, const claim_t *c, cos_str_t path,
    cos_str_t key, cos_alloc_t *a)
{
    int        rc;
    cos_u8     own[COS_MD5_LEN], theirs[COS_MD5_LEN];
    cos_buf_t  b;

    cos_buf_init(&b, a, path.len + key.len + c->time.len + c->random.len + 8);
    signed_text(&b, r, c, path, key);

    if (b.err) {
        return -1;
    }

    rc = cos_md_once(COS_MD5, b.data, b.len, own);
    cos_cleanse(b.data, b.len);

    if (rc != 0 || cos_unhex(theirs, COS_MD5_LEN, c->digest) != 0) {
        return -1;
    }

    return cos_str_eq_secret((cos_str_t) { COS_MD5_LEN, own },
                             (cos_str_t) { COS_MD5_LEN, theirs });
}


/* --- what is left ----------------------------------------------------------- */

int
cos_cdn_strip(const cos_cdn_rule_t *r, cos_str_t *query, cos_alloc_t *a)
{
    cos_buf_t  b;
    cos_str_t  rest, whole, name, value;

    if (r->type != COS_CDN_A && r->type != COS_CDN_D) {
        return 0;
    }

    cos_buf_init(&b, a, query->len + 1);
    rest = *query;

    while (next_arg(&rest, &whole, &name, &value)) {
        if (whole.len == 0 || cos_str_eq(name, r->param)
            || (r->type == COS_CDN_D && cos_str_eq(name, r->time_param)))
        {
            continue;
        }

        if (b.len > 0) {
            cos_buf_char(&b, '&');
        }

        cos_buf_str(&b, whole);
    }

    if (b.err) {
        return -1;
    }

    *query = (cos_str_t) { b.len, b.data };

    return 0;
}
