/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash index over nodes that live in their owner's memory. Only growing allocates, and growing is a
 * step of its own, so that inserting cannot fail. Keyed hashing (SipHash): remotes choose the keys and
 * must not choose the collisions.
 */
#ifndef BASE_INDEX_H
#define BASE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct index_node {
    struct index_node *next;
    const void *key; /* NULL while in no index */
    uint32_t length;
    uint32_t hash; /* more than there can be buckets for */
};

struct index {
    struct index_node **buckets;
    size_t bucket_count; /* a power of two */
    size_t count;
    uint8_t secret[16];
};

void index_start(struct index *index);
void index_finish(struct index *index); /* frees the buckets, not the nodes */

/* Makes room for count nodes in all; false when out of memory. */
bool index_reserve(struct index *index, size_t count);

/* The key is borrowed as long as the node is in. Room must have been reserved. */
void index_insert(struct index *index, struct index_node *node, const void *key, size_t length);
void index_remove(struct index *index, struct index_node *node); /* not in: nothing happens */
struct index_node *index_find(const struct index *index, const void *key, size_t length);

/* The struct of type around a node, or NULL for NULL. node is evaluated twice. */
#define INDEX_OWNER(node, type, member) \
    ((node) == NULL ? NULL : (type *)(void *)((char *)(node)-offsetof(type, member)))

#endif
