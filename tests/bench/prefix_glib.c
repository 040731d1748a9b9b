/* SPDX-License-Identifier: Apache-2.0 */
/* GLib's balanced tree, in our order of prefixes. The prefixes stay in memory of their own. */
#include <glib.h>
#include <stdlib.h>

#include "prefix_keeper.h"

struct kept {
    GTree *tree;
    struct prefix prefixes[];
};

static int compare(const void *a, const void *b, void *unused)
{
    (void)unused;
    return prefix_compare_disjoint(a, b);
}

static void *start(uint32_t most)
{
    struct kept *kept = calloc(1, sizeof(*kept) + most * sizeof(kept->prefixes[0]));
    if (kept != NULL)
        kept->tree = g_tree_new_full(compare, NULL, NULL, NULL);
    return kept;
}

/* Inserting replaces what is equal, so it has to be looked for first. */
static bool add(void *state, uint32_t number, const struct prefix *prefix)
{
    struct kept *kept = state;
    if (g_tree_lookup(kept->tree, prefix) != NULL)
        return false;
    kept->prefixes[number] = *prefix;
    g_tree_insert(kept->tree, &kept->prefixes[number], kept);
    return true;
}

static bool overlaps(void *state, const struct prefix *prefix)
{
    const struct kept *kept = state;
    return g_tree_lookup(kept->tree, prefix) != NULL;
}

static void take_out(void *state, uint32_t number, const struct prefix *prefix)
{
    (void)number;
    const struct kept *kept = state;
    g_tree_remove(kept->tree, prefix);
}

static void finish(void *state)
{
    struct kept *kept = state;
    g_tree_destroy(kept->tree);
    free(kept);
}

const struct prefix_keeper prefix_keeper_glib = {
    .name = "GLib's GTree",
    .finds_more_specific = true,
    .start = start,
    .add = add,
    .overlaps = overlaps,
    .take_out = take_out,
    .finish = finish,
};
