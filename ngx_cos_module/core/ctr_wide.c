/*
 * core: whole blocks of AES-256-CTR by libipsec-mb, four in each register,
 * where there are the library and a processor for it. OpenSSL 3.0 works on one
 * block in a register, which is half as fast; decrypting takes a large part of
 * the time in which an encrypted object is sent.
 *
 * The library wants a manager for each thread that is in it. They are lent for
 * the length of a call and kept for the next: there are no more of them than
 * ever worked at once, a self-test is run for each new one only, and no thread
 * has to clean up when it ends, at a time when this code may be unloaded.
 */

#include "core.h"

#if COS_IPSEC_MB

#include <pthread.h>
#include <stdlib.h>

#include <intel-ipsec-mb.h>

#define BLOCK    16
#define WRAP     ((uint64_t) 1 << 32)
/* With less the library has nothing that is faster than OpenSSL. */
#define FEATURES                                                              \
    (IMB_CPUFLAGS_AVX512_T2 | IMB_FEATURE_SELF_TEST_PASS                      \
     | IMB_FEATURE_SAFE_DATA | IMB_FEATURE_SAFE_PARAM)

typedef struct manager_s  manager_t;

struct manager_s {
    IMB_MGR    *imb;
    manager_t  *next;                 /* spare one */
};

static manager_t *create(void);
static manager_t *borrow(void);
static void give_back(manager_t *m);
static void look(void);
static int encrypt(manager_t *m, const cos_wide_t *w, const cos_u8 *counter,
    cos_u8 *dst, const cos_u8 *src, size_t n);

static pthread_once_t   once = PTHREAD_ONCE_INIT;
static int              fits;         /* the processor */
static pthread_mutex_t  lock = PTHREAD_MUTEX_INITIALIZER;
static manager_t       *spare;


int
cos_wide_init(cos_wide_t *w, const cos_u8 key[COS_CRYPT_KEY])
{
    cos_wide_t  unused;               /* round keys of another mode */
    manager_t  *m;

    (void) pthread_once(&once, look);  /* cannot fail */

    m = fits ? borrow() : NULL;
    if (m == NULL) {
        return 0;
    }

    IMB_AES_KEYEXP_256(m->imb, key, w->key, unused.key);

    give_back(m);
    cos_cleanse(&unused, sizeof(unused));

    return 1;
}


/* Asked once: under a hypervisor the question is slow. */
static void
look(void)
{
    manager_t *m = create();

    if (m != NULL) {
        fits = 1;
        give_back(m);
    }
}


/* NULL, too, where the processor does not fit. */
static manager_t *
create(void)
{
    manager_t *m = malloc(sizeof(manager_t));

    if (m == NULL) {
        return NULL;
    }

    m->imb = alloc_mb_mgr(0);

    if (m->imb != NULL) {
        init_mb_mgr_auto(m->imb, NULL);

        if (imb_get_errno(m->imb) == 0
            && (m->imb->features & FEATURES) == FEATURES)
        {
            return m;
        }

        free_mb_mgr(m->imb);
    }

    free(m);

    return NULL;
}


static manager_t *
borrow(void)
{
    manager_t *m;

    (void) pthread_mutex_lock(&lock);

    m = spare;

    if (m != NULL) {
        spare = m->next;
    }

    (void) pthread_mutex_unlock(&lock);

    return m != NULL ? m : create();
}


static void
give_back(manager_t *m)
{
    (void) pthread_mutex_lock(&lock);

    m->next = spare;
    spare = m;

    (void) pthread_mutex_unlock(&lock);
}


size_t
cos_wide_blocks(const cos_wide_t *w, const cos_u8 nonce[COS_CRYPT_NONCE],
    uint64_t block, cos_u8 *dst, const cos_u8 *src, size_t n)
{
    int        i, rc;
    cos_u8     counter[BLOCK];
    uint64_t   left;
    manager_t *m;

    /* the library counts in 32 bits */
    left = (WRAP - block % WRAP) * BLOCK;
    n = (n < left ? n : (size_t) left) / BLOCK * BLOCK;

    m = n > 0 ? borrow() : NULL;
    if (m == NULL) {
        return 0;
    }

    memcpy(counter, nonce, COS_CRYPT_NONCE);

    for (i = BLOCK - 1; i >= COS_CRYPT_NONCE; i--, block >>= 8) {
        counter[i] = (cos_u8) block;
    }

    rc = encrypt(m, w, counter, dst, src, n);
    give_back(m);

    return rc == 0 ? n : 0;
}


/* Done when it returns. What the library refuses it has not begun. */
static int
encrypt(manager_t *m, const cos_wide_t *w, const cos_u8 *counter, cos_u8 *dst,
    const cos_u8 *src, size_t n)
{
    IMB_JOB job;

    memset(&job, 0, sizeof(job));
    job.cipher_mode = IMB_CIPHER_CNTR;
    job.cipher_direction = IMB_DIR_ENCRYPT;
    job.chain_order = IMB_ORDER_CIPHER_HASH;
    job.hash_alg = IMB_AUTH_NULL;
    job.enc_keys = w->key;
    job.key_len_in_bytes = COS_CRYPT_KEY;
    job.iv = counter;
    job.iv_len_in_bytes = BLOCK;
    job.src = src;
    job.dst = dst;
    job.msg_len_to_cipher_in_bytes = n;

    return IMB_SUBMIT_CIPHER_BURST(m->imb, &job, 1, IMB_CIPHER_CNTR,
                                   IMB_DIR_ENCRYPT, IMB_KEY_256_BYTES) == 1
           && job.status == IMB_STATUS_COMPLETED ? 0 : -1;
}


void
cos_wide_done(void)
{
    manager_t *m;

    while (spare != NULL) {
        m = spare;
        spare = m->next;
        free_mb_mgr(m->imb);
        free(m);
    }
}

#else

int
cos_wide_init(cos_wide_t *w, const cos_u8 key[COS_CRYPT_KEY])
{
    (void) w;
    (void) key;

    return 0;
}


size_t
cos_wide_blocks(const cos_wide_t *w, const cos_u8 nonce[COS_CRYPT_NONCE],
    uint64_t block, cos_u8 *dst, const cos_u8 *src, size_t n)
{
    (void) w;
    (void) nonce;
    (void) block;
    (void) dst;
    (void) src;
    (void) n;

    return 0;
}


void
cos_wide_done(void)
{
}

#endif
