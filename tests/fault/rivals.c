/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two clusters want the same, at best by mistake: who has it keeps it, also over a restart, after which
 * nobody but the kernel's peers remembers who had what. And no claim is lost with a tunnel it names.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define TWO_IS_WHOLE "handshake 1700000000 rx 1000 tx 500 allowed 10.234.0.0/18 10.234.64.0/18\n"

static struct remote two;
static struct remote three;
static struct remote four;

static void start(void)
{
    world_start();
    remote_make(&two, 2);
    remote_make(&three, 3);
    remote_make(&four, 4);
    world_init();
}

/* What connect_many said of each in its list; 4096 where it said nothing. */
struct outcome {
    int32_t codes[4];
    uint32_t count; /* of results */
    char text[512]; /* of the last refusal */
};

static void take_result(void *context, uint32_t index, int32_t code, const char *address,
                        const struct subwg_error *error)
{
    struct outcome *outcome = context;
    (void)address;
    ck_assert_uint_lt(index, 4);
    outcome->codes[index] = code;
    outcome->count++;
    if (error != NULL)
        (void)snprintf(outcome->text, sizeof(outcome->text), "%s", error->text);
}

static struct outcome connect_all(const struct subwg_endpoint *const *list, uint32_t count)
{
    struct outcome outcome = {.codes = {4096, 4096, 4096, 4096}};
    ck_assert_int_eq(
        subwg_cable_connect_many(world.cable, list, count, take_result, &outcome, &world.error), 0);
    ck_assert_uint_eq(outcome.count, count);
    return outcome;
}

static void two_is_left_by_an_earlier_run(void)
{
    ck_assert_int_eq(world_connect(&two), 0);
    world_hear(&two);
    (void)world_row("cluster2");
    world_restart();
}

static void assert_two_survives_the_end_of_the_list(void)
{
    ck_assert_int_eq(subwg_cable_list_complete(world.cable, &world.error), 0);
    assert_kernel_has(TWO_IS_WHOLE);
    assert_kernel_has("route table 220 10.234.0.0/18 dev subwg0");
    assert_kernel_has("route table 220 10.234.64.0/18 dev subwg0");
}

static const char *const claims[] = {"10.234.0.0/18", "10.234.1.0/24", "10.234.0.0/16"};

START_TEST(the_owner_keeps_its_subnet_after_a_restart_against_a_thief_in_the_list)
{
    two_is_left_by_an_earlier_run();
    three.subnets[1] = claims[_i % 3];
    uint32_t owner = _i < 3 ? 0 : 1;
    const struct subwg_endpoint *list[2];
    list[owner] = &two.endpoint;
    list[1 - owner] = &three.endpoint;
    struct outcome outcome = connect_all(list, 2);
    ck_assert_int_eq(outcome.codes[owner], 1);
    ck_assert_int_eq(outcome.codes[1 - owner], -EEXIST);
    ck_assert_ptr_nonnull(strstr(outcome.text, "cluster2"));
    ck_assert(!fake_kernel_has_peer(WORLD_DEVICE, three.public_key));
    assert_two_survives_the_end_of_the_list();
}
END_TEST

START_TEST(a_thief_alone_in_the_list_after_a_restart_gets_nothing)
{
    two_is_left_by_an_earlier_run();
    three.subnets[1] = claims[_i];
    const struct subwg_endpoint *list[] = {&three.endpoint};
    ck_assert_int_eq(connect_all(list, 1).codes[0], -EEXIST);
    assert_kernel_has(TWO_IS_WHOLE);
    ck_assert_int_eq(world_connect(&two), 1);
    assert_two_survives_the_end_of_the_list();
}
END_TEST

