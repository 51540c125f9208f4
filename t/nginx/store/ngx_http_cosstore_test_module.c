/*
 * Test only: drives the store's nginx part over HTTP. What Redis does in real
 * life is faked: incarnations come from a counter file, a commit is done as
 * soon as the append is.
 *
 *   /append?n=&seed=[&urgent=1][&keep=1]   one record; keep: not resolved
 *   /read?cid=&off=&len=                   through file buffers
 *   /solo?n=&seed=[&keep=1]                a solo container; keep: id held
 *   /soloend?cid=   /resolve?cid=   /dead?cid=   /begin   /end   /stats
 *   /break                                 the open pack's writes now fail
 *
 * Byte i of a payload of seed s is 'a' + (s + i) % 26.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_cos_store_int.h"


typedef struct {
    ngx_http_cos_store_conf_t     store;
    ngx_http_cos_manager_conf_t   manager;
    ngx_str_t                     counter;
    ngx_path_t                   *path;
} main_conf_t;

typedef struct {
    ngx_http_request_t     *request;
    ngx_http_cos_append_t   append;
    ngx_http_cos_open_t     open;
    off_t                   off;
    off_t                   len;
    unsigned                keep:1;
} ctx_t;


static void *create_main_conf(ngx_conf_t *cf);
static char *init_main_conf(ngx_conf_t *cf, void *conf);
static char *set_handler(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static ngx_int_t init_process(ngx_cycle_t *cycle);
static void exit_process(ngx_cycle_t *cycle);
static void begin_next(void);
static ngx_int_t handler(ngx_http_request_t *r);
static ngx_int_t do_append(ngx_http_request_t *r);
static void append_done(ngx_http_cos_append_t *a);
static void append_answer(ngx_http_request_t *r);
static ngx_int_t do_read(ngx_http_request_t *r);
static void read_opened(ngx_http_cos_open_t *o);
static void read_answer(ngx_http_request_t *r);
static void read_release(void *data);
static ngx_int_t do_solo(ngx_http_request_t *r);
static ngx_int_t do_stats(ngx_http_request_t *r);
static ngx_int_t do_break(ngx_http_request_t *r);
static void suspend(ngx_http_request_t *r,
    ngx_http_event_handler_pt resume);
static void resume(ngx_http_request_t *r);
static ngx_int_t answer(ngx_http_request_t *r, ngx_uint_t status,
    const char *fmt, ...);
static uint64_t arg(ngx_http_request_t *r, const char *name, ngx_uint_t hex);


static ngx_command_t  commands[] = {

    { ngx_string("cosstore_root"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1, ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET, offsetof(main_conf_t, store.root), NULL },

    { ngx_string("cosstore_counter"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1, ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET, offsetof(main_conf_t, counter), NULL },

    { ngx_string("cosstore_redis"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1, ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET, offsetof(main_conf_t, manager.redis), NULL },

    { ngx_string("cosstore_size"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1, ngx_conf_set_off_slot,
      NGX_HTTP_MAIN_CONF_OFFSET, offsetof(main_conf_t, store.container_size),
      NULL },

    { ngx_string("cosstore_open_max"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1, ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET, offsetof(main_conf_t, store.open_max), NULL },

    { ngx_string("cosstore_inactive"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1, ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET, offsetof(main_conf_t, store.open_inactive),
      NULL },

    { ngx_string("cosstore_relaxed"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_FLAG, ngx_conf_set_flag_slot,
      NGX_HTTP_MAIN_CONF_OFFSET, offsetof(main_conf_t, store.relaxed), NULL },

    { ngx_string("cosstore"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS, set_handler, 0, 0, NULL },

      ngx_null_command
};


static ngx_http_module_t  module_ctx = {
    NULL, NULL, create_main_conf, init_main_conf, NULL, NULL, NULL, NULL
};


ngx_module_t  ngx_http_cosstore_test_module = {
    NGX_MODULE_V1, &module_ctx, commands, NGX_HTTP_MODULE,
    NULL, NULL, init_process, NULL, NULL, exit_process, NULL,
    NGX_MODULE_V1_PADDING
};


static main_conf_t  *mcf;


static void *
create_main_conf(ngx_conf_t *cf)
{
    main_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(main_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->store.container_size = NGX_CONF_UNSET;
    conf->store.open_max = NGX_CONF_UNSET_UINT;
    conf->store.open_inactive = NGX_CONF_UNSET_MSEC;
    conf->store.relaxed = NGX_CONF_UNSET_UINT;

    return conf;
}


static char *
init_main_conf(ngx_conf_t *cf, void *conf)
{
    main_conf_t  *m = conf;

    ngx_conf_init_value(m->store.container_size, 1024 * 1024 * 1024);
    ngx_conf_init_uint_value(m->store.open_max, 1000);
    ngx_conf_init_msec_value(m->store.open_inactive, 60000);
    ngx_conf_init_uint_value(m->store.relaxed, 0);

    if (ngx_thread_pool_add(cf, NULL) == NULL) {
        return NGX_CONF_ERROR;
    }

    if (m->manager.redis.len == 0) {
        return NGX_CONF_OK;
    }

    m->manager.store = &m->store;
    m->manager.dead_percent = 50;
    m->manager.grace = 3600;

    m->path = ngx_pcalloc(cf->pool, sizeof(ngx_path_t));
    if (m->path == NULL) {
        return NGX_CONF_ERROR;
    }

    m->path->name = m->store.root;
    m->path->manager = ngx_http_cos_store_manager;
    m->path->data = &m->manager;
    m->path->conf_file = cf->conf_file->file.name.data;
    m->path->line = cf->conf_file->line;

    return ngx_add_path(cf, &m->path) == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
set_handler(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = handler;

    return NGX_CONF_OK;
}


static ngx_int_t
init_process(ngx_cycle_t *cycle)
{
    static ngx_str_t  name = ngx_string("default");

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    mcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_cosstore_test_module);
    mcf->store.pool = ngx_thread_pool_get(cycle, &name);

    if (ngx_http_cos_store_init(cycle, &mcf->store) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_cos_store_on_failure(begin_next);
    begin_next();

    return NGX_OK;
}


static void
exit_process(ngx_cycle_t *cycle)
{
    ngx_http_cos_store_done();
}


/* As HINCRBY g inc 1 would give it. */
static void
begin_next(void)
{
    int      fd;
    char     text[32];
    ssize_t  n;

    fd = open((char *) mcf->counter.data, O_RDWR|O_CREAT|O_CLOEXEC, 0666);

    if (fd == -1 || lockf(fd, F_LOCK, 0) == -1) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno, "counter");
        return;
    }

    n = pread(fd, text, sizeof(text) - 1, 0);
    text[n > 0 ? n : 0] = '\0';

    n = snprintf(text, sizeof(text), "%d", atoi(text) + 1);

    if (pwrite(fd, text, n, 0) == n) {
        ngx_http_cos_store_begin(atoi(text));
    }

    (void) close(fd);
}


