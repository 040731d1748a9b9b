/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/wanted.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "wireguard/moves.h"

static const uint8_t families[] = {FAMILY_IPV4, FAMILY_IPV6};

/* The device. */

void wanted_device(const struct subwg_instance *instance, uint32_t mtu, struct wanted *wanted)
{
    const struct settings *settings = &instance->settings;
    wanted->device = (struct device_state){
        .exists = true,
        .name_set = true,
        .alias_set = true,
        .up = true,
        .has_private_key = true,
        .listen_port = settings->port,
        .mark = settings->mark,
        .mtu = settings->mtu != 0 ? settings->mtu : mtu,
    };
    wanted->state.device = &wanted->device;
}

uint32_t wanted_mtu(const struct subwg_instance *instance, uint32_t path_mtu,
                    const struct connection *const *except, uint32_t except_count)
{
    const struct table *table = &instance->table;
    uint32_t leftovers = table->adopted_count;
    uint32_t except_mtus[WANTED_MTU_EXCEPT_MAX];
    if (instance->settings.mtu != 0)
        return instance->settings.mtu;
    for (uint32_t i = 0; i < except_count; i++) {
        except_mtus[i] = except[i]->path_mtu;
        leftovers -= except[i]->adopted;
    }
    uint32_t least = path_mtus_least(&table->path_mtus, except_mtus, except_count);
    if (least != 0 && (path_mtu == 0 || least < path_mtu))
        path_mtu = least;
    if (path_mtu == 0)
        return instance->mtu;
    uint32_t mtu = path_mtu < LIMIT_MTU_LEAST + LIMIT_TUNNEL_OVERHEAD
                       ? LIMIT_MTU_LEAST
                       : path_mtu - LIMIT_TUNNEL_OVERHEAD;
    return leftovers > 0 && mtu > instance->mtu ? instance->mtu : mtu;
}

static bool choose_source(const struct subwg_instance *instance, uint8_t family,
                          const struct interface_address *addresses, uint32_t count,
                          struct prefix *ret_source)
{
    const struct settings *settings = &instance->settings;
    for (uint32_t i = 0; i < count && settings->source_address_auto; i++) {
        struct address host = prefix_address(&addresses[i].prefix);
        if (host.family != family || addresses[i].ifindex == instance->ifindex)
            continue;
        for (uint32_t j = 0; j < instance->local.subnet_count; j++)
            if (prefix_contains(&instance->local.subnets[j], &host)) {
                *ret_source = prefix_of_address(&host);
                return true;
            }
    }
    for (uint32_t i = 0; i < SETTINGS_SOURCE_ADDRESSES_MAX; i++)
        if (settings->source_addresses[i].family == family) {
            *ret_source = prefix_of_address(&settings->source_addresses[i]);
            return true;
        }
    for (uint32_t i = 0; i < instance->address_count; i++)
        if (instance->addresses[i].family == family) {
            *ret_source = instance->addresses[i];
            return true;
        }
    return false;
}

void wanted_addresses(const struct subwg_instance *instance,
                      const struct interface_address *addresses, uint32_t count,
                      struct wanted *wanted)
{
    for (size_t i = 0; i < INSTANCE_ADDRESSES_MAX; i++)
        if (choose_source(instance, families[i], addresses, count,
                          &wanted->addresses[wanted->state.address_count]))
            wanted->state.address_count++;
    wanted->state.addresses = wanted->addresses;
}

/* Whatever does not carry the mark of the tunnel's own packets looks for a remote subnet first. */
void wanted_rules(const struct subwg_instance *instance, bool ipv6, struct wanted *wanted)
{
    const struct settings *settings = &instance->settings;
    for (size_t i = 0; i < 2 && settings->routes; i++)
        if (families[i] == FAMILY_IPV4 || ipv6)
            wanted->rules[wanted->state.rule_count++] = (struct rule){
                .family = families[i],
                .invert = true,
                .plain = true,
                .protocol = settings->route_protocol,
                .priority = settings->rule_priority,
                .mark = settings->mark,
                .mask = UINT32_MAX,
                .table = settings->table,
            };
    wanted->state.rules = wanted->rules;
}

/* Connections. */

static uint64_t elapsed(uint64_t since_ns, uint64_t now_ns)
{
    return now_ns > since_ns ? now_ns - since_ns : 0;
}

bool wanted_has(const struct connection *connection)
{
    const struct connection *current =
        connection->successor != NULL ? connection->successor : connection;
    return !connection->adopted && current->withheld.kind == OVERLAP_NONE;
}

/* A remote that moved is followed by the kernel, and its new address is as good as the wanted one until
 * nothing comes from it any more. */
static bool endpoint_may_roam(const struct connection *connection, uint64_t now_ns)
{
    const struct status_state *status = &connection->status;
    uint64_t heard_ns = status->heard ? status->heard_ns : status->started_ns;
    return elapsed(heard_ns, now_ns) < LIMIT_ENDPOINT_RETRY_S * NS_PER_S ||
           elapsed(connection->endpoint_set_ns, now_ns) < LIMIT_ENDPOINT_RETRY_S * NS_PER_S;
}

