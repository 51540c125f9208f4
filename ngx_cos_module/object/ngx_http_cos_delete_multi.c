/*
 * DeleteObjects: up to 1,000 keys in one document. All tombstones share one
 * write and one sync, all commits one burst of calls.
 *
 *   multi_read     the document
 *   multi_parsed   which keys exist (asked past the cache, pipelined); where
 *                  policies have a say, their records, which those may ask for
 *   multi_known    tombstones
 *   multi_written  commits
 *   multi_done     notes about what was refused
 *   multi_noted    once more what somebody else was faster with; else the
 *                  answer, one line for each key
 */

#include "ngx_http_cos_object.h"
#include "ngx_http_cos_rights.h"


typedef struct {
    ngx_str_t               rkey;     /* in Redis */
    ngx_http_cos_append_t   append;
    ngx_http_cos_query_t    query;
    cos_json_t              json;
    cos_seg_t               seg;      /* of a marker */
    uint64_t                seq;      /* of the version that is to go */
    unsigned                exists:1;
    unsigned                marks:1;  /* a delete marker is made */
    unsigned                stale:1;
    unsigned                changed:1;   /* the version, since it was read */
    unsigned                refused:1;   /* its record needs a note */
    uint64_t                noted;    /* container of the record, then */
} item_t;

typedef struct {
    ngx_str_t           text;
    cos_arena_t        *arena;
    cos_xml_delete_t   *v;
    size_t              n;
    int                 quiet;
    cos_err_e           err;
    cos_dialect_e       dialect;
    item_t             *item;
    ngx_uint_t          tries;
    ngx_uint_t          policies;     /* have a say, key by key */
} multi_t;


static ngx_int_t multi_read(ngx_http_cos_ctx_t *ctx);
static ngx_int_t multi_parsed(ngx_http_cos_ctx_t *ctx);
static ngx_int_t multi_known(ngx_http_cos_ctx_t *ctx);
static ngx_int_t multi_written(ngx_http_cos_ctx_t *ctx);
static ngx_int_t multi_done(ngx_http_cos_ctx_t *ctx);
static ngx_int_t multi_noted(ngx_http_cos_ctx_t *ctx);


static void
multi_cleanup(void *data)
{
    multi_t  *m = data;

    if (m->arena) {
        cos_arena_free(m->arena);
    }
}


ngx_int_t
ngx_http_cos_delete_objects(ngx_http_cos_ctx_t *ctx)
{
    multi_t             *m;
    ngx_pool_cleanup_t  *cln;

    m = ngx_pcalloc(ctx->request->pool, sizeof(multi_t));
    cln = ngx_pool_cleanup_add(ctx->request->pool, 0);
    if (m == NULL || cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = multi_cleanup;
    cln->data = m;

    ctx->state = m;

    if (ctx->name.dialect == COS_DIALECT_COS
        && cos_header(&ctx->http, "content-md5") == NULL)
    {
        return ngx_http_cos_fail(ctx, COS_E_MISSING_MD5, NULL);
    }

    return ngx_http_cos_read_small(ctx, COS_XML_DELETE_SIZE,
                                   COS_E_XML_TOO_LARGE, &m->text, multi_read);
}


/* In the thread pool: a document of 1,000 keys takes milliseconds. */
static void
parse(void *data)
{
    multi_t  *m = data;

    m->err = cos_xml_parse_delete(m->dialect, m->text, &m->v, &m->n,
                                  &m->quiet, cos_arena_alloc(m->arena));
}


static ngx_int_t
multi_read(ngx_http_cos_ctx_t *ctx)
{
    multi_t    *m = ctx->state;
    cos_err_e   err;

    err = ctx->error != COS_OK ? ctx->error
          : ngx_http_cos_check_document(ctx, &m->text, 1);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, NULL);
    }

    if (m->text.len == 0) {
        return ngx_http_cos_fail(ctx, COS_E_MISSING_BODY, NULL);
    }

    m->dialect = ctx->name.dialect;
    m->arena = cos_arena_create();
    if (m->arena == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_cos_thread(ctx, parse, m, multi_parsed);
}


