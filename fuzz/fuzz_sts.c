/*
 * Fuzz: requests for temporary credentials. The first byte chooses the headers;
 * the rest is the body. What is accepted has an action and keeps its bounds, and
 * no secret proves what nobody signed.
 */

#include "fuzz.h"
#include "cos_sts.h"

static cos_header_t  headers[][5] = {
    { { cos_lit("host"), cos_lit("sts.example.com") } },
    { { cos_lit("host"), cos_lit("sts.example.com") },
      { cos_lit("content-type"), cos_lit("application/json") },
      { cos_lit("x-tc-action"), cos_lit("GetFederationToken") },
      { cos_lit("x-tc-timestamp"), cos_lit("1700000000") },
      { cos_lit("authorization"),
        cos_lit("TC3-HMAC-SHA256 Credential=AKID/2023-11-14/sts/tc3_request,"
                " SignedHeaders=content-type;host, Signature=00") } },
    { { cos_lit("host"), cos_lit("sts.example.com") },
      { cos_lit("x-amz-date"), cos_lit("20231114T221320Z") },
      { cos_lit("authorization"),
        cos_lit("AWS4-HMAC-SHA256 Credential=AKID/20231114/us-east-1/sts/"
                "aws4_request, SignedHeaders=host;x-amz-date, Signature=00") } },
};

static const size_t  counts[] = { 1, 5, 3 };


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cos_http_t    h;
    cos_str_t     body;
    cos_sts_t     s;
    cos_sig_t     sig;
    cos_arena_t  *arena;
    cos_alloc_t  *a;

    if (size == 0 || (arena = cos_arena_create()) == NULL) {
        return 0;
    }

    a = cos_arena_alloc(arena);
    memset(&h, 0, sizeof(h));
    h.method = COS_STR("POST");
    h.path = COS_STR("/");
    h.path_decoded = h.path;
    h.headers = headers[data[0] % 3];
    h.nheaders = counts[data[0] % 3];
    body.data = (cos_u8 *) data + 1;
    body.len = size - 1;

    if (cos_sts_parse(&s, &h, body, &sig, a) == COS_OK) {
        MUST(s.action != COS_STS_NONE);
        MUST(s.name.len <= 64 && s.policy.len <= body.len);
        MUST(cos_sts_duration(&s, 0) <= 129600);
        MUST(cos_sts_duration(&s, 1) <= 43200);

        if (sig.scheme != COS_SIG_NONE) {
            MUST(cos_sts_verify(&s, &h, &sig, COS_STR("secret"), 1700000000, a)
                 != COS_OK);
        }
    }

    cos_arena_free(arena);

    return 0;
}
