/*
 * auth: what authenticates a form upload (POST Object): the signature in its
 * fields, and the policy that was signed. Pure.
 *
 * The signature covers the policy, and the policy says which fields the form
 * may have and with which values: so together they are to a form what the
 * signature of a request is to its headers.
 *
 * COS: cos-api.md section 4.4; S3 API, "Browser-Based Uploads Using POST".
 */

#ifndef COS_POST_H
#define COS_POST_H

#include "cos_auth.h"
#include "cos_form.h"
#include "cos_name.h"

#pragma GCC visibility push(hidden)

/*
 * Finds the signature in a form: of COS, of AWS' version 4, of its version 2,
 * or none (COS_SIG_NONE). A policy without a signature and a signature without
 * a policy are COS_E_INVALID_ARGUMENT, as is what is malformed; two of them,
 * or a field twice, COS_E_AUTH_DUPLICATE. Spans point into the form.
 */
cos_err_e cos_form_sig_parse(const cos_form_t *f, cos_sig_t *sig);

/*
 * Proves it. In order: time (COS_E_EXPIRED, COS_E_TIME_SKEWED), region (as
 * with cos_sig_verify), signature (COS_E_SIGNATURE_MISMATCH, in constant
 * time). What the signature is of, the policy, is in sig->policy.
 */
cos_err_e cos_form_sig_verify(cos_sig_t *sig, cos_str_t secret, int64_t now,
    cos_str_t region, cos_alloc_t *a);

/* What a policy is held against. */
typedef struct {
    const cos_form_t  *form;
    cos_dialect_e      dialect;
    cos_str_t          bucket;
    cos_str_t          key;          /* ${filename} replaced */
    int64_t            now;          /* seconds */
    /* results */
    uint64_t           min;          /* of the file */
    uint64_t           max;
    const char        *reason;       /* printable text, or NULL */
} cos_post_t;

/*
 * Holds a form against its policy (base64). COS_E_INVALID_POLICY: it is no
 * base64, no JSON, or no policy; COS_E_ACCESS_DENIED: it has expired, one of
 * its conditions does not hold, or the form has a field that no condition
 * names. No condition is needed for the signature's fields, "policy", "file",
 * what begins with "x-ignore-" and empty fields; in the COS dialect not for
 * Content-Type, Content-MD5 and success_action_status either, but for q-ak,
 * q-sign-algorithm and q-sign-time (which is the form's q-key-time). The bucket
 * must be named. Of a starts-with on Content-Type each item of a list must
 * hold. The size of the file is the caller's to check against min and max.
 */
cos_err_e cos_post_policy(cos_post_t *p, cos_str_t policy, cos_alloc_t *a);

#pragma GCC visibility pop

#endif
