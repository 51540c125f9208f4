/*
 * object: what its operations share.
 */

#ifndef NGX_HTTP_COS_OBJECT_H
#define NGX_HTTP_COS_OBJECT_H

#include "ngx_http_cos.h"
#include "cos_ingest.h"
#include "ngx_http_cos_commit.h"

#pragma GCC visibility push(hidden)

/*
 * Conditions against an object (RFC 9110 section 13.2.2; the dates of S3 and
 * COS mean "not after"). Headers may be NULL. NGX_OK: they hold;
 * NGX_DECLINED: 412; NGX_ABORT: 304 (If-None-Match, If-Modified-Since).
 */
ngx_int_t ngx_http_cos_test_conditions(cos_object_t *o,
    const cos_header_t *match, const cos_header_t *none,
    const cos_header_t *since, const cos_header_t *unmodified);

/* Content-Type, stored headers, user metadata, storage class of an object
 * into the response, with the overrides that the query asks for. */
ngx_int_t ngx_http_cos_stored_headers(ngx_http_cos_ctx_t *ctx,
    cos_object_t *o);
/* Whether the query names a response-* parameter. */
ngx_uint_t ngx_http_cos_has_overrides(ngx_http_cos_ctx_t *ctx);
/* After a commit that found another record than ctx->object: asks for the one
 * of the request's object that is there now, past the cache. next runs with
 * it, and calls asked_again() first, which makes it ctx->object (and sets
 * ctx->object_known); COS_OK, COS_E_UNAVAILABLE when it did not come,
 * COS_E_INTERNAL when it is damaged. */
ngx_int_t ngx_http_cos_ask_again(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_step_pt next);
cos_err_e ngx_http_cos_asked_again(ngx_http_cos_ctx_t *ctx);
/* Makes *j the record of a new delete marker; seg, which lives as long, is its
 * only segment. */
void ngx_http_cos_marker(ngx_http_cos_ctx_t *ctx, cos_json_t *j,
    cos_seg_t *seg);
/* Arguments of cos_del for the deletion that j describes; a[3] is the caller's.
 * Without the last one all there is of the key goes: for a bucket that never
 * had versioning. */
#define NGX_HTTP_COS_DEL_ARGS  11
ngx_int_t ngx_http_cos_del_args(ngx_pool_t *pool, ngx_str_t *a,
    const cos_json_t *j, uint64_t inc, ngx_str_t *cond, ngx_str_t *arg);
/* Whether who asks may remove a version: what a public bucket's writers delete
 * they only hide. version: as it was asked for, for conditions of policies. And whether it may go now, or object lock keeps it. COS_OK or
 * the refusal, with ctx->reason. */
cos_err_e ngx_http_cos_may_remove(ngx_http_cos_ctx_t *ctx, cos_str_t key,
    const cos_str_t *version, cos_object_t *o);
/* Checks Content-MD5, the signed payload hash and, with sums != 0,
 * x-amz-checksum-* of a document that was read whole; takes aws-chunked
 * framing off. */
cos_err_e ngx_http_cos_check_document(ngx_http_cos_ctx_t *ctx,
    ngx_str_t *text, ngx_uint_t sums);
/* Hands on the dead container ids in a commit's reply. */
void ngx_http_cos_dead_list(ngx_http_cos_ctx_t *ctx, redisReply *reply);
/* How a website answers with an object. */
typedef struct {
    ngx_uint_t              status;   /* other than 200: it stands for an error,
                                         and is sent whole */
    cos_str_t               coding;   /* it holds another object's content in
                                         that coding; empty: none */
    cos_str_t               type;     /* then: that object's type */
} ngx_http_cos_serve_t;
/* GetObject of ctx->object, which was found and may be read, its fact being
 * ctx->object_fact. *how lives as long as the request. */
ngx_int_t ngx_http_cos_serve(ngx_http_cos_ctx_t *ctx,
    const ngx_http_cos_serve_t *how);

/* 416 with Content-Range. */
ngx_int_t ngx_http_cos_range_error(ngx_http_cos_ctx_t *ctx, uint64_t size);


