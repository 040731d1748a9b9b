/* SPDX-License-Identifier: Apache-2.0 */
/* Routes that nobody changed are not listed again, and no route that somebody did change goes unseen. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/rtnetlink.h>

#include "base/limits.h"
#include "engine/cable.h"
#include "told.h"
#include "wireguard/instance.h"
#include "world.h"

#define ROUTE "10.234.0.0/18" /* of cluster2 */
#define TABLE 220u

static struct remote two;
static struct remote three;
static struct remote four;
static char *whole;

/* With an MTU that is set nobody looks for paths: who asks for routes asks for their list. */
static const struct subwg_setting settings[] = {{"mtu", "1400"}};

/* How often routes were listed meanwhile. */
static unsigned lists(uint64_t since)
{
    unsigned count = 0;
    for (uint64_t i = since + 1; i <= fake_kernel_counters().requests; i++)
        count += strcmp(fake_kernel_request_name(i), "RTM_GETROUTE") == 0;
    return count;
}

static void expect_lists(unsigned expected)
{
    uint64_t before = fake_kernel_counters().requests;
    ck_assert_int_eq(reconcile(0), 0);
    ck_assert_uint_eq(lists(before), expected);
}

/* Until nothing is told any more, and that is known. */
static void become_quiet(void)
{
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(reconcile(0), 0);
    expect_lists(0);
}

/* Found by the first look, and repaired. */
static void expect_back(int32_t differences)
{
    ck_assert_int_eq(reconcile(0), differences);
    assert_kernel_equals(whole);
}

static void start(void)
{
    world_start();
    remote_make(&two, 2);
    remote_make(&three, 3);
    remote_make(&four, 4);
    ck_assert_int_eq(world_create(settings, 1), 0);
    ck_assert_msg(subwg_cable_init(world.cable, &world.error) == 0, "%s", world.error.text);
    ck_assert_int_eq(world_connect(&two), 0);
    ck_assert_int_eq(world_connect(&three), 0);
    ck_assert_int_eq(subwg_cable_list_complete(world.cable, &world.error), 0);
    become_quiet();
    whole = world_kernel();
}

START_TEST(a_lost_route_is_back_at_once)
{
    for (int i = 0; i < 5; i++) {
        ck_assert_uint_eq(fake_kernel_delete_routes(ROUTE, TABLE), 1);
        expect_back(1);
        world_pass(LIMIT_REPAIR_PERIOD_S);
        become_quiet();
    }
    free(whole);
}
END_TEST

/* Of the routes that fall with the link, or with its last address, no notice tells. */
START_TEST(routes_that_fall_without_a_word_are_back)
{
    fake_kernel_set_link_up(WORLD_DEVICE, false);
    fake_kernel_set_link_up(WORLD_DEVICE, true);
    expect_back(4);
    become_quiet();
    fake_kernel_set_link_mtu(WORLD_DEVICE, 1279);
    fake_kernel_set_link_mtu(WORLD_DEVICE, 1400);
    expect_back(0);
    become_quiet();
    fake_kernel_delete_link(WORLD_DEVICE);
    ck_assert_int_gt(reconcile(0), 0);
    assert_kernel_has(ROUTE);
    world_pass(LIMIT_REPAIR_PERIOD_S);
    become_quiet();
    free(whole);
}
END_TEST

START_TEST(a_route_that_is_replaced_or_added_is_seen)
{
    struct fake_kernel_route foreign = {.destination = ROUTE, .link = "eth0", .table = TABLE};
    ck_assert_uint_eq(fake_kernel_delete_routes(ROUTE, TABLE), 1);
    fake_kernel_add_route(&foreign);
    for (int i = 0; i < 3; i++) { /* as long as it is there */
        uint64_t before = fake_kernel_counters().requests;
        ck_assert_int_eq(reconcile(0), 1);
        expect_sentence("a foreign route to " ROUTE, false);
        ck_assert_uint_eq(lists(before), 1);
    }
    ck_assert_uint_eq(fake_kernel_delete_routes(ROUTE, TABLE), 1);
    expect_back(1);
    become_quiet();
    fake_kernel_add_route(&(struct fake_kernel_route){
        .destination = "10.99.0.0/16", .link = WORLD_DEVICE, .table = TABLE, .protocol = 158});
    expect_back(1);
    free(whole);
}
END_TEST

