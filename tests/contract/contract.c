/* SPDX-License-Identifier: Apache-2.0 */
/* The suite as a whole: what runs before and after each test, and all chapters in one runner. */
#include "suite.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define TEST_TIMEOUT_S 120

const struct contract_subject *subject;
const struct subwg_driver *driver;

subwg_driver_v1_fn contract_load(const char *path)
{
    subwg_driver_v1_fn entry;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library == NULL ? NULL : dlsym(library, SUBWG_DRIVER_ENTRY);
    if (symbol == NULL) {
        fprintf(stderr, "contract: cannot load the driver: %s\n", dlerror());
        exit(2);
    }
    memcpy(&entry, &symbol, sizeof(entry));
    return entry;
}

static void before_each(void)
{
    transcript_clear();
    if (subject->setup != NULL)
        subject->setup();
}

static void after_each(void)
{
    transcript_check();
    transcript_clear();
    if (subject->teardown != NULL)
        subject->teardown();
}

int contract_run(const struct contract_subject *described)
{
    static TCase *(*const chapters[])(void) = {
        table_tests,   create_tests, settings_tests, life_tests,    connect_tests,
        refusal_tests, limit_tests,  conflict_tests, many_tests,    drift_tests,
        event_tests,   read_tests,   restart_tests,  manners_tests,
    };
    subject = described;
    driver = subject->entry();
    if (sodium_init() < 0)
        return 2;
    Suite *suite = suite_create(subject->name);
    for (size_t i = 0; i < sizeof(chapters) / sizeof(chapters[0]); i++) {
        TCase *chapter = chapters[i]();
        tcase_set_timeout(chapter, TEST_TIMEOUT_S);
        tcase_add_checked_fixture(chapter, before_each, after_each);
        suite_add_tcase(suite, chapter);
    }
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
