/*
 * meta: the JSON form of records, which lies behind the bytes on disk, so that
 * everything in Redis can be told again by reading containers.
 *
 * Texts are percent-encoded, digests and sealed secrets are hex: a document is
 * plain ASCII that needs no JSON escapes. What is zero, empty or the default
 * is left out. Members:
 *
 *   v 1   kind   bid   key   seq
 *   self             the bytes are the payload of the record itself
 *   object {...}     see object_put()
 *   upload part initiated initiator     inc void rev
 *   bucket {...}     cred {...}         records weight carried
 *
 * Numbers of 2^63 and more are strings of digits, because few JSON readers
 * keep them; a CRC-64, which needs all 64 bits half of the time, always is.
 */

#include "record_json.h"

typedef struct {
    cos_buf_t  *b;
    int         more;                 /* a member was written before */
} writer_t;


const char *const  cos_json_kinds[COS_J_SEAL + 1] = {
    NULL, "object", "delete", "void", "upload", "part", "abort", "bucket",
    "bucket-delete", "cred", "cred-delete", "seal"
};

const char *const  cos_json_attrs[COS_X_MAX] = {
    "tags", "target", "lock", "restore", "sse", "nonces", "part-sizes",
    "part-sums", "grants", "redirect"
};

const char *const  cos_json_bucket_attrs[COS_BX_MAX] = {
    "tags", "sse", "lock", "worm", "quota", "payer", "public-block",
    "ownership", "grants", "policy", "cors", "referer", "website", "domain",
    "origin", "limits"
};

const char *const  cos_json_cred_attrs[COS_CX_MAX] = {
    "email", "policy", "presets", "groups", "rules"
};

const char *const  cos_json_headers[COS_H_MAX] = {
    "type", "cache", "disposition", "encoding", "language", "expires"
};


/* --- members -------------------------------------------------------------- */

static void
name_put(writer_t *w, const char *name)
{
    if (w->more) {
        cos_buf_char(w->b, ',');
    }

    w->more = 1;
    cos_buf_char(w->b, '"');
    cos_buf_cstr(w->b, name);
    cos_buf_lit(w->b, "\":");
}


static void
string_put(cos_buf_t *b, cos_str_t s)
{
    cos_buf_char(b, '"');
    cos_pct_encode(b, s, COS_ENC_SLASH);
    cos_buf_char(b, '"');
}


static void
hex_put(cos_buf_t *b, const cos_u8 *p, size_t n)
{
    cos_u8  *dst;

    cos_buf_char(b, '"');

    dst = cos_buf_reserve(b, 2 * n);
    if (dst != NULL) {
        cos_hex((char *) dst, p, n);
        b->len += 2 * n;
    }

    cos_buf_char(b, '"');
}


static void
digits_put(cos_buf_t *b, uint64_t v)
{
    cos_buf_char(b, '"');
    cos_buf_uint(b, v);
    cos_buf_char(b, '"');
}


static void
member_uint(writer_t *w, const char *name, uint64_t v)
{
    if (v == 0) {
        return;
    }

    name_put(w, name);

    if (v <= INT64_MAX) {
        cos_buf_uint(w->b, v);

    } else {
        digits_put(w->b, v);
    }
}


static void
member_str(writer_t *w, const char *name, cos_str_t s)
{
    if (s.len != 0) {
        name_put(w, name);
        string_put(w->b, s);
    }
}


static void
member_word(writer_t *w, const char *name, const char *word)
{
    name_put(w, name);
    cos_buf_char(w->b, '"');
    cos_buf_cstr(w->b, word);
    cos_buf_char(w->b, '"');
}


/* --- objects -------------------------------------------------------------- */

static void
segs_put(writer_t *w, const cos_object_t *o)
{
    uint32_t    i;
    cos_buf_t  *b = w->b;

    name_put(w, "segs");

    for (i = 0; i < o->nsegs; i++) {
        cos_buf_char(b, i == 0 ? '[' : ',');
        cos_buf_char(b, '[');
        cos_buf_uint(b, o->segs[i].cid);
        cos_buf_char(b, ',');
        cos_buf_uint(b, o->segs[i].off);
        cos_buf_char(b, ',');
        cos_buf_uint(b, o->segs[i].len);
        cos_buf_char(b, ']');
    }

    cos_buf_char(b, ']');
}


