/*
 * The pure parts of object/: taking bytes in, putting parts together.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "cos_assemble.h"
#include "cos_ingest.h"
#include "cos_sse.h"


static cos_store_t  store;
static char         root[64];


static int
setup(void **state)
{
    char  err[256];

    (void) state;
    snprintf(root, sizeof(root), "/tmp/cos-object.XXXXXX");

    return cos_hash_init() != 0 || mkdtemp(root) == NULL
           || cos_store_open(&store, root, 1, err, sizeof(err)) != 0;
}


static int
teardown(void **state)
{
    char  cmd[128];

    (void) state;
    cos_store_close(&store);
    snprintf(cmd, sizeof(cmd), "rm -rf %s", root);

    return system(cmd);
}


static void
begin(cos_ingest_t *in, cos_u8 *mem, size_t cap, int64_t length)
{
    memset(in, 0, sizeof(*in));
    in->length = length;
    in->max = 1 << 20;
    in->mem = mem;
    in->mem_cap = cap;
    in->store = &store;
}


static void
digests_of_what_was_fed(void **state)
{
    cos_u8        mem[16], md5[16];
    cos_ingest_t  in;

    (void) state;
    begin(&in, mem, sizeof(mem), 5);
    in.sum_type = COS_SUM_CRC32;

    assert_int_equal(cos_ingest_begin(&in), COS_OK);
    assert_int_equal(cos_ingest_feed(&in, (cos_u8 *) "he", 2), COS_OK);
    assert_int_equal(cos_ingest_feed(&in, (cos_u8 *) "", 0), COS_OK);
    assert_int_equal(cos_ingest_feed(&in, (cos_u8 *) "llo", 3), COS_OK);
    assert_int_equal(cos_ingest_end(&in), COS_OK);

    cos_md_once(COS_MD5, "hello", 5, md5);
    assert_memory_equal(in.out_md5, md5, 16);
    assert_true(in.out_crc64 == 11177612005948864433ULL);
    assert_memory_equal(in.out_sum, "\x36\x10\xa6\x86", 4);
    assert_memory_equal(mem, "hello", 5);
    assert_int_equal(in.size, 5);
    assert_false(in.in_solo);

    cos_ingest_free(&in);
}


/* Each promise that is not kept has its own error. */
static void
broken_promises(void **state)
{
    int           i;
    cos_u8        mem[16];
    cos_err_e     want;
    cos_ingest_t  in;

    (void) state;

    for (i = 0; i < 7; i++) {
        begin(&in, mem, sizeof(mem), -1);

        switch (i) {
        case 0:
            in.has_md5 = 1;
            want = COS_E_BAD_DIGEST;
            break;
        case 1:
            in.has_sha256 = 1;
            want = COS_E_CONTENT_SHA256_MISMATCH;
            break;
        case 2:
            in.has_sha1 = 1;
            want = COS_E_INVALID_SHA1;
            break;
        case 3:
            in.has_crc64 = 1;
            want = COS_E_BAD_CHECKSUM;
            break;
        case 4:
            in.has_sum = 1;
            in.sum_type = COS_SUM_SHA256;
            want = COS_E_BAD_CHECKSUM;
            break;
        case 5:
            in.length = 6;
            want = COS_E_INCOMPLETE_BODY;
            break;
        default:
            in.length = 4;
            want = COS_E_ENTITY_SIZE_MISMATCH;
        }

        assert_int_equal(cos_ingest_begin(&in), COS_OK);
        (void) cos_ingest_feed(&in, (cos_u8 *) "hello", 5);
        assert_int_equal(cos_ingest_end(&in), want);
        cos_ingest_free(&in);
    }
}


static void
no_larger_than_allowed(void **state)
{
    cos_u8        mem[16];
    cos_ingest_t  in;

    (void) state;
    begin(&in, mem, sizeof(mem), -1);
    in.max = 4;

    assert_int_equal(cos_ingest_begin(&in), COS_OK);
    assert_int_equal(cos_ingest_feed(&in, (cos_u8 *) "hello", 5),
                     COS_E_ENTITY_TOO_LARGE);
    assert_int_equal(cos_ingest_feed(&in, (cos_u8 *) "x", 1),
                     COS_E_ENTITY_TOO_LARGE);
    assert_int_equal(cos_ingest_end(&in), COS_E_ENTITY_TOO_LARGE);
    cos_ingest_free(&in);
}