static ngx_int_t
handler(ngx_http_request_t *r)
{
    uint64_t   cid;
    ngx_int_t  rc;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    cid = arg(r, "cid", 1);

#define is(s)  (r->uri.len == sizeof(s) - 1                                   \
                && ngx_strncmp(r->uri.data, s, sizeof(s) - 1) == 0)

    if (is("/append")) {
        return do_append(r);

    } else if (is("/read")) {
        return do_read(r);

    } else if (is("/solo")) {
        return do_solo(r);

    } else if (is("/stats")) {
        return do_stats(r);

    } else if (is("/break")) {
        return do_break(r);

    } else if (is("/resolve")) {
        ngx_http_cos_store_resolved(cid);

    } else if (is("/soloend")) {
        ngx_http_cos_store_solo_end(cid, 1);

    } else if (is("/dead")) {
        ngx_http_cos_store_dead(&r->uri, &cid, 1);

    } else if (is("/end")) {
        ngx_http_cos_store_end();

    } else if (is("/begin")) {
        begin_next();

    } else {
        return NGX_HTTP_NOT_FOUND;
    }

    return answer(r, 200, "ok\n");
}


static ngx_int_t
do_append(ngx_http_request_t *r)
{
    ctx_t     *ctx;
    u_char    *p;
    size_t     i, n;
    uint64_t   seed;

    n = arg(r, "n", 0);
    seed = arg(r, "seed", 0);

    ctx = ngx_pcalloc(r->pool, sizeof(ctx_t));
    p = ngx_palloc(r->pool, n + 1);

    if (ctx == NULL || p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (i = 0; i < n; i++) {
        p[i] = 'a' + (seed + i) % 26;
    }

    ctx->request = r;
    ctx->keep = arg(r, "keep", 0) != 0;
    ctx->append.rec.kind = COS_J_OBJECT;
    ctx->append.rec.weighs = 1;
    ctx->append.rec.payload.data = p;
    ctx->append.rec.payload.len = n;
    ctx->append.rec.json.data = (u_char *) "{}";
    ctx->append.rec.json.len = 2;
    ctx->append.urgent = arg(r, "urgent", 0) != 0;
    ctx->append.handler = append_done;
    ctx->append.data = ctx;

    ngx_http_set_ctx(r, ctx, ngx_http_cosstore_test_module);

    if (ngx_http_cos_store_append(&ctx->append) != NGX_OK) {
        return answer(r, 503, "declined\n");
    }

    suspend(r, append_answer);

    return NGX_DONE;
}


static void
append_done(ngx_http_cos_append_t *a)
{
    ctx_t  *ctx = a->data;

    if (a->err == COS_OK && !ctx->keep) {
        ngx_http_cos_store_resolved(a->rec.cid);
    }

    resume(ctx->request);
}


static void
append_answer(ngx_http_request_t *r)
{
    ctx_t                  *ctx;
    ngx_http_cos_append_t  *a;

    ctx = ngx_http_get_module_ctx(r, ngx_http_cosstore_test_module);
    a = &ctx->append;

    if (a->err == COS_OK) {
        ngx_http_finalize_request(r, answer(r, 200, "%012xL:%uL:%uz\n",
                                            a->rec.cid, a->rec.off,
                                            a->rec.payload.len));
        return;
    }

    ngx_http_finalize_request(r, answer(r, a->err == COS_E_DISK_FULL ? 507
                                           : a->err == COS_E_UNAVAILABLE ? 503
                                           : 500, "failed\n"));
}


static ngx_int_t
do_read(ngx_http_request_t *r)
{
    ctx_t      *ctx;
    ngx_int_t   rc;

    ctx = ngx_pcalloc(r->pool, sizeof(ctx_t));
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->request = r;
    ctx->off = arg(r, "off", 0);
    ctx->len = arg(r, "len", 0);
    ctx->open.cid = arg(r, "cid", 1);
    ctx->open.handler = read_opened;
    ctx->open.data = ctx;

    ngx_http_set_ctx(r, ctx, ngx_http_cosstore_test_module);

    rc = ngx_http_cos_store_file(&ctx->open);

    if (rc == NGX_AGAIN) {
        suspend(r, read_answer);
        return NGX_DONE;
    }

    r->main->count++;
    read_answer(r);

    return NGX_DONE;
}


static void
read_opened(ngx_http_cos_open_t *o)
{
    ctx_t               *ctx = o->data;
    ngx_pool_cleanup_t  *cln;

    /* a client that left meanwhile gets no answer, but has its reference */
    if (o->file) {
        cln = ngx_pool_cleanup_add(ctx->request->pool, 0);
        cln->handler = read_release;
        cln->data = o->file;
    }

    resume(ctx->request);
}


static void
read_answer(ngx_http_request_t *r)
{
    ctx_t                *ctx;
    ngx_buf_t            *b;
    ngx_int_t             rc;
    ngx_chain_t           out;
    ngx_pool_cleanup_t   *cln;
    ngx_http_cos_file_t  *f;

    ctx = ngx_http_get_module_ctx(r, ngx_http_cosstore_test_module);
    f = ctx->open.file;

    if (f == NULL) {
        ngx_http_finalize_request(r, answer(r, ctx->open.err == NGX_ENOENT
                                               ? 404 : 500, "not open\n"));
        return;
    }

    if (r->pool->cleanup == NULL || r->pool->cleanup->data != f) {
        cln = ngx_pool_cleanup_add(r->pool, 0);
        cln->handler = read_release;
        cln->data = f;
    }

    r->headers_out.status = 200;
    r->headers_out.content_length_n = ctx->len;

    rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        ngx_http_finalize_request(r, rc);
        return;
    }

    b = ngx_calloc_buf(r->pool);
    b->file = ngx_pcalloc(r->pool, sizeof(ngx_file_t));
    b->file->fd = f->fd;
    b->file->name = f->name;
    b->file->log = r->connection->log;
    b->in_file = 1;
    b->file_pos = ctx->off;
    b->file_last = ctx->off + ctx->len;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    ngx_http_finalize_request(r, ngx_http_output_filter(r, &out));
}


