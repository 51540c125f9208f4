/*
 * System calls that finish what they begin, and the headers of the container
 * format. A write that stops half-way without telling why is the one error
 * this room must never overlook, so every transfer goes through here.
 */

#define _GNU_SOURCE

#include <limits.h>
#include <stdio.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "store_internal.h"


#define ZEROES  65536

static const cos_u8  file_magic[8] = { 'C', 'O', 'S', 'C', 'O', 'N', 'T', '1' };
static cos_u8  zeroes[ZEROES];        /* not const: stays out of the file */


cos_err_e
cos_store_err(int err)
{
    switch (err) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return COS_E_DISK_FULL;
    case EMFILE:
    case ENFILE:
        return COS_E_UNAVAILABLE;
    default:
        return COS_E_INTERNAL;
    }
}


int
cos_pwrite_full(int fd, const void *p, size_t n, uint64_t off)
{
    struct iovec  iov;

    iov.iov_base = (void *) (uintptr_t) p;
    iov.iov_len = n;

    return cos_pwritev_full(fd, &iov, 1, off);
}


int
cos_pwritev_full(int fd, struct iovec *iov, int n, uint64_t off)
{
    ssize_t  w;

    while (n > 0) {
        if (iov->iov_len == 0) {
            iov++;
            n--;
            continue;
        }

        w = pwritev(fd, iov, n > IOV_MAX ? IOV_MAX : n, (off_t) off);

        if (w < 0) {
            if (errno == EINTR) {
                continue;
            }
            return -1;
        }

        if (w == 0) {
            errno = EIO;
            return -1;
        }

        off += (uint64_t) w;

        while (n > 0 && (size_t) w >= iov->iov_len) {
            w -= (ssize_t) iov->iov_len;
            iov++;
            n--;
        }

        if (n > 0) {
            iov->iov_base = (cos_u8 *) iov->iov_base + w;
            iov->iov_len -= (size_t) w;
        }
    }

    return 0;
}


ssize_t
cos_pread_full(int fd, void *p, size_t n, uint64_t off)
{
    size_t   got;
    ssize_t  r;

    got = 0;

    while (got < n) {
        r = pread(fd, (cos_u8 *) p + got, n - got, (off_t) (off + got));

        if (r < 0) {
            if (errno == EINTR) {
                continue;
            }
            return -1;
        }

        if (r == 0) {
            break;
        }

        got += (size_t) r;
    }

    return (ssize_t) got;
}


int
cos_zero_fill(int fd, uint64_t from, uint64_t to)
{
    int           n;
    size_t        len;
    uint64_t      at;
    struct iovec  iov[64];

    while (from < to) {
        at = from;

        for (n = 0; n < 64 && at < to; n++) {
            len = to - at < ZEROES ? (size_t) (to - at) : ZEROES;
            iov[n].iov_base = zeroes;
            iov[n].iov_len = len;
            at += len;
        }

        if (cos_pwritev_full(fd, iov, n, from) != 0) {
            return -1;
        }

        from = at;
    }

    return 0;
}


int
cos_store_sync(cos_store_t *st, int fd)
{
    int  rc;

    if (!st->sync) {
        return 0;
    }

    /* An interrupted sync is begun anew; after any other error the kernel may
     * have dropped the dirty pages, so trying again would only hide it. */
    do {
        rc = fdatasync(fd);
    } while (rc != 0 && errno == EINTR);

    return rc;
}


int
cos_store_sync_open(cos_store_t *st, uint64_t cid)
{
    int  rc, fd;

    if (!st->sync) {
        return 0;
    }

    fd = cos_store_open_at(st, cid);
    if (fd == -1) {
        return -1;
    }

    do {
        rc = fsync(fd);
    } while (rc != 0 && errno == EINTR);

    return rc;
}


