/* SPDX-License-Identifier: Apache-2.0 */
/* Requests at random out of few keys, prefixes and links, so that they meet; the same ones on both
 * sides. They find what nobody thought of asking. */
#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <linux/wireguard.h>

#include "script.h"

#define STEPS       400u
#define LOOK_AFTER  5u
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static uint32_t state;

static uint32_t below(uint32_t limit)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % limit;
}

static uint32_t seed(void)
{
    const char *wanted = getenv("MODEL_SEED");

    return wanted != NULL ? (uint32_t)strtoul(wanted, NULL, 10) : 19700101;
}

#define ONE_OF(list) ((list)[below(COUNT(list))])

static const char *const allowed_ips[] = {
    "10.0.0.0/8",   "10.1.0.0/16", "10.1.2.3/16", "10.1.2.3/32",  "0.0.0.0/0",   "fd00:1::/64",
    "fd00:1::7/64", "::/0",        "fd00::/16",   "192.0.2.1/32", "10.2.0.0/15", "10.3.0.0/16"};

static void random_peer(void)
{
    static const uint32_t flags[] = {0,
                                     0,
                                     0,
                                     0,
                                     WGPEER_F_REMOVE_ME,
                                     WGPEER_F_REPLACE_ALLOWEDIPS,
                                     WGPEER_F_UPDATE_ONLY,
                                     WGPEER_F_UPDATE_ONLY | WGPEER_F_REPLACE_ALLOWEDIPS,
                                     8};
    uint32_t flag = flags[below(below(4) == 0 ? COUNT(flags) : COUNT(flags) - 1)];
    struct nlattr *peer = peer_start((uint8_t)(1 + below(6)), flag), *list;

    if (below(4) == 0)
        put_key(WGPEER_A_PRESHARED_KEY, (uint8_t)below(3));
    if (below(4) == 0)
        put_endpoint(below(2) == 0 ? "192.0.2.1" : "2001:db8::1", (uint16_t)below(65536));
    if (below(4) == 0)
        put_u16(WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, (uint16_t)below(65536));
    if (below(3) != 0) {
        list = nest(WGPEER_A_ALLOWEDIPS);
        for (uint32_t left = below(4); left > 0; left--)
            put_allowed_ip(ONE_OF(allowed_ips));
        end(list);
    }
    end(peer);
}

static void random_set(void)
{
    struct nlattr *peers;

    device_set("wg0");
    if (below(12) == 0)
        put_u32(WGDEVICE_A_FLAGS, below(4) == 0 ? 2 : WGDEVICE_F_REPLACE_PEERS);
    if (below(6) == 0)
        put_key(WGDEVICE_A_PRIVATE_KEY, (uint8_t)below(4));
    if (below(6) == 0)
        put_u16(WGDEVICE_A_LISTEN_PORT, (uint16_t)(6000 + below(4)));
    if (below(6) == 0)
        put_u32(WGDEVICE_A_FWMARK, below(3));
    peers = nest(WGDEVICE_A_PEERS);
    for (uint32_t left = below(4); left > 0; left--)
        random_peer();
    end(peers);
    send_wireguard("set");
}

void script_random_sets(void)
{
    state = seed();
    link_add("wg0", "wireguard");
    for (unsigned int i = 0; i < STEPS; i++) {
        random_set();
        if (i % LOOK_AFTER == 0)
            device_dump("wg0", "look");
        if (below(20) == 0)
            link_up("wg0", below(2) == 0);
    }
    device_dump("wg0", "at the end");
}

/* Links, addresses, routes, rules. */

static const char *const links[] = {"wg0", "wg1", "card0"};
static const char *const addresses[] = {"10.1.0.1/32",  "10.2.0.1/24",  "10.2.0.2/24",
                                        "10.2.0.1/32",  "192.0.2.7/30", "fd00:1::1/64",
                                        "fd00:1::2/64", "fd00:2::1/128"};
static const char *const networks[] = {"10.8.0.0/16", "10.2.0.0/24", "0.0.0.0/0", "10.2.0.9/32",
                                       "fd00:8::/64", "fd00:1::/64", "::/0",      "fd00:1::9/128"};

static int parse(const char *text, uint8_t bytes[16], uint8_t *ret_length)
{
    int family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
    char host[INET6_ADDRSTRLEN];
    unsigned int length;

    ck_assert_int_eq(sscanf(text, "%45[^/]/%u", host, &length), 2);
    ck_assert_int_eq(inet_pton(family, host, bytes), 1);
    *ret_length = (uint8_t)length;
    return family;
}

/* In a deletion the bit of NLM_F_EXCL means something else. */
static uint16_t flags_for(bool is_new)
{
    return (is_new ? NLM_F_CREATE | NLM_F_EXCL : below(20) == 0 ? NLM_F_EXCL : 0) | NLM_F_ACK;
}

