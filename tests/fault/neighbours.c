/* SPDX-License-Identifier: Apache-2.0 */
/* Not alone in the network namespace: a second instance, and what other people put there. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define RULE_IPV4 "rule ipv4 220: not fwmark 0x16ef/0xffffffff lookup 220"
#define RULE_IPV6 "rule ipv6 220: not fwmark 0x16ef/0xffffffff lookup 220"

static struct remote two;
static struct subwg_cable *first;

static void start(void)
{
    world_start();
    remote_make(&two, 2);
    world_init();
    ck_assert_int_eq(world_connect(&two), 0);
}

/* The first instance lives on while world.cable becomes another one. */
static void create_second(const struct subwg_setting *settings, uint32_t count)
{
    first = world.cable;
    world.cable = NULL;
    ck_assert_int_eq(world_create(settings, count), 0);
}

static void end_second(void)
{
    subwg_cable_destroy(world.cable);
    world.cable = first;
}

static const struct subwg_setting same_table[] = {{"device", "subwg1"}, {"port", "5872"}};
static const struct subwg_setting other_mark[] = {
    {"device", "subwg1"}, {"port", "5872"}, {"mark", "7"}, {"rule-priority", "221"}};

START_TEST(a_second_instance_on_the_same_table_is_refused_and_its_cleanup_takes_no_rules)
{
    if (_i == 2) /* no route tells that the table is used */
        ck_assert_int_eq(world_disconnect(&two), 0);
    char *before = world_kernel();
    create_second(_i == 1 ? other_mark : same_table, _i == 1 ? 4 : 2);
    ck_assert_int_eq(subwg_cable_init(world.cable, &world.error), -EBUSY);
    ck_assert_uint_eq(world.error.reason, SUBWG_REASON_BUSY);
    ck_assert_ptr_nonnull(strstr(world.error.text, "table 220"));
    ck_assert_ptr_nonnull(strstr(world.error.hint, "table"));
    ck_assert_int_eq(subwg_cable_cleanup(world.cable, &world.error), 0);
    ck_assert_ptr_nonnull(strstr(world.log, "rules to table 220 stay"));
    end_second();
    assert_kernel_is(before);
}
END_TEST

START_TEST(a_second_instance_of_the_same_device_is_refused)
{
    char *before = world_kernel();
    create_second(NULL, 0);
    ck_assert_int_eq(subwg_cable_init(world.cable, &world.error), -EBUSY);
    ck_assert_ptr_nonnull(strstr(world.error.text, "device subwg0"));
    ck_assert_int_eq(subwg_cable_cleanup(world.cable, &world.error), -EBUSY);
    end_second();
    assert_kernel_is(before);
}
END_TEST

START_TEST(an_instance_without_routes_stands_beside_and_takes_no_rules_with_it)
{
    const struct subwg_setting settings[] = {{"profile", "submariner"}};
    char *before = world_kernel();
    create_second(settings, 1);
    ck_assert_int_eq(subwg_cable_init(world.cable, &world.error), 0);
    ck_assert_int_eq(subwg_cable_cleanup(world.cable, &world.error), 0);
    end_second();
    assert_kernel_is(before);
}
END_TEST

START_TEST(an_instance_with_a_table_of_its_own_stands_beside_and_takes_its_own_alone)
{
    const struct subwg_setting settings[] = {{"device", "subwg1"},
                                             {"port", "5872"},
                                             {"mark", "7"},
                                             {"rule-priority", "221"},
                                             {"table", "221"}};
    struct remote three;
    remote_make(&three, 3);
    char *before = world_kernel();
    create_second(settings, 5);
    ck_assert_msg(subwg_cable_init(world.cable, &world.error) == 0, "%s", world.error.text);
    ck_assert_int_eq(world_connect(&three), 0);
    assert_kernel_has("route table 221 10.235.0.0/18 dev subwg1");
    assert_kernel_has("rule ipv4 221: not fwmark 0x7/0xffffffff lookup 221");
    ck_assert_int_eq(subwg_cable_cleanup(world.cable, &world.error), 0);
    end_second();
    assert_kernel_is(before);
}
END_TEST

