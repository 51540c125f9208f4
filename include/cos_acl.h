/*
 * meta: what an ACL says beside its canned form, as buckets and objects keep
 * it (COS_BX_ACL, COS_X_ACL), and whom ids and headers name (cos-api.md 10.1
 * to 10.3; S3, "Access control list (ACL) overview"). Pure.
 *
 * Kept are grants, parted by ';': letters of permissions, ':', and to whom:
 *
 *   r READ  w WRITE  g READ_ACP  s WRITE_ACP  f FULL_CONTROL
 *   *  everyone    +  every account    log  LogDelivery
 *   <uid>  an account    <uid>/<sub>  one of its users
 *
 * "f:100000000001;r:*". "-": no grants at all. What such a text says is all:
 * an owner who is not in it may read and change the ACL and nothing else. What
 * a canned ACL says is kept as that, and no text.
 */

#ifndef COS_ACL_H
#define COS_ACL_H

#include "cos_err.h"
#include "cos_name.h"
#include "cos_record.h"

#pragma GCC visibility push(hidden)

#define COS_MAY_READ       1
#define COS_MAY_WRITE      2
#define COS_MAY_READ_ACP   4
#define COS_MAY_WRITE_ACP  8
#define COS_MAY_ALL        16         /* FULL_CONTROL */

/* The name of a single COS_MAY_ bit, and back; 0: no such permission. */
const char *cos_grant_name(unsigned bit);
unsigned cos_grant_bit(cos_str_t name);

typedef enum {
    COS_TO_ACCOUNT = 0,               /* or a user of it */
    COS_TO_ALL,
    COS_TO_AUTHENTICATED,
    COS_TO_LOG
} cos_grant_to_e;

typedef struct {
    cos_grant_to_e  to;
    unsigned        may;              /* COS_MAY_*, at least one */
    uint64_t        uid;              /* ACCOUNT; 0: to be found by id */
    uint64_t        sub;              /* 0: the account */
    cos_str_t       id;               /* while uid is 0: 64 or 32 hex digits, as
                                         the request has them */
} cos_acl_grant_t;

#define COS_ACL_GRANTS_MAX  100       /* of one ACL, as sent */

/* Grants by whom they are to, in the order they came. */
typedef struct {
    size_t           n;
    size_t           sent;            /* before they were put together */
    cos_acl_grant_t  v[COS_ACL_GRANTS_MAX + 4];  /* a canned ACL's beside */
} cos_acl_list_t;

/* Adds a grant, to the one that there is for whom it is to.
 * COS_E_MALFORMED_ACL: over COS_ACL_GRANTS_MAX. */
cos_err_e cos_acl_add(cos_acl_list_t *l, const cos_acl_grant_t *g);
/* Puts together what turned out to be to the same. */
void cos_acl_merge(cos_acl_list_t *l);
/* What is kept, as grants. -1: the text is damaged. */
int cos_acl_expand(cos_acl_list_t *l, cos_acl_e canned, cos_str_t text,
    uint64_t owner, uint64_t bucket_owner);
/* The other way round, when every uid is known: *text is from a, and empty when
 * a canned ACL says the same. of_bucket: of an ACL of a bucket. 0, or -1 when
 * out of memory. */
int cos_acl_fold(const cos_acl_list_t *l, uint64_t owner,
    uint64_t bucket_owner, int of_bucket, cos_acl_e *canned, cos_str_t *text,
    cos_alloc_t *a);
/* The next grant of a text, which is cut off from it: 1; 0: there is none;
 * -1: damaged. */
int cos_acl_next(cos_acl_grant_t *g, cos_str_t *text);

/* Whether that grants anything to everyone, or to all accounts. */
int cos_acl_open(cos_acl_e canned, cos_str_t text);

/* Whom an id names, in any form of any dialect, into to, uid, sub and id of *g.
 * COS_E_INVALID_ARGUMENT: it cannot be one. */
cos_err_e cos_acl_id(cos_acl_grant_t *g, cos_str_t id);
/* The same of a group's URI. */
cos_err_e cos_acl_uri(cos_acl_grant_t *g, cos_str_t uri);
/* Adds what a header "x-...-grant-..." says, for its permission:
 * id="..", uri="..", emailAddress="..", any number of them.
 * COS_E_INVALID_ARGUMENT, COS_E_GRANT_EMAIL (nobody has an address here),
 * COS_E_MALFORMED_ACL. */
cos_err_e cos_acl_header(cos_acl_list_t *l, unsigned may, cos_str_t value);

/* Writes the 64 hex digits that are the account's id in S3: SHA-256 of the uid;
 * the first 32 of them are the one in BOS. -1: out of memory. */
#define COS_ACCOUNT_ID_LEN  64
int cos_account_id(char *dst, uint64_t uid);

#pragma GCC visibility pop

#endif
