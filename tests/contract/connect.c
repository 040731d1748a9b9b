/* SPDX-License-Identifier: Apache-2.0 */
/* connect and disconnect, with endpoints as they should be. */
#include "suite.h"

#include <errno.h>
#include <string.h>

static bool row_has_subnet(const struct row *row, const char *subnet)
{
    for (uint32_t i = 0; i < row->numbers.subnet_count; i++)
        if (strcmp(row->subnets[i], subnet) == 0)
            return true;
    return false;
}

/* connect is made, or updated; then the same once more changes nothing. */
static void expect_changed(struct engine *engine, const struct remote *remote, const char *what)
{
    int32_t code = engine_connect(engine, remote);
    ck_assert_msg(code == 0, "%s: connect returned %d: \"%s\"", what, code, engine->error.text);
    char *before = digest_take();
    code = engine_connect(engine, remote);
    ck_assert_msg(code == 1, "%s: the second connect returned %d: \"%s\"", what, code,
                  engine->error.text);
    digest_expect(before, "a repeated connect");
    ck_assert_msg(engine_row_count(engine) == 1, "%s: there are %u rows", what,
                  engine_row_count(engine));
}

START_TEST(connect_is_idempotent)
{
    struct engine engine;
    struct remote remote;
    engine_start(&engine);
    remote_make(&remote, 1);
    expect_changed(&engine, &remote, "a new connection");
    const struct row *row = engine_row(&engine, "cluster1");
    ck_assert_ptr_nonnull(row);
    ck_assert_uint_ne(row->numbers.status, SUBWG_STATUS_ERROR);
    engine_destroy(&engine);
}
END_TEST

START_TEST(several_clusters_have_a_row_each)
{
    struct engine engine;
    struct remote remote;
    engine_start(&engine);
    for (unsigned int number = 1; number <= 5; number++) {
        remote_make(&remote, number);
        ck_assert_int_eq(engine_connect(&engine, &remote), 0);
        ck_assert_uint_eq(engine_row_count(&engine), number);
    }
    for (unsigned int number = 1; number <= 5; number++) {
        remote_make(&remote, number);
        ck_assert_int_eq(engine_connect(&engine, &remote), 1);
        ck_assert_ptr_nonnull(engine_row(&engine, remote.cluster_id));
    }
    engine_destroy(&engine);
}
END_TEST

START_TEST(own_cluster_is_no_connection)
{
    struct engine engine;
    struct remote local;
    char address[ADDRESS_SIZE];
    engine_start(&engine);
    remote_make_local(&local);
    char *before = digest_take();
    ck_assert_int_eq(engine_connect_address(&engine, &local, address), 1);
    ck_assert_str_eq(address, "");
    ck_assert_uint_eq(engine_row_count(&engine), 0);
    ck_assert_int_eq(engine_disconnect(&engine, &local), 1);
    digest_expect(before, "connect of the own cluster");
    engine_destroy(&engine);
}
END_TEST

/* Which address. */

static void expect_address(struct engine *engine, const struct remote *remote, const char *expected)
{
    char address[ADDRESS_SIZE];
    int32_t code = engine_connect_address(engine, remote, address);
    ck_assert_msg(code == 0, "connect returned %d: \"%s\"", code, engine->error.text);
    ck_assert_str_eq(address, expected);
    /* And again where nothing is changed. */
    ck_assert_int_eq(engine_connect_address(engine, remote, address), 1);
    ck_assert_str_eq(address, expected);
    const struct row *row = engine_row(engine, remote->cluster_id);
    ck_assert_ptr_nonnull(row);
    ck_assert_str_eq(row->remote_ip, expected);
}

START_TEST(engine_chooses_the_address)
{
    struct engine engine;
    struct remote remote;
    engine_start(&engine);
    remote_make(&remote, 1);
    remote.endpoint.private_ip = "192.0.2.120";
    remote.endpoint.public_ip = "192.0.2.121";
    remote.endpoint.use_ip = "192.0.2.122";
    remote.endpoint.nat_enabled = 1;
    expect_address(&engine, &remote, "192.0.2.122");
    engine_destroy(&engine);
}
END_TEST

