/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel itself costs: the bare messages on open sockets, replies received and not looked at
 * beyond what ends the exchange. It shares nothing with the library. Obeys the lines of serve.h:
 *
 *   dump DEVICE                              receive a whole dump; tells messages and bytes
 *   add DEVICE FIRST COUNT TABLE PROTOCOL    remotes: peers, then their routes (TABLE 0: none)
 *   remove DEVICE FIRST COUNT TABLE PROTOCOL the reverse
 *   delete DEVICE                            the link
 *   lock DEVICE                              unrelated rtnetlink requests until there is input; the
 *                                            longest and how many
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/rtnetlink.h>
#include <linux/wireguard.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cast.h"
#include "serve.h"

#define RECEIVE_BYTES      32768u
#define SEND_BYTES         65536u
#define PEERS_A_MESSAGE    64u
#define REMOVALS_A_MESSAGE 190u
#define ROUTES_A_BATCH     64u
#define LOCK_PAUSE_NS      1000000

static struct mnl_socket *wireguard;
static struct mnl_socket *route;
static uint16_t family;
static uint32_t sequence;
static uint8_t request[SEND_BYTES] __attribute__((aligned(8)));
static uint8_t reply[RECEIVE_BYTES] __attribute__((aligned(8)));

static struct mnl_socket *open_socket(int bus)
{
    const int on = 1;
    struct mnl_socket *opened = mnl_socket_open(bus);
    if (opened == NULL || mnl_socket_bind(opened, 0, MNL_SOCKET_AUTOPID) != 0) {
        perror("limit: netlink socket");
        exit(1);
    }
    (void)mnl_socket_setsockopt(opened, NETLINK_CAP_ACK, (void *)(uintptr_t)&on, sizeof(on));
    return opened;
}

/* 1: the exchange goes on, 0: it ended, -1: it failed. */
static int look(struct order *order, size_t received)
{
    const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)reply;
    int length = (int)received;
    for (; mnl_nlmsg_ok(message, length); message = mnl_nlmsg_next(message, &length)) {
        const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);
        if (message->nlmsg_type == NLMSG_DONE)
            return 0;
        if (message->nlmsg_type == NLMSG_ERROR && error->error != 0)
            return serve_fail(order, "kernel: %s", strerror(-error->error));
        if (message->nlmsg_type == NLMSG_ERROR)
            return 0;
    }
    return 1;
}

/* Sends what lies in the buffer and waits for the one acknowledgement or the end of the dump. */
static int exchange(struct order *order, struct mnl_socket *bus, size_t length)
{
    int state = mnl_socket_sendto(bus, request, length) < 0 ? -1 : 1;
    order->numbers[0] = order->numbers[1] = 0;
    while (state == 1) {
        ssize_t received = mnl_socket_recvfrom(bus, reply, sizeof(reply));
        if (received < 0)
            return serve_fail(order, "receive: %s", strerror(errno));
        order->numbers[0]++;
        order->numbers[1] += (uint64_t)received;
        state = look(order, (size_t)received);
    }
    return state;
}

static struct nlmsghdr *begin_wireguard(uint8_t command, uint16_t flags, uint32_t ifindex)
{
    struct nlmsghdr *message = mnl_nlmsg_put_header(request);
    message->nlmsg_type = family;
    message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    message->nlmsg_seq = ++sequence;
    struct genlmsghdr *generic = mnl_nlmsg_put_extra_header(message, sizeof(*generic));
    generic->cmd = command;
    generic->version = WG_GENL_VERSION;
    mnl_attr_put_u32(message, WGDEVICE_A_IFINDEX, ifindex);
    return message;
}

static void put_peer(struct nlmsghdr *message, const struct cast *remote)
{
    const struct sockaddr_in endpoint = {.sin_family = AF_INET,
                                         .sin_port = htons(CAST_PORT),
                                         .sin_addr.s_addr = htonl(remote->address)};
    mnl_attr_put(message, WGPEER_A_ENDPOINT, sizeof(endpoint), &endpoint);
    struct nlattr *allowed = mnl_attr_nest_start(message, WGPEER_A_ALLOWEDIPS);
    for (uint32_t i = 0; i < CAST_PREFIXES; i++) {
        struct nlattr *nest = mnl_attr_nest_start(message, 0);
        const uint32_t prefix = htonl(remote->prefixes[i]);
        mnl_attr_put_u16(message, WGALLOWEDIP_A_FAMILY, AF_INET);
        mnl_attr_put(message, WGALLOWEDIP_A_IPADDR, sizeof(prefix), &prefix);
        mnl_attr_put_u8(message, WGALLOWEDIP_A_CIDR_MASK, CAST_PREFIX_BITS);
        mnl_attr_nest_end(message, nest);
    }
    mnl_attr_nest_end(message, allowed);
}

