/*
 * How an answer is cut into TCP segments. nginx corks the connection when a
 * header goes before a file, so that both share a segment, and lets the last
 * segment go when the request ends: two system calls. A header that tells the
 * kernel that more comes needs neither.
 */

#include "ngx_http_cos_get.h"


#define MORE_MAX   (1024 * 1024)      /* file that follows; of more the two calls
                                         are a small part */
#define HEAD_BUFS  4


/* Whether segments of the answer are the connection's own, and are to be
 * full. */
static ngx_uint_t
may_cork(ngx_http_request_t *r)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    return clcf->tcp_nopush
#if (NGX_HTTP_V2)
           && r->stream == NULL
#endif
#if (NGX_HTTP_SSL)
           && r->connection->ssl == NULL
#endif
           ;
}


void
ngx_http_cos_get_cork(ngx_http_request_t *r)
{
    ngx_connection_t  *c = r->connection;

    if (c->tcp_nopush == NGX_TCP_NOPUSH_UNSET && may_cork(r)
        && ngx_tcp_nopush(c->fd) == 0)
    {
        c->tcp_nopush = NGX_TCP_NOPUSH_SET;
    }
}


/*
 * A segment of a response from a file holds at most 17 pages or pieces of
 * pages; bytes that do not begin at a page leave it half full, and with
 * Nagle's algorithm on, which nginx turns on again for tcp_nopush, the last
 * one waits for the client's delayed acknowledgement (40 ms). Corking works
 * with TCP_NODELAY set as well, so it stays set.
 */
void
ngx_http_cos_get_no_delay(ngx_http_request_t *r)
{
    int                        on = 1;
    ngx_connection_t          *c = r->connection;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (!clcf->tcp_nodelay || !may_cork(r)) {
        return;
    }

    if (c->tcp_nodelay == NGX_TCP_NODELAY_SET) {
        /* nginx would clear what it believes to be set */
        c->tcp_nodelay = NGX_TCP_NODELAY_UNSET;

    } else if (c->tcp_nodelay == NGX_TCP_NODELAY_UNSET) {
        /* a unix socket refuses, and needs none */
        (void) setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(int));
    }
}


/* Header and file are all there is to send. */
static ngx_int_t
gather(ngx_chain_t *in, struct iovec *iov, size_t *size)
{
    ngx_int_t  n;

    for (n = 0, *size = 0; in && ngx_buf_in_memory_only(in->buf); in = in->next)
    {
        if (n == HEAD_BUFS) {
            return 0;
        }

        iov[n].iov_base = in->buf->pos;
        iov[n].iov_len = in->buf->last - in->buf->pos;
        *size += iov[n++].iov_len;
    }

    return in && in->buf->in_file && in->next == NULL ? n : 0;
}


/* In place of c->send_chain. What it does not send itself it leaves to nginx's
 * function, errors as well. */
static ngx_chain_t *
send_more(ngx_connection_t *c, ngx_chain_t *in, off_t limit)
{
    size_t         size;
    ssize_t        sent;
    struct iovec   iov[HEAD_BUFS];
    struct msghdr  msg;

    ngx_memzero(&msg, sizeof(msg));
    msg.msg_iov = iov;
    msg.msg_iovlen = gather(in, iov, &size);

    if (msg.msg_iovlen && c->write->ready && (limit == 0 || limit > (off_t) size))
    {
        sent = sendmsg(c->fd, &msg, MSG_MORE|MSG_NOSIGNAL);

        if (sent > 0) {
            c->sent += sent;
            in = ngx_chain_update_sent(in, sent);
            limit = limit ? limit - sent : 0;
        }
    }

    return ngx_os_io.send_chain(c, in, limit);
}


ngx_int_t
ngx_http_cos_get_output(ngx_http_request_t *r, ngx_chain_t *out)
{
    ngx_int_t          rc;
    ngx_connection_t  *c = r->connection;

    if (!out->buf->in_file || !out->buf->last_buf
        || out->buf->file_last - out->buf->file_pos > MORE_MAX
        || c->tcp_nopush != NGX_TCP_NOPUSH_UNSET || !may_cork(r)
        || c->send_chain != ngx_os_io.send_chain)
    {
        return ngx_http_output_filter(r, out);
    }

    c->send_chain = send_more;
    rc = ngx_http_output_filter(r, out);
    c->send_chain = ngx_os_io.send_chain;

    return rc;
}
