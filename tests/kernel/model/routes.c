/* SPDX-License-Identifier: Apache-2.0 */
/* Routes: exclusive, replaced, doubled, deleted by more or less of their description; and gone with
 * their link or address. */
#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "script.h"

#define EXCLUSIVE (NLM_F_CREATE | NLM_F_EXCL)
#define OURS      158u

struct wanted {
    const char *destination;
    const char *link; /* NULL: none */
    const char *gateway;
    const char *source;
    uint32_t table; /* 0: main */
    uint32_t metric;
    uint32_t mtu;
    uint8_t protocol; /* 0: ours when adding, any when deleting */
    uint8_t type;     /* 0: unicast when adding, any when deleting */
    bool everywhere;  /* the scope; otherwise of the link when adding, any when deleting */
};

static void put_host(uint16_t type, int family, const char *text)
{
    uint8_t bytes[16];

    if (text == NULL)
        return;
    ck_assert_int_eq(inet_pton(family, text, bytes), 1);
    put(type, family == AF_INET6 ? 16 : 4, bytes);
}

static void route_message(uint16_t type, uint16_t flags, const struct wanted *wanted)
{
    int family = strchr(wanted->destination, ':') != NULL ? AF_INET6 : AF_INET;
    uint32_t ifindex = wanted->link != NULL ? index_of(wanted->link) : 0;
    struct rtmsg *inner = message(type, flags | NLM_F_ACK, sizeof(*inner));
    char host[INET6_ADDRSTRLEN];
    unsigned int length;
    struct nlattr *metrics;

    ck_assert_int_eq(sscanf(wanted->destination, "%45[^/]/%u", host, &length), 2);
    inner->rtm_family = (uint8_t)family;
    inner->rtm_dst_len = (uint8_t)length;
    inner->rtm_protocol = wanted->protocol != 0 || type == RTM_DELROUTE ? wanted->protocol : OURS;
    inner->rtm_type = wanted->type != 0 || type == RTM_DELROUTE ? wanted->type : RTN_UNICAST;
    inner->rtm_scope = wanted->everywhere     ? RT_SCOPE_UNIVERSE
                       : type == RTM_DELROUTE ? RT_SCOPE_NOWHERE
                                              : RT_SCOPE_LINK;
    put_host(RTA_DST, family, host);
    put_host(RTA_GATEWAY, family, wanted->gateway);
    put_host(RTA_PREFSRC, family, wanted->source);
    if (wanted->table != 0)
        put_u32(RTA_TABLE, wanted->table);
    if (ifindex != 0)
        put_u32(RTA_OIF, ifindex);
    if (wanted->metric != 0)
        put_u32(RTA_PRIORITY, wanted->metric);
    if (wanted->mtu != 0) {
        metrics = nest(RTA_METRICS);
        put_u32(RTAX_MTU, wanted->mtu);
        end(metrics);
    }
}

#define ADD(flags, what, ...)                                                \
    do {                                                                     \
        route_message(RTM_NEWROUTE, (flags), &(struct wanted){__VA_ARGS__}); \
        send_route("add " what);                                             \
    } while (0)

#define DELETE(what, ...)                                              \
    do {                                                               \
        route_message(RTM_DELROUTE, 0, &(struct wanted){__VA_ARGS__}); \
        send_route("delete " what);                                    \
    } while (0)

static void give_address(const char *link, const char *text)
{
    int family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
    uint32_t ifindex = index_of(link);
    struct ifaddrmsg *inner = message(RTM_NEWADDR, EXCLUSIVE | NLM_F_ACK, sizeof(*inner));
    char host[INET6_ADDRSTRLEN];
    unsigned int length;

    ck_assert_int_eq(sscanf(text, "%45[^/]/%u", host, &length), 2);
    inner->ifa_family = (uint8_t)family;
    inner->ifa_prefixlen = (uint8_t)length;
    inner->ifa_index = ifindex;
    put_host(IFA_LOCAL, family, host);
    put_host(IFA_ADDRESS, family, host);
    send_route(text);
}

static void take_address(const char *link, const char *text)
{
    uint32_t ifindex = index_of(link);
    struct ifaddrmsg *inner = message(RTM_DELADDR, NLM_F_ACK, sizeof(*inner));
    char host[INET6_ADDRSTRLEN];
    unsigned int length;

    ck_assert_int_eq(sscanf(text, "%45[^/]/%u", host, &length), 2);
    inner->ifa_family = AF_INET;
    inner->ifa_prefixlen = (uint8_t)length;
    inner->ifa_index = ifindex;
    put_host(IFA_LOCAL, AF_INET, host);
    send_route("delete an address");
}

