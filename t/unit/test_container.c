/*
 * Containers: what was written is read back, and nothing that happens to the
 * bytes afterwards goes unnoticed: torn at every length, flipped at every
 * byte, forged, out of room.
 */

#define _GNU_SOURCE

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cos_container.h"


#define PACK   ((uint64_t) 7 << COS_CID_BITS | 1)
#define SOLO   ((uint64_t) 7 << COS_CID_BITS | COS_CID_SOLO | 1)

static char         dir[64];
static cos_store_t  st;


/* What a scan saw. */
typedef struct {
    unsigned   ok, bad;
    uint64_t   seqs;                  /* sum */
    cos_rec_t  last;
} seen_t;


static int
setup(void **state)
{
    char  err[256];

    (void) state;

    snprintf(dir, sizeof(dir), "/tmp/cos-container-XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_int_equal(cos_hash_init(), 0);
    assert_int_equal(cos_store_open(&st, dir, 1, err, sizeof(err)), 0);

    return 0;
}


static int
teardown(void **state)
{
    char  cmd[96];

    (void) state;

    cos_store_close(&st);
    snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);

    return system(cmd);
}


static int
see(void *ctx, const cos_rec_t *r, cos_scan_e state, cos_str_t json)
{
    seen_t  *s = ctx;

    if (state == COS_SCAN_OK) {
        s->ok++;
        s->seqs += r->seq;
        s->last = *r;
        assert_true(r->kind == COS_J_SEAL || json.len == 0
                    || memcmp(json.data, "{\"n\":", 5) == 0);

    } else {
        s->bad++;
    }

    return 0;
}


static seen_t
scan_fd(int fd, int flags, cos_scan_info_t *info)
{
    seen_t  s;

    memset(&s, 0, sizeof(s));
    assert_int_equal(cos_container_scan(fd, flags, info, see, &s), 0);

    return s;
}


static seen_t
scan_cid(uint64_t cid, cos_scan_info_t *info)
{
    int     fd;
    seen_t  s;

    fd = cos_store_open_cid(&st, cid);
    assert_true(fd >= 0);
    s = scan_fd(fd, COS_SCAN_JSON|COS_SCAN_PAYLOAD, info);
    close(fd);

    return s;
}


/* Appends n records of the given payload length, seq counting from first. */
static cos_err_e
append(cos_pack_t *p, unsigned n, size_t len, uint64_t first, int urgent)
{
    char            (*json)[32];
    cos_u8           *bytes;
    unsigned          i;
    cos_err_e         rc;
    cos_pack_rec_t   *recs, **list;

    recs = calloc(n, sizeof(*recs));
    list = calloc(n, sizeof(*list));
    json = calloc(n, sizeof(*json));
    bytes = malloc(len + 1);
    memset(bytes, 'a' + (int) (first % 26), len + 1);

    for (i = 0; i < n; i++) {
        list[i] = &recs[i];
        recs[i].kind = COS_J_OBJECT;
        recs[i].weighs = 1;
        recs[i].seq = first + i;
        recs[i].payload.data = bytes;
        recs[i].payload.len = len;
        recs[i].payload_crc = cos_crc64(0, bytes, len);
        recs[i].json.data = (cos_u8 *) json[i];
        recs[i].json.len = (size_t) sprintf(json[i], "{\"n\":%llu}",
                                    (unsigned long long) (first + i));
    }

    rc = cos_pack_write(p, list, n, urgent);

    if (rc == COS_OK) {
        for (i = 0; i < n; i++) {
            assert_int_equal(recs[i].cid, p->cid);
            assert_int_equal(recs[i].off % COS_REC_ALIGN, 0);
        }
    }

    free(recs);
    free(list);
    free(json);
    free(bytes);

    return rc;
}


static cos_u8 *
slurp(uint64_t cid, size_t *len)
{
    int          fd;
    cos_u8      *p;
    struct stat  sb;

    fd = cos_store_open_cid(&st, cid);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &sb), 0);
    *len = (size_t) sb.st_size;
    p = malloc(*len);
    assert_int_equal(pread(fd, p, *len, 0), (ssize_t) *len);
    close(fd);

    return p;
}


static int
scratch(const cos_u8 *p, size_t len)
{
    int  fd;

    fd = memfd_create("scratch", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, p, len, 0), (ssize_t) len);

    return fd;
}


