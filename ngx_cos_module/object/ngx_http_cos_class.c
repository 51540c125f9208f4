/*
 * Storage classes in requests and answers, and RestoreObject. Restoring is a
 * matter of the clock: the request notes from when until when the object can be
 * read, and nobody has to do anything at those times.
 */

#include "ngx_http_cos_class.h"
#include "cos_xml_lock.h"


#define DAYS_MAX_COS  365             /* "Restoring Archived Objects" */
#define DAYS_MAX      36500

typedef struct {
    ngx_http_cos_amend_t  amend;
    ngx_str_t             text;
    uint64_t              days;
    cos_tier_e            tier;
    ngx_uint_t            status;     /* of the answer */
} restore_t;


static ngx_int_t restore_read(ngx_http_cos_ctx_t *ctx);
static ngx_int_t restore_done(ngx_http_cos_ctx_t *ctx);
static cos_err_e restore_change(ngx_http_cos_ctx_t *ctx, cos_object_t *o,
    void *data);


/* --- classes ---------------------------------------------------------------------- */

cos_err_e
ngx_http_cos_class_from_headers(ngx_http_cos_ctx_t *ctx, cos_object_t *o)
{
    int                  cls;
    const cos_header_t  *h;

    h = ngx_http_cos_header(ctx, "storage-class");

    if (h && h->value.len) {
        cls = cos_class_parse(h->value);

        if (cls < 0) {
            return COS_E_INVALID_STORAGE_CLASS;
        }

        o->cls = cls;
    }

    return ngx_http_cos_lock_from_headers(ctx, o);
}


ngx_int_t
ngx_http_cos_class_header(ngx_http_cos_ctx_t *ctx, const cos_object_t *o)
{
    ngx_str_t  value;

    value.data = (u_char *) cos_class_shown(o->cls, ctx->name.dialect);
    value.len = ngx_strlen(value.data);

    return cos_str_is(value, "STANDARD")
           ? NGX_OK : ngx_http_cos_add_prefixed(ctx, "storage-class", &value);
}


cos_err_e
ngx_http_cos_readable(ngx_http_cos_ctx_t *ctx, const cos_object_t *o)
{
    if (cos_object_readable(o, ngx_http_cos_now())) {
        return COS_OK;
    }

    ctx->error_class = cos_class_shown(o->cls, ctx->name.dialect);

    return COS_E_INVALID_OBJECT_STATE;
}


/* --- restoring, in answers ----------------------------------------------------------- */

static ngx_int_t
restore_status(ngx_http_cos_ctx_t *ctx, const cos_restore_t *r)
{
    char       date[29];
    cos_buf_t  b;
    ngx_str_t  tier, value;

    cos_http_date(date, r->asked / 1000);

    tier.data = (u_char *) cos_tier_name(r->tier);
    tier.len = ngx_strlen(tier.data);

    cos_buf_init(&b, &ctx->alloc, 96);
    cos_buf_lit(&b, "tier=\"");
    (void) cos_buf_reserve(&b, tier.len);

    if (b.err) {
        return NGX_ERROR;
    }

    ngx_strlow(b.data + b.len, tier.data, tier.len);
    b.len += tier.len;
    cos_buf_lit(&b, "\"; request-date=\"");
    cos_buf_add(&b, date, sizeof(date));
    cos_buf_char(&b, '"');

    if (b.err) {
        return NGX_ERROR;
    }

    value.data = b.data;
    value.len = b.len;

    return ngx_http_cos_add_prefixed(ctx, "restore-status", &value);
}


ngx_int_t
ngx_http_cos_restore_headers(ngx_http_cos_ctx_t *ctx, const cos_object_t *o)
{
    char              date[29];
    cos_buf_t         b;
    ngx_str_t         value;
    cos_restore_e     state;
    cos_restore_t     r;
    static ngx_str_t  ongoing = ngx_string("ongoing-request=\"true\"");

    if (!cos_class_archived(o->cls)) {
        return NGX_OK;
    }

    state = cos_restore_state(&r, o->attr[COS_X_RESTORE], ngx_http_cos_now());

    if (state == COS_RESTORE_NONE) {
        return NGX_OK;
    }

    value = ongoing;

    if (state == COS_RESTORE_READY) {
        cos_http_date(date, r.expires / 1000);
        cos_buf_init(&b, &ctx->alloc, 96);
        cos_buf_lit(&b, "ongoing-request=\"false\", expiry-date=\"");
        cos_buf_add(&b, date, sizeof(date));
        cos_buf_char(&b, '"');

        if (b.err) {
            return NGX_ERROR;
        }

        value.data = b.data;
        value.len = b.len;
    }

    if (ngx_http_cos_add_prefixed(ctx, "restore", &value) != NGX_OK) {
        return NGX_ERROR;
    }

    return ctx->name.dialect == COS_DIALECT_COS ? restore_status(ctx, &r)
                                                : NGX_OK;
}


/* --- RestoreObject -------------------------------------------------------------------- */

/* The class, or COS' own name for the same refusal. */
static cos_err_e
is_archived(ngx_http_cos_ctx_t *ctx, const cos_object_t *o)
{
    if (cos_class_archived(o->cls)) {
        return COS_OK;
    }

    ctx->error_class = cos_class_shown(o->cls, ctx->name.dialect);

    return ctx->name.dialect == COS_DIALECT_COS
           ? COS_E_RESTORE_NON_ARCHIVE : COS_E_INVALID_OBJECT_STATE;
}


