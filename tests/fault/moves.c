/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster's key changes while its tunnel works, and the engine comes back to finish: the subnets stay
 * with the old peer until the new one answers, whatever is announced meanwhile. T19, T20
 */
#include <errno.h>
#include <string.h>

#include "moving.h"

START_TEST(an_engine_that_does_not_come_back_gets_the_immediate_form)
{
    world_init();
    ck_assert_int_eq(world_connect(&two), 0);
    world_hear(&two);
    ck_assert_uint_eq(world_row("cluster2").status, SUBWG_STATUS_CONNECTED);
    if (_i == 1) {
        moves_reconciled(instance());
        world_pass(LIMIT_MOVE_ATTENTION_S);
        world_hear(&two);
        (void)world_row("cluster2");
    } else if (_i >= 2) { /* it promised, and perhaps did so once */
        ck_assert_int_ge(subwg_cable_event_fd(world.cable, &world.error), 0);
        world_pass(LIMIT_MOVE_ATTENTION_S - 1);
        if (_i == 3)
            ck_assert_int_eq(subwg_cable_dispatch(world.cable, &world.error), 0);
        world_pass(_i == 3 ? LIMIT_MOVE_ATTENTION_S : 1);
        world_hear(&two);
        (void)world_row("cluster2");
    }
    ck_assert_int_eq(world_connect(&next), 0);
    assert_moved();
}
END_TEST

START_TEST(an_engine_that_came_back_lately_gets_the_staged_form)
{
    world_init();
    ck_assert_int_ge(subwg_cable_event_fd(world.cable, &world.error), 0);
    ck_assert_int_eq(world_connect(&two), 0);
    world_pass(_i == 0 ? LIMIT_MOVE_ATTENTION_S - 1 : LIMIT_MOVE_ATTENTION_S);
    if (_i == 1) {
        ck_assert_int_eq(subwg_cable_dispatch(world.cable, &world.error), 0);
        world_pass(LIMIT_MOVE_ATTENTION_S - 1);
    }
    world_hear(&two);
    ck_assert_uint_eq(world_row("cluster2").status, SUBWG_STATUS_CONNECTED);
    ck_assert_int_eq(world_connect(&next), 0);
    assert_subnets(&two, BOTH);
    assert_subnets(&next, "");
}
END_TEST

START_TEST(the_old_peer_keeps_everything_until_the_new_one_answers)
{
    begin();
    if (_i == 1) {
        instance()->attention.dispatches = false;
        moves_reconciled(instance());
        world_pass(LIMIT_MOVE_ATTENTION_S - 20);
        world_hear(&two);
        (void)world_row("cluster2");
    }
    ck_assert_int_eq(world_connect(&next), 0);
    for (int i = 0; i < 3; i++) {
        assert_subnets(&two, BOTH);
        assert_subnets(&next, "");
        assert_routed();
        assert_kernel_has("endpoint 10.243.64.12:5871 keepalive 10 handshake 0");
        ck_assert_int_eq(world_connect(&next), 1);
        ck_assert_int_eq(advance(), 0);
        world_pass(5);
        world_hear(&two);
    }
    world_hear(&next);
    ck_assert_int_eq(advance(), 1);
    assert_moved();
    ck_assert_int_eq(advance(), 0);
}
END_TEST

START_TEST(the_subnets_move_in_one_message_and_no_other_peer_is_touched)
{
    begin();
    ck_assert_int_eq(world_connect(&three), 0);
    world_hear(&three);
    ck_assert_int_eq(world_connect(&next), 0);
    world_hear(&next);
    struct fake_kernel_counters before = fake_kernel_counters();
    ck_assert_int_eq(advance(), 1);
    ck_assert_uint_eq(fake_kernel_counters().changes - before.changes, 1);
    assert_kernel_has("endpoint 10.243.64.8:5871 keepalive 10 handshake 1700000000 rx 1000 tx 500 "
                      "allowed 10.235.0.0/18 10.235.64.0/18\n");
    assert_moved();
}
END_TEST

