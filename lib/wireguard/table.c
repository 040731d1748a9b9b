/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

void table_start(struct table *table)
{
    *table = (struct table){0};
    index_start(&table->by_cluster);
    index_start(&table->by_key);
    index_start(&table->by_namer);
    prefix_map_start(&table->owners);
    table_begin_dump(table);
}

/* Without memory for it all connections are looked at, and the next who asks tries again. */
static void drop_endpoints(struct table *table)
{
    for (uint32_t i = 0; i < table->count && table->endpoints_kept; i++)
        endpoints_remove(&table->endpoints, &table->connections[i]->endpoint.address);
    table->endpoints_kept = false;
}

static void keep_endpoint(struct table *table, const struct connection *connection)
{
    if (table->endpoints_kept && !endpoints_add(&table->endpoints, &connection->endpoint.address))
        drop_endpoints(table);
}

static void keep_endpoints(struct table *table)
{
    if (table->endpoints_kept)
        return;
    endpoints_start(&table->endpoints);
    table->endpoints_kept = true;
    for (uint32_t i = 0; i < table->count && table->endpoints_kept; i++)
        keep_endpoint(table, table->connections[i]);
}

bool table_has_endpoint_in(struct table *table, const struct prefix *prefix)
{
    keep_endpoints(table);
    bool has = table->endpoints_kept && endpoints_lie_in(&table->endpoints, prefix);
    for (uint32_t i = 0; i < table->count && !table->endpoints_kept && !has; i++)
        has = prefix_contains(prefix, &table->connections[i]->endpoint.address);
    return has;
}

void table_finish(struct table *table)
{
    drop_endpoints(table);
    for (uint32_t i = 0; i < table->count; i++)
        connection_destroy(table->connections[i]);
    free((void *)table->connections);
    free((void *)table->dumped);
    index_finish(&table->by_cluster);
    index_finish(&table->by_key);
    index_finish(&table->by_namer);
    path_mtus_finish(&table->path_mtus);
    *table = (struct table){0};
}

bool table_reserve(struct table *table)
{
    return index_reserve(&table->by_namer, (size_t)table->adopted_count + 1) &&
           table_reserve_more(table, 1);
}

bool table_reserve_more(struct table *table, uint32_t count)
{
    if (count > table->capacity - table->count) {
        uint32_t capacity = table->capacity == 0 ? 16 : table->capacity * 2;
        while (capacity - table->count < count)
            capacity *= 2;
        struct connection **connections =
            reallocarray((void *)table->connections, capacity, sizeof(*connections));
        if (connections == NULL)
            return false;
        table->connections = connections;
        table->capacity = capacity;
    }
    return path_mtus_reserve(&table->path_mtus, count) &&
           index_reserve(&table->by_cluster, table->count + count) &&
           index_reserve(&table->by_key, table->count + count);
}

static void begin_wait(struct connection **list, struct connection *connection)
{
    connection->next_waiting = *list;
    *list = connection;
}

static void end_wait(struct connection **list, struct connection *connection)
{
    while (*list != connection)
        list = &(*list)->next_waiting;
    *list = connection->next_waiting;
    connection->next_waiting = NULL;
}

/* Enters those of a connection's prefixes that nobody owns, for it or its successor. */
static void own(struct table *table, struct connection *connection, struct connection *owner)
{
    for (uint32_t i = 0; i < connection->subnet_count; i++)
        (void)prefix_map_insert(&table->owners, &connection->subnets[i].node, owner);
}

static void disown(struct table *table, struct connection *connection)
{
    for (uint32_t i = 0; i < connection->subnet_count; i++)
        prefix_map_remove(&table->owners, &connection->subnets[i].node);
}

/* The leftover owns nothing, so its nodes are in no map and may change their places. */
static void give_away(struct connection *leftover, const struct connection *owner)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < leftover->subnet_count; i++) {
        if (connection_find_subnet(owner, &leftover->allowed_ips[i]) != NULL)
            continue;
        leftover->subnets[kept] = leftover->subnets[i];
        leftover->allowed_ips[kept++] = leftover->allowed_ips[i];
    }
    if (kept < leftover->subnet_count)
        connection_doubt(leftover);
    leftover->subnet_count = kept;
}

