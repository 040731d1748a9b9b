/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy after connect: an address that appears on the host withholds what it overlaps (T84), a refused
 * claim shows in the owner's row until it is withdrawn (T83), and who changes all the time is held to a
 * rate (T87).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cable.h"
#include "wireguard/moves.h"
#include "world.h"

static struct remote two;
static struct remote three;
static char told[2048]; /* every difference that was reported, one a line */

static void start(void)
{
    world_start();
    remote_make(&two, 2);
    remote_make(&three, 3);
    world_init();
}

static void take_difference(void *context, uint32_t repaired, const char *text)
{
    (void)context;
    size_t used = strlen(told);
    (void)snprintf(told + used, sizeof(told) - used, "%u %s\n", (unsigned)repaired, text);
}

static int32_t look_again(uint32_t flags)
{
    struct subwg_instance *instance = world.cable->instance;
    struct interface_address *addresses = NULL;
    uint32_t count = 0;
    told[0] = '\0';
    int32_t code = address_list(instance->netlink, &addresses, &count, &world.error);
    if (code == 0)
        code = policy_revalidate(instance, addresses, count, flags, take_difference, NULL,
                                 &world.error);
    free(addresses);
    return code;
}

static void check_row(const struct remote *remote, uint32_t status, uint32_t reason,
                      const char *word)
{
    struct subwg_connection row = world_row(remote->cluster_id);
    ck_assert_msg(row.status == status && row.status_reason == reason &&
                      strstr(row.status_text, word) != NULL,
                  "%s: status %u, reason %u, %s", remote->cluster_id, (unsigned)row.status,
                  (unsigned)row.status_reason, row.status_text);
}

/* Addresses that appear, and the network of each. */
static const struct late {
    const char *address;
    const char *network;
} late[] = {
    {"10.234.0.9/24", "10.234.0.0/24"}, /* inside a subnet */
    {"10.234.9.9/16", "10.234.0.0/16"}, /* around both */
    {"10.234.64.1/18", "10.234.64.0/18"},
};

START_TEST(an_address_that_appears_withholds_what_it_overlaps_until_it_goes)
{
    ck_assert_int_eq(world_connect(&two), 0);
    ck_assert_int_eq(world_connect(&three), 0);
    world_hear(&two);
    world_hear(&three);
    char *before = world_kernel();
    ck_assert_int_eq(look_again(0), 0);
    assert_kernel_equals(before);

    fake_kernel_add_address("eth0", late[_i].address);
    char *with_address = world_kernel();
    ck_assert_int_eq(look_again(SUBWG_RECONCILE_DRY_RUN), 1);
    ck_assert_msg(strncmp(told, "0 ", 2) == 0 && strstr(told, late[_i].network) != NULL, "%s",
                  told);
    assert_kernel_is(with_address);
    check_row(&two, SUBWG_STATUS_CONNECTED, SUBWG_STATUS_REASON_NONE, "");

    ck_assert_int_eq(look_again(0), 1);
    ck_assert_msg(strncmp(told, "1 ", 2) == 0 && strstr(told, "'cluster2'") != NULL &&
                      strstr(told, late[_i].network) != NULL,
                  "%s", told);
    ck_assert(!fake_kernel_has_peer(WORLD_DEVICE, two.public_key));
    assert_kernel_lacks("10.234.0.0/18 dev subwg0");
    assert_kernel_lacks("10.234.64.0/18 dev subwg0");
    assert_kernel_has("10.235.0.0/18 dev subwg0");
    check_row(&two, SUBWG_STATUS_ERROR, SUBWG_STATUS_REASON_CONFLICT, late[_i].network);
    check_row(&three, SUBWG_STATUS_CONNECTED, SUBWG_STATUS_REASON_NONE, "");
    ck_assert_ptr_null(strstr(world_metrics(SUBWG_PROFILE_SEED), "cluster2"));
    ck_assert_ptr_nonnull(strstr(world.text, "cluster3"));
    ck_assert_int_eq(look_again(0), 0);

    fake_kernel_delete_address("eth0", late[_i].address);
    ck_assert_int_eq(look_again(SUBWG_RECONCILE_DRY_RUN), 1);
    ck_assert(!fake_kernel_has_peer(WORLD_DEVICE, two.public_key));
    ck_assert_int_eq(look_again(0), 1);
    check_row(&two, SUBWG_STATUS_CONNECTING, SUBWG_STATUS_REASON_STARTING, "");
    ck_assert_uint_eq(world_row("cluster2").rx_bytes, 1000); /* counters go on */
    ck_assert_int_eq(world_connect(&two), 1);
    world_hear(&two);
    check_row(&two, SUBWG_STATUS_CONNECTED, SUBWG_STATUS_REASON_NONE, "");
    ck_assert_uint_eq(world_row("cluster2").rx_bytes, 2000);
    ck_assert_int_eq(look_again(0), 0);
    free(before);
}
END_TEST

