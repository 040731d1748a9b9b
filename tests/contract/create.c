/* SPDX-License-Identifier: Apache-2.0 */
/* create: what it takes from older and newer hosts, and what it refuses. */
#include "suite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* An engine whose create is called by hand, with these of the three arguments. */
static int32_t create(struct engine *engine, const struct subwg_host *host,
                      const struct subwg_endpoint *local)
{
    engine->instance = NULL;
    operation_begin(engine);
    return operation_end(engine,
                         driver->create(host, local, NULL, 0, &engine->instance, &engine->error));
}

static void expect_refused(struct engine *engine, const struct subwg_host *host,
                           const struct subwg_endpoint *local, int32_t expected_code)
{
    int32_t code = create(engine, host, local);
    ck_assert_msg(code == expected_code, "create returned %d instead of %d", code, expected_code);
    ck_assert_msg(engine->instance == NULL, "a failed create wrote the instance");
}

START_TEST(create_touches_nothing)
{
    struct engine engine;
    char *before = digest_take();
    engine_create(&engine);
    ck_assert_uint_eq(engine.host.publish_calls, 0);
    engine_destroy(&engine);
    digest_expect(before, "create and destroy");
}
END_TEST

START_TEST(missing_arguments_are_refused)
{
    struct engine engine;
    struct remote local;
    engine_prepare(&engine);
    remote_make_local(&local);
    expect_refused(&engine, NULL, &local.endpoint, -EINVAL);
    ck_assert_uint_eq(engine.error.reason, SUBWG_REASON_BAD_ARGUMENT);
    expect_refused(&engine, &engine.host.table, NULL, -EINVAL);
    ck_assert_uint_eq(engine.error.reason, SUBWG_REASON_BAD_ARGUMENT);
    operation_begin(&engine);
    int32_t code =
        driver->create(&engine.host.table, &local.endpoint, NULL, 0, NULL, &engine.error);
    expect_failure(&engine, operation_end(&engine, code), -EINVAL, SUBWG_REASON_BAD_ARGUMENT);
    code = engine_create_with(&engine, NULL, 1);
    expect_failure(&engine, code, -EINVAL, SUBWG_REASON_BAD_ARGUMENT);
}
END_TEST

/* What makes a head unacceptable, whatever the struct. */
static void spoil_head(struct subwg_head *head, uint32_t least_size, int how)
{
    switch (how) {
    case 0:
        head->magic ^= 1;
        break;
    case 1:
        head->abi_major = SUBWG_ABI_MAJOR + 1;
        break;
    case 2:
        head->abi_major = 0;
        break;
    case 3:
        head->size = 0;
        break;
    case 4:
        head->size = sizeof(struct subwg_head);
        break;
    case 5:
        head->size = least_size - 1;
        break;
    default:
        head->size = SUBWG_STRUCT_SIZE_MAX + 1;
        break;
    }
}
#define SPOILT_HEADS 7

START_TEST(bad_head_of_the_host_is_refused)
{
    struct engine engine;
    struct remote local;
    engine_prepare(&engine);
    remote_make_local(&local);
    struct subwg_host *host = malloc(sizeof(*host)); /* reading beyond is seen by the sanitizer */
    ck_assert_ptr_nonnull(host);
    for (int how = 0; how < SPOILT_HEADS; how++) {
        *host = engine.host.table;
        spoil_head(&host->head, SUBWG_HOST_SIZE_1_0, how);
        expect_refused(&engine, host, &local.endpoint, -EINVAL);
    }
    free(host);
}
END_TEST

