/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to the device and around it, and what reconcile makes of that: renamed, replaced, taken
 * down, without IPv6; paths and addresses of the host that change. T30, T33, T40, T40d, T52, T53.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "engine/cable.h"
#include "hand.h"
#include "told.h"
#include "wireguard/instance.h"
#include "world.h"

static struct remote two;
static struct remote three;

static void start(void)
{
    world_start();
    hand_open();
    remote_make(&two, 2);
    remote_make(&three, 3);
}

static void begin(void)
{
    world_init();
    ck_assert_int_eq(world_connect(&two), 0);
    ck_assert_int_eq(world_connect(&three), 0);
    ck_assert_int_eq(subwg_cable_list_complete(world.cable, &world.error), 0);
}

START_TEST(a_renamed_device_gets_its_name_back)
{
    begin();
    hand_set_link_down_and_rename("wg7");
    ck_assert_int_eq(reconcile(SUBWG_RECONCILE_DRY_RUN), 2);
    expect_sentence(WORLD_DEVICE " was renamed to wg7: would rename it back", false);
    ck_assert_int_eq(reconcile(0), 2);
    expect_sentence(WORLD_DEVICE " was renamed to wg7: repaired", true);
    assert_kernel_has("wireguard " WORLD_DEVICE " port 5871");
    assert_kernel_has("route table 220 10.234.0.0/18 dev " WORLD_DEVICE);
    ck_assert_int_eq(reconcile(0), 0);
}
END_TEST

/* Not even when it is the only one of that name: ours is known by its index and key. */
START_TEST(a_stranger_that_took_the_name_of_a_renamed_device_is_left_alone)
{
    begin();
    hand_set_link_down_and_rename("wg7");
    (void)fake_kernel_add_link(WORLD_DEVICE, "wireguard");
    ck_assert_int_eq(reconcile(0), 2);
    expect_sentence(WORLD_DEVICE " was renamed to wg7: could not rename it back", false);
    expect_sentence(WORLD_DEVICE " is down", true);
    assert_kernel_has("wireguard wg7 port 5871");
    assert_kernel_has("wireguard " WORLD_DEVICE " port 40001 mark 0x0 key none");
    assert_kernel_has("route table 220 10.234.0.0/18 dev wg7");
    assert_kernel_lacks("route table 220 10.234.0.0/18 dev " WORLD_DEVICE);
}
END_TEST

/* A name that cannot be had costs nothing that can. */
START_TEST(a_name_that_is_refused_holds_up_no_other_repair)
{
    begin();
    hand_set_link_down_and_rename("wg7");
    (void)fake_kernel_add_link(WORLD_DEVICE, "wireguard");
    for (uint32_t i = 0; i < 2 * LIMIT_REPAIR_BURST; i++) {
        world_pass(1);
        ck_assert_int_ge(reconcile(0), 1);
    }
    expect_sentence(WORLD_DEVICE " was renamed to wg7: not repaired yet", false);
    world_pass(LIMIT_REPAIR_PERIOD_S);
    ck_assert_int_eq(reconcile(0), 1);
    expect_sentence(WORLD_DEVICE " was renamed to wg7: could not rename it back", false);
    for (uint32_t i = 0; i < LIMIT_REPAIR_BURST; i++) {
        ck_assert_uint_eq(fake_kernel_delete_rules(AF_INET, 220), 1);
        ck_assert_int_eq(reconcile(0), 2);
        expect_sentence("the IPv4 rule 220", true);
    }
}
END_TEST

START_TEST(what_was_repaired_beside_a_refused_name_is_known)
{
    begin();
    hand_set_link_down_and_rename("wg7");
    (void)fake_kernel_add_link(WORLD_DEVICE, "wireguard");
    fake_kernel_set_link_mtu("eth0", 1400);
    ck_assert_int_eq(reconcile(0), 3);
    ck_assert_uint_eq(world.cable->instance->mtu, 1320);
    ck_assert_int_eq(reconcile(0), 1);
}
END_TEST

