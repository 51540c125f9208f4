/*
 * A private Redis, a data directory, and processes that behave like workers:
 * what the tests of recovery, compaction and rebuild share.
 */

#ifndef MAINT_WORLD_H
#define MAINT_WORLD_H

#define _GNU_SOURCE

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cos_maint.h"
#include "cos_lua.h"

#define KEYS      60
#define BUCKETS   3
#define SMALL     3000               /* larger payloads go solo */
#define PACK_MAX  60000

static char         dir[64], data[80], address[96], trail[96];
static pid_t        redis_pid;
static redisContext *redis;
static cos_store_t  store;


static uint64_t
now_us(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_REALTIME, &ts);

    return ((uint64_t) ts.tv_sec - 1577836800) * 1000000
           + (uint64_t) ts.tv_nsec / 1000;
}


static redisContext *
dial(void)
{
    int            i;
    char           err[256];
    redisContext  *c;

    for (i = 0; i < 200; i++) {
        c = cos_redis_connect(address, NULL, 5000, cos_lua, err, sizeof(err));
        if (c != NULL) {
            return c;
        }
        usleep(20000);
    }

    fail_msg("%s", err);

    return NULL;
}


static int
world_up(void **state)
{
    char  sock[96], err[256];

    (void) state;

    snprintf(dir, sizeof(dir), "/tmp/cos-maint-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(data, sizeof(data), "%s/data", dir);
    snprintf(sock, sizeof(sock), "%s/s", dir);
    snprintf(address, sizeof(address), "unix:%s/s", dir);
    snprintf(trail, sizeof(trail), "%s/trail", dir);

    redis_pid = fork();
    assert_true(redis_pid >= 0);

    if (redis_pid == 0) {
        if (freopen("/dev/null", "w", stdout) == NULL) {
            _exit(1);
        }
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket",
               sock, "--save", "", "--dir", dir, (char *) NULL);
        _exit(127);
    }

    redis = dial();
    assert_int_equal(cos_hash_init(), 0);
    assert_int_equal(cos_store_open(&store, data, 1, err, sizeof(err)), 0);
    freeReplyObject(redisCommand(redis, "HSET g store %s", store.id));

    /* a process that is killed loses nothing that was written; syncs would
     * only take time */
    store.sync = 0;

    return 0;
}


static int
world_down(void **state)
{
    char  cmd[96];

    (void) state;

    redisFree(redis);
    cos_store_close(&store);
    kill(redis_pid, SIGKILL);
    waitpid(redis_pid, NULL, 0);
    snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);

    return system(cmd);
}


static void
tell(void *ctx, int error, const char *text)
{
    (void) ctx;

    if (error || getenv("MAINT_VERBOSE") != NULL) {
        fprintf(stderr, "# [%d] %s\n", (int) getpid(), text);
    }
}


static void
maint_begin(cos_maint_t *m)
{
    memset(m, 0, sizeof(*m));
    m->store = &store;
    m->redis = dial();
    m->log = tell;
    assert_int_equal(cos_maint_init(m), 0);
}


static void
maint_end(cos_maint_t *m)
{
    cos_maint_done(m);
    redisFree(m->redis);
}


/* Everything of ours in Redis that must come out of a rebuild, as sorted
 * text. */
static int
line_cmp(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}


static char *
escape(const char *p, size_t n)
{
    char    *t, *q;
    size_t   i;

    t = q = malloc(4 * n + 1);

    for (i = 0; i < n; i++) {
        q += sprintf(q, p[i] > 32 && p[i] < 127 && p[i] != '\\' ? "%c"
                     : "\\x%02x", (unsigned char) p[i]);
    }

    *q = '\0';

    return t;
}


static char *
snapshot(void)
{
    char        **lines, *text, *k, *v, *u;
    size_t        i, f, n, cap, len;
    redisReply   *keys, *r;

    keys = redisCommand(redis, "KEYS *");
    cap = 1000000;
    lines = calloc(cap, sizeof(char *));
    n = 0;

    for (i = 0; i < keys->elements; i++) {
        k = keys->element[i]->str;

        if (strchr("gdDxtkywz", k[0]) != NULL) {
            continue;
        }

        r = strchr("obuUv", k[0]) != NULL
            ? redisCommand(redis, "GET %b", k, keys->element[i]->len)
            : strchr("mcPN", k[0]) != NULL
            ? redisCommand(redis, "HGETALL %b", k, keys->element[i]->len)
            : redisCommand(redis, "ZRANGE %b 0 -1 WITHSCORES", k,
                           keys->element[i]->len);
        /* which page of an index a member is on depends on its history */
        k = strchr("KW", k[0]) != NULL
            ? escape(k, (size_t) (strchr(k, '}') + 1 - k))
            : escape(k, keys->element[i]->len);

        for (f = 0; f < (r->type == REDIS_REPLY_ARRAY ? r->elements : 1);
             f += 2)
        {
            v = r->type == REDIS_REPLY_ARRAY
                ? escape(r->element[f]->str, r->element[f]->len)
                : escape(r->str, r->len);
            u = r->type == REDIS_REPLY_ARRAY
                ? escape(r->element[f + 1]->str, r->element[f + 1]->len)
                : strdup("");

            /* what came back to nothing may be said or not */
            if (k[0] == 'm' && strcmp(u, "0") == 0) {
                free(v);
                free(u);
                continue;
            }

            assert_true(n < cap);
            assert_true(asprintf(&lines[n++], "%s %s %s\n", k, v, u) > 0);
            free(v);
            free(u);
        }

        free(k);
        freeReplyObject(r);
    }

    freeReplyObject(keys);
    qsort(lines, n, sizeof(char *), line_cmp);

    for (i = 0, len = 1; i < n; i++) {
        len += strlen(lines[i]);
    }

    text = malloc(len);
    text[0] = '\0';

    for (i = 0, len = 0; i < n; i++) {
        len += (size_t) sprintf(text + len, "%s", lines[i]);
        free(lines[i]);
    }

    free(lines);

    return text;
}


static void
same(const char *a, const char *b, const char *what)
{
    char  path[128], cmd[512];
    FILE *f;

    if (strcmp(a, b) == 0) {
        return;
    }

    snprintf(path, sizeof(path), "%s/a", dir);
    f = fopen(path, "w");
    fputs(a, f);
    fclose(f);
    snprintf(path, sizeof(path), "%s/b", dir);
    f = fopen(path, "w");
    fputs(b, f);
    fclose(f);
    snprintf(cmd, sizeof(cmd), "diff %s/a %s/b | cut -c1-400 | head -20 >&2",
             dir, dir);
    (void) !system(cmd);
    fail_msg("%s: Redis differs", what);
}


static void
check_verify(const char *what)
{
    cos_verify_t  v;

    assert_int_equal(cos_verify(&store, redis, &v, tell, NULL), 0);

    if (v.bad || v.missing || v.weight_errors) {
        fail_msg("%s: %llu bad, %llu missing, %llu weights", what,
                 (unsigned long long) v.bad, (unsigned long long) v.missing,
                 (unsigned long long) v.weight_errors);
    }
}


static void
check_rebuild(const char *what)
{
    char          *before, *after;
    cos_verify_t   v;

    before = snapshot();
    freeReplyObject(redisCommand(redis, "FLUSHALL"));
    assert_int_equal(cos_rebuild(&store, redis, 0, &v, tell, NULL), 0);
    after = snapshot();
    same(before, after, what);
    free(before);
    free(after);
    check_verify(what);
}

#endif
