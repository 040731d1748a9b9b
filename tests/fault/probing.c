/* SPDX-License-Identifier: Apache-2.0 */
/* An engine that dispatches has silent remotes asked, on the fake kernel: who is asked, through what, and
 * what becomes of those who do not answer (T96, T97). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "world.h"

#define MANY 1100 /* more than one dispatch asks */

static struct remote two;
static struct remote three;

static void start(void)
{
    world_start();
    remote_make(&two, 2);
    remote_make(&three, 3);
    world_init();
}

static void dispatch(void)
{
    ck_assert_msg(subwg_cable_dispatch(world.cable, &world.error) == 0, "%s", world.error.text);
}

static void promise_to_dispatch(void)
{
    ck_assert_int_ge(subwg_cable_event_fd(world.cable, &world.error), 0);
    dispatch();
}

/* As the engine's loop: whenever the driver wants to look. */
static void pass(unsigned int seconds)
{
    for (unsigned int second = 0; second < seconds; second++) {
        world_pass(1);
        dispatch();
    }
}

static uint64_t asked(const struct remote *remote)
{
    return fake_kernel_datagrams(WORLD_DEVICE, remote->public_key);
}

/* Both heard, and seen to have been heard. */
static void connect_both(void)
{
    ck_assert_int_eq(world_connect(&two), 0);
    ck_assert_int_eq(world_connect(&three), 0);
    promise_to_dispatch();
    world_hear(&two);
    world_hear(&three);
    ck_assert_uint_eq(world_row("cluster2").status, SUBWG_STATUS_CONNECTED);
    ck_assert_uint_eq(world_row("cluster3").status, SUBWG_STATUS_CONNECTED);
}

START_TEST(a_silent_remote_is_asked_and_an_answer_is_enough)
{
    connect_both();
    pass(9);
    ck_assert_uint_eq(asked(&two), 0);
    pass(2);
    ck_assert_uint_eq(asked(&two), 2);
    ck_assert_str_eq(fake_kernel_last_datagram(), "10.233.0.1 to 10.235.0.1 port 9 hops 1");
    pass(5);
    ck_assert_uint_eq(asked(&two), 3);
    ck_assert_str_eq(fake_kernel_last_datagram(), "10.235.0.1 to 10.235.0.1 port 9 hops 1");
    for (int i = 0; i < 20; i++) {
        fake_kernel_traffic(WORLD_DEVICE, two.public_key, 32, 0);
        pass(8);
        ck_assert_uint_eq(world_row("cluster2").status, SUBWG_STATUS_CONNECTED);
    }
    ck_assert_uint_ge(asked(&three), 20);
    ck_assert_uint_eq(world_row("cluster3").status, SUBWG_STATUS_ERROR);
    ck_assert_uint_eq(world_row("cluster3").status_reason, SUBWG_STATUS_REASON_SILENT);
    world_hear(&three);
    ck_assert_uint_eq(world_row("cluster3").status, SUBWG_STATUS_CONNECTED);
    ck_assert_uint_eq(world_row("cluster3").reconnect_count, 1);
}
END_TEST

START_TEST(a_dead_remote_is_known_within_its_time)
{
    connect_both();
    pass(34);
    ck_assert_uint_eq(world_row("cluster2").status, SUBWG_STATUS_CONNECTED);
    pass(11);
    ck_assert_uint_eq(world_row("cluster2").status, SUBWG_STATUS_ERROR);
}
END_TEST

START_TEST(who_only_looks_asks_nobody)
{
    ck_assert_int_eq(world_connect(&two), 0);
    world_hear(&two);
    for (int i = 0; i < 19; i++) {
        ck_assert_uint_eq(world_row("cluster2").status, SUBWG_STATUS_CONNECTED);
        world_pass(10);
    }
    ck_assert_uint_eq(asked(&two), 0);
    world_pass(10);
    ck_assert_uint_eq(world_row("cluster2").status, SUBWG_STATUS_ERROR);
}
END_TEST