/* What memory cannot hold goes into a container of its own, all of it. */
static void
over_into_a_container(void **state)
{
    int           fd;
    char          back[21];
    cos_u8        mem[8];
    uint64_t      cid = 1ULL << COS_CID_BITS | COS_CID_SOLO | 1;
    cos_ingest_t  in;

    (void) state;
    begin(&in, mem, sizeof(mem), -1);
    in.solo_cid = cid;

    assert_int_equal(cos_ingest_begin(&in), COS_OK);
    assert_int_equal(cos_ingest_feed(&in, (cos_u8 *) "01234567", 8), COS_OK);
    assert_false(in.in_solo);
    assert_int_equal(cos_ingest_feed(&in, (cos_u8 *) "89abcdefghij", 12),
                     COS_OK);
    assert_true(in.in_solo);
    assert_int_equal(cos_ingest_end(&in), COS_OK);
    assert_int_equal(cos_solo_finish(&in.solo, COS_J_OBJECT, 7, in.out_crc64,
                                     COS_STR("{}")), COS_OK);
    in.solo_open = 0;
    cos_ingest_free(&in);

    fd = cos_store_open_cid(&store, cid);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, back, 20, COS_SOLO_PAYLOAD), 20);
    assert_memory_equal(back, "0123456789abcdefghij", 20);
    close(fd);
    assert_int_equal(cos_store_unlink(&store, cid), 0);
}


/* Payload is moved together over the framing, in one piece or in several. */
static void
framing_taken_off_in_place(void **state)
{
    size_t        cut, n;
    char          wire[64], mem[32];
    cos_sig_t     sig;
    cos_piece_t   piece[2];
    cos_ingest_t  in;

    (void) state;
    memset(&sig, 0, sizeof(sig));
    sig.payload = COS_PAYLOAD_STREAM_UNSIGNED_TRAILER;
    n = strlen("5\r\n01234\r\n1\r\n5\r\n3\r\n678\r\n0\r\n\r\n");

    for (cut = 0; cut <= n; cut++) {
        strcpy(wire, "5\r\n01234\r\n1\r\n5\r\n3\r\n678\r\n0\r\n\r\n");
        memset(piece, 0, sizeof(piece));
        begin(&in, (cos_u8 *) mem, sizeof(mem), 9);
        in.sig = &sig;
        in.chunked = 1;

        assert_int_equal(cos_ingest_begin(&in), COS_OK);

        /* both are read before the first is stored */
        assert_int_equal(cos_ingest_read(&in, (cos_u8 *) wire, cut, &piece[0]),
                         COS_OK);
        assert_int_equal(cos_ingest_read(&in, (cos_u8 *) wire + cut, n - cut,
                                         &piece[1]), COS_OK);
        assert_int_equal(piece[0].len + piece[1].len, 9);
        assert_int_equal(in.mem_len, 0);

        assert_int_equal(cos_ingest_store(&in, &piece[0]), COS_OK);
        assert_int_equal(cos_ingest_store(&in, &piece[1]), COS_OK);
        assert_int_equal(cos_ingest_end(&in), COS_OK);
        assert_int_equal(in.mem_len, 9);
        assert_memory_equal(mem, "012345678", 9);
        cos_ingest_free(&in);
    }
}


/* Runs of one piece, read bit by bit, end up as one. */
static void
one_piece_of_many_reads(void **state)
{
    size_t        i, n;
    char          wire[] = "2\r\nab\r\n4\r\ncdef\r\n0\r\n\r\n", mem[8];
    cos_sig_t     sig;
    cos_piece_t   piece = { NULL, 0 };
    cos_ingest_t  in;

    (void) state;
    memset(&sig, 0, sizeof(sig));
    sig.payload = COS_PAYLOAD_STREAM_UNSIGNED_TRAILER;
    begin(&in, (cos_u8 *) mem, sizeof(mem), -1);
    in.sig = &sig;
    in.chunked = 1;
    n = strlen(wire);

    assert_int_equal(cos_ingest_begin(&in), COS_OK);

    for (i = 0; i < n; i++) {
        assert_int_equal(cos_ingest_read(&in, (cos_u8 *) wire + i, 1, &piece),
                         COS_OK);
    }

    assert_int_equal(piece.len, 6);
    assert_memory_equal(piece.data, "abcdef", 6);
    cos_ingest_free(&in);
}