ngx_int_t
ngx_http_cos_restore_object(ngx_http_cos_ctx_t *ctx)
{
    restore_t  *p;
    cos_err_e   err;

    err = is_archived(ctx, &ctx->object);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, NULL);
    }

    p = ngx_pcalloc(ctx->request->pool, sizeof(restore_t));
    if (p == NULL) {
        return NGX_ERROR;
    }

    ctx->state = p;

    return ngx_http_cos_read_small(ctx, COS_XML_SMALL_SIZE,
                                   COS_E_XML_TOO_LARGE, &p->text,
                                   restore_read);
}


/* BOS says it in headers. */
static cos_err_e
restore_by_headers(ngx_http_cos_ctx_t *ctx, restore_t *p)
{
    int                  tier;
    const cos_header_t  *h;

    h = ngx_http_cos_header(ctx, "restore-tier");
    tier = h && h->value.len ? cos_tier_parse(h->value) : COS_TIER_STANDARD;

    h = ngx_http_cos_header(ctx, "restore-days");

    if (h == NULL) {
        return COS_E_MISSING_BODY;
    }

    if (tier < 0 || cos_str_uint(h->value, &p->days) != 0 || p->days == 0) {
        return COS_E_INVALID_ARGUMENT;
    }

    p->tier = tier;

    return COS_OK;
}


static cos_err_e
restore_document(ngx_http_cos_ctx_t *ctx, restore_t *p)
{
    cos_err_e  err;

    if (ctx->error != COS_OK) {
        return ctx->error;
    }

    err = ngx_http_cos_check_document(ctx, &p->text, 1);

    if (err == COS_OK) {
        err = p->text.len == 0
              ? restore_by_headers(ctx, p)
              : cos_xml_parse_restore(p->text, &p->days, &p->tier,
                                      &ctx->alloc);
    }

    if (err == COS_OK
        && p->days > (ctx->name.dialect == COS_DIALECT_COS ? DAYS_MAX_COS
                                                           : DAYS_MAX))
    {
        ctx->reason = "a restored copy is not kept for so many days";
        return COS_E_INVALID_ARGUMENT;
    }

    return err;
}


static ngx_int_t
restore_read(ngx_http_cos_ctx_t *ctx)
{
    restore_t  *p = ctx->state;
    cos_err_e   err;

    err = restore_document(ctx, p);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    p->amend.change = restore_change;
    p->amend.data = p;
    p->amend.done = restore_done;

    return ngx_http_cos_amend(ctx, &p->amend);
}


/* A request that is under way goes on; S3 lets it be made faster. */
static cos_err_e
restore_begin(ngx_http_cos_ctx_t *ctx, restore_t *p, const cos_object_t *o,
    cos_restore_t *r, uint64_t now)
{
    uint64_t       ready;
    time_t         sec;
    cos_restore_e  state;

    state = cos_restore_state(r, o->attr[COS_X_RESTORE], now);

    if (state == COS_RESTORE_READY) {
        p->status = NGX_HTTP_OK;
        r->expires = cos_restore_expiry(now, p->days);
        return COS_OK;
    }

    sec = ctx->mcf->restore_time[o->cls][p->tier];
    ready = now + 1000 * (sec == NGX_CONF_UNSET
                          ? cos_tier_seconds(p->tier, o->cls)
                          : (uint64_t) sec);

    if (state == COS_RESTORE_ONGOING) {

        if (ctx->name.dialect != COS_DIALECT_S3 || p->tier >= r->tier) {
            return COS_E_RESTORE_IN_PROGRESS;
        }

        ready = ngx_min(ready, r->ready);
    }

    p->status = NGX_HTTP_ACCEPTED;
    r->tier = p->tier;
    r->asked = now;
    r->ready = ready;
    r->expires = cos_restore_expiry(ready, p->days);

    return COS_OK;
}


static cos_err_e
restore_change(ngx_http_cos_ctx_t *ctx, cos_object_t *o, void *data)
{
    restore_t      *p = data;
    cos_err_e       err;
    cos_buf_t       b;
    cos_restore_t   r;

    err = is_archived(ctx, o);

    if (err != COS_OK) {
        return err;
    }

    if (!cos_tier_fits(p->tier, o->cls)) {
        ctx->reason = "objects of that class are not restored that fast";
        return COS_E_INVALID_ARGUMENT;
    }

    err = restore_begin(ctx, p, o, &r, ngx_http_cos_now());

    if (err != COS_OK) {
        return err;
    }

    cos_buf_init(&b, &ctx->alloc, COS_RESTORE_TEXT);
    cos_restore_print(&b, &r);

    o->attr[COS_X_RESTORE].data = b.data;
    o->attr[COS_X_RESTORE].len = b.len;

    return b.err ? COS_E_INTERNAL : COS_OK;
}


static ngx_int_t
restore_done(ngx_http_cos_ctx_t *ctx)
{
    restore_t  *p = ctx->state;

    return ngx_http_cos_reply(ctx, p->status, NULL);
}
