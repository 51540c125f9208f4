/*
 * cosctl: administration from the command line. Options, environment, and
 * what every verb needs; the verbs are in ctl_*.c.
 *
 * Started by root it works as the owner of the data directory, so that nginx'
 * workers can go on with the files it makes.
 */

#define _GNU_SOURCE

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <sys/file.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <grp.h>
#include <unistd.h>

#include "cos_lua.h"
#include "ctl.h"


#define TIMEOUT  30000                /* ms */

static int usage(FILE *f);
static int options(ctl_t *c, int argc, char **argv);
static int env_file(ctl_t *c, const char *name);
static const ctl_verb_t *find(int argc, char **argv, int *words);
static int become_owner(const char *data);
static void on_signal(int sig);


volatile int  ctl_stop;

static const ctl_verb_t  verbs[] = {
    { "ping", "", "whether Redis and the data directory answer and belong "
      "together", 0, ctl_ping, 0 },
    { "user add", "NAME", "new user; prints the access key and the secret", 1,
      ctl_user_add, 0 },
    { "user list", "", "all access keys", 0, ctl_user_list, 0 },
    { "user quota", "NAME [none]", "shows or, with --bytes or --objects, sets "
      "what a user may have in all buckets", 1, ctl_user_quota, 1 },
    { "user show", "NAME", "an account or a user, with groups and policies", 1,
      ctl_user_show, 0 },
    { "user delete", "NAME", "removes a user of an account, with its keys", 1,
      ctl_user_delete, 0 },
    { "user policy", "NAME put FILE|get|delete|attach PRESET|detach PRESET",
      "what a user of an account may do", 2, ctl_user_policy, 1 },
    { "user disable", "ACCESS_KEY|NAME", "the key, or the user, is refused "
      "from now on", 1, ctl_user_disable, 0 },
    { "user enable", "ACCESS_KEY|NAME", "it works again", 1,
      ctl_user_enable, 0 },
    { "user rotate", "ACCESS_KEY", "new key pair of the same user; the old "
      "one is disabled", 1, ctl_user_rotate, 0 },
    { "group add", "NAME", "new group of users of --account", 1,
      ctl_group_add, 0 },
    { "group delete", "NAME", "removes a group", 1, ctl_group_delete, 0 },
    { "group list", "", "all groups", 0, ctl_group_list, 0 },
    { "group policy", "NAME put FILE|get|delete|attach PRESET|detach PRESET",
      "what its members may do", 2, ctl_group_policy, 1 },
    { "group member", "NAME add|remove USER", "who is in it", 3,
      ctl_group_member, 0 },
    { "key add", "NAME", "one more key pair for a user", 1, ctl_key_add, 0 },
    { "key list", "[NAME]", "access keys, of all or of one user", 0,
      ctl_key_list, 1 },
    { "key disable", "ACCESS_KEY", "as user disable", 1, ctl_user_disable, 0 },
    { "key enable", "ACCESS_KEY", "as user enable", 1, ctl_user_enable, 0 },
    { "key delete", "ACCESS_KEY", "removes a key", 1, ctl_key_delete, 0 },
    { "token revoke", "", "voids the tokens of --user issued before --before",
      0, ctl_token_revoke, 0 },
    { "bucket list", "", "all buckets", 0, ctl_bucket_list, 0 },
    { "bucket stat", "NAME", "owner, size and age of a bucket", 1,
      ctl_bucket_stat, 0 },
    { "bucket du", "NAME PREFIX", "objects and bytes below a prefix", 2,
      ctl_bucket_du, 0 },
    { "policy check", "FILE [BUCKET]", "whether a document can be the policy "
      "of a bucket, or of a user", 1, ctl_policy_check, 1 },
    { "verify", "", "reads every byte and checks it against Redis", 0,
      ctl_verify, 0 },
    { "rebuild", "[--force]", "fills an empty Redis from the data directory; "
      "--force replaces what is there", 0, ctl_rebuild, 0 },
    { "compact", "", "gives back the space of what was deleted", 0,
      ctl_compact, 0 },
    { "sweep", "", "recovers what a crash left behind, removes orphans", 0,
      ctl_sweep, 0 },
    { "sse rewrap", "", "seals all data keys under the first key of "
      "--sse-keys", 0, ctl_sse_rewrap, 0 },
    { "site deploy", "DIR", "uploads a folder as the new release of a "
      "bucket's website", 1, ctl_site_deploy, 0 },
    { "site list", "", "releases of a bucket's website", 0, ctl_site_list, 0 },
    { "site rollback", "[--release ID]", "goes back to an earlier release", 0,
      ctl_site_rollback, 0 },
};

