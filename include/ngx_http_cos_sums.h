/*
 * object: checksums of multipart uploads and copies, between requests and
 * records. An error has its ctx->reason.
 */

#ifndef NGX_HTTP_COS_SUMS_H
#define NGX_HTTP_COS_SUMS_H

#include "ngx_http_cos.h"

#pragma GCC visibility push(hidden)

/* CreateMultipartUpload: the checksum that parts and the object are to have,
 * into *o; and its answer's headers. */
cos_err_e ngx_http_cos_sum_wanted(ngx_http_cos_ctx_t *ctx, cos_object_t *o);
ngx_int_t ngx_http_cos_sum_wanted_headers(ngx_http_cos_ctx_t *ctx,
    cos_object_t *o);
/* Whether a part may have such a checksum. */
cos_err_e ngx_http_cos_sum_part(ngx_http_cos_ctx_t *ctx,
    const cos_object_t *upload, cos_sum_e have);
/* CompleteMultipartUpload: what its document says of a part's checksum. */
cos_err_e ngx_http_cos_sum_listed(ngx_http_cos_ctx_t *ctx,
    const cos_object_t *upload, const cos_xml_part_t *listed,
    const cos_object_t *part);
/* CopyObject: the checksum that the copy is to have; NONE: that of the
 * source. */
cos_err_e ngx_http_cos_sum_copied(ngx_http_cos_ctx_t *ctx, cos_sum_e *wanted);

#pragma GCC visibility pop

#endif
