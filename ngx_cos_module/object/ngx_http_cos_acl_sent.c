/*
 * ACLs as requests say them: a canned one or grants in headers, or a document.
 * Whom a grant is to must exist: accounts of the root keys are known here, the
 * others are looked up in Redis by their ids (the hash I, which cosctl keeps).
 *
 *   named_taken   who they are has come, or that they are not there
 *   sent_known    of a document
 */

#include "ngx_http_cos_bucket.h"
#include "ngx_http_cos_object.h"


/* Accounts that a list names and that have to be looked up. */
typedef struct {
    ngx_http_cos_query_t   query;
    ngx_http_cos_step_pt   next;
    cos_acl_list_t        *list;
    ngx_http_cos_acl_t    *acl;       /* of a document */
    ngx_uint_t             n;
    size_t                 place[COS_ACL_GRANTS_MAX + 4];   /* in the list */
    cos_err_e              err;
} names_t;


static ngx_int_t named_taken(ngx_http_cos_ctx_t *ctx);
static ngx_int_t sent_known(ngx_http_cos_ctx_t *ctx);


/* --- accounts --------------------------------------------------------------------- */

static ngx_uint_t
is_account(cos_acl_grant_t *g, uint64_t uid)
{
    char  id[COS_ACCOUNT_ID_LEN];

    if (uid == 0) {
        return 0;
    }

    if (g->uid == 0 && cos_account_id(id, uid) == 0
        && ngx_memcmp(id, g->id.data, g->id.len) == 0)
    {
        g->uid = uid;
    }

    return g->uid == uid;
}


/* Whether it is known without asking. */
static ngx_uint_t
is_known(ngx_http_cos_ctx_t *ctx, cos_acl_grant_t *g)
{
    ngx_uint_t                i;
    ngx_http_cos_root_key_t  *k;

    if (g->to != COS_TO_ACCOUNT
        || (ctx->identity.known && is_account(g, ctx->identity.uid))
        || (ctx->bucket.id.len && is_account(g, ctx->bucket.owner))
        || (ctx->object_known && is_account(g, ctx->object.owner)))
    {
        return 1;
    }

    k = ctx->mcf->root_keys->elts;

    for (i = 0; i < ctx->mcf->root_keys->nelts; i++) {
        if (is_account(g, k[i].uid)) {
            return 1;
        }
    }

    return 0;
}


static void
take_names(ngx_http_cos_ctx_t *ctx, redisReply *reply, void *data)
{
    names_t     *s = data;
    uint64_t     uid;
    cos_str_t    value;
    ngx_uint_t   i;

    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY
        || reply->elements != s->n)
    {
        s->err = COS_E_UNAVAILABLE;
        return;
    }

    for (i = 0; i < s->n; i++) {
        value.data = (u_char *) reply->element[i]->str;
        value.len = reply->element[i]->type == REDIS_REPLY_STRING
                    ? reply->element[i]->len : 0;

        if (cos_str_uint(value, &uid) != 0 || uid == 0) {
            ctx->reason = "Invalid id";
            s->err = COS_E_INVALID_ARGUMENT;
            return;
        }

        s->list->v[s->place[i]].uid = uid;
    }
}


static ngx_int_t
field(ngx_http_cos_ctx_t *ctx, const cos_acl_grant_t *g, ngx_str_t *out)
{
    u_char  *p;

    if (g->uid == 0) {
        *out = g->id;
        return NGX_OK;
    }

    p = ngx_pnalloc(ctx->request->pool, COS_ACCOUNT_ID_LEN);
    if (p == NULL || cos_account_id((char *) p, g->uid) != 0) {
        return NGX_ERROR;
    }

    out->data = p;
    out->len = COS_ACCOUNT_ID_LEN;

    return NGX_OK;
}


/* Finds out who is named, then next; refuses the request when somebody is not
 * there. */
