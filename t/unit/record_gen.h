/*
 * Random records for tests: every field may take its default, its extremes and
 * anything between, texts are arbitrary bytes.
 */

#ifndef COS_T_RECORD_GEN_H
#define COS_T_RECORD_GEN_H

#include <stdlib.h>

#include "cos_record.h"

typedef struct {
    uint64_t      state;
    cos_alloc_t  *alloc;
} gen_t;


static inline uint64_t
gen_raw(gen_t *g)
{
    g->state ^= g->state << 13;
    g->state ^= g->state >> 7;
    g->state ^= g->state << 17;
    return g->state;
}


/* 0..max, with the ends and small numbers much more often than their share */
static inline uint64_t
gen_uint(gen_t *g, uint64_t max)
{
    uint64_t  v = gen_raw(g) >> (gen_raw(g) % 64);

    switch (gen_raw(g) % 8) {
    case 0:
    case 1:
        return 0;
    case 2:
        return max;
    default:
        return max == UINT64_MAX ? v : v % (max + 1);
    }
}


static inline cos_str_t
gen_text(gen_t *g, size_t min, size_t max)
{
    size_t     i;
    cos_str_t  s;

    s.len = min + (size_t) gen_uint(g, max - min);
    s.data = cos_alloc(g->alloc, s.len);
    if (s.data == NULL) {
        abort();
    }

    for (i = 0; i < s.len; i++) {
        s.data[i] = (cos_u8) gen_raw(g);
    }

    return s;
}


static inline cos_str_t
gen_bid(gen_t *g)
{
    size_t     i;
    cos_str_t  s = gen_text(g, 1, 12);

    for (i = 0; i < s.len; i++) {
        s.data[i] = (cos_u8) "0123456789abcdefghijklmnopqrstuvwxyz"
                    [s.data[i] % 36];
    }

    return s;
}


static inline void
gen_bytes(gen_t *g, cos_u8 *p, size_t n)
{
    while (n-- > 0) {
        *p++ = (cos_u8) gen_raw(g);
    }
}


static inline void
gen_object(gen_t *g, cos_object_t *o, unsigned max_segs)
{
    uint32_t  i;

    memset(o, 0, sizeof(*o));
    o->flags = (cos_u8) gen_uint(g, 255);
    o->acl = (cos_acl_e) gen_uint(g, COS_ACL_MAX - 1);
    o->cls = (cos_class_e) gen_uint(g, COS_CLASS_MAX - 1);
    o->parts = (uint16_t) gen_uint(g, COS_PARTS_MAX);
    o->rev = (uint16_t) gen_uint(g, UINT16_MAX);
    o->seq = gen_uint(g, UINT64_MAX);
    o->mtime = gen_uint(g, UINT64_MAX);
    o->size = gen_uint(g, UINT64_MAX);
    gen_bytes(g, o->etag, COS_MD5_LEN);
    o->crc64 = gen_uint(g, UINT64_MAX);
    o->home = gen_uint(g, COS_U48_MAX);
    o->owner = gen_uint(g, UINT64_MAX);
    o->sum_type = (cos_sum_e) gen_uint(g, COS_SUM_MAX - 1);
    gen_bytes(g, o->sum, cos_sum_len(o->sum_type));
    o->upload = gen_text(g, 0, 40);
    o->born = gen_uint(g, UINT64_MAX);

    for (i = 0; i < COS_X_MAX; i++) {
        o->attr[i] = gen_text(g, 0, 50);
    }

    for (i = 0; i < COS_H_MAX; i++) {
        o->header[i] = gen_text(g, 0, 200);
    }
    if (gen_raw(g) % 2) {
        o->header[COS_H_CONTENT_TYPE] = COS_STR("application/octet-stream");
    }

    o->nmeta = (uint32_t) gen_uint(g, 5);
    if (o->nmeta != 0) {
        o->meta = cos_alloc(g->alloc, o->nmeta * sizeof(cos_meta_pair_t));
    }
    for (i = 0; i < o->nmeta; i++) {
        o->meta[i].name = gen_text(g, 0, 150);
        o->meta[i].value = gen_text(g, 0, 300);
    }

    o->nsegs = (uint32_t) gen_uint(g, max_segs);
    if (o->nsegs != 0) {
        o->segs = cos_alloc(g->alloc, o->nsegs * sizeof(cos_seg_t));
    }
    for (i = 0; i < o->nsegs; i++) {
        o->segs[i].cid = gen_uint(g, COS_U48_MAX);
        o->segs[i].off = gen_uint(g, COS_U48_MAX);
        o->segs[i].len = gen_uint(g, COS_U48_MAX);
    }
}


