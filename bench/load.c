/*
 * The load generator of the benchmarks: a few keep-alive connections that
 * replay requests which were built (and signed) beforehand, so that the client
 * costs little and both sides of a comparison meet the same one. Every answer
 * is checked: its status and the full length of its body.
 *
 *   load -p PORT [-c CONNECTIONS] [-t SECONDS] [-n REQUESTS] [-o FIRST]
 *        [-b BODY] [-1] REQUESTS
 *
 * REQUESTS is a file of entries { u32 length of head, u32 status, u64 bytes of
 * body to send, i64 length of the answer's body or -1 } (little-endian), each
 * followed by the head. Bodies are the beginning of the file BODY. -1 stops
 * after the last request instead of beginning again. Requests under way at the
 * end are waited for.
 *
 * Prints one line of name=value. Exit status 1 when an answer was wrong.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>


#define HEAD_MAX    16384
#define STALL       60                /* seconds without any answer */


typedef struct {
    uint32_t        len;
    uint32_t        status;
    uint64_t        body;
    int64_t         expect;
    const char     *head;
} req_t;

typedef struct {
    int             fd;
    const req_t    *req;              /* under way, or NULL */
    uint64_t        sent;             /* of head and body */
    uint64_t        started;
    size_t          in;               /* bytes in buf */
    int64_t         left;             /* of the answer's body; -1: in the head */
    uint32_t        status;
    int             close;
    char            buf[HEAD_MAX + 1];
} conn_t;


static req_t       *reqs;
static size_t       nreqs;
static size_t       next_req;
static size_t       started;          /* requests begun */
static size_t       limit = SIZE_MAX;
static int          once;
static int          stopping;
static const char  *body;
static size_t       body_len;
static int          port;
static int          ep;

static size_t       done, wrong, inflight;
static uint64_t     bytes_in, bytes_out, last_done;
static uint32_t    *laten;            /* microseconds of each answer */
static size_t       laten_max;


static void
die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}


static uint64_t
now_ns(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}


static const char *
map_file(const char *name, size_t *len)
{
    int          fd;
    void        *p;
    struct stat  st;

    fd = open(name, O_RDONLY);
    if (fd < 0 || fstat(fd, &st) != 0) {
        die(name);
    }

    *len = st.st_size;

    p = mmap(NULL, *len, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (p == MAP_FAILED) {
        die(name);
    }

    close(fd);

    return p;
}


static void
read_requests(const char *name)
{
    size_t       len, at, max;
    const char  *p;

    p = map_file(name, &len);
    max = 0;

    for (at = 0; at + 24 <= len; nreqs++) {
        if (nreqs == max) {
            max = max ? 2 * max : 1024;
            reqs = realloc(reqs, max * sizeof(req_t));
            if (reqs == NULL) {
                die("memory");
            }
        }

        memcpy(&reqs[nreqs].len, p + at, 4);
        memcpy(&reqs[nreqs].status, p + at + 4, 4);
        memcpy(&reqs[nreqs].body, p + at + 8, 8);
        memcpy(&reqs[nreqs].expect, p + at + 16, 8);
        reqs[nreqs].head = p + at + 24;
        at += 24 + reqs[nreqs].len;

        if (at > len || reqs[nreqs].body > body_len) {
            errno = EINVAL;
            die(name);
        }
    }

    if (nreqs == 0) {
        errno = ENODATA;
        die(name);
    }
}


static void
complain(conn_t *c, const char *what)
{
    if (wrong++ == 0) {
        c->buf[c->in] = '\0';
        fprintf(stderr, "load: %s\nrequest: %.*s\nanswer: %.800s\n", what,
                c->req ? (int) c->req->len : 0, c->req ? c->req->head : "",
                c->buf);
    }
}


static void
dial(conn_t *c)
{
    int                 one = 1;
    struct sockaddr_in  sin;
    struct epoll_event  ev;

    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0) {
        die("socket");
    }

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons(port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    if (connect(c->fd, (struct sockaddr *) &sin, sizeof(sin)) != 0) {
        die("connect");
    }

    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    fcntl(c->fd, F_SETFL, O_NONBLOCK);

    ev.events = EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP;
    ev.data.ptr = c;

    if (epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev) != 0) {
        die("epoll_ctl");
    }
}


