/*
 * store: containers, the only format in which bytes lie on disk. Pure and
 * blocking: called in nginx's thread pool, in the background process, and by
 * cosctl; never on the event loop.
 *
 * Data directory:
 *
 *   ROOT/store.id          text: uuid of this store; Redis' g.store names it
 *   ROOT/open/INC.lock     flock()ed by incarnation INC as long as it lives
 *   ROOT/open/compact.lock flock()ed while a container is compacted
 *   ROOT/open/CID          containers being written or not yet settled
 *   ROOT/xx/CID            settled containers; xx: two hex digits of CID % 256
 *
 * Storage classes may have directories of their own, with the same open/ and
 * xx/. They are told apart by slots, numbers of 1 to 7, which never change:
 *
 *   ROOT/slots             text: "<slot> <path>" of each such directory
 *   DIR/store.slot         text: "<store.id> <slot>"
 *
 * CID is 12 lower-case hex digits: slot * 2^45 + incarnation * 2^20 + n, with
 * bit 19 of n set for a solo container (one record, one large object or part)
 * and clear for a pack (many records of small ones). Ids are never used twice.
 *
 * File: a 64-byte file header, then records, each 64-byte header, payload,
 * JSON, zero padding to a multiple of 8. In a solo container the payload
 * begins at 4096; in a pack, payloads of 16 KiB and more begin at a multiple
 * of 4096 (zeroes before them): page-aligned for sendfile. A settled pack ends with a SEAL
 * record, and the file with it.
 *
 *   file header                        record header
 *    0  8 B "COSCONT1"                  0  u32  COS_REC_MAGIC
 *    8  u32 flags (1: solo)             4  u8   version (1)
 *   12  u32 reserved, 0                 5  u8   kind (cos_json_e)
 *   16  u64 cid                         6  u16  payload offset from here
 *   24  u64 created (ms)                8  u64  seq
 *   32  u64 salt, random               16  u64  payload length
 *   40  20 B reserved, 0               24  u32  JSON length
 *   60  u32 CRC-32C of 0..59           28  u32  CRC-32C of the JSON
 *                                      32  u64  CRC-64/XZ of the payload
 *                                      40  u64  salt of the file
 *                                      48  u64  offset of this header
 *                                      56  u32  reserved, 0
 *                                      60  u32  CRC-32C of 0..59
 *
 * Salt and offset tell a record from bytes that look like one: a scan that
 * searches for the next header behind damage must not be led astray by a
 * payload, which a client chose.
 *
 * A crash leaves an unsettled pack with a torn tail; nothing in it was
 * acknowledged unless it was synced and then committed in Redis. What lies in
 * open/ under a dead incarnation is resolved by cos_recover() (cos_maint.h).
 */

#ifndef COS_CONTAINER_H
#define COS_CONTAINER_H

#include <sys/uio.h>

#include "cos_err.h"
#include "cos_record.h"

#pragma GCC visibility push(hidden)

#define COS_CID_BITS      20
#define COS_CID_SOLO      (1ULL << 19)
#define COS_CID_N_MASK    (COS_CID_SOLO - 1)
#define COS_FILE_HEAD     64
#define COS_REC_HEAD      64
#define COS_REC_MAGIC     0x52534f43u          /* "COSR" */
#define COS_SOLO_PAYLOAD  4096
#define COS_REC_ALIGN     8
#define COS_GAP_MAX       4096        /* before a payload in a pack */

#define COS_SLOT_SHIFT    45
#define COS_SLOTS         8
#define COS_INC_MAX       ((1ULL << (COS_SLOT_SHIFT - COS_CID_BITS)) - 1)

#define cos_cid_inc(cid)                                                      \
    (((uint64_t) (cid) >> COS_CID_BITS) & COS_INC_MAX)
#define cos_cid_slot(cid)                                                     \
    ((unsigned) ((uint64_t) (cid) >> COS_SLOT_SHIFT) & (COS_SLOTS - 1))
/* The id of container n of an incarnation, in the directory of a slot. */
#define cos_cid(inc, slot, n)                                                 \
    ((uint64_t) (slot) << COS_SLOT_SHIFT | (uint64_t) (inc) << COS_CID_BITS   \
     | (n))
