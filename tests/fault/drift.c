/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Somebody changes by hand what the driver set up: reconcile tells of each change, puts it right, and
 * touches nothing else. T49, T38-T40b, T24, T30, T52.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include "engine/cable.h"
#include "hand.h"
#include "told.h"
#include "world.h"

static struct remote two;
static struct remote three;
static char *whole; /* the kernel's state before */

static void start(void)
{
    world_start();
    hand_open();
    remote_make(&two, 2);
    remote_make(&three, 3);
    world_init();
    ck_assert_int_eq(world_connect(&two), 0);
    ck_assert_int_eq(world_connect(&three), 0);
    world_hear(&two);
    world_hear(&three);
    (void)world_row("cluster2");
    ck_assert_int_eq(subwg_cable_list_complete(world.cable, &world.error), 0);
    whole = world_kernel();
}

static void expect_whole_again(const char *part)
{
    expect_repair(part);
    assert_kernel_is(whole);
}

START_TEST(without_drift_nothing_is_told_and_nothing_sent)
{
    uint64_t changes = fake_kernel_counters().changes;
    ck_assert_int_eq(reconcile(SUBWG_RECONCILE_DRY_RUN), 0);
    ck_assert_int_eq(reconcile(0), 0);
    ck_assert_uint_eq(fake_kernel_counters().changes, changes);
    assert_kernel_is(whole);
}
END_TEST

START_TEST(a_removed_peer_comes_back)
{
    fake_kernel_remove_peer(WORLD_DEVICE, two.public_key);
    ck_assert_uint_eq(world_row("cluster2").status_reason, SUBWG_STATUS_REASON_MISSING);
    expect_repair("the peer of cluster 'cluster2' is missing");
    assert_kernel_has("endpoint 10.243.64.7:5871 keepalive 10 handshake 0 rx 0 tx 0 allowed "
                      "10.234.0.0/18 10.234.64.0/18");
    assert_kernel_has("rx 1000 tx 500 allowed 10.235.0.0/18 10.235.64.0/18");
    struct subwg_connection row = world_row("cluster2");
    ck_assert_uint_eq(row.status, SUBWG_STATUS_CONNECTING);
    ck_assert_uint_eq(row.rx_bytes, 1000); /* what the peer of before had counted */
    free(whole);
}
END_TEST

START_TEST(a_foreign_peer_goes)
{
    static const uint8_t key[32] = {9, 9, 9};
    fake_kernel_add_peer(WORLD_DEVICE, key, "10.99.0.0/16");
    expect_whole_again("a foreign peer CQkJAAAA... is on the device");
}
END_TEST

START_TEST(a_stolen_subnet_comes_back)
{
    fake_kernel_add_peer(WORLD_DEVICE, three.public_key, "10.234.64.0/18");
    expect_repair("the peer of cluster 'cluster2' has not its subnet 10.234.64.0/18");
    assert_kernel_has("rx 1000 tx 500 allowed 10.234.0.0/18 10.234.64.0/18\n");
    assert_kernel_has("rx 1000 tx 500 allowed 10.235.0.0/18 10.235.64.0/18\n");
    free(whole);
}
END_TEST

START_TEST(a_subnet_too_many_goes)
{
    fake_kernel_add_peer(WORLD_DEVICE, three.public_key, "10.99.0.0/16");
    expect_whole_again("the peer of cluster 'cluster3' has what is not its subnet: 10.99.0.0/16");
}
END_TEST

START_TEST(the_port_and_the_mark_come_back)
{
    hand_set_port(4711);
    expect_repair(WORLD_DEVICE " listens on port 4711 instead of 5871");
    hand_set_mark(7);
    expect_whole_again(WORLD_DEVICE " marks its packets 0x7 instead of 0x16ef");
}
END_TEST

START_TEST(preshared_key_and_keepalive_come_back)
{
    hand_set_preshared_key(two.public_key);
    expect_repair("the peer of cluster 'cluster2' has a preshared key, where none is set");
    hand_set_keepalive(two.public_key, 77);
    expect_whole_again("the peer of cluster 'cluster2' has a keepalive of 77 s instead of 10 s");
}
END_TEST

