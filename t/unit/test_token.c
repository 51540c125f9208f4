/*
 * Tokens of temporary credentials: what is sealed comes back, and nothing else
 * is taken for a token.
 */

#include "unit.h"
#include "cos_token.h"

static cos_token_keys_t  keys;


static int
begin(void **state)
{
    cos_u8  base[32];

    memset(base, 7, sizeof(base));

    return cos_hash_init() != 0 || cos_token_keys(&keys, base) != 0
           || setup(state) != 0;
}


static cos_token_t
sample(void)
{
    cos_token_t  t;

    t.id = str("AKID0123456789abcdef0123456789abcdef");
    t.parent = str("AKIDPARENT");
    t.policy = str("{\"version\":\"2.0\",\"statement\":[]}");
    t.issued = 1700000000123;
    t.expires = 1700001800;

    return t;
}


static cos_str_t
sealed(const cos_token_t *t)
{
    cos_buf_t  b;

    cos_buf_init(&b, mem, 16);
    assert_int_equal(cos_token_seal(&b, t, &keys), 0);

    return (cos_str_t) { b.len, b.data };
}


static void
test_round(void **state)
{
    size_t       i, n;
    cos_str_t    text;
    cos_token_t  t, again;

    (void) state;

    for (n = 0; n < 9; n++) {
        t = sample();
        t.policy.len = n;
        text = sealed(&t);

        for (i = 0; i < text.len; i++) {
            assert_non_null(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmno"
                                   "pqrstuvwxyz0123456789-_", text.data[i]));
        }

        assert_int_equal(cos_token_open(&again, text, &keys, mem), 0);
        assert_true(cos_str_eq(t.id, again.id));
        assert_true(cos_str_eq(t.parent, again.parent));
        assert_true(cos_str_eq(t.policy, again.policy));
        assert_true(t.issued == again.issued);
        assert_true(t.expires == again.expires);
    }
}


/* Each byte matters, and so does the length. */
static void
test_damage(void **state)
{
    size_t       i;
    cos_u8       was;
    cos_str_t    text, cut;
    cos_token_t  t, again;

    (void) state;

    t = sample();
    text = sealed(&t);

    for (i = 0; i + 1 < text.len; i++) {
        was = text.data[i];
        text.data[i] = was == 'A' ? 'B' : 'A';
        assert_int_equal(cos_token_open(&again, text, &keys, mem), -1);
        text.data[i] = '+';
        assert_int_equal(cos_token_open(&again, text, &keys, mem), -1);
        text.data[i] = was;

        cut = text;
        cut.len = i;
        assert_int_equal(cos_token_open(&again, cut, &keys, mem), -1);
    }

    assert_int_equal(cos_token_open(&again, text, &keys, mem), 0);
}


static void
test_keys(void **state)
{
    cos_u8             base[32];
    cos_str_t          text;
    cos_token_t        t, again;
    cos_token_keys_t   other;

    (void) state;

    memset(base, 8, sizeof(base));
    assert_int_equal(cos_token_keys(&other, base), 0);
    assert_memory_not_equal(other.seal, other.secret, 32);

    t = sample();
    text = sealed(&t);
    assert_int_equal(cos_token_open(&again, text, &other, mem), -1);
}


static void
test_secret(void **state)
{
    char         a[COS_TOKEN_SECRET_LEN], b[COS_TOKEN_SECRET_LEN];
    char         id[COS_TOKEN_ID_LEN], id2[COS_TOKEN_ID_LEN];
    cos_str_t    s, s2;

    (void) state;

    assert_int_equal(cos_token_id(id), 0);
    assert_int_equal(cos_token_id(id2), 0);
    assert_memory_not_equal(id, id2, sizeof(id));

    s = (cos_str_t) { sizeof(id), (cos_u8 *) id };
    s2 = (cos_str_t) { sizeof(id2), (cos_u8 *) id2 };

    assert_int_equal(cos_token_secret(a, s, &keys), 0);
    assert_int_equal(cos_token_secret(b, s2, &keys), 0);
    assert_memory_not_equal(a, b, sizeof(a));
    assert_int_equal(cos_token_secret(b, s, &keys), 0);
    assert_memory_equal(a, b, sizeof(a));
}


static void
test_limits(void **state)
{
    cos_u8       long_text[COS_TOKEN_POLICY_MAX + 1];
    cos_buf_t    b;
    cos_str_t    text;
    cos_token_t  t, again;

    (void) state;

    memset(long_text, 'x', sizeof(long_text));
    t = sample();
    t.policy = (cos_str_t) { COS_TOKEN_POLICY_MAX, long_text };
    text = sealed(&t);
    assert_true(text.len <= COS_TOKEN_MAX);
    assert_int_equal(cos_token_open(&again, text, &keys, mem), 0);

    cos_buf_init(&b, mem, 16);
    t.policy.len++;
    assert_int_equal(cos_token_seal(&b, &t, &keys), -1);
    t.policy.len--;
    t.id.len = 0;
    assert_int_equal(cos_token_seal(&b, &t, &keys), -1);
    t = sample();
    t.parent.len = 0;
    assert_int_equal(cos_token_seal(&b, &t, &keys), -1);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_secret),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, begin, teardown);
}