#define cos_cid_is_solo(cid)  (((cid) & COS_CID_SOLO) != 0)

typedef struct {
    cos_json_e  kind;
    uint64_t    seq;
    uint64_t    payload_off;          /* in the file */
    uint64_t    payload_len;
    uint64_t    payload_crc;          /* CRC-64/XZ */
    uint32_t    json_len;
    uint32_t    json_crc;
    uint64_t    rec_off;              /* of the record header, in the file */
    uint64_t    rec_len;              /* with padding */
    uint64_t    salt;
} cos_rec_t;

/* A data directory. sync: 0 in relaxed durability. */
typedef struct {
    char        root[512];
    int         root_fd;
    int         open_fd;              /* ROOT/open, for *at() and fsync */
    int         sync;
    char        id[40];               /* store.id */
    struct {
        int     root_fd;              /* -1: not open */
        int     open_fd;
        char   *path;                 /* as ROOT/slots says; NULL: no such */
    }           slot[COS_SLOTS];      /* 0: unused, see root_fd */
} cos_store_t;

/* Opens (create != 0: makes where missing) the directory and its layout.
 * 0, or -1 with errno and a text of at most len bytes in err. */
int cos_store_open(cos_store_t *st, const char *root, int create, char *err,
    size_t len);
void cos_store_close(cos_store_t *st);
/* The slot of a class' directory, which gets one when it has none yet; what it
 * holds must be of this store. One that was moved is found by its marker, and
 * ROOT/slots then says so. -1 with a text in err. */
int cos_store_class_dir(cos_store_t *st, const char *dir, char *err,
    size_t len);
/* Whether all directories that belong to the store are there; -1 with a text in
 * err. To be asked before a store is used. */
int cos_store_complete(cos_store_t *st, char *err, size_t len);
/* For a configuration that is only tested: whether both will be content with
 * these directories. Changes nothing. */
int cos_store_classes_check(const char *root, const char **dirs, size_t n,
    char *err, size_t len);
/* Whether any container exists: tells a new store from one whose Redis was
 * lost. */
int cos_store_is_empty(cos_store_t *st);
/* Takes the lock of an incarnation: a descriptor to be kept open as long as
 * the incarnation lives, or -1. */
int cos_store_lock(cos_store_t *st, uint64_t inc);
/* Opens a container for reading, wherever it lies now. -1 with errno. */
int cos_store_open_cid(cos_store_t *st, uint64_t cid);
/* Moves a container out of open/ once everything in it is resolved. */
int cos_store_settle(cos_store_t *st, uint64_t cid);
int cos_store_unlink(cos_store_t *st, uint64_t cid);


/* --- writing -------------------------------------------------------------- */

/* Errors of writers: COS_E_DISK_FULL for ENOSPC, EDQUOT and EFBIG,
 * COS_E_INTERNAL for the rest, errno in ->err. After an error of a write or a
 * sync (->err != 0) the container takes no more records: its writer abandons
 * it (closes it, leaves it in open/ and gives up its incarnation, so that
 * recovery resolves it). COS_E_DISK_FULL with ->err == 0: there was no room to
 * reserve, nothing was written, and the pack goes on taking what fits. */

typedef struct {
    cos_store_t  *store;
    uint64_t      cid;
    int           fd;
    uint64_t      off;                /* where the next record goes */
    uint64_t      allocated;          /* zeroes reserved up to here */
    uint64_t      salt;
    uint64_t      max;                /* size at which it is full */
    uint64_t      records;            /* for the seal: see cos_json_t */
    uint64_t      weight;
    uint64_t      carried;
    int           err;                /* errno of the failure; 0: healthy */
} cos_pack_t;

typedef struct {
    cos_json_e    kind;
    unsigned      weighs:1;           /* counts as data (segment or home) */
    uint64_t      seq;
    cos_str_t     payload;
    uint64_t      payload_crc;
    cos_str_t     json;
    /* filled in by cos_pack_write */
    uint64_t      cid;
    uint64_t      off;                /* of the payload */
} cos_pack_rec_t;

/* Creates open/CID with its header and makes its directory entry durable. */
cos_err_e cos_pack_create(cos_pack_t *p, cos_store_t *st, uint64_t cid,
    uint64_t max);
