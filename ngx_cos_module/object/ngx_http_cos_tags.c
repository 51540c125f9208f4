/*
 * Tags of objects: the header that comes with an object's bytes, and the
 * operations that see and change them.
 */

#include "ngx_http_cos_amend.h"
#include "ngx_http_cos_object.h"
#include "ngx_http_cos_rights.h"
#include "ngx_http_cos_tags.h"
#include "cos_xml_config.h"


typedef struct {
    ngx_http_cos_amend_t   amend;
    ngx_str_t              text;
    cos_str_t              tags;      /* the attribute */
    ngx_uint_t             status;
} tagging_t;


static ngx_int_t tagging_read(ngx_http_cos_ctx_t *ctx);
static ngx_int_t tagging_done(ngx_http_cos_ctx_t *ctx);
static cos_err_e change_tags(ngx_http_cos_ctx_t *ctx, cos_object_t *o,
    void *data);


/* --- with an object ------------------------------------------------------------- */

/* Checks tags and makes them an attribute. */
static cos_err_e
make_attr(ngx_http_cos_ctx_t *ctx, cos_tag_t *v, size_t n, cos_str_t *attr)
{
    cos_buf_t  b;
    cos_err_e  err;

    err = cos_tags_check(v, n, COS_OBJECT_TAGS_MAX, ctx->name.dialect);
    if (err != COS_OK) {
        return err;
    }

    cos_buf_init(&b, &ctx->alloc, 256);
    cos_tags_print(&b, v, n);
    attr->data = b.data;
    attr->len = b.len;

    return b.err ? COS_E_INTERNAL : COS_OK;
}


cos_err_e
ngx_http_cos_tags_from_headers(ngx_http_cos_ctx_t *ctx, cos_object_t *o)
{
    size_t               n;
    cos_err_e            err;
    cos_tag_t           *v;
    const cos_header_t  *h;

    h = ngx_http_cos_header(ctx, "tagging");

    if (h == NULL || h->value.len == 0) {
        return COS_OK;
    }

    err = cos_tags_parse(&v, &n, h->value, &ctx->alloc);

    return err == COS_OK ? make_attr(ctx, v, n, &o->attr[COS_X_TAGS]) : err;
}


cos_err_e
ngx_http_cos_tags_directive(ngx_http_cos_ctx_t *ctx, ngx_uint_t *replace)
{
    const cos_header_t  *h;

    *replace = 0;
    h = ngx_http_cos_header(ctx, "tagging-directive");

    if (h == NULL || h->value.len == 0 || cos_str_iis(h->value, "copy")) {
        return COS_OK;
    }

    *replace = cos_str_iis(h->value, "replace")
               || cos_str_iis(h->value, "replaced");

    return *replace ? COS_OK : COS_E_INVALID_ARGUMENT;
}


