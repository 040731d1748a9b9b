/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model of tests/fake_kernel answers as the real kernel does. Each script is run on both, the
 * real one in a network namespace of its own, and the answers are compared line by line.
 *
 * MODEL_TRANSCRIPTS=1 prints both transcripts; MODEL_SEED=N makes other requests at random (and
 * CK_RUN_CASE=random leaves out the rest).
 */
#include <check.h>
#include <stdlib.h>

#include "model/script.h"

#define SCRIPT_TEST(name)       \
    START_TEST(name)            \
    {                           \
        compare(script_##name); \
    }                           \
    END_TEST

SCRIPT_TEST(family)
SCRIPT_TEST(refused)
SCRIPT_TEST(order)
SCRIPT_TEST(silent)
SCRIPT_TEST(ports)
SCRIPT_TEST(pieces)
SCRIPT_TEST(interrupted)
SCRIPT_TEST(links)
SCRIPT_TEST(addresses)
SCRIPT_TEST(routes)
SCRIPT_TEST(routes_ipv6)
SCRIPT_TEST(link_down)
SCRIPT_TEST(lookup)
SCRIPT_TEST(notices)
SCRIPT_TEST(rules)
SCRIPT_TEST(netconf)
SCRIPT_TEST(acknowledgements)
SCRIPT_TEST(permission)
SCRIPT_TEST(random_sets)
SCRIPT_TEST(random_routes)

int main(void)
{
    Suite *suite = suite_create("model_equals_kernel");
    TCase *scripts = tcase_create("scripts"), *random = tcase_create("random");
    SRunner *runner;
    int failed;

    tcase_set_timeout(scripts, 120);
    tcase_add_test(scripts, family);
    tcase_add_test(scripts, refused);
    tcase_add_test(scripts, order);
    tcase_add_test(scripts, silent);
    tcase_add_test(scripts, ports);
    tcase_add_test(scripts, pieces);
    tcase_add_test(scripts, interrupted);
    tcase_add_test(scripts, links);
    tcase_add_test(scripts, addresses);
    tcase_add_test(scripts, routes);
    tcase_add_test(scripts, routes_ipv6);
    tcase_add_test(scripts, link_down);
    tcase_add_test(scripts, lookup);
    tcase_add_test(scripts, notices);
    tcase_add_test(scripts, rules);
    tcase_add_test(scripts, netconf);
    tcase_add_test(scripts, acknowledgements);
    tcase_add_test(scripts, permission);
    suite_add_tcase(suite, scripts);
    tcase_set_timeout(random, 120);
    tcase_add_test(random, random_sets);
    tcase_add_test(random, random_routes);
    suite_add_tcase(suite, random);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