/* Whether n more payload+JSON bytes fit below max. */
int cos_pack_fits(const cos_pack_t *p, uint64_t n);
/* Appends n records with as few system calls as possible, then one fdatasync
 * (unless relaxed). All or none: on an error none counts. urgent != 0 lets
 * tombstones and notes use the last preallocated megabyte that data leaves
 * free, so that a full disk can still delete. */
cos_err_e cos_pack_write(cos_pack_t *p, cos_pack_rec_t **recs, size_t n,
    int urgent);
/* Appends the seal, cuts the file, settles it, closes it. */
cos_err_e cos_pack_seal(cos_pack_t *p);
/* Closes without sealing (see above). */
void cos_pack_abandon(cos_pack_t *p);

typedef struct {
    cos_store_t  *store;
    uint64_t      cid;
    int           fd;
    uint64_t      len;                /* payload bytes so far */
    int           err;
} cos_solo_t;

cos_err_e cos_solo_create(cos_solo_t *s, cos_store_t *st, uint64_t cid,
    uint64_t expected /* bytes to preallocate, 0: unknown */);
cos_err_e cos_solo_write(cos_solo_t *s, const void *p, size_t n);
/* Writes JSON and headers, syncs file and directory entry, closes. */
cos_err_e cos_solo_finish(cos_solo_t *s, cos_json_e kind, uint64_t seq,
    uint64_t payload_crc, cos_str_t json);
/* Closes and removes. */
void cos_solo_abort(cos_solo_t *s);
/* Another name, in open/, for an existing solo container: how large objects
 * are copied. Durable on return. */
cos_err_e cos_solo_link(cos_store_t *st, uint64_t from, uint64_t to);
/* The same from one directory into another, where the bytes must be copied: at
 * most max of them a call. *done is 0 at first. 1: there is more to do; 0:
 * durable; -1 with errno. */
int cos_solo_copy(cos_store_t *st, uint64_t from, uint64_t to, uint64_t *done,
    uint64_t max);


/* --- reading -------------------------------------------------------------- */

void cos_rec_head_encode(cos_u8 dst[COS_REC_HEAD], const cos_rec_t *r);
/* 0; -1: not a record header, or a damaged one. Sets all but json/payload
 * content; rec_off is the caller's. */
int cos_rec_head_decode(cos_rec_t *r, const cos_u8 src[COS_REC_HEAD],
    uint64_t rec_off);

#define COS_SCAN_JSON     1           /* read and check the JSON */
#define COS_SCAN_PAYLOAD  2           /* read and check the payload */

typedef enum {
    COS_SCAN_OK = 0,
    COS_SCAN_BAD_JSON,                /* checksum differs or unreadable */
    COS_SCAN_BAD_PAYLOAD,
    COS_SCAN_BAD_HEADER,              /* damaged bytes from rec_off, rec_len
                                         long: skipped to the next header */
    COS_SCAN_BAD_FILE                 /* the file header */
} cos_scan_e;

/* json: valid during the call. A value other than 0 stops the scan. */
typedef int (*cos_scan_pt)(void *ctx, const cos_rec_t *r, cos_scan_e state,
    cos_str_t json);

typedef struct {
    uint64_t  cid;                    /* of the file header (see links) */
    unsigned  solo:1;
    unsigned  sealed:1;
    uint64_t  size;                   /* of the file */
    uint64_t  end;                    /* of the last good record */
} cos_scan_info_t;

/*
 * Calls cb for each record in file order. In a sealed or solo container every
 * byte must be accounted for, else BAD_HEADER is reported; in an unsealed pack
 * the first bad header ends the scan (torn tail) after looking for further
 * records behind it. 0, the callback's value, or -1 with errno.
 */
int cos_container_scan(int fd, int flags, cos_scan_info_t *info,
    cos_scan_pt cb, void *ctx);
/* Reads the seal of a pack without scanning: 0, or -1 when unsealed. */
int cos_container_seal(int fd, cos_json_t *seal, cos_alloc_t *a);
/* Calls cb for every container file of the store (settled and open). */
typedef int (*cos_walk_pt)(void *ctx, uint64_t cid, int in_open);
int cos_store_walk(cos_store_t *st, cos_walk_pt cb, void *ctx);

#pragma GCC visibility pop

#endif
