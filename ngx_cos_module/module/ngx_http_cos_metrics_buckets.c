/*
 * What buckets hold, for the page of metrics: counters that commits keep in
 * Redis, asked for when the page is. A page is written without them when Redis
 * does not answer.
 */

#include "ngx_http_cos.h"
#include "ngx_http_cos_counters.h"
#include "ngx_http_cos_metrics.h"


#define MAX_BUCKETS  "1000"

/* Places in the reply for a bucket, see cos_stats in PROTOCOL.md */
enum { NAME, CLASSES = 6 };

typedef struct {
    ngx_http_request_t          *request;
    ngx_http_cos_call_t          call;
    ngx_http_cos_metrics_send_pt send;
    cos_buf_t                   *b;
} ask_t;

static const struct {
    const char  *name;
    const char  *help;
} gauges[CLASSES] = {
    { NULL, NULL },
    { "objects", "Current objects of a bucket." },
    { "bytes", "Bytes of the current objects of a bucket." },
    { "uploads", "Open multipart uploads of a bucket." },
    { "versions", "Versions that are not current, and delete markers." },
    { "version_bytes", "Bytes of versions that are not current." },
};


static cos_str_t
text(const redisReply *bucket, size_t i)
{
    cos_str_t          none = cos_lit("0"), s;
    const redisReply  *e;

    e = i < bucket->elements ? bucket->element[i] : NULL;

    if (e == NULL || e->type != REDIS_REPLY_STRING) {
        return none;
    }

    s.data = (cos_u8 *) e->str;
    s.len = e->len;

    return s;
}


static void
head(cos_buf_t *b, const char *name, const char *help)
{
    cos_buf_lit(b, "# HELP ngx_cos_bucket_");
    cos_buf_cstr(b, name);
    cos_buf_char(b, ' ');
    cos_buf_cstr(b, help);
    cos_buf_lit(b, "\n# TYPE ngx_cos_bucket_");
    cos_buf_cstr(b, name);
    cos_buf_lit(b, " gauge\n");
}


/* Names of buckets need no escapes. */
static void
row(cos_buf_t *b, const char *name, cos_str_t bucket, const char *class,
    cos_str_t value)
{
    cos_buf_lit(b, "ngx_cos_bucket_");
    cos_buf_cstr(b, name);
    cos_buf_lit(b, "{bucket=\"");
    cos_buf_str(b, bucket);

    if (class) {
        cos_buf_lit(b, "\",class=\"");
        cos_buf_cstr(b, class);
    }

    cos_buf_lit(b, "\"} ");
    cos_buf_str(b, value);
    cos_buf_char(b, '\n');
}


/* Classes in which there is something; that of the rest is STANDARD. */
static void
rows_by_class(cos_buf_t *b, const char *name, const redisReply *list,
    size_t second)
{
    size_t             i, k;
    cos_str_t          n;
    const redisReply  *bucket;

    for (i = 0; i < list->elements; i++) {
        bucket = list->element[i];

        for (k = CLASSES; k + 1 < bucket->elements; k += 2) {
            n = text(bucket, k);

            if (!cos_str_is(n, "0")) {
                row(b, name, text(bucket, NAME),
                    cos_class_name(1 + (k - CLASSES) / 2),
                    text(bucket, k + second));
            }
        }
    }
}


static void
rows(cos_buf_t *b, const redisReply *list)
{
    size_t  i, g;

    for (g = 1; g < CLASSES; g++) {
        head(b, gauges[g].name, gauges[g].help);

        for (i = 0; i < list->elements; i++) {
            row(b, gauges[g].name, text(list->element[i], NAME), NULL,
                text(list->element[i], g));
        }
    }

    head(b, "class_objects", "Objects in a storage class, all versions.");
    rows_by_class(b, "class_objects", list, 0);
    head(b, "class_bytes", "Bytes in a storage class, all versions.");
    rows_by_class(b, "class_bytes", list, 1);
}


static void
answered(ngx_http_cos_call_t *call, redisReply *reply)
{
    ask_t               *a = call->data;
    ngx_connection_t    *c = a->request->connection;
    ngx_http_request_t  *r = a->request;

    if (reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2
        && reply->element[1]->type == REDIS_REPLY_ARRAY)
    {
        rows(a->b, reply->element[1]);
    }

    r->main->blocked--;
    ngx_http_finalize_request(r, a->send(r, a->b));
    ngx_http_run_posted_requests(c);
}


ngx_int_t
ngx_http_cos_metrics_buckets(ngx_http_request_t *r, cos_buf_t *b,
    ngx_http_cos_metrics_send_pt send)
{
    ask_t      *a;
    ngx_str_t   argv[5];

    a = ngx_pcalloc(r->pool, sizeof(ask_t));
    if (a == NULL) {
        return NGX_ERROR;
    }

    a->request = r;
    a->send = send;
    a->b = b;
    a->call.handler = answered;
    a->call.data = a;

    ngx_str_set(&argv[0], "FCALL_RO");
    ngx_str_set(&argv[1], "cos_stats");
    ngx_str_set(&argv[2], "0");
    ngx_str_set(&argv[3], MAX_BUCKETS);
    argv[4].data = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    if (argv[4].data == NULL) {
        return NGX_ERROR;
    }

    argv[4].len = ngx_sprintf(argv[4].data, "%d", COS_CLASS_MAX - 1)
                  - argv[4].data;

    if (ngx_http_cos_redis_call(&a->call, NGX_HTTP_COS_SLOW, 5, argv)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    /* until the reply: nothing else may end the request */
    r->main->count++;
    r->main->blocked++;

    return NGX_DONE;
}
