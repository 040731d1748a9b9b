/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of links, and the routes that the kernel makes and removes by itself for them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "notices.h"

#define IPV6_PREFIX_METRIC 256u

static void forget(struct fake_interface_address *address)
{
    TAILQ_REMOVE(&fake_world.addresses, address, entry);
    fake_notice_address(address, true);
    free(address);
}

typedef bool route_test(const struct fake_route *route, const void *about);

/* Of the IPv4 routes that go with something else the kernel tells nobody. */
static bool is_told(route_test *why, const struct fake_route *route);

static void remove_routes(route_test *is_meant, const void *about)
{
    struct fake_route *route = TAILQ_FIRST(&fake_world.routes);

    while (route != NULL) {
        struct fake_route *following = TAILQ_NEXT(route, entry);

        if (is_meant(route, about)) {
            if (is_told(is_meant, route))
                fake_notice_route(route, true);
            fake_route_free(route);
        }
        route = following;
    }
}

struct fake_interface_address *fake_address_find(uint32_t ifindex, const struct fake_prefix *prefix)
{
    struct fake_interface_address *address;

    TAILQ_FOREACH(address, &fake_world.addresses, entry)
    if (address->ifindex == ifindex && fake_prefix_equal(&address->prefix, prefix))
        break;
    return address;
}

bool fake_address_is_local(const struct fake_prefix *address)
{
    struct fake_interface_address *found;

    TAILQ_FOREACH(found, &fake_world.addresses, entry)
    if (fake_address_equal(&found->prefix, address))
        return true;
    return false;
}

static struct fake_prefix whole(struct fake_prefix prefix)
{
    prefix.length = prefix.family == AF_INET6 ? 128 : 32;
    return prefix;
}

/* A route that the kernel makes for an address. */
static struct fake_route made_by_kernel(const struct fake_interface_address *address,
                                        struct fake_prefix destination, uint8_t type)
{
    struct fake_route route = {.destination = destination,
                               .table = type == RTN_UNICAST ? RT_TABLE_MAIN : RT_TABLE_LOCAL,
                               .ifindex = address->ifindex,
                               .protocol = RTPROT_KERNEL,
                               .type = type,
                               .scope = type == RTN_LOCAL ? RT_SCOPE_HOST : RT_SCOPE_LINK};

    if (destination.family == AF_INET)
        route.source = whole(address->secondary ? address->primary : address->prefix);
    else
        route.scope = RT_SCOPE_UNIVERSE;
    return route;
}

static struct fake_prefix address_of(const struct fake_interface_address *address)
{
    return whole(address->prefix);
}

static void add_route(struct fake_route route)
{
    const char *sentence;

    fake_route_add(&route, NLM_F_CREATE | NLM_F_APPEND, &sentence);
}

static void add_local_route(const struct fake_interface_address *address)
{
    add_route(made_by_kernel(address, address_of(address), RTN_LOCAL));
}

/* Of IPv4, while the link is up: the network, and its broadcast address where it can have one. */
static void add_network_routes(const struct fake_interface_address *address)
{
    struct fake_prefix network = fake_prefix_masked(address->prefix);
    bool loopback = address->ifindex == FAKE_LOOPBACK;

    if (address->prefix.length == 32 || address->secondary)
        return;
    add_route(made_by_kernel(address, network, loopback ? RTN_LOCAL : RTN_UNICAST));
    if (address->prefix.length < 31)
        add_route(made_by_kernel(address, fake_prefix_broadcast(network), RTN_BROADCAST));
}

static void add_ipv6_network_route(struct fake_interface_address *address)
{
    struct fake_route route =
        made_by_kernel(address, fake_prefix_masked(address->prefix), RTN_UNICAST);

    address->tentative = false;
    if (address->ifindex == FAKE_LOOPBACK)
        return;
    route.metric = IPV6_PREFIX_METRIC;
    add_route(route);
}

static bool is_same_network(const struct fake_interface_address *one,
                            const struct fake_interface_address *other)
{
    return one->ifindex == other->ifindex && one->prefix.length == other->prefix.length &&
           fake_prefix_contains(&one->prefix, &other->prefix);
}

static void find_primary(struct fake_interface_address *added)
{
    struct fake_interface_address *other;

    TAILQ_FOREACH(other, &fake_world.addresses, entry)
    {
        if (other->secondary || !is_same_network(other, added))
            continue;
        added->secondary = true;
        added->primary = other->prefix;
    }
}

