/* SPDX-License-Identifier: Apache-2.0 */
/* connect, disconnect and the end of leftovers: one connection's slice of the device. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"
#include "wireguard/instance.h"

#define TUNNEL_OVERHEAD_BYTES 80u   /* outer IPv6 and UDP headers and WireGuard's own */
#define MTU_LEAST             1280u /* below it the kernel takes IPv6 off the device */

/* A slice of states: at most the cluster's current peer and a leftover with the new key. */
struct slice {
    struct state state;
    struct peer_state peers[2];
    struct prefix *routes;
    struct device_state device;
};

static uint8_t wanted_preshared_key(const struct subwg_instance *instance)
{
    return instance->secrets->has_preshared_key ? WG_PRESHARED_KEY_EXPECTED : WG_PRESHARED_KEY_NONE;
}

static void slice_add_peer(struct slice *slice, const struct connection *connection,
                           uint8_t preshared_key)
{
    slice->peers[slice->state.peer_count++] = (struct peer_state){
        .public_key = connection->public_key,
        .endpoint = connection->endpoint,
        .preshared_key = preshared_key,
        .keepalive_s = connection->keepalive_s,
        .allowed_ips = connection->allowed_ips,
        .allowed_ip_count = connection->subnet_count,
    };
    slice->state.peers = slice->peers;
}

static bool has_prefix(const struct connection *connection, const struct prefix *prefix)
{
    return connection->subnet_count > 0 &&
           bsearch(prefix, connection->allowed_ips, connection->subnet_count, sizeof(*prefix),
                   prefix_order) != NULL;
}

/* Adds the destinations of a connection's subnets, those that are routed; room was made by the
 * caller. Where except is given, those that it shares with it are left out. */
static void slice_add_routes(struct slice *slice, const struct connection *connection,
                             const struct connection *except)
{
    for (uint32_t i = 0; i < connection->subnet_count; i++)
        if (connection->subnets[i].routed &&
            (except == NULL || !has_prefix(except, &connection->allowed_ips[i])))
            slice->routes[slice->state.route_count++] = connection->allowed_ips[i];
    slice->state.routes = slice->routes;
}

/* Sorts, and drops equal ones: two connections may know of the same route. */
static void slice_order_routes(struct slice *slice)
{
    if (slice->state.route_count < 2)
        return;
    qsort(slice->routes, slice->state.route_count, sizeof(struct prefix), prefix_order);
    uint32_t kept = 1;
    for (uint32_t i = 1; i < slice->state.route_count; i++)
        if (!prefix_equal(&slice->routes[kept - 1], &slice->routes[i]))
            slice->routes[kept++] = slice->routes[i];
    slice->state.route_count = kept;
}

static int32_t no_memory(struct subwg_error *error, const char *operation)
{
    return error_set(error, -ENOMEM, SUBWG_REASON_NO_MEMORY, operation, "%s", error_phrase(ENOMEM));
}

/* What the kernel has of a connection that is not as wanted: read it, as a leftover would be. */
static int32_t read_actual(struct subwg_instance *instance, const struct connection *connection,
                           struct connection **ret_actual, struct subwg_error *error)
{
    int32_t code = instance_dump(instance, error);
    if (code != 0)
        return code;
    *ret_actual = NULL;
    for (uint32_t i = 0; i < instance->dump.peer_count; i++) {
        const struct wg_peer *peer = &instance->dump.peers[i];
        if (!key_equal(&peer->public_key, &connection->public_key))
            continue;
        *ret_actual = connection_from_peer(&instance->dump, peer);
        if (*ret_actual == NULL)
            return no_memory(error, "connect");
        /* A roamed endpoint is not a difference. */
        if (peer->endpoint.address.family != FAMILY_NONE)
            (*ret_actual)->endpoint = connection->endpoint;
    }
    return 0;
}

/* The MTU of the path to a new endpoint; the device follows the smallest one. Not knowing it (no
 * route yet) is no reason to fail. */
static uint32_t find_path_mtu(struct subwg_instance *instance, const struct connection *candidate)
{
    struct route_lookup lookup;
    if (instance->settings.mtu != 0 || route_lookup(instance->netlink, &candidate->endpoint.address,
                                                    instance->settings.mark, &lookup, NULL) != 0)
        return 0;
    return lookup.mtu;
}