START_TEST(bad_head_of_an_endpoint_is_refused)
{
    struct engine engine;
    struct remote local;
    struct remote remote;
    engine_prepare(&engine);
    remote_make_local(&local);
    struct subwg_endpoint *endpoint = malloc(sizeof(*endpoint));
    ck_assert_ptr_nonnull(endpoint);
    for (int how = 0; how < SPOILT_HEADS; how++) {
        *endpoint = local.endpoint;
        spoil_head(&endpoint->head, SUBWG_ENDPOINT_SIZE_1_0, how);
        expect_refused(&engine, &engine.host.table, endpoint, -EINVAL);
    }
    free(endpoint);

    engine_start(&engine);
    for (int how = 0; how < SPOILT_HEADS; how++) {
        remote_make(&remote, 1);
        spoil_head(&remote.endpoint.head, SUBWG_ENDPOINT_SIZE_1_0, how);
        expect_failure(&engine, engine_connect(&engine, &remote), -EINVAL,
                       SUBWG_REASON_BAD_ARGUMENT);
        expect_failure(&engine, engine_disconnect(&engine, &remote), -EINVAL,
                       SUBWG_REASON_BAD_ARGUMENT);
    }
    ck_assert_uint_eq(engine_row_count(&engine), 0);
    engine_destroy(&engine);
}
END_TEST

/* Every callback but event is the host's duty. */
START_TEST(missing_callbacks_are_refused)
{
    struct engine engine;
    struct remote local;
    engine_prepare(&engine);
    remote_make_local(&local);
    for (int i = 0; i < 6; i++) {
        struct subwg_host host = engine.host.table;
        if (i == 0)
            host.log = NULL;
        else if (i == 1)
            host.publish = NULL;
        else if (i == 2)
            host.add_connection = NULL;
        else if (i == 3)
            host.add_metric = NULL;
        else if (i == 4)
            host.elapsed_ns = NULL;
        else
            host.realtime_ns = NULL;
        expect_refused(&engine, &host, &local.endpoint, -EINVAL);
    }
}
END_TEST

/* A whole life with the instance that create made of this host and local endpoint. */
static void expect_life(struct engine *engine)
{
    struct remote remote;
    remote_make(&remote, 1);
    ck_assert_int_eq(engine_init(engine), 0);
    ck_assert_int_eq(engine_connect(engine, &remote), 0);
    ck_assert_ptr_nonnull(engine_row(engine, "cluster1"));
    ck_assert_int_eq(engine_disconnect(engine, &remote), 0);
    engine_destroy(engine);
}

static uint32_t count_settings(const struct subwg_setting *settings)
{
    uint32_t count = 0;
    while (settings[count].key != NULL)
        count++;
    return count;
}

static int32_t create_complete(struct engine *engine, const struct subwg_host *host,
                               const struct subwg_endpoint *local)
{
    operation_begin(engine);
    return operation_end(engine, driver->create(host, local, subject->settings,
                                                count_settings(subject->settings),
                                                &engine->instance, &engine->error));
}

START_TEST(event_callback_is_optional)
{
    struct engine engine;
    struct remote local;
    engine_prepare(&engine);
    remote_make_local(&local);
    engine.host.table.event = NULL;
    ck_assert_int_eq(create_complete(&engine, &engine.host.table, &local.endpoint), 0);
    expect_life(&engine);
}
END_TEST

START_TEST(newer_host_and_endpoint_are_understood)
{
    struct engine engine;
    struct remote local;
    engine_prepare(&engine);
    remote_make_local(&local);
    struct {
        struct subwg_host host;
        unsigned char newer[128];
    } host = {.host = engine.host.table};
    struct {
        struct subwg_endpoint endpoint;
        unsigned char newer[128];
    } endpoint = {.endpoint = local.endpoint};
    /* Beyond a table anything may stand; beyond an input only what asks for nothing. */
    memset(host.newer, 0xff, sizeof(host.newer));
    host.host.head.size = sizeof(host);
    host.host.head.abi_minor = SUBWG_ABI_MINOR + 1;
    endpoint.endpoint.head.size = sizeof(endpoint);
    endpoint.endpoint.head.abi_minor = SUBWG_ABI_MINOR + 1;
    ck_assert_int_eq(create_complete(&engine, &host.host, &endpoint.endpoint), 0);
    expect_life(&engine);
}
END_TEST

