/*
 * Solo containers: one record, one large object or part. The payload streams
 * in at offset 4096; both headers are written last, so a file without them was
 * never finished.
 */

#define _GNU_SOURCE

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_internal.h"


/* Writing back begins this early, so that the sync at the end of a large
 * upload does not have all of it still to do. */
#define WRITE_BEHIND  (2u << 20)

static cos_err_e fail(cos_solo_t *s);
static int write_ends(cos_solo_t *s, cos_json_e kind, uint64_t seq,
    uint64_t payload_crc, cos_str_t json);


cos_err_e
cos_solo_create(cos_solo_t *s, cos_store_t *st, uint64_t cid,
    uint64_t expected)
{
    int        rc;
    char       name[COS_NAME_LEN];
    cos_err_e  err;

    memset(s, 0, sizeof(cos_solo_t));
    s->store = st;
    s->cid = cid;

    cos_name_open(name, cid);

    s->fd = openat(cos_store_at(st, cid), name,
                   O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0600);
    if (s->fd == -1) {
        return fail(s);
    }

    if (expected == 0) {
        return COS_OK;
    }

    /* refuses at once what cannot fit, and keeps large files in one piece */
    do {
        rc = fallocate(s->fd, FALLOC_FL_KEEP_SIZE, 0,
                       (off_t) (COS_SOLO_PAYLOAD + expected));
    } while (rc != 0 && errno == EINTR);

    if (rc != 0 && errno != EOPNOTSUPP && errno != ENOSYS) {
        err = fail(s);
        cos_solo_abort(s);
        return err;
    }

    return COS_OK;
}


static cos_err_e
fail(cos_solo_t *s)
{
    s->err = errno != 0 ? errno : EIO;

    return cos_store_err(s->err);
}


cos_err_e
cos_solo_write(cos_solo_t *s, const void *p, size_t n)
{
    uint64_t  from, to;

    if (s->err != 0) {
        return COS_E_INTERNAL;
    }

    if (cos_pwrite_full(s->fd, p, n, COS_SOLO_PAYLOAD + s->len) != 0) {
        return fail(s);
    }

    from = s->len / WRITE_BEHIND * WRITE_BEHIND;
    s->len += n;
    to = s->len / WRITE_BEHIND * WRITE_BEHIND;

    if (to > from && s->store->sync) {
        /* a hint only: the sync at the end reports what goes wrong */
        (void) sync_file_range(s->fd, (off_t) (COS_SOLO_PAYLOAD + from),
                               (off_t) (to - from), SYNC_FILE_RANGE_WRITE);
    }

    return COS_OK;
}


cos_err_e
cos_solo_finish(cos_solo_t *s, cos_json_e kind, uint64_t seq,
    uint64_t payload_crc, cos_str_t json)
{
    int  fd;

    if (s->err != 0 || json.len > COS_JSON_MAX) {
        return COS_E_INTERNAL;
    }

    if (write_ends(s, kind, seq, payload_crc, json) != 0
        || cos_store_sync(s->store, s->fd) != 0
        || cos_store_sync_open(s->store, s->cid) != 0)
    {
        return fail(s);
    }

    fd = s->fd;
    s->fd = -1;

    if (close(fd) != 0) {
        return fail(s);
    }

    return COS_OK;
}


static int
write_ends(cos_solo_t *s, cos_json_e kind, uint64_t seq, uint64_t payload_crc,
    cos_str_t json)
{
    cos_u8           front[COS_SOLO_PAYLOAD], pad[COS_REC_ALIGN];
    uint64_t         end;
    cos_rec_t        r;
    struct iovec     iov[2];
    cos_file_head_t  fh;

    if (cos_file_head_new(&fh, s->cid) != 0) {
        return -1;
    }

    memset(&r, 0, sizeof(r));
    r.kind = kind;
    r.seq = seq;
    r.rec_off = COS_FILE_HEAD;
    r.payload_off = COS_SOLO_PAYLOAD;
    r.payload_len = s->len;
    r.payload_crc = payload_crc;
    r.json_len = (uint32_t) json.len;
    r.json_crc = cos_crc32c(0, json.data, json.len);
    r.salt = fh.salt;

    memset(front, 0, sizeof(front));
    cos_file_head_encode(front, &fh);
    cos_rec_head_encode(front + COS_FILE_HEAD, &r);

    /* the record is padded as a whole and begins at a multiple of 8 */
    end = COS_SOLO_PAYLOAD + s->len + json.len;
    memset(pad, 0, sizeof(pad));

    iov[0].iov_base = json.data;
    iov[0].iov_len = json.len;
    iov[1].iov_base = pad;
    iov[1].iov_len = (size_t) (cos_rec_pad(end) - end);

    if (cos_pwritev_full(s->fd, iov, 2, COS_SOLO_PAYLOAD + s->len) != 0) {
        return -1;
    }

    return cos_pwrite_full(s->fd, front, sizeof(front), 0);
}


