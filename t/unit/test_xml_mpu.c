/*
 * xml: answers about uploads, copies and deletions, compared as text and
 * checked to be well-formed.
 */

#include <jansson.h>
#include <libxml/parser.h>

#include "unit_doc.h"
#include "cos_xml.h"

#define OWNER     100000000001ULL
#define MTIME     1716546704123LL     /* 2024-05-24T10:31:44.123Z */
#define COS_HEAD  "<?xml version='1.0' encoding='utf-8' ?>\n"
#define S3_HEAD   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define S3_NS     " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""
#define TAG       "00112233445566778899aabbccddeeff"
#define ETAG      "<ETag>&quot;" TAG "&quot;</ETag>"


/* Takes the document written so far: it must parse, and be (or contain) that
 * text. */
static void
check(const char *text, int whole)
{
    json_t  *json;
    xmlDoc  *xml;

    assert_false(doc.err);

    if (doc.data[0] == '{') {
        json = json_loadb((char *) doc.data, doc.len, JSON_REJECT_DUPLICATES,
                          NULL);
        assert_non_null(json);
        json_decref(json);

    } else {
        xml = xmlReadMemory((char *) doc.data, (int) doc.len, NULL, NULL, 0);
        assert_non_null(xml);
        xmlFreeDoc(xml);
    }

    cos_buf_char(&doc, '\0');

    if (whole) {
        assert_string_equal((char *) doc.data, text);

    } else if (strstr((char *) doc.data, text) == NULL) {
        fail_msg("%s\nis not in\n%s", text, (char *) doc.data);
    }

    doc.len--;
}


static void
is(const char *text)
{
    check(text, 1);
    cos_buf_init(&doc, mem, 0);
}


static void
make_object(cos_object_t *o)
{
    int  i;

    memset(o, 0, sizeof(*o));

    for (i = 0; i < 16; i++) {
        o->etag[i] = (cos_u8) (i * 0x11);
    }

    o->seq = 5;
    o->mtime = MTIME;
    o->size = 12345;
    o->crc64 = 11177612005948864433ULL;
}


static void
test_initiate(void **state)
{
    cos_str_t  b = str("b-1"), k = str("a&b"), u = str("u1");

    (void) state;

    cos_xml_initiate(&doc, COS_DIALECT_COS, b, k, u);
    is(COS_HEAD "<InitiateMultipartUploadResult><Bucket>b-1</Bucket>"
       "<Key>a&amp;b</Key><UploadId>u1</UploadId>"
       "</InitiateMultipartUploadResult>");
    cos_xml_initiate(&doc, COS_DIALECT_S3, b, k, u);
    is(S3_HEAD "<InitiateMultipartUploadResult" S3_NS "><Bucket>b-1</Bucket>"
       "<Key>a&amp;b</Key><UploadId>u1</UploadId>"
       "</InitiateMultipartUploadResult>");
    cos_xml_initiate(&doc, COS_DIALECT_BOS, b, k, u);
    is("{\"bucket\":\"b-1\",\"key\":\"a&b\",\"uploadId\":\"u1\"}");
}


