/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster's key changes while its tunnel works, and the engine comes back to finish: the subnets stay
 * with the old peer until the new one answers, whatever else happens meanwhile. T19, T20
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "engine/cable.h"
#include "wireguard/moves.h"
#include "world.h"

#define BOTH "10.234.0.0/18 10.234.64.0/18"

static struct remote two;   /* cluster2 with the old key */
static struct remote next;  /* cluster2 with a new key, at another address */
static struct remote third; /* cluster2 with yet another one */
static struct remote three; /* cluster3 */

static void use_key_of(struct remote *remote, unsigned int number, const char *private_ip)
{
    struct remote other;
    remote_make(&other, number);
    memcpy(remote->key, other.key, sizeof(remote->key));
    memcpy(remote->public_key, other.public_key, sizeof(remote->public_key));
    (void)snprintf(remote->private_ip, sizeof(remote->private_ip), "%s", private_ip);
}

static struct subwg_instance *instance(void)
{
    return world.cable->instance;
}

static void start(void)
{
    world_start();
    remote_make(&two, 2);
    remote_make(&next, 2);
    use_key_of(&next, 12, "10.243.64.12");
    remote_make(&third, 2);
    use_key_of(&third, 13, "10.243.64.13");
    remote_make(&three, 3);
}

/* An engine that dispatches, and a tunnel to cluster2 that works. */
static void begin(void)
{
    world_init();
    moves_dispatched(instance());
    ck_assert_int_eq(world_connect(&two), 0);
    world_hear(&two);
    ck_assert_uint_eq(world_row("cluster2").status, SUBWG_STATUS_CONNECTED);
}

static void begin_move(void)
{
    begin();
    ck_assert_int_eq(world_connect(&next), 0);
}

/* What dispatch does: a dump, and what it allows. */
static int32_t advance(void)
{
    struct subwg_error *error = &world.error;
    int32_t code = instance_dump(instance(), error);
    if (code != 0)
        return code;
    report_take_dump(instance());
    return moves_advance(instance(), error);
}

/* The subnets of a remote's peer as the kernel has them; NULL: no such peer. */
static const char *subnets_of(const struct remote *remote)
{
    static char subnets[2][256];
    static size_t turn;
    char *kernel = world_kernel();
    const char *peer = strstr(kernel, remote->key);
    char *text = NULL;
    if (peer != NULL) {
        const char *allowed = strstr(peer, " allowed") + strlen(" allowed");
        text = subnets[turn++ % 2];
        allowed += *allowed == ' ';
        (void)snprintf(text, sizeof(subnets[0]), "%.*s", (int)strcspn(allowed, "\n"), allowed);
    }
    free(kernel);
    return text;
}

static void assert_subnets(const struct remote *remote, const char *subnets)
{
    const char *there = subnets_of(remote);
    if (subnets == NULL)
        ck_assert_ptr_null(there);
    else
        ck_assert_msg(there != NULL && strcmp(there, subnets) == 0, "%s has '%s', not '%s'",
                      remote->private_ip, there != NULL ? there : "(no peer)", subnets);
}

static void assert_routed(void)
{
    assert_kernel_has("route table 220 10.234.0.0/18 dev subwg0");
    assert_kernel_has("route table 220 10.234.64.0/18 dev subwg0");
}

static void assert_moved(void)
{
    assert_subnets(&two, NULL);
    assert_subnets(&next, BOTH);
    assert_routed();
    ck_assert_uint_eq(moves_due_ns(instance()), UINT64_MAX);
    ck_assert_int_eq(world_connect(&next), 1);
}

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
    }
    ck_assert_int_eq(world_connect(&next), 0);
    assert_moved();
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

static void assert_restarted_move_waits(void)
{
    world_restart();
    moves_dispatched(instance());
    /* Nobody knows whose the old peer is before the list is complete: it keeps what it has. */
    ck_assert_int_eq(world_connect(&next), -EEXIST);
    assert_subnets(&two, BOTH);
    char *before = world_kernel();
    ck_assert_int_eq(subwg_cable_list_complete(world.cable, &world.error), 1);
    assert_kernel_is(before); /* from hand to hand */
}

START_TEST(a_restart_during_a_move_loses_no_subnet)
{
    begin_move();
    if (_i == 0)
        world_hear(&next);
    assert_restarted_move_waits();
    assert_subnets(&next, "");
    ck_assert_int_ge(subwg_cable_reconcile(world.cable, 0, NULL, NULL, &world.error), 0);
    assert_subnets(&two, BOTH);
    assert_routed();
    ck_assert_int_eq(world_connect(&next), _i); /* what it asks for is there, or moves at once */
    if (_i == 1) {                              /* the new one has not answered yet */
        assert_subnets(&two, BOTH);
        assert_subnets(&next, "");
        ck_assert_uint_eq(world_row("cluster2").rx_bytes, 1000);
        world_hear(&next);
        ck_assert_int_eq(advance(), 1);
    }
    assert_moved();
    assert_kernel_has("endpoint 10.243.64.12:5871 keepalive 10 handshake 1700000000");
    ck_assert_uint_eq(world_row("cluster2").rx_bytes, 2000);
}
END_TEST

