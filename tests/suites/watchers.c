/* SPDX-License-Identifier: Apache-2.0 */
/* One fault by name, for the suite "watchers". */
#include <check.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const char *fault;
static volatile int shared;
static void *volatile kept;

static void *count(void *context)
{
    (void)context;
    shared = shared + 1;
    return NULL;
}

static void race(void)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, count, NULL), 0);
    (void)count(NULL);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

static void overflow(void)
{
    volatile char *bytes = malloc(8);
    ck_assert_ptr_nonnull(bytes);
    bytes[8] = 1;
    free((void *)bytes);
}

static void leak(void)
{
    kept = malloc(64);
    memset(kept, 1, 64);
    kept = NULL;
}

static void arithmetic(void)
{
    volatile int most = INT_MAX;
    shared = most + 1;
}

static void unset(void)
{
    volatile int *number = malloc(sizeof(*number));
    ck_assert_ptr_nonnull((void *)number);
    if (*number > 7)
        shared = 1;
    free((void *)number);
}

static void none(void)
{
}

START_TEST(is_faulty)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } faults[] = {
        {"race", race},   {"overflow", overflow}, {"leak", leak}, {"arithmetic", arithmetic},
        {"unset", unset}, {"none", none},
    };
    size_t i = 0;
    while (i < sizeof(faults) / sizeof(faults[0]) && strcmp(faults[i].name, fault) != 0)
        i++;
    ck_assert_uint_lt(i, sizeof(faults) / sizeof(faults[0]));
    faults[i].run();
}
END_TEST

int main(int count_of_arguments, char **arguments)
{
    fault = count_of_arguments > 1 ? arguments[1] : "";
    Suite *suite = suite_create("watchers");
    TCase *tests = tcase_create("watchers");
    tcase_add_test(tests, is_faulty);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