/* Each key is a right of its own. o: its record, or NULL. */
static cos_err_e
may_delete(ngx_http_cos_ctx_t *ctx, const cos_xml_delete_t *v,
    cos_object_t *o)
{
    ngx_http_cos_place_t  place;

    ngx_http_cos_place(ctx, &place);
    place.key = v->key;
    place.object = o;
    place.version = v->version.len ? &v->version : NULL;

    return ngx_http_cos_may(ctx, &place,
                            v->version.len ? COS_ACT_DELETE_MANY_VERSION
                                           : COS_ACT_DELETE_MANY,
                            NGX_HTTP_COS_PERM_WRITE);
}


/* The record of what is current, for policies. */
static void
take_current(ngx_http_cos_ctx_t *ctx, redisReply *reply, void *data)
{
    item_t            *it = data;
    multi_t           *m = ctx->state;
    cos_str_t          rec;
    cos_object_t       o;
    cos_xml_delete_t  *v = &m->v[it - m->item];

    if (reply == NULL || (reply->type != REDIS_REPLY_STRING
                          && reply->type != REDIS_REPLY_NIL))
    {
        v->err = COS_E_UNAVAILABLE;
        return;
    }

    if (reply->type == REDIS_REPLY_NIL) {
        v->err = may_delete(ctx, v, NULL);
        it->exists = it->marks;
        return;
    }

    rec.data = (u_char *) reply->str;
    rec.len = reply->len;

    v->err = cos_object_decode(&o, rec, NULL) == 0 ? may_delete(ctx, v, &o)
                                                   : COS_E_INTERNAL;
    it->exists = 1;
}


static void
take_exists(ngx_http_cos_ctx_t *ctx, redisReply *reply, void *data)
{
    item_t   *it = data;
    multi_t  *m = ctx->state;

    if (reply && reply->type == REDIS_REPLY_INTEGER) {
        it->exists = (reply->integer == 1);
        return;
    }

    m->v[it - m->item].err = COS_E_UNAVAILABLE;
}


/* The version, which may be locked, or a delete marker. */
static void
take_version(ngx_http_cos_ctx_t *ctx, redisReply *reply, void *data)
{
    item_t            *it = data;
    multi_t           *m = ctx->state;
    cos_str_t          rec;
    cos_object_t       o;
    cos_xml_delete_t  *v = &m->v[it - m->item];

    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY) {
        v->err = COS_E_UNAVAILABLE;
        return;
    }

    if (reply->elements < 2) {
        v->err = m->policies ? may_delete(ctx, v, NULL) : COS_OK;
        return;
    }

    rec.data = (u_char *) reply->element[1]->str;
    rec.len = reply->element[1]->len;

    if (cos_object_decode(&o, rec, NULL) != 0) {
        v->err = COS_E_INTERNAL;
        return;
    }

    v->err = m->policies ? may_delete(ctx, v, &o) : COS_OK;

    if (v->err == COS_OK) {
        v->err = ngx_http_cos_may_remove(ctx, v->key, &v->version, &o);
    }

    if (v->err != COS_OK) {
        return;
    }

    if (o.flags & COS_F_MARKER) {
        v->marker = 1;
        v->marker_version = v->version;
    }

    it->seq = o.seq;
    it->exists = 1;
    ngx_http_cos_seq_above(o.seq);
}


/* Asks for one key what there is to delete. A key of a bucket with versions is
 * hidden whether it exists or not. */
