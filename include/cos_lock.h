/*
 * meta: what object lock says of a version: how long it is retained and
 * whether it is held. Pure; the texts of COS_X_LOCK, and the rules of S3 ("How
 * S3 Object Lock works") on who may weaken or remove what.
 */

#ifndef COS_LOCK_H
#define COS_LOCK_H

#include "cos_attr.h"

#pragma GCC visibility push(hidden)

/* COS_X_LOCK: "GOVERNANCE;<ms since 1970>" or "COMPLIANCE;<ms since 1970>",
 * with "off" before it when a legal hold was lifted: "off", "off;COMPLIANCE;1".
 */
typedef struct {
    cos_lock_mode_e  mode;            /* NONE: not retained */
    uint64_t         until;           /* ms; not 0 where there is a mode */
    unsigned         lifted:1;        /* there was a hold: S3 says OFF then, and
                                         of an object that never had one that
                                         nothing is configured */
} cos_retention_t;

#define COS_RETENTION_TEXT  40        /* longest text, and some */

/* An empty text: no retention. -1: not written by cos_retention_print(). */
int cos_retention_parse(cos_retention_t *r, cos_str_t text);
void cos_retention_print(cos_buf_t *b, const cos_retention_t *r);

/* "2030-01-01T00:00:00.000Z" into ms since 1970, what is beyond milliseconds
 * dropped; -1: no such date. */
int cos_retention_date(uint64_t *ms, cos_str_t text);

/* Whether a retention that is in force may be replaced by another: it may grow
 * and become COMPLIANCE; in GOVERNANCE, who bypasses may do anything. */
int cos_retention_may_become(const cos_retention_t *old,
    const cos_retention_t *next, uint64_t now, int bypass);

/*
 * Why the version must not be removed or its bytes replaced now: a text for
 * log and client, or NULL when it may be. bypass: who asks may bypass
 * GOVERNANCE and said so. A damaged attribute refuses. Delete markers are never
 * locked.
 */
const char *cos_lock_refuses(const cos_object_t *o, uint64_t now, int bypass);

#pragma GCC visibility pop

#endif
