/*
 * meta: hiredis 0.14 on nginx events.
 *
 * hiredis reads at most 16 KiB for each event and relies on being told again,
 * so events are level-triggered; epoll keeps one mode for a descriptor, hence
 * NGX_LEVEL_EVENT in every add and delete. The library frees its context from
 * inside its own handlers and closes the descriptor itself: our connection
 * object outlives both, and cleanup only detaches.
 *
 * Commands are written by a posted event: all that one turn of the loop
 * queues leaves in one write, without epoll_ctl. The kernel is asked to
 * report writability only while connecting and after a partial write.
 */

#include "ngx_http_cos_meta_internal.h"


static redisAsyncContext *connect_to(ngx_addr_t *addr);
static ngx_int_t attach(ngx_http_cos_rconn_t *conn, redisAsyncContext *ac,
    ngx_log_t *log);
static void on_connect(const redisAsyncContext *ac, int status);
static void read_handler(ngx_event_t *rev);
static void write_handler(ngx_event_t *wev);
static void add_read(void *data);
static void del_read(void *data);
static void add_write(void *data);
static void del_write(void *data);
static void cleanup(void *data);


ngx_int_t
ngx_http_cos_rconn_open(ngx_http_cos_rconn_t *conn, ngx_addr_t *addr,
    ngx_log_t *log)
{
    redisAsyncContext  *ac;

    ac = connect_to(addr);
    if (ac == NULL) {
        ngx_http_cos_rconn_complain(conn, "out of memory");
        return NGX_ERROR;
    }

    if (ac->err) {
        /* a unix socket says at once that nobody listens */
        ngx_http_cos_rconn_complain(conn, "%s", ac->errstr);
        redisAsyncFree(ac);
        return NGX_ERROR;
    }

    if (attach(conn, ac, log) != NGX_OK) {
        ngx_http_cos_rconn_complain(conn, "no connection is free");
        redisAsyncFree(ac);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static redisAsyncContext *
connect_to(ngx_addr_t *addr)
{
    size_t               len;
    in_port_t            port;
    u_char               text[NGX_SOCKADDR_STRLEN + 1];

#if (NGX_HAVE_UNIX_DOMAIN)
    if (addr->sockaddr->sa_family == AF_UNIX) {
        struct sockaddr_un  *saun = (struct sockaddr_un *) addr->sockaddr;

        return redisAsyncConnectUnix(saun->sun_path);
    }
#endif

    len = ngx_sock_ntop(addr->sockaddr, addr->socklen, text,
                        NGX_SOCKADDR_STRLEN, 0);
    text[len] = '\0';
    port = ngx_inet_get_port(addr->sockaddr);

    return redisAsyncConnect((char *) text, port);
}


static ngx_int_t
attach(ngx_http_cos_rconn_t *conn, redisAsyncContext *ac, ngx_log_t *log)
{
    ngx_connection_t  *c;

    c = ngx_get_connection(ac->c.fd, log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->data = conn;
    c->read->log = log;
    c->write->log = log;
    c->read->handler = read_handler;
    c->write->handler = write_handler;

    conn->c = c;
    conn->ac = ac;
    conn->writing = 0;
    conn->state = NGX_HTTP_COS_CONNECTING;

    ac->data = conn;
    ac->ev.data = conn;
    ac->ev.addRead = add_read;
    ac->ev.delRead = del_read;
    ac->ev.addWrite = add_write;
    ac->ev.delWrite = del_write;
    ac->ev.cleanup = cleanup;

    /* asks for the write event that tells of the connection */
    (void) redisAsyncSetConnectCallback(ac, on_connect);

    return NGX_OK;
}


/* On failure the library frees the context itself and calls cleanup, which
 * tells the link; so only success is of interest here. */
static void
on_connect(const redisAsyncContext *ac, int status)
{
    ngx_http_cos_rconn_t  *conn = ac->data;

    if (status == REDIS_OK) {
        ngx_http_cos_rconn_up(conn);
    }
}


static void
read_handler(ngx_event_t *rev)
{
    ngx_connection_t      *c = rev->data;
    ngx_http_cos_rconn_t  *conn = c->data;

    /*
     * worker_shutdown_timeout calls the handler of every connection, whatever
     * its state; hiredis would take a connect in progress for done. Otherwise
     * that call is harmless: there is nothing to read.
     */
    if (conn->ac == NULL || conn->state == NGX_HTTP_COS_CONNECTING) {
        return;
    }

    redisAsyncHandleRead(conn->ac);
}


static void
write_handler(ngx_event_t *wev)
{
    ngx_connection_t      *c = wev->data;
    ngx_http_cos_rconn_t  *conn = c->data;

    if (conn->ac == NULL) {
        return;
    }

    conn->writing = 1;
    redisAsyncHandleWrite(conn->ac);
    conn->writing = 0;
}


static void
add_read(void *data)
{
    ngx_http_cos_rconn_t  *conn = data;

    if (conn->c == NULL || conn->c->read->active) {
        return;
    }

    /* a failure is logged by nginx; the timers of the link notice the rest */
    (void) ngx_add_event(conn->c->read, NGX_READ_EVENT, NGX_LEVEL_EVENT);
}


static void
del_read(void *data)
{
    ngx_http_cos_rconn_t  *conn = data;

    if (conn->c == NULL || !conn->c->read->active) {
        return;
    }

    (void) ngx_del_event(conn->c->read, NGX_READ_EVENT, NGX_LEVEL_EVENT);
}


static void
add_write(void *data)
{
    ngx_event_t           *wev;
    ngx_http_cos_rconn_t  *conn = data;

    if (conn->c == NULL) {
        return;
    }

    wev = conn->c->write;

    if (wev->active || wev->posted) {
        return;
    }

    /* asked for from inside a write: the socket took only a part */
    if (conn->writing || conn->state == NGX_HTTP_COS_CONNECTING) {
        (void) ngx_add_event(wev, NGX_WRITE_EVENT, NGX_LEVEL_EVENT);
        return;
    }

    ngx_post_event(wev, &ngx_posted_events);
}


static void
del_write(void *data)
{
    ngx_event_t           *wev;
    ngx_http_cos_rconn_t  *conn = data;

    if (conn->c == NULL) {
        return;
    }

    wev = conn->c->write;

    if (wev->posted) {
        ngx_delete_posted_event(wev);
    }

    if (wev->active) {
        (void) ngx_del_event(wev, NGX_WRITE_EVENT, NGX_LEVEL_EVENT);
    }
}


/* The library is about to close the descriptor, which takes it out of epoll. */
static void
cleanup(void *data)
{
    ngx_connection_t      *c;
    redisAsyncContext     *ac;
    ngx_http_cos_rconn_t  *conn = data;

    c = conn->c;
    ac = conn->ac;

    if (c == NULL) {
        return;
    }

    conn->c = NULL;
    conn->ac = NULL;

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    if (ngx_del_conn) {
        ngx_del_conn(c, NGX_CLOSE_EVENT);

    } else {
        if (c->read->active) {
            ngx_del_event(c->read, NGX_READ_EVENT, NGX_CLOSE_EVENT);
        }

        if (c->write->active) {
            ngx_del_event(c->write, NGX_WRITE_EVENT, NGX_CLOSE_EVENT);
        }
    }

    c->read->closed = 1;
    c->write->closed = 1;

    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;

    ngx_http_cos_rconn_gone(conn, ac->c.err ? ac->c.errstr : NULL);
}
