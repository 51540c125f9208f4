/*
 * store, private: what recovery, compaction, verification and rebuild share.
 */

#ifndef COS_MAINT_INTERNAL_H
#define COS_MAINT_INTERNAL_H

#include <hiredis/hiredis.h>

#include "cos_maint.h"
#include "store_internal.h"

#pragma GCC visibility push(hidden)


/* --- names, hashed -------------------------------------------------------- */

/* Objects, uploads and so on are told apart by 128 bits of a hash with a
 * random key: short enough for millions, and nobody can make two names meet. */
typedef enum {
    COS_N_OBJECT = 1,                 /* bid, key, version */
    COS_N_UPLOAD,                     /* bid, upload */
    COS_N_PART,                       /* bid, upload, part */
    COS_N_BUCKET,                     /* name */
    COS_N_CRED,                       /* access key */
    COS_N_VOID,                       /* of one of these */
    COS_N_NUMBER
} cos_name_e;

typedef struct {
    uint64_t  h[2];
} cos_hash_t;

int cos_hash_seed(void);
void cos_hash_name(cos_hash_t *h, cos_name_e kind, cos_str_t a, cos_str_t b,
    uint64_t n);
/* Of one incarnation's version of a name. */
void cos_hash_version(cos_hash_t *h, const cos_hash_t *name, uint64_t seq,
    uint32_t rev, uint64_t inc);
void cos_hash_number(cos_hash_t *h, uint64_t a, uint64_t b);
/* The name of what a document is about; -1 for notes and seals. */
int cos_hash_json(cos_hash_t *h, const cos_json_t *j);
/* The names a VOID may speak of, at most 5; returns how many. */
size_t cos_void_names(cos_hash_t *h, const cos_json_t *j);
/* Orders the records of a name that have the same seq. */
uint32_t cos_json_rev(const cos_json_t *j);

typedef struct {
    cos_hash_t  h;
    uint64_t    a, b, c;              /* whatever the table is for */
    uint32_t    n;
    uint16_t    rev;
    cos_u8      kind;
    cos_u8      used;
} cos_slot_t;

/* Open addressing; slots move when one is added. */
typedef struct {
    cos_slot_t  *slots;
    size_t       cap;
    size_t       n;
} cos_table_t;

cos_slot_t *cos_table_find(const cos_table_t *t, const cos_hash_t *h);
/* The slot of h, zeroed but for its hash when it is new (then n is 0 and
 * kind is 0); NULL when out of memory. */
cos_slot_t *cos_table_add(cos_table_t *t, const cos_hash_t *h);
void cos_table_free(cos_table_t *t);

/* A number for a container; 0: none. */
int cos_mark(cos_table_t *t, uint64_t cid, uint64_t value);
uint64_t cos_marked(const cos_table_t *t, uint64_t cid);

/* Where payloads lie. */
typedef struct {
    uint64_t  cid, off, len, crc;
} cos_range_t;

typedef struct {
    cos_range_t  *list;
    size_t        n, cap;
    int           sorted;
} cos_ranges_t;

int cos_ranges_add(cos_ranges_t *r, const cos_range_t *one);
void cos_ranges_sort(cos_ranges_t *r);
/* The payload that holds all of the segment, or NULL. */
const cos_range_t *cos_ranges_find(const cos_ranges_t *r,
    const cos_seg_t *seg);
void cos_ranges_free(cos_ranges_t *r);


/* --- Redis ---------------------------------------------------------------- */

typedef struct {
    cos_str_t  id;
    cos_str_t  name;
    uint64_t   seq;
    cos_str_t  rec;                   /* b:<name> */
} cos_rs_bucket_t;

typedef struct {
    cos_rs_bucket_t  *list;
    size_t            n;
} cos_rs_buckets_t;

