/*
 * cosctl site: releases of a website. Each is a folder of the bucket,
 * ".site/<release>/"; the KeyPrefix of the website configuration says which one
 * is shown, so that one request changes all pages, there and back.
 *
 * A deployment that fails before that request has changed nothing that anybody
 * sees, and takes with it what it had uploaded.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ctl_http.h"


#define ROOT     ".site/"
#define THREADS  8

typedef struct {
    char    *path;                    /* in the file system */
    char    *name;                    /* in the site */
    int      packed;                  /* compressed: after what it is of */
} file_t;

typedef struct {
    ctl_t            *ctl;
    const char       *prefix;
    file_t           *files;
    size_t            n, next, end;   /* of this round */
    int               failed;
    pthread_mutex_t   lock;
} deploy_t;

/* nftw() has no argument for its function */
static struct {
    file_t  *v;
    size_t   n, cap, skip;
    int      failed;
} found;

static int switch_to(ctl_t *c, ctl_http_t *h, const char *release,
    deploy_t *d);


/* --- requests --------------------------------------------------------------- */

static int
key_path(ctl_t *c, cos_buf_t *b, cos_alloc_t *a, const char *prefix,
    const char *name)
{
    cos_str_t  s;

    cos_buf_init(b, a, 256);
    cos_buf_char(b, '/');
    cos_buf_cstr(b, c->bucket);
    cos_buf_char(b, '/');

    s.data = (cos_u8 *) prefix;
    s.len = strlen(prefix);
    cos_pct_encode(b, s, COS_ENC_SLASH);

    s.data = (cos_u8 *) name;
    s.len = strlen(name);
    cos_pct_encode(b, s, COS_ENC_SLASH);

    return b->err ? ctl_fail("out of memory") : CTL_OK;
}


/* A request to the bucket itself. */
static int
ask(ctl_t *c, ctl_http_t *h, const char *method, const char *query,
    const char *body, cos_str_t *out)
{
    cos_buf_t      b;
    ctl_request_t  r;

    memset(&r, 0, sizeof(r));
    r.method = method;
    r.query = query;
    r.body = body;
    r.len = strlen(body);

    cos_buf_init(&b, ctl_alloc(c), 256);
    cos_buf_char(&b, '/');
    cos_buf_cstr(&b, c->bucket);

    if (b.err) {
        ctl_error("out of memory");
        return -1;
    }

    r.path.data = b.data;
    r.path.len = b.len;

    return ctl_http(h, &r, out, ctl_alloc(c));
}


static int
refused(const char *what, int status, cos_str_t body)
{
    return status < 0 ? CTL_FAILED
                      : ctl_fail("%s: %d %.*s", what, status, (int) body.len,
                                 (char *) body.data);
}


/* The next element of that name from *at on, within end; NULL: none. */
static char *
element(ctl_t *c, char **at, const char *name)
{
    char       open[40], close[40], *p, *q;
    cos_str_t  s;

    snprintf(open, sizeof(open), "<%s>", name);
    snprintf(close, sizeof(close), "</%s>", name);

    p = strstr(*at, open);
    q = p ? strstr(p, close) : NULL;

    if (q == NULL) {
        return NULL;
    }

    p += strlen(open);
    *at = q + strlen(close);

    if (cos_dup(ctl_alloc(c), &s, p, (size_t) (q - p)) != 0) {
        return NULL;
    }

    return (char *) s.data;
}


/* --- files ------------------------------------------------------------------- */

static int
has_end(const char *s, const char *end)
{
    size_t  n = strlen(s), m = strlen(end);

    return n > m && strcasecmp(s + n - m, end) == 0;
}


/* What is hidden is not for the web, but for ".well-known". */
static int
visit(const char *path, const struct stat *sb, int type, struct FTW *at)
{
    file_t      *f;
    const char  *base = path + at->base;

    (void) sb;

    if (at->level > 0 && base[0] == '.' && strcmp(base, ".well-known") != 0) {
        return type == FTW_D ? FTW_SKIP_SUBTREE : FTW_CONTINUE;
    }

    if (type == FTW_DNR || type == FTW_NS) {
        found.failed = 1;
        (void) ctl_fail("cannot read \"%s\"", path);
        return FTW_STOP;
    }

    if (type != FTW_F) {
        return FTW_CONTINUE;
    }

    if (found.n == found.cap) {
        found.cap = found.cap ? 2 * found.cap : 64;
        f = realloc(found.v, found.cap * sizeof(file_t));

        if (f == NULL) {
            found.failed = 1;
            return FTW_STOP;
        }

        found.v = f;
    }

    f = &found.v[found.n];
    f->path = strdup(path);

    if (f->path == NULL) {
        found.failed = 1;
        return FTW_STOP;
    }

    f->name = f->path + found.skip;
    f->packed = has_end(path, ".gz") || has_end(path, ".br")
                || has_end(path, ".zst");
    found.n++;

    return FTW_CONTINUE;
}


