/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and sharing finished snapshots. */
#include <stdlib.h>

#include "engine/snapshot_layout.h"

struct subwg_snapshot *snapshot_allocate(size_t row_bytes, size_t text_bytes)
{
    struct subwg_snapshot *snapshot = malloc(sizeof(*snapshot) + row_bytes + text_bytes);
    if (snapshot != NULL)
        *snapshot = (struct subwg_snapshot){.references = 1};
    return snapshot;
}

void snapshot_free(struct subwg_snapshot *snapshot)
{
    for (struct snapshot_chunk *chunk = snapshot->chunks, *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    free(snapshot->outside_rows);
    free(snapshot);
}

struct subwg_snapshot *subwg_snapshot_ref(struct subwg_snapshot *snapshot)
{
    if (snapshot != NULL)
        (void)atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);
    return snapshot;
}

void subwg_snapshot_unref(struct subwg_snapshot *snapshot)
{
    if (snapshot == NULL)
        return;
    if (atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel) == 1)
        snapshot_free(snapshot);
}

const char *subwg_snapshot_driver(const struct subwg_snapshot *snapshot)
{
    return snapshot->driver;
}

uint64_t subwg_snapshot_taken_realtime_ns(const struct subwg_snapshot *snapshot)
{
    return snapshot->taken_realtime_ns;
}

const struct subwg_endpoint *subwg_snapshot_local(const struct subwg_snapshot *snapshot)
{
    return &snapshot->local;
}

uint32_t subwg_snapshot_connection_count(const struct subwg_snapshot *snapshot)
{
    return snapshot->connection_count;
}

const struct subwg_connection *subwg_snapshot_connection(const struct subwg_snapshot *snapshot,
                                                         uint32_t index)
{
    return index < snapshot->connection_count ? &snapshot->connections[index] : NULL;
}

uint32_t subwg_snapshot_metric_count(const struct subwg_snapshot *snapshot)
{
    return snapshot->metric_count;
}

const struct subwg_metric *subwg_snapshot_metric(const struct subwg_snapshot *snapshot,
                                                 uint32_t index)
{
    return index < snapshot->metric_count ? &snapshot->metrics[index] : NULL;
}

const char *subwg_status_name(uint32_t status)
{
    static const char *const names[] = {
        [SUBWG_STATUS_CONNECTING] = "connecting",
        [SUBWG_STATUS_CONNECTED] = "connected",
        [SUBWG_STATUS_ERROR] = "error",
    };
    return status < sizeof(names) / sizeof(names[0]) ? names[status] : "unknown";
}
