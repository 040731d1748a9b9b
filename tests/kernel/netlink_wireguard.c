/* SPDX-License-Identifier: Apache-2.0 */
/* lib/netlink against a kernel that has WireGuard; run in a network namespace of its own. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "netlink/netlink.h"

#define DEVICE "wg-test"
#define GROUP  5871u

static struct netlink *netlink;
static struct subwg_error error;
static struct wg_device device;
static uint32_t ifindex;

#define ASSERT_DONE(call)                                                                 \
    do {                                                                                  \
        int32_t done = (call);                                                            \
        ck_assert_msg(done == 0, "%s: %d: %s (%s)", #call, done, error.text, error.hint); \
    } while (0)

static void open_netlink(void)
{
    error = (struct subwg_error)SUBWG_ERROR_INIT;
    ASSERT_DONE(netlink_open(LIMIT_REPLY_MS, &netlink, &error));
}

static void close_netlink(void)
{
    netlink_close(netlink);
    wg_device_finish(&device);
}

static void create_device(void)
{
    struct link_info link;
    open_netlink();
    ASSERT_DONE(link_create_wireguard(netlink, DEVICE, GROUP, &error));
    ASSERT_DONE(link_find(netlink, DEVICE, &link, &error));
    ifindex = link.ifindex;
}

static void delete_device(void)
{
    ASSERT_DONE(link_delete(netlink, ifindex, &error));
    close_netlink();
}

static struct prefix prefix(const char *text)
{
    struct prefix parsed;
    ck_assert_int_eq(prefix_parse(text, &parsed), ADDRESS_OK);
    return parsed;
}

static struct key key_of(uint8_t byte)
{
    struct key key;
    memset(&key, byte, sizeof(key));
    return key;
}

START_TEST(creates_finds_and_changes_a_link)
{
    struct link_info link;
    ASSERT_DONE(link_find(netlink, DEVICE, &link, &error));
    ck_assert_str_eq(link.name, DEVICE);
    ck_assert_str_eq(link.kind, "wireguard");
    ck_assert_str_eq(link.alias, "");
    ck_assert_uint_eq(link.group, GROUP);
    ck_assert(!link.up);

    ASSERT_DONE(link_set_alias(netlink, ifindex, "libsubwg:test", &error));
    ASSERT_DONE(link_set_mtu(netlink, ifindex, 1380, &error));
    ASSERT_DONE(link_set_up(netlink, ifindex, true, &error));
    ASSERT_DONE(link_by_index(netlink, ifindex, &link, &error));
    ck_assert_str_eq(link.name, DEVICE);
    ck_assert_str_eq(link.alias, "libsubwg:test");
    ck_assert_uint_eq(link.mtu, 1380);
    ck_assert(link.up);
    ASSERT_DONE(link_set_up(netlink, ifindex, false, &error));
    ASSERT_DONE(link_by_index(netlink, ifindex, &link, &error));
    ck_assert(!link.up);

    ck_assert_int_eq(link_create_wireguard(netlink, DEVICE, GROUP, &error), -EEXIST);
    ck_assert_str_eq(error.text, "failed to add wireguard device " DEVICE ": file exists");
}
END_TEST

START_TEST(an_empty_device_reads_empty)
{
    ASSERT_DONE(wg_get_device(netlink, ifindex, NULL, &device, &error));
    ck_assert_uint_eq(device.ifindex, ifindex);
    ck_assert(!device.has_private_key);
    ck_assert(key_is_zero(&device.public_key));
    ck_assert_uint_eq(device.peer_count, 0);
    ck_assert_uint_eq(device.listen_port, 0);
    ck_assert_uint_eq(device.mark, 0);
}
END_TEST

START_TEST(what_is_set_reads_back)
{
    struct key private_key, public_key, preshared_key = key_of(7);
    key_generate_private(&private_key);
    key_derive_public(&private_key, &public_key);
    struct prefix ipv4[] = {prefix("10.1.0.0/18"), prefix("10.1.64.0/18")};
    struct prefix ipv6[] = {prefix("fd00:1::/48")};
    struct wg_peer_change peers[] = {
        {.public_key = key_of(0x11),
         .preshared_key = &preshared_key,
         .endpoint = {.address = {.family = FAMILY_IPV4, .bytes = {10, 9, 8, 7}}, .port = 5871},
         .set_keepalive = true,
         .keepalive_s = 10,
         .allowed_ips = ipv4,
         .allowed_ip_count = 2},
        {.public_key = key_of(0x22),
         .endpoint = {.address = {.family = FAMILY_IPV6,
                                  .bytes = {0xfe, 0x80, [15] = 1},
                                  .scope = ifindex},
                      .port = 4500},
         .allowed_ips = ipv6,
         .allowed_ip_count = 1}};
    struct wg_device_change change = {.private_key = &private_key,
                                      .set_listen_port = true,
                                      .listen_port = 5871,
                                      .set_mark = true,
                                      .mark = 0x16ef,
                                      .peers = peers,
                                      .peer_count = 2};
    ASSERT_DONE(wg_set_device(netlink, ifindex, &change, &error));
    ASSERT_DONE(wg_get_device(netlink, ifindex, &preshared_key, &device, &error));

    ck_assert(device.has_private_key);
    ck_assert(key_equal(&device.public_key, &public_key));
    ck_assert_uint_eq(device.listen_port, 5871);
    ck_assert_uint_eq(device.mark, 0x16ef);
    ck_assert_uint_eq(device.peer_count, 2);
    ck_assert_uint_eq(device.allowed_ip_count, 3);
    for (uint32_t i = 0; i < 2; i++) {
        ck_assert(key_equal(&device.peers[i].public_key, &peers[i].public_key));
        ck_assert(socket_address_equal(&device.peers[i].endpoint, &peers[i].endpoint));
        ck_assert_uint_eq(device.peers[i].keepalive_s, peers[i].keepalive_s);
        ck_assert_uint_eq(device.peers[i].allowed_ip_count, peers[i].allowed_ip_count);
        for (uint32_t n = 0; n < peers[i].allowed_ip_count; n++)
            ck_assert(prefix_equal(&device.allowed_ips[device.peers[i].allowed_ip_first + n],
                                   &peers[i].allowed_ips[n]));
        ck_assert_uint_eq(device.peers[i].handshake_s, 0);
    }
    ck_assert_uint_eq(device.peers[0].preshared_key, WG_PRESHARED_KEY_EXPECTED);
    ck_assert_uint_eq(device.peers[1].preshared_key, WG_PRESHARED_KEY_NONE);
    ASSERT_DONE(wg_get_device(netlink, ifindex, NULL, &device, &error));
    ck_assert_uint_eq(device.peers[0].preshared_key, WG_PRESHARED_KEY_OTHER);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("netlink_wireguard");
    TCase *devices = tcase_create("device");
    tcase_add_checked_fixture(devices, create_device, delete_device);
    tcase_add_test(devices, creates_finds_and_changes_a_link);
    tcase_add_test(devices, an_empty_device_reads_empty);
    tcase_add_test(devices, what_is_set_reads_back);
    suite_add_tcase(suite, devices);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
