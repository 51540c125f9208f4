/*
 * Configurations of a bucket: documents that are read, checked against the
 * bucket, and kept in its record in a short form. One table says of each kind
 * how it is read, written and removed.
 *
 *   config_read  the document has come
 *   change_set   it is put in the record (by ngx_http_cos_bucket_change)
 *   config_done  committed: answer
 *
 * Removing one is a change to the record like any other.
 */

#include "ngx_http_cos_config.h"


typedef struct {
    cos_op_e                get, put, del;   /* del: UNSUPPORTED when there is
                                                none */
    cos_bucket_attr_e       attr;
    ngx_uint_t              status;   /* of PUT */
    cos_err_e               unset[2]; /* COS and BOS, S3; COS_OK: there is a
                                         document for it */
    ngx_uint_t              bos:1;    /* exists in that dialect */
    ngx_http_cos_config_set_pt    set;
    ngx_http_cos_config_write_pt  write;
} kind_t;

typedef struct {
    ngx_http_cos_bucket_change_t  change;
    ngx_str_t                     text;
    const kind_t                 *kind;
    ngx_uint_t                    status;
} config_t;


static ngx_int_t config_set(ngx_http_cos_ctx_t *ctx);
static ngx_int_t config_read(ngx_http_cos_ctx_t *ctx);
static ngx_int_t config_remove(ngx_http_cos_ctx_t *ctx);
static ngx_int_t config_done(ngx_http_cos_ctx_t *ctx);
static cos_err_e change_set(ngx_http_cos_ctx_t *ctx, cos_bucket_t *k,
    void *data);
static cos_err_e change_remove(ngx_http_cos_ctx_t *ctx, cos_bucket_t *k,
    void *data);


#define NONE  COS_OP_UNSUPPORTED
#define SAME(err)  { COS_E_##err, COS_E_##err }

static const kind_t  kinds[] = {
    { COS_OP_GET_VERSIONING, COS_OP_PUT_VERSIONING, NONE, COS_BX_MAX, 200,
      { COS_OK, COS_OK }, 1,
      ngx_http_cos_set_versioning, ngx_http_cos_write_versioning },

    { COS_OP_GET_BUCKET_TAGGING, COS_OP_PUT_BUCKET_TAGGING,
      COS_OP_DELETE_BUCKET_TAGGING, COS_BX_TAGS, 204, SAME(NO_TAGS), 0,
      ngx_http_cos_set_tagging, ngx_http_cos_write_tagging },

    { COS_OP_GET_ENCRYPTION, COS_OP_PUT_ENCRYPTION, COS_OP_DELETE_ENCRYPTION,
      COS_BX_SSE, 200, { COS_E_NO_ENCRYPTION, COS_E_NO_ENCRYPTION_S3 }, 1,
      ngx_http_cos_set_encryption, ngx_http_cos_write_encryption },

    { COS_OP_GET_LOCK_CONFIG, COS_OP_PUT_LOCK_CONFIG, NONE, COS_BX_LOCK, 200,
      { COS_E_NO_LOCK_CONFIG, COS_E_NO_LOCK_CONFIG_S3 }, 0,
      ngx_http_cos_set_lock, ngx_http_cos_write_lock },

    { COS_OP_GET_QUOTA, COS_OP_PUT_QUOTA, COS_OP_DELETE_QUOTA, COS_BX_QUOTA,
      200, SAME(NO_QUOTA), 1,
      ngx_http_cos_set_quota, ngx_http_cos_write_quota },

    { COS_OP_GET_REQUEST_PAYMENT, COS_OP_PUT_REQUEST_PAYMENT, NONE,
      COS_BX_PAYER, 200, { COS_OK, COS_OK }, 0,
      ngx_http_cos_set_payment, ngx_http_cos_write_payment },

    { COS_OP_GET_PUBLIC_BLOCK, COS_OP_PUT_PUBLIC_BLOCK,
      COS_OP_DELETE_PUBLIC_BLOCK, COS_BX_PUBLIC_BLOCK, 200,
      SAME(NO_PUBLIC_BLOCK), 0,
      ngx_http_cos_set_public_block, ngx_http_cos_write_public_block },

    { COS_OP_GET_OWNERSHIP, COS_OP_PUT_OWNERSHIP, COS_OP_DELETE_OWNERSHIP,
      COS_BX_OWNERSHIP, 200, SAME(NO_OWNERSHIP), 0,
      ngx_http_cos_set_ownership, ngx_http_cos_write_ownership },

    { COS_OP_GET_CORS, COS_OP_PUT_CORS, COS_OP_DELETE_CORS, COS_BX_CORS, 200,
      SAME(NO_CORS), 0, ngx_http_cos_set_cors, ngx_http_cos_write_cors },

    { COS_OP_GET_REFERER, COS_OP_PUT_REFERER, COS_OP_DELETE_REFERER,
      COS_BX_REFERER, 200, SAME(NO_REFERER), 0,
      ngx_http_cos_set_referer, ngx_http_cos_write_referer },

    { COS_OP_GET_WEBSITE, COS_OP_PUT_WEBSITE, COS_OP_DELETE_WEBSITE,
      COS_BX_WEBSITE, 200, SAME(NO_WEBSITE), 0,
      ngx_http_cos_set_website, ngx_http_cos_write_website },

    { COS_OP_GET_POLICY, COS_OP_PUT_POLICY, COS_OP_DELETE_POLICY,
      COS_BX_POLICY, 204, { COS_E_NO_POLICY, COS_E_NO_POLICY_S3 }, 0,
      ngx_http_cos_set_policy, ngx_http_cos_write_policy },

    { COS_OP_GET_DOMAIN, COS_OP_PUT_DOMAIN, COS_OP_DELETE_DOMAIN,
      COS_BX_DOMAIN, 200, { COS_OK, COS_OK }, 0,
      ngx_http_cos_set_domain, ngx_http_cos_write_domain },
};


