/*
 * object, GetObject only: what planning and sending share.
 */

#ifndef NGX_HTTP_COS_GET_H
#define NGX_HTTP_COS_GET_H

#include "ngx_http_cos.h"
#include "ngx_http_cos_object.h"

#pragma GCC visibility push(hidden)

#define NGX_HTTP_COS_WINDOW  64              /* containers open at once */

typedef struct {
    uint64_t               first;     /* of the object's bytes to be sent */
    uint64_t               left;
    uint32_t               seg;       /* next segment */
    uint64_t               seg_pos;   /* offset of first within it */
    uint32_t               win;       /* segment of the first open container */
    uint32_t               nopen;
    uint32_t               window;    /* room in open */
    ngx_http_cos_open_t   *open;      /* nopen of them; room for a window */
    ngx_http_cos_open_t    one;       /* is enough for most objects */
    ngx_uint_t             status;
    const ngx_http_cos_serve_t  *serve;      /* of a website, or NULL */
    uint64_t               part;      /* that is asked for by number, or 0 */
    unsigned               partial:1;
    unsigned               refetched:1;
    unsigned               header_sent:1;
    u_char                *warm;      /* scratch for the thread */
    ngx_fd_t               warm_fd;
    uint64_t               warm_off;
    size_t                 warm_len;
    ngx_http_cos_step_pt   drained;   /* when what was sent has left */
    uint64_t               whole;     /* bytes of an encrypted answer */
    struct ngx_http_cos_get_crypt_s  *crypt;
} ngx_http_cos_get_t;

/* Steps: opens the next window of containers; sends what is open. */
ngx_int_t ngx_http_cos_get_open(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_get_send(ngx_http_cos_ctx_t *ctx);
/* The same for an encrypted object. */
ngx_int_t ngx_http_cos_get_crypt(ngx_http_cos_ctx_t *ctx);
/* Sends the header of an answer of so many bytes: NGX_OK when they are to
 * follow, else what the step returns. */
ngx_int_t ngx_http_cos_get_header(ngx_http_cos_ctx_t *ctx, uint64_t length);
/* Waits until all output has left; then next. What the step returns. */
ngx_int_t ngx_http_cos_get_drain(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_step_pt next);
/* The same, but not before other requests had their turn. */
ngx_int_t ngx_http_cos_get_yield(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_step_pt next);

/* For an answer in several writes from memory: with tcp_nopush, no segment goes
 * half full, although TCP_NODELAY is set. nginx lets the last one go when the
 * request ends, as after sendfile. A unix socket refuses, and needs none. */
void ngx_http_cos_get_cork(ngx_http_request_t *r);

/* Before bytes of a file that do not begin at a page. */
void ngx_http_cos_get_no_delay(ngx_http_request_t *r);
/* ngx_http_output_filter(), of file buffers, or of one in memory. */
ngx_int_t ngx_http_cos_get_output(ngx_http_request_t *r, ngx_chain_t *out);

/* What a part number in the query asks for, if there is one. */
cos_err_e ngx_http_cos_get_part(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_get_t *g);
/* How many parts there are, and the checksum of the one that is sent. */
ngx_int_t ngx_http_cos_get_part_headers(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_get_t *g);

#pragma GCC visibility pop

#endif
