/*
 * object: tags that come and go with an object.
 */

#ifndef NGX_HTTP_COS_TAGS_H
#define NGX_HTTP_COS_TAGS_H

#include "ngx_http_cos.h"

#pragma GCC visibility push(hidden)

/* Reads x-...-tagging into *o. COS_E_INVALID_TAG. */
cos_err_e ngx_http_cos_tags_from_headers(ngx_http_cos_ctx_t *ctx,
    cos_object_t *o);
/* Whether a copy is to have the tags of the request instead of its source's. */
cos_err_e ngx_http_cos_tags_directive(ngx_http_cos_ctx_t *ctx,
    ngx_uint_t *replace);
/* Says in the answer how many tags the object has, if it has any and who asks
 * may see them. */
ngx_int_t ngx_http_cos_tags_count(ngx_http_cos_ctx_t *ctx, cos_object_t *o);

#pragma GCC visibility pop

#endif
