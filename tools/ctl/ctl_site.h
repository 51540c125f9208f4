/*
 * cosctl site: what the releases and their files share.
 */

#ifndef COS_CTL_SITE_H
#define COS_CTL_SITE_H

#include <pthread.h>

#include "ctl_http.h"

typedef struct {
    char    *path;                    /* in the file system */
    char    *name;                    /* in the site */
    int      packed;                  /* compressed: after what it is of */
} ctl_file_t;

typedef struct {
    ctl_t            *ctl;
    const char       *prefix;         /* of the keys */
    ctl_file_t       *files;
    size_t            n, next, end;   /* of this round */
    int               failed;
    pthread_mutex_t   lock;
} ctl_deploy_t;

/* The files of a folder, into a *d that they are all that is set of. */
int ctl_site_collect(ctl_deploy_t *d, const char *dir);
/* Uploads them: those that are compressed when the others are there. */
int ctl_site_upload(ctl_deploy_t *d);

/* The path of a key in a URL. */
int ctl_site_key(ctl_t *c, cos_buf_t *b, cos_alloc_t *a, const char *prefix,
    const char *name);
/* Says that a request was refused, if it was answered. */
int ctl_site_refused(const char *what, int status, cos_str_t body);

#endif
