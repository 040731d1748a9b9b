/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and setting a WireGuard device with a scripted kernel: the family's number, the words for each
 * failure, and what is left of secrets. */
#include <check.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "netlink/handle.h"
#include "netlink_script.h"

#define IFINDEX    9u
#define TIMEOUT_MS 2000u /* one test waits for it; the others must not meet it, however slow */

static struct netlink *netlink;
static struct subwg_error error;
static struct wg_device device;

/* The kernel of these tests. */
static struct {
    uint16_t family;   /* 0: WireGuard is not there */
    uint16_t end_type; /* of a failing dump */
    int32_t code;      /* of requests to WireGuard */
    uint32_t after;    /* so many of them succeed first */
    bool malformed;    /* dumps are, after a good message */
    uint32_t lookups;  /* of the family */
    uint32_t requests; /* to WireGuard */
} kernel;

static size_t put_attribute(uint8_t *to, uint16_t type, const void *value, size_t length)
{
    struct nlattr head = {.nla_len = (uint16_t)(sizeof(head) + length), .nla_type = type};
    memset(to, 0, (sizeof(head) + length + 3) & ~(size_t)3);
    memcpy(to, &head, sizeof(head));
    memcpy(to + sizeof(head), value, length);
    return (sizeof(head) + length + 3) & ~(size_t)3;
}

static void answer_lookup(const struct nlmsghdr *request)
{
    uint8_t payload[64] = {CTRL_CMD_NEWFAMILY, 2};
    kernel.lookups++;
    if (kernel.family != 0) {
        size_t length = sizeof(struct genlmsghdr);
        length += put_attribute(payload + length, CTRL_ATTR_FAMILY_NAME, "wireguard", 10);
        length += put_attribute(payload + length, CTRL_ATTR_FAMILY_ID, &kernel.family, 2);
        script_reply(request, GENL_ID_CTRL, 0, payload, length);
    }
    script_acknowledge(request, kernel.family != 0 ? 0 : -ENOENT, NULL);
}

static void answer_dump(const struct nlmsghdr *request)
{
    uint8_t payload[256] = {WG_CMD_GET_DEVICE, 1};
    uint8_t key[KEY_SIZE];
    uint32_t ifindex = IFINDEX;
    size_t length = sizeof(struct genlmsghdr);
    memset(key, 0x5a, sizeof(key));
    length += put_attribute(payload + length, WGDEVICE_A_IFINDEX, &ifindex, sizeof(ifindex));
    length += put_attribute(payload + length, WGDEVICE_A_PRIVATE_KEY, key, sizeof(key));
    script_reply(request, kernel.family, NLM_F_MULTI, payload, length);
    if (kernel.malformed) {
        length += put_attribute(payload + length, WGDEVICE_A_FWMARK, key, 3);
        script_reply(request, kernel.family, NLM_F_MULTI, payload, length);
    }
    script_done(request, 0);
}

