/*
 * What each operation needs before it runs, where it begins, what has to be
 * allowed, and which permission of an ACL allows it. The gate sees to it, then
 * the content handler begins.
 */

#include "ngx_http_cos.h"


#define BUCKET  NGX_HTTP_COS_NEED_BUCKET
#define OBJECT  NGX_HTTP_COS_NEED_OBJECT
#define FRESH   NGX_HTTP_COS_NEED_FRESH
#define SIGNED  NGX_HTTP_COS_NEED_SIGNED
#define FORM    NGX_HTTP_COS_NEED_FORM
#define LATER   NGX_HTTP_COS_NEED_LATER

#define NONE       NGX_HTTP_COS_PERM_NONE
#define LIST       NGX_HTTP_COS_PERM_LIST
#define WRITE      NGX_HTTP_COS_PERM_WRITE
#define READ       NGX_HTTP_COS_PERM_READ
#define OWN        NGX_HTTP_COS_PERM_OWN
#define READ_ACP   NGX_HTTP_COS_PERM_READ_ACP
#define WRITE_ACP  NGX_HTTP_COS_PERM_WRITE_ACP


ngx_int_t
ngx_http_cos_unsupported(ngx_http_cos_ctx_t *ctx)
{
    return ngx_http_cos_fail(ctx, COS_E_NOT_IMPLEMENTED, NULL);
}


