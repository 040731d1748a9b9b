/* SPDX-License-Identifier: Apache-2.0 */
/* What a message says, one line each. A device is described piece by piece, as it came. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <linux/fib_rules.h>
#include <linux/genetlink.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <linux/wireguard.h>

#include "script.h"

#define TABLE_SIZE 64u
#define TEXT_SIZE  64u

bool without_sources;

struct table {
    const struct nlattr *at[TABLE_SIZE];
};

static int remember(const struct nlattr *attribute, void *data)
{
    struct table *table = data;

    if (mnl_attr_get_type(attribute) < TABLE_SIZE)
        table->at[mnl_attr_get_type(attribute)] = attribute;
    return MNL_CB_OK;
}

static struct table attributes_of(const struct nlmsghdr *head, size_t offset)
{
    struct table table = {{0}};

    mnl_attr_parse(head, (unsigned int)offset, remember, &table);
    return table;
}

static struct table inside(const struct nlattr *attribute)
{
    struct table table = {{0}};

    if (attribute != NULL)
        mnl_attr_parse_nested(attribute, remember, &table);
    return table;
}

static uint32_t u32(const struct nlattr *attribute)
{
    return attribute != NULL ? mnl_attr_get_u32(attribute) : 0;
}

static const char *text(const struct nlattr *attribute)
{
    return attribute != NULL ? mnl_attr_get_str(attribute) : "-";
}

static const char *address(int family, const struct nlattr *attribute, char target[TEXT_SIZE])
{
    if (attribute == NULL ||
        inet_ntop(family, mnl_attr_get_payload(attribute), target, TEXT_SIZE) == NULL)
        snprintf(target, TEXT_SIZE, "-");
    return target;
}

static void describe_link(const struct nlmsghdr *head)
{
    const struct ifinfomsg *link = mnl_nlmsg_get_payload(head);
    struct table table = attributes_of(head, sizeof(*link)), info = inside(table.at[IFLA_LINKINFO]);

    note("link %s kind %s alias %s group %u mtu %u %s", text(table.at[IFLA_IFNAME]),
         text(info.at[IFLA_INFO_KIND]), text(table.at[IFLA_IFALIAS]), u32(table.at[IFLA_GROUP]),
         u32(table.at[IFLA_MTU]), (link->ifi_flags & IFF_UP) != 0 ? "up" : "down");
}

/* Link-local addresses and their routes come by themselves on a card, not on a WireGuard device. */
static bool is_link_local(const char *written)
{
    return strncmp(written, "fe80:", 5) == 0;
}

static void describe_address(const struct nlmsghdr *head)
{
    const struct ifaddrmsg *inner = mnl_nlmsg_get_payload(head);
    struct table table = attributes_of(head, sizeof(*inner));
    char whole[TEXT_SIZE], local[TEXT_SIZE];

    address(inner->ifa_family, table.at[IFA_ADDRESS], whole);
    if (is_link_local(whole))
        return;
    note("address %s/%u local %s dev %s scope %u%s%s", whole, inner->ifa_prefixlen,
         address(inner->ifa_family, table.at[IFA_LOCAL], local), name_of(inner->ifa_index),
         inner->ifa_scope, (inner->ifa_flags & IFA_F_SECONDARY) != 0 ? " secondary" : "",
         (inner->ifa_flags & IFA_F_PERMANENT) != 0 ? " permanent" : "");
}

static void describe_way(const struct nlmsghdr *head)
{
    const struct rtmsg *inner = mnl_nlmsg_get_payload(head);
    struct table table = attributes_of(head, sizeof(*inner)),
                 metrics = inside(table.at[RTA_METRICS]);
    char destination[TEXT_SIZE], gateway[TEXT_SIZE], source[TEXT_SIZE];
    uint32_t unused_by_lookup =
        (inner->rtm_flags & RTM_F_CLONED) != 0 ? 0 : u32(table.at[RTA_PRIORITY]);

    address(inner->rtm_family, table.at[RTA_DST], destination);
    if (is_link_local(destination))
        return;
    note("route %s %s/%u table %u/%u dev %s via %s src %s type %u protocol %u scope %u metric %u "
         "mtu "
         "%u tos %u",
         inner->rtm_family == AF_INET ? "ipv4" : "ipv6", destination, inner->rtm_dst_len,
         u32(table.at[RTA_TABLE]), inner->rtm_table, name_of(u32(table.at[RTA_OIF])),
         address(inner->rtm_family, table.at[RTA_GATEWAY], gateway),
         address(inner->rtm_family, without_sources ? NULL : table.at[RTA_PREFSRC], source),
         inner->rtm_type, inner->rtm_protocol, inner->rtm_scope, unused_by_lookup,
         u32(metrics.at[RTAX_MTU]), inner->rtm_tos);
}

