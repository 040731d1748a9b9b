/* SPDX-License-Identifier: Apache-2.0 */
/* lib/netlink against a kernel that has WireGuard, each test in a network namespace of its own. */
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "netlink/handle.h"
#include "netlink/wireguard_encode.h"

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
    ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
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
    ck_assert_uint_eq(error.reason, SUBWG_REASON_NAME_TAKEN);
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

/* Many. */

static struct prefix host_prefix(uint32_t number)
{
    return (struct prefix){
        .family = FAMILY_IPV4,
        .length = 32,
        .bytes = {10, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number}};
}

static struct key numbered_key(uint32_t number)
{
    struct key key = key_of(0x5a);
    memcpy(key.bytes, &number, sizeof(number));
    return key;
}

/* Sets count peers with two allowed IPs each. */
static void set_peers(uint32_t count, uint32_t flags)
{
    struct wg_peer_change *peers = calloc(count, sizeof(*peers));
    struct prefix *prefixes = calloc(count, 2 * sizeof(*prefixes));
    ck_assert(peers != NULL && prefixes != NULL);
    for (uint32_t i = 0; i < count; i++) {
        prefixes[2 * i] = host_prefix(2 * i);
        prefixes[2 * i + 1] = host_prefix(2 * i + 1);
        peers[i] = (struct wg_peer_change){.public_key = numbered_key(i), .flags = flags};
        if (flags & WG_PEER_REMOVE)
            continue;
        peers[i].allowed_ips = &prefixes[2 * i];
        peers[i].allowed_ip_count = 2;
    }
    struct wg_device_change change = {.peers = peers, .peer_count = count};
    ASSERT_DONE(wg_set_device(netlink, ifindex, &change, &error));
    free(peers);
    free(prefixes);
}

START_TEST(many_allowed_ips_of_one_peer)
{
    enum { COUNT = 1500, OTHERS = 59 };
    static struct prefix prefixes[COUNT];
    struct wg_peer_change peers[OTHERS + 1];
    struct key private_key;
    key_generate_private(&private_key);
    for (uint32_t i = 0; i < COUNT; i++)
        prefixes[i] = host_prefix(i);
    for (uint32_t i = 0; i <= OTHERS; i++)
        peers[i] = (struct wg_peer_change){.public_key = numbered_key(i)};
    peers[0].allowed_ips = prefixes;
    peers[0].allowed_ip_count = COUNT;
    struct wg_device_change change = {
        .private_key = &private_key, .peers = peers, .peer_count = OTHERS + 1};
    ASSERT_DONE(wg_set_device(netlink, ifindex, &change, &error));
    ASSERT_DONE(wg_get_device(netlink, ifindex, NULL, &device, &error));
    ck_assert_uint_eq(device.peer_count, OTHERS + 1);
    ck_assert_uint_eq(device.allowed_ip_count, COUNT);
    ck_assert_uint_eq(device.peers[0].allowed_ip_count, COUNT);
    /* The kernel lists them newest first or last, by its version: compare as sets. */
    qsort(device.allowed_ips, COUNT, sizeof(*prefixes),
          (int (*)(const void *, const void *))prefix_compare);
    for (uint32_t i = 0; i < COUNT; i++)
        ck_assert(prefix_equal(&device.allowed_ips[i], &prefixes[i]));
}
END_TEST

