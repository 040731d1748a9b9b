/* SPDX-License-Identifier: Apache-2.0 */
/* Plans for single changes: just what differs is sent, in an order that loses nothing. */
#include <string.h>

#include "wireguard/plan.h"
#include "wireguard_model.h"

static struct model *with_peer(struct model *model, uint32_t key, const char *const *prefixes)
{
    struct model_peer *peer = &model->peers[model->peer_count++];
    *peer = (struct model_peer){0};
    peer->state.public_key = key_of(key);
    peer->state.endpoint = (struct socket_address){address_of("192.0.2.7"), 5871};
    peer->state.keepalive_s = 10;
    peer->state.preshared_key = WG_PRESHARED_KEY_EXPECTED;
    for (; *prefixes != NULL; prefixes++) {
        struct prefix prefix = prefix_of(*prefixes);
        model_give(model, peer, &prefix);
    }
    return model;
}

static const char *const two[] = {"10.0.0.0/18", "10.0.64.0/18", NULL};

/* The one change that a plan consists of; it touches only the peer that is there. */
static struct wg_peer_change the_update(const struct plan *plan)
{
    ck_assert_uint_eq(plan->count, 1);
    ck_assert_int_eq(plan->steps[0].kind, STEP_PEER);
    struct wg_peer_change change = plan->steps[0].what.peer;
    struct key key = key_of(2);
    ck_assert(key_equal(&change.public_key, &key));
    ck_assert_uint_eq(change.flags, WG_PEER_UPDATE_ONLY);
    return change;
}

/* True if of all attributes just the named one is in the change. */
static void check_only(const struct wg_peer_change *change, const char *attribute)
{
    ck_assert_msg((change->preshared_key != NULL) == (strcmp(attribute, "psk") == 0), "psk");
    ck_assert_msg((change->endpoint.address.family != FAMILY_NONE) ==
                      (strcmp(attribute, "endpoint") == 0),
                  "endpoint");
    ck_assert_msg(change->set_keepalive == (strcmp(attribute, "keepalive") == 0), "keepalive");
    ck_assert_msg((change->allowed_ip_count != 0) == (strcmp(attribute, "subnets") == 0),
                  "subnets");
}

START_TEST(the_same_again_is_no_step)
{
    struct model wanted = {0};
    with_peer(with_peer(&wanted, 2, two), 3, (const char *const[]){"fd00::/48", NULL});
    struct model found = wanted;
    struct plan plan = model_plan(&wanted, &found);
    ck_assert_uint_eq(plan.count, 0);
    plan_finish(&plan);
    plan_finish(&plan);
}
END_TEST

START_TEST(of_a_changed_peer_just_what_changed_is_sent)
{
    struct model found = {0};
    with_peer(&found, 2, two);

    struct model wanted = found;
    wanted.peers[0].state.endpoint.address = address_of("192.0.2.8");
    struct plan plan = model_plan(&wanted, &found);
    struct wg_peer_change change = the_update(&plan);
    check_only(&change, "endpoint");
    ck_assert(socket_address_equal(&change.endpoint, &wanted.peers[0].state.endpoint));
    plan_finish(&plan);

    wanted = found;
    wanted.peers[0].state.endpoint.port = 5872;
    plan = model_plan(&wanted, &found);
    change = the_update(&plan);
    check_only(&change, "endpoint");
    ck_assert_uint_eq(change.endpoint.port, 5872);
    plan_finish(&plan);

    wanted = found;
    wanted.peers[0].state.keepalive_s = 25;
    plan = model_plan(&wanted, &found);
    change = the_update(&plan);
    check_only(&change, "keepalive");
    ck_assert_uint_eq(change.keepalive_s, 25);
    plan_finish(&plan);

    wanted = (struct model){0};
    with_peer(&wanted, 2, (const char *const[]){"10.0.0.0/18", "10.0.64.0/18", "fd00::/48", NULL});
    plan = model_plan(&wanted, &found);
    change = the_update(&plan);
    check_only(&change, "subnets");
    struct prefix added = prefix_of("fd00::/48");
    ck_assert_uint_eq(change.allowed_ip_count, 1);
    ck_assert(prefix_equal(&change.allowed_ips[0], &added));
    plan_finish(&plan);
}
END_TEST

