/*
 * cosctl: an HTTP client for signed requests, as small as they need it: plain
 * HTTP, kept connections, answers with a Content-Length.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "ctl_http.h"


#define TIMEOUT   60                  /* s */
#define HEAD_MAX  16384
#define BODY_MAX  (64 * 1024 * 1024)

static int sign(ctl_http_t *h, const ctl_request_t *r, cos_buf_t *b);
static int exchange(ctl_http_t *h, cos_buf_t *head, const ctl_request_t *r,
    cos_str_t *out, cos_alloc_t *a, int *stale);


int
ctl_http_init(ctl_http_t *h, const ctl_t *c)
{
    size_t       len, name;
    const char  *p, *colon;

    memset(h, 0, sizeof(*h));
    h->ctl = c;
    h->fd = -1;

    if (c->endpoint == NULL || c->access_key == NULL || c->secret_key == NULL
        || c->bucket == NULL)
    {
        return ctl_fail("needs --bucket, --endpoint (or COS_ENDPOINT) and "
                        "COS_ACCESS_KEY, COS_SECRET_KEY; --env gives all but "
                        "the first");
    }

    if (strncmp(c->endpoint, "http://", 7) != 0) {
        return ctl_fail("the endpoint \"%s\" must begin with http://",
                        c->endpoint);
    }

    p = c->endpoint + 7;
    len = strcspn(p, "/");
    colon = memrchr(p, ':', len);

    if (colon != NULL && memchr(colon, ']', len - (size_t) (colon - p))) {
        colon = NULL;
    }

    name = colon ? (size_t) (colon - p) : len;

    if (len == 0 || len >= sizeof(h->host) || name >= sizeof(h->name)
        || (colon && len - name - 1 >= sizeof(h->port)))
    {
        return ctl_fail("the endpoint \"%s\" is no URL", c->endpoint);
    }

    memcpy(h->host, p, len);
    memcpy(h->port, "80", 3);

    if (colon) {
        memcpy(h->port, colon + 1, len - name - 1);
        h->port[len - name - 1] = '\0';
    }

    if (name > 1 && p[0] == '[') {
        p++;
        name -= 2;
    }

    memcpy(h->name, p, name);

    return CTL_OK;
}


void
ctl_http_close(ctl_http_t *h)
{
    if (h->fd != -1) {
        (void) close(h->fd);
        h->fd = -1;
    }
}


static int
dial(ctl_http_t *h)
{
    int               rc;
    struct timeval    tv = { TIMEOUT, 0 };
    struct addrinfo   hints, *list, *ai;

    memset(&hints, 0, sizeof(hints));
    hints.ai_socktype = SOCK_STREAM;

    rc = getaddrinfo(h->name, h->port, &hints, &list);
    if (rc != 0) {
        return ctl_fail("%s: %s", h->name, gai_strerror(rc));
    }

    for (ai = list; ai != NULL && h->fd == -1; ai = ai->ai_next) {
        h->fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC, 0);
        if (h->fd == -1) {
            continue;
        }

        (void) setsockopt(h->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
        (void) setsockopt(h->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));

        if (connect(h->fd, ai->ai_addr, ai->ai_addrlen) != 0) {
            rc = errno;
            ctl_http_close(h);
            errno = rc;
        }
    }

    freeaddrinfo(list);

    return h->fd != -1 ? CTL_OK : ctl_fail("cannot connect to %s: %s",
                                           h->host, strerror(errno));
}


/* --- signing ---------------------------------------------------------------- */

static int
hmac(cos_u8 key[32], size_t len, const char *text, size_t n)
{
    return cos_hmac(COS_SHA256, key, len, text, n, key);
}


