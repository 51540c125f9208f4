/*
 * store, private: system calls that finish what they begin, and names.
 */

#ifndef COS_STORE_INTERNAL_H
#define COS_STORE_INTERNAL_H

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/types.h>

#include "cos_container.h"

#pragma GCC visibility push(hidden)

#define COS_FILE_SOLO     1u
#define COS_REC_VERSION   1
#define COS_JSON_MAX      (64u << 20)
#define COS_NAME_LEN      32

static inline void
cos_put_u16(cos_u8 *p, uint16_t v)
{
    v = htole16(v);
    memcpy(p, &v, 2);
}


static inline void
cos_put_u32(cos_u8 *p, uint32_t v)
{
    v = htole32(v);
    memcpy(p, &v, 4);
}


static inline void
cos_put_u64(cos_u8 *p, uint64_t v)
{
    v = htole64(v);
    memcpy(p, &v, 8);
}


static inline uint16_t
cos_get_u16(const cos_u8 *p)
{
    uint16_t v;

    memcpy(&v, p, 2);
    return le16toh(v);
}


static inline uint32_t
cos_get_u32(const cos_u8 *p)
{
    uint32_t v;

    memcpy(&v, p, 4);
    return le32toh(v);
}


static inline uint64_t
cos_get_u64(const cos_u8 *p)
{
    uint64_t v;

    memcpy(&v, p, 8);
    return le64toh(v);
}


static inline uint64_t
cos_rec_pad(uint64_t n)
{
    return (n + COS_REC_ALIGN - 1) / COS_REC_ALIGN * COS_REC_ALIGN;
}


/*
 * Where in a pack the payload of a record at off begins, from off. Larger
 * payloads begin at a page: sendfile of bytes that straddle pages leaves the
 * last segment of a response half full, and Nagle then holds it back until
 * the client's delayed acknowledgement.
 */
#define COS_PAGE        4096
#define COS_PAGE_MIN    16384

static inline uint64_t
cos_rec_skip(uint64_t off, uint64_t payload)
{
    if (payload < COS_PAGE_MIN) {
        return COS_REC_HEAD;
    }

    return (off + COS_REC_HEAD + COS_PAGE - 1) / COS_PAGE * COS_PAGE - off;
}


/* Room a record takes at off, header, gap and padding included. */
static inline uint64_t
cos_rec_size_at(uint64_t off, uint64_t payload, uint64_t json)
{
    return cos_rec_pad(cos_rec_skip(off, payload) + payload + json);
}


/* The most that it takes, wherever it lies. */
static inline uint64_t
cos_rec_size(uint64_t payload, uint64_t json)
{
    return cos_rec_pad(COS_REC_HEAD + payload + json)
           + (payload < COS_PAGE_MIN ? 0 : COS_PAGE);
}


/* COS_E_DISK_FULL or COS_E_INTERNAL */
cos_err_e cos_store_err(int err);

/* All of it or -1 with errno; EINTR and short transfers are gone on with. */
int cos_pwrite_full(int fd, const void *p, size_t n, uint64_t off);
/* Changes the array. */
int cos_pwritev_full(int fd, struct iovec *iov, int n, uint64_t off);
/* Bytes read, fewer than n only at the end of the file; -1 with errno. */
ssize_t cos_pread_full(int fd, void *p, size_t n, uint64_t off);
int cos_zero_fill(int fd, uint64_t from, uint64_t to);
/* fdatasync unless durability is relaxed */
int cos_store_sync(cos_store_t *st, int fd);
/* fsync of the open/ that the container lies in, likewise */
int cos_store_sync_open(cos_store_t *st, uint64_t cid);

/* The root that a container's names are below, and its open/; -1 with ENODEV
 * when the directory of its slot is not there. Safe to call from threads. */
int cos_store_at(cos_store_t *st, uint64_t cid);
int cos_store_open_at(cos_store_t *st, uint64_t cid);
/* Opens what ROOT/slots lists and can be opened. -1: it cannot be read. */
int cos_slots_load(cos_store_t *st);
void cos_slots_close(cos_store_t *st);
/* Everything that was written to any of its directories. */
int cos_store_sync_all(cos_store_t *st);
/* Makes open/ and 00/ to ff/. */
int cos_store_layout(int root_fd);

/* Names below the root of a container in open/ and of one settled. */
void cos_name_open(char dst[COS_NAME_LEN], uint64_t cid);
void cos_name_settled(char dst[COS_NAME_LEN], uint64_t cid);
void cos_name_lock(char dst[COS_NAME_LEN], uint64_t inc);

/* file header */
typedef struct {
    uint64_t  cid;
    uint64_t  created;
    uint64_t  salt;
    int       solo;
} cos_file_head_t;

void cos_file_head_encode(cos_u8 dst[COS_FILE_HEAD],
    const cos_file_head_t *h);
int cos_file_head_decode(cos_file_head_t *h, const cos_u8 src[COS_FILE_HEAD]);
int cos_file_head_new(cos_file_head_t *h, uint64_t cid);

/* Makes dst hold header, for a record that lies at off of a file. */
void cos_rec_head_fill(cos_u8 dst[COS_REC_HEAD], const cos_rec_t *r);

/* Goes on with an unsealed pack of a dead incarnation: cuts it at end and
 * opens it for appending. Counters are what the caller found in it. */
cos_err_e cos_pack_reopen(cos_pack_t *p, cos_store_t *st, uint64_t cid,
    uint64_t end);

/* Calls cb for every lock file in open/ as well as for containers there. */
typedef int (*cos_walk_lock_pt)(void *ctx, uint64_t inc);
int cos_store_walk_locks(cos_store_t *st, cos_walk_lock_pt cb, void *ctx);
/* Takes the whole-store lock of name for as long as the descriptor is open;
 * -1 with EWOULDBLOCK when somebody else has it. */
int cos_store_lock_name(cos_store_t *st, const char *name);
/* Seconds since the file was changed last, its size; -1 with errno. */
int cos_store_stat(cos_store_t *st, uint64_t cid, int64_t *age,
    uint64_t *size);

#pragma GCC visibility pop

#endif
