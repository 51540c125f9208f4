/*
 * Reading containers from one end to the other.
 *
 * The scan trusts nothing: every length is checked against the file before it
 * is used, every byte of a finished container is either covered by a checksum
 * or compared with zero. A record is told from a payload that looks like one
 * by the file's random salt and by its own offset.
 */

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_internal.h"


#define WINDOW      (1u << 20)
#define WINDOW_MIN  (16u << 10)
#define SEAL_TAIL   1024

/* A view of the file: [start, start + len) is in buf. */
typedef struct {
    int               fd;
    int               flags;
    cos_u8           *buf;
    size_t            hint;           /* how much the next refill reads */
    uint64_t          start;
    size_t            len;
    uint64_t          size;
    uint64_t          salt;
    int               salted;
    cos_scan_info_t  *info;
    cos_scan_pt       cb;
    void             *ctx;
} scan_t;

static int scan_file(scan_t *s);
static int scan_pack(scan_t *s);
static int scan_solo(scan_t *s);
static int record(scan_t *s, cos_rec_t *r);
static int check_payload(scan_t *s, const cos_rec_t *r, int *bad);
static int check_zero(scan_t *s, uint64_t from, uint64_t to, uint64_t *bad);
static int next_header(scan_t *s, uint64_t from, uint64_t *at);
static int report_bad(scan_t *s, cos_scan_e state, uint64_t from,
    uint64_t to);
static int head_at(scan_t *s, uint64_t off, cos_rec_t *r);
static const cos_u8 *view(scan_t *s, uint64_t off, size_t n);


int
cos_container_scan(int fd, int flags, cos_scan_info_t *info, cos_scan_pt cb,
    void *ctx)
{
    int          rc;
    scan_t       s;
    struct stat  sb;

    memset(info, 0, sizeof(cos_scan_info_t));
    memset(&s, 0, sizeof(s));

    if (fstat(fd, &sb) != 0) {
        return -1;
    }

    s.fd = fd;
    s.flags = flags;
    s.info = info;
    s.cb = cb;
    s.ctx = ctx;
    s.size = (uint64_t) sb.st_size;
    s.hint = WINDOW_MIN;
    info->size = s.size;

    s.buf = malloc(WINDOW);
    if (s.buf == NULL) {
        return -1;
    }

    rc = scan_file(&s);
    free(s.buf);

    return rc;
}


static int
scan_file(scan_t *s)
{
    int              rc, good;
    const cos_u8    *p;
    cos_rec_t        r;
    cos_file_head_t  fh;

    if (s->size < COS_FILE_HEAD) {
        return report_bad(s, COS_SCAN_BAD_FILE, 0, s->size);
    }

    p = view(s, 0, COS_FILE_HEAD);
    if (p == NULL) {
        return -1;
    }

    good = cos_file_head_decode(&fh, p) == 0;

    if (good) {
        s->info->cid = fh.cid;
        s->info->solo = fh.solo & 1;
        s->salt = fh.salt;
        s->salted = 1;

    } else {
        rc = report_bad(s, COS_SCAN_BAD_FILE, 0, COS_FILE_HEAD);
        if (rc != 0) {
            return rc;
        }

        /* the first record still tells which kind of container it is */
        rc = head_at(s, COS_FILE_HEAD, &r);
        if (rc < 0) {
            return -1;
        }

        s->info->solo = rc == 1 && r.payload_off == COS_SOLO_PAYLOAD
                        && r.rec_off + r.rec_len == s->size;
    }

    s->info->end = COS_FILE_HEAD;

    return s->info->solo ? scan_solo(s) : scan_pack(s);
}


static int
scan_solo(scan_t *s)
{
    int        rc;
    uint64_t   bad;
    cos_rec_t  r;

    rc = head_at(s, COS_FILE_HEAD, &r);
    if (rc < 0) {
        return -1;
    }

    if (rc == 0) {
        return report_bad(s, COS_SCAN_BAD_HEADER, COS_FILE_HEAD, s->size);
    }

    rc = record(s, &r);
    if (rc != 0) {
        return rc;
    }

    if (s->flags & COS_SCAN_PAYLOAD) {
        rc = check_zero(s, COS_FILE_HEAD + COS_REC_HEAD, COS_SOLO_PAYLOAD,
                        &bad);
        if (rc != 0) {
            return -1;
        }

        if (bad != 0) {
            rc = report_bad(s, COS_SCAN_BAD_HEADER, bad, COS_SOLO_PAYLOAD);
            if (rc != 0) {
                return rc;
            }
        }
    }

    s->info->end = r.rec_off + r.rec_len;

    if (s->info->end < s->size) {
        return report_bad(s, COS_SCAN_BAD_HEADER, s->info->end, s->size);
    }

    s->info->sealed = 1;

    return 0;
}


