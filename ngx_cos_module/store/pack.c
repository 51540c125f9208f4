/*
 * Packs: containers of many small records.
 *
 * Why zeroes are written ahead: fdatasync is cheapest when it finds only data.
 * Measured on ext4 (one writer, two cores, batches of 4.5 KiB / 72 KiB):
 * growing the file 4,300 / 2,500 syncs a second, fallocate alone 5,100 /
 * 3,300 (each sync converts an extent), zeroes written in steps of 4 MiB
 * 8,000 / 5,200; steps of 64 MiB are no faster and stall for 200 ms.
 *
 * Why there is a reserve: on a full disk a DELETE must still be able to append
 * its tombstone. The last megabyte of what is allocated is not given to data.
 */

#define _GNU_SOURCE

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_internal.h"


#define STEP         (4u << 20)
#define RESERVE      (1u << 20)
#define IOV_BATCH    512
#define STACK_HEADS  32

static const cos_u8 padding[COS_PAGE];

static cos_err_e fail(cos_pack_t *p);
static int reserve(cos_pack_t *p, uint64_t end, int urgent, uint64_t *target);
static int grow(cos_pack_t *p, uint64_t target);
static int write_records(cos_pack_t *p, cos_pack_rec_t **recs, size_t n,
    cos_u8 (*heads)[COS_REC_HEAD]);
static cos_err_e write_head(cos_pack_t *p);
static cos_err_e read_head(cos_pack_t *p);


cos_err_e
cos_pack_create(cos_pack_t *p, cos_store_t *st, uint64_t cid, uint64_t max)
{
    char       name[COS_NAME_LEN];
    uint64_t   target;
    cos_err_e  rc;

    memset(p, 0, sizeof(cos_pack_t));
    p->store = st;
    p->cid = cid;
    p->max = max;

    cos_name_open(name, cid);

    p->fd = openat(cos_store_at(st, cid), name, O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0600);
    if (p->fd == -1) {
        return fail(p);
    }

    if (reserve(p, COS_FILE_HEAD, 0, &target) != 0) {
        rc = fail(p);
        goto failed;
    }

    p->off = COS_FILE_HEAD;
    p->allocated = target;

    rc = write_head(p);
    if (rc == COS_OK) {
        return COS_OK;
    }

failed:

    /* nothing can be in it yet */
    (void) unlinkat(cos_store_at(st, cid), name, 0);
    cos_pack_abandon(p);

    return rc;
}


static cos_err_e
write_head(cos_pack_t *p)
{
    cos_u8           head[COS_FILE_HEAD];
    cos_file_head_t  fh;

    if (cos_file_head_new(&fh, p->cid) != 0) {
        return fail(p);
    }

    cos_file_head_encode(head, &fh);

    if (cos_pwrite_full(p->fd, head, COS_FILE_HEAD, 0) != 0
        || cos_zero_fill(p->fd, p->off, p->allocated) != 0
        || cos_store_sync(p->store, p->fd) != 0
        || cos_store_sync_open(p->store, p->cid) != 0)
    {
        return fail(p);
    }

    p->salt = fh.salt;

    return COS_OK;
}


/* The salt of a damaged file header is also that of the first record. */
static cos_err_e
read_head(cos_pack_t *p)
{
    cos_u8           head[COS_FILE_HEAD + COS_REC_HEAD];
    ssize_t          n;
    cos_rec_t        r;
    cos_file_head_t  fh;

    n = cos_pread_full(p->fd, head, sizeof(head), 0);

    if (n < COS_FILE_HEAD) {
        errno = n < 0 ? errno : EIO;
        return fail(p);
    }

    if (cos_file_head_decode(&fh, head) != 0) {
        if (n < (ssize_t) sizeof(head)
            || cos_rec_head_decode(&r, head + COS_FILE_HEAD, COS_FILE_HEAD)
               != 0
            || cos_file_head_new(&fh, p->cid) != 0)
        {
            errno = EIO;
            return fail(p);
        }

        fh.salt = r.salt;
        cos_file_head_encode(head, &fh);

        if (cos_pwrite_full(p->fd, head, COS_FILE_HEAD, 0) != 0) {
            return fail(p);
        }
    }

    p->salt = fh.salt;

    return COS_OK;
}


/* What lay behind the cut must not come back as a record behind the next one:
 * ftruncate() to the very end drops it before anything is appended. */