/* What could not be stored came before what could not be read. */
static void
first_error_counts(void **state)
{
    cos_u8        mem[8];
    cos_piece_t   piece = { NULL, 0 };
    cos_ingest_t  in;

    (void) state;
    begin(&in, mem, 4, 8);

    assert_int_equal(cos_ingest_begin(&in), COS_OK);
    assert_int_equal(cos_ingest_read(&in, (cos_u8 *) "hello", 5, &piece),
                     COS_OK);
    memset(mem, 0, sizeof(mem));
    assert_int_equal(cos_ingest_store(&in, &piece), COS_E_ENTITY_TOO_LARGE);
    assert_int_equal(cos_ingest_read(&in, (cos_u8 *) "hello", 5, &piece),
                     COS_E_ENTITY_SIZE_MISMATCH);
    assert_int_equal(cos_ingest_store(&in, &piece), COS_E_ENTITY_TOO_LARGE);
    assert_int_equal(cos_ingest_end(&in), COS_E_ENTITY_TOO_LARGE);
    cos_ingest_free(&in);
}


/* Digests are of what the client sent; what is stored is something else. */
static void
encrypted(void **state)
{
    size_t        n, size;
    cos_u8        key[32] = { 1 }, nonce[8] = { 2 }, mem[64], md5[16];
    cos_u8        text[300000], disk[300000], *copy;
    cos_crypt_t  *c;
    cos_ingest_t  in;

    (void) state;

    for (n = 0; n < sizeof(text); n++) {
        text[n] = (cos_u8) (n * 7 / 3);
    }

    c = cos_crypt_create(key);
    copy = malloc(sizeof(text));
    assert_true(c != NULL && copy != NULL);

    for (size = 64; size <= sizeof(text); size += sizeof(text) - 64) {
        begin(&in, mem, sizeof(mem), (int64_t) size);
        in.solo_cid = COS_CID_SOLO + 77;
        in.crypt = c;
        assert_int_equal(cos_crypt_seek(c, nonce, 0), 0);
        assert_int_equal(cos_ingest_begin(&in), COS_OK);
        memcpy(copy, text, size);

        for (n = 0; n < size; n += 13331) {
            assert_int_equal(cos_ingest_feed(&in, copy + n, size - n < 13331
                                                  ? size - n : 13331),
                             COS_OK);
        }

        assert_int_equal(cos_ingest_end(&in), COS_OK);
        cos_md_once(COS_MD5, text, size, md5);
        assert_memory_equal(in.out_md5, md5, 16);
        assert_true(in.out_crc64 == cos_crc64(0, text, size));

        assert_int_equal(cos_crypt_seek(c, nonce, 0), 0);
        assert_int_equal(cos_crypt_update(c, disk, text, size), 0);
        assert_true(in.disk_crc64 == cos_crc64(0, disk, size));

        if (size == 64) {
            assert_memory_equal(in.mem, disk, 64);

        } else {
            assert_int_equal(pread(in.solo.fd, copy, size, COS_SOLO_PAYLOAD),
                             size);
            assert_memory_equal(copy, disk, size);
            cos_solo_abort(&in.solo);
            in.solo_open = 0;
        }

        cos_ingest_free(&in);
    }

    free(copy);
    cos_crypt_free(c);
}


/* One nonce for each part, in order; never an object without them. */
static void
nonces_of_parts(void **state)
{
    size_t         i;
    cos_u8         nonce[3][8];
    cos_seg_t      seg[3];
    cos_arena_t   *arena;
    cos_object_t   o, p[3];

    (void) state;
    arena = cos_arena_create();
    memset(p, 0, sizeof(p));
    memset(&o, 0, sizeof(o));
    memset(seg, 0, sizeof(seg));
    o.attr[COS_X_SSE] = COS_STR("whatever");

    for (i = 0; i < 3; i++) {
        memset(nonce[i], 'a' + (int) i, 8);
        seg[i].len = i;
        p[i].nsegs = 1;
        p[i].segs = &seg[i];
        p[i].size = i;
        p[i].attr[COS_X_NONCES] = (cos_str_t) { 8, nonce[i] };
    }

    assert_int_equal(cos_assemble(&o, p, 3, cos_arena_alloc(arena)), COS_OK);
    assert_true(cos_str_is(o.attr[COS_X_NONCES], "aaaaaaaabbbbbbbbcccccccc"));
    assert_true(cos_sse_whole(&o));

    p[1].attr[COS_X_NONCES].len = 0;
    assert_int_equal(cos_assemble(&o, p, 3, cos_arena_alloc(arena)),
                     COS_E_INTERNAL);

    o.attr[COS_X_SSE].len = 0;
    assert_int_equal(cos_assemble(&o, p, 3, cos_arena_alloc(arena)), COS_OK);

    cos_arena_free(arena);
}