START_TEST(one_row_all_the_time_with_counters_that_only_grow)
{
    begin();
    world_pass(10);
    ck_assert_int_eq(world_connect(&next), 0);
    struct subwg_connection row = world_row("cluster2");
    ck_assert_uint_eq(row.status, SUBWG_STATUS_CONNECTED);
    ck_assert_uint_eq(row.rx_bytes, 1000);
    uint64_t lifetime_s = row.lifetime_s;
    ck_assert_uint_ge(lifetime_s, 10);
    fake_kernel_traffic(WORLD_DEVICE, two.public_key, 10, 20);
    fake_kernel_traffic(WORLD_DEVICE, next.public_key, 0, 148);
    row = world_row("cluster2");
    ck_assert_uint_eq(row.status, SUBWG_STATUS_CONNECTED);
    ck_assert_uint_eq(row.rx_bytes, 1010);
    ck_assert_uint_eq(row.tx_bytes, 500 + 20 + 148);
    world_hear(&next); /* 1000 and 500 */
    ck_assert_int_eq(advance(), 1);
    row = world_row("cluster2");
    ck_assert_uint_eq(row.status, SUBWG_STATUS_CONNECTED);
    ck_assert_uint_eq(row.flap_count, 0);
    ck_assert_uint_eq(row.rx_bytes, 2010);
    ck_assert_uint_eq(row.tx_bytes, 500 + 20 + 148 + 500);
    ck_assert_uint_ge(row.lifetime_s, lifetime_s);
    const char *metrics = world_metrics(SUBWG_PROFILE_SEED);
    const char *series = strstr(metrics, "wireguard_rx_bytes{");
    ck_assert_ptr_nonnull(series);
    ck_assert_ptr_null(strstr(series + 1, "wireguard_rx_bytes{"));
}
END_TEST

START_TEST(a_dead_old_peer_is_not_waited_for)
{
    if (_i == 0) { /* known before */
        begin();
        fake_kernel_remove_peer(WORLD_DEVICE, two.public_key);
        (void)world_row("cluster2");
        ck_assert_int_eq(world_connect(&next), 0);
    } else { /* seen later */
        begin_move();
        fake_kernel_remove_peer(WORLD_DEVICE, two.public_key);
        ck_assert_int_eq(advance(), 1);
    }
    assert_moved();
}
END_TEST

START_TEST(a_new_peer_that_never_answers_gets_the_subnets_at_the_deadline)
{
    begin_move();
    world_pass(LIMIT_MOVE_S - 1);
    world_hear(&two);
    ck_assert_int_eq(advance(), 0);
    assert_subnets(&two, BOTH);
    ck_assert_int_eq(world_connect(&next), 1); /* naming it again is no new deadline */
    world_pass(1);
    if (_i == 0)
        ck_assert_int_eq(advance(), 1);
    else /* an engine that does not come back after all */
        ck_assert_int_eq(world_connect(&next), 0);
    assert_moved();
    ck_assert_uint_eq(world_row("cluster2").status, SUBWG_STATUS_CONNECTING);
    ck_assert_uint_eq(world_row("cluster2").flap_count, 1);
}
END_TEST

START_TEST(the_first_looks_come_soon_and_later_ones_seldom)
{
    begin();
    ck_assert_uint_eq(moves_due_ns(instance()), UINT64_MAX);
    ck_assert_int_eq(world_connect(&next), 0);
    uint64_t wait_ns = moves_due_ns(instance()) - world.elapsed_ns;
    ck_assert_uint_gt(wait_ns, 0);
    ck_assert_uint_le(wait_ns, 50000000);
    int looks = 0;
    for (uint64_t end_ns = world.elapsed_ns + LIMIT_MOVE_S * UINT64_C(1000000000);
         world.elapsed_ns < end_ns; looks++)
        world.elapsed_ns = moves_due_ns(instance());
    ck_assert_int_lt(looks, 40);
    ck_assert_int_eq(advance(), 1);
}
END_TEST

START_TEST(a_third_key_takes_the_place_of_the_second)
{
    begin_move();
    world_pass(20);
    world_hear(&two);
    fake_kernel_traffic(WORLD_DEVICE, next.public_key, 0, 148);
    ck_assert_uint_eq(world_row("cluster2").tx_bytes, 500 + 500 + 148);
    ck_assert_int_eq(world_connect(&third), 0);
    assert_subnets(&two, BOTH);
    assert_subnets(&next, NULL);
    assert_subnets(&third, "");
    assert_routed();
    ck_assert_uint_eq(world_row("cluster2").tx_bytes, 500 + 500 + 148);
    if (_i == 0) { /* the old key's days are counted from when it was announced no more */
        world_pass(LIMIT_MOVE_S - 20);
        world_hear(&two);
    } else {
        world_hear(&third);
    }
    ck_assert_int_eq(advance(), 1);
    assert_subnets(&two, NULL);
    assert_subnets(&third, BOTH);
    assert_routed();
    ck_assert_uint_ge(world_row("cluster2").tx_bytes, 500 + 500 + 148);
}
END_TEST

