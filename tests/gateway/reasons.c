/* SPDX-License-Identifier: Apache-2.0 */
/* Every reason of the ABI has a name of its own, in JSON and log. */
#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "connections_json.h"

#define REASONS (SUBWG_STATUS_REASON_CLOCK_BACK + 1)

START_TEST(each_reason_has_its_own_name)
{
    for (uint32_t i = 0; i < REASONS; i++) {
        ck_assert_str_ne(connections_reason_name(i), "unknown");
        for (uint32_t j = 0; j < i; j++)
            ck_assert_str_ne(connections_reason_name(i), connections_reason_name(j));
    }
}
END_TEST

START_TEST(no_other_number_has_a_name)
{
    ck_assert_str_eq(connections_reason_name(REASONS), "unknown");
    ck_assert_str_eq(connections_reason_name(UINT32_MAX), "unknown");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway-reasons");
    TCase *tests = tcase_create("reasons");
    SRunner *runner;
    int failed;

    tcase_add_test(tests, each_reason_has_its_own_name);
    tcase_add_test(tests, no_other_number_has_a_name);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
