/*
 * request: what a Host header says. Labels are read from the right, beginning
 * at the configured base domain, because only the leftmost part, the bucket
 * name, may hold dots of its own. Nothing is checked against a list of
 * regions or of public domains: a host that no base covers may be a bucket's
 * domain, which the gate finds out; else it is read path style.
 */

#include "cos_name.h"

typedef struct {
    cos_str_t      label;
    cos_dialect_e  dialect;
    unsigned       website:1;
} service_t;


static const service_t *find_service(cos_str_t label);
static int is_sts(cos_host_t *out, cos_str_t rest);
static const cos_str_t *find_base(cos_str_t host, const cos_str_t *bases,
    size_t nbases);
static int parse_labels(cos_host_t *out, cos_str_t rest, int dashed);
static void set_service(cos_host_t *out, const service_t *service);


/* Labels that stand for a service, and so for a dialect. */
static const service_t  services[] = {
    { cos_lit("cos"), COS_DIALECT_COS, 0 },
    { cos_lit("cos-internal"), COS_DIALECT_COS, 0 },
    { cos_lit("cos-website"), COS_DIALECT_COS, 1 },
    { cos_lit("s3"), COS_DIALECT_S3, 0 },
    { cos_lit("s3-website"), COS_DIALECT_S3, 1 },
    { cos_lit("bos"), COS_DIALECT_BOS, 0 },
};


static cos_str_t
first_label(cos_str_t s)
{
    size_t  n;

    for (n = 0; n < s.len && s.data[n] != '.'; n++) { /* void */ }

    return (cos_str_t) { n, s.data };
}


/* Takes the last label off *s, with the dot before it. */
static cos_str_t
cut_label(cos_str_t *s)
{
    size_t     n;
    cos_str_t  label;

    for (n = s->len; n > 0 && s->data[n - 1] != '.'; n--) { /* void */ }

    label.data = s->data + n;
    label.len = s->len - n;
    s->len = n > 0 ? n - 1 : 0;

    return label;
}


void
cos_host_parse(cos_host_t *out, cos_str_t host, const cos_str_t *bases,
    size_t nbases)
{
    cos_str_t         rest;
    const cos_str_t  *base;
    const service_t  *own;

    memset(out, 0, sizeof(*out));

    if (host.len > 0 && host.data[host.len - 1] == '.') {
        host.len--;
    }

    base = find_base(host, bases, nbases);
    if (base == NULL) {
        out->foreign = 1;
        return;
    }

    /* a base may be a service endpoint itself: "s3.example.com" */
    own = find_service(first_label(*base));

    if (host.len == base->len) {
        if (own != NULL) {
            set_service(out, own);
        }

        return;
    }

    rest.data = host.data;
    rest.len = host.len - base->len - 1;

    /* "sts.s3.example.com" could be a bucket */
    if (own == NULL && is_sts(out, rest)) {
        return;
    }

    /* "s3-logs.s3.example.com" is a bucket, "s3-eu.example.com" is not */
    if (parse_labels(out, rest, own == NULL)) {
        return;
    }

    out->style = COS_STYLE_VHOST;
    out->bucket = rest;

    if (own != NULL) {
        set_service(out, own);
    }
}


/* sts, sts.<region>: where temporary credentials are asked for. Whoever asks
 * says by the signature in which dialect. */
static int
is_sts(cos_host_t *out, cos_str_t rest)
{
    cos_str_t  first = first_label(rest);

    if (!cos_str_is(first, "sts")) {
        return 0;
    }

    rest.data += first.len;
    rest.len -= first.len;

    if (rest.len > 0) {
        rest.data++;
        rest.len--;

        if (first_label(rest).len != rest.len) {
            return 0;
        }
    }

    out->style = COS_STYLE_SERVICE;
    out->region = rest;

    return 1;
}


/* The longest base that is the host or a domain above it. */
static const cos_str_t *
find_base(cos_str_t host, const cos_str_t *bases, size_t nbases)
{
    size_t            i, off;
    const cos_str_t  *best;

    best = NULL;

    for (i = 0; i < nbases; i++) {
        if (bases[i].len == 0 || bases[i].len > host.len
            || (best != NULL && bases[i].len <= best->len))
        {
            continue;
        }

        off = host.len - bases[i].len;

        if ((off == 0 || (off > 1 && host.data[off - 1] == '.'))
            && memcmp(host.data + off, bases[i].data, bases[i].len) == 0)
        {
            best = &bases[i];
        }
    }

    return best;
}


static const service_t *
find_service(cos_str_t label)
{
    size_t  i;

    for (i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
        if (cos_str_eq(label, services[i].label)) {
            return &services[i];
        }
    }

    return NULL;
}


/*
 * [<bucket>.]<service>, [<bucket>.]<service>.<region>,
 * [<bucket>.]s3.dualstack.<region> and, when dashed, [<bucket>.]s3-<region>
 * and [<bucket>.]s3-website-<region>.
 * Returns 0 when there is no service label where it has to be.
 */
static int
parse_labels(cos_host_t *out, cos_str_t rest, int dashed)
{
    cos_str_t         last, mid;
    const service_t  *service;

    last = cut_label(&rest);
    service = find_service(last);

    if (service != NULL) {
        last.len = 0;

    } else if (dashed && last.len > 11
               && cos_str_starts(last, "s3-website-"))
    {
        service = find_service(COS_STR("s3-website"));
        last.data += 11;
        last.len -= 11;

    } else if (dashed && last.len > 3 && cos_str_starts(last, "s3-")) {
        service = find_service(COS_STR("s3"));
        last.data += 3;
        last.len -= 3;

    } else {
        mid = cut_label(&rest);

        if (cos_str_is(mid, "dualstack") && rest.len > 0) {
            mid = cut_label(&rest);

            if (!cos_str_is(mid, "s3")) {
                return 0;
            }
        }

        service = find_service(mid);
        if (service == NULL) {
            return 0;
        }
    }

    out->region = last;
    out->bucket = rest;
    set_service(out, service);

    return 1;
}


/* A service's host: with a bucket before it, or as such. */
static void
set_service(cos_host_t *out, const service_t *service)
{
    out->has_dialect = 1;
    out->dialect = service->dialect;
    out->style = COS_STYLE_VHOST;
    out->website = service->website;

    /* "service" cannot be a bucket: those of COS end with "-<appid>" */
    if (out->bucket.len == 0
        || (service->dialect == COS_DIALECT_COS
            && cos_str_is(out->bucket, "service")))
    {
        out->bucket.len = 0;
        out->style = COS_STYLE_SERVICE;
        out->website = 0;
    }
}