/* The smallest path over all connections with replaced's exchanged for candidate's, minus overhead. */
static uint32_t device_mtu(const struct subwg_instance *instance,
                           const struct connection *candidate, const struct connection *replaced)
{
    if (instance->settings.mtu != 0)
        return instance->settings.mtu;
    uint32_t path = candidate->path_mtu;
    for (uint32_t i = 0; i < instance->table.count; i++) {
        const struct connection *other = instance->table.connections[i];
        if (other != replaced && other->path_mtu != 0 && (path == 0 || other->path_mtu < path))
            path = other->path_mtu;
    }
    if (path == 0)
        return instance->mtu;
    return path < MTU_LEAST + TUNNEL_OVERHEAD_BYTES ? MTU_LEAST : path - TUNNEL_OVERHEAD_BYTES;
}

/* The connections that a candidate takes the place of. */
struct replaced {
    struct connection *current; /* of the same cluster */
    struct connection *claimed; /* the leftover with the candidate's key */
    struct connection *actual;  /* what the kernel really has of current, when that is not known */
};

static int32_t find_replaced(struct subwg_instance *instance, const struct connection *candidate,
                             struct replaced *replaced, struct subwg_error *error)
{
    *replaced = (struct replaced){0};
    replaced->current = table_find_cluster(&instance->table, candidate->cluster_id);
    replaced->claimed = table_find_key(&instance->table, &candidate->public_key);
    if (replaced->claimed == replaced->current)
        replaced->claimed = NULL;
    if (replaced->current != NULL && replaced->current->installed == INSTALLED_OTHERWISE)
        return read_actual(instance, replaced->current, &replaced->actual, error);
    return 0;
}

static void fill_found(struct slice *found, const struct connection *candidate,
                       const struct replaced *replaced)
{
    const struct connection *current = replaced->current;
    const struct connection *claimed = replaced->claimed;
    if (current != NULL && current->installed == INSTALLED_AS_WANTED)
        slice_add_peer(found, current, current->installed_preshared_key);
    else if (replaced->actual != NULL)
        slice_add_peer(found, replaced->actual, replaced->actual->installed_preshared_key);
    if (claimed != NULL)
        slice_add_peer(found, claimed, claimed->installed_preshared_key);
    /* Where the kernel's state is not known, what is wanted is asked for again: a route of ours that
     * is there counts as done. */
    if (current != NULL)
        slice_add_routes(found, current,
                         current->installed == INSTALLED_OTHERWISE ? candidate : NULL);
    if (claimed != NULL)
        slice_add_routes(found, claimed, NULL);
    slice_order_routes(found);
}

static void fill_wanted(struct slice *wanted, const struct subwg_instance *instance,
                        const struct connection *candidate, const struct replaced *replaced)
{
    slice_add_peer(wanted, candidate, wanted_preshared_key(instance));
    /* A leftover that was heard lately may have roamed; its endpoint works, so it stays. */
    wanted->peers[0].endpoint_may_roam =
        replaced->claimed != NULL && replaced->claimed->status.heard;
    if (instance->settings.routes) {
        wanted->state.routes = candidate->allowed_ips;
        wanted->state.route_count = candidate->subnet_count;
    }
}

/* Changes the kernel from what it has of the replaced ones to the candidate. */
static int32_t install(struct subwg_instance *instance, const struct connection *candidate,
                       const struct replaced *replaced, struct subwg_error *error)
{
    struct slice wanted = {0};
    struct slice found = {0};
    uint32_t room = 1 + (replaced->current != NULL ? replaced->current->subnet_count : 0) +
                    (replaced->claimed != NULL ? replaced->claimed->subnet_count : 0);
    found.routes = calloc(room, sizeof(struct prefix));
    if (found.routes == NULL)
        return no_memory(error, "connect");
    fill_found(&found, candidate, replaced);
    fill_wanted(&wanted, instance, candidate, replaced);
    found.device =
        (struct device_state){.exists = true, .alias_set = true, .up = true, .mtu = instance->mtu};
    wanted.device = found.device;
    wanted.device.mtu = device_mtu(instance, candidate, replaced->current);
    found.state.device = &found.device;
    wanted.state.device = &wanted.device;

    struct target target = instance_target(instance);
    int32_t code = apply_difference(&target, &wanted.state, &found.state, error);
    if (code >= 0)
        instance->mtu = wanted.device.mtu;
    free(found.routes);
    return code;
}

static bool same_announcement(const struct connection *a, const struct connection *b)
{
    bool same =
        strcmp(a->cable_name, b->cable_name) == 0 && strcmp(a->hostname, b->hostname) == 0 &&
        strcmp(a->private_ip, b->private_ip) == 0 && strcmp(a->public_ip, b->public_ip) == 0 &&
        a->use_nat == b->use_nat && a->subnet_text_count == b->subnet_text_count;
    for (uint32_t i = 0; same && i < a->subnet_text_count; i++)
        same = strcmp(a->subnet_texts[i], b->subnet_texts[i]) == 0;
    return same;
}

