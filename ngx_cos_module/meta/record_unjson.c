/*
 * meta: reads the JSON documents that record_json.c writes. Strict: types must
 * be right and members known, because a document that is half understood
 * would rebuild a store that is half right.
 */

#include <jansson.h>

#include "record_json.h"

/* Members are taken one by one; those nobody took are unknown. */
typedef struct {
    json_t       *json;
    size_t        taken;
    int           bad;
    cos_alloc_t  *alloc;
} reader_t;


/* --- values --------------------------------------------------------------- */

static json_t *
take(reader_t *r, const char *name)
{
    json_t  *v;

    v = json_object_get(r->json, name);
    if (v != NULL) {
        r->taken++;
    }

    return v;
}


static int
value_uint(const json_t *v, uint64_t *n)
{
    cos_str_t  s;

    if (json_is_integer(v)) {
        *n = (uint64_t) json_integer_value(v);
        return json_integer_value(v) < 0 ? -1 : 0;
    }

    if (!json_is_string(v)) {
        return -1;
    }

    s.data = (cos_u8 *) json_string_value(v);
    s.len = json_string_length(v);
    return cos_str_uint(s, n);
}


static int
value_text(reader_t *r, const json_t *v, cos_str_t *s, ptrdiff_t max)
{
    cos_str_t  text;
    ptrdiff_t  n;

    if (!json_is_string(v)) {
        return -1;
    }

    text.data = (cos_u8 *) json_string_value(v);
    text.len = json_string_length(v);

    if (cos_dup(r->alloc, s, text.data, text.len) != 0) {
        return -1;
    }

    n = cos_pct_decode(s->data, text, 0);
    if (n < 0 || n > max) {
        return -1;
    }

    s->data[n] = '\0';
    s->len = (size_t) n;
    return 0;
}


static int
value_str(reader_t *r, const json_t *v, cos_str_t *s)
{
    return value_text(r, v, s, COS_TEXT_MAX);
}


static int
value_hex(const json_t *v, cos_u8 *dst, size_t n)
{
    cos_str_t  s;

    if (!json_is_string(v)) {
        return -1;
    }

    s.data = (cos_u8 *) json_string_value(v);
    s.len = json_string_length(v);
    return cos_unhex(dst, n, s);
}


/* 0 and empty when the member is absent; too large or of a wrong type: bad */
static uint64_t
member_uint(reader_t *r, const char *name, uint64_t max)
{
    json_t    *v;
    uint64_t   n;

    v = take(r, name);
    if (v == NULL) {
        return 0;
    }

    if (value_uint(v, &n) != 0 || n > max) {
        r->bad = 1;
        return 0;
    }

    return n;
}


static void
member_str(reader_t *r, const char *name, cos_str_t *s)
{
    json_t  *v;

    v = take(r, name);
    if (v != NULL && value_str(r, v, s) != 0) {
        r->bad = 1;
    }
}


/* Attributes: a name each, all of them optional */
static void
member_attrs(reader_t *r, const char *const *names, size_t n, cos_str_t *attr)
{
    size_t   i;
    json_t  *v;

    for (i = 0; i < n; i++) {
        v = take(r, names[i]);
        if (v != NULL && value_text(r, v, &attr[i], COS_ATTR_MAX) != 0) {
            r->bad = 1;
        }
    }
}


static int
member_word(reader_t *r, const char *name, int (*parse)(cos_str_t s))
{
    int         n;
    json_t     *v;
    cos_str_t   s;

    v = take(r, name);
    if (v == NULL) {
        return 0;
    }

    if (!json_is_string(v)) {
        r->bad = 1;
        return 0;
    }

    s.data = (cos_u8 *) json_string_value(v);
    s.len = json_string_length(v);

    n = parse(s);
    if (n < 0) {
        r->bad = 1;
        return 0;
    }

    return n;
}


static void
member_hex(reader_t *r, const char *name, cos_u8 *dst, size_t n)
{
    json_t  *v;

    v = take(r, name);
    if (v == NULL || value_hex(v, dst, n) != 0) {
        r->bad = 1;
    }
}


static int
finish(const reader_t *r)
{
    return r->bad || r->taken != json_object_size(r->json) ? -1 : 0;
}


/* --- objects -------------------------------------------------------------- */

static int
seg_get(const json_t *v, cos_seg_t *s)
{
    if (!json_is_array(v) || json_array_size(v) != 3
        || value_uint(json_array_get(v, 0), &s->cid) != 0
        || value_uint(json_array_get(v, 1), &s->off) != 0
        || value_uint(json_array_get(v, 2), &s->len) != 0)
    {
        return -1;
    }

    return 0;
}


static int
segs_get(reader_t *r, cos_object_t *o)
{
    json_t  *v;
    size_t   i, n;

    v = take(r, "segs");
    if (v == NULL) {
        return 0;
    }

    n = json_array_size(v);
    if (n == 0 || n > COS_SEGS_MAX) {
        return -1;
    }

    o->segs = cos_alloc(r->alloc, n * sizeof(cos_seg_t));
    if (o->segs == NULL) {
        return -1;
    }

    o->nsegs = (uint32_t) n;

    for (i = 0; i < n; i++) {
        if (seg_get(json_array_get(v, i), &o->segs[i]) != 0) {
            return -1;
        }
    }

    return 0;
}