static void answer(const struct nlmsghdr *request, size_t length)
{
    (void)length;
    bool dump = (request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
    if (request->nlmsg_type == GENL_ID_CTRL) {
        answer_lookup(request);
        return;
    }
    bool fails = kernel.requests++ >= kernel.after && kernel.code != 0;
    if (request->nlmsg_type != kernel.family)
        script_acknowledge(request, -ENOENT, NULL);
    else if (fails && dump && kernel.end_type == NLMSG_DONE)
        script_done(request, kernel.code);
    else if (fails || !dump)
        script_acknowledge(request, fails ? kernel.code : 0, NULL);
    else
        answer_dump(request);
}

static void open_netlink(void)
{
    script_reset();
    error = (struct subwg_error)SUBWG_ERROR_INIT;
    memset(&kernel, 0, sizeof(kernel));
    kernel.family = 32;
    kernel.end_type = NLMSG_DONE;
    ck_assert_int_eq(netlink_open(TIMEOUT_MS, &netlink, &error), 0);
    script.answer = answer;
}

static void close_netlink(void)
{
    netlink_close(netlink);
    wg_device_finish(&device);
    ck_assert_uint_eq(script.opened, script.closed);
    script_reset();
}

static int32_t get(void)
{
    return wg_get_device(netlink, IFINDEX, NULL, &device, &error);
}

/* The family. */

START_TEST(the_family_is_looked_up_once)
{
    ck_assert_int_eq(get(), 0);
    ck_assert_int_eq(get(), 0);
    ck_assert_uint_eq(kernel.lookups, 1);
    ck_assert_uint_eq(kernel.requests, 2);
    ck_assert(device.has_private_key);
}
END_TEST

START_TEST(a_family_loaded_again_is_looked_up_again)
{
    struct wg_device_change change = {0};
    ck_assert_int_eq(get(), 0);
    kernel.family = 33;
    ck_assert_int_eq(get(), 0);
    ck_assert_uint_eq(kernel.lookups, 2);
    kernel.family = 34;
    ck_assert_int_eq(wg_set_device(netlink, IFINDEX, &change, &error), 0);
    ck_assert_uint_eq(kernel.lookups, 3);
}
END_TEST

START_TEST(a_family_that_stays_away_is_no_wireguard)
{
    struct wg_device_change change = {0};
    ck_assert_int_eq(get(), 0);
    kernel.family = 0;
    ck_assert_int_eq(get(), -ENOENT);
    ck_assert_uint_eq(error.reason, SUBWG_REASON_NOT_SUPPORTED);
    ck_assert_str_eq(error.text, "read WireGuard device: this kernel has no WireGuard");
    ck_assert_ptr_nonnull(strstr(error.hint, "install WireGuard"));
    ck_assert_uint_eq(kernel.lookups, 2);
    ck_assert_int_eq(wg_set_device(netlink, IFINDEX, &change, &error), -ENOENT);
    ck_assert_uint_eq(error.reason, SUBWG_REASON_NOT_SUPPORTED);
    ck_assert_uint_eq(error.flags, 0);
    ck_assert_uint_eq(kernel.lookups, 3);
}
END_TEST

START_TEST(a_family_that_refuses_twice_is_not_asked_for_ever)
{
    kernel.code = -ENOENT;
    kernel.after = 1;
    ck_assert_int_eq(get(), 0);
    ck_assert_int_eq(get(), -ENOENT);
    ck_assert_uint_eq(kernel.lookups, 2);
    ck_assert_uint_eq(kernel.requests, 3);
}
END_TEST

/* Reading. */

START_TEST(each_failure_to_read_has_its_own_reason)
{
    static const struct {
        int32_t code;
        uint32_t reason;
        const char *text;
    } cases[] = {{-ENODEV, SUBWG_REASON_NO_DEVICE, "no such device"},
                 {-EOPNOTSUPP, SUBWG_REASON_NAME_TAKEN, "the link is not a WireGuard device"},
                 {-EPERM, SUBWG_REASON_PERMISSION, "operation not permitted"},
                 {-EBADR, SUBWG_REASON_KERNEL, "invalid request descriptor"},
                 {-ENOMEM, SUBWG_REASON_NO_MEMORY, "cannot allocate memory"}};
    static const uint16_t types[] = {NLMSG_DONE, NLMSG_ERROR};
    for (size_t type = 0; type < 2; type++)
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            char text[128] = "read WireGuard device (link 9): ";
            kernel.code = cases[i].code;
            kernel.end_type = types[type];
            strncat(text, cases[i].text, sizeof(text) - strlen(text) - 1);
            ck_assert_int_eq(get(), cases[i].code);
            ck_assert_uint_eq(error.reason, cases[i].reason);
            ck_assert_str_eq(error.text, text);
            ck_assert_int_eq(error.kernel_errno, -cases[i].code);
            ck_assert_int_eq(error.code, cases[i].code);
        }
    ck_assert_ptr_null(device.peers);
}
END_TEST