static ngx_int_t
find(ngx_http_cos_ctx_t *ctx, cos_acl_list_t *list, ngx_http_cos_acl_t *acl,
    ngx_http_cos_step_pt next)
{
    size_t      i;
    names_t    *s;
    ngx_str_t   argv[2 + COS_ACL_GRANTS_MAX + 4];

    s = ngx_pcalloc(ctx->request->pool, sizeof(names_t));
    if (s == NULL) {
        return NGX_ERROR;
    }

    s->list = list;
    s->acl = acl;
    s->next = next;
    ctx->acl_names = s;

    ngx_str_set(&argv[0], "HMGET");
    ngx_str_set(&argv[1], "I");

    for (i = 0; i < list->n; i++) {
        if (is_known(ctx, &list->v[i])) {
            continue;
        }

        if (field(ctx, &list->v[i], &argv[2 + s->n]) != NGX_OK) {
            return NGX_ERROR;
        }

        s->place[s->n++] = i;
    }

    if (s->n == 0) {
        return ngx_http_cos_goto(ctx, named_taken);
    }

    s->query.take = take_names;
    s->query.data = s;

    if (ngx_http_cos_query(ctx, &s->query, 0, 2 + s->n, argv, named_taken)
        != NGX_AGAIN)
    {
        return ngx_http_cos_fail(ctx, COS_E_UNAVAILABLE, NULL);
    }

    return NGX_AGAIN;
}


static ngx_int_t
named_taken(ngx_http_cos_ctx_t *ctx)
{
    names_t  *s = ctx->acl_names;

    if (s->err != COS_OK) {
        return ngx_http_cos_fail(ctx, s->err, ctx->reason);
    }

    cos_acl_merge(s->list);

    return ngx_http_cos_goto(ctx, s->next);
}


/* --- headers ---------------------------------------------------------------------- */

/* The permission of a header that grants one; 0: it is no such header. */
static cos_err_e
granted(const cos_header_t *h, unsigned *may)
{
    size_t      i;
    cos_str_t   rest;

    static const char  *names[] = {
        "read", "write", "read-acp", "write-acp", "full-control"
    };

    *may = 0;

    if (h->name.len <= 12 || ngx_memcmp(h->name.data + 6, "grant-", 6) != 0
        || h->value.len == 0
        || !(cos_str_starts(h->name, "x-cos-")
             || cos_str_starts(h->name, "x-amz-")
             || cos_str_starts(h->name, "x-bce-")))
    {
        return COS_OK;
    }

    rest.data = h->name.data + 12;
    rest.len = h->name.len - 12;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (cos_str_is(rest, names[i])) {
            *may = 1u << i;
            return COS_OK;
        }
    }

    /* what is not honoured is not taken */
    return COS_E_NOT_IMPLEMENTED;
}


static cos_err_e
said(ngx_http_cos_ctx_t *ctx, cos_err_e err)
{
    if (err == COS_E_INVALID_ARGUMENT && ctx->reason == NULL) {
        ctx->reason = "Invalid id";
    }

    if (err == COS_E_MALFORMED_ACL && ctx->name.dialect != COS_DIALECT_S3) {
        return COS_E_MALFORMED_XML;
    }

    if (err == COS_E_MALFORMED_XML && ctx->name.dialect == COS_DIALECT_S3) {
        return COS_E_MALFORMED_ACL;
    }

    return err;
}


ngx_int_t
ngx_http_cos_acl_named(ngx_http_cos_ctx_t *ctx, ngx_http_cos_step_pt next)
{
    size_t      i;
    unsigned    may;
    cos_err_e   err;

    for (i = 0; i < ctx->http.nheaders; i++) {
        err = granted(&ctx->http.headers[i], &may);

        if (err == COS_OK && may != 0) {
            if (ctx->grants == NULL) {
                ctx->grants = ngx_pcalloc(ctx->request->pool,
                                          sizeof(cos_acl_list_t));
                if (ctx->grants == NULL) {
                    return NGX_ERROR;
                }
            }

            err = cos_acl_header(ctx->grants, may,
                                 ctx->http.headers[i].value);
        }

        if (err != COS_OK) {
            err = said(ctx, err);
            return ngx_http_cos_fail(ctx, err, ctx->reason);
        }
    }

    return ctx->grants ? find(ctx, ctx->grants, NULL, next)
                       : ngx_http_cos_goto(ctx, next);
}