void
cos_file_head_encode(cos_u8 dst[COS_FILE_HEAD], const cos_file_head_t *h)
{
    memset(dst, 0, COS_FILE_HEAD);
    memcpy(dst, file_magic, sizeof(file_magic));
    cos_put_u32(dst + 8, h->solo ? COS_FILE_SOLO : 0);
    cos_put_u64(dst + 16, h->cid);
    cos_put_u64(dst + 24, h->created);
    cos_put_u64(dst + 32, h->salt);
    cos_put_u32(dst + 60, cos_crc32c(0, dst, 60));
}


int
cos_file_head_decode(cos_file_head_t *h, const cos_u8 src[COS_FILE_HEAD])
{
    uint32_t  flags;

    if (memcmp(src, file_magic, sizeof(file_magic)) != 0
        || cos_get_u32(src + 60) != cos_crc32c(0, src, 60))
    {
        return -1;
    }

    flags = cos_get_u32(src + 8);

    if (flags & ~COS_FILE_SOLO) {
        return -1;
    }

    h->solo = (flags & COS_FILE_SOLO) != 0;
    h->cid = cos_get_u64(src + 16);
    h->created = cos_get_u64(src + 24);
    h->salt = cos_get_u64(src + 32);

    return (h->solo == cos_cid_is_solo(h->cid)) ? 0 : -1;
}


int
cos_file_head_new(cos_file_head_t *h, uint64_t cid)
{
    struct timespec  ts;

    if (cos_random(&h->salt, sizeof(h->salt)) != 0
        || clock_gettime(CLOCK_REALTIME, &ts) != 0)
    {
        errno = EIO;
        return -1;
    }

    h->cid = cid;
    h->solo = cos_cid_is_solo(cid);
    h->created = (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;

    return 0;
}


void
cos_rec_head_encode(cos_u8 dst[COS_REC_HEAD], const cos_rec_t *r)
{
    memset(dst, 0, COS_REC_HEAD);
    cos_put_u32(dst, COS_REC_MAGIC);
    dst[4] = COS_REC_VERSION;
    dst[5] = (cos_u8) r->kind;
    cos_put_u16(dst + 6, (uint16_t) (r->payload_off - r->rec_off));
    cos_put_u64(dst + 8, r->seq);
    cos_put_u64(dst + 16, r->payload_len);
    cos_put_u32(dst + 24, r->json_len);
    cos_put_u32(dst + 28, r->json_crc);
    cos_put_u64(dst + 32, r->payload_crc);
    cos_put_u64(dst + 40, r->salt);
    cos_put_u64(dst + 48, r->rec_off);
    cos_put_u32(dst + 60, cos_crc32c(0, dst, 60));
}


int
cos_rec_head_decode(cos_rec_t *r, const cos_u8 src[COS_REC_HEAD],
    uint64_t rec_off)
{
    uint16_t  skip;

    if (cos_get_u32(src) != COS_REC_MAGIC
        || cos_get_u32(src + 60) != cos_crc32c(0, src, 60)
        || src[4] != COS_REC_VERSION
        || src[5] < COS_J_OBJECT || src[5] > COS_J_SEAL
        || cos_get_u64(src + 48) != rec_off)
    {
        return -1;
    }

    skip = cos_get_u16(src + 6);
    r->kind = (cos_json_e) src[5];
    r->rec_off = rec_off;
    r->payload_off = rec_off + skip;
    r->seq = cos_get_u64(src + 8);
    r->payload_len = cos_get_u64(src + 16);
    r->json_len = cos_get_u32(src + 24);
    r->json_crc = cos_get_u32(src + 28);
    r->payload_crc = cos_get_u64(src + 32);
    r->salt = cos_get_u64(src + 40);

    if (skip < COS_REC_HEAD || r->payload_len > COS_U48_MAX
        || r->json_len > COS_JSON_MAX)
    {
        return -1;
    }

    r->rec_len = cos_rec_pad(skip + r->payload_len + r->json_len);

    return 0;
}
