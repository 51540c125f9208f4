/*
 * The data directory: layout, names, locks. Settled containers are spread
 * over 256 directories by the low byte of their id, which neighbours differ
 * in; everything unresolved lies in one directory, so that recovery never has
 * to look anywhere else.
 */

#define _GNU_SOURCE

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_internal.h"


typedef struct {
    cos_walk_pt        cid;
    cos_walk_lock_pt   lock;
    void              *ctx;
    int                in_open;
    unsigned           slot;          /* of the directory */
} walk_t;

static int open_root(cos_store_t *st, const char *root, int create);
static int read_id(cos_store_t *st);
static int create_id(cos_store_t *st);
static int walk_dir(int root_fd, const char *name, walk_t *w);
static int parse_hex(const char *s, size_t n, uint64_t *v);


int
cos_store_open(cos_store_t *st, const char *root, int create, char *err,
    size_t len)
{
    int          i;
    const char  *what;

    memset(st, 0, sizeof(cos_store_t));
    st->root_fd = -1;
    st->open_fd = -1;
    st->sync = 1;

    for (i = 1; i < COS_SLOTS; i++) {
        st->slot[i].root_fd = -1;
        st->slot[i].open_fd = -1;
    }

    what = "directory";

    if (open_root(st, root, create) == 0) {
        what = "layout";

        if ((!create || cos_store_layout(st->root_fd) == 0)
            && (st->open_fd = openat(st->root_fd, "open",
                                     O_RDONLY|O_DIRECTORY|O_CLOEXEC)) != -1)
        {
            what = "store.id";

            if (read_id(st) == 0
                || (create && errno == ENOENT && create_id(st) == 0))
            {
                what = "slots";

                if (cos_slots_load(st) == 0) {
                    return 0;
                }
            }
        }
    }

    if (err != NULL && len > 0) {
        snprintf(err, len, "cannot open data directory \"%s\" (%s): %s", root,
                 what, strerror(errno));
    }

    cos_store_close(st);

    return -1;
}


