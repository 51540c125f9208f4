/*
 * core: the four checksums of the wire formats and their concatenation.
 * CRC-64/XZ, CRC-32 and CRC-32C are ISA-L's; CRC-64/NVME is too young for the
 * ISA-L of many systems, so it is here: carry-less multiplication where the
 * processor has it, slicing-by-8 elsewhere and for short pieces.
 *
 * All four are reflected (the lowest bit is the highest power of x), start
 * with all ones and end inverted.
 */

#include <endian.h>
#include <pthread.h>

#include <isa-l/crc.h>
#include <isa-l/crc64.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "core.h"

#define POLY_XZ     0xc96c5795d7870f42
#define POLY_NVME   0x9a6c9329ac4bc9b5
#define POLY_GZIP   0xedb88320
#define POLY_ISCSI  0x82f63b78

/* below this, setting up vectors costs more than it saves */
#define FOLD_MIN    256

/* A polynomial's field. one is x^0, whose place is the top bit. */
typedef struct {
    uint64_t  poly;
    uint64_t  one;
    uint64_t  shift[64];              /* shift[k] = x^(8 * 2^k): 2^k bytes */
} field_t;

static field_t xz = { .poly = POLY_XZ, .one = UINT64_C(1) << 63 };
static field_t nvme = { .poly = POLY_NVME, .one = UINT64_C(1) << 63 };
static field_t gzip = { .poly = POLY_GZIP, .one = UINT64_C(1) << 31 };
static field_t iscsi = { .poly = POLY_ISCSI, .one = UINT64_C(1) << 31 };

static uint64_t slices[8][256];       /* CRC-64/NVME; [k]: k more zero bytes */
static pthread_once_t once = PTHREAD_ONCE_INIT;

#if defined(__x86_64__)
/* low half for a block's first 8 bytes, high half for its last */
static uint64_t fold_512[2];
static uint64_t fold_128[2];
static int has_clmul;
#endif

static void fill_tables(void);
static void fill_field(field_t *f);
static uint64_t times_x(const field_t *f, uint64_t a);
static uint64_t multiply(const field_t *f, uint64_t a, uint64_t b);
static uint64_t combine(const field_t *f, uint64_t a, uint64_t b,
    uint64_t blen);
static uint64_t nvme_table(uint64_t crc, const cos_u8 *p, size_t n);


void
cos_core_crc_init(void)
{
    (void) pthread_once(&once, fill_tables);   /* cannot fail */
}


static void
fill_tables(void)
{
    int      i, k;
    uint64_t c;

    fill_field(&xz);
    fill_field(&nvme);
    fill_field(&gzip);
    fill_field(&iscsi);

    for (i = 0; i < 256; i++) {
        c = (uint64_t) i;

        for (k = 0; k < 8; k++) {
            c = times_x(&nvme, c);
        }

        slices[0][i] = c;
    }

    for (i = 0; i < 256; i++) {
        for (k = 1; k < 8; k++) {
            c = slices[k - 1][i];
            slices[k][i] = slices[0][c & 0xff] ^ (c >> 8);
        }
    }

#if defined(__x86_64__)
    /* A product of two reflected numbers comes out one power too high, which
     * the factors x^(distance - 1) make up for. */
    for (c = nvme.one, i = 0; i <= 512 + 63; i++, c = times_x(&nvme, c)) {
        switch (i) {
        case 128 - 1:
            fold_128[1] = c;
            break;
        case 128 + 63:
            fold_128[0] = c;
            break;
        case 512 - 1:
            fold_512[1] = c;
            break;
        case 512 + 63:
            fold_512[0] = c;
            break;
        }
    }

    has_clmul = __builtin_cpu_supports("pclmul") != 0;
#endif
}


static void
fill_field(field_t *f)
{
    int      k;
    uint64_t x;

    x = f->one >> 8;                  /* x^8 */

    for (k = 0; k < 64; k++) {
        f->shift[k] = x;
        x = multiply(f, x, x);
    }
}


static uint64_t
times_x(const field_t *f, uint64_t a)
{
    return (a >> 1) ^ (f->poly & (0 - (a & 1)));
}


static uint64_t
multiply(const field_t *f, uint64_t a, uint64_t b)
{
    uint64_t bit, product;

    product = 0;

    for (bit = f->one; bit != 0; bit >>= 1) {
        /* the bits are random: a branch would be mispredicted every other
         * time */
        product ^= b & (0 - (uint64_t) ((a & bit) != 0));
        b = times_x(f, b);
    }

    return product;
}


/*
 * Appending blen bytes multiplies A's remainder by x^(8 * blen). Start value
 * and inversion need no care: both are all ones, so they cancel out.
 */
static uint64_t
combine(const field_t *f, uint64_t a, uint64_t b, uint64_t blen)
{
    int k;

    cos_core_crc_init();

    for (k = 0; blen != 0; k++, blen >>= 1) {
        if (blen & 1) {
            a = multiply(f, a, f->shift[k]);
        }
    }

    return a ^ b;
}