static void
pack_roundtrip(void **state)
{
    int              fd;
    seen_t           s;
    uint64_t         weight;
    cos_json_t       seal;
    cos_pack_t       p;
    cos_arena_t     *arena;
    cos_scan_info_t  info;

    (void) state;

    assert_int_equal(cos_pack_create(&p, &st, PACK, 1 << 30), COS_OK);
    assert_int_equal(append(&p, 1, 0, 1, 0), COS_OK);
    assert_int_equal(append(&p, 700, 13, 2, 0), COS_OK);
    assert_int_equal(append(&p, 3, 2 << 20, 702, 0), COS_OK);
    assert_int_equal(append(&p, 40, 4096, 705, 0), COS_OK);

    /* still open: the tail of zeroes is no damage */
    s = scan_cid(PACK, &info);
    assert_int_equal(s.ok, 744);
    assert_int_equal(s.bad, 0);
    assert_int_equal(s.seqs, 744 * 745 / 2);
    assert_int_equal(info.sealed, 0);
    assert_int_equal(info.cid, PACK);
    assert_true(info.size >= info.end);

    weight = p.weight;
    assert_int_equal(weight, 744 * 256 + 700 * 13 + 3 * (2 << 20) + 40 * 4096);
    assert_int_equal(cos_pack_seal(&p), COS_OK);

    s = scan_cid(PACK, &info);
    assert_int_equal(s.ok, 745);
    assert_int_equal(s.bad, 0);
    assert_int_equal(info.sealed, 1);
    assert_int_equal(info.end, info.size);

    arena = cos_arena_create();
    fd = cos_store_open_cid(&st, PACK);
    assert_int_equal(cos_container_seal(fd, &seal, cos_arena_alloc(arena)), 0);
    assert_int_equal(seal.records, 744);
    assert_int_equal(seal.weight, weight);
    assert_int_equal(seal.carried, 0);
    close(fd);
    cos_arena_free(arena);
}


static void
pack_torn(void **state)
{
    int              fd;
    size_t           len, cut, n;
    seen_t           s;
    cos_u8          *p;
    uint64_t         ends[8];
    unsigned         i, whole;
    cos_pack_t       pack;
    cos_scan_info_t  info;

    (void) state;

    assert_int_equal(cos_pack_create(&pack, &st, PACK, 1 << 30), COS_OK);

    for (i = 0; i < 8; i++) {
        assert_int_equal(append(&pack, 1, 30 + i * 11, i + 1, 0), COS_OK);
        ends[i] = pack.off;
    }

    len = (size_t) pack.off;
    cos_pack_abandon(&pack);
    p = slurp(PACK, &n);

    for (cut = 0; cut <= len; cut++) {
        for (whole = 0; whole < 8 && ends[whole] <= cut; whole++) { }

        /* cut short */
        fd = scratch(p, cut);
        s = scan_fd(fd, COS_SCAN_JSON|COS_SCAN_PAYLOAD, &info);
        assert_int_equal(s.ok, whole);
        assert_int_equal(s.bad, cut < COS_FILE_HEAD);
        assert_int_equal(info.sealed, 0);

        if (cut >= COS_FILE_HEAD) {
            assert_int_equal(info.end, whole ? ends[whole - 1] : COS_FILE_HEAD);
        }

        /* the rest never reached the disk */
        assert_int_equal(ftruncate(fd, (off_t) n), 0);
        s = scan_fd(fd, COS_SCAN_JSON|COS_SCAN_PAYLOAD, &info);
        close(fd);

        if (cut >= COS_FILE_HEAD) {
            assert_true(s.ok >= whole && s.ok + s.bad <= whole + 1);
        }
    }

    free(p);
}


static void
every_flip(uint64_t cid, unsigned records)
{
    int              fd;
    size_t           len, i;
    seen_t           s;
    cos_u8          *p;
    unsigned         bit;
    cos_scan_info_t  info;

    p = slurp(cid, &len);

    for (i = 0; i < len; i++) {
        bit = 1u << (i % 8);
        p[i] ^= (cos_u8) bit;

        fd = scratch(p, len);
        s = scan_fd(fd, COS_SCAN_JSON|COS_SCAN_PAYLOAD, &info);
        close(fd);

        if (s.bad == 0 && info.sealed) {
            fail_msg("flip of byte %zu of %zu went unnoticed", i, len);
        }

        /* one wound loses one record at most */
        assert_true(s.ok + 1 >= records);

        p[i] ^= (cos_u8) bit;
    }

    free(p);
}


