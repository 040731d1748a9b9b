/* SPDX-License-Identifier: Apache-2.0 */
/* Links and addresses. */
#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <string.h>

#include <fake_kernel.h>
#include <linux/if.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>

#include "script.h"

static void new_link(uint16_t flags, const char *name, const char *kind, const char *what)
{
    struct nlattr *info;

    message(RTM_NEWLINK, flags | NLM_F_ACK, sizeof(struct ifinfomsg));
    if (name != NULL)
        put_text(IFLA_IFNAME, name);
    if (kind != NULL) {
        info = nest(IFLA_LINKINFO);
        put_text(IFLA_INFO_KIND, kind);
        end(info);
    }
    send_route(what);
}

static void get_link(const char *name, const char *what)
{
    message(RTM_GETLINK, NLM_F_ACK, sizeof(struct ifinfomsg));
    if (name != NULL)
        put_text(IFLA_IFNAME, name);
    send_route(what);
}

static void set_mtu(const char *name, uint32_t mtu, const char *what)
{
    link_message(RTM_NEWLINK, NLM_F_ACK, name);
    put_u32(IFLA_MTU, mtu);
    send_route(what);
}

static void rename_link(const char *name, const char *wanted, const char *what)
{
    link_message(RTM_NEWLINK, NLM_F_ACK, name);
    put_text(IFLA_IFNAME, wanted);
    send_route(what);
}

static void create_links(void)
{
    uint16_t exclusive = NLM_F_CREATE | NLM_F_EXCL;

    new_link(exclusive, "wg0", "wireguard", "create");
    new_link(exclusive, "wg0", "wireguard", "create again");
    new_link(NLM_F_CREATE, "wg0", "wireguard", "create without EXCL");
    new_link(NLM_F_CREATE, "lo", "wireguard", "create over lo");
    new_link(NLM_F_CREATE | NLM_F_REPLACE, "wg0", "wireguard", "replace");
    new_link(0, "absent", "wireguard", "change what is not there");
    new_link(exclusive, "none0", "nonsense", "an unknown kind");
    new_link(exclusive, "none0", NULL, "no kind");
    new_link(exclusive, "a/b", "wireguard", "a slash in the name");
    new_link(exclusive, "..", "wireguard", "the name ..");
    new_link(exclusive, "a b", "wireguard", "a space in the name");
    new_link(exclusive, "sixteencharacter", "wireguard", "16 characters");
    new_link(exclusive, "fifteencharacte", "wireguard", "15 characters");
    new_link(exclusive, "wg%d", "wireguard", "a pattern");
    new_link(exclusive, NULL, "wireguard", "no name");
    new_link(exclusive, "card0", "dummy", "a card");
}

static void change_links(void)
{
    char long_alias[257];

    memset(long_alias, 'a', sizeof(long_alias) - 1);
    long_alias[256] = '\0';
    link_message(RTM_NEWLINK, NLM_F_ACK, "wg0");
    put_text(IFLA_IFALIAS, "libsubwg:test");
    put_u32(IFLA_GROUP, 5871);
    send_route("alias and group");
    link_message(RTM_NEWLINK, NLM_F_ACK, "wg0");
    put_text(IFLA_IFALIAS, long_alias);
    send_route("an alias of 256 bytes");
    link_message(RTM_NEWLINK, NLM_F_ACK, "card0");
    put_text(IFLA_IFALIAS, long_alias + 2);
    send_route("an alias of 254 bytes");
    link_message(RTM_NEWLINK, NLM_F_ACK, "card0");
    put_text(IFLA_IFALIAS, long_alias + 1);
    send_route("an alias of 255 bytes and its NUL");
    set_mtu("wg0", 1280, "MTU 1280");
    set_mtu("wg0", 67, "MTU 67");
    set_mtu("wg0", 2147483552u, "the largest MTU");
    set_mtu("wg0", 2147483553u, "more than the largest MTU");
    set_mtu("card0", 9000, "a card's MTU");
    message(RTM_NEWLINK, NLM_F_ACK, sizeof(struct ifinfomsg));
    put_u32(IFLA_MTU, 1400);
    send_route("change nothing that is named");
    ((struct ifinfomsg *)message(RTM_NEWLINK, NLM_F_ACK, sizeof(struct ifinfomsg)))->ifi_index =
        4242;
    put_u32(IFLA_MTU, 1400);
    send_route("change an index that is not there");
    rename_link("wg0", "wg9", "rename while down");
    rename_link("wg9", "wg0", "and back");
    rename_link("wg0", "card0", "a name that is taken");
}

static void create_with_everything(void)
{
    struct ifinfomsg *inner =
        message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, sizeof(*inner));
    struct nlattr *info;

    inner->ifi_flags = IFF_UP;
    inner->ifi_change = IFF_UP;
    put_text(IFLA_IFNAME, "wg7");
    put_u32(IFLA_MTU, 1380);
    put_u32(IFLA_GROUP, 7);
    info = nest(IFLA_LINKINFO);
    put_text(IFLA_INFO_KIND, "wireguard");
    end(info);
    send_route("create with MTU and group, up");
}

void script_links(void)
{
    dump_route_family("at the start");
    create_links();
    dump_route_family("created");
    change_links();
    create_with_everything();
    dump_route_family("changed");
    link_message(RTM_NEWLINK, NLM_F_ACK, "card0");
    put(IFLA_IFALIAS, 0, "");
    send_route("no alias");
    get_link("card0", "get without alias");
    get_link("wg0", "get");
    get_link("absent", "get what is not there");
    get_link(NULL, "get nothing that is named");
    link_delete_request("wg0");
    link_delete_request("wg0");
    link_delete_request("lo");
    message(RTM_DELLINK, NLM_F_ACK, sizeof(struct ifinfomsg));
    send_route("delete nothing that is named");
    dump_route_family("deleted");
    message(RTM_NEWLINK, NLM_F_ACK, 4);
    send_route("a request that is too short");
    message(200, NLM_F_ACK, sizeof(struct ifinfomsg));
    send_route("a type that is too high");
}