START_TEST(the_rules_of_an_instance_that_died_outlast_another_ones_init_and_cleanup)
{
    subwg_cable_destroy(world.cable);
    world.cable = NULL;
    char *before = world_kernel();
    create_second(_i == 0 ? same_table : other_mark, _i == 0 ? 2 : 4);
    ck_assert_int_eq(subwg_cable_init(world.cable, &world.error), -EEXIST);
    ck_assert_uint_eq(world.error.reason, SUBWG_REASON_CONFLICT);
    ck_assert_int_eq(subwg_cable_cleanup(world.cable, &world.error), 0);
    assert_kernel_has(RULE_IPV4);
    assert_kernel_has(RULE_IPV6);
    assert_kernel_is(before);
    subwg_cable_destroy(world.cable);
    world.cable = NULL;
    world_init(); /* and its successor goes on with them */
    ck_assert_int_eq(world_connect(&two), 1);
}
END_TEST

START_TEST(an_operators_address_on_the_device_outlasts_a_restart)
{
    if (_i == 1) { /* the driver has one of its own there */
        fake_kernel_add_address("eth0", "10.233.0.1/18");
        world_restart();
        assert_kernel_has("address 10.233.0.1/32 dev subwg0");
    }
    fake_kernel_add_address(WORLD_DEVICE, "192.0.2.1/32");
    fake_kernel_add_address(WORLD_DEVICE, "2001:db8::1/128");
    char *before = world_kernel();
    world_restart();
    assert_kernel_is(before);
}
END_TEST

START_TEST(a_foreign_ipv6_route_with_a_metric_does_not_go_before_ours)
{
    const char *const subnets[] = {"fd22::/48"};
    fake_kernel_add_route(&(struct fake_kernel_route){
        .destination = "fd22::/48", .link = "eth0", .table = 220, .metric = 100});
    two.endpoint.subnets = subnets;
    two.endpoint.subnet_count = 1;
    ck_assert_int_eq(world_connect(&two), 0);
    assert_kernel_has(
        "fd22::/48 dev subwg0 via none src none type 1 protocol 158 scope 0 metric 1 ");
    assert_kernel_has("fd22::/48 dev eth0 via none src none type 1 protocol 4 scope 0 metric 100 ");
    ck_assert_int_eq(world_connect(&two), 1);
    ck_assert_int_eq(world_disconnect(&two), 0);
    assert_kernel_lacks("fd22::/48 dev subwg0");
    assert_kernel_has("fd22::/48 dev eth0");
}
END_TEST

/* Made by hand while we run, with the key that cluster3 announces later, and some traffic. */
static void make_foreign_peer(const struct remote *remote)
{
    fake_kernel_add_peer(WORLD_DEVICE, remote->public_key, "10.99.0.0/16");
    world_hear(remote);
    (void)world_table();
}

START_TEST(a_foreign_peer_with_the_key_of_a_connect_that_fails_stays_as_it_was)
{
    struct remote three;
    remote_make(&three, 3);
    make_foreign_peer(&three);
    fake_kernel_add_route(
        &(struct fake_kernel_route){.destination = "10.235.64.0/18", .link = "eth0", .table = 220});
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(world_connect(&three), -EEXIST);
        ck_assert_uint_eq(world.error.flags, 0);
        assert_kernel_has("handshake 1700000000 rx 1000 tx 500 allowed 10.99.0.0/16\n");
        assert_kernel_lacks("10.235.0.0/18");
    }
}
END_TEST

