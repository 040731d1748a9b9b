/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel tells of by itself when links, addresses, routes and rules change, and of whom it says
 * that he did it. How often it tells the same, and in which order, is its own affair. */
#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "script.h"

#define EXCLUSIVE (NLM_F_CREATE | NLM_F_EXCL)
#define WAIT_US   20000u

static int listener;

static void listen_to(int group)
{
    ck_assert_int_eq(
        setsockopt(listener, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)), 0);
}

/* Kernels differ in whether they name who changed a link. */
static const char *author_of(const struct nlmsghdr *head)
{
    if (head->nlmsg_type == RTM_NEWLINK || head->nlmsg_type == RTM_DELLINK)
        return "";
    if (head->nlmsg_pid == 0)
        return " by nobody";
    return head->nlmsg_pid == route_port() ? " by us" : " by another";
}

static void describe_notice(struct nlmsghdr *head)
{
    bool gone = (head->nlmsg_type & 3) == 1;
    char prefix[32];

    snprintf(prefix, sizeof(prefix), "%s%s: ", gone ? "gone" : "new", author_of(head));
    head->nlmsg_type = (uint16_t)(head->nlmsg_type & ~3u);
    note_prefix(prefix);
    describe_route(head);
    note_prefix("");
}

/* Sends what has been built, and notes what is told then. */
static void change(const char *what)
{
    static _Alignas(struct nlmsghdr) uint8_t bytes[32768];
    struct nlmsghdr *head;
    ssize_t size;
    int left;

    send_route(what);
    if (!on_model)
        usleep(WAIT_US);
    note_sorted_begin();
    while ((size = recv(listener, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
        left = (int)size;
        for (head = (void *)bytes; mnl_nlmsg_ok(head, left); head = mnl_nlmsg_next(head, &left))
            describe_notice(head);
    }
    note_set_end();
}

static void put_host(uint16_t type, int family, const char *host)
{
    uint8_t bytes[16];

    ck_assert_int_eq(inet_pton(family, host, bytes), 1);
    put(type, family == AF_INET6 ? 16 : 4, bytes);
}

static void change_address(uint16_t type, const char *host, uint8_t length, const char *what)
{
    int family = strchr(host, ':') != NULL ? AF_INET6 : AF_INET;
    uint32_t ifindex = index_of("wg0");
    struct ifaddrmsg *inner =
        message(type, type == RTM_NEWADDR ? EXCLUSIVE | NLM_F_ACK : NLM_F_ACK, sizeof(*inner));

    inner->ifa_family = (uint8_t)family;
    inner->ifa_prefixlen = length;
    inner->ifa_index = ifindex;
    put_host(IFA_LOCAL, family, host);
    put_host(IFA_ADDRESS, family, host);
    change(what);
}

static void change_route(uint16_t type, const char *host, uint8_t length, uint32_t table,
                         const char *what)
{
    int family = strchr(host, ':') != NULL ? AF_INET6 : AF_INET;
    uint32_t ifindex = index_of("wg0");
    struct rtmsg *inner =
        message(type, type == RTM_NEWROUTE ? EXCLUSIVE | NLM_F_ACK : NLM_F_ACK, sizeof(*inner));

    inner->rtm_family = (uint8_t)family;
    inner->rtm_dst_len = length;
    inner->rtm_protocol = 158;
    inner->rtm_type = RTN_UNICAST;
    inner->rtm_scope = RT_SCOPE_LINK;
    if (length > 0)
        put_host(RTA_DST, family, host);
    put_u32(RTA_TABLE, table);
    put_u32(RTA_OIF, ifindex);
    change(what);
}

static void change_rule(uint16_t type, uint8_t family, const char *what)
{
    struct fib_rule_hdr *inner =
        message(type, type == RTM_NEWRULE ? EXCLUSIVE | NLM_F_ACK : NLM_F_ACK, sizeof(*inner));

    inner->family = family;
    inner->action = FR_ACT_TO_TBL;
    inner->flags = FIB_RULE_INVERT;
    put_u32(FRA_PRIORITY, 220);
    put_u32(FRA_FWMARK, 5871);
    put_u32(FRA_FWMASK, UINT32_MAX);
    put_u32(FRA_TABLE, 220);
    put_u8(FRA_PROTOCOL, 158);
    change(what);
}

static void change_link(uint16_t type, const char *what)
{
    link_message(type, NLM_F_ACK, "wg0");
    change(what);
}

static void set_up(bool up, const char *what)
{
    uint32_t ifindex = index_of("wg0");
    struct ifinfomsg *inner = message(RTM_NEWLINK, NLM_F_ACK, sizeof(*inner));

    inner->ifi_index = (int)ifindex;
    inner->ifi_change = IFF_UP;
    inner->ifi_flags = up ? IFF_UP : 0;
    change(what);
}

static void set_mtu(uint32_t mtu, const char *what)
{
    link_message(RTM_NEWLINK, NLM_F_ACK, "wg0");
    put_u32(IFLA_MTU, mtu);
    change(what);
}

static void make_device(void)
{
    struct nlattr *info;

    message(RTM_NEWLINK, EXCLUSIVE | NLM_F_ACK, sizeof(struct ifinfomsg));
    put_text(IFLA_IFNAME, "wg0");
    info = nest(IFLA_LINKINFO);
    put_text(IFLA_INFO_KIND, "wireguard");
    end(info);
    change("a device");
    link_message(RTM_NEWLINK, NLM_F_ACK, "wg0");
    put_text(IFLA_IFALIAS, "libsubwg:wg0");
    change("its alias");
    set_mtu(1400, "its MTU");
    change_address(RTM_NEWADDR, "10.200.0.1", 32, "an address while down");
    set_up(true, "up");
}

static void fill(void)
{
    change_route(RTM_NEWROUTE, "10.0.0.0", 8, 220, "a route");
    change_route(RTM_NEWROUTE, "10.0.0.0", 8, 220, "the same route");
    change_route(RTM_NEWROUTE, "fd00:1::", 64, 220, "an IPv6 route");
    change_route(RTM_NEWROUTE, "0.0.0.0", 0, 1000, "a route to everywhere in a high table");
    change_address(RTM_NEWADDR, "10.201.0.1", 24, "an address with a network");
    change_address(RTM_NEWADDR, "fd00:200::1", 128, "an IPv6 address");
}

void script_notices(void)
{
    listener = socket_open(NETLINK_ROUTE, 0);
    listen_to(RTNLGRP_LINK);
    listen_to(RTNLGRP_IPV4_IFADDR);
    listen_to(RTNLGRP_IPV6_IFADDR);
    listen_to(RTNLGRP_IPV4_ROUTE);
    listen_to(RTNLGRP_IPV6_ROUTE);
    listen_to(RTNLGRP_IPV4_RULE);
    listen_to(RTNLGRP_IPV6_RULE);
    make_device();
    fill();
    change_rule(RTM_NEWRULE, AF_INET, "a rule");
    change_rule(RTM_NEWRULE, AF_INET6, "an IPv6 rule");
    change_rule(RTM_DELRULE, AF_INET, "no rule");
    change_rule(RTM_DELRULE, AF_INET, "still no rule");
    change_route(RTM_DELROUTE, "10.0.0.0", 8, 220, "no route");
    change_route(RTM_DELROUTE, "10.0.0.0", 8, 220, "still no route");
    change_route(RTM_DELROUTE, "fd00:1::", 64, 220, "no IPv6 route");
    change_address(RTM_DELADDR, "10.201.0.1", 24, "no address with a network");
    change_address(RTM_DELADDR, "fd00:200::1", 128, "no IPv6 address");
    fill();
    set_up(false, "down: IPv4 routes go without a word");
    set_up(true, "up again");
    fill();
    set_mtu(1279, "too small an MTU for IPv6");
    set_mtu(1420, "large enough again");
    change_address(RTM_DELADDR, "10.200.0.1", 32, "an address less");
    change_address(RTM_DELADDR, "10.201.0.1", 24, "the last IPv4 address");
    change_link(RTM_DELLINK, "no device");
    socket_close(listener);
}