static void make_links(void)
{
    link_add("wg0", "wireguard");
    link_add("card0", "dummy");
    give_address("card0", "192.0.2.1/24");
    give_address("card0", "2001:db8::1/64");
}

static void list_table(uint32_t table, int family, uint8_t protocol, const char *what)
{
    int fd = socket_open(NETLINK_ROUTE, SOCKET_STRICT);
    struct rtmsg *inner = message(RTM_GETROUTE, NLM_F_DUMP, sizeof(*inner));

    inner->rtm_family = (uint8_t)family;
    inner->rtm_protocol = protocol;
    put_u32(RTA_TABLE, table);
    note_sorted_begin();
    send_on(fd, 32768, what);
    note_sorted_end();
    socket_close(fd);
}

void script_routes(void)
{
    make_links();
    ADD(EXCLUSIVE, "while down", .destination = "10.0.0.0/8", .link = "wg0");
    link_up("wg0", true);
    link_up("card0", true);
    DELETE("from a table that is not there", .destination = "10.0.0.0/8", .table = 220);
    ADD(EXCLUSIVE, "to table 220", .destination = "10.0.0.0/8", .link = "wg0", .table = 220);
    ADD(EXCLUSIVE, "again", .destination = "10.0.0.0/8", .link = "wg0", .table = 220);
    ADD(EXCLUSIVE, "to the other link", .destination = "10.0.0.0/8", .link = "card0", .table = 220);
    ADD(EXCLUSIVE, "as another's", .destination = "10.0.0.0/8", .link = "wg0", .table = 220,
        .protocol = 4);
    ADD(EXCLUSIVE, "with a metric", .destination = "10.0.0.0/8", .link = "wg0", .table = 220,
        .metric = 50);
    ADD(EXCLUSIVE, "to table 1000", .destination = "10.0.0.0/8", .link = "wg0", .table = 1000);
    ADD(EXCLUSIVE, "with host bits", .destination = "10.1.2.3/8", .link = "wg0");
    ADD(EXCLUSIVE, "to everywhere", .destination = "0.0.0.0/0", .link = "wg0", .table = 220);
    ADD(EXCLUSIVE, "with an MTU", .destination = "10.5.0.0/16", .link = "wg0", .mtu = 1300);
    ADD(EXCLUSIVE, "without a link", .destination = "10.6.0.0/16");
    ADD(EXCLUSIVE, "with a foreign source", .destination = "10.6.0.0/16", .link = "wg0",
        .source = "198.51.100.9");
    ADD(EXCLUSIVE, "with a source", .destination = "10.6.0.0/16", .link = "wg0",
        .source = "192.0.2.1");
    ADD(EXCLUSIVE, "through a gateway", .destination = "10.7.0.0/16", .link = "card0",
        .gateway = "192.0.2.9", .everywhere = true);
    ADD(EXCLUSIVE, "through a gateway that is not there", .destination = "10.8.0.0/16",
        .link = "card0", .gateway = "203.0.113.9", .everywhere = true);
    ADD(EXCLUSIVE, "to nowhere", .destination = "10.9.0.0/16", .type = RTN_UNREACHABLE,
        .everywhere = true);
    ADD(EXCLUSIVE, "of an unknown type", .destination = "10.9.0.0/16", .link = "wg0", .type = 99);
    ADD(NLM_F_CREATE, "beside, as another's", .destination = "10.5.0.0/16", .link = "card0",
        .protocol = 4);
    ADD(NLM_F_CREATE, "the same once more", .destination = "10.5.0.0/16", .link = "card0",
        .protocol = 4);
    ADD(NLM_F_CREATE | NLM_F_APPEND, "behind", .destination = "10.5.0.0/16", .link = "card0",
        .protocol = 5);
    ADD(0, "without CREATE", .destination = "10.10.0.0/16", .link = "wg0");
    ADD(NLM_F_REPLACE, "a replacement of nothing", .destination = "10.10.0.0/16", .link = "wg0");
    dump_route_family("added");
    list_table(220, AF_INET, 0, "table 220");
    list_table(220, AF_INET, OURS, "ours in table 220");
    list_table(777, AF_INET, 0, "a table that is not there");
    list_table(0, AF_INET, OURS, "ours in all tables");
    ADD(NLM_F_CREATE | NLM_F_REPLACE, "a replacement", .destination = "10.5.0.0/16", .link = "wg0");
    DELETE("as another's", .destination = "10.0.0.0/8", .table = 220, .protocol = 4);
    DELETE("to another link", .destination = "10.0.0.0/8", .table = 220, .link = "card0");
    DELETE("with another metric", .destination = "10.0.0.0/8", .table = 220, .metric = 7);
    DELETE("with host bits", .destination = "10.1.2.3/8", .table = 220);
    DELETE("with another scope", .destination = "10.0.0.0/8", .table = 220, .everywhere = true);
    DELETE("what is described", .destination = "10.0.0.0/8", .table = 220, .link = "wg0",
           .protocol = OURS, .metric = 50);
    DELETE("with nothing but its prefix", .destination = "10.0.0.0/8", .table = 220);
    DELETE("what is gone", .destination = "10.0.0.0/8", .table = 220);
    DELETE("what leads nowhere", .destination = "10.9.0.0/16", .type = RTN_UNREACHABLE);
    dump_route_family("deleted");
}

