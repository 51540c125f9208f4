/*
 * POST / of the service: temporary credentials.
 *
 *   sts         the body is read; until then nobody has asked for anything
 *   sts_read    it says who signed, and what: the gate proves it
 *   sts_proved  a token is issued
 *
 * The credentials are worth what the access key is worth that signed, less what
 * the policy in the request does not allow. Nothing is stored.
 */

#include "ngx_http_cos_who.h"
#include "cos_sts.h"
#include "cos_xml_sts.h"


/* GetFederationToken without a policy gives nothing (AWS STS,
 * "GetFederationToken"). */
#define NOTHING                                                               \
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Deny\","        \
    "\"Action\":\"s3:*\",\"Resource\":\"*\"}]}"

typedef struct {
    cos_sts_t  ask;
    ngx_str_t  body;
    char       id[COS_TOKEN_ID_LEN];
    char       secret[COS_TOKEN_SECRET_LEN];
} sts_t;

static ngx_int_t sts_read(ngx_http_cos_ctx_t *ctx);
static ngx_int_t sts_proved(ngx_http_cos_ctx_t *ctx);


ngx_int_t
ngx_http_cos_sts(ngx_http_cos_ctx_t *ctx)
{
    sts_t  *s;

    s = ngx_pcalloc(ctx->request->pool, sizeof(sts_t));
    if (s == NULL) {
        return NGX_ERROR;
    }

    ctx->state = s;

    return ngx_http_cos_read_small(ctx, COS_STS_BODY_MAX,
                                   COS_E_ENTITY_TOO_LARGE, &s->body, sts_read);
}


static ngx_int_t
sts_read(ngx_http_cos_ctx_t *ctx)
{
    sts_t      *s = ctx->state;
    cos_err_e   err;

    err = ctx->error;

    if (err == COS_OK) {
        err = cos_sts_parse(&s->ask, &ctx->http, s->body, &ctx->sig,
                            &ctx->alloc);
        ctx->sts = &s->ask;
        ctx->reason = s->ask.reason;
    }

    if (err == COS_OK && ctx->sig.scheme == COS_SIG_NONE) {
        err = COS_E_ACCESS_DENIED;
    }

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    return ngx_http_cos_gate_late(ctx, sts_proved);
}


/* What is asked for, as far as it can be had. */
static cos_err_e
check(ngx_http_cos_ctx_t *ctx, sts_t *s, cos_token_t *t)
{
    uint64_t             duration;
    cos_err_e            err;
    cos_policy_t        *p;
    cos_policy_where_t   where;

    if (ctx->token) {
        ctx->reason = "temporary credentials cannot be asked for with others";
        return COS_E_ACCESS_DENIED;
    }

    duration = cos_sts_duration(&s->ask, ctx->identity.sub == 0);

    if (duration == 0) {
        ctx->reason = "DurationSeconds is out of bounds";
        return COS_E_INVALID_ARGUMENT;
    }

    t->issued = ngx_http_cos_now();
    t->expires = ngx_time() + duration;
    t->parent = ctx->identity.access_key;
    t->policy = s->ask.policy;

    if (t->policy.len == 0) {
        if (s->ask.action == COS_STS_FEDERATION_TOKEN) {
            t->policy = COS_STR(NOTHING);
        }
        return COS_OK;
    }

    if (s->ask.action == COS_STS_SESSION_TOKEN) {
        ctx->reason = "GetSessionToken takes no policy";
        return COS_E_INVALID_ARGUMENT;
    }

    if (t->policy.len > COS_TOKEN_POLICY_MAX) {
        ctx->reason = "the policy is longer than 3,072 bytes";
        return COS_E_INVALID_ARGUMENT;
    }

    ngx_memzero(&where, sizeof(where));
    where.kind = COS_POLICY_USER;
    err = cos_policy_read(&p, t->policy, &where, &ctx->alloc, &ctx->reason);

    return err;
}


static ngx_int_t
answer(ngx_http_cos_ctx_t *ctx, sts_t *s, cos_token_t *t, cos_buf_t *token)
{
    cos_buf_t      b;
    cos_xml_sts_t  r;

    ngx_memzero(&r, sizeof(r));
    r.json = s->ask.api == COS_STS_TENCENT;
    r.federated = s->ask.action == COS_STS_FEDERATION_TOKEN;
    r.action = s->ask.action == COS_STS_ASSUME_ROLE ? "AssumeRole"
               : r.federated ? "GetFederationToken" : "GetSessionToken";
    r.name = s->ask.name;
    r.access_key = t->id;
    r.secret.data = (u_char *) s->secret;
    r.secret.len = sizeof(s->secret);
    r.token.data = token->data;
    r.token.len = token->len;
    r.expires = t->expires;
    r.uid = ctx->identity.uid;
    r.request_id = ctx->id;

    cos_buf_init(&b, &ctx->alloc, 1024 + token->len);
    cos_xml_sts(&b, &r);
    ngx_explicit_memzero(s->secret, sizeof(s->secret));

    return ngx_http_cos_reply(ctx, NGX_HTTP_OK, &b);
}


static ngx_int_t
sts_proved(ngx_http_cos_ctx_t *ctx)
{
    sts_t        *s = ctx->state;
    cos_buf_t     token;
    cos_err_e     err;
    cos_token_t   t;

    err = check(ctx, s, &t);

    if (err != COS_OK) {
        return ngx_http_cos_fail(ctx, err, ctx->reason);
    }

    t.id.data = (u_char *) s->id;
    t.id.len = sizeof(s->id);
    cos_buf_init(&token, &ctx->alloc, 512);

    if (cos_token_id(s->id) != 0
        || cos_token_secret(s->secret, t.id, &ctx->mcf->token_keys) != 0
        || cos_token_seal(&token, &t, &ctx->mcf->token_keys) != 0)
    {
        return ngx_http_cos_fail(ctx, COS_E_INTERNAL, "a token cannot be made");
    }

    return answer(ctx, s, &t, &token);
}
