/*
 * auth: published and recorded signatures, and every way to spoil them.
 */

#include "auth_vectors.h"


static char *
find_signature(req_t *r, const vector_t *v)
{
    char *p, *text;

    text = req_value(r, "authorization");
    text = text ? text : r->target;

    for (p = NULL; (text = strstr(text, v->mark)) != NULL; text++) {
        p = text + strlen(v->mark);
    }

    assert_non_null(p);

    return p;
}


static void
test_vectors(void **state)
{
    req_t  r;
    size_t i;

    (void) state;

    for (i = 0; i < VECTORS; i++) {
        load(&r, &vectors[i]);

        if (judge_vector(&r, &vectors[i]) != COS_OK) {
            fail_msg("%s: %d", vectors[i].label,
                     judge_vector(&r, &vectors[i]));
        }
    }
}


static void
test_signature_bytes(void **state)
{
    int       k, bit;
    char     *p;
    req_t     r;
    size_t    i;
    cos_err_e rc;

    (void) state;

    for (i = 0; i < VECTORS; i++) {
        for (k = 0; k < vectors[i].hex; k++) {
            load(&r, &vectors[i]);
            p = find_signature(&r, &vectors[i]);
            p[k] = p[k] == '0' ? '1' : '0';
            assert_int_equal(judge_vector(&r, &vectors[i]),
                             COS_E_SIGNATURE_MISMATCH);

            for (bit = 0; bit < 7; bit++) {
                load(&r, &vectors[i]);
                p = find_signature(&r, &vectors[i]);
                p[k] ^= (char) (1 << bit);

                if (p[k] == '%' || p[k] == '&' || p[k] == '?' || p[k] == 0) {
                    continue;
                }

                rc = judge_vector(&r, &vectors[i]);
                assert_true(rc == COS_E_SIGNATURE_MISMATCH
                            || rc == COS_E_INVALID_ARGUMENT
                            || rc == COS_E_AUTH_HEADER_MALFORMED);
            }
        }
    }
}


static void
test_method_path_secret(void **state)
{
    char           *q, rest[4096];
    req_t           r;
    size_t          i;
    const vector_t *v;

    (void) state;

    for (i = 0; i < VECTORS; i++) {
        v = &vectors[i];

        load(&r, v);
        strcpy(r.method, strcmp(r.method, "DELETE") ? "DELETE" : "GET");
        assert_int_equal(judge_vector(&r, v), COS_E_SIGNATURE_MISMATCH);

        load(&r, v);
        q = strchr(r.target, '?');
        snprintf(rest, sizeof(rest), "%s", q ? q : "");
        strcpy(q ? q : r.target + strlen(r.target), "x");
        strcat(r.target, rest);
        assert_int_equal(judge_vector(&r, v), COS_E_SIGNATURE_MISMATCH);

        load(&r, v);
        assert_int_equal(judge(&r, "another secret", v->now, ""),
                         COS_E_SIGNATURE_MISMATCH);
        assert_int_equal(judge(&r, "", v->now, ""), COS_E_SIGNATURE_MISMATCH);
    }
}


static void
test_query_changed(void **state)
{
    char           *p;
    req_t           r;
    size_t          i;
    cos_err_e       rc;
    const vector_t *v;

    (void) state;

    for (i = 0; i < VECTORS; i++) {
        v = &vectors[i];
        load(&r, v);
        strcat(r.target, strchr(r.target, '?') ? "&zz=1" : "?zz=1");

        /* COS lets what is not listed change freely */
        rc = strncmp(v->label, "COS", 3) ? COS_E_SIGNATURE_MISMATCH : COS_OK;
        assert_int_equal(judge_vector(&r, v), rc);
    }

    v = &vectors[9];                       /* COS V3 */
    assert_non_null(strstr(v->label, "V3"));

    load(&r, v);
    p = strstr(r.target, "MTg0");
    *p = 'N';
    assert_int_equal(judge_vector(&r, v), COS_E_SIGNATURE_MISMATCH);

    load(&r, v);                           /* a listed parameter is missing */
    *strstr(r.target, "&acl") = 0;
    assert_int_equal(judge_vector(&r, v), COS_E_SIGNATURE_MISMATCH);

    load(&r, v);                           /* which one was meant? */
    strcat(r.target, "&versionid=other");
    assert_int_equal(judge_vector(&r, v), COS_E_SIGNATURE_MISMATCH);

    load(&r, v);
    strcat(r.target, "=");
    assert_int_equal(judge_vector(&r, v), COS_OK);
}


static int
is_listed(req_t *r, const char *name)
{
    int     yes;
    built_t b;

    build(&b, r);
    assert_int_equal(cos_sig_parse(&b.http, &b.sig, b.a), COS_OK);
    yes = cos_sig_covers(&b.sig, name);
    cos_arena_free(b.arena);

    return yes;
}


static cos_err_e
expected_for(const char *name, int dropped)
{
    if (strcmp(name, "x-amz-content-sha256") == 0) {
        return dropped ? COS_E_MISSING_SECURITY_HEADER
                       : COS_E_CONTENT_SHA256_INVALID;
    }

    return strcmp(name, "x-amz-date") == 0 && !dropped
           ? COS_E_ACCESS_DENIED : COS_E_SIGNATURE_MISMATCH;
}