/* One message; only the last of a list asks for an acknowledgement, errors come in any case. */
static int send_peers(struct order *order, uint32_t ifindex, uint32_t first, uint32_t count,
                      bool removal, bool last)
{
    struct nlmsghdr *message = begin_wireguard(WG_CMD_SET_DEVICE, last ? NLM_F_ACK : 0, ifindex);
    struct nlattr *peers = mnl_attr_nest_start(message, WGDEVICE_A_PEERS);
    for (uint32_t i = 0; i < count; i++) {
        struct cast remote = cast_remote(first + i);
        struct nlattr *peer = mnl_attr_nest_start(message, 0);
        mnl_attr_put(message, WGPEER_A_PUBLIC_KEY, CAST_KEY_SIZE, remote.key);
        if (removal)
            mnl_attr_put_u32(message, WGPEER_A_FLAGS, WGPEER_F_REMOVE_ME);
        else
            put_peer(message, &remote);
        mnl_attr_nest_end(message, peer);
    }
    mnl_attr_nest_end(message, peers);
    if (last)
        return exchange(order, wireguard, message->nlmsg_len);
    return mnl_socket_sendto(wireguard, request, message->nlmsg_len) < 0
               ? serve_fail(order, "send: %s", strerror(errno))
               : 0;
}

static int all_peers(struct order *order, uint32_t ifindex, uint32_t first, uint32_t count,
                     bool removal)
{
    const uint32_t most = removal ? REMOVALS_A_MESSAGE : PEERS_A_MESSAGE;
    int status = 0;
    for (uint32_t done = 0; done < count && status == 0;) {
        uint32_t some = count - done < most ? count - done : most;
        status = send_peers(order, ifindex, first + done, some, removal, done + some == count);
        done += some;
    }
    return status;
}

struct routing {
    uint32_t ifindex;
    uint32_t table;
    uint8_t protocol;
};

static size_t put_route(size_t offset, const struct routing *routing, uint32_t prefix, bool removal,
                        bool last)
{
    struct nlmsghdr *message = mnl_nlmsg_put_header(request + offset);
    message->nlmsg_type = removal ? RTM_DELROUTE : RTM_NEWROUTE;
    message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | (removal ? 0 : NLM_F_CREATE | NLM_F_EXCL) |
                                      (last ? NLM_F_ACK : 0));
    message->nlmsg_seq = ++sequence;
    struct rtmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
    header->rtm_family = AF_INET;
    header->rtm_dst_len = CAST_PREFIX_BITS;
    header->rtm_table = RT_TABLE_UNSPEC;
    header->rtm_protocol = routing->protocol;
    header->rtm_scope = RT_SCOPE_LINK;
    header->rtm_type = RTN_UNICAST;
    mnl_attr_put_u32(message, RTA_DST, htonl(prefix));
    mnl_attr_put_u32(message, RTA_OIF, routing->ifindex);
    mnl_attr_put_u32(message, RTA_TABLE, routing->table);
    return offset + message->nlmsg_len;
}

static int all_routes(struct order *order, const struct routing *routing, uint32_t first,
                      uint32_t count, bool removal)
{
    const uint32_t total = count * CAST_PREFIXES;
    int status = 0;
    for (uint32_t done = 0; done < total && status == 0;) {
        size_t length = 0;
        uint32_t end = total - done < ROUTES_A_BATCH ? total : done + ROUTES_A_BATCH;
        for (; done < end; done++) {
            struct cast remote = cast_remote(first + done / CAST_PREFIXES);
            length = put_route(length, routing, remote.prefixes[done % CAST_PREFIXES], removal,
                               done + 1 == end);
        }
        status = exchange(order, route, length);
    }
    return status;
}

static int change(struct order *order, bool removal)
{
    const struct routing routing = {.ifindex = if_nametoindex(order->arguments[0]),
                                    .table = serve_number(order, 3),
                                    .protocol = (uint8_t)serve_number(order, 4)};
    const uint32_t first = serve_number(order, 1);
    const uint32_t count = serve_number(order, 2);
    if (routing.ifindex == 0 || count == 0)
        return serve_fail(order, "no device %s, or nothing to do", order->arguments[0]);
    uint64_t begin_ns = serve_now_ns();
    int status = all_peers(order, routing.ifindex, first, count, removal);
    if (status == 0 && routing.table != 0)
        status = all_routes(order, &routing, first, count, removal);
    order->ns = serve_now_ns() - begin_ns;
    return status;
}

