/*
 * request: which bucket, key and operation a request names.
 */

#include "unit.h"
#include "cos_name.h"

#define LONG10   "0123456789"
#define LONG100  LONG10 LONG10 LONG10 LONG10 LONG10 LONG10 LONG10 LONG10     \
                 LONG10 LONG10
#define LONG850  LONG100 LONG100 LONG100 LONG100 LONG100 LONG100 LONG100     \
                 LONG100 LONG10 LONG10 LONG10 LONG10 LONG10


/* Names "METHOD target [header]"; headers are "name: value". */
static cos_err_e
name(cos_name_t *n, const char *method, const char *target,
    const char *header, const cos_host_t *host, int sig_dialect)
{
    char          *colon;
    ptrdiff_t      len;
    cos_http_t     h;
    cos_str_t      query;
    cos_header_t   pair;
    const char    *mark;

    memset(&h, 0, sizeof(h));
    h.method = str(method);
    h.path = str(target);
    query = str("");

    mark = strchr(target, '?');
    if (mark != NULL) {
        h.path.len = mark - target;
        query = str(mark + 1);
    }

    assert_int_equal(cos_dup(mem, &h.path_decoded, target, h.path.len), 0);
    len = cos_pct_decode(h.path_decoded.data, h.path, 0);
    assert_true(len >= 0);
    h.path_decoded.len = len;

    if (header != NULL) {
        colon = strchr(header, ':');
        pair.name = (cos_str_t) { colon - header, (cos_u8 *) header };
        pair.value = cos_str_trim(str(colon + 1));
        h.headers = &pair;
        h.nheaders = 1;
    }

    assert_int_equal(cos_args_parse(&h.args, query, mem), COS_OK);

    return cos_name_request(n, &h, host, sig_dialect);
}


typedef struct {
    const char  *method;
    const char  *target;              /* path style */
    const char  *header;
    cos_op_e     op;
} op_case_t;

#define U  COS_OP_UNSUPPORTED

