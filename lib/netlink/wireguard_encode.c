/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink/wireguard_encode.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <netinet/in.h>
#include <string.h>

#include "base/limits.h"
#include "netlink/family.h"

/* An element nest, its public key and its flags. */
#define PLAIN_REMOVAL_BYTES 48u

/* A message under construction. An attribute that does not fit is not written at all. */
struct message {
    struct nlmsghdr *header;
    size_t size;
};

static struct message message_start(void *buffer, size_t size, uint16_t family, uint8_t command)
{
    struct message message = {.header = mnl_nlmsg_put_header(buffer), .size = size};
    message.header->nlmsg_type = family;
    struct genlmsghdr *generic =
        mnl_nlmsg_put_extra_header(message.header, sizeof(struct genlmsghdr));
    generic->cmd = command;
    generic->version = WG_GENL_VERSION;
    return message;
}

/* libmnl leaves the padding as it finds it; here it is zero, so that no old byte goes out with it. */
static bool put(const struct message *message, uint16_t type, const void *value, size_t length)
{
    if (!mnl_attr_put_check(message->header, message->size, type, length, value))
        return false;
    size_t padding = (MNL_ALIGNTO - length % MNL_ALIGNTO) % MNL_ALIGNTO;
    memset((uint8_t *)mnl_nlmsg_get_payload_tail(message->header) - padding, 0, padding);
    return true;
}

static bool put_u16(const struct message *message, uint16_t type, uint16_t value)
{
    return put(message, type, &value, sizeof(value));
}

static bool put_u32(const struct message *message, uint16_t type, uint32_t value)
{
    return put(message, type, &value, sizeof(value));
}

void wireguard_encode_get(void *buffer, uint16_t family, uint32_t ifindex)
{
    struct message message = message_start(buffer, LIMIT_MESSAGE_BYTES, family, WG_CMD_GET_DEVICE);
    message.header->nlmsg_flags = NLM_F_DUMP;
    (void)put_u32(&message, WGDEVICE_A_IFINDEX, ifindex);
}

/* What the kernel would refuse half way. */

static bool prefix_valid(const struct prefix *prefix)
{
    if ((prefix->family != FAMILY_IPV4 && prefix->family != FAMILY_IPV6) ||
        prefix->length > prefix->family)
        return false;
    struct prefix masked = prefix_masked(prefix);
    return prefix_equal(prefix, &masked);
}

static bool is_plain_removal(const struct wg_peer_change *peer)
{
    return (peer->flags & WG_PEER_REMOVE) && peer->preshared_key == NULL &&
           peer->endpoint.address.family == FAMILY_NONE && !peer->set_keepalive &&
           peer->allowed_ip_count == 0;
}

static bool peer_valid(const struct wg_peer_change *peer)
{
    uint8_t family = peer->endpoint.address.family;
    if (family != FAMILY_NONE && family != FAMILY_IPV4 && family != FAMILY_IPV6)
        return false;
    if (peer->flags & ~(WG_PEER_REMOVE | WG_PEER_UPDATE_ONLY))
        return false;
    if ((peer->flags & WG_PEER_REMOVE) && !is_plain_removal(peer))
        return false;
    for (uint32_t i = 0; i < peer->allowed_ip_count; i++)
        if (!prefix_valid(&peer->allowed_ips[i]))
            return false;
    return true;
}

int32_t wireguard_encode_start(struct wireguard_cursor *cursor, uint32_t ifindex,
                               const struct wg_device_change *change)
{
    for (uint32_t i = 0; i < change->peer_count; i++)
        if (!peer_valid(&change->peers[i]))
            return -EINVAL;
    *cursor = (struct wireguard_cursor){.change = change, .ifindex = ifindex};
    return 0;
}

/* Peers. */

