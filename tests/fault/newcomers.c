/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list of clusters that come and go together: few messages, and yet each of them has its own result,
 * also when what the others asked for could not be done together with it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define COUNT 20 /* clusters 2 to 21 */

static struct remote remotes[COUNT];
static const struct subwg_endpoint *list[COUNT];
static char subnets[COUNT][2][24];
static int32_t codes[COUNT]; /* 4096: no result */
static char addresses[COUNT][SUBWG_ADDRESS_TEXT_SIZE];
static char last_text[512];
static uint32_t flags[COUNT];

static void start(void)
{
    world_start();
    for (unsigned int i = 0; i < COUNT; i++) {
        remote_make(&remotes[i], 2 + i);
        (void)snprintf(subnets[i][0], sizeof(subnets[i][0]), "10.%u.0.0/18", 170 + i);
        (void)snprintf(subnets[i][1], sizeof(subnets[i][1]), "10.%u.64.0/18", 170 + i);
        remotes[i].subnets[0] = subnets[i][0];
        remotes[i].subnets[1] = subnets[i][1];
        list[i] = &remotes[i].endpoint;
    }
    world_init();
}

static void take_result(void *context, uint32_t index, int32_t code, const char *address,
                        const struct subwg_error *error)
{
    (void)context;
    ck_assert_uint_lt(index, COUNT);
    ck_assert_int_eq(codes[index], 4096);
    codes[index] = code;
    (void)snprintf(addresses[index], sizeof(addresses[index]), "%s", address);
    flags[index] = error != NULL ? error->flags : 0;
    if (error != NULL)
        (void)snprintf(last_text, sizeof(last_text), "%s", error->text);
}

static void connect_all(void)
{
    for (uint32_t i = 0; i < COUNT; i++)
        codes[i] = 4096;
    ck_assert_int_eq(
        subwg_cable_connect_many(world.cable, list, COUNT, take_result, NULL, &world.error), 0);
}

static void disconnect_all(void)
{
    for (uint32_t i = 0; i < COUNT; i++)
        codes[i] = 4096;
    ck_assert_int_eq(
        subwg_cable_disconnect_many(world.cable, list, COUNT, take_result, NULL, &world.error), 0);
}

static void assert_codes(int32_t wanted, uint32_t except)
{
    for (uint32_t i = 0; i < COUNT; i++)
        if (i != except)
            ck_assert_msg(codes[i] == wanted, "%u: %d %s", (unsigned)i, codes[i], last_text);
}

/* What connecting them one by one leaves in the kernel. */
static char *one_by_one(void)
{
    for (uint32_t i = 0; i < COUNT; i++)
        ck_assert_int_eq(world_connect(&remotes[i]), 0);
    char *kernel = world_kernel();
    for (uint32_t i = 0; i < COUNT; i++)
        ck_assert_int_eq(world_disconnect(&remotes[i]), 0);
    return kernel;
}

START_TEST(many_newcomers_are_as_if_connected_one_by_one)
{
    char *before = world_kernel();
    char *wanted = one_by_one();
    assert_kernel_equals(before);
    connect_all();
    assert_codes(0, COUNT);
    ck_assert_str_eq(addresses[3], remotes[3].private_ip);
    assert_kernel_is(wanted);
    connect_all();
    assert_codes(1, COUNT);
    disconnect_all();
    assert_codes(0, COUNT);
    assert_kernel_is(before);
    disconnect_all();
    assert_codes(1, COUNT);
}
END_TEST

/* Peers, routes and keepalives: one message of each, or as many routes as a batch takes. */
START_TEST(newcomers_share_their_messages)
{
    uint64_t before = fake_kernel_counters().changes;
    connect_all();
    assert_codes(0, COUNT);
    ck_assert_uint_eq(fake_kernel_counters().changes - before, 1 + 2 * COUNT + 1);
    before = fake_kernel_counters().changes;
    uint64_t sends = fake_kernel_counters().sends;
    disconnect_all();
    assert_codes(0, COUNT);
    ck_assert_uint_eq(fake_kernel_counters().changes - before, 1 + 2 * COUNT);
    ck_assert_uint_eq(fake_kernel_counters().sends - sends, 2);
}
END_TEST

START_TEST(the_smallest_path_of_newcomers_counts)
{
    fake_kernel_add_route(
        &(struct fake_kernel_route){.destination = "10.243.64.9/32", .link = "eth0", .mtu = 1400});
    char *wanted = one_by_one();
    connect_all();
    assert_codes(0, COUNT);
    assert_kernel_is(wanted);
}
END_TEST

START_TEST(newcomers_share_the_lookups_of_their_paths)
{
    connect_all();
    disconnect_all();
    uint64_t sends = fake_kernel_counters().sends;
    connect_all();
    assert_codes(0, COUNT);
    ck_assert_uint_eq(fake_kernel_counters().sends - sends,
                      4); /* ways, peers, routes, keepalives */
}
END_TEST

/* No way to one of them is no hindrance; that the kernel could not look is one for all, until each is
 * asked for alone. */
START_TEST(a_path_that_is_not_found_stops_no_other)
{
    char *wanted = one_by_one();
    for (uint32_t i = 1; i <= COUNT; i += 6) {
        fake_kernel_fail_request(i, i % 4 == 3 ? ENOMEM : ENETUNREACH);
        connect_all();
        assert_codes(0, COUNT);
        assert_kernel_equals(wanted);
        disconnect_all();
    }
    free(wanted);
}
END_TEST