static const op_case_t  op_cases[] = {
    { "GET", "/", NULL, COS_OP_LIST_BUCKETS },
    { "GET", "/?max-keys=5&marker=a", NULL, COS_OP_LIST_BUCKETS },
    { "GET", "/?x-id=ListBuckets", NULL, COS_OP_LIST_BUCKETS },
    { "PUT", "/bkt", NULL, COS_OP_PUT_BUCKET },
    { "PUT", "/bkt/", NULL, COS_OP_PUT_BUCKET },
    { "HEAD", "/bkt", NULL, COS_OP_HEAD_BUCKET },
    { "DELETE", "/bkt/", NULL, COS_OP_DELETE_BUCKET },
    { "GET", "/bkt?location", NULL, COS_OP_GET_BUCKET_LOCATION },
    { "GET", "/bkt/?location=", NULL, COS_OP_GET_BUCKET_LOCATION },
    { "GET", "/bkt/?acl", NULL, COS_OP_GET_BUCKET_ACL },
    { "PUT", "/bkt/?acl=", NULL, COS_OP_PUT_BUCKET_ACL },
    { "GET", "/bkt", NULL, COS_OP_LIST_OBJECTS },
    { "GET", "/bkt/?prefix=&delimiter=&max-keys=0&encoding-type=url", NULL,
      COS_OP_LIST_OBJECTS },
    { "GET", "/bkt/?prefix&delimiter", NULL, COS_OP_LIST_OBJECTS },
    { "GET", "/bkt/?maxKeys=5&foo=bar", NULL, COS_OP_LIST_OBJECTS },
    { "GET", "/bkt?list-type=2&start-after=a", NULL, COS_OP_LIST_OBJECTS_V2 },
    { "GET", "/bkt?uploads", NULL, COS_OP_LIST_UPLOADS },
    { "GET", "/bkt?uploads&max-uploads=1", NULL, COS_OP_LIST_UPLOADS },
    { "POST", "/bkt?delete", NULL, COS_OP_DELETE_OBJECTS },
    { "POST", "/bkt/?delete=&x-id=DeleteObjects", NULL,
      COS_OP_DELETE_OBJECTS },
    { "PUT", "/bkt/key", NULL, COS_OP_PUT_OBJECT },
    { "PUT", "/bkt/key?x-id=PutObject&X-Amz-Date=1&q-ak=2&sign=3", NULL,
      COS_OP_PUT_OBJECT },
    { "PUT", "/bkt/key", "x-cos-copy-source: a/b", COS_OP_COPY_OBJECT },
    { "PUT", "/bkt/key", "x-amz-copy-source: a/b", COS_OP_COPY_OBJECT },
    { "PUT", "/bkt/key", "x-bce-copy-source: a/b", COS_OP_COPY_OBJECT },
    { "GET", "/bkt/key", "x-bce-copy-source: a/b", COS_OP_GET_OBJECT },
    { "GET", "/bkt/key", NULL, COS_OP_GET_OBJECT },
    { "GET", "/bkt/key?versionId=null", NULL, COS_OP_GET_OBJECT },
    { "GET", "/bkt/key?VersionId=", NULL, COS_OP_GET_OBJECT },
    { "GET", "/bkt/key?response-content-type=a%2Fb", NULL,
      COS_OP_GET_OBJECT },
    { "HEAD", "/bkt/a/b//c", NULL, COS_OP_HEAD_OBJECT },
    { "DELETE", "/bkt/key", NULL, COS_OP_DELETE_OBJECT },
    { "DELETE", "/bkt/key?VersionId=x", NULL, COS_OP_DELETE_OBJECT },
    { "GET", "/bkt/key?acl", NULL, COS_OP_GET_OBJECT_ACL },
    { "PUT", "/bkt/key?acl", NULL, COS_OP_PUT_OBJECT_ACL },
    { "POST", "/bkt/key?uploads", NULL, COS_OP_CREATE_UPLOAD },
    { "POST", "/bkt/key?uploads=", NULL, COS_OP_CREATE_UPLOAD },
    { "PUT", "/bkt/key?partNumber=1&uploadId=x", NULL, COS_OP_UPLOAD_PART },
    { "PUT", "/bkt/key?uploadId=x&partNumber=1", "x-amz-copy-source: a/b",
      COS_OP_UPLOAD_PART_COPY },
    { "POST", "/bkt/key?uploadId=x", NULL, COS_OP_COMPLETE_UPLOAD },
    { "DELETE", "/bkt/key?uploadId=x", NULL, COS_OP_ABORT_UPLOAD },
    { "GET", "/bkt/key?uploadId=x&max-parts=5", NULL, COS_OP_LIST_PARTS },
    { "GET", "/bkt/key?uploadId=", NULL, COS_OP_LIST_PARTS },

    /* known sub-resources without an operation */
    { "GET", "/bkt?versions", NULL, COS_OP_LIST_VERSIONS },
    { "GET", "/bkt?website=", NULL, COS_OP_GET_WEBSITE },
    { "PUT", "/bkt?website=", NULL, COS_OP_PUT_WEBSITE },
    { "DELETE", "/bkt?website", NULL, COS_OP_DELETE_WEBSITE },
    { "POST", "/bkt?website", NULL, U },
    { "DELETE", "/bkt?lifecycle", NULL,
      COS_OP_DELETE_UNCONFIGURED },
    { "DELETE", "/bkt?acl", NULL, U },
    { "HEAD", "/bkt?acl", NULL, U },
    { "HEAD", "/bkt?list-type=2", NULL, U },
    { "PUT", "/bkt/key?tagging", NULL,
      COS_OP_PUT_OBJECT_TAGGING },
    { "PUT", "/bkt?tagging", NULL,
      COS_OP_PUT_BUCKET_TAGGING },
    { "GET", "/bkt/key?torrent", NULL, U },
    { "POST", "/bkt/key?append&position=0", NULL,
      COS_OP_APPEND_OBJECT },
    { "PUT", "/bkt/key?symlink", NULL,
      COS_OP_PUT_SYMLINK },
    { "PUT", "/bkt/key?rename", NULL,
      COS_OP_RENAME_OBJECT },
    { "POST", "/bkt/key?restore", NULL,
      COS_OP_RESTORE_OBJECT },
    { "POST", "/bkt/key?select&select-type=2", NULL, U },
    { "POST", "/bkt/key?delete", NULL, U },
    { "GET", "/bkt/key?uploads", NULL, U },
    { "HEAD", "/bkt/key?uploadId=x", NULL, U },
    { "DELETE", "/bkt/key?acl", NULL, U },
    { "GET", "/bkt/key?location", NULL, U },
    { "GET", "/?acl", NULL, U },
    { "GET", "/?list-type=2", NULL, U },
    { "GET", "/bkt/key?partNumber=1", NULL, COS_OP_GET_OBJECT },
    { "HEAD", "/bkt/key?partNumber=1", NULL, COS_OP_HEAD_OBJECT },
    { "POST", "/bkt", NULL,
      COS_OP_POST_OBJECT },
    { "OPTIONS", "/bkt/key", NULL, COS_OP_PREFLIGHT },
    { "OPTIONS", "/bkt/key?acl&x=1&uploads", NULL, COS_OP_PREFLIGHT },
    { "OPTIONS", "/bkt", NULL, COS_OP_PREFLIGHT },
    { "OPTIONS", "/", NULL, COS_OP_PREFLIGHT },
    { "GET", "/bkt?cors", NULL, COS_OP_GET_CORS },
    { "PUT", "/bkt?cors", NULL, COS_OP_PUT_CORS },
    { "DELETE", "/bkt?cors", NULL, COS_OP_DELETE_CORS },
    { "GET", "/bkt?referer", NULL, COS_OP_GET_REFERER },
    { "PUT", "/bkt?referer=", NULL, COS_OP_PUT_REFERER },
    { "DELETE", "/bkt?referer", NULL, COS_OP_DELETE_REFERER },
    { "GET", "/bkt/key?cors", NULL, U },
    { "GET", "/bkt/key?referer=mail", NULL, COS_OP_GET_OBJECT },
    { "PUT", "/bkt/key?acl", "x-cos-copy-source: a/b", U },

    /* a bucket's sub-resource with a value in an object's URL */
    { "GET", "/bkt/key?origin=mail", NULL, COS_OP_GET_OBJECT },
    { "PUT", "/bkt/key?origin=mail", NULL, U },

    /* names that nobody knows */
    { "GET", "/bkt?foo", NULL, U },
    { "GET", "/bkt?foo=", NULL, U },
    { "GET", "/bkt?12345", NULL, U },
    { "GET", "/bkt/key?foo", NULL, U },
    { "GET", "/bkt/key?fooBar=", NULL, U },
    { "GET", "/bkt/key?foo-bar", NULL, U },
    { "GET", "/bkt/key?v=123", NULL, COS_OP_GET_OBJECT },
    { "GET", "/bkt/key?20240131", NULL, COS_OP_GET_OBJECT },
    { "GET", "/bkt/key?v1.2", NULL, COS_OP_GET_OBJECT },
    { "GET", "/bkt/key?_", NULL, COS_OP_GET_OBJECT },
    { "HEAD", "/bkt/key?t=1&u=2", NULL, COS_OP_HEAD_OBJECT },
    { "HEAD", "/bkt/key?ACL", NULL, U },
    { "PUT", "/bkt/key?v=123", NULL, U },
    { "PUT", "/bkt/key?20240131", NULL, U },
    { "DELETE", "/bkt/key?foo=1", NULL, U },
    { "POST", "/bkt?delete&foo", NULL, U },
    { "DELETE", "/bkt?foo", NULL, U },

    /* images */
    { "GET", "/bkt/a.jpg?imageMogr2/thumbnail/!50p", NULL, U },
    { "GET", "/bkt/a.jpg?imageView2/1/w/100|watermark/2", NULL, U },
    { "GET", "/bkt/a.jpg?watermark/2/text/abc=", NULL, U },
    { "GET", "/bkt/a.jpg?ci-process=snapshot&time=1", NULL, U },
    { "GET", "/bkt/a.jpg?x-bce-process=image/resize", NULL, U },
    { "GET", "/bkt/a.jpg?imageInfo", NULL, U },
    { "GET", "/bkt/a.jpg?exif", NULL, U },
};