START_TEST(a_key_that_changed_during_a_restart_takes_over_from_the_leftover)
{
    begin();
    assert_restarted_move_waits();
    assert_subnets(&next, NULL);
    ck_assert_int_eq(world_connect(&next), 0);
    assert_subnets(&two, BOTH);
    assert_subnets(&next, "");
    if (_i == 0) {
        world_hear(&next);
        ck_assert_int_eq(advance(), 1);
        assert_moved();
    } else if (_i == 1) {
        world_pass(LIMIT_MOVE_S);
        ck_assert_int_eq(advance(), 1);
        assert_moved();
    } else if (_i == 2) { /* the old key is announced after all */
        ck_assert_int_eq(world_connect(&two), 0);
        assert_subnets(&two, BOTH);
        assert_subnets(&next, NULL);
        assert_kernel_has("handshake 1700000000 rx 1000 tx 500");
    } else {
        ck_assert_int_eq(world_disconnect(&next), 0);
        assert_kernel_lacks("10.234.");
    }
}
END_TEST

START_TEST(a_leftover_that_is_held_goes_when_nobody_comes_for_it)
{
    begin();
    assert_restarted_move_waits();
    if (_i == 0) {
        ck_assert_int_ge(subwg_cable_list_complete(world.cable, &world.error), 0);
        assert_subnets(&two, BOTH);
        world_pass(LIMIT_MOVE_S);
        ck_assert_int_eq(subwg_cable_list_complete(world.cable, &world.error), 3);
    } else {
        world_pass(LIMIT_MOVE_S);
        ck_assert_int_ge(subwg_cable_reconcile(world.cable, 0, NULL, NULL, &world.error), 3);
    }
    assert_kernel_lacks("10.234.");
    ck_assert_int_eq(world_connect(&next), 0);
    assert_moved();
}
END_TEST

START_TEST(a_leftover_that_is_held_is_still_taken_over_by_who_has_its_key)
{
    begin();
    assert_restarted_move_waits();
    ck_assert_int_eq(world_connect(&two), 1);
    assert_subnets(&two, BOTH);
    assert_routed();
    ck_assert_int_eq(world_connect(&two), 1);
    ck_assert_int_eq(subwg_cable_list_complete(world.cable, &world.error), 0);
    ck_assert_int_eq(world_connect(&next), 0); /* the same cluster: a move like any */
    assert_subnets(&next, "");
}
END_TEST

START_TEST(a_restart_during_a_move_finds_the_old_key_announced)
{
    begin_move();
    world_restart();
    ck_assert_int_eq(world_connect(&two), 1);
    ck_assert_int_eq(subwg_cable_list_complete(world.cable, &world.error), 1);
    assert_subnets(&two, BOTH);
    assert_subnets(&next, NULL);
    assert_kernel_has("handshake 1700000000 rx 1000 tx 500");
}
END_TEST

START_TEST(the_end_of_a_list_is_not_the_end_of_a_move)
{
    next.subnets[1] = "10.234.0.0/16"; /* covers both */
    begin_move();
    char *before = world_kernel();
    ck_assert_int_eq(subwg_cable_list_complete(world.cable, &world.error), 0);
    assert_kernel_is(before);
}
END_TEST

START_TEST(cleanup_during_a_move_leaves_nothing)
{
    char *before = world_kernel();
    begin_move();
    ck_assert_int_eq(subwg_cable_cleanup(world.cable, &world.error), 0);
    assert_kernel_is(before);
    ck_assert_int_eq(subwg_cable_init(world.cable, &world.error), 0);
    ck_assert_int_eq(world_connect(&next), 0);
}
END_TEST

