/*
 * cosctl site: releases of a website. Each is a folder of the bucket,
 * ".site/<release>/"; the KeyPrefix of the website configuration says which one
 * is shown, so that one request changes all pages, there and back.
 *
 * A deployment that fails before that request has changed nothing that anybody
 * sees, and takes with it what it had uploaded.
 */

#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>

#include "ctl_site.h"


#define ROOT  ".site/"
static int switch_to(ctl_t *c, ctl_http_t *h, const char *release,
    ctl_deploy_t *d);


/* --- requests --------------------------------------------------------------- */

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


/* --- releases ------------------------------------------------------------------ */

/* Whether a deployment could have made this name: see new_release(). Others
 * are somebody else's: they are not listed, shown or removed, and never become
 * part of a query. */
static int
is_release(const char *name)
{
    const char         *p;
    static const char   form[] = "00000000T000000.000Z-xxxxxx";

    for (p = form; *p && *name; p++, name++) {
        if (*p == '0' ? *name < '0' || *name > '9'
            : *p == 'x' ? strchr("0123456789abcdef", *name) == NULL
            : *name != *p)
        {
            return 0;
        }
    }

    return *p == *name;
}


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
            return ctl_site_refused("listing releases", status, out);
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

            if (!is_release(name)) {
                continue;
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
        return ctl_site_refused("reading the website configuration", status, out);
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
switch_to(ctl_t *c, ctl_http_t *h, const char *release, ctl_deploy_t *d)
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
                         : ctl_site_refused("switching the website", status, out);
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
            return ctl_site_refused("listing a release", status, out);
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

            if (ctl_site_key(c, &b, ctl_alloc(c), "", key) != CTL_OK) {
                return CTL_FAILED;
            }

            r.path.data = b.data;
            r.path.len = b.len;
            status = ctl_http(h, &r, &gone, ctl_alloc(c));

            if (status != 204) {
                return ctl_site_refused(key, status, gone);
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
    ctl_deploy_t     d;
    ctl_http_t   h;

    n = strlen(argv[0]);

    while (n > 1 && argv[0][n - 1] == '/') {
        argv[0][--n] = '\0';
    }

    if (ctl_http_init(&h, c) != CTL_OK || ctl_site_collect(&d, argv[0]) != CTL_OK
        || new_release(id) != CTL_OK)
    {
        return CTL_FAILED;
    }

    snprintf(prefix, sizeof(prefix), ROOT "%s/", id);
    d.ctl = c;
    d.prefix = prefix;
    rc = ctl_site_upload(&d);

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