START_TEST(the_alias_and_the_mtu_come_back)
{
    fake_kernel_set_link_alias(WORLD_DEVICE, "mine");
    expect_repair(WORLD_DEVICE " does not carry the alias");
    fake_kernel_set_link_alias(WORLD_DEVICE, "");
    expect_repair(WORLD_DEVICE " does not carry the alias");
    fake_kernel_set_link_mtu(WORLD_DEVICE, 1300);
    expect_whole_again(WORLD_DEVICE " has an MTU of 1300 instead of 1420");
}
END_TEST

/* A key cannot be got back: the device's is taken as it is, and the remotes are told. */
START_TEST(another_private_key_is_published)
{
    char before[64];
    (void)snprintf(before, sizeof(before), "%s", world.published_key);
    world.published_count = 0;
    hand_set_private_key();
    ck_assert_int_eq(reconcile(SUBWG_RECONCILE_DRY_RUN), 1);
    expect_sentence("would publish the public key", false);
    ck_assert_str_eq(world.published_key, before);
    ck_assert_int_eq(reconcile(0), 1);
    expect_sentence("has another private key", true);
    ck_assert_str_ne(world.published_key, before);
    ck_assert_int_eq(reconcile(0), 0);
    free(whole);
}
END_TEST

START_TEST(a_device_without_key_gets_one_that_is_published)
{
    char before[64];
    (void)snprintf(before, sizeof(before), "%s", world.published_key);
    world.published_count = 0;
    hand_clear_private_key();
    expect_repair(WORLD_DEVICE " has not its private key");
    ck_assert_str_ne(world.published_key, before);
    free(whole);
}
END_TEST

START_TEST(routes_and_rules_come_back)
{
    ck_assert_uint_eq(fake_kernel_delete_routes("10.234.0.0/18", 220), 1);
    expect_repair("the route to 10.234.0.0/18 of cluster 'cluster2' is missing in table 220");
    ck_assert_uint_eq(fake_kernel_delete_rules(AF_INET, 220), 1);
    expect_repair("the IPv4 rule 220 'not fwmark 0x16ef lookup 220' is missing");
    ck_assert_uint_eq(fake_kernel_delete_rules(AF_INET6, 220), 1);
    expect_whole_again("the IPv6 rule 220 'not fwmark 0x16ef lookup 220' is missing");
}
END_TEST

/* The kernel does not answer any more: nobody knows that the others could not be done. */
START_TEST(what_was_not_tried_is_told_so)
{
    ck_assert_uint_eq(fake_kernel_delete_rules(AF_INET6, 220), 1);
    ck_assert_uint_eq(fake_kernel_delete_routes("10.234.0.0/18", 220), 1);
    uint64_t before = fake_kernel_counters().replies;
    (void)reconcile(SUBWG_RECONCILE_DRY_RUN);
    fake_kernel_skip_waiting(true);
    fake_kernel_spoil_reply(fake_kernel_counters().replies - before + 1, FAKE_KERNEL_DROP);
    ck_assert_int_eq(reconcile(0), -ETIMEDOUT);
    expect_sentence("the IPv6 rule 220 'not fwmark 0x16ef lookup 220' is missing: could not add it",
                    false);
    expect_sentence("the route to 10.234.0.0/18 of cluster 'cluster2' is missing in table 220: "
                    "not tried, ",
                    false);
    ck_assert_int_eq(reconcile(0), 1);
    assert_kernel_is(whole);
}
END_TEST

/* Of the same rule twice one goes; the same by another owner is his. T40b */
START_TEST(exactly_one_rule_of_ours_stays)
{
    struct fake_kernel_rule rule = {.family = AF_INET,
                                    .invert = true,
                                    .protocol = 158,
                                    .priority = 220,
                                    .mark = 5871,
                                    .mask = 0xffffffff,
                                    .table = 220};
    fake_kernel_add_rule(&rule);
    expect_repair("the IPv4 rule 220 'not fwmark 0x16ef lookup 220' is there and not wanted");
    assert_kernel_has("rule ipv4 220: not fwmark 0x16ef/0xffffffff lookup 220");
    rule.protocol = 4;
    fake_kernel_add_rule(&rule);
    ck_assert_int_eq(reconcile(0), 0);
    assert_kernel_has("action 1 protocol 4\n");
    ck_assert_uint_eq(fake_kernel_delete_rules(AF_INET, 220), 2);
    free(whole);
}
END_TEST

