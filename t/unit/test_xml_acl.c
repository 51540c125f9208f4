/*
 * xml: ACL documents. What is written must read as the same grants.
 */

#include "unit.h"
#include "cos_xml.h"

#define OWNER   100000000001ULL
#define OTHER   8ULL


/* A list as records keep it, whatever canned form it equals. */
static const char *
kept(const cos_acl_list_t *l)
{
    size_t       i;
    char        *p;
    cos_acl_e    canned;
    cos_str_t    text;
    cos_buf_t    b;

    cos_acl_list_t  more = *l;

    /* a canned form has no text: this is in none */
    more.v[more.n++] = (cos_acl_grant_t) {
        .to = COS_TO_LOG, .may = COS_MAY_WRITE_ACP
    };

    for (i = 0; i < more.n; i++) {
        if (more.v[i].to == COS_TO_ACCOUNT && more.v[i].uid == 0) {
            more.v[i].uid = more.v[i].id.len;
        }
    }

    assert_int_equal(cos_acl_fold(&more, 1, 2, 0, &canned, &text, mem), 0);
    cos_buf_init(&b, mem, 0);
    cos_buf_str(&b, text);
    cos_buf_char(&b, 0);
    p = (char *) b.data;
    p[b.len - 1 - strlen("s:log")] = 0;

    return p;
}


static const char  *texts[] = {
    "-", "f:100000000001", "r:*", "rwgsf:*", "r:*;w:+;g:100000000001;s:8/9",
    "rw:log;f:8", "rwgsf:8/9;r:18446744073709551615",
};


static void
test_round_trips(void **state)
{
    int               d;
    size_t            i;
    cos_buf_t         b;
    cos_acl_list_t    l, back;
    cos_acl_grant_t   owner;

    (void) state;

    for (i = 0; i < N(texts); i++) {
        for (d = COS_DIALECT_COS; d <= COS_DIALECT_S3; d++) {
            assert_int_equal(cos_acl_expand(&l, COS_ACL_PRIVATE,
                                            str(texts[i]), OWNER, OTHER), 0);
            cos_buf_init(&b, mem, 0);
            cos_xml_acl(&b, (cos_dialect_e) d, OWNER, &l);
            assert_int_equal(cos_xml_parse_acl(
                (cos_str_t) { b.len, b.data }, &back, &owner, mem), COS_OK);
            assert_int_equal(back.n, l.n);

            if (d == COS_DIALECT_COS) {
                assert_int_equal(owner.uid, OWNER);
                assert_string_equal(kept(&back), kept(&l));

            } else {
                assert_int_equal(owner.id.len, COS_ACCOUNT_ID_LEN);
            }
        }
    }
}


static void
test_written(void **state)
{
    cos_buf_t         b;
    cos_acl_list_t    l;

    (void) state;

    assert_int_equal(cos_acl_expand(&l, COS_ACL_PRIVATE, str("f:8;rw:*"),
                                    OWNER, OTHER), 0);
    cos_buf_init(&b, mem, 0);
    cos_xml_acl(&b, COS_DIALECT_S3, 8, &l);
    cos_buf_char(&b, 0);

    /* groups first, a grant for each permission */
    assert_non_null(strstr((char *) b.data,
        "groups/global/AllUsers</URI></Grantee><Permission>READ</Permission>"
        "</Grant><Grant><Grantee "));
    assert_non_null(strstr((char *) b.data,
        "</ID><DisplayName>8</DisplayName></Grantee><Permission>FULL_CONTROL"
        "</Permission></Grant></AccessControlList>"));
    assert_true(strstr((char *) b.data, "AllUsers")
                < strstr((char *) b.data, "CanonicalUser"));

    cos_buf_init(&b, mem, 0);
    cos_xml_acl(&b, COS_DIALECT_BOS, 8, &l);
    cos_buf_char(&b, 0);
    assert_non_null(strstr((char *) b.data,
        "{\"grantee\":[{\"id\":\"*\"}],\"permission\":[\"READ\",\"WRITE\"]}"));
}


#define ACL(s)  "<AccessControlPolicy><Owner><ID>7</ID></Owner>"             \
                "<AccessControlList>" s "</AccessControlList>"               \
                "</AccessControlPolicy>"
#define G(who, may)  "<Grant><Grantee>" who "</Grantee><Permission>" may     \
                     "</Permission></Grant>"