enum { OPT_ENV = 256, OPT_FORCE, OPT_GRACE, OPT_SSE_KEYS, OPT_BYTES,
       OPT_OBJECTS, OPT_ENDPOINT, OPT_REGION, OPT_BUCKET, OPT_KEEP,
       OPT_RELEASE, OPT_ACCOUNT, OPT_EMAIL, OPT_USER, OPT_BEFORE };

static const struct option  longs[] = {
    { "redis", required_argument, NULL, 'r' },
    { "password-file", required_argument, NULL, 'p' },
    { "data", required_argument, NULL, 'd' },
    { "key", required_argument, NULL, 'k' },
    { "env", required_argument, NULL, OPT_ENV },
    { "force", no_argument, NULL, OPT_FORCE },
    { "grace", required_argument, NULL, OPT_GRACE },
    { "bytes", required_argument, NULL, OPT_BYTES },
    { "objects", required_argument, NULL, OPT_OBJECTS },
    { "account", required_argument, NULL, OPT_ACCOUNT },
    { "email", required_argument, NULL, OPT_EMAIL },
    { "user", required_argument, NULL, OPT_USER },
    { "before", required_argument, NULL, OPT_BEFORE },
    { "sse-keys", required_argument, NULL, OPT_SSE_KEYS },
    { "endpoint", required_argument, NULL, OPT_ENDPOINT },
    { "region", required_argument, NULL, OPT_REGION },
    { "bucket", required_argument, NULL, OPT_BUCKET },
    { "keep", required_argument, NULL, OPT_KEEP },
    { "release", required_argument, NULL, OPT_RELEASE },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 }
};


int
main(int argc, char **argv)
{
    int                rc, words;
    ctl_t              c;
    const ctl_verb_t  *v;

    memset(&c, 0, sizeof(c));
    c.grace = -1;
    c.keep = 5;
    c.endpoint = getenv("COS_ENDPOINT");
    c.region = getenv("COS_REGION");
    c.access_key = getenv("COS_ACCESS_KEY");
    c.secret_key = getenv("COS_SECRET_KEY");
    c.redis_address = getenv("COS_REDIS");
    c.data = getenv("COS_DATA");
    c.key_file = getenv("COS_MASTER_KEY");
    c.sse_keys = getenv("COS_SSE_KEYS");

    rc = options(&c, argc, argv);
    if (rc != CTL_OK) {
        return rc < 0 ? CTL_OK : rc;
    }

    argc -= optind;
    argv += optind;

    v = find(argc, argv, &words);

    if (v == NULL || argc - words < v->nargs
        || argc - words > v->nargs + v->more) {
        if (v != NULL) {
            fprintf(stderr, "usage: cosctl %s %s\n", v->name, v->args);

        } else if (argc > 0) {
            fprintf(stderr, "cosctl: unknown command \"%s\"; see cosctl "
                    "--help\n", argv[0]);

        } else {
            (void) usage(stderr);
        }

        return CTL_USAGE;
    }

    (void) signal(SIGINT, on_signal);
    (void) signal(SIGTERM, on_signal);
    (void) signal(SIGPIPE, SIG_IGN);

    c.arena = cos_arena_create();

    if (c.arena == NULL || cos_hash_init() != 0) {
        return ctl_fail("out of memory");
    }

    rc = v->run(&c, argv + words);

    if (c.maint_open) {
        cos_maint_done(&c.maint);
    }

    if (c.redis != NULL) {
        redisFree(c.redis);
    }

    if (c.store_open) {
        cos_store_close(&c.store);
    }

    explicit_bzero(c.key, sizeof(c.key));
    explicit_bzero(c.password, sizeof(c.password));
    cos_arena_free(c.arena);

    if (fflush(stdout) != 0 && rc == CTL_OK) {
        rc = ctl_fail("cannot write the output: %s", strerror(errno));
    }

    return rc;
}


