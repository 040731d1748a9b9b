/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The WireGuard driver as a module to be loaded. The one difference to the linked driver: here, and
 * nowhere else, the environment is read, once an instance, below explicit settings.
 */
#include <stdlib.h>

#include "wireguard/create.h"
#include "wireguard/driver.h"

static int32_t plugin_create(const struct subwg_host *host, const struct subwg_endpoint *local,
                             const struct subwg_setting *settings, uint32_t setting_count,
                             struct subwg_instance **ret_instance, struct subwg_error *error)
{
    static const struct setting_source known[] = {
        {{"port", NULL}, SETTINGS_ENVIRONMENT_PORT},
        {{"psk", NULL}, SETTINGS_ENVIRONMENT_PSK},
    };
    struct setting_source found[sizeof(known) / sizeof(known[0])];
    uint32_t count = 0;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        const char *value = getenv(known[i].variable);
        if (value == NULL)
            continue;
        found[count] = known[i];
        found[count++].setting.value = value;
    }
    return instance_create(host, local, settings, setting_count, found, count, ret_instance, error);
}

static const struct subwg_driver plugin_driver = {
    WIREGUARD_DRIVER_TABLE,
    .create = plugin_create,
};

const struct subwg_driver *subwg_driver_v1(void)
{
    return &plugin_driver;
}