int fake_address_add(struct fake_link *link, const struct fake_prefix *prefix, uint8_t scope,
                     const char **ret_sentence)
{
    struct fake_interface_address *address;

    if (prefix->family == AF_INET6 && !link->ipv6)
        return -EINVAL;
    if (fake_address_find(link->ifindex, prefix) != NULL) {
        *ret_sentence = prefix->family == AF_INET6 ? "ipv6: address already assigned"
                                                   : "ipv4: Address already assigned";
        return -EEXIST;
    }
    address = fake_allocate(sizeof(*address));
    address->ifindex = link->ifindex;
    address->prefix = *prefix;
    address->scope = scope;
    address->tentative = prefix->family == AF_INET6;
    if (prefix->family == AF_INET)
        find_primary(address);
    TAILQ_INSERT_TAIL(&fake_world.addresses, address, entry);
    add_local_route(address);
    if (link->up && prefix->family == AF_INET)
        add_network_routes(address);
    else if (link->up)
        add_ipv6_network_route(address);
    fake_notice_address(address, false);
    return 0;
}

static bool is_its_local_route(const struct fake_route *route, const void *about)
{
    struct fake_route own = made_by_kernel(about, address_of(about), RTN_LOCAL);

    return route->protocol == RTPROT_KERNEL && route->type == RTN_LOCAL &&
           route->ifindex == own.ifindex && fake_address_equal(&route->source, &own.source) &&
           fake_prefix_equal(&route->destination, &own.destination);
}

static bool is_its_network_route(const struct fake_route *route, const void *about)
{
    const struct fake_interface_address *address = about;
    struct fake_prefix network = fake_prefix_masked(address->prefix);
    struct fake_prefix broadcast = fake_prefix_broadcast(network);

    return route->protocol == RTPROT_KERNEL && route->type != RTN_LOCAL &&
           route->ifindex == address->ifindex &&
           (fake_prefix_equal(&route->destination, &network) ||
            fake_prefix_equal(&route->destination, &broadcast));
}

static bool is_told(route_test *why, const struct fake_route *route)
{
    return route->destination.family == AF_INET6 || why == is_its_local_route ||
           why == is_its_network_route;
}

/* Of IPv6 the kernel removes the first route to the network that it finds, whoever made it. */
static void remove_network_routes(const struct fake_interface_address *address)
{
    struct fake_route wanted = {.destination = fake_prefix_masked(address->prefix),
                                .table = RT_TABLE_MAIN,
                                .ifindex = address->ifindex};
    const char *sentence;

    if (address->prefix.family == AF_INET6)
        fake_route_delete(&wanted, &sentence);
    else
        remove_routes(is_its_network_route, address);
}

static bool is_sent_from(const struct fake_route *route, const void *about)
{
    const struct fake_interface_address *address = about;

    return fake_address_equal(&route->source, &address->prefix);
}

static bool has_same_local_route(const struct fake_interface_address *one,
                                 const struct fake_interface_address *other)
{
    struct fake_prefix source = one->secondary ? one->primary : one->prefix;
    struct fake_prefix other_source = other->secondary ? other->primary : other->prefix;

    return one->ifindex == other->ifindex && fake_address_equal(&one->prefix, &other->prefix) &&
           (one->prefix.family == AF_INET6 || fake_address_equal(&source, &other_source));
}

/* What no other address needs as well. The address itself is in the list no more. */
static void remove_its_routes(const struct fake_interface_address *address)
{
    bool network_is_used = address->secondary, local_route_is_used = false;
    struct fake_interface_address *other;

    TAILQ_FOREACH(other, &fake_world.addresses, entry)
    {
        network_is_used |= is_same_network(other, address);
        local_route_is_used |= has_same_local_route(other, address);
    }
    if (!network_is_used)
        remove_network_routes(address);
    if (!local_route_is_used)
        remove_routes(is_its_local_route, address);
    if (!fake_address_is_local(&address->prefix))
        remove_routes(is_sent_from, address);
}

static bool is_ipv4_of_link(const struct fake_route *route, const void *about)
{
    return route->destination.family == AF_INET && route->ifindex == *(const uint32_t *)about;
}

