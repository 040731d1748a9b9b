/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "engine/gate.h"

struct subwg_registry {
    uint32_t count;
    struct registry_driver *drivers[SUBWG_REGISTRY_DRIVERS_MAX];
};

int32_t subwg_registry_create(struct subwg_registry **ret_registry, struct subwg_error *error)
{
    if (ret_registry == NULL)
        return error_set(error, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, "create registry",
                         "no place for the registry");
    struct subwg_registry *registry = calloc(1, sizeof(*registry));
    if (registry == NULL)
        return error_set(error, -ENOMEM, SUBWG_REASON_NO_MEMORY, "create registry",
                         "no memory for a registry");
    *ret_registry = registry;
    return 0;
}

void subwg_registry_destroy(struct subwg_registry *registry)
{
    if (registry == NULL)
        return;
    for (uint32_t i = 0; i < registry->count; i++) {
        (void)pthread_mutex_destroy(&registry->drivers[i]->serial);
        free(registry->drivers[i]);
    }
    free(registry);
}

static struct registry_driver *find(const struct subwg_registry *registry, const char *name)
{
    for (uint32_t i = 0; i < registry->count; i++)
        if (strcmp(registry->drivers[i]->table.name, name) == 0)
            return registry->drivers[i];
    return NULL;
}

static int32_t keep(struct subwg_registry *registry, const struct subwg_driver *table,
                    struct subwg_error *error)
{
    struct registry_driver *driver = calloc(1, sizeof(*driver));
    if (driver == NULL || gate_lock_init(&driver->serial) != 0) {
        free(driver);
        return error_set(error, -ENOMEM, SUBWG_REASON_NO_MEMORY, "add driver",
                         "no memory for driver \"%s\"", table->name);
    }
    driver->table = *table;
    registry->drivers[registry->count++] = driver;
    return 0;
}

int32_t subwg_registry_add(struct subwg_registry *registry, const struct subwg_driver *driver,
                           struct subwg_error *error)
{
    if (registry == NULL)
        return error_set(error, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, "add driver", "no registry");
    struct subwg_driver table;
    int32_t code = subwg_driver_admit(driver, &table, error);
    if (code != 0)
        return code;
    if (find(registry, table.name) != NULL)
        return error_set(error, -EEXIST, SUBWG_REASON_INCOMPATIBLE, "add driver",
                         "a driver named \"%s\" is there already; the first one stays", table.name);
    if (registry->count == SUBWG_REGISTRY_DRIVERS_MAX)
        return error_set(error, -ENOSPC, SUBWG_REASON_LIMIT, "add driver",
                         "no room for driver \"%s\": %u drivers are there, which is the limit",
                         table.name, SUBWG_REGISTRY_DRIVERS_MAX);
    return keep(registry, &table, error);
}

uint32_t subwg_registry_count(const struct subwg_registry *registry)
{
    return registry == NULL ? 0 : registry->count;
}

const char *subwg_registry_name(const struct subwg_registry *registry, uint32_t index)
{
    if (registry == NULL || index >= registry->count)
        return NULL;
    return registry->drivers[index]->table.name;
}

static void report_unknown(const struct subwg_registry *registry, const char *name,
                           struct subwg_error *error)
{
    char line[SUBWG_ERROR_TEXT_SIZE];
    struct text text = text_over(line, sizeof(line));
    text_append(&text, "unknown cable driver \"");
    text_append_escaped(&text, name);
    text_append(&text, registry->count > 0 ? "\"; supported:" : "\"; no driver is loaded");
    for (uint32_t i = 0; i < registry->count; i++)
        text_append(&text, "%s %s", i > 0 ? "," : "", registry->drivers[i]->table.name);
    (void)error_set(error, -ENOENT, SUBWG_REASON_UNKNOWN_DRIVER, "find driver", "%s", line);
}

struct registry_driver *registry_lookup(const struct subwg_registry *registry, const char *name,
                                        struct subwg_error *error)
{
    if (registry == NULL || name == NULL) {
        (void)error_set(error, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, "find driver", "no %s",
                        registry == NULL ? "registry" : "driver name");
        return NULL;
    }
    struct registry_driver *driver = find(registry, name);
    if (driver == NULL)
        report_unknown(registry, name, error);
    return driver;
}

const struct subwg_driver *subwg_registry_find(const struct subwg_registry *registry,
                                               const char *name, struct subwg_error *error)
{
    const struct registry_driver *driver = registry_lookup(registry, name, error);
    return driver == NULL ? NULL : &driver->table;
}
