/*
 * Object lock: retention and legal holds of objects, in buckets that have it
 * (S3, "Using S3 Object Lock"; COS, PUT Object retention). The bucket's owner
 * locks and unlocks, and whom its policy names: a lock outlasts whoever may
 * write today.
 */

#include "ngx_http_cos_class.h"
#include "ngx_http_cos_rights.h"
#include "cos_xml_lock.h"


typedef struct {
    ngx_http_cos_amend_t  amend;
    ngx_str_t             text;
    cos_retention_t       retention;
    int                   on;
} lock_t;


static ngx_int_t retention_read(ngx_http_cos_ctx_t *ctx);
static cos_err_e retention_change(ngx_http_cos_ctx_t *ctx, cos_object_t *o,
    void *data);
static ngx_int_t hold_read(ngx_http_cos_ctx_t *ctx);
static cos_err_e hold_change(ngx_http_cos_ctx_t *ctx, cos_object_t *o,
    void *data);
static ngx_int_t lock_done(ngx_http_cos_ctx_t *ctx);


/* --- of new objects ------------------------------------------------------------------ */

static cos_err_e
bucket_locks(ngx_http_cos_ctx_t *ctx, cos_bucket_lock_t *l)
{
    if (cos_bucket_lock_parse(l, ctx->bucket.attr[COS_BX_LOCK]) != 0) {
        return COS_E_INTERNAL;
    }

    if (!l->enabled) {
        ctx->reason = "Bucket is missing Object Lock Configuration";
        return COS_E_INVALID_REQUEST;
    }

    return COS_OK;
}


static cos_err_e
set_text(ngx_http_cos_ctx_t *ctx, cos_object_t *o, const cos_retention_t *r)
{
    cos_buf_t  b;

    cos_buf_init(&b, &ctx->alloc, COS_RETENTION_TEXT);
    cos_retention_print(&b, r);

    o->attr[COS_X_LOCK].data = b.data;
    o->attr[COS_X_LOCK].len = b.len;

    return b.err ? COS_E_INTERNAL : COS_OK;
}


static const cos_header_t *
given(ngx_http_cos_ctx_t *ctx, const char *name)
{
    const cos_header_t  *h;

    h = ngx_http_cos_header(ctx, name);

    return h && h->value.len ? h : NULL;
}


static cos_err_e
header_retention(ngx_http_cos_ctx_t *ctx, const cos_header_t *mode,
    const cos_header_t *until, cos_retention_t *r)
{
    int  m, bad;

    if (mode == NULL || until == NULL) {
        ctx->reason = "object-lock-mode and object-lock-retain-until-date "
                      "must both be supplied";
        return COS_E_INVALID_ARGUMENT;
    }

    m = cos_lock_mode_parse(mode->value);
    bad = cos_retention_date(&r->until, until->value) != 0;

    if (m < 0 || bad) {
        ctx->reason = m < 0 ? "unknown retention mode"
                            : "the retain until date must be an ISO 8601 date";
        return COS_E_INVALID_ARGUMENT;
    }

    r->mode = m;

    if (r->until <= ngx_http_cos_now()) {
        ctx->reason = "The retain until date must be in the future!";
        return COS_E_INVALID_ARGUMENT;
    }

    return COS_OK;
}


static cos_err_e
header_hold(ngx_http_cos_ctx_t *ctx, const cos_header_t *hold,
    cos_object_t *o, cos_retention_t *r)
{
    if (cos_str_is(hold->value, "ON")) {
        o->flags |= COS_F_LEGAL_HOLD;

    } else if (cos_str_is(hold->value, "OFF")) {
        r->lifted = 1;

    } else {
        ctx->reason = "Legal Hold must be either of 'ON' or 'OFF'";
        return COS_E_INVALID_ARGUMENT;
    }

    return COS_OK;
}


cos_err_e
ngx_http_cos_lock_promised(ngx_http_cos_ctx_t *ctx, const cos_ingest_t *in)
{
    if (ctx->name.op != COS_OP_PUT_OBJECT
        || ctx->name.dialect != COS_DIALECT_S3
        || in->has_md5 || in->has_sum || in->sum_trailer
        || (given(ctx, "object-lock-mode") == NULL
            && given(ctx, "object-lock-retain-until-date") == NULL
            && given(ctx, "object-lock-legal-hold") == NULL))
    {
        return COS_OK;
    }

    ctx->reason = "Content-MD5 OR x-amz-checksum- HTTP header is required for "
                  "Put Object requests with Object Lock parameters";

    return COS_E_INVALID_REQUEST;
}