static inline void
gen_bucket(gen_t *g, cos_bucket_t *k)
{
    int  i;

    memset(k, 0, sizeof(*k));
    k->name = gen_text(g, 1, 255);
    k->id = gen_bid(g);
    k->owner = gen_uint(g, UINT64_MAX);
    k->created = gen_uint(g, UINT64_MAX);
    k->seq = gen_uint(g, UINT64_MAX);
    k->acl = (cos_acl_e) gen_uint(g, COS_ACL_MAX - 1);
    k->region = gen_text(g, 0, 255);
    k->versioning = (cos_versioning_e) gen_uint(g, COS_VERSIONING_MAX - 1);

    for (i = 0; i < COS_BX_MAX; i++) {
        k->attr[i] = gen_text(g, 0, 50);
    }
}


static inline void
gen_cred(gen_t *g, cos_cred_t *c)
{
    int  i;

    memset(c, 0, sizeof(*c));
    c->access_key = gen_text(g, 1, 300);
    c->sealed = gen_text(g, 0, 300);
    c->user = gen_text(g, 0, 300);
    c->uid = gen_uint(g, UINT64_MAX);
    c->created = gen_uint(g, UINT64_MAX);
    c->seq = gen_uint(g, UINT64_MAX);
    c->disabled = gen_raw(g) % 2;
    c->kind = (cos_cred_kind_e) gen_uint(g, COS_CRED_KIND_MAX - 1);
    c->sub = gen_uint(g, UINT64_MAX);
    c->since = gen_uint(g, UINT64_MAX);

    if (c->kind != COS_CRED_KEY) {
        c->sealed.len = 0;
    }

    for (i = 0; i < COS_CX_MAX; i++) {
        c->attr[i] = gen_text(g, 0, 50);
    }
}


static inline void
gen_json(gen_t *g, cos_json_t *j, cos_json_e kind)
{
    memset(j, 0, sizeof(*j));
    j->kind = kind;
    j->bid = gen_bid(g);
    j->key = gen_text(g, 1, 300);
    j->seq = gen_uint(g, UINT64_MAX);

    switch (kind) {
    case COS_J_OBJECT:
    case COS_J_UPLOAD:
    case COS_J_PART:
        j->self = gen_raw(g) % 2;
        gen_object(g, &j->object, j->self ? 0 : 9);
        if (gen_raw(g) % 2) {
            j->object.seq = j->seq;
        }
        j->upload = gen_text(g, 1, 40);
        j->part = 1 + (uint32_t) gen_uint(g, COS_PARTS_MAX - 1);
        j->initiated = gen_uint(g, UINT64_MAX);
        j->initiator = gen_uint(g, UINT64_MAX);
        break;
    case COS_J_ABORT:
        j->upload = gen_text(g, 1, 40);
        break;
    case COS_J_VOID:
        j->inc = gen_uint(g, UINT64_MAX);
        j->version = gen_uint(g, UINT64_MAX);
        j->void_seq = gen_uint(g, UINT64_MAX);
        break;
    case COS_J_BUCKET:
        gen_bucket(g, &j->bucket);
        break;
    case COS_J_BUCKET_DELETE:
        j->bucket.name = gen_text(g, 1, 255);
        break;
    case COS_J_CRED:
        gen_cred(g, &j->cred);
        j->quota = gen_text(g, 0, 40);
        break;
    case COS_J_CRED_DELETE:
        j->cred.access_key = gen_text(g, 1, 300);
        break;
    case COS_J_SEAL:
        j->records = gen_uint(g, UINT64_MAX);
        j->weight = gen_uint(g, UINT64_MAX);
        j->carried = gen_uint(g, UINT64_MAX);
        break;
    case COS_J_DELETE:
        j->version = gen_uint(g, UINT64_MAX);
        break;
    }
}

#endif
