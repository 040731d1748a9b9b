/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "wireguard/instance.h"

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

static void add_routes(const struct subwg_instance *instance, struct prefix *routes,
                       struct state *found, const struct connection *connection)
{
    if (connection == NULL)
        return;
    bool all = connection->routes_doubtful && instance->settings.routes;
    for (uint32_t i = 0; i < connection->subnet_count; i++)
        if (all || connection->subnets[i].routed)
            routes[found->route_count++] = connection->allowed_ips[i];
}

static void note_uninstalled(struct connection *connection, int32_t code)
{
    if (connection == NULL)
        return;
    if (code < 0) {
        connection_doubt(connection);
        return;
    }
    connection->installed = INSTALLED_NOTHING;
    connection->routes_doubtful = false;
    for (uint32_t i = 0; i < connection->subnet_count; i++)
        connection->subnets[i].routed = false;
}

/* The peers even if they were seen missing: removing one that is not there is no error. While the key of a
 * cluster changes it has two. */
static bool gather(struct subwg_instance *instance, struct connection *const *connections,
                   uint32_t count, struct peer_state **ret_peers, struct prefix **ret_routes,
                   struct state *ret_found)
{
    size_t room = 1;
    for (uint32_t i = 0; i < count; i++) {
        room += connections[i]->subnet_count;
        if (connections[i]->predecessor != NULL)
            room += connections[i]->predecessor->subnet_count;
    }
    *ret_peers = calloc(2 * (size_t)count, sizeof(**ret_peers));
    *ret_routes = calloc(room, sizeof(**ret_routes));
    if (*ret_peers == NULL || *ret_routes == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const struct connection *predecessor = connections[i]->predecessor;
        (*ret_peers)[ret_found->peer_count++].public_key = connections[i]->public_key;
        if (predecessor != NULL)
            (*ret_peers)[ret_found->peer_count++].public_key = predecessor->public_key;
        add_routes(instance, *ret_routes, ret_found, connections[i]);
        add_routes(instance, *ret_routes, ret_found, predecessor);
    }
    ret_found->peers = *ret_peers;
    ret_found->routes = *ret_routes;
    return true;
}

int32_t connections_uninstall(struct subwg_instance *instance,
                              struct connection *const *connections, uint32_t count,
                              struct subwg_error *error)
{
    const struct state wanted = {0};
    struct state found = {0};
    struct peer_state *peers = NULL;
    struct prefix *routes = NULL;
    struct target target = instance_target(instance);
    /* A peer that was removed cannot get its session back: what failed is to be tried again. */
    target.one_way = true;
    bool gathered = gather(instance, connections, count, &peers, &routes, &found);
    int32_t code = gathered ? instance_change(instance, &target, &wanted, &found, error)
                            : error_no_memory(error, "disconnect");
    for (uint32_t i = 0; i < count && gathered; i++) {
        note_uninstalled(connections[i], code);
        note_uninstalled(connections[i]->predecessor, code);
    }
    free(routes);
    free(peers);
    return code;
}

int32_t connection_uninstall(struct subwg_instance *instance, struct connection *connection,
                             struct subwg_error *error)
{
    return connections_uninstall(instance, &connection, 1, error);
}

static void forget(struct subwg_instance *instance, struct connection *connection)
{
    table_remove(&instance->table, connection);
    connection_destroy(connection);
}

void disconnect_forget(struct subwg_instance *instance, struct connection *connection)
{
    if (connection->predecessor != NULL)
        forget(instance, connection->predecessor);
    forget(instance, connection);
}

int32_t disconnect_find(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                        struct connection **ret_connection, struct subwg_error *error)
{
    int32_t code = endpoint_check_head(remote, error);
    if (code == 0)
        code = find_meant(instance, remote, ret_connection, error);
    if (code != 0)
        return code;
    claims_withdraw(&instance->claims, remote->cluster_id);
    leftover_unname(instance, remote->cluster_id, NULL);
    return *ret_connection == NULL ? 1 : 0;
}

int32_t disconnect_endpoint(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                            struct subwg_error *error)
{
    struct connection *connection = NULL;
    int32_t code = disconnect_find(instance, remote, &connection, error);
    if (code != 0)
        return code;
    code = connection_uninstall(instance, connection, error);
    if (code < 0)
        return code;
    disconnect_forget(instance, connection);
    return 0;
}
