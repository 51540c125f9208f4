/*
 * Tables for millions of names: 128-bit SipHash-2-4 instead of the names
 * themselves, so that a rebuild needs some 100 bytes for each key, and sorted
 * lists of where payloads lie.
 */

#include <stdlib.h>

#include "maint_internal.h"


typedef struct {
    uint64_t  v[4];
    uint64_t  tail;
    uint64_t  len;
} sip_t;

static uint64_t  seed[2];


static void
sip_round(uint64_t v[4])
{
#define ROTL(x, b)  ((x) << (b) | (x) >> (64 - (b)))
    v[0] += v[1]; v[1] = ROTL(v[1], 13); v[1] ^= v[0]; v[0] = ROTL(v[0], 32);
    v[2] += v[3]; v[3] = ROTL(v[3], 16); v[3] ^= v[2];
    v[0] += v[3]; v[3] = ROTL(v[3], 21); v[3] ^= v[0];
    v[2] += v[1]; v[1] = ROTL(v[1], 17); v[1] ^= v[2]; v[2] = ROTL(v[2], 32);
#undef ROTL
}


static void
sip_init(sip_t *s)
{
    s->v[0] = seed[0] ^ 0x736f6d6570736575ULL;
    s->v[1] = seed[1] ^ 0x646f72616e646f6dULL ^ 0xee;
    s->v[2] = seed[0] ^ 0x6c7967656e657261ULL;
    s->v[3] = seed[1] ^ 0x7465646279746573ULL;
    s->tail = 0;
    s->len = 0;
}


static void
sip_word(sip_t *s, uint64_t m)
{
    s->v[3] ^= m;
    sip_round(s->v);
    sip_round(s->v);
    s->v[0] ^= m;
}


static void
sip_add(sip_t *s, const void *data, size_t n)
{
    const cos_u8  *p = data;

    while (n-- > 0) {
        s->tail |= (uint64_t) *p++ << 8 * (s->len & 7);

        if ((++s->len & 7) == 0) {
            sip_word(s, s->tail);
            s->tail = 0;
        }
    }
}


/* Only while what was added before is a multiple of 8 bytes. */
static void
sip_number(sip_t *s, uint64_t n)
{
    s->len += 8;
    sip_word(s, n);
}


static void
sip_final(sip_t *s, cos_hash_t *h)
{
    int  i;

    sip_word(s, s->tail | s->len << 56);
    s->v[2] ^= 0xee;

    for (i = 0; i < 4; i++) {
        sip_round(s->v);
    }

    h->h[0] = s->v[0] ^ s->v[1] ^ s->v[2] ^ s->v[3];
    s->v[1] ^= 0xdd;

    for (i = 0; i < 4; i++) {
        sip_round(s->v);
    }

    h->h[1] = s->v[0] ^ s->v[1] ^ s->v[2] ^ s->v[3];
}


/* The key is chosen once: hashes of one process can be compared. */
int
cos_hash_seed(void)
{
    return seed[0] != 0 ? 0 : cos_random(seed, sizeof(seed));
}


void
cos_hash_name(cos_hash_t *h, cos_name_e kind, cos_str_t a, cos_str_t b,
    uint64_t n)
{
    sip_t  s;

    sip_init(&s);
    sip_number(&s, (uint64_t) kind);
    sip_number(&s, a.len);
    sip_number(&s, n);
    sip_add(&s, a.data, a.len);
    sip_add(&s, b.data, b.len);
    sip_final(&s, h);
}


void
cos_hash_version(cos_hash_t *h, const cos_hash_t *name, uint64_t seq,
    uint32_t rev, uint64_t inc)
{
    sip_t  s;

    sip_init(&s);
    sip_number(&s, COS_N_VOID);
    sip_number(&s, name->h[0]);
    sip_number(&s, name->h[1]);
    sip_number(&s, seq);
    sip_number(&s, rev);
    sip_number(&s, inc);
    sip_final(&s, h);
}


void
cos_hash_number(cos_hash_t *h, uint64_t a, uint64_t b)
{
    sip_t  s;

    sip_init(&s);
    sip_number(&s, COS_N_NUMBER);
    sip_number(&s, a);
    sip_number(&s, b);
    sip_final(&s, h);
}


int
cos_hash_json(cos_hash_t *h, const cos_json_t *j)
{
    cos_str_t  none = { 0, NULL };

    switch (j->kind) {

    case COS_J_OBJECT:
    case COS_J_DELETE:
        cos_hash_name(h, COS_N_OBJECT, j->bid, j->key, cos_json_version(j));
        return 0;

    case COS_J_UPLOAD:
    case COS_J_ABORT:
        cos_hash_name(h, COS_N_UPLOAD, j->bid, j->upload, 0);
        return 0;

    case COS_J_PART:
        cos_hash_name(h, COS_N_PART, j->bid, j->upload, j->part);
        return 0;

    case COS_J_BUCKET:
    case COS_J_BUCKET_DELETE:
        cos_hash_name(h, COS_N_BUCKET, j->bucket.name, none, 0);
        return 0;

    case COS_J_CRED:
    case COS_J_CRED_DELETE:
        cos_hash_name(h, COS_N_CRED, j->cred.access_key, none, 0);
        return 0;

    default:
        return -1;
    }
}


/* Writers make a note from the document that it takes back, so it may hold
 * more than the name: with the number of its incarnation any of them fits
 * that document only. */
