/*
 * Signatures that others made: AWS' documentation (S3 API, "Authenticating
 * Requests", examples), and cos-api.md 1.7 and 14.2.
 */

#ifndef AUTH_VECTORS_H
#define AUTH_VECTORS_H

#include "auth_request.h"

#define AWS_AK      "AKIAIOSFODNN7EXAMPLE"
#define AWS_SK      "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define AWS_DATE    "20130524T000000Z"
#define AWS_SCOPE   "20130524/us-east-1/s3/aws4_request"
#define AWS_NOW     1369353600
#define AWS_HOST    "examplebucket.s3.amazonaws.com"
#define AWS_HEAD                                                              \
    "AWS4-HMAC-SHA256 Credential=" AWS_AK "/" AWS_SCOPE ", SignedHeaders="
#define EMPTY       \
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

#define COS_AK      "AKIDEXAMPLE00000000000000000000000001"
#define COS_SK      "ExampleSecretKeyForDocsOnly00001"
#define COS_TIME    "1700000000;1700003600"
#define COS_NOW     1700000100
#define COS_HOST    "examplebucket-1250000000.cos.ap-beijing.myqcloud.com"
#define COS_HEAD                                                              \
    "q-sign-algorithm=sha1&q-ak=" COS_AK "&q-sign-time=" COS_TIME             \
    "&q-key-time=" COS_TIME

#define BCE_AK      "bceAccessKeyExample0000000000000"
#define BCE_SK      "bceSecretKeyExample0000000000000"
#define BCE_NOW     1700000000

typedef struct {
    const char  *label;
    const char  *method;
    const char  *target;
    const char  *headers[24];
    const char  *secret;
    int64_t      now;
    int64_t      end;                   /* the last second it holds */
    const char  *mark;                  /* what comes before the signature */
    int          hex;                   /* digits of the signature */
} vector_t;

#define AWS_END  AWS_SK, AWS_NOW, AWS_NOW + 900
#define COS_END  COS_SK, COS_NOW, 1700003600

