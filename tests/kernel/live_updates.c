/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of a live connection under traffic lose no packet: subnets that come and go (T18), beside a
 * control that changes them the usual way and must lose some, and keys (T19).
 */
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "live.h"

#define TARGETS        8u
#define POOL           900u /* subnets that come and go, */
#define WINDOW         500u /* so many of them at a time, */
#define STEP           37u  /* so many others after each update */
#define UPDATES        120u
#define PACKETS        4000u
#define NAIVE_UPDATES  25u
#define KEY_CHANGES    8u
#define SESSION_SAFE_S 100 /* younger sessions are never renewed by themselves */

static struct subwg_registry *registry;
static struct subwg_cable *cable;
static struct key our_key;
static char pool[TARGETS + POOL][24];
static const char *targets[TARGETS];

static void start(void)
{
    static char texts[TARGETS][24];
    live_start();
    LIVE_ASSERT_DONE(live_make_cable(NULL, 0, &registry, &cable), live.error);
    our_key = live_own_key();
    for (unsigned i = 0; i < TARGETS + POOL; i++)
        (void)snprintf(pool[i], sizeof(pool[i]), "10.%u.%u.0/24", 100 + i / 200, i % 200);
    for (unsigned i = 0; i < TARGETS; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "10.100.%u.1", i);
        live_listen(texts[i]);
        targets[i] = texts[i];
    }
}

static void stop(void)
{
    subwg_cable_destroy(cable);
    subwg_registry_destroy(registry);
    live_stop();
}

/* A cluster that changes more often than once a second is asked to wait: here its seconds are short. */
static void connect_to(struct live_remote *remote)
{
    live.ahead_ns += 1000000000u;
    char address[SUBWG_ADDRESS_TEXT_SIZE];
    LIVE_ASSERT_DONE(subwg_cable_connect(cable, &remote->endpoint, address, &live.error),
                     live.error);
}

/* The targets' subnets, and a window of the pool. */
static void choose_subnets(struct live_remote *remote, unsigned update)
{
    static const char *subnets[TARGETS + WINDOW];
    for (unsigned i = 0; i < TARGETS; i++)
        subnets[i] = pool[i];
    for (unsigned i = 0; i < WINDOW; i++)
        subnets[TARGETS + i] = pool[TARGETS + (update * STEP + i) % POOL];
    remote->endpoint.subnets = subnets;
    remote->endpoint.subnet_count = TARGETS + WINDOW;
}

static void connect_and_shake(struct live_remote *remote)
{
    live_open(remote, 2, &our_key);
    choose_subnets(remote, 0);
    connect_to(remote);
    live_wait_for_handshakes(1);
}

static struct wg_peer only_peer(void)
{
    struct wg_device device = {0};
    live_dump(&device);
    ck_assert_uint_eq(device.peer_count, 1);
    struct wg_peer peer = device.peers[0];
    wg_device_finish(&device);
    return peer;
}

static void assert_none_lost(const struct live_count *count)
{
    ck_assert_msg(count->lost == 0 && count->refused == 0,
                  "of %llu packets %llu were lost, %llu of them refused for lack of a peer",
                  (unsigned long long)count->sent, (unsigned long long)count->lost,
                  (unsigned long long)count->refused);
}

static void print_figure(const char *name, uint64_t number)
{
    dprintf(STDOUT_FILENO, "figure %s %llu\n", name, (unsigned long long)number);
}

static void print_updates(uint64_t updates, const struct live_count *count)
{
    dprintf(STDOUT_FILENO, "# %llu updates, %llu packets in %.1f s: %.0f a second\n",
            (unsigned long long)updates, (unsigned long long)count->sent, count->seconds,
            (double)count->sent / count->seconds);
    print_figure("updates-under-traffic", updates);
    print_figure("update-packets-sent", count->sent);
    print_figure("update-packets-lost", count->lost);
}

START_TEST(subnets_of_a_live_peer_change_without_a_loss)
{
    struct live_remote remote;
    connect_and_shake(&remote);
    struct wg_peer before = only_peer();
    uint64_t updates = 0;
    live_begin_traffic(targets, TARGETS);
    while (updates < UPDATES || live_sent() < PACKETS) {
        choose_subnets(&remote, (unsigned)++updates);
        connect_to(&remote);
    }
    struct live_count count = live_end_traffic();
    print_updates(updates, &count);
    assert_none_lost(&count);
    /* What was accepted is what reads back. */
    ck_assert_int_eq(subwg_cable_reconcile(cable, SUBWG_RECONCILE_DRY_RUN, NULL, NULL, &live.error),
                     0);
    struct wg_peer after = only_peer();
    ck_assert_uint_eq(after.allowed_ip_count, TARGETS + WINDOW);
    ck_assert_uint_ge(after.tx_bytes, before.tx_bytes + 100 * count.sent);
    if (count.seconds < SESSION_SAFE_S)
        ck_assert_uint_eq(after.handshake_s, before.handshake_s);
}
END_TEST

