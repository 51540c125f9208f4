/*
 * Parts of an object by number, what grows by appending, and the attributes
 * that clients ask for.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cos_parts.h"
#include "cos_xml_attributes.h"


static void
parts_by_number(void **state)
{
    cos_seg_t     seg[3] = { { 1, 0, 5 }, { 2, 0, 0 }, { 3, 0, 7 } };
    cos_u8        sum[32];
    uint64_t      first, len;
    cos_object_t  o;

    (void) state;
    memset(&o, 0, sizeof(o));
    o.segs = seg;
    o.nsegs = 3;
    o.parts = 3;
    o.size = 12;

    assert_int_equal(cos_parts_count(&o), 3);
    assert_int_equal(cos_part_range(&o, 0, &first, &len), -1);
    assert_int_equal(cos_part_range(&o, 4, &first, &len), -1);
    assert_int_equal(cos_part_range(&o, 2, &first, &len), 0);
    assert_true(first == 5 && len == 0);
    assert_int_equal(cos_part_range(&o, 3, &first, &len), 0);
    assert_true(first == 5 && len == 7);

    assert_int_equal(cos_part_sum(&o, 1, sum), -1);
    o.sum_type = COS_SUM_CRC32;
    o.attr[COS_X_PART_SUMS] = COS_STR("aaaabbbbcccc");
    assert_int_equal(cos_part_sum(&o, 2, sum), 0);
    assert_memory_equal(sum, "bbbb", 4);
    assert_int_equal(cos_part_sum(&o, 4, sum), -1);
    o.attr[COS_X_PART_SUMS].len--;
    assert_int_equal(cos_part_sum(&o, 2, sum), -1);

    /* neither what was appended to nor a plain object in pieces has parts */
    o.flags = COS_F_APPENDABLE;
    assert_int_equal(cos_parts_count(&o), 1);
    o.flags = 0;
    o.parts = 0;
    assert_int_equal(cos_parts_count(&o), 1);
    assert_int_equal(cos_part_range(&o, 1, &first, &len), 0);
    assert_true(first == 0 && len == 12);
    assert_int_equal(cos_part_range(&o, 2, &first, &len), -1);
}


static void
parts_of_one_piece(void **state)
{
    cos_seg_t     seg[3] = { { 1, 0, 5 }, { 2, 0, 0 }, { 3, 0, 700 } };
    cos_seg_t     one = { 9, 4096, 705 };
    uint64_t      first, len;
    cos_arena_t  *arena;
    cos_object_t  src, o, again;

    (void) state;
    memset(&src, 0, sizeof(src));
    src.segs = seg;
    src.nsegs = 3;
    src.parts = 3;
    src.size = 705;
    o = src;
    o.segs = &one;
    o.nsegs = 1;
    arena = cos_arena_create();
    assert_non_null(arena);

    assert_int_equal(cos_parts_count(&o), 1);
    assert_int_equal(cos_parts_list(&o, &src, cos_arena_alloc(arena)), 0);
    assert_int_equal(cos_parts_count(&o), 3);
    assert_int_equal(cos_part_range(&o, 1, &first, &len), 0);
    assert_true(first == 0 && len == 5);
    assert_int_equal(cos_part_range(&o, 2, &first, &len), 0);
    assert_true(first == 5 && len == 0);
    assert_int_equal(cos_part_range(&o, 3, &first, &len), 0);
    assert_true(first == 5 && len == 700);
    assert_int_equal(cos_part_range(&o, 4, &first, &len), -1);

    /* the list is kept by a copy of the copy */
    again = o;
    memset(&again.attr, 0, sizeof(again.attr));
    assert_int_equal(cos_parts_list(&again, &o, cos_arena_alloc(arena)), 0);
    assert_int_equal(cos_part_range(&again, 3, &first, &len), 0);
    assert_true(first == 5 && len == 700);

    /* a list that does not fit the object */
    o.attr[COS_X_PART_SIZES].len--;
    assert_int_equal(cos_part_range(&o, 3, &first, &len), -1);
    again.size = 704;
    assert_int_equal(cos_part_range(&again, 3, &first, &len), -1);

    /* what is one part needs none */
    src.flags = COS_F_APPENDABLE;
    memset(&o.attr, 0, sizeof(o.attr));
    assert_int_equal(cos_parts_list(&o, &src, cos_arena_alloc(arena)), 0);
    assert_int_equal(o.attr[COS_X_PART_SIZES].len, 0);
    cos_arena_free(arena);
}


static void
piece_of(cos_object_t *o, cos_seg_t *seg, const char *text)
{
    uint32_t  crc;

    memset(o, 0, sizeof(*o));
    seg->len = strlen(text);
    o->segs = seg;
    o->nsegs = 1;
    o->size = seg->len;
    o->crc64 = cos_crc64(0, text, seg->len);
    o->sum_type = COS_SUM_CRC32;
    crc = cos_crc32(0, text, seg->len);

    for (int k = 0; k < 4; k++) {
        o->sum[k] = (cos_u8) (crc >> (24 - 8 * k));
    }

    cos_md_once(COS_MD5, text, seg->len, o->etag);
}