static int
meta_get(reader_t *r, cos_object_t *o)
{
    size_t   i, n;
    json_t  *v, *pair;

    v = take(r, "meta");
    if (v == NULL) {
        return 0;
    }

    n = json_array_size(v);
    if (n == 0 || n > COS_META_MAX) {
        return -1;
    }

    o->meta = cos_alloc(r->alloc, n * sizeof(cos_meta_pair_t));
    if (o->meta == NULL) {
        return -1;
    }

    o->nmeta = (uint32_t) n;

    for (i = 0; i < n; i++) {
        pair = json_array_get(v, i);

        if (!json_is_array(pair) || json_array_size(pair) != 2
            || value_str(r, json_array_get(pair, 0), &o->meta[i].name) != 0
            || value_str(r, json_array_get(pair, 1), &o->meta[i].value) != 0)
        {
            return -1;
        }
    }

    return 0;
}


static int
sum_get(reader_t *r, cos_object_t *o)
{
    int          t;
    json_t      *v;
    const char  *name;

    v = take(r, "sum");
    if (v == NULL) {
        return 0;
    }

    name = json_string_value(json_array_get(v, 0));
    if (name == NULL || json_array_size(v) != 2) {
        return -1;
    }

    for (t = COS_SUM_NONE + 1; t < COS_SUM_MAX; t++) {
        if (strcmp(name, cos_sum_name((cos_sum_e) t)) == 0) {
            o->sum_type = (cos_sum_e) t;
            return value_hex(json_array_get(v, 1), o->sum,
                             cos_sum_len(o->sum_type));
        }
    }

    return -1;
}


static int
crc_get(reader_t *r, cos_object_t *o)
{
    json_t  *v;

    v = take(r, "crc64");
    return json_is_string(v) ? value_uint(v, &o->crc64) : -1;
}


static int
object_get(reader_t *doc, cos_json_t *j)
{
    int            i;
    reader_t       r = { take(doc, "object"), 0, 0, doc->alloc };
    cos_object_t  *o = &j->object;

    if (!json_is_object(r.json)) {
        return -1;
    }

    o->size = member_uint(&r, "size", UINT64_MAX);
    o->mtime = member_uint(&r, "mtime", UINT64_MAX);
    member_hex(&r, "etag", o->etag, COS_MD5_LEN);
    o->parts = (uint16_t) member_uint(&r, "parts", COS_PARTS_MAX);
    o->seq = j->seq;
    if (json_object_get(r.json, "seq") != NULL) {
        o->seq = member_uint(&r, "seq", UINT64_MAX);
    }
    o->rev = (uint16_t) member_uint(&r, "rev", UINT16_MAX);
    o->home = member_uint(&r, "home", COS_U48_MAX);
    o->flags = (cos_u8) member_uint(&r, "flags", UINT8_MAX);
    o->acl = (cos_acl_e) member_word(&r, "acl", cos_acl_parse);
    o->cls = (cos_class_e) member_word(&r, "class", cos_class_parse);
    o->owner = member_uint(&r, "owner", UINT64_MAX);

    o->header[COS_H_CONTENT_TYPE] = COS_STR(COS_TYPE_DEFAULT);
    for (i = 0; i < COS_H_MAX; i++) {
        member_str(&r, cos_json_headers[i], &o->header[i]);
    }
    member_str(&r, "upload", &o->upload);
    o->born = member_uint(&r, "born", UINT64_MAX);
    member_attrs(&r, cos_json_attrs, COS_X_MAX, o->attr);

    if (crc_get(&r, o) != 0 || meta_get(&r, o) != 0 || sum_get(&r, o) != 0
        || segs_get(&r, o) != 0)
    {
        return -1;
    }

    /* the place of the bytes is said once */
    return j->self && o->nsegs != 0 ? -1 : finish(&r);
}


/* --- buckets and credentials ---------------------------------------------- */

static int
bucket_get(reader_t *doc, cos_bucket_t *k)
{
    reader_t  r = { take(doc, "bucket"), 0, 0, doc->alloc };

    if (!json_is_object(r.json)) {
        return -1;
    }

    member_str(&r, "name", &k->name);
    member_str(&r, "id", &k->id);
    k->owner = member_uint(&r, "owner", UINT64_MAX);
    k->created = member_uint(&r, "created", UINT64_MAX);
    k->seq = member_uint(&r, "seq", UINT64_MAX);
    k->acl = (cos_acl_e) member_word(&r, "acl", cos_acl_parse);
    member_str(&r, "region", &k->region);
    k->versioning = (cos_versioning_e) member_uint(&r, "versioning",
                                                   COS_VERSIONING_MAX - 1);
    member_attrs(&r, cos_json_bucket_attrs, COS_BX_MAX, k->attr);

    return finish(&r);
}


