/*
 * request: the parser of multipart/form-data.
 *
 * A body is a chain of contents, each ended by the delimiter: CR LF, two
 * dashes, the boundary. What precedes the first one is a content like the
 * others, as if a line ended before the body began. The delimiter holds one
 * CR, its first byte; so where a comparison fails nothing before the byte that
 * failed can begin another delimiter, and one counter is all that has to be
 * remembered between two pieces of the body.
 */

#include "cos_form.h"
#include "cos_http.h"

enum {
    READ_PREAMBLE = 0,
    READ_BOUNDARY,                   /* what follows it on its line */
    READ_HEADER,
    READ_FIELD,
    READ_FILE,
    READ_IGNORED,                    /* a field after the file */
    READ_CLOSED,
    READ_FAILED
};

/* Beside the fields themselves: lines of headers, boundaries, a preamble. */
#define WIRE_MAX  (4 * COS_FORM_PRE_MAX)
#define BOUNDARY_MAX  70

static cos_form_e fail(cos_form_t *f, cos_err_e err);
static cos_form_e step(cos_form_t *f, cos_u8 **p, cos_u8 *end,
    cos_str_t *data);
static int content(cos_form_t *f, cos_u8 **p, cos_u8 *end, cos_str_t *out);
static cos_err_e boundary_line(cos_form_t *f, cos_u8 c);
static cos_err_e header_line(cos_form_t *f);
static cos_err_e disposition(cos_form_t *f, cos_str_t v);
static cos_err_e part_begin(cos_form_t *f, cos_str_t name,
    cos_str_t filename);
static cos_err_e keep(cos_form_t *f, cos_str_t s);
static int parameter(cos_str_t *rest, cos_str_t *name, cos_str_t *value);
static cos_str_t base_name(cos_str_t s);
static void lower(cos_str_t s);


cos_err_e
cos_form_init(cos_form_t *f, cos_str_t content_type, cos_alloc_t *a)
{
    cos_str_t  name, value, boundary = { 0, NULL };

    memset(f, 0, sizeof(cos_form_t));

    /* parameters are unquoted where they lie: not in the request's header */
    if (cos_dup(a, &content_type, content_type.data, content_type.len) != 0) {
        return COS_E_INTERNAL;
    }

    value = content_type;
    value.len = value.len < 19 ? value.len : 19;

    if (!cos_str_iis(value, "multipart/form-data")) {
        return COS_E_NOT_MULTIPART;
    }

    content_type.data += value.len;
    content_type.len -= value.len;

    while (parameter(&content_type, &name, &value) == 1) {
        if (cos_str_iis(name, "boundary")) {
            boundary = value;
        }
    }

    if (boundary.len == 0 || boundary.len > BOUNDARY_MAX
        || memchr(boundary.data, '\r', boundary.len) != NULL)
    {
        return COS_E_MALFORMED_POST;
    }

    memcpy(f->delim, "\r\n--", 4);
    memcpy(f->delim + 4, boundary.data, boundary.len);
    f->dlen = 4 + boundary.len;
    f->match = 2;

    f->fields = cos_alloc(a, COS_FORM_FIELDS_MAX * sizeof(cos_form_field_t));
    f->pre = cos_alloc(a, COS_FORM_PRE_MAX + COS_FORM_LINE_MAX);

    return f->fields != NULL && f->pre != NULL ? COS_OK : COS_E_INTERNAL;
}


cos_form_e
cos_form_read(cos_form_t *f, cos_u8 **p, cos_u8 *end, cos_str_t *data)
{
    cos_u8     *from;
    cos_form_e  rc;

    for ( ;; ) {
        if (f->state == READ_FAILED) {
            return COS_FORM_FAILED;
        }

        if (f->state == READ_CLOSED) {
            *p = end;
            return COS_FORM_END;
        }

        if (*p == end && !f->found) {
            return COS_FORM_MORE;
        }

        from = *p;
        rc = step(f, p, end, data);

        if (!f->has_file) {
            f->wire += (size_t) (*p - from);

            if (f->wire > WIRE_MAX) {
                return fail(f, COS_E_POST_PRE_DATA);
            }
        }

        if (rc != COS_FORM_MORE) {
            return rc;
        }
    }
}


static cos_form_e
fail(cos_form_t *f, cos_err_e err)
{
    f->state = READ_FAILED;
    f->err = err;

    return COS_FORM_FAILED;
}


