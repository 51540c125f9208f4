/*
 * policy, inside the room: a policy in compiled form. Nothing of it is changed
 * once it is made; all of it is in the memory of its allocator.
 */

#ifndef COS_POLICY_INTERNAL_H
#define COS_POLICY_INTERNAL_H

#include "cos_policy.h"

#pragma GCC visibility push(hidden)


/* --- patterns (glob.c) -------------------------------------------------------- */

/* A text in which '*' stands for any run of bytes, and '?' for one where it is
 * a wildcard at all. */
typedef struct {
    cos_str_t  text;
    size_t     head;                  /* bytes before the first wildcard */
    unsigned   wild:1;                /* there is one */
    unsigned   one:1;                 /* '?' is a wildcard */
} glob_t;

void cos_glob_init(glob_t *g, cos_str_t text, int one);
/* In a time that is linear in both lengths as long as no '?' is in it, else in
 * their product. fold: ASCII case does not count. */
int cos_glob_match(const glob_t *g, cos_str_t s);
int cos_glob_match_fold(const glob_t *g, cos_str_t s);


/* --- statements ------------------------------------------------------------------ */

#define ACT_WORDS  ((COS_ACT_MAX + 63) / 64)

typedef struct {
    uint64_t  bit[ACT_WORDS];
} actions_t;

static inline int
action_in(const actions_t *set, cos_action_e a)
{
    return (set->bit[a / 64] >> (a % 64)) & 1;
}


/* In the order of sorting, and of looking for them. */
typedef enum { WHO_ACCOUNT = 0, WHO_SUB, WHO_NAME } who_e;

typedef struct {
    uint64_t   uid;
    who_e      kind;
    uint64_t   sub;                   /* WHO_SUB */
    cos_str_t  name;                  /* WHO_NAME */
} principal_t;

typedef struct {
    glob_t     path;                  /* "bucket", "bucket/key" */
    cos_str_t  region;                /* empty: any */
    uint64_t   uid;                   /* account or APPID; 0: any */
    unsigned   all:1;                 /* "*" */
} resource_t;

/* Condition operators; what is negated is the same one with a flag. */
typedef enum {
    TEST_EQUAL = 0, TEST_EQUAL_FOLD, TEST_LIKE, TEST_NUM_EQUAL, TEST_NUM_LESS,
    TEST_NUM_LESS_EQUAL, TEST_NUM_GREATER, TEST_NUM_GREATER_EQUAL,
    TEST_DATE_EQUAL, TEST_DATE_LESS, TEST_DATE_LESS_EQUAL, TEST_DATE_GREATER,
    TEST_DATE_GREATER_EQUAL, TEST_BOOL, TEST_IP, TEST_NULL
} test_e;

typedef enum { SET_NONE = 0, SET_ALL, SET_ANY } set_e;

typedef struct {
    cos_u8    addr[16];
    unsigned  v6:1;
    unsigned  bits;
} cidr_t;

typedef union {
    glob_t    text;
    double    number;
    int64_t   date;
    int       truth;
    cidr_t    cidr;
} want_t;

typedef struct {
    test_e            test;
    set_e             set;
    unsigned          negated:1;
    unsigned          if_exists:1;
    unsigned          missing:1;      /* what it is without the key */
    unsigned          binary:1;       /* the values are base64 */
    cos_policy_key_t  key;
    size_t            n;
    want_t           *want;
} condition_t;

typedef struct {
    unsigned      deny:1;
    unsigned      s3:1;               /* grammar */
    unsigned      anyone:1;           /* everybody, anonymous or not */
    unsigned      anonymous:1;        /* whoever is not known */
    unsigned      others:1;           /* NotPrincipal: all but these */
    unsigned      elsewhere:1;        /* NotResource: all but these */
    cos_str_t     sid;
    actions_t     actions;
    size_t        nprincipals;
    principal_t  *principals;         /* sorted */
    size_t        nresources;
    resource_t   *resources;
    size_t        nconditions;
    condition_t  *conditions;
} statement_t;

struct cos_policy_s {
    cos_policy_kind_e  kind;
    actions_t          actions;       /* of all statements */
    unsigned           is_public:1;
    size_t             n;
    statement_t       *v;
};


/* --- reading --------------------------------------------------------------------- */

typedef struct {
    cos_alloc_t               *a;
    const cos_policy_where_t  *where;
    unsigned                   s3:1;
    unsigned                   variables:1;   /* ${...} is not a text */
    size_t                     index; /* of the statement, from 1; 0: none */
    cos_str_t                  sid;
    const char                *reason;
} reader_t;

/* Says what is wrong with what; the first time counts. COS_E_MALFORMED_POLICY,
 * or COS_E_INTERNAL without memory. */
cos_err_e cos_policy_refuse(reader_t *r, const char *why, cos_str_t what);

/* names.c: what one text of a list says. */
cos_err_e cos_policy_action(reader_t *r, cos_str_t text, actions_t *set);
cos_err_e cos_policy_resource(reader_t *r, cos_str_t text, resource_t *out);
/* kind: the member of "Principal" the text is in. Sets st->anyone and
 * st->anonymous, or adds to st->principals, which has room. */
cos_err_e cos_policy_principal(reader_t *r, cos_str_t kind, cos_str_t text,
    statement_t *st);
/* Order of principals. */
int cos_policy_principal_cmp(const void *a, const void *b);

/* condition_read.c. op and key as written. */
cos_err_e cos_policy_operator(reader_t *r, cos_str_t op, condition_t *c);
cos_err_e cos_policy_key(reader_t *r, cos_str_t key, condition_t *c);
/* Reads one value into c->want[c->n++], which has room. */
cos_err_e cos_policy_want(reader_t *r, condition_t *c, cos_str_t text);

/* -1: it is none. A date may be a number of seconds, and may lack its time. */
int cos_policy_number(cos_str_t s, double *n);
int cos_policy_date(cos_str_t s, int64_t *t);

/* condition.c. 1, 0; -1: a value could not be had; COS_POLICY_UNKNOWN. */
int cos_policy_holds(const condition_t *c, const cos_policy_ask_t *ask);

/* public.c: AWS, "The meaning of 'public'" */
int cos_policy_statement_public(const statement_t *st);

#pragma GCC visibility pop

#endif