void script_routes_ipv6(void)
{
    make_links();
    ADD(EXCLUSIVE, "while down", .destination = "fd00:1::/64", .link = "wg0");
    link_up("wg0", true);
    link_up("card0", true);
    DELETE("from a table that is not there", .destination = "fd00:1::/64", .table = 220);
    ADD(EXCLUSIVE, "to table 220", .destination = "fd00:1::/64", .link = "wg0", .table = 220);
    ADD(EXCLUSIVE, "again", .destination = "fd00:1::/64", .link = "wg0", .table = 220);
    ADD(EXCLUSIVE, "to the other link", .destination = "fd00:1::/64", .link = "card0",
        .table = 220);
    ADD(NLM_F_CREATE, "beside", .destination = "fd00:1::/64", .link = "card0", .table = 220);
    ADD(NLM_F_CREATE, "beside again", .destination = "fd00:1::/64", .link = "card0", .table = 220,
        .protocol = 4);
    ADD(EXCLUSIVE, "with a metric", .destination = "fd00:1::/64", .link = "wg0", .table = 220,
        .metric = 50);
    ADD(EXCLUSIVE, "with host bits", .destination = "fd00:2::5/64", .link = "wg0");
    ADD(EXCLUSIVE, "to everywhere", .destination = "::/0", .link = "wg0", .table = 220);
    ADD(EXCLUSIVE, "with an MTU", .destination = "fd00:5::/64", .link = "wg0", .mtu = 1300);
    ADD(EXCLUSIVE, "without a link", .destination = "fd00:6::/64");
    ADD(EXCLUSIVE, "with a foreign source", .destination = "fd00:6::/64", .link = "wg0",
        .source = "2001:db8:9::9");
    ADD(EXCLUSIVE, "with a source", .destination = "fd00:6::/64", .link = "wg0",
        .source = "2001:db8::1");
    ADD(EXCLUSIVE, "to nowhere", .destination = "fd00:9::/64", .type = RTN_UNREACHABLE);
    ADD(0, "without CREATE", .destination = "fd00:10::/64", .link = "wg0");
    ADD(NLM_F_REPLACE, "a replacement of nothing", .destination = "fd00:11::/64", .link = "wg0");
    dump_route_family("added");
    list_table(220, AF_INET6, 0, "table 220");
    list_table(220, AF_INET6, OURS, "ours in table 220");
    list_table(777, AF_INET6, 0, "a table that is not there");
    DELETE("as another's", .destination = "fd00:1::/64", .table = 220, .protocol = 7);
    DELETE("with another metric", .destination = "fd00:1::/64", .table = 220, .metric = 7);
    DELETE("what is described", .destination = "fd00:1::/64", .table = 220, .link = "wg0",
           .protocol = OURS, .metric = 50);
    DELETE("to a link", .destination = "fd00:1::/64", .table = 220, .link = "card0");
    DELETE("with host bits", .destination = "fd00:2::7/64");
    DELETE("with nothing but its prefix", .destination = "fd00:1::/64", .table = 220);
    DELETE("what is gone", .destination = "fd00:1::/64", .table = 220);
    dump_route_family("deleted");
}

static void set_mtu(uint32_t mtu)
{
    link_message(RTM_NEWLINK, NLM_F_ACK, "wg0");
    put_u32(IFLA_MTU, mtu);
    send_route("MTU");
}

