/* SPDX-License-Identifier: Apache-2.0 */
#include "base/prefix_map.h"

#include <stddef.h>
#include <string.h>

void prefix_map_start(struct prefix_map *map)
{
    *map = (struct prefix_map){0};
}

static struct prefix_node **root_of(struct prefix_map *map, const struct prefix *prefix)
{
    return prefix->family == FAMILY_IPV6 ? &map->ipv6 : &map->ipv4;
}

static unsigned bit_of(const struct prefix *prefix, unsigned bit)
{
    return (unsigned)prefix->bytes[(bit - 1) / 8] >> (7 - (bit - 1) % 8) & 1;
}

/* Of two prefixes of a family that do not overlap. */
static uint8_t first_difference(const struct prefix *a, const struct prefix *b)
{
    unsigned bit = 1;
    while (bit < a->family && bit_of(a, bit) == bit_of(b, bit))
        bit++;
    return (uint8_t)bit;
}

/* The node that overlaps prefix if any does, for all that is below it has the same bits as far as prefix
 * has any. A branching is above its own prefix: that one can be looked at in the place of any below it. */
static const struct prefix_node *nearest(const struct prefix_node *root,
                                         const struct prefix *prefix, unsigned *ret_passed)
{
    unsigned passed = 0;
    while (root->bit > passed && root->bit <= prefix->length) {
        passed = root->bit;
        root = root->branches[bit_of(prefix, passed)];
    }
    *ret_passed = passed;
    return root;
}

/* One of those below a branch that belongs to neither. Goes as deep as an address has bits. */
static const struct prefix_node *other_owner(const struct prefix_node *node, unsigned passed,
                                             const void *except, const void *also_except)
{
    if (node->owner != except && node->owner != also_except)
        return node;
    if (node->bit <= passed)
        return NULL;
    const struct prefix_node *found =
        other_owner(node->branches[0], node->bit, except, also_except);
    return found != NULL ? found : other_owner(node->branches[1], node->bit, except, also_except);
}

const struct prefix_node *prefix_map_find(const struct prefix_map *map, const struct prefix *prefix,
                                          const void *except, const void *also_except)
{
    const struct prefix_node *root = prefix->family == FAMILY_IPV6 ? map->ipv6 : map->ipv4;
    if (root == NULL)
        return NULL;
    unsigned passed;
    const struct prefix_node *near = nearest(root, prefix, &passed);
    if (!prefix_overlaps(&near->prefix, prefix))
        return NULL;
    return other_owner(near, passed, except, also_except);
}

static void insert_at(struct prefix_node **link, struct prefix_node *node, uint8_t bit)
{
    unsigned passed = 0;
    while ((*link)->bit > passed && (*link)->bit < bit) {
        passed = (*link)->bit;
        link = &(*link)->branches[bit_of(&node->prefix, passed)];
    }
    unsigned own = bit_of(&node->prefix, bit);
    node->bit = bit;
    node->branches[own] = node;
    node->branches[1 - own] = *link;
    *link = node;
}

bool prefix_map_insert(struct prefix_map *map, struct prefix_node *node, void *owner)
{
    struct prefix_node **root = root_of(map, &node->prefix);
    if (*root == NULL) {
        node->bit = 0;
        *root = node;
    } else {
        unsigned passed;
        const struct prefix_node *near = nearest(*root, &node->prefix, &passed);
        if (prefix_overlaps(&near->prefix, &node->prefix))
            return false;
        insert_at(root, node, first_difference(&near->prefix, &node->prefix));
    }
    node->owner = owner;
    return true;
}

/* The branching right above the prefix ends with it. As another node's it is then free to be what the
 * removed node still was as a branching, which is further up. */
void prefix_map_remove(struct prefix_map *map, struct prefix_node *node)
{
    if (node->owner == NULL)
        return;
    struct prefix_node **link = root_of(map, &node->prefix);
    struct prefix_node **above = NULL;
    struct prefix_node **own = NULL;
    unsigned passed = 0;
    while ((*link)->bit > passed) {
        if (*link == node)
            own = link;
        above = link;
        passed = (*link)->bit;
        link = &(*link)->branches[bit_of(&node->prefix, passed)];
    }
    if (above == NULL) {
        *link = NULL;
    } else {
        struct prefix_node *parent = *above;
        *above = parent->branches[1 - bit_of(&node->prefix, passed)];
        if (parent != node) {
            parent->bit = node->bit;
            memcpy(parent->branches, node->branches, sizeof(parent->branches));
            if (own != NULL)
                *own = parent;
        }
    }
    node->owner = NULL;
}