START_TEST(a_new_peer_that_somebody_removes_comes_back_with_the_subnets)
{
    begin_move();
    fake_kernel_remove_peer(WORLD_DEVICE, next.public_key);
    ck_assert_int_eq(advance(), 0);
    if (_i == 0) {
        world_pass(LIMIT_MOVE_S);
        ck_assert_int_eq(advance(), 1);
    } else {
        ck_assert_int_eq(world_connect(&next), 0);
        assert_subnets(&two, BOTH);
        assert_kernel_has("endpoint 10.243.64.12:5871 keepalive 10");
        world_hear(&next);
        ck_assert_int_eq(advance(), 1);
    }
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

/* Each subnet of cluster2 has an owner and a route, whatever failed. */
static void assert_nothing_is_lost(void)
{
    const char *old = subnets_of(&two);
    const char *new = subnets_of(&next);
    ck_assert(old != NULL || new != NULL);
    for (size_t i = 0; i < 2; i++)
        ck_assert_msg((old != NULL && strstr(old, two.subnets[i]) != NULL) ||
                          (new != NULL &&strstr(new, two.subnets[i]) != NULL),
                      "%s has no owner", two.subnets[i]);
    assert_routed();
}

/* Fails one request after the other until the operation succeeds; returns how many failed. */
static int fail_requests(int32_t (*operation)(void), int32_t success)
{
    int failures = 0;
    int32_t code = -1;
    for (uint64_t request = 1; code != success; request++) {
        ck_assert_uint_lt(request, 60);
        fake_kernel_fail_request(request, ENOMEM);
        code = operation();
        fake_kernel_fail_request(0, 0);
        failures += code < 0;
        assert_nothing_is_lost();
    }
    return failures;
}

static int32_t connect_next(void)
{
    return world_connect(&next);
}

START_TEST(a_step_that_fails_is_undone_or_tried_again)
{
    const char *wider = "10.250.0.0/16";
    if (_i == 1)
        next.subnets[2] = wider;
    next.endpoint.subnet_count = _i == 1 ? 3 : 2;
    begin();
    ck_assert_int_ge(fail_requests(connect_next, 0), 1);
    assert_subnets(&two, BOTH);
    assert_subnets(&next, "");
    world_hear(&next);
    ck_assert_int_ge(fail_requests(advance, 1), 1);
    assert_subnets(&two, NULL);
    assert_subnets(&next, _i == 1 ? BOTH " 10.250.0.0/16" : BOTH);
    ck_assert_int_eq(world_connect(&next), 1);
}
END_TEST

START_TEST(a_move_whose_way_back_failed_too_ends_well)
{
    next.subnets[2] =
        "10.250.0.0/16"; /* its route fails, and so does the way back's n-th request */
    next.endpoint.subnet_count = 3;
    fake_kernel_add_route(
        &(struct fake_kernel_route){.destination = "10.250.0.0/16", .link = "eth0", .table = 220});
    begin_move();
    world_hear(&next);
    for (int i = 0; i < 3; i++) {
        fake_kernel_fail_request((uint64_t)_i + 1, ENOMEM);
        ck_assert_int_lt(advance(), 0);
        fake_kernel_fail_request(0, 0);
        assert_nothing_is_lost();
    }
    ck_assert_uint_eq(fake_kernel_delete_routes("10.250.0.0/16", 220), 1);
    ck_assert_int_eq(advance(), 1);
    assert_subnets(&two, NULL);
    assert_subnets(&next, BOTH " 10.250.0.0/16");
    assert_kernel_has("route table 220 10.250.0.0/16 dev subwg0");
    ck_assert_int_eq(world_connect(&next), 1);
}
END_TEST

START_TEST(one_move_that_fails_does_not_keep_another_from_its_end)
{
    next.subnets[2] = "10.250.0.0/16";
    next.endpoint.subnet_count = 3;
    fake_kernel_add_route(
        &(struct fake_kernel_route){.destination = "10.250.0.0/16", .link = "eth0", .table = 220});
    begin_move();
    struct remote other = three;
    use_key_of(&three, 14, "10.243.64.14");
    other.endpoint.private_ip = other.private_ip;
    other.config[0].value = other.key;
    other.endpoint.backend_config = other.config;
    ck_assert_int_eq(world_connect(&other), 0);
    world_hear(&other);
    (void)world_row("cluster3");
    ck_assert_int_eq(world_connect(&three), 0);
    world_hear(&next);
    world_hear(&three);
    ck_assert_int_eq(advance(), -EEXIST);
    ck_assert_ptr_nonnull(strstr(world.error.text, "10.250.0.0/16"));
    assert_subnets(&three, "10.235.0.0/18 10.235.64.0/18");
    assert_subnets(&other, NULL);
    assert_subnets(&two, BOTH);
    ck_assert_uint_eq(world_row("cluster2").status, SUBWG_STATUS_CONNECTED);
}
END_TEST

int main(void)
{
    const struct world_test tests[] = {
        {an_engine_that_does_not_come_back_gets_the_immediate_form, 2},
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
        {a_peer_with_the_new_key_that_is_there_already, 2},
        {a_restart_during_a_move_loses_no_subnet, 2},
        {a_key_that_changed_during_a_restart_takes_over_from_the_leftover, 4},
        {a_leftover_that_is_held_goes_when_nobody_comes_for_it, 2},
        {a_leftover_that_is_held_is_still_taken_over_by_who_has_its_key, 0},
        {a_restart_during_a_move_finds_the_old_key_announced, 0},
        {the_end_of_a_list_is_not_the_end_of_a_move, 0},
        {cleanup_during_a_move_leaves_nothing, 0},
        {a_new_peer_that_somebody_removes_comes_back_with_the_subnets, 2},
        {without_keepalives_the_new_peer_still_shakes_hands, 0},
        {a_step_that_fails_is_undone_or_tried_again, 2},
        {a_move_whose_way_back_failed_too_ends_well, 8},
        {one_move_that_fails_does_not_keep_another_from_its_end, 0},
    };
    return world_run("moves", start, tests, sizeof(tests) / sizeof(tests[0]));
}
