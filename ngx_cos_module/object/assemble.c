/*
 * An object out of the parts of its upload: no bytes are read, everything
 * follows from what is known of the parts.
 */

#include "cos_assemble.h"


static void
no_sum(cos_object_t *o)
{
    o->sum_type = COS_SUM_NONE;
    o->flags &= (cos_u8) ~COS_F_SUM_COMPOSITE;
}


/* A digest of the parts' digests (composite SHA). */
static int
composite_digest(cos_object_t *o, const cos_object_t *parts, size_t n,
    size_t len)
{
    size_t     i;
    cos_md_t  *md;

    md = cos_md_create(o->sum_type == COS_SUM_SHA1 ? COS_SHA1 : COS_SHA256);

    if (md == NULL) {
        return -1;
    }

    for (i = 0; i < n; i++) {
        cos_md_update(md, parts[i].sum, len);
    }

    len = cos_md_final(md, o->sum);
    cos_md_free(md);

    return len ? 0 : -1;
}


static uint64_t
from_bytes(const cos_u8 *p, size_t len)
{
    size_t    i;
    uint64_t  v;

    for (i = 0, v = 0; i < len; i++) {
        v = v << 8 | p[i];
    }

    return v;
}


/* The CRC of the parts' CRCs (composite), or of all their bytes. */
static uint64_t
combined_crc(const cos_object_t *o, const cos_object_t *parts, size_t n,
    size_t len)
{
    size_t    i;
    uint64_t  crc, part;

    for (i = 0, crc = 0; i < n; i++) {

        if (o->flags & COS_F_SUM_COMPOSITE) {
            crc = o->sum_type == COS_SUM_CRC32
                  ? cos_crc32((uint32_t) crc, parts[i].sum, len)
                  : cos_crc32c((uint32_t) crc, parts[i].sum, len);
            continue;
        }

        part = from_bytes(parts[i].sum, len);

        switch (o->sum_type) {
        case COS_SUM_CRC64NVME:
            crc = cos_crc64nvme_combine(crc, part, parts[i].size);
            break;
        case COS_SUM_CRC32:
            crc = cos_crc32_combine((uint32_t) crc, (uint32_t) part,
                                    parts[i].size);
            break;
        default:
            crc = cos_crc32c_combine((uint32_t) crc, (uint32_t) part,
                                     parts[i].size);
        }
    }

    return crc;
}


static void
put_crc(cos_object_t *o, uint64_t crc)
{
    size_t  i, len;

    len = cos_sum_len(o->sum_type);

    for (i = 0; i < len; i++) {
        o->sum[i] = (cos_u8) (crc >> (8 * (len - 1 - i)));
    }
}


/* The checksum of what a piece is appended to, out of both: only those of
 * whole objects that are CRCs add up. */
void
cos_sum_append(cos_object_t *o, const cos_object_t *piece)
{
    cos_object_t  both[2];

    if (o->sum_type == COS_SUM_NONE || o->sum_type != piece->sum_type
        || o->sum_type == COS_SUM_SHA1 || o->sum_type == COS_SUM_SHA256
        || (o->flags & COS_F_SUM_COMPOSITE))
    {
        no_sum(o);
        return;
    }

    both[0] = *o;
    both[1] = *piece;
    put_crc(o, combined_crc(o, both, 2, cos_sum_len(o->sum_type)));
}


/* The checksums of the parts, for those who ask for them. */
static cos_err_e
part_sums(cos_object_t *o, const cos_object_t *parts, size_t n, size_t len,
    cos_alloc_t *a)
{
    size_t      i;
    cos_str_t  *all = &o->attr[COS_X_PART_SUMS];

    all->data = cos_alloc(a, n * len);
    if (all->data == NULL) {
        return COS_E_INTERNAL;
    }

    for (i = 0; i < n; i++) {
        memcpy(all->data + i * len, parts[i].sum, len);
    }

    all->len = n * len;

    return COS_OK;
}


static cos_err_e
whole_sum(cos_object_t *o, const cos_object_t *parts, size_t n,
    cos_alloc_t *a)
{
    size_t  i, len;

    if (o->sum_type == COS_SUM_NONE) {
        return COS_OK;
    }

    for (i = 0; i < n; i++) {
        if (parts[i].sum_type != o->sum_type) {
            no_sum(o);
            return COS_OK;
        }
    }

    len = cos_sum_len(o->sum_type);

    if (part_sums(o, parts, n, len, a) != COS_OK) {
        return COS_E_INTERNAL;
    }

    if (o->sum_type == COS_SUM_SHA1 || o->sum_type == COS_SUM_SHA256) {
        return composite_digest(o, parts, n, len) == 0 ? COS_OK
                                                       : COS_E_INTERNAL;
    }

    put_crc(o, combined_crc(o, parts, n, len));

    return COS_OK;
}


/* One nonce for each segment: those of the parts, in order. */
static cos_err_e
nonces(cos_object_t *o, const cos_object_t *parts, size_t n, cos_alloc_t *a)
{
    size_t      i;
    cos_u8     *p;
    cos_str_t  *all = &o->attr[COS_X_NONCES];

    if (o->attr[COS_X_SSE].len == 0) {
        return COS_OK;
    }

    p = cos_alloc(a, n * COS_CRYPT_NONCE);
    if (p == NULL) {
        return COS_E_INTERNAL;
    }

    all->data = p;

    for (i = 0; i < n; i++) {
        if (parts[i].attr[COS_X_NONCES].len != COS_CRYPT_NONCE
            || parts[i].nsegs != 1)
        {
            return COS_E_INTERNAL;
        }

        memcpy(p, parts[i].attr[COS_X_NONCES].data, COS_CRYPT_NONCE);
        p += COS_CRYPT_NONCE;
    }

    all->len = n * COS_CRYPT_NONCE;

    return COS_OK;
}


cos_err_e
cos_assemble(cos_object_t *o, const cos_object_t *parts, size_t n,
    cos_alloc_t *a)
{
    size_t   i;
    cos_u8  *digests;

    o->size = 0;
    o->crc64 = 0;
    o->parts = (uint16_t) n;
    o->home = 0;
    o->rev = 0;
    o->nsegs = 0;

    digests = cos_alloc(a, n * COS_MD5_LEN);
    o->segs = cos_alloc(a, n * sizeof(cos_seg_t));

    if (digests == NULL || o->segs == NULL) {
        return COS_E_INTERNAL;
    }

    for (i = 0; i < n; i++) {
        memcpy(digests + i * COS_MD5_LEN, parts[i].etag, COS_MD5_LEN);

        o->crc64 = cos_crc64_combine(o->crc64, parts[i].crc64, parts[i].size);
        o->size += parts[i].size;

        /* a part is one record, so it has one segment */
        if (parts[i].nsegs) {
            o->segs[o->nsegs++] = parts[i].segs[0];
        }
    }

    if (cos_md_once(COS_MD5, digests, n * COS_MD5_LEN, o->etag) != 0
        || nonces(o, parts, n, a) != COS_OK)
    {
        return COS_E_INTERNAL;
    }

    return whole_sum(o, parts, n, a);
}
