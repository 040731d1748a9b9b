/* SPDX-License-Identifier: Apache-2.0 */
/* connect: one connection's slice of the device, from what it is to what is asked. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"
#include "wireguard/instance.h"

/* What is replaced: the cluster's current connection, and a leftover with the new key. */
#define REPLACED_MAX 2

struct replaced {
    struct connection *connections[REPLACED_MAX]; /* NULL: none */
    struct connection *actual[REPLACED_MAX];      /* what the kernel has, where it was not known;
                                                   * CLAIMED alone: a foreign peer with the key */
};

enum { CURRENT, CLAIMED };

/* A slice of the device's state. */
struct slice {
    struct state state;
    struct peer_state peers[REPLACED_MAX];
    struct prefix *routes;
    struct device_state device;
};

/* Adds the destinations of a connection's subnets that are routed; room was made by the caller. */
static void slice_add_routes(struct slice *slice, const struct connection *connection)
{
    for (uint32_t i = 0; i < connection->subnet_count; i++)
        if (connection->subnets[i].routed)
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
        return no_memory(error, "connect");
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
    for (uint32_t i = 0; i < count && connection->subnet_count > 0; i++) {
        const struct prefix *there =
            bsearch(&routes[i].destination, connection->allowed_ips, connection->subnet_count,
                    sizeof(*there), prefix_order);
        if (there != NULL && routes[i].ifindex == instance->ifindex)
            connection->subnets[there - connection->allowed_ips].routed = true;
    }
}

/* Reads the kernel for those whose state is not known: after a failure, or after somebody's change. */
static int32_t read_unknown(struct subwg_instance *instance, struct replaced *replaced,
                            struct subwg_error *error)
{
    struct route *routes = NULL;
    uint32_t route_count = 0;
    bool unknown[REPLACED_MAX];
    for (size_t i = 0; i < REPLACED_MAX; i++)
        unknown[i] = replaced->connections[i] != NULL &&
                     replaced->connections[i]->installed == INSTALLED_OTHERWISE;
    if (!unknown[CURRENT] && !unknown[CLAIMED])
        return 0;
    int32_t code = instance_dump(instance, error);
    if (code == 0 && instance->settings.routes)
        code = route_list(instance->netlink, instance->settings.table,
                          instance->settings.route_protocol, &routes, &route_count, error);
    for (size_t i = 0; i < REPLACED_MAX && code == 0; i++) {
        if (!unknown[i])
            continue;
        code = actual_peer(instance, replaced->connections[i], &replaced->actual[i], error);
        mark_routed(instance, replaced->connections[i], routes, route_count);
    }
    free(routes);
    return code;
}

/* A peer with the new key that is no connection's, as one made by hand since init: a way back must not
 * take it, and it keeps nothing that was not asked for. The last dump tells whether to look. */
static int32_t find_foreign(struct subwg_instance *instance, const struct connection *candidate,
                            struct replaced *replaced, struct subwg_error *error)
{
    if (find_in_dump(instance, &candidate->public_key) == NULL)
        return 0;
    int32_t code = instance_dump(instance, error);
    if (code != 0)
        return code;
    const struct wg_peer *peer = find_in_dump(instance, &candidate->public_key);
    if (peer == NULL)
        return 0;
    replaced->actual[CLAIMED] = connection_from_peer(&instance->dump, peer);
    return replaced->actual[CLAIMED] != NULL ? 0 : no_memory(error, "connect");
}

static int32_t find_replaced(struct subwg_instance *instance, const struct connection *candidate,
                             struct replaced *replaced, struct subwg_error *error)
{
    struct connection *current = table_find_cluster(&instance->table, candidate->cluster_id);
    struct connection *claimed = table_find_key(&instance->table, &candidate->public_key);
    *replaced = (struct replaced){.connections = {current, claimed != current ? claimed : NULL}};
    int32_t code = read_unknown(instance, replaced, error);
    return code == 0 && claimed == NULL ? find_foreign(instance, candidate, replaced, error) : code;
}

