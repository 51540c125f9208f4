/*
 * Variables for the access log: what COS writes into its own access logs, as
 * far as nginx has no variable for it. conf/cos_log.conf puts them together.
 *
 * Whatever comes from a client is percent-encoded where it is not a printable
 * ASCII character, so that no request can forge a line, whatever the escaping
 * of the log format. Signatures are left out of request lines: a presigned URL
 * is good for whoever reads it.
 *
 * Where a request has no such value a variable is "-", as in COS' logs; where
 * a request did not come to us at all it is not found (an empty string).
 */

#include "ngx_http_cos.h"
#include "ngx_http_cos_commit.h"
#include "ngx_http_cos_conf.h"
#include "ngx_http_cos_account.h"
#include "ngx_http_cos_vars.h"


/* Sets *out; leaves it empty when there is no such value. */
typedef ngx_int_t (*get_pt)(ngx_http_cos_ctx_t *ctx, ngx_str_t *out);

typedef struct {
    ngx_str_t   name;
    get_pt      get;
} var_t;


static ngx_int_t get_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);

static ngx_int_t get_request_id(ngx_http_cos_ctx_t *ctx, ngx_str_t *out);
static ngx_int_t get_bucket(ngx_http_cos_ctx_t *ctx, ngx_str_t *out);
static ngx_int_t get_key(ngx_http_cos_ctx_t *ctx, ngx_str_t *out);
static ngx_int_t get_path(ngx_http_cos_ctx_t *ctx, ngx_str_t *out);
static ngx_int_t get_operation(ngx_http_cos_ctx_t *ctx, ngx_str_t *out);
static ngx_int_t get_dialect(ngx_http_cos_ctx_t *ctx, ngx_str_t *out);
static ngx_int_t get_region(ngx_http_cos_ctx_t *ctx, ngx_str_t *out);
static ngx_int_t get_event_source(ngx_http_cos_ctx_t *ctx, ngx_str_t *out);
static ngx_int_t get_event_time(ngx_http_cos_ctx_t *ctx, ngx_str_t *out);
static ngx_int_t get_total_time(ngx_http_cos_ctx_t *ctx, ngx_str_t *out);
static ngx_int_t get_turnaround(ngx_http_cos_ctx_t *ctx, ngx_str_t *out);
static ngx_int_t get_access_key(ngx_http_cos_ctx_t *ctx, ngx_str_t *out);
static ngx_int_t get_requester(ngx_http_cos_ctx_t *ctx, ngx_str_t *out);
static ngx_int_t get_log_requester(ngx_http_cos_ctx_t *ctx, ngx_str_t *out);
static ngx_int_t get_account(ngx_http_cos_ctx_t *ctx, ngx_str_t *out);
static ngx_int_t get_error_code(ngx_http_cos_ctx_t *ctx, ngx_str_t *out);
static ngx_int_t get_error_message(ngx_http_cos_ctx_t *ctx, ngx_str_t *out);
static ngx_int_t get_bytes_in(ngx_http_cos_ctx_t *ctx, ngx_str_t *out);
static ngx_int_t get_delta_size(ngx_http_cos_ctx_t *ctx, ngx_str_t *out);
static ngx_int_t get_object_size(ngx_http_cos_ctx_t *ctx, ngx_str_t *out);
static ngx_int_t get_storage_class(ngx_http_cos_ctx_t *ctx, ngx_str_t *out);
static ngx_int_t get_version_id(ngx_http_cos_ctx_t *ctx, ngx_str_t *out);
static ngx_int_t get_referer(ngx_http_cos_ctx_t *ctx, ngx_str_t *out);
static ngx_int_t get_user_agent(ngx_http_cos_ctx_t *ctx, ngx_str_t *out);
static ngx_int_t get_request_line(ngx_http_cos_ctx_t *ctx, ngx_str_t *out);