START_TEST(through_what_is_down_nobody_is_asked_nor_blamed)
{
    connect_both();
    fake_kernel_set_link_up(WORLD_DEVICE, false);
    fake_kernel_set_port_busy(5871, true); /* which keeps it from being repaired */
    for (int i = 0; i < 15; i++) {
        world_pass(10);
        (void)subwg_cable_dispatch(world.cable, NULL);
    }
    ck_assert_uint_eq(world_row("cluster2").status, SUBWG_STATUS_CONNECTED);
    const char *line = strstr(world.log, "cannot ask");
    ck_assert_msg(line != NULL, "%s", world.log);
    ck_assert_ptr_nonnull(strstr(line, "ask cluster 'cluster2' whether"));
    ck_assert_ptr_null(strstr(line + 1, "cannot ask"));
}
END_TEST

START_TEST(a_missing_peer_is_not_asked)
{
    connect_both();
    fake_kernel_remove_peer(WORLD_DEVICE, two.public_key);
    world_pass(12);
    dispatch();
    ck_assert_uint_eq(asked(&two), 0);
    ck_assert_uint_eq(asked(&three), 2);
}
END_TEST

START_TEST(a_remote_of_ipv6_alone_is_asked_through_ipv6)
{
    two.subnets[0] = "fd00:234::/48";
    two.endpoint.subnet_count = 1;
    connect_both();
    fake_kernel_traffic(WORLD_DEVICE, three.public_key, 32, 0);
    pass(13);
    ck_assert_uint_ge(asked(&two), 1);
    ck_assert_str_eq(fake_kernel_last_datagram(), "fd00:234::1 to fd00:234::1 port 9 hops 1");
}
END_TEST

static void connect_number(unsigned int number)
{
    char subnet[32], cluster[16], key[48];
    uint8_t private_key[32] = {1}, public_key[32];
    memcpy(private_key + 1, &number, sizeof(number));
    ck_assert_int_eq(crypto_scalarmult_base(public_key, private_key), 0);
    (void)sodium_bin2base64(key, sizeof(key), public_key, 32, sodium_base64_VARIANT_ORIGINAL);
    (void)snprintf(subnet, sizeof(subnet), "10.%u.%u.0/24", 100 + number / 256, number % 256);
    (void)snprintf(cluster, sizeof(cluster), "many%u", number);
    two.config[0].value = key;
    two.subnets[0] = subnet;
    two.endpoint.cluster_id = cluster;
    two.endpoint.subnet_count = 1;
    ck_assert_msg(world_connect(&two) == 0, "%s", world.error.text);
}

/* Who did not get his turn gets it a second later. */
START_TEST(many_are_asked_in_turns)
{
    for (unsigned int number = 0; number < MANY; number++)
        connect_number(number);
    promise_to_dispatch();
    uint64_t turns[3] = {0};
    for (unsigned int turn = 0; turn < 3; turn++) {
        world_pass(turn == 0 ? 12 : 1);
        dispatch();
        for (unsigned int number = 0; number < MANY; number++) {
            uint8_t private_key[32] = {1}, public_key[32];
            memcpy(private_key + 1, &number, sizeof(number));
            ck_assert_int_eq(crypto_scalarmult_base(public_key, private_key), 0);
            turns[turn] += fake_kernel_datagrams(WORLD_DEVICE, public_key);
        }
    }
    ck_assert_uint_eq(turns[0], 2 * 1024);
    ck_assert_uint_eq(turns[1], 2 * MANY);
    ck_assert_uint_eq(turns[2], 2 * MANY);
}
END_TEST

START_TEST(destroy_closes_what_event_fd_opened)
{
    subwg_cable_destroy(world.cable);
    world.cable = NULL;
    uint64_t before = fake_kernel_counters().sockets;
    for (int i = 0; i < 3; i++) {
        world_init();
        promise_to_dispatch();
        ck_assert_uint_gt(fake_kernel_counters().sockets, before);
        subwg_cable_destroy(world.cable);
        world.cable = NULL;
        ck_assert_uint_eq(fake_kernel_counters().sockets, before);
    }
}
END_TEST

int main(void)
{
    const struct world_test tests[] = {
        {a_silent_remote_is_asked_and_an_answer_is_enough, 0},
        {a_dead_remote_is_known_within_its_time, 0},
        {who_only_looks_asks_nobody, 0},
        {through_what_is_down_nobody_is_asked_nor_blamed, 0},
        {a_missing_peer_is_not_asked, 0},
        {a_remote_of_ipv6_alone_is_asked_through_ipv6, 0},
        {many_are_asked_in_turns, 0},
        {destroy_closes_what_event_fd_opened, 0},
    };
    return world_run("probing", start, tests, sizeof(tests) / sizeof(tests[0]));
}
