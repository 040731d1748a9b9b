/* SPDX-License-Identifier: Apache-2.0 */
/* What a set does: in order, not all or nothing, and some of it without a word. */
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include <linux/genetlink.h>
#include <linux/rtnetlink.h>
#include <linux/wireguard.h>

#include "fake_kernel.h"
#include "script.h"

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static void set_peer(uint8_t key_byte, uint32_t flags, const char *const *allowed_ips,
                     const char *what)
{
    struct nlattr *peers;

    device_set("wg0");
    peers = nest(WGDEVICE_A_PEERS);
    put_peer(key_byte, flags, allowed_ips);
    end(peers);
    send_wireguard(what);
}

static void set_private_key(uint8_t byte, const char *what)
{
    device_set("wg0");
    put_key(WGDEVICE_A_PRIVATE_KEY, byte);
    send_wireguard(what);
}

/* In one message: `first` gets the one list, `second` the other. */
static void set_two_peers(uint8_t first, const char *const *allowed_first, uint8_t second,
                          uint32_t flags, const char *const *allowed_second, const char *what)
{
    struct nlattr *peers;

    device_set("wg0");
    peers = nest(WGDEVICE_A_PEERS);
    put_peer(first, 0, allowed_first);
    put_peer(second, flags, allowed_second);
    end(peers);
    send_wireguard(what);
}

void script_order(void)
{
    struct nlattr *peers, *peer, *list, *bad;

    link_add("wg0", "wireguard");
    set_two_peers(1, LIST("10.0.0.1/32", "10.0.0.2/32"), 2, 0, LIST("10.0.1.0/24"), "two peers");
    device_set("wg0");
    peers = nest(WGDEVICE_A_PEERS);
    peer = peer_start(3, 0);
    put_key(WGPEER_A_PRESHARED_KEY, 9);
    put_endpoint("192.0.2.1", 5871);
    put_u16(WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, 10);
    list = nest(WGPEER_A_ALLOWEDIPS);
    put_allowed_ip("10.0.2.0/24");
    bad = nest(0);
    put_u16(WGALLOWEDIP_A_FAMILY, AF_INET);
    put_u32(WGALLOWEDIP_A_IPADDR, 0x0300000a);
    put_u8(WGALLOWEDIP_A_CIDR_MASK, 33);
    end(bad);
    put_allowed_ip("10.0.3.0/24");
    end(list);
    end(peer);
    put_peer(4, 0, LIST("10.0.4.0/24"));
    end(peers);
    put_u32(WGDEVICE_A_FWMARK, 5);
    send_wireguard("a fault in the middle");
    device_dump("wg0", "what came before the fault");
    device_set("wg0");
    put_u32(WGDEVICE_A_FLAGS, WGDEVICE_F_REPLACE_PEERS);
    peers = nest(WGDEVICE_A_PEERS);
    put_peer(8, 0, LIST("fd00::/64"));
    put_peer(7, 0x80, NULL);
    put_peer(6, 0, NULL);
    end(peers);
    send_wireguard("replace all peers, with a fault");
    device_dump("wg0", "after the replacement");
    set_two_peers(9, LIST("10.9.0.0/16"), 9, WGPEER_F_REMOVE_ME, NULL, "make and remove one peer");
    set_two_peers(8, NULL, 10, 0, LIST("fd00::/64"), "move by one message");
    device_dump("wg0", "after the move");
}

static void move_allowed_ips(void)
{
    set_peer(1, 0, LIST("10.1.2.3/8", "10.1.0.0/16", "fd00:1::1/32"), "host bits");
    set_peer(2, 0, LIST("10.0.0.0/8", "10.2.0.0/16"), "what another peer has");
    set_peer(1, 0, LIST("10.1.0.0/16"), "what it has already");
    device_dump("wg0", "moved");
    set_peer(2, 0, LIST("10.2.0.0/16", "10.2.0.0/16"), "the same twice");
    set_peer(1, WGPEER_F_REPLACE_ALLOWEDIPS, LIST("10.1.1.0/24"), "replace");
    set_peer(3, WGPEER_F_REPLACE_ALLOWEDIPS, LIST("10.3.0.0/16"), "replace on a new peer");
    set_peer(2, WGPEER_F_REPLACE_ALLOWEDIPS, NULL, "replace by nothing");
    device_dump("wg0", "replaced");
    set_two_peers(99, LIST("10.3.0.0/16"), 99, WGPEER_F_REMOVE_ME, NULL, "through a dummy peer");
    set_peer(4, 0,
             LIST("0.0.0.0/0", "::/0", "127.0.0.0/8", "169.254.169.254/32", "224.0.0.0/4",
                  "::1/128", "::ffff:10.0.0.0/104"),
             "anything goes");
    device_dump("wg0", "at the end");
}

