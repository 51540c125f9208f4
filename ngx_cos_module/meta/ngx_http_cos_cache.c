/*
 * meta: the shared cache of hot records. Hash tables in slab pools, a shard
 * for each two bits of the hash, with an LRU queue each.
 *
 * An entry is a value, or a marker that a reader left before it asked Redis.
 * Reply and invalidation come over different connections: a reply that is
 * older than a change could be stored after the change's invalidation, and
 * stay for ever. An invalidation removes whatever is there, and a reply is
 * stored only over the marker with the token its reader was given; readers
 * that find a marker share its token. A marker whose reader died does no
 * harm, the next one uses it.
 *
 * busy is set while a worker is inside a shard. Whoever gets the mutex and
 * finds it set knows that a worker died there (the master frees the mutex of
 * a dead worker, not what it guarded) and starts the shard anew.
 *
 * Names of objects are chosen by strangers, and even a key that does not
 * exist leaves an entry: hence SipHash with a random key.
 */

#include "ngx_http_cos_meta_internal.h"


/* keys of Redis: "o{bid}" and at most 1024 bytes, with room to spare */
#define KEY_MAX     2048
/* evictions for one allocation, and for each further page of it; the mutex is
 * held meanwhile */
#define EVICT_MAX   64
/* in the token: the entry is a marker */
#define MARKER      ((uint64_t) 1 << 63)

struct ngx_http_cos_entry_s {
    ngx_http_cos_entry_t  *next;      /* in the bucket */
    ngx_queue_t            lru;
    uint64_t               token;     /* of a marker, or stamp of a value */
    uint32_t               hash;
    uint32_t               klen:12;
    uint32_t               vlen:20;
    u_char                 data[];    /* key, value */
};

typedef ngx_http_cos_entry_t  entry_t;
typedef ngx_http_cos_shard_t  shard_t;


static uint32_t hash_key(ngx_str_t *key);
static ngx_slab_pool_t *shard_of(uint32_t hash);
static shard_t *lock(ngx_slab_pool_t *pool);
static void unlock(ngx_slab_pool_t *pool);
static ngx_int_t lookup(uint32_t hash, ngx_str_t *key, u_char *buf,
    size_t cap, ngx_str_t *value, ngx_http_cos_mark_t *mark);
static void leave_mark(ngx_slab_pool_t *pool, uint32_t hash, ngx_str_t *key,
    ngx_http_cos_mark_t *mark);
static entry_t *find(shard_t *sh, uint32_t hash, ngx_str_t *key);
static entry_t *insert(ngx_slab_pool_t *pool, uint32_t hash, ngx_str_t *key,
    ngx_str_t *value, uint64_t kind);
static void remove_entry(ngx_slab_pool_t *pool, entry_t *e);
static void drop(ngx_str_t *key, ngx_uint_t invalidated);


/* this worker's subscription is alive */
static ngx_uint_t  usable;


void
ngx_http_cos_cache_enable(ngx_uint_t on)
{
    usable = 0;
    ngx_http_cos_cache_flush();
    usable = (on && ngx_http_cos_shard_pool(0) != NULL);
}


ngx_int_t
ngx_http_cos_cache_get(ngx_str_t *key, u_char *buf, size_t cap,
    ngx_pool_t *pool, ngx_str_t *value, ngx_http_cos_mark_t *mark)
{
    uint32_t   hash;
    ngx_int_t  rc;

    if (mark) {
        mark->token = 0;
    }

    if (!usable || key->len > KEY_MAX) {
        return NGX_DECLINED;
    }

    hash = hash_key(key);

    for ( ;; ) {
        rc = lookup(hash, key, buf, cap, value, mark);
        if (rc != NGX_AGAIN) {
            return rc;
        }

        /* nothing is allocated from a pool under the mutex: look again, the
         * value may have changed meanwhile */
        cap = value->len;
        buf = ngx_pnalloc(pool, cap);
        if (buf == NULL) {
            return NGX_ERROR;
        }
    }
}


static void
used(shard_t *sh, entry_t *e)
{
    sh->stats.hits++;
    ngx_queue_remove(&e->lru);
    ngx_queue_insert_head(&sh->lru, &e->lru);
}