/* Adds one command to the pipeline; ... are cos_str_t pointers. -1: lost. */
int cos_rs_add(redisContext *c, size_t argc, const cos_str_t *argv);
/* The next reply. NULL when the connection failed. */
redisReply *cos_rs_next(redisContext *c);
/* One command, words separated by spaces in fmt (hiredis' formats). */
redisReply *cos_rs_call(redisContext *c, const char *fmt, ...);
/* Takes n replies of the pipeline that are not of interest; -1 when one is an
 * error or is missing. */
int cos_rs_skip(redisContext *c, size_t n);
/* "<letter>{bid}<rest>" in memory of a */
int cos_rs_key(cos_alloc_t *a, cos_str_t *dst, char letter, cos_str_t bid,
    cos_str_t rest);
cos_str_t cos_rs_uint(cos_alloc_t *a, uint64_t n);
cos_str_t cos_rs_str(const redisReply *r);
/* First element of a function's reply. */
int cos_rs_status(const redisReply *r, const char *word);
int cos_rs_buckets(redisContext *c, cos_alloc_t *a, cos_rs_buckets_t *out);
/* A page of a bucket's index of objects, or of versions: from is empty, then *next (within the
 * reply) until that is empty. The elements of *members are of cos_facts.h.
 * bytes: what Redis counts for the page; -1 when from is not where it starts,
 * because the index changed meanwhile. NULL: lost, or an error. */
redisReply *cos_rs_index_page(redisContext *c, cos_str_t bid, int versions,
    cos_str_t from, cos_str_t *next, int64_t *bytes, redisReply **members);
/* Takes the members of a page apart and asks for their records, one command
 * each, whose replies cos_rs_found() reads. Of a malformed member facts are
 * empty. -1: lost. */
int cos_rs_ask_members(redisContext *c, cos_str_t bid, int versions,
    const redisReply *members, cos_str_t *keys, cos_str_t *facts,
    cos_alloc_t *a);
/* Asks for one such record, *o being what the index says of it. */
int cos_rs_ask(redisContext *c, cos_str_t bid, int versions, cos_str_t key,
    const cos_object_t *o, cos_alloc_t *a);
/* A record in a reply: of GET, or the i-th that cos_find found. */
cos_str_t cos_rs_found(const redisReply *r, size_t i);
/* Weights of n containers summed over all buckets. */
int cos_rs_weights(redisContext *c, const cos_rs_buckets_t *k,
    const uint64_t *cids, uint64_t *weights, size_t n);
/* All weights there are: cid -> a (weight) */
int cos_rs_all_weights(redisContext *c, const cos_rs_buckets_t *k,
    cos_table_t *out);


/* --- maintenance ---------------------------------------------------------- */

#define COS_OUT_MAX     (1ull << 30)
#define COS_MOVE_BYTES  (4u << 20)
#define COS_MOVE_MAX    256
#define COS_LINGER      60            /* s, see compact.c */

typedef struct cos_victim_s  cos_victim_t;

typedef struct {
    int            failed;            /* Redis or the disk: seal nothing */
    int            compact_fd;        /* lock of compaction, -1 */
    uint64_t       last_seq;
    uint64_t       unlinked;          /* containers, since start */
    cos_table_t    drained;           /* cid -> a: ms since it weighs nothing */
    cos_table_t    stuck;             /* cids not to be tried again */
    cos_table_t    seals;             /* cid -> a: weight, b: carried, c: size
                                         n: 1 known; kind: 1 no seal */
    cos_table_t    notes;             /* cid -> a: unlinked + 1, at last look */
    cos_victim_t  *victim;
    int            whole;             /* one job wholly, not in steps */
    int64_t        at_recover, at_reap, at_compact, at_sweep, at_notes;
} cos_maint_state_t;

#define cos_maint_state(m)  ((cos_maint_state_t *) (m)->state)