/* The kernel drops all routes of a device that goes down, and brings none back. T40 */
START_TEST(a_device_that_was_down_gets_its_routes_back)
{
    fake_kernel_set_link_up(WORLD_DEVICE, false);
    expect_whole_again(WORLD_DEVICE " is down");
}
END_TEST

START_TEST(routes_that_a_moment_of_down_took_come_back)
{
    fake_kernel_set_link_up(WORLD_DEVICE, false);
    fake_kernel_set_link_up(WORLD_DEVICE, true);
    ck_assert_int_eq(reconcile(0), 4);
    expect_sentence("the route to 10.234.0.0/18 of cluster 'cluster2' is missing", true);
    expect_sentence("the route to 10.235.64.0/18 of cluster 'cluster3' is missing", true);
    assert_kernel_is(whole);
}
END_TEST

/* T39 at reconcile */
START_TEST(a_foreign_route_in_the_way_is_told_and_left)
{
    struct fake_kernel_route foreign = {
        .destination = "10.234.0.0/18", .link = "eth0", .table = 220};
    (void)fake_kernel_delete_routes("10.234.0.0/18", 220);
    fake_kernel_add_route(&foreign);
    char *drifted = world_kernel();
    uint64_t changes = fake_kernel_counters().changes;
    ck_assert_int_eq(reconcile(0), 1);
    expect_sentence("a foreign route to 10.234.0.0/18 stands in table 220 (interface 2, protocol "
                    "4) and takes traffic of cluster 'cluster2'",
                    false);
    ck_assert_uint_eq(fake_kernel_counters().changes, changes);
    assert_kernel_is(drifted);
    (void)fake_kernel_delete_routes("10.234.0.0/18", 220);
    expect_whole_again("the route to 10.234.0.0/18 of cluster 'cluster2' is missing");
}
END_TEST

START_TEST(a_more_specific_foreign_route_is_told_and_left)
{
    struct fake_kernel_route foreign = {
        .destination = "10.234.1.0/24", .link = "eth0", .table = 220};
    fake_kernel_add_route(&foreign);
    ck_assert_int_eq(reconcile(0), 1);
    expect_sentence("takes traffic of cluster 'cluster2'", false);
    (void)fake_kernel_delete_routes("10.234.1.0/24", 220);
    foreign.destination = "10.234.0.0/16"; /* ours are more specific */
    fake_kernel_add_route(&foreign);
    ck_assert_int_eq(reconcile(0), 0);
    free(whole);
}
END_TEST

/* T52 */
START_TEST(a_deleted_device_is_made_anew)
{
    char before[64];
    (void)snprintf(before, sizeof(before), "%s", world.published_key);
    world.published_count = 0;
    fake_kernel_delete_link(WORLD_DEVICE);
    ck_assert_int_eq(reconcile(SUBWG_RECONCILE_DRY_RUN), 1);
    expect_sentence(WORLD_DEVICE " is gone, with 2 peers and 4 routes: would make it anew", false);
    assert_kernel_lacks("wireguard " WORLD_DEVICE);
    ck_assert_int_eq(world_connect(&two), -ENODEV);
    expect_repair(WORLD_DEVICE " is gone, with 2 peers and 4 routes");
    ck_assert_str_ne(world.published_key, before);
    assert_kernel_has("wireguard " WORLD_DEVICE " port 5871 mark 0x16ef");
    assert_kernel_has("handshake 0 rx 0 tx 0 allowed 10.234.0.0/18 10.234.64.0/18");
    assert_kernel_has("handshake 0 rx 0 tx 0 allowed 10.235.0.0/18 10.235.64.0/18");
    assert_kernel_has("route table 220 10.235.64.0/18 dev " WORLD_DEVICE);
    ck_assert_uint_eq(world_row("cluster2").rx_bytes, 1000);
    ck_assert_int_eq(world_connect(&two), 1);
    free(whole);
}
END_TEST