/* NGX_AGAIN: value->len bytes are needed. */
static ngx_int_t
lookup(uint32_t hash, ngx_str_t *key, u_char *buf, size_t cap,
    ngx_str_t *value, ngx_http_cos_mark_t *mark)
{
    entry_t          *e;
    shard_t          *sh;
    ngx_int_t         rc;
    ngx_slab_pool_t  *pool;

    pool = shard_of(hash);
    sh = lock(pool);
    e = find(sh, hash, key);

    if (e == NULL || (e->token & MARKER)) {
        sh->stats.misses++;

        if (mark && e) {
            mark->token = e->token;

        } else if (mark) {
            leave_mark(pool, hash, key, mark);
        }

        rc = NGX_DECLINED;

    } else if (mark && mark->stamp == e->token) {
        used(sh, e);
        rc = NGX_DONE;

    } else if (e->vlen > cap) {
        value->len = e->vlen;
        rc = NGX_AGAIN;

    } else {
        used(sh, e);
        value->len = e->vlen;
        value->data = buf;

        if (e->vlen) {
            ngx_memcpy(buf, e->data + e->klen, e->vlen);
        }

        if (mark) {
            mark->stamp = e->token;
        }

        rc = NGX_OK;
    }

    unlock(pool);

    return rc;
}


static void
leave_mark(ngx_slab_pool_t *pool, uint32_t hash, ngx_str_t *key,
    ngx_http_cos_mark_t *mark)
{
    entry_t    *e;
    ngx_str_t   none = ngx_null_string;

    e = insert(pool, hash, key, &none, MARKER);

    if (e) {
        mark->token = e->token;
    }
}


/* A bucket's or a user's record may hold documents, and every request needs
 * them. */
static size_t
value_max(ngx_str_t *key)
{
    return key->len > 2
           && (ngx_memcmp(key->data, "b:", 2) == 0
               || (key->len > 3 && ngx_memcmp(key->data, "u:@", 3) == 0))
           ? NGX_HTTP_COS_CACHE_BUCKET_MAX : NGX_HTTP_COS_CACHE_MAX;
}


void
ngx_http_cos_cache_set(ngx_str_t *key, ngx_http_cos_mark_t *mark,
    ngx_str_t *value)
{
    entry_t          *e;
    shard_t          *sh;
    uint32_t          hash;
    ngx_slab_pool_t  *pool;

    if (!usable || mark == NULL || mark->token == 0
        || key->len > KEY_MAX || value->len > value_max(key))
    {
        return;
    }

    hash = hash_key(key);
    pool = shard_of(hash);
    sh = lock(pool);
    e = find(sh, hash, key);

    if (e && e->token == mark->token) {
        remove_entry(pool, e);
        e = insert(pool, hash, key, value, 0);
        mark->stamp = e ? e->token : 0;
    }

    unlock(pool);
}


void
ngx_http_cos_cache_drop(ngx_str_t *key)
{
    drop(key, 0);
}


void
ngx_http_cos_cache_invalidate(ngx_str_t *key)
{
    drop(key, 1);
}


/* Not only while usable: other workers may have what this one changed. */
static void
drop(ngx_str_t *key, ngx_uint_t invalidated)
{
    entry_t          *e;
    shard_t          *sh;
    uint32_t          hash;
    ngx_slab_pool_t  *pool;

    if (ngx_http_cos_shard_pool(0) == NULL || key->len > KEY_MAX) {
        return;
    }

    hash = hash_key(key);
    pool = shard_of(hash);
    sh = lock(pool);
    sh->stats.invalidations += invalidated;
    e = find(sh, hash, key);

    if (e) {
        remove_entry(pool, e);
    }

    unlock(pool);
}


void
ngx_http_cos_cache_flush(void)
{
    shard_t          *sh;
    ngx_uint_t        n;
    ngx_slab_pool_t  *pool;

    for (n = 0; n < NGX_HTTP_COS_CACHE_SHARDS; n++) {
        pool = ngx_http_cos_shard_pool(n);
        if (pool == NULL) {
            continue;
        }

        sh = lock(pool);
        sh->stats.flushes += (n == 0);
        ngx_http_cos_shard_reset(pool);
        unlock(pool);
    }
}


/* A sum of now, in memory of this process. */
ngx_http_cos_cache_stats_t *
ngx_http_cos_cache_stats(void)
{
    shard_t                            *sh;
    ngx_uint_t                          n;
    ngx_slab_pool_t                    *pool;
    static ngx_http_cos_cache_stats_t   sum;

    ngx_memzero(&sum, sizeof(sum));

    for (n = 0; n < NGX_HTTP_COS_CACHE_SHARDS; n++) {
        pool = ngx_http_cos_shard_pool(n);
        if (pool == NULL) {
            return NULL;
        }

        sh = pool->data;
        sum.hits += sh->stats.hits;
        sum.misses += sh->stats.misses;
        sum.evictions += sh->stats.evictions;
        sum.invalidations += sh->stats.invalidations;
        sum.flushes += sh->stats.flushes;
    }

    return &sum;
}


/* --- under the mutex ----------------------------------------------------- */

