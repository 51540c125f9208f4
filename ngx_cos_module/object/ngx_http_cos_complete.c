/*
 * CompleteMultipartUpload. No bytes move: the object's record lists the
 * segments of its parts.
 *
 *   comp_read    the document
 *   comp_parsed  the upload and its parts are asked for
 *   comp_known   parts checked, the record made
 *   comp_done    committed; or done before: the same answer
 */

#include "ngx_http_cos_object.h"
#include "ngx_http_cos_class.h"
#include "ngx_http_cos_sums.h"
#include "cos_assemble.h"


#define MIN_PART_COS  (1024 * 1024)
#define MIN_PART_S3   (5 * 1024 * 1024)
#define MAX_TRIES     8

typedef struct {
    ngx_http_cos_commit_t   commit;
    ngx_http_cos_query_t    upload_query;
    ngx_http_cos_query_t    parts_query;
    ngx_str_t               text;
    ngx_str_t               id;
    cos_arena_t            *arena;
    cos_dialect_e           dialect;
    cos_xml_part_t         *v;
    size_t                  n;
    cos_err_e               err;
    ngx_str_t               upload;   /* record */
    cos_str_t              *records;
    cos_object_t           *parts;
    cos_upload_t            u;
    uint64_t                done_seq;
    ngx_uint_t              tries;
    unsigned                failed:1;
} comp_t;


static ngx_int_t comp_read(ngx_http_cos_ctx_t *ctx);
static ngx_int_t comp_parsed(ngx_http_cos_ctx_t *ctx);
static ngx_int_t comp_known(ngx_http_cos_ctx_t *ctx);
static ngx_int_t comp_done(ngx_http_cos_ctx_t *ctx);
static ngx_int_t comp_build(ngx_http_cos_commit_t *c);
static ngx_int_t complete_again(ngx_http_cos_ctx_t *ctx);


static void
comp_cleanup(void *data)
{
    comp_t  *p = data;

    if (p->arena) {
        cos_arena_free(p->arena);
    }
}


ngx_int_t
ngx_http_cos_complete_upload(ngx_http_cos_ctx_t *ctx)
{
    comp_t              *p;
    cos_err_e            err;
    const cos_arg_t     *id;
    ngx_pool_cleanup_t  *cln;

    p = ngx_pcalloc(ctx->request->pool, sizeof(comp_t));
    cln = ngx_pool_cleanup_add(ctx->request->pool, 0);
    if (p == NULL || cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = comp_cleanup;
    cln->data = p;
    ctx->state = p;

    id = cos_arg(&ctx->http.args, "uploadId");

    if (id == NULL || id->value.len == 0 || id->value.len > 128) {
        return ngx_http_cos_fail(ctx, COS_E_NO_SUCH_UPLOAD, NULL);
    }

    p->id = id->value;

    err = ngx_http_cos_condition(ctx, &p->commit);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, NULL);
    }

    return ngx_http_cos_read_small(ctx, COS_XML_COMPLETE_SIZE,
                                   COS_E_XML_TOO_LARGE, &p->text, comp_read);
}


static void
parse(void *data)
{
    comp_t  *p = data;

    p->err = cos_xml_parse_complete(p->dialect, p->text, &p->v, &p->n,
                                    cos_arena_alloc(p->arena));
}


static ngx_int_t
comp_read(ngx_http_cos_ctx_t *ctx)
{
    comp_t     *p = ctx->state;
    cos_err_e   err;

    err = ctx->error != COS_OK ? ctx->error
          : ngx_http_cos_check_document(ctx, &p->text, 0);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, NULL);
    }

    p->dialect = ctx->name.dialect;
    p->arena = cos_arena_create();
    if (p->arena == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_cos_thread(ctx, parse, p, comp_parsed);
}


/* --- facts ---------------------------------------------------------------------- */

static void
take_upload(ngx_http_cos_ctx_t *ctx, redisReply *reply, void *data)
{
    comp_t  *p = data;

    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
        p->failed = 1;

    } else if (reply->type == REDIS_REPLY_STRING
               && cos_dup(&ctx->alloc, &p->upload, reply->str, reply->len)
                  != 0)
    {
        p->failed = 1;
    }
}


