/*
 * PostObject: an upload from an HTML form (S3 API, "POST Object"; cos-api.md
 * section 4.4).
 *
 *   post_object  the body is a form
 *   post_fields  what stands before the file is read; it becomes the headers
 *                of the request (ngx_http_cos_post_fields.c)
 *   post_judged  the gate has proved who signed it, and that he may write; the
 *                form is held against the policy that he signed
 *   post_file    the file, piece by piece, into the same ingest as any upload
 *   post_end     the form has been read to its end: from here on a PutObject
 *
 * Until the gate has judged the form it is nobody's: nothing of it is used but
 * to find out whose it is.
 */

#include "ngx_http_cos_post.h"


#define INLINE_MAX  16384
/* what a form may hold beside the file, before its length is held against that
 * of the largest object */
#define SLACK       (1024 * 1024)


static ngx_int_t post_fields(ngx_http_cos_ctx_t *ctx);
static ngx_int_t post_form(ngx_http_cos_ctx_t *ctx);
static ngx_int_t post_judged(ngx_http_cos_ctx_t *ctx);
static ngx_int_t post_named(ngx_http_cos_ctx_t *ctx);
static ngx_int_t post_file(ngx_http_cos_ctx_t *ctx);
static ngx_int_t post_eaten(ngx_http_cos_ctx_t *ctx);
static ngx_int_t post_end(ngx_http_cos_ctx_t *ctx);
static ngx_int_t post_answer(ngx_http_cos_ctx_t *ctx, cos_object_t *o);


ngx_int_t
ngx_http_cos_post_object(ngx_http_cos_ctx_t *ctx)
{
    off_t                 length;
    cos_err_e             err;
    ngx_http_request_t   *r = ctx->request;
    const cos_header_t   *h;
    ngx_http_cos_post_t  *p;

    h = cos_header(&ctx->http, "content-type");

    if (h == NULL) {
        return ngx_http_cos_fail(ctx, COS_E_NOT_MULTIPART, NULL);
    }

    p = ngx_pcalloc(r->pool, sizeof(ngx_http_cos_post_t));
    if (p == NULL) {
        return NGX_ERROR;
    }

    ctx->op = p;
    p->put.answer = post_answer;

    err = cos_form_init(&p->form, h->value, &ctx->alloc);
    length = r->headers_in.content_length_n;

    if (err == COS_OK && ctx->sig.scheme != COS_SIG_NONE) {
        ctx->reason = "a form is signed by its fields, not by headers or the "
                      "query";
        err = COS_E_AUTH_DUPLICATE;
    }

    if (err == COS_OK && length < 0 && !r->headers_in.chunked
#if (NGX_HTTP_V2)
        && r->stream == NULL
#endif
       )
    {
        err = COS_E_MISSING_LENGTH;
    }

    if (err == COS_OK && length > SLACK
        && length - SLACK > ctx->lcf->max_object_size)
    {
        err = COS_E_ENTITY_TOO_LARGE;
    }

    if (err == COS_OK
        && ngx_http_cos_body_begin(ctx, post_fields) != NGX_OK)
    {
        err = ctx->error;
    }

    return err == COS_OK ? NGX_OK
                         : ngx_http_cos_fail(ctx, err, ctx->reason);
}