#undef U


static void
test_operations(void **state)
{
    size_t             i;
    cos_err_e          err;
    cos_host_t         host;
    cos_name_t         n;
    const op_case_t   *c;

    (void) state;
    memset(&host, 0, sizeof(host));

    for (i = 0; i < N(op_cases); i++) {
        c = &op_cases[i];
        err = name(&n, c->method, c->target, c->header, &host,
                   COS_DIALECT_S3);

        if (err != COS_OK || n.op != c->op) {
            fail_msg("%s %s: error %d, operation %s instead of %s",
                     c->method, c->target, err, cos_op_name(n.op),
                     cos_op_name(c->op));
        }
    }
}


typedef struct {
    const char     *method;
    const char     *target;
    cos_dialect_e   dialect;
    cos_err_e       err;
} bad_case_t;

#define COS  COS_DIALECT_COS
#define S3   COS_DIALECT_S3
#define BOS  COS_DIALECT_BOS

static const bad_case_t  bad_cases[] = {
    { "PATCH", "/bkt/key", S3, COS_E_METHOD_NOT_ALLOWED },
    { "get", "/bkt/key", S3, COS_E_METHOD_NOT_ALLOWED },
    { "TRACE", "/", S3, COS_E_METHOD_NOT_ALLOWED },
    { "PROPFIND", "/bkt", S3, COS_E_METHOD_NOT_ALLOWED },
    { "PUT", "/", S3, COS_E_METHOD_NOT_ALLOWED },
    { "HEAD", "/", S3, COS_E_METHOD_NOT_ALLOWED },
    { "DELETE", "/", S3, COS_E_METHOD_NOT_ALLOWED },
    { "PUT", "/", S3, COS_E_METHOD_NOT_ALLOWED },
    { "POST", "/", S3, COS_OK },
    { "POST", "/bkt/key", S3, COS_E_METHOD_NOT_ALLOWED },

    { "PUT", "/bkt/key?partNumber=1", S3, COS_E_INVALID_ARGUMENT },
    { "PUT", "/bkt/key?uploadId=x", S3, COS_E_INVALID_ARGUMENT },
    { "DELETE", "/bkt/key?partNumber=1", S3, COS_E_INVALID_ARGUMENT },
    { "POST", "/bkt/key?uploadId=x&partNumber=1", S3,
      COS_E_INVALID_ARGUMENT },
    { "PUT", "/bkt/key?uploadId=x&partNumber=1&partNumber=2", S3,
      COS_E_INVALID_ARGUMENT },
    { "DELETE", "/bkt/key?uploadId=x&uploadId=y", S3,
      COS_E_INVALID_ARGUMENT },
    { "GET", "/bkt?acl&location", S3, COS_E_INVALID_ARGUMENT },
    { "PUT", "/bkt/key?acl&tagging", S3, COS_E_INVALID_ARGUMENT },
    { "GET", "/bkt?list-type=3", S3, COS_E_INVALID_ARGUMENT },

    { "GET", "//key", S3, COS_E_INVALID_BUCKET_NAME },
    { "GET", "/BKT/key", S3, COS_E_INVALID_BUCKET_NAME },
    { "GET", "/b_t/key", S3, COS_E_INVALID_BUCKET_NAME },
    { "GET", "/..%2Fetc/key", S3, COS_E_INVALID_BUCKET_NAME },
    { "PUT", "/bkt", COS, COS_E_INVALID_BUCKET_NAME },
    { "PUT", "/b.t", BOS, COS_E_INVALID_BUCKET_NAME },
    { "GET", "bkt/key", S3, COS_E_INVALID_URI },
    { "OPTIONS", "*", S3, COS_E_INVALID_URI },
    { "GET", "", S3, COS_E_INVALID_URI },

    { "GET", "/bkt/" LONG850 "0", COS, COS_E_KEY_TOO_LONG_COS },
    { "PUT", "/bkt/" LONG850 LONG100 LONG10 LONG10 LONG10 LONG10 LONG10
      LONG10 LONG10 "12345", S3, COS_E_KEY_TOO_LONG },
    { "PUT", "/bkt/" LONG850 LONG100 LONG10 LONG10 LONG10 LONG10 LONG10
      LONG10 LONG10 "12345", BOS, COS_E_KEY_TOO_LONG },

    { "PUT", "/bkt-1//key", COS, COS_E_INVALID_OBJECT_NAME },
    { "PUT", "/bkt-1/%5Ckey", COS, COS_E_INVALID_OBJECT_NAME },
    { "POST", "/bkt-1/a%18b?uploads", COS, COS_E_INVALID_OBJECT_NAME },
    { "PUT", "/bkt-1/a%1B", COS, COS_E_INVALID_OBJECT_NAME },

    /* the same where it is allowed */
    { "GET", "/bkt/" LONG850, COS, COS_OK },
    { "PUT", "/bkt/" LONG850 LONG100 LONG10 LONG10 LONG10 LONG10 LONG10
      LONG10 LONG10 "1234", S3, COS_OK },
    { "DELETE", "/bkt-1//key", COS, COS_OK },
    { "PUT", "/bkt-1//key", S3, COS_OK },
    { "PUT", "/bkt-1/a%00%17%1C", COS, COS_OK },
    { "PUT", "/bkt-1", COS, COS_OK },
    { "GET", "/b.k.t/key", COS, COS_OK },
    { "GET", "/b-1/key", S3, COS_OK },
};

