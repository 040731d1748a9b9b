/* SPDX-License-Identifier: Apache-2.0 */
/* What WireGuard refuses, and with what. */
#include <string.h>

#include <linux/genetlink.h>
#include <linux/rtnetlink.h>
#include <linux/wireguard.h>

#include "script.h"

static void ask_family(const char *name, const char *what)
{
    struct genlmsghdr *inner = message(GENL_ID_CTRL, NLM_F_ACK, sizeof(*inner));

    inner->cmd = CTRL_CMD_GETFAMILY;
    if (name != NULL)
        put_text(CTRL_ATTR_FAMILY_NAME, name);
    send_wireguard(what);
}

void script_family(void)
{
    struct genlmsghdr *inner;

    ask_family("wireguard", "the family");
    ask_family("nonsense", "a family that is not there");
    ask_family(NULL, "no family");
    inner = message(GENL_ID_CTRL, NLM_F_ACK, sizeof(*inner));
    inner->cmd = CTRL_CMD_GETFAMILY;
    put_u16(CTRL_ATTR_FAMILY_ID, wireguard_family);
    send_wireguard("the family by its number");
    message(1000, NLM_F_ACK, sizeof(struct genlmsghdr));
    send_wireguard("a number that is nobody's");
    message(wireguard_family, NLM_F_ACK, 0);
    send_wireguard("without a command");
    device_message(7, NLM_F_ACK, "lo");
    send_wireguard("a command that there is not");
    device_message(WG_CMD_SET_DEVICE, NLM_F_DUMP, "lo");
    send_wireguard("a set as a dump");
    device_message(WG_CMD_GET_DEVICE, NLM_F_ACK, "lo");
    send_wireguard("a get that is no dump");
}

static void refused_devices(void)
{
    device_dump(NULL, "get without a name");
    device_message(WG_CMD_GET_DEVICE, NLM_F_DUMP, "wg0");
    put_u32(WGDEVICE_A_IFINDEX, index_of("wg0"));
    send_wireguard("get by name and index");
    device_dump("absent", "get what is not there");
    device_dump("lo", "get what is not WireGuard");
    device_dump("sixteencharacter", "get a name of 16 characters");
    device_message(WG_CMD_GET_DEVICE, NLM_F_DUMP, NULL);
    put(WGDEVICE_A_IFNAME, 3, "wg0");
    send_wireguard("get a name without its NUL");
    device_set(NULL);
    send_wireguard("set without a name");
    device_set("absent");
    send_wireguard("set what is not there");
    device_set("lo");
    send_wireguard("set what is not WireGuard");
    ((struct genlmsghdr *)message(wireguard_family, NLM_F_ACK, sizeof(struct genlmsghdr)))->cmd =
        WG_CMD_SET_DEVICE;
    ((struct genlmsghdr *)mnl_nlmsg_get_payload(request.head))->version = 9;
    put_u32(WGDEVICE_A_IFINDEX, index_of("wg0"));
    send_wireguard("set by index, as version 9");
}

static void refused_device_attributes(void)
{
    static const uint8_t zeros[33];

    for (size_t size = 31; size <= 33; size += 2) {
        device_set("wg0");
        put(WGDEVICE_A_PRIVATE_KEY, size, zeros);
        send_wireguard(size == 31 ? "a private key of 31 bytes" : "a private key of 33 bytes");
    }
    device_set("wg0");
    put_u32(WGDEVICE_A_LISTEN_PORT, 5871);
    send_wireguard("a port of four bytes");
    device_set("wg0");
    put_u16(WGDEVICE_A_FWMARK, 1);
    send_wireguard("a mark of two bytes");
    device_set("wg0");
    put_u32(WGDEVICE_A_FLAGS, 0x80);
    put_u32(WGDEVICE_A_FWMARK, 77);
    send_wireguard("an unknown device flag");
    device_set("wg0");
    put_u32(99, 0);
    send_wireguard("an unknown attribute");
    device_set("wg0");
    put(WGDEVICE_A_PEERS, 0, NULL);
    send_wireguard("a list that is not marked as one");
    device_set("wg0");
    put(WGDEVICE_A_PEERS | NLA_F_NESTED, 0, NULL);
    send_wireguard("an empty list");
    device_set("wg0");
    put(WGDEVICE_A_FWMARK | NLA_F_NESTED, 4, zeros);
    send_wireguard("a number marked as a list");
}

static struct nlattr *peers;

static struct nlattr *in_peer(uint8_t key_byte, uint32_t flags)
{
    device_set("wg0");
    peers = nest(WGDEVICE_A_PEERS);
    return peer_start(key_byte, flags);
}

