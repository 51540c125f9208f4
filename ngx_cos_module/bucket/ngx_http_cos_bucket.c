/*
 * Buckets: create, head, delete, location, ACL.
 */

#include "ngx_http_cos_bucket.h"
#include "ngx_http_cos_object.h"


typedef struct {
    ngx_http_cos_commit_t   commit;
    ngx_http_cos_query_t    query;
    ngx_str_t               text;
    ngx_str_t               id;       /* of a new bucket */
    ngx_str_t               region;
    cos_bucket_t            wanted;   /* what headers say of it */
    cos_err_e               refusal;  /* why there is no number */
    unsigned                failed:1;
} bucket_t;

typedef struct {
    ngx_http_cos_bucket_change_t  change;
    ngx_str_t                     text;
    ngx_http_cos_acl_t            acl;
} bucket_acl_t;


static ngx_int_t create_read(ngx_http_cos_ctx_t *ctx);
static ngx_int_t create_numbered(ngx_http_cos_ctx_t *ctx);
static ngx_int_t create_done(ngx_http_cos_ctx_t *ctx);
static ngx_int_t delete_done(ngx_http_cos_ctx_t *ctx);
static ngx_int_t delete_build(ngx_http_cos_commit_t *c);
static ngx_int_t acl_read(ngx_http_cos_ctx_t *ctx);
static ngx_int_t acl_known(ngx_http_cos_ctx_t *ctx);
static cos_err_e acl_change(ngx_http_cos_ctx_t *ctx, cos_bucket_t *k,
    void *data);
static ngx_int_t acl_done(ngx_http_cos_ctx_t *ctx);


/* The region that we say a bucket is in. */
static ngx_str_t
region_of(ngx_http_cos_ctx_t *ctx)
{
    if (ctx->lcf->region.len) {
        return ctx->lcf->region;
    }

    return ctx->bucket.region.len ? ctx->bucket.region
                                  : ctx->lcf->default_region;
}


/* Any name that a region could have, or the one that is pinned. */
static ngx_uint_t
region_valid(ngx_http_cos_ctx_t *ctx, ngx_str_t region)
{
    size_t  i;
    u_char  c;

    if (ctx->lcf->region.len) {
        return cos_str_eq(region, ctx->lcf->region);
    }

    for (i = 0; i < region.len; i++) {
        c = region.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9') || c == '-'))
        {
            return 0;
        }
    }

    return region.len <= 64;
}


/* --- create --------------------------------------------------------------------- */

