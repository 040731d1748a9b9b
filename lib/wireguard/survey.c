/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/survey.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/limits.h"
#include "wireguard/identity.h"

_Static_assert(LIMIT_PATHS_A_RECONCILE <= LIMIT_LOOKUPS_A_SEND, "asked for at once");

/* A path may have shrunk or grown since connect; some are looked up each time, all of them in turn: of
 * thousands they would cost more than all the rest. Where there is no way at the moment, or the kernel
 * refuses to look for one, what was known stays. */
static int32_t look_at_paths(struct subwg_instance *instance, struct subwg_error *error)
{
    struct table *table = &instance->table;
    struct connection *asked[LIMIT_PATHS_A_RECONCILE];
    struct address addresses[LIMIT_PATHS_A_RECONCILE];
    struct route_lookup ways[LIMIT_PATHS_A_RECONCILE];
    int32_t results[LIMIT_PATHS_A_RECONCILE];
    uint32_t count = 0;
    for (uint32_t i = 0; i < table->count && i < LIMIT_PATHS_A_RECONCILE; i++) {
        struct connection *connection = table->connections[instance->next_path++ % table->count];
        /* A leftover that keeps subnets for its cluster's new key may never have had an endpoint. */
        if (connection->adopted || connection->endpoint.address.family == FAMILY_NONE)
            continue;
        addresses[count] = connection->endpoint.address;
        asked[count++] = connection;
    }
    if (count == 0)
        return 0;
    int32_t code = route_lookup_many(instance->netlink, addresses, count, instance->settings.mark,
                                     ways, results, error);
    for (uint32_t i = 0; i < count && code == 0; i++)
        if (results[i] == 0)
            table_set_path_mtu(table, asked[i], ways[i].mtu);
    return code;
}

/* Where it was the last time, mostly. */
static bool find_route(const struct found *found, const struct prefix *prefix, uint32_t *place)
{
    if (*place < found->route_count && prefix_equal(&found->routes[*place], prefix))
        return true;
    const struct prefix *route =
        found->route_count == 0
            ? NULL
            : bsearch(prefix, found->routes, found->route_count, sizeof(*route), prefix_order);
    if (route != NULL)
        *place = (uint32_t)(route - found->routes);
    return route != NULL;
}

static void settle_routes_of(struct connection *connection, const struct found *found,
                             bool *settled)
{
    uint32_t carried_count = connection_carried_count(connection);
    bool wanted = wanted_has(connection);
    for (uint32_t i = 0; i < connection->subnet_count; i++) {
        struct subnet *subnet = &connection->subnets[i];
        const struct prefix *prefix = &connection->allowed_ips[i];
        subnet->routed = i < carried_count && find_route(found, prefix, &subnet->route_place);
        if (subnet->routed && wanted && found_obstacle(found, prefix) == NULL)
            settled[subnet->route_place] = true;
    }
}

/* Takes out what was marked. */
static void drop_settled_routes(struct found *found, const bool *settled)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < found->route_count; i++)
        if (!settled[i])
            found->routes[kept++] = found->routes[i];
    found->route_count = kept;
}

/* Which subnets have their route, whoever put it there or took it away. Of the routes those are left that
 * are not as wanted: in a quiet network there are none, and nothing to compare. */
static int32_t settle_routes(struct subwg_instance *instance, struct found *found)
{
    bool *settled = calloc((size_t)found->route_count + 1, sizeof(*settled));
    if (settled == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < instance->table.count; i++)
        settle_routes_of(instance->table.connections[i], found, settled);
    drop_settled_routes(found, settled);
    free(settled);
    return 0;
}

/* Whether nothing was told before the list is asked in any case: only then it may be kept. */
static int32_t read_routes(struct subwg_instance *instance, struct survey *survey, uint64_t now_ns,
                           struct subwg_error *error)
{
    struct found *found = &survey->found;
    uint32_t ifindex = found->link.ifindex;
    survey->routes_quiet = kept_routes_ask(instance, ifindex);
    found->routes_kept = found->device.up && kept_routes_hold(instance, ifindex, now_ns);
    return found->routes_kept ? 0 : found_routes(instance, ifindex, found, error);
}

