/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A change of a connection sends what changed and nothing else, and the session goes on: T22. What is
 * taken away is taken away: T23. What reads back is what was asked for: T21.
 */
#include <linux/wireguard.h>
#include <stdio.h>
#include <stdlib.h>

#include "live.h"
#include "tap.h"

#define BIT(type) (UINT32_C(1) << (type))
/* Which peer, and that it has to be there. */
#define ADDRESSED (BIT(WGPEER_A_PUBLIC_KEY) | BIT(WGPEER_A_FLAGS))

static const char *const subnets[] = {"10.234.0.0/18", "10.234.64.0/18", "10.234.128.0/18"};

static struct subwg_registry *registry;
static struct subwg_cable *cable;
static struct live_remote remote;

static void start_engine(const char *psk, const char *keepalive_s)
{
    const struct subwg_setting settings[] = {{"keepalive-s", keepalive_s}, {"psk", psk}};
    subwg_cable_destroy(cable);
    subwg_registry_destroy(registry);
    cable = NULL;
    registry = NULL;
    LIVE_ASSERT_DONE(live_make_cable(settings, psk != NULL ? 2 : 1, &registry, &cable), live.error);
}

static int32_t connect_again(void)
{
    char address[SUBWG_ADDRESS_TEXT_SIZE];
    int32_t code = subwg_cable_connect(cable, &remote.endpoint, address, &live.error);
    LIVE_ASSERT_DONE(code, live.error);
    return code;
}

static void start(void)
{
    live_start();
    start_engine(NULL, "10");
    struct key our_key = live_own_key();
    live_open(&remote, 2, &our_key);
    remote.endpoint.subnets = subnets;
    remote.endpoint.subnet_count = 2;
    ck_assert_int_eq(connect_again(), 0);
    live_wait_for_handshakes(1);
    tap_open();
}

static void stop(void)
{
    subwg_cable_destroy(cable);
    subwg_registry_destroy(registry);
    live_stop();
}

static struct wg_peer the_peer(void)
{
    struct wg_device device = {0};
    live_dump(&device);
    ck_assert_uint_eq(device.peer_count, 1);
    struct wg_peer peer = device.peers[0];
    wg_device_finish(&device);
    return peer;
}

/* Connects, in one message that has these attributes of the one peer; again, nothing is sent. */
static struct wg_peer change(uint32_t attributes, uint64_t allowed_ips)
{
    struct wg_peer before = the_peer();
    (void)tap_take();
    ck_assert_int_eq(connect_again(), 0);
    struct tap_requests sent = tap_take();
    ck_assert_uint_eq(sent.changes, 1);
    ck_assert_uint_eq(sent.device_attributes, BIT(WGDEVICE_A_IFINDEX) | BIT(WGDEVICE_A_PEERS));
    ck_assert_uint_eq(sent.peer_attributes, ADDRESSED | attributes);
    ck_assert_uint_eq(sent.allowed_ips, allowed_ips);
    ck_assert_uint_eq(sent.replaced_allowed_ips + sent.replaced_peers, 0);
    ck_assert_int_eq(connect_again(), 1);
    ck_assert_uint_eq(tap_take().changes, 0);
    ck_assert_int_eq(subwg_cable_reconcile(cable, SUBWG_RECONCILE_DRY_RUN, NULL, NULL, &live.error),
                     0);
    struct wg_peer after = the_peer();
    ck_assert_uint_eq(after.handshake_s, before.handshake_s);
    ck_assert_uint_ge(after.rx_bytes, before.rx_bytes);
    ck_assert_uint_ge(after.tx_bytes, before.tx_bytes);
    return after;
}

START_TEST(a_subnet_more_is_all_that_is_sent)
{
    remote.endpoint.subnet_count = 3;
    ck_assert_uint_eq(change(BIT(WGPEER_A_ALLOWEDIPS), 1).allowed_ip_count, 3);
}
END_TEST

START_TEST(a_subnet_less_leaves_the_others_alone)
{
    remote.endpoint.subnet_count = 1;
    /* Through a peer that lives within the message. */
    ck_assert_uint_eq(change(BIT(WGPEER_A_ALLOWEDIPS), 1).allowed_ip_count, 1);
}
END_TEST

START_TEST(another_port_is_all_that_is_sent)
{
    remote.config[1].value = "7777";
    ck_assert_uint_eq(change(BIT(WGPEER_A_ENDPOINT), 0).endpoint.port, 7777);
}
END_TEST

START_TEST(a_keepalive_that_is_taken_away_is_0)
{
    start_engine(NULL, "0");
    ck_assert_uint_eq(change(BIT(WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL), 0).keepalive_s, 0);
    start_engine(NULL, "25");
    ck_assert_uint_eq(change(BIT(WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL), 0).keepalive_s, 25);
}
END_TEST

START_TEST(a_preshared_key_that_is_taken_away_is_gone)
{
    start_engine("a passphrase", "10");
    ck_assert_uint_eq(change(BIT(WGPEER_A_PRESHARED_KEY), 0).preshared_key, WG_PRESHARED_KEY_OTHER);
    start_engine(NULL, "10");
    ck_assert_uint_eq(change(BIT(WGPEER_A_PRESHARED_KEY), 0).preshared_key, WG_PRESHARED_KEY_NONE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("live-changes");
    TCase *cases = tcase_create("live-changes");
    tcase_add_checked_fixture(cases, start, stop);
    tcase_set_timeout(cases, 15);
    tcase_add_test(cases, a_subnet_more_is_all_that_is_sent);
    tcase_add_test(cases, a_subnet_less_leaves_the_others_alone);
    tcase_add_test(cases, another_port_is_all_that_is_sent);
    tcase_add_test(cases, a_keepalive_that_is_taken_away_is_0);
    tcase_add_test(cases, a_preshared_key_that_is_taken_away_is_gone);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
