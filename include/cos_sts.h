/*
 * auth: requests for temporary credentials, in the two APIs that clients speak.
 *
 *   AWS      POST / with a form: Action=AssumeRole, GetSessionToken,
 *            GetFederationToken; signed as V4 for the service "sts" (AWS STS API
 *            reference, version 2011-06-15)
 *   Tencent  POST / with a form that carries its own signature (HmacSHA1 or
 *            HmacSHA256 of all its fields), or with a form or JSON signed as
 *            TC3-HMAC-SHA256: GetFederationToken, AssumeRole (Tencent STS,
 *            version 2018-08-13; cos-api.md 12.3)
 *
 * Pure: the caller has read the body, looks the secret up, and issues the token.
 */

#ifndef COS_STS_H
#define COS_STS_H

#include "cos_auth.h"

#pragma GCC visibility push(hidden)

#define COS_STS_BODY_MAX  65536       /* bytes of a body */

typedef enum {
    COS_STS_AWS = 0,
    COS_STS_TENCENT
} cos_sts_api_e;

typedef enum {
    COS_STS_NONE = 0,
    COS_STS_ASSUME_ROLE,
    COS_STS_SESSION_TOKEN,
    COS_STS_FEDERATION_TOKEN
} cos_sts_action_e;

typedef struct {
    cos_sts_api_e     api;
    cos_sts_action_e  action;
    cos_str_t         name;           /* of the session; empty: none */
    cos_str_t         policy;         /* its text; empty: none */
    uint64_t          duration;       /* seconds; 0: not given */
    const char       *reason;         /* what is wrong, where an error was */

    cos_str_t         body;           /* as it came */
    cos_args_t        form;           /* its fields, where it is a form */
    char              digest[2 * COS_SHA256_LEN];   /* of the body, in hex */
    unsigned          fields:1;       /* the form carries the signature */
} cos_sts_t;

/*
 * Reads what is asked for and who signed it. h: the request; body: all of it;
 * texts of *s and *sig are from both or from a. s->api is set in any case, so
 * that errors can be told in its words. COS_E_INVALID_ARGUMENT (s->reason),
 * COS_E_NOT_IMPLEMENTED (a field that is not honoured, an action that is not
 * known), errors of cos_sig_parse().
 */
cos_err_e cos_sts_parse(cos_sts_t *s, const cos_http_t *h, cos_str_t body,
    cos_sig_t *sig, cos_alloc_t *a);
/* Proves it with the secret of sig->access_key, as cos_sig_verify() does. */
cos_err_e cos_sts_verify(const cos_sts_t *s, const cos_http_t *h,
    cos_sig_t *sig, cos_str_t secret, int64_t now, cos_alloc_t *a);

/*
 * Seconds that the credentials are valid for; is_account: an account asks, not
 * one of its users. 0: what was asked for is out of bounds (AWS: 900 to 43,200
 * for AssumeRole, else to 129,600, and an account gets an hour at most; Tencent:
 * 1 to 7,200 for an account, to 129,600 for a user).
 */
uint64_t cos_sts_duration(const cos_sts_t *s, int is_account);

#pragma GCC visibility pop

#endif
