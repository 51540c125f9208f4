/*
 * meta: storage classes, and what it takes to read an object of one of them.
 * Pure.
 *
 * The classes of COS, S3 and BOS are one list; each dialect shows a class by
 * the name it knows (cos-api.md 13.2): ARCHIVE is S3's GLACIER. Objects of the
 * archive classes cannot be read until somebody asked for them to be restored
 * and some time went by; then they can for as many days as were asked for. All
 * of this is a matter of the clock: the bytes stay where they are.
 */

#ifndef COS_CLASS_H
#define COS_CLASS_H

#include "cos_name.h"
#include "cos_record.h"

#pragma GCC visibility push(hidden)

/* How the dialect calls the class: never NULL. "STANDARD" is not said in
 * headers. */
const char *cos_class_shown(cos_class_e c, cos_dialect_e d);
/* Whether objects of that class have to be restored before they are read. */
int cos_class_archived(cos_class_e c);


/* --- restoring: COS_X_RESTORE ----------------------------------------------- */

typedef enum {
    COS_TIER_EXPEDITED = 0, COS_TIER_STANDARD, COS_TIER_BULK, COS_TIER_MAX
} cos_tier_e;

/* "Expedited", "Standard", "Bulk"; parse: without case, -1 for none of them. */
const char *cos_tier_name(cos_tier_e t);
int cos_tier_parse(cos_str_t s);
/* Whether a class is restored that fast: DEEP_ARCHIVE has no Expedited. */
int cos_tier_fits(cos_tier_e t, cos_class_e c);
/* Seconds that restoring takes unless configured otherwise. */
uint64_t cos_tier_seconds(cos_tier_e t, cos_class_e c);

/* "<tier>;<asked>;<ready>;<expires>": the tier's name, ms since 1970. */
typedef struct {
    cos_tier_e  tier;
    uint64_t    asked;
    uint64_t    ready;                /* from then on it can be read */
    uint64_t    expires;              /* until then; above ready */
} cos_restore_t;

#define COS_RESTORE_TEXT  80

/* 0; -1: empty, or not written by cos_restore_print() */
int cos_restore_parse(cos_restore_t *r, cos_str_t text);
void cos_restore_print(cos_buf_t *b, const cos_restore_t *r);

typedef enum {
    COS_RESTORE_NONE = 0,             /* never asked for, or expired */
    COS_RESTORE_ONGOING,
    COS_RESTORE_READY
} cos_restore_e;

/* What has become of it now. The text of NONE may be damaged. */
cos_restore_e cos_restore_state(cos_restore_t *r, cos_str_t text,
    uint64_t now);
/* The end of that many days: the midnight (UTC) that follows (S3, "Restoring an
 * archived object"). */
uint64_t cos_restore_expiry(uint64_t from, uint64_t days);

/* Whether its bytes can be read now. */
int cos_object_readable(const cos_object_t *o, uint64_t now);

#pragma GCC visibility pop

#endif
