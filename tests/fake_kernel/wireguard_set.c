/* SPDX-License-Identifier: Apache-2.0 */
/* SET_DEVICE: in order, and not atomic: what came before a fault stays. */
#include <errno.h>
#include <string.h>

#include <linux/wireguard.h>

#include "faults.h"
#include "wireguard.h"
#include "world.h"

#define DEVICE_FLAGS ((uint32_t)WGDEVICE_F_REPLACE_PEERS)
#define PEER_FLAGS \
    ((uint32_t)(WGPEER_F_REMOVE_ME | WGPEER_F_REPLACE_ALLOWEDIPS | WGPEER_F_UPDATE_ONLY))

static const struct fake_attribute_rule peer_rules[] = {
    [WGPEER_A_PUBLIC_KEY] = {FAKE_ATTRIBUTE_EXACT, FAKE_KEY_SIZE},
    [WGPEER_A_PRESHARED_KEY] = {FAKE_ATTRIBUTE_EXACT, FAKE_KEY_SIZE},
    [WGPEER_A_FLAGS] = {FAKE_ATTRIBUTE_NUMBER, 4},
    [WGPEER_A_ENDPOINT] = {FAKE_ATTRIBUTE_AT_LEAST, sizeof(struct sockaddr)},
    [WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL] = {FAKE_ATTRIBUTE_NUMBER, 2},
    [WGPEER_A_LAST_HANDSHAKE_TIME] = {FAKE_ATTRIBUTE_EXACT, 16},
    [WGPEER_A_RX_BYTES] = {FAKE_ATTRIBUTE_NUMBER, 8},
    [WGPEER_A_TX_BYTES] = {FAKE_ATTRIBUTE_NUMBER, 8},
    [WGPEER_A_ALLOWEDIPS] = {FAKE_ATTRIBUTE_NEST, 0},
    [WGPEER_A_PROTOCOL_VERSION] = {FAKE_ATTRIBUTE_NUMBER, 4},
};
static const struct fake_policy peer_policy = {peer_rules, WGPEER_A_MAX, true};

static const struct fake_attribute_rule allowed_ip_rules[] = {
    [WGALLOWEDIP_A_FAMILY] = {FAKE_ATTRIBUTE_NUMBER, 2},
    [WGALLOWEDIP_A_IPADDR] = {FAKE_ATTRIBUTE_AT_LEAST, 4},
    [WGALLOWEDIP_A_CIDR_MASK] = {FAKE_ATTRIBUTE_NUMBER, 1},
};
static const struct fake_policy allowed_ip_policy = {allowed_ip_rules, WGALLOWEDIP_A_CIDR_MASK,
                                                     true};

static int set_allowed_ip(struct fake_device *device, struct fake_peer *peer,
                          const struct nlattr *attribute)
{
    const struct nlattr *parts[WGALLOWEDIP_A_CIDR_MASK + 1];
    const char *unsaid;
    uint16_t family;
    uint8_t length;
    fake_counters.allowed_ips++;
    int status = fake_parse_nest(&allowed_ip_policy, attribute, parts, &unsaid);

    if (status != 0)
        return status;
    if (parts[WGALLOWEDIP_A_FAMILY] == NULL || parts[WGALLOWEDIP_A_IPADDR] == NULL ||
        parts[WGALLOWEDIP_A_CIDR_MASK] == NULL)
        return -EINVAL;
    family = fake_u16(parts[WGALLOWEDIP_A_FAMILY]);
    length = fake_u8(parts[WGALLOWEDIP_A_CIDR_MASK]);
    if ((family != AF_INET && family != AF_INET6) ||
        fake_size(parts[WGALLOWEDIP_A_IPADDR]) != fake_address_size(family) ||
        length > 8 * fake_address_size(family))
        return -EINVAL;
    fake_allowed_ip_give(device, peer,
                         fake_prefix_from(family, fake_data(parts[WGALLOWEDIP_A_IPADDR]), length));
    return 0;
}

static int set_allowed_ips(struct fake_device *device, struct fake_peer *peer,
                           const struct nlattr *list)
{
    const struct nlattr *attribute = NULL;
    int status = 0;

    while (status == 0 && fake_next_attribute(fake_data(list), fake_size(list), &attribute))
        status = set_allowed_ip(device, peer, attribute);
    return status;
}

static int check_peer(const struct nlattr **parts)
{
    if (parts[WGPEER_A_PUBLIC_KEY] == NULL)
        return -EINVAL;
    if ((fake_u32(parts[WGPEER_A_FLAGS]) & ~PEER_FLAGS) != 0)
        return -EOPNOTSUPP;
    if (parts[WGPEER_A_PROTOCOL_VERSION] != NULL && fake_u32(parts[WGPEER_A_PROTOCOL_VERSION]) != 1)
        return -EPFNOSUPPORT;
    return 0;
}

