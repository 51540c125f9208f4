/*
 * For tests only: link and cache of metadata behind plain locations.
 *
 *   cosmeta get;     ?k=      cached GET; X-Cache: hit, miss
 *   cosmeta set;     ?k=&v=   SET and drop
 *   cosmeta drop;    ?k=      drop
 *   cosmeta slow;    ?k=      length of a GET over the slow connection
 *   cosmeta wait;    ?k=      BLPOP for 0.7 s: a request that waits
 *   cosmeta fcall;   ?k=      FCALL <k> 0
 *   cosmeta burst;   ?k=&n=   n GETs in one turn, their number of replies
 *   cosmeta bench;   ?k=&n=   ns of one cache hit
 *   cosmeta seq;     ?n=      two numbers of the clock; n: lift it above n
 *   cosmeta again;            a new incarnation is asked for
 *   cosmeta die;     ?n=      a worker dies inside shard n
 *   cosmeta status;           what there is to know, "name value" lines
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_cos_meta_internal.h"


typedef struct {
    ngx_str_t                    zone;
    ngx_str_t                    store;
    ngx_flag_t                   store_empty;
    ngx_http_cos_redis_conf_t    redis;
} main_conf_t;

typedef struct {
    ngx_http_handler_pt          handler;
} loc_conf_t;

/* One command of a request; lives in the request's pool, which is held by
 * blocked until the handler ran. */
typedef struct {
    ngx_http_cos_call_t          call;
    ngx_http_request_t          *request;
    ngx_event_t                  event;
    ngx_str_t                    key;
    ngx_http_cos_mark_t          mark;
    ngx_uint_t                   left;        /* calls without a reply */
    ngx_uint_t                   replies;
    ngx_int_t                    type;        /* 0: NULL */
    int64_t                      integer;
    ngx_str_t                    text;
    unsigned                     cached:1;
    unsigned                     changes:1;
} ctx_t;


static void *create_main_conf(ngx_conf_t *cf);
static void *create_loc_conf(ngx_conf_t *cf);
static char *merge_loc_conf(ngx_conf_t *cf, void *parent, void *child);
static char *set_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *set_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *set_action(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static ngx_int_t init_process(ngx_cycle_t *cycle);
static void exit_process(ngx_cycle_t *cycle);
static ngx_int_t get_handler(ngx_http_request_t *r);
static ngx_int_t set_handler(ngx_http_request_t *r);
static ngx_int_t drop_handler(ngx_http_request_t *r);
static ngx_int_t slow_handler(ngx_http_request_t *r);
static ngx_int_t wait_handler(ngx_http_request_t *r);
static ngx_int_t fcall_handler(ngx_http_request_t *r);
static ngx_int_t burst_handler(ngx_http_request_t *r);
static ngx_int_t bench_handler(ngx_http_request_t *r);
static ngx_int_t seq_handler(ngx_http_request_t *r);
static ngx_int_t again_handler(ngx_http_request_t *r);
static ngx_int_t die_handler(ngx_http_request_t *r);
static ngx_int_t status_handler(ngx_http_request_t *r);


static struct {
    const char           *name;
    ngx_http_handler_pt   handler;
} actions[] = {
    { "get", get_handler }, { "set", set_handler }, { "drop", drop_handler },
    { "slow", slow_handler }, { "wait", wait_handler },
    { "fcall", fcall_handler }, { "burst", burst_handler },
    { "bench", bench_handler }, { "seq", seq_handler }, { "die", die_handler },
    { "again", again_handler },
    { "status", status_handler }, { NULL, NULL }
};

static ngx_command_t  commands[] = {

    { ngx_string("cosmeta_zone"), NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      set_zone, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL },

    { ngx_string("cosmeta_redis"), NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      set_redis, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL },

    { ngx_string("cosmeta_password"), NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot, NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(main_conf_t, redis.password), NULL },

    { ngx_string("cosmeta_timeout"), NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot, NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(main_conf_t, redis.timeout), NULL },

    { ngx_string("cosmeta_store"), NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot, NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(main_conf_t, store), NULL },

    { ngx_string("cosmeta_store_empty"), NGX_HTTP_MAIN_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot, NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(main_conf_t, store_empty), NULL },

    { ngx_string("cosmeta"), NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      set_action, NGX_HTTP_LOC_CONF_OFFSET, 0, NULL },

      ngx_null_command
};

static ngx_http_module_t  module_ctx = {
    NULL,
    NULL,
    create_main_conf,
    NULL,
    NULL,
    NULL,
    create_loc_conf,
    merge_loc_conf
};

ngx_module_t  ngx_http_cosmeta_test_module = {
    NGX_MODULE_V1,
    &module_ctx,
    commands,
    NGX_HTTP_MODULE,
    NULL,
    NULL,
    init_process,
    NULL,
    NULL,
    exit_process,
    NULL,
    NGX_MODULE_V1_PADDING
};

static uint64_t    incarnation;
static ngx_uint_t  times_ready, times_lost, null_before_lost;


/* --- configuration ------------------------------------------------------- */

static void *
create_main_conf(ngx_conf_t *cf)
{
    main_conf_t  *mcf;

    mcf = ngx_pcalloc(cf->pool, sizeof(main_conf_t));
    if (mcf == NULL) {
        return NULL;
    }

    mcf->store_empty = NGX_CONF_UNSET;
    mcf->redis.timeout = NGX_CONF_UNSET_MSEC;

    return mcf;
}


static void *
create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(loc_conf_t));
}