START_TEST(without_a_choice_translation_decides)
{
    struct engine engine;
    struct remote remote;
    engine_start(&engine);
    remote_make(&remote, 1);
    remote.endpoint.present = 0;
    remote.endpoint.use_ip = NULL;
    remote.endpoint.private_ip = "192.0.2.120";
    remote.endpoint.public_ip = "192.0.2.121";
    expect_address(&engine, &remote, "192.0.2.120");
    remote.endpoint.nat_enabled = 1;
    expect_address(&engine, &remote, "192.0.2.121");
    engine_destroy(&engine);
}
END_TEST

START_TEST(gateway_may_have_an_ipv6_address)
{
    struct engine engine;
    struct remote remote;
    engine_start(&engine);
    remote_make(&remote, 1);
    remote.endpoint.use_ip = "2001:db8::65";
    expect_address(&engine, &remote, "2001:db8::65");
    engine_destroy(&engine);
}
END_TEST

START_TEST(nobody_has_to_take_the_address)
{
    struct engine engine;
    struct remote remote;
    engine_start(&engine);
    remote_make(&remote, 1);
    operation_begin(&engine);
    int32_t code = driver->connect(engine.instance, &remote.endpoint, NULL, &engine.error);
    ck_assert_int_eq(operation_end(&engine, code), 0);
    ck_assert_ptr_nonnull(engine_row(&engine, "cluster1"));
    engine_destroy(&engine);
}
END_TEST

/* The same key, something else. */

START_TEST(changed_address_and_port_are_an_update)
{
    struct engine engine;
    struct remote remote;
    engine_start(&engine);
    remote_make(&remote, 1);
    expect_changed(&engine, &remote, "a new connection");
    remote.endpoint.use_ip = "192.0.2.130";
    expect_changed(&engine, &remote, "another address");
    ck_assert_str_eq(engine_row(&engine, "cluster1")->remote_ip, "192.0.2.130");
    remote.config[REMOTE_CONFIG_PORT].value = "5872";
    expect_changed(&engine, &remote, "another port");
    engine_destroy(&engine);
}
END_TEST

START_TEST(changed_subnets_are_an_update)
{
    struct engine engine;
    struct remote remote;
    engine_start(&engine);
    remote_make(&remote, 1);
    expect_changed(&engine, &remote, "a new connection");
    remote.subnets[1] = "10.33.0.0/16";
    expect_changed(&engine, &remote, "one subnet for another");
    const struct row *row = engine_row(&engine, "cluster1");
    ck_assert_uint_eq(row->numbers.subnet_count, 2);
    ck_assert(row_has_subnet(row, "10.1.0.0/16"));
    ck_assert(row_has_subnet(row, "10.33.0.0/16"));
    remote.endpoint.subnet_count = 1;
    expect_changed(&engine, &remote, "one subnet less");
    ck_assert_uint_eq(engine_row(&engine, "cluster1")->numbers.subnet_count, 1);
    /* What one cluster gave up, another may have. */
    struct remote next;
    remote_make(&next, 2);
    next.subnets[0] = "10.33.0.0/16";
    ck_assert_int_eq(engine_connect(&engine, &next), 0);
    engine_destroy(&engine);
}
END_TEST

START_TEST(subnets_are_a_set)
{
    struct engine engine;
    struct remote remote;
    engine_start(&engine);
    remote_make(&remote, 1);
    ck_assert_int_eq(engine_connect(&engine, &remote), 0);
    remote.subnets[0] = remote.subnets_text[1];
    remote.subnets[1] = remote.subnets_text[0];
    char *before = digest_take();
    ck_assert_int_ge(engine_connect(&engine, &remote), 0);
    digest_expect(before, "the same subnets in another order");
    engine_destroy(&engine);
}
END_TEST

