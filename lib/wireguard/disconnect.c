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

/* The peer even if it was seen missing: removing one that is not there is no error. While its key
 * changes there are two. */
int32_t connection_uninstall(struct subwg_instance *instance, struct connection *connection,
                             struct subwg_error *error)
{
    struct connection *predecessor = connection->predecessor;
    const struct peer_state peers[2] = {
        {.public_key = connection->public_key},
        {.public_key = predecessor != NULL ? predecessor->public_key : connection->public_key},
    };
    const struct state wanted = {0};
    struct state found = {.peers = peers, .peer_count = predecessor != NULL ? 2 : 1};
    size_t room = (size_t)connection->subnet_count + 1;
    if (predecessor != NULL)
        room += predecessor->subnet_count;
    struct prefix *routes = calloc(room, sizeof(*routes));
    if (routes == NULL)
        return error_no_memory(error, "disconnect");
    add_routes(instance, routes, &found, connection);
    add_routes(instance, routes, &found, predecessor);
    found.routes = routes;
    struct target target = instance_target(instance);
    /* A peer that was removed cannot get its session back: what failed is to be tried again. */
    target.one_way = true;
    int32_t code = apply_difference(&target, &wanted, &found, error);
    free(routes);
    note_uninstalled(connection, code);
    note_uninstalled(predecessor, code);
    return code;
}

static void forget(struct subwg_instance *instance, struct connection *connection)
{
    table_remove(&instance->table, connection);
    connection_destroy(connection);
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
    claims_withdraw(&instance->claims, remote->cluster_id);
    leftover_unname(instance, remote->cluster_id, NULL);
    if (connection == NULL)
        return 1;
    code = connection_uninstall(instance, connection, error);
    if (code < 0)
        return code;
    if (connection->predecessor != NULL)
        forget(instance, connection->predecessor);
    forget(instance, connection);
    return 0;
}
