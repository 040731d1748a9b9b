/* SPDX-License-Identifier: Apache-2.0 */
/* UDP sockets of the model: what is sent through a WireGuard device goes to the peer that has the
 * destination, and no further. Nothing ever arrives. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "real.h"
#include "world.h"

#define TUNNEL_BYTES 64u /* an empty datagram in the tunnel */

static char last_sent[2 * FAKE_PREFIX_TEXT + 48];

int fake_datagram_open(int family, int type)
{
    struct fake_socket *socket;
    int fd;

    if (family == AF_INET6 && !fake_world.ipv6)
        return -EAFNOSUPPORT;
    fd = fake_socket_open(NETLINK_ROUTE, type);
    socket = fake_socket_find(fd);
    if (socket != NULL)
        socket->family = family;
    return fd;
}

/* By the ancillary data that name it, and the source. */
static uint32_t device_of(const struct msghdr *message, struct fake_prefix *ret_source)
{
    struct msghdr copy = *message;

    for (struct cmsghdr *head = CMSG_FIRSTHDR(&copy); head != NULL;
         head = CMSG_NXTHDR(&copy, head)) {
        struct in_pktinfo v4;
        struct in6_pktinfo v6;

        if (head->cmsg_level == IPPROTO_IP && head->cmsg_type == IP_PKTINFO) {
            memcpy(&v4, CMSG_DATA(head), sizeof(v4));
            *ret_source = fake_prefix_from(AF_INET, &v4.ipi_spec_dst, 32);
            return (uint32_t)v4.ipi_ifindex;
        }
        if (head->cmsg_level == IPPROTO_IPV6 && head->cmsg_type == IPV6_PKTINFO) {
            memcpy(&v6, CMSG_DATA(head), sizeof(v6));
            *ret_source = fake_prefix_from(AF_INET6, &v6.ipi6_addr, 128);
            return v6.ipi6_ifindex;
        }
    }
    return 0;
}

static struct fake_prefix destination_of(const struct msghdr *message, uint16_t *ret_port)
{
    struct sockaddr_in6 v6 = {0};
    struct sockaddr_in v4 = {0};

    memcpy(&v6, message->msg_name,
           message->msg_namelen < sizeof(v6) ? message->msg_namelen : sizeof(v6));
    memcpy(&v4, &v6, sizeof(v4));
    *ret_port = ntohs(v4.sin_port);
    return v4.sin_family == AF_INET ? fake_prefix_from(AF_INET, &v4.sin_addr, 32)
                                    : fake_prefix_from(AF_INET6, &v6.sin6_addr, 128);
}

static struct fake_peer *owner_of(struct fake_device *device, const struct fake_prefix *address)
{
    struct fake_peer *peer, *owner = NULL;
    struct fake_allowed_ip *allowed;
    uint8_t longest = 0;

    TAILQ_FOREACH(peer, &device->peers, in_device)
    {
        TAILQ_FOREACH(allowed, &peer->allowed_ips, in_peer)
        {
            if (!fake_prefix_contains(&allowed->prefix, address) ||
                (owner != NULL && allowed->prefix.length <= longest))
                continue;
            owner = peer;
            longest = allowed->prefix.length;
        }
    }
    return owner;
}

int fake_datagram_send(const struct fake_socket *socket, const struct msghdr *message)
{
    uint16_t port;
    struct fake_prefix to = destination_of(message, &port), from = {.family = to.family};
    struct fake_link *link = fake_link_by_index(device_of(message, &from));
    struct fake_peer *peer;
    char text[FAKE_PREFIX_TEXT], source[FAKE_PREFIX_TEXT];

    if (link == NULL || link->device == NULL)
        return -ENODEV;
    if (!link->up)
        return -ENETUNREACH;
    if (to.family == AF_INET6 && !link->ipv6)
        return -EADDRNOTAVAIL;
    peer = owner_of(link->device, &to);
    if (peer == NULL)
        return -ENOKEY;
    if (peer->endpoint.family == AF_UNSPEC)
        return -EDESTADDRREQ;
    peer->tx_bytes += TUNNEL_BYTES;
    peer->datagrams++;
    fake_address_text(&to, text);
    fake_address_text(&from, source);
    (void)snprintf(last_sent, sizeof(last_sent), "%s to %s port %u hops %d", source, text,
                   (unsigned)port, socket->hops);
    return 0;
}

uint64_t fake_kernel_datagrams(const char *device, const uint8_t public_key[32])
{
    const struct fake_peer *peer = NULL;
    const struct fake_link *link;
    uint64_t count;

    fake_lock();
    link = fake_link_by_name(device);
    if (link != NULL && link->device != NULL)
        peer = fake_device_find(link->device, public_key);
    count = peer != NULL ? peer->datagrams : 0;
    fake_unlock();
    return count;
}

const char *fake_kernel_last_datagram(void)
{
    return last_sent;
}
