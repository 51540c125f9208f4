/*
 * Answers: error documents, small XML or JSON bodies, common headers.
 */

#include "ngx_http_cos.h"
#include "ngx_http_cos_sse.h"
#include "cos_xml_sts.h"


static ngx_str_t  prefixes[] = {
    ngx_string("x-cos-"), ngx_string("x-amz-"), ngx_string("x-bce-")
};


ngx_str_t *
ngx_http_cos_prefix(ngx_http_cos_ctx_t *ctx)
{
    return &prefixes[ctx->name.dialect];
}


ngx_int_t
ngx_http_cos_add_header(ngx_http_request_t *r, const char *name, size_t len,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key.len = len;
    h->key.data = (u_char *) name;
    h->value = *value;

    return NGX_OK;
}


ngx_int_t
ngx_http_cos_add_prefixed(ngx_http_cos_ctx_t *ctx, const char *name,
    ngx_str_t *value)
{
    size_t   len;
    u_char  *p;

    len = ngx_strlen(name);

    p = ngx_pnalloc(ctx->request->pool, 6 + len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, prefixes[ctx->name.dialect].data, 6);
    ngx_memcpy(p + 6, name, len);

    return ngx_http_cos_add_header(ctx->request, (char *) p, 6 + len, value);
}


ngx_int_t
ngx_http_cos_checksum_value(ngx_http_cos_ctx_t *ctx, cos_object_t *o)
{
    cos_buf_t  b;
    ngx_str_t  value;
    static const char *const  name[COS_SUM_MAX] = {
        NULL, "checksum-crc32", "checksum-crc32c", "checksum-crc64nvme",
        "checksum-sha1", "checksum-sha256"
    };

    if (o->sum_type == COS_SUM_NONE || ctx->name.dialect != COS_DIALECT_S3) {
        return NGX_OK;
    }

    cos_buf_init(&b, &ctx->alloc, 64);
    cos_base64(&b, o->sum, cos_sum_len(o->sum_type));

    if (o->flags & COS_F_SUM_COMPOSITE) {
        cos_buf_char(&b, '-');
        cos_buf_uint(&b, o->parts);
    }

    if (b.err) {
        return NGX_ERROR;
    }

    value.len = b.len;
    value.data = b.data;

    return ngx_http_cos_add_prefixed(ctx, name[o->sum_type], &value);
}