static ngx_int_t
post_fields(ngx_http_cos_ctx_t *ctx)
{
    ngx_int_t             rc;
    cos_str_t             data;
    cos_form_e            at;
    ngx_chain_t          *cl;
    ngx_http_cos_post_t  *p = ctx->op;

    for ( ;; ) {
        rc = ngx_http_cos_body_take(ctx, &p->in, post_fields);

        if (rc == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        if (rc != NGX_OK) {
            return ngx_http_cos_fail(ctx, rc == NGX_DONE
                                          ? cos_form_finish(&p->form)
                                          : ctx->error, NULL);
        }

        for (cl = p->in; cl; cl = cl->next) {
            at = cos_form_read(&p->form, &cl->buf->pos, cl->buf->last, &data);

            switch (at) {

            case COS_FORM_MORE:
                break;

            case COS_FORM_FILE:
                /* the rest stays in p->in */
                return ngx_http_cos_goto(ctx, post_form);

            case COS_FORM_FAILED:
                return ngx_http_cos_fail(ctx, p->form.err, NULL);

            default:
                return ngx_http_cos_fail(ctx, COS_E_POST_FILES, NULL);
            }
        }

        ngx_http_cos_body_free(ctx, p->in);
        p->in = NULL;
    }
}


static ngx_int_t
post_form(ngx_http_cos_ctx_t *ctx)
{
    cos_err_e             err;
    ngx_http_cos_post_t  *p = ctx->op;

    ngx_http_cos_post_dialect(ctx, &p->form);

    err = cos_form_sig_parse(&p->form, &ctx->sig);

    if (ctx->sig.scheme == COS_SIG_V2 && !ctx->lcf->signature_v2) {
        err = COS_E_AUTH_UNSUPPORTED;
    }

    if (err == COS_E_INVALID_ARGUMENT) {
        ctx->reason = "the form's policy and signature do not go together, or "
                      "a field of the signature is missing or malformed";
    }

    if (err == COS_OK) {
        err = ngx_http_cos_post_key(ctx, &p->form);
    }

    if (err == COS_OK) {
        err = ngx_http_cos_post_headers(ctx, &p->form);
    }

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    return ngx_http_cos_gate_form(ctx, &p->form, post_judged);
}


static cos_err_e
within_policy(ngx_http_cos_ctx_t *ctx, cos_post_t *policy)
{
    cos_err_e             err;
    ngx_http_cos_post_t  *p = ctx->op;

    policy->form = &p->form;
    policy->dialect = ctx->name.dialect;
    policy->bucket = ctx->name.bucket;
    policy->key = ctx->name.key;
    policy->now = ngx_time();
    policy->max = UINT64_MAX;

    if (ctx->sig.scheme == COS_SIG_NONE) {
        return COS_OK;
    }

    err = cos_post_policy(policy, ctx->sig.policy, &ctx->alloc);
    ctx->reason = policy->reason;

    return err;
}


static ngx_int_t
post_judged(ngx_http_cos_ctx_t *ctx)
{
    return ngx_http_cos_acl_named(ctx, post_named);
}


static ngx_int_t
post_named(ngx_http_cos_ctx_t *ctx)
{
    off_t                 length;
    cos_err_e             err;
    cos_post_t            policy;
    ngx_http_cos_post_t  *p = ctx->op;

    ngx_memzero(&policy, sizeof(cos_post_t));

    err = within_policy(ctx, &policy);

    if (err == COS_OK) {
        err = ngx_http_cos_pace(ctx);
    }

    if (err == COS_OK) {
        err = ngx_http_cos_put_init(ctx, &p->put);
    }

    length = ctx->request->headers_in.content_length_n;
    p->min = policy.min;
    p->in_thread = length < 0 || length > INLINE_MAX;

    if (err == COS_OK && length >= 0 && (uint64_t) length < p->min) {
        err = COS_E_ENTITY_TOO_SMALL;
    }

    if (err == COS_OK) {
        p->put.take.slot = ngx_http_cos_store_slot(
                                      p->put.commit.json.object.cls);
        err = ngx_http_cos_take_unsized(ctx, &p->put.take, policy.max);
    }

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    return ngx_http_cos_goto(ctx, post_file);
}


/* Reads what has come. On the loop, or in the thread pool: it must touch
 * neither pool nor request. */
static void
eat(void *data)
{
    cos_str_t             piece;
    ngx_chain_t          *cl;
    ngx_http_cos_post_t  *p = data;

    for (cl = p->in; cl && p->err == COS_OK; cl = cl->next) {

        while (p->err == COS_OK) {

            switch (cos_form_read(&p->form, &cl->buf->pos, cl->buf->last,
                                  &piece))
            {
            case COS_FORM_DATA:
                p->err = cos_ingest_feed(&p->put.take.in, piece.data,
                                         piece.len);
                continue;

            case COS_FORM_FAILED:
                p->err = p->form.err;
                break;

            default:
                break;
            }

            break;
        }
    }
}


static ngx_int_t
post_file(ngx_http_cos_ctx_t *ctx)
{
    ngx_int_t             rc;
    ngx_http_cos_post_t  *p = ctx->op;

    if (p->in == NULL) {
        rc = ngx_http_cos_body_take(ctx, &p->in, post_file);

        if (rc == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        if (rc != NGX_OK) {
            p->err = rc == NGX_DONE ? COS_OK : ctx->error;
            return ngx_http_cos_goto(ctx, post_end);
        }
    }

    if (p->in_thread) {
        return ngx_http_cos_thread(ctx, eat, p, post_eaten);
    }

    eat(p);

    return ngx_http_cos_goto(ctx, post_eaten);
}


static ngx_int_t
post_eaten(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_cos_post_t  *p = ctx->op;

    ngx_http_cos_body_free(ctx, p->in);
    p->in = NULL;

    return ngx_http_cos_goto(ctx, p->err == COS_OK ? post_file : post_end);
}


static ngx_int_t
post_end(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_cos_post_t  *p = ctx->op;
    ngx_http_cos_take_t  *t = &p->put.take;

    t->err = p->err != COS_OK ? p->err : cos_form_finish(&p->form);

    if (t->err == COS_OK) {
        t->err = cos_ingest_end(&t->in);
    }

    if (t->err == COS_OK && t->in.size < p->min) {
        t->err = COS_E_ENTITY_TOO_SMALL;
    }

    if (t->err == COS_E_UNAVAILABLE) {
        /* no descriptor for its file: the next try shall find one */
        ngx_http_cos_store_close_idle();
    }

    return ngx_http_cos_put_taken(ctx);
}


/* --- answer ------------------------------------------------------------------------ */

static void
redirect_to(ngx_http_cos_ctx_t *ctx, cos_buf_t *b, cos_str_t url,
    cos_object_t *o)
{
    char     etag[40];
    u_char  *hash, *end;

    end = url.data + url.len;
    hash = ngx_strlchr(url.data, end, '#');

    if (hash) {
        url.len = hash - url.data;
    }

    cos_buf_str(b, url);
    cos_buf_char(b, ngx_strlchr(url.data, url.data + url.len, '?') ? '&'
                                                                   : '?');
    cos_buf_lit(b, "bucket=");
    cos_pct_encode(b, ctx->name.bucket, 0);
    cos_buf_lit(b, "&key=");
    cos_pct_encode(b, ctx->name.key, COS_ENC_SLASH);
    cos_buf_lit(b, "&etag=%22");
    cos_buf_add(b, etag, cos_object_etag(etag, o->etag, o->parts));
    cos_buf_lit(b, "%22");

    if (hash) {
        cos_buf_add(b, hash, end - hash);
    }
}


static void
object_url(ngx_http_cos_ctx_t *ctx, cos_buf_t *b)
{
    ngx_http_request_t  *r = ctx->request;

    cos_buf_cstr(b, ctx->http.tls ? "https://" : "http://");

    if (r->headers_in.host) {
        cos_buf_str(b, r->headers_in.host->value);
    }

    if (ctx->name.style != COS_STYLE_VHOST) {
        cos_buf_char(b, '/');
        cos_pct_encode(b, ctx->name.bucket, 0);
    }

    cos_buf_char(b, '/');
    cos_pct_encode(b, ctx->name.key, COS_ENC_SLASH);
}


static ngx_int_t
post_answer(ngx_http_cos_ctx_t *ctx, cos_object_t *o)
{
    cos_buf_t             b, where;
    cos_str_t             url;
    ngx_str_t             location;
    ngx_uint_t            status;
    ngx_http_cos_post_t  *p = ctx->op;

    status = ngx_http_cos_post_status(&p->form, &url);
    cos_buf_init(&where, &ctx->alloc, 512);

    if (status == NGX_HTTP_SEE_OTHER) {
        redirect_to(ctx, &where, url, o);

    } else {
        object_url(ctx, &where);
    }

    location.data = where.data;
    location.len = where.len;

    if (where.err
        || ngx_http_cos_set_header(ctx->request, "Location", &location)
           != NGX_OK
        || ngx_http_cos_object_headers(ctx, o) != NGX_OK
        || ngx_http_cos_checksum_headers(ctx, o) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (status != NGX_HTTP_CREATED) {
        return ngx_http_cos_reply(ctx, status, NULL);
    }

    cos_buf_init(&b, &ctx->alloc, 1024);
    cos_xml_post_response(&b, location, ctx->name.bucket, ctx->name.key, o);

    return ngx_http_cos_reply(ctx, status, &b);
}