/* Somebody insists, or it could not be taken out: however often it is looked at, nothing changes. */
START_TEST(a_withheld_peer_that_is_heard_does_not_flap)
{
    ck_assert_int_eq(world_connect(&two), 0);
    world_hear(&two);
    check_row(&two, SUBWG_STATUS_CONNECTED, SUBWG_STATUS_REASON_NONE, "");
    world_pass(1);
    fake_kernel_add_address("eth0", "10.234.0.9/24");
    ck_assert_int_eq(look_again(0), 1);
    struct subwg_connection before = world_row("cluster2");
    ck_assert_uint_eq(before.flap_count, 1);
    fake_kernel_add_peer(WORLD_DEVICE, two.public_key, "10.234.0.0/18");
    for (int i = 0; i < 5; i++) {
        world_pass(1);
        world_hear(&two);
        check_row(&two, SUBWG_STATUS_ERROR, SUBWG_STATUS_REASON_CONFLICT, "10.234.0.0/24");
    }
    struct subwg_connection row = world_row("cluster2");
    ck_assert_uint_eq(row.flap_count, before.flap_count);
    ck_assert_uint_eq(row.reconnect_count, before.reconnect_count);
    ck_assert_uint_eq(row.changed_ns, before.changed_ns);
    ck_assert_uint_gt(row.rx_bytes, before.rx_bytes);
}
END_TEST

START_TEST(a_gateway_whose_address_becomes_ours_is_withheld)
{
    ck_assert_int_eq(world_connect(&two), 0);
    fake_kernel_add_address("eth0", "10.243.64.7/32");
    ck_assert_int_eq(look_again(0), 1);
    check_row(&two, SUBWG_STATUS_ERROR, SUBWG_STATUS_REASON_CONFLICT, "10.243.64.7:5871");
    ck_assert_int_eq(world_connect(&two), -EPERM);
    ck_assert(!fake_kernel_has_peer(WORLD_DEVICE, two.public_key));
    /* It moves to where we are not. */
    (void)snprintf(two.private_ip, sizeof(two.private_ip), "10.243.64.99");
    ck_assert_int_eq(world_connect(&two), 0);
    check_row(&two, SUBWG_STATUS_CONNECTING, SUBWG_STATUS_REASON_STARTING, "");
    ck_assert_int_eq(look_again(0), 0);
}
END_TEST

START_TEST(what_is_withheld_keeps_its_subnets_and_can_be_disconnected)
{
    ck_assert_int_eq(world_connect(&two), 0);
    fake_kernel_add_address("eth0", "10.234.0.9/24");
    ck_assert_int_eq(look_again(0), 1);
    three.subnets[0] = "10.234.64.0/24";
    ck_assert_int_eq(world_connect(&three), -EEXIST);
    ck_assert_int_eq(world_disconnect(&two), 0);
    ck_assert_int_eq(look_again(0), 0);
    ck_assert_int_eq(world_connect(&three), 0);
}
END_TEST