/* The last byte only, so that a driver has to look at all of the tail. */
START_TEST(unknown_fields_in_use_are_too_big)
{
    struct engine engine;
    struct remote remote;
    engine_prepare(&engine);
    remote_make_local(&remote);
    struct {
        struct subwg_endpoint endpoint;
        unsigned char newer[128];
    } endpoint = {.endpoint = remote.endpoint, .newer = {[127] = 1}};
    endpoint.endpoint.head.size = sizeof(endpoint);
    expect_refused(&engine, &engine.host.table, &endpoint.endpoint, -E2BIG);

    engine_start(&engine);
    remote_make(&remote, 1);
    endpoint.endpoint = remote.endpoint;
    endpoint.endpoint.head.size = sizeof(endpoint);
    operation_begin(&engine);
    int32_t code = driver->connect(engine.instance, &endpoint.endpoint, NULL, &engine.error);
    ck_assert_int_eq(operation_end(&engine, code), -E2BIG);
    ck_assert_uint_eq(engine_row_count(&engine), 0);
    engine_destroy(&engine);
}
END_TEST

START_TEST(unknown_flags_are_refused)
{
    struct engine engine;
    struct remote remote;
    engine_prepare(&engine);
    remote_make_local(&remote);
    remote.endpoint.head.flags = 0x80000000u;
    expect_refused(&engine, &engine.host.table, &remote.endpoint, -EINVAL);
    remote.endpoint.head.flags = 0;
    remote.endpoint.present = 0x80000000u;
    expect_refused(&engine, &engine.host.table, &remote.endpoint, -EINVAL);

    engine_start(&engine);
    remote_make(&remote, 1);
    remote.endpoint.head.flags = 1;
    ck_assert_int_eq(engine_connect(&engine, &remote), -EINVAL);
    remote.endpoint.head.flags = 0;
    remote.endpoint.present |= 0x80000000u;
    ck_assert_int_eq(engine_connect(&engine, &remote), -EINVAL);
    remote.endpoint.present = SUBWG_ENDPOINT_USE_IP;
    remote.endpoint.reserved = 1;
    ck_assert_int_eq(engine_connect(&engine, &remote), -EINVAL);
    ck_assert_uint_eq(engine_row_count(&engine), 0);
    engine_destroy(&engine);
}
END_TEST

START_TEST(bad_local_endpoint_is_refused)
{
    struct engine engine;
    struct remote local;
    engine_prepare(&engine);
    remote_make_local(&local);
    local.endpoint.cluster_id = "";
    expect_refused(&engine, &engine.host.table, &local.endpoint, -EINVAL);
    ck_assert_uint_eq(engine.error.reason, SUBWG_REASON_BAD_ENDPOINT);
    remote_make_local(&local);
    local.subnets[1] = "fd00:200::/1000";
    expect_refused(&engine, &engine.host.table, &local.endpoint, -EINVAL);
    ck_assert_uint_eq(engine.error.reason, SUBWG_REASON_BAD_ENDPOINT);
    ck_assert_msg(strstr(engine.error.text, "fd00:200::/1000") != NULL, "\"%s\"",
                  engine.error.text);
    remote_make_local(&local);
    local.endpoint.subnets = NULL;
    expect_refused(&engine, &engine.host.table, &local.endpoint, -EINVAL);
}
END_TEST

TCase *create_tests(void)
{
    TCase *tests = tcase_create("create");
    tcase_add_test(tests, create_touches_nothing);
    tcase_add_test(tests, missing_arguments_are_refused);
    tcase_add_test(tests, bad_head_of_the_host_is_refused);
    tcase_add_test(tests, bad_head_of_an_endpoint_is_refused);
    tcase_add_test(tests, missing_callbacks_are_refused);
    tcase_add_test(tests, event_callback_is_optional);
    tcase_add_test(tests, newer_host_and_endpoint_are_understood);
    tcase_add_test(tests, unknown_fields_in_use_are_too_big);
    tcase_add_test(tests, unknown_flags_are_refused);
    tcase_add_test(tests, bad_local_endpoint_is_refused);
    return tests;
}