/* T30 */
START_TEST(a_stranger_of_the_same_name_is_left_alone)
{
    fake_kernel_delete_link(WORLD_DEVICE);
    (void)fake_kernel_add_link(WORLD_DEVICE, "wireguard");
    char *drifted = world_kernel();
    uint64_t changes = fake_kernel_counters().changes;
    ck_assert_int_eq(reconcile(0), -EEXIST);
    ck_assert_uint_eq(world.error.reason, SUBWG_REASON_NAME_TAKEN);
    ck_assert_uint_eq(fake_kernel_counters().changes, changes);
    assert_kernel_is(drifted);
    free(whole);
}
END_TEST

/* T24 */
START_TEST(a_learned_endpoint_stays_until_nothing_comes_from_it)
{
    struct sockaddr_in roamed = {
        .sin_family = AF_INET, .sin_port = htons(40000), .sin_addr.s_addr = htonl(0xc6336401)};
    fake_kernel_roam(WORLD_DEVICE, two.public_key, (const struct sockaddr *)&roamed);
    for (int i = 0; i < 10; i++) {
        world_pass(18);
        fake_kernel_traffic(WORLD_DEVICE, three.public_key, 100, 100);
        ck_assert_int_eq(reconcile(0), 0);
    }
    assert_kernel_has("endpoint 198.51.100.1:40000");
    world_pass(20);
    ck_assert_int_eq(reconcile(0), 1);
    expect_sentence("has the endpoint 198.51.100.1:40000 instead of 10.243.64.7:5871", true);
    assert_kernel_has("endpoint 10.243.64.7:5871");
    fake_kernel_roam(WORLD_DEVICE, two.public_key, (const struct sockaddr *)&roamed);
    world_pass(100);
    ck_assert_int_eq(reconcile(0), 0); /* once in that time */
    world_pass(100);
    ck_assert_int_eq(reconcile(0), 1);
    free(whole);
}
END_TEST

START_TEST(what_nobody_named_yet_is_told_and_kept)
{
    world_restart();
    ck_assert_int_eq(world_connect(&two), 1);
    char *before = world_kernel();
    ck_assert_int_eq(reconcile(0), 1);
    expect_sentence("an unclaimed peer", false);
    assert_kernel_is(before);
    assert_kernel_is(whole);
}
END_TEST

/* What the engine is told by events. */
static char events[4096];

static void take_event(void *context, const struct subwg_event *event)
{
    (void)context;
    size_t used = strlen(events);
    (void)snprintf(events + used, sizeof(events) - used, "%u %s: %s\n", event->kind,
                   event->cluster_id, event->text);
}

START_TEST(events_tell_what_is_repaired_and_once_what_is_not)
{
    struct fake_kernel_route foreign = {
        .destination = "10.235.1.0/24", .link = "eth0", .table = 220};
    events[0] = '\0';
    world.cable->callbacks.event = take_event;
    fake_kernel_remove_peer(WORLD_DEVICE, two.public_key);
    fake_kernel_add_route(&foreign);
    ck_assert_int_eq(reconcile(SUBWG_RECONCILE_DRY_RUN), 2);
    ck_assert_str_eq(events, "");
    ck_assert_int_eq(reconcile(0), 2);
    ck_assert_ptr_nonnull(
        strstr(events, "3 cluster2: the peer of cluster 'cluster2' is missing: repaired\n"));
    ck_assert_ptr_nonnull(strstr(events, "2 cluster3: a foreign route to 10.235.1.0/24 "));
    events[0] = '\0';
    ck_assert_int_eq(reconcile(0), 1);
    ck_assert_str_eq(events, "");
    (void)fake_kernel_delete_routes("10.235.1.0/24", 220);
    ck_assert_int_eq(reconcile(0), 0);
    fake_kernel_add_route(&foreign);
    ck_assert_int_eq(reconcile(0), 1);
    ck_assert_ptr_nonnull(strstr(events, "2 cluster3: a foreign route"));
    free(whole);
}
END_TEST

