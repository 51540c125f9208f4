/*
 * auth: the decoder of aws-chunked bodies. The examples are AWS' (S3 API,
 * "sigv4-streaming" and "sigv4-streaming-trailers"); other bodies are framed
 * and signed here.
 */

#include "chunk_body.h"

static body_t doc, doc_trailer;


static cos_err_e
decode_doc(const body_t *body, taken_t *t)
{
    return body == &doc
           ? decode(body, COS_PAYLOAD_STREAM_SIGNED, SEED, "", 0, 0, 0, t)
           : decode(body, COS_PAYLOAD_STREAM_SIGNED_TRAILER, SEED_T, CRC,
                    0, 0, 0, t);
}


static void
make_docs(void)
{
    adds(&doc, "10000;chunk-signature="
         "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"
         "\r\n");
    add_as(&doc, 65536);
    adds(&doc, "\r\n400;chunk-signature="
         "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"
         "\r\n");
    add_as(&doc, 1024);
    adds(&doc, "\r\n0;chunk-signature="
         "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"
         "\r\n\r\n");

    adds(&doc_trailer, "10000;chunk-signature="
         "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2"
         "\r\n");
    add_as(&doc_trailer, 65536);
    adds(&doc_trailer, "\r\n400;chunk-signature="
         "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7"
         "\r\n");
    add_as(&doc_trailer, 1024);
    adds(&doc_trailer, "\r\n0;chunk-signature="
         "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"
         "\r\n" CRC ":sOO8/Q==\r\nx-amz-trailer-signature:"
         "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"
         "\r\n\r\n");
}


static void
test_documented(void **state)
{
    taken_t t;

    (void) state;

    assert_int_equal(doc.len, 66824);
    assert_int_equal(decode_doc(&doc, &t), COS_OK);
    assert_int_equal(t.len, 66560);
    assert_int_equal(decode_doc(&doc_trailer, &t), COS_OK);
    assert_int_equal(t.len, 66560);
}


/* Every place to split at; within the payload all are alike, so a few do. */
static void
test_split_anywhere(void **state)
{
    size_t  at, step;
    taken_t whole, t;

    (void) state;

    assert_int_equal(decode_doc(&doc_trailer, &whole), COS_OK);

    for (at = 1; at < doc_trailer.len; at += at > 200 && at < 65500 ? 127 : 1)
    {
        assert_int_equal(decode(&doc_trailer,
                                COS_PAYLOAD_STREAM_SIGNED_TRAILER, SEED_T,
                                CRC, at, 0, 0, &t), COS_OK);
        assert_memory_equal(&t, &whole, sizeof(t));
    }

    for (at = 1; at < doc.len; at += at > 200 && at < 65500 ? 127 : 1) {
        assert_int_equal(decode(&doc, COS_PAYLOAD_STREAM_SIGNED, SEED, "",
                                at, 0, 0, &t), COS_OK);
        assert_memory_equal(&t, &whole, sizeof(t));
    }

    for (step = 1; step < 100; step += 3) {
        assert_int_equal(decode(&doc_trailer,
                                COS_PAYLOAD_STREAM_SIGNED_TRAILER, SEED_T,
                                CRC, 0, 0, step, &t), COS_OK);
        assert_memory_equal(&t, &whole, sizeof(t));
    }
}


static void
test_any_bit_changed(void **state)
{
    int       i;
    size_t    at;
    body_t   *body;
    cos_err_e rc;

    (void) state;

    for (i = 0; i < 2; i++) {
        body = i ? &doc_trailer : &doc;

        for (at = 0; at < body->len; at += at > 90 && at < 65600 ? 499 : 1) {
            body->data[at] ^= 0x10;
            rc = decode_doc(body, NULL);
            body->data[at] ^= 0x10;

            /* without its LF the last line never ends */
            assert_true(rc == COS_E_CHUNK_SIGNATURE
                        || rc == COS_E_CHUNK_MALFORMED
                        || rc == COS_E_TRAILER_MALFORMED
                        || (rc == COS_E_INCOMPLETE_BODY
                            && at + 3 > body->len));

            if (at > 100 && at < 65600) {
                assert_int_equal(rc, COS_E_CHUNK_SIGNATURE);
            }
        }
    }
}


