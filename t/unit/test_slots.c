/* Directories of storage classes. */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cos_container.h"


static char  home[64], root[80], a[80], b[80], err[512];


static int
setup(void **state)
{
    (void) state;
    snprintf(home, sizeof(home), "/tmp/cos-slots.XXXXXX");

    if (mkdtemp(home) == NULL) {
        return -1;
    }

    snprintf(root, sizeof(root), "%s/root", home);
    snprintf(a, sizeof(a), "%s/a", home);
    snprintf(b, sizeof(b), "%s/b", home);

    return 0;
}


static int
teardown(void **state)
{
    char  cmd[128];

    (void) state;
    snprintf(cmd, sizeof(cmd), "rm -rf %s", home);

    return system(cmd);
}


static void
put(const char *dir, const char *name, const char *text)
{
    char   path[160];
    FILE  *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}


static void
solo(cos_store_t *st, uint64_t cid, const char *text)
{
    cos_solo_t  s;
    size_t      n = strlen(text);

    assert_int_equal(cos_solo_create(&s, st, cid, 0), COS_OK);
    assert_int_equal(cos_solo_write(&s, text, n), COS_OK);
    assert_int_equal(cos_solo_finish(&s, COS_J_OBJECT, 1,
                                     cos_crc64(0, text, n), COS_STR("{}")),
                     COS_OK);
}


static int
count(void *ctx, uint64_t cid, int in_open)
{
    (void) cid;
    (void) in_open;
    ++*(int *) ctx;

    return 0;
}


static void
ids(void **state)
{
    uint64_t  cid;

    (void) state;

    cid = cos_cid(COS_INC_MAX, 7, COS_CID_SOLO | COS_CID_N_MASK);
    assert_true(cid == COS_U48_MAX);
    assert_true(cos_cid_inc(cid) == COS_INC_MAX);
    assert_int_equal(cos_cid_slot(cid), 7);
    assert_true(cos_cid_is_solo(cid));
    assert_int_equal(cos_cid_slot(cos_cid(COS_INC_MAX, 0, 1)), 0);
    assert_true(cos_cid(5, 0, 3) == (5 << 20 | 3));
}


static void
find(void **state)
{
    int          n, fd, one, two;
    cos_store_t  st, old;

    (void) state;

    assert_int_equal(cos_store_open(&st, root, 1, err, sizeof(err)), 0);
    assert_int_equal(cos_store_open(&old, root, 0, err, sizeof(err)), 0);

    one = cos_store_class_dir(&st, a, err, sizeof(err));
    two = cos_store_class_dir(&st, b, err, sizeof(err));
    assert_int_equal(one, 1);
    assert_int_equal(two, 2);
    assert_int_equal(cos_store_class_dir(&st, a, err, sizeof(err)), 1);
    assert_int_equal(cos_store_complete(&st, err, sizeof(err)), 0);

    solo(&st, cos_cid(1, 0, COS_CID_SOLO | 1), "main");
    solo(&st, cos_cid(1, 1, COS_CID_SOLO | 2), "first");
    assert_int_equal(cos_store_settle(&st, cos_cid(1, 1, COS_CID_SOLO | 2)),
                     0);

    /* by one that was opened before there were any */
    fd = cos_store_open_cid(&old, cos_cid(1, 1, COS_CID_SOLO | 2));
    assert_true(fd != -1);
    close(fd);
    n = 0;
    assert_int_equal(cos_store_walk(&old, count, &n), 0);
    assert_int_equal(n, 2);

    assert_int_equal(cos_store_open_cid(&old, cos_cid(1, 3, 1)), -1);
    assert_int_equal(errno, ENODEV);

    assert_int_equal(cos_store_unlink(&old, cos_cid(1, 1, COS_CID_SOLO | 2)),
                     0);
    n = 0;
    assert_int_equal(cos_store_walk(&st, count, &n), 0);
    assert_int_equal(n, 1);

    cos_store_close(&old);
    cos_store_close(&st);
}


