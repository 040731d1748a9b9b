/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine that dispatches, on the real kernel: what somebody changes by hand is back soon, however
 * little the kernel told of it, and then the driver is at rest. T40, T51, T52.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/rtnetlink.h>

#include "engine/cable.h"
#include "live.h"
#include "wireguard/instance.h"

#define PATIENCE_S 60 /* of a busy machine */
#define QUIET_S    2  /* longer than a change causes work */
#define TABLE      220
#define EVENTS     10000u

static struct subwg_registry *registry;
static struct subwg_cable *cable;
static struct live_remote two;
static int event_fd;
static uint32_t underlay;

static const struct dispatch *state(void)
{
    return cable->instance->dispatch;
}

static struct prefix prefix_of(const char *text)
{
    struct prefix prefix;
    ck_assert_int_eq(prefix_parse(text, &prefix), ADDRESS_OK);
    return prefix;
}

/* What is there. */

static bool has_route(const char *destination)
{
    struct route *routes = NULL;
    uint32_t count = 0;
    bool found = false;
    struct prefix wanted = prefix_of(destination);
    LIVE_ASSERT_DONE(route_list(live.here, TABLE, 0, &routes, &count, &live.error), live.error);
    for (uint32_t i = 0; i < count; i++)
        found = found || prefix_equal(&routes[i].destination, &wanted);
    free(routes);
    return found;
}

static bool has_both_routes(void)
{
    return has_route("10.234.0.0/18") && has_route("fd00:234::/48");
}

static bool has_no_route(void)
{
    return !has_route("10.234.0.0/18") && !has_route("fd00:234::/48");
}

static uint32_t rules(void)
{
    struct rule *found = NULL;
    uint32_t count = 0;
    uint32_t ours = 0;
    LIVE_ASSERT_DONE(rule_list(live.here, &found, &count, &live.error), live.error);
    for (uint32_t i = 0; i < count; i++)
        ours += found[i].table == TABLE;
    free(found);
    return ours;
}

static bool has_both_rules(void)
{
    return rules() == 2;
}

static bool has_peer(void)
{
    struct wg_device device = {0};
    live_dump(&device);
    bool there = device.peer_count == 1 && device.peers[0].allowed_ip_count == 2;
    wg_device_finish(&device);
    return there;
}

static uint32_t device_index(void)
{
    struct link_info link;
    return link_find(live.here, LIVE_DEVICE, &link, NULL) == 0 ? link.ifindex : 0;
}

/* The engine's loop. */

static void loop(int wait_ms)
{
    struct pollfd descriptor = {.fd = event_fd, .events = POLLIN};
    int ready = poll(&descriptor, 1, wait_ms);
    ck_assert_int_ge(ready, 0);
    if (ready > 0)
        LIVE_ASSERT_DONE(subwg_cable_dispatch(cable, &live.error), live.error);
}

static double now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void dispatch_until(bool (*is_so)(void), const char *what)
{
    double begin_s = now_s();
    do {
        ck_assert_msg(now_s() - begin_s < PATIENCE_S, "not after %d s: %s", PATIENCE_S, what);
        loop(100);
    } while (!is_so());
    printf("# %s after %.1f s\n", what, now_s() - begin_s);
}

/* Nothing but the regular looks happens any more. */
static void expect_rest(void)
{
    double begin_s = now_s();
    while (now_s() - begin_s < QUIET_S)
        loop(100);
    uint64_t reconciles = state()->reconciles;
    begin_s = now_s();
    while (now_s() - begin_s < QUIET_S)
        loop(100);
    /* The one of each half minute may fall into this time. */
    ck_assert_uint_le(state()->reconciles, reconciles + 1);
}

static void start(void)
{
    static const char *const subnets[] = {"10.234.0.0/18", "fd00:234::/48"};
    struct link_info link;
    live_start();
    LIVE_ASSERT_DONE(live_make_cable(NULL, 0, &registry, &cable), live.error);
    event_fd = subwg_cable_event_fd(cable, &live.error);
    LIVE_ASSERT_DONE(event_fd, live.error);
    live_describe(&two, 2);
    two.endpoint.subnets = subnets;
    two.endpoint.subnet_count = 2;
    LIVE_ASSERT_DONE(subwg_cable_connect(cable, &two.endpoint, NULL, &live.error), live.error);
    LIVE_ASSERT_DONE(link_find(live.here, "underlay", &link, &live.error), live.error);
    underlay = link.ifindex;
}

static void stop(void)
{
    subwg_cable_destroy(cable);
    subwg_registry_destroy(registry);
    live_stop();
}

/* The hand. */

static void change_routes(struct route_change *changes, uint32_t count)
{
    int32_t *results = calloc(count, sizeof(*results));
    ck_assert_ptr_nonnull(results);
    LIVE_ASSERT_DONE(route_apply(live.here, changes, count, results, &live.error), live.error);
    free(results);
}

static void delete_route(const char *destination)
{
    struct route_change change = {.remove = true,
                                  .route = {.destination = prefix_of(destination),
                                            .table = TABLE,
                                            .ifindex = device_index(),
                                            .protocol = 158,
                                            .type = RTN_UNICAST}};
    change_routes(&change, 1);
}