/* The one with the candidate's key, if the kernel has it. */
static const struct connection *same_peer(const struct connection *candidate,
                                          const struct replaced *replaced)
{
    for (size_t i = 0; i < REPLACED_MAX; i++) {
        const struct connection *connection = replaced->connections[i];
        if (connection != NULL && key_equal(&connection->public_key, &candidate->public_key) &&
            (connection->installed == INSTALLED_AS_WANTED || replaced->actual[i] != NULL))
            return connection;
    }
    return NULL;
}

/* A peer that is heard has an endpoint that works, perhaps not the one it was given: unless the engine
 * now asks for another one, it stays. */
static bool may_keep_endpoint(const struct connection *candidate, const struct replaced *replaced)
{
    const struct connection *same = same_peer(candidate, replaced);
    return same != NULL && same->status.status == SUBWG_STATUS_CONNECTED &&
           same->installed_endpoint.address.family != FAMILY_NONE &&
           (same->adopted || socket_address_equal(&same->endpoint, &candidate->endpoint));
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

/* The smallest path over all connections but those that are replaced, minus overhead. Of leftovers it is
 * not known: while there are some, the device's MTU does not grow. */
static uint32_t device_mtu(const struct subwg_instance *instance,
                           const struct connection *candidate, const struct replaced *replaced)
{
    if (instance->settings.mtu != 0)
        return instance->settings.mtu;
    uint32_t path = candidate->path_mtu;
    bool leftovers = false;
    for (uint32_t i = 0; i < instance->table.count; i++) {
        const struct connection *other = instance->table.connections[i];
        if (other == replaced->connections[CURRENT] || other == replaced->connections[CLAIMED])
            continue;
        leftovers = leftovers || other->adopted;
        if (other->path_mtu != 0 && (path == 0 || other->path_mtu < path))
            path = other->path_mtu;
    }
    if (path == 0)
        return instance->mtu;
    uint32_t mtu = path < LIMIT_MTU_LEAST + LIMIT_TUNNEL_OVERHEAD ? LIMIT_MTU_LEAST
                                                                  : path - LIMIT_TUNNEL_OVERHEAD;
    return leftovers && mtu > instance->mtu ? instance->mtu : mtu;
}

static void fill_found(struct slice *found, const struct replaced *replaced)
{
    for (size_t i = 0; i < REPLACED_MAX; i++) {
        const struct connection *connection = replaced->connections[i];
        if (connection != NULL)
            slice_add_routes(found, connection);
        if (connection == NULL || connection->installed != INSTALLED_AS_WANTED)
            connection = replaced->actual[i];
        if (connection == NULL)
            continue;
        found->peers[found->state.peer_count++] = (struct peer_state){
            .public_key = connection->public_key,
            .endpoint = connection->installed_endpoint,
            .preshared_key = connection->installed_preshared_key,
            .keepalive_s = connection->keepalive_s,
            .allowed_ips = connection->allowed_ips,
            .allowed_ip_count = connection->subnet_count,
        };
    }
    found->state.peers = found->peers;
    slice_order_routes(found);
}

static void fill_wanted(struct slice *wanted, const struct subwg_instance *instance,
                        const struct connection *candidate, const struct replaced *replaced)
{
    wanted->peers[0] = (struct peer_state){
        .public_key = candidate->public_key,
        .endpoint = candidate->endpoint,
        .endpoint_may_roam = may_keep_endpoint(candidate, replaced),
        .preshared_key = instance_preshared_key(instance),
        .keepalive_s = candidate->keepalive_s,
        .allowed_ips = candidate->allowed_ips,
        .allowed_ip_count = candidate->subnet_count,
    };
    wanted->state.peers = wanted->peers;
    wanted->state.peer_count = 1;
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
    size_t room = 1;
    for (size_t i = 0; i < REPLACED_MAX; i++)
        if (replaced->connections[i] != NULL)
            room += replaced->connections[i]->subnet_count;
    found.routes = calloc(room, sizeof(struct prefix));
    if (found.routes == NULL)
        return no_memory(error, "connect");
    fill_found(&found, replaced);
    fill_wanted(&wanted, instance, candidate, replaced);
    found.device =
        (struct device_state){.exists = true, .alias_set = true, .up = true, .mtu = instance->mtu};
    wanted.device = found.device;
    wanted.device.mtu = device_mtu(instance, candidate, replaced);
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
    const struct connection *before = replaced->connections[CURRENT] != NULL
                                          ? replaced->connections[CURRENT]
                                          : replaced->connections[CLAIMED];
    if (before == NULL) {
        status_start(&candidate->status, now_ns, false);
        return;
    }
    candidate->status = before->status;
    if (same_peer(candidate, replaced) != before)
        status_restart(&candidate->status, now_ns);
}

/* Puts the candidate in the place of those that it replaces. Cannot fail. */
static void commit(struct subwg_instance *instance, struct connection *candidate,
                   const struct replaced *replaced)
{
    inherit_status(candidate, replaced, instance_now(instance));
    candidate->installed = INSTALLED_AS_WANTED;
    candidate->installed_preshared_key = instance_preshared_key(instance);
    candidate->installed_endpoint = may_keep_endpoint(candidate, replaced)
                                        ? same_peer(candidate, replaced)->installed_endpoint
                                        : candidate->endpoint;
    for (uint32_t i = 0; i < candidate->subnet_count; i++)
        candidate->subnets[i].routed = instance->settings.routes;
    for (size_t i = 0; i < REPLACED_MAX; i++) {
        if (replaced->connections[i] == NULL)
            continue;
        table_remove(&instance->table, replaced->connections[i]);
        connection_destroy(replaced->connections[i]);
    }
    table_insert(&instance->table, candidate);
}

static int32_t check_room(struct subwg_instance *instance, struct subwg_error *error)
{
    if (instance->table.count >= LIMIT_CONNECTIONS)
        return error_set(error, -ENOSPC, SUBWG_REASON_LIMIT, "connect",
                         "%u connections are the most that a device takes", LIMIT_CONNECTIONS);
    return table_reserve(&instance->table) ? 0 : no_memory(error, "connect");
}

int32_t connect_candidate(struct subwg_instance *instance, struct connection *candidate,
                          struct subwg_error *error)
{
    struct replaced replaced = {0};
    int32_t code = policy_check(instance, candidate, error);
    if (code == 0)
        code = check_room(instance, error);
    if (code == 0)
        code = find_replaced(instance, candidate, &replaced, error);
    if (code == 0) {
        candidate->path_mtu = find_path_mtu(instance, candidate);
        code = install(instance, candidate, &replaced, error);
        /* After a failure the way back may have failed, too: the kernel is to be read again. */
        for (size_t i = 0; i < REPLACED_MAX && code < 0; i++)
            if (replaced.connections[i] != NULL)
                replaced.connections[i]->installed = INSTALLED_OTHERWISE;
    }
    if (code == 1 && replaced.connections[CURRENT] != NULL &&
        !same_announcement(replaced.connections[CURRENT], candidate))
        code = 0;
    if (code >= 0)
        commit(instance, candidate, &replaced);
    else
        leftover_name(instance, &candidate->public_key);
    for (size_t i = 0; i < REPLACED_MAX; i++)
        connection_destroy(replaced.actual[i]);
    return code;
}

/* Refused for itself, it may still be the one whose tunnel an earlier run left. */
static void name_leftover_of(struct subwg_instance *instance, const struct subwg_endpoint *remote)
{
    struct key key;
    bool named = false;
    if (connection_key_of_endpoint(remote, &key, &named, NULL) == 0 && named)
        leftover_name(instance, &key);
}

int32_t connect_parse(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                      struct connection **ret_candidate, struct subwg_error *error)
{
    int32_t code = endpoint_check_head(remote, error);
    if (code != 0)
        return code;
    if (remote->cluster_id != NULL && strcmp(remote->cluster_id, instance->local.cluster_id) == 0)
        return 1;
    code = connection_from_endpoint(remote, &instance->settings, ret_candidate, error);
    if (code < 0)
        name_leftover_of(instance, remote);
    return code;
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