static void
on_signal(int sig)
{
    (void) sig;
    ctl_stop = 1;
}


static int
usage(FILE *f)
{
    size_t  i;
    char    left[64];

    fputs("usage: cosctl [options] command\n\n"
          "commands:\n", f);

    for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        snprintf(left, sizeof(left), "%s %s", verbs[i].name, verbs[i].args);
        fprintf(f, "  %-26s %s\n", left, verbs[i].help);
    }

    fputs("\noptions:\n"
          "  -r, --redis ADDRESS        unix:/path or host:port  (COS_REDIS)\n"
          "  -p, --password-file FILE   password of Redis\n"
          "  -d, --data DIR             data directory  (COS_DATA)\n"
          "  -k, --key FILE             master key: 32 bytes or 64 hex digits"
          "  (COS_MASTER_KEY)\n"
          "      --sse-keys FILE        keys of encryption, for sse rewrap"
          "  (COS_SSE_KEYS)\n"
          "      --env FILE             takes these from REDIS_SOCKET, DATA_DIR,"
          " MASTER_KEY and\n"
          "                             SSE_KEYS in a file that cosdev wrote\n"
          "      --bytes N, --objects N user quota: the limits, 0: none\n"
          "      --account NAME|UID     user add, group add: whose it is\n"
          "      --email ADDRESS        user add\n"
          "      --user NAME, --before TIME  token revoke: whose, issued until "
          "when (now)\n"
          "      --grace SECONDS        compact: how long an emptied container "
          "stays (60);\n"
          "                             sweep: how old an orphan must be "
          "(3600)\n"
          "      --bucket NAME          site: whose website\n"
          "      --endpoint URL         site: http://host:port  (COS_ENDPOINT)\n"
          "      --region NAME          site: signed into requests "
          "(COS_REGION)\n"
          "                             the key pair: COS_ACCESS_KEY, "
          "COS_SECRET_KEY, or --env\n"
          "      --keep N               site deploy: releases that stay (5)\n"
          "      --release ID           site rollback: to which one\n"
          "  -h, --help\n\n"
          "exit codes: 0 done, 1 failed or found something wrong, 2 wrong "
          "usage\n", f);

    return -1;
}


static int
options(ctl_t *c, int argc, char **argv)
{
    int    o;
    char  *end;

    while ((o = getopt_long(argc, argv, "r:p:d:k:h", longs, NULL)) != -1) {
        switch (o) {

        case 'r':
            c->redis_address = optarg;
            break;

        case 'p':
            c->password_file = optarg;
            break;

        case 'd':
            c->data = optarg;
            break;

        case 'k':
            c->key_file = optarg;
            break;

        case OPT_ENV:
            if (env_file(c, optarg) != CTL_OK) {
                return CTL_FAILED;
            }
            break;

        case OPT_BYTES:
            c->bytes = optarg;
            break;

        case OPT_OBJECTS:
            c->objects = optarg;
            break;

        case OPT_ACCOUNT:
            c->account = optarg;
            break;

        case OPT_EMAIL:
            c->email = optarg;
            break;

        case OPT_USER:
            c->user = optarg;
            break;

        case OPT_BEFORE:
            c->before = optarg;
            break;

        case OPT_SSE_KEYS:
            c->sse_keys = optarg;
            break;

        case OPT_ENDPOINT:
            c->endpoint = optarg;
            break;

        case OPT_REGION:
            c->region = optarg;
            break;

        case OPT_BUCKET:
            c->bucket = optarg;
            break;

        case OPT_RELEASE:
            c->release = optarg;
            break;

        case OPT_KEEP:
            c->keep = strtol(optarg, &end, 10);
            if (*end != '\0' || end == optarg || c->keep < 1) {
                fprintf(stderr, "cosctl: --keep wants a number from 1\n");
                return CTL_USAGE;
            }
            break;

        case OPT_FORCE:
            c->force = 1;
            break;

        case OPT_GRACE:
            c->grace = strtol(optarg, &end, 10);
            if (*end != '\0' || end == optarg || c->grace < 0) {
                fprintf(stderr, "cosctl: --grace wants seconds\n");
                return CTL_USAGE;
            }
            break;

        case 'h':
            return usage(stdout);

        default:
            return CTL_USAGE;
        }
    }

    return CTL_OK;
}