START_TEST(one_key_from_two_clusters_after_a_restart_is_refused_to_both_and_the_tunnel_stays)
{
    two_is_left_by_an_earlier_run();
    three.config[0].value = two.key;
    three.endpoint.backend_config = three.config;
    const struct subwg_endpoint *list[] = {&two.endpoint, &three.endpoint};
    struct outcome outcome = connect_all(list, 2);
    ck_assert_int_eq(outcome.codes[0], -EEXIST);
    ck_assert_int_eq(outcome.codes[1], -EEXIST);
    assert_two_survives_the_end_of_the_list();
    ck_assert_int_eq(world_connect(&two), 1);
}
END_TEST

START_TEST(one_key_from_two_clusters_stays_with_the_one_that_is_connected)
{
    ck_assert_int_eq(world_connect(&two), 0);
    three.config[0].value = two.key;
    const struct subwg_endpoint *list[] = {&three.endpoint, &two.endpoint};
    struct outcome outcome = connect_all(list, 2);
    ck_assert_int_eq(outcome.codes[0], -EEXIST);
    ck_assert_int_eq(outcome.codes[1], 1);
}
END_TEST

START_TEST(a_leftover_whose_connect_failed_stays_when_the_list_is_complete)
{
    two_is_left_by_an_earlier_run();
    if (_i == 0) { /* the kernel says no */
        fake_kernel_fail_request(1, ENOMEM);
        ck_assert_int_eq(world_connect(&two), -ENOMEM);
    } else if (_i == 1) { /* the announcement is broken, its key is not */
        two.subnets[1] = "10.234.64.0/99";
        ck_assert_int_eq(world_connect(&two), -EINVAL);
    } else { /* the policy says no */
        two.subnets[1] = "10.233.64.0/18";
        ck_assert_int_lt(world_connect(&two), 0);
    }
    assert_two_survives_the_end_of_the_list();
    two.subnets[1] = "10.234.64.0/18";
    ck_assert_int_eq(world_connect(&two), 1);
}
END_TEST

START_TEST(a_leftover_that_nobody_names_goes_with_its_routes)
{
    ck_assert_int_eq(world_connect(&three), 0);
    char *before = world_kernel();
    two_is_left_by_an_earlier_run();
    ck_assert_int_eq(world_connect(&three), 1);
    assert_kernel_has(TWO_IS_WHOLE); /* not before the list is complete */
    ck_assert_int_eq(subwg_cable_list_complete(world.cable, &world.error), 3);
    assert_kernel_is(before);
}
END_TEST

START_TEST(an_owner_that_narrows_its_subnet_keeps_it_against_a_thief_in_the_list)
{
    const char *const narrowed[] = {"10.234.0.0/19"};
    ck_assert_int_eq(world_connect(&two), 0);
    three.subnets[0] = "10.234.0.0/24";
    two.endpoint.subnets = narrowed;
    two.endpoint.subnet_count = 1;
    const struct subwg_endpoint *list[] = {&two.endpoint, &three.endpoint};
    struct outcome outcome = connect_all(list, 2);
    ck_assert_int_eq(outcome.codes[0], 0);
    ck_assert_int_eq(outcome.codes[1], -EEXIST);
    assert_kernel_has("allowed 10.234.0.0/19\n");
}
END_TEST

START_TEST(an_owner_that_changes_its_key_keeps_its_subnets_against_a_thief_in_the_list)
{
    ck_assert_int_eq(world_connect(&two), 0);
    three.subnets[0] = "10.234.0.0/24";
    two.config[0].value = four.key;
    const struct subwg_endpoint *list[] = {&two.endpoint, &three.endpoint};
    struct outcome outcome = connect_all(list, 2);
    ck_assert_int_eq(outcome.codes[0], 0);
    ck_assert_int_eq(outcome.codes[1], -EEXIST);
    ck_assert(fake_kernel_has_peer(WORLD_DEVICE, four.public_key));
    ck_assert(!fake_kernel_has_peer(WORLD_DEVICE, two.public_key));
}
END_TEST

