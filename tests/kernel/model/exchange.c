/* SPDX-License-Identifier: Apache-2.0 */
/* Requests on their way to the kernel, and what comes back. */
#include "script.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/genetlink.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#define USUAL_RECEIVE 32768u
#define WAIT_MS       2000
#define SETTLE_US     5000u

uint16_t wireguard_family;
struct request request;

static int route_socket = -1;
static int generic_socket = -1;

void *message(uint16_t type, uint16_t flags, size_t header_size)
{
    if (request.head != NULL)
        request.size += (request.head->nlmsg_len + 3u) & ~3u;
    request.count++;
    request.head = mnl_nlmsg_put_header(request.bytes + request.size);
    request.head->nlmsg_type = type;
    request.head->nlmsg_flags = NLM_F_REQUEST | flags;
    request.head->nlmsg_seq = request.count;
    if ((flags & NLM_F_ACK) != 0 || (flags & NLM_F_DUMP) != 0)
        request.expected++;
    return mnl_nlmsg_put_extra_header(request.head, header_size);
}

void put(uint16_t type, size_t size, const void *value)
{
    mnl_attr_put(request.head, type, size, value);
}

void put_u8(uint16_t type, uint8_t value)
{
    mnl_attr_put_u8(request.head, type, value);
}

void put_u16(uint16_t type, uint16_t value)
{
    mnl_attr_put_u16(request.head, type, value);
}

void put_u32(uint16_t type, uint32_t value)
{
    mnl_attr_put_u32(request.head, type, value);
}

void put_text(uint16_t type, const char *value)
{
    mnl_attr_put_strz(request.head, type, value);
}

struct nlattr *nest(uint16_t type)
{
    return mnl_attr_nest_start(request.head, type);
}

void end(struct nlattr *started)
{
    mnl_attr_nest_end(request.head, started);
}

int socket_open(int protocol, unsigned int options)
{
    struct sockaddr_nl own = {.nl_family = AF_NETLINK};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), on = 1;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&own, sizeof(own)), 0);
    if ((options & SOCKET_PLAIN) == 0)
        ck_assert_int_eq(setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)), 0);
    if ((options & SOCKET_CAP_ACK) != 0)
        ck_assert_int_eq(setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)), 0);
    if ((options & SOCKET_STRICT) != 0)
        ck_assert_int_eq(setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on)), 0);
    return fd;
}

void socket_close(int fd)
{
    ck_assert_int_eq(close(fd), 0);
}

static size_t request_size(void)
{
    return request.size + (request.head != NULL ? request.head->nlmsg_len : 0);
}

void forget_request(void)
{
    memset(request.bytes, 0, request_size());
    request.size = 0;
    request.head = NULL;
    request.count = 0;
    request.expected = 0;
}

void send_only(int fd, const char *what)
{
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    ssize_t sent =
        sendto(fd, request.bytes, request_size(), 0, (struct sockaddr *)&kernel, sizeof(kernel));

    note("== %s", what);
    if (sent < 0)
        note("cannot be sent: %s", strerrorname_np(errno));
    forget_request();
}

static const char *sentence_of(const struct nlmsghdr *head)
{
    const struct nlmsgerr *payload = mnl_nlmsg_get_payload(head);
    size_t offset = sizeof(*payload);
    const struct nlattr *attribute;

    if ((head->nlmsg_flags & NLM_F_ACK_TLVS) == 0)
        return "";
    if ((head->nlmsg_flags & NLM_F_CAPPED) == 0)
        offset += mnl_nlmsg_get_payload_len(&payload->msg);
    FOR_EACH(attribute, head, offset)
    if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG)
        return mnl_attr_get_str(attribute);
    return "";
}

