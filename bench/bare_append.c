/*
 * The least that a durable PUT can cost: threads that append 4 KiB to one file
 * of zeroes written beforehand, share its fdatasync (group commit), and then
 * call cos_put in Redis, each over its own connection. No HTTP, no signature,
 * no checksums.
 *
 *   bare_append FILE MEBIBYTES SOCKET BID RECORD THREADS SECONDS
 *
 * FILE is created when it is not there. RECORD is a file with an object record
 * (include/cos_record.h) of one segment; its seq and offset are filled in.
 */

#include <hiredis/hiredis.h>

#include "bare.h"


#define SIZE  4096


static int              fd;
static off_t            file_size, tail;
static pthread_mutex_t  lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t   cond = PTHREAD_COND_INITIALIZER;
static uint64_t         written, synced;      /* tickets */
static int              syncing;

static const char      *bid;
static char             payload[SIZE];
static unsigned char    record[1024];
static size_t           record_len;
static redisContext    *redis[256];


/* Writes, and returns when a sync that began later has ended. */
static off_t
append(void)
{
    off_t     off;
    uint64_t  ticket, upto;

    pthread_mutex_lock(&lock);
    off = tail;
    tail = tail + 2 * SIZE > file_size ? 0 : tail + SIZE;
    pthread_mutex_unlock(&lock);

    if (pwrite(fd, payload, SIZE, off) != SIZE) {
        die("pwrite");
    }

    pthread_mutex_lock(&lock);
    ticket = ++written;

    while (synced < ticket) {
        if (syncing) {
            pthread_cond_wait(&cond, &lock);
            continue;
        }

        syncing = 1;
        upto = written;
        pthread_mutex_unlock(&lock);

        if (fdatasync(fd) != 0) {
            die("fdatasync");
        }

        pthread_mutex_lock(&lock);
        syncing = 0;
        synced = upto;
        pthread_cond_broadcast(&cond);
    }

    pthread_mutex_unlock(&lock);

    return off;
}


static void
put(int thread, uint64_t n)
{
    char               key[64], name[96];
    off_t              off;
    uint64_t           seq;
    redisReply        *r;
    unsigned char      rec[sizeof(record)];
    struct timespec    ts;
    static uint64_t    run;

    if (run == 0) {
        run = time(NULL);
    }

    off = append();

    clock_gettime(CLOCK_REALTIME, &ts);
    seq = ((uint64_t) ts.tv_sec - 1577836800) * 1000000 + ts.tv_nsec / 1000;

    memcpy(rec, record, record_len);
    memcpy(rec + 8, &seq, 8);
    memcpy(rec + 70, &off, 6);

    snprintf(key, sizeof(key), "bare/%llu/%03d/%09llu",
             (unsigned long long) run, thread, (unsigned long long) n);
    snprintf(name, sizeof(name), "o{%s}%s", bid, key);

    r = redisCommand(redis[thread], "FCALL cos_put 1 %s %s %s 7 %b any", name,
                     bid, key, rec, record_len);

    if (r == NULL || r->type != REDIS_REPLY_ARRAY || r->elements < 1
        || strcmp(r->element[0]->str, "OK") != 0)
    {
        fprintf(stderr, "bare: cos_put: %s\n", r && r->str ? r->str : "?");
        exit(1);
    }

    freeReplyObject(r);
}


static void
zero_file(const char *name)
{
    off_t        at;
    struct stat  st;
    static char  zero[1 << 20];

    fd = open(name, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || fstat(fd, &st) != 0) {
        die(name);
    }

    for (at = st.st_size; at < file_size; at += sizeof(zero)) {
        if (pwrite(fd, zero, sizeof(zero), at) != sizeof(zero)) {
            die("pwrite");
        }
    }

    if (fsync(fd) != 0) {
        die("fsync");
    }
}


int
main(int argc, char **argv)
{
    int    i, threads;
    FILE  *f;

    if (argc != 8 || (threads = atoi(argv[6])) < 1 || threads > 256) {
        fprintf(stderr, "usage: bare_append FILE MEBIBYTES SOCKET BID RECORD"
                " THREADS SECONDS\n");
        return 2;
    }

    file_size = (off_t) atoi(argv[2]) << 20;
    bid = argv[4];
    memset(payload, 'x', SIZE);

    f = fopen(argv[5], "rb");
    record_len = f ? fread(record, 1, sizeof(record), f) : 0;
    if (record_len < 82) {
        die(argv[5]);
    }
    fclose(f);

    for (i = 0; i < threads; i++) {
        redis[i] = redisConnectUnix(argv[3]);
        if (redis[i] == NULL || redis[i]->err) {
            die(argv[3]);
        }
    }

    zero_file(argv[1]);

    bare_run(threads, atof(argv[7]), put);

    return 0;
}