static void
redial(conn_t *c)
{
    close(c->fd);
    dial(c);
}


/* Sends what is left of the request. */
static void
push(conn_t *c)
{
    ssize_t        n;
    uint64_t       total, at;
    struct iovec   iov[2];
    struct msghdr  msg;
    const req_t   *r = c->req;

    total = r->len + r->body;

    while (c->sent < total) {
        memset(&msg, 0, sizeof(msg));
        msg.msg_iov = iov;

        if (c->sent < r->len) {
            iov[0].iov_base = (char *) r->head + c->sent;
            iov[0].iov_len = r->len - c->sent;
            iov[1].iov_base = (char *) body;
            iov[1].iov_len = r->body;
            msg.msg_iovlen = r->body ? 2 : 1;

        } else {
            at = c->sent - r->len;
            iov[0].iov_base = (char *) body + at;
            iov[0].iov_len = r->body - at;
            msg.msg_iovlen = 1;
        }

        n = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
        if (n < 0) {
            /* an error that matters shows when the answer is read */
            return;
        }

        c->sent += n;
        bytes_out += n;
    }
}


static void
begin(conn_t *c)
{
    c->req = NULL;

    if (stopping || started == limit) {
        return;
    }

    if (next_req == nreqs) {
        if (once) {
            return;
        }

        next_req = 0;
    }

    c->req = &reqs[next_req++];
    started++;
    inflight++;
    c->sent = 0;
    c->in = 0;
    c->left = -1;
    c->close = 0;
    c->started = now_ns();

    push(c);
}


static void
finish(conn_t *c)
{
    last_done = now_ns();
    inflight--;

    if (done == laten_max) {
        laten_max = laten_max ? 2 * laten_max : 65536;
        laten = realloc(laten, laten_max * sizeof(uint32_t));
        if (laten == NULL) {
            die("memory");
        }
    }

    laten[done++] = (last_done - c->started) / 1000;

    if (c->close || c->sent < c->req->len + c->req->body) {
        redial(c);
    }

    begin(c);
}


/* Reads an answer's head out of buf: 0 when there is more to come. */
static int
head(conn_t *c)
{
    char     *end, *line;
    int64_t   length;

    c->buf[c->in] = '\0';

    end = memmem(c->buf, c->in, "\r\n\r\n", 4);
    if (end == NULL) {
        if (c->in == HEAD_MAX) {
            complain(c, "a head too long");
            exit(1);
        }
        return 0;
    }

    c->status = strtoul(c->buf + 9, NULL, 10);
    length = -1;

    for (line = c->buf; line < end; line += 2) {
        line = memchr(line, '\r', end + 1 - line);
        if (line == NULL || line >= end) {
            break;
        }

        if ((line[2] | 32) != 'c' || (line[3] | 32) != 'o') {
            continue;
        }

        if (strncasecmp(line + 2, "content-length:", 15) == 0) {
            length = strtoll(line + 17, NULL, 10);

        } else if (strncasecmp(line + 2, "connection: close", 17) == 0) {
            c->close = 1;
        }
    }

    if (c->status == 204 || c->status == 304 || c->req->head[0] == 'H') {
        length = 0;
    }

    if (length < 0) {
        complain(c, "no length");
        exit(1);
    }

    if (c->status != c->req->status) {
        complain(c, "another status");

    } else if (c->req->expect >= 0 && length != c->req->expect) {
        complain(c, "another length");
    }

    bytes_in += length;
    c->left = length - (int64_t) (c->buf + c->in - end - 4);

    if (c->left < 0) {
        complain(c, "bytes after the answer");
        exit(1);
    }

    return 1;
}


