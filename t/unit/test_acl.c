/*
 * ACLs: their text, the canned forms, headers, and what they permit.
 */

#include "unit.h"
#include "cos_acl.h"
#include "cos_policy.h"

#define OWNER   1
#define BUCKET  2
#define OTHER   3


/* --- text ----------------------------------------------------------------- */

static const struct {
    const char  *text;
    cos_acl_e    canned;              /* of an object of OWNER in BUCKET's */
    const char  *kept;                /* of it */
} folds[] = {
    { "f:1", COS_ACL_PRIVATE, "" },
    { "f:1;r:*", COS_ACL_PUBLIC_READ, "" },
    { "wr:*;f:1", COS_ACL_PUBLIC_READ_WRITE, "" },
    { "r:+;f:1", COS_ACL_AUTHENTICATED_READ, "" },
    { "f:1;r:2", COS_ACL_BUCKET_OWNER_READ, "" },
    { "f:1;f:2", COS_ACL_BUCKET_OWNER_FULL, "" },

    { "-", COS_ACL_PRIVATE, "-" },
    { "rwgs:1", COS_ACL_PRIVATE, "rwgs:1" },
    { "r:*", COS_ACL_PRIVATE, "r:*" },
    { "rf:1;r:*", COS_ACL_PRIVATE, "rf:1;r:*" },
    { "f:1;w:*", COS_ACL_PRIVATE, "f:1;w:*" },
    { "f:1;r:*;r:+", COS_ACL_PRIVATE, "f:1;r:*;r:+" },
    { "f:1;r:3", COS_ACL_PRIVATE, "f:1;r:3" },
    { "f:1/4", COS_ACL_PRIVATE, "f:1/4" },
    { "f:1;f:2/4", COS_ACL_PRIVATE, "f:1;f:2/4" },
    { "f:1;w:log", COS_ACL_PRIVATE, "f:1;w:log" },
    { "f:1;f:1", COS_ACL_PRIVATE, "" },
    { "r:3;w:3;f:1", COS_ACL_PRIVATE, "rw:3;f:1" },
};


static void
test_folds(void **state)
{
    size_t           i;
    cos_acl_e        canned;
    cos_str_t        text;
    cos_acl_list_t   l;

    (void) state;

    for (i = 0; i < N(folds); i++) {
        assert_int_equal(cos_acl_expand(&l, COS_ACL_DEFAULT,
                                        str(folds[i].text), OWNER, BUCKET), 0);
        assert_int_equal(cos_acl_fold(&l, OWNER, BUCKET, 0, &canned, &text,
                                      mem), 0);

        if (canned != folds[i].canned || !cos_str_is(text, folds[i].kept)) {
            fail_msg("%s: %d, %.*s", folds[i].text, canned, (int) text.len,
                     text.data);
        }
    }

    /* a bucket has no bucket's owner beside its own */
    (void) cos_acl_expand(&l, COS_ACL_DEFAULT, str("f:1;f:2"), OWNER, OWNER);
    assert_int_equal(cos_acl_fold(&l, OWNER, OWNER, 1, &canned, &text, mem),
                     0);
    assert_true(canned == COS_ACL_PRIVATE && cos_str_is(text, "f:1;f:2"));
}


static void
test_canned(void **state)
{
    int              i;
    cos_acl_e        canned;
    cos_str_t        text;
    cos_acl_list_t   l;

    (void) state;

    for (i = COS_ACL_PRIVATE; i < COS_ACL_MAX; i++) {
        (void) cos_acl_expand(&l, (cos_acl_e) i, str(""), OWNER, BUCKET);
        (void) cos_acl_fold(&l, OWNER, BUCKET, 0, &canned, &text, mem);
        assert_true(canned == (cos_acl_e) i && text.len == 0);
    }
}


static const char *const  damaged[] = {
    "r", "r:", ":1", "x:1", "r:0", "r:1/", "r:1/0", "r:x", "r:*x", "r:1;x",
    "r:1 ", "r:18446744073709551616", "-;r:1", "r:1;;r:2", "r:lo",
};


static void
test_damaged(void **state)
{
    size_t           i;
    cos_acl_t        acl = { COS_ACL_PRIVATE, { 0, NULL }, OWNER, BUCKET, 0 };
    cos_who_t        who = { .known = 1, .uid = 9 };
    cos_acl_list_t   l;

    (void) state;

    for (i = 0; i < N(damaged); i++) {
        if (cos_acl_expand(&l, COS_ACL_PRIVATE, str(damaged[i]), OWNER, BUCKET)
            != -1)
        {
            fail_msg("%s", damaged[i]);
        }

        acl.grants = str(damaged[i]);
        assert_int_equal(cos_acl_permits(&acl, &who, COS_MAY_READ),
                         COS_GRANT_NONE);
    }
}


/* --- what it permits ------------------------------------------------------ */