static bool has_ipv4(uint32_t ifindex)
{
    struct fake_interface_address *address;

    TAILQ_FOREACH(address, &fake_world.addresses, entry)
    if (address->ifindex == ifindex && address->prefix.family == AF_INET)
        return true;
    return false;
}

static void remove_secondaries(const struct fake_interface_address *primary)
{
    struct fake_interface_address *address = TAILQ_FIRST(&fake_world.addresses);

    while (address != NULL) {
        struct fake_interface_address *following = TAILQ_NEXT(address, entry);

        if (address->secondary && is_same_network(primary, address)) {
            TAILQ_REMOVE(&fake_world.addresses, address, entry);
            remove_its_routes(address);
            fake_notice_address(address, true);
            free(address);
        }
        address = following;
    }
}

/* With the last IPv4 address of a link all its IPv4 routes go, whoever made them. */
void fake_address_remove(struct fake_interface_address *address)
{
    uint32_t ifindex = address->ifindex;
    int family = address->prefix.family;

    if (family == AF_INET && !address->secondary)
        remove_secondaries(address);
    TAILQ_REMOVE(&fake_world.addresses, address, entry);
    remove_its_routes(address);
    fake_notice_address(address, true);
    free(address);
    if (family == AF_INET && !has_ipv4(ifindex))
        remove_routes(is_ipv4_of_link, &ifindex);
}

static void add_loopback_address(struct fake_link *link, const char *text)
{
    struct fake_prefix prefix = fake_prefix_parse(text);
    const char *sentence;

    if (fake_address_find(link->ifindex, &prefix) == NULL)
        fake_address_add(link, &prefix, RT_SCOPE_HOST, &sentence);
}

void fake_addresses_ipv6_on(const struct fake_link *link)
{
    struct fake_interface_address any = {.ifindex = link->ifindex};
    struct fake_route route = made_by_kernel(&any, fake_prefix_parse("ff00::/8"), RTN_MULTICAST);

    route.metric = IPV6_PREFIX_METRIC;
    add_route(route);
}

void fake_addresses_link_up(struct fake_link *link)
{
    struct fake_interface_address *address;

    TAILQ_FOREACH(address, &fake_world.addresses, entry)
    {
        if (address->ifindex == link->ifindex && address->prefix.family == AF_INET)
            add_network_routes(address);
        else if (address->ifindex == link->ifindex)
            add_ipv6_network_route(address);
    }
    if (link->ifindex == FAKE_LOOPBACK) {
        add_loopback_address(link, "127.0.0.1/8");
        if (fake_world.ipv6)
            add_loopback_address(link, "::1/128");
    } else if (fake_world.ipv6 && link->ipv6) {
        fake_addresses_ipv6_on(link);
    }
}

static bool is_lost_when_down(const struct fake_route *route, const void *about)
{
    return route->ifindex == *(const uint32_t *)about &&
           (route->destination.family == AF_INET6 || route->scope != RT_SCOPE_HOST);
}

static bool is_ipv6_of_link(const struct fake_route *route, const void *about)
{
    return route->destination.family == AF_INET6 && route->ifindex == *(const uint32_t *)about;
}

static bool is_of_link(const struct fake_route *route, const void *about)
{
    return route->ifindex == *(const uint32_t *)about;
}

/* family AF_UNSPEC: both. */
static void forget_addresses(uint32_t ifindex, int family)
{
    struct fake_interface_address *address = TAILQ_FIRST(&fake_world.addresses);

    while (address != NULL) {
        struct fake_interface_address *following = TAILQ_NEXT(address, entry);

        if (address->ifindex == ifindex &&
            (family == AF_UNSPEC || address->prefix.family == family))
            forget(address);
        address = following;
    }
}

/* IPv4 keeps its addresses and their local routes, IPv6 nothing. */
void fake_addresses_link_down(struct fake_link *link)
{
    remove_routes(is_lost_when_down, &link->ifindex);
    forget_addresses(link->ifindex, AF_INET6);
}

void fake_addresses_ipv6_off(struct fake_link *link)
{
    remove_routes(is_ipv6_of_link, &link->ifindex);
    forget_addresses(link->ifindex, AF_INET6);
}

void fake_addresses_link_gone(struct fake_link *link)
{
    remove_routes(is_of_link, &link->ifindex);
    forget_addresses(link->ifindex, AF_UNSPEC);
}
