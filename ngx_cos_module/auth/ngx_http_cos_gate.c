/*
 * The gate: every request passes here, in the access phase, before any
 * operation runs.
 *
 *   0 who comes too often from an address is refused
 *   1 what cannot be named or parsed is refused
 *   2 facts: bucket, credential, user, object (one round trip or two, none when
 *     hot)
 *   3 the signature is proved (ngx_http_cos_who.c)
 *   4 the bucket must exist, the identity must have the right
 *   5 neither bucket nor user is asked for too often
 */

#include "ngx_http_cos_bucket.h"
#include "ngx_http_cos_object.h"
#include "ngx_http_cos_rights.h"
#include "ngx_http_cos_who.h"


static cos_err_e which_version(ngx_http_cos_ctx_t *ctx);
static ngx_int_t credential(ngx_http_cos_ctx_t *ctx);
static ngx_int_t collect(ngx_http_cos_ctx_t *ctx);
static ngx_int_t judge(ngx_http_cos_ctx_t *ctx);


/* The version of the object that the query names. */
static cos_err_e
which_version(ngx_http_cos_ctx_t *ctx)
{
    size_t            i;
    const cos_arg_t  *a;

    if (ctx->name.op == COS_OP_PREFLIGHT) {
        /* the version is for the request that is asked about */
        return COS_OK;
    }

    for (i = 0; i < ctx->http.args.n; i++) {
        a = &ctx->http.args.v[i];

        if (!cos_str_iis(a->name, "versionid") || a->value.len == 0) {
            continue;
        }

        if (ctx->version_arg) {
            ctx->reason = "only one version id may be given";
            return COS_E_INVALID_ARGUMENT;
        }

        if (!(ngx_http_cos_ops[ctx->name.op].needs
              & (NGX_HTTP_COS_NEED_OBJECT|NGX_HTTP_COS_NEED_FRESH)))
        {
            ctx->reason = "this operation does not accept a version id";
            return COS_E_INVALID_ARGUMENT;
        }

        if (cos_version_parse(a->value, &ctx->object_fact.version) != 0) {
            ctx->reason = "invalid version id specified";
            return COS_E_INVALID_ARGUMENT;
        }

        ctx->version_arg = a;
        ctx->object_fact.by_version = 1;
    }

    return COS_OK;
}


