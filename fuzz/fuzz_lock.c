/*
 * Fuzz: documents about restoring and locks, and the short texts behind them.
 * The first byte chooses. What is accepted is written and read again, and must
 * mean the same; what a lock refuses must agree with what its text says.
 */

#include "fuzz.h"
#include "cos_xml_lock.h"


static void
retention(cos_str_t s, int document, cos_alloc_t *a)
{
    cos_buf_t        b;
    cos_object_t     o;
    cos_retention_t  r, again;

    if (document ? cos_xml_parse_retention(s, &r, a) != COS_OK
                 : cos_retention_parse(&r, s) != 0)
    {
        return;
    }

    cos_buf_init(&b, a, 0);
    cos_retention_print(&b, &r);
    MUST(cos_retention_parse(&again, text(&b)) == 0
         || (document && r.mode != COS_LOCK_NONE && r.until == 0));
    MUST(r.until == 0 || memcmp(&r, &again, sizeof(r)) == 0);

    memset(&o, 0, sizeof(o));
    o.attr[COS_X_LOCK] = text(&b);

    if (r.mode != COS_LOCK_NONE && r.until > 0) {
        MUST(cos_lock_refuses(&o, r.until - 1, 0) != NULL);
        MUST(cos_lock_refuses(&o, r.until, 0) == NULL);
    }

    if (document && r.mode != COS_LOCK_NONE) {
        cos_buf_init(&b, a, 0);
        cos_xml_retention(&b, COS_DIALECT_S3, &r);
        MUST(cos_xml_parse_retention(text(&b), &again, a) == COS_OK);
        MUST(r.mode == again.mode && r.until == again.until);
    }
}


static void
hold(cos_str_t s, cos_alloc_t *a)
{
    int        on, again;
    cos_buf_t  b;

    if (cos_xml_parse_legal_hold(s, &on, a) != COS_OK) {
        return;
    }

    cos_buf_init(&b, a, 0);
    cos_xml_legal_hold(&b, COS_DIALECT_COS, on);
    MUST(cos_xml_parse_legal_hold(text(&b), &again, a) == COS_OK);
    MUST(on == again);
}


static void
restored(cos_str_t s, cos_alloc_t *a)
{
    cos_buf_t      b;
    cos_restore_t  r, again;

    if (cos_restore_parse(&r, s) != 0) {
        MUST(cos_restore_state(&again, s, 0) == COS_RESTORE_NONE);
        return;
    }

    cos_buf_init(&b, a, 0);
    cos_restore_print(&b, &r);
    MUST(cos_restore_parse(&again, text(&b)) == 0);
    MUST(r.tier == again.tier && r.asked == again.asked
         && r.ready == again.ready && r.expires == again.expires);
    MUST(cos_restore_state(&again, s, r.ready) == COS_RESTORE_READY);
    MUST(cos_restore_state(&again, s, r.expires) == COS_RESTORE_NONE);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t      days;
    cos_str_t     s;
    cos_tier_e    tier;
    cos_arena_t  *arena;
    cos_alloc_t  *a;

    if (size == 0 || (arena = cos_arena_create()) == NULL) {
        return 0;
    }

    a = cos_arena_alloc(arena);
    s.data = (cos_u8 *) data + 1;
    s.len = size - 1;

    switch (data[0] % 5) {
    case 0:
        if (cos_xml_parse_restore(s, &days, &tier, a) == COS_OK) {
            MUST(days > 0 && cos_tier_name(tier) != NULL);
        }
        break;
    case 1:
        retention(s, 1, a);
        break;
    case 2:
        retention(s, 0, a);
        break;
    case 3:
        hold(s, a);
        break;
    default:
        restored(s, a);
    }

    cos_arena_free(arena);

    return 0;
}
