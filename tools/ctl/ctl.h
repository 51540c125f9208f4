/*
 * cosctl: what its verbs share.
 */

#ifndef COS_CTL_H
#define COS_CTL_H

#include "cos_acl.h"
#include "cos_attr.h"
#include "cos_maint.h"

#define CTL_OK      0
#define CTL_FAILED  1
#define CTL_USAGE   2

#define CTL_SECRET_LEN  40            /* hex digits */

typedef struct {
    const char    *redis_address;
    const char    *password_file;
    const char    *data;
    const char    *key_file;
    const char    *sse_keys;
    const char    *bytes;
    const char    *objects;
    const char    *account;
    const char    *email;
    const char    *user;
    const char    *before;
    int            force;
    long           grace;             /* s, -1: the verb's own default */
    const char    *endpoint;          /* of the server: verbs of sites */
    const char    *region;
    const char    *access_key;
    const char    *secret_key;
    const char    *bucket;
    const char    *release;
    long           keep;

    char           password[512];
    cos_u8         key[32];
    redisContext  *redis;
    cos_store_t    store;
    int            store_open;
    cos_maint_t    maint;
    int            maint_open;
    cos_arena_t   *arena;
} ctl_t;

typedef struct {
    const char  *name;                /* one word or two */
    const char  *args;                /* for the usage */
    const char  *help;
    int          nargs;               /* behind the name */
    int        (*run)(ctl_t *c, char **argv);
    int          more;                /* so many further ones may follow */
} ctl_verb_t;

/* Each prints what is wrong and returns CTL_FAILED, or CTL_OK. */
int ctl_need_redis(ctl_t *c);
int ctl_need_store(ctl_t *c);
int ctl_need_key(ctl_t *c);
/* A file of secrets, of at most cap - 1 bytes. */
int ctl_read_secret(const char *name, char *dst, size_t cap, size_t *len);
/* Redis, store, and an incarnation to write under. */
int ctl_need_maint(ctl_t *c);
/* The same alone: others that change users and groups wait until this one has
 * ended, because what they write depends on what they have read. */
int ctl_need_admin(ctl_t *c);
void ctl_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#define ctl_fail(...)  (ctl_error(__VA_ARGS__), CTL_FAILED)
void ctl_log(void *ctx, int error, const char *text);
cos_alloc_t *ctl_alloc(ctl_t *c);
/* A date that lives until the next call. */
const char *ctl_date(uint64_t ms);
/* Set by signals: leave at the next safe point. */
extern volatile int ctl_stop;

typedef int (*ctl_each_pt)(ctl_t *c, const cos_cred_t *cred, void *ctx);

/* Calls fn for each credential until it does not return 0; *cred lives as long
 * as the call. 0, -1 (said), or what fn returned. */
int ctl_each_cred(ctl_t *c, ctl_each_pt fn, void *ctx);
/* The record of an access key, user or group. */
int ctl_cred_load(ctl_t *c, const char *ak, cos_cred_t *cred);
/* A copy that lives as long as c. */
int ctl_cred_dup(ctl_t *c, cos_cred_t *to, const cos_cred_t *from);
/* Removes a record. */
int ctl_cred_remove(ctl_t *c, const cos_cred_t *cred);
/* A new access key with its sealed secret, which is also written to secret
 * (CTL_SECRET_LEN and a 0). */
int ctl_cred_pair(ctl_t *c, cos_cred_t *cred, char *secret);
/* Makes *cred durable and puts it into Redis, with limits for its user; NULL:
 * those that he has. */
int ctl_cred_commit(ctl_t *c, cos_cred_t *cred,
    const cos_bucket_quota_t *limits);

typedef struct {
    uint64_t            objects;      /* in all buckets, versions counted */
    uint64_t            bytes;
    cos_bucket_quota_t  limits;
} ctl_use_t;

/* What a user has, and what he may have. */
int ctl_use(ctl_t *c, uint64_t uid, ctl_use_t *u);

/* An account or one of its users. */
typedef struct {
    const char  *name;
    int          found;
    int          recorded;            /* record is there */
    uint64_t     uid;
    uint64_t     sub;                 /* 0: the account itself */
    cos_cred_t   record;
} ctl_user_t;

/* By name; found says whether there is one. */
int ctl_user_find(ctl_t *c, ctl_user_t *u, const char *name);
/* The same, and there has to be one. */
int ctl_user_need(ctl_t *c, ctl_user_t *u, const char *name);
/* The uid of an account, by name or as a number. */
int ctl_account(ctl_t *c, const char *name, uint64_t *uid);
/* Makes up a record, not yet committed, for who has none. */
int ctl_user_record(ctl_t *c, ctl_user_t *u);
/* Makes a key pair for the user and prints it. */
int ctl_key_new(ctl_t *c, const ctl_user_t *u);
int ctl_check_name(const char *name);

int ctl_user_show(ctl_t *c, char **argv);
int ctl_user_delete(ctl_t *c, char **argv);
int ctl_user_policy(ctl_t *c, char **argv);
int ctl_group_add(ctl_t *c, char **argv);
int ctl_group_delete(ctl_t *c, char **argv);
int ctl_group_list(ctl_t *c, char **argv);
int ctl_group_policy(ctl_t *c, char **argv);
int ctl_group_member(ctl_t *c, char **argv);
int ctl_key_add(ctl_t *c, char **argv);
int ctl_key_list(ctl_t *c, char **argv);
int ctl_key_delete(ctl_t *c, char **argv);
int ctl_token_revoke(ctl_t *c, char **argv);
int ctl_ping(ctl_t *c, char **argv);
int ctl_user_add(ctl_t *c, char **argv);
int ctl_user_list(ctl_t *c, char **argv);
int ctl_user_quota(ctl_t *c, char **argv);
int ctl_user_disable(ctl_t *c, char **argv);
int ctl_user_enable(ctl_t *c, char **argv);
int ctl_user_rotate(ctl_t *c, char **argv);
int ctl_bucket_list(ctl_t *c, char **argv);
int ctl_bucket_stat(ctl_t *c, char **argv);
int ctl_bucket_du(ctl_t *c, char **argv);
int ctl_policy_check(ctl_t *c, char **argv);
int ctl_verify(ctl_t *c, char **argv);
int ctl_rebuild(ctl_t *c, char **argv);
int ctl_compact(ctl_t *c, char **argv);
int ctl_sweep(ctl_t *c, char **argv);
int ctl_sse_rewrap(ctl_t *c, char **argv);
int ctl_site_deploy(ctl_t *c, char **argv);
int ctl_site_list(ctl_t *c, char **argv);
int ctl_site_rollback(ctl_t *c, char **argv);

#endif
