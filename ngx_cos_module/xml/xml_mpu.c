/*
 * xml: answers about single objects: multipart uploads, copies, the result of
 * a multi-object delete; and where a bucket is.
 */

#include "cos_class.h"
#include "xml.h"

static void part(cos_buf_t *b, cos_dialect_e d, uint32_t number,
    const cos_object_t *o);
static void parts_head(cos_buf_t *b, const cos_xml_parts_t *l);


void
cos_xml_location(cos_buf_t *b, cos_dialect_e d, cos_str_t region)
{
    if (d == COS_DIALECT_BOS) {
        cos_bos_location(b, region);
        return;
    }

    /* S3 clients know its oldest region by an empty element */
    if (d == COS_DIALECT_S3 && cos_str_is(region, "us-east-1")) {
        region.len = 0;
    }

    cos_xml_root(b, d, "LocationConstraint");
    cos_xml_text(b, region);
    cos_xml_close(b, "LocationConstraint");
}


/* S3 writes this one without a namespace. */
void
cos_xml_post_response(cos_buf_t *b, cos_str_t location, cos_str_t bucket,
    cos_str_t key, const cos_object_t *o)
{
    cos_xml_root(b, COS_DIALECT_COS, "PostResponse");
    cos_xml_elem(b, "Location", location);
    cos_xml_elem(b, "Bucket", bucket);
    cos_xml_elem(b, "Key", key);
    cos_xml_elem_etag(b, o);
    cos_xml_close(b, "PostResponse");
}


/* --- multipart upload ----------------------------------------------------- */

void
cos_xml_initiate(cos_buf_t *b, cos_dialect_e d, cos_str_t bucket,
    cos_str_t key, cos_str_t upload)
{
    if (d == COS_DIALECT_BOS) {
        cos_bos_initiate(b, bucket, key, upload);
        return;
    }

    cos_xml_root(b, d, "InitiateMultipartUploadResult");
    cos_xml_elem(b, "Bucket", bucket);
    cos_xml_elem(b, "Key", key);
    cos_xml_elem(b, "UploadId", upload);
    cos_xml_close(b, "InitiateMultipartUploadResult");
}


int
cos_xml_parts(cos_buf_t *b, const cos_xml_parts_t *l)
{
    size_t        i;
    cos_object_t  o;

    if (l->dialect == COS_DIALECT_BOS) {
        return cos_bos_parts(b, l);
    }

    parts_head(b, l);

    for (i = 0; i < l->n; i++) {
        if (cos_object_decode(&o, l->records[i], NULL) != 0) {
            return -1;
        }

        part(b, l->dialect, l->numbers[i], &o);
    }

    cos_xml_close(b, "ListPartsResult");

    return 0;
}


static void
parts_head(cos_buf_t *b, const cos_xml_parts_t *l)
{
    int  cos;

    cos = l->dialect == COS_DIALECT_COS;

    cos_xml_root(b, l->dialect, "ListPartsResult");
    cos_xml_elem(b, "Bucket", l->bucket);

    if (cos) {
        cos_xml_elem_cstr(b, "Encoding-type", l->url ? "url" : "");

    } else if (l->url) {
        cos_xml_elem_cstr(b, "EncodingType", "url");
    }

    cos_xml_elem_key(b, "Key", l->key, l->url);
    cos_xml_elem(b, "UploadId", l->upload);
    cos_xml_elem_owner(b, l->dialect, "Owner", 1, l->owner);
    cos_xml_elem_uint(b, "PartNumberMarker", l->marker);
    cos_xml_elem_owner(b, l->dialect, "Initiator", 0, l->initiator);
    cos_xml_elem_uint(b, "NextPartNumberMarker", l->next);
    cos_xml_elem_cstr(b, "StorageClass", cos_class_shown(l->cls, l->dialect));
    cos_xml_elem_uint(b, "MaxParts", l->max_parts);
    cos_xml_elem_bool(b, "IsTruncated", l->truncated);

    if (!cos && l->sum_type != COS_SUM_NONE) {
        cos_xml_elem_cstr(b, "ChecksumAlgorithm", cos_sum_name(l->sum_type));
        cos_xml_elem_cstr(b, "ChecksumType",
                          l->composite ? "COMPOSITE" : "FULL_OBJECT");
    }
}


