/*
 * xml: listings of buckets, of objects and of uploads in progress, and the
 * tokens that page through them.
 */

#include "cos_facts.h"
#include "cos_class.h"
#include "xml.h"

static void contents(cos_buf_t *b, const cos_xml_listing_t *l, cos_str_t key,
    const cos_object_t *o);
static void listing_head(cos_buf_t *b, const cos_xml_listing_t *l);
static void paging_v1(cos_buf_t *b, const cos_xml_listing_t *l);
static void paging_v2(cos_buf_t *b, const cos_xml_listing_t *l);
static void uploads_head(cos_buf_t *b, const cos_xml_uploads_t *l);
static void upload(cos_buf_t *b, const cos_xml_uploads_t *l, cos_str_t key,
    cos_str_t id, const cos_upload_t *u);


/* --- buckets -------------------------------------------------------------- */

void
cos_xml_buckets(cos_buf_t *b, cos_dialect_e d, uint64_t owner,
    cos_str_t owner_name, const cos_xml_bucket_t *v, size_t n,
    cos_str_t marker, cos_str_t next, int truncated)
{
    int     s3;
    size_t  i;

    if (d == COS_DIALECT_BOS) {
        cos_bos_buckets(b, owner, owner_name, v, n, marker, next, truncated);
        return;
    }

    s3 = d == COS_DIALECT_S3;

    cos_xml_root(b, d, "ListAllMyBucketsResult");
    cos_buf_lit(b, "<Owner><ID>");
    cos_owner_id(b, d, 0, owner);
    cos_buf_lit(b, "</ID>");
    cos_xml_elem(b, "DisplayName", owner_name);
    cos_buf_lit(b, "</Owner><Buckets>");

    for (i = 0; i < n; i++) {
        cos_buf_lit(b, "<Bucket>");
        cos_xml_elem(b, "Name", v[i].name);
        cos_xml_elem(b, s3 ? "BucketRegion" : "Location", v[i].region);
        cos_xml_elem_date(b, "CreationDate", v[i].created, s3);

        if (!s3) {
            cos_buf_lit(b, "<BucketType>cos</BucketType>");
        }

        cos_buf_lit(b, "</Bucket>");
    }

    cos_buf_lit(b, "</Buckets>");

    if (!s3) {
        cos_xml_elem(b, "Marker", marker);
        cos_xml_elem(b, "NextMarker", next);
        cos_xml_elem_bool(b, "IsTruncated", truncated);

    } else if (truncated) {
        cos_buf_lit(b, "<ContinuationToken>");
        cos_token_encode(b, next);
        cos_buf_lit(b, "</ContinuationToken>");
    }

    cos_xml_close(b, "ListAllMyBucketsResult");
}


/* --- objects -------------------------------------------------------------- */

int
cos_xml_listing(cos_buf_t *b, const cos_xml_listing_t *l)
{
    int           with_owner;
    size_t        i;
    cos_u8        space[256];
    cos_buf_t     owner;
    cos_object_t  o;

    if (l->dialect == COS_DIALECT_BOS) {
        return cos_bos_listing(b, l);
    }

    /* The same in nearly all entries, and a hash in S3: written once. */
    owner = (cos_buf_t) {
        .data = space, .cap = sizeof(space), .alloc = b->alloc
    };

    with_owner = l->owner || !l->v2;

    if (with_owner) {
        cos_xml_elem_owner(&owner, l->dialect, "Owner", 1, l->bucket_owner);
        b->err |= owner.err;
    }

    listing_head(b, l);

    for (i = 0; i < l->nkeys; i++) {
        if (cos_facts_decode(&o, l->facts[i]) != 0) {
            return -1;
        }

        cos_buf_lit(b, "<Contents>");
        contents(b, l, l->keys[i], &o);

        if (!with_owner) {
            /* void */

        } else if (o.owner == 0 || o.owner == l->bucket_owner) {
            cos_buf_add(b, owner.data, owner.len);

        } else {
            cos_xml_elem_owner(b, l->dialect, "Owner", 1, o.owner);
        }

        cos_xml_elem_cstr(b, "StorageClass", cos_class_shown(o.cls, l->dialect));
        cos_buf_lit(b, "</Contents>");
    }

    cos_xml_prefixes(b, l->prefixes, l->nprefixes, l->url);
    cos_xml_close(b, "ListBucketResult");

    return 0;
}


