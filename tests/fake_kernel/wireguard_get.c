/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET_DEVICE, in pieces. A piece begins with the device's attributes while no peer has been written
 * completely, so a first peer with many allowed IPs repeats them. A peer that goes on in the next
 * piece has only its key and the rest of its allowed IPs there.
 */
#include <errno.h>
#include <string.h>

#include <linux/genetlink.h>
#include <linux/wireguard.h>

#include "faults.h"
#include "wireguard.h"
#include "world.h"

struct kernel_timespec {
    int64_t s;
    int64_t ns;
};

static bool put_allowed_ip(struct fake_writer *writer, const struct fake_prefix *prefix)
{
    size_t nest = fake_nest_start(writer, 0);

    if (nest == FAKE_WRITER_FULL)
        return false;
    if (fake_put_u8(writer, WGALLOWEDIP_A_CIDR_MASK, prefix->length) &&
        fake_put_u16(writer, WGALLOWEDIP_A_FAMILY, (uint16_t)prefix->family) &&
        fake_put(writer, WGALLOWEDIP_A_IPADDR, prefix->bytes, fake_address_size(prefix->family))) {
        fake_nest_end(writer, nest);
        return true;
    }
    fake_cancel(writer, nest);
    return false;
}

static bool put_endpoint(struct fake_writer *writer, const struct fake_peer *peer)
{
    size_t size =
        peer->endpoint.family == AF_INET6 ? sizeof(peer->endpoint.v6) : sizeof(peer->endpoint.v4);

    return peer->endpoint.family == AF_UNSPEC ||
           fake_put(writer, WGPEER_A_ENDPOINT, &peer->endpoint, size);
}

static bool put_secret(struct fake_writer *writer, uint16_t type, const uint8_t *masked)
{
    uint8_t key[FAKE_KEY_SIZE];
    bool fits;

    fake_key_mask(key, masked);
    fits = fake_put(writer, type, key, sizeof(key));
    explicit_bzero(key, sizeof(key));
    return fits;
}

static bool put_facts(struct fake_writer *writer, const struct fake_peer *peer)
{
    struct kernel_timespec handshake = {.s = peer->handshake_s};

    return put_secret(writer, WGPEER_A_PRESHARED_KEY, peer->masked_preshared_key) &&
           fake_put(writer, WGPEER_A_LAST_HANDSHAKE_TIME, &handshake, sizeof(handshake)) &&
           fake_put_u16(writer, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, peer->keepalive_s) &&
           fake_put_u64(writer, WGPEER_A_TX_BYTES, peer->tx_bytes) &&
           fake_put_u64(writer, WGPEER_A_RX_BYTES, peer->rx_bytes) &&
           fake_put_u32(writer, WGPEER_A_PROTOCOL_VERSION, 1) && put_endpoint(writer, peer);
}

static struct fake_allowed_ip *first_allowed_ip(const struct fake_dump *dump,
                                                const struct fake_peer *peer)
{
    struct fake_allowed_ip *found = TAILQ_FIRST(&peer->allowed_ips);

    if (dump->allowed_serial != 0)
        TAILQ_FOREACH(found, &peer->allowed_ips, in_peer)
    if (found->serial == dump->allowed_serial)
        break;
    return found;
}

/* False: it goes on in the next piece from dump->allowed_serial. */
static bool put_allowed_ips(struct fake_dump *dump, const struct fake_device *device,
                            struct fake_writer *writer, const struct fake_peer *peer,
                            bool *ret_full)
{
    struct fake_allowed_ip *allowed_ip = first_allowed_ip(dump, peer);
    size_t nest;

    *ret_full = false;
    if (dump->allowed_serial != 0 && dump->allowed_generation != device->allowed_generation)
        return true;
    if (allowed_ip == NULL)
        return true;
    dump->allowed_generation = device->allowed_generation;
    nest = fake_nest_start(writer, WGPEER_A_ALLOWEDIPS);
    *ret_full = nest == FAKE_WRITER_FULL;
    if (*ret_full)
        return false;
    for (; allowed_ip != NULL; allowed_ip = TAILQ_NEXT(allowed_ip, in_peer))
        if (!put_allowed_ip(writer, &allowed_ip->prefix))
            break;
    fake_nest_end(writer, nest);
    dump->allowed_serial = allowed_ip != NULL ? allowed_ip->serial : 0;
    return allowed_ip == NULL;
}

