/*
 * request: the context of a request, its steps, its answers. Every operation
 * is a list of named steps over this interface; only request/ touches
 * reference counts, event handlers and finalisation.
 *
 * How a request suspends: a step that needs Redis, the disk or the body asks
 * for it, names the next step and returns NGX_AGAIN. Each outstanding answer
 * holds the request by r->main->blocked, so its memory stays valid whatever
 * the client does; when the last answer is in, the next step runs. A client
 * that left ends the request at the next suspension, except between
 * ngx_http_cos_hold() and ngx_http_cos_unhold(): from the first byte made
 * durable to the commit's outcome an operation runs to its end.
 */

#ifndef NGX_HTTP_COS_H
#define NGX_HTTP_COS_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "cos_acl.h"
#include "cos_auth.h"
#include "cos_cdn_auth.h"
#include "cos_class.h"
#include "cos_cors.h"
#include "cos_err.h"
#include "cos_form.h"
#include "cos_name.h"
#include "cos_policy.h"
#include "cos_rate.h"
#include "cos_record.h"
#include "cos_referer.h"
#include "cos_sts.h"
#include "cos_token.h"
#include "cos_website.h"
#include "cos_xml.h"
#include "ngx_http_cos_meta.h"
#include "ngx_http_cos_store.h"

#pragma GCC visibility push(hidden)

extern ngx_module_t  ngx_http_cos_module;
extern ngx_module_t  ngx_http_cos_filter_module;


/* --- configuration ------------------------------------------------------------ */

/* A key pair of the file named by cos_root_keys. */
typedef struct {
    ngx_str_t   access_key;
    ngx_str_t   secret;
    uint64_t    uid;
    ngx_str_t   name;
} ngx_http_cos_root_key_t;

/* A name of a server block ("server_name"), without a dot before it. */
typedef struct {
    void                        *server;         /* its core_srv_conf */
    ngx_str_t                    name;
} ngx_http_cos_own_name_t;

typedef struct {
    ngx_http_cos_redis_conf_t    redis;
    ngx_http_cos_store_conf_t    store;
    ngx_http_cos_manager_conf_t  manager;
    ngx_str_t                    zone;
    size_t                       zone_size;
    ngx_array_t                 *root_keys;      /* ngx_http_cos_root_key_t */
    ngx_str_t                    root_keys_file;
    ngx_str_t                    master_key_file;
    u_char                       master_key[32];
    ngx_str_t                    token_key_file; /* empty: of the master key */
    u_char                       token_key[32];
    cos_token_keys_t             token_keys;     /* in workers */
    ngx_array_t                 *sse_keys;       /* cos_sse_key_t; the first
                                                    seals what is new */
    ngx_array_t                 *kms_keys;       /* cos_sse_key_t */
    ngx_str_t                    kms_default;    /* id; empty: none */
    ngx_str_t                    thread_pool;
    ngx_path_t                  *path;           /* the data directory */
    time_t                       restore_time[COS_CLASS_MAX][COS_TIER_MAX];
    ngx_uint_t                   enabled;        /* some location says cos on */
    ngx_uint_t                   where;          /* or from where it is read */
    ngx_shm_zone_t              *limits;         /* of cos_limit_req, or NULL;
                                                    data: cos_rate_table_t */
    size_t                       limits_size;    /* 0: not said */
    ngx_uint_t                   limited;        /* some location has a limit */
    ngx_array_t                  own_names;      /* ngx_http_cos_own_name_t, of
                                                    all servers */
} ngx_http_cos_main_conf_t;

/* What cos_referer says (auth/ngx_http_cos_where.c). */
typedef struct {
    cos_referer_t  *list;             /* NULL: "off" */
    ngx_array_t    *regexes;          /* ngx_http_cos_regex_t, or NULL */
    unsigned        black:1;
} ngx_http_cos_referer_conf_t;

/* A regular expression of a directive; it takes at most so many steps as
 * ngx_http_cos_conf_regex() says. */