static const char *family_name(uint8_t family)
{
    switch (family) {
    case AF_INET:
        return "ipv4";
    case AF_INET6:
        return "ipv6";
    default:
        return "multicast";
    }
}

static void describe_rule(const struct nlmsghdr *head)
{
    const struct fib_rule_hdr *inner = mnl_nlmsg_get_payload(head);
    struct table table = attributes_of(head, sizeof(*inner));
    char source[TEXT_SIZE], destination[TEXT_SIZE];

    note("rule %s %u: %smark 0x%x/0x%x%s table %u/%u action %u protocol %u suppress %d from %s/%u "
         "to "
         "%s/%u iif %s oif %s%s",
         family_name(inner->family), u32(table.at[FRA_PRIORITY]),
         (inner->flags & FIB_RULE_INVERT) != 0 ? "not " : "", u32(table.at[FRA_FWMARK]),
         u32(table.at[FRA_FWMASK]), table.at[FRA_FWMARK] != NULL ? "" : " (no mark)",
         u32(table.at[FRA_TABLE]), inner->table, inner->action,
         table.at[FRA_PROTOCOL] != NULL ? mnl_attr_get_u8(table.at[FRA_PROTOCOL]) : 0u,
         table.at[FRA_SUPPRESS_PREFIXLEN] != NULL ? (int)u32(table.at[FRA_SUPPRESS_PREFIXLEN]) : -2,
         address(inner->family, table.at[FRA_SRC], source), inner->src_len,
         address(inner->family, table.at[FRA_DST], destination), inner->dst_len,
         text(table.at[FRA_IIFNAME]), text(table.at[FRA_OIFNAME]),
         (inner->flags & FIB_RULE_PERMANENT) != 0 ? " permanent" : "");
}

static void describe_family(const struct nlmsghdr *head)
{
    struct table table = attributes_of(head, sizeof(struct genlmsghdr));

    note("family %s version %u header %u highest attribute %u operations %s groups %s",
         text(table.at[CTRL_ATTR_FAMILY_NAME]), u32(table.at[CTRL_ATTR_VERSION]),
         u32(table.at[CTRL_ATTR_HDRSIZE]), u32(table.at[CTRL_ATTR_MAXATTR]),
         table.at[CTRL_ATTR_OPS] != NULL ? "listed" : "-",
         table.at[CTRL_ATTR_MCAST_GROUPS] != NULL ? "listed" : "-");
}

static void write_bytes(const struct nlattr *attribute, char target[TEXT_SIZE])
{
    const uint8_t *bytes = attribute != NULL ? mnl_attr_get_payload(attribute) : NULL;

    if (bytes == NULL)
        snprintf(target, TEXT_SIZE, "-");
    else
        snprintf(target, TEXT_SIZE, "%02x%02x%02x%02x..%02x(%u)", bytes[0], bytes[1], bytes[2],
                 bytes[3], bytes[31], mnl_attr_get_payload_len(attribute));
}

static void write_endpoint(const struct nlattr *attribute, char target[2 * TEXT_SIZE])
{
    char host[TEXT_SIZE];
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    snprintf(target, 2 * TEXT_SIZE, "-");
    if (attribute != NULL && mnl_attr_get_payload_len(attribute) == sizeof(v4)) {
        memcpy(&v4, mnl_attr_get_payload(attribute), sizeof(v4));
        snprintf(target, 2 * TEXT_SIZE, "%s:%u",
                 inet_ntop(AF_INET, &v4.sin_addr, host, sizeof(host)), ntohs(v4.sin_port));
    } else if (attribute != NULL && mnl_attr_get_payload_len(attribute) == sizeof(v6)) {
        memcpy(&v6, mnl_attr_get_payload(attribute), sizeof(v6));
        snprintf(target, 2 * TEXT_SIZE, "[%s%%%u]:%u",
                 inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof(host)), v6.sin6_scope_id,
                 ntohs(v6.sin6_port));
    }
}

