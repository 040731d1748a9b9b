/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "notices.h"
#include "rtnetlink.h"

static const struct fake_attribute_rule route_rules[] = {
    [RTA_DST] = {FAKE_ATTRIBUTE_AT_LEAST, 4},     [RTA_OIF] = {FAKE_ATTRIBUTE_NUMBER, 4},
    [RTA_GATEWAY] = {FAKE_ATTRIBUTE_AT_LEAST, 4}, [RTA_PRIORITY] = {FAKE_ATTRIBUTE_NUMBER, 4},
    [RTA_PREFSRC] = {FAKE_ATTRIBUTE_AT_LEAST, 4}, [RTA_METRICS] = {FAKE_ATTRIBUTE_NEST, 0},
    [RTA_MULTIPATH] = {FAKE_ATTRIBUTE_ANY, 0},    [RTA_TABLE] = {FAKE_ATTRIBUTE_NUMBER, 4},
    [RTA_MARK] = {FAKE_ATTRIBUTE_NUMBER, 4},
};
static const struct fake_policy route_policy = {route_rules, RTA_MARK, false};

static const struct fake_attribute_rule metric_rules[] = {
    [RTAX_MTU] = {FAKE_ATTRIBUTE_NUMBER, 4},
};
static const struct fake_policy metric_policy = {metric_rules, RTAX_MTU, false};

/* libnl sends even a single way as a list of ways. */
static void parse_way(const struct nlattr *multipath, struct fake_route *route)
{
    const struct nlattr *attributes[RTA_MARK + 1];
    const char *unsaid;
    struct rtnexthop way;

    if (fake_size(multipath) < sizeof(way))
        return;
    memcpy(&way, fake_data(multipath), sizeof(way));
    route->ifindex = (uint32_t)way.rtnh_ifindex;
    if (way.rtnh_len < sizeof(way) || way.rtnh_len > fake_size(multipath) ||
        fake_parse(&route_policy, (const uint8_t *)fake_data(multipath) + sizeof(way),
                   way.rtnh_len - sizeof(way), attributes, &unsaid) != 0)
        return;
    if (attributes[RTA_GATEWAY] != NULL)
        route->gateway =
            fake_prefix_from(route->destination.family, fake_data(attributes[RTA_GATEWAY]),
                             (uint8_t)(8 * fake_size(attributes[RTA_GATEWAY])));
}

static struct fake_prefix address_of(int family, const struct nlattr *attribute)
{
    if (attribute == NULL || fake_size(attribute) < fake_address_size(family))
        return (struct fake_prefix){0};
    return fake_prefix_from(family, fake_data(attribute), (uint8_t)(8 * fake_address_size(family)));
}

static uint32_t mtu_of(const struct nlattr *metrics)
{
    const struct nlattr *attributes[RTAX_MTU + 1];
    const char *unsaid;

    if (metrics == NULL || fake_parse_nest(&metric_policy, metrics, attributes, &unsaid) != 0)
        return 0;
    return fake_u32(attributes[RTAX_MTU]);
}

static int parse_route(struct fake_request *request, struct fake_route *route, uint32_t *ret_mark)
{
    const struct nlattr *attributes[RTA_MARK + 1];
    struct rtmsg head;
    int status;

    if (!fake_request_attributes(request, &route_policy, sizeof(head), attributes, &status))
        return status;
    memcpy(&head, fake_payload(request), sizeof(head));
    if (head.rtm_type > RTN_MAX)
        return fake_refuse(request, -EINVAL, "Invalid route type");
    *route = (struct fake_route){
        .table = attributes[RTA_TABLE] != NULL ? fake_u32(attributes[RTA_TABLE]) : head.rtm_table,
        .ifindex = fake_u32(attributes[RTA_OIF]),
        .metric = fake_u32(attributes[RTA_PRIORITY]),
        .mtu = mtu_of(attributes[RTA_METRICS]),
        .gateway = address_of(head.rtm_family, attributes[RTA_GATEWAY]),
        .source = address_of(head.rtm_family, attributes[RTA_PREFSRC]),
        .protocol = head.rtm_protocol,
        .scope = head.rtm_scope,
        .type = head.rtm_type,
        .tos = head.rtm_tos,
        .flags = head.rtm_flags};
    route->destination = address_of(head.rtm_family, attributes[RTA_DST]);
    route->destination.family = head.rtm_family;
    route->destination.length = head.rtm_dst_len;
    if (route->table == RT_TABLE_UNSPEC)
        route->table = RT_TABLE_MAIN;
    if (attributes[RTA_MULTIPATH] != NULL)
        parse_way(attributes[RTA_MULTIPATH], route);
    *ret_mark = fake_u32(attributes[RTA_MARK]);
    return 0;
}

