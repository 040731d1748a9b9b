/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine that dispatches, on the model of the kernel: what others change is seen and put right, what
 * the driver does itself is no news, and nothing is done twice. T38, T40, T51, T70, T71.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "engine/cable.h"
#include "wireguard/instance.h"
#include "world.h"

#define SUBNET "10.234.0.0/18"
#define TABLE  220
#define ROUTE  "route table 220 10.234.0.0/18 dev subwg0"
#define EVENTS 10000

static struct remote two;
static struct remote three;
static int event_fd;
static char *whole; /* the kernel's state before */

static const struct dispatch *state(void)
{
    return world.cable->instance->dispatch;
}

static void dispatch(void)
{
    ck_assert_msg(subwg_cable_dispatch(world.cable, &world.error) == 0, "%s", world.error.text);
}

static bool is_readable(void)
{
    struct pollfd descriptor = {.fd = event_fd, .events = POLLIN};
    return poll(&descriptor, 1, 0) == 1;
}

/* As the engine's loop, second by second: the clock of the model does not move by itself. */
static void pass(uint64_t seconds)
{
    for (uint64_t i = 0; i < seconds; i++) {
        world_pass(1);
        dispatch();
    }
}

/* Two connections that are heard, and a driver with nothing left to do. */
static void start(void)
{
    world_start();
    remote_make(&two, 2);
    remote_make(&three, 3);
    world_init();
    event_fd = subwg_cable_event_fd(world.cable, &world.error);
    ck_assert_msg(event_fd >= 0, "%s", world.error.text);
    ck_assert_int_eq(world_connect(&two), 0);
    ck_assert_int_eq(world_connect(&three), 0);
    ck_assert_int_eq(subwg_cable_list_complete(world.cable, &world.error), 0);
    world_hear(&two);
    world_hear(&three);
    pass(6);
    whole = world_kernel();
}

/* Noticing. */

START_TEST(route_deleted_by_hand_is_back_at_once)
{
    ck_assert(!is_readable());
    ck_assert_uint_eq(fake_kernel_delete_routes(SUBNET, TABLE), 1);
    ck_assert(is_readable());
    dispatch();
    assert_kernel_equals(whole);
    ck_assert_msg(strstr(world.log, SUBNET) != NULL, "%s", world.log);
}
END_TEST

START_TEST(rules_are_watched_too)
{
    ck_assert_uint_eq(fake_kernel_delete_rules(AF_INET6, 220), 1);
    ck_assert(is_readable());
    dispatch();
    assert_kernel_equals(whole);
}
END_TEST

/* A network of this host that overlaps a remote's subnets: the remote has to wait until it goes. */
START_TEST(addresses_are_watched_too)
{
    fake_kernel_add_address("eth0", "10.234.7.1/24");
    ck_assert(is_readable());
    dispatch();
    assert_kernel_lacks(ROUTE);
    ck_assert_uint_eq(world_row("cluster2").status_reason, SUBWG_STATUS_REASON_CONFLICT);
    world_pass(2);
    fake_kernel_delete_address("eth0", "10.234.7.1/24");
    ck_assert(is_readable());
    dispatch();
    assert_kernel_has(ROUTE);
}
END_TEST

/* T40: of the IPv4 routes that go with the link nobody is told. */
START_TEST(link_down_and_up_costs_no_route_for_long)
{
    fake_kernel_set_link_up(WORLD_DEVICE, false);
    assert_kernel_lacks(ROUTE);
    fake_kernel_set_link_up(WORLD_DEVICE, true);
    dispatch();
    assert_kernel_has(ROUTE);
    world_pass(2);
    fake_kernel_set_link_up(WORLD_DEVICE, false);
    dispatch();
    assert_kernel_has(ROUTE);
    fake_kernel_set_link_mtu(WORLD_DEVICE, 1279);
    pass(2);
    fake_kernel_set_link_mtu(WORLD_DEVICE, 1420);
    pass(2);
    assert_kernel_has(ROUTE);
    ck_assert_int_eq(
        subwg_cable_reconcile(world.cable, SUBWG_RECONCILE_DRY_RUN, NULL, NULL, &world.error), 0);
}
END_TEST

