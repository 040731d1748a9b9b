/* SPDX-License-Identifier: Apache-2.0 */
/* What the comparison with the real kernel cannot show of the model: the calls that it replaces, the
 * worlds that a test can order, and its faults. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/genetlink.h>
#include <linux/rtnetlink.h>
#include <linux/wireguard.h>
#include <net/if.h>

#include "fake_kernel.h"

#define SIZE 32768u

static const uint8_t peer_key[32] = {1, 2, 3};
static uint8_t bytes[SIZE];
static struct nlmsghdr *head;

static void setup(void)
{
    fake_kernel_reset();
}

static int open_socket(int protocol, int type)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | type, protocol);

    ck_assert_int_ge(fd, 0);
    return fd;
}

static void *message(uint16_t type, uint16_t flags, size_t header_size)
{
    memset(bytes, 0, sizeof(bytes));
    head = mnl_nlmsg_put_header(bytes);
    head->nlmsg_type = type;
    head->nlmsg_flags = NLM_F_REQUEST | flags;
    head->nlmsg_seq = 100;
    return mnl_nlmsg_put_extra_header(head, header_size);
}

static void send_message(int fd)
{
    ck_assert_int_eq(send(fd, bytes, head->nlmsg_len, 0), head->nlmsg_len);
}

static void ask_for_link(int fd, const char *name)
{
    message(RTM_GETLINK, 0, sizeof(struct ifinfomsg));
    mnl_attr_put_strz(head, IFLA_IFNAME, name);
    send_message(fd);
}

/* The errno of the answer, 0 for an acknowledgement, -1 where the answer is something else. */
static int receive_error(int fd)
{
    uint8_t answer[SIZE];
    const struct nlmsghdr *got = (const void *)answer;
    ssize_t size = recv(fd, answer, sizeof(answer), MSG_DONTWAIT);

    ck_assert_int_ge(size, (int)sizeof(*got));
    if (got->nlmsg_type != NLMSG_ERROR)
        return -1;
    return -((const struct nlmsgerr *)mnl_nlmsg_get_payload(got))->error;
}

static int new_link(int fd, const char *name, const char *kind)
{
    struct nlattr *info;

    message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, sizeof(struct ifinfomsg));
    mnl_attr_put_strz(head, IFLA_IFNAME, name);
    info = mnl_attr_nest_start(head, IFLA_LINKINFO);
    mnl_attr_put_strz(head, IFLA_INFO_KIND, kind);
    mnl_attr_nest_end(head, info);
    send_message(fd);
    return receive_error(fd);
}

static int ask_family(int fd)
{
    struct genlmsghdr *inner = message(GENL_ID_CTRL, 0, sizeof(*inner));

    inner->cmd = CTRL_CMD_GETFAMILY;
    mnl_attr_put_strz(head, CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME);
    send_message(fd);
    return receive_error(fd);
}

/* Calls. */

START_TEST(other_sockets_are_the_c_librarys)
{
    int pair[2];
    char letter = 0;

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
    ck_assert_int_eq(send(pair[0], "x", 1, 0), 1);
    ck_assert_int_eq(recv(pair[1], &letter, 1, 0), 1);
    ck_assert_int_eq(letter, 'x');
    ck_assert_int_eq(close(pair[0]), 0);
    ck_assert_int_eq(close(pair[1]), 0);
    ck_assert_int_eq(close(pair[1]), -1);
    ck_assert_int_eq(errno, EBADF);
    ck_assert_uint_eq(fake_kernel_counters().calls, 0);
}
END_TEST

/* The namespace's own names: taken within this world, free beside it. */
START_TEST(abstract_names_belong_to_the_world)
{
    static const struct sockaddr_un name = {.sun_family = AF_UNIX,
                                            .sun_path = "\0fake-kernel-test"};
    socklen_t size = offsetof(struct sockaddr_un, sun_path) + sizeof("0fake-kernel-test") - 1;
    int first = socket(AF_UNIX, SOCK_STREAM, 0), second = socket(AF_UNIX, SOCK_STREAM, 0);
    int beside = socket(AF_UNIX, SOCK_STREAM, 0);

    ck_assert_int_eq(bind(first, (const struct sockaddr *)&name, size), 0);
    ck_assert_int_eq(bind(second, (const struct sockaddr *)&name, size), -1);
    ck_assert_int_eq(errno, EADDRINUSE);
    fake_kernel_bypass(true);
    ck_assert_int_eq(bind(beside, (const struct sockaddr *)&name, size), 0);
    close(first);
    close(second);
    close(beside);
}
END_TEST