static void random_address(void)
{
    const char *text = ONE_OF(addresses), *link = ONE_OF(links);
    bool is_new = below(3) != 0;
    uint32_t ifindex = index_of(link);
    uint8_t bytes[16], length;
    int family = parse(text, bytes, &length);
    struct ifaddrmsg *inner =
        message(is_new ? RTM_NEWADDR : RTM_DELADDR, flags_for(is_new), sizeof(*inner));
    char what[64];

    inner->ifa_family = (uint8_t)family;
    inner->ifa_prefixlen = length;
    inner->ifa_index = ifindex;
    put(IFA_LOCAL, family == AF_INET6 ? 16 : 4, bytes);
    put(IFA_ADDRESS, family == AF_INET6 ? 16 : 4, bytes);
    snprintf(what, sizeof(what), "%s %s dev %s", is_new ? "add" : "delete", text, link);
    send_route(what);
}

static void random_route(void)
{
    static const uint8_t protocols[] = {4, 158};
    static const uint32_t tables[] = {220, 254};
    const char *text = ONE_OF(networks), *link = ONE_OF(links);
    bool is_new = below(3) != 0;
    uint32_t ifindex = below(8) == 0 && !is_new ? 0 : index_of(link), table = ONE_OF(tables);
    uint8_t bytes[16], length;
    int family = parse(text, bytes, &length);
    struct rtmsg *inner =
        message(is_new ? RTM_NEWROUTE : RTM_DELROUTE, flags_for(is_new), sizeof(*inner));
    uint32_t metric = below(4) == 0 ? 7 : 0;
    char what[96];

    inner->rtm_family = (uint8_t)family;
    inner->rtm_dst_len = length;
    inner->rtm_type = RTN_UNICAST;
    inner->rtm_protocol = ONE_OF(protocols);
    inner->rtm_scope = RT_SCOPE_LINK;
    put(RTA_DST, family == AF_INET6 ? 16 : 4, bytes);
    put_u32(RTA_TABLE, table);
    if (ifindex != 0)
        put_u32(RTA_OIF, ifindex);
    if (metric != 0)
        put_u32(RTA_PRIORITY, metric);
    snprintf(what, sizeof(what), "%s route %s dev %s table %u metric %u protocol %u",
             is_new ? "add" : "delete", text, ifindex != 0 ? link : "-", table, metric,
             inner->rtm_protocol);
    send_route(what);
}

static void random_rule(void)
{
    static const uint8_t families[] = {AF_INET, AF_INET6};
    bool is_new = below(3) != 0;
    struct fib_rule_hdr *inner =
        message(is_new ? RTM_NEWRULE : RTM_DELRULE, flags_for(is_new), sizeof(*inner));

    inner->family = ONE_OF(families);
    inner->action = FR_ACT_TO_TBL;
    inner->flags = below(2) == 0 ? FIB_RULE_INVERT : 0;
    put_u32(FRA_PRIORITY, 220 + below(2));
    put_u32(FRA_FWMARK, 5871 + below(2));
    put_u32(FRA_FWMASK, UINT32_MAX);
    put_u32(FRA_TABLE, 220);
    put_u8(FRA_PROTOCOL, below(4) == 0 ? 4 : 158);
    send_route(is_new ? "add a rule" : "delete a rule");
}

static void random_lookup(void)
{
    static const char *const targets[] = {"10.8.1.1/32",  "10.2.0.1/32",   "10.2.0.9/32",
                                          "192.0.2.5/32", "fd00:8::3/128", "fd00:1::9/128",
                                          "fd00:2::1/128"};
    const char *text = ONE_OF(targets);
    uint8_t bytes[16], length;
    int family = parse(text, bytes, &length);
    struct rtmsg *inner = message(RTM_GETROUTE, NLM_F_ACK, sizeof(*inner));
    uint32_t mark = below(2) == 0 ? 5871 : 0;
    char what[64];

    inner->rtm_family = (uint8_t)family;
    inner->rtm_dst_len = length;
    put(RTA_DST, family == AF_INET6 ? 16 : 4, bytes);
    if (mark != 0)
        put_u32(RTA_MARK, mark);
    snprintf(what, sizeof(what), "the way to %s with mark %u", text, mark);
    without_sources = true;
    send_route(what);
    without_sources = false;
}

static void random_link_change(void)
{
    const char *link = ONE_OF(links);

    if (below(3) == 0) {
        link_message(RTM_NEWLINK, NLM_F_ACK, link);
        put_u32(IFLA_MTU, below(3) == 0 ? 1200 : 1400);
        send_route("MTU");
    } else {
        link_up(link, below(3) != 0);
    }
}

void script_random_routes(void)
{
    state = seed();
    link_add("wg0", "wireguard");
    link_add("wg1", "wireguard");
    link_add("card0", "dummy");
    for (size_t i = 0; i < COUNT(links); i++)
        link_up(links[i], true);
    for (unsigned int i = 0; i < STEPS; i++) {
        switch (below(8)) {
        case 0:
        case 1:
            random_address();
            break;
        case 2:
            random_link_change();
            break;
        case 3:
            random_rule();
            break;
        case 4:
            random_lookup();
            break;
        default:
            random_route();
        }
        if (i % LOOK_AFTER == 0)
            dump_route_family("look");
    }
    dump_route_family("at the end");
}
