/*
 * Rates: what passes in a time, and what a full table forgets.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "cos_rate.h"

#define SECOND  1000000000ull
#define START   (1000 * SECOND)

static cos_rate_table_t *table;
static const size_t table_size = 64 * 1024;


static int
setup(void **state)
{
    (void) state;
    table = mmap(NULL, table_size, PROT_READ|PROT_WRITE,
                 MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    return table == MAP_FAILED || cos_rate_init(table, table_size, 42) != 0;
}


static int
teardown(void **state)
{
    (void) state;

    return munmap(table, table_size);
}


/* How many of n pass at that time. */
static unsigned
pass(uint64_t key, const cos_rate_t *r, uint64_t now, unsigned n)
{
    unsigned  i, passed;

    for (i = 0, passed = 0; i < n; i++) {
        passed += cos_rate_take(table, key, r, now) == 0;
    }

    return passed;
}


static void
test_burst_and_refill(void **state)
{
    uint64_t    key;
    cos_rate_t  r;

    (void) state;

    cos_rate_set(&r, 10, 1, 5);
    key = cos_rate_key(table, 1, &r, COS_STR("a"));

    assert_int_equal(pass(key, &r, START, 20), 5);
    assert_int_equal(cos_rate_take(table, key, &r, START), SECOND / 10);
    assert_int_equal(cos_rate_take(table, key, &r, START + SECOND / 20),
                     SECOND / 20);

    /* who was refused took nothing */
    assert_int_equal(pass(key, &r, START + SECOND / 10, 20), 1);
    assert_int_equal(pass(key, &r, START + SECOND * 3 / 10, 20), 2);

    /* never more than a burst, however long it was quiet */
    assert_int_equal(pass(key, &r, START + 3600 * SECOND, 20), 5);
}


static void
test_one_in_a_minute(void **state)
{
    uint64_t    key;
    cos_rate_t  r;

    (void) state;

    cos_rate_set(&r, 1, 60, 1);
    key = cos_rate_key(table, 1, &r, COS_STR("minute"));

    assert_int_equal(pass(key, &r, START, 3), 1);
    assert_int_equal(cos_rate_take(table, key, &r, START + SECOND),
                     59 * SECOND);
    assert_int_equal(pass(key, &r, START + 60 * SECOND, 3), 1);
}


static void
test_long_run(void **state)
{
    uint64_t    key, now;
    unsigned    passed;
    cos_rate_t  r;

    (void) state;

    cos_rate_set(&r, 300, 1, 1);
    key = cos_rate_key(table, 1, &r, COS_STR("long"));

    for (now = START, passed = 0; now < START + 100 * SECOND;
         now += SECOND / 1000)
    {
        passed += pass(key, &r, now, 2);
    }

    /* the clock counts milliseconds: a token is waited for up to one longer */
    assert_in_range(passed, 25000, 30001);
}


static void
test_names(void **state)
{
    cos_rate_t  r, other;

    (void) state;

    cos_rate_set(&r, 10, 1, 5);
    cos_rate_set(&other, 10, 1, 6);

    assert_int_equal(cos_rate_key(table, 1, &r, COS_STR("bucket-1250000000")),
                     cos_rate_key(table, 1, &r, COS_STR("bucket-1250000000")));
    assert_int_not_equal(
        cos_rate_key(table, 1, &r, COS_STR("bucket-1250000000")),
        cos_rate_key(table, 1, &r, COS_STR("bucket-1250000001")));
    assert_int_not_equal(cos_rate_key(table, 1, &r, COS_STR("a")),
                         cos_rate_key(table, 2, &r, COS_STR("a")));
    assert_int_not_equal(cos_rate_key(table, 1, &r, COS_STR("a")),
                         cos_rate_key(table, 1, &other, COS_STR("a")));
    assert_int_not_equal(cos_rate_key(table, 1, &r, COS_STR("a")),
                         cos_rate_key(table, 1, &r, COS_STR("a\0")));
    assert_int_not_equal(cos_rate_key(table, 1, &r, COS_STR("")), 0);
}


/* More names than there is memory for: each of them gets its burst, whoever
 * was there before. */
static void
test_full_table(void **state)
{
    char        name[16];
    cos_str_t   s;
    unsigned    i;
    cos_rate_t  r;

    (void) state;

    cos_rate_set(&r, 1, 1, 3);

    for (i = 0; i < 20000; i++) {
        s.data = (cos_u8 *) name;
        s.len = sprintf(name, "n%u", i);
        assert_int_equal(pass(cos_rate_key(table, 1, &r, s), &r,
                              START + 10000 * SECOND, 4), 3);
    }

    assert_int_equal(cos_rate_init(table, 64, 1), -1);
}


/* Processes that count the same name at the same time count together. */
static void
test_processes(void **state)
{
    int         p[2], status;
    pid_t       pid;
    unsigned    i, passed, sum;
    uint64_t    key;
    cos_rate_t  r;

    (void) state;

    cos_rate_set(&r, 1, 3600, 50000);
    key = cos_rate_key(table, 1, &r, COS_STR("shared"));
    assert_int_equal(pass(key, &r, START, 1), 1);
    assert_int_equal(pipe(p), 0);

    for (i = 0; i < 3; i++) {
        pid = fork();
        assert_int_not_equal(pid, -1);

        if (pid == 0) {
            passed = pass(key, &r, START, 30000);
            _exit(write(p[1], &passed, sizeof(passed)) != sizeof(passed));
        }
    }

    for (i = 0, sum = 1; i < 3; i++) {
        assert_int_equal(read(p[0], &passed, sizeof(passed)), sizeof(passed));
        sum += passed;
        assert_int_not_equal(wait(&status), -1);
        assert_int_equal(status, 0);
    }

    close(p[0]);
    close(p[1]);
    assert_int_equal(sum, 50000);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_burst_and_refill),
        cmocka_unit_test(test_one_in_a_minute),
        cmocka_unit_test(test_long_run),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_full_table),
        cmocka_unit_test(test_processes),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
