/*
 * Object ACLs in their canned forms.
 */

#include "ngx_http_cos_amend.h"
#include "ngx_http_cos_bucket.h"
#include "ngx_http_cos_object.h"


typedef struct {
    ngx_http_cos_amend_t  amend;
    ngx_str_t             text;
    cos_acl_e             acl;
} acl_t;


static ngx_int_t acl_read(ngx_http_cos_ctx_t *ctx);
static cos_err_e acl_change(ngx_http_cos_ctx_t *ctx, cos_object_t *o,
    void *data);
static ngx_int_t acl_done(ngx_http_cos_ctx_t *ctx);


static uint64_t
owner_of(ngx_http_cos_ctx_t *ctx)
{
    return ngx_http_cos_object_owner(&ctx->bucket, &ctx->object);
}


ngx_int_t
ngx_http_cos_get_object_acl(ngx_http_cos_ctx_t *ctx)
{
    cos_buf_t  b;

    cos_buf_init(&b, &ctx->alloc, 1024);
    cos_xml_acl(&b, ctx->name.dialect, owner_of(ctx), ctx->bucket.owner,
                ctx->object.acl);

    return ngx_http_cos_reply(ctx, NGX_HTTP_OK, &b);
}


ngx_int_t
ngx_http_cos_put_object_acl(ngx_http_cos_ctx_t *ctx)
{
    acl_t      *a;
    cos_err_e   err;

    a = ngx_pcalloc(ctx->request->pool, sizeof(acl_t));
    if (a == NULL) {
        return NGX_ERROR;
    }

    ctx->state = a;

    err = ngx_http_cos_acl_from_headers(ctx, &a->acl, 0);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    return ngx_http_cos_read_small(ctx, COS_XML_SMALL_SIZE,
                                   COS_E_XML_TOO_LARGE, &a->text, acl_read);
}


cos_err_e
ngx_http_cos_acl_document(ngx_http_cos_ctx_t *ctx, ngx_str_t *text,
    uint64_t owner, cos_acl_e *acl)
{
    cos_err_e            err;
    const cos_header_t  *h;

    if (ctx->error != COS_OK) {
        return ctx->error;
    }

    err = ngx_http_cos_check_document(ctx, text, 1);

    if (err != COS_OK) {
        return err;
    }

    if (cos_ownership(&ctx->bucket) == COS_OWNERSHIP_ENFORCED) {
        return COS_E_ACL_NOT_SUPPORTED;
    }

    /* a header wins over the document (COS, PUT Object acl) */
    h = ngx_http_cos_header(ctx, "acl");

    if (h && h->value.len) {
        return COS_OK;
    }

    if (text->len == 0) {
        return COS_E_MISSING_BODY;
    }

    err = cos_xml_parse_acl(*text, owner, ctx->bucket.owner, acl,
                            &ctx->alloc);

    return err == COS_OK ? ngx_http_cos_acl_allowed(ctx, *acl, 1) : err;
}


static ngx_int_t
acl_read(ngx_http_cos_ctx_t *ctx)
{
    acl_t      *a = ctx->state;
    cos_err_e   err;

    err = ngx_http_cos_acl_document(ctx, &a->text, owner_of(ctx), &a->acl);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, NULL);
    }

    a->amend.change = acl_change;
    a->amend.data = a;
    a->amend.done = acl_done;

    return ngx_http_cos_amend(ctx, &a->amend);
}


static cos_err_e
acl_change(ngx_http_cos_ctx_t *ctx, cos_object_t *o, void *data)
{
    acl_t  *a = data;

    o->acl = a->acl;

    return COS_OK;
}


static ngx_int_t
acl_done(ngx_http_cos_ctx_t *ctx)
{
    return ngx_http_cos_reply(ctx, NGX_HTTP_OK, NULL);
}