/* The request's head, signed. */
static int
sign(ctl_http_t *h, const ctl_request_t *r, cos_buf_t *b)
{
    char         date[20], hash[65], canon_hash[65], *canon, *text;
    cos_u8       md[32], key[64 + 256];
    int          n, rc;
    size_t       len;
    time_t       now;
    struct tm    tm;
    const char  *region = h->ctl->region ? h->ctl->region : "us-east-1";
    const char  *names = r->acl
        ? "host;x-amz-acl;x-amz-content-sha256;x-amz-date"
        : "host;x-amz-content-sha256;x-amz-date";

    now = time(NULL);
    gmtime_r(&now, &tm);
    strftime(date, sizeof(date), "%Y%m%dT%H%M%SZ", &tm);

    if (cos_md_once(COS_SHA256, r->len ? r->body : "", r->len, md) != 0) {
        return -1;
    }

    cos_hex(hash, md, 32);
    hash[64] = '\0';
    canon = text = NULL;

    n = asprintf(&canon, "%s\n%.*s\n%s\nhost:%s\n%s%s%s"
                 "x-amz-content-sha256:%s\nx-amz-date:%s\n\n%s\n%s", r->method,
                 (int) r->path.len, r->path.data, r->query, h->host,
                 r->acl ? "x-amz-acl:" : "", r->acl ? r->acl : "",
                 r->acl ? "\n" : "", hash, date, names, hash);

    if (n < 0 || cos_md_once(COS_SHA256, canon, (size_t) n, md) != 0) {
        free(canon);
        return -1;
    }

    free(canon);
    cos_hex(canon_hash, md, 32);
    canon_hash[64] = '\0';

    n = asprintf(&text, "AWS4-HMAC-SHA256\n%s\n%.8s/%s/s3/aws4_request\n%s",
                 date, date, region, canon_hash);
    len = strlen(h->ctl->secret_key);

    if (n < 0 || len > 256) {
        free(n < 0 ? NULL : text);
        return -1;
    }

    memcpy(key, "AWS4", 4);
    memcpy(key + 4, h->ctl->secret_key, len);

    rc = hmac(key, len + 4, date, 8) | hmac(key, 32, region, strlen(region))
         | hmac(key, 32, "s3", 2) | hmac(key, 32, "aws4_request", 12)
         | hmac(key, 32, text, (size_t) n);

    free(text);
    cos_hex(canon_hash, key, 32);
    cos_cleanse(key, sizeof(key));

    if (rc != 0) {
        return -1;
    }

    cos_buf_cstr(b, r->method);
    cos_buf_char(b, ' ');
    cos_buf_str(b, r->path);

    if (*r->query) {
        cos_buf_char(b, '?');
        cos_buf_cstr(b, r->query);
    }

    cos_buf_lit(b, " HTTP/1.1\r\nHost: ");
    cos_buf_cstr(b, h->host);
    cos_buf_lit(b, "\r\nAuthorization: AWS4-HMAC-SHA256 Credential=");
    cos_buf_cstr(b, h->ctl->access_key);
    cos_buf_char(b, '/');
    cos_buf_add(b, date, 8);
    cos_buf_char(b, '/');
    cos_buf_cstr(b, region);
    cos_buf_lit(b, "/s3/aws4_request, SignedHeaders=");
    cos_buf_cstr(b, names);
    cos_buf_lit(b, ", Signature=");
    cos_buf_add(b, canon_hash, 64);
    cos_buf_lit(b, "\r\nx-amz-content-sha256: ");
    cos_buf_cstr(b, hash);
    cos_buf_lit(b, "\r\nx-amz-date: ");
    cos_buf_cstr(b, date);
    cos_buf_lit(b, "\r\n");

    return 0;
}


static void
header(cos_buf_t *b, const char *name, const char *value)
{
    if (value) {
        cos_buf_cstr(b, name);
        cos_buf_lit(b, ": ");
        cos_buf_cstr(b, value);
        cos_buf_lit(b, "\r\n");
    }
}


/* --- the exchange ------------------------------------------------------------- */

static int
send_all(int fd, const void *p, size_t n)
{
    ssize_t        sent;
    const cos_u8  *at = p;

    while (n > 0) {
        sent = send(fd, at, n, MSG_NOSIGNAL);

        if (sent == -1 && errno == EINTR) {
            continue;
        }

        if (sent <= 0) {
            return -1;
        }

        at += sent;
        n -= (size_t) sent;
    }

    return 0;
}


