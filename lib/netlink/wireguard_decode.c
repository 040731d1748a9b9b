/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink/wireguard_decode.h"

#include <errno.h>
#include <linux/wireguard.h>
#include <netinet/in.h>
#include <string.h>

#include "base/array.h"
#include "netlink/attribute.h"
#include "netlink/family.h"

#define NS_A_S 1000000000

void wireguard_decode_start(struct wireguard_decoder *decoder, struct wg_device *device,
                            const struct key *expected_preshared_key)
{
    *device = (struct wg_device){.peers = device->peers,
                                 .allowed_ips = device->allowed_ips,
                                 .peer_capacity = device->peer_capacity,
                                 .allowed_ip_capacity = device->allowed_ip_capacity};
    *decoder = (struct wireguard_decoder){.device = device,
                                          .expected_preshared_key = expected_preshared_key};
}

/* Allowed IPs. */

static bool decode_allowed_ip_attribute(const struct attribute *attribute, uint16_t *family,
                                        struct attribute *address, uint8_t *length)
{
    switch (attribute->type) {
    case WGALLOWEDIP_A_FAMILY:
        return attribute_copy(attribute, family, sizeof(*family));
    case WGALLOWEDIP_A_IPADDR:
        *address = *attribute;
        return true;
    case WGALLOWEDIP_A_CIDR_MASK:
        return attribute_copy(attribute, length, sizeof(*length));
    default:
        return true;
    }
}

/* One allowed IP. Its attributes come in any order, so the family is judged at the end. */
static int32_t decode_allowed_ip(struct attributes attributes, struct prefix *ret_prefix)
{
    uint16_t family = AF_UNSPEC;
    uint8_t length = UINT8_MAX;
    struct attribute attribute;
    struct attribute address = {.value = attributes.next}; /* of no length, until found */
    int32_t code;
    while ((code = attribute_next(&attributes, &attribute)) > 0)
        if (!decode_allowed_ip_attribute(&attribute, &family, &address, &length))
            return -EBADMSG;
    if (code < 0)
        return code;
    if (family != AF_INET && family != AF_INET6)
        return -EBADMSG;
    *ret_prefix =
        (struct prefix){.family = family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6, .length = length};
    if (length > ret_prefix->family ||
        !attribute_copy(&address, ret_prefix->bytes, ret_prefix->family / 8u))
        return -EBADMSG;
    return 0;
}

/* Appends a peer's allowed IPs to the flat array. */
static int32_t decode_allowed_ips(struct wg_device *device, struct attributes list)
{
    struct attribute element;
    int32_t code;
    while ((code = attribute_next(&list, &element)) > 0) {
        struct prefix *grown = array_grow(device->allowed_ips, &device->allowed_ip_capacity,
                                          device->allowed_ip_count, sizeof(*grown));
        if (grown == NULL)
            return -ENOMEM;
        device->allowed_ips = grown;
        code = decode_allowed_ip(attributes_nested(&element), &grown[device->allowed_ip_count]);
        if (code < 0)
            return code;
        device->allowed_ip_count++;
    }
    return code;
}

/* Peers. */

static bool decode_endpoint(const struct attribute *attribute, struct socket_address *endpoint)
{
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
    if (attribute_copy(attribute, &ipv4, sizeof(ipv4)) && ipv4.sin_family == AF_INET) {
        endpoint->address.family = FAMILY_IPV4;
        memcpy(endpoint->address.bytes, &ipv4.sin_addr, sizeof(ipv4.sin_addr));
        endpoint->port = ntohs(ipv4.sin_port);
        return true;
    }
    if (attribute_copy(attribute, &ipv6, sizeof(ipv6)) && ipv6.sin6_family == AF_INET6) {
        endpoint->address.family = FAMILY_IPV6;
        memcpy(endpoint->address.bytes, &ipv6.sin6_addr, sizeof(ipv6.sin6_addr));
        endpoint->address.scope = ipv6.sin6_scope_id;
        endpoint->port = ntohs(ipv6.sin6_port);
        return true;
    }
    return false;
}

static bool decode_handshake(const struct attribute *attribute, struct wg_peer *peer)
{
    struct {
        uint64_t seconds;
        int64_t nanoseconds;
    } time;
    if (!attribute_copy(attribute, &time, sizeof(time)) || time.nanoseconds < 0 ||
        time.nanoseconds >= NS_A_S)
        return false;
    peer->handshake_s = time.seconds;
    peer->handshake_ns = (uint32_t)time.nanoseconds;
    return true;
}

/* 0 if the keys are equal; by words, without a branch on what is in them. (libsodium's own comparisons,
 * by byte, took more time than all else of a peer.) */
static uint64_t key_difference(const uint8_t *a, const uint8_t *b)
{
    uint64_t left[KEY_SIZE / sizeof(uint64_t)], right[KEY_SIZE / sizeof(uint64_t)];
    memcpy(left, a, KEY_SIZE);
    memcpy(right, b, KEY_SIZE);
    return (left[0] ^ right[0]) | (left[1] ^ right[1]) | (left[2] ^ right[2]) |
           (left[3] ^ right[3]);
}

