/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/instance.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"

int32_t instance_dump(struct subwg_instance *instance, struct subwg_error *error)
{
    const struct key *expected =
        instance->secrets->has_preshared_key ? &instance->secrets->preshared_key : NULL;
    bool no_hint = instance->dump_taken && instance->stranger_count == 0;
    instance->dump_taken = false;
    /* The last dump is asked for strangers, also where this read fails; without any its memory can be used
     * again. */
    if (no_hint)
        wg_device_recycle(instance->netlink, &instance->dump);
    return wg_get_device(instance->netlink, instance->ifindex, expected, &instance->dump, error);
}

void instance_forget(struct subwg_instance *instance)
{
    table_finish(&instance->table);
    table_start(&instance->table);
    instance->claims.count = 0;
    kept_routes_forget(instance);
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