#define ALL   "<URI>http://cam.qcloud.com/groups/global/AllUsers</URI>"
#define ALL3  "<URI>http://acs.amazonaws.com/groups/global/AllUsers</URI>"
#define AUTH  "<URI>http://cam.qcloud.com/groups/global/AuthenticatedUsers"  \
              "</URI>"
#define LOG   "<URI>http://acs.amazonaws.com/groups/s3/LogDelivery</URI>"
#define ME    "<ID>qcs::cam::uin/100000000001:uin/100000000001</ID>"
#define SUB   "<ID>qcs::cam::uin/100000000001:uin/100000000011</ID>"
#define HASH  "<ID>0123456789abcdef0123456789abcdef0123456789abcdef"         \
              "0123456789abcdef</ID>"

static const struct {
    cos_err_e    err;
    const char  *kept;
    const char  *text;
} cases[] = {
    { COS_OK, "", ACL("") },
    { COS_OK, "f:100000000001;", ACL(G(ME, "FULL_CONTROL")) },
    { COS_OK, "rs:100000000001;", ACL(G(ME, "READ") G(ME, "WRITE_ACP")) },
    { COS_OK, "g:100000000001;", ACL(G("<ID>100000000001</ID>", "READ_ACP")) },
    { COS_OK, "w:100000000001/100000000011;", ACL(G(SUB, "WRITE")) },
    { COS_OK, "w:100000000001/100000000011;",
      ACL(G("<ID>100000000001/100000000011</ID>", "WRITE")) },
    { COS_OK, "r:*;", ACL(G(ALL3, "READ") G(ALL, "READ")) },
    { COS_OK, "r:*;", ACL(G("<ID>qcs::cam::anyone:anyone</ID>", " READ ")) },
    { COS_OK, "rw:*;f:100000000001;",
      ACL(G(ALL, "WRITE") G(ME, "FULL_CONTROL") G(ALL, "READ")) },
    { COS_OK, "r:+;w:log;", ACL(G(AUTH, "READ") G(LOG, "WRITE")) },
    { COS_OK, "r:64;", ACL(G(HASH, "READ")) },
    { COS_OK, "r:5;", ACL(G("<uin>5</uin>", "READ")) },
    { COS_OK, "r:5;", ACL(G("<Subaccount>5</Subaccount>", "READ")) },
    { COS_OK, "f:5;",
      ACL("<Grant><Permission>FULL_CONTROL</Permission><Grantee>"
          "<DisplayName>b</DisplayName><ID>5</ID></Grantee></Grant>") },

    { COS_E_INVALID_ARGUMENT, NULL, ACL(G("<ID>_foo</ID>", "READ")) },
    { COS_E_INVALID_ARGUMENT, NULL, ACL(G("<ID>0</ID>", "READ")) },
    { COS_E_INVALID_ARGUMENT, NULL, ACL(G("<ID>5/</ID>", "READ")) },
    { COS_E_INVALID_ARGUMENT, NULL, ACL(G("<ID>5:uid/6</ID>", "READ")) },
    { COS_E_INVALID_ARGUMENT, NULL, ACL(G("<ID>99999999999999999999</ID>",
                                         "READ")) },
    { COS_E_INVALID_ARGUMENT, NULL, ACL(G("<ID></ID>", "READ")) },
    { COS_E_INVALID_ARGUMENT, NULL, ACL(G("<URI>urn:x</URI>", "READ")) },
    { COS_E_INVALID_ARGUMENT, NULL,
      ACL(G("<URI>http://cam.qcloud.com/groups/global/Some</URI>", "READ")) },
    { COS_E_GRANT_EMAIL, NULL,
      ACL(G("<EmailAddress>a@b</EmailAddress>", "READ")) },

    { COS_E_MALFORMED_XML, NULL, "" },
    { COS_E_MALFORMED_ACL, NULL, "<AccessControlPolicy/>" },
    { COS_E_MALFORMED_ACL, NULL, ACL("<Else/>") },
    { COS_E_MALFORMED_ACL, NULL, ACL("<Grant/>") },
    { COS_E_MALFORMED_ACL, NULL, ACL(G(ME, "FLY")) },
    { COS_E_MALFORMED_ACL, NULL, ACL(G(ME, "")) },
    { COS_E_MALFORMED_ACL, NULL, ACL(G("", "READ")) },
    { COS_E_MALFORMED_ACL, NULL, ACL(G("<DisplayName>x</DisplayName>",
                                       "READ")) },
    { COS_E_MALFORMED_ACL, NULL, ACL(G("<Name>x</Name>", "READ")) },
    { COS_E_MALFORMED_ACL, NULL, ACL(G(ME ALL, "READ")) },
    { COS_E_MALFORMED_ACL, NULL,
      ACL("<Grant><Grantee>" ME "</Grantee></Grant>") },
    { COS_E_MALFORMED_ACL, NULL,
      ACL("</AccessControlList><AccessControlList>") },

    { COS_OK, "", "{\"accessControlList\":[]}" },
    { COS_OK, "r:*;",
      "{\"accessControlList\":[{\"grantee\":[{\"id\":\"*\"}],"
      "\"permission\":[\"READ\"]}]}" },
    { COS_OK, "rw:5;rw:6/7;",
      "{\"accessControlList\":[{\"grantee\":[{\"id\":\"5\"},"
      "{\"id\":\"6/7\"}],\"permission\":[\"READ\",\"WRITE\"]}]}" },
    { COS_E_NOT_IMPLEMENTED, NULL,
      "{\"accessControlList\":[{\"grantee\":[{\"id\":\"*\"}],"
      "\"permission\":[\"LIST\"]}]}" },
    { COS_E_INVALID_ARGUMENT, NULL,
      "{\"accessControlList\":[{\"grantee\":[{\"id\":\"zz\"}],"
      "\"permission\":[\"READ\"]}]}" },
    { COS_E_NOT_IMPLEMENTED, NULL,
      "{\"accessControlList\":[{\"grantee\":[{\"id\":\"*\"}],"
      "\"permission\":[\"READ\"],\"condition\":{}}]}" },
    { COS_E_MALFORMED_ACL, NULL,
      "{\"accessControlList\":[{\"grantee\":[],"
      "\"permission\":[\"READ\"]}]}" },
    { COS_E_MALFORMED_ACL, NULL,
      "{\"accessControlList\":[{\"grantee\":[{\"id\":1}],"
      "\"permission\":[\"READ\"]}]}" },
    { COS_E_MALFORMED_ACL, NULL,
      "{\"accessControlList\":[{\"grantee\":[{\"id\":\"*\"}],"
      "\"permission\":[1]}]}" },
    { COS_E_MALFORMED_ACL, NULL, "{\"accessControlList\":[1]}" },
    { COS_E_MALFORMED_ACL, NULL, "{}" },
    { COS_E_MALFORMED_XML, NULL, "{" },
};


