/*
 * xml: answers of the APIs for temporary credentials.
 */

#include "xml.h"
#include "cos_xml_sts.h"

#define NAMESPACE  "https://sts.amazonaws.com/doc/2011-06-15/"

/* Codes of both APIs where they have their own. */
static const struct {
    cos_err_e    err;
    const char  *aws;
    const char  *tencent;
} codes[] = {
    { COS_E_INVALID_ACCESS_KEY, "InvalidClientTokenId",
      "AuthFailure.SecretIdNotFound" },
    { COS_E_KEY_DISABLED, "InvalidClientTokenId",
      "AuthFailure.SecretIdNotFound" },
    { COS_E_SIGNATURE_MISMATCH, "SignatureDoesNotMatch",
      "AuthFailure.SignatureFailure" },
    { COS_E_TIME_SKEWED, "SignatureDoesNotMatch",
      "AuthFailure.SignatureExpire" },
    { COS_E_AUTH_HEADER_MALFORMED, "IncompleteSignature",
      "AuthFailure.InvalidAuthorization" },
    { COS_E_INVALID_TOKEN, "InvalidClientTokenId", "AuthFailure.TokenFailure" },
    { COS_E_EXPIRED_TOKEN, "ExpiredToken", "AuthFailure.TokenFailure" },
    { COS_E_ACCESS_DENIED, "AccessDenied", "UnauthorizedOperation" },
    { COS_E_MALFORMED_POLICY, "MalformedPolicyDocument",
      "InvalidParameter.StrategyFormatError" },
    { COS_E_INVALID_ARGUMENT, "ValidationError",
      "InvalidParameter.ParamError" },
    { COS_E_NOT_IMPLEMENTED, "ValidationError", "UnsupportedOperation" },
    { COS_E_UNAVAILABLE, "ServiceUnavailable", "InternalError.SystemError" },
    { COS_E_INTERNAL, "InternalFailure", "InternalError.SystemError" },
};


static void
credentials(cos_buf_t *b, const cos_xml_sts_t *r)
{
    cos_xml_open(b, "Credentials");
    cos_xml_elem(b, "AccessKeyId", r->access_key);
    cos_xml_elem(b, "SecretAccessKey", r->secret);
    cos_xml_elem(b, "SessionToken", r->token);
    cos_xml_elem_date(b, "Expiration", (int64_t) r->expires * 1000, 0);
    cos_xml_close(b, "Credentials");
}


/* The user that the session stands for. */
static void
user(cos_buf_t *b, const cos_xml_sts_t *r)
{
    cos_xml_open(b, r->federated ? "FederatedUser" : "AssumedRoleUser");
    cos_buf_lit(b, "<Arn>arn:aws:sts::");
    cos_buf_uint(b, r->uid);
    cos_buf_cstr(b, r->federated ? ":federated-user/" : ":assumed-role/");
    cos_buf_str(b, r->name);
    cos_buf_cstr(b, r->federated ? "</Arn><FederatedUserId>"
                                 : "</Arn><AssumedRoleId>");
    cos_buf_uint(b, r->uid);
    cos_buf_char(b, ':');
    cos_buf_str(b, r->name);
    cos_buf_cstr(b, r->federated ? "</FederatedUserId>" : "</AssumedRoleId>");
    cos_xml_close(b, r->federated ? "FederatedUser" : "AssumedRoleUser");
}


static void
in_xml(cos_buf_t *b, const cos_xml_sts_t *r)
{
    cos_buf_lit(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<");
    cos_buf_cstr(b, r->action);
    cos_buf_lit(b, "Response xmlns=\"" NAMESPACE "\"><");
    cos_buf_cstr(b, r->action);
    cos_buf_lit(b, "Result>");
    credentials(b, r);

    if (r->name.len) {
        user(b, r);
    }

    cos_buf_lit(b, "</");
    cos_buf_cstr(b, r->action);
    cos_buf_lit(b, "Result><ResponseMetadata>");
    cos_xml_elem(b, "RequestId", r->request_id);
    cos_buf_lit(b, "</ResponseMetadata></");
    cos_buf_cstr(b, r->action);
    cos_buf_lit(b, "Response>");
}


void
cos_xml_sts(cos_buf_t *b, const cos_xml_sts_t *r)
{
    char    date[32];
    size_t  n;

    if (!r->json) {
        in_xml(b, r);
        return;
    }

    n = cos_iso8601(date, (int64_t) r->expires * 1000, 0);

    cos_buf_lit(b, "{\"Response\":{\"Credentials\":{\"Token\":");
    cos_bos_string(b, r->token);
    cos_buf_lit(b, ",\"TmpSecretId\":");
    cos_bos_string(b, r->access_key);
    cos_buf_lit(b, ",\"TmpSecretKey\":");
    cos_bos_string(b, r->secret);
    cos_buf_lit(b, "},\"ExpiredTime\":");
    cos_buf_uint(b, r->expires);
    cos_buf_lit(b, ",\"Expiration\":");
    cos_bos_string(b, (cos_str_t) { n, (cos_u8 *) date });
    cos_buf_lit(b, ",\"RequestId\":");
    cos_bos_string(b, r->request_id);
    cos_buf_lit(b, "}}");
}


void
cos_xml_sts_error(cos_buf_t *b, int json, cos_err_e err, const char *message,
    cos_str_t request_id)
{
    size_t                 i;
    const char            *code;
    const cos_err_info_t  *info = cos_err_info(err);

    code = json ? "InvalidParameter" : info->code;

    for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (codes[i].err == err) {
            code = json ? codes[i].tencent : codes[i].aws;
        }
    }

    message = message ? message : info->message;

    if (!json) {
        cos_buf_lit(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                       "<ErrorResponse xmlns=\"" NAMESPACE "\"><Error><Type>");
        cos_buf_cstr(b, info->status < 500 ? "Sender" : "Receiver");
        cos_buf_lit(b, "</Type>");
        cos_xml_elem_cstr(b, "Code", code);
        cos_xml_elem_cstr(b, "Message", message);
        cos_buf_lit(b, "</Error>");
        cos_xml_elem(b, "RequestId", request_id);
        cos_buf_lit(b, "</ErrorResponse>");
        return;
    }

    cos_buf_lit(b, "{\"Response\":{\"Error\":{\"Code\":");
    cos_bos_string(b, (cos_str_t) { strlen(code),
                                    (cos_u8 *) (uintptr_t) code });
    cos_buf_lit(b, ",\"Message\":");
    cos_bos_string(b, (cos_str_t) { strlen(message),
                                    (cos_u8 *) (uintptr_t) message });
    cos_buf_lit(b, "},\"RequestId\":");
    cos_bos_string(b, request_id);
    cos_buf_lit(b, "}}");
}
