/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/repair.h"

#include <errno.h>

#include "base/error.h"
#include "base/limits.h"

struct repair {
    struct target *target;
    struct subwg_error first; /* failure */
    uint32_t refusals;
    bool link_down; /* it could not be set up */
    bool over;      /* nothing more can succeed */
};

/* The kernel answered, and its answer is about this step alone. */
static bool concerns_one(const struct subwg_error *failure)
{
    return (failure->kernel_errno != 0 || failure->reason == SUBWG_REASON_CONFLICT) &&
           failure->code != -ENODEV;
}

static void note_failure(struct repair *repair, enum step_kind kind,
                         const struct subwg_error *failure)
{
    if (repair->first.code == 0)
        repair->first = *failure;
    repair->refusals++;
    repair->link_down = repair->link_down || kind == STEP_LINK_UP;
    /* Who finds a link without its mark up takes it for a stranger's. */
    repair->over = repair->over || !concerns_one(failure) || kind == STEP_LINK_CREATE ||
                   kind == STEP_LINK_ALIAS;
}

/* Giving away allowed IPs is two steps, of which the second ends what the first began. */
static uint32_t unit_length(const struct step *steps, uint32_t count)
{
    bool pair = count > 1 && steps[0].kind == STEP_PEER_WITHDRAW &&
                (steps[0].what.peer.flags & WG_PEER_REMOVE) == 0;
    return pair ? 2 : 1;
}

/* Old kernels rename no device that is up, and a stranger may have the name: that is told, but all else
 * goes on without it. */
static bool may_be_refused(enum step_kind kind, const struct subwg_error *failure)
{
    return kind == STEP_LINK_NAME && (failure->code == -EBUSY || failure->code == -EEXIST);
}

/* Returns false if one of several peers was refused, and with it those behind it. */
static bool run(struct repair *repair, struct step *steps, uint32_t count)
{
    struct subwg_error failure = SUBWG_ERROR_INIT;
    int32_t code = apply_group(repair->target, steps, count, &failure);
    if (code != 0 && step_is_peer(steps[0].kind) && count > unit_length(steps, count) &&
        concerns_one(&failure))
        return false;
    for (uint32_t i = 0; i < count && code == 0; i++)
        steps[i].result = STEP_DONE; /* also what was so already */
    if (code != 0 && !may_be_refused(steps[0].kind, &failure))
        note_failure(repair, steps[0].kind, &failure);
    return true;
}

static void run_one_by_one(struct repair *repair, struct step *steps, uint32_t count)
{
    for (uint32_t i = 0; i < count && !repair->over;) {
        uint32_t length = unit_length(&steps[i], count - i);
        if (repair->refusals < LIMIT_REPAIR_REFUSALS)
            (void)run(repair, &steps[i], length);
        i += length;
    }
}

int32_t repair_steps(struct target *target, struct step *steps, uint32_t count,
                     struct subwg_error *error)
{
    struct repair repair = {.target = target, .first = SUBWG_ERROR_INIT};
    for (uint32_t i = 0; i < count && !repair.over;) {
        uint32_t length = apply_group_length(&steps[i], count - i);
        if (!(repair.link_down && step_is_route(steps[i].kind)) && !run(&repair, &steps[i], length))
            run_one_by_one(&repair, &steps[i], length);
        i += length;
    }
    if (repair.first.code != 0)
        error_copy(error, &repair.first);
    return repair.first.code;
}