/* The kernel tells of the address, and reconcile of what came of it. */
START_TEST(an_engine_that_dispatches_need_not_ask)
{
    ck_assert_int_ge(subwg_cable_event_fd(world.cable, &world.error), 0);
    ck_assert_int_eq(world_connect(&two), 0);
    ck_assert_int_eq(subwg_cable_dispatch(world.cable, &world.error), 0);
    fake_kernel_add_address("eth0", "10.234.0.9/24");
    world_pass(1);
    ck_assert_int_eq(subwg_cable_dispatch(world.cable, &world.error), 0);
    ck_assert(!fake_kernel_has_peer(WORLD_DEVICE, two.public_key));
    check_row(&two, SUBWG_STATUS_ERROR, SUBWG_STATUS_REASON_CONFLICT, "10.234.0.0/24");
    fake_kernel_add_peer(WORLD_DEVICE, two.public_key, "10.234.0.0/18"); /* somebody insists */
    told[0] = '\0';
    ck_assert_int_ge(subwg_cable_reconcile(world.cable, 0, take_difference, NULL, &world.error), 1);
    ck_assert(!fake_kernel_has_peer(WORLD_DEVICE, two.public_key));
    ck_assert_int_eq(subwg_cable_reconcile(world.cable, 0, NULL, NULL, &world.error), 0);
    fake_kernel_delete_address("eth0", "10.234.0.9/24");
    world_pass(1);
    ck_assert_int_eq(subwg_cable_dispatch(world.cable, &world.error), 0);
    ck_assert(fake_kernel_has_peer(WORLD_DEVICE, two.public_key));
    check_row(&two, SUBWG_STATUS_CONNECTING, SUBWG_STATUS_REASON_STARTING, "");
    ck_assert_int_eq(subwg_cable_reconcile(world.cable, 0, NULL, NULL, &world.error), 0);
}
END_TEST

/* The old peer carries the subnets, the new one has not answered yet: both go, and the new one comes back. */
START_TEST(a_cluster_whose_key_changes_is_withheld_as_a_whole)
{
    struct remote next;
    struct remote other;
    remote_make(&next, 2);
    remote_make(&other, 12);
    memcpy(next.key, other.key, sizeof(next.key));
    next.config[0].value = next.key;
    next.config[1] = two.config[1];
    next.endpoint.backend_config = next.config;
    moves_dispatched(world.cable->instance);
    ck_assert_int_eq(world_connect(&two), 0);
    world_hear(&two);
    (void)world_row("cluster2");
    ck_assert_int_eq(subwg_cable_connect(world.cable, &next.endpoint, NULL, &world.error), 0);
    ck_assert(fake_kernel_has_peer(WORLD_DEVICE, two.public_key));
    ck_assert(fake_kernel_has_peer(WORLD_DEVICE, other.public_key));

    fake_kernel_add_address("eth0", "10.234.0.9/24");
    if (_i == 1) /* not at once */
        fake_kernel_fail_request(2, ENOMEM);
    ck_assert_int_eq(look_again(0), _i == 0 ? 1 : -ENOMEM);
    if (_i == 1) {
        ck_assert_int_eq(moves_advance(world.cable->instance, &world.error), 0);
        check_row(&two, SUBWG_STATUS_ERROR, SUBWG_STATUS_REASON_CONFLICT, "10.234.0.0/24");
        ck_assert_int_eq(look_again(0), 1);
    }
    ck_assert(!fake_kernel_has_peer(WORLD_DEVICE, two.public_key));
    ck_assert(!fake_kernel_has_peer(WORLD_DEVICE, other.public_key));
    assert_kernel_lacks("route table 220");
    check_row(&two, SUBWG_STATUS_ERROR, SUBWG_STATUS_REASON_CONFLICT, "10.234.0.0/24");

    fake_kernel_delete_address("eth0", "10.234.0.9/24");
    ck_assert_int_eq(look_again(0), 1);
    ck_assert(fake_kernel_has_peer(WORLD_DEVICE, other.public_key));
    assert_kernel_has("allowed 10.234.0.0/18 10.234.64.0/18\n");
    check_row(&two, SUBWG_STATUS_CONNECTING, SUBWG_STATUS_REASON_STARTING, "");
    ck_assert_uint_eq(world_row("cluster2").rx_bytes, 1000);
}
END_TEST