static void
pack_flips(void **state)
{
    unsigned    i;
    cos_pack_t  p;

    (void) state;

    assert_int_equal(cos_pack_create(&p, &st, PACK, 1 << 30), COS_OK);

    for (i = 0; i < 12; i++) {
        assert_int_equal(append(&p, 1, i * 17, i + 1, 0), COS_OK);
    }

    assert_int_equal(cos_pack_seal(&p), COS_OK);
    every_flip(PACK, 13);
}


static void
make_solo(uint64_t cid, size_t len)
{
    size_t      n, done;
    cos_u8     *buf;
    cos_solo_t  s;

    buf = malloc(len);
    memset(buf, 's', len);
    assert_int_equal(cos_solo_create(&s, &st, cid, len), COS_OK);

    for (done = 0; done < len; done += n) {
        n = len - done < 70000 ? len - done : 70000;
        assert_int_equal(cos_solo_write(&s, buf + done, n), COS_OK);
    }

    assert_int_equal(s.len, len);
    assert_int_equal(cos_solo_finish(&s, COS_J_OBJECT, 5,
                                     cos_crc64(0, buf, len),
                                     COS_STR("{\"n\":5}")), COS_OK);
    free(buf);
}


static void
solo_roundtrip(void **state)
{
    int              fd;
    char             b[4];
    seen_t           s;
    cos_solo_t       solo;
    cos_scan_info_t  info;

    (void) state;

    make_solo(SOLO, 9 << 20);
    s = scan_cid(SOLO, &info);
    assert_int_equal(s.ok, 1);
    assert_int_equal(s.bad, 0);
    assert_int_equal(info.solo, 1);
    assert_int_equal(s.last.payload_off, COS_SOLO_PAYLOAD);
    assert_int_equal(s.last.payload_len, 9 << 20);

    /* a link lives on when its source is gone, and tells whose it was */
    assert_int_equal(cos_solo_link(&st, SOLO, SOLO + 1), COS_OK);
    assert_int_equal(cos_store_settle(&st, SOLO), 0);
    assert_int_equal(cos_store_settle(&st, SOLO), 0);
    assert_int_equal(cos_solo_link(&st, SOLO, SOLO + 2), COS_OK);
    assert_int_equal(cos_store_unlink(&st, SOLO), 0);
    assert_int_equal(cos_store_open_cid(&st, SOLO), -1);
    assert_int_equal(errno, ENOENT);
    s = scan_cid(SOLO + 1, &info);
    assert_int_equal(s.ok, 1);
    assert_int_equal(info.cid, SOLO);
    fd = cos_store_open_cid(&st, SOLO + 2);
    assert_int_equal(pread(fd, b, 4, COS_SOLO_PAYLOAD), 4);
    assert_memory_equal(b, "ssss", 4);
    close(fd);

    assert_int_equal(cos_solo_create(&solo, &st, SOLO + 9, 0), COS_OK);
    assert_int_equal(cos_solo_write(&solo, "x", 1), COS_OK);
    s = scan_cid(SOLO + 9, &info);
    assert_int_equal(s.ok, 0);
    cos_solo_abort(&solo);
    assert_int_equal(cos_store_open_cid(&st, SOLO + 9), -1);
}


static void
solo_flips(void **state)
{
    (void) state;

    make_solo(SOLO, 1003);
    every_flip(SOLO, 1);
}


