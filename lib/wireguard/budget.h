/* SPDX-License-Identifier: Apache-2.0 */
/* How often something may be done: a few times at once, then at a steady rate. Pure. */
#ifndef WIREGUARD_BUDGET_H
#define WIREGUARD_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed: nothing was spent yet. */
struct budget {
    uint64_t spent_until_ns; /* elapsed clock: from then on it is whole again */
};

struct budget_terms {
    uint32_t burst;     /* at least 1 */
    uint64_t period_ns; /* in which one comes back */
};

/* Spends one, or returns false and leaves it as it was. */
bool budget_take(struct budget *budget, const struct budget_terms *terms, uint64_t now_ns);

/* How long until there is one to spend; 0: now. */
uint64_t budget_wait_ns(const struct budget *budget, const struct budget_terms *terms,
                        uint64_t now_ns);

#endif