START_TEST(deleted_device_is_made_anew)
{
    char key[64];
    (void)snprintf(key, sizeof(key), "%s", world.published_key);
    world.published_count = 0;
    fake_kernel_delete_link(WORLD_DEVICE);
    ck_assert(is_readable());
    dispatch();
    assert_kernel_has(ROUTE);
    ck_assert(fake_kernel_has_peer(WORLD_DEVICE, two.public_key));
    ck_assert_str_ne(world.published_key, key);
    pass(2);
    ck_assert(!is_readable());
}
END_TEST

/* Of peers the kernel tells nothing: the regular look finds out. */
START_TEST(peer_removed_by_hand_is_back_within_a_look)
{
    fake_kernel_remove_peer(WORLD_DEVICE, two.public_key);
    ck_assert(!is_readable());
    pass(LIMIT_POLL_S + 1);
    ck_assert(fake_kernel_has_peer(WORLD_DEVICE, two.public_key));
}
END_TEST

START_TEST(changes_elsewhere_are_nobody_s_affair)
{
    const struct fake_kernel_route elsewhere = {.destination = "198.51.100.0/24", .link = "eth0"};
    uint64_t reconciles = state()->reconciles;
    for (int i = 0; i < 5; i++) {
        fake_kernel_add_route(&elsewhere);
        fake_kernel_set_link_mtu("eth0", 1400);
        pass(2);
        ck_assert_uint_eq(fake_kernel_delete_routes("198.51.100.0/24", 0), 1);
        fake_kernel_set_link_mtu("eth0", 1500);
        pass(2);
    }
    ck_assert_uint_eq(state()->reconciles, reconciles);
}
END_TEST

/* Settling. */

/* The kernel tells us of our own requests, too, and not all of them by name. */
START_TEST(own_changes_are_no_news)
{
    uint64_t reconciles = state()->reconciles;
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(world_disconnect(&two), 0);
        pass(2);
        ck_assert_int_eq(world_connect(&two), 0);
        pass(2);
    }
    ck_assert_uint_eq(state()->reconciles, reconciles);
}
END_TEST

/* What a repair itself causes is looked at once more at most, and then it is quiet. */
START_TEST(repairs_settle)
{
    fake_kernel_set_link_up(WORLD_DEVICE, false);
    ck_assert_uint_eq(fake_kernel_delete_rules(AF_INET, 220), 1);
    fake_kernel_set_link_mtu(WORLD_DEVICE, 1279);
    uint64_t reconciles = state()->reconciles;
    pass(4);
    ck_assert_uint_ge(state()->reconciles, reconciles + 1);
    ck_assert_uint_le(state()->reconciles, reconciles + 3);
    reconciles = state()->reconciles;
    uint64_t changes = fake_kernel_counters().changes;
    pass(20);
    ck_assert_uint_eq(state()->reconciles, reconciles);
    ck_assert_uint_eq(fake_kernel_counters().changes, changes);
}
END_TEST

START_TEST(nothing_to_do_costs_nothing)
{
    uint64_t sends = fake_kernel_counters().sends;
    for (int i = 0; i < 1000; i++)
        dispatch();
    ck_assert_uint_eq(fake_kernel_counters().sends, sends);
    ck_assert(!is_readable());
}
END_TEST

/* An hour of quiet: so many looks, so many comparisons, and no change. */
START_TEST(an_hour_of_quiet)
{
    uint64_t reconciles = state()->reconciles;
    uint64_t changes = fake_kernel_counters().changes;
    for (int i = 0; i < 3600; i++) {
        if (i % 8 == 0) {
            world_hear(&two);
            world_hear(&three);
        }
        pass(1);
    }
    ck_assert_uint_le(state()->reconciles - reconciles, 3600 / LIMIT_RECONCILE_S);
    ck_assert_uint_ge(state()->reconciles - reconciles, 3600 / LIMIT_RECONCILE_S - 1);
    ck_assert_uint_eq(fake_kernel_counters().changes, changes);
}
END_TEST

