/*
 * Who asks: an access key of the configuration, of an account, of one of its
 * users, or a temporary one with its token. What such a key may do hangs on the
 * record of its user, which is one fact more; a temporary one is worth what the
 * key is worth that it was issued to, and less where its token says so.
 */

#include "ngx_http_cos_who.h"
#include "cos_post.h"


#define MAX_ACCESS_KEY  128
#define MAX_SECRET      256

/* A user's record, compiled. */
typedef struct {
    cos_cred_t      record;
    cos_policy_t  **policies;
    size_t          n;
} user_t;


/* --- facts ---------------------------------------------------------------------- */

ngx_http_cos_root_key_t *
ngx_http_cos_root_key(ngx_http_cos_main_conf_t *mcf, ngx_str_t *access_key)
{
    ngx_uint_t                i;
    ngx_http_cos_root_key_t  *k;

    k = mcf->root_keys->elts;

    for (i = 0; i < mcf->root_keys->nelts; i++) {
        if (k[i].access_key.len == access_key->len
            && ngx_memcmp(k[i].access_key.data, access_key->data,
                          access_key->len)
               == 0)
        {
            return &k[i];
        }
    }

    return NULL;
}


/* The access key that the credential in Redis is of. */
static ngx_str_t *
lasting_key(ngx_http_cos_ctx_t *ctx)
{
    return ctx->token ? &ctx->token->parent : &ctx->sig.access_key;
}