/* NULL: that kind does not exist in the request's dialect. */
static const kind_t *
find_kind(ngx_http_cos_ctx_t *ctx)
{
    size_t         i;
    cos_op_e       op;
    const kind_t  *k;

    op = ctx->name.op;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        k = &kinds[i];

        if (op == k->get || op == k->put || op == k->del) {
            return (ctx->name.dialect == COS_DIALECT_BOS && !k->bos)
                   || (ctx->name.dialect == COS_DIALECT_S3
                       && (k->attr == COS_BX_REFERER
                           || k->attr == COS_BX_DOMAIN))
                   ? NULL : k;
        }
    }

    return NULL;
}


/* COS' retention policy and S3's lock are two things, and one document. */
static ngx_uint_t
is_unset(const cos_bucket_t *k, const kind_t *kind)
{
    if (kind->attr == COS_BX_MAX || k->attr[kind->attr].len) {
        return 0;
    }

    return kind->attr != COS_BX_LOCK || k->attr[COS_BX_WORM].len == 0;
}


ngx_int_t
ngx_http_cos_get_config(ngx_http_cos_ctx_t *ctx)
{
    cos_buf_t      b;
    cos_err_e      err;
    const kind_t  *kind;

    kind = find_kind(ctx);

    if (kind == NULL) {
        return ngx_http_cos_unsupported(ctx);
    }

    err = kind->unset[ctx->name.dialect == COS_DIALECT_S3];

    if (err != COS_OK && is_unset(&ctx->bucket, kind)) {
        return ngx_http_cos_fail(ctx, err, NULL);
    }

    cos_buf_init(&b, &ctx->alloc, 512);

    if (kind->write(ctx, &b, &ctx->bucket) != COS_OK) {
        ngx_log_error(NGX_LOG_CRIT, ctx->request->connection->log, 0,
                      "cos %V: a configuration of bucket \"%V\" is damaged",
                      &ctx->id, &ctx->name.bucket);
        return ngx_http_cos_fail(ctx, COS_E_INTERNAL, NULL);
    }

    return ngx_http_cos_reply(ctx, NGX_HTTP_OK, &b);
}


/* A change of the configuration that the request means; next has it as its
 * ctx->state. */
static ngx_int_t
config_begin(ngx_http_cos_ctx_t *ctx,
    cos_err_e (*change)(ngx_http_cos_ctx_t *ctx, cos_bucket_t *k, void *data),
    ngx_http_cos_step_pt next)
{
    config_t      *c;
    const kind_t  *kind;

    kind = find_kind(ctx);

    if (kind == NULL) {
        return ngx_http_cos_unsupported(ctx);
    }

    c = ngx_pcalloc(ctx->request->pool, sizeof(config_t));
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->kind = kind;
    c->change.change = change;
    c->change.data = c;
    c->change.done = config_done;
    ctx->state = c;

    return ngx_http_cos_goto(ctx, next);
}


ngx_int_t
ngx_http_cos_put_config(ngx_http_cos_ctx_t *ctx)
{
    return config_begin(ctx, change_set, config_set);
}


static ngx_int_t
config_set(ngx_http_cos_ctx_t *ctx)
{
    config_t   *c = ctx->state;

    c->status = c->kind->status;

    if (c->kind->attr == COS_BX_POLICY) {
        return ngx_http_cos_read_small(ctx, COS_POLICY_SIZE,
                                       ctx->name.dialect == COS_DIALECT_S3
                                       ? COS_E_MALFORMED_POLICY
                                       : COS_E_POLICY_FULL,
                                       &c->text, config_read);
    }

    return ngx_http_cos_read_small(ctx, COS_XML_SMALL_SIZE,
                                   COS_E_XML_TOO_LARGE, &c->text,
                                   config_read);
}


static ngx_int_t
config_read(ngx_http_cos_ctx_t *ctx)
{
    config_t   *c = ctx->state;
    cos_err_e   err;

    err = ctx->error != COS_OK ? ctx->error
          : ngx_http_cos_check_document(ctx, &c->text, 1);

    if (err == COS_OK && c->text.len == 0) {
        /* COS' SDK for Go removes hotlink protection so */
        err = c->kind->attr == COS_BX_REFERER ? COS_OK : COS_E_MISSING_BODY;
        c->change.change = change_remove;
    }

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, NULL);
    }

    return ngx_http_cos_bucket_change(ctx, &c->change);
}


static cos_err_e
change_set(ngx_http_cos_ctx_t *ctx, cos_bucket_t *k, void *data)
{
    config_t  *c = data;

    return c->kind->set(ctx, k, c->text);
}


static ngx_int_t
config_done(ngx_http_cos_ctx_t *ctx)
{
    config_t  *c = ctx->state;

    return ngx_http_cos_reply(ctx, c->status, NULL);
}


ngx_int_t
ngx_http_cos_delete_config(ngx_http_cos_ctx_t *ctx)
{
    return config_begin(ctx, change_remove, config_remove);
}


static ngx_int_t
config_remove(ngx_http_cos_ctx_t *ctx)
{
    config_t  *c = ctx->state;

    c->status = NGX_HTTP_NO_CONTENT;

    return ngx_http_cos_bucket_change(ctx, &c->change);
}


static cos_err_e
change_remove(ngx_http_cos_ctx_t *ctx, cos_bucket_t *k, void *data)
{
    config_t  *c = data;

    ngx_str_null(&k->attr[c->kind->attr]);

    return COS_OK;
}