static int add(struct order *order)
{
    return change(order, false);
}

static int remove_all(struct order *order)
{
    return change(order, true);
}

static int dump(struct order *order)
{
    const uint32_t ifindex = if_nametoindex(order->arguments[0]);
    uint64_t begin_ns = serve_now_ns();
    const struct nlmsghdr *message = begin_wireguard(WG_CMD_GET_DEVICE, NLM_F_DUMP, ifindex);
    int status = exchange(order, wireguard, message->nlmsg_len);
    order->ns = serve_now_ns() - begin_ns;
    order->number_count = 2;
    return status;
}

static int ask_about_link(struct order *order, uint16_t type, uint32_t ifindex)
{
    struct nlmsghdr *message = mnl_nlmsg_put_header(request);
    message->nlmsg_type = type;
    message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    message->nlmsg_seq = ++sequence;
    struct ifinfomsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
    header->ifi_family = AF_UNSPEC;
    header->ifi_index = (int)ifindex;
    return exchange(order, route, message->nlmsg_len);
}

static int delete_link(struct order *order)
{
    const uint32_t ifindex = if_nametoindex(order->arguments[0]);
    uint64_t begin_ns = serve_now_ns();
    int status = ask_about_link(order, RTM_DELLINK, ifindex);
    order->ns = serve_now_ns() - begin_ns;
    order->number_count = 0;
    return status;
}

/* A request that changes nothing of the link takes the lock that all requests about links share. A wait
 * begins when the request is due: on one processor it cannot even be sent while the kernel lets nobody in. */
static int lock(struct order *order)
{
    const uint32_t ifindex = if_nametoindex(order->arguments[0]);
    const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    uint64_t due_ns = serve_now_ns();
    uint64_t longest_ns = 0;
    uint64_t count = 0;
    int status = 0;
    while (status == 0 && poll(&input, 1, 0) == 0) {
        status = ask_about_link(order, RTM_SETLINK, ifindex);
        uint64_t end_ns = serve_now_ns();
        longest_ns = end_ns > due_ns + longest_ns ? end_ns - due_ns : longest_ns;
        count++;
        due_ns = end_ns + LOCK_PAUSE_NS;
        (void)nanosleep(&pause, NULL);
    }
    order->ns = longest_ns;
    order->numbers[0] = count;
    order->number_count = 1;
    return status;
}

static int take_family(const struct nlattr *attribute, void *context)
{
    (void)context;
    if (mnl_attr_get_type(attribute) == CTRL_ATTR_FAMILY_ID)
        family = mnl_attr_get_u16(attribute);
    return MNL_CB_OK;
}

static void resolve_family(void)
{
    struct nlmsghdr *message = mnl_nlmsg_put_header(request);
    message->nlmsg_type = GENL_ID_CTRL;
    message->nlmsg_flags = NLM_F_REQUEST;
    message->nlmsg_seq = ++sequence;
    struct genlmsghdr *generic = mnl_nlmsg_put_extra_header(message, sizeof(*generic));
    generic->cmd = CTRL_CMD_GETFAMILY;
    generic->version = 1;
    mnl_attr_put_strz(message, CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME);
    if (mnl_socket_sendto(wireguard, request, message->nlmsg_len) >= 0 &&
        mnl_socket_recvfrom(wireguard, reply, sizeof(reply)) > 0) {
        const struct nlmsghdr *answer = (const struct nlmsghdr *)(const void *)reply;
        if (answer->nlmsg_type == GENL_ID_CTRL)
            (void)mnl_attr_parse(answer, sizeof(*generic), take_family, NULL);
    }
    if (family == 0) {
        (void)fputs("limit: the kernel has no WireGuard\n", stderr);
        exit(1);
    }
}

int main(void)
{
    static const struct verb verbs[] = {{"dump", dump},         {"add", add},
                                        {"remove", remove_all}, {"delete", delete_link},
                                        {"lock", lock},         {NULL, NULL}};
    wireguard = open_socket(NETLINK_GENERIC);
    route = open_socket(NETLINK_ROUTE);
    resolve_family();
    int status = serve(verbs);
    (void)mnl_socket_close(wireguard);
    (void)mnl_socket_close(route);
    return status;
}