START_TEST(a_failed_read_leaves_the_device_as_it_was)
{
    ck_assert_int_eq(get(), 0);
    device.mark = 4711;
    kernel.malformed = true;
    ck_assert_int_eq(get(), -EBADMSG);
    ck_assert_uint_eq(device.mark, 4711);
    ck_assert_uint_eq(device.ifindex, IFINDEX);
    ck_assert_uint_eq(script.opened, 5); /* four sockets, one of them replaced */
    kernel.malformed = false;
    ck_assert_int_eq(get(), 0);
    ck_assert_uint_eq(device.mark, 0);
}
END_TEST

START_TEST(a_dump_of_another_device_is_refused)
{
    ck_assert_int_eq(wg_get_device(netlink, IFINDEX + 1, NULL, &device, &error), -EBADMSG);
}
END_TEST

/* Setting. */

static bool holds_byte(const void *bytes, size_t length, uint8_t byte)
{
    return memchr(bytes, byte, length) != NULL;
}

START_TEST(no_key_stays_in_a_buffer)
{
    struct key secret;
    struct prefix prefixes[27];
    struct wg_peer_change peers[LIMIT_PEERS_A_MESSAGE];
    memset(&secret, 0x5a, sizeof(secret));
    for (uint32_t i = 0; i < 27; i++)
        prefixes[i] =
            (struct prefix){.family = FAMILY_IPV4, .length = 32, .bytes = {10, 0, 0, (uint8_t)i}};
    /* With 27 each, the first message ends where a peer's keys fit but none of its allowed IPs. */
    for (uint32_t i = 0; i < LIMIT_PEERS_A_MESSAGE; i++)
        peers[i] = (struct wg_peer_change){
            .preshared_key = &secret, .allowed_ips = prefixes, .allowed_ip_count = 27};
    struct wg_device_change change = {
        .private_key = &secret, .peers = peers, .peer_count = LIMIT_PEERS_A_MESSAGE};
    for (int fails = 0; fails < 2; fails++) {
        kernel.code = fails ? -EINVAL : 0;
        ck_assert_int_eq(wg_set_device(netlink, IFINDEX, &change, &error), kernel.code);
        ck_assert(!holds_byte(netlink->request, LIMIT_MESSAGE_BYTES, 0x5a));
        (void)get();
        ck_assert(!holds_byte(netlink->generic.buffer, LIMIT_RECEIVE_BYTES, 0x5a));
    }
    script.answer = NULL;
    ck_assert_int_eq(wg_set_device(netlink, IFINDEX, &change, &error), -ETIMEDOUT);
    ck_assert(!holds_byte(netlink->request, LIMIT_MESSAGE_BYTES, 0x5a));
}
END_TEST

START_TEST(a_failure_stops_the_messages_behind_it)
{
    struct wg_peer_change peers[4 * LIMIT_PEERS_A_MESSAGE] = {0};
    struct wg_device_change change = {.peers = peers, .peer_count = 4 * LIMIT_PEERS_A_MESSAGE};
    ck_assert_int_eq(wg_set_device(netlink, IFINDEX, &change, &error), 0);
    ck_assert_uint_eq(kernel.requests, 4);
    kernel.requests = 0;
    kernel.code = -EINVAL;
    kernel.after = 1;
    ck_assert_int_eq(wg_set_device(netlink, IFINDEX, &change, &error), -EINVAL);
    ck_assert_uint_eq(kernel.requests, 2);
    ck_assert_uint_eq(error.flags, SUBWG_ERROR_STATE_UNKNOWN);
    ck_assert_uint_eq(error.reason, SUBWG_REASON_KERNEL);
}
END_TEST

