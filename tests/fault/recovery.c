/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trying again: after an update that failed, a disconnect that failed, or a restart of the engine, a live
 * tunnel has lost nothing and the next call gets where it should.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

static struct remote two;
static struct remote three;
static struct remote four;

static void start(void)
{
    world_start();
    remote_make(&two, 2);
    remote_make(&three, 3);
    remote_make(&four, 4);
}

static void connect_and_hear(struct remote *remote)
{
    ck_assert_int_eq(world_connect(remote), 0);
    world_hear(remote);
    ck_assert_uint_eq(world_row(remote->cluster_id).status, SUBWG_STATUS_CONNECTED);
}

/* Cluster2 with one subnet more, to which somebody else has a route: it cannot be connected. */
static struct remote blocked_update(void)
{
    struct remote update = two; /* its endpoint still points to the lists of two */
    two.subnets[2] = "10.250.0.0/16";
    update.endpoint.subnet_count = 3;
    fake_kernel_add_route(
        &(struct fake_kernel_route){.destination = "10.250.0.0/16", .link = "eth0", .table = 220});
    return update;
}

static void assert_fails_and_changes_nothing(struct remote *update)
{
    char *before = world_kernel();
    world.error.flags = UINT32_MAX;
    ck_assert_int_eq(world_connect(update), -EEXIST);
    ck_assert_uint_eq(world.error.flags, 0);
    assert_kernel_is(before);
}

START_TEST(an_update_that_fails_again_and_again_keeps_the_routes_of_the_live_connection)
{
    world_init();
    connect_and_hear(&two);
    struct remote update = blocked_update();
    for (int i = 0; i < 3; i++)
        assert_fails_and_changes_nothing(&update);
    ck_assert_uint_eq(world_row("cluster2").status, SUBWG_STATUS_CONNECTED);
    ck_assert_int_eq(world_connect(&two), 1);
    assert_kernel_has("route table 220 10.234.0.0/18 dev subwg0");
    assert_kernel_has("route table 220 10.234.64.0/18 dev subwg0");
}
END_TEST

START_TEST(an_update_that_fails_after_a_mere_read_keeps_the_routes_of_the_live_connection)
{
    world_init();
    ck_assert_int_eq(world_connect(&two), 0);
    two.subnets[1] = "10.200.0.0/16"; /* the kernel has it last, the sorted list has it first */
    ck_assert_int_eq(world_connect(&two), 0);
    (void)world_row("cluster2");
    struct remote update = blocked_update();
    assert_fails_and_changes_nothing(&update);
    (void)world_row("cluster2");
    assert_fails_and_changes_nothing(&update);
    ck_assert_int_eq(world_disconnect(&two), 0);
    assert_kernel_lacks("protocol 158 scope");
}
END_TEST

START_TEST(an_update_of_a_leftover_that_fails_keeps_its_routes)
{
    world_init();
    connect_and_hear(&two);
    world_restart();
    struct remote update = blocked_update();
    for (int i = 0; i < 3; i++)
        assert_fails_and_changes_nothing(&update);
    ck_assert_int_eq(world_connect(&two), 1);
}
END_TEST

static void roam(const struct remote *remote)
{
    struct sockaddr_in roamed = {.sin_family = AF_INET, .sin_port = htons(9999)};
    ck_assert_int_eq(inet_pton(AF_INET, "10.243.64.200", &roamed.sin_addr), 1);
    fake_kernel_roam(WORLD_DEVICE, remote->public_key, (const struct sockaddr *)&roamed);
}

START_TEST(a_change_of_key_that_fails_keeps_session_counters_and_roamed_endpoint_of_the_old_peer)
{
    world_init();
    connect_and_hear(&two);
    roam(&two);
    struct remote next = blocked_update();
    struct subwg_setting config[] = {{"publicKey", four.key}, {"udp-port", "5871"}};
    next.endpoint.backend_config = config;
    for (int i = 0; i < 2; i++)
        assert_fails_and_changes_nothing(&next);
    assert_kernel_has("endpoint 10.243.64.200:9999 keepalive 10 handshake 1700000000 rx 1000");
    ck_assert(!fake_kernel_has_peer(WORLD_DEVICE, four.public_key));
}
END_TEST

