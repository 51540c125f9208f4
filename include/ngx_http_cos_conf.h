/*
 * module: configuration. Directive handlers and what they check; everything
 * wrong is found by "nginx -t", with file and line where a directive is at
 * fault.
 */

#ifndef NGX_HTTP_COS_CONF_H
#define NGX_HTTP_COS_CONF_H

#include "ngx_http_cos.h"

#pragma GCC visibility push(hidden)

void *ngx_http_cos_create_main_conf(ngx_conf_t *cf);
char *ngx_http_cos_init_main_conf(ngx_conf_t *cf, void *conf);
void *ngx_http_cos_create_loc_conf(ngx_conf_t *cf);
char *ngx_http_cos_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child);

char *ngx_http_cos_conf_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_cos_conf_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_cos_conf_data(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_cos_conf_root_keys(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_cos_conf_token_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_cos_conf_master_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_cos_conf_open_containers(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_cos_conf_restore_time(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_cos_conf_store_class(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
/* Whether the directories of classes are this store's. */
ngx_int_t ngx_http_cos_class_conf_check(ngx_conf_t *cf,
    ngx_http_cos_main_conf_t *mcf);
void ngx_http_cos_class_conf_init(ngx_http_cos_main_conf_t *mcf);
char *ngx_http_cos_conf_bases(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
/* The directive's names, lower case, into a new list of cos_str_t from cf's pool;
 * what: what each has to be, for messages. What a handler of directives
 * returns. */
char *ngx_http_cos_conf_names(ngx_conf_t *cf, ngx_array_t **list,
    const char *what);
/* After all server blocks were read: fills mcf->own_names. */
ngx_int_t ngx_http_cos_conf_own_names(ngx_conf_t *cf,
    ngx_http_cos_main_conf_t *mcf);
char *ngx_http_cos_conf_domains(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

char *ngx_http_cos_conf_sse_keys(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_cos_conf_kms_dir(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
/* Whether the default key is there. */
ngx_int_t ngx_http_cos_conf_check_kms(ngx_conf_t *cf,
    ngx_http_cos_main_conf_t *mcf);

char *ngx_http_cos_conf_website(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
/* After "cos" was merged. */
char *ngx_http_cos_merge_website(ngx_conf_t *cf, ngx_http_cos_loc_conf_t *prev,
    ngx_http_cos_loc_conf_t *conf);
char *ngx_http_cos_conf_precompressed(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* A whole file with secrets, NUL-terminated behind its length; *name becomes
 * the full name. The text is the caller's to erase. */
ngx_int_t ngx_http_cos_conf_file(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *text);
/* The first line of a file with a secret. */
ngx_int_t ngx_http_cos_conf_secret(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *secret);

char *ngx_http_cos_conf_cors(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_cos_conf_referer(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_cos_conf_instead(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_cos_conf_agent(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_cos_conf_cdn(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_cos_merge_where(ngx_conf_t *cf, ngx_http_cos_loc_conf_t *prev,
    ngx_http_cos_loc_conf_t *conf);

/* Adds the headers of CORS to an answer; ctx: NULL where "cos" is off. */
ngx_int_t ngx_http_cos_cors_filter(ngx_http_request_t *r,
    ngx_http_cos_loc_conf_t *lcf, ngx_http_cos_ctx_t *ctx);
/* Answers a preflight request by the rules of directives; NGX_DECLINED: it is
 * none. What a phase handler returns. */
ngx_int_t ngx_http_cos_cors_preaccess(ngx_http_request_t *r,
    ngx_http_cos_loc_conf_t *lcf);
/* cos_cdn_auth where "cos" is off; what a phase handler returns. */
ngx_int_t ngx_http_cos_cdn_preaccess(ngx_http_request_t *r,
    const cos_cdn_rule_t *rule);
/* The preaccess phase: cos_user_agent, and where "cos" is off cos_cdn_auth,
 * cos_cors and cos_referer. */
ngx_int_t ngx_http_cos_where_handler(ngx_http_request_t *r);
/* What who is refused by cos_referer gets: 403, or what is shown instead. */
ngx_int_t ngx_http_cos_instead(ngx_http_request_t *r,
    ngx_http_cos_loc_conf_t *lcf);

char *ngx_http_cos_conf_limits_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_cos_conf_limit_req(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
/* After "cos" was merged. */
char *ngx_http_cos_merge_limits(ngx_conf_t *cf, ngx_http_cos_loc_conf_t *prev,
    ngx_http_cos_loc_conf_t *conf);
/* The zone, where some location has a limit. */
ngx_int_t ngx_http_cos_conf_limits(ngx_conf_t *cf,
    ngx_http_cos_main_conf_t *mcf);

/* What only the whole configuration can tell: missing directives, the thread
 * pool, zones, the background process. */
ngx_int_t ngx_http_cos_conf_check(ngx_conf_t *cf,
    ngx_http_cos_main_conf_t *mcf);

/* The variables of the access log (docs/directives.md). */
ngx_int_t ngx_http_cos_add_variables(ngx_conf_t *cf);

#pragma GCC visibility pop

#endif