static bool put_endpoint(const struct message *message, const struct socket_address *endpoint)
{
    const struct address *address = &endpoint->address;
    if (address->family == FAMILY_NONE)
        return true;
    if (address->family == FAMILY_IPV4) {
        struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_port = htons(endpoint->port)};
        memcpy(&ipv4.sin_addr, address->bytes, sizeof(ipv4.sin_addr));
        return put(message, WGPEER_A_ENDPOINT, &ipv4, sizeof(ipv4));
    }
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6,
                                .sin6_port = htons(endpoint->port),
                                .sin6_scope_id = address->scope};
    memcpy(&ipv6.sin6_addr, address->bytes, sizeof(ipv6.sin6_addr));
    return put(message, WGPEER_A_ENDPOINT, &ipv6, sizeof(ipv6));
}

static bool put_allowed_ip(const struct message *message, const struct prefix *prefix)
{
    struct nlattr *nest = mnl_attr_nest_start_check(message->header, message->size, 0);
    if (nest == NULL)
        return false;
    uint16_t family = family_number(prefix->family);
    if (put_u16(message, WGALLOWEDIP_A_FAMILY, family) &&
        put(message, WGALLOWEDIP_A_IPADDR, prefix->bytes, prefix->family / 8u) &&
        put(message, WGALLOWEDIP_A_CIDR_MASK, &prefix->length, sizeof(prefix->length))) {
        mnl_attr_nest_end(message->header, nest);
        return true;
    }
    mnl_attr_nest_cancel(message->header, nest);
    return false;
}

/* Writes allowed IPs from first on and returns how many fitted. */
static uint32_t put_allowed_ips(const struct message *message, const struct wg_peer_change *peer,
                                uint32_t first)
{
    if (first == peer->allowed_ip_count)
        return 0;
    struct nlattr *nest =
        mnl_attr_nest_start_check(message->header, message->size, WGPEER_A_ALLOWEDIPS);
    if (nest == NULL)
        return 0;
    uint32_t next = first;
    while (next < peer->allowed_ip_count && put_allowed_ip(message, &peer->allowed_ips[next]))
        next++;
    if (next == first)
        mnl_attr_nest_cancel(message->header, nest);
    else
        mnl_attr_nest_end(message->header, nest);
    return next - first;
}

/* What a peer has beside allowed IPs; it stands in its first part only. A later part updates the peer
 * if it is still there: to make it anew, without its endpoint and preshared key, would be wrong. */
static bool put_peer_head(const struct message *message, const struct wg_peer_change *peer,
                          bool first_part)
{
    uint32_t flags = 0;
    if (peer->flags & WG_PEER_REMOVE)
        flags |= WGPEER_F_REMOVE_ME;
    if ((peer->flags & WG_PEER_UPDATE_ONLY) || !first_part)
        flags |= WGPEER_F_UPDATE_ONLY;
    if (!put(message, WGPEER_A_PUBLIC_KEY, peer->public_key.bytes, KEY_SIZE) ||
        (flags != 0 && !put_u32(message, WGPEER_A_FLAGS, flags)))
        return false;
    if (!first_part)
        return true;
    return (peer->preshared_key == NULL ||
            put(message, WGPEER_A_PRESHARED_KEY, peer->preshared_key->bytes, KEY_SIZE)) &&
           put_endpoint(message, &peer->endpoint) &&
           (!peer->set_keepalive ||
            put_u16(message, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, peer->keepalive_s));
}

/* Writes the peer at the cursor, or the next part of it, and moves the cursor. False: the message is
 * full; what is written of the peer stays valid. */