/* The value of a header in the head of an answer; NULL: not there. */
static const char *
find(const char *head, const char *name)
{
    size_t       n = strlen(name);
    const char  *p;

    for (p = strchr(head, '\n'); p != NULL; p = strchr(p, '\n')) {
        p++;

        if (strncasecmp(p, name, n) == 0 && p[n] == ':') {
            p += n + 1;
            return p + strspn(p, " ");
        }
    }

    return NULL;
}


static int
broken(ctl_http_t *h, const char *what)
{
    ctl_http_close(h);

    ctl_error("%s: %s", h->host, what);

    return -1;
}


static int
exchange(ctl_http_t *h, cos_buf_t *b, const ctl_request_t *r, cos_str_t *out,
    cos_alloc_t *a, int *stale)
{
    char         head[HEAD_MAX + 1], *end;
    size_t       have, rest;
    ssize_t      n;
    uint64_t     want;
    cos_str_t    digits;
    const char  *v;

    *stale = 0;

    if (send_all(h->fd, b->data, b->len) != 0
        || send_all(h->fd, r->body, r->len) != 0)
    {
        *stale = 1;
        return -1;
    }

    have = 0;
    end = NULL;

    while (end == NULL) {
        n = have < HEAD_MAX ? recv(h->fd, head + have, HEAD_MAX - have, 0) : 0;

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n <= 0) {
            *stale = (have == 0 && (n == 0 || errno == ECONNRESET));
            return -1;
        }

        have += (size_t) n;
        head[have] = '\0';
        end = strstr(head, "\r\n\r\n");
    }

    end[2] = '\0';
    rest = have - (size_t) (end + 4 - head);

    if (strncmp(head, "HTTP/1.1 ", 9) != 0) {
        return -1;
    }

    want = 0;
    v = find(head, "Content-Length");

    if (v) {
        digits.data = (cos_u8 *) v;
        digits.len = strspn(v, "0123456789");

        if (cos_str_uint(digits, &want) != 0 || want > BODY_MAX) {
            return -1;
        }

    } else if (find(head, "Transfer-Encoding")) {
        return -1;
    }

    out->len = want;
    out->data = cos_alloc(a, want + 1);

    if (out->data == NULL || rest > want) {
        return -1;
    }

    memcpy(out->data, end + 4, rest);

    while (rest < want) {
        n = recv(h->fd, out->data + rest, want - rest, 0);

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n <= 0) {
            return -1;
        }

        rest += (size_t) n;
    }

    out->data[want] = '\0';
    v = find(head, "Connection");

    if (v && strncasecmp(v, "close", 5) == 0) {
        ctl_http_close(h);
    }

    return atoi(head + 9);
}


int
ctl_http(ctl_http_t *h, const ctl_request_t *r, cos_str_t *out,
    cos_alloc_t *a)
{
    int        kept, stale, status;
    cos_buf_t  b;

    for ( ;; ) {
        kept = h->fd != -1;

        if (!kept && dial(h) != CTL_OK) {
            return -1;
        }

        cos_buf_init(&b, a, 1024);

        if (sign(h, r, &b) != 0) {
            return broken(h, "cannot sign");
        }

        header(&b, "Content-Type", r->type);
        header(&b, "Cache-Control", r->cache);
        header(&b, "x-amz-acl", r->acl);
        cos_buf_lit(&b, "Content-Length: ");
        cos_buf_uint(&b, r->len);
        cos_buf_lit(&b, "\r\n\r\n");

        if (b.err) {
            return broken(h, "out of memory");
        }

        status = exchange(h, &b, r, out, a, &stale);

        if (status > 0) {
            return status;
        }

        ctl_http_close(h);

        if (!kept || !stale) {
            return broken(h, "no answer");
        }
    }
}