START_TEST(cluster_without_subnets_is_connected)
{
    struct engine engine;
    struct remote remote;
    engine_start(&engine);
    remote_make(&remote, 1);
    remote.endpoint.subnets = NULL;
    remote.endpoint.subnet_count = 0;
    expect_changed(&engine, &remote, "no subnets");
    remote.endpoint.subnets = remote.subnets;
    remote.endpoint.subnet_count = 2;
    expect_changed(&engine, &remote, "subnets later");
    engine_destroy(&engine);
}
END_TEST

START_TEST(changed_names_are_shown)
{
    struct engine engine;
    struct remote remote;
    engine_start(&engine);
    remote_make(&remote, 1);
    ck_assert_int_eq(engine_connect(&engine, &remote), 0);
    remote.endpoint.hostname = "gateway-next";
    remote.endpoint.cable_name = "cable-next";
    ck_assert_int_ge(engine_connect(&engine, &remote), 0);
    const struct row *row = engine_row(&engine, "cluster1");
    ck_assert_str_eq(row->hostname, "gateway-next");
    ck_assert_str_eq(row->cable_name, "cable-next");
    engine_destroy(&engine);
}
END_TEST

/* Another key. */

START_TEST(new_key_takes_the_place_of_the_old)
{
    struct engine engine;
    struct remote remote;
    engine_start(&engine);
    remote_make(&remote, 1);
    expect_changed(&engine, &remote, "a new connection");
    remote_key(31, remote.key);
    expect_changed(&engine, &remote, "a new key");
    const struct row *row = engine_row(&engine, "cluster1");
    ck_assert_str_eq(row->peer, remote.key);
    ck_assert_uint_eq(row->numbers.subnet_count, 2);
    ck_assert_uint_eq(engine_metric_count(&engine), 1);
    /* The old key is free again, for anybody. */
    struct remote next;
    remote_make(&next, 2);
    remote_key(1, next.key);
    ck_assert_int_eq(engine_connect(&engine, &next), 0);
    engine_destroy(&engine);
}
END_TEST

/* Disconnect. */

START_TEST(disconnect_is_idempotent)
{
    struct engine engine;
    struct remote remote;
    engine_start(&engine);
    remote_make(&remote, 1);
    char *before = digest_take();
    ck_assert_int_eq(engine_disconnect(&engine, &remote), 1);
    ck_assert_int_eq(engine_connect(&engine, &remote), 0);
    ck_assert_int_eq(engine_disconnect(&engine, &remote), 0);
    digest_expect(before, "connect and disconnect");
    ck_assert_uint_eq(engine_row_count(&engine), 0);
    ck_assert_uint_eq(engine_metric_count(&engine), 0);
    ck_assert_int_eq(engine_disconnect(&engine, &remote), 1);
    ck_assert_int_eq(engine_connect(&engine, &remote), 0);
    engine_destroy(&engine);
}
END_TEST

START_TEST(disconnect_takes_one_and_leaves_the_others)
{
    struct engine engine;
    struct remote remotes[3];
    engine_start(&engine);
    for (unsigned int i = 0; i < 3; i++) {
        remote_make(&remotes[i], i + 1);
        ck_assert_int_eq(engine_connect(&engine, &remotes[i]), 0);
    }
    ck_assert_int_eq(engine_disconnect(&engine, &remotes[1]), 0);
    ck_assert_uint_eq(engine_row_count(&engine), 2);
    ck_assert_ptr_null(engine_row(&engine, "cluster2"));
    ck_assert_int_eq(engine_connect(&engine, &remotes[0]), 1);
    ck_assert_int_eq(engine_connect(&engine, &remotes[2]), 1);
    engine_destroy(&engine);
}
END_TEST