static void
test_complete(void **state)
{
    cos_str_t     b = str("b-1"), k = str("k"), at = str("http://h/k");
    cos_object_t  o;

    (void) state;
    make_object(&o);

    cos_xml_complete(&doc, COS_DIALECT_COS, at, b, k, &o);
    is(COS_HEAD "<CompleteMultipartUploadResult xmlns="
       "\"http://www.qcloud.com/document/product/436/7751\">"
       "<Location>http://h/k</Location><Bucket>b-1</Bucket><Key>k</Key>" ETAG
       "</CompleteMultipartUploadResult>");

    o.parts = 2;
    o.sum_type = COS_SUM_CRC32;
    memcpy(o.sum, "\x36\x10\xa6\x86", 4);
    cos_xml_complete(&doc, COS_DIALECT_S3, at, b, k, &o);
    is(S3_HEAD "<CompleteMultipartUploadResult" S3_NS ">"
       "<Location>http://h/k</Location><Bucket>b-1</Bucket><Key>k</Key>"
       "<ETag>&quot;" TAG "-2&quot;</ETag>"
       "<ChecksumCRC32>NhCmhg==</ChecksumCRC32>"
       "<ChecksumType>FULL_OBJECT</ChecksumType>"
       "</CompleteMultipartUploadResult>");

    o.flags = COS_F_SUM_COMPOSITE;
    cos_xml_complete(&doc, COS_DIALECT_S3, at, b, k, &o);
    check("<ChecksumCRC32>NhCmhg==-2</ChecksumCRC32>"
          "<ChecksumType>COMPOSITE</ChecksumType>", 0);

    cos_buf_init(&doc, mem, 0);
    cos_xml_complete(&doc, COS_DIALECT_BOS, at, b, k, &o);
    is("{\"location\":\"http://h/k\",\"bucket\":\"b-1\",\"key\":\"k\","
       "\"eTag\":\"" TAG "-2\"}");
}


static void
test_copies(void **state)
{
    cos_object_t  o;

    (void) state;
    make_object(&o);

    cos_xml_copy(&doc, COS_DIALECT_COS, &o);
    is(COS_HEAD "<CopyObjectResult>" ETAG
       "<CRC64>11177612005948864433</CRC64>"
       "<LastModified>2024-05-24T10:31:44Z</LastModified>"
       "</CopyObjectResult>");
    cos_xml_copy(&doc, COS_DIALECT_S3, &o);
    is(S3_HEAD "<CopyObjectResult" S3_NS ">" ETAG
       "<LastModified>2024-05-24T10:31:44.123Z</LastModified>"
       "</CopyObjectResult>");
    cos_xml_copy_part(&doc, COS_DIALECT_COS, &o);
    is(COS_HEAD "<CopyPartResult>" ETAG
       "<LastModified>2024-05-24T10:31:44.123Z</LastModified>"
       "</CopyPartResult>");

    o.sum_type = COS_SUM_CRC32;
    cos_xml_copy_part(&doc, COS_DIALECT_S3, &o);
    check("<ChecksumCRC32>AAAAAA==</ChecksumCRC32></CopyPartResult>", 0);

    cos_buf_init(&doc, mem, 0);
    cos_xml_copy_part(&doc, COS_DIALECT_BOS, &o);
    is("{\"lastModified\":\"2024-05-24T10:31:44Z\",\"eTag\":\"" TAG "\"}");
}


