/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/wireguard.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "live.h"
#include "netlink/attribute.h"

static int tap;

void tap_open(void)
{
    const int size = 64 << 20;
    struct link_info link;
    ck_assert_int_eq(system("ip link add nlmon0 type nlmon && ip link set nlmon0 up"), 0);
    LIVE_ASSERT_DONE(link_find(live.here, "nlmon0", &link, &live.error), live.error);
    const struct sockaddr_ll name = {.sll_family = AF_PACKET,
                                     .sll_protocol = htons(ETH_P_ALL),
                                     .sll_ifindex = (int)link.ifindex};
    tap = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(tap, 0);
    ck_assert_int_eq(setsockopt(tap, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)), 0);
    ck_assert_int_eq(bind(tap, (const struct sockaddr *)&name, sizeof(name)), 0);
}

static bool has_flag(const struct attribute *attribute, uint16_t type, uint32_t flag)
{
    uint32_t flags = 0;
    return attribute->type == type && attribute_copy(attribute, &flags, sizeof(flags)) &&
           (flags & flag) != 0;
}

static void take_peer(const struct attribute *peer, struct tap_requests *requests)
{
    struct attributes attributes = attributes_nested(peer);
    struct attribute attribute;
    struct attribute allowed_ip;
    requests->peers++;
    while (attribute_next(&attributes, &attribute) == 1) {
        requests->peer_attributes |= UINT32_C(1) << (attribute.type & 31u);
        requests->replaced_allowed_ips +=
            has_flag(&attribute, WGPEER_A_FLAGS, WGPEER_F_REPLACE_ALLOWEDIPS);
        if (attribute.type != WGPEER_A_ALLOWEDIPS)
            continue;
        struct attributes list = attributes_nested(&attribute);
        while (attribute_next(&list, &allowed_ip) == 1)
            requests->allowed_ips++;
    }
}

static void take_request(const struct nlmsghdr *message, struct tap_requests *requests)
{
    const struct genlmsghdr *head = (const struct genlmsghdr *)(message + 1);
    struct attributes attributes;
    struct attribute attribute;
    struct attribute peer;
    if (message->nlmsg_type <= GENL_ID_CTRL || (message->nlmsg_flags & NLM_F_REQUEST) == 0 ||
        head->cmd != WG_CMD_SET_DEVICE)
        return;
    requests->changes++;
    ck_assert_int_eq(attributes_of_message(message, sizeof(*head), &attributes), 0);
    while (attribute_next(&attributes, &attribute) == 1) {
        requests->device_attributes |= UINT32_C(1) << (attribute.type & 31u);
        requests->private_keys += attribute.type == WGDEVICE_A_PRIVATE_KEY;
        requests->replaced_peers +=
            has_flag(&attribute, WGDEVICE_A_FLAGS, WGDEVICE_F_REPLACE_PEERS);
        if (attribute.type != WGDEVICE_A_PEERS)
            continue;
        struct attributes peers = attributes_nested(&attribute);
        while (attribute_next(&peers, &peer) == 1)
            take_peer(&peer, requests);
    }
}

static void take_frame(const char *frame, size_t length, struct tap_requests *requests)
{
    const size_t least = sizeof(struct nlmsghdr) + sizeof(struct genlmsghdr);
    while (length >= least) {
        const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)frame;
        size_t step = NLMSG_ALIGN((size_t)message->nlmsg_len);
        if (message->nlmsg_len >= least && message->nlmsg_len <= length)
            take_request(message, requests);
        if (step < least || step > length)
            return;
        frame += step;
        length -= step;
    }
}

struct tap_requests tap_take(void)
{
    static _Alignas(8) char frame[65536];
    struct tap_requests requests = {0};
    struct tpacket_stats statistics = {0};
    socklen_t size = sizeof(statistics);
    for (;;) {
        struct sockaddr_ll from = {0};
        socklen_t from_size = sizeof(from);
        ssize_t length =
            recvfrom(tap, frame, sizeof(frame), MSG_TRUNC, (struct sockaddr *)&from, &from_size);
        if (length < 0)
            break;
        ck_assert_uint_le((size_t)length, sizeof(frame));
        if (ntohs(from.sll_protocol) == NETLINK_GENERIC)
            take_frame(frame, (size_t)length, &requests);
    }
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_int_eq(getsockopt(tap, SOL_PACKET, PACKET_STATISTICS, &statistics, &size), 0);
    ck_assert_uint_eq(statistics.tp_drops, 0);
    return requests;
}
