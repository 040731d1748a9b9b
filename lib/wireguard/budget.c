/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/budget.h"

uint64_t budget_wait_ns(const struct budget *budget, const struct budget_terms *terms,
                        uint64_t now_ns)
{
    uint64_t spent_ns = budget->spent_until_ns > now_ns ? budget->spent_until_ns - now_ns : 0;
    uint64_t room_ns = (terms->burst - 1) * terms->period_ns;
    return spent_ns > room_ns ? spent_ns - room_ns : 0;
}

bool budget_take(struct budget *budget, const struct budget_terms *terms, uint64_t now_ns)
{
    if (budget_wait_ns(budget, terms, now_ns) > 0)
        return false;
    uint64_t from_ns = budget->spent_until_ns > now_ns ? budget->spent_until_ns : now_ns;
    budget->spent_until_ns = from_ns + terms->period_ns;
    return true;
}
