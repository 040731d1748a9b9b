/* SPDX-License-Identifier: Apache-2.0 */
/* The red-black tree of BSD's sys/tree.h, as Debian's libbsd has it, in our order of prefixes. */
#include <bsd/sys/tree.h>
#include <stdlib.h>

#include "prefix_keeper.h"

struct node {
    struct prefix prefix;
    void *owner;
    RB_ENTRY(node) links;
};

static int compare(const struct node *a, const struct node *b)
{
    return prefix_compare_disjoint(&a->prefix, &b->prefix);
}

RB_HEAD(tree, node);
RB_GENERATE_INTERNAL(tree, node, links, compare, __attribute__((unused)) static)

struct kept {
    struct tree tree;
    struct node nodes[];
};

static void *start(uint32_t most)
{
    return calloc(1, sizeof(struct kept) + most * sizeof(struct node));
}

static bool add(void *state, uint32_t number, const struct prefix *prefix)
{
    struct kept *kept = state;
    struct node *node = &kept->nodes[number];
    node->prefix = *prefix;
    node->owner = kept;
    return RB_INSERT(tree, &kept->tree, node) == NULL;
}

static bool overlaps(void *state, const struct prefix *prefix)
{
    struct kept *kept = state;
    struct node asked = {.prefix = *prefix};
    return RB_FIND(tree, &kept->tree, &asked) != NULL;
}

static void take_out(void *state, uint32_t number, const struct prefix *prefix)
{
    (void)prefix;
    struct kept *kept = state;
    RB_REMOVE(tree, &kept->tree, &kept->nodes[number]);
}

const struct prefix_keeper prefix_keeper_bsd = {
    .name = "libbsd's red-black tree",
    .finds_more_specific = true,
    .start = start,
    .add = add,
    .overlaps = overlaps,
    .take_out = take_out,
    .finish = free,
};