static int
sealed_get(reader_t *r, cos_cred_t *c)
{
    size_t   n;
    json_t  *v;

    v = take(r, "sealed");
    if (!json_is_string(v)) {
        return -1;
    }

    n = json_string_length(v) / 2;
    if (n > COS_TEXT_MAX) {
        return -1;
    }

    c->sealed.data = cos_alloc(r->alloc, n);
    c->sealed.len = n;

    return c->sealed.data == NULL ? -1 : value_hex(v, c->sealed.data, n);
}


static int
cred_get(reader_t *doc, cos_cred_t *c)
{
    reader_t  r = { take(doc, "cred"), 0, 0, doc->alloc };

    if (!json_is_object(r.json) || sealed_get(&r, c) != 0) {
        return -1;
    }

    member_str(&r, "ak", &c->access_key);
    member_str(&r, "user", &c->user);
    c->uid = member_uint(&r, "uid", UINT64_MAX);
    c->created = member_uint(&r, "created", UINT64_MAX);
    c->seq = member_uint(&r, "seq", UINT64_MAX);
    c->disabled = member_uint(&r, "disabled", 1) != 0;
    c->kind = (cos_cred_kind_e) member_uint(&r, "kind", COS_CRED_KIND_MAX - 1);
    c->sub = member_uint(&r, "sub", UINT64_MAX);
    c->since = member_uint(&r, "since", UINT64_MAX);
    member_attrs(&r, cos_json_cred_attrs, COS_CX_MAX, c->attr);

    return finish(&r);
}


/* --- documents ------------------------------------------------------------ */

static int
kind_get(reader_t *r, cos_json_t *j)
{
    json_t  *self;

    switch (j->kind) {

    case COS_J_OBJECT:
    case COS_J_PART:
    case COS_J_UPLOAD:
        member_str(r, "upload", &j->upload);
        j->part = (uint32_t) member_uint(r, "part", UINT32_MAX);
        j->initiated = member_uint(r, "initiated", UINT64_MAX);
        j->initiator = member_uint(r, "initiator", UINT64_MAX);
        self = take(r, "self");
        j->self = json_is_true(self);
        return self != NULL && !j->self ? -1 : object_get(r, j);

    case COS_J_ABORT:
        member_str(r, "upload", &j->upload);
        return 0;

    case COS_J_VOID:
        member_str(r, "upload", &j->upload);
        j->part = (uint32_t) member_uint(r, "part", UINT32_MAX);
        member_str(r, "name", &j->bucket.name);
        member_str(r, "ak", &j->cred.access_key);
        j->inc = member_uint(r, "inc", UINT64_MAX);
        j->version = member_uint(r, "version", UINT64_MAX);
        j->void_seq = member_uint(r, "void", UINT64_MAX);
        j->void_rev = (uint32_t) member_uint(r, "rev", UINT16_MAX);
        return 0;

    case COS_J_BUCKET:
        return bucket_get(r, &j->bucket);

    case COS_J_BUCKET_DELETE:
        member_str(r, "name", &j->bucket.name);
        return 0;

    case COS_J_CRED:
        member_str(r, "quota", &j->quota);
        return cred_get(r, &j->cred);

    case COS_J_CRED_DELETE:
        member_str(r, "ak", &j->cred.access_key);
        return 0;

    case COS_J_SEAL:
        j->records = member_uint(r, "records", UINT64_MAX);
        j->weight = member_uint(r, "weight", UINT64_MAX);
        j->carried = member_uint(r, "carried", UINT64_MAX);
        return 0;

    case COS_J_DELETE:
        j->version = member_uint(r, "version", UINT64_MAX);
        return 0;
    }

    return -1;
}


static int
document_get(reader_t *r, cos_json_t *j)
{
    int          k;
    const char  *kind;

    if (!json_is_object(r->json)
        || member_uint(r, "v", COS_RECORD_VERSION) != COS_RECORD_VERSION)
    {
        return -1;
    }

    kind = json_string_value(take(r, "kind"));
    if (kind == NULL) {
        return -1;
    }

    for (k = COS_J_OBJECT; k <= COS_J_SEAL; k++) {
        if (strcmp(kind, cos_json_kinds[k]) == 0) {
            j->kind = (cos_json_e) k;
            break;
        }
    }

    member_str(r, "bid", &j->bid);
    member_str(r, "key", &j->key);
    j->seq = member_uint(r, "seq", UINT64_MAX);

    if (kind_get(r, j) != 0 || finish(r) != 0) {
        return -1;
    }

    return cos_json_complete(j) ? 0 : -1;
}


int
cos_json_decode(cos_json_t *j, cos_str_t text, cos_alloc_t *a)
{
    int       rc;
    reader_t  r = { NULL, 0, 0, a };

    memset(j, 0, sizeof(*j));

    if (text.len == 0 || text.len > COS_JSON_MAX) {
        return -1;
    }

    r.json = json_loadb((const char *) text.data, text.len,
                        JSON_REJECT_DUPLICATES, NULL);
    if (r.json == NULL) {
        return -1;
    }

    rc = document_get(&r, j);
    json_decref(r.json);

    return rc;
}