START_TEST(the_old_key_announced_again_ends_the_move)
{
    begin_move();
    fake_kernel_traffic(WORLD_DEVICE, next.public_key, 0, 148);
    (void)world_row("cluster2");
    if (_i == 1)
        two.subnets[1] = "10.250.0.0/16";
    ck_assert_int_eq(world_connect(&two), 0);
    assert_subnets(&next, NULL);
    assert_subnets(&two, _i == 1 ? "10.234.0.0/18 10.250.0.0/16" : BOTH);
    assert_kernel_has("handshake 1700000000 rx 1000 tx 500");
    struct subwg_connection row = world_row("cluster2");
    ck_assert_uint_eq(row.status, SUBWG_STATUS_CONNECTED);
    ck_assert_uint_eq(row.flap_count, 0);
    ck_assert_uint_eq(row.tx_bytes, 648);
    ck_assert_int_eq(world_connect(&two), 1);
    ck_assert_int_eq(advance(), 0);
}
END_TEST

START_TEST(subnets_that_change_with_the_key_change_when_it_does)
{
    next.subnets[1] = "10.250.0.0/16";
    begin_move();
    assert_subnets(&two, BOTH);
    assert_kernel_lacks("10.250.0.0/16");
    next.subnets[2] = "10.251.0.0/16"; /* and once more, during the move */
    next.endpoint.subnet_count = 3;
    ck_assert_int_eq(world_connect(&next), 0);
    assert_subnets(&two, BOTH);
    assert_subnets(&next, "");
    world_hear(&next);
    ck_assert_int_eq(advance(), 1);
    assert_subnets(&two, NULL);
    assert_subnets(&next, "10.234.0.0/18 10.250.0.0/16 10.251.0.0/16");
    assert_kernel_has("route table 220 10.250.0.0/16 dev subwg0");
    assert_kernel_lacks("10.234.64.0/18");
    ck_assert_int_eq(world_connect(&next), 1);
}
END_TEST

START_TEST(a_disconnect_takes_both_peers)
{
    world_init();
    char *before = world_kernel();
    moves_dispatched(instance());
    ck_assert_int_eq(world_connect(&two), 0);
    world_hear(&two);
    (void)world_row("cluster2");
    ck_assert_int_eq(world_connect(&next), 0);
    if (_i > 0) { /* and one that failed is finished by the next */
        fake_kernel_fail_request((uint64_t)_i, ENOMEM);
        ck_assert_int_eq(world_disconnect(&next), -ENOMEM);
    }
    ck_assert_int_eq(world_disconnect(&next), 0);
    assert_kernel_is(before);
    ck_assert_int_eq(world_disconnect(&next), 1);
    ck_assert_int_eq(world_connect(&two), 0);
}
END_TEST

START_TEST(a_disconnect_that_names_the_old_key_leaves_the_move_alone)
{
    begin_move();
    char *before = world_kernel();
    ck_assert_int_eq(world_disconnect(&two), 1);
    assert_kernel_is(before);
    world_hear(&next);
    ck_assert_int_eq(advance(), 1);
    assert_moved();
}
END_TEST

static void assert_refused(struct remote *remote)
{
    char *before = world_kernel();
    ck_assert_int_eq(world_connect(remote), -EEXIST);
    assert_kernel_is(before);
}

START_TEST(keys_and_prefixes_of_both_peers_are_taken)
{
    next.subnets[1] = "10.250.0.0/16";
    begin_move();
    const struct remote whole = three;
    three.subnets[0] = "10.250.7.0/24"; /* of the new announcement */
    assert_refused(&three);
    three.subnets[0] = "10.234.64.0/24"; /* the kernel still has it at the old peer */
    assert_refused(&three);
    three.subnets[0] = whole.subnets[0];
    three.config[0].value = two.key;
    assert_refused(&three);
    three.config[0].value = next.key;
    assert_refused(&three);
    world_hear(&next);
    ck_assert_int_eq(advance(), 1);
    three.config[0].value = two.key; /* nobody's any more */
    three.subnets[0] = "10.234.64.0/24";
    ck_assert_int_eq(world_connect(&three), 0);
}
END_TEST

static int32_t codes[4];