/* NAME=value or NAME="value", one on a line; other names are passed over. */
static int
env_file(ctl_t *c, const char *name)
{
    FILE    *f;
    char    *line, *value, *end, *dup;
    size_t   cap, i;

    const struct {
        const char   *name;
        const char  **where;
        const char   *prefix;
    } known[] = {
        { "REDIS_SOCKET", &c->redis_address, "unix:" },
        { "DATA_DIR", &c->data, "" },
        { "MASTER_KEY", &c->key_file, "" },
        { "SSE_KEYS", &c->sse_keys, "" },
        { "ENDPOINT", &c->endpoint, "" },
        { "REGION", &c->region, "" },
        { "ACCESS_KEY", &c->access_key, "" },
        { "SECRET_KEY", &c->secret_key, "" }
    };

    f = fopen(name, "r");
    if (f == NULL) {
        return ctl_fail("cannot open \"%s\": %s", name, strerror(errno));
    }

    line = NULL;
    cap = 0;

    while (getline(&line, &cap, f) > 0) {
        value = strchr(line, '=');
        if (value == NULL) {
            continue;
        }

        *value++ = '\0';
        end = value + strlen(value);

        while (end > value && isspace((unsigned char) end[-1])) {
            *--end = '\0';
        }

        if (*value == '"' && end > value + 1 && end[-1] == '"') {
            value++;
            *--end = '\0';
        }

        for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
            if (strcmp(line, known[i].name) == 0 && *value != '\0') {
                if (asprintf(&dup, "%s%s", known[i].prefix, value) < 0) {
                    fclose(f);
                    free(line);
                    return ctl_fail("out of memory");
                }
                *known[i].where = dup;
            }
        }
    }

    free(line);
    fclose(f);

    return CTL_OK;
}


static const ctl_verb_t *
find(int argc, char **argv, int *words)
{
    char    two[64];
    size_t  i;

    if (argc == 0) {
        return NULL;
    }

    snprintf(two, sizeof(two), "%s %s", argv[0], argc > 1 ? argv[1] : "");

    for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        *words = strchr(verbs[i].name, ' ') != NULL ? 2 : 1;

        if (strcmp(verbs[i].name, *words == 2 ? two : argv[0]) == 0) {
            return &verbs[i];
        }
    }

    return NULL;
}


/* --- what verbs need ------------------------------------------------------ */

