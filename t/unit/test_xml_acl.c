/*
 * xml: ACL documents. What is written must read as the same canned ACL.
 */

#include "unit.h"
#include "cos_xml.h"

#define OWNER   100000000001ULL
#define BUCKET  8ULL


static void
test_round_trips(void **state)
{
    int        d, acl, expected;
    uint64_t   bucket;
    cos_acl_e  back;
    cos_buf_t  b;

    (void) state;

    for (d = COS_DIALECT_COS; d <= COS_DIALECT_BOS; d++) {
        for (acl = 0; acl < COS_ACL_MAX; acl++) {
            for (bucket = BUCKET; bucket <= OWNER;
                 bucket += OWNER - BUCKET)
            {
                expected = acl;

                if (acl == COS_ACL_DEFAULT
                    || (d == COS_DIALECT_BOS
                        && acl == COS_ACL_AUTHENTICATED_READ)
                    || (bucket == OWNER && acl >= COS_ACL_BUCKET_OWNER_READ))
                {
                    expected = COS_ACL_PRIVATE;
                }

                cos_buf_init(&b, mem, 0);
                cos_xml_acl(&b, (cos_dialect_e) d, OWNER, bucket,
                            (cos_acl_e) acl);
                assert_int_equal(cos_xml_parse_acl(
                    (cos_str_t) { b.len, b.data }, OWNER, bucket, &back, mem),
                    COS_OK);
                assert_int_equal(back, expected);
            }
        }
    }
}


#define ACL(s)  "<AccessControlPolicy><Owner><ID>x</ID></Owner>"             \
                "<AccessControlList>" s "</AccessControlList>"               \
                "</AccessControlPolicy>"
#define G(who, may)  "<Grant><Grantee>" who "</Grantee><Permission>" may     \
                     "</Permission></Grant>"
#define ALL   "<URI>http://cam.qcloud.com/groups/global/AllUsers</URI>"
#define ALL3  "<URI>http://acs.amazonaws.com/groups/global/AllUsers</URI>"
#define AUTH  "<URI>http://cam.qcloud.com/groups/global/AuthenticatedUsers"  \
              "</URI>"
#define ME    "<ID>qcs::cam::uin/100000000001:uin/100000000001</ID>"
#define BO    "<ID>8</ID>"