static const cos_who_t  people[] = {
    { .known = 0 },
    { .known = 1, .uid = OWNER },
    { .known = 1, .uid = BUCKET },
    { .known = 1, .uid = OTHER },
    { .known = 1, .uid = OTHER, .sub = 7 },
};

/* For each of them what it may: letters, capital when by name. */
static const struct {
    cos_acl_e    canned;
    const char  *grants;
    int          closed;
    const char  *may[N(people)];
} permits[] = {
    { COS_ACL_PRIVATE, "", 0, { "", "rwgs", "", "", "" } },
    { COS_ACL_PUBLIC_READ, "", 0, { "R", "Rwgs", "R", "R", "R" } },
    { COS_ACL_PUBLIC_READ, "", 1, { "", "rwgs", "", "", "" } },
    { COS_ACL_PUBLIC_READ_WRITE, "", 0, { "RW", "RWgs", "RW", "RW", "RW" } },
    { COS_ACL_AUTHENTICATED_READ, "", 0, { "", "Rwgs", "R", "R", "R" } },
    { COS_ACL_AUTHENTICATED_READ, "", 1, { "", "rwgs", "", "", "" } },
    { COS_ACL_BUCKET_OWNER_READ, "", 0, { "", "rwgs", "r", "", "" } },
    { COS_ACL_BUCKET_OWNER_FULL, "", 1, { "", "rwgs", "rwgs", "", "" } },

    { COS_ACL_PRIVATE, "-", 0, { "", "gs", "", "", "" } },
    { COS_ACL_PRIVATE, "f:1", 0, { "", "rwgs", "", "", "" } },
    { COS_ACL_PRIVATE, "r:1", 0, { "", "rgs", "", "", "" } },
    { COS_ACL_PRIVATE, "f:1;r:*", 0, { "R", "Rwgs", "R", "R", "R" } },
    { COS_ACL_PRIVATE, "f:1;f:*", 0, { "RWGS", "RWGS", "RWGS", "RWGS",
                                       "RWGS" } },
    { COS_ACL_PRIVATE, "f:1;f:*", 1, { "", "rwgs", "", "", "" } },
    { COS_ACL_PRIVATE, "f:1;w:+", 0, { "", "rWgs", "W", "W", "W" } },
    { COS_ACL_PRIVATE, "f:1;w:+;g:3", 1, { "", "rwgs", "", "g", "g" } },
    { COS_ACL_PRIVATE, "f:1;f:3", 0, { "", "rwgs", "", "rwgs", "rwgs" } },
    { COS_ACL_PRIVATE, "s:3;rg:3/7", 0, { "", "gs", "", "s", "RGs" } },
    { COS_ACL_PRIVATE, "f:3/8", 0, { "", "gs", "", "", "" } },
    { COS_ACL_PRIVATE, "f:log", 0, { "", "gs", "", "", "" } },
};


static void
test_permits(void **state)
{
    char         may[5];
    size_t       i, k, n;
    unsigned     bit;
    cos_acl_t    acl;
    cos_grant_e  g;

    (void) state;

    for (i = 0; i < N(permits); i++) {
        acl = (cos_acl_t) { permits[i].canned, str(permits[i].grants), OWNER,
                            BUCKET, permits[i].closed };

        for (k = 0; k < N(people); k++) {

            for (bit = 0, n = 0; bit < 4; bit++) {
                g = cos_acl_permits(&acl, &people[k], 1u << bit);

                if (g != COS_GRANT_NONE) {
                    may[n++] = (g == COS_GRANT_SELF ? "RWGS" : "rwgs")[bit];
                }
            }

            may[n] = 0;

            if (strcmp(may, permits[i].may[k]) != 0) {
                fail_msg("%d %s, %zu: %s", permits[i].canned,
                         permits[i].grants, k, may);
            }
        }

        assert_int_equal(cos_acl_omits_owner(&acl, COS_MAY_READ),
                         strpbrk(permits[i].may[1], "rR") == NULL);
    }
}


static void
test_open(void **state)
{
    (void) state;

    assert_true(cos_acl_open(COS_ACL_PUBLIC_READ, str("")));
    assert_true(cos_acl_open(COS_ACL_AUTHENTICATED_READ, str("")));
    assert_false(cos_acl_open(COS_ACL_PRIVATE, str("")));
    assert_false(cos_acl_open(COS_ACL_BUCKET_OWNER_FULL, str("")));
    assert_true(cos_acl_open(COS_ACL_PRIVATE, str("f:1;g:*")));
    assert_true(cos_acl_open(COS_ACL_PRIVATE, str("f:1;g:+")));
    assert_false(cos_acl_open(COS_ACL_PRIVATE, str("f:1;f:log;f:3")));
    assert_false(cos_acl_open(COS_ACL_PRIVATE, str("-")));
}


/* --- headers -------------------------------------------------------------- */