static void
test_cut_short(void **state)
{
    int     i;
    size_t  len, whole;
    body_t *body;

    (void) state;

    for (i = 0; i < 2; i++) {
        body = i ? &doc_trailer : &doc;
        whole = body->len;

        /* the empty line after a trailer's signature says nothing */
        for (len = 0; len < (i ? whole - 2 : whole);
             len += len > 90 && len < 65400 ? 101 : 1)
        {
            body->len = len;
            assert_int_equal(decode_doc(body, NULL), COS_E_INCOMPLETE_BODY);
        }

        body->len = whole;
    }

    doc_trailer.len -= 2;
    assert_int_equal(decode_doc(&doc_trailer, NULL), COS_OK);
    doc_trailer.len += 2;
}


static void
test_more_after_the_end(void **state)
{
    int               i;
    size_t            len;
    unsigned          k;
    body_t           *body;
    const char *const more[] = { "a", "a\r\n", "0\r\n\r\n", "x: y\r\n",
                                 "\n\n\n\n\n" };

    (void) state;

    for (i = 0; i < 2; i++) {
        body = i ? &doc_trailer : &doc;
        len = body->len;

        for (k = 0; k < sizeof(more) / sizeof(more[0]); k++) {
            adds(body, more[k]);
            assert_int_equal(decode_doc(body, NULL), COS_E_CHUNK_MALFORMED);
            body->len = len;
        }
    }

    adds(&doc, "\r\n");
    assert_int_equal(decode_doc(&doc, NULL), COS_E_CHUNK_MALFORMED);
    doc.len -= 2;
}


static void
test_chunks_in_another_order(void **state)
{
    static body_t b;

    (void) state;

    /* the small chunk alone, then the end: a piece was taken out */
    b.len = 0;
    add(&b, doc.data + 88 + 65538, doc.len - 88 - 65538);
    assert_int_equal(decode(&b, COS_PAYLOAD_STREAM_SIGNED, SEED, "", 0, 0, 0,
                            NULL), COS_E_CHUNK_SIGNATURE);
    /* another request's seed */
    assert_int_equal(decode(&doc, COS_PAYLOAD_STREAM_SIGNED, SEED_T, "", 0, 0,
                            0, NULL), COS_E_CHUNK_SIGNATURE);
}


static cos_err_e
unsigned_case(const char *text, const char *announced, taken_t *t)
{
    size_t        i;
    cos_err_e     rc;
    static body_t b;

    b.len = 0;
    adds(&b, text);
    rc = decode(&b, COS_PAYLOAD_STREAM_UNSIGNED_TRAILER, "", announced, 0, 0,
                0, t);

    for (i = 0; i * i < b.len; i++) {
        assert_int_equal(decode(&b, COS_PAYLOAD_STREAM_UNSIGNED_TRAILER, "",
                                announced, i, i * i, 0, NULL), rc);
        assert_int_equal(decode(&b, COS_PAYLOAD_STREAM_UNSIGNED_TRAILER, "",
                                announced, 0, 0, i + 1, NULL), rc);
    }

    return rc;
}


