/* SPDX-License-Identifier: Apache-2.0 */
/* How often something may be done: a few times at once, then at a steady rate. */
#include "unit.h"
#include "wireguard/budget.h"

#define NS_PER_S UINT64_C(1000000000)

static const struct budget_terms terms = {5, 10 * NS_PER_S};

/* How many are granted when each second of so many one is asked for. */
static uint32_t take_for(struct budget *budget, uint64_t *now_s, uint64_t seconds)
{
    uint32_t taken = 0;
    for (uint64_t i = 0; i < seconds; i++)
        taken += budget_take(budget, &terms, (*now_s)++ * NS_PER_S);
    return taken;
}

START_TEST(a_few_at_once_then_one_a_period)
{
    struct budget budget = {0};
    uint64_t now_s = 1000;
    for (int i = 0; i < 5; i++)
        ck_assert(budget_take(&budget, &terms, now_s * NS_PER_S));
    ck_assert(!budget_take(&budget, &terms, now_s * NS_PER_S));
    ck_assert(!budget_take(&budget, &terms, (now_s + 10) * NS_PER_S - 1));
    ck_assert(budget_take(&budget, &terms, (now_s + 10) * NS_PER_S));
    now_s += 11;
    ck_assert_uint_eq(take_for(&budget, &now_s, 1000), 100);
}
END_TEST

START_TEST(what_is_not_spent_comes_back_up_to_the_burst)
{
    struct budget budget = {0};
    uint64_t now_s = 1000;
    (void)take_for(&budget, &now_s, 100);
    now_s += 20;
    ck_assert_uint_eq(take_for(&budget, &now_s, 2), 2);
    now_s += 100000;
    for (int i = 0; i < 5; i++)
        ck_assert(budget_take(&budget, &terms, now_s * NS_PER_S));
    ck_assert(!budget_take(&budget, &terms, now_s * NS_PER_S));
}
END_TEST

START_TEST(a_refusal_costs_nothing_and_says_how_long)
{
    struct budget budget = {0};
    ck_assert_uint_eq(budget_wait_ns(&budget, &terms, 0), 0);
    while (budget_take(&budget, &terms, 0))
        ;
    for (uint64_t now_ns = 0; now_ns < 10 * NS_PER_S; now_ns += NS_PER_S) {
        ck_assert(!budget_take(&budget, &terms, now_ns));
        ck_assert_uint_eq(budget_wait_ns(&budget, &terms, now_ns), 10 * NS_PER_S - now_ns);
    }
    ck_assert(budget_take(&budget, &terms, 10 * NS_PER_S));
}
END_TEST

/* Whoever asks how often: over any time no more than the burst and one a period is given. */
START_TEST(however_it_is_asked_the_rate_holds)
{
    struct chance chance = chance_start("however_it_is_asked_the_rate_holds");
    struct budget budget = {0};
    uint64_t begun_ns = chance_next(&chance) % (UINT64_MAX / 4);
    uint64_t now_ns = begun_ns;
    uint64_t given = 0;
    for (int i = 0; i < 100000; i++) {
        now_ns += chance_below(&chance, 8) == 0 ? chance_below(&chance, UINT32_MAX) * 8u
                                                : chance_below(&chance, 1000000);
        given += budget_take(&budget, &terms, now_ns);
        CHECK(given <= 5 + (now_ns - begun_ns) / terms.period_ns);
    }
    ck_assert_uint_gt(given, 5);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_few_at_once_then_one_a_period,
        what_is_not_spent_comes_back_up_to_the_burst,
        a_refusal_costs_nothing_and_says_how_long,
        however_it_is_asked_the_rate_holds,
        NULL,
    };
    return unit_run("wireguard_budget", tests);
}
