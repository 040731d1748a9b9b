/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel has of a cluster's connections: known from before, or read again. */
#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "wireguard/slice.h"

static const struct wg_peer *find_in_dump(const struct subwg_instance *instance,
                                          const struct key *key)
{
    for (uint32_t i = 0; i < instance->dump.peer_count; i++)
        if (key_equal(&instance->dump.peers[i].public_key, key))
            return &instance->dump.peers[i];
    return NULL;
}

/* The peer of a connection as the dump has it, in the form of a leftover; NULL if it is not there. */
static int32_t actual_peer(const struct subwg_instance *instance,
                           const struct connection *connection, struct connection **ret_actual,
                           struct subwg_error *error)
{
    const struct wg_peer *peer = find_in_dump(instance, &connection->public_key);
    if (peer == NULL)
        return 0;
    *ret_actual = connection_from_peer(&instance->dump, peer);
    if (*ret_actual == NULL)
        return error_no_memory(error, "connect");
    /* A roamed endpoint is not a difference. */
    if (peer->endpoint.address.family != FAMILY_NONE)
        (*ret_actual)->installed_endpoint = connection->installed_endpoint;
    return 0;
}

/* Which of a connection's subnets the kernel really has our route to: a way back must not take one that
 * was there before. */
static void mark_routed(const struct subwg_instance *instance, struct connection *connection,
                        const struct route *routes, uint32_t count)
{
    for (uint32_t i = 0; i < connection->subnet_count; i++)
        connection->subnets[i].routed = false;
    for (uint32_t i = 0; i < count; i++) {
        struct subnet *subnet = connection_find_subnet(connection, &routes[i].destination);
        if (subnet != NULL && routes[i].ifindex == instance->ifindex)
            subnet->routed = true;
    }
}

/* Reads the kernel for those whose state is not known: after a failure, or after somebody's change. */
static int32_t read_unknown(struct subwg_instance *instance, struct slice *slice,
                            struct subwg_error *error)
{
    struct route *routes = NULL;
    uint32_t route_count = 0;
    bool unknown[SLICE_PARTS];
    bool any = false;
    for (size_t i = 0; i < SLICE_PARTS; i++) {
        unknown[i] = slice->connections[i] != NULL &&
                     (slice->connections[i]->installed == INSTALLED_OTHERWISE ||
                      slice->connections[i]->routes_doubtful);
        any = any || unknown[i];
    }
    if (!any)
        return 0;
    int32_t code = instance_dump(instance, error);
    if (code == 0 && instance->settings.routes)
        code = route_list(instance->netlink, instance->settings.table,
                          instance->settings.route_protocol, &routes, &route_count, error);
    for (size_t i = 0; i < SLICE_PARTS && code == 0; i++) {
        if (!unknown[i])
            continue;
        if (slice->connections[i]->installed == INSTALLED_OTHERWISE)
            code = actual_peer(instance, slice->connections[i], &slice->actual[i], error);
        slice->connections[i]->routes_doubtful = false;
        mark_routed(instance, slice->connections[i], routes, route_count);
    }
    free(routes);
    return code;
}

/* Whether the last dump has a peer with the key that was no connection's. A few such are remembered by
 * their places, so that nobody looks through thousands of others. */
static bool is_known_foreign(const struct subwg_instance *instance, const struct key *key)
{
    bool found = false;
    if (!instance->dump_taken || instance->stranger_count > INSTANCE_STRANGERS_MAX)
        return find_in_dump(instance, key) != NULL;
    for (uint32_t i = 0; i < instance->stranger_count && !found; i++)
        found = key_equal(&instance->dump.peers[instance->strangers[i]].public_key, key);
    return found;
}

/* What a failed connect of the same key left, and could not take back: nobody wants it back. */
static int32_t remove_left(struct subwg_instance *instance, const struct key *key,
                           struct subwg_error *error)
{
    const struct peer_state left = {.public_key = *key};
    const struct state found = {.peers = &left, .peer_count = 1};
    const struct state wanted = {0};
    struct target target = instance_target(instance);
    target.one_way = true;
    int32_t code = instance_change(instance, &target, &wanted, &found, error);
    instance->half_done = code < 0;
    return code < 0 ? code : 0;
}

/* A peer with the new key that is no connection's, as one made by hand since init: a way back must not
 * take it, and it keeps nothing that was not asked for. The last dump tells whether to look, unless a failure
 * has left something since. */
static int32_t find_foreign(struct subwg_instance *instance, const struct connection *candidate,
                            struct slice *slice, struct subwg_error *error)
{
    bool known = is_known_foreign(instance, &candidate->public_key);
    if (!known && !instance->half_done)
        return 0;
    int32_t code = instance_dump(instance, error);
    if (code != 0)
        return code;
    const struct wg_peer *peer = find_in_dump(instance, &candidate->public_key);
    if (peer == NULL)
        return 0;
    if (!known)
        return remove_left(instance, &candidate->public_key, error);
    slice->actual[SLICE_CLAIMED] = connection_from_peer(&instance->dump, peer);
    return slice->actual[SLICE_CLAIMED] != NULL ? 0 : error_no_memory(error, "connect");
}

int32_t slice_find(struct subwg_instance *instance, const struct connection *candidate,
                   struct slice *ret_slice, struct subwg_error *error)
{
    struct connection *current = table_find_cluster(&instance->table, candidate->cluster_id);
    struct connection *predecessor = current != NULL ? current->predecessor : NULL;
    struct connection *named = table_find_key(&instance->table, &candidate->public_key);
    if (current == NULL)
        predecessor = table_find_held(&instance->table, candidate);
    struct connection *claimed = named != current && named != predecessor ? named : NULL;
    *ret_slice = (struct slice){.connections = {current, predecessor, claimed}};
    int32_t code = read_unknown(instance, ret_slice, error);
    return code == 0 && named == NULL ? find_foreign(instance, candidate, ret_slice, error) : code;
}

static bool is_routed(const struct slice *slice, const struct prefix *subnet)
{
    bool routed = false;
    for (size_t i = 0; i < SLICE_PARTS && !routed; i++) {
        const struct connection *part = slice->connections[i];
        const struct subnet *there = part != NULL ? connection_find_subnet(part, subnet) : NULL;
        routed = there != NULL && there->routed;
    }
    return routed;
}

int32_t slice_yield(struct subwg_instance *instance, const struct connection *candidate,
                    struct slice *slice, struct subwg_error *error)
{
    bool all = true;
    for (uint32_t i = 0; i < candidate->subnet_count && all; i++)
        all = is_routed(slice, &candidate->allowed_ips[i]);
    if (all || !instance->settings.routes)
        return 0;
    return found_routes(instance, instance->ifindex, &slice->foreign, error);
}

void slice_finish(struct slice *slice)
{
    found_finish(&slice->foreign);
    for (size_t i = 0; i < SLICE_PARTS; i++)
        connection_destroy(slice->actual[i]);
}