/* An update fails, and one request on the way back as well. */
static void fail_both_ways(struct remote *update, uint64_t request)
{
    fake_kernel_fail_request(request, ENOMEM);
    ck_assert_int_lt(world_connect(update), 0);
    fake_kernel_fail_request(0, 0);
}

START_TEST(after_a_way_back_that_failed_the_old_announcement_restores_everything)
{
    world_init();
    connect_and_hear(&two);
    struct remote update = blocked_update();
    char *before = world_kernel();
    fail_both_ways(&update, (uint64_t)_i + 1);
    ck_assert_int_ge(world_connect(&two), 0);
    assert_kernel_is(before);
    ck_assert_int_eq(world_connect(&two), 1);
}
END_TEST

START_TEST(a_read_of_peers_after_a_failure_says_nothing_of_routes)
{
    const char *const subnets[] = {"10.250.0.0/16"};
    const struct subwg_setting config[] = {{"publicKey", four.key}};
    world_init();
    ck_assert_int_eq(world_connect(&two), 0);
    struct remote next = two;
    next.endpoint.subnets = subnets;
    next.endpoint.subnet_count = 1;
    next.endpoint.backend_config = config;
    next.endpoint.backend_config_count = 1;
    int32_t code = -1;
    int failures = 0;
    for (uint64_t request = 1; code != 0; request++) {
        ck_assert_uint_lt(request, 40);
        world_pass(2);
        fake_kernel_fail_request(request, ENOMEM);
        code = world_connect(&next);
        fake_kernel_fail_request(0, 0);
        failures += code < 0;
        (void)world_row("cluster2");
        ck_assert_int_ge(world_connect(&two), 0);
        assert_kernel_has("allowed 10.234.0.0/18 10.234.64.0/18\n");
        assert_kernel_has("route table 220 10.234.0.0/18 dev subwg0");
        assert_kernel_has("route table 220 10.234.64.0/18 dev subwg0");
    }
    ck_assert_int_ge(failures, 5);
}
END_TEST

START_TEST(after_a_way_back_that_failed_the_new_announcement_succeeds_once_it_can)
{
    world_init();
    connect_and_hear(&two);
    struct remote next = blocked_update();
    struct subwg_setting config[] = {{"publicKey", four.key}, {"udp-port", "5871"}};
    next.endpoint.backend_config = config;
    fail_both_ways(&next, (uint64_t)_i + 1);
    ck_assert_uint_eq(fake_kernel_delete_routes("10.250.0.0/16", 220), 1);
    ck_assert_int_eq(world_connect(&next), 0);
    ck_assert(!fake_kernel_has_peer(WORLD_DEVICE, two.public_key));
    assert_kernel_has("endpoint 10.243.64.7:5871 keepalive 10 handshake 0 rx 0 tx 0 allowed "
                      "10.234.0.0/18 10.234.64.0/18 10.250.0.0/16\n");
    assert_kernel_has("route table 220 10.234.0.0/18 dev subwg0");
    assert_kernel_has("route table 220 10.234.64.0/18 dev subwg0");
    assert_kernel_has("route table 220 10.250.0.0/16 dev subwg0");
    ck_assert_int_eq(world_connect(&next), 1);
}
END_TEST

START_TEST(a_change_of_key_alone_that_the_kernel_refuses_touches_nothing_of_the_old_peer)
{
    const struct subwg_setting settings[] = {{"mtu", "1400"}}; /* asks for no path's */
    int refusals = 0;
    ck_assert_int_eq(world_create(settings, 1), 0);
    ck_assert_int_eq(subwg_cable_init(world.cable, &world.error), 0);
    connect_and_hear(&two);
    roam(&two);
    struct remote next = two;
    struct subwg_setting config[] = {{"publicKey", four.key}, {"udp-port", "5871"}};
    next.endpoint.backend_config = config;
    char *before = world_kernel();
    int32_t code = -1;
    for (uint64_t request = 1; request < 40 && code != 0; request++) {
        fake_kernel_fail_request(request, ENOMEM);
        code = world_connect(&next);
        fake_kernel_fail_request(0, 0);
        if (code != 0) {
            refusals++;
            assert_kernel_equals(before);
        }
    }
    ck_assert_int_eq(code, 0);
    ck_assert_int_ge(refusals, 2);
    free(before);
}
END_TEST

