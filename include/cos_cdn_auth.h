/*
 * auth: URLs signed for a time, as CDNs check them (cos-api.md section 11; the
 * CDN's page "Authentication Configuration", types A to D). Pure.
 *
 * The path that is signed is the one of the URL, encoded as it was sent:
 *
 *   A  /uri?sign=<ts>-<rand>-<uid>-<md5>   md5(uri-ts-rand-uid-key)
 *   B  /<YYYYMMDDHHMM>/<md5>/uri           md5(key ts uri), UTC+8
 *   C  /<md5>/<hex ts>/uri                 md5(key uri ts), or (key ts uri)
 *   D  /uri?sign=<md5>&t=<ts>              md5(key uri ts)
 *
 * <ts> has exactly 10 decimal digits, <hex ts> exactly 8 hexadecimal ones.
 * Whether a rule is meant for a request is judged by what is served (suffix,
 * beginning), never by how the URL writes it: an encoded letter would go past
 * the check and name the same file.
 */

#ifndef COS_CDN_AUTH_H
#define COS_CDN_AUTH_H

#include "cos_xml_domain.h"

#pragma GCC visibility push(hidden)

typedef enum {
    COS_CDN_PASS = 0,                 /* signed; the signature is taken off */
    COS_CDN_NOT_MEANT,                /* the rule is not for what is asked for;
                                         nothing is taken off */
    COS_CDN_MISSING,                  /* no signature, or not of that form */
    COS_CDN_EXPIRED,
    COS_CDN_EARLY,                    /* its time is more than the TTL and a day
                                         ahead */
    COS_CDN_WRONG,
    COS_CDN_FAILED                    /* no memory */
} cos_cdn_e;

typedef struct {
    cos_str_t  path;                  /* as in the URL, from the slash on */
    cos_str_t  uri;                   /* what is served, decoded */
    cos_str_t  query;                 /* as in the URL, without '?' */
} cos_cdn_url_t;

/* Checks *url against r (not COS_CDN_OFF) at that time, in seconds. With PASS
 * *url is what to serve; new text is from a. Digests are compared in constant
 * time. */
cos_cdn_e cos_cdn_verify(const cos_cdn_rule_t *r, cos_cdn_url_t *url,
    int64_t now, cos_alloc_t *a);

/* Takes what r calls the signature out of a query; -1: no memory. */
int cos_cdn_strip(const cos_cdn_rule_t *r, cos_str_t *query, cos_alloc_t *a);

/* Why, for logs and error documents; "" for the first two. */
const char *cos_cdn_reason(cos_cdn_e e);

#pragma GCC visibility pop

#endif
