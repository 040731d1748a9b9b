/* SPDX-License-Identifier: Apache-2.0 */
/* Routes: what the kernel accepts into its tables, and what it takes out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "notices.h"

#define IPV6_USUAL_METRIC 1024u

bool fake_table_exists(int family, uint32_t id)
{
    for (uint32_t i = 0; i < fake_world.table_count; i++)
        if (fake_world.tables[i].family == family && fake_world.tables[i].id == id)
            return true;
    return false;
}

void fake_table_make(int family, uint32_t id)
{
    if (fake_table_exists(family, id))
        return;
    if (fake_world.table_count == FAKE_TABLES)
        fake_misuse("too many routing tables", "FAKE_TABLES");
    fake_world.tables[fake_world.table_count].family = family;
    fake_world.tables[fake_world.table_count].id = id;
    fake_world.table_count++;
}

void fake_route_free(struct fake_route *route)
{
    TAILQ_REMOVE(&fake_world.routes, route, entry);
    free(route);
}

static bool goes_nowhere(uint8_t type)
{
    return type == RTN_BLACKHOLE || type == RTN_UNREACHABLE || type == RTN_PROHIBIT ||
           type == RTN_THROW;
}

static int check_destination(const struct fake_route *route, const char **ret_sentence)
{
    struct fake_prefix masked = fake_prefix_masked(route->destination);

    if (route->destination.length > (route->destination.family == AF_INET6 ? 128 : 32)) {
        *ret_sentence = "Invalid prefix length";
        return -EINVAL;
    }
    if (route->destination.family == AF_INET && !fake_prefix_equal(&masked, &route->destination)) {
        *ret_sentence = "Invalid prefix for given prefix length";
        return -EINVAL;
    }
    return 0;
}

static int check_link(const struct fake_route *route, const char **ret_sentence)
{
    const struct fake_link *link = fake_link_by_index(route->ifindex);

    if (link == NULL || (route->destination.family == AF_INET6 && !link->ipv6))
        return -ENODEV;
    if (!link->up && route->type != RTN_LOCAL) {
        *ret_sentence = route->destination.family == AF_INET6 ? "Nexthop device is not up"
                                                              : "Device for nexthop is not up";
        return -ENETDOWN;
    }
    return 0;
}

/* A gateway is reached over a route that needs none itself. */
static int find_gateway_link(struct fake_route *route, const char **ret_sentence)
{
    const struct fake_route *way;

    TAILQ_FOREACH(way, &fake_world.routes, entry)
    if (way->type == RTN_UNICAST && way->gateway.family == AF_UNSPEC &&
        fake_prefix_contains(&way->destination, &route->gateway) &&
        (route->ifindex == 0 || route->ifindex == way->ifindex)) {
        route->ifindex = way->ifindex;
        return 0;
    }
    if (route->destination.family == AF_INET6)
        return -EHOSTUNREACH;
    *ret_sentence = "Nexthop has invalid gateway";
    return -ENETUNREACH;
}

static int check_source(const struct fake_route *route, const char **ret_sentence)
{
    if (route->source.family == AF_UNSPEC || route->protocol == RTPROT_KERNEL ||
        fake_address_is_local(&route->source))
        return 0;
    *ret_sentence = route->destination.family == AF_INET6 ? "Invalid source address"
                                                          : "Invalid prefsrc address";
    return -EINVAL;
}

static int check(struct fake_route *route, const char **ret_sentence)
{
    int status = check_destination(route, ret_sentence);

    if (status == 0 && goes_nowhere(route->type)) {
        if (route->ifindex != 0 && route->destination.family == AF_INET) {
            *ret_sentence = "Route with device specified and reject type";
            status = -EINVAL;
        }
        if (route->destination.family == AF_INET6)
            route->ifindex = FAKE_LOOPBACK;
        return status;
    }
    if (status == 0 && route->gateway.family != AF_UNSPEC)
        status = find_gateway_link(route, ret_sentence);
    if (status == 0)
        status = check_link(route, ret_sentence);
    if (status == 0)
        status = check_source(route, ret_sentence);
    return status;
}

static bool is_same_place(const struct fake_route *one, const struct fake_route *other)
{
    return one->table == other->table && one->metric == other->metric && one->tos == other->tos &&
           fake_prefix_equal(&one->destination, &other->destination);
}

static bool is_same_way(const struct fake_route *one, const struct fake_route *other)
{
    return one->ifindex == other->ifindex && fake_address_equal(&one->gateway, &other->gateway);
}