static var_t  vars[] = {
    { ngx_string("cos_request_id"), get_request_id },
    { ngx_string("cos_bucket"), get_bucket },
    { ngx_string("cos_key"), get_key },
    { ngx_string("cos_path"), get_path },
    { ngx_string("cos_operation"), get_operation },
    { ngx_string("cos_dialect"), get_dialect },
    { ngx_string("cos_region"), get_region },
    { ngx_string("cos_event_source"), get_event_source },
    { ngx_string("cos_event_time"), get_event_time },
    { ngx_string("cos_total_time_ms"), get_total_time },
    { ngx_string("cos_turnaround_time_ms"), get_turnaround },
    { ngx_string("cos_access_key"), get_access_key },
    { ngx_string("cos_requester"), get_requester },
    { ngx_string("cos_log_requester"), get_log_requester },
    { ngx_string("cos_account"), get_account },
    { ngx_string("cos_error_code"), get_error_code },
    { ngx_string("cos_error_message"), get_error_message },
    { ngx_string("cos_bytes_in"), get_bytes_in },
    { ngx_string("cos_delta_size"), get_delta_size },
    { ngx_string("cos_object_size"), get_object_size },
    { ngx_string("cos_storage_class"), get_storage_class },
    { ngx_string("cos_version_id"), get_version_id },
    { ngx_string("cos_referer"), get_referer },
    { ngx_string("cos_user_agent"), get_user_agent },
    { ngx_string("cos_request_line"), get_request_line }
};


/* Query parameters with which a request could be repeated. */
static const char *const  secrets[] = {
    "authorization", "q-signature", "sign", "signature", "x-amz-signature",
    "x-amz-security-token", "x-bce-security-token", "x-cos-security-token"
};


ngx_int_t
ngx_http_cos_add_variables(ngx_conf_t *cf)
{
    ngx_uint_t            i;
    ngx_http_variable_t  *var;

    for (i = 0; i < sizeof(vars) / sizeof(vars[0]); i++) {

        /* one that is asked for early changes until the request ends */
        var = ngx_http_add_variable(cf, &vars[i].name,
                                    NGX_HTTP_VAR_NOCACHEABLE);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = get_variable;
        var->data = i;
    }

    return NGX_OK;
}


