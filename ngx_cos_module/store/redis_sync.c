/*
 * Redis for programs that may block: one connection, pipelines, and what is
 * sent and received over it.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cos_lua_version.h"
#include "maint_internal.h"


#define MAX_ARGS  16

static redisContext *dial(const char *address, int timeout_ms);
static int prove(redisContext *c, const char *password, const char *load_lua,
    char *err, size_t len);


redisContext *
cos_redis_connect(const char *address, const char *password, int timeout_ms,
    const char *load_lua, char *err, size_t len)
{
    redisContext  *c;

    c = dial(address, timeout_ms);

    if (c == NULL || c->err) {
        snprintf(err, len, "cannot connect to Redis at \"%s\": %s", address,
                 c == NULL ? "bad address or out of memory" : c->errstr);

        if (c != NULL) {
            redisFree(c);
        }

        return NULL;
    }

    if (prove(c, password, load_lua, err, len) != 0) {
        redisFree(c);
        return NULL;
    }

    return c;
}


static redisContext *
dial(const char *address, int timeout_ms)
{
    long            port;
    char            host[256], *end;
    const char     *colon;
    redisContext   *c;
    struct timeval  tv;

    tv.tv_sec = timeout_ms / 1000;
    tv.tv_usec = timeout_ms % 1000 * 1000;

    if (strncmp(address, "unix:", 5) == 0) {
        c = redisConnectUnixWithTimeout(address + 5, tv);

    } else if (address[0] == '/') {
        c = redisConnectUnixWithTimeout(address, tv);

    } else {
        colon = strrchr(address, ':');

        if (colon == NULL || colon == address
            || (size_t) (colon - address) >= sizeof(host))
        {
            return NULL;
        }

        port = strtol(colon + 1, &end, 10);

        if (*end != '\0' || port < 1 || port > 65535) {
            return NULL;
        }

        memcpy(host, address, (size_t) (colon - address));
        host[colon - address] = '\0';
        c = redisConnectWithTimeout(host, (int) port, tv);
    }

    if (c != NULL && !c->err) {
        (void) redisSetTimeout(c, tv);
    }

    return c;
}


static int
prove(redisContext *c, const char *password, const char *load_lua, char *err,
    size_t len)
{
    int          have;
    redisReply  *r;

    if (password != NULL && password[0] != '\0') {
        r = redisCommand(c, "AUTH %s", password);

        if (r == NULL || r->type == REDIS_REPLY_ERROR) {
            snprintf(err, len, "Redis refuses the password: %s",
                     r == NULL ? c->errstr : r->str);
            freeReplyObject(r);
            return -1;
        }

        freeReplyObject(r);
    }

    r = redisCommand(c, "FCALL cos_version 0");
    have = 0;

    if (r == NULL) {
        snprintf(err, len, "Redis does not answer: %s", c->errstr);
        return -1;
    }

    if (r->type == REDIS_REPLY_ARRAY && r->elements == 2) {
        have = (int) r->element[1]->integer;
    }

    freeReplyObject(r);

    if (have >= COS_LUA_VERSION) {
        return 0;
    }

    if (load_lua == NULL) {
        snprintf(err, len, "Redis has no function library \"cos\" of version "
                 "%d yet", COS_LUA_VERSION);
        return -1;
    }

    r = redisCommand(c, "FUNCTION LOAD REPLACE %s", load_lua);

    if (r == NULL || r->type == REDIS_REPLY_ERROR) {
        snprintf(err, len, "Redis refuses the function library: %s",
                 r == NULL ? c->errstr : r->str);
        freeReplyObject(r);
        return -1;
    }

    freeReplyObject(r);

    return 0;
}


int
cos_rs_add(redisContext *c, size_t argc, const cos_str_t *argv)
{
    size_t       i, len[MAX_ARGS];
    const char  *arg[MAX_ARGS];

    if (argc > MAX_ARGS) {
        return -1;
    }

    for (i = 0; i < argc; i++) {
        arg[i] = argv[i].len ? (const char *) argv[i].data : "";
        len[i] = argv[i].len;
    }

    return redisAppendCommandArgv(c, (int) argc, arg, len) == REDIS_OK ? 0
                                                                       : -1;
}


redisReply *
cos_rs_next(redisContext *c)
{
    void  *r;

    r = NULL;

    if (redisGetReply(c, &r) != REDIS_OK) {
        return NULL;
    }

    return r;
}


redisReply *
cos_rs_call(redisContext *c, const char *fmt, ...)
{
    va_list      ap;
    redisReply  *r;

    va_start(ap, fmt);
    r = redisvCommand(c, fmt, ap);
    va_end(ap);

    if (r != NULL && r->type == REDIS_REPLY_ERROR) {
        snprintf(c->errstr, sizeof(c->errstr), "%s", r->str);
        freeReplyObject(r);
        return NULL;
    }

    return r;
}


int
cos_rs_skip(redisContext *c, size_t n)
{
    int          rc;
    redisReply  *r;

    rc = 0;

    while (n-- > 0) {
        r = cos_rs_next(c);

        if (r == NULL) {
            return -1;
        }

        if (r->type == REDIS_REPLY_ERROR) {
            snprintf(c->errstr, sizeof(c->errstr), "%s", r->str);
            rc = -1;
        }

        freeReplyObject(r);
    }

    return rc;
}


int
cos_rs_key(cos_alloc_t *a, cos_str_t *dst, char letter, cos_str_t bid,
    cos_str_t rest)
{
    cos_u8  *p;

    dst->len = 3 + bid.len + rest.len;

    p = cos_alloc(a, dst->len + 1);
    if (p == NULL) {
        return -1;
    }

    dst->data = p;
    *p++ = (cos_u8) letter;
    *p++ = '{';

    if (bid.len) {
        memcpy(p, bid.data, bid.len);
        p += bid.len;
    }

    *p++ = '}';

    if (rest.len) {
        memcpy(p, rest.data, rest.len);
        p += rest.len;
    }

    *p = '\0';

    return 0;
}


/* Empty when out of memory: Redis refuses that as a number. */
cos_str_t
cos_rs_uint(cos_alloc_t *a, uint64_t n)
{
    int        len;
    char       text[24];
    cos_str_t  s = { 0, NULL };

    len = snprintf(text, sizeof(text), "%llu", (unsigned long long) n);

    if (cos_dup(a, &s, text, (size_t) len) != 0) {
        s.len = 0;
    }

    return s;
}


cos_str_t
cos_rs_str(const redisReply *r)
{
    cos_str_t  s = { 0, NULL };

    if (r != NULL && r->type == REDIS_REPLY_STRING) {
        s.data = (cos_u8 *) r->str;
        s.len = r->len;
    }

    return s;
}


int
cos_rs_status(const redisReply *r, const char *word)
{
    return r != NULL && r->type == REDIS_REPLY_ARRAY && r->elements > 0
           && (r->element[0]->type == REDIS_REPLY_STRING
               || r->element[0]->type == REDIS_REPLY_STATUS)
           && strcmp(r->element[0]->str, word) == 0;
}