const ngx_http_cos_op_t  ngx_http_cos_ops[COS_OP_MAX] = {

    [COS_OP_LIST_BUCKETS] =
        { ngx_http_cos_list_buckets, SIGNED,
          COS_ACT_LIST_BUCKETS, NONE },

    [COS_OP_STS] =
        { ngx_http_cos_sts, SIGNED | NGX_HTTP_COS_NEED_FORM,
          COS_ACT_MAX, NONE },

    [COS_OP_PUT_BUCKET] =
        { ngx_http_cos_put_bucket, SIGNED,
          COS_ACT_CREATE_BUCKET, NONE },
    [COS_OP_HEAD_BUCKET] =
        { ngx_http_cos_head_bucket, BUCKET,
          COS_ACT_HEAD_BUCKET, LIST },
    [COS_OP_DELETE_BUCKET] =
        { ngx_http_cos_delete_bucket, BUCKET,
          COS_ACT_DELETE_BUCKET, NONE },
    [COS_OP_GET_BUCKET_LOCATION] =
        { ngx_http_cos_bucket_location, BUCKET,
          COS_ACT_GET_LOCATION, NONE },
    [COS_OP_GET_BUCKET_ACL] =
        { ngx_http_cos_get_bucket_acl, BUCKET,
          COS_ACT_GET_BUCKET_ACL, READ_ACP },
    [COS_OP_PUT_BUCKET_ACL] =
        { ngx_http_cos_put_bucket_acl, BUCKET,
          COS_ACT_PUT_BUCKET_ACL, WRITE_ACP },
    [COS_OP_LIST_OBJECTS] =
        { ngx_http_cos_list_objects, BUCKET,
          COS_ACT_LIST, LIST },
    [COS_OP_LIST_OBJECTS_V2] =
        { ngx_http_cos_list_objects, BUCKET,
          COS_ACT_LIST, LIST },
    [COS_OP_LIST_UPLOADS] =
        { ngx_http_cos_list_uploads, BUCKET,
          COS_ACT_LIST_UPLOADS, NONE },
    [COS_OP_DELETE_OBJECTS] =
        { ngx_http_cos_delete_objects, BUCKET|LATER,
          COS_ACT_DELETE_MANY, WRITE },

    [COS_OP_POST_OBJECT] =
        { ngx_http_cos_post_object, BUCKET|FORM,
          COS_ACT_POST, WRITE },
    [COS_OP_LIST_VERSIONS] =
        { ngx_http_cos_list_versions, BUCKET,
          COS_ACT_LIST_VERSIONS, LIST },
    [COS_OP_GET_VERSIONING] =
        { ngx_http_cos_get_config, BUCKET,
          COS_ACT_GET_VERSIONING, NONE },
    [COS_OP_PUT_VERSIONING] =
        { ngx_http_cos_put_config, BUCKET,
          COS_ACT_PUT_VERSIONING, NONE },
    [COS_OP_GET_BUCKET_TAGGING] =
        { ngx_http_cos_get_config, BUCKET,
          COS_ACT_GET_BUCKET_TAGS, NONE },
    [COS_OP_PUT_BUCKET_TAGGING] =
        { ngx_http_cos_put_config, BUCKET,
          COS_ACT_PUT_BUCKET_TAGS, NONE },
    [COS_OP_DELETE_BUCKET_TAGGING] =
        { ngx_http_cos_delete_config, BUCKET,
          COS_ACT_DELETE_BUCKET_TAGS, NONE },
    [COS_OP_GET_ENCRYPTION] =
        { ngx_http_cos_get_config, BUCKET,
          COS_ACT_GET_ENCRYPTION, NONE },
    [COS_OP_PUT_ENCRYPTION] =
        { ngx_http_cos_put_config, BUCKET,
          COS_ACT_PUT_ENCRYPTION, NONE },
    [COS_OP_DELETE_ENCRYPTION] =
        { ngx_http_cos_delete_config, BUCKET,
          COS_ACT_DELETE_ENCRYPTION, NONE },
    [COS_OP_GET_LOCK_CONFIG] =
        { ngx_http_cos_get_config, BUCKET,
          COS_ACT_GET_LOCK, NONE },
    [COS_OP_PUT_LOCK_CONFIG] =
        { ngx_http_cos_put_config, BUCKET,
          COS_ACT_PUT_LOCK, NONE },
    [COS_OP_GET_QUOTA] =
        { ngx_http_cos_get_config, BUCKET,
          COS_ACT_GET_QUOTA, NONE },
    [COS_OP_PUT_QUOTA] =
        { ngx_http_cos_put_config, BUCKET,
          COS_ACT_PUT_QUOTA, NONE },
    [COS_OP_DELETE_QUOTA] =
        { ngx_http_cos_delete_config, BUCKET,
          COS_ACT_DELETE_QUOTA, NONE },
    [COS_OP_GET_REQUEST_PAYMENT] =
        { ngx_http_cos_get_config, BUCKET,
          COS_ACT_GET_PAYMENT, NONE },
    [COS_OP_PUT_REQUEST_PAYMENT] =
        { ngx_http_cos_put_config, BUCKET,
          COS_ACT_PUT_PAYMENT, NONE },
    [COS_OP_GET_PUBLIC_BLOCK] =
        { ngx_http_cos_get_config, BUCKET,
          COS_ACT_GET_PUBLIC_BLOCK, NONE },
    [COS_OP_PUT_PUBLIC_BLOCK] =
        { ngx_http_cos_put_config, BUCKET,
          COS_ACT_PUT_PUBLIC_BLOCK, NONE },
    [COS_OP_DELETE_PUBLIC_BLOCK] =
        { ngx_http_cos_delete_config, BUCKET,
          COS_ACT_PUT_PUBLIC_BLOCK, NONE },
    [COS_OP_GET_OWNERSHIP] =
        { ngx_http_cos_get_config, BUCKET,
          COS_ACT_GET_OWNERSHIP, NONE },
    [COS_OP_PUT_OWNERSHIP] =
        { ngx_http_cos_put_config, BUCKET,
          COS_ACT_PUT_OWNERSHIP, NONE },
    [COS_OP_DELETE_OWNERSHIP] =
        { ngx_http_cos_delete_config, BUCKET,
          COS_ACT_PUT_OWNERSHIP, NONE },
    [COS_OP_GET_CORS] =
        { ngx_http_cos_get_config, BUCKET,
          COS_ACT_GET_CORS, NONE },
    [COS_OP_PUT_CORS] =
        { ngx_http_cos_put_config, BUCKET,
          COS_ACT_PUT_CORS, NONE },
    [COS_OP_DELETE_CORS] =
        { ngx_http_cos_delete_config, BUCKET,
          COS_ACT_DELETE_CORS, NONE },
    [COS_OP_GET_REFERER] =
        { ngx_http_cos_get_config, BUCKET,
          COS_ACT_GET_REFERER, NONE },
    [COS_OP_PUT_REFERER] =
        { ngx_http_cos_put_config, BUCKET,
          COS_ACT_PUT_REFERER, NONE },
    [COS_OP_DELETE_REFERER] =
        { ngx_http_cos_delete_config, BUCKET,
          COS_ACT_PUT_REFERER, NONE },
    [COS_OP_GET_WEBSITE] =
        { ngx_http_cos_get_config, BUCKET,
          COS_ACT_GET_WEBSITE, NONE },
    [COS_OP_PUT_WEBSITE] =
        { ngx_http_cos_put_config, BUCKET,
          COS_ACT_PUT_WEBSITE, NONE },
    [COS_OP_DELETE_WEBSITE] =
        { ngx_http_cos_delete_config, BUCKET,
          COS_ACT_DELETE_WEBSITE, NONE },
    [COS_OP_GET_POLICY] =
        { ngx_http_cos_get_config, BUCKET,
          COS_ACT_GET_POLICY, NONE },
    [COS_OP_PUT_POLICY] =
        { ngx_http_cos_put_config, BUCKET,
          COS_ACT_PUT_POLICY, NONE },
    [COS_OP_DELETE_POLICY] =
        { ngx_http_cos_delete_config, BUCKET,
          COS_ACT_DELETE_POLICY, NONE },
    [COS_OP_GET_POLICY_STATUS] =
        { ngx_http_cos_get_policy_status, BUCKET,
          COS_ACT_GET_POLICY_STATUS, NONE },
    [COS_OP_GET_DOMAIN] =
        { ngx_http_cos_get_config, BUCKET,
          COS_ACT_GET_DOMAIN, NONE },
    [COS_OP_PUT_DOMAIN] =
        { ngx_http_cos_put_config, BUCKET,
          COS_ACT_PUT_DOMAIN, NONE },
    [COS_OP_DELETE_DOMAIN] =
        { ngx_http_cos_delete_config, BUCKET,
          COS_ACT_DELETE_DOMAIN, NONE },
    [COS_OP_GET_UNCONFIGURED] =
        { ngx_http_cos_get_unconfigured, BUCKET,
          COS_ACT_OTHER, NONE },
    [COS_OP_DELETE_UNCONFIGURED] =
        { ngx_http_cos_delete_unconfigured, BUCKET,
          COS_ACT_OTHER, NONE },

    [COS_OP_PUT_OBJECT] =
        { ngx_http_cos_put_object, BUCKET,
          COS_ACT_PUT, WRITE },
    [COS_OP_COPY_OBJECT] =
        { ngx_http_cos_copy_object, BUCKET,
          COS_ACT_PUT, WRITE },
    [COS_OP_GET_OBJECT] =
        { ngx_http_cos_get_object, BUCKET|OBJECT,
          COS_ACT_GET, READ },
    [COS_OP_HEAD_OBJECT] =
        { ngx_http_cos_get_object, BUCKET|OBJECT,
          COS_ACT_HEAD, READ },
    [COS_OP_DELETE_OBJECT] =
        { ngx_http_cos_delete_object, BUCKET|FRESH,
          COS_ACT_DELETE, WRITE },
    [COS_OP_GET_OBJECT_ACL] =
        { ngx_http_cos_get_object_acl, BUCKET|OBJECT,
          COS_ACT_GET_ACL, READ_ACP },
    [COS_OP_PUT_OBJECT_ACL] =
        { ngx_http_cos_put_object_acl, BUCKET|FRESH,
          COS_ACT_PUT_ACL, WRITE_ACP },

    [COS_OP_CREATE_UPLOAD] =
        { ngx_http_cos_create_upload, BUCKET,
          COS_ACT_CREATE_UPLOAD, WRITE },
    [COS_OP_UPLOAD_PART] =
        { ngx_http_cos_upload_part, BUCKET,
          COS_ACT_UPLOAD_PART, WRITE },
    [COS_OP_UPLOAD_PART_COPY] =
        { ngx_http_cos_upload_part_copy, BUCKET,
          COS_ACT_UPLOAD_PART_COPY, WRITE },
    [COS_OP_COMPLETE_UPLOAD] =
        { ngx_http_cos_complete_upload, BUCKET,
          COS_ACT_COMPLETE_UPLOAD, WRITE },
    [COS_OP_ABORT_UPLOAD] =
        { ngx_http_cos_abort_upload, BUCKET,
          COS_ACT_ABORT_UPLOAD, WRITE },
    [COS_OP_LIST_PARTS] =
        { ngx_http_cos_list_parts, BUCKET,
          COS_ACT_LIST_PARTS, WRITE },

    [COS_OP_GET_OBJECT_TAGGING] =
        { ngx_http_cos_get_object_tagging, BUCKET|OBJECT,
          COS_ACT_GET_TAGS, OWN },
    [COS_OP_PUT_OBJECT_TAGGING] =
        { ngx_http_cos_put_object_tagging, BUCKET|FRESH|LATER,
          COS_ACT_PUT_TAGS, OWN },
    [COS_OP_DELETE_OBJECT_TAGGING] =
        { ngx_http_cos_delete_object_tagging, BUCKET|FRESH,
          COS_ACT_DELETE_TAGS, OWN },
    [COS_OP_GET_ATTRIBUTES] =
        { ngx_http_cos_get_attributes, BUCKET|OBJECT,
          COS_ACT_GET_ATTRIBUTES, READ },
    [COS_OP_GET_RETENTION] =
        { ngx_http_cos_get_retention, BUCKET|OBJECT,
          COS_ACT_GET_RETENTION, NONE },
    [COS_OP_PUT_RETENTION] =
        { ngx_http_cos_put_retention, BUCKET|FRESH,
          COS_ACT_PUT_RETENTION, NONE },
    [COS_OP_GET_LEGAL_HOLD] =
        { ngx_http_cos_get_legal_hold, BUCKET|OBJECT,
          COS_ACT_GET_LEGAL_HOLD, NONE },
    [COS_OP_PUT_LEGAL_HOLD] =
        { ngx_http_cos_put_legal_hold, BUCKET|FRESH,
          COS_ACT_PUT_LEGAL_HOLD, NONE },
    [COS_OP_RESTORE_OBJECT] =
        { ngx_http_cos_restore_object, BUCKET|FRESH,
          COS_ACT_RESTORE, OWN },
    [COS_OP_APPEND_OBJECT] =
        { ngx_http_cos_append_object, BUCKET|FRESH,
          COS_ACT_APPEND, WRITE },
    [COS_OP_GET_SYMLINK] =
        { ngx_http_cos_get_symlink, BUCKET|OBJECT,
          COS_ACT_GET_SYMLINK, READ },
    [COS_OP_PUT_SYMLINK] =
        { ngx_http_cos_put_symlink, BUCKET,
          COS_ACT_PUT_SYMLINK, WRITE },
    [COS_OP_RENAME_OBJECT] =
        { ngx_http_cos_unsupported, BUCKET,
          COS_ACT_PUT, WRITE },

    /* nobody has a right to be told, nor can be kept from it */
    [COS_OP_PREFLIGHT] =
        { ngx_http_cos_preflight, 0, COS_ACT_MAX, NONE },

    [COS_OP_SERVE_WEBSITE] =
        { ngx_http_cos_serve_website, BUCKET,
          COS_ACT_MAX, READ },

    [COS_OP_UNSUPPORTED] =
        { ngx_http_cos_unsupported, 0, COS_ACT_MAX, NONE }
};
