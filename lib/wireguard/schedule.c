/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/schedule.h"

#include "base/clock.h"
#include "base/limits.h"

static uint64_t largest(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t smallest(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t add(uint64_t at_ns, uint64_t wait_ns)
{
    return at_ns > UINT64_MAX - wait_ns ? UINT64_MAX : at_ns + wait_ns;
}

static uint64_t times(uint64_t value, uint64_t factor)
{
    return value > UINT64_MAX / factor ? UINT64_MAX : value * factor;
}

/* 1, 2, 4, ... seconds. */
static uint64_t retry_wait_ns(const struct routine *routine)
{
    uint64_t wait_s = 1;
    for (uint32_t i = 1; i < routine->failures && wait_s < LIMIT_RETRY_MOST_S; i++)
        wait_s *= 2;
    return (wait_s < LIMIT_RETRY_MOST_S ? wait_s : LIMIT_RETRY_MOST_S) * NS_PER_S;
}

/* What changes without end gets half of the time at most. After a failure a change waits for longer: an
 * attempt that fails half way causes notices itself. But not for as long as the failure alone would, which
 * may last, and may be about something else. */
static uint64_t reconcile_at_ns(const struct schedule *schedule)
{
    const struct routine *routine = &schedule->reconcile;
    uint64_t wait_ns = LIMIT_RECONCILE_S * NS_PER_S;
    uint64_t changed_ns = LIMIT_RECONCILE_GAP_MS * NS_PER_MS;
    if (routine->failures > 0) {
        wait_ns = retry_wait_ns(routine);
        changed_ns = smallest(wait_ns, LIMIT_RETRY_CHANGED_S * NS_PER_S);
    }
    if (schedule->changed)
        wait_ns = smallest(wait_ns, largest(changed_ns, routine->cost_ns));
    return add(routine->ended_ns, wait_ns);
}

static uint64_t poll_at_ns(const struct schedule *schedule)
{
    const struct routine *routine = &schedule->poll;
    uint64_t rest_ns = times(routine->cost_ns, LIMIT_POLL_SHARE - 1);
    uint64_t wait_ns = largest(LIMIT_POLL_S * NS_PER_S, rest_ns);
    if (routine->failures > 0)
        wait_ns = largest(wait_ns, retry_wait_ns(routine));
    uint64_t at_ns = add(routine->ended_ns, wait_ns);
    if (schedule->asked && routine->failures == 0 && schedule->asked_ns < at_ns)
        at_ns = largest(schedule->asked_ns, add(routine->ended_ns, rest_ns));
    return at_ns;
}

void schedule_start(struct schedule *schedule, uint64_t now_ns)
{
    *schedule = (struct schedule){.reconcile.ended_ns = now_ns, .poll.ended_ns = now_ns};
}

void schedule_changed(struct schedule *schedule)
{
    schedule->changed = true;
}

void schedule_ask(struct schedule *schedule, uint64_t at_ns)
{
    if (!schedule->asked || at_ns < schedule->asked_ns)
        schedule->asked_ns = at_ns;
    schedule->asked = true;
}

uint32_t schedule_due(const struct schedule *schedule, uint64_t now_ns)
{
    uint32_t due = 0;
    if (now_ns >= reconcile_at_ns(schedule))
        due |= SCHEDULE_RECONCILE;
    if (now_ns >= poll_at_ns(schedule))
        due |= SCHEDULE_POLL;
    return due;
}

uint64_t schedule_next_ns(const struct schedule *schedule)
{
    uint64_t reconcile_ns = reconcile_at_ns(schedule);
    uint64_t poll_ns = poll_at_ns(schedule);
    return reconcile_ns < poll_ns ? reconcile_ns : poll_ns;
}

void schedule_begin(struct schedule *schedule, uint32_t what)
{
    if (what == SCHEDULE_RECONCILE)
        schedule->changed = false;
    else
        schedule->asked = false;
}

void schedule_end(struct schedule *schedule, uint32_t what, uint64_t begun_ns, uint64_t now_ns,
                  bool failed)
{
    struct routine *routine = what == SCHEDULE_RECONCILE ? &schedule->reconcile : &schedule->poll;
    routine->ended_ns = now_ns;
    routine->cost_ns = now_ns > begun_ns ? now_ns - begun_ns : 0;
    if (!failed)
        routine->failures = 0;
    else if (routine->failures < UINT32_MAX)
        routine->failures++;
}
