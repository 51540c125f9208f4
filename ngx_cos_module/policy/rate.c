/*
 * policy: rates. Several processes work on a set at the same time, each with
 * single atomic operations; what can go wrong when they meet is that a name
 * gets a token too many, or one too few, once.
 */

#include "cos_rate.h"

#include <string.h>


#define WAYS  8

typedef struct {
    uint64_t  key;                    /* 0: never used */
    uint64_t  full;                   /* when the bucket is full */
} slot_t;

typedef struct {
    slot_t    slot[WAYS];
} set_t;

struct cos_rate_table_s {
    uint64_t  seed;
    uint64_t  sets;
    set_t     set[] __attribute__((aligned(64)));
};


void
cos_rate_set(cos_rate_t *rate, uint64_t n, uint64_t seconds, uint64_t burst)
{
    rate->interval = seconds * 1000000000 / n;
    rate->burst = burst;
}


int
cos_rate_init(cos_rate_table_t *t, size_t size, uint64_t seed)
{
    if (size < sizeof(cos_rate_table_t) + sizeof(set_t)) {
        return -1;
    }

    t->seed = seed;
    t->sets = (size - sizeof(cos_rate_table_t)) / sizeof(set_t);

    return 0;
}


/* Every bit of the result depends on every bit of h (the finalizer of
 * splitmix64). */
static uint64_t
mix(uint64_t h)
{
    h ^= h >> 30;
    h *= 0xbf58476d1ce4e5b9;
    h ^= h >> 27;
    h *= 0x94d049bb133111eb;

    return h ^ (h >> 31);
}


uint64_t
cos_rate_key(const cos_rate_table_t *t, uint64_t kind, const cos_rate_t *rate,
    cos_str_t name)
{
    size_t    i, n;
    uint64_t  h, word;

    h = mix(t->seed ^ kind);
    h = mix(h + rate->interval);
    h = mix(h + rate->burst);
    h = mix(h + name.len);

    for (i = 0; i < name.len; i += n) {
        n = name.len - i < 8 ? name.len - i : 8;
        word = 0;
        memcpy(&word, name.data + i, n);
        h = mix((h ^ word) + t->seed);
    }

    return h ? h : 1;
}


/* The entry of a key; it becomes the key's if there was none. */
static slot_t *
find(set_t *set, uint64_t key, uint64_t now)
{
    unsigned   i;
    slot_t    *s, *spare;
    uint64_t   old, full, least;

    do {
        spare = &set->slot[0];
        least = UINT64_MAX;

        for (i = 0; i < WAYS; i++) {
            s = &set->slot[i];

            if (__atomic_load_n(&s->key, __ATOMIC_RELAXED) == key) {
                return s;
            }

            full = __atomic_load_n(&s->full, __ATOMIC_RELAXED);

            if (full < least) {
                spare = s;
                least = full;
            }
        }

        old = __atomic_load_n(&spare->key, __ATOMIC_RELAXED);

    } while (!__atomic_compare_exchange_n(&spare->key, &old, key, 0,
                                          __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));

    if (least > now) {
        /* of the name that had to go: not this one's debt */
        (void) __atomic_compare_exchange_n(&spare->full, &least, now, 0,
                                           __ATOMIC_RELAXED,
                                           __ATOMIC_RELAXED);
    }

    return spare;
}


uint64_t
cos_rate_take(cos_rate_table_t *t, uint64_t key, const cos_rate_t *rate,
    uint64_t now)
{
    slot_t    *s;
    uint64_t   full, begin, most;

    s = find(&t->set[(key >> 32) * t->sets >> 32], key, now);
    most = now + (rate->burst - 1) * rate->interval;
    full = __atomic_load_n(&s->full, __ATOMIC_RELAXED);

    do {
        begin = full > now ? full : now;

        if (begin > most) {
            return begin - most;
        }

    } while (!__atomic_compare_exchange_n(&s->full, &full,
                                          begin + rate->interval, 0,
                                          __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));

    return 0;
}
