/*
 * Redis for programs that may block: one connection, pipelines, and the few
 * questions that several jobs ask.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cos_lua_version.h"
#include "cos_facts.h"
#include "maint_internal.h"


#define MAX_ARGS  16
#define PAGE      500

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


static int
take_bucket(cos_alloc_t *a, cos_rs_buckets_t *out, const redisReply *name,
    const redisReply *rec)
{
    cos_bucket_t      k;
    cos_rs_bucket_t  *one;

    if (rec->type == REDIS_REPLY_NIL) {
        return 0;                     /* deleted since the names were read */
    }

    one = &out->list[out->n];

    if (rec->type != REDIS_REPLY_STRING
        || cos_dup(a, &one->rec, rec->str, rec->len) != 0
        || cos_bucket_decode(&k, one->rec) != 0
        || cos_dup(a, &one->name, name->str, name->len) != 0)
    {
        return -1;
    }

    one->id = k.id;
    one->seq = k.seq;
    out->n++;

    return 0;
}


redisReply *
cos_rs_index_page(redisContext *c, cos_str_t bid, int versions, cos_str_t from,
    cos_str_t *next, int64_t *bytes, redisReply **members)
{
    cos_str_t    start;
    redisReply  *r;

    r = cos_rs_call(c, "FCALL_RO cos_keys 1 k{%b} %b %b %s", bid.data, bid.len,
                    bid.data, bid.len, from.data, from.len,
                    versions ? "versions" : "objects");

    if (!cos_rs_status(r, "OK") || r->elements != 5
        || r->element[4]->type != REDIS_REPLY_ARRAY)
    {
        if (r != NULL && r->type == REDIS_REPLY_ERROR) {
            snprintf(c->errstr, sizeof(c->errstr), "%s", r->str);
        }

        freeReplyObject(r);
        return NULL;
    }

    start = cos_rs_str(r->element[1]);
    *next = cos_rs_str(r->element[2]);
    *members = r->element[4];
    *bytes = cos_str_eq(start, from) ? strtoll(r->element[3]->str, NULL, 10)
                                     : -1;

    return r;
}


cos_str_t
cos_rs_found(const redisReply *r, size_t i)
{
    if (r != NULL && r->type == REDIS_REPLY_ARRAY) {
        return cos_rs_str(r->elements > i + 1 ? r->element[i + 1] : NULL);
    }

    return cos_rs_str(i == 0 ? r : NULL);
}


int
cos_rs_ask(redisContext *c, cos_str_t bid, int versions, cos_str_t key,
    const cos_object_t *o, cos_alloc_t *a)
{
    cos_str_t  argv[7] = { cos_lit("FCALL_RO"), cos_lit("cos_find"),
                           cos_lit("1") };

    if (!versions) {
        argv[0] = COS_STR("GET");
        return cos_rs_key(a, &argv[1], 'o', bid, key) != 0 ? -1
               : cos_rs_add(c, 2, argv);
    }

    argv[4] = bid;
    argv[5] = key;
    argv[6] = cos_rs_uint(a, cos_object_version(o));

    return cos_rs_key(a, &argv[3], 'o', bid, key) != 0 ? -1
           : cos_rs_add(c, 7, argv);
}


int
cos_rs_ask_members(redisContext *c, cos_str_t bid, int versions,
    const redisReply *members, cos_str_t *keys, cos_str_t *facts,
    cos_alloc_t *a)
{
    size_t        i, code;
    cos_object_t  o;

    code = versions ? COS_VERSION_CODE : 0;

    for (i = 0; i < members->elements; i++) {
        keys[i] = cos_rs_str(members->element[i]);

        if (cos_member_split(keys[i], &keys[i], &facts[i]) != 0
            || facts[i].len < code)
        {
            facts[i].len = 0;
            code = 0;
        }

        facts[i].data += code;
        facts[i].len -= code;
        code = versions ? COS_VERSION_CODE : 0;

        if (cos_facts_decode(&o, facts[i]) != 0) {
            facts[i].len = 0;
        }

        if (cos_rs_ask(c, bid, versions, keys[i], &o, a) != 0) {
            return -1;
        }
    }

    return 0;
}


