/*
 * object: the one way to change anything. A change is described once, as the
 * JSON that goes to disk; it is made durable there, committed by one call of a
 * function in Redis, and its outcome followed up:
 *
 *   append  the record (payload and JSON) joins the worker's pack, or already
 *           lies in a solo container of its own
 *   call    the function checks conditions and applies the change
 *   OK      caches are dropped, dead files queued, the record is resolved
 *   STALE   the clock was behind: a record with a higher number is appended,
 *           which names the bytes already there, and the call is repeated
 *   refused a VOID note makes the refusal durable before it is answered
 *   unknown (Redis lost) nothing is resolved: recovery decides
 */

#ifndef NGX_HTTP_COS_COMMIT_H
#define NGX_HTTP_COS_COMMIT_H

#include "ngx_http_cos.h"

#pragma GCC visibility push(hidden)

/* Gives a record its number, and an object's, unless it amends what is there,
 * the version that begins with it. */
void ngx_http_cos_stamp(ngx_http_cos_ctx_t *ctx, cos_json_t *j,
    ngx_uint_t amends);

/* STALE is repeated so often, each time with a new record */
#define NGX_HTTP_COS_COMMIT_TRIES  8

typedef struct ngx_http_cos_commit_s  ngx_http_cos_commit_t;

struct ngx_http_cos_commit_s {
    ngx_http_cos_ctx_t     *ctx;
    ngx_http_cos_step_pt    next;

    /* what is to be recorded; seq is set here, segments of a packed object by
     * the append */
    cos_json_t              json;
    ngx_str_t               payload;
    uint64_t                payload_crc;
    ngx_uint_t              slot;     /* of the payload's class */
    /* != 0: the payload is in this finished solo container, JSON included */
    uint64_t                solo;

    /* Builds the call once the location is known: sets argv/argc (memory of
     * the request's pool). c->inc is the incarnation to name. */
    ngx_int_t             (*build)(ngx_http_cos_commit_t *c);
    ngx_str_t               cond;     /* of a write: see PROTOCOL.md */
    ngx_str_t               arg;
    unsigned                amends:1; /* set here: cond is "seq", which is said
                                         of what replaces the record of a
                                         version by another of the same */
    unsigned                forbid:1; /* EXISTS is the answer to COS' forbid-
                                         overwrite, not to If-None-Match */
    ngx_str_t               argv[24];
    ngx_str_t              *args;     /* argv, or a longer array */
    int                     argc;
    uint64_t                inc;

    /* results */
    cos_err_e               err;      /* disk or Redis failed; COS_OK: see
                                         status */
    u_char                  status[16];  /* status word, NUL-terminated */
    uint64_t                number;   /* second element, when it is a number */
    ngx_str_t               detail;   /* second element, when it is a string */
    unsigned                ok:1;     /* status is OK */
    unsigned                unknown:1;   /* err != COS_OK, and it may be done
                                         all the same, or come back by a
                                         rebuild: recovery decides, the bytes
                                         must stay */
    cos_err_e               refusal;  /* Redis itself refused (an error reply) */

    /* Redis keys whose cached value this changes (dropped on every outcome) */
    ngx_str_t               drop[2];

    /* private */
    ngx_http_cos_append_t   append;
    ngx_http_cos_query_t    query;
    struct {
        uint64_t            cid;
        uint64_t            seq;
    }                       record[NGX_HTTP_COS_COMMIT_TRIES];  /* appended */
    ngx_uint_t              nrecords;
    uint64_t                solo_seq;
    ngx_uint_t              noted;    /* records that have their note, that of
                                         the solo container first */
    ngx_uint_t              to_note;  /* records that need one */
    void                   *data;     /* the caller's */
};

