/*
 * auth, inside the room: what conditions ask about a request.
 */

#ifndef NGX_HTTP_COS_RIGHTS_INT_H
#define NGX_HTTP_COS_RIGHTS_INT_H

#include "ngx_http_cos_rights.h"
#include "cos_attr.h"

#pragma GCC visibility push(hidden)

typedef struct {
    ngx_http_cos_ctx_t          *ctx;
    const ngx_http_cos_place_t  *place;
} ngx_http_cos_rights_t;

/* cos_policy_ask_t.get of a ngx_http_cos_rights_t. */
int ngx_http_cos_rights_value(void *data, const cos_policy_key_t *key,
    cos_str_t *v);

#pragma GCC visibility pop

#endif