/* A way that leads nowhere is an answer, also without an errno: nobody is asked for again. */
START_TEST(a_path_to_nowhere_stops_no_other)
{
    char *wanted = one_by_one();
    uint32_t happened = 0;
    for (uint32_t i = 1; i <= COUNT; i += 6) {
        uint64_t sends = fake_kernel_counters().sends;
        fake_kernel_spoil_reply(i, FAKE_KERNEL_NO_WAY);
        connect_all();
        ck_assert_uint_eq(fake_kernel_happened(), ++happened);
        assert_codes(0, COUNT);
        ck_assert_uint_eq(fake_kernel_counters().sends - sends, 4);
        assert_kernel_equals(wanted);
        disconnect_all();
    }
    fake_kernel_spoil_reply(1, FAKE_KERNEL_NO_WAY);
    ck_assert_int_eq(world_connect(&remotes[0]), 0);
    ck_assert_uint_eq(fake_kernel_happened(), ++happened);
    free(wanted);
}
END_TEST

/* A foreign route stands in the way of one; the others are connected for themselves. */
START_TEST(one_that_the_kernel_refuses_stops_no_other)
{
    fake_kernel_add_route(&(struct fake_kernel_route){
        .destination = "10.175.0.0/18", .link = "eth0", .table = 220, .protocol = 4});
    connect_all();
    assert_codes(0, 5);
    ck_assert_int_eq(codes[5], -EEXIST);
    ck_assert_ptr_nonnull(strstr(last_text, "10.175.0.0/18"));
    ck_assert_uint_eq(flags[5], 0);
    ck_assert(!fake_kernel_has_peer(WORLD_DEVICE, remotes[5].public_key));
    ck_assert(fake_kernel_has_peer(WORLD_DEVICE, remotes[6].public_key));
}
END_TEST

/* The request of the keepalives is the last one: all that came before it is undone. */
START_TEST(newcomers_that_may_not_call_are_connected_alone)
{
    char *wanted = one_by_one();
    uint64_t before = fake_kernel_counters().requests;
    connect_all();
    uint64_t requests = fake_kernel_counters().requests - before;
    disconnect_all();
    fake_kernel_fail_request(requests, ENOMEM);
    connect_all();
    assert_codes(0, COUNT);
    assert_kernel_is(wanted);
}
END_TEST

START_TEST(a_refused_removal_stops_no_other)
{
    char *before = world_kernel();
    connect_all();
    fake_kernel_fail_request(1, ENOMEM);
    disconnect_all();
    assert_codes(0, COUNT);
    assert_kernel_is(before);
}
END_TEST

/* The peers of the newcomers may be there; the one that is to be changed was not tried. */
START_TEST(what_a_silent_kernel_was_not_asked_for_is_known)
{
    const struct subwg_setting fixed_mtu = {"mtu", "1400"};
    const uint32_t last = COUNT - 1;
    subwg_cable_destroy(world.cable);
    ck_assert_int_eq(world_create(&fixed_mtu, 1), 0);
    ck_assert_int_eq(subwg_cable_init(world.cable, &world.error), 0);
    ck_assert_int_eq(world_connect(&remotes[last]), 0);
    char *before = world_kernel();
    remotes[last].subnets[1] = "10.200.0.0/18";
    fake_kernel_skip_waiting(true);
    fake_kernel_hold_replies(true);
    uint64_t sends = fake_kernel_counters().sends;
    connect_all();
    assert_codes(-ETIMEDOUT, COUNT);
    ck_assert_uint_le(fake_kernel_counters().sends - sends, 4);
    for (uint32_t i = 0; i < COUNT; i++)
        ck_assert_uint_eq(flags[i], i == last ? 0 : SUBWG_ERROR_STATE_UNKNOWN);
    ck_assert_int_eq(strncmp(last_text, "not tried, ", 11), 0);
    fake_kernel_hold_replies(false);
    assert_kernel_is(before);
    connect_all();
    assert_codes(0, COUNT);
    assert_kernel_has("10.200.0.0/18");
}
END_TEST

START_TEST(who_is_no_newcomer_takes_its_own_way)
{
    ck_assert_int_eq(world_connect(&remotes[2]), 0);
    remotes[7].subnets[0] = "10.243.64.0/24"; /* this host's network */
    remotes[9].subnets[0] = "10.172.64.0/24"; /* of one that is there by then */
    list[4] = list[3];
    connect_all();
    for (uint32_t i = 0; i < COUNT; i++)
        ck_assert_int_eq(codes[i], i == 2   ? 1
                                   : i == 4 ? -EINVAL
                                   : i == 7 ? -EPERM
                                   : i == 9 ? -EEXIST
                                            : 0);
    disconnect_all();
    ck_assert_int_eq(codes[2], 0);
    ck_assert_int_eq(codes[3], 0);
    ck_assert_int_eq(codes[4], 1); /* the same cluster once more */
    ck_assert_int_eq(codes[7], 1);
}
END_TEST

int main(void)
{
    const struct world_test tests[] = {
        {many_newcomers_are_as_if_connected_one_by_one, 0},
        {newcomers_share_their_messages, 0},
        {the_smallest_path_of_newcomers_counts, 0},
        {newcomers_share_the_lookups_of_their_paths, 0},
        {a_path_that_is_not_found_stops_no_other, 0},
        {a_path_to_nowhere_stops_no_other, 0},
        {one_that_the_kernel_refuses_stops_no_other, 0},
        {newcomers_that_may_not_call_are_connected_alone, 0},
        {a_refused_removal_stops_no_other, 0},
        {what_a_silent_kernel_was_not_asked_for_is_known, 0},
        {who_is_no_newcomer_takes_its_own_way, 0},
    };
    return world_run("newcomers", start, tests, sizeof(tests) / sizeof(tests[0]));
}