/* What stands before the owner. */
static void
contents(cos_buf_t *b, const cos_xml_listing_t *l, cos_str_t key,
    const cos_object_t *o)
{
    cos_xml_elem_key(b, "Key", key, l->url);
    cos_xml_elem_date(b, "LastModified", o->mtime, 1);
    cos_xml_elem_etag(b, o);

    if (l->dialect == COS_DIALECT_S3 && o->sum_type != COS_SUM_NONE) {
        cos_xml_elem_cstr(b, "ChecksumAlgorithm", cos_sum_name(o->sum_type));
        cos_xml_elem_sum_type(b, o);
    }

    cos_xml_elem_uint(b, "Size", o->size);
}


static void
listing_head(cos_buf_t *b, const cos_xml_listing_t *l)
{
    cos_xml_root(b, l->dialect, "ListBucketResult");
    cos_xml_elem(b, "Name", l->bucket);

    if (l->url) {
        cos_buf_lit(b, "<EncodingType>url</EncodingType>");
    }

    cos_xml_elem_key(b, "Prefix", l->prefix, l->url);

    if (l->v2) {
        paging_v2(b, l);

    } else {
        paging_v1(b, l);
    }

    cos_xml_elem_uint(b, "MaxKeys", l->max_keys);

    if (l->has_delimiter) {
        cos_xml_elem_key(b, "Delimiter", l->delimiter, l->url);
    }

    cos_xml_elem_bool(b, "IsTruncated", l->truncated);
}


static void
paging_v1(cos_buf_t *b, const cos_xml_listing_t *l)
{
    cos_xml_elem_key(b, "Marker", l->marker, l->url);

    /* S3 leaves it to the client to go on from the last key, unless common
     * prefixes may come after that one */
    if (l->truncated && (l->dialect == COS_DIALECT_COS || l->has_delimiter)) {
        cos_xml_elem_key(b, "NextMarker", l->next, l->url);
    }
}


static void
paging_v2(cos_buf_t *b, const cos_xml_listing_t *l)
{
    if (l->has_marker) {
        cos_xml_elem_key(b, "StartAfter", l->marker, l->url);
    }

    if (l->has_token) {
        cos_xml_elem(b, "ContinuationToken", l->token);
    }

    if (l->truncated) {
        cos_buf_lit(b, "<NextContinuationToken>");
        cos_token_encode(b, l->next);
        cos_buf_lit(b, "</NextContinuationToken>");
    }

    cos_xml_elem_uint(b, "KeyCount", l->nkeys + l->nprefixes);
}


/* --- tokens --------------------------------------------------------------- */

/* "1" for the form, then base64 with '-' and '_' and without padding, as it
 * travels in URLs that not every client escapes. */
void
cos_token_encode(cos_buf_t *b, cos_str_t key)
{
    size_t   start;
    cos_u8  *p;

    cos_buf_char(b, '1');
    start = b->len;
    cos_base64(b, key.data, key.len);

    if (b->err) {
        return;
    }

    while (b->len > start && b->data[b->len - 1] == '=') {
        b->len--;
    }

    for (p = b->data + start; p < b->data + b->len; p++) {
        *p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
    }
}