ngx_int_t
ngx_http_cos_put_bucket(ngx_http_cos_ctx_t *ctx)
{
    bucket_t             *b;
    cos_err_e             err;
    ngx_http_cos_acl_t    acl;

    ngx_memzero(&acl, sizeof(ngx_http_cos_acl_t));

    if (!cos_bucket_name_valid(ctx->name.bucket, ctx->name.dialect)) {
        return ngx_http_cos_fail(ctx, COS_E_INVALID_BUCKET_NAME, NULL);
    }

    b = ngx_pcalloc(ctx->request->pool, sizeof(bucket_t));
    if (b == NULL) {
        return NGX_ERROR;
    }

    ctx->state = b;

    acl.owner = ctx->identity.uid;
    acl.of_bucket = 1;

    err = ngx_http_cos_acl_from_headers(ctx, &acl);
    b->wanted.acl = acl.canned;
    b->wanted.attr[COS_BX_ACL] = acl.grants;

    if (err != COS_OK
        || (err = ngx_http_cos_bucket_headers(ctx, &b->wanted)) != COS_OK)
    {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    return ngx_http_cos_read_small(ctx, COS_XML_SMALL_SIZE,
                                   COS_E_XML_TOO_LARGE, &b->text,
                                   create_read);
}


static void
take_number(ngx_http_cos_ctx_t *ctx, redisReply *reply, void *data)
{
    u_char    *p;
    uint64_t   n;
    bucket_t  *b = data;

    b->failed = 1;
    b->refusal = COS_E_UNAVAILABLE;

    if (reply && reply->type == REDIS_REPLY_ERROR
        && ngx_strncmp(reply->str, "OOM", 3) == 0)
    {
        b->refusal = COS_E_META_FULL;
    }

    if (reply == NULL || reply->type != REDIS_REPLY_INTEGER) {
        return;
    }

    p = ngx_pnalloc(ctx->request->pool, 16);
    if (p == NULL) {
        return;
    }

    /* base 36, so that ids stay short in every key */

    b->id.data = p + 16;

    for (n = reply->integer; n; n /= 36) {
        *--b->id.data = "0123456789abcdefghijklmnopqrstuvwxyz"[n % 36];
    }

    b->id.len = p + 16 - b->id.data;
    b->failed = 0;
}


static ngx_int_t
create_read(ngx_http_cos_ctx_t *ctx)
{
    bucket_t   *b = ctx->state;
    cos_err_e   err;
    ngx_str_t   argv[4];

    err = ctx->error != COS_OK ? ctx->error
          : ngx_http_cos_check_document(ctx, &b->text, 1);

    if (err == COS_OK && b->text.len) {
        err = cos_xml_parse_create_bucket(b->text, &b->region, &ctx->alloc);
    }

    if (err == COS_OK && b->region.len && !region_valid(ctx, b->region)) {
        err = COS_E_INVALID_LOCATION;
    }

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, NULL);
    }

    if (ctx->bucket.id.len) {
        /* said again when it is committed; saves the record on disk */
        return ngx_http_cos_fail(ctx,
                   ctx->bucket.owner == ctx->identity.uid
                   ? COS_E_BUCKET_OWNED_BY_YOU : COS_E_BUCKET_EXISTS, NULL);
    }

    ngx_str_set(&argv[0], "HINCRBY");
    ngx_str_set(&argv[1], "g");
    ngx_str_set(&argv[2], "bid");
    ngx_str_set(&argv[3], "1");

    b->query.take = take_number;
    b->query.data = b;

    if (ngx_http_cos_query(ctx, &b->query, 0, 4, argv, create_numbered)
        != NGX_AGAIN)
    {
        return ngx_http_cos_fail(ctx, COS_E_UNAVAILABLE, NULL);
    }

    return NGX_AGAIN;
}


static ngx_int_t
create_numbered(ngx_http_cos_ctx_t *ctx)
{
    bucket_t               *b = ctx->state;
    cos_bucket_t           *k;
    ngx_http_cos_commit_t  *c = &b->commit;

    if (b->failed) {
        return ngx_http_cos_fail(ctx, b->refusal, NULL);
    }

    c->json.kind = COS_J_BUCKET;
    c->json.bid = b->id;

    k = &c->json.bucket;
    *k = b->wanted;
    k->name = ctx->name.bucket;
    k->id = b->id;
    k->owner = ctx->identity.uid;
    k->created = ngx_http_cos_now();
    k->region = b->region.len ? b->region
                : ctx->name.region.len ? ctx->name.region
                : ctx->sig.region;

    c->drop[0] = ctx->bucket_fact.key;
    c->build = ngx_http_cos_bucket_build;
    c->data = b;

    return ngx_http_cos_commit(ctx, c, create_done);
}