typedef struct {
    ngx_str_t       text;
#if (NGX_PCRE)
    ngx_regex_t    *regex;
#endif
} ngx_http_cos_regex_t;
/* What "cos_website" says. */
typedef struct {
    ngx_str_t       bucket;
    unsigned        own:1;            /* site counts, not the bucket's */
    cos_website_t   site;
    ngx_str_t       file;             /* where the directive stands */
    ngx_uint_t      line;
} ngx_http_cos_site_conf_t;

/* What a line of "cos_limit_req" counts by. */
typedef enum {
    NGX_HTTP_COS_BY_ADDRESS = 1,
    NGX_HTTP_COS_BY_BUCKET,
    NGX_HTTP_COS_BY_USER
} ngx_http_cos_by_e;

/* A line of "cos_limit_req". */
typedef struct {
    ngx_http_cos_by_e  by;
    cos_rate_t         rate;
    ngx_str_t          file;          /* where it stands */
    ngx_uint_t         line;
} ngx_http_cos_limit_t;

typedef struct {
    ngx_flag_t    enable;
    ngx_array_t  *bases;              /* cos_str_t */
    ngx_array_t  *domains;            /* cos_str_t: buckets may have names below
                                         these; empty: any; NULL: none */
    ngx_str_t     region;             /* pinned; empty: any */
    ngx_str_t     default_region;
    size_t        upload_buffer;
    off_t         max_object_size;
    ngx_flag_t    signature_v2;       /* AWS version 2 counts */
    ngx_flag_t    public_list;        /* groups may list what they may read */
    ngx_flag_t    sse_c_plain;        /* customers' keys without TLS, too */
    ngx_array_t  *cors_rules;         /* cos_cors_rule_t, until merged */
    cos_cors_t   *cors;               /* instead of buckets' rules, or NULL */
    ngx_http_cos_referer_conf_t  *referer;   /* the same */
    ngx_str_t     referer_instead;    /* path or URL; empty: 403 */
    ngx_array_t  *agents;             /* ngx_http_cos_regex_t: refused */
    ngx_http_cos_site_conf_t  *website;      /* NULL: by the host */
    cos_cdn_rule_t  *cdn;             /* URLs are signed; NULL: need not be */
    ngx_array_t  *precompressed;      /* ngx_str_t: codings, by preference;
                                         NULL: none */
    ngx_array_t  *limits;             /* ngx_http_cos_limit_t; NULL: none */
} ngx_http_cos_loc_conf_t;


/* Milliseconds since 1970, as of this loop turn. */
static ngx_inline uint64_t
ngx_http_cos_now(void)
{
    ngx_time_t  *tp = ngx_timeofday();

    return (uint64_t) tp->sec * 1000 + tp->msec;
}


/* --- identity ------------------------------------------------------------------- */

typedef struct {
    unsigned    known:1;              /* signed and proved */
    uint64_t    uid;                  /* of the account */
    uint64_t    sub;                  /* of its user; 0: the account itself */
    ngx_str_t   name;
    ngx_str_t   access_key;
    /* policies of the user, and of a temporary credential; they live as long as
     * the request */
    const cos_policy_t *const  *policies;
    size_t                      npolicies;
    const cos_policy_t         *session;
} ngx_http_cos_identity_t;


/* --- context ---------------------------------------------------------------------- */

typedef struct ngx_http_cos_ctx_s  ngx_http_cos_ctx_t;

/* How fast a body may come (request/ngx_http_cos_pace.c). */
typedef struct {
    uint64_t                rate;     /* bytes a second; 0: as it likes */
    ngx_msec_t              since;    /* for all of the body */
    ngx_event_t             timer;
} ngx_http_cos_pace_t;

typedef ngx_int_t (*ngx_http_cos_step_pt)(ngx_http_cos_ctx_t *ctx);

/* A bucket or a user as this worker keeps it (request/ngx_http_cos_kept.c). */
typedef struct ngx_http_cos_kept_s  ngx_http_cos_kept_t;