START_TEST(a_change_of_key_goes_on_once_the_old_session_is_gone)
{
    world_init();
    connect_and_hear(&two);
    struct subwg_setting config[] = {{"publicKey", four.key}, {"udp-port", "5871"}};
    two.endpoint.backend_config = config;
    two.subnets[1] = "10.240.0.0/16";
    fake_kernel_fail_request((uint64_t)_i + 1, ENOMEM);
    int32_t code = world_connect(&two);
    fake_kernel_fail_request(0, 0);
    if (code < 0 && fake_kernel_has_peer(WORLD_DEVICE, two.public_key)) {
        ck_assert_uint_eq(world.error.flags, 0);
        assert_kernel_has("handshake 1700000000 rx 1000");
    } else if (code < 0) { /* nobody can bring its session back */
        ck_assert_uint_eq(world.error.flags, SUBWG_ERROR_STATE_UNKNOWN);
        assert_kernel_has("handshake 0 rx 0 tx 0 allowed 10.234.0.0/18 10.240.0.0/16");
    }
    ck_assert_int_eq(world_connect(&two), code < 0 ? 0 : 1);
    ck_assert(!fake_kernel_has_peer(WORLD_DEVICE, two.public_key));
    assert_kernel_lacks("10.234.64.0/18");
}
END_TEST

START_TEST(the_order_in_which_a_peer_got_its_subnets_is_no_difference)
{
    world_init();
    ck_assert_int_eq(world_connect(&two), 0);
    two.subnets[1] = "10.200.0.0/16";
    ck_assert_int_eq(world_connect(&two), 0);
    assert_kernel_has("allowed 10.234.0.0/18 10.200.0.0/16");
    if (_i == 1)
        world_restart();
    uint64_t requests = 0;
    for (int i = 0; i < 3; i++) {
        struct fake_kernel_counters before = fake_kernel_counters();
        ck_assert_int_eq(world_connect(&two), 1);
        struct fake_kernel_counters after = fake_kernel_counters();
        ck_assert_uint_eq(after.changes, before.changes);
        /* No more than before any read: nothing that was read gave cause to look closer. */
        ck_assert(i == 0 || after.requests - before.requests <= requests);
        requests = after.requests - before.requests;
        (void)world_row("cluster2");
    }
}
END_TEST

START_TEST(a_connect_that_changes_nothing_takes_few_requests_for_a_thousand_subnets)
{
    static char texts[1000][32];
    static const char *subnets[1000];
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "10.%d.%d.0/24", 100 + i / 250, i % 250);
        subnets[i] = texts[i];
    }
    world_init();
    two.endpoint.subnets = subnets + 1;
    two.endpoint.subnet_count = 999;
    ck_assert_int_eq(world_connect(&two), 0);
    two.endpoint.subnets = subnets;
    two.endpoint.subnet_count = 1000;
    ck_assert_int_eq(world_connect(&two), 0);
    (void)world_row("cluster2");
    struct fake_kernel_counters before = fake_kernel_counters();
    ck_assert_int_eq(world_connect(&two), 1);
    struct fake_kernel_counters after = fake_kernel_counters();
    ck_assert_uint_eq(after.changes, before.changes);
    ck_assert_uint_le(after.requests - before.requests, 5);
}
END_TEST

START_TEST(routes_that_are_there_already_are_judged_by_one_look)
{
    static char texts[200][32];
    static const char *subnets[200];
    world_init();
    for (int i = 0; i < 200; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "10.100.%d.0/24", i);
        subnets[i] = texts[i];
        fake_kernel_add_route(&(struct fake_kernel_route){
            .destination = texts[i], .link = WORLD_DEVICE, .table = 220, .protocol = 158});
    }
    two.endpoint.subnets = subnets;
    two.endpoint.subnet_count = 200;
    struct fake_kernel_counters before = fake_kernel_counters();
    ck_assert_int_eq(world_connect(&two), 0);
    struct fake_kernel_counters after = fake_kernel_counters();
    ck_assert_uint_le(after.requests - before.requests, 200 + 5);
}
END_TEST

