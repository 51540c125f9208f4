/*
 * What stands in a variable: numbers, names, and texts of clients in a form
 * that cannot forge a line of a log.
 */

#include "ngx_http_cos_vars.h"


ngx_int_t
ngx_http_cos_var_finish(cos_buf_t *b, ngx_str_t *out)
{
    if (b->err) {
        return NGX_ERROR;
    }

    out->len = b->len;
    out->data = b->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_cos_var_literal(const char *text, ngx_str_t *out)
{
    out->data = (u_char *) text;
    out->len = ngx_strlen(text);

    return NGX_OK;
}


ngx_int_t
ngx_http_cos_var_decimal(ngx_http_cos_ctx_t *ctx, int64_t n, ngx_str_t *out)
{
    out->data = ngx_pnalloc(ctx->request->pool, NGX_INT64_LEN);
    if (out->data == NULL) {
        return NGX_ERROR;
    }

    out->len = ngx_sprintf(out->data, "%L", n) - out->data;

    return NGX_OK;
}


/* Adds s with everything but printable ASCII percent-encoded; what the client
 * encoded stays as it is. */
void
ngx_http_cos_var_add_printable(cos_buf_t *b, cos_str_t s)
{
    size_t             i;
    static const char  hex[] = "0123456789ABCDEF";

    for (i = 0; i < s.len; i++) {
        if (s.data[i] >= ' ' && s.data[i] < 0x7f) {
            cos_buf_char(b, s.data[i]);
            continue;
        }

        cos_buf_char(b, '%');
        cos_buf_char(b, hex[s.data[i] >> 4]);
        cos_buf_char(b, hex[s.data[i] & 15]);
    }
}


ngx_int_t
ngx_http_cos_var_printable(ngx_http_cos_ctx_t *ctx, cos_str_t s, ngx_str_t *out)
{
    size_t     i;
    cos_buf_t  b;

    for (i = 0; i < s.len && s.data[i] >= ' ' && s.data[i] < 0x7f; i++) {
        /* void */
    }

    if (i == s.len) {
        *out = s;
        return NGX_OK;
    }

    cos_buf_init(&b, &ctx->alloc, s.len + 64);
    ngx_http_cos_var_add_printable(&b, s);

    return ngx_http_cos_var_finish(&b, out);
}


ngx_int_t
ngx_http_cos_var_encoded(ngx_http_cos_ctx_t *ctx, const char *before,
    cos_str_t s, ngx_str_t *out)
{
    cos_buf_t  b;

    cos_buf_init(&b, &ctx->alloc, s.len + 64);
    cos_buf_cstr(&b, before);
    cos_pct_encode(&b, s, COS_ENC_SLASH);

    return ngx_http_cos_var_finish(&b, out);
}