/* Somebody flips a route every 100 ms. */
START_TEST(adversary_gets_a_reconcile_a_second)
{
    uint64_t reconciles = state()->reconciles;
    for (int i = 0; i < 600; i++) {
        (void)fake_kernel_delete_routes(SUBNET, TABLE);
        world.elapsed_ns += 100000000;
        dispatch();
    }
    ck_assert_uint_le(state()->reconciles - reconciles, 61);
}
END_TEST

/* Loss. */

static void shrink_buffer(void)
{
    int bytes = 2048;
    ck_assert_int_eq(setsockopt(state()->events.fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)),
                     0);
}

/* T51: among thousands of notices that nobody has room for is the one that counts. */
START_TEST(lost_notices_mean_one_comparison)
{
    const struct fake_kernel_route elsewhere = {.destination = "198.51.100.0/24", .link = "eth0"};
    shrink_buffer();
    uint64_t reconciles = state()->reconciles;
    for (int i = 0; i < EVENTS / 2; i++) {
        fake_kernel_add_route(&elsewhere);
        if (i == EVENTS / 4)
            ck_assert_uint_eq(fake_kernel_delete_routes(SUBNET, TABLE), 1);
        ck_assert_uint_eq(fake_kernel_delete_routes("198.51.100.0/24", 0), 1);
    }
    ck_assert_uint_eq(state()->losses, 0);
    dispatch();
    ck_assert_uint_eq(state()->losses, 1);
    ck_assert_uint_eq(state()->reconciles, reconciles + 1);
    assert_kernel_equals(whole);
    pass(5);
    ck_assert_uint_eq(state()->losses, 1);
    ck_assert_uint_le(state()->reconciles, reconciles + 2);
    ck_assert(!is_readable());
}
END_TEST

/* More wait than one call reads: the descriptor stays readable until all is read. */
START_TEST(one_call_reads_so_much)
{
    const struct fake_kernel_route elsewhere = {.destination = "198.51.100.0/24", .link = "eth0"};
    int bytes = 64 << 20;
    ck_assert_int_eq(
        setsockopt(state()->events.fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)), 0);
    for (uint32_t i = 0; i < LIMIT_EVENT_DATAGRAMS; i++) {
        fake_kernel_add_route(&elsewhere);
        ck_assert_uint_eq(fake_kernel_delete_routes("198.51.100.0/24", 0), 1);
    }
    uint64_t receives = fake_kernel_counters().receives;
    dispatch();
    ck_assert_uint_eq(fake_kernel_counters().receives - receives, LIMIT_EVENT_DATAGRAMS);
    ck_assert(is_readable());
    dispatch();
    ck_assert(!is_readable());
    ck_assert_uint_eq(state()->losses, 0);
}
END_TEST

/* Failing. */

/* T38: reported each time, tried again ever later, and nothing is forgotten meanwhile. */
START_TEST(failure_is_told_and_tried_again)
{
    uint32_t failures = 0;
    fake_kernel_set_link_up(WORLD_DEVICE, false);
    fake_kernel_set_port_busy(5871, true);
    for (int i = 0; i < 60; i++) {
        world_pass(1);
        int32_t code = subwg_cable_dispatch(world.cable, &world.error);
        failures += code < 0;
        if (code < 0)
            ck_assert_msg(strlen(world.error.text) > 0, "no text");
    }
    ck_assert_uint_ge(failures, 3);
    ck_assert_uint_le(failures, 8);
    fake_kernel_set_port_busy(5871, false);
    for (int i = 0; i < 31; i++) {
        world_pass(1);
        (void)subwg_cable_dispatch(world.cable, &world.error);
    }
    assert_kernel_has(ROUTE);
    dispatch();
}
END_TEST

