/*
 * The one way to change anything: durable on disk, then committed in Redis,
 * then followed up. See ngx_http_cos_commit.h for the order and its reasons.
 */

#include "ngx_http_cos_object.h"


static ngx_int_t append_begin(ngx_http_cos_ctx_t *ctx);
static ngx_int_t append_done(ngx_http_cos_ctx_t *ctx);
static ngx_int_t call_begin(ngx_http_cos_ctx_t *ctx);
static ngx_int_t call_done(ngx_http_cos_ctx_t *ctx);
static ngx_int_t note_begin(ngx_http_cos_ctx_t *ctx);
static ngx_int_t note_done(ngx_http_cos_ctx_t *ctx);
static ngx_int_t resolve(ngx_http_cos_ctx_t *ctx);
static ngx_int_t finish(ngx_http_cos_ctx_t *ctx, ngx_http_cos_commit_t *c);
static void take_reply(ngx_http_cos_ctx_t *ctx, redisReply *reply,
    void *data);


/* What replaces the record of a version stays that version, wherever it comes
 * in the order of its key. */
static void
keep_version(ngx_http_cos_ctx_t *ctx, cos_object_t *o)
{
    if (o->born == 0 && ctx->bucket.versioning != COS_VERSIONING_NONE) {
        o->born = o->seq;
        o->flags |= COS_F_NULL;
    }
}


void
ngx_http_cos_stamp(ngx_http_cos_ctx_t *ctx, cos_json_t *j, ngx_uint_t amends)
{
    cos_object_t  *o = &j->object;

    j->seq = ngx_http_cos_seq();
    o->seq = j->seq;

    if (j->kind == COS_J_OBJECT && !amends) {
        o->born = ctx->bucket.versioning == COS_VERSIONING_ENABLED ? j->seq
                                                                   : 0;
        o->flags &= ~COS_F_NULL;
    }
}


ngx_int_t
ngx_http_cos_commit(ngx_http_cos_ctx_t *ctx, ngx_http_cos_commit_t *c,
    ngx_http_cos_step_pt next)
{
    c->ctx = ctx;
    c->next = next;
    c->err = COS_OK;
    c->ok = 0;
    c->unknown = 0;
    c->nrecords = 0;
    c->noted = 0;
    c->solo_seq = c->json.seq;
    c->args = c->argv;
    c->amends = cos_str_is(c->cond, "seq");

    ctx->commit = c;

    if (c->json.kind == COS_J_OBJECT && c->amends) {
        keep_version(ctx, &c->json.object);
    }

    ngx_http_cos_hold(ctx);

    return ngx_http_cos_goto(ctx, c->solo ? call_begin : append_begin);
}


/* --- disk ----------------------------------------------------------------------- */

static void
append_handler(ngx_http_cos_append_t *a)
{
    ngx_http_cos_arrived(a->data);
}


cos_err_e
ngx_http_cos_append_json(ngx_http_cos_ctx_t *ctx, ngx_http_cos_append_t *a,
    const cos_json_t *j, ngx_http_cos_step_pt next)
{
    cos_buf_t  b;

    if (j->seq == 0) {
        return a->err = COS_E_UNAVAILABLE;
    }

    cos_buf_init(&b, &ctx->alloc, 256 + 3 * j->key.len);

    if (cos_json_encode(&b, j) != 0 || b.err) {
        return a->err = COS_E_INTERNAL;
    }

    a->rec.kind = j->kind;
    a->rec.seq = j->seq;
    a->rec.json.data = b.data;
    a->rec.json.len = b.len;
    a->rec.weighs = (j->kind == COS_J_OBJECT || j->kind == COS_J_PART);
    a->urgent = !a->rec.weighs || (j->object.flags & COS_F_MARKER);
    a->handler = append_handler;
    a->data = ctx;

    ngx_http_cos_expect(ctx, next);

    if (ngx_http_cos_store_append(a) != NGX_OK) {
        ngx_http_cos_unexpect(ctx);
        return a->err = COS_E_UNAVAILABLE;
    }

    return COS_OK;
}