START_TEST(libmnl_reaches_the_model)
{
    struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);

    ck_assert_ptr_nonnull(socket);
    ck_assert_int_eq(mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID), 0);
    ck_assert_uint_eq(mnl_socket_get_portid(socket), (unsigned int)getpid());
    ck_assert_uint_eq(fake_kernel_counters().sockets, 1);
    ck_assert_int_eq(fcntl(mnl_socket_get_fd(socket), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ck_assert_int_eq(mnl_socket_close(socket), 0);
    ck_assert_uint_eq(fake_kernel_counters().sockets, 0);
}
END_TEST

START_TEST(a_descriptor_is_readable_while_something_waits)
{
    int fd = open_socket(NETLINK_ROUTE, 0);
    struct pollfd descriptor = {.fd = fd, .events = POLLIN};

    ck_assert_int_eq(poll(&descriptor, 1, 0), 0);
    ask_for_link(fd, "lo");
    ask_for_link(fd, "absent");
    ck_assert_int_eq(poll(&descriptor, 1, 0), 1);
    ck_assert_int_eq(receive_error(fd), -1);
    ck_assert_int_eq(poll(&descriptor, 1, 0), 1);
    ck_assert_int_eq(receive_error(fd), ENODEV);
    ck_assert_int_eq(poll(&descriptor, 1, 0), 0);
    close(fd);
}
END_TEST

START_TEST(receiving_peeks_cuts_and_gives_up)
{
    struct timeval soon = {.tv_usec = 1000};
    int fd = open_socket(NETLINK_ROUTE, SOCK_NONBLOCK);
    uint8_t small[8];
    ssize_t whole;

    ck_assert_int_eq(recv(fd, small, sizeof(small), 0), -1);
    ck_assert_int_eq(errno, EAGAIN);
    ask_for_link(fd, "lo");
    whole = recv(fd, small, sizeof(small), MSG_PEEK | MSG_TRUNC);
    ck_assert_int_gt(whole, (int)sizeof(small));
    ck_assert_int_eq(recv(fd, small, sizeof(small), 0), (int)sizeof(small));
    ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)), 0);
    ck_assert_int_eq(recv(fd, small, sizeof(small), 0), -1);
    ck_assert_int_eq(errno, EAGAIN);
    close(fd);
}
END_TEST

static void *send_later(void *data)
{
    usleep(20000);
    ask_for_link(*(const int *)data, "lo");
    return NULL;
}

START_TEST(a_blocked_receiver_is_woken)
{
    int fd = open_socket(NETLINK_ROUTE, 0);
    uint8_t answer[SIZE];
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, send_later, &fd), 0);
    ck_assert_int_gt(recv(fd, answer, sizeof(answer), 0), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    close(fd);
}
END_TEST

START_TEST(links_have_the_models_indexes)
{
    uint32_t ifindex = fake_kernel_add_link("eth7", NULL);

    ck_assert_uint_eq(if_nametoindex("eth7"), ifindex);
    ck_assert_uint_eq(if_nametoindex("eth8"), 0);
    ck_assert_int_eq(errno, ENODEV);
}
END_TEST

/* Worlds. */

START_TEST(a_kernel_without_wireguard)
{
    int generic = open_socket(NETLINK_GENERIC, 0), route = open_socket(NETLINK_ROUTE, 0);

    ck_assert_int_eq(ask_family(generic), -1);
    fake_kernel_set_wireguard(false);
    ck_assert_int_eq(ask_family(generic), ENOENT);
    ck_assert_int_eq(new_link(route, "wg0", "wireguard"), EOPNOTSUPP);
    close(generic);
    close(route);
}
END_TEST

START_TEST(a_kernel_without_ipv6)
{
    int fd = open_socket(NETLINK_ROUTE, 0);
    struct rtmsg *inner;
    struct fib_rule_hdr *rule;
    char *text;

    fake_kernel_set_ipv6(false);
    inner = message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_ACK, sizeof(*inner));
    inner->rtm_family = AF_INET6;
    send_message(fd);
    ck_assert_int_eq(receive_error(fd), EOPNOTSUPP);
    rule = message(RTM_NEWRULE, NLM_F_CREATE | NLM_F_ACK, sizeof(*rule));
    rule->family = AF_INET6;
    send_message(fd);
    ck_assert_int_eq(receive_error(fd), EAFNOSUPPORT);
    text = fake_kernel_dump_text();
    ck_assert_ptr_null(strstr(text, "ipv6"));
    ck_assert_ptr_null(strchr(text, ':') != NULL ? strstr(text, "::") : NULL);
    free(text);
    close(fd);
}
END_TEST

