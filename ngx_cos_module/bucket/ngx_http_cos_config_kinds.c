/*
 * The kinds of configurations: from documents into the record and back, and
 * which of them exclude each other.
 */

#include "ngx_http_cos_config.h"


/* What was written to b becomes an attribute. */
static cos_err_e
keep(cos_str_t *attr, cos_buf_t *b)
{
    attr->data = b->data;
    attr->len = b->len;

    return b->err ? COS_E_INTERNAL : COS_OK;
}


/* --- versioning ---------------------------------------------------------------- */

cos_err_e
ngx_http_cos_set_versioning(ngx_http_cos_ctx_t *ctx, cos_bucket_t *k,
    ngx_str_t text)
{
    cos_err_e         err;
    cos_versioning_e  v;

    err = cos_xml_parse_versioning(ctx->name.dialect, text, &v, &ctx->alloc);
    if (err != COS_OK) {
        return err;
    }

    if (k->attr[COS_BX_WORM].len) {
        ctx->reason = "the bucket has a retention policy";
        return COS_E_INVALID_BUCKET_STATE;
    }

    if (k->attr[COS_BX_LOCK].len && v != COS_VERSIONING_ENABLED) {
        ctx->reason = "an object lock configuration is present on this "
                      "bucket, so versioning cannot be suspended";
        return COS_E_INVALID_BUCKET_STATE;
    }

    k->versioning = v;

    return COS_OK;
}


cos_err_e
ngx_http_cos_write_versioning(ngx_http_cos_ctx_t *ctx, cos_buf_t *b,
    cos_bucket_t *k)
{
    cos_xml_versioning(b, ctx->name.dialect, k->versioning);

    return COS_OK;
}


/* --- tags ------------------------------------------------------------------------ */

cos_err_e
ngx_http_cos_set_tagging(ngx_http_cos_ctx_t *ctx, cos_bucket_t *k,
    ngx_str_t text)
{
    size_t      n;
    cos_buf_t   b;
    cos_err_e   err;
    cos_tag_t  *v;

    err = cos_xml_parse_tagging(text, &v, &n, &ctx->alloc);

    if (err == COS_OK) {
        err = cos_tags_check(v, n, COS_BUCKET_TAGS_MAX, ctx->name.dialect);
    }

    if (err != COS_OK) {
        return err;
    }

    cos_buf_init(&b, &ctx->alloc, 256);
    cos_tags_print(&b, v, n);

    return keep(&k->attr[COS_BX_TAGS], &b);
}


cos_err_e
ngx_http_cos_write_tagging(ngx_http_cos_ctx_t *ctx, cos_buf_t *b,
    cos_bucket_t *k)
{
    size_t      n;
    cos_err_e   err;
    cos_tag_t  *v;

    err = cos_tags_parse(&v, &n, k->attr[COS_BX_TAGS], &ctx->alloc);

    if (err == COS_OK) {
        cos_xml_tagging(b, ctx->name.dialect, v, n);
    }

    return err;
}


/* --- encryption -------------------------------------------------------------------- */

cos_err_e
ngx_http_cos_set_encryption(ngx_http_cos_ctx_t *ctx, cos_bucket_t *k,
    ngx_str_t text)
{
    cos_buf_t         b;
    cos_err_e         err;
    cos_bucket_sse_t  s;

    err = cos_xml_parse_encryption(ctx->name.dialect, text, &s, &ctx->alloc);
    if (err != COS_OK) {
        return err;
    }

    cos_buf_init(&b, &ctx->alloc, 64);
    cos_bucket_sse_print(&b, &s);

    return keep(&k->attr[COS_BX_SSE], &b);
}


cos_err_e
ngx_http_cos_write_encryption(ngx_http_cos_ctx_t *ctx, cos_buf_t *b,
    cos_bucket_t *k)
{
    cos_bucket_sse_t  s;

    if (cos_bucket_sse_parse(&s, k->attr[COS_BX_SSE]) != 0) {
        return COS_E_INTERNAL;
    }

    cos_xml_encryption(b, ctx->name.dialect, &s);

    return COS_OK;
}


/* --- object lock -------------------------------------------------------------------- */

/*
 * COS: all objects of the bucket are kept for some days, which can only become
 * more, and there are no versions.
 */