static int
by_round(const void *a, const void *b)
{
    const file_t  *x = a, *y = b;

    return x->packed != y->packed ? x->packed - y->packed
                                  : strcmp(x->name, y->name);
}


static const char *
type_of(const char *name)
{
    size_t  i;

    static const struct { const char *end, *type; } types[] = {
        { ".html", "text/html; charset=utf-8" },
        { ".htm", "text/html; charset=utf-8" },
        { ".css", "text/css; charset=utf-8" },
        { ".js", "text/javascript; charset=utf-8" },
        { ".mjs", "text/javascript; charset=utf-8" },
        { ".json", "application/json" }, { ".map", "application/json" },
        { ".webmanifest", "application/manifest+json" },
        { ".xml", "application/xml" }, { ".txt", "text/plain; charset=utf-8" },
        { ".md", "text/markdown; charset=utf-8" }, { ".csv", "text/csv" },
        { ".svg", "image/svg+xml" }, { ".png", "image/png" },
        { ".jpg", "image/jpeg" }, { ".jpeg", "image/jpeg" },
        { ".gif", "image/gif" }, { ".webp", "image/webp" },
        { ".avif", "image/avif" }, { ".ico", "image/x-icon" },
        { ".woff2", "font/woff2" }, { ".woff", "font/woff" },
        { ".ttf", "font/ttf" }, { ".otf", "font/otf" },
        { ".wasm", "application/wasm" }, { ".pdf", "application/pdf" },
        { ".mp4", "video/mp4" }, { ".webm", "video/webm" },
        { ".mp3", "audio/mpeg" }, { ".zip", "application/zip" },
        { ".gz", "application/gzip" },
    };

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (has_end(name, types[i].end)) {
            return types[i].type;
        }
    }

    return "application/octet-stream";
}


