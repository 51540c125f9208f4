/*
 * Fuzz: aws-chunked bodies. The first byte chooses the framing and how the
 * rest is cut into pieces. However it is cut, the outcome must be the same,
 * and what reaches the sink must be what the decoder counts.
 */

#include <stdlib.h>

#include "cos_auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

typedef struct {
    uint64_t   size;
    uint64_t   crc;
    cos_err_e  rc;
} outcome_t;

static const cos_u8 seed[] =
    "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";


int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void) argc;
    (void) argv;

    return cos_hash_init();
}


static int
sink(void *ctx, const cos_u8 *p, size_t n)
{
    outcome_t *o = ctx;

    o->size += n;
    o->crc = cos_crc64(o->crc, p, n);

    return 0;
}


static outcome_t
decode(const uint8_t *data, size_t size, cos_payload_e form, size_t step)
{
    size_t         n;
    outcome_t      o = { 0, 0, COS_OK };
    cos_sig_t      sig;
    cos_chunked_t *c;

    memset(&sig, 0, sizeof(sig));
    sig.payload = form;
    sig.date = COS_STR("20130524T000000Z");
    sig.scope = COS_STR("20130524/us-east-1/s3/aws4_request");
    sig.signature = COS_STR(seed);

    c = cos_chunked_create(&sig, COS_STR("a, x-amz-checksum-crc32"), sink, &o);
    if (c == NULL) {
        abort();
    }

    for (; size != 0 && o.rc == COS_OK; data += n, size -= n) {
        n = size < step ? size : step;
        o.rc = cos_chunked_feed(c, data, n);
    }

    if (o.rc == COS_OK) {
        o.rc = cos_chunked_finish(c);

        if (o.rc == COS_OK && form == COS_PAYLOAD_STREAM_UNSIGNED_TRAILER
            && cos_chunked_trailer(c, "x-amz-checksum-crc32").data == NULL)
        {
            abort();
        }
    }

    if (cos_chunked_size(c) != o.size || cos_chunked_finish(c) != o.rc) {
        abort();
    }

    cos_chunked_free(c);

    return o;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t        step;
    outcome_t     whole, pieces;
    cos_payload_e form;

    if (size == 0) {
        return 0;
    }

    form = data[0] & 1 ? COS_PAYLOAD_STREAM_UNSIGNED_TRAILER
           : data[0] & 2 ? COS_PAYLOAD_STREAM_SIGNED
                         : COS_PAYLOAD_STREAM_SIGNED_TRAILER;
    step = 1 + (size_t) (data[0] >> 2);

    whole = decode(data + 1, size - 1, form, size);
    pieces = decode(data + 1, size - 1, form, step);

    if (whole.rc != pieces.rc || whole.size != pieces.size
        || whole.crc != pieces.crc)
    {
        abort();
    }

    return 0;
}