/* What is held is for whoever comes first. Who comes for the rest must not find there, and take along,
 * what has an owner by then. */
static void take_from_held(const struct table *table, const struct connection *owner)
{
    for (struct connection *held = table->held; held != NULL; held = held->next_waiting)
        give_away(held, owner);
}

void table_insert(struct table *table, struct connection *connection)
{
    take_from_held(table, connection);
    connection->position = table->count;
    table->connections[table->count++] = connection;
    table->ordered = false;
    if (!connection->adopted)
        index_insert(&table->by_cluster, &connection->by_cluster, connection->cluster_id,
                     strlen(connection->cluster_id));
    index_insert(&table->by_key, &connection->by_key, connection->public_key.bytes, KEY_SIZE);
    path_mtus_add(&table->path_mtus, connection->path_mtu);
    keep_endpoint(table, connection);
    table->adopted_count += connection->adopted;
    own(table, connection, connection);
}

/* One of several may be a liar: from then on none can take its word back. */
void table_name(struct table *table, struct connection *leftover, const uint8_t namer[NAMER_SIZE])
{
    if (leftover->named_often ||
        (leftover->named && memcmp(leftover->namer, namer, NAMER_SIZE) == 0))
        return;
    leftover->named_often = leftover->named;
    table_unname(table, leftover);
    leftover->named = true;
    if (leftover->named_often)
        return;
    memcpy(leftover->namer, namer, NAMER_SIZE);
    index_insert(&table->by_namer, &leftover->by_cluster, leftover->namer, NAMER_SIZE);
}

void table_unname(struct table *table, struct connection *leftover)
{
    if (leftover->named)
        index_remove(&table->by_namer, &leftover->by_cluster);
    leftover->named = false;
}

struct connection *table_find_named(const struct table *table, const uint8_t namer[NAMER_SIZE])
{
    struct index_node *node = index_find(&table->by_namer, namer, NAMER_SIZE);
    return INDEX_OWNER(node, struct connection, by_cluster);
}

void table_hold(struct table *table, struct connection *leftover, uint64_t until_ns)
{
    if (leftover->held_until_ns == 0)
        begin_wait(&table->held, leftover);
    leftover->held_until_ns = until_ns;
    disown(table, leftover);
}

static void end_hold(struct table *table, struct connection *connection)
{
    if (connection->held_until_ns != 0)
        end_wait(&table->held, connection);
    connection->held_until_ns = 0;
}

static bool overlap(const struct connection *a, const struct connection *b)
{
    for (uint32_t i = 0; i < a->subnet_count; i++)
        for (uint32_t j = 0; j < b->subnet_count; j++)
            if (prefix_overlaps(&a->allowed_ips[i], &b->allowed_ips[j]))
                return true;
    return false;
}

struct connection *table_find_held(const struct table *table, const struct connection *connection)
{
    struct connection *held = table->held;
    while (held != NULL && !overlap(held, connection))
        held = held->next_waiting;
    return held;
}

void table_insert_beside(struct table *table, struct connection *connection,
                         struct connection *predecessor)
{
    table_unname(table, predecessor);
    index_remove(&table->by_cluster, &predecessor->by_cluster);
    if (predecessor->adopted)
        predecessor->withheld.kind = OVERLAP_NONE; /* the cluster's new one was judged */
    table->adopted_count -= predecessor->adopted;
    predecessor->adopted = false;
    end_hold(table, predecessor);
    disown(table, predecessor);
    table_insert(table, connection);
    own(table, predecessor, connection);
    connection->predecessor = predecessor;
    predecessor->successor = connection;
    begin_wait(&table->moving, connection);
}

