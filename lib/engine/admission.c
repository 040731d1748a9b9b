/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a driver's table fits this host: pure, one rule after the other, the head first. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <subwg/registry.h>

#include "base/error.h"
#include "base/text.h"
#include "engine/head.h"

static int32_t admit_head(const struct subwg_head *head, struct subwg_error *error)
{
    if (head->magic != SUBWG_MAGIC_DRIVER)
        return error_set(error, -EINVAL, SUBWG_REASON_INCOMPATIBLE, "admit",
                         "no driver table: its magic is 0x%08x, wanted 0x%08x",
                         (unsigned)head->magic, SUBWG_MAGIC_DRIVER);
    if (head->abi_major != SUBWG_ABI_MAJOR)
        return error_set(error, -ENOTSUP, SUBWG_REASON_INCOMPATIBLE, "admit",
                         "the driver speaks ABI %u.%u, wanted %u", (unsigned)head->abi_major,
                         (unsigned)head->abi_minor, (unsigned)SUBWG_ABI_MAJOR);
    if (head->size < SUBWG_DRIVER_SIZE_1_0)
        return error_set(error, -EINVAL, SUBWG_REASON_INCOMPATIBLE, "admit",
                         "the driver's table has %u bytes, wanted at least %zu",
                         (unsigned)head->size, SUBWG_DRIVER_SIZE_1_0);
    if (head->size > SUBWG_STRUCT_SIZE_MAX)
        return error_set(error, -EINVAL, SUBWG_REASON_INCOMPATIBLE, "admit",
                         "the driver's table has %u bytes, wanted at most %u", (unsigned)head->size,
                         SUBWG_STRUCT_SIZE_MAX);
    return 0;
}

static int32_t admit_versions(const struct subwg_driver *driver, struct subwg_error *error)
{
    if (driver->min_host_minor > SUBWG_ABI_MINOR)
        return error_set(error, -ENOTSUP, SUBWG_REASON_INCOMPATIBLE, "admit",
                         "the driver wants a host of ABI %u.%u or later, this one is %u.%u",
                         (unsigned)SUBWG_ABI_MAJOR, (unsigned)driver->min_host_minor,
                         (unsigned)SUBWG_ABI_MAJOR, (unsigned)SUBWG_ABI_MINOR);
    if (driver->thread_model > SUBWG_THREADS_PARALLEL)
        return error_set(
            error, -EINVAL, SUBWG_REASON_INCOMPATIBLE, "admit",
            "the driver declares thread model %u, wanted 0 (serial), 1 (instance) or 2 "
            "(parallel)",
            (unsigned)driver->thread_model);
    return 0;
}

static int32_t admit_operations(const struct subwg_driver *driver, struct subwg_error *error)
{
    const struct {
        const char *name;
        bool there;
    } mandatory[] = {
        {"create", driver->create != NULL},
        {"destroy", driver->destroy != NULL},
        {"init", driver->init != NULL},
        {"connect", driver->connect != NULL},
        {"disconnect", driver->disconnect != NULL},
        {"get_connections", driver->get_connections != NULL},
        {"metrics_snapshot", driver->metrics_snapshot != NULL},
    };
    char list[128];
    struct text missing = text_over(list, sizeof(list));
    for (size_t i = 0; i < sizeof(mandatory) / sizeof(mandatory[0]); i++)
        if (!mandatory[i].there)
            text_append(&missing, "%s%s", missing.length > 0 ? ", " : "", mandatory[i].name);
    if (missing.length == 0)
        return 0;
    return error_set(error, -EINVAL, SUBWG_REASON_INCOMPATIBLE, "admit",
                     "the driver lacks mandatory operations: %s", list);
}

static int32_t admit_name(const char *name, struct subwg_error *error)
{
    if (name == NULL)
        return error_set(error, -EINVAL, SUBWG_REASON_INCOMPATIBLE, "admit",
                         "the driver has no name, wanted %s", "1 to 31 of a-z, 0-9 and -");
    char start[SUBWG_DRIVER_NAME_SIZE + 1] = {0};
    memcpy(start, name, strnlen(name, SUBWG_DRIVER_NAME_SIZE));
    size_t valid = strspn(start, "abcdefghijklmnopqrstuvwxyz0123456789-");
    if (valid > 0 && valid < SUBWG_DRIVER_NAME_SIZE && start[valid] == '\0')
        return 0;
    char escaped[4 * sizeof(start)];
    struct text shown = text_over(escaped, sizeof(escaped));
    text_append_escaped(&shown, start);
    return error_set(error, -EINVAL, SUBWG_REASON_INCOMPATIBLE, "admit",
                     "the driver's name is \"%s\", wanted 1 to 31 of a-z, 0-9 and -", escaped);
}

int32_t subwg_driver_admit(const struct subwg_driver *driver, struct subwg_driver *ret_copy,
                           struct subwg_error *error)
{
    if (driver == NULL || ret_copy == NULL)
        return error_set(error, -EINVAL, SUBWG_REASON_INCOMPATIBLE, "admit",
                         "found NULL in place of %s", "a driver table");
    struct subwg_head head;
    memcpy(&head, driver, sizeof(head));
    int32_t code = admit_head(&head, error);
    if (code != 0)
        return code;
    struct subwg_driver copy;
    head_copy_known(&copy, sizeof(copy), driver);
    code = admit_versions(&copy, error);
    if (code == 0)
        code = admit_operations(&copy, error);
    if (code == 0)
        code = admit_name(copy.name, error);
    if (code == 0 && copy.version == NULL)
        code = error_set(error, -EINVAL, SUBWG_REASON_INCOMPATIBLE, "admit",
                         "the driver has no version, wanted a text");
    if (code == 0)
        *ret_copy = copy;
    return code;
}
