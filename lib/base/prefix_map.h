/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who owns which prefix: a Patricia tree of prefixes of which no two overlap, so that one descent finds
 * an equal, a more specific and a covering owner alike. Nodes live in their owner's memory: nothing here
 * allocates or fails. No search looks at more branchings than an address has bits, whatever prefixes
 * remotes choose, and of prefixes without a pattern at about log2 of their number; but for what the excepted
 * owners have inside the prefix, all of which is passed over.
 */
#ifndef BASE_PREFIX_MAP_H
#define BASE_PREFIX_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"

/* Both a prefix and a branching, above that prefix, between those that have a bit clear and those that
 * have it set. A branch to a node that branches at no later bit ends there: it means the prefix. */
struct prefix_node {
    struct prefix prefix;
    uint8_t bit; /* from 1; 0 in the one node of a tree that is no branching */
    void *owner; /* not NULL while in a map */
    struct prefix_node *branches[2];
};

struct prefix_map {
    struct prefix_node *ipv4;
    struct prefix_node *ipv6;
};

void prefix_map_start(struct prefix_map *map); /* empty */

/* A node that overlaps prefix and belongs to neither of two owners (both may be NULL); NULL if there
 * is none. */
const struct prefix_node *prefix_map_find(const struct prefix_map *map, const struct prefix *prefix,
                                          const void *except, const void *also_except);

/* Inserts the node for owner; false if anything in the map overlaps it, and then nothing changed. */
bool prefix_map_insert(struct prefix_map *map, struct prefix_node *node, void *owner);

/* Removes a node; one that is not in a map is left alone. */
void prefix_map_remove(struct prefix_map *map, struct prefix_node *node);

#endif