START_TEST(a_device_made_anew_keeps_the_identity_of_its_key_file)
{
    char folder[] = "/tmp/subwg-drift-XXXXXX";
    char path[64];
    char before[64];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/key", folder);
    const struct subwg_setting settings[] = {{"key-file", path}};
    ck_assert_msg(world_create(settings, 1) == 0, "%s", world.error.text);
    ck_assert_msg(subwg_cable_init(world.cable, &world.error) == 0, "%s", world.error.text);
    ck_assert_int_eq(world_connect(&two), 0);
    (void)snprintf(before, sizeof(before), "%s", world.published_key);
    world.published_count = 0;

    fake_kernel_delete_link(WORLD_DEVICE);
    ck_assert_msg(reconcile(0) == 1, "%s", world.error.text);
    assert_kernel_has(before);
    hand_set_private_key();
    assert_kernel_lacks(before);
    expect_repair(WORLD_DEVICE " has not its private key: ");
    assert_kernel_has(before);
    ck_assert_uint_eq(world.published_count, 0); /* nobody needs to be told */
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

static int32_t refuse_publishing(void)
{
    return -EIO;
}

START_TEST(a_new_key_is_published_until_the_engine_takes_it)
{
    begin();
    char before[64];
    (void)snprintf(before, sizeof(before), "%s", world.published_key);
    world.published_count = 0;
    fake_kernel_delete_link(WORLD_DEVICE);
    world.refuse_publishing = refuse_publishing;
    ck_assert_int_eq(reconcile(0), -EIO);
    ck_assert_int_eq(reconcile(0), -EIO);
    expect_sentence("has another private key: could not publish the public key ", false);
    ck_assert_str_eq(world.published_key, before);
    world.refuse_publishing = NULL;
    ck_assert_int_eq(reconcile(0), 1);
    ck_assert_str_ne(world.published_key, before);
    assert_kernel_has(world.published_key);
    ck_assert_int_eq(reconcile(0), 0);
}
END_TEST

START_TEST(a_device_that_cannot_come_up_says_why_and_comes_up_later)
{
    begin();
    fake_kernel_delete_link(WORLD_DEVICE);
    world.published_count = 0;
    fake_kernel_set_port_busy(5871, true);
    ck_assert_int_eq(reconcile(0), -EADDRINUSE);
    ck_assert_uint_eq(world.error.reason, SUBWG_REASON_PORT_IN_USE);
    expect_sentence(WORLD_DEVICE " is gone", true);
    expect_sentence(WORLD_DEVICE " is down: could not set it up", false);
    assert_kernel_lacks("route table 220");
    ck_assert(fake_kernel_has_peer(WORLD_DEVICE, two.public_key));
    fake_kernel_set_port_busy(5871, false);
    ck_assert_msg(reconcile(0) == 1, "%s", world.error.text);
    assert_kernel_has("route table 220 10.234.0.0/18 dev " WORLD_DEVICE);
}
END_TEST

/* Below an MTU of 1280 the kernel takes IPv6 off the device, and does not put it back. T40 */
START_TEST(ipv6_comes_back_after_an_mtu_that_is_too_small)
{
    two.subnets[1] = "fd00:234::/48";
    fake_kernel_add_address("eth0", "fd00:1::6/64");
    begin();
    assert_kernel_has("route table 220 fd00:234::/48 dev " WORLD_DEVICE);
    char *before = world_kernel();
    fake_kernel_set_link_mtu(WORLD_DEVICE, 1279);
    assert_kernel_lacks("fd00:234::/48 dev " WORLD_DEVICE);
    ck_assert_int_eq(reconcile(0), 2);
    expect_sentence(WORLD_DEVICE " has an MTU of 1279 instead of 1420", true);
    expect_sentence("the route to fd00:234::/48 of cluster 'cluster2' is missing", true);
    assert_kernel_is(before);
    before = world_kernel();
    fake_kernel_set_link_mtu(WORLD_DEVICE, 1279);
    fake_kernel_set_link_mtu(WORLD_DEVICE, 1420); /* by hand, without the routes */
    ck_assert_int_eq(reconcile(0), 1);
    assert_kernel_is(before);
}
END_TEST

/* T33 */
START_TEST(the_mtu_follows_the_smallest_path_down_and_up)
{
    begin();
    fake_kernel_set_link_mtu("eth0", 1400);
    ck_assert_int_eq(reconcile(0), 1);
    expect_sentence(WORLD_DEVICE " has an MTU of 1420 instead of 1320", true);
    fake_kernel_set_link_mtu("eth0", 9000);
    ck_assert_int_eq(reconcile(0), 1);
    expect_sentence(WORLD_DEVICE " has an MTU of 1320 instead of 8920", true);
    struct fake_kernel_route narrow = {
        .destination = "10.243.64.8/32", .link = "eth0", .mtu = 1300};
    fake_kernel_add_route(&narrow);
    ck_assert_int_eq(reconcile(0), 1);
    expect_sentence("instead of 1280", true);
    ck_assert_int_eq(world_disconnect(&three), 0);
    ck_assert_int_eq(reconcile(0), 1);
    expect_sentence("instead of 8920", true);
    ck_assert_int_eq(reconcile(0), 0);
}
END_TEST

START_TEST(the_source_address_comes_back_and_follows_the_host)
{
    fake_kernel_add_address("eth0", "10.233.0.1/24");
    begin();
    assert_kernel_has("address 10.233.0.1/32 dev " WORLD_DEVICE);
    char *before = world_kernel();
    fake_kernel_delete_address(WORLD_DEVICE, "10.233.0.1/32"); /* the last: all routes go, too */
    ck_assert_int_eq(reconcile(0), 1 + 4);
    expect_sentence(WORLD_DEVICE " lacks the address 10.233.0.1/32", true);
    assert_kernel_is(before);
    fake_kernel_delete_address("eth0", "10.233.0.1/24"); /* not known better: it stays */
    ck_assert_int_eq(reconcile(0), 0);
    fake_kernel_add_address("eth0", "10.233.0.9/24");
    ck_assert_int_eq(reconcile(0), 2);
    expect_sentence(WORLD_DEVICE " lacks the address 10.233.0.9/32", true);
    expect_sentence(WORLD_DEVICE " has the address 10.233.0.1/32, which is not its any more", true);
    fake_kernel_add_address(WORLD_DEVICE, "10.77.0.1/32"); /* somebody else's */
    ck_assert_int_eq(reconcile(0), 0);
}
END_TEST

/* The larger of both counts, and only strict drops. T40d */
START_TEST(a_strict_reverse_path_filter_is_told)
{
    begin();
    for (uint32_t all = 0; all < 3; all++)
        for (uint32_t own = 0; own < 3; own++) {
            uint64_t changes = fake_kernel_counters().changes;
            bool strict = (all == 1 && own <= 1) || (own == 1 && all <= 1);
            fake_kernel_set_rp_filter(NULL, all);
            fake_kernel_set_rp_filter(WORLD_DEVICE, own);
            ck_assert_int_eq(reconcile(0), strict ? 1 : 0);
            if (strict)
                expect_sentence("sysctl net.ipv4.conf." WORLD_DEVICE ".rp_filter=2", false);
            ck_assert_uint_eq(fake_kernel_counters().changes, changes);
        }
}
END_TEST

/* sysctl takes a dot for a slash, unless there is a slash before it. */
START_TEST(advice_for_a_device_with_a_dot_can_be_followed)
{
    const struct subwg_setting settings[] = {{"device", "wg.7"}};
    ck_assert_msg(world_create(settings, 1) == 0, "%s", world.error.text);
    ck_assert_int_eq(subwg_cable_init(world.cable, &world.error), 0);
    fake_kernel_set_rp_filter("wg.7", 1);
    ck_assert_int_eq(reconcile(0), 1);
    expect_sentence("loosen it with: sysctl net/ipv4/conf/wg.7/rp_filter=2", false);
}
END_TEST

/* How many requests after this one the last path was looked up. */
static uint64_t last_lookup(uint64_t before)
{
    uint64_t last = 0;
    for (uint64_t i = before + 1; i <= fake_kernel_counters().requests; i++)
        if (strcmp(fake_kernel_request_name(i), "RTM_GETROUTE") == 0)
            last = i - before;
    return last;
}

/* The paths are looked up together, and each has its own answer. */
START_TEST(a_path_that_is_not_found_stays_as_it_was_known)
{
    bool of_three = _i % 2 == 1;
    struct fake_kernel_route narrow = {
        .destination = "10.243.64.8/32", .link = "eth0", .mtu = 1400};
    begin();
    ck_assert_int_eq(reconcile(0), 0);
    uint64_t before = fake_kernel_counters().requests;
    ck_assert_int_eq(reconcile(SUBWG_RECONCILE_DRY_RUN), 0);
    uint64_t last = last_lookup(before);
    fake_kernel_add_route(&narrow);
    before = fake_kernel_counters().requests;
    fake_kernel_fail_request(last - !of_three, _i < 2 ? ENETUNREACH : ENOMEM);
    ck_assert_int_eq(reconcile(SUBWG_RECONCILE_DRY_RUN), of_three ? 0 : 1);
    ck_assert_uint_eq(last_lookup(before), last);
    ck_assert_uint_eq(fake_kernel_happened(), 1);
    ck_assert_int_eq(reconcile(0), 1);
    expect_sentence(WORLD_DEVICE " has an MTU of 1420 instead of 1320", true);
}
END_TEST

/* T53: the socket of a device stays in the namespace in which it was made. */
START_TEST(a_device_whose_namespace_is_gone_is_to_be_made_again)
{
    begin();
    fake_kernel_set_link_up(WORLD_DEVICE, false);
    (void)reconcile(SUBWG_RECONCILE_DRY_RUN); /* from now on the links' MTUs are known */
    uint64_t before = fake_kernel_counters().requests;
    (void)reconcile(SUBWG_RECONCILE_DRY_RUN);
    fake_kernel_fail_request(fake_kernel_counters().requests - before + 1, ENONET);
    ck_assert_int_eq(reconcile(0), -ENONET);
    ck_assert_uint_eq(world.error.reason, SUBWG_REASON_NAMESPACE);
    ck_assert_ptr_nonnull(strstr(world.error.hint, "ip link del " WORLD_DEVICE));
}
END_TEST

START_TEST(without_ipv6_nothing_of_it_is_missed)
{
    fake_kernel_set_ipv6(false);
    begin();
    uint64_t changes = fake_kernel_counters().changes;
    ck_assert_int_eq(reconcile(0), 0);
    ck_assert_uint_eq(fake_kernel_counters().changes, changes);
}
END_TEST

START_TEST(without_routes_those_of_others_are_no_matter)
{
    const struct subwg_setting settings[] = {{"routes", "no"}};
    ck_assert_msg(world_create(settings, 1) == 0, "%s", world.error.text);
    ck_assert_int_eq(subwg_cable_init(world.cable, &world.error), 0);
    ck_assert_int_eq(world_connect(&two), 0);
    struct fake_kernel_route foreign = {
        .destination = "10.234.0.0/18", .link = "eth0", .table = 220};
    fake_kernel_add_route(&foreign);
    ck_assert_int_eq(reconcile(0), 0);
}
END_TEST

/* As the engine's loop, for a look at the peers and a second more. */
static void dispatch_for_a_look(void)
{
    for (uint32_t i = 0; i <= LIMIT_POLL_S + 1; i++) {
        world_pass(1);
        ck_assert_msg(subwg_cable_dispatch(world.cable, &world.error) == 0, "%s", world.error.text);
    }
}

/* Of what is WireGuard's own the kernel tells nobody: port, mark and key no less than peers. */
START_TEST(what_only_a_look_shows_is_repaired_at_the_look)
{
    static const uint8_t key[32] = {9, 9, 9};
    begin();
    ck_assert_int_ge(subwg_cable_event_fd(world.cable, &world.error), 0);
    dispatch_for_a_look();
    hand_set_port(4711);
    dispatch_for_a_look();
    assert_kernel_has("wireguard " WORLD_DEVICE " port 5871 mark 0x16ef");
    hand_set_mark(7);
    dispatch_for_a_look();
    assert_kernel_has("wireguard " WORLD_DEVICE " port 5871 mark 0x16ef");
    fake_kernel_add_peer(WORLD_DEVICE, key, "10.99.0.0/16");
    dispatch_for_a_look();
    ck_assert(!fake_kernel_has_peer(WORLD_DEVICE, key));
    hand_set_keepalive(two.public_key, 77);
    dispatch_for_a_look();
    assert_kernel_lacks("keepalive 77");
    world.published_count = 0;
    hand_set_private_key();
    dispatch_for_a_look();
    assert_kernel_has(world.published_key);
    ck_assert_uint_gt(world.published_count, 0);
}
END_TEST

/* What cannot be repaired, or is not to be, is no reason to look at everything again and again. */
START_TEST(what_stays_as_it_is_costs_no_more_than_the_usual_rounds)
{
    begin();
    ck_assert_int_ge(subwg_cable_event_fd(world.cable, &world.error), 0);
    fake_kernel_add_address("eth0", "10.235.7.1/24"); /* cluster3 is withheld */
    dispatch_for_a_look();
    ck_assert_uint_eq(world_row("cluster3").status_reason, SUBWG_STATUS_REASON_CONFLICT);
    uint64_t before = world.cable->instance->dispatch->reconciles;
    for (int i = 0; i < 10; i++)
        dispatch_for_a_look();
    ck_assert_uint_le(world.cable->instance->dispatch->reconciles - before,
                      10 * (LIMIT_POLL_S + 2) / LIMIT_RECONCILE_S + 1);
}
END_TEST

int main(void)
{
    const struct world_test tests[] = {
        {a_renamed_device_gets_its_name_back, 0},
        {a_stranger_that_took_the_name_of_a_renamed_device_is_left_alone, 0},
        {a_name_that_is_refused_holds_up_no_other_repair, 0},
        {what_was_repaired_beside_a_refused_name_is_known, 0},
        {a_device_made_anew_keeps_the_identity_of_its_key_file, 0},
        {a_new_key_is_published_until_the_engine_takes_it, 0},
        {a_device_that_cannot_come_up_says_why_and_comes_up_later, 0},
        {ipv6_comes_back_after_an_mtu_that_is_too_small, 0},
        {the_mtu_follows_the_smallest_path_down_and_up, 0},
        {the_source_address_comes_back_and_follows_the_host, 0},
        {a_strict_reverse_path_filter_is_told, 0},
        {advice_for_a_device_with_a_dot_can_be_followed, 0},
        {a_path_that_is_not_found_stays_as_it_was_known, 4},
        {a_device_whose_namespace_is_gone_is_to_be_made_again, 0},
        {without_ipv6_nothing_of_it_is_missed, 0},
        {without_routes_those_of_others_are_no_matter, 0},
        {what_only_a_look_shows_is_repaired_at_the_look, 0},
        {what_stays_as_it_is_costs_no_more_than_the_usual_rounds, 0},
    };
    return world_run("drift-device", start, tests, sizeof(tests) / sizeof(tests[0]));
}