static void
test_headers_changed(void **state)
{
    int             k, n;
    req_t           r;
    size_t          i;
    cos_err_e       rc;
    const vector_t *v;

    (void) state;

    for (i = 0; i < VECTORS; i++) {
        v = &vectors[i];
        load(&r, v);

        for (k = 0, n = r.n; k < n; k++) {
            load(&r, v);

            if (strcmp(r.name[k], "authorization") == 0
                || !is_listed(&r, r.name[k]))
            {
                continue;
            }

            strcat(r.value[k], "1");
            assert_int_equal(judge_vector(&r, v), expected_for(r.name[k], 0));

            load(&r, v);
            rc = expected_for(r.name[k], 1);

            /* Date stands in for x-amz-date, where there is one */
            if (strcmp(r.name[k], "x-amz-date") == 0 && !req_value(&r, "date"))
            {
                rc = COS_E_ACCESS_DENIED;
            }

            req_drop(&r, k);
            assert_int_equal(judge_vector(&r, v), rc);
        }
    }
}


static void
test_time(void **state)
{
    int             v4_header;
    req_t           r;
    size_t          i;
    built_t         b;
    const vector_t *v;

    (void) state;

    for (i = 0; i < VECTORS; i++) {
        v = &vectors[i];
        load(&r, v);
        v4_header = strstr(v->label, "V4 ") == v->label
                    && req_value(&r, "authorization") != NULL;

        assert_int_equal(judge(&r, v->secret, v->end, ""), COS_OK);
        assert_int_equal(judge(&r, v->secret, v->end + 1, ""),
                         v4_header ? COS_E_TIME_SKEWED : COS_E_EXPIRED);

        build(&b, &r);
        assert_int_equal(cos_sig_parse(&b.http, &b.sig, b.a), COS_OK);
        assert_int_equal(b.sig.end, v->end);
        cos_arena_free(b.arena);

        if (v4_header) {
            assert_int_equal(judge(&r, v->secret, AWS_NOW - 900, ""), COS_OK);
            assert_int_equal(judge(&r, v->secret, AWS_NOW - 901, ""),
                             COS_E_TIME_SKEWED);

        } else {
            assert_int_equal(judge(&r, v->secret, b.sig.start - 900, ""),
                             COS_OK);
            assert_int_equal(judge(&r, v->secret, b.sig.start - 901, ""),
                             COS_E_TIME_SKEWED);
        }
    }
}


static void
test_canonical_shown(void **state)
{
    req_t      r;
    size_t     i;
    built_t    b;
    cos_buf_t  text;
    char      *s;

    (void) state;

    for (i = 0; i < VECTORS; i++) {
        load(&r, &vectors[i]);
        build(&b, &r);
        cos_buf_init(&text, b.a, 0);
        assert_int_equal(cos_sig_parse(&b.http, &b.sig, b.a), COS_OK);
        assert_int_equal(cos_sig_verify(&b.http, &b.sig,
                                        str(vectors[i].secret),
                                        vectors[i].now, str(""), b.a, &text),
                         COS_OK);
        cos_buf_char(&text, 0);
        assert_false(text.err);
        s = (char *) text.data;
        assert_null(strstr(s, vectors[i].secret));

        if (i == 0) {
            assert_string_equal(s, "GET\n/test.txt\n\nhost:" AWS_HOST
                "\nrange:bytes=0-9\nx-amz-content-sha256:" EMPTY
                "\nx-amz-date:" AWS_DATE "\n\nhost;range;x-amz-content-sha256;"
                "x-amz-date\n" EMPTY "\n\nAWS4-HMAC-SHA256\n" AWS_DATE "\n"
                AWS_SCOPE "\n7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48"
                "bbb2dc43964946972");
        }

        cos_arena_free(b.arena);
    }
}


static size_t  allowance;


static void *
scarce(void *ctx, size_t size)
{
    if (allowance == 0) {
        return NULL;
    }

    allowance--;

    return cos_alloc(ctx, size);
}


/* Out of memory at any point is an error of ours, never a pass. */
static void
test_no_memory(void **state)
{
    req_t       r;
    size_t      i, n;
    built_t     b;
    cos_err_e   rc;
    cos_alloc_t a;

    (void) state;

    for (i = 0; i < VECTORS; i++) {
        load(&r, &vectors[i]);
        build(&b, &r);
        a.alloc = scarce;
        a.ctx = b.a;

        for (n = 0, rc = COS_E_INTERNAL; rc != COS_OK; n++) {
            assert_true(n < 100);
            allowance = n;
            rc = cos_sig_parse(&b.http, &b.sig, &a);

            if (rc == COS_OK) {
                rc = cos_sig_verify(&b.http, &b.sig, str(vectors[i].secret),
                                    vectors[i].now, str(""), &a, NULL);
            }

            assert_true(rc == COS_OK || rc == COS_E_INTERNAL);
        }

        cos_arena_free(b.arena);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_signature_bytes),
        cmocka_unit_test(test_method_path_secret),
        cmocka_unit_test(test_query_changed),
        cmocka_unit_test(test_headers_changed),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_canonical_shown),
        cmocka_unit_test(test_no_memory)
    };

    assert_int_equal(cos_hash_init(), 0);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