static void send_peer(struct nlattr *peer, const char *what)
{
    end(peer);
    end(peers);
    send_wireguard(what);
}

static void refused_peers(void)
{
    static const uint8_t zeros[128];
    struct nlattr *peer;

    device_set("wg0");
    peers = nest(WGDEVICE_A_PEERS);
    peer = nest(0);
    put_u32(WGPEER_A_FLAGS, 0);
    send_peer(peer, "a peer without a key");
    device_set("wg0");
    peers = nest(WGDEVICE_A_PEERS);
    peer = nest(0);
    put(WGPEER_A_PUBLIC_KEY, 31, zeros);
    send_peer(peer, "a peer with a short key");
    send_peer(in_peer(1, 0x10), "an unknown peer flag");
    peer = in_peer(1, 0);
    put_u32(WGPEER_A_PROTOCOL_VERSION, 2);
    send_peer(peer, "another protocol version");
    peer = in_peer(1, 0);
    put_u32(WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, 10);
    send_peer(peer, "a keepalive of four bytes");
    peer = in_peer(1, 0);
    put(WGPEER_A_PRESHARED_KEY, 16, zeros);
    send_peer(peer, "a short preshared key");
    peer = in_peer(1, 0);
    put(WGPEER_A_ENDPOINT, 15, zeros);
    send_peer(peer, "an endpoint that is too short");
    peer = in_peer(2, 0);
    put(WGPEER_A_ENDPOINT, 28, "\2\0\1\2\3\4\5\6\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7");
    send_peer(peer, "an IPv4 endpoint in 28 bytes");
    peer = in_peer(3, 0);
    put(WGPEER_A_ENDPOINT, 128, zeros);
    send_peer(peer, "an endpoint in 128 bytes");
    peer = in_peer(4, 0);
    put_endpoint("0.0.0.0", 0);
    send_peer(peer, "an endpoint of nothing but zeros");
    device_set("wg0");
    peers = nest(WGDEVICE_A_PEERS);
    put(0, 4, zeros);
    end(peers);
    send_wireguard("a peer that is not marked as a list");
}

static void send_allowed_ip(uint16_t family, size_t size, int length, const char *what)
{
    static const uint8_t bytes[32] = {10, 1, 2, 3};
    struct nlattr *peer = in_peer(5, 0), *list = nest(WGPEER_A_ALLOWEDIPS), *allowed_ip = nest(0);

    if (family != 0)
        put_u16(WGALLOWEDIP_A_FAMILY, family);
    if (size != 0)
        put(WGALLOWEDIP_A_IPADDR, size, bytes);
    if (length >= 0)
        put_u8(WGALLOWEDIP_A_CIDR_MASK, (uint8_t)length);
    end(allowed_ip);
    end(list);
    send_peer(peer, what);
}

static void refused_allowed_ips(void)
{
    send_allowed_ip(AF_INET, 4, 33, "IPv4 /33");
    send_allowed_ip(AF_INET6, 16, 129, "IPv6 /129");
    send_allowed_ip(0, 4, 32, "no family");
    send_allowed_ip(AF_INET, 0, 32, "no address");
    send_allowed_ip(AF_INET, 4, -1, "no length");
    send_allowed_ip(AF_INET, 16, 32, "an IPv6 address as IPv4");
    send_allowed_ip(AF_INET6, 4, 32, "an IPv4 address as IPv6");
    send_allowed_ip(AF_UNIX, 4, 32, "another family");
    send_allowed_ip(AF_INET, 3, 32, "an address of three bytes");
    send_allowed_ip(AF_INET, 4, 32, "one that is right");
    send_allowed_ip(AF_INET6, 16, 128, "one of IPv6 that is right");
}

void script_refused(void)
{
    struct nlattr *peer, *list, *allowed_ip;

    link_add("wg0", "wireguard");
    refused_devices();
    refused_device_attributes();
    refused_peers();
    refused_allowed_ips();
    peer = in_peer(6, 0);
    list = nest(WGPEER_A_ALLOWEDIPS);
    allowed_ip = nest(0);
    put_u16(WGALLOWEDIP_A_FAMILY, AF_INET);
    put_u32(WGALLOWEDIP_A_IPADDR, 0x0100000a);
    put_u8(WGALLOWEDIP_A_CIDR_MASK, 32);
    put_u32(4, 1); /* the removal flag of newer kernels */
    end(allowed_ip);
    end(list);
    send_peer(peer, "the removal of one allowed IP");
    device_dump("wg0", "what is left of all that");
}
