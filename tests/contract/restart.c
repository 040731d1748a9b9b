/* SPDX-License-Identifier: Apache-2.0 */
/* Drivers whose connections outlive the engine: destroy leaves them, the next init takes them over. */
#include "suite.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct remote remotes[2];
static char first_key[NAME_SIZE];

/* An earlier run: two connections, then destroy. */
static void leave_behind(void)
{
    struct engine engine;
    engine_start(&engine);
    for (unsigned int i = 0; i < 2; i++) {
        remote_make(&remotes[i], i + 1);
        ck_assert_int_eq(engine_connect(&engine, &remotes[i]), 0);
    }
    (void)snprintf(first_key, sizeof(first_key), "%s", host_published(&engine.host, "publicKey"));
    char *before = digest_take();
    engine_destroy(&engine);
    digest_expect(before, "destroy");
}

START_TEST(next_instance_takes_over)
{
    struct engine engine;
    leave_behind();
    char *before = digest_take();
    engine_start(&engine);
    ck_assert_str_eq(host_published(&engine.host, "publicKey"), first_key);
    ck_assert_int_eq(engine_read(&engine), 0);
    for (int i = 0; i < 2; i++) {
        int32_t code = engine_connect(&engine, &remotes[i]);
        ck_assert_msg(code == 1, "connect of what was there returned %d: \"%s\"", code,
                      engine.error.text);
    }
    digest_expect(before, "a restart");
    for (int i = 0; i < 2; i++) {
        const struct row *row = engine_row(&engine, remotes[i].cluster_id);
        ck_assert_ptr_nonnull(row);
        ck_assert_uint_ne(row->numbers.status, SUBWG_STATUS_ERROR);
        ck_assert_ptr_nonnull(engine_metric(&engine, remotes[i].cluster_id));
    }
    ck_assert_uint_eq(engine_row_count(&engine), 2);
    engine_destroy(&engine);
}
END_TEST

START_TEST(leftovers_go_when_the_list_is_complete)
{
    struct engine engine;
    leave_behind();
    engine_start(&engine);
    ck_assert_int_eq(engine_connect(&engine, &remotes[0]), 1);
    ck_assert_int_gt(engine_list_complete(&engine), 0);
    ck_assert_int_eq(engine_list_complete(&engine), 0);
    ck_assert_int_eq(engine_read(&engine), 0);
    ck_assert_uint_eq(engine.host.connection_count, 1);
    ck_assert_int_eq(engine_connect(&engine, &remotes[0]), 1);
    ck_assert_int_eq(engine_connect(&engine, &remotes[1]), 0);
    engine_destroy(&engine);
}
END_TEST

START_TEST(adopted_connection_can_be_disconnected)
{
    struct engine engine;
    leave_behind();
    engine_start(&engine);
    ck_assert_int_eq(engine_connect(&engine, &remotes[0]), 1);
    ck_assert_int_eq(engine_disconnect(&engine, &remotes[0]), 0);
    ck_assert_ptr_null(engine_row(&engine, "cluster1"));
    ck_assert_int_eq(engine_connect(&engine, &remotes[1]), 1);
    engine_destroy(&engine);
}
END_TEST

START_TEST(failed_takeover_changes_nothing)
{
    struct engine engine;
    leave_behind();
    char *before = digest_take();
    engine_create(&engine);
    engine.host.publish_code = -ENOMEM;
    ck_assert_int_eq(engine_init(&engine), -ENOMEM);
    engine_destroy(&engine);
    digest_expect(before, "a takeover that failed");
}
END_TEST

START_TEST(cleanup_removes_what_an_earlier_run_left)
{
    struct engine engine;
    char *before = digest_take();
    leave_behind();
    engine_create(&engine);
    ck_assert_int_eq(engine_cleanup(&engine), 0);
    engine_destroy(&engine);
    digest_expect(before, "a run, and the cleanup of another");
}
END_TEST

/* One owner at a time. */

START_TEST(device_has_one_owner)
{
    struct engine owner;
    struct engine second;
    struct remote remote;
    engine_start(&owner);
    remote_make(&remote, 1);
    ck_assert_int_eq(engine_connect(&owner, &remote), 0);
    char *before = digest_take();
    engine_create(&second);
    expect_failure(&second, engine_init(&second), -EBUSY, SUBWG_REASON_BUSY);
    const char *device = host_published(&owner.host, "interface-name");
    ck_assert_msg(strstr(second.error.text, device) != NULL,
                  "the text does not name the device: \"%s\"", second.error.text);
    if (driver->cleanup != NULL)
        expect_failure(&second, engine_cleanup(&second), -EBUSY, SUBWG_REASON_BUSY);
    digest_expect(before, "a second owner");
    ck_assert_int_eq(engine_connect(&owner, &remote), 1);
    engine_destroy(&owner);
    ck_assert_int_eq(engine_init(&second), 0);
    ck_assert_int_eq(engine_connect(&second, &remote), 1);
    engine_destroy(&second);
}
END_TEST

/* Network namespaces. */

START_TEST(instance_stays_in_its_namespace)
{
    struct engine engine;
    struct remote remote;
    engine_create(&engine);
    ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
    char *before = digest_take();
    ck_assert_int_eq(engine_init(&engine), 0);
    remote_make(&remote, 1);
    ck_assert_int_eq(engine_connect(&engine, &remote), 0);
    ck_assert_uint_eq(engine_row_count(&engine), 1);
    if (driver->cleanup != NULL)
        ck_assert_int_eq(engine_cleanup(&engine), 0);
    engine_destroy(&engine);
    digest_expect(before, "a life in another namespace");
}
END_TEST

TCase *restart_tests(void)
{
    TCase *tests = tcase_create("restart");
    if ((subject->traits & CONTRACT_DATA_PLANE) != 0) {
        tcase_add_test(tests, next_instance_takes_over);
        tcase_add_test(tests, adopted_connection_can_be_disconnected);
        tcase_add_test(tests, failed_takeover_changes_nothing);
        if (driver->list_complete != NULL)
            tcase_add_test(tests, leftovers_go_when_the_list_is_complete);
        if (driver->cleanup != NULL)
            tcase_add_test(tests, cleanup_removes_what_an_earlier_run_left);
    }
    if ((subject->traits & CONTRACT_OWNS_DEVICE) != 0)
        tcase_add_test(tests, device_has_one_owner);
    if ((subject->traits & CONTRACT_NAMESPACE) != 0)
        tcase_add_test(tests, instance_stays_in_its_namespace);
    return tests;
}