/* A fact from Redis: through the shared cache, else asked for. */
typedef struct {
    ngx_str_t               key;      /* in Redis */
    ngx_str_t               value;    /* empty: known to be missing */
    ngx_http_cos_mark_t     mark;
    ngx_http_cos_call_t     call;
    ngx_http_cos_ctx_t     *ctx;
    unsigned                failed:1; /* no answer, or an error reply */
    unsigned                done:1;
    unsigned                keep:1;   /* for the worker: of a bucket, a user */
    ngx_http_cos_kept_t    *kept;     /* NULL: no such thing, or not yet asked */
    /* of an object, see ngx_http_cos_object_fact() */
    unsigned                object:1;
    unsigned                by_version:1;   /* that version, not the current */
    unsigned                marker:1; /* it is a delete marker; the value is
                                         empty unless by_version */
    uint64_t                version;
    uint64_t                marker_version;
    ngx_str_t               bid;
    ngx_str_t               name;
    u_char                  buf[232]; /* the value when it is that short */
} ngx_http_cos_fact_t;

struct ngx_http_cos_ctx_s {
    ngx_http_request_t       *request;
    ngx_http_cos_main_conf_t *mcf;
    ngx_http_cos_loc_conf_t  *lcf;
    cos_alloc_t               alloc;  /* the request's pool */

    cos_http_t                http;
    cos_name_t                name;
    cos_sig_t                 sig;
    ngx_http_cos_identity_t   identity;

    ngx_str_t                 id;     /* request id */
    ngx_str_t                 error_body;   /* instead of nginx's own */
    u_char                    id_buf[32];

    ngx_http_cos_fact_t       bucket_fact;
    ngx_http_cos_fact_t       cred_fact;
    ngx_http_cos_fact_t       user_fact;
    cos_token_t              *token;  /* that could be read; NULL: none */
    ngx_http_cos_fact_t       object_fact;
    ngx_http_cos_fact_t      *domain_fact;  /* bucket of a foreign host */
    const cos_arg_t          *version_arg;  /* names a version, or NULL */
    cos_bucket_t              bucket; /* id empty: no such bucket */
    cos_object_t              object; /* nsegs etc. when object_known */

    ngx_http_cos_step_pt      step;   /* runs when nothing is pending */
    ngx_uint_t                pending;
    ngx_uint_t                sides;  /* of these, at whose end step runs */
    ngx_int_t                 rc;     /* of the answer that was sent */
    void                     *op;     /* the operation's own state */
    void                     *state;  /* of an operation that reads a document
                                         (reading uses op) */
    struct ngx_http_cos_commit_s  *commit;    /* the change under way */
    void                     *take;   /* the body being taken in */
    void                     *source; /* of a copy */
    cos_acl_list_t           *grants; /* of headers, whose accounts exist */
    void                     *acl_names;  /* accounts being looked up */
    struct ngx_http_cos_sse_s *sse;   /* encryption; NULL: not looked at */
    ngx_buf_t                *body_spare; /* the other half of its memory */
    const cos_sts_t          *sts;    /* what is asked of STS */
    cos_form_t               *form;   /* read, and signed or anonymous */
    ngx_http_cos_step_pt      form_next;
    ngx_http_cos_pace_t       pace;   /* of the body */

    cos_err_e                 url_error;  /* of a URL that is to be signed */
    const char               *url_reason;
    cos_err_e                 error;  /* what was answered, for the log */
    const char               *reason; /* detail for log and document */
    const char               *error_class;  /* INVALID_OBJECT_STATE: of that
                                         object, as the dialect says it */
    uint64_t                  bytes_in;
    time_t                    retry_after;  /* seconds to tell with 503;
                                         0: one */

    unsigned                  in_content:1;
    unsigned                  judged:1;   /* the gate let it through */
    unsigned                  held:1;
    unsigned                  running:1;
    unsigned                  object_known:1;
    unsigned                  answered:1; /* an answer of ours was begun */
    unsigned                  replace_body:1;
    unsigned                  body_started:1;
    unsigned                  body_done:1;
    unsigned                  body_failed:1;  /* error says why */
    unsigned                  named:1;
    unsigned                  foreign:1;  /* the host may be a bucket's domain:
                                         the name is not final */
    unsigned                  origin_auth:1;  /* it is: objects of the bucket's
                                         owner may be read */
    unsigned                  draining:1; /* waits for its output */
    unsigned                  instead:1;  /* refused by cos_referer: something
                                             else is to be shown */
};