#undef COS
#undef S3
#undef BOS


static void
test_refusals(void **state)
{
    size_t              i;
    cos_err_e           err;
    cos_host_t          host;
    cos_name_t          n;
    const bad_case_t   *c;

    (void) state;
    memset(&host, 0, sizeof(host));

    for (i = 0; i < N(bad_cases); i++) {
        c = &bad_cases[i];
        err = name(&n, c->method, c->target, NULL, &host, c->dialect);

        assert_int_equal(n.dialect, c->dialect);

        if (err != c->err) {
            fail_msg("%s %s: error %d instead of %d", c->method, c->target,
                     err, c->err);
        }
    }
}


static void
test_paths(void **state)
{
    cos_host_t  host;
    cos_name_t  n;

    (void) state;
    memset(&host, 0, sizeof(host));

    assert_int_equal(name(&n, "GET", "/bkt/a%2Fb/%E4%BD%A0+%2B%25", NULL,
                          &host, -1), COS_OK);
    assert_true(cos_str_is(n.bucket, "bkt"));
    assert_true(cos_str_is(n.key, "a/b/\xe4\xbd\xa0++%"));

    /* decoded once only, and dots mean nothing */
    assert_int_equal(name(&n, "GET", "/bkt/%2525/../x/", NULL, &host, -1),
                     COS_OK);
    assert_true(cos_str_is(n.key, "%25/../x/"));

    assert_int_equal(name(&n, "GET", "/bkt/a%00b", NULL, &host, -1), COS_OK);
    assert_int_equal(n.key.len, 3);

    host.style = COS_STYLE_SERVICE;
    host.region = str("r1");
    assert_int_equal(name(&n, "GET", "/bkt/k", NULL, &host, -1), COS_OK);
    assert_true(cos_str_is(n.bucket, "bkt"));
    assert_true(cos_str_is(n.region, "r1"));

    host.style = COS_STYLE_VHOST;
    host.bucket = str("bkt-1");
    assert_int_equal(name(&n, "GET", "/other/k", NULL, &host, -1), COS_OK);
    assert_true(cos_str_is(n.bucket, "bkt-1"));
    assert_true(cos_str_is(n.key, "other/k"));

    assert_int_equal(name(&n, "GET", "/", NULL, &host, -1), COS_OK);
    assert_int_equal(n.op, COS_OP_LIST_OBJECTS);
    assert_int_equal(name(&n, "GET", "//", NULL, &host, -1), COS_OK);
    assert_int_equal(n.op, COS_OP_GET_OBJECT);
    assert_true(cos_str_is(n.key, "/"));
}