/* One move; COS_FORM_MORE: there is nothing to tell yet. */
static cos_form_e
step(cos_form_t *f, cos_u8 **p, cos_u8 *end, cos_str_t *data)
{
    int        ended;
    cos_err_e  err;

    if (f->state == READ_BOUNDARY) {
        err = boundary_line(f, *(*p)++);
        return err == COS_OK ? COS_FORM_MORE : fail(f, err);
    }

    if (f->state == READ_HEADER) {
        if (f->nline == COS_FORM_LINE_MAX) {
            return fail(f, COS_E_MALFORMED_POST);
        }

        f->line[f->nline++] = **p;

        if (*(*p)++ != '\n') {
            return COS_FORM_MORE;
        }

        err = header_line(f);

        return err != COS_OK ? fail(f, err)
               : f->state == READ_FILE ? COS_FORM_FILE : COS_FORM_MORE;
    }

    ended = content(f, p, end, data);

    if (f->state == READ_FIELD && data->len) {
        err = keep(f, *data);

        if (err != COS_OK) {
            return fail(f, err);
        }

        f->fields[f->nfields - 1].value.len += data->len;
    }

    if (f->state == READ_FILE && data->len) {
        return COS_FORM_DATA;
    }

    if (ended) {
        f->state = READ_BOUNDARY;
        f->nline = 0;
    }

    return COS_FORM_MORE;
}


/*
 * Reads content up to the delimiter, the end of the piece, or what turned out
 * not to be a delimiter begun in the piece before. 1: the delimiter was read,
 * and there is no content.
 */
static int
content(cos_form_t *f, cos_u8 **p, cos_u8 *end, cos_str_t *out)
{
    size_t  n;
    cos_u8 *s, *q;

    out->len = 0;
    out->data = *p;

    if (f->found) {
        f->found = 0;
        return 1;
    }

    s = *p;

    if (f->match) {
        while (s < end && f->match < f->dlen && *s == f->delim[f->match]) {
            f->match++;
            s++;
        }

        *p = s;

        if (f->match == f->dlen) {
            f->match = 0;
            return 1;
        }

        if (s < end) {
            memcpy(f->held, f->delim, f->match);
            out->data = f->held;
            out->len = f->match;
            f->match = 0;
        }

        return 0;
    }

    for (q = s; q < end; q++) {
        q = memchr(q, '\r', (size_t) (end - q));

        if (q == NULL) {
            break;
        }

        n = (size_t) (end - q) < f->dlen ? (size_t) (end - q) : f->dlen;

        if (memcmp(q, f->delim, n) != 0) {
            continue;
        }

        *p = q + n;
        out->len = (size_t) (q - s);

        if (n < f->dlen) {
            f->match = n;
            return 0;
        }

        f->found = out->len != 0;

        return !f->found;
    }

    *p = end;
    out->len = (size_t) (end - s);

    return 0;
}


/* "--" closes; else there may be white space before the end of the line. */
static cos_err_e
boundary_line(cos_form_t *f, cos_u8 c)
{
    cos_u8  last;

    last = f->nline ? f->line[0] : 0;
    f->line[0] = c;
    f->nline = 1;

    if (last == '-') {
        f->state = READ_CLOSED;
        return c == '-' ? COS_OK : COS_E_MALFORMED_POST;
    }

    if (last == '\r') {
        f->state = READ_HEADER;
        f->nline = 0;
        f->disposed = 0;
        return c == '\n' ? COS_OK : COS_E_MALFORMED_POST;
    }

    if (c == '-') {
        return last == 0 ? COS_OK : COS_E_MALFORMED_POST;
    }

    return c == '\r' || c == ' ' || c == '\t' ? COS_OK
                                              : COS_E_MALFORMED_POST;
}


static cos_err_e
header_line(cos_form_t *f)
{
    cos_u8    *colon;
    cos_str_t  name, value;

    if (f->nline < 2 || f->line[f->nline - 2] != '\r') {
        return COS_E_MALFORMED_POST;
    }

    name = (cos_str_t) { f->nline - 2, f->line };
    f->nline = 0;

    if (name.len == 0) {
        if (!f->disposed) {
            return COS_E_MALFORMED_POST;
        }

        f->state = f->then;
        return COS_OK;
    }

    colon = memchr(name.data, ':', name.len);

    if (colon == NULL || colon == name.data || *name.data == ' '
        || *name.data == '\t' || memchr(name.data, '\0', name.len) != NULL)
    {
        return COS_E_MALFORMED_POST;
    }

    value.data = colon + 1;
    value.len = name.len - (size_t) (value.data - name.data);
    value = cos_str_trim(value);
    name.len = (size_t) (colon - name.data);

    if (cos_str_iis(name, "content-disposition")) {
        return disposition(f, value);
    }

    /* an encoding that nobody would take off */
    if (cos_str_iis(name, "content-transfer-encoding")
        && !cos_str_iis(value, "binary") && !cos_str_iis(value, "8bit")
        && !cos_str_iis(value, "7bit"))
    {
        return COS_E_MALFORMED_POST;
    }

    return COS_OK;
}


static cos_err_e
disposition(cos_form_t *f, cos_str_t v)
{
    int        rc, named;
    cos_str_t  kind, name, value, field = { 0, NULL }, file = COS_STR("");

    if (f->disposed) {
        return COS_E_MALFORMED_POST;
    }

    kind = v;
    kind.len = v.len < 9 ? v.len : 9;

    if (!cos_str_iis(kind, "form-data")) {
        return COS_E_MALFORMED_POST;
    }

    v.data += kind.len;
    v.len -= kind.len;

    named = 0;

    while ((rc = parameter(&v, &name, &value)) == 1) {
        if (cos_str_iis(name, "name")) {
            if (field.data != NULL) {
                return COS_E_MALFORMED_POST;
            }
            field = value;

        } else if (cos_str_iis(name, "filename")) {
            if (named++) {
                return COS_E_MALFORMED_POST;
            }
            file = value;
        }
    }

    if (rc < 0 || field.len == 0) {
        return COS_E_MALFORMED_POST;
    }

    f->disposed = 1;

    return part_begin(f, field, base_name(file));
}