/* No comparison of everything meanwhile; and each look is refused the move that it wants to finish. */
static uint32_t pass_refusing_a_move(uint32_t seconds)
{
    struct schedule *schedule = &world.cable->instance->dispatch->schedule;
    uint32_t failures = 0;
    for (uint32_t i = 0; i < seconds; i++) {
        world_pass(1);
        schedule->reconcile.ended_ns = world.elapsed_ns;
        schedule->changed = false;
        fake_kernel_fail_request(2, ENOMEM); /* the first is the dump */
        failures += subwg_cable_dispatch(world.cable, &world.error) == -ENOMEM;
    }
    fake_kernel_fail_request(0, 0);
    return failures;
}

/* Told, but no reason to look after all others less often. */
START_TEST(move_that_fails_delays_no_look)
{
    struct remote next;
    struct remote other;
    remote_make(&next, 2);
    remote_make(&other, 12);
    memcpy(next.key, other.key, sizeof(next.key));
    memcpy(next.public_key, other.public_key, sizeof(next.public_key));
    ck_assert_int_eq(world_connect(&next), 0);
    world_hear(&next);
    for (int i = 0; i < 60; i++) {
        fake_kernel_traffic(WORLD_DEVICE, three.public_key, 32, 0);
        ck_assert_uint_le(pass_refusing_a_move(1), 1);
    }
    uint64_t asked = fake_kernel_datagrams(WORLD_DEVICE, three.public_key);
    ck_assert_uint_ge(pass_refusing_a_move(45), 45 / LIMIT_POLL_S);
    ck_assert_uint_ge(fake_kernel_datagrams(WORLD_DEVICE, three.public_key), asked + 4);
    ck_assert(fake_kernel_has_peer(WORLD_DEVICE, two.public_key));
    ck_assert_uint_eq(world.cable->instance->dispatch->schedule.poll.failures, 0);
    pass(LIMIT_POLL_S);
    ck_assert(!fake_kernel_has_peer(WORLD_DEVICE, two.public_key));
}
END_TEST

START_TEST(interrupted_dump_is_a_failure_and_no_more)
{
    world_pass(LIMIT_POLL_S + 1);
    fake_kernel_interrupt_dumps(100);
    ck_assert_int_eq(subwg_cable_dispatch(world.cable, &world.error), -EINTR);
    fake_kernel_interrupt_dumps(0);
    ck_assert_uint_eq(fake_kernel_delete_routes(SUBNET, TABLE), 1);
    pass(6);
    assert_kernel_has(ROUTE);
}
END_TEST

/* T71: a reply that does not come delays dispatch, and so whoever waits to destroy the instance, by the
 * deadline of one reply and not more. */
START_TEST(lost_reply_delays_by_its_deadline)
{
    fake_kernel_skip_waiting(true);
    world_pass(LIMIT_POLL_S + 1);
    fake_kernel_spoil_reply(1, FAKE_KERNEL_DROP);
    ck_assert_int_eq(subwg_cable_dispatch(world.cable, &world.error), -ETIMEDOUT);
    ck_assert_uint_eq(fake_kernel_delete_routes(SUBNET, TABLE), 1);
    pass(6);
    assert_kernel_has(ROUTE);
}
END_TEST

/* Telling. */

static struct {
    uint32_t count; /* of events about a status */
    uint32_t status;
    char cluster_id[32];
    char text[256];
    int32_t code; /* of what the callback itself called */
} told;

static void take_event(void *context, const struct subwg_event *event)
{
    (void)context;
    if (event->kind != SUBWG_EVENT_STATUS)
        return;
    told.count++;
    told.status = event->status;
    (void)snprintf(told.cluster_id, sizeof(told.cluster_id), "%s", event->cluster_id);
    (void)snprintf(told.text, sizeof(told.text), "%s", event->text);
}

