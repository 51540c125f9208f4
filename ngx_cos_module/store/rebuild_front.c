/*
 * Rebuild: buckets, credentials and open uploads, which objects and parts need
 * to be there before.
 */

#include "rebuild_internal.h"
#include "cos_acl.h"


static int write_bucket(cos_rb_t *b, cos_json_t *j);
static int write_cred(cos_rb_t *b, cos_json_t *j);
static int add_user(cos_rb_t *b, const cos_json_t *j);
static int write_upload(cos_rb_t *b, cos_json_t *j);


void
cos_rb_bid_hash(cos_hash_t *h, cos_str_t bid)
{
    cos_str_t  none = { 0, NULL };

    cos_hash_name(h, COS_N_NUMBER, bid, none, 0);
}


cos_rb_bucket_t *
cos_rb_bucket(cos_rb_t *b, cos_str_t bid)
{
    cos_hash_t   h;
    cos_slot_t  *s;

    cos_rb_bid_hash(&h, bid);
    s = cos_table_find(&b->bids, &h);

    return s != NULL ? &b->buckets[s->n - 1] : NULL;
}


/* --- buckets and credentials ---------------------------------------------- */

int
cos_rb_fronts(cos_rb_t *b)
{
    size_t        i, n, creds;
    cos_rec_t     r;
    cos_json_t    j;
    cos_slot_t   *s;
    cos_alloc_t  *a;

    for (i = 0, n = 0, creds = 0; i < b->names.cap; i++) {
        s = &b->names.slots[i];
        n += s->used && s->kind == COS_J_BUCKET;
        creds += s->used && s->kind == COS_J_CRED;
    }

    a = cos_arena_alloc(b->arena);
    b->buckets = cos_zalloc(a, (n + 1) * sizeof(cos_rb_bucket_t));
    b->users = cos_zalloc(a, (creds + 1) * sizeof(cos_rb_user_t));
    if (b->buckets == NULL || b->users == NULL) {
        return -1;
    }

    for (i = 0; i < b->names.cap; i++) {
        s = &b->names.slots[i];

        if (!s->used || (s->kind != COS_J_BUCKET && s->kind != COS_J_CRED)) {
            continue;
        }

        if (cos_rb_json(b, s, &j, &r, a) != 0) {
            return -1;
        }

        if ((s->kind == COS_J_BUCKET ? write_bucket(b, &j)
                                     : write_cred(b, &j)) != 0)
        {
            return -1;
        }
    }

    return 0;
}


/* The document's number is the record's: a record is encoded after its
 * document. */
static int
write_bucket(cos_rb_t *b, cos_json_t *j)
{
    cos_buf_t     rec;
    cos_hash_t    h;
    cos_slot_t   *s;
    cos_alloc_t  *a = cos_arena_alloc(b->arena);

    j->bucket.seq = j->seq;
    b->buckets[b->nbuckets++].k = j->bucket;
    cos_rb_bid_hash(&h, j->bucket.id);

    s = cos_table_add(&b->bids, &h);
    if (s == NULL) {
        return -1;
    }

    s->n = (uint32_t) b->nbuckets;
    cos_buf_init(&rec, a, 128);

    if (cos_bucket_encode(&rec, &j->bucket) != 0 || rec.err) {
        return -1;
    }

    return cos_rb_queue(b, "SET b:%b %b", j->bucket.name.data,
                        j->bucket.name.len, rec.data, rec.len) != 0
           || cos_rb_queue(b, "ZADD B 0 %b", j->bucket.name.data,
                           j->bucket.name.len) != 0 ? -1 : 0;
}


static int
write_cred(cos_rb_t *b, cos_json_t *j)
{
    char          id[COS_ACCOUNT_ID_LEN];
    size_t        len = sizeof(id);
    cos_buf_t     rec;
    cos_alloc_t  *a = cos_arena_alloc(b->arena);

    j->cred.seq = j->seq;
    cos_buf_init(&rec, a, 128);

    if (cos_cred_encode(&rec, &j->cred) != 0 || rec.err
        || add_user(b, j) != 0 || cos_account_id(id, j->cred.uid) != 0)
    {
        return -1;
    }

    return cos_rb_queue(b, "SET u:%b %b", j->cred.access_key.data,
                        j->cred.access_key.len, rec.data, rec.len) != 0
           || cos_rb_queue(b, "ZADD C 0 %b", j->cred.access_key.data,
                           j->cred.access_key.len) != 0
           || cos_rb_queue(b, "HSET I %b %llu %b %llu", id, len,
                           (unsigned long long) j->cred.uid, id, len / 2,
                           (unsigned long long) j->cred.uid) != 0 ? -1 : 0;
}


