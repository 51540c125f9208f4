/*
 * cosctl verify, rebuild, compact, sweep: the data directory.
 */

#include <stdio.h>

#include "ctl.h"


#define COMPACT_GRACE  60             /* s */
#define SWEEP_GRACE    3600


int
ctl_verify(ctl_t *c, char **argv)
{
    cos_verify_t  v;

    (void) argv;

    /* bytes can be verified without Redis */
    if ((c->redis_address != NULL && ctl_need_redis(c) != CTL_OK)
        || ctl_need_store(c) != CTL_OK)
    {
        return CTL_FAILED;
    }

    if (cos_verify(&c->store, c->redis, &v, ctl_log, NULL) != 0) {
        return CTL_FAILED;
    }

    printf("containers     %llu\nrecords        %llu\nbytes          %llu\n"
           "damaged        %llu\n", (unsigned long long) v.containers,
           (unsigned long long) v.records, (unsigned long long) v.bytes,
           (unsigned long long) v.bad);

    if (c->redis != NULL) {
        printf("objects        %llu\nmissing        %llu\n"
               "wrong sums     %llu\norphans        %llu\n",
               (unsigned long long) v.objects, (unsigned long long) v.missing,
               (unsigned long long) v.weight_errors,
               (unsigned long long) v.orphans);
    }

    return v.bad || v.missing || v.weight_errors ? CTL_FAILED : CTL_OK;
}


int
ctl_rebuild(ctl_t *c, char **argv)
{
    cos_verify_t  v;

    (void) argv;

    if (ctl_need_redis(c) != CTL_OK || ctl_need_store(c) != CTL_OK) {
        return CTL_FAILED;
    }

    if (cos_rebuild(&c->store, c->redis, c->force, &v, ctl_log, NULL) != 0) {
        return CTL_FAILED;
    }

    printf("containers     %llu\nrecords        %llu\nobjects        %llu\n"
           "bytes          %llu\ndamaged        %llu\nmissing        %llu\n",
           (unsigned long long) v.containers, (unsigned long long) v.records,
           (unsigned long long) v.objects, (unsigned long long) v.bytes,
           (unsigned long long) v.bad, (unsigned long long) v.missing);

    return v.bad || v.missing ? CTL_FAILED : CTL_OK;
}


int
ctl_compact(ctl_t *c, char **argv)
{
    (void) argv;

    if (ctl_need_maint(c) != CTL_OK) {
        return CTL_FAILED;
    }

    c->maint.grace = c->grace >= 0 ? c->grace : COMPACT_GRACE;

    if (cos_maint_recover(&c->maint) != 0
        || cos_maint_compact(&c->maint) != 0)
    {
        return CTL_FAILED;
    }

    printf("compacted %llu containers, moved %llu records (%llu bytes)\n",
           (unsigned long long) c->maint.compacted,
           (unsigned long long) c->maint.moved,
           (unsigned long long) c->maint.moved_bytes);

    return CTL_OK;
}


int
ctl_sweep(ctl_t *c, char **argv)
{
    (void) argv;

    if (ctl_need_maint(c) != CTL_OK) {
        return CTL_FAILED;
    }

    c->maint.grace = c->grace >= 0 ? c->grace : SWEEP_GRACE;

    if (cos_maint_recover(&c->maint) != 0 || cos_maint_reap(&c->maint) != 0
        || cos_maint_sweep(&c->maint) != 0)
    {
        return CTL_FAILED;
    }

    printf("recovered %llu incarnations (%llu records voided), removed %llu "
           "dead files and %llu orphans\n",
           (unsigned long long) c->maint.recovered,
           (unsigned long long) c->maint.voided,
           (unsigned long long) c->maint.reaped,
           (unsigned long long) c->maint.swept);

    return CTL_OK;
}