/* --- what is kept of it ------------------------------------------------------------- */

/* COS' owners have full control whatever is said. */
static void
keep_owner(cos_acl_list_t *l, uint64_t owner)
{
    size_t            i;
    cos_acl_grant_t  *g;

    for (i = 0; i < l->n; i++) {
        g = &l->v[i];

        if (g->to == COS_TO_ACCOUNT && g->uid == owner && g->sub == 0) {
            g->may = COS_MAY_ALL;
            return;
        }
    }

    g = &l->v[l->n++];
    ngx_memzero(g, sizeof(cos_acl_grant_t));
    g->to = COS_TO_ACCOUNT;
    g->uid = owner;
    g->may = COS_MAY_ALL;
}


static cos_err_e
keep(ngx_http_cos_ctx_t *ctx, ngx_http_cos_acl_t *a, cos_acl_list_t *l)
{
    if (ctx->name.dialect != COS_DIALECT_S3) {
        keep_owner(l, a->owner);
    }

    if (cos_acl_fold(l, a->owner, a->of_bucket ? a->owner : ctx->bucket.owner,
                     a->of_bucket, &a->canned, &a->grants, &ctx->alloc)
        != 0)
    {
        return COS_E_INTERNAL;
    }

    return ngx_http_cos_acl_allowed(ctx, a->canned, a->grants, 1);
}


/* Canned ACLs that are kept as grants. */
static ngx_uint_t
log_delivery(cos_str_t name, ngx_http_cos_acl_t *a, cos_acl_list_t *l)
{
    cos_acl_grant_t  g;

    if (!a->of_bucket || !cos_str_is(name, "log-delivery-write")) {
        return 0;
    }

    (void) cos_acl_expand(l, COS_ACL_PRIVATE, (cos_str_t) { 0, NULL },
                          a->owner, a->owner);
    ngx_memzero(&g, sizeof(cos_acl_grant_t));
    g.to = COS_TO_LOG;
    g.may = COS_MAY_WRITE|COS_MAY_READ_ACP;
    (void) cos_acl_add(l, &g);

    return 1;
}


/* Grants beside a canned ACL add to it in COS. */
static cos_err_e
add_canned(ngx_http_cos_ctx_t *ctx, ngx_http_cos_acl_t *a, cos_acl_list_t *l)
{
    size_t  i;

    if (ctx->name.dialect == COS_DIALECT_S3) {
        ctx->reason = "Specifying both Canned ACLs and Header Grants is not "
                      "allowed";
        return COS_E_INVALID_REQUEST;
    }

    (void) cos_acl_expand(l, a->canned, (cos_str_t) { 0, NULL }, a->owner,
                          a->of_bucket ? a->owner : ctx->bucket.owner);

    for (i = 0; i < ctx->grants->n; i++) {
        (void) cos_acl_add(l, &ctx->grants->v[i]);
    }

    return COS_OK;
}


cos_err_e
ngx_http_cos_acl_from_headers(ngx_http_cos_ctx_t *ctx, ngx_http_cos_acl_t *a)
{
    int                  v;
    cos_err_e            err;
    cos_acl_list_t      *l;
    const cos_header_t  *h;

    ngx_str_null(&a->grants);
    h = ngx_http_cos_header(ctx, "acl");

    if ((h == NULL || h->value.len == 0) && ctx->grants == NULL) {
        /* S3 objects are private, COS objects follow their bucket */
        a->canned = a->of_bucket || ctx->name.dialect == COS_DIALECT_S3
                    ? COS_ACL_PRIVATE : COS_ACL_DEFAULT;
        return COS_OK;
    }

    if (h == NULL || h->value.len == 0) {
        return keep(ctx, a, ctx->grants);
    }

    l = ngx_pcalloc(ctx->request->pool, sizeof(cos_acl_list_t));
    if (l == NULL) {
        return COS_E_INTERNAL;
    }

    if (ctx->grants == NULL && log_delivery(h->value, a, l)) {
        return keep(ctx, a, l);
    }

    v = cos_acl_parse(h->value);

    if (v < 0
        || (a->of_bucket && (v == COS_ACL_DEFAULT
                             || v == COS_ACL_BUCKET_OWNER_READ
                             || v == COS_ACL_BUCKET_OWNER_FULL)))
    {
        return COS_E_INVALID_ARGUMENT;
    }

    a->canned = v;

    if (ctx->grants == NULL) {
        return ngx_http_cos_acl_allowed(ctx, a->canned, a->grants, 1);
    }

    err = add_canned(ctx, a, l);

    return err == COS_OK ? keep(ctx, a, l) : err;
}