START_TEST(a_leftover_that_was_seen_missing_is_sent_in_full)
{
    world_init();
    connect_and_hear(&two);
    world_restart();
    fake_kernel_remove_peer(WORLD_DEVICE, two.public_key);
    (void)world_table();
    ck_assert_int_eq(world_connect(&two), 0);
    assert_kernel_has("endpoint 10.243.64.7:5871 keepalive 10 handshake 0 rx 0 tx 0 allowed "
                      "10.234.0.0/18 10.234.64.0/18");
    struct subwg_connection row = world_row("cluster2");
    ck_assert_uint_eq(row.status, SUBWG_STATUS_CONNECTING);
    ck_assert_uint_eq(row.status_reason, SUBWG_STATUS_REASON_STARTING);
}
END_TEST

START_TEST(a_remote_that_moved_during_a_restart_is_followed_once_it_is_silent)
{
    world_init();
    connect_and_hear(&two);
    world_restart();
    two.endpoint.private_ip = "10.243.64.99";
    ck_assert_int_eq(world_connect(&two), 1); /* it is heard at the old address */
    assert_kernel_has("endpoint 10.243.64.7:5871");
    ck_assert_int_eq(world_connect(&two), 1);
    for (int i = 0; i < 9; i++) {
        world_pass(50);
        fake_kernel_traffic(WORLD_DEVICE, two.public_key, 0, 148);
        (void)world_row("cluster2");
    }
    ck_assert_uint_eq(world_row("cluster2").status, SUBWG_STATUS_ERROR);
    ck_assert_int_eq(world_connect(&two), 0);
    assert_kernel_has("endpoint 10.243.64.99:5871");
    ck_assert_int_eq(world_connect(&two), 1);
}
END_TEST

/* The requests of a disconnect are the peer's and one for each route. */
START_TEST(a_disconnect_that_failed_is_finished_by_the_next_one)
{
    world_init();
    char *before = world_kernel();
    connect_and_hear(&two);
    fake_kernel_fail_request((uint64_t)_i + 1, ENOMEM);
    ck_assert_int_eq(world_disconnect(&two), -ENOMEM);
    if (_i == 0) /* the peer is there: then with all that it had */
        assert_kernel_has(
            "handshake 1700000000 rx 1000 tx 500 allowed 10.234.0.0/18 10.234.64.0/18");
    ck_assert_uint_ne(world_row("cluster2").status,
                      _i == 0 ? SUBWG_STATUS_ERROR : SUBWG_STATUS_CONNECTED);
    ck_assert_int_eq(world_disconnect(&two), 0);
    assert_kernel_is(before);
    ck_assert_int_eq(world_disconnect(&two), 1);
}
END_TEST

START_TEST(a_disconnect_that_failed_can_be_answered_by_a_connect)
{
    world_init();
    ck_assert_int_eq(world_connect(&two), 0);
    char *before = world_kernel();
    fake_kernel_fail_request((uint64_t)_i + 1, ENOMEM);
    ck_assert_int_eq(world_disconnect(&two), -ENOMEM);
    ck_assert_int_ge(world_connect(&two), 0);
    assert_kernel_is(before);
    ck_assert_int_eq(world_connect(&two), 1);
}
END_TEST

START_TEST(a_failed_disconnect_takes_no_preshared_key_from_a_live_peer)
{
    const struct subwg_setting first[] = {{"psk", "one"}};
    const struct subwg_setting second[] = {{"psk", "two"}};
    ck_assert_int_eq(world_create(first, 1), 0);
    ck_assert_int_eq(subwg_cable_init(world.cable, &world.error), 0);
    ck_assert_int_eq(world_connect(&two), 0);
    subwg_cable_destroy(world.cable);
    world.cable = NULL;
    ck_assert_int_eq(world_create(second, 1), 0);
    ck_assert_int_eq(subwg_cable_init(world.cable, &world.error), 0);
    fake_kernel_fail_request((uint64_t)_i + 1, ENOMEM);
    ck_assert_int_eq(world_disconnect(&two), -ENOMEM);
    assert_kernel_lacks("preshared key no");
    ck_assert_int_eq(world_connect(&two), 0);
    assert_kernel_has("preshared key yes endpoint 10.243.64.7:5871");
    assert_kernel_lacks("preshared key no");
}
END_TEST

