/* SPDX-License-Identifier: Apache-2.0 */
/* What stays wrong is told when it begins, and when it begins again. */
#include <stdio.h>

#include "unit.h"
#include "wireguard/repeats.h"

START_TEST(what_the_last_run_had_is_not_new)
{
    struct repeats repeats = {0};
    repeats_begin(&repeats);
    ck_assert(repeats_is_new(&repeats, "one"));
    ck_assert(repeats_is_new(&repeats, "two"));
    repeats_begin(&repeats);
    ck_assert(!repeats_is_new(&repeats, "two"));
    ck_assert(repeats_is_new(&repeats, "three"));
    repeats_begin(&repeats);
    ck_assert(repeats_is_new(&repeats, "one")); /* it was away */
    ck_assert(!repeats_is_new(&repeats, "two"));
    ck_assert(!repeats_is_new(&repeats, "three"));
}
END_TEST

START_TEST(more_than_fit_are_not_told)
{
    struct repeats repeats = {0};
    for (int run = 0; run < 3; run++) {
        uint32_t told = 0;
        repeats_begin(&repeats);
        for (unsigned int i = 0; i < 3 * LIMIT_REPEATS; i++) {
            char sentence[32];
            (void)snprintf(sentence, sizeof(sentence), "sentence %u", i);
            told += repeats_is_new(&repeats, sentence);
        }
        ck_assert_uint_eq(told, run == 0 ? LIMIT_REPEATS : 0);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        what_the_last_run_had_is_not_new,
        more_than_fit_are_not_told,
        NULL,
    };
    return unit_run("wireguard_repeats", tests);
}