/* --- steps (request/ngx_http_cos_step.c, _fact.c) ------------------------------------ */

/* A step returns NGX_OK to go on with ctx->step, NGX_AGAIN to wait, NGX_DONE
 * when an answer was sent (what the functions for answers return), NGX_ERROR
 * when it cannot answer. ngx_http_cos_run() runs steps until one waits
 * (NGX_AGAIN) or ends: then it returns what the phase must return or the
 * request be finalized with. */
ngx_int_t ngx_http_cos_run(ngx_http_cos_ctx_t *ctx);
/* First step of every request: the gate, as soon as the worker has begun. */
ngx_int_t ngx_http_cos_begin(ngx_http_cos_ctx_t *ctx);
/* In init_process. */
void ngx_http_cos_begin_init(ngx_cycle_t *cycle);
/* The content handler of every operation. */
ngx_int_t ngx_http_cos_content_handler(ngx_http_request_t *r);
/* From a step: one more answer is outstanding; next runs when all are in. */
void ngx_http_cos_expect(ngx_http_cos_ctx_t *ctx, ngx_http_cos_step_pt next);
/* Takes an ngx_http_cos_expect() back: what was asked for could not be begun,
 * so no completion will come. The step goes on as it was. */
void ngx_http_cos_unexpect(ngx_http_cos_ctx_t *ctx);
/* From a completion: one answer is in. The request may be gone afterwards. */
void ngx_http_cos_arrived(ngx_http_cos_ctx_t *ctx);
/* r->read_event_handler of a request that waits for its body. */
void ngx_http_cos_body_readable(ngx_http_request_t *r);
void ngx_http_cos_hold(ngx_http_cos_ctx_t *ctx);
void ngx_http_cos_unhold(ngx_http_cos_ctx_t *ctx);
/* Goes on with next at once: return ngx_http_cos_goto(ctx, next). */
#define ngx_http_cos_goto(ctx, next)  ((ctx)->step = (next), NGX_OK)

/* Runs work(data) in the thread pool, then next. work must not touch pools,
 * logs or the request. NGX_AGAIN, or NGX_ERROR when the pool is full. */
ngx_int_t ngx_http_cos_thread(ngx_http_cos_ctx_t *ctx, void (*work)(void *),
    void *data, ngx_http_cos_step_pt next);

/* Work that goes on beside the steps: the step that is then the current one
 * runs whenever such work has ended (busy is clear), and when more of the body
 * has come, if that is waited for too. The operation must not go on to anything
 * else, nor end, before all of it has ended. */
typedef struct {
    ngx_thread_task_t       task;
    void                  (*work)(void *data);
    void                   *data;
    ngx_http_cos_ctx_t     *ctx;
    unsigned                busy:1;
} ngx_http_cos_side_t;

/* Runs s->work(s->data) in the thread pool, under the rules of
 * ngx_http_cos_thread; *s is zeroed at first, and is used again when it is not
 * busy. NGX_OK, or NGX_ERROR when the pool is full. */
ngx_int_t ngx_http_cos_beside(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_side_t *s);

/* Asks for a fact; a hit in the shared cache is there at once (NGX_OK);
 * NGX_AGAIN: next runs later; NGX_DECLINED: Redis is not reachable. fresh != 0
 * goes past the cache. */
ngx_int_t ngx_http_cos_ask(ngx_http_cos_ctx_t *ctx, ngx_http_cos_fact_t *f,
    ngx_uint_t fresh, ngx_http_cos_step_pt next);

/* Makes f the record of a key in a bucket: of its current version, or of
 * another when the caller then sets by_version and version. */
ngx_int_t ngx_http_cos_object_fact(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_fact_t *f, ngx_str_t *bid, ngx_str_t *key);

/* Makes f the record of the bucket of that name. Its value is read-only. */
ngx_int_t ngx_http_cos_bucket_fact(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_fact_t *f, ngx_str_t *name);

/* Makes f the record of the user of that number. Its value is read-only. */
ngx_int_t ngx_http_cos_user_fact(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_fact_t *f, uint64_t number);