/* Whether the peer is complete now. One of which not even the head fits leaves no trace. */
static bool put_peer(struct fake_dump *dump, const struct fake_device *device,
                     struct fake_writer *writer, const struct fake_peer *peer)
{
    size_t nest = fake_nest_start(writer, 0);
    bool full, complete;

    if (nest == FAKE_WRITER_FULL)
        return false;
    if (!fake_put(writer, WGPEER_A_PUBLIC_KEY, peer->public_key, FAKE_KEY_SIZE) ||
        (dump->allowed_serial == 0 && !put_facts(writer, peer))) {
        fake_cancel(writer, nest);
        return false;
    }
    complete = put_allowed_ips(dump, device, writer, peer, &full);
    if (full)
        fake_cancel(writer, nest);
    else
        fake_nest_end(writer, nest);
    if (complete)
        dump->allowed_serial = 0;
    return complete;
}

static bool put_device(struct fake_writer *writer, const struct fake_link *link)
{
    const struct fake_device *device = link->device;

    return fake_put_u16(writer, WGDEVICE_A_LISTEN_PORT, device->port) &&
           fake_put_u32(writer, WGDEVICE_A_FWMARK, device->mark) &&
           fake_put_u32(writer, WGDEVICE_A_IFINDEX, link->ifindex) &&
           fake_put_text(writer, WGDEVICE_A_IFNAME, link->name) &&
           (!device->has_private_key ||
            (put_secret(writer, WGDEVICE_A_PRIVATE_KEY, device->masked_private_key) &&
             fake_put(writer, WGDEVICE_A_PUBLIC_KEY, device->public_key, FAKE_KEY_SIZE)));
}

/* Where the last complete peer has been removed, there is no telling which comes next: the end. */
static bool next_peer(const struct fake_dump *dump, struct fake_device *device,
                      struct fake_peer **ret_peer)
{
    struct fake_peer *last = NULL;

    if (dump->peer_serial != 0) {
        last = fake_device_find_serial(device, dump->peer_serial);
        if (last == NULL)
            return false;
    }
    *ret_peer = last != NULL ? TAILQ_NEXT(last, in_device) : TAILQ_FIRST(&device->peers);
    return !TAILQ_EMPTY(&device->peers);
}

static size_t start_piece(struct fake_dump *dump, uint32_t port, const struct fake_device *device,
                          struct fake_writer *writer)
{
    struct nlmsghdr head = {.nlmsg_type = fake_world.wireguard_family,
                            .nlmsg_flags = NLM_F_MULTI,
                            .nlmsg_seq = dump->sequence,
                            .nlmsg_pid = port};
    struct genlmsghdr inner = {.cmd = WG_CMD_GET_DEVICE, .version = WG_GENL_VERSION};

    if ((dump->generation != 0 && dump->generation != device->generation + 1) || dump->marked)
        head.nlmsg_flags |= NLM_F_DUMP_INTR;
    dump->marked = false;
    dump->generation = device->generation + 1;
    return fake_message_start(writer, &head, &inner, sizeof(inner));
}

static int fill(struct fake_dump *dump, uint32_t port, struct fake_writer *writer)
{
    struct fake_link *link = fake_link_by_index(dump->ifindex);
    struct fake_peer *peer;
    bool complete = true;
    size_t start, nest;

    if (link == NULL)
        return 0;
    start = start_piece(dump, port, link->device, writer);
    if (dump->peer_serial == 0 && !put_device(writer, link))
        return -EMSGSIZE;
    if (next_peer(dump, link->device, &peer)) {
        nest = fake_nest_start(writer, WGDEVICE_A_PEERS);
        for (; peer != NULL; peer = TAILQ_NEXT(peer, in_device)) {
            complete = put_peer(dump, link->device, writer, peer);
            if (!complete)
                break;
            dump->peer_serial = peer->serial;
        }
        fake_nest_end(writer, nest);
    }
    fake_message_end(writer, start);
    return complete ? 0 : 1;
}

int fake_wireguard_get(struct fake_request *request, const struct nlattr **attributes)
{
    struct fake_dump dump = {.fill = fill};
    struct fake_link *link;
    int status;

    if (request->socket->dump.running)
        return -EBUSY;
    status = fake_wireguard_link(attributes, &link);
    if (status != 0)
        return status;
    dump.ifindex = link->ifindex;
    if (fake_faults.interrupted_dumps > 0) {
        fake_faults.interrupted_dumps--;
        dump.marked = true;
    }
    return fake_dump_start(request, &dump);
}