/* Each request of taking it out, and of putting it back, refused once. */
START_TEST(what_fails_on_the_way_is_tried_again)
{
    for (uint64_t n = 1;; n++) {
        ck_assert_int_ge(world_connect(&two), 0);
        char *connected = world_kernel();
        fake_kernel_add_address("eth0", "10.234.0.9/24");
        fake_kernel_fail_request(n + 1, ENOMEM); /* the first one reads the addresses */
        int32_t out = look_again(0);
        fake_kernel_fail_request(0, 0);
        check_row(&two, SUBWG_STATUS_ERROR, SUBWG_STATUS_REASON_CONFLICT, "10.234.0.0/24");
        if (out < 0)
            ck_assert_int_eq(look_again(0), 1);
        assert_kernel_lacks("route table 220");
        ck_assert(!fake_kernel_has_peer(WORLD_DEVICE, two.public_key));

        fake_kernel_delete_address("eth0", "10.234.0.9/24");
        fake_kernel_fail_request(n + 1, ENOMEM);
        int32_t back = look_again(0);
        fake_kernel_fail_request(0, 0);
        if (back < 0)
            ck_assert_int_eq(look_again(0), 1);
        check_row(&two, SUBWG_STATUS_CONNECTING, SUBWG_STATUS_REASON_STARTING, "");
        assert_kernel_is(connected);
        if (out > 0 && back > 0) {
            ck_assert_uint_ge(n, 2);
            return;
        }
    }
}
END_TEST

/* The route to one subnet is somebody else's by then: the rest comes back, and reconcile tells. */
START_TEST(a_foreign_route_does_not_keep_what_was_withheld_out)
{
    ck_assert_int_eq(world_connect(&two), 0);
    fake_kernel_add_address("eth0", "10.234.0.9/24");
    ck_assert_int_eq(look_again(0), 1);
    fake_kernel_add_route(
        &(struct fake_kernel_route){.destination = "10.234.64.0/18", .link = "eth0", .table = 220});
    fake_kernel_delete_address("eth0", "10.234.0.9/24");
    ck_assert_int_eq(look_again(0), 1);
    ck_assert_msg(strncmp(told, "1 ", 2) == 0, "%s", told);
    assert_kernel_has("allowed 10.234.0.0/18 10.234.64.0/18\n");
    assert_kernel_has("10.234.0.0/18 dev subwg0");
    assert_kernel_lacks("10.234.64.0/18 dev subwg0");
    check_row(&two, SUBWG_STATUS_CONNECTING, SUBWG_STATUS_REASON_STARTING, "");
    told[0] = '\0';
    ck_assert_int_eq(subwg_cable_reconcile(world.cable, 0, take_difference, NULL, &world.error), 1);
    ck_assert_ptr_nonnull(strstr(told, "0 a foreign route to 10.234.64.0/18"));

    ck_assert_uint_eq(fake_kernel_delete_routes("10.234.64.0/18", 220), 1);
    ck_assert_int_eq(subwg_cable_reconcile(world.cable, 0, NULL, NULL, &world.error), 1);
    assert_kernel_has("10.234.64.0/18 dev subwg0");
}
END_TEST

