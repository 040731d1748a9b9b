/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does the suite notice? The null driver with one fault at a time, put between it and the suite: the
 * chapter that is about that rule has to fail, and without a fault every chapter has to pass.
 */
#include "contract.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broken.h"

static subwg_driver_v1_fn null_entry;

/* The suite's verdict, from a process whose output nobody needs. */
static int run_suite(subwg_driver_v1_fn entry, const char *chapter)
{
    static const struct subwg_setting settings[] = {{"device", "null7"}, {"port", "5871"}, {0}};
    const struct contract_subject subject = {
        .name = "broken",
        .entry = entry,
        .settings = settings,
        .device = "null7",
        .port = "5871",
        .bad_settings = {{"port", "65536"}, {"device", "no/device"}},
        .secret_setting = "psk",
    };
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
        (void)dup2(nowhere, STDOUT_FILENO);
        (void)dup2(nowhere, STDERR_FILENO);
        (void)unsetenv("CK_TAP_LOG_FILE_NAME");
        (void)unsetenv("CK_XML_LOG_FILE_NAME");
        (void)unsetenv("CK_LOG_FILE_NAME");
        (void)unsetenv("CK_RUN_SUITE");
        (void)setenv("CK_FORK", "yes", 1);
        if (chapter != NULL)
            (void)setenv("CK_RUN_CASE", chapter, 1);
        else
            (void)unsetenv("CK_RUN_CASE");
        _exit(contract_run(&subject));
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status), "the suite itself ended with status 0x%x", status);
    return WEXITSTATUS(status);
}

START_TEST(sound_driver_passes)
{
    ck_assert_int_eq(run_suite(broken_install(null_entry, NULL), NULL), EXIT_SUCCESS);
}
END_TEST

START_TEST(fault_is_noticed)
{
    const struct broken_fault *fault = &broken_faults[_i];
    ck_assert_msg(run_suite(broken_install(null_entry, fault), fault->chapter) == EXIT_FAILURE,
                  "not noticed: %s", fault->name);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s DRIVER.so\n", argv[0]);
        return 2;
    }
    null_entry = contract_load(argv[1]);
    TCase *tests = tcase_create("broken");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, sound_driver_passes);
    tcase_add_loop_test(tests, fault_is_noticed, 0, broken_fault_count);
    Suite *suite = suite_create("contract-broken");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