/* IPv6 compares the way alone, IPv4 everything. */
static bool is_same_route(const struct fake_route *one, const struct fake_route *other)
{
    if (one->destination.family == AF_INET6)
        return is_same_way(one, other);
    return is_same_way(one, other) && one->type == other->type && one->scope == other->scope &&
           one->protocol == other->protocol && one->mtu == other->mtu &&
           fake_address_equal(&one->source, &other->source);
}

static void insert(const struct fake_route *wanted, struct fake_route *before)
{
    struct fake_route *added = fake_allocate(sizeof(*added));

    *added = *wanted;
    fake_table_make(wanted->destination.family, wanted->table);
    if (before != NULL)
        TAILQ_INSERT_BEFORE(before, added, entry);
    else
        TAILQ_INSERT_TAIL(&fake_world.routes, added, entry);
    fake_notice_route(added, false);
}

/* `first` is the first route in the same place. */
static int insert_beside(const struct fake_route *wanted, struct fake_route *first, uint16_t flags)
{
    struct fake_route *other;

    if ((flags & NLM_F_EXCL) != 0)
        return -EEXIST;
    if ((flags & NLM_F_REPLACE) != 0) {
        insert(wanted, first);
        fake_route_free(first);
        return 0;
    }
    for (other = first; other != NULL; other = TAILQ_NEXT(other, entry))
        if (is_same_place(other, wanted) && is_same_route(other, wanted))
            return -EEXIST;
    if ((flags & NLM_F_CREATE) == 0 && wanted->destination.family == AF_INET)
        return -ENOENT;
    insert(wanted, (flags & NLM_F_APPEND) != 0 ? NULL : first);
    return 0;
}

int fake_route_add(const struct fake_route *wanted, uint16_t flags, const char **ret_sentence)
{
    struct fake_route route = *wanted, *first;
    int status;

    route.destination = wanted->destination.family == AF_INET6
                            ? fake_prefix_masked(wanted->destination)
                            : wanted->destination;
    if (route.destination.family == AF_INET6 && route.metric == 0 && route.type != RTN_LOCAL)
        route.metric = IPV6_USUAL_METRIC;
    status = check(&route, ret_sentence);
    if (status != 0)
        return status;
    TAILQ_FOREACH(first, &fake_world.routes, entry)
    if (is_same_place(first, &route))
        return insert_beside(&route, first, flags);
    if ((flags & NLM_F_CREATE) == 0 &&
        (route.destination.family == AF_INET || (flags & NLM_F_REPLACE) != 0)) {
        if (route.destination.family == AF_INET6)
            *ret_sentence = "Can not replace route - no match found";
        return -ENOENT;
    }
    insert(&route, NULL);
    return 0;
}

static bool is_meant(const struct fake_route *found, const struct fake_route *wanted)
{
    if (found->table != wanted->table ||
        !fake_prefix_equal(&found->destination, &wanted->destination) ||
        (wanted->ifindex != 0 && wanted->ifindex != found->ifindex) ||
        (wanted->gateway.family != AF_UNSPEC &&
         !fake_address_equal(&wanted->gateway, &found->gateway)) ||
        (wanted->metric != 0 && wanted->metric != found->metric) ||
        (wanted->protocol != 0 && wanted->protocol != found->protocol))
        return false;
    if (wanted->destination.family == AF_INET6)
        return true;
    return found->tos == wanted->tos && (wanted->type == 0 || wanted->type == found->type) &&
           (wanted->scope == RT_SCOPE_NOWHERE || wanted->scope == found->scope) &&
           (wanted->source.family == AF_UNSPEC ||
            fake_address_equal(&wanted->source, &found->source));
}

/* Of several that are meant, the one with the smallest metric goes. */
int fake_route_delete(const struct fake_route *described, const char **ret_sentence)
{
    struct fake_route *route, *found = NULL, wanted = *described;
    int status = check_destination(described, ret_sentence);

    wanted.destination = fake_prefix_masked(described->destination);

    if (status != 0)
        return status;
    if (!fake_table_exists(wanted.destination.family, wanted.table)) {
        *ret_sentence = "FIB table does not exist";
        return -ESRCH;
    }
    TAILQ_FOREACH(route, &fake_world.routes, entry)
    {
        if (is_meant(route, &wanted) && (found == NULL || route->metric < found->metric))
            found = route;
    }
    if (found == NULL)
        return -ESRCH;
    fake_notice_route(found, true);
    fake_route_free(found);
    return 0;
}