static void
take_parts(ngx_http_cos_ctx_t *ctx, redisReply *reply, void *data)
{
    size_t       i;
    comp_t      *p = data;
    redisReply  *e;

    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY
        || reply->elements != p->n)
    {
        p->failed = 1;
        return;
    }

    for (i = 0; i < p->n; i++) {
        e = reply->element[i];

        if (e->type == REDIS_REPLY_STRING
            && cos_dup(&ctx->alloc, &p->records[i], e->str, e->len) != 0)
        {
            p->failed = 1;
        }
    }
}


static ngx_int_t
comp_parsed(ngx_http_cos_ctx_t *ctx)
{
    size_t       i;
    comp_t      *p = ctx->state;
    ngx_str_t   *a;
    ngx_pool_t  *pool = ctx->request->pool;

    if (p->err != COS_OK) {
        return ngx_http_cos_fail(ctx, p->err, NULL);
    }

    a = ngx_pcalloc(pool, (p->n + 2) * sizeof(ngx_str_t));
    p->records = ngx_pcalloc(pool, p->n * sizeof(cos_str_t));
    p->parts = ngx_pcalloc(pool, p->n * sizeof(cos_object_t));

    if (a == NULL || p->records == NULL || p->parts == NULL) {
        return NGX_ERROR;
    }

    p->upload_query.take = take_upload;
    p->upload_query.data = p;
    p->parts_query.take = take_parts;
    p->parts_query.data = p;

    ngx_str_set(&a[0], "GET");

    if (ngx_http_cos_rkey(pool, "U", &ctx->bucket.id, &p->id, &a[1])
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_cos_query(ctx, &p->upload_query, 0, 2, a, comp_known)
        != NGX_AGAIN)
    {
        return ngx_http_cos_fail(ctx, COS_E_UNAVAILABLE, NULL);
    }

    ngx_str_set(&a[0], "HMGET");

    if (ngx_http_cos_rkey(pool, "P", &ctx->bucket.id, &p->id, &a[1])
        != NGX_OK)
    {
        p->failed = 1;
        return NGX_AGAIN;
    }

    for (i = 0; i < p->n; i++) {
        if (ngx_http_cos_decimal(pool, p->v[i].number, &a[2 + i]) != NGX_OK) {
            p->failed = 1;
            return NGX_AGAIN;
        }
    }

    if (ngx_http_cos_query(ctx, &p->parts_query, 0, (int) p->n + 2, a,
                           comp_known)
        != NGX_AGAIN)
    {
        p->failed = 1;
    }

    return NGX_AGAIN;
}


/* --- the object ---------------------------------------------------------------------- */

static cos_err_e
check_part(ngx_http_cos_ctx_t *ctx, comp_t *p, size_t i)
{
    char           etag[40];
    cos_str_t      have;
    uint64_t       min;
    cos_err_e      err;
    cos_object_t  *o = &p->parts[i];

    if (p->records[i].len == 0
        || cos_object_decode(o, p->records[i], &ctx->alloc) != 0)
    {
        return COS_E_INVALID_PART;
    }

    have.data = (u_char *) etag;
    have.len = cos_object_etag(etag, o->etag, 0);

    if (!cos_str_ieq(have, p->v[i].etag)) {
        return COS_E_INVALID_PART;
    }

    err = ngx_http_cos_sum_listed(ctx, &p->u.object, &p->v[i], o);

    if (err != COS_OK) {
        return err;
    }

    min = ctx->name.dialect == COS_DIALECT_COS ? MIN_PART_COS : MIN_PART_S3;

    if (i + 1 < p->n && o->size < min) {
        return COS_E_ENTITY_TOO_SMALL;
    }

    return COS_OK;
}


static cos_err_e
assemble(ngx_http_cos_ctx_t *ctx, comp_t *p)
{
    cos_err_e      err;
    cos_object_t  *o = &p->commit.json.object;

    *o = p->u.object;
    o->upload = p->id;
    o->mtime = ngx_http_cos_now();

    err = cos_assemble(o, p->parts, p->n, &ctx->alloc);

    if (err == COS_OK) {
        err = ngx_http_cos_lock_completed(ctx, o);
    }

    return err == COS_OK ? ngx_http_cos_check_whole(ctx, o) : err;
}


