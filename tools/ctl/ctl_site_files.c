/*
 * cosctl site: the files of a release. What they are, and how they get into the
 * bucket, several at a time.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ctl_site.h"


#define THREADS  8

/* nftw() has no argument for its function */
static struct {
    ctl_file_t  *v;
    size_t       n, cap, skip;
    int          failed;
} found;


int
ctl_site_key(ctl_t *c, cos_buf_t *b, cos_alloc_t *a, const char *prefix,
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


int
ctl_site_refused(const char *what, int status, cos_str_t body)
{
    return status < 0 ? CTL_FAILED
                      : ctl_fail("%s: %d %.*s", what, status, (int) body.len,
                                 (char *) body.data);
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
    ctl_file_t      *f;
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
        f = realloc(found.v, found.cap * sizeof(ctl_file_t));

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
    const ctl_file_t  *x = a, *y = b;

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
upload(ctl_deploy_t *d, ctl_http_t *h, const ctl_file_t *f, cos_alloc_t *a)
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

    if (ctl_site_key(d->ctl, &b, a, d->prefix, f->name) == CTL_OK) {
        r.path.data = b.data;
        r.path.len = b.len;
        status = ctl_http(h, &r, &out, a);
    }

    if (map) {
        (void) munmap(map, (size_t) sb.st_size);
    }

    return status == 200 ? CTL_OK : ctl_site_refused(f->name, status, out);
}


static void *
worker(void *data)
{
    int           rc;
    size_t        i;
    ctl_deploy_t     *d = data;
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
upload_round(ctl_deploy_t *d)
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


int
ctl_site_collect(ctl_deploy_t *d, const char *dir)
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

    qsort(found.v, found.n, sizeof(ctl_file_t), by_round);

    memset(d, 0, sizeof(*d));
    d->files = found.v;
    d->n = found.n;
    pthread_mutex_init(&d->lock, NULL);

    return CTL_OK;
}


int
ctl_site_upload(ctl_deploy_t *d)
{
    int  rc;

    while (d->end < d->n && !d->files[d->end].packed) {
        d->end++;
    }

    rc = upload_round(d);

    if (rc == CTL_OK && d->end < d->n) {
        d->end = d->n;
        rc = upload_round(d);
    }

    return rc;
}