static void
read_release(void *data)
{
    ngx_http_cos_store_release(data);
}


/* Blocks the loop, which only a test may do. */
static ngx_int_t
do_solo(ngx_http_request_t *r)
{
    u_char      *p;
    size_t       i, n;
    uint64_t     cid, seed;
    cos_str_t    json = ngx_string("{}");
    cos_solo_t   s;

    n = arg(r, "n", 0);
    seed = arg(r, "seed", 0);

    cid = ngx_http_cos_store_solo_id(0);
    if (cid == 0) {
        return answer(r, 503, "declined\n");
    }

    p = ngx_palloc(r->pool, n + 1);

    for (i = 0; i < n; i++) {
        p[i] = 'a' + (seed + i) % 26;
    }

    if (cos_solo_create(&s, ngx_http_cos_store_dir(), cid, n) != COS_OK
        || cos_solo_write(&s, p, n) != COS_OK
        || cos_solo_finish(&s, COS_J_OBJECT, 1, 0, json) != COS_OK)
    {
        cos_solo_abort(&s);
        ngx_http_cos_store_solo_end(cid, 0);
        return answer(r, 500, "failed\n");
    }

    if (arg(r, "keep", 0) == 0) {
        ngx_http_cos_store_solo_end(cid, 1);
    }

    return answer(r, 200, "%012xL:%ui:%uz\n", cid,
                  (ngx_uint_t) COS_SOLO_PAYLOAD, n);
}


