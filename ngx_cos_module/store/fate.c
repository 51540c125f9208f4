/*
 * What became of a record on disk: committed, superseded or never committed.
 * The answer is in Redis alone, by (seq, rev) and by the place of the JSON.
 */

#include "maint_internal.h"


static int ask_key(redisContext *c, cos_alloc_t *a, char letter, cos_str_t bid,
    cos_str_t rest);
static int ask_version(redisContext *c, cos_alloc_t *a, const cos_json_t *j);
static int ask_object(redisContext *c, cos_alloc_t *a, const cos_json_t *j);
static int ask_part(redisContext *c, cos_alloc_t *a, const cos_json_t *j);
static cos_fate_e fate_object(const cos_json_t *j, uint64_t cid,
    const redisReply *r, cos_alloc_t *a);
static cos_fate_e fate_seq(uint64_t seq, uint64_t current);


int
cos_fate_ask(redisContext *c, const cos_json_t *j, cos_alloc_t *a)
{
    cos_str_t  name;

    switch (j->kind) {

    case COS_J_OBJECT:
        return ask_object(c, a, j);

    case COS_J_DELETE:
        return ask_version(c, a, j);

    case COS_J_UPLOAD:
    case COS_J_ABORT:
        return ask_key(c, a, 'U', j->bid, j->upload);

    case COS_J_PART:
        return ask_part(c, a, j);

    case COS_J_BUCKET:
    case COS_J_BUCKET_DELETE:
        name = j->bucket.name;
        return redisAppendCommand(c, "GET b:%b", name.data, name.len)
               == REDIS_OK ? 1 : -1;

    case COS_J_CRED:
    case COS_J_CRED_DELETE:
        name = j->cred.access_key;
        return redisAppendCommand(c, "GET u:%b", name.data, name.len)
               == REDIS_OK ? 1 : -1;

    case COS_J_VOID:
    case COS_J_SEAL:
        return 0;
    }

    return 0;
}


static int
ask_key(redisContext *c, cos_alloc_t *a, char letter, cos_str_t bid,
    cos_str_t rest)
{
    cos_str_t  argv[2] = { cos_lit("GET"), cos_lit("") };

    if (cos_rs_key(a, &argv[1], letter, bid, rest) != 0
        || cos_rs_add(c, 2, argv) != 0)
    {
        return -1;
    }

    return 1;
}


/* The version that a document speaks of. */
static int
ask_version(redisContext *c, cos_alloc_t *a, const cos_json_t *j)
{
    cos_str_t  argv[7] = { cos_lit("FCALL_RO"), cos_lit("cos_find"),
                           cos_lit("1") };

    argv[4] = j->bid;
    argv[5] = j->key;
    argv[6] = cos_rs_uint(a, cos_json_version(j));

    if (cos_rs_key(a, &argv[3], 'o', j->bid, j->key) != 0
        || cos_rs_add(c, 7, argv) != 0)
    {
        return -1;
    }

    return 1;
}


/* The version and, of a completed upload, whether that is still open. */
static int
ask_object(redisContext *c, cos_alloc_t *a, const cos_json_t *j)
{
    if (ask_version(c, a, j) != 1) {
        return -1;
    }

    if (j->object.upload.len == 0) {
        return 1;
    }

    return ask_key(c, a, 'U', j->bid, j->object.upload) == 1 ? 2 : -1;
}


/* Which object a part has become a segment of it does not know:
 * cos_holders_ask(). */
static int
ask_part(redisContext *c, cos_alloc_t *a, const cos_json_t *j)
{
    cos_str_t  argv[3] = { cos_lit("HGET"), cos_lit(""), cos_lit("") };

    argv[2] = cos_rs_uint(a, j->part);

    if (ask_key(c, a, 'U', j->bid, j->upload) != 1
        || cos_rs_key(a, &argv[1], 'P', j->bid, j->upload) != 0
        || cos_rs_add(c, 3, argv) != 0)
    {
        return -1;
    }

    return 2;
}


