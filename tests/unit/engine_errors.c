/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a driver writes into the error record, the caller's record agrees with the code. */
#include <errno.h>
#include <string.h>

#include "engine_fixture.h"

static struct subwg_driver table;
static struct subwg_registry *registry;
static struct subwg_cable *cable;

static void set_up(void)
{
    table = fixture_table();
    registry = fixture_registry(&table);
    cable = fixture_cable(registry, NULL);
}

static void tear_down(void)
{
    subwg_cable_destroy(cable);
    subwg_registry_destroy(registry);
}

static int32_t fails_in_silence(struct subwg_instance *instance, struct subwg_error *error)
{
    (void)instance, (void)error;
    return -EPERM;
}

START_TEST(error_without_text_gets_one)
{
    script.init = fails_in_silence;
    struct subwg_error error = SUBWG_ERROR_INIT;
    ck_assert_int_eq(subwg_cable_init(cable, &error), -EPERM);
    ck_assert_int_eq(error.code, -EPERM);
    ck_assert_str_eq(error.operation, "init");
    ck_assert_str_eq(error.text, "init by driver \"wireguard\" failed: operation not permitted");
    ck_assert_int_eq(subwg_cable_init(cable, NULL), -EPERM);
}
END_TEST

static int32_t fails_carelessly(struct subwg_instance *instance, struct subwg_error *error)
{
    (void)instance;
    memset(error, 'x', sizeof(*error));
    return -EBUSY;
}

START_TEST(garbage_becomes_a_record)
{
    script.init = fails_carelessly;
    struct subwg_error error = SUBWG_ERROR_INIT;
    ck_assert_int_eq(subwg_cable_init(cable, &error), -EBUSY);
    ck_assert_int_eq(error.code, -EBUSY);
    ck_assert_uint_eq(error.head.size, sizeof(error));
    ck_assert_uint_eq(error.head.magic, SUBWG_MAGIC_ERROR);
    ck_assert_uint_eq(strlen(error.text), SUBWG_ERROR_TEXT_SIZE - 1);
    ck_assert_uint_eq(strlen(error.hint), SUBWG_ERROR_HINT_SIZE - 1);
    ck_assert_uint_eq(strlen(error.operation), SUBWG_ERROR_OPERATION_SIZE - 1);
}
END_TEST

static int32_t succeeds_and_writes(struct subwg_instance *instance, struct subwg_error *error)
{
    (void)instance;
    memset(error->text, 'x', 3);
    error->code = -EIO;
    return 1;
}

START_TEST(success_leaves_the_record_alone)
{
    script.init = succeeds_and_writes;
    struct subwg_error error = SUBWG_ERROR_INIT;
    ck_assert_int_eq(subwg_cable_init(cable, &error), 1);
    ck_assert_int_eq(error.code, 0);
    ck_assert_str_eq(error.text, "");
}
END_TEST

START_TEST(absent_optional_operations_say_so)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    ck_assert_int_eq(subwg_cable_list_complete(cable, &error), -EOPNOTSUPP);
    ck_assert_str_eq(error.text, "driver \"wireguard\" has no list_complete, which is optional");
    ck_assert_uint_eq(error.reason, SUBWG_REASON_NOT_SUPPORTED);
    ck_assert_int_eq(subwg_cable_reconcile(cable, 0, NULL, NULL, &error), -EOPNOTSUPP);
    ck_assert_str_eq(error.text, "driver \"wireguard\" has no reconcile, which is optional");
    ck_assert_int_eq(subwg_cable_event_fd(cable, &error), -EOPNOTSUPP);
    ck_assert_str_eq(error.text, "driver \"wireguard\" has no event_fd, which is optional");
    ck_assert_int_eq(subwg_cable_dispatch(cable, &error), -EOPNOTSUPP);
    ck_assert_str_eq(error.text, "driver \"wireguard\" has no dispatch, which is optional");
    ck_assert_int_eq(subwg_cable_cleanup(cable, &error), -EOPNOTSUPP);
    ck_assert_str_eq(error.text, "driver \"wireguard\" has no cleanup, which is optional");
}
END_TEST

static int32_t answers_nonsense(struct subwg_instance *instance, struct subwg_error *error)
{
    (void)instance, (void)error;
    return INT32_MIN;
}

START_TEST(answer_that_is_no_errno)
{
    script.init = answers_nonsense;
    struct subwg_error error = SUBWG_ERROR_INIT;
    ck_assert_int_eq(subwg_cable_init(cable, &error), -EPROTO);
    ck_assert_int_eq(error.code, -EPROTO);
    ck_assert_str_eq(error.text, "init by driver \"wireguard\" failed: protocol error");
}
END_TEST

START_TEST(no_endpoint)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    ck_assert_int_eq(subwg_cable_connect(cable, NULL, NULL, &error), -EINVAL);
    ck_assert_str_eq(error.text, "connect refused: no endpoint");
    ck_assert_int_eq(subwg_cable_disconnect(cable, NULL, &error), -EINVAL);
    ck_assert_str_eq(error.text, "disconnect refused: no endpoint");
}
END_TEST