/* Reads a document of a bucket's record into the form that decisions use,
 * all from a. NULL: it cannot be read, or no memory. */
typedef void *(*ngx_http_cos_compile_pt)(cos_str_t text, cos_alloc_t *a);

/*
 * What an attribute of a bucket's record says, compiled at most once for each
 * record and worker: *rule is NULL when it is not set. f->kept of a bucket
 * fact that was answered; the rule lives as long as the request. NGX_ERROR
 * when the text cannot be read: the caller must refuse, not go on without.
 */
ngx_int_t ngx_http_cos_kept_rule(ngx_http_cos_kept_t *k,
    cos_bucket_attr_e attr, ngx_http_cos_compile_pt compile, void **rule);

/* The same for the whole record of what is no bucket. */
ngx_int_t ngx_http_cos_kept_whole(ngx_http_cos_kept_t *k,
    ngx_http_cos_compile_pt compile, void **rule);

/* For ngx_http_cos_ask(), and for facts that did not come from Redis: those have
 * no stamp. The stamp of what is kept under f->key, or 0;
 * f gets what is kept; f->value has come, from the cache or from Redis, and is
 * kept, or is what is kept already. */
uint64_t ngx_http_cos_kept_stamp(ngx_http_cos_fact_t *f);
ngx_int_t ngx_http_cos_kept_same(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_fact_t *f);
ngx_int_t ngx_http_cos_kept_new(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_fact_t *f);
/* In exit_process: forgets all that no request holds. */
void ngx_http_cos_kept_done(void);

/* A call whose reply a handler copies; the handler is followed by next. */
typedef struct {
    ngx_http_cos_call_t     call;
    ngx_http_cos_ctx_t     *ctx;
    /* copies what it needs from the reply; NULL: outcome unknown */
    void                  (*take)(ngx_http_cos_ctx_t *ctx, redisReply *reply,
                                  void *data);
    void                   *data;
} ngx_http_cos_query_t;
ngx_int_t ngx_http_cos_query(ngx_http_cos_ctx_t *ctx, ngx_http_cos_query_t *q,
    ngx_uint_t flags, int argc, const ngx_str_t *argv,
    ngx_http_cos_step_pt next);


/* --- naming and the gate ------------------------------------------------------------- */

/* Creates the context, names the request. NULL when out of memory; naming
 * errors are in ctx->error (to be answered by the gate, after proof of who
 * asks is not needed for them). */
ngx_http_cos_ctx_t *ngx_http_cos_ctx_create(ngx_http_request_t *r);
/* Names the request once more, with another meaning of its host and maybe
 * another r->unparsed_uri; as ngx_http_cos_ctx_create() does. */
void ngx_http_cos_name_again(ngx_http_cos_ctx_t *ctx, cos_host_t *host);
/* Fills ctx->http with headers and arguments (naming does it only as far as
 * it needs them). */
ngx_int_t ngx_http_cos_http_fill(ngx_http_cos_ctx_t *ctx);
const cos_header_t *ngx_http_cos_header(ngx_http_cos_ctx_t *ctx,
    const char *suffix);
/* Redis keys of the bucket's parts, from the request's pool. */
ngx_int_t ngx_http_cos_object_key(ngx_http_cos_ctx_t *ctx, ngx_str_t *bid,
    ngx_str_t *key, ngx_str_t *out);

/* auth/: first step of every request in the access phase. Ends with
 * NGX_DECLINED (let through) or an answer. */
ngx_int_t ngx_http_cos_gate(ngx_http_cos_ctx_t *ctx);
/* From an operation with NEED_FORM, when it has read who signed its form into
 * ctx->sig: the gate's proof and the operation's rights; then next, or an
 * answer. form is what was signed. */
ngx_int_t ngx_http_cos_gate_form(ngx_http_cos_ctx_t *ctx, cos_form_t *form,
    ngx_http_cos_step_pt next);
/* The same for another body that says who asks (ctx->sts). */
ngx_int_t ngx_http_cos_gate_late(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_step_pt next);
/* Whether the request may come from where it comes from, and can be answered
 * with its CORS rules: COS_E_REFERER, COS_E_INTERNAL (a rule is damaged). */
