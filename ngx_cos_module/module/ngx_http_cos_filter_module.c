/*
 * The header and body filters: every response of a location with "cos on"
 * carries a request id (COS SDKs switch hosts when it is missing), and an
 * error that nginx itself made up becomes a document of the API. Headers of
 * CORS are added here, too, and with "cos_cors" to any other answer.
 */

#include "ngx_http_cos.h"
#include "ngx_http_cos_conf.h"


static ngx_int_t filter_init(ngx_conf_t *cf);


static ngx_http_module_t  filter_module_ctx = {
    NULL,                             /* preconfiguration */
    filter_init,                      /* postconfiguration */

    NULL,                             /* create main configuration */
    NULL,                             /* init main configuration */

    NULL,                             /* create server configuration */
    NULL,                             /* merge server configuration */

    NULL,                             /* create location configuration */
    NULL                              /* merge location configuration */
};


ngx_module_t  ngx_http_cos_filter_module = {
    NGX_MODULE_V1,
    &filter_module_ctx,               /* module context */
    NULL,                             /* module directives */
    NGX_HTTP_MODULE,                  /* module type */
    NULL,                             /* init master */
    NULL,                             /* init module */
    NULL,                             /* init process */
    NULL,                             /* init thread */
    NULL,                             /* exit thread */
    NULL,                             /* exit process */
    NULL,                             /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_output_header_filter_pt  next_header_filter;
static ngx_http_output_body_filter_pt    next_body_filter;


/* Sets a response header that may be there already: filters run again when
 * nginx replaces a response. */
static ngx_int_t
put_header(ngx_http_request_t *r, ngx_str_t *name, ngx_str_t *value)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash && h[i].key.data == name->data) {
                h[i].value = *value;
                return NGX_OK;
            }
        }
    }

    return ngx_http_cos_add_header(r, (char *) name->data, name->len, value);
}


static ngx_int_t
request_ids(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_request_t  *r = ctx->request;
    static ngx_str_t     cos_id = ngx_string("x-cos-request-id");
    static ngx_str_t     cos_trace = ngx_string("x-cos-trace-id");
    static ngx_str_t     amz_id = ngx_string("x-amz-request-id");
    static ngx_str_t     amz_id2 = ngx_string("x-amz-id-2");
    static ngx_str_t     bce_id = ngx_string("x-bce-request-id");

    switch (ctx->name.dialect) {

    case COS_DIALECT_S3:
        if (put_header(r, &amz_id, &ctx->id) != NGX_OK
            || put_header(r, &amz_id2, &ctx->id) != NGX_OK)
        {
            return NGX_ERROR;
        }
        break;

    case COS_DIALECT_BOS:
        if (put_header(r, &bce_id, &ctx->id) != NGX_OK) {
            return NGX_ERROR;
        }
        break;

    default:
        if (r->headers_out.status >= 400
            && put_header(r, &cos_trace, &ctx->id) != NGX_OK)
        {
            return NGX_ERROR;
        }
        break;
    }

    return put_header(r, &cos_id, &ctx->id);
}


/* The document for an error that did not come from us. */
static ngx_int_t
replace_error(ngx_http_cos_ctx_t *ctx)
{
    cos_buf_t            b;
    cos_err_e            err;
    ngx_http_request_t  *r = ctx->request;

    err = ngx_http_cos_err_of_status(r->headers_out.status);

    if (err == COS_E_INVALID_REQUEST && r->unparsed_uri.len == 0) {
        /* nginx could not read the request line */
        err = COS_E_INVALID_URI;
    }

    ctx->error = err;

    cos_buf_init(&b, &ctx->alloc, 512);
    ngx_http_cos_error_text(ctx, &b, err, NULL);
    if (b.err) {
        return NGX_ERROR;
    }

    ctx->error_body.data = b.data;
    ctx->error_body.len = b.len;
    ctx->replace_body = 1;

    ngx_http_clear_accept_ranges(r);
    ngx_http_clear_last_modified(r);
    ngx_http_clear_etag(r);
    ngx_http_clear_content_length(r);

    r->headers_out.content_length_n = b.len;
    ngx_http_cos_body_type(ctx);

    return NGX_OK;
}


static ngx_int_t
header_filter(ngx_http_request_t *r)
{
    ngx_http_cos_ctx_t       *ctx;
    ngx_http_cos_loc_conf_t  *lcf;

    if (r != r->main) {
        return next_header_filter(r);
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_cos_module);

    if (!lcf->enable) {
        return lcf->cors
               && ngx_http_cos_cors_filter(r, lcf, NULL) != NGX_OK
               ? NGX_ERROR : next_header_filter(r);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_cos_module);

    if (ctx == NULL) {
        /* refused by nginx before it came to us, or after an internal
         * redirect that forgot us */
        ctx = ngx_http_cos_ctx_create(r);
        if (ctx == NULL) {
            return NGX_ERROR;
        }
    }

    if (request_ids(ctx) != NGX_OK
        || ngx_http_cos_cors_filter(r, lcf, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!ctx->answered && r->headers_out.status >= 400
        && r->upstream == NULL)
    {
        if (replace_error(ctx) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return next_header_filter(r);
}


static ngx_int_t
body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t           *b;
    ngx_chain_t          out, *cl;
    ngx_uint_t           last;
    ngx_http_cos_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_cos_module);

    if (in == NULL || ctx == NULL || !ctx->replace_body || r != r->main) {
        return next_body_filter(r, in);
    }

    for (cl = in, last = 0; cl; cl = cl->next) {
        last |= cl->buf->last_buf;
        cl->buf->pos = cl->buf->last;
        cl->buf->file_pos = cl->buf->file_last;
    }

    if (!last) {
        return NGX_OK;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = ctx->error_body.data;
    b->last = b->pos + ctx->error_body.len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return next_body_filter(r, &out);
}


static ngx_int_t
filter_init(ngx_conf_t *cf)
{
    (void) cf;

    next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = header_filter;

    next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = body_filter;

    return NGX_OK;
}