static ngx_int_t
comp_known(ngx_http_cos_ctx_t *ctx)
{
    size_t                  i;
    comp_t                 *p = ctx->state;
    cos_err_e               err;
    ngx_http_cos_commit_t  *c = &p->commit;

    if (p->failed) {
        return ngx_http_cos_fail(ctx, COS_E_UNAVAILABLE, NULL);
    }

    c->json.kind = COS_J_OBJECT;
    c->json.bid = ctx->bucket.id;
    c->json.key = ctx->name.key;
    c->build = comp_build;
    c->data = p;

    if (ngx_http_cos_object_key(ctx, &ctx->bucket.id, &ctx->name.key,
                                &c->drop[0])
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (p->upload.len == 0) {
        return ngx_http_cos_goto(ctx, complete_again);
    }

    if (cos_upload_decode(&p->u, p->upload, &ctx->alloc) != 0) {
        return ngx_http_cos_fail(ctx, COS_E_INTERNAL, NULL);
    }

    if (!cos_str_eq(p->u.key, ctx->name.key)) {
        return ngx_http_cos_fail(ctx, COS_E_NO_SUCH_UPLOAD, NULL);
    }

    for (i = 0; i < p->n; i++) {
        err = check_part(ctx, p, i);

        if (err != COS_OK) {
            return ngx_http_cos_fail(ctx, err, ctx->reason);
        }
    }

    err = assemble(ctx, p);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    return ngx_http_cos_commit(ctx, c, comp_done);
}


static ngx_int_t
comp_build(ngx_http_cos_commit_t *c)
{
    size_t       i;
    comp_t      *p = c->data;
    ngx_str_t   *a;
    ngx_pool_t  *pool = c->ctx->request->pool;

    if (c->args == c->argv) {
        c->args = ngx_palloc(pool, (12 + 2 * p->n) * sizeof(ngx_str_t));
        if (c->args == NULL) {
            return NGX_ERROR;
        }
    }

    a = c->args;

    ngx_str_set(&a[0], "FCALL");
    ngx_str_set(&a[1], "cos_mpu_complete");
    ngx_str_set(&a[2], "1");
    a[3] = c->drop[0];
    a[4] = c->ctx->bucket.id;
    a[5] = c->ctx->name.key;
    a[6] = p->id;

    if (ngx_http_cos_decimal(pool, c->inc, &a[7]) != NGX_OK
        || ngx_http_cos_record(c->ctx, &c->json.object, &a[8]) != NGX_OK
        || ngx_http_cos_decimal(pool, p->n, &a[11]) != NGX_OK)
    {
        return NGX_ERROR;
    }

    a[9] = c->cond;
    a[10] = c->arg;

    for (i = 0; i < p->n; i++) {
        if (ngx_http_cos_decimal(pool, p->v[i].number, &a[12 + 2 * i])
            != NGX_OK
            || ngx_http_cos_decimal(pool, p->parts[i].seq, &a[13 + 2 * i])
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    c->argc = (int) (12 + 2 * p->n);

    return NGX_OK;
}


/* --- answer ---------------------------------------------------------------------------- */

static ngx_int_t
answer(ngx_http_cos_ctx_t *ctx, cos_object_t *o)
{
    cos_buf_t            b, where;
    cos_str_t            location;
    ngx_http_request_t  *r = ctx->request;

    cos_buf_init(&where, &ctx->alloc, 512);
    cos_buf_cstr(&where, ctx->http.tls ? "https://" : "http://");

    if (r->headers_in.host) {
        cos_buf_str(&where, r->headers_in.host->value);
    }

    cos_buf_str(&where, ctx->http.path);
    location.data = where.data;
    location.len = where.err ? 0 : where.len;

    cos_buf_init(&b, &ctx->alloc, 1024);
    cos_xml_complete(&b, ctx->name.dialect, location, ctx->name.bucket,
                     ctx->name.key, o);

    if (ngx_http_cos_object_headers(ctx, o) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_cos_reply(ctx, NGX_HTTP_OK, &b);
}


static ngx_int_t
comp_done(ngx_http_cos_ctx_t *ctx)
{
    comp_t                 *p = ctx->state;
    ngx_http_cos_commit_t  *c = &p->commit;

    if (c->ok) {
        return answer(ctx, &c->json.object);
    }

    if (c->err == COS_OK && ngx_strcmp(c->status, "DONE") == 0) {
        return ngx_http_cos_goto(ctx, complete_again);
    }

    if (c->err == COS_OK && ngx_strcmp(c->status, "MOVED") == 0) {
        /* compaction moved a part between our reading and our commit */
        return ++p->tries < MAX_TRIES
               ? ngx_http_cos_goto(ctx, comp_parsed)
               : ngx_http_cos_fail(ctx, COS_E_SLOW_DOWN, NULL);
    }

    return ngx_http_cos_commit_fail(ctx, c);
}


/* --- completed before: a client that missed the answer asks again ------------------------ */

static ngx_int_t again_known(ngx_http_cos_ctx_t *ctx);
static ngx_int_t again_object(ngx_http_cos_ctx_t *ctx);


static void
take_done(ngx_http_cos_ctx_t *ctx, redisReply *reply, void *data)
{
    size_t      n;
    comp_t     *p = data;
    cos_str_t   seq;

    p->done_seq = 0;
    n = ctx->name.key.len;

    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
        p->failed = 1;
        return;
    }

    /* <key> NUL <seq> */

    if (reply->type == REDIS_REPLY_STRING && (size_t) reply->len > n + 1
        && ngx_memcmp(reply->str, ctx->name.key.data, n) == 0
        && reply->str[n] == '\0')
    {
        seq.data = (u_char *) reply->str + n + 1;
        seq.len = reply->len - n - 1;
        (void) cos_str_uint(seq, &p->done_seq);
    }
}


static ngx_int_t
complete_again(ngx_http_cos_ctx_t *ctx)
{
    comp_t     *p = ctx->state;
    ngx_str_t   a[2];

    ngx_str_set(&a[0], "GET");

    if (ngx_http_cos_rkey(ctx->request->pool, "D", &ctx->bucket.id, &p->id,
                          &a[1])
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    p->upload_query.take = take_done;
    p->upload_query.data = p;

    if (ngx_http_cos_query(ctx, &p->upload_query, 0, 2, a, again_known)
        != NGX_AGAIN)
    {
        return ngx_http_cos_fail(ctx, COS_E_UNAVAILABLE, NULL);
    }

    return NGX_AGAIN;
}


static ngx_int_t
again_known(ngx_http_cos_ctx_t *ctx)
{
    comp_t  *p = ctx->state;

    if (p->failed) {
        return ngx_http_cos_fail(ctx, COS_E_UNAVAILABLE, NULL);
    }

    if (p->done_seq == 0) {
        return ngx_http_cos_fail(ctx, COS_E_NO_SUCH_UPLOAD, NULL);
    }

    if (ngx_http_cos_object_fact(ctx, &ctx->object_fact, &ctx->bucket.id,
                                 &ctx->name.key)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* it may have been replaced since, and still be there */
    ctx->object_fact.by_version = ctx->bucket.versioning
                                  == COS_VERSIONING_ENABLED;
    ctx->object_fact.version = p->done_seq;

    if (ngx_http_cos_ask(ctx, &ctx->object_fact, 1, again_object)
        != NGX_AGAIN)
    {
        return ngx_http_cos_fail(ctx, COS_E_UNAVAILABLE, NULL);
    }

    return NGX_AGAIN;
}


static ngx_int_t
again_object(ngx_http_cos_ctx_t *ctx)
{
    comp_t  *p = ctx->state;

    if (ctx->object_fact.failed) {
        return ngx_http_cos_fail(ctx, COS_E_UNAVAILABLE, NULL);
    }

    if (ctx->object_fact.value.len == 0
        || cos_object_decode(&ctx->object, ctx->object_fact.value,
                             &ctx->alloc)
           != 0
        || ctx->object.seq != p->done_seq)
    {
        /* replaced or deleted since */
        return ngx_http_cos_fail(ctx, COS_E_NO_SUCH_UPLOAD, NULL);
    }

    return answer(ctx, &ctx->object);
}
