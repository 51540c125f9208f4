/*
 * Object ACLs.
 */

#include "ngx_http_cos_amend.h"
#include "ngx_http_cos_bucket.h"
#include "ngx_http_cos_object.h"


typedef struct {
    ngx_http_cos_amend_t  amend;
    ngx_str_t             text;
    ngx_http_cos_acl_t    acl;
} acl_t;


static ngx_int_t acl_read(ngx_http_cos_ctx_t *ctx);
static ngx_int_t acl_known(ngx_http_cos_ctx_t *ctx);
static cos_err_e acl_change(ngx_http_cos_ctx_t *ctx, cos_object_t *o,
    void *data);
static ngx_int_t acl_done(ngx_http_cos_ctx_t *ctx);


ngx_int_t
ngx_http_cos_get_object_acl(ngx_http_cos_ctx_t *ctx)
{
    cos_acl_t  acl;

    ngx_http_cos_object_acl(&ctx->bucket, &ctx->object, &acl);

    return ngx_http_cos_acl_reply(ctx, &acl);
}


ngx_int_t
ngx_http_cos_put_object_acl(ngx_http_cos_ctx_t *ctx)
{
    acl_t  *a;

    a = ngx_pcalloc(ctx->request->pool, sizeof(acl_t));
    if (a == NULL) {
        return NGX_ERROR;
    }

    ctx->state = a;

    return ngx_http_cos_read_small(ctx, COS_XML_SMALL_SIZE,
                                   COS_E_XML_TOO_LARGE, &a->text, acl_read);
}


static ngx_int_t
acl_read(ngx_http_cos_ctx_t *ctx)
{
    acl_t  *a = ctx->state;

    a->acl.owner = ngx_http_cos_object_owner(&ctx->bucket, &ctx->object);

    return ngx_http_cos_acl_sent(ctx, &a->acl, &a->text, acl_known);
}


static ngx_int_t
acl_known(ngx_http_cos_ctx_t *ctx)
{
    acl_t  *a = ctx->state;

    a->amend.change = acl_change;
    a->amend.data = a;
    a->amend.done = acl_done;

    return ngx_http_cos_amend(ctx, &a->amend);
}


/* An object that another account has written meanwhile is not whose the grants
 * were made for. */
static cos_err_e
acl_change(ngx_http_cos_ctx_t *ctx, cos_object_t *o, void *data)
{
    acl_t  *a = data;

    if (a->acl.grants.len
        && ngx_http_cos_object_owner(&ctx->bucket, o) != a->acl.owner)
    {
        ctx->reason = "the object has become somebody else's";
        return COS_E_ACCESS_DENIED;
    }

    o->acl = a->acl.canned;
    o->attr[COS_X_ACL] = a->acl.grants;

    return COS_OK;
}


static ngx_int_t
acl_done(ngx_http_cos_ctx_t *ctx)
{
    return ngx_http_cos_reply(ctx, NGX_HTTP_OK, NULL);
}