/* The history that goes on in the candidate. */
static void inherit_status(struct connection *candidate, const struct replaced *replaced,
                           uint64_t now_ns)
{
    const struct connection *current = replaced->current;
    const struct connection *claimed = replaced->claimed;
    if (current == NULL && claimed != NULL) {
        candidate->status = claimed->status;
    } else if (current != NULL) {
        candidate->status = current->status;
        bool same_peer = key_equal(&current->public_key, &candidate->public_key) &&
                         current->installed != INSTALLED_NOTHING;
        if (!same_peer)
            status_restart(&candidate->status, now_ns);
    } else {
        status_start(&candidate->status, now_ns, false);
    }
}

/* Puts the candidate in the place of those that it replaces. Cannot fail. */
static void commit(struct subwg_instance *instance, struct connection *candidate,
                   const struct replaced *replaced)
{
    inherit_status(candidate, replaced, instance_now(instance));
    candidate->installed = INSTALLED_AS_WANTED;
    candidate->installed_preshared_key = wanted_preshared_key(instance);
    for (uint32_t i = 0; i < candidate->subnet_count; i++)
        candidate->subnets[i].routed = instance->settings.routes;
    if (replaced->current != NULL) {
        table_remove(&instance->table, replaced->current);
        connection_destroy(replaced->current);
    }
    if (replaced->claimed != NULL) {
        table_remove(&instance->table, replaced->claimed);
        connection_destroy(replaced->claimed);
    }
    table_insert(&instance->table, candidate);
}

int32_t connect_candidate(struct subwg_instance *instance, struct connection *candidate,
                          struct subwg_error *error)
{
    struct replaced replaced = {0};
    int32_t code = policy_check(instance, candidate, error);
    if (code != 0)
        return code;
    if (instance->table.count >= LIMIT_CONNECTIONS)
        return error_set(error, -ENOSPC, SUBWG_REASON_LIMIT, "connect",
                         "%u connections are the most that a device takes", LIMIT_CONNECTIONS);
    if (!table_reserve(&instance->table))
        return no_memory(error, "connect");
    code = find_replaced(instance, candidate, &replaced, error);
    if (code == 0) {
        candidate->path_mtu = find_path_mtu(instance, candidate);
        code = install(instance, candidate, &replaced, error);
        /* After a failure the way back may have failed, too: the kernel is to be read again. */
        if (code < 0 && replaced.current != NULL)
            replaced.current->installed = INSTALLED_OTHERWISE;
    }
    if (code == 1 && replaced.current != NULL && !same_announcement(replaced.current, candidate))
        code = 0;
    if (code >= 0)
        commit(instance, candidate, &replaced);
    connection_destroy(replaced.actual);
    return code;
}

int32_t connect_parse(const struct subwg_instance *instance, const struct subwg_endpoint *remote,
                      struct connection **ret_candidate, struct subwg_error *error)
{
    int32_t code = endpoint_check_head(remote, error);
    if (code != 0)
        return code;
    if (remote->cluster_id != NULL && strcmp(remote->cluster_id, instance->local.cluster_id) == 0)
        return 1;
    return connection_from_endpoint(remote, &instance->settings, ret_candidate, error);
}

int32_t connect_endpoint(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                         char *ret_address, struct subwg_error *error)
{
    struct connection *candidate = NULL;
    int32_t code = connect_parse(instance, remote, &candidate, error);
    if (code == 0)
        code = connect_candidate(instance, candidate, error);
    if (code < 0)
        connection_destroy(candidate);
    else if (ret_address != NULL)
        (void)text_copy(ret_address, SUBWG_ADDRESS_TEXT_SIZE,
                        candidate != NULL ? candidate->remote_ip : "");
    return code;
}

/* The connection that a disconnect means: the cluster's, unless another key is named; else the leftover
 * with that key. NULL: there is nothing to disconnect. */
static int32_t find_meant(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                          struct connection **ret_connection, struct subwg_error *error)
{
    struct key key;
    bool named = false;
    *ret_connection = NULL;
    if (remote->cluster_id == NULL || remote->cluster_id[0] == '\0')
        return error_set(error, -EINVAL, SUBWG_REASON_BAD_ENDPOINT, "disconnect",
                         "the endpoint has no cluster_id");
    int32_t code = connection_key_of_endpoint(remote, &key, &named, error);
    if (code != 0)
        return code;
    struct connection *current = table_find_cluster(&instance->table, remote->cluster_id);
    if (current != NULL && (!named || key_equal(&key, &current->public_key)))
        *ret_connection = current;
    if (current == NULL && named) {
        struct connection *leftover = table_find_key(&instance->table, &key);
        *ret_connection = leftover != NULL && leftover->adopted ? leftover : NULL;
    }
    return 0;
}