uint64_t
cos_crc64_combine(uint64_t a, uint64_t b, uint64_t blen)
{
    return combine(&xz, a, b, blen);
}


uint64_t
cos_crc64nvme_combine(uint64_t a, uint64_t b, uint64_t blen)
{
    return combine(&nvme, a, b, blen);
}


uint32_t
cos_crc32_combine(uint32_t a, uint32_t b, uint64_t blen)
{
    return (uint32_t) combine(&gzip, a, b, blen);
}


uint32_t
cos_crc32c_combine(uint32_t a, uint32_t b, uint64_t blen)
{
    return (uint32_t) combine(&iscsi, a, b, blen);
}


uint64_t
cos_crc64(uint64_t crc, const void *p, size_t n)
{
    return n != 0 ? crc64_ecma_refl(crc, p, n) : crc;
}


uint32_t
cos_crc32(uint32_t crc, const void *p, size_t n)
{
    return n != 0 ? crc32_gzip_refl(crc, p, n) : crc;
}


uint32_t
cos_crc32c(uint32_t crc, const void *p, size_t n)
{
    int      part;
    uint8_t *pos = (uint8_t *) (uintptr_t) p;   /* ISA-L lacks the const */

    /* unlike its sisters, this one does not invert and counts in int */
    crc = ~crc;

    for (; n != 0; n -= (size_t) part, pos += part) {
        part = n < (1 << 30) ? (int) n : 1 << 30;
        crc = crc32_iscsi(pos, part, crc);
    }

    return ~crc;
}


#if defined(__x86_64__)

/* Moves x on by the distance of k and adds what is there. */
__attribute__((target("pclmul"))) static inline __m128i
fold(__m128i x, __m128i k, __m128i there)
{
    return _mm_xor_si128(there,
                         _mm_xor_si128(_mm_clmulepi64_si128(x, k, 0x00),
                                       _mm_clmulepi64_si128(x, k, 0x11)));
}


/*
 * n >= 64 and a multiple of 64. Folds everything into the last 16 bytes, which
 * then have the remainder of the whole; the tables reduce it.
 */
__attribute__((target("pclmul"))) static uint64_t
nvme_clmul(uint64_t crc, const cos_u8 *p, size_t n)
{
    cos_u8         rest[16];
    __m128i        x0, x1, x2, x3, k;
    const __m128i *v = (const __m128i *) (const void *) p;

    /* four independent chains hide the latency of the multiplication; named
     * one by one, as compilers keep an array of them in memory */
    x0 = _mm_xor_si128(_mm_loadu_si128(v),
                       _mm_cvtsi64_si128((long long) crc));
    x1 = _mm_loadu_si128(v + 1);
    x2 = _mm_loadu_si128(v + 2);
    x3 = _mm_loadu_si128(v + 3);
    k = _mm_loadu_si128((const __m128i *) (const void *) fold_512);

    for (n -= 64; n != 0; n -= 64) {
        v += 4;
        x0 = fold(x0, k, _mm_loadu_si128(v));
        x1 = fold(x1, k, _mm_loadu_si128(v + 1));
        x2 = fold(x2, k, _mm_loadu_si128(v + 2));
        x3 = fold(x3, k, _mm_loadu_si128(v + 3));
    }

    k = _mm_loadu_si128((const __m128i *) (const void *) fold_128);
    x1 = fold(x0, k, x1);
    x2 = fold(x1, k, x2);
    x3 = fold(x2, k, x3);

    _mm_storeu_si128((__m128i *) (void *) rest, x3);

    return nvme_table(0, rest, sizeof(rest));
}

#endif


uint64_t
cos_crc64nvme(uint64_t crc, const void *p, size_t n)
{
    const cos_u8 *pos = p;

    cos_core_crc_init();
    crc = ~crc;

#if defined(__x86_64__)
    if (has_clmul && n >= FOLD_MIN) {
        crc = nvme_clmul(crc, pos, n & ~(size_t) 63);
        pos += n & ~(size_t) 63;
        n &= 63;
    }
#endif

    return ~nvme_table(crc, pos, n);
}


static uint64_t
nvme_table(uint64_t crc, const cos_u8 *p, size_t n)
{
    uint64_t v;

    for (; n >= 8; n -= 8, p += 8) {
        memcpy(&v, p, 8);
        v = le64toh(v) ^ crc;
        crc = slices[7][v & 0xff] ^ slices[6][v >> 8 & 0xff]
              ^ slices[5][v >> 16 & 0xff] ^ slices[4][v >> 24 & 0xff]
              ^ slices[3][v >> 32 & 0xff] ^ slices[2][v >> 40 & 0xff]
              ^ slices[1][v >> 48 & 0xff] ^ slices[0][v >> 56];
    }

    for (; n != 0; n--, p++) {
        crc = slices[0][(crc ^ *p) & 0xff] ^ (crc >> 8);
    }

    return crc;
}