cos_err_e ngx_http_cos_where(ngx_http_cos_ctx_t *ctx);
/* The first header of that lower-case name; with two of them, none. */
ngx_str_t *ngx_http_cos_header_in(ngx_http_request_t *r, const char *name,
    size_t len);
/* Whether a location's cos_referer lets the request pass. */
ngx_uint_t ngx_http_cos_referer_passes(ngx_http_cos_referer_conf_t *c,
    ngx_http_request_t *r);
/* Whether any expression matches, or cannot be tried to its end and
 * undecided is not 0. */
ngx_uint_t ngx_http_cos_regex_any(ngx_array_t *regexes, ngx_str_t *text,
    ngx_uint_t undecided, ngx_log_t *log);
/* The CORS rules that hold for the request, or NULL; NGX_ERROR: they are
 * damaged. ctx: NULL where "cos" is off. */
ngx_int_t ngx_http_cos_cors_rules(ngx_http_cos_loc_conf_t *lcf,
    ngx_http_cos_ctx_t *ctx, cos_cors_t **rules);
/* From the gate, before the facts are there: fails as ngx_http_cos_fail() does,
 * but asks for the bucket first where its CORS rules decide whether a script
 * may read the error. */
ngx_int_t ngx_http_cos_fail_early(ngx_http_cos_ctx_t *ctx, cos_err_e err,
    const char *reason);
/* Checks a URL against a rule (not COS_CDN_OFF) that lives as long as the
 * request, and takes the signature off the request. raw: what is served is the
 * URL as it was sent, decoded; else r->uri. */
cos_cdn_e ngx_http_cos_cdn(ngx_http_request_t *r, const cos_cdn_rule_t *rule,
    ngx_uint_t raw);
/* Notes what the gate has to answer, if anything. */
void ngx_http_cos_cdn_refused(ngx_http_cos_ctx_t *ctx, cos_cdn_e e);
/* From the gate, with ctx->foreign: finds the bucket that the host is bound to,
 * names the request anew, and begins the gate again. */
ngx_int_t ngx_http_cos_domain(ngx_http_cos_ctx_t *ctx);
/* Whether this server reads a host as a bucket's domain ("cos_domains"): its own
 * name only if it is listed itself. name: lower case, without a dot at its end.
 * NULL: it does; else why not, for logs and error documents. */
const char *ngx_http_cos_domain_refused(ngx_http_cos_ctx_t *ctx,
    ngx_str_t *name);
/* The same, and that no other server block is known by this name. */
const char *ngx_http_cos_domain_unbindable(ngx_http_cos_ctx_t *ctx,
    ngx_str_t *name);
/* Key of a domain in Redis: "d:<domain>". */
ngx_int_t ngx_http_cos_domain_key(ngx_pool_t *pool, ngx_str_t *domain,
    ngx_str_t *key);
/* Counts a request by its address as "cos_limit_req" of its location says:
 * once, whatever nginx redirects it to, as long as the same lines hold. 0, or
 * the seconds after which it may come again; NGX_ERROR: no memory. */
time_t ngx_http_cos_limit_address(ngx_http_request_t *r,
    ngx_http_cos_loc_conf_t *lcf);
/* Counts a request that is allowed by its bucket and its user. COS_OK, or
 * COS_E_SLOW_DOWN and ctx->retry_after. */
cos_err_e ngx_http_cos_limit(ngx_http_cos_ctx_t *ctx);
/* Looks an access key up among the root keys. */
ngx_http_cos_root_key_t *ngx_http_cos_root_key(ngx_http_cos_main_conf_t *mcf,
    ngx_str_t *access_key);
/* What the identity may do: ngx_http_cos_rights.h */


/* --- answers (request/ngx_http_cos_reply.c) ---------------------------------------------- */

/* Sends the error document in the request's dialect and ends the request.
 * reason: detail for the log and, when it is meant for clients, the message;
 * may be NULL. The return value is what the step returns. */
ngx_int_t ngx_http_cos_fail(ngx_http_cos_ctx_t *ctx, cos_err_e err,
    const char *reason);