/* What the request asks for. */
static cos_err_e
lock_by_headers(ngx_http_cos_ctx_t *ctx, cos_object_t *o, cos_retention_t *r)
{
    cos_err_e             err;
    const cos_header_t   *mode, *until, *hold;
    ngx_http_cos_place_t  place;

    mode = given(ctx, "object-lock-mode");
    until = given(ctx, "object-lock-retain-until-date");
    hold = given(ctx, "object-lock-legal-hold");

    if (mode == NULL && until == NULL && hold == NULL) {
        return COS_OK;
    }

    ngx_http_cos_place(ctx, &place);
    err = COS_OK;

    if (mode || until) {
        err = ngx_http_cos_may(ctx, &place, COS_ACT_PUT_RETENTION,
                               NGX_HTTP_COS_PERM_NONE);
    }

    if (err == COS_OK && hold) {
        err = ngx_http_cos_may(ctx, &place, COS_ACT_PUT_LEGAL_HOLD,
                               NGX_HTTP_COS_PERM_NONE);
    }

    if (err != COS_OK) {
        if (err == COS_E_ACCESS_DENIED) {
            ctx->reason = "you may not lock objects of this bucket";
        }

        return err;
    }

    if (mode || until) {
        err = header_retention(ctx, mode, until, r);
    }

    if (err == COS_OK && hold) {
        err = header_hold(ctx, hold, o, r);
    }

    return err;
}


cos_err_e
ngx_http_cos_lock_from_headers(ngx_http_cos_ctx_t *ctx, cos_object_t *o)
{
    cos_err_e           err;
    cos_retention_t     r;
    cos_bucket_lock_t   l;

    ngx_memzero(&r, sizeof(cos_retention_t));

    err = lock_by_headers(ctx, o, &r);

    if (err != COS_OK) {
        return err;
    }

    if (r.mode == COS_LOCK_NONE && !r.lifted && !(o->flags & COS_F_LEGAL_HOLD)
        && ctx->bucket.attr[COS_BX_LOCK].len == 0)
    {
        return COS_OK;
    }

    err = bucket_locks(ctx, &l);

    if (err != COS_OK) {
        return err;
    }

    /* an upload's object gets it when it is completed */
    if (r.mode == COS_LOCK_NONE && l.mode != COS_LOCK_NONE
        && ctx->name.op != COS_OP_CREATE_UPLOAD)
    {
        r.mode = l.mode;
        r.until = cos_bucket_lock_until(&l, ngx_http_cos_now());
    }

    return set_text(ctx, o, &r);
}


cos_err_e
ngx_http_cos_lock_completed(ngx_http_cos_ctx_t *ctx, cos_object_t *o)
{
    cos_retention_t     r, had;
    cos_bucket_lock_t   l;

    if (cos_bucket_lock_parse(&l, ctx->bucket.attr[COS_BX_LOCK]) != 0
        || cos_retention_parse(&had, o->attr[COS_X_LOCK]) != 0)
    {
        return COS_E_INTERNAL;
    }

    if (l.mode == COS_LOCK_NONE || had.mode != COS_LOCK_NONE) {
        return COS_OK;
    }

    r = had;
    r.mode = l.mode;
    r.until = cos_bucket_lock_until(&l, ngx_http_cos_now());

    return set_text(ctx, o, &r);
}


/* --- in answers ------------------------------------------------------------------------ */

