/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One cluster whose key and subnets change at random, with remotes that answer or not, requests that
 * fail, restarts and an engine that looks now and then. Whatever the order: what stays announced never
 * lacks an owner or a route, figures never go back, and in the end the kernel has what was asked for.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cable.h"
#include "unit.h"
#include "wireguard/moves.h"
#include "world.h"

#define KEYS       4u
#define SUBNETS    4u
#define OPERATIONS 250u

static const char *const all_subnets[SUBNETS] = {"10.234.0.0/18", "10.234.64.0/18",
                                                 "10.234.128.0/18", "10.234.192.0/19"};
static struct remote remotes[KEYS]; /* one cluster, by key */

static struct {
    struct chance chance;
    uint32_t key;      /* announced, if connected */
    uint32_t subnets;  /* announced, a bit each */
    uint32_t standing; /* of these what has been in the kernel since */
    bool connected;
    bool doubtful; /* a connect left behind what only a comparison of everything finds */
    uint64_t rx_bytes;
    uint64_t tx_bytes;
} test;

static void start(void)
{
    world_start();
    for (uint32_t i = 0; i < KEYS; i++) {
        struct remote other;
        remote_make(&remotes[i], 2);
        remote_make(&other, 20 + i);
        memcpy(remotes[i].key, other.key, sizeof(other.key));
        memcpy(remotes[i].public_key, other.public_key, sizeof(other.public_key));
        (void)snprintf(remotes[i].private_ip, sizeof(remotes[i].private_ip), "10.243.64.%u",
                       20 + (unsigned)i);
    }
    world_init();
    ck_assert_int_eq(subwg_cable_list_complete(world.cable, &world.error), 0);
    moves_dispatched(world.cable->instance);
    test.chance = chance_start("moves-random");
}

static int32_t look(void)
{
    struct subwg_instance *instance = world.cable->instance;
    int32_t code = instance_dump(instance, &world.error);
    if (code != 0)
        return code;
    report_take_dump(instance);
    return moves_advance(instance, &world.error);
}

static void announce(uint32_t key, uint32_t subnets)
{
    struct remote *remote = &remotes[key];
    remote->endpoint.subnet_count = 0;
    for (uint32_t i = 0; i < SUBNETS; i++)
        if ((subnets & (1u << i)) != 0)
            remote->subnets[remote->endpoint.subnet_count++] = all_subnets[i];
}

/* Asserts that each of these subnets has a peer and a route. */
static void check_standing(uint32_t subnets)
{
    char *kernel = world_kernel();
    for (uint32_t i = 0; i < SUBNETS; i++) {
        char route[64];
        const char *peers = strstr(kernel, "wireguard " WORLD_DEVICE);
        (void)snprintf(route, sizeof(route), "route table 220 %s dev " WORLD_DEVICE,
                       all_subnets[i]);
        if ((subnets & (1u << i)) == 0)
            continue;
        CHECK(peers != NULL);
        if (strstr(peers, all_subnets[i]) == NULL || strstr(kernel, route) == NULL)
            ck_abort_msg("%s has no owner or no route in\n%s", all_subnets[i], kernel);
    }
    free(kernel);
}

static void check_figures(void)
{
    if (!test.connected)
        return;
    struct subwg_connection row = world_row("cluster2");
    CHECK(row.rx_bytes >= test.rx_bytes);
    CHECK(row.tx_bytes >= test.tx_bytes);
    test.rx_bytes = row.rx_bytes;
    test.tx_bytes = row.tx_bytes;
}

static void begin_fault(bool with_fault)
{
    fake_kernel_fail_request(with_fault ? 1 + chance_below(&test.chance, 12) : 0, ENOMEM);
}

static void end_fault(void)
{
    fake_kernel_fail_request(0, 0);
}

static void connect_at_random(bool with_fault)
{
    uint32_t key = chance_below(&test.chance, KEYS);
    uint32_t subnets = 1 + chance_below(&test.chance, (1u << SUBNETS) - 1);
    world_pass(2);
    announce(key, subnets);
    begin_fault(with_fault);
    int32_t code = world_connect(&remotes[key]);
    end_fault();
    if (code >= 0) {
        test.standing &= subnets;
        test.key = key;
        test.subnets = subnets;
        test.connected = true;
    } else {
        ck_assert_msg(with_fault, "connect: %d %s", code, world.error.text);
        announce(test.key, test.subnets);
        /* Behind the end of the old peer there is no way back: what was asked for is there, or will be. */
        if ((world.error.flags & SUBWG_ERROR_STATE_UNKNOWN) != 0) {
            test.standing &= subnets;
            test.doubtful = true;
        }
    }
}