/* Adds Retry-After (RFC 9110, section 10.2.3). */
ngx_int_t ngx_http_cos_retry_after(ngx_http_request_t *r, time_t seconds);
/* Sends the response header; what ngx_http_send_header() returned. length -1:
 * none. */
ngx_int_t ngx_http_cos_start(ngx_http_cos_ctx_t *ctx, ngx_uint_t status,
    off_t length);
/* Ends a step with the result of the last output call. */
ngx_int_t ngx_http_cos_sent(ngx_http_cos_ctx_t *ctx, ngx_int_t rc);
/* Sends status with an XML (or JSON) body of b, or without when b is NULL. */
ngx_int_t ngx_http_cos_reply(ngx_http_cos_ctx_t *ctx, ngx_uint_t status,
    cos_buf_t *b);
/* Adds a response header; value is not copied. name: literal. */
ngx_int_t ngx_http_cos_add_header(ngx_http_request_t *r, const char *name,
    size_t len, ngx_str_t *value);
#define ngx_http_cos_set_header(r, lit, value)                                \
    ngx_http_cos_add_header((r), (lit), sizeof(lit) - 1, (value))
/* "x-cos-", "x-amz-" or "x-bce-" by dialect. */
ngx_str_t *ngx_http_cos_prefix(ngx_http_cos_ctx_t *ctx);
/* The same with the dialect's prefix before the name. */
ngx_int_t ngx_http_cos_add_prefixed(ngx_http_cos_ctx_t *ctx, const char *name,
    ngx_str_t *value);
/* Standard headers of an answer that names a stored object: ETag, CRC-64, and
 * the version id in a bucket that has or had versioning. */
ngx_int_t ngx_http_cos_object_headers(ngx_http_cos_ctx_t *ctx,
    cos_object_t *o);
/* x-...-<name> with a version id (0: null). */
ngx_int_t ngx_http_cos_version_header(ngx_http_cos_ctx_t *ctx,
    const char *name, uint64_t version);
/* x-...-delete-marker and the marker's version id. */
ngx_int_t ngx_http_cos_marker_headers(ngx_http_cos_ctx_t *ctx,
    uint64_t version);
/* x-amz-checksum-* of the whole object (S3 dialect): of uploads, and of reads
 * that asked for it and get all of the bytes. */
ngx_int_t ngx_http_cos_checksum_headers(ngx_http_cos_ctx_t *ctx,
    cos_object_t *o);
/* The same without the type: of one part. */
ngx_int_t ngx_http_cos_checksum_value(ngx_http_cos_ctx_t *ctx,
    cos_object_t *o);
/* Writes the error document of nginx's own errors (filter); HTML for sites. */
void ngx_http_cos_error_text(ngx_http_cos_ctx_t *ctx, cos_buf_t *b,
    cos_err_e err, const char *message);
/* Type of error documents and of other small bodies. */
void ngx_http_cos_body_type(ngx_http_cos_ctx_t *ctx);
/* The error for a status that nginx itself made up. */
cos_err_e ngx_http_cos_err_of_status(ngx_uint_t status);


/* --- bodies (request/ngx_http_cos_body.c) -------------------------------------------------- */

/* Reads a body of at most max bytes into *text (one span), then next.
 * ctx->error is set (and next runs) when it is larger, too short, or timed
 * out. */
ngx_int_t ngx_http_cos_read_small(ngx_http_cos_ctx_t *ctx, size_t max,
    cos_err_e too_large, ngx_str_t *text, ngx_http_cos_step_pt next);
/* Starts reading without buffering, then next. */
ngx_int_t ngx_http_cos_body_begin(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_step_pt next);
/* Takes what has arrived: NGX_OK with *in != NULL; NGX_DONE: the body has
 * ended; NGX_AGAIN: next runs when more is there; NGX_ERROR: ctx->error says
 * why. The bytes of a chain lie in one buffer, in ascending order, and may be
 * overwritten. Chains are given back with ngx_http_cos_body_free, in their
 * order: their memory is what is received into. */
ngx_int_t ngx_http_cos_body_take(ngx_http_cos_ctx_t *ctx, ngx_chain_t **in,
    ngx_http_cos_step_pt next);