/* --- documents ---------------------------------------------------------------------- */

/* S3 lets nobody name another owner. */
static ngx_uint_t
is_owner(ngx_http_cos_ctx_t *ctx, ngx_http_cos_acl_t *a, cos_acl_grant_t *g)
{
    return ctx->name.dialect != COS_DIALECT_S3
           || (g->uid == 0 && g->id.len == 0) || is_account(g, a->owner);
}


static cos_err_e
read_sent(ngx_http_cos_ctx_t *ctx, ngx_http_cos_acl_t *a, ngx_str_t *text)
{
    cos_err_e         err;
    cos_acl_grant_t   owner;

    a->list = ngx_palloc(ctx->request->pool, sizeof(cos_acl_list_t));
    if (a->list == NULL) {
        return COS_E_INTERNAL;
    }

    err = cos_xml_parse_acl(*text, a->list, &owner, &ctx->alloc);

    if (err == COS_OK && !is_owner(ctx, a, &owner)) {
        ctx->reason = "the document names another owner";
        err = COS_E_ACCESS_DENIED;
    }

    return said(ctx, err);
}


ngx_int_t
ngx_http_cos_acl_sent(ngx_http_cos_ctx_t *ctx, ngx_http_cos_acl_t *a,
    ngx_str_t *text, ngx_http_cos_step_pt next)
{
    cos_err_e            err;
    const cos_header_t  *h;

    err = ctx->error != COS_OK ? ctx->error
          : ngx_http_cos_check_document(ctx, text, 1);

    if (err == COS_OK && cos_ownership(&ctx->bucket) == COS_OWNERSHIP_ENFORCED)
    {
        err = COS_E_ACL_NOT_SUPPORTED;
    }

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    h = ngx_http_cos_header(ctx, "acl");

    if ((h && h->value.len) || ctx->grants) {
        /* a header wins over the document (COS, PUT Object acl) */
        err = text->len && ctx->name.dialect == COS_DIALECT_S3
              ? COS_E_UNEXPECTED_CONTENT
              : ngx_http_cos_acl_from_headers(ctx, a);

        return err == COS_OK ? ngx_http_cos_goto(ctx, next)
                             : ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    err = text->len ? read_sent(ctx, a, text) : COS_E_MISSING_BODY;

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    a->next = next;

    return find(ctx, a->list, a, sent_known);
}


static ngx_int_t
sent_known(ngx_http_cos_ctx_t *ctx)
{
    names_t             *s = ctx->acl_names;
    cos_err_e            err;
    ngx_http_cos_acl_t  *a = s->acl;

    err = keep(ctx, a, a->list);

    return err == COS_OK ? ngx_http_cos_goto(ctx, a->next)
                         : ngx_http_cos_fail(ctx, err, ctx->reason);
}


/* --- answers ------------------------------------------------------------------------ */

ngx_int_t
ngx_http_cos_acl_reply(ngx_http_cos_ctx_t *ctx, const cos_acl_t *acl)
{
    cos_buf_t        b;
    cos_acl_list_t  *l;

    l = ngx_palloc(ctx->request->pool, sizeof(cos_acl_list_t));
    if (l == NULL) {
        return NGX_ERROR;
    }

    if (cos_acl_expand(l, acl->canned, acl->grants, acl->owner,
                       acl->bucket_owner)
        != 0)
    {
        return ngx_http_cos_fail(ctx, COS_E_INTERNAL, "the ACL is damaged");
    }

    cos_buf_init(&b, &ctx->alloc, 1024);
    cos_xml_acl(&b, ctx->name.dialect, acl->owner, l);

    return ngx_http_cos_reply(ctx, NGX_HTTP_OK, &b);
}
