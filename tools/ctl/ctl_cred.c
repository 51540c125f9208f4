/*
 * cosctl: records of keys, users and groups. A change lies on disk before Redis
 * hears of it, like every other change, so that a rebuild restores it.
 */

#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ctl.h"

#define KEY_BYTES  8                  /* behind AKID, as hex */

static int append(ctl_t *c, const cos_json_t *j);


/* 0, -1 (said), or what fn returned. */
int
ctl_each_cred(ctl_t *c, ctl_each_pt fn, void *ctx)
{
    int          rc;
    size_t       i;
    cos_str_t    rec;
    cos_cred_t   cred;
    redisReply  *names, *r;

    names = redisCommand(c->redis, "ZRANGE C 0 -1");

    if (names == NULL || names->type != REDIS_REPLY_ARRAY) {
        freeReplyObject(names);
        ctl_error("Redis: %s", c->redis->errstr);
        return -1;
    }

    for (i = 0, rc = 0; rc == 0 && i < names->elements; i++) {
        r = redisCommand(c->redis, "GET u:%b", names->element[i]->str,
                         names->element[i]->len);

        if (r == NULL) {
            ctl_error("Redis: %s", c->redis->errstr);
            rc = -1;
            break;
        }

        rec.data = (cos_u8 *) r->str;
        rec.len = r->type == REDIS_REPLY_STRING ? r->len : 0;

        if (rec.len != 0) {
            if (cos_cred_decode(&cred, rec) != 0) {
                ctl_error("the record of %s is malformed",
                                names->element[i]->str);

            } else {
                rc = fn(c, &cred, ctx);
            }
        }

        freeReplyObject(r);
    }

    freeReplyObject(names);

    return rc;
}


int
ctl_cred_load(ctl_t *c, const char *ak, cos_cred_t *cred)
{
    cos_str_t    rec;
    redisReply  *r;

    r = redisCommand(c->redis, "GET u:%s", ak);

    if (r == NULL) {
        return ctl_fail("Redis: %s", c->redis->errstr);
    }

    if (r->type != REDIS_REPLY_STRING) {
        freeReplyObject(r);
        return ctl_fail(ak[0] == '@' ? "there is no record \"%s\""
                        : "there is no access key \"%s\"", ak);
    }

    if (cos_dup(ctl_alloc(c), &rec, r->str, r->len) != 0
        || cos_cred_decode(cred, rec) != 0)
    {
        freeReplyObject(r);
        return ctl_fail("the record of %s is malformed", ak);
    }

    freeReplyObject(r);

    return CTL_OK;
}


int
ctl_cred_pair(ctl_t *c, cos_cred_t *cred, char *secret)
{
    char             ak[4 + 2 * KEY_BYTES + 1];
    cos_u8           raw[KEY_BYTES + CTL_SECRET_LEN / 2], *sealed;
    cos_str_t        plain;
    struct timespec  ts;

    sealed = cos_alloc(ctl_alloc(c), CTL_SECRET_LEN + COS_SEAL_OVERHEAD);

    if (sealed == NULL || cos_random(raw, sizeof(raw)) != 0) {
        return ctl_fail("no random bytes");
    }

    snprintf(ak, sizeof(ak), "AKID%02X%02X%02X%02X%02X%02X%02X%02X", raw[0],
             raw[1], raw[2], raw[3], raw[4], raw[5], raw[6], raw[7]);
    cos_hex(secret, raw + KEY_BYTES, CTL_SECRET_LEN / 2);
    secret[CTL_SECRET_LEN] = '\0';

    if (cos_dup(ctl_alloc(c), &cred->access_key, ak, strlen(ak)) != 0) {
        return ctl_fail("out of memory");
    }

    plain.data = (cos_u8 *) secret;
    plain.len = CTL_SECRET_LEN;

    if (cos_seal(c->key, cred->access_key, plain, sealed) != 0) {
        return ctl_fail("cannot seal the secret");
    }

    (void) clock_gettime(CLOCK_REALTIME, &ts);
    cred->sealed.data = sealed;
    cred->sealed.len = CTL_SECRET_LEN + COS_SEAL_OVERHEAD;
    cred->created = (uint64_t) ts.tv_sec * 1000;
    explicit_bzero(raw, sizeof(raw));

    return CTL_OK;
}


static int
append(ctl_t *c, const cos_json_t *j)
{
    cos_buf_t        b;
    cos_pack_rec_t   rec, *list;

    cos_buf_init(&b, ctl_alloc(c), 512);

    if (cos_json_encode(&b, j) != 0 || b.err) {
        return ctl_fail("the record does not fit the format");
    }

    memset(&rec, 0, sizeof(rec));
    rec.kind = j->kind;
    rec.seq = j->seq;
    rec.json.data = b.data;
    rec.json.len = b.len;
    list = &rec;

    return cos_maint_append(&c->maint, &list, 1) == COS_OK ? CTL_OK
           : ctl_fail("cannot write to \"%s\"", c->store.root);
}


/* The document of the credential with its user's limits, which a rebuild takes
 * from the last of them. They are read before the seq is taken: if they change
 * in between, Redis refuses. */
static int
prepare(ctl_t *c, cos_cred_t *cred, const cos_bucket_quota_t *limits,
    cos_json_t *j, cos_bucket_quota_t *now)
{
    cos_buf_t  b;
    ctl_use_t  use;

    if (limits != NULL) {
        *now = *limits;

    } else if (ctl_use(c, cred->uid, &use) == CTL_OK) {
        *now = use.limits;

    } else {
        return CTL_FAILED;
    }

    memset(j, 0, sizeof(*j));
    cred->seq = cos_maint_seq(&c->maint);
    j->kind = COS_J_CRED;
    j->seq = cred->seq;
    j->cred = *cred;

    cos_buf_init(&b, ctl_alloc(c), 64);
    cos_bucket_quota_print(&b, now);
    j->quota.data = b.data;
    j->quota.len = b.len;

    if (b.err) {
        return ctl_fail("out of memory");
    }

    return j->seq != 0 ? CTL_OK : CTL_FAILED;       /* said */
}


