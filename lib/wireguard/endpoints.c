/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/endpoints.h"

#include <stdint.h>
#include <stdlib.h>

/* An address that connections have; behind a NAT there may be many gateways. */
struct host {
    struct prefix_node node;
    uint32_t count;
};

void endpoints_start(struct endpoints *endpoints)
{
    prefix_map_start(&endpoints->map);
}

static struct host *find(const struct endpoints *endpoints, const struct prefix *prefix)
{
    const struct prefix_node *node = prefix_map_find(&endpoints->map, prefix, NULL, NULL);
    return node != NULL ? node->owner : NULL;
}

bool endpoints_add(struct endpoints *endpoints, const struct address *address)
{
    const struct prefix prefix = prefix_of_address(address);
    if (address->family == FAMILY_NONE)
        return true;
    struct host *host = find(endpoints, &prefix);
    if (host == NULL) {
        host = calloc(1, sizeof(*host));
        if (host == NULL)
            return false;
        host->node.prefix = prefix;
        (void)prefix_map_insert(&endpoints->map, &host->node, host);
    }
    host->count++;
    return true;
}

void endpoints_remove(struct endpoints *endpoints, const struct address *address)
{
    const struct prefix prefix = prefix_of_address(address);
    struct host *host = address->family != FAMILY_NONE ? find(endpoints, &prefix) : NULL;
    if (host == NULL || --host->count > 0)
        return;
    prefix_map_remove(&endpoints->map, &host->node);
    free(host);
}

bool endpoints_lie_in(const struct endpoints *endpoints, const struct prefix *prefix)
{
    return find(endpoints, prefix) != NULL;
}