static void
test_dialects(void **state)
{
    cos_host_t  host;
    cos_name_t  n;

    (void) state;
    memset(&host, 0, sizeof(host));

    (void) name(&n, "GET", "/b-1/k", NULL, &host, -1);
    assert_int_equal(n.dialect, COS_DIALECT_COS);
    (void) name(&n, "GET", "/b-1/k", "x-amz-meta-a: b", &host, -1);
    assert_int_equal(n.dialect, COS_DIALECT_S3);
    (void) name(&n, "GET", "/b-1/k", "x-bce-date: b", &host, -1);
    assert_int_equal(n.dialect, COS_DIALECT_BOS);
    (void) name(&n, "GET", "/b-1/k", "x-cos-acl: b", &host, -1);
    assert_int_equal(n.dialect, COS_DIALECT_COS);
    (void) name(&n, "GET", "/b-1/?list-type=2", NULL, &host, -1);
    assert_int_equal(n.dialect, COS_DIALECT_S3);
    (void) name(&n, "GET", "/b-1/k?x-id=GetObject", NULL, &host, -1);
    assert_int_equal(n.dialect, COS_DIALECT_S3);
    (void) name(&n, "GET", "/b-1/k?X-Amz-Date=1", NULL, &host, -1);
    assert_int_equal(n.dialect, COS_DIALECT_S3);

    /* the host wins over hints, the signature over the host */
    host.has_dialect = 1;
    host.dialect = COS_DIALECT_BOS;
    (void) name(&n, "GET", "/b-1/k?x-id=1", "x-amz-meta-a: b", &host, -1);
    assert_int_equal(n.dialect, COS_DIALECT_BOS);
    (void) name(&n, "GET", "/b-1/k", NULL, &host, COS_DIALECT_COS);
    assert_int_equal(n.dialect, COS_DIALECT_COS);
}


static void
test_op_names(void **state)
{
    int  i;

    (void) state;

    for (i = 0; i < COS_OP_MAX; i++) {
        assert_true(strlen(cos_op_name((cos_op_e) i)) > 0);
    }

    assert_string_equal(cos_op_name(COS_OP_LIST_PARTS), "ListParts");
    assert_string_equal(cos_op_name(COS_OP_MAX), "Unknown");
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_operations, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_paths, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dialects, setup, teardown),
        cmocka_unit_test(test_op_names),
    };

    return cmocka_run_group_tests_name("name", tests, NULL, NULL);
}