static void disconnect(bool with_fault)
{
    begin_fault(with_fault);
    int32_t code = world_disconnect(&remotes[test.key]);
    end_fault();
    test.standing = 0;
    if (code < 0)
        CHECK(with_fault && world_disconnect(&remotes[test.key]) >= 0);
    test.connected = false;
    test.rx_bytes = 0;
    test.tx_bytes = 0;
    if (test.doubtful)
        CHECK(subwg_cable_reconcile(world.cable, 0, NULL, NULL, &world.error) >= 0);
    test.doubtful = false;
    assert_kernel_lacks("10.234.");
}

/* A new engine names the same endpoint, at the second time once its list is complete. */
static void restart(void)
{
    world_restart();
    moves_dispatched(world.cable->instance);
    int32_t code = test.connected ? world_connect(&remotes[test.key]) : 0;
    CHECK(code >= 0 || code == -EEXIST);
    CHECK(subwg_cable_list_complete(world.cable, &world.error) >= 0);
    check_standing(test.standing);
    if (code < 0)
        code = world_connect(&remotes[test.key]);
    ck_assert_msg(code >= 0, "after a restart: %s", world.error.text);
    test.rx_bytes = 0; /* what removed peers had counted was known to the old engine alone */
    test.tx_bytes = 0;
}

static void hear(uint32_t key)
{
    if (fake_kernel_has_peer(WORLD_DEVICE, remotes[key].public_key))
        world_hear(&remotes[key]);
}

static void step(void)
{
    bool with_fault = chance_is(&test.chance, 30);
    switch (chance_below(&test.chance, 12)) {
    case 0:
    case 1:
    case 2:
        connect_at_random(with_fault);
        break;
    case 3:
        if (test.connected && chance_is(&test.chance, 30))
            disconnect(with_fault);
        break;
    case 4:
        if (chance_is(&test.chance, 30))
            restart();
        break;
    case 5:
        world_pass(chance_below(&test.chance, 50));
        break;
    case 6:
        begin_fault(with_fault);
        (void)subwg_cable_reconcile(world.cable, 0, NULL, NULL, &world.error);
        end_fault();
        break;
    case 7:
    case 8:
        hear(chance_below(&test.chance, KEYS));
        break;
    default:
        begin_fault(with_fault);
        (void)look();
        end_fault();
        break;
    }
}

/* What the kernel has of the announced subnets, once no move is under way. */
static void note_standing(void)
{
    if (test.connected && world.cable->instance->table.moving == NULL && look() >= 0 &&
        world_connect(&remotes[test.key]) == 1)
        test.standing = test.subnets;
}

static void check_end(void)
{
    for (int i = 0; i < 4; i++) {
        world_pass(10);
        hear(test.key);
        CHECK(look() >= 0);
        CHECK(subwg_cable_reconcile(world.cable, 0, NULL, NULL, &world.error) >= 0);
    }
    if (!test.connected) {
        assert_kernel_lacks("10.234.");
        return;
    }
    ck_assert_int_eq(world_connect(&remotes[test.key]), 1);
    check_standing(test.subnets);
    for (uint32_t i = 0; i < SUBNETS; i++)
        if ((test.subnets & (1u << i)) == 0)
            assert_kernel_lacks(all_subnets[i]);
    for (uint32_t i = 0; i < KEYS; i++)
        CHECK(fake_kernel_has_peer(WORLD_DEVICE, remotes[i].public_key) == (i == test.key));
    ck_assert_int_eq(
        subwg_cable_reconcile(world.cable, SUBWG_RECONCILE_DRY_RUN, NULL, NULL, &world.error), 0);
}

START_TEST(whatever_happens_nothing_is_without_an_owner)
{
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        step();
        check_standing(test.standing);
        check_figures();
        note_standing();
    }
    check_end();
}
END_TEST

int main(void)
{
    const struct world_test tests[] = {
        {whatever_happens_nothing_is_without_an_owner, 10},
    };
    return world_run("moves-random", start, tests, sizeof(tests) / sizeof(tests[0]));
}