static ngx_int_t
append(ngx_http_cos_ctx_t *ctx, ngx_http_cos_commit_t *c, const cos_json_t *j,
    ngx_http_cos_step_pt next)
{
    c->err = ngx_http_cos_append_json(ctx, &c->append, j, next);

    return c->err == COS_OK ? NGX_AGAIN : finish(ctx, c);
}


static ngx_int_t
append_begin(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_cos_commit_t  *c = ctx->commit;

    ngx_http_cos_stamp(ctx, &c->json, c->amends);

    if (!ngx_http_cos_redis_ready()) {
        c->err = COS_E_UNAVAILABLE;
        return finish(ctx, c);
    }

    ngx_memzero(&c->append, sizeof(ngx_http_cos_append_t));

    if (c->json.self) {
        c->append.rec.payload = c->payload;
        c->append.rec.payload_crc = c->payload_crc;
        c->append.slot = c->slot;
    }

    return append(ctx, c, &c->json, append_done);
}


static ngx_int_t
append_done(ngx_http_cos_ctx_t *ctx)
{
    cos_object_t           *o;
    ngx_http_cos_commit_t  *c = ctx->commit;

    if (c->append.err != COS_OK) {
        c->err = c->append.err;
        /* a write that failed may have left a record that can be read */
        c->unknown = (c->err == COS_E_INTERNAL);
        return finish(ctx, c);
    }

    c->record[c->nrecords].cid = c->append.rec.cid;
    c->record[c->nrecords].seq = c->json.seq;
    c->nrecords++;

    o = &c->json.object;

    if (c->json.self) {
        /* from now on the bytes have a place */
        o->segs[0].cid = c->append.rec.cid;
        o->segs[0].off = c->append.rec.off;
        o->segs[0].len = c->payload.len;
        o->nsegs = 1;
        o->home = 0;

    } else {
        o->home = c->append.rec.cid;
    }

    return ngx_http_cos_goto(ctx, call_begin);
}


/* --- Redis ------------------------------------------------------------------------ */

static ngx_int_t
call_begin(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_cos_commit_t  *c = ctx->commit;

    c->inc = cos_cid_inc(c->nrecords ? c->record[c->nrecords - 1].cid
                                     : c->solo);

    if (c->build(c) != NGX_OK) {
        c->err = COS_E_INTERNAL;
        return finish(ctx, c);
    }

    c->query.take = take_reply;
    c->query.data = c;

    switch (ngx_http_cos_query(ctx, &c->query, 0, c->argc, c->args,
                               call_done))
    {
    case NGX_AGAIN:
        return NGX_AGAIN;
    default:
        /* the record stays unresolved: recovery will void it */
        c->err = COS_E_UNAVAILABLE;
        return finish(ctx, c);
    }
}


void
ngx_http_cos_dead_list(ngx_http_cos_ctx_t *ctx, redisReply *reply)
{
    size_t       i, k;
    uint64_t     cid;
    cos_str_t    s;
    redisReply  *list;

    for (i = 1; i < reply->elements; i++) {
        list = reply->element[i];

        if (list->type != REDIS_REPLY_ARRAY) {
            continue;
        }

        for (k = 0; k < list->elements; k++) {
            s.data = (u_char *) list->element[k]->str;
            s.len = list->element[k]->len;

            if (list->element[k]->type == REDIS_REPLY_STRING
                && cos_str_uint(s, &cid) == 0)
            {
                ngx_http_cos_store_dead(&ctx->bucket.id, &cid, 1);
            }
        }
    }
}


static void
take_error(ngx_http_cos_ctx_t *ctx, ngx_http_cos_commit_t *c,
    redisReply *reply)
{
    ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                  "cos %V: Redis refused a change: %*s", &ctx->id,
                  (size_t) reply->len, reply->str);

    /* an error reply means that nothing was applied */
    ngx_memcpy(c->status, "ERROR", sizeof("ERROR"));
    c->refusal = ngx_strncmp(reply->str, "OOM", 3) == 0 ? COS_E_META_FULL
                                                        : COS_E_UNAVAILABLE;
}