static cos_err_e
set_worm(ngx_http_cos_ctx_t *ctx, cos_bucket_t *k, const cos_bucket_lock_t *l)
{
    uint64_t  days;

    if (k->versioning != COS_VERSIONING_NONE) {
        ctx->reason = "a bucket that has or had versioning cannot have a "
                      "retention policy";
        return COS_E_INVALID_BUCKET_STATE;
    }

    if (l->mode == COS_LOCK_NONE) {
        ctx->reason = "a retention policy without a period is not "
                      "implemented";
        return COS_E_NOT_IMPLEMENTED;
    }

    if (cos_bucket_worm_parse(&days, k->attr[COS_BX_WORM]) != 0) {
        return COS_E_INTERNAL;
    }

    if (l->days < days) {
        return COS_E_INVALID_LOCKED_TIME;
    }

    return ngx_http_cos_decimal(ctx->request->pool, l->days,
                                &k->attr[COS_BX_WORM])
           == NGX_OK ? COS_OK : COS_E_INTERNAL;
}


cos_err_e
ngx_http_cos_set_lock(ngx_http_cos_ctx_t *ctx, cos_bucket_t *k, ngx_str_t text)
{
    cos_buf_t          b;
    cos_err_e          err;
    cos_bucket_lock_t  l;

    err = cos_xml_parse_lock(ctx->name.dialect, text, &l, &ctx->alloc);
    if (err != COS_OK) {
        return err;
    }

    if (ctx->name.dialect == COS_DIALECT_COS && k->attr[COS_BX_LOCK].len == 0)
    {
        return set_worm(ctx, k, &l);
    }

    if (k->versioning != COS_VERSIONING_ENABLED) {
        ctx->reason = "versioning must be 'Enabled' on the bucket to apply an "
                      "object lock configuration";
        return COS_E_INVALID_BUCKET_STATE;
    }

    cos_buf_init(&b, &ctx->alloc, 64);
    cos_bucket_lock_print(&b, &l);

    return keep(&k->attr[COS_BX_LOCK], &b);
}


cos_err_e
ngx_http_cos_write_lock(ngx_http_cos_ctx_t *ctx, cos_buf_t *b, cos_bucket_t *k)
{
    uint64_t           days;
    cos_bucket_lock_t  l;

    if (cos_bucket_lock_parse(&l, k->attr[COS_BX_LOCK]) != 0
        || cos_bucket_worm_parse(&days, k->attr[COS_BX_WORM]) != 0)
    {
        return COS_E_INTERNAL;
    }

    if (days) {
        l.mode = COS_LOCK_COMPLIANCE;
        l.days = (uint32_t) days;
        l.years = 0;
    }

    cos_xml_lock(b, ctx->name.dialect, &l);

    return COS_OK;
}


/* --- quota ----------------------------------------------------------------------------- */

cos_err_e
ngx_http_cos_set_quota(ngx_http_cos_ctx_t *ctx, cos_bucket_t *k,
    ngx_str_t text)
{
    cos_buf_t           b;
    cos_err_e           err;
    cos_bucket_quota_t  q;

    err = cos_xml_parse_quota(ctx->name.dialect, text, &q, &ctx->alloc);
    if (err != COS_OK) {
        return err;
    }

    cos_buf_init(&b, &ctx->alloc, 64);
    cos_bucket_quota_print(&b, &q);

    return keep(&k->attr[COS_BX_QUOTA], &b);
}


cos_err_e
ngx_http_cos_write_quota(ngx_http_cos_ctx_t *ctx, cos_buf_t *b,
    cos_bucket_t *k)
{
    cos_bucket_quota_t  q;

    if (cos_bucket_quota_parse(&q, k->attr[COS_BX_QUOTA]) != 0) {
        return COS_E_INTERNAL;
    }

    cos_xml_quota(b, ctx->name.dialect, &q);

    return COS_OK;
}


/* --- who pays ---------------------------------------------------------------------------- */

cos_err_e
ngx_http_cos_set_payment(ngx_http_cos_ctx_t *ctx, cos_bucket_t *k,
    ngx_str_t text)
{
    int        requester;
    cos_err_e  err;

    err = cos_xml_parse_payment(text, &requester, &ctx->alloc);
    if (err != COS_OK) {
        return err;
    }

    ngx_str_null(&k->attr[COS_BX_PAYER]);

    if (requester) {
        ngx_str_set(&k->attr[COS_BX_PAYER], "Requester");
    }

    return COS_OK;
}


