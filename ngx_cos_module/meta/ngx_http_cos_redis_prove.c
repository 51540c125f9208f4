/*
 * meta: the proof of a data connection, two rounds of pipelined commands.
 *
 *   ask:  AUTH, CLIENT SETNAME, CONFIG GET, cos_version, g.store, g.hi
 *   act:  FUNCTION LOAD, claiming of an empty store, cos_hi
 *
 * The first question that is answered wrongly ends it: the connection is
 * dropped, the log says why, and the back-off decides when to ask again. Only
 * g.store tells whether this Redis describes our data directory. One without
 * it is claimed only while the directory is empty and no worker has ever seen
 * our id: everything else is a Redis that was emptied, and treating it as an
 * empty store would lose all objects without a word.
 */

#include "cos_lua_version.h"
#include "cos_lua.h"
#include "ngx_http_cos_meta_internal.h"


typedef enum {
    STEP_AUTH = 1,
    STEP_NAME,
    STEP_CONFIG,
    STEP_VERSION,
    STEP_STORE,
    STEP_HI,                          /* the last question */
    STEP_LOAD,
    STEP_CLAIM,
    STEP_CLAIMED,
    STEP_RAISE,                       /* the last act */
    STEP_SLOW
} step_e;

typedef struct {
    const char  *name;
    const char  *value;
    const char  *risk;
} setting_t;


static void ask(ngx_http_cos_rconn_t *conn, step_e step, const char *command);
static void step_handler(redisAsyncContext *ac, void *r, void *privdata);
static ngx_int_t step(ngx_http_cos_rconn_t *conn, step_e s, redisReply *reply);
static void check_config(redisReply *reply);
static void check_setting(const char *name, const char *value);
static void check_least(const char *name, const char *value);
static ngx_int_t check_version(redisReply *reply);
static ngx_int_t check_store(ngx_http_cos_rconn_t *conn, redisReply *reply,
    ngx_uint_t claimed);
static ngx_int_t act(ngx_http_cos_rconn_t *conn, redisReply *reply);
static void load(ngx_http_cos_rconn_t *conn);
static ngx_int_t refuse(ngx_http_cos_rconn_t *conn, redisReply *reply);


static const setting_t  settings[] = {
    { "maxmemory-policy", "noeviction", "objects can vanish" },
    { "appendonly", "yes", "acknowledged writes can be lost" },
    { "appendfsync", "always", "acknowledged writes of the last moments can"
                               " be lost" },
    { NULL, NULL, NULL }
};

/* Limits below which Redis gives up the compact form of the index's pages */
static const struct {
    const char  *name;
    ngx_int_t    least;
    ngx_int_t    better;
} limits[] = {
    { "zset-max-listpack-value", 1200, 2048 },
    { "zset-max-listpack-entries", 32, 128 },
    { NULL, 0, 0 }
};

/* of the proof that is going on; there is one data connection */
static ngx_uint_t  must_load;
static ngx_uint_t  must_claim;
/* once for each worker */
static ngx_uint_t  config_checked;


void
ngx_http_cos_prove_data(ngx_http_cos_rconn_t *conn)
{
    must_load = 0;
    must_claim = 0;

    ngx_http_cos_prove_hello(conn, step_handler, (void *) STEP_AUTH,
                             (void *) STEP_NAME);

    if (!config_checked) {
        ask(conn, STEP_CONFIG,
            "CONFIG GET maxmemory-policy appendonly appendfsync"
            " zset-max-listpack-value zset-max-listpack-entries");
    }

    ask(conn, STEP_VERSION, "FCALL cos_version 0");
    ask(conn, STEP_STORE, "HGET g store");
    ask(conn, STEP_HI, "HGET g hi");
}


/* Opened only after a data connection was proved: enough that it is the same
 * store and that it answers. */
void
ngx_http_cos_prove_slow(ngx_http_cos_rconn_t *conn)
{
    ngx_http_cos_prove_hello(conn, step_handler, (void *) STEP_AUTH,
                             (void *) STEP_NAME);
    ask(conn, STEP_SLOW, "HGET g store");
}


void
ngx_http_cos_prove_hello(ngx_http_cos_rconn_t *conn, redisCallbackFn *cb,
    void *auth, void *name)
{
    ngx_str_t  *password = &ngx_http_cos_link.conf->password;

    if (password->len) {
        (void) redisAsyncCommand(conn->ac, cb, auth, "AUTH %b",
                                 password->data, password->len);
    }

    (void) redisAsyncCommand(conn->ac, cb, name,
                             "CLIENT SETNAME nginx-cos-%s-%d", conn->name,
                             (int) ngx_pid);
}


