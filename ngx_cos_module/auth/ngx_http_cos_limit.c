/*
 * The gate: how often. The lines of "cos_limit_req" are counted in memory that
 * all workers share; nothing is allocated and nobody is waited for.
 *
 * By address every request counts, before anything is asked for it. By bucket
 * and by user those that are allowed: who has no right there cannot use up
 * what others may.
 */

#include "ngx_http_cos.h"


#define IPV6_NETWORK  8               /* bytes of what one customer has */


/* Seconds to wait, rounded up; 0: it may pass. */
static time_t
take(ngx_shm_zone_t *zone, ngx_http_cos_limit_t *l, cos_str_t name)
{
    uint64_t           wait;
    cos_rate_table_t  *t = zone->data;

    wait = cos_rate_take(t, cos_rate_key(t, l->by, &l->rate, name), &l->rate,
                         (uint64_t) ngx_current_msec * 1000000);

    return (time_t) ((wait + 999999999) / 1000000000);
}


/* The part of the client's address that one customer has; an address of IPv4
 * is the same in both families. */
static cos_str_t
network(struct sockaddr *sa)
{
    cos_str_t             s;
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;

    if (sa->sa_family == AF_INET6) {
        sin6 = (struct sockaddr_in6 *) sa;
        s.data = sin6->sin6_addr.s6_addr;
        s.len = IPV6_NETWORK;

        if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr)) {
            s.data += 12;
            s.len = 4;
        }

        return s;
    }
#endif

    if (sa->sa_family == AF_INET) {
        sin = (struct sockaddr_in *) sa;
        s.data = (u_char *) &sin->sin_addr;
        s.len = 4;
        return s;
    }

    ngx_str_null(&s);                 /* a unix socket: all are one */

    return s;
}


static void
counted(void *data)
{
    /* only a mark on the request's pool */
    (void) data;
}


/* Whether these lines have counted the request already, in a location that
 * nginx has redirected it from; if not, they have now. */
static ngx_int_t
again(ngx_http_request_t *r, ngx_array_t *limits)
{
    ngx_pool_cleanup_t  *c;

    for (c = r->pool->cleanup; c; c = c->next) {
        if (c->handler == counted && c->data == limits) {
            return NGX_OK;
        }
    }

    c = ngx_pool_cleanup_add(r->pool, 0);
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->handler = counted;
    c->data = limits;

    return NGX_DECLINED;
}


time_t
ngx_http_cos_limit_address(ngx_http_request_t *r, ngx_http_cos_loc_conf_t *lcf)
{
    time_t                     wait;
    cos_str_t                  name;
    ngx_int_t                  rc;
    ngx_uint_t                 i;
    ngx_http_cos_limit_t      *l;
    ngx_http_cos_main_conf_t  *mcf;

    if (lcf->limits == NULL) {
        return 0;
    }

    rc = again(r, lcf->limits);

    if (rc != NGX_DECLINED) {
        return rc == NGX_OK ? 0 : NGX_ERROR;
    }

    mcf = ngx_http_get_module_main_conf(r, ngx_http_cos_module);
    name = network(r->connection->sockaddr);
    l = lcf->limits->elts;

    for (i = 0; i < lcf->limits->nelts; i++) {
        wait = l[i].by == NGX_HTTP_COS_BY_ADDRESS
               ? take(mcf->limits, &l[i], name) : 0;

        if (wait) {
            return wait;
        }
    }

    return 0;
}


cos_err_e
ngx_http_cos_limit(ngx_http_cos_ctx_t *ctx)
{
    uint64_t               user[2];
    cos_str_t              name;
    ngx_uint_t             i;
    ngx_http_cos_limit_t  *l;

    if (ctx->lcf->limits == NULL) {
        return COS_OK;
    }

    user[0] = ctx->identity.uid;
    user[1] = ctx->identity.sub;
    l = ctx->lcf->limits->elts;

    for (i = 0; i < ctx->lcf->limits->nelts; i++) {
        ngx_str_null(&name);

        if (l[i].by == NGX_HTTP_COS_BY_BUCKET) {
            name = ctx->bucket.id;

        } else if (l[i].by == NGX_HTTP_COS_BY_USER && ctx->identity.known) {
            name.data = (u_char *) user;
            name.len = sizeof(user);
        }

        if (name.len) {
            ctx->retry_after = take(ctx->mcf->limits, &l[i], name);
        }

        if (ctx->retry_after) {
            return COS_E_SLOW_DOWN;
        }
    }

    return COS_OK;
}
