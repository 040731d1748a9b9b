/* SPDX-License-Identifier: Apache-2.0 */
/* connect_many and disconnect_many: by the driver's own operation, and one after the other. */
#include <errno.h>
#include <string.h>

#include "engine_fixture.h"

static struct subwg_driver table;
static struct subwg_registry *registry;
static struct subwg_cable *cable;
static struct subwg_endpoint endpoints[3];
static const struct subwg_endpoint *const remotes[] = {&endpoints[0], &endpoints[1], &endpoints[2]};

struct outcome {
    uint32_t calls;
    int32_t codes[3];
    char addresses[3][SUBWG_ADDRESS_TEXT_SIZE];
    char texts[3][SUBWG_ERROR_TEXT_SIZE];
};

static void take(void *context, uint32_t index, int32_t code, const char *address,
                 const struct subwg_error *error)
{
    struct outcome *outcome = context;
    ck_assert_uint_lt(index, 3);
    ck_assert((code < 0) == (error != NULL));
    ck_assert_ptr_nonnull(address);
    outcome->calls++;
    outcome->codes[index] = code;
    snprintf(outcome->addresses[index], sizeof(outcome->addresses[index]), "%s", address);
    if (error != NULL) {
        ck_assert_int_eq(error->code, code);
        snprintf(outcome->texts[index], sizeof(outcome->texts[index]), "%s", error->text);
    }
}

/* The first is made, the second refused, the third there already. */
static int32_t connect_by_turns(struct subwg_instance *instance,
                                const struct subwg_endpoint *remote, char *ret_address,
                                struct subwg_error *error)
{
    (void)instance, (void)error;
    if (ret_address != NULL)
        memcpy(ret_address, "10.0.0.1", sizeof("10.0.0.1"));
    return remote == &endpoints[0] ? 0 : remote == &endpoints[1] ? -EEXIST : 1;
}

static void start(const struct subwg_driver *driver)
{
    table = *driver;
    registry = fixture_registry(&table);
    cable = fixture_cable(registry, NULL);
    for (size_t i = 0; i < 3; i++)
        endpoints[i] = (struct subwg_endpoint)SUBWG_ENDPOINT_INIT;
    script.connect = connect_by_turns;
}

static void stop(void)
{
    subwg_cable_destroy(cable);
    subwg_registry_destroy(registry);
}

START_TEST(one_after_the_other)
{
    struct subwg_driver driver = fixture_table();
    start(&driver);
    struct outcome outcome = {0};
    ck_assert_int_eq(subwg_cable_connect_many(cable, remotes, 3, take, &outcome, NULL), 0);
    ck_assert_uint_eq(outcome.calls, 3);
    ck_assert_int_eq(outcome.codes[0], 0);
    ck_assert_int_eq(outcome.codes[1], -EEXIST);
    ck_assert_int_eq(outcome.codes[2], 1);
    ck_assert_str_eq(outcome.addresses[0], "10.0.0.1");
    ck_assert_str_eq(outcome.addresses[1], "");
    ck_assert_str_eq(outcome.texts[1], "connect_many by driver \"wireguard\" failed: file exists");

    outcome = (struct outcome){0};
    ck_assert_int_eq(subwg_cable_disconnect_many(cable, remotes, 3, take, &outcome, NULL), 0);
    ck_assert_uint_eq(outcome.calls, 3);
    ck_assert_int_eq(outcome.codes[1], -EEXIST);
    ck_assert_str_eq(outcome.addresses[0], "");
    ck_assert_int_eq(subwg_cable_connect_many(cable, remotes, 3, NULL, NULL, NULL), 0);
    ck_assert_int_eq(subwg_cable_connect_many(cable, NULL, 0, take, &outcome, NULL), 0);
    stop();
}
END_TEST

START_TEST(holes_in_the_list)
{
    struct subwg_driver driver = fixture_table();
    start(&driver);
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct outcome outcome = {0};
    static const struct subwg_endpoint *const holed[] = {&endpoints[0], NULL};
    ck_assert_int_eq(subwg_cable_connect_many(cable, holed, 2, take, &outcome, &error), -EINVAL);
    ck_assert_str_eq(error.text, "connect_many refused: an endpoint of the list is missing");
    ck_assert_int_eq(subwg_cable_disconnect_many(cable, NULL, 1, take, &outcome, &error), -EINVAL);
    ck_assert_uint_eq(outcome.calls, 0);
    stop();
}
END_TEST

static uint32_t answers;

static int32_t many(struct subwg_instance *instance, const struct subwg_endpoint *const *list,
                    uint32_t count, subwg_result_fn result, void *result_context,
                    struct subwg_error *error)
{
    (void)instance, (void)list, (void)error;
    result(result_context, count, 0, "", NULL); /* no such endpoint */
    result(result_context, UINT32_MAX, -EIO, "", NULL);
    result(result_context, 0, 0, NULL, NULL); /* and once more below: one answer all the same */
    for (uint32_t i = 0; i < answers; i++)
        result(result_context, i, i == 1 ? -EPERM : 0, i == 1 ? "junk" : NULL, NULL);
    return 0;
}

START_TEST(by_the_driver)
{
    struct subwg_driver driver = fixture_table();
    driver.connect_many = many;
    driver.disconnect_many = many;
    start(&driver);
    struct outcome outcome = {0};
    answers = 3;
    ck_assert_int_eq(subwg_cable_connect_many(cable, remotes, 3, take, &outcome, NULL), 0);
    ck_assert_uint_eq(outcome.calls, 3);
    ck_assert_int_eq(outcome.codes[1], -EPERM);
    ck_assert_str_eq(outcome.addresses[1], "");
    ck_assert_str_eq(outcome.texts[1],
                     "connect_many by driver \"wireguard\" failed: operation not permitted");
    stop();
}
END_TEST

START_TEST(driver_that_forgets_an_endpoint)
{
    struct subwg_driver driver = fixture_table();
    driver.disconnect_many = many;
    start(&driver);
    struct outcome outcome = {0};
    struct subwg_error error = SUBWG_ERROR_INIT;
    answers = 2;
    ck_assert_int_eq(subwg_cable_disconnect_many(cable, remotes, 3, take, &outcome, &error),
                     -EPROTO);
    ck_assert_str_eq(error.text, "driver \"wireguard\" answered for 2 of 3 endpoints");
    stop();
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("many");
    tcase_add_test(tests, one_after_the_other);
    tcase_add_test(tests, holes_in_the_list);
    tcase_add_test(tests, by_the_driver);
    tcase_add_test(tests, driver_that_forgets_an_endpoint);
    return fixture_run(tests, "engine-many");
}