static void
test_unsigned_form(void **state)
{
    unsigned i;
    taken_t  t;

    static const struct {
        const char  *text;
        const char  *announced;
        cos_err_e    rc;
    } cases[] = {
        { "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n",
          "x-amz-checksum-crc32", COS_OK },
        { "5\r\nhello\r\n0\r\nX-Amz-Checksum-CRC32: NhCmhg==\n\r\n\r\n",
          "x-amz-checksum-crc32", COS_OK },
        { "5\r\nhello\r\n0\r\n\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n",
          "X-Amz-Checksum-Crc32 ", COS_OK },
        { "5;ext=1;x\r\nhello\r\n0\r\na:1\r\nb:\r\n\r\n", "b , a,", COS_OK },
        { "5\r\nhello\r\n00;z\r\n\r\n", "", COS_OK },
        { "005\r\nhello\r\n0\r\n\r\n", "", COS_OK },
        { "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "", COS_OK },
        { "5\r\nhello\r\n0\r\n\r\n", "a", COS_E_TRAILER_MALFORMED },
        { "5\r\nhello\r\n0\r\na:1\r\n\r\n", "a,b", COS_E_TRAILER_MALFORMED },
        { "5\r\nhello\r\n0\r\na:1\r\n\r\n", "", COS_E_TRAILER_MALFORMED },
        { "5\r\nhello\r\n0\r\na:1\r\na:1\r\n\r\n", "a",
          COS_E_TRAILER_MALFORMED },
        { "5\r\nhello\r\n0\r\na\r\n\r\n", "a", COS_E_TRAILER_MALFORMED },
        { "5\r\nhello\r\n0\r\n:1\r\n\r\n", "a", COS_E_TRAILER_MALFORMED },
        { "5\r\nhello\r\n0\r\nx-amz-trailer-signature:1\r\n\r\n", "",
          COS_E_TRAILER_MALFORMED },
        { "5\r\nhello\r\n0\r\na:1\r\n", "a", COS_E_INCOMPLETE_BODY },
        { "5\r\nhello\r\n0\r\na:1", "a", COS_E_INCOMPLETE_BODY },
        { "5\r\nhello\r\n0\r\n", "", COS_E_INCOMPLETE_BODY },
        { "5\r\nhello\r\n", "", COS_E_INCOMPLETE_BODY },
        { "5\r\nhell", "", COS_E_INCOMPLETE_BODY },
        { "", "", COS_E_INCOMPLETE_BODY },
        { "\r\n", "", COS_E_CHUNK_MALFORMED },
        { "5\nhello\r\n0\r\n\r\n", "", COS_E_CHUNK_MALFORMED },
        { "5 \r\nhello\r\n0\r\n\r\n", "", COS_E_CHUNK_MALFORMED },
        { "-1\r\n", "", COS_E_CHUNK_MALFORMED },
        { "0x5\r\n", "", COS_E_CHUNK_MALFORMED },
        { "g\r\n", "", COS_E_CHUNK_MALFORMED },
        { ";a\r\n", "", COS_E_CHUNK_MALFORMED },
        { "200000001\r\n", "", COS_E_CHUNK_MALFORMED },
        { "ffffffffffffffffffff\r\n", "", COS_E_CHUNK_MALFORMED },
        { "200000000\r\n", "", COS_E_INCOMPLETE_BODY },
        { "5\r\nhelloo\r\n0\r\n\r\n", "", COS_E_CHUNK_MALFORMED },
        { "5\r\nhello\n0\r\n\r\n", "", COS_E_CHUNK_MALFORMED },
        { "5\r\nhello\r\r0\r\n\r\n", "", COS_E_CHUNK_MALFORMED },
        { "0\r\n\r\nx", "", COS_E_CHUNK_MALFORMED },
        { "0\r\n\r\n\r", "", COS_E_CHUNK_MALFORMED }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (unsigned_case(cases[i].text, cases[i].announced, &t)
            != cases[i].rc)
        {
            fail_msg("%s", cases[i].text);
        }

        if (cases[i].rc == COS_OK) {
            assert_int_equal(t.len, 5);
        }
    }
}


static void
test_limits(void **state)
{
    int  i;
    char text[4096], names[256] = "";

    (void) state;

    memset(text, '0', COS_CHUNK_LINE_MAX);
    strcpy(text + COS_CHUNK_LINE_MAX - 1, "\r\n\r\n");
    assert_int_equal(unsigned_case(text, "", NULL), COS_OK);
    memset(text, '0', COS_CHUNK_LINE_MAX);
    strcpy(text + COS_CHUNK_LINE_MAX, "\r\n\r\n");
    assert_int_equal(unsigned_case(text, "", NULL), COS_E_CHUNK_MALFORMED);

    strcpy(text, "0\r\na:");
    memset(text + 5, 'v', COS_CHUNK_LINE_MAX);
    strcpy(text + 5 + COS_CHUNK_LINE_MAX - 3, "\r\n\r\n");
    assert_int_equal(unsigned_case(text, "a", NULL), COS_OK);
    memset(text + 5, 'v', COS_CHUNK_LINE_MAX);
    strcpy(text + 5 + COS_CHUNK_LINE_MAX - 2, "\r\n\r\n");
    assert_int_equal(unsigned_case(text, "a", NULL), COS_E_TRAILER_MALFORMED);

    strcpy(text, "0\r\n");

    for (i = 0; i <= COS_TRAILERS_MAX; i++) {
        sprintf(text + strlen(text), "t%d:v\r\n", i);
        sprintf(names + strlen(names), "t%d,", i);

        strcat(text, "\r\n");
        assert_int_equal(unsigned_case(text, names, NULL),
                         i < COS_TRAILERS_MAX ? COS_OK
                                              : COS_E_TRAILER_MALFORMED);
        text[strlen(text) - 2] = 0;
    }
}


/* Adds a signed chunk; seed is the signature before it, and then its own. */
static void
add_chunk(body_t *b, char *seed, const char *payload)
{
    char          text[512], hash[65];
    unsigned char key[32], md[32];

    EVP_Digest(payload, strlen(payload), md, NULL, EVP_sha256(), NULL);
    to_hex(hash, md, 32);
    snprintf(text, sizeof(text), "AWS4-HMAC-SHA256-PAYLOAD\n" DATE "\n" SCOPE
             "\n%s\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7"
             "852b855\n%s", seed, hash);
    v4_key(SECRET, SCOPE, key);
    hmac(EVP_sha256(), key, 32, text, strlen(text), md);
    to_hex(seed, md, 32);
    snprintf(text, sizeof(text), "%zx;chunk-signature=%s\r\n%s%s",
             strlen(payload), seed, payload, *payload ? "\r\n" : "");
    adds(b, text);
}


static void
sign_trailer(char *seed, const char *canonical)
{
    char          text[512], hash[65];
    unsigned char key[32], md[32];

    EVP_Digest(canonical, strlen(canonical), md, NULL, EVP_sha256(), NULL);
    to_hex(hash, md, 32);
    snprintf(text, sizeof(text), "AWS4-HMAC-SHA256-TRAILER\n" DATE "\n" SCOPE
             "\n%s\n%s", seed, hash);
    v4_key(SECRET, SCOPE, key);
    hmac(EVP_sha256(), key, 32, text, strlen(text), md);
    to_hex(seed, md, 32);
}


/* One signed chunk, an end, and the trailer as given: '@' its signature. */
static cos_err_e
trailer_case(const char *wire, const char *canonical, const char *announced,
    cos_payload_e form)
{
    char          seed[65] = SEED;
    static body_t b;

    b.len = 0;
    add_chunk(&b, seed, "hello, world");
    add_chunk(&b, seed, "");
    sign_trailer(seed, canonical);

    for (; *wire; wire++) {
        if (*wire == '@') {
            adds(&b, "x-amz-trailer-signature:");
            adds(&b, seed);

        } else {
            add(&b, wire, 1);
        }
    }

    return decode(&b, form, SEED, announced, 0, 0, 0, NULL);
}


static void
test_trailer_forms(void **state)
{
    unsigned i;

    static const struct {
        const char  *wire;
        const char  *canonical;
        const char  *announced;
        cos_err_e    rc;
    } cases[] = {
        { "a:1\r\n@\r\n\r\n", "a:1\n", "a", COS_OK },
        { "a:1\n\r\n@\r\n\r\n", "a:1\n", "a", COS_OK },
        { "\r\na:1\r\n@\r\n", "a:1\n", "a", COS_OK },
        { "A: 1 \r\n@\r\n\r\n\r\n", "a:1\n", "a", COS_OK },
        { "b:2\r\na:1\r\n@\r\n\r\n", "a:1\nb:2\n", "b,a", COS_OK },
        { "@\r\n\r\n", "", "", COS_OK },
        { "a:1\r\n@\r\n\r\n", "a:2\n", "a", COS_E_CHUNK_SIGNATURE },
        { "a:1\r\n@x\r\n\r\n", "a:1\n", "a", COS_E_CHUNK_SIGNATURE },
        { "a:1\r\n@\r\nb:2\r\n\r\n", "a:1\n", "a,b",
          COS_E_TRAILER_MALFORMED },
        { "a:1\r\n@\r\n@\r\n\r\n", "a:1\n", "a", COS_E_TRAILER_MALFORMED },
        { "a:1\r\n\r\n", "a:1\n", "a", COS_E_TRAILER_MALFORMED },
        { "@\r\n\r\n", "", "a", COS_E_TRAILER_MALFORMED },
        { "a:1\r\n@\r\n\r\n", "a:1\n", "b", COS_E_TRAILER_MALFORMED },
        { "a:1\r\n@", "a:1\n", "a", COS_E_INCOMPLETE_BODY },
        { "a:1\r\n", "a:1\n", "a", COS_E_INCOMPLETE_BODY },
        { "\r\n\r\n\r\n\r\n\r\n", "", "a", COS_E_CHUNK_MALFORMED }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (trailer_case(cases[i].wire, cases[i].canonical,
                         cases[i].announced,
                         COS_PAYLOAD_STREAM_SIGNED_TRAILER) != cases[i].rc)
        {
            fail_msg("%s", cases[i].wire);
        }
    }

    /* the form without a trailer takes none */
    assert_int_equal(trailer_case("a:1\r\n\r\n", "", "a",
                                  COS_PAYLOAD_STREAM_SIGNED),
                     COS_E_TRAILER_MALFORMED);
    assert_int_equal(trailer_case("\r\n", "", "a", COS_PAYLOAD_STREAM_SIGNED),
                     COS_E_TRAILER_MALFORMED);
    assert_int_equal(trailer_case("\r\n", "", "", COS_PAYLOAD_STREAM_SIGNED),
                     COS_OK);
}


static void
test_signed_headers_of_chunks(void **state)
{
    unsigned      i;
    static body_t b;
    const char   *heads[] = { "0\r\n", "0;\r\n", "0;chunk-signature=\r\n",
                              "0;chunk-signature\r\n", "0;x=" SEED "\r\n",
                              "0;chunk-signature=" SEED "0\r\n",
                              "0;chunk-signature=" SEED ";x=1\r\n" };

    (void) state;

    for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        b.len = 0;
        adds(&b, heads[i]);
        assert_int_equal(decode(&b, COS_PAYLOAD_STREAM_SIGNED, SEED, "", 0, 0,
                                0, NULL), COS_E_CHUNK_MALFORMED);
    }
}