static void take_code(void *context, uint32_t index, int32_t code, const char *address,
                      const struct subwg_error *error)
{
    (void)context;
    (void)address;
    (void)error;
    codes[index] = code;
}

START_TEST(a_list_may_name_a_cluster_that_moves_beside_a_rival)
{
    next.subnets[1] = "10.250.0.0/16";
    begin_move();
    three.subnets[0] = _i == 0 ? "10.234.64.0/24" : "10.250.7.0/24";
    /* What the old peer still has is the cluster's to name again. */
    const struct subwg_endpoint *list[] = {_i == 0 ? &two.endpoint : &next.endpoint,
                                           &three.endpoint};
    ck_assert_int_eq(subwg_cable_connect_many(world.cable, list, 2, take_code, NULL, &world.error),
                     0);
    ck_assert_int_eq(codes[0], _i == 0 ? 0 : 1);
    ck_assert_int_eq(codes[1], -EEXIST);
}
END_TEST

START_TEST(a_peer_with_the_new_key_that_is_there_already)
{
    begin();
    /* Somebody made it by hand: with subnets it is taken over at once, without any it waits. */
    for (uint8_t i = 0; i < 20 && _i == 2; i++) /* more than the driver remembers one by one */
        fake_kernel_add_peer(WORLD_DEVICE, (uint8_t[32]){9, i}, "10.98.0.0/16");
    fake_kernel_add_peer(WORLD_DEVICE, next.public_key, "10.99.0.0/16");
    if (_i == 1) {
        fake_kernel_add_peer(WORLD_DEVICE, third.public_key, "10.99.0.0/16");
        fake_kernel_remove_peer(WORLD_DEVICE, third.public_key);
    }
    (void)world_row("cluster2");
    ck_assert_int_eq(world_connect(&next), 0);
    if (_i == 1) {
        assert_subnets(&two, BOTH);
        assert_subnets(&next, "");
        assert_kernel_has("endpoint 10.243.64.12:5871 keepalive 10");
        world_hear(&next);
        ck_assert_int_eq(advance(), 1);
    }
    assert_kernel_lacks("10.99.0.0/16");
    assert_moved();
}
END_TEST

START_TEST(without_keepalives_the_new_peer_still_shakes_hands)
{
    const struct subwg_setting settings[] = {{"keepalive-s", "0"}};
    ck_assert_int_eq(world_create(settings, 1), 0);
    ck_assert_int_eq(subwg_cable_init(world.cable, &world.error), 0);
    moves_dispatched(instance());
    ck_assert_int_eq(world_connect(&two), 0);
    world_hear(&two);
    (void)world_row("cluster2");
    ck_assert_int_eq(world_connect(&next), 0);
    assert_kernel_has("endpoint 10.243.64.12:5871 keepalive 10");
    ck_assert_int_eq(world_connect(&next), 1);
    world_hear(&next);
    ck_assert_int_eq(advance(), 1);
    assert_kernel_has("endpoint 10.243.64.12:5871 keepalive 0");
    assert_moved();
}
END_TEST

int main(void)
{
    const struct world_test tests[] = {
        {an_engine_that_does_not_come_back_gets_the_immediate_form, 4},
        {an_engine_that_came_back_lately_gets_the_staged_form, 2},
        {the_old_peer_keeps_everything_until_the_new_one_answers, 2},
        {the_subnets_move_in_one_message_and_no_other_peer_is_touched, 0},
        {one_row_all_the_time_with_counters_that_only_grow, 0},
        {a_dead_old_peer_is_not_waited_for, 2},
        {a_new_peer_that_never_answers_gets_the_subnets_at_the_deadline, 2},
        {the_first_looks_come_soon_and_later_ones_seldom, 0},
        {a_third_key_takes_the_place_of_the_second, 2},
        {the_old_key_announced_again_ends_the_move, 2},
        {subnets_that_change_with_the_key_change_when_it_does, 0},
        {a_disconnect_takes_both_peers, 4},
        {a_disconnect_that_names_the_old_key_leaves_the_move_alone, 0},
        {keys_and_prefixes_of_both_peers_are_taken, 0},
        {a_list_may_name_a_cluster_that_moves_beside_a_rival, 2},
        {a_peer_with_the_new_key_that_is_there_already, 3},
        {without_keepalives_the_new_peer_still_shakes_hands, 0},
    };
    return world_run("moves", moving_start, tests, sizeof(tests) / sizeof(tests[0]));
}
