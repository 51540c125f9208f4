/*
 * cosctl: what its verbs share.
 */

#ifndef COS_CTL_H
#define COS_CTL_H

#include "cos_attr.h"
#include "cos_maint.h"

#define CTL_OK      0
#define CTL_FAILED  1
#define CTL_USAGE   2

typedef struct {
    const char    *redis_address;
    const char    *password_file;
    const char    *data;
    const char    *key_file;
    const char    *sse_keys;
    const char    *bytes;
    const char    *objects;
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
