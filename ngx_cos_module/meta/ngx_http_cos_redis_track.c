/*
 * meta: the invalidation connection. RESP2 client-side caching with a single
 * connection: tracking in broadcast mode, redirected to the connection itself,
 * which then subscribes to the channel of invalidations. Tracking ends with
 * the connection, so the two cannot part.
 *
 * What changes between CLIENT TRACKING and SUBSCRIBE is not told; therefore
 * the cache is emptied and used only from the confirmation on. A link that
 * died silently is found by a heartbeat: the same SUBSCRIBE again, which is
 * idempotent (a PING of a subscriber confuses hiredis 0.14).
 */

#include "ngx_http_cos_meta_internal.h"


#define HEARTBEAT  500
#define CHANNEL    "__redis__:invalidate"

enum { STEP_AUTH = 1, STEP_NAME, STEP_ID, STEP_TRACKING };


static void step_handler(redisAsyncContext *ac, void *r, void *privdata);
static void subscribe(ngx_http_cos_rconn_t *conn);
static void message_handler(redisAsyncContext *ac, void *r, void *privdata);
static void invalidate(redisReply *keys);


static ngx_uint_t  unanswered;        /* heartbeats */


void
ngx_http_cos_track_prove(ngx_http_cos_rconn_t *conn)
{
    unanswered = 0;

    ngx_http_cos_prove_hello(conn, step_handler, (void *) STEP_AUTH,
                             (void *) STEP_NAME);

    (void) redisAsyncCommand(conn->ac, step_handler, (void *) STEP_ID,
                             "CLIENT ID");
}


static void
step_handler(redisAsyncContext *ac, void *r, void *privdata)
{
    redisReply            *reply = r;
    ngx_http_cos_rconn_t  *conn = ac->data;

    if (reply == NULL || conn->state != NGX_HTTP_COS_PROVING) {
        return;
    }

    if (reply->type == REDIS_REPLY_ERROR
        || ((uintptr_t) privdata == STEP_ID
            && reply->type != REDIS_REPLY_INTEGER))
    {
        ngx_http_cos_rconn_complain(conn, "%s",
                                    reply->type == REDIS_REPLY_ERROR
                                    ? reply->str : "unexpected reply");
        ngx_http_cos_rconn_drop(conn);
        return;
    }

    if ((uintptr_t) privdata != STEP_ID) {
        return;
    }

    (void) redisAsyncCommand(ac, step_handler, (void *) STEP_TRACKING,
                             "CLIENT TRACKING ON REDIRECT %lld BCAST"
                             " PREFIX o{ PREFIX b: PREFIX u: PREFIX d:",
                             reply->integer);
    subscribe(conn);
}


static void
subscribe(ngx_http_cos_rconn_t *conn)
{
    unanswered++;
    (void) redisAsyncCommand(conn->ac, message_handler, NULL,
                             "SUBSCRIBE " CHANNEL);
}


void
ngx_http_cos_track_tick(ngx_http_cos_rconn_t *conn)
{
    if (unanswered >= 2) {
        ngx_http_cos_rconn_complain(conn, "no answer to %ui heartbeats",
                                    unanswered);
        ngx_http_cos_rconn_drop(conn);
        return;
    }

    subscribe(conn);
    ngx_add_timer(&conn->timer, HEARTBEAT);
}


/* Confirmations of SUBSCRIBE and messages: arrays of three elements. */
static void
message_handler(redisAsyncContext *ac, void *r, void *privdata)
{
    redisReply            *reply = r;
    ngx_http_cos_rconn_t  *conn = ac->data;

    (void) privdata;

    if (reply == NULL) {
        if (conn->state != NGX_HTTP_COS_DOWN) {
            ngx_http_cos_rconn_lost(conn);
        }

        return;
    }

    if (conn->state == NGX_HTTP_COS_DOWN || reply->type != REDIS_REPLY_ARRAY
        || reply->elements < 3
        || reply->element[0]->type != REDIS_REPLY_STRING)
    {
        return;
    }

    if (ngx_strcmp(reply->element[0]->str, "subscribe") == 0) {
        unanswered = 0;

        if (conn->state == NGX_HTTP_COS_PROVING) {
            ngx_http_cos_cache_enable(1);
            ngx_http_cos_rconn_proved(conn);
        }

        return;
    }

    if (ngx_strcmp(reply->element[0]->str, "message") == 0) {
        invalidate(reply->element[2]);
    }
}


static void
invalidate(redisReply *keys)
{
    size_t      i;
    ngx_str_t   key;

    /* nil: FLUSHALL, FLUSHDB, or a replica that took a whole new data set */
    if (keys->type != REDIS_REPLY_ARRAY) {
        ngx_http_cos_link_flushed();
        return;
    }

    for (i = 0; i < keys->elements; i++) {
        if (keys->element[i]->type != REDIS_REPLY_STRING) {
            continue;
        }

        key.len = keys->element[i]->len;
        key.data = (u_char *) keys->element[i]->str;
        ngx_http_cos_cache_invalidate(&key);
    }
}
