/*
 * policy: the table of actions.
 */

#include "cos_policy.h"


static const cos_action_info_t  actions[COS_ACT_MAX] = {
#define ROW(id, lv, cos, s3)  [COS_ACT_##id] = { COS_LEVEL_##lv, cos, s3 },
    COS_ACTION_LIST(ROW)
#undef ROW
};

static const struct {
    cos_action_e  current;
    cos_action_e  version;
} versions[] = {
    { COS_ACT_GET, COS_ACT_GET_VERSION },
    { COS_ACT_HEAD, COS_ACT_HEAD_VERSION },
    { COS_ACT_DELETE, COS_ACT_DELETE_VERSION },
    { COS_ACT_DELETE_MANY, COS_ACT_DELETE_MANY_VERSION },
    { COS_ACT_GET_ACL, COS_ACT_GET_VERSION_ACL },
    { COS_ACT_PUT_ACL, COS_ACT_PUT_VERSION_ACL },
    { COS_ACT_GET_TAGS, COS_ACT_GET_VERSION_TAGS },
    { COS_ACT_PUT_TAGS, COS_ACT_PUT_VERSION_TAGS },
    { COS_ACT_DELETE_TAGS, COS_ACT_DELETE_VERSION_TAGS },
    { COS_ACT_GET_ATTRIBUTES, COS_ACT_GET_VERSION_ATTRIBUTES },
};


const cos_action_info_t *
cos_action_info(cos_action_e a)
{
    return &actions[a];
}


cos_action_e
cos_action_of_version(cos_action_e a)
{
    size_t  i;

    for (i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        if (versions[i].current == a) {
            return versions[i].version;
        }
    }

    return a;
}
