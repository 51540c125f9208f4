/*
 * policy: the decision.
 */

#include "cos_policy.h"


void
cos_decide(cos_decision_t *d, const cos_policy_ask_t *ask,
    const cos_policy_rules_t *rules)
{
    int               root;
    const cos_who_t  *who = ask->who;

    root = who->known && who->sub == 0;

    d->allowed = 1;

    if (root && who->uid == ask->account && !ask->foreign) {
        d->by = COS_BY_OWNER;

    } else if (rules->acl == COS_GRANT_SELF
               || (rules->acl == COS_GRANT_ACCOUNT && root))
    {
        d->by = COS_BY_ACL;

    } else {
        d->by = COS_BY_NOTHING;
        d->allowed = 0;
    }
}