/* A token that is not of this access key is none. */
static ngx_int_t
read_token(ngx_http_cos_ctx_t *ctx)
{
    cos_token_t  *t;

    ctx->token = NULL;

    if (ctx->sig.token.len == 0) {
        return NGX_OK;
    }

    t = ngx_palloc(ctx->request->pool, sizeof(cos_token_t));
    if (t == NULL) {
        return NGX_ERROR;
    }

    if (cos_token_open(t, ctx->sig.token, &ctx->mcf->token_keys, &ctx->alloc)
        == 0
        && cos_str_eq(t->id, ctx->sig.access_key))
    {
        ctx->token = t;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_cos_who_key(ngx_http_cos_ctx_t *ctx)
{
    u_char     *p;
    ngx_str_t  *ak, *key = &ctx->cred_fact.key;

    if (ctx->sig.scheme == COS_SIG_NONE) {
        return NGX_OK;
    }

    if (read_token(ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    ak = lasting_key(ctx);

    if (ngx_http_cos_root_key(ctx->mcf, ak)) {
        return NGX_OK;
    }

    /* what begins with "@" is the name of a user's record */
    if (ak->len > MAX_ACCESS_KEY || (ak->len && ak->data[0] == '@')) {
        return NGX_DECLINED;
    }

    key->data = ngx_pnalloc(ctx->request->pool, 2 + ak->len);
    if (key->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(key->data, "u:", 2);
    key->len = ngx_cpymem(p, ak->data, ak->len) - key->data;

    return NGX_OK;
}


/* Whose record it is: 0: nobody's, the account says all. */
static uint64_t
user_number(ngx_http_cos_ctx_t *ctx)
{
    cos_cred_t                cred;
    ngx_http_cos_fact_t      *f = &ctx->cred_fact;
    ngx_http_cos_root_key_t  *root;

    root = ngx_http_cos_root_key(ctx->mcf, lasting_key(ctx));

    if (root) {
        return ctx->token ? root->uid : 0;
    }

    if (!f->done || f->failed || f->value.len == 0
        || cos_cred_decode(&cred, f->value) != 0)
    {
        return 0;
    }

    return cred.sub ? cred.sub : ctx->token ? cred.uid : 0;
}


ngx_int_t
ngx_http_cos_who_user(ngx_http_cos_ctx_t *ctx)
{
    uint64_t  n;

    if (ctx->sig.scheme == COS_SIG_NONE || ctx->user_fact.key.len) {
        return NGX_OK;
    }

    n = user_number(ctx);

    return n ? ngx_http_cos_user_fact(ctx, &ctx->user_fact, n) : NGX_OK;
}


/* --- the user ------------------------------------------------------------------- */

/* The next of "<length>:<text>..."; 0: there is none, -1: malformed. */
static int
next_rule(cos_str_t *rest, cos_str_t *text)
{
    u_char     *colon;
    uint64_t    n;
    cos_str_t   digits;

    if (rest->len == 0) {
        return 0;
    }

    colon = ngx_strlchr(rest->data, rest->data + rest->len, ':');
    if (colon == NULL) {
        return -1;
    }

    digits.data = rest->data;
    digits.len = colon - rest->data;
    rest->len -= digits.len + 1;
    rest->data = colon + 1;

    if (cos_str_uint(digits, &n) != 0 || n == 0 || n > rest->len) {
        return -1;
    }

    text->data = rest->data;
    text->len = n;
    rest->data += n;
    rest->len -= n;

    return 1;
}


static void *
compile_user(cos_str_t text, cos_alloc_t *a)
{
    int         rc;
    user_t     *u;
    size_t      max;
    cos_str_t   rest, rule;

    u = cos_zalloc(a, sizeof(user_t));

    if (u == NULL || cos_cred_decode(&u->record, text) != 0
        || u->record.kind != COS_CRED_USER)
    {
        return NULL;
    }

    max = 0;
    rest = u->record.attr[COS_CX_RULES];

    while ((rc = next_rule(&rest, &rule)) == 1) {
        max++;
    }

    u->policies = cos_alloc(a, (max + 1) * sizeof(cos_policy_t *));

    if (rc != 0 || u->policies == NULL) {
        return NULL;
    }

    rest = u->record.attr[COS_CX_RULES];

    while (next_rule(&rest, &rule) == 1) {
        u->policies[u->n] = cos_policy_user(rule, a);

        if (u->policies[u->n++] == NULL) {
            return NULL;
        }
    }

    return u;
}


/* What the user's record says to this request, which is signed rightly. */
static cos_err_e
user_allows(ngx_http_cos_ctx_t *ctx, unsigned is_sub)
{
    void                     *rule;
    user_t                   *u;
    ngx_http_cos_identity_t  *id = &ctx->identity;

    if (ctx->user_fact.value.len == 0) {
        /* a user that was removed; accounts need no record */
        return is_sub ? COS_E_INVALID_ACCESS_KEY : COS_OK;
    }

    if (ngx_http_cos_kept_whole(ctx->user_fact.kept, compile_user, &rule)
        != NGX_OK)
    {
        ctx->reason = "the user's record cannot be read";
        return COS_E_INTERNAL;
    }

    u = rule;

    if (u->record.disabled) {
        return COS_E_KEY_DISABLED;
    }

    if (ctx->token && ctx->token->issued < u->record.since) {
        ctx->reason = "the token was revoked";
        return COS_E_INVALID_TOKEN;
    }

    id->policies = (const cos_policy_t *const *) u->policies;
    id->npolicies = u->n;

    return COS_OK;
}


/* The policy of a token is kept like a record, so it is compiled once. */
static cos_err_e
read_session(ngx_http_cos_ctx_t *ctx)
{
    void                 *rule;
    ngx_str_t            *id = &ctx->token->id;
    ngx_http_cos_fact_t  *f;

    if (ctx->token->policy.len == 0) {
        return COS_OK;
    }

    f = ngx_pcalloc(ctx->request->pool, sizeof(ngx_http_cos_fact_t));

    if (f == NULL
        || (f->key.data = ngx_pnalloc(ctx->request->pool, 2 + id->len))
           == NULL)
    {
        return COS_E_INTERNAL;
    }

    f->key.len = 2 + id->len;
    ngx_memcpy(ngx_cpymem(f->key.data, "t:", 2), id->data, id->len);
    f->keep = 1;
    f->value = ctx->token->policy;

    if (ngx_http_cos_kept_new(ctx, f) != NGX_OK
        || ngx_http_cos_kept_whole(f->kept, cos_policy_user, &rule) != NGX_OK)
    {
        ctx->reason = "the policy of the token cannot be read";
        return COS_E_INTERNAL;
    }

    ctx->identity.session = rule;

    return COS_OK;
}


/* --- proof ---------------------------------------------------------------------- */

/* The client signed '+' in the query as a plus: so it is one. */
static cos_err_e
read_plus(ngx_http_cos_ctx_t *ctx)
{
    size_t      i;
    ptrdiff_t   n;
    cos_arg_t  *a;

    for (i = 0; i < ctx->http.args.n; i++) {
        a = &ctx->http.args.v[i];

        if (ngx_strlchr(a->raw_value.data, a->raw_value.data
                                           + a->raw_value.len, '+')
            == NULL)
        {
            continue;
        }

        a->value.data = ngx_pnalloc(ctx->request->pool, a->raw_value.len);
        if (a->value.data == NULL) {
            return COS_E_INTERNAL;
        }

        n = cos_pct_decode(a->value.data, a->raw_value, 0);
        if (n < 0) {
            return COS_E_INVALID_URI;
        }

        a->value.len = n;
    }

    return COS_OK;
}


/* Whether who signed has said which operation is meant: a link to read an
 * object must not become one to change its ACL when somebody adds "&acl". */
static ngx_uint_t
operation_signed(ngx_http_cos_ctx_t *ctx)
{
    ngx_uint_t        i;
    const cos_arg_t  *a;

    for (i = 0; i < 2; i++) {
        a = ctx->name.chose[i];

        if (a && !cos_sig_covers_arg(&ctx->sig, a->name)) {
            return 0;
        }
    }

    /* nor a link to what is current become one to what was replaced */
    a = ctx->version_arg;

    return a == NULL || cos_sig_covers_arg(&ctx->sig, a->name);
}


/* The secret of the access key, with buf as memory; fills the identity. */
static cos_err_e
find_secret(ngx_http_cos_ctx_t *ctx, u_char *buf, cos_str_t *secret)
{
    cos_cred_t                cred;
    ptrdiff_t                 n;
    ngx_http_cos_root_key_t  *root;
    ngx_http_cos_identity_t  *id = &ctx->identity;

    root = ngx_http_cos_root_key(ctx->mcf, lasting_key(ctx));

    if (root) {
        id->uid = root->uid;
        id->name = root->name;

    } else {

        if (ctx->cred_fact.value.len == 0) {
            return ctx->sig.token.len && ctx->token == NULL
                   ? COS_E_INVALID_TOKEN : COS_E_INVALID_ACCESS_KEY;
        }

        if (cos_cred_decode(&cred, ctx->cred_fact.value) != 0
            || cred.kind != COS_CRED_KEY || cred.sealed.len > MAX_SECRET)
        {
            ctx->reason = "the credential record is damaged";
            return COS_E_INTERNAL;
        }

        if (cred.disabled) {
            return COS_E_KEY_DISABLED;
        }

        id->uid = cred.uid;
        id->sub = cred.sub;
        id->name = cred.user;
    }

    secret->len = COS_TOKEN_SECRET_LEN;
    secret->data = buf;

    if (ctx->token) {
        return cos_token_secret((char *) buf, ctx->token->id,
                                &ctx->mcf->token_keys)
               == 0 ? COS_OK : COS_E_INTERNAL;
    }

    if (root) {
        *secret = root->secret;
        return COS_OK;
    }

    n = cos_unseal(ctx->mcf->master_key, cred.access_key, cred.sealed, buf);

    if (n < 0) {
        ctx->reason = "the credential was sealed with another master key";
        return COS_E_INTERNAL;
    }

    secret->len = n;

    return COS_OK;
}


static cos_err_e
verify(ngx_http_cos_ctx_t *ctx)
{
    u_char     buf[MAX_SECRET];
    cos_err_e  err;
    cos_str_t  secret;

    err = find_secret(ctx, buf, &secret);

    if (err == COS_OK && ctx->form) {
        err = cos_form_sig_verify(&ctx->sig, secret, ngx_time(),
                                  ctx->lcf->region, &ctx->alloc);

    } else if (err == COS_OK && ctx->sts) {
        err = cos_sts_verify(ctx->sts, &ctx->http, &ctx->sig, secret,
                             ngx_time(), &ctx->alloc);

    } else if (err == COS_OK) {
        err = cos_sig_verify(&ctx->http, &ctx->sig, secret, ngx_time(),
                             ctx->lcf->region, &ctx->alloc, NULL);
    }

    ngx_explicit_memzero(buf, sizeof(buf));

    return err;
}


/* What a temporary credential is worth. */
static cos_err_e
token_allows(ngx_http_cos_ctx_t *ctx)
{
    if (ctx->sig.token.len == 0) {
        return COS_OK;
    }

    if (ctx->token == NULL) {
        return COS_E_INVALID_TOKEN;
    }

    if ((uint64_t) ngx_time() >= ctx->token->expires) {
        return COS_E_EXPIRED_TOKEN;
    }

    return read_session(ctx);
}


cos_err_e
ngx_http_cos_who_prove(ngx_http_cos_ctx_t *ctx)
{
    cos_err_e                 err;
    ngx_http_cos_identity_t  *id = &ctx->identity;

    id->access_key = ctx->sig.access_key;

    err = verify(ctx);

    if (err == COS_OK && !operation_signed(ctx)) {
        ctx->reason = "the query parameter that chooses the operation or the "
                      "version is not signed";
        err = COS_E_UNSIGNED_HEADER;
    }

    if (err == COS_OK) {
        err = token_allows(ctx);
    }

    if (err == COS_OK) {
        err = user_allows(ctx, id->sub != 0);
    }

    if (err == COS_OK && ctx->sig.literal_plus) {
        err = read_plus(ctx);
    }

    id->known = (err == COS_OK);

    return err;
}
