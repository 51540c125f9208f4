/*
 * The source of CopyObject and UploadPartCopy: naming it, fetching its facts,
 * judging whether it may be read, its conditions.
 */

#include "ngx_http_cos_bucket.h"
#include "ngx_http_cos_class.h"
#include "ngx_http_cos_copy.h"


static ngx_int_t source_facts(ngx_http_cos_ctx_t *ctx);
static ngx_int_t ask_object(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_source_t *s);
static ngx_int_t source_judge(ngx_http_cos_ctx_t *ctx);
static ngx_int_t source_link(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_source_t *s);


/* With COS_OK: all is well with it. */
static ngx_int_t
fail(ngx_http_cos_ctx_t *ctx, ngx_http_cos_source_t *s, cos_err_e err)
{
    s->err = err;

    return ngx_http_cos_goto(ctx, s->next);
}


ngx_int_t
ngx_http_cos_source(ngx_http_cos_ctx_t *ctx, ngx_http_cos_source_t *s,
    ngx_uint_t fresh, ngx_http_cos_step_pt next)
{
    cos_str_t            version;
    const cos_header_t  *h;

    ctx->source = s;
    s->next = next;
    s->err = COS_OK;
    s->linked = 0;
    s->fresh = fresh;
    s->bucket.id.len = 0;

    h = ngx_http_cos_header(ctx, "copy-source");

    if (h == NULL
        || cos_copy_source_parse(h->value, ctx->lcf->bases->elts,
                                 ctx->lcf->bases->nelts, &s->bucket_name,
                                 &s->key, &version, &ctx->alloc)
           != 0)
    {
        return fail(ctx, s, COS_E_INVALID_COPY_SOURCE);
    }

    s->object_fact.by_version = (version.len != 0);
    s->version = version;

    if (version.len
        && cos_version_parse(version, &s->object_fact.version) != 0)
    {
        ctx->reason = "invalid version id specified";
        return fail(ctx, s, COS_E_INVALID_ARGUMENT);
    }

    if (ngx_http_cos_bucket_fact(ctx, &s->bucket_fact, &s->bucket_name)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    switch (ngx_http_cos_ask(ctx, &s->bucket_fact, fresh, source_facts)) {
    case NGX_OK:
        return ngx_http_cos_goto(ctx, source_facts);
    case NGX_AGAIN:
        return NGX_AGAIN;
    default:
        return fail(ctx, s, COS_E_UNAVAILABLE);
    }
}


static ngx_int_t
source_facts(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_cos_source_t  *s = ctx->source;

    if (s->bucket_fact.failed) {
        return fail(ctx, s, COS_E_UNAVAILABLE);
    }

    if (s->bucket_fact.value.len == 0) {
        return fail(ctx, s, COS_E_NO_SUCH_BUCKET);
    }

    if (cos_bucket_decode(&s->bucket, s->bucket_fact.value) != 0) {
        return fail(ctx, s, COS_E_INTERNAL);
    }

    return ask_object(ctx, s);
}


static ngx_int_t
ask_object(ngx_http_cos_ctx_t *ctx, ngx_http_cos_source_t *s)
{
    if (ngx_http_cos_object_fact(ctx, &s->object_fact, &s->bucket.id,
                                 &s->key)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    switch (ngx_http_cos_ask(ctx, &s->object_fact, s->fresh, source_judge)) {
    case NGX_OK:
        return ngx_http_cos_goto(ctx, source_judge);
    case NGX_AGAIN:
        return NGX_AGAIN;
    default:
        return fail(ctx, s, COS_E_UNAVAILABLE);
    }
}


void
ngx_http_cos_source_place(ngx_http_cos_source_t *s, ngx_http_cos_place_t *p)
{
    ngx_memzero(p, sizeof(ngx_http_cos_place_t));
    p->bucket = &s->bucket;
    p->kept = s->bucket_fact.kept;
    p->key = s->key;
    p->version = s->object_fact.by_version ? &s->version : NULL;
    p->object = s->object_fact.value.len ? &s->object : NULL;
}


static ngx_int_t
source_judge(ngx_http_cos_ctx_t *ctx)
{
    cos_err_e               err;
    ngx_http_cos_place_t    place;
    ngx_http_cos_source_t  *s = ctx->source;

    if (s->object_fact.failed) {
        return fail(ctx, s, COS_E_UNAVAILABLE);
    }

    ngx_http_cos_source_place(s, &place);

    if (s->object_fact.value.len == 0) {
        return fail(ctx, s, ngx_http_cos_missing(ctx, &place,
                            s->linked ? COS_E_SYMLINK_TARGET
                            : s->object_fact.by_version
                            ? COS_E_NO_SUCH_VERSION : COS_E_NO_SUCH_KEY));
    }

    if (cos_object_decode(&s->object, s->object_fact.value, &ctx->alloc)
        != 0)
    {
        return fail(ctx, s, COS_E_INTERNAL);
    }

    if (!ngx_http_cos_owner_expected(ctx, &s->bucket,
                                     "source-expected-bucket-owner"))
    {
        return fail(ctx, s, COS_E_ACCESS_DENIED);
    }

    err = ngx_http_cos_may(ctx, &place,
                           s->object_fact.by_version ? COS_ACT_GET_VERSION
                                                     : COS_ACT_GET,
                           NGX_HTTP_COS_PERM_READ);
    if (err != COS_OK) {
        return fail(ctx, s, err);
    }

    if (s->object.attr[COS_X_TARGET].len) {
        return source_link(ctx, s);
    }

    if (s->object.flags & COS_F_MARKER) {
        ctx->reason = "the source of a copy is a delete marker";
        return fail(ctx, s, COS_E_INVALID_REQUEST);
    }

    /* a copy knows no "not modified": all four answer 412 */

    if (ngx_http_cos_test_conditions(&s->object,
            ngx_http_cos_header(ctx, "copy-source-if-match"),
            ngx_http_cos_header(ctx, "copy-source-if-none-match"),
            ngx_http_cos_header(ctx, "copy-source-if-modified-since"),
            ngx_http_cos_header(ctx, "copy-source-if-unmodified-since"))
        != NGX_OK)
    {
        return fail(ctx, s, COS_E_PRECONDITION_FAILED);
    }

    return fail(ctx, s, ngx_http_cos_readable(ctx, &s->object));
}


/* A copy of a symbolic link is one of what it names. */
static ngx_int_t
source_link(ngx_http_cos_ctx_t *ctx, ngx_http_cos_source_t *s)
{
    if (s->linked) {
        return fail(ctx, s, COS_E_SYMLINK_CHAIN);
    }

    s->linked = 1;

    /* the record is in the memory of the fact */
    if (cos_dup(&ctx->alloc, &s->key, s->object.attr[COS_X_TARGET].data,
                s->object.attr[COS_X_TARGET].len)
        != 0)
    {
        return NGX_ERROR;
    }

    s->object_fact.by_version = 0;

    return ask_object(ctx, s);
}


ngx_int_t
ngx_http_cos_source_headers(ngx_http_cos_ctx_t *ctx, ngx_http_cos_source_t *s)
{
    if (s->bucket.versioning == COS_VERSIONING_NONE && s->object.born == 0) {
        return NGX_OK;
    }

    return ngx_http_cos_version_header(ctx, "copy-source-version-id",
                                       cos_object_version(&s->object));
}


/* --- reading it ------------------------------------------------------------------- */

/* Reads len bytes at pos of an object; -1 with errno. Blocking. */
int
ngx_http_cos_source_read(cos_store_t *st, const cos_object_t *o, uint64_t pos,
    cos_u8 *dst, size_t len)
{
    int        fd;
    size_t     want;
    ssize_t    n;
    uint32_t   i;

    for (i = 0; i < o->nsegs && len; i++) {

        if (pos >= o->segs[i].len) {
            pos -= o->segs[i].len;
            continue;
        }

        fd = cos_store_open_cid(st, o->segs[i].cid);
        if (fd < 0) {
            return -1;
        }

        want = ngx_min(len, o->segs[i].len - pos);

        while (want) {
            n = pread(fd, dst, want, (off_t) (o->segs[i].off + pos));

            if (n <= 0) {
                if (n < 0 && errno == EINTR) {
                    continue;
                }

                n = n == 0 ? EIO : errno;
                (void) close(fd);
                errno = (int) n;
                return -1;
            }

            dst += n;
            pos += n;
            want -= n;
            len -= n;
        }

        (void) close(fd);
        pos = 0;
    }

    if (len) {
        errno = EIO;
        return -1;
    }

    return 0;
}