static void
test_sink_and_values(void **state)
{
    taken_t        t = { 0, 0, 1 };
    cos_sig_t      sig;
    cos_chunked_t *c;
    const char    *text = "5\r\nhello\r\n0\r\nA: 1 \r\n\r\n";

    (void) state;

    signature(&sig, COS_PAYLOAD_STREAM_UNSIGNED_TRAILER, "");
    c = cos_chunked_create(&sig, str("a"), take, &t);
    assert_int_equal(cos_chunked_feed(c, (const cos_u8 *) text, strlen(text)),
                     COS_E_INTERNAL);
    cos_chunked_free(c);

    t.refuse = 0;
    c = cos_chunked_create(&sig, str("a"), take, &t);
    assert_int_equal(cos_chunked_trailer(c, "a").len, 0);
    assert_int_equal(cos_chunked_feed(c, (const cos_u8 *) text, strlen(text)),
                     COS_OK);
    assert_int_equal(cos_chunked_finish(c), COS_OK);
    assert_int_equal(cos_chunked_size(c), 5);
    assert_true(cos_str_is(cos_chunked_trailer(c, "a"), "1"));
    assert_int_equal(cos_chunked_trailer(c, "b").len, 0);
    cos_chunked_free(c);
    cos_chunked_free(NULL);

    /* a signature that cannot have verified starts no chain */
    signature(&sig, COS_PAYLOAD_STREAM_SIGNED, "00");
    assert_null(cos_chunked_create(&sig, str(""), take, &t));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documented),
        cmocka_unit_test(test_split_anywhere),
        cmocka_unit_test(test_any_bit_changed),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_more_after_the_end),
        cmocka_unit_test(test_chunks_in_another_order),
        cmocka_unit_test(test_unsigned_form),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_trailer_forms),
        cmocka_unit_test(test_signed_headers_of_chunks),
        cmocka_unit_test(test_sink_and_values)
    };

    assert_int_equal(cos_hash_init(), 0);
    make_docs();

    return cmocka_run_group_tests(tests, NULL, NULL);
}