START_TEST(absence_is_sent_too)
{
    struct model found = {0};
    with_peer(&found, 2, two);
    struct model wanted = found;
    wanted.peers[0].state.preshared_key = WG_PRESHARED_KEY_NONE;
    struct plan plan = model_plan(&wanted, &found);
    struct wg_peer_change change = the_update(&plan);
    check_only(&change, "psk");
    ck_assert(key_is_zero(change.preshared_key));
    plan_finish(&plan);

    wanted = found;
    wanted.peers[0].state.keepalive_s = 0;
    plan = model_plan(&wanted, &found);
    change = the_update(&plan);
    check_only(&change, "keepalive");
    ck_assert_uint_eq(change.keepalive_s, 0);
    plan_finish(&plan);
}
END_TEST

START_TEST(any_other_preshared_key_is_replaced)
{
    static const uint8_t others[] = {WG_PRESHARED_KEY_NONE, WG_PRESHARED_KEY_OTHER};
    for (int i = 0; i < 2; i++) {
        struct model wanted = {0};
        with_peer(&wanted, 2, two);
        struct model found = wanted;
        found.peers[0].state.preshared_key = others[i];
        struct plan plan = model_plan(&wanted, &found);
        struct wg_peer_change change = the_update(&plan);
        check_only(&change, "psk");
        ck_assert(key_equal(change.preshared_key, &model_preshared_key));
        plan_finish(&plan);
    }
}
END_TEST

START_TEST(a_roamed_endpoint_stays_where_it_may)
{
    struct model wanted = {0};
    with_peer(&wanted, 2, two);
    struct model found = wanted;
    found.peers[0].state.endpoint = (struct socket_address){address_of("198.51.100.1"), 40000};
    struct plan plan = model_plan(&wanted, &found);
    struct wg_peer_change change = the_update(&plan);
    check_only(&change, "endpoint");
    plan_finish(&plan);

    wanted.peers[0].state.endpoint_may_roam = true;
    plan = model_plan(&wanted, &found);
    ck_assert_uint_eq(plan.count, 0);
    plan_finish(&plan);

    found.peers[0].state.endpoint = (struct socket_address){0}; /* none is no place to be */
    plan = model_plan(&wanted, &found);
    change = the_update(&plan);
    check_only(&change, "endpoint");
    plan_finish(&plan);
}
END_TEST

START_TEST(a_withdrawn_subnet_leaves_the_others_alone)
{
    struct model wanted = {0};
    struct model found = {0};
    with_peer(&wanted, 2, (const char *const[]){"10.0.0.0/18", NULL});
    with_peer(&found, 2, two);
    struct plan plan = model_plan(&wanted, &found);
    /* To a peer that is made for it and removed in the next breath, never by replacing the list. */
    ck_assert_uint_eq(plan.count, 2);
    const struct wg_peer_change *taker = &plan.steps[0].what.peer;
    const struct wg_peer_change *removal = &plan.steps[1].what.peer;
    struct key key = key_of(2);
    struct prefix withdrawn = prefix_of("10.0.64.0/18");
    ck_assert_int_eq(plan.steps[0].kind, STEP_PEER_WITHDRAW);
    ck_assert_uint_eq(taker->flags, 0);
    ck_assert_uint_eq(taker->allowed_ip_count, 1);
    ck_assert(prefix_equal(&taker->allowed_ips[0], &withdrawn));
    ck_assert(!key_equal(&taker->public_key, &key));
    ck_assert_uint_eq(taker->endpoint.address.family, FAMILY_NONE);
    ck_assert_int_eq(plan.steps[1].kind, STEP_PEER_WITHDRAW);
    ck_assert_uint_eq(removal->flags, WG_PEER_REMOVE);
    ck_assert(key_equal(&removal->public_key, &taker->public_key));
    plan_finish(&plan);
}
END_TEST

START_TEST(a_new_key_comes_before_the_old_one_goes)
{
    struct model wanted = {0};
    struct model found = {0};
    with_peer(&wanted, 3, two);
    with_peer(&found, 2, two);
    struct plan plan = model_plan(&wanted, &found);
    struct key old_key = key_of(2);
    struct key new_key = key_of(3);
    ck_assert_uint_eq(plan.count, 2);
    ck_assert_int_eq(plan.steps[0].kind, STEP_PEER);
    ck_assert_uint_eq(plan.steps[0].what.peer.flags, 0);
    ck_assert(key_equal(&plan.steps[0].what.peer.public_key, &new_key));
    ck_assert_uint_eq(plan.steps[0].what.peer.allowed_ip_count, 2);
    ck_assert_int_eq(plan.steps[1].kind, STEP_PEER_WITHDRAW);
    ck_assert_uint_eq(plan.steps[1].what.peer.flags, WG_PEER_REMOVE);
    ck_assert(key_equal(&plan.steps[1].what.peer.public_key, &old_key));
    plan_finish(&plan);
}
END_TEST

