/*
 * object: storage class, restoring and lock of an object, between its record
 * and requests and answers.
 */

#ifndef NGX_HTTP_COS_CLASS_H
#define NGX_HTTP_COS_CLASS_H

#include "ngx_http_cos_amend.h"
#include "ngx_http_cos_object.h"
#include "cos_class.h"
#include "cos_lock.h"

#pragma GCC visibility push(hidden)

/* What a request that makes an object says of its class and its lock, and what
 * the bucket says of the lock by default, into *o. An error has its
 * ctx->reason. */
cos_err_e ngx_http_cos_class_from_headers(ngx_http_cos_ctx_t *ctx,
    cos_object_t *o);
cos_err_e ngx_http_cos_lock_from_headers(ngx_http_cos_ctx_t *ctx,
    cos_object_t *o);
/* A lock asked for by headers of PutObject wants the body to be proven, by
 * Content-MD5 or a checksum; in: what the request promises. COS_OK, or an error
 * with its ctx->reason (S3, PutObject: "required for any request to upload an
 * object with a retention period"; other dialects ask for none). */
cos_err_e ngx_http_cos_lock_promised(ngx_http_cos_ctx_t *ctx,
    const cos_ingest_t *in);
/* The bucket's default retention for an object completed from an upload, which
 * counts from now, unless the upload was begun with a lock of its own. */
cos_err_e ngx_http_cos_lock_completed(ngx_http_cos_ctx_t *ctx,
    cos_object_t *o);

/* Whether who asks may and does bypass GOVERNANCE of that key. */
ngx_uint_t ngx_http_cos_bypasses(ngx_http_cos_ctx_t *ctx, cos_str_t key);
/* The dialect's refusal of what a lock forbids. */
cos_err_e ngx_http_cos_locked(ngx_http_cos_ctx_t *ctx);

/* x-...-storage-class, unless it is STANDARD: of every answer about an
 * object. */
ngx_int_t ngx_http_cos_class_header(ngx_http_cos_ctx_t *ctx,
    const cos_object_t *o);
/* Of GET and HEAD: what became of restoring it; its lock, for those who may
 * change it. */
ngx_int_t ngx_http_cos_restore_headers(ngx_http_cos_ctx_t *ctx,
    const cos_object_t *o);
ngx_int_t ngx_http_cos_lock_headers(ngx_http_cos_ctx_t *ctx,
    const cos_object_t *o);

/* Whether the bytes may be read now: COS_OK, or COS_E_INVALID_OBJECT_STATE,
 * whose document then names the class. */
cos_err_e ngx_http_cos_readable(ngx_http_cos_ctx_t *ctx,
    const cos_object_t *o);

/* Whether there is such an object, or version, that can have attributes:
 * COS_OK, COS_E_NO_SUCH_KEY, COS_E_METHOD_NOT_ALLOWED for a delete marker. */
cos_err_e ngx_http_cos_amendable(ngx_http_cos_ctx_t *ctx);

#pragma GCC visibility pop

#endif
