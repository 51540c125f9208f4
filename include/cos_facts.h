/*
 * meta: what the index of objects says of them, so that a listing reads no
 * record. A member of the index is
 *
 *     key, every NUL in it followed by 0xFF
 *     NUL
 *     facts, little-endian:
 *        0  u8   flags of the record (below 0x20)      16  16 B  ETag digest
 *                0x20: the checksum's type follows     32  u8    its type
 *                0x40: the owner follows                   varint owner (uid)
 *        1  u8   storage class
 *        2  u16  parts, 0: plain                       last: the seq that the
 *                                                      version began with, if
 *                                                      the record says it
 *        4  u48  size
 *       10  u48  mtime (ms)
 *
 * The first byte of facts stays below 0x80 (meta/lua/03_index.lua). That
 * library makes the facts of what is stored from its record; verification makes
 * them here and compares.
 */

#ifndef COS_FACTS_H
#define COS_FACTS_H

#include "cos_record.h"

#pragma GCC visibility push(hidden)

/* In the index of versions, behind the NUL and before the facts: 14 hex digits
 * that put the newest version first, and another NUL. */
#define COS_VERSION_CODE   15

#define COS_FACTS_LEN      32         /* of the fixed part */
#define COS_FACTS_SUM      0x20
#define COS_FACTS_OWNER    0x40
#define COS_FACTS_FLAGS    0x1f       /* those of the record */

/* Takes a member apart, without a copy: the key is unescaped where it stands,
 * so that the member is of no more use. -1 when it is none. */
int cos_member_split(cos_str_t member, cos_str_t *key, cos_str_t *facts);
/* Flags, class, parts, size, mtime, ETag digest, owner, type of checksum and
 * beginning of *o; all else is zero. -1 for anything malformed. */
int cos_facts_decode(cos_object_t *o, cos_str_t facts);
/* Adds them to b. -1 when a value does not fit. */
int cos_facts_encode(cos_buf_t *b, const cos_object_t *o);

#pragma GCC visibility pop

#endif
