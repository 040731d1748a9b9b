/* SPDX-License-Identifier: Apache-2.0 */
/* Dumps in pieces: where the kernel cuts, what it repeats, and when it says that they do not fit. */
#include <stdio.h>

#include <linux/genetlink.h>
#include <linux/wireguard.h>

#include "script.h"

static void fill_allowed_ips(unsigned int key_byte, unsigned int first, unsigned int count)
{
    struct nlattr *peers, *peer, *list;
    char prefix[32];

    device_set("wg0");
    peers = nest(WGDEVICE_A_PEERS);
    peer = peer_start((uint8_t)key_byte, 0);
    list = nest(WGPEER_A_ALLOWEDIPS);
    for (unsigned int i = first; i < first + count; i++) {
        if (i % 3 == 0)
            snprintf(prefix, sizeof(prefix), "fd00:%x:%x::/64", key_byte, i);
        else
            snprintf(prefix, sizeof(prefix), "10.%u.%u.%u/32", key_byte, i / 256, i % 256);
        put_allowed_ip(prefix);
    }
    end(list);
    end(peer);
    end(peers);
    send_wireguard("fill");
}

static void dump_at(size_t receive_size)
{
    int fd = socket_open(NETLINK_GENERIC, 0);
    char what[64];

    snprintf(what, sizeof(what), "receiving %zu bytes", receive_size);
    device_message(WG_CMD_GET_DEVICE, NLM_F_DUMP, "wg0");
    send_on(fd, receive_size, what);
    device_message(WG_CMD_GET_DEVICE, NLM_F_DUMP, "wg0");
    send_on(fd, receive_size, "the same again on this socket");
    socket_close(fd);
}

void script_pieces(void)
{
    static const size_t sizes[] = {3776, 4096, 8192, 16384, 32768, 65536};

    link_add("wg0", "wireguard");
    device_set("wg0");
    put_key(WGDEVICE_A_PRIVATE_KEY, 0x11);
    put_u16(WGDEVICE_A_LISTEN_PORT, 5871);
    send_wireguard("a key and a port");
    dump_at(4096);
    for (unsigned int i = 0; i < 1500; i += 500)
        fill_allowed_ips(1, i, 500);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        dump_at(sizes[i]);
    for (unsigned int key_byte = 2; key_byte < 120; key_byte++)
        fill_allowed_ips(key_byte, 0, key_byte % 7);
    fill_allowed_ips(120, 0, 300);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        dump_at(sizes[i]);
}

static void touch(uint8_t key_byte, uint32_t flags, const char *what)
{
    struct nlattr *peers;

    device_set("wg0");
    peers = nest(WGDEVICE_A_PEERS);
    put_peer(key_byte, flags, NULL);
    end(peers);
    send_wireguard(what);
}

static void finish(int fd)
{
    while (receive_one(fd, 4096) == 0)
        ;
}

void script_interrupted(void)
{
    int fd = socket_open(NETLINK_GENERIC, 0);

    link_add("wg0", "wireguard");
    for (unsigned int key_byte = 1; key_byte < 60; key_byte++)
        fill_allowed_ips(key_byte, 0, 3);
    device_message(WG_CMD_GET_DEVICE, NLM_F_DUMP, "wg0");
    send_only(fd, "a dump");
    receive_one(fd, 4096);
    touch(1, WGPEER_F_UPDATE_ONLY, "a set that changes nothing");
    finish(fd);
    device_message(WG_CMD_GET_DEVICE, NLM_F_DUMP, "wg0");
    send_only(fd, "a dump");
    receive_one(fd, 4096);
    device_message(WG_CMD_GET_DEVICE, NLM_F_DUMP, "wg0");
    send_only(fd, "a second dump on the same socket");
    finish(fd);
    finish(fd);
    fill_allowed_ips(60, 0, 700);
    device_message(WG_CMD_GET_DEVICE, NLM_F_DUMP, "wg0");
    send_only(fd, "a dump, and in its midst");
    receive_one(fd, 4096);
    fill_allowed_ips(60, 700, 1);
    finish(fd);
    device_message(WG_CMD_GET_DEVICE, NLM_F_DUMP, "wg0");
    send_only(fd, "a dump, and in its midst");
    receive_one(fd, 4096);
    for (uint8_t key_byte = 1; key_byte < 60; key_byte++)
        touch(key_byte, WGPEER_F_REMOVE_ME, "the peers go");
    finish(fd);
    socket_close(fd);
}
