/*
 * Multipart upload: CreateMultipartUpload, UploadPart, AbortMultipartUpload.
 * Completing is in ngx_http_cos_complete.c.
 */

#include "ngx_http_cos_object.h"
#include "ngx_http_cos_sse.h"
#include "ngx_http_cos_sums.h"


#define ID_RANDOM  12

typedef struct {
    ngx_http_cos_take_t     take;
    ngx_http_cos_commit_t   commit;
    ngx_http_cos_query_t    query;
    ngx_str_t               ukey;     /* U{bid}<id> */
    ngx_str_t               id;
    ngx_str_t               record;   /* of the upload; empty: none */
    uint64_t                number;
    int64_t                 copied;   /* bytes of a part that is copied, -1: it
                                         comes as a body */
    ngx_http_cos_step_pt    next;
    unsigned                failed:1;
} part_t;


static ngx_int_t create_done(ngx_http_cos_ctx_t *ctx);
static ngx_int_t create_build(ngx_http_cos_commit_t *c);
static ngx_int_t part_known(ngx_http_cos_ctx_t *ctx);
static ngx_int_t part_body(ngx_http_cos_ctx_t *ctx);
static ngx_int_t part_durable(ngx_http_cos_ctx_t *ctx);
static ngx_int_t part_done(ngx_http_cos_ctx_t *ctx);
static ngx_int_t part_build(ngx_http_cos_commit_t *c);
static ngx_int_t abort_known(ngx_http_cos_ctx_t *ctx);
static ngx_int_t abort_done(ngx_http_cos_ctx_t *ctx);
static ngx_int_t abort_build(ngx_http_cos_commit_t *c);


/* --- CreateMultipartUpload -------------------------------------------------------- */

/* Letters and digits that sort by time of creation within a key. */
static ngx_int_t
make_upload_id(ngx_http_cos_ctx_t *ctx, ngx_str_t *id)
{
    u_char  raw[8 + ID_RANDOM];
    u_char *p;
    int     i;
    uint64_t  now;

    now = ngx_http_cos_now();

    for (i = 0; i < 8; i++) {
        raw[i] = (u_char) (now >> (56 - 8 * i));
    }

    p = ngx_pnalloc(ctx->request->pool, 2 * sizeof(raw));

    if (p == NULL || cos_random(raw + 8, ID_RANDOM) != 0) {
        return NGX_ERROR;
    }

    cos_hex((char *) p, raw, sizeof(raw));
    id->data = p;
    id->len = 2 * sizeof(raw);

    return NGX_OK;
}