START_TEST(a_refused_claim_shows_in_the_owners_row_until_it_is_withdrawn)
{
    ck_assert_int_eq(world_connect(&two), 0);
    three.subnets[0] = "10.234.0.0/20";
    ck_assert_int_eq(world_connect(&three), -EEXIST);
    check_row(&two, SUBWG_STATUS_CONNECTING, SUBWG_STATUS_REASON_STARTING,
              "; cluster 'cluster3' claims 10.234.0.0/20");
    switch (_i) {
    case 0: /* it goes */
        ck_assert_int_eq(world_disconnect(&three), 1);
        break;
    case 1: /* it asks for something else */
        three.subnets[0] = "10.235.0.0/18";
        ck_assert_int_eq(world_connect(&three), 0);
        break;
    case 2: /* it asks for nonsense */
        three.subnets[0] = "10.234.0.0/99";
        ck_assert_int_eq(world_connect(&three), -EINVAL);
        break;
    case 3: /* it asks for what is nobody's to give */
        three.subnets[0] = "10.243.64.0/28";
        ck_assert_int_eq(world_connect(&three), -EPERM);
        break;
    case 4: /* the owner gives it up */
        two.endpoint.subnets = &two.subnets[1];
        two.endpoint.subnet_count = 1;
        ck_assert_int_eq(world_connect(&two), 0);
        break;
    default: /* the owner goes, and comes back too late */
        ck_assert_int_eq(world_disconnect(&two), 0);
        ck_assert_int_eq(world_connect(&three), 0);
        ck_assert_int_eq(world_connect(&two), -EEXIST);
        check_row(&three, SUBWG_STATUS_CONNECTING, SUBWG_STATUS_REASON_STARTING,
                  "; cluster 'cluster2' claims 10.234.0.0/18");
        return;
    }
    ck_assert_str_eq(world_row("cluster2").status_text, "waiting for the first handshake");
}
END_TEST

START_TEST(a_claim_on_a_key_shows_too)
{
    ck_assert_int_eq(world_connect(&two), 0);
    three.config[0].value = two.key;
    ck_assert_int_eq(world_connect(&three), -EEXIST);
    check_row(&two, SUBWG_STATUS_CONNECTING, SUBWG_STATUS_REASON_STARTING,
              "; cluster 'cluster3' claims its key");
    three.config[0].value = three.key;
    ck_assert_int_eq(world_connect(&three), 0);
    ck_assert_str_eq(world_row("cluster2").status_text, "waiting for the first handshake");
}
END_TEST

START_TEST(a_claim_in_one_list_with_the_owner_shows_too)
{
    ck_assert_int_eq(world_connect(&two), 0);
    three.subnets[1] = "10.234.77.0/24";
    const struct subwg_endpoint *const list[] = {&two.endpoint, &three.endpoint};
    ck_assert_int_eq(subwg_cable_connect_many(world.cable, list, 2, NULL, NULL, &world.error), 0);
    check_row(&two, SUBWG_STATUS_CONNECTING, SUBWG_STATUS_REASON_STARTING,
              "; cluster 'cluster3' claims 10.234.77.0/24");
}
END_TEST

/* A refused announcement spares the leftover with its key; the next one of that cluster has another key, and
 * then it is nobody's. Unless a second cluster named it: one of them may be a liar. */
START_TEST(a_leftover_that_its_cluster_gave_up_goes)
{
    struct remote liar;
    struct remote next;
    remote_make(&liar, 4);
    remote_make(&next, 12);
    ck_assert_int_eq(world_connect(&two), 0);
    world_restart();
    two.subnets[0] = "10.234.0.0/99";
    ck_assert_int_eq(world_connect(&two), -EINVAL);
    ck_assert_int_eq(subwg_cable_list_complete(world.cable, &world.error), 0);
    ck_assert(fake_kernel_has_peer(WORLD_DEVICE, two.public_key));
    if (_i == 2) {
        liar.config[0].value = two.key;
        liar.subnets[0] = "10.236.0.0/99";
        ck_assert_int_eq(world_connect(&liar), -EINVAL);
    }
    if (_i == 1) {
        ck_assert_int_eq(world_disconnect(&two), 0);
    } else {
        two.config[0].value = next.key;
        two.endpoint.subnets = three.subnets;
        ck_assert_int_eq(world_connect(&two), 0);
        ck_assert_int_ge(subwg_cable_list_complete(world.cable, &world.error), 0);
    }
    ck_assert(fake_kernel_has_peer(WORLD_DEVICE, two.public_key) == (_i == 2));
}
END_TEST

