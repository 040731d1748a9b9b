/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink/wireguard_decode.h"

#include <errno.h>
#include <linux/wireguard.h>
#include <netinet/in.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "netlink/attribute.h"
#include "netlink/family.h"

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

/* Where kernels put an allowed IP's attributes, the address at the end. */
enum {
    ALLOWED_IP_AT = 0,
    CIDR_MASK_AT = ALLOWED_IP_AT + ATTRIBUTE_HEAD,
    FAMILY_AT = CIDR_MASK_AT + ATTRIBUTE_ROOM(sizeof(uint8_t)),
    IPADDR_AT = FAMILY_AT + ATTRIBUTE_ROOM(sizeof(uint16_t)),
};

/* An allowed IP of this family that lies as usual; false leaves it to who looks closely. */
static inline bool take_usual_of(struct attributes *list, uint16_t wanted_family, enum family bits,
                                 size_t address_size, struct prefix *ret_prefix)
{
    const uint8_t *bytes = list->next;
    size_t size = IPADDR_AT + ATTRIBUTE_ROOM(address_size);
    uint16_t family;
    if (list->left < size ||
        !attribute_is_at(bytes + ALLOWED_IP_AT, NLA_F_NESTED, size - ATTRIBUTE_HEAD) ||
        !attribute_is_at(bytes + CIDR_MASK_AT, WGALLOWEDIP_A_CIDR_MASK, sizeof(uint8_t)) ||
        !attribute_is_at(bytes + FAMILY_AT, WGALLOWEDIP_A_FAMILY, sizeof(family)) ||
        !attribute_is_at(bytes + IPADDR_AT, WGALLOWEDIP_A_IPADDR, address_size))
        return false;
    uint8_t length = bytes[CIDR_MASK_AT + ATTRIBUTE_HEAD];
    memcpy(&family, bytes + FAMILY_AT + ATTRIBUTE_HEAD, sizeof(family));
    if (family != wanted_family || length > bits)
        return false;
    *ret_prefix = (struct prefix){.family = (uint8_t)bits, .length = length};
    memcpy(ret_prefix->bytes, bytes + IPADDR_AT + ATTRIBUTE_HEAD, address_size);
    *list = attributes_over(bytes + size, list->left - size);
    return true;
}

static inline bool take_usual_allowed_ip(struct attributes *list, struct prefix *ret_prefix)
{
    return take_usual_of(list, AF_INET, FAMILY_IPV4, FAMILY_IPV4 / 8, ret_prefix) ||
           take_usual_of(list, AF_INET6, FAMILY_IPV6, FAMILY_IPV6 / 8, ret_prefix);
}

/* Any other one. Its attributes come in any order, so the family is judged at the end. */
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

/* 1: *ret_prefix is the next one of the list; 0: no more. */
static int32_t next_allowed_ip(struct attributes *list, struct prefix *ret_prefix)
{
    struct attribute element;
    if (take_usual_allowed_ip(list, ret_prefix))
        return 1;
    int32_t code = attribute_next(list, &element);
    if (code > 0 && (code = decode_allowed_ip(attributes_nested(&element), ret_prefix)) == 0)
        return 1;
    return code;
}