START_TEST(repairs_of_one_connection_are_rationed)
{
    unsigned int repairs = 0;
    for (int i = 0; i < 55; i++) {
        if (fake_kernel_has_peer(WORLD_DEVICE, two.public_key))
            fake_kernel_remove_peer(WORLD_DEVICE, two.public_key);
        ck_assert_int_eq(reconcile(0), 1);
        expect_sentence("the peer of cluster 'cluster2' is missing", told.repaired[0]);
        repairs += told.repaired[0];
        world_pass(1);
    }
    ck_assert_uint_eq(repairs, 5 + 5);
    expect_sentence("not repaired yet", false);
    fake_kernel_remove_peer(WORLD_DEVICE, three.public_key); /* the other has its own */
    ck_assert_int_eq(reconcile(0), 2);
    expect_sentence("the peer of cluster 'cluster3' is missing", true);
    world_pass(60);
    ck_assert_int_eq(reconcile(0), 1);
    expect_sentence("the peer of cluster 'cluster2' is missing", true);
    free(whole);
}
END_TEST

START_TEST(a_refused_repair_does_not_stop_the_others)
{
    fake_kernel_remove_peer(WORLD_DEVICE, two.public_key);
    (void)fake_kernel_delete_routes("10.235.0.0/18", 220);
    (void)fake_kernel_delete_rules(AF_INET, 220);
    fake_kernel_set_link_mtu(WORLD_DEVICE, 1300);
    ck_assert_int_eq(reconcile(SUBWG_RECONCILE_DRY_RUN), 4); /* now the links' MTUs are known */
    uint64_t before = fake_kernel_counters().requests;
    ck_assert_int_eq(reconcile(SUBWG_RECONCILE_DRY_RUN), 4);
    uint64_t reads = fake_kernel_counters().requests - before;
    fake_kernel_fail_request(reads + (uint64_t)_i + 1, ENOMEM); /* of four changes */
    ck_assert_int_eq(reconcile(0), -ENOMEM);
    ck_assert_uint_eq(told.count, 4);
    uint32_t repaired = 0;
    for (uint32_t i = 0; i < 4; i++)
        repaired += told.repaired[i];
    ck_assert_uint_eq(repaired, 3);
    ck_assert_int_eq(reconcile(0), 1);
    ck_assert_int_eq(reconcile(0), 0);
    free(whole);
}
END_TEST

int main(void)
{
    const struct world_test tests[] = {
        {without_drift_nothing_is_told_and_nothing_sent, 0},
        {a_removed_peer_comes_back, 0},
        {a_foreign_peer_goes, 0},
        {a_stolen_subnet_comes_back, 0},
        {a_subnet_too_many_goes, 0},
        {what_was_not_tried_is_told_so, 0},
        {the_port_and_the_mark_come_back, 0},
        {preshared_key_and_keepalive_come_back, 0},
        {the_alias_and_the_mtu_come_back, 0},
        {another_private_key_is_published, 0},
        {a_device_without_key_gets_one_that_is_published, 0},
        {routes_and_rules_come_back, 0},
        {exactly_one_rule_of_ours_stays, 0},
        {a_device_that_was_down_gets_its_routes_back, 0},
        {routes_that_a_moment_of_down_took_come_back, 0},
        {a_foreign_route_in_the_way_is_told_and_left, 0},
        {a_more_specific_foreign_route_is_told_and_left, 0},
        {a_deleted_device_is_made_anew, 0},
        {a_stranger_of_the_same_name_is_left_alone, 0},
        {a_learned_endpoint_stays_until_nothing_comes_from_it, 0},
        {what_nobody_named_yet_is_told_and_kept, 0},
        {events_tell_what_is_repaired_and_once_what_is_not, 0},
        {repairs_of_one_connection_are_rationed, 0},
        {a_refused_repair_does_not_stop_the_others, 4},
    };
    return world_run("drift", start, tests, sizeof(tests) / sizeof(tests[0]));
}