static ngx_int_t
get_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_str_t            value;
    ngx_http_cos_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_cos_module);

    if (ctx == NULL && r != r->main) {
        ctx = ngx_http_get_module_ctx(r->main, ngx_http_cos_module);
    }

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_str_null(&value);

    if (vars[data].get(ctx, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    if (value.len == 0) {
        ngx_str_set(&value, "-");
    }

    v->len = value.len;
    v->data = value.data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


/* --- what was asked ------------------------------------------------------ */

static ngx_int_t
get_request_id(ngx_http_cos_ctx_t *ctx, ngx_str_t *out)
{
    *out = ctx->id;

    return NGX_OK;
}


static ngx_int_t
get_bucket(ngx_http_cos_ctx_t *ctx, ngx_str_t *out)
{
    return ngx_http_cos_var_encoded(ctx, "", ctx->name.bucket, out);
}


static ngx_int_t
get_key(ngx_http_cos_ctx_t *ctx, ngx_str_t *out)
{
    return ngx_http_cos_var_encoded(ctx, "", ctx->name.key, out);
}


/* The path within the bucket. */
static ngx_int_t
get_path(ngx_http_cos_ctx_t *ctx, ngx_str_t *out)
{
    return ngx_http_cos_var_encoded(ctx, "/", ctx->name.key, out);
}


static ngx_int_t
get_operation(ngx_http_cos_ctx_t *ctx, ngx_str_t *out)
{
    return ngx_http_cos_var_literal(cos_op_name(ngx_http_cos_account_op(ctx)),
                                    out);
}


static ngx_int_t
get_dialect(ngx_http_cos_ctx_t *ctx, ngx_str_t *out)
{
    static const char *const  names[] = { "cos", "s3", "bos" };

    return ngx_http_cos_var_literal(names[ctx->name.dialect], out);
}


static ngx_int_t
get_region(ngx_http_cos_ctx_t *ctx, ngx_str_t *out)
{
    if (ctx->lcf->region.len) {
        *out = ctx->lcf->region;
        return NGX_OK;
    }

    if (ctx->name.region.len) {
        return ngx_http_cos_var_printable(ctx, ctx->name.region, out);
    }

    if (ctx->bucket.region.len) {
        return ngx_http_cos_var_printable(ctx, ctx->bucket.region, out);
    }

    *out = ctx->lcf->default_region;

    return NGX_OK;
}


static ngx_int_t
get_event_source(ngx_http_cos_ctx_t *ctx, ngx_str_t *out)
{
    return ngx_http_cos_var_printable(ctx, ctx->request->headers_in.server,
                                      out);
}


static ngx_int_t
get_referer(ngx_http_cos_ctx_t *ctx, ngx_str_t *out)
{
    const cos_header_t  *h;

    h = cos_header(&ctx->http, "referer");

    return h ? ngx_http_cos_var_printable(ctx, h->value, out) : NGX_OK;
}


static ngx_int_t
get_user_agent(ngx_http_cos_ctx_t *ctx, ngx_str_t *out)
{
    const cos_header_t  *h;

    h = cos_header(&ctx->http, "user-agent");

    return h ? ngx_http_cos_var_printable(ctx, h->value, out) : NGX_OK;
}


static ngx_uint_t
is_secret(cos_str_t name)
{
    ngx_uint_t  i;

    for (i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        if (cos_str_iis(name, secrets[i])) {
            return 1;
        }
    }

    return 0;
}


/* A query that could not be parsed is left out whole: nobody knows what in it
 * is a signature. */
static ngx_int_t
get_request_line(ngx_http_cos_ctx_t *ctx, ngx_str_t *out)
{
    size_t               i;
    cos_arg_t           *arg;
    cos_buf_t            b;
    ngx_http_request_t  *r = ctx->request;

    cos_buf_init(&b, &ctx->alloc, r->unparsed_uri.len + 64);

    ngx_http_cos_var_add_printable(&b, r->method_name);
    cos_buf_char(&b, ' ');
    ngx_http_cos_var_add_printable(&b, ctx->http.path);

    for (i = 0; i < ctx->http.args.n; i++) {
        arg = &ctx->http.args.v[i];

        cos_buf_char(&b, i ? '&' : '?');
        ngx_http_cos_var_add_printable(&b, arg->raw_name);

        if (arg->has_eq) {
            cos_buf_char(&b, '=');

            if (is_secret(arg->name)) {
                cos_buf_lit(&b, "***");

            } else {
                ngx_http_cos_var_add_printable(&b, arg->raw_value);
            }
        }
    }

    if (r->http_protocol.len) {
        cos_buf_char(&b, ' ');
        ngx_http_cos_var_add_printable(&b, r->http_protocol);
    }

    return ngx_http_cos_var_finish(&b, out);
}


/* --- who ----------------------------------------------------------------- */

/* As claimed, whether it was proved or not. */
static ngx_int_t
get_access_key(ngx_http_cos_ctx_t *ctx, ngx_str_t *out)
{
    return ngx_http_cos_var_encoded(ctx, "", ctx->sig.access_key, out);
}


static ngx_int_t
requester(ngx_http_cos_ctx_t *ctx, const char *form, ngx_str_t *out)
{
    uint64_t  uid;

    if (!ctx->identity.known) {
        return NGX_OK;
    }

    out->data = ngx_pnalloc(ctx->request->pool,
                            ngx_strlen(form) + 2 * NGX_INT64_LEN);
    if (out->data == NULL) {
        return NGX_ERROR;
    }

    uid = ctx->identity.uid;
    out->len = ngx_sprintf(out->data, form, uid, uid) - out->data;

    return NGX_OK;
}


/* An account is its own user: there are no sub-accounts. */
static ngx_int_t
get_requester(ngx_http_cos_ctx_t *ctx, ngx_str_t *out)
{
    return requester(ctx, "qcs::cam::uin/%uL:uin/%uL", out);
}


static ngx_int_t
get_log_requester(ngx_http_cos_ctx_t *ctx, ngx_str_t *out)
{
    return requester(ctx, "%uL:%uL", out);
}


/* The bucket's owner. */
static ngx_int_t
get_account(ngx_http_cos_ctx_t *ctx, ngx_str_t *out)
{
    if (ctx->bucket.id.len) {
        return ngx_http_cos_var_decimal(ctx, (int64_t) ctx->bucket.owner, out);
    }

    if (ngx_http_cos_account_op(ctx) == COS_OP_PUT_BUCKET
        && ctx->identity.known
        && ngx_http_cos_account_status(ctx->request) == NGX_HTTP_OK)
    {
        return ngx_http_cos_var_decimal(ctx, (int64_t) ctx->identity.uid, out);
    }

    return NGX_OK;
}


/* --- what came of it ----------------------------------------------------- */

static ngx_int_t
get_event_time(ngx_http_cos_ctx_t *ctx, ngx_str_t *out)
{
    ngx_tm_t  tm;

    out->data = ngx_pnalloc(ctx->request->pool,
                            sizeof("1970-09-28T12:00:00Z"));
    if (out->data == NULL) {
        return NGX_ERROR;
    }

    ngx_gmtime(ngx_time(), &tm);

    out->len = ngx_sprintf(out->data, "%4d-%02d-%02dT%02d:%02d:%02dZ",
                           tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                           tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec)
               - out->data;

    return NGX_OK;
}


static ngx_int_t
get_total_time(ngx_http_cos_ctx_t *ctx, ngx_str_t *out)
{
    return ngx_http_cos_var_decimal(ctx, ngx_http_cos_account_ms(ctx->request),
                                    out);
}


/* From the request's last byte to the answer's first. Known where neither body
 * takes time of its own: then it is the time of the whole. */
static ngx_int_t
get_turnaround(ngx_http_cos_ctx_t *ctx, ngx_str_t *out)
{
    off_t                body;
    ngx_http_request_t  *r = ctx->request;

    body = r->connection->sent - (off_t) r->header_size;

    if (ctx->bytes_in > 65536 || body > 65536) {
        return NGX_OK;
    }

    return get_total_time(ctx, out);
}


static ngx_int_t
get_error_code(ngx_http_cos_ctx_t *ctx, ngx_str_t *out)
{
    cos_err_e  err;

    err = ngx_http_cos_account_error(ctx);

    return err == COS_OK ? NGX_OK
           : ngx_http_cos_var_literal(cos_err_info(err)->code, out);
}


static ngx_int_t
get_error_message(ngx_http_cos_ctx_t *ctx, ngx_str_t *out)
{
    cos_err_e  err;
    cos_str_t  text;

    err = ngx_http_cos_account_error(ctx);

    if (err == COS_OK) {
        return NGX_OK;
    }

    (void) ngx_http_cos_var_literal(ctx->error != COS_OK && ctx->reason
                                    ? ctx->reason : cos_err_info(err)->message,
                                    &text);

    return ngx_http_cos_var_printable(ctx, text, out);
}


/* Of the body, as it was sent: with its framing when it was chunked by aws. */
static ngx_int_t
get_bytes_in(ngx_http_cos_ctx_t *ctx, ngx_str_t *out)
{
    return ngx_http_cos_var_decimal(ctx, (int64_t) ctx->bytes_in, out);
}


/* The record this request wrote, once it is committed. */
static cos_object_t *
written(ngx_http_cos_ctx_t *ctx, cos_json_e kind)
{
    ngx_http_cos_commit_t  *c = ctx->commit;

    return c && c->ok && c->json.kind == kind ? &c->json.object : NULL;
}


/* Bytes stored, or minus bytes deleted. What an overwritten object gives back
 * is not subtracted. */
static ngx_int_t
get_delta_size(ngx_http_cos_ctx_t *ctx, ngx_str_t *out)
{
    int64_t        delta;
    cos_object_t  *o;

    delta = 0;

    switch (ngx_http_cos_account_op(ctx)) {

    case COS_OP_PUT_OBJECT:
    case COS_OP_COPY_OBJECT:
        o = written(ctx, COS_J_OBJECT);
        delta = o ? (int64_t) o->size : 0;
        break;

    case COS_OP_APPEND_OBJECT:
        o = written(ctx, COS_J_OBJECT);
        delta = o ? (int64_t) (o->size - ctx->object.size) : 0;
        break;

    case COS_OP_UPLOAD_PART:
    case COS_OP_UPLOAD_PART_COPY:
        o = written(ctx, COS_J_PART);
        delta = o ? (int64_t) o->size : 0;
        break;

    case COS_OP_DELETE_OBJECT:
        if (ctx->object_known && written(ctx, COS_J_DELETE)) {
            delta = - (int64_t) ctx->object.size;
        }
        break;

    default:
        break;
    }

    return ngx_http_cos_var_decimal(ctx, delta, out);
}


/* The object a request is about: the one it wrote, else the one it found. */
static cos_object_t *
object_of(ngx_http_cos_ctx_t *ctx)
{
    cos_object_t  *o;

    o = written(ctx, COS_J_OBJECT);

    return o ? o : ctx->object_known ? &ctx->object : NULL;
}


static ngx_int_t
get_object_size(ngx_http_cos_ctx_t *ctx, ngx_str_t *out)
{
    cos_object_t  *o;

    o = object_of(ctx);

    return o ? ngx_http_cos_var_decimal(ctx, (int64_t) o->size, out) : NGX_OK;
}


static ngx_int_t
get_storage_class(ngx_http_cos_ctx_t *ctx, ngx_str_t *out)
{
    cos_object_t  *o;

    o = object_of(ctx);

    return o ? ngx_http_cos_var_literal(cos_class_name(o->cls), out) : NGX_OK;
}


/* Objects have one version; only what a client asked for is there to tell. */
static ngx_int_t
get_version_id(ngx_http_cos_ctx_t *ctx, ngx_str_t *out)
{
    const cos_arg_t  *arg;

    arg = cos_arg(&ctx->http.args, "versionId");

    return arg ? ngx_http_cos_var_encoded(ctx, "", arg->value, out) : NGX_OK;
}