/* A command that could not be queued leaves the proof to its timer: dropping
 * a connection is not possible from within the connect callback. */
static void
ask(ngx_http_cos_rconn_t *conn, step_e s, const char *command)
{
    (void) redisAsyncCommand(conn->ac, step_handler, (void *) (uintptr_t) s,
                             command);
}


static void
step_handler(redisAsyncContext *ac, void *r, void *privdata)
{
    redisReply            *reply = r;
    ngx_http_cos_rconn_t  *conn = ac->data;

    /* not proving: an earlier answer of the same round was wrong */
    if (reply == NULL || conn->state != NGX_HTTP_COS_PROVING) {
        return;
    }

    if (step(conn, (step_e) (uintptr_t) privdata, reply) != NGX_OK) {
        ngx_http_cos_rconn_drop(conn);
        return;
    }

    if (conn->state == NGX_HTTP_COS_PROVING) {
        ngx_add_timer(&conn->timer, ngx_http_cos_link.conf->connect_timeout);
    }
}


static ngx_int_t
step(ngx_http_cos_rconn_t *conn, step_e s, redisReply *reply)
{
    switch (s) {

    case STEP_CONFIG:
        check_config(reply);
        return NGX_OK;

    case STEP_VERSION:
        return check_version(reply) == NGX_OK ? NGX_OK : refuse(conn, reply);

    case STEP_STORE:
        return check_store(conn, reply, 0);

    case STEP_CLAIMED:
        return check_store(conn, reply, 1);

    case STEP_SLOW:
        if (check_store(conn, reply, 1) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_http_cos_rconn_proved(conn);
        return NGX_OK;

    case STEP_HI:
        return act(conn, reply);

    case STEP_RAISE:
        if (reply->type == REDIS_REPLY_ERROR) {
            return refuse(conn, reply);
        }

        ngx_http_cos_shared()->proved = 1;
        ngx_http_cos_rconn_proved(conn);
        return NGX_OK;

    default:
        return reply->type == REDIS_REPLY_ERROR ? refuse(conn, reply) : NGX_OK;
    }
}


static ngx_int_t
refuse(ngx_http_cos_rconn_t *conn, redisReply *reply)
{
    ngx_http_cos_rconn_complain(conn, "%s", reply->type == REDIS_REPLY_ERROR
                                            ? reply->str : "unexpected reply");
    return NGX_ERROR;
}


static void
check_config(redisReply *reply)
{
    size_t      i;
    ngx_log_t  *log = ngx_http_cos_link.log;

    if (reply->type == REDIS_REPLY_ERROR) {
        /* still loading: asked again with the next proof */
        if (ngx_strncmp(reply->str, "LOADING", 7) == 0) {
            return;
        }

        config_checked = 1;
        ngx_log_error(NGX_LOG_INFO, log, 0,
                      "Redis at %V does not tell its settings: %s",
                      &ngx_http_cos_link.conf->address, reply->str);
        return;
    }

    if (reply->type != REDIS_REPLY_ARRAY) {
        return;
    }

    config_checked = 1;

    for (i = 0; i + 1 < reply->elements; i += 2) {
        if (reply->element[i]->type == REDIS_REPLY_STRING
            && reply->element[i + 1]->type == REDIS_REPLY_STRING)
        {
            check_setting(reply->element[i]->str, reply->element[i + 1]->str);
            check_least(reply->element[i]->str, reply->element[i + 1]->str);
        }
    }
}


static void
check_setting(const char *name, const char *value)
{
    const setting_t  *s;

    for (s = settings; s->name; s++) {
        if (ngx_strcmp(s->name, name) != 0 || ngx_strcmp(s->value, value) == 0)
        {
            continue;
        }

        ngx_log_error(NGX_LOG_WARN, ngx_http_cos_link.log, 0,
                      "Redis at %V: %s is \"%s\" and should be \"%s\": %s",
                      &ngx_http_cos_link.conf->address, name, value, s->value,
                      s->risk);
    }
}


static void
check_least(const char *name, const char *value)
{
    ngx_int_t   n;
    ngx_uint_t  i;

    for (i = 0; limits[i].name; i++) {
        if (ngx_strcmp(limits[i].name, name) != 0) {
            continue;
        }

        n = ngx_atoi((u_char *) value, ngx_strlen(value));

        if (n != NGX_ERROR && n < limits[i].least) {
            ngx_log_error(NGX_LOG_NOTICE, ngx_http_cos_link.log, 0,
                          "Redis at %V: %s is %i: listings take more memory"
                          " and time than with \"%s %i\" in redis.conf",
                          &ngx_http_cos_link.conf->address, name, n, name,
                          limits[i].better);
        }
    }
}


/* The number alone, or behind the status word that all functions return. */
static ngx_int_t
check_version(redisReply *reply)
{
    long long  version;

    if (reply->type == REDIS_REPLY_ERROR) {
        must_load = 1;
        return ngx_strncmp(reply->str, "ERR Function not found", 22) == 0
               ? NGX_OK : NGX_ERROR;
    }

    if (reply->type == REDIS_REPLY_ARRAY && reply->elements) {
        reply = reply->element[reply->elements - 1];
    }

    if (reply->type == REDIS_REPLY_INTEGER) {
        version = reply->integer;

    } else if (reply->type == REDIS_REPLY_STRING) {
        version = ngx_atoi((u_char *) reply->str, reply->len);

    } else {
        return NGX_ERROR;
    }

    must_load = (version < COS_LUA_VERSION);

    return NGX_OK;
}


static ngx_int_t
check_store(ngx_http_cos_rconn_t *conn, redisReply *reply, ngx_uint_t claimed)
{
    ngx_http_cos_redis_hooks_t  *hooks = &ngx_http_cos_link.hooks;

    if (reply->type == REDIS_REPLY_STRING) {
        if ((size_t) reply->len == hooks->store_id.len
            && ngx_memcmp(reply->str, hooks->store_id.data,
                          hooks->store_id.len) == 0)
        {
            return NGX_OK;
        }

        ngx_http_cos_rconn_complain(conn, "it belongs to the data directory"
                                    " %*s, ours is %V", (size_t) reply->len,
                                    reply->str, &hooks->store_id);

    } else if (reply->type == REDIS_REPLY_NIL) {
        if (!claimed && hooks->store_empty && !ngx_http_cos_shared()->proved) {
            must_claim = 1;
            return NGX_OK;
        }

        ngx_http_cos_rconn_complain(conn, "it holds no metadata of the data"
                                    " directory %V; run cosctl rebuild",
                                    &hooks->store_id);

    } else {
        return refuse(conn, reply);
    }

    /* whatever was learned through this address is of another store */
    ngx_http_cos_cache_flush();

    return NGX_ERROR;
}


static ngx_int_t
act(ngx_http_cos_rconn_t *conn, redisReply *reply)
{
    uint64_t                     hi;
    ngx_int_t                    n;
    ngx_http_cos_redis_hooks_t  *hooks = &ngx_http_cos_link.hooks;

    hi = 0;

    if (reply->type == REDIS_REPLY_STRING) {
        n = ngx_atoi((u_char *) reply->str, reply->len);
        if (n == NGX_ERROR) {
            ngx_http_cos_rconn_complain(conn, "g.hi is not a number");
            return NGX_ERROR;
        }

        hi = n;

    } else if (reply->type != REDIS_REPLY_NIL) {
        return refuse(conn, reply);
    }

    ngx_http_cos_seq_init(hi);

    if (must_load) {
        load(conn);
    }

    if (must_claim) {
        /* two workers may try at once; who came first is read back */
        (void) redisAsyncCommand(conn->ac, step_handler, (void *) STEP_CLAIM,
                                 "HSETNX g store %b", hooks->store_id.data,
                                 hooks->store_id.len);
        ask(conn, STEP_CLAIMED, "HGET g store");
    }

    (void) redisAsyncCommand(conn->ac, step_handler, (void *) STEP_RAISE,
                             "FCALL cos_hi 1 g %llu", (unsigned long long)
                             (ngx_http_cos_seq() + NGX_HTTP_COS_HI_AHEAD));

    return NGX_OK;
}


static void
load(ngx_http_cos_rconn_t *conn)
{
    ngx_log_error(NGX_LOG_NOTICE, ngx_http_cos_link.log, 0,
                  "Redis at %V gets version %d of our functions",
                  &ngx_http_cos_link.conf->address, COS_LUA_VERSION);

    (void) redisAsyncCommand(conn->ac, step_handler, (void *) STEP_LOAD,
                             "FUNCTION LOAD REPLACE %b", cos_lua,
                             sizeof(cos_lua) - 1);
}
