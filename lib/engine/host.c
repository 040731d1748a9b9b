/* SPDX-License-Identifier: Apache-2.0 */
/* The host table: what an instance may ask of us, answered only from within an operation. */
#include <errno.h>

#include "base/clock.h"
#include "engine/cable.h"
#include "engine/head.h"
#include "engine/snapshot.h"

static void host_log(void *context, uint32_t level, const char *text)
{
    struct subwg_cable *cable = context;
    if (text == NULL || cable->callbacks.log == NULL || !gate_is_inside(&cable->gate, NULL))
        return;
    cable->callbacks.log(cable->callbacks.context, cable->driver->name, level, text);
}

static int32_t host_publish(void *context, const char *key, const char *value)
{
    struct subwg_cable *cable = context;
    if (key == NULL || key[0] == '\0' || value == NULL || !gate_is_inside(&cable->gate, NULL))
        return -EINVAL;
    if (cable->callbacks.publish == NULL)
        return 0;
    return cable->callbacks.publish(cable->callbacks.context, key, value);
}

static void host_event(void *context, const struct subwg_event *event)
{
    struct subwg_cable *cable = context;
    if (event == NULL || cable->callbacks.event == NULL || !gate_is_inside(&cable->gate, NULL) ||
        !head_is(&event->head, SUBWG_MAGIC_EVENT, SUBWG_EVENT_SIZE_1_0))
        return;
    struct subwg_event known;
    head_copy_known(&known, sizeof(known), event);
    if (known.cluster_id == NULL)
        known.cluster_id = "";
    if (known.text == NULL)
        known.text = "";
    cable->callbacks.event(cable->callbacks.context, &known);
}

/* A driver that kept a builder beyond its read holds a dangling pointer: it is compared, not read. */
static int32_t host_add_connection(void *context, struct subwg_snapshot_builder *snapshot,
                                   const struct subwg_connection *row)
{
    struct subwg_cable *cable = context;
    if (snapshot == NULL || !gate_is_reading(&cable->gate, snapshot))
        return -EINVAL;
    return snapshot_add_connection(snapshot, row);
}

static int32_t host_add_metric(void *context, struct subwg_snapshot_builder *snapshot,
                               const struct subwg_metric *row)
{
    struct subwg_cable *cable = context;
    if (snapshot == NULL || !gate_is_reading(&cable->gate, snapshot))
        return -EINVAL;
    return snapshot_add_metric(snapshot, row);
}

static uint64_t host_elapsed_ns(void *context)
{
    const struct subwg_cable *cable = context;
    if (cable->callbacks.elapsed_ns != NULL)
        return cable->callbacks.elapsed_ns(cable->callbacks.context);
    return clock_ns(CLOCK_BOOTTIME);
}

static uint64_t host_realtime_ns(void *context)
{
    const struct subwg_cable *cable = context;
    if (cable->callbacks.realtime_ns != NULL)
        return cable->callbacks.realtime_ns(cable->callbacks.context);
    return clock_ns(CLOCK_REALTIME);
}

void host_init(struct subwg_cable *cable)
{
    cable->host = (struct subwg_host){
        .head = SUBWG_HEAD(struct subwg_host, SUBWG_MAGIC_HOST),
        .context = cable,
        .log = host_log,
        .publish = host_publish,
        .event = host_event,
        .add_connection = host_add_connection,
        .add_metric = host_add_metric,
        .elapsed_ns = host_elapsed_ns,
        .realtime_ns = host_realtime_ns,
    };
}
