/* SPDX-License-Identifier: Apache-2.0 */
#include "hand.h"

#include <check.h>
#include <string.h>

#include "netlink/netlink.h"
#include "world.h"

static struct netlink *netlink;

void hand_open(void)
{
    ck_assert_int_eq(netlink_open(1000, &netlink, NULL), 0);
}

static void change_device(const struct wg_device_change *change)
{
    struct link_info link;
    ck_assert_int_eq(link_find(netlink, WORLD_DEVICE, &link, NULL), 0);
    ck_assert_int_eq(wg_set_device(netlink, link.ifindex, change, NULL), 0);
}

static void change_peer(const uint8_t public_key[32], struct wg_peer_change peer)
{
    memcpy(peer.public_key.bytes, public_key, KEY_SIZE);
    const struct wg_device_change change = {.peers = &peer, .peer_count = 1};
    change_device(&change);
}

void hand_set_port(uint16_t port)
{
    change_device(&(struct wg_device_change){.set_listen_port = true, .listen_port = port});
}

void hand_set_mark(uint32_t mark)
{
    change_device(&(struct wg_device_change){.set_mark = true, .mark = mark});
}

void hand_set_private_key(void)
{
    struct key key;
    key_generate_private(&key);
    change_device(&(struct wg_device_change){.private_key = &key});
}

void hand_clear_private_key(void)
{
    static const struct key none;
    change_device(&(struct wg_device_change){.private_key = &none});
}

void hand_set_link_down_and_rename(const char *name)
{
    struct link_info link;
    ck_assert_int_eq(link_find(netlink, WORLD_DEVICE, &link, NULL), 0);
    ck_assert_int_eq(link_set_up(netlink, link.ifindex, false, NULL), 0);
    ck_assert_int_eq(link_set_name(netlink, link.ifindex, name, NULL), 0);
}

void hand_set_preshared_key(const uint8_t public_key[32])
{
    static const struct key other = {{7, 7, 7}};
    change_peer(public_key, (struct wg_peer_change){.preshared_key = &other});
}

void hand_set_keepalive(const uint8_t public_key[32], uint16_t keepalive_s)
{
    change_peer(public_key,
                (struct wg_peer_change){.set_keepalive = true, .keepalive_s = keepalive_s});
}
