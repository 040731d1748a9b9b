/* SPDX-License-Identifier: Apache-2.0 */
/* How long a change of the broker waits for others. */
#include <stdlib.h>

#include <check.h>

#include "debounce.h"

START_TEST(without_a_change_there_is_nothing_to_do)
{
    struct debounce debounce = {0};

    ck_assert_uint_eq(debounce_at_ms(&debounce), UINT64_MAX);
    debounce_note(&debounce, 5000);
    debounce_clear(&debounce);
    ck_assert_uint_eq(debounce_at_ms(&debounce), UINT64_MAX);
}
END_TEST

START_TEST(one_change_waits_for_the_quiet_time)
{
    struct debounce debounce = {0};

    debounce_note(&debounce, 5000);
    ck_assert_uint_eq(debounce_at_ms(&debounce), 5100);
}
END_TEST

START_TEST(more_of_them_wait_together)
{
    struct debounce debounce = {0};

    for (uint64_t now_ms = 5000; now_ms <= 5500; now_ms += 50)
        debounce_note(&debounce, now_ms);
    ck_assert_uint_eq(debounce_at_ms(&debounce), 5600);
}
END_TEST

/* A broker that never rests: a look a second, no more and no less. */
START_TEST(changes_without_end_are_looked_at_each_second)
{
    struct debounce debounce = {0};
    unsigned int looks = 0;

    for (uint64_t now_ms = 0; now_ms <= 60000; now_ms++) {
        debounce_note(&debounce, now_ms);
        if (now_ms < debounce_at_ms(&debounce))
            continue;
        debounce_clear(&debounce);
        looks++;
    }
    ck_assert_uint_ge(looks, 59);
    ck_assert_uint_le(looks, 60);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway-debounce");
    TCase *tests = tcase_create("debounce");
    SRunner *runner;
    int failed;

    tcase_add_test(tests, without_a_change_there_is_nothing_to_do);
    tcase_add_test(tests, one_change_waits_for_the_quiet_time);
    tcase_add_test(tests, more_of_them_wait_together);
    tcase_add_test(tests, changes_without_end_are_looked_at_each_second);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