int fake_route_new(struct fake_request *request)
{
    struct fake_route route;
    uint32_t mark;
    int status = parse_route(request, &route, &mark);

    if (status != 0)
        return status;
    route.flags = 0;
    if (route.destination.family == AF_INET6) {
        route.scope = RT_SCOPE_UNIVERSE;
        if (route.type == RTN_UNSPEC)
            route.type = RTN_UNICAST;
        if (route.protocol == RTPROT_UNSPEC)
            route.protocol = RTPROT_BOOT;
    }
    fake_notice_author = request->socket->port;
    status = fake_route_add(&route, request->head->nlmsg_flags, &request->sentence);
    fake_notice_author = 0;
    return status;
}

int fake_route_remove(struct fake_request *request)
{
    struct fake_route route;
    uint32_t mark;
    int status = parse_route(request, &route, &mark);

    if (status != 0)
        return status;
    fake_notice_author = request->socket->port;
    status = fake_route_delete(&route, &request->sentence);
    fake_notice_author = 0;
    return status;
}

static void put_address(struct fake_writer *writer, uint16_t type,
                        const struct fake_prefix *address)
{
    if (address->family != AF_UNSPEC)
        fake_put(writer, type, address->bytes, fake_address_size(address->family));
}

static void put_mtu(struct fake_writer *writer, uint32_t mtu)
{
    size_t nest;

    if (mtu == 0)
        return;
    nest = fake_nest_start(writer, RTA_METRICS);
    fake_put_u32(writer, RTAX_MTU, mtu);
    fake_nest_end(writer, nest);
}

static size_t start_route(struct fake_writer *writer, struct nlmsghdr head,
                          const struct fake_route *route)
{
    struct rtmsg inner = {.rtm_family = (uint8_t)route->destination.family,
                          .rtm_dst_len = route->destination.length,
                          .rtm_tos = route->tos,
                          .rtm_table =
                              (uint8_t)(route->table < 256 ? route->table : RT_TABLE_COMPAT),
                          .rtm_protocol = route->protocol,
                          .rtm_scope = route->scope,
                          .rtm_type = route->type,
                          .rtm_flags = route->flags};

    return fake_message_start(writer, &head, &inner, sizeof(inner));
}

static void put_facts(struct fake_writer *writer, const struct fake_route *route)
{
    bool is_ipv6 = route->destination.family == AF_INET6;

    fake_put_u32(writer, RTA_TABLE, route->table);
    if (route->destination.length > 0)
        put_address(writer, RTA_DST, &route->destination);
    put_address(writer, RTA_PREFSRC, &route->source);
    put_mtu(writer, route->mtu);
    if (is_ipv6 || route->metric != 0)
        fake_put_u32(writer, RTA_PRIORITY, route->metric);
    put_address(writer, RTA_GATEWAY, &route->gateway);
    if (route->ifindex != 0)
        fake_put_u32(writer, RTA_OIF, route->ifindex);
    if (is_ipv6)
        fake_put_u8(writer, RTA_PREF, 0);
}

static void put_route(struct fake_writer *writer, struct nlmsghdr head,
                      const struct fake_route *route)
{
    size_t start = start_route(writer, head, route);

    put_facts(writer, route);
    fake_message_end(writer, start);
}

static struct nlmsghdr answer_head(const struct fake_request *request, uint32_t port)
{
    return (struct nlmsghdr){
        .nlmsg_type = RTM_NEWROUTE, .nlmsg_seq = request->head->nlmsg_seq, .nlmsg_pid = port};
}

