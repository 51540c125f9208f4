/* What the bare programs share: options, threads that run for a while, and the
 * line they print. */

#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>


static inline void
die(const char *what)
{
    fprintf(stderr, "bare: %s: %s\n", what, strerror(errno));
    exit(1);
}


static inline double
now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec + ts.tv_nsec / 1e9;
}


static double  bare_until;
static size_t  bare_done;


/* Runs work(thread number) in that many threads; each calls it again and again
 * until the time is over. */
static void (*bare_work)(int thread, uint64_t n);


static inline void *
bare_thread(void *arg)
{
    int       thread = (int) (intptr_t) arg;
    uint64_t  n = 0;

    do {
        bare_work(thread, n++);
    } while (now() < bare_until);

    __atomic_add_fetch(&bare_done, n, __ATOMIC_RELAXED);

    return NULL;
}


static inline void
bare_run(int threads, double seconds, void (*work)(int, uint64_t))
{
    int             i;
    double          start, wall;
    pthread_t       t[256];
    struct rusage   ru;

    bare_work = work;
    start = now();
    bare_until = start + seconds;

    for (i = 0; i < threads; i++) {
        if (pthread_create(&t[i], NULL, bare_thread, (void *) (intptr_t) i)) {
            die("pthread_create");
        }
    }

    for (i = 0; i < threads; i++) {
        pthread_join(t[i], NULL);
    }

    wall = now() - start;
    getrusage(RUSAGE_SELF, &ru);

    printf("requests=%zu wrong=0 seconds=%.6f rate=%.2f cpu=%.4f\n", bare_done,
           wall, bare_done / wall,
           ru.ru_utime.tv_sec + ru.ru_stime.tv_sec
           + (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6);
}

#endif
