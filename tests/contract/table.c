/* SPDX-License-Identifier: Apache-2.0 */
/* The table, and what every operation answers before it may do anything. */
#include "suite.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

START_TEST(entry_is_pure)
{
    char *before = digest_take();
    const struct subwg_driver *first = subject->entry();
    struct subwg_driver copy;
    memcpy(&copy, first, sizeof(copy));
    ck_assert_ptr_eq(subject->entry(), first);
    ck_assert_msg(memcmp(&copy, first, sizeof(copy)) == 0, "the table changed between two calls");
    digest_expect(before, "the entry function");
}
END_TEST

START_TEST(head_is_acceptable)
{
    ck_assert_uint_eq(driver->head.magic, SUBWG_MAGIC_DRIVER);
    ck_assert_uint_eq(driver->head.abi_major, SUBWG_ABI_MAJOR);
    ck_assert_uint_ge(driver->head.size, SUBWG_DRIVER_SIZE_1_0);
    ck_assert_uint_le(driver->head.size, SUBWG_STRUCT_SIZE_MAX);
    ck_assert_uint_eq(driver->head.flags, 0);
    ck_assert_uint_le(driver->min_host_minor, SUBWG_ABI_MINOR);
}
END_TEST

START_TEST(names_are_as_declared)
{
    size_t length = strlen(driver->name);
    ck_assert_uint_ge(length, 1);
    ck_assert_uint_lt(length, SUBWG_DRIVER_NAME_SIZE);
    for (size_t i = 0; i < length; i++)
        ck_assert_msg(islower((unsigned char)driver->name[i]) ||
                          isdigit((unsigned char)driver->name[i]) || driver->name[i] == '-',
                      "the name is '%s'", driver->name);
    ck_assert_ptr_nonnull(driver->version);
    ck_assert_ptr_null(text_fault(driver->version));
    ck_assert_uint_le(driver->thread_model, SUBWG_THREADS_PARALLEL);
    ck_assert_uint_eq(driver->capabilities, 0);
}
END_TEST

START_TEST(mandatory_operations_are_there)
{
    ck_assert(driver->create != NULL);
    ck_assert(driver->destroy != NULL);
    ck_assert(driver->init != NULL);
    ck_assert(driver->connect != NULL);
    ck_assert(driver->disconnect != NULL);
    ck_assert(driver->get_connections != NULL);
    ck_assert(driver->metrics_snapshot != NULL);
    ck_assert_msg((driver->event_fd == NULL) == (driver->dispatch == NULL),
                  "event_fd and dispatch come together or not at all");
}
END_TEST

/* Every operation, called wrongly. */

static struct result one_result[1];

static int32_t call_connect(struct engine *engine, const struct remote *remote)
{
    return engine_connect(engine, remote);
}

static int32_t call_connect_many(struct engine *engine, const struct remote *remote)
{
    const struct subwg_endpoint *const list[] = {&remote->endpoint};
    return engine_connect_many(engine, list, 1, one_result);
}

static int32_t call_disconnect_many(struct engine *engine, const struct remote *remote)
{
    const struct subwg_endpoint *const list[] = {&remote->endpoint};
    return engine_disconnect_many(engine, list, 1, one_result);
}

static int32_t call_read(struct engine *engine, const struct remote *remote)
{
    (void)remote;
    return engine_read(engine);
}

static int32_t call_read_metrics(struct engine *engine, const struct remote *remote)
{
    (void)remote;
    return engine_read_metrics(engine);
}

static int32_t call_list_complete(struct engine *engine, const struct remote *remote)
{
    (void)remote;
    return engine_list_complete(engine);
}

static int32_t call_reconcile(struct engine *engine, const struct remote *remote)
{
    (void)remote;
    return engine_reconcile(engine, SUBWG_RECONCILE_DRY_RUN);
}

static int32_t call_event_fd(struct engine *engine, const struct remote *remote)
{
    (void)remote;
    return engine_event_fd(engine);
}

static int32_t call_dispatch(struct engine *engine, const struct remote *remote)
{
    (void)remote;
    return engine_dispatch(engine);
}

static int32_t call_init(struct engine *engine, const struct remote *remote)
{
    (void)remote;
    return engine_init(engine);
}

static int32_t call_cleanup(struct engine *engine, const struct remote *remote)
{
    (void)remote;
    return engine_cleanup(engine);
}

static const struct operation {
    const char *name;
    size_t offset; /* in the table; absent optional operations are left out */
    int32_t (*call)(struct engine *engine, const struct remote *remote);
    bool needs_init;
} operations[] = {
    {"init", offsetof(struct subwg_driver, init), call_init, false},
    {"connect", offsetof(struct subwg_driver, connect), call_connect, true},
    {"disconnect", offsetof(struct subwg_driver, disconnect), engine_disconnect, true},
    {"get_connections", offsetof(struct subwg_driver, get_connections), call_read, true},
    {"metrics_snapshot", offsetof(struct subwg_driver, metrics_snapshot), call_read_metrics, true},
    {"connect_many", offsetof(struct subwg_driver, connect_many), call_connect_many, true},
    {"disconnect_many", offsetof(struct subwg_driver, disconnect_many), call_disconnect_many, true},
    {"list_complete", offsetof(struct subwg_driver, list_complete), call_list_complete, true},
    {"reconcile", offsetof(struct subwg_driver, reconcile), call_reconcile, true},
    {"event_fd", offsetof(struct subwg_driver, event_fd), call_event_fd, false},
    {"dispatch", offsetof(struct subwg_driver, dispatch), call_dispatch, false},
    {"cleanup", offsetof(struct subwg_driver, cleanup), call_cleanup, false},
};
#define OPERATION_COUNT ((int)(sizeof(operations) / sizeof(operations[0])))