static void describe_allowed_ips(const struct nlattr *list)
{
    const struct nlattr *attribute;
    unsigned int count = 0;
    char first[TEXT_SIZE] = "-", last[TEXT_SIZE] = "-";

    if (list == NULL) {
        note("    no list of allowed IPs");
        return;
    }
    FOR_EACH_NESTED(attribute, list)
    {
        struct table parts = inside(attribute);
        int family = mnl_attr_get_u16(parts.at[WGALLOWEDIP_A_FAMILY]);
        char one[TEXT_SIZE];
        size_t used = strlen(address(family, parts.at[WGALLOWEDIP_A_IPADDR], one));

        snprintf(one + used, sizeof(one) - used, "/%u",
                 mnl_attr_get_u8(parts.at[WGALLOWEDIP_A_CIDR_MASK]));
        if (count++ == 0)
            memcpy(first, one, sizeof(first));
        memcpy(last, one, sizeof(last));
        if (count <= 8)
            note("    allowed %s", one);
    }
    note("    %u allowed IPs, %s to %s", count, first, last);
}

static void describe_peer(const struct nlattr *peer)
{
    struct table parts = inside(peer);
    char key[TEXT_SIZE], preshared_key[TEXT_SIZE], endpoint[2 * TEXT_SIZE];

    write_bytes(parts.at[WGPEER_A_PUBLIC_KEY], key);
    write_bytes(parts.at[WGPEER_A_PRESHARED_KEY], preshared_key);
    write_endpoint(parts.at[WGPEER_A_ENDPOINT], endpoint);
    note("  peer %s preshared key %s endpoint %s keepalive %d handshake %s counters %s version %d",
         key, preshared_key, endpoint,
         parts.at[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL] != NULL
             ? mnl_attr_get_u16(parts.at[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL])
             : -1,
         parts.at[WGPEER_A_LAST_HANDSHAKE_TIME] != NULL ? "there" : "-",
         parts.at[WGPEER_A_RX_BYTES] != NULL && parts.at[WGPEER_A_TX_BYTES] != NULL ? "there" : "-",
         parts.at[WGPEER_A_PROTOCOL_VERSION] != NULL ? (int)u32(parts.at[WGPEER_A_PROTOCOL_VERSION])
                                                     : -1);
    describe_allowed_ips(parts.at[WGPEER_A_ALLOWEDIPS]);
}

/* A port that the kernel chose is only said to be one. */
static void describe_device(const struct nlmsghdr *head)
{
    struct table table = attributes_of(head, sizeof(struct genlmsghdr));
    uint32_t port = table.at[WGDEVICE_A_LISTEN_PORT] != NULL
                        ? mnl_attr_get_u16(table.at[WGDEVICE_A_LISTEN_PORT])
                        : 0;
    char private_key[TEXT_SIZE], public_key[TEXT_SIZE];
    const struct nlattr *peer;

    write_bytes(table.at[WGDEVICE_A_PRIVATE_KEY], private_key);
    write_bytes(table.at[WGDEVICE_A_PUBLIC_KEY], public_key);
    note("device %s port %s%u mark %u private key %s public key %s index %s%s%s",
         text(table.at[WGDEVICE_A_IFNAME]), port >= 20000 ? "chosen " : "",
         port >= 20000 ? 0 : port, u32(table.at[WGDEVICE_A_FWMARK]), private_key, public_key,
         name_of(u32(table.at[WGDEVICE_A_IFINDEX])),
         (head->nlmsg_flags & NLM_F_MULTI) != 0 ? " multi" : "",
         (head->nlmsg_flags & NLM_F_DUMP_INTR) != 0 ? " interrupted" : "");
    if (table.at[WGDEVICE_A_PEERS] == NULL) {
        note("  no list of peers");
        return;
    }
    FOR_EACH_NESTED(peer, table.at[WGDEVICE_A_PEERS]) describe_peer(peer);
}

void describe_generic(const struct nlmsghdr *head)
{
    if (head->nlmsg_type == wireguard_family)
        describe_device(head);
    else
        describe_family(head);
}

/* Of all settings the reverse path filter alone: the model has no other. */
static void describe_netconf(const struct nlmsghdr *head)
{
    struct table table = attributes_of(head, sizeof(struct netconfmsg));
    int32_t ifindex =
        table.at[NETCONFA_IFINDEX] != NULL ? (int32_t)u32(table.at[NETCONFA_IFINDEX]) : 0;

    note("settings of %s rp_filter %u", ifindex > 0 ? name_of((uint32_t)ifindex) : "all links",
         u32(table.at[NETCONFA_RP_FILTER]));
}

void describe_route(const struct nlmsghdr *head)
{
    switch (head->nlmsg_type) {
    case RTM_NEWLINK:
        describe_link(head);
        break;
    case RTM_NEWADDR:
        describe_address(head);
        break;
    case RTM_NEWROUTE:
        describe_way(head);
        break;
    case RTM_NEWRULE:
        describe_rule(head);
        break;
    case RTM_NEWNETCONF:
        describe_netconf(head);
        break;
    default:
        note("a message of type %u", head->nlmsg_type);
    }
}
