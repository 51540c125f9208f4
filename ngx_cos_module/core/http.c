/*
 * core: the query and the headers of a request. Signatures need the wire form,
 * operations the decoded one, so an argument has both; what holds no escape
 * is not copied.
 */

#include "cos_http.h"

static size_t count_pieces(cos_str_t query);
static cos_u8 *parse_one(cos_arg_t *arg, cos_u8 *p, cos_u8 *end,
    cos_u8 *room);
static cos_u8 *decode(cos_str_t *dst, cos_str_t raw, int plus, cos_u8 *room);


cos_err_e
cos_args_parse(cos_args_t *args, cos_str_t query, cos_alloc_t *a)
{
    size_t     n;
    cos_u8    *p, *end, *stop, *room;
    cos_arg_t *arg;

    args->n = 0;
    args->v = NULL;

    n = count_pieces(query);
    if (n == 0) {
        return COS_OK;
    }

    if (n > COS_ARGS_MAX) {
        return COS_E_INVALID_URI;
    }

    arg = cos_alloc(a, n * sizeof(cos_arg_t));
    /* decoding never makes a text longer: one room serves all of them */
    room = cos_alloc(a, query.len);

    if (arg == NULL || room == NULL) {
        return COS_E_INTERNAL;
    }

    args->v = arg;
    end = query.data + query.len;

    for (p = query.data; p < end; p = stop + 1) {
        stop = memchr(p, '&', (size_t) (end - p));
        stop = stop != NULL ? stop : end;

        if (stop == p) {
            continue;
        }

        room = parse_one(arg++, p, stop, room);
        if (room == NULL) {
            args->n = 0;
            return COS_E_INVALID_URI;
        }

        args->n++;
    }

    return COS_OK;
}


static cos_u8 *
parse_one(cos_arg_t *arg, cos_u8 *p, cos_u8 *end, cos_u8 *room)
{
    cos_u8 *eq;

    eq = memchr(p, '=', (size_t) (end - p));
    arg->has_eq = eq != NULL;
    eq = eq != NULL ? eq : end;

    arg->raw_name.data = p;
    arg->raw_name.len = (size_t) (eq - p);
    arg->raw_value.data = arg->has_eq ? eq + 1 : eq;
    arg->raw_value.len = (size_t) (end - arg->raw_value.data);

    room = decode(&arg->name, arg->raw_name, 0, room);
    if (room == NULL) {
        return NULL;
    }

    return decode(&arg->value, arg->raw_value, 1, room);
}


/* Stops counting where the limit is passed. */
static size_t
count_pieces(cos_str_t query)
{
    size_t i, n;
    int    inside;

    n = 0;
    inside = 0;

    for (i = 0; i < query.len && n <= COS_ARGS_MAX; i++) {
        if (query.data[i] == '&') {
            inside = 0;

        } else if (!inside) {
            inside = 1;
            n++;
        }
    }

    return n;
}


/* Returns what is left of the room; NULL for a bad escape. */
static cos_u8 *
decode(cos_str_t *dst, cos_str_t raw, int plus, cos_u8 *room)
{
    ptrdiff_t len;

    if (raw.len == 0
        || (memchr(raw.data, '%', raw.len) == NULL
            && (!plus || memchr(raw.data, '+', raw.len) == NULL)))
    {
        *dst = raw;
        return room;
    }

    len = cos_pct_decode(room, raw, plus);
    if (len < 0) {
        return NULL;
    }

    dst->data = room;
    dst->len = (size_t) len;

    return room + len;
}


const cos_arg_t *
cos_arg(const cos_args_t *args, const char *name)
{
    size_t i, len;

    len = strlen(name);

    for (i = 0; i < args->n; i++) {
        if (args->v[i].name.len == len
            && memcmp(args->v[i].name.data, name, len) == 0)
        {
            return &args->v[i];
        }
    }

    return NULL;
}


const cos_header_t *
cos_header(const cos_http_t *h, const char *name)
{
    size_t i, len;

    len = strlen(name);

    for (i = 0; i < h->nheaders; i++) {
        if (h->headers[i].name.len == len
            && memcmp(h->headers[i].name.data, name, len) == 0)
        {
            return &h->headers[i];
        }
    }

    return NULL;
}


size_t
cos_header_count(const cos_http_t *h, const char *name)
{
    size_t i, n, len;

    n = 0;
    len = strlen(name);

    for (i = 0; i < h->nheaders; i++) {
        n += h->headers[i].name.len == len
             && memcmp(h->headers[i].name.data, name, len) == 0;
    }

    return n;
}


int
cos_is_token(cos_str_t name)
{
    size_t  i;

    for (i = 0; i < name.len; i++) {
        if (name.data[i] <= ' ' || name.data[i] >= 0x7f
            || strchr("\"(),/:;<=>?@[\\]{}", name.data[i]) != NULL)
        {
            return 0;
        }
    }

    return name.len != 0;
}