static bool is_there(const struct operation *operation)
{
    void (*pointer)(void);
    memcpy(&pointer, (const char *)driver + operation->offset, sizeof(pointer));
    return pointer != NULL;
}

START_TEST(no_instance_is_a_bad_argument)
{
    struct remote remote;
    struct engine engine;
    remote_make(&remote, 1);
    engine_prepare(&engine);
    for (int i = 0; i < OPERATION_COUNT; i++)
        if (is_there(&operations[i]))
            expect_failure(&engine, operations[i].call(&engine, &remote), -EINVAL,
                           SUBWG_REASON_BAD_ARGUMENT);
}
END_TEST

START_TEST(nothing_works_before_init)
{
    struct remote remote;
    struct engine engine;
    remote_make(&remote, 1);
    engine_create(&engine);
    char *before = digest_take();
    for (int i = 0; i < OPERATION_COUNT; i++)
        if (is_there(&operations[i]) && operations[i].needs_init)
            expect_failure(&engine, operations[i].call(&engine, &remote), -ENOTCONN,
                           SUBWG_REASON_BAD_ARGUMENT);
    digest_expect(before, "an operation before init");
    engine_destroy(&engine);
}
END_TEST

START_TEST(error_record_is_optional)
{
    struct remote remote;
    struct engine engine;
    remote_make(&remote, 1);
    remote.subnets[0] = "no prefix";
    engine_start(&engine);
    engine.host.in_operation = true;
    ck_assert_int_eq(driver->init(engine.instance, NULL), 1);
    ck_assert_int_eq(driver->connect(engine.instance, &remote.endpoint, NULL, NULL), -EINVAL);
    ck_assert_int_eq(driver->disconnect(engine.instance, NULL, NULL), -EINVAL);
    engine.host.in_operation = false;
    engine_destroy(&engine);
}
END_TEST

/* A record that is too short for the ABI, or is none, stays as it is. */
START_TEST(unfit_error_record_is_left_alone)
{
    struct engine engine;
    engine_start(&engine);
    const struct subwg_head heads[] = {
        {sizeof(struct subwg_head), SUBWG_ABI_MAJOR, 0, SUBWG_MAGIC_ERROR, 0},
        {SUBWG_ERROR_SIZE_1_0 - 1, SUBWG_ABI_MAJOR, 0, SUBWG_MAGIC_ERROR, 0},
        {sizeof(struct subwg_error), SUBWG_ABI_MAJOR, 0, SUBWG_MAGIC_ENDPOINT, 0},
    };
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        struct subwg_error record;
        struct subwg_error before;
        memset(&record, 0x5a, sizeof(record));
        record.head = heads[i];
        memcpy(&before, &record, sizeof(before));
        engine.host.in_operation = true;
        ck_assert_int_eq(driver->connect(engine.instance, NULL, NULL, &record), -EINVAL);
        engine.host.in_operation = false;
        ck_assert_msg(memcmp(&record, &before, sizeof(record)) == 0, "record %zu was written", i);
    }
    engine_destroy(&engine);
}
END_TEST

START_TEST(longer_error_record_is_filled_as_far_as_known)
{
    struct {
        struct subwg_error error;
        char newer[64];
    } record = {.error = SUBWG_ERROR_INIT};
    static const char zeros[sizeof(record.newer)];
    struct engine engine;
    engine_start(&engine);
    record.error.head.size = sizeof(record);
    record.error.head.abi_minor = SUBWG_ABI_MINOR + 1;
    engine.host.in_operation = true;
    ck_assert_int_eq(driver->connect(engine.instance, NULL, NULL, &record.error), -EINVAL);
    engine.host.in_operation = false;
    ck_assert_int_eq(record.error.code, -EINVAL);
    ck_assert_ptr_null(text_fault(record.error.text));
    ck_assert_uint_eq(record.error.head.size, sizeof(record));
    ck_assert_msg(memcmp(record.newer, zeros, sizeof(zeros)) == 0, "unknown fields were written");
    engine_destroy(&engine);
}
END_TEST

TCase *table_tests(void)
{
    TCase *tests = tcase_create("table");
    tcase_add_test(tests, entry_is_pure);
    tcase_add_test(tests, head_is_acceptable);
    tcase_add_test(tests, names_are_as_declared);
    tcase_add_test(tests, mandatory_operations_are_there);
    tcase_add_test(tests, no_instance_is_a_bad_argument);
    tcase_add_test(tests, nothing_works_before_init);
    tcase_add_test(tests, error_record_is_optional);
    tcase_add_test(tests, unfit_error_record_is_left_alone);
    tcase_add_test(tests, longer_error_record_is_filled_as_far_as_known);
    return tests;
}
