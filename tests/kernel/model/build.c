/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that the scripts build again and again. */
#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/genetlink.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <linux/wireguard.h>

#include "script.h"

void device_message(uint8_t command, uint16_t flags, const char *name)
{
    struct genlmsghdr *inner = message(wireguard_family, flags, sizeof(*inner));

    inner->cmd = command;
    inner->version = WG_GENL_VERSION;
    if (name != NULL)
        put_text(WGDEVICE_A_IFNAME, name);
}

void device_set(const char *name)
{
    device_message(WG_CMD_SET_DEVICE, NLM_F_ACK, name);
}

void device_dump(const char *name, const char *what)
{
    device_message(WG_CMD_GET_DEVICE, NLM_F_DUMP, name);
    send_wireguard(what);
}

void put_key(uint16_t type, uint8_t byte)
{
    uint8_t key[32];

    memset(key, byte, sizeof(key));
    put(type, sizeof(key), key);
}

struct nlattr *peer_start(uint8_t key_byte, uint32_t flags)
{
    struct nlattr *peer = nest(0);

    put_key(WGPEER_A_PUBLIC_KEY, key_byte);
    if (flags != 0)
        put_u32(WGPEER_A_FLAGS, flags);
    return peer;
}

void put_allowed_ip(const char *prefix)
{
    int family = strchr(prefix, ':') != NULL ? AF_INET6 : AF_INET;
    char host[INET6_ADDRSTRLEN];
    unsigned int length;
    uint8_t bytes[16];
    struct nlattr *allowed_ip = nest(0);

    ck_assert_int_eq(sscanf(prefix, "%45[^/]/%u", host, &length), 2);
    ck_assert_int_eq(inet_pton(family, host, bytes), 1);
    put_u16(WGALLOWEDIP_A_FAMILY, (uint16_t)family);
    put(WGALLOWEDIP_A_IPADDR, family == AF_INET6 ? 16 : 4, bytes);
    put_u8(WGALLOWEDIP_A_CIDR_MASK, (uint8_t)length);
    end(allowed_ip);
}

void put_endpoint(const char *address, uint16_t port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_scope_id = 1};

    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1) {
        put(WGPEER_A_ENDPOINT, sizeof(v4), &v4);
    } else {
        ck_assert_int_eq(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
        put(WGPEER_A_ENDPOINT, sizeof(v6), &v6);
    }
}

void put_peer(uint8_t key_byte, uint32_t flags, const char *const *allowed_ips)
{
    struct nlattr *peer = peer_start(key_byte, flags), *list;

    if (allowed_ips != NULL) {
        list = nest(WGPEER_A_ALLOWEDIPS);
        for (; *allowed_ips != NULL; allowed_ips++)
            put_allowed_ip(*allowed_ips);
        end(list);
    }
    end(peer);
}

void link_message(uint16_t type, uint16_t flags, const char *name)
{
    uint32_t ifindex = index_of(name);
    struct ifinfomsg *inner = message(type, flags, sizeof(*inner));

    inner->ifi_index = (int)ifindex;
    if (ifindex == 0)
        put_text(IFLA_IFNAME, name);
}

void link_add(const char *name, const char *kind)
{
    struct nlattr *info;

    message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, sizeof(struct ifinfomsg));
    put_text(IFLA_IFNAME, name);
    info = nest(IFLA_LINKINFO);
    put_text(IFLA_INFO_KIND, kind);
    end(info);
    send_route("add a link");
}

void link_up(const char *name, bool up)
{
    uint32_t ifindex = index_of(name);
    struct ifinfomsg *inner = message(RTM_NEWLINK, NLM_F_ACK, sizeof(*inner));

    inner->ifi_index = (int)ifindex;
    inner->ifi_change = IFF_UP;
    inner->ifi_flags = up ? IFF_UP : 0;
    send_route(up ? "link up" : "link down");
}

void link_delete_request(const char *name)
{
    link_message(RTM_DELLINK, NLM_F_ACK, name);
    send_route("delete a link");
}

void dump_route_family(const char *what)
{
    static const struct {
        uint16_t type;
        size_t size;
        const char *name;
    } lists[] = {{RTM_GETLINK, sizeof(struct ifinfomsg), "links"},
                 {RTM_GETADDR, sizeof(struct ifaddrmsg), "addresses"},
                 {RTM_GETROUTE, sizeof(struct rtmsg), "routes"},
                 {RTM_GETRULE, sizeof(struct rtmsg), "rules"}};
    char whole[128];

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        snprintf(whole, sizeof(whole), "%s %s", lists[i].name, what);
        message(lists[i].type, NLM_F_DUMP, lists[i].size);
        note_sorted_begin();
        send_route(whole);
        note_sorted_end();
    }
}