static void note_answer(const struct nlmsghdr *head, int protocol)
{
    const struct nlmsgerr *error = mnl_nlmsg_get_payload(head);
    const char *multi = (head->nlmsg_flags & NLM_F_MULTI) != 0 ? " multi" : "";

    if (head->nlmsg_type == NLMSG_ERROR)
        note("#%u %s%s echo of #%u type %u, %s |%s", head->nlmsg_seq,
             error->error == 0 ? "done" : strerrorname_np(-error->error), multi,
             error->msg.nlmsg_seq, protocol == NETLINK_ROUTE ? error->msg.nlmsg_type : 0u,
             (head->nlmsg_flags & NLM_F_CAPPED) != 0 ? "head" : "whole", sentence_of(head));
    else
        note("#%u end%s status %d", head->nlmsg_seq, multi,
             *(const int *)mnl_nlmsg_get_payload(head));
}

int receive_one(int fd, size_t receive_size)
{
    struct pollfd descriptor = {.fd = fd, .events = POLLIN};
    const struct nlmsghdr *head;
    uint8_t *bytes = calloc(1, receive_size);
    int ends = 0;
    socklen_t size = sizeof(int);
    ssize_t received;
    int left, protocol = 0;

    ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size), 0);
    received = poll(&descriptor, 1, WAIT_MS) == 1 ? recv(fd, bytes, receive_size, 0) : -1;
    if (received < 0) {
        note("nothing: %s", descriptor.revents != 0 ? strerrorname_np(errno) : "no answer");
        ends = -1;
    }
    left = (int)received;
    for (head = (void *)bytes; mnl_nlmsg_ok(head, left); head = mnl_nlmsg_next(head, &left)) {
        bool is_end = head->nlmsg_type == NLMSG_ERROR || head->nlmsg_type == NLMSG_DONE;

        if (is_end)
            note_answer(head, protocol);
        else if (protocol == NETLINK_GENERIC)
            describe_generic(head);
        else
            describe_route(head);
        ends += is_end;
    }
    free(bytes);
    return ends;
}

void send_on(int fd, size_t receive_size, const char *what)
{
    int expected = request.expected, ends = 0;

    send_only(fd, what);
    while (expected > 0 && ends >= 0) {
        ends = receive_one(fd, receive_size);
        expected -= ends;
    }
}

static bool has_tentative_address(int fd)
{
    uint8_t bytes[USUAL_RECEIVE];
    struct nlmsghdr *head = mnl_nlmsg_put_header(bytes);
    const struct ifaddrmsg *address;
    bool found = false;
    int left;

    head->nlmsg_type = RTM_GETADDR;
    head->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    *(uint8_t *)mnl_nlmsg_put_extra_header(head, sizeof(*address)) = AF_INET6;
    ck_assert_int_gt(send(fd, bytes, head->nlmsg_len, 0), 0);
    do {
        left = (int)recv(fd, bytes, sizeof(bytes), 0);
        ck_assert_int_gt(left, 0);
        for (head = (void *)bytes; mnl_nlmsg_ok(head, left); head = mnl_nlmsg_next(head, &left)) {
            address = mnl_nlmsg_get_payload(head);
            found |= head->nlmsg_type == RTM_NEWADDR && (address->ifa_flags & IFA_F_TENTATIVE) != 0;
            if (head->nlmsg_type == NLMSG_DONE)
                return found;
        }
    } while (true);
}

/* The kernel makes an IPv6 address valid, and its route, a moment later. */
static void settle(void)
{
    int fd = socket_open(NETLINK_ROUTE, 0);

    for (int i = 0; i < 100 && has_tentative_address(fd); i++)
        usleep(SETTLE_US);
    socket_close(fd);
    usleep(SETTLE_US);
}

void send_route(const char *what)
{
    uint16_t type = request.head->nlmsg_type;

    send_on(route_socket, USUAL_RECEIVE, what);
    if (!on_model && (type == RTM_NEWADDR || type == RTM_NEWLINK))
        settle();
}

uint32_t route_port(void)
{
    struct sockaddr_nl own;
    socklen_t size = sizeof(own);

    ck_assert_int_eq(getsockname(route_socket, (struct sockaddr *)&own, &size), 0);
    return own.nl_pid;
}

