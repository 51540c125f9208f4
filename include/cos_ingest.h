/*
 * object: taking in the bytes of one object or part. Pure and blocking: runs
 * in the thread pool (small bodies: inline). Decodes aws-chunked framing,
 * hashes, keeps small payloads in memory and writes large ones into a solo
 * container as they come, so that memory is bounded whatever the size.
 *
 * Two halves, each with fields of its own: reading (framing, hashes) and
 * storing. Two threads may be in them at once, each with another piece; each
 * half gets the pieces in their order.
 */

#ifndef COS_INGEST_H
#define COS_INGEST_H

#include "cos_auth.h"
#include "cos_container.h"

#pragma GCC visibility push(hidden)

/* The payload in some wire bytes, moved together where they lay. */
typedef struct {
    cos_u8           *data;
    size_t            len;
} cos_piece_t;

typedef struct {
    /* what the client promised; set before cos_ingest_begin */
    int64_t           length;         /* of the payload, -1: not announced */
    uint64_t          max;            /* COS_E_ENTITY_TOO_LARGE above */
    unsigned          has_md5:1;      /* Content-MD5 */
    unsigned          has_sha256:1;   /* signed payload hash */
    unsigned          has_sha1:1;     /* x-cos-content-sha1 */
    unsigned          has_crc64:1;    /* x-cos-hash-crc64ecma */
    unsigned          has_sum:1;      /* sum given as a header */
    unsigned          sum_trailer:1;  /* sum comes as a trailer */
    cos_u8            md5[COS_MD5_LEN];
    cos_u8            sha256[COS_SHA256_LEN];
    cos_u8            sha1[COS_SHA1_LEN];
    uint64_t          crc64;
    cos_sum_e         sum_type;       /* NONE: no checksum beside the CRC-64 */
    cos_u8            sum[COS_SHA256_LEN];
    const cos_sig_t  *sig;            /* aws-chunked when a STREAM form */
    cos_str_t         trailers;       /* value of x-amz-trailer */
    int               chunked;

    /* where bytes go, and what is done to them before; not owned */
    cos_crypt_t      *crypt;          /* at its beginning; NULL: nothing */
    cos_store_t      *store;
    uint64_t          solo_cid;       /* used when memory does not suffice; 0:
                                         everything must fit in memory */
    cos_u8           *mem;            /* mem_cap bytes, may be NULL when 0 */
    size_t            mem_cap;
    size_t            mem_len;

    /* results; err is that of reading, and of both after feed and end */
    cos_err_e         err;
    cos_err_e         store_err;
    uint64_t          size;
    cos_u8            out_md5[COS_MD5_LEN];
    uint64_t          out_crc64;
    uint64_t          disk_crc64;     /* of the bytes as they are stored */
    cos_u8            out_sum[COS_SHA256_LEN];
    unsigned          in_solo:1;

    /* private */
    cos_u8           *wire;           /* being read, and its payload */
    cos_piece_t      *piece;
    cos_solo_t        solo;
    unsigned          solo_open:1;
    cos_md_t         *h_md5, *h_sha256, *h_sum, *h_sha1;
    uint64_t          c64n;
    uint32_t          c32;
    cos_chunked_t    *decoder;
} cos_ingest_t;

/* Sets hashes up. COS_E_INTERNAL when out of memory. */
cos_err_e cos_ingest_begin(cos_ingest_t *in);
/* Reads wire bytes: takes framing off, counts and hashes. The payload in them
 * is moved up to what *piece holds already (zeroed at first): all that is read
 * into one piece lies in one buffer, in ascending order, and is overwritten.
 * After an error returns it again. */
cos_err_e cos_ingest_read(cos_ingest_t *in, cos_u8 *p, size_t n,
    cos_piece_t *piece);
/* Stores a piece that was read without error; its bytes may be overwritten.
 * After an error returns it again. */
cos_err_e cos_ingest_store(cos_ingest_t *in, cos_piece_t *piece);
/* Reads and stores; after an error returns it again. */
cos_err_e cos_ingest_feed(cos_ingest_t *in, cos_u8 *p, size_t n);
/* After the last byte is read and stored, or an error: checks length, framing, digests. The solo container,
 * when there is one, is still open: cos_solo_finish(&in->solo) makes it
 * durable. */
cos_err_e cos_ingest_end(cos_ingest_t *in);
/* Frees hashes, closes a solo container that was not finished (in_solo tells
 * the caller that there is a file to be removed). */
void cos_ingest_free(cos_ingest_t *in);

#pragma GCC visibility pop

#endif