static const vector_t vectors[] = {

    { "V4 GET with a range", "GET", "/test.txt",
      { "host", AWS_HOST, "range", "bytes=0-9",
        "x-amz-content-sha256", EMPTY, "x-amz-date", AWS_DATE,
        "authorization", AWS_HEAD
        "host;range;x-amz-content-sha256;x-amz-date,Signature="
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41" },
      AWS_END, "Signature=", 64 },

    { "V4 PUT", "PUT", "/test$file.text",
      { "date", "Fri, 24 May 2013 00:00:00 GMT", "host", AWS_HOST,
        "x-amz-content-sha256",
        "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
        "x-amz-date", AWS_DATE, "x-amz-storage-class", "REDUCED_REDUNDANCY",
        "authorization", AWS_HEAD "date;host;x-amz-content-sha256;x-amz-date;"
        "x-amz-storage-class,Signature="
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd" },
      AWS_END, "Signature=", 64 },

    { "V4 sub-resource", "GET", "/?lifecycle",
      { "host", AWS_HOST, "x-amz-content-sha256", EMPTY,
        "x-amz-date", AWS_DATE, "authorization", AWS_HEAD
        "host;x-amz-content-sha256;x-amz-date,Signature="
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543" },
      AWS_END, "Signature=", 64 },

    { "V4 list", "GET", "/?prefix=J&max-keys=2",
      { "host", AWS_HOST, "x-amz-content-sha256", EMPTY,
        "x-amz-date", AWS_DATE, "authorization", AWS_HEAD
        "host;x-amz-content-sha256;x-amz-date,Signature="
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7" },
      AWS_END, "Signature=", 64 },

    { "V4 presigned", "GET", "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
      "&X-Amz-Credential=" AWS_AK "%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
      "&X-Amz-Date=" AWS_DATE "&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
      "&X-Amz-Signature="
      "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
      { "host", AWS_HOST },
      AWS_SK, AWS_NOW, AWS_NOW + 86400, "X-Amz-Signature=", 64 },

    { "V4 chunked", "PUT", "/examplebucket/chunkObject.txt",
      { "content-encoding", "aws-chunked", "content-length", "66824",
        "host", "s3.amazonaws.com",
        "x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "x-amz-date", AWS_DATE, "x-amz-decoded-content-length", "66560",
        "x-amz-storage-class", "REDUCED_REDUNDANCY",
        "authorization", AWS_HEAD "content-encoding;content-length;host;"
        "x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;"
        "x-amz-storage-class,Signature="
        "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9" },
      AWS_END, "Signature=", 64 },

    { "V4 chunked with a trailer", "PUT", "/examplebucket/chunkObject.txt",
      { "content-encoding", "aws-chunked", "host", "s3.amazonaws.com",
        "x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "x-amz-date", AWS_DATE, "x-amz-decoded-content-length", "66560",
        "x-amz-storage-class", "REDUCED_REDUNDANCY",
        "x-amz-trailer", "x-amz-checksum-crc32c",
        "authorization", AWS_HEAD "content-encoding;host;"
        "x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;"
        "x-amz-storage-class;x-amz-trailer,Signature="
        "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e" },
      AWS_END, "Signature=", 64 },

    { "COS V1 list", "GET", "/",
      { "host", COS_HOST, "authorization", COS_HEAD
        "&q-header-list=host&q-url-param-list=&q-signature="
        "b3f33a8667b18fe8bccba517d6e85ec153995fe4" },
      COS_END, "q-signature=", 40 },

    { "COS V2 hard key", "PUT",
      "/dir/%E8%85%BE%E8%AE%AF%20%281%29%2B%27%21%2A~.txt",
      { "host", COS_HOST, "content-type", "text/plain", "content-length", "5",
        "content-md5", "XUFAKrxLKna5cZ2REBfFkg==", "x-cos-acl", "private",
        "x-cos-meta-author", "Li Lei", "authorization", COS_HEAD
        "&q-header-list=content-length;content-md5;content-type;host;"
        "x-cos-acl;x-cos-meta-author&q-url-param-list=&q-signature="
        "afc0d8c342d5230543e03472b71d640eb95fef2b", "user-agent", "x" },
      COS_END, "q-signature=", 40 },

    { "COS V3 parameters", "GET", "/a/b.txt?response-content-disposition="
      "attachment%3B%20filename%3D%22a%20b.txt%22&versionId=MTg0NDUx&acl",
      { "host", COS_HOST, "range", "bytes=0-3", "if-none-match", "\"0123\"",
        "authorization", COS_HEAD "&q-header-list=host;if-none-match;range"
        "&q-url-param-list=acl;response-content-disposition;versionid"
        "&q-signature=b1c0f80665c81b3c53dbabc3d29cc0e0bfaf91ea" },
      COS_END, "q-signature=", 40 },

    { "COS V4 delete", "POST", "/?delete",
      { "host", COS_HOST, "content-type", "application/xml",
        "content-md5", "cNbEobPBx/v+FDaxTIIiuQ==", "content-length", "133",
        "authorization", COS_HEAD "&q-header-list=content-length;content-md5;"
        "content-type;host&q-url-param-list=delete&q-signature="
        "b736ddfad3088f824c6a9d75e62f9a7bbe2a4bea" },
      COS_END, "q-signature=", 40 },

    { "COS V5 path style", "HEAD", "/examplebucket-1250000000/a%20b.txt",
      { "host", "cos.ap-beijing.myqcloud.com", "authorization", COS_HEAD
        "&q-header-list=host&q-url-param-list=&q-signature="
        "aa9c93d14bb36c14eb3f7ff3195e28dc11b40357" },
      COS_END, "q-signature=", 40 },

    { "COS V6 nothing listed", "GET", "/x",
      { "host", COS_HOST, "authorization", COS_HEAD
        "&q-header-list=&q-url-param-list=&q-signature="
        "85184f9f0c67c5bd3e9a7f2c865206b6a5c330cd" },
      COS_END, "q-signature=", 40 },

    { "COS V7 presigned with a token", "GET", "/dir/a%20b%281%29.txt?"
      COS_HEAD "&q-header-list=host&q-url-param-list=response-content-type"
      "&q-signature=d0beec9f4a3ec6e3b880a85284928ab3166eb8c3"
      "&x-cos-security-token=EXAMPLETOKEN==&response-content-type=text%2Fhtml",
      { "host", COS_HOST }, COS_END, "q-signature=", 40 },

    { "COS V8 presigned with a header", "PUT", "/o?" COS_HEAD
      "&q-header-list=host;x-cos-acl&q-url-param-list=&q-signature="
      "5d08bac56bd2f9a75062634987ca9118fbdb82b6"
      "&x-cos-security-token=EXAMPLETOKEN==",
      { "host", COS_HOST, "x-cos-acl", "public-read" },
      COS_END, "q-signature=", 40 },

    { "COS legacy", "GET", "/x?sign=q-sign-algorithm%3Dsha1%26q-ak%3D" COS_AK
      "%26q-sign-time%3D1700000000%3B1700003600"
      "%26q-key-time%3D1700000000%3b1700003600%26q-url-param-list%3D"
      "%26q-header-list%3D%26q-signature%3D"
      "85184f9f0c67c5bd3e9a7f2c865206b6a5c330cd",
      { "host", COS_HOST }, COS_END, "q-signature%3D", 40 },

    { "BCE B1", "PUT", "/v1/examplebucket/dir/a%20b.txt"
      "?uploadId=a44cc9bab11cbd156984767aad637851&partNumber=9",
      { "host", "bj.bcebos.com", "date", "Mon, 27 Apr 2015 16:23:49 +0800",
        "content-type", "text/plain", "content-length", "8",
        "content-md5", "NFzcPqhviddjRNnSOGo4rw==",
        "x-bce-date", "2015-04-27T08:23:49Z",
        "authorization", "bce-auth-v1/" BCE_AK "/2015-04-27T08:23:49Z/1800/"
        "content-length;content-md5;content-type;host;x-bce-date/"
        "015613c80210813241526215f03b8f3cbea5e6c8c515b5f26d9db6b52d27948e" },
      BCE_SK, 1430123029, 1430123029 + 1800, "x-bce-date/", 64 },

    { "BCE B2", "GET", "/v1/examplebucket?acl",
      { "host", "bj.bcebos.com", "x-bce-date", "2023-11-14T22:13:20Z",
        "authorization", "bce-auth-v1/" BCE_AK "/2023-11-14T22:13:20Z/1800/"
        "host;x-bce-date/"
        "9412d1d8e78cd71c6cef47eae9ac9b5aa8258790822013acc6786291674d0265" },
      BCE_SK, BCE_NOW, BCE_NOW + 1800, "x-bce-date/", 64 },

    { "BCE B3", "GET", "/v1/examplebucket/o",
      { "host", "bj.bcebos.com", "authorization",
        "bce-auth-v1/" BCE_AK "/2023-11-14T22:13:20Z/300/host/"
        "dd4f7caf4da674bd0b37e887c8bb91d4aa4faa43f444a64042828066f4ca4a83" },
      BCE_SK, BCE_NOW, BCE_NOW + 300, "/host/", 64 },

    { "BCE B3 as a link", "GET", "/v1/examplebucket/o?authorization="
      "bce-auth-v1%2F" BCE_AK "%2F2023-11-14T22%3A13%3A20Z%2F300%2Fhost%2F"
      "dd4f7caf4da674bd0b37e887c8bb91d4aa4faa43f444a64042828066f4ca4a83",
      { "host", "bj.bcebos.com" },
      BCE_SK, BCE_NOW, BCE_NOW + 300, "%2Fhost%2F", 64 }
};

#define VECTORS  (sizeof(vectors) / sizeof(vectors[0]))


static inline void
load(req_t *r, const vector_t *v)
{
    req_init(r, v->method, v->target, v->headers);
}


static inline cos_err_e
judge_vector(req_t *r, const vector_t *v)
{
    return judge(r, v->secret, v->now, "");
}

#endif