/* What a failure says of the state: nothing was changed, or something may have been. */
START_TEST(a_failure_to_set_tells_what_is_known)
{
    static const struct {
        int32_t code;
        bool mark;
        uint32_t after;
        uint32_t flags;
    } cases[] = {{-EPERM, true, 0, 0},
                 {-ENODEV, true, 0, 0},
                 {-EPERM, true, 1, SUBWG_ERROR_STATE_UNKNOWN},
                 {-EADDRINUSE, false, 0, 0},
                 {-EADDRINUSE, true, 0, SUBWG_ERROR_STATE_UNKNOWN},
                 {-EINVAL, false, 0, SUBWG_ERROR_STATE_UNKNOWN},
                 {-ENOMEM, false, 0, SUBWG_ERROR_STATE_UNKNOWN}};
    struct wg_peer_change peers[2 * LIMIT_PEERS_A_MESSAGE] = {0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wg_device_change change = {.set_mark = cases[i].mark,
                                          .set_listen_port = true,
                                          .listen_port = 5871,
                                          .peers = peers,
                                          .peer_count = 2 * LIMIT_PEERS_A_MESSAGE};
        kernel.requests = 0;
        kernel.code = cases[i].code;
        kernel.after = cases[i].after;
        ck_assert_int_eq(wg_set_device(netlink, IFINDEX, &change, &error), cases[i].code);
        ck_assert_msg(error.flags == cases[i].flags, "case %zu", i);
    }
}
END_TEST

START_TEST(a_port_that_cannot_be_had_is_named)
{
    struct wg_device_change change = {.set_listen_port = true, .listen_port = 5871};
    kernel.code = -EADDRINUSE;
    ck_assert_int_eq(wg_set_device(netlink, IFINDEX, &change, &error), -EADDRINUSE);
    ck_assert_str_eq(error.text, "listen port 5871 is in use");
    ck_assert_uint_eq(error.reason, SUBWG_REASON_PORT_IN_USE);
    ck_assert_int_eq(error.kernel_errno, EADDRINUSE);
    ck_assert_str_ne(error.hint, "");
    kernel.code = -EACCES;
    change.listen_port = 500;
    ck_assert_int_eq(wg_set_device(netlink, IFINDEX, &change, &error), -EACCES);
    ck_assert_str_eq(error.text, "listen port 500: permission denied");
    ck_assert_uint_eq(error.reason, SUBWG_REASON_PERMISSION);
    ck_assert_ptr_nonnull(strstr(error.hint, "CAP_NET_BIND_SERVICE"));
}
END_TEST

START_TEST(what_the_kernel_would_refuse_is_not_sent)
{
    struct prefix prefix = {.family = FAMILY_IPV4, .length = 8, .bytes = {10, 1}};
    struct wg_peer_change peer = {.allowed_ips = &prefix, .allowed_ip_count = 1};
    struct wg_device_change change = {.peers = &peer, .peer_count = 1};
    ck_assert_int_eq(wg_set_device(netlink, IFINDEX, &change, &error), -EINVAL);
    ck_assert_uint_eq(script.sent, 0);
    ck_assert_uint_eq(error.flags, 0);
    ck_assert_int_eq(error.kernel_errno, 0);
}
END_TEST

START_TEST(a_handle_that_does_not_open)
{
    struct netlink *second = NULL;
    script.open_error = EMFILE;
    ck_assert_int_eq(netlink_open(TIMEOUT_MS, &second, &error), -EMFILE);
    ck_assert_ptr_null(second);
    ck_assert_str_eq(error.text, "open netlink sockets: too many open files");
    ck_assert_uint_eq(error.reason, SUBWG_REASON_NO_MEMORY);
    netlink_close(NULL);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {the_family_is_looked_up_once,
                                  a_family_loaded_again_is_looked_up_again,
                                  a_family_that_stays_away_is_no_wireguard,
                                  a_family_that_refuses_twice_is_not_asked_for_ever,
                                  each_failure_to_read_has_its_own_reason,
                                  a_failed_read_leaves_the_device_as_it_was,
                                  a_dump_of_another_device_is_refused,
                                  no_key_stays_in_a_buffer,
                                  a_failure_stops_the_messages_behind_it,
                                  a_failure_to_set_tells_what_is_known,
                                  a_port_that_cannot_be_had_is_named,
                                  what_the_kernel_would_refuse_is_not_sent,
                                  a_handle_that_does_not_open};
    Suite *suite = suite_create("netlink_device");
    TCase *test_case = tcase_create("device");
    tcase_add_checked_fixture(test_case, open_netlink, close_netlink);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        tcase_add_test(test_case, tests[i]);
    suite_add_tcase(suite, test_case);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
