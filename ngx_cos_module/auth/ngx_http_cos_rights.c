/*
 * Rights: who asks, for what, and what the rules of the place say. The facts
 * are gathered here, the decision is made by cos_decide().
 */

#include "ngx_http_cos_bucket.h"
#include "ngx_http_cos_rights_int.h"

#define PREFIX_MAX  1024           /* bytes, no key has more */


/* Sub-resources that share an operation. */
static const struct {
    const char    *name;
    cos_action_e   get;
    cos_action_e   del;
} sub_actions[] = {
    { "accelerate", COS_ACT_GET_ACCELERATE, COS_ACT_OTHER },
    { "logging", COS_ACT_GET_LOGGING, COS_ACT_OTHER },
    { "notification", COS_ACT_GET_NOTIFICATION, COS_ACT_OTHER },
    { "lifecycle", COS_ACT_GET_LIFECYCLE, COS_ACT_DELETE_LIFECYCLE },
    { "replication", COS_ACT_GET_REPLICATION, COS_ACT_DELETE_REPLICATION },
    { "origin", COS_ACT_GET_ORIGIN, COS_ACT_DELETE_ORIGIN },
    { "intelligenttiering", COS_ACT_GET_TIERING, COS_ACT_OTHER },
    { "intelligent-tiering", COS_ACT_GET_TIERING, COS_ACT_PUT_TIERING },
    { "inventory", COS_ACT_GET_INVENTORY, COS_ACT_DELETE_INVENTORY },
    { "analytics", COS_ACT_GET_ANALYTICS, COS_ACT_PUT_ANALYTICS },
    { "metrics", COS_ACT_GET_METRICS, COS_ACT_PUT_METRICS },
};


/* --- the question -------------------------------------------------------------- */

static void
who_asks(ngx_http_cos_ctx_t *ctx, cos_who_t *w)
{
    w->known = ctx->identity.known;
    w->uid = ctx->identity.uid;
    w->sub = ctx->identity.sub;
    w->name = ctx->identity.name;
}


/* Whether an object's own ACL rules, and not its bucket's policy. What lies in a
 * bucket may be deleted by its owner, and by whom he lets. */
static ngx_uint_t
is_foreign(const ngx_http_cos_place_t *p, cos_action_e action,
    ngx_http_cos_perm_e perm)
{
    if (action == COS_ACT_DELETE_VERSION
        || action == COS_ACT_DELETE_MANY_VERSION)
    {
        return 0;
    }

    return (perm == NGX_HTTP_COS_PERM_READ
            || perm == NGX_HTTP_COS_PERM_READ_ACP
            || perm == NGX_HTTP_COS_PERM_WRITE_ACP
            || perm == NGX_HTTP_COS_PERM_OWN)
           && p->object
           && ngx_http_cos_object_owner(p->bucket, p->object)
              != p->bucket->owner;
}


void
ngx_http_cos_place(ngx_http_cos_ctx_t *ctx, ngx_http_cos_place_t *p)
{
    p->bucket = ctx->bucket.id.len ? &ctx->bucket : NULL;
    p->kept = ctx->bucket_fact.kept;
    /* where a link was followed, that of what it names */
    p->key = ctx->object_fact.object ? ctx->object_fact.name : ctx->name.key;
    p->object = ctx->object_known ? &ctx->object : NULL;
    p->policy = NULL;
    p->tags = NULL;
    p->ntags = 0;
    p->version = ctx->version_arg ? &ctx->version_arg->value : NULL;
}


static void
address(ngx_connection_t *c, cos_ip_t *ip)
{
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    ip->len = 0;

    switch (c->sockaddr->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) c->sockaddr;
        ip->len = 4;
        ngx_memcpy(ip->addr, &sin->sin_addr, 4);
        break;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) c->sockaddr;

        if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr)) {
            ip->len = 4;
            ngx_memcpy(ip->addr, sin6->sin6_addr.s6_addr + 12, 4);

        } else {
            ip->len = 16;
            ngx_memcpy(ip->addr, &sin6->sin6_addr, 16);
        }
        break;
#endif
    }
}


static void
ask_init(ngx_http_cos_ctx_t *ctx, cos_policy_ask_t *ask,
    ngx_http_cos_rights_t *q, const ngx_http_cos_place_t *p)
{
    ngx_memzero(ask, sizeof(cos_policy_ask_t));

    if (p->bucket) {
        ask->account = p->bucket->owner;
        ask->bucket = p->bucket->name;
        ask->region = p->bucket->region;

    } else {
        ask->account = ctx->identity.uid;
        /* that is to be; none of ListBuckets */
        ask->bucket = ctx->name.bucket;
    }

    ask->key = p->key;
    ask->tls = ctx->http.tls;
    ask->now = ngx_time();
    address(ctx->request->connection, &ask->ip);

    q->ctx = ctx;
    q->place = p;
    ask->get = ngx_http_cos_rights_value;
    ask->data = q;
}