/* Redis has answered to what lies on the disk already. */
static int
settle(ctl_t *c, const cos_json_t *j, redisReply *r)
{
    int         ok;
    cos_json_t  note;

    if (r == NULL) {
        /* unknown: recovery will find out, or say that it never was */
        cos_maint_abandon(&c->maint);
        return ctl_fail("Redis did not answer (%s): whether the change was "
                        "made is unknown", c->redis->errstr);
    }

    ok = r->type == REDIS_REPLY_ARRAY && r->elements > 0
         && r->element[0]->str != NULL
         && strcmp(r->element[0]->str, "OK") == 0;

    if (!ok) {
        ctl_error("Redis refuses the change: %s",
                  r->type == REDIS_REPLY_ERROR ? r->str
                  : "somebody else changed it at the same time");
        memset(&note, 0, sizeof(note));
        note.kind = COS_J_VOID;
        note.seq = note.void_seq = j->seq;
        note.inc = c->maint.inc;
        note.cred.access_key = j->cred.access_key;
        (void) append(c, &note);
    }

    freeReplyObject(r);

    return ok ? CTL_OK : CTL_FAILED;
}


int
ctl_cred_commit(ctl_t *c, cos_cred_t *cred, const cos_bucket_quota_t *limits)
{
    char                 id[COS_ACCOUNT_ID_LEN];
    cos_buf_t            b;
    cos_json_t           j;
    cos_bucket_quota_t   now;

    if (prepare(c, cred, limits, &j, &now) != CTL_OK) {
        return CTL_FAILED;
    }

    cos_buf_init(&b, ctl_alloc(c), 256);

    if (cos_cred_encode(&b, cred) != 0 || b.err) {
        return ctl_fail("the record does not fit the format");
    }

    if (cos_account_id(id, cred->uid) != 0) {
        return ctl_fail("out of memory");
    }

    if (append(c, &j) != CTL_OK) {
        return CTL_FAILED;
    }

    return settle(c, &j,
        redisCommand(c->redis,
                     "FCALL cos_cred_put 1 u:%b %b %b %llu %llu %s %b",
                     cred->access_key.data, cred->access_key.len,
                     cred->access_key.data, cred->access_key.len, b.data,
                     b.len, (unsigned long long) now.bytes,
                     (unsigned long long) now.objects,
                     limits != NULL ? "set" : "same", id, sizeof(id)));
}


/* --- removing --------------------------------------------------------------- */

typedef struct {
    const cos_cred_t  *gone;
    cos_cred_t         other;
} heir_t;

static int
is_other(ctl_t *c, const cos_cred_t *cred, void *ctx)
{
    heir_t  *h = ctx;

    if (cred->uid != h->gone->uid
        || cos_str_eq(cred->access_key, h->gone->access_key))
    {
        return 0;
    }

    return ctl_cred_dup(c, &h->other, cred) == CTL_OK ? 1 : -1;
}


/* An account's limits lie beside its last change on the disk: if that is what
 * goes, another record of the account has to carry them. */
static int
keep_limits(ctl_t *c, const cos_cred_t *gone)
{
    int        rc;
    heir_t     h;
    ctl_use_t  use;

    if (ctl_use(c, gone->uid, &use) != CTL_OK) {
        return CTL_FAILED;
    }

    if (use.limits.bytes == 0 && use.limits.objects == 0) {
        return CTL_OK;
    }

    h.gone = gone;
    rc = ctl_each_cred(c, is_other, &h);

    if (rc != 1) {
        return rc < 0 ? CTL_FAILED
               : ctl_fail("it is the last record of an account with limits; "
                          "\"cosctl user quota\" removes those");
    }

    return ctl_cred_commit(c, &h.other, NULL);
}


int
ctl_cred_remove(ctl_t *c, const cos_cred_t *cred)
{
    cos_json_t  j;

    if (keep_limits(c, cred) != CTL_OK) {
        return CTL_FAILED;
    }

    memset(&j, 0, sizeof(j));
    j.kind = COS_J_CRED_DELETE;
    j.seq = cos_maint_seq(&c->maint);
    j.cred.access_key = cred->access_key;

    if (j.seq == 0 || append(c, &j) != CTL_OK) {
        return CTL_FAILED;
    }

    return settle(c, &j,
        redisCommand(c->redis, "FCALL cos_cred_del 1 u:%b %b %llu",
                     cred->access_key.data, cred->access_key.len,
                     cred->access_key.data, cred->access_key.len,
                     (unsigned long long) j.seq));
}


int
ctl_cred_dup(ctl_t *c, cos_cred_t *to, const cos_cred_t *from)
{
    size_t        i;
    cos_alloc_t  *a = ctl_alloc(c);

    *to = *from;

    if (cos_dup(a, &to->access_key, from->access_key.data,
                from->access_key.len) != 0
        || cos_dup(a, &to->sealed, from->sealed.data, from->sealed.len) != 0
        || cos_dup(a, &to->user, from->user.data, from->user.len) != 0)
    {
        return ctl_fail("out of memory");
    }

    for (i = 0; i < COS_CX_MAX; i++) {
        if (cos_dup(a, &to->attr[i], from->attr[i].data, from->attr[i].len)
            != 0)
        {
            return ctl_fail("out of memory");
        }
    }

    return CTL_OK;
}
