/*
 * Whether two records say the same: field by field, arrays and texts by
 * content.
 */

#ifndef COS_T_RECORD_EQ_H
#define COS_T_RECORD_EQ_H

#include "cos_record.h"


static inline int
same_object(const cos_object_t *a, const cos_object_t *b)
{
    uint32_t  i;

    if (a->flags != b->flags || a->acl != b->acl || a->cls != b->cls
        || a->parts != b->parts || a->rev != b->rev || a->seq != b->seq
        || a->mtime != b->mtime || a->size != b->size
        || memcmp(a->etag, b->etag, COS_MD5_LEN) != 0
        || a->crc64 != b->crc64 || a->home != b->home || a->nsegs != b->nsegs
        || a->nmeta != b->nmeta || a->owner != b->owner
        || a->sum_type != b->sum_type || memcmp(a->sum, b->sum, 32) != 0
        || !cos_str_eq(a->upload, b->upload) || a->born != b->born)
    {
        return 0;
    }

    for (i = 0; i < COS_X_MAX; i++) {
        if (!cos_str_eq(a->attr[i], b->attr[i])) {
            return 0;
        }
    }

    for (i = 0; i < a->nsegs; i++) {
        if (a->segs[i].cid != b->segs[i].cid
            || a->segs[i].off != b->segs[i].off
            || a->segs[i].len != b->segs[i].len)
        {
            return 0;
        }
    }

    for (i = 0; i < COS_H_MAX; i++) {
        if (!cos_str_eq(a->header[i], b->header[i])) {
            return 0;
        }
    }

    for (i = 0; i < a->nmeta; i++) {
        if (!cos_str_eq(a->meta[i].name, b->meta[i].name)
            || !cos_str_eq(a->meta[i].value, b->meta[i].value))
        {
            return 0;
        }
    }

    return 1;
}


static inline int
same_bucket(const cos_bucket_t *a, const cos_bucket_t *b)
{
    int  i;

    for (i = 0; i < COS_BX_MAX; i++) {
        if (!cos_str_eq(a->attr[i], b->attr[i])) {
            return 0;
        }
    }

    return cos_str_eq(a->name, b->name) && cos_str_eq(a->id, b->id)
           && a->owner == b->owner && a->created == b->created
           && a->seq == b->seq && a->acl == b->acl
           && a->versioning == b->versioning
           && cos_str_eq(a->region, b->region);
}


static inline int
same_cred(const cos_cred_t *a, const cos_cred_t *b)
{
    int  i;

    for (i = 0; i < COS_CX_MAX; i++) {
        if (!cos_str_eq(a->attr[i], b->attr[i])) {
            return 0;
        }
    }

    return a->kind == b->kind && a->sub == b->sub && a->since == b->since
           && cos_str_eq(a->access_key, b->access_key)
           && cos_str_eq(a->sealed, b->sealed) && cos_str_eq(a->user, b->user)
           && a->uid == b->uid && a->created == b->created
           && a->seq == b->seq && a->disabled == b->disabled;
}


static inline int
same_upload(const cos_upload_t *a, const cos_upload_t *b)
{
    return cos_str_eq(a->id, b->id) && cos_str_eq(a->key, b->key)
           && a->initiated == b->initiated && a->initiator == b->initiator
           && a->seq == b->seq && same_object(&a->object, &b->object);
}


static inline int
same_json(const cos_json_t *a, const cos_json_t *b)
{
    return a->kind == b->kind && cos_str_eq(a->bid, b->bid)
           && cos_str_eq(a->key, b->key) && a->seq == b->seq
           && a->version == b->version && a->self == b->self
           && same_object(&a->object, &b->object)
           && cos_str_eq(a->upload, b->upload) && a->part == b->part
           && a->initiated == b->initiated && a->initiator == b->initiator
           && a->inc == b->inc && a->void_seq == b->void_seq
           && same_bucket(&a->bucket, &b->bucket)
           && same_cred(&a->cred, &b->cred)
           && cos_str_eq(a->quota, b->quota) && a->records == b->records
           && a->weight == b->weight && a->carried == b->carried;
}

#endif