/* What is below a prefix may be all that a policy of COS lets list. A longer one
 * than a key can be is nobody's, and asks for the bucket. */
static cos_str_t
listed_prefix(ngx_http_cos_ctx_t *ctx)
{
    const cos_arg_t  *arg = cos_arg(&ctx->http.args, "prefix");

    return arg && arg->value.len <= PREFIX_MAX ? arg->value : COS_STR("");
}


static ngx_int_t
rules_init(ngx_http_cos_ctx_t *ctx, cos_policy_rules_t *rules,
    const ngx_http_cos_place_t *p)
{
    void  *rule;

    ngx_memzero(rules, sizeof(cos_policy_rules_t));

    rules->user = ctx->identity.policies;
    rules->nuser = ctx->identity.npolicies;
    rules->session = ctx->identity.session;

    if (p->bucket == NULL) {
        return NGX_OK;
    }

    rules->restricted = (cos_public_block(p->bucket) & COS_RESTRICT_PUBLIC)
                        != 0;

    if (p->policy) {
        rules->bucket = p->policy;
        return NGX_OK;
    }

    if (ngx_http_cos_kept_rule(p->kept, COS_BX_POLICY, cos_policy_bucket,
                               &rule)
        != NGX_OK)
    {
        ctx->reason = "the bucket's policy cannot be read";
        return NGX_ERROR;
    }

    rules->bucket = rule;

    return NGX_OK;
}


cos_err_e
ngx_http_cos_has_policies(ngx_http_cos_ctx_t *ctx,
    const ngx_http_cos_place_t *p, ngx_uint_t *yes)
{
    cos_policy_rules_t  rules;

    if (rules_init(ctx, &rules, p) != NGX_OK) {
        return COS_E_INTERNAL;
    }

    *yes = rules.bucket != NULL || rules.nuser != 0 || rules.session != NULL;

    return COS_OK;
}


static cos_err_e
verdict(ngx_http_cos_ctx_t *ctx, const cos_decision_t *d)
{
    if (d->allowed) {
        return COS_OK;
    }

    if (d->statement >= 0) {
        ngx_log_error(NGX_LOG_INFO, ctx->request->connection->log, 0,
                      "cos %V: denied by statement %d of a policy of the %s",
                      &ctx->id, d->statement + 1,
                      d->by == COS_BY_BUCKET_POLICY ? "bucket"
                      : d->by == COS_BY_USER_POLICY ? "user" : "credential");
    }

    return COS_E_ACCESS_DENIED;
}


/* COS_OK: *d is the decision. about: see cos_policy_ask_t. */
static cos_err_e
decide(ngx_http_cos_ctx_t *ctx, const ngx_http_cos_place_t *p,
    cos_action_e action, ngx_http_cos_perm_e perm,
    const cos_policy_about_t *about, cos_decision_t *d)
{
    cos_who_t              who;
    cos_policy_ask_t       ask;
    cos_policy_rules_t     rules;
    ngx_http_cos_rights_t  q;

    if (rules_init(ctx, &rules, p) != NGX_OK) {
        return COS_E_INTERNAL;
    }

    who_asks(ctx, &who);
    ask_init(ctx, &ask, &q, p);
    ask.who = &who;
    ask.action = action;

    if (action == COS_ACT_LIST_UPLOADS) {
        ask.key = listed_prefix(ctx);
    }

    ask.foreign = is_foreign(p, action, perm);
    ask.governed = perm != NGX_HTTP_COS_PERM_READ;
    ask.left = ngx_http_cos_omits_owner(ctx, p, perm);
    ask.about = about;

    rules.acl = ngx_http_cos_grant(ctx, p, perm, &who);

    cos_decide(d, &ask, &rules);

    return d->by == COS_BY_ERROR ? COS_E_INTERNAL : COS_OK;
}


/* Whether it was allowed by somebody whose word is for everything. */
static ngx_uint_t
is_general(ngx_http_cos_ctx_t *ctx, const cos_decision_t *d)
{
    return (d->by == COS_BY_OWNER || d->by == COS_BY_ACL)
           && ctx->identity.session == NULL;
}