START_TEST(routes_elsewhere_are_nobody_s_affair)
{
    const struct fake_kernel_route elsewhere = {.destination = "198.51.100.0/24", .link = "eth0"};
    for (int i = 0; i < 5; i++) {
        fake_kernel_add_route(&elsewhere);
        ck_assert_uint_eq(fake_kernel_delete_routes("198.51.100.0/24", 0), 1);
        fake_kernel_set_link_mtu("eth0", i % 2 == 0 ? 1400 : 1500);
        expect_lists(0);
    }
    free(whole);
}
END_TEST

/* The kernel tells us of our own, too. */
START_TEST(own_changes_need_no_list)
{
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(world_connect(&four), 0);
        expect_lists(0);
        ck_assert_int_eq(world_disconnect(&two), 0);
        ck_assert_int_eq(world_disconnect(&four), 0);
        expect_lists(0);
        ck_assert_int_eq(world_connect(&two), 0);
        expect_lists(0);
        ck_assert_uint_eq(fake_kernel_delete_routes(ROUTE, TABLE), 1);
        ck_assert_int_eq(reconcile(0), 1);
        assert_kernel_has(ROUTE);
        world_pass(LIMIT_REPAIR_PERIOD_S);
        become_quiet();
    }
    free(whole);
}
END_TEST

/* Were the driver itself to lose count of its routes, what the kernel tells of them shows it. */
START_TEST(own_changes_have_to_add_up)
{
    struct subwg_instance *instance = world.cable->instance;
    struct route_change change = {
        .remove = true,
        .route = {
            .table = TABLE, .ifindex = instance->ifindex, .protocol = 158, .type = RTN_UNICAST}};
    int32_t result;
    ck_assert_int_eq(prefix_parse(ROUTE, &change.route.destination), ADDRESS_OK);
    ck_assert_int_eq(route_apply(instance->netlink, &change, 1, &result, NULL), 0);
    expect_back(1);
    free(whole);
}
END_TEST

/* Whatever is left half done by a request that failed. */
START_TEST(own_changes_that_fail_are_looked_after)
{
    for (uint64_t request = 1; request <= 12; request++) {
        fake_kernel_fail_request(request, ENOBUFS);
        (void)world_connect(&four);
        fake_kernel_fail_request(request, ENOBUFS);
        (void)world_disconnect(&four);
        fake_kernel_fail_request(0, 0);
        ck_assert_int_ge(reconcile(0), 0);
        ck_assert_int_eq(reconcile(SUBWG_RECONCILE_DRY_RUN), 0);
        ck_assert_int_ge(world_disconnect(&four), 0);
        ck_assert_int_eq(reconcile(0), 0);
        assert_kernel_equals(whole);
        world_pass(LIMIT_REPAIR_PERIOD_S);
    }
    free(whole);
}
END_TEST

/* A remote that is dead comes back with another key and another subnet, so that nothing is undone. One route
 * more and one less add up, but not to what is wanted. */
START_TEST(a_change_that_stays_half_done_is_looked_after)
{
    static const char *const subnets[] = {"10.201.0.0/16"};
    const struct subwg_setting config[] = {{"publicKey", four.key}, {"udp-port", "5871"}};
    struct remote next = two;
    next.endpoint.subnets = subnets;
    next.endpoint.subnet_count = 1;
    next.endpoint.backend_config = config;
    for (int i = 0; i < 20; i++) {
        fake_kernel_traffic(WORLD_DEVICE, two.public_key, 0, 148);
        world_pass(10);
        ck_assert_int_eq(reconcile(0), 0);
    }
    become_quiet();
    fake_kernel_fail_request((uint64_t)_i + 1, ENOMEM);
    (void)world_connect(&next);
    fake_kernel_fail_request(0, 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_ge(reconcile(0), 0);
        world_pass(LIMIT_REPAIR_PERIOD_S);
    }
    ck_assert_int_eq(reconcile(SUBWG_RECONCILE_DRY_RUN), 0);
    free(whole);
}
END_TEST