/* A client uploads bytes that are a record, where one would be looked for. */
static void
forged(void **state)
{
    int              fd;
    size_t           len;
    cos_u8           fake[256], *p;
    seen_t           s;
    cos_rec_t        r;
    cos_pack_t       pack;
    cos_pack_rec_t   rec, *list[1];
    cos_scan_info_t  info;

    (void) state;

    assert_int_equal(cos_pack_create(&pack, &st, PACK, 1 << 30), COS_OK);

    memset(&r, 0, sizeof(r));
    r.kind = COS_J_BUCKET_DELETE;
    r.seq = 999;
    r.rec_off = COS_FILE_HEAD + COS_REC_HEAD + 64;
    r.payload_off = r.rec_off + COS_REC_HEAD;
    r.salt = 0;
    memset(fake, 0, sizeof(fake));
    cos_rec_head_encode(fake + 64, &r);

    memset(&rec, 0, sizeof(rec));
    list[0] = &rec;
    rec.kind = COS_J_OBJECT;
    rec.seq = 1;
    rec.payload.data = fake;
    rec.payload.len = sizeof(fake);
    rec.payload_crc = cos_crc64(0, fake, sizeof(fake));
    rec.json = COS_STR("{\"n\":1}");
    assert_int_equal(cos_pack_write(&pack, list, 1, 0), COS_OK);
    assert_int_equal(append(&pack, 1, 10, 2, 0), COS_OK);
    assert_int_equal(cos_pack_seal(&pack), COS_OK);

    p = slurp(PACK, &len);
    p[COS_FILE_HEAD] ^= 1;
    fd = scratch(p, len);
    s = scan_fd(fd, COS_SCAN_JSON|COS_SCAN_PAYLOAD, &info);
    assert_int_equal(s.bad, 1);
    assert_int_equal(s.ok, 2);
    assert_int_equal(s.seqs, 2);
    close(fd);
    free(p);
}


/* Larger payloads begin at a page; the gap before them holds nothing, and a
 * byte that appears there is found. */
static void
page_aligned(void **state)
{
    int              fd, i;
    char             path[64];
    seen_t           s;
    cos_u8           head[COS_REC_HEAD], one = 1;
    cos_rec_t        r;
    uint64_t         off, gap;
    cos_pack_t       p;
    cos_scan_info_t  info;

    (void) state;
    assert_int_equal(cos_pack_create(&p, &st, PACK, 1 << 30), COS_OK);

    for (i = 0; i < 5; i++) {
        assert_int_equal(append(&p, 3, i % 2 ? 16384 : 100000, 10 * i + 1, 0),
                         COS_OK);
        assert_int_equal(append(&p, 1, 100, 10 * i + 5, 0), COS_OK);
    }

    assert_int_equal(cos_pack_seal(&p), COS_OK);
    s = scan_cid(PACK, &info);
    assert_int_equal(s.bad, 0);
    assert_int_equal(s.ok, 21);

    fd = cos_store_open_cid(&st, PACK);
    gap = 0;

    for (off = COS_FILE_HEAD; off < info.end; off += r.rec_len) {
        assert_int_equal(pread(fd, head, sizeof(head), (off_t) off),
                         sizeof(head));
        assert_int_equal(cos_rec_head_decode(&r, head, off), 0);

        if (r.payload_len >= 16384) {
            assert_int_equal(r.payload_off % 4096, 0);

            if (r.payload_off - off > COS_REC_HEAD) {
                gap = r.payload_off - 1;
            }

        } else {
            assert_int_equal(r.payload_off, off + COS_REC_HEAD);
        }
    }

    close(fd);
    assert_true(gap != 0);

    snprintf(path, sizeof(path), "/proc/self/fd/%d",
             cos_store_open_cid(&st, PACK));
    fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, &one, 1, (off_t) gap), 1);
    close(atoi(path + sizeof("/proc/self/fd/") - 1));
    close(fd);
    s = scan_cid(PACK, &info);
    assert_int_equal(s.bad, 1);
    assert_int_equal(s.ok, 21);
    assert_int_equal(cos_store_unlink(&st, PACK), 0);
}


/* Data stops a megabyte before the end; tombstones and the seal still fit. */
static void
until_full(void)
{
    seen_t           s;
    unsigned         data, notes;
    cos_err_e        rc;
    cos_pack_t       p;
    cos_scan_info_t  info;

    assert_int_equal(cos_pack_create(&p, &st, PACK, 1 << 30), COS_OK);

    for (data = 0; (rc = append(&p, 1, 10000, data + 1, 0)) == COS_OK;
         data++)
    {
        assert_true(data < 1000);
    }

    assert_int_equal(rc, COS_E_DISK_FULL);
    assert_int_equal(p.err, 0);
    assert_true(data > 10);

    for (notes = 0; notes < 500; notes++) {
        assert_int_equal(append(&p, 1, 0, 1000 + notes, 1), COS_OK);
    }

    assert_int_equal(append(&p, 1, 100000, 1, 0), COS_E_DISK_FULL);
    assert_int_equal(p.err, 0);

    s = scan_cid(PACK, &info);
    assert_int_equal(s.ok, data + notes);
    assert_int_equal(s.bad, 0);
    assert_int_equal(cos_pack_seal(&p), COS_OK);
    s = scan_cid(PACK, &info);
    assert_int_equal(s.ok, data + notes + 1);
    assert_int_equal(info.sealed, 1);
    assert_int_equal(append(&p, 1, 1, 1, 0), COS_E_INTERNAL);
}