cos_err_e
ngx_http_cos_may_too(ngx_http_cos_ctx_t *ctx, const ngx_http_cos_place_t *p,
    const ngx_http_cos_along_t *along)
{
    cos_err_e       err;
    cos_decision_t  first, d;

    err = decide(ctx, p, along->first, along->perm, NULL, &first);

    if (err != COS_OK || !first.allowed) {
        return err == COS_OK ? verdict(ctx, &first) : err;
    }

    err = decide(ctx, p, along->action, NGX_HTTP_COS_PERM_NONE, NULL, &d);

    if (err != COS_OK || d.allowed) {
        return err;
    }

    if (d.statement >= 0 || is_general(ctx, &first)) {
        return d.statement >= 0 ? verdict(ctx, &d) : COS_OK;
    }

    if (along->about == NULL || first.by != COS_BY_BUCKET_POLICY
        || ctx->identity.session)
    {
        return verdict(ctx, &d);
    }

    err = decide(ctx, p, along->first, NGX_HTTP_COS_PERM_NONE, along->about,
                 &d);

    return err == COS_OK ? verdict(ctx, &d) : err;
}


cos_err_e
ngx_http_cos_may(ngx_http_cos_ctx_t *ctx, const ngx_http_cos_place_t *p,
    cos_action_e action, ngx_http_cos_perm_e perm)
{
    cos_err_e       err;
    cos_decision_t  d;

    if (perm == NGX_HTTP_COS_PERM_READ) {

        if (!ngx_http_cos_paid(ctx, p->bucket)) {
            return COS_E_ACCESS_DENIED;
        }

        if (!ctx->identity.known && !ctx->origin_auth && p->object
            && p->object->attr[COS_X_SSE].len)
        {
            /* what is encrypted is never anonymous (COS, server-side
             * encryption) */
            return COS_E_ACCESS_DENIED;
        }
    }

    err = decide(ctx, p, action, perm, NULL, &d);

    return err == COS_OK ? verdict(ctx, &d) : err;
}


cos_err_e
ngx_http_cos_missing(ngx_http_cos_ctx_t *ctx, const ngx_http_cos_place_t *p,
    cos_err_e err)
{
    cos_err_e             rc;
    ngx_http_cos_place_t  bucket;

    bucket = *p;
    bucket.object = NULL;
    ngx_str_null(&bucket.key);

    rc = ngx_http_cos_may(ctx, &bucket, COS_ACT_LIST,
                          NGX_HTTP_COS_PERM_LIST);

    return rc == COS_OK ? err : rc;
}


/* --- the gate's ---------------------------------------------------------------- */

static cos_action_e
action_of(ngx_http_cos_ctx_t *ctx)
{
    ngx_uint_t    i;
    cos_action_e  action;

    action = ngx_http_cos_ops[ctx->name.op].action;

    if (ctx->name.op == COS_OP_SERVE_WEBSITE) {
        /* the gate does not ask: the object is found later */
        return ctx->request->method == NGX_HTTP_HEAD ? COS_ACT_HEAD
                                                     : COS_ACT_GET;
    }

    if (action == COS_ACT_OTHER) {
        for (i = 0; i < sizeof(sub_actions) / sizeof(sub_actions[0]); i++) {
            if (cos_str_is(ctx->name.chose[0]->name, sub_actions[i].name)) {
                return ctx->name.op == COS_OP_GET_UNCONFIGURED
                       ? sub_actions[i].get : sub_actions[i].del;
            }
        }
    }

    return ctx->version_arg ? cos_action_of_version(action) : action;
}


static ngx_uint_t
of_object(ngx_http_cos_ctx_t *ctx, ngx_http_cos_perm_e perm)
{
    return ctx->name.key.len
           && (perm == NGX_HTTP_COS_PERM_READ
               || perm == NGX_HTTP_COS_PERM_OWN
               || perm == NGX_HTTP_COS_PERM_READ_ACP
               || perm == NGX_HTTP_COS_PERM_WRITE_ACP);
}


cos_err_e
ngx_http_cos_still_may(ngx_http_cos_ctx_t *ctx)
{
    return ngx_http_cos_may_tag(ctx, NULL, 0);
}


cos_err_e
ngx_http_cos_may_tag(ngx_http_cos_ctx_t *ctx, cos_tag_t *tags, size_t n)
{
    ngx_http_cos_perm_e   perm;
    ngx_http_cos_place_t  place;

    perm = ngx_http_cos_ops[ctx->name.op].perm;
    ngx_http_cos_place(ctx, &place);
    place.tags = tags;
    place.ntags = n;

    if (ctx->name.op == COS_OP_PUT_BUCKET) {
        /* that of the name, if there is one, has no say */
        place.bucket = NULL;
    }

    if (of_object(ctx, perm) && !ctx->object_known) {
        return ngx_http_cos_missing(ctx, &place, COS_E_NO_SUCH_KEY);
    }

    return ngx_http_cos_may(ctx, &place, action_of(ctx), perm);
}