static ngx_int_t
look(ngx_http_cos_ctx_t *ctx, item_t *it, cos_xml_delete_t *v)
{
    int         argc;
    ngx_str_t   a[7];
    multi_t    *m = ctx->state;

    it->json.bid = ctx->bucket.id;
    it->json.key = v->key;
    it->query.data = it;

    if (v->version.len) {

        if (cos_version_parse(v->version, &it->json.version) != 0) {
            v->err = COS_E_NO_SUCH_VERSION;
            return NGX_OK;
        }

        ngx_str_set(&a[0], "FCALL_RO");
        ngx_str_set(&a[1], "cos_find");
        ngx_str_set(&a[2], "1");
        a[3] = it->rkey;
        a[4] = ctx->bucket.id;
        a[5] = v->key;

        if (ngx_http_cos_decimal(ctx->request->pool, it->json.version, &a[6])
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        it->query.take = take_version;
        argc = 7;

    } else {
        it->marks = (ctx->bucket.versioning != COS_VERSIONING_NONE);

        if (it->marks && !m->policies) {
            it->exists = 1;
            return NGX_OK;
        }

        if (m->policies) {
            ngx_str_set(&a[0], "GET");
            it->query.take = take_current;

        } else {
            ngx_str_set(&a[0], "EXISTS");
            it->query.take = take_exists;
        }

        a[1] = it->rkey;
        argc = 2;
    }

    return ngx_http_cos_query(ctx, &it->query, 0, argc, a, multi_known)
           == NGX_AGAIN ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
multi_parsed(ngx_http_cos_ctx_t *ctx)
{
    size_t                 i;
    multi_t               *m = ctx->state;
    ngx_http_cos_place_t   place;

    if (m->err == COS_OK) {
        ngx_http_cos_place(ctx, &place);
        m->err = ngx_http_cos_has_policies(ctx, &place, &m->policies);
    }

    if (m->err != COS_OK) {
        return ngx_http_cos_fail(ctx, m->err, ctx->reason);
    }

    m->item = ngx_pcalloc(ctx->request->pool, m->n * sizeof(item_t));
    if (m->item == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < m->n; i++) {

        if (m->v[i].err == COS_OK && !m->policies) {
            m->v[i].err = may_delete(ctx, &m->v[i], NULL);
        }

        if (m->v[i].err != COS_OK) {
            continue;
        }

        if (ngx_http_cos_object_key(ctx, &ctx->bucket.id, &m->v[i].key,
                                    &m->item[i].rkey)
            != NGX_OK)
        {
            m->v[i].err = COS_E_INTERNAL;
            continue;
        }

        if (look(ctx, &m->item[i], &m->v[i]) != NGX_OK) {
            m->v[i].err = COS_E_UNAVAILABLE;
        }
    }

    return ctx->pending ? NGX_AGAIN : ngx_http_cos_goto(ctx, multi_known);
}


/* The tombstone, or the delete marker. */
static cos_err_e
append(ngx_http_cos_ctx_t *ctx, item_t *it)
{
    cos_json_t  *j = &it->json;

    j->kind = COS_J_DELETE;

    if (it->marks) {
        ngx_http_cos_marker(ctx, j, &it->seg);
    }

    ngx_http_cos_stamp(ctx, j, 0);

    ngx_memzero(&it->append, sizeof(ngx_http_cos_append_t));

    return ngx_http_cos_append_json(ctx, &it->append, j, multi_written);
}


static ngx_int_t
multi_known(ngx_http_cos_ctx_t *ctx)
{
    size_t    i;
    multi_t  *m = ctx->state;

    ngx_http_cos_hold(ctx);

    ctx->step = multi_written;

    for (i = 0; i < m->n; i++) {
        if (m->item[i].exists && m->v[i].err == COS_OK
            && append(ctx, &m->item[i]) != COS_OK)
        {
            m->v[i].err = COS_E_UNAVAILABLE;
        }
    }

    return ctx->pending ? NGX_AGAIN : NGX_OK;
}


static void
take_deleted(ngx_http_cos_ctx_t *ctx, redisReply *reply, void *data)
{
    item_t                 *it = data;
    multi_t                *m = ctx->state;
    cos_xml_delete_t       *v = &m->v[it - m->item];
    redisReply             *e;

    ngx_http_cos_cache_drop(&it->rkey);

    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY
        || reply->elements == 0
        || reply->element[0]->type != REDIS_REPLY_STRING)
    {
        /* an error reply says that nothing was done */
        it->refused = reply && reply->type == REDIS_REPLY_ERROR;
        v->err = COS_E_UNAVAILABLE;
        return;
    }

    e = reply->element[0];

    if (ngx_strcmp(e->str, "STALE") == 0 && reply->elements > 1) {
        ngx_http_cos_seq_above(ngx_atoof((u_char *) reply->element[1]->str,
                                         reply->element[1]->len));
        it->stale = 1;
        return;
    }

    it->refused = ngx_strcmp(e->str, "OK") != 0
                  && ngx_strcmp(e->str, "FENCED") != 0;

    if (ngx_strcmp(e->str, "NOBUCKET") == 0) {
        /* a tombstone in a bucket that is gone says nothing wrong */
        v->err = COS_E_NO_SUCH_BUCKET;
        it->refused = 0;
        ngx_http_cos_store_resolved(it->append.rec.cid);
        return;
    }

    if (ngx_strcmp(e->str, "CONFLICT") == 0) {
        it->changed = 1;
        return;
    }

    if (ngx_strcmp(e->str, "NOKEY") == 0) {
        /* the version went meanwhile, perhaps by this very request */
        return;
    }

    if (ngx_strcmp(e->str, "OK") != 0) {
        v->err = ngx_strcmp(e->str, "RETAINED") == 0
                 ? ngx_http_cos_retained(ctx)
                 : ngx_strcmp(e->str, "QUOTA") == 0 ? COS_E_QUOTA
                 : ngx_strcmp(e->str, "OWNERQUOTA") == 0 ? COS_E_OWNER_QUOTA
                 : COS_E_UNAVAILABLE;
        return;
    }

    ngx_http_cos_dead_list(ctx, reply);
    ngx_http_cos_store_resolved(it->append.rec.cid);

    if (it->marks) {
        v->marker = 1;
        v->marker_version.data = ngx_pnalloc(ctx->request->pool,
                                             COS_VERSION_LEN);
        v->marker_version.len = v->marker_version.data == NULL ? 0
            : cos_version_print((char *) v->marker_version.data,
                                cos_object_version(&it->json.object));
    }
}


static ngx_int_t
put_args(ngx_http_cos_ctx_t *ctx, item_t *it, uint64_t inc, ngx_str_t *a)
{
    it->seg.cid = it->append.rec.cid;
    it->seg.off = it->append.rec.off;

    ngx_str_set(&a[0], "FCALL");
    ngx_http_cos_put_name(&it->json.object, &a[1]);
    ngx_str_set(&a[2], "1");
    a[4] = ctx->bucket.id;
    a[5] = it->json.key;
    ngx_str_set(&a[8], "any");
    ngx_str_null(&a[9]);

    return ngx_http_cos_decimal(ctx->request->pool, inc, &a[6]) != NGX_OK
           || ngx_http_cos_record(ctx, &it->json.object, &a[7]) != NGX_OK
           ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
commit_one(ngx_http_cos_ctx_t *ctx, item_t *it, ngx_uint_t by_version)
{
    int          argc;
    uint64_t     inc;
    ngx_int_t    rc;
    ngx_str_t    a[NGX_HTTP_COS_DEL_ARGS], cond, arg;
    ngx_pool_t  *pool = ctx->request->pool;

    inc = cos_cid_inc(it->append.rec.cid);
    ngx_str_set(&cond, "any");
    ngx_str_null(&arg);

    if (it->marks) {
        argc = 10;
        rc = put_args(ctx, it, inc, a);

    } else if (by_version) {
        argc = NGX_HTTP_COS_DEL_ARGS;
        ngx_str_set(&cond, "seq");
        rc = ngx_http_cos_decimal(pool, it->seq, &arg);

        if (rc == NGX_OK) {
            rc = ngx_http_cos_del_args(pool, a, &it->json, inc, &cond, &arg);
        }

    } else {
        argc = NGX_HTTP_COS_DEL_ARGS - 1;
        rc = ngx_http_cos_del_args(pool, a, &it->json, inc, &cond, &arg);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    a[3] = it->rkey;
    it->query.take = take_deleted;
    it->query.data = it;

    return ngx_http_cos_query(ctx, &it->query, 0, argc, a, multi_done);
}


static ngx_int_t
multi_written(ngx_http_cos_ctx_t *ctx)
{
    size_t    i;
    item_t   *it;
    multi_t  *m = ctx->state;

    ctx->step = multi_done;

    for (i = 0; i < m->n; i++) {
        it = &m->item[i];

        if (!it->exists || m->v[i].err != COS_OK) {
            continue;
        }

        if (it->append.err != COS_OK) {
            m->v[i].err = it->append.err;
            continue;
        }

        if (commit_one(ctx, it, m->v[i].version.len != 0) != NGX_AGAIN) {
            m->v[i].err = COS_E_UNAVAILABLE;
        }
    }

    return ctx->pending ? NGX_AGAIN : NGX_OK;
}


/* A note takes back what was refused, as after every commit. */
static void
note(ngx_http_cos_ctx_t *ctx, item_t *it)
{
    cos_json_t              j;
    ngx_http_cos_append_t  *a = &it->append;
    uint64_t                cid = a->rec.cid;

    ngx_memzero(&j, sizeof(cos_json_t));
    j.kind = COS_J_VOID;
    j.bid = ctx->bucket.id;
    j.key = it->json.key;
    j.version = cos_json_version(&it->json);
    j.void_seq = a->rec.seq;
    j.inc = cos_cid_inc(cid);
    j.seq = ngx_http_cos_seq();

    ngx_memzero(a, sizeof(ngx_http_cos_append_t));

    it->noted = ngx_http_cos_append_json(ctx, a, &j, multi_noted) == COS_OK
                ? cid : 0;
}


/* Where a note cannot be written the record is left to recovery. */
static ngx_int_t
multi_done(ngx_http_cos_ctx_t *ctx)
{
    size_t    i;
    item_t   *it;
    multi_t  *m = ctx->state;

    ctx->step = multi_noted;

    for (i = 0; i < m->n; i++) {
        it = &m->item[i];
        it->noted = 0;

        /* a number that was behind is superseded and needs no note, unless it
         * named a version of its own */
        if (it->stale && it->json.object.born == 0) {
            ngx_http_cos_store_resolved(it->append.rec.cid);

        } else if (it->stale || it->refused) {
            note(ctx, it);
        }
    }

    return ctx->pending ? NGX_AGAIN : NGX_OK;
}


/* Whether there is something to be done again: above the number of another
 * writer, or with the version as somebody else has left it. */
static ngx_uint_t
again(ngx_http_cos_ctx_t *ctx, multi_t *m)
{
    size_t              i;
    item_t             *it;
    ngx_uint_t          n;
    cos_xml_delete_t   *v;

    for (i = 0, n = 0; i < m->n; i++) {
        it = &m->item[i];
        v = &m->v[i];

        if (it->noted && it->append.err == COS_OK) {
            ngx_http_cos_store_resolved(it->noted);
        }

        it->refused = 0;
        it->exists = it->stale;

        if (!it->stale && !it->changed) {
            continue;
        }

        n++;

        if (m->tries == NGX_HTTP_COS_COMMIT_TRIES
            || (it->changed && look(ctx, it, v) != NGX_OK))
        {
            v->err = COS_E_UNAVAILABLE;
        }

        it->stale = 0;
        it->changed = 0;
    }

    return n && m->tries++ < NGX_HTTP_COS_COMMIT_TRIES;
}


static ngx_int_t
multi_noted(ngx_http_cos_ctx_t *ctx)
{
    multi_t    *m = ctx->state;
    cos_buf_t   b;

    if (again(ctx, m)) {
        return ctx->pending ? NGX_AGAIN : ngx_http_cos_goto(ctx, multi_known);
    }

    ngx_http_cos_unhold(ctx);

    cos_buf_init(&b, &ctx->alloc, 256 + 64 * m->n);
    cos_xml_delete_result(&b, ctx->name.dialect, m->v, m->n, m->quiet);

    return ngx_http_cos_reply(ctx, NGX_HTTP_OK, &b);
}
