/*
 * xml, BOS dialect: listings.
 */

#include "cos_facts.h"
#include "cos_class.h"
#include "xml.h"

static void listing_head(cos_buf_t *b, const cos_xml_listing_t *l);


void
cos_bos_buckets(cos_buf_t *b, uint64_t owner, cos_str_t owner_name,
    const cos_xml_bucket_t *v, size_t n, cos_str_t marker, cos_str_t next,
    int truncated)
{
    size_t  i;

    cos_buf_char(b, '{');
    cos_bos_name(b, "owner");
    cos_buf_lit(b, "{\"id\":\"");
    cos_owner_id(b, COS_DIALECT_BOS, 0, owner);
    cos_buf_char(b, '"');
    cos_bos_str(b, "displayName", owner_name);
    cos_buf_char(b, '}');
    cos_bos_name(b, "buckets");
    cos_buf_char(b, '[');

    for (i = 0; i < n; i++) {
        cos_bos_item(b);
        cos_bos_str(b, "name", v[i].name);
        cos_bos_str(b, "location", v[i].region);
        cos_bos_date(b, "creationDate", v[i].created);
        cos_buf_char(b, '}');
    }

    cos_buf_char(b, ']');
    cos_bos_str(b, "marker", marker);
    cos_bos_bool(b, "isTruncated", truncated);

    if (truncated) {
        cos_bos_str(b, "nextMarker", next);
    }

    cos_buf_char(b, '}');
}


int
cos_bos_listing(cos_buf_t *b, const cos_xml_listing_t *l)
{
    size_t        i;
    cos_object_t  o;

    listing_head(b, l);
    cos_bos_name(b, "contents");
    cos_buf_char(b, '[');

    for (i = 0; i < l->nkeys; i++) {
        if (cos_facts_decode(&o, l->facts[i]) != 0) {
            return -1;
        }

        cos_bos_item(b);
        cos_bos_key(b, "key", l->keys[i], l->url);
        cos_bos_date(b, "lastModified", o.mtime);
        cos_bos_etag(b, &o);
        cos_bos_uint(b, "size", o.size);
        cos_bos_cstr(b, "storageClass", cos_class_shown(o.cls, l->dialect));
        cos_bos_owner(b, "owner", o.owner != 0 ? o.owner : l->bucket_owner);
        cos_buf_char(b, '}');
    }

    cos_buf_char(b, ']');
    cos_bos_prefixes(b, l->prefixes, l->nprefixes, l->url);
    cos_buf_char(b, '}');

    return 0;
}


static void
listing_head(cos_buf_t *b, const cos_xml_listing_t *l)
{
    cos_buf_char(b, '{');
    cos_bos_str(b, "name", l->bucket);
    cos_bos_key(b, "prefix", l->prefix, l->url);
    cos_bos_key(b, "delimiter", l->delimiter, l->url);
    cos_bos_key(b, "marker", l->marker, l->url);
    cos_bos_uint(b, "maxKeys", l->max_keys);
    cos_bos_bool(b, "isTruncated", l->truncated);

    if (l->truncated) {
        cos_bos_key(b, "nextMarker", l->next, l->url);
    }
}


int
cos_bos_uploads(cos_buf_t *b, const cos_xml_uploads_t *l, cos_alloc_t *a)
{
    size_t        i;
    cos_upload_t  u;

    cos_buf_char(b, '{');
    cos_bos_str(b, "bucket", l->bucket);
    cos_bos_key(b, "prefix", l->prefix, l->url);
    cos_bos_key(b, "delimiter", l->delimiter, l->url);
    cos_bos_key(b, "keyMarker", l->key_marker, l->url);
    cos_bos_uint(b, "maxUploads", l->max_uploads);
    cos_bos_bool(b, "isTruncated", l->truncated);

    if (l->truncated) {
        cos_bos_key(b, "nextKeyMarker", l->next_key, l->url);
    }

    cos_bos_name(b, "uploads");
    cos_buf_char(b, '[');

    for (i = 0; i < l->n; i++) {
        if (cos_upload_decode(&u, l->records[i], a) != 0) {
            return -1;
        }

        cos_bos_item(b);
        cos_bos_key(b, "key", l->keys[i], l->url);
        cos_bos_str(b, "uploadId", l->ids[i]);
        cos_bos_owner(b, "owner", u.object.owner != 0 ? u.object.owner
                                                      : l->bucket_owner);
        cos_bos_date(b, "initiated", u.initiated);
        cos_bos_cstr(b, "storageClass",
                     cos_class_shown(u.object.cls, l->dialect));
        cos_buf_char(b, '}');
    }

    cos_buf_char(b, ']');
    cos_bos_prefixes(b, l->prefixes, l->nprefixes, l->url);
    cos_buf_char(b, '}');

    return 0;
}


int
cos_bos_parts(cos_buf_t *b, const cos_xml_parts_t *l)
{
    size_t        i;
    cos_object_t  o;

    cos_buf_char(b, '{');
    cos_bos_str(b, "bucket", l->bucket);
    cos_bos_key(b, "key", l->key, l->url);
    cos_bos_str(b, "uploadId", l->upload);
    cos_bos_owner(b, "owner", l->owner);
    cos_bos_uint(b, "partNumberMarker", l->marker);
    cos_bos_uint(b, "nextPartNumberMarker", l->next);
    cos_bos_uint(b, "maxParts", l->max_parts);
    cos_bos_bool(b, "isTruncated", l->truncated);
    cos_bos_cstr(b, "storageClass", cos_class_shown(l->cls, l->dialect));
    cos_bos_name(b, "parts");
    cos_buf_char(b, '[');

    for (i = 0; i < l->n; i++) {
        if (cos_object_decode(&o, l->records[i], NULL) != 0) {
            return -1;
        }

        cos_bos_item(b);
        cos_bos_uint(b, "partNumber", l->numbers[i]);
        cos_bos_date(b, "lastModified", o.mtime);
        cos_bos_etag(b, &o);
        cos_bos_uint(b, "size", o.size);
        cos_buf_char(b, '}');
    }

    cos_buf_lit(b, "]}");

    return 0;
}
