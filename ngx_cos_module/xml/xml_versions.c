/*
 * xml: listings of versions and delete markers (COS: GET Bucket object
 * versions, S3: ListObjectVersions). Both kinds stand in the order of keys, the
 * newest version of a key first.
 */

#include "cos_facts.h"
#include "xml.h"


static void
version_id(cos_buf_t *b, const char *name, const cos_xml_versions_t *l,
    const cos_object_t *o)
{
    char       text[COS_VERSION_LEN];
    cos_str_t  id;

    id.data = (cos_u8 *) text;
    id.len = cos_version_print(text, cos_object_version(o));

    /* COS has no ids where there never were versions */
    if (l->dialect == COS_DIALECT_COS && !l->versioned) {
        id.len = 0;
    }

    cos_xml_elem(b, name, id);
}


static void
entry(cos_buf_t *b, const cos_xml_versions_t *l, size_t i,
    const cos_object_t *o)
{
    int          marker;
    const char  *name;

    marker = (o->flags & COS_F_MARKER) != 0;
    name = marker ? "DeleteMarker" : "Version";

    cos_xml_open(b, name);
    cos_xml_elem_key(b, "Key", l->keys[i], l->url);
    version_id(b, "VersionId", l, o);
    cos_xml_elem_bool(b, "IsLatest", l->show[i] != COS_SHOW_OLDER);
    cos_xml_elem_date(b, "LastModified", o->mtime, 1);

    if (!marker) {
        cos_xml_elem_etag(b, o);

        if (l->dialect == COS_DIALECT_S3 && o->sum_type != COS_SUM_NONE) {
            cos_xml_elem_cstr(b, "ChecksumAlgorithm",
                              cos_sum_name(o->sum_type));
            cos_xml_elem_sum_type(b, o);
        }

        cos_xml_elem_uint(b, "Size", o->size);
        cos_xml_elem_cstr(b, "StorageClass",
                          cos_class_name(o->cls));
    }

    cos_xml_elem_owner(b, l->dialect, "Owner", 1,
                       o->owner != 0 ? o->owner : l->bucket_owner);
    cos_xml_close(b, name);
}


static int
next_markers(cos_buf_t *b, const cos_xml_versions_t *l)
{
    cos_object_t  o;

    if (l->last_prefix.len != 0) {
        cos_xml_elem_key(b, "NextKeyMarker", l->last_prefix, l->url);
        return 0;
    }

    if (l->n == 0 || cos_facts_decode(&o, l->facts[l->n - 1]) != 0) {
        return -1;
    }

    cos_xml_elem_key(b, "NextKeyMarker", l->keys[l->n - 1], l->url);
    version_id(b, "NextVersionIdMarker", l, &o);

    return 0;
}


int
cos_xml_versions(cos_buf_t *b, const cos_xml_versions_t *l)
{
    size_t        i;
    cos_object_t  o;

    cos_xml_root(b, l->dialect, "ListVersionsResult");

    if (l->url) {
        cos_buf_lit(b, "<EncodingType>url</EncodingType>");
    }

    cos_xml_elem(b, "Name", l->bucket);
    cos_xml_elem_key(b, "Prefix", l->prefix, l->url);
    cos_xml_elem_key(b, "KeyMarker", l->key_marker, l->url);
    cos_xml_elem(b, "VersionIdMarker", l->version_marker);
    cos_xml_elem_uint(b, "MaxKeys", l->max_keys);

    if (l->has_delimiter) {
        cos_xml_elem_key(b, "Delimiter", l->delimiter, l->url);
    }

    cos_xml_elem_bool(b, "IsTruncated", l->truncated);

    if (l->truncated && next_markers(b, l) != 0) {
        return -1;
    }

    for (i = 0; i < l->n; i++) {
        if (cos_facts_decode(&o, l->facts[i]) != 0) {
            return -1;
        }

        entry(b, l, i, &o);
    }

    cos_xml_prefixes(b, l->prefixes, l->nprefixes, l->url);
    cos_xml_close(b, "ListVersionsResult");

    return 0;
}
