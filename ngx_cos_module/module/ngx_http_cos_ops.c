/*
 * What each operation needs before it runs, and where it begins. The gate
 * enforces the first, the content handler starts the second.
 */

#include "ngx_http_cos.h"


#define BUCKET  NGX_HTTP_COS_NEED_BUCKET
#define OBJECT  NGX_HTTP_COS_NEED_OBJECT
#define FRESH   NGX_HTTP_COS_NEED_FRESH
#define SIGNED  NGX_HTTP_COS_NEED_SIGNED
#define OWNER   NGX_HTTP_COS_NEED_OWNER
#define LIST    NGX_HTTP_COS_NEED_LIST
#define READ    NGX_HTTP_COS_NEED_READ
#define WRITE   NGX_HTTP_COS_NEED_WRITE
#define FORM    NGX_HTTP_COS_NEED_FORM


ngx_int_t
ngx_http_cos_unsupported(ngx_http_cos_ctx_t *ctx)
{
    return ngx_http_cos_fail(ctx, COS_E_NOT_IMPLEMENTED, NULL);
}


const ngx_http_cos_op_t  ngx_http_cos_ops[COS_OP_MAX] = {

    [COS_OP_LIST_BUCKETS] =
        { ngx_http_cos_list_buckets, SIGNED },

    [COS_OP_PUT_BUCKET] =
        { ngx_http_cos_put_bucket, SIGNED },
    [COS_OP_HEAD_BUCKET] =
        { ngx_http_cos_head_bucket, BUCKET|LIST },
    [COS_OP_DELETE_BUCKET] =
        { ngx_http_cos_delete_bucket, BUCKET|OWNER },
    [COS_OP_GET_BUCKET_LOCATION] =
        { ngx_http_cos_bucket_location, BUCKET|OWNER },
    [COS_OP_GET_BUCKET_ACL] =
        { ngx_http_cos_get_bucket_acl, BUCKET|OWNER },
    [COS_OP_PUT_BUCKET_ACL] =
        { ngx_http_cos_put_bucket_acl, BUCKET|OWNER },
    [COS_OP_LIST_OBJECTS] =
        { ngx_http_cos_list_objects, BUCKET|LIST },
    [COS_OP_LIST_OBJECTS_V2] =
        { ngx_http_cos_list_objects, BUCKET|LIST },
    [COS_OP_LIST_UPLOADS] =
        { ngx_http_cos_list_uploads, BUCKET|OWNER },
    [COS_OP_DELETE_OBJECTS] =
        { ngx_http_cos_delete_objects, BUCKET|WRITE },

    [COS_OP_POST_OBJECT] =
        { ngx_http_cos_post_object, BUCKET|WRITE|FORM },
    [COS_OP_LIST_VERSIONS] =
        { ngx_http_cos_list_versions, BUCKET|LIST },
    [COS_OP_GET_VERSIONING] =
        { ngx_http_cos_get_config, BUCKET|OWNER },
    [COS_OP_PUT_VERSIONING] =
        { ngx_http_cos_put_config, BUCKET|OWNER },
    [COS_OP_GET_BUCKET_TAGGING] =
        { ngx_http_cos_get_config, BUCKET|OWNER },
    [COS_OP_PUT_BUCKET_TAGGING] =
        { ngx_http_cos_put_config, BUCKET|OWNER },
    [COS_OP_DELETE_BUCKET_TAGGING] =
        { ngx_http_cos_delete_config, BUCKET|OWNER },
    [COS_OP_GET_ENCRYPTION] =
        { ngx_http_cos_get_config, BUCKET|OWNER },
    [COS_OP_PUT_ENCRYPTION] =
        { ngx_http_cos_put_config, BUCKET|OWNER },
    [COS_OP_DELETE_ENCRYPTION] =
        { ngx_http_cos_delete_config, BUCKET|OWNER },
    [COS_OP_GET_LOCK_CONFIG] =
        { ngx_http_cos_get_config, BUCKET|OWNER },
    [COS_OP_PUT_LOCK_CONFIG] =
        { ngx_http_cos_put_config, BUCKET|OWNER },
    [COS_OP_GET_QUOTA] =
        { ngx_http_cos_get_config, BUCKET|OWNER },
    [COS_OP_PUT_QUOTA] =
        { ngx_http_cos_put_config, BUCKET|OWNER },
    [COS_OP_DELETE_QUOTA] =
        { ngx_http_cos_delete_config, BUCKET|OWNER },
    [COS_OP_GET_REQUEST_PAYMENT] =
        { ngx_http_cos_get_config, BUCKET|OWNER },
    [COS_OP_PUT_REQUEST_PAYMENT] =
        { ngx_http_cos_put_config, BUCKET|OWNER },
    [COS_OP_GET_PUBLIC_BLOCK] =
        { ngx_http_cos_get_config, BUCKET|OWNER },
    [COS_OP_PUT_PUBLIC_BLOCK] =
        { ngx_http_cos_put_config, BUCKET|OWNER },
    [COS_OP_DELETE_PUBLIC_BLOCK] =
        { ngx_http_cos_delete_config, BUCKET|OWNER },
    [COS_OP_GET_OWNERSHIP] =
        { ngx_http_cos_get_config, BUCKET|OWNER },
    [COS_OP_PUT_OWNERSHIP] =
        { ngx_http_cos_put_config, BUCKET|OWNER },
    [COS_OP_DELETE_OWNERSHIP] =
        { ngx_http_cos_delete_config, BUCKET|OWNER },
    [COS_OP_GET_UNCONFIGURED] =
        { ngx_http_cos_get_unconfigured, BUCKET|OWNER },
    [COS_OP_DELETE_UNCONFIGURED] =
        { ngx_http_cos_delete_unconfigured, BUCKET|OWNER },

    [COS_OP_PUT_OBJECT] =
        { ngx_http_cos_put_object, BUCKET|WRITE },
    [COS_OP_COPY_OBJECT] =
        { ngx_http_cos_copy_object, BUCKET|WRITE },
    [COS_OP_GET_OBJECT] =
        { ngx_http_cos_get_object, BUCKET|OBJECT|READ },
    [COS_OP_HEAD_OBJECT] =
        { ngx_http_cos_get_object, BUCKET|OBJECT|READ },
    [COS_OP_DELETE_OBJECT] =
        { ngx_http_cos_delete_object, BUCKET|WRITE|FRESH },
    [COS_OP_GET_OBJECT_ACL] =
        { ngx_http_cos_get_object_acl, BUCKET|OBJECT|SIGNED },
    [COS_OP_PUT_OBJECT_ACL] =
        { ngx_http_cos_put_object_acl, BUCKET|FRESH|SIGNED },

    [COS_OP_CREATE_UPLOAD] =
        { ngx_http_cos_create_upload, BUCKET|WRITE },
    [COS_OP_UPLOAD_PART] =
        { ngx_http_cos_upload_part, BUCKET|WRITE },
    [COS_OP_UPLOAD_PART_COPY] =
        { ngx_http_cos_upload_part_copy, BUCKET|WRITE },
    [COS_OP_COMPLETE_UPLOAD] =
        { ngx_http_cos_complete_upload, BUCKET|WRITE },
    [COS_OP_ABORT_UPLOAD] =
        { ngx_http_cos_abort_upload, BUCKET|WRITE },
    [COS_OP_LIST_PARTS] =
        { ngx_http_cos_list_parts, BUCKET|WRITE },

    [COS_OP_GET_OBJECT_TAGGING] =
        { ngx_http_cos_get_object_tagging, BUCKET|OBJECT|SIGNED },
    [COS_OP_PUT_OBJECT_TAGGING] =
        { ngx_http_cos_put_object_tagging, BUCKET|FRESH|SIGNED },
    [COS_OP_DELETE_OBJECT_TAGGING] =
        { ngx_http_cos_delete_object_tagging, BUCKET|FRESH|SIGNED },
    [COS_OP_GET_ATTRIBUTES] =
        { ngx_http_cos_get_attributes, BUCKET|OBJECT|READ },
    [COS_OP_GET_RETENTION] =
        { ngx_http_cos_get_retention, BUCKET|OWNER|OBJECT },
    [COS_OP_PUT_RETENTION] =
        { ngx_http_cos_put_retention, BUCKET|OWNER|FRESH },
    [COS_OP_GET_LEGAL_HOLD] =
        { ngx_http_cos_get_legal_hold, BUCKET|OWNER|OBJECT },
    [COS_OP_PUT_LEGAL_HOLD] =
        { ngx_http_cos_put_legal_hold, BUCKET|OWNER|FRESH },
    [COS_OP_RESTORE_OBJECT] =
        { ngx_http_cos_restore_object, BUCKET|FRESH|SIGNED },
    [COS_OP_APPEND_OBJECT] =
        { ngx_http_cos_append_object, BUCKET|WRITE|FRESH },
    [COS_OP_GET_SYMLINK] =
        { ngx_http_cos_get_symlink, BUCKET|OBJECT|READ },
    [COS_OP_PUT_SYMLINK] =
        { ngx_http_cos_put_symlink, BUCKET|WRITE },
    [COS_OP_RENAME_OBJECT] =
        { ngx_http_cos_unsupported, BUCKET|WRITE },

    [COS_OP_UNSUPPORTED] =
        { ngx_http_cos_unsupported, 0 }
};
