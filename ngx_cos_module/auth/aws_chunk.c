/*
 * auth: decoder of aws-chunked bodies (S3 API, "sigv4-streaming" and
 * "sigv4-streaming-trailers").
 *
 * A machine that takes its input in pieces of any size. Payload goes to the
 * sink straight from the input; only chunk headers and trailer lines, which
 * are short, are collected.
 *
 * Clients do not agree on how a trailer ends: lines with or without CR, an
 * empty line before the signature, one or two after it. So an empty line ends
 * the trailer once all that must be there has come, and is skipped before.
 */

#include <stdlib.h>

#include <openssl/crypto.h>

#include "sig_internal.h"

#define HEX_LEN    (COS_SHA256_LEN * 2)
#define BLANK_MAX  4                  /* empty lines around a trailer */

typedef enum {
    HEADER = 0,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER,
    END
} state_e;

struct cos_chunked_s {
    state_e            state;
    cos_err_e          err;
    cos_payload_e      form;
    cos_chunk_sink_pt  sink;
    void              *ctx;
    cos_md_t          *md;            /* of the chunk; NULL when unsigned */
    uint64_t           left;          /* of the chunk */
    uint64_t           size;
    char              *text;          /* date, scope, what is announced */
    cos_str_t          date;
    cos_str_t          scope;
    cos_u8             key[COS_SHA256_LEN];
    char               previous[HEX_LEN];
    cos_u8             signature[HEX_LEN];  /* of the chunk, as sent */
    unsigned           trailer_signed:1;
    unsigned           blanks;
    cos_trailers_t     trailers;
    size_t             line_len;
    cos_u8             line[COS_CHUNK_LINE_MAX];
};

static int copy_texts(cos_chunked_t *c, const cos_sig_t *sig,
    cos_str_t announced);
static cos_err_e feed_data(cos_chunked_t *c, const cos_u8 *p, size_t n);
static size_t feed_line(cos_chunked_t *c, const cos_u8 *p, size_t n);
static cos_err_e chunk_header(cos_chunked_t *c);
static int chunk_size(cos_str_t s, uint64_t *size);
static cos_err_e chunk_signature(cos_chunked_t *c, cos_str_t ext);
static cos_err_e check_chunk(cos_chunked_t *c);
static cos_err_e trailer_line(cos_chunked_t *c);
static cos_err_e trailer_end(cos_chunked_t *c);
static int trailer_complete(const cos_chunked_t *c);
static cos_err_e check_trailer(cos_chunked_t *c, cos_str_t signature);
static cos_err_e check_signature(cos_chunked_t *c, const char *kind,
    const char *hashes, size_t len, cos_str_t sent);