cos_fate_e
cos_fate(const cos_json_t *j, uint64_t cid, redisReply **r, cos_alloc_t *a)
{
    cos_str_t     rec;
    cos_cred_t    cred;
    cos_fate_e    fate;
    cos_upload_t  up;
    cos_object_t  o;
    cos_bucket_t  bucket;

    rec = cos_rs_found(j->kind == COS_J_VOID || j->kind == COS_J_SEAL
                       ? NULL : r[0], 0);

    switch (j->kind) {

    case COS_J_OBJECT:
        fate = fate_object(j, cid, r[0], a);

        /* superseded before it was committed: its upload is still open, and
         * a rebuild must not take it for completed */
        return fate == COS_FATE_OLD && j->object.upload.len != 0
               && cos_rs_str(r[1]).len != 0 ? COS_FATE_VOID : fate;

    case COS_J_PART:
        /* without its upload a part may be a segment of an object */
        return rec.len == 0 ? COS_FATE_KEEP : fate_object(j, cid, r[1], a);

    case COS_J_DELETE:
        if (rec.len == 0) {
            return COS_FATE_KEEP;
        }
        return cos_object_decode(&o, rec, NULL) != 0 || o.seq > j->seq
               ? COS_FATE_OLD : COS_FATE_VOID;

    case COS_J_UPLOAD:
        return rec.len == 0 ? COS_FATE_VOID
               : cos_upload_decode(&up, rec, a) == 0
               ? fate_seq(j->seq, up.seq) : COS_FATE_KEEP;

    case COS_J_ABORT:
        return rec.len == 0 ? COS_FATE_KEEP : COS_FATE_VOID;

    case COS_J_BUCKET:
        if (rec.len == 0 || cos_bucket_decode(&bucket, rec) != 0) {
            return COS_FATE_VOID;
        }
        /* the name may belong to another bucket meanwhile */
        return cos_str_eq(bucket.id, j->bucket.id)
               ? fate_seq(j->seq, bucket.seq) : COS_FATE_VOID;

    case COS_J_BUCKET_DELETE:
        return rec.len != 0 && cos_bucket_decode(&bucket, rec) == 0
               && cos_str_eq(bucket.id, j->bid)
               ? COS_FATE_VOID : COS_FATE_KEEP;

    case COS_J_CRED:
        return rec.len != 0 && cos_cred_decode(&cred, rec) == 0
               ? fate_seq(j->seq, cred.seq) : COS_FATE_VOID;

    case COS_J_CRED_DELETE:
        return rec.len != 0 && cos_cred_decode(&cred, rec) == 0
               && cred.seq < j->seq
               ? COS_FATE_VOID : COS_FATE_KEEP;

    case COS_J_VOID:
        return COS_FATE_KEEP;

    case COS_J_SEAL:
        return COS_FATE_OLD;
    }

    return COS_FATE_KEEP;
}


/* Redis' record names the container of its JSON: the same seq and rev from
 * elsewhere is somebody else's. */
static cos_fate_e
fate_object(const cos_json_t *j, uint64_t cid, const redisReply *r,
    cos_alloc_t *a)
{
    cos_str_t     rec;
    cos_object_t  o;

    rec = cos_rs_found(r, 0);

    if (rec.len == 0) {
        return COS_FATE_VOID;
    }

    if (cos_object_decode(&o, rec, a) != 0) {
        return COS_FATE_KEEP;
    }

    if (o.seq != j->seq) {
        return o.seq > j->seq ? COS_FATE_OLD : COS_FATE_VOID;
    }

    if (o.rev != j->object.rev) {
        return o.rev > j->object.rev ? COS_FATE_OLD : COS_FATE_VOID;
    }

    return cos_object_home(&o) == cid ? COS_FATE_KEEP : COS_FATE_VOID;
}


static cos_fate_e
fate_seq(uint64_t seq, uint64_t current)
{
    return seq == current ? COS_FATE_KEEP
           : seq < current ? COS_FATE_OLD : COS_FATE_VOID;
}


int
cos_fate_weigh(const cos_json_t *j, uint64_t cid, redisReply **r,
    cos_alloc_t *a, cos_fate_weigh_pt add, void *ctx)
{
    cos_str_t     rec;
    cos_hash_t    h;
    cos_object_t  o;

    if (j->kind != COS_J_PART && j->kind != COS_J_OBJECT) {
        return 0;
    }

    rec = cos_rs_found(r[j->kind == COS_J_PART], 0);

    if (rec.len == 0 || cos_object_decode(&o, rec, a) != 0) {
        return 0;
    }

    if (j->kind == COS_J_PART) {
        cos_hash_name(&h, COS_N_PART, j->bid, j->upload, j->part);

    } else {
        cos_hash_name(&h, COS_N_OBJECT, j->bid, j->key,
                      cos_object_version(&o));
    }

    return add(ctx, &h, cos_object_weight(&o, cid));
}


void
cos_fate_void(cos_json_t *note, const cos_json_t *j, uint64_t inc)
{
    memset(note, 0, sizeof(cos_json_t));
    note->kind = COS_J_VOID;
    note->seq = j->seq;
    note->void_seq = j->seq;
    note->inc = inc;

    switch (j->kind) {

    case COS_J_OBJECT:
        note->void_rev = j->object.rev;
        /* fall through */
    case COS_J_DELETE:
        note->bid = j->bid;
        note->key = j->key;
        note->version = cos_json_version(j);
        break;

    case COS_J_PART:
        note->void_rev = j->object.rev;
        note->part = j->part;
        /* fall through */
    case COS_J_UPLOAD:
    case COS_J_ABORT:
        note->bid = j->bid;
        note->upload = j->upload;
        break;

    case COS_J_BUCKET:
    case COS_J_BUCKET_DELETE:
        note->bid = j->bid;
        note->bucket.name = j->bucket.name;
        break;

    case COS_J_CRED:
    case COS_J_CRED_DELETE:
        note->cred.access_key = j->cred.access_key;
        break;

    default:
        break;
    }
}


uint64_t
cos_object_weight(const cos_object_t *o, uint64_t cid)
{
    uint32_t  i;
    uint64_t  w;

    w = o->home == cid ? COS_WEIGHT_BASE : 0;

    for (i = 0; i < o->nsegs; i++) {
        if (o->segs[i].cid == cid) {
            w += o->segs[i].len + COS_WEIGHT_BASE;
        }
    }

    return w;
}


int
cos_kind_weighs(cos_json_e kind)
{
    return kind == COS_J_OBJECT || kind == COS_J_PART;
}