void
cos_solo_abort(cos_solo_t *s)
{
    if (s->fd != -1) {
        (void) close(s->fd);
        s->fd = -1;
    }

    /* fails only for a file that recovery will find */
    (void) cos_store_unlink(s->store, s->cid);

    if (s->err == 0) {
        s->err = EBADF;
    }
}


/* The source may be settled by its writer at the same moment. */
cos_err_e
cos_solo_link(cos_store_t *st, uint64_t from, uint64_t to)
{
    int   i, rc;
    char  src[COS_NAME_LEN], dst[COS_NAME_LEN];

    cos_name_open(dst, to);
    rc = -1;

    for (i = 0; i < 3 && rc != 0; i++) {
        if (i == 1) {
            cos_name_open(src, from);

        } else {
            cos_name_settled(src, from);
        }

        rc = linkat(cos_store_at(st, from), src, cos_store_at(st, to), dst,
                    0);

        if (rc != 0 && errno != ENOENT) {
            break;
        }
    }

    if (rc != 0) {
        return cos_store_err(errno);
    }

    return cos_store_sync_open(st, to) == 0 ? COS_OK : cos_store_err(errno);
}


/* In the kernel where the file systems can, else through memory. */
static ssize_t
copy_some(int in, loff_t *from, int out, loff_t *to, size_t len)
{
    cos_u8   buf[65536];
    ssize_t  n;

    do {
        n = copy_file_range(in, from, out, to, len, 0);
    } while (n < 0 && errno == EINTR);

    if (n >= 0 || (errno != EXDEV && errno != EINVAL && errno != ENOSYS
                   && errno != EOPNOTSUPP))
    {
        return n;
    }

    n = cos_pread_full(in, buf, len < sizeof(buf) ? len : sizeof(buf),
                       (uint64_t) *from);

    return n > 0 && cos_pwrite_full(out, buf, (size_t) n, (uint64_t) *to) != 0
           ? -1 : n;
}


/* The front comes last, as in any solo container: without it nothing is there
 * yet. */
static int
copy_bytes(int in, int out, uint64_t *done, uint64_t max)
{
    uint64_t     size, end;
    ssize_t      n;
    cos_u8       front[COS_SOLO_PAYLOAD];
    loff_t       from, to;
    struct stat  sb;

    if (fstat(in, &sb) != 0) {
        return -1;
    }

    size = (uint64_t) sb.st_size - COS_SOLO_PAYLOAD;
    end = *done + max < size ? *done + max : size;

    while (*done < end) {
        from = to = (loff_t) (COS_SOLO_PAYLOAD + *done);
        n = copy_some(in, &from, out, &to, (size_t) (end - *done));

        if (n <= 0) {
            errno = n == 0 ? EIO : errno;
            return -1;
        }

        *done += (uint64_t) n;
    }

    if (*done < size) {
        return 1;
    }

    n = cos_pread_full(in, front, sizeof(front), 0);

    if (n != (ssize_t) sizeof(front)) {
        errno = n < 0 ? errno : EIO;
        return -1;
    }

    return cos_pwrite_full(out, front, sizeof(front), 0);
}


int
cos_solo_copy(cos_store_t *st, uint64_t from, uint64_t to, uint64_t *done,
    uint64_t max)
{
    int   in, out, rc, saved;
    char  name[COS_NAME_LEN];

    cos_name_open(name, to);
    in = cos_store_open_cid(st, from);
    out = in == -1 ? -1
          : openat(cos_store_at(st, to), name,
                   O_RDWR|O_CLOEXEC|(*done ? 0 : O_CREAT|O_TRUNC), 0600);
    rc = out == -1 ? -1 : copy_bytes(in, out, done, max);

    if (rc == 0 && (cos_store_sync(st, out) != 0
                    || cos_store_sync_open(st, to) != 0))
    {
        rc = -1;
    }

    saved = errno;

    if (out != -1 && close(out) != 0 && rc != -1) {
        saved = errno;
        rc = -1;
    }

    if (in != -1) {
        (void) close(in);
    }

    errno = saved;

    return rc;
}