cos_err_e
cos_pack_reopen(cos_pack_t *p, cos_store_t *st, uint64_t cid, uint64_t end)
{
    char       name[COS_NAME_LEN];
    cos_err_e  rc;

    memset(p, 0, sizeof(cos_pack_t));
    p->store = st;
    p->cid = cid;
    p->max = end;
    p->off = end;
    p->allocated = end;

    cos_name_open(name, cid);

    p->fd = openat(cos_store_at(st, cid), name, O_RDWR|O_CLOEXEC);
    if (p->fd == -1) {
        return fail(p);
    }

    if (ftruncate(p->fd, (off_t) end) != 0) {
        rc = fail(p);

    } else {
        rc = read_head(p);
    }

    if (rc != COS_OK) {
        cos_pack_abandon(p);
    }

    return rc;
}


int
cos_pack_fits(const cos_pack_t *p, uint64_t n)
{
    return p->err == 0 && p->off + cos_rec_size(n, 0) <= p->max;
}


cos_err_e
cos_pack_write(cos_pack_t *p, cos_pack_rec_t **recs, size_t n, int urgent)
{
    int        rc;
    cos_u8     stack[STACK_HEADS][COS_REC_HEAD], (*heads)[COS_REC_HEAD];
    size_t     i;
    uint64_t   end, target;

    if (p->err != 0) {
        return COS_E_INTERNAL;
    }

    if (n == 0) {
        return COS_OK;
    }

    end = p->off;

    for (i = 0; i < n; i++) {
        if (recs[i]->json.len > COS_JSON_MAX) {
            return COS_E_INTERNAL;
        }

        end += cos_rec_size_at(end, recs[i]->payload.len,
                               recs[i]->json.len);
    }

    heads = n <= STACK_HEADS ? stack : malloc(n * COS_REC_HEAD);
    if (heads == NULL) {
        return COS_E_INTERNAL;
    }

    if (reserve(p, end, urgent, &target) != 0) {
        if (heads != stack) {
            free(heads);
        }
        return cos_store_err(errno);
    }

    rc = write_records(p, recs, n, heads);

    if (heads != stack) {
        free(heads);
    }

    /* what is new behind the batch is zeroed here, so that one sync takes
     * both and the batch's own place is written once */
    if (rc != 0
        || (target > p->allocated
            && cos_zero_fill(p->fd, end > p->allocated ? end : p->allocated,
                             target) != 0)
        || cos_store_sync(p->store, p->fd) != 0)
    {
        return fail(p);
    }

    for (i = 0; i < n; i++) {
        recs[i]->cid = p->cid;
        recs[i]->off = p->off + cos_rec_skip(p->off, recs[i]->payload.len);

        if (recs[i]->weighs) {
            p->records++;
            p->weight += recs[i]->payload.len + COS_WEIGHT_BASE;

        } else {
            p->carried += cos_rec_size_at(p->off, recs[i]->payload.len,
                                          recs[i]->json.len);
        }

        p->off += cos_rec_size_at(p->off, recs[i]->payload.len,
                                  recs[i]->json.len);
    }

    p->allocated = target > end ? target : end;

    return COS_OK;
}


static cos_err_e
fail(cos_pack_t *p)
{
    p->err = errno != 0 ? errno : EIO;

    return cos_store_err(p->err);
}


/* Makes sure that the file may grow to end, and data also leaves the reserve
 * untouched. target: up to where zeroes belong once the batch is written. */
static int
reserve(cos_pack_t *p, uint64_t end, int urgent, uint64_t *target)
{
    int       err;
    uint64_t  need, cap;

    *target = p->allocated;
    need = end + (urgent ? 0 : RESERVE);

    if (need <= p->allocated) {
        return 0;
    }

    cap = end + RESERVE;
    *target = (cap + STEP - 1) / STEP * STEP;

    if (*target > p->max + RESERVE) {
        *target = p->max + RESERVE > cap ? p->max + RESERVE : cap;
    }

    if (grow(p, *target) == 0) {
        return 0;
    }

    err = errno;

    if (cos_store_err(err) == COS_E_DISK_FULL) {
        *target = (cap + 4095) / 4096 * 4096;

        if (grow(p, *target) == 0) {
            return 0;
        }

        *target = end;

        if (urgent && grow(p, end) == 0) {
            return 0;
        }
    }

    errno = err;

    return -1;
}


