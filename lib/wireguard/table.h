/* SPDX-License-Identifier: Apache-2.0 */
/* The connections of one instance: by cluster, by key, and which of them owns which prefix. */
#ifndef WIREGUARD_TABLE_H
#define WIREGUARD_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "wireguard/connection.h"
#include "wireguard/endpoints.h"
#include "wireguard/path_mtus.h"

struct table {
    struct index by_cluster;
    struct index by_key;
    struct index by_namer; /* leftovers that one cluster named; no cluster names two */
    struct prefix_map owners;
    struct path_mtus path_mtus;
    struct endpoints endpoints; /* while they are kept, which the first who asks begins */
    bool endpoints_kept;
    struct connection *
        *connections; /* in no order, but after table_order in that of the clusters */
    uint32_t count;
    uint32_t capacity;
    bool ordered;
    uint32_t dump_number;       /* of the last dump */
    struct connection **dumped; /* by their peers' places in the last dump; NULL: not known */
    uint32_t dumped_count;
    uint32_t dumped_capacity;
    uint32_t adopted_count;
    /* Lists, in no order, so that nobody looks for these few among all. */
    struct connection *moving; /* with a predecessor */
    struct connection *held;   /* leftovers that own nothing any more, see table_hold */
};

void table_start(struct table *table);
void table_finish(struct table *table); /* destroys the connections */

/* Makes room for one more, or for so many, so that table_insert cannot fail; false when out of memory. */
bool table_reserve(struct table *table);
bool table_reserve_more(struct table *table, uint32_t count);

/* Takes the connection over. Of its prefixes those are entered that nobody owns. */
void table_insert(struct table *table, struct connection *connection);

/* The same for a connection that takes over from one in the table: from now on the cluster's is the new
 * one, which also answers for the prefixes of its predecessor. */
void table_insert_beside(struct table *table, struct connection *connection,
                         struct connection *predecessor);

/* A leftover is somebody's: an endpoint of the cluster with this hash was refused. Until table_unname, or
 * for good once several have named it. */
void table_name(struct table *table, struct connection *leftover, const uint8_t namer[NAMER_SIZE]);
void table_unname(struct table *table, struct connection *leftover);

/* The one that this cluster alone has named; NULL: none. */
struct connection *table_find_named(const struct table *table, const uint8_t namer[NAMER_SIZE]);

/* A leftover is nobody's and owns nothing from now on, but keeps its peer for a while, and its prefixes
 * until somebody with the same one is inserted. */
void table_hold(struct table *table, struct connection *leftover, uint64_t until_ns);

/* The first of those that overlaps a connection's subnets; NULL: none does. */
struct connection *table_find_held(const struct table *table, const struct connection *connection);

/* Gives the connection back to the caller. A predecessor or successor stays, for itself. */
void table_remove(struct table *table, struct connection *connection);

/* The path to a connection in the table changed; without memory for that it stays as it was known. */
void table_set_path_mtu(struct table *table, struct connection *connection, uint32_t path_mtu);

struct connection *table_find_cluster(const struct table *table, const char *cluster_id);
struct connection *table_find_key(const struct table *table, const struct key *key);

/* A dump is to be taken: nobody is seen in it yet. */
void table_begin_dump(struct table *table);

/* True if the last dump has the connection's peer. */
static inline bool table_has_seen(const struct table *table, const struct connection *connection)
{
    return connection->seen_in == table->dump_number;
}

/* The connection of the peer at a place of the dump; NULL for a stranger's. The kernel hardly ever changes
 * its order, so whoever was there last time is asked first. Sets the connection's place. */
struct connection *table_find_elsewhere(struct table *table, uint32_t place, const struct key *key);
static inline struct connection *table_find_dumped(struct table *table, uint32_t place,
                                                   const struct key *key)
{
    struct connection *connection = place < table->dumped_count ? table->dumped[place] : NULL;
    if (connection == NULL || !key_equal(&connection->public_key, key))
        connection = table_find_elsewhere(table, place, key);
    return connection;
}

/* Does the endpoint of any connection lie in the prefix? */
bool table_has_endpoint_in(struct table *table, const struct prefix *prefix);

/* Brings the connections into the order of their clusters, if that is not their order yet. */
void table_order(struct table *table);

#endif