START_TEST(routes_and_rules_come_back)
{
    struct rule *found = NULL;
    uint32_t count = 0;
    delete_route("10.234.0.0/18");
    ck_assert(!has_both_routes());
    dispatch_until(has_both_routes, "a route deleted by hand is back");
    LIVE_ASSERT_DONE(rule_list(live.here, &found, &count, &live.error), live.error);
    for (uint32_t i = 0; i < count; i++)
        if (found[i].table == TABLE)
            LIVE_ASSERT_DONE(rule_delete(live.here, &found[i], &live.error), live.error);
    free(found);
    ck_assert_uint_eq(rules(), 0);
    dispatch_until(has_both_rules, "rules deleted by hand are back");
    expect_rest();
}
END_TEST

/* Of the IPv4 routes that go with the link the kernel tells nobody. */
START_TEST(routes_come_back_with_the_link)
{
    LIVE_ASSERT_DONE(link_set_up(live.here, device_index(), false, &live.error), live.error);
    ck_assert(has_no_route());
    LIVE_ASSERT_DONE(link_set_up(live.here, device_index(), true, &live.error), live.error);
    dispatch_until(has_both_routes, "after down and up by hand all routes are back");
    LIVE_ASSERT_DONE(link_set_up(live.here, device_index(), false, &live.error), live.error);
    dispatch_until(has_both_routes, "a link set down by hand is up, with its routes");
    LIVE_ASSERT_DONE(link_set_mtu(live.here, device_index(), 1279, &live.error), live.error);
    LIVE_ASSERT_DONE(link_set_mtu(live.here, device_index(), 1420, &live.error), live.error);
    ck_assert(!has_both_routes());
    dispatch_until(has_both_routes, "after an MTU too small for IPv6 its routes are back");
    expect_rest();
}
END_TEST

static uint32_t old_index;

static bool is_made_anew(void)
{
    return device_index() != 0 && device_index() != old_index && has_both_routes() && has_peer();
}

START_TEST(deleted_device_is_made_anew)
{
    old_index = device_index();
    LIVE_ASSERT_DONE(link_delete(live.here, old_index, &live.error), live.error);
    dispatch_until(is_made_anew, "a device deleted by hand is made anew");
    expect_rest();
}
END_TEST

START_TEST(removed_peer_comes_back)
{
    const struct wg_peer_change peer = {.public_key = two.public_key, .flags = WG_PEER_REMOVE};
    const struct wg_device_change change = {.peers = &peer, .peer_count = 1};
    LIVE_ASSERT_DONE(wg_set_device(live.here, device_index(), &change, &live.error), live.error);
    ck_assert(!has_peer());
    dispatch_until(has_peer, "a peer removed by hand is back");
}
END_TEST

/* An address of this host within a remote's subnets: the remote waits until it goes. */
START_TEST(new_address_withholds_a_remote)
{
    struct interface_address address = {.ifindex = underlay, .prefix = prefix_of("10.234.7.0/24")};
    address.prefix.bytes[3] = 1;
    LIVE_ASSERT_DONE(address_add(live.here, &address, &live.error), live.error);
    dispatch_until(has_no_route, "who claims a network of this host is taken out");
    LIVE_ASSERT_DONE(address_delete(live.here, &address, &live.error), live.error);
    dispatch_until(has_both_routes, "and comes back when that is gone");
}
END_TEST

/* T51: ten thousand notices, room for five, and one of the lost ones counts. */
START_TEST(lost_notices_mean_one_comparison)
{
    struct route_change *changes = calloc(EVENTS, sizeof(*changes));
    int bytes = 2048;
    ck_assert_ptr_nonnull(changes);
    for (uint32_t i = 0; i < EVENTS; i++)
        changes[i] = (struct route_change){.remove = i % 2 == 1,
                                           .route = {.destination = prefix_of("198.51.100.0/24"),
                                                     .table = 1000,
                                                     .ifindex = underlay,
                                                     .protocol = 4,
                                                     .type = RTN_UNICAST}};
    ck_assert_int_eq(setsockopt(state()->events.fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)),
                     0);
    change_routes(changes, EVENTS / 2);
    delete_route("10.234.0.0/18");
    change_routes(changes, EVENTS / 2);
    free(changes);
    ck_assert_uint_eq(state()->losses, 0);
    dispatch_until(has_both_routes, "a route whose notice was lost is back");
    ck_assert_uint_eq(state()->losses, 1);
    expect_rest();
    ck_assert_uint_eq(state()->losses, 1);
}
END_TEST

/* The kernel tells us of our own requests, and of links and IPv6 addresses without saying whose they were. */
START_TEST(own_operations_are_no_news)
{
    expect_rest();
    uint64_t reconciles = state()->reconciles;
    for (int i = 0; i < 5; i++) {
        LIVE_ASSERT_DONE(subwg_cable_disconnect(cable, &two.endpoint, &live.error), live.error);
        loop(100);
        LIVE_ASSERT_DONE(subwg_cable_connect(cable, &two.endpoint, NULL, &live.error), live.error);
        loop(100);
    }
    double begin_s = now_s();
    while (now_s() - begin_s < QUIET_S)
        loop(100);
    /* Again but for the one of the half minute. */
    ck_assert_uint_le(state()->reconciles, reconciles + 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("live_events");
    TCase *tests = tcase_create("events");
    tcase_add_checked_fixture(tests, start, stop);
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, routes_and_rules_come_back);
    tcase_add_test(tests, routes_come_back_with_the_link);
    tcase_add_test(tests, deleted_device_is_made_anew);
    tcase_add_test(tests, removed_peer_comes_back);
    tcase_add_test(tests, new_address_withholds_a_remote);
    tcase_add_test(tests, lost_notices_mean_one_comparison);
    tcase_add_test(tests, own_operations_are_no_news);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