/* Says how the preshared key compares, and lets go of it. */
static bool decode_preshared_key(const struct wireguard_decoder *decoder,
                                 const struct attribute *attribute, struct wg_peer *peer)
{
    static const uint8_t none[KEY_SIZE];
    const struct key *expected = decoder->expected_preshared_key;
    if (attribute->length != KEY_SIZE)
        return false;
    if (key_difference(attribute->value, none) == 0)
        peer->preshared_key = WG_PRESHARED_KEY_NONE;
    else if (expected != NULL && key_difference(attribute->value, expected->bytes) == 0)
        peer->preshared_key = WG_PRESHARED_KEY_EXPECTED;
    else
        peer->preshared_key = WG_PRESHARED_KEY_OTHER;
    return true;
}

/* What one pass over a peer's attributes finds. */
struct found_peer {
    struct wg_peer peer;
    bool has_public_key;
    struct attributes allowed_ips;
};

static bool decode_peer_attribute(const struct wireguard_decoder *decoder,
                                  const struct attribute *attribute, struct found_peer *found)
{
    struct wg_peer *peer = &found->peer;
    switch (attribute->type) {
    case WGPEER_A_PUBLIC_KEY:
        found->has_public_key = true;
        return attribute_copy(attribute, peer->public_key.bytes, KEY_SIZE);
    case WGPEER_A_PRESHARED_KEY:
        return decode_preshared_key(decoder, attribute, peer);
    case WGPEER_A_ENDPOINT:
        return decode_endpoint(attribute, &peer->endpoint);
    case WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL:
        return attribute_copy(attribute, &peer->keepalive_s, sizeof(peer->keepalive_s));
    case WGPEER_A_LAST_HANDSHAKE_TIME:
        return decode_handshake(attribute, peer);
    case WGPEER_A_RX_BYTES:
        return attribute_copy(attribute, &peer->rx_bytes, sizeof(peer->rx_bytes));
    case WGPEER_A_TX_BYTES:
        return attribute_copy(attribute, &peer->tx_bytes, sizeof(peer->tx_bytes));
    case WGPEER_A_PROTOCOL_VERSION:
        return attribute->length == sizeof(uint32_t);
    case WGPEER_A_ALLOWEDIPS:
        found->allowed_ips = attributes_nested(attribute);
        return true;
    default:
        return true;
    }
}

/* True if this part continues the peer that the dump wrote last. */
static bool continues_last(const struct wg_device *device, const struct key *public_key)
{
    return device->peer_count > 0 &&
           memcmp(&device->peers[device->peer_count - 1].public_key, public_key, KEY_SIZE) == 0;
}

static int32_t append_peer(struct wg_device *device, const struct wg_peer *peer)
{
    struct wg_peer *grown =
        array_grow(device->peers, &device->peer_capacity, device->peer_count, sizeof(*grown));
    if (grown == NULL)
        return -ENOMEM;
    device->peers = grown;
    struct wg_peer *appended = &device->peers[device->peer_count++];
    *appended = *peer;
    appended->allowed_ip_first = device->allowed_ip_count;
    return 0;
}

static int32_t decode_peer(const struct wireguard_decoder *decoder, struct attributes attributes)
{
    struct wg_device *device = decoder->device;
    struct found_peer found = {0};
    struct attribute attribute;
    int32_t code;
    while ((code = attribute_next(&attributes, &attribute)) > 0)
        if (!decode_peer_attribute(decoder, &attribute, &found))
            return -EBADMSG;
    if (code < 0)
        return code;
    if (!found.has_public_key)
        return -EBADMSG;
    if (!continues_last(device, &found.peer.public_key)) {
        code = append_peer(device, &found.peer);
        if (code < 0)
            return code;
    }
    code = decode_allowed_ips(device, found.allowed_ips);
    struct wg_peer *last = &device->peers[device->peer_count - 1];
    last->allowed_ip_count = device->allowed_ip_count - last->allowed_ip_first;
    return code;
}

static int32_t decode_peers(const struct wireguard_decoder *decoder, struct attributes list)
{
    struct attribute element;
    int32_t code;
    while ((code = attribute_next(&list, &element)) > 0) {
        code = decode_peer(decoder, attributes_nested(&element));
        if (code < 0)
            return code;
    }
    return code;
}

/* The device. */

static bool decode_device_attribute(struct wg_device *device, const struct attribute *attribute)
{
    switch (attribute->type) {
    case WGDEVICE_A_IFINDEX:
        return attribute_copy(attribute, &device->ifindex, sizeof(device->ifindex));
    case WGDEVICE_A_IFNAME:
        return attribute->length > 0 && attribute->length <= LINK_NAME_SIZE;
    case WGDEVICE_A_PRIVATE_KEY:
        device->has_private_key = true;
        return attribute->length == KEY_SIZE;
    case WGDEVICE_A_PUBLIC_KEY:
        return attribute_copy(attribute, device->public_key.bytes, KEY_SIZE);
    case WGDEVICE_A_LISTEN_PORT:
        return attribute_copy(attribute, &device->listen_port, sizeof(device->listen_port));
    case WGDEVICE_A_FWMARK:
        return attribute_copy(attribute, &device->mark, sizeof(device->mark));
    default:
        return true;
    }
}

int32_t wireguard_decode(struct wireguard_decoder *decoder, struct attributes attributes)
{
    struct attribute attribute;
    int32_t code;
    while ((code = attribute_next(&attributes, &attribute)) > 0) {
        if (attribute.type == WGDEVICE_A_PEERS)
            code = decode_peers(decoder, attributes_nested(&attribute));
        else
            code = decode_device_attribute(decoder->device, &attribute) ? 0 : -EBADMSG;
        if (code < 0)
            return code;
    }
    return code;
}
