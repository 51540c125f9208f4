/*
 * xml: GetObjectAttributes (S3 API, "GetObjectAttributes"). Parts are listed
 * only when their checksums are known, as in S3.
 */

#include "cos_parts.h"
#include "cos_xml_attributes.h"
#include "cos_class.h"
#include "xml.h"


cos_err_e
cos_attributes_parse(cos_str_t list, unsigned *want)
{
    size_t      i, k;
    cos_str_t   item;

    static const struct {
        const char  *name;
        unsigned     bit;
    } names[] = {
        { "ETag", COS_ATTR_ETAG }, { "Checksum", COS_ATTR_CHECKSUM },
        { "ObjectParts", COS_ATTR_PARTS }, { "StorageClass", COS_ATTR_CLASS },
        { "ObjectSize", COS_ATTR_SIZE },
    };

    for (i = 0; i <= list.len; i++) {
        item.data = list.data + i;

        while (i < list.len && list.data[i] != ',') {
            i++;
        }

        item.len = list.data + i - item.data;
        item = cos_str_trim(item);

        for (k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
            if (cos_str_is(item, names[k].name)) {
                *want |= names[k].bit;
                break;
            }
        }

        if (k == sizeof(names) / sizeof(names[0])) {
            return COS_E_INVALID_ARGUMENT;
        }
    }

    return COS_OK;
}


static void
one_part(cos_buf_t *b, const cos_object_t *o, uint64_t n)
{
    uint64_t      first, len;
    cos_object_t  part;

    memset(&part, 0, sizeof(cos_object_t));
    part.sum_type = o->sum_type;

    if (cos_part_range(o, n, &first, &len) != 0
        || cos_part_sum(o, n, part.sum) != 0)
    {
        return;
    }

    cos_xml_open(b, "Part");
    cos_xml_elem_uint(b, "PartNumber", n);
    cos_xml_elem_uint(b, "Size", len);
    cos_xml_elem_sum(b, &part);
    cos_xml_close(b, "Part");
}


static void
object_parts(cos_buf_t *b, const cos_xml_attributes_t *l)
{
    uint64_t             n, count, last;
    cos_u8               sum[COS_SHA256_LEN];
    const cos_object_t  *o = l->object;

    if (o->parts == 0 || (o->flags & COS_F_APPENDABLE)) {
        return;
    }

    count = cos_parts_count(o);

    cos_xml_open(b, "ObjectParts");

    if (cos_part_sum(o, 1, sum) == 0) {
        last = l->marker >= count ? count
               : count - l->marker > l->max_parts ? l->marker + l->max_parts
               : count;

        cos_xml_elem_uint(b, "PartNumberMarker", l->marker);
        cos_xml_elem_uint(b, "NextPartNumberMarker",
                          last > l->marker ? last : l->marker);
        cos_xml_elem_uint(b, "MaxParts", l->max_parts);
        cos_xml_elem_bool(b, "IsTruncated", last < count && l->max_parts);

        for (n = l->marker + 1; n <= last; n++) {
            one_part(b, o, n);
        }
    }

    cos_xml_elem_uint(b, "PartsCount", o->parts);
    cos_xml_close(b, "ObjectParts");
}


void
cos_xml_attributes(cos_buf_t *b, const cos_xml_attributes_t *l)
{
    char                 etag[40];
    cos_str_t            s;
    const cos_object_t  *o = l->object;

    cos_xml_root(b, l->dialect, "GetObjectAttributesResponse");

    if (l->want & COS_ATTR_ETAG) {
        /* without quotes, unlike everywhere else */
        s.data = (cos_u8 *) etag;
        s.len = cos_object_etag(etag, o->etag, o->parts);
        cos_xml_elem(b, "ETag", s);
    }

    if ((l->want & COS_ATTR_CHECKSUM) && o->sum_type != COS_SUM_NONE) {
        cos_xml_open(b, "Checksum");
        cos_xml_elem_sum(b, o);
        cos_xml_elem_sum_type(b, o);
        cos_xml_close(b, "Checksum");
    }

    if (l->want & COS_ATTR_PARTS) {
        object_parts(b, l);
    }

    if (l->want & COS_ATTR_CLASS) {
        cos_xml_elem_cstr(b, "StorageClass",
                          cos_class_shown(o->cls, l->dialect));
    }

    if (l->want & COS_ATTR_SIZE) {
        cos_xml_elem_uint(b, "ObjectSize", o->size);
    }

    cos_xml_close(b, "GetObjectAttributesResponse");
}