START_TEST(a_subnet_moves_in_one_step)
{
    struct model wanted = {0};
    struct model found = {0};
    with_peer(&found, 2, two);
    with_peer(&found, 3, (const char *const[]){"fd00::/48", NULL});
    with_peer(&wanted, 2, (const char *const[]){"10.0.0.0/18", NULL});
    with_peer(&wanted, 3, (const char *const[]){"fd00::/48", "10.0.64.0/18", NULL});
    struct plan plan = model_plan(&wanted, &found);
    struct key receiver = key_of(3);
    ck_assert_uint_eq(plan.count, 1); /* the kernel takes it from the other peer by itself */
    ck_assert(key_equal(&plan.steps[0].what.peer.public_key, &receiver));
    ck_assert_uint_eq(plan.steps[0].what.peer.allowed_ip_count, 1);
    plan_finish(&plan);
}
END_TEST

START_TEST(only_the_changed_peer_is_touched)
{
    struct model found = {0};
    with_peer(with_peer(&found, 2, two), 3, (const char *const[]){"fd00::/48", NULL});
    struct model wanted = found;
    wanted.peers[0].state.keepalive_s = 25;
    struct plan plan = model_plan(&wanted, &found);
    struct wg_peer_change change = the_update(&plan);
    check_only(&change, "keepalive");
    plan_finish(&plan);
}
END_TEST

START_TEST(a_new_peer_is_made_whole_in_one_step)
{
    struct model wanted = {0};
    struct model found = {0};
    with_peer(&wanted, 2, two);
    struct plan plan = model_plan(&wanted, &found);
    const struct wg_peer_change *change = &plan.steps[0].what.peer;
    ck_assert_uint_eq(plan.count, 1);
    ck_assert_uint_eq(change->flags, 0);
    ck_assert(key_equal(change->preshared_key, &model_preshared_key));
    ck_assert(socket_address_equal(&change->endpoint, &wanted.peers[0].state.endpoint));
    ck_assert(change->set_keepalive);
    ck_assert_uint_eq(change->keepalive_s, 10);
    ck_assert_uint_eq(change->allowed_ip_count, 2);
    plan_finish(&plan);
}
END_TEST

START_TEST(traffic_gets_its_route_last_and_loses_it_after_the_peer)
{
    struct model with = {0};
    struct model without = {0};
    with_peer(&with, 2, two);
    with.routes[with.route_count++] = prefix_of("10.0.0.0/18");
    with.rules[with.rule_count++] = (struct rule){.family = FAMILY_IPV4, .priority = 220};
    struct plan plan = model_plan(&with, &without);
    ck_assert_uint_eq(plan.count, 3);
    ck_assert_int_eq(plan.steps[0].kind, STEP_RULE_ADD);
    ck_assert_int_eq(plan.steps[1].kind, STEP_PEER);
    ck_assert_int_eq(plan.steps[2].kind, STEP_ROUTE_ADD);
    plan_finish(&plan);
    plan = model_plan(&without, &with);
    ck_assert_uint_eq(plan.count, 3);
    ck_assert_int_eq(plan.steps[0].kind, STEP_PEER_WITHDRAW);
    ck_assert_int_eq(plan.steps[1].kind, STEP_ROUTE_DELETE);
    ck_assert_int_eq(plan.steps[2].kind, STEP_RULE_DELETE);
    plan_finish(&plan);
}
END_TEST

START_TEST(the_port_is_set_alone_and_before_the_link_is_up)
{
    struct model found = {0};
    struct model wanted = {0};
    wanted.device = (struct device_state){.exists = true,
                                          .alias_set = true,
                                          .up = true,
                                          .has_private_key = true,
                                          .listen_port = 5871,
                                          .mark = 5871,
                                          .mtu = 1420};
    static const enum step_kind steps[] = {STEP_LINK_CREATE, STEP_LINK_ALIAS, STEP_LINK_MTU,
                                           STEP_LISTEN_PORT, STEP_MARK,       STEP_PRIVATE_KEY,
                                           STEP_LINK_UP};
    struct plan plan = model_plan(&wanted, &found);
    ck_assert_uint_eq(plan.count, 7);
    for (int i = 0; i < 7; i++)
        ck_assert_int_eq(plan.steps[i].kind, steps[i]);
    plan_finish(&plan);
}
END_TEST

