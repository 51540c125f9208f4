/*
 * Fuzz: policies. The first byte chooses what the policy is for and what is
 * asked. What is read can be judged by; a policy of one kind is read the same
 * the second time; what is refused has one printable line to say why.
 */

#include "fuzz.h"
#include "cos_policy.h"


static int
get_value(void *data, const cos_policy_key_t *key, cos_str_t *v)
{
    cos_str_t  *s = data;

    v[0] = key->name.len ? key->name : *s;
    v[1] = *s;

    return (int) (s->len % 3);
}


static void
ask_all(const cos_policy_t *p, cos_str_t s, unsigned how)
{
    cos_who_t            who;
    cos_action_e         a;
    cos_decision_t       d;
    cos_policy_ask_t     ask;
    cos_policy_rules_t   rules;
    const cos_policy_t  *user[1] = { p };

    memset(&who, 0, sizeof(who));
    memset(&ask, 0, sizeof(ask));
    memset(&rules, 0, sizeof(rules));

    who.known = how & 1;
    who.uid = 1;
    who.sub = how & 2 ? 2 : 0;
    who.name = COS_STR("bob");
    ask.who = &who;
    ask.account = 1 + (how & 4);
    ask.bucket = COS_STR("b-1");
    ask.key = s;
    ask.key.len = s.len > 1024 ? 1024 : s.len;
    ask.region = COS_STR("r");
    ask.ip.len = how & 8 ? 16 : 4;
    ask.get = get_value;
    ask.data = &s;

    for (a = 0; a < COS_ACT_MAX; a++) {
        ask.action = a;
        rules.bucket = p;
        rules.nuser = 0;
        rules.session = NULL;
        cos_decide(&d, &ask, &rules);
        MUST(d.statement < (int) cos_policy_count(p));
        MUST(d.allowed || d.by != COS_BY_OWNER);

        rules.user = user;
        rules.nuser = 1;
        rules.session = p;
        cos_decide(&d, &ask, &rules);
        MUST(!d.allowed || d.statement < (int) cos_policy_count(p));
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t               i;
    cos_err_e            err;
    cos_str_t            s;
    const char          *why, *c;
    cos_alloc_t         *a;
    cos_arena_t         *arena;
    cos_policy_t        *p, *again;
    cos_policy_where_t   where;

    if (size == 0) {
        return 0;
    }

    arena = cos_arena_create();
    a = cos_arena_alloc(arena);
    MUST(cos_dup(a, &s, data + 1, size - 1) == 0);

    memset(&where, 0, sizeof(where));
    where.kind = data[0] & 0x80 ? COS_POLICY_USER : COS_POLICY_BUCKET;
    where.owner = 1;

    if (data[0] & 0x40) {
        where.bucket = COS_STR("b-1");
    }

    err = cos_policy_read(&p, s, &where, a, &why);

    if (err == COS_OK) {
        where.bucket = COS_STR("");
        MUST(cos_policy_read(&again, s, &where, a, &why) == COS_OK);
        MUST(cos_policy_is_public(p) == cos_policy_is_public(again));

        for (i = 0; i < cos_policy_count(p); i++) {
            MUST(cos_policy_sid(p, i).len == cos_policy_sid(again, i).len);
        }

        ask_all(p, s, data[0]);

    } else {
        MUST(err == COS_E_MALFORMED_POLICY && why != NULL);

        for (c = why; *c; c++) {
            MUST(*c >= ' ' && *c < 0x7f);
        }
    }

    cos_arena_free(arena);

    return 0;
}
