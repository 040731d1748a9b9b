/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/screen.h"

#include <errno.h>
#include <stdlib.h>

#include "wireguard/instance.h"

static bool is_owned(const struct subwg_instance *instance, const struct prefix *network)
{
    return prefix_map_find(&instance->table.owners, network, NULL, NULL) != NULL;
}

static bool owners_are_clear(const struct subwg_instance *instance,
                             const struct interface_address *addresses, uint32_t count)
{
    bool clear = true;
    for (uint32_t i = 0; i < instance->local.subnet_count && clear; i++)
        clear = !is_owned(instance, &instance->local.subnets[i]);
    for (uint32_t i = 0; i < count && clear; i++) {
        struct prefix network = prefix_masked(&addresses[i].prefix);
        clear = !is_owned(instance, &network);
    }
    return clear;
}

int32_t screen_make(const struct subwg_instance *instance,
                    const struct interface_address *addresses, uint32_t count,
                    struct screen *screen)
{
    screen->hosts = calloc((size_t)count + 1, sizeof(*screen->hosts));
    if (screen->hosts == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        struct address host = prefix_address(&addresses[i].prefix);
        screen->hosts[screen->host_count++] = prefix_of_address(&host);
    }
    if (screen->host_count > 1)
        qsort(screen->hosts, screen->host_count, sizeof(*screen->hosts), prefix_order);
    screen->owners_clear = owners_are_clear(instance, addresses, count);
    return 0;
}

void screen_finish(struct screen *screen)
{
    free(screen->hosts);
    *screen = (struct screen){0};
}

static bool may_be_own(const struct subwg_instance *instance, const struct screen *screen,
                       const struct address *address)
{
    const struct local *local = &instance->local;
    struct prefix host = prefix_of_address(address);
    return address_equal(address, &local->private_address) ||
           address_equal(address, &local->public_address) ||
           (screen->host_count > 0 &&
            bsearch(&host, screen->hosts, screen->host_count, sizeof(host), prefix_order) != NULL);
}

/* What another connection owned when this one came is not found by asking for owners. */
static bool owns_all(const struct connection *connection)
{
    uint32_t i = 0;
    while (i < connection->subnet_count && connection->subnets[i].node.owner != NULL)
        i++;
    return i == connection->subnet_count;
}

bool screen_clears(const struct subwg_instance *instance, const struct screen *screen,
                   const struct connection *connection)
{
    return screen->owners_clear && owns_all(connection) &&
           !may_be_own(instance, screen, &connection->endpoint.address);
}