/* What the kernel makes by itself has no author. */
void fake_notice_route(const struct fake_route *route, bool gone)
{
    bool ipv6 = route->destination.family == AF_INET6;
    uint32_t group = ipv6 ? RTNLGRP_IPV6_ROUTE : RTNLGRP_IPV4_ROUTE;
    struct nlmsghdr head = {.nlmsg_type = gone ? RTM_DELROUTE : RTM_NEWROUTE,
                            .nlmsg_pid = route->protocol == RTPROT_KERNEL ? 0 : fake_notice_author};
    struct fake_writer writer;

    if (!fake_notice_start(group, &writer))
        return;
    put_route(&writer, head, route);
    fake_notice_end(group, &writer);
}

/* IPv4 says less about the route than IPv6 does, and names the main table unless it is asked. Which
 * source address the kernel would choose is not modelled. */
static struct fake_route way_over(const struct fake_route *found,
                                  const struct fake_prefix *destination, uint32_t flags)
{
    struct fake_route way = *found;

    way.destination = *destination;
    way.destination.length = destination->family == AF_INET6 ? 128 : 32;
    if (way.type == RTN_LOCAL)
        way.ifindex = FAKE_LOOPBACK;
    if (destination->family == AF_INET6)
        return way;
    way.flags = RTM_F_CLONED;
    way.protocol = RTPROT_UNSPEC;
    way.scope = RT_SCOPE_UNIVERSE;
    way.metric = 0;
    if ((flags & RTM_F_LOOKUP_TABLE) == 0)
        way.table = RT_TABLE_MAIN;
    return way;
}

/* Of an address that leads nowhere the kernel says why, in the errno. */
int fake_route_get(struct fake_request *request)
{
    const struct fake_route *found;
    struct fake_writer writer;
    struct fake_route wanted, way;
    uint32_t mark;
    size_t start;
    int status = parse_route(request, &wanted, &mark);

    if (status != 0)
        return status;
    found = fake_route_lookup(&wanted.destination, mark, &status);
    if (found == NULL)
        return status;
    way = way_over(found, &wanted.destination, wanted.flags);
    writer = fake_reply_start();
    start = start_route(&writer, answer_head(request, request->socket->port), &way);
    put_facts(&writer, &way);
    if (mark != 0)
        fake_put_u32(&writer, RTA_MARK, mark);
    fake_message_end(&writer, start);
    fake_reply_end(request, &writer);
    return 0;
}

/* Only a socket with strict checking has its dumps filtered. */
static int parse_filter(struct fake_request *request, struct fake_route *filter)
{
    uint32_t mark;
    int status;

    *filter =
        (struct fake_route){.destination = {.family = *(const uint8_t *)fake_payload(request)}};
    if (!request->socket->strict)
        return 0;
    status = parse_route(request, filter, &mark);
    if (status != 0)
        return status;
    if (filter->table == RT_TABLE_MAIN &&
        ((const struct rtmsg *)fake_payload(request))->rtm_table == RT_TABLE_UNSPEC)
        filter->table = 0;
    if (filter->table != 0 && filter->destination.family != AF_UNSPEC &&
        !fake_table_exists(filter->destination.family, filter->table))
        return fake_dump_fail(request, -ENOENT, "FIB table does not exist");
    return 0;
}

static bool passes(const struct fake_route *route, const struct fake_route *filter)
{
    return (filter->destination.family == AF_UNSPEC ||
            filter->destination.family == route->destination.family) &&
           (filter->table == 0 || filter->table == route->table) &&
           (filter->protocol == 0 || filter->protocol == route->protocol) &&
           (filter->type == 0 || filter->type == route->type) &&
           (filter->ifindex == 0 || filter->ifindex == route->ifindex) &&
           (fake_world.ipv6 || route->destination.family == AF_INET);
}

int fake_routes_dump(struct fake_request *request)
{
    struct fake_writer snapshot = {0};
    struct fake_route *route, filter;
    int status = parse_filter(request, &filter);

    if (status != 0)
        return status;
    TAILQ_FOREACH(route, &fake_world.routes, entry)
    {
        if (!passes(route, &filter))
            continue;
        fake_snapshot_grow(&snapshot);
        put_route(&snapshot, answer_head(request, 0), route);
    }
    return fake_snapshot_start(request, snapshot);
}