int
cos_token_decode(cos_str_t token, cos_str_t *key, cos_alloc_t *a)
{
    size_t     i;
    ptrdiff_t  n;
    cos_str_t  text;

    if (token.len < 1 || token.data[0] != '1') {
        return -1;
    }

    text.len = (token.len - 1 + 3) / 4 * 4;
    text.data = cos_alloc(a, text.len + 1);
    key->data = cos_alloc(a, text.len / 4 * 3 + 1);

    if (text.data == NULL || key->data == NULL) {
        return -1;
    }

    memset(text.data, '=', text.len);

    for (i = 1; i < token.len; i++) {
        switch (token.data[i]) {
        case '-':
            text.data[i - 1] = '+';
            break;
        case '_':
            text.data[i - 1] = '/';
            break;
        case '+':
        case '/':
        case '=':
            return -1;
        default:
            text.data[i - 1] = token.data[i];
        }
    }

    n = cos_unbase64(key->data, text);
    if (n < 0) {
        return -1;
    }

    key->len = n;
    key->data[n] = '\0';

    return 0;
}


/* --- uploads -------------------------------------------------------------- */

int
cos_xml_uploads(cos_buf_t *b, const cos_xml_uploads_t *l, cos_alloc_t *a)
{
    size_t        i;
    cos_upload_t  u;

    if (l->dialect == COS_DIALECT_BOS) {
        return cos_bos_uploads(b, l, a);
    }

    uploads_head(b, l);

    for (i = 0; i < l->n; i++) {
        if (cos_upload_decode(&u, l->records[i], a) != 0) {
            return -1;
        }

        upload(b, l, l->keys[i], l->ids[i], &u);
    }

    cos_xml_prefixes(b, l->prefixes, l->nprefixes, l->url);
    cos_xml_close(b, "ListMultipartUploadsResult");

    return 0;
}


static void
uploads_head(cos_buf_t *b, const cos_xml_uploads_t *l)
{
    cos_xml_root(b, l->dialect, "ListMultipartUploadsResult");
    cos_xml_elem(b, "Bucket", l->bucket);

    if (l->dialect == COS_DIALECT_COS) {
        cos_xml_elem_cstr(b, "Encoding-Type", l->url ? "url" : "");

    } else if (l->url) {
        cos_xml_elem_cstr(b, "EncodingType", "url");
    }

    cos_xml_elem_key(b, "KeyMarker", l->key_marker, l->url);
    cos_xml_elem(b, "UploadIdMarker", l->id_marker);
    cos_xml_elem_key(b, "NextKeyMarker", l->next_key, l->url);
    cos_xml_elem(b, "NextUploadIdMarker", l->next_id);
    cos_xml_elem_uint(b, "MaxUploads", l->max_uploads);
    cos_xml_elem_bool(b, "IsTruncated", l->truncated);
    cos_xml_elem_key(b, "Prefix", l->prefix, l->url);

    if (l->has_delimiter) {
        cos_xml_elem_key(b, "Delimiter", l->delimiter, l->url);
    }
}


static void
upload(cos_buf_t *b, const cos_xml_uploads_t *l, cos_str_t key, cos_str_t id,
    const cos_upload_t *u)
{
    uint64_t  owner;

    owner = u->object.owner != 0 ? u->object.owner : l->bucket_owner;

    cos_buf_lit(b, "<Upload>");
    cos_xml_elem_key(b, "Key", key, l->url);
    cos_xml_elem(b, "UploadId", id);
    cos_xml_elem_cstr(b, "StorageClass",
                      cos_class_shown(u->object.cls, l->dialect));
    cos_xml_elem_owner(b, l->dialect, "Initiator", 0, u->initiator);
    cos_xml_elem_owner(b, l->dialect, "Owner", 0, owner);
    cos_xml_elem_date(b, "Initiated", u->initiated, 1);

    if (l->dialect == COS_DIALECT_S3 && u->object.sum_type != COS_SUM_NONE) {
        cos_xml_elem_cstr(b, "ChecksumAlgorithm",
                          cos_sum_name(u->object.sum_type));
        cos_xml_elem_sum_type(b, &u->object);
    }

    cos_buf_lit(b, "</Upload>");
}