#define HASH64  "0123456789abcdef0123456789abcdef0123456789abcdef"           \
                "0123456789abcdef"

static const struct {
    cos_err_e    err;
    const char  *kept;                /* an id that is a hash: its length */
    const char  *value;
} headers[] = {
    { COS_OK, "-", "" },
    { COS_OK, "-", " , ," },
    { COS_OK, "r:3", "id=\"3\"" },
    { COS_OK, "r:3", "id=3" },
    { COS_OK, "r:3;r:4", "id=\"3\",id=\"4\"" },
    { COS_OK, "r:3;r:4;r:5/6", " ID = \"3\" ,\tid=4 , id=\"5/6\"" },
    { COS_OK, "r:5/6", "id=\"qcs::cam::uin/5:uin/6\"" },
    { COS_OK, "r:5", "id=\"qcs::cam::uin/5:uin/5\"" },
    { COS_OK, "r:*", "id=\"qcs::cam::anyone:anyone\"" },
    { COS_OK, "r:*",
      "uri=\"http://acs.amazonaws.com/groups/global/AllUsers\"" },
    { COS_OK, "r:+;r:log",
      "uri=\"http://cam.qcloud.com/groups/global/AuthenticatedUsers\","
      "uri=http://acs.amazonaws.com/groups/s3/LogDelivery" },
    { COS_OK, "r:64", "id=" HASH64 },
    { COS_OK, "r:32", "id=0123456789abcdef0123456789abcdef" },
    { COS_OK, "r:32", "id=01234567890123456789012345678901" },
    { COS_E_GRANT_EMAIL, NULL, "emailAddress=\"a@b.c\"" },
    { COS_E_INVALID_ARGUMENT, NULL, "id" },
    { COS_E_INVALID_ARGUMENT, NULL, "id=" },
    { COS_E_INVALID_ARGUMENT, NULL, "id=\"" },
    { COS_E_INVALID_ARGUMENT, NULL, "3" },
    { COS_E_INVALID_ARGUMENT, NULL, "name=3" },
    { COS_E_INVALID_ARGUMENT, NULL, "id=_foo" },
    { COS_E_INVALID_ARGUMENT, NULL, "id=3;id=4" },
    { COS_E_INVALID_ARGUMENT, NULL, "id=\"3\"id=\"0\"" },
};


static void
test_headers(void **state)
{
    size_t           i, k;
    cos_acl_e        canned;
    cos_err_e        err;
    cos_str_t        text;
    cos_acl_list_t   l;

    (void) state;

    for (i = 0; i < N(headers); i++) {
        memset(&l, 0, sizeof(l));
        err = cos_acl_header(&l, COS_MAY_READ, str(headers[i].value));

        if (err != headers[i].err) {
            fail_msg("%s: %d", headers[i].value, err);
        }

        if (err != COS_OK) {
            continue;
        }

        for (k = 0; k < l.n; k++) {
            if (l.v[k].id.len) {
                l.v[k].uid = l.v[k].id.len;
            }
        }

        (void) cos_acl_fold(&l, OWNER, BUCKET, 0, &canned, &text, mem);

        if (!cos_str_is(text, headers[i].kept)) {
            fail_msg("%s: %.*s", headers[i].value, (int) text.len, text.data);
        }
    }
}


static void
test_merge(void **state)
{
    cos_acl_e        canned;
    cos_str_t        text;
    cos_acl_list_t   l = { 0 };

    (void) state;

    /* who has two ids is one */
    assert_int_equal(cos_acl_header(&l, COS_MAY_READ, str("id=" HASH64)),
                     COS_OK);
    assert_int_equal(cos_acl_header(&l, COS_MAY_WRITE, str("id=3")), COS_OK);
    assert_int_equal(l.n, 2);
    l.v[0].uid = 3;
    cos_acl_merge(&l);
    (void) cos_acl_fold(&l, OWNER, BUCKET, 0, &canned, &text, mem);
    assert_true(cos_str_is(text, "rw:3"));
}


static void
test_ids(void **state)
{
    char  id[COS_ACCOUNT_ID_LEN + 1] = "";

    (void) state;

    /* echo -n 100000000001 | sha256sum */
    assert_int_equal(cos_account_id(id, 100000000001ULL), 0);
    assert_string_equal(id, "b41aaa1989b66759a0572cbe647b7ab0"
                            "36b28fdfcc74cefb906f6e0f048d65c5");
    assert_int_equal(cos_account_id(id, 0), 0);
    assert_string_equal(id, "5feceb66ffc86f38d952786c6d696c79"
                            "c2dbc239dd4e91b46729d73a27fb57e9");
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_folds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_canned, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_permits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_open, setup, teardown),
        cmocka_unit_test_setup_teardown(test_headers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_merge, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ids, setup, teardown),
    };

    cos_hash_init();

    return cmocka_run_group_tests_name("acl", tests, NULL, NULL);
}