void
ctl_error(const char *fmt, ...)
{
    va_list  ap;

    fputs("cosctl: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}


void
ctl_log(void *ctx, int error, const char *text)
{
    (void) ctx;
    (void) error;

    fprintf(stderr, "cosctl: %s\n", text);
}


cos_alloc_t *
ctl_alloc(ctl_t *c)
{
    return cos_arena_alloc(c->arena);
}


const char *
ctl_date(uint64_t ms)
{
    static char  text[32];

    text[cos_iso8601(text, (int64_t) ms, 0)] = '\0';

    return text;
}


int
ctl_read_secret(const char *name, char *dst, size_t cap, size_t *len)
{
    int      fd, saved;
    ssize_t  n;

    fd = open(name, O_RDONLY|O_CLOEXEC);
    if (fd == -1) {
        return ctl_fail("cannot open \"%s\": %s", name, strerror(errno));
    }

    n = read(fd, dst, cap);
    saved = errno;
    (void) close(fd);

    if (n < 0) {
        return ctl_fail("cannot read \"%s\": %s", name, strerror(saved));
    }

    if ((size_t) n == cap) {
        return ctl_fail("\"%s\" is too long", name);
    }

    *len = (size_t) n;

    return CTL_OK;
}


int
ctl_need_redis(ctl_t *c)
{
    char    err[512];
    size_t  n;

    if (c->redis_address == NULL) {
        return ctl_fail("which Redis? Give -r, --env or COS_REDIS");
    }

    if (c->password_file != NULL) {
        if (ctl_read_secret(c->password_file, c->password,
                            sizeof(c->password), &n) != CTL_OK)
        {
            return CTL_FAILED;
        }

        c->password[n] = '\0';
        c->password[strcspn(c->password, "\r\n")] = '\0';
    }

    c->redis = cos_redis_connect(c->redis_address, c->password, TIMEOUT,
                                 cos_lua, err, sizeof(err));

    return c->redis != NULL ? CTL_OK : ctl_fail("%s", err);
}


/* Secrets are read before: they need not be readable by the owner. */
static int
become_owner(const char *data)
{
    struct stat  sb;

    if (stat(data, &sb) != 0) {
        return ctl_fail("cannot open data directory \"%s\": %s", data,
                        strerror(errno));
    }

    if (geteuid() != 0 || sb.st_uid == 0) {
        return CTL_OK;
    }

    if (setgroups(0, NULL) != 0 || setegid(sb.st_gid) != 0
        || seteuid(sb.st_uid) != 0)
    {
        return ctl_fail("cannot become the owner of \"%s\": %s", data,
                        strerror(errno));
    }

    return CTL_OK;
}


int
ctl_need_store(ctl_t *c)
{
    char  err[1024];

    if (c->data == NULL) {
        return ctl_fail("which data directory? Give -d, --env or COS_DATA");
    }

    if (become_owner(c->data) != CTL_OK) {
        return CTL_FAILED;
    }

    /* an empty directory becomes a store: users may be added before nginx is
     * started for the first time */
    if (cos_store_open(&c->store, c->data, 1, err, sizeof(err)) != 0) {
        return ctl_fail("%s", err);
    }

    c->store_open = 1;

    if (cos_store_complete(&c->store, err, sizeof(err)) != 0) {
        return ctl_fail("%s", err);
    }

    return CTL_OK;
}


int
ctl_need_key(ctl_t *c)
{
    char       text[128];
    size_t     n;
    cos_str_t  hex;

    if (c->key_file == NULL) {
        return ctl_fail("which master key? Give -k, --env or COS_MASTER_KEY");
    }

    if (ctl_read_secret(c->key_file, text, sizeof(text), &n) != CTL_OK) {
        return CTL_FAILED;
    }

    hex.data = (cos_u8 *) text;
    hex.len = n;

    while (hex.len > 0 && hex.data[hex.len - 1] <= ' ' && n != 32) {
        hex.len--;
    }

    if (n == 32) {
        memcpy(c->key, text, 32);

    } else if (cos_unhex(c->key, 32, hex) != 0) {
        explicit_bzero(text, sizeof(text));
        return ctl_fail("\"%s\" must hold 32 bytes or 64 hexadecimal digits",
                        c->key_file);
    }

    explicit_bzero(text, sizeof(text));

    return CTL_OK;
}


int
ctl_need_maint(ctl_t *c)
{
    if (ctl_need_redis(c) != CTL_OK || ctl_need_store(c) != CTL_OK) {
        return CTL_FAILED;
    }

    c->maint.store = &c->store;
    c->maint.redis = c->redis;
    c->maint.lock_fd = -1;
    c->maint.log = ctl_log;
    c->maint.stop = &ctl_stop;

    if (cos_maint_init(&c->maint) != 0) {
        return CTL_FAILED;
    }

    c->maint_open = 1;

    return CTL_OK;
}


int
ctl_need_admin(ctl_t *c)
{
    if (ctl_need_maint(c) != CTL_OK) {
        return CTL_FAILED;
    }

    /* the kernel gives it back, whatever becomes of this process */
    return flock(c->store.root_fd, LOCK_EX) == 0 ? CTL_OK
           : ctl_fail("cannot lock \"%s\": %s", c->store.root,
                      strerror(errno));
}