START_TEST(a_preshared_key_that_only_the_kernel_knew_cannot_come_back)
{
    const struct subwg_setting first[] = {{"psk", "one"}};
    const struct subwg_setting second[] = {{"psk", "two"}};
    ck_assert_int_eq(world_create(first, 1), 0);
    ck_assert_int_eq(subwg_cable_init(world.cable, &world.error), 0);
    connect_and_hear(&two);
    subwg_cable_destroy(world.cable);
    world.cable = NULL;
    ck_assert_int_eq(world_create(_i == 0 ? second : first, 1), 0);
    ck_assert_int_eq(subwg_cable_init(world.cable, &world.error), 0);
    struct remote update = blocked_update();
    world.error.flags = UINT32_MAX;
    ck_assert_int_eq(world_connect(&update), -EEXIST);
    ck_assert_uint_eq(world.error.flags, _i == 0 ? SUBWG_ERROR_STATE_UNKNOWN : 0);
    ck_assert_int_eq(world_connect(&two), 1);
}
END_TEST

START_TEST(the_mtu_does_not_grow_while_a_leftover_may_need_the_smaller_one)
{
    fake_kernel_add_route(
        &(struct fake_kernel_route){.destination = "10.243.64.7/32", .link = "eth0", .mtu = 1400});
    world_init();
    ck_assert_int_eq(world_connect(&two), 0);
    ck_assert_int_eq(world_connect(&three), 0);
    world_restart();
    ck_assert_int_eq(world_connect(&three), 1);
    assert_kernel_has("group 22359 mtu 1320 up");
    if (_i == 0) {
        ck_assert_int_eq(world_connect(&two), 1);
        assert_kernel_has("group 22359 mtu 1320 up");
    } else { /* nobody's after all: then its path counts no more */
        ck_assert_int_gt(subwg_cable_list_complete(world.cable, &world.error), -1);
        ck_assert_int_eq(world_connect(&three), 0);
        assert_kernel_has("group 22359 mtu 1420 up");
    }
}
END_TEST

int main(void)
{
    const struct world_test tests[] = {
        {an_update_that_fails_again_and_again_keeps_the_routes_of_the_live_connection, 0},
        {an_update_that_fails_after_a_mere_read_keeps_the_routes_of_the_live_connection, 0},
        {an_update_of_a_leftover_that_fails_keeps_its_routes, 0},
        {a_change_of_key_that_fails_keeps_session_counters_and_roamed_endpoint_of_the_old_peer, 0},
        {a_change_of_key_alone_that_the_kernel_refuses_touches_nothing_of_the_old_peer, 0},
        {after_a_way_back_that_failed_the_old_announcement_restores_everything, 14},
        {a_read_of_peers_after_a_failure_says_nothing_of_routes, 0},
        {after_a_way_back_that_failed_the_new_announcement_succeeds_once_it_can, 14},
        {a_change_of_key_goes_on_once_the_old_session_is_gone, 12},
        {the_order_in_which_a_peer_got_its_subnets_is_no_difference, 2},
        {a_connect_that_changes_nothing_takes_few_requests_for_a_thousand_subnets, 0},
        {routes_that_are_there_already_are_judged_by_one_look, 0},
        {a_leftover_that_was_seen_missing_is_sent_in_full, 0},
        {a_remote_that_moved_during_a_restart_is_followed_once_it_is_silent, 0},
        {a_disconnect_that_failed_is_finished_by_the_next_one, 3},
        {a_disconnect_that_failed_can_be_answered_by_a_connect, 3},
        {a_failed_disconnect_takes_no_preshared_key_from_a_live_peer, 3},
        {a_preshared_key_that_only_the_kernel_knew_cannot_come_back, 2},
        {the_mtu_does_not_grow_while_a_leftover_may_need_the_smaller_one, 2},
    };
    return world_run("recovery", start, tests, sizeof(tests) / sizeof(tests[0]));
}