static void
event(conn_t *c, uint32_t events)
{
    ssize_t  n;

    if (c->req && (events & EPOLLOUT)
        && c->sent < c->req->len + c->req->body)
    {
        push(c);
    }

    while (c->req) {

        if (c->left < 0) {
            n = recv(c->fd, c->buf + c->in, HEAD_MAX - c->in, 0);

        } else {
            /* the kernel throws them away: no copy */
            n = recv(c->fd, NULL, c->left, MSG_TRUNC);
        }

        if (n < 0 && errno == EAGAIN) {
            return;
        }

        if (n <= 0) {
            complain(c, "the connection was closed");
            exit(1);
        }

        if (c->left < 0) {
            c->in += n;

            if (!head(c)) {
                continue;
            }

        } else {
            c->left -= n;
        }

        if (c->left == 0) {
            finish(c);
            return;                   /* the next answer is another edge */
        }
    }
}


static int
by_value(const void *a, const void *b)
{
    uint32_t  x = *(const uint32_t *) a, y = *(const uint32_t *) b;

    return (x > y) - (x < y);
}


static void
report(uint64_t start)
{
    double         wall, cpu;
    struct rusage  ru;

    getrusage(RUSAGE_SELF, &ru);

    wall = (last_done - start) / 1e9;
    cpu = ru.ru_utime.tv_sec + ru.ru_stime.tv_sec
          + (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;

    qsort(laten, done, sizeof(uint32_t), by_value);

    printf("requests=%zu wrong=%zu seconds=%.6f rate=%.2f in=%llu out=%llu "
           "p50=%u p99=%u cpu=%.4f next=%zu\n",
           done, wrong, wall, done / wall, (unsigned long long) bytes_in,
           (unsigned long long) bytes_out, laten[done / 2],
           laten[done - 1 - done / 100], cpu, next_req);
}


int
main(int argc, char **argv)
{
    int                  i, n, opt, conns;
    double               seconds;
    conn_t              *c;
    uint64_t             start, until;
    const char          *body_file;
    struct epoll_event   ev[64];

    conns = 16;
    seconds = 0;
    body_file = NULL;

    while ((opt = getopt(argc, argv, "p:c:t:n:o:b:1")) != -1) {
        switch (opt) {
        case 'p': port = atoi(optarg); break;
        case 'c': conns = atoi(optarg); break;
        case 't': seconds = atof(optarg); break;
        case 'n': limit = strtoull(optarg, NULL, 10); break;
        case 'o': next_req = strtoull(optarg, NULL, 10); break;
        case 'b': body_file = optarg; break;
        case '1': once = 1; break;
        default: return 2;
        }
    }

    if (optind + 1 != argc || port == 0 || conns < 1) {
        fprintf(stderr, "usage: load -p PORT [-c CONNECTIONS] [-t SECONDS]"
                " [-n REQUESTS] [-o FIRST] [-b BODY] [-1] REQUESTS\n");
        return 2;
    }

    if (body_file) {
        body = map_file(body_file, &body_len);
    }

    read_requests(argv[optind]);

    if (once ? next_req >= nreqs : 0) {
        fprintf(stderr, "load: there is no request %zu\n", next_req);
        return 1;
    }

    next_req %= nreqs;
    ep = epoll_create1(0);
    c = calloc(conns, sizeof(conn_t));

    if (ep < 0 || c == NULL) {
        die("start");
    }

    for (i = 0; i < conns; i++) {
        dial(&c[i]);
    }

    start = now_ns();
    last_done = start;
    until = seconds > 0 ? start + (uint64_t) (seconds * 1e9) : UINT64_MAX;

    for (i = 0; i < conns; i++) {
        begin(&c[i]);
    }

    while (inflight) {
        n = epoll_wait(ep, ev, 64, 1000);

        for (i = 0; i < n; i++) {
            event(ev[i].data.ptr, ev[i].events);
        }

        if (last_done > until || (n <= 0 && now_ns() > until)) {
            stopping = 1;
        }

        if (n == 0 && now_ns() - last_done > STALL * 1000000000ULL) {
            fprintf(stderr, "load: no answer in %d s\n", STALL);
            return 1;
        }
    }

    if (done == 0) {
        fprintf(stderr, "load: nothing was answered\n");
        return 1;
    }

    report(start);

    return wrong ? 1 : 0;
}