START_TEST(peers_live_a_life_of_their_own)
{
    struct sockaddr_in endpoint = {.sin_family = AF_INET, .sin_port = htons(4500)};
    char *text;

    endpoint.sin_addr.s_addr = htonl(0xc0000207);
    fake_kernel_add_link("wg0", "wireguard");
    fake_kernel_add_peer("wg0", peer_key, "10.1.2.3/16");
    fake_kernel_handshake("wg0", peer_key, 1700000000);
    fake_kernel_traffic("wg0", peer_key, 100, 50);
    fake_kernel_traffic("wg0", peer_key, 1, 2);
    fake_kernel_roam("wg0", peer_key, (const struct sockaddr *)&endpoint);
    text = fake_kernel_dump_text();
    ck_assert_ptr_nonnull(strstr(text,
                                 "  peer AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= preshared "
                                 "key no endpoint 192.0.2.7:4500 keepalive 0 handshake "
                                 "1700000000 rx 101 tx 52 allowed 10.1.0.0/16\n"));
    free(text);
    ck_assert(fake_kernel_has_peer("wg0", peer_key));
    fake_kernel_remove_peer("wg0", peer_key);
    ck_assert(!fake_kernel_has_peer("wg0", peer_key));
}
END_TEST

START_TEST(a_reset_leaves_nothing)
{
    char *fresh = fake_kernel_dump_text(), *changed, *reset;

    fake_kernel_add_link("eth0", NULL);
    fake_kernel_add_address("eth0", "10.243.64.6/24");
    fake_kernel_add_route(&(struct fake_kernel_route){
        .destination = "0.0.0.0/0", .link = "eth0", .gateway = "10.243.64.1"});
    fake_kernel_add_rule(&(struct fake_kernel_rule){
        .family = AF_INET, .priority = 220, .mark = 1, .mask = 1, .table = 220});
    changed = fake_kernel_dump_text();
    ck_assert_str_ne(fresh, changed);
    fake_kernel_reset();
    reset = fake_kernel_dump_text();
    ck_assert_str_eq(fresh, reset);
    free(fresh);
    free(changed);
    free(reset);
}
END_TEST

START_TEST(a_link_deleted_under_a_dump_would_hang)
{
    int fd = open_socket(NETLINK_GENERIC, 0);
    struct genlmsghdr *inner;

    fake_kernel_add_link("wg0", "wireguard");
    for (uint8_t i = 1; i < 100; i++)
        fake_kernel_add_peer("wg0", (const uint8_t[32]){i}, NULL);
    inner = message(32, NLM_F_DUMP, sizeof(*inner));
    inner->cmd = WG_CMD_GET_DEVICE;
    mnl_attr_put_strz(head, WGDEVICE_A_IFNAME, "wg0");
    send_message(fd);
    fake_kernel_delete_link("wg0");
    ck_assert_uint_eq(fake_kernel_counters().hangs, 1);
    close(fd);
}
END_TEST

/* Faults. */

START_TEST(a_call_fails_by_order)
{
    int fd = open_socket(NETLINK_ROUTE, 0);
    struct pollfd descriptor = {.fd = fd, .events = POLLIN};

    fake_kernel_fail_call(2, EINTR);
    ask_for_link(fd, "lo");
    ck_assert_int_eq(poll(&descriptor, 1, 0), -1);
    ck_assert_int_eq(errno, EINTR);
    ck_assert_int_eq(poll(&descriptor, 1, 0), 1);
    fake_kernel_fail_call(1, EMFILE);
    ck_assert_int_eq(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), -1);
    ck_assert_int_eq(errno, EMFILE);
    close(fd);
}
END_TEST

START_TEST(a_request_is_refused_by_order)
{
    int fd = open_socket(NETLINK_ROUTE, 0);

    fake_kernel_fail_request(2, ENOMEM);
    ck_assert_int_eq(new_link(fd, "wg0", "wireguard"), 0);
    ck_assert_int_eq(new_link(fd, "wg1", "wireguard"), ENOMEM);
    ck_assert_int_eq(new_link(fd, "wg1", "wireguard"), 0);
    ck_assert_uint_eq(fake_kernel_counters().changes, 3);
    close(fd);
}
END_TEST

