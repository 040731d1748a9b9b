/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/instance.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"

int32_t instance_dump(struct subwg_instance *instance, struct subwg_error *error)
{
    const struct key *expected =
        instance->secrets->has_preshared_key ? &instance->secrets->preshared_key : NULL;
    /* Where this read fails, connects still ask the last dump for strangers, if it has any. */
    bool may_recycle = instance->dump_taken && instance->stranger_count == 0;
    instance->dump_taken = false;
    if (may_recycle)
        wg_device_recycle(instance->netlink, &instance->dump);
    int32_t code =
        wg_get_device(instance->netlink, instance->ifindex, expected, &instance->dump, error);
    instance->half_done = instance->half_done && code != 0;
    return code;
}

int32_t instance_change(struct subwg_instance *instance, struct target *target,
                        const struct state *wanted, const struct state *found,
                        struct subwg_error *error)
{
    struct subwg_error failure = SUBWG_ERROR_INIT;
    int32_t code = apply_difference(target, wanted, found, &failure);
    if (code >= 0)
        return code;
    kept_routes_forget(instance);
    /* What is only to go stays known: its connections are in the table. */
    if (!target->one_way && (failure.flags & SUBWG_ERROR_STATE_UNKNOWN) != 0)
        instance->half_done = true;
    error_copy(error, &failure);
    return code;
}

void instance_forget(struct subwg_instance *instance)
{
    table_finish(&instance->table);
    table_start(&instance->table);
    instance->claims.count = 0;
    kept_routes_forget(instance);
    instance->repeats = (struct repeats){0};
    instance->ifindex = 0;
    instance->address_count = 0;
    instance->list_completed = false;
    instance->initialized = false;
}

uint8_t instance_preshared_key(const struct subwg_instance *instance)
{
    return instance->secrets->has_preshared_key ? WG_PRESHARED_KEY_EXPECTED : WG_PRESHARED_KEY_NONE;
}

struct target instance_target(struct subwg_instance *instance)
{
    return (struct target){
        .netlink = instance->netlink,
        .settings = &instance->settings,
        .preshared_key = &instance->secrets->preshared_key,
        .private_key = &instance->secrets->private_key,
        .ifindex = instance->ifindex,
    };
}

uint64_t instance_now(const struct subwg_instance *instance)
{
    return instance->host.elapsed_ns(instance->host.context);
}

uint64_t instance_asleep_ns(void)
{
    uint64_t awake_ns = clock_ns(CLOCK_MONOTONIC);
    return clock_ns(CLOCK_BOOTTIME) - awake_ns;
}

void instance_log(const struct subwg_instance *instance, uint32_t level, const char *format, ...)
{
    char line[SUBWG_ERROR_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    instance->host.log(instance->host.context, level, line);
}