static void keep_routes(struct subwg_instance *instance, const struct survey *survey,
                        uint64_t now_ns)
{
    const struct found *found = &survey->found;
    if (found->routes_kept)
        return;
    kept_routes_forget(instance);
    if (survey->routes_quiet && found->device.up && found->route_count == 0 &&
        found->other_count == 0 && survey->wanted.state.route_count == 0)
        kept_routes_keep(instance, found->link.ifindex, now_ns);
}

static void settle_peers(struct subwg_instance *instance, uint64_t now_ns)
{
    for (uint32_t i = 0; i < instance->table.count; i++) {
        struct connection *connection = instance->table.connections[i];
        connection->settled = wanted_is_peer_found(instance, connection, now_ns);
    }
}

/* A key that somebody else set: where a file keeps ours it is set again, otherwise ours cannot be got
 * back, and the device's is ours from now on. */
static void judge_key(struct subwg_instance *instance, struct survey *survey)
{
    struct device_state *device = &survey->found.device;
    bool differs =
        device->has_private_key && !key_equal(&instance->dump.public_key, &instance->public_key);
    if (!differs)
        return;
    if (instance->settings.key_file[0] != '\0' && identity_check(instance, NULL, NULL) == 0)
        device->has_private_key = false;
    else
        survey->key_changed = true;
}

static int32_t read_found(struct subwg_instance *instance, struct survey *survey, uint64_t now_ns,
                          struct subwg_error *error)
{
    struct found *found = &survey->found;
    int32_t code = found_own_device(instance, found, error);
    if (code == 0 && instance->settings.routes)
        code = read_routes(instance, survey, now_ns, error);
    if (code == 0 && instance->settings.routes)
        code = found_rules(instance, found, error);
    if (code == 0 && instance->settings.mtu == 0)
        code = look_at_paths(instance, error);
    if (code != 0)
        return code;
    judge_key(instance, survey);
    report_take_dump(instance);
    settle_peers(instance, now_ns);
    if (!found->routes_kept)
        code = settle_routes(instance, found);
    if (code == 0)
        code = found_peers(instance, found);
    return code == 0 ? 0 : error_no_memory(error, "reconcile");
}

int32_t survey_take(struct subwg_instance *instance, const struct interface_address *addresses,
                    uint32_t address_count, uint64_t now_ns, struct survey *survey,
                    struct subwg_error *error)
{
    struct found *found = &survey->found;
    struct wanted *wanted = &survey->wanted;
    int32_t code = read_found(instance, survey, now_ns, error);
    if (code == 0) {
        wanted_device(instance, wanted_mtu(instance, 0, NULL, 0), wanted);
        wanted_addresses(instance, addresses, address_count, wanted);
        wanted_rules(instance, found->ipv6, wanted);
        code = found_addresses(instance, addresses, address_count, &wanted->state, found, error);
    }
    if (code == 0 && wanted_connections(instance, found, now_ns, wanted) != 0)
        code = error_no_memory(error, "reconcile");
    if (code == 0 && instance->settings.routes)
        keep_routes(instance, survey, now_ns);
    survey->found_state = found_to_state(found);
    if (code == 0 && plan_make(&wanted->state, &survey->found_state,
                               &instance->secrets->preshared_key, &survey->plan) != 0)
        code = error_no_memory(error, "reconcile");
    survey->scene =
        (struct drift_scene){instance->settings.device, found->link.name, instance->settings.table,
                             &wanted->state, &survey->found_state};
    survey->rp_filter = 0;
    if (code == 0 && found->device.exists)
        (void)netconf_rp_filter(instance->netlink, found->link.ifindex, &survey->rp_filter, NULL);
    return code;
}

void survey_finish(struct survey *survey)
{
    plan_finish(&survey->plan);
    wanted_finish(&survey->wanted);
    found_finish(&survey->found);
}