static void
pieces_are_appended(void **state)
{
    uint32_t      crc;
    cos_u8        etag[3][16];
    cos_seg_t     seg[3] = { { 1, 64, 0 }, { 2, 64, 0 }, { 3, 64, 0 } };
    cos_arena_t  *arena;
    cos_object_t  o, p;

    (void) state;
    arena = cos_arena_create();
    piece_of(&o, &seg[0], "one");
    o.flags = COS_F_APPENDABLE;
    memcpy(etag[0], o.etag, 16);

    piece_of(&p, &seg[1], " and two");
    assert_int_equal(cos_object_grow(&o, &p, cos_arena_alloc(arena)), COS_OK);
    memcpy(etag[1], o.etag, 16);
    assert_int_equal(o.size, 11);
    assert_int_equal(o.nsegs, 2);
    assert_int_equal(o.parts, 2);
    assert_int_equal(o.segs[1].cid, 2);
    assert_true(o.crc64 == cos_crc64(0, "one and two", 11));
    crc = cos_crc32(0, "one and two", 11);
    assert_int_equal(o.sum_type, COS_SUM_CRC32);
    assert_int_equal(o.sum[0], (cos_u8) (crc >> 24));
    assert_int_equal(o.sum[3], (cos_u8) crc);

    /* without a checksum of its own; of no bytes, and yet another ETag */
    piece_of(&p, &seg[2], "");
    p.sum_type = COS_SUM_NONE;
    assert_int_equal(cos_object_grow(&o, &p, cos_arena_alloc(arena)), COS_OK);
    memcpy(etag[2], o.etag, 16);
    assert_int_equal(o.sum_type, COS_SUM_NONE);
    assert_int_equal(o.size, 11);
    assert_int_equal(o.nsegs, 3);
    assert_true(memcmp(etag[0], etag[1], 16) != 0);
    assert_true(memcmp(etag[1], etag[2], 16) != 0);

    /* encrypted as a whole, or not at all */
    p.attr[COS_X_NONCES] = COS_STR("12345678");
    assert_int_equal(cos_object_grow(&o, &p, cos_arena_alloc(arena)),
                     COS_E_INTERNAL);
    o.attr[COS_X_SSE] = COS_STR("sealed");
    o.attr[COS_X_NONCES] = COS_STR("aaaaaaaabbbbbbbbcccccccc");
    assert_int_equal(cos_object_grow(&o, &p, cos_arena_alloc(arena)), COS_OK);
    assert_true(cos_str_is(o.attr[COS_X_NONCES],
                           "aaaaaaaabbbbbbbbcccccccc12345678"));
    p.attr[COS_X_NONCES].len = 0;
    assert_int_equal(cos_object_grow(&o, &p, cos_arena_alloc(arena)),
                     COS_E_INTERNAL);

    cos_arena_free(arena);
}


static void
attributes_are_named(void **state)
{
    unsigned  want;

    (void) state;
    want = 0;
    assert_int_equal(cos_attributes_parse(COS_STR("ETag"), &want), COS_OK);
    assert_int_equal(want, COS_ATTR_ETAG);
    assert_int_equal(cos_attributes_parse(
        COS_STR("Checksum , ObjectParts,StorageClass,ObjectSize"), &want),
        COS_OK);
    assert_int_equal(want, 31);

    assert_int_equal(cos_attributes_parse(COS_STR(""), &want),
                     COS_E_INVALID_ARGUMENT);
    assert_int_equal(cos_attributes_parse(COS_STR("ETag,"), &want),
                     COS_E_INVALID_ARGUMENT);
    assert_int_equal(cos_attributes_parse(COS_STR("etag"), &want),
                     COS_E_INVALID_ARGUMENT);
    assert_int_equal(cos_attributes_parse(COS_STR("ETag ETag"), &want),
                     COS_E_INVALID_ARGUMENT);
}


static void
a_page_of_parts(void **state)
{
    cos_buf_t              b;
    cos_seg_t              seg[3] = { { 1, 0, 5 }, { 2, 0, 6 }, { 3, 0, 7 } };
    cos_arena_t           *arena;
    cos_object_t           o;
    cos_xml_attributes_t   l;

    (void) state;
    arena = cos_arena_create();
    memset(&o, 0, sizeof(o));
    memset(&l, 0, sizeof(l));
    o.segs = seg;
    o.nsegs = 3;
    o.parts = 3;
    o.size = 18;
    o.sum_type = COS_SUM_CRC32;
    o.attr[COS_X_PART_SUMS] = COS_STR("aaaabbbbcccc");
    l.dialect = COS_DIALECT_S3;
    l.object = &o;
    l.want = COS_ATTR_PARTS;
    l.marker = 1;
    l.max_parts = 1;

    cos_buf_init(&b, cos_arena_alloc(arena), 64);
    cos_xml_attributes(&b, &l);
    cos_buf_char(&b, '\0');
    assert_non_null(strstr((char *) b.data, "<ObjectParts>"
        "<PartNumberMarker>1</PartNumberMarker>"
        "<NextPartNumberMarker>2</NextPartNumberMarker>"
        "<MaxParts>1</MaxParts><IsTruncated>true</IsTruncated>"
        "<Part><PartNumber>2</PartNumber><Size>6</Size>"
        "<ChecksumCRC32>YmJiYg==</ChecksumCRC32></Part>"
        "<PartsCount>3</PartsCount></ObjectParts>"
        "</GetObjectAttributesResponse>"));

    /* whatever is asked for, and of whatever */
    for (l.marker = 0; l.marker < 5; l.marker++) {
        for (l.max_parts = 0; l.max_parts < 5; l.max_parts++) {
            b.len = 0;
            cos_xml_attributes(&b, &l);
            assert_false(b.err);
        }
    }

    cos_arena_free(arena);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(parts_by_number),
        cmocka_unit_test(parts_of_one_piece),
        cmocka_unit_test(pieces_are_appended),
        cmocka_unit_test(attributes_are_named),
        cmocka_unit_test(a_page_of_parts)
    };

    if (cos_hash_init() != 0) {
        return 1;
    }

    return cmocka_run_group_tests(tests, NULL, NULL);
}