static int
grow(cos_pack_t *p, uint64_t target)
{
    int  rc;

    if (target <= p->allocated) {
        return 0;
    }

    do {
        rc = fallocate(p->fd, 0, (off_t) p->allocated,
                       (off_t) (target - p->allocated));
    } while (rc != 0 && errno == EINTR);

    if (rc != 0 && (errno == EOPNOTSUPP || errno == ENOSYS)) {
        return cos_zero_fill(p->fd, p->allocated, target);
    }

    return rc;
}


static void
fill_head(cos_pack_t *p, const cos_pack_rec_t *pr, uint64_t off,
    cos_u8 head[COS_REC_HEAD])
{
    cos_rec_t  r;

    memset(&r, 0, sizeof(r));
    r.kind = pr->kind;
    r.seq = pr->seq;
    r.rec_off = off;
    r.payload_off = off + cos_rec_skip(off, pr->payload.len);
    r.payload_len = pr->payload.len;
    r.payload_crc = pr->payload_crc;
    r.json_len = (uint32_t) pr->json.len;
    r.json_crc = cos_crc32c(0, pr->json.data, pr->json.len);
    r.salt = p->salt;

    cos_rec_head_encode(head, &r);
}


static int
write_records(cos_pack_t *p, cos_pack_rec_t **recs, size_t n,
    cos_u8 (*heads)[COS_REC_HEAD])
{
    int           k;
    size_t        i;
    uint64_t      off, start, len, raw, skip;
    struct iovec  iov[IOV_BATCH];

    k = 0;
    off = p->off;
    start = off;

    for (i = 0; i < n; i++) {
        fill_head(p, recs[i], off, heads[i]);

        skip = cos_rec_skip(off, recs[i]->payload.len);
        raw = skip + recs[i]->payload.len + recs[i]->json.len;
        len = cos_rec_pad(raw);

        iov[k++] = (struct iovec) { heads[i], COS_REC_HEAD };
        iov[k++] = (struct iovec) { (void *) (uintptr_t) padding,
                                    (size_t) (skip - COS_REC_HEAD) };
        iov[k++] = (struct iovec) { recs[i]->payload.data,
                                    recs[i]->payload.len };
        iov[k++] = (struct iovec) { recs[i]->json.data, recs[i]->json.len };
        iov[k++] = (struct iovec) { (void *) (uintptr_t) padding,
                                    (size_t) (len - raw) };
        off += len;

        if (k + 5 > IOV_BATCH || i + 1 == n) {
            if (cos_pwritev_full(p->fd, iov, k, start) != 0) {
                return -1;
            }

            k = 0;
            start = off;
        }
    }

    return 0;
}


cos_err_e
cos_pack_seal(cos_pack_t *p)
{
    cos_buf_t        b;
    cos_err_e        rc;
    cos_json_t       j;
    cos_arena_t     *arena;
    cos_pack_rec_t   rec, *list[1];

    if (p->err != 0) {
        return COS_E_INTERNAL;
    }

    arena = cos_arena_create();
    if (arena == NULL) {
        return COS_E_INTERNAL;
    }

    memset(&j, 0, sizeof(j));
    j.kind = COS_J_SEAL;
    j.records = p->records;
    j.weight = p->weight;
    j.carried = p->carried;

    memset(&rec, 0, sizeof(rec));
    rec.kind = COS_J_SEAL;
    cos_buf_init(&b, cos_arena_alloc(arena), 256);
    rc = COS_E_INTERNAL;

    if (cos_json_encode(&b, &j) == 0 && !b.err) {
        rec.json.data = b.data;
        rec.json.len = b.len;
        list[0] = &rec;
        rc = cos_pack_write(p, list, 1, 1);
    }

    cos_arena_free(arena);

    if (rc != COS_OK) {
        return rc;
    }

    /* the size is what says that the seal is the end */
    if (ftruncate(p->fd, (off_t) p->off) != 0
        || cos_store_sync(p->store, p->fd) != 0
        || cos_store_settle(p->store, p->cid) != 0)
    {
        return fail(p);
    }

    cos_pack_abandon(p);

    return COS_OK;
}


void
cos_pack_abandon(cos_pack_t *p)
{
    if (p->fd != -1) {
        (void) close(p->fd);
        p->fd = -1;
    }

    if (p->err == 0) {
        p->err = EBADF;
    }
}
