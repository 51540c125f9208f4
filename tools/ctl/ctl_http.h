/*
 * cosctl: signed requests to the server (AWS signature version 4).
 */

#ifndef COS_CTL_HTTP_H
#define COS_CTL_HTTP_H

#include "ctl.h"

/* A connection that is kept; one for each thread. */
typedef struct {
    const ctl_t  *ctl;
    int           fd;                 /* -1: none */
    char          host[300];          /* as in the Host header */
    char          name[256];
    char          port[8];
} ctl_http_t;

typedef struct {
    const char   *method;
    cos_str_t     path;               /* percent-encoded, from the slash on */
    const char   *query;              /* encoded and sorted; "" for none */
    const char   *type;               /* Content-Type; NULL: none */
    const char   *cache;              /* Cache-Control; NULL: none */
    const char   *acl;                /* x-amz-acl; NULL: none */
    const void   *body;
    size_t        len;
} ctl_request_t;

/* Reads endpoint, region and keys of c; says what is missing. */
int ctl_http_init(ctl_http_t *h, const ctl_t *c);
void ctl_http_close(ctl_http_t *h);

/* The status, with the body in *out (memory of a); -1: said why there is
 * none. A connection that the server had closed is opened again. */
int ctl_http(ctl_http_t *h, const ctl_request_t *r, cos_str_t *out,
    cos_alloc_t *a);

#endif