static void
take_reply(ngx_http_cos_ctx_t *ctx, redisReply *reply, void *data)
{
    size_t                  i;
    cos_str_t               s;
    redisReply             *e;
    ngx_http_cos_commit_t  *c = data;

    c->status[0] = '\0';
    c->number = 0;
    ngx_str_null(&c->detail);
    c->refusal = COS_OK;

    if (reply == NULL) {
        c->err = COS_E_UNAVAILABLE;
        c->unknown = 1;
        return;
    }

    if (reply->type == REDIS_REPLY_ERROR) {
        take_error(ctx, c, reply);
        return;
    }

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0
        || reply->element[0]->type != REDIS_REPLY_STRING)
    {
        c->err = COS_E_INTERNAL;
        c->unknown = 1;
        return;
    }

    e = reply->element[0];
    ngx_cpystrn(c->status, (u_char *) e->str,
                ngx_min((size_t) e->len + 1, sizeof(c->status)));
    c->ok = ngx_strcmp(c->status, "OK") == 0;

    if (c->ok) {
        ngx_http_cos_dead_list(ctx, reply);
    }

    for (i = 1; i < reply->elements; i++) {
        e = reply->element[i];

        if (e->type == REDIS_REPLY_INTEGER) {
            c->number = e->integer;

        } else if (e->type == REDIS_REPLY_STRING) {
            s.data = (u_char *) e->str;
            s.len = e->len;

            if (cos_dup(&ctx->alloc, &c->detail, s.data, s.len) != 0) {
                ngx_str_null(&c->detail);
            }

            (void) cos_str_uint(s, &c->number);
        }
    }
}


/* The clock was behind another writer's: the same change once more under a
 * higher number. The bytes stay where they are. */
static ngx_int_t
go_above(ngx_http_cos_ctx_t *ctx, ngx_http_cos_commit_t *c)
{
    if (c->nrecords == NGX_HTTP_COS_COMMIT_TRIES) {
        c->err = COS_E_UNAVAILABLE;
        return finish(ctx, c);
    }

    ngx_http_cos_seq_above(c->number);

    c->json.self = 0;

    return ngx_http_cos_goto(ctx, append_begin);
}


static ngx_int_t
call_done(ngx_http_cos_ctx_t *ctx)
{
    ngx_uint_t              i;
    ngx_http_cos_commit_t  *c = ctx->commit;

    for (i = 0; i < 2; i++) {
        if (c->drop[i].len) {
            ngx_http_cos_cache_drop(&c->drop[i]);
        }
    }

    if (c->err != COS_OK) {
        return finish(ctx, c);
    }

    if (c->ok) {
        /* Records of tries that were behind: superseded as the same version,
         * but versions that never were, to a rebuild, when each made one. */
        c->to_note = c->json.object.born == c->json.seq && c->nrecords
                     ? c->nrecords - 1 + (c->solo != 0) : 0;

        return ngx_http_cos_goto(ctx, c->to_note ? note_begin : resolve);
    }

    if (ngx_strcmp(c->status, "STALE") == 0) {
        return go_above(ctx, c);
    }

    if (ngx_strcmp(c->status, "FENCED") == 0) {
        /* recovery has this incarnation and writes the notes */
        c->err = COS_E_UNAVAILABLE;
        c->unknown = 1;
        return finish(ctx, c);
    }

    if (ngx_strcmp(c->status, "VERSIONING") == 0) {
        /* the bucket's record was out of date */
        ngx_http_cos_cache_drop(&ctx->bucket_fact.key);
    }

    c->to_note = c->nrecords + (c->solo != 0);

    return ngx_http_cos_goto(ctx, note_begin);
}


/* --- notes ---------------------------------------------------------------------------- */

/* One for each record that was written: an earlier try is refused as well, and
 * the file of a solo container may outlive a crash before it is removed. */
static ngx_int_t
note_begin(ngx_http_cos_ctx_t *ctx)
{
    cos_json_t              j;
    ngx_uint_t              i;
    ngx_http_cos_commit_t  *c = ctx->commit;

    j = c->json;
    j.kind = COS_J_VOID;
    j.self = 0;
    j.seq = ngx_http_cos_seq();

    if (c->solo && c->noted == 0) {
        j.void_seq = c->solo_seq;
        j.inc = cos_cid_inc(c->solo);

    } else {
        i = c->noted - (c->solo != 0);
        j.void_seq = c->record[i].seq;
        j.inc = cos_cid_inc(c->record[i].cid);
    }

    /* a new version is named by its number, which each try had its own of */
    if (c->json.kind == COS_J_OBJECT) {
        j.version = c->json.object.born == c->json.seq
                    ? j.void_seq : cos_object_version(&c->json.object);
    }

    ngx_memzero(&c->append, sizeof(ngx_http_cos_append_t));

    return append(ctx, c, &j, note_done);
}