static int
scan_pack(scan_t *s)
{
    int        rc;
    uint64_t   off, at;
    cos_rec_t  r;

    off = COS_FILE_HEAD;

    while (off < s->size) {
        rc = head_at(s, off, &r);
        if (rc < 0) {
            return -1;
        }

        if (rc == 0) {
            rc = next_header(s, off, &at);
            if (rc != 0) {
                return rc;
            }

            if (at == 0) {
                /* nothing readable behind it: a torn or unused tail */
                s->info->sealed = 0;
                return 0;
            }

            rc = report_bad(s, COS_SCAN_BAD_HEADER, off, at);
            if (rc != 0) {
                return rc;
            }

            off = at;
            continue;
        }

        rc = record(s, &r);
        if (rc != 0) {
            return rc;
        }

        off = r.rec_off + r.rec_len;
        s->info->end = off;
        s->info->sealed = r.kind == COS_J_SEAL && off == s->size;
    }

    return 0;
}


/* Reports one record whose header is good and whose extent is in the file. */
static int
record(scan_t *s, cos_rec_t *r)
{
    int            rc, bad;
    uint64_t       off, end, nonzero;
    cos_str_t      json;
    cos_scan_e     state;
    const cos_u8  *p;
    cos_u8        *large;

    state = COS_SCAN_OK;
    large = NULL;
    json.data = NULL;
    json.len = 0;
    nonzero = 0;
    off = r->payload_off + r->payload_len;
    end = r->rec_off + r->rec_len;

    if (s->flags & COS_SCAN_PAYLOAD) {

        if (!s->info->solo
            && check_zero(s, r->rec_off + COS_REC_HEAD, r->payload_off,
                          &nonzero)
               != 0)
        {
            return -1;
        }

        if (nonzero != 0
            && (bad = report_bad(s, COS_SCAN_BAD_HEADER, nonzero,
                                 r->payload_off))
               != 0)
        {
            return bad;
        }

        nonzero = 0;

        if (check_payload(s, r, &bad) != 0) {
            return -1;
        }

        if (bad) {
            state = COS_SCAN_BAD_PAYLOAD;
        }
    }

    if (s->flags & COS_SCAN_JSON) {
        if (r->json_len > WINDOW - COS_REC_ALIGN) {
            large = malloc(r->json_len);
            if (large == NULL
                || cos_pread_full(s->fd, large, r->json_len, off)
                   != (ssize_t) r->json_len)
            {
                free(large);
                return -1;
            }

            p = large;

        } else {
            p = view(s, off, (size_t) (end - off));
            if (p == NULL) {
                return -1;
            }
        }

        json.data = (cos_u8 *) (uintptr_t) p;
        json.len = r->json_len;

        if (cos_crc32c(0, p, r->json_len) != r->json_crc) {
            state = COS_SCAN_BAD_JSON;
        }
    }

    rc = s->cb(s->ctx, r, state, json);
    free(large);

    if (rc != 0) {
        return rc;
    }

    if (s->flags & COS_SCAN_JSON) {
        if (check_zero(s, off + r->json_len, end, &nonzero) != 0) {
            return -1;
        }

        if (nonzero != 0) {
            return report_bad(s, COS_SCAN_BAD_HEADER, nonzero, end);
        }
    }

    return 0;
}


static int
check_payload(scan_t *s, const cos_rec_t *r, int *bad)
{
    size_t         n;
    uint64_t       off, left, crc;
    const cos_u8  *p;

    crc = 0;
    off = r->payload_off;
    left = r->payload_len;

    while (left > 0) {
        n = left < WINDOW / 2 ? (size_t) left : WINDOW / 2;

        p = view(s, off, n);
        if (p == NULL) {
            return -1;
        }

        crc = cos_crc64(crc, p, n);
        off += n;
        left -= n;
    }

    *bad = crc != r->payload_crc;

    return 0;
}


/* bad: where the first byte that is not zero lies, 0: none */
static int
check_zero(scan_t *s, uint64_t from, uint64_t to, uint64_t *bad)
{
    const cos_u8  *p;

    *bad = 0;

    if (from == to) {
        return 0;
    }

    p = view(s, from, (size_t) (to - from));
    if (p == NULL) {
        return -1;
    }

    for ( /* void */ ; from < to; from++, p++) {
        if (*p != 0) {
            *bad = from;
            break;
        }
    }

    return 0;
}