ngx_int_t
ngx_http_cos_tags_count(ngx_http_cos_ctx_t *ctx, cos_object_t *o)
{
    size_t                n;
    ngx_str_t             value;
    ngx_http_cos_place_t  place;

    n = cos_tags_count(o->attr[COS_X_TAGS]);

    if (n == 0) {
        return NGX_OK;
    }

    /* to those who may see the tags */
    ngx_http_cos_place(ctx, &place);

    switch (ngx_http_cos_may(ctx, &place,
                             ctx->version_arg ? COS_ACT_GET_VERSION_TAGS
                                              : COS_ACT_GET_TAGS,
                             NGX_HTTP_COS_PERM_OWN))
    {
    case COS_OK:
        break;
    case COS_E_ACCESS_DENIED:
        return NGX_OK;
    default:
        return NGX_ERROR;
    }

    if (ngx_http_cos_decimal(ctx->request->pool, n, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_cos_add_prefixed(ctx, "tagging-count", &value);
}


/* --- operations -------------------------------------------------------------------- */

static ngx_int_t
add_version(ngx_http_cos_ctx_t *ctx)
{
    if (ctx->bucket.versioning == COS_VERSIONING_NONE) {
        return NGX_OK;
    }

    return ngx_http_cos_version_header(ctx, "version-id",
                                       cos_object_version(&ctx->object));
}


ngx_int_t
ngx_http_cos_get_object_tagging(ngx_http_cos_ctx_t *ctx)
{
    size_t      n;
    cos_buf_t   b;
    cos_err_e   err;
    cos_tag_t  *v;

    if (ctx->name.dialect == COS_DIALECT_BOS) {
        return ngx_http_cos_unsupported(ctx);
    }

    err = cos_tags_parse(&v, &n, ctx->object.attr[COS_X_TAGS], &ctx->alloc);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, NULL);
    }

    cos_buf_init(&b, &ctx->alloc, 512);
    cos_xml_tagging(&b, ctx->name.dialect, v, n);

    if (add_version(ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_cos_reply(ctx, NGX_HTTP_OK, &b);
}


/* NULL: answered with *rc. */
static tagging_t *
begin(ngx_http_cos_ctx_t *ctx, ngx_uint_t status, ngx_int_t *rc)
{
    tagging_t  *t;

    if (ctx->name.dialect == COS_DIALECT_BOS) {
        *rc = ngx_http_cos_unsupported(ctx);
        return NULL;
    }

    *rc = NGX_ERROR;
    t = ngx_pcalloc(ctx->request->pool, sizeof(tagging_t));

    if (t) {
        t->status = status;
        t->amend.change = change_tags;
        t->amend.data = t;
        t->amend.done = tagging_done;
        ctx->state = t;
    }

    return t;
}


ngx_int_t
ngx_http_cos_put_object_tagging(ngx_http_cos_ctx_t *ctx)
{
    ngx_int_t   rc;
    tagging_t  *t;

    t = begin(ctx, NGX_HTTP_OK, &rc);
    if (t == NULL) {
        return rc;
    }

    return ngx_http_cos_read_small(ctx, COS_XML_SMALL_SIZE,
                                   COS_E_XML_TOO_LARGE, &t->text,
                                   tagging_read);
}


static ngx_int_t
tagging_read(ngx_http_cos_ctx_t *ctx)
{
    size_t      n;
    cos_err_e   err;
    cos_tag_t  *v;
    tagging_t  *t = ctx->state;

    static cos_tag_t  none;

    err = ctx->error != COS_OK ? ctx->error
          : ngx_http_cos_check_document(ctx, &t->text, 1);

    if (err == COS_OK && t->text.len == 0) {
        err = COS_E_MISSING_BODY;
    }

    if (err == COS_OK) {
        err = cos_xml_parse_tagging(t->text, &v, &n, &ctx->alloc);
    }

    if (err == COS_OK) {
        err = make_attr(ctx, v, n, &t->tags);
    }

    if (err == COS_OK) {
        t->amend.tags = n ? v : &none;
        t->amend.ntags = n;
        err = ngx_http_cos_may_tag(ctx, t->amend.tags, n);
    }

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, NULL);
    }

    return ngx_http_cos_amend(ctx, &t->amend);
}


ngx_int_t
ngx_http_cos_delete_object_tagging(ngx_http_cos_ctx_t *ctx)
{
    ngx_int_t   rc;
    tagging_t  *t;

    t = begin(ctx, NGX_HTTP_NO_CONTENT, &rc);
    if (t == NULL) {
        return rc;
    }

    if (ctx->object.attr[COS_X_TAGS].len == 0) {
        return ngx_http_cos_goto(ctx, tagging_done);
    }

    return ngx_http_cos_amend(ctx, &t->amend);
}


static cos_err_e
change_tags(ngx_http_cos_ctx_t *ctx, cos_object_t *o, void *data)
{
    tagging_t  *t = data;

    o->attr[COS_X_TAGS] = t->tags;

    return COS_OK;
}


static ngx_int_t
tagging_done(ngx_http_cos_ctx_t *ctx)
{
    tagging_t  *t = ctx->state;

    if (add_version(ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_cos_reply(ctx, t->status, NULL);
}