ngx_int_t
ngx_http_cos_create_upload(ngx_http_cos_ctx_t *ctx)
{
    part_t                 *p;
    cos_err_e               err;
    cos_json_t             *j;
    ngx_http_cos_commit_t  *c;

    p = ngx_pcalloc(ctx->request->pool, sizeof(part_t));
    if (p == NULL) {
        return NGX_ERROR;
    }

    ctx->op = p;
    c = &p->commit;
    j = &c->json;

    if ((err = ngx_http_cos_object_from_headers(ctx, &j->object)) != COS_OK
        || (err = ngx_http_cos_sum_wanted(ctx, &j->object)) != COS_OK)
    {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    if (make_upload_id(ctx, &p->id) != NGX_OK
        || ngx_http_cos_rkey(ctx->request->pool, "U", &ctx->bucket.id, &p->id,
                             &p->ukey)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    j->kind = COS_J_UPLOAD;
    j->bid = ctx->bucket.id;
    j->key = ctx->name.key;
    j->upload = p->id;
    j->initiated = ngx_http_cos_now();
    j->initiator = ctx->identity.known ? ctx->identity.uid : 0;
    c->build = create_build;
    c->data = p;

    return ngx_http_cos_commit(ctx, c, create_done);
}


static ngx_int_t
create_build(ngx_http_cos_commit_t *c)
{
    part_t        *p = c->data;
    cos_buf_t      b;
    ngx_str_t     *a = c->argv;
    cos_upload_t   u;

    ngx_memzero(&u, sizeof(cos_upload_t));
    u.id = p->id;
    u.key = c->json.key;
    u.initiated = c->json.initiated;
    u.initiator = c->json.initiator;
    u.seq = c->json.seq;
    u.object = c->json.object;
    u.object.home = 0;

    cos_buf_init(&b, &c->ctx->alloc, 512);

    if (cos_upload_encode(&b, &u) != 0 || b.err) {
        return NGX_ERROR;
    }

    ngx_str_set(&a[0], "FCALL");
    ngx_str_set(&a[1], "cos_mpu_init");
    ngx_str_set(&a[2], "1");
    a[3] = p->ukey;
    a[4] = c->ctx->bucket.id;
    a[5] = c->json.key;
    a[6] = p->id;

    if (ngx_http_cos_decimal(c->ctx->request->pool, c->inc, &a[7]) != NGX_OK)
    {
        return NGX_ERROR;
    }

    a[8].data = b.data;
    a[8].len = b.len;
    c->argc = 9;

    return NGX_OK;
}


static ngx_int_t
create_done(ngx_http_cos_ctx_t *ctx)
{
    part_t     *p = ctx->op;
    cos_buf_t   b;

    if (!p->commit.ok) {
        return ngx_http_cos_commit_fail(ctx, &p->commit);
    }

    if (ngx_http_cos_sse_headers(ctx, &ctx->sse->attr) != NGX_OK
        || ngx_http_cos_sum_wanted_headers(ctx, &p->commit.json.object)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    cos_buf_init(&b, &ctx->alloc, 1024);
    cos_xml_initiate(&b, ctx->name.dialect, ctx->name.bucket, ctx->name.key,
                     p->id);

    return ngx_http_cos_reply(ctx, NGX_HTTP_OK, &b);
}


/* --- the upload that a request names ------------------------------------------------ */

static void
take_upload(ngx_http_cos_ctx_t *ctx, redisReply *reply, void *data)
{
    part_t  *p = data;

    p->failed = 0;
    ngx_str_null(&p->record);

    if (reply == NULL || (reply->type != REDIS_REPLY_STRING
                          && reply->type != REDIS_REPLY_NIL))
    {
        p->failed = 1;
        return;
    }

    if (reply->type == REDIS_REPLY_STRING
        && cos_dup(&ctx->alloc, &p->record, reply->str, reply->len) != 0)
    {
        p->failed = 1;
    }
}


static ngx_int_t
ask_upload(ngx_http_cos_ctx_t *ctx, part_t *p, ngx_http_cos_step_pt next)
{
    ngx_str_t         argv[2];
    const cos_arg_t  *id;

    id = cos_arg(&ctx->http.args, "uploadId");

    if (id == NULL || id->value.len == 0 || id->value.len > 128) {
        return ngx_http_cos_fail(ctx, COS_E_NO_SUCH_UPLOAD, NULL);
    }

    p->id = id->value;

    if (ngx_http_cos_rkey(ctx->request->pool, "U", &ctx->bucket.id, &p->id,
                          &p->ukey)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(&argv[0], "GET");
    argv[1] = p->ukey;
    p->query.take = take_upload;
    p->query.data = p;

    if (ngx_http_cos_query(ctx, &p->query, 0, 2, argv, next) != NGX_AGAIN) {
        return ngx_http_cos_fail(ctx, COS_E_UNAVAILABLE, NULL);
    }

    return NGX_AGAIN;
}


/* Decodes it; anything but COS_OK is to be answered. */
static cos_err_e
upload_of(ngx_http_cos_ctx_t *ctx, part_t *p, cos_upload_t *u)
{
    if (p->failed) {
        return COS_E_UNAVAILABLE;
    }

    if (p->record.len == 0) {
        return COS_E_NO_SUCH_UPLOAD;
    }

    if (cos_upload_decode(u, p->record, &ctx->alloc) != 0) {
        return COS_E_INTERNAL;
    }

    return cos_str_eq(u->key, ctx->name.key) ? COS_OK : COS_E_NO_SUCH_UPLOAD;
}


/* --- UploadPart ------------------------------------------------------------------------ */

cos_err_e
ngx_http_cos_part_number(ngx_http_cos_ctx_t *ctx, uint64_t *n)
{
    const cos_arg_t  *a;

    a = cos_arg(&ctx->http.args, "partNumber");

    if (a == NULL || cos_str_uint(a->value, n) != 0 || *n < 1
        || *n > COS_PARTS_MAX)
    {
        return COS_E_INVALID_PART_NUMBER;
    }

    return COS_OK;
}


ngx_int_t
ngx_http_cos_upload_part(ngx_http_cos_ctx_t *ctx)
{
    return ngx_http_cos_part_begin(ctx, -1, part_body);
}


ngx_int_t
ngx_http_cos_part_begin(ngx_http_cos_ctx_t *ctx, int64_t copied,
    ngx_http_cos_step_pt next)
{
    part_t     *p;
    cos_err_e   err;

    p = ngx_pcalloc(ctx->request->pool, sizeof(part_t));
    if (p == NULL) {
        return NGX_ERROR;
    }

    ctx->op = p;
    ctx->take = &p->take;
    p->copied = copied;
    p->next = next;

    err = ngx_http_cos_part_number(ctx, &p->number);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, NULL);
    }

    return ask_upload(ctx, p, part_known);
}


static ngx_int_t
part_known(ngx_http_cos_ctx_t *ctx)
{
    part_t        *p = ctx->op;
    cos_err_e      err;
    cos_upload_t   u;

    err = upload_of(ctx, p, &u);

    if (err == COS_OK) {
        /* what the upload was begun with holds for parts that say nothing */
        p->take.in.sum_type = u.object.sum_type;
        p->take.slot = ngx_http_cos_store_slot(u.object.cls);

        err = ngx_http_cos_sse_part(ctx, &u.object);
    }

    if (err == COS_OK) {
        err = p->copied < 0
              ? ngx_http_cos_take_init(ctx, &p->take)
              : ngx_http_cos_take_local(ctx, &p->take, p->copied);
    }

    if (err == COS_OK) {
        err = ngx_http_cos_sum_part(ctx, &u.object, p->take.in.sum_type);
    }

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    return ngx_http_cos_goto(ctx, p->next);
}


static ngx_int_t
part_body(ngx_http_cos_ctx_t *ctx)
{
    return ngx_http_cos_take(ctx, ctx->take, ngx_http_cos_part_end);
}


ngx_int_t
ngx_http_cos_part_end(ngx_http_cos_ctx_t *ctx)
{
    part_t      *p = ctx->op;
    cos_json_t  *j = &p->commit.json;

    if (p->take.err != COS_OK) {
        return ngx_http_cos_fail(ctx, p->take.err, NULL);
    }

    j->kind = COS_J_PART;
    j->bid = ctx->bucket.id;
    j->key = ctx->name.key;
    j->upload = p->id;
    j->part = p->number;

    ngx_http_cos_take_record(&p->take, &j->object);

    return ngx_http_cos_take_finish(ctx, &p->take, j, part_durable);
}


static ngx_int_t
part_durable(ngx_http_cos_ctx_t *ctx)
{
    part_t                 *p = ctx->op;
    ngx_http_cos_commit_t  *c = &p->commit;

    c->build = part_build;
    c->data = p;

    return ngx_http_cos_take_commit(ctx, &p->take, c, part_done);
}


static ngx_int_t
part_build(ngx_http_cos_commit_t *c)
{
    part_t      *p = c->data;
    ngx_str_t   *a = c->argv;
    ngx_pool_t  *pool = c->ctx->request->pool;

    ngx_str_set(&a[0], "FCALL");
    ngx_str_set(&a[1], "cos_mpu_part");
    ngx_str_set(&a[2], "1");
    a[3] = p->ukey;
    a[4] = c->ctx->bucket.id;
    a[5] = p->id;

    if (ngx_http_cos_decimal(pool, c->inc, &a[6]) != NGX_OK
        || ngx_http_cos_decimal(pool, p->number, &a[7]) != NGX_OK
        || ngx_http_cos_record(c->ctx, &c->json.object, &a[8]) != NGX_OK)
    {
        return NGX_ERROR;
    }

    c->argc = 9;

    return NGX_OK;
}


static ngx_int_t
part_done(ngx_http_cos_ctx_t *ctx)
{
    cos_buf_t               b;
    part_t                 *p = ctx->op;
    ngx_http_cos_commit_t  *c = &p->commit;

    if (!c->ok) {
        return ngx_http_cos_commit_fail(ctx, c);
    }

    if (ngx_http_cos_sse_headers(ctx, &ctx->sse->attr) != NGX_OK) {
        return NGX_ERROR;
    }

    if (p->copied >= 0) {
        cos_buf_init(&b, &ctx->alloc, 512);
        cos_xml_copy_part(&b, ctx->name.dialect, &c->json.object);

        return ngx_http_cos_reply(ctx, NGX_HTTP_OK, &b);
    }

    return ngx_http_cos_uploaded(ctx, &c->json.object);
}


/* --- AbortMultipartUpload ---------------------------------------------------------------- */

ngx_int_t
ngx_http_cos_abort_upload(ngx_http_cos_ctx_t *ctx)
{
    part_t  *p;

    p = ngx_pcalloc(ctx->request->pool, sizeof(part_t));
    if (p == NULL) {
        return NGX_ERROR;
    }

    ctx->op = p;

    return ask_upload(ctx, p, abort_known);
}


static ngx_int_t
abort_known(ngx_http_cos_ctx_t *ctx)
{
    part_t                 *p = ctx->op;
    cos_err_e               err;
    cos_upload_t            u;
    ngx_http_cos_commit_t  *c = &p->commit;

    err = upload_of(ctx, p, &u);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, NULL);
    }

    c->json.kind = COS_J_ABORT;
    c->json.bid = ctx->bucket.id;
    c->json.key = ctx->name.key;
    c->json.upload = p->id;
    c->build = abort_build;
    c->data = p;

    return ngx_http_cos_commit(ctx, c, abort_done);
}


static ngx_int_t
abort_build(ngx_http_cos_commit_t *c)
{
    part_t     *p = c->data;
    ngx_str_t  *a = c->argv;

    ngx_str_set(&a[0], "FCALL");
    ngx_str_set(&a[1], "cos_mpu_abort");
    ngx_str_set(&a[2], "1");
    a[3] = p->ukey;
    a[4] = c->ctx->bucket.id;
    a[5] = c->json.key;
    a[6] = p->id;
    c->argc = 8;

    return ngx_http_cos_decimal(c->ctx->request->pool, c->inc, &a[7]);
}


static ngx_int_t
abort_done(ngx_http_cos_ctx_t *ctx)
{
    part_t  *p = ctx->op;

    if (!p->commit.ok) {
        return ngx_http_cos_commit_fail(ctx, &p->commit);
    }

    return ngx_http_cos_reply(ctx, NGX_HTTP_NO_CONTENT, NULL);
}
