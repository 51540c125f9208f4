/*
 * store: the background work, in nginx's cache manager process. It serves no
 * requests, so it may block; but it hears of a reload only between two steps,
 * so a step is short.
 *
 * The process leaves by exit() as soon as it is told to: what the maintenance
 * had open is then resolved by the next manager like any dead incarnation's.
 */

#include "ngx_http_cos_store_int.h"

#include "cos_maint.h"


#define CONNECT_TIMEOUT  2000         /* ms */
#define RETRY            2000         /* ms to the next attempt */
#define REFUSED          30000        /* likewise, when Redis is not ours */
#define SLICE            100          /* ms of one piece of work */
#define BUDGET           300          /* ms of all in one step */
#define WAIT_MAX         60000        /* ms */
#define LOG_PAUSE        60           /* s between equal complaints */


typedef struct {
    ngx_http_cos_manager_conf_t  *conf;
    cos_store_t                   dir;
    cos_maint_t                   maint;
    time_t                        complained;
    unsigned                      opened:1;
    unsigned                      ready:1;
} manager_t;


static ngx_int_t manager_open(manager_t *m);
static ngx_msec_t manager_connect(manager_t *m);
static void manager_disconnect(manager_t *m);
static void manager_complain(manager_t *m, const char *text);
static void manager_log(void *ctx, int error, const char *text);
static ngx_msec_t now_ms(void);


static manager_t  manager;


ngx_msec_t
ngx_http_cos_store_manager(void *data)
{
    int         wait;
    ngx_msec_t  end, pause;
    manager_t  *m = &manager;

    m->conf = data;

    if (!m->ready) {
        if (manager_open(m) != NGX_OK) {
            return RETRY;
        }

        pause = manager_connect(m);
        if (pause) {
            return pause;
        }
    }

    end = now_ms() + BUDGET - SLICE;

    do {
        if (ngx_quit || ngx_terminate) {
            manager_disconnect(m);
            return RETRY;
        }

        wait = cos_maint_step(&m->maint, SLICE);

        if (wait < 0) {
            manager_disconnect(m);
            return RETRY;
        }

    } while (wait == 0 && (ngx_msec_int_t) (end - now_ms()) > 0);

    return ngx_min(wait, WAIT_MAX);
}


/* Creates nothing: workers lay the directory out, and before they did there is
 * nothing to look after. */
static ngx_int_t
manager_open(manager_t *m)
{
    char        err[NGX_MAX_ERROR_STR], root[sizeof(m->dir.root)];
    ngx_str_t  *path;

    if (m->opened) {
        return NGX_OK;
    }

    path = &m->conf->store->root;

    if (path->len >= sizeof(root)) {
        return NGX_ERROR;
    }

    (void) ngx_cpystrn((u_char *) root, path->data, path->len + 1);

    if (cos_store_open(&m->dir, root, 0, err, sizeof(err)) != 0) {
        manager_complain(m, err);
        return NGX_ERROR;
    }

    /* workers tell of a directory that is missing, and do not start */
    if (cos_store_complete(&m->dir, err, sizeof(err)) != 0) {
        cos_store_close(&m->dir);
        manager_complain(m, err);
        return NGX_ERROR;
    }

    m->dir.sync = !m->conf->store->relaxed;
    m->opened = 1;

    return NGX_OK;
}


/* Returns 0, or ms to the next attempt. */
static ngx_msec_t
manager_connect(manager_t *m)
{
    char          err[NGX_MAX_ERROR_STR];
    const char   *password;
    cos_maint_t  *mt = &m->maint;

    password = m->conf->password.len ? (char *) m->conf->password.data : NULL;

    ngx_memzero(mt, sizeof(cos_maint_t));

    /* workers load the function library: until then nothing was committed */
    mt->redis = cos_redis_connect((char *) m->conf->redis.data, password,
                                  CONNECT_TIMEOUT, NULL, err, sizeof(err));

    if (mt->redis == NULL) {
        manager_complain(m, err);
        return RETRY;
    }

    mt->store = &m->dir;
    mt->lock_fd = -1;
    mt->grace = m->conf->grace;
    mt->dead_percent = (int) m->conf->dead_percent;
    mt->log = manager_log;
    mt->stop = (volatile int *) &ngx_terminate;

    if (cos_maint_init(mt) != 0) {
        /* it said why; nothing that passes by itself */
        redisFree(mt->redis);
        return REFUSED;
    }

    m->ready = 1;
    m->complained = 0;

    return 0;
}


static void
manager_disconnect(manager_t *m)
{
    if (m->ready) {
        cos_maint_done(&m->maint);
        redisFree(m->maint.redis);
        m->maint.redis = NULL;
        m->ready = 0;
    }
}


static void
manager_complain(manager_t *m, const char *text)
{
    if (m->complained && ngx_time() - m->complained < LOG_PAUSE) {
        return;
    }

    m->complained = ngx_time();

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0, "cos: background work "
                  "waits: %s", text);
}


static void
manager_log(void *ctx, int error, const char *text)
{
    ngx_uint_t  level;

    (void) ctx;

    level = error ? NGX_LOG_ERR : NGX_LOG_NOTICE;

    ngx_log_error(level, ngx_cycle->log, 0, "cos: %s", text);
}


/* nginx' own clock stands still while a step blocks. */
static ngx_msec_t
now_ms(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (ngx_msec_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