static const struct {
    cos_err_e    err;
    cos_acl_e    acl;
    const char  *text;
} cases[] = {
    { COS_OK, COS_ACL_PRIVATE, ACL("") },
    { COS_OK, COS_ACL_PRIVATE, ACL(G(ME, "FULL_CONTROL")) },
    { COS_OK, COS_ACL_PRIVATE, ACL(G(ME, "READ") G(ME, "WRITE_ACP")) },
    { COS_OK, COS_ACL_PRIVATE, ACL(G("<ID>100000000001</ID>", "READ")) },
    { COS_OK, COS_ACL_PUBLIC_READ, ACL(G(ALL, "READ")) },
    { COS_OK, COS_ACL_PUBLIC_READ, ACL(G(ALL3, "READ") G(ALL, "READ")) },
    { COS_OK, COS_ACL_PUBLIC_READ,
      ACL(G("<ID>qcs::cam::anyone:anyone</ID>", " READ ")) },
    { COS_OK, COS_ACL_PUBLIC_READ_WRITE,
      ACL(G(ALL, "WRITE") G(ME, "FULL_CONTROL") G(ALL, "READ")) },
    { COS_OK, COS_ACL_AUTHENTICATED_READ, ACL(G(AUTH, "READ")) },
    { COS_OK, COS_ACL_BUCKET_OWNER_READ, ACL(G(BO, "READ")) },
    { COS_OK, COS_ACL_BUCKET_OWNER_FULL, ACL(G(BO, "FULL_CONTROL")) },
    { COS_OK, COS_ACL_BUCKET_OWNER_FULL,
      ACL("<Grant><Permission>FULL_CONTROL</Permission><Grantee>"
          "<DisplayName>b</DisplayName>" BO "</Grantee></Grant>") },

    { COS_E_NOT_IMPLEMENTED, 0, ACL(G(ALL, "WRITE")) },
    { COS_E_NOT_IMPLEMENTED, 0, ACL(G(ALL, "FULL_CONTROL")) },
    { COS_E_NOT_IMPLEMENTED, 0, ACL(G(ALL, "READ") G(BO, "READ")) },
    { COS_E_NOT_IMPLEMENTED, 0, ACL(G(AUTH, "WRITE")) },
    { COS_E_NOT_IMPLEMENTED, 0, ACL(G(BO, "WRITE")) },
    { COS_E_NOT_IMPLEMENTED, 0, ACL(G("<ID>9</ID>", "READ")) },
    { COS_E_NOT_IMPLEMENTED, 0, ACL(G("<ID></ID>", "READ")) },
    { COS_E_NOT_IMPLEMENTED, 0, ACL(G("<URI>urn:x</URI>", "READ")) },
    { COS_E_NOT_IMPLEMENTED, 0,
      ACL(G("<EmailAddress>a@b</EmailAddress>", "READ")) },

    { COS_E_MALFORMED_XML, 0, "" },
    { COS_E_MALFORMED_XML, 0, "<AccessControlPolicy/>" },
    { COS_E_MALFORMED_XML, 0, ACL("<Else/>") },
    { COS_E_MALFORMED_XML, 0, ACL("<Grant/>") },
    { COS_E_MALFORMED_XML, 0, ACL(G(ME, "FLY")) },
    { COS_E_MALFORMED_XML, 0, ACL(G(ME, "")) },
    { COS_E_MALFORMED_XML, 0, ACL(G("", "READ")) },
    { COS_E_MALFORMED_XML, 0, ACL(G(ME ALL, "READ")) },
    { COS_E_MALFORMED_XML, 0, ACL("<Grant><Grantee>" ME "</Grantee></Grant>") },
    { COS_E_MALFORMED_XML, 0,
      ACL("</AccessControlList><AccessControlList>") },

    { COS_OK, COS_ACL_PRIVATE, "{\"accessControlList\":[]}" },
    { COS_OK, COS_ACL_PUBLIC_READ,
      "{\"accessControlList\":[{\"grantee\":[{\"id\":\"*\"}],"
      "\"permission\":[\"READ\"]}]}" },
    { COS_E_NOT_IMPLEMENTED, 0,
      "{\"accessControlList\":[{\"grantee\":[{\"id\":\"*\"}],"
      "\"permission\":[\"LIST\"]}]}" },
    { COS_E_NOT_IMPLEMENTED, 0,
      "{\"accessControlList\":[{\"grantee\":[{\"id\":\"zz\"}],"
      "\"permission\":[\"READ\"]}]}" },
    { COS_E_NOT_IMPLEMENTED, 0,
      "{\"accessControlList\":[{\"grantee\":[{\"id\":\"*\"}],"
      "\"permission\":[\"READ\"],\"condition\":{}}]}" },
    { COS_E_MALFORMED_XML, 0,
      "{\"accessControlList\":[{\"grantee\":[],"
      "\"permission\":[\"READ\"]}]}" },
    { COS_E_MALFORMED_XML, 0,
      "{\"accessControlList\":[{\"grantee\":[{\"id\":1}],"
      "\"permission\":[\"READ\"]}]}" },
    { COS_E_MALFORMED_XML, 0,
      "{\"accessControlList\":[{\"grantee\":[{\"id\":\"*\"}],"
      "\"permission\":[1]}]}" },
    { COS_E_MALFORMED_XML, 0, "{\"accessControlList\":[1]}" },
    { COS_E_MALFORMED_XML, 0, "{}" },
    { COS_E_MALFORMED_XML, 0, "{" },
};


static void
test_documents(void **state)
{
    size_t     i;
    cos_err_e  err;
    cos_acl_e  acl;

    (void) state;

    for (i = 0; i < N(cases); i++) {
        acl = COS_ACL_MAX;
        err = cos_xml_parse_acl(str(cases[i].text), OWNER, BUCKET, &acl, mem);

        if (err != cases[i].err || (err == COS_OK && acl != cases[i].acl)) {
            fail_msg("%s: %d, %d", cases[i].text, err, acl);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trips, setup, teardown),
        cmocka_unit_test_setup_teardown(test_documents, setup, teardown),
    };

    cos_hash_init();
    cos_xml_init();

    return cmocka_run_group_tests_name("xml_acl", tests, NULL, NULL);
}
