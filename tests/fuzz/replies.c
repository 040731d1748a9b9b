/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever stands in the kernel's replies: the family lookup, the dump of a device, links, addresses,
 * routes and rules, through the sockets' own code. This program has the C library's socket calls of its
 * own: what is sent is answered from the input.
 *
 * The input: which operation, then messages. Of each: its type (most are the one that is expected), how
 * its header is wrong (most are right), the length of its payload and the payload.
 */
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/genetlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fuzz.h"
#include "netlink/netlink.h"

#define MESSAGES_MAX 64
#define DEVICE       9u

static struct {
    struct input input;
    struct nlmsghdr request; /* the last one */
    uint32_t port_id;
    unsigned int messages;
    uint16_t expected; /* type of a reply that tells something */
    bool ended;        /* the last request's end was queued */
} kernel;

/* A datagram of one or more messages into the receiver's buffer. */
static size_t next_message(uint8_t *to, size_t room)
{
    static const uint16_t types[] = {RTM_NEWLINK,  RTM_NEWADDR,   RTM_NEWROUTE,  RTM_NEWRULE,
                                     NLMSG_DONE,   NLMSG_ERROR,   NLMSG_OVERRUN, NLMSG_NOOP,
                                     GENL_ID_CTRL, RTM_NEWNETCONF};
    struct nlmsghdr header = kernel.request;
    uint8_t type = input_byte(&kernel.input);
    uint8_t flags = input_byte(&kernel.input);
    size_t wanted = input_byte(&kernel.input) * (size_t)((flags & 1u) != 0 ? 64 : 1);
    size_t length = 0;
    const uint8_t *payload = input_bytes(&kernel.input, wanted, &length);
    if (sizeof(header) + length + 4 > room)
        return 0;
    header.nlmsg_type = type < sizeof(types) / sizeof(types[0]) ? types[type] : kernel.expected;
    header.nlmsg_flags = (uint16_t)(NLM_F_MULTI | ((flags & 2u) != 0 ? NLM_F_DUMP_INTR : 0) |
                                    ((flags & 4u) != 0 ? NLM_F_CAPPED | NLM_F_ACK_TLVS : 0));
    header.nlmsg_pid = kernel.port_id + ((flags & 8u) != 0);
    header.nlmsg_seq += (flags & 16u) != 0;
    header.nlmsg_len = (uint32_t)(sizeof(header) + length) + ((flags & 32u) != 0 ? type : 0);
    memcpy(to, &header, sizeof(header));
    if (length > 0)
        memcpy(to + sizeof(header), payload, length);
    return (sizeof(header) + length + 3) & ~(size_t)3;
}