static void
test_documents(void **state)
{
    size_t            i;
    cos_err_e         err;
    cos_acl_list_t    l;
    cos_acl_grant_t   owner;

    (void) state;

    for (i = 0; i < N(cases); i++) {
        err = cos_xml_parse_acl(str(cases[i].text), &l, &owner, mem);

        if (err != cases[i].err
            || (err == COS_OK && strcmp(kept(&l), cases[i].kept) != 0))
        {
            fail_msg("%s: %d, %s", cases[i].text, err,
                     err == COS_OK ? kept(&l) : "");
        }
    }
}


static void
test_many(void **state)
{
    int               i, n;
    cos_buf_t         b;
    cos_acl_list_t    l;
    cos_acl_grant_t   owner;

    (void) state;

    for (n = COS_ACL_GRANTS_MAX; n <= COS_ACL_GRANTS_MAX + 1; n++) {
        cos_buf_init(&b, mem, 0);
        cos_buf_lit(&b, "<AccessControlPolicy><AccessControlList>");

        for (i = 0; i < n; i++) {
            cos_buf_lit(&b, G(ME, "READ"));
        }

        cos_buf_lit(&b, "</AccessControlList></AccessControlPolicy>");
        assert_int_equal(cos_xml_parse_acl((cos_str_t) { b.len, b.data }, &l,
                                           &owner, mem),
                         n == COS_ACL_GRANTS_MAX ? COS_OK
                                                 : COS_E_MALFORMED_ACL);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trips, setup, teardown),
        cmocka_unit_test_setup_teardown(test_written, setup, teardown),
        cmocka_unit_test_setup_teardown(test_documents, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
    };

    cos_hash_init();
    cos_xml_init();

    return cmocka_run_group_tests_name("xml_acl", tests, NULL, NULL);
}