/* Appends a peer's allowed IPs to the flat array. */
static int32_t decode_allowed_ips(struct wg_device *device, struct attributes list)
{
    int32_t code = 1;
    while (code > 0 && list.left > 0) {
        struct prefix *grown = array_grow(device->allowed_ips, &device->allowed_ip_capacity,
                                          device->allowed_ip_count, sizeof(*grown));
        if (grown == NULL)
            return -ENOMEM;
        device->allowed_ips = grown;
        code = next_allowed_ip(&list, &grown[device->allowed_ip_count]);
        device->allowed_ip_count += code > 0;
    }
    return code < 0 ? code : 0;
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

struct handshake_time {
    uint64_t seconds;
    int64_t nanoseconds;
};

static bool decode_handshake(const struct attribute *attribute, struct wg_peer *peer)
{
    struct handshake_time time;
    if (!attribute_copy(attribute, &time, sizeof(time)) || time.nanoseconds < 0 ||
        time.nanoseconds >= (int64_t)NS_PER_S)
        return false;
    peer->handshake_s = time.seconds;
    peer->handshake_ns = (uint32_t)time.nanoseconds;
    return true;
}

/* 0 if the keys are equal; by words, without a branch on what is in them. (libsodium's own comparisons,
 * by byte, took more time than all else of a peer.) */
static uint64_t key_difference(const uint8_t *a, const uint8_t *b)
{
    return (key_word(a, 0) ^ key_word(b, 0)) | (key_word(a, 1) ^ key_word(b, 1)) |
           (key_word(a, 2) ^ key_word(b, 2)) | (key_word(a, 3) ^ key_word(b, 3));
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
    struct wg_peer *peer;
    bool has_public_key;
    struct attributes allowed_ips;
};

static bool decode_peer_attribute(const struct wireguard_decoder *decoder,
                                  const struct attribute *attribute, struct found_peer *found)
{
    struct wg_peer *peer = found->peer;
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

/* Where kernels put the attributes that every peer has. Its endpoint and allowed IPs come behind. */
enum {
    PUBLIC_KEY_AT = 0,
    PRESHARED_KEY_AT = PUBLIC_KEY_AT + ATTRIBUTE_ROOM(KEY_SIZE),
    HANDSHAKE_AT = PRESHARED_KEY_AT + ATTRIBUTE_ROOM(KEY_SIZE),
    KEEPALIVE_AT = HANDSHAKE_AT + ATTRIBUTE_ROOM(sizeof(struct handshake_time)),
    TX_BYTES_AT = KEEPALIVE_AT + ATTRIBUTE_ROOM(sizeof(uint16_t)),
    RX_BYTES_AT = TX_BYTES_AT + ATTRIBUTE_ROOM(sizeof(uint64_t)),
    PROTOCOL_VERSION_AT = RX_BYTES_AT + ATTRIBUTE_ROOM(sizeof(uint64_t)),
    USUAL_BEGINNING = PROTOCOL_VERSION_AT + ATTRIBUTE_ROOM(sizeof(uint32_t)),
};

static bool begins_as_usual(const struct attributes *attributes)
{
    const uint8_t *bytes = attributes->next;
    return attributes->left >= USUAL_BEGINNING &&
           attribute_is_at(bytes + PUBLIC_KEY_AT, WGPEER_A_PUBLIC_KEY, KEY_SIZE) &&
           attribute_is_at(bytes + PRESHARED_KEY_AT, WGPEER_A_PRESHARED_KEY, KEY_SIZE) &&
           attribute_is_at(bytes + HANDSHAKE_AT, WGPEER_A_LAST_HANDSHAKE_TIME,
                           sizeof(struct handshake_time)) &&
           attribute_is_at(bytes + KEEPALIVE_AT, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL,
                           sizeof(uint16_t)) &&
           attribute_is_at(bytes + TX_BYTES_AT, WGPEER_A_TX_BYTES, sizeof(uint64_t)) &&
           attribute_is_at(bytes + RX_BYTES_AT, WGPEER_A_RX_BYTES, sizeof(uint64_t)) &&
           attribute_is_at(bytes + PROTOCOL_VERSION_AT, WGPEER_A_PROTOCOL_VERSION,
                           sizeof(uint32_t));
}

/* Takes these attributes at once: to look for them one by one is most of a dump's cost. */
static bool decode_usual_beginning(const struct wireguard_decoder *decoder,
                                   struct attributes *attributes, struct found_peer *found)
{
    const uint8_t *bytes = attributes->next;
    struct wg_peer *peer = found->peer;
    const struct attribute preshared_key = attribute_at(bytes + PRESHARED_KEY_AT, KEY_SIZE);
    const struct attribute handshake =
        attribute_at(bytes + HANDSHAKE_AT, sizeof(struct handshake_time));
    memcpy(&peer->public_key, bytes + PUBLIC_KEY_AT + ATTRIBUTE_HEAD, KEY_SIZE);
    memcpy(&peer->keepalive_s, bytes + KEEPALIVE_AT + ATTRIBUTE_HEAD, sizeof(peer->keepalive_s));
    memcpy(&peer->tx_bytes, bytes + TX_BYTES_AT + ATTRIBUTE_HEAD, sizeof(peer->tx_bytes));
    memcpy(&peer->rx_bytes, bytes + RX_BYTES_AT + ATTRIBUTE_HEAD, sizeof(peer->rx_bytes));
    found->has_public_key = true;
    *attributes = attributes_over(bytes + USUAL_BEGINNING, attributes->left - USUAL_BEGINNING);
    return decode_preshared_key(decoder, &preshared_key, peer) &&
           decode_handshake(&handshake, peer);
}

/* Takes an IPv4 endpoint and the list of allowed IPs, where that is what comes next. */
static bool decode_usual_end(struct attributes *attributes, struct found_peer *found)
{
    const struct attribute endpoint = attribute_at(attributes->next, sizeof(struct sockaddr_in));
    size_t endpoint_size = ATTRIBUTE_ROOM(sizeof(struct sockaddr_in));
    if (attributes->left < endpoint_size + ATTRIBUTE_HEAD ||
        !attribute_is_at(attributes->next, WGPEER_A_ENDPOINT, sizeof(struct sockaddr_in)) ||
        !attribute_is_at(attributes->next + endpoint_size, WGPEER_A_ALLOWEDIPS | NLA_F_NESTED,
                         attributes->left - endpoint_size - ATTRIBUTE_HEAD))
        return true;
    found->allowed_ips = attributes_over(attributes->next + endpoint_size + ATTRIBUTE_HEAD,
                                         attributes->left - endpoint_size - ATTRIBUTE_HEAD);
    *attributes = attributes_over(attributes->next + attributes->left, 0);
    return decode_endpoint(&endpoint, &found->peer->endpoint);
}

static int32_t decode_peer_attributes(const struct wireguard_decoder *decoder,
                                      struct attributes attributes, struct found_peer *found)
{
    struct attribute attribute;
    int32_t code;
    if (begins_as_usual(&attributes) && !(decode_usual_beginning(decoder, &attributes, found) &&
                                          decode_usual_end(&attributes, found)))
        return -EBADMSG;
    while ((code = attribute_next(&attributes, &attribute)) > 0)
        if (!decode_peer_attribute(decoder, &attribute, found))
            return -EBADMSG;
    if (code == 0 && !found->has_public_key)
        return -EBADMSG;
    return code;
}

/* True if this part continues the peer that the dump wrote last. */
static bool continues_last(const struct wg_device *device, const struct key *public_key)
{
    return device->peer_count > 0 &&
           key_equal(&device->peers[device->peer_count - 1].public_key, public_key);
}

/* Decodes into the place behind the last peer, which then is the last, or is let go. */
static int32_t decode_peer(const struct wireguard_decoder *decoder, struct attributes attributes)
{
    struct wg_device *device = decoder->device;
    struct wg_peer *grown =
        array_grow(device->peers, &device->peer_capacity, device->peer_count, sizeof(*grown));
    if (grown == NULL)
        return -ENOMEM;
    device->peers = grown;
    struct found_peer found = {.peer = &grown[device->peer_count]};
    *found.peer = (struct wg_peer){.allowed_ip_first = device->allowed_ip_count};
    int32_t code = decode_peer_attributes(decoder, attributes, &found);
    if (code < 0)
        return code;
    if (!continues_last(device, &found.peer->public_key))
        device->peer_count++;
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