/* Begins; next runs with the outcome in c. The request is held meanwhile. */
ngx_int_t ngx_http_cos_commit(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_commit_t *c, ngx_http_cos_step_pt next);
/*
 * Makes one record durable, which is what ngx_http_cos_commit() does first, for
 * operations that write several: encodes *j into memory of the request's pool
 * and gives it to the worker's pack; next runs when a->err and a->rec say how
 * it went. The caller has zeroed *a but for rec.payload, rec.payload_crc and
 * slot of a record with a payload; *a, and what that refers to, live until
 * next. j has its number (0: there was none to give). Deletions, delete markers
 * and notes may use what a full disk has in reserve.
 *
 * COS_OK: it is expected. Else the error, which is in a->err as well, and next
 * does not run because of it: COS_E_UNAVAILABLE when nothing can be written at
 * present, COS_E_INTERNAL when out of memory, or *j is no record.
 */
cos_err_e ngx_http_cos_append_json(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_append_t *a, const cos_json_t *j, ngx_http_cos_step_pt next);
/* What a bucket's retention policy is called in the request's dialect when it
 * refuses a change. */
cos_err_e ngx_http_cos_retained(ngx_http_cos_ctx_t *ctx);
/* Answers what c->status says when it is not OK. */
ngx_int_t ngx_http_cos_commit_fail(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_commit_t *c);

/* The function that commits such a record. */
void ngx_http_cos_put_name(const cos_object_t *o, ngx_str_t *name);
/* Builds a call of cos_put for the request's key: json.object under c->cond and
 * c->arg; drop[0] must be the object's key in Redis. */
ngx_int_t ngx_http_cos_put_build(ngx_http_cos_commit_t *c);

/* A Redis key "<letter>{bid}<rest>". */
ngx_int_t ngx_http_cos_rkey(ngx_pool_t *pool, const char *letter,
    cos_str_t *bid, cos_str_t *rest, ngx_str_t *out);
/* Encodes a record into memory of the request's pool. */
ngx_int_t ngx_http_cos_record(ngx_http_cos_ctx_t *ctx, cos_object_t *o,
    ngx_str_t *out);
ngx_int_t ngx_http_cos_decimal(ngx_pool_t *pool, uint64_t n, ngx_str_t *out);

/* Condition of a write from If-Match, If-None-Match: * and forbid-overwrite:
 * sets c->cond, c->arg and c->forbid; an error when they are malformed. */
cos_err_e ngx_http_cos_condition(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_commit_t *c);
/* Whether the request asks for nothing that is not built: COS_OK, or
 * COS_E_NOT_IMPLEMENTED. */
cos_err_e ngx_http_cos_headers_known(ngx_http_cos_ctx_t *ctx);
/* Headers that are stored with an object, canned ACL, user metadata, class:
 * from the request into *o. */
cos_err_e ngx_http_cos_object_from_headers(ngx_http_cos_ctx_t *ctx,
    cos_object_t *o);

/* What an ACL is to be. */
typedef struct {
    uint64_t                owner;    /* of what gets it */
    ngx_uint_t              of_bucket;
    cos_acl_e               canned;
    cos_str_t               grants;   /* as records keep them */
    /* private */
    cos_acl_list_t         *list;
    ngx_http_cos_step_pt    next;
} ngx_http_cos_acl_t;

/* Reads x-...-grant-... headers into ctx->grants, when there are any, and finds
 * out that those accounts exist; then next. Refuses the request otherwise. */
ngx_int_t ngx_http_cos_acl_named(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_step_pt next);
/* Reads the ACL that headers give, or the default, for a->owner, of_bucket;
 * after ngx_http_cos_acl_named. COS_OK, or the refusal with ctx->reason. */
cos_err_e ngx_http_cos_acl_from_headers(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_acl_t *a);
/* The same for PUT ?acl, from headers or the body; then next, or an answer. */
ngx_int_t ngx_http_cos_acl_sent(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_acl_t *a, ngx_str_t *text, ngx_http_cos_step_pt next);
/* Answers GET ?acl. */
ngx_int_t ngx_http_cos_acl_reply(ngx_http_cos_ctx_t *ctx,
    const cos_acl_t *acl);

#pragma GCC visibility pop

#endif
