/*
 * Buckets, and users, as this worker keeps them: the record, and what its
 * documents say in compiled form, so that a rule is parsed once after it changed and not
 * once a request. The shared cache only tells whether the record is still the
 * same (its stamp); where it cannot, the bytes are compared.
 *
 * A kept bucket is read by requests that hold it while a newer one has taken
 * its place, so it lives until the last of them is gone.
 */

#include "ngx_http_cos.h"


/* records, and bytes of them, that a worker keeps */
#define KEPT_MAX    4096
#define KEPT_BYTES  (32 * 1024 * 1024)

struct ngx_http_cos_kept_s {
    ngx_str_node_t      sn;           /* by key in Redis */
    ngx_queue_t         lru;
    ngx_pool_t         *pool;         /* of all this */
    cos_alloc_t         alloc;
    uint64_t            stamp;
    ngx_str_t           record;
    ngx_uint_t          refs;         /* of requests, and of the table */
    uint32_t            tried;        /* attributes that were compiled; of
                                         users the whole is the first */
    uint32_t            damaged;      /* and could not be */
    void               *compiled[COS_BX_MAX];
};

typedef ngx_http_cos_kept_t  kept_t;


static ngx_rbtree_t       tree;
static ngx_rbtree_node_t  sentinel;
static ngx_queue_t        lru;
static ngx_uint_t         count;
static size_t             bytes;


static void
release(void *data)
{
    kept_t  *k = data;

    if (--k->refs == 0) {
        ngx_destroy_pool(k->pool);
    }
}


static void
forget(kept_t *k)
{
    ngx_rbtree_delete(&tree, &k->sn.node);
    ngx_queue_remove(&k->lru);
    count--;
    bytes -= k->record.len;
    release(k);
}


static void
remember(kept_t *k)
{
    ngx_rbtree_insert(&tree, &k->sn.node);
    ngx_queue_insert_head(&lru, &k->lru);
    k->refs++;
    count++;
    bytes += k->record.len;

    while (count > KEPT_MAX || (bytes > KEPT_BYTES && count > 1)) {
        forget(ngx_queue_data(ngx_queue_last(&lru), kept_t, lru));
    }
}


static void
used(kept_t *k)
{
    ngx_queue_remove(&k->lru);
    ngx_queue_insert_head(&lru, &k->lru);
}


static kept_t *
find(ngx_str_t *key)
{
    if (tree.root == NULL) {
        ngx_rbtree_init(&tree, &sentinel, ngx_str_rbtree_insert_value);
        ngx_queue_init(&lru);
    }

    return (kept_t *) ngx_str_rbtree_lookup(&tree, key,
                                            ngx_crc32_short(key->data,
                                                            key->len));
}


static void *
pool_alloc(void *data, size_t size)
{
    return ngx_palloc(data, size);
}


static kept_t *
create(ngx_str_t *key, ngx_str_t *record)
{
    kept_t      *k;
    ngx_pool_t  *pool;

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE / 4, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    k = ngx_pcalloc(pool, sizeof(kept_t));

    if (k) {
        k->pool = pool;
        k->alloc.alloc = pool_alloc;
        k->alloc.ctx = pool;
        k->sn.str.len = key->len;
        k->sn.str.data = ngx_pstrdup(pool, key);
        k->record.len = record->len;
        k->record.data = ngx_pstrdup(pool, record);
    }

    if (k == NULL || k->sn.str.data == NULL || k->record.data == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    k->sn.node.key = ngx_crc32_short(key->data, key->len);

    return k;
}


/* f->value is k's record from now on, for as long as the request lives. */
static ngx_int_t
hold(ngx_http_cos_ctx_t *ctx, ngx_http_cos_fact_t *f, kept_t *k)
{
    ngx_pool_cleanup_t  *cln;

    if (f->kept != k) {
        cln = ngx_pool_cleanup_add(ctx->request->pool, 0);
        if (cln == NULL) {
            return NGX_ERROR;
        }

        cln->handler = release;
        cln->data = k;
        k->refs++;
        f->kept = k;
    }

    f->value = k->record;

    return NGX_OK;
}


uint64_t
ngx_http_cos_kept_stamp(ngx_http_cos_fact_t *f)
{
    kept_t  *k;

    k = find(&f->key);

    return k ? k->stamp : 0;
}


ngx_int_t
ngx_http_cos_kept_same(ngx_http_cos_ctx_t *ctx, ngx_http_cos_fact_t *f)
{
    kept_t  *k;

    k = find(&f->key);
    if (k == NULL) {
        return NGX_ERROR;
    }

    used(k);

    return hold(ctx, f, k);
}


ngx_int_t
ngx_http_cos_kept_new(ngx_http_cos_ctx_t *ctx, ngx_http_cos_fact_t *f)
{
    kept_t  *k;

    k = find(&f->key);

    if (k && (k->record.len != f->value.len
              || ngx_memcmp(k->record.data, f->value.data, f->value.len) != 0))
    {
        forget(k);
        k = NULL;
    }

    f->kept = f->kept == k ? k : NULL;

    if (f->value.len == 0) {
        return NGX_OK;
    }

    if (k == NULL) {
        k = create(&f->key, &f->value);
        if (k == NULL) {
            return NGX_ERROR;
        }

        remember(k);
    }

    k->stamp = f->mark.stamp;
    used(k);

    return hold(ctx, f, k);
}


/* Compiles text once into slot i; what could not be read stays so. */
static ngx_int_t
rule_of(kept_t *k, ngx_uint_t i, ngx_str_t *text,
    ngx_http_cos_compile_pt compile, void **rule)
{
    uint32_t  bit = (uint32_t) 1 << i;

    *rule = NULL;

    if (!(k->tried & bit)) {
        k->tried |= bit;

        if (text == NULL) {
            k->damaged |= bit;

        } else if (text->len) {
            k->compiled[i] = compile(*text, &k->alloc);
            k->damaged |= k->compiled[i] ? 0 : bit;
        }
    }

    if (k->damaged & bit) {
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                      "cos: a rule in the record of \"%V\" cannot be read",
                      &k->sn.str);
        return NGX_ERROR;
    }

    *rule = k->compiled[i];

    return NGX_OK;
}


ngx_int_t
ngx_http_cos_kept_rule(ngx_http_cos_kept_t *k, cos_bucket_attr_e attr,
    ngx_http_cos_compile_pt compile, void **rule)
{
    ngx_uint_t    readable;
    cos_bucket_t  bucket;

    if (k->tried & (uint32_t) 1 << attr) {
        return rule_of(k, attr, NULL, compile, rule);
    }

    readable = cos_bucket_decode(&bucket, k->record) == 0;

    return rule_of(k, attr, readable ? &bucket.attr[attr] : NULL, compile,
                   rule);
}


ngx_int_t
ngx_http_cos_kept_whole(ngx_http_cos_kept_t *k,
    ngx_http_cos_compile_pt compile, void **rule)
{
    return rule_of(k, 0, &k->record, compile, rule);
}


void
ngx_http_cos_kept_done(void)
{
    while (tree.root && !ngx_queue_empty(&lru)) {
        forget(ngx_queue_data(ngx_queue_last(&lru), kept_t, lru));
    }
}