/* The host's own network came to lie in what an earlier run left: no endpoint can stand for it any more, so
 * none spares it, before or after the end of the list. */
START_TEST(a_leftover_in_our_own_network_is_not_spared)
{
    ck_assert_int_eq(world_connect(&three), 0);
    char *before = world_kernel();
    ck_assert_int_eq(world_connect(&two), 0);
    world_restart();
    ck_assert_int_eq(world_connect(&three), 1);
    if (_i == 0) {
        fake_kernel_add_address("eth0", "10.234.0.9/24");
        ck_assert_int_eq(world_connect(&two), -EPERM);
        ck_assert(fake_kernel_has_peer(WORLD_DEVICE, two.public_key));
        ck_assert_int_eq(subwg_cable_list_complete(world.cable, &world.error), 3);
    } else {
        two.subnets[0] = "10.234.0.0/99";
        ck_assert_int_eq(world_connect(&two), -EINVAL);
        ck_assert_int_eq(subwg_cable_list_complete(world.cable, &world.error), 0);
        ck_assert_ptr_nonnull(strstr(world_table(), "the endpoint with its key was refused"));
        fake_kernel_add_address("eth0", "10.234.0.9/24");
        told[0] = '\0';
        ck_assert_int_eq(subwg_cable_reconcile(world.cable, SUBWG_RECONCILE_DRY_RUN,
                                               take_difference, NULL, &world.error),
                         3);
        ck_assert(fake_kernel_has_peer(WORLD_DEVICE, two.public_key));
        ck_assert_int_eq(subwg_cable_reconcile(world.cable, 0, NULL, NULL, &world.error), 3);
    }
    ck_assert(!fake_kernel_has_peer(WORLD_DEVICE, two.public_key));
    fake_kernel_delete_address("eth0", "10.234.0.9/24");
    assert_kernel_is(before);
    two.subnets[0] = "10.234.0.0/18";
    ck_assert_int_eq(world_connect(&two), 0);
}
END_TEST

/* However many there are: the latest few are remembered, and the text is cut where it has to be. */
START_TEST(of_many_claims_few_are_remembered)
{
    ck_assert_int_eq(world_connect(&two), 0);
    three.subnets[0] = "10.234.0.0/20";
    char name[254];
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    for (unsigned int i = 0; i < 500; i++) {
        (void)snprintf(name, 8, "%06u", i);
        name[6] = '\x01' + ' ';
        three.endpoint.cluster_id = name;
        ck_assert_int_eq(world_connect(&three), -EEXIST);
    }
    check_row(&two, SUBWG_STATUS_CONNECTING, SUBWG_STATUS_REASON_STARTING, "cluster '000484!");
    check_row(&two, SUBWG_STATUS_CONNECTING, SUBWG_STATUS_REASON_STARTING, "(and 15 more)");
    (void)snprintf(name, 8, "%06u", 499u);
    name[6] = '!';
    ck_assert_int_eq(world_disconnect(&three), 1);
    check_row(&two, SUBWG_STATUS_CONNECTING, SUBWG_STATUS_REASON_STARTING, "(and 14 more)");
}
END_TEST

#define FLAPPING 10u
#define SECONDS  60u

/* T87: ten clusters announce something else each millisecond, one at rest announces the same. Checking a
 * key takes its time, so after the first second they only do so each 50 ms. */