void cos_maint_say(cos_maint_t *m, int error, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int64_t cos_maint_now(void);          /* ms, monotonic */
int cos_maint_stopped(cos_maint_t *m);
/* Marks the run as failed: from now on nothing of it may be sealed. */
int cos_maint_fail(cos_maint_t *m, const char *what);
/* 0: Redis knows this store as its own; to one that was emptied every file
 * would look like an orphan. -1 otherwise (logged). */
int cos_maint_ours(cos_maint_t *m);
/* 0: Redis is not older than the containers. -1 otherwise (logged). */
int cos_maint_current(cos_maint_t *m);
/* Gives up the incarnation in good order and takes another. */
int cos_maint_rotate(cos_maint_t *m);
int cos_maint_out(cos_maint_t *m, uint64_t bytes);
/* As cos_maint_append, for any number of records. */
int cos_maint_write(cos_maint_t *m, cos_pack_rec_t **recs, size_t n);
/* Encodes j as a record without payload. */
int cos_maint_note(cos_alloc_t *a, cos_pack_rec_t *rec, const cos_json_t *j);
/* Name of the connection of an incarnation, for CLIENT LIST. */
void cos_maint_client(char dst[64], uint64_t inc);

/* One dead incarnation, whose lock is held. */
int cos_recover_inc(cos_maint_t *m, uint64_t inc);
/* One pack of it, which all buckets together weigh so much in. */
int cos_recover_pack(cos_maint_t *m, uint64_t cid, uint64_t weight);
/* One solo container of it, likewise. */
int cos_recover_solo(cos_maint_t *m, uint64_t cid, uint64_t weight);


/* --- compaction ----------------------------------------------------------- */

typedef struct {
    uint64_t    rec_off;
    uint64_t    rec_len;
    uint64_t    payload_off;
    uint64_t    payload_len;
    uint64_t    payload_crc;
    uint32_t    json_len;
    cos_json_e  kind;
} cos_item_t;

/* Those versions of a part's key that refer to a container: which of them the
 * part has become a segment of nobody wrote down. Any number of parts have the
 * same key, so it is asked about once in a container, and its versions come by
 * pages. */
typedef struct {
    cos_str_t         bid, key;
    size_t            from_len;       /* 0: of the first page */
    char              from[16];       /* where to go on */
} cos_holders_t;

/* The container at hand. */
struct cos_victim_s {
    uint64_t          cid;
    int               fd;
    int               drained;        /* weighs nothing: carry notes, unlink */
    int               probe;          /* first see whether its notes may go */
    int               broken;         /* something could not be moved */
    cos_item_t       *items;
    size_t            n, cap, pos;
    cos_arena_t      *arena;          /* of buckets and later */
    cos_rs_buckets_t  buckets;
    cos_table_t       keys;           /* of parts, whose holders were asked
                                         for */
    cos_holders_t    *later;          /* those that were not all taken */
    size_t            nlater, later_cap;
};

/* Looks for work; 1: a victim was taken, 0: none now, -1. linger: ms that an
 * empty container is left alone. */
int cos_compact_pick(cos_maint_t *m, int64_t linger);
/* One slice; 1: more to do, 0: finished with this one, -1. */
int cos_compact_slice(cos_maint_t *m);
void cos_compact_drop(cos_maint_t *m);
/* Lists the records of the victim. 1, 0 when it is left alone, -1. */
int cos_compact_items(cos_maint_t *m, cos_victim_t *v);
/* Drops the victim for good. */
int cos_compact_leave(cos_maint_t *m, cos_victim_t *v);
/* Moves what is alive of the next records. 1, -1. */
int cos_compact_batch(cos_maint_t *m, cos_victim_t *v);
/* Moves a page of the versions that a batch left. 1, -1. */
int cos_compact_later(cos_maint_t *m, cos_victim_t *v);
/* The document of item i, from a. */
int cos_victim_json(cos_victim_t *v, size_t i, cos_json_t *j, cos_alloc_t *a);
const cos_rs_bucket_t *cos_victim_bucket(cos_victim_t *v, cos_str_t bid);

/* A name in Redis whose record refers to the victim. */
typedef struct {
    cos_json_e    kind;               /* OBJECT or PART */
    cos_str_t     bid, key, upload;
    uint32_t      part;
    cos_object_t  o;                  /* as Redis holds it */
} cos_move_t;

/* Moves all that n names have in the victim. */
int cos_compact_move(cos_maint_t *m, cos_victim_t *v, cos_move_t *list,
    size_t n);
/* Carries forward what still has to be said. Returns 1 when the container may
 * go, 0 when it is better left, -1. probe: only finds out whether at least
 * half of its notes need not be said any more. */
int cos_compact_notes(cos_maint_t *m, cos_victim_t *v, int probe);
/* What refers to the victim although nothing in it says so. */
int cos_compact_foreign(cos_maint_t *m, cos_victim_t *v);


/* --- all containers ------------------------------------------------------- */

typedef struct cos_census_s  cos_census_t;

struct cos_census_s {
    cos_store_t      *store;
    int               flags;          /* COS_SCAN_... */
    /* any may be NULL; a value other than 0 ends the census */
    int             (*record)(cos_census_t *c, const cos_rec_t *r,
                              cos_scan_e state, cos_str_t json);
    int             (*done)(cos_census_t *c);
    void             *ctx;
    /* of the container at hand */
    uint64_t          cid;
    int               in_open;
    int               linked;         /* another name of a file: its JSON
                                         belongs to the first */
    cos_scan_info_t   info;           /* complete in done() */
    /* private */
    cos_table_t       seen;
};

/* Each container once, also one that settles meanwhile. -1: errno. */
int cos_census(cos_census_t *c);


/* What became of a document's record, as Redis sees it. */
typedef enum {
    COS_FATE_KEEP = 0,                /* current, or a note that still counts */
    COS_FATE_OLD,                     /* superseded: harmless */
    COS_FATE_VOID                     /* never committed */
} cos_fate_e;

/* Container that holds the JSON of a record. */
static inline uint64_t
cos_object_home(const cos_object_t *o)
{
    return o->home != 0 ? o->home : o->nsegs != 0 ? o->segs[0].cid : 0;
}


#define COS_FATE_REPLIES  2

/* Asks what Redis knows about the document: adds the number of commands that is
 * returned (0: none needed), at most COS_FATE_REPLIES; -1: lost. */
int cos_fate_ask(redisContext *c, const cos_json_t *j, cos_alloc_t *a);
/* Judges a document that lies in cid by the replies. */
cos_fate_e cos_fate(const cos_json_t *j, uint64_t cid, redisReply **r,
    cos_alloc_t *a);
/* What the names that the document speaks of weigh in cid now: calls add for
 * each once. */
typedef int (*cos_fate_weigh_pt)(void *ctx, const cos_hash_t *name,
    uint64_t weight);
int cos_fate_weigh(const cos_json_t *j, uint64_t cid, redisReply **r,
    cos_alloc_t *a, cos_fate_weigh_pt add, void *ctx);
/* 1: j is the first part of its key in a container (then *h is filled, with strings of j), 0,
 * -1. asked: one for each container, empty before the first. */
int cos_holders_first(cos_table_t *asked, const cos_json_t *j,
    cos_holders_t *h);
/* Adds one command. */
int cos_holders_ask(redisContext *c, const cos_holders_t *h, uint64_t cid,
    cos_alloc_t *a);
/* The i-th record of its reply, empty behind the last. */
cos_str_t cos_holders_found(const redisReply *r, size_t i);
/* 1: there is another page, which h now stands for; 0. */
int cos_holders_next(cos_holders_t *h, const redisReply *r);
/* As cos_fate_weigh, of a page. */
int cos_holders_weigh(const cos_holders_t *h, uint64_t cid,
    const redisReply *r, cos_fate_weigh_pt add, void *ctx);
/* The note that voids j, which lies in a container of inc. */
void cos_fate_void(cos_json_t *note, const cos_json_t *j, uint64_t inc);

uint64_t cos_object_weight(const cos_object_t *o, uint64_t cid);
/* Whether records of this kind are data for the seal. */
int cos_kind_weighs(cos_json_e kind);

#pragma GCC visibility pop

#endif