static ngx_int_t
note_done(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_cos_commit_t  *c = ctx->commit;

    if (c->append.err != COS_OK && c->ok) {
        /* committed all the same; recovery will write the notes */
        return finish(ctx, c);
    }

    if (c->append.err != COS_OK) {
        /* refused, but a rebuild could bring it back: say that we do not
         * know, and leave it to recovery */
        c->err = c->append.err;
        return finish(ctx, c);
    }

    return ngx_http_cos_goto(ctx, ++c->noted < c->to_note ? note_begin
                                                          : resolve);
}


static ngx_int_t
resolve(ngx_http_cos_ctx_t *ctx)
{
    ngx_uint_t              i;
    ngx_http_cos_commit_t  *c = ctx->commit;

    for (i = 0; i < c->nrecords; i++) {
        ngx_http_cos_store_resolved(c->record[i].cid);
    }

    return finish(ctx, c);
}


static ngx_int_t
finish(ngx_http_cos_ctx_t *ctx, ngx_http_cos_commit_t *c)
{
    ngx_http_cos_unhold(ctx);

    if (c->err != COS_OK) {
        c->ok = 0;

        /* a record without a note: nothing voids it before recovery */
        c->unknown |= (c->nrecords != 0);
    }

    return ngx_http_cos_goto(ctx, c->next);
}


cos_err_e
ngx_http_cos_retained(ngx_http_cos_ctx_t *ctx)
{
    return ctx->name.dialect == COS_DIALECT_COS ? COS_E_OBJECT_LOCKED
                                                : COS_E_RETAINED;
}


ngx_int_t
ngx_http_cos_commit_fail(ngx_http_cos_ctx_t *ctx, ngx_http_cos_commit_t *c)
{
    ngx_uint_t  i;
    static const struct {
        const char  *status;
        cos_err_e    err;
    } map[] = {
        { "NOBUCKET", COS_E_NO_SUCH_BUCKET },
        { "NOUPLOAD", COS_E_NO_SUCH_UPLOAD },
        { "NOKEY", COS_E_NO_SUCH_KEY },
        { "NOMATCH", COS_E_PRECONDITION_FAILED },
        { "EXISTS", COS_E_PRECONDITION_FAILED },
        { "CONFLICT", COS_E_CONDITIONAL_CONFLICT },
        { "PART", COS_E_INVALID_PART },
        { "NOTEMPTY", COS_E_BUCKET_NOT_EMPTY },
        { "TAKEN", COS_E_DOMAIN_CONFLICT },
        { "VERSIONING", COS_E_UNAVAILABLE },
        { "QUOTA", COS_E_QUOTA },
        { "OWNERQUOTA", COS_E_OWNER_QUOTA },
        { "RETAINED", COS_E_RETAINED }
    };

    if (c->err != COS_OK) {
        return ngx_http_cos_fail(ctx, c->err, NULL);
    }

    if (c->refusal != COS_OK) {
        return ngx_http_cos_fail(ctx, c->refusal, NULL);
    }

    if (c->forbid && ngx_strcmp(c->status, "EXISTS") == 0) {
        return ngx_http_cos_fail(ctx, COS_E_FILE_EXISTS, NULL);
    }

    for (i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
        if (ngx_strcmp(c->status, map[i].status) == 0) {
            return ngx_http_cos_fail(ctx, map[i].err == COS_E_RETAINED
                                          ? ngx_http_cos_retained(ctx)
                                          : map[i].err, NULL);
        }
    }

    ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                  "cos %V: unknown answer \"%s\" of the metadata functions",
                  &ctx->id, c->status);

    return ngx_http_cos_fail(ctx, COS_E_INTERNAL, NULL);
}