START_TEST(more_allowed_ips_than_a_message_holds)
{
    enum { COUNT = 5000 };
    static struct prefix prefixes[COUNT];
    for (uint32_t i = 0; i < COUNT; i++)
        prefixes[i] = host_prefix(i);
    struct key preshared_key = key_of(7);
    struct wg_peer_change peers[2] = {{.public_key = numbered_key(0),
                                       .preshared_key = &preshared_key,
                                       .set_keepalive = true,
                                       .keepalive_s = 25,
                                       .allowed_ips = prefixes,
                                       .allowed_ip_count = COUNT},
                                      {.public_key = numbered_key(1)}};
    struct wg_device_change change = {.peers = peers, .peer_count = 2};
    ASSERT_DONE(wg_set_device(netlink, ifindex, &change, &error));
    ASSERT_DONE(wg_get_device(netlink, ifindex, &preshared_key, &device, &error));
    ck_assert_uint_eq(device.peer_count, 2);
    ck_assert_uint_eq(device.peers[0].allowed_ip_count, COUNT);
    ck_assert_uint_eq(device.peers[0].keepalive_s, 25);
    ck_assert_uint_eq(device.peers[0].preshared_key, WG_PRESHARED_KEY_EXPECTED);

    /* All of them pass to another peer and go with it. */
    struct wg_peer_change passing[2] = {
        {.public_key = key_of(0xee), .allowed_ips = prefixes, .allowed_ip_count = COUNT},
        {.public_key = key_of(0xee), .flags = WG_PEER_REMOVE}};
    change.peers = passing;
    ASSERT_DONE(wg_set_device(netlink, ifindex, &change, &error));
    ASSERT_DONE(wg_get_device(netlink, ifindex, &preshared_key, &device, &error));
    ck_assert_uint_eq(device.peer_count, 2);
    ck_assert_uint_eq(device.allowed_ip_count, 0);
    ck_assert_uint_eq(device.peers[0].preshared_key, WG_PRESHARED_KEY_EXPECTED);
}
END_TEST

START_TEST(many_peers_come_and_go)
{
    enum { COUNT = 1000 };
    struct link_info link;
    set_peers(COUNT, 0);
    ASSERT_DONE(wg_get_device(netlink, ifindex, NULL, &device, &error));
    ck_assert_uint_eq(device.peer_count, COUNT);
    ck_assert_uint_eq(device.allowed_ip_count, 2 * COUNT);
    for (uint32_t i = 0; i < COUNT; i++) {
        struct key key = numbered_key(i);
        ck_assert(key_equal(&device.peers[i].public_key, &key));
        ck_assert_uint_eq(device.peers[i].allowed_ip_count, 2);
    }
    set_peers(COUNT, WG_PEER_REMOVE);
    ASSERT_DONE(wg_get_device(netlink, ifindex, NULL, &device, &error));
    ck_assert_uint_eq(device.peer_count, 0);
    ASSERT_DONE(link_by_index(netlink, ifindex, &link, &error));
}
END_TEST

START_TEST(changes_say_what_they_leave_alone)
{
    struct key preshared_key = key_of(7), none = key_of(0);
    struct prefix prefixes[] = {prefix("10.1.0.0/18"), prefix("10.2.0.0/18")};
    struct wg_peer_change peer = {
        .public_key = key_of(1),
        .preshared_key = &preshared_key,
        .endpoint = {.address = {.family = FAMILY_IPV4, .bytes = {10, 9, 8, 7}}, .port = 5871},
        .set_keepalive = true,
        .keepalive_s = 10,
        .allowed_ips = prefixes,
        .allowed_ip_count = 1};
    struct wg_device_change change = {.peers = &peer, .peer_count = 1};
    struct socket_address endpoint = peer.endpoint;
    ASSERT_DONE(wg_set_device(netlink, ifindex, &change, &error));

    peer = (struct wg_peer_change){.public_key = key_of(1),
                                   .flags = WG_PEER_UPDATE_ONLY,
                                   .allowed_ips = prefixes + 1,
                                   .allowed_ip_count = 1};
    ASSERT_DONE(wg_set_device(netlink, ifindex, &change, &error));
    ASSERT_DONE(wg_get_device(netlink, ifindex, &preshared_key, &device, &error));
    ck_assert_uint_eq(device.peers[0].allowed_ip_count, 2);
    ck_assert_uint_eq(device.peers[0].keepalive_s, 10);
    ck_assert(socket_address_equal(&device.peers[0].endpoint, &endpoint));
    ck_assert_uint_eq(device.peers[0].preshared_key, WG_PRESHARED_KEY_EXPECTED);

    peer = (struct wg_peer_change){
        .public_key = key_of(1), .preshared_key = &none, .set_keepalive = true};
    ASSERT_DONE(wg_set_device(netlink, ifindex, &change, &error));
    ASSERT_DONE(wg_get_device(netlink, ifindex, &preshared_key, &device, &error));
    ck_assert_uint_eq(device.peers[0].allowed_ip_count, 2);
    ck_assert_uint_eq(device.peers[0].keepalive_s, 0);
    ck_assert_uint_eq(device.peers[0].preshared_key, WG_PRESHARED_KEY_NONE);

    peer = (struct wg_peer_change){.public_key = key_of(2), .flags = WG_PEER_UPDATE_ONLY};
    ASSERT_DONE(wg_set_device(netlink, ifindex, &change, &error));
    peer.flags = WG_PEER_REMOVE;
    ASSERT_DONE(wg_set_device(netlink, ifindex, &change, &error));
    ASSERT_DONE(wg_get_device(netlink, ifindex, NULL, &device, &error));
    ck_assert_uint_eq(device.peer_count, 1);
}
END_TEST