static bool put_peer(struct wireguard_cursor *cursor, const struct message *message)
{
    const struct wg_peer_change *peer = &cursor->change->peers[cursor->peer];
    bool first_part = cursor->allowed_ip == 0;
    struct nlattr *nest = mnl_attr_nest_start_check(message->header, message->size, 0);
    if (nest == NULL)
        return false;
    if (!put_peer_head(message, peer, first_part)) {
        mnl_attr_nest_cancel(message->header, nest);
        return false;
    }
    uint32_t written = put_allowed_ips(message, peer, cursor->allowed_ip);
    if (written == 0 && peer->allowed_ip_count > 0) {
        /* A part carries at least one allowed IP: so each makes progress, and 0 means "not begun". */
        mnl_attr_nest_cancel(message->header, nest);
        return false;
    }
    mnl_attr_nest_end(message->header, nest);
    cursor->allowed_ip += written;
    if (cursor->allowed_ip < peer->allowed_ip_count)
        return false;
    cursor->peer++;
    cursor->allowed_ip = 0;
    return true;
}

/* True if the peer at index is there only to take allowed IPs away and goes again: the next entry
 * removes it. Both stay in one message (the last, if it has several parts), so that nobody sees it. */
static bool is_passing(const struct wg_device_change *change, uint32_t index)
{
    return index + 1 < change->peer_count && is_plain_removal(&change->peers[index + 1]) &&
           key_equal(&change->peers[index].public_key, &change->peers[index + 1].public_key);
}

/* True if the message has room for the peer at the cursor by number. Plain removals are cheap for the
 * kernel, so more of them may share a message. */
static bool room_for_peer(const struct wireguard_cursor *cursor, uint32_t count, bool removals)
{
    uint32_t needed = is_passing(cursor->change, cursor->peer) ? 2 : 1;
    return count + needed <= (removals ? LIMIT_REMOVALS_A_MESSAGE : LIMIT_PEERS_A_MESSAGE);
}

/* Writes as many peers as fit. */
static bool put_peers(struct wireguard_cursor *cursor, const struct message *message)
{
    const struct wg_device_change *change = cursor->change;
    if (cursor->peer == change->peer_count)
        return true;
    struct nlattr *nest =
        mnl_attr_nest_start_check(message->header, message->size, WGDEVICE_A_PEERS);
    if (nest == NULL)
        return false;
    const struct wireguard_cursor begin = *cursor;
    bool removals = true;
    bool room = true;
    while (room && cursor->peer < change->peer_count) {
        struct message part = *message;
        if (is_passing(change, cursor->peer))
            part.size -= PLAIN_REMOVAL_BYTES;
        removals = removals && is_plain_removal(&change->peers[cursor->peer]);
        room =
            room_for_peer(cursor, cursor->peer - begin.peer, removals) && put_peer(cursor, &part);
    }
    if (cursor->peer == begin.peer && cursor->allowed_ip == begin.allowed_ip) {
        mnl_attr_nest_cancel(message->header, nest);
        return false;
    }
    mnl_attr_nest_end(message->header, nest);
    return true;
}

/* Messages. */

static bool put_device(const struct message *message, const struct wg_device_change *change)
{
    return (change->private_key == NULL ||
            put(message, WGDEVICE_A_PRIVATE_KEY, change->private_key->bytes, KEY_SIZE)) &&
           (!change->set_listen_port ||
            put_u16(message, WGDEVICE_A_LISTEN_PORT, change->listen_port)) &&
           (!change->set_mark || put_u32(message, WGDEVICE_A_FWMARK, change->mark));
}

int32_t wireguard_encode_next(struct wireguard_cursor *cursor, void *buffer, size_t size,
                              uint16_t family)
{
    bool first = cursor->messages == 0;
    if (!first && cursor->peer == cursor->change->peer_count)
        return 0;
    if (size < WIREGUARD_LEAST_MESSAGE_BYTES)
        return -EMSGSIZE;
    struct message message = message_start(
        buffer, size < LIMIT_MESSAGE_BYTES ? size : LIMIT_MESSAGE_BYTES, family, WG_CMD_SET_DEVICE);
    if (!put_u32(&message, WGDEVICE_A_IFINDEX, cursor->ifindex) ||
        (first && !put_device(&message, cursor->change)) || !put_peers(cursor, &message))
        return -EMSGSIZE;
    cursor->messages++;
    return 1;
}
