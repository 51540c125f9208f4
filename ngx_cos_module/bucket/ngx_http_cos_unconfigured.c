/*
 * Sub-resources of buckets that cannot be configured here. Clients ask for them
 * all the same, to show or to compare a bucket's settings, and must hear what
 * the services say of a bucket that never had any: an error of its own name, or
 * an empty document. Removing what is not there succeeds.
 */

#include "ngx_http_cos_config.h"


#define COS  (1 << COS_DIALECT_COS)
#define S3   (1 << COS_DIALECT_S3)
#define BOS  (1 << COS_DIALECT_BOS)

/* The first row of a name that has the request's dialect counts. */
static const struct {
    const char  *name;
    unsigned     dialects;
    unsigned     removable:1;
    cos_err_e    err;                 /* COS_OK: the document */
    const char  *root;
} unconfigured[] = {
    { "accelerate", COS|S3, 0, COS_OK, "AccelerateConfiguration" },
    { "logging", COS|S3, 0, COS_OK, "BucketLoggingStatus" },
    { "notification", COS|S3, 0, COS_OK, "NotificationConfiguration" },

    { "lifecycle", COS|S3|BOS, 1, COS_E_NO_LIFECYCLE, NULL },
    { "replication", COS|S3, 1, COS_E_NO_REPLICATION, NULL },

    { "origin", COS, 1, COS_E_NO_ORIGIN, NULL },
    { "intelligenttiering", COS, 0, COS_OK, "IntelligentTieringConfiguration" },
};

/* Configurations with ids: the list of them is empty, each is missing. */
static const struct {
    const char  *name;
    unsigned     dialects;
    cos_err_e    err;
    const char  *list;
} numbered[] = {
    { "inventory", COS, COS_E_NO_INVENTORY,
      "ListInventoryConfigurationResult" },
    { "inventory", S3, COS_E_NO_CONFIGURATION,
      "ListInventoryConfigurationsResult" },
    { "analytics", S3, COS_E_NO_CONFIGURATION,
      "ListBucketAnalyticsConfigurationResult" },
    { "metrics", S3, COS_E_NO_CONFIGURATION,
      "ListMetricsConfigurationsResult" },
    { "intelligent-tiering", S3, COS_E_NO_CONFIGURATION,
      "ListBucketIntelligentTieringConfigurationsOutput" },
    { "intelligent-tiering", COS, COS_E_NO_CONFIGURATION,
      "ListBucketIntelligentTieringConfigurationsOutput" },
};


static ngx_int_t
reply_empty(ngx_http_cos_ctx_t *ctx, const char *root)
{
    cos_buf_t  b;

    cos_buf_init(&b, &ctx->alloc, 256);
    cos_xml_empty(&b, ctx->name.dialect, root);

    return ngx_http_cos_reply(ctx, NGX_HTTP_OK, &b);
}


/* "IsTruncated" is what clients page by. */
static ngx_int_t
reply_list(ngx_http_cos_ctx_t *ctx, const char *root)
{
    cos_buf_t  b;

    cos_buf_init(&b, &ctx->alloc, 256);
    cos_xml_empty_list(&b, ctx->name.dialect, root);

    return ngx_http_cos_reply(ctx, NGX_HTTP_OK, &b);
}


ngx_int_t
ngx_http_cos_get_unconfigured(ngx_http_cos_ctx_t *ctx)
{
    size_t      i;
    cos_str_t   name;
    unsigned    dialect;

    name = ctx->name.chose[0]->name;
    dialect = 1 << ctx->name.dialect;

    for (i = 0; i < sizeof(unconfigured) / sizeof(unconfigured[0]); i++) {

        if (!(unconfigured[i].dialects & dialect)
            || !cos_str_is(name, unconfigured[i].name))
        {
            continue;
        }

        return unconfigured[i].err != COS_OK
               ? ngx_http_cos_fail(ctx, unconfigured[i].err, NULL)
               : reply_empty(ctx, unconfigured[i].root);
    }

    for (i = 0; i < sizeof(numbered) / sizeof(numbered[0]); i++) {

        if (!(numbered[i].dialects & dialect)
            || !cos_str_is(name, numbered[i].name))
        {
            continue;
        }

        return cos_arg(&ctx->http.args, "id")
               ? ngx_http_cos_fail(ctx, numbered[i].err, NULL)
               : reply_list(ctx, numbered[i].list);
    }

    return ngx_http_cos_unsupported(ctx);
}


ngx_int_t
ngx_http_cos_delete_unconfigured(ngx_http_cos_ctx_t *ctx)
{
    size_t  i;

    for (i = 0; i < sizeof(unconfigured) / sizeof(unconfigured[0]); i++) {

        if (unconfigured[i].removable
            && (unconfigured[i].dialects & (1 << ctx->name.dialect))
            && cos_str_is(ctx->name.chose[0]->name, unconfigured[i].name))
        {
            return ngx_http_cos_reply(ctx, NGX_HTTP_NO_CONTENT, NULL);
        }
    }

    return ngx_http_cos_unsupported(ctx);
}