static void
parts_add_up(void **state)
{
    size_t          i;
    cos_arena_t    *arena;
    cos_object_t    o, p[3];
    cos_seg_t       seg[3];
    cos_u8          md5[48], want[16];
    uint64_t        nvme;
    const char     *text[] = { "one", "second", "the last part" };

    (void) state;
    arena = cos_arena_create();
    memset(p, 0, sizeof(p));
    memset(&o, 0, sizeof(o));
    o.sum_type = COS_SUM_CRC64NVME;

    for (i = 0; i < 3; i++) {
        seg[i].cid = i + 1;
        seg[i].off = 4096;
        seg[i].len = strlen(text[i]);
        p[i].nsegs = 1;
        p[i].segs = &seg[i];
        p[i].size = seg[i].len;
        p[i].crc64 = cos_crc64(0, text[i], seg[i].len);
        p[i].sum_type = COS_SUM_CRC64NVME;
        nvme = cos_crc64nvme(0, text[i], seg[i].len);
        for (int k = 0; k < 8; k++) {
            p[i].sum[k] = (cos_u8) (nvme >> (56 - 8 * k));
        }
        cos_md_once(COS_MD5, text[i], seg[i].len, p[i].etag);
        memcpy(md5 + 16 * i, p[i].etag, 16);
    }

    assert_int_equal(cos_assemble(&o, p, 3, cos_arena_alloc(arena)), COS_OK);

    assert_int_equal(o.size, 22);
    assert_int_equal(o.parts, 3);
    assert_int_equal(o.nsegs, 3);
    assert_int_equal(o.segs[2].cid, 3);
    assert_true(o.crc64 == cos_crc64(0, "onesecondthe last part", 22));
    cos_md_once(COS_MD5, md5, 48, want);
    assert_memory_equal(o.etag, want, 16);

    nvme = cos_crc64nvme(0, "onesecondthe last part", 22);
    for (int k = 0; k < 8; k++) {
        assert_int_equal(o.sum[k], (cos_u8) (nvme >> (56 - 8 * k)));
    }

    /* one part without it: the object has none */
    p[1].sum_type = COS_SUM_NONE;
    assert_int_equal(cos_assemble(&o, p, 3, cos_arena_alloc(arena)), COS_OK);
    assert_int_equal(o.sum_type, COS_SUM_NONE);

    cos_arena_free(arena);
}


static void
composite_checksums(void **state)
{
    int           i, k;
    cos_arena_t  *arena;
    cos_object_t  o, p[2];
    cos_u8        all[64], want[32];
    cos_sum_e     type[] = { COS_SUM_CRC32, COS_SUM_CRC32C, COS_SUM_SHA1,
                             COS_SUM_SHA256 };

    (void) state;
    arena = cos_arena_create();

    for (i = 0; i < 4; i++) {
        size_t  len = cos_sum_len(type[i]);

        memset(&o, 0, sizeof(o));
        memset(p, 0, sizeof(p));
        o.sum_type = type[i];
        o.flags = COS_F_SUM_COMPOSITE;

        for (k = 0; k < 2; k++) {
            p[k].sum_type = type[i];
            memset(p[k].sum, 'a' + k, len);
            memset(all + len * k, 'a' + k, len);
        }

        assert_int_equal(cos_assemble(&o, p, 2, cos_arena_alloc(arena)),
                         COS_OK);

        if (type[i] == COS_SUM_SHA1 || type[i] == COS_SUM_SHA256) {
            cos_md_once(type[i] == COS_SUM_SHA1 ? COS_SHA1 : COS_SHA256, all,
                        2 * len, want);
        } else {
            uint32_t  c = type[i] == COS_SUM_CRC32
                          ? cos_crc32(0, all, 8) : cos_crc32c(0, all, 8);
            for (k = 0; k < 4; k++) {
                want[k] = (cos_u8) (c >> (24 - 8 * k));
            }
        }

        assert_memory_equal(o.sum, want, len);
    }

    cos_arena_free(arena);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(digests_of_what_was_fed),
        cmocka_unit_test(broken_promises),
        cmocka_unit_test(no_larger_than_allowed),
        cmocka_unit_test(over_into_a_container),
        cmocka_unit_test(framing_taken_off_in_place),
        cmocka_unit_test(one_piece_of_many_reads),
        cmocka_unit_test(first_error_counts),
        cmocka_unit_test(encrypted),
        cmocka_unit_test(nonces_of_parts),
        cmocka_unit_test(parts_add_up),
        cmocka_unit_test(composite_checksums)
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
