/*
 * A durable write as a plain program does it: a new file, fsync, rename into
 * place, fsync of the directory; again and again in some threads.
 *
 *   bare_files DIRECTORY SIZE THREADS SECONDS
 */

#include "bare.h"


#define DIRS   256
#define PIECE  (1 << 20)


static const char  *root;
static size_t       size;
static char        *payload;
static long         run;


static void
put(int thread, uint64_t n)
{
    int     fd, dir;
    char    where[512], tmp[640], name[640];
    size_t  at, len;

    snprintf(where, sizeof(where), "%s/%02x", root,
             (unsigned) (n * 31 + thread * 17) % DIRS);
    snprintf(tmp, sizeof(tmp), "%s/.%ld-%d", where, run, thread);
    snprintf(name, sizeof(name), "%s/%ld-%d-%llu", where, run, thread,
             (unsigned long long) n);

    fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0) {
        die(tmp);
    }

    for (at = 0; at < size; at += len) {
        len = size - at < PIECE ? size - at : PIECE;

        if (write(fd, payload, len) != (ssize_t) len) {
            die("write");
        }
    }

    if (fsync(fd) != 0 || rename(tmp, name) != 0) {
        die(name);
    }

    dir = open(where, O_RDONLY | O_DIRECTORY);
    if (dir < 0 || fsync(dir) != 0) {
        die(where);
    }

    close(dir);
    close(fd);
}


int
main(int argc, char **argv)
{
    int   i, threads;
    char  name[512];

    if (argc != 5 || (threads = atoi(argv[3])) < 1 || threads > 256) {
        fprintf(stderr, "usage: bare_files DIRECTORY SIZE THREADS SECONDS\n");
        return 2;
    }

    root = argv[1];
    size = strtoull(argv[2], NULL, 10);
    run = (long) getpid();
    payload = malloc(PIECE);
    if (payload == NULL) {
        die("memory");
    }
    memset(payload, 'x', PIECE);

    (void) mkdir(root, 0700);

    for (i = 0; i < DIRS; i++) {
        snprintf(name, sizeof(name), "%s/%02x", root, (unsigned) i);
        if (mkdir(name, 0700) != 0 && errno != EEXIST) {
            die(name);
        }
    }

    bare_run(threads, atof(argv[4]), put);

    return 0;
}