int32_t disconnect_endpoint(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                            struct subwg_error *error)
{
    struct connection *connection = NULL;
    int32_t code = endpoint_check_head(remote, error);
    if (code == 0)
        code = find_meant(instance, remote, &connection, error);
    if (code != 0)
        return code;
    if (connection == NULL)
        return 1;
    struct slice found = {0};
    found.routes = calloc((size_t)connection->subnet_count + 1, sizeof(struct prefix));
    if (found.routes == NULL)
        return no_memory(error, "disconnect");
    /* The peer even if it was seen missing: removing one that is not there is no error. */
    slice_add_peer(&found, connection, connection->installed_preshared_key);
    slice_add_routes(&found, connection, NULL);
    const struct state wanted = {0};
    struct target target = instance_target(instance);
    code = apply_difference(&target, &wanted, &found.state, error);
    free(found.routes);
    if (code < 0) {
        connection->installed = INSTALLED_OTHERWISE;
        return code;
    }
    table_remove(&instance->table, connection);
    connection_destroy(connection);
    return 0;
}

/* Peers of the dump that no connection of ours stands for. */
static void gather_foreign_peers(const struct subwg_instance *instance, struct state *found,
                                 struct peer_state *peers)
{
    for (uint32_t i = 0; i < instance->dump.peer_count; i++) {
        const struct wg_peer *peer = &instance->dump.peers[i];
        const struct connection *connection = table_find_key(&instance->table, &peer->public_key);
        if (connection == NULL || connection->adopted)
            peers[found->peer_count++] = (struct peer_state){.public_key = peer->public_key};
    }
    found->peers = peers;
}

/* Routes of ours through the device that no connection stands for. */
static void gather_foreign_routes(const struct subwg_instance *instance, struct state *found,
                                  const struct route *routes, uint32_t count,
                                  struct prefix *destinations)
{
    for (uint32_t i = 0; i < count; i++) {
        if (routes[i].ifindex != instance->ifindex)
            continue;
        const struct prefix_node *node =
            prefix_map_find(&instance->table.owners, &routes[i].destination, NULL, NULL);
        const struct connection *owner = node != NULL ? node->owner : NULL;
        if (owner == NULL || owner->adopted || !prefix_equal(&node->prefix, &routes[i].destination))
            destinations[found->route_count++] = routes[i].destination;
    }
    if (found->route_count > 0)
        qsort(destinations, found->route_count, sizeof(*destinations), prefix_order);
    found->routes = destinations;
}

static void forget_adopted(struct subwg_instance *instance)
{
    for (uint32_t i = instance->table.count; i-- > 0;) {
        struct connection *connection = instance->table.connections[i];
        if (!connection->adopted)
            continue;
        table_remove(&instance->table, connection);
        connection_destroy(connection);
    }
}

int32_t remove_leftovers(struct subwg_instance *instance, struct subwg_error *error)
{
    const struct state wanted = {0};
    struct state found = {0};
    struct route *routes = NULL;
    uint32_t route_count = 0;
    struct peer_state *peers = NULL;
    struct prefix *destinations = NULL;

    int32_t code = instance_dump(instance, error);
    if (code == 0 && instance->settings.routes)
        code = route_list(instance->netlink, instance->settings.table,
                          instance->settings.route_protocol, &routes, &route_count, error);
    if (code != 0)
        goto out;
    peers = calloc((size_t)instance->dump.peer_count + 1, sizeof(*peers));
    destinations = calloc((size_t)route_count + 1, sizeof(*destinations));
    if (peers == NULL || destinations == NULL) {
        code = no_memory(error, "remove leftovers");
        goto out;
    }
    gather_foreign_peers(instance, &found, peers);
    gather_foreign_routes(instance, &found, routes, route_count, destinations);
    struct target target = instance_target(instance);
    target.one_way = true; /* nobody wants leftovers back */
    code = apply_difference(&target, &wanted, &found, error);
    if (code >= 0) {
        forget_adopted(instance);
        code = (int32_t)(found.peer_count + found.route_count);
    }
out:
    free(destinations);
    free(peers);
    free(routes);
    return code;
}