/* What was received of a body, with the thread that works on it. */
typedef struct {
    ngx_http_cos_side_t     side;
    ngx_chain_t            *chain;    /* NULL: not used */
    ngx_uint_t              n;        /* in the order of the body */
    cos_piece_t             payload;
    cos_err_e               err;
    struct ngx_http_cos_take_s  *take;
} ngx_http_cos_piece_t;

#define NGX_HTTP_COS_PIECES  2        /* at a time */

/* Taking in a body (PutObject, UploadPart). */
typedef struct ngx_http_cos_take_s {
    cos_ingest_t            in;
    ngx_http_cos_piece_t    piece[NGX_HTTP_COS_PIECES];
    ngx_uint_t              npieces;  /* used of these */
    ngx_uint_t              sent;     /* pieces given to threads */
    pthread_mutex_t         lock;     /* of the turns */
    pthread_cond_t          turned;
    ngx_uint_t              to_read;  /* the piece whose turn it is */
    ngx_uint_t              to_store;
    ngx_http_cos_step_pt    next;
    ngx_uint_t              slot;     /* where the payload goes, see
                                         ngx_http_cos_store_slot(); set before
                                         ngx_http_cos_take_init() or _local() */
    uint64_t                solo;     /* id held, 0: none */
    cos_json_t             *json;     /* for ngx_http_cos_take_finish */
    cos_str_t               text;
    cos_err_e               err;
    unsigned                in_thread:1;
    /* of these bytes, once there is one: what becomes of the file follows from
     * its outcome alone, also when nobody was there to be answered */
    ngx_http_cos_commit_t  *commit;
    ngx_http_cos_ctx_t     *ctx;
    struct ngx_http_cos_feed_s  *feed;
} ngx_http_cos_take_t;

/* Reads from headers what the client promises about the body into *in. */
cos_err_e ngx_http_cos_promises(ngx_http_cos_ctx_t *ctx, cos_ingest_t *in);
/* Reads from headers what the client promises about the body and prepares
 * *t; nothing is read yet. */
cos_err_e ngx_http_cos_take_init(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_take_t *t);
/* Takes the body in; next runs with t->err. */
ngx_int_t ngx_http_cos_take(ngx_http_cos_ctx_t *ctx, ngx_http_cos_take_t *t,
    ngx_http_cos_step_pt next);
/* Makes the payload's own container durable with that JSON when it has one;
 * next runs with t->err. json->seq is set here, and the segment. Without such
 * a container next runs at once, with json->self set. */
ngx_int_t ngx_http_cos_take_finish(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_take_t *t, cos_json_t *json, ngx_http_cos_step_pt next);
/* Commits a payload that ngx_http_cos_take_finish has placed, or answers why it
 * could not; t->err may be set. The file's fate follows the commit's. */
ngx_int_t ngx_http_cos_take_commit(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_take_t *t, ngx_http_cos_commit_t *c,
    ngx_http_cos_step_pt next);
/* Answers an upload: ETag, CRC-64, checksum, no body. */
ngx_int_t ngx_http_cos_uploaded(ngx_http_cos_ctx_t *ctx, cos_object_t *o);
/* Copies digests and size into a record. */
void ngx_http_cos_take_record(ngx_http_cos_take_t *t, cos_object_t *o);

/* The source of a copy. */
typedef struct {
    ngx_http_cos_step_pt    next;
    cos_err_e               err;
    ngx_uint_t              fresh;
    ngx_uint_t              linked;   /* found through a symbolic link */
    ngx_str_t               bucket_name;
    ngx_str_t               key;
    ngx_str_t               version;  /* that was asked for; empty: none */
    ngx_http_cos_fact_t     bucket_fact;
    ngx_http_cos_fact_t     object_fact;
    cos_bucket_t            bucket;
    cos_object_t            object;
} ngx_http_cos_source_t;

/* Finds the source that the request names, checks the right to read it and
 * the copy-source-if-* conditions; next runs with s->err. fresh: past the
 * cache. */
