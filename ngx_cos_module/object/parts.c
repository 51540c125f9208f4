/*
 * Parts of an object by number, and objects that grow. No bytes are read.
 */

#include "cos_parts.h"
#include "cos_assemble.h"


uint32_t
cos_parts_count(const cos_object_t *o)
{
    return !(o->flags & COS_F_APPENDABLE) && o->parts != 0
           && (o->parts == o->nsegs || o->attr[COS_X_PART_SIZES].len != 0)
           ? o->parts : 1;
}


int
cos_part_range(const cos_object_t *o, uint64_t n, uint64_t *first,
    uint64_t *len)
{
    uint32_t  i;

    if (n == 0 || n > cos_parts_count(o)) {
        return -1;
    }

    *first = 0;
    *len = o->size;

    if (cos_parts_count(o) > 1) {
        if (o->attr[COS_X_PART_SIZES].len != 0) {
            return cos_part_sizes_find(o->attr[COS_X_PART_SIZES], n, o->size,
                                       first, len);
        }

        for (i = 0; i + 1 < n; i++) {
            *first += o->segs[i].len;
        }

        *len = o->segs[i].len;
    }

    return 0;
}


int
cos_parts_list(cos_object_t *o, const cos_object_t *src, cos_alloc_t *a)
{
    o->attr[COS_X_PART_SIZES] = src->attr[COS_X_PART_SIZES];

    return cos_parts_count(src) == 1 || src->attr[COS_X_PART_SIZES].len != 0
           ? 0 : cos_part_sizes(&o->attr[COS_X_PART_SIZES], src, a);
}


int
cos_part_sum(const cos_object_t *o, uint64_t n, cos_u8 *sum)
{
    size_t            len;
    const cos_str_t  *all = &o->attr[COS_X_PART_SUMS];

    len = cos_sum_len(o->sum_type);

    if (len == 0 || n == 0 || n > cos_parts_count(o)
        || all->len != (size_t) cos_parts_count(o) * len)
    {
        return -1;
    }

    memcpy(sum, all->data + (n - 1) * len, len);

    return 0;
}


/* --- appending --------------------------------------------------------------- */

static cos_err_e
grow_nonces(cos_object_t *o, const cos_object_t *piece, cos_alloc_t *a)
{
    cos_u8     *p;
    cos_str_t  *all = &o->attr[COS_X_NONCES];

    if (o->attr[COS_X_SSE].len == 0) {
        return piece->attr[COS_X_NONCES].len == 0 ? COS_OK : COS_E_INTERNAL;
    }

    if (all->len != (size_t) o->nsegs * COS_CRYPT_NONCE
        || piece->attr[COS_X_NONCES].len != COS_CRYPT_NONCE)
    {
        return COS_E_INTERNAL;
    }

    p = cos_alloc(a, all->len + COS_CRYPT_NONCE);
    if (p == NULL) {
        return COS_E_INTERNAL;
    }

    memcpy(p, all->data, all->len);
    memcpy(p + all->len, piece->attr[COS_X_NONCES].data, COS_CRYPT_NONCE);
    all->data = p;
    all->len += COS_CRYPT_NONCE;

    return COS_OK;
}


cos_err_e
cos_object_grow(cos_object_t *o, const cos_object_t *piece, cos_alloc_t *a)
{
    cos_u8      digests[2 * COS_MD5_LEN];
    cos_seg_t  *segs;

    segs = cos_alloc(a, ((size_t) o->nsegs + 1) * sizeof(cos_seg_t));

    if (segs == NULL || piece->nsegs != 1
        || grow_nonces(o, piece, a) != COS_OK)
    {
        return COS_E_INTERNAL;
    }

    memcpy(digests, o->etag, COS_MD5_LEN);
    memcpy(digests + COS_MD5_LEN, piece->etag, COS_MD5_LEN);

    if (cos_md_once(COS_MD5, digests, sizeof(digests), o->etag) != 0) {
        return COS_E_INTERNAL;
    }

    cos_sum_append(o, piece);

    memcpy(segs, o->segs, (size_t) o->nsegs * sizeof(cos_seg_t));
    segs[o->nsegs] = piece->segs[0];
    o->segs = segs;
    o->nsegs++;
    o->parts = (uint16_t) o->nsegs;
    o->rev = 0;
    o->crc64 = cos_crc64_combine(o->crc64, piece->crc64, piece->size);
    o->size += piece->size;
    o->mtime = piece->mtime;

    return COS_OK;
}
