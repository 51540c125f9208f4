/*
 * Taking in the bytes of one object or part: framing, hashes, and the choice
 * between memory and a container of its own. Digests are those of what the
 * client sent: whatever is to change bytes on their way to the disk stands in
 * cos_ingest_store().
 */

#include <unistd.h>

#include "cos_ingest.h"


/* Payload, as it comes out of the framing. */
static cos_err_e
take(cos_ingest_t *in, const cos_u8 *p, size_t n)
{
    if (n > in->max - in->size) {
        return COS_E_ENTITY_TOO_LARGE;
    }

    if (in->length >= 0 && n > (uint64_t) in->length - in->size) {
        return COS_E_ENTITY_SIZE_MISMATCH;
    }

    in->size += n;

    cos_md_update(in->h_md5, p, n);
    in->out_crc64 = cos_crc64(in->out_crc64, p, n);

    if (in->h_sha1) {
        cos_md_update(in->h_sha1, p, n);
    }

    switch (in->sum_type) {

    case COS_SUM_CRC32:
        in->c32 = cos_crc32(in->c32, p, n);
        break;

    case COS_SUM_CRC32C:
        in->c32 = cos_crc32c(in->c32, p, n);
        break;

    case COS_SUM_CRC64NVME:
        in->c64n = cos_crc64nvme(in->c64n, p, n);
        break;

    case COS_SUM_SHA1:
    case COS_SUM_SHA256:
        cos_md_update(in->h_sum, p, n);
        break;

    default:
        break;
    }

    return COS_OK;
}


/* Hashed bytes are not looked at again by the framing, so those of the next
 * chunk may lie over the header between them. */
static int
sink(void *ctx, const cos_u8 *p, size_t n)
{
    cos_u8        *to;
    cos_ingest_t  *in = ctx;
    cos_piece_t   *piece = in->piece;

    in->err = take(in, p, n);

    if (in->err != COS_OK) {
        return -1;
    }

    if (piece->len == 0) {
        piece->data = in->wire + (p - in->wire);
    }

    to = piece->data + piece->len;

    if (to != p) {
        memmove(to, p, n);
    }

    piece->len += n;

    return 0;
}


cos_err_e
cos_ingest_begin(cos_ingest_t *in)
{
    in->h_md5 = cos_md_create(COS_MD5);

    if (in->h_md5 == NULL) {
        return COS_E_INTERNAL;
    }

    if (in->has_sha256
        && (in->h_sha256 = cos_md_create(COS_SHA256)) == NULL)
    {
        return COS_E_INTERNAL;
    }

    if (in->has_sha1 && (in->h_sha1 = cos_md_create(COS_SHA1)) == NULL) {
        return COS_E_INTERNAL;
    }

    if (in->sum_type == COS_SUM_SHA1 || in->sum_type == COS_SUM_SHA256) {
        in->h_sum = cos_md_create(in->sum_type == COS_SUM_SHA1 ? COS_SHA1
                                                               : COS_SHA256);
        if (in->h_sum == NULL) {
            return COS_E_INTERNAL;
        }
    }

    if (in->chunked) {
        in->decoder = cos_chunked_create(in->sig, in->trailers, sink, in);

        if (in->decoder == NULL) {
            return COS_E_INTERNAL;
        }
    }

    return COS_OK;
}


cos_err_e
cos_ingest_read(cos_ingest_t *in, cos_u8 *p, size_t n, cos_piece_t *piece)
{
    cos_err_e  rc;

    if (in->err != COS_OK) {
        return in->err;
    }

    /* a signed payload hash covers the body as sent */
    if (in->h_sha256) {
        cos_md_update(in->h_sha256, p, n);
    }

    in->wire = p;
    in->piece = piece;

    if (in->decoder == NULL) {
        (void) sink(in, p, n);
        return in->err;
    }

    rc = cos_chunked_feed(in->decoder, p, n);

    /* the sink's own error says more than "the sink failed" */
    if (in->err == COS_OK) {
        in->err = rc;
    }

    return in->err;
}


static cos_err_e
open_solo(cos_ingest_t *in)
{
    cos_err_e  rc;

    if (in->solo_cid == 0) {
        return COS_E_ENTITY_TOO_LARGE;
    }

    rc = cos_solo_create(&in->solo, in->store, in->solo_cid,
                         in->length > 0 ? (uint64_t) in->length : 0);
    if (rc != COS_OK) {
        return rc;
    }

    in->solo_open = 1;
    in->in_solo = 1;

    rc = cos_solo_write(&in->solo, in->mem, in->mem_len);
    in->mem_len = 0;

    return rc;
}


/* Pieces come here one at a time, hashed, in the order of the payload, and may
 * be overwritten. */
cos_err_e
cos_ingest_store(cos_ingest_t *in, cos_piece_t *piece)
{
    if (in->store_err != COS_OK || piece->len == 0) {
        return in->store_err;
    }

    if (in->crypt) {
        if (cos_crypt_update(in->crypt, piece->data, piece->data, piece->len)
            != 0)
        {
            in->store_err = COS_E_INTERNAL;
            return in->store_err;
        }

        in->disk_crc64 = cos_crc64(in->disk_crc64, piece->data, piece->len);
    }

    if (!in->solo_open) {
        if (piece->len <= in->mem_cap - in->mem_len) {
            memcpy(in->mem + in->mem_len, piece->data, piece->len);
            in->mem_len += piece->len;
            return COS_OK;
        }

        in->store_err = open_solo(in);
    }

    if (in->store_err == COS_OK) {
        in->store_err = cos_solo_write(&in->solo, piece->data, piece->len);
    }

    return in->store_err;
}


