/*
 * Verification of what is counted for users who have limits: it must be what
 * their buckets count, whose counters were compared with their records. One
 * call reads both, so writers make no difference.
 */

#include "verify_internal.h"


static int
check(cos_verifier_t *w, uint64_t uid)
{
    int          i;
    redisReply  *r, *u;

    r = cos_rs_call(w->redis, "FCALL_RO cos_users 0 %llu",
                    (unsigned long long) uid);

    if (!cos_rs_status(r, "OK") || r->elements != 2
        || r->element[1]->type != REDIS_REPLY_ARRAY
        || r->element[1]->elements != 6)
    {
        freeReplyObject(r);
        return -1;
    }

    u = r->element[1];

    for (i = 0; i < 2; i++) {
        if (u->element[4 + i]->integer != -1
            && u->element[4 + i]->integer != u->element[i]->integer)
        {
            w->v->weight_errors++;
            cos_verify_say(w, 1, "user %llu: %s %lld are counted, %lld are "
                           "there", (unsigned long long) uid,
                           i == 0 ? "objects" : "bytes",
                           u->element[4 + i]->integer,
                           u->element[i]->integer);
        }
    }

    freeReplyObject(r);

    return 0;
}


int
cos_verify_users(cos_verifier_t *w, const cos_rs_buckets_t *k)
{
    int            rc;
    size_t         i;
    cos_hash_t     h;
    cos_slot_t    *s;
    cos_table_t    seen;
    cos_bucket_t   b;

    memset(&seen, 0, sizeof(seen));

    for (i = 0, rc = 0; rc == 0 && i < k->n; i++) {
        if (cos_bucket_decode(&b, k->list[i].rec) != 0) {
            continue;                 /* said with the bucket */
        }

        cos_hash_number(&h, b.owner, 0);
        s = cos_table_add(&seen, &h);

        if (s == NULL) {
            rc = -1;

        } else if (s->n == 0) {
            s->n = 1;
            rc = check(w, b.owner);
        }
    }

    cos_table_free(&seen);

    return rc;
}