static char *
merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    return NGX_CONF_OK;
}


static char *
set_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ssize_t       size;
    ngx_str_t    *value = cf->args->elts;
    main_conf_t  *mcf = conf;

    size = ngx_parse_size(&value[1]);
    if (size == NGX_ERROR) {
        return "has an invalid size";
    }

    ngx_str_set(&mcf->zone, "cosmeta");

    return ngx_http_cos_cache_add(cf, &mcf->zone, size,
                                  &ngx_http_cosmeta_test_module) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
set_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_url_t     u;
    ngx_str_t    *value = cf->args->elts;
    main_conf_t  *mcf = conf;

    ngx_memzero(&u, sizeof(ngx_url_t));
    u.url = value[1];
    u.default_port = 6379;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK || u.naddrs == 0) {
        return u.err ? u.err : "has no address";
    }

    mcf->redis.address = value[1];
    mcf->redis.addr = u.addrs[0];

    return NGX_CONF_OK;
}


static char *
set_action(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_uint_t                 i;
    ngx_str_t                 *value = cf->args->elts;
    loc_conf_t                *lcf = conf;
    ngx_http_core_loc_conf_t  *clcf;

    for (i = 0; actions[i].name; i++) {
        if (ngx_strcmp(value[1].data, actions[i].name) == 0) {
            lcf->handler = actions[i].handler;
            clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
            clcf->handler = lcf->handler;
            return NGX_CONF_OK;
        }
    }

    return "has an unknown action";
}


/* --- process ------------------------------------------------------------- */

static void
on_ready(uint64_t inc)
{
    incarnation = inc;
    times_ready++;
}


static void
on_lost(void)
{
    times_lost++;
}


static ngx_int_t
init_process(ngx_cycle_t *cycle)
{
    main_conf_t                 *mcf;
    ngx_http_cos_redis_hooks_t   hooks;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    mcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_cosmeta_test_module);
    if (mcf == NULL || mcf->redis.address.len == 0) {
        return NGX_OK;
    }

    if (mcf->redis.timeout == NGX_CONF_UNSET_MSEC) {
        mcf->redis.timeout = 1000;
    }

    mcf->redis.connect_timeout = 500;

    hooks.ready = on_ready;
    hooks.lost = on_lost;
    hooks.store_id = mcf->store;
    hooks.store_empty = (mcf->store_empty == 1);

    return ngx_http_cos_redis_init(cycle, &mcf->redis, &hooks);
}


static void
exit_process(ngx_cycle_t *cycle)
{
    ngx_http_cos_redis_done();
}


/* --- requests ------------------------------------------------------------ */

static ngx_int_t
argument(ngx_http_request_t *r, char *name, ngx_str_t *value)
{
    u_char     *dst, *src;
    ngx_str_t   raw;

    ngx_str_null(value);

    if (ngx_http_arg(r, (u_char *) name, ngx_strlen(name), &raw) != NGX_OK) {
        return NGX_DECLINED;
    }

    value->data = ngx_pnalloc(r->pool, raw.len + 1);
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    dst = value->data;
    src = raw.data;
    ngx_unescape_uri(&dst, &src, raw.len, 0);
    value->len = dst - value->data;

    return NGX_OK;
}