/* As tools do that know the whole list and send it anew. */
static void replace_subnets(const struct live_remote *remote, char *list)
{
    char *arguments[] = {strdup("wg"),
                         strdup("set"),
                         strdup(LIVE_DEVICE),
                         strdup("peer"),
                         strdup(remote->key_text),
                         strdup("allowed-ips"),
                         list,
                         NULL};
    pid_t child = 0;
    int status = 0;
    ck_assert_int_eq(posix_spawnp(&child, "wg", NULL, NULL, arguments, environ), 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    for (size_t i = 0; arguments[i] != list; i++)
        free(arguments[i]);
}

START_TEST(the_same_with_lists_replaced_loses_packets)
{
    struct live_remote remote;
    connect_and_shake(&remote);
    char *list = calloc(TARGETS + POOL, sizeof(pool[0]));
    ck_assert_ptr_nonnull(list);
    for (unsigned i = 0; i < TARGETS + POOL; i++)
        (void)snprintf(list + strlen(list), sizeof(pool[0]) + 1, "%s%s", i > 0 ? "," : "",
                       pool[TARGETS + POOL - 1 - i]);
    live_begin_traffic(targets, TARGETS);
    for (unsigned i = 0; i < NAIVE_UPDATES; i++)
        replace_subnets(&remote, list);
    live_let_pass(10);
    struct live_count count = live_end_traffic();
    free(list);
    dprintf(STDOUT_FILENO, "# %u lists replaced, %llu packets: %llu lost\n", NAIVE_UPDATES,
            (unsigned long long)count.sent, (unsigned long long)count.lost);
    print_figure("naive-packets-lost", count.lost);
    ck_assert_uint_gt(count.lost, 0);
}
END_TEST

/* What an engine does until the kernel has these peers and no other. */
static void dispatch_until_peers(uint32_t peer_count, const struct key *key)
{
    int fd = subwg_cable_event_fd(cable, &live.error);
    bool there = false;
    bool alone = false;
    LIVE_ASSERT_DONE(fd, live.error);
    for (time_t end = time(NULL) + 120; !there || !alone;) {
        struct wg_device device = {0};
        struct pollfd event = {.fd = fd, .events = POLLIN};
        ck_assert_msg(time(NULL) < end, "the subnets did not move");
        (void)poll(&event, 1, 100);
        LIVE_ASSERT_DONE(subwg_cable_dispatch(cable, &live.error), live.error);
        live_dump(&device);
        alone = device.peer_count == peer_count;
        there = false;
        for (uint32_t i = 0; i < device.peer_count; i++)
            there = there || key_equal(&device.peers[i].public_key, key);
        wg_device_finish(&device);
    }
}

static uint64_t received_by(const struct live_remote *remote)
{
    struct wg_device device = {0};
    LIVE_ASSERT_DONE(wg_get_device(live.there, remote->ifindex, NULL, &device, &live.error),
                     live.error);
    ck_assert_uint_eq(device.peer_count, 1);
    uint64_t bytes = device.peers[0].rx_bytes;
    wg_device_finish(&device);
    return bytes;
}

/* While the new gateway does not answer, packets go the old way. */
static void change_to_one_that_is_late(struct live_remote *next)
{
    LIVE_ASSERT_DONE(link_set_up(live.there, next->ifindex, false, &live.error), live.error);
    connect_to(next);
    LIVE_ASSERT_DONE(subwg_cable_dispatch(cable, &live.error), live.error);
    live_let_pass(200);
    LIVE_ASSERT_DONE(link_set_up(live.there, next->ifindex, true, &live.error), live.error);
    live_wait_for_handshakes(3); /* with the old one and the bystander */
    dispatch_until_peers(2, &next->public_key);
    live_let_pass(200);
}

START_TEST(a_new_key_for_a_live_cluster_loses_no_packet)
{
    struct live_remote sides[2]; /* of one cluster: each has its key, both are up */
    struct live_remote bystander;
    LIVE_ASSERT_DONE(subwg_cable_event_fd(cable, &live.error), live.error);
    live_open(&bystander, 4, &our_key);
    const char *const bystanders[] = {"10.150.0.0/16"};
    bystander.endpoint.subnets = bystanders;
    bystander.endpoint.subnet_count = 1;
    live_listen("10.150.0.1");
    for (uint32_t i = 0; i < 2; i++) {
        live_open(&sides[i], 2 + i, &our_key);
        choose_subnets(&sides[i], 0);
        sides[i].endpoint.cluster_id = "cluster2";
    }
    connect_to(&bystander);
    connect_to(&sides[0]);
    live_wait_for_handshakes(2);
    dispatch_until_peers(2, &sides[0].public_key);

    const char *addresses[TARGETS + 1] = {"10.150.0.1"};
    memcpy(addresses + 1, targets, sizeof(targets));
    live_begin_traffic(addresses, TARGETS + 1);
    change_to_one_that_is_late(&sides[1]);
    for (unsigned change = 2; change <= KEY_CHANGES; change++) {
        choose_subnets(&sides[change % 2], change); /* together with the key */
        connect_to(&sides[change % 2]);
        dispatch_until_peers(2, &sides[change % 2].public_key);
        live_let_pass(200);
    }
    struct live_count count = live_end_traffic();
    print_updates(KEY_CHANGES, &count);
    assert_none_lost(&count);
    for (size_t i = 0; i < 2; i++)
        ck_assert_uint_ge(received_by(&sides[i]), 100 * 200);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("live-updates");
    TCase *cases = tcase_create("live-updates");
    tcase_add_checked_fixture(cases, start, stop);
    tcase_set_timeout(cases, 30);
    tcase_add_test(cases, subnets_of_a_live_peer_change_without_a_loss);
    tcase_add_test(cases, the_same_with_lists_replaced_loses_packets);
    tcase_add_test(cases, a_new_key_for_a_live_cluster_loses_no_packet);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