/* The ACL and the tags of a new object are actions of their own (S3, PutObject,
 * "Permissions"). */
static cos_err_e
with_headers(ngx_http_cos_ctx_t *ctx)
{
    size_t                 i;
    cos_err_e              err;
    cos_policy_about_t     about;
    ngx_http_cos_place_t   place;
    ngx_http_cos_along_t   along;

    static const struct {
        const char    *header;
        cos_action_e   action;
    } also[] = {
        { "acl", COS_ACT_PUT_ACL },
        { "grant-read", COS_ACT_PUT_ACL },
        { "grant-write", COS_ACT_PUT_ACL },
        { "grant-read-acp", COS_ACT_PUT_ACL },
        { "grant-write-acp", COS_ACT_PUT_ACL },
        { "grant-full-control", COS_ACT_PUT_ACL },
        { "tagging", COS_ACT_PUT_TAGS },
    };

    ngx_http_cos_place(ctx, &place);
    along.first = action_of(ctx);
    along.perm = ngx_http_cos_ops[ctx->name.op].perm;
    along.about = &about;

    for (i = 0; i < sizeof(also) / sizeof(also[0]); i++) {

        if (ngx_http_cos_header(ctx, also[i].header) == NULL) {
            continue;
        }

        along.action = also[i].action;
        about.header = along.action == COS_ACT_PUT_TAGS ? NULL
                                                        : also[i].header;
        err = ngx_http_cos_may_too(ctx, &place, &along);

        if (err != COS_OK) {
            return err;
        }
    }

    return COS_OK;
}


/* Attributes are read with the object (S3, GetObjectAttributes). */
static cos_err_e
may_read_too(ngx_http_cos_ctx_t *ctx)
{
    ngx_http_cos_place_t  place;

    ngx_http_cos_place(ctx, &place);

    return ngx_http_cos_may(ctx, &place,
                            ctx->version_arg ? COS_ACT_GET_VERSION
                                             : COS_ACT_GET,
                            NGX_HTTP_COS_PERM_READ);
}


static cos_err_e
gate_may(ngx_http_cos_ctx_t *ctx, ngx_uint_t needs)
{
    cos_err_e             err;
    ngx_uint_t            yes;
    ngx_http_cos_place_t  place;

    if (needs & NGX_HTTP_COS_NEED_LATER) {
        ngx_http_cos_place(ctx, &place);
        err = ngx_http_cos_has_policies(ctx, &place, &yes);

        if (err != COS_OK || yes) {
            return err;
        }
    }

    err = ngx_http_cos_still_may(ctx);

    switch (ctx->name.op) {
    case COS_OP_PUT_OBJECT:
    case COS_OP_COPY_OBJECT:
    case COS_OP_POST_OBJECT:
    case COS_OP_APPEND_OBJECT:
    case COS_OP_CREATE_UPLOAD:
    case COS_OP_PUT_SYMLINK:
        return err == COS_OK ? with_headers(ctx) : err;
    case COS_OP_GET_ATTRIBUTES:
        return err == COS_OK ? may_read_too(ctx) : err;
    default:
        return err;
    }
}


cos_err_e
ngx_http_cos_authorise(ngx_http_cos_ctx_t *ctx)
{
    ngx_uint_t  needs;

    needs = ngx_http_cos_ops[ctx->name.op].needs;

    if ((needs & NGX_HTTP_COS_NEED_SIGNED) && !ctx->identity.known) {
        return COS_E_ACCESS_DENIED;
    }

    if (needs & NGX_HTTP_COS_NEED_BUCKET) {

        if (ctx->bucket.id.len == 0) {
            return COS_E_NO_SUCH_BUCKET;
        }

        if (!ngx_http_cos_owner_expected(ctx, &ctx->bucket,
                                         "expected-bucket-owner"))
        {
            ctx->reason = "the bucket is not that of the expected owner";
            return COS_E_ACCESS_DENIED;
        }

        if (!ngx_http_cos_paid(ctx, &ctx->bucket)) {
            ctx->reason = "in this bucket the requester pays, which the "
                          "request must accept";
            return COS_E_ACCESS_DENIED;
        }
    }

    return ngx_http_cos_ops[ctx->name.op].action == COS_ACT_MAX
           ? COS_OK : gate_may(ctx, needs);
}