ngx_int_t
ngx_http_cos_checksum_headers(ngx_http_cos_ctx_t *ctx, cos_object_t *o)
{
    static ngx_str_t  type[] = {
        ngx_string("FULL_OBJECT"), ngx_string("COMPOSITE")
    };

    if (o->sum_type == COS_SUM_NONE || ctx->name.dialect != COS_DIALECT_S3) {
        return NGX_OK;
    }

    if (ngx_http_cos_checksum_value(ctx, o) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_cos_set_header(ctx->request, "x-amz-checksum-type",
                  &type[(o->flags & COS_F_SUM_COMPOSITE) != 0]);
}


ngx_int_t
ngx_http_cos_object_headers(ngx_http_cos_ctx_t *ctx, cos_object_t *o)
{
    u_char               *p;
    ngx_str_t             value;
    ngx_table_elt_t      *h;
    ngx_http_request_t   *r = ctx->request;

    p = ngx_pnalloc(r->pool, 40 + NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    p[0] = '"';
    h->value.len = cos_object_etag((char *) p + 1, o->etag, o->parts) + 2;
    p[h->value.len - 1] = '"';
    h->value.data = p;
    h->hash = 1;
    ngx_str_set(&h->key, "ETag");

    if (ctx->name.dialect != COS_DIALECT_S3) {
        value.data = p + h->value.len;
        value.len = ngx_sprintf(value.data, "%uL", o->crc64) - value.data;

        if (ngx_http_cos_set_header(r, "x-cos-hash-crc64ecma", &value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    r->headers_out.etag = h;

    if (o->attr[COS_X_SSE].len
        && ngx_http_cos_sse_headers(ctx, &o->attr[COS_X_SSE]) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->bucket.versioning == COS_VERSIONING_NONE && o->born == 0) {
        return NGX_OK;
    }

    return ngx_http_cos_version_header(ctx, "version-id",
                                       cos_object_version(o));
}


ngx_int_t
ngx_http_cos_version_header(ngx_http_cos_ctx_t *ctx, const char *name,
    uint64_t version)
{
    ngx_str_t  value;

    value.data = ngx_pnalloc(ctx->request->pool, COS_VERSION_LEN);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = cos_version_print((char *) value.data, version);

    return ngx_http_cos_add_prefixed(ctx, name, &value);
}


ngx_int_t
ngx_http_cos_marker_headers(ngx_http_cos_ctx_t *ctx, uint64_t version)
{
    static ngx_str_t  yes = ngx_string("true");

    if (ngx_http_cos_add_prefixed(ctx, "delete-marker", &yes) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_cos_version_header(ctx, "version-id", version);
}


/* --- bodies ------------------------------------------------------------------ */

ngx_int_t
ngx_http_cos_sent(ngx_http_cos_ctx_t *ctx, ngx_int_t rc)
{
    /* what is still buffered is nginx's to send: finalization sees to it */
    ctx->rc = (rc == NGX_AGAIN) ? NGX_OK : rc;

    return NGX_DONE;
}


ngx_int_t
ngx_http_cos_start(ngx_http_cos_ctx_t *ctx, ngx_uint_t status, off_t length)
{
    ngx_http_request_t  *r = ctx->request;

    ctx->answered = 1;

    if (!ctx->body_started) {
        /* a client that still waits for "100 Continue" is answered at once */
        r->expect_tested = 1;

        if (ngx_http_discard_request_body(r) != NGX_OK) {
            r->keepalive = 0;
        }
    }

    /* conditions and ranges have been seen to */
    r->disable_not_modified = 1;
    r->allow_ranges = 0;
    r->headers_out.status = status;
    r->headers_out.content_length_n = length;

    return ngx_http_send_header(r);
}


void
ngx_http_cos_body_type(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_headers_out_t  *h = &ctx->request->headers_out;

    if (ctx->name.website) {
        ngx_str_set(&h->content_type, "text/html; charset=utf-8");

    } else if (ctx->name.dialect == COS_DIALECT_BOS
               || (ctx->sts && ctx->sts->api == COS_STS_TENCENT)
               || (ctx->name.op == COS_OP_GET_POLICY
                   && ctx->error == COS_OK))
    {
        ngx_str_set(&h->content_type, "application/json");

    } else {
        ngx_str_set(&h->content_type, "application/xml");
    }

    h->content_type_len = h->content_type.len;
    h->content_type_lowcase = NULL;

    if (ctx->name.website) {
        /* nginx compares types ("gzip_types") without their parameters */
        h->content_type_len = sizeof("text/html") - 1;
    }
}


ngx_int_t
ngx_http_cos_reply(ngx_http_cos_ctx_t *ctx, ngx_uint_t status, cos_buf_t *b)
{
    ngx_int_t            rc;
    ngx_buf_t           *buf;
    ngx_chain_t          out;
    ngx_http_request_t  *r = ctx->request;

    if (b && b->err) {
        return NGX_ERROR;
    }

    if (b && b->len) {
        ngx_http_cos_body_type(ctx);
    }

    if (status == NGX_HTTP_NO_CONTENT) {
        r->header_only = 1;
    }

    rc = ngx_http_cos_start(ctx, status, status == NGX_HTTP_NO_CONTENT ? -1
                                         : b ? (off_t) b->len : 0);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return ngx_http_cos_sent(ctx, rc);
    }

    buf = ngx_calloc_buf(r->pool);
    if (buf == NULL) {
        return ngx_http_cos_sent(ctx, NGX_ERROR);
    }

    if (b && b->len) {
        buf->pos = b->data;
        buf->last = b->data + b->len;
        buf->memory = 1;
    }

    buf->last_buf = 1;
    buf->last_in_chain = 1;

    out.buf = buf;
    out.next = NULL;

    return ngx_http_cos_sent(ctx, ngx_http_output_filter(r, &out));
}


/* --- errors ------------------------------------------------------------------- */

cos_err_e
ngx_http_cos_err_of_status(ngx_uint_t status)
{
    switch (status) {
    case NGX_HTTP_UNAUTHORIZED:
    case NGX_HTTP_FORBIDDEN:
        return COS_E_ACCESS_DENIED;
    case NGX_HTTP_NOT_FOUND:
        return COS_E_NO_SUCH_KEY;
    case NGX_HTTP_NOT_ALLOWED:
        return COS_E_METHOD_NOT_ALLOWED;
    case NGX_HTTP_REQUEST_TIME_OUT:
        return COS_E_REQUEST_TIMEOUT;
    case NGX_HTTP_LENGTH_REQUIRED:
        return COS_E_MISSING_LENGTH;
    case NGX_HTTP_PRECONDITION_FAILED:
        return COS_E_PRECONDITION_FAILED;
    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        return COS_E_ENTITY_TOO_LARGE;
    case NGX_HTTP_REQUEST_URI_TOO_LARGE:
        return COS_E_KEY_TOO_LONG;
    case NGX_HTTP_RANGE_NOT_SATISFIABLE:
        return COS_E_INVALID_RANGE;
    case NGX_HTTP_TOO_MANY_REQUESTS:
        return COS_E_SLOW_DOWN;
    case NGX_HTTP_NOT_IMPLEMENTED:
        return COS_E_NOT_IMPLEMENTED;
    case NGX_HTTP_BAD_GATEWAY:
    case NGX_HTTP_SERVICE_UNAVAILABLE:
    case NGX_HTTP_GATEWAY_TIME_OUT:
        return COS_E_UNAVAILABLE;
    case NGX_HTTP_INSUFFICIENT_STORAGE:
        return COS_E_DISK_FULL;
    default:
        return status >= 500 ? COS_E_INTERNAL : COS_E_INVALID_REQUEST;
    }
}


static void
site_error_text(ngx_http_cos_ctx_t *ctx, cos_buf_t *b, cos_err_e err,
    const char *message)
{
    cos_site_error_t  e;

    ngx_memzero(&e, sizeof(e));
    e.err = err;
    e.message = message;
    e.request_id = ctx->id;

    switch (err) {
    case COS_E_NO_SUCH_KEY:
        e.key = ctx->name.key;
        break;
    case COS_E_METHOD_NOT_ALLOWED:
        e.method = ctx->http.method;
        break;
    case COS_E_NO_SUCH_BUCKET:
    case COS_E_NO_WEBSITE:
        e.bucket = ctx->name.bucket;
        break;
    default:
        break;
    }

    cos_html_error(b, &e);
}


/* What the text of a site's error says, for programs. */
static ngx_int_t
site_error_headers(ngx_http_cos_ctx_t *ctx, const cos_err_info_t *info)
{
    ngx_str_t  code, message;

    code.data = (u_char *) info->code;
    code.len = ngx_strlen(info->code);
    message.data = (u_char *) info->message;
    message.len = ngx_strlen(info->message);

    if (ngx_http_cos_add_prefixed(ctx, "error-code", &code) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_cos_add_prefixed(ctx, "error-message", &message);
}


void
ngx_http_cos_error_text(ngx_http_cos_ctx_t *ctx, cos_buf_t *b, cos_err_e err,
    const char *message)
{
    cos_buf_t            res;
    cos_xml_error_t      e;
    ngx_http_request_t  *r = ctx->request;

    if (ctx->name.website) {
        site_error_text(ctx, b, err, message);
        return;
    }

    if (ctx->sts) {
        cos_xml_sts_error(b, ctx->sts->api == COS_STS_TENCENT, err, message,
                          ctx->id);
        return;
    }

    cos_buf_init(&res, &ctx->alloc, 256);

    if (ctx->name.dialect == COS_DIALECT_COS
        && r->headers_in.host)
    {
        cos_buf_str(&res, r->headers_in.host->value);
    }

    cos_buf_str(&res, ctx->http.path.len ? ctx->http.path : COS_STR("/"));

    ngx_memzero(&e, sizeof(e));
    e.err = err;
    e.message = message;
    e.resource.len = res.err ? 0 : res.len;
    e.resource.data = res.data;
    e.bucket = ctx->name.bucket;
    e.key = ctx->name.key;
    e.request_id = ctx->id;
    e.trace_id = ctx->id;
    e.now = ngx_time();
    e.storage_class = ctx->error_class;

    cos_xml_error(b, ctx->name.dialect, &e);
}


/* The bucket for the log. It was decoded: a line end in it would forge lines
 * of the log. */
static ngx_str_t
loggable_bucket(ngx_http_cos_ctx_t *ctx)
{
    cos_buf_t  b;
    ngx_str_t  text;

    cos_buf_init(&b, &ctx->alloc, ctx->name.bucket.len + 1);
    cos_pct_encode(&b, ctx->name.bucket, 0);

    text.len = b.err ? 0 : b.len;
    text.data = b.data;

    return text;
}


ngx_int_t
ngx_http_cos_retry_after(ngx_http_request_t *r, time_t seconds)
{
    ngx_str_t  value;

    value.data = ngx_pnalloc(r->pool, NGX_TIME_T_LEN);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_sprintf(value.data, "%T", seconds) - value.data;

    return ngx_http_cos_set_header(r, "Retry-After", &value);
}


ngx_int_t
ngx_http_cos_fail(ngx_http_cos_ctx_t *ctx, cos_err_e err, const char *reason)
{
    cos_buf_t              b;
    ngx_str_t              bucket;
    ngx_uint_t             level;
    ngx_http_request_t    *r = ctx->request;
    const cos_err_info_t  *info;

    if (err == COS_E_NO_SUCH_KEY && ctx->version_arg) {
        err = COS_E_NO_SUCH_VERSION;
    }

    info = cos_err_info(err);
    level = info->status >= 500 && info->status != 501
            && err != COS_E_SLOW_DOWN ? NGX_LOG_ERR : NGX_LOG_INFO;

    bucket = loggable_bucket(ctx);

    ngx_log_error(level, r->connection->log, 0,
                  "cos %V: %s bucket \"%V\" path \"%V\": %s (%d)%s%s",
                  &ctx->id, cos_op_name(ctx->name.op), &bucket,
                  &ctx->http.path, info->code, info->status,
                  reason ? ": " : "", reason ? reason : "");

    ctx->error = err;
    ctx->reason = reason;

    if (r->connection->error) {
        /* nobody is there to be told */
        return ngx_http_cos_sent(ctx, NGX_HTTP_CLIENT_CLOSED_REQUEST);
    }

    cos_buf_init(&b, &ctx->alloc, 512);
    ngx_http_cos_error_text(ctx, &b, err, reason);

    if (info->status == 503
        && ngx_http_cos_retry_after(r, ctx->retry_after ? ctx->retry_after : 1)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->name.website && site_error_headers(ctx, info) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ctx->object_fact.marker && ctx->object_fact.done
        && !ctx->name.website && (err == COS_E_NO_SUCH_KEY || err == COS_E_METHOD_NOT_ALLOWED)
        && ngx_http_cos_marker_headers(ctx, ctx->object_fact.marker_version)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->body_started && !ctx->body_done) {
        r->keepalive = 0;
    }

    /* Tencent's API tells errors by the document alone */
    return ngx_http_cos_reply(ctx, ctx->sts
                                   && ctx->sts->api == COS_STS_TENCENT
                                   ? NGX_HTTP_OK : info->status, &b);
}