/* Failures. */

START_TEST(failures_to_read_are_told_apart)
{
    struct link_info lo;
    ASSERT_DONE(link_find(netlink, "lo", &lo, &error));
    ck_assert_int_eq(wg_get_device(netlink, 4711, NULL, &device, &error), -ENODEV);
    ck_assert_uint_eq(error.reason, SUBWG_REASON_NO_DEVICE);
    ck_assert_int_eq(wg_get_device(netlink, lo.ifindex, NULL, &device, &error), -EOPNOTSUPP);
    ck_assert_uint_eq(error.reason, SUBWG_REASON_NAME_TAKEN);
    /* A failed dump leaves the socket usable. */
    ASSERT_DONE(wg_get_device(netlink, ifindex, NULL, &device, &error));
    ck_assert_int_eq(setgid(65534), 0);
    ck_assert_int_eq(setuid(65534), 0);
    ck_assert_int_eq(wg_get_device(netlink, ifindex, NULL, &device, &error), -EPERM);
    ck_assert_uint_eq(error.reason, SUBWG_REASON_PERMISSION);
    ck_assert_ptr_nonnull(strstr(error.hint, "CAP_NET_ADMIN"));
    struct wg_device_change change = {.set_mark = true, .mark = 1};
    ck_assert_int_eq(wg_set_device(netlink, ifindex, &change, &error), -EPERM);
    ck_assert_uint_eq(error.reason, SUBWG_REASON_PERMISSION);
    ck_assert_uint_eq(error.flags, 0);
    /* The fixture's deletion would fail; the namespace takes the device with it. */
    _exit(EXIT_SUCCESS);
}
END_TEST