static void
full_by_limit(void **state)
{
    struct rlimit  old, lim;

    (void) state;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    lim = old;
    lim.rlim_cur = 7 << 20;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &lim), 0);
    until_full();
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
}


static void
full_disk(void **state)
{
    char        err[256];
    cos_solo_t  s;
    cos_pack_t  p;

    (void) state;

    cos_store_close(&st);

    if (mount("tmpfs", dir, "tmpfs", 0, "size=7m") != 0) {
        assert_int_equal(cos_store_open(&st, dir, 1, err, sizeof(err)), 0);
        skip();
    }

    assert_int_equal(cos_store_open(&st, dir, 1, err, sizeof(err)), 0);
    until_full();
    assert_int_equal(cos_solo_create(&s, &st, SOLO, 64 << 20),
                     COS_E_DISK_FULL);
    assert_int_equal(cos_store_open_cid(&st, SOLO), -1);
    assert_int_equal(cos_solo_create(&s, &st, SOLO, 0), COS_OK);

    while (cos_solo_write(&s, dir, sizeof(dir)) == COS_OK) { }

    assert_int_equal(s.err, ENOSPC);
    assert_int_equal(cos_pack_create(&p, &st, PACK + 1, 1 << 20),
                     COS_E_DISK_FULL);
    assert_int_equal(cos_store_open_cid(&st, PACK + 1), -1);
    cos_solo_abort(&s);
    assert_int_equal(cos_store_unlink(&st, PACK), 0);
    assert_int_equal(cos_pack_create(&p, &st, PACK + 1, 1 << 20), COS_OK);
    cos_pack_abandon(&p);
    cos_store_close(&st);
    assert_int_equal(umount(dir), 0);
    assert_int_equal(cos_store_open(&st, dir, 1, err, sizeof(err)), 0);
}


static int
count(void *ctx, uint64_t cid, int in_open)
{
    unsigned  *n = ctx;

    n[in_open]++;
    assert_true(cos_cid_inc(cid) == 7);

    return 0;
}


static void
directory(void **state)
{
    int          a;
    char         err[256];
    unsigned     n[2] = { 0, 0 };
    cos_store_t  other;

    (void) state;

    assert_int_equal(strlen(st.id), 36);
    assert_int_equal(cos_store_open(&other, dir, 0, err, sizeof(err)), 0);
    assert_string_equal(st.id, other.id);
    assert_int_equal(cos_store_is_empty(&st), 1);

    a = cos_store_lock(&st, 7);
    assert_true(a >= 0);
    assert_int_equal(cos_store_lock(&other, 7), -1);
    assert_int_equal(errno, EWOULDBLOCK);
    assert_int_equal(cos_store_is_empty(&st), 1);

    make_solo(SOLO, 10);
    make_solo(SOLO + 1, 10);
    assert_int_equal(cos_store_settle(&st, SOLO + 1), 0);
    assert_int_equal(cos_store_is_empty(&st), 0);
    assert_int_equal(cos_store_walk(&st, count, n), 0);
    assert_int_equal(n[0], 1);
    assert_int_equal(n[1], 1);
    close(a);
    a = cos_store_lock(&other, 7);
    assert_true(a >= 0);
    close(a);
    cos_store_close(&other);

    assert_int_equal(cos_store_open(&other, "/nonexistent/x", 1, err,
                                    sizeof(err)), -1);
    assert_non_null(strstr(err, "/nonexistent/x"));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pack_roundtrip, setup, teardown),
        cmocka_unit_test_setup_teardown(page_aligned, setup, teardown),
        cmocka_unit_test_setup_teardown(pack_torn, setup, teardown),
        cmocka_unit_test_setup_teardown(pack_flips, setup, teardown),
        cmocka_unit_test_setup_teardown(solo_roundtrip, setup, teardown),
        cmocka_unit_test_setup_teardown(solo_flips, setup, teardown),
        cmocka_unit_test_setup_teardown(forged, setup, teardown),
        cmocka_unit_test_setup_teardown(full_by_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(full_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(directory, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
