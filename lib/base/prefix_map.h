/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who owns which prefix: a search tree over prefixes of which no two overlap, so that one descent
 * finds an equal, a more specific and a covering owner alike. Nodes live in their owner's memory:
 * nothing here allocates or fails. A treap, whose priorities are a keyed hash of the prefix: its shape
 * depends on what is in it alone, and adding asks nobody for randomness.
 */
#ifndef BASE_PREFIX_MAP_H
#define BASE_PREFIX_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"

struct prefix_node {
    struct prefix prefix;
    void *owner; /* not NULL while in a map */
    uint64_t priority;
    struct prefix_node *left;
    struct prefix_node *right;
};

struct prefix_map {
    struct prefix_node *root;
    uint8_t secret[16];
};

_Static_assert(sizeof(struct prefix) == 18, "hashed as a whole, and so without padding");

void prefix_map_start(struct prefix_map *map); /* empty, with a fresh secret */

/* A node that overlaps prefix and belongs to neither of two owners (both may be NULL); NULL if there
 * is none. */
const struct prefix_node *prefix_map_find(const struct prefix_map *map, const struct prefix *prefix,
                                          const void *except, const void *also_except);

/* Inserts the node for owner; false if anything in the map overlaps it, and then nothing changed. */
bool prefix_map_insert(struct prefix_map *map, struct prefix_node *node, void *owner);

/* Removes a node; one that is not in a map is left alone. */
void prefix_map_remove(struct prefix_map *map, struct prefix_node *node);

#endif