START_TEST(a_route_whose_notice_was_lost_is_back)
{
    const struct fake_kernel_route elsewhere = {.destination = "198.51.100.0/24", .link = "eth0"};
    for (int i = 0; i < 1000; i++) {
        fake_kernel_add_route(&elsewhere);
        ck_assert_uint_eq(fake_kernel_delete_routes("198.51.100.0/24", 0), 1);
    }
    ck_assert_uint_eq(fake_kernel_delete_routes(ROUTE, TABLE), 1);
    expect_back(1);
    become_quiet();
    ck_assert_uint_eq(fake_kernel_delete_routes(ROUTE, TABLE), 1);
    expect_back(1);
    free(whole);
}
END_TEST

/* Call by call, until reconcile makes no such call any more: its own exchanges fail openly. */
START_TEST(a_route_whose_notice_cannot_be_read_is_back)
{
    static const int errors[] = {EIO, ENOBUFS, EINTR, ENOMEM, EAGAIN};
    for (uint64_t call = 1; call <= 40; call++) {
        ck_assert_uint_eq(fake_kernel_delete_routes(ROUTE, TABLE), 1);
        fake_kernel_fail_call(call, errors[_i]);
        (void)reconcile(0);
        fake_kernel_fail_call(0, 0);
        ck_assert_int_ge(reconcile(0), 0);
        assert_kernel_equals(whole);
        world_pass(LIMIT_REPAIR_PERIOD_S);
        become_quiet();
    }
    free(whole);
}
END_TEST

/* Because what is not told cannot be known, and whoever asks what would be done wants to know. */
START_TEST(routes_are_listed_from_time_to_time_and_for_a_dry_run)
{
    world_pass(LIMIT_ROUTES_KEPT_S - 1);
    expect_lists(0);
    world_pass(1);
    expect_lists(1);
    expect_lists(0);
    uint64_t before = fake_kernel_counters().requests;
    ck_assert_int_eq(reconcile(SUBWG_RECONCILE_DRY_RUN), 0);
    ck_assert_uint_eq(lists(before), 1);
    expect_lists(0);
    world.elapsed_ns -= 1000000000; /* a clock that cannot be believed */
    expect_lists(1);
    free(whole);
}
END_TEST

/* After a reconcile that failed nothing is taken for granted. */
START_TEST(routes_are_listed_after_a_failure)
{
    fake_kernel_fail_request(2, EIO);
    ck_assert_int_lt(reconcile(0), 0);
    expect_lists(1);
    expect_lists(0);
    free(whole);
}
END_TEST

/* A change to the routes right before a list may not be done yet. */
START_TEST(a_list_right_after_a_notice_is_not_kept)
{
    ck_assert_uint_eq(fake_kernel_delete_routes(ROUTE, TABLE), 1);
    fake_kernel_add_route(&(struct fake_kernel_route){
        .destination = ROUTE, .link = WORLD_DEVICE, .table = TABLE, .protocol = 158});
    expect_lists(1);
    expect_lists(1);
    expect_lists(0);
    free(whole);
}
END_TEST

int main(void)
{
    const struct world_test tests[] = {
        {a_lost_route_is_back_at_once, 0},
        {routes_that_fall_without_a_word_are_back, 0},
        {a_route_that_is_replaced_or_added_is_seen, 0},
        {routes_elsewhere_are_nobody_s_affair, 0},
        {own_changes_need_no_list, 0},
        {own_changes_have_to_add_up, 0},
        {own_changes_that_fail_are_looked_after, 0},
        {a_change_that_stays_half_done_is_looked_after, 12},
        {a_route_whose_notice_was_lost_is_back, 0},
        {a_route_whose_notice_cannot_be_read_is_back, 5},
        {routes_are_listed_from_time_to_time_and_for_a_dry_run, 0},
        {routes_are_listed_after_a_failure, 0},
        {a_list_right_after_a_notice_is_not_kept, 0},
    };
    return world_run("kept_routes", start, tests, sizeof(tests) / sizeof(tests[0]));
}
