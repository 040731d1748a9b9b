/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster's key changes, and then something goes wrong: the engine restarts, requests fail, peers vanish.
 * Each step is undone or tried again, and no subnet is without an owner. T42, T47 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "moving.h"

static void assert_restarted_move_waits(void)
{
    world_restart();
    moves_dispatched(instance());
    /* Nobody knows whose the old peer is before the list is complete: it keeps what it has. */
    ck_assert_int_eq(world_connect(&next), -EEXIST);
    assert_subnets(&two, BOTH);
    char *before = world_kernel();
    ck_assert_int_eq(subwg_cable_list_complete(world.cable, &world.error), 0);
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

/* Whoever claims its subnets moves from it, which does not make that cluster the owner of its key. */
START_TEST(the_owner_of_a_leftover_is_not_told_that_its_key_is_another_clusters)
{
    begin();
    assert_restarted_move_waits();
    next.endpoint.cluster_id = "cluster9";
    ck_assert_int_eq(world_connect(&next), 0);
    assert_subnets(&two, BOTH);
    ck_assert_int_eq(world_connect(&two), -EEXIST);
    ck_assert_str_eq(world.error.text,
                     "endpoint of cluster 'cluster2': publicKey is the one of a peer "
                     "of an earlier run");
}
END_TEST

START_TEST(a_leftover_is_not_held_where_nobody_comes_back_to_remove_it)
{
    begin();
    world_restart();
    ck_assert_int_eq(world_connect(&next), -EEXIST);
    if (_i == 0)
        ck_assert_int_eq(subwg_cable_list_complete(world.cable, &world.error), 3);
    else { /* whoever reconciles does */
        ck_assert_int_ge(subwg_cable_reconcile(world.cable, 0, NULL, NULL, &world.error), 0);
        ck_assert_int_eq(subwg_cable_list_complete(world.cable, &world.error), 0);
    }
    assert_subnets(&two, _i == 0 ? NULL : BOTH);
    ck_assert_int_eq(world_connect(&next), 0);
}
END_TEST

#define MANY_CLUSTERS (LIMIT_CLAIMS + 4)

START_TEST(each_of_many_leftovers_that_were_claimed_is_held)
{
    static struct remote before[MANY_CLUSTERS];
    static struct remote after[MANY_CLUSTERS];
    static char subnets[MANY_CLUSTERS][24];
    world_init();
    for (unsigned int i = 0; i < MANY_CLUSTERS; i++) {
        (void)snprintf(subnets[i], sizeof(subnets[i]), "10.%u.0.0/24", 100 + i);
        remote_make(&before[i], 20 + i);
        remote_make(&after[i], 20 + i);
        use_key_of(&after[i], 60 + i, before[i].private_ip);
        before[i].subnets[0] = after[i].subnets[0] = subnets[i];
        before[i].endpoint.subnet_count = after[i].endpoint.subnet_count = 1;
        ck_assert_int_eq(world_connect(&before[i]), 0);
    }
    world_restart();
    moves_dispatched(instance());
    for (unsigned int i = 0; i < MANY_CLUSTERS; i++)
        ck_assert_int_eq(world_connect(&after[i]), -EEXIST);
    ck_assert_int_eq(subwg_cable_list_complete(world.cable, &world.error), 0);
    for (unsigned int i = 0; i < MANY_CLUSTERS; i++) {
        assert_subnets(&before[i], subnets[i]);
        ck_assert_int_eq(world_connect(&after[i]), 0);
        assert_subnets(&before[i], subnets[i]);
    }
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

/* One subnet of it has found another owner by the time that somebody comes for the other one. */
START_TEST(a_leftover_that_is_held_does_not_count_what_it_lost)
{
    begin();
    three.endpoint.subnet_count = 1;
    ck_assert_int_eq(world_connect(&three), 0);
    world_restart();
    moves_dispatched(instance());
    ck_assert_int_eq(world_connect(&three), 1);
    ck_assert_int_eq(world_connect(&next), -EEXIST);
    ck_assert_int_eq(subwg_cable_list_complete(world.cable, &world.error), 0);
    three.endpoint.subnet_count = 2;
    three.subnets[1] = "10.234.0.0/18";
    ck_assert_int_eq(world_connect(&three), 0);
    assert_subnets(&two, "10.234.64.0/18");

    next.subnets[0] = "10.234.64.0/18";
    next.endpoint.subnet_count = 1;
    ck_assert_int_eq(world_connect(&next), 0);
    assert_subnets(&three, "10.235.0.0/18 10.234.0.0/18");
    assert_routed();
    ck_assert_int_ge(subwg_cable_reconcile(world.cable, 0, NULL, NULL, &world.error), 0);
    ck_assert_int_eq(subwg_cable_reconcile(world.cable, 0, NULL, NULL, &world.error), 0);
    assert_subnets(&three, "10.235.0.0/18 10.234.0.0/18");
    assert_subnets(&two, "10.234.64.0/18");
    world_hear(&next);
    ck_assert_int_eq(advance(), 1);
    assert_subnets(&two, NULL);
    assert_subnets(&next, "10.234.64.0/18");
    assert_subnets(&three, "10.235.0.0/18 10.234.0.0/18");
    assert_routed();
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

static int if_new_route(const char *name, int what)
{
    return strcmp(name, "RTM_NEWROUTE") == 0 ? what : 0;
}

/* No new route for now, and besides the n-th request fails; 0: none. */
static void refuse_new_routes(uint64_t request)
{
    struct fake_kernel_fault faults[8];
    for (uint64_t i = 0; i < 7; i++)
        faults[i] =
            (struct fake_kernel_fault){FAKE_KERNEL_FAIL_REQUEST, i + 1, ENOMEM, if_new_route};
    faults[7] = (struct fake_kernel_fault){FAKE_KERNEL_FAIL_REQUEST, request, ENOMEM, NULL};
    fake_kernel_order(faults, 8);
}

START_TEST(a_move_whose_way_back_failed_too_ends_well)
{
    next.subnets[2] =
        "10.250.0.0/16"; /* its route fails, and so does the way back's n-th request */
    next.endpoint.subnet_count = 3;
    begin_move();
    world_hear(&next);
    for (int i = 0; i < 3; i++) {
        refuse_new_routes((uint64_t)_i + 1);
        ck_assert_int_lt(advance(), 0);
        fake_kernel_order(NULL, 0);
        assert_nothing_is_lost();
    }
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
    refuse_new_routes(0);
    ck_assert_int_eq(advance(), -ENOMEM);
    fake_kernel_order(NULL, 0);
    assert_subnets(&three, "10.235.0.0/18 10.235.64.0/18");
    assert_subnets(&other, NULL);
    assert_subnets(&two, BOTH);
    ck_assert_uint_eq(world_row("cluster2").status, SUBWG_STATUS_CONNECTED);
}
END_TEST

static void take_sentence(void *context, uint32_t repaired, const char *text)
{
    uint32_t *foreign = context;
    *foreign += repaired == 0 && strstr(text, "a foreign route to ") != NULL;
}

static uint32_t count_foreign_routes(void)
{
    uint32_t foreign = 0;
    ck_assert_int_ge(subwg_cable_reconcile(world.cable, 0, take_sentence, &foreign, &world.error),
                     0);
    return foreign;
}

/* The traffic of its own destination is what a foreign route may cost, not the whole cluster's. */
START_TEST(a_foreign_route_does_not_keep_a_move_from_its_end)
{
    const char *taken = _i == 2 ? "10.250.0.0/16" : "10.234.0.0/18";
    next.subnets[2] = "10.250.0.0/16";
    next.endpoint.subnet_count = _i == 2 ? 3 : 2;
    begin_move();
    (void)fake_kernel_delete_routes(taken, 220);
    fake_kernel_add_route(
        &(struct fake_kernel_route){.destination = taken, .link = "eth0", .table = 220});
    ck_assert_uint_eq(count_foreign_routes(), 1);
    assert_subnets(&two, BOTH);
    if (_i == 1)
        world_pass(LIMIT_MOVE_S);
    else
        world_hear(&next);
    ck_assert_int_eq(advance(), 1);
    assert_subnets(&two, NULL);
    assert_subnets(&next, _i == 2 ? BOTH " 10.250.0.0/16" : BOTH);
    assert_kernel_has("route table 220 10.234.64.0/18 dev subwg0");
    assert_kernel_lacks(_i == 2 ? "10.250.0.0/16 dev subwg0" : "10.234.0.0/18 dev subwg0");
    ck_assert_uint_eq(count_foreign_routes(), 1);
    /* Who asks for it is told that it cannot be had. */
    next.endpoint.hostname = "renamed";
    ck_assert_int_eq(world_connect(&next), -EEXIST);
    ck_assert_uint_eq(world.error.reason, SUBWG_REASON_CONFLICT);
    assert_kernel_has("10.234.64.0/18 dev subwg0");

    ck_assert_uint_eq(fake_kernel_delete_routes(taken, 220), 1);
    ck_assert_uint_eq(count_foreign_routes(), 0);
    assert_routed();
    ck_assert_int_eq(world_connect(&next), 0);
    ck_assert_int_eq(subwg_cable_reconcile(world.cable, 0, NULL, NULL, &world.error), 0);
}
END_TEST

int main(void)
{
    const struct world_test tests[] = {
        {a_restart_during_a_move_loses_no_subnet, 2},
        {a_key_that_changed_during_a_restart_takes_over_from_the_leftover, 4},
        {a_leftover_that_is_held_goes_when_nobody_comes_for_it, 2},
        {the_owner_of_a_leftover_is_not_told_that_its_key_is_another_clusters, 0},
        {a_leftover_is_not_held_where_nobody_comes_back_to_remove_it, 2},
        {each_of_many_leftovers_that_were_claimed_is_held, 0},
        {a_leftover_that_is_held_is_still_taken_over_by_who_has_its_key, 0},
        {a_leftover_that_is_held_does_not_count_what_it_lost, 0},
        {a_restart_during_a_move_finds_the_old_key_announced, 0},
        {the_end_of_a_list_is_not_the_end_of_a_move, 0},
        {cleanup_during_a_move_leaves_nothing, 0},
        {a_new_peer_that_somebody_removes_comes_back_with_the_subnets, 2},
        {a_step_that_fails_is_undone_or_tried_again, 2},
        {a_move_whose_way_back_failed_too_ends_well, 8},
        {one_move_that_fails_does_not_keep_another_from_its_end, 0},
        {a_foreign_route_does_not_keep_a_move_from_its_end, 3},
    };
    return world_run("moves-trouble", moving_start, tests, sizeof(tests) / sizeof(tests[0]));
}