START_TEST(no_cable)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct subwg_endpoint remote = SUBWG_ENDPOINT_INIT;
    struct subwg_snapshot *snapshot = NULL;
    ck_assert_int_eq(subwg_cable_init(NULL, &error), -EINVAL);
    ck_assert_str_eq(error.text, "init refused: no cable");
    ck_assert_int_eq(error.code, -EINVAL);
    ck_assert_int_eq(subwg_cable_connect(NULL, &remote, NULL, &error), -EINVAL);
    ck_assert_int_eq(subwg_cable_get_connections(NULL, &snapshot, &error), -EINVAL);
    ck_assert_int_eq(subwg_cable_get_connections(cable, NULL, &error), -EINVAL);
    ck_assert_str_eq(error.text, "get_connections refused: no place for the snapshot");
    subwg_cable_destroy(NULL);
}
END_TEST

static int32_t create_fails(struct subwg_error *error)
{
    memcpy(error->text, "no such setting", sizeof("no such setting"));
    return -EINVAL;
}

START_TEST(create_hands_on_what_the_driver_says)
{
    struct subwg_cable *other = NULL;
    struct subwg_endpoint local = fixture_local();
    struct subwg_error error = SUBWG_ERROR_INIT;
    script.create = create_fails;
    ck_assert_int_eq(
        subwg_cable_create(registry, "wireguard", NULL, &local, NULL, 0, &other, &error), -EINVAL);
    ck_assert_str_eq(error.text, "no such setting");
    ck_assert_str_eq(error.operation, "create");
    ck_assert_ptr_null(other);
    script.create = NULL;

    ck_assert_int_eq(subwg_cable_create(registry, "vxlan", NULL, &local, NULL, 0, &other, &error),
                     -ENOENT);
    ck_assert_str_eq(error.text, "unknown cable driver \"vxlan\"; supported: wireguard");
    ck_assert_int_eq(
        subwg_cable_create(registry, "wireguard", NULL, &local, NULL, 1, &other, &error), -EINVAL);
    ck_assert_int_eq(subwg_cable_create(registry, "wireguard", NULL, &local, NULL, 0, NULL, &error),
                     -EINVAL);
}
END_TEST

static int32_t create_without_instance(const struct subwg_host *host,
                                       const struct subwg_endpoint *local,
                                       const struct subwg_setting *settings, uint32_t setting_count,
                                       struct subwg_instance **ret_instance,
                                       struct subwg_error *error)
{
    (void)host, (void)local, (void)settings, (void)setting_count, (void)ret_instance, (void)error;
    return 0;
}

START_TEST(create_that_makes_nothing_is_no_success)
{
    struct subwg_driver liar = fixture_table();
    liar.name = "liar";
    liar.create = create_without_instance;
    ck_assert_int_eq(subwg_registry_add(registry, &liar, NULL), 0);
    struct subwg_cable *other = NULL;
    struct subwg_endpoint local = fixture_local();
    struct subwg_error error = SUBWG_ERROR_INIT;
    ck_assert_int_eq(subwg_cable_create(registry, "liar", NULL, &local, NULL, 0, &other, &error),
                     -EPROTO);
    ck_assert_str_eq(error.text, "driver \"liar\" reported success but made no instance");
    ck_assert_ptr_null(other);
}
END_TEST

static int32_t connects(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                        char *ret_address, struct subwg_error *error)
{
    (void)instance, (void)error;
    /* A careless driver: no NUL, and an address on failure. */
    if (ret_address != NULL)
        memset(ret_address, '1', SUBWG_ADDRESS_TEXT_SIZE);
    return remote->cluster_id == NULL ? -EINVAL : 0;
}

START_TEST(address_is_text_and_untouched_on_failure)
{
    script.connect = connects;
    struct subwg_endpoint remote = SUBWG_ENDPOINT_INIT;
    char address[SUBWG_ADDRESS_TEXT_SIZE] = "before";
    ck_assert_int_eq(subwg_cable_connect(cable, &remote, address, NULL), -EINVAL);
    ck_assert_str_eq(address, "before");
    remote.cluster_id = "cluster2";
    ck_assert_int_eq(subwg_cable_connect(cable, &remote, address, NULL), 0);
    ck_assert_uint_eq(strlen(address), SUBWG_ADDRESS_TEXT_SIZE - 1);
    ck_assert_int_eq(subwg_cable_connect(cable, &remote, NULL, NULL), 0);
    ck_assert_int_eq(subwg_cable_disconnect(cable, &remote, NULL), 0);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("errors");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, error_without_text_gets_one);
    tcase_add_test(tests, garbage_becomes_a_record);
    tcase_add_test(tests, success_leaves_the_record_alone);
    tcase_add_test(tests, absent_optional_operations_say_so);
    tcase_add_test(tests, answer_that_is_no_errno);
    tcase_add_test(tests, no_endpoint);
    tcase_add_test(tests, no_cable);
    tcase_add_test(tests, create_hands_on_what_the_driver_says);
    tcase_add_test(tests, create_that_makes_nothing_is_no_success);
    tcase_add_test(tests, address_is_text_and_untouched_on_failure);
    return fixture_run(tests, "engine-errors");
}