/* What failed to be stored came before what was read last. */
static cos_err_e
both(cos_ingest_t *in)
{
    if (in->store_err != COS_OK) {
        in->err = in->store_err;
    }

    return in->err;
}


cos_err_e
cos_ingest_feed(cos_ingest_t *in, cos_u8 *p, size_t n)
{
    cos_piece_t  piece = { NULL, 0 };

    if (cos_ingest_read(in, p, n, &piece) == COS_OK) {
        (void) cos_ingest_store(in, &piece);
    }

    return both(in);
}


static void
sum_bytes(cos_ingest_t *in)
{
    int       i;
    uint64_t  v;

    switch (in->sum_type) {

    case COS_SUM_CRC32:
    case COS_SUM_CRC32C:
        for (i = 0; i < 4; i++) {
            in->out_sum[i] = (cos_u8) (in->c32 >> (24 - 8 * i));
        }
        break;

    case COS_SUM_CRC64NVME:
        v = in->c64n;
        for (i = 0; i < 8; i++) {
            in->out_sum[i] = (cos_u8) (v >> (56 - 8 * i));
        }
        break;

    case COS_SUM_SHA1:
    case COS_SUM_SHA256:
        cos_md_final(in->h_sum, in->out_sum);
        break;

    default:
        break;
    }
}


/* The checksum that was promised as a trailer. */
static cos_err_e
trailer_sum(cos_ingest_t *in)
{
    cos_u8      raw[66];
    cos_str_t   v;
    static const char *const name[COS_SUM_MAX] = {
        NULL, "x-amz-checksum-crc32", "x-amz-checksum-crc32c",
        "x-amz-checksum-crc64nvme", "x-amz-checksum-sha1",
        "x-amz-checksum-sha256"
    };

    v = cos_chunked_trailer(in->decoder, name[in->sum_type]);

    if (v.len == 0) {
        return COS_E_TRAILER_MALFORMED;
    }

    if (v.len > 64
        || cos_unbase64(raw, v) != (ptrdiff_t) cos_sum_len(in->sum_type))
    {
        return COS_E_INVALID_CHECKSUM;
    }

    memcpy(in->sum, raw, cos_sum_len(in->sum_type));
    in->has_sum = 1;

    return COS_OK;
}


static cos_err_e
check_digests(cos_ingest_t *in)
{
    cos_u8  md[COS_SHA256_LEN];

    cos_md_final(in->h_md5, in->out_md5);
    sum_bytes(in);

    if (in->h_sha256) {
        cos_md_final(in->h_sha256, md);

        if (memcmp(md, in->sha256, COS_SHA256_LEN) != 0) {
            return COS_E_CONTENT_SHA256_MISMATCH;
        }
    }

    if (in->has_md5 && memcmp(in->out_md5, in->md5, COS_MD5_LEN) != 0) {
        return COS_E_BAD_DIGEST;
    }

    if (in->h_sha1) {
        cos_md_final(in->h_sha1, md);

        if (memcmp(md, in->sha1, COS_SHA1_LEN) != 0) {
            return COS_E_INVALID_SHA1;
        }
    }

    if (in->has_crc64 && in->out_crc64 != in->crc64) {
        return COS_E_BAD_CHECKSUM;
    }

    if (in->has_sum
        && memcmp(in->out_sum, in->sum, cos_sum_len(in->sum_type)) != 0)
    {
        return COS_E_BAD_CHECKSUM;
    }

    return COS_OK;
}


cos_err_e
cos_ingest_end(cos_ingest_t *in)
{
    if (both(in) != COS_OK) {
        return in->err;
    }

    if (in->decoder) {
        in->err = cos_chunked_finish(in->decoder);

        if (in->err == COS_OK && in->sum_trailer) {
            in->err = trailer_sum(in);
        }

        if (in->err != COS_OK) {
            return in->err;
        }
    }

    if (in->length >= 0 && in->size != (uint64_t) in->length) {
        in->err = in->size < (uint64_t) in->length ? COS_E_INCOMPLETE_BODY
                                                   : COS_E_ENTITY_SIZE_MISMATCH;
        return in->err;
    }

    in->err = check_digests(in);

    if (in->crypt == NULL) {
        in->disk_crc64 = in->out_crc64;
    }

    return in->err;
}


void
cos_ingest_free(cos_ingest_t *in)
{
    cos_md_free(in->h_md5);
    cos_md_free(in->h_sha256);
    cos_md_free(in->h_sha1);
    cos_md_free(in->h_sum);
    cos_chunked_free(in->decoder);

    in->h_md5 = in->h_sha256 = in->h_sha1 = in->h_sum = NULL;
    in->decoder = NULL;

    if (in->solo_open) {
        /* closing does not wait for the disk; removing might */
        (void) close(in->solo.fd);
        in->solo_open = 0;
    }
}