static void
meta_put(writer_t *w, const cos_object_t *o)
{
    uint32_t    i;
    cos_buf_t  *b = w->b;

    name_put(w, "meta");

    for (i = 0; i < o->nmeta; i++) {
        cos_buf_char(b, i == 0 ? '[' : ',');
        cos_buf_char(b, '[');
        string_put(b, o->meta[i].name);
        cos_buf_char(b, ',');
        string_put(b, o->meta[i].value);
        cos_buf_char(b, ']');
    }

    cos_buf_char(b, ']');
}


static void
headers_put(writer_t *w, const cos_object_t *o)
{
    int        i;
    cos_str_t  s;

    for (i = 0; i < COS_H_MAX; i++) {
        s = o->header[i];

        /* absent means the default type, so the empty one must be said */
        if (i == COS_H_CONTENT_TYPE ? !cos_is_default_type(s) : s.len != 0) {
            name_put(w, cos_json_headers[i]);
            string_put(w->b, s);
        }
    }
}


static void
object_put(writer_t *w, const cos_json_t *j)
{
    int                  i;
    writer_t             in = { w->b, 0 };
    const cos_object_t  *o = &j->object;

    name_put(w, "object");
    cos_buf_char(w->b, '{');

    member_uint(&in, "size", o->size);
    member_uint(&in, "mtime", o->mtime);
    name_put(&in, "etag");
    hex_put(w->b, o->etag, COS_MD5_LEN);
    name_put(&in, "crc64");
    digits_put(w->b, o->crc64);
    member_uint(&in, "parts", o->parts);

    /* the document's, in all but a template */
    if (o->seq != j->seq) {
        name_put(&in, "seq");
        digits_put(w->b, o->seq);
    }

    member_uint(&in, "rev", o->rev);
    member_uint(&in, "home", o->home);
    member_uint(&in, "flags", o->flags);
    if (o->acl != COS_ACL_DEFAULT) {
        member_word(&in, "acl", cos_acl_name(o->acl));
    }
    if (o->cls != COS_CLASS_STANDARD) {
        member_word(&in, "class", cos_class_name(o->cls));
    }
    member_uint(&in, "owner", o->owner);
    headers_put(&in, o);
    if (o->nmeta != 0) {
        meta_put(&in, o);
    }
    if (o->sum_type != COS_SUM_NONE) {
        name_put(&in, "sum");
        cos_buf_lit(w->b, "[\"");
        cos_buf_cstr(w->b, cos_sum_name(o->sum_type));
        cos_buf_lit(w->b, "\",");
        hex_put(w->b, o->sum, cos_sum_len(o->sum_type));
        cos_buf_char(w->b, ']');
    }
    member_str(&in, "upload", o->upload);
    member_uint(&in, "born", o->born);
    for (i = 0; i < COS_X_MAX; i++) {
        member_str(&in, cos_json_attrs[i], o->attr[i]);
    }
    if (!j->self && o->nsegs != 0) {
        segs_put(&in, o);
    }

    cos_buf_char(w->b, '}');
}


/* --- buckets and credentials ---------------------------------------------- */

static void
bucket_put(writer_t *w, const cos_bucket_t *k)
{
    int       i;
    writer_t  in = { w->b, 0 };

    name_put(w, "bucket");
    cos_buf_char(w->b, '{');
    member_str(&in, "name", k->name);
    member_str(&in, "id", k->id);
    member_uint(&in, "owner", k->owner);
    member_uint(&in, "created", k->created);
    member_uint(&in, "seq", k->seq);
    member_word(&in, "acl", cos_acl_name(k->acl));
    member_str(&in, "region", k->region);
    member_uint(&in, "versioning", k->versioning);
    for (i = 0; i < COS_BX_MAX; i++) {
        member_str(&in, cos_json_bucket_attrs[i], k->attr[i]);
    }
    cos_buf_char(w->b, '}');
}


static void
cred_put(writer_t *w, const cos_cred_t *c)
{
    int       i;
    writer_t  in = { w->b, 0 };

    name_put(w, "cred");
    cos_buf_char(w->b, '{');
    member_str(&in, "ak", c->access_key);
    name_put(&in, "sealed");
    hex_put(w->b, c->sealed.data, c->sealed.len);
    member_str(&in, "user", c->user);
    member_uint(&in, "uid", c->uid);
    member_uint(&in, "created", c->created);
    member_uint(&in, "seq", c->seq);
    member_uint(&in, "disabled", c->disabled);
    member_uint(&in, "kind", (uint64_t) c->kind);
    member_uint(&in, "sub", c->sub);
    member_uint(&in, "since", c->since);
    for (i = 0; i < COS_CX_MAX; i++) {
        member_str(&in, cos_json_cred_attrs[i], c->attr[i]);
    }
    cos_buf_char(w->b, '}');
}