START_TEST(a_foreign_peer_with_the_key_of_a_connect_becomes_what_was_asked_for)
{
    struct remote three;
    remote_make(&three, 3);
    make_foreign_peer(&three);
    if (_i == 1)
        fake_kernel_remove_peer(WORLD_DEVICE, three.public_key);
    ck_assert_int_eq(world_connect(&three), 0);
    assert_kernel_has(_i == 0 ? "10.243.64.8:5871 keepalive 10 handshake 1700000000 rx 1000 tx 500 "
                                "allowed 10.235.0.0/18 10.235.64.0/18\n"
                              : "10.243.64.8:5871 keepalive 10 handshake 0 rx 0 tx 0 "
                                "allowed 10.235.0.0/18 10.235.64.0/18\n");
    ck_assert_int_eq(world_connect(&three), 1);
    (void)world_row("cluster3");
    ck_assert_int_eq(world_connect(&three), 1);
}
END_TEST

/* The address in use, of the one connection. */
static const char *remote_ip(void)
{
    static char text[SUBWG_ADDRESS_TEXT_SIZE];
    struct subwg_snapshot *snapshot = NULL;
    ck_assert_int_eq(subwg_cable_get_connections(world.cable, &snapshot, &world.error), 0);
    ck_assert_uint_eq(subwg_snapshot_connection_count(snapshot), 1);
    (void)snprintf(text, sizeof(text), "%s", subwg_snapshot_connection(snapshot, 0)->remote_ip);
    subwg_snapshot_unref(snapshot);
    return text;
}

/* For a thread that has moved to another network namespace, the model of the kernel is out of sight:
 * only the instance's sockets still lead there. */
START_TEST(a_link_local_gateway_is_behind_an_interface_of_the_instances_namespace)
{
    char address[SUBWG_ADDRESS_TEXT_SIZE];
    (void)snprintf(address, sizeof(address), "fe80::7%%%u",
                   (unsigned)fake_kernel_add_link("wan7", NULL));
    fake_kernel_set_link_up("wan7", true);
    fake_kernel_add_address("wan7", "fe80::1/64");
    two.endpoint.private_ip = "fe80::7%wan7";
    fake_kernel_bypass(true);
    int32_t code = world_connect(&two);
    fake_kernel_bypass(false);
    ck_assert_msg(code == 0, "%s", world.error.text);
    ck_assert_str_eq(remote_ip(), address);
    two.endpoint.private_ip = address;
    fake_kernel_bypass(true);
    code = world_connect(&two);
    fake_kernel_bypass(false);
    ck_assert_int_eq(code, 0); /* another text of the same address */
    two.endpoint.private_ip = "fe80::7%wan8";
    ck_assert_int_eq(world_connect(&two), -EINVAL);
    ck_assert_str_eq(remote_ip(), address);
}
END_TEST

START_TEST(an_interface_that_could_not_be_asked_for_is_not_called_missing)
{
    (void)fake_kernel_add_link("wan7", NULL);
    two.endpoint.private_ip = "fe80::7%wan7";
    fake_kernel_fail_request(1, ENOMEM);
    ck_assert_int_eq(world_connect(&two), -ENOMEM);
    ck_assert_msg(strstr(world.error.text, "find link wan7") != NULL, "%s", world.error.text);
}
END_TEST

int main(void)
{
    const struct world_test tests[] = {
        {a_second_instance_on_the_same_table_is_refused_and_its_cleanup_takes_no_rules, 3},
        {a_second_instance_of_the_same_device_is_refused, 0},
        {an_instance_without_routes_stands_beside_and_takes_no_rules_with_it, 0},
        {an_instance_with_a_table_of_its_own_stands_beside_and_takes_its_own_alone, 0},
        {the_rules_of_an_instance_that_died_outlast_another_ones_init_and_cleanup, 2},
        {an_operators_address_on_the_device_outlasts_a_restart, 2},
        {a_foreign_peer_with_the_key_of_a_connect_that_fails_stays_as_it_was, 0},
        {a_foreign_peer_with_the_key_of_a_connect_becomes_what_was_asked_for, 2},
        {a_foreign_ipv6_route_with_a_metric_does_not_go_before_ours, 0},
        {a_link_local_gateway_is_behind_an_interface_of_the_instances_namespace, 0},
        {an_interface_that_could_not_be_asked_for_is_not_called_missing, 0},
    };
    return world_run("neighbours", start, tests, sizeof(tests) / sizeof(tests[0]));
}
