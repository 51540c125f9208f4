/*
 * meta: shared memory of the cache. One zone for each shard, "name#0" and so
 * on, and one of a few pages, "name#", for what must not go when the size of
 * the cache changes: the seq clock, counters, the source of tokens.
 *
 * The head of a shard with its table of buckets lies behind the end of the
 * slab pool, which is moved down for it. A worker killed inside leaves the
 * pool in any state; the head is then still whole, and ngx_slab_init makes
 * the pool anew.
 */

#include <openssl/rand.h>
#include "ngx_http_cos_meta_internal.h"


/* Counts up with every change of the structs in a zone. */
#define LAYOUT      1
#define PAGES_MIN   16
#define CTL_PAGES   8
/* one bucket for so many bytes of a shard: about one small entry */
#define PER_BUCKET  256

typedef struct {
    ngx_uint_t  n;                    /* of the shard */
} zone_ctx_t;


static ngx_int_t add_zone(ngx_conf_t *cf, ngx_str_t *name, ngx_int_t n,
    size_t size, void *tag);
static ngx_int_t init_shard(ngx_shm_zone_t *zone, void *data);
static ngx_int_t init_ctl(ngx_shm_zone_t *zone, void *data);
static ngx_int_t check_layout(ngx_shm_zone_t *zone, uint32_t layout);


static ngx_http_cos_shared_t   local;
static ngx_http_cos_shared_t  *shared = &local;
static ngx_slab_pool_t        *pools[NGX_HTTP_COS_CACHE_SHARDS];


ngx_int_t
ngx_http_cos_cache_add(ngx_conf_t *cf, ngx_str_t *name, size_t size, void *tag)
{
    ngx_int_t  n;

    size = ngx_align(size / NGX_HTTP_COS_CACHE_SHARDS, ngx_pagesize);

    if (size < PAGES_MIN * ngx_pagesize) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is too small, the least is %uz", name,
                           PAGES_MIN * ngx_pagesize
                           * NGX_HTTP_COS_CACHE_SHARDS);
        return NGX_ERROR;
    }

    for (n = 0; n < NGX_HTTP_COS_CACHE_SHARDS; n++) {
        if (add_zone(cf, name, n, size, tag) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return add_zone(cf, name, -1, CTL_PAGES * ngx_pagesize, tag);
}


static ngx_int_t
add_zone(ngx_conf_t *cf, ngx_str_t *name, ngx_int_t n, size_t size, void *tag)
{
    ngx_str_t        full;
    zone_ctx_t      *ctx;
    ngx_shm_zone_t  *zone;

    ctx = ngx_palloc(cf->pool, sizeof(zone_ctx_t));
    full.data = ngx_pnalloc(cf->pool, name->len + 1 + NGX_INT_T_LEN);
    if (ctx == NULL || full.data == NULL) {
        return NGX_ERROR;
    }

    full.len = (n < 0 ? ngx_sprintf(full.data, "%V#", name)
                      : ngx_sprintf(full.data, "%V#%i", name, n)) - full.data;

    zone = ngx_shared_memory_add(cf, &full, size, tag);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    if (zone->data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "duplicate zone \"%V\"", name);
        return NGX_ERROR;
    }

    ctx->n = n;
    zone->data = ctx;
    zone->init = (n < 0) ? init_ctl : init_shard;

    return NGX_OK;
}


static ngx_int_t
init_shard(ngx_shm_zone_t *zone, void *data)
{
    u_char                *p;
    size_t                 size;
    uint32_t               buckets;
    ngx_slab_pool_t       *pool;
    ngx_http_cos_shard_t  *sh;

    pool = (ngx_slab_pool_t *) zone->shm.addr;

    if (data || zone->shm.exists) {
        sh = pool->data;
        return check_layout(zone, sh->layout);
    }

    for (buckets = 64; buckets < zone->shm.size / PER_BUCKET; buckets *= 2) {
        /* void */
    }

    size = ngx_align(sizeof(ngx_http_cos_shard_t)
                     + buckets * sizeof(ngx_http_cos_entry_t *), ngx_pagesize);
    p = pool->end - size;

    sh = (ngx_http_cos_shard_t *) p;
    ngx_memzero(sh, sizeof(ngx_http_cos_shard_t));
    sh->layout = LAYOUT;
    sh->mask = buckets - 1;

    pool->end = p;
    pool->data = sh;
    ngx_http_cos_shard_reset(pool);

    return NGX_OK;
}


static ngx_int_t
init_ctl(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t        *pool;
    ngx_http_cos_shared_t  *sh;

    pool = (ngx_slab_pool_t *) zone->shm.addr;

    if (data || zone->shm.exists) {
        sh = pool->data;
        return check_layout(zone, sh->layout);
    }

    /* the slab aligns a chunk to its own size: more than a line here */
    sh = ngx_slab_calloc(pool, sizeof(ngx_http_cos_shared_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    if (RAND_bytes((u_char *) sh->hash_key, sizeof(sh->hash_key)) != 1) {
        ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0, "RAND_bytes() failed");
        return NGX_ERROR;
    }

    sh->layout = LAYOUT;
    pool->data = sh;

    return NGX_OK;
}


/* Old workers still use the memory as it is: it cannot be made anew, and a
 * refused reload leaves them working. */
static ngx_int_t
check_layout(ngx_shm_zone_t *zone, uint32_t layout)
{
    if (layout == LAYOUT) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                  "zone \"%V\" was made by another version of the module:"
                  " restart nginx or upgrade the binary, a reload cannot"
                  " change it", &zone->shm.name);
    return NGX_ERROR;
}


void
ngx_http_cos_zone_attach(ngx_cycle_t *cycle)
{
    ngx_uint_t        i;
    zone_ctx_t       *ctx;
    ngx_list_part_t  *part;
    ngx_shm_zone_t   *zone;
    ngx_slab_pool_t  *pool;

    shared = &local;
    ngx_memzero(pools, sizeof(pools));

    for (part = &cycle->shared_memory.part; part; part = part->next) {
        zone = part->elts;

        for (i = 0; i < part->nelts; i++) {
            pool = (ngx_slab_pool_t *) zone[i].shm.addr;

            if (zone[i].init == init_ctl) {
                shared = pool->data;

            } else if (zone[i].init == init_shard) {
                ctx = zone[i].data;
                pools[ctx->n] = pool;
            }
        }
    }
}


ngx_http_cos_shared_t *
ngx_http_cos_shared(void)
{
    return shared;
}


ngx_slab_pool_t *
ngx_http_cos_shard_pool(ngx_uint_t n)
{
    return pools[n];
}


ngx_http_cos_redis_stats_t *
ngx_http_cos_redis_stats(void)
{
    return shared == &local ? NULL : &shared->redis;
}


void
ngx_http_cos_shard_reset(ngx_slab_pool_t *pool)
{
    ngx_http_cos_shard_t  *sh = pool->data;

    ngx_slab_init(pool);
    pool->log_nomem = 0;

    ngx_memzero(sh->bucket, (sh->mask + 1) * sizeof(ngx_http_cos_entry_t *));
    ngx_queue_init(&sh->lru);
}