/* Ends a move that the connection is one side of. */
static void part(struct table *table, struct connection *connection)
{
    struct connection *predecessor =
        connection->predecessor != NULL ? connection->predecessor : connection;
    if (predecessor->successor == NULL)
        return;
    end_wait(&table->moving, predecessor->successor);
    predecessor->successor->predecessor = NULL;
    predecessor->successor = NULL;
    if (connection == predecessor)
        return;
    disown(table, connection);
    disown(table, predecessor);
    own(table, predecessor, predecessor);
}

static void forget_place(struct table *table, const struct connection *connection)
{
    if (connection->place < table->dumped_count && table->dumped[connection->place] == connection)
        table->dumped[connection->place] = NULL;
}

void table_remove(struct table *table, struct connection *connection)
{
    part(table, connection);
    table_unname(table, connection);
    end_hold(table, connection);
    disown(table, connection);
    forget_place(table, connection);
    index_remove(&table->by_cluster, &connection->by_cluster);
    index_remove(&table->by_key, &connection->by_key);
    path_mtus_remove(&table->path_mtus, connection->path_mtu);
    if (table->endpoints_kept)
        endpoints_remove(&table->endpoints, &connection->endpoint.address);
    table->adopted_count -= connection->adopted;
    struct connection *last = table->connections[--table->count];
    table->connections[connection->position] = last;
    last->position = connection->position;
    table->ordered = false;
}

void table_set_path_mtu(struct table *table, struct connection *connection, uint32_t path_mtu)
{
    if (path_mtu == connection->path_mtu || !path_mtus_reserve(&table->path_mtus, 1))
        return;
    path_mtus_remove(&table->path_mtus, connection->path_mtu);
    path_mtus_add(&table->path_mtus, path_mtu);
    connection->path_mtu = path_mtu;
}

struct connection *table_find_cluster(const struct table *table, const char *cluster_id)
{
    struct index_node *node = index_find(&table->by_cluster, cluster_id, strlen(cluster_id));
    return INDEX_OWNER(node, struct connection, by_cluster);
}

struct connection *table_find_key(const struct table *table, const struct key *key)
{
    struct index_node *node = index_find(&table->by_key, key->bytes, KEY_SIZE);
    return INDEX_OWNER(node, struct connection, by_key);
}

/* Where there is no memory the connection alone knows it. */
static void remember_place(struct table *table, uint32_t place, struct connection *connection)
{
    forget_place(table, connection);
    connection->place = place;
    while (table->dumped_count <= place) {
        struct connection **grown = array_grow((void *)table->dumped, &table->dumped_capacity,
                                               table->dumped_count, sizeof(*grown));
        if (grown == NULL)
            return;
        table->dumped = grown;
        table->dumped[table->dumped_count++] = NULL;
    }
    table->dumped[place] = connection;
}

/* 0 is for connections that were in none. */
void table_begin_dump(struct table *table)
{
    if (++table->dump_number == 0)
        table->dump_number++;
}

struct connection *table_find_elsewhere(struct table *table, uint32_t place, const struct key *key)
{
    struct connection *connection = table_find_key(table, key);
    if (connection != NULL)
        remember_place(table, place, connection);
    return connection;
}

/* Leftovers have no cluster, and a cluster may have two connections: those by their keys. */
static int cluster_order(const void *a, const void *b)
{
    const struct connection *first = *(const struct connection *const *)a;
    const struct connection *second = *(const struct connection *const *)b;
    int order = strcmp(first->cluster_id, second->cluster_id);
    return order != 0 ? order : memcmp(first->public_key.bytes, second->public_key.bytes, KEY_SIZE);
}

void table_order(struct table *table)
{
    bool ordered = true;
    for (uint32_t i = 1; i < table->count && ordered && !table->ordered; i++)
        ordered = cluster_order(&table->connections[i - 1], &table->connections[i]) < 0;
    table->ordered = true;
    if (ordered)
        return;
    qsort((void *)table->connections, table->count, sizeof(*table->connections), cluster_order);
    for (uint32_t i = 0; i < table->count; i++)
        table->connections[i]->position = i;
}
