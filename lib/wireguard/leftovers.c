/* SPDX-License-Identifier: Apache-2.0 */
/* What an earlier run left and no endpoint of this one stands for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "wireguard/instance.h"
#include "wireguard/moves.h"

static void hash_cluster(const char *cluster_id, uint8_t hash[NAMER_SIZE])
{
    (void)crypto_generichash(hash, NAMER_SIZE, (const unsigned char *)cluster_id,
                             strnlen(cluster_id, LIMIT_CLUSTER_ID + 1), NULL, 0);
}

void leftover_name(struct subwg_instance *instance, const char *cluster_id, const struct key *key)
{
    struct connection *leftover = table_find_key(&instance->table, key);
    uint8_t namer[NAMER_SIZE];
    leftover_unname(instance, cluster_id, key);
    if (leftover == NULL || !leftover->adopted)
        return;
    hash_cluster(cluster_id, namer);
    table_name(&instance->table, leftover, namer);
}

void leftover_unname(struct subwg_instance *instance, const char *cluster_id, const struct key *key)
{
    uint8_t namer[NAMER_SIZE];
    if (instance->table.by_namer.count == 0)
        return;
    hash_cluster(cluster_id, namer);
    struct connection *leftover = table_find_named(&instance->table, namer);
    if (leftover != NULL && (key == NULL || !key_equal(&leftover->public_key, key)))
        table_unname(&instance->table, leftover);
}

bool leftover_may_go(const struct connection *connection, uint64_t now_ns)
{
    if (connection == NULL || !connection->adopted)
        return connection == NULL;
    bool harmful = connection->withheld.kind != OVERLAP_NONE;
    bool spared = connection->named || connection->held_until_ns > now_ns;
    return harmful || !spared;
}

void leftovers_review(struct subwg_instance *instance, const struct interface_address *addresses,
                      uint32_t count)
{
    for (uint32_t i = 0; i < instance->table.count; i++) {
        struct connection *leftover = instance->table.connections[i];
        if (leftover->adopted)
            leftover->withheld = overlap_find_subnet(instance, leftover, addresses, count);
    }
}

static int32_t review_now(struct subwg_instance *instance, struct subwg_error *error)
{
    const struct interface_address *addresses = NULL;
    uint32_t count = 0;
    int32_t code = address_current(instance->netlink, &addresses, &count, error);
    if (code == 0)
        leftovers_review(instance, addresses, count);
    return code;
}

/* Nobody's, but somebody who was refused for its sake will be back for its subnets: until then it keeps
 * them, so that they go from hand to hand. Once; who does not come in time finds them free. Not where
 * nobody would come back to take it out then. */
static void hold_claimed(struct subwg_instance *instance, uint64_t now_ns)
{
    uint64_t until_ns = now_ns + LIMIT_MOVE_S * NS_PER_S;
    bool attended = moves_attended(instance);
    for (uint32_t i = 0; i < instance->table.count && attended; i++) {
        struct connection *leftover = instance->table.connections[i];
        if (leftover->claimed && leftover->held_until_ns == 0 &&
            leftover->withheld.kind == OVERLAP_NONE && leftover_may_go(leftover, now_ns))
            table_hold(&instance->table, leftover, until_ns);
    }
}

/* Peers of the dump that no connection of ours stands for. */
static void gather_foreign_peers(const struct subwg_instance *instance, uint64_t now_ns,
                                 struct state *found, struct peer_state *peers)
{
    for (uint32_t i = 0; i < instance->dump.peer_count; i++) {
        const struct wg_peer *peer = &instance->dump.peers[i];
        const struct connection *connection = table_find_key(&instance->table, &peer->public_key);
        if (leftover_may_go(connection, now_ns))
            peers[found->peer_count++] = (struct peer_state){.public_key = peer->public_key};
    }
    found->peers = peers;
}

/* Routes of ours through the device that no connection stands for. */
static void gather_foreign_routes(const struct subwg_instance *instance, uint64_t now_ns,
                                  struct state *found, const struct route *routes, uint32_t count,
                                  struct prefix *destinations)
{
    for (uint32_t i = 0; i < count; i++) {
        if (routes[i].ifindex != instance->ifindex)
            continue;
        const struct prefix_node *node =
            prefix_map_find(&instance->table.owners, &routes[i].destination, NULL, NULL);
        const struct connection *owner = node != NULL ? node->owner : NULL;
        bool owned =
            !leftover_may_go(owner, now_ns) && prefix_equal(&node->prefix, &routes[i].destination);
        if (!owned && !moves_carry(instance, &routes[i].destination))
            destinations[found->route_count++] = routes[i].destination;
    }
    if (found->route_count > 0)
        qsort(destinations, found->route_count, sizeof(*destinations), prefix_order);
    found->routes = destinations;
}

void leftovers_forget(struct subwg_instance *instance, uint64_t now_ns)
{
    for (uint32_t i = instance->table.count; i-- > 0;) {
        struct connection *connection = instance->table.connections[i];
        if (!leftover_may_go(connection, now_ns))
            continue;
        table_remove(&instance->table, connection);
        connection_destroy(connection);
    }
}

int32_t remove_leftovers(struct subwg_instance *instance, struct subwg_error *error)
{
    const uint64_t now_ns = instance_now(instance);
    const struct state wanted = {0};
    struct state found = {0};
    struct route *routes = NULL;
    uint32_t route_count = 0;
    struct peer_state *peers = NULL;
    struct prefix *destinations = NULL;

    instance->list_completed = true;
    int32_t code = review_now(instance, error);
    if (code == 0)
        code = instance_dump(instance, error);
    if (code == 0)
        report_take_dump(instance);
    if (code == 0 && instance->settings.routes)
        code = route_list(instance->netlink, instance->settings.table,
                          instance->settings.route_protocol, &routes, &route_count, error);
    if (code != 0)
        goto out;
    peers = calloc((size_t)instance->dump.peer_count + 1, sizeof(*peers));
    destinations = calloc((size_t)route_count + 1, sizeof(*destinations));
    if (peers == NULL || destinations == NULL) {
        code = error_no_memory(error, "remove leftovers");
        goto out;
    }
    hold_claimed(instance, now_ns);
    gather_foreign_peers(instance, now_ns, &found, peers);
    gather_foreign_routes(instance, now_ns, &found, routes, route_count, destinations);
    struct target target = instance_target(instance);
    target.one_way = true; /* nobody wants leftovers back */
    code = instance_change(instance, &target, &wanted, &found, error);
    if (code >= 0) {
        leftovers_forget(instance, now_ns);
        instance->stranger_count = 0; /* all of them were among these */
        code = (int32_t)(found.peer_count + found.route_count);
    }
out:
    free(destinations);
    free(peers);
    free(routes);
    return code;
}