static void flags_on_missing_peers(void)
{
    set_peer(50, WGPEER_F_REMOVE_ME, NULL, "remove what is not there");
    set_peer(51, WGPEER_F_UPDATE_ONLY, LIST("10.51.0.0/16"), "update what is not there");
    set_peer(3, WGPEER_F_UPDATE_ONLY, LIST("10.52.0.0/16"), "update what is there");
    set_peer(3, WGPEER_F_REMOVE_ME | WGPEER_F_UPDATE_ONLY, NULL, "update and remove");
    device_dump("wg0", "after the flags");
}

static void change_one_peer(void)
{
    struct nlattr *peers, *peer;

    device_set("wg0");
    peers = nest(WGDEVICE_A_PEERS);
    peer = peer_start(1, 0);
    put_key(WGPEER_A_PRESHARED_KEY, 3);
    put_endpoint("fe80::1", 4500);
    put_u16(WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, 65535);
    end(peer);
    end(peers);
    send_wireguard("secret, endpoint and keepalive");
    device_dump("wg0", "a peer with everything");
    device_set("wg0");
    peers = nest(WGDEVICE_A_PEERS);
    peer = peer_start(1, 0);
    put_key(WGPEER_A_PRESHARED_KEY, 0);
    put_endpoint("203.0.113.7", 1);
    put_u16(WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, 0);
    end(peer);
    end(peers);
    send_wireguard("and without");
    device_dump("wg0", "a peer with an endpoint");
}

static void set_peer_of(const uint8_t public_key[32], const char *what)
{
    struct nlattr *peers, *peer;

    device_set("wg0");
    peers = nest(WGDEVICE_A_PEERS);
    peer = nest(0);
    put(WGPEER_A_PUBLIC_KEY, 32, public_key);
    end(peer);
    end(peers);
    send_wireguard(what);
}

static void own_key(void)
{
    uint8_t private_key[32], public_key[32];

    memset(private_key, 0x77, sizeof(private_key));
    crypto_scalarmult_base(public_key, private_key);
    set_peer_of(public_key, "a peer");
    device_dump("wg0", "a peer more");
    set_private_key(0x77, "a private key, and the peer is the device itself");
    device_dump("wg0", "the peer is gone");
    set_peer_of(public_key, "the device as its own peer");
    device_dump("wg0", "it was not added");
    set_private_key(0x77, "the same again");
    set_private_key(0, "no private key");
    device_dump("wg0", "without a key");
    set_peer_of(public_key, "now it is a peer as any other");
    device_dump("wg0", "added");
}

void script_silent(void)
{
    link_add("wg0", "wireguard");
    device_dump("wg0", "a fresh device");
    move_allowed_ips();
    flags_on_missing_peers();
    change_one_peer();
    own_key();
    link_delete_request("wg0");
}

static void busy_port(uint16_t port, bool busy)
{
    static int fd = -1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

    if (on_model) {
        fake_kernel_set_port_busy(port, busy);
    } else if (busy) {
        fd = socket(AF_INET, SOCK_DGRAM, 0);
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
            note("cannot make the port busy");
    } else {
        close(fd);
    }
}

static void set_port(const char *name, uint16_t port, const char *what)
{
    device_set(name);
    put_u16(WGDEVICE_A_LISTEN_PORT, port);
    send_wireguard(what);
}

void script_ports(void)
{
    struct nlattr *peers;

    link_add("wg0", "wireguard");
    link_add("wg1", "wireguard");
    busy_port(6000, true);
    set_port("wg0", 6000, "a busy port while down");
    link_up("wg0", true);
    busy_port(6000, false);
    link_up("wg0", true);
    set_port("wg1", 6000, "the other's port while down");
    link_up("wg1", true);
    set_port("wg1", 6001, "another while down");
    link_up("wg1", true);
    busy_port(6002, true);
    device_set("wg1");
    put_u32(WGDEVICE_A_FWMARK, 7);
    put_u16(WGDEVICE_A_LISTEN_PORT, 6002);
    put_u32(WGDEVICE_A_FLAGS, WGDEVICE_F_REPLACE_PEERS);
    put_key(WGDEVICE_A_PRIVATE_KEY, 1);
    peers = nest(WGDEVICE_A_PEERS);
    put_peer(1, 0, NULL);
    end(peers);
    send_wireguard("a busy port while up");
    device_dump("wg1", "only the mark");
    set_port("wg1", 0, "any port while up");
    device_dump("wg1", "one is chosen");
    link_up("wg1", false);
    device_dump("wg1", "and kept when down");
    set_port("wg1", 0, "any port while down");
    device_dump("wg1", "0 while down");
    link_up("wg1", true);
    device_dump("wg1", "chosen when up");
    busy_port(6002, false);
}