static int change_peer(struct fake_device *device, struct fake_peer *peer,
                       const struct nlattr **parts)
{
    int status = 0;

    if (parts[WGPEER_A_PRESHARED_KEY] != NULL)
        fake_key_mask(peer->masked_preshared_key, fake_data(parts[WGPEER_A_PRESHARED_KEY]));
    if (parts[WGPEER_A_ENDPOINT] != NULL)
        fake_peer_set_endpoint(peer, fake_data(parts[WGPEER_A_ENDPOINT]),
                               fake_size(parts[WGPEER_A_ENDPOINT]));
    if ((fake_u32(parts[WGPEER_A_FLAGS]) & WGPEER_F_REPLACE_ALLOWEDIPS) != 0)
        fake_allowed_ips_clear(device, peer);
    if (parts[WGPEER_A_ALLOWEDIPS] != NULL)
        status = set_allowed_ips(device, peer, parts[WGPEER_A_ALLOWEDIPS]);
    if (status == 0 && parts[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL] != NULL)
        peer->keepalive_s = fake_u16(parts[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL]);
    return status;
}

static int set_peer(struct fake_device *device, const struct nlattr *attribute)
{
    const struct nlattr *parts[WGPEER_A_MAX + 1];
    const char *unsaid;
    const uint8_t *public_key;
    struct fake_peer *peer;
    uint32_t flags;
    fake_counters.peers++;
    int status = fake_parse_nest(&peer_policy, attribute, parts, &unsaid);

    if (status == 0)
        status = check_peer(parts);
    if (status != 0)
        return status;
    public_key = fake_data(parts[WGPEER_A_PUBLIC_KEY]);
    flags = fake_u32(parts[WGPEER_A_FLAGS]);
    peer = fake_device_find(device, public_key);
    if (peer == NULL) {
        bool is_own =
            device->has_private_key && memcmp(public_key, device->public_key, FAKE_KEY_SIZE) == 0;

        if (is_own || (flags & (WGPEER_F_REMOVE_ME | WGPEER_F_UPDATE_ONLY)) != 0)
            return 0;
        peer = fake_peer_create(device, public_key);
    }
    if ((flags & WGPEER_F_REMOVE_ME) != 0) {
        fake_peer_destroy(device, peer);
        return 0;
    }
    return change_peer(device, peer, parts);
}

static void note_most(const struct fake_kernel_counters *before)
{
    uint64_t peers = fake_counters.peers - before->peers;
    uint64_t allowed_ips = fake_counters.allowed_ips - before->allowed_ips;

    if (peers > fake_counters.most_peers)
        fake_counters.most_peers = peers;
    if (allowed_ips > fake_counters.most_allowed_ips)
        fake_counters.most_allowed_ips = allowed_ips;
}

int fake_wireguard_set(struct fake_request *request, const struct nlattr **attributes)
{
    const struct fake_kernel_counters before = fake_counters;
    const struct nlattr *attribute = NULL, *peers = attributes[WGDEVICE_A_PEERS];
    uint32_t flags = fake_u32(attributes[WGDEVICE_A_FLAGS]);
    struct fake_link *link;
    struct fake_device *device;
    int status = fake_wireguard_link(attributes, &link);

    (void)request;
    if (status != 0)
        return status;
    if ((flags & ~DEVICE_FLAGS) != 0)
        return -EOPNOTSUPP;
    device = link->device;
    device->generation++;
    if (attributes[WGDEVICE_A_FWMARK] != NULL)
        device->mark = fake_u32(attributes[WGDEVICE_A_FWMARK]);
    if (attributes[WGDEVICE_A_LISTEN_PORT] != NULL)
        status = fake_device_set_port(link, fake_u16(attributes[WGDEVICE_A_LISTEN_PORT]));
    if (status == 0 && (flags & WGDEVICE_F_REPLACE_PEERS) != 0)
        while (!TAILQ_EMPTY(&device->peers))
            fake_peer_destroy(device, TAILQ_FIRST(&device->peers));
    if (status == 0 && attributes[WGDEVICE_A_PRIVATE_KEY] != NULL)
        fake_device_set_private_key(device, fake_data(attributes[WGDEVICE_A_PRIVATE_KEY]));
    while (status == 0 && peers != NULL &&
           fake_next_attribute(fake_data(peers), fake_size(peers), &attribute))
        status = set_peer(device, attribute);
    note_most(&before);
    return status;
}