/* Addresses. */

static void address_message(uint16_t type, uint16_t flags, uint32_t ifindex, const char *text)
{
    int family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
    struct ifaddrmsg *inner = message(type, flags | NLM_F_ACK, sizeof(*inner));
    char host[INET6_ADDRSTRLEN];
    unsigned int length;
    uint8_t bytes[16];

    ck_assert_int_eq(sscanf(text, "%45[^/]/%u", host, &length), 2);
    ck_assert_int_eq(inet_pton(family, host, bytes), 1);
    inner->ifa_family = (uint8_t)family;
    inner->ifa_prefixlen = (uint8_t)length;
    inner->ifa_index = ifindex;
    put(IFA_LOCAL, family == AF_INET6 ? 16 : 4, bytes);
    put(IFA_ADDRESS, family == AF_INET6 ? 16 : 4, bytes);
}

static void add_address(const char *link, const char *text, const char *what)
{
    address_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index_of(link), text);
    send_route(what);
}

static void delete_address(const char *link, const char *text, const char *what)
{
    address_message(RTM_DELADDR, 0, index_of(link), text);
    send_route(what);
}

static void refused_addresses(void)
{
    struct ifaddrmsg *inner;

    address_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, 4242, "10.9.9.9/32");
    send_route("a link that is not there");
    address_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, 4242, "fd00:9::9/128");
    send_route("IPv6 on a link that is not there");
    add_address("wg0", "10.9.9.9/33", "a length that is too long");
    add_address("wg0", "fd00:9::9/129", "an IPv6 length that is too long");
    inner = message(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE, sizeof(*inner));
    inner->ifa_family = AF_INET;
    inner->ifa_index = index_of("wg0");
    send_route("no address");
    inner = message(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE, sizeof(*inner));
    inner->ifa_family = AF_UNIX;
    inner->ifa_index = index_of("wg0");
    send_route("another family");
    delete_address("wg0", "10.8.8.8/32", "delete what is not there");
    delete_address("wg0", "fd00:8::8/128", "delete an IPv6 one that is not there");
    address_message(RTM_DELADDR, 0, 4242, "10.9.9.9/32");
    send_route("delete on a link that is not there");
}

void script_addresses(void)
{
    link_add("wg0", "wireguard");
    add_address("wg0", "10.1.0.1/32", "while down");
    add_address("wg0", "fd00:1::1/128", "IPv6 while down");
    add_address("wg0", "10.2.0.1/24", "a network while down");
    dump_route_family("while down");
    link_up("wg0", true);
    dump_route_family("up");
    add_address("wg0", "10.1.0.1/32", "again");
    add_address("wg0", "fd00:1::1/128", "IPv6 again");
    address_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, index_of("wg0"), "10.1.0.1/32");
    send_route("replace");
    address_message(RTM_NEWADDR, NLM_F_CREATE, index_of("wg0"), "fd00:1::1/128");
    send_route("IPv6 without EXCL");
    add_address("wg0", "10.2.0.7/24", "a second one in the network");
    add_address("wg0", "10.2.0.7/32", "the same address alone");
    add_address("wg0", "10.3.0.1/31", "a pair");
    add_address("wg0", "fd00:2::1/64", "an IPv6 network");
    add_address("wg0", "fd00:2::2/64", "a second one in it");
    refused_addresses();
    dump_route_family("all of them");
    delete_address("wg0", "fd00:2::1/64", "delete an IPv6 one");
    delete_address("wg0", "10.2.0.1/24", "delete the first of a network");
    dump_route_family("some deleted");
    link_up("wg0", false);
    dump_route_family("down again");
    link_up("wg0", true);
    dump_route_family("up again");
    link_delete_request("wg0");
    dump_route_family("gone");
}

/* Settings of links. */

static void set_rp_filter(const char *link, unsigned int value)
{
    char path[96];
    FILE *file;

    if (on_model) {
        fake_kernel_set_rp_filter(link, value);
        return;
    }
    snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/rp_filter",
             link != NULL ? link : "all");
    file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    fprintf(file, "%u", value);
    ck_assert_int_eq(fclose(file), 0);
}

static void get_netconf(int32_t ifindex, const char *what)
{
    ((struct netconfmsg *)message(RTM_GETNETCONF, NLM_F_ACK, sizeof(struct netconfmsg)))
        ->ncm_family = AF_INET;
    put_u32(NETCONFA_IFINDEX, (uint32_t)ifindex);
    send_route(what);
}

void script_netconf(void)
{
    link_add("wg0", "wireguard");
    for (unsigned int all = 0; all < 3; all++)
        for (unsigned int own = 0; own < 3; own++) {
            set_rp_filter(NULL, all);
            set_rp_filter("wg0", own);
            get_netconf(NETCONFA_IFINDEX_ALL, "of all links");
            get_netconf((int32_t)index_of("wg0"), "of the link");
        }
    ((struct netconfmsg *)message(RTM_GETNETCONF, NLM_F_ACK, sizeof(struct netconfmsg)))
        ->ncm_family = AF_INET;
    send_route("of nothing that is named");
    message(RTM_GETNETCONF, NLM_F_ACK, 0);
    send_route("too short");
    /* Of a link that is not there, or has no IPv4, old kernels say EINVAL and new ones ENODEV. */
}