static ngx_int_t
create_done(ngx_http_cos_ctx_t *ctx)
{
    u_char                 *p;
    bucket_t               *b = ctx->state;
    cos_bucket_t            have;
    ngx_str_t               location;
    ngx_http_cos_commit_t  *c = &b->commit;

    if (!c->ok) {

        if (c->err == COS_OK && ngx_strcmp(c->status, "EXISTS") == 0) {
            return ngx_http_cos_fail(ctx,
                       cos_bucket_decode(&have, c->detail) == 0
                       && have.owner == ctx->identity.uid
                       ? COS_E_BUCKET_OWNED_BY_YOU : COS_E_BUCKET_EXISTS,
                       NULL);
        }

        return ngx_http_cos_commit_fail(ctx, c);
    }

    location.len = ctx->name.bucket.len + 1;
    p = ngx_pnalloc(ctx->request->pool, location.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    location.data = p;
    *p++ = '/';
    ngx_memcpy(p, ctx->name.bucket.data, ctx->name.bucket.len);

    if (ngx_http_cos_set_header(ctx->request, "Location", &location)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_cos_reply(ctx, NGX_HTTP_OK, NULL);
}


/* --- head, location ---------------------------------------------------------------- */

ngx_int_t
ngx_http_cos_head_bucket(ngx_http_cos_ctx_t *ctx)
{
    ngx_str_t  region;

    region = region_of(ctx);

    if (region.len
        && ngx_http_cos_add_prefixed(ctx, "bucket-region", &region) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_cos_reply(ctx, NGX_HTTP_OK, NULL);
}


ngx_int_t
ngx_http_cos_bucket_location(ngx_http_cos_ctx_t *ctx)
{
    cos_buf_t  b;

    cos_buf_init(&b, &ctx->alloc, 256);
    cos_xml_location(&b, ctx->name.dialect, region_of(ctx));

    return ngx_http_cos_reply(ctx, NGX_HTTP_OK, &b);
}


/* --- delete -------------------------------------------------------------------------- */

ngx_int_t
ngx_http_cos_delete_bucket(ngx_http_cos_ctx_t *ctx)
{
    bucket_t               *b;
    ngx_http_cos_commit_t  *c;

    b = ngx_pcalloc(ctx->request->pool, sizeof(bucket_t));
    if (b == NULL) {
        return NGX_ERROR;
    }

    ctx->state = b;
    c = &b->commit;

    c->json.kind = COS_J_BUCKET_DELETE;
    c->json.bid = ctx->bucket.id;
    c->json.bucket = ctx->bucket;
    c->drop[0] = ctx->bucket_fact.key;
    c->build = delete_build;
    c->data = b;

    return ngx_http_cos_commit(ctx, c, delete_done);
}


static ngx_int_t
delete_build(ngx_http_cos_commit_t *c)
{
    ngx_str_t  *a = c->argv;

    ngx_str_set(&a[0], "FCALL");
    ngx_str_set(&a[1], "cos_bucket_del");
    ngx_str_set(&a[2], "1");
    a[3] = c->drop[0];
    a[4] = c->ctx->name.bucket;
    a[5] = c->ctx->bucket.id;
    c->argc = 6;

    return NGX_OK;
}


static ngx_int_t
delete_done(ngx_http_cos_ctx_t *ctx)
{
    bucket_t  *b = ctx->state;

    if (ngx_http_cos_domain_drop(ctx, &ctx->bucket) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!b->commit.ok) {
        return ngx_http_cos_commit_fail(ctx, &b->commit);
    }

    return ngx_http_cos_reply(ctx, NGX_HTTP_NO_CONTENT, NULL);
}


/* --- ACL -------------------------------------------------------------------------------- */

ngx_int_t
ngx_http_cos_get_bucket_acl(ngx_http_cos_ctx_t *ctx)
{
    cos_acl_t  acl;

    ngx_http_cos_bucket_acl(&ctx->bucket, &acl);

    return ngx_http_cos_acl_reply(ctx, &acl);
}


ngx_int_t
ngx_http_cos_put_bucket_acl(ngx_http_cos_ctx_t *ctx)
{
    bucket_acl_t  *b;

    b = ngx_pcalloc(ctx->request->pool, sizeof(bucket_acl_t));
    if (b == NULL) {
        return NGX_ERROR;
    }

    ctx->state = b;

    return ngx_http_cos_read_small(ctx, COS_XML_SMALL_SIZE,
                                   COS_E_XML_TOO_LARGE, &b->text, acl_read);
}


static ngx_int_t
acl_read(ngx_http_cos_ctx_t *ctx)
{
    bucket_acl_t  *b = ctx->state;

    b->acl.owner = ctx->bucket.owner;
    b->acl.of_bucket = 1;

    return ngx_http_cos_acl_sent(ctx, &b->acl, &b->text, acl_known);
}


static ngx_int_t
acl_known(ngx_http_cos_ctx_t *ctx)
{
    bucket_acl_t  *b = ctx->state;

    b->change.change = acl_change;
    b->change.data = b;
    b->change.done = acl_done;

    return ngx_http_cos_bucket_change(ctx, &b->change);
}


/* The bucket's rules may have changed since the document was read. */
static cos_err_e
acl_change(ngx_http_cos_ctx_t *ctx, cos_bucket_t *k, void *data)
{
    bucket_acl_t  *b = data;

    k->acl = b->acl.canned;
    k->attr[COS_BX_ACL] = b->acl.grants;

    return ngx_http_cos_acl_allowed(ctx, k->acl, k->attr[COS_BX_ACL], 1);
}


static ngx_int_t
acl_done(ngx_http_cos_ctx_t *ctx)
{
    return ngx_http_cos_reply(ctx, NGX_HTTP_OK, NULL);
}