static ngx_int_t
respond(ngx_http_request_t *r, ngx_uint_t status, ngx_str_t *text,
    const char *cache)
{
    ngx_int_t         rc;
    ngx_buf_t        *b;
    ngx_chain_t       out;
    ngx_table_elt_t  *h;

    r->headers_out.status = status;
    r->headers_out.content_length_n = text->len;

    h = ngx_list_push(&r->headers_out.headers);
    b = ngx_calloc_buf(r->pool);
    if (h == NULL || b == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    ngx_str_set(&h->key, "X-Cache");
    h->value.data = (u_char *) cache;
    h->value.len = ngx_strlen(cache);

    r->header_only = (text->len == 0);
    rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b->pos = text->data;
    b->last = text->data + text->len;
    b->memory = 1;
    b->last_buf = 1;
    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static void
resume(ngx_event_t *ev)
{
    ngx_int_t            rc;
    ngx_str_t            none = ngx_null_string;
    ctx_t               *ctx = ev->data;
    ngx_connection_t    *c = ctx->request->connection;
    ngx_http_request_t  *r = ctx->request;

    r->main->blocked--;

    if (c->error) {
        ngx_http_finalize_request(r, NGX_ERROR);

    } else {
        if (ctx->type == 0) {
            rc = respond(r, 503, &none, "lost");

        } else if (ctx->type == REDIS_REPLY_ERROR) {
            rc = respond(r, 502, &ctx->text, "error");

        } else if (ctx->type == REDIS_REPLY_NIL) {
            rc = respond(r, 404, &none, "miss");

        } else {
            rc = respond(r, 200, &ctx->text, "miss");
        }

        ngx_http_finalize_request(r, rc);
    }

    ngx_http_run_posted_requests(c);
}


static void
keep(ctx_t *ctx, redisReply *reply)
{
    ngx_pool_t  *pool = ctx->request->pool;

    ctx->type = reply->type;

    if (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_ERROR
        || reply->type == REDIS_REPLY_STATUS)
    {
        ctx->text.len = reply->len;
        ctx->text.data = ngx_pnalloc(pool, reply->len + 1);
        if (ctx->text.data == NULL) {
            ctx->type = 0;
            return;
        }

        ngx_memcpy(ctx->text.data, reply->str, reply->len);

    } else if (reply->type == REDIS_REPLY_INTEGER) {
        ctx->text.data = ngx_pnalloc(pool, NGX_INT64_LEN);
        if (ctx->text.data) {
            ctx->text.len = ngx_sprintf(ctx->text.data, "%L",
                                (int64_t) reply->integer) - ctx->text.data;
        }
    }
}


static void
call_handler(ngx_http_cos_call_t *call, redisReply *reply)
{
    ctx_t  *ctx = call->data;

    if (reply == NULL) {
        null_before_lost += (times_lost < times_ready);
        ctx->type = 0;

    } else {
        ctx->replies++;
        keep(ctx, reply);

        if (ctx->cached && (reply->type == REDIS_REPLY_STRING
                            || reply->type == REDIS_REPLY_NIL))
        {
            ngx_http_cos_cache_set(&ctx->key, &ctx->mark, &ctx->text);
        }
    }

    if (ctx->changes) {
        ngx_http_cos_cache_drop(&ctx->key);
    }

    if (--ctx->left == 0) {
        ngx_post_event(&ctx->event, &ngx_posted_events);
    }
}


static ctx_t *
create_ctx(ngx_http_request_t *r)
{
    ctx_t  *ctx;

    ctx = ngx_pcalloc(r->pool, sizeof(ctx_t));
    if (ctx == NULL || argument(r, "k", &ctx->key) == NGX_ERROR) {
        return NULL;
    }

    ctx->request = r;
    ctx->call.handler = call_handler;
    ctx->call.data = ctx;
    ctx->event.handler = resume;
    ctx->event.data = ctx;
    ctx->event.log = r->connection->log;
    ctx->left = 1;

    return ctx;
}


static ngx_int_t
suspend(ngx_http_request_t *r)
{
    r->main->blocked++;
    r->main->count++;
    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    return NGX_DONE;
}


static ngx_int_t
start(ngx_http_request_t *r, ctx_t *ctx, ngx_uint_t flags, int argc,
    ngx_str_t *argv)
{
    ngx_str_t  none = ngx_null_string;

    if (ngx_http_cos_redis_call(&ctx->call, flags, argc, argv) != NGX_OK) {
        return respond(r, 503, &none, "declined");
    }

    return suspend(r);
}


static ngx_int_t
get_handler(ngx_http_request_t *r)
{
    ctx_t      *ctx;
    u_char     *buf;
    ngx_int_t   rc;
    ngx_str_t   value, argv[2];

    ctx = create_ctx(r);
    buf = ngx_pnalloc(r->pool, 1024);
    if (ctx == NULL || buf == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_cos_cache_get(&ctx->key, buf, 1024, r->pool, &value,
                                &ctx->mark);
    if (rc == NGX_OK) {
        return respond(r, value.len ? 200 : 404, &value, "hit");
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    ctx->cached = 1;
    ngx_str_set(&argv[0], "GET");
    argv[1] = ctx->key;

    return start(r, ctx, 0, 2, argv);
}


static ngx_int_t
set_handler(ngx_http_request_t *r)
{
    ctx_t      *ctx;
    ngx_str_t   argv[3];

    ctx = create_ctx(r);
    if (ctx == NULL || argument(r, "v", &argv[2]) == NGX_ERROR) {
        return NGX_ERROR;
    }

    ctx->changes = 1;
    ngx_str_set(&argv[0], "SET");
    argv[1] = ctx->key;

    return start(r, ctx, 0, 3, argv);
}


static ngx_int_t
drop_handler(ngx_http_request_t *r)
{
    ngx_str_t  key, ok = ngx_string("dropped");

    if (argument(r, "k", &key) != NGX_OK) {
        return NGX_HTTP_BAD_REQUEST;
    }

    ngx_http_cos_cache_drop(&key);

    return respond(r, 200, &ok, "none");
}


static ngx_int_t
slow_handler(ngx_http_request_t *r)
{
    ctx_t      *ctx;
    ngx_str_t   argv[2];

    ctx = create_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&argv[0], "GET");
    argv[1] = ctx->key;

    return start(r, ctx, NGX_HTTP_COS_SLOW, 2, argv);
}


static ngx_int_t
wait_handler(ngx_http_request_t *r)
{
    ctx_t      *ctx;
    ngx_str_t   argv[3];

    ctx = create_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&argv[0], "BLPOP");
    argv[1] = ctx->key;
    ngx_str_set(&argv[2], "0.7");

    return start(r, ctx, NGX_HTTP_COS_SLOW, 3, argv);
}


static ngx_int_t
fcall_handler(ngx_http_request_t *r)
{
    ctx_t      *ctx;
    ngx_str_t   argv[3];

    ctx = create_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&argv[0], "FCALL");
    argv[1] = ctx->key;
    ngx_str_set(&argv[2], "0");

    return start(r, ctx, 0, 3, argv);
}


static ngx_int_t
burst_handler(ngx_http_request_t *r)
{
    ctx_t                *ctx;
    ngx_int_t             i, n;
    ngx_str_t             count, argv[2];
    ngx_http_cos_call_t  *calls;

    ctx = create_ctx(r);
    if (ctx == NULL || argument(r, "n", &count) != NGX_OK) {
        return NGX_HTTP_BAD_REQUEST;
    }

    n = ngx_atoi(count.data, count.len);
    if (n < 1 || n > 100000) {
        return NGX_HTTP_BAD_REQUEST;
    }

    calls = ngx_pcalloc(r->pool, n * sizeof(ngx_http_cos_call_t));
    if (calls == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&argv[0], "GET");
    argv[1] = ctx->key;
    ctx->left = 0;

    for (i = 0; i < n; i++) {
        calls[i] = ctx->call;

        if (ngx_http_cos_redis_call(&calls[i], 0, 2, argv) == NGX_OK) {
            ctx->left++;
        }
    }

    return ctx->left ? suspend(r) : NGX_HTTP_SERVICE_UNAVAILABLE;
}


static ngx_int_t
bench_handler(ngx_http_request_t *r)
{
    u_char      buf[1024], *p;
    uint64_t    from, ns;
    ngx_int_t   i, n;
    ngx_str_t   key, count, value, text;

    if (argument(r, "k", &key) != NGX_OK
        || argument(r, "n", &count) != NGX_OK)
    {
        return NGX_HTTP_BAD_REQUEST;
    }

    n = ngx_atoi(count.data, count.len);
    if (n < 1) {
        return NGX_HTTP_BAD_REQUEST;
    }

    from = ngx_http_cos_mono_us();

    for (i = 0; i < n; i++) {
        if (ngx_http_cos_cache_get(&key, buf, sizeof(buf), r->pool, &value,
                                   NULL)
            != NGX_OK)
        {
            return NGX_HTTP_NOT_FOUND;
        }
    }

    ns = (ngx_http_cos_mono_us() - from) * 1000 / n;

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text.data = p;
    text.len = ngx_sprintf(p, "%uL", ns) - p;

    return respond(r, 200, &text, "hit");
}


static ngx_int_t
seq_handler(ngx_http_request_t *r)
{
    u_char     *p;
    ngx_int_t   n;
    uint64_t    a;
    ngx_str_t   above, text;

    if (argument(r, "n", &above) == NGX_OK) {
        n = ngx_atoi(above.data, above.len);
        if (n != NGX_ERROR) {
            ngx_http_cos_seq_above(n);
        }
    }

    p = ngx_pnalloc(r->pool, 2 * NGX_INT64_LEN + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    a = ngx_http_cos_seq();
    text.data = p;
    text.len = ngx_sprintf(p, "%uL %uL", a, ngx_http_cos_seq()) - p;

    return respond(r, 200, &text, "none");
}


static ngx_int_t
again_handler(ngx_http_request_t *r)
{
    ngx_str_t  ok = ngx_string("asked");

    ngx_http_cos_redis_again();

    return respond(r, 200, &ok, "none");
}


static ngx_int_t
die_handler(ngx_http_request_t *r)
{
    ngx_int_t              n;
    ngx_str_t              shard;
    ngx_slab_pool_t       *pool;
    ngx_http_cos_shard_t  *sh;

    n = 0;
    if (argument(r, "n", &shard) == NGX_OK) {
        n = ngx_atoi(shard.data, shard.len);
    }

    pool = ngx_http_cos_shard_pool(n % NGX_HTTP_COS_CACHE_SHARDS);
    sh = pool->data;

    ngx_shmtx_lock(&pool->mutex);
    sh->busy = 1;

    /* half a change: what a reader would trip over */
    ngx_memset(sh->bucket, 0x5a, (sh->mask + 1) * sizeof(void *));
    ngx_memset(&sh->lru, 0x5a, sizeof(ngx_queue_t));

    (void) raise(SIGKILL);

    return NGX_ERROR;
}


static ngx_int_t
status_handler(ngx_http_request_t *r)
{
    u_char                      *p;
    ngx_str_t                    text;
    ngx_http_cos_redis_stats_t  *rs = ngx_http_cos_redis_stats();
    ngx_http_cos_cache_stats_t  *cs = ngx_http_cos_cache_stats();

    p = ngx_pnalloc(r->pool, 1024);
    if (p == NULL || rs == NULL || cs == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    text.data = p;
    p = ngx_sprintf(p, "pid %P\nready %ui\nslow %d\ntrack %d\ninc %uL\n"
                    "times_ready %ui\ntimes_lost %ui\nnull_before_lost %ui\n",
                    ngx_pid, ngx_http_cos_redis_ready(),
                    ngx_http_cos_link.slow.state == NGX_HTTP_COS_READY,
                    ngx_http_cos_link.track.state == NGX_HTTP_COS_READY,
                    incarnation, times_ready, times_lost, null_before_lost);
    p = ngx_sprintf(p, "hits %uA\nmisses %uA\nevictions %uA\n"
                    "invalidations %uA\nflushes %uA\n", cs->hits, cs->misses,
                    cs->evictions, cs->invalidations, cs->flushes);
    p = ngx_sprintf(p, "calls %uA\nerrors %uA\ntimeouts %uA\nreconnects %uA\n"
                    "latency_us %uA\n", rs->calls, rs->errors, rs->timeouts,
                    rs->reconnects, rs->latency_us);
    text.len = p - text.data;

    return respond(r, 200, &text, "none");
}