/* Bundlers put a hash of the content into a name: then it never changes. */
static const char *
cache_of(const char *name)
{
    size_t       n, digits;
    const char  *p;

    p = strrchr(name, '/');

    for (p = p ? p + 1 : name; *p; p += n + (p[n] != '\0')) {
        n = strcspn(p, ".-_");
        digits = strcspn(p, "0123456789");

        if (n >= 8 && p[n] != '\0' && digits < n
            && strspn(p, "0123456789abcdefghijklmnopqrstuvwxyz"
                         "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == n)
        {
            return "public, max-age=31536000, immutable";
        }
    }

    return "no-cache";
}


/* --- uploading ---------------------------------------------------------------- */

static int
upload(deploy_t *d, ctl_http_t *h, const file_t *f, cos_alloc_t *a)
{
    int            fd, status;
    void          *map;
    cos_buf_t      b;
    cos_str_t      out;
    struct stat    sb;
    ctl_request_t  r;

    fd = open(f->path, O_RDONLY|O_CLOEXEC);

    if (fd == -1 || fstat(fd, &sb) != 0) {
        status = errno;

        if (fd != -1) {
            (void) close(fd);
        }

        return ctl_fail("cannot open \"%s\": %s", f->path, strerror(status));
    }

    map = NULL;

    if (sb.st_size > 0) {
        map = mmap(NULL, (size_t) sb.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    }

    (void) close(fd);

    if (map == MAP_FAILED) {
        return ctl_fail("cannot read \"%s\": %s", f->path, strerror(errno));
    }

    memset(&r, 0, sizeof(r));
    r.method = "PUT";
    r.query = "";
    r.type = type_of(f->name);
    r.cache = cache_of(f->name);
    r.acl = "public-read";
    r.body = map;
    r.len = (size_t) sb.st_size;
    status = -1;

    if (key_path(d->ctl, &b, a, d->prefix, f->name) == CTL_OK) {
        r.path.data = b.data;
        r.path.len = b.len;
        status = ctl_http(h, &r, &out, a);
    }

    if (map) {
        (void) munmap(map, (size_t) sb.st_size);
    }

    return status == 200 ? CTL_OK : refused(f->name, status, out);
}


static void *
worker(void *data)
{
    int           rc;
    size_t        i;
    deploy_t     *d = data;
    ctl_http_t    h;
    cos_arena_t  *arena;

    rc = ctl_http_init(&h, d->ctl);

    for ( ;; ) {
        pthread_mutex_lock(&d->lock);
        d->failed |= (rc != CTL_OK) || ctl_stop;
        i = d->failed ? d->end : d->next;
        d->next += i < d->end;
        pthread_mutex_unlock(&d->lock);

        if (i >= d->end) {
            break;
        }

        arena = cos_arena_create();
        rc = arena ? upload(d, &h, &d->files[i], cos_arena_alloc(arena))
                   : ctl_fail("out of memory");
        cos_arena_free(arena);
    }

    ctl_http_close(&h);

    return NULL;
}


/* Files from next to end, at once. */
static int
upload_round(deploy_t *d)
{
    int        n;
    pthread_t  threads[THREADS];

    for (n = 0; n < THREADS; n++) {
        if (pthread_create(&threads[n], NULL, worker, d) != 0) {
            break;
        }
    }

    if (n == 0) {
        return ctl_fail("cannot start a thread");
    }

    while (n > 0) {
        (void) pthread_join(threads[--n], NULL);
    }

    return d->failed ? CTL_FAILED : CTL_OK;
}


/* --- releases ------------------------------------------------------------------ */

/* Names of the releases there are, oldest first; *n of them. */
static int
releases(ctl_t *c, ctl_http_t *h, char ***list, size_t *n)
{
    int          status;
    char        *p, *name, *slash, query[2048];
    char       **v;
    size_t       cap;
    cos_str_t    out;
    const char  *token;

    *n = 0;
    *list = NULL;
    cap = 0;
    token = "";

    do {
        snprintf(query, sizeof(query), "%s%s%sdelimiter=%%2F&list-type=2"
                 "&prefix=.site%%2F", *token ? "continuation-token=" : "",
                 token, *token ? "&" : "");
        status = ask(c, h, "GET", query, "", &out);

        if (status != 200) {
            return refused("listing releases", status, out);
        }

        p = (char *) out.data;

        while ((p = strstr(p, "<CommonPrefixes>")) != NULL) {
            name = element(c, &p, "Prefix");

            if (name == NULL) {
                break;
            }

            name += strncmp(name, ROOT, sizeof(ROOT) - 1) == 0
                    ? sizeof(ROOT) - 1 : 0;
            slash = strchr(name, '/');

            if (slash) {
                *slash = '\0';
            }

            if (*n == cap) {
                cap = cap ? 2 * cap : 16;
                v = realloc(*list, cap * sizeof(char *));
                if (v == NULL) {
                    return ctl_fail("out of memory");
                }
                *list = v;
            }

            (*list)[(*n)++] = name;
        }

        p = (char *) out.data;
        token = element(c, &p, "NextContinuationToken");

        if (token) {
            cos_buf_t  b;
            cos_str_t  s = { strlen(token), (cos_u8 *) token };

            cos_buf_init(&b, ctl_alloc(c), 256);
            cos_pct_encode(&b, s, 0);
            cos_buf_char(&b, '\0');
            token = b.err ? NULL : (char *) b.data;
        }

    } while (token && !ctl_stop);

    return CTL_OK;
}


/* The release that is shown, "" for none; *site: there is a configuration. */
static int
current(ctl_t *c, ctl_http_t *h, const char **release, int *site)
{
    int         status;
    char       *p, *name, *slash;
    cos_str_t   out;

    *release = "";
    *site = 0;
    status = ask(c, h, "GET", "website=", "", &out);

    if (status == 404
        && strstr((char *) out.data, "NoSuchWebsiteConfiguration"))
    {
        return CTL_OK;
    }

    if (status != 200) {
        return refused("reading the website configuration", status, out);
    }

    *site = 1;
    p = (char *) out.data;
    name = element(c, &p, "KeyPrefix");

    if (name && strncmp(name, ROOT, sizeof(ROOT) - 1) == 0) {
        name += sizeof(ROOT) - 1;
        slash = strchr(name, '/');

        if (slash) {
            *slash = '\0';
        }

        *release = name;
    }

    return CTL_OK;
}


/* d: of a deployment, which may make the configuration; else NULL. */
static int
switch_to(ctl_t *c, ctl_http_t *h, const char *release, deploy_t *d)
{
    int          status, site;
    char         body[1024];
    size_t       i;
    cos_str_t    out;
    const char  *was, *error;

    if (current(c, h, &was, &site) != CTL_OK) {
        return CTL_FAILED;
    }

    error = "";

    for (i = 0; d != NULL && i < d->n; i++) {
        if (strcmp(d->files[i].name, "404.html") == 0) {
            error = "<ErrorDocument><Key>404.html</Key></ErrorDocument>";
        }
    }

    snprintf(body, sizeof(body), "<WebsiteConfiguration>%s%s<KeyPrefix>" ROOT
             "%s/</KeyPrefix></WebsiteConfiguration>",
             site ? "" : "<IndexDocument><Suffix>index.html</Suffix>"
                         "</IndexDocument>", site ? "" : error, release);

    status = ask(c, h, "PUT", "website=", body, &out);

    return status == 200 ? CTL_OK
                         : refused("switching the website", status, out);
}


/* Deletes a release that nobody is shown. */
static int
drop(ctl_t *c, ctl_http_t *h, const char *release)
{
    int             status;
    char           *p, *key, query[512];
    ptrdiff_t       n;
    cos_buf_t       b;
    cos_str_t       out, gone, s;
    ctl_request_t   r;

    snprintf(query, sizeof(query), "encoding-type=url&list-type=2&prefix="
             ".site%%2F%s%%2F", release);

    do {
        status = ask(c, h, "GET", query, "", &out);

        if (status != 200) {
            return refused("listing a release", status, out);
        }

        for (p = (char *) out.data; (key = element(c, &p, "Key")) != NULL; ) {
            s.data = (cos_u8 *) key;
            s.len = strlen(key);
            n = cos_pct_decode(s.data, s, 1);

            if (n < 0) {
                return ctl_fail("a listing cannot be read");
            }

            key[n] = '\0';
            memset(&r, 0, sizeof(r));
            r.method = "DELETE";
            r.query = "";

            if (key_path(c, &b, ctl_alloc(c), "", key) != CTL_OK) {
                return CTL_FAILED;
            }

            r.path.data = b.data;
            r.path.len = b.len;
            status = ctl_http(h, &r, &gone, ctl_alloc(c));

            if (status != 204) {
                return refused(key, status, gone);
            }
        }

    } while (strstr((char *) out.data, "<IsTruncated>true<") && !ctl_stop);

    return CTL_OK;
}


/* Of the releases before the one shown, keep - 1 stay. */
static int
prune(ctl_t *c, ctl_http_t *h, const char *shown)
{
    int      rc;
    char   **list;
    size_t   i, n, older;

    if (releases(c, h, &list, &n) != CTL_OK) {
        return CTL_FAILED;
    }

    for (i = 0, older = 0; i < n; i++) {
        older += strcmp(list[i], shown) < 0;
    }

    rc = CTL_OK;

    for (i = 0; i < n && rc == CTL_OK && older + 1 > (size_t) c->keep; i++) {
        if (strcmp(list[i], shown) < 0) {
            rc = drop(c, h, list[i]);
            older--;
        }
    }

    free(list);

    return rc;
}


/* --- verbs ----------------------------------------------------------------------- */

static int
collect(const char *dir)
{
    memset(&found, 0, sizeof(found));
    found.skip = strlen(dir) + 1;

    if (nftw(dir, visit, 32, FTW_PHYS|FTW_ACTIONRETVAL) == -1) {
        return ctl_fail("cannot read \"%s\": %s", dir, strerror(errno));
    }

    if (found.failed) {
        return CTL_FAILED;
    }

    if (found.n == 0) {
        return ctl_fail("there are no files in \"%s\"", dir);
    }

    qsort(found.v, found.n, sizeof(file_t), by_round);

    return CTL_OK;
}


/* Sorts by time, to the millisecond; two at once do not meet. */
static int
new_release(char id[64])
{
    char             date[32], hex[7];
    cos_u8           raw[3];
    struct tm        tm;
    struct timespec  now;

    if (cos_random(raw, sizeof(raw)) != 0
        || clock_gettime(CLOCK_REALTIME, &now) != 0)
    {
        return ctl_fail("no random numbers, or no time");
    }

    gmtime_r(&now.tv_sec, &tm);
    strftime(date, sizeof(date), "%Y%m%dT%H%M%S", &tm);
    cos_hex(hex, raw, sizeof(raw));
    hex[6] = '\0';
    snprintf(id, 64, "%s.%03ldZ-%s", date, now.tv_nsec / 1000000, hex);

    return CTL_OK;
}


int
ctl_site_deploy(ctl_t *c, char **argv)
{
    int          rc;
    char         id[64], prefix[80];
    size_t       n;
    deploy_t     d;
    ctl_http_t   h;

    n = strlen(argv[0]);

    while (n > 1 && argv[0][n - 1] == '/') {
        argv[0][--n] = '\0';
    }

    if (ctl_http_init(&h, c) != CTL_OK || collect(argv[0]) != CTL_OK
        || new_release(id) != CTL_OK)
    {
        return CTL_FAILED;
    }

    snprintf(prefix, sizeof(prefix), ROOT "%s/", id);

    memset(&d, 0, sizeof(d));
    d.ctl = c;
    d.prefix = prefix;
    d.files = found.v;
    d.n = found.n;
    pthread_mutex_init(&d.lock, NULL);

    while (d.end < d.n && !d.files[d.end].packed) {
        d.end++;
    }

    rc = upload_round(&d);

    if (rc == CTL_OK && d.end < d.n) {
        d.end = d.n;
        rc = upload_round(&d);
    }

    if (rc == CTL_OK && switch_to(c, &h, id, &d) != CTL_OK) {
        /* it may have been carried out all the same: nothing is removed */
        ctl_error("release %s is uploaded; \"site rollback --release %s\" "
                  "shows it", id, id);
        ctl_http_close(&h);
        return CTL_FAILED;
    }

    if (rc != CTL_OK) {
        /* a signal ended the upload, not the tidying up */
        ctl_stop = 0;

        if (drop(c, &h, id) == CTL_OK) {
            ctl_error("the website is as it was");
        }

        ctl_http_close(&h);
        return CTL_FAILED;
    }

    printf("release    %s\nfiles      %zu\n", id, d.n);

    rc = prune(c, &h, id);
    ctl_http_close(&h);

    return rc;
}


int
ctl_site_list(ctl_t *c, char **argv)
{
    int          site;
    char       **list;
    size_t       i, n;
    ctl_http_t   h;
    const char  *shown;

    (void) argv;

    if (ctl_http_init(&h, c) != CTL_OK
        || current(c, &h, &shown, &site) != CTL_OK
        || releases(c, &h, &list, &n) != CTL_OK)
    {
        return CTL_FAILED;
    }

    for (i = 0; i < n; i++) {
        printf("%s%s\n", list[i], strcmp(list[i], shown) == 0 ? "  shown"
                                                              : "");
    }

    free(list);
    ctl_http_close(&h);

    return CTL_OK;
}


int
ctl_site_rollback(ctl_t *c, char **argv)
{
    int          rc, site;
    char       **list;
    size_t       i, n;
    ctl_http_t   h;
    const char  *shown, *to;

    (void) argv;

    if (ctl_http_init(&h, c) != CTL_OK
        || current(c, &h, &shown, &site) != CTL_OK
        || releases(c, &h, &list, &n) != CTL_OK)
    {
        return CTL_FAILED;
    }

    to = NULL;

    for (i = 0; i < n; i++) {
        if (c->release ? strcmp(list[i], c->release) == 0
                       : strcmp(list[i], shown) < 0)
        {
            to = list[i];
        }
    }

    if (to == NULL) {
        rc = c->release ? ctl_fail("there is no release \"%s\"", c->release)
                        : ctl_fail("there is no release before \"%s\"", shown);
    } else {
        rc = switch_to(c, &h, to, NULL);
    }

    if (rc == CTL_OK) {
        printf("release    %s\n", to);
    }

    free(list);
    ctl_http_close(&h);

    return rc;
}
