/*
 * policy: the policies that every store has, under the names that CAM gives
 * them (Tencent CAM, "COS preset policies").
 */

#include "cos_policy.h"

#define ALLOW(actions)                                                        \
    "{\"version\":\"2.0\",\"statement\":[{\"effect\":\"allow\","              \
    "\"action\":[" actions "],\"resource\":[\"*\"]}]}"

static const struct {
    const char  *name;
    const char  *text;
} presets[] = {
    { "QcloudCOSFullAccess", ALLOW("\"cos:*\"") },
    { "QcloudCOSReadOnlyAccess",
      ALLOW("\"cos:List*\",\"cos:Get*\",\"cos:Head*\",\"cos:OptionsObject\"") },
    { "QcloudCOSGetServiceAccess", ALLOW("\"cos:GetService\"") },
};


cos_str_t
cos_policy_preset(cos_str_t name)
{
    size_t  i;

    for (i = 0; i < sizeof(presets) / sizeof(presets[0]); i++) {
        if (cos_str_is(name, presets[i].name)) {
            return (cos_str_t) { strlen(presets[i].text),
                                 (cos_u8 *) (uintptr_t) presets[i].text };
        }
    }

    return (cos_str_t) { 0, NULL };
}
