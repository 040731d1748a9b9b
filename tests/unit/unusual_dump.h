/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same dump as no kernel lays it out: what is decoded at a glance and what is decoded attribute by
 * attribute have to come to the same.
 */
#ifndef UNIT_UNUSUAL_DUMP_H
#define UNIT_UNUSUAL_DUMP_H

#include <linux/wireguard.h>
#include <stdbool.h>
#include <string.h>

#include "netlink/attribute.h"
#include "netlink/netlink.h"

/* At these depths: the device, its list of peers, a peer, its list of allowed IPs, an allowed IP. */
static inline bool dump_nests(unsigned int depth, uint16_t type)
{
    static const uint16_t wanted[] = {WGDEVICE_A_PEERS, 0, WGPEER_A_ALLOWEDIPS, 0};
    return depth < 4 && (wanted[depth] == 0 || wanted[depth] == type);
}

/* Marks every attribute as of network byte order, which none of them is and who reads does not mind. */
static inline void dump_make_unusual(uint8_t *bytes, size_t length, unsigned int depth)
{
    struct attributes attributes = attributes_over(bytes, length);
    struct attribute attribute;
    while (attribute_next(&attributes, &attribute) > 0) {
        uint8_t *value = bytes + (attribute.value - bytes);
        struct nlattr head;
        memcpy(&head, value - sizeof(head), sizeof(head));
        head.nla_type |= NLA_F_NET_BYTEORDER;
        memcpy(value - sizeof(head), &head, sizeof(head));
        if (dump_nests(depth, attribute.type))
            dump_make_unusual(value, attribute.length, depth + 1);
    }
}

static inline bool dump_same_peer(const struct wg_peer *a, const struct wg_peer *b)
{
    return memcmp(&a->public_key, &b->public_key, KEY_SIZE) == 0 &&
           a->endpoint.address.family == b->endpoint.address.family &&
           memcmp(a->endpoint.address.bytes, b->endpoint.address.bytes,
                  sizeof(a->endpoint.address.bytes)) == 0 &&
           a->endpoint.address.scope == b->endpoint.address.scope &&
           a->endpoint.port == b->endpoint.port && a->keepalive_s == b->keepalive_s &&
           a->preshared_key == b->preshared_key && a->handshake_s == b->handshake_s &&
           a->handshake_ns == b->handshake_ns && a->rx_bytes == b->rx_bytes &&
           a->tx_bytes == b->tx_bytes && a->allowed_ip_first == b->allowed_ip_first &&
           a->allowed_ip_count == b->allowed_ip_count;
}

static inline bool dump_same(const struct wg_device *a, const struct wg_device *b)
{
    if (a->ifindex != b->ifindex || a->has_private_key != b->has_private_key ||
        memcmp(&a->public_key, &b->public_key, KEY_SIZE) != 0 || a->listen_port != b->listen_port ||
        a->mark != b->mark || a->peer_count != b->peer_count ||
        a->allowed_ip_count != b->allowed_ip_count)
        return false;
    for (uint32_t i = 0; i < a->peer_count; i++)
        if (!dump_same_peer(&a->peers[i], &b->peers[i]))
            return false;
    return a->allowed_ip_count == 0 || memcmp(a->allowed_ips, b->allowed_ips,
                                              a->allowed_ip_count * sizeof(*a->allowed_ips)) == 0;
}

#endif