ngx_int_t
ngx_http_cos_lock_headers(ngx_http_cos_ctx_t *ctx, const cos_object_t *o)
{
    u_char                *p;
    cos_err_e              err;
    ngx_str_t              value;
    cos_retention_t        r;
    ngx_http_cos_place_t   place;
    static ngx_str_t  on = ngx_string("ON"), off = ngx_string("OFF");

    if (o->attr[COS_X_LOCK].len == 0 && !(o->flags & COS_F_LEGAL_HOLD)) {
        return NGX_OK;
    }

    /* to those who may see the lock */
    ngx_http_cos_place(ctx, &place);
    err = ngx_http_cos_may(ctx, &place, COS_ACT_GET_RETENTION,
                           NGX_HTTP_COS_PERM_OWN);

    if (err != COS_OK) {
        return err == COS_E_ACCESS_DENIED ? NGX_OK : NGX_ERROR;
    }

    if (cos_retention_parse(&r, o->attr[COS_X_LOCK]) != 0) {
        return NGX_ERROR;
    }

    if (((o->flags & COS_F_LEGAL_HOLD) || r.lifted)
        && ngx_http_cos_add_prefixed(ctx, "object-lock-legal-hold",
                                     o->flags & COS_F_LEGAL_HOLD ? &on : &off)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (r.mode == COS_LOCK_NONE) {
        return NGX_OK;
    }

    value.data = (u_char *) cos_lock_mode_name(r.mode);
    value.len = ngx_strlen(value.data);

    p = ngx_pnalloc(ctx->request->pool, 25);

    if (p == NULL
        || ngx_http_cos_add_prefixed(ctx, "object-lock-mode", &value)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    value.data = p;
    value.len = cos_iso8601((char *) p, (int64_t) r.until, 1);

    return ngx_http_cos_add_prefixed(ctx, "object-lock-retain-until-date",
                                     &value);
}


cos_err_e
ngx_http_cos_amendable(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_cos_place_t  place;

    if (!ctx->object_known) {
        ngx_http_cos_place(ctx, &place);
        return ngx_http_cos_missing(ctx, &place, COS_E_NO_SUCH_KEY);
    }

    return ctx->object.flags & COS_F_MARKER ? COS_E_METHOD_NOT_ALLOWED
                                            : COS_OK;
}


/* --- retention ---------------------------------------------------------------------------- */

/* What all four operations ask first. */
static cos_err_e
lock_begin(ngx_http_cos_ctx_t *ctx)
{
    cos_err_e          err;
    cos_bucket_lock_t  l;

    err = bucket_locks(ctx, &l);

    return err == COS_OK ? ngx_http_cos_amendable(ctx) : err;
}


ngx_int_t
ngx_http_cos_get_retention(ngx_http_cos_ctx_t *ctx)
{
    cos_buf_t        b;
    cos_err_e        err;
    cos_retention_t  r;

    err = lock_begin(ctx);

    if (err == COS_OK
        && cos_retention_parse(&r, ctx->object.attr[COS_X_LOCK]) != 0)
    {
        err = COS_E_INTERNAL;
    }

    if (err == COS_OK && r.mode == COS_LOCK_NONE) {
        err = COS_E_NO_OBJECT_LOCK;
    }

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    cos_buf_init(&b, &ctx->alloc, 256);
    cos_xml_retention(&b, ctx->name.dialect, &r);

    return ngx_http_cos_reply(ctx, NGX_HTTP_OK, &b);
}


static ngx_int_t
lock_document(ngx_http_cos_ctx_t *ctx, ngx_http_cos_step_pt next)
{
    lock_t     *p;
    cos_err_e   err;

    err = lock_begin(ctx);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    p = ngx_pcalloc(ctx->request->pool, sizeof(lock_t));
    if (p == NULL) {
        return NGX_ERROR;
    }

    p->amend.data = p;
    p->amend.done = lock_done;
    ctx->state = p;

    return ngx_http_cos_read_small(ctx, COS_XML_SMALL_SIZE,
                                   COS_E_XML_TOO_LARGE, &p->text, next);
}


/* The document, if it came whole, says what is to be changed. */
static ngx_int_t
lock_apply(ngx_http_cos_ctx_t *ctx,
    cos_err_e (*parse)(ngx_http_cos_ctx_t *ctx, lock_t *p),
    cos_err_e (*change)(ngx_http_cos_ctx_t *ctx, cos_object_t *o, void *data))
{
    lock_t     *p = ctx->state;
    cos_err_e   err;

    err = ctx->error != COS_OK ? ctx->error
          : ngx_http_cos_check_document(ctx, &p->text, 1);

    if (err == COS_OK && p->text.len == 0) {
        err = COS_E_MISSING_BODY;
    }

    if (err == COS_OK) {
        err = parse(ctx, p);
    }

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    p->amend.change = change;

    return ngx_http_cos_amend(ctx, &p->amend);
}


ngx_int_t
ngx_http_cos_put_retention(ngx_http_cos_ctx_t *ctx)
{
    return lock_document(ctx, retention_read);
}


static cos_err_e
retention_parse(ngx_http_cos_ctx_t *ctx, lock_t *p)
{
    cos_err_e  err;

    err = cos_xml_parse_retention(p->text, &p->retention, &ctx->alloc);

    if (err == COS_OK && p->retention.mode != COS_LOCK_NONE
        && p->retention.until <= ngx_http_cos_now())
    {
        err = COS_E_INVALID_ARGUMENT;
        ctx->reason = "The retain until date must be in the future!";
    }

    return err;
}


static ngx_int_t
retention_read(ngx_http_cos_ctx_t *ctx)
{
    return lock_apply(ctx, retention_parse, retention_change);
}


ngx_uint_t
ngx_http_cos_bypasses(ngx_http_cos_ctx_t *ctx, cos_str_t key)
{
    const cos_header_t   *h;
    ngx_http_cos_place_t  place;

    h = ngx_http_cos_header(ctx, "bypass-governance-retention");

    if (h == NULL || !cos_str_iis(h->value, "true")) {
        return 0;
    }

    ngx_http_cos_place(ctx, &place);
    place.key = key;

    return ngx_http_cos_may(ctx, &place, COS_ACT_BYPASS_GOVERNANCE,
                            NGX_HTTP_COS_PERM_NONE)
           == COS_OK;
}


cos_err_e
ngx_http_cos_locked(ngx_http_cos_ctx_t *ctx)
{
    return ctx->name.dialect == COS_DIALECT_COS ? COS_E_OBJECT_LOCKED
                                                : COS_E_ACCESS_DENIED;
}


static cos_err_e
retention_change(ngx_http_cos_ctx_t *ctx, cos_object_t *o, void *data)
{
    lock_t           *p = data;
    cos_retention_t   old, next;

    if (cos_retention_parse(&old, o->attr[COS_X_LOCK]) != 0) {
        return COS_E_INTERNAL;
    }

    next = p->retention;
    next.lifted = old.lifted;

    if (!cos_retention_may_become(&old, &next, ngx_http_cos_now(),
                                  ngx_http_cos_bypasses(ctx, ctx->name.key)))
    {
        ctx->reason = "The object's retention can only be extended.";
        return ngx_http_cos_locked(ctx);
    }

    return set_text(ctx, o, &next);
}


static ngx_int_t
lock_done(ngx_http_cos_ctx_t *ctx)
{
    return ngx_http_cos_reply(ctx, NGX_HTTP_OK, NULL);
}


/* --- legal holds --------------------------------------------------------------------------- */

ngx_int_t
ngx_http_cos_get_legal_hold(ngx_http_cos_ctx_t *ctx)
{
    int              on;
    cos_buf_t        b;
    cos_err_e        err;
    cos_retention_t  r;

    err = lock_begin(ctx);
    on = (ctx->object.flags & COS_F_LEGAL_HOLD) != 0;

    if (err == COS_OK
        && cos_retention_parse(&r, ctx->object.attr[COS_X_LOCK]) != 0)
    {
        err = COS_E_INTERNAL;
    }

    if (err == COS_OK && !on && !r.lifted) {
        err = COS_E_NO_OBJECT_LOCK;
    }

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    cos_buf_init(&b, &ctx->alloc, 256);
    cos_xml_legal_hold(&b, ctx->name.dialect, on);

    return ngx_http_cos_reply(ctx, NGX_HTTP_OK, &b);
}


ngx_int_t
ngx_http_cos_put_legal_hold(ngx_http_cos_ctx_t *ctx)
{
    return lock_document(ctx, hold_read);
}


static cos_err_e
hold_parse(ngx_http_cos_ctx_t *ctx, lock_t *p)
{
    return cos_xml_parse_legal_hold(p->text, &p->on, &ctx->alloc);
}


static ngx_int_t
hold_read(ngx_http_cos_ctx_t *ctx)
{
    return lock_apply(ctx, hold_parse, hold_change);
}


static cos_err_e
hold_change(ngx_http_cos_ctx_t *ctx, cos_object_t *o, void *data)
{
    lock_t           *p = data;
    cos_retention_t   r;

    if (cos_retention_parse(&r, o->attr[COS_X_LOCK]) != 0) {
        return COS_E_INTERNAL;
    }

    if (p->on) {
        o->flags |= COS_F_LEGAL_HOLD;
        return COS_OK;
    }

    o->flags &= ~COS_F_LEGAL_HOLD;
    r.lifted = 1;

    return set_text(ctx, o, &r);
}