static int taken_port(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

START_TEST(a_port_in_use_is_named)
{
    struct wg_device_change change = {.set_listen_port = true, .listen_port = 4000};
    int fd = taken_port(5871);
    ASSERT_DONE(wg_set_device(netlink, ifindex, &change, &error));
    ASSERT_DONE(link_set_up(netlink, ifindex, true, &error));
    change.listen_port = 5871;
    ck_assert_int_eq(wg_set_device(netlink, ifindex, &change, &error), -EADDRINUSE);
    ck_assert_str_eq(error.text, "listen port 5871 is in use");
    ck_assert_uint_eq(error.reason, SUBWG_REASON_PORT_IN_USE);
    ck_assert_uint_eq(error.flags, 0);
    ASSERT_DONE(wg_get_device(netlink, ifindex, NULL, &device, &error));
    ck_assert_uint_eq(device.listen_port, 4000);

    /* While the link is down the kernel takes any port, and refuses to come up. */
    ASSERT_DONE(link_set_up(netlink, ifindex, false, &error));
    ASSERT_DONE(wg_set_device(netlink, ifindex, &change, &error));
    ck_assert_int_eq(link_set_up(netlink, ifindex, true, &error), -EADDRINUSE);
    ck_assert_uint_eq(error.reason, SUBWG_REASON_PORT_IN_USE);
    close(fd);
    ASSERT_DONE(link_set_up(netlink, ifindex, true, &error));
}
END_TEST

/* Broken and interrupted dumps. */

static int32_t refuse_message(void *context, struct nlmsghdr *message)
{
    (void)context;
    (void)message;
    return -EBADMSG;
}

/* A dump that is not read on holds the device, so that its deletion would wait for ever. */
START_TEST(a_broken_dump_does_not_hold_the_device)
{
    enum { COUNT = 5000 };
    static struct prefix prefixes[COUNT];
    const struct message_reader reader = {.read = refuse_message};
    struct outcome outcome;
    for (uint32_t i = 0; i < COUNT; i++)
        prefixes[i] = host_prefix(i);
    struct wg_peer_change peer = {
        .public_key = numbered_key(0), .allowed_ips = prefixes, .allowed_ip_count = COUNT};
    struct wg_device_change change = {.peers = &peer, .peer_count = 1};
    ASSERT_DONE(wg_set_device(netlink, ifindex, &change, &error));
    wireguard_encode_get(netlink->request, netlink->wireguard_family, ifindex);
    struct nlmsghdr *request = (struct nlmsghdr *)(void *)netlink->request;
    request->nlmsg_type = netlink->wireguard_family;
    ck_assert_int_eq(transport_request(&netlink->generic, request, &reader, &outcome), -EBADMSG);
    time_t begin = time(NULL);
    ASSERT_DONE(link_delete(netlink, ifindex, &error));
    ck_assert_int_le(time(NULL) - begin, 5);
    ASSERT_DONE(link_create_wireguard(netlink, DEVICE, GROUP, &error));
    struct link_info link;
    ASSERT_DONE(link_find(netlink, DEVICE, &link, &error));
    ifindex = link.ifindex;
}
END_TEST

static atomic_bool stop;

/* Sets the mark to what it is, over and over: each time the kernel marks dumps in flight. */
static void *disturb(void *context)
{
    struct subwg_error own_error = SUBWG_ERROR_INIT;
    struct netlink *own = NULL;
    struct wg_device_change change = {.set_mark = true};
    (void)context;
    if (netlink_open(LIMIT_REPLY_MS, &own, &own_error) < 0)
        return &stop;
    while (!atomic_load(&stop))
        if (wg_set_device(own, ifindex, &change, &own_error) < 0)
            break;
    netlink_close(own);
    return NULL;
}

START_TEST(a_disturbed_dump_is_whole_or_refused)
{
    enum { COUNT = 1000, ROUNDS = 100 };
    pthread_t thread;
    void *failed = NULL;
    uint32_t refused = 0;
    set_peers(COUNT, 0);
    atomic_store(&stop, false);
    ck_assert_int_eq(pthread_create(&thread, NULL, disturb, NULL), 0);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        int32_t code = wg_get_device(netlink, ifindex, NULL, &device, &error);
        if (code == -EINTR) {
            ck_assert_uint_eq(error.reason, SUBWG_REASON_INTERRUPTED);
            refused++;
            continue;
        }
        ck_assert_int_eq(code, 0);
        ck_assert_uint_eq(device.peer_count, COUNT);
        ck_assert_uint_eq(device.allowed_ip_count, 2 * COUNT);
    }
    atomic_store(&stop, true);
    ck_assert_int_eq(pthread_join(thread, &failed), 0);
    ck_assert_ptr_null(failed);
    printf("# %u of %u reads given up after %u tries\n", refused, (unsigned int)ROUNDS,
           LIMIT_DUMP_TRIES);
    ASSERT_DONE(wg_get_device(netlink, ifindex, NULL, &device, &error));
    ck_assert_uint_eq(device.peer_count, COUNT);
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
    tcase_add_test(devices, many_allowed_ips_of_one_peer);
    tcase_add_test(devices, more_allowed_ips_than_a_message_holds);
    tcase_add_test(devices, many_peers_come_and_go);
    tcase_add_test(devices, changes_say_what_they_leave_alone);
    tcase_add_test(devices, failures_to_read_are_told_apart);
    tcase_add_test(devices, a_port_in_use_is_named);
    tcase_add_test(devices, a_broken_dump_does_not_hold_the_device);
    tcase_add_test(devices, a_disturbed_dump_is_whole_or_refused);
    tcase_set_timeout(devices, 60);
    suite_add_tcase(suite, devices);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