/* Receives ahead of the next take, as far as memory goes: a second buffer where
 * the first is full of what was taken and not given back. next runs when more
 * is there; errors are the next take's to tell. */
void ngx_http_cos_body_ahead(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_step_pt next);
void ngx_http_cos_body_free(ngx_http_cos_ctx_t *ctx, ngx_chain_t *in);

/* x-cos-traffic-limit (request/ngx_http_cos_pace.c): reads it from headers and
 * query, and from then on keeps the answer's body and the request's to the
 * least of what they say. COS_E_INVALID_ARGUMENT. */
cos_err_e ngx_http_cos_pace(ngx_http_cos_ctx_t *ctx);
/* First step of every operation: the same for those that it is meant for, and
 * what ngx_http_cos_acl_named does. */
ngx_int_t ngx_http_cos_paced(ngx_http_cos_ctx_t *ctx);
/* Before more of the body is taken: NGX_OK, or NGX_AGAIN when it is too early;
 * then next runs again in time. */
ngx_int_t ngx_http_cos_pace_wait(ngx_http_cos_ctx_t *ctx,
    ngx_http_cos_step_pt next);


/* --- operations ------------------------------------------------------------------------------ */

/* The permission that an ACL can give for an action: on the bucket (LIST,
 * WRITE), on the object (READ, OWN), on what the action is done to (_ACP). */
typedef enum {
    NGX_HTTP_COS_PERM_NONE = 0,       /* no ACL gives it */
    NGX_HTTP_COS_PERM_LIST,
    NGX_HTTP_COS_PERM_WRITE,
    NGX_HTTP_COS_PERM_READ,
    NGX_HTTP_COS_PERM_OWN,            /* not granted, but the owner's: that of
                                         the object, and its bucket's */
    NGX_HTTP_COS_PERM_READ_ACP,
    NGX_HTTP_COS_PERM_WRITE_ACP
} ngx_http_cos_perm_e;

/* First step of an operation after the gate. */
typedef struct {
    ngx_http_cos_step_pt   begin;
    unsigned               needs;     /* NGX_HTTP_COS_NEED_* */
    cos_action_e           action;    /* to be allowed; COS_ACT_MAX: nothing */
    ngx_http_cos_perm_e    perm;
} ngx_http_cos_op_t;

#define NGX_HTTP_COS_NEED_BUCKET  1
#define NGX_HTTP_COS_NEED_OBJECT  2   /* its record, from the cache */
#define NGX_HTTP_COS_NEED_FRESH   4   /* its record, past the cache */
#define NGX_HTTP_COS_NEED_SIGNED  8   /* never anonymous */
#define NGX_HTTP_COS_NEED_FORM    16  /* its body says who asks: rights are
                                         judged by ngx_http_cos_gate_form */

#define NGX_HTTP_COS_NEED_LATER   32  /* its body names what it is done to: with
                                         policies, it asks for rights itself */

extern const ngx_http_cos_op_t  ngx_http_cos_ops[COS_OP_MAX];

ngx_int_t ngx_http_cos_list_buckets(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_sts(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_put_bucket(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_head_bucket(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_delete_bucket(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_bucket_location(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_get_bucket_acl(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_put_bucket_acl(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_list_objects(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_list_uploads(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_list_versions(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_delete_objects(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_put_object(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_post_object(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_copy_object(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_get_object(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_delete_object(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_get_object_acl(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_put_object_acl(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_restore_object(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_get_retention(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_put_retention(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_get_legal_hold(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_put_legal_hold(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_create_upload(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_upload_part(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_upload_part_copy(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_complete_upload(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_abort_upload(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_list_parts(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_get_config(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_put_config(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_delete_config(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_get_policy_status(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_get_unconfigured(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_delete_unconfigured(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_get_object_tagging(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_put_object_tagging(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_delete_object_tagging(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_append_object(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_get_symlink(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_put_symlink(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_get_attributes(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_preflight(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_serve_website(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_unsupported(ngx_http_cos_ctx_t *ctx);

#pragma GCC visibility pop

#endif