/* --- limits of users ------------------------------------------------------ */

/* All credentials of a user say what his limits were when they were written:
 * the last one knows. */
static int
add_user(cos_rb_t *b, const cos_json_t *j)
{
    cos_hash_t           h;
    cos_slot_t          *s;
    cos_rb_user_t       *u;
    cos_bucket_quota_t   limits;

    if (cos_bucket_quota_parse(&limits, j->quota) != 0) {
        cos_rb_say(b, 1, "the limits of user %.*s cannot be read",
                   (int) j->cred.user.len, j->cred.user.data);
        return 0;
    }

    cos_hash_number(&h, j->cred.uid, 0);

    s = cos_table_add(&b->uids, &h);
    if (s == NULL) {
        return -1;
    }

    if (s->n == 0) {
        s->n = (uint32_t) ++b->nusers;
    }

    u = &b->users[s->n - 1];

    if (j->seq >= u->seq) {
        u->uid = j->cred.uid;
        u->seq = j->seq;
        u->limits = limits;
    }

    return 0;
}


int
cos_rb_users(cos_rb_t *b)
{
    size_t          i;
    cos_rb_user_t  *u;

    for (i = 0; i < b->nusers; i++) {
        u = &b->users[i];

        if ((u->limits.bytes != 0 || u->limits.objects != 0)
            && cos_rb_queue(b, "FCALL cos_user_load 0 %llu %llu %llu %llu",
                            (unsigned long long) u->uid,
                            (unsigned long long) u->limits.bytes,
                            (unsigned long long) u->limits.objects,
                            (unsigned long long) u->seq)
               != 0)
        {
            return -1;
        }
    }

    return 0;
}

/* --- uploads -------------------------------------------------------------- */

int
cos_rb_uploads(cos_rb_t *b)
{
    size_t        i;
    cos_rec_t     r;
    cos_json_t    j;
    cos_slot_t   *s;
    cos_alloc_t  *a;

    for (i = 0; i < b->names.cap; i++) {
        s = &b->names.slots[i];

        if (!s->used || s->kind != COS_J_UPLOAD
            || cos_table_find(&b->closed, &s->h) != NULL)
        {
            continue;
        }

        a = cos_rb_scratch(b);

        if (a == NULL || cos_rb_json(b, s, &j, &r, a) != 0) {
            return -1;
        }

        if (cos_rb_bucket(b, j.bid) == NULL) {
            continue;
        }

        s->n = 1;

        if (write_upload(b, &j) != 0) {
            return -1;
        }
    }

    return 0;
}


/* <key> NUL <id>, with NUL in the key as NUL 0xFF (PROTOCOL.md) */
static int
upload_member(cos_buf_t *m, const cos_json_t *j)
{
    size_t  i;

    for (i = 0; i < j->key.len; i++) {
        cos_buf_char(m, j->key.data[i]);

        if (j->key.data[i] == '\0') {
            cos_buf_char(m, 0xff);
        }
    }

    cos_buf_char(m, '\0');
    cos_buf_str(m, j->upload);

    return m->err ? -1 : 0;
}


static int
write_upload(cos_rb_t *b, cos_json_t *j)
{
    cos_buf_t         rec, member;
    cos_str_t         bid;
    cos_alloc_t      *a;
    cos_upload_t      u;
    cos_rb_bucket_t  *k;

    a = cos_arena_alloc(b->scratch);
    k = cos_rb_bucket(b, j->bid);
    bid = j->bid;

    memset(&u, 0, sizeof(u));
    u.id = j->upload;
    u.key = j->key;
    u.initiated = j->initiated;
    u.initiator = j->initiator;
    u.seq = j->seq;
    u.object = j->object;

    cos_buf_init(&rec, a, 512);
    cos_buf_init(&member, a, j->key.len + 64);

    if (cos_upload_encode(&rec, &u) != 0 || rec.err
        || upload_member(&member, j) != 0)
    {
        return -1;
    }

    k->u++;

    return cos_rb_queue(b, "SET U{%b}%b %b", bid.data, bid.len, u.id.data,
                        u.id.len, rec.data, rec.len) != 0
           || cos_rb_queue(b, "ZADD p{%b} 0 %b", bid.data, bid.len,
                           member.data, member.len) != 0 ? -1 : 0;
}