START_TEST(disconnect_of_another_key_leaves_the_current)
{
    struct engine engine;
    struct remote remote;
    struct remote late;
    engine_start(&engine);
    remote_make(&remote, 1);
    ck_assert_int_eq(engine_connect(&engine, &remote), 0);
    remote_make(&late, 1);
    remote_key(31, late.key);
    char *before = digest_take();
    ck_assert_int_eq(engine_disconnect(&engine, &late), 1);
    digest_expect(before, "disconnect of another key");
    ck_assert_ptr_nonnull(engine_row(&engine, "cluster1"));
    ck_assert_int_eq(engine_connect(&engine, &remote), 1);
    engine_destroy(&engine);
}
END_TEST

START_TEST(disconnect_needs_no_more_than_the_cluster)
{
    struct engine engine;
    struct remote remote;
    engine_start(&engine);
    remote_make(&remote, 1);
    ck_assert_int_eq(engine_connect(&engine, &remote), 0);
    struct remote bare = {.endpoint = SUBWG_ENDPOINT_INIT};
    bare.endpoint.cluster_id = "cluster1";
    ck_assert_int_eq(engine_disconnect(&engine, &bare), 0);
    ck_assert_uint_eq(engine_row_count(&engine), 0);
    engine_destroy(&engine);
}
END_TEST

/* What the driver was given may be gone after the call. */
START_TEST(inputs_are_only_borrowed)
{
    struct engine engine;
    struct remote remote;
    engine_start(&engine);
    remote_make(&remote, 1);
    ck_assert_int_eq(engine_connect(&engine, &remote), 0);
    memset(&remote, 0xa5, sizeof(remote));
    const struct row *row = engine_row(&engine, "cluster1");
    ck_assert_ptr_nonnull(row);
    ck_assert(row_has_subnet(row, "10.1.0.0/16"));
    ck_assert_ptr_nonnull(engine_metric(&engine, "cluster1"));
    remote_make(&remote, 1);
    ck_assert_int_eq(engine_connect(&engine, &remote), 1);
    engine_destroy(&engine);
}
END_TEST

START_TEST(missing_endpoint_is_a_bad_argument)
{
    struct engine engine;
    engine_start(&engine);
    operation_begin(&engine);
    int32_t code = driver->connect(engine.instance, NULL, NULL, &engine.error);
    expect_failure(&engine, operation_end(&engine, code), -EINVAL, SUBWG_REASON_BAD_ARGUMENT);
    operation_begin(&engine);
    code = driver->disconnect(engine.instance, NULL, &engine.error);
    expect_failure(&engine, operation_end(&engine, code), -EINVAL, SUBWG_REASON_BAD_ARGUMENT);
    engine_destroy(&engine);
}
END_TEST

TCase *connect_tests(void)
{
    TCase *tests = tcase_create("connect");
    tcase_add_test(tests, connect_is_idempotent);
    tcase_add_test(tests, several_clusters_have_a_row_each);
    tcase_add_test(tests, own_cluster_is_no_connection);
    tcase_add_test(tests, engine_chooses_the_address);
    tcase_add_test(tests, without_a_choice_translation_decides);
    tcase_add_test(tests, gateway_may_have_an_ipv6_address);
    tcase_add_test(tests, nobody_has_to_take_the_address);
    tcase_add_test(tests, changed_address_and_port_are_an_update);
    tcase_add_test(tests, changed_subnets_are_an_update);
    tcase_add_test(tests, subnets_are_a_set);
    tcase_add_test(tests, cluster_without_subnets_is_connected);
    tcase_add_test(tests, changed_names_are_shown);
    tcase_add_test(tests, new_key_takes_the_place_of_the_old);
    tcase_add_test(tests, disconnect_is_idempotent);
    tcase_add_test(tests, disconnect_takes_one_and_leaves_the_others);
    tcase_add_test(tests, disconnect_of_another_key_leaves_the_current);
    tcase_add_test(tests, disconnect_needs_no_more_than_the_cluster);
    tcase_add_test(tests, inputs_are_only_borrowed);
    tcase_add_test(tests, missing_endpoint_is_a_bad_argument);
    return tests;
}
