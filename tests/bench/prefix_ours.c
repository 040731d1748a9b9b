/* SPDX-License-Identifier: Apache-2.0 */
/* The library's own map. */
#include <stdlib.h>

#include "base/prefix_map.h"
#include "prefix_keeper.h"

struct kept {
    struct prefix_map map;
    struct prefix_node nodes[];
};

static void *start(uint32_t most)
{
    struct kept *kept = calloc(1, sizeof(*kept) + most * sizeof(kept->nodes[0]));
    if (kept != NULL)
        prefix_map_start(&kept->map);
    return kept;
}

static bool add(void *state, uint32_t number, const struct prefix *prefix)
{
    struct kept *kept = state;
    kept->nodes[number].prefix = *prefix;
    return prefix_map_insert(&kept->map, &kept->nodes[number], kept);
}

static bool overlaps(void *state, const struct prefix *prefix)
{
    const struct kept *kept = state;
    return prefix_map_find(&kept->map, prefix, NULL, NULL) != NULL;
}

static void take_out(void *state, uint32_t number, const struct prefix *prefix)
{
    (void)prefix;
    struct kept *kept = state;
    prefix_map_remove(&kept->map, &kept->nodes[number]);
}

const struct prefix_keeper prefix_keeper_ours = {
    .name = "ours",
    .finds_more_specific = true,
    .start = start,
    .add = add,
    .overlaps = overlaps,
    .take_out = take_out,
    .finish = free,
};