ngx_int_t ngx_http_cos_source(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_source_t *s, ngx_uint_t fresh, ngx_http_cos_step_pt next);
/* Which version was copied, when its bucket has or had versioning. */
ngx_int_t ngx_http_cos_source_headers(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_source_t *s);
/* Reads bytes of an object from its containers. Blocking: thread pool only.
 * 0, or -1 with errno. */
int ngx_http_cos_source_read(cos_store_t *st, const cos_object_t *o,
    uint64_t pos, cos_u8 *dst, size_t len);

/* partNumber, 1 to 10,000. */
cos_err_e ngx_http_cos_part_number(ngx_http_cos_ctx_t *ctx, uint64_t *n);

/* Query parameters of listings: a number (dflt when absent, cut at max),
 * encoding-type=url. COS_E_INVALID_ARGUMENT for anything else. */
cos_err_e ngx_http_cos_number_arg(ngx_http_cos_ctx_t *ctx, const char *name,
    uint64_t dflt, uint64_t max, uint64_t *n);
cos_err_e ngx_http_cos_encoding_arg(ngx_http_cos_ctx_t *ctx,
    ngx_uint_t *url);
/* A parameter's value, empty when it is absent. */
cos_str_t ngx_http_cos_text_arg(ngx_http_cos_ctx_t *ctx, const char *name);

/* For a payload that is read here and not sent by the client: length bytes
 * will be fed to t->in. */
cos_err_e ngx_http_cos_take_local(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_take_t *t, uint64_t length);
/* For a payload inside the body, whose length only its end tells: promises are
 * read from headers, and what comes is fed to t->in. */
cos_err_e ngx_http_cos_take_unsized(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_take_t *t, uint64_t max);

/* Storing one object: PutObject, and the file of a form. It is ctx->op, or
 * what that begins with. */
typedef struct {
    ngx_http_cos_take_t     take;
    ngx_http_cos_commit_t   commit;
    /* instead of ngx_http_cos_uploaded */
    ngx_int_t             (*answer)(ngx_http_cos_ctx_t *ctx, cos_object_t *o);
} ngx_http_cos_put_t;

/* Reads from headers what is to be stored, and on what condition. */
cos_err_e ngx_http_cos_put_init(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_put_t *p);
/* A step: the payload is in, or take.err says why not; commits and answers. */
ngx_int_t ngx_http_cos_put_taken(ngx_http_cos_ctx_t *ctx);

/* A range of an object that becomes a payload. */
typedef struct ngx_http_cos_feed_s {
    ngx_http_cos_take_t    *take;     /* prepared by ngx_http_cos_take_local */
    const cos_object_t     *o;        /* outlives the feeding */
    uint64_t                pos;
    uint64_t                left;
    int                     error;    /* errno of a read; ENOENT: the bytes
                                         have moved or are gone */
    /* private */
    ngx_http_cos_step_pt    next;
    cos_crypt_t            *crypt;
    cos_store_t            *store;
    u_char                 *buf;
    unsigned                ended:1;
} ngx_http_cos_feed_t;

/* Reads the range and gives it to f->take->in; what is encrypted is decrypted
 * with the key of the copy's source. next runs with f->take->err. */
ngx_int_t ngx_http_cos_feed(ngx_http_cos_ctx_t *ctx, ngx_http_cos_feed_t *f,
    ngx_http_cos_step_pt next);
/* Compares size and checksum of an object that was put together with what the
 * request says of it. COS_E_INVALID_REQUEST, COS_E_BAD_CHECKSUM. */
cos_err_e ngx_http_cos_check_whole(ngx_http_cos_ctx_t *ctx,
    const cos_object_t *o);

/* UploadPart and UploadPartCopy: checks the upload and prepares ctx->take,
 * then next; copied >= 0: so many bytes are read here. When the payload is
 * in, ngx_http_cos_part_end (a step) commits and answers. */
ngx_int_t ngx_http_cos_part_begin(ngx_http_cos_ctx_t *ctx, int64_t copied,
    ngx_http_cos_step_pt next);
ngx_int_t ngx_http_cos_part_end(ngx_http_cos_ctx_t *ctx);

#pragma GCC visibility pop

#endif