static void
part(cos_buf_t *b, cos_dialect_e d, uint32_t number, const cos_object_t *o)
{
    cos_buf_lit(b, "<Part>");
    cos_xml_elem_uint(b, "PartNumber", number);
    cos_xml_elem_date(b, "LastModified", o->mtime, 1);
    cos_xml_elem_etag(b, o);
    cos_xml_elem_uint(b, "Size", o->size);

    if (d == COS_DIALECT_S3) {
        cos_xml_elem_sum(b, o);
    }

    cos_buf_lit(b, "</Part>");
}


void
cos_xml_complete(cos_buf_t *b, cos_dialect_e d, cos_str_t location,
    cos_str_t bucket, cos_str_t key, const cos_object_t *o)
{
    if (d == COS_DIALECT_BOS) {
        cos_bos_complete(b, location, bucket, key, o);
        return;
    }

    if (d == COS_DIALECT_COS) {
        cos_buf_lit(b, "<?xml version='1.0' encoding='utf-8' ?>\n"
            "<CompleteMultipartUploadResult"
            " xmlns=\"http://www.qcloud.com/document/product/436/7751\">");

    } else {
        cos_xml_root(b, d, "CompleteMultipartUploadResult");
    }

    cos_xml_elem(b, "Location", location);
    cos_xml_elem(b, "Bucket", bucket);
    cos_xml_elem(b, "Key", key);
    cos_xml_elem_etag(b, o);

    if (d == COS_DIALECT_S3) {
        cos_xml_elem_sum(b, o);
        cos_xml_elem_sum_type(b, o);
    }

    cos_xml_close(b, "CompleteMultipartUploadResult");
}


/* --- copies --------------------------------------------------------------- */

void
cos_xml_copy(cos_buf_t *b, cos_dialect_e d, const cos_object_t *o)
{
    if (d == COS_DIALECT_BOS) {
        cos_bos_copy(b, o);
        return;
    }

    cos_xml_root(b, d, "CopyObjectResult");
    cos_xml_elem_etag(b, o);

    if (d == COS_DIALECT_COS) {
        cos_xml_elem_uint(b, "CRC64", o->crc64);
    }

    cos_xml_elem_date(b, "LastModified", o->mtime, d == COS_DIALECT_S3);

    if (d == COS_DIALECT_S3) {
        cos_xml_elem_sum(b, o);
        cos_xml_elem_sum_type(b, o);
    }

    cos_xml_close(b, "CopyObjectResult");
}


void
cos_xml_copy_part(cos_buf_t *b, cos_dialect_e d, const cos_object_t *o)
{
    if (d == COS_DIALECT_BOS) {
        cos_bos_copy(b, o);
        return;
    }

    cos_xml_root(b, d, "CopyPartResult");
    cos_xml_elem_etag(b, o);
    cos_xml_elem_date(b, "LastModified", o->mtime, 1);

    if (d == COS_DIALECT_S3) {
        cos_xml_elem_sum(b, o);
    }

    cos_xml_close(b, "CopyPartResult");
}


/* --- multi-object delete -------------------------------------------------- */

void
cos_xml_delete_result(cos_buf_t *b, cos_dialect_e d,
    const cos_xml_delete_t *v, size_t n, int quiet)
{
    size_t                 i;
    const cos_err_info_t  *info;

    if (d == COS_DIALECT_BOS) {
        /* lists failures only, whether quiet or not */
        cos_bos_delete_result(b, v, n);
        return;
    }

    cos_xml_root(b, d, "DeleteResult");

    for (i = 0; i < n; i++) {
        if (v[i].err == COS_OK && quiet) {
            continue;
        }

        cos_xml_open(b, v[i].err == COS_OK ? "Deleted" : "Error");
        cos_xml_elem(b, "Key", v[i].key);

        if (v[i].version.len > 0) {
            cos_xml_elem(b, "VersionId", v[i].version);
        }

        if (v[i].marker && v[i].err == COS_OK) {
            cos_xml_elem_bool(b, "DeleteMarker", 1);
            cos_xml_elem(b, "DeleteMarkerVersionId", v[i].marker_version);
        }

        if (v[i].err != COS_OK) {
            info = cos_err_info(v[i].err);
            cos_xml_elem_cstr(b, "Code", info->code);
            cos_xml_elem_cstr(b, "Message", info->message);
        }

        cos_xml_close(b, v[i].err == COS_OK ? "Deleted" : "Error");
    }

    cos_xml_close(b, "DeleteResult");
}