/* What ends any exchange well. */
static size_t end_message(uint8_t *to)
{
    bool dump = (kernel.request.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
    int32_t code = 0;
    struct nlmsghdr header = kernel.request;
    header.nlmsg_type = dump ? NLMSG_DONE : NLMSG_ERROR;
    header.nlmsg_flags = 0;
    header.nlmsg_pid = kernel.port_id;
    header.nlmsg_len = (uint32_t)(sizeof(header) + sizeof(code) + (dump ? 0 : sizeof(header)));
    memcpy(to, &header, sizeof(header));
    memcpy(to + sizeof(header), &code, sizeof(code));
    memcpy(to + sizeof(header) + sizeof(code), &kernel.request, sizeof(kernel.request));
    return header.nlmsg_len;
}

#pragma GCC visibility push(default)

ssize_t sendto(int fd, const void *bytes, size_t length, int flags, __CONST_SOCKADDR_ARG to,
               socklen_t to_size)
{
    struct sockaddr_nl own = {0};
    socklen_t size = sizeof(own);
    (void)flags;
    (void)to;
    (void)to_size;
    FUZZ_CHECK(getsockname(fd, (struct sockaddr *)&own, &size) == 0);
    FUZZ_CHECK(length >= sizeof(kernel.request));
    memcpy(&kernel.request, bytes, sizeof(kernel.request));
    kernel.port_id = own.nl_pid;
    kernel.ended = false;
    return (ssize_t)length;
}

ssize_t recvmsg(int fd, struct msghdr *header, int flags)
{
    struct sockaddr_nl sender = {.nl_family = AF_NETLINK};
    uint8_t *to = header->msg_iov[0].iov_base;
    size_t room = header->msg_iov[0].iov_len;
    size_t length = 0;
    (void)fd;
    (void)flags;
    if (kernel.ended) {
        errno = ENOBUFS;
        return -1;
    }
    while (kernel.input.left > 0 && kernel.messages < MESSAGES_MAX && length < room / 2) {
        size_t step = next_message(to + length, room - length);
        kernel.messages++;
        length += step;
        if (step == 0 || (input_byte(&kernel.input) & 1u) == 0)
            break;
    }
    if (length == 0) {
        length = end_message(to);
        kernel.ended = true;
    }
    memcpy(header->msg_name, &sender, sizeof(sender));
    header->msg_namelen = sizeof(sender);
    header->msg_flags = 0;
    return (ssize_t)length;
}

#pragma GCC visibility pop

static void read_device(struct netlink *netlink, struct subwg_error *error)
{
    struct wg_device device = {0};
    (void)wg_get_device(netlink, DEVICE, NULL, &device, error);
    wg_device_finish(&device);
}

static void read_link(struct netlink *netlink, bool by_name, struct subwg_error *error)
{
    struct link_info link;
    int32_t code = by_name ? link_find(netlink, "subwg0", &link, error)
                           : link_by_index(netlink, DEVICE, &link, error);
    if (code != 0)
        return;
    FUZZ_CHECK(strnlen(link.name, sizeof(link.name)) < sizeof(link.name));
    FUZZ_CHECK(strnlen(link.kind, sizeof(link.kind)) < sizeof(link.kind));
    FUZZ_CHECK(strnlen(link.alias, sizeof(link.alias)) < sizeof(link.alias));
}

static void check_family(uint8_t family, uint8_t length)
{
    FUZZ_CHECK(family == FAMILY_IPV4 || family == FAMILY_IPV6);
    FUZZ_CHECK(length <= family);
}

static void read_addresses(struct netlink *netlink, struct subwg_error *error)
{
    struct interface_address *addresses = NULL;
    uint32_t count = 0;
    if (address_list(netlink, &addresses, &count, error) == 0)
        for (uint32_t i = 0; i < count; i++)
            check_family(addresses[i].prefix.family, addresses[i].prefix.length);
    free(addresses);
}

static void read_routes(struct netlink *netlink, struct subwg_error *error)
{
    struct route *routes = NULL;
    uint32_t count = 0;
    if (route_list(netlink, 220, 0, &routes, &count, error) == 0)
        for (uint32_t i = 0; i < count; i++)
            check_family(routes[i].destination.family, routes[i].destination.length);
    free(routes);
}

static void look_up(struct netlink *netlink, struct subwg_error *error)
{
    struct address address;
    struct route_lookup lookup;
    FUZZ_CHECK(address_parse("192.0.2.7", &address) == ADDRESS_OK);
    (void)route_lookup(netlink, &address, 1, &lookup, error);
}

static void read_rules(struct netlink *netlink, struct subwg_error *error)
{
    struct rule *rules = NULL;
    uint32_t count = 0;
    (void)rule_list(netlink, &rules, &count, error);
    free(rules);
}

static void change_routes(struct netlink *netlink, struct subwg_error *error)
{
    struct route_change changes[3] = {
        {.route = {.table = 220, .ifindex = DEVICE, .protocol = 158}}};
    int32_t results[3];
    FUZZ_CHECK(prefix_parse("10.0.0.0/8", &changes[0].route.destination) == ADDRESS_OK);
    changes[1] = changes[0];
    changes[2] = changes[0];
    changes[2].remove = true;
    (void)route_apply(netlink, changes, 3, results, error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t expected[] = {GENL_ID_CTRL, RTM_NEWLINK,  RTM_NEWLINK, RTM_NEWADDR,
                                        RTM_NEWROUTE, RTM_NEWROUTE, RTM_NEWRULE, NLMSG_ERROR};
    struct netlink *netlink = NULL;
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct input input = input_over(data, size);
    uint32_t operation = input_below(&input, 8);
    memset(&kernel, 0, sizeof(kernel));
    kernel.input = input;
    kernel.expected = expected[operation];
    FUZZ_CHECK(netlink_open(100, &netlink, &error) == 0);
    if (operation == 0)
        read_device(netlink, &error);
    else if (operation < 3)
        read_link(netlink, operation == 1, &error);
    else if (operation == 3)
        read_addresses(netlink, &error);
    else if (operation == 4)
        read_routes(netlink, &error);
    else if (operation == 5)
        look_up(netlink, &error);
    else if (operation == 6)
        read_rules(netlink, &error);
    else
        change_routes(netlink, &error);
    FUZZ_CHECK(text_is_clean(error.text, strlen(error.text), false));
    netlink_close(netlink);
    return 0;
}