size_t
cos_void_names(cos_hash_t *h, const cos_json_t *j)
{
    size_t     n;
    cos_str_t  none = { 0, NULL };

    n = 0;

    if (j->key.len) {
        cos_hash_name(&h[n++], COS_N_OBJECT, j->bid, j->key, j->version);
    }

    if (j->upload.len && j->part != 0) {
        cos_hash_name(&h[n++], COS_N_PART, j->bid, j->upload, j->part);

    } else if (j->upload.len) {
        cos_hash_name(&h[n++], COS_N_UPLOAD, j->bid, j->upload, 0);
    }

    if (j->bucket.name.len) {
        cos_hash_name(&h[n++], COS_N_BUCKET, j->bucket.name, none, 0);
    }

    if (j->cred.access_key.len) {
        cos_hash_name(&h[n++], COS_N_CRED, j->cred.access_key, none, 0);
    }

    return n;
}


uint32_t
cos_json_rev(const cos_json_t *j)
{
    return cos_kind_weighs(j->kind) ? j->object.rev : 0;
}


static cos_slot_t *
probe(cos_slot_t *slots, size_t cap, const cos_hash_t *h)
{
    size_t  i;

    i = (size_t) h->h[0] & (cap - 1);

    while (slots[i].used && memcmp(&slots[i].h, h, sizeof(*h)) != 0) {
        i = (i + 1) & (cap - 1);
    }

    return &slots[i];
}


cos_slot_t *
cos_table_find(const cos_table_t *t, const cos_hash_t *h)
{
    cos_slot_t  *s;

    if (t->cap == 0) {
        return NULL;
    }

    s = probe(t->slots, t->cap, h);

    return s->used ? s : NULL;
}


static int
table_grow(cos_table_t *t)
{
    size_t       i, cap;
    cos_slot_t  *slots;

    cap = t->cap ? t->cap * 2 : 64;

    slots = calloc(cap, sizeof(cos_slot_t));
    if (slots == NULL) {
        return -1;
    }

    for (i = 0; i < t->cap; i++) {
        if (t->slots[i].used) {
            *probe(slots, cap, &t->slots[i].h) = t->slots[i];
        }
    }

    free(t->slots);
    t->slots = slots;
    t->cap = cap;

    return 0;
}


cos_slot_t *
cos_table_add(cos_table_t *t, const cos_hash_t *h)
{
    cos_slot_t  *s;

    if (t->n >= t->cap / 4 * 3 && table_grow(t) != 0) {
        return NULL;
    }

    s = probe(t->slots, t->cap, h);

    if (!s->used) {
        s->h = *h;
        s->used = 1;
        t->n++;
    }

    return s;
}


void
cos_table_free(cos_table_t *t)
{
    free(t->slots);
    memset(t, 0, sizeof(cos_table_t));
}


int
cos_ranges_add(cos_ranges_t *r, const cos_range_t *one)
{
    size_t        cap;
    cos_range_t  *list;

    if (r->n == r->cap) {
        cap = r->cap ? r->cap * 2 : 256;

        list = realloc(r->list, cap * sizeof(cos_range_t));
        if (list == NULL) {
            return -1;
        }

        r->list = list;
        r->cap = cap;
    }

    r->list[r->n++] = *one;
    r->sorted = 0;

    return 0;
}


static int
range_cmp(const void *x, const void *y)
{
    const cos_range_t  *a = x, *b = y;

    if (a->cid != b->cid) {
        return a->cid < b->cid ? -1 : 1;
    }

    return a->off < b->off ? -1 : a->off > b->off;
}


void
cos_ranges_sort(cos_ranges_t *r)
{
    if (r->n != 0) {
        qsort(r->list, r->n, sizeof(cos_range_t), range_cmp);
    }

    r->sorted = 1;
}


const cos_range_t *
cos_ranges_find(const cos_ranges_t *r, const cos_seg_t *seg)
{
    size_t              lo, hi, mid;
    const cos_range_t  *p;

    lo = 0;
    hi = r->n;

    while (lo < hi) {
        mid = lo + (hi - lo) / 2;
        p = &r->list[mid];

        if (p->cid < seg->cid || (p->cid == seg->cid && p->off <= seg->off)) {
            lo = mid + 1;

        } else {
            hi = mid;
        }
    }

    if (lo == 0) {
        return NULL;
    }

    p = &r->list[lo - 1];

    if (p->cid != seg->cid || seg->off - p->off > p->len
        || seg->len > p->len - (seg->off - p->off))
    {
        return NULL;
    }

    return p;
}


void
cos_ranges_free(cos_ranges_t *r)
{
    free(r->list);
    memset(r, 0, sizeof(cos_ranges_t));
}


/* --- numbers -------------------------------------------------------------- */

int
cos_mark(cos_table_t *t, uint64_t cid, uint64_t value)
{
    cos_hash_t   h;
    cos_slot_t  *s;

    cos_hash_number(&h, cid, 0);

    s = cos_table_add(t, &h);
    if (s == NULL) {
        return -1;
    }

    s->a = value;

    return 0;
}


uint64_t
cos_marked(const cos_table_t *t, uint64_t cid)
{
    cos_hash_t   h;
    cos_slot_t  *s;

    cos_hash_number(&h, cid, 0);
    s = cos_table_find(t, &h);

    return s != NULL ? s->a : 0;
}
