/*
 * object: the parts that an object was completed from, by number, and objects
 * that grow by appending. Pure.
 *
 * Parts are numbered 1, 2, ... in their order, whatever numbers they were
 * uploaded under. A part is one segment; of a copy that was written anew in one
 * piece COS_X_PART_SIZES lists their sizes. Every other object, an appendable
 * one too, is one part.
 */

#ifndef COS_PARTS_H
#define COS_PARTS_H

#include "cos_err.h"
#include "cos_record.h"

#pragma GCC visibility push(hidden)

/* How many there are: at least 1. */
uint32_t cos_parts_count(const cos_object_t *o);
/* Where part n lies in the object. -1: there is no such part. o has its
 * segments. */
int cos_part_range(const cos_object_t *o, uint64_t n, uint64_t *first,
    uint64_t *len);
/* Lists the sizes of the parts of src in *o, which has the same bytes in one
 * segment; none, when src is one part. In memory of a, or where src has them.
 * -1: out of memory. */
int cos_parts_list(cos_object_t *o, const cos_object_t *src, cos_alloc_t *a);
/* The checksum of part n into sum, of o->sum_type; -1: it is not known. */
int cos_part_sum(const cos_object_t *o, uint64_t n, cos_u8 *sum);

/* What may be appended to one object: each time a segment is added. */
#define COS_APPENDS_MAX  10000

/*
 * Makes *o, an appendable object, what it is with a piece appended to it: size,
 * CRC-64, segments and nonces (memory of a), time, number of parts, and the
 * ETag, which is the MD5 of the old digest and the piece's, so that it changes
 * with every append and says by its "-<pieces>" that it is no MD5 of the bytes.
 * A checksum stays when it can be combined. COS_E_INTERNAL: out of memory, or
 * only one of both is encrypted.
 */
cos_err_e cos_object_grow(cos_object_t *o, const cos_object_t *piece,
    cos_alloc_t *a);

#pragma GCC visibility pop

#endif