START_TEST(an_owner_that_widens_its_subnet_gains_no_right_to_the_rest)
{
    ck_assert_int_eq(world_connect(&two), 0);
    two.subnets[1] = "10.235.0.0/16";
    const struct subwg_endpoint *list[] = {&two.endpoint, &three.endpoint};
    struct outcome outcome = connect_all(list, 2);
    ck_assert_int_eq(outcome.codes[0], -EEXIST);
    ck_assert_int_eq(outcome.codes[1], -EEXIST);
    ck_assert_int_eq(world_connect(&three), 0);
}
END_TEST

/* Which only somebody else can have done, for an endpoint's subnets do not cover each other. */
START_TEST(what_a_leftover_has_inside_another_of_its_subnets_hides_neither)
{
    ck_assert_int_eq(world_connect(&two), 0);
    fake_kernel_add_peer(WORLD_DEVICE, two.public_key, "10.234.0.0/16");
    world_restart();
    two.subnets[1] = "10.234.128.0/18";
    three.subnets[0] = "10.234.128.0/24";
    const struct subwg_endpoint *list[] = {&two.endpoint, &three.endpoint};
    struct outcome outcome = connect_all(list, 2);
    ck_assert_int_eq(outcome.codes[0], 0);
    ck_assert_int_eq(outcome.codes[1], -EEXIST);
}
END_TEST

START_TEST(a_cluster_that_comes_twice_in_a_list_counts_once_and_for_nothing_more)
{
    struct remote again = two;
    again.subnets[0] = "10.236.0.0/18"; /* four's */
    again.endpoint.subnets = again.subnets;
    again.endpoint.cable_name = "another";
    const struct subwg_endpoint *list[] = {&two.endpoint, &again.endpoint, &four.endpoint};
    struct outcome outcome = connect_all(list, 3);
    ck_assert_int_eq(outcome.codes[0], 0);
    ck_assert_int_eq(outcome.codes[1], -EINVAL);
    ck_assert_int_eq(outcome.codes[2], 0);
    ck_assert_str_eq(outcome.text, "cluster 'cluster2' comes twice in the list");
}
END_TEST

START_TEST(a_cluster_that_comes_twice_wins_no_contest_by_it)
{
    three.subnets[0] = "10.234.0.0/18";
    const struct subwg_endpoint *list[] = {&two.endpoint, &two.endpoint, &three.endpoint};
    struct outcome outcome = connect_all(list, 3);
    ck_assert_int_eq(outcome.codes[0], -EEXIST);
    ck_assert_int_eq(outcome.codes[1], -EINVAL);
    ck_assert_int_eq(outcome.codes[2], -EEXIST);
}
END_TEST

int main(void)
{
    const struct world_test tests[] = {
        {the_owner_keeps_its_subnet_after_a_restart_against_a_thief_in_the_list, 6},
        {a_thief_alone_in_the_list_after_a_restart_gets_nothing, 3},
        {one_key_from_two_clusters_after_a_restart_is_refused_to_both_and_the_tunnel_stays, 0},
        {one_key_from_two_clusters_stays_with_the_one_that_is_connected, 0},
        {a_leftover_whose_connect_failed_stays_when_the_list_is_complete, 3},
        {a_leftover_that_nobody_names_goes_with_its_routes, 0},
        {an_owner_that_narrows_its_subnet_keeps_it_against_a_thief_in_the_list, 0},
        {an_owner_that_changes_its_key_keeps_its_subnets_against_a_thief_in_the_list, 0},
        {an_owner_that_widens_its_subnet_gains_no_right_to_the_rest, 0},
        {what_a_leftover_has_inside_another_of_its_subnets_hides_neither, 0},
        {a_cluster_that_comes_twice_in_a_list_counts_once_and_for_nothing_more, 0},
        {a_cluster_that_comes_twice_wins_no_contest_by_it, 0},
    };
    return world_run("rivals", start, tests, sizeof(tests) / sizeof(tests[0]));
}