static void
copy(void **state)
{
    int          fd, calls;
    char         text[5000], head[8];
    uint64_t     from, to, done;
    cos_store_t  st;

    (void) state;

    assert_int_equal(cos_store_open(&st, root, 0, err, sizeof(err)), 0);
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';

    from = cos_cid(2, 1, COS_CID_SOLO | 1);
    to = cos_cid(2, 2, COS_CID_SOLO | 2);
    solo(&st, from, text);

    /* no link reaches another directory's number */
    done = 0;

    for (calls = 1; ; calls++) {
        int  rc = cos_solo_copy(&st, from, to, &done, 2000);

        assert_true(rc >= 0);
        if (rc == 0) {
            break;
        }

        /* what is not whole has no head */
        fd = cos_store_open_cid(&st, to);
        assert_int_equal(pread(fd, head, sizeof(head), 0), sizeof(head));
        assert_true(memcmp(head, "COSCONT1", sizeof(head)) != 0);
        close(fd);
    }

    assert_int_equal(calls, 3);

    fd = cos_store_open_cid(&st, to);
    assert_true(fd != -1);
    assert_int_equal(pread(fd, text, 100, COS_SOLO_PAYLOAD), 100);
    assert_int_equal(text[99], 'x');
    close(fd);

    done = 0;
    assert_int_equal(cos_solo_copy(&st, cos_cid(2, 1, COS_CID_SOLO | 9), to,
                                   &done, 2000), -1);
    assert_int_equal(errno, ENOENT);

    assert_int_equal(cos_store_unlink(&st, from), 0);
    assert_int_equal(cos_store_unlink(&st, to), 0);
    cos_store_close(&st);
}


static void
moves(void **state)
{
    char         to[80];
    const char  *dirs[1];
    cos_store_t  st;

    (void) state;

    snprintf(to, sizeof(to), "%s/c", home);
    assert_int_equal(rename(a, to), 0);

    /* gone, unless the configuration names the new place */
    dirs[0] = to;
    assert_int_equal(cos_store_classes_check(root, NULL, 0, err, sizeof(err)),
                     -1);
    assert_non_null(strstr(err, "is not there"));
    assert_int_equal(cos_store_classes_check(root, dirs, 1, err, sizeof(err)),
                     0);

    assert_int_equal(cos_store_open(&st, root, 0, err, sizeof(err)), 0);
    assert_int_equal(cos_store_complete(&st, err, sizeof(err)), -1);
    assert_int_equal(cos_store_class_dir(&st, to, err, sizeof(err)), 1);
    assert_int_equal(cos_store_complete(&st, err, sizeof(err)), 0);
    cos_store_close(&st);

    assert_int_equal(cos_store_open(&st, root, 0, err, sizeof(err)), 0);
    assert_int_equal(cos_store_complete(&st, err, sizeof(err)), 0);
    cos_store_close(&st);
}


static void
refusals(void **state)
{
    int          i;
    char         dir[80], text[160];
    cos_store_t  st;

    (void) state;

    assert_int_equal(cos_store_open(&st, root, 0, err, sizeof(err)), 0);

    assert_int_equal(cos_store_class_dir(&st, root, err, sizeof(err)), -1);
    assert_non_null(strstr(err, "is a data directory itself"));

    snprintf(dir, sizeof(dir), "%s/d", home);
    assert_int_equal(mkdir(dir, 0700), 0);
    put(dir, "store.slot", "00000000-0000-4000-8000-000000000000 3\n");
    assert_int_equal(cos_store_class_dir(&st, dir, err, sizeof(err)), -1);
    assert_non_null(strstr(err, "another store"));

    put(dir, "store.slot", "nonsense\n");
    assert_int_equal(cos_store_class_dir(&st, dir, err, sizeof(err)), -1);

    /* a copy of one that is open */
    snprintf(text, sizeof(text), "%s 2\n", st.id);
    put(dir, "store.slot", text);
    assert_int_equal(cos_store_class_dir(&st, dir, err, sizeof(err)), -1);
    assert_non_null(strstr(err, "is a copy of"));

    for (i = 3; i < COS_SLOTS; i++) {
        snprintf(dir, sizeof(dir), "%s/n%d", home, i);
        assert_int_equal(cos_store_class_dir(&st, dir, err, sizeof(err)), i);
    }

    snprintf(dir, sizeof(dir), "%s/more", home);
    assert_int_equal(cos_store_class_dir(&st, dir, err, sizeof(err)), -1);
    assert_non_null(strstr(err, "no room"));

    put(root, "slots", "9 /x\n");
    cos_store_close(&st);
    assert_int_equal(cos_store_open(&st, root, 0, err, sizeof(err)), -1);
    assert_non_null(strstr(err, "slots"));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(ids),
        cmocka_unit_test(find),
        cmocka_unit_test(copy),
        cmocka_unit_test(moves),
        cmocka_unit_test(refusals),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