START_TEST(a_state_without_a_device_says_nothing_of_it)
{
    struct model wanted = {0};
    struct peer_state peers[MODEL_PEERS];
    with_peer(&wanted, 2, two);
    wanted.device.exists = true;
    wanted.device.mtu = 1420;
    struct state to = model_state(&wanted, peers);
    struct state from = {0};
    struct plan plan = {0};
    ck_assert_int_eq(plan_make(&to, &from, &model_preshared_key, &plan), 0);
    ck_assert_uint_eq(plan.count, 1);
    ck_assert_int_eq(plan.steps[0].kind, STEP_PEER);
    plan_finish(&plan);
}
END_TEST

#define MANY 20000u

/* Found in another order than wanted; a few differ. */
START_TEST(among_many_peers_each_is_matched_by_its_key)
{
    static struct peer_state to[MANY];
    static struct peer_state from[MANY];
    static struct prefix subnets[MANY];
    for (uint32_t i = 0; i < MANY; i++) {
        subnets[i] = prefix_of("10.0.0.0/24");
        subnets[i].bytes[1] = (uint8_t)(i / 256);
        subnets[i].bytes[2] = (uint8_t)(i % 256);
        to[i] = (struct peer_state){
            .public_key = key_of(i), .allowed_ips = &subnets[i], .allowed_ip_count = 1};
        from[MANY - 1 - i] = to[i];
    }
    from[7].keepalive_s = 5;
    from[8].public_key = key_of(MANY);
    from[9].allowed_ip_count = 0;
    const struct state wanted = {.peers = to, .peer_count = MANY};
    const struct state found = {.peers = from, .peer_count = MANY};
    struct plan plan = {0};
    ck_assert_int_eq(plan_make(&wanted, &found, &model_preshared_key, &plan), 0);
    ck_assert_uint_eq(plan.count, 4); /* in the order of wanted, the removal last */
    ck_assert_uint_eq(plan.steps[0].what.peer.allowed_ip_count, 1);
    ck_assert_ptr_eq(plan.steps[0].found_peer, &from[9]);
    ck_assert_ptr_null(plan.steps[1].found_peer);
    ck_assert(key_equal(&plan.steps[1].what.peer.public_key, &to[MANY - 1 - 8].public_key));
    ck_assert(plan.steps[2].what.peer.set_keepalive);
    ck_assert_uint_eq(plan.steps[3].what.peer.flags, WG_PEER_REMOVE);
    ck_assert_ptr_eq(plan.steps[3].found_peer, &from[8]);
    plan_finish(&plan);
}
END_TEST

/* The kernel takes a rule twice, and deletes one at a time. */
START_TEST(of_a_rule_that_is_there_twice_one_goes)
{
    struct rule rules[3] = {{.family = FAMILY_IPV4, .priority = 220}};
    rules[1] = rules[0];
    rules[2] = rules[0];
    const struct state wanted = {.rules = rules, .rule_count = 1};
    const struct state found = {.rules = rules, .rule_count = 3};
    struct plan plan = {0};
    ck_assert_int_eq(plan_make(&wanted, &found, &model_preshared_key, &plan), 0);
    ck_assert_uint_eq(plan.count, 2);
    ck_assert_int_eq(plan.steps[0].kind, STEP_RULE_DELETE);
    ck_assert_int_eq(plan.steps[1].kind, STEP_RULE_DELETE);
    plan_finish(&plan);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_same_again_is_no_step,
        of_a_changed_peer_just_what_changed_is_sent,
        absence_is_sent_too,
        any_other_preshared_key_is_replaced,
        a_roamed_endpoint_stays_where_it_may,
        a_withdrawn_subnet_leaves_the_others_alone,
        a_new_key_comes_before_the_old_one_goes,
        a_subnet_moves_in_one_step,
        only_the_changed_peer_is_touched,
        a_new_peer_is_made_whole_in_one_step,
        traffic_gets_its_route_last_and_loses_it_after_the_peer,
        the_port_is_set_alone_and_before_the_link_is_up,
        a_state_without_a_device_says_nothing_of_it,
        among_many_peers_each_is_matched_by_its_key,
        of_a_rule_that_is_there_twice_one_goes,
        NULL,
    };
    return unit_run("wireguard_plan", tests);
}
