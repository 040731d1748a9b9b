/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When dispatch does what: compare everything with the kernel (reconcile), look at the peers (poll).
 * Pure, on the host's elapsed clock.
 */
#ifndef WIREGUARD_SCHEDULE_H
#define WIREGUARD_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

/* One thing that is done again and again. */
struct routine {
    uint64_t ended_ns; /* of the last run, or when the schedule began */
    uint64_t cost_ns;  /* how long that run took */
    uint32_t failures; /* in a row */
};

struct schedule {
    struct routine reconcile;
    struct routine poll;
    bool changed; /* something may differ from what the last reconcile left */
    bool asked;   /* asked_ns is set */
    uint64_t asked_ns;
};

#define SCHEDULE_RECONCILE 0x1u
#define SCHEDULE_POLL      0x2u

/* From now on; nothing is due before its period has passed. */
void schedule_start(struct schedule *schedule, uint64_t now_ns);

/* Something changed, and perhaps not by our will. */
void schedule_changed(struct schedule *schedule);

/* Somebody needs a poll then, if it would come later. */
void schedule_ask(struct schedule *schedule, uint64_t at_ns);

/* What is due: SCHEDULE_... bits. */
uint32_t schedule_due(const struct schedule *schedule, uint64_t now_ns);

/* When the next thing is due; in the past or now if one is already. */
uint64_t schedule_next_ns(const struct schedule *schedule);

/* Begin: what is told or asked from here on is for the run after. End: how it went. */
void schedule_begin(struct schedule *schedule, uint32_t what);
void schedule_end(struct schedule *schedule, uint32_t what, uint64_t begun_ns, uint64_t now_ns,
                  bool failed);

#endif
