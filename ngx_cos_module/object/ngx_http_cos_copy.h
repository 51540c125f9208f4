/*
 * object, CopyObject only: what its files share.
 */

#ifndef NGX_HTTP_COS_COPY_H
#define NGX_HTTP_COS_COPY_H

#include "ngx_http_cos_object.h"
#include "ngx_http_cos_rights.h"
#include "ngx_http_cos_sse.h"

#pragma GCC visibility push(hidden)

#define NGX_HTTP_COS_COPY_TRIES  3    /* the source may be replaced meanwhile */

typedef struct {
    ngx_http_cos_source_t    source;
    ngx_http_cos_commit_t    commit;
    cos_object_t             wanted;  /* headers of the request */
    unsigned                 replace:1;
    unsigned                 gather:1; /* written anew as one segment, for it
                                         has too much in packs */
    ngx_uint_t               replace_tags;
    cos_sum_e                sum;     /* wanted of the copy; NONE: any */
    ngx_uint_t               tries;

    /* for the thread */
    cos_store_t             *store;
    cos_seg_t               *segs;    /* of the copy */
    uint32_t                 nsegs;
    uint32_t                 nlinks;  /* solo ids held */
    struct {
        uint32_t             seg;
        uint64_t             pos;     /* of the segment in the object */
        uint64_t             mem;     /* bytes in mem */
        uint64_t             moved;   /* of a container that is copied */
        unsigned             more:1;
    }                        at;      /* how far the thread came */
    cos_u8                  *mem;     /* packed bytes, one after the other */
    uint64_t                 mem_len;
    uint64_t                 mem_crc;
    int                      error;   /* errno, or -1: disk error of a link */
    cos_err_e                err;
    ngx_http_cos_append_t   *append;  /* one for each packed segment */
    ngx_http_cos_feed_t      feed;    /* instead, when written anew */
    ngx_http_cos_ctx_t      *ctx;
} ngx_http_cos_copy_t;

/* The place of a source whose facts are known. */
void ngx_http_cos_source_place(ngx_http_cos_source_t *s,
    ngx_http_cos_place_t *p);
/* Steps: places the bytes where they can stay as they are, and commits. */
ngx_int_t ngx_http_cos_copy_bytes(ngx_http_cos_ctx_t *ctx);
/* Steps that it goes on to: committed; the source is known, anew. */
ngx_int_t ngx_http_cos_copy_done(ngx_http_cos_ctx_t *ctx);
ngx_int_t ngx_http_cos_copy_source(ngx_http_cos_ctx_t *ctx);
/* Ids that the copy (data) holds go back; files of one that failed go. */
void ngx_http_cos_copy_give_back(void *data);

#pragma GCC visibility pop

#endif