/* 1: a good header whose record lies in the file wholly; 0: none; -1 */
static int
head_at(scan_t *s, uint64_t off, cos_rec_t *r)
{
    uint64_t       skip;
    const cos_u8  *p;

    if (s->size - off < COS_REC_HEAD) {
        return 0;
    }

    p = view(s, off, COS_REC_HEAD);
    if (p == NULL) {
        return -1;
    }

    if (cos_rec_head_decode(r, p, off) != 0
        || (s->salted && r->salt != s->salt)
        || r->rec_len > s->size - off)
    {
        return 0;
    }

    skip = r->payload_off - off;

    if (s->salted && (s->info->solo
                      ? skip != COS_SOLO_PAYLOAD - COS_FILE_HEAD
                      : skip != COS_REC_HEAD
                        && skip != cos_rec_skip(off, r->payload_len)))
    {
        return 0;
    }

    /* without a file header the first record vouches for those behind it */
    s->salt = r->salt;
    s->salted = 1;

    return 1;
}


/* The next good header behind off; *at is 0 when there is none. */
static int
next_header(scan_t *s, uint64_t off, uint64_t *at)
{
    int            rc;
    size_t         n, i;
    cos_rec_t      r;
    const cos_u8  *p;

    *at = 0;
    off = cos_rec_pad(off + 1);

    while (off < s->size && s->size - off >= COS_REC_HEAD) {
        n = s->size - off < WINDOW / 2 ? (size_t) (s->size - off) : WINDOW / 2;
        n -= n % COS_REC_ALIGN;

        p = view(s, off, n);
        if (p == NULL) {
            return -1;
        }

        for (i = 0; i < n && cos_get_u32(p + i) != COS_REC_MAGIC;
             i += COS_REC_ALIGN)
        {
            /* void */
        }

        off += i;

        if (i == n) {
            continue;
        }

        rc = head_at(s, off, &r);
        if (rc < 0) {
            return -1;
        }

        if (rc == 1) {
            *at = off;
            return 0;
        }

        off += COS_REC_ALIGN;
    }

    return 0;
}


static int
report_bad(scan_t *s, cos_scan_e state, uint64_t from, uint64_t to)
{
    cos_rec_t  r;
    cos_str_t  none;

    none.data = NULL;
    none.len = 0;
    memset(&r, 0, sizeof(r));
    r.rec_off = from;
    r.rec_len = to - from;

    return s->cb(s->ctx, &r, state, none);
}


/* n bytes at off, which must lie in the file; NULL with errno. Reads ahead
 * more the longer the scan goes on without jumping. */
static const cos_u8 *
view(scan_t *s, uint64_t off, size_t n)
{
    size_t   want;
    ssize_t  got;

    if (off >= s->start && off + n <= s->start + s->len) {
        return s->buf + (off - s->start);
    }

    if (off > s->start + s->len) {
        s->hint = WINDOW_MIN;

    } else if (s->hint < WINDOW) {
        s->hint *= 2;
    }

    want = s->hint < n ? n : s->hint;

    got = cos_pread_full(s->fd, s->buf, want, off);

    if (got < 0) {
        s->len = 0;
        return NULL;
    }

    s->start = off;
    s->len = (size_t) got;

    if ((size_t) got < n) {
        /* cut while being read */
        errno = EIO;
        return NULL;
    }

    return s->buf;
}


/* A seal's JSON is short: it lies within the last kilobyte. */
int
cos_container_seal(int fd, cos_json_t *seal, cos_alloc_t *a)
{
    size_t       n, i;
    cos_u8       tail[SEAL_TAIL];
    uint64_t     at;
    cos_rec_t    r;
    cos_str_t    json;
    struct stat  sb;

    if (fstat(fd, &sb) != 0 || sb.st_size % COS_REC_ALIGN != 0
        || sb.st_size < COS_FILE_HEAD + COS_REC_HEAD)
    {
        return -1;
    }

    n = sb.st_size < SEAL_TAIL ? (size_t) sb.st_size : SEAL_TAIL;
    at = (uint64_t) sb.st_size - n;

    if (cos_pread_full(fd, tail, n, at) != (ssize_t) n) {
        return -1;
    }

    for (i = n - COS_REC_HEAD; /* void */ ; i -= COS_REC_ALIGN) {
        if (cos_rec_head_decode(&r, tail + i, at + i) == 0
            && r.kind == COS_J_SEAL && r.payload_len == 0
            && r.rec_len == n - i)
        {
            json.data = tail + i + (r.payload_off - r.rec_off);
            json.len = r.json_len;

            if (cos_crc32c(0, json.data, json.len) == r.json_crc
                && cos_json_decode(seal, json, a) == 0
                && seal->kind == COS_J_SEAL)
            {
                return 0;
            }
        }

        if (i < COS_REC_ALIGN) {
            return -1;
        }
    }
}