static cos_err_e
part_begin(cos_form_t *f, cos_str_t name, cos_str_t filename)
{
    size_t             i;
    cos_err_e          err;
    cos_form_field_t  *field;

    lower(name);

    if (cos_str_is(name, "file")) {
        if (f->has_file) {
            return COS_E_POST_FILES;
        }

        f->has_file = 1;
        f->then = READ_FILE;
        f->filename = (cos_str_t) { filename.len, f->pre + f->npre };
        /* there is room for one line more than what is allowed */
        if (filename.len != 0) {
            memcpy(f->filename.data, filename.data, filename.len);
        }

        return COS_OK;
    }

    if (f->has_file) {
        f->then = READ_IGNORED;
        return COS_OK;
    }

    f->then = READ_FIELD;

    if (cos_str_starts(name, "x-") && !cos_is_token(name)) {
        /* it would become a header that no parser of headers lets pass */
        return COS_E_MALFORMED_POST;
    }

    if (f->nfields == COS_FORM_FIELDS_MAX) {
        return COS_E_POST_PRE_DATA;
    }

    for (i = 0; i < f->nfields; i++) {
        if (cos_str_eq(f->fields[i].name, name)) {
            /* which of them a policy speaks of would be open */
            return COS_E_INVALID_ARGUMENT;
        }
    }

    field = &f->fields[f->nfields++];
    field->name = (cos_str_t) { name.len, f->pre + f->npre };
    field->value.len = 0;

    err = keep(f, name);
    field->value.data = f->pre + f->npre;

    return err;
}


static cos_err_e
keep(cos_form_t *f, cos_str_t s)
{
    if (s.len > COS_FORM_PRE_MAX - f->npre) {
        return COS_E_POST_PRE_DATA;
    }

    memcpy(f->pre + f->npre, s.data, s.len);
    f->npre += s.len;

    return COS_OK;
}


/*
 * Cuts "; name=value" off; the value may be quoted, and is unquoted where it
 * lies. Only a quote is taken for escaped: browsers of old send the whole path
 * of a file, with single backslashes. 1, 0 at the end, -1 when malformed.
 */
static int
parameter(cos_str_t *rest, cos_str_t *name, cos_str_t *value)
{
    cos_u8 *p, *q, *end;

    p = rest->data;
    end = p + rest->len;

    while (p < end && (*p == ' ' || *p == '\t' || *p == ';')) {
        p++;
    }

    rest->len = 0;

    if (p == end) {
        return 0;
    }

    for (q = p; q < end && *q != '=' && *q != ';'; q++) { /* void */ }

    if (p == rest->data || q == end || *q != '=') {
        return -1;
    }

    *name = cos_str_trim((cos_str_t) { (size_t) (q - p), p });

    p = q + 1;
    value->data = p;

    if (p < end && *p == '"') {
        value->data = ++p;

        for (q = p; p < end && *p != '"'; p++) {
            if (*p == '\\' && end - p > 1 && p[1] == '"') {
                p++;
            }

            *q++ = *p;
        }

        if (p == end) {
            return -1;
        }

        value->len = (size_t) (q - value->data);
        p++;

    } else {
        for (q = p; q < end && *q != ';'; q++) { /* void */ }

        value->len = (size_t) (q - p);
        *value = cos_str_trim(*value);
        p = q;
    }

    *rest = (cos_str_t) { (size_t) (end - p), p };

    /* what follows a quoted value begins with a semicolon or is white space */
    return rest->len == 0 || *p == ';' || *p == ' ' || *p == '\t' ? 1 : -1;
}


static cos_str_t
base_name(cos_str_t s)
{
    size_t  i = s.len;

    while (i > 0 && s.data[i - 1] != '/' && s.data[i - 1] != '\\') {
        i--;
    }

    return (cos_str_t) { s.len - i, s.data + i };
}


static void
lower(cos_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        if (s.data[i] >= 'A' && s.data[i] <= 'Z') {
            s.data[i] |= 0x20;
        }
    }
}


cos_err_e
cos_form_finish(const cos_form_t *f)
{
    if (f->state == READ_FAILED) {
        return f->err;
    }

    if (f->state != READ_CLOSED) {
        return COS_E_MALFORMED_POST;
    }

    return f->has_file ? COS_OK : COS_E_POST_FILES;
}


const cos_form_field_t *
cos_form_field(const cos_form_t *f, const char *name)
{
    size_t  i;

    for (i = 0; i < f->nfields; i++) {
        if (cos_str_is(f->fields[i].name, name)) {
            return &f->fields[i];
        }
    }

    return NULL;
}