void send_wireguard(const char *what)
{
    send_on(generic_socket, USUAL_RECEIVE, what);
}

/* Names. */

struct found {
    uint32_t ifindex;
    char name[16];
};

/* Asks on a socket of its own, so that what a script does on its sockets is not disturbed. */
static bool ask_link(uint32_t ifindex, const char *name, struct found *found)
{
    uint8_t bytes[USUAL_RECEIVE];
    struct nlmsghdr *head = mnl_nlmsg_put_header(bytes);
    struct ifinfomsg *link;
    const struct nlattr *attribute;
    int fd = socket_open(NETLINK_ROUTE, 0);
    ssize_t size;

    head->nlmsg_type = RTM_GETLINK;
    head->nlmsg_flags = NLM_F_REQUEST;
    link = mnl_nlmsg_put_extra_header(head, sizeof(*link));
    link->ifi_index = (int)ifindex;
    if (name != NULL)
        mnl_attr_put_strz(head, IFLA_IFNAME, name);
    ck_assert_int_gt(send(fd, bytes, head->nlmsg_len, 0), 0);
    size = recv(fd, bytes, sizeof(bytes), 0);
    socket_close(fd);
    if (size < (ssize_t)sizeof(*head) || head->nlmsg_type != RTM_NEWLINK)
        return false;
    link = mnl_nlmsg_get_payload(head);
    found->ifindex = (uint32_t)link->ifi_index;
    FOR_EACH(attribute, head, sizeof(*link))
    if (mnl_attr_get_type(attribute) == IFLA_IFNAME)
        snprintf(found->name, sizeof(found->name), "%s", mnl_attr_get_str(attribute));
    return true;
}

uint32_t index_of(const char *name)
{
    struct found found = {0};

    return ask_link(0, name, &found) ? found.ifindex : 0;
}

const char *name_of(uint32_t ifindex)
{
    static struct found found;

    return ifindex != 0 && ask_link(ifindex, NULL, &found) ? found.name : "-";
}

static int find_family(const struct nlattr *attribute, void *data)
{
    if (mnl_attr_get_type(attribute) == CTRL_ATTR_FAMILY_ID)
        *(uint16_t *)data = mnl_attr_get_u16(attribute);
    return MNL_CB_OK;
}

static uint16_t find_wireguard(void)
{
    uint8_t bytes[USUAL_RECEIVE];
    struct nlmsghdr *head = mnl_nlmsg_put_header(bytes);
    struct genlmsghdr *inner;
    uint16_t found = 0;
    int fd = socket_open(NETLINK_GENERIC, 0);

    head->nlmsg_type = GENL_ID_CTRL;
    head->nlmsg_flags = NLM_F_REQUEST;
    inner = mnl_nlmsg_put_extra_header(head, sizeof(*inner));
    inner->cmd = CTRL_CMD_GETFAMILY;
    mnl_attr_put_strz(head, CTRL_ATTR_FAMILY_NAME, "wireguard");
    ck_assert_int_gt(send(fd, bytes, head->nlmsg_len, 0), 0);
    ck_assert_int_gt(recv(fd, bytes, sizeof(bytes), 0), 0);
    socket_close(fd);
    mnl_attr_parse(head, sizeof(*inner), find_family, &found);
    ck_assert_msg(found != 0, "this kernel has no WireGuard");
    return found;
}

void exchange_begin(void)
{
    request.bytes = calloc(1, REQUEST_SIZE);
    ck_assert_ptr_nonnull(request.bytes);
    route_socket = socket_open(NETLINK_ROUTE, 0);
    generic_socket = socket_open(NETLINK_GENERIC, 0);
    wireguard_family = find_wireguard();
}

void exchange_end(void)
{
    socket_close(route_socket);
    socket_close(generic_socket);
    free(request.bytes);
}