static void
test_parts(void **state)
{
    uint32_t         numbers[] = { 1, 9 };
    cos_buf_t        b;
    cos_str_t        records[2];
    cos_object_t     o;
    cos_xml_parts_t  l;

    (void) state;
    make_object(&o);
    o.sum_type = COS_SUM_CRC32;
    cos_buf_init(&b, mem, 0);
    assert_int_equal(cos_object_encode(&b, &o), 0);
    records[0] = records[1] = (cos_str_t) { b.len, b.data };

    memset(&l, 0, sizeof(l));
    l.bucket = str("b-1");
    l.key = str("a b");
    l.upload = str("u1");
    l.marker = 0;
    l.next = 9;
    l.max_parts = 2;
    l.truncated = 1;
    l.owner = OWNER;
    l.initiator = 8;
    l.sum_type = COS_SUM_CRC32;
    l.n = 2;
    l.numbers = numbers;
    l.records = records;

    l.dialect = COS_DIALECT_COS;
    assert_int_equal(cos_xml_parts(&doc, &l), 0);
    check("<Bucket>b-1</Bucket><Encoding-type></Encoding-type>"
          "<Key>a b</Key><UploadId>u1</UploadId>"
          "<Owner><ID>100000000001</ID>"
          "<DisplayName>100000000001</DisplayName></Owner>"
          "<PartNumberMarker>0</PartNumberMarker>"
          "<Initiator><ID>qcs::cam::uin/8:uin/8</ID>"
          "<DisplayName>8</DisplayName></Initiator>"
          "<NextPartNumberMarker>9</NextPartNumberMarker>"
          "<StorageClass>STANDARD</StorageClass><MaxParts>2</MaxParts>"
          "<IsTruncated>true</IsTruncated><Part><PartNumber>1</PartNumber>"
          "<LastModified>2024-05-24T10:31:44.123Z</LastModified>" ETAG
          "<Size>12345</Size></Part><Part><PartNumber>9</PartNumber>", 0);

    cos_buf_init(&doc, mem, 0);
    l.dialect = COS_DIALECT_S3;
    l.url = 1;
    assert_int_equal(cos_xml_parts(&doc, &l), 0);
    check("<EncodingType>url</EncodingType><Key>a%20b</Key>", 0);
    check("<ChecksumAlgorithm>CRC32</ChecksumAlgorithm>"
          "<ChecksumType>FULL_OBJECT</ChecksumType><Part>", 0);
    check("<ChecksumCRC32>AAAAAA==</ChecksumCRC32></Part>", 0);

    cos_buf_init(&doc, mem, 0);
    l.dialect = COS_DIALECT_BOS;
    assert_int_equal(cos_xml_parts(&doc, &l), 0);
    check("\"parts\":[{\"partNumber\":1,"
          "\"lastModified\":\"2024-05-24T10:31:44Z\",\"eTag\":\"" TAG "\","
          "\"size\":12345},{\"partNumber\":9,", 0);

    records[1].len = 20;
    for (l.dialect = COS_DIALECT_COS; l.dialect <= COS_DIALECT_BOS;
         l.dialect++)
    {
        assert_int_equal(cos_xml_parts(&doc, &l), -1);
    }
}


static void
test_uploads(void **state)
{
    cos_buf_t          b;
    cos_str_t          key = str("a b"), id = str("u1"), rec;
    cos_str_t          prefix = str("p/");
    cos_upload_t       u;
    cos_xml_uploads_t  l;

    (void) state;
    memset(&u, 0, sizeof(u));
    u.id = id;
    u.key = key;
    u.initiated = MTIME;
    u.initiator = 8;
    u.seq = 5;
    make_object(&u.object);
    cos_buf_init(&b, mem, 0);
    assert_int_equal(cos_upload_encode(&b, &u), 0);
    rec = (cos_str_t) { b.len, b.data };

    memset(&l, 0, sizeof(l));
    l.bucket = str("b-1");
    l.delimiter = str("/");
    l.has_delimiter = 1;
    l.truncated = 1;
    l.next_key = key;
    l.next_id = id;
    l.max_uploads = 1;
    l.bucket_owner = OWNER;
    l.n = 1;
    l.keys = &key;
    l.ids = &id;
    l.records = &rec;
    l.nprefixes = 1;
    l.prefixes = &prefix;

    l.dialect = COS_DIALECT_COS;
    assert_int_equal(cos_xml_uploads(&doc, &l, mem), 0);
    is(COS_HEAD "<ListMultipartUploadsResult><Bucket>b-1</Bucket>"
       "<Encoding-Type></Encoding-Type><KeyMarker></KeyMarker>"
       "<UploadIdMarker></UploadIdMarker><NextKeyMarker>a b</NextKeyMarker>"
       "<NextUploadIdMarker>u1</NextUploadIdMarker>"
       "<MaxUploads>1</MaxUploads><IsTruncated>true</IsTruncated>"
       "<Prefix></Prefix><Delimiter>/</Delimiter><Upload><Key>a b</Key>"
       "<UploadId>u1</UploadId><StorageClass>STANDARD</StorageClass>"
       "<Initiator><ID>qcs::cam::uin/8:uin/8</ID>"
       "<DisplayName>8</DisplayName></Initiator>"
       "<Owner><ID>qcs::cam::uin/100000000001:uin/100000000001</ID>"
       "<DisplayName>100000000001</DisplayName></Owner>"
       "<Initiated>2024-05-24T10:31:44.123Z</Initiated></Upload>"
       "<CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes>"
       "</ListMultipartUploadsResult>");

    l.dialect = COS_DIALECT_S3;
    l.url = 1;
    assert_int_equal(cos_xml_uploads(&doc, &l, mem), 0);
    check("<EncodingType>url</EncodingType>", 0);
    check("<Upload><Key>a%20b</Key>", 0);

    cos_buf_init(&doc, mem, 0);
    l.dialect = COS_DIALECT_BOS;
    l.url = 0;
    assert_int_equal(cos_xml_uploads(&doc, &l, mem), 0);
    check("\"uploads\":[{\"key\":\"a b\",\"uploadId\":\"u1\",", 0);
    check("\"commonPrefixes\":[{\"prefix\":\"p/\"}]}", 0);

    rec.len = 10;
    for (l.dialect = COS_DIALECT_COS; l.dialect <= COS_DIALECT_BOS;
         l.dialect++)
    {
        assert_int_equal(cos_xml_uploads(&doc, &l, mem), -1);
    }
}