static const char chunk_kind[] = "AWS4-HMAC-SHA256-PAYLOAD";
static const char trailer_kind[] = "AWS4-HMAC-SHA256-TRAILER";
static const char empty_hash[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";


cos_chunked_t *
cos_chunked_create(const cos_sig_t *sig, cos_str_t announced,
    cos_chunk_sink_pt sink, void *ctx)
{
    cos_chunked_t *c;

    c = calloc(1, sizeof(cos_chunked_t));
    if (c == NULL) {
        return NULL;
    }

    c->form = sig->payload;
    c->sink = sink;
    c->ctx = ctx;

    if (copy_texts(c, sig, announced) != 0) {
        cos_chunked_free(c);
        return NULL;
    }

    if (c->form != COS_PAYLOAD_STREAM_UNSIGNED_TRAILER) {
        memcpy(c->key, sig->signing_key, sizeof(c->key));
        c->md = cos_md_create(COS_SHA256);

        /* a signature that verified has this length */
        if (c->md == NULL || sig->signature.len != HEX_LEN) {
            cos_chunked_free(c);
            return NULL;
        }

        memcpy(c->previous, sig->signature.data, HEX_LEN);
    }

    return c;
}


/* The decoder may outlive the request's spans, in another thread. */
static int
copy_texts(cos_chunked_t *c, const cos_sig_t *sig, cos_str_t announced)
{
    size_t     i, len;
    cos_u8    *p;
    cos_str_t  from[3], *to[3];

    from[0] = sig->date;
    from[1] = sig->scope;
    from[2] = announced;
    to[0] = &c->date;
    to[1] = &c->scope;
    to[2] = &c->trailers.announced;

    len = from[0].len + from[1].len + from[2].len;
    c->text = malloc(len + 1);
    if (c->text == NULL) {
        return -1;
    }

    p = (cos_u8 *) c->text;

    for (i = 0; i < 3; i++) {
        to[i]->data = p;
        to[i]->len = from[i].len;

        if (from[i].len != 0) {
            memcpy(p, from[i].data, from[i].len);
            p += from[i].len;
        }
    }

    return 0;
}


void
cos_chunked_free(cos_chunked_t *c)
{
    if (c == NULL) {
        return;
    }

    cos_trailers_free(&c->trailers);
    cos_md_free(c->md);
    free(c->text);
    OPENSSL_cleanse(c->key, sizeof(c->key));
    free(c);
}


cos_err_e
cos_chunked_feed(cos_chunked_t *c, const cos_u8 *p, size_t n)
{
    size_t used;

    while (n != 0 && c->err == COS_OK) {
        used = 1;

        switch (c->state) {

        case DATA:
            used = n < c->left ? n : (size_t) c->left;
            c->err = feed_data(c, p, used);
            break;

        case DATA_CR:
            c->err = *p == '\r' ? COS_OK : COS_E_CHUNK_MALFORMED;
            c->state = DATA_LF;
            break;

        case DATA_LF:
            c->err = *p == '\n' ? COS_OK : COS_E_CHUNK_MALFORMED;
            c->state = HEADER;
            break;

        default:
            used = feed_line(c, p, n);
        }

        p += used;
        n -= used;
    }

    return c->err;
}


static cos_err_e
feed_data(cos_chunked_t *c, const cos_u8 *p, size_t n)
{
    if (c->md != NULL) {
        cos_md_update(c->md, p, n);
    }

    c->left -= n;
    c->size += n;

    if (c->sink(c->ctx, p, n) != 0) {
        return COS_E_INTERNAL;
    }

    if (c->left != 0) {
        return COS_OK;
    }

    c->state = DATA_CR;

    return check_chunk(c);
}


/* Collects a line and judges it at its end. Returns how much was used. */
static size_t
feed_line(cos_chunked_t *c, const cos_u8 *p, size_t n)
{
    size_t        len;
    const cos_u8 *lf;

    lf = memchr(p, '\n', n);
    len = lf != NULL ? (size_t) (lf - p) : n;

    if (len > COS_CHUNK_LINE_MAX - c->line_len) {
        c->err = c->state == TRAILER ? COS_E_TRAILER_MALFORMED
                                     : COS_E_CHUNK_MALFORMED;
        return n;
    }

    memcpy(c->line + c->line_len, p, len);
    c->line_len += len;

    if (lf == NULL) {
        return len;
    }

    c->err = c->state == HEADER ? chunk_header(c) : trailer_line(c);
    c->line_len = 0;

    return len + 1;
}


static cos_err_e
chunk_header(cos_chunked_t *c)
{
    cos_err_e rc;
    cos_str_t rest, size;

    if (c->line_len == 0 || c->line[c->line_len - 1] != '\r') {
        return COS_E_CHUNK_MALFORMED;
    }

    rest = (cos_str_t) { c->line_len - 1, c->line };
    (void) cos_sig_cut(&rest, ';', &size);

    if (chunk_size(size, &c->left) != 0) {
        return COS_E_CHUNK_MALFORMED;
    }

    c->state = DATA;

    if (c->md != NULL) {
        cos_md_reset(c->md);

        rc = chunk_signature(c, rest);
        if (rc != COS_OK) {
            return rc;
        }
    }

    if (c->left != 0) {
        return COS_OK;
    }

    c->state = TRAILER;

    return check_chunk(c);
}


static int
chunk_size(cos_str_t s, uint64_t *size)
{
    size_t i;
    cos_u8 d;

    *size = 0;

    for (i = 0; i < s.len; i++) {
        d = s.data[i];

        if (d >= '0' && d <= '9') {
            d -= '0';

        } else if ((d | 0x20) >= 'a' && (d | 0x20) <= 'f') {
            d = (cos_u8) ((d | 0x20) - 'a' + 10);

        } else {
            return -1;
        }

        *size = *size << 4 | d;

        if (*size > COS_CHUNK_SIZE_MAX) {
            return -1;
        }
    }

    return s.len != 0 ? 0 : -1;
}


static cos_err_e
chunk_signature(cos_chunked_t *c, cos_str_t ext)
{
    cos_str_t name;

    if (!cos_sig_cut(&ext, '=', &name)
        || !cos_str_is(name, "chunk-signature") || ext.len != HEX_LEN)
    {
        return COS_E_CHUNK_MALFORMED;
    }

    memcpy(c->signature, ext.data, HEX_LEN);

    return COS_OK;
}


static cos_err_e
check_chunk(cos_chunked_t *c)
{
    char   hashes[HEX_LEN + 1 + HEX_LEN];
    cos_u8 digest[COS_SHA256_LEN];

    if (c->md == NULL) {
        return COS_OK;
    }

    if (cos_md_final(c->md, digest) == 0) {
        return COS_E_INTERNAL;
    }

    memcpy(hashes, empty_hash, HEX_LEN);
    hashes[HEX_LEN] = '\n';
    cos_hex(hashes + HEX_LEN + 1, digest, sizeof(digest));

    return check_signature(c, chunk_kind, hashes, sizeof(hashes),
                           (cos_str_t) { HEX_LEN, c->signature });
}


static cos_err_e
trailer_line(cos_chunked_t *c)
{
    cos_u8    *p;
    cos_str_t  line, name;

    line = (cos_str_t) { c->line_len, c->line };

    if (line.len != 0 && line.data[line.len - 1] == '\r') {
        line.len--;
    }

    if (line.len == 0) {
        return trailer_end(c);
    }

    if (c->state == END) {
        return COS_E_CHUNK_MALFORMED;
    }

    (void) cos_sig_cut(&line, ':', &name);

    if (line.data == NULL || name.len == 0 || c->trailer_signed
        || c->form == COS_PAYLOAD_STREAM_SIGNED)
    {
        return COS_E_TRAILER_MALFORMED;
    }

    for (p = name.data; p < name.data + name.len; p++) {
        if (*p >= 'A' && *p <= 'Z') {
            *p |= 0x20;
        }
    }

    name = cos_str_trim(name);
    line = cos_str_trim(line);

    if (c->md != NULL && cos_str_is(name, "x-amz-trailer-signature")) {
        return check_trailer(c, line);
    }

    return cos_trailers_add(&c->trailers, name, line);
}


/* An empty line. */
static cos_err_e
trailer_end(cos_chunked_t *c)
{
    if (++c->blanks > BLANK_MAX
        || (c->state == END && c->form == COS_PAYLOAD_STREAM_SIGNED))
    {
        return COS_E_CHUNK_MALFORMED;
    }

    if (trailer_complete(c)) {
        c->state = END;
    }

    return COS_OK;
}


/* Whether all that was announced has come, and its signature. */
static int
trailer_complete(const cos_chunked_t *c)
{
    if (c->form == COS_PAYLOAD_STREAM_SIGNED_TRAILER && !c->trailer_signed) {
        return 0;
    }

    return cos_trailers_complete(&c->trailers);
}


static cos_err_e
check_trailer(cos_chunked_t *c, cos_str_t signature)
{
    char   hash[HEX_LEN];
    cos_u8 digest[COS_SHA256_LEN];

    cos_md_reset(c->md);
    cos_trailers_hash(&c->trailers, c->md);

    if (cos_md_final(c->md, digest) == 0) {
        return COS_E_INTERNAL;
    }

    cos_hex(hash, digest, sizeof(digest));
    c->trailer_signed = 1;

    return check_signature(c, trailer_kind, hash, sizeof(hash), signature);
}


/*
 * Each signature signs the one before it, so chunks cannot be left out,
 * repeated or put in another order.
 */
static cos_err_e
check_signature(cos_chunked_t *c, const char *kind, const char *hashes,
    size_t len, cos_str_t sent)
{
    size_t    n;
    cos_u8   *p, text[512], digest[COS_SHA256_LEN];
    cos_str_t parts[5];
    unsigned  i;

    parts[0] = (cos_str_t) { sizeof(chunk_kind) - 1, (cos_u8 *) kind };
    parts[1] = c->date;
    parts[2] = c->scope;
    parts[3] = (cos_str_t) { HEX_LEN, (cos_u8 *) c->previous };
    parts[4] = (cos_str_t) { len, (cos_u8 *) hashes };

    for (i = 0, n = 0, p = text; i < 5; i++) {
        n += parts[i].len + 1;

        if (n > sizeof(text)) {
            return COS_E_INTERNAL;
        }

        memcpy(p, parts[i].data, parts[i].len);
        p += parts[i].len;
        *p++ = '\n';
    }

    if (cos_hmac(COS_SHA256, c->key, sizeof(c->key), text, n - 1, digest)
        != 0)
    {
        return COS_E_INTERNAL;
    }

    cos_hex(c->previous, digest, sizeof(digest));
    OPENSSL_cleanse(digest, sizeof(digest));

    return cos_str_eq_secret(sent, (cos_str_t) { HEX_LEN,
                                                 (cos_u8 *) c->previous })
           ? COS_OK : COS_E_CHUNK_SIGNATURE;
}


cos_err_e
cos_chunked_finish(cos_chunked_t *c)
{
    if (c->err != COS_OK) {
        return c->err;
    }

    if (c->line_len == 0
        && (c->state == END || (c->state == TRAILER && c->trailer_signed
                                && trailer_complete(c))))
    {
        return COS_OK;
    }

    /* an empty line ended a trailer that lacks something */
    c->err = c->state == TRAILER && c->line_len == 0 && c->blanks != 0
             && !trailer_complete(c)
             ? COS_E_TRAILER_MALFORMED
             : c->state == END ? COS_E_CHUNK_MALFORMED
                               : COS_E_INCOMPLETE_BODY;

    return c->err;
}


uint64_t
cos_chunked_size(const cos_chunked_t *c)
{
    return c->size;
}


cos_str_t
cos_chunked_trailer(const cos_chunked_t *c, const char *name)
{
    size_t i;

    for (i = 0; i < c->trailers.n; i++) {
        if (cos_str_is(c->trailers.v[i].name, name)) {
            return c->trailers.v[i].value;
        }
    }

    return COS_STR("");
}
