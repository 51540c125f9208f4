/*
 * object: an object out of the parts of its upload. Pure.
 */

#ifndef COS_ASSEMBLE_H
#define COS_ASSEMBLE_H

#include "cos_err.h"
#include "cos_record.h"

#pragma GCC visibility push(hidden)

/*
 * Fills *o, which holds what the upload was begun with (headers, the wanted
 * checksum), with what n parts in order add up to: segments (memory of a),
 * size, ETag (MD5 of the parts' digests, S3 and COS), CRC-64, checksum, nonces
 * of what is encrypted. A checksum that not every part has is left out, else
 * those of the parts are kept, too (COS_X_PART_SUMS).
 * COS_E_INTERNAL when out of memory, or when the parts of an encrypted upload
 * are not.
 */
cos_err_e cos_assemble(cos_object_t *o, const cos_object_t *parts, size_t n,
    cos_alloc_t *a);

/* Makes the checksum of *o that of its bytes with a piece's behind them, or
 * takes it away when the two do not add up. */
void cos_sum_append(cos_object_t *o, const cos_object_t *piece);

#pragma GCC visibility pop

#endif
