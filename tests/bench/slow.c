/* SPDX-License-Identifier: Apache-2.0 */
/* The WireGuard driver as a module, with a pause at each row of get_connections: what the benchmark has
 * to tell. For one instance. */
#include <time.h>

#include "wireguard/driver.h"

#define PAUSE_NS 2000000

static struct subwg_host slow_host;
static int32_t (*add_at_once)(void *context, struct subwg_snapshot_builder *snapshot,
                              const struct subwg_connection *row);

static int32_t add_slowly(void *context, struct subwg_snapshot_builder *snapshot,
                          const struct subwg_connection *row)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    (void)nanosleep(&pause, NULL);
    return add_at_once(context, snapshot, row);
}

static int32_t slow_create(const struct subwg_host *host, const struct subwg_endpoint *local,
                           const struct subwg_setting *settings, uint32_t setting_count,
                           struct subwg_instance **ret_instance, struct subwg_error *error)
{
    slow_host = *host;
    add_at_once = host->add_connection;
    slow_host.add_connection = add_slowly;
    return wireguard_driver.create(&slow_host, local, settings, setting_count, ret_instance, error);
}

static const struct subwg_driver slow_driver = {
    WIREGUARD_DRIVER_TABLE,
    .create = slow_create,
};

const struct subwg_driver *subwg_driver_v1(void)
{
    return &slow_driver;
}