cos_err_e
ngx_http_cos_write_payment(ngx_http_cos_ctx_t *ctx, cos_buf_t *b,
    cos_bucket_t *k)
{
    cos_xml_payment(b, ctx->name.dialect, cos_requester_pays(k));

    return COS_OK;
}


/* --- public access block ------------------------------------------------------------------- */

cos_err_e
ngx_http_cos_set_public_block(ngx_http_cos_ctx_t *ctx, cos_bucket_t *k,
    ngx_str_t text)
{
    unsigned   bits;
    cos_err_e  err;

    err = cos_xml_parse_public_block(text, &bits, &ctx->alloc);
    if (err != COS_OK) {
        return err;
    }

    return ngx_http_cos_decimal(ctx->request->pool, bits,
                                &k->attr[COS_BX_PUBLIC_BLOCK])
           == NGX_OK ? COS_OK : COS_E_INTERNAL;
}


cos_err_e
ngx_http_cos_write_public_block(ngx_http_cos_ctx_t *ctx, cos_buf_t *b,
    cos_bucket_t *k)
{
    cos_xml_public_block(b, ctx->name.dialect, cos_public_block(k));

    return COS_OK;
}


/* --- ownership ------------------------------------------------------------------------------ */

static void
keep_ownership(cos_bucket_t *k, cos_ownership_e o)
{
    cos_str_t  *s = &k->attr[COS_BX_OWNERSHIP];

    s->data = (u_char *) cos_ownership_name(o);
    s->len = ngx_strlen(s->data);
}


cos_err_e
ngx_http_cos_set_ownership(ngx_http_cos_ctx_t *ctx, cos_bucket_t *k,
    ngx_str_t text)
{
    cos_err_e        err;
    cos_ownership_e  o;

    err = cos_xml_parse_ownership(text, &o, &ctx->alloc);
    if (err != COS_OK) {
        return err;
    }

    if (o == COS_OWNERSHIP_ENFORCED
        && (k->acl != COS_ACL_PRIVATE || k->attr[COS_BX_ACL].len))
    {
        return COS_E_ACL_WITH_OWNERSHIP;
    }

    keep_ownership(k, o);

    return COS_OK;
}


cos_err_e
ngx_http_cos_write_ownership(ngx_http_cos_ctx_t *ctx, cos_buf_t *b,
    cos_bucket_t *k)
{
    cos_xml_ownership(b, ctx->name.dialect, cos_ownership(k));

    return COS_OK;
}


/* --- headers of PutBucket -------------------------------------------------------------------- */

static cos_err_e
tags_header(ngx_http_cos_ctx_t *ctx, cos_bucket_t *k)
{
    size_t               n;
    cos_buf_t            b;
    cos_err_e            err;
    cos_tag_t           *v;
    const cos_header_t  *h;

    h = ngx_http_cos_header(ctx, "tagging");

    if (h == NULL || h->value.len == 0) {
        return COS_OK;
    }

    err = cos_tags_parse(&v, &n, h->value, &ctx->alloc);

    if (err == COS_OK) {
        err = cos_tags_check(v, n, COS_BUCKET_TAGS_MAX, ctx->name.dialect);
    }

    if (err != COS_OK) {
        return err;
    }

    cos_buf_init(&b, &ctx->alloc, h->value.len + 64);
    cos_tags_print(&b, v, n);

    return keep(&k->attr[COS_BX_TAGS], &b);
}


cos_err_e
ngx_http_cos_bucket_headers(ngx_http_cos_ctx_t *ctx, cos_bucket_t *k)
{
    int                  o;
    const cos_header_t  *h;

    h = ngx_http_cos_header(ctx, "bucket-object-lock-enabled");

    if (h && cos_str_iis(h->value, "true")) {
        k->versioning = COS_VERSIONING_ENABLED;
        ngx_str_set(&k->attr[COS_BX_LOCK], "on");

    } else if (h && h->value.len && !cos_str_iis(h->value, "false")) {
        return COS_E_INVALID_ARGUMENT;
    }

    h = ngx_http_cos_header(ctx, "object-ownership");

    if (h && h->value.len) {
        o = cos_ownership_parse(h->value);

        if (o < 0) {
            return COS_E_INVALID_ARGUMENT;
        }

        if (o == COS_OWNERSHIP_ENFORCED
            && (k->acl != COS_ACL_PRIVATE || k->attr[COS_BX_ACL].len))
        {
            return COS_E_ACL_WITH_OWNERSHIP;
        }

        keep_ownership(k, o);
    }

    return tags_header(ctx, k);
}
