/*
 * core: whole blocks of AES-256-CTR, two in each register, where the processor
 * can (VAES). OpenSSL 3.0 works on one block in a register, which is half as
 * fast; decrypting takes a large part of the time in which an encrypted object
 * is sent. Table lookups or branches that depend on a key or on data there are
 * none: time says nothing about them.
 */

#include <pthread.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

#include "core.h"

#define BLOCK  16

#if defined(__x86_64__)

#define NARROW  __attribute__((target("aes,sse4.1")))
#define WIDE    __attribute__((target("vaes,aes,avx2")))

static pthread_once_t  once = PTHREAD_ONCE_INIT;
static int             has_vaes;


/* Half of what a step of the key schedule does (FIPS 197 section 5.2): each
 * word is the sum of those before it in the last round key but one. */
NARROW static inline __m128i
next_key(__m128i k, __m128i word)
{
    k = _mm_xor_si128(k, _mm_slli_si128(k, 4));
    k = _mm_xor_si128(k, _mm_slli_si128(k, 8));

    return _mm_xor_si128(k, word);
}


/* The round's constant has to be one when it is compiled. */
#define EVEN(i, rcon)                                                         \
    k[i] = next_key(k[i - 2], _mm_shuffle_epi32(                              \
               _mm_aeskeygenassist_si128(k[i - 1], rcon), 0xff))
#define ODD(i)                                                                \
    k[i] = next_key(k[i - 2], _mm_shuffle_epi32(                              \
               _mm_aeskeygenassist_si128(k[i - 1], 0), 0xaa))


NARROW static void
expand(cos_wide_t *w, const cos_u8 *key)
{
    int      i;
    __m128i  k[COS_WIDE_KEYS];

    k[0] = _mm_loadu_si128((const __m128i *) (const void *) key);
    k[1] = _mm_loadu_si128((const __m128i *) (const void *) (key + BLOCK));

    EVEN(2, 0x01);
    ODD(3);
    EVEN(4, 0x02);
    ODD(5);
    EVEN(6, 0x04);
    ODD(7);
    EVEN(8, 0x08);
    ODD(9);
    EVEN(10, 0x10);
    ODD(11);
    EVEN(12, 0x20);
    ODD(13);
    EVEN(14, 0x40);

    for (i = 0; i < COS_WIDE_KEYS; i++) {
        _mm_storeu_si128((__m128i *) (void *) w->key[i], k[i]);
    }

    cos_cleanse(k, sizeof(k));
}


/* n > 0 and a multiple of COS_WIDE_MIN. Eight registers in turn hide how long
 * a round takes; named one by one, as compilers keep arrays in memory. */
WIDE static void
stream(const cos_wide_t *w, const cos_u8 *nonce, uint64_t block, cos_u8 *dst,
    const cos_u8 *src, size_t n)
{
    int            i;
    uint64_t       fixed, second = block + 1;
    __m256i        c, k, a0, a1, a2, a3, a4, a5, a6, a7;
    __m256i       *to = (__m256i *) (void *) dst;
    const __m256i *from = (const __m256i *) (const void *) src;
    const __m256i  two = _mm256_set_epi64x(2, 0, 2, 0);
    const __m256i  swap = _mm256_broadcastsi128_si256(_mm_set_epi8(8, 9, 10,
                              11, 12, 13, 14, 15, 7, 6, 5, 4, 3, 2, 1, 0));

    /* the nonce as it is, the number turned round when it is used */
    memcpy(&fixed, nonce, sizeof(fixed));
    c = _mm256_set_epi64x((long long) second, (long long) fixed,
                          (long long) block, (long long) fixed);

#define EACH(x)  x(0) x(1) x(2) x(3) x(4) x(5) x(6) x(7)
#define BEGIN(j)                                                              \
        a##j = _mm256_xor_si256(_mm256_shuffle_epi8(c, swap), k);             \
        c = _mm256_add_epi64(c, two);
#define ROUND(j)  a##j = _mm256_aesenc_epi128(a##j, k);
#define LAST(j)                                                               \
        a##j = _mm256_aesenclast_epi128(a##j, k);                             \
        _mm256_storeu_si256(to + j, _mm256_xor_si256(a##j,                    \
                                        _mm256_loadu_si256(from + j)));
#define KEY(i)                                                                \
        _mm256_broadcastsi128_si256(_mm_loadu_si128(                          \
            (const __m128i *) (const void *) w->key[i]))

    for (; n; n -= COS_WIDE_MIN, from += 8, to += 8) {
        k = KEY(0);
        EACH(BEGIN)

        for (i = 1; i < COS_WIDE_KEYS - 1; i++) {
            k = KEY(i);
            EACH(ROUND)
        }

        k = KEY(COS_WIDE_KEYS - 1);
        EACH(LAST)
    }

#undef EACH
#undef BEGIN
#undef ROUND
#undef LAST
#undef KEY
}


/* Not every compiler knows the name of VAES. Where there is AVX2, the system
 * keeps wide registers. Asked once: under a hypervisor the question is slow. */
static void
look(void)
{
    unsigned  a, b, c, d;

    has_vaes = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("aes")
               && __get_cpuid_count(7, 0, &a, &b, &c, &d)
               && (c & bit_VAES) != 0;
}


int
cos_wide_init(cos_wide_t *w, const cos_u8 key[COS_CRYPT_KEY])
{
    (void) pthread_once(&once, look);  /* cannot fail */

    if (!has_vaes) {
        return 0;
    }

    expand(w, key);

    return 1;
}


void
cos_wide_blocks(const cos_wide_t *w, const cos_u8 nonce[COS_CRYPT_NONCE],
    uint64_t block, cos_u8 *dst, const cos_u8 *src, size_t n)
{
    stream(w, nonce, block, dst, src, n);
}

#else

int
cos_wide_init(cos_wide_t *w, const cos_u8 key[COS_CRYPT_KEY])
{
    (void) w;
    (void) key;

    return 0;
}


void
cos_wide_blocks(const cos_wide_t *w, const cos_u8 nonce[COS_CRYPT_NONCE],
    uint64_t block, cos_u8 *dst, const cos_u8 *src, size_t n)
{
    (void) w;
    (void) nonce;
    (void) block;
    (void) dst;
    (void) src;
    (void) n;
}

#endif