static int
open_root(cos_store_t *st, const char *root, int create)
{
    if (strlen(root) >= sizeof(st->root)) {
        errno = ENAMETOOLONG;
        return -1;
    }

    memcpy(st->root, root, strlen(root) + 1);

    if (create && mkdir(root, 0700) != 0 && errno != EEXIST) {
        return -1;
    }

    st->root_fd = open(root, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    return st->root_fd == -1 ? -1 : 0;
}


int
cos_store_layout(int root_fd)
{
    int       made;
    char      name[COS_NAME_LEN];
    unsigned  i;

    made = 0;

    for (i = 0; i <= 256; i++) {
        if (i == 256) {
            snprintf(name, sizeof(name), "open");

        } else {
            snprintf(name, sizeof(name), "%02x", i);
        }

        if (mkdirat(root_fd, name, 0700) == 0) {
            made = 1;

        } else if (errno != EEXIST) {
            return -1;
        }
    }

    return made ? fsync(root_fd) : 0;
}


static int
read_id(cos_store_t *st)
{
    int      fd, saved;
    ssize_t  n;

    fd = openat(st->root_fd, "store.id", O_RDONLY|O_CLOEXEC);
    if (fd == -1) {
        return -1;
    }

    n = cos_pread_full(fd, st->id, sizeof(st->id) - 1, 0);
    saved = errno;
    (void) close(fd);

    if (n < 0) {
        errno = saved;
        return -1;
    }

    st->id[n] = '\0';
    st->id[strcspn(st->id, "\r\n")] = '\0';

    if (strlen(st->id) != 36) {
        errno = EINVAL;
        return -1;
    }

    return 0;
}


/* Two processes may start at the same moment: link() lets one of them win, and
 * nobody ever sees a half-written file. */
static int
create_id(cos_store_t *st)
{
    int      fd, rc;
    char     hex[33], text[40], tmp[COS_NAME_LEN];
    cos_u8   raw[16];

    if (cos_random(raw, sizeof(raw)) != 0) {
        errno = EIO;
        return -1;
    }

    raw[6] = (cos_u8) ((raw[6] & 0x0f) | 0x40);
    raw[8] = (cos_u8) ((raw[8] & 0x3f) | 0x80);
    cos_hex(hex, raw, sizeof(raw));
    hex[32] = '\0';

    snprintf(text, sizeof(text), "%.8s-%.4s-%.4s-%.4s-%.12s\n", hex, hex + 8,
             hex + 12, hex + 16, hex + 20);
    snprintf(tmp, sizeof(tmp), "store.id.%.8s", hex);

    fd = openat(st->root_fd, tmp, O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0600);
    if (fd == -1) {
        return -1;
    }

    rc = cos_pwrite_full(fd, text, strlen(text), 0);

    if (fsync(fd) != 0) {
        rc = -1;
    }

    if (close(fd) != 0) {
        rc = -1;
    }

    if (rc == 0 && linkat(st->root_fd, tmp, st->root_fd, "store.id", 0) != 0
        && errno != EEXIST)
    {
        rc = -1;
    }

    (void) unlinkat(st->root_fd, tmp, 0);

    if (rc != 0 || fsync(st->root_fd) != 0) {
        return -1;
    }

    return read_id(st);
}


void
cos_store_close(cos_store_t *st)
{
    cos_slots_close(st);

    if (st->open_fd != -1) {
        (void) close(st->open_fd);
        st->open_fd = -1;
    }

    if (st->root_fd != -1) {
        (void) close(st->root_fd);
        st->root_fd = -1;
    }
}


static int
any_container(void *ctx, uint64_t cid, int in_open)
{
    (void) ctx;
    (void) cid;
    (void) in_open;

    return 1;
}


/* A directory that cannot be read counts as not empty: the safe answer. */
int
cos_store_is_empty(cos_store_t *st)
{
    return cos_store_walk(st, any_container, NULL) == 0;
}


void
cos_name_open(char dst[COS_NAME_LEN], uint64_t cid)
{
    snprintf(dst, COS_NAME_LEN, "open/%012llx",
             (unsigned long long) (cid & COS_U48_MAX));
}


void
cos_name_settled(char dst[COS_NAME_LEN], uint64_t cid)
{
    snprintf(dst, COS_NAME_LEN, "%02x/%012llx", (unsigned) (cid & 0xff),
             (unsigned long long) (cid & COS_U48_MAX));
}


void
cos_name_lock(char dst[COS_NAME_LEN], uint64_t inc)
{
    snprintf(dst, COS_NAME_LEN, "open/%llx.lock", (unsigned long long) inc);
}


int
cos_store_lock(cos_store_t *st, uint64_t inc)
{
    char  name[COS_NAME_LEN];

    cos_name_lock(name, inc);

    return cos_store_lock_name(st, name);
}


/* Whoever resolves a dead incarnation removes its lock file while holding it;
 * a lock won on a file that has just lost its name protects nothing. */
int
cos_store_lock_name(cos_store_t *st, const char *name)
{
    int          fd, saved;
    struct stat  a, b;

    for ( ;; ) {
        fd = openat(st->root_fd, name, O_RDWR|O_CREAT|O_CLOEXEC, 0600);
        if (fd == -1) {
            return -1;
        }

        if (flock(fd, LOCK_EX|LOCK_NB) != 0 || fstat(fd, &a) != 0) {
            break;
        }

        if (fstatat(st->root_fd, name, &b, 0) == 0) {
            if (a.st_ino == b.st_ino && a.st_dev == b.st_dev) {
                return fd;
            }

        } else if (errno != ENOENT) {
            break;
        }

        (void) close(fd);
    }

    saved = errno;
    (void) close(fd);
    errno = saved;

    return -1;
}


/* Settled containers are looked for twice: one may move there from open/ in
 * between, never the other way. */
int
cos_store_open_cid(cos_store_t *st, uint64_t cid)
{
    int   at, fd, i;
    char  name[COS_NAME_LEN];

    at = cos_store_at(st, cid);
    if (at == -1) {
        return -1;
    }

    for (i = 0; i < 3; i++) {
        if (i == 1) {
            cos_name_open(name, cid);

        } else {
            cos_name_settled(name, cid);
        }

        fd = openat(at, name, O_RDONLY|O_CLOEXEC);

        if (fd != -1 || errno != ENOENT) {
            return fd;
        }
    }

    return -1;
}


/* Not synced: after a crash the container is in open/ or settled, both of
 * which recovery and readers know how to handle. */
int
cos_store_settle(cos_store_t *st, uint64_t cid)
{
    int          at;
    char         from[COS_NAME_LEN], to[COS_NAME_LEN];
    struct stat  sb;

    at = cos_store_at(st, cid);
    if (at == -1) {
        return -1;
    }

    cos_name_open(from, cid);
    cos_name_settled(to, cid);

    if (renameat(at, from, at, to) == 0) {
        return 0;
    }

    if (errno == ENOENT && fstatat(at, to, &sb, 0) == 0) {
        return 0;
    }

    return -1;
}


int
cos_store_unlink(cos_store_t *st, uint64_t cid)
{
    int   at, found;
    char  name[COS_NAME_LEN];

    at = cos_store_at(st, cid);
    if (at == -1) {
        return -1;
    }

    cos_name_open(name, cid);
    found = unlinkat(at, name, 0) == 0;

    if (!found && errno != ENOENT) {
        return -1;
    }

    cos_name_settled(name, cid);

    if (unlinkat(at, name, 0) == 0) {
        return 0;
    }

    return (found && errno == ENOENT) ? 0 : -1;
}


int
cos_store_stat(cos_store_t *st, uint64_t cid, int64_t *age, uint64_t *size)
{
    int          fd, rc;
    struct stat  sb;

    fd = cos_store_open_cid(st, cid);
    if (fd == -1) {
        return -1;
    }

    rc = fstat(fd, &sb);

    if (rc == 0) {
        /* the status-change time: a hard link made just now is young */
        *age = (int64_t) time(NULL) - (int64_t) sb.st_ctime;
        *size = (uint64_t) sb.st_size;
    }

    (void) close(fd);

    return rc;
}


static int
walk_settled(int root_fd, walk_t *w)
{
    int       rc;
    char      name[COS_NAME_LEN];
    unsigned  i;

    for (i = 0, rc = 0; rc == 0 && i < 256; i++) {
        snprintf(name, sizeof(name), "%02x", i);
        rc = walk_dir(root_fd, name, w);
    }

    return rc;
}


/* open/ first, of all directories: what moves while we walk is then seen twice,
 * never missed. */
int
cos_store_walk(cos_store_t *st, cos_walk_pt cb, void *ctx)
{
    int     rc, at;
    walk_t  w;

    memset(&w, 0, sizeof(w));
    w.cid = cb;
    w.ctx = ctx;
    rc = 0;

    for (w.in_open = 1; w.in_open >= 0; w.in_open--) {
        for (w.slot = 0; rc == 0 && w.slot < COS_SLOTS; w.slot++) {

            at = cos_store_at(st, cos_cid(0, w.slot, 0));

            if (at != -1) {
                rc = w.in_open ? walk_dir(at, "open", &w)
                               : walk_settled(at, &w);

            } else if (st->slot[w.slot].path != NULL) {
                return -1;
            }
        }
    }

    return rc;
}


int
cos_store_walk_locks(cos_store_t *st, cos_walk_lock_pt cb, void *ctx)
{
    walk_t  w;

    memset(&w, 0, sizeof(w));
    w.lock = cb;
    w.ctx = ctx;
    w.in_open = 1;

    return walk_dir(st->root_fd, "open", &w);
}


static int
walk_entry(const char *name, walk_t *w)
{
    size_t       n;
    uint64_t     v;
    const char  *dot;

    n = strlen(name);
    dot = strchr(name, '.');

    if (dot == NULL) {
        /* what lies in another directory than its own cannot be found */
        if (w->cid != NULL && n == 12 && parse_hex(name, n, &v) == 0
            && cos_cid_slot(v) == w->slot)
        {
            return w->cid(w->ctx, v, w->in_open);
        }

    } else if (w->lock != NULL && strcmp(dot, ".lock") == 0 && dot - name <= 7
               && parse_hex(name, (size_t) (dot - name), &v) == 0)
    {
        return w->lock(w->ctx, v);
    }

    return 0;
}


/* The names are read before the first callback, which may add and remove
 * files: what readdir() does then is not defined. */
static int
walk_dir(int root_fd, const char *name, walk_t *w)
{
    int              n, i, rc;
    struct dirent  **list;

    n = scandirat(root_fd, name, &list, NULL, alphasort);
    if (n < 0) {
        return errno == ENOENT ? 0 : -1;
    }

    rc = 0;

    for (i = 0; i < n; i++) {
        if (rc == 0) {
            rc = walk_entry(list[i]->d_name, w);
        }

        free(list[i]);
    }

    free(list);

    return rc;
}


static int
parse_hex(const char *s, size_t n, uint64_t *v)
{
    size_t  i;

    *v = 0;

    for (i = 0; i < n; i++) {
        if (s[i] >= '0' && s[i] <= '9') {
            *v = *v * 16 + (uint64_t) (s[i] - '0');

        } else if (s[i] >= 'a' && s[i] <= 'f') {
            *v = *v * 16 + (uint64_t) (s[i] - 'a' + 10);

        } else {
            return -1;
        }
    }

    return n > 0 ? 0 : -1;
}
