/*
 * Fuzz: documents of bucket configurations, and tags. The first byte chooses
 * document and dialect. What is accepted is written and read again, as a
 * document and in its short form, and must mean the same.
 */

#include "fuzz.h"
#include "cos_xml_config.h"


static void
tags(cos_str_t s, int header, cos_dialect_e d, cos_alloc_t *a)
{
    size_t      n, m, i;
    cos_buf_t   b, doc;
    cos_err_e   err;
    cos_tag_t  *v, *w;

    err = header ? cos_tags_parse(&v, &n, s, a)
                 : cos_xml_parse_tagging(s, &v, &n, a);

    if (err != COS_OK || cos_tags_check(v, n, 50, d) != COS_OK) {
        return;
    }

    cos_buf_init(&b, a, 0);
    cos_tags_print(&b, v, n);
    MUST(cos_tags_count(text(&b)) == n);
    MUST(cos_tags_parse(&w, &m, text(&b), a) == COS_OK && m == n);

    for (i = 0; i < n; i++) {
        MUST(cos_str_eq(v[i].key, w[i].key)
             && cos_str_eq(v[i].value, w[i].value));
    }

    cos_buf_init(&doc, a, 0);
    cos_xml_tagging(&doc, d, v, n);

    if (doc.len > COS_XML_SMALL_SIZE) {
        return;
    }

    MUST(cos_xml_parse_tagging(text(&doc), &w, &m, a) == COS_OK && m == n);

    for (i = 0; i < n; i++) {
        MUST(cos_str_eq(v[i].key, w[i].key)
             && cos_str_eq(v[i].value, w[i].value));
    }
}


static void
encryption(cos_str_t s, cos_dialect_e d, cos_alloc_t *a)
{
    cos_buf_t         b;
    cos_bucket_sse_t  x, y;

    if (cos_bucket_sse_parse(&x, s) == 0) {
        cos_buf_init(&b, a, 0);
        cos_bucket_sse_print(&b, &x);
        MUST(cos_str_eq(text(&b), s));
    }

    if (cos_xml_parse_encryption(d, s, &x, a) != COS_OK) {
        return;
    }

    cos_buf_init(&b, a, 0);
    cos_bucket_sse_print(&b, &x);
    MUST(cos_bucket_sse_parse(&y, text(&b)) == 0
         && x.algorithm == y.algorithm && x.bucket_key == y.bucket_key
         && cos_str_eq(x.kms_key, y.kms_key));

    cos_buf_init(&b, a, 0);
    cos_xml_encryption(&b, COS_DIALECT_S3, &x);
    MUST(cos_xml_parse_encryption(COS_DIALECT_S3, text(&b), &y, a) == COS_OK
         && x.algorithm == y.algorithm && x.bucket_key == y.bucket_key
         && cos_str_eq(x.kms_key, y.kms_key));
}


static void
lock(cos_str_t s, cos_dialect_e d, cos_alloc_t *a)
{
    cos_buf_t          b;
    cos_bucket_lock_t  x, y;

    if (cos_bucket_lock_parse(&x, s) == 0) {
        (void) cos_bucket_lock_until(&x, 1);
    }

    if (cos_xml_parse_lock(d, s, &x, a) != COS_OK) {
        return;
    }

    cos_buf_init(&b, a, 0);
    cos_bucket_lock_print(&b, &x);
    MUST(cos_bucket_lock_parse(&y, text(&b)) == 0 && x.mode == y.mode
         && x.days == y.days && x.years == y.years && y.enabled);

    cos_buf_init(&b, a, 0);
    cos_xml_lock(&b, COS_DIALECT_S3, &x);
    MUST(cos_xml_parse_lock(COS_DIALECT_S3, text(&b), &y, a) == COS_OK
         && x.mode == y.mode && x.days == y.days && x.years == y.years);
}


static void
others(cos_str_t s, cos_dialect_e d, cos_alloc_t *a)
{
    int                 payer;
    cos_buf_t           b;
    unsigned            x, y;
    cos_ownership_e     o, p;
    cos_versioning_e    v, w;
    cos_bucket_quota_t  q, r;

    cos_buf_init(&b, a, 0);

    if (cos_xml_parse_quota(d, s, &q, a) == COS_OK) {
        cos_bucket_quota_print(&b, &q);
        MUST(cos_bucket_quota_parse(&r, text(&b)) == 0 && q.bytes == r.bytes
             && q.objects == r.objects);
    }

    if (cos_xml_parse_versioning(d, s, &v, a) == COS_OK) {
        cos_buf_init(&b, a, 0);
        cos_xml_versioning(&b, d, v);
        MUST(cos_xml_parse_versioning(d, text(&b), &w, a) == COS_OK
             && v == w);
    }

    if (cos_xml_parse_public_block(s, &x, a) == COS_OK) {
        cos_buf_init(&b, a, 0);
        cos_xml_public_block(&b, COS_DIALECT_S3, x);
        MUST(cos_xml_parse_public_block(text(&b), &y, a) == COS_OK && x == y);
    }

    if (cos_xml_parse_ownership(s, &o, a) == COS_OK) {
        cos_buf_init(&b, a, 0);
        cos_xml_ownership(&b, COS_DIALECT_COS, o);
        MUST(cos_xml_parse_ownership(text(&b), &p, a) == COS_OK && o == p);
    }

    (void) cos_xml_parse_payment(s, &payer, a);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cos_str_t      s;
    cos_alloc_t   *a;
    cos_arena_t   *arena;
    cos_dialect_e  d;

    if (size < 1) {
        return 0;
    }

    arena = cos_arena_create();
    s.len = size - 1;
    s.data = malloc(size);
    d = (cos_dialect_e) (data[0] % 3);

    if (arena != NULL && s.data != NULL) {
        memcpy(s.data, data + 1, s.len);
        a = cos_arena_alloc(arena);

        switch (data[0] / 3 % 5) {
        case 0:
            tags(s, 1, d, a);
            break;
        case 1:
            tags(s, 0, d, a);
            break;
        case 2:
            encryption(s, d, a);
            break;
        case 3:
            lock(s, d, a);
            break;
        default:
            others(s, d, a);
        }
    }

    free(s.data);
    cos_arena_free(arena);

    return 0;
}
