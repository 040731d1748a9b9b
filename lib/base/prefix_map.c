/* SPDX-License-Identifier: Apache-2.0 */
#include "base/prefix_map.h"

#include <stddef.h>

#include <sodium.h>

void prefix_map_start(struct prefix_map *map)
{
    *map = (struct prefix_map){0};
    randombytes_buf(map->secret, sizeof(map->secret));
}

/* Remotes choose prefixes, so they must not choose depth. */
static uint64_t priority_of(const struct prefix_map *map, const struct prefix *prefix)
{
    uint64_t hash;
    crypto_shorthash((unsigned char *)&hash, (const unsigned char *)prefix, sizeof(*prefix),
                     map->secret);
    return hash;
}

const struct prefix_node *prefix_map_find(const struct prefix_map *map, const struct prefix *prefix,
                                          const void *except, const void *also_except)
{
    const struct prefix_node *node = map->root;
    while (node != NULL) {
        int order = prefix_compare_disjoint(prefix, &node->prefix);
        if (order == 0 && node->owner != except && node->owner != also_except)
            return node;
        if (order == 0) {
            /* An excepted owner's: what else overlaps lies on either side. */
            const struct prefix_map left = {.root = node->left};
            const struct prefix_node *found = prefix_map_find(&left, prefix, except, also_except);
            if (found != NULL)
                return found;
        }
        node = order < 0 ? node->left : node->right;
    }
    return NULL;
}

/* Splits a tree into what is before and what is after a prefix that overlaps none of it. */
static void split(struct prefix_node *tree, const struct prefix *prefix,
                  struct prefix_node **before, struct prefix_node **after)
{
    while (tree != NULL) {
        if (prefix_compare(&tree->prefix, prefix) < 0) {
            *before = tree;
            before = &tree->right;
            tree = tree->right;
        } else {
            *after = tree;
            after = &tree->left;
            tree = tree->left;
        }
    }
    *before = NULL;
    *after = NULL;
}

static struct prefix_node *join(struct prefix_node *before, struct prefix_node *after)
{
    struct prefix_node *root = NULL;
    struct prefix_node **link = &root;
    while (before != NULL && after != NULL) {
        if (before->priority > after->priority) {
            *link = before;
            link = &before->right;
            before = before->right;
        } else {
            *link = after;
            link = &after->left;
            after = after->left;
        }
    }
    *link = before != NULL ? before : after;
    return root;
}

bool prefix_map_insert(struct prefix_map *map, struct prefix_node *node, void *owner)
{
    if (prefix_map_find(map, &node->prefix, NULL, NULL) != NULL)
        return false;
    node->owner = owner;
    node->priority = priority_of(map, &node->prefix);
    struct prefix_node **link = &map->root;
    while (*link != NULL && (*link)->priority > node->priority)
        link =
            prefix_compare(&node->prefix, &(*link)->prefix) < 0 ? &(*link)->left : &(*link)->right;
    split(*link, &node->prefix, &node->left, &node->right);
    *link = node;
    return true;
}

void prefix_map_remove(struct prefix_map *map, struct prefix_node *node)
{
    if (node->owner == NULL)
        return;
    struct prefix_node **link = &map->root;
    while (*link != node)
        link =
            prefix_compare(&node->prefix, &(*link)->prefix) < 0 ? &(*link)->left : &(*link)->right;
    *link = join(node->left, node->right);
    node->owner = NULL;
    node->left = NULL;
    node->right = NULL;
}
