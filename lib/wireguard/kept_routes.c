/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/kept_routes.h"

#include "base/clock.h"
#include "base/limits.h"
#include "wireguard/instance.h"
#include "wireguard/wanted.h"

/* How many routes are wanted; false if one of them is not known to be there. */
static bool count_wanted(const struct subwg_instance *instance, int64_t *ret_count)
{
    int64_t count = 0;
    for (uint32_t i = 0; i < instance->table.count; i++) {
        const struct connection *connection = instance->table.connections[i];
        uint32_t carried_count = wanted_has(connection) ? connection_carried_count(connection) : 0;
        for (uint32_t j = 0; j < carried_count; j++)
            if (!connection->subnets[j].routed)
                return false;
        count += carried_count;
    }
    *ret_count = count;
    return true;
}

bool kept_routes_ask(struct subwg_instance *instance, uint32_t ifindex)
{
    struct kept_routes *kept = &instance->routes;
    int32_t ours = 0;
    bool quiet = route_unchanged(instance->netlink, instance->settings.table, ifindex, &ours);
    kept->known = kept->known && quiet;
    kept->count += ours;
    return quiet;
}

bool kept_routes_hold(const struct subwg_instance *instance, uint32_t ifindex, uint64_t now_ns)
{
    const struct kept_routes *kept = &instance->routes;
    int64_t count = 0;
    return kept->known && kept->ifindex == ifindex &&
           now_ns - kept->listed_ns < LIMIT_ROUTES_KEPT_S * NS_PER_S &&
           count_wanted(instance, &count) && kept->count == count;
}

void kept_routes_keep(struct subwg_instance *instance, uint32_t ifindex, uint64_t now_ns)
{
    struct kept_routes *kept = &instance->routes;
    *kept = (struct kept_routes){.ifindex = ifindex, .listed_ns = now_ns};
    kept->known = count_wanted(instance, &kept->count);
}

void kept_routes_forget(struct subwg_instance *instance)
{
    instance->routes.known = false;
}