bool wanted_is_peer_found(const struct subwg_instance *instance,
                          const struct connection *connection, uint64_t now_ns)
{
    const struct socket_address *wanted = &connection->endpoint;
    if (!table_has_seen(&instance->table, connection) ||
        connection->installed != INSTALLED_AS_WANTED || !wanted_has(connection))
        return false;
    const struct socket_address *found = &instance->dump.peers[connection->place].endpoint;
    return wanted->address.family == FAMILY_NONE || socket_address_equal(wanted, found) ||
           (found->address.family != FAMILY_NONE && endpoint_may_roam(connection, now_ns));
}

/* A cluster whose key changes has two connections, of which one carries the subnets. */
static void want_connection(const struct subwg_instance *instance,
                            const struct connection *connection, const struct found *found,
                            uint64_t now_ns, struct wanted *wanted)
{
    uint32_t carried_count = connection_carried_count(connection);
    if (!connection->settled)
        wanted->peers[wanted->state.peer_count++] = (struct peer_state){
            .public_key = connection->public_key,
            .endpoint = connection->endpoint,
            .endpoint_may_roam = endpoint_may_roam(connection, now_ns),
            .preshared_key = instance_preshared_key(instance),
            .keepalive_s = connection_keepalive_s(connection),
            .allowed_ips = connection->allowed_ips,
            .allowed_ip_count = carried_count,
        };
    bool all_routed = found->routes_kept || !instance->settings.routes;
    for (uint32_t i = 0; i < carried_count && !all_routed; i++)
        if (!connection->subnets[i].routed &&
            found_obstacle(found, &connection->allowed_ips[i]) == NULL)
            wanted->routes[wanted->state.route_count++] = connection->allowed_ips[i];
}

/* Until the engine has named all that it knows, anything may still find its owner. */
static bool may_stay(const struct subwg_instance *instance, const struct connection *connection,
                     uint64_t now_ns)
{
    return !instance->list_completed || !leftover_may_go(connection, now_ns);
}

static void keep_found(const struct subwg_instance *instance, const struct found *found,
                       uint64_t now_ns, struct wanted *wanted)
{
    for (uint32_t i = 0; i < found->peer_count; i++) {
        const struct connection *connection =
            table_find_key(&instance->table, &found->peers[i].public_key);
        if ((connection == NULL || connection->adopted) && may_stay(instance, connection, now_ns))
            wanted->peers[wanted->state.peer_count++] = found->peers[i];
    }
    for (uint32_t i = 0; i < found->route_count; i++) {
        const struct connection *owner = found_owner(instance, &found->routes[i]);
        if ((owner == NULL || owner->adopted) &&
            (may_stay(instance, owner, now_ns) || moves_carry(instance, &found->routes[i])))
            wanted->routes[wanted->state.route_count++] = found->routes[i];
    }
}

/* Room for what is not there as it is wanted, and for all that may be kept. */
static int32_t make_room(const struct table *table, const struct found *found,
                         struct wanted *wanted)
{
    size_t peers = (size_t)found->peer_count + 1;
    size_t routes = (size_t)found->route_count + 1;
    for (uint32_t i = 0; i < table->count; i++) {
        const struct connection *connection = table->connections[i];
        peers += !connection->settled;
        for (uint32_t j = 0; j < connection->subnet_count && !found->routes_kept; j++)
            routes += !connection->subnets[j].routed;
    }
    wanted->peers = calloc(peers, sizeof(*wanted->peers));
    wanted->routes = calloc(routes, sizeof(*wanted->routes));
    return wanted->peers != NULL && wanted->routes != NULL ? 0 : -ENOMEM;
}

int32_t wanted_connections(const struct subwg_instance *instance, const struct found *found,
                           uint64_t now_ns, struct wanted *wanted)
{
    const struct table *table = &instance->table;
    if (make_room(table, found, wanted) != 0)
        return -ENOMEM;
    for (uint32_t i = 0; i < table->count; i++)
        if (wanted_has(table->connections[i]))
            want_connection(instance, table->connections[i], found, now_ns, wanted);
    keep_found(instance, found, now_ns, wanted);
    if (wanted->state.route_count > 1)
        qsort(wanted->routes, wanted->state.route_count, sizeof(*wanted->routes), prefix_order);
    wanted->state.peers = wanted->peers;
    wanted->state.routes = wanted->routes;
    return 0;
}

void wanted_note(struct subwg_instance *instance, const struct wanted *wanted)
{
    instance->mtu = wanted->device.mtu;
    instance->address_count = wanted->state.address_count;
    for (uint32_t i = 0; i < wanted->state.address_count; i++)
        instance->addresses[i] = wanted->addresses[i];
}

void wanted_finish(struct wanted *wanted)
{
    free(wanted->peers);
    free(wanted->routes);
}