int
cos_rs_buckets(redisContext *c, cos_alloc_t *a, cos_rs_buckets_t *out)
{
    int          rc;
    size_t       i, from, to;
    redisReply  *names, *rec;

    memset(out, 0, sizeof(cos_rs_buckets_t));

    names = cos_rs_call(c, "ZRANGE B 0 -1");
    if (names == NULL || names->type != REDIS_REPLY_ARRAY) {
        freeReplyObject(names);
        return -1;
    }

    rc = 0;
    out->list = cos_zalloc(a, (names->elements + 1) * sizeof(cos_rs_bucket_t));
    if (out->list == NULL) {
        rc = -1;
    }

    for (from = 0; rc == 0 && from < names->elements; from = to) {
        to = names->elements - from < PAGE ? names->elements : from + PAGE;

        for (i = from; i < to; i++) {
            (void) redisAppendCommand(c, "GET b:%b", names->element[i]->str,
                                      names->element[i]->len);
        }

        for (i = from; i < to; i++) {
            rec = cos_rs_next(c);

            if (rec == NULL) {
                rc = -1;
                break;
            }

            if (take_bucket(a, out, names->element[i], rec) != 0) {
                rc = -1;
            }

            freeReplyObject(rec);
        }
    }

    freeReplyObject(names);

    return rc;
}


static int
weights_page(redisContext *c, const cos_rs_bucket_t *k, const uint64_t *cids,
    uint64_t *weights, size_t n)
{
    int           rc;
    size_t        i, len[PAGE + 2];
    char          key[300], text[PAGE][24];
    redisReply   *r;
    const char   *arg[PAGE + 2];

    arg[0] = "HMGET";
    len[0] = 5;
    arg[1] = key;
    len[1] = (size_t) snprintf(key, sizeof(key), "c{%.*s}", (int) k->id.len,
                               k->id.data);

    for (i = 0; i < n; i++) {
        arg[i + 2] = text[i];
        len[i + 2] = (size_t) snprintf(text[i], sizeof(text[i]), "%llu",
                                       (unsigned long long) cids[i]);
    }

    r = redisCommandArgv(c, (int) n + 2, arg, len);
    rc = -1;

    if (r != NULL && r->type == REDIS_REPLY_ARRAY && r->elements == n) {
        for (i = 0; i < n; i++) {
            if (r->element[i]->type == REDIS_REPLY_STRING) {
                weights[i] += strtoull(r->element[i]->str, NULL, 10);
            }
        }

        rc = 0;
    }

    freeReplyObject(r);

    return rc;
}


int
cos_rs_weights(redisContext *c, const cos_rs_buckets_t *k,
    const uint64_t *cids, uint64_t *weights, size_t n)
{
    size_t  i, from, some;

    memset(weights, 0, n * sizeof(uint64_t));

    for (i = 0; i < k->n; i++) {
        for (from = 0; from < n; from += some) {
            some = n - from < PAGE ? n - from : PAGE;

            if (weights_page(c, &k->list[i], cids + from, weights + from,
                             some) != 0)
            {
                return -1;
            }
        }
    }

    return 0;
}


/* nth: of the bucket, from 1. A scan may give a field twice while the hash
 * changes: what this bucket gave before is taken back. */
static int
add_weights(const redisReply *fields, cos_table_t *out, uint32_t nth)
{
    size_t       i;
    uint64_t     cid;
    cos_hash_t   h;
    cos_slot_t  *s;

    for (i = 0; i + 1 < fields->elements; i += 2) {
        cid = strtoull(fields->element[i]->str, NULL, 10);
        cos_hash_number(&h, cid, 0);

        s = cos_table_add(out, &h);
        if (s == NULL) {
            return -1;
        }

        if (s->n == nth) {
            s->a -= s->c;
        }

        s->b = cid;
        s->n = nth;
        s->c = strtoull(fields->element[i + 1]->str, NULL, 10);
        s->a += s->c;
    }

    return 0;
}


static int
scan_weights(redisContext *c, cos_str_t bid, cos_table_t *out, uint32_t nth)
{
    int          rc;
    char         cursor[32];
    redisReply  *r;

    snprintf(cursor, sizeof(cursor), "0");

    do {
        r = cos_rs_call(c, "HSCAN c{%b} %s COUNT 1000", bid.data, bid.len,
                        cursor);
        rc = -1;

        if (r != NULL && r->type == REDIS_REPLY_ARRAY && r->elements == 2) {
            snprintf(cursor, sizeof(cursor), "%s", r->element[0]->str);
            rc = add_weights(r->element[1], out, nth);
        }

        freeReplyObject(r);

    } while (rc == 0 && strcmp(cursor, "0") != 0);

    return rc;
}


int
cos_rs_all_weights(redisContext *c, const cos_rs_buckets_t *k,
    cos_table_t *out)
{
    size_t  i;

    for (i = 0; i < k->n; i++) {
        if (scan_weights(c, k->list[i].id, out, (uint32_t) i + 1) != 0) {
            return -1;
        }
    }

    return 0;
}