static ngx_slab_pool_t *
shard_of(uint32_t hash)
{
    /* by the high bits; the low ones choose the bucket */
    return ngx_http_cos_shard_pool(hash / (UINT32_MAX
                                           / NGX_HTTP_COS_CACHE_SHARDS + 1));
}


/*
 * A process that dies does so between two instructions, and all it stored
 * before is seen by whoever the master lets in afterwards: only the compiler
 * must keep the order.
 */
static shard_t *
lock(ngx_slab_pool_t *pool)
{
    shard_t  *sh = pool->data;

    ngx_shmtx_lock(&pool->mutex);

    if (sh->busy) {
        ngx_http_cos_shard_reset(pool);
        sh->stats.flushes++;
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "a worker died inside the cache, a shard starts anew");
    }

    sh->busy = 1;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);

    return sh;
}


static void
unlock(ngx_slab_pool_t *pool)
{
    shard_t  *sh = pool->data;

    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    sh->busy = 0;

    ngx_shmtx_unlock(&pool->mutex);
}


static entry_t *
find(shard_t *sh, uint32_t hash, ngx_str_t *key)
{
    entry_t  *e;

    for (e = sh->bucket[hash & sh->mask]; e; e = e->next) {
        if (e->hash == hash && e->klen == key->len
            && ngx_memcmp(e->data, key->data, key->len) == 0)
        {
            return e;
        }
    }

    return NULL;
}


/* NULL: no memory, even after evicting what was used longest ago. */
static entry_t *
insert(ngx_slab_pool_t *pool, uint32_t hash, ngx_str_t *key, ngx_str_t *value,
    uint64_t kind)
{
    size_t        size;
    entry_t      *e, **head;
    shard_t      *sh = pool->data;
    ngx_uint_t    n, max;
    ngx_queue_t  *q;

    size = sizeof(entry_t) + key->len + value->len;
    max = EVICT_MAX + EVICT_MAX * (size / ngx_pagesize);

    for (n = 0; ; n++) {
        e = ngx_slab_alloc_locked(pool, size);
        if (e) {
            break;
        }

        if (n == max || ngx_queue_empty(&sh->lru)) {
            return NULL;
        }

        q = ngx_queue_last(&sh->lru);
        remove_entry(pool, ngx_queue_data(q, entry_t, lru));
        sh->stats.evictions++;
    }

    /* unique also across a reset of the shard, which forgets all entries */
    e->token = (ngx_atomic_fetch_add(&ngx_http_cos_shared()->token, 1) + 1)
               | kind;
    e->hash = hash;
    e->klen = key->len & 0xfff;
    e->vlen = value->len & 0xfffff;
    ngx_memcpy(e->data, key->data, key->len);

    if (value->len) {
        ngx_memcpy(e->data + key->len, value->data, value->len);
    }

    head = &sh->bucket[hash & sh->mask];
    e->next = *head;
    *head = e;
    ngx_queue_insert_head(&sh->lru, &e->lru);

    return e;
}


static void
remove_entry(ngx_slab_pool_t *pool, entry_t *e)
{
    entry_t  **p;
    shard_t   *sh = pool->data;

    for (p = &sh->bucket[e->hash & sh->mask]; *p != e; p = &(*p)->next) {
        /* void */
    }

    *p = e->next;
    ngx_queue_remove(&e->lru);
    ngx_slab_free_locked(pool, e);
}


/* --- SipHash-1-3, folded to 32 bits -------------------------------------- */

#define rotl(x, b)  (((x) << (b)) | ((x) >> (64 - (b))))


static inline void
sip_round(uint64_t *v)
{
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}


static uint32_t
hash_key(ngx_str_t *key)
{
    u_char    *p, *last;
    size_t     left;
    uint64_t   m, v[4], *k;

    k = ngx_http_cos_shared()->hash_key;

    v[0] = k[0] ^ 0x736f6d6570736575ULL;
    v[1] = k[1] ^ 0x646f72616e646f6dULL;
    v[2] = k[0] ^ 0x6c7967656e657261ULL;
    v[3] = k[1] ^ 0x7465646279746573ULL;

    p = key->data;
    left = key->len & 7;

    for (last = p + key->len - left; p < last; p += 8) {
        ngx_memcpy(&m, p, 8);
        v[3] ^= m;
        sip_round(v);
        v[0] ^= m;
    }

    m = 0;
    ngx_memcpy(&m, p, left);
    m |= (uint64_t) key->len << 56;

    v[3] ^= m;
    sip_round(v);
    v[0] ^= m;

    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);

    m = v[0] ^ v[1] ^ v[2] ^ v[3];

    return (uint32_t) (m ^ (m >> 32));
}