static void
test_delete_result(void **state)
{
    const cos_xml_delete_t  v[] = {
        { cos_lit("a<"), cos_lit(""), COS_OK, 0, cos_lit("") },
        { cos_lit("b"), cos_lit("v1"), COS_OK, 0, cos_lit("") },
        { cos_lit("c"), cos_lit(""), COS_E_ACCESS_DENIED, 0,
          cos_lit("") },
    };

    (void) state;

    cos_xml_delete_result(&doc, COS_DIALECT_COS, v, 3, 0);
    is(COS_HEAD "<DeleteResult><Deleted><Key>a&lt;</Key></Deleted>"
       "<Deleted><Key>b</Key><VersionId>v1</VersionId></Deleted>"
       "<Error><Key>c</Key><Code>AccessDenied</Code>"
       "<Message>Access Denied.</Message></Error></DeleteResult>");
    cos_xml_delete_result(&doc, COS_DIALECT_S3, v, 3, 1);
    is(S3_HEAD "<DeleteResult" S3_NS "><Error><Key>c</Key>"
       "<Code>AccessDenied</Code><Message>Access Denied.</Message></Error>"
       "</DeleteResult>");
    cos_xml_delete_result(&doc, COS_DIALECT_BOS, v, 3, 0);
    is("{\"errors\":[{\"key\":\"c\",\"code\":\"AccessDenied\","
       "\"message\":\"Access Denied.\"}]}");
    cos_xml_delete_result(&doc, COS_DIALECT_BOS, v, 2, 0);
    is("{\"errors\":[]}");
}


static void *
no_memory(void *ctx, size_t size)
{
    (void) ctx;
    (void) size;

    return NULL;
}


static void
test_no_memory(void **state)
{
    cos_alloc_t     none = { no_memory, NULL };
    cos_object_t    o;
    cos_acl_list_t  l;

    (void) state;
    make_object(&o);
    assert_int_equal(cos_acl_expand(&l, COS_ACL_PUBLIC_READ, str(""), 1, 2),
                     0);

    cos_buf_init(&doc, &none, 0);
    cos_xml_copy(&doc, COS_DIALECT_COS, &o);
    assert_true(doc.err);
    cos_buf_init(&doc, &none, 0);
    cos_xml_acl(&doc, COS_DIALECT_BOS, 1, &l);
    assert_true(doc.err);
    cos_buf_init(&doc, &none, 0);
    cos_token_encode(&doc, str("abc"));
    assert_true(doc.err);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_initiate, setup_doc, teardown),
        cmocka_unit_test_setup_teardown(test_complete, setup_doc, teardown),
        cmocka_unit_test_setup_teardown(test_copies, setup_doc, teardown),
        cmocka_unit_test_setup_teardown(test_parts, setup_doc, teardown),
        cmocka_unit_test_setup_teardown(test_uploads, setup_doc, teardown),
        cmocka_unit_test_setup_teardown(test_delete_result, setup_doc,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup_doc, teardown),
    };

    cos_hash_init();
    cos_xml_init();

    return cmocka_run_group_tests_name("xml_mpu", tests, NULL, NULL);
}
