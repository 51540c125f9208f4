/*
 * Directories of storage classes. The data directory knows them all by itself:
 * a configuration only says where new objects of a class go, and whatever it
 * says tomorrow, each container is still found by its id. A marker in each
 * directory says which one it is, so that no two are ever taken for each other.
 *
 * Processes that are older than a directory learn of it when they meet an id of
 * its slot.
 */

#define _GNU_SOURCE

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_internal.h"


#define LIST         "slots"
#define MARKER       "store.slot"
#define LOCK         "slots.lock"
#define LOCK_TRIES   500              /* of 20 ms */
#define LIST_MAX     (COS_SLOTS * 600)

static int open_slot(cos_store_t *st, int slot);
static int read_text(int fd, const char *name, char *text, size_t len);
static int write_text(int fd, const char *name, const char *text);
static int read_marker(int fd, char *id, int *slot);
static int find_slot(cos_store_t *st, const char *dir, int fd, char *err,
    size_t len);
static int settle_slot(cos_store_t *st, int slot, const char *dir, int fd);
static int set_path(cos_store_t *st, int slot, const char *path);
static int write_list(cos_store_t *st);


static pthread_mutex_t  loading = PTHREAD_MUTEX_INITIALIZER;


/* --- finding them ----------------------------------------------------------- */

int
cos_store_at(cos_store_t *st, uint64_t cid)
{
    int       fd;
    unsigned  slot;

    slot = cos_cid_slot(cid);

    if (slot == 0) {
        return st->root_fd;
    }

    fd = __atomic_load_n(&st->slot[slot].root_fd, __ATOMIC_ACQUIRE);

    if (fd == -1) {
        (void) cos_slots_load(st);
        fd = __atomic_load_n(&st->slot[slot].root_fd, __ATOMIC_ACQUIRE);
    }

    if (fd == -1) {
        errno = ENODEV;
    }

    return fd;
}


int
cos_store_open_at(cos_store_t *st, uint64_t cid)
{
    unsigned  slot;

    slot = cos_cid_slot(cid);

    if (slot == 0) {
        return st->open_fd;
    }

    return cos_store_at(st, cid) == -1 ? -1 : st->slot[slot].open_fd;
}


/* What is open stays open: its descriptors may be in use. */
int
cos_slots_load(cos_store_t *st)
{
    int    rc, slot, n;
    char   text[LIST_MAX], *line, *next;

    pthread_mutex_lock(&loading);

    rc = read_text(st->root_fd, LIST, text, sizeof(text));

    if (rc != 0) {
        rc = errno == ENOENT ? 0 : -1;
        text[0] = '\0';
    }

    for (line = text; rc == 0 && *line; line = next) {
        next = strchr(line, '\n');

        if (next == NULL || sscanf(line, "%d %n", &slot, &n) != 1
            || slot < 1 || slot >= COS_SLOTS || line[n] != '/')
        {
            errno = EINVAL;
            rc = -1;
            break;
        }

        *next++ = '\0';

        if (st->slot[slot].root_fd == -1) {
            rc = set_path(st, slot, line + n);

            if (rc == 0) {
                (void) open_slot(st, slot);
            }
        }
    }

    pthread_mutex_unlock(&loading);

    return rc;
}