ngx_int_t
ngx_http_cos_gate(ngx_http_cos_ctx_t *ctx)
{
    cos_err_e  err;

    /* before anything is asked for: a flood is to cost nothing */
    ctx->retry_after = ngx_http_cos_limit_address(ctx->request, ctx->lcf);

    if (ctx->retry_after) {
        return ctx->retry_after == NGX_ERROR
               ? NGX_ERROR
               : ngx_http_cos_fail(ctx, COS_E_SLOW_DOWN, NULL);
    }

    if (ctx->url_error != COS_OK) {
        return ngx_http_cos_fail_early(ctx, ctx->url_error, ctx->url_reason);
    }

    if (ctx->foreign) {
        return ngx_http_cos_domain(ctx);
    }

    err = ctx->error != COS_OK ? ctx->error : which_version(ctx);

    if (err != COS_OK) {
        return ngx_http_cos_fail_early(ctx, err, ctx->reason);
    }

    if (ctx->version_arg || ngx_http_cos_has_overrides(ctx)) {
        /* what signs a URL does not cover its query: origin authentication
         * opens objects as they are now, and shows them as they were stored */
        ctx->origin_auth = 0;
    }

    if (ctx->name.bucket.len
        && ngx_http_cos_bucket_fact(ctx, &ctx->bucket_fact, &ctx->name.bucket)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return credential(ctx);
}


/* Rights are for whoever the form names; what the request's own headers are
 * signed by has been refused. */
ngx_int_t
ngx_http_cos_gate_form(ngx_http_cos_ctx_t *ctx, cos_form_t *form,
    ngx_http_cos_step_pt next)
{
    ctx->form = form;

    return ngx_http_cos_gate_late(ctx, next);
}


ngx_int_t
ngx_http_cos_gate_late(ngx_http_cos_ctx_t *ctx, ngx_http_cos_step_pt next)
{
    ctx->form_next = next;

    return credential(ctx);
}


static ngx_int_t
credential(ngx_http_cos_ctx_t *ctx)
{
    ngx_int_t  rc;

    rc = ngx_http_cos_who_key(ctx);

    if (rc == NGX_DECLINED) {
        return ngx_http_cos_fail(ctx, COS_E_INVALID_ACCESS_KEY, NULL);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_cos_goto(ctx, collect);
}


/* Asks for a fact once; NGX_DECLINED when Redis is out of reach. */
static ngx_int_t
ask_once(ngx_http_cos_ctx_t *ctx, ngx_http_cos_fact_t *f, ngx_uint_t fresh)
{
    if (f->key.len == 0 || f->ctx) {
        return NGX_OK;
    }

    return ngx_http_cos_ask(ctx, f, fresh, collect);
}


static ngx_int_t
collect(ngx_http_cos_ctx_t *ctx)
{
    ngx_int_t   rc, down;
    ngx_uint_t  needs;

    needs = ngx_http_cos_ops[ctx->name.op].needs;
    down = 0;

    rc = ask_once(ctx, &ctx->bucket_fact, 0);
    down |= (rc == NGX_DECLINED);

    rc = ask_once(ctx, &ctx->cred_fact, 0);
    down |= (rc == NGX_DECLINED);

    if (ngx_http_cos_who_user(ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ask_once(ctx, &ctx->user_fact, 0);
    down |= (rc == NGX_DECLINED);

    if (ctx->bucket_fact.done && !ctx->bucket_fact.failed
        && ctx->bucket_fact.value.len && ctx->bucket.id.len == 0)
    {
        if (cos_bucket_decode(&ctx->bucket, ctx->bucket_fact.value) != 0) {
            ngx_log_error(NGX_LOG_CRIT, ctx->request->connection->log, 0,
                          "cos %V: bucket record of \"%V\" is damaged",
                          &ctx->id, &ctx->name.bucket);
            ctx->bucket_fact.failed = 1;
        }
    }

    if (ctx->bucket.id.len && ctx->name.key.len
        && (needs & (NGX_HTTP_COS_NEED_OBJECT|NGX_HTTP_COS_NEED_FRESH)))
    {
        if (ctx->object_fact.key.len == 0
            && ngx_http_cos_object_fact(ctx, &ctx->object_fact,
                                        &ctx->bucket.id, &ctx->name.key)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        rc = ask_once(ctx, &ctx->object_fact,
                      needs & NGX_HTTP_COS_NEED_FRESH);
        down |= (rc == NGX_DECLINED);
    }

    if (down) {
        ctx->bucket_fact.failed = 1;
    }

    if (ctx->pending) {
        return NGX_AGAIN;
    }

    if (ctx->bucket_fact.failed || ctx->cred_fact.failed
        || ctx->user_fact.failed || ctx->object_fact.failed)
    {
        return ngx_http_cos_fail(ctx, COS_E_UNAVAILABLE,
                                 "the metadata store cannot be reached");
    }

    return ngx_http_cos_goto(ctx, judge);
}


static ngx_int_t
judge(ngx_http_cos_ctx_t *ctx)
{
    cos_err_e   err;
    ngx_uint_t  needs;

    needs = ngx_http_cos_ops[ctx->name.op].needs;

    if (ctx->object_fact.value.len) {
        if (cos_object_decode(&ctx->object, ctx->object_fact.value,
                              &ctx->alloc)
            != 0)
        {
            ngx_log_error(NGX_LOG_CRIT, ctx->request->connection->log, 0,
                          "cos %V: object record in bucket \"%V\", path "
                          "\"%V\" is damaged", &ctx->id, &ctx->name.bucket,
                          &ctx->http.path);
            return ngx_http_cos_fail(ctx, COS_E_INTERNAL, NULL);
        }

        ctx->object_known = 1;
    }

    if (ctx->sig.scheme != COS_SIG_NONE) {
        err = ngx_http_cos_who_prove(ctx);

        if (err != COS_OK) {
            return ngx_http_cos_fail(ctx, err, ctx->reason);
        }
    }

    err = ngx_http_cos_where(ctx);

    if (err == COS_E_REFERER && ctx->lcf->referer_instead.len) {
        ctx->instead = 1;
        ctx->error = err;
        return ngx_http_cos_sent(ctx, NGX_HTTP_FORBIDDEN);
    }

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    if ((needs & NGX_HTTP_COS_NEED_FORM) && ctx->form_next == NULL) {
        /* until its body is read nobody has asked for anything */
        err = ctx->bucket.id.len || !(needs & NGX_HTTP_COS_NEED_BUCKET) ? COS_OK : COS_E_NO_SUCH_BUCKET;

    } else {
        err = ngx_http_cos_authorise(ctx);
    }

    if (err == COS_OK && ctx->object_known
        && (ctx->object.flags & COS_F_MARKER)
        && ctx->name.op != COS_OP_DELETE_OBJECT)
    {
        /* a delete marker can be removed, and that is all */
        err = COS_E_METHOD_NOT_ALLOWED;
    }

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    if (ctx->form_next || !(needs & NGX_HTTP_COS_NEED_FORM)) {
        err = ngx_http_cos_limit(ctx);

        if (err != COS_OK) {
            return ngx_http_cos_fail(ctx, err, NULL);
        }

        if (ngx_http_cos_charged(ctx) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (ctx->form_next) {
        return ngx_http_cos_goto(ctx, ctx->form_next);
    }

    ctx->judged = 1;
    ctx->request->content_handler = ngx_http_cos_content_handler;

    return NGX_DECLINED;
}