/* --- documents ------------------------------------------------------------ */

/*
 * What a document of its kind must say to be of any use in a rebuild; the
 * decoder asks the same.
 */
int
cos_json_complete(const cos_json_t *j)
{
    if (j->bid.len > COS_TEXT_MAX || j->key.len > COS_TEXT_MAX
        || j->upload.len > COS_TEXT_MAX)
    {
        return 0;
    }

    switch (j->kind) {

    case COS_J_OBJECT:
        return j->bid.len != 0 && j->key.len != 0
               && cos_object_fits(&j->object);

    case COS_J_DELETE:
        return j->bid.len != 0 && j->key.len != 0;

    case COS_J_UPLOAD:
        return j->bid.len != 0 && j->key.len != 0 && j->upload.len != 0
               && cos_object_fits(&j->object);

    case COS_J_PART:
        return j->bid.len != 0 && j->upload.len != 0 && j->part != 0
               && j->part <= COS_PARTS_MAX && cos_object_fits(&j->object);

    case COS_J_ABORT:
        return j->bid.len != 0 && j->upload.len != 0;

    case COS_J_BUCKET:
        return cos_bucket_fits(&j->bucket);

    case COS_J_BUCKET_DELETE:
        return j->bid.len != 0 && j->bucket.name.len != 0
               && j->bucket.name.len <= COS_TEXT_MAX;

    case COS_J_CRED:
        return cos_cred_fits(&j->cred);

    case COS_J_CRED_DELETE:
        return j->cred.access_key.len != 0
               && j->cred.access_key.len <= COS_TEXT_MAX;

    case COS_J_VOID:
    case COS_J_SEAL:
        return 1;
    }

    return 0;
}


static void
kind_put(writer_t *w, const cos_json_t *j)
{
    switch (j->kind) {

    case COS_J_OBJECT:
    case COS_J_PART:
    case COS_J_UPLOAD:
        member_str(w, "upload", j->upload);
        member_uint(w, "part", j->part);
        member_uint(w, "initiated", j->initiated);
        member_uint(w, "initiator", j->initiator);
        if (j->self) {
            name_put(w, "self");
            cos_buf_lit(w->b, "true");
        }
        object_put(w, j);
        break;

    case COS_J_ABORT:
        member_str(w, "upload", j->upload);
        break;

    case COS_J_VOID:
        member_str(w, "upload", j->upload);
        member_uint(w, "part", j->part);
        member_str(w, "name", j->bucket.name);
        member_str(w, "ak", j->cred.access_key);
        member_uint(w, "inc", j->inc);
        member_uint(w, "version", j->version);
        member_uint(w, "void", j->void_seq);
        member_uint(w, "rev", j->void_rev);
        break;

    case COS_J_BUCKET:
        bucket_put(w, &j->bucket);
        break;

    case COS_J_BUCKET_DELETE:
        member_str(w, "name", j->bucket.name);
        break;

    case COS_J_CRED:
        cred_put(w, &j->cred);
        member_str(w, "quota", j->quota);
        break;

    case COS_J_CRED_DELETE:
        member_str(w, "ak", j->cred.access_key);
        break;

    case COS_J_SEAL:
        member_uint(w, "records", j->records);
        member_uint(w, "weight", j->weight);
        member_uint(w, "carried", j->carried);
        break;

    case COS_J_DELETE:
        member_uint(w, "version", j->version);
        break;
    }
}


int
cos_json_encode(cos_buf_t *b, const cos_json_t *j)
{
    writer_t  w = { b, 0 };

    if (!cos_json_complete(j)) {
        return -1;
    }

    cos_buf_char(b, '{');
    member_uint(&w, "v", COS_RECORD_VERSION);
    member_word(&w, "kind", cos_json_kinds[j->kind]);
    member_str(&w, "bid", j->bid);
    member_str(&w, "key", j->key);
    member_uint(&w, "seq", j->seq);
    kind_put(&w, j);
    cos_buf_char(b, '}');

    return b->err ? -1 : 0;
}