START_TEST(a_reply_is_spoiled_by_order)
{
    int fd = open_socket(NETLINK_ROUTE, 0);
    struct sockaddr_nl from;
    socklen_t size = sizeof(from);
    struct nlmsghdr answer[SIZE / sizeof(struct nlmsghdr)];
    ssize_t whole;

    ask_for_link(fd, "lo");
    whole = recv(fd, answer, SIZE, 0);
    ck_assert_uint_eq(answer->nlmsg_seq, 100);
    fake_kernel_spoil_reply(1, FAKE_KERNEL_WRONG_SEQUENCE);
    ask_for_link(fd, "lo");
    ck_assert_int_eq(recv(fd, answer, SIZE, 0), whole);
    ck_assert_uint_ne(answer->nlmsg_seq, 100);
    fake_kernel_spoil_reply(1, FAKE_KERNEL_TRUNCATE);
    ask_for_link(fd, "lo");
    ck_assert_int_eq(recv(fd, answer, SIZE, 0), whole / 2);
    fake_kernel_spoil_reply(1, FAKE_KERNEL_FOREIGN_SENDER);
    ask_for_link(fd, "lo");
    ck_assert_int_eq(recvfrom(fd, answer, SIZE, 0, (struct sockaddr *)&from, &size), whole);
    ck_assert_uint_ne(from.nl_pid, 0);
    fake_kernel_spoil_reply(1, FAKE_KERNEL_DROP);
    ask_for_link(fd, "lo");
    ck_assert_int_eq(recv(fd, answer, SIZE, MSG_DONTWAIT), -1);
    ck_assert_int_eq(errno, EAGAIN);
    fake_kernel_spoil_reply(1, FAKE_KERNEL_OVERRUN);
    ask_for_link(fd, "lo");
    ck_assert_int_eq(recv(fd, answer, SIZE, MSG_DONTWAIT), -1);
    ck_assert_int_eq(errno, ENOBUFS);
    ask_for_link(fd, "lo");
    ck_assert_int_eq(recv(fd, answer, SIZE, MSG_DONTWAIT), whole);
    close(fd);
}
END_TEST

START_TEST(replies_are_held_by_order)
{
    int fd = open_socket(NETLINK_ROUTE, 0);
    struct pollfd descriptor = {.fd = fd, .events = POLLIN};

    fake_kernel_hold_replies(true);
    ask_for_link(fd, "absent");
    ck_assert_int_eq(poll(&descriptor, 1, 0), 0);
    fake_kernel_hold_replies(false);
    ck_assert_int_eq(poll(&descriptor, 1, 0), 1);
    ck_assert_int_eq(receive_error(fd), ENODEV);
    close(fd);
}
END_TEST

START_TEST(dumps_are_interrupted_by_order)
{
    int fd = open_socket(NETLINK_GENERIC, 0);
    struct genlmsghdr *inner;
    uint8_t answer[SIZE];
    const struct nlmsghdr *got = (const void *)answer;

    fake_kernel_add_link("wg0", "wireguard");
    fake_kernel_interrupt_dumps(1);
    for (int i = 0; i < 2; i++) {
        inner = message(32, NLM_F_DUMP, sizeof(*inner));
        inner->cmd = WG_CMD_GET_DEVICE;
        mnl_attr_put_strz(head, WGDEVICE_A_IFNAME, "wg0");
        send_message(fd);
        ck_assert_int_gt(recv(fd, answer, sizeof(answer), 0), 0);
        ck_assert_int_eq((got->nlmsg_flags & NLM_F_DUMP_INTR) != 0, i == 0);
    }
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fake_kernel");
    TCase *calls = tcase_create("calls"), *worlds = tcase_create("worlds");
    TCase *faults = tcase_create("faults");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(calls, setup, NULL);
    tcase_add_test(calls, other_sockets_are_the_c_librarys);
    tcase_add_test(calls, abstract_names_belong_to_the_world);
    tcase_add_test(calls, libmnl_reaches_the_model);
    tcase_add_test(calls, a_descriptor_is_readable_while_something_waits);
    tcase_add_test(calls, receiving_peeks_cuts_and_gives_up);
    tcase_add_test(calls, a_blocked_receiver_is_woken);
    tcase_add_test(calls, links_have_the_models_indexes);
    suite_add_tcase(suite, calls);
    tcase_add_checked_fixture(worlds, setup, NULL);
    tcase_add_test(worlds, a_kernel_without_wireguard);
    tcase_add_test(worlds, a_kernel_without_ipv6);
    tcase_add_test(worlds, peers_live_a_life_of_their_own);
    tcase_add_test(worlds, a_reset_leaves_nothing);
    tcase_add_test(worlds, a_link_deleted_under_a_dump_would_hang);
    suite_add_tcase(suite, worlds);
    tcase_add_checked_fixture(faults, setup, NULL);
    tcase_add_test(faults, a_call_fails_by_order);
    tcase_add_test(faults, a_request_is_refused_by_order);
    tcase_add_test(faults, a_reply_is_spoiled_by_order);
    tcase_add_test(faults, replies_are_held_by_order);
    tcase_add_test(faults, dumps_are_interrupted_by_order);
    suite_add_tcase(suite, faults);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