static ngx_int_t
do_stats(ngx_http_request_t *r)
{
    ngx_http_cos_store_stats_t  *s;

    s = ngx_http_cos_store_stats();

    return answer(r, 200, "appends=%uA batches=%uA bytes=%uA us=%uA "
                  "errors=%uA opens=%uA writable=%ui pid=%P\n",
                  s->appends, s->batches, s->append_bytes, s->append_us,
                  s->errors, s->opens, ngx_http_cos_store_writable(), ngx_pid);
}


static ngx_int_t
do_break(ngx_http_request_t *r)
{
    int  fd;

    if (ngx_http_cos_store.pack[0] == NULL) {
        return answer(r, 404, "no pack\n");
    }

    fd = open("/dev/null", O_RDONLY|O_CLOEXEC);
    (void) dup2(fd, ngx_http_cos_store.pack[0]->pack.fd);
    (void) close(fd);

    return answer(r, 200, "ok\n");
}


/* A request held by its block count outlives its client. */
static void
suspend(ngx_http_request_t *r, ngx_http_event_handler_pt next)
{
    r->main->count++;
    r->main->blocked++;
    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = next;
}


static void
resume(ngx_http_request_t *r)
{
    ngx_connection_t  *c;

    c = r->connection;

    r->main->blocked--;
    r->read_event_handler = ngx_http_block_reading;

    r->write_event_handler(r);
    ngx_http_run_posted_requests(c);
}


static ngx_int_t
answer(ngx_http_request_t *r, ngx_uint_t status, const char *fmt, ...)
{
    va_list       args;
    ngx_buf_t    *b;
    ngx_int_t     rc;
    ngx_chain_t   out;

    b = ngx_create_temp_buf(r->pool, 512);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    va_start(args, fmt);
    b->last = ngx_vslprintf(b->pos, b->end, fmt, args);
    va_end(args);

    b->last_buf = 1;
    b->last_in_chain = 1;

    r->headers_out.status = status;
    r->headers_out.content_length_n = b->last - b->pos;

    rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static uint64_t
arg(ngx_http_request_t *r, const char *name, ngx_uint_t hex)
{
    ngx_str_t  v;
    ngx_int_t  n;

    if (ngx_http_arg(r, (u_char *) name, ngx_strlen(name), &v) != NGX_OK) {
        return 0;
    }

    n = hex ? ngx_hextoi(v.data, v.len) : ngx_atoi(v.data, v.len);

    return n == NGX_ERROR ? 0 : (uint64_t) n;
}