static void fill(void)
{
    ADD(EXCLUSIVE, "IPv4", .destination = "10.0.0.0/8", .link = "wg0", .table = 220);
    ADD(EXCLUSIVE, "IPv6", .destination = "fd00:1::/64", .link = "wg0", .table = 220);
    ADD(EXCLUSIVE, "with a source", .destination = "10.4.0.0/16", .link = "card0",
        .source = "10.200.0.1");
}

void script_link_down(void)
{
    make_links();
    link_up("card0", true);
    link_up("wg0", true);
    give_address("wg0", "10.200.0.1/32");
    give_address("wg0", "10.201.0.1/32");
    give_address("wg0", "fd00:200::1/128");
    fill();
    dump_route_family("up");
    set_mtu(1279);
    dump_route_family("too small an MTU for IPv6");
    ADD(EXCLUSIVE, "IPv6 without it", .destination = "fd00:1::/64", .link = "wg0", .table = 220);
    give_address("wg0", "fd00:200::1/128");
    set_mtu(1420);
    dump_route_family("large enough again");
    ADD(EXCLUSIVE, "IPv6 with it", .destination = "fd00:1::/64", .link = "wg0", .table = 220);
    link_up("wg0", false);
    dump_route_family("down");
    link_up("wg0", true);
    dump_route_family("up again");
    fill();
    take_address("wg0", "10.200.0.1/32");
    dump_route_family("without an address that was a source");
    take_address("wg0", "10.201.0.1/32");
    dump_route_family("without any IPv4 address");
    ADD(EXCLUSIVE, "without any address", .destination = "10.0.0.0/8", .link = "wg0", .table = 220);
    link_delete_request("wg0");
    dump_route_family("gone");
}

static void look_up(const char *address, uint32_t mark, const char *what)
{
    int family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET;
    struct rtmsg *inner = message(RTM_GETROUTE, NLM_F_ACK, sizeof(*inner));

    inner->rtm_family = (uint8_t)family;
    inner->rtm_dst_len = family == AF_INET6 ? 128 : 32;
    put_host(RTA_DST, family, address);
    if (mark != 0)
        put_u32(RTA_MARK, mark);
    without_sources = true;
    send_route(what);
    without_sources = false;
}

void script_lookup(void)
{
    make_links();
    link_up("card0", true);
    link_up("wg0", true);
    look_up("192.0.2.9", 0, "a neighbour");
    look_up("192.0.2.1", 0, "ourselves");
    look_up("127.0.0.1", 0, "the loopback");
    look_up("192.0.2.255", 0, "all neighbours");
    look_up("10.1.2.3", 0, "nowhere");
    look_up("fd00:1::3", 0, "nowhere by IPv6");
    look_up("2001:db8::7", 0, "a neighbour by IPv6");
    look_up("2001:db8::1", 0, "ourselves by IPv6");
    look_up("::1", 0, "the IPv6 loopback");
    ADD(EXCLUSIVE, "more and less", .destination = "10.0.0.0/8", .link = "wg0", .mtu = 1300);
    ADD(EXCLUSIVE, "more and less", .destination = "10.1.0.0/16", .link = "card0", .metric = 20);
    ADD(EXCLUSIVE, "more and less", .destination = "10.1.0.0/16", .link = "wg0", .metric = 30);
    ADD(EXCLUSIVE, "to nowhere", .destination = "10.2.0.0/16", .type = RTN_UNREACHABLE,
        .everywhere = true);
    ADD(EXCLUSIVE, "to nowhere", .destination = "10.3.0.0/16", .type = RTN_PROHIBIT,
        .everywhere = true);
    ADD(EXCLUSIVE, "to nowhere", .destination = "10.4.0.0/16", .type = RTN_BLACKHOLE,
        .everywhere = true);
    ADD(EXCLUSIVE, "a gateway", .destination = "10.5.0.0/16", .link = "card0",
        .gateway = "192.0.2.9", .everywhere = true);
    ADD(EXCLUSIVE, "IPv6", .destination = "fd00:1::/64", .link = "wg0", .mtu = 1300);
    look_up("10.9.9.9", 0, "the wide one");
    look_up("10.1.2.3", 0, "the narrow one with the smaller metric");
    look_up("10.2.0.1", 0, "unreachable");
    look_up("10.3.0.1", 0, "prohibited");
    look_up("10.4.0.1", 0, "a black hole");
    look_up("10.5.0.1", 0, "a gateway");
    look_up("fd00:1::3", 0, "IPv6");
    look_up("10.9.9.9", 5871, "with a mark");
}