/* Once for each change, also of one that somebody else's read found. */
START_TEST(status_is_told_when_it_changes)
{
    memset(&told, 0, sizeof(told));
    world.cable->callbacks.event = take_event;
    pass(12);
    ck_assert_uint_eq(told.count, 0);
    for (int i = 0; i < 60; i++) {
        fake_kernel_traffic(WORLD_DEVICE, three.public_key, 32, 0);
        pass(1);
    }
    ck_assert_uint_eq(told.count, 1);
    ck_assert_uint_eq(told.status, SUBWG_STATUS_ERROR);
    ck_assert_str_eq(told.cluster_id, "cluster2");
    ck_assert_uint_gt(strlen(told.text), 0);
    world_hear(&two);
    ck_assert_uint_eq(world_row("cluster2").status, SUBWG_STATUS_CONNECTED);
    ck_assert_uint_eq(told.count, 1);
    pass(6);
    ck_assert_uint_eq(told.count, 2);
    ck_assert_uint_eq(told.status, SUBWG_STATUS_CONNECTED);
}
END_TEST

static void come_back(void *context, const struct subwg_event *event)
{
    (void)context;
    (void)event;
    told.count++;
    told.code = subwg_cable_dispatch(world.cable, NULL);
}

/* T70: refused at once, without a deadlock, and the dispatch goes on. */
START_TEST(callback_may_not_come_back)
{
    memset(&told, 0, sizeof(told));
    world.cable->callbacks.event = come_back;
    ck_assert_uint_eq(fake_kernel_delete_routes(SUBNET, TABLE), 1);
    dispatch();
    ck_assert_uint_ge(told.count, 1);
    ck_assert_int_eq(told.code, -EDEADLK);
    assert_kernel_equals(whole);
}
END_TEST

/* Life. */

START_TEST(nothing_happens_before_init_and_after_cleanup)
{
    ck_assert_int_eq(subwg_cable_cleanup(world.cable, &world.error), 0);
    uint64_t sends = fake_kernel_counters().sends;
    world_pass(100);
    dispatch();
    fake_kernel_add_address("eth0", "198.51.100.7/24");
    ck_assert(is_readable());
    dispatch();
    ck_assert(!is_readable());
    ck_assert_uint_eq(fake_kernel_counters().sends, sends);
    ck_assert_int_eq(subwg_cable_init(world.cable, &world.error), 0);
    ck_assert_int_eq(world_connect(&two), 0);
    pass(2);
    ck_assert_uint_eq(fake_kernel_delete_routes(SUBNET, TABLE), 1);
    pass(1);
    assert_kernel_has(ROUTE);
}
END_TEST

int main(void)
{
    const struct world_test tests[] = {
        {route_deleted_by_hand_is_back_at_once, 0},
        {rules_are_watched_too, 0},
        {addresses_are_watched_too, 0},
        {link_down_and_up_costs_no_route_for_long, 0},
        {deleted_device_is_made_anew, 0},
        {peer_removed_by_hand_is_back_within_a_look, 0},
        {changes_elsewhere_are_nobody_s_affair, 0},
        {own_changes_are_no_news, 0},
        {repairs_settle, 0},
        {nothing_to_do_costs_nothing, 0},
        {an_hour_of_quiet, 0},
        {adversary_gets_a_reconcile_a_second, 0},
        {lost_notices_mean_one_comparison, 0},
        {one_call_reads_so_much, 0},
        {failure_is_told_and_tried_again, 0},
        {move_that_fails_delays_no_look, 0},
        {interrupted_dump_is_a_failure_and_no_more, 0},
        {lost_reply_delays_by_its_deadline, 0},
        {status_is_told_when_it_changes, 0},
        {callback_may_not_come_back, 0},
        {nothing_happens_before_init_and_after_cleanup, 0},
    };
    return world_run("dispatch", start, tests, sizeof(tests) / sizeof(tests[0]));
}