/* Opens the directory of a slot if its marker says that it is the one. */
static int
open_slot(cos_store_t *st, int slot)
{
    int   fd, n, open_fd;
    char  id[40];

    fd = open(st->slot[slot].path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    if (fd == -1) {
        return -1;
    }

    open_fd = -1;

    if (read_marker(fd, id, &n) == 0 && n == slot && strcmp(id, st->id) == 0) {
        open_fd = openat(fd, "open", O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    }

    if (open_fd == -1) {
        (void) close(fd);
        return -1;
    }

    st->slot[slot].open_fd = open_fd;
    __atomic_store_n(&st->slot[slot].root_fd, fd, __ATOMIC_RELEASE);

    return 0;
}


void
cos_slots_close(cos_store_t *st)
{
    int  i;

    for (i = 1; i < COS_SLOTS; i++) {
        if (st->slot[i].root_fd != -1) {
            (void) close(st->slot[i].root_fd);
            (void) close(st->slot[i].open_fd);
            st->slot[i].root_fd = -1;
            st->slot[i].open_fd = -1;
        }

        free(st->slot[i].path);
        st->slot[i].path = NULL;
    }
}


int
cos_store_sync_all(cos_store_t *st)
{
    int  i;

    if (syncfs(st->root_fd) != 0) {
        return -1;
    }

    for (i = 1; i < COS_SLOTS; i++) {
        if (st->slot[i].root_fd != -1 && syncfs(st->slot[i].root_fd) != 0) {
            return -1;
        }
    }

    return 0;
}


int
cos_store_complete(cos_store_t *st, char *err, size_t len)
{
    int  i;

    for (i = 1; i < COS_SLOTS; i++) {
        if (st->slot[i].path != NULL
            && cos_store_at(st, cos_cid(0, i, 0)) == -1)
        {
            snprintf(err, len, "\"%s\" belongs to the data directory \"%s\" "
                     "(slot %d) and is not there, or is another directory: "
                     "mount it, or put its new place into \"%s/" LIST "\"",
                     st->slot[i].path, st->root, i, st->root);
            return -1;
        }
    }

    return 0;
}


/* --- making them ------------------------------------------------------------- */

/* Workers start at the same moment: one of them makes what is missing. */
static int
lock(cos_store_t *st)
{
    int              i, fd;
    struct timespec  pause = { 0, 20000000 };

    for (i = 0; i < LOCK_TRIES; i++) {
        fd = cos_store_lock_name(st, LOCK);

        if (fd != -1 || errno != EWOULDBLOCK) {
            return fd;
        }

        (void) nanosleep(&pause, NULL);
    }

    return -1;
}


int
cos_store_class_dir(cos_store_t *st, const char *dir, char *err, size_t len)
{
    int  fd, lock_fd, slot;

    if ((mkdir(dir, 0700) != 0 && errno != EEXIST)
        || (fd = open(dir, O_RDONLY|O_DIRECTORY|O_CLOEXEC)) == -1)
    {
        snprintf(err, len, "cannot open class directory \"%s\": %s", dir,
                 strerror(errno));
        return -1;
    }

    lock_fd = lock(st);
    slot = -1;

    if (lock_fd == -1 || cos_slots_load(st) != 0) {
        snprintf(err, len, "cannot read \"%s/" LIST "\": %s", st->root,
                 strerror(errno));

    } else {
        slot = find_slot(st, dir, fd, err, len);

        if (slot > 0 && settle_slot(st, slot, dir, fd) != 0) {
            snprintf(err, len, "cannot prepare class directory \"%s\": %s",
                     dir, strerror(errno));
            slot = -1;
        }
    }

    if (lock_fd != -1) {
        (void) close(lock_fd);
    }

    (void) close(fd);

    return slot;
}


/* Whether the slot is open, and is another directory than fd. */
static int
is_other(const cos_store_t *st, int slot, int fd)
{
    struct stat  a, b;

    return st->slot[slot].root_fd != -1
           && (fstat(st->slot[slot].root_fd, &a) != 0 || fstat(fd, &b) != 0
               || a.st_ino != b.st_ino || a.st_dev != b.st_dev);
}


/* Its marker tells, or the list when a crash came between the two; else it gets
 * a number that nobody has. */
static int
find_slot(cos_store_t *st, const char *dir, int fd, char *err, size_t len)
{
    int   i, slot;
    char  id[40];

    if (faccessat(fd, "store.id", F_OK, 0) == 0) {
        snprintf(err, len, "class directory \"%s\" is a data directory itself: "
                 "give one of its own", dir);
        return -1;
    }

    if (read_marker(fd, id, &slot) == 0) {

        if (strcmp(id, st->id) == 0) {
            if (!is_other(st, slot, fd)) {
                return slot;
            }

            snprintf(err, len, "class directory \"%s\" is a copy of \"%s\": "
                     "stop the server and remove one of the two", dir,
                     st->slot[slot].path);
            return -1;
        }

        snprintf(err, len, "class directory \"%s\" belongs to another store "
                 "(%s, this one is %s): give an empty directory", dir, id,
                 st->id);
        return -1;
    }

    if (errno != ENOENT) {
        snprintf(err, len, "the marker of class directory \"%s\" cannot be "
                 "read: %s", dir, strerror(errno));
        return -1;
    }

    slot = -1;

    for (i = COS_SLOTS - 1; i > 0; i--) {
        if (st->slot[i].path == NULL) {
            slot = i;

        } else if (strcmp(st->slot[i].path, dir) == 0) {
            return i;
        }
    }

    if (slot == -1) {
        snprintf(err, len, "the store has %d class directories, there is no "
                 "room for \"%s\": let classes share one", COS_SLOTS - 1, dir);
    }

    return slot;
}


/* The list first: a number in it is never given twice. */
static int
settle_slot(cos_store_t *st, int slot, const char *dir, int fd)
{
    int   n;
    char  id[40], text[64];

    if (st->slot[slot].path == NULL || strcmp(st->slot[slot].path, dir) != 0) {
        if (set_path(st, slot, dir) != 0 || write_list(st) != 0) {
            return -1;
        }
    }

    if (cos_store_layout(fd) != 0) {
        return -1;
    }

    if (read_marker(fd, id, &n) != 0) {
        snprintf(text, sizeof(text), "%s %d\n", st->id, slot);

        if (write_text(fd, MARKER, text) != 0) {
            return -1;
        }
    }

    return cos_slots_load(st) != 0
           || cos_store_at(st, cos_cid(0, slot, 0)) == -1 ? -1 : 0;
}


static int
set_path(cos_store_t *st, int slot, const char *path)
{
    char  *copy;

    copy = strdup(path);
    if (copy == NULL) {
        return -1;
    }

    free(st->slot[slot].path);
    st->slot[slot].path = copy;

    /* freed with the store: NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    return 0;
}


static int
write_list(cos_store_t *st)
{
    int     i;
    char    text[LIST_MAX];
    size_t  n;

    for (i = 1, n = 0; i < COS_SLOTS; i++) {
        if (st->slot[i].path != NULL && n < sizeof(text)) {
            n += (size_t) snprintf(text + n, sizeof(text) - n, "%d %s\n", i,
                                   st->slot[i].path);
        }
    }

    if (n >= sizeof(text)) {
        errno = ENAMETOOLONG;
        return -1;
    }

    return write_text(st->root_fd, LIST, text);
}


/* --- only asking -------------------------------------------------------------- */

/* Whether one of the directories has the marker of that slot. */
static int
moved_to(const cos_store_t *st, int slot, const char **dirs, size_t n)
{
    int     fd, is, found;
    char    id[40];
    size_t  i;

    for (i = 0, found = 0; i < n && !found; i++) {
        fd = open(dirs[i], O_RDONLY|O_DIRECTORY|O_CLOEXEC);

        if (fd != -1) {
            found = read_marker(fd, id, &is) == 0 && is == slot
                    && strcmp(id, st->id) == 0;
            (void) close(fd);
        }
    }

    return found;
}


int
cos_store_classes_check(const char *root, const char **dirs, size_t n,
    char *err, size_t len)
{
    int          i, fd, rc;
    size_t       k;
    cos_store_t  st;

    if (cos_store_open(&st, root, 0, err, len) != 0) {
        /* it is made when nginx starts, or that says what is wrong */
        return 0;
    }

    rc = 0;

    for (k = 0; rc == 0 && k < n; k++) {
        fd = open(dirs[k], O_RDONLY|O_DIRECTORY|O_CLOEXEC);

        if (fd != -1) {
            rc = find_slot(&st, dirs[k], fd, err, len) == -1 ? -1 : 0;
            (void) close(fd);
        }
    }

    for (i = 1; rc == 0 && i < COS_SLOTS; i++) {
        if (st.slot[i].path != NULL && st.slot[i].root_fd == -1
            && !moved_to(&st, i, dirs, n))
        {
            rc = cos_store_complete(&st, err, len);
        }
    }

    cos_store_close(&st);

    return rc;
}


/* --- small files --------------------------------------------------------------- */

static int
read_marker(int fd, char *id, int *slot)
{
    char  text[80];

    if (read_text(fd, MARKER, text, sizeof(text)) != 0) {
        return -1;
    }

    if (sscanf(text, "%39s %d", id, slot) != 2 || *slot < 1
        || *slot >= COS_SLOTS)
    {
        errno = EINVAL;
        return -1;
    }

    return 0;
}


static int
read_text(int fd, const char *name, char *text, size_t len)
{
    int      f, saved;
    ssize_t  n;

    f = openat(fd, name, O_RDONLY|O_CLOEXEC);
    if (f == -1) {
        return -1;
    }

    n = cos_pread_full(f, text, len - 1, 0);
    saved = errno;
    (void) close(f);

    if (n < 0 || (size_t) n == len - 1) {
        errno = n < 0 ? saved : EINVAL;
        return -1;
    }

    text[n] = '\0';

    return 0;
}


/* The old text or the new one, whatever happens. */
static int
write_text(int fd, const char *name, const char *text)
{
    int   f, rc;
    char  tmp[COS_NAME_LEN];

    snprintf(tmp, sizeof(tmp), "%s.new", name);

    f = openat(fd, tmp, O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, 0600);
    if (f == -1) {
        return -1;
    }

    rc = cos_pwrite_full(f, text, strlen(text), 0);

    if (fsync(f) != 0) {
        rc = -1;
    }

    if (close(f) != 0) {
        rc = -1;
    }

    return rc == 0 && renameat(fd, tmp, fd, name) == 0 && fsync(fd) == 0
           ? 0 : -1;
}