START_TEST(who_changes_all_the_time_is_held_to_a_rate)
{
    static struct remote flapping[FLAPPING];
    static char subnets[FLAPPING][2][24];
    for (unsigned int i = 0; i < FLAPPING; i++) {
        remote_make(&flapping[i], 10 + i);
        for (unsigned int j = 0; j < 2; j++)
            (void)snprintf(subnets[i][j], sizeof(subnets[i][j]), "10.%u.%u.0/24", 100 + i, j);
        flapping[i].endpoint.subnet_count = 1;
        flapping[i].subnets[0] = subnets[i][0];
        ck_assert_int_eq(world_connect(&flapping[i]), 0);
    }
    ck_assert_int_eq(world_connect(&two), 0);
    world_hear(&two);
    uint64_t before = fake_kernel_counters().changes;
    uint32_t taken = 0;
    uint32_t refused = 0;
    for (unsigned int ms = 0, step = 1; ms < SECONDS * 1000; ms += step) {
        step = ms < 1000 ? 1 : 50;
        for (unsigned int i = 0; i < FLAPPING; i++) {
            flapping[i].subnets[0] = subnets[i][(ms / step + 1) % 2];
            int32_t code = world_connect(&flapping[i]);
            taken += code == 0;
            refused += code == -EAGAIN;
            if (code != 0 && code != 1 && code != -EAGAIN)
                ck_abort_msg("%s", world.error.text);
        }
        if (ms % 100 == 0)
            ck_assert_int_eq(world_connect(&two), 1);
        world.elapsed_ns += step * 1000000u;
    }
    ck_assert_uint_eq(world.error.reason, SUBWG_REASON_LIMIT);
    ck_assert_ptr_nonnull(strstr(world.error.text, "try again in"));
    ck_assert_uint_le(taken, FLAPPING * (LIMIT_CHANGES + SECONDS));
    ck_assert_uint_ge(taken, FLAPPING * SECONDS);
    ck_assert_uint_gt(refused, FLAPPING * SECONDS * 10);
    /* What comes and what goes, of the peer and of the routes. */
    ck_assert_uint_le(fake_kernel_counters().changes - before, 4 * taken);
    check_row(&two, SUBWG_STATUS_CONNECTED, SUBWG_STATUS_REASON_NONE, "");
    /* Who comes to rest is what he said last. */
    world_pass(1);
    flapping[0].subnets[0] = "10.150.0.0/24";
    ck_assert_int_eq(world_connect(&flapping[0]), 0);
    assert_kernel_has("10.150.0.0/24 dev subwg0");
}
END_TEST

START_TEST(the_same_announcement_is_never_refused)
{
    ck_assert_int_eq(world_connect(&two), 0);
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(world_connect(&two), 1);
        if (i % 2 == 1) { /* and what is missing is made again */
            fake_kernel_remove_peer(WORLD_DEVICE, two.public_key);
            (void)world_row("cluster2");
            ck_assert_int_eq(world_connect(&two), 0);
        }
    }
}
END_TEST

int main(void)
{
    const struct world_test tests[] = {
        {an_address_that_appears_withholds_what_it_overlaps_until_it_goes,
         sizeof(late) / sizeof(late[0])},
        {a_withheld_peer_that_is_heard_does_not_flap, 0},
        {a_gateway_whose_address_becomes_ours_is_withheld, 0},
        {what_is_withheld_keeps_its_subnets_and_can_be_disconnected, 0},
        {an_engine_that_dispatches_need_not_ask, 0},
        {a_cluster_whose_key_changes_is_withheld_as_a_whole, 2},
        {what_fails_on_the_way_is_tried_again, 0},
        {a_foreign_route_does_not_keep_what_was_withheld_out, 0},
        {a_refused_claim_shows_in_the_owners_row_until_it_is_withdrawn, 6},
        {a_claim_on_a_key_shows_too, 0},
        {a_claim_in_one_list_with_the_owner_shows_too, 0},
        {of_many_claims_few_are_remembered, 0},
        {a_leftover_that_its_cluster_gave_up_goes, 3},
        {a_leftover_in_our_own_network_is_not_spared, 2},
        {who_changes_all_the_time_is_held_to_a_rate, 0},
        {the_same_announcement_is_never_refused, 0},
    };
    return world_run("policy", start, tests, sizeof(tests) / sizeof(tests[0]));
}
