/*
 * core: the error table, made from the one list in cos_err.h.
 */

#include <stddef.h>

#include "cos_err.h"

static const cos_err_info_t table[COS_E_MAX] = {
    [COS_OK] = { 200, "", "" },
#define ROW(id, status, code, message)                                        \
    [COS_E_##id] = { status, code, message },
    COS_ERR_LIST(ROW)
#undef ROW
};


const cos_err_info_t *
cos_err_info(cos_err_e e)
{
    /* compared as unsigned: the enum may hold what a caller cast to it */
    return &table[(unsigned) e < COS_E_MAX ? e : COS_E_INTERNAL];
}
