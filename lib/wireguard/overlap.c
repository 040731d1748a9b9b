/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/overlap.h"

#include <string.h>

#include "base/text.h"
#include "wireguard/instance.h"

static bool same_host(const struct address *a, const struct address *b)
{
    return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* The own endpoint's addresses and whatever else this host has at the moment. Behind one public address
 * other gateways may listen on other ports. */
static bool endpoint_is_own(const struct subwg_instance *instance,
                            const struct socket_address *endpoint,
                            const struct interface_address *addresses, uint32_t count)
{
    const struct local *local = &instance->local;
    bool own = address_equal(&endpoint->address, &local->private_address) ||
               (address_equal(&endpoint->address, &local->public_address) &&
                endpoint->port == instance->settings.port);
    for (uint32_t i = 0; i < count && !own; i++) {
        struct address host = prefix_address(&addresses[i].prefix);
        own = same_host(&host, &endpoint->address);
    }
    return own;
}

static struct overlap find_in_own_subnets(const struct local *local, const struct prefix *subnet)
{
    for (uint32_t i = 0; i < local->subnet_count; i++)
        if (prefix_overlaps(subnet, &local->subnets[i]))
            return (struct overlap){.kind = OVERLAP_OWN_SUBNET, .other = local->subnets[i]};
    return (struct overlap){.kind = OVERLAP_NONE};
}

/* The tunnel's own addresses are no network of the host. */
static struct overlap find_in_networks(uint32_t own_ifindex, const struct prefix *subnet,
                                       const struct interface_address *addresses, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct prefix network = prefix_masked(&addresses[i].prefix);
        if (addresses[i].ifindex != own_ifindex && prefix_overlaps(subnet, &network) &&
            prefix_special_range(&network) == NULL)
            return (struct overlap){.kind = OVERLAP_NETWORK, .other = network};
    }
    return (struct overlap){.kind = OVERLAP_NONE};
}

struct overlap overlap_find_subnet(const struct subwg_instance *instance,
                                   const struct connection *connection,
                                   const struct interface_address *addresses, uint32_t count)
{
    struct overlap found = {.kind = OVERLAP_NONE};
    for (uint32_t i = 0; i < connection->subnet_count && found.kind == OVERLAP_NONE; i++) {
        const struct prefix *subnet = &connection->allowed_ips[i];
        found = find_in_own_subnets(&instance->local, subnet);
        if (found.kind == OVERLAP_NONE)
            found = find_in_networks(instance->ifindex, subnet, addresses, count);
        found.subnet = i;
    }
    return found;
}

struct overlap overlap_find(const struct subwg_instance *instance,
                            const struct connection *connection,
                            const struct interface_address *addresses, uint32_t count)
{
    if (endpoint_is_own(instance, &connection->endpoint, addresses, count))
        return (struct overlap){.kind = OVERLAP_ENDPOINT};
    return overlap_find_subnet(instance, connection, addresses, count);
}

const char *overlap_describe(const struct overlap *overlap, const struct connection *connection,
                             char text[OVERLAP_TEXT_SIZE])
{
    char subnet[PREFIX_TEXT_SIZE];
    char other[PREFIX_TEXT_SIZE];
    char endpoint[SOCKET_ADDRESS_TEXT_SIZE];
    struct text out = text_over(text, OVERLAP_TEXT_SIZE);
    if (overlap->kind == OVERLAP_ENDPOINT)
        text_append(&out, "%s is an address of this gateway itself",
                    socket_address_format(&connection->endpoint, endpoint));
    else if (overlap->kind != OVERLAP_NONE)
        text_append(&out, "subnet %s overlaps the %s %s",
                    prefix_format(&connection->allowed_ips[overlap->subnet], subnet),
                    overlap->kind == OVERLAP_OWN_SUBNET ? "own cluster's subnet"
                                                        : "network of this host",
                    prefix_format(&overlap->other, other));
    return text;
}
